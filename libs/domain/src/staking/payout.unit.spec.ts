import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { exposureTotal, type Exposure } from './exposure.js';
import { endedEra, eraResidue, eraShare, validatorPayout, type EraValidator } from './payout.js';

const stake = fc.oneof(fc.bigInt({ min: 1n, max: 20n }), fc.bigInt({ min: 1n, max: 10n ** 24n }));
const exposureOf = (validator: string): fc.Arbitrary<Exposure> =>
  fc.record({
    validator: fc.constant(validator),
    own: fc.oneof(fc.constant(0n), stake),
    backers: fc.uniqueArray(fc.record({ account: fc.integer({ max: 99, min: 0 }).map((n) => `n${n}`), stake }), {
      maxLength: 12,
      selector: ({ account }) => account,
    }),
  });
const validators: fc.Arbitrary<EraValidator[]> = fc
  .array(
    fc.record({
      points: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 100_000 })),
      commission: fc.oneof(fc.constantFrom(0, 1, 1_000_000_000), fc.integer({ min: 0, max: 1_000_000_000 })),
      exposure: exposureOf('v'),
    }),
    { maxLength: 8 },
  )
  .map((all) =>
    all.map((validator, at) => ({ ...validator, exposure: { ...validator.exposure, validator: `v${at}` } })),
  );
const payout = fc.oneof(fc.bigInt({ min: 0n, max: 100n }), fc.bigInt({ min: 0n, max: 10n ** 22n }));

describe('the payout of an era', () => {
  it('is exactly what everybody gets and the treasury keeps, and nobody gets less than nothing', () => {
    fc.assert(
      fc.property(payout, validators, (amount, all) => {
        const points = all.map((each) => each.points);
        const era = endedEra(7, amount, points);
        let paid = eraResidue(era, points);
        expect(paid).toBeGreaterThanOrEqual(0n);
        // Each share loses less than one minor unit; of an era without points all is left over.
        expect(paid < BigInt(all.length) || (era.totalPoints === 0 && paid === amount)).toBe(true);
        for (const validator of all) {
          const { share, lines, residue } = validatorPayout(era, validator);
          expect(residue).toBeGreaterThanOrEqual(0n);
          expect(residue < BigInt(lines.length) || exposureTotal(validator.exposure) === 0n).toBe(true);
          expect(lines.filter(({ reward, commission }) => reward < 0n || commission < 0n)).toEqual([]);
          expect(lines.reduce((sum, { reward, commission }) => sum + reward + commission, residue)).toBe(share);
          paid += share;
        }
        expect(paid).toBe(amount);
      }),
      { numRuns: 300, seed: 31 },
    );
  });

  it('does not depend on the order of validators or backers', () => {
    fc.assert(
      fc.property(payout, validators, (amount, all) => {
        const points = all.map((each) => each.points);
        const forward = endedEra(7, amount, points);
        const backward = endedEra(7, amount, points.toReversed());
        expect(backward).toEqual(forward);
        expect(eraResidue(backward, points.toReversed())).toBe(eraResidue(forward, points));
        for (const validator of all) {
          const { exposure } = validator;
          const turned = { ...validator, exposure: { ...exposure, backers: exposure.backers.toReversed() } };
          const [first, ...rest] = validatorPayout(forward, validator).lines;
          const [turnedFirst, ...turnedRest] = validatorPayout(backward, turned).lines;
          expect(turnedFirst).toEqual(first);
          expect(turnedRest.toReversed()).toEqual(rest);
        }
      }),
      { numRuns: 200, seed: 32 },
    );
  });

  it('gives more for more stake, and as much for as much', () => {
    fc.assert(
      fc.property(payout, validators, (amount, all) => {
        const era = endedEra(7, amount, [1, ...all.map((each) => each.points)]);
        for (const validator of all) {
          const { lines } = validatorPayout(era, validator);
          const unfair = lines.filter((one) =>
            lines.some((other) => one.stake >= other.stake && one.reward < other.reward),
          );
          expect(unfair).toEqual([]);
        }
      }),
      { numRuns: 200, seed: 33 },
    );
  });

  it('tells all that it takes to compute it again', () => {
    const exposure = {
      validator: 'val',
      own: 1_000n,
      backers: [
        { account: 'ann', stake: 250n },
        { account: 'bob', stake: 249n },
      ],
    };
    const era = endedEra(3, 10_000n, [2, 1, 0]);
    expect(eraShare(era, 2)).toBe(6_666n);
    expect(eraResidue(era, [2, 1, 0])).toBe(1n);
    expect(validatorPayout(era, { points: 2, commission: 100_000_000, exposure })).toEqual({
      era: 3,
      validator: 'val',
      share: 6_666n,
      forStakes: 6_000n,
      exposureTotal: 1_499n,
      lines: [
        { account: 'val', stake: 1_000n, reward: 4_002n, commission: 666n },
        { account: 'ann', stake: 250n, reward: 1_000n, commission: 0n },
        { account: 'bob', stake: 249n, reward: 996n, commission: 0n },
      ],
      residue: 2n,
    });
  });

  it('of a validator without any stake is for its work; the rest is the treasury’s', () => {
    const era = endedEra(3, 100n, [1]);
    const exposure = { validator: 'val', own: 0n, backers: [] };
    expect(validatorPayout(era, { points: 1, commission: 200_000_000, exposure })).toMatchObject({
      lines: [{ account: 'val', stake: 0n, reward: 0n, commission: 20n }],
      residue: 80n,
    });
  });

  it('is of whole points, of shares, and of exposures that name each account once', () => {
    expect(() => endedEra(1, 1n, [0.5])).toThrow('bug');
    expect(() => endedEra(1, 1n, [-1])).toThrow('bug');
    expect(() => endedEra(1, 1n, [Number.MAX_SAFE_INTEGER, 1])).toThrow('bug');
    expect(() => endedEra(1, -1n, [1])).toThrow('bug');
    expect(() => eraResidue(endedEra(1, 10n, [1]), [1, 1])).toThrow('bug');
    const era = endedEra(1, 1n, [1]);
    const exposure = { validator: 'val', own: 1n, backers: [] };
    expect(() => validatorPayout(era, { points: 1, commission: 1_000_000_001, exposure })).toThrow('bug');
    const twice = [
      { account: 'ann', stake: 1n },
      { account: 'ann', stake: 1n },
    ];
    expect(() => exposureTotal({ ...exposure, backers: twice })).toThrow('bug');
    expect(() => exposureTotal({ ...exposure, backers: [{ account: 'val', stake: 1n }] })).toThrow('bug');
    expect(() => exposureTotal({ ...exposure, backers: [{ account: 'ann', stake: 0n }] })).toThrow('bug');
    expect(() => exposureTotal({ ...exposure, own: -1n })).toThrow('bug');
  });
});
