import { randomBytes } from 'node:crypto';
import {
  genesisValidators,
  headerHash,
  operationsRootOf,
  tipAfter,
  type Block,
  type Certificate,
  type ChainTip,
  type Header,
  type ValidatorSet,
} from '@gridtokenx/chain';
import {
  createReplica,
  messageShapeFault,
  messageSignatures,
  signBytesOf,
  step,
  type Candidate,
  type ConsensusConfig,
  type ConsensusMessage,
  type Demand,
  type Input,
  type Output,
  type Replica,
  type SignerRecord,
} from '@gridtokenx/consensus';
import { ZERO_HASH, type Crypto, type Hash, type PublicKey } from '@gridtokenx/crypto';
import { createLedger, type Execution, type Ledger } from '@gridtokenx/domain';
import {
  assert,
  compareBytes,
  DecodeError,
  equalBytes,
  formatTime,
  height,
  millis,
  toBase64Url,
  toHex,
  unreachable,
} from '@gridtokenx/kernel';
import {
  consortiumTopics,
  decodeEnvelope,
  decodeOutcome,
  EnvelopeError,
  PROTOCOL_VERSION,
  signEnvelope,
  type Envelope,
  type LedgerIdentity,
  type RejectionCode,
} from '@gridtokenx/protocol';
import {
  BlockReader,
  compressBlock,
  cutIntoParts,
  heightOfPart,
  type OwnBlocks,
  type VerifiedBlock,
} from './block-records.js';
import { CandidateLists } from './candidate-lists.js';
import { decodeFrames, decodeMessage, encodeFrames, messageFrame, type Frame } from './consensus-frames.js';
import { EnvelopePool } from './envelope-pool.js';
import type { Clock, Log, LogRecord } from './ports.js';
import { readToEnd } from './read-to-end.js';
import { SignerRecords, type LoadedRecords, type SignerSlots } from './signer-records.js';

/** What a host tells whoever watches it: counted as metrics, logged, asserted in tests. */
export type HostEvent =
  | {
      readonly kind: 'decided';
      readonly height: number;
      readonly round: number;
      readonly operations: number;
      readonly rejected: number;
      readonly signers: number;
      /** From the block's time to its certificate. */
      readonly ageMs: number;
      readonly executeMs: number;
    }
  | { readonly kind: 'quarantined'; readonly height: number; readonly reason: string }
  | { readonly kind: 'evidence'; readonly validator: number; readonly height: number; readonly round: number }
  | { readonly kind: 'skipped'; readonly topic: string; readonly reason: string }
  | { readonly kind: 'busFailed'; readonly topic: string; readonly reason: string }
  | { readonly kind: 'rejoining'; readonly validator: number; readonly why: string }
  | { readonly kind: 'rejoined'; readonly validator: number; readonly height: number };

export interface HostOptions {
  readonly crypto: Crypto;
  readonly identity: LedgerIdentity;
  /** Seeds of the validators that live here; each must be in the genesis set. */
  readonly seeds: readonly Uint8Array[];
  readonly log: Log;
  readonly clock: Clock;
  readonly signerSlots: SignerSlots;
  /** Told of each block that is decided here, for a projector in the same process. */
  readonly ownBlocks?: OwnBlocks;
  readonly observe?: (event: HostEvent) => void;
}

interface Hosted {
  readonly index: number;
  readonly kid: string;
  readonly seed: Uint8Array;
  readonly replica: Replica;
  wakeAt: number;
}

interface UnseenBlock {
  readonly parts: readonly Uint8Array[];
  /** Stands at the parent: says whether another host's record of the height is valid. */
  readonly reader: BlockReader;
  cancel: () => void;
  appending: boolean;
  /** Of the last part, once the log has it. */
  offset: number | undefined;
}

interface Executed {
  readonly hash: Hash;
  readonly execution: Execution;
  readonly envelopes: readonly Envelope[];
  readonly ms: number;
}

/** How long the consensus topic is read back behind the tip at a start, for own messages above the record. */
const LOOK_BACK_MS = 10 * 60_000;
/** An envelope is valid for an hour at most, so nothing older can still be undecided. */
const OPERATIONS_LOOK_BACK_MS = 65 * 60_000;
const CLOCK_TOLERANCE_MS = 5_000;
const APPEND_STAGGER_MS = 300;
const REQUEST_AFTER_MS = 300;
const REQUEST_AGAIN_MS = 1_000;
const ANSWER_STAGGER_MS = 20;
const ANSWER_BYTES_MAX = 4 * 1024 * 1024;
const PUBLISH_BYTES_MAX = 8 * 1024 * 1024;
const REJOIN_AGAIN_MS = 60_000;
const MEMO_MAX = 50_000;
/** When more envelopes wait than this, the host stops reading the operations topic until blocks make room. */
const POOL_BYTES_MAX = 256 * 1024 * 1024;

/** Refusals that no later block can lift: the envelope leaves the pool. */
const FOR_GOOD: ReadonlySet<RejectionCode> = new Set<RejectionCode>([
  'operation.sequenceUsed',
  'operation.sequenceTooOld',
  'operation.expired',
  'operation.keyRemoved',
]);

/** A set that forgets its oldest members. */
class Memo {
  private readonly seen = new Set<string>();

  has(key: string): boolean {
    return this.seen.has(key);
  }

  add(key: string): void {
    this.seen.add(key);
    if (this.seen.size > MEMO_MAX) for (const oldest of this.seen) return void this.seen.delete(oldest);
  }
}

/**
 * The validators of one process: one consumer and one producer of each topic, one ledger state, one pool, one signer
 * file; each validator has its own key, replica and timer. Single-threaded: inputs are handled one after the other,
 * only the signer record and the bus are awaited.
 */
export class ValidatorHost {
  private readonly crypto: Crypto;
  private readonly identity: LedgerIdentity;
  private readonly log: Log;
  private readonly clock: Clock;
  private readonly observe: (event: HostEvent) => void;
  private readonly ownBlocks: OwnBlocks | undefined;
  private readonly set: ValidatorSet;
  private readonly ledger: Ledger;
  private readonly reader: BlockReader;
  private readonly pool = new EnvelopePool();
  private readonly hosted: Hosted[] = [];

  private tip: ChainTip;
  private executed: Executed | undefined;
  private demand: Demand = 'idle';
  private nextOperationOffset = 0;
  private starts: ReadonlyMap<string, number> = new Map();

  /** Of the open height. */
  private readonly candidates: CandidateLists;
  /** By header and list. */
  private readonly verdicts = new Map<string, boolean>();
  /** Who waits for a verdict, an execution or a candidate, until what is missing has arrived. */
  private readonly awaitingCheck = new Map<string, { candidate: Candidate; hosted: Set<Hosted> }>();
  private readonly awaitingExecution = new Map<string, { candidate: Candidate; hosted: Set<Hosted> }>();
  private readonly awaitingCandidate = new Map<string, { hash: Hash; hosted: Set<Hosted> }>();
  private pendingDecision: { certificate: Certificate; leader: number } | undefined;

  private readonly queue: { to: Hosted; input: Input }[] = [];
  private pumping = false;
  private readonly signQueue: { by: Hosted; output: Extract<Output, { kind: 'sign' }> }[] = [];
  private signing = false;
  private outbox: Frame[] = [];

  private readonly ownFrames = new Memo();
  private readonly verifiedFrames = new Memo();
  private readonly verifiedSignatures = new Memo();
  private readonly cancels = new Map<string, () => void>();
  /** Blocks decided here whose record has not been seen on the topic yet. */
  private readonly unseenBlocks = new Map<number, UnseenBlock>();
  private readonly rejoinNonces = new Map<number, string>();
  private poolHasRoom: Promise<void> | undefined;
  private makeRoom: () => void = () => {};

  private closed = false;
  private fail!: (reason: Error) => void;
  /** Rejects when the host had to stop by itself: a divergence, a lost disk, a bug. */
  readonly failed: Promise<never>;

  private constructor(
    options: HostOptions,
    private readonly records: SignerRecords,
  ) {
    this.crypto = options.crypto;
    this.identity = options.identity;
    this.log = options.log;
    this.clock = options.clock;
    this.observe = options.observe ?? (() => {});
    this.ownBlocks = options.ownBlocks;
    this.candidates = new CandidateLists(this.crypto);
    this.set = genesisValidators(this.crypto, this.identity.genesis);
    this.ledger = createLedger(this.crypto, this.identity);
    this.tip = genesisTip(this.identity, this.ledger);
    this.reader = new BlockReader(this.crypto, this.identity.ledgerId, this.set, this.tip);
    this.failed = new Promise<never>((_, reject) => {
      this.fail = (reason) => {
        if (this.closed) return;
        reject(reason);
        this.close();
      };
    });
    this.failed.catch(() => {});
  }

  /**
   * Replays the blocks and reads the topics to their ends, then lets the validators vote. The caller goes on reading
   * each topic of {@link startOffsets} from its offset and hands the records to {@link take}.
   */
  static async start(options: HostOptions): Promise<ValidatorHost> {
    const { store, loaded } = await SignerRecords.load(options.crypto, options.signerSlots);
    const host = new ValidatorHost(options, store);
    await host.open(options, loaded);
    return host;
  }

  get status(): {
    height: number;
    time: number;
    marketTime: number;
    stateDigest: string;
    waitingOperations: number;
    validators: number;
  } {
    return {
      height: this.tip.height,
      time: this.tip.time,
      marketTime: this.ledger.marketTime,
      stateDigest: toHex(this.tip.stateDigest),
      waitingOperations: this.pool.operations,
      validators: this.hosted.length,
    };
  }

  /** Stops signing and timers; what is in flight on the bus stays in flight. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    for (const cancel of this.cancels.values()) cancel();
    for (const { cancel } of this.unseenBlocks.values()) cancel();
    this.makeRoom();
  }

  // ---- start -------------------------------------------------------------------------------------------------

  private async open(options: HostOptions, loaded: LoadedRecords): Promise<void> {
    const { operations, consensus, blocks } = consortiumTopics;
    await this.log.ensureTopics([operations, consensus, blocks]);
    const blocksFrom = await readToEnd(this.log, blocks.name, 0, (records) => {
      for (const record of records) this.onBlockRecord(record);
    });

    const early: ConsensusMessage[] = [];
    const lookBack = await this.log.offsetAtTime(consensus.name, this.tip.time - LOOK_BACK_MS);
    const consensusFrom = await readToEnd(this.log, consensus.name, lookBack, (records) => {
      for (const record of records) early.push(...this.messagesOf(record));
    });

    for (const seed of options.seeds) this.host(seed, loaded, early);
    for (const message of early) if (message.height > this.tip.height) this.deliver({ kind: 'message', message });

    const longAgo = await this.log.offsetAtTime(operations.name, this.clock.now() - OPERATIONS_LOOK_BACK_MS);
    this.nextOperationOffset = Math.max(longAgo, loaded.operationsOffset ?? 0);
    this.starts = new Map([
      [blocks.name, blocksFrom],
      [consensus.name, consensusFrom],
      [operations.name, this.nextOperationOffset],
    ]);
    this.pump();
  }

  /** Where the caller goes on reading, by topic. */
  get startOffsets(): ReadonlyMap<string, number> {
    return this.starts;
  }

  /** Takes records of one topic, in offset order. Resolves when the next may come. */
  async take(topic: string, records: readonly LogRecord[]): Promise<void> {
    if (this.closed) return;
    switch (topic) {
      case consortiumTopics.operations.name:
        return this.onOperationRecords(records);
      case consortiumTopics.consensus.name:
        for (const record of records) this.onConsensusRecord(record);
        return this.pump();
      case consortiumTopics.blocks.name:
        for (const record of records) this.onBlockRecord(record);
        return this.pump();
      default:
        throw new RangeError(`the validators do not read ${topic}`);
    }
  }

  private host(seed: Uint8Array, loaded: LoadedRecords, early: readonly ConsensusMessage[]): void {
    const publicKey = this.crypto.publicKeyOf(seed);
    const index = this.set.keys.findIndex((key) => compareBytes(key, publicKey) === 0);
    if (index < 0)
      throw new Error(`validator.notInSet: ${toBase64Url(publicKey)} is not a validator of ${this.identity.ledgerId}`);
    const kid = toBase64Url(publicKey);
    const record = loaded.records.get(kid);
    const now = millis(this.clock.now());
    const { replica, outputs } = createReplica(
      this.config(),
      { set: this.set, validator: index },
      this.tip,
      record,
      now,
      { crypto: this.crypto },
    );
    const hosted: Hosted = { index, kid, seed, replica, wakeAt: Number.POSITIVE_INFINITY };
    this.hosted.push(hosted);
    const why = this.whyLost(index, record, loaded, early);
    if (why !== undefined) {
      this.queue.push({ to: hosted, input: { kind: 'signAbove', height: undefined } });
      this.rejoin(hosted, why);
    }
    for (const output of outputs) this.handle(hosted, output);
  }

  /** SPEC consensus "never sign twice": a record that is missing, or older than an own message on the bus, is lost. */
  private whyLost(
    index: number,
    record: SignerRecord | undefined,
    loaded: LoadedRecords,
    early: readonly ConsensusMessage[],
  ): string | undefined {
    if (loaded.state === 'lost') return 'neither slot of the signer record can be read';
    if (record === undefined && this.tip.height > 0) return 'there is no signer record, and the chain has blocks';
    const above = early.find(
      (message) =>
        message.validator === index &&
        message.height > this.tip.height &&
        isAbove(this.identity.ledgerId, message, record),
    );
    return above === undefined
      ? undefined
      : `an own ${above.type} at height ${above.height} is above the signer record`;
  }

  private rejoin(hosted: Hosted, why: string): void {
    const nonce = this.rejoinNonces.get(hosted.index) ?? randomBytes(32).toString('hex');
    this.rejoinNonces.set(hosted.index, nonce);
    this.observe({ kind: 'rejoining', validator: hosted.index, why });
    const envelope = signEnvelope(this.crypto, hosted.seed, this.identity.ledgerId, {
      sequence: (this.ledger.state.registry.keys.get(hosted.kid)?.window.highest ?? 0) + 1,
      validUntil: formatTime(millis(Math.floor(this.clock.now() / 1000) * 1000 + 30 * 60_000)),
      atomic: false,
      operations: [{ type: 'validators.rejoin', validator: hosted.kid, nonce }],
    });
    this.append(consortiumTopics.operations.name, [envelope]);
    this.later(`rejoin/${hosted.index}`, this.clock.now() + REJOIN_AGAIN_MS, () => {
      if (this.rejoinNonces.has(hosted.index)) this.rejoin(hosted, why);
    });
  }

  private config(): ConsensusConfig {
    const { consensus } = this.identity.genesis;
    return { ledgerId: this.identity.ledgerId, ...consensus, clockToleranceMs: CLOCK_TOLERANCE_MS };
  }

  // ---- the loop ----------------------------------------------------------------------------------------------

  private deliver(input: Input): void {
    for (const to of this.hosted) this.queue.push({ to, input });
  }

  private pump(): void {
    if (this.pumping || this.closed) return;
    this.pumping = true;
    try {
      this.updateDemand();
      for (let next = this.queue.shift(); next !== undefined && !this.closed; next = this.queue.shift())
        for (const output of step(next.to.replica, next.input, millis(this.clock.now()))) this.handle(next.to, output);
      this.flush();
      this.setTimer();
    } catch (error) {
      this.fail(asError(error));
    } finally {
      this.pumping = false;
    }
  }

  private handle(hosted: Hosted, output: Output): void {
    switch (output.kind) {
      case 'sign':
        this.signQueue.push({ by: hosted, output });
        void this.signAll();
        return;
      case 'resend':
        this.outbox.push(messageFrame(output.message));
        return;
      case 'wake':
        hosted.wakeAt = output.at;
        return;
      case 'build': {
        if (output.height !== this.tip.height + 1) return;
        const candidate = this.build(hosted.index, output.time);
        this.queue.push({
          to: hosted,
          input: { kind: 'built', height: output.height, round: output.round, candidate },
        });
        return;
      }
      case 'check':
        return this.answerCheck(hosted, output.candidate);
      case 'fetchBlock':
        return this.answerFetch(hosted, output.blockHash);
      case 'execute':
        return this.answerExecute(hosted, output.candidate);
      case 'decided':
        return this.onDecided(output.certificate, output.candidate, output.leader);
      case 'behind':
        // Whoever is behind reads the blocks topic; if our record never got there, it goes out again now.
        return this.appendBlock(output.height);
      case 'evidence': {
        const { validator, height: at, round } = output.first;
        return this.observe({ kind: 'evidence', validator, height: at, round });
      }
      case 'halt':
        throw new Error(`validator.halted: ${output.reason}`);
      default:
        return unreachable(output);
    }
  }

  private setTimer(): void {
    const at = Math.min(...this.hosted.map(({ wakeAt }) => wakeAt));
    if (at === Number.POSITIVE_INFINITY) return;
    this.later('tick', at, () => {
      const now = this.clock.now();
      for (const to of this.hosted)
        if (to.wakeAt <= now) {
          to.wakeAt = Number.POSITIVE_INFINITY;
          this.queue.push({ to, input: { kind: 'tick' } });
        }
    });
  }

  /** One timer a name; a new one replaces the old. */
  private later(name: string, atMs: number, run: () => void): void {
    this.cancels.get(name)?.();
    if (this.closed) return;
    this.cancels.set(
      name,
      this.clock.at(atMs, () => {
        this.cancels.delete(name);
        if (this.closed) return;
        run();
        this.pump();
      }),
    );
  }

  private updateDemand(): void {
    const { operationsPerBlock, envelopeBytesPerBlock } = this.identity.genesis.limits;
    const { operations, bytes } = this.pool;
    const full = operations >= operationsPerBlock || bytes >= envelopeBytesPerBlock;
    const demand: Demand = full ? 'full' : operations > 0 ? 'waiting' : 'idle';
    if (demand === this.demand) return;
    this.demand = demand;
    this.deliver({ kind: 'demand', demand });
  }

  // ---- signing and publishing --------------------------------------------------------------------------------

  /** All that waits to be signed shares one durable write: record first, then signature, then the bus. */
  private async signAll(): Promise<void> {
    if (this.signing) return;
    this.signing = true;
    try {
      // Outputs of the same turn belong into the same write.
      await Promise.resolve();
      while (this.signQueue.length > 0 && !this.closed) {
        const batch = this.signQueue.splice(0);
        const changes = new Map(batch.map(({ by, output }) => [by.kid, output.record]));
        await this.records.save(changes, this.pool.oldestOffset(this.nextOperationOffset));
        if (this.closed) return;
        for (const { by, output } of batch) {
          const signature = this.crypto.sign(output.signBytes, by.seed);
          const message = { ...output.message, signature } as ConsensusMessage;
          const frame = messageFrame(message);
          if (frame.kind === 'message') this.ownFrames.add(toHex(this.crypto.sha256(frame.bytes)));
          this.outbox.push(frame);
          this.deliver({ kind: 'message', message });
        }
        this.flush();
        this.pump();
      }
    } catch (error) {
      this.fail(asError(error));
    } finally {
      this.signing = false;
    }
  }

  private flush(): void {
    if (this.outbox.length === 0) return;
    const frames = this.outbox;
    this.outbox = [];
    const records: Uint8Array[] = [];
    let group: Frame[] = [];
    let bytes = 0;
    for (const frame of frames) {
      const size = frame.kind === 'message' || frame.kind === 'envelope' ? frame.bytes.length : 1024;
      if (group.length > 0 && bytes + size > PUBLISH_BYTES_MAX) {
        records.push(encodeFrames(this.identity.ledgerId, group));
        group = [];
        bytes = 0;
      }
      group.push(frame);
      bytes += size;
    }
    records.push(encodeFrames(this.identity.ledgerId, group));
    this.append(consortiumTopics.consensus.name, records);
  }

  /** Not awaited: votes are sent again by the replicas' timers, blocks until they are seen on the topic. */
  private append(topic: string, values: readonly Uint8Array[]): void {
    this.log.append(topic, values).catch((error: unknown) => {
      if (!this.closed) this.observe({ kind: 'busFailed', topic, reason: asError(error).message });
    });
  }

  // ---- the consensus topic -----------------------------------------------------------------------------------

  private skip(topic: string, reason: string): void {
    this.observe({ kind: 'skipped', topic, reason });
  }

  private framesOf(record: LogRecord): Frame[] {
    try {
      return decodeFrames(this.crypto, this.identity.ledgerId, record.value);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.skip(consortiumTopics.consensus.name, error.code);
      return [];
    }
  }

  private messagesOf(record: LogRecord): ConsensusMessage[] {
    return this.framesOf(record).flatMap((frame) => {
      const message = frame.kind === 'message' ? this.verifiedMessage(frame.bytes) : undefined;
      return message === undefined ? [] : [message];
    });
  }

  private onConsensusRecord(record: LogRecord): void {
    for (const frame of this.framesOf(record))
      switch (frame.kind) {
        case 'message':
          this.onMessage(frame.bytes);
          break;
        case 'wantEnvelopes':
          for (const hash of frame.hashes) this.answerLater(hash, this.envelopeFrame(hash));
          break;
        case 'wantCandidate':
          this.answerLater(frame.hash, this.candidateFrame(frame.hash));
          break;
        case 'envelope':
          this.onEnvelope(frame.bytes, this.nextOperationOffset);
          break;
        case 'candidate':
          this.cancelAnswer(frame.candidate.hash);
          this.learnCandidate(frame.candidate);
          break;
        default:
          unreachable(frame);
      }
    this.retryWaiting();
  }

  private onMessage(bytes: Uint8Array): void {
    if (this.ownFrames.has(toHex(this.crypto.sha256(bytes)))) return;
    const message = this.verifiedMessage(bytes);
    if (message === undefined) return;
    const own = this.hosted.find(({ index }) => index === message.validator);
    if (own !== undefined && isAbove(this.identity.ledgerId, message, this.records.of(own.kid))) {
      // Signed with our key and never recorded here: the record of that signature is elsewhere.
      this.queue.push({ to: own, input: { kind: 'signAbove', height: undefined } });
      this.rejoin(own, `an own ${message.type} at height ${message.height} was published by someone else`);
    }
    this.deliver({ kind: 'message', message });
  }

  /** The message, when it may matter and every signature in it verifies. */
  private verifiedMessage(bytes: Uint8Array): ConsensusMessage | undefined {
    const topic = consortiumTopics.consensus.name;
    try {
      const message = decodeMessage(this.crypto, bytes);
      // Late votes for a decided height are the rule, not worth a signature check.
      if (message.height <= this.tip.height) return undefined;
      const digest = toHex(this.crypto.sha256(bytes));
      if (this.verifiedFrames.has(digest)) return message;
      const fault = messageShapeFault(message, this.set, this.identity.ledgerId);
      if (fault !== undefined) {
        this.skip(topic, fault);
        return undefined;
      }
      for (const { publicKey, signBytes, signature } of messageSignatures(message, this.set, this.identity.ledgerId))
        if (!this.verify(signature, signBytes, publicKey)) {
          this.skip(topic, 'message.badSignature');
          return undefined;
        }
      this.verifiedFrames.add(digest);
      return message;
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.skip(topic, error.code);
      return undefined;
    }
  }

  /** Memoised: the same PREPARE stands in a vote, in a certificate and in a justification. */
  private verify(signature: Uint8Array, signBytes: Uint8Array, publicKey: PublicKey): boolean {
    const key = `${toHex(signature)}${toHex(this.crypto.sha256(signBytes))}${toHex(publicKey)}`;
    if (this.verifiedSignatures.has(key)) return true;
    if (!this.crypto.verify(signature, signBytes, publicKey)) return false;
    this.verifiedSignatures.add(key);
    return true;
  }

  // ---- requests and answers ----------------------------------------------------------------------------------

  private envelopeFrame(hash: Hash): Frame | undefined {
    const envelope = this.pool.get(hash) ?? this.executed?.envelopes.find((e) => equalBytes(e.hash, hash));
    return envelope === undefined ? undefined : { kind: 'envelope', bytes: envelope.bytes };
  }

  private candidateFrame(hash: Hash): Frame | undefined {
    const candidate = this.candidates.proven(hash);
    return candidate === undefined ? undefined : { kind: 'candidate', candidate };
  }

  /** Answers are staggered over the validators; one that sees another's answer keeps its own. */
  private answerLater(hash: Hash, frame: Frame | undefined): void {
    if (frame === undefined || this.hosted.length === 0) return;
    const rank = Math.min(...this.hosted.map(({ index }) => (index + this.tip.height) % this.set.keys.length));
    this.later(`answer/${toHex(hash)}`, this.clock.now() + rank * ANSWER_STAGGER_MS, () => this.outbox.push(frame));
  }

  private cancelAnswer(hash: Hash): void {
    const name = `answer/${toHex(hash)}`;
    this.cancels.get(name)?.();
    this.cancels.delete(name);
  }

  /** Asks for what is missing, after a pause in which it may come by itself, and again while it is still missing. */
  private scheduleRequests(afterMs: number): void {
    if (this.cancels.has('request')) return;
    this.later('request', this.clock.now() + afterMs, () => {
      const wanted = new Map<string, Hash>();
      const decided = this.pendingDecision?.certificate.blockHash;
      const lists = [...this.awaitingCheck.values(), ...this.awaitingExecution.values()].map(
        ({ candidate }) => candidate,
      );
      if (decided !== undefined) lists.push(...this.candidates.offeredFor(decided));
      for (const candidate of lists)
        for (const hash of candidate.envelopeHashes)
          if (this.pool.get(hash) === undefined) wanted.set(toHex(hash), hash);
      if (wanted.size > 0)
        this.outbox.push({ kind: 'wantEnvelopes', hashes: [...wanted.values()].slice(0, ANSWER_BYTES_MAX / 1024) });
      const missing = new Map([...this.awaitingCandidate].map(([key, { hash }]) => [key, hash]));
      if (decided !== undefined && this.candidates.proven(decided) === undefined) missing.set(toHex(decided), decided);
      for (const hash of missing.values()) this.outbox.push({ kind: 'wantCandidate', hash });
      if (this.outbox.length > 0) this.scheduleRequests(REQUEST_AGAIN_MS);
    });
  }

  /** Something arrived: who waited for it may go on. */
  private retryWaiting(): void {
    for (const [key, { candidate, hosted }] of this.awaitingCheck) {
      if (!this.holdsAll(candidate)) continue;
      this.awaitingCheck.delete(key);
      for (const by of hosted) this.answerCheck(by, candidate);
    }
    for (const [key, { candidate, hosted }] of this.awaitingExecution) {
      if (!this.holdsAll(candidate)) continue;
      this.awaitingExecution.delete(key);
      for (const by of hosted) this.answerExecute(by, candidate);
    }
    const decision = this.pendingDecision;
    if (decision !== undefined) this.onDecided(decision.certificate, undefined, decision.leader);
  }

  private holdsAll(candidate: Candidate): boolean {
    return this.envelopesOf(candidate) !== undefined;
  }

  private envelopesOf(candidate: Candidate): Envelope[] | undefined {
    const envelopes: Envelope[] = [];
    for (const hash of candidate.envelopeHashes) {
      const envelope = this.pool.get(hash);
      if (envelope === undefined) return undefined;
      envelopes.push(envelope);
    }
    return envelopes;
  }

  // ---- the operations topic ----------------------------------------------------------------------------------

  private async onOperationRecords(records: readonly LogRecord[]): Promise<void> {
    for (const { value, offset } of records) {
      this.onEnvelope(value, offset);
      this.nextOperationOffset = offset + 1;
    }
    this.retryWaiting();
    this.pump();
    if (this.pool.bytes > POOL_BYTES_MAX && !this.closed) {
      this.poolHasRoom = new Promise((resolve) => (this.makeRoom = resolve));
      await this.poolHasRoom;
    }
  }

  private onEnvelope(bytes: Uint8Array, offset: number): void {
    try {
      const envelope = decodeEnvelope(this.crypto, this.identity.ledgerId, bytes);
      this.cancelAnswer(envelope.hash);
      this.pool.add(envelope, offset);
    } catch (error) {
      if (!(error instanceof EnvelopeError)) throw error;
      this.skip(consortiumTopics.operations.name, error.code);
    }
  }

  // ---- building, checking and running blocks -----------------------------------------------------------------

  /** The ledger stands at the parent again, so that another block of the height can be checked or run. */
  private restoreParent(): void {
    if (this.executed === undefined) return;
    this.ledger.undo();
    this.executed = undefined;
  }

  private build(proposer: number, time: number): Candidate {
    this.restoreParent();
    const { operationsPerBlock, envelopeBytesPerBlock } = this.identity.genesis.limits;
    const admission = this.ledger.admission(millis(time));
    const chosen: Envelope[] = [];
    let operations = 0;
    let bytes = 0;
    for (const envelope of this.pool) {
      operations += envelope.operations.length;
      bytes += envelope.bytes.length;
      if (operations > operationsPerBlock || bytes > envelopeBytesPerBlock) break;
      const refusal = admission.refusal(envelope);
      if (refusal === undefined) {
        chosen.push(envelope);
        continue;
      }
      operations -= envelope.operations.length;
      bytes -= envelope.bytes.length;
      if (FOR_GOOD.has(refusal)) {
        this.pool.remove(envelope.hash);
        this.skip(consortiumTopics.operations.name, refusal);
      }
    }
    const header: Header = {
      version: PROTOCOL_VERSION,
      ledgerId: this.identity.ledgerId,
      epoch: this.set.epoch,
      height: height(this.tip.height + 1),
      proposer,
      parentHash: this.tip.hash,
      parentCertificateHash: this.tip.certificateHash,
      time: millis(time),
      operationsRoot: operationsRootOf(this.crypto, chosen),
      validatorsHash: this.set.hash,
      nextValidatorsHash: this.set.hash,
      checkpointRoot: ZERO_HASH,
    };
    const candidate: Candidate = {
      header,
      hash: headerHash(this.crypto, header),
      envelopeHashes: chosen.map((envelope) => envelope.hash),
      parentCertificate: this.tip.certificate,
    };
    this.candidates.proves(candidate, chosen);
    this.verdicts.set(this.candidates.keyOf(candidate), true);
    return candidate;
  }

  private learnCandidate(candidate: Candidate): void {
    if (candidate.header.height !== this.tip.height + 1) return;
    const waiting = this.awaitingCandidate.get(toHex(candidate.hash));
    const isWanted = waiting !== undefined || this.pendingDecision !== undefined;
    if (isWanted) this.candidates.offer(candidate);
    for (const to of waiting?.hosted ?? []) this.queue.push({ to, input: { kind: 'candidate', candidate } });
  }

  private answerFetch(to: Hosted, hash: Hash): void {
    const candidate = this.candidates.proven(hash);
    if (candidate !== undefined) {
      this.queue.push({ to, input: { kind: 'candidate', candidate } });
      return;
    }
    const waiting = this.awaitingCandidate.get(toHex(hash)) ?? { hash, hosted: new Set<Hosted>() };
    waiting.hosted.add(to);
    this.awaitingCandidate.set(toHex(hash), waiting);
    this.scheduleRequests(0);
  }

  private answerCheck(to: Hosted, candidate: Candidate): void {
    const key = this.candidates.keyOf(candidate);
    let ok = this.verdicts.get(key);
    if (ok === undefined) {
      const envelopes = this.envelopesOf(candidate);
      if (envelopes === undefined) {
        const waiting = this.awaitingCheck.get(key) ?? { candidate, hosted: new Set<Hosted>() };
        waiting.hosted.add(to);
        this.awaitingCheck.set(key, waiting);
        this.scheduleRequests(REQUEST_AFTER_MS);
        return;
      }
      ok = this.isAcceptable(candidate, envelopes);
      this.verdicts.set(key, ok);
    }
    this.queue.push({ to, input: { kind: 'checked', blockHash: candidate.hash, candidate, ok } });
    if (ok) this.awaitingCandidate.delete(toHex(candidate.hash));
  }

  private isAcceptable(candidate: Candidate, envelopes: readonly Envelope[]): boolean {
    const { operationsPerBlock, envelopeBytesPerBlock } = this.identity.genesis.limits;
    let operations = 0;
    let bytes = 0;
    for (const envelope of envelopes) {
      operations += envelope.operations.length;
      bytes += envelope.bytes.length;
    }
    if (operations > operationsPerBlock || bytes > envelopeBytesPerBlock) return false;
    if (!this.candidates.proves(candidate, envelopes)) return false;
    this.restoreParent();
    const admission = this.ledger.admission(candidate.header.time);
    return envelopes.every((envelope) => admission.refusal(envelope) === undefined);
  }

  private answerExecute(to: Hosted, candidate: Candidate): void {
    const run = this.run(candidate);
    if (run === undefined) {
      const key = this.candidates.keyOf(candidate);
      const waiting = this.awaitingExecution.get(key) ?? { candidate, hosted: new Set<Hosted>() };
      waiting.hosted.add(to);
      this.awaitingExecution.set(key, waiting);
      this.scheduleRequests(REQUEST_AFTER_MS);
      return;
    }
    const { resultsRoot, stateDigest } = run.execution;
    this.queue.push({ to, input: { kind: 'executed', blockHash: candidate.hash, resultsRoot, stateDigest } });
  }

  /** Runs a block once for all validators here; `undefined` when an envelope is missing. */
  private run(candidate: Candidate): Executed | undefined {
    if (this.executed !== undefined && equalBytes(this.executed.hash, candidate.hash)) return this.executed;
    const envelopes = this.envelopesOf(candidate);
    return envelopes === undefined ? undefined : this.execute(candidate.hash, candidate.header, envelopes);
  }

  private execute(hash: Hash, header: Header, envelopes: readonly Envelope[]): Executed {
    this.restoreParent();
    const started = performance.now();
    const execution = this.ledger.execute({ height: header.height, time: header.time, envelopes });
    this.executed = { hash, execution, envelopes, ms: performance.now() - started };
    return this.executed;
  }

  // ---- deciding ----------------------------------------------------------------------------------------------

  private onDecided(certificate: Certificate, given: Candidate | undefined, leader: number): void {
    if (certificate.height !== this.tip.height + 1) return;
    const candidate =
      given ?? this.candidates.proven(certificate.blockHash) ?? this.provenAmongOffered(certificate.blockHash);
    const run = candidate && this.run(candidate);
    if (candidate === undefined || run === undefined) {
      this.pendingDecision = { certificate, leader };
      this.scheduleRequests(0);
      return;
    }
    const { header, parentCertificate } = candidate;
    const reader = new BlockReader(this.crypto, this.identity.ledgerId, this.set, this.tip);
    this.advance(header, certificate, run);
    const block: Block = {
      header,
      parentCertificate,
      certificate,
      envelopes: run.envelopes.map(({ bytes }) => bytes),
      outcomes: run.execution.outcomes,
    };
    const packed = compressBlock(block, this.set.keys.length);
    const parts = cutIntoParts(block, packed);
    this.ownBlocks?.add(packed, { block, envelopes: run.envelopes, results: run.execution.results });
    const rank = Math.min(
      ...this.hosted.map(({ index }) => (index - leader + this.set.keys.length) % this.set.keys.length),
    );
    this.unseenBlocks.set(certificate.height, {
      parts,
      reader,
      cancel: () => {},
      appending: false,
      offset: undefined,
    });
    if (rank === 0) this.appendBlock(certificate.height);
    else this.appendBlockLater(certificate.height, rank * APPEND_STAGGER_MS);
    this.reader.moveTo(this.tip);
  }

  /** What a quorum decided is admissible; which list of envelopes it was about, only the envelopes show. */
  private provenAmongOffered(hash: Hash): Candidate | undefined {
    return this.candidates.offeredFor(hash).find((candidate) => {
      const envelopes = this.envelopesOf(candidate);
      return envelopes !== undefined && this.candidates.proves(candidate, envelopes);
    });
  }

  /** Makes an executed block final here; halts when the quorum certified other results than ours. */
  private advance(header: Header, certificate: Certificate, run: Executed): void {
    const { execution } = run;
    if (
      !equalBytes(execution.resultsRoot, certificate.resultsRoot) ||
      !equalBytes(execution.stateDigest, certificate.stateDigest)
    )
      throw new Error(
        `validator.diverged: block ${header.height} is certified with state ${toHex(certificate.stateDigest)}, computed here ${toHex(execution.stateDigest)}`,
      );
    this.ledger.commit();
    this.executed = undefined;
    for (const { hash } of run.envelopes) this.pool.remove(hash);
    if (this.pool.bytes <= POOL_BYTES_MAX) this.makeRoom();
    this.tip = tipAfter(this.crypto, this.set, header, certificate);
    assert(equalBytes(this.tip.stateDigest, this.ledger.stateDigest), 'the tip carries the digest of the state');
    for (const map of [
      this.candidates,
      this.verdicts,
      this.awaitingCheck,
      this.awaitingExecution,
      this.awaitingCandidate,
    ])
      map.clear();
    this.pendingDecision = undefined;
    this.updateDemand();
    this.deliver({ kind: 'advanced', tip: this.tip });
    this.noteRejoins(header.height, run);
    for (const { reason } of execution.quarantined)
      this.observe({ kind: 'quarantined', height: header.height, reason });
    this.observe({
      kind: 'decided',
      height: header.height,
      round: certificate.round,
      operations: run.envelopes.reduce((sum, { operations }) => sum + operations.length, 0),
      rejected: execution.rejected,
      signers: certificate.signatures.length,
      ageMs: this.clock.now() - header.time,
      executeMs: run.ms,
    });
  }

  private noteRejoins(at: number, run: Executed): void {
    if (this.rejoinNonces.size === 0) return;
    for (const { outcome } of run.execution.results) {
      const decoded = decodeOutcome(outcome);
      for (const event of decoded.status === 'executed' ? decoded.events : [])
        for (const hosted of this.hosted)
          if (event.type === 'validators.rejoined' && event.nonce === this.rejoinNonces.get(hosted.index)) {
            this.rejoinNonces.delete(hosted.index);
            this.queue.push({ to: hosted, input: { kind: 'signAbove', height: at } });
            this.observe({ kind: 'rejoined', validator: hosted.index, height: at });
          }
    }
  }

  // ---- the blocks topic --------------------------------------------------------------------------------------

  private appendBlock(at: number): void {
    const unseen = this.unseenBlocks.get(at);
    // What the log has taken is on its way to every reader, however far behind we are with reading it: sending it once
    // more for everyone who is late would keep all of us late.
    if (unseen === undefined || unseen.appending || unseen.offset !== undefined) return;
    unseen.cancel();
    unseen.appending = true;
    const { name } = consortiumTopics.blocks;
    this.log.append(name, unseen.parts).then(
      (first) => {
        unseen.appending = false;
        unseen.offset = first + unseen.parts.length - 1;
      },
      (error: unknown) => {
        unseen.appending = false;
        if (this.closed) return;
        this.observe({ kind: 'busFailed', topic: name, reason: asError(error).message });
        this.appendBlockLater(at, this.set.keys.length * APPEND_STAGGER_MS);
      },
    );
  }

  private appendBlockLater(at: number, afterMs: number): void {
    const unseen = this.unseenBlocks.get(at);
    if (unseen === undefined || this.closed) return;
    unseen.cancel = this.clock.at(this.clock.now() + afterMs, () => this.appendBlock(at));
  }

  private onBlockRecord(record: LogRecord): void {
    this.noteSeen(record);
    for (const verified of this.reader.push(record)) this.onCertifiedBlock(verified);
    this.retryWaiting();
  }

  /** A valid record of the height stands on the topic, ours or another host's: nobody needs to append it again. */
  private noteSeen(record: LogRecord): void {
    const at = heightOfPart(record.value);
    const unseen = at === undefined ? undefined : this.unseenBlocks.get(at);
    if (at !== undefined && unseen !== undefined) {
      const ours = unseen.parts.at(-1);
      const isOurs = ours !== undefined && Buffer.compare(ours, record.value) === 0;
      if (isOurs || unseen.reader.push(record).length > 0) {
        unseen.cancel();
        this.unseenBlocks.delete(at);
      }
    }
    // Read past where the log said that it stands, and it was not there: the log has lost it.
    for (const [height, lost] of this.unseenBlocks) {
      if (lost.offset === undefined || lost.offset >= record.offset) continue;
      lost.offset = undefined;
      this.appendBlock(height);
    }
  }

  private onCertifiedBlock({ block, envelopes, tip }: VerifiedBlock): void {
    if (tip.height !== this.tip.height + 1) return;
    const { header, certificate } = block;
    const known = this.executed !== undefined && equalBytes(this.executed.hash, certificate.blockHash);
    const run =
      known && this.executed !== undefined ? this.executed : this.execute(certificate.blockHash, header, envelopes);
    this.advance(header, certificate, run);
  }
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

/** Whether a message lies above what the record says was signed last: then the record is not the newest. */
function isAbove(ledgerId: string, message: ConsensusMessage, record: SignerRecord | undefined): boolean {
  if (record === undefined) return true;
  const order = [message.height - record.height, message.round - record.round, stepOf(message) - record.step].find(
    (d) => d !== 0,
  );
  if (order !== undefined) return order > 0;
  return !equalBytes(signBytesOf(message, ledgerId), record.signBytes);
}

const STEPS = { roundChange: 0, proposal: 1, prepare: 2, commit: 3 } as const satisfies Record<
  ConsensusMessage['type'],
  number
>;
const stepOf = (message: ConsensusMessage): number => STEPS[message.type];

/** Where a ledger stands before its first block. */
export function genesisTip(identity: LedgerIdentity, ledger: Pick<Ledger, 'stateDigest' | 'time'>): ChainTip {
  return {
    height: 0,
    hash: identity.genesisHash,
    certificateHash: ZERO_HASH,
    certificate: undefined,
    time: ledger.time,
    stateDigest: ledger.stateDigest,
  };
}
