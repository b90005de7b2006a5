import { describe, expect, it } from '@jest/globals';
import { BugError, Prng } from '@gridtokenx/kernel';
import { NOMINATIONS_MAX, STAKE_MAX } from '@gridtokenx/protocol';
import {
  checkElection,
  checkSnapshot,
  elect,
  Election,
  explainElection,
  isBetterScore,
  normalise,
  phragmms,
  scoreOf,
  type ElectionResult,
  type ElectionSnapshot,
  type Nominator,
  type Winner,
} from './index.js';
import { balance } from './balance.js';
import { count } from './phragmen.js';
import { drain } from './result.js';
import { candidatesOf, enrol, setWeight } from './snapshot.js';

const nominator = (id: string, budget: bigint | number, ...targets: string[]): Nominator => ({
  id,
  budget: BigInt(budget),
  targets,
});
const snapshot = (seats: number, candidates: string, ...nominators: Nominator[]): ElectionSnapshot => ({
  seats,
  candidates: candidates.split(''),
  nominators,
});
const namesOf = ({ winners }: ElectionResult): string => winners.map(({ candidate }) => candidate).join('');
const stakesOf = ({ winners }: ElectionResult): Record<string, bigint> =>
  Object.fromEntries(winners.map(({ candidate, stake }) => [candidate, stake]));

/** Of a size at which much has to be done between two pauses if anything has to be. */
function large(nominators: number): ElectionSnapshot {
  const prng = new Prng(99);
  const candidates = Array.from({ length: 300 }, (_, at) => `c${at}`);
  return {
    seats: 30,
    candidates,
    nominators: Array.from({ length: nominators }, (_, at) => ({
      id: `n${at}`,
      budget: BigInt(1 + prng.below(1_000_000)) * 1_000_000n,
      targets: Array.from(
        { length: NOMINATIONS_MAX },
        () => candidates[Math.min(prng.below(300), prng.below(300))] ?? '',
      ),
    })),
    balancing: { iterations: 2, tolerance: 0n },
  };
}

describe('an election', () => {
  it('is not held on more targets, or on less than nothing, than a nominator may have', () => {
    const many = nominator('n', 5, ...Array.from({ length: NOMINATIONS_MAX + 1 }, (_, at) => `t${at}`));
    expect(() => elect(snapshot(1, 'a', many))).toThrow(BugError);
    expect(() => elect(snapshot(1, 'a', nominator('n', -1, 'a')))).toThrow(BugError);
    expect(() => elect(snapshot(1, 'aa', nominator('n', 1, 'a')))).toThrow(BugError);
    const most = nominator('n', STAKE_MAX, 'a');
    expect(namesOf(elect(snapshot(1, 'a', most)))).toBe('a');
    expect(() => elect(snapshot(1, 'a', most, nominator('m', 1, 'a')))).toThrow(BugError);
    expect(() => elect(snapshot(1.5, 'a', nominator('n', 1, 'a')))).toThrow(BugError);
  });

  it('passes over targets that do not stand, and counts each once', () => {
    const plain = elect(snapshot(2, 'abc', nominator('n', 90, 'a', 'b'), nominator('m', 60, 'b', 'c')));
    const noisy = elect(
      snapshot(
        2,
        'abc',
        nominator('n', 90, 'a', 'x', 'b', 'a'),
        nominator('m', 60, 'b', 'b', 'c', 'y'),
        nominator('o', 7, 'x'),
      ),
    );
    expect(noisy).toEqual(plain);
    expect(namesOf(plain)).toBe('ba');
  });

  it('gives a seat to the earlier of equal candidates', () => {
    const voters = [nominator('n', 10, 'a'), nominator('m', 10, 'b'), nominator('o', 10, 'c')];
    expect(namesOf(elect(snapshot(2, 'abc', ...voters)))).toBe('ab');
    expect(namesOf(elect(snapshot(2, 'cba', ...voters)))).toBe('cb');
    expect(namesOf(elect(snapshot(2, 'cba', ...voters.toReversed())))).toBe('cb');
  });

  it('knows equals whose nominators came to the same load by different ways', () => {
    // a and b win first. v backs both and u backs b alone, so both end with the load of b; c and d need them and x alike.
    for (let budget = 1; budget <= 20; budget++) {
      const voters = [
        nominator('p', 10_000, 'a'),
        nominator('q', 5_000, 'b'),
        nominator('v', budget, 'a', 'b', 'c'),
        nominator('u', budget, 'b', 'd'),
        nominator('x', 7, 'c', 'd'),
      ];
      expect(namesOf(elect(snapshot(3, 'abcd', ...voters)))).toBe('abc');
      expect(namesOf(elect(snapshot(3, 'abdc', ...voters)))).toBe('abd');
    }
  });

  it('without balancing is the same whatever the order of the nominators', () => {
    const { balancing: _, ...terms } = large(200);
    const [one, two] = [elect(terms), elect({ ...terms, nominators: terms.nominators.toReversed() })];
    const sorted = ({ winners }: ElectionResult): Winner[] =>
      winners.map((winner) => ({
        ...winner,
        supports: winner.supports.toSorted((a, b) => (a.nominator < b.nominator ? -1 : 1)),
      }));
    expect(sorted(two)).toEqual(sorted(one));
  });

  it('takes away the seat of whom nobody backs', () => {
    const result = elect(snapshot(3, 'dacb', nominator('n', 10, 'a'), nominator('m', 0, 'c'), nominator('o', 10, 'b')));
    expect(namesOf(result)).toBe('ab');
    expect(result.stripped).toEqual(['d']);
    expect(result.winners.map(({ round }) => round)).toEqual([0, 1]);
  });

  it('with fewer candidates than seats elects all that someone backs, and leaves the other seats empty', () => {
    const result = elect(snapshot(100, 'abc', nominator('n', 10, 'c'), nominator('m', 30, 'a')));
    expect(namesOf(result)).toBe('ac');
    expect(result.stripped).toEqual(['b']);
    expect(
      checkElection(snapshot(100, 'abc', nominator('n', 10, 'c'), nominator('m', 30, 'a')), result),
    ).toBeUndefined();
  });

  it('without candidates, nominators or seats has no winners', () => {
    for (const terms of [
      snapshot(3, '', nominator('n', 10, 'a')),
      snapshot(3, ''),
      snapshot(0, 'ab', nominator('n', 10, 'a')),
    ]) {
      const result = elect(terms);
      expect(result).toEqual({
        winners: [],
        stripped: [],
        score: { minimalStake: 0n, sumStake: 0n, sumStakeSquared: 0n },
      });
      expect(checkElection(terms, result)).toBeUndefined();
    }
    expect(elect(snapshot(2, 'abc')).stripped).toEqual(['a', 'b']);
  });

  it('shares a budget out by what each election brought on it, down, and hands the remainder to the least', () => {
    // b first, for 1/151 of a load on n and m; then a, for 1/101 more on n. Of the 101 of n that is 40.48 for b and 60.52.
    const result = elect(snapshot(2, 'ab', nominator('n', 101, 'a', 'b'), nominator('m', 50, 'b')));
    expect(namesOf(result)).toBe('ba');
    expect(stakesOf(result)).toEqual({ b: 50n + 41n, a: 60n });
  });

  it('cannot share out what has fewer units than winners', () => {
    // Two equals share one unit: half of it is none, for either.
    const terms = snapshot(
      2,
      'ab',
      nominator('n', 1, 'a', 'b'),
      nominator('m', 1_000, 'a'),
      nominator('o', 1_000, 'b'),
    );
    const result = elect(terms);
    expect(stakesOf(result)).toEqual({ a: 1_000n, b: 1_000n });
    expect(checkElection(terms, result)).toBeUndefined();
    expect(explainElection(terms, result, 'n')?.backing).toBe(0n);
  });

  it('balanced brings those with the least to one level', () => {
    const voters = [nominator('n', 10, 'a', 'b'), nominator('m', 20, 'a', 'c'), nominator('o', 30, 'b', 'c')];
    expect(stakesOf(elect(snapshot(2, 'abc', ...voters)))).toEqual({ c: 35n, b: 25n });
    const balancing = { iterations: 4, tolerance: 0n };
    expect(stakesOf(elect({ ...snapshot(2, 'abc', ...voters), balancing }))).toEqual({ c: 30n, b: 30n });
    const tolerant = { iterations: 4, tolerance: 11n };
    expect(stakesOf(elect({ ...snapshot(2, 'abc', ...voters), balancing: tolerant }))).toEqual({ c: 35n, b: 25n });
  });

  it('is not balanced again once nobody is apart by more than the tolerance', () => {
    const candidates = candidatesOf({ seats: 3, candidates: ['a', 'b', 'c'], nominators: [] });
    const voters = [
      // Before the one below moves b is 10 ahead of c, after it 20.
      { who: nominator('n', 20, 'b', 'c'), weights: [10n, 10n] },
      { who: nominator('m', 40, 'a', 'b'), weights: [30n, 10n] },
      { who: nominator('x', 50, 'a'), weights: [50n] },
      { who: nominator('y', 40, 'b'), weights: [40n] },
      { who: nominator('z', 40, 'c'), weights: [40n] },
    ].flatMap(({ who, weights }) => {
      const voter = enrol(who, candidates);
      for (const [at, edge] of (voter?.edges ?? []).entries()) {
        edge.candidate.round = 0;
        setWeight(edge, weights[at] ?? 0n);
      }
      return voter ?? [];
    });
    const stakes = (): bigint[] => [...candidates.values()].map(({ stake }) => stake);
    expect(stakes()).toEqual([80n, 60n, 50n]);
    drain(balance(voters, { iterations: 9, tolerance: 20n }));
    expect(stakes()).toEqual([70n, 70n, 50n]);
    drain(balance(voters, { iterations: 9, tolerance: 19n }));
    expect(stakes()[2]).toBe(60n);
  });

  it('is brought to a sum in little time, whatever the numbers are', () => {
    const [small, great] = [10n ** 30n, 10n ** 31n];
    expect(normalise([small, great, great], 0n)).toEqual([0n, 0n, 0n]);
    expect(normalise([small, great, great], 7n).reduce((sum, value) => sum + value, 0n)).toBe(7n);
    expect(normalise([0n, 0n, 1n], great)).toEqual([great / 3n, great / 3n, great / 3n + 1n]);
    expect(normalise([], 5n)).toEqual([]);
    expect(() => normalise([1n, -1n], 5n)).toThrow(BugError);
  });

  it('pauses after little work each time', () => {
    const work = count(large(2_000));
    let most = 0;
    let pauses = 0;
    for (let step = work.next(); step.done !== true; step = work.next()) {
      expect(step.value).toBeGreaterThan(0);
      most = Math.max(most, step.value);
      pauses++;
    }
    expect(most).toBeLessThan(100);
    expect(pauses).toBeGreaterThan(10_000);
  });

  it('of a grant that is not enough is not over, and goes on from there', () => {
    const terms = large(100);
    const election = new Election(terms);
    expect(election.advanceTo(0)).toBeUndefined();
    let granted = 0;
    let result: ElectionResult | undefined;
    while (result === undefined) result = election.advanceTo((granted += 1_000));
    expect(granted).toBeGreaterThan(5_000);
    expect(result).toEqual(elect(terms));
    expect(election.advanceTo(granted - 1_000)).toBeUndefined();
    expect(election.advanceTo(granted * 2)).toBe(result);
  });
});

describe('a snapshot', () => {
  const good = snapshot(2, 'ab', nominator('n', 10, 'a'));
  it('with someone in it twice, or a nomination that was never to be, is told by its code', () => {
    expect(checkSnapshot(good)).toBeUndefined();
    expect(checkSnapshot({ ...good, seats: -1 })).toEqual({ code: 'election.badTerms', about: '' });
    expect(checkSnapshot({ ...good, seats: 1.5 })?.code).toBe('election.badTerms');
    expect(checkSnapshot({ ...good, balancing: { iterations: 1, tolerance: -1n } })?.code).toBe('election.badTerms');
    expect(checkSnapshot({ ...good, candidates: ['a', 'b', 'a'] })).toEqual({
      code: 'election.candidateTwice',
      about: 'a',
    });
    const [first = nominator('n', 1)] = good.nominators;
    expect(checkSnapshot({ ...good, nominators: [first, first] })).toEqual({
      code: 'election.nominatorTwice',
      about: 'n',
    });
    const targets = Array.from({ length: NOMINATIONS_MAX + 1 }, () => 'a');
    expect(checkSnapshot({ ...good, nominators: [{ ...first, targets }] })?.code).toBe('election.tooManyTargets');
    expect(checkSnapshot({ ...good, nominators: [{ ...first, budget: -1n }] })?.code).toBe('election.badBudget');
    expect(checkSnapshot({ ...good, nominators: [first, { ...first, id: 'm', budget: STAKE_MAX }] })).toEqual({
      code: 'election.badBudget',
      about: 'm',
    });
    expect(checkElection({ ...good, nominators: [{ ...first, budget: -1n }] }, elect(good))?.code).toBe(
      'election.badBudget',
    );
  });
});

describe('a published election', () => {
  const terms = snapshot(
    2,
    'abcd',
    nominator('n', 1_000, 'a', 'b'),
    nominator('m', 2_000, 'a', 'c'),
    nominator('o', 3_000, 'b', 'c'),
    nominator('p', 500, 'd'),
  );
  const result = elect(terms);
  /** The same with other winners, and the score that goes with them. */
  const claim = (...winners: readonly Winner[]): Pick<ElectionResult, 'winners' | 'score'> => ({
    winners,
    score: scoreOf(winners.map(({ stake }) => stake)),
  });
  const [first, second] = result.winners as [Winner, Winner];
  const withSupports = (winner: Winner, supports: Winner['supports']): Winner => ({
    ...winner,
    supports,
    stake: supports.reduce((sum, { stake }) => sum + stake, 0n),
  });
  const check = (published: Pick<ElectionResult, 'winners' | 'score'>): string | undefined => {
    const found = checkElection(terms, published);
    return found && [found.code.replace('election.', ''), found.about].join(' ').trim();
  };

  it('that the ledger made is found good', () => {
    expect(namesOf(result)).toBe('cb');
    expect(stakesOf(result)).toEqual({ c: 3_500n, b: 2_500n });
    expect(check(result)).toBeUndefined();
    expect(check(phragmms({ ...terms, balancing: { iterations: 2, tolerance: 0n } }))).toBeUndefined();
  });

  it('that is not what the snapshot allows is told by its code', () => {
    const { supports } = first;
    const stranger = { nominator: 'x', stake: 1n };
    expect(check(claim(first, second, { ...second, candidate: 'a' }))).toBe('tooManyWinners');
    expect(check(claim(first, first))).toBe('winnerTwice c');
    expect(check(claim(first, { ...second, candidate: 'x' }))).toBe('notACandidate x');
    expect(check(claim(withSupports(first, []), second))).toBe('zeroBacked c');
    expect(check(claim(withSupports(first, [...supports, stranger]), second))).toBe('notANominator x');
    expect(check(claim(withSupports(first, [...supports, ...supports]), second))).toBe('supportTwice m');
    expect(check(claim(withSupports(first, [...supports, { nominator: 'p', stake: 500n }]), second))).toBe(
      'notATarget p',
    );
    expect(check(claim(withSupports(first, [{ nominator: 'm', stake: 0n }]), second))).toBe('badSupport m');
    expect(check(claim({ ...first, stake: first.stake + 1n }, second))).toBe('wrongStake c');
  });

  it('has to spend each budget that backs a winner whole, once', () => {
    const [m, o] = first.supports as [Winner['supports'][number], Winner['supports'][number]];
    expect([m.nominator, o.nominator]).toEqual(['m', 'o']);
    const more = (by: bigint): Winner => withSupports(first, [m, { ...o, stake: o.stake + by }]);
    expect(check(claim(more(1n), second))).toBe('wrongBudget o');
    expect(check(claim(more(-1n), second))).toBe('wrongBudget o');
    // m names a winner and has stake, so it cannot be left out.
    expect(check(claim(withSupports(first, [o]), second))).toBe('wrongBudget m');
  });

  it('has to fill each seat for which someone stands whom stake is behind', () => {
    const only: Winner = withSupports(first, [
      { nominator: 'm', stake: 2_000n },
      { nominator: 'o', stake: 3_000n },
    ]);
    expect(check(claim(only))).toBe('seatLeftEmpty');
    expect(check(claim())).toBe('seatLeftEmpty');
  });

  it('may leave a seat empty where stakes are so small that a backing can be rounded away', () => {
    // Each of 40 names c and somebody whom nobody else names, who takes all of the 16 units: 0.39 would be left for c.
    const names = Array.from({ length: 40 }, (_, at) => `p${at}`);
    const small: ElectionSnapshot = {
      seats: 41,
      candidates: ['c', ...names],
      nominators: names.map((name) => nominator(name, 16, 'c', name)),
    };
    const own = elect(small);
    expect(own.stripped).toEqual(['c']);
    expect(checkElection(small, own)).toBeUndefined();
    // So nothing is asked for where an approval is no more than seats x nominators, or a budget less than 16.
    const nobody = claim();
    const once = snapshot(16, 'a', nominator('n', 16, 'a', 'a'));
    expect(checkElection(once, nobody)).toBeUndefined();
    expect(checkElection({ ...once, seats: 15 }, nobody)?.code).toBe('election.seatLeftEmpty');
    const few = snapshot(1, 'a', nominator('n', 100, 'a'), nominator('m', 15, 'a'));
    expect(checkElection(few, nobody)).toBeUndefined();
    expect(
      checkElection({ ...few, nominators: [nominator('n', 100, 'a'), nominator('m', 16, 'a')] }, nobody)?.code,
    ).toBe('election.seatLeftEmpty');
  });

  it('has to have the score it claims', () => {
    expect(result.score).toEqual({ minimalStake: 2_500n, sumStake: 6_000n, sumStakeSquared: 18_500_000n });
    for (const key of ['minimalStake', 'sumStake', 'sumStakeSquared'] as const)
      expect(check({ ...result, score: { ...result.score, [key]: result.score[key] + 1n } })).toBe('wrongScore');
  });

  it('is beaten by one that leaves the least of the winners with more', () => {
    const better = elect({ ...terms, balancing: { iterations: 5, tolerance: 0n } });
    expect(better.score).toEqual({ minimalStake: 3_000n, sumStake: 6_000n, sumStakeSquared: 18_000_000n });
    expect(isBetterScore(better.score, result.score)).toBe(true);
    expect(isBetterScore(result.score, better.score)).toBe(false);
    expect(isBetterScore(result.score, result.score)).toBe(false);
    // 500 of 2,500 is a fifth: a margin of as much is not beaten.
    expect(isBetterScore(better.score, result.score, 199_600_000n)).toBe(true);
    expect(
      isBetterScore({ ...better.score, sumStakeSquared: result.score.sumStakeSquared }, result.score, 200_000_000n),
    ).toBe(false);
  });

  it('tells a nominator whom the stake backs, and why', () => {
    const story = explainElection(terms, result, 'o');
    expect(story).toEqual({
      nominator: 'o',
      budget: 3_000n,
      backing: 3_000n,
      targets: [
        { target: 'b', outcome: 'backed', stake: 1_500n, share: 500_000_000n, total: 2_500n, round: 1 },
        { target: 'c', outcome: 'backed', stake: 1_500n, share: 500_000_000n, total: 3_500n, round: 0 },
      ],
    });
    // Who names a stands behind b and c: all of that stake is spent on winners.
    expect(explainElection(terms, result, 'm')?.targets).toEqual([
      { target: 'a', outcome: 'outvoted', approval: 3_000n, spent: 3_000n, least: 2_500n },
      { target: 'c', outcome: 'backed', stake: 2_000n, share: 1_000_000_000n, total: 3_500n, round: 0 },
    ]);
    expect(explainElection(terms, result, 'p')).toEqual({
      nominator: 'p',
      budget: 500n,
      backing: 0n,
      targets: [{ target: 'd', outcome: 'outvoted', approval: 500n, spent: 0n, least: 2_500n }],
    });
    expect(explainElection(terms, result, 'x')).toBeUndefined();
  });

  it('tells a nominator which of the names did not count, and who won without the stake', () => {
    const odd = {
      ...snapshot(2, 'ab', nominator('n', 100, 'a', 'x', 'b', 'a'), nominator('m', 1_000, 'b')),
      balancing: { iterations: 3, tolerance: 0n },
    };
    const published = elect(odd);
    expect(explainElection(odd, published, 'n')).toEqual({
      nominator: 'n',
      budget: 100n,
      backing: 100n,
      targets: [
        { target: 'a', outcome: 'backed', stake: 100n, share: 1_000_000_000n, total: 100n, round: 1 },
        { target: 'x', outcome: 'notACandidate' },
        { target: 'b', outcome: 'backedByOthers', total: 1_000n, round: 0 },
        { target: 'a', outcome: 'namedBefore' },
      ],
    });
  });
});
