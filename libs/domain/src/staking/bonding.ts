import { rejected, type OperationOf, type RejectedOutcome } from '@gridtokenx/protocol';
import { GRID } from '../grid/state.js';
import type { OperationContext } from '../ledger/module.js';
import { bondMore, bondTotal, rebond, unbond, withdraw } from './bond.js';
import { retireUnused } from './candidacy.js';
import { bondTerms, eraOf, type StakingParts } from './surroundings.js';
import { slashesDue } from './slashing.js';

/** SPEC staking 9.2: the same coins may also be locked for votes; not those on hold, owed, or bonded already. */
export function bondOperation(
  parts: StakingParts,
  { key: { account }, events }: OperationContext,
  { amount }: OperationOf<'staking.bond'>,
): RejectedOutcome | undefined {
  const { staking, accounts, grid } = parts;
  const bond = staking.bond(account);
  const free = accounts.available(account, GRID) - bondTotal(bond) - grid.owed(account);
  if (free < BigInt(amount)) return rejected('staking.insufficientBalance', { account });
  const bonded = bondMore(bond, BigInt(amount), bondTerms(parts));
  if (typeof bonded === 'string') return rejected(bonded);
  staking.setBond(account, bonded);
  events.push({ type: 'staking.bonded', account, amount, active: bonded.active.toString() });
  return undefined;
}

/** SPEC staking 9.3 */
export function unbondOperation(
  parts: StakingParts,
  context: OperationContext,
  { amount }: OperationOf<'staking.unbond'>,
): RejectedOutcome | undefined {
  const { staking, parameters } = parts;
  const { account } = context.key;
  if (!staking.bonds.has(account)) return rejected('staking.notBonded', { account });
  const left = unbond(staking.bond(account), BigInt(amount), eraOf(parts, context), bondTerms(parts));
  if (typeof left === 'string') return rejected(left);
  const stands = staking.candidates.get(account)?.standing === true;
  if (stands && left.active < parameters.amount('staking.minimumValidatorBond'))
    return rejected('staking.belowValidatorBond', { account });
  staking.setBond(account, left);
  const until = left.unbonding.at(-1)?.until ?? 0;
  context.events.push({ type: 'staking.unbonded', account, amount, active: left.active.toString(), until });
  return undefined;
}

export function rebondOperation(
  parts: StakingParts,
  { key: { account }, events }: OperationContext,
  { amount }: OperationOf<'staking.rebond'>,
): RejectedOutcome | undefined {
  const { staking } = parts;
  if (!staking.bonds.has(account)) return rejected('staking.notBonded', { account });
  const bonded = rebond(staking.bond(account), BigInt(amount), bondTerms(parts));
  if (typeof bonded === 'string') return rejected(bonded);
  staking.setBond(account, bonded);
  events.push({ type: 'staking.rebonded', account, amount, active: bonded.active.toString() });
  return undefined;
}

/** SPEC staking 9.4: a slash that is due comes first, also where it takes more than one block. */
export function withdrawOperation(parts: StakingParts, context: OperationContext): RejectedOutcome | undefined {
  const { staking } = parts;
  const { account } = context.key;
  if (!staking.bonds.has(account)) return rejected('staking.notBonded', { account });
  const era = eraOf(parts, context);
  if (slashesDue(staking, era).length > 0) return rejected('staking.slashesDue');
  const { bond, withdrawn } = withdraw(staking.bond(account), era);
  if (withdrawn === 0n) return rejected('staking.nothingToWithdraw', { account });
  staking.setBond(account, bond);
  context.events.push({ type: 'staking.withdrawn', account, amount: withdrawn.toString() });
  if (bondTotal(bond) === 0n) retireUnused(parts, context, account);
  return undefined;
}

/** SPEC staking 9.5 */
export function setPayee(
  { staking, grid }: StakingParts,
  { key: { account }, events }: OperationContext,
  { payee }: OperationOf<'staking.setPayee'>,
): RejectedOutcome | undefined {
  const row = staking.bonds.get(account);
  if (row === undefined) return rejected('staking.notBonded', { account });
  const to = payee.kind === 'account' ? payee.account : '';
  if (to !== '') {
    const refusal = grid.refusePayee(to);
    if (refusal !== undefined) return refusal;
  }
  staking.bonds.set(account, { ...row, payee: to });
  staking.setBond(account, row);
  events.push({ type: 'staking.payeeSet', account, ...(to !== '' && { payee: to }) });
  return undefined;
}
