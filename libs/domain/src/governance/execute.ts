import type { Crypto } from '@gridtokenx/crypto';
import { formatTime, millis, parseTime, toHex, utf8 } from '@gridtokenx/kernel';
import {
  decodeCall,
  EnvelopeError,
  REFERENDA_OPEN_MAX,
  rejected,
  type Operation,
  type OperationOf,
  type OperationType,
  type RejectedOutcome,
} from '@gridtokenx/protocol';
import type { AccountsState } from '../accounts/state.js';
import { GRID, type GridState } from '../grid/state.js';
import type { OperationContext } from '../ledger/module.js';
import {
  bringUp,
  changeTallies,
  depositOf,
  fillPlaces,
  placeDeposit,
  settleDeposits,
  type Facts,
  type GovernanceParts,
} from './lifecycle.js';
import { submitReferendum } from './referendum.js';
import { isOpen, type ReferendumRow } from './state.js';
import { capitalOf, NO_VOTES, refuseDelegation, type Delegation, type Vote } from './tally.js';
import { lockAfterDelegation } from './vote-lock.js';

export const GOVERNANCE_OPERATIONS = [
  'governance.notePreimage',
  'governance.refundDeposit',
  'governance.propose',
  'governance.placeDeposit',
  'governance.vote',
  'governance.removeVote',
  'governance.delegate',
  'governance.undelegate',
  'governance.cancel',
] as const satisfies readonly OperationType[];
type GovernanceOperation = OperationOf<(typeof GOVERNANCE_OPERATIONS)[number]>;

/** What operations need beside the rows of governance. */
export interface GovernanceTools extends GovernanceParts {
  readonly crypto: Crypto;
  readonly ledgerId: string;
  readonly accounts: AccountsState;
  /** What an account has bonded and not begun to unbond, in micro-GRID. */
  activeBond(account: string): bigint;
}

export function executeGovernance(
  tools: GovernanceTools,
  context: OperationContext,
  operation: GovernanceOperation,
): RejectedOutcome | undefined {
  if (operation.type === 'governance.cancel') return cancel(tools, context, operation);
  const { account } = context.key;
  if (account === '') return rejected('key.notAuthorised');
  switch (operation.type) {
    case 'governance.notePreimage':
      return notePreimage(tools, context, account, operation);
    case 'governance.refundDeposit':
      return refundDeposit(tools, context, account, operation);
    case 'governance.propose':
      return propose(tools, context, account, operation);
    case 'governance.placeDeposit':
      return placeDecisionDeposit(tools, context, account, operation);
    case 'governance.vote':
      return vote(tools, context, account, operation);
    case 'governance.removeVote':
      return removeVote(tools, context, account, operation);
    case 'governance.delegate':
    case 'governance.undelegate': {
      const { governance } = tools;
      if (governance.delegationsLeft === 0) return rejected('governance.blockFull');
      governance.delegationsLeft--;
      return operation.type === 'governance.delegate'
        ? delegate(tools, context, account, operation)
        : undelegate(tools, context, account, operation);
    }
  }
}

/** The operation of a text, or why it is none. */
export function callOf(text: string): Operation | string {
  try {
    return decodeCall('public', text);
  } catch (error) {
    if (error instanceof EnvelopeError) return error.message;
    throw error;
  }
}

/** SPEC governance 7.1 */
function notePreimage(
  { governance, grid, parameters, crypto }: GovernanceTools,
  { events, time }: OperationContext,
  account: string,
  { callHash, call }: OperationOf<'governance.notePreimage'>,
): RejectedOutcome | undefined {
  const bytes = utf8(call);
  if (toHex(crypto.sha256(bytes)) !== callHash) return rejected('governance.preimageMismatch', { callHash });
  if (governance.preimages.has(callHash)) return rejected('governance.preimageNoted', { callHash });
  const operation = callOf(call);
  if (typeof operation === 'string') return rejected('governance.badCall', { reason: operation });
  const deposit = parameters.amount('governance.preimageDepositPerByte') * BigInt(bytes.length);
  if (grid.spendable(account, time) < deposit) return rejected('grid.insufficientBalance', { account });
  grid.hold(account, deposit);
  governance.preimages.set(callHash, { account, deposit, call });
  events.push({ type: 'governance.preimageNoted', callHash, account, call, deposit: deposit.toString() });
  return undefined;
}

/** SPEC governance 7.2 */
function refundDeposit(
  tools: GovernanceTools,
  context: OperationContext,
  account: string,
  { callHash }: OperationOf<'governance.refundDeposit'>,
): RejectedOutcome | undefined {
  const { governance } = tools;
  const preimage = governance.preimages.get(callHash);
  if (preimage === undefined) return rejected('governance.unknownPreimage', { callHash });
  if (preimage.account !== account) return rejected('key.notAuthorised');
  if (governance.naming.of(callHash) > 0) return rejected('governance.preimageInUse', { callHash });
  removePreimage(tools, context, callHash);
  return undefined;
}

/** SPEC governance 7.2: the text goes, and its deposit comes back. */
export function removePreimage({ governance, grid }: GovernanceParts, { events }: Facts, callHash: string): void {
  const cell = governance.preimages.cell(callHash);
  if (cell.value === undefined) return;
  const { account, deposit } = cell.value;
  governance.store.change(cell, undefined);
  grid.hold(account, -deposit);
  events.push({ type: 'governance.preimageRemoved', callHash, account, deposit: deposit.toString() });
}

const momentOf = (text: string | undefined): number => Math.max(0, text === undefined ? 0 : (parseTime(text) ?? 0));

/** SPEC governance 5.1 */
function propose(
  tools: GovernanceTools,
  context: OperationContext,
  account: string,
  { track, callHash, wantedAt, enactAfterMs }: OperationOf<'governance.propose'>,
): RejectedOutcome | undefined {
  const { governance, grid, parameters } = tools;
  const { events, time } = context;
  if (governance.openBy.of(account) >= REFERENDA_OPEN_MAX) return rejected('governance.tooManyReferenda');
  const hasStake = tools.activeBond(account) >= parameters.amount('governance.minimumStake');
  const deposit = hasStake ? 0n : parameters.amount('governance.submissionDeposit');
  if (grid.spendable(account, time) < deposit) return rejected('grid.insufficientBalance', { account });
  const terms = parameters.get('governance.tracks')[track];
  const lockPeriodMs = parameters.get('governance.lockPeriodMs');
  const number = governance.nextNumber();
  governance.put({
    number,
    track,
    account,
    callHash,
    terms,
    lockPeriodMs,
    wantedAt: momentOf(wantedAt),
    enactAfterMs: enactAfterMs ?? 0,
    referendum: submitReferendum(terms, time),
    tally: NO_VOTES,
    queuedAt: undefined,
    cancelled: false,
    enactAt: undefined,
    cleared: false,
    dueAt: undefined,
  });
  if (deposit > 0n) placeDeposit(tools, number, 'submission', { account, amount: deposit });
  events.push({
    type: 'governance.proposed',
    referendum: number,
    track,
    account,
    callHash,
    ...(wantedAt !== undefined && { wantedAt }),
    ...(enactAfterMs !== undefined && { enactAfterMs }),
    deposit: deposit.toString(),
    terms,
    lockPeriodMs,
  });
  return undefined;
}

/** The referendum, judged up to this moment with what has stood so far; or why there is nothing to change in it. */
function openNow(tools: GovernanceTools, context: OperationContext, number: number): ReferendumRow | RejectedOutcome {
  const { governance } = tools;
  const referendum = String(number);
  const row = governance.referendum(number);
  if (row === undefined && number > governance.count) return rejected('governance.unknownReferendum', { referendum });
  if (row === undefined || !isOpen(row)) return rejected('governance.ended', { referendum });
  const now = bringUp(tools, context, row);
  return isOpen(now) ? now : rejected('governance.ended', { referendum });
}

const isRefused = (found: ReferendumRow | RejectedOutcome): found is RejectedOutcome => 'status' in found;

/** SPEC governance 5.2 */
function placeDecisionDeposit(
  tools: GovernanceTools,
  context: OperationContext,
  account: string,
  { referendum: number }: OperationOf<'governance.placeDeposit'>,
): RejectedOutcome | undefined {
  const { governance, grid } = tools;
  const { events, time } = context;
  const row = openNow(tools, context, number);
  if (isRefused(row)) return row;
  if (row.queuedAt !== undefined) return rejected('governance.depositPlaced');
  const amount = BigInt(row.terms.decisionDeposit);
  if (grid.spendable(account, time) < amount) return rejected('grid.insufficientBalance', { account });
  if (amount > 0n) placeDeposit(tools, number, 'decision', { account, amount });
  governance.put({ ...row, queuedAt: time });
  events.push({
    type: 'governance.decisionDepositPlaced',
    referendum: number,
    account,
    amount: depositOf(governance, number, 'decision').toString(),
  });
  fillPlaces(tools, context);
  return undefined;
}

/** SPEC governance 6.1: neither the treasury nor what lies in escrow has a vote. */
const mayVote = (grid: GridState, account: string): boolean => {
  const purpose = grid.named.get(account);
  return purpose !== 'treasury' && purpose !== 'escrow';
};

/** SPEC governance 6.1: what is on hold does not count, nor what is owed in fees; what is locked does. */
function refuseCapital(
  { grid, accounts }: GovernanceTools,
  account: string,
  capital: bigint,
): RejectedOutcome | undefined {
  if (!mayVote(grid, account)) return rejected('governance.mayNotVote', { account });
  if (capital === 0n) return rejected('governance.emptyVote');
  const has = accounts.available(account, GRID) - grid.owed(account);
  return capital > has ? rejected('governance.insufficientBalance', { account }) : undefined;
}

/** SPEC governance 6.3: whatever of the account stands behind votes and delegations is locked. */
export const relock = ({ governance, grid }: GovernanceParts, account: string): void =>
  grid.lock(account, 'governance', governance.standsWith(account));

const voteOf = (said: OperationOf<'governance.vote'>['vote']): Vote =>
  said.kind === 'standard'
    ? { kind: said.kind, aye: said.aye, conviction: said.conviction, capital: BigInt(said.capital) }
    : { kind: said.kind, aye: BigInt(said.aye), nay: BigInt(said.nay), abstain: BigInt(said.abstain) };

/** SPEC governance 6.2 */
function vote(
  tools: GovernanceTools,
  context: OperationContext,
  account: string,
  { referendum: number, vote: said }: OperationOf<'governance.vote'>,
): RejectedOutcome | undefined {
  const { governance } = tools;
  const row = openNow(tools, context, number);
  if (isRefused(row)) return row;
  if (row.referendum.placedAt === undefined) return rejected('governance.notPlaced');
  const cast = voteOf(said);
  const refusal = refuseCapital(tools, account, capitalOf(cast));
  if (refusal !== undefined) return refusal;
  changeTallies(tools, context, { track: row.track, account, rows: [row] }, () => {
    governance.store.change(governance.votes.pair(String(number), account), cast);
    context.events.push({ type: 'governance.voted', referendum: number, account, vote: said });
  });
  relock(tools, account);
  return undefined;
}

/** SPEC governance 6.4 */
function removeVote(
  tools: GovernanceTools,
  context: OperationContext,
  account: string,
  { referendum: number }: OperationOf<'governance.removeVote'>,
): RejectedOutcome | undefined {
  const { governance } = tools;
  const row = openNow(tools, context, number);
  if (isRefused(row)) return row;
  const cell = governance.votes.findPair(String(number), account);
  if (cell?.value === undefined) return rejected('governance.noVote');
  changeTallies(tools, context, { track: row.track, account, rows: [row] }, () => {
    governance.store.change(cell, undefined);
    context.events.push({ type: 'governance.voteRemoved', referendum: number, account });
  });
  relock(tools, account);
  return undefined;
}

/** Those of a track that are decided, judged up to this moment with what has stood so far. */
const decidedNow = (
  tools: GovernanceTools,
  context: OperationContext,
  track: ReferendumRow['track'],
): ReferendumRow[] =>
  [...tools.governance.track(track).placed].map((row) => bringUp(tools, context, row)).filter(isOpen);

/** SPEC governance 6.5 */
function delegate(
  tools: GovernanceTools,
  context: OperationContext,
  account: string,
  { track, to, conviction, amount }: OperationOf<'governance.delegate'>,
): RejectedOutcome | undefined {
  const { governance, grid } = tools;
  if (!grid.exists(to)) return rejected('grid.unknownAccount', { account: to });
  if (!mayVote(grid, to)) return rejected('governance.mayNotVote', { account: to });
  if (governance.delegation(track, account) !== undefined) return rejected('governance.delegatesAlready');
  const rows = decidedNow(tools, context, track);
  if (governance.votesIn(track, account)) return rejected('governance.votesStand');
  const refused = refuseDelegation(governance.track(track).ballots.delegations, account, to);
  if (refused !== undefined) return rejected(refused);
  const delegation: Delegation = { to, conviction, capital: BigInt(amount) };
  const refusal = refuseCapital(tools, account, delegation.capital);
  if (refusal !== undefined) return refusal;
  changeTallies(tools, context, { track, account, rows }, () => {
    governance.store.change(governance.delegations.pair(track, account), delegation);
    context.events.push({ type: 'governance.delegated', track, from: account, to, conviction, amount });
  });
  relock(tools, account);
  return undefined;
}

/** SPEC governance 6.5 */
function undelegate(
  tools: GovernanceTools,
  context: OperationContext,
  account: string,
  { track }: OperationOf<'governance.undelegate'>,
): RejectedOutcome | undefined {
  const { governance, parameters } = tools;
  const { events, time } = context;
  const cell = governance.delegations.findPair(track, account);
  const delegation = cell?.value;
  if (cell === undefined || delegation === undefined) return rejected('governance.noDelegation');
  const rows = decidedNow(tools, context, track);
  changeTallies(tools, context, { track, account, rows }, () => {
    governance.store.change(cell, undefined);
    events.push({ type: 'governance.undelegated', track, from: account, to: delegation.to });
  });
  const lockPeriodMs = parameters.get('governance.lockPeriodMs');
  lockCapital(tools, context, account, lockAfterDelegation(delegation, { endedAt: time, lockPeriodMs }));
  relock(tools, account);
  return undefined;
}

/** SPEC governance 6.3: what a vote that won, or a delegation that was taken back, leaves locked. */
export function lockCapital(
  { grid }: GovernanceParts,
  { events, time }: Facts,
  account: string,
  lock: { readonly amount: bigint; readonly until: number } | undefined,
): void {
  if (lock === undefined || lock.until <= time) return;
  grid.lockUntil(account, lock, time);
  events.push({
    type: 'governance.capitalLocked',
    account,
    amount: lock.amount.toString(),
    until: formatTime(millis(lock.until)),
  });
}

/** SPEC governance 5.7 */
function cancel(
  tools: GovernanceTools,
  context: OperationContext,
  { referendum: number, asSpam }: OperationOf<'governance.cancel'>,
): RejectedOutcome | undefined {
  const { governance } = tools;
  if (context.track !== 'root') return rejected('key.notAuthorised');
  const found = governance.referendum(number);
  const row = found !== undefined && isOpen(found) ? bringUp(tools, context, found) : found;
  if (row === undefined && number > governance.count) return rejected('governance.unknownReferendum');
  if (row === undefined || (!isOpen(row) && row.enactAt === undefined)) return rejected('governance.ended');
  governance.put({ ...row, cancelled: true, enactAt: undefined });
  context.events.push({ type: 'governance.cancelled', referendum: number, asSpam });
  settleDeposits(tools, context, number, asSpam);
  return undefined;
}
