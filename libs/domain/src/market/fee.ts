import { assert } from '@gridtokenx/kernel';

/** A part of a notional as a reduced fraction. */
export interface FeeShare {
  readonly numerator: number;
  readonly denominator: number;
}

function greatestCommonDivisor(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  return x;
}

/** `rate` and `share` in 0.0001 each. */
export function feeShareOf(rate: number, share: number): FeeShare {
  const product = rate * share;
  const divisor = greatestCommonDivisor(100_000_000, product);
  const [numerator, denominator] = [product / divisor, 100_000_000 / divisor];
  assert(numerator <= denominator, 'a fee is at most the whole notional');
  assert(Number.isSafeInteger(denominator * numerator + denominator), 'a fee share is computed in safe integers');
  return { numerator, denominator };
}

/**
 * SPEC market 4.2: the fee on an order is floor(fee on its cumulative notional). What that floor leaves over, in parts of
 * the denominator, is all one must remember of the past: fee so far + this = floor((carry + notional x share) / ...).
 * All results are exact: a quotient of safe integers rounds down correctly in a double.
 */
export function feeOf({ numerator, denominator }: FeeShare, carry: number, notional: number): number {
  const whole = Math.floor(notional / denominator);
  return whole * numerator + Math.floor(partOf(numerator, carry, notional - whole * denominator) / denominator);
}

export function carryOf({ numerator, denominator }: FeeShare, carry: number, notional: number): number {
  return partOf(numerator, carry, notional % denominator) % denominator;
}

/** Safe, because feeShareOf refused any share for which it would not be. */
const partOf = (numerator: number, carry: number, rest: number): number => carry + rest * numerator;
