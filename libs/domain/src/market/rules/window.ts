import type { MarketRules } from '@gridtokenx/protocol';

type Breaker = NonNullable<MarketRules['breaker']>;

/** A window is looked at in so many steps and the one that has begun: it reaches back windowMs, and at most one step more. */
export const WINDOW_STEPS = 8;
const PARTS = 10_000;

/** Lowest and highest price of a book in the steps of a window, the newest first; 0 where nothing was traded. */
export interface WindowRow {
  readonly stepMs: number;
  /** The number of the newest step. */
  readonly step: number;
  readonly lows: readonly number[];
  readonly highs: readonly number[];
}

const stepOf = ({ windowMs }: Breaker): number => Math.ceil(windowMs / WINDOW_STEPS);

/** How far back in a window its first price lies that still counts; beyond its end when none does. */
const skipped = (row: WindowRow, breaker: Breaker, marketTime: number): number =>
  row.stepMs === stepOf(breaker) ? Math.floor(marketTime / row.stepMs) - row.step : WINDOW_STEPS + 1;

/** The lowest price that still counts; 0 for none. */
export function lowest(row: WindowRow | undefined, breaker: Breaker, marketTime: number): number {
  if (row === undefined) return 0;
  const last = WINDOW_STEPS - skipped(row, breaker, marketTime);
  let least = 0;
  for (let i = 0; i <= last; i++) {
    const low = row.lows[i] ?? 0;
    if (low !== 0 && (least === 0 || low < least)) least = low;
  }
  return least;
}

/** The highest price that still counts; 0 for none. */
export function highest(row: WindowRow | undefined, breaker: Breaker, marketTime: number): number {
  if (row === undefined) return 0;
  const last = WINDOW_STEPS - skipped(row, breaker, marketTime);
  let most = 0;
  for (let i = 0; i <= last; i++) most = Math.max(most, row.highs[i] ?? 0);
  return most;
}

/** SPEC market-rules 6.1: the highest price that is no more than the move above a lowest one. */
export const ceilingOf = ({ movePercent }: Breaker, low: number): number =>
  Math.floor((low * (PARTS + movePercent)) / PARTS);

/** The lowest price that is no more than the move below a highest one. */
export const floorOf = ({ movePercent }: Breaker, high: number): number =>
  Math.ceil((high * Math.max(0, PARTS - movePercent)) / PARTS);

/** The window after trades at these prices; the same object when nothing in it changes. */
export function withPrices(
  row: WindowRow | undefined,
  breaker: Breaker,
  marketTime: number,
  low: number,
  high: number,
): WindowRow {
  const stepMs = stepOf(breaker);
  const step = Math.floor(marketTime / stepMs);
  if (row?.stepMs !== stepMs) return { stepMs, step, lows: [low], highs: [high] };
  const gone = step - row.step;
  if (gone > 0) {
    const before = Math.max(0, WINDOW_STEPS - gone + 1);
    const empty = Array.from({ length: Math.min(gone, WINDOW_STEPS + 1) - 1 }, () => 0);
    return {
      stepMs,
      step,
      lows: trimmed([low, ...empty, ...row.lows.slice(0, before)]),
      highs: trimmed([high, ...empty, ...row.highs.slice(0, before)]),
    };
  }
  const [lowNow = 0, ...lows] = row.lows;
  const [highNow = 0, ...highs] = row.highs;
  if (lowNow <= low && highNow >= high) return row;
  return { stepMs, step, lows: [Math.min(lowNow, low), ...lows], highs: [Math.max(highNow, high), ...highs] };
}

/** Without the steps at its end in which nothing was traded, so that a window has one spelling. */
function trimmed(prices: readonly number[]): readonly number[] {
  let length = prices.length;
  while (length > 0 && prices[length - 1] === 0) length--;
  return prices.slice(0, length);
}
