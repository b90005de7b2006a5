import { assert } from '@gridtokenx/kernel';

export interface Backing {
  readonly account: string;
  readonly stake: bigint;
}

/** Who stood behind a validator in one era, and with what: fixed when the era began, whatever anyone does later. */
export interface Exposure {
  readonly validator: string;
  readonly own: bigint;
  /** Each account once, none of them the validator, each with more than nothing. */
  readonly backers: readonly Backing[];
}

/** All that stands behind the validator, in minor units. */
export function exposureTotal({ validator, own, backers }: Exposure): bigint {
  assert(own >= 0n, 'a validator stakes nothing or more');
  const accounts = new Set([validator]);
  let total = own;
  for (const { account, stake } of backers) {
    assert(!accounts.has(account), 'an account stands once in an exposure');
    assert(stake > 0n, 'a backer stakes something');
    accounts.add(account);
    total += stake;
  }
  return total;
}
