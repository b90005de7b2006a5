import type { Certificate } from '@gridtokenx/chain';
import type { Candidate } from '@gridtokenx/consensus';
import type { Hash } from '@gridtokenx/crypto';
import { toHex } from '@gridtokenx/kernel';
import type { CandidateLists } from './candidate-lists.js';
import type { Frame } from './consensus-frames.js';
import type { EnvelopePool } from './envelope-pool.js';
import type { Clock } from './ports.js';
import type { Timers } from './timers.js';

const AFTER_MS = 300;
const AGAIN_MS = 1_000;
const ANSWER_STAGGER_MS = 50;
/** What was answered is not answered again for so long. */
const ANSWERED_MS = 500;
const HASHES_PER_REQUEST_MAX = 4_096;

/** A block that a quorum decided, whose candidate or envelopes are not all here. */
export interface PendingDecision {
  readonly certificate: Certificate;
  readonly leader: number;
}

interface Waiting<Waiter> {
  readonly candidate: Candidate;
  readonly waiters: Set<Waiter>;
  /** So many of its envelopes were found to be here: they are not looked for again each time that one arrives. */
  here: number;
}

export interface RequestsOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly pool: EnvelopePool;
  readonly candidates: CandidateLists;
  readonly send: (frame: Frame) => void;
}

/**
 * Who waits for a verdict, an execution, a candidate or a decision because something is missing, and the asking for it:
 * by hash, on the consensus topic, after a pause in which it may come by itself, and again while it is still missing.
 */
export class Requests<Waiter> {
  private readonly checks = new Map<string, Waiting<Waiter>>();
  private readonly executions = new Map<string, Waiting<Waiter>>();
  private readonly wantedCandidates = new Map<string, { readonly hash: Hash; readonly waiters: Set<Waiter> }>();
  private decision: PendingDecision | undefined;

  constructor(private readonly options: RequestsOptions) {}

  /** Decided, and what it needs had not arrived when it was last tried. */
  get pendingDecision(): PendingDecision | undefined {
    return this.decision;
  }

  awaitCheck(candidate: Candidate, waiter: Waiter): void {
    this.wait(this.checks, candidate, waiter);
  }

  awaitExecution(candidate: Candidate, waiter: Waiter): void {
    this.wait(this.executions, candidate, waiter);
  }

  awaitCandidate(hash: Hash, waiter: Waiter): void {
    const waiting = this.wantedCandidates.get(toHex(hash)) ?? { hash, waiters: new Set<Waiter>() };
    waiting.waiters.add(waiter);
    this.wantedCandidates.set(toHex(hash), waiting);
    this.schedule(0);
  }

  awaitDecision(decision: PendingDecision): void {
    this.decision = decision;
    this.schedule(0);
  }

  /** A candidate arrived: it is kept when somebody wants it; gives those who wait for it. */
  offer(candidate: Candidate): Iterable<Waiter> {
    const waiting = this.wantedCandidates.get(toHex(candidate.hash));
    if (waiting !== undefined || this.decision !== undefined) this.options.candidates.offer(candidate);
    return waiting?.waiters ?? [];
  }

  /** The candidate of this header proved itself: nobody asks for it any more. */
  found(hash: Hash): void {
    this.wantedCandidates.delete(toHex(hash));
  }

  /** The checks whose envelopes have all arrived; they wait no longer. */
  takeReadyChecks(): Iterable<Waiting<Waiter>> {
    return this.takeReady(this.checks);
  }

  takeReadyExecutions(): Iterable<Waiting<Waiter>> {
    return this.takeReady(this.executions);
  }

  /** The height is decided: nothing of it is wanted any more. */
  clear(): void {
    this.checks.clear();
    this.executions.clear();
    this.wantedCandidates.clear();
    this.decision = undefined;
  }

  private wait(waiting: Map<string, Waiting<Waiter>>, candidate: Candidate, waiter: Waiter): void {
    const key = this.options.candidates.keyOf(candidate);
    const found = waiting.get(key) ?? { candidate, waiters: new Set<Waiter>(), here: 0 };
    found.waiters.add(waiter);
    waiting.set(key, found);
    this.schedule(AFTER_MS);
  }

  private *takeReady(waiting: Map<string, Waiting<Waiter>>): Iterable<Waiting<Waiter>> {
    for (const [key, one] of waiting) {
      one.here = this.options.pool.heldFrom(one.candidate.envelopeHashes, one.here);
      if (one.here < one.candidate.envelopeHashes.length) continue;
      waiting.delete(key);
      yield one;
    }
  }

  private schedule(afterMs: number): void {
    const { clock, timers } = this.options;
    if (!timers.has('request')) timers.set('request', clock.now() + afterMs, () => this.ask());
  }

  private ask(): void {
    const frames = [...this.wantEnvelopes(), ...this.wantCandidates()];
    for (const frame of frames) this.options.send(frame);
    if (frames.length > 0) this.schedule(AGAIN_MS);
  }

  private wantEnvelopes(): Frame[] {
    const { pool, candidates } = this.options;
    const lists = [...this.checks.values(), ...this.executions.values()].map(({ candidate }) => candidate);
    if (this.decision !== undefined) lists.push(...candidates.offeredFor(this.decision.certificate.blockHash));
    const wanted = new Map<string, Hash>();
    for (const { envelopeHashes } of lists)
      for (const hash of envelopeHashes) if (pool.get(hash) === undefined) wanted.set(toHex(hash), hash);
    if (wanted.size === 0) return [];
    return [{ kind: 'wantEnvelopes', hashes: [...wanted.values()].slice(0, HASHES_PER_REQUEST_MAX) }];
  }

  private wantCandidates(): Frame[] {
    const missing = new Map([...this.wantedCandidates].map(([key, { hash }]) => [key, hash]));
    const decided = this.decision?.certificate.blockHash;
    if (decided !== undefined && this.options.candidates.proven(decided) === undefined)
      missing.set(toHex(decided), decided);
    return [...missing.values()].map((hash) => ({ kind: 'wantCandidate', hash }));
  }
}

/** What others asked for, told to them in turn: one that sees another's answer keeps its own. */
export class Answers {
  /** Names that have a timer: mostly none, and then an envelope that arrives costs no look. */
  private open = 0;

  constructor(
    private readonly clock: Clock,
    private readonly timers: Timers,
  ) {}

  /** Whoever asks again does not put off the turn of those who come late in rank; what was just said is on its way. */
  answer(hash: Hash, rank: number, say: () => void): void {
    const name = nameOf(hash);
    if (this.timers.has(name)) return;
    this.open++;
    this.timers.set(name, this.clock.now() + rank * ANSWER_STAGGER_MS, () => {
      this.beSilent(name);
      say();
    });
  }

  /** Somebody else has said it. */
  cancel(hash: Hash): void {
    if (this.open === 0) return;
    const name = nameOf(hash);
    if (this.timers.has(name)) this.beSilent(name);
  }

  private beSilent(name: string): void {
    this.timers.set(name, this.clock.now() + ANSWERED_MS, () => void this.open--);
  }
}

const nameOf = (hash: Hash): string => `answer/${toHex(hash)}`;
