import type { AuctionOrder } from './order.js';

/** A step of a curve: at this price, so much is bid at it or higher, or asked at it or lower. */
export interface CurveStep {
  readonly priceTicks: number;
  readonly wh: bigint;
}

/** The aggregated demand or supply of a side in priority order: a step for each price, from the best. */
export function curveOf(orders: readonly AuctionOrder[]): CurveStep[] {
  const steps: CurveStep[] = [];
  let wh = 0n;
  for (const [at, { limitTicks, quantityWh }] of orders.entries()) {
    wh += BigInt(quantityWh);
    if (orders[at + 1]?.limitTicks !== limitTicks) steps.push({ priceTicks: limitTicks, wh });
  }
  return steps;
}

/** SPEC auction 6.2: at most `most` of the steps, the first and the last among them, the others evenly spaced. */
export function thinned(steps: readonly CurveStep[], most: number): CurveStep[] {
  if (steps.length <= most) return [...steps];
  return Array.from({ length: most }, (_, k) => steps[Math.floor((k * (steps.length - 1)) / (most - 1))]).filter(
    (step) => step !== undefined,
  );
}
