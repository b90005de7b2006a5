import type { Crypto } from '@gridtokenx/crypto';
import { compareText, parseTime, toHex, unreachable, utf8 } from '@gridtokenx/kernel';
import {
  decodeCall,
  EnvelopeError,
  MULTISIG_OPEN_MAX_MS,
  MULTISIG_PROPOSALS_MAX,
  rejected,
  type Operation,
  type OperationOf,
  type RejectedOutcome,
} from '@gridtokenx/protocol';
import type { BlockContext, HookContext, OperationContext } from '../ledger/module.js';
import type { MultisigHost } from './host.js';
import type { MultisigState, ProposalRow, SharedAccountRow } from './state.js';

export const MULTISIG_OPERATIONS = [
  'multisig.create',
  'multisig.propose',
  'multisig.approve',
  'multisig.cancel',
  'multisig.setSigners',
] as const;
export type MultisigOperation = OperationOf<(typeof MULTISIG_OPERATIONS)[number]>;

export interface MultisigParts {
  readonly multisig: MultisigState;
  readonly host: MultisigHost;
  readonly crypto: Pick<Crypto, 'sha256'>;
}

export function executeMultisig(
  parts: MultisigParts,
  context: OperationContext,
  operation: MultisigOperation,
): RejectedOutcome | undefined {
  switch (operation.type) {
    case 'multisig.create':
      return create(parts, context, operation);
    case 'multisig.propose':
      return propose(parts, context, operation);
    case 'multisig.approve':
      return approve(parts, context, operation);
    case 'multisig.cancel':
      return cancel(parts, context, operation);
    case 'multisig.setSigners':
      return setSigners(parts, context, operation);
    default:
      return unreachable(operation);
  }
}

/** SPEC multisig 1.1: in the order of their key ids, each once, so that the same signers are written in one way. */
function refuseSigners(
  host: MultisigHost,
  { signers, threshold }: Pick<SharedAccountRow, 'signers' | 'threshold'>,
): RejectedOutcome | undefined {
  const areSorted = signers.every((signer, i) => i === 0 || compareText(signers[i - 1] as string, signer) < 0);
  if (!areSorted || threshold > signers.length) return rejected('multisig.badSigners');
  for (const signer of signers) {
    const refusal = host.refuseSigner(signer);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function create(
  { multisig, host }: MultisigParts,
  context: OperationContext,
  { account, signers, threshold }: OperationOf<'multisig.create'>,
): RejectedOutcome | undefined {
  const refusal = refuseSigners(host, { signers, threshold }) ?? host.open(context, account);
  if (refusal !== undefined) return refusal;
  multisig.accounts.set(account, { signers, threshold, version: 1, proposals: 0, open: 0 });
  context.events.push({ type: 'multisig.created', account, signers, threshold });
  return undefined;
}

/** The account and who speaks of its signers, or why nobody does. */
function signerIn(
  { multisig, host }: MultisigParts,
  context: OperationContext,
  account: string,
): { row: SharedAccountRow; signer: string } | RejectedOutcome {
  const row = multisig.accounts.get(account);
  if (row === undefined) return rejected('multisig.unknownAccount', { account });
  const signer = host.signerOf(context);
  return signer !== undefined && row.signers.includes(signer)
    ? { row, signer }
    : rejected('multisig.notASigner', { account });
}

/** SPEC multisig 2.1 */
function propose(
  parts: MultisigParts,
  context: OperationContext,
  { account, callHash, call, expiresAt }: OperationOf<'multisig.propose'>,
): RejectedOutcome | undefined {
  const { multisig, host } = parts;
  const asked = signerIn(parts, context, account);
  if ('code' in asked) return asked;
  const { row, signer } = asked;
  const end = parseTime(expiresAt) ?? 0;
  if (end <= context.time || end > context.time + MULTISIG_OPEN_MAX_MS) return rejected('multisig.expiryOutOfRange');
  if (row.open >= MULTISIG_PROPOSALS_MAX) return rejected('multisig.tooManyProposals', { account });
  const { deposit } = host;
  const refusal = host.hold(context, signer, deposit);
  if (refusal !== undefined) return refusal;
  const index = row.proposals + 1;
  const { height, operationId } = context;
  multisig.accounts.set(account, { ...row, proposals: index, open: row.open + 1 });
  const proposal: ProposalRow = {
    account,
    callHash,
    depositor: signer,
    deposit,
    height,
    index,
    expiresAt: end,
    version: row.version,
    approvals: [],
  };
  multisig.proposals.set(operationId, proposal);
  context.events.push({
    type: 'multisig.proposed',
    account,
    proposal: operationId,
    timepoint: { height, index },
    signer,
    callHash,
    ...(call === undefined ? {} : { call }),
    expiresAt,
    deposit: deposit.toString(),
    threshold: row.threshold,
  });
  return addApproval(parts, context, { id: operationId, proposal, signer, call });
}

/** SPEC multisig 2.2: who approves says which proposal, made when, of which call: nothing signed for another one counts here. */
function approve(
  parts: MultisigParts,
  context: OperationContext,
  { account, proposal: id, timepoint, callHash, call }: OperationOf<'multisig.approve'>,
): RejectedOutcome | undefined {
  const asked = signerIn(parts, context, account);
  if ('code' in asked) return asked;
  const proposal = openProposal(parts.multisig, context, account, id);
  if (proposal === undefined) return rejected('multisig.unknownProposal', { proposal: id });
  if (proposal.height !== timepoint.height || proposal.index !== timepoint.index)
    return rejected('multisig.otherTimepoint', {
      height: proposal.height.toString(),
      index: proposal.index.toString(),
    });
  if (proposal.callHash !== callHash) return rejected('multisig.otherCall', { callHash: proposal.callHash });
  return addApproval(parts, context, { id, proposal, signer: asked.signer, call });
}

/** One that the hook has not come to is closed all the same. */
function openProposal(
  { proposals }: MultisigState,
  { time }: BlockContext,
  account: string,
  id: string,
): ProposalRow | undefined {
  const proposal = proposals.get(id);
  return proposal?.account === account && proposal.expiresAt > time ? proposal : undefined;
}

interface Approval {
  readonly id: string;
  readonly proposal: ProposalRow;
  readonly signer: string;
  readonly call: string | undefined;
}

/** SPEC multisig 2.3 and 2.4: counts one more approval of these signers; with enough of them the call is done. */
function addApproval(
  parts: MultisigParts,
  context: OperationContext,
  { id, proposal, signer, call }: Approval,
): RejectedOutcome | undefined {
  const { multisig, crypto } = parts;
  const { account, callHash } = proposal;
  const row = multisig.accounts.get(account);
  if (row === undefined) return rejected('multisig.unknownAccount', { account });
  if (call !== undefined && toHex(crypto.sha256(utf8(call))) !== callHash) return rejected('multisig.otherCall');
  // SPEC multisig 3.2: what signers of another version approved, these have not.
  const before = proposal.version === row.version ? proposal.approvals : [];
  if (before.includes(signer)) return rejected('multisig.approvedAlready');
  const approvals = [...before, signer];
  const isDecided = approvals.length >= row.threshold;
  if (isDecided && call === undefined) return rejected('multisig.callMissing');
  context.events.push({
    type: 'multisig.approved',
    account,
    proposal: id,
    signer,
    approvals: approvals.length,
    threshold: row.threshold,
  });
  if (isDecided && call !== undefined) {
    close(parts, context, id, proposal);
    run(parts, context, { account, proposal: id, call });
  } else multisig.proposals.set(id, { ...proposal, version: row.version, approvals });
  return undefined;
}

/** SPEC multisig 2.4: the call in the account's own name; refused, it has changed nothing, and the proposal is closed all the same. */
function run(
  { host }: MultisigParts,
  context: OperationContext,
  told: { account: string; proposal: string; call: string },
): void {
  const operation = callOf(host, told.call);
  const refusal =
    operation === undefined ? rejected('multisig.badCall') : context.dispatch(host.actorOf(told.account), operation);
  context.events.push(
    refusal === undefined
      ? { type: 'multisig.executed', ...told }
      : { type: 'multisig.callRefused', ...told, code: refusal.code },
  );
}

/** SPEC multisig 2.5 */
function callOf({ kind }: MultisigHost, call: string): Operation | undefined {
  try {
    const operation = decodeCall(kind, call);
    const isOwn = operation.type.startsWith('multisig.') && operation.type !== 'multisig.setSigners';
    return isOwn ? undefined : operation;
  } catch (error) {
    if (error instanceof EnvelopeError) return undefined;
    throw error;
  }
}

/** The proposal is no longer open: its deposit goes back. */
function close({ multisig, host }: MultisigParts, context: BlockContext, id: string, proposal: ProposalRow): void {
  const { account, depositor, deposit } = proposal;
  const row = multisig.accounts.get(account);
  if (row !== undefined) multisig.accounts.set(account, { ...row, open: row.open - 1 });
  multisig.store.change(multisig.proposals.cell(id), undefined);
  host.release(context, depositor, deposit);
}

/** SPEC multisig 2.6 */
function cancel(
  parts: MultisigParts,
  context: OperationContext,
  { account, proposal: id }: OperationOf<'multisig.cancel'>,
): RejectedOutcome | undefined {
  const proposal = openProposal(parts.multisig, context, account, id);
  if (proposal === undefined) return rejected('multisig.unknownProposal', { proposal: id });
  if (parts.host.signerOf(context) !== proposal.depositor) return rejected('multisig.notTheDepositor');
  context.events.push({ type: 'multisig.cancelled', account, proposal: id });
  close(parts, context, id, proposal);
  return undefined;
}

/** SPEC multisig 2.7: those that nobody decided in time, the earliest first. */
export function closeExpired(parts: MultisigParts, context: HookContext): void {
  const { expiring, proposals } = parts.multisig;
  while (context.entriesLeft > 0) {
    const id = expiring.dueAt(context.time);
    const proposal = id === undefined ? undefined : proposals.get(id);
    if (id === undefined || proposal === undefined) return;
    context.events.push({ type: 'multisig.expired', account: proposal.account, proposal: id });
    close(parts, context, id, proposal);
    context.worked();
  }
}

/** SPEC multisig 3.1: by the account itself, which signs nothing: in a call that its signers approve. */
function setSigners(
  { multisig, host }: MultisigParts,
  context: OperationContext,
  { signers, threshold }: OperationOf<'multisig.setSigners'>,
): RejectedOutcome | undefined {
  const { account } = context.key;
  const row = multisig.accounts.get(account);
  if (row === undefined || context.kid !== account) return rejected('key.notAuthorised');
  const refusal = refuseSigners(host, { signers, threshold });
  if (refusal !== undefined) return refusal;
  const version = row.version + 1;
  multisig.accounts.set(account, { ...row, signers, threshold, version });
  context.events.push({ type: 'multisig.signersSet', account, signers, threshold, version });
  return undefined;
}
