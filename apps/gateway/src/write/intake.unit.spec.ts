import { LogError, ReadModelError } from '@gridtokenx/runtime';
import { formatTime, millis } from '@gridtokenx/kernel';
import type { InjectOptions } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { acceptedAnswer, batchAnswer, problemDocument } from '../openapi/schemas.js';
import { PendingFollower } from './pending-follower.js';
import {
  GENESIS_MS,
  jws,
  newWorld,
  OPERATIONS_TOPIC,
  seedOf,
  kidOf,
  tick,
  transfers,
  type World,
} from '../fixture.spec.js';
import type { Gateway } from '../create-gateway.js';

let world: World;
let gateway: Gateway;
beforeEach(async () => {
  world = newWorld();
  gateway = await world.gateway();
});
afterEach(() => world.close());

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Record<string, unknown>;
}

async function inject(options: InjectOptions, at: Gateway = gateway): Promise<Answer> {
  const { statusCode, headers, body } = await at.app.inject(options as never);
  return { status: statusCode, headers, body: JSON.parse(body) as Record<string, unknown> };
}

const post = (payload: string | Uint8Array, type = 'application/jose', at?: Gateway): Promise<Answer> =>
  inject(
    { method: 'POST', url: '/v1/operations', headers: { 'content-type': type }, payload: Buffer.from(payload) },
    at,
  );
const batch = (payload: string | Uint8Array, mode = 'partial', at?: Gateway): Promise<Answer> =>
  inject(
    {
      method: 'POST',
      url: `/v1/batches?mode=${mode}`,
      headers: { 'content-type': 'application/x-ndjson' },
      payload: Buffer.from(payload),
    },
    at,
  );
const onBus = (): Promise<number> => world.log.end(OPERATIONS_TOPIC);
const idsOf = ({ body }: Answer): string[] => acceptedAnswer.parse(body).operations.map(({ id }) => id);

/** Every refusal is a problem document with this code; nothing reached the bus. */
async function expectRefused(answer: Answer, status: number, code: string, pointer?: string): Promise<void> {
  expect(answer.headers['content-type']).toBe('application/problem+json');
  const problem = problemDocument.parse(answer.body);
  expect(problem).toMatchObject({ status, code, type: `urn:gridtokenx:problem:${code}` });
  expect(answer.status).toBe(status);
  expect(pointer ?? problem.errors?.[0]?.pointer).toBe(problem.errors?.[0]?.pointer);
  expect(await onBus()).toBe(0);
}

describe('an envelope', () => {
  it('is accepted once it is on the bus, with an id and a link for each operation', async () => {
    const bytes = world.envelope(3);
    const answer = await post(bytes);
    expect(answer.status).toBe(202);
    const { operations } = acceptedAnswer.parse(answer.body);
    expect(operations).toHaveLength(3);
    expect(answer.headers['location']).toBe(operations[0]?.href);
    const records: string[] = [];
    const reader = world.log.subscribe(OPERATIONS_TOPIC, 0, async (batch_) => {
      records.push(...batch_.map(({ value }) => text(value)));
    });
    while (records.length < 1) await tick();
    await reader.close();
    expect(records).toEqual([text(bytes)]);
  });

  it.each([
    ['text/plain', (body: string) => body],
    ['text/plain; charset=utf-8', (body: string) => `${body}\r\n`],
    ['application/json', (body: string) => JSON.stringify({ envelope: body })],
  ])('comes as %s too', async (type, wrap) => {
    expect((await post(wrap(text(world.envelope())), type)).status).toBe(202);
  });

  it('sent again is the same operations, and is appended once', async () => {
    const bytes = world.envelope(2);
    const [one, two] = await Promise.all([post(bytes), post(bytes)]);
    const three = await post(bytes);
    expect([one.status, two.status, three.status]).toEqual([202, 202, 202]);
    expect(idsOf(two)).toEqual(idsOf(one));
    expect(idsOf(three)).toEqual(idsOf(one));
    expect(await onBus()).toBe(1);
  });

  it('sent again through another gateway, or after it was decided, is the same operations', async () => {
    const bytes = world.envelope();
    const first = idsOf(await post(bytes));
    const other = await world.gateway();
    await tick();
    expect(idsOf(await post(bytes, undefined, other))).toEqual(first);
    world.decide([bytes]);
    expect(idsOf(await post(bytes, undefined, await world.gateway()))).toEqual(first);
    world.clock.advance(900_000);
    world.decide([]);
    expect(idsOf(await post(bytes, undefined, await world.gateway()))).toEqual(first);
    expect(await onBus()).toBe(1);
  });

  it('is not accepted when the bus is away, and may be sent again', async () => {
    const bytes = world.envelope();
    const { append } = world.log;
    world.log.append = () => Promise.reject(new LogError('log.unavailable', 'gone'));
    const [one, two] = await Promise.all([post(bytes), post(bytes)]);
    for (const answer of [one, two]) {
      expect(answer.headers['retry-after']).toBe('2');
      await expectRefused(answer, 503, 'bus.unavailable');
    }
    world.log.append = append.bind(world.log);
    expect((await post(bytes)).status).toBe(202);
  });

  it('is not accepted unseen when the read models are away', async () => {
    world.readModels.broken = new ReadModelError('readModels.unavailable', 'gone');
    await expectRefused(await post(world.envelope()), 503, 'database.unavailable');
  });

  it('is told to wait when too much is under way', async () => {
    const small = await world.gateway({ limits: { inFlightBytesMax: 10 } });
    const answer = await post(world.envelope(), undefined, small);
    expect(answer.headers['retry-after']).toBe('1');
    await expectRefused(answer, 429, 'gateway.busy');
    const none = await world.gateway({ limits: { inFlightRequestsMax: 0 } });
    await expectRefused(await batch(world.envelope(), 'partial', none), 429, 'gateway.busy');
  });

  it('is told to wait while more wait for a block than the ledger decides in some seconds', async () => {
    const small = await world.gateway({ limits: { backlogOperationsLeast: 3 } });
    await tick();
    const first = world.envelope(4);
    expect((await post(first, undefined, small)).status).toBe(202);
    await tick();
    for (const answer of [
      await post(world.envelope(), undefined, small),
      await batch(world.envelope(), 'partial', small),
    ]) {
      expect(answer).toMatchObject({ status: 429, headers: { 'retry-after': '1' }, body: { code: 'ledger.behind' } });
    }
    expect(await onBus()).toBe(1);
    world.decide([first]);
    await small.app.get(PendingFollower).takeBlocks();
    expect((await post(world.envelope(), undefined, small)).status).toBe(202);
  });
});

describe('bad input', () => {
  const header = (changes: Record<string, unknown> = {}): Record<string, unknown> => ({
    alg: 'EdDSA',
    kid: world.kid,
    typ: 'gridtokenx-operations+jws',
    ledger: world.identity.ledgerId,
    ...changes,
  });
  const order = (changes: Record<string, unknown>): Record<string, unknown> => ({
    type: 'accounts.transfer',
    from: '00'.repeat(16),
    to: '11'.repeat(16),
    asset: 'WATT',
    amount: '1',
    ...changes,
  });
  const payload = (operations: unknown[], changes: Record<string, unknown> = {}): Record<string, unknown> => ({
    ...world.payload([]),
    operations,
    ...changes,
  });
  const signed = (body: unknown, head: Record<string, unknown> = header()): string => jws(head, body, world.seed);
  const at = (ms: number): string => formatTime(millis(ms));

  const cases: [string, number, string, string | undefined, () => string][] = [
    ['malformed JSON', 400, 'envelope.json', undefined, () => signed('{"sequence":')],
    ['a repeated key', 400, 'envelope.json', undefined, () => signed('{"sequence":1,"sequence":2}')],
    ['no JWS', 400, 'envelope.malformed', undefined, () => 'hello'],
    ['padding', 400, 'envelope.malformed', undefined, () => `${signed(payload([order({})]))}=`],
    [
      'an unknown operation',
      422,
      'envelope.unknownOperation',
      '/operations/1/type',
      () => signed(payload([order({}), { type: 'market.buyAll' }])),
    ],
    ['a wrong type', 422, 'envelope.schema', '/operations/0/amount', () => signed(payload([order({ amount: 1 })]))],
    [
      'an unknown field',
      422,
      'envelope.schema',
      '/operations/0/name',
      () => signed(payload([order({ name: 'Somchai' })])),
    ],
    ['a float', 400, 'envelope.json', '/operations/0/amount', () => signed(payload([order({ amount: 1.5 })]))],
    [
      'a negative amount',
      422,
      'envelope.schema',
      '/operations/0/amount',
      () => signed(payload([order({ amount: '-1' })])),
    ],
    [
      'an overflowing amount',
      422,
      'envelope.schema',
      '/operations/0/amount',
      () => signed(payload([order({ amount: '9'.repeat(31) })])),
    ],
    [
      'a number beyond 2^53',
      400,
      'envelope.json',
      '/sequence',
      () => signed(JSON.stringify(payload([order({})])).replace(/"sequence":\d+/, '"sequence":9007199254740992')),
    ],
    ['no operations', 422, 'envelope.tooManyOperations', '/operations', () => signed(payload([]))],
    [
      '1,001 operations',
      422,
      'envelope.tooManyOperations',
      '/operations',
      () => signed(payload(Array.from({ length: 1_001 }, () => order({})))),
    ],
    ['600 KiB', 413, 'envelope.tooLarge', undefined, () => 'x'.repeat(600 * 1024)],
    ['3 MiB', 413, 'envelope.tooLarge', undefined, () => 'x'.repeat(3 * 1024 * 1024)],
    ['a bad signature', 403, 'envelope.badSignature', undefined, () => jws(header(), payload([order({})]), seedOf(7))],
    [
      'a small-order key',
      403,
      'envelope.badKey',
      '/kid',
      () => signed(payload([order({})]), header({ kid: 'AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' })),
    ],
    ['another algorithm', 400, 'envelope.header', '/alg', () => signed(payload([order({})]), header({ alg: 'none' }))],
    [
      'a foreign ledger',
      422,
      'envelope.wrongLedger',
      '/ledger',
      () => signed(payload([order({})]), header({ ledger: 'gridtokenx-consortium-00000000' })),
    ],
    [
      'a stranger',
      403,
      'operation.unknownKey',
      '/kid',
      () => jws(header({ kid: kidOf(seedOf(7)) }), payload([order({})]), seedOf(7)),
    ],
    [
      'an expired one',
      422,
      'operation.expired',
      '/validUntil',
      () => signed(payload([order({})], { validUntil: at(GENESIS_MS) })),
    ],
    [
      'one valid too long',
      422,
      'operation.validTooLong',
      '/validUntil',
      () => signed(payload([order({})], { validUntil: at(GENESIS_MS + 2 * 3_600_000) })),
    ],
    [
      'a sequence too far',
      409,
      'operation.sequenceTooFar',
      '/sequence',
      () => signed(payload([order({})], { sequence: 1_000_001 })),
    ],
  ];

  it.each(cases)('%s is %i %s at %s', async (_what, status, code, pointer, make) => {
    await expectRefused(await post(make()), status, code, pointer);
  });

  it.each(cases)('%s in a batch stops no other line', async (_what, status, code, pointer, make) => {
    const answer = await batch(`${text(world.envelope())}\n\n${make()}\n`);
    expect(answer.status).toBe(202);
    const { results } = batchAnswer.parse(answer.body);
    expect(results).toMatchObject([
      { line: 1, status: 'accepted' },
      { line: 3, status: 'refused', problem: { code, ...(pointer === undefined ? {} : { pointer }) } },
    ]);
    expect(await onBus()).toBe(1);
  });

  it('a used, an old and a removed key’s sequence are refused', async () => {
    world.decide([world.envelope(1, { sequence: 5_000 })]);
    const again = await post(world.envelope(2, { sequence: 5_000 }));
    await expectRefused(again, 409, 'operation.sequenceUsed', '/sequence');
    await expectRefused(await post(world.envelope(1, { sequence: 1 })), 409, 'operation.sequenceTooOld', '/sequence');
    const state = world.readModels.keys.get(world.kid);
    if (state !== undefined) state.removedHeight = 1;
    await expectRefused(await post(world.envelope(1, { sequence: 5_001 })), 403, 'operation.keyRemoved', '/kid');
  });

  it('of an unknown key is put off, not refused, while the read models stand far behind', async () => {
    world.clock.advance(3 * world.identity.genesis.consensus.beatMs + 1);
    const stranger = jws(header({ kid: kidOf(seedOf(7)) }), payload([order({})]), seedOf(7));
    const answer = await post(stranger);
    await expectRefused(answer, 503, 'read.behind');
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect((await post(world.envelope())).status).toBe(202);
  });

  it.each([
    ['a JSON body cut short', 'application/json', '{"envelope":', 400, 'body.json', '/envelope'],
    ['a JSON body of another shape', 'application/json', '{"jws":"x"}', 400, 'body.schema', '/envelope'],
    ['a JSON list', 'application/json', '[]', 400, 'body.schema', ''],
    ['bytes that are no UTF-8', 'application/json', Buffer.from([0x22, 0xff]), 400, 'body.json', undefined],
    ['XML', 'application/xml', '<a/>', 415, 'request.mediaType', undefined],
    ['no envelope but a batch', 'application/x-ndjson', 'x', 415, 'request.mediaType', undefined],
    ['nothing', 'application/jose', '', 400, 'envelope.malformed', undefined],
  ])('%s is refused', async (_what, type, body, status, code, pointer) => {
    await expectRefused(await post(body, type), status, code, pointer);
  });

  it('an unknown query parameter, mode or path, and a wrong method, are refused', async () => {
    const jose = { 'content-type': 'application/jose' };
    const body = Buffer.from(world.envelope());
    await expectRefused(
      await inject({ method: 'POST', url: '/v1/operations?dryRun=1', headers: jose, payload: body }),
      400,
      'query.invalid',
      '/dryRun',
    );
    await expectRefused(await batch(body, 'some'), 400, 'query.invalid', '/mode');
    await expectRefused(
      await inject({ method: 'POST', url: '/v2/operations', headers: jose, payload: body }),
      404,
      'route.unknown',
    );
    const wrong = await inject({ method: 'DELETE', url: '/v1/operations' });
    expect(wrong.headers['allow']).toBe('POST');
    await expectRefused(wrong, 405, 'route.methodNotAllowed');
    await expectRefused(await inject({ method: 'GET', url: '/v1/operations/%ff' }), 400, 'request.malformed');
  });
});

describe('a batch', () => {
  it('takes bare lines, JSON strings and objects; CRLF, blank lines, no line end', async () => {
    const lines = [0, 1, 2, 3].map(() => text(world.envelope(2)));
    const body = `${lines[0]}\r\n\r\n  "${lines[1]}"\n\n{"envelope":"${lines[2]}"}\n${lines[3]}`;
    const answer = await batch(body);
    expect(answer.status).toBe(202);
    const { results, ...counts } = batchAnswer.parse(answer.body);
    expect(results.map(({ line, status }) => [line, status])).toEqual([1, 3, 5, 6].map((line) => [line, 'accepted']));
    expect(counts).toEqual({ accepted: 4, refused: 0, operations: 8 });
    const [first] = results;
    expect(answer.headers['location']).toBe(first?.status === 'accepted' ? first.operations[0]?.href : '');
    expect(await onBus()).toBe(4);
  });

  it('is appended in one call, in line order, each envelope once', async () => {
    const calls: number[] = [];
    const append = world.log.append.bind(world.log);
    world.log.append = (topic, values) => {
      calls.push(values.length);
      return append(topic, values);
    };
    const [a, b] = [text(world.envelope()), text(world.envelope())];
    const { results } = batchAnswer.parse((await batch([a, b, a].join('\n'))).body);
    expect(results.map(({ status }) => status)).toEqual(['accepted', 'accepted', 'accepted']);
    expect(results[2]).toEqual({ ...results[0], line: 3 });
    expect(calls).toEqual([2]);
  });

  it('all-or-nothing appends nothing when one line fails, and says which', async () => {
    const answer = await batch(`${text(world.envelope())}\nrubbish\n"also`, 'all-or-nothing');
    await expectRefused(answer, 422, 'batch.refused');
    expect(problemDocument.parse(answer.body).errors).toMatchObject([
      { line: 2, code: 'envelope.malformed' },
      { line: 3, code: 'envelope.malformed' },
    ]);
    expect((await batch(text(world.envelope()), 'all-or-nothing')).status).toBe(202);
  });

  it('of which nothing goes through, or that is empty, is refused', async () => {
    await expectRefused(await batch('rubbish'), 422, 'batch.refused');
    await expectRefused(await batch(''), 422, 'batch.empty');
    await expectRefused(await batch('\n \r\n\n'), 422, 'batch.empty');
    await expectRefused(await inject({ method: 'POST', url: '/v1/batches' }), 415, 'request.mediaType');
  });

  it('of 10,000 operations goes through; of 10,001, or as many lines of rubbish, is refused', async () => {
    const thousands = Array.from({ length: 10 }, () => text(world.envelope(1_000)));
    const tooMany = [...thousands, text(world.envelope(1))].join('\n');
    await expectRefused(await batch(tooMany), 413, 'batch.tooManyOperations');
    await expectRefused(await batch('x\n'.repeat(10_001)), 413, 'batch.tooManyOperations');
    const answer = await batch(thousands.join('\n'));
    expect(batchAnswer.parse(answer.body)).toMatchObject({ accepted: 10, operations: 10_000 });
  });

  it('has a line of 600 KiB refused by itself, whatever it is wrapped in', async () => {
    const long = 'x'.repeat(600 * 1024);
    const answer = await batch(`${long}\n"${long}"\n{"envelope":"${long}"}\n${text(world.envelope())}`);
    expect(batchAnswer.parse(answer.body).results).toMatchObject([
      { line: 1, problem: { code: 'envelope.tooLarge' } },
      { line: 2, problem: { code: 'envelope.tooLarge' } },
      { line: 3, problem: { code: 'envelope.tooLarge' } },
      { line: 4, status: 'accepted' },
    ]);
  });

  it('of blank lines without end is refused', async () => {
    await expectRefused(await batch(Buffer.alloc(32 * 1024 * 1024, 0x0a)), 413, 'batch.tooManyLines');
  });

  it('of more than 32 MiB is refused, declared or not', async () => {
    await expectRefused(await batch(Buffer.alloc(32 * 1024 * 1024 + 1, 0x0a)), 413, 'batch.tooLarge');
    const { Readable } = await import('node:stream');
    const chunk = Buffer.alloc(1024 * 1024, 'x');
    const answer = await inject({
      method: 'POST',
      url: '/v1/batches',
      headers: { 'content-type': 'application/x-ndjson' },
      payload: Readable.from(Array.from({ length: 33 }, () => chunk)),
    });
    await expectRefused(answer, 413, 'batch.tooLarge');
  });
});

describe('any bytes at all', () => {
  /** A seeded generator: a failure names its bytes. */
  function* rubbish(count: number): Generator<Buffer> {
    let state = 1;
    const next = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) >>> 8;
    const seeds = ['{"envelope":"', '"', 'eyJ', '.', '\n', '{"ids":["', '\u0000', '}'];
    for (let i = 0; i < count; i++) {
      const parts = Array.from({ length: next() % 12 }, () =>
        next() % 2 === 0
          ? Buffer.from(Array.from({ length: next() % 40 }, () => next() & 255))
          : Buffer.from(seeds[next() % seeds.length] ?? ''),
      );
      yield Buffer.concat(parts);
    }
  }

  it.each([
    ['/v1/operations', 'application/jose'],
    ['/v1/operations', 'application/json'],
    ['/v1/operations', 'text/plain'],
    ['/v1/operations/status', 'application/json'],
    ['/v1/batches', 'application/x-ndjson'],
  ])('sent to %s as %s are a problem of the client', async (url, type) => {
    for (const payload of rubbish(150)) {
      const answer = await inject({ method: 'POST', url, headers: { 'content-type': type }, payload });
      problemDocument.parse(answer.body);
      expect([Math.floor(answer.status / 100), payload.toString('hex')]).toEqual([4, payload.toString('hex')]);
    }
    // A valid envelope with one byte changed.
    const bytes = Buffer.from(jws({}, { operations: transfers(1) }, world.seed));
    for (let i = 0; i < bytes.length; i += 7) {
      const changed = Buffer.from(bytes);
      changed[i] = (changed[i] ?? 0) ^ 0x11;
      const answer = await inject({ method: 'POST', url, headers: { 'content-type': type }, payload: changed });
      expect(answer.status >= 400 && answer.status < 500).toBe(true);
    }
    expect(await onBus()).toBe(0);
  });
});
