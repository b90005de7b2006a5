import { assert } from '@gridtokenx/kernel';
import type { HookContext } from '../ledger/module.js';
import type { MeteringState, NetCell, Settlement } from '../metering/state.js';
import { closeOrder } from './execute.js';
import type { Book, BookCell, MarketState } from './state.js';

/** SPEC market 5.3, 7: at the start of a block, so that nothing that has ended trades in it. */
export function closeWhatHasEnded(market: MarketState, metering: MeteringState, context: HookContext): void {
  market.freeClosedBooks();
  expireOrders(market, context);
  const due: Book[] = [];
  for (const book of market.standing) {
    if (book.closesAt > context.marketTime) break;
    due.push(book);
  }
  for (const book of due) {
    if (context.entriesLeft === 0) return;
    closeBook(market, metering, context, book);
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

/** SPEC market 7.1-7.6: as far as the entries of this block go; called again in the next one until nothing is left. */
function closeBook(market: MarketState, metering: MeteringState, context: HookContext, book: Book): void {
  const cell = market.book(book.zone, book.interval);
  assert(cell?.value !== undefined, 'a book that stands has a row');
  if (cell.value.status === 'open') setStatus(market, cell, 'closing');
  for (const side of [book.asks, book.bids])
    while (side.count > 0) {
      if (context.entriesLeft === 0) return;
      const order = side.best?.head;
      assert(order !== undefined, 'a side that counts orders has a best one');
      closeOrder(market, context.events, order.cell, 'bookClosed');
      context.worked();
    }
  const settlement = metering.settlement(book.key);
  for (let net = settlement.open.first; net !== undefined; net = settlement.open.first) {
    if (context.entriesLeft === 0) return;
    settle(market, context, book, net);
    context.worked();
  }
  payDeferred(market, metering, context, book, settlement);
  for (let reading = settlement.readings.first; reading !== undefined; reading = settlement.readings.first) {
    if (context.entriesLeft === 0) return;
    metering.store.change(reading, undefined);
    context.worked();
  }
  if (!settlement.isDone) return;
  setStatus(market, cell, 'closed');
  metering.forget(book.key);
  context.events.push({ type: 'market.bookClosed', zone: book.zone, interval: book.interval });
  context.flush();
}

function setStatus(market: MarketState, cell: BookCell, status: 'closing' | 'closed'): void {
  assert(cell.value !== undefined, 'a book that changes is there');
  market.store.change(cell, { ...cell.value, status });
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** SPEC market 7.3, 7.4: what covers the account's own import is used up, then what it produced and did not sell is bought. */
function settle(market: MarketState, context: HookContext, book: Book, cell: NetCell): void {
  const { accounts, store } = market;
  const net = cell.value;
  assert(net !== undefined, 'what is settled is there');
  const account = cell.first;
  const used = least(accounts.available(account, book.asset), BigInt(net.importWh));
  if (used > 0n) {
    accounts.retire(account, book.asset, used);
    context.events.push({
      type: 'market.energyRetired',
      account,
      interval: book.interval,
      quantityWh: used.toString(),
    });
  }
  const unsold = least(accounts.available(account, book.asset), BigInt(net.mintedWh));
  if (unsold === 0n || buy(market, context, book, account, unsold)) {
    store.change(cell, undefined);
    return;
  }
  store.change(cell, { importWh: 0, mintedWh: Number(unsold), deferred: true });
  context.events.push({
    type: 'market.feedInDeferred',
    seller: account,
    buyer: book.operator,
    interval: book.interval,
    quantityWh: unsold.toString(),
  });
}

/** SPEC market 7.5: one who waits is paid before those after it; until then the book waits, and no other book does. */
function payDeferred(
  market: MarketState,
  metering: MeteringState,
  context: HookContext,
  book: Book,
  settlement: Settlement,
): void {
  for (let cell = settlement.deferred.first; cell !== undefined; cell = settlement.deferred.first) {
    if (context.entriesLeft === 0) return;
    const owed = least(market.accounts.available(cell.first, book.asset), BigInt(cell.value?.mintedWh ?? 0));
    if (owed > 0n && !buy(market, context, book, cell.first, owed)) return;
    metering.store.change(cell, undefined);
    context.worked();
  }
}

/** SPEC market 7.4: buys and retires, or does nothing when the operator cannot pay. */
function buy(
  { accounts, tariff }: MarketState,
  context: HookContext,
  book: Book,
  seller: string,
  quantityWh: bigint,
): boolean {
  const buyer = book.operator;
  const paid = (BigInt(tariff.feedInRate) * quantityWh) / 10n;
  if (accounts.available(buyer, 'WATT') < paid) return false;
  if (paid > 0n && buyer !== seller) accounts.transfer(buyer, seller, 'WATT', paid);
  accounts.retire(seller, book.asset, quantityWh);
  context.events.push({
    type: 'market.feedInBought',
    seller,
    buyer,
    zone: book.zone,
    interval: book.interval,
    quantityWh: quantityWh.toString(),
    rate: tariff.feedInRate,
    paid: paid.toString(),
    tariffVersion: tariff.version,
  });
  return true;
}
