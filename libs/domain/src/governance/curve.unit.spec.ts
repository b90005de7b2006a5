import { BILLION } from '@gridtokenx/kernel';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { enoughFrom, isCurve, reciprocalThrough, threshold, type Curve } from './curve.js';

const share = fc.oneof(fc.constantFrom(0, 1, BILLION - 1, BILLION), fc.integer({ min: 0, max: BILLION }));
const some = fc.oneof(fc.constantFrom(1, BILLION), fc.integer({ min: 1, max: BILLION }));
const ordered = fc.tuple(share, share).map(([a, b]) => (a < b ? { low: a, high: b } : { low: b, high: a }));
const curves: fc.Arbitrary<Curve> = fc.oneof(
  fc
    .record({ length: some, bounds: ordered })
    .map(({ length, bounds }) => ({ kind: 'linear' as const, length, floor: bounds.low, ceil: bounds.high })),
  fc.record({ step: share, period: some, bounds: ordered }).map(({ step, period, bounds }) => ({
    kind: 'stepped' as const,
    begin: bounds.high,
    end: bounds.low,
    step,
    period,
  })),
  fc.record({
    kind: fc.constant('reciprocal' as const),
    factor: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 10 * BILLION })),
    xOffset: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 2 * BILLION })),
    yOffset: fc.integer({ min: -BILLION, max: 2 * BILLION }),
  }),
);

describe('a curve', () => {
  it('never rises, and stays a share', () => {
    fc.assert(
      fc.property(curves, fc.array(share, { minLength: 2, maxLength: 20 }), (curve, times) => {
        const needed = times.toSorted((a, b) => a - b).map((elapsed) => threshold(curve, elapsed));
        expect(needed.every((each) => Number.isSafeInteger(each) && each >= 0 && each <= BILLION)).toBe(true);
        expect(needed).toEqual(needed.toSorted((a, b) => b - a));
      }),
      { seed: 81, numRuns: 1_000 },
    );
  });

  it('is passed from exactly the moment that it says on, and never before', () => {
    fc.assert(
      fc.property(curves, share, share, (curve, had, elapsed) => {
        const from = enoughFrom(curve, had) ?? Infinity;
        const moments = [...new Set([0, from - 1, from, elapsed, BILLION])].filter((at) => at >= 0 && at <= BILLION);
        expect(moments.filter((at) => had >= threshold(curve, at))).toEqual(moments.filter((at) => at >= from));
      }),
      { seed: 82, numRuns: 3_000 },
    );
  });

  it('is passed sooner, or at the same moment, with more', () => {
    fc.assert(
      fc.property(curves, ordered, (curve, { low, high }) => {
        expect(enoughFrom(curve, high) ?? Infinity).toBeLessThanOrEqual(enoughFrom(curve, low) ?? Infinity);
      }),
      { seed: 83, numRuns: 1_000 },
    );
  });

  it('goes through three points, and there is none where they do not bend down', () => {
    const basisPoints = (least: number, most: number): fc.Arbitrary<number> =>
      fc.integer({ min: least, max: most }).map((each) => each * (BILLION / 10_000));
    const points = fc.record({
      delay: basisPoints(10, 9_900),
      floor: basisPoints(0, 5_000),
      above: basisPoints(100, 2_500),
      below: basisPoints(100, 2_500),
    });
    let bends = 0;
    let worst = 0;
    fc.assert(
      fc.property(points, ({ delay, floor, above, below }) => {
        const [level, ceil] = [floor + above, floor + above + below];
        const curve = reciprocalThrough({ delay, level, floor, ceil });
        const bend = below / ((above + below) * (delay / BILLION));
        expect(curve === undefined || bend > 0.999).toBe(true);
        expect(curve !== undefined || bend < 1.01).toBe(true);
        if (curve === undefined || bend < 1.01) return;
        bends++;
        const misses = [
          threshold(curve, 0) - ceil,
          threshold(curve, delay) - level,
          threshold(curve, BILLION) - floor,
        ].map(Math.abs);
        worst = Math.max(worst, ...misses);
      }),
      { seed: 84, numRuns: 1_000 },
    );
    expect(bends).toBeGreaterThan(300);
    expect(worst).toBeLessThan(BILLION / 1_000);
    const good = { delay: 142_857_143, level: BILLION * 0.8, floor: BILLION / 2, ceil: BILLION };
    expect(reciprocalThrough(good)).toBeDefined();
    for (const part of [{ delay: 0 }, { delay: BILLION }, { level: BILLION / 2 }, { level: BILLION }, { floor: -1 }])
      expect(reciprocalThrough({ ...good, ...part })).toBeUndefined();
  });

  it('is made of shares that fit each other', () => {
    for (const curve of [
      { kind: 'linear', length: 0, floor: 0, ceil: 1 },
      { kind: 'linear', length: 1, floor: 2, ceil: 1 },
      { kind: 'linear', length: 1, floor: 0, ceil: BILLION + 1 },
      { kind: 'stepped', begin: 1, end: 2, step: 1, period: 1 },
      { kind: 'stepped', begin: 2, end: 1, step: 1, period: 0 },
      { kind: 'stepped', begin: 2, end: 1, step: 0.5, period: 1 },
      { kind: 'reciprocal', factor: -1, xOffset: 1, yOffset: 0 },
      { kind: 'reciprocal', factor: 1, xOffset: 0, yOffset: 0 },
      { kind: 'reciprocal', factor: 1, xOffset: 1, yOffset: NaN },
    ] as const) {
      expect(isCurve(curve)).toBe(false);
      expect(() => threshold(curve, 0)).toThrow('bug');
      expect(() => enoughFrom(curve, 0)).toThrow('bug');
    }
    const good: Curve = { kind: 'linear', length: 1, floor: 0, ceil: 1 };
    expect(() => threshold(good, BILLION + 1)).toThrow('bug');
    expect(() => enoughFrom(good, -1)).toThrow('bug');
  });
});
