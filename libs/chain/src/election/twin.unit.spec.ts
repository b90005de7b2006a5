import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { naiveElection, naivelyNormalised, naivePhragmms } from './naive-election.spec.js';
import {
  checkElection,
  elect,
  Election,
  normalise,
  phragmms,
  reduce,
  scoreOf,
  type Assignment,
  type ElectionResult,
  type ElectionSnapshot,
} from './index.js';

/** Small budgets make ties and roundings, large ones the sizes of a ledger; `stranger` is no candidate. */
const budget = fc.oneof(
  fc.bigInt({ min: 0n, max: 20n }),
  fc.constantFrom(100n, 100n, 300n),
  fc.bigInt({ min: 10_000_000_000n, max: 10n ** 15n }),
);
const CANDIDATES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const snapshot: fc.Arbitrary<ElectionSnapshot> = fc.record(
  {
    seats: fc.nat(9),
    candidates: fc.shuffledSubarray(CANDIDATES),
    nominators: fc
      .array(
        fc.record({
          budget,
          targets: fc.array(fc.constantFrom(...CANDIDATES, 'stranger'), { maxLength: 8 }),
        }),
        { maxLength: 14 },
      )
      .map((list) => list.map((nominator, at) => ({ id: `n${at}`, ...nominator }))),
    balancing: fc.record({ iterations: fc.nat(4), tolerance: fc.constantFrom(0n, 0n, 1n, 50n) }),
  },
  { requiredKeys: ['seats', 'candidates', 'nominators'] },
);

const plain = ({ winners, stripped }: ElectionResult): unknown => ({
  winners: winners.map(({ candidate, round, supports }) => ({
    candidate,
    round,
    supports: supports.map(({ nominator, stake }) => [nominator, stake]),
  })),
  stripped,
});

/** What a saved election is made of, as it would be written down and read again. */
const saved = (terms: ElectionSnapshot): ElectionSnapshot =>
  JSON.parse(
    JSON.stringify(terms, (_key, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value)),
    (_key, value: unknown) => (typeof value === 'string' && /^\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value),
  ) as ElectionSnapshot;

describe('the election and its naive twin', () => {
  it('agree on every winner and every unit of every support', () => {
    fc.assert(
      fc.property(snapshot, (terms) => {
        expect(plain(elect(terms))).toEqual(naiveElection(terms));
      }),
      { numRuns: 1_500, seed: 515 },
    );
  });

  it('agree on those of PhragMMS too', () => {
    fc.assert(
      fc.property(snapshot, (terms) => {
        expect(plain(phragmms(terms))).toEqual(naivePhragmms(terms));
      }),
      { numRuns: 1_000, seed: 522 },
    );
  });

  it('agree however the work is sliced, and wherever it is saved and resumed', () => {
    fc.assert(
      fc.property(
        snapshot,
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 }),
        (terms, slices) => {
          const atOnce = elect(terms);
          let election = new Election(terms);
          let granted = 0;
          let result: ElectionResult | undefined;
          for (let slice = 0; result === undefined; slice++) {
            granted += slices[slice % slices.length] ?? 1;
            // Every fifth time somebody else goes on, from what was saved, who has to do it all again.
            if (slice % 5 === 4) election = new Election(saved(terms));
            result = election.advanceTo(granted);
            if (granted > 20_000) throw new Error('an election of this size ends sooner');
          }
          const least = leastGrant(terms);
          expect([least <= granted, least > granted - 40]).toEqual([true, true]);
          expect(result).toEqual(atOnce);
          expect(plain(result)).toEqual(naiveElection(terms));
          // Who is ahead, as after a block that was undone, says what it would have said then.
          expect(election.advanceTo(least - 1)).toBeUndefined();
          expect(election.advanceTo(least)).toEqual(atOnce);
        },
      ),
      { numRuns: 300, seed: 516 },
    );
  });

  it('agree on how sums are brought to a target', () => {
    fc.assert(
      fc.property(
        fc.array(fc.bigInt({ min: 0n, max: 300n }), { maxLength: 8 }),
        fc.bigInt({ min: 0n, max: 900n }),
        (values, sum) => {
          expect(normalise(values, sum)).toEqual(naivelyNormalised(values, sum));
        },
      ),
      { numRuns: 2_000, seed: 517 },
    );
  });
});

/** The smallest grant with which the election is over. */
function leastGrant(terms: ElectionSnapshot): number {
  const election = new Election(terms);
  let granted = 0;
  while (election.advanceTo(granted) === undefined) granted++;
  return granted;
}

describe('every election', () => {
  it('is found to be feasible and as good as claimed, and so is the one by PhragMMS', () => {
    fc.assert(
      fc.property(snapshot, (terms) => {
        expect(checkElection(terms, elect(terms))).toBeUndefined();
        // Without balancing it may leave a small winner with nothing.
        const balanced = { ...terms, balancing: { iterations: 2, tolerance: 0n } };
        expect(checkElection(terms, phragmms(balanced))).toBeUndefined();
      }),
      { numRuns: 500, seed: 518 },
    );
  });

  it('fills each seat for which there is a candidate that someone with a real stake names', () => {
    fc.assert(
      fc.property(snapshot, (terms) => {
        const real = {
          ...terms,
          nominators: terms.nominators.map((nominator) => ({ ...nominator, budget: nominator.budget * 1_000n })),
        };
        const named = terms.candidates.filter((candidate) =>
          real.nominators.some(({ budget, targets }) => budget > 0n && targets.includes(candidate)),
        );
        expect(elect(real).winners).toHaveLength(Math.min(terms.seats, named.length));
      }),
      { numRuns: 500, seed: 519 },
    );
  });

  it('stays as good with fewer edges than nominators and candidates together', () => {
    fc.assert(
      fc.property(snapshot, (terms) => {
        const { winners, score } = elect(terms);
        const assignments = terms.nominators.flatMap(({ id }): Assignment[] => {
          const distribution = winners.flatMap(({ candidate, supports }): [string, bigint][] =>
            supports.filter(({ nominator }) => nominator === id).map(({ stake }) => [candidate, stake]),
          );
          return distribution.length > 0 ? [{ nominator: id, distribution }] : [];
        });
        const reduced = reduce(assignments);
        const edges = reduced.assignments.flatMap(({ distribution }) => distribution);
        expect(edges.length + reduced.removed).toBe(assignments.flatMap(({ distribution }) => distribution).length);
        expect(edges.length).toBeLessThan(assignments.length + winners.length + (assignments.length === 0 ? 1 : 0));
        const less = winners.map((winner) => {
          const supports = reduced.assignments.flatMap(({ nominator, distribution }) =>
            distribution
              .filter(([candidate]) => candidate === winner.candidate)
              .map(([, stake]) => ({ nominator, stake })),
          );
          return { ...winner, supports };
        });
        expect(checkElection(terms, { winners: less, score })).toBeUndefined();
        expect(score).toEqual(
          scoreOf(less.map(({ supports }) => supports.reduce((sum, { stake }) => sum + stake, 0n))),
        );
      }),
      { numRuns: 500, seed: 520 },
    );
  });

  it('balanced is worth no less in its sum, and has no higher sum of squares', () => {
    fc.assert(
      fc.property(snapshot, (terms) => {
        const { balancing: _, ...plainTerms } = terms;
        const before = elect(plainTerms).score;
        const after = elect({ ...plainTerms, balancing: { iterations: 10, tolerance: 0n } }).score;
        expect(after.sumStake).toBe(before.sumStake);
        // Each voter's remainder may add a unit to the richer.
        const slack = BigInt(terms.nominators.length) * 20n * (after.sumStake + 1n);
        expect(after.sumStakeSquared <= before.sumStakeSquared + slack).toBe(true);
      }),
      { numRuns: 300, seed: 521 },
    );
  });
});
