import { scoreOf, type ElectionScore } from './score.js';
import type { Candidate } from './snapshot.js';

/** What of one nominator's budget backs a winner. */
export interface Support {
  readonly nominator: string;
  readonly stake: bigint;
}

export interface Winner {
  readonly candidate: string;
  /** In which it was elected, from 0. */
  readonly round: number;
  /** The sum of its supports. */
  readonly stake: bigint;
  /** In the order of the nominators, none of 0. */
  readonly supports: readonly Support[];
}

export interface ElectionResult {
  /** In the order of their election; fewer than seats where fewer are backed. */
  readonly winners: readonly Winner[];
  readonly score: ElectionScore;
  /** Elected, but backed by nobody: they have no seat (SPEC election 2.5). */
  readonly stripped: readonly string[];
}

/** One winner's supports are many: after so many the work pauses. */
const SUPPORTS_PER_PAUSE = 64;

/** Yields the work done, one for each edge looked at. */
export function* publish(elected: readonly Candidate[]): Generator<number, ElectionResult, void> {
  const winners: Winner[] = [];
  const stripped: string[] = [];
  for (const [round, { id, stake, backers }] of elected.entries()) {
    if (stake === 0n) {
      stripped.push(id);
      continue;
    }
    const supports: Support[] = [];
    for (const [at, { voter, weight }] of backers.entries()) {
      if (weight > 0n) supports.push({ nominator: voter.id, stake: weight });
      if (at % SUPPORTS_PER_PAUSE === SUPPORTS_PER_PAUSE - 1) yield SUPPORTS_PER_PAUSE;
    }
    yield 1;
    winners.push({ candidate: id, round, stake, supports });
  }
  return { winners, score: scoreOf(winners.map(({ stake }) => stake)), stripped };
}

/** All that is left to do, at once. */
export function drain<Result>(work: Generator<number, Result, void>): Result {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}
