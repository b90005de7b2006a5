import type { Fraction } from '@gridtokenx/protocol';

/**
 * SPEC market 4.2: the fee on an order is floor(fee on its cumulative notional). What that floor leaves over, in parts of
 * the denominator, is all one must remember of the past: fee so far + this = floor((carry + notional x share) / ...).
 * All results are exact: a quotient of safe integers rounds down correctly in a double.
 */
export function feeOf({ numerator, denominator }: Fraction, carry: number, notional: number): number {
  const whole = Math.floor(notional / denominator);
  return whole * numerator + Math.floor(partOf(numerator, carry, notional - whole * denominator) / denominator);
}

export function carryOf({ numerator, denominator }: Fraction, carry: number, notional: number): number {
  return partOf(numerator, carry, notional % denominator) % denominator;
}

/** Safe, because a fraction for which it would not be is none (SPEC tariffs 3.3). */
const partOf = (numerator: number, carry: number, rest: number): number => carry + rest * numerator;
