import { BILLION } from '@gridtokenx/kernel';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { CONVICTIONS, isConviction, votesOf } from './conviction.js';
import { enoughFrom, isCurve, reciprocalThrough, threshold, type Curve } from './curve.js';

interface Point {
  readonly x: number;
  readonly y: number;
}
interface Vectors {
  readonly referendumCurve: {
    readonly stepped: {
      readonly begin: number;
      readonly end: number;
      readonly step: number;
      readonly period: number;
      readonly threshold: readonly Point[];
      readonly delay: readonly Point[];
    };
    readonly reciprocal: { readonly factor: number; readonly xOffset: number; readonly yOffset: number };
    readonly tracksExample: string;
  };
  readonly conviction: {
    readonly table: readonly { readonly level: number; readonly votesPer10: number; readonly lockPeriods: number }[];
  };
}

const file = new URL('../../../../vectors/npos-economics.json', import.meta.url);
const { referendumCurve, conviction } = JSON.parse(readFileSync(file, 'utf8')) as Vectors;
const { begin, end, step, period } = referendumCurve.stepped;
const stepped: Curve = { kind: 'stepped', begin, end, step, period };
/** The published decimals have more digits than parts of a billion. */
const parts = (decimal: number): number => Math.trunc(decimal * BILLION);
const reciprocal: Curve = {
  kind: 'reciprocal',
  factor: parts(referendumCurve.reciprocal.factor),
  xOffset: parts(referendumCurve.reciprocal.xOffset),
  yOffset: parts(referendumCurve.reciprocal.yOffset),
};
/** In the published form of the question, what is never enough is enough at the end. */
const delayOf = (curve: Curve, share: number): number => enoughFrom(curve, share) ?? BILLION;

describe('the published cases of curves', () => {
  it('are all here', () => {
    expect(Object.keys(referendumCurve)).toEqual(['source', 'stepped', 'property', 'reciprocal', 'tracksExample']);
    expect(referendumCurve.stepped.threshold).toHaveLength(12);
    expect(referendumCurve.stepped.delay).toHaveLength(14);
    expect(isCurve(stepped) && isCurve(reciprocal)).toBe(true);
  });

  it.each(referendumCurve.stepped.threshold)('need $y at $x', ({ x, y }) => {
    expect(threshold(stepped, x)).toBe(y);
  });

  it.each(referendumCurve.stepped.delay)('are passed with $y from $x on', ({ x, y }) => {
    expect(delayOf(stepped, y)).toBe(x);
  });

  // The published property, on each 97th of the points that it was published for.
  it.each([stepped, reciprocal])('are passed where they say that a share is enough: $kind', (curve) => {
    const points = 9_696_969;
    let wrong = 0;
    for (let at = 0; at <= points; at += 97) {
      const share = Math.floor((at * BILLION) / points);
      const delay = delayOf(curve, share);
      if (delay !== BILLION && threshold(curve, delay) > share) wrong++;
    }
    expect(wrong).toBe(0);
  });
});

describe('the published tracks', () => {
  const day = (days: number): number => Math.floor((days * BILLION) / 28);
  const percent = (parts100: number): number => (parts100 * BILLION) / 100;

  const linear: readonly [string, days: readonly number[], floor: number, ceil: number][] = [
    ['Tip approval linear(10,50%,100%)', [10], 50, 100],
    ['Root approval recip(4d at 80%,50,100) support linear(28,0,50)', [28], 0, 50],
    ['Small/Mid/Big/Huge spend approval linear(10/17/23/28d,50,100)', [10, 17, 23, 28], 50, 100],
  ];
  it.each(linear)('fall in a line: %s', (text, days, floor, ceil) => {
    expect(referendumCurve.tracksExample).toContain(text);
    for (const length of days) {
      const curve: Curve = { kind: 'linear', length: day(length), floor: percent(floor), ceil: percent(ceil) };
      expect(isCurve(curve)).toBe(true);
      expect(threshold(curve, 0)).toBe(percent(ceil));
      expect(threshold(curve, day(length))).toBe(percent(floor));
      expect(threshold(curve, BILLION)).toBe(percent(floor));
      expect(enoughFrom(curve, percent(floor))).toBe(day(length));
    }
  });

  const hyperbolas: readonly [string, days: readonly number[], level: number, floor: number, ceil: number][] = [
    ['Tip approval linear(10,50%,100%) support recip(1d at 4%,0,50%)', [1], 4, 0, 50],
    ['Root approval recip(4d at 80%,50,100)', [4], 80, 50, 100],
    ['Whitelist approval recip(16h at 96%,50,100)', [16 / 24], 96, 50, 100],
    ['support recip(1d at 20%,10,50)', [1], 20, 10, 50],
    ['support recip(8/12/16/20d at 1%,0,50)', [8, 12, 16, 20], 1, 0, 50],
  ];
  it.each(hyperbolas)('fall in a hyperbola: %s', (text, days, level, floor, ceil) => {
    expect(referendumCurve.tracksExample).toContain(text);
    for (const delay of days) {
      const asked = { delay: day(delay), level: percent(level), floor: percent(floor), ceil: percent(ceil) };
      const curve = reciprocalThrough(asked);
      expect(curve).toBeDefined();
      if (curve === undefined) continue;
      for (const [at, share] of [
        [0, asked.ceil],
        [asked.delay, asked.level],
        [BILLION, asked.floor],
      ] as const)
        expect(Math.abs(threshold(curve, at) - share)).toBeLessThanOrEqual(BILLION / 100_000);
    }
  });
});

describe('the published convictions', () => {
  it('are all here', () => {
    expect(conviction.table.map(({ level }) => String(level))).toEqual(Object.keys(CONVICTIONS));
  });

  it.each(conviction.table)('level $level has $votesPer10 votes for ten', ({ level, votesPer10, lockPeriods }) => {
    expect(isConviction(level)).toBe(true);
    if (!isConviction(level)) return;
    expect(CONVICTIONS[level]).toEqual({ votesPerTen: votesPer10, lockPeriods });
    const capital = 123_456_789_012_345_678_901_234_567_899n;
    expect(votesOf(capital, level)).toBe(level === 0 ? capital / 10n : capital * BigInt(level));
  });
});
