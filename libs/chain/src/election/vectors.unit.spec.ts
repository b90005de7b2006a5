import { BILLION_PARTS } from '@gridtokenx/kernel';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import {
  checkElection,
  elect,
  isBetterScore,
  normalise,
  phragmms,
  reduce,
  sharesOf,
  type Assignment,
  type ElectionResult,
  type ElectionScore,
  type ElectionSnapshot,
} from './index.js';
import { candidatesOf, enrol } from './snapshot.js';
import { spendWhole } from './balance.js';

interface VectorElection extends Claims {
  readonly name: string;
  readonly toElect: number;
  readonly candidates: readonly number[];
  readonly voters: readonly { readonly who: number; readonly budget: string; readonly targets: readonly number[] }[];
  readonly balancing: { readonly iterations: number; readonly tolerance: string } | null;
}
/** What a vector says of its election; none says all of it. */
interface Claims {
  readonly winners?: readonly { readonly who: number; readonly backedStake: string | null; readonly round: number }[];
  readonly edgeWeights?: readonly { readonly who: number; readonly edges: Distribution['distribution'] }[];
  readonly candidatesAfter?: readonly VectorCandidate[];
  readonly expectVotersAfterSetup?: readonly unknown[];
  readonly expectCandidates?: readonly VectorCandidate[];
  readonly assignmentsPerbill?: readonly Distribution[];
  readonly staked?: readonly Distribution[];
  readonly assignedTargets?: readonly (readonly [number, readonly number[]])[];
  readonly supports?: Readonly<Record<string, { total: string; voters: readonly (readonly [number, string])[] }>>;
}
interface VectorCandidate {
  readonly who: number;
  readonly elected: boolean;
  readonly round: number;
  readonly backedStake: string;
}
interface Distribution {
  readonly who: number;
  readonly distribution: readonly (readonly [number, string | number])[];
}
type VectorAssignment = readonly [number, readonly (readonly [number, number])[]];
interface Vectors {
  readonly seqPhragmen: readonly VectorElection[];
  readonly derived: readonly VectorElection[];
  readonly phragmms: readonly VectorElection[];
  readonly reduce: {
    readonly cases: readonly {
      readonly name: string;
      readonly input: readonly VectorAssignment[];
      readonly output?: readonly VectorAssignment[];
      readonly removed?: number;
    }[];
  };
  readonly sumNormalise: { readonly cases: readonly { input: number[]; target: number; output: number[] }[] };
  readonly score: {
    readonly cases: readonly { this: string[]; that: string[]; epsilon: string; better: boolean }[];
  };
  readonly normalise: {
    readonly cases: readonly {
      readonly name: string;
      readonly budget?: string;
      readonly edges?: readonly string[];
      readonly elected?: readonly boolean[];
      readonly out?: readonly (string | number)[];
      readonly inParts?: readonly number[];
      readonly in_?: readonly string[];
      readonly staked?: readonly (string | readonly [string, string])[];
      readonly outParts?: readonly number[];
      readonly outPercent?: readonly number[];
    }[];
  };
}

const file = new URL('../../../../vectors/phragmen.json', import.meta.url);
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors;

const snapshotOf = ({ toElect, candidates, voters, balancing }: VectorElection): ElectionSnapshot => ({
  seats: toElect,
  candidates: candidates.map(String),
  nominators: voters.map(({ who, budget, targets }) => ({
    id: String(who),
    budget: BigInt(budget),
    targets: targets.map(String),
  })),
  ...(balancing !== null && {
    balancing: { iterations: balancing.iterations, tolerance: BigInt(balancing.tolerance) },
  }),
});

/** All that a vector may claim of an election, of ours, in the vectors' own form. */
function claimsOf(vector: VectorElection, { winners, stripped }: ElectionResult): Required<Claims> {
  const snapshot = snapshotOf(vector);
  const given = vector.voters.flatMap(({ who, budget, targets }) => {
    const edges = [...new Set(targets)].flatMap((target): [number, bigint][] => {
      const winner = winners.find(({ candidate }) => candidate === String(target));
      const support = winner?.supports.find(({ nominator }) => nominator === String(who));
      return support === undefined ? [] : [[target, support.stake]];
    });
    const stakes = edges.map(([, stake]) => stake);
    return edges.length === 0 ? [] : [{ who, edges, shares: sharesOf(stakes, BigInt(budget)) }];
  });
  const inStake = given.map(({ who, edges }): Distribution => ({
    who,
    distribution: edges.map(([target, stake]) => [target, String(stake)]),
  }));
  const candidates = vector.candidates.map((who) => {
    const winner = winners.find(({ candidate }) => candidate === String(who));
    const { round = 0, stake = 0n } = winner ?? {};
    return { who, elected: winner !== undefined, round, backedStake: String(stake) };
  });
  const enrolled = candidatesOf(snapshot);
  return {
    // Theirs holds those whom nobody backs; ours has taken their seat away.
    winners: [
      ...winners.map(({ candidate, round, stake }) => ({ who: Number(candidate), round, backedStake: String(stake) })),
      ...stripped.map((id, at) => ({ who: Number(id), round: winners.length + at, backedStake: '0' })),
    ].map((winner, at) => ({
      ...winner,
      // Where a vector has none here, its source asserts no more than who wins.
      backedStake: vector.winners?.[at]?.backedStake === null ? null : winner.backedStake,
    })),
    edgeWeights: inStake.map(({ who, distribution }) => ({ who, edges: distribution })),
    staked: inStake,
    assignmentsPerbill: given.map(({ who, edges, shares }) => ({
      who,
      distribution: edges.map(([target], at) => [target, Number(shares[at])]),
    })),
    assignedTargets: given.map(({ who, edges }) => [who, edges.map(([target]) => target)]),
    supports: Object.fromEntries(
      winners.map(({ candidate, stake, supports }) => [
        candidate,
        { total: String(stake), voters: supports.map((each) => [Number(each.nominator), String(each.stake)]) },
      ]),
    ),
    candidatesAfter: candidates,
    expectCandidates: candidates,
    expectVotersAfterSetup: snapshot.nominators.flatMap((nominator) => enrol(nominator, enrolled) ?? []),
  };
}

function expectElection(vector: VectorElection, result: ElectionResult): void {
  expect(checkElection(snapshotOf(vector), result)).toBeUndefined();
  const ours = claimsOf(vector, result);
  for (const { distribution } of ours.assignmentsPerbill)
    expect(distribution.reduce((sum, [, share]) => sum + Number(share), 0)).toBe(Number(BILLION_PARTS));
  const claims = Object.keys(ours).filter((claim) => Object.hasOwn(vector, claim)) as (keyof Claims)[];
  expect(claims.length).toBeGreaterThan(0);
  for (const claim of claims) expect([claim, ours[claim]]).toEqual([claim, vector[claim]]);
}

/** Cases of what the ledger does not do. */
const SKIPPED: Readonly<Record<string, string>> = {
  'into_staked floor': 'stakes are never made from shares: the count is in stakes, and shares are only told',
};

describe('the published vectors of nominated proof of stake', () => {
  it('are all here', () => {
    expect(vectors.seqPhragmen).toHaveLength(11);
    expect(vectors.derived).toHaveLength(2);
    expect(vectors.phragmms).toHaveLength(2);
    expect(vectors.reduce.cases).toHaveLength(5);
    expect(vectors.sumNormalise.cases).toHaveLength(18);
    expect(vectors.score.cases).toHaveLength(14);
    expect(vectors.normalise.cases).toHaveLength(7);
    expect(vectors.normalise.cases.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(SKIPPED)));
  });

  for (const vector of [...vectors.seqPhragmen, ...vectors.derived])
    it(`of sequential Phragmen: ${vector.name}`, () => {
      expectElection(vector, elect(snapshotOf(vector)));
    });

  for (const vector of vectors.phragmms)
    it(`of PhragMMS: ${vector.name}`, () => {
      expectElection(vector, phragmms(snapshotOf(vector)));
    });

  for (const { name, input, output, removed } of vectors.reduce.cases)
    it(`of reduce: ${name}`, () => {
      const assignments: Assignment[] = input.map(([who, distribution]) => ({
        nominator: String(who),
        distribution: distribution.map(([target, stake]) => [String(target), BigInt(stake)]),
      }));
      const reduced = reduce(assignments);
      const inNumbers = reduced.assignments.map(({ nominator, distribution }) => [
        Number(nominator),
        distribution.map(([target, stake]) => [Number(target), Number(stake)]),
      ]);
      // One case claims no output, only the bounds that are looked at below for all.
      expect(inNumbers).toEqual(output ?? inNumbers);
      expect(reduced.removed).toBe(removed ?? reduced.removed);
      const edges = assignments.flatMap(({ distribution }) => distribution);
      const targets = new Set(edges.map(([target]) => target));
      expect(edges.length - reduced.removed).toBeLessThan(assignments.length + targets.size);
      expect(totals(reduced.assignments)).toEqual(totals(assignments));
    });

  it('of sums that are brought to a target', () => {
    for (const { input, target, output } of vectors.sumNormalise.cases)
      expect([input, normalise(input.map(BigInt), BigInt(target))]).toEqual([input, output.map(BigInt)]);
  });

  it('of scores', () => {
    const scoreOf = ([minimalStake = '', sumStake = '', sumStakeSquared = '']: readonly string[]): ElectionScore => ({
      minimalStake: BigInt(minimalStake),
      sumStake: BigInt(sumStake),
      sumStakeSquared: BigInt(sumStakeSquared),
    });
    for (const { this: score, that, epsilon, better } of vectors.score.cases) {
      const epsilonPpb = BigInt(Math.round(Number(epsilon) * 1e9));
      expect([score, that, epsilon, isBetterScore(scoreOf(score), scoreOf(that), epsilonPpb)]).toEqual([
        score,
        that,
        epsilon,
        better,
      ]);
    }
  });

  for (const vector of vectors.normalise.cases) {
    if (Object.hasOwn(SKIPPED, vector.name)) continue;
    it(`of budgets and shares: ${vector.name}`, () => {
      const { ours, theirs } = normalised(vector);
      expect(ours.length).toBeGreaterThan(0);
      expect(ours).toEqual(theirs);
    });
  }
});

function normalised(vector: Vectors['normalise']['cases'][number]): { ours: bigint[]; theirs: bigint[] } {
  const { budget = '0', edges, elected, out = [], inParts, in_, staked = [], outParts, outPercent = [] } = vector;
  const theirs = out.map(BigInt);
  if (inParts !== undefined) return { ours: normalise(inParts.map(BigInt), BILLION_PARTS), theirs };
  if (in_ !== undefined) return { ours: normalise(in_.map(BigInt), BigInt(budget)), theirs };
  if (edges !== undefined) {
    // A voter whose edges are elected or not; what is not keeps its weight.
    const candidates = candidatesOf({ seats: 3, candidates: ['0', '1', '2'], nominators: [] });
    const voter = enrol({ id: 'v', budget: BigInt(budget), targets: ['0', '1', '2'] }, candidates);
    if (voter === undefined) throw new Error('a voter with a budget and targets is enrolled');
    for (const [at, edge] of voter.edges.entries()) {
      edge.weight = BigInt(edges[at] ?? 0);
      if (elected?.[at] ?? true) edge.candidate.round = at;
    }
    spendWhole(voter);
    return { ours: voter.edges.map(({ weight }) => weight), theirs };
  }
  const stakes = staked.map((stake) => BigInt(typeof stake === 'string' ? stake : stake[1]));
  const sum = stakes.reduce((a, b) => a + b, 0n);
  const parts = outParts ?? outPercent.map((percent) => (percent * Number(BILLION_PARTS)) / 100);
  // Theirs are rounded down; ours have the remainder handed out as well.
  return { ours: sharesOf(stakes, sum), theirs: normalise(parts.map(BigInt), BILLION_PARTS) };
}

function totals(assignments: readonly Assignment[]): Record<string, bigint> {
  const sums: Record<string, bigint> = {};
  for (const { nominator, distribution } of assignments)
    for (const [target, stake] of distribution)
      for (const key of [`nominator ${nominator}`, `candidate ${target}`]) sums[key] = (sums[key] ?? 0n) + stake;
  return sums;
}
