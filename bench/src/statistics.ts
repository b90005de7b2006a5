/** Sums, shares and lines through points, as bench/README.md defines the figures. */

export const rounded = (value: number, digits = 2): number => Number(value.toFixed(digits));

export const sumOf = (record: Readonly<Record<string, number>>): number =>
  Object.values(record).reduce((a, b) => a + b, 0);

export const roundedEach = (record: Readonly<Record<string, number>>, digits = 0): Record<string, number> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, rounded(value, digits)]));

/** Of each name, how much it grew in a second. */
export const difference = (
  after: Readonly<Record<string, number>>,
  before: Readonly<Record<string, number>>,
  seconds: number,
): Record<string, number> =>
  roundedEach(
    Object.fromEntries(Object.entries(after).map(([name, value]) => [name, (value - (before[name] ?? 0)) / seconds])),
    2,
  );

/** Infinity when there is nothing: what never came is later than anything. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.POSITIVE_INFINITY;
}

export const median = (values: readonly number[]): number => percentile(values, 0.5);

/**
 * Operations a second as the slope of the line through (instant, operations so far): blocks come a second apart, so a
 * count between two instants would be off by a block.
 */
export function slopeOf(steps: readonly { readonly atMs: number; readonly operations: number }[]): number {
  let sum = 0;
  const points = steps.map(({ atMs, operations }) => ({ x: atMs / 1000, y: (sum += operations) }));
  const mean = (of: (point: { x: number; y: number }) => number): number =>
    points.reduce((total, point) => total + of(point), 0) / points.length;
  const [x, y] = [mean((point) => point.x), mean((point) => point.y)];
  const spread = mean((point) => (point.x - x) ** 2);
  return spread > 0 ? mean((point) => (point.x - x) * (point.y - y)) / spread : 0;
}
