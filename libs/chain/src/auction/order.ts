import type { MarginalRule } from '@gridtokenx/protocol';

export interface AuctionOrder {
  readonly id: string;
  readonly account: string;
  /** Whole ticks of 0.01 THB/kWh: the most that a bid pays for energy, wheeling taken off, or the least that an ask takes. */
  readonly limitTicks: number;
  /** A safe integer from 1. */
  readonly quantityWh: number;
  /** Place in time: lower is earlier. No two orders of a side have the same. */
  readonly entry: number;
}

export interface AuctionTerms {
  /** SPEC auction 4.2, 4.3 */
  readonly rule: MarginalRule;
  /** What may change hands at most; without it there is no such bound. */
  readonly capWh?: bigint;
}

export interface AuctionFill {
  readonly bid: AuctionOrder;
  readonly ask: AuctionOrder;
  readonly quantityWh: number;
}

/** Prices at which nobody accepted loses and nobody rejected gains; an end that is not there is open. */
export interface PriceInterval {
  readonly low?: number;
  readonly high?: number;
}

export interface Clearing {
  /** The greatest volume that one price can bring about, the cap aside. */
  readonly matchableWh: bigint;
  /** What changes hands. */
  readonly volumeWh: bigint;
  readonly interval: PriceInterval;
  /** Without volume an indication that nobody trades at, or absent when neither side has an order. */
  readonly priceTicks?: number;
  /** The account whose own orders bind, if there is one: SPEC auction 2.3. */
  readonly dominant?: string;
  readonly fills: readonly AuctionFill[];
}

/** SPEC auction 1.3: best price first, then entry. */
export const comparePriority =
  (isBid: boolean) =>
  (a: AuctionOrder, b: AuctionOrder): number =>
    (isBid ? b.limitTicks - a.limitTicks : a.limitTicks - b.limitTicks) || a.entry - b.entry;

export const inPriority = (orders: readonly AuctionOrder[], isBid: boolean): AuctionOrder[] =>
  [...orders].sort(comparePriority(isBid));

export const least = (first: bigint, ...others: readonly bigint[]): bigint => {
  let result = first;
  for (const other of others) if (other < result) result = other;
  return result;
};
