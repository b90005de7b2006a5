import { assert, formatTime, parseTime, unreachable, type Millis } from '@gridtokenx/kernel';
import {
  rejected,
  type OperationOf,
  type OperationType,
  type RejectedOutcome,
  type TimeInForce,
} from '@gridtokenx/protocol';
import type { BlockContext, OperationContext } from '../ledger/module.js';
import { actsFor, isVerified } from '../registry/rights.js';
import type { Way } from '../network/capacity.js';
import type { BalanceCell } from '../accounts/state.js';
import type { Book, BookName } from './book.js';
import { phaseAt } from './clock.js';
import { isFull } from './clearing.js';
import { closeOrder } from './close-order.js';
import { canFill, match } from './match.js';
import { countByLimits, refuseByRules, uncount, type Asked } from './rules/admission.js';
import { Corridor } from './rules/breaker.js';
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
interface Request extends Asked {
  readonly timeInForce: TimeInForce;
  readonly expiresAt: number;
  readonly expiresAtText: string;
  /** Market time at which it comes in; 0 for now. */
  readonly validFrom: number;
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
  if (!isVerified(row, context.time)) return rejected('accounts.notVerified', { account });
  return market.rules.isBarred(account) ? rejected('market.barred', { account }) : undefined;
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
  let validFrom = 0;
  if (operation.validFrom !== undefined) {
    validFrom = parseTime(operation.validFrom) ?? 0;
    if (validFrom >= expiresAt) return rejected('market.validFromTooLate');
    // What is valid already comes in at once.
    if (validFrom <= context.marketTime) validFrom = 0;
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
    validFrom,
  });
}

/** SPEC market 1: the book that an order is for, opened if it is the first, or why there is none. */
function bookFor(
  market: MarketState,
  context: OperationContext,
  { mechanism = 'continuous', fromZone, toZone, interval }: OperationOf<'market.placeOrder'>,
): Book | RejectedOutcome {
  const recent = market.recentBook({ mechanism, fromZone, toZone, interval }, context.marketTime);
  if (recent !== undefined) return recent;
  const schedule = market.schedule(interval);
  const phase = phaseAt(schedule, context.marketTime);
  if (phase === 'over') return rejected('market.bookClosed');
  if (phase === 'none') return rejected('market.bookNotOpen');
  const name: BookName = { mechanism, phase, fromZone, toZone, interval };
  const cell = market.book(name);
  if (cell !== undefined) {
    const book = cell.extra;
    if (book === undefined || !market.isOpen(cell, context.marketTime)) return rejected('market.bookClosed');
    market.recent = cell;
    return book;
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
  const { account, book, isBid, expiresAt, waits } = own.row;
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
    timeInForce: waits?.timeInForce ?? 'GTC',
    // What is valid already comes in at once.
    validFrom: waits !== undefined && waits.validFrom > context.marketTime ? waits.validFrom : 0,
    expiresAt,
    expiresAtText: expiresAt === book.closesAt ? book.closesAtText : formatTime(expiresAt as Millis),
  });
}

/** SPEC market 2: an order that the rules and its account's money allow is escrowed, and comes in now or when it says. */
function enterOrder(market: MarketState, context: OperationContext, request: Request): RejectedOutcome | undefined {
  const { account, book, isBid, priceTicks, quantityWh, timeInForce, validFrom } = request;
  if (market.otherTerms(book) !== undefined) return rejected('market.repricing');
  const barrier = barrierOf(market, request);
  if (barrier !== undefined) return barrier;
  const entersAt = validFrom === 0 ? context.marketTime : validFrom;
  const refusal = refuseByRules(market.rules.at(entersAt), request, entersAt);
  if (refusal !== undefined) return refusal;
  if ((isBid ? priceTicks * 10 : book.terms.marginRate / 10) * quantityWh > ORDER_VALUE_MAX)
    return rejected('market.aboveMaximum');
  if (isBid && priceTicks <= book.wheelingTicks)
    return rejected('market.belowCharges', { wheeling: String(book.terms.wheeling) });
  const hold = book.holdOf(isBid, priceTicks, quantityWh, 0);
  const asset = book.escrowAsset(isBid);
  const own = market.accounts.balances.cellIn(market.escrowGroup(book, isBid), account);
  if ((own.value?.available ?? 0n) < hold)
    return rejected('accounts.insufficientBalance', { account, asset, needed: hold.toString() });
  const stop = market.rules.stopOf(book);
  if (stop === 'closed') return rejected('market.halted');
  const day = countByLimits(market, market.rules.at(context.marketTime), request);
  if (typeof day !== 'number') return day;

  const { events, operationId } = context;
  const order: Entering = { id: operationId, request, day };
  const approach = validFrom === 0 ? approachOf(market, context, order) : undefined;
  if (typeof approach === 'string') return rejected(approach);
  events.push({
    type: 'market.orderPlaced',
    order: operationId,
    account,
    side: isBid ? 'bid' : 'ask',
    mechanism: book.mechanism,
    phase: book.phase,
    fromZone: book.fromZone,
    toZone: book.toZone,
    interval: book.interval,
    priceTicks,
    quantityWh: quantityWh.toString(),
    timeInForce,
    expiresAt: request.expiresAtText,
    tariffVersion: book.terms.version,
  });
  if (approach === undefined) {
    events.push({ type: 'market.orderWaits', order: operationId, validFrom: formatTime(validFrom as Millis) });
    rest(market, order, quantityWh, 0, own, undefined);
  } else comeIn(market, context, order, approach);
  return undefined;
}

/** Why the network does not carry what an order is for. */
export function barrierOf({ network }: MarketState, { account, book, isBid }: Asked): RejectedOutcome | undefined {
  const { fromZone, toZone, interval, isSpot } = book;
  const way = network.wayOf(fromZone, toZone, interval);
  if (way === undefined) return rejected('market.zonePairClosed', { fromZone, toZone });
  // SPEC network 5.3: what was delivered is not restricted.
  const restricted = isSpot ? undefined : network.restrictionOn(fromZone, toZone, way.legs, interval, account, isBid);
  return restricted === undefined ? undefined : rejected('network.curtailed', restricted);
}

/** An order that is about to come in; what it may hold is available. */
export interface Entering {
  readonly id: string;
  readonly request: Request;
  readonly day: number;
}

/** How an order meets those that rest. */
interface Approach {
  readonly taker: Taker;
  readonly way: Way;
  readonly limitRank: number;
  readonly crosses: boolean;
  /** Of a continuous book in which orders do not meet for now. */
  readonly isHalted: boolean;
}

/** What an order would meet, or the code of what is in the way: looks, and changes nothing. */
export function approachOf(
  market: MarketState,
  context: BlockContext,
  { id, request }: Entering,
): Approach | 'market.fillOrKill' | 'market.blockFull' | 'market.bookFull' | 'market.halted' {
  const { account, book, isBid, priceTicks, quantityWh, timeInForce } = request;
  const isHalted = market.rules.stopOf(book) !== 'none';
  if (isFull(book)) return 'market.bookFull';
  if (isHalted && timeInForce !== 'GTC') return 'market.halted';
  const way = market.network.wayOf(book.fromZone, book.toZone, book.interval);
  assert(way !== undefined, 'an order comes in where the network carries it');
  const taker = new Taker(id, account, book, isBid, quantityWh, way);
  const other = isBid ? book.asks : book.bids;
  const limitRank = other.rankOf(isBid ? priceTicks - book.wheelingTicks : priceTicks + book.wheelingTicks);
  const best = book.isAuction ? undefined : other.best;
  const crosses = best !== undefined && best.rank <= limitRank;
  if (timeInForce === 'FOK') {
    const corridor = Corridor.of(market, context, book);
    if (!crosses || !canFill(market, context, taker, limitRank, corridor)) return 'market.fillOrKill';
  }
  if (crosses && !isHalted && market.meetingsLeft === 0) return 'market.blockFull';
  return { taker, way, limitRank, crosses, isHalted };
}

/** SPEC market 3: an order meets those that rest, and what is left of it rests or ends. */
export function comeIn(
  market: MarketState,
  context: BlockContext,
  order: Entering,
  { taker, way, limitRank, crosses, isHalted }: Approach,
): void {
  const { id, request, day } = order;
  const { account, book, isBid, priceTicks, quantityWh, timeInForce } = request;
  let [isOutOfMeetings, hasTripped] = [false, false];
  if (crosses && !isHalted) {
    const corridor = Corridor.of(market, context, book);
    isOutOfMeetings = !match(market, context, taker, limitRank, corridor);
    hasTripped = corridor?.close(market, context, book) === true;
  } else if (crosses) market.rules.hold(book);
  const own = market.accounts.balances.cellIn(market.escrowGroup(book, isBid), account);
  const { remainingWh, feeCarry } = taker;
  if (remainingWh > 0 && timeInForce === 'GTC' && !isOutOfMeetings)
    rest(market, order, remainingWh, feeCarry, own, taker);
  else {
    const cell = market.orders.cell(id);
    assert(cell.value === undefined, 'an operation id is used once');
    writeEscrow(market, own, taker, 0);
    market.setClosed(cell);
    uncount(market, { account, isBid, priceTicks, day }, remainingWh);
    const reason = remainingWh === 0 ? 'filled' : isOutOfMeetings ? 'matchLimit' : hasTripped ? 'halted' : 'immediate';
    context.events.push({ type: 'market.orderClosed', order: id, reason, remainingWh: remainingWh.toString() });
  }
  market.network.use(way.legs, book.interval, book.phase, quantityWh - remainingWh);
  writeSums(market, taker);
}

/** What is left of an order waits for others in its book, or for its time. */
function rest(
  market: MarketState,
  { id, request, day }: Entering,
  remainingWh: number,
  feeCarry: number,
  own: BalanceCell,
  taker: Taker | undefined,
): void {
  const { account, book, isBid, priceTicks, timeInForce, expiresAt, validFrom } = request;
  const cell = market.orders.cell(id);
  assert(cell.value === undefined, 'an operation id is used once');
  const held = book.holdOf(isBid, priceTicks, remainingWh, feeCarry);
  if (taker === undefined) market.accounts.move(own, -held, held);
  else writeEscrow(market, own, taker, held);
  const entry = market.nextEntry();
  const waits = taker === undefined ? { validFrom, timeInForce } : undefined;
  market.store.change(cell, {
    account,
    book,
    isBid,
    priceTicks,
    remainingWh,
    expiresAt,
    entry,
    feeCarry,
    held,
    day,
    waits,
    closed: 0,
  });
}
