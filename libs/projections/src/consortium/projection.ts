import type { ConsortiumGenesis } from '@gridtokenx/protocol';
import { createProjection } from '../projection.js';
import type { KeyRow } from '../rows.js';
import { CONSORTIUM_MODULES, ConsortiumCollector } from './collector.js';

export const consortiumProjection = createProjection({
  kind: 'consortium',
  modules: CONSORTIUM_MODULES,
  collect: (height) => new ConsortiumCollector(height),
  genesis: (genesis) => {
    const { organisations, accounts, zones } = genesis;
    return {
      // Nothing has happened yet but what the genesis declares.
      ...new ConsortiumCollector(0).done(),
      keys: keysOf(genesis),
      balances: [],
      organisations: organisations.map(({ id, sector, roles }) => ({ organisation: id, sector, roles })),
      accounts: accounts.map(({ id, organisation }) => ({
        account: id,
        organisation,
        kycStatus: 'verified' as const,
        kycUntilMs: undefined,
      })),
      zones: zones.map(({ id, operator, account }) => ({ zone: id, operator, account })),
    };
  },
});

/** Of organisations, then of validators, each once: a validator's key may also be listed with its organisation. */
function keysOf({ organisations, validators }: ConsortiumGenesis): KeyRow[] {
  const rows = new Map<string, KeyRow>();
  const register = (kid: string, organisation: string): void => {
    if (!rows.has(kid)) rows.set(kid, { kid, organisation, account: undefined, removedHeight: undefined });
  };
  for (const { id, keys } of organisations) for (const kid of keys) register(kid, id);
  for (const { key, organisation } of validators) register(key, organisation);
  return [...rows.values()];
}
