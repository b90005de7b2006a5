import { assert, formatTime, parseTime, unreachable, type Millis } from '@gridtokenx/kernel';
import {
  ORDER_WH_MIN,
  rejected,
  type OperationOf,
  type OperationType,
  type RejectedOutcome,
  type TimeInForce,
} from '@gridtokenx/protocol';
import type { OperationContext } from '../ledger/module.js';
import { actsFor, isVerified } from '../registry/rights.js';
import type { Book, BookName } from './book.js';
import { phaseAt } from './clock.js';
import { isFull } from './clearing.js';
import { closeOrder } from './close-order.js';
import { canFill, match } from './match.js';
import { isOpenOrder, ORDER_VALUE_MAX, type MarketState, type OpenOrder, type OrderCell } from './state.js';
import { Taker, writeEscrow, writeSums } from './trade.js';

export const MARKET_OPERATIONS = ['market.placeOrder', 'market.cancelOrder', 'market.replaceOrder'] as const;
export type MarketOperation = OperationOf<(typeof MARKET_OPERATIONS)[number]>;

export function executeMarket(
  market: MarketState,
  context: OperationContext,
  operation: MarketOperation,
): RejectedOutcome | undefined {
  switch (operation.type) {
    case 'market.placeOrder':
      return placeOrder(market, context, operation);
    case 'market.cancelOrder':
      return cancelOrder(market, context, operation);
    case 'market.replaceOrder':
      return replaceOrder(market, context, operation);
    default:
      return unreachable(operation);
  }
}

/** What was asked for, once it is known that it may be asked for. */
interface Request {
  readonly account: string;
  readonly book: Book;
  readonly isBid: boolean;
  readonly priceTicks: number;
  readonly quantityWh: number;
  readonly timeInForce: TimeInForce;
  readonly expiresAt: number;
  readonly expiresAtText: string;
}

/** SPEC market 2.1: only verified accounts trade, and only who acts for one places its orders. */
function refuseTrader(
  market: MarketState,
  context: OperationContext,
  account: string,
  operation: OperationType,
): RejectedOutcome | undefined {
  const row = market.registry.accounts.get(account);
  if (row === undefined) return rejected('registry.unknownAccount', { account });
  if (!actsFor(market.registry, context, account, operation)) return rejected('key.notAuthorised', { account });
  return isVerified(row, context.time) ? undefined : rejected('accounts.notVerified', { account });
}

function placeOrder(
  market: MarketState,
  context: OperationContext,
  operation: OperationOf<'market.placeOrder'>,
): RejectedOutcome | undefined {
  const { account, side, priceTicks, timeInForce } = operation;
  const refusal = refuseTrader(market, context, account, 'market.placeOrder');
  if (refusal !== undefined) return refusal;
  const book = bookFor(market, context, operation);
  if ('status' in book) return book;
  let { closesAt: expiresAt, closesAtText: expiresAtText } = book;
  if (operation.expiresAt !== undefined) {
    const asked = parseTime(operation.expiresAt) ?? 0;
    if (asked <= context.marketTime) return rejected('market.expiryInPast');
    if (asked < book.closesAt) [expiresAt, expiresAtText] = [asked, operation.expiresAt];
  }
  return enterOrder(market, context, {
    account,
    book,
    isBid: side === 'bid',
    priceTicks,
    quantityWh: Number(operation.quantityWh),
    timeInForce,
    expiresAt,
    expiresAtText,
  });
}

/** SPEC market 1: the book that an order is for, opened if it is the first, or why there is none. */
function bookFor(
  market: MarketState,
  context: OperationContext,
  { mechanism = 'continuous', fromZone, toZone, interval }: OperationOf<'market.placeOrder'>,
): Book | RejectedOutcome {
  const schedule = market.schedule(interval);
  const phase = phaseAt(schedule, context.marketTime);
  if (phase === 'over') return rejected('market.bookClosed');
  if (phase === 'none') return rejected('market.bookNotOpen');
  const name: BookName = { mechanism, phase, fromZone, toZone, interval };
  const cell = market.book(name);
  if (cell !== undefined) {
    const book = cell.extra;
    return book === undefined || !market.isOpen(cell, context.marketTime) ? rejected('market.bookClosed') : book;
  }
  for (const zone of [fromZone, toZone])
    if (!market.registry.zones.has(zone)) return rejected('registry.unknownZone', { zone });
  if (market.network.routeOf(fromZone, toZone) === undefined)
    return rejected('market.zonePairClosed', { fromZone, toZone });
  const closesAt = phase === 'spot' ? schedule.closesAt : schedule.gateAt;
  return market.openBook(context, name, closesAt) ?? rejected('tariffs.noEntry', { interval });
}

/** The open order of a cancel or replace, if the signer may touch it. */
function ownOrder(
  market: MarketState,
  context: OperationContext,
  order: string,
  operation: OperationType,
): { cell: OrderCell; row: OpenOrder } | RejectedOutcome {
  const cell = market.orders.rows.get(order);
  const row = cell?.value;
  if (cell === undefined || row === undefined) return rejected('market.unknownOrder');
  if (!isOpenOrder(row)) return rejected('market.orderNotOpen');
  if (!actsFor(market.registry, context, row.account, operation)) return rejected('market.notYourOrder');
  return { cell, row };
}

/** SPEC market 5.1 */
function cancelOrder(
  market: MarketState,
  context: OperationContext,
  { order }: OperationOf<'market.cancelOrder'>,
): RejectedOutcome | undefined {
  const own = ownOrder(market, context, order, 'market.cancelOrder');
  if ('status' in own) return own;
  closeOrder(market, context.events, own.cell, 'cancelled');
  return undefined;
}

/** SPEC market 5.2: the old order's rest goes and the new order comes, or neither: a refusal undoes both. */
function replaceOrder(
  market: MarketState,
  context: OperationContext,
  { order, priceTicks, quantityWh }: OperationOf<'market.replaceOrder'>,
): RejectedOutcome | undefined {
  const own = ownOrder(market, context, order, 'market.replaceOrder');
  if ('status' in own) return own;
  const { account, book, isBid, expiresAt } = own.row;
  const refusal = refuseTrader(market, context, account, 'market.replaceOrder');
  if (refusal !== undefined) return refusal;
  const cell = market.book(book);
  if (cell === undefined || !market.isOpen(cell, context.marketTime)) return rejected('market.bookClosed');
  if (expiresAt <= context.marketTime) return rejected('market.expiryInPast');
  closeOrder(market, context.events, own.cell, 'replaced');
  return enterOrder(market, context, {
    account,
    book,
    isBid,
    priceTicks,
    quantityWh: Number(quantityWh),
    timeInForce: 'GTC',
    expiresAt,
    expiresAtText: expiresAt === book.closesAt ? book.closesAtText : formatTime(expiresAt as Millis),
  });
}

/** SPEC market 2, 3: escrow, matching, and what becomes of the rest. */
function enterOrder(market: MarketState, context: OperationContext, request: Request): RejectedOutcome | undefined {
  const { account, book, isBid, priceTicks, quantityWh, timeInForce } = request;
  const { accounts, network, store } = market;
  const { fromZone, toZone, interval, isSpot } = book;
  const way = network.wayOf(fromZone, toZone, interval);
  if (way === undefined) return rejected('market.zonePairClosed', { fromZone, toZone });
  // SPEC network 5.3: what was delivered is not restricted.
  const restricted = isSpot ? undefined : network.restrictionOn(fromZone, toZone, way.legs, interval, account, isBid);
  if (restricted !== undefined) return rejected('network.curtailed', restricted);
  if (quantityWh < ORDER_WH_MIN) return rejected('market.belowMinimum');
  if ((isBid ? priceTicks * 10 : book.terms.marginRate / 10) * quantityWh > ORDER_VALUE_MAX)
    return rejected('market.aboveMaximum');
  if (isFull(book)) return rejected('market.bookFull');
  if (isBid && priceTicks <= book.wheelingTicks)
    return rejected('market.belowCharges', { wheeling: String(book.terms.wheeling) });
  const hold = book.holdOf(isBid, priceTicks, quantityWh, 0);
  const asset = book.escrowAsset(isBid);
  const own = accounts.cell(account, asset);
  if ((own.value?.available ?? 0n) < hold)
    return rejected('accounts.insufficientBalance', { account, asset, needed: hold.toString() });

  const { events, operationId } = context;
  const taker = new Taker(operationId, account, book, isBid, quantityWh, way);
  const other = isBid ? book.asks : book.bids;
  const limitRank = other.rankOf(isBid ? priceTicks - book.wheelingTicks : priceTicks + book.wheelingTicks);
  const best = book.isAuction ? undefined : other.best;
  const crosses = best !== undefined && best.rank <= limitRank;
  if (timeInForce === 'FOK' && !(crosses && canFill(market, taker, limitRank, context.marketTime)))
    return rejected('market.fillOrKill');
  if (crosses && market.meetingsLeft === 0) return rejected('market.blockFull');

  events.push({
    type: 'market.orderPlaced',
    order: operationId,
    account,
    side: isBid ? 'bid' : 'ask',
    mechanism: book.mechanism,
    phase: book.phase,
    fromZone,
    toZone,
    interval,
    priceTicks,
    quantityWh: quantityWh.toString(),
    timeInForce,
    expiresAt: request.expiresAtText,
    tariffVersion: book.terms.version,
  });
  const isOutOfMeetings = crosses && !match(market, context, taker, limitRank);

  const { remainingWh, feeCarry } = taker;
  const cell = market.orders.cell(operationId);
  assert(cell.value === undefined, 'an operation id is used once');
  if (remainingWh > 0 && timeInForce === 'GTC' && !isOutOfMeetings) {
    const held = book.holdOf(isBid, priceTicks, remainingWh, feeCarry);
    writeEscrow(market, own, taker, held);
    const { expiresAt } = request;
    const entry = market.nextEntry();
    store.change(cell, { account, book, isBid, priceTicks, remainingWh, expiresAt, entry, feeCarry, held, closed: 0 });
  } else {
    writeEscrow(market, own, taker, 0);
    market.setClosed(cell);
    const reason = remainingWh === 0 ? 'filled' : isOutOfMeetings ? 'matchLimit' : 'immediate';
    events.push({ type: 'market.orderClosed', order: operationId, reason, remainingWh: remainingWh.toString() });
  }
  network.use(way.legs, interval, book.phase, quantityWh - remainingWh);
  writeSums(market, taker);
  return undefined;
}
