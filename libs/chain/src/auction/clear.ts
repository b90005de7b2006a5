import { accept } from './accept.js';
import { crossingOf } from './ladder.js';
import { inPriority, least, type AuctionOrder, type AuctionTerms, type Clearing, type PriceInterval } from './order.js';
import { pair } from './pair.js';

/**
 * SPEC auction: what comes of a book at one price. The same for the same orders in whatever order they are handed over.
 * O(n log n) in the number of orders, with at most twice as many fills.
 */
export function clearAuction(
  bids: readonly AuctionOrder[],
  asks: readonly AuctionOrder[],
  { rule, capWh }: AuctionTerms,
): Clearing {
  const [sortedBids, sortedAsks] = [inPriority(bids, true), inPriority(asks, false)];
  const crossing = crossingOf(sortedBids, sortedAsks);
  const priceTicks = priceIn(crossing.interval);
  const volumeWh = cappedVolume(crossing.matchableWh, capWh);
  return {
    ...crossing,
    ...(priceTicks !== undefined && { priceTicks }),
    volumeWh,
    fills:
      priceTicks === undefined || volumeWh === 0n
        ? []
        : pair(accept(sortedBids, sortedAsks, priceTicks, volumeWh, rule)),
  };
}

/** SPEC auction 3.4: floor of the middle; with one side open the other end. */
export function priceIn({ low, high }: PriceInterval): number | undefined {
  return low === undefined || high === undefined ? (low ?? high) : Math.floor((low + high) / 2);
}

/** SPEC auction 2.4 */
export const cappedVolume = (matchableWh: bigint, capWh: bigint | undefined): bigint =>
  capWh === undefined ? matchableWh : least(matchableWh, capWh);
