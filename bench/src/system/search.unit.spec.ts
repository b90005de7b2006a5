import { describe, expect, it } from '@jest/globals';
import { nextRate, type Tried } from './search.js';

/** The rates that a system which holds at most `limit` is offered. */
function offeredTo(limit: number, first: number): number[] {
  const tried: Tried[] = [];
  for (let rate = nextRate(first, tried); rate !== undefined; rate = nextRate(first, tried))
    tried.push({ rate, sustained: rate <= limit });
  return tried.map(({ rate }) => rate);
}

describe('the search for saturation', () => {
  it('climbs until it is too much, then looks in between', () => {
    expect(offeredTo(5_000, 2_500)).toEqual([2_500, 4_000, 6_400, 5_100]);
  });

  it('goes down where the first rate was too much', () => {
    expect(offeredTo(700, 2_500)).toEqual([2_500, 1_600, 1_000, 630, 790]);
  });

  it('gives up where nothing is held', () => {
    const offered = offeredTo(0, 1_000);
    expect(Math.min(...offered)).toBeGreaterThan(40);
    expect(offered.length).toBeLessThan(8);
  });
});
