import { assert, formatTime, parseTime, unreachable, type Millis } from '@gridtokenx/kernel';
import {
  ORDER_WH_MIN,
  rejected,
  type EventOf,
  type LedgerEvent,
  type OperationOf,
  type OperationType,
  type RejectedOutcome,
  type TimeInForce,
} from '@gridtokenx/protocol';
import type { OperationContext } from '../ledger/module.js';
import { actsFor, isVerified } from '../registry/rights.js';
import { carryOf, feeOf } from './fee.js';
import type { Side } from './side.js';
import {
  bidHold,
  isOpenOrder,
  MEETINGS_PER_ORDER_MAX,
  ORDER_VALUE_MAX,
  type Book,
  type MarketState,
  type OpenOrder,
  type OrderCell,
  type OrderNode,
} from './state.js';

export const MARKET_OPERATIONS = ['market.placeOrder', 'market.cancelOrder', 'market.replaceOrder'] as const;
export type MarketOperation = OperationOf<(typeof MARKET_OPERATIONS)[number]>;
export type CloseReason = EventOf<'market.orderClosed'>['reason'];

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
  const { account, side, fromZone, toZone, interval, priceTicks, timeInForce } = operation;
  const refusal = refuseTrader(market, context, account, 'market.placeOrder');
  if (refusal !== undefined) return refusal;
  if (fromZone !== toZone) return refuseZonePair(market, fromZone, toZone);
  const cell = market.book(toZone, interval);
  if (cell === undefined)
    return market.registry.zones.has(toZone)
      ? rejected('market.bookNotOpen')
      : rejected('registry.unknownZone', { zone: toZone });
  const book = cell.extra;
  if (book === undefined || !market.isOpen(cell, context.marketTime)) return rejected('market.bookClosed');

  let { closesAt: expiresAt, closesAtText: expiresAtText } = book;
  if (operation.expiresAt !== undefined) {
    const asked = parseTime(operation.expiresAt) ?? 0;
    if (asked <= context.marketTime) return rejected('market.expiryInPast');
    if (asked < book.closesAt) [expiresAt, expiresAtText] = [asked, operation.expiresAt];
  }
  const quantityWh = Number(operation.quantityWh);
  const isBid = side === 'bid';
  return enterOrder(market, context, {
    account,
    book,
    isBid,
    priceTicks,
    quantityWh,
    timeInForce,
    expiresAt,
    expiresAtText,
  });
}

/** SPEC market 1.4: energy trades within one zone, until links between zones come. */
function refuseZonePair(market: MarketState, fromZone: string, toZone: string): RejectedOutcome {
  for (const zone of [fromZone, toZone])
    if (!market.registry.zones.has(zone)) return rejected('registry.unknownZone', { zone });
  return rejected('market.zonePairClosed', { fromZone, toZone });
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
  const cell = market.book(book.zone, book.interval);
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

/** Ends an open order outside of a trade: its escrow goes back to whom it belongs. */
export function closeOrder(market: MarketState, events: LedgerEvent[], cell: OrderCell, reason: CloseReason): void {
  const row = cell.value;
  assert(isOpenOrder(row), 'only an open order is closed');
  const counters = market.count();
  market.setCount({ ...counters, closed: counters.closed + 1 });
  releaseAndClose(market, events, cell, row, reason, counters.closed + 1);
}

function releaseAndClose(
  market: MarketState,
  events: LedgerEvent[],
  cell: OrderCell,
  row: OpenOrder,
  reason: CloseReason,
  closed: number,
): void {
  market.accounts.move(market.holderOf(row), row.held, -row.held);
  market.setClosed(cell, closed);
  events.push({ type: 'market.orderClosed', order: cell.key, reason, remainingWh: row.remainingWh.toString() });
}

/** SPEC market 3.5: whether enough crosses to fill the order whole; looks, and changes nothing. */
function canFill(side: Side, limitRank: number, request: Request, marketTime: number, meetingsLeft: number): boolean {
  let missing = request.quantityWh;
  let meetings = Math.min(MEETINGS_PER_ORDER_MAX, meetingsLeft);
  for (let level = side.best; level !== undefined && level.rank <= limitRank; level = side.levelFrom(level.rank + 1)) {
    for (let node = level.head; node !== undefined; node = node.next) {
      if (meetings-- === 0) return false;
      const { row } = node;
      if (row.account === request.account || row.expiresAt <= marketTime) continue;
      missing -= row.remainingWh;
      if (missing <= 0) return true;
    }
  }
  return false;
}

/** SPEC market 2, 3: escrow, matching, and what becomes of the rest. */
function enterOrder(market: MarketState, context: OperationContext, request: Request): RejectedOutcome | undefined {
  const { account, book, isBid, priceTicks, quantityWh, timeInForce } = request;
  const { accounts, tariff, store } = market;
  if (quantityWh < ORDER_WH_MIN) return rejected('market.belowMinimum');
  if (isBid && priceTicks * 10 * quantityWh > ORDER_VALUE_MAX) return rejected('market.aboveMaximum');
  const hold = isBid ? bidHold(tariff.buyerFee, 0, priceTicks, quantityWh) : quantityWh;
  const ownGroup = isBid ? market.watt : book.kwh;
  const available = ownGroup.get(account)?.value?.available ?? 0n;
  if (available < hold)
    return rejected('accounts.insufficientBalance', {
      account,
      asset: isBid ? 'WATT' : book.asset,
      needed: hold.toString(),
    });

  const side = isBid ? book.asks : book.bids;
  const limitRank = side.rankOf(priceTicks);
  const best = side.best;
  const crosses = best !== undefined && best.rank <= limitRank;
  if (timeInForce === 'FOK' && !(crosses && canFill(side, limitRank, request, context.marketTime, market.meetingsLeft)))
    return rejected('market.fillOrKill');
  if (crosses && market.meetingsLeft === 0) return rejected('market.blockFull');

  const { events, operationId } = context;
  events.push({
    type: 'market.orderPlaced',
    order: operationId,
    account,
    side: isBid ? 'bid' : 'ask',
    fromZone: book.zone,
    toZone: book.zone,
    interval: book.interval,
    priceTicks,
    quantityWh: quantityWh.toString(),
    timeInForce,
    expiresAt: request.expiresAtText,
    tariffVersion: tariff.version,
  });

  const counters = market.count();
  const matching: Matching = {
    remainingWh: quantityWh,
    feeCarry: 0,
    paid: 0,
    received: 0,
    fees: 0,
    trades: counters.trades,
    closed: counters.closed,
    outOfMeetings: false,
  };
  if (crosses) match(market, context, request, side, limitRank, matching);

  const { remainingWh, feeCarry } = matching;
  const rests = remainingWh > 0 && timeInForce === 'GTC' && !matching.outOfMeetings;
  let entry = counters.entries;
  const own = accounts.cell(account, isBid ? 'WATT' : book.asset);
  const cell = market.orders.cell(operationId);
  assert(cell.value === undefined, 'an operation id is used once');
  if (rests) {
    const held = isBid ? bidHold(tariff.buyerFee, feeCarry, priceTicks, remainingWh) : remainingWh;
    accounts.move(own, -matching.paid - held, held);
    const { expiresAt } = request;
    entry++;
    store.change(cell, { account, book, isBid, priceTicks, remainingWh, expiresAt, entry, feeCarry, held, closed: 0 });
  } else {
    if (matching.paid !== 0) accounts.move(own, -matching.paid, 0);
    market.setClosed(cell, ++matching.closed);
    const reason = remainingWh === 0 ? 'filled' : matching.outOfMeetings ? 'matchLimit' : 'immediate';
    events.push({ type: 'market.orderClosed', order: operationId, reason, remainingWh: remainingWh.toString() });
  }
  writeSums(market, request, matching);
  market.setCount({ trades: matching.trades, entries: entry, closed: matching.closed });
  return undefined;
}

/** What matching has come to so far: sums over the trades of one incoming order, written to its balances once. */
interface Matching {
  remainingWh: number;
  feeCarry: number;
  /** micro-WATT with fee of a bid, Wh of an ask. */
  paid: number;
  /** Wh of a bid, micro-WATT less fee of an ask. */
  received: number;
  fees: number;
  trades: number;
  closed: number;
  outOfMeetings: boolean;
}

/** Beyond this, sums are written and begun anew, so that they stay safe integers with one more trade on top. */
const SUM_MAX = ORDER_VALUE_MAX;

/** SPEC market 3.1-3.4: meets resting orders in price-time order, from the best, as far as the limit goes. */
function match(
  market: MarketState,
  context: OperationContext,
  request: Request,
  side: Side,
  limitRank: number,
  matching: Matching,
): void {
  const { account } = request;
  let meetings = Math.min(MEETINGS_PER_ORDER_MAX, market.meetingsLeft);
  const allowed = meetings;
  for (let level = side.best; level !== undefined && level.rank <= limitRank;) {
    const { rank } = level;
    for (let node = level.head; node !== undefined && matching.remainingWh > 0;) {
      if (meetings === 0) {
        matching.outOfMeetings = true;
        market.meetingsLeft -= allowed;
        return;
      }
      meetings--;
      // A filled order leaves the level, and its link with it.
      const { next, cell, row }: OrderNode = node;
      if (row.account !== account) {
        if (row.expiresAt <= context.marketTime)
          releaseAndClose(market, context.events, cell, row, 'expired', ++matching.closed);
        else {
          trade(market, context, request, matching, cell, row);
          if (matching.received > SUM_MAX || matching.fees > SUM_MAX) writeSums(market, request, matching);
        }
      }
      node = next;
    }
    if (matching.remainingWh === 0) break;
    level = side.levelFrom(rank + 1);
  }
  market.meetingsLeft -= allowed - meetings;
}

function writeSums({ accounts }: MarketState, { account, book, isBid }: Request, matching: Matching): void {
  if (matching.received !== 0) accounts.move(accounts.cell(account, isBid ? book.asset : 'WATT'), matching.received, 0);
  if (matching.fees !== 0) accounts.move(accounts.cell(book.operator, 'WATT'), matching.fees, 0);
  matching.received = 0;
  matching.fees = 0;
}

/** SPEC market 3.2, 4: one trade at the resting order's price; its money sums to zero over buyer, seller and operator. */
function trade(
  market: MarketState,
  context: OperationContext,
  { account, book, isBid }: Request,
  matching: Matching,
  cell: OrderCell,
  row: OpenOrder,
): void {
  const { accounts, tariff, store } = market;
  const { priceTicks } = row;
  const quantityWh = matching.remainingWh < row.remainingWh ? matching.remainingWh : row.remainingWh;
  const notional = priceTicks * 10 * quantityWh;
  const takerShare = isBid ? tariff.buyerFee : tariff.sellerFee;
  const makerShare = isBid ? tariff.sellerFee : tariff.buyerFee;
  const takerFee = feeOf(takerShare, matching.feeCarry, notional);
  const makerFee = feeOf(makerShare, row.feeCarry, notional);
  matching.feeCarry = carryOf(takerShare, matching.feeCarry, notional);
  const feeCarry = carryOf(makerShare, row.feeCarry, notional);
  matching.remainingWh -= quantityWh;
  matching.fees += takerFee + makerFee;
  matching.trades++;

  const remainingWh = row.remainingWh - quantityWh;
  let held: number;
  if (isBid) {
    matching.paid += notional + takerFee;
    matching.received += quantityWh;
    held = remainingWh;
    accounts.move(market.holderOf(row), 0, -quantityWh);
    accounts.move(accounts.balances.cellIn(market.watt, row.account), notional - makerFee, 0);
  } else {
    matching.paid += quantityWh;
    matching.received += notional - takerFee;
    held = bidHold(tariff.buyerFee, feeCarry, priceTicks, remainingWh);
    // What the hold can no longer be needed for is free again at once: the roundings of the fee.
    const released = row.held - held;
    accounts.move(market.holderOf(row), released - notional - makerFee, -released);
    accounts.move(accounts.balances.cellIn(book.kwh, row.account), quantityWh, 0);
  }

  const takerId = context.operationId;
  const makerId = cell.key;
  const takerLeft = matching.remainingWh.toString();
  const makerLeft = remainingWh.toString();
  context.events.push({
    type: 'market.traded',
    trade: matching.trades,
    bid: isBid ? takerId : makerId,
    ask: isBid ? makerId : takerId,
    buyer: isBid ? account : row.account,
    seller: isBid ? row.account : account,
    fromZone: book.zone,
    toZone: book.zone,
    interval: book.interval,
    priceTicks,
    quantityWh: quantityWh.toString(),
    notional: notional.toString(),
    buyerFee: (isBid ? takerFee : makerFee).toString(),
    sellerFee: (isBid ? makerFee : takerFee).toString(),
    feePayee: book.operator,
    tariffVersion: tariff.version,
    bidRemainingWh: isBid ? takerLeft : makerLeft,
    askRemainingWh: isBid ? makerLeft : takerLeft,
  });
  if (remainingWh === 0) {
    market.setClosed(cell, ++matching.closed);
    context.events.push({ type: 'market.orderClosed', order: makerId, reason: 'filled', remainingWh: '0' });
    return;
  }
  const { entry, expiresAt } = row;
  store.change(cell, {
    account: row.account,
    book,
    isBid: !isBid,
    priceTicks,
    remainingWh,
    expiresAt,
    entry,
    feeCarry,
    held,
    closed: 0,
  });
}
