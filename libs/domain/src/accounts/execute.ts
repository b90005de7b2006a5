import { unreachable } from '@gridtokenx/kernel';
import { rejected, type OperationOf, type RejectedOutcome } from '@gridtokenx/protocol';
import type { OperationContext } from '../ledger/module.js';
import type { MultisigState } from '../multisig/state.js';
import { actsFor, hasRole, isOrganisationKey, isVerified } from '../registry/rights.js';
import type { RegistryState } from '../registry/state.js';
import { supplyTotal, WATT, type AccountsState } from './state.js';

export const ACCOUNTS_OPERATIONS = [
  'accounts.attestReserve',
  'accounts.mint',
  'accounts.burn',
  'accounts.transfer',
] as const;
export type AccountsOperation = OperationOf<(typeof ACCOUNTS_OPERATIONS)[number]>;

/** What the operations on accounts need of the ledger around them. */
export interface AccountsParts {
  readonly accounts: AccountsState;
  readonly registry: RegistryState;
  /** Which accounts only their signers control. */
  readonly multisig: Pick<MultisigState, 'isShared'>;
  /** Which accounts the regulator of the market stopped. */
  readonly isBarred: (account: string) => boolean;
}

/** Runs one operation of the module: facts, or why not. */
export function executeAccounts(
  parts: AccountsParts,
  context: OperationContext,
  operation: AccountsOperation,
): RejectedOutcome | undefined {
  const { accounts, registry } = parts;
  switch (operation.type) {
    case 'accounts.attestReserve':
      return attestReserve(accounts, registry, context, operation);
    case 'accounts.mint':
      return mint(accounts, registry, context, operation);
    case 'accounts.burn':
      return burn(parts, context, operation);
    case 'accounts.transfer':
      return transfer(parts, context, operation);
    default:
      return unreachable(operation);
  }
}

/** SPEC accounts 2.1: what is in circulation never exceeds what is attested, also when less is attested. */
function attestReserve(
  accounts: AccountsState,
  registry: RegistryState,
  context: OperationContext,
  { amount, reference }: OperationOf<'accounts.attestReserve'>,
): RejectedOutcome | undefined {
  if (!hasRole(registry, context, 'wattIssuer')) return rejected('key.notAuthorised');
  const reserve = BigInt(amount);
  const circulation = supplyTotal(accounts.supply(WATT));
  if (reserve < circulation) return rejected('accounts.reserveExceeded', { circulation: circulation.toString() });
  accounts.reserve.set(WATT, { amount: reserve, reference });
  context.events.push({ type: 'accounts.reserveAttested', amount, reference });
  return undefined;
}

/** SPEC accounts 2.2 */
function mint(
  accounts: AccountsState,
  registry: RegistryState,
  context: OperationContext,
  { account, amount, reference }: OperationOf<'accounts.mint'>,
): RejectedOutcome | undefined {
  if (!hasRole(registry, context, 'wattIssuer')) return rejected('key.notAuthorised');
  if (!registry.accounts.has(account)) return rejected('registry.unknownAccount', { account });
  const minted = BigInt(amount);
  const reserve = accounts.reserve.get(WATT)?.amount ?? 0n;
  if (supplyTotal(accounts.supply(WATT)) + minted > reserve)
    return rejected('accounts.reserveExceeded', { reserve: reserve.toString() });
  accounts.mint(account, WATT, minted);
  context.events.push({ type: 'accounts.minted', account, asset: WATT, amount, reference });
  return undefined;
}

/** SPEC accounts 2.3: who redeems sends its WATT to an account of the issuer first; nobody else's money can be burned. */
function burn(
  { accounts, registry, multisig }: AccountsParts,
  context: OperationContext,
  { account, amount, reference }: OperationOf<'accounts.burn'>,
): RejectedOutcome | undefined {
  if (!hasRole(registry, context, 'wattIssuer')) return rejected('key.notAuthorised');
  const row = registry.accounts.get(account);
  if (row === undefined) return rejected('registry.unknownAccount', { account });
  if (!isOrganisationKey(context, row.organisation)) return rejected('key.notAuthorised', { account });
  if (multisig.isShared(account)) return rejected('multisig.keepsItsKeys', { account });
  const burned = BigInt(amount);
  if (accounts.available(account, WATT) < burned)
    return rejected('accounts.insufficientBalance', { account, asset: WATT });
  accounts.burn(account, WATT, burned);
  context.events.push({ type: 'accounts.burned', account, asset: WATT, amount, reference });
  return undefined;
}

/** SPEC accounts 3.1 */
function transfer(
  { accounts, registry, isBarred }: AccountsParts,
  context: OperationContext,
  { from, to, asset, amount }: OperationOf<'accounts.transfer'>,
): RejectedOutcome | undefined {
  if (from === to) return rejected('accounts.sameAccount');
  const payer = registry.accounts.get(from);
  if (payer === undefined) return rejected('registry.unknownAccount', { account: from });
  if (!actsFor(registry, context, from, 'accounts.transfer')) return rejected('key.notAuthorised', { account: from });
  const payee = registry.accounts.get(to);
  if (payee === undefined) return rejected('registry.unknownAccount', { account: to });
  if (!isVerified(payer, context.time)) return rejected('accounts.notVerified', { account: from });
  if (!isVerified(payee, context.time)) return rejected('accounts.notVerified', { account: to });
  const barred = [from, to].find(isBarred);
  if (barred !== undefined) return rejected('market.barred', { account: barred });
  if (asset !== WATT) return rejected('accounts.energyNotTransferable', { asset });
  const moved = BigInt(amount);
  if (accounts.available(from, asset) < moved)
    return rejected('accounts.insufficientBalance', { account: from, asset });
  accounts.transfer(from, to, asset, moved);
  context.events.push({ type: 'accounts.transferred', from, to, asset, amount });
  return undefined;
}
