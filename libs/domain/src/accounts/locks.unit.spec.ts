import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { lockedAt, NO_LOCKS, spendableAt, TIMED_LOCKS_MAX, withLock, withoutEnded, withTimedLock } from './locks.js';

type Step =
  | { kind: 'lock'; reason: string; amount: bigint }
  | { kind: 'timed'; amount: bigint; lasts: number }
  | { kind: 'wait'; time: number };
const amount = fc.bigInt({ min: 0n, max: 30n });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('lock' as const), reason: fc.constantFrom('stake', 'vote 1', 'vote 2'), amount }),
    fc.record({ kind: fc.constant('timed' as const), amount, lasts: fc.integer({ min: 0, max: 40 }) }),
    fc.record({ kind: fc.constant('wait' as const), time: fc.integer({ min: 1, max: 10 }) }),
  ),
  { minLength: 20, maxLength: 60 },
);

describe('locks on a balance', () => {
  it('are what a list of all locks that ever were says: the greatest that holds, never the sum', () => {
    fc.assert(
      fc.property(steps, amount, (all, balance) => {
        let locks = NO_LOCKS;
        let now = 0;
        const standing = new Map<string, bigint>();
        const timed: { amount: bigint; until: number }[] = [];
        for (const step of all) {
          if (step.kind === 'wait') {
            now += step.time;
            locks = withoutEnded(locks, now);
          } else if (step.kind === 'lock') {
            standing.set(step.reason, step.amount);
            locks = withLock(locks, step.reason, step.amount);
          } else {
            timed.push({ amount: step.amount, until: now + step.lasts });
            locks = withTimedLock(locks, { amount: step.amount, until: now + step.lasts });
          }
          const moments = Array.from({ length: 15 }, (_, at) => now + 3 * at);
          const most = moments.map((moment) => {
            const lasting = timed.filter(({ until }) => until > moment).map((lock) => lock.amount);
            return [...standing.values(), ...lasting].reduce(
              (greatest, each) => (each > greatest ? each : greatest),
              0n,
            );
          });
          expect(moments.map((moment) => lockedAt(locks, moment))).toEqual(most);
          expect(moments.map((moment) => spendableAt(balance, locks, moment))).toEqual(
            most.map((locked) => (balance > locked ? balance - locked : 0n)),
          );
        }
        // What is remembered is a staircase: whoever ends later is smaller.
        const { timed: stairs } = locks;
        expect(stairs.slice(1).every((lock, at) => lock.until > (stairs[at]?.until ?? Infinity))).toBe(true);
        expect(stairs.slice(1).every((lock, at) => lock.amount < (stairs[at]?.amount ?? 0n))).toBe(true);
        expect(locks.standing.every((lock) => lock.amount > 0n)).toBe(true);
      }),
      { seed: 71, numRuns: 100 },
    );
  });

  it('are the same in whatever order they came', () => {
    const lock = fc.record({ amount, until: fc.integer({ min: 1, max: 40 }) });
    fc.assert(
      fc.property(fc.array(lock, { minLength: 2, maxLength: 20 }), (all) => {
        const forward = all.reduce(withTimedLock, NO_LOCKS);
        expect(all.toReversed().reduce(withTimedLock, NO_LOCKS)).toEqual(forward);
        const reasons = ['b', 'a', 'c'];
        const byReason = reasons.reduce((locks, reason) => withLock(locks, reason, 5n), forward);
        expect(reasons.toReversed().reduce((locks, reason) => withLock(locks, reason, 5n), forward)).toEqual(byReason);
      }),
      { seed: 72 },
    );
  });

  it('do not add up: stake that also votes is locked once', () => {
    let locks = withLock(NO_LOCKS, 'staking', 700n);
    locks = withLock(locks, 'governance.root', 1_000n);
    locks = withTimedLock(locks, { amount: 900n, until: 50 });
    expect(lockedAt(locks, 10)).toBe(1_000n);
    expect(spendableAt(1_500n, locks, 10)).toBe(500n);
    locks = withLock(locks, 'governance.root', 0n);
    expect(lockedAt(locks, 10)).toBe(900n);
    expect(lockedAt(locks, 50)).toBe(700n);
    expect(spendableAt(600n, locks, 50)).toBe(0n);
  });

  it('are at most so many: those that end together hold for both', () => {
    const lock = fc.record({
      amount: fc.bigInt({ min: 1n, max: 10_000n }),
      until: fc.integer({ min: 1, max: 10_000 }),
    });
    fc.assert(
      fc.property(fc.array(lock, { minLength: 200, maxLength: 300 }), (all) => {
        let locks = NO_LOCKS;
        for (const one of all) {
          const before = locks;
          locks = withTimedLock(locks, one);
          expect(locks.timed.length).toBeLessThanOrEqual(TIMED_LOCKS_MAX);
          const { timed } = locks;
          expect(timed.slice(1).every((each, at) => each.until > (timed[at]?.until ?? Infinity))).toBe(true);
          expect(timed.slice(1).every((each, at) => each.amount < (timed[at]?.amount ?? 0n))).toBe(true);
          // Nothing comes free before its time.
          const moments = [...before.timed, ...timed].map(({ until }) => until - 1);
          expect(moments.every((moment) => lockedAt(locks, moment) >= lockedAt(before, moment))).toBe(true);
        }
        const moments = all.map(({ until }) => until - 1);
        const greatest = (from: number): bigint =>
          all.reduce((most, { amount, until }) => (until > from && amount > most ? amount : most), 0n);
        expect(moments.every((moment) => lockedAt(locks, moment) >= greatest(moment))).toBe(true);
        expect(lockedAt(locks, 0)).toBe(greatest(0));
      }),
      { seed: 73, numRuns: 5 },
    );
    // A staircase of more steps than are kept: the two closest become one.
    const steps = Array.from({ length: TIMED_LOCKS_MAX + 1 }, (_, i) => ({
      amount: BigInt(1_000 - i),
      until: 100 * i + (i > 20 ? -40 : 0) + 1,
    }));
    const { timed } = steps.reduce(withTimedLock, NO_LOCKS);
    expect(timed).toHaveLength(TIMED_LOCKS_MAX);
    expect(timed[20]).toEqual({ amount: 980n, until: 2_061 });
    expect(timed[19]).toEqual(steps[19]);
    expect(timed[21]).toEqual(steps[22]);
  });

  it('are of what is not negative', () => {
    expect(() => withLock(NO_LOCKS, 'staking', -1n)).toThrow('bug');
    expect(() => withTimedLock(NO_LOCKS, { amount: -1n, until: 1 })).toThrow('bug');
    expect(() => withTimedLock(NO_LOCKS, { amount: 1n, until: 0.5 })).toThrow('bug');
  });
});
