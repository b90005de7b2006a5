import { BILLION } from '@gridtokenx/kernel';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { exposureTotal, type Exposure } from './exposure.js';
import { equivocationFraction, unresponsivenessFraction } from './offence.js';
import { newSpan, slashInSpan, slashOf, type SlashingSpan } from './slash.js';

const stake = fc.oneof(fc.bigInt({ min: 1n, max: 20n }), fc.bigInt({ min: 1n, max: 10n ** 24n }));
const exposure: fc.Arbitrary<Exposure> = fc.record({
  validator: fc.constant('val'),
  own: fc.oneof(fc.constant(0n), stake),
  backers: fc.uniqueArray(fc.record({ account: fc.constantFrom('a', 'b', 'c', 'd', 'e'), stake }), {
    maxLength: 5,
    selector: ({ account }) => account,
  }),
});
const fraction = fc.oneof(fc.constantFrom(0, 1, BILLION), fc.integer({ min: 0, max: BILLION }));
const offences = fc.array(fc.record({ exposure, fraction }), { minLength: 1, maxLength: 6 });
const byAccount = ({ taken }: SlashingSpan): [string, bigint][] =>
  [...taken].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));

function slashAll(all: readonly { exposure: Exposure; fraction: number }[], rewardShare: number) {
  let span = newSpan('val');
  let [total, reward] = [0n, 0n];
  for (const offence of all) {
    const slash = slashInSpan(span, offence.exposure, { fraction: offence.fraction, rewardShare });
    expect(slash.charges.every(({ amount }) => amount > 0n)).toBe(true);
    expect(slash.charges.reduce((sum, { amount }) => sum + amount, 0n)).toBe(slash.total);
    expect(slash.reward).toBeGreaterThanOrEqual(0n);
    expect(slash.reward).toBeLessThanOrEqual(slash.total);
    span = slash.span;
    total += slash.total;
    reward += slash.reward;
  }
  return { span, total, reward };
}

describe('the fraction that an offence costs', () => {
  const counts = fc
    .integer({ min: 1, max: 1_000 })
    .chain((validators) => fc.tuple(fc.integer({ min: 0, max: validators - 1 }), fc.constant(validators)));

  it('grows with those who offend together, up to its limit', () => {
    fc.assert(
      fc.property(counts, ([offenders, validators]) => {
        for (const [fractionOf, limit] of [
          [unresponsivenessFraction, 70_000_000],
          [equivocationFraction, BILLION],
        ] as const) {
          const [one, more] = [fractionOf(offenders, validators), fractionOf(offenders + 1, validators)];
          expect(one).toBeGreaterThanOrEqual(0);
          expect(more).toBeGreaterThanOrEqual(one);
          expect(more).toBeLessThanOrEqual(limit);
        }
      }),
      { seed: 41 },
    );
  });

  it('is everything where a third equivocates, and 7 % where all are away', () => {
    expect(equivocationFraction(34, 100)).toBe(BILLION);
    expect(unresponsivenessFraction(100, 100)).toBe(70_000_000);
    expect(unresponsivenessFraction(11, 100)).toBe(0);
    expect(unresponsivenessFraction(12, 100)).toBe(2_100_000);
    expect(equivocationFraction(0, 100)).toBe(0);
  });

  it('is of validators that there are', () => {
    expect(() => equivocationFraction(2, 1)).toThrow('bug');
    expect(() => unresponsivenessFraction(0, 0)).toThrow('bug');
    expect(() => unresponsivenessFraction(-1, 10)).toThrow('bug');
  });
});

describe('a slash', () => {
  it('takes from each the same share of what it had at stake, rounded down', () => {
    fc.assert(
      fc.property(exposure, fraction, (exposed, parts) => {
        const charges = slashOf(exposed, parts);
        const stakes = [exposed.own, ...exposed.backers.map((backer) => backer.stake)];
        expect(charges.map(({ amount }) => amount)).toEqual(
          stakes.map((each) => (each * BigInt(parts)) / BigInt(BILLION)),
        );
        const sum = charges.reduce((all, { amount }) => all + amount, 0n);
        const exact = (exposureTotal(exposed) * BigInt(parts)) / BigInt(BILLION);
        expect(sum).toBeLessThanOrEqual(exact);
        expect(exact - sum).toBeLessThan(BigInt(stakes.length));
      }),
      { seed: 42, numRuns: 300 },
    );
  });

  it('in one span is the worst of its offences for each account, in whatever order they come', () => {
    fc.assert(
      fc.property(offences, fc.nat(), (all, turn) => {
        const worst = new Map<string, bigint>();
        for (const offence of all)
          for (const { account, amount } of slashOf(offence.exposure, offence.fraction))
            if (amount > (worst.get(account) ?? 0n)) worst.set(account, amount);
        const { span, total } = slashAll(all, 0);
        expect(new Map(span.taken)).toEqual(worst);
        expect(total).toBe([...worst.values()].reduce((sum, amount) => sum + amount, 0n));
        const at = turn % all.length;
        const turned = slashAll([...all.slice(at), ...all.slice(0, at)].toReversed(), 0);
        expect(byAccount(turned.span)).toEqual(byAccount(span));
        expect(turned.total).toBe(total);
      }),
      { seed: 43, numRuns: 300 },
    );
  });

  it('for a lesser offence of the same era adds nothing, for a worse one the difference', () => {
    const exposed = { validator: 'val', own: 1_000n, backers: [{ account: 'ann', stake: 250n }] };
    const terms = { rewardShare: 100_000_000 };
    const first = slashInSpan(newSpan('val'), exposed, { fraction: 100_000_000, ...terms });
    expect(first).toMatchObject({ total: 125n, reward: 6n });
    expect(slashInSpan(first.span, exposed, { fraction: 40_000_000, ...terms })).toEqual({
      span: first.span,
      charges: [],
      total: 0n,
      reward: 0n,
    });
    const worse = slashInSpan(first.span, exposed, { fraction: 500_000_000, ...terms });
    expect(worse.charges).toEqual([
      { account: 'val', amount: 400n },
      { account: 'ann', amount: 100n },
    ]);
    expect(worse.reward).toBe(12n);
    const anew = slashInSpan(newSpan('val'), exposed, { fraction: 100_000_000, ...terms });
    expect(anew).toEqual(first);
  });

  it('rewards reports out of what is taken, the first with half of the share for reporters, all with less than it', () => {
    fc.assert(
      fc.property(offences, fraction, (all, rewardShare) => {
        const { total, reward } = slashAll(all, rewardShare);
        expect(reward * BigInt(BILLION)).toBeLessThanOrEqual(total * BigInt(rewardShare));
        const [first] = all;
        if (first === undefined) return;
        const alone = slashAll([first], rewardShare);
        expect(alone.reward).toBe((alone.total * BigInt(rewardShare)) / BigInt(BILLION) / 2n);
      }),
      { seed: 44, numRuns: 300 },
    );
  });

  it('falls as the reports of a span go on', () => {
    const exposed = { validator: 'val', own: 1_000_000n, backers: [] };
    let span = newSpan('val');
    const rewards = [1, 2, 3, 4].map((tenths) => {
      const slash = slashInSpan(span, exposed, { fraction: tenths * 100_000_000, rewardShare: 100_000_000 });
      span = slash.span;
      return slash.reward;
    });
    expect(rewards).toEqual([5_000n, 2_500n, 1_250n, 625n]);
  });

  it('is of the validator of the span, and of shares', () => {
    const exposed = { validator: 'val', own: 1n, backers: [] };
    expect(() => slashInSpan(newSpan('other'), exposed, { fraction: 1, rewardShare: 0 })).toThrow('bug');
    expect(() => slashInSpan(newSpan('val'), exposed, { fraction: -1, rewardShare: 0 })).toThrow('bug');
    expect(() => slashInSpan(newSpan('val'), exposed, { fraction: 1, rewardShare: BILLION + 1 })).toThrow('bug');
  });
});
