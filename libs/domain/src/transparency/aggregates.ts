import { formatTime, millis } from '@gridtokenx/kernel';
import {
  averagePriceOf,
  rejected,
  renewableShareOf,
  type OperationOf,
  type RejectedOutcome,
} from '@gridtokenx/protocol';
import { holdDeposit, releaseDeposit } from '../grid/deposit.js';
import type { GridState } from '../grid/state.js';
import type { HookContext, OperationContext } from '../ledger/module.js';
import type { ParametersState } from '../parameters/state.js';
import type { TransparencyState } from './state.js';

export interface AggregatesParts {
  readonly transparency: TransparencyState;
  readonly parameters: ParametersState;
  readonly grid: GridState;
}

/** SPEC transparency 3.1 */
export function publishAggregates(
  { transparency, parameters, grid }: AggregatesParts,
  context: OperationContext,
  operation: OperationOf<'transparency.publishAggregates'>,
): RejectedOutcome | undefined {
  const { account } = context.key;
  if (account === '') return rejected('key.notAuthorised');
  const { trusted } = transparency;
  if (trusted === undefined) return rejected('transparency.noConsortium');
  if (trusted.row.frozenAt > 0) return rejected('transparency.frozen', { height: trusted.row.frozenAt.toString() });
  const { fromHeight, toHeight } = operation;
  if (fromHeight < 1 || fromHeight > toHeight) return rejected('transparency.badRange');
  if (!transparency.anchors.has(toHeight.toString())) return rejected('transparency.notAnchored');
  const deposit = Number(parameters.amount('transparency.deposit'));
  const refusal = holdDeposit(grid, context, account, deposit);
  if (refusal !== undefined) return refusal;
  const finalAt = context.time + parameters.get('transparency.disputeMs');
  const publication = context.operationId;
  transparency.publications.set(publication, { account, deposit, finalAt, dispute: '' });
  context.events.push({
    ...operation,
    type: 'transparency.aggregatesPublished',
    publication,
    account,
    averagePrice: averagePriceOf(operation),
    renewableShare: renewableShareOf(operation),
    deposit: deposit.toString(),
    disputableUntil: formatTime(millis(finalAt)),
  });
  return undefined;
}

/** SPEC transparency 3.4 */
export function dispute(
  { transparency, grid }: AggregatesParts,
  context: OperationContext,
  { publication, reference }: OperationOf<'transparency.dispute'>,
): RejectedOutcome | undefined {
  const { account } = context.key;
  if (account === '') return rejected('key.notAuthorised');
  const row = transparency.publications.get(publication);
  if (row === undefined) return rejected('transparency.unknownPublication');
  if (row.dispute !== '') return rejected('transparency.disputedAlready');
  if (row.finalAt <= context.time) return rejected('transparency.unknownPublication');
  const { deposit } = row;
  const refusal = holdDeposit(grid, context, account, deposit);
  if (refusal !== undefined) return refusal;
  transparency.disputes.set(context.operationId, { publication, account, deposit });
  transparency.publications.set(publication, { ...row, dispute: context.operationId });
  context.events.push({ type: 'transparency.aggregatesDisputed', publication, account, reference });
  return undefined;
}

/** SPEC transparency 3.5: who was wrong pays its deposit to the other. */
export function settle(
  { transparency, grid }: AggregatesParts,
  context: OperationContext,
  { publication, stands }: OperationOf<'transparency.settle'>,
): RejectedOutcome | undefined {
  if (context.track !== 'root' && context.track !== 'marketPolicy') return rejected('key.notAuthorised');
  const { store, publications, disputes } = transparency;
  const published = publications.get(publication);
  if (published === undefined) return rejected('transparency.unknownPublication');
  const disputed = disputes.get(published.dispute);
  if (disputed === undefined) return rejected('transparency.notDisputed');
  context.events.push({ type: 'transparency.disputeSettled', publication, stands });
  store.change(publications.cell(publication), undefined);
  store.change(disputes.cell(published.dispute), undefined);
  const [winner, loser] = stands ? [published, disputed] : [disputed, published];
  grid.hold(winner.account, -BigInt(winner.deposit));
  grid.hold(loser.account, -BigInt(loser.deposit));
  const paid = winner.account === loser.account ? 0n : grid.take(loser.account, BigInt(loser.deposit));
  grid.credit(context, winner.account, paid);
  for (const { account } of [winner, loser]) grid.sweep(context, account);
  return undefined;
}

/** SPEC transparency 3.4: those that nobody disputed in time, the earliest first. */
export function finalise({ transparency, grid }: AggregatesParts, context: HookContext): void {
  const { store, publications, undisputed } = transparency;
  while (context.entriesLeft > 0) {
    const publication = undisputed.dueAt(context.time);
    const row = publication === undefined ? undefined : publications.get(publication);
    if (publication === undefined || row === undefined) return;
    context.events.push({ type: 'transparency.aggregatesFinal', publication });
    store.change(publications.cell(publication), undefined);
    releaseDeposit(grid, context, row.account, row.deposit);
    context.worked();
  }
}
