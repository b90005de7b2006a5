import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  checkClearing,
  clearAuction,
  inPriority,
  type AuctionOrder,
  type AuctionTerms,
  type Clearing,
} from './index.js';
import { greatestFlow, naiveClearing } from './naive-auction.spec.js';

const TOP = 9;

interface Drawn {
  readonly account: number;
  readonly limit: number;
  readonly wh: number;
}

const drawn = (most: number): fc.Arbitrary<Drawn[]> =>
  fc.array(
    fc.record({
      // The first accounts are drawn more often, so that one of them often dominates.
      account: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 3, arbitrary: fc.nat(3) }),
      limit: fc.integer({ min: 1, max: TOP }),
      wh: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 12 })),
    }),
    { maxLength: most },
  );
const terms: fc.Arbitrary<AuctionTerms> = fc.record(
  { rule: fc.constantFrom('time' as const, 'proRata' as const), capWh: fc.bigInt({ min: 0n, max: 25n }) },
  { requiredKeys: ['rule'] },
);

/** Entries in another order than that of the list. */
const ordersOf = (side: string, list: readonly Drawn[]): AuctionOrder[] =>
  list.map(({ account, limit, wh }, i) => ({
    id: `${side}${i}`,
    account: `account ${account}`,
    limitTicks: limit,
    quantityWh: wh,
    entry: (i * 7) % 31,
  }));

const acceptedIn = ({ fills }: Clearing): Record<string, number> => {
  const sums: Record<string, number> = {};
  for (const { bid, ask, quantityWh } of fills)
    for (const { id } of [bid, ask]) sums[id] = (sums[id] ?? 0) + quantityWh;
  return sums;
};

const claimOf = ({ fills, ...rest }: Clearing): Parameters<typeof checkClearing>[3] => ({
  ...rest,
  fills: fills.map(({ bid, ask, quantityWh }) => ({ bid: bid.id, ask: ask.id, quantityWh })),
});

describe('a clearing and its naive twin', () => {
  it('agree on volume, interval, price and who has how much, and nobody trades with himself', () => {
    let dominated = 0;
    fc.assert(
      fc.property(drawn(7), drawn(7), terms, (bidList, askList, drawnTerms) => {
        const [bids, asks] = [ordersOf('b', bidList), ordersOf('a', askList)];
        const clearing = clearAuction(bids, asks, drawnTerms);
        const naive = naiveClearing(bids, asks, drawnTerms, TOP);
        if (clearing.dominant !== undefined) dominated++;
        expect({
          matchableWh: Number(clearing.matchableWh),
          volumeWh: Number(clearing.volumeWh),
          low: clearing.interval.low,
          high: clearing.interval.high,
          priceTicks: clearing.priceTicks,
          accepted: acceptedIn(clearing),
        }).toEqual(naive);
        for (const { bid, ask, quantityWh } of clearing.fills) {
          expect(bid.account).not.toBe(ask.account);
          expect(quantityWh).toBeGreaterThan(0);
        }
        expect(checkClearing(inPriority(bids, true), inPriority(asks, false), drawnTerms, claimOf(clearing))).toBe(
          undefined,
        );
      }),
      { numRuns: 3_000, seed: 20_260_615 },
    );
    // The rule of own orders is what is hard here: it has to have been at work.
    expect(dominated).toBeGreaterThan(300);
  });

  it('a clearing brings about no less than any other price does, with the greatest flow between accounts', () => {
    fc.assert(
      fc.property(drawn(9), drawn(9), (bidList, askList) => {
        const [bids, asks] = [ordersOf('b', bidList), ordersOf('a', askList)];
        const { volumeWh } = clearAuction(bids, asks, { rule: 'time' });
        for (let price = 0.5; price <= TOP + 1; price += 0.5) {
          const flow = greatestFlow(
            bids.filter(({ limitTicks }) => limitTicks >= price),
            asks.filter(({ limitTicks }) => limitTicks <= price),
          );
          expect(flow).toBeLessThanOrEqual(Number(volumeWh));
        }
      }),
      { numRuns: 500, seed: 4_242 },
    );
  });

  it('does not depend on the order in which orders are handed over', () => {
    fc.assert(
      fc.property(drawn(12), drawn(12), terms, fc.nat(1_000), (bidList, askList, drawnTerms, turn) => {
        const [bids, asks] = [ordersOf('b', bidList), ordersOf('a', askList)];
        const turned = <T>(list: readonly T[]): T[] => {
          const at = list.length === 0 ? 0 : turn % list.length;
          return [...list.slice(at), ...list.slice(0, at)].reverse();
        };
        expect(clearAuction(turned(bids), turned(asks), drawnTerms)).toEqual(clearAuction(bids, asks, drawnTerms));
      }),
      { numRuns: 300, seed: 7 },
    );
  });

  it('at most one account ever dominates, at whatever price', () => {
    fc.assert(
      fc.property(drawn(8), drawn(8), (bidList, askList) => {
        const [bids, asks] = [ordersOf('b', bidList), ordersOf('a', askList)];
        const seen = new Set<string>();
        for (let price = 0.5; price <= TOP + 1; price += 0.5) {
          const d = bids.filter(({ limitTicks }) => limitTicks >= price);
          const s = asks.filter(({ limitTicks }) => limitTicks <= price);
          const wh = (orders: readonly AuctionOrder[]): number => orders.reduce((all, one) => all + one.quantityWh, 0);
          for (const own of new Set([...d, ...s].map(({ account }) => account)))
            if (wh([...d, ...s].filter(({ account }) => account === own)) > Math.max(wh(d), wh(s))) seen.add(own);
        }
        const { dominant } = clearAuction(bids, asks, { rule: 'time' });
        expect([...seen]).toEqual(dominant === undefined ? [] : [dominant]);
      }),
      { numRuns: 2_000, seed: 11 },
    );
  });
});
