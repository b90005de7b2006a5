import { showsPossession } from '@gridtokenx/chain';
import {
  NOMINATIONS_MAX,
  rejected,
  type LedgerEvent,
  type OperationOf,
  type RejectedOutcome,
} from '@gridtokenx/protocol';
import type { OperationContext } from '../ledger/module.js';
import { admitSigner } from '../validators/signers.js';
import { publicKeyOf } from '../validators/state.js';
import { changeCommission, firstCommission } from './commission.js';
import { commissionLimits, eraOf, type StakingParts } from './surroundings.js';

/** SPEC staking 9.6: at most sixteen that stand, each once; an account backs itself with its bond, by standing. */
export function nominate(
  { staking, parameters }: StakingParts,
  { key: { account }, events }: OperationContext,
  { targets }: OperationOf<'staking.nominate'>,
): RejectedOutcome | undefined {
  if (!parameters.get('switches.nominations')) return rejected('parameters.closed');
  if (staking.bond(account).active === 0n) return rejected('staking.notBonded', { account });
  if (staking.candidates.get(account)?.standing === true) return rejected('staking.isCandidate', { account });
  if (targets.length > NOMINATIONS_MAX) return rejected('staking.tooManyTargets');
  if (targets.includes(account)) return rejected('staking.selfNomination', { account });
  const twice = targets.find((target, at) => targets.indexOf(target) < at);
  if (twice !== undefined) return rejected('staking.targetTwice', { target: twice });
  const stranger = targets.find((target) => staking.candidates.get(target)?.standing !== true);
  if (stranger !== undefined) return rejected('staking.notACandidate', { target: stranger });
  staking.setTargets(account, targets);
  events.push({ type: 'staking.nominated', account, targets });
  return undefined;
}

/** SPEC staking 9.7 */
export function validate(
  parts: StakingParts,
  context: OperationContext,
  { commission: asked, key, proof }: OperationOf<'staking.validate'>,
): RejectedOutcome | undefined {
  const { staking, parameters } = parts;
  const { account } = context.key;
  if (staking.bond(account).active < parameters.amount('staking.minimumValidatorBond'))
    return rejected('staking.belowValidatorBond', { account });
  if ((staking.nominations.get(account)?.targets.length ?? 0) > 0) return rejected('staking.isNominator', { account });
  const row = staking.candidates.get(account);
  const refusal = refuseKey(parts, account, key, proof);
  if (refusal !== undefined) return refusal;
  // Who was a candidate before is held to the same limits: a chill gives no way around them.
  const era = eraOf(parts, context);
  const limits = commissionLimits(parts);
  const commission =
    row === undefined ? firstCommission(asked, era, limits) : changeCommission(row.commission, asked, era, limits);
  if (typeof commission === 'string') return rejected(commission);
  context.events.push({ type: 'staking.stood', account, commission: asked, key });
  staking.setCandidate(account, { standing: true, commission, key, barredTo: row?.barredTo ?? 0 });
  takeKey(parts, context, account, row?.key, key);
  return undefined;
}

/** SPEC staking 7.2 */
export function setCommission(
  parts: StakingParts,
  context: OperationContext,
  { commission: asked }: OperationOf<'staking.setCommission'>,
): RejectedOutcome | undefined {
  const { staking } = parts;
  const { account } = context.key;
  const row = staking.candidates.get(account);
  if (row?.standing !== true) return rejected('staking.notStanding', { account });
  const commission = changeCommission(row.commission, asked, eraOf(parts, context), commissionLimits(parts));
  if (typeof commission === 'string') return rejected(commission);
  staking.setCandidate(account, { ...row, commission });
  context.events.push({ type: 'staking.commissionSet', account, before: row.commission.parts, commission: asked });
  return undefined;
}

/** SPEC staking 9.8 */
export function chillOperation(parts: StakingParts, context: OperationContext): RejectedOutcome | undefined {
  const { account } = context.key;
  return chill(parts, context, account, 'asked') ? undefined : rejected('staking.nothingToChill', { account });
}

/** Whether there was anything to chill. */
export function chill(
  { staking }: StakingParts,
  { events }: { readonly events: LedgerEvent[] },
  account: string,
  why: 'asked' | 'offended',
): boolean {
  const candidate = staking.candidates.get(account);
  const nominates = (staking.nominations.get(account)?.targets.length ?? 0) > 0;
  if (candidate?.standing !== true && !nominates) return false;
  if (candidate?.standing === true) staking.setCandidate(account, { ...candidate, standing: false });
  if (nominates) staking.setTargets(account, []);
  events.push({ type: 'staking.chilled', account, why });
  return true;
}

/** SPEC staking 9.9 */
export function rotateKey(
  parts: StakingParts,
  context: OperationContext,
  { key, proof }: OperationOf<'staking.rotateKey'>,
): RejectedOutcome | undefined {
  const { staking } = parts;
  const { account } = context.key;
  const row = staking.candidates.get(account);
  if (row?.standing !== true) return rejected('staking.notStanding', { account });
  if (row.key === key) return rejected('staking.keyInUse', { key });
  const refusal = refuseKey(parts, account, key, proof);
  if (refusal !== undefined) return refusal;
  staking.setCandidate(account, { ...row, key });
  context.events.push({ type: 'staking.keyRotated', account, before: row.key, key });
  takeKey(parts, context, account, row.key, key);
  return undefined;
}

/** SPEC staking 9.7: the account's own key, or one that nobody has used for anything, which someone holds. */
function refuseKey(
  { staking, validators, grid, crypto, ledgerId }: StakingParts,
  account: string,
  key: string,
  proof: string,
): RejectedOutcome | undefined {
  const isOwn = staking.candidates.get(account)?.key === key && grid.keys.get(key)?.removed === false;
  if (!isOwn && (validators.validators.has(key) || grid.keys.has(key) || grid.exists(key)))
    return rejected('staking.keyInUse', { key });
  const publicKey = publicKeyOf(key);
  if (!crypto.isAcceptableKey(publicKey)) return rejected('staking.unacceptableKey', { key });
  return showsPossession(crypto, ledgerId, account, publicKey, proof)
    ? undefined
    : rejected('staking.badProof', { key });
}

/** The ledger knows the new key at once; the one before goes when it is in no set any more. */
function takeKey(
  parts: StakingParts,
  context: OperationContext,
  account: string,
  before: string | undefined,
  key: string,
): void {
  if (before === key) return;
  admitSigner(parts.validators, parts.grid, key, account);
  if (before !== undefined) retireUnlessInUse(parts, context, account, before, key);
}

function retireUnlessInUse(
  parts: StakingParts,
  context: { readonly height: number; readonly events: LedgerEvent[] },
  account: string,
  key: string,
  successor: string,
): void {
  const row = parts.validators.validators.get(key);
  if (row === undefined || row.member || row.next) return;
  retireKey(parts, context, account, key, successor);
}

/** SPEC staking 9.9: a key that is no validator's any more signs nothing for anyone. `lastHeight`: whose blocks it may have signed. */
export function retireKey(
  { validators, grid }: StakingParts,
  { events, height }: { readonly height: number; readonly events: LedgerEvent[] },
  account: string,
  key: string,
  successor: string,
  lastHeight = height,
): void {
  const [row, signer] = [validators.validators.get(key), grid.keys.get(key)];
  if (row === undefined || row.removed || signer === undefined) return;
  validators.validators.set(key, { ...row, next: false, removed: true, lastHeight, successor });
  grid.keys.set(key, { ...signer, removed: true });
  events.push({ type: 'staking.keyRetired', account, key });
}

/** Of an account that has bonded nothing any more, nothing is kept but what its keys did. */
export function retireUnused(parts: StakingParts, context: OperationContext, account: string): void {
  const { staking, validators } = parts;
  const candidate = staking.candidates.get(account);
  if (candidate === undefined || candidate.standing || staking.standingAsOf(candidate)) return;
  const row = validators.validators.get(candidate.key);
  if (row === undefined || row.member || row.next) return;
  retireKey(parts, context, account, candidate.key, '');
  staking.remove(staking.candidates, account);
}
