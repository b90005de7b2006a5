import type { Crypto } from '@gridtokenx/crypto';
import { httpProblem, ProblemError, type ProblemItem } from '@gridtokenx/nest';
import {
  BATCH_BYTES_MAX,
  decodeEnvelope,
  ENVELOPE_BYTES_MAX,
  EnvelopeError,
  OPERATIONS_PER_BATCH_MAX,
  type Envelope,
  type LedgerIdentity,
} from '@gridtokenx/protocol';
import type { Clock, Log, LedgerReads } from '@gridtokenx/runtime';
import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, CRYPTO, IDENTITY, LOG, OPERATIONS_TOPIC, READ_MODELS } from '../parts.js';
import { problem, refusalFields, refusalOf, refuse, type Refusal } from '../problems.js';
import { adviceFor } from './advice.js';
import { Backlog } from './backlog.js';
import { Budget } from './budget.js';
import { envelopeBytesOf } from './envelope-bytes.js';
import { envelopeHash, hexOf } from './envelope-outline.js';
import { linesOf, type Line } from './lines.js';
import { Pending } from './pending.js';

export type BatchMode = 'partial' | 'all-or-nothing';

/** Room in a line for what may stand around the JWS. */
const LINE_BYTES_MAX = ENVELOPE_BYTES_MAX + 1_024;

/**
 * Read models whose last block is older than so many beats are being built again, or fell behind: that they do not know a
 * key says nothing.
 */
const BEATS_BEHIND_MAX = 3;

/** An envelope that will be answered `accepted`, unless the advice or the bus says otherwise. */
interface Candidate {
  readonly kind: 'candidate';
  readonly hash: string;
  /** Absent when the same bytes are on the bus already: they were checked then. */
  readonly envelope: Envelope | undefined;
  /** Hex. */
  readonly operationIds: readonly string[];
}

type Verdict = Candidate | { readonly kind: 'refused'; readonly refusal: Refusal };

type Fresh = Pick<Candidate, 'operationIds'> & { readonly envelope: Envelope };

export interface LineAnswer {
  readonly line: number;
  readonly verdict: Verdict;
}

export interface BatchResult {
  /** In line order. */
  readonly lines: readonly LineAnswer[];
  /** Of the accepted envelopes, hex, in order. */
  readonly operationCount: number;
}

/**
 * The way in: decode, ask for advice, append, and only then accept. The same bytes are the same operations, however
 * often and through whichever gateway they come.
 */
@Injectable()
export class Intake {
  private readonly appending = new Map<string, Promise<void>>();

  constructor(
    @Inject(IDENTITY) private readonly identity: LedgerIdentity,
    @Inject(CRYPTO) private readonly crypto: Crypto,
    @Inject(LOG) private readonly log: Log,
    @Inject(READ_MODELS) private readonly readModels: LedgerReads,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(OPERATIONS_TOPIC) private readonly topic: string,
    @Inject(Pending) private readonly pending: Pending,
    @Inject(Budget) private readonly budget: Budget,
    @Inject(Backlog) private readonly backlog: Backlog,
  ) {}

  /** The ids (hex) of one envelope, once it is durable. Throws ProblemError. */
  async submit(bytes: Uint8Array): Promise<readonly string[]> {
    this.refuseWhenBehind();
    const share = this.budget.open(bytes.length);
    try {
      const [verdict] = await this.advise([this.check(bytes)]);
      if (verdict === undefined || verdict.kind === 'refused')
        throw new ProblemError(refusalFields(verdict?.refusal ?? refuse('envelope.malformed', '')));
      await this.append([verdict]);
      return verdict.operationIds;
    } finally {
      share.release();
    }
  }

  /** Reads the lines as they come; appends all that goes through at once. Throws ProblemError. */
  async submitBatch(
    chunks: AsyncIterable<Uint8Array>,
    declaredBytes: number | undefined,
    mode: BatchMode,
  ): Promise<BatchResult> {
    if ((declaredBytes ?? 0) > BATCH_BYTES_MAX) throw problem('batch.tooLarge');
    this.refuseWhenBehind();
    const share = this.budget.open(declaredBytes ?? 0);
    try {
      const grow = declaredBytes === undefined ? share.grow : (): void => undefined;
      const { numbers, verdicts } = await this.checkLines(bounded(chunks, grow));
      if (verdicts.length === 0) throw problem('batch.empty');
      const lines = (await this.advise(verdicts)).map((verdict, i) => ({ line: numbers[i] ?? 0, verdict }));
      const accepted = lines.flatMap(({ verdict }) => (verdict.kind === 'candidate' ? [verdict] : []));
      if (accepted.length === 0 || (mode === 'all-or-nothing' && accepted.length < lines.length))
        throw problem('batch.refused', undefined, itemsOf(lines));
      await this.append(accepted);
      return { lines, operationCount: accepted.reduce((sum, { operationIds }) => sum + operationIds.length, 0) };
    } finally {
      share.release();
    }
  }

  /** Before a byte is looked at: what is refused must cost next to nothing. */
  private refuseWhenBehind(): void {
    if (this.backlog.isFull(this.clock.now())) throw problem('ledger.behind');
  }

  private async checkLines(chunks: AsyncIterable<Uint8Array>): Promise<{ numbers: number[]; verdicts: Verdict[] }> {
    const numbers: number[] = [];
    const verdicts: Verdict[] = [];
    let operations = 0;
    for await (const line of linesOf(chunks, LINE_BYTES_MAX, tooManyLines)) {
      const verdict = this.checkLine(line);
      // A refused line stands for one operation at least, so that rubbish is bounded too.
      operations += verdict.kind === 'candidate' ? verdict.operationIds.length : 1;
      if (operations > OPERATIONS_PER_BATCH_MAX) throw problem('batch.tooManyOperations');
      numbers.push(line.line);
      verdicts.push(verdict);
    }
    return { numbers, verdicts };
  }

  private checkLine({ bytes }: Line): Verdict {
    if (bytes === undefined) return { kind: 'refused', refusal: refuse('envelope.tooLarge', '') };
    try {
      return this.check(envelopeBytesOf(bytes));
    } catch (error) {
      return refused(error);
    }
  }

  /** Everything that needs no state: form, schema, ledger, signature. */
  private check(bytes: Uint8Array): Verdict {
    if (bytes.length > ENVELOPE_BYTES_MAX) return { kind: 'refused', refusal: refuse('envelope.tooLarge', '') };
    const hash = envelopeHash(this.crypto, bytes);
    const known = this.pending.envelope(hash);
    if (known !== undefined) return { kind: 'candidate', hash, envelope: undefined, operationIds: known.operationIds };
    try {
      // A copy of its own: a line is a piece of a chunk, which a kept envelope would pin.
      const envelope = decodeEnvelope(this.crypto, this.identity.ledgerId, bytes.slice());
      return { kind: 'candidate', hash, envelope, operationIds: envelope.operationIds.map(hexOf) };
    } catch (error) {
      return refused(error);
    }
  }

  /** What the ledger would say, as far as the read models know; what it has already taken in is accepted again. */
  private async advise(verdicts: readonly Verdict[]): Promise<Verdict[]> {
    const fresh = verdicts.flatMap((verdict) =>
      verdict.kind === 'candidate' && verdict.envelope !== undefined ? [{ verdict, envelope: verdict.envelope }] : [],
    );
    if (fresh.length === 0) return [...verdicts];
    const { value: admissions, timeMs } = await this.readModels.admission(fresh.map(({ envelope }) => envelope));
    if (this.isFarBehind(timeMs) && admissions.includes('operation.unknownKey')) throw problem('read.behind');
    const refusals = new Map<Verdict, Refusal>();
    for (const [i, { verdict, envelope }] of fresh.entries()) {
      const refusal = adviceFor(envelope, admissions[i] ?? 'admissible', {
        blockTimeMs: timeMs,
        nowMs: this.clock.now(),
        highestPending: () => this.pending.highestSequence(envelope.kid),
      });
      if (refusal !== undefined) refusals.set(verdict, refusal);
    }
    if (refusals.size === 0) return [...verdicts];
    const decided = await this.decidedAmong(fresh.filter(({ verdict }) => refusals.has(verdict)));
    return verdicts.map((verdict): Verdict => {
      const refusal = refusals.get(verdict);
      if (refusal === undefined || verdict.kind === 'refused') return verdict;
      if (decided.has(verdict.operationIds[0] ?? '')) return { ...verdict, envelope: undefined };
      return { kind: 'refused', refusal };
    });
  }

  private isFarBehind(blockTimeMs: number): boolean {
    return this.clock.now() - blockTimeMs > BEATS_BEHIND_MAX * this.identity.genesis.consensus.beatMs;
  }

  private async decidedAmong(asked: readonly { readonly verdict: Candidate }[]): Promise<Set<string>> {
    const { value } = await this.readModels.operationsByIds(asked.map(({ verdict }) => verdict.operationIds[0] ?? ''));
    return new Set(value.map(({ operationId }) => operationId));
  }

  /** Resolves once all are durable: those that others are just appending are waited for, not appended twice. */
  private async append(candidates: readonly Candidate[]): Promise<void> {
    const others: Promise<void>[] = [];
    const fresh = new Map<string, Fresh>();
    for (const { hash, envelope, operationIds } of candidates) {
      const underWay = this.appending.get(hash);
      if (underWay !== undefined) others.push(underWay);
      else if (envelope !== undefined && this.pending.envelope(hash) === undefined)
        fresh.set(hash, { envelope, operationIds });
    }
    const own = fresh.size === 0 ? [] : [this.appendFresh(fresh)];
    await Promise.all([...own, ...others]);
  }

  private appendFresh(fresh: ReadonlyMap<string, Fresh>): Promise<void> {
    const sinceMs = this.clock.now();
    const added = [...fresh].map(
      ([
        hash,
        {
          envelope: { kid, sequence, validUntil },
          operationIds,
        },
      ]) => this.pending.add({ hash, kid, sequence, validUntil, operationIds, sinceMs, durable: false }),
    );
    const appended = this.log
      .append(
        this.topic,
        [...fresh.values()].map(({ envelope }) => envelope.bytes),
      )
      .then(
        () => {
          for (const envelope of added) envelope.durable = true;
        },
        (error: unknown) => {
          // Perhaps it is on the bus and only the answer was lost: then the tail has said so, or will.
          for (const envelope of added) if (!envelope.durable) this.pending.drop(envelope);
          throw error;
        },
      )
      .finally(() => {
        for (const hash of fresh.keys()) this.appending.delete(hash);
      });
    for (const hash of fresh.keys()) this.appending.set(hash, appended);
    return appended;
  }
}

function tooManyLines(): never {
  throw problem('batch.tooManyLines');
}

function refused(error: unknown): Verdict {
  if (error instanceof EnvelopeError) return { kind: 'refused', refusal: refusalOf(error) };
  throw error;
}

const itemsOf = (lines: readonly LineAnswer[]): ProblemItem[] =>
  lines.flatMap(({ line, verdict }) => (verdict.kind === 'refused' ? [{ ...verdict.refusal, line }] : []));

/** Ends a body that is larger than a batch may be, or that ends before it is whole. */
async function* bounded(chunks: AsyncIterable<Uint8Array>, grow: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of whole(chunks)) {
    bytes += chunk.length;
    if (bytes > BATCH_BYTES_MAX) throw problem('batch.tooLarge');
    grow(chunk.length);
    yield chunk;
  }
}

async function* whole(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } catch (cause) {
    throw new ProblemError(httpProblem(400, 'the body ended early'), { cause });
  }
}
