import { NO_LOCKS } from '../accounts/locks.js';
import { GRID } from '../grid/state.js';
import { bondTotal } from './bond.js';
import { exposureTotal } from './exposure.js';
import type { StakingParts } from './surroundings.js';

/** SPEC staking 9.1: what is bonded is there, and locked; and what else of staking can be told from the state alone. */
export function auditStaking({ staking, grid, accounts, validators }: StakingParts): string[] {
  const faults: string[] = [];
  const lockOf = (account: string): bigint =>
    (grid.locks.get(account) ?? NO_LOCKS).standing.find(({ reason }) => reason === 'staking')?.amount ?? 0n;
  for (const { key: account, value: bond } of staking.bonds.rows.values()) {
    if (bond === undefined) continue;
    const total = bondTotal(bond);
    if (accounts.available(account, GRID) < total) faults.push(`${account} has bonded more than it has`);
    if (lockOf(account) !== total) faults.push(`what ${account} has bonded is not what is locked of it`);
    if (bond.active < 0n || bond.unbonding.some(({ amount }) => amount <= 0n)) faults.push(`${account} has a bad bond`);
  }
  for (const account of grid.locks.rows.keys())
    if (lockOf(account) !== 0n && !staking.bonds.has(account)) faults.push(`${account} is locked for no bond`);
  const { election } = staking;
  for (const { key: era, value: row } of staking.eras.rows.values()) {
    if (row === undefined) continue;
    for (const { account, key } of row.members) {
      if (staking.exposure(Number(era), account) === undefined)
        faults.push(`nothing stands behind ${account} in era ${era}`);
      if (validators.validators.get(key)?.organisation !== account) faults.push(`${key} is no key of ${account}`);
    }
    const staked = row.members.reduce((sum, { account }) => {
      const exposure = staking.exposure(Number(era), account);
      return sum + (exposure === undefined ? 0n : exposureTotal(exposure));
    }, 0n);
    if (staked !== row.staked) faults.push(`era ${era} has other stakes than its exposures`);
  }
  if (election.phase === 'fixed' && election.era > 0) {
    const next = new Set(staking.era(election.era)?.members.map(({ key }) => key) ?? []);
    for (const [key, row] of validators.all())
      if (row.next !== next.has(key)) faults.push(`${key} is in one set of era ${election.era} and not in the other`);
  }
  return faults;
}
