import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { equivocationFraction, unresponsivenessFraction } from './offence.js';
import { eraIssue, inflationCurve, YEAR_MS } from './inflation.js';
import { newSpan, slashInSpan, slashOf } from './slash.js';

interface Counted {
  readonly offenders: number;
  readonly validators: number;
  readonly parts: number;
}
interface Vectors {
  readonly inflation: {
    readonly curve: {
      readonly minInflationPpm: number;
      readonly maxInflationPpm: number;
      readonly idealStakePpm: number;
      readonly falloffPpm: number;
      readonly maxPieceCount: number;
      readonly testPrecisionPpm: number;
    };
    readonly msPerYearJulian: number;
    readonly cases: readonly { staked: string; total: string; eraMs: number; payout: string }[];
    readonly maxPayout: { readonly total: string; readonly eraMs: number; readonly max: string };
  };
  readonly unresponsiveness: { readonly cases: readonly Counted[] };
  readonly equivocation: { readonly derived: readonly Counted[] };
  readonly slashing: {
    readonly case: {
      readonly exposureTotal: number;
      readonly own: number;
      readonly others: readonly [number, number][];
      readonly slashPercent: number;
      readonly derivedExpected: { readonly validator: number; readonly backer: number };
    };
  };
}

const file = new URL('../../../../vectors/npos-economics.json', import.meta.url);
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors;
const { curve: terms, cases, maxPayout, msPerYearJulian } = vectors.inflation;
const curve = inflationCurve({
  minimumPpm: terms.minInflationPpm,
  maximumPpm: terms.maxInflationPpm,
  idealStakePpm: terms.idealStakePpm,
  falloffPpm: terms.falloffPpm,
  pieces: terms.maxPieceCount,
});

describe('the published cases of nominated proof of stake', () => {
  it('are all here, or with those of governance', () => {
    expect(Object.keys(vectors)).toEqual([
      ...['title', 'license', 'inflation', 'unresponsiveness', 'equivocation', 'slashing'],
      ...['referendumCurve', 'conviction'],
    ]);
    expect(cases).toHaveLength(16);
    expect(vectors.unresponsiveness.cases).toHaveLength(4);
    expect(vectors.equivocation.derived).toHaveLength(9);
  });

  it.each(cases)('pay $payout for an era of $eraMs ms with $staked of $total staked', (vector) => {
    const issue = eraIssue(curve, {
      staked: BigInt(vector.staked),
      total: BigInt(vector.total),
      eraMs: vector.eraMs,
    });
    expect(issue.payout.toString()).toBe(vector.payout);
  });

  it('mint at most what the ideal stake would be paid', () => {
    const total = BigInt(maxPayout.total);
    expect(eraIssue(curve, { staked: 0n, total, eraMs: maxPayout.eraMs }).maximum.toString()).toBe(maxPayout.max);
    expect(YEAR_MS).toBe(msPerYearJulian);
  });

  it('have a curve of pieces that is nowhere further from the exponential than they say', () => {
    expect(curve.length).toBeLessThanOrEqual(terms.maxPieceCount + 1);
    const whole = 1_000_000_000_000_000_000n;
    for (let staked = 0; staked <= 1_000_000; staked += 777) {
      const beyond = Math.max(0, staked - terms.idealStakePpm);
      const spread = terms.maxInflationPpm - terms.minInflationPpm;
      const exact =
        beyond === 0
          ? terms.minInflationPpm + (spread * staked) / terms.idealStakePpm
          : terms.minInflationPpm + spread * 2 ** (-beyond / terms.falloffPpm);
      const at = { staked: (whole * BigInt(staked)) / 1_000_000n, total: whole, eraMs: YEAR_MS };
      const ours = Number(eraIssue(curve, at).payout) / 1e12;
      expect(Math.abs(ours - exact)).toBeLessThanOrEqual(terms.testPrecisionPpm);
      expect(Math.abs(ours / exact - 1)).toBeLessThan(0.006);
    }
  });

  it.each(vectors.unresponsiveness.cases)('take $parts for $offenders unresponsive of $validators', (vector) => {
    expect(unresponsivenessFraction(vector.offenders, vector.validators)).toBe(vector.parts);
  });

  it.each(vectors.equivocation.derived)('take $parts for $offenders that equivocate of $validators', (vector) => {
    expect(equivocationFraction(vector.offenders, vector.validators)).toBe(vector.parts);
  });

  it('slash who backs a validator as much as the validator itself', () => {
    const { own, others, exposureTotal, slashPercent, derivedExpected } = vectors.slashing.case;
    const backers = others.map(([account, stake]) => ({ account: String(account), stake: BigInt(stake) }));
    const exposure = { validator: 'validator', own: BigInt(own), backers };
    const fraction = slashPercent * 10_000_000;
    expect(slashOf(exposure, fraction)).toEqual([
      { account: 'validator', amount: BigInt(derivedExpected.validator) },
      { account: '101', amount: BigInt(derivedExpected.backer) },
    ]);
    const { total } = slashInSpan(newSpan('validator'), exposure, { fraction, rewardShare: 0 });
    expect(total).toBe((BigInt(exposureTotal) * BigInt(slashPercent)) / 100n);
  });
});
