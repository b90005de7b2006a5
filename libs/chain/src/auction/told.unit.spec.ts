import type { EventOf, LedgerEvent } from '@gridtokenx/protocol';
import { describe, expect, it } from '@jest/globals';
import { ClearingWatch } from './index.js';

const book = {
  mechanism: 'auction',
  phase: 'spot',
  fromZone: 'MEA-BKK-01',
  toZone: 'MEA-BKK-02',
  interval: '2026-06-15T03:00:00Z/PT15M',
} as const;
const account = (n: number): string => n.toString(16).padStart(32, '0');
const order = (n: number): string => n.toString(16).padStart(64, '0');
const hash = '0'.repeat(64);

/** Wheeling of 0.0250 THB/kWh takes three ticks of each bid. */
const opened: LedgerEvent = {
  type: 'market.bookOpened',
  ...book,
  closesAt: '2026-06-15T03:30:00Z',
  tariffVersion: 1,
  tariffHash: hash,
  wheeling: 250,
  operatorFrom: account(90),
  operatorTo: account(91),
  platform: account(92),
  tax: account(93),
};

const placed = (n: number, side: 'bid' | 'ask', priceTicks: number, wh: number): EventOf<'market.orderPlaced'> => ({
  type: 'market.orderPlaced',
  order: order(n),
  account: account(n),
  side,
  ...book,
  priceTicks,
  quantityWh: String(wh),
  timeInForce: 'GTC',
  expiresAt: '2026-06-15T03:30:00Z',
  tariffVersion: 1,
});

const traded = (trade: number, bid: number, ask: number, wh: number): EventOf<'market.traded'> => ({
  type: 'market.traded',
  trade,
  bid: order(bid),
  ask: order(ask),
  buyer: account(bid),
  seller: account(ask),
  ...book,
  priceTicks: 400,
  quantityWh: String(wh),
  notional: String(4_000 * wh),
  buyerFee: '0',
  sellerFee: '0',
  wheeling: '0',
  feePayee: account(91),
  toOperator: '0',
  fromOperator: '0',
  platform: '0',
  tax: '0',
  tariffVersion: 1,
  tariffHash: hash,
  bidRemainingWh: '0',
  askRemainingWh: '0',
});

const orders: readonly LedgerEvent[] = [
  opened,
  placed(1, 'bid', 453, 1_000),
  placed(2, 'ask', 400, 800),
  placed(3, 'ask', 400, 700),
  placed(4, 'bid', 500, 100),
  { type: 'market.orderClosed', order: order(4), reason: 'cancelled', remainingWh: '100' },
];
const cleared: EventOf<'market.cleared'> = {
  type: 'market.cleared',
  ...book,
  marginal: 'time',
  bids: 1,
  asks: 2,
  matchableWh: '1000',
  volumeWh: '1000',
  lowTicks: 400,
  highTicks: 400,
  priceTicks: 400,
  trades: 2,
  demand: [{ priceTicks: 450, wh: '1000' }],
  supply: [{ priceTicks: 400, wh: '1500' }],
};
const trades = [traded(1, 1, 2, 800), traded(2, 1, 3, 200)] as const;

function codeOf(before: readonly LedgerEvent[], block: readonly LedgerEvent[]): string | undefined {
  const watch = new ClearingWatch();
  expect(watch.block(before)).toEqual([]);
  const told = watch.block(block);
  expect(told).toHaveLength(1);
  return told[0]?.fault?.code;
}

describe('a clearing that a ledger tells of', () => {
  it('is right when it follows from the orders that stood', () => {
    expect(codeOf(orders, [cleared, ...trades])).toBeUndefined();
  });

  it('is found out when a fact of it is changed', () => {
    const [first, second] = trades;
    const of = (
      change: Partial<EventOf<'market.cleared'>>,
      list: readonly LedgerEvent[] = trades,
    ): string | undefined => codeOf(orders, [{ ...cleared, ...change }, ...list]);
    expect(of({ asks: 3 })).toBe('clearing.otherOrders');
    expect(of({ matchableWh: '1100' })).toBe('auction.wrongVolume');
    expect(of({ volumeWh: '900' })).toBe('auction.wrongVolume');
    expect(of({ capWh: '900' })).toBe('auction.wrongVolume');
    expect(of({ lowTicks: 399 })).toBe('auction.wrongInterval');
    expect(of({ priceTicks: 401 })).toBe('clearing.otherTrade');
    expect(of({ dominant: account(1) })).toBe('auction.ownOrders');
    expect(of({ marginal: 'proRata' })).toBe('auction.wrongShare');
    expect(of({ demand: [] })).toBe('clearing.otherCurve');
    expect(of({}, [first])).toBe('clearing.incomplete');
    expect(of({}, [first, { ...second, priceTicks: 401 }])).toBe('clearing.otherTrade');
    expect(of({}, [first, { ...second, seller: account(9) }])).toBe('clearing.otherTrade');
    expect(of({}, [first, { ...second, quantityWh: '100' }])).toBe('auction.wrongVolume');
    expect(of({}, [traded(1, 1, 3, 700), traded(2, 1, 2, 300)])).toBe('auction.wrongShare');
  });

  it('is found out when other orders stood than those it counts', () => {
    expect(codeOf([...orders, placed(5, 'bid', 460, 100)], [cleared, ...trades])).toBe('clearing.otherOrders');
    expect(codeOf(orders.slice(0, -1), [{ ...cleared, bids: 2 }, ...trades])).toBe('auction.wrongVolume');
    // Who did not see the book open cannot tell.
    expect(codeOf(orders.slice(1), [cleared, ...trades])).toBe('clearing.incomplete');
  });

  it('counts with the terms that its book has, and with orders from when they came in', () => {
    const repriced = { ...opened, type: 'market.bookRepriced', wheeling: 0 } as const;
    const { closesAt: _, ...terms } = repriced;
    const gone: LedgerEvent = {
      type: 'market.orderClosed',
      order: order(1),
      reason: 'tariffChanged',
      remainingWh: '1000',
    };
    const waiting: LedgerEvent[] = [
      opened,
      placed(1, 'bid', 999, 1_000),
      gone,
      terms,
      placed(3, 'ask', 400, 700),
      { type: 'market.orderWaits', order: order(3), validFrom: '2026-06-15T03:20:00Z' },
      placed(5, 'bid', 450, 1_000),
      { type: 'market.orderWaits', order: order(5), validFrom: '2026-06-15T03:20:00Z' },
      placed(2, 'ask', 400, 800),
      placed(6, 'bid', 450, 1_000),
    ];
    const camein: LedgerEvent = { type: 'market.orderCameIn', order: order(3) };
    // The ask that came in is behind the one that was placed later; the bid is still to come.
    const block = [traded(1, 6, 2, 800), traded(2, 6, 3, 200)];
    expect(codeOf([...waiting, camein], [cleared, ...block])).toBeUndefined();
    expect(codeOf([...waiting], [cleared, ...block])).toBe('clearing.otherOrders');
  });

  it('of a continuous book is of those that cross', () => {
    const continuous = (event: LedgerEvent): LedgerEvent =>
      'mechanism' in event ? ({ ...event, mechanism: 'continuous' } as LedgerEvent) : event;
    const far = [placed(6, 'bid', 402, 5_000), placed(7, 'ask', 451, 5_000)];
    expect(codeOf([...orders, ...far].map(continuous), [cleared, ...trades].map(continuous))).toBeUndefined();
  });
});
