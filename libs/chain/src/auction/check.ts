import { accept } from './accept.js';
import { cappedVolume, priceIn } from './clear.js';
import { crossingOf } from './ladder.js';
import { comparePriority, type AuctionOrder, type AuctionTerms, type Clearing } from './order.js';

export type ClearingFaultCode =
  | 'auction.badOrder'
  | 'auction.notInPriority'
  | 'auction.unknownOrder'
  | 'auction.badQuantity'
  | 'auction.ownOrders'
  | 'auction.acceptedLoses'
  | 'auction.overfilled'
  | 'auction.wrongVolume'
  | 'auction.wrongInterval'
  | 'auction.wrongPrice'
  | 'auction.rejectedGains'
  | 'auction.wrongShare';

/** `about` names the order; it is empty where the fault is of the whole. */
export interface ClearingFault {
  readonly code: ClearingFaultCode;
  readonly about: string;
}

/** What is claimed of a clearing; fills by the ids of their orders. */
export interface ClaimedClearing extends Omit<Clearing, 'fills'> {
  readonly fills: readonly { readonly bid: string; readonly ask: string; readonly quantityWh: number }[];
}

const fault = (code: ClearingFaultCode, about = ''): ClearingFault => ({ code, about });

/**
 * SPEC auction 6.1: what is wrong with a clearing, if anything, from the orders in priority order and the claim alone. Linear,
 * but for sorting the remainders of one level (4.3).
 */
export function checkClearing(
  bids: readonly AuctionOrder[],
  asks: readonly AuctionOrder[],
  terms: AuctionTerms,
  claim: ClaimedClearing,
): ClearingFault | undefined {
  return (
    checkSide(bids, true) ??
    checkSide(asks, false) ??
    checkCrossing(bids, asks, terms, claim) ??
    checkFills(bids, asks, terms, claim)
  );
}

function checkSide(orders: readonly AuctionOrder[], isBid: boolean): ClearingFault | undefined {
  const compare = comparePriority(isBid);
  const ids = new Set<string>();
  for (const [at, order] of orders.entries()) {
    const { id, limitTicks, quantityWh, entry } = order;
    if (![limitTicks, quantityWh, entry].every(Number.isSafeInteger) || quantityWh < 1 || ids.has(id))
      return fault('auction.badOrder', id);
    ids.add(id);
    const before = orders[at - 1];
    if (before !== undefined && compare(before, order) >= 0) return fault('auction.notInPriority', id);
  }
  return undefined;
}

/** That the volume is the greatest there is, and the price where it should be. */
function checkCrossing(
  bids: readonly AuctionOrder[],
  asks: readonly AuctionOrder[],
  { capWh }: AuctionTerms,
  { matchableWh, volumeWh, interval, priceTicks, dominant }: ClaimedClearing,
): ClearingFault | undefined {
  const crossing = crossingOf(bids, asks);
  if (matchableWh !== crossing.matchableWh || volumeWh !== cappedVolume(matchableWh, capWh))
    return fault('auction.wrongVolume');
  if (interval.low !== crossing.interval.low || interval.high !== crossing.interval.high)
    return fault('auction.wrongInterval');
  if (dominant !== crossing.dominant) return fault('auction.ownOrders', dominant ?? crossing.dominant);
  return priceTicks === priceIn(interval) ? undefined : fault('auction.wrongPrice');
}

/** That those who trade are the right ones, and nobody with himself. */
function checkFills(
  bids: readonly AuctionOrder[],
  asks: readonly AuctionOrder[],
  { rule }: AuctionTerms,
  { matchableWh, volumeWh, priceTicks = 0, fills }: ClaimedClearing,
): ClearingFault | undefined {
  const [bidsById, asksById] = [new Map(bids.map((bid) => [bid.id, bid])), new Map(asks.map((ask) => [ask.id, ask]))];
  const [bought, sold] = [new Map<string, number>(), new Map<string, number>()];
  let sum = 0n;
  /** Who is a party of every fill so far: only its orders may go without. */
  let parties: readonly string[] | undefined;
  for (const { bid: bidId, ask: askId, quantityWh } of fills) {
    const [bid, ask] = [bidsById.get(bidId), asksById.get(askId)];
    if (bid === undefined) return fault('auction.unknownOrder', bidId);
    if (ask === undefined) return fault('auction.unknownOrder', askId);
    if (!Number.isSafeInteger(quantityWh) || quantityWh < 1) return fault('auction.badQuantity', bidId);
    if (bid.account === ask.account) return fault('auction.ownOrders', bidId);
    if (bid.limitTicks < priceTicks) return fault('auction.acceptedLoses', bidId);
    if (ask.limitTicks > priceTicks) return fault('auction.acceptedLoses', askId);
    const [boughtWh, soldWh] = [(bought.get(bidId) ?? 0) + quantityWh, (sold.get(askId) ?? 0) + quantityWh];
    if (boughtWh > bid.quantityWh) return fault('auction.overfilled', bidId);
    if (soldWh > ask.quantityWh) return fault('auction.overfilled', askId);
    bought.set(bidId, boughtWh);
    sold.set(askId, soldWh);
    sum += BigInt(quantityWh);
    const both = [bid.account, ask.account];
    parties = parties === undefined ? both : parties.filter((account) => both.includes(account));
  }
  if (sum !== volumeWh) return fault('auction.wrongVolume');

  if (volumeWh === matchableWh && volumeWh > 0n) {
    const goesWithout = (order: AuctionOrder, filled: number | undefined): boolean =>
      order.limitTicks !== priceTicks && filled !== order.quantityWh && !(parties ?? []).includes(order.account);
    for (const bid of bids) {
      if (bid.limitTicks <= priceTicks) break;
      if (goesWithout(bid, bought.get(bid.id))) return fault('auction.rejectedGains', bid.id);
    }
    for (const ask of asks) {
      if (ask.limitTicks >= priceTicks) break;
      if (goesWithout(ask, sold.get(ask.id))) return fault('auction.rejectedGains', ask.id);
    }
  }
  const accepted = accept(bids, asks, priceTicks, volumeWh, rule);
  for (const { order, quantityWh } of accepted.bids)
    if ((bought.get(order.id) ?? 0) !== quantityWh) return fault('auction.wrongShare', order.id);
  for (const { order, quantityWh } of accepted.asks)
    if ((sold.get(order.id) ?? 0) !== quantityWh) return fault('auction.wrongShare', order.id);
  return undefined;
}
