import type { Crypto } from '@gridtokenx/crypto';
import type { Genesis } from '@gridtokenx/protocol';
import { accountsModule } from './accounts/index.js';
import { AccountsState } from './accounts/state.js';
import type { LedgerModule } from './ledger/module.js';
import type { Store } from './ledger/store.js';
import { marketModule } from './market/index.js';
import { MarketState } from './market/state.js';
import { meteringModule } from './metering/index.js';
import { MeteringState } from './metering/state.js';
import { registryModule } from './registry/index.js';
import { RegistryState } from './registry/state.js';
import { validatorsModule } from './validators/index.js';
import { ValidatorsState } from './validators/state.js';

/** Everything that the state of the consortium ledger is made of. */
export interface ConsortiumState {
  readonly store: Store;
  readonly accounts: AccountsState;
  readonly registry: RegistryState;
  readonly metering: MeteringState;
  readonly market: MarketState;
  readonly validators: ValidatorsState;
}

export function consortiumState(store: Store, genesis: Genesis): ConsortiumState {
  const accounts = new AccountsState(store);
  const registry = new RegistryState(store);
  return {
    store,
    accounts,
    registry,
    metering: new MeteringState(store),
    market: new MarketState(store, accounts, registry, genesis),
    validators: new ValidatorsState(store, genesis),
  };
}

/** The constitution of the consortium ledger: its modules; hooks run in this order. */
export function consortiumModules(state: ConsortiumState, crypto: Crypto, ledgerId: string): readonly LedgerModule[] {
  const { accounts, registry, metering, market, validators } = state;
  return [
    registryModule(registry, crypto, (key) => validators.isBound(key)),
    accountsModule(accounts, registry),
    meteringModule({ metering, accounts, registry, market }),
    marketModule(market, metering),
    validatorsModule({ validators, registry, crypto, ledgerId }),
  ];
}
