import { epochOf, isLastOfEpoch } from '@gridtokenx/chain';
import { describe, expect, it } from '@jest/globals';

describe('an epoch', () => {
  it('begins right after the last height of the one before', () => {
    expect([1, 2, 3, 4, 5, 6, 7].map((height) => epochOf(height, 3))).toEqual([0, 0, 0, 1, 1, 1, 2]);
    for (let height = 1; height < 100; height++)
      expect(isLastOfEpoch(height, 7)).toBe(epochOf(height, 7) !== epochOf(height + 1, 7));
  });
});
