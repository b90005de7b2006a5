import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { eraIssue, inflationCurve, isInflationParameters, YEAR_MS, type InflationParameters } from './inflation.js';

const parameters: fc.Arbitrary<InflationParameters> = fc
  .record({
    minimumPpm: fc.integer({ min: 0, max: 200_000 }),
    spread: fc.integer({ min: 1, max: 300_000 }),
    idealStakePpm: fc.integer({ min: 1, max: 999_999 }),
    falloffPpm: fc.integer({ min: 1, max: 1_000_000 }),
    pieces: fc.integer({ min: 2, max: 60 }),
  })
  .map(({ spread, ...rest }) => ({ ...rest, maximumPpm: rest.minimumPpm + spread }));

const GOOD: InflationParameters = {
  minimumPpm: 25_000,
  maximumPpm: 100_000,
  idealStakePpm: 500_000,
  falloffPpm: 50_000,
  pieces: 40,
};

describe('the inflation curve', () => {
  it('rises to the ideal, falls after it, and stays between its bounds in as many pieces as it may have', () => {
    fc.assert(
      fc.property(parameters, (terms) => {
        const curve = inflationCurve(terms);
        expect(curve[0]).toEqual({ stakedPpm: 0, inflationPpm: terms.minimumPpm });
        expect(curve[1]).toEqual({ stakedPpm: terms.idealStakePpm, inflationPpm: terms.maximumPpm });
        expect(curve.at(-1)?.stakedPpm).toBe(1_000_000);
        expect(curve.length).toBeLessThanOrEqual(terms.pieces + 1);
        const falling = curve.slice(1);
        const byStake = falling.toSorted((a, b) => a.stakedPpm - b.stakedPpm || b.inflationPpm - a.inflationPpm);
        const byInflation = falling.toSorted((a, b) => b.inflationPpm - a.inflationPpm || a.stakedPpm - b.stakedPpm);
        expect(byStake).toEqual(falling);
        expect(byInflation).toEqual(falling);
        expect(curve.at(-1)?.inflationPpm).toBeGreaterThanOrEqual(terms.minimumPpm);
      }),
      { numRuns: 200, seed: 21 },
    );
  });

  it('pays never more than the maximum, more with more stake up to the ideal, and less beyond it', () => {
    fc.assert(
      fc.property(
        parameters,
        fc.bigInt({ min: 0n, max: 10n ** 30n }),
        fc.array(fc.integer({ min: 0, max: 1_000_000_000 }), { minLength: 2, maxLength: 12 }),
        fc.integer({ min: 1, max: YEAR_MS }),
        (terms, total, shares, eraMs) => {
          const curve = inflationCurve(terms);
          const paid = shares
            .map((share) => (total * BigInt(share)) / 1_000_000_000n)
            .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
            .map((staked) => ({ staked, ...eraIssue(curve, { staked, total, eraMs }) }));
          expect(paid.filter(({ payout, maximum }) => payout < 0n || payout > maximum)).toEqual([]);
          const ideal = total * BigInt(terms.idealStakePpm);
          const rising = paid.filter(({ staked }) => staked * 1_000_000n <= ideal).map(({ payout }) => payout);
          const falling = paid.filter(({ staked }) => staked * 1_000_000n >= ideal).map(({ payout }) => payout);
          expect(rising).toEqual(rising.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
          expect(falling).toEqual(falling.toSorted((a, b) => (a < b ? 1 : a > b ? -1 : 0)));
        },
      ),
      { numRuns: 200, seed: 22 },
    );
  });

  it('is made of sensible parameters only', () => {
    expect(isInflationParameters(GOOD)).toBe(true);
    const wrong: readonly Partial<InflationParameters>[] = [
      { minimumPpm: -1 },
      { minimumPpm: 0.5 },
      { minimumPpm: 100_000 },
      { maximumPpm: 1_000_001 },
      { idealStakePpm: 0 },
      { idealStakePpm: 1_000_000 },
      { falloffPpm: 0 },
      { pieces: 1 },
      { pieces: 1_001 },
      { pieces: NaN },
    ];
    for (const part of wrong) {
      expect(isInflationParameters({ ...GOOD, ...part })).toBe(false);
      expect(() => inflationCurve({ ...GOOD, ...part })).toThrow('bug');
    }
  });

  it('is of no era without length, nor of more stake than there is', () => {
    const curve = inflationCurve(GOOD);
    expect(() => eraIssue(curve, { staked: 1n, total: 2n, eraMs: 0 })).toThrow('bug');
    expect(() => eraIssue(curve, { staked: 3n, total: 2n, eraMs: 1 })).toThrow('bug');
    expect(eraIssue(curve, { staked: 0n, total: 0n, eraMs: 1 })).toEqual({ payout: 0n, maximum: 0n });
  });
});
