import { Election, type ElectionSnapshot, type Nominator } from '@gridtokenx/chain';
import { compareText } from '@gridtokenx/kernel';
import type { StakingState } from './state.js';

/** SPEC staking 10.3 */
export const BALANCING = { iterations: 3, tolerance: 0n } as const;

/**
 * SPEC staking 10.2: what the election under way is held on: rows as they stood when it began. Of a nominator's targets those
 * that stand, once each; who has none of them, or no stake, does not count.
 */
export function snapshotOf(state: StakingState): ElectionSnapshot {
  const { seats, minimumBond } = state.election;
  const candidates: string[] = [];
  const nominators: Nominator[] = [];
  for (const { key: id, value } of state.candidates.rows.values()) {
    if (value === undefined || !state.standingAsOf(value)) continue;
    const budget = state.activeAsOf(id);
    if (budget < minimumBond) continue;
    candidates.push(id);
    nominators.push({ id, budget, targets: [id] });
  }
  const standing = new Set(candidates);
  for (const { key: id, value } of state.nominations.rows.values()) {
    if (value === undefined) continue;
    const targets = state.targetsAsOf(value).filter((target) => standing.has(target));
    const budget = targets.length > 0 ? state.activeAsOf(id) : 0n;
    if (budget > 0n) nominators.push({ id, budget, targets });
  }
  return {
    seats,
    candidates: candidates.sort(compareText),
    nominators: nominators.sort((a, b) => compareText(a.id, b.id)),
    balancing: BALANCING,
  };
}

/** The election under way, beside the state: made of it again whenever it is not there. */
export class ElectionCache {
  private held: { readonly snapshot: ElectionSnapshot; readonly election: Election } | undefined;

  constructor(private readonly state: StakingState) {
    // Rows of another block may have begun it: what is known of it is worth nothing then.
    state.onElection = () => {
      this.held = undefined;
    };
  }

  private get current(): { readonly snapshot: ElectionSnapshot; readonly election: Election } {
    if (this.held === undefined) {
      const snapshot = snapshotOf(this.state);
      this.held = { snapshot, election: new Election(snapshot) };
    }
    return this.held;
  }

  get snapshot(): ElectionSnapshot {
    return this.current.snapshot;
  }

  /** SPEC election 5: the result, once the units that were granted suffice for it. */
  advanceTo(granted: number): ReturnType<Election['advanceTo']> {
    return this.current.election.advanceTo(granted);
  }
}
