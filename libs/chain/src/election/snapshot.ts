import { assert } from '@gridtokenx/kernel';
import { NOMINATIONS_MAX } from '@gridtokenx/protocol';

/** `budget` is in the smallest unit of the stake. The order of `targets` is the nominator's; it decides only remainders. */
export interface Nominator {
  readonly id: string;
  readonly budget: bigint;
  readonly targets: readonly string[];
}

/** At most `iterations` rounds, fewer when none moves a difference of more than `tolerance`, in the unit of the stake. */
export interface Balancing {
  readonly iterations: number;
  readonly tolerance: bigint;
}

/** All that an election is decided by, as it stood at one block. The order of the candidates decides ties. */
export interface ElectionSnapshot {
  readonly seats: number;
  readonly candidates: readonly string[];
  readonly nominators: readonly Nominator[];
  readonly balancing?: Balancing;
}

/** A candidate in the count. */
export interface Candidate {
  readonly id: string;
  /** The sum of the budgets of all who name it. */
  approval: bigint;
  /** Edges of all who name it, in the order of the nominators. */
  readonly backers: Edge[];
  /** The round in which it was elected, from 0. */
  round: number | undefined;
  /** The sum of the weights of its edges. */
  stake: bigint;
}

/** One nominator's naming of one candidate. `weight` is what of the nominator's budget backs it. */
export interface Edge {
  readonly voter: Voter;
  readonly candidate: Candidate;
  load: bigint;
  weight: bigint;
}

/** A nominator in the count. */
export interface Voter {
  readonly id: string;
  readonly budget: bigint;
  load: bigint;
  edges: Edge[];
}

export function candidatesOf({ candidates }: ElectionSnapshot): Map<string, Candidate> {
  const byId = new Map<string, Candidate>();
  for (const id of candidates) byId.set(id, { id, approval: 0n, backers: [], round: undefined, stake: 0n });
  assert(byId.size === candidates.length, 'a candidate stands twice in an election');
  return byId;
}

/**
 * SPEC election 1.3: the nominator in the count, or nothing where it has no stake or names no candidate. Names of no
 * candidate, and second namings of one, are passed over.
 */
export function enrol(
  { id, budget, targets }: Nominator,
  candidates: ReadonlyMap<string, Candidate>,
): Voter | undefined {
  assert(budget >= 0n && targets.length <= NOMINATIONS_MAX, `nominator ${id} was never to be admitted`);
  if (budget === 0n) return undefined;
  const voter: Voter = { id, budget, load: 0n, edges: [] };
  for (const target of targets) {
    const candidate = candidates.get(target);
    if (candidate === undefined || voter.edges.some((edge) => edge.candidate === candidate)) continue;
    const edge: Edge = { voter, candidate, load: 0n, weight: 0n };
    voter.edges.push(edge);
    candidate.backers.push(edge);
    candidate.approval += budget;
  }
  return voter.edges.length > 0 ? voter : undefined;
}

export const isElected = ({ candidate }: Edge): boolean => candidate.round !== undefined;

/** Moves an edge's weight, and the stake behind its candidate with it. */
export function setWeight(edge: Edge, weight: bigint): void {
  edge.candidate.stake += weight - edge.weight;
  edge.weight = weight;
}
