import { BILLION_PARTS } from '@gridtokenx/kernel';
import { balance } from './balance.js';
import { drain, publish, type ElectionResult } from './result.js';
import { candidatesOf, enrol, setWeight, type Candidate, type ElectionSnapshot, type Voter } from './snapshot.js';

/** A fraction of whole stakes. */
interface Ratio {
  readonly above: bigint;
  readonly below: bigint;
}

const isMore = (a: Ratio, b: Ratio): boolean => a.above * b.below > b.above * a.below;

/** To the nearest, down from the middle. */
function nearest({ above, below }: Ratio): bigint {
  const whole = above / below;
  return 2n * (above - whole * below) > below ? whole + 1n : whole;
}

/**
 * SPEC election 6.1: PhragMMS, another way to elect, which comes nearer to the highest least stake: for whoever looks for a
 * solution with a better score than the one of the ledger. It wants balancing: without, a small winner may be left with
 * nothing, and the result would be refused for an empty seat.
 */
export function phragmms(snapshot: ElectionSnapshot): ElectionResult {
  const candidates = candidatesOf(snapshot);
  const voters = snapshot.nominators.flatMap((nominator) => enrol(nominator, candidates) ?? []);
  const elected: Candidate[] = [];
  while (elected.length < snapshot.seats) {
    const best = bestOf([...candidates.values()], voters);
    if (best === undefined) break;
    seat(best.candidate, nearest(best.score));
    best.candidate.round = elected.length;
    elected.push(best.candidate);
    if (snapshot.balancing !== undefined) drain(balance(voters, snapshot.balancing));
  }
  return drain(publish(elected));
}

/** The highest of approval over (1 + the shares of winners' stakes that its backers hold); the first of equals. */
function bestOf(
  candidates: readonly Candidate[],
  voters: readonly Voter[],
): { readonly candidate: Candidate; readonly score: Ratio } | undefined {
  const belows = new Map<Candidate, bigint>();
  for (const { edges } of voters) {
    let held = 0n;
    for (const { candidate, weight } of edges)
      if (candidate.round !== undefined && candidate.stake > 0n) held += (weight * BILLION_PARTS) / candidate.stake;
    for (const { candidate } of edges) belows.set(candidate, (belows.get(candidate) ?? BILLION_PARTS) + held);
  }
  let best: { readonly candidate: Candidate; readonly score: Ratio } | undefined;
  for (const candidate of candidates) {
    if (candidate.round !== undefined || candidate.approval === 0n) continue;
    const score = { above: candidate.approval * BILLION_PARTS, below: belows.get(candidate) ?? BILLION_PARTS };
    if (best === undefined || isMore(score, best.score)) best = { candidate, score };
  }
  return best;
}

/** Gives a winner what its backers have unused, and what they hold of winners above `cutoff`, in proportion. */
function seat(winner: Candidate, cutoff: bigint): void {
  for (const edge of winner.backers) {
    const { voter } = edge;
    let given = voter.edges.reduce((unused, { weight }) => unused - weight, voter.budget);
    for (const other of voter.edges) {
      const { stake } = other.candidate;
      if (other === edge || other.weight === 0n || stake <= cutoff) continue;
      const taken = (other.weight * cutoff) / stake;
      setWeight(other, other.weight - taken);
      given += taken;
    }
    setWeight(edge, given);
  }
}
