import { type HistoryEntry, positionOf } from '@gridtokenx/chain';
import { describe, expect, it } from '@jest/globals';
import { formatInterval, INTERVAL_MS, millis, toHex } from '@gridtokenx/kernel';
import type { LedgerEvent, Operation, OperationOf } from '@gridtokenx/protocol';
import { auditState } from '../index.js';
import { id, OTHER_ZONE, place, START, World, ZONE } from '../spec/world.spec.js';

/** Intervals whose delivery begins an hour, and an hour and a quarter, after the start. */
const [NEXT = '', AFTER = ''] = [4, 5].map((n) => formatInterval(millis(START + n * INTERVAL_MS)));
const ACROSS = { fromZone: ZONE, toZone: OTHER_ZONE };
const NAMES = ['ann', 'bob', 'cat', 'dan'] as const;
const THB = 100_000;

const setLink = (forwardWh: number): OperationOf<'network.setLink'> => ({
  type: 'network.setLink',
  link: 'L1',
  ...ACROSS,
  forwardWh: String(forwardWh),
  backwardWh: '0',
});

const curtail = (
  target: OperationOf<'network.curtail'>['target'],
  wh: number,
  flow: OperationOf<'network.curtail'>['flow'] = 'out',
): Operation => ({
  type: 'network.curtail',
  target,
  flow,
  limit: { kind: 'energy', wh: String(wh) },
  firstInterval: NEXT,
  lastInterval: NEXT,
});

/** Four who have money, and a link of 100 kWh per interval. */
function joined(): World {
  const world = new World();
  for (const name of [...NAMES, 'mea account', 'pea account']) world.fund(name, THB);
  for (const name of NAMES) world.ownKey(name);
  for (const operator of ['mea', 'pea'])
    world.must(operator, setLink(100_000), { type: 'network.setPair', ...ACROSS, allowed: true, route: ['L1'] });
  return world;
}

/** Ann has sold 30 kWh to Bob (trade 1) and 40 kWh to Cat (trade 2), across the link and before delivery, at 4.00. */
function sold(): World {
  const world = joined();
  const next = { ...ACROSS, interval: NEXT };
  world.must('ann', place('ann', 'ask', 400, 70_000, next));
  world.must('bob', place('bob', 'bid', 400, 30_000, next));
  world.must('cat', place('cat', 'bid', 400, 40_000, next));
  return world;
}

const of = <T extends LedgerEvent['type']>(
  events: readonly LedgerEvent[],
  type: T,
): Extract<LedgerEvent, { type: T }>[] =>
  events.filter((event): event is Extract<LedgerEvent, { type: T }> => event.type === type);
const contracts = (world: World): unknown[] =>
  [...world.ledger.state.market.contracts.rows.rows.values()].flatMap(({ value }) =>
    value === undefined ? [] : [[value.trade.trade, value.trade.quantityWh]],
  );
const used = (world: World): unknown => world.ledger.state.network.uses.getPair('L1>', NEXT);
const cuts = (events: readonly LedgerEvent[]): unknown[] =>
  of(events, 'market.contractCut').map(({ trade, cutWh, quantityWh }) => [trade, cutWh, quantityWh]);

/** Until all that waits is done. */
function settle(world: World): LedgerEvent[] {
  const { events } = world.wait(START + 5 * INTERVAL_MS - world.ledger.marketTime);
  return [...events, ...world.wait(2 * INTERVAL_MS).events];
}

describe('a curtailed link', () => {
  it('cancels the orders over it and cuts forward trades to what it carries, the latest first', () => {
    const world = sold();
    const [bid] = world.must('dan', place('dan', 'bid', 100, 5_000, { ...ACROSS, interval: NEXT })).ids;
    const [other] = world.must('dan', place('dan', 'bid', 100, 5_000, { ...ACROSS, interval: AFTER })).ids;
    const [within] = world.must('dan', place('dan', 'bid', 100, 5_000, { interval: NEXT })).ids;
    const [restriction] = world.must('mea', curtail({ kind: 'link', link: 'L1' }, 35_000)).ids;
    const { events } = world.wait(1_000);
    expect(of(events, 'market.orderClosed')).toEqual([
      { type: 'market.orderClosed', order: bid, reason: 'curtailed', remainingWh: '5000' },
    ]);
    const cause = { kind: 'restriction', restriction };
    // 35 of Cat's 40 kWh: her fee of 1.60 THB keeps what belongs to 5 kWh.
    expect(of(events, 'market.contractCut')).toEqual([
      {
        type: 'market.contractCut',
        trade: 2,
        buyer: id('cat'),
        seller: id('ann'),
        ...ACROSS,
        interval: NEXT,
        cutWh: '35000',
        quantityWh: '5000',
        buyerFee: '200000',
        sellerFee: '0',
        wheeling: '0',
        toOperator: '200000',
        fromOperator: '0',
        platform: '0',
        tax: '0',
        cause,
      },
    ]);
    expect(of(events, 'network.enforced')).toEqual([
      { type: 'network.enforced', cause, orders: 1, contracts: 1, cutWh: '35000' },
    ]);
    expect(used(world)).toEqual({ contractWh: 35_000, spotWh: 0, limitWh: 100_000 });
    expect([world.held('cat'), world.held('bob')]).toEqual([20_200_000n, 121_200_000n]);
    const { orders } = world.ledger.state.market;
    expect([other, within].map((order) => orders.get(order ?? '')?.closed)).toEqual([0, 0]);
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('frees the margin of what was cut, and what is left is settled as if no more had been sold', () => {
    const world = sold();
    const margin = world.held('ann');
    world.must('mea', curtail({ kind: 'link', link: 'L1' }, 30_000));
    const { events } = world.wait(1_000);
    expect(cuts(events)).toEqual([[2, '40000', '0']]);
    expect(world.held('ann')).toBe((margin * 3n) / 7n);
    expect([world.held('cat'), world.available('cat')]).toEqual([0n, BigInt(THB) * 1_000_000n]);
    world.wait(START + 5 * INTERVAL_MS - world.ledger.marketTime);
    world.measure('ann', { producedWh: 45_000, interval: NEXT });
    world.measure('bob', { consumedWh: 30_000, interval: NEXT, zone: OTHER_ZONE });
    // Of 45 kWh, 30 are held for Bob; the other 15 are Ann's to sell.
    expect([world.held('ann', `KWH:${ZONE}:${NEXT}`), world.available('ann', `KWH:${ZONE}:${NEXT}`)]).toEqual([
      30_000n,
      15_000n,
    ]);
    const settled = world.wait(2 * INTERVAL_MS).events;
    expect(of(settled, 'settlement.contractSettled')).toMatchObject([
      { trade: 1, deliveredWh: '30000', shortfallWh: '0' },
    ]);
    expect([world.held('ann'), world.held('bob'), used(world)]).toEqual([0n, 0n, undefined]);
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('of which the capacity is lowered by one of its operators cuts the same way, and cancels nothing', () => {
    const world = sold();
    const [bid = ''] = world.must('dan', place('dan', 'bid', 100, 5_000, { ...ACROSS, interval: NEXT })).ids;
    world.must('pea', setLink(60_000));
    const { events } = world.wait(1_000);
    expect(cuts(events)).toEqual([[2, '10000', '30000']]);
    expect(of(events, 'network.enforced')).toMatchObject([{ cause: { kind: 'link', link: 'L1' }, orders: 0 }]);
    expect(world.ledger.state.market.orders.get(bid)?.closed).toBe(0);
    world.must('pea', setLink(100_000));
    expect(world.wait(1_000).events).toEqual([]);
    expect(auditState(world.ledger)).toEqual([]);
  });
});

describe('a curtailed zone', () => {
  it('outwards keeps so much of all that is sold from it, inwards of all that is sold into it', () => {
    const world = sold();
    world.must('ann', place('ann', 'ask', 400, 20_000, { interval: NEXT }));
    world.must('dan', place('dan', 'bid', 400, 20_000, { interval: NEXT }));
    world.must('pea', curtail({ kind: 'zone', zone: OTHER_ZONE }, 50_000, 'in'));
    expect(cuts(world.wait(1_000).events)).toEqual([[2, '20000', '20000']]);
    // Trade 3 stays in its zone, and is the latest there.
    world.must('mea', curtail({ kind: 'zone', zone: ZONE }, 45_000));
    expect(cuts(world.wait(1_000).events)).toEqual([
      [3, '20000', '0'],
      [2, '5000', '15000'],
    ]);
    expect(contracts(world)).toEqual([
      [1, 30_000],
      [2, 15_000],
    ]);
    expect(auditState(world.ledger)).toEqual([]);
  });
});

describe('a curtailed feeder', () => {
  it('concerns the orders and forward trades of accounts with a meter on it', () => {
    const world = joined();
    world.must(
      'mea',
      { type: 'registry.registerMeter', meter: id('m'), account: id('ann'), zone: ZONE, limitWh: '900000' },
      { type: 'network.registerFeeder', feeder: 'F1', zone: ZONE, capacityWh: '50000' },
      { type: 'network.assignMeter', meter: id('m'), feeder: 'F1' },
    );
    const next = { interval: NEXT };
    world.must('ann', place('ann', 'ask', 400, 40_000, next));
    world.must('bob', place('bob', 'bid', 400, 40_000, next), place('bob', 'bid', 100, 1_000, next));
    world.must('cat', place('cat', 'ask', 900, 1_000, next));
    const [ask] = world.must('ann', place('ann', 'ask', 900, 1_000, next)).ids;
    world.must('mea', curtail({ kind: 'feeder', feeder: 'F1' }, 25_000));
    const { events } = world.wait(1_000);
    expect(of(events, 'market.orderClosed').map(({ order }) => order)).toEqual([ask]);
    expect(cuts(events)).toEqual([[1, '15000', '25000']]);
    expect(world.run('ann', place('ann', 'ask', 400, 1_000, next)).outcomes).toMatchObject([
      { code: 'network.curtailed', detail: { feeder: 'F1' } },
    ]);
    expect(world.must('cat', place('cat', 'ask', 400, 1_000, next)).ids).toHaveLength(1);
    expect(auditState(world.ledger)).toEqual([]);
  });
});

describe('a pair that is closed', () => {
  it('cancels its orders and keeps its forward trades', () => {
    const world = sold();
    const [bid] = world.must('dan', place('dan', 'bid', 100, 5_000, { ...ACROSS, interval: NEXT })).ids;
    world.must('pea', { type: 'network.setPair', ...ACROSS, allowed: false });
    const { events } = world.wait(1_000);
    expect(of(events, 'market.orderClosed')).toMatchObject([{ order: bid, reason: 'pairClosed' }]);
    expect([cuts(events), contracts(world).length]).toEqual([[], 2]);
    world.must('pea', { type: 'network.setPair', ...ACROSS, allowed: true, route: ['L1'] });
    expect(world.must('dan', place('dan', 'bid', 100, 5_000, { ...ACROSS, interval: NEXT })).ids).toHaveLength(1);
    settle(world);
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('that opens again before anyone looked keeps its orders', () => {
    const world = sold();
    const [bid = ''] = world.must('dan', place('dan', 'bid', 100, 5_000, { ...ACROSS, interval: NEXT })).ids;
    const set = { type: 'network.setPair' as const, ...ACROSS };
    world.must('pea', { ...set, allowed: false }, { ...set, allowed: true, route: ['L1'] });
    expect(world.wait(1_000).events).toEqual([]);
    expect(world.ledger.state.market.orders.get(bid)?.closed).toBe(0);
  });
});

describe('what is enforced', () => {
  it('goes on in the next block where it is more than one block works off', () => {
    const world = joined();
    const bid = place('bob', 'bid', 1, 100, { interval: NEXT });
    for (let i = 0; i < 21; i++) world.must('bob', ...Array.from({ length: 1_000 }, () => bid));
    const [restriction] = world.must('mea', curtail({ kind: 'zone', zone: ZONE }, 0)).ids;
    expect(of(world.wait(1_000).events, 'market.orderClosed')).toHaveLength(20_000);
    expect(world.run('bob', bid).outcomes).toMatchObject([{ code: 'network.curtailed' }]);
    expect(world.held('bob')).toBe(0n);
    expect(world.ledger.state.network.nextTask).toBeUndefined();
    expect(world.ledger.state.network.restrictions.has(restriction ?? '')).toBe(true);
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('is nothing where the restriction was lifted before, or the interval is over by then', () => {
    const world = sold();
    const order = world.envelope('mea', [curtail({ kind: 'zone', zone: ZONE }, 0)]);
    const restriction = toHex(order.operationIds[0] as Uint8Array);
    const lift = world.envelope('mea', [{ type: 'network.lift', restriction }]);
    expect(world.block([order, lift]).events.map(({ type }) => type)).toEqual([
      'network.curtailed',
      'network.lifted',
      'network.restrictionEnded',
    ]);
    expect(world.wait(1_000).events).toEqual([]);
    world.must('mea', curtail({ kind: 'zone', zone: ZONE }, 0));
    const { events } = world.wait(START + 5 * INTERVAL_MS - world.ledger.marketTime);
    expect([cuts(events), of(events, 'network.enforced')]).toMatchObject([[], [{ contracts: 0 }]]);
    expect(contracts(world)).toHaveLength(2);
  });

  it('is told in the histories of both sides: what was cut stands in place of what was sold', () => {
    const entry: HistoryEntry = {
      kind: 'trade',
      trade: 7,
      phase: 'forward',
      bid: 'aa'.repeat(32),
      ask: 'bb'.repeat(32),
      buyer: id('bob'),
      seller: id('ann'),
      ...ACROSS,
      priceTicks: 400,
      quantityWh: 30_000,
      buyerFee: 3,
      sellerFee: 0,
      wheeling: 0,
      toOperator: 1,
      fromOperator: 0,
      platform: 1,
      tax: 1,
      tariffVersion: 1,
      tariffHash: '0'.repeat(64),
    };
    const history: HistoryEntry[] = [entry, { ...entry, quantityWh: 10_000, buyerFee: 1, platform: 0, tax: 0 }];
    const sales = (entries: readonly HistoryEntry[]): unknown =>
      positionOf(id('ann'), ZONE, entries).sales.map((sale) => sale.entry.quantityWh);
    expect([sales(history), sales([...history, { ...entry, quantityWh: 0 }])]).toEqual([[10_000], []]);
  });
});
