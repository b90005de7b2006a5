import type { EventOf, LedgerEvent, Outcome } from '@gridtokenx/protocol';
import { INTERVAL, TestLedger } from './fixture.spec.js';

/** A ledger whose first block opens an auction book and takes three orders, and whose third clears it. No test stands here. */

const ZONE = 'MEA-BKK-01';
const book = { mechanism: 'auction', phase: 'spot', fromZone: ZONE, toZone: ZONE, interval: INTERVAL } as const;
const account = (n: number): string => n.toString(16).padStart(32, '0');
const order = (n: number): string => n.toString(16).padStart(64, '0');
const terms = { tariffVersion: 1, tariffHash: '0'.repeat(64) };
const closesAt = '2026-06-15T03:30:00Z';

const placed = (n: number, side: 'bid' | 'ask', priceTicks: number, wh: number): LedgerEvent => ({
  type: 'market.orderPlaced',
  order: order(n),
  account: account(n),
  side,
  ...book,
  priceTicks,
  quantityWh: String(wh),
  timeInForce: 'GTC',
  expiresAt: closesAt,
  tariffVersion: 1,
});

const traded = (trade: number, ask: number, wh: number): LedgerEvent => ({
  type: 'market.traded',
  trade,
  bid: order(1),
  ask: order(ask),
  buyer: account(1),
  seller: account(ask),
  ...book,
  priceTicks: 420,
  quantityWh: String(wh),
  notional: String(4_200 * wh),
  ...{ buyerFee: '0', sellerFee: '0', wheeling: '0', toOperator: '0', fromOperator: '0', platform: '0', tax: '0' },
  feePayee: account(9),
  ...terms,
  bidRemainingWh: '0',
  askRemainingWh: '0',
});

const opened: LedgerEvent = {
  type: 'market.bookOpened',
  ...book,
  closesAt,
  ...terms,
  wheeling: 0,
  ...{ operatorFrom: account(9), operatorTo: account(9), platform: account(9), tax: account(9) },
};

const cleared: EventOf<'market.cleared'> = {
  type: 'market.cleared',
  ...book,
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
};

const executed = (...events: LedgerEvent[]): Outcome => ({ v: 1, status: 'executed', events, postings: [], holds: [] });

/** The block of height 3 clears, with what a test wants to be told otherwise; that of height 2 does nothing. */
export function clearingLedger(told: Partial<EventOf<'market.cleared'>> = {}): TestLedger {
  const ledger = new TestLedger(4);
  const orders = [placed(1, 'bid', 500, 3_000), placed(2, 'ask', 400, 2_000), placed(3, 'ask', 420, 2_000)];
  ledger.grow(1, undefined, () => executed(opened, ...orders));
  ledger.grow(1, undefined, () => executed());
  const trades = [traded(1, 2, 2_000), traded(2, 3, 1_000)];
  // The facts of a clearing may stand in several outcomes.
  const pieces = [executed({ ...cleared, ...told }, ...trades.slice(0, 1)), executed(...trades.slice(1))];
  ledger.grow(2, undefined, (_id, i) => pieces[i] ?? executed());
  return ledger;
}
