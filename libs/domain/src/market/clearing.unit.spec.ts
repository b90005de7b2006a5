import { describe, expect, it } from '@jest/globals';
import { ClearingWatch } from '@gridtokenx/chain';
import { formatInterval, formatTime, INTERVAL_MS, millis } from '@gridtokenx/kernel';
import type { EventOf, LedgerEvent, Operation } from '@gridtokenx/protocol';
import fc from 'fast-check';
import { auditState } from '../index.js';
import { market as continuous, MarketWorld, reference } from './rules/market-world.spec.js';
import { id, INTERVAL, KWH, OTHER_ZONE, place, START, World, ZONE, type GenesisTerms } from '../spec/world.spec.js';

const NAMES = ['ann', 'bob', 'cat', 'dan'] as const;
/** Begins an hour after the start: its gate closes 15 minutes before. */
const NEXT = formatInterval(millis(START + 4 * INTERVAL_MS));
const AUCTION = { mechanism: 'auction' } as const;

/** Each has money and, of the interval that is traded spot, energy. */
function market(terms: GenesisTerms = {}, producedWh = 1_000_000): World {
  const world = new World(terms);
  for (const name of [...NAMES, 'mea account']) world.fund(name, 1_000_000);
  for (const name of NAMES) {
    world.ownKey(name);
    world.measure(name, { producedWh });
  }
  return world;
}

const ofType = <T extends LedgerEvent['type']>(events: readonly LedgerEvent[], type: T): EventOf<T>[] =>
  events.filter((event): event is EventOf<T> => event.type === type);

/** Of an event, what changes hands: money of everyone in it sums to zero. */
const moneyOf = (trade: EventOf<'market.traded'>): bigint =>
  BigInt(trade.notional) +
  BigInt(trade.buyerFee) +
  BigInt(trade.wheeling) -
  (BigInt(trade.notional) - BigInt(trade.sellerFee)) -
  BigInt(trade.toOperator) -
  BigInt(trade.fromOperator) -
  BigInt(trade.platform) -
  BigInt(trade.tax);

describe('an auction book', () => {
  it('collects orders, and clears them at one price when its phase ends', () => {
    const world = market();
    const watch = new ClearingWatch();
    const feed = (events: readonly LedgerEvent[]): void => expect(watch.block(events)).toEqual([]);
    feed(world.must('bob', place('bob', 'bid', 500, 3_000, AUCTION)).events);
    feed(world.must('ann', place('ann', 'ask', 400, 2_000, AUCTION)).events);
    const placed = world.must('cat', place('cat', 'ask', 420, 2_000, AUCTION));
    feed(placed.events);
    expect(ofType(placed.events, 'market.traded')).toEqual([]);
    expect([world.held('bob'), world.held('ann', KWH), world.held('cat', KWH)]).toEqual([15_150_000n, 2_000n, 2_000n]);

    const { events } = world.wait(INTERVAL_MS);
    const [cleared] = ofType(events, 'market.cleared');
    expect(cleared).toMatchObject({
      mechanism: 'auction',
      phase: 'spot',
      interval: INTERVAL,
      marginal: 'time',
      bids: 1,
      asks: 2,
      matchableWh: '3000',
      volumeWh: '3000',
      lowTicks: 420,
      highTicks: 420,
      priceTicks: 420,
      trades: 2,
      demand: [{ priceTicks: 500, wh: '3000' }],
      supply: [
        { priceTicks: 400, wh: '2000' },
        { priceTicks: 420, wh: '4000' },
      ],
    });
    expect(ofType(events, 'market.traded')).toMatchObject([
      { trade: 1, buyer: id('bob'), seller: id('ann'), priceTicks: 420, quantityWh: '2000', bidRemainingWh: '1000' },
      { trade: 2, buyer: id('bob'), seller: id('cat'), priceTicks: 420, quantityWh: '1000', askRemainingWh: '1000' },
    ]);
    expect(ofType(events, 'market.orderClosed').map(({ reason }) => reason)).toEqual([
      'filled',
      'filled',
      'bookClosed',
    ]);
    expect(watch.block(events)).toEqual([{ cleared }]);
    expect(ofType(events, 'settlement.positionSettled')).toContainEqual(
      expect.objectContaining({ account: id('bob'), boughtWh: '3000' }),
    );
    // 3 kWh at 4.20, and 1 % of it; at 2.20 the operator bought what he had exported and what he did not use.
    expect(world.available('bob')).toBe(1_000_000_000_000n - 12_726_000n + 1_003_000n * 2_200n);
    expect(world.held('bob')).toBe(0n);
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('of the forward phase makes contracts when the gate closes', () => {
    const world = market();
    const forward = { ...AUCTION, interval: NEXT };
    world.must('ann', place('ann', 'ask', 300, 2_000, forward));
    world.must('bob', place('bob', 'bid', 500, 1_000, forward));
    const { events } = world.wait(START + 3 * INTERVAL_MS - world.ledger.marketTime);
    // The ask is left with 1,000 Wh at 3.00, so only that is an equilibrium.
    expect(ofType(events, 'market.cleared')).toMatchObject([{ phase: 'forward', lowTicks: 300, priceTicks: 300 }]);
    expect(ofType(events, 'market.traded')).toMatchObject([{ phase: 'forward', notional: '3000000' }]);
    // 3.00 THB/kWh and 1 %, and the margin of what was sold.
    expect([world.held('bob'), world.held('ann')]).toEqual([3_030_000n, 6_000_000n]);
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('never lets an account trade with itself, and says whose orders bound', () => {
    const world = market();
    world.must('ann', place('ann', 'bid', 900, 1_000, AUCTION), place('ann', 'ask', 100, 1_000, AUCTION));
    world.must('bob', place('bob', 'bid', 500, 400, AUCTION));
    const { events } = world.wait(INTERVAL_MS);
    expect(ofType(events, 'market.cleared')).toMatchObject([
      { volumeWh: '400', lowTicks: 100, highTicks: 500, priceTicks: 300, dominant: id('ann') },
    ]);
    expect(ofType(events, 'market.traded')).toMatchObject([{ buyer: id('bob'), seller: id('ann') }]);
  });

  it('without anyone on one side quotes the other, and trades nothing', () => {
    const world = market();
    world.must('ann', place('ann', 'ask', 250, 1_000, AUCTION));
    const { events } = world.wait(INTERVAL_MS);
    const [cleared] = ofType(events, 'market.cleared');
    expect(cleared).toMatchObject({ volumeWh: '0', highTicks: 250, priceTicks: 250, trades: 0 });
    expect(cleared).not.toHaveProperty('lowTicks');
    expect(ofType(events, 'market.traded')).toEqual([]);
  });

  it('passes over an order that expired before the end, and takes what is good at once or never', () => {
    const world = market();
    const expiresAt = formatTime(millis(world.ledger.marketTime + 5_000));
    world.must('ann', place('ann', 'ask', 250, 1_000, { ...AUCTION, expiresAt }));
    const { outcomes } = world.run('bob', place('bob', 'bid', 300, 1_000, { ...AUCTION, timeInForce: 'FOK' }));
    expect(outcomes).toMatchObject([{ code: 'market.fillOrKill' }]);
    const { events } = world.run('bob', place('bob', 'bid', 300, 1_000, { ...AUCTION, timeInForce: 'IOC' }));
    expect(ofType(events, 'market.orderClosed')).toMatchObject([{ reason: 'immediate' }]);
    expect(ofType(world.wait(INTERVAL_MS).events, 'market.cleared')).toMatchObject([{ bids: 0, asks: 0 }]);
  });

  it('is undone with its block, and comes to the same when that runs again', () => {
    const world = market();
    world.must('bob', place('bob', 'bid', 500, 3_000, AUCTION), place('bob', 'ask', 450, 200, AUCTION));
    world.must('ann', place('ann', 'ask', 400, 2_000, AUCTION));
    const before = world.ledger.stateDigest;
    const first = world.executeOnly([], INTERVAL_MS);
    expect(ofType(first.events, 'market.traded')).toHaveLength(1);
    world.ledger.undo();
    expect(world.ledger.stateDigest).toEqual(before);
    expect(auditState(world.ledger)).toEqual([]);
    const again = world.executeOnly([], INTERVAL_MS);
    expect(again.events).toEqual(first.events);
    expect(again.execution.stateDigest).toEqual(first.execution.stateDigest);
  });

  it('tells curves of at most 100 steps, the first and the last among them', () => {
    const world = market();
    world.must('ann', ...Array.from({ length: 250 }, (_, i) => place('ann', 'ask', 250 + i, 100, AUCTION)));
    const watch = new ClearingWatch();
    // Of a book whose opening was not seen nothing can be checked.
    const { events } = world.wait(INTERVAL_MS);
    const [{ supply } = { supply: [] }] = ofType(events, 'market.cleared');
    expect(supply).toHaveLength(100);
    expect([supply[0], supply.at(-1)]).toEqual([
      { priceTicks: 250, wh: '100' },
      { priceTicks: 499, wh: '25000' },
    ]);
    expect(watch.block(events)).toMatchObject([{ fault: { code: 'clearing.incomplete' } }]);
  });
});

const ACROSS = { ...AUCTION, fromZone: ZONE, toZone: OTHER_ZONE };

/** Sellers in the one zone, buyers in the other, and a link between that carries so much. */
function joined(forwardWh: number, terms: GenesisTerms = {}): World {
  const world = market(terms);
  for (const operator of ['mea', 'pea']) {
    world.must(operator, {
      type: 'network.setLink',
      link: 'L1',
      fromZone: ZONE,
      toZone: OTHER_ZONE,
      forwardWh: String(forwardWh),
      backwardWh: '0',
    });
    world.must(operator, {
      type: 'network.setPair',
      fromZone: ZONE,
      toZone: OTHER_ZONE,
      allowed: true,
      route: ['L1'],
    });
  }
  return world;
}

describe('an auction between zones', () => {
  it('brings about no more than the links carry, at the price that it would have without them', () => {
    const world = joined(1_500);
    const watch = new ClearingWatch();
    const feed = (events: readonly LedgerEvent[]): void => expect(watch.block(events)).toEqual([]);
    feed(world.must('ann', place('ann', 'ask', 400, 1_000, ACROSS)).events);
    feed(world.must('bob', place('bob', 'ask', 400, 1_000, ACROSS)).events);
    feed(world.must('cat', place('cat', 'bid', 500, 1_800, ACROSS)).events);
    const { events } = world.wait(INTERVAL_MS);
    const [cleared] = ofType(events, 'market.cleared');
    expect(cleared).toMatchObject({ capWh: '1500', matchableWh: '1800', volumeWh: '1500', priceTicks: 400 });
    expect(ofType(events, 'market.traded').map(({ quantityWh }) => quantityWh)).toEqual(['1000', '500']);
    expect(watch.block(events)).toEqual([{ cleared }]);
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('takes the wheeling off what bids offer, under the terms that the book has when it ends', () => {
    const world = market({
      entry: {
        wires: [{ wheeling: 10_700, exit: 0, losses: 0 }],
        vat: { rate: 700, on: ['wheeling'] },
        payees: { platform: id('dan'), tax: id('dan') },
      },
    });
    const watch = new ClearingWatch();
    const take = (events: readonly LedgerEvent[]): void =>
      expect(watch.block(events)).toEqual(ofType(events, 'market.cleared').map((cleared) => ({ cleared })));
    // 1.1449 THB/kWh for the wires are 115 ticks.
    take(world.must('bob', place('bob', 'bid', 514, 1_000, AUCTION)).events);
    take(world.must('cat', place('cat', 'bid', 516, 1_000, AUCTION)).events);
    take(world.must('ann', place('ann', 'ask', 400, 5_000, AUCTION)).events);
    const { events } = world.wait(INTERVAL_MS);
    take(events);
    expect(ofType(events, 'market.cleared')).toMatchObject([
      { volumeWh: '1000', priceTicks: 400, demand: [{ priceTicks: 401 }, { priceTicks: 399, wh: '2000' }] },
    ]);
    const traded = ofType(events, 'market.traded');
    expect(traded).toMatchObject([{ buyer: id('cat'), priceTicks: 400, wheeling: '1144900', tax: '74900' }]);
    for (const trade of traded) expect(moneyOf(trade)).toBe(0n);
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('has what others left of a link, counts on it for those after it, and stops with its pair', () => {
    const world = joined(1_000);
    world.must('ann', place('ann', 'ask', 400, 300, { ...ACROSS, mechanism: 'continuous' }));
    world.must('bob', place('bob', 'bid', 400, 300, { ...ACROSS, mechanism: 'continuous' }));
    const later = { ...ACROSS, interval: NEXT };
    for (const which of [ACROSS, later]) {
      world.must('ann', place('ann', 'ask', 400, 5_000, which));
      world.must('bob', place('bob', 'bid', 400, 5_000, which));
    }
    expect(ofType(world.wait(INTERVAL_MS).events, 'market.cleared')).toMatchObject([{ capWh: '700', volumeWh: '700' }]);
    world.must('pea', { type: 'network.setPair', fromZone: ZONE, toZone: OTHER_ZONE, allowed: false });
    const { events } = world.wait(START + 3 * INTERVAL_MS - world.ledger.marketTime);
    for (const { volumeWh } of ofType(events, 'market.cleared')) expect(volumeWh).toBe('0');
    expect(ofType(events, 'market.traded')).toEqual([]);
    expect(auditState(world.ledger)).toEqual([]);
  });
});

describe('auctions that end together', () => {
  const ask = (name: string): Operation[] => Array.from({ length: 1_000 }, () => place(name, 'ask', 400, 100, AUCTION));

  it('are full with what one block clears; each is cleared whole, in a block of its own if need be', () => {
    const world = market({}, 2_000_000);
    const watch = new ClearingWatch();
    const feed = (events: readonly LedgerEvent[]): void => expect(watch.block(events)).toEqual([]);
    const bids = Array.from({ length: 1_000 }, (_, i) => place('bob', 'bid', 300 + (i % 200), 130, AUCTION));
    for (let i = 0; i < 10; i++) {
      feed(world.must('bob', ...bids).events);
      feed(world.must('ann', ...ask('ann')).events);
    }
    expect(world.run('cat', place('cat', 'ask', 1, 100, AUCTION)).outcomes).toMatchObject([
      { code: 'market.bookFull' },
    ]);
    // A small one of another phase ends at the same time.
    const interval = formatInterval(millis(START + 2 * INTERVAL_MS));
    feed(world.must('cat', place('cat', 'ask', 300, 100, { ...AUCTION, interval })).events);
    feed(world.must('dan', place('dan', 'bid', 300, 100, { ...AUCTION, interval })).events);

    // It comes first by its name, so the large one has the next block to itself.
    const first = world.wait(INTERVAL_MS);
    expect(ofType(first.events, 'market.cleared')).toMatchObject([{ phase: 'forward', volumeWh: '100' }]);
    expect(watch.block(first.events)).toHaveLength(1);
    const { events, hooks } = world.wait(1_000);
    const [cleared, ...others] = ofType(events, 'market.cleared');
    expect([cleared, others]).toMatchObject([{ phase: 'spot', bids: 10_000, asks: 10_000, volumeWh: '650000' }, []]);
    const traded = ofType(events, 'market.traded');
    expect(traded).toHaveLength(cleared?.trades ?? 0);
    expect(traded.reduce((sum, { quantityWh }) => sum + Number(quantityWh), 0)).toBe(650_000);
    expect(watch.block(events)).toEqual([{ cleared }]);
    // No outcome grows with the book.
    for (const hook of hooks) expect(hook.status === 'executed' && hook.events.length).toBeLessThan(2_000);
    world.wait(1_000);
    expect(world.ledger.state.market.standing.size).toBe(0);
    expect(auditState(world.ledger)).toEqual([]);
  });
});

type Step =
  | {
      kind: 'place';
      who: number;
      isBid: boolean;
      ticks: number;
      wh: number;
      isForward: boolean;
      isAcross: boolean;
      lasts: number;
    }
  | { kind: 'cancel'; which: number }
  | { kind: 'replace'; which: number; ticks: number; wh: number }
  | { kind: 'wait'; ms: number };

const ticks = fc.integer({ min: 395, max: 405 });
const wh = fc.oneof(fc.integer({ min: 100, max: 3_000 }), fc.constantFrom(100, 1_000, 50_000));
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('place' as const),
      // The first trades most, so that it often dominates.
      who: fc.oneof(fc.constant(0), fc.nat(NAMES.length - 1)),
      isBid: fc.boolean(),
      ticks,
      wh,
      isForward: fc.boolean(),
      isAcross: fc.boolean(),
      lasts: fc.constantFrom(10_000_000, 10_000_000, 10_000),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cancel' as const), which: fc.nat(40) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('replace' as const), which: fc.nat(40), ticks, wh }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 20_000 }) }) },
);

describe('auctions of random streams', () => {
  it('clear what the watch finds right, within what links carry, with nobody on both sides and money that sums to zero', () => {
    let [dominated, trades, full] = [0, 0, 0];
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 40, maxLength: 80 }),
        fc.constantFrom<GenesisTerms>({}, { feeRate: 333, sellerShare: 2_500 }, { marginal: 'proRata' }),
        fc.constantFrom(0, 1_500, 20_000),
        (steps, terms, carriesWh) => {
          const world = joined(carriesWh, terms);
          const watch = new ClearingWatch();
          const placed: { id: string; who: number }[] = [];
          const all: LedgerEvent[] = [];
          const take = (events: readonly LedgerEvent[]): void => {
            const told = watch.block(events);
            expect(told).toEqual(ofType(events, 'market.cleared').map((cleared) => ({ cleared })));
            all.push(...events);
          };
          for (const move of steps) {
            if (move.kind === 'wait') {
              take(world.wait(move.ms).events);
              continue;
            }
            const victim = move.kind === 'place' ? undefined : (placed[move.which] ?? { id: 'f'.repeat(64), who: 0 });
            const who = move.kind === 'place' ? move.who : (victim?.who ?? 0);
            const name = NAMES[who] ?? 'ann';
            const operation: Operation =
              move.kind === 'place'
                ? place(name, move.isBid ? 'bid' : 'ask', move.ticks, move.wh, {
                    ...(move.isAcross ? ACROSS : AUCTION),
                    ...(move.isForward && { interval: NEXT }),
                    expiresAt: formatTime(millis(world.ledger.marketTime + 1_000 + move.lasts)),
                  })
                : move.kind === 'cancel'
                  ? { type: 'market.cancelOrder', order: victim?.id ?? '' }
                  : {
                      type: 'market.replaceOrder',
                      order: victim?.id ?? '',
                      priceTicks: move.ticks,
                      quantityWh: String(move.wh),
                    };
            const ran = world.run(name, operation);
            take(ran.events);
            placed.push({ id: ran.ids[0] ?? '', who });
          }
          take(world.wait(INTERVAL_MS).events);
          take(world.wait(Math.max(1_000, START + 4 * INTERVAL_MS - world.ledger.marketTime)).events);
          for (const trade of ofType(all, 'market.traded')) {
            expect(trade.buyer).not.toBe(trade.seller);
            expect(moneyOf(trade)).toBe(0n);
            trades++;
          }
          for (const { dominant } of ofType(all, 'market.cleared')) if (dominant !== undefined) dominated++;
          for (const interval of [INTERVAL, NEXT]) {
            const across = ofType(all, 'market.traded').filter(
              (one) => one.interval === interval && one.toZone !== ZONE,
            );
            const sum = across.reduce((wh_, { quantityWh }) => wh_ + Number(quantityWh), 0);
            expect(sum).toBeLessThanOrEqual(carriesWh);
            if (sum > 0 && sum === carriesWh) full++;
          }
          expect(world.ledger.state.market.standing.size).toBe(0);
          expect(auditState(world.ledger)).toEqual([]);
        },
      ),
      { numRuns: 30, seed: 615 },
    );
    expect(dominated).toBeGreaterThan(10);
    expect(full).toBeGreaterThan(0);
    expect(trades).toBeGreaterThan(60);
  });
});

describe('a continuous book that reopens after a halt', () => {
  const halt = { type: 'market.halt', ...continuous, cancelOrders: false, reference } as const;
  const resume = { type: 'market.resume', ...continuous } as const;

  it('clears what crosses until nothing changes hands any more', () => {
    const world = new MarketWorld();
    const watch = new ClearingWatch();
    const take = (events: readonly LedgerEvent[]): void =>
      expect(watch.block(events)).toEqual(ofType(events, 'market.cleared').map((cleared) => ({ cleared })));
    take(world.must('cat', place('cat', 'bid', 10, 5_000)).events);
    take(world.must('regulator', halt).events);
    // Ann may sell to Bob at one price, or buy from Cat at another: the lower comes first.
    take(world.must('ann', place('ann', 'bid', 1_000, 1_000), place('ann', 'ask', 100, 1_000)).events);
    take(world.must('bob', place('bob', 'bid', 500, 500)).events);
    take(world.must('cat', place('cat', 'ask', 600, 500)).events);
    take(world.must('regulator', resume).events);
    const cleared: EventOf<'market.cleared'>[] = [];
    for (let i = 0; i < 3; i++) {
      const { events } = world.wait(1_000);
      take(events);
      cleared.push(...ofType(events, 'market.cleared'));
    }
    const prices = cleared.map(({ mechanism, bids, volumeWh, priceTicks }) => [mechanism, bids, volumeWh, priceTicks]);
    expect(prices).toEqual([
      ['continuous', 2, '500', 300],
      ['continuous', 1, '500', 800],
      // What crosses now is of Ann alone.
      ['continuous', 1, '0', undefined],
    ]);
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('is checked from the facts, whatever rested, waited or was cancelled meanwhile', () => {
    let [clearings, trades] = [0, 0];
    const one = fc.record({
      who: fc.nat(2),
      isBid: fc.boolean(),
      ticks,
      wh,
      isAuction: fc.boolean(),
      waits: fc.constantFrom(0, 0, 3_000, 20_000),
      next: fc.constantFrom('nothing', 'nothing', 'nothing', 'halt', 'resume', 'cancel', 'wait'),
    });
    fc.assert(
      fc.property(fc.array(one, { minLength: 20, maxLength: 40 }), (steps) => {
        const world = new MarketWorld();
        const watch = new ClearingWatch();
        const placed: { id: string; name: string }[] = [];
        const take = ({ events }: { events: readonly LedgerEvent[] }): void => {
          const cleared = ofType(events, 'market.cleared');
          expect(watch.block(events)).toEqual(cleared.map((told) => ({ cleared: told })));
          clearings += cleared.filter(({ mechanism }) => mechanism === 'continuous').length;
          for (const { buyer, seller } of ofType(events, 'market.traded')) {
            expect(buyer).not.toBe(seller);
            trades++;
          }
        };
        for (const { who, isBid, ticks: price, wh: quantity, isAuction, waits, next } of steps) {
          const name = ['ann', 'bob', 'cat'][who] ?? 'ann';
          const ran = world.run(
            name,
            place(name, isBid ? 'bid' : 'ask', price, quantity, {
              ...(isAuction && AUCTION),
              ...(waits > 0 && { validFrom: world.timeIn(waits) }),
            }),
          );
          take(ran);
          placed.push({ id: ran.ids[0] ?? '', name });
          const [first] = placed;
          if (next === 'halt' || next === 'resume') take(world.run('regulator', next === 'halt' ? halt : resume));
          if (next === 'wait') take(world.wait(5_000));
          if (next === 'cancel' && first !== undefined) {
            take(world.run(first.name, { type: 'market.cancelOrder', order: first.id }));
            placed.shift();
          }
        }
        take(world.run('regulator', resume));
        for (const ms of [1_000, 1_000, 1_000, INTERVAL_MS]) take(world.wait(ms));
        expect(auditState(world.ledger)).toEqual([]);
      }),
      { numRuns: 30, seed: 616 },
    );
    expect(clearings).toBeGreaterThan(10);
    expect(trades).toBeGreaterThan(60);
  });
});
