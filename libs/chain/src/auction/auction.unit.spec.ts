import type { MarginalRule } from '@gridtokenx/protocol';
import { describe, expect, it } from '@jest/globals';
import { checkClearing, clearAuction, curveOf, inPriority, thinned } from './index.js';
import type { AuctionOrder, AuctionTerms, ClaimedClearing, CurveStep } from './index.js';

const order = (id: string, account: string, limitTicks: number, quantityWh: number, entry: number): AuctionOrder => ({
  id,
  account,
  limitTicks,
  quantityWh,
  entry,
});

/** Two asks at the marginal price, a bid that goes without, and an ask above. */
const BIDS = [order('b1', 'A', 7, 300, 1), order('b2', 'B', 2, 100, 2)];
const ASKS = [order('a1', 'C', 3, 200, 3), order('a2', 'D', 3, 200, 4), order('a3', 'E', 8, 50, 5)];

const claimOf = (
  bids: readonly AuctionOrder[],
  asks: readonly AuctionOrder[],
  terms: AuctionTerms,
): ClaimedClearing => {
  const { fills, ...rest } = clearAuction(bids, asks, terms);
  return { ...rest, fills: fills.map(({ bid, ask, quantityWh }) => ({ bid: bid.id, ask: ask.id, quantityWh })) };
};

const check = (
  change: Partial<ClaimedClearing>,
  rule: MarginalRule = 'time',
  bids: readonly AuctionOrder[] = BIDS,
  asks: readonly AuctionOrder[] = ASKS,
): string | undefined => checkClearing(bids, asks, { rule }, { ...claimOf(bids, asks, { rule }), ...change })?.code;

describe('a clearing that is claimed', () => {
  it('is taken when it is the right one', () => {
    expect(check({})).toBeUndefined();
    expect(check({}, 'proRata')).toBeUndefined();
  });

  it('is refused when less changes hands than could', () => {
    expect(check({ volumeWh: 200n, fills: [{ bid: 'b1', ask: 'a1', quantityWh: 200 }] })).toBe('auction.wrongVolume');
    expect(check({ matchableWh: 200n, volumeWh: 200n })).toBe('auction.wrongVolume');
    expect(check({ fills: [{ bid: 'b1', ask: 'a1', quantityWh: 200 }] })).toBe('auction.wrongVolume');
  });

  it('is refused when its price is not the one of the interval, or the interval another', () => {
    expect(check({ priceTicks: 4 })).toBe('auction.wrongPrice');
    expect(check({ interval: { low: 3, high: 7 } })).toBe('auction.wrongInterval');
    expect(check({ interval: {} })).toBe('auction.wrongInterval');
  });

  it('is refused when someone trades with himself, or an account is wrongly said to dominate', () => {
    const bids = [...BIDS, order('b3', 'C', 1, 10, 6)];
    expect(check({ dominant: 'C' }, 'time', bids)).toBe('auction.ownOrders');
    const own = [order('b1', 'C', 7, 300, 1), order('b2', 'B', 2, 100, 2)];
    expect(
      check(
        {
          fills: [
            { bid: 'b1', ask: 'a1', quantityWh: 100 },
            { bid: 'b1', ask: 'a2', quantityWh: 200 },
          ],
        },
        'time',
        own,
        [order('a1', 'C', 3, 200, 3), order('a2', 'D', 3, 300, 4)],
      ),
    ).toBe('auction.ownOrders');
  });

  it('is refused when someone accepted loses', () => {
    const fills = [
      { bid: 'b1', ask: 'a1', quantityWh: 200 },
      { bid: 'b1', ask: 'a2', quantityWh: 50 },
    ];
    expect(check({ fills: [...fills, { bid: 'b1', ask: 'a3', quantityWh: 50 }] })).toBe('auction.acceptedLoses');
    expect(check({ fills: [...fills, { bid: 'b2', ask: 'a2', quantityWh: 50 }] })).toBe('auction.acceptedLoses');
  });

  it('is refused when someone rejected gains', () => {
    const bids = [order('b1', 'A', 7, 100, 1), order('b2', 'B', 5, 100, 2), order('b3', 'C', 4, 100, 3)];
    const asks = [order('a1', 'D', 3, 200, 4)];
    expect(
      check(
        {
          fills: [
            { bid: 'b1', ask: 'a1', quantityWh: 50 },
            { bid: 'b2', ask: 'a1', quantityWh: 100 },
            { bid: 'b3', ask: 'a1', quantityWh: 50 },
          ],
        },
        'time',
        bids,
        asks,
      ),
    ).toBe('auction.rejectedGains');
  });

  it('is refused when the marginal level is shared out otherwise, or an order has more than it asked for', () => {
    const shares = (first: number, second: number): Partial<ClaimedClearing> => ({
      fills: [
        { bid: 'b1', ask: 'a1', quantityWh: first },
        { bid: 'b1', ask: 'a2', quantityWh: second },
      ],
    });
    expect(check(shares(150, 150))).toBe('auction.wrongShare');
    expect(check(shares(200, 100), 'proRata')).toBe('auction.wrongShare');
    expect(check(shares(150, 150), 'proRata')).toBeUndefined();
    expect(check(shares(250, 50))).toBe('auction.overfilled');
    expect(check(shares(0, 300))).toBe('auction.badQuantity');
  });

  it('is refused when it is of orders that are not there, stand twice or out of order', () => {
    expect(check({ fills: [{ bid: 'b9', ask: 'a1', quantityWh: 300 }] })).toBe('auction.unknownOrder');
    expect(check({ fills: [{ bid: 'b1', ask: 'a9', quantityWh: 300 }] })).toBe('auction.unknownOrder');
    expect(check({}, 'time', [...BIDS].reverse())).toBe('auction.notInPriority');
    expect(check({}, 'time', [...BIDS, order('b1', 'F', 1, 100, 9)])).toBe('auction.badOrder');
    expect(check({}, 'time', [order('b1', 'A', 7.5, 300, 1)])).toBe('auction.badOrder');
  });

  it('is taken from a cap on, and refused beyond it', () => {
    const terms: AuctionTerms = { rule: 'time', capWh: 250n };
    const claim = claimOf(BIDS, ASKS, terms);
    expect(claim.volumeWh).toBe(250n);
    expect(checkClearing(BIDS, ASKS, terms, claim)).toBeUndefined();
    expect(checkClearing(BIDS, ASKS, { ...terms, capWh: 249n }, claim)?.code).toBe('auction.wrongVolume');
    // Better than the price, and without all of it: the cap is why.
    expect(checkClearing(BIDS, ASKS, { rule: 'time' }, claim)?.code).toBe('auction.wrongVolume');
  });
});

describe('own orders', () => {
  it('change places with fills of others when they alone are left', () => {
    const bids = ['A', 'B', 'C'].map((account, i) => order(`b${account}`, account, 9, 10, i));
    const asks = ['A', 'B', 'C'].map((account, i) => order(`a${account}`, account, 1, 10, i));
    expect(claimOf(bids, asks, { rule: 'time' }).fills).toEqual([
      { bid: 'bA', ask: 'aB', quantityWh: 10 },
      { bid: 'bC', ask: 'aA', quantityWh: 10 },
      { bid: 'bB', ask: 'aC', quantityWh: 10 },
    ]);
  });
});

describe('a curve', () => {
  const steps = (...list: readonly [number, number][]): CurveStep[] =>
    list.map(([priceTicks, wh]) => ({ priceTicks, wh: BigInt(wh) }));

  it('has a step for each price, from the best', () => {
    const bids = inPriority([...BIDS, order('b3', 'F', 7, 50, 6)], true);
    expect(curveOf(bids)).toEqual(steps([7, 350], [2, 450]));
    expect(curveOf(inPriority(ASKS, false))).toEqual(steps([3, 400], [8, 450]));
    expect(curveOf([])).toEqual([]);
  });

  it('of too many steps keeps the first, the last and some between', () => {
    const long = steps(...Array.from({ length: 10 }, (_, i): [number, number] => [i, i]));
    expect(thinned(long, 10)).toEqual(long);
    expect(thinned(long, 4)).toEqual(steps([0, 0], [3, 3], [6, 6], [9, 9]));
  });
});
