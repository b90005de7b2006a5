import { expect, it } from '@jest/globals';
import { difference, percentile, slopeOf } from './statistics.js';

it('takes the rate from the line through the blocks, wherever the window begins and ends', () => {
  const blocks = Array.from({ length: 10 }, (_, i) => ({ atMs: 1_000 * i, operations: 2_500 }));
  expect(slopeOf(blocks)).toBeCloseTo(2_500);
  expect(slopeOf(blocks.slice(3, 7))).toBeCloseTo(2_500);
  expect(slopeOf([])).toBe(0);
  expect(slopeOf(blocks.slice(0, 1))).toBe(0);
});

it('takes a percentile of what came, and never of nothing', () => {
  const values = Array.from({ length: 100 }, (_, i) => 100 - i);
  expect([0.5, 0.99, 1].map((share) => percentile(values, share))).toEqual([51, 100, 100]);
  expect(percentile([], 0.5)).toBe(Number.POSITIVE_INFINITY);
});

it('tells the growth of those that are still there', () => {
  expect(difference({ ledger: 12, late: 1 }, { ledger: 2, gone: 7 }, 10)).toEqual({ ledger: 1, late: 0.1 });
});
