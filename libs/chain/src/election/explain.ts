import type { PublishedElection } from './check.js';
import { sharesOf } from './normalise.js';
import type { ElectionSnapshot } from './snapshot.js';

/**
 * Why a nominator's stake backs a target or not. Stakes are in the unit of the snapshot, shares in billionths of the budget.
 *
 * - `backed`: it won, and so much of the stake is behind it. `total` is all that is.
 * - `backedByOthers`: it won, and the budget went to others that the nominator names, who needed it more.
 * - `outvoted`: it did not win. `approval` is the stake of all who name it, `spent` what of that backs winners that those
 *   nominators name as well; `least` is what stands behind the winner with the least.
 * - `notACandidate`, `namedBefore`: it did not count.
 */
export type TargetStory =
  | {
      readonly target: string;
      readonly outcome: 'backed';
      readonly stake: bigint;
      readonly share: bigint;
      readonly total: bigint;
      readonly round: number;
    }
  | { readonly target: string; readonly outcome: 'backedByOthers'; readonly total: bigint; readonly round: number }
  | {
      readonly target: string;
      readonly outcome: 'outvoted';
      readonly approval: bigint;
      readonly spent: bigint;
      readonly least: bigint;
    }
  | { readonly target: string; readonly outcome: 'notACandidate' | 'namedBefore' };

export interface NominatorStory {
  readonly nominator: string;
  readonly budget: bigint;
  /** What of the budget backs winners: all of it or nothing. */
  readonly backing: bigint;
  /** In the nominator's order. */
  readonly targets: readonly TargetStory[];
}

/** SPEC election 4.4: whom one nominator's stake backs, and why; `undefined` for a stranger. Linear in the snapshot. */
export function explainElection(
  snapshot: ElectionSnapshot,
  { winners, score }: PublishedElection,
  nominator: string,
): NominatorStory | undefined {
  const own = snapshot.nominators.find(({ id }) => id === nominator);
  if (own === undefined) return undefined;
  const candidates = new Set(snapshot.candidates);
  const won = new Map(winners.map((winner) => [winner.candidate, winner]));
  const spending = new Map<string, bigint>();
  const given = new Map<string, bigint>();
  for (const { candidate, supports } of winners)
    for (const support of supports) {
      spending.set(support.nominator, (spending.get(support.nominator) ?? 0n) + support.stake);
      if (support.nominator === nominator) given.set(candidate, support.stake);
    }
  const backed = [...given.keys()];
  const shares = backed.length === 0 ? [] : sharesOf([...given.values()], own.budget);

  const storyOf = (target: string, at: number): TargetStory => {
    if (own.targets.indexOf(target) < at) return { target, outcome: 'namedBefore' };
    if (!candidates.has(target)) return { target, outcome: 'notACandidate' };
    const winner = won.get(target);
    const stake = given.get(target);
    if (winner === undefined) {
      const [approval, spent] = approvalOf(snapshot, target, spending);
      return { target, outcome: 'outvoted', approval, spent, least: score.minimalStake };
    }
    const { stake: total, round } = winner;
    if (stake === undefined) return { target, outcome: 'backedByOthers', total, round };
    return { target, outcome: 'backed', stake, share: shares[backed.indexOf(target)] ?? 0n, total, round };
  };
  return {
    nominator,
    budget: own.budget,
    backing: spending.get(nominator) ?? 0n,
    targets: own.targets.map(storyOf),
  };
}

function approvalOf(
  { nominators }: ElectionSnapshot,
  target: string,
  spending: ReadonlyMap<string, bigint>,
): [approval: bigint, spent: bigint] {
  let [approval, spent] = [0n, 0n];
  for (const { id, budget, targets } of nominators) {
    if (!targets.includes(target)) continue;
    approval += budget;
    spent += spending.get(id) ?? 0n;
  }
  return [approval, spent];
}
