import { BugError } from '@gridtokenx/kernel';
import { faultsTolerated, proposerOf, quorumOf } from '@gridtokenx/chain';
import { describe, expect, it } from '@jest/globals';

describe('a quorum', () => {
  it.each([
    [1, 1],
    [4, 3],
    [7, 5],
    [10, 7],
    [15, 10],
    [21, 14],
    [100, 67],
  ])('of %i validators is %i', (n, quorum) => {
    expect(quorumOf(n)).toBe(quorum);
  });

  it('of any set up to 1,000 shares an honest validator with every other, and exists without the faulty', () => {
    for (let n = 1; n <= 1_000; n++) {
      const [q, f] = [quorumOf(n), faultsTolerated(n)];
      expect(2 * q - n >= f + 1 && q <= n - f && 3 * f < n && 3 * (f + 1) >= n).toBe(true);
      // One less would be too few: this is the smallest such number.
      expect(2 * (q - 1) - n >= f + 1).toBe(false);
    }
  });

  it('of nobody is a bug, not zero', () => {
    for (const n of [0, -1, 1.5, Number.NaN]) expect(() => quorumOf(n)).toThrow(BugError);
  });
});

describe('the proposer', () => {
  it('goes around the set with height and round', () => {
    expect([0, 1, 2, 3, 4].map((round) => proposerOf(4, 10, round))).toEqual([2, 3, 0, 1, 2]);
  });
});
