import {
  LogError,
  ReadModelError,
  type AccountView,
  type OrderView,
  type TradeView,
  type ValidatorChangeView,
} from '@gridtokenx/runtime';
import { decodeBlock, decodeCertificate, genesisValidators, outcomeProofFault } from '@gridtokenx/chain';
import { native } from '@gridtokenx/crypto-native';
import { decodeProofJson, GridClient, LightClient } from '@gridtokenx/client';
import { fromBase64Url, toHex } from '@gridtokenx/kernel';
import { decodeEnvelope, rejected } from '@gridtokenx/protocol';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Gateway } from '../create-gateway.js';
import {
  ACCOUNT,
  executed,
  GENESIS_MS,
  INTERVAL,
  INTERVAL_START_MS,
  kidOf,
  newWorld,
  ORGANISATION,
  seedOf,
  tick,
  type World,
} from '../fixture.spec.js';
import * as schemas from '../openapi/schemas.js';
import { BlockStore } from './block-store.js';
import { PendingFollower } from '../write/pending-follower.js';

let world: World;
let gateway: Gateway;
beforeEach(async () => {
  world = newWorld();
  gateway = await world.gateway({ limits: { heightWaitMs: 50 } });
});
afterEach(() => world.close());

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly raw: Buffer;
  readonly body: Record<string, unknown>;
}

async function send(options: object): Promise<Answer> {
  const { statusCode, headers, rawPayload } = await gateway.app.inject(options);
  const json = String(headers['content-type']).includes('json');
  const body = json ? (JSON.parse(rawPayload.toString()) as Record<string, unknown>) : {};
  return { status: statusCode, headers, raw: rawPayload, body };
}
const get = (url: string): Promise<Answer> => send({ method: 'GET', url });
const post = (bytes: Uint8Array): Promise<Answer> =>
  send({
    method: 'POST',
    url: '/v1/operations',
    headers: { 'content-type': 'application/jose' },
    payload: Buffer.from(bytes),
  });
const idsOf = (bytes: Uint8Array): string[] =>
  decodeEnvelope(native, world.identity.ledgerId, bytes).operationIds.map(toHex);
const status = async (id: string): Promise<Record<string, unknown>> =>
  schemas.operationAnswer.parse((await get(`/v1/operations/${id}`)).body);

async function expectProblem(answer: Answer, code: number, name: string, pointer?: string): Promise<void> {
  const problem = schemas.problemDocument.parse(answer.body);
  expect([answer.status, problem.code]).toEqual([code, name]);
  const pointers = problem.errors?.map((item) => item.pointer) ?? [];
  expect(pointers).toEqual(expect.arrayContaining(pointer === undefined ? [] : [pointer]));
}

const HASH = 'c5'.repeat(32);
const BOOK = {
  mechanism: 'continuous',
  phase: 'spot',
  fromZone: 'MEA-BKK-01',
  toZone: 'MEA-BKK-02',
  intervalStartMs: INTERVAL_START_MS,
} as const;

const tradeOf = (trade: number): TradeView => ({
  trade,
  bid: 'b1'.repeat(32),
  ask: 'a1'.repeat(32),
  buyer: ACCOUNT,
  seller: 'fe'.repeat(16),
  ...BOOK,
  priceTicks: 450,
  quantityWh: 1_000_000,
  notional: '4500000000',
  buyerFee: '45000000',
  sellerFee: '0',
  wheeling: '5000000',
  feePayee: ACCOUNT,
  toOperator: '45000000',
  fromOperator: '4000000',
  platform: '0',
  tax: '1000000',
  tariffVersion: 1,
  tariffHash: HASH,
  height: 1,
  index: 1,
  event: 0,
  timeMs: GENESIS_MS,
  operationId: 'b1'.repeat(32),
});
const orderOf = (n: number): OrderView => ({
  order: n.toString(16).padStart(64, '0'),
  account: ACCOUNT,
  side: 'bid',
  ...BOOK,
  priceTicks: 450,
  quantityWh: 1_000,
  remainingWh: 500,
  timeInForce: 'GTC',
  expiresAtMs: INTERVAL_START_MS,
  status: 'open',
  validFromMs: undefined,
  placedHeight: 1,
  placedIndex: 2,
  tariffVersion: 1,
});
const account: AccountView = {
  account: ACCOUNT,
  organisation: ORGANISATION,
  kycStatus: 'verified',
  kycUntilMs: INTERVAL_START_MS,
  openedHeight: 0,
};

describe('an operation', () => {
  it('is pending once appended, then executed with what it did, or rejected with why', async () => {
    const bytes = world.envelope(2);
    const [first = '', second = ''] = idsOf(bytes);
    await expectProblem(await get(`/v1/operations/${first}`), 404, 'operation.unknown');
    await post(bytes);
    expect(await status(first)).toMatchObject({ id: first, status: 'pending', kid: world.kid, asOf: { height: 0 } });
    world.decide([bytes], (i) => (i === 0 ? executed : rejected('accounts.insufficientBalance', { missing: '1' })));
    const answer = await get(`/v1/operations/${first}`);
    expect(answer.headers['x-ledger-height']).toBe('1');
    expect(schemas.operationAnswer.parse(answer.body)).toMatchObject({
      status: 'executed',
      type: 'accounts.transfer',
      height: 1,
      index: 1,
      outcome: executed,
      block: '/v1/blocks/1',
      proof: `/v1/blocks/1/proof/${first}`,
    });
    expect(await status(second)).toMatchObject({
      status: 'rejected',
      code: 'accounts.insufficientBalance',
      outcome: { detail: { missing: '1' } },
      index: 2,
    });
  });

  it('is expired once block time has passed validUntil, and unknown five minutes later', async () => {
    const bytes = world.envelope();
    const [id = ''] = idsOf(bytes);
    await post(bytes);
    world.clock.advance(600_000);
    world.decide([]);
    expect(await status(id)).toMatchObject({ status: 'expired', code: 'operation.expired' });
    world.clock.advance(300_001);
    await gateway.app.get(PendingFollower).sweep();
    await expectProblem(await get(`/v1/operations/${id}`), 404, 'operation.unknown');
  });

  it('is refused when another envelope has used its sequence, or its key was removed', async () => {
    const [one, two] = [world.envelope(1, { sequence: 9 }), world.envelope(2, { sequence: 9 })];
    await post(one);
    await post(two);
    world.decide([one]);
    expect(await status(idsOf(one)[0] ?? '')).toMatchObject({ status: 'executed' });
    expect(await status(idsOf(two)[0] ?? '')).toMatchObject({ status: 'refused', code: 'operation.sequenceUsed' });
    const three = world.envelope();
    await post(three);
    const key = world.readModels.keys.get(world.kid);
    if (key !== undefined) key.removedHeight = 1;
    expect(await status(idsOf(three)[0] ?? '')).toMatchObject({ status: 'refused', code: 'operation.keyRemoved' });
  });

  it('decided while it is asked about is never called refused', async () => {
    const bytes = world.envelope();
    await post(bytes);
    const admission = world.readModels.admission.bind(world.readModels);
    world.readModels.admission = async (questions) => {
      const answer = await admission(questions);
      world.decide([bytes]);
      return answer;
    };
    expect(await status(idsOf(bytes)[0] ?? '')).toMatchObject({ status: 'executed' });
  });

  it('that another gateway, or an earlier life of this one, appended is pending too', async () => {
    const bytes = world.envelope(3);
    const rubbish = Buffer.from('no envelope at all');
    await world.log.append('consortium.operations', [rubbish, bytes]);
    await tick();
    expect(await status(idsOf(bytes)[2] ?? '')).toMatchObject({ status: 'pending' });
    gateway = await world.gateway();
    await tick();
    expect(await status(idsOf(bytes)[2] ?? '')).toMatchObject({ status: 'pending' });
  });

  it('is learnt of once the bus answers again', async () => {
    const bytes = world.envelope();
    await world.log.append('consortium.operations', [bytes]);
    const offsetAtTime = world.log.offsetAtTime.bind(world.log);
    world.log.offsetAtTime = () => Promise.reject(new LogError('log.unavailable', 'gone'));
    gateway = await world.gateway();
    await tick();
    await expectProblem(await get(`/v1/operations/${idsOf(bytes)[0]}`), 404, 'operation.unknown');
    world.log.offsetAtTime = offsetAtTime;
    world.clock.advance(1_000);
    await tick();
    expect(await status(idsOf(bytes)[0] ?? '')).toMatchObject({ status: 'pending' });
  });

  it('is followed in bulk', async () => {
    const [done, waiting] = [world.envelope(), world.envelope()];
    await post(waiting);
    world.decide([done]);
    const ids = [...idsOf(waiting), 'ab'.repeat(32), ...idsOf(done)];
    const ask = (body: object): Promise<Answer> =>
      send({
        method: 'POST',
        url: '/v1/operations/status',
        headers: { 'content-type': 'application/json' },
        payload: body,
      });
    const answer = await ask({ ids });
    expect(answer.headers['x-ledger-height']).toBe('1');
    const { operations, unknown } = schemas.statusAnswer.parse(answer.body);
    expect(operations.map(({ id, status: s }) => [id, s])).toEqual([
      [ids[0], 'pending'],
      [ids[2], 'executed'],
    ]);
    expect(unknown).toEqual([ids[1]]);
    await expectProblem(await ask({ ids: ['x'] }), 400, 'body.schema', '/ids/0');
    await expectProblem(await ask({ ids: [] }), 400, 'body.schema', '/ids');
    await expectProblem(await ask({ ids: Array.from({ length: 1_001 }, () => ids[0]) }), 400, 'body.schema', '/ids');
  });

  it('leaves the memory when it is decided, and the oldest leave when there are too many', async () => {
    gateway = await world.gateway({ limits: { pendingOperationsMax: 4 } });
    const envelopes = [1, 2, 3].map(() => world.envelope(2));
    for (const bytes of envelopes) await post(bytes);
    const pending = async (): Promise<unknown> => (await get('/v1/health')).body['pendingOperations'];
    expect(await pending()).toBe(4);
    world.decide(envelopes);
    await gateway.app.get(PendingFollower).takeBlocks();
    expect(await pending()).toBe(0);
  });

  it('leaves the memory half a minute later when no block told of it', async () => {
    const bytes = world.envelope();
    await post(bytes);
    world.decide([bytes]);
    world.readModels.hashesAt.clear();
    const follower = gateway.app.get(PendingFollower);
    await follower.takeBlocks();
    const pending = async (): Promise<unknown> => (await get('/v1/health')).body['pendingOperations'];
    expect(await pending()).toBe(1);
    world.clock.advance(31_000);
    await follower.sweep();
    expect(await pending()).toBe(0);
  });
});

describe('a read', () => {
  beforeEach(() => {
    world.readModels.accounts.set(ACCOUNT, account);
    world.readModels.balancesOf.set(ACCOUNT, [
      { asset: 'WATT', available: '1500000', held: '0' },
      { asset: `KWH:MEA-BKK-01:${INTERVAL}`, available: '1500', held: '7' },
    ]);
    world.readModels.tradeList.push(tradeOf(3), tradeOf(2), tradeOf(1));
    world.readModels.orderList.push(orderOf(2), orderOf(1));
    const market = {
      ...BOOK,
      openedHeight: 1,
      openedPlace: 0,
      closesAtMs: INTERVAL_START_MS,
      closedHeight: undefined,
      tariffVersion: 1,
      tariffHash: HASH,
      wheeling: 1_234,
      operatorFrom: ACCOUNT,
      operatorTo: ACCOUNT,
      platform: ACCOUNT,
      tax: ACCOUNT,
    };
    const nothing = { levels: [], orders: [] };
    world.readModels.bookList.push({
      ...market,
      bids: { levels: [{ priceTicks: 450, quantityWh: '2500', orders: 2 }], orders: [] },
      asks: {
        levels: [],
        orders: [
          {
            order: 'ab'.repeat(32),
            account: ACCOUNT,
            priceTicks: 460,
            remainingWh: 9,
            placedHeight: 1,
            placedIndex: 0,
          },
        ],
      },
    });
    world.readModels.bookList.push({ ...market, mechanism: 'auction', phase: 'forward', bids: nothing, asks: nothing });
    world.decide([world.envelope()]);
  });

  it('of an account and its balances gives minor units, and THB and kWh for people', async () => {
    expect(schemas.accountAnswer.parse((await get(`/v1/accounts/${ACCOUNT}`)).body)).toMatchObject({
      height: 1,
      account: ACCOUNT,
      kycStatus: 'verified',
    });
    const balances = schemas.balancesAnswer.parse((await get(`/v1/accounts/${ACCOUNT}/balances`)).body);
    expect(balances.items).toEqual([
      { asset: 'WATT', available: '1500000', held: '0', availableThb: '1.5', heldThb: '0' },
      { asset: `KWH:MEA-BKK-01:${INTERVAL}`, available: '1500', held: '7', availableKwh: '1.5', heldKwh: '0.007' },
    ]);
  });

  it('of a trade shows it as a bill would', async () => {
    const { items } = schemas.tradesAnswer.parse((await get('/v1/trades?limit=1')).body);
    expect(items[0]).toMatchObject({
      energyKwh: '1000',
      priceThbPerKwh: '4.50',
      totalThb: '4500',
      gridFeeThb: '45',
      wheelingThb: '5',
      tariffHash: HASH,
      notional: '4500000000',
      proof: `/v1/blocks/1/proof/${'b1'.repeat(32)}`,
    });
  });

  it('of a contract says what the network cut of it and what was delivered, and of a reading which version it is', async () => {
    const place = { trade: 3, buyer: ACCOUNT, seller: 'fe'.repeat(16), fromZone: BOOK.fromZone, toZone: BOOK.toZone };
    const charges = { toOperator: '4', fromOperator: '0', platform: '0', tax: '0' };
    const settled = {
      type: 'settlement.contractSettled',
      ...place,
      interval: INTERVAL,
      ...{ deliveredWh: '900000', shortfallWh: '100000', buyerPays: '5', sellerGets: '1', ...charges },
      ...{ topUpBuyer: '0', topUpSeller: '0', topUpRate: 45_000 },
    } as const;
    const forward = { ...tradeOf(3), phase: 'forward', cuts: [] } as const;
    world.readModels.contractList.push({ ...forward, settled }, { ...forward, settled: undefined });
    const { items } = (await get(`/v1/contracts?account=${ACCOUNT}&interval=${encodeURIComponent(INTERVAL)}`)).body as {
      items: unknown[];
    };
    expect(
      items.map((item) => schemas.contract.parse(item)).map(({ status: one, settled: said }) => [one, said]),
    ).toEqual([
      ['open', undefined],
      ['settled', settled],
    ]);
    const meter = '5a'.repeat(16);
    world.readModels.readingList.push({
      ...{ meter, intervalStartMs: INTERVAL_START_MS, version: 2, quality: 'corrected', account: ACCOUNT },
      ...{ zone: BOOK.toZone, consumedWh: 7, producedWh: 0, mintedWh: 0, importWh: 7, height: 1, index: 0, event: 3 },
    });
    expect((await get(`/v1/meters/${meter}/readings?limit=5`)).body).toMatchObject({
      items: [{ interval: INTERVAL, version: 2, quality: 'corrected', consumedWh: '7', event: 3 }],
    });
  });

  it('of a list goes on by cursor and link, with the same filter', async () => {
    const first = await get(`/v1/trades?limit=2&account=${ACCOUNT}`);
    expect(schemas.tradesAnswer.parse(first.body)).toMatchObject({ next: '2' });
    const link = String(first.headers['link']);
    expect(link).toBe(`</v1/trades?limit=2&account=${ACCOUNT}&cursor=2>; rel="next"`);
    const second = await get(link.slice(1, link.indexOf('>')));
    expect(schemas.tradesAnswer.parse(second.body).items.map(({ trade }) => trade)).toEqual([1]);
    expect(second.headers['link']).toBeUndefined();
    expect(schemas.ordersAnswer.parse((await get('/v1/orders?status=open')).body).items).toHaveLength(2);
  });

  it('of an order, and of a book by its interval or by its start', async () => {
    expect(schemas.orderAnswer.parse((await get(`/v1/orders/${orderOf(1).order}`)).body)).toMatchObject({
      remainingWh: '500',
      remainingKwh: '0.5',
    });
    for (const interval of [encodeURIComponent(INTERVAL), '2026-06-15T03:00:00Z']) {
      const book = schemas.bookAnswer.parse((await get(`/v1/markets/MEA-BKK-01/MEA-BKK-02/${interval}/book`)).body);
      expect(book).toMatchObject({ interval: INTERVAL, bids: { levels: [{ quantityKwh: '2.5' }] } });
    }
    const ofAuction = '/v1/markets/MEA-BKK-01/MEA-BKK-02/2026-06-15T03:00:00Z/book?mechanism=auction&phase=forward';
    expect(schemas.bookAnswer.parse((await get(ofAuction)).body)).toMatchObject({
      mechanism: 'auction',
      wheeling: 1_234,
      bids: { levels: [] },
    });
    const { intervalStartMs: _, ...key } = BOOK;
    const limits = { priceTicks: 900, lowTicks: 400, highTicks: 410, until: '2026-06-15T04:00:00Z' };
    const [pair, mechanism] = [{ fromZone: BOOK.fromZone, toZone: BOOK.toZone }, BOOK.mechanism];
    world.readModels.tell([
      { type: 'market.halted', mechanism, ...pair, cancelOrders: false, reference: 'storm-1' },
      { type: 'market.breakerTripped', ...key, interval: INTERVAL, ...limits },
    ]);
    const stopped = '/v1/markets/MEA-BKK-01/MEA-BKK-02/2026-06-15T03:00:00Z/book?mechanism=continuous';
    expect(schemas.bookAnswer.parse((await get(stopped)).body)).toMatchObject({
      halt: { reference: 'storm-1' },
      pause: { until: limits.until },
    });
    expect(schemas.bookAnswer.parse((await get(ofAuction)).body).halt).toBeUndefined();
    await expectProblem(await get(ofAuction.replace('forward', 'spot')), 404, 'book.unknown');
    await expectProblem(await get(ofAuction.replace('auction', 'dutch')), 400, 'query.invalid', '/mechanism');
    const { items } = schemas.marketsAnswer.parse((await get('/v1/markets?open=true')).body);
    expect(items.map(({ mechanism, phase }) => [mechanism, phase])).toEqual([
      ['continuous', 'spot'],
      ['auction', 'forward'],
    ]);
  });

  it('of a key shows its window', async () => {
    const key = schemas.keyAnswer.parse((await get(`/v1/keys/${world.kid}`)).body);
    expect(key).toMatchObject({ highestSequence: 1, window: { size: 1_024, lowestAcceptable: 1, used: [1] } });
  });

  it('of blocks goes newest first, down and up', async () => {
    for (let i = 0; i < 4; i++) world.decide([]);
    const heights = async (url: string): Promise<[number[], string | undefined]> => {
      const { items, next } = schemas.blocksAnswer.parse((await get(url)).body);
      return [items.map(({ height }) => height), next];
    };
    expect(await heights('/v1/blocks')).toEqual([[5, 4, 3, 2, 1], undefined]);
    expect(await heights('/v1/blocks?limit=2')).toEqual([[5, 4], 'below:4']);
    expect(await heights('/v1/blocks?limit=2&cursor=below:4')).toEqual([[3, 2], 'below:2']);
    expect(await heights('/v1/blocks?limit=2&before=2')).toEqual([[1], undefined]);
    expect(await heights('/v1/blocks?limit=2&after=1')).toEqual([[3, 2], 'above:3']);
    expect(await heights('/v1/blocks?limit=2&cursor=above:3')).toEqual([[5, 4], undefined]);
    await expectProblem(await get('/v1/blocks?before=1&after=1'), 400, 'query.invalid', '/cursor');
  });

  it('of a block that another set than that of the genesis decided names the size of that set', async () => {
    const envelope = world.envelope();
    world.decide([envelope]);
    const kids = Array.from({ length: 9 }, (_, n) => kidOf(seedOf(n)));
    world.readModels.validatorSet = async (height) => ({ height, timeMs: 0, value: { fromHeight: 1, kids } });
    const { body } = await get(`/v1/blocks/2/proof/${idsOf(envelope)[0]}`);
    const { certificate } = schemas.proofAnswer.parse(body);
    const bytes = fromBase64Url(certificate) ?? new Uint8Array();
    expect(decodeCertificate(bytes, 9).signatures).toHaveLength(3);
    expect(() => decodeCertificate(bytes, 4)).toThrow('certificate');
  });

  it('of a block, its record and a proof is enough to check it without us', async () => {
    const bytes = world.envelope(3);
    const made = world.decide([bytes]);
    const block = schemas.blockAnswer.parse((await get('/v1/blocks/2')).body);
    expect(block.block).toMatchObject({ height: 2, operations: 3, signers: 3, record: '/v1/blocks/2/record' });
    const record = await get('/v1/blocks/2/record');
    expect(record.headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'cache-control': 'public, max-age=31536000, immutable',
      'x-ledger-height': '2',
    });
    expect(decodeBlock(new Uint8Array(record.raw))).toEqual(made);
    const set = genesisValidators(native, world.identity.genesis);
    for (const id of idsOf(bytes)) {
      const answer = await get(`/v1/blocks/2/proof/${id}`);
      schemas.proofAnswer.parse(answer.body);
      const proof = decodeProofJson(answer.raw.toString(), { crypto: native });
      expect(outcomeProofFault(native, world.identity.ledgerId, set, proof)).toBeUndefined();
    }
    await expectProblem(await get(`/v1/blocks/1/proof/${idsOf(bytes)[0]}`), 404, 'proof.notInBlock');
  });

  it('of decoded blocks is kept within its room', async () => {
    gateway = await world.gateway({ limits: { blockCacheBytesMax: 1 } });
    const store = gateway.app.get(BlockStore);
    const bodies = (): number => world.readModels.asked.filter((name) => name === 'blockBody').length;
    world.decide([]);
    await Promise.all([store.block(1), store.block(1)]);
    expect(bodies()).toBe(1);
    await store.block(2);
    await store.block(1);
    expect(bodies()).toBe(3);
  });

  it('of the genesis gives its exact bytes', async () => {
    expect(new Uint8Array((await get('/v1/genesis')).raw)).toEqual(world.file);
  });

  it.each([
    ['/v1/accounts/' + '00'.repeat(16), 404, 'account.unknown', undefined],
    ['/v1/accounts/' + '00'.repeat(16) + '/balances', 404, 'account.unknown', undefined],
    ['/v1/accounts/me', 400, 'path.invalid', '/id'],
    ['/v1/orders/' + '00'.repeat(32), 404, 'order.unknown', undefined],
    ['/v1/orders?state=open', 400, 'query.invalid', '/state'],
    ['/v1/orders?limit=0', 400, 'query.invalid', '/limit'],
    ['/v1/orders?limit=1e3', 400, 'query.invalid', '/limit'],
    ['/v1/orders?limit=1&limit=2', 400, 'query.invalid', '/limit'],
    ['/v1/trades?interval=2026-06-15T03:01:00Z', 400, 'query.invalid', '/interval'],
    ['/v1/trades?minHeight=-1', 400, 'query.invalid', '/minHeight'],
    ['/v1/markets/MEA-BKK-01/x/2026-06-15T03:00:00Z/book', 400, 'path.invalid', '/to'],
    ['/v1/markets/MEA-BKK-01/MEA-BKK-01/2026-06-15T03:00:00Z/book', 404, 'book.unknown', undefined],
    ['/v1/keys/' + 'A'.repeat(43), 404, 'key.unknown', undefined],
    ['/v1/keys/' + 'A'.repeat(200), 414, 'request.uriTooLong', undefined],
    ['/v1/blocks/0', 400, 'path.invalid', '/height'],
    ['/v1/blocks/99', 404, 'block.unknown', undefined],
    ['/v1/blocks/99/record', 404, 'block.unknown', undefined],
    ['/v1/blocks/99/proof/' + '00'.repeat(32), 404, 'block.unknown', undefined],
    ['/v1/operations/' + 'AB'.repeat(32), 400, 'path.invalid', '/id'],
    ['/v1/genesis?x', 400, 'query.invalid', '/x'],
    ['/v1', 404, 'route.unknown', undefined],
  ])('of %s is %i %s', async (url, code, name, pointer) => {
    await expectProblem(await get(url), code, name, pointer);
  });
});

describe('a read of one’s own writes', () => {
  it('waits for the height it asks for', async () => {
    gateway = await world.gateway();
    const reading = get('/v1/blocks?minHeight=1');
    await tick();
    world.decide([]);
    expect((await reading).headers['x-ledger-height']).toBe('1');
  });

  it.each(['/v1/blocks', '/v1/trades', '/v1/orders', `/v1/accounts/${ACCOUNT}`, `/v1/operations/${'00'.repeat(32)}`])(
    'of %s is told to come back when the height is not there',
    async (url) => {
      const answer = await get(`${url}?minHeight=7`);
      expect(answer.headers['retry-after']).toBe('1');
      await expectProblem(answer, 503, 'read.heightNotReached');
    },
  );
});

describe('health', () => {
  it('says where the ledger stands', async () => {
    world.decide([]);
    world.clock.advance(250);
    const answer = await get('/v1/health');
    expect(answer.status).toBe(200);
    expect(schemas.healthAnswer.parse(answer.body)).toMatchObject({
      status: 'ok',
      ledgerId: world.identity.ledgerId,
      height: 1,
      lagMs: 250,
      checks: { bus: { status: 'ok', operationsEnd: 0 }, database: { status: 'ok' } },
    });
  });

  it('fails when bus or database is away, and so do reads, with a code and a time to come back', async () => {
    world.log.end = () => Promise.reject(new LogError('log.unavailable', 'gone'));
    world.readModels.broken = new ReadModelError('readModels.unavailable', 'gone');
    const answer = await get('/v1/health');
    expect(answer.status).toBe(503);
    expect(schemas.healthAnswer.parse(answer.body)).toMatchObject({
      status: 'failing',
      checks: { bus: { reason: 'log.unavailable' }, database: { reason: 'readModels.unavailable' } },
    });
    await expectProblem(await get('/v1/trades'), 503, 'database.unavailable');
    world.readModels.broken = new ReadModelError('page.badCursor', 'x');
    await expectProblem(await get('/v1/trades?cursor=x'), 400, 'page.badCursor', '/cursor');
    world.readModels.broken = new ReadModelError('readModels.notReady', 'x');
    await expectProblem(await get('/v1/trades'), 503, 'read.notReady');
    world.readModels.broken = new Error('host=db password=x');
    const bug = await get('/v1/trades');
    await expectProblem(bug, 500, 'server.error');
    expect(bug.raw.toString()).not.toContain('password');
  });

  it('fails when the read models are of another ledger', async () => {
    const cursor = world.readModels.cursor.bind(world.readModels);
    world.readModels.cursor = async () => ({ ...(await cursor()), ledgerId: 'gridtokenx-consortium-00000000' });
    expect((await get('/v1/health')).body).toMatchObject({
      checks: { database: { reason: 'readModels.wrongLedger' } },
    });
  });
});

describe('a light block', () => {
  /** The SDK on this gateway: what it reads, and refuses, is what others get. */
  const sdk = () =>
    new GridClient({
      url: 'http://gateway',
      platform: {
        fetch: async (url) => {
          const { statusCode, rawPayload } = await gateway.app.inject({
            method: 'GET',
            url: url.slice('http://gateway'.length),
          });
          return {
            status: statusCode,
            headers: { get: () => null },
            arrayBuffer: async () => new Uint8Array(rawPayload).buffer,
          };
        },
        randomBytes: (length) => new Uint8Array(length),
        now: () => world.clock.now(),
        sleep: async () => {},
      },
    });

  it('is what a light client needs to verify a proof from the genesis file on', async () => {
    const envelope = world.envelope(2);
    for (let height = 1; height <= 3; height++) world.decide(height === 2 ? [envelope] : []);
    const answer = await get('/v1/light-blocks/2');
    expect(schemas.lightBlockAnswer.parse(answer.body)).toMatchObject({ height: 2, ledgerId: world.identity.ledgerId });
    expect([answer.status, answer.headers['x-ledger-height']]).toEqual([200, '3']);
    expect(answer.headers['cache-control']).toContain('immutable');
    const client = new LightClient({
      identity: world.identity,
      source: sdk(),
      platform: { now: () => world.clock.now() },
      crypto: native,
    });
    const proof = await sdk().proof(2, idsOf(envelope)[1] ?? '');
    expect(await client.verify(proof)).toMatchObject({ valid: true, height: 2, signers: 3, validators: 4 });
    await client.advance(3);
    expect(client.head.height).toBe(3);
  });

  it('of a height that is not there is unknown, and of none is no height', async () => {
    world.decide([]);
    await expectProblem(await get('/v1/light-blocks/2'), 404, 'block.unknown');
    await expectProblem(await get('/v1/light-blocks/0'), 400, 'path.invalid', '/height');
    await expectProblem(await get('/v1/light-blocks/1?more=1'), 400, 'query.invalid', '/more');
    expect(await sdk().lightBlock(2)).toBeUndefined();
  });
});

describe('changes of the validators', () => {
  it('are listed with what an approval needs, in pages', async () => {
    const open: ValidatorChangeView = {
      change: 'ab'.repeat(32),
      kind: 'rotateKey',
      validator: world.kid,
      key: world.kid,
      organisation: ORGANISATION,
      untilMs: GENESIS_MS,
      votes: 6,
      needed: 14,
      status: 'open',
      proposedHeight: 3,
      decidedHeight: undefined,
      endedHeight: undefined,
    };
    const byEvidence: ValidatorChangeView = {
      ...open,
      change: 'cd'.repeat(32),
      kind: 'suspend',
      key: undefined,
      organisation: undefined,
      untilMs: undefined,
      votes: 0,
      needed: undefined,
      status: 'applied',
      decidedHeight: 2,
      endedHeight: 10,
    };
    world.readModels.changeList.push(open, byEvidence);
    const first = await get('/v1/validator-changes?limit=1&status=open');
    expect(schemas.validatorChangesAnswer.parse(first.body)).toEqual({
      height: 0,
      time: '2026-06-15T00:00:00Z',
      items: [
        {
          change: open.change,
          kind: 'rotateKey',
          validator: world.kid,
          key: world.kid,
          organisation: ORGANISATION,
          until: '2026-06-15T00:00:00Z',
          votes: 6,
          needed: 14,
          status: 'open',
          proposedHeight: 3,
        },
      ],
      next: '1',
    });
    const second = schemas.validatorChangesAnswer.parse((await get('/v1/validator-changes?cursor=1')).body);
    expect(second.items).toEqual([
      {
        change: byEvidence.change,
        kind: 'suspend',
        validator: world.kid,
        votes: 0,
        status: 'applied',
        proposedHeight: 3,
        decidedHeight: 2,
        endedHeight: 10,
      },
    ]);
    await expectProblem(await get('/v1/validator-changes?status=pending'), 400, 'query.invalid', '/status');
  });
});
