import { votesOf } from './conviction.js';
import {
  addTally,
  contributionOf,
  DELEGATION_STEPS_MAX,
  NO_VOTES,
  onSide,
  type Delegation,
  type Tally,
  type Vote,
} from './tally.js';

/** What delegations are worth, by how many steps they are below an account; at 0 is its own. */
class Levels {
  private readonly votes: bigint[] = [];
  private readonly capital: bigint[] = [];

  get isEmpty(): boolean {
    return this.votes.length === 0;
  }

  addAt(step: number, votes: bigint, capital: bigint): void {
    while (this.votes.length <= step) {
      this.votes.push(0n);
      this.capital.push(0n);
    }
    this.votes[step] = (this.votes[step] ?? 0n) + votes;
    this.capital[step] = (this.capital[step] ?? 0n) + capital;
    // What is nothing leaves nothing, however it came about.
    while (this.votes.at(-1) === 0n && this.capital.at(-1) === 0n) {
      this.votes.pop();
      this.capital.pop();
    }
  }

  /** The same, so many steps further down; what is too far away counts nowhere. */
  add(other: Levels, steps: number, sign: 1n | -1n): void {
    for (let step = Math.min(other.votes.length - 1, DELEGATION_STEPS_MAX - steps); step >= 0; step--)
      this.addAt(step + steps, sign * (other.votes[step] ?? 0n), sign * (other.capital[step] ?? 0n));
  }

  within(first: number, last: number): { readonly votes: bigint; readonly capital: bigint } {
    let [votes, capital] = [0n, 0n];
    for (let step = first; step < this.votes.length && step <= last; step++) {
      votes += this.votes[step] ?? 0n;
      capital += this.capital[step] ?? 0n;
    }
    return { votes, capital };
  }
}

class LevelsOf {
  private readonly levels = new Map<string, Levels>();

  get(account: string): Levels | undefined {
    return this.levels.get(account);
  }

  change(account: string, change: (levels: Levels) => void): void {
    const levels = this.levels.get(account) ?? new Levels();
    change(levels);
    if (levels.isEmpty) this.levels.delete(account);
    else this.levels.set(account, levels);
  }
}

/** The votes of one referendum. */
class Ballot {
  readonly votes = new Map<string, Vote>();
  /** Of what is below an account, that which somebody further down, who votes itself, takes along. */
  readonly taken = new LevelsOf();
}

/**
 * SPEC governance 3.3, 3.5: what stands behind whom in one track. It follows from the votes and the delegations alone, in whatever order
 * they came; one change costs as many steps as delegations are followed, for each referendum that has votes, however many delegate.
 */
export class TrackBallots {
  readonly delegations = new Map<string, Delegation>();
  private readonly below = new LevelsOf();
  private readonly ballots = new Map<number, Ballot>();

  votes(referendum: number): ReadonlyMap<string, Vote> {
    return this.ballots.get(referendum)?.votes ?? NOBODY;
  }

  delegationChanged(account: string, old: Delegation | undefined, now: Delegation | undefined): void {
    if (old !== undefined) {
      this.carry(account, old, -1n);
      this.own(account, old, -1n);
      this.delegations.delete(account);
    }
    if (now === undefined) return;
    this.own(account, now, 1n);
    this.carry(account, now, 1n);
    this.delegations.set(account, now);
  }

  private own(account: string, { capital, conviction }: Delegation, sign: 1n | -1n): void {
    this.below.change(account, (levels) => levels.addAt(0, sign * votesOf(capital, conviction), sign * capital));
  }

  /** All that is below an account, with its own, comes below everybody on the way, or goes. */
  private carry(account: string, { to }: Delegation, sign: 1n | -1n): void {
    const all = this.below.get(account);
    if (all === undefined) return;
    this.walk(to, (above, steps) => {
      this.below.change(above, (levels) => levels.add(all, steps, sign));
      return true;
    });
    for (const { votes, taken } of this.ballots.values()) {
      let along = votes.has(account) ? all : taken.get(account);
      this.walk(to, (above, steps) => {
        const levels = along;
        if (levels !== undefined) taken.change(above, (mine) => mine.add(levels, steps, sign));
        if (votes.has(above)) along = all;
        return true;
      });
    }
  }

  /** Who is asked on the way along delegations, one after another, for as long as `visit` says so. */
  private walk(to: string, visit: (account: string, steps: number) => boolean): void {
    let at: string | undefined = to;
    for (let steps = 1; at !== undefined && steps <= DELEGATION_STEPS_MAX; steps++) {
      if (!visit(at, steps)) return;
      at = this.delegations.get(at)?.to;
    }
  }

  voteChanged(referendum: number, account: string, old: Vote | undefined, now: Vote | undefined): void {
    let ballot = this.ballots.get(referendum);
    if (ballot === undefined) this.ballots.set(referendum, (ballot = new Ballot()));
    const { votes } = ballot;
    if ((old === undefined) !== (now === undefined)) this.stand(account, ballot, now === undefined ? -1n : 1n);
    if (now !== undefined) votes.set(account, now);
    else votes.delete(account);
    if (votes.size === 0) this.ballots.delete(referendum);
  }

  /** Who votes itself takes along all that is below it, so far as nobody there does: up to the next who votes. */
  private stand(account: string, { votes, taken }: Ballot, sign: 1n | -1n): void {
    const delegation = this.delegations.get(account);
    if (delegation === undefined) return;
    const all = this.below.get(account);
    const less = taken.get(account);
    this.walk(delegation.to, (above, steps) => {
      taken.change(above, (levels) => {
        if (all !== undefined) levels.add(all, steps, sign);
        if (less !== undefined) levels.add(less, steps, sign === 1n ? -1n : 1n);
      });
      return !votes.has(above);
    });
  }

  /** Of a referendum's tally, what the account and all for whom it votes, or whose delegations go over it, stand for. */
  partOf(referendum: number, account: string): Tally {
    const ballot = this.ballots.get(referendum);
    if (ballot === undefined) return NO_VOTES;
    const vote = ballot.votes.get(account);
    if (vote !== undefined)
      return addTally(contributionOf(vote), this.sideOf(ballot, vote, account, 1, DELEGATION_STEPS_MAX));
    const delegation = this.delegations.get(account);
    let part = NO_VOTES;
    if (delegation === undefined) return part;
    this.walk(delegation.to, (above, steps) => {
      const voted = ballot.votes.get(above);
      if (voted === undefined) return true;
      part = this.sideOf(ballot, voted, account, 0, DELEGATION_STEPS_MAX - steps);
      return false;
    });
    return part;
  }

  private sideOf(ballot: Ballot, vote: Vote, account: string, first: number, last: number): Tally {
    if (vote.kind === 'split') return NO_VOTES;
    const all = this.below.get(account)?.within(first, last) ?? NOTHING;
    const less = ballot.taken.get(account)?.within(first, last) ?? NOTHING;
    return onSide(vote.aye, all.votes - less.votes, all.capital - less.capital);
  }
}

const NOBODY: ReadonlyMap<string, Vote> = new Map();
const NOTHING = { votes: 0n, capital: 0n };
