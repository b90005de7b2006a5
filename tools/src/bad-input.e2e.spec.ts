import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { request, Agent } from 'node:http';
import { fileURLToPath } from 'node:url';
import { BlockFollower, type OperationView } from '@gridtokenx/client';
import { native } from '@gridtokenx/crypto-native';
import { createEmbeddedLog } from '@gridtokenx/embedded-log';
import { formatTime, fromBase64Url, fromHex, millis, Prng, toBase64Url, utf8 } from '@gridtokenx/kernel';
import {
  compactJws,
  ledgerTopics,
  ENVELOPE_TYPE,
  operationIds,
  type Operation,
  type OperationOf,
  type RejectionCode,
} from '@gridtokenx/protocol';
import { readToEnd, type Log } from '@gridtokenx/runtime';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  alarmsOf,
  endedAmong,
  openMarket,
  orderIn,
  pause,
  randomId,
  startTestSystem,
  type Market,
  type TestSystem,
} from './fixture.spec.js';
import { tradeScene } from './scenes/trade.js';

// Nothing of what follows may stop a process, fill its log with errors, or make the read models anything but a function
// of the blocks: all of it is sent to one system, and the last tests look at what has become of that.

/** Printed with a failure, so that the same bodies can be sent again. */
const SEED = Number(process.env['BAD_INPUT_SEED'] ?? Date.now() % 100_000);
const BODIES_PER_ROUTE = 3_000;
const AT_ONCE = 8;
const MINUTE_MS = 60_000;
const REBUILD = fileURLToPath(new URL('../dist/rebuild.js', import.meta.url));

let world: TestSystem;
let log: Log;
let market: Market;
/** Of the back office; acts for seller and buyer. */
let office: Pen;
let stranger: Pen;
let pids: Readonly<Record<string, number>>;
const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });

/** A key that signs whatever it is given, good or bad. */
class Pen {
  readonly kid: string;
  private next = 1;

  constructor(
    private readonly ledgerId: string,
    readonly seed: Uint8Array = randomBytes(32),
  ) {
    this.kid = toBase64Url(native.publicKeyOf(seed));
  }

  header(): Record<string, unknown> {
    return { alg: 'EdDSA', kid: this.kid, typ: ENVELOPE_TYPE, ledger: this.ledgerId };
  }

  payload(operations: readonly unknown[], over: object = {}): Record<string, unknown> {
    const validUntil = formatTime(millis(Math.floor(Date.now() / 1000) * 1000 + 10 * MINUTE_MS));
    return { sequence: this.next++, validUntil, atomic: false, operations, ...over };
  }

  jws(payload: unknown, header: unknown = this.header()): string {
    const parts = [header, payload].map((part) => (typeof part === 'string' ? part : JSON.stringify(part)));
    const input = utf8(parts.map((part) => toBase64Url(utf8(part))).join('.'));
    return Buffer.from(compactJws(input, native.sign(input, this.seed))).toString();
  }

  sign(operations: readonly unknown[], over: object = {}): string {
    return this.jws(this.payload(operations, over));
  }

  /** The ids that the envelope's operations have, whoever takes it in. */
  idsOf(jws: string, count = 1): string[] {
    const input = utf8(jws.slice(0, jws.lastIndexOf('.')));
    return operationIds(native, this.ledgerId, input, count).map((id) => Buffer.from(id).toString('hex'));
  }
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: Record<string, unknown>;
}

/** Not `fetch`: that refuses to send some of what is to be sent here. */
function post(path: string, type: string | undefined, body: Uint8Array | string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    const headers = { 'content-length': bytes.length, ...(type === undefined ? {} : { 'content-type': type }) };
    const sent = request(`${world.system.url}${path}`, { method: 'POST', headers, agent }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        try {
          resolve({
            status: answer.statusCode ?? 0,
            type: answer.headers['content-type'] ?? '',
            body: JSON.parse(text) as Record<string, unknown>,
          });
        } catch {
          reject(new Error(`not JSON: ${text.slice(0, 200)}`));
        }
      });
    });
    sent.on('error', reject);
    sent.end(bytes);
  });
}

const JOSE = 'application/jose';
const NDJSON = 'application/x-ndjson';
const submit = (jws: string): Promise<Answer> => post('/v1/operations', JOSE, jws);
const submitBatch = (lines: readonly string[], mode: string): Promise<Answer> =>
  post(`/v1/batches?mode=${mode}`, NDJSON, lines.join('\n'));

/** Where a problem says that its faults are. */
const faultsOf = ({ body }: Answer): unknown[] =>
  ((body['errors'] ?? []) as { line?: number; code: string; pointer?: string }[]).map(({ line, code, pointer }) =>
    line === undefined ? [code, pointer] : [line, code, pointer],
  );

async function decided(pen: Pen, jws: string, count = 1): Promise<OperationView[]> {
  const answer = await submit(jws);
  expect([answer.status, answer.body['code']]).toEqual([202, undefined]);
  return Promise.all(pen.idsOf(jws, count).map((id) => world.client.follow(id)));
}

/** What becomes of operations in one envelope: `executed`, or the code. */
async function outcomes(pen: Pen, operations: readonly Operation[], over: object = {}): Promise<string[]> {
  const views = await decided(pen, pen.sign(operations, over), operations.length);
  for (const { status, height } of views) {
    expect(['executed', 'rejected']).toContain(status);
    expect(height).toBeGreaterThan(0);
  }
  return views.map(({ code, status }) => code ?? status);
}

beforeAll(async () => {
  world = await startTestSystem('bad-input');
  log = createEmbeddedLog({ connectionString: world.system.databaseUrl });
  office = new Pen(world.anchor.ledgerId);
  stranger = new Pen(world.anchor.ledgerId);
  market = await openMarket(world, { kid: office.kid });
  pids = world.system.pids();
});

afterAll(async () => {
  agent.destroy();
  await log?.close();
  await world?.remove();
});

const bid = (): Operation => orderIn(market)('bid', 1);
const one =
  (over: object): (() => string) =>
  () =>
    office.sign([{ ...bid(), ...over }]);
const framed =
  (over: object): (() => string) =>
  () =>
    office.sign([bid()], over);
const written =
  (edit: (json: string) => string): (() => string) =>
  () =>
    office.jws(edit(JSON.stringify(office.payload([bid()]))));
const headed =
  (over: object): (() => string) =>
  () =>
    office.jws(office.payload([bid()]), { ...office.header(), ...over });
const resigned =
  (change: (signature: Uint8Array) => Uint8Array): (() => string) =>
  () => {
    const jws = office.sign([bid()]);
    const at = jws.lastIndexOf('.') + 1;
    return jws.slice(0, at) + toBase64Url(change(fromBase64Url(jws.slice(at)) ?? new Uint8Array(64)));
  };

const flipped = (bytes: Uint8Array, at: number): Uint8Array => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));

/** S + L, which is the same number modulo the order of the group. */
function raisedS(signature: Uint8Array): Uint8Array {
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const s = [...signature.subarray(32)].reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n) + order;
  return Uint8Array.from([...signature.subarray(0, 32), ...hexDigits(s)]);
}
const hexDigits = (value: bigint): Uint8Array =>
  (fromHex(value.toString(16).padStart(64, '0')) ?? new Uint8Array(32)).toReversed();

/** Points of order 1, 2, 4 and 8, and encodings of them that are not canonical. */
const SMALL_ORDER_KEYS = [
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '0000000000000000000000000000000000000000000000000000000000000000',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  '0100000000000000000000000000000000000000000000000000000000000080',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
].map((hex) => toBase64Url(fromHex(hex) ?? new Uint8Array(0)));

const longAgo = '2020-01-01T00:00:00Z';
const inTwoHours = (): string => formatTime(millis(Math.floor(Date.now() / 1000) * 1000 + 120 * MINUTE_MS));

type Refusal = [what: string, make: () => string, status: number, code: RejectionCode, pointer: string];
const OPERATION = '/operations/0';

const REFUSALS: Refusal[] = [
  ['nothing', () => '', 400, 'envelope.malformed', ''],
  ['no JWS', () => 'hello', 400, 'envelope.malformed', ''],
  ['base64 with padding', () => office.sign([bid()]).replace('.', '=.'), 400, 'envelope.malformed', ''],
  ['a payload that ends early', written((json) => json.slice(0, -1)), 400, 'envelope.json', ''],
  ['a payload with a comma too many', written((json) => json.replace('}', ',}')), 400, 'envelope.json', OPERATION],
  [
    'a field given twice',
    written((json) => json.replace('"side"', '"side":"ask","side"')),
    400,
    'envelope.json',
    OPERATION,
  ],
  ['a header that is no JSON', () => office.jws(office.payload([bid()]), 'hello'), 400, 'envelope.header', ''],
  ['another algorithm', headed({ alg: 'none' }), 400, 'envelope.header', '/alg'],
  ['a header with more in it', headed({ jwk: {} }), 400, 'envelope.header', '/jwk'],
  ['an unknown operation', one({ type: 'market.placeOrders' }), 422, 'envelope.unknownOperation', `${OPERATION}/type`],
  ['an inherited name as a type', one({ type: 'toString' }), 422, 'envelope.unknownOperation', `${OPERATION}/type`],
  ['no type', one({ type: undefined }), 422, 'envelope.schema', `${OPERATION}/type`],
  ['an operation that is a number', () => office.sign([7]), 422, 'envelope.schema', `${OPERATION}/type`],
  ['text for a number', one({ priceTicks: '450' }), 422, 'envelope.schema', `${OPERATION}/priceTicks`],
  ['a number for text', one({ quantityWh: 1000 }), 422, 'envelope.schema', `${OPERATION}/quantityWh`],
  ['a field missing', one({ side: undefined }), 422, 'envelope.schema', `${OPERATION}/side`],
  ['an unknown field', one({ note: 'x' }), 422, 'envelope.schema', `${OPERATION}/note`],
  ['a sequence that is text', framed({ sequence: '7' }), 422, 'envelope.schema', '/sequence'],
  ['a sequence of zero', framed({ sequence: 0 }), 422, 'envelope.schema', '/sequence'],
  ['a time without a zone', framed({ validUntil: '2026-01-01T00:00:00' }), 422, 'envelope.schema', '/validUntil'],
  ['a float', one({ priceTicks: 4.5 }), 400, 'envelope.json', `${OPERATION}/priceTicks`],
  [
    'an exponent',
    written((json) => json.replace('"priceTicks":450', '"priceTicks":45e1')),
    400,
    'envelope.json',
    `${OPERATION}/priceTicks`,
  ],
  ['a float in text', one({ quantityWh: '1000.5' }), 422, 'envelope.schema', `${OPERATION}/quantityWh`],
  ['a negative price', one({ priceTicks: -450 }), 422, 'envelope.schema', `${OPERATION}/priceTicks`],
  ['a negative amount', one({ quantityWh: '-1000' }), 422, 'envelope.schema', `${OPERATION}/quantityWh`],
  ['nothing of an amount', one({ quantityWh: '0' }), 422, 'envelope.schema', `${OPERATION}/quantityWh`],
  [
    'more energy than there is',
    one({ quantityWh: '1000000000001' }),
    422,
    'envelope.schema',
    `${OPERATION}/quantityWh`,
  ],
  ['a price beyond all prices', one({ priceTicks: 1_000_001 }), 422, 'envelope.schema', `${OPERATION}/priceTicks`],
  [
    'a number beyond 2^53',
    written((json) => json.replace('"priceTicks":450', '"priceTicks":9007199254740993')),
    400,
    'envelope.json',
    `${OPERATION}/priceTicks`,
  ],
  [
    'an amount of 31 digits',
    () => office.sign([{ type: 'accounts.mint', account: market.buyer, amount: '9'.repeat(31), reference: 'x' }]),
    422,
    'envelope.schema',
    `${OPERATION}/amount`,
  ],
  ['no operations', () => office.sign([]), 422, 'envelope.tooManyOperations', '/operations'],
  [
    '1,001 operations',
    () => office.sign(Array.from({ length: 1_001 }, bid)),
    422,
    'envelope.tooManyOperations',
    '/operations',
  ],
  [
    '600 KiB',
    () => office.sign([{ type: 'accounts.attestReserve', amount: '1', reference: 'x'.repeat(450 * 1024) }]),
    413,
    'envelope.tooLarge',
    '',
  ],
  ['3 MiB', () => 'x'.repeat(3 * 1024 * 1024), 413, 'envelope.tooLarge', ''],
  ['a signature with one bit changed', resigned((bytes) => flipped(bytes, 5)), 403, 'envelope.badSignature', ''],
  ['a signature with S raised by L', resigned(raisedS), 403, 'envelope.badSignature', ''],
  ['a signature of zeros', resigned(() => new Uint8Array(64)), 403, 'envelope.badSignature', ''],
  ['a signature that is too short', resigned((bytes) => bytes.subarray(1)), 400, 'envelope.malformed', ''],
  [
    'a signature of another key',
    () => stranger.jws(office.payload([bid()]), office.header()),
    403,
    'envelope.badSignature',
    '',
  ],
  ...SMALL_ORDER_KEYS.map((kid): Refusal => [
    `the small-order key ${kid.slice(0, 4)}…`,
    headed({ kid }),
    403,
    'envelope.badKey',
    '/kid',
  ]),
  ['a foreign ledger', headed({ ledger: 'gtx-consortium-0000000000000000' }), 422, 'envelope.wrongLedger', '/ledger'],
  ['an unknown key', () => stranger.sign([bid()]), 403, 'operation.unknownKey', '/kid'],
  ['an envelope that has expired', framed({ validUntil: longAgo }), 422, 'operation.expired', '/validUntil'],
  [
    'one that is valid too long',
    () => office.sign([bid()], { validUntil: inTwoHours() }),
    422,
    'operation.validTooLong',
    '/validUntil',
  ],
  ['a sequence too far ahead', framed({ sequence: 5_000_000 }), 409, 'operation.sequenceTooFar', '/sequence'],
];

describe('what needs no ledger to be refused', () => {
  it.each(REFUSALS)('%s', async (_what, make, status, code, pointer) => {
    const answer = await submit(make());
    expect([answer.status, answer.body['code'], answer.type]).toEqual([status, code, 'application/problem+json']);
    expect(faultsOf(answer)).toEqual([[code, pointer]]);
    expect(answer.body).toMatchObject({ type: `urn:gridtokenx:problem:${code}`, instance: '/v1/operations', status });
  });

  const JSON_TYPE = 'application/json';
  it.each([
    ['/v1/operations', JSON_TYPE, '{"envelope": "a.b', 400, 'body.json'],
    ['/v1/operations', JSON_TYPE, '[]', 400, 'body.schema'],
    ['/v1/operations', JSON_TYPE, '{"envelope": 7}', 400, 'body.schema'],
    ['/v1/operations', undefined, 'a.b.c', 415, 'request.mediaType'],
    ['/v1/operations', 'image/png', 'a.b.c', 415, 'request.mediaType'],
    ['/v1/operations?x=1', JOSE, 'a.b.c', 400, 'query.invalid'],
    ['/v1/operations/status', JSON_TYPE, '{"ids": ["x"]}', 400, 'body.schema'],
    ['/v1/operations/status', JSON_TYPE, '{"ids": [', 400, 'body.json'],
    ['/v1/batches?mode=most', NDJSON, 'a.b.c', 400, 'query.invalid'],
    ['/v1/batches', NDJSON, '\n\n', 422, 'batch.empty'],
    ['/v1/blocks', JSON_TYPE, '{}', 405, 'route.methodNotAllowed'],
    ['/v1/nowhere', JSON_TYPE, '{}', 404, 'route.unknown'],
  ])('%s of %s: %s', async (path, type, body, status, code) => {
    const answer = await post(path, type, body);
    expect([answer.status, answer.body['code'], answer.type]).toEqual([status, code, 'application/problem+json']);
  });
});

describe('what only the ledger can refuse', () => {
  it('keys without the right', async () => {
    const { seller, buyer, zone, interval } = market;
    const [meter, organisation] = [randomId(), randomId()];
    const asked: Operation[] = [
      { type: 'accounts.mint', account: buyer, amount: '1', reference: 'x' },
      { type: 'accounts.burn', account: buyer, amount: '1', reference: 'x' },
      { type: 'accounts.attestReserve', amount: '1', reference: 'x' },
      { type: 'registry.setKyc', account: buyer, status: 'suspended' },
      { type: 'registry.registerMeter', meter, account: seller, zone, limitWh: '1' },
      {
        ...{ type: 'network.setLink', link: 'L9', fromZone: zone, toZone: 'EGAT-TX-00' },
        ...{ forwardWh: '1', backwardWh: '1' },
      } as Operation,
      { type: 'network.setPair', fromZone: zone, toZone: 'EGAT-TX-00', allowed: false },
      { type: 'network.registerFeeder', feeder: 'F9', zone, capacityWh: '1' },
      { type: 'network.raiseAlert', zone, kind: 'outage', severity: 'info', reference: 'x' },
      {
        ...{
          type: 'network.curtail',
          target: { kind: 'zone', zone },
          flow: 'both',
          limit: { kind: 'energy', wh: '0' },
        },
        ...{ firstInterval: interval, lastInterval: interval },
      } as Operation,
      {
        type: 'registry.registerOrganisation',
        organisation,
        sector: 'trader',
        roles: ['wattIssuer'],
        key: stranger.kid,
      },
    ];
    expect(await outcomes(office, asked)).toEqual(asked.map(() => 'key.notAuthorised'));
    // A bank's key has rights, and none of these.
    const bank = new Pen(world.anchor.ledgerId, (await world.system.ledger.key('bank-2')).seed);
    expect(
      await outcomes(bank, [
        bid(),
        { type: 'metering.recordReading', meter, interval, consumedWh: '0', producedWh: '1' },
        { type: 'accounts.transfer', from: buyer, to: seller, asset: 'WATT', amount: '1' },
      ]),
    ).toEqual(['key.notAuthorised', 'registry.unknownMeter', 'key.notAuthorised']);
  });

  it('tariffs that overlap or leave a gap, and calendars that contradict each other, with the place and a hint', async () => {
    const { ledger } = world.system;
    const regulator = new Pen(world.anchor.ledgerId, (await ledger.key('regulator')).seed);
    const [entry] = ledger.identity.genesis.tariffs.entries;
    if (entry === undefined) throw new Error('a genesis has a tariff');
    const publish = (...entries: object[]): object => ({ type: 'tariffs.publish', basedOn: 1, entries });
    const bill = (billedAs: string): object => ({
      type: 'tariffs.decideCalendar',
      decision: { kind: 'billDays', decidedOn: '2026-06-01', days: [{ date: '2020-04-14', billedAs }], source: 'e2e' },
    });
    const asked: [operation: object, code: string, place: string | undefined][] = [
      [publish(entry, entry), 'tariffs.overlap', '/entries/1/validFrom'],
      [
        publish({ ...entry, validTo: '2026-06-30' }, { ...entry, validFrom: '2026-07-02' }),
        'tariffs.gap',
        '/entries/1/validFrom',
      ],
      [publish({ ...entry, validFrom: '2569-05-01' }), 'tariffs.badDate', '/entries/0/validFrom'],
      [bill('holiday'), 'tariffs.contradiction', '/decision/days/0'],
      [bill('normal'), 'tariffs.contradiction', '/decision/days/0'],
      // The last one says that none of them made a version.
      [publish(entry), 'tariffs.nothingNew', undefined],
    ];
    const operations = asked.map(([operation]) => operation) as Operation[];
    const views = await decided(regulator, regulator.sign(operations), asked.length);
    const told = views.map(({ code, outcome }) => {
      const detail = outcome?.status === 'rejected' ? outcome.detail : undefined;
      return [code, detail?.['place'], (detail?.['hint'] ?? '').length > 10];
    });
    expect(told).toEqual(asked.map(([, code, place]) => [code, place, place !== undefined]));
    expect(await outcomes(office, operations)).toEqual(asked.map(() => 'key.notAuthorised'));
  });

  it('unknown accounts, zones and orders, and orders beyond the balance', async () => {
    const order = orderIn(market);
    expect(
      await outcomes(office, [
        { ...order('bid', 1), account: randomId() } as Operation,
        { ...order('bid', 1), fromZone: 'NO-1', toZone: 'NO-1' } as Operation,
        { type: 'accounts.transfer', from: market.buyer, to: randomId(), asset: 'WATT', amount: '1' },
        { type: 'market.cancelOrder', order: randomId() + randomId() },
        order('bid', 10_000),
        order('ask', 1_001),
        { type: 'accounts.transfer', from: market.buyer, to: market.seller, asset: 'WATT', amount: '9'.repeat(30) },
        { ...order('bid', 1), quantityWh: '1000000000000', priceTicks: 1_000_000 } as Operation,
        { ...order('bid', 1), quantityWh: '99' } as Operation,
      ]),
    ).toEqual([
      'registry.unknownAccount',
      'registry.unknownZone',
      'registry.unknownAccount',
      'market.unknownOrder',
      'accounts.insufficientBalance',
      'accounts.insufficientBalance',
      'accounts.insufficientBalance',
      'market.aboveMaximum',
      'market.belowMinimum',
    ]);
  });

  it('cancels of foreign and of filled orders, and an order is cancelled once', async () => {
    const order = orderIn(market);
    const asks = office.sign([order('ask', 10), order('ask', 20, 900)]);
    await decided(office, asks, 2);
    const [filled = '', resting = ''] = office.idsOf(asks, 2);
    expect(await outcomes(office, [order('bid', 10)])).toEqual(['executed']);
    const cancel = (id: string): Operation => ({ type: 'market.cancelOrder', order: id });
    const bank = new Pen(world.anchor.ledgerId, (await world.system.ledger.key('bank-3')).seed);
    expect(
      await outcomes(bank, [
        cancel(resting),
        { type: 'market.replaceOrder', order: resting, priceTicks: 1, quantityWh: '1000' },
      ]),
    ).toEqual(['market.notYourOrder', 'market.notYourOrder']);
    expect(
      await outcomes(office, [
        cancel(filled),
        { type: 'market.replaceOrder', order: filled, priceTicks: 1, quantityWh: '1000' },
        cancel(resting),
        cancel(resting),
      ]),
    ).toEqual(['market.orderNotOpen', 'market.orderNotOpen', 'executed', 'market.orderNotOpen']);
  });

  it('an atomic envelope stands or falls as one', async () => {
    const order = orderIn(market);
    expect(await outcomes(office, [order('bid', 1, 1), order('bid', 10_000)], { atomic: true })).toEqual([
      'envelope.aborted',
      'accounts.insufficientBalance',
    ]);
  });

  it('the same envelope again is the same operations; another with its sequence is refused', async () => {
    const sequence = 500;
    const first = office.sign([orderIn(market)('bid', 1, 2)], { sequence });
    const second = office.sign([orderIn(market)('bid', 1, 3)], { sequence });
    // Both are good as far as anybody can tell while they wait: what becomes of the second is derived from the ledger.
    const both = await submitBatch([first, second], 'all-or-nothing');
    expect([both.status, both.body['accepted']]).toEqual([202, 2]);
    const [executed, refused] = await Promise.all(
      [first, second].map(async (jws) => world.client.follow(office.idsOf(jws)[0] ?? '')),
    );
    expect([executed?.status, refused?.status, refused?.code]).toEqual([
      'executed',
      'refused',
      'operation.sequenceUsed',
    ]);

    const again = await submit(first);
    expect(again.status).toBe(202);
    expect(again.body['operations']).toMatchObject([{ id: office.idsOf(first)[0] }]);
    const late = await submit(office.sign([bid()], { sequence }));
    expect([late.status, late.body['code']]).toEqual([409, 'operation.sequenceUsed']);
    expect(faultsOf(late)).toEqual([['operation.sequenceUsed', '/sequence']]);
  });

  it('what reaches the bus past the gateway: expired, removed keys, used sequences', async () => {
    const organisation = world.system.ledger.directory.organisations['back-office']?.id ?? '';
    const leaver = new Pen(world.anchor.ledgerId);
    expect(
      await outcomes(office, [
        { type: 'registry.registerKey', key: leaver.kid, owner: { kind: 'organisation', organisation } },
      ]),
    ).toEqual(['executed']);
    expect(await outcomes(leaver, [{ type: 'registry.removeKey', key: leaver.kid }])).toEqual(['executed']);
    const removed = await submit(leaver.sign([bid()]));
    expect([removed.status, removed.body['code']]).toEqual([403, 'operation.keyRemoved']);
    expect(faultsOf(removed)).toEqual([['operation.keyRemoved', '/kid']]);

    const justNow = formatTime(millis(Math.floor(Date.now() / 1000) * 1000 - 5_000));
    const sneaked: [Pen, string, string, string][] = [
      [office, office.sign([bid()], { validUntil: justNow }), 'expired', 'operation.expired'],
      [office, office.sign([bid()], { sequence: 500 }), 'refused', 'operation.sequenceUsed'],
      [leaver, leaver.sign([bid()]), 'refused', 'operation.keyRemoved'],
    ];
    await log.append(
      ledgerTopics.consortium.operations.name,
      sneaked.map(([, jws]) => utf8(jws)),
    );
    for (const [pen, jws, status, code] of sneaked) {
      const view = await world.client.follow(pen.idsOf(jws)[0] ?? '');
      expect([view.status, view.code, view.height]).toEqual([status, code, undefined]);
    }
  });
});

describe('batches', () => {
  /** Lines of a batch: three that are good among what is not. */
  const mixed = (): { lines: string[]; good: string[]; faults: unknown[] } => {
    const good = [1, 2, 3].map((kwh) => office.sign([orderIn(market)('bid', kwh, 4)]));
    const [a = '', b = '', c = ''] = good;
    const lines = [
      a,
      '',
      'rubbish',
      JSON.stringify({ envelope: b }),
      one({ priceTicks: 4.5 })(),
      '{"envelope": ',
      one({ side: 'sideways' })(),
      resigned((bytes) => flipped(bytes, 40))(),
      headed({ ledger: 'gtx-consortium-0000000000000000' })(),
      stranger.sign([bid()]),
      framed({ validUntil: longAgo })(),
      'x'.repeat(600 * 1024),
      JSON.stringify(c),
    ];
    const faults = [
      [3, 'envelope.malformed', ''],
      [5, 'envelope.json', `${OPERATION}/priceTicks`],
      [6, 'envelope.malformed', '/envelope'],
      [7, 'envelope.schema', `${OPERATION}/side`],
      [8, 'envelope.badSignature', ''],
      [9, 'envelope.wrongLedger', '/ledger'],
      [10, 'operation.unknownKey', '/kid'],
      [11, 'operation.expired', '/validUntil'],
      [12, 'envelope.tooLarge', ''],
    ];
    return { lines, good, faults };
  };

  it('partial: the good lines go through, the others are named', async () => {
    const { lines, good, faults } = mixed();
    const answer = await submitBatch(lines, 'partial');
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({ accepted: 3, refused: faults.length, operations: 3 });
    const results = answer.body['results'] as {
      line: number;
      status: string;
      operations?: { id: string }[];
      problem?: { code: string; pointer: string };
    }[];
    expect(results.flatMap(({ line, problem }) => (problem ? [[line, problem.code, problem.pointer]] : []))).toEqual(
      faults,
    );
    expect(results.flatMap(({ line, operations }) => (operations ? [[line, operations[0]?.id]] : []))).toEqual(
      good.map((jws, i) => [[1, 4, 13][i], office.idsOf(jws)[0]]),
    );
    for (const jws of good) expect((await world.client.follow(office.idsOf(jws)[0] ?? '')).status).toBe('executed');
  });

  it('all-or-nothing: one bad line and nothing is appended', async () => {
    const { lines, good, faults } = mixed();
    const end = await log.end(ledgerTopics.consortium.operations.name);
    const answer = await submitBatch(lines, 'all-or-nothing');
    expect([answer.status, answer.body['code'], answer.type]).toEqual([
      422,
      'batch.refused',
      'application/problem+json',
    ]);
    expect(faultsOf(answer)).toEqual(faults);
    expect(await log.end(ledgerTopics.consortium.operations.name)).toBe(end);
    expect(await world.client.statuses(good.flatMap((jws) => office.idsOf(jws)))).toEqual([]);
  });

  it.each(['partial', 'all-or-nothing'])('10,001 operations are too many, %s', async (mode) => {
    const end = await log.end(ledgerTopics.consortium.operations.name);
    const thousand = Array.from({ length: 1_000 }, bid);
    const lines = [...Array.from({ length: 10 }, () => office.sign(thousand)), office.sign([bid()])];
    const answer = await submitBatch(lines, mode);
    expect([answer.status, answer.body['code']]).toEqual([413, 'batch.tooManyOperations']);
    expect(await log.end(ledgerTopics.consortium.operations.name)).toBe(end);
  });
});

async function recordsOf(topic: string, most: number): Promise<Uint8Array[]> {
  const records: Uint8Array[] = [];
  const end = await log.end(topic);
  await readToEnd(
    log,
    topic,
    Math.max(0, end - most),
    (batch) => void records.push(...batch.map(({ value }) => value)),
  );
  return records;
}

describe('garbage straight onto the bus', () => {
  it('is skipped on all three topics', async () => {
    const prng = new Prng(SEED);
    const topics = Object.values(ledgerTopics.consortium).map(({ name }) => name);
    const real = new Map(await Promise.all(topics.map(async (name) => [name, await recordsOf(name, 60)] as const)));
    const height = await heightNow();
    for (const [name, records] of real) {
      const foreign = topics.filter((other) => other !== name).flatMap((other) => real.get(other) ?? []);
      const garbage = [
        new Uint8Array(0),
        utf8('{"hello": "world"}'),
        randomBytes(2 * 1024 * 1024),
        ...Array.from({ length: 100 }, () => randomBytes(prng.between(1, 3_000))),
        // Cut short, one bit changed, two in one, and simply again.
        ...records.map((record) => record.subarray(0, prng.below(record.length))),
        ...records.flatMap((record) => [1, 2].map(() => mutated(record, prng))),
        ...records.map((record) => Buffer.concat([record, record])),
        ...records,
        ...foreign.slice(0, 60),
      ];
      await log.append(name, garbage);
    }
    for (let i = 0; i < 4; i++) expect(await outcomes(office, [orderIn(market)('bid', 1, 5)])).toEqual(['executed']);
    expect(await heightNow()).toBeGreaterThan(height + 3);
    expect(endedAmong(pids)).toEqual([]);
  });
});

async function heightNow(): Promise<number> {
  return (await world.client.health()).height ?? 0;
}

/** One to three faults: a bit, a byte, a piece lost, repeated or put in. */
function mutated(bytes: Uint8Array, prng: Prng): Uint8Array {
  let out = Buffer.from(bytes);
  for (let i = prng.between(1, 3); i > 0; i--) {
    const at = prng.below(out.length + 1);
    const length = prng.between(1, 16);
    const [before, after] = [out.subarray(0, at), out.subarray(Math.min(out.length, at + length))];
    switch (prng.below(5)) {
      case 0:
        if (at < out.length) out[at] = (out[at] ?? 0) ^ (1 << prng.below(8));
        break;
      case 1:
        if (at < out.length) out[at] = prng.below(256);
        break;
      case 2:
        out = Buffer.concat([before, after]);
        break;
      case 3:
        out = Buffer.concat([before, out.subarray(at, at + length), out.subarray(at)]);
        break;
      default:
        out = Buffer.concat([before, Buffer.from(Array.from({ length }, () => prng.below(256))), out.subarray(at)]);
    }
  }
  return out;
}

const WORDS = [
  '',
  'WATT',
  'bid',
  'toString',
  '__proto__',
  '0',
  '-1',
  '1e9',
  '9'.repeat(40),
  '\u0000',
  '\ud800',
  '𝟙',
  '/~',
];

/** Any JSON-like value. */
function anyValue(prng: Prng, depth = 0): unknown {
  switch (prng.below(depth > 3 ? 6 : 8)) {
    case 0:
      return prng.below(2) === 0;
    case 1:
      return null;
    case 2:
      return prng.next() - 0x8000_0000;
    case 3:
      return prng.next() / 7;
    case 4:
      return 2 ** prng.below(80);
    case 5:
      return WORDS[prng.below(WORDS.length)];
    case 6:
      return Array.from({ length: prng.below(4) }, () => anyValue(prng, depth + 1));
    default:
      return Object.fromEntries(
        Array.from({ length: prng.below(4) }, () => [WORDS[prng.below(WORDS.length)], anyValue(prng, depth + 1)]),
      );
  }
}

/** The value with something in it replaced, left out or added. */
function disturbed(value: unknown, prng: Prng): unknown {
  if (typeof value !== 'object' || value === null || prng.chance(0.1)) return anyValue(prng);
  if (Array.isArray(value)) {
    const at = prng.below(value.length);
    return value.map((item: unknown, i) => (i === at ? disturbed(item, prng) : item));
  }
  const names = Object.keys(value);
  const name = names[prng.below(names.length)] ?? '';
  const { [name]: old, ...rest } = value as Record<string, unknown>;
  if (prng.chance(0.15)) return rest;
  if (prng.chance(0.15)) return { ...value, [WORDS[prng.below(WORDS.length)] ?? '']: anyValue(prng) };
  return { ...value, [name]: disturbed(old, prng) };
}

describe(`${BODIES_PER_ROUTE} bodies for each POST route (BAD_INPUT_SEED=${SEED})`, () => {
  /**
   * Keys of one account, which has money of its own: what they do by accident hurts nobody else here. Many, because an
   * accident with its sequence leaves a key with nothing but sequences that are too old.
   */
  let clumsy: readonly Pen[];
  let examples: Operation[];
  let exampleReading: OperationOf<'metering.recordReadings'>['readings'][number];
  const promised = new Set<string>();

  beforeAll(async () => {
    clumsy = Array.from({ length: 200 }, () => new Pen(world.anchor.ledgerId));
    const [account, meter] = [randomId(), randomId()];
    const organisation = world.system.ledger.directory.organisations['back-office']?.id ?? '';
    await world.members.carryOut('back-office', [
      { type: 'registry.openAccount', account, organisation },
      ...clumsy.map(({ kid }): Operation => ({
        type: 'registry.registerKey',
        key: kid,
        owner: { kind: 'account', account },
      })),
    ]);
    await world.members.carryOut('bank', [
      { type: 'registry.setKyc', account, status: 'verified' },
      { type: 'accounts.mint', account, amount: '1000000000', reference: 'fuzz' },
    ]);
    const { zone, interval, seller } = market;
    exampleReading = { meter, interval, consumedWh: '1', producedWh: '2', quality: 'estimated', version: 1 };
    examples = [
      { ...bid(), account } as Operation,
      { type: 'market.cancelOrder', order: randomId() + randomId() },
      { type: 'market.replaceOrder', order: randomId() + randomId(), priceTicks: 7, quantityWh: '700' },
      { type: 'accounts.transfer', from: account, to: seller, asset: 'WATT', amount: '1' },
      { type: 'metering.recordReading', meter, interval, consumedWh: '1', producedWh: '2' },
      {
        type: 'metering.recordReadings',
        readings: [exampleReading, { ...exampleReading, quality: 'corrected', version: 2 }],
      },
      { type: 'registry.registerMeter', meter, account, zone, limitWh: '5' },
      {
        type: 'registry.swapMeter',
        meter,
        at: interval.slice(0, 20),
        final: { consumedWh: '9', producedWh: '0' },
        initial: { consumedWh: '0', producedWh: '0' },
        limitWh: '5',
        registerDigits: 9,
      },
      {
        ...{ type: 'network.setLink', link: 'L9', fromZone: zone, toZone: 'EGAT-TX-00' },
        ...{ forwardWh: '1', backwardWh: '1' },
      } as Operation,
      { type: 'network.setPair', fromZone: zone, toZone: 'EGAT-TX-00', allowed: true, route: ['L9'] },
      {
        ...{ type: 'network.curtail', target: { kind: 'feeder', feeder: 'F9' }, flow: 'out' },
        ...{ limit: { kind: 'share', share: 5 }, firstInterval: interval, lastInterval: interval },
      } as Operation,
      {
        ...{ type: 'network.reportStatus', zone, sequence: 1, at: interval.slice(0, 20) },
        ...{ loadW: -1, frequencyMhz: 50_000, reserveW: 1 },
      } as Operation,
      { type: 'registry.delegate', key: office.kid, account, operations: ['accounts.transfer'], until: inTwoHours() },
      { type: 'registry.setKyc', account, status: 'verified', until: inTwoHours() },
      { type: 'validators.rejoin', validator: office.kid, nonce: randomId() + randomId() },
      {
        type: 'validators.proposeChange',
        change: { kind: 'rotateKey', validator: office.kid, key: office.kid, proof: 'A'.repeat(86) },
        until: inTwoHours(),
      },
      { type: 'validators.approveChange', change: randomId() + randomId() },
      {
        type: 'validators.reportEquivocation',
        validator: office.kid,
        first: { vote: '00'.repeat(90), signature: 'A'.repeat(86) },
        second: { vote: '01'.repeat(90), signature: 'A'.repeat(86) },
      },
    ];
  });

  const exampleOf = (prng: Prng): Operation => examples[prng.below(examples.length)] ?? bid();

  /** Mostly almost good: what is far off is refused by the first check and tries nothing behind it. */
  function anyEnvelope(prng: Prng): Uint8Array {
    const pen = clumsy[prng.below(clumsy.length)] ?? office;
    const good = pen.payload([exampleOf(prng)]);
    switch (prng.below(8)) {
      case 0:
        return Buffer.from(Array.from({ length: prng.below(300) }, () => prng.below(256)));
      case 1:
        return utf8(pen.jws(good, disturbed(pen.header(), prng)));
      case 2:
      case 3:
        return mutated(utf8(pen.jws(good)), prng);
      case 4:
        return utf8(pen.jws(Buffer.from(mutated(utf8(JSON.stringify(good)), prng)).toString('latin1')));
      case 5:
        return utf8(pen.jws(good));
      default:
        return utf8(pen.jws(disturbed(good, prng)));
    }
  }

  const routes: Record<string, (prng: Prng) => [path: string, type: string | undefined, body: Uint8Array]> = {
    '/v1/operations': (prng) => {
      const envelope = anyEnvelope(prng);
      if (prng.chance(0.7)) return ['', prng.chance(0.9) ? JOSE : 'text/plain', envelope];
      const wrapped = utf8(JSON.stringify({ envelope: Buffer.from(envelope).toString('latin1') }));
      return ['', 'application/json; charset=utf-8', prng.chance(0.5) ? mutated(wrapped, prng) : wrapped];
    },
    '/v1/batches': (prng) => {
      const lines = Array.from({ length: prng.below(6) }, () => anyEnvelope(prng)).flatMap((envelope) => {
        const wrapped = utf8(JSON.stringify({ envelope: Buffer.from(envelope).toString('latin1') }));
        return [prng.chance(0.2) ? wrapped : envelope, utf8(prng.chance(0.1) ? '\r\n\r\n' : '\n')];
      });
      const query = prng.chance(0.3) ? '?mode=all-or-nothing' : prng.chance(0.05) ? '?mode=%00&mode=partial' : '';
      return [query, prng.chance(0.98) ? NDJSON : 'application/json', Buffer.concat(lines)];
    },
    '/v1/readings/check': (prng) => {
      const { meter, interval, version, consumedWh, producedWh } = exampleReading;
      const row = { meter, intervalStart: interval.slice(0, 20), version, consumedWh, producedWh };
      const isCsv = prng.chance(0.5);
      const lines = Array.from({ length: prng.below(5) }, () =>
        isCsv ? Object.values(row).join(',') : JSON.stringify(disturbed(row, prng)),
      );
      if (isCsv) lines.unshift('meter,interval_start,version,consumed_wh,produced_wh');
      const bytes = utf8(lines.join('\n'));
      const query = prng.chance(0.2)
        ? '?timeZone=ICT'
        : prng.chance(0.5)
          ? '?timeZone=Asia/Bangkok&registerDigits=6'
          : '';
      return [query, isCsv ? 'text/csv' : NDJSON, prng.chance(0.7) ? mutated(bytes, prng) : bytes];
    },
    '/v1/operations/status': (prng) => {
      const ids = Array.from({ length: prng.below(5) }, () => randomId() + randomId());
      const body = prng.chance(0.4) ? disturbed({ ids }, prng) : prng.chance(0.2) ? anyValue(prng) : { ids };
      const bytes = utf8(JSON.stringify(body) ?? '');
      return ['', 'application/json', prng.chance(0.4) ? mutated(bytes, prng) : bytes];
    },
  };

  it('are for all the routes there are', async () => {
    const document = (await (await fetch(`${world.system.url}/v1/openapi.json`)).json()) as {
      paths: Record<string, object>;
    };
    const posts = Object.entries(document.paths).flatMap(([path, methods]) => ('post' in methods ? [path] : []));
    expect(posts.sort()).toEqual(Object.keys(routes).sort());
  });

  it.each(Object.keys(routes))('%s answers each with what it took in, or a problem', async (path) => {
    const prng = new Prng(SEED);
    const strange: unknown[] = [];
    const seen = new Map<number, number>();
    const accept = (operations: unknown): void => {
      for (const { id } of operations as { id: string }[]) promised.add(id);
    };
    const worker = async (share: number): Promise<void> => {
      for (let i = 0; i < share; i++) {
        const [query, type, body] = routes[path]?.(prng) ?? ['', '', new Uint8Array(0)];
        const answer = await post(path + query, type, body);
        seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
        const isProblem =
          answer.status >= 400 &&
          answer.status < 429 &&
          answer.type === 'application/problem+json' &&
          typeof answer.body['code'] === 'string' &&
          answer.body['code'] !== 'server.error';
        if (answer.status === 202) {
          accept(answer.body['operations'] instanceof Array ? answer.body['operations'] : []);
          for (const { operations = [] } of (answer.body['results'] ?? []) as { operations?: unknown }[])
            accept(operations);
        } else if (answer.status !== 200 && !isProblem)
          strange.push({ answer, type, body: Buffer.from(body).toString('base64') });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, () => worker(BODIES_PER_ROUTE / AT_ONCE)));
    expect(strange).toEqual([]);
    // It was no wall that everything bounced off, and no open door.
    const answered = (is: (status: number) => boolean): number =>
      [...seen].reduce((sum, [status, count]) => sum + (is(status) ? count : 0), 0);
    for (const count of [answered((status) => status < 300), answered((status) => status >= 400)])
      expect(count).toBeGreaterThan(BODIES_PER_ROUTE / 20);
  });

  it('and what was taken in is decided', async () => {
    expect(promised.size).toBeGreaterThan(BODIES_PER_ROUTE / 20);
    const ids = [...promised];
    let waiting: unknown[] = ids;
    for (let attempt = 0; attempt < 60 && waiting.length > 0; attempt++) {
      const views = await world.client.statuses(ids);
      expect(views.length).toBe(ids.length);
      waiting = views.filter(({ status }) => status === 'pending');
      if (waiting.length > 0) await pause(500);
    }
    expect(waiting).toEqual([]);
  });
});

describe('after all that', () => {
  it('a good order trades, and its proof holds', async () => {
    const { client, members, anchor, system } = world;
    const stage = { client, members, anchor, ledger: system.ledger, say: () => {} };
    expect(await tradeScene.play(stage)).toMatchObject({ energyKwh: '1000', proofVerified: true });
  });

  it('every service is the process it was, is well, and goes on', async () => {
    expect(endedAmong(pids)).toEqual([]);
    expect(world.system.pids()).toEqual(pids);
    const { status, height = 0 } = await world.client.health();
    expect(status).toBe('ok');
    expect(await world.client.blockRecord(height + 1, { wait: true })).toBeDefined();
  });

  it('nothing was executed twice', async () => {
    const times = new Map<string, number>();
    const follower = new BlockFollower(world.anchor, { crypto: native });
    for await (const { asked } of follower.results((height) => world.client.blockRecord(height)))
      if (asked !== undefined) times.set(asked.operationId, (times.get(asked.operationId) ?? 0) + 1);
    expect(times.size).toBeGreaterThan(0);
    expect([...times].filter(([, count]) => count !== 1)).toEqual([]);
  });

  it('no service has logged an error', async () => {
    expect(await alarmsOf(world, 'consortium-ledger')).toEqual([]);
    expect(await alarmsOf(world, 'gateway')).toEqual([]);
  });

  it('the read models are a function of the blocks: rebuilt, they have the same digests', async () => {
    await log.close();
    await world.system.stop();
    const child = spawn(process.execPath, [REBUILD, '--data', world.folder], { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const code = await new Promise((resolve) => child.once('exit', resolve));
    expect([code, said]).toEqual([0, expect.stringContaining('every table has the digest it had before')]);
  });
});
