import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  bondMore,
  bondTotal,
  NO_BOND,
  rebond,
  slashBond,
  unbond,
  withdraw,
  type Bond,
  type BondRefusal,
  type BondTerms,
} from './bond.js';
import { isEvidenceInTime, refuseDurations, slashDueAt } from './parameters.js';

const TERMS: BondTerms = { minimum: 100n, bonding: 28, chunks: 4 };
/** So that a random stream reaches the limits. */
const NARROW: BondTerms = { minimum: 20n, bonding: 28, chunks: 2 };
const must = (result: Bond | BondRefusal): Bond => {
  if (typeof result === 'string') throw new Error(result);
  return result;
};

type Step =
  | { kind: 'bond' | 'unbond' | 'rebond' | 'slash'; amount: bigint }
  | { kind: 'withdraw' }
  | { kind: 'wait'; eras: number };
const amount = fc.oneof(fc.bigInt({ min: 0n, max: 5n }), fc.bigInt({ min: 0n, max: 100n }));
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constantFrom('bond' as const, 'unbond' as const, 'unbond' as const, 'rebond' as const),
        amount,
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('slash' as const), amount }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'withdraw' as const }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait' as const), eras: fc.integer({ min: 1, max: 12 }) }) },
  ),
  { minLength: 20, maxLength: 60 },
);

type Answer = BondRefusal | 'ok' | bigint;

/** One entry for each coin that was bonded: the era from which it may leave. What a bond does, told as slowly as can be. */
class NaiveBond {
  private coins: number[] = [];

  answer(step: Step, era: number): Answer {
    const active = this.count((until) => until === Infinity);
    const leaving = BigInt(this.coins.length) - active;
    switch (step.kind) {
      case 'wait':
        return 'ok';
      case 'withdraw': {
        const withdrawn = this.count((until) => until <= era);
        this.coins = this.coins.filter((until) => until > era);
        return withdrawn;
      }
      case 'slash': {
        const taken = step.amount < active + leaving ? step.amount : active + leaving;
        for (let coin = 0n; coin < taken; coin++) this.take(() => true);
        return taken;
      }
      case 'bond':
        if (step.amount === 0n) return 'staking.nothing';
        if (active + step.amount < NARROW.minimum) return 'staking.belowMinimum';
        for (let coin = 0n; coin < step.amount; coin++) this.coins.push(Infinity);
        return 'ok';
      case 'unbond': {
        const until = era + NARROW.bonding;
        const left = active - step.amount;
        if (step.amount === 0n) return 'staking.nothing';
        if (left < 0n) return 'staking.insufficientBond';
        if (left > 0n && left < NARROW.minimum) return 'staking.belowMinimum';
        if (this.ends.length >= NARROW.chunks && !this.ends.includes(until)) return 'staking.tooManyChunks';
        for (let coin = 0n; coin < step.amount; coin++) {
          this.take((each) => each === Infinity);
          this.coins.push(until);
        }
        return 'ok';
      }
      case 'rebond':
        if (step.amount === 0n) return 'staking.nothing';
        if (step.amount > leaving) return 'staking.insufficientUnbonding';
        if (active + step.amount < NARROW.minimum) return 'staking.belowMinimum';
        for (let coin = 0n; coin < step.amount; coin++) {
          this.take((until) => until !== Infinity);
          this.coins.push(Infinity);
        }
        return 'ok';
    }
  }

  get bond(): Bond {
    const unbonding = this.ends.map((until) => ({ amount: this.count((each) => each === until), until }));
    return { active: this.count((until) => until === Infinity), unbonding };
  }

  private get ends(): number[] {
    return [...new Set(this.coins)].filter((until) => until !== Infinity).sort((a, b) => a - b);
  }

  private count(of: (until: number) => boolean): bigint {
    return BigInt(this.coins.filter(of).length);
  }

  /** The one that leaves last of these. */
  private take(of: (until: number) => boolean): void {
    this.coins.splice(this.coins.indexOf(Math.max(...this.coins.filter(of))), 1);
  }
}

function play(bond: Bond, step: Step, era: number): { readonly bond: Bond; readonly answer: Answer } {
  const settled = (result: Bond | BondRefusal): { readonly bond: Bond; readonly answer: Answer } =>
    typeof result === 'string' ? { bond, answer: result } : { bond: result, answer: 'ok' };
  switch (step.kind) {
    case 'wait':
      return { bond, answer: 'ok' };
    case 'withdraw': {
      const { bond: left, withdrawn } = withdraw(bond, era);
      return { bond: left, answer: withdrawn };
    }
    case 'slash': {
      const { bond: left, taken } = slashBond(bond, step.amount);
      return { bond: left, answer: taken };
    }
    case 'bond':
      return settled(bondMore(bond, step.amount, NARROW));
    case 'unbond':
      return settled(unbond(bond, step.amount, era, NARROW));
    case 'rebond':
      return settled(rebond(bond, step.amount, NARROW));
  }
}

describe('a bond', () => {
  it('does what a heap of single coins does', () => {
    const answers = new Set<string>();
    fc.assert(
      fc.property(steps, (all) => {
        let bond = NO_BOND;
        let era = 0;
        const naive = new NaiveBond();
        for (const step of all) {
          if (step.kind === 'wait') era += step.eras;
          const played = play(bond, step, era);
          bond = played.bond;
          expect(played.answer).toBe(naive.answer(step, era));
          expect(bond).toEqual(naive.bond);
          answers.add(typeof played.answer === 'bigint' ? 'amount' : played.answer);
        }
        const { active, unbonding } = naive.bond;
        expect(bondTotal(bond)).toBe(unbonding.reduce((sum, chunk) => sum + chunk.amount, active));
      }),
      { numRuns: 150, seed: 51 },
    );
    expect([...answers].sort()).toEqual([
      ...['amount', 'ok', 'staking.belowMinimum', 'staking.insufficientBond', 'staking.insufficientUnbonding'],
      ...['staking.nothing', 'staking.tooManyChunks'],
    ]);
  });

  it('keeps one chunk for each era, and no more chunks than it may have', () => {
    let bond = must(bondMore(NO_BOND, 1_000n, TERMS));
    for (const era of [1, 1, 2, 3, 4]) bond = must(unbond(bond, 10n, era, TERMS));
    expect(bond).toEqual({
      active: 950n,
      unbonding: [
        { amount: 20n, until: 29 },
        { amount: 10n, until: 30 },
        { amount: 10n, until: 31 },
        { amount: 10n, until: 32 },
      ],
    });
    expect(unbond(bond, 10n, 5, TERMS)).toBe('staking.tooManyChunks');
    expect(withdraw(bond, 28)).toEqual({ bond, withdrawn: 0n });
    expect(withdraw(bond, 30).withdrawn).toBe(30n);
  });

  it('frees nothing earlier because the bonding period became shorter', () => {
    const bond = must(unbond(must(bondMore(NO_BOND, 1_000n, TERMS)), 10n, 1, TERMS));
    const shorter = must(unbond(bond, 5n, 2, { ...TERMS, bonding: 3 }));
    expect(shorter.unbonding).toEqual([{ amount: 15n, until: 29 }]);
  });

  it('is an immutable value', () => {
    const bond: Bond = Object.freeze({
      active: 500n,
      unbonding: Object.freeze([Object.freeze({ amount: 300n, until: 9 }), Object.freeze({ amount: 200n, until: 12 })]),
    });
    must(bondMore(bond, 1n, TERMS));
    must(unbond(bond, 100n, 20, TERMS));
    must(rebond(bond, 250n, TERMS));
    withdraw(bond, 10);
    expect(slashBond(bond, 600n)).toEqual({
      bond: {
        active: 0n,
        unbonding: [
          { amount: 300n, until: 9 },
          { amount: 100n, until: 12 },
        ],
      },
      taken: 600n,
    });
    expect(bondTotal(bond)).toBe(1_000n);
  });
});

describe('the durations of staking', () => {
  const eras = fc.integer({ min: -1, max: 40 });

  it('stand in one order: evidence, slash, withdrawal', () => {
    expect(refuseDurations({ evidence: 26, slashDefer: 27, bonding: 28 })).toBeUndefined();
    for (const durations of [
      { evidence: 27, slashDefer: 27, bonding: 28 },
      { evidence: 26, slashDefer: 28, bonding: 28 },
      { evidence: 0, slashDefer: 1, bonding: 2 },
      { evidence: 1, slashDefer: 2.5, bonding: 4 },
      { evidence: 1, slashDefer: 2, bonding: Infinity },
    ])
      expect(refuseDurations(durations)).toBe('staking.durations');
  });

  it('leave governance time to cancel, and the stake in place until the slash is taken', () => {
    fc.assert(
      fc.property(eras, eras, eras, fc.integer({ min: 2, max: 1_000 }), (evidence, slashDefer, bonding, offence) => {
        const durations = { evidence, slashDefer, bonding };
        if (refuseDurations(durations) !== undefined) return;
        const terms = { ...TERMS, bonding };
        const due = slashDueAt(durations, offence);
        for (let reported = offence - 1; reported <= due + 1; reported++)
          expect(isEvidenceInTime(durations, offence, reported)).toBe(
            reported >= offence && reported <= offence + evidence,
          );
        expect(offence + evidence).toBeLessThan(due);
        // The exposure of the era was fixed in the era before; the same stake may have been unbonded right after.
        const bond = must(unbond(must(bondMore(NO_BOND, 1_000n, terms)), 1_000n, offence - 1, terms));
        // Operations of the era before the slash is due were the last that could withdraw.
        expect(slashBond(withdraw(bond, due - 1).bond, 400n).taken).toBe(400n);
      }),
      { seed: 52, numRuns: 2_000 },
    );
  });
});
