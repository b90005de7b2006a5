import { noble, type Crypto } from '@gridtokenx/crypto';
import { fromUtf8 } from '@gridtokenx/kernel';
import { decodeBlock, type Block, type LightBlock } from '@gridtokenx/chain';
import {
  kindOfLedger,
  LEDGER_PATHS,
  OPERATIONS_PER_ENVELOPE_MAX,
  type LedgerIdentity,
  type LedgerKind,
  type Outcome,
} from '@gridtokenx/protocol';
import { decodeLightBlockJson } from './light-block-json.js';
import { platform as ownPlatform, type FetchAnswer, type FetchInit, type Platform } from './platform.js';
import { badAnswer, GridProblem, isRecord, problemEntry, problemFrom } from './problem.js';
import { decodeProofJson, type DecodedProof } from './proof-json.js';
import type { SignedEnvelope } from './signing.js';
import {
  OPERATION_STATUSES,
  type Accepted,
  type BatchLine,
  type BatchMode,
  type OperationLink,
  type OperationStatus,
  type OperationView,
  type Page,
  type Read,
  type Row,
} from './views.js';

export interface GridClientOptions {
  /** Of the gateway, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  /** The user's own genesis, when given: says which ledger is asked, and envelopes for another one are not sent. By default the consortium. */
  readonly identity?: Pick<LedgerIdentity, 'ledgerId'>;
  /** Which ledger is asked without a genesis. */
  readonly kind?: LedgerKind;
  readonly platform?: Platform;
  readonly crypto?: Crypto;
  /** How often a request is sent at most. */
  readonly attempts?: number;
}

export interface FollowOptions {
  readonly timeoutMs?: number;
}

/** Of intervals that start in [from, to). */
export interface StatementRequest {
  readonly from: string;
  readonly to: string;
  readonly format?: 'json' | 'csv';
  /** Whether rows name the events that they stand on: they do by default. */
  readonly basis?: 'true' | 'false';
  /** The account is that of a grid operator: what its wires were paid, and where the energy of its zones went. */
  readonly utility?: boolean;
}

export interface ListOptions {
  /** Filters, as query parameters. */
  readonly where?: Readonly<Record<string, string>>;
  readonly pageSize?: number;
  /** Where an earlier listing stopped. */
  readonly cursor?: string;
  /** A read that does not stand at this height yet is refused by the gateway. */
  readonly minHeight?: number;
}

const ATTEMPTS_DEFAULT = 6;
const BACKOFF_FIRST_MS = 250;
const BACKOFF_MAX_MS = 8_000;
/** A longer Retry-After is the caller's to wait for. */
const RETRY_AFTER_MAX_MS = 60_000;
const RETRIED = new Set([429, 502, 503, 504]);
const FOLLOW_FIRST_MS = 100;
const FOLLOW_MAX_MS = 2_000;
const FOLLOW_TIMEOUT_MS = 30_000;
const ANSWER_BYTES_MAX = 128 * 1024 * 1024;
const STATUS_IDS_MAX = OPERATIONS_PER_ENVELOPE_MAX;

/**
 * The gateway's REST interface. Every request may be repeated: reads change nothing, and the same envelope bytes are
 * the same operations however often they arrive. So all are sent again, with growing pauses, when the gateway is busy
 * or out of reach.
 */
export class GridClient {
  readonly #url: string;
  /** Where the gateway serves the ledger. */
  readonly #base: string;
  readonly #platform: Platform;
  readonly #crypto: Crypto;
  readonly #attempts: number;
  readonly #ledgerId: string | undefined;

  constructor({
    url,
    identity,
    kind = identity === undefined ? undefined : kindOfLedger(identity.ledgerId),
    platform = ownPlatform,
    crypto = noble,
    attempts = ATTEMPTS_DEFAULT,
  }: GridClientOptions) {
    this.#url = url.replace(/\/+$/, '');
    this.#base = this.#url + LEDGER_PATHS[kind ?? 'consortium'];
    this.#platform = platform;
    this.#crypto = crypto;
    this.#attempts = attempts;
    this.#ledgerId = identity?.ledgerId;
  }

  /** Resolves when the envelope is durable on the bus; what becomes of it tells {@link follow}. */
  async submit(envelope: SignedEnvelope | string): Promise<Accepted> {
    const body = this.#jwsOf(envelope);
    const answer = await this.#json('POST', '/operations', { body, type: 'application/jose' });
    return { operations: linksOf(answer['operations']) };
  }

  /** One request of many envelopes. `all-or-nothing`: all pass the gateway's checks before the first is appended. */
  async submitBatch(envelopes: readonly (SignedEnvelope | string)[], mode: BatchMode): Promise<readonly BatchLine[]> {
    const body = `${envelopes.map((envelope) => this.#jwsOf(envelope)).join('\n')}\n`;
    const answer = await this.#json('POST', `/batches?mode=${mode}`, { body, type: 'application/x-ndjson' });
    const results = answer['results'];
    if (!Array.isArray(results)) throw badAnswer('a batch is answered line by line');
    return results.map(batchLineOf);
  }

  async operation(id: string): Promise<OperationView> {
    return operationOf(await this.#json('GET', `/operations/${encodeURIComponent(id)}`));
  }

  /** Of those that are waiting or in a block; ids that the gateway does not know are left out. */
  async statuses(ids: readonly string[]): Promise<readonly OperationView[]> {
    const views: OperationView[] = [];
    for (let at = 0; at < ids.length; at += STATUS_IDS_MAX) {
      const body = JSON.stringify({ ids: ids.slice(at, at + STATUS_IDS_MAX) });
      const answer = await this.#json('POST', '/operations/status', { body, type: 'application/json' });
      const listed = answer['operations'];
      if (!Array.isArray(listed)) throw badAnswer('a list of operations was expected');
      views.push(...listed.map(operationOf));
    }
    return views;
  }

  /** Asks with growing pauses until the operation is decided: executed, rejected, expired or refused. */
  async follow(id: string, { timeoutMs = FOLLOW_TIMEOUT_MS }: FollowOptions = {}): Promise<OperationView> {
    const until = this.#platform.now() + timeoutMs;
    let pause = FOLLOW_FIRST_MS;
    for (;;) {
      const view = await this.#operationIfKnown(id);
      if (view !== undefined && view.status !== 'pending') return view;
      const left = until - this.#platform.now();
      if (left <= 0)
        throw new GridProblem({
          code: 'client.timeout',
          status: 0,
          detail: `${id} was not decided within ${timeoutMs} ms`,
        });
      await this.#platform.sleep(Math.min(pause, left));
      pause = Math.min(pause * 1.5, FOLLOW_MAX_MS);
    }
  }

  /** Another gateway may have taken the operation in a moment ago: not known yet is pending. */
  async #operationIfKnown(id: string): Promise<OperationView | undefined> {
    try {
      return await this.operation(id);
    } catch (error) {
      if (error instanceof GridProblem && error.status === 404) return undefined;
      throw error;
    }
  }

  balances(account: string, { minHeight }: Pick<ListOptions, 'minHeight'> = {}): Promise<Read> {
    return this.#json('GET', `/accounts/${encodeURIComponent(account)}/balances${query({ minHeight })}`);
  }

  /** `where` may name `mechanism` and `phase`; else it is the one that opened last. */
  book(
    fromZone: string,
    toZone: string,
    interval: string,
    { minHeight, where = {} }: Pick<ListOptions, 'minHeight' | 'where'> = {},
  ): Promise<Read> {
    const place = [fromZone, toZone, interval].map(encodeURIComponent).join('/');
    return this.#json('GET', `/markets/${place}/book${query({ ...where, minHeight })}`);
  }

  /** Books with their terms, those that opened last first. */
  markets(options: ListOptions = {}): AsyncGenerator<Row> {
    return this.#rows('/markets', options);
  }

  trades(options: ListOptions = {}): AsyncGenerator<Row> {
    return this.#rows('/trades', options);
  }

  /** Forward trades, with what the network cut and what was delivered. */
  contracts(options: ListOptions = {}): AsyncGenerator<Row> {
    return this.#rows('/contracts', options);
  }

  /** What settled positions of an account came to, and what corrections made of it. */
  positions(account: string, options: ListOptions = {}): AsyncGenerator<Row> {
    return this.#rows(`/accounts/${encodeURIComponent(account)}/positions`, options);
  }

  /**
   * A statement as the gateway makes it, as text: canonical JSON, or CSV. Times are RFC 3339, at whole quarters of an hour. Whoever does not
   * believe it makes the same bytes from blocks (`Histories` of the chain).
   */
  async statement(
    account: string,
    { utility = false, ...where }: StatementRequest,
    { minHeight }: Pick<ListOptions, 'minHeight'> = {},
  ): Promise<string> {
    const whose = utility ? 'operators' : 'accounts';
    const path = `/${whose}/${encodeURIComponent(account)}/statement${query({ ...where, minHeight })}`;
    return fromUtf8(await this.#bytes(path)) ?? fail('a statement is UTF-8');
  }

  /** One answer of the ledger that has no method of its own, by its path below that of the ledger, such as `/treasury`. */
  read(path: string, { minHeight }: Pick<ListOptions, 'minHeight'> = {}): Promise<Read> {
    return this.#json('GET', `${path}${query({ minHeight })}`);
  }

  /** The rows of a listing that has no method of its own, such as `/referenda`. */
  list(path: string, options: ListOptions = {}): AsyncGenerator<Row> {
    return this.#rows(path, options);
  }

  orders(options: ListOptions = {}): AsyncGenerator<Row> {
    return this.#rows('/orders', options);
  }

  /** Newest first. */
  blocks(options: ListOptions = {}): AsyncGenerator<Row> {
    return this.#rows('/blocks', options, ['before', 'after']);
  }

  /** Who decides, and who was silent, in the order of their keys. */
  validators(options: ListOptions = {}): AsyncGenerator<Row> {
    return this.#rows('/validators', options);
  }

  /** What the consortium is asked to change of its validators, newest first. */
  validatorChanges(options: ListOptions = {}): AsyncGenerator<Row> {
    return this.#rows('/validator-changes', options);
  }

  /** The key's window of sequences; `undefined` when the ledger does not know the key. */
  async key(kid: string): Promise<Read | undefined> {
    return unlessMissing(this.#json('GET', `/keys/${encodeURIComponent(kid)}`));
  }

  /** The next sequence by what the ledger has executed; envelopes still under way are not in it. */
  async nextSequence(kid: string): Promise<number> {
    const key = await this.key(kid);
    const highest = key === undefined ? 0 : key['highestSequence'];
    if (typeof highest !== 'number') throw badAnswer('a key shows the highest sequence it has used');
    return highest + 1;
  }

  block(height: number): Promise<Read> {
    return this.#json('GET', `/blocks/${height}`);
  }

  /**
   * The bytes of a block record, for {@link BlockFollower}; `undefined` when there is no such block yet. With `wait` the
   * gateway holds its answer until there is one, as long as it holds any.
   */
  async blockRecord(height: number, { wait = false }: { wait?: boolean } = {}): Promise<Uint8Array | undefined> {
    return unlessMissing(this.#bytes(`/blocks/${height}/record${query({ minHeight: wait ? height : undefined })}`));
  }

  /** A light block as it is offered, for {@link LightClient}; `undefined` when there is no such block yet. */
  async lightBlock(height: number): Promise<LightBlock | undefined> {
    const bytes = await unlessMissing(this.#bytes(`/light-blocks/${height}`));
    return bytes === undefined ? undefined : decodeLightBlockJson(fromUtf8(bytes) ?? fail('a light block is UTF-8'));
  }

  /** A record, decoded and not verified. */
  async decodedBlock(height: number): Promise<Block | undefined> {
    const bytes = await this.blockRecord(height);
    return bytes === undefined ? undefined : decodeBlock(bytes);
  }

  async proof(height: number, operationId: string): Promise<DecodedProof> {
    return decodeProofJson(await this.proofText(height, operationId), { crypto: this.#crypto });
  }

  /** The proof as it was served. */
  async proofText(height: number, operationId: string): Promise<string> {
    const bytes = await this.#bytes(`/blocks/${height}/proof/${encodeURIComponent(operationId)}`);
    return fromUtf8(bytes) ?? fail('a proof is UTF-8');
  }

  /** The genesis file that the gateway offers: a convenience, never an anchor. */
  genesis(): Promise<Uint8Array> {
    return this.#bytes('/genesis');
  }

  /** A gateway that is not well says so with 503 and the same report: that is an answer, and not asked for again. */
  async health(): Promise<Read> {
    const answer = await this.#send('/health', { method: 'GET', headers: { accept: 'application/json' } }, [503]);
    const value = await bodyOf(answer);
    if (!isRecord(value)) throw badAnswer('a JSON object was expected', answer.status);
    if (answer.status === 503 && value['checks'] === undefined) throw problemFrom(503, value);
    return value;
  }

  /** `starts`: filters that say where the first page begins, which on later pages the cursor says. */
  async *#rows(path: string, options: ListOptions, starts: readonly string[] = []): AsyncGenerator<Row> {
    const { where = {}, pageSize, cursor, minHeight } = options;
    const lasting = Object.fromEntries(Object.entries(where).filter(([name]) => !starts.includes(name)));
    let at = cursor;
    do {
      const filter = at === undefined ? where : lasting;
      const page = pageOf(
        await this.#json('GET', `${path}${query({ ...filter, limit: pageSize, cursor: at, minHeight })}`),
      );
      yield* page.items;
      at = page.next;
    } while (at !== undefined);
  }

  #jwsOf(envelope: SignedEnvelope | string): string {
    if (typeof envelope === 'string') return envelope;
    if (this.#ledgerId !== undefined && envelope.ledgerId !== this.#ledgerId)
      throw new GridProblem({ code: 'envelope.wrongLedger', status: 0, detail: `signed for ${envelope.ledgerId}` });
    return envelope.jws;
  }

  async #json(method: string, path: string, content?: { body: string; type: string }): Promise<Read> {
    const answer = await this.#send(path, {
      method,
      headers: { accept: 'application/json', ...(content && { 'content-type': content.type }) },
      ...(content && { body: content.body }),
    });
    const value = await bodyOf(answer);
    if (!isRecord(value)) throw badAnswer('a JSON object was expected', answer.status);
    return value;
  }

  async #bytes(path: string): Promise<Uint8Array> {
    const answer = await this.#send(path, { method: 'GET', headers: { accept: '*/*' } });
    return new Uint8Array(await answer.arrayBuffer());
  }

  async #send(path: string, init: FetchInit, accepted: readonly number[] = []): Promise<FetchAnswer> {
    for (let attempt = 1; ; attempt++) {
      const result = await this.#once(path, init, accepted);
      if (!(result instanceof GridProblem)) return result;
      const { status, retryAfterMs = 0 } = result;
      const mayPass = status === 0 ? result.code === 'client.unreachable' : RETRIED.has(status);
      if (!mayPass || attempt >= this.#attempts || retryAfterMs > RETRY_AFTER_MAX_MS) throw result;
      await this.#platform.sleep(Math.max(retryAfterMs, this.#backoff(attempt)));
    }
  }

  async #once(path: string, init: FetchInit, accepted: readonly number[]): Promise<FetchAnswer | GridProblem> {
    let answer: FetchAnswer;
    try {
      answer = await this.#platform.fetch(this.#base + path, init);
    } catch (error) {
      return new GridProblem({ code: 'client.unreachable', status: 0, detail: `${this.#url}: ${reasonOf(error)}` });
    }
    if (Number(answer.headers.get('content-length') ?? 0) > ANSWER_BYTES_MAX)
      return badAnswer('the answer is too large', answer.status);
    if ((answer.status >= 200 && answer.status < 300) || accepted.includes(answer.status)) return answer;
    const retryAfter = retryAfterMs(answer.headers.get('retry-after'), this.#platform.now());
    return problemFrom(answer.status, await bodyOf(answer).catch(() => undefined), retryAfter);
  }

  /** Full jitter above a half, so that many clients that were refused together do not come back together. */
  #backoff(attempt: number): number {
    const ceiling = Math.min(BACKOFF_FIRST_MS * 2 ** (attempt - 1), BACKOFF_MAX_MS);
    const [byte = 0] = this.#platform.randomBytes(1);
    return Math.round(ceiling / 2 + (ceiling / 2) * (byte / 255));
  }
}

/** Seconds or an HTTP date (RFC 9110 section 10.2.3). */
function retryAfterMs(value: string | null, now: number): number | undefined {
  if (value === null) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

async function bodyOf(answer: FetchAnswer): Promise<unknown> {
  const text = fromUtf8(new Uint8Array(await answer.arrayBuffer()));
  try {
    return JSON.parse(text ?? '') as unknown;
  } catch {
    throw badAnswer('the answer is not JSON', answer.status);
  }
}

async function unlessMissing<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof GridProblem && error.status === 404) return undefined;
    throw error;
  }
}

/** `fetch` hides the reason (refused, no such host) in `cause`. */
function reasonOf(error: unknown): string {
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  if (cause instanceof Error && cause.message !== '') return cause.message;
  return error instanceof Error ? error.message : 'no answer';
}

function fail(detail: string): never {
  throw badAnswer(detail);
}

function query(parameters: Readonly<Record<string, string | number | undefined>>): string {
  const parts = Object.entries(parameters).flatMap(([name, value]) =>
    value === undefined ? [] : [`${encodeURIComponent(name)}=${encodeURIComponent(value)}`],
  );
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}

function linksOf(value: unknown): OperationLink[] {
  if (!Array.isArray(value)) return fail('accepted operations have ids');
  return value.map((link: unknown) => {
    const { id, href } = isRecord(link) ? link : fail('an operation has an id');
    return typeof id === 'string' && typeof href === 'string'
      ? { id, href }
      : fail('an operation has an id and a link');
  });
}

function batchLineOf(value: unknown): BatchLine {
  const { line, status, operations, problem } = isRecord(value) ? value : fail('a line of a batch has a result');
  if (typeof line !== 'number' || (status !== 'accepted' && status !== 'refused'))
    return fail('a line of a batch is accepted or refused');
  return { line, status, operations: status === 'accepted' ? linksOf(operations) : [], problem: problemEntry(problem) };
}

const isStatus = (value: unknown): value is OperationStatus =>
  typeof value === 'string' && (OPERATION_STATUSES as readonly string[]).includes(value);

function operationOf(value: unknown): OperationView {
  const { id, status, height, index, code, outcome, proof } = isRecord(value)
    ? value
    : fail('an operation was expected');
  if (typeof id !== 'string' || !isStatus(status)) return fail('an operation has an id and a status');
  return {
    id,
    status,
    ...(typeof height === 'number' && { height }),
    ...(typeof index === 'number' && { index }),
    ...(typeof code === 'string' && { code }),
    ...(isRecord(outcome) && { outcome: outcome as unknown as Outcome }),
    ...(typeof proof === 'string' && { proof }),
  };
}

function pageOf(value: Read): Page {
  const { items, next, height } = value;
  if (!Array.isArray(items) || !items.every(isRecord)) return fail('a page has items');
  return { items, next: typeof next === 'string' ? next : undefined, height };
}
