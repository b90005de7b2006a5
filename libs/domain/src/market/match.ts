import type { BlockContext } from '../ledger/module.js';
import { closeOrder, stopReason } from './close-order.js';
import type { Corridor } from './rules/breaker.js';
import { MEETINGS_PER_ORDER_MAX, type MarketState, type OpenOrder, type OrderNode } from './state.js';
import { trade, type Taker } from './trade.js';

/** SPEC market 3.5: whether enough crosses to fill the order whole; looks, and changes nothing. */
export function canFill(
  market: MarketState,
  { time, marketTime }: BlockContext,
  taker: Taker,
  limitRank: number,
  corridor: Corridor | undefined,
): boolean {
  const side = taker.isBid ? taker.book.asks : taker.book.bids;
  let missing = taker.remainingWh;
  if (missing > taker.capacityWh) return false;
  let meetings = Math.min(MEETINGS_PER_ORDER_MAX, market.meetingsLeft);
  for (let level = side.best; level !== undefined && level.rank <= limitRank; level = side.levelFrom(level.rank + 1)) {
    for (let node = level.head; node !== undefined; node = node.next) {
      if (meetings-- === 0) return false;
      const { row } = node;
      if (row.account === taker.account || row.expiresAt <= marketTime || isStopped(node, time)) continue;
      if (corridor?.admits(priceOf(taker, row)) === false) return false;
      missing -= row.remainingWh;
      if (missing <= 0) return true;
    }
  }
  return false;
}

/** SPEC market-rules 7.3: whether the account of an order may not trade any more. */
export const isStopped = (node: OrderNode, time: number): boolean =>
  node.owner !== undefined && node.owner.endsAt <= time;

/** SPEC market 3.2: of the energy: the resting ask's, or the resting bid's less the wheeling. */
const priceOf = ({ isBid, book }: Taker, row: OpenOrder): number =>
  isBid ? row.priceTicks : row.priceTicks - book.wheelingTicks;

/**
 * SPEC market 3.1-3.4: meets resting orders in price-time order, from the best, as far as the limit goes. False when it has met as
 * many as it may.
 */
export function match(
  market: MarketState,
  context: BlockContext,
  taker: Taker,
  limitRank: number,
  corridor: Corridor | undefined,
): boolean {
  const { account, book, isBid } = taker;
  const side = isBid ? book.asks : book.bids;
  const allowed = Math.min(MEETINGS_PER_ORDER_MAX, market.meetingsLeft);
  let meetings = allowed;
  try {
    for (let level = side.best; level !== undefined && level.rank <= limitRank;) {
      const { rank } = level;
      for (let node = level.head; node !== undefined && taker.isHungry;) {
        if (meetings === 0) return false;
        meetings--;
        // A filled order leaves the level, and its link with it.
        const { next, cell, row }: OrderNode = node;
        if (row.account !== account) {
          if (row.expiresAt <= context.marketTime) closeOrder(market, context.events, cell, 'expired');
          else if (isStopped(node, context.time)) closeOrder(market, context.events, cell, stopReason(market, row));
          else {
            const priceTicks = priceOf(taker, row);
            if (corridor?.admits(priceTicks) === false) return true;
            const quantityWh = Math.min(taker.remainingWh, row.remainingWh, taker.capacityWh);
            const left = trade(market, context, taker, cell, row, priceTicks, quantityWh);
            if (left === 0) market.fill(cell, context.events);
          }
        }
        node = next;
      }
      if (!taker.isHungry) return true;
      level = side.levelFrom(rank + 1);
    }
    return true;
  } finally {
    market.meetingsLeft -= allowed - meetings;
  }
}
