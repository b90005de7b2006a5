import { assert } from '@gridtokenx/kernel';
import { STAKE_MAX } from '@gridtokenx/protocol';
import { balance, sharingOut, spendWhole } from './balance.js';
import { drain, publish, type ElectionResult } from './result.js';
import {
  candidatesOf,
  enrol,
  isElected,
  setWeight,
  type Candidate,
  type ElectionSnapshot,
  type Voter,
} from './snapshot.js';

/** SPEC election 2.1: loads and scores are fractions of this. */
const LOAD_UNIT = (1n << 128n) - 1n;

/** So many candidates are looked at in the time in which the score of one is changed: that is one unit of work. */
const CANDIDATES_PER_PAUSE = 16;

/** A candidate that nobody has elected yet, with what its election would bring on those who back it. */
interface Standing {
  readonly candidate: Candidate;
  score: bigint;
}

/**
 * SPEC election 2: sequential Phragmen as one long computation that pauses after each small piece of it, and tells then
 * how much work that was. The sum of the floors is the one that the rule asks for; only the terms of voters whose load
 * has moved are reckoned anew, for the others stay what they were.
 */
export function* count(snapshot: ElectionSnapshot): Generator<number, ElectionResult, void> {
  const { seats, nominators, balancing } = snapshot;
  assert(Number.isSafeInteger(seats) && seats >= 0, 'seats are a whole number');
  const candidates = candidatesOf(snapshot);
  const voters: Voter[] = [];
  let staked = 0n;
  for (const nominator of nominators) {
    staked += nominator.budget;
    assert(staked <= STAKE_MAX, 'more stake than the loads can tell apart');
    const voter = enrol(nominator, candidates);
    if (voter !== undefined) voters.push(voter);
    yield 1 + nominator.targets.length;
  }

  const standing = new Map<Candidate, Standing>();
  for (const candidate of candidates.values()) {
    const { approval } = candidate;
    standing.set(candidate, { candidate, score: approval === 0n ? 0n : LOAD_UNIT / approval });
    if (standing.size % CANDIDATES_PER_PAUSE === 0) yield 1;
  }

  const elected: Candidate[] = [];
  while (elected.length < seats) {
    let best: Standing | undefined;
    let looked = 0;
    for (const next of standing.values()) {
      if (best === undefined || isAhead(next, best)) best = next;
      if (++looked % CANDIDATES_PER_PAUSE === 0) yield 1;
    }
    if (best === undefined) break;
    const { candidate: winner, score } = best;
    standing.delete(winner);
    winner.round = elected.length;
    elected.push(winner);
    for (const edge of winner.backers) {
      const { voter } = edge;
      const [before, after] = [voter.load * voter.budget, score * voter.budget];
      // Never less than 0: no score falls as loads rise, so the lowest of a round is at least the one of the round before.
      edge.load = score - voter.load;
      voter.load = score;
      for (const { candidate } of voter.edges) {
        const other = standing.get(candidate);
        if (other !== undefined) other.score += after / candidate.approval - before / candidate.approval;
      }
      yield voter.edges.length;
    }
  }

  for (const voter of voters) {
    voter.edges = voter.edges.filter(isElected);
    for (const edge of voter.edges) setWeight(edge, (voter.budget * edge.load) / voter.load);
    voter.edges = voter.edges.filter(({ weight }) => weight > 0n);
    spendWhole(voter);
    yield sharingOut(voter);
  }

  if (balancing !== undefined) yield* balance(voters, balancing);
  return yield* publish(elected);
}

/** SPEC election 2.2: the lower score; nobody's candidate comes after everybody else's. The earlier of equals stays. */
const isAhead = (a: Standing, b: Standing): boolean =>
  a.candidate.approval > 0n && (b.candidate.approval === 0n || a.score < b.score);

/** The whole election at once. */
export const elect = (snapshot: ElectionSnapshot): ElectionResult => drain(count(snapshot));

/**
 * SPEC election 5: an election that goes on for several blocks. Its whole state is the snapshot and how much work was
 * granted so far: whoever has both is where everybody else is, however the work was sliced and wherever it was resumed.
 */
export class Election {
  private readonly work: Generator<number, ElectionResult, void>;
  private spent = 0;
  /** Work that was spent when the last piece began: with less than one more it was not there yet. */
  private lastBegan = 0;
  private result: ElectionResult | undefined;

  constructor(snapshot: ElectionSnapshot) {
    this.work = count(snapshot);
  }

  /**
   * Works until `granted` units are spent in all, since it began. The last piece may go over, by less than a hundred, which
   * the next grant has less. Returns the result once the granted work suffices for it; an election that is further on
   * already answers a smaller grant as if it were not.
   */
  advanceTo(granted: number): ElectionResult | undefined {
    while (this.result === undefined && this.spent < granted) {
      this.lastBegan = this.spent;
      const step = this.work.next();
      if (step.done === true) this.result = step.value;
      else this.spent += step.value;
    }
    return this.lastBegan < granted ? this.result : undefined;
  }
}
