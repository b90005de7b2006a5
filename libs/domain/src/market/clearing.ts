import {
  clearAuction,
  curveOf,
  publishedCurve,
  type AuctionFill,
  type AuctionOrder,
  type AuctionTerms,
  type Clearing,
} from '@gridtokenx/chain';
import { assert } from '@gridtokenx/kernel';
import { AUCTION_ORDERS_MAX } from '@gridtokenx/protocol';
import type { HookContext } from '../ledger/module.js';
import type { Book } from './book.js';
import { NO_LEGS, type Way } from '../network/capacity.js';
import { closeOrder, stopReason, type CloseReason } from './close-order.js';
import { isStopped } from './match.js';
import type { Side } from './side.js';
import { isOpenOrder, type MarketState, type OpenOrder, type OrderCell, type OrderNode } from './state.js';
import { Taker, trade, writeEscrow, writeSums } from './trade.js';

/** Fills of one bid that are settled at once; then its escrow is right again, and an outcome may end. */
const FILLS_AT_ONCE = 100;
/** Fills that are told in one outcome, or some {@link FILLS_AT_ONCE} more. */
const FILLS_PER_OUTCOME = 500;

/** Between zones whose pair was closed meanwhile. */
const NO_WAY: Way = { legs: NO_LEGS, route: '', leftWh: 0 };

/** SPEC market 8.1: whether an auction book has as many orders as one block clears. */
export const isFull = ({ isAuction, bids, asks, waiting }: Book): boolean =>
  isAuction && bids.count + asks.count + waiting.size >= AUCTION_ORDERS_MAX;

/**
 * SPEC market 8: orders of a book meet at one price, and what they trade is settled as any trade is. Of an auction book all take
 * part; of a continuous one, which reopens, the best that cross. Takes an entry for each of them, as far as there are any.
 */
export function clearBook(market: MarketState, context: HookContext, book: Book): Clearing {
  const [bids, asks] = ordersOf(market, context, book);
  const { fromZone, toZone, interval, phase } = book;
  const way = market.network.wayOf(fromZone, toZone, interval) ?? NO_WAY;
  const terms: AuctionTerms = {
    rule: market.rules.versions.ofInterval(interval).auction.marginal,
    ...(fromZone !== toZone && { capWh: BigInt(way.leftWh) }),
  };
  const clearing = clearAuction(bids, asks, terms);
  tell(context, book, terms, clearing, bids, asks);
  settle(market, context, book, clearing, way);
  market.network.use(way.legs, interval, phase, way.legs.length === 0 ? 0 : Number(clearing.volumeWh));
  for (let left = Math.min(bids.length + asks.length, context.entriesLeft); left > 0; left--) context.worked();
  return clearing;
}

/** SPEC market 8.2: who takes part, in priority. */
function ordersOf(
  market: MarketState,
  context: HookContext,
  book: Book,
): readonly [bids: AuctionOrder[], asks: AuctionOrder[]] {
  const { bids, asks, isAuction, wheelingTicks } = book;
  const most = isAuction ? AUCTION_ORDERS_MAX : AUCTION_ORDERS_MAX / 2;
  const bestOf = (side: Side): number => firstAlive(market, context, side)?.priceTicks ?? Number.NaN;
  const [lowest, highest] = isAuction ? [-Infinity, Infinity] : [bestOf(asks), bestOf(bids) - wheelingTicks];
  return [
    collect(
      market,
      context,
      bids,
      most,
      ({ priceTicks }) => priceTicks - wheelingTicks,
      (limit) => limit >= lowest,
    ),
    collect(
      market,
      context,
      asks,
      most,
      ({ priceTicks }) => priceTicks,
      (limit) => limit <= highest,
    ),
  ];
}

/** Why an order does not take part; what lasts as long as its book takes part in its end. */
function endOf(market: MarketState, { time, marketTime }: HookContext, node: OrderNode): CloseReason | undefined {
  const { book, expiresAt } = node.row;
  if (expiresAt <= marketTime && expiresAt < book.closesAt) return 'expired';
  return isStopped(node, time) ? stopReason(market, node.row) : undefined;
}

/** The best order of a side that takes part; those before it end. */
function firstAlive(market: MarketState, context: HookContext, side: Side): OpenOrder | undefined {
  for (let node = side.best?.head; node !== undefined; node = side.best?.head) {
    const end = endOf(market, context, node);
    if (end === undefined) return node.row;
    closeOrder(market, context.events, node.cell, end);
  }
  return undefined;
}

/** In priority, from the best on, as long as they are wanted; others end instead. */
function collect(
  market: MarketState,
  context: HookContext,
  side: Side,
  most: number,
  limitOf: (row: OpenOrder) => number,
  isWanted: (limitTicks: number) => boolean,
): AuctionOrder[] {
  const orders: AuctionOrder[] = [];
  for (let level = side.best; level !== undefined;) {
    const { rank } = level;
    for (let node = level.head; node !== undefined;) {
      const { cell, row, next } = node;
      const limitTicks = limitOf(row);
      if (orders.length === most || !isWanted(limitTicks)) return orders;
      const end = endOf(market, context, node);
      if (end !== undefined) closeOrder(market, context.events, cell, end);
      else
        orders.push({
          id: cell.key,
          account: row.account,
          limitTicks,
          quantityWh: row.remainingWh,
          entry: orders.length,
        });
      node = next;
    }
    level = side.levelFrom(rank + 1);
  }
  return orders;
}

/** SPEC market 8.4: what was cleared, by which anyone who has the orders can check it. */
function tell(
  context: HookContext,
  book: Book,
  { rule, capWh }: AuctionTerms,
  { matchableWh, volumeWh, interval, priceTicks, dominant, fills }: Clearing,
  bids: readonly AuctionOrder[],
  asks: readonly AuctionOrder[],
): void {
  const { mechanism, phase, fromZone, toZone, interval: delivery } = book;
  context.events.push({
    type: 'market.cleared',
    mechanism,
    phase,
    fromZone,
    toZone,
    interval: delivery,
    marginal: rule,
    ...(capWh !== undefined && { capWh: capWh.toString() }),
    bids: bids.length,
    asks: asks.length,
    matchableWh: matchableWh.toString(),
    volumeWh: volumeWh.toString(),
    ...(interval.low !== undefined && { lowTicks: interval.low }),
    ...(interval.high !== undefined && { highTicks: interval.high }),
    ...(priceTicks !== undefined && { priceTicks }),
    ...(dominant !== undefined && { dominant }),
    trades: fills.length,
    demand: publishedCurve(curveOf(bids)),
    supply: publishedCurve(curveOf(asks)),
  });
}

/** SPEC market 8.3: bid by bid, as if each came in anew and met its asks at the price. */
function settle(
  market: MarketState,
  context: HookContext,
  book: Book,
  { fills, priceTicks }: Clearing,
  way: Way,
): void {
  if (priceTicks === undefined) return;
  const ofBids = new Map<string, AuctionFill[]>();
  for (const fill of fills) {
    const ofBid = ofBids.get(fill.bid.id);
    if (ofBid === undefined) ofBids.set(fill.bid.id, [fill]);
    else ofBid.push(fill);
  }
  let untold = 0;
  for (const [bid, ofBid] of ofBids)
    for (let at = 0; at < ofBid.length; at += FILLS_AT_ONCE) {
      const now = ofBid.slice(at, at + FILLS_AT_ONCE);
      settleBid(market, context, book, market.orders.cell(bid), priceTicks, now, way);
      untold += now.length;
      if (untold < FILLS_PER_OUTCOME) continue;
      context.flush();
      untold = 0;
    }
}

function settleBid(
  market: MarketState,
  context: HookContext,
  book: Book,
  cell: OrderCell,
  priceTicks: number,
  fills: readonly AuctionFill[],
  way: Way,
): void {
  const row = openOf(cell);
  const own = market.holderOf(row);
  const taker = new Taker(cell.key, row.account, book, true, row.remainingWh, way);
  taker.feeCarry = row.feeCarry;
  market.accounts.move(own, row.held, -row.held);
  for (const { ask, quantityWh } of fills) {
    const other = market.orders.cell(ask.id);
    if (trade(market, context, taker, other, openOf(other), priceTicks, quantityWh) === 0)
      market.fill(other, context.events);
  }
  const { remainingWh, feeCarry } = taker;
  const held = remainingWh === 0 ? 0 : book.holdOf(true, row.priceTicks, remainingWh, feeCarry);
  writeEscrow(market, own, taker, held);
  writeSums(market, taker);
  if (remainingWh === 0) market.fill(cell, context.events);
  else market.store.change(cell, { ...row, remainingWh, feeCarry, held });
}

function openOf({ value }: OrderCell): OpenOrder {
  assert(isOpenOrder(value), 'an order that is cleared is open');
  return value;
}
