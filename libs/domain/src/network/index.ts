import { assert } from '@gridtokenx/kernel';
import type { ConsortiumGenesis } from '@gridtokenx/protocol';
import type { LedgerModule } from '../ledger/module.js';
import type { RegistryState } from '../registry/state.js';
import { executeNetwork, NETWORK_OPERATIONS } from './execute.js';
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

export const networkModule = (
  network: NetworkState,
  registry: RegistryState,
): LedgerModule<(typeof NETWORK_OPERATIONS)[number]> => ({
  name: 'network',
  operations: NETWORK_OPERATIONS,
  genesis: (genesis) => {
    assert(genesis.kind === 'consortium', 'only the consortium has a network');
    genesisRows(network, genesis);
  },
  execute: (context, operation) => executeNetwork({ network, registry }, context, operation),
  atStart: (context) => endRestrictions(network, context),
});
