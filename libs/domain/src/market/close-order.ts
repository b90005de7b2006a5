import { assert } from '@gridtokenx/kernel';
import type { EventOf, LedgerEvent } from '@gridtokenx/protocol';
import { isOpenOrder, type MarketState, type OrderCell } from './state.js';

export type CloseReason = EventOf<'market.orderClosed'>['reason'];

/** Ends an order: its escrow goes back to whom it belongs. */
export function closeOrder(market: MarketState, events: LedgerEvent[], cell: OrderCell, reason: CloseReason): void {
  const row = cell.value;
  assert(isOpenOrder(row), 'only an open order is closed');
  market.accounts.move(market.holderOf(row), row.held, -row.held);
  market.setClosed(cell);
  events.push({ type: 'market.orderClosed', order: cell.key, reason, remainingWh: row.remainingWh.toString() });
}
