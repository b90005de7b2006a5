import { describe, expect, it } from '@jest/globals';
import { assert, formatInterval, formatTime, INTERVAL_MS, millis } from '@gridtokenx/kernel';
import type { LedgerEvent, Operation, RejectionCode } from '@gridtokenx/protocol';
import { auditState, executeMarket, isOpenOrder } from '../index.js';
import { id, kidOf, KWH, OTHER_ZONE, place, START, World, type GenesisTerms } from '../spec/world.spec.js';

/** The interval that begins so many intervals after the start. */
const intervalFrom = (intervals: number): string => formatInterval(millis(START + intervals * INTERVAL_MS));

/** Ann produced, and Bob has money. */
function market(terms: GenesisTerms = {}): World {
  const world = new World(terms);
  world.fund('bob', 100_000);
  for (const name of ['ann', 'bob', 'cat']) world.ownKey(name);
  world.measure('ann', { producedWh: 10_000 });
  return world;
}

const expectRefused = (world: World, by: string, operation: Operation, code: RejectionCode): void => {
  const before = world.ledger.state.accounts.balance(id(by), 'WATT');
  expect(world.run(by, operation).outcomes).toMatchObject([{ status: 'rejected', code }]);
  expect(world.ledger.state.accounts.balance(id(by), 'WATT')).toEqual(before);
  expect(auditState(world.ledger)).toEqual([]);
};

const types = (events: readonly LedgerEvent[]): string[] => events.map(({ type }) => type);

describe('an order is refused', () => {
  const refusals: readonly (readonly [string, RejectionCode, Operation])[] = [
    ['below the smallest size', 'market.belowMinimum', place('bob', 'bid', 450, 99)],
    ['above the greatest value', 'market.aboveMaximum', place('bob', 'bid', 1_000_000, 1_000_000_000_000)],
    ['between zones', 'market.zonePairClosed', place('bob', 'bid', 450, 100, { fromZone: OTHER_ZONE })],
    ['from a zone that there is not', 'registry.unknownZone', place('bob', 'bid', 450, 100, { fromZone: 'NO-ZONE' })],
    [
      'in a zone that there is not',
      'registry.unknownZone',
      place('bob', 'bid', 450, 100, { fromZone: 'NO-ZONE', toZone: 'NO-ZONE' }),
    ],
    [
      'between gate closure and the end of delivery',
      'market.bookNotOpen',
      place('bob', 'bid', 450, 100, { interval: intervalFrom(0) }),
    ],
    [
      'further ahead than a week',
      'market.bookNotOpen',
      place('bob', 'bid', 450, 100, { interval: intervalFrom(8 * 96) }),
    ],
    [
      'when it expires at once',
      'market.expiryInPast',
      place('bob', 'bid', 450, 100, { expiresAt: '2020-01-01T00:00:00Z' }),
    ],
    ['without the money', 'accounts.insufficientBalance', place('bob', 'bid', 1_000, 50_000_000)],
    ['without the energy', 'accounts.insufficientBalance', place('bob', 'ask', 450, 100)],
    [
      'when it is to be filled whole and cannot be',
      'market.fillOrKill',
      place('bob', 'bid', 450, 100, { timeInForce: 'FOK' }),
    ],
    ['by a key that does not act for the account', 'key.notAuthorised', place('ann', 'bid', 450, 100)],
    ['for an account that there is not', 'registry.unknownAccount', place('nobody', 'bid', 450, 100)],
    [
      'when it is to be cancelled and never was',
      'market.unknownOrder',
      { type: 'market.cancelOrder', order: 'a'.repeat(64) },
    ],
  ];
  for (const [why, code, operation] of refusals)
    it(`${why}: ${code}`, () => {
      expectRefused(market(), 'bob', operation, code);
    });

  it('of an account that is not verified', () => {
    const world = market();
    world.must('erc', { type: 'registry.setKyc', account: id('bob'), status: 'suspended' });
    expectRefused(world, 'bob', place('bob', 'bid', 450, 100), 'accounts.notVerified');
  });

  it('once its interval is over', () => {
    const world = market();
    world.wait(INTERVAL_MS);
    expectRefused(world, 'bob', place('bob', 'bid', 450, 100), 'market.bookClosed');
  });

  it('a cancel or replace of one that is filled, or of someone else', () => {
    const world = market();
    const ask = world.must('ann', place('ann', 'ask', 450, 100)).ids[0] ?? '';
    expectRefused(world, 'bob', { type: 'market.cancelOrder', order: ask }, 'market.notYourOrder');
    world.must('bob', place('bob', 'bid', 450, 100));
    expectRefused(world, 'ann', { type: 'market.cancelOrder', order: ask }, 'market.orderNotOpen');
    expectRefused(
      world,
      'ann',
      { type: 'market.replaceOrder', order: ask, priceTicks: 1, quantityWh: '100' },
      'market.orderNotOpen',
    );
  });
});

describe('an order', () => {
  it('rests with what it may come to cost in escrow, and gives it back when cancelled', () => {
    const world = market();
    const { ids, outcomes } = world.must('bob', place('bob', 'bid', 450, 1_000));
    expect(world.held('bob')).toBe(4_500_000n + 45_000n);
    expect(outcomes).toMatchObject([
      { postings: [[id('bob'), 'WATT', '-4545000', '4545000']], holds: [[ids[0], id('bob'), 'WATT', '4545000']] },
    ]);
    const cancelled = world.must('bob', { type: 'market.cancelOrder', order: ids[0] ?? '' });
    expect(cancelled.events).toEqual([
      { type: 'market.orderClosed', order: ids[0], reason: 'cancelled', remainingWh: '1000' },
    ]);
    expect(cancelled.outcomes).toMatchObject([{ holds: [[ids[0], id('bob'), 'WATT', '0']] }]);
    expect([world.available('bob'), world.held('bob')]).toEqual([100_000_000_000n, 0n]);
  });

  it('trades at the price of the one that rested, and has the difference back', () => {
    const world = market();
    world.must('ann', place('ann', 'ask', 400, 1_000));
    const { events } = world.must('bob', place('bob', 'bid', 500, 400));
    expect(types(events)).toEqual(['market.orderPlaced', 'market.traded', 'market.orderClosed']);
    expect(events[1]).toMatchObject({
      trade: 1,
      priceTicks: 400,
      notional: '1600000',
      buyerFee: '16000',
      askRemainingWh: '600',
    });
    expect(world.held('bob')).toBe(0n);
    expect(world.available('bob')).toBe(100_000_000_000n - 1_616_000n);
  });

  it('immediate or cancel: what is not filled at once does not rest', () => {
    const world = market();
    world.must('ann', place('ann', 'ask', 400, 300));
    const { events, ids } = world.must('bob', place('bob', 'bid', 400, 1_000, { timeInForce: 'IOC' }));
    expect(events.at(-1)).toEqual({
      type: 'market.orderClosed',
      order: ids[0],
      reason: 'immediate',
      remainingWh: '700',
    });
    expect(world.held('bob')).toBe(0n);
  });

  it('is replaced by one at the end of the queue, or stays as it is', () => {
    const world = market();
    const old = world.must('bob', place('bob', 'bid', 450, 1_000)).ids[0] ?? '';
    expectRefused(
      world,
      'bob',
      { type: 'market.replaceOrder', order: old, priceTicks: 900_000, quantityWh: '1000000' },
      'accounts.insufficientBalance',
    );
    expect(isOpenOrder(world.ledger.state.market.orders.get(old))).toBe(true);
    expectRefused(
      world,
      'bob',
      { type: 'market.replaceOrder', order: old, priceTicks: 450, quantityWh: '5' },
      'market.belowMinimum',
    );
    const { ids, events } = world.must('bob', {
      type: 'market.replaceOrder',
      order: old,
      priceTicks: 460,
      quantityWh: '500',
    });
    expect(types(events)).toEqual(['market.orderClosed', 'market.orderPlaced']);
    expect(isOpenOrder(world.ledger.state.market.orders.get(ids[0] ?? ''))).toBe(true);
    expect(world.held('bob')).toBe(2_300_000n + 23_000n);
  });

  it('expires by market time, with its escrow', () => {
    const world = market();
    const expiresAt = formatTime(millis(world.ledger.marketTime + 5_000));
    const { ids } = world.must('bob', place('bob', 'bid', 450, 1_000, { expiresAt }));
    expect(world.wait(3_999).events).toEqual([]);
    expect(world.wait(1).events).toEqual([
      { type: 'market.orderClosed', order: ids[0], reason: 'expired', remainingWh: '1000' },
    ]);
    expect(world.held('bob')).toBe(0n);
  });

  it('fees are shared as the genesis says: floor of each on the whole order, however it was filled', () => {
    const world = market({ sellerShare: 2_500, feeRate: 333 });
    for (let i = 0; i < 7; i++) world.must('ann', place('ann', 'ask', 333, 101));
    const { events } = world.must('bob', place('bob', 'bid', 333, 707));
    const fees = events.flatMap((event) => (event.type === 'market.traded' ? [BigInt(event.buyerFee)] : []));
    expect(fees.reduce((a, b) => a + b)).toBe((333n * 707n * 10n * 333n * 7_500n) / 100_000_000n);
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('meets at most 1,000 resting orders: what is left then is closed', () => {
    const world = market();
    world.measure('cat', { producedWh: 200_000 });
    for (let i = 0; i < 2; i++) world.must('cat', ...Array.from({ length: 600 }, () => place('cat', 'ask', 400, 100)));
    const { events } = world.must('bob', place('bob', 'bid', 400, 120_000));
    expect(events.at(-1)).toMatchObject({ reason: 'matchLimit', remainingWh: '20000' });
    expect(world.held('bob')).toBe(0n);
    expectRefused(world, 'bob', place('bob', 'bid', 400, 20_100, { timeInForce: 'FOK' }), 'market.fillOrKill');
  });

  it('is refused when the orders of the block have met enough', () => {
    const world = market();
    for (let i = 0; i < 5; i++) world.must('ann', place('ann', 'ask', 400, 100));
    const { state, time, marketTime } = world.ledger;
    const key = state.registry.keys.get(kidOf('bob'));
    assert(key !== undefined, 'bob has a key');
    const context = {
      height: 9,
      time,
      marketTime,
      proposer: 0,
      parentSigners: [],
      dispatch: () => undefined,
      events: [],
      kid: kidOf('bob'),
      key,
    };
    state.market.meetingsLeft = 3;
    const sweep = (n: number, wh: number, more = {}): unknown =>
      executeMarket(
        state.market,
        Object.assign(context, { operationId: `${n}`.repeat(64) }),
        place('bob', 'bid', 400, wh, more),
      );
    expect(sweep(1, 200)).toBeUndefined();
    expect(state.market.meetingsLeft).toBe(1);
    expect(sweep(2, 200, { timeInForce: 'FOK' })).toMatchObject({ code: 'market.fillOrKill' });
    expect(sweep(3, 200)).toBeUndefined();
    expect(context.events.at(-1)).toMatchObject({ reason: 'matchLimit', remainingWh: '100' });
    expect(sweep(4, 200)).toMatchObject({ code: 'market.blockFull' });
    expect(sweep(5, 200, { priceTicks: 1 })).toBeUndefined();
    expect(auditState(world.ledger)).toEqual([]);
  });
});

describe('when a book closes', () => {
  it('orders end, importers use up what they bought, and what was not sold goes to the operator', () => {
    const world = market();
    world.fund('mea account', 1_000);
    world.measure('bob', { consumedWh: 3_000 });
    world.must('ann', place('ann', 'ask', 400, 5_000));
    world.must('bob', place('bob', 'bid', 400, 4_000), place('bob', 'bid', 100, 1_000));
    const { events } = world.wait(INTERVAL_MS);
    expect(types(events)).toEqual([
      'market.orderClosed',
      'market.orderClosed',
      'market.bookClosed',
      'settlement.positionSettled',
      'settlement.positionSettled',
      'settlement.zoneSettled',
      'settlement.intervalSettled',
      'settlement.duePaid',
      'settlement.duePaid',
      'settlement.netted',
    ]);
    const settled = (name: string): LedgerEvent | undefined =>
      events.find((event) => event.type === 'settlement.positionSettled' && event.account === id(name));
    // Bob bought 4,000 and used 3,000; Ann sold 4,000 of 10,000.
    expect(settled('bob')).toMatchObject({ boughtWh: '4000', retiredWh: '3000', surplusWh: '1000', amount: '2200000' });
    expect(settled('ann')).toMatchObject({ exportWh: '10000', surplusWh: '6000', rate: 22_000, amount: '13200000' });
    expect([world.available('bob', KWH), world.held('bob', KWH), world.available('ann', KWH)]).toEqual([0n, 0n, 0n]);
    expect(world.available('ann')).toBe(16_000_000n + 13_200_000n);
    expect(world.held('bob')).toBe(0n);
    expect(auditState(world.ledger)).toEqual([]);
    expect(world.measure('ann', { producedWh: 1, meter: 'late' }).outcomes).toMatchObject([
      { code: 'metering.bookClosed' },
    ]);
  });

  it('an operator without money makes the producer wait, and nobody else', () => {
    const world = market();
    world.fund('pea account', 1_000);
    world.measure('cat', { producedWh: 1_000, zone: OTHER_ZONE });
    const closing = world.wait(INTERVAL_MS);
    expect(types(closing.events)).toEqual([
      'settlement.positionSettled',
      'settlement.zoneSettled',
      'settlement.positionSettled',
      'settlement.zoneSettled',
      'settlement.intervalSettled',
      'settlement.duePaid',
      'settlement.netted',
    ]);
    expect(closing.events.at(-1)).toMatchObject({ dues: 1, waiting: 1, unable: [id('mea account')] });
    expect(world.wait(1_000).events).toEqual([]);
    world.fund('mea account', 1_000);
    // It is tried again when the next quarter of an hour begins.
    expect(types(world.wait(INTERVAL_MS).events)).toEqual(['settlement.duePaid', 'settlement.netted']);
    expect(world.available('ann')).toBe(22_000_000n);
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('with more orders than one block works off goes on in the next', () => {
    const world = market();
    world.fund('bob', 1_000_000);
    world.fund('mea account', 1_000);
    for (let i = 0; i < 21; i++) world.must('bob', ...Array.from({ length: 1_000 }, () => place('bob', 'bid', 1, 100)));
    const first = world.wait(INTERVAL_MS);
    expect(first.events.length).toBe(20_000);
    expect(first.hooks.length).toBe(40);
    expect(world.held('bob')).toBe(1_010_000n);
    const { outcomes } = world.run('bob', place('bob', 'bid', 450, 100));
    expect(outcomes).toMatchObject([{ code: 'market.bookClosed' }]);
    expect(world.ledger.state.market.standing.size).toBe(0);
    expect(world.held('bob')).toBe(0n);
    expect(auditState(world.ledger)).toEqual([]);
  });
});
