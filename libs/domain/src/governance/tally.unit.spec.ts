import { BILLION } from '@gridtokenx/kernel';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CONVICTIONS, isConviction, votesOf, type Conviction } from './conviction.js';
import {
  addTally,
  approvalOf,
  contributionOf,
  DELEGATION_STEPS_MAX,
  delegatedContributionOf,
  NO_VOTES,
  refuseDelegation,
  supportOf,
  takeTally,
  tallyOf,
  voterOf,
  type Delegation,
  type Tally,
  type Vote,
} from './tally.js';
import { lockAfterDelegation, lockAfterVote } from './vote-lock.js';

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] as const;
const name = fc.constantFrom(...NAMES);
const capital = fc.oneof(fc.bigInt({ min: 0n, max: 25n }), fc.bigInt({ min: 0n, max: 10n ** 24n }));
const conviction = fc.constantFrom<Conviction>(0, 1, 2, 3, 4, 5, 6);
const vote: fc.Arbitrary<Vote> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('standard' as const), aye: fc.boolean(), conviction, capital }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('split' as const), aye: capital, nay: capital, abstain: capital }),
  },
);
const voting = fc.record({
  votes: fc.array(fc.tuple(name, vote), { maxLength: 8 }).map((entries) => new Map(entries)),
  asked: fc.array(fc.tuple(name, fc.record({ to: name, conviction, capital })), { minLength: 4, maxLength: 16 }),
});
const standard = (aye: boolean, level: Conviction, amount: bigint): Vote => ({
  kind: 'standard',
  aye,
  conviction: level,
  capital: amount,
});

/** Those that are not refused, one after another. */
function delegate(asked: readonly (readonly [string, Delegation])[]): Map<string, Delegation> {
  const delegations = new Map<string, Delegation>();
  for (const [from, delegation] of asked)
    if (refuseDelegation(delegations, from, delegation.to) === undefined) delegations.set(from, delegation);
  return delegations;
}

/** Each account asks on, by recursion, and puts its own capital where the answer is. */
function naiveTally(votes: ReadonlyMap<string, Vote>, delegations: ReadonlyMap<string, Delegation>): Tally {
  const answerOf = (account: string): Vote | undefined =>
    votes.get(account) ?? (delegations.has(account) ? answerOf(delegations.get(account)?.to ?? '') : undefined);
  let [ayes, nays, support] = [0n, 0n, 0n];
  for (const account of NAMES) {
    const own = votes.get(account);
    const answer = answerOf(account);
    if (own?.kind === 'split') {
      ayes += own.aye / 10n;
      nays += own.nay / 10n;
      support += own.aye + own.abstain;
    } else if (answer?.kind === 'standard') {
      const { conviction: level, capital: amount } = own ?? delegations.get(account) ?? { conviction: 0, capital: 0n };
      const weight = level === 0 ? amount / 10n : amount * BigInt(level);
      if (answer.aye) ayes += weight;
      else nays += weight;
      if (answer.aye) support += amount;
    }
  }
  return { ayes, nays, support };
}

describe('a conviction', () => {
  it('gives more votes for a longer lock, and never less than none', () => {
    const levels = [0, 1, 2, 3, 4, 5, 6] as const;
    fc.assert(
      fc.property(capital, (amount) => {
        const votes = levels.map((level) => votesOf(amount, level));
        expect(votes.every((each, at) => each >= (votes[at - 1] ?? 0n))).toBe(true);
      }),
      { seed: 91 },
    );
    const locks = levels.map((level) => CONVICTIONS[level].lockPeriods);
    expect(locks).toEqual(locks.toSorted((a, b) => a - b));
    expect(() => votesOf(-1n, 1)).toThrow('bug');
    expect([0, 6, 7, -1, 0.5].map(isConviction)).toEqual([true, true, false, false, false]);
  });

  it('is locked for its periods after the end if its side won, and else not at all', () => {
    const end = { endedAt: 1_000, lockPeriodMs: 7 };
    expect(lockAfterVote(standard(true, 1, 50n), { ...end, aye: true })).toEqual({ amount: 50n, until: 1_007 });
    expect(lockAfterVote(standard(false, 6, 50n), { ...end, aye: false })).toEqual({ amount: 50n, until: 1_224 });
    expect(lockAfterVote(standard(true, 6, 50n), { ...end, aye: false })).toBeUndefined();
    expect(lockAfterVote(standard(false, 6, 50n), { ...end, aye: true })).toBeUndefined();
    expect(lockAfterVote(standard(true, 0, 50n), { ...end, aye: true })).toBeUndefined();
    const split: Vote = { kind: 'split', aye: 5n, nay: 5n, abstain: 5n };
    expect(lockAfterVote(split, { ...end, aye: true })).toBeUndefined();
    const far = { ...end, endedAt: Number.MAX_SAFE_INTEGER, aye: true };
    expect(() => lockAfterVote(standard(true, 6, 50n), far)).toThrow('bug');
  });

  it('of a delegation is locked for its periods after it was taken back', () => {
    const end = { endedAt: 1_000, lockPeriodMs: 7 };
    expect(lockAfterDelegation({ to: 'b', conviction: 3, capital: 9n }, end)).toEqual({ amount: 9n, until: 1_028 });
    expect(lockAfterDelegation({ to: 'b', conviction: 0, capital: 9n }, end)).toBeUndefined();
  });
});

describe('a tally', () => {
  it('is what each account says for itself, or whoever votes for it', () => {
    fc.assert(
      fc.property(voting, ({ votes, asked }) => {
        const delegations = delegate(asked);
        const tally = tallyOf(votes, delegations);
        expect(tally).toEqual(naiveTally(votes, delegations));
        expect(Object.values(tally).every((each: bigint) => each >= 0n)).toBe(true);
      }),
      { seed: 92, numRuns: 500 },
    );
  });

  it('does not depend on the order in which votes and delegations came', () => {
    fc.assert(
      fc.property(voting, ({ votes, asked }) => {
        const delegations = delegate(asked);
        const turned = tallyOf(new Map([...votes].toReversed()), new Map([...delegations].toReversed()));
        expect(turned).toEqual(tallyOf(votes, delegations));
      }),
      { seed: 93, numRuns: 200 },
    );
  });

  it('is a sum: adding one vote and taking it back leaves what was', () => {
    fc.assert(
      fc.property(fc.array(vote, { maxLength: 10 }), vote, (all, last) => {
        const tally = all.map(contributionOf).reduce(addTally, NO_VOTES);
        expect(takeTally(addTally(tally, contributionOf(last)), contributionOf(last))).toEqual(tally);
      }),
      { seed: 94 },
    );
  });

  it('counts a delegation with the side, the conviction and the capital of who delegates', () => {
    const votes = new Map([['b', standard(true, 1, 100n)]]);
    const delegations = new Map<string, Delegation>([
      ['a', { to: 'b', conviction: 3, capital: 7n }],
      ['c', { to: 'a', conviction: 0, capital: 25n }],
    ]);
    expect(tallyOf(votes, delegations)).toEqual({ ayes: 123n, nays: 0n, support: 132n });
    const against = new Map([['b', standard(false, 1, 100n)]]);
    expect(tallyOf(against, delegations)).toEqual({ ayes: 0n, nays: 123n, support: 0n });
    expect(tallyOf(new Map(), delegations)).toEqual(NO_VOTES);
  });

  it('counts an own vote instead of the delegation, once, and takes along who delegates to it', () => {
    const delegations = new Map<string, Delegation>([
      ['a', { to: 'b', conviction: 1, capital: 50n }],
      ['c', { to: 'a', conviction: 1, capital: 3n }],
    ]);
    const votes = new Map([
      ['b', standard(true, 1, 100n)],
      ['a', standard(false, 2, 50n)],
    ]);
    expect(tallyOf(votes, delegations)).toEqual({ ayes: 100n, nays: 103n, support: 100n });
    expect(voterOf('c', votes, delegations)).toBe('a');
    expect(voterOf('a', votes, delegations)).toBe('a');
    expect(voterOf('d', votes, delegations)).toBeUndefined();
  });

  it('counts a split vote without conviction, its abstention as support, and no delegation to it', () => {
    const split: Vote = { kind: 'split', aye: 105n, nay: 59n, abstain: 40n };
    expect(contributionOf(split)).toEqual({ ayes: 10n, nays: 5n, support: 145n });
    expect(delegatedContributionOf({ to: 'b', conviction: 6, capital: 10n }, split)).toEqual(NO_VOTES);
    expect(() => contributionOf({ ...split, nay: -1n })).toThrow('bug');
    expect(() => contributionOf({ ...split, abstain: -1n })).toThrow('bug');
  });

  it('has a share of ayes and a share of the electorate, rounded down', () => {
    const tally = { ayes: 2n, nays: 1n, support: 5n };
    expect(approvalOf(tally)).toBe(666_666_666);
    expect(approvalOf(NO_VOTES)).toBe(0);
    expect(supportOf(tally, 7n)).toBe(714_285_714);
    expect(supportOf(tally, 4n)).toBe(BILLION);
    expect(supportOf(tally, 0n)).toBe(0);
  });
});

describe('a delegation', () => {
  it('goes to nobody who would ask back, and however many are asked for, there is no loop', () => {
    fc.assert(
      fc.property(voting, ({ asked }) => {
        const delegations = delegate(asked);
        for (const from of delegations.keys()) {
          const seen = new Set<string>();
          for (let at: string | undefined = from; at !== undefined; at = delegations.get(at)?.to) {
            expect(seen.has(at)).toBe(false);
            seen.add(at);
          }
        }
      }),
      { seed: 95, numRuns: 300 },
    );
    const delegations = delegate([
      ['a', { to: 'b', conviction: 1, capital: 1n }],
      ['b', { to: 'c', conviction: 1, capital: 1n }],
    ]);
    expect(refuseDelegation(delegations, 'a', 'a')).toBe('governance.selfDelegation');
    expect(refuseDelegation(delegations, 'c', 'a')).toBe('governance.delegationLoop');
    expect(refuseDelegation(delegations, 'c', 'b')).toBe('governance.delegationLoop');
    expect(refuseDelegation(delegations, 'a', 'c')).toBeUndefined();
  });

  it('is followed so many steps, and no further', () => {
    const delegations = new Map<string, Delegation>();
    for (let step = 0; step < DELEGATION_STEPS_MAX; step++)
      delegations.set(`n${step}`, { to: `n${step + 1}`, conviction: 1, capital: 1n });
    const end = `n${DELEGATION_STEPS_MAX}`;
    const votes = new Map([[end, standard(true, 1, 0n)]]);
    expect(voterOf('n0', votes, delegations)).toBe(end);
    expect(refuseDelegation(delegations, 'new', 'n0')).toBe('governance.delegationTooLong');
    expect(refuseDelegation(delegations, 'new', 'n1')).toBeUndefined();
    // The one at the end delegates in its turn: who is then too far away is not counted, and can see it.
    delegations.set(end, { to: 'top', conviction: 1, capital: 1n });
    const above = new Map([['top', standard(true, 1, 0n)]]);
    expect(voterOf('n0', above, delegations)).toBeUndefined();
    expect(voterOf('n1', above, delegations)).toBe('top');
    expect(tallyOf(above, delegations).ayes).toBe(BigInt(DELEGATION_STEPS_MAX));
  });
});
