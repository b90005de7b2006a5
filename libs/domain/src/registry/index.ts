import { assert } from '@gridtokenx/kernel';
import type { Crypto } from '@gridtokenx/crypto';
import { placeOfZone, type ConsortiumGenesis } from '@gridtokenx/protocol';
import { UNUSED_WINDOW } from '../ledger/keys.js';
import type { LedgerModule } from '../ledger/module.js';
import type { MultisigState } from '../multisig/state.js';
import { executeRegistry, REGISTRY_OPERATIONS } from './execute.js';
import type { RegistryState } from './state.js';

/** SPEC registry 1.3: what the constitution names exists from the start; its accounts are verified. */
function genesisRows(registry: RegistryState, genesis: ConsortiumGenesis): void {
  const registerKey = (key: string, organisation: string): void => {
    // A validator's key may also be listed with its organisation.
    if (!registry.keys.has(key))
      registry.keys.set(key, { organisation, account: '', removed: false, window: UNUSED_WINDOW });
  };
  for (const { id, sector, roles, keys } of genesis.organisations) {
    registry.organisations.set(id, { sector, roles });
    for (const key of keys) registerKey(key, id);
  }
  for (const { key, organisation } of genesis.validators) registerKey(key, organisation);
  for (const { id, organisation } of genesis.accounts)
    registry.accounts.set(id, { organisation, kyc: 'verified', kycUntil: 0 });
  for (const zone of genesis.zones) {
    const { territory, voltage } = placeOfZone(zone);
    registry.zones.set(zone.id, { operator: zone.operator, account: zone.account, territory, voltage });
  }
}

export const registryModule = (
  registry: RegistryState,
  crypto: Crypto,
  isValidatorKey: (key: string) => boolean,
  multisig: MultisigState,
): LedgerModule<(typeof REGISTRY_OPERATIONS)[number]> => ({
  name: 'registry',
  operations: REGISTRY_OPERATIONS,
  genesis: (genesis) => {
    assert(genesis.kind === 'consortium', 'only the consortium has a registry');
    genesisRows(registry, genesis);
  },
  execute: (context, operation) => executeRegistry({ registry, crypto, isValidatorKey, multisig }, context, operation),
});
