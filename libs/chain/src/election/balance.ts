import { normalise } from './normalise.js';
import { isElected, setWeight, type Balancing, type Edge, type Voter } from './snapshot.js';

/** The work it takes to share one voter's budget out, in scores changed. */
export const sharingOut = ({ edges }: Voter): number => 4 * (1 + edges.length);

/** Moves the weights of elected edges as little as it takes for them to sum to the voter's budget. */
export function spendWhole(voter: Voter): void {
  const edges = voter.edges.filter(isElected);
  const weights = normalise(
    edges.map(({ weight }) => weight),
    voter.budget,
  );
  for (const [at, edge] of edges.entries()) setWeight(edge, weights[at] ?? 0n);
}

const byStake = ({ candidate: { stake: a } }: Edge, { candidate: { stake: b } }: Edge): number =>
  a < b ? -1 : a > b ? 1 : 0;

/**
 * SPEC election 3.4: shares one voter's budget out anew among the winners it names, so that those with the least behind
 * them come out level. Returns how far they were apart before; below `tolerance` nothing is moved.
 */
export function balanceVoter(voter: Voter, tolerance: bigint): bigint {
  const edges = voter.edges.filter(isElected);
  if (edges.length < 2) return 0n;
  let lowest: bigint | undefined;
  let highest: bigint | undefined;
  let unused = voter.budget;
  for (const { candidate, weight } of edges) {
    unused -= weight;
    if (lowest === undefined || candidate.stake < lowest) lowest = candidate.stake;
    if (weight > 0n && (highest === undefined || candidate.stake > highest)) highest = candidate.stake;
  }
  const apart = highest === undefined ? voter.budget : highest - (lowest ?? 0n) + unused;
  if (highest !== undefined && apart < tolerance) return apart;

  for (const edge of edges) setWeight(edge, 0n);
  edges.sort(byStake);
  // So many of the poorest as the budget can lift to the level of the richest of them.
  let reached: readonly Edge[] = edges;
  let level = 0n;
  let below = 0n;
  for (const [at, { candidate }] of edges.entries()) {
    if (candidate.stake * BigInt(at) - below > voter.budget) {
      reached = edges.slice(0, at);
      break;
    }
    below += candidate.stake;
    level = candidate.stake;
  }
  const ways = BigInt(reached.length);
  const above = (voter.budget + below - level * ways) / ways;
  for (const edge of reached) setWeight(edge, level + above - edge.candidate.stake);
  spendWhole(voter);
  return apart;
}

/**
 * Rounds over all voters in their order, until none was apart by more than the tolerance. Yields the work done for each
 * voter.
 */
export function* balance(
  voters: readonly Voter[],
  { iterations, tolerance }: Balancing,
): Generator<number, void, void> {
  for (let round = 0; round < iterations; round++) {
    let widest = 0n;
    for (const voter of voters) {
      const apart = balanceVoter(voter, tolerance);
      if (apart > widest) widest = apart;
      yield sharingOut(voter);
    }
    if (widest <= tolerance) return;
  }
}
