import { assert, shareOf } from '@gridtokenx/kernel';
import { votesOf, type Conviction } from './conviction.js';

/** What an account says in one referendum, with capital in minor units. A split vote has no conviction. */
export type Vote =
  | { readonly kind: 'standard'; readonly aye: boolean; readonly conviction: Conviction; readonly capital: bigint }
  | { readonly kind: 'split'; readonly aye: bigint; readonly nay: bigint; readonly abstain: bigint };

/** In one track: another account votes for this one too, in whatever referendum this one does not vote itself. */
export interface Delegation {
  readonly to: string;
  readonly conviction: Conviction;
  readonly capital: bigint;
}

export type Votes = ReadonlyMap<string, Vote>;
export type Delegations = ReadonlyMap<string, Delegation>;

/** What stands behind either side. A sum: one contribution is added or taken away without looking at the others. */
export interface Tally {
  /** With conviction. */
  readonly ayes: bigint;
  /** With conviction. */
  readonly nays: bigint;
  /** Capital, without conviction, of whoever says aye or abstains. */
  readonly support: bigint;
}

export const NO_VOTES: Tally = { ayes: 0n, nays: 0n, support: 0n };

/** Delegations that are followed on the way from an account to the one that votes for it. */
export const DELEGATION_STEPS_MAX = 16;

export type DelegationRefusal =
  'governance.selfDelegation' | 'governance.delegationLoop' | 'governance.delegationTooLong';

export const addTally = (a: Tally, b: Tally): Tally => ({
  ayes: a.ayes + b.ayes,
  nays: a.nays + b.nays,
  support: a.support + b.support,
});

export const takeTally = (from: Tally, tally: Tally): Tally => ({
  ayes: from.ayes - tally.ayes,
  nays: from.nays - tally.nays,
  support: from.support - tally.support,
});

/** What stands on one side. */
export const onSide = (aye: boolean, votes: bigint, capital: bigint): Tally =>
  aye ? { ayes: votes, nays: 0n, support: capital } : { ayes: 0n, nays: votes, support: 0n };

/** What an account votes with. */
export const capitalOf = (vote: Vote): bigint =>
  vote.kind === 'standard' ? vote.capital : vote.aye + vote.nay + vote.abstain;

/** SPEC governance 3.1: what one vote adds. */
export function contributionOf(vote: Vote): Tally {
  if (vote.kind === 'standard') {
    const { aye, conviction, capital } = vote;
    return onSide(aye, votesOf(capital, conviction), capital);
  }
  const { aye, nay, abstain } = vote;
  assert(abstain >= 0n, 'nobody votes with less than nothing');
  return { ayes: votesOf(aye, 0), nays: votesOf(nay, 0), support: aye + abstain };
}

/** SPEC governance 3.2: what a delegation adds to the vote that it ends at: to one that is split, nothing. */
export function delegatedContributionOf({ conviction, capital }: Delegation, vote: Vote): Tally {
  return vote.kind === 'standard' ? onSide(vote.aye, votesOf(capital, conviction), capital) : NO_VOTES;
}

/** SPEC governance 3.3: who votes for an account in a referendum: itself, or the first on its way that votes; or nobody. */
export function voterOf(account: string, votes: Votes, delegations: Delegations): string | undefined {
  let at = account;
  for (let steps = 0; ; steps++) {
    if (votes.has(at)) return at;
    const delegation = delegations.get(at);
    if (delegation === undefined || steps === DELEGATION_STEPS_MAX) return undefined;
    at = delegation.to;
  }
}

/** SPEC governance 3.4: why `from` may not delegate to `to` in this track, or `undefined`. */
export function refuseDelegation(delegations: Delegations, from: string, to: string): DelegationRefusal | undefined {
  if (from === to) return 'governance.selfDelegation';
  let at = to;
  for (let steps = 1; steps <= DELEGATION_STEPS_MAX; steps++) {
    const next = delegations.get(at)?.to;
    if (next === undefined) return undefined;
    if (next === from) return 'governance.delegationLoop';
    at = next;
  }
  return 'governance.delegationTooLong';
}

/** SPEC governance 3.5: each account's capital counts once: by its own vote, or by its delegation. */
export function tallyOf(votes: Votes, delegations: Delegations): Tally {
  let tally = NO_VOTES;
  for (const vote of votes.values()) tally = addTally(tally, contributionOf(vote));
  for (const [account, delegation] of delegations) {
    const voter = voterOf(account, votes, delegations);
    const vote = voter === undefined || voter === account ? undefined : votes.get(voter);
    if (vote !== undefined) tally = addTally(tally, delegatedContributionOf(delegation, vote));
  }
  return tally;
}

/** SPEC governance 3.6: ayes of all that say either, in parts of a billion; none where nobody does. */
export const approvalOf = ({ ayes, nays }: Tally): number => shareOf(ayes, ayes + nays);

/** SPEC governance 3.6: support of all that might vote, in parts of a billion. */
export const supportOf = ({ support }: Tally, electorate: bigint): number => shareOf(support, electorate);
