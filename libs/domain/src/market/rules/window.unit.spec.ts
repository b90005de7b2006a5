import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ceilingOf, floorOf, highest, lowest, WINDOW_STEPS, withPrices, type WindowRow } from './window.js';

const breaker = { movePercent: 1_000, windowMs: 80_000, haltMs: 60_000 };
const STEP = 10_000;

describe('the window of a breaker', () => {
  it('has the lowest and highest price of its steps, whatever was traded', () => {
    const trade = fc.record({
      afterMs: fc.oneof(fc.integer({ min: 0, max: 3_000 }), fc.integer({ min: 0, max: 150_000 })),
      low: fc.integer({ min: 1, max: 1_000 }),
      more: fc.nat(100),
    });
    fc.assert(
      fc.property(fc.array(trade, { minLength: 1, maxLength: 60 }), (trades) => {
        let time = 1_780_000_123_456;
        let row: WindowRow | undefined;
        const told: { step: number; low: number; high: number }[] = [];
        for (const { afterMs, low, more } of trades) {
          time += afterMs;
          const now = Math.floor(time / STEP);
          const counted = told.filter(({ step }) => step >= now - WINDOW_STEPS);
          expect(lowest(row, breaker, time)).toBe(counted.length === 0 ? 0 : Math.min(...counted.map((t) => t.low)));
          expect(highest(row, breaker, time)).toBe(counted.length === 0 ? 0 : Math.max(...counted.map((t) => t.high)));
          const next = withPrices(row, breaker, time, low, low + more);
          const mine = told.filter(({ step }) => step === now);
          const isKnown = mine.some((t) => t.low <= low) && mine.some((t) => t.high >= low + more);
          expect(next === row).toBe(isKnown);
          expect(next.lows.length).toBeLessThanOrEqual(WINDOW_STEPS + 1);
          expect(next.highs).toHaveLength(next.lows.length);
          expect(next.lows.at(-1)).not.toBe(0);
          row = next;
          told.push({ step: now, low, high: low + more });
        }
      }),
      { numRuns: 300, seed: 6 },
    );
  });

  it('begins anew when it gets another length', () => {
    const row = withPrices(undefined, breaker, 1_000_000, 5, 9);
    const longer = { ...breaker, windowMs: 160_000 };
    expect([lowest(row, longer, 1_000_001), highest(row, longer, 1_000_001)]).toEqual([0, 0]);
    expect(withPrices(row, longer, 1_000_001, 7, 7)).toEqual({ stepMs: 20_000, step: 50, lows: [7], highs: [7] });
  });

  it('lets a price move as far as it says, to the tick', () => {
    expect([ceilingOf(breaker, 455), floorOf(breaker, 455)]).toEqual([500, 410]);
    expect([ceilingOf(breaker, 450), floorOf(breaker, 450)]).toEqual([495, 405]);
    expect(floorOf({ ...breaker, movePercent: 10_000 }, 455)).toBe(0);
    expect(floorOf({ ...breaker, movePercent: 20_000 }, 455)).toBe(0);
  });
});
