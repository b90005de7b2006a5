import { showsPossession } from '@gridtokenx/chain';
import { compareText, parseTime, unreachable } from '@gridtokenx/kernel';
import {
  CHANGE_OPEN_MAX_MS,
  CHANGES_OPEN_MAX,
  rejected,
  VALIDATORS_MAX,
  type OperationOf,
  type RejectedOutcome,
  type ValidatorChange,
} from '@gridtokenx/protocol';
import type { OperationContext } from '../ledger/module.js';
import { votesNeeded, type ChangeRow, type ConsortiumValidators } from './changes.js';
import { consortiumJudge, enact, type ValidatorsParts } from './enact.js';
import { reportEquivocation } from './evidence.js';
import { rejoin } from './rejoin.js';
import { publicKeyOf, type ValidatorRow } from './state.js';

export const VALIDATORS_OPERATIONS = [
  'validators.rejoin',
  'validators.proposeChange',
  'validators.approveChange',
  'validators.withdrawChange',
  'validators.reportEquivocation',
] as const;

export function executeValidators(
  parts: ValidatorsParts,
  context: OperationContext,
  operation: OperationOf<(typeof VALIDATORS_OPERATIONS)[number]>,
): RejectedOutcome | undefined {
  switch (operation.type) {
    case 'validators.rejoin':
      return rejoin(parts.validators, context, operation);
    case 'validators.proposeChange':
      return proposeChange(parts, context, operation);
    case 'validators.approveChange':
      return approveChange(parts, context, operation);
    case 'validators.withdrawChange':
      return withdrawChange(parts.validators, context, operation);
    case 'validators.reportEquivocation':
      return reportEquivocation(parts, consortiumJudge(parts), context, operation);
    default:
      return unreachable(operation);
  }
}

/** SPEC validators 3.2: how many validators of the set belong to these organisations. */
const votesOf = (state: ConsortiumValidators, organisations: readonly string[]): number =>
  state.members().filter(([, { organisation }]) => organisations.includes(organisation)).length;

/** The organisation that a key speaks for, if it has a say. */
function voterOf(state: ConsortiumValidators, { key }: OperationContext): string | undefined {
  if (key.removed || key.account !== '') return undefined;
  return votesOf(state, [key.organisation]) > 0 ? key.organisation : undefined;
}

/** SPEC validators 2.1 */
function proposeChange(
  parts: ValidatorsParts,
  context: OperationContext,
  { change, until }: OperationOf<'validators.proposeChange'>,
): RejectedOutcome | undefined {
  const { validators: state } = parts;
  const organisation = voterOf(state, context);
  if (organisation === undefined) return rejected('validators.notAMember');
  const end = parseTime(until) ?? 0;
  if (end <= context.time || end > context.time + CHANGE_OPEN_MAX_MS) return rejected('validators.untilOutOfRange');
  const openOfTheirs = state.open().filter(([, row]) => row.organisation === organisation);
  if (openOfTheirs.length >= CHANGES_OPEN_MAX) return rejected('validators.tooManyChanges');
  const refusal = refuseChange(parts, change);
  if (refusal !== undefined) return refusal;
  const id = context.operationId;
  const key = change.kind === 'rotateKey' ? change.key : undefined;
  const { kind, validator } = change;
  context.events.push({
    type: 'validators.changeProposed',
    change: id,
    kind,
    validator,
    ...(key === undefined ? {} : { key }),
    organisation,
    until,
  });
  const row: ChangeRow = { kind, validator, key: key ?? '', organisation, until: end, approvals: [], turn: 0 };
  approve(parts, context, id, row, organisation);
  return undefined;
}

/** What is wrong with a change before anyone votes on it. */
function refuseChange(parts: ValidatorsParts, change: ValidatorChange): RejectedOutcome | undefined {
  const { validators: state } = parts;
  const { kind, validator } = change;
  if (kind === 'admit') {
    if (state.sizeToCome() >= VALIDATORS_MAX) return rejected('validators.tooMany');
    return refuseNewKey(parts, validator, change.proof);
  }
  const row = state.validators.get(validator);
  if (row === undefined || row.removed) return rejected('validators.unknownValidator', { validator });
  switch (kind) {
    case 'suspend':
      if (row.suspended) return rejected('validators.nothingToChange');
      return refuseToLose(state, row);
    case 'remove':
      return refuseToLose(state, row);
    case 'reinstate':
      if (!row.suspended) return rejected('validators.nothingToChange');
      return state.sizeToCome() >= VALIDATORS_MAX ? rejected('validators.tooMany') : undefined;
    case 'rotateKey':
      return refuseNewKey(parts, change.key, change.proof, row.organisation);
    default:
      return unreachable(kind);
  }
}

/** SPEC validators 4.3 */
const refuseToLose = (state: ConsortiumValidators, row: ValidatorRow): RejectedOutcome | undefined =>
  row.next && state.sizeToCome() <= state.sizeMin ? rejected('validators.tooFew') : undefined;

/** SPEC validators 2.2: a key of its organisation, that was never a validator, and that someone holds. */
function refuseNewKey(
  { validators: state, registry, crypto, ledgerId }: ValidatorsParts,
  key: string,
  proof: string,
  ofOrganisation?: string,
): RejectedOutcome | undefined {
  const registered = registry.keys.get(key);
  if (registered === undefined || registered.removed || registered.account !== '')
    return rejected('validators.notAKeyOfAnOrganisation', { key });
  const { organisation } = registered;
  if (ofOrganisation !== undefined && organisation !== ofOrganisation)
    return rejected('validators.notAKeyOfAnOrganisation', { key });
  if (state.validators.has(key) || state.isNamed(key)) return rejected('validators.keyInUse', { key });
  return showsPossession(crypto, ledgerId, organisation, publicKeyOf(key), proof)
    ? undefined
    : rejected('validators.badProof', { key });
}

/** SPEC validators 3.2 */
function approveChange(
  parts: ValidatorsParts,
  context: OperationContext,
  { change }: OperationOf<'validators.approveChange'>,
): RejectedOutcome | undefined {
  const { validators: state } = parts;
  const organisation = voterOf(state, context);
  if (organisation === undefined) return rejected('validators.notAMember');
  const row = state.changes.get(change);
  if (row === undefined || row.turn > 0 || row.until <= context.time)
    return rejected('validators.unknownChange', { change });
  if (row.approvals.includes(organisation)) return rejected('validators.votedAlready', { change });
  approve(parts, context, change, row, organisation);
  return undefined;
}

function approve(
  { validators: state, registry }: ValidatorsParts,
  context: OperationContext,
  id: string,
  row: ChangeRow,
  organisation: string,
): void {
  const approvals = [...row.approvals, organisation].sort(compareText);
  const votes = votesOf(state, approvals);
  const needed = votesNeeded(state.members().length);
  context.events.push({ type: 'validators.changeApproved', change: id, organisation, votes, needed });
  const decided = { ...row, approvals };
  if (votes < needed) return state.changes.set(id, decided);
  enact(state, registry, context, id, decided);
}

/** SPEC validators 3.4 */
function withdrawChange(
  state: ConsortiumValidators,
  context: OperationContext,
  { change }: OperationOf<'validators.withdrawChange'>,
): RejectedOutcome | undefined {
  const row = state.changes.get(change);
  if (row === undefined || row.turn > 0) return rejected('validators.unknownChange', { change });
  const { key } = context;
  if (key.removed || key.account !== '' || key.organisation !== row.organisation) return rejected('key.notAuthorised');
  state.changes.store.change(state.changes.cell(change), undefined);
  context.events.push({ type: 'validators.changeWithdrawn', change });
  return undefined;
}
