import { assert, formatTime, millis, parseTime, partOf } from '@gridtokenx/kernel';
import { rejected, TREASURY_ACCOUNT, type OperationOf, type RejectedOutcome } from '@gridtokenx/protocol';
import type { AccountsState } from '../accounts/state.js';
import { GRID, type GridState } from '../grid/state.js';
import type { HookContext, LedgerModule, OperationContext } from '../ledger/module.js';
import type { ParametersState } from '../parameters/state.js';
import type { SpendRow, TreasuryState } from './state.js';

/** What the module needs of the ledger around it. */
export interface TreasuryParts {
  readonly treasury: TreasuryState;
  readonly grid: GridState;
  readonly accounts: AccountsState;
  readonly parameters: ParametersState;
}

export const treasuryModule = (parts: TreasuryParts): LedgerModule<'treasury.spend'> => ({
  name: 'treasury',
  operations: ['treasury.spend'],
  execute: (context, operation) => approveSpend(parts, context, operation),
  atStart: (context) => {
    payDue(parts, context);
    if (context.height % parts.parameters.get('treasury.periodBlocks') === 0) endPeriod(parts, context);
  },
});

/** SPEC treasury 2.1 */
function approveSpend(
  { treasury, grid, parameters }: TreasuryParts,
  { track, events, time }: OperationContext,
  { beneficiary, amount, validFrom }: OperationOf<'treasury.spend'>,
): RejectedOutcome | undefined {
  if (track !== 'root' && track !== 'treasury') return rejected('key.notAuthorised');
  if (track === 'treasury' && BigInt(amount) > parameters.amount('treasury.spendMax'))
    return rejected('treasury.aboveMaximum');
  if (beneficiary === TREASURY_ACCOUNT) return rejected('grid.sameAccount');
  const refusal = grid.refusePayee(beneficiary);
  if (refusal !== undefined) return refusal;
  const wanted = validFrom === undefined ? undefined : parseTime(validFrom);
  const from = Math.max(time, wanted ?? time);
  const spend = treasury.add({ beneficiary, amount: BigInt(amount), validFrom: from });
  events.push({
    type: 'treasury.spendApproved',
    spend,
    beneficiary,
    amount,
    validFrom: formatTime(millis(from)),
  });
  return undefined;
}

/** SPEC treasury 2.2 */
function payDue(parts: TreasuryParts, context: HookContext): void {
  const { due } = parts.treasury;
  for (let spend = due.first; spend !== undefined && spend.validFrom <= context.time; spend = due.first) {
    if (context.entriesLeft === 0) return;
    pay(parts, context, spend);
    context.worked();
  }
}

function pay({ treasury, grid }: TreasuryParts, context: HookContext, spend: SpendRow): void {
  const { events } = context;
  const { number, beneficiary, amount, waits } = spend;
  const refusal = grid.pay(context, TREASURY_ACCOUNT, beneficiary, amount);
  if (refusal?.code === 'grid.insufficientBalance') {
    if (waits) return;
    treasury.spends.set(String(number), { ...spend, waits: true });
    events.push({ type: 'treasury.spendWaits', spend: number });
    return;
  }
  treasury.remove(spend);
  if (refusal === undefined)
    events.push({ type: 'treasury.spent', spend: number, beneficiary, amount: amount.toString() });
  else events.push({ type: 'treasury.spendDropped', spend: number, code: refusal.code });
}

/** SPEC treasury 2.3, 3.1: first what waits is paid; what is then left is burned in part, unless something waits on. */
function endPeriod(parts: TreasuryParts, context: HookContext): void {
  const { treasury, grid, accounts, parameters } = parts;
  for (const spend of [...treasury.waiting]) {
    if (context.entriesLeft === 0) return;
    pay(parts, context, spend);
    context.worked();
  }
  if (treasury.waiting.size > 0) return;
  const amount = partOf(accounts.available(TREASURY_ACCOUNT, GRID), parameters.get('treasury.burnShare'));
  if (amount === 0n) return;
  const taken = grid.take(TREASURY_ACCOUNT, amount);
  assert(taken === amount, 'a share of what is there is there');
  grid.destroy(amount, 'treasuryBurn');
  context.events.push({ type: 'treasury.burned', amount: amount.toString() });
}
