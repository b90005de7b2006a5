import { assert } from '@gridtokenx/kernel';
import type { ConsortiumGenesis } from '@gridtokenx/protocol';
import type { LedgerModule } from '../ledger/module.js';
import type { MarketState } from '../market/state.js';
import { legsOfText } from './capacity.js';
import { enforce } from './enforce.js';
import { executeNetwork, NETWORK_OPERATIONS, type NetworkParts } from './execute.js';
import { endRestrictions } from './hooks.js';
import type { NetworkState } from './state.js';

/** SPEC network 1.2: what the constitution declares, both operators have agreed to. */
function genesisRows({ links, pairs, feeders, store }: NetworkState, { network }: ConsortiumGenesis): void {
  if (network === undefined) return;
  for (const { id, fromZone, toZone, forwardWh, backwardWh } of network.links) {
    const declared = { forwardWh: Number(forwardWh), backwardWh: Number(backwardWh) };
    links.set(id, { fromZone, toZone, byFrom: declared, byTo: declared });
  }
  for (const { fromZone, toZone, route } of network.pairs)
    store.change(pairs.pair(fromZone, toZone), { byFrom: route, byTo: route });
  for (const { id, zone, capacityWh } of network.feeders) feeders.set(id, { zone, capacityWh: Number(capacityWh) });
}

/** SPEC network 3.7: what links are used for, summed up anew from the forward trades that use them. */
function auditUses({ uses }: NetworkState, { contracts }: MarketState): string[] {
  const sums = new Map<string, number>();
  for (const { value } of contracts.rows.rows.values()) {
    if (value === undefined) continue;
    for (const { key } of legsOfText(value.route)) {
      const use = `${key}/${value.interval}`;
      sums.set(use, (sums.get(use) ?? 0) + value.trade.quantityWh);
    }
  }
  const faults: string[] = [];
  for (const { key, value } of uses.cells()) {
    if (value === undefined) continue;
    const sum = sums.get(key) ?? 0;
    if (value.contractWh !== sum)
      faults.push(`${key} is used for ${value.contractWh} Wh, its forward trades come to ${sum}`);
    sums.delete(key);
  }
  for (const [key, sum] of sums) if (sum !== 0) faults.push(`${key} has forward trades of ${sum} Wh and no use`);
  return faults;
}

export const networkModule = (parts: NetworkParts): LedgerModule<(typeof NETWORK_OPERATIONS)[number]> => ({
  name: 'network',
  operations: NETWORK_OPERATIONS,
  genesis: (genesis) => {
    assert(genesis.kind === 'consortium', 'only the consortium has a network');
    genesisRows(parts.network, genesis);
  },
  execute: (context, operation) => executeNetwork(parts, context, operation),
  atStart: (context) => {
    endRestrictions(parts.network, context);
    enforce(parts, context);
  },
  audit: () => auditUses(parts.network, parts.market),
});
