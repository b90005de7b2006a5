import { assert } from './assert.js';

/** A share of something, in whole parts of a billion: 0 is none, 1,000,000,000 all. */
export const BILLION = 1_000_000_000;
export const BILLION_PARTS = 1_000_000_000n;

export const isShare = (parts: number): boolean => Number.isSafeInteger(parts) && parts >= 0 && parts <= BILLION;

/** floor(numerator / denominator) of what is not negative. */
export function quotient(numerator: bigint, denominator: bigint): bigint {
  assert(numerator >= 0n && denominator > 0n, 'a quotient is of what is not negative');
  return numerator / denominator;
}

/** The least whole number that is not below numerator / denominator. */
export const quotientUp = (numerator: bigint, denominator: bigint): bigint =>
  quotient(numerator + denominator - 1n, denominator);

/** The nearest whole number; a half goes up. */
export const quotientNearest = (numerator: bigint, denominator: bigint): bigint =>
  quotient(2n * numerator + denominator, 2n * denominator);

/** `parts` of an amount, rounded down. */
export const partOf = (amount: bigint, parts: number): bigint => quotient(amount * BigInt(parts), BILLION_PARTS);

/** The share that `part` is of `whole`, rounded down and at most all; of nothing it is none. */
export function shareOf(part: bigint, whole: bigint): number {
  if (whole <= 0n) return 0;
  return part >= whole ? BILLION : Number(quotient(part * BILLION_PARTS, whole));
}
