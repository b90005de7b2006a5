import { assert, compareText } from '@gridtokenx/kernel';

/** A lock that ends by itself. */
export interface TimedLock {
  readonly amount: bigint;
  /** The first moment at which it is gone; a safe integer of whatever clock the ledger locks by. */
  readonly until: number;
}

/**
 * What of a balance may not be spent, and why. Locks overlay: the same coins may be locked for several reasons, so the
 * greatest lock counts and never the sum. An immutable value, in minor units.
 */
export interface Locks {
  /** Without an end, by reason, in the order of the reasons; none is of nothing. */
  readonly standing: readonly { readonly reason: string; readonly amount: bigint }[];
  /** Those that end later are smaller: what a lock of at least the amount outlasts, it swallows. */
  readonly timed: readonly TimedLock[];
}

/** How many locks that end by themselves are told apart. */
export const TIMED_LOCKS_MAX = 32;

export const NO_LOCKS: Locks = { standing: [], timed: [] };

/** SPEC staking 8.1: in place of the lock that had this reason; zero takes it away. */
export function withLock(locks: Locks, reason: string, amount: bigint): Locks {
  assert(amount >= 0n, 'a lock is not negative');
  const others = locks.standing.filter((lock) => lock.reason !== reason);
  const standing = amount === 0n ? others : [...others, { reason, amount }];
  return { ...locks, standing: standing.sort((a, b) => compareText(a.reason, b.reason)) };
}

/** SPEC staking 8.2: beside all that are there; where they would be too many, the two that end closest to each other become one. */
export function withTimedLock(locks: Locks, lock: TimedLock): Locks {
  assert(lock.amount >= 0n && Number.isSafeInteger(lock.until), 'a timed lock has an amount and an end');
  const swallows = (one: TimedLock, other: TimedLock): boolean =>
    one.amount >= other.amount && one.until >= other.until;
  if (lock.amount === 0n || locks.timed.some((other) => swallows(other, lock))) return locks;
  const timed = [...locks.timed.filter((other) => !swallows(lock, other)), lock];
  timed.sort((a, b) => a.until - b.until);
  return { ...locks, timed: timed.length > TIMED_LOCKS_MAX ? withoutClosest(timed) : timed };
}

/** The greater amount of the two, until the later end. */
function withoutClosest(timed: readonly TimedLock[]): readonly TimedLock[] {
  let [closest, between] = [0, Infinity];
  for (let i = 0; i + 1 < timed.length; i++) {
    const gap = (timed[i + 1] as TimedLock).until - (timed[i] as TimedLock).until;
    if (gap < between) [closest, between] = [i, gap];
  }
  return timed.flatMap((lock, i) =>
    i === closest ? [] : [i === closest + 1 ? { ...lock, amount: (timed[closest] as TimedLock).amount } : lock],
  );
}

/** SPEC staking 8.2: without those that have ended. */
export const withoutEnded = (locks: Locks, now: number): Locks => ({
  ...locks,
  timed: locks.timed.filter(({ until }) => until > now),
});

/** SPEC staking 8.3: how much is locked at `now`. */
export function lockedAt(locks: Locks, now: number): bigint {
  let most = 0n;
  for (const { amount } of locks.standing) if (amount > most) most = amount;
  for (const { amount, until } of locks.timed) if (until > now && amount > most) most = amount;
  return most;
}

/** SPEC staking 8.3: what of `balance` may be spent; nothing where a slash left less than is locked. */
export function spendableAt(balance: bigint, locks: Locks, now: number): bigint {
  const locked = lockedAt(locks, now);
  return balance > locked ? balance - locked : 0n;
}
