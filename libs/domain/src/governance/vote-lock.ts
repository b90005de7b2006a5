import { assert } from '@gridtokenx/kernel';
import type { TimedLock } from '../accounts/locks.js';
import { CONVICTIONS, type Conviction } from './conviction.js';
import type { Delegation, Vote } from './tally.js';

function lockFrom(start: number, conviction: Conviction, capital: bigint, lockPeriodMs: number): TimedLock | undefined {
  const until = start + CONVICTIONS[conviction].lockPeriods * lockPeriodMs;
  assert(Number.isSafeInteger(until), 'a lock ends at a moment that can be told');
  return until > start ? { amount: capital, until } : undefined;
}

/** SPEC governance 1.3: what stays locked of a vote when its referendum has ended, with `aye` or nay; times in ms. */
export function lockAfterVote(
  vote: Vote,
  { aye, endedAt, lockPeriodMs }: { readonly aye: boolean; readonly endedAt: number; readonly lockPeriodMs: number },
): TimedLock | undefined {
  if (vote.kind === 'split' || vote.aye !== aye) return undefined;
  return lockFrom(endedAt, vote.conviction, vote.capital, lockPeriodMs);
}

/** SPEC governance 1.4: what stays locked when an account has taken its delegation back; times in ms. */
export const lockAfterDelegation = (
  { conviction, capital }: Delegation,
  { endedAt, lockPeriodMs }: { readonly endedAt: number; readonly lockPeriodMs: number },
): TimedLock | undefined => lockFrom(endedAt, conviction, capital, lockPeriodMs);
