import { assert } from '@gridtokenx/kernel';

/** SPEC consensus 1.1: how many of n validators may lie without harm. */
export const faultsTolerated = (n: number): number => Math.floor((n - 1) / 3);

/**
 * SPEC consensus 1.2: q = floor((n + f) / 2) + 1, so that two quorums share at least f + 1 validators, one of them honest.
 * 4 -> 3, 7 -> 5, 21 -> 14, 100 -> 67. (2f + 1 would be 13 of 21: two quorums could share only liars.)
 */
export function quorumOf(n: number): number {
  // Of nobody, the formula gives 0: a certificate without signatures would be valid.
  assert(Number.isInteger(n) && n >= 1, 'a validator set has members');
  return Math.floor((n + faultsTolerated(n)) / 2) + 1;
}
