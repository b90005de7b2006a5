import { assert } from '@gridtokenx/kernel';
import { rejected, TREASURY_ACCOUNT, type OperationOf, type RejectedOutcome } from '@gridtokenx/protocol';
import { NO_SUPPLY, type AccountsState } from '../accounts/state.js';
import { UNUSED_WINDOW } from '../ledger/keys.js';
import type { LedgerModule, OperationContext } from '../ledger/module.js';
import type { ParametersState } from '../parameters/state.js';
import { collectFees } from './fees.js';
import { GRID, type GridState } from './state.js';

/** What the module needs of the ledger around it. */
export interface GridParts {
  readonly grid: GridState;
  readonly accounts: AccountsState;
  readonly parameters: ParametersState;
}

/** The last module of its ledger: fees are taken when all else of a block is done. */
export const gridModule = ({ grid, accounts, parameters }: GridParts): LedgerModule<'grid.transfer'> => ({
  name: 'grid',
  operations: ['grid.transfer'],
  genesis: (genesis) => {
    assert(genesis.kind === 'public', 'only the public ledger has GRID');
    grid.named.set(TREASURY_ACCOUNT, 'treasury');
    let sum = 0n;
    for (const { id, amount } of genesis.accounts) {
      sum += BigInt(amount);
      accounts.add(accounts.cell(id, GRID), BigInt(amount));
      if (id !== TREASURY_ACCOUNT)
        grid.keys.set(id, { organisation: '', account: id, removed: false, window: UNUSED_WINDOW });
    }
    accounts.supplies.set(GRID, { ...NO_SUPPLY, genesis: sum });
  },
  execute: (context, operation) => transfer(grid, parameters, context, operation),
  atEnd: (context) => collectFees(grid, context),
  audit: () => auditSupply(grid),
});

/** SPEC grid 1.3: the reasons explain all of it. */
function auditSupply(grid: GridState): string[] {
  const { genesis, issued, destroyed, total } = grid.explainSupply();
  const sum = (amounts: Readonly<Record<string, bigint>>): bigint =>
    Object.values(amounts).reduce((all, amount) => all + amount, 0n);
  const explained = genesis + sum(issued) - sum(destroyed);
  return explained === total ? [] : [`there is ${total} GRID, and reasons for ${explained}`];
}

/** SPEC grid 2.1 */
function transfer(
  grid: GridState,
  parameters: ParametersState,
  context: OperationContext,
  { to, amount, close }: OperationOf<'grid.transfer'>,
): RejectedOutcome | undefined {
  const { account } = context.key;
  if (account === '') return rejected('key.notAuthorised');
  if (!parameters.get('switches.transfers')) return rejected('parameters.closed');
  const refusal = grid.pay(context, account, to, BigInt(amount), close);
  if (refusal !== undefined) return refusal;
  context.events.push({ type: 'grid.transferred', from: account, to, amount });
  return undefined;
}
