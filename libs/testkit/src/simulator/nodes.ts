import type { Crypto } from '@gridtokenx/crypto';
import type { Ledger } from '@gridtokenx/domain';
import { toHex, type Prng } from '@gridtokenx/kernel';
import { topicsOf, type LedgerIdentity } from '@gridtokenx/protocol';
import { Projector, ValidatorHost, type EnvelopeChecker, type HostEvent, type LogRecord } from '@gridtokenx/runtime';
import type { Party, SeenFrame, SimulatedBus, Stored } from './bus.js';
import { MachineClock } from './clocks.js';
import { SignerDisk, SnapshotDisk, type TornWrite } from './disk.js';
import { MemoryRows } from './rows.js';
import type { Timeline } from './timeline.js';

/** A validator of this world, or one that may become it. */
export interface Member {
  /** Its place in the set of the genesis, or beyond it. */
  readonly index: number;
  /** The key it has at first, and, where it may rotate, the one after it. */
  readonly seeds: readonly Uint8Array[];
}

export interface NodeContext {
  readonly timeline: Timeline;
  readonly bus: SimulatedBus;
  readonly crypto: Crypto;
  readonly identity: LedgerIdentity;
  readonly prng: Prng;
  readonly checker: EnvelopeChecker;
  /** Whether machines keep snapshots, and fetch those that others offer. */
  readonly hasSnapshots: boolean;
  /** A process has read all blocks there are, the first of them at this offset, and stands in this state. */
  readonly onStarted: (node: ValidatorNode, ledger: Ledger, from: number) => void;
  readonly onEvent: (node: ValidatorNode, event: HostEvent) => void;
  readonly onSigned: (member: number, bytes: Uint8Array, mayBeFromRecord: (height: number) => boolean) => void;
  readonly onFailed: (who: Party, error: unknown) => void;
  /** What a liar puts in place of what its host says. */
  readonly rewrite: (
    node: ValidatorNode,
    topic: string,
    values: readonly Uint8Array[],
    decode: (value: Uint8Array) => readonly SeenFrame[],
  ) => readonly Uint8Array[];
}

/** One machine with its validators: its clock and disk outlive its processes, each of which is a production `ValidatorHost`. */
export class ValidatorNode {
  readonly clock: MachineClock;
  readonly disk: SignerDisk;
  readonly snapshots: SnapshotDisk | undefined;
  /** Counts processes; the number of the one that runs, or of none. */
  private life = 0;
  private isUp = false;
  host: ValidatorHost | undefined;
  /** Digests of the envelopes that have reached this process. */
  readonly held = new Set<string>();
  /** Its record was damaged, and no certified block has let all of its validators sign again. */
  isLost = false;
  /** Keys that ask to rejoin. */
  private readonly asking = new Set<string>();
  private readonly memberOf: ReadonlyMap<Uint8Array, number>;
  deliveryMs = 0;
  /** Heights that were open when a process died: what it had recorded and never said, the next one says. */
  private readonly openAtCrash = new Set<number>();
  /** What a damaged disk has to wait for. */
  earliestStart = 0;

  constructor(
    private readonly context: NodeContext,
    readonly index: number,
    readonly members: readonly Member[],
    readonly isLiar: boolean,
  ) {
    this.memberOf = new Map(members.flatMap(({ index: member, seeds }) => seeds.map((seed) => [seed, member])));
    this.clock = new MachineClock(context.timeline);
    this.disk = new SignerDisk(context.timeline, context.prng);
    if (context.hasSnapshots) this.snapshots = new SnapshotDisk(context.timeline, context.prng);
  }

  get isRunning(): boolean {
    return this.isUp;
  }

  /** Suspended by a vote, or about to be: it counts among the faulty. */
  isBarred = false;
  /** The newer of its keys is the validator's. */
  isRotated = false;
  /** Its record was damaged once: it holds no note about a key that nobody knew then. */
  wasDamaged = false;

  /** Up to which its process has decided; 0 while there is none. */
  height = 0;

  start(): void {
    if (this.isUp) return;
    const { timeline, bus, crypto, identity, prng, onStarted, onEvent, onSigned, onFailed, rewrite } = this.context;
    if (timeline.now < this.earliestStart) return timeline.at(this.earliestStart, () => this.start());
    this.asking.clear();
    this.isUp = true;
    const life = ++this.life;
    const isAlive = (): boolean => this.isUp && this.life === life;
    const { index, snapshots, memberOf, asking } = this;
    let from = 0;
    const fail = (error: unknown): void => {
      if (isAlive()) onFailed(index, error);
    };
    const log = bus.port(index, isAlive, (topic, values, decode) =>
      this.isLiar ? rewrite(this, topic, values, decode) : values,
    );
    ValidatorHost.start({
      crypto: {
        ...crypto,
        sign: (message, secret) => {
          const member = memberOf.get(secret);
          if (member === undefined) throw new RangeError('a host signs with the keys that it was given');
          onSigned(member, message, (height) => this.openAtCrash.has(height));
          return crypto.sign(message, secret);
        },
      },
      identity,
      seeds: [...memberOf.keys()],
      checker: this.context.checker,
      log: {
        ...log,
        subscribe: (topic, offset, handler) => {
          if (topic === topicsOf(identity).blocks.name) from = offset;
          return log.subscribe(topic, offset, handler);
        },
      },
      clock: this.clock.port(isAlive),
      ...(snapshots && {
        snapshots: { store: snapshots.port(isAlive), everyCheckpoints: 1, offerEvery: 1, fetchBeyond: 50 },
      }),
      signerSlots: this.disk.port(isAlive),
      randomBytes: (length) => prng.bytes(length),
      observe: (event) => {
        if (!isAlive()) return;
        if (event.kind === 'decided' && this.host !== undefined) this.height = event.height;
        if (event.kind === 'rejoining') asking.add(event.validator);
        if (event.kind === 'rejoined') asking.delete(event.validator);
        if (event.kind === 'rejoining' || event.kind === 'rejoined') this.isLost = asking.size > 0;
        onEvent(this, event);
      },
    }).then((host) => {
      if (!isAlive()) return host.close();
      this.host = host;
      this.height = host.status.height;
      this.isLost = asking.size > 0;
      if (!this.isLiar) onStarted(this, ledgerOf(host), from);
      host.failed.catch(fail);
      bus.follow(index, host.startOffsets);
    }, fail);
  }

  /** Dies at once, whatever it was doing. */
  crash(torn: TornWrite = 'old'): void {
    if (!this.isUp) return;
    this.isUp = false;
    if (this.host !== undefined) this.openAtCrash.add(this.host.status.height + 1);
    this.host?.close();
    this.host = undefined;
    this.height = 0;
    this.context.bus.unfollow(this.index);
    this.disk.settle(torn);
    this.held.clear();
  }

  receive(topic: string, record: LogRecord, { digest }: Stored): void {
    const { host } = this;
    if (host === undefined) return;
    if (topic === topicsOf(this.context.identity).operations.name) this.held.add(digest);
    const { life } = this;
    host.take(topic, [record]).catch((error: unknown) => {
      if (this.isUp && this.life === life) this.context.onFailed(this.index, error);
    });
  }
}

/** A host shows the digest of its state; an audit wants the rows. */
export const ledgerOf = (host: ValidatorHost): Ledger => (host as unknown as { readonly ledger: Ledger }).ledger;

/** A projector and its read models: a reader of the blocks topic like any stranger. */
export class ProjectorNode {
  readonly rows = new MemoryRows();
  readonly clock: MachineClock;
  private projector: Projector | undefined;
  private life = 0;
  private isUp = false;
  private queue: Promise<void> = Promise.resolve();

  constructor(
    private readonly context: Pick<NodeContext, 'timeline' | 'bus' | 'crypto' | 'identity' | 'onFailed'>,
    readonly party: Party,
    private readonly onProjected: (height: number, hash: string) => void,
  ) {
    this.clock = new MachineClock(context.timeline);
  }

  get isRunning(): boolean {
    return this.isUp;
  }

  get height(): number {
    return this.rows.height;
  }

  start(): void {
    if (this.isUp) return;
    const { bus, crypto, identity, onFailed } = this.context;
    this.isUp = true;
    const life = ++this.life;
    const isAlive = (): boolean => this.isUp && this.life === life;
    const { party, rows } = this;
    this.queue = Promise.resolve();
    Projector.start({
      crypto,
      identity,
      log: bus.port(party, isAlive),
      store: {
        cursor: () => rows.cursor(),
        apply: async (blocks, offset) => {
          const result = await rows.apply(blocks, offset);
          for (const { height, hash } of result.kind === 'applied' ? blocks : [])
            if (height > 0) this.onProjected(height, toHex(hash));
          return result;
        },
        close: async () => {},
      },
      clock: this.clock.port(isAlive),
    }).then(
      ({ projector, startOffset }) => {
        if (!isAlive()) return projector.close();
        this.projector = projector;
        bus.follow(party, new Map([[topicsOf(identity).blocks.name, startOffset]]));
      },
      (error: unknown) => {
        if (isAlive()) onFailed(party, error);
      },
    );
  }

  crash(): void {
    if (!this.isUp) return;
    this.isUp = false;
    this.projector?.close();
    this.projector = undefined;
    this.context.bus.unfollow(this.party);
  }

  receive(record: LogRecord): void {
    const { projector, life } = this;
    if (projector === undefined) return;
    const isAlive = (): boolean => this.isUp && this.life === life;
    this.queue = this.queue
      .then(() => (isAlive() ? projector.take([record]) : undefined))
      .catch((error: unknown) => {
        if (isAlive()) this.context.onFailed(this.party, error);
      });
  }
}
