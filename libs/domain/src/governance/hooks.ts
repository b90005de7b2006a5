import { isLastOfEpoch } from '@gridtokenx/chain';
import { toHex, utf8 } from '@gridtokenx/kernel';
import { DELEGATIONS_PER_BLOCK_MAX, TREASURY_ACCOUNT } from '@gridtokenx/protocol';
import { supplyTotal } from '../accounts/state.js';
import { GRID } from '../grid/state.js';
import type { HookContext } from '../ledger/module.js';
import { callOf, lockCapital, relock, removePreimage, type GovernanceTools } from './execute.js';
import { bringUp, fillPlaces, setElectorate } from './lifecycle.js';
import { isOpen, type ReferendumRow } from './state.js';
import { lockAfterVote } from './vote-lock.js';

export function beginBlock(tools: GovernanceTools, context: HookContext, epochBlocks: number): void {
  const { height } = context;
  tools.governance.delegationsLeft = DELEGATIONS_PER_BLOCK_MAX;
  // SPEC governance 5.6
  if (isLastOfEpoch(height - 1, epochBlocks)) setElectorate(tools, context, electorateNow(tools));
  doWhatIsDue(tools, context);
  fillPlaces(tools, context);
  clearVotes(tools, context);
}

/** SPEC governance 5.6: all GRID, less what is the treasury's and what lies in escrow. */
function electorateNow({ accounts, grid }: GovernanceTools): bigint {
  let electorate = supplyTotal(accounts.supply(GRID)) - grid.total(TREASURY_ACCOUNT);
  for (const { key, value } of grid.named.cells()) if (value === 'escrow') electorate -= grid.total(key);
  return electorate;
}

/** SPEC governance 5.5: what comes by itself comes with the first block at or after its moment; earlier moments first. */
function doWhatIsDue(tools: GovernanceTools, context: HookContext): void {
  const { due } = tools.governance;
  for (let row = due.first; row?.dueAt !== undefined && row.dueAt <= context.time; row = due.first) {
    if (context.entriesLeft === 0) return;
    if (isOpen(row)) bringUp(tools, context, row);
    else enact(tools, context, row);
    context.worked();
  }
}

/** SPEC governance 7.3: asks for what was approved, in the name of its track. */
function enact(tools: GovernanceTools, context: HookContext, row: ReferendumRow): void {
  const { governance, crypto, ledgerId } = tools;
  const { number, callHash } = row;
  const operation = toHex(crypto.sha256(utf8(`${ledgerId}/referendum/${number}`)));
  // What it does may be about referenda, itself among them: for those it has had its turn.
  governance.put({ ...row, enactAt: undefined });
  const code = codeOfEnactment(tools, context, row, operation);
  context.events.push({
    type: 'governance.enacted',
    referendum: number,
    callHash,
    operation,
    ...(code !== undefined && { code }),
  });
  if (governance.naming.of(callHash) === 0) removePreimage(tools, context, callHash);
  context.flush();
}

/** Of the refusal, if it is refused. */
function codeOfEnactment(
  { governance }: GovernanceTools,
  context: HookContext,
  { track, callHash }: ReferendumRow,
  id: string,
): string | undefined {
  const preimage = governance.preimages.get(callHash);
  if (preimage === undefined) return 'governance.unknownPreimage';
  const operation = callOf(preimage.call);
  if (typeof operation === 'string') return 'governance.badCall';
  const nobody = { organisation: '', account: '', removed: false };
  return context.dispatch({ kid: '', key: nobody, track }, operation, id)?.code;
}

/** SPEC governance 6.3: the votes of what has ended become locks that end by themselves, in the order of accounts. */
function clearVotes(tools: GovernanceTools, context: HookContext): void {
  const { governance } = tools;
  for (let row = governance.clearing.first; row !== undefined; row = governance.clearing.first) {
    for (const account of governance.votersOf(row)) {
      if (context.entriesLeft === 0) return;
      clearVote(tools, context, row, account);
      context.worked();
    }
    if (context.entriesLeft === 0) return;
    governance.put({ ...row, cleared: true });
    context.events.push({ type: 'governance.votesCleared', referendum: row.number });
    context.worked();
  }
}

function clearVote(tools: GovernanceTools, context: HookContext, row: ReferendumRow, account: string): void {
  const { governance } = tools;
  const {
    lockPeriodMs,
    referendum: { phase },
  } = row;
  const cell = governance.votes.pair(String(row.number), account);
  const vote = cell.value;
  governance.store.change(cell, undefined);
  // Who has said what would have become of one that was cancelled: nobody has won.
  if (vote !== undefined && (phase.kind === 'approved' || phase.kind === 'rejected')) {
    const lock = lockAfterVote(vote, { aye: phase.kind === 'approved', endedAt: phase.at, lockPeriodMs });
    lockCapital(tools, context, account, lock);
  }
  relock(tools, account);
}
