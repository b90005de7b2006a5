import type { Crypto } from '@gridtokenx/crypto';
import { fromBase64Url, parseTime, unreachable } from '@gridtokenx/kernel';
import { rejected, type KycStatus, type OperationOf, type RejectedOutcome } from '@gridtokenx/protocol';
import { UNUSED_WINDOW, type KeyRow } from '../ledger/keys.js';
import type { OperationContext } from '../ledger/module.js';
import type { MultisigState } from '../multisig/state.js';
import { hasRole, isOrganisationKey, kycStatusAt } from './rights.js';
import type { AccountRow, RegistryState } from './state.js';

export const REGISTRY_OPERATIONS = [
  'registry.registerOrganisation',
  'registry.openAccount',
  'registry.registerKey',
  'registry.removeKey',
  'registry.delegate',
  'registry.revokeDelegation',
  'registry.setKyc',
  'registry.registerMeter',
  'registry.swapMeter',
] as const;
export type RegistryOperation = OperationOf<(typeof REGISTRY_OPERATIONS)[number]>;

/** SPEC registry 4.1: from a status, to which. */
export const KYC_TRANSITIONS: Readonly<Record<KycStatus, readonly KycStatus[]>> = {
  pending: ['verified', 'rejected'],
  verified: ['verified', 'expired', 'suspended'],
  rejected: ['pending'],
  expired: ['verified', 'rejected', 'suspended'],
  suspended: ['verified', 'rejected'],
};

/** What the operations on the registry need of the ledger around them. */
export interface RegistryParts {
  readonly registry: RegistryState;
  readonly crypto: Crypto;
  /** Whether the key is a validator's, which goes by a vote only. */
  readonly isValidatorKey: (key: string) => boolean;
  /** Which accounts only their signers control. */
  readonly multisig: Pick<MultisigState, 'isShared'>;
}

export function executeRegistry(
  { registry, crypto, isValidatorKey, multisig }: RegistryParts,
  context: OperationContext,
  operation: RegistryOperation,
): RejectedOutcome | undefined {
  switch (operation.type) {
    case 'registry.registerOrganisation':
      return registerOrganisation(registry, crypto, context, operation);
    case 'registry.openAccount':
      return openAccount(registry, context, operation);
    case 'registry.registerKey':
      return registerKey(registry, crypto, multisig, context, operation);
    case 'registry.removeKey':
      return removeKey(registry, isValidatorKey, context, operation);
    case 'registry.delegate':
      return delegate(registry, multisig, context, operation);
    case 'registry.revokeDelegation':
      return revokeDelegation(registry, multisig, context, operation);
    case 'registry.setKyc':
      return setKyc(registry, context, operation);
    case 'registry.registerMeter':
      return registerMeter(registry, context, operation);
    case 'registry.swapMeter':
      return swapMeter(registry, context, operation);
    default:
      return unreachable(operation);
  }
}

/** SPEC registry 3.2: a key is registered at most once, for ever; a removed one keeps its row and its replay window. */
function refuseKey(registry: RegistryState, crypto: Crypto, key: string): RejectedOutcome | undefined {
  if (registry.keys.has(key)) return rejected('registry.keyExists', { key });
  const bytes = fromBase64Url(key);
  return bytes?.length === 32 && crypto.isAcceptableKey(bytes)
    ? undefined
    : rejected('registry.unacceptableKey', { key });
}

/** SPEC registry 1.1 */
function registerOrganisation(
  registry: RegistryState,
  crypto: Crypto,
  context: OperationContext,
  { organisation, sector, roles, key }: OperationOf<'registry.registerOrganisation'>,
): RejectedOutcome | undefined {
  if (!hasRole(registry, context, 'registrar')) return rejected('key.notAuthorised');
  if (registry.organisations.has(organisation)) return rejected('registry.organisationExists', { organisation });
  const refusal = refuseKey(registry, crypto, key);
  if (refusal !== undefined) return refusal;
  registry.organisations.set(organisation, { sector, roles });
  registry.keys.set(key, { organisation, account: '', removed: false, window: UNUSED_WINDOW });
  context.events.push(
    { type: 'registry.organisationRegistered', organisation, sector, roles },
    { type: 'registry.keyRegistered', key, organisation },
  );
  return undefined;
}

/** SPEC registry 1.2 */
function openAccount(
  registry: RegistryState,
  context: OperationContext,
  { account, organisation }: OperationOf<'registry.openAccount'>,
): RejectedOutcome | undefined {
  if (!registry.organisations.has(organisation)) return rejected('registry.unknownOrganisation', { organisation });
  if (!isOrganisationKey(context, organisation)) return rejected('key.notAuthorised');
  if (registry.accounts.has(account)) return rejected('registry.accountExists', { account });
  registry.accounts.set(account, { organisation, kyc: 'pending', kycUntil: 0 });
  context.events.push({ type: 'registry.accountOpened', account, organisation });
  return undefined;
}

/** SPEC registry 3.1 */
function registerKey(
  registry: RegistryState,
  crypto: Crypto,
  multisig: RegistryParts['multisig'],
  context: OperationContext,
  { key, owner }: OperationOf<'registry.registerKey'>,
): RejectedOutcome | undefined {
  let row: KeyRow;
  switch (owner.kind) {
    case 'organisation': {
      const { organisation } = owner;
      if (!registry.organisations.has(organisation)) return rejected('registry.unknownOrganisation', { organisation });
      row = { organisation, account: '', removed: false, window: UNUSED_WINDOW };
      break;
    }
    case 'account': {
      const account = registry.accounts.get(owner.account);
      if (account === undefined) return rejected('registry.unknownAccount', { account: owner.account });
      if (multisig.isShared(owner.account)) return rejected('multisig.keepsItsKeys', { account: owner.account });
      row = { organisation: account.organisation, account: owner.account, removed: false, window: UNUSED_WINDOW };
      break;
    }
    default:
      return unreachable(owner);
  }
  if (!isOrganisationKey(context, row.organisation)) return rejected('key.notAuthorised');
  const refusal = refuseKey(registry, crypto, key);
  if (refusal !== undefined) return refusal;
  registry.keys.set(key, row);
  context.events.push({
    type: 'registry.keyRegistered',
    key,
    organisation: row.organisation,
    ...(row.account === '' ? {} : { account: row.account }),
  });
  return undefined;
}

/** SPEC registry 3.3 */
function removeKey(
  registry: RegistryState,
  isValidatorKey: (key: string) => boolean,
  context: OperationContext,
  { key }: OperationOf<'registry.removeKey'>,
): RejectedOutcome | undefined {
  const row = registry.keys.get(key);
  if (row === undefined || row.removed) return rejected('registry.unknownKey', { key });
  if (key !== context.kid && !isOrganisationKey(context, row.organisation)) return rejected('key.notAuthorised');
  if (isValidatorKey(key)) return rejected('registry.keyOfValidator', { key });
  registry.keys.set(key, { ...row, removed: true });
  context.events.push({ type: 'registry.keyRemoved', key });
  return undefined;
}

/** The account's own key, or its back office; of an account of several signers, only they in its own name. */
function refuseKeeper(
  multisig: RegistryParts['multisig'],
  context: OperationContext,
  id: string,
  account: AccountRow,
): RejectedOutcome | undefined {
  if (!context.key.removed && context.key.account === id) return undefined;
  if (!isOrganisationKey(context, account.organisation)) return rejected('key.notAuthorised', { account: id });
  return multisig.isShared(id) ? rejected('multisig.keepsItsKeys', { account: id }) : undefined;
}

/** SPEC registry 5.1 */
function delegate(
  registry: RegistryState,
  multisig: RegistryParts['multisig'],
  context: OperationContext,
  { key, account, operations, until }: OperationOf<'registry.delegate'>,
): RejectedOutcome | undefined {
  const row = registry.accounts.get(account);
  if (row === undefined) return rejected('registry.unknownAccount', { account });
  const refusal = refuseKeeper(multisig, context, account, row);
  if (refusal !== undefined) return refusal;
  const delegatee = registry.keys.get(key);
  if (delegatee === undefined || delegatee.removed) return rejected('registry.unknownKey', { key });
  const end = parseTime(until) ?? 0;
  if (end <= context.time) return rejected('registry.delegationInPast');
  const granted = [...new Set(operations)];
  registry.store.change(registry.delegations.pair(key, account), { operations: granted, until: end });
  context.events.push({ type: 'registry.delegated', key, account, operations: granted, until });
  return undefined;
}

/** SPEC registry 5.2 */
function revokeDelegation(
  registry: RegistryState,
  multisig: RegistryParts['multisig'],
  context: OperationContext,
  { key, account }: OperationOf<'registry.revokeDelegation'>,
): RejectedOutcome | undefined {
  const row = registry.accounts.get(account);
  if (row === undefined) return rejected('registry.unknownAccount', { account });
  const mayGiveUp = context.kid === key && !context.key.removed;
  const refusal = mayGiveUp ? undefined : refuseKeeper(multisig, context, account, row);
  if (refusal !== undefined) return refusal;
  const delegation = registry.delegations.getPair(key, account);
  if (delegation === undefined) return rejected('registry.noDelegation');
  registry.store.change(registry.delegations.pair(key, account), undefined);
  context.events.push({ type: 'registry.delegationRevoked', key, account });
  return undefined;
}

/** SPEC registry 4.1 */
function setKyc(
  registry: RegistryState,
  context: OperationContext,
  { account, status, until }: OperationOf<'registry.setKyc'>,
): RejectedOutcome | undefined {
  if (!hasRole(registry, context, 'kycProvider')) return rejected('key.notAuthorised');
  const row = registry.accounts.get(account);
  if (row === undefined) return rejected('registry.unknownAccount', { account });
  const from = kycStatusAt(row, context.time);
  if (!KYC_TRANSITIONS[from].includes(status)) return rejected('registry.kycTransition', { from, to: status });
  const kycUntil = until === undefined ? 0 : (parseTime(until) ?? 0);
  if (until !== undefined && (status !== 'verified' || kycUntil <= context.time))
    return rejected('registry.kycTransition', { from, to: status, until });
  registry.accounts.set(account, { ...row, kyc: status, kycUntil });
  context.events.push({ type: 'registry.kycSet', account, status, ...(until === undefined ? {} : { until }) });
  return undefined;
}

/** SPEC registry 6.1: where a meter stands and what it can measure is the grid operator's word, never the owner's. */
function registerMeter(
  registry: RegistryState,
  context: OperationContext,
  { meter, account, zone, limitWh, registerDigits }: OperationOf<'registry.registerMeter'>,
): RejectedOutcome | undefined {
  const zoneRow = registry.zones.get(zone);
  if (zoneRow === undefined) return rejected('registry.unknownZone', { zone });
  if (!isOrganisationKey(context, zoneRow.operator)) return rejected('key.notAuthorised', { zone });
  if (!registry.accounts.has(account)) return rejected('registry.unknownAccount', { account });
  if (registry.meters.has(meter)) return rejected('registry.meterExists', { meter });
  registry.meters.set(meter, {
    account,
    zone,
    limitWh: Number(limitWh),
    registerDigits: registerDigits ?? 0,
    swappedAt: 0,
    formerLimitWh: 0,
  });
  context.events.push({
    type: 'registry.meterRegistered',
    meter,
    account,
    zone,
    limitWh,
    ...(registerDigits !== undefined && { registerDigits }),
  });
  return undefined;
}

/** SPEC registry 6.2: the meter goes on under its id; what each device measured stands in its registers. */
function swapMeter(
  registry: RegistryState,
  context: OperationContext,
  swap: OperationOf<'registry.swapMeter'>,
): RejectedOutcome | undefined {
  const { meter, limitWh, registerDigits = 0 } = swap;
  const row = registry.meters.get(meter);
  if (row === undefined) return rejected('registry.unknownMeter', { meter });
  const operator = registry.zones.get(row.zone)?.operator;
  if (operator === undefined || !isOrganisationKey(context, operator))
    return rejected('key.notAuthorised', { zone: row.zone });
  const at = parseTime(swap.at) ?? 0;
  if (at > context.marketTime) return rejected('registry.swapInFuture');
  if (at <= row.swappedAt) return rejected('registry.swapOutOfOrder');
  registry.meters.set(meter, {
    ...row,
    limitWh: Number(limitWh),
    registerDigits,
    swappedAt: at,
    formerLimitWh: row.limitWh,
  });
  context.events.push({ ...swap, type: 'registry.meterSwapped' });
  return undefined;
}
