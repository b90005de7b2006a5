import { assert } from '@gridtokenx/kernel';
import type { HookContext } from '../ledger/module.js';
import { closeOrder } from './close-order.js';
import { reopenBooks } from './rules/reopen.js';
import { cancelHalted, closeOrders, comeInWaiting, endStopped } from './rules/stopping.js';
import { marketOf, type Book } from './book.js';
import { clearBook } from './clearing.js';
import type { MarketState } from './state.js';

/** SPEC market 5.3, 7: at the start of a block, so that nothing that has ended trades in it. */
export function closeWhatHasEnded(market: MarketState, context: HookContext): void {
  market.freeClosedBooks();
  repriceBooks(market, context);
  expireOrders(market, context);
  endStopped(market, context);
  cancelHalted(market, context);
  const due: Book[] = [];
  for (const book of market.standing) {
    if (book.closesAt > context.marketTime) break;
    due.push(book);
  }
  for (const book of due) {
    if (context.entriesLeft === 0) return;
    closeBook(market, context, book);
  }
  reopenBooks(market, context);
  comeInWaiting(market, context);
}

/** SPEC market 1.6: whose terms have changed lose their orders before anything else happens to them; without entries nothing does. */
function repriceBooks(market: MarketState, context: HookContext): void {
  for (const book of market.standing) {
    const terms = market.otherTerms(book);
    if (terms === undefined) continue;
    if (!closeOrders(market, context, book, 'tariffChanged')) return;
    if (context.entriesLeft === 0) return;
    market.repriceBook(context, book, terms);
    context.worked();
  }
}

/** SPEC market 5.3 */
function expireOrders(market: MarketState, context: HookContext): void {
  while (context.entriesLeft > 0) {
    const node = market.expiring.first;
    if (node === undefined || node.expiresAt > context.marketTime) return;
    closeOrder(market, context.events, node.cell, 'expired');
    context.worked();
  }
}

/** SPEC market 8.1: one auction is cleared in each block, whatever was worked off before; another one if its orders fit. */
function clearInTime(market: MarketState, context: HookContext, book: Book): boolean {
  if (market.hasCleared && book.bids.count + book.asks.count > context.entriesLeft) return false;
  market.hasCleared = true;
  clearBook(market, context, book);
  return true;
}

/** SPEC market 7.1, 7.2: as far as the entries of this block go; called again in the next one until nothing is left. */
function closeBook(market: MarketState, context: HookContext, book: Book): void {
  const cell = market.book(book);
  assert(cell?.value !== undefined, 'a book that stands has a row');
  if (cell.value.status === 'open') {
    // SPEC market-rules 5.3: an auction that is halted clears nothing.
    const clears = book.isAuction && market.rules.haltOf(book) === undefined;
    if (clears && !clearInTime(market, context, book)) return;
    market.store.change(cell, { ...cell.value, status: 'closing' });
  }
  if (!closeOrders(market, context, book, 'bookClosed')) return;
  market.rules.forgetBook(book.key);
  market.store.change(market.books.pair(marketOf(book), book.interval), undefined);
  const { mechanism, phase, fromZone, toZone, interval } = book;
  context.events.push({ type: 'market.bookClosed', mechanism, phase, fromZone, toZone, interval });
  context.worked();
}
