import { firstMarketRules, type ConsortiumGenesis } from '@gridtokenx/protocol';
import { createProjection } from '../projection.js';
import type { KeyRow } from '../rows.js';
import { CONSORTIUM_MODULES, ConsortiumCollector } from './collector.js';
import { pairId } from './lists.js';

export const consortiumProjection = createProjection({
  kind: 'consortium',
  modules: CONSORTIUM_MODULES,
  collect: (height) => new ConsortiumCollector(height),
  genesis: (genesis) => {
    const { organisations, accounts, zones, market, network } = genesis;
    // Nothing has happened yet but what the genesis declares.
    const collector = new ConsortiumCollector(0);
    const { changes } = collector;
    changes.put('rules', '1', { validFrom: market.start, rules: firstMarketRules(market) });
    for (const { id, ...link } of network?.links ?? []) changes.put('link', id, link);
    for (const pair of network?.pairs ?? []) changes.put('pair', pairId(pair), { ...pair, isOpen: true });
    for (const { id, ...feeder } of network?.feeders ?? []) changes.put('feeder', id, feeder);
    return {
      ...collector.done(),
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
