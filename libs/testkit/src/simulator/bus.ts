import { decodeMessage, type ConsensusMessage } from '@gridtokenx/consensus';
import type { Crypto } from '@gridtokenx/crypto';
import { DecodeError, toHex, type Prng } from '@gridtokenx/kernel';
import { topicsOf, type LedgerIdentity, type LedgerTopics } from '@gridtokenx/protocol';
import { decodeFrames, encodeFrames, LogError, type Frame, type Log, type LogRecord } from '@gridtokenx/runtime';
import { never } from './disk.js';
import type { Timeline } from './timeline.js';

/** Who speaks or hears: a validator's index, or a name for everyone else. */
export type Party = number | 'client' | 'bus' | `projector ${number}`;

/** One frame of a record of the consensus topic, decoded once for everybody who looks. */
export interface SeenFrame {
  readonly frame: Frame;
  readonly message: ConsensusMessage | undefined;
}

export interface Stored extends LogRecord {
  readonly sender: Party;
  /** Of a record of the consensus topic; empty when it is garbage. */
  readonly frames: readonly SeenFrame[];
  /** SHA-256 of the value. */
  readonly digest: string;
  /** To whom the bus shows it; everyone when absent. */
  readonly audience?: ReadonlySet<Party> | undefined;
}

/** What happens to one record on its way to one receiver. */
export interface Passage {
  /** After how long copies arrive; none: it is lost. */
  readonly delays: readonly number[];
  /** The frames that arrive; all when absent. */
  readonly frames?: readonly SeenFrame[] | undefined;
}

export interface BusOptions {
  readonly timeline: Timeline;
  readonly prng: Prng;
  readonly crypto: Crypto;
  readonly identity: LedgerIdentity;
  /** The network of the moment. */
  readonly passage: (record: Stored, topic: string, receiver: Party) => Passage;
  /** How long a record takes to be stored, or that it is not, or that this is not told, or that what is told is not so. */
  readonly appending: (
    sender: Party,
    topic: string,
  ) => {
    readonly ms: number;
    readonly fate: 'stored' | 'refused' | 'storedButRefused' | 'lost';
  };
  readonly deliver: (receiver: Party, topic: string, record: LogRecord, stored: Stored) => void;
  /** Hears what a host says on the consensus topic when it says it. */
  readonly said: (sender: Party, frames: readonly SeenFrame[]) => void;
  /** Sees every record of every topic as it is stored. */
  readonly watch: (topic: string, record: Stored) => void;
}

/**
 * One order of records for each topic, as Kafka has; but what arrives where and when is the network's choice. Nobody has to
 * trust it.
 */
export class SimulatedBus {
  private readonly topics = new Map<string, Stored[]>();
  private readonly followers = new Map<Party, Follower>();
  private readonly storedUntil = new Map<Party, number>();
  private readonly decoded = new WeakMap<Uint8Array, readonly SeenFrame[]>();

  private readonly names: LedgerTopics;

  constructor(private readonly options: BusOptions) {
    this.names = topicsOf(options.identity);
    for (const { name } of Object.values(this.names)) this.topics.set(name, []);
  }

  records(topic: string): readonly Stored[] {
    return this.of(topic);
  }

  /** Stores at once. */
  store(sender: Party, topic: string, value: Uint8Array, audience?: ReadonlySet<Party>): Stored {
    const { crypto, timeline, watch } = this.options;
    const records = this.of(topic);
    const record: Stored = {
      offset: records.length,
      timestampMs: timeline.now,
      value,
      sender,
      frames: topic === this.names.consensus.name ? this.framesOf(value) : [],
      digest: toHex(crypto.sha256(value)),
      audience,
    };
    records.push(record);
    watch(topic, record);
    for (const follower of this.followers.values())
      if (topic === this.names.blocks.name) this.sendBlocks(follower);
      else if ((follower.from.get(topic) ?? Infinity) <= record.offset) this.send(topic, record, follower);
    return record;
  }

  /** From now on the receiver hears of everything at or after these offsets. */
  follow(receiver: Party, from: ReadonlyMap<string, number>): void {
    const follower = {
      receiver,
      from: new Map(from),
      nextBlock: from.get(this.names.blocks.name) ?? Infinity,
      isHeldUp: false,
      blocksUntil: 0,
    };
    this.followers.set(receiver, follower);
    for (const [topic, offset] of from)
      if (topic === this.names.blocks.name) this.sendBlocks(follower);
      else for (const record of this.of(topic).slice(offset)) this.send(topic, record, follower);
  }

  unfollow(receiver: Party): void {
    this.followers.delete(receiver);
  }

  /** The bus says an old record again. */
  repeat(topic: string, offset: number, receiver: Party): void {
    const record = this.of(topic)[offset];
    const follower = this.followers.get(receiver);
    if (record !== undefined && follower !== undefined) this.send(topic, record, follower);
  }

  /** The topic is gone; somebody has made a new one that holds these values. Who follows goes on with its first record. */
  recreate(topic: string, values: readonly Uint8Array[]): void {
    this.topics.set(topic, []);
    for (const follower of this.followers.values()) {
      if (follower.from.has(topic)) follower.from.set(topic, 0);
      if (topic === this.names.blocks.name) follower.nextBlock = 0;
    }
    for (const value of values) this.store('bus', topic, value);
  }

  /** The Log port of one process; it goes dead with it. `rewrite` is what a liar puts in place of what its host says. */
  port(
    party: Party,
    isAlive: () => boolean,
    rewrite: (
      topic: string,
      values: readonly Uint8Array[],
      decode: (value: Uint8Array) => readonly SeenFrame[],
    ) => readonly Uint8Array[] = (_, values) => values,
  ): Log {
    const { timeline, prng } = this.options;
    return {
      ensureTopics: async () => {},
      append: async (topic, given) => {
        if (!isAlive()) return never();
        const values = rewrite(topic, given, (value) => this.framesOf(value));
        if (topic === this.names.consensus.name)
          for (const value of values) this.options.said(party, this.framesOf(value));
        const { ms, fate } = this.options.appending(party, topic);
        // One process keeps the order of its calls.
        const at = Math.max(timeline.now + ms, this.storedUntil.get(party) ?? 0);
        this.storedUntil.set(party, at);
        const first = await new Promise<number>((resolve) =>
          timeline.at(at, () => {
            const next = this.of(topic).length;
            if (fate === 'stored' || fate === 'storedButRefused')
              for (const value of values) this.store(party, topic, value);
            resolve(next);
          }),
        );
        await timeline.sleep(1 + prng.below(3));
        if (!isAlive()) return never();
        if (fate === 'refused' || fate === 'storedButRefused')
          throw new LogError('log.unavailable', `${topic}: no answer`);
        return first;
      },
      subscribe: (topic, from, handler) => {
        let isOpen = true;
        const failed = (async () => {
          // What is not for this reader, the bus shows it as nothing: offsets have no gaps.
          const records = this.of(topic)
            .slice(from)
            .map((record): LogRecord => (isFor(record, party) ? record : { ...record, value: new Uint8Array(0) }));
          for (let at = 0; at < records.length; at += BATCH) {
            await timeline.sleep(1);
            if (!isOpen || !isAlive()) return never();
            await handler(records.slice(at, at + BATCH));
          }
          return never();
        })();
        failed.catch(() => {});
        return {
          failed,
          close: async () => {
            isOpen = false;
          },
        };
      },
      end: async (topic) => {
        await timeline.sleep(1);
        return isAlive() ? this.of(topic).length : never();
      },
      offsetAtTime: async (topic, timestampMs) => {
        const records = this.of(topic);
        const index = records.findIndex((record) => record.timestampMs >= timestampMs);
        return index < 0 ? records.length : index;
      },
      close: async () => {},
    };
  }

  private of(topic: string): Stored[] {
    const records = this.topics.get(topic);
    if (records === undefined) throw new LogError('log.unknownTopic', topic);
    return records;
  }

  private send(topic: string, record: Stored, follower: Follower): void {
    const passage = this.options.passage(record, topic, follower.receiver);
    for (const delay of passage.delays)
      this.bring(topic, record, follower, this.options.timeline.now + delay, passage.frames);
  }

  /** The blocks topic loses nothing: what cannot pass now holds up what comes after it, as with any consumer that resumes. */
  private sendBlocks(follower: Follower): void {
    const { timeline, passage } = this.options;
    for (
      let record;
      (record = this.of(this.names.blocks.name)[follower.nextBlock]) !== undefined;
      follower.nextBlock++
    ) {
      if (follower.isHeldUp || !this.isFollowing(follower)) return;
      const { delays } = passage(record, this.names.blocks.name, follower.receiver);
      if (delays.length === 0) {
        follower.isHeldUp = true;
        timeline.after(AGAIN_MS, () => {
          follower.isHeldUp = false;
          this.sendBlocks(follower);
        });
        return;
      }
      for (const delay of delays) {
        follower.blocksUntil = Math.max(timeline.now + delay, follower.blocksUntil);
        this.bring(this.names.blocks.name, record, follower, follower.blocksUntil);
      }
    }
  }

  private bring(topic: string, record: Stored, follower: Follower, atMs: number, frames?: readonly SeenFrame[]): void {
    const { timeline, deliver, identity } = this.options;
    if (!isFor(record, follower.receiver) || frames?.length === 0) return;
    const { offset, timestampMs } = record;
    const records = this.of(topic);
    const value =
      frames === undefined
        ? record.value
        : encodeFrames(
            identity.ledgerId,
            frames.map(({ frame }) => frame),
          );
    // What is on its way to a process does not reach the one after it, and of a topic that is gone nothing comes any more.
    timeline.at(atMs, () => {
      if (this.isFollowing(follower) && this.topics.get(topic) === records)
        deliver(follower.receiver, topic, { offset, timestampMs, value }, record);
    });
  }

  private isFollowing(follower: Follower): boolean {
    return this.followers.get(follower.receiver) === follower;
  }

  private framesOf(value: Uint8Array): readonly SeenFrame[] {
    let frames = this.decoded.get(value);
    if (frames === undefined) this.decoded.set(value, (frames = this.decode(value)));
    return frames;
  }

  private decode(value: Uint8Array): SeenFrame[] {
    const { crypto, identity } = this.options;
    try {
      return decodeFrames(crypto, identity.ledgerId, value).map((frame) => ({
        frame,
        message: messageIn(crypto, frame),
      }));
    } catch (error) {
      if (error instanceof DecodeError) return [];
      throw error;
    }
  }
}

interface Follower {
  readonly receiver: Party;
  readonly from: Map<string, number>;
  nextBlock: number;
  isHeldUp: boolean;
  /** When the last block so far arrives. */
  blocksUntil: number;
}

const BATCH = 500;
/** How long a consumer waits before it tries to resume. */
const AGAIN_MS = 700;

const isFor = ({ audience }: Stored, party: Party): boolean => audience === undefined || audience.has(party);

function messageIn(crypto: Crypto, frame: Frame): ConsensusMessage | undefined {
  if (frame.kind !== 'message') return undefined;
  try {
    return decodeMessage(crypto, frame.bytes);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
