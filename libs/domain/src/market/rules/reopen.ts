import { assert } from '@gridtokenx/kernel';
import type { HookContext } from '../../ledger/module.js';
import type { Book } from '../book.js';
import { clearBook } from '../clearing.js';
import type { MarketState } from '../state.js';

/** SPEC market-rules 5.4: books that were halted trade at one price what crosses in them, and then order by order again. */
export function reopenBooks(market: MarketState, context: HookContext): void {
  for (const key of market.rules.reopening(context.marketTime)) {
    const book = market.books.find(key)?.extra;
    assert(book !== undefined, 'a book that is halted stands');
    if (market.rules.haltOf(book) !== undefined) continue;
    if (context.entriesLeft === 0) return;
    // What still crosses is cleared in the next block; what crosses and does not trade is of one account.
    if (crosses(book) && trades(market, context, book) && crosses(book)) continue;
    market.rules.release(key);
    const { mechanism, phase, fromZone, toZone, interval } = book;
    context.events.push({ type: 'market.bookReopened', mechanism, phase, fromZone, toZone, interval });
    context.worked();
  }
}

function crosses({ bids, asks, wheelingTicks }: Book): boolean {
  const [bid, ask] = [bids.best?.head?.row.priceTicks, asks.best?.head?.row.priceTicks];
  return bid !== undefined && ask !== undefined && bid - wheelingTicks >= ask;
}

function trades(market: MarketState, context: HookContext, book: Book): boolean {
  const { volumeWh, priceTicks } = clearBook(market, context, book);
  if (volumeWh === 0n || priceTicks === undefined) return false;
  market.rules.notePrices(book.key, context.marketTime, priceTicks, priceTicks);
  return true;
}
