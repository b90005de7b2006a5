import type { LedgerModule } from '../ledger/module.js';
import type { MultisigState } from '../multisig/state.js';
import type { RegistryState } from '../registry/state.js';
import { ACCOUNTS_OPERATIONS, executeAccounts } from './execute.js';
import { WATT, type AccountsState } from './state.js';

export const accountsModule = (
  accounts: AccountsState,
  registry: RegistryState,
  multisig: MultisigState,
  isBarred: (account: string) => boolean,
): LedgerModule<(typeof ACCOUNTS_OPERATIONS)[number]> => ({
  name: 'accounts',
  operations: ACCOUNTS_OPERATIONS,
  genesis: () => accounts.supplies.set(WATT, accounts.supply(WATT)),
  execute: (context, operation) => executeAccounts({ accounts, registry, multisig, isBarred }, context, operation),
});
