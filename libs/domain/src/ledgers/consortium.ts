import type { Crypto } from '@gridtokenx/crypto';
import { assert, parseTime } from '@gridtokenx/kernel';
import type { ConsortiumGenesis, LedgerIdentity } from '@gridtokenx/protocol';
import { accountsModule } from '../accounts/index.js';
import { AccountsState } from '../accounts/state.js';
import type { LedgerDefinition, LedgerState } from '../ledger/definition.js';
import { defineLedger, type Ledger } from '../ledger/engine.js';
import { marketModule } from '../market/index.js';
import { rulesModule } from '../market/rules/index.js';
import { RulesState } from '../market/rules/state.js';
import { MarketState } from '../market/state.js';
import { meteringModule } from '../metering/index.js';
import { MeteringState } from '../metering/state.js';
import { networkModule } from '../network/index.js';
import { NetworkState } from '../network/state.js';
import { consortiumHost } from '../multisig/host.js';
import { multisigModule } from '../multisig/index.js';
import { MultisigState } from '../multisig/state.js';
import { settlementModule } from '../settlement/module.js';
import { PositionsState } from '../settlement/positions.js';
import { SettlementState } from '../settlement/state.js';
import { registryModule } from '../registry/index.js';
import { RegistryState } from '../registry/state.js';
import { tariffsModule } from '../tariffs/index.js';
import { TariffsState } from '../tariffs/state.js';
import { ConsortiumValidators } from '../validators/changes.js';
import { validatorsModule } from '../validators/index.js';

/** Everything that the state of the consortium ledger is made of. */
export interface ConsortiumState extends LedgerState {
  readonly registry: RegistryState;
  readonly tariffs: TariffsState;
  readonly network: NetworkState;
  readonly metering: MeteringState;
  readonly rules: RulesState;
  readonly market: MarketState;
  readonly settlement: SettlementState;
  readonly multisig: MultisigState;
  readonly validators: ConsortiumValidators;
}

/** The constitution of the consortium ledger. */
export const consortiumLedger: LedgerDefinition<ConsortiumGenesis, ConsortiumState> = {
  state: (store, genesis, { crypto }) => {
    const accounts = new AccountsState(store);
    const registry = new RegistryState(store);
    const positions = new PositionsState(store, crypto);
    const tariffs = new TariffsState(store, registry, crypto);
    const rules = new RulesState(store);
    const network = new NetworkState(store);
    const market = new MarketState(store, accounts, registry, positions, network, tariffs, rules);
    return {
      store,
      accounts,
      registry,
      tariffs,
      keys: registry.keys,
      network,
      metering: new MeteringState(store),
      rules,
      market,
      settlement: new SettlementState(store, crypto),
      multisig: new MultisigState(store),
      validators: new ConsortiumValidators(store, genesis),
    };
  },
  modules: (
    { accounts, registry, tariffs, network, metering, rules, market, settlement, multisig, validators },
    { crypto, ledgerId },
  ) => [
    registryModule(registry, crypto, (key) => validators.isBound(key), multisig),
    rulesModule({ rules, registry }),
    tariffsModule({ tariffs, registry }),
    accountsModule(accounts, registry, multisig, (account) => rules.isBarred(account)),
    networkModule({ network, registry, market }),
    meteringModule({ metering, accounts, registry, market }),
    marketModule(market),
    settlementModule({ settlement, market, metering }),
    multisigModule({ multisig, host: consortiumHost(registry), crypto }),
    validatorsModule({ validators, registry, crypto, ledgerId }),
  ],
  pace: ({ market }) => {
    const start = parseTime(market.start);
    assert(start !== undefined, 'a genesis that was read has times');
    return { ...market, start };
  },
};

export type ConsortiumLedger = Ledger<ConsortiumState>;

/** A ledger of the consortium in the state of its genesis. */
export function createConsortiumLedger(crypto: Crypto, identity: LedgerIdentity<ConsortiumGenesis>): ConsortiumLedger {
  const ledger = defineLedger(consortiumLedger, crypto, identity);
  ledger.begin();
  return ledger;
}
