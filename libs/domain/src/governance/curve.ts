import { assert, BILLION, isShare, quotient, quotientUp } from '@gridtokenx/kernel';

/**
 * How large a share a referendum needs, by how much of its decision period has passed; both in parts of a billion. Each
 * kind falls, or stays, as time passes. A requirement is rounded up where it is not whole.
 */
export type Curve =
  /** From `ceil` down to `floor` at `length`, and so on to the end. */
  | { readonly kind: 'linear'; readonly length: number; readonly floor: number; readonly ceil: number }
  /** From `begin` by `step` at the end of each `period`, down to `end`. */
  | {
      readonly kind: 'stepped';
      readonly begin: number;
      readonly end: number;
      readonly step: number;
      readonly period: number;
    }
  /** factor / (x + xOffset) + yOffset; all in parts of a billion, the factor not negative, yOffset of any sign. */
  | { readonly kind: 'reciprocal'; readonly factor: number; readonly xOffset: number; readonly yOffset: number };

const BILLION_PARTS = 1_000_000_000n;

/** What a parameter file may hold. */
export function isCurve(curve: Curve): boolean {
  switch (curve.kind) {
    case 'linear':
      return [curve.length, curve.floor, curve.ceil].every(isShare) && curve.length > 0 && curve.floor <= curve.ceil;
    case 'stepped':
      return (
        [curve.begin, curve.end, curve.step, curve.period].every(isShare) &&
        curve.period > 0 &&
        curve.end <= curve.begin
      );
    case 'reciprocal': {
      const { factor, xOffset, yOffset } = curve;
      return [factor, xOffset, yOffset].every(Number.isSafeInteger) && factor >= 0 && xOffset > 0;
    }
  }
}

const clamped = (parts: bigint): number => (parts <= 0n ? 0 : parts >= BILLION_PARTS ? BILLION : Number(parts));

/** SPEC governance 2.1: the share needed when `elapsed` of the decision period has passed. */
export function threshold(curve: Curve, elapsed: number): number {
  assert(isCurve(curve), 'a curve is made of parameters that were checked');
  assert(isShare(elapsed), 'what has passed of a period is a share of it');
  switch (curve.kind) {
    case 'linear': {
      const { length, floor, ceil } = curve;
      const fallen = quotient(BigInt(ceil - floor) * BigInt(Math.min(elapsed, length)), BigInt(length));
      return ceil - Number(fallen);
    }
    case 'stepped': {
      const { begin, end, step, period } = curve;
      return Math.max(end, begin - step * Math.floor(elapsed / period));
    }
    case 'reciprocal': {
      const { factor, xOffset, yOffset } = curve;
      const above = quotientUp(BigInt(factor) * BILLION_PARTS, BigInt(elapsed) + BigInt(xOffset));
      return clamped(above + BigInt(yOffset));
    }
  }
}

/** SPEC governance 2.2: the least share of the decision period after which `share` is enough; `undefined` when it never is. */
export function enoughFrom(curve: Curve, share: number): number | undefined {
  assert(isCurve(curve), 'a curve is made of parameters that were checked');
  assert(isShare(share), 'who votes are a share of all');
  switch (curve.kind) {
    case 'linear': {
      const { length, floor, ceil } = curve;
      if (share < floor) return undefined;
      return share >= ceil ? 0 : Number(quotientUp(BigInt(ceil - share) * BigInt(length), BigInt(ceil - floor)));
    }
    case 'stepped': {
      const { begin, end, step, period } = curve;
      if (share < end) return undefined;
      if (share >= begin) return 0;
      if (step === 0) return undefined;
      return within(BigInt(Math.ceil((begin - share) / step)) * BigInt(period));
    }
    case 'reciprocal': {
      const { factor, xOffset, yOffset } = curve;
      if (share === BILLION) return 0;
      const room = BigInt(share) - BigInt(yOffset);
      if (room < 0n || (room === 0n && factor > 0)) return undefined;
      if (room === 0n) return 0;
      return within(quotientUp(BigInt(factor) * BILLION_PARTS, room) - BigInt(xOffset));
    }
  }
}

const within = (elapsed: bigint): number | undefined =>
  elapsed > BILLION_PARTS ? undefined : elapsed < 0n ? 0 : Number(elapsed);

/**
 * SPEC governance 2.3: the reciprocal curve from `ceil` at the start through `level` at `delay` to `floor` at the end, up to rounding; all in
 * parts of a billion. `undefined` when there is none: the level lies strictly between floor and ceil, and below the straight line.
 */
export function reciprocalThrough({
  delay,
  level,
  floor,
  ceil,
}: {
  readonly delay: number;
  readonly level: number;
  readonly floor: number;
  readonly ceil: number;
}): Curve | undefined {
  if (![delay, level, floor, ceil].every(isShare) || delay === 0 || delay === BILLION) return undefined;
  if (!(floor < level && level < ceil)) return undefined;
  // With a = ceil - floor and b = ceil - level, three equations give xOffset = delay (a - b) / (b - a delay),
  // factor = a xOffset (1 + xOffset) and yOffset = ceil - a (1 + xOffset).
  const [d, a, b] = [BigInt(delay), BigInt(ceil - floor), BigInt(ceil - level)];
  const below = b * BILLION_PARTS - a * d;
  if (below <= 0n) return undefined;
  const xOffset = (d * (a - b) * BILLION_PARTS) / below;
  const spread = quotient(a * (BILLION_PARTS + xOffset), BILLION_PARTS);
  const curve: Curve = {
    kind: 'reciprocal',
    factor: Number(quotient(spread * xOffset, BILLION_PARTS)),
    xOffset: Number(xOffset),
    yOffset: ceil - Number(spread),
  };
  return isCurve(curve) ? curve : undefined;
}
