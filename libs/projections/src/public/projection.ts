import { isHexAccount, PARAMETER_NAMES, type PublicGenesis } from '@gridtokenx/protocol';
import { createProjection } from '../projection.js';
import { PUBLIC_MODULES, PublicCollector } from './collector.js';
import { GRID } from './rows.js';

export const publicProjection = createProjection({
  kind: 'public',
  modules: PUBLIC_MODULES,
  collect: (height) => new PublicCollector(height),
  genesis: (genesis) => {
    const { accounts, validators } = genesis;
    const collector = new PublicCollector(0);
    beginWith(collector.changes, genesis);
    const key = { organisation: undefined, removedHeight: undefined };
    return {
      ...collector.done(),
      // Who owns an account signs for it; the keys that sign blocks own none.
      keys: [
        ...accounts.filter(({ id }) => !isHexAccount(id)).map(({ id }) => ({ kid: id, account: id, ...key })),
        ...validators.map(({ key: kid }) => ({ kid, account: undefined, ...key })),
      ],
      balances: accounts.map(({ id, amount }) => ({ account: id, asset: GRID, available: BigInt(amount), held: 0n })),
    };
  },
});

/** What the genesis declares stands from the start: parameters, bonds, and the first set, which nobody elected. */
function beginWith(
  changes: PublicCollector['changes'],
  { accounts, validators, nominators, parameters }: PublicGenesis,
): void {
  for (const name of PARAMETER_NAMES) changes.put('parameter', name, { value: parameters[name] });
  for (const { amount } of accounts) changes.add('issued', 'genesis', BigInt(amount));
  for (const { account, bond } of [...validators, ...nominators]) {
    changes.patch('bond', account, {});
    changes.add('bonded', account, BigInt(bond));
    changes.add('active', account, BigInt(bond));
  }
  for (const { account, key, commission } of validators)
    changes.put('candidate', account, { key, commission, stands: true });
  for (const { account, targets } of nominators) changes.put('nominator', account, { targets });
}
