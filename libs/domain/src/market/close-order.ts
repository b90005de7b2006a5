import { assert } from '@gridtokenx/kernel';
import type { EventOf, LedgerEvent } from '@gridtokenx/protocol';
import { uncount } from './rules/admission.js';
import { isOpenOrder, type MarketState, type OpenOrder, type OrderCell } from './state.js';

export type CloseReason = EventOf<'market.orderClosed'>['reason'];

/** Ends an order: its escrow goes back to whom it belongs. */
export function closeOrder(market: MarketState, events: LedgerEvent[], cell: OrderCell, reason: CloseReason): void {
  const row = cell.value;
  assert(isOpenOrder(row), 'only an open order is closed');
  market.accounts.move(market.holderOf(row), row.held, -row.held);
  market.setClosed(cell);
  uncount(market, row, row.remainingWh);
  events.push({ type: 'market.orderClosed', order: cell.key, reason, remainingWh: row.remainingWh.toString() });
}

/** Why the order of an account that may not trade ends. */
export const stopReason = ({ rules }: MarketState, { account }: OpenOrder): CloseReason =>
  rules.isBarred(account) ? 'barred' : 'notVerified';
