import type { KycStatus, OperationType, Role } from '@gridtokenx/protocol';
import type { OperationContext } from '../ledger/module.js';
import type { AccountRow, MeterRow, RegistryState } from './state.js';

/** SPEC registry 2.1: a key of the organisation itself, not one of an account that it keeps. */
export const isOrganisationKey = ({ key }: OperationContext, organisation: string): boolean =>
  !key.removed && key.account === '' && key.organisation === organisation;

/** SPEC registry 2.2 */
export const hasRole = (registry: RegistryState, { key }: OperationContext, role: Role): boolean =>
  !key.removed && key.account === '' && registry.organisations.get(key.organisation)?.roles.includes(role) === true;

/** SPEC registry 2.3: the account's own key, or one with a delegation for this that has not ended. */
export function actsFor(
  registry: RegistryState,
  context: OperationContext,
  account: string,
  operation: OperationType,
): boolean {
  const { key, kid, time } = context;
  if (key.removed) return false;
  if (key.account === account) return true;
  const delegation = registry.delegations.getPair(kid, account);
  return delegation !== undefined && delegation.until > time && delegation.operations.includes(operation);
}

/** SPEC registry 4.2: a verification whose `until` has passed is expired, without anyone saying so. */
export const kycStatusAt = ({ kyc, kycUntil }: AccountRow, time: number): KycStatus =>
  kyc === 'verified' && kycUntil !== 0 && kycUntil <= time ? 'expired' : kyc;

export const isVerified = (account: AccountRow, time: number): boolean => kycStatusAt(account, time) === 'verified';

/** SPEC registry 6.2: what a meter can measure in the interval that starts then; in one that began before a swap, what either device can. */
export const limitOfMeter = ({ limitWh, formerLimitWh, swappedAt }: MeterRow, start: number): number =>
  start < swappedAt ? Math.max(limitWh, formerLimitWh) : limitWh;
