import { NOMINATIONS_MAX, STAKE_MAX } from '@gridtokenx/protocol';
import type { ElectionResult } from './result.js';
import { isSameScore, scoreOf } from './score.js';
import type { ElectionSnapshot, Nominator } from './snapshot.js';

export type ElectionFaultCode =
  | 'election.badTerms'
  | 'election.candidateTwice'
  | 'election.nominatorTwice'
  | 'election.tooManyTargets'
  | 'election.badBudget'
  | 'election.tooManyWinners'
  | 'election.winnerTwice'
  | 'election.notACandidate'
  | 'election.zeroBacked'
  | 'election.notANominator'
  | 'election.supportTwice'
  | 'election.notATarget'
  | 'election.badSupport'
  | 'election.wrongStake'
  | 'election.wrongBudget'
  | 'election.seatLeftEmpty'
  | 'election.wrongScore';

/** `about` names the candidate or nominator; it is empty where the fault is of the whole. */
export interface ElectionFault {
  readonly code: ElectionFaultCode;
  readonly about: string;
}

/** What is claimed of an election. */
export type PublishedElection = Pick<ElectionResult, 'winners' | 'score'>;

const fault = (code: ElectionFaultCode, about = ''): ElectionFault => ({ code, about });

/** SPEC election 1.2: what keeps a snapshot from being one. */
export function checkSnapshot({
  seats,
  candidates,
  nominators,
  balancing,
}: ElectionSnapshot): ElectionFault | undefined {
  const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
  if (!isCount(seats)) return fault('election.badTerms');
  if (balancing !== undefined && !(isCount(balancing.iterations) && balancing.tolerance >= 0n))
    return fault('election.badTerms');
  const seen = new Set<string>();
  for (const candidate of candidates) {
    if (seen.has(candidate)) return fault('election.candidateTwice', candidate);
    seen.add(candidate);
  }
  seen.clear();
  let staked = 0n;
  for (const { id, budget, targets } of nominators) {
    if (seen.has(id)) return fault('election.nominatorTwice', id);
    if (targets.length > NOMINATIONS_MAX) return fault('election.tooManyTargets', id);
    staked += budget;
    if (budget < 0n || staked > STAKE_MAX) return fault('election.badBudget', id);
    seen.add(id);
  }
  return undefined;
}

/**
 * SPEC election 4.3: what is wrong with a published election, if anything: supports that no nominator gave, budgets not
 * spent whole, seats left empty, a score that is not the one of its supports. Linear in snapshot and result. It says that
 * the election is feasible and as good as claimed, whoever found it; that it is the ledger's own is told by `elect`.
 */
export function checkElection(snapshot: ElectionSnapshot, published: PublishedElection): ElectionFault | undefined {
  const bad = checkSnapshot(snapshot);
  if (bad !== undefined) return bad;
  const { winners, score } = published;
  if (winners.length > snapshot.seats) return fault('election.tooManyWinners');
  const candidates = new Set(snapshot.candidates);
  const nominators = new Map(snapshot.nominators.map((nominator) => [nominator.id, nominator]));
  const given = new Map<string, bigint>();
  const won = new Set<string>();
  for (const { candidate, stake, supports } of winners) {
    if (won.has(candidate)) return fault('election.winnerTwice', candidate);
    if (!candidates.has(candidate)) return fault('election.notACandidate', candidate);
    won.add(candidate);
    const backers = new Set<string>();
    let sum = 0n;
    for (const { nominator, stake } of supports) {
      const targets = nominators.get(nominator)?.targets;
      if (targets === undefined) return fault('election.notANominator', nominator);
      if (backers.has(nominator)) return fault('election.supportTwice', nominator);
      if (!targets.includes(candidate)) return fault('election.notATarget', nominator);
      if (stake <= 0n) return fault('election.badSupport', nominator);
      backers.add(nominator);
      given.set(nominator, (given.get(nominator) ?? 0n) + stake);
      sum += stake;
    }
    if (sum !== stake) return fault('election.wrongStake', candidate);
    if (sum === 0n) return fault('election.zeroBacked', candidate);
  }
  for (const nominator of snapshot.nominators) {
    const sum = given.get(nominator.id);
    if (sum === undefined ? mustBack(nominator, won) : sum !== nominator.budget)
      return fault('election.wrongBudget', nominator.id);
  }
  if (winners.length < seatsToFill(snapshot, candidates)) return fault('election.seatLeftEmpty');
  if (!isSameScore(score, scoreOf(winners.map(({ stake }) => stake)))) return fault('election.wrongScore');
  return undefined;
}

/** SPEC election 3.3: a budget of at least as many units as targets cannot be rounded away on all of them. */
const mustBack = ({ budget, targets }: Nominator, won: ReadonlySet<string>): boolean =>
  budget > 0n && budget >= BigInt(targets.length) && targets.some((target) => won.has(target));

/**
 * SPEC election 2.6: one for each candidate that has approval. None is asked for where stakes are so small that the whole
 * backing of a winner may have been rounded away. In the count that takes, on each of its nominators, a share of the load
 * below one unit of stake; these shares are worth one together, and no load exceeds seats over the smallest approval. In
 * balancing it takes a budget with fewer units than edges.
 */
function seatsToFill({ seats, nominators }: ElectionSnapshot, candidates: ReadonlySet<string>): number {
  const approvals = new Map<string, bigint>();
  for (const { budget, targets } of nominators) {
    if (budget === 0n) continue;
    if (budget < BigInt(NOMINATIONS_MAX)) return 0;
    for (const target of new Set(targets))
      if (candidates.has(target)) approvals.set(target, (approvals.get(target) ?? 0n) + budget);
  }
  const enough = BigInt(seats) * BigInt(nominators.length);
  for (const approval of approvals.values()) if (approval <= enough) return 0;
  return Math.min(seats, approvals.size);
}
