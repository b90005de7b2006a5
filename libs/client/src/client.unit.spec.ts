import { toHex } from '@gridtokenx/kernel';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { GridClient, type GridClientOptions } from './client.js';
import { cancelOf, seedOf, TestLedger } from './fixture.spec.js';
import { Keypair } from './keypair.js';
import type { FetchAnswer, FetchInit, Platform } from './platform.js';
import { GridProblem } from './problem.js';
import { encodeProofJson } from './proof-json.js';
import { Signer } from './signing.js';
import type { Row } from './views.js';

interface Sent extends FetchInit {
  readonly url: string;
}
interface Answer {
  readonly status?: number;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly fails?: Error;
}

/** A gateway that answers from a list, and a clock that only sleeping moves. */
class FakeGateway {
  readonly sent: Sent[] = [];
  readonly slept: number[] = [];
  private answers: Answer[] = [];
  private now = 1_781_481_600_000;

  readonly platform: Platform = {
    fetch: async (url, init) => {
      this.sent.push({ url, ...init });
      const answer = this.answers.length > 1 ? this.answers.shift() : this.answers[0];
      if (answer?.fails !== undefined) throw answer.fails;
      return responseOf(answer ?? { status: 500 });
    },
    randomBytes: (length) => new Uint8Array(length).fill(255),
    now: () => this.now,
    sleep: async (ms) => {
      this.slept.push(ms);
      this.now += ms;
    },
  };

  /** The last answer is given again and again. */
  will(...answers: Answer[]): void {
    this.answers = answers;
  }

  client(more: Partial<GridClientOptions> = {}): GridClient {
    return new GridClient({ url: 'http://gateway/', platform: this.platform, ...more });
  }
}

function responseOf({ status = 200, body, headers = {} }: Answer): FetchAnswer {
  const bytes =
    body instanceof Uint8Array
      ? body
      : new TextEncoder().encode(typeof body === 'string' ? body : JSON.stringify(body ?? null));
  return {
    status,
    headers: { get: (name) => headers[name] ?? null },
    arrayBuffer: async () => new Uint8Array(bytes).buffer,
  };
}

const ID = 'ab'.repeat(32);
const problem = (status: number, code: string, more: object = {}): Answer => ({
  status,
  body: { code, title: code, ...more },
});

describe('the client', () => {
  let gateway: FakeGateway;
  beforeEach(() => {
    gateway = new FakeGateway();
  });
  const signer = new Signer(Keypair.fromSeed(seedOf(1)), 'gridtokenx-consortium-00000000', {
    platform: { now: () => 1_781_481_600_000 },
  });

  it('sends an envelope as it was signed and gives back the ids', async () => {
    const envelope = signer.sign([cancelOf(1)]);
    const operations = envelope.operationIds.map((id) => ({ id, href: `/v1/operations/${id}` }));
    gateway.will({ status: 202, body: { operations } });
    expect(await gateway.client().submit(envelope)).toEqual({ operations });
    expect(gateway.sent).toEqual([
      {
        url: 'http://gateway/v1/operations',
        method: 'POST',
        headers: { accept: 'application/json', 'content-type': 'application/jose' },
        body: envelope.jws,
      },
    ]);
  });

  it('does not send an envelope for another ledger than the user named', async () => {
    const client = gateway.client({ identity: { ledgerId: 'gridtokenx-consortium-11111111' } });
    await expect(client.submit(signer.sign([cancelOf(1)]))).rejects.toMatchObject({ code: 'envelope.wrongLedger' });
    expect(gateway.sent).toEqual([]);
  });

  it('sends a batch as one envelope a line and tells the lines apart', async () => {
    const [first, second] = [signer.sign([cancelOf(1)]), signer.sign([cancelOf(2)])];
    const link = { id: ID, href: 'x' };
    gateway.will({
      status: 202,
      body: {
        results: [
          { line: 1, status: 'accepted', operations: [link] },
          {
            line: 2,
            status: 'refused',
            problem: { code: 'envelope.schema', pointer: '/operations/0/order', detail: 'd' },
          },
        ],
      },
    });
    expect(await gateway.client().submitBatch([first, second.jws], 'partial')).toEqual([
      { line: 1, status: 'accepted', operations: [link], problem: undefined },
      {
        line: 2,
        status: 'refused',
        operations: [],
        problem: { code: 'envelope.schema', pointer: '/operations/0/order', detail: 'd' },
      },
    ]);
    expect(gateway.sent[0]).toMatchObject({
      url: 'http://gateway/v1/batches?mode=partial',
      body: `${first.jws}\n${second.jws}\n`,
    });
  });

  it('sends the same bytes again when the gateway is busy, as late as it asks', async () => {
    gateway.will(
      { ...problem(429, 'gateway.busy'), headers: { 'retry-after': '3' } },
      { ...problem(503, 'database.unavailable'), headers: { 'retry-after': 'Mon, 15 Jun 2026 00:00:08 GMT' } },
      { fails: new TypeError('fetch failed', { cause: new Error('connection refused') }) },
      { status: 502, body: 'bad gateway' },
      { status: 202, body: { operations: [] } },
    );
    await gateway.client().submit('a.b.c');
    expect(gateway.slept).toEqual([3000, 5000, 1000, 2000]);
    expect(new Set(gateway.sent.map(({ body }) => body))).toEqual(new Set(['a.b.c']));
  });

  it('gives up after its attempts, and at once when told to come back much later', async () => {
    gateway.will({ fails: new TypeError('fetch failed', { cause: new Error('connection refused') }) });
    await expect(gateway.client({ attempts: 3 }).health()).rejects.toMatchObject({
      code: 'client.unreachable',
      status: 0,
      detail: 'http://gateway: connection refused',
    });
    expect(gateway.sent).toHaveLength(3);
    gateway.will({ ...problem(429, 'gateway.busy'), headers: { 'retry-after': '3600' } });
    await expect(gateway.client().health()).rejects.toMatchObject({ retryAfterMs: 3_600_000 });
    expect(gateway.sent).toHaveLength(4);
  });

  it('turns a problem into an error with code, status, pointer and line, and does not repeat it', async () => {
    const errors = [{ code: 'envelope.schema', pointer: '/operations/3/priceTicks', line: 7, detail: 'too big' }];
    gateway.will(problem(422, 'batch.refused', { detail: 'nothing was taken in', errors }));
    const caught: unknown = await gateway
      .client()
      .submitBatch(['a.b.c'], 'all-or-nothing')
      .catch((error: unknown) => error);
    expect(caught).toBeInstanceOf(GridProblem);
    expect(caught).toMatchObject({
      code: 'batch.refused',
      status: 422,
      pointer: '/operations/3/priceTicks',
      line: 7,
      errors,
    });
    expect(gateway.sent).toHaveLength(1);
  });

  it.each([
    ['no JSON', { body: '<html>' }],
    ['another shape', { body: [] }],
    ['an unknown status', { body: { id: ID, status: 'done' } }],
    ['more than it should', { body: {}, headers: { 'content-length': '999999999999' } }],
  ])('calls an answer with %s a bad answer', async (_, answer) => {
    gateway.will(answer);
    await expect(gateway.client().operation(ID)).rejects.toMatchObject({ code: 'client.badAnswer' });
  });

  it.each(['executed', 'rejected', 'expired', 'refused'])(
    'follows an operation with growing pauses until it is %s',
    async (status) => {
      const pending = { body: { id: ID, status: 'pending' } };
      gateway.will(problem(404, 'operation.unknown'), pending, pending, {
        body: { id: ID, status, height: 7, index: 1, code: 'x.y' },
      });
      expect(await gateway.client().follow(ID)).toEqual({ id: ID, status, height: 7, index: 1, code: 'x.y' });
      expect(gateway.slept).toEqual([100, 150, 225]);
    },
  );

  it('says when an operation was not decided in the time given', async () => {
    gateway.will({ body: { id: ID, status: 'pending' } });
    await expect(gateway.client().follow(ID, { timeoutMs: 1000 })).rejects.toMatchObject({ code: 'client.timeout' });
    expect(gateway.slept.reduce((sum, ms) => sum + ms, 0)).toBe(1000);
  });

  it('asks for many statuses in requests of bounded size', async () => {
    const ids = Array.from({ length: 1500 }, (_, i) => i.toString(16).padStart(64, '0'));
    gateway.will({ body: { operations: [{ id: ID, status: 'pending' }], unknown: [] } });
    expect(await gateway.client().statuses(ids)).toHaveLength(2);
    expect(gateway.sent.map(({ body = '' }) => (JSON.parse(body) as { ids: string[] }).ids.length)).toEqual([
      1000, 500,
    ]);
  });

  it('walks pages by their cursor', async () => {
    gateway.will(
      { body: { height: 9, items: [{ trade: 2 }], next: 'c/1' } },
      { body: { height: 9, items: [{ trade: 1 }] } },
    );
    const rows: Row[] = [];
    for await (const row of gateway.client().trades({ where: { account: 'a' }, pageSize: 1, minHeight: 9 }))
      rows.push(row);
    expect(rows).toEqual([{ trade: 2 }, { trade: 1 }]);
    expect(gateway.sent.map(({ url }) => url)).toEqual([
      'http://gateway/v1/trades?account=a&limit=1&minHeight=9',
      'http://gateway/v1/trades?account=a&limit=1&cursor=c%2F1&minHeight=9',
    ]);
  });

  it('says where blocks begin on the first page only', async () => {
    gateway.will({ body: { height: 9, items: [{ height: 4 }], next: 'below:4' } }, { body: { height: 9, items: [] } });
    for await (const row of gateway.client().blocks({ where: { before: '5' } })) expect(row['height']).toBe(4);
    expect(gateway.sent.map(({ url }) => url)).toEqual([
      'http://gateway/v1/blocks?before=5',
      'http://gateway/v1/blocks?cursor=below%3A4',
    ]);
  });

  it('takes the report of a gateway that is not well as an answer', async () => {
    const report = { status: 'failing', checks: { database: { status: 'failing' } } };
    gateway.will({ status: 503, body: report });
    expect(await gateway.client().health()).toEqual(report);
    expect(gateway.sent).toHaveLength(1);
    gateway.will(problem(503, 'server.stopping'));
    await expect(gateway.client().health()).rejects.toMatchObject({ code: 'server.stopping', status: 503 });
  });

  it('knows the next sequence of a key, also of one that the ledger has never seen', async () => {
    gateway.will({ body: { height: 1, kid: 'k', highestSequence: 41 } });
    expect(await gateway.client().nextSequence('k')).toBe(42);
    gateway.will(problem(404, 'key.unknown'));
    expect(await gateway.client().nextSequence('k')).toBe(1);
    gateway.will({ body: { height: 1, kid: 'k' } });
    await expect(gateway.client().nextSequence('k')).rejects.toMatchObject({ code: 'client.badAnswer' });
  });

  it('fetches records and proofs as bytes, to be checked', async () => {
    const ledger = new TestLedger(4);
    const grown = ledger.grow(2);
    gateway.will({ body: grown.record });
    expect(await gateway.client().blockRecord(1)).toEqual(grown.record);
    gateway.will(problem(404, 'block.unknown'));
    expect(await gateway.client().blockRecord(2, { wait: true })).toBeUndefined();
    expect(gateway.sent.map(({ url }) => url)).toEqual([
      'http://gateway/v1/blocks/1/record',
      'http://gateway/v1/blocks/2/record?minHeight=2',
    ]);
    gateway.will({ body: encodeProofJson(ledger.prove(grown, 0), 4) });
    const proof = await gateway.client().proof(1, grown.operationIds[0] ?? '');
    expect(toHex(proof.operationId)).toBe(grown.operationIds[0]);
  });
});
