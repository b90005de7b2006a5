import { assert } from '@gridtokenx/kernel';
import type { RejectionCode } from '@gridtokenx/protocol';
import type { HookContext } from '../../ledger/module.js';
import type { Book } from '../book.js';
import { closeOrder, stopReason, type CloseReason } from '../close-order.js';
import { approachOf, barrierOf, comeIn, type Entering } from '../execute.js';
import type { MarketState, OrderNode } from '../state.js';

/** SPEC market 7.2: asks, then bids, each in price-time order, then what waits. False when the entries of the block did not suffice. */
export function closeOrders(market: MarketState, context: HookContext, book: Book, reason: CloseReason): boolean {
  const next = (): OrderNode | undefined => book.asks.best?.head ?? book.bids.best?.head ?? book.waiting.first;
  for (let order = next(); order !== undefined; order = next()) {
    if (context.entriesLeft === 0) return false;
    closeOrder(market, context.events, order.cell, reason);
    context.worked();
  }
  return true;
}

/** SPEC market-rules 7.3: the orders of those that may not trade any more, in the order in which they came. */
export function endStopped(market: MarketState, context: HookContext): void {
  const { participants } = market;
  for (let one = participants.stopped(context.time); one !== undefined; one = participants.stopped(context.time))
    for (const { cell, row } of one.orders()) {
      if (context.entriesLeft === 0) return;
      closeOrder(market, context.events, cell, stopReason(market, row));
      context.worked();
    }
}

/** SPEC market-rules 5.5 */
export function cancelHalted(market: MarketState, context: HookContext): void {
  for (const [{ mechanism, fromZone, toZone }, { cancels }] of market.rules.halted()) {
    if (!cancels) continue;
    for (const book of market.standing)
      if (book.mechanism === mechanism && book.fromZone === fromZone && book.toZone === toZone)
        if (!closeOrders(market, context, book, 'halted')) return;
  }
}

/** Why an order ends instead of coming in, by what is in its way. */
const REASONS: Readonly<Partial<Record<RejectionCode, CloseReason>>> = {
  'market.halted': 'halted',
  'market.fillOrKill': 'killed',
  'market.bookFull': 'matchLimit',
  'market.zonePairClosed': 'pairClosed',
  'network.curtailed': 'curtailed',
};

/** SPEC market-rules 8.2 */
export function comeInWaiting(market: MarketState, context: HookContext): void {
  const { waiting, rules, accounts, store } = market;
  if (rules.at(context.marketTime).hours?.isOpen(context.marketTime) === false) return;
  for (let node = waiting.first; node !== undefined && node.validFrom <= context.marketTime; node = waiting.first) {
    if (context.entriesLeft === 0) return;
    const { cell, row } = node;
    const { account, book, isBid, priceTicks, remainingWh: quantityWh, expiresAt, held, day, waits } = row;
    assert(waits !== undefined, 'an order that waits says for what');
    const { timeInForce } = waits;
    const order: Entering = {
      id: cell.key,
      day,
      request: {
        account,
        book,
        isBid,
        priceTicks,
        quantityWh,
        timeInForce,
        expiresAt,
        expiresAtText: '',
        validFrom: 0,
      },
    };
    const barrier = barrierOf(market, order.request);
    const approach = barrier === undefined ? approachOf(market, context, order) : barrier.code;
    if (approach === 'market.blockFull') return;
    if (typeof approach === 'string') closeOrder(market, context.events, cell, REASONS[approach] ?? 'killed');
    else {
      accounts.move(market.holderOf(row), held, -held);
      store.change(cell, undefined);
      context.events.push({ type: 'market.orderCameIn', order: cell.key });
      comeIn(market, context, order, approach);
    }
    context.worked();
  }
}
