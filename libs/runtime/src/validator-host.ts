import { randomBytes } from 'node:crypto';
import {
  CHECKPOINT_BLOCKS,
  chainRules,
  genesisValidators,
  indexOfKey,
  proposerOf,
  type Block,
  type Certificate,
  type ChainRules,
  type ChainTip,
} from '@gridtokenx/chain';
import {
  createReplica,
  OBSERVER,
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
import { createLedger, type Ledger } from '@gridtokenx/domain';
import { equalBytes, millis, toBase64Url, toHex, unreachable } from '@gridtokenx/kernel';
import {
  EnvelopeError,
  OPERATIONS_PER_ENVELOPE_MAX,
  topicsOf,
  type Envelope,
  type Finding,
  type LedgerIdentity,
  type LedgerTopics,
} from '@gridtokenx/protocol';
import { Accusations } from './accusations.js';
import { BlockExecutor, type Executed } from './block-executor.js';
import { BlockPublisher } from './block-publisher.js';
import { BlockReader, compressBlock, cutIntoParts, OwnBlocks, type VerifiedBlock } from './block-records.js';
import { messageFrame, packFrames, type Frame } from './consensus-frames.js';
import { checkerInThread, type EnvelopeChecker } from './envelope-checker.js';
import { EnvelopeIntake } from './envelope-intake.js';
import { EnvelopePool } from './envelope-pool.js';
import { HostEnvelopes } from './host-envelopes.js';
import type { HostEvent } from './host-events.js';
import { MessageVerifier } from './message-verifier.js';
import type { Clock, Log, LogRecord } from './ports.js';
import { readToEnd } from './read-to-end.js';
import { isAbove, Rejoins, whyLost } from './rejoins.js';
import { Answers, Requests } from './requests.js';
import type { SnapshotManifest } from './snapshot-format.js';
import { SnapshotPublisher } from './snapshot-publisher.js';
import { fetchSnapshot } from './snapshot-records.js';
import { newestSnapshot, type SnapshotStart } from './snapshot-start.js';
import { SnapshotTaker, type SnapshotOptions } from './snapshot-taker.js';
import { SignerRecords, type LoadedRecords, type SignerSlots, type SizedCertificate } from './signer-records.js';
import { Timers } from './timers.js';
import type { WorkMeter, WorkPart } from './work-meter.js';

export interface HostOptions {
  readonly crypto: Crypto;
  readonly identity: LedgerIdentity;
  /** Seeds of the validators that live here. One that is not in the set, or not yet, follows and signs nothing. */
  readonly seeds: readonly Uint8Array[];
  readonly log: Log;
  readonly clock: Clock;
  readonly signerSlots: SignerSlots;
  /** Of the machine by default; seeded in the simulator. */
  readonly randomBytes?: (length: number) => Uint8Array;
  /** Where envelopes are checked; on the thread of the host where none is given. */
  readonly checker?: EnvelopeChecker;
  /** Told of each block that is decided here, for a projector in the same process. */
  readonly ownBlocks?: OwnBlocks;
  /** Where snapshots of the state are kept; without it a restart replays all blocks. */
  readonly snapshots?: SnapshotOptions;
  /** Where the processor time of the thread is added up, for whoever measures. */
  readonly meter?: WorkMeter;
  readonly observe?: (event: HostEvent) => void;
}

interface Hosted {
  /** Which validator of the open height it is. The replica knows only when it has heard of the tip. */
  index: number;
  readonly kid: string;
  readonly seed: Uint8Array;
  readonly replica: Replica;
  wakeAt: number;
}

/** A validator's key at a start, and what is known of what it has signed. */
interface KeyToHost {
  readonly seed: Uint8Array;
  readonly publicKey: PublicKey;
  readonly kid: string;
  /** In the set of the tip; -1 for none. */
  readonly index: number;
  readonly record: SignerRecord | undefined;
  /** Why the record cannot be trusted, if it cannot. */
  readonly lost: string | undefined;
}

/** How long the consensus topic is read back behind the tip at a start, for own messages above the record. */
const LOOK_BACK_MS = 10 * 60_000;
/** An envelope is valid for an hour at most, so nothing older can still be undecided. */
const OPERATIONS_LOOK_BACK_MS = 65 * 60_000;
const CLOCK_TOLERANCE_MS = 5_000;
/** So many blocks may fill with what waits in the pool before the operations topic is read more slowly. */
const BLOCKS_WAITING_MAX = 2;

/**
 * The validators of one process: one consumer and one producer of each topic, one ledger state, one pool, one signer
 * file; each validator has its own key, replica and timer. Single-threaded: inputs are handled one after the other,
 * only the signer record and the bus are awaited.
 */
export class ValidatorHost {
  private readonly crypto: Crypto;
  private readonly identity: LedgerIdentity;
  private readonly topics: LedgerTopics;
  private readonly log: Log;
  private readonly clock: Clock;
  private readonly observe: (event: HostEvent) => void;
  private readonly ownBlocks: OwnBlocks | undefined;
  private readonly within: <T>(part: WorkPart, work: () => T) => T;
  private readonly rules: ChainRules;
  private readonly ledger: Ledger;
  private readonly reader: BlockReader;
  private readonly pool = new EnvelopePool();
  private readonly executor: BlockExecutor;
  private readonly verifier: MessageVerifier;
  private readonly publisher: BlockPublisher;
  private decidedBefore: LoadedRecords['decided'] = [];
  private readonly timers: Timers;
  private readonly requests: Requests<Hosted>;
  private readonly answers: Answers;
  private readonly rejoins: Rejoins;
  private readonly snapshots: SnapshotTaker;
  private readonly accusations: Accusations;
  private readonly publisherOfSnapshots: SnapshotPublisher | undefined;
  private readonly hosted: Hosted[] = [];

  private demand: Demand = 'idle';
  private nextOperationOffset = 0;
  private starts: ReadonlyMap<string, number> = new Map();

  private readonly queue: { to: Hosted; input: Input }[] = [];
  private pumping = false;
  private readonly signQueue: { by: Hosted; output: Extract<Output, { kind: 'sign' }> }[] = [];
  private signing = false;
  private outbox: Frame[] = [];

  private readonly intake: EnvelopeIntake;

  private readonly beganAt: number;
  private closed = false;
  private fail!: (reason: Error) => void;
  /** Rejects when the host had to stop by itself: a divergence, a lost disk, a bug. */
  readonly failed: Promise<never>;

  private constructor(
    options: HostOptions,
    private readonly records: SignerRecords,
    start: SnapshotStart,
  ) {
    const { crypto, identity, log, clock } = options;
    const { ledgerId } = identity;
    this.topics = topicsOf(identity);
    const { operations, consensus, blocks } = this.topics;
    const { pool } = this;
    this.crypto = crypto;
    this.identity = identity;
    this.log = log;
    this.clock = clock;
    this.observe = options.observe ?? (() => {});
    this.ownBlocks = options.ownBlocks;
    const { meter } = options;
    this.within = meter === undefined ? (_, work) => work() : (part, work) => meter.within(part, work);
    this.rules = chainRules(identity);
    const { ledger, tip } = start;
    this.ledger = ledger;
    this.beganAt = tip.height;
    const onDropped = (refusal: string): void => this.skip(operations.name, refusal);
    const { ownBlocks } = this;
    const unread = ownBlocks && ((): number => ownBlocks.unread);
    this.executor = new BlockExecutor({ crypto, identity, ledger, pool, tip, onDropped, ...(unread && { unread }) });
    const known = (bytes: Uint8Array): Envelope | undefined =>
      pool.bytes === 0 ? undefined : pool.get(crypto.sha256(bytes));
    this.reader = new BlockReader(crypto, this.rules, tip, undefined, known);
    this.verifier = new MessageVerifier(crypto, this.rules, (reason) => this.skip(consensus.name, reason));
    this.publisher = new BlockPublisher({
      clock,
      append: (parts) => log.append(blocks.name, parts),
      onFailed: (error) => this.onBusFailed(blocks.name, error),
    });
    const timers = new Timers(clock, () => this.pump());
    this.timers = timers;
    this.intake = new EnvelopeIntake({
      checker: options.checker ?? checkerInThread(crypto, identity.ledgerId),
      pool,
      clock,
      timers,
      mayWait: () => BLOCKS_WAITING_MAX * Math.max(this.executor.size.most, OPERATIONS_PER_ENVELOPE_MAX),
      take: (records, findings) => this.takeFindings(records, findings),
      onFailed: (error) => this.fail(asError(error)),
    });
    const send = (frame: Frame): void => void this.outbox.push(frame);
    this.requests = new Requests({ clock, timers, pool, candidates: this.executor.candidates, send });
    this.answers = new Answers(clock, timers);
    const envelopes = new HostEnvelopes({ crypto, ledgerId, ledger, clock });
    const submit = (envelope: Uint8Array): void => this.append(operations.name, [envelope]);
    this.accusations = new Accusations({
      ledgerId,
      ledger,
      clock,
      timers,
      envelopes,
      accuser: () => this.hosted.find(({ kid }) => envelopes.isRegistered(kid)),
      submit,
    });
    this.rejoins = new Rejoins({
      ledger,
      envelopes,
      clock,
      timers,
      randomBytes: options.randomBytes ?? randomBytes,
      submit,
      onAsked: (validator, why) => this.observe({ kind: 'rejoining', validator, why }),
    });
    this.snapshots = new SnapshotTaker({
      ledger,
      ledgerId,
      genesisSize: identity.genesis.validators.length,
      changes: start.changes,
      clock,
      timers,
      snapshots: options.snapshots,
      observe: (event) => this.observe(event),
      onTaken: (manifest) => this.offer(manifest, options.snapshots),
    });
    this.publisherOfSnapshots =
      options.snapshots &&
      new SnapshotPublisher({
        identity,
        log,
        clock,
        timers,
        store: options.snapshots.store,
        onFailed: (error) => this.onBusFailed(this.topics.snapshots.name, error),
      });
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
   * Restores the newest snapshot, if there is one, replays the blocks after it and reads the topics to their ends, then
   * lets the validators vote. The caller goes on reading
   * each topic of {@link startOffsets} from its offset and hands the records to {@link take}.
   */
  static async start(options: HostOptions): Promise<ValidatorHost> {
    const { store, loaded } = await SignerRecords.load(options.crypto, options.signerSlots);
    const start = await startOf(options);
    const host = new ValidatorHost(options, store, start);
    await host.open(options, loaded, start.blocksOffset);
    return host;
  }

  get status(): {
    height: number;
    /** Of the snapshot that it began at; 0 when it has run all blocks since the genesis. */
    beganAt: number;
    time: number;
    marketTime: number;
    stateDigest: string;
    waitingOperations: number;
    validators: number;
    /** Of them, those whose signer record was lost and that sign nothing until their rejoin is certified. */
    rejoining: number;
  } {
    return {
      height: this.tip.height,
      beganAt: this.beganAt,
      time: this.tip.time,
      marketTime: this.ledger.marketTime,
      stateDigest: toHex(this.tip.stateDigest),
      waitingOperations: this.pool.operations,
      validators: this.hosted.length,
      rejoining: this.rejoins.open,
    };
  }

  /** Stops signing and timers; what is in flight on the bus stays in flight. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.timers.close();
    this.publisher.close();
    this.intake.close();
  }

  private get tip(): ChainTip {
    return this.executor.tip;
  }

  // ---- start -------------------------------------------------------------------------------------------------

  private async open(options: HostOptions, loaded: LoadedRecords, from: number): Promise<void> {
    const { operations, consensus, blocks, snapshots } = this.topics;
    await this.log.ensureTopics([operations, consensus, blocks, snapshots]);
    const blocksFrom = await this.readBlocks(from);

    const early: ConsensusMessage[] = [];
    const lookBack = await this.log.offsetAtTime(consensus.name, this.tip.time - LOOK_BACK_MS);
    const consensusFrom = await readToEnd(this.log, consensus.name, lookBack, (records) => {
      for (const record of records) early.push(...this.messagesOf(record));
    });

    const keys = options.seeds.map((seed) => this.hostKeyOf(seed, loaded, early));
    // Before anything is signed: then whose first record is torn, or who comes back to a chain with blocks, has lost nothing.
    const beginners = keys.filter(({ record, lost }) => record === undefined && lost === undefined);
    await this.records.begin(
      beginners.map(({ kid }) => kid),
      loaded.operationsOffset ?? 0,
    );
    for (const key of keys) this.host(key);
    for (const message of early) if (message.height > this.tip.height) this.deliver({ kind: 'message', message });

    const longAgo = await this.log.offsetAtTime(operations.name, this.clock.now() - OPERATIONS_LOOK_BACK_MS);
    const known = loaded.operationsOffset ?? 0;
    // Beyond its end the topic was made anew, and what the record says of the old one is void.
    this.nextOperationOffset = known > (await this.log.end(operations.name)) ? longAgo : Math.max(longAgo, known);
    this.starts = new Map([
      [blocks.name, blocksFrom],
      [consensus.name, consensusFrom],
      [operations.name, this.nextOperationOffset],
    ]);
    this.decidedBefore = loaded.decided;
    this.decideAgain();
    this.pump();
  }

  /** An offset is only as good as the topic that it is of: if that was made anew, it is read from its start. */
  private async readBlocks(from: number): Promise<number> {
    const { name } = this.topics.blocks;
    const read = (start: number): Promise<number> =>
      readToEnd(this.log, name, start, (records) => {
        for (const record of records) this.onBlockRecord(record);
      });
    const isThere = from <= (await this.log.end(name));
    const next = await read(isThere ? from : 0);
    return from > 0 && isThere && this.reader.isMissingNext ? read(0) : next;
  }

  /** Where the caller goes on reading, by topic. */
  get startOffsets(): ReadonlyMap<string, number> {
    return this.starts;
  }

  private hostKeyOf(seed: Uint8Array, loaded: LoadedRecords, early: readonly ConsensusMessage[]): KeyToHost {
    const publicKey = this.crypto.publicKeyOf(seed);
    const kid = toBase64Url(publicKey);
    const index = indexOfKey(this.tip.validators, publicKey);
    const record = loaded.records.get(kid);
    const lost = whyLost(this.identity.ledgerId, index, this.tip.height, record, loaded.state, early);
    return { seed, publicKey, kid, index, record, lost };
  }

  private host({ seed, publicKey, kid, index, record, lost }: KeyToHost): void {
    const now = millis(this.clock.now());
    const { replica, outputs } = createReplica(this.config(), publicKey, this.tip, record, now, {
      crypto: this.crypto,
    });
    const hosted: Hosted = { index, kid, seed, replica, wakeAt: Number.POSITIVE_INFINITY };
    this.hosted.push(hosted);
    if (lost !== undefined) this.rejoin(hosted, lost);
    for (const output of outputs) this.handle(hosted, output);
  }

  /** Signs nothing until a certified block holds the request. */
  private rejoin(hosted: Hosted, why: string): void {
    this.queue.push({ to: hosted, input: { kind: 'signAbove', height: undefined } });
    this.rejoins.ask(hosted, why);
  }

  private config(): ConsensusConfig {
    const { consensus } = this.identity.genesis;
    return { ledgerId: this.identity.ledgerId, ...consensus, clockToleranceMs: CLOCK_TOLERANCE_MS };
  }

  // ---- the loop: inputs, step, outputs -----------------------------------------------------------------------

  /** Takes records of one topic, in offset order. Resolves when the next may come. */
  async take(topic: string, records: readonly LogRecord[]): Promise<void> {
    if (this.closed) return;
    const { operations, consensus, blocks } = this.topics;
    switch (topic) {
      case operations.name:
        return this.intake.read(records);
      case consensus.name:
        return this.within('consensus', () => {
          for (const record of records) this.onConsensusRecord(record);
          this.pump();
        });
      case blocks.name:
        for (const record of records) this.onBlockRecord(record);
        return this.pump();
      default:
        throw new RangeError(`the validators do not read ${topic}`);
    }
  }

  private deliver(input: Input): void {
    for (const to of this.hosted) this.queue.push({ to, input });
  }

  private pump(): void {
    if (this.pumping || this.closed) return;
    this.pumping = true;
    try {
      this.within('consensus', () => this.stepAll());
    } catch (error) {
      this.fail(asError(error));
    } finally {
      this.pumping = false;
    }
  }

  private stepAll(): void {
    this.updateDemand();
    for (let next = this.queue.shift(); next !== undefined && !this.closed; next = this.queue.shift())
      for (const output of step(next.to.replica, next.input, millis(this.clock.now()))) this.handle(next.to, output);
    this.flush();
    this.setTimer();
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
        const candidate = this.within('ledger', () => this.executor.build(hosted.index, output.time));
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
        return this.within('ledger', () => this.onDecided(output.certificate, output.candidate, output.leader));
      case 'behind':
        // Whoever is behind reads the blocks topic; if our record never got there, it goes out again now.
        return this.publisher.append(output.height);
      case 'evidence': {
        const { validator, height: at, round } = output.first;
        const key = this.tip.validators.keys[validator];
        if (key === undefined || !this.accusations.report(toBase64Url(key), output.first, output.second)) return;
        return this.observe({ kind: 'evidence', validator: toBase64Url(key), height: at, round });
      }
      case 'halt':
        return this.executor.compareCommitted(output.committed);
      default:
        return unreachable(output);
    }
  }

  private setTimer(): void {
    const at = Math.min(...this.hosted.map(({ wakeAt }) => wakeAt));
    if (at === Number.POSITIVE_INFINITY) return;
    this.timers.set('tick', at, () => {
      const now = this.clock.now();
      for (const to of this.hosted)
        if (to.wakeAt <= now) {
          to.wakeAt = Number.POSITIVE_INFINITY;
          this.queue.push({ to, input: { kind: 'tick' } });
        }
    });
  }

  private updateDemand(): void {
    const { envelopeBytesPerBlock } = this.identity.genesis.limits;
    const { operations, bytes } = this.pool;
    const full = operations >= this.executor.size.most || bytes >= envelopeBytesPerBlock;
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
        const offset = this.pool.oldestOffset(this.nextOperationOffset);
        await this.within('consensus', () => this.records.save(changes, offset, this.unseenDecisions()));
        if (this.closed) return;
        this.within('consensus', () => {
          for (const { by, output } of batch) this.signOne(by, output);
          this.flush();
          this.pump();
        });
      }
    } catch (error) {
      this.fail(asError(error));
    } finally {
      this.signing = false;
    }
  }

  private signOne(by: Hosted, { signBytes, message: unsigned }: Extract<Output, { kind: 'sign' }>): void {
    const message = { ...unsigned, signature: this.crypto.sign(signBytes, by.seed) } as ConsensusMessage;
    const frame = messageFrame(message);
    this.verifier.noteOwn(frame.bytes);
    this.outbox.push(frame);
    this.deliver({ kind: 'message', message });
  }

  private flush(): void {
    if (this.outbox.length === 0) return;
    const frames = this.outbox;
    this.outbox = [];
    this.append(this.topics.consensus.name, packFrames(this.identity.ledgerId, frames));
  }

  /** Not awaited: votes are sent again by the replicas' timers. */
  private append(topic: string, values: readonly Uint8Array[]): void {
    this.log.append(topic, values).catch((error: unknown) => {
      if (!this.closed) this.onBusFailed(topic, error);
    });
  }

  private onBusFailed(topic: string, error: unknown): void {
    this.observe({ kind: 'busFailed', topic, reason: asError(error).message });
  }

  private skip(topic: string, reason: string): void {
    this.observe({ kind: 'skipped', topic, reason });
  }

  // ---- the consensus topic -----------------------------------------------------------------------------------

  private messagesOf(record: LogRecord): ConsensusMessage[] {
    return this.verifier.framesOf(record.value).flatMap((frame) => {
      const message = frame.kind === 'message' ? this.verifier.verified(frame.bytes, this.tip) : undefined;
      return message === undefined ? [] : [message];
    });
  }

  private onConsensusRecord(record: LogRecord): void {
    for (const frame of this.verifier.framesOf(record.value))
      switch (frame.kind) {
        case 'message':
          this.onMessage(frame.bytes);
          break;
        case 'wantEnvelopes':
          for (const hash of frame.hashes) this.answerEnvelope(hash);
          break;
        case 'wantCandidate':
          this.answerCandidate(frame.hash);
          break;
        case 'candidate':
          this.answers.cancel(frame.candidate.hash);
          this.learnCandidate(frame.candidate);
          break;
        default:
          unreachable(frame);
      }
    this.retryWaiting();
  }

  private onMessage(bytes: Uint8Array): void {
    if (this.verifier.isOwn(bytes)) return;
    const message = this.verifier.verified(bytes, this.tip);
    if (message === undefined) return;
    const own = this.hosted.find(({ index }) => index === message.validator);
    // Signed with our key and never recorded here: the record of that signature is elsewhere.
    if (
      own !== undefined &&
      !this.rejoins.isAsking(own.kid) &&
      isAbove(this.identity.ledgerId, message, this.records.of(own.kid))
    )
      this.rejoin(own, `an own ${message.type} at height ${message.height} was published by someone else`);
    this.deliver({ kind: 'message', message });
  }

  /**
   * SPEC consensus 3.12: on the operations topic, where a restart reads it again. Told on the consensus topic it would be held in
   * memory alone, and after a power cut nobody might have the bodies of a block that is prepared and must be proposed again.
   */
  private answerEnvelope(hash: Hash): void {
    const envelope = this.executor.envelope(hash);
    if (envelope !== undefined) this.answer(hash, () => this.append(this.topics.operations.name, [envelope.bytes]));
  }

  private answerCandidate(hash: Hash): void {
    const candidate = this.executor.candidates.proven(hash);
    if (candidate !== undefined) this.answer(hash, () => this.outbox.push({ kind: 'candidate', candidate }));
  }

  private answer(hash: Hash, say: () => void): void {
    if (this.hosted.length > 0) this.answers.answer(hash, this.rankFrom(-this.tip.height), say);
  }

  /** How far the first validator here comes after another one, around the set; whoever only observes comes last. */
  private rankFrom(leader: number): number {
    const { length } = this.tip.validators.keys;
    const members = this.hosted.map(({ index }) => index).filter((index) => index !== OBSERVER);
    return Math.min(length, ...members.map((index) => (((index - leader) % length) + length) % length));
  }

  private learnCandidate(candidate: Candidate): void {
    if (candidate.header.height !== this.tip.height + 1) return;
    for (const to of this.requests.offer(candidate)) this.queue.push({ to, input: { kind: 'candidate', candidate } });
  }

  // ---- the operations topic ----------------------------------------------------------------------------------

  private takeFindings(records: readonly LogRecord[], findings: readonly Finding[]): void {
    records.forEach(({ offset }, i) => {
      const found = findings[i];
      if (found !== undefined) this.onFinding(found, offset);
      this.nextOperationOffset = offset + 1;
    });
    this.retryWaiting();
    this.pump();
  }

  private onFinding(found: Finding, offset: number): void {
    if (found instanceof EnvelopeError) return this.skip(this.topics.operations.name, found.code);
    this.answers.cancel(found.hash);
    this.pool.add(found, offset);
  }

  // ---- what the replicas ask for -----------------------------------------------------------------------------

  private answerFetch(to: Hosted, hash: Hash): void {
    const candidate = this.executor.candidates.proven(hash);
    if (candidate === undefined) this.requests.awaitCandidate(hash, to);
    else this.queue.push({ to, input: { kind: 'candidate', candidate } });
  }

  private answerCheck(to: Hosted, candidate: Candidate): void {
    if (!this.isOfOpenHeight(candidate)) return;
    const ok = this.within('ledger', () => this.executor.verdictOn(candidate));
    if (ok === undefined) return this.requests.awaitCheck(candidate, to);
    this.queue.push({ to, input: { kind: 'checked', blockHash: candidate.hash, candidate, ok } });
    if (!ok) return;
    this.requests.found(candidate.hash);
    const decision = this.requests.pendingDecision;
    if (decision !== undefined && equalBytes(decision.certificate.blockHash, candidate.hash))
      this.onDecided(decision.certificate, candidate, decision.leader);
  }

  private answerExecute(to: Hosted, candidate: Candidate): void {
    if (!this.isOfOpenHeight(candidate)) return;
    const run = this.within('ledger', () => this.executor.run(candidate));
    if (run === undefined) return this.requests.awaitExecution(candidate, to);
    const { resultsRoot, stateDigest } = run.execution;
    this.queue.push({ to, input: { kind: 'executed', blockHash: candidate.hash, resultsRoot, stateDigest } });
  }

  /** SPEC consensus 3.13: the state is shared, and a replica that has not heard of the new tip yet gets no answer on the old one. */
  private isOfOpenHeight({ header }: Candidate): boolean {
    return header.height === this.tip.height + 1;
  }

  /** Something arrived: who waited for it may go on. */
  private retryWaiting(): void {
    for (const { candidate, waiters } of this.requests.takeReadyChecks())
      for (const to of waiters) this.answerCheck(to, candidate);
    for (const { candidate, waiters } of this.requests.takeReadyExecutions())
      for (const to of waiters) this.answerExecute(to, candidate);
    const decision = this.requests.pendingDecision;
    if (decision !== undefined) this.onDecided(decision.certificate, undefined, decision.leader);
    else this.decideAgain();
  }

  /**
   * SPEC consensus 5.7: what the process before this one decided and perhaps could show nobody. Whoever has voted above it cannot
   * vote on it any more, so the others might never have a quorum for it.
   */
  private decideAgain(): void {
    const decision = this.decidedBefore.find(({ certificate }) => certificate.height === this.tip.height + 1);
    if (decision === undefined) return;
    const { certificate, setSize } = decision;
    this.onDecided(certificate, undefined, proposerOf(setSize, certificate.height, certificate.round));
  }

  private unseenDecisions(): SizedCertificate[] {
    const above = this.decidedBefore.filter(({ certificate }) => certificate.height > this.tip.height);
    return [...this.publisher.awaited, ...above];
  }

  // ---- deciding ----------------------------------------------------------------------------------------------

  private onDecided(certificate: Certificate, given: Candidate | undefined, leader: number): void {
    if (certificate.height !== this.tip.height + 1) return;
    const candidate = given ?? this.executor.candidateOf(certificate.blockHash);
    const run = candidate && this.executor.run(candidate);
    if (candidate === undefined || run === undefined) return this.requests.awaitDecision({ certificate, leader });
    const { header, parentCertificate } = candidate;
    const decided = new OwnBlocks();
    const reader = new BlockReader(this.crypto, this.rules, this.tip, decided);
    const parent = this.tip;
    const rank = this.rankFrom(leader);
    const nextValidators = this.executor.nextValidators(header);
    // Only of what is decided here and now: a replayed block is as old as it is, not late.
    this.executor.size.decided(operationsIn(run), this.clock.now() - header.time);
    this.advance(header, certificate, run, this.reader.resumeOffset);
    const block: Block = {
      header,
      parentCertificate,
      certificate,
      nextValidators,
      envelopes: run.envelopes.map(({ bytes }) => bytes),
      outcomes: run.execution.outcomes,
    };
    const { results, told } = run.execution;
    const content = { block, envelopes: run.envelopes, results, told };
    // Who comes first packs it at once; the others will most likely read what the first has packed.
    const packed = rank === 0 ? compressBlock(block, parent) : undefined;
    decided.add(packed, content);
    this.ownBlocks?.add(packed, content);
    const pack = (): readonly Uint8Array[] => cutIntoParts(block, packed ?? compressBlock(block, parent));
    this.publisher.publish(certificate, pack, reader, rank, parent.validators.keys.length);
    this.reader.moveTo(this.tip);
    this.decideAgain();
  }

  private onBlockRecord(record: LogRecord): void {
    this.publisher.noteSeen(record);
    try {
      for (const verified of this.reader.push(record)) this.onCertifiedBlock(verified);
    } catch (error) {
      this.fail(asError(error));
      throw error;
    }
    this.retryWaiting();
  }

  private onCertifiedBlock({ block, envelopes, tip, resumeOffset }: VerifiedBlock): void {
    if (tip.height !== this.tip.height + 1) return;
    const { header, certificate } = block;
    this.advance(header, certificate, this.executor.runWith(certificate.blockHash, block, envelopes), resumeOffset);
  }

  /** Makes an executed block final here; halts when the quorum certified other results than ours. */
  private advance(header: Block['header'], certificate: Certificate, run: Executed, blocksOffset: number): void {
    const tip = this.executor.commit(header, certificate, run);
    const isSame = equalBytes(header.nextValidatorsHash, header.validatorsHash);
    const nextValidators = isSame ? undefined : tip.validators.keys;
    this.snapshots.decided({ header, certificate, nextValidators }, blocksOffset);
    this.requests.clear();
    this.intake.decided();
    this.updateDemand();
    this.deliver({ kind: 'advanced', tip });
    this.noteRejoins(header.height, run);
    if (tip.validators !== tip.certifiedBy) this.openEpoch(tip);
    for (const { reason } of run.execution.quarantined)
      this.observe({ kind: 'quarantined', height: header.height, reason });
    this.observe({
      kind: 'decided',
      height: header.height,
      round: certificate.round,
      operations: operationsIn(run),
      rejected: run.execution.rejected,
      signers: certificate.signatures.length,
      ageMs: this.clock.now() - header.time,
      executeMs: run.ms,
    });
  }

  /** The validators take turns. */
  private offer({ block, partRoots }: SnapshotManifest, snapshots: SnapshotOptions | undefined): void {
    if (snapshots?.offerEvery === undefined) return;
    const { height } = block.header;
    const count = height / CHECKPOINT_BLOCKS / snapshots.everyCheckpoints;
    const turn = Math.floor(count / snapshots.offerEvery) % this.tip.validators.keys.length;
    if (count % snapshots.offerEvery !== 0 || !this.hosted.some(({ index }) => index === turn)) return;
    this.publisherOfSnapshots?.publish(height, partRoots.length);
  }

  private noteRejoins(at: number, run: Executed): void {
    const granted = this.rejoins.takeGranted(run.execution.results);
    for (const hosted of this.hosted) {
      if (!granted.includes(hosted.kid)) continue;
      this.queue.push({ to: hosted, input: { kind: 'signAbove', height: at } });
      this.observe({ kind: 'rejoined', validator: hosted.kid, height: at });
    }
    this.rejoins.advanced();
  }

  /** Who is hosted here has another place in the new set, or none; what came too early for it is looked at now. */
  private openEpoch({ height, validators }: ChainTip): void {
    for (const hosted of this.hosted) {
      const before = hosted.index;
      hosted.index = indexOfKey(validators, hosted.replica.key);
      if ((before === OBSERVER) === (hosted.index === OBSERVER)) continue;
      const kind = before === OBSERVER ? 'joined' : 'left';
      this.observe({ kind, validator: hosted.kid, height: height + 1 });
    }
    for (const bytes of this.verifier.takeEarly()) this.onMessage(bytes);
  }
}

const operationsIn = ({ envelopes }: Executed): number =>
  envelopes.reduce((sum, { operationIds }) => sum + operationIds.length, 0);

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

/** The newest snapshot that can be believed, own or offered, or the genesis. */
async function startOf({ crypto, identity, log, clock, snapshots, observe }: HostOptions): Promise<SnapshotStart> {
  if (snapshots?.fetchBeyond !== undefined) {
    const { store, fetchBeyond } = snapshots;
    await log.ensureTopics([topicsOf(identity).snapshots]);
    const above = ((await store.heights())[0] ?? 0) + fetchBeyond;
    const fetched = await fetchSnapshot({ crypto, identity, log, clock, store, above });
    if (fetched !== undefined) observe?.({ kind: 'snapshotFetched', height: fetched });
  }
  const restored =
    snapshots &&
    (await newestSnapshot({
      crypto,
      identity,
      store: snapshots.store,
      onRefused: (height, reason) => observe?.({ kind: 'snapshotRefused', height, reason }),
    }));
  return restored ?? genesisStart(crypto, identity);
}

/** The state of height 0, and all blocks still to come. */
export function genesisStart(crypto: Crypto, identity: LedgerIdentity): SnapshotStart {
  const ledger = createLedger(crypto, identity);
  return { ledger, tip: genesisTip(crypto, identity, ledger), changes: [], blocksOffset: 0 };
}

/** Where a ledger stands before its first block. */
export function genesisTip(
  crypto: Crypto,
  identity: LedgerIdentity,
  ledger: Pick<Ledger, 'stateDigest' | 'time'>,
): ChainTip {
  const validators = genesisValidators(crypto, identity.genesis);
  return {
    height: 0,
    hash: identity.genesisHash,
    certificateHash: ZERO_HASH,
    certificate: undefined,
    time: ledger.time,
    stateDigest: ledger.stateDigest,
    certifiedBy: validators,
    validators,
  };
}
