import { rejected, type RejectedOutcome } from '@gridtokenx/protocol';
import type { BlockContext } from '../ledger/module.js';
import type { GridState } from './state.js';

/** Puts a deposit, in micro-GRID, on hold, of what may be spent. The row that is written for it has it as its escrow. */
export function holdDeposit(
  grid: GridState,
  { time }: BlockContext,
  account: string,
  deposit: number,
): RejectedOutcome | undefined {
  if (grid.spendable(account, time) < BigInt(deposit)) return rejected('grid.insufficientBalance', { account });
  grid.hold(account, BigInt(deposit));
  return undefined;
}

/** Gives it back, when its row is gone. */
export function releaseDeposit(grid: GridState, context: BlockContext, account: string, deposit: number): void {
  grid.hold(account, -BigInt(deposit));
  grid.sweep(context, account);
}
