import type { HoldEntry, Posting } from '@gridtokenx/protocol';
import {
  NO_SUPPLY,
  supplyTotal,
  type AccountsState,
  type Balance,
  type BalanceCell,
  type Supply,
} from '../accounts/state.js';
import type { Escrow, Store } from './store.js';

/** What an operation or hook has done to balances and escrow, and what is wrong with it, if anything. */
export interface Effects {
  readonly postings: readonly Posting[];
  readonly holds: readonly HoldEntry[];
  readonly fault: string | undefined;
}

const ZERO: Balance = { available: 0n, held: 0n };

/**
 * SPEC ledger 4: reads the journal since a mark, so that no operation reports on itself. Postings and holds stand in the
 * order in which their rows were first touched, which is the same wherever the block runs.
 */
export function effectsSince(store: Store, accounts: AccountsState, mark: number): Effects {
  const postings: Posting[] = [];
  const holds: HoldEntry[] = [];
  const balances: BalanceCell[] = [];
  const before: Balance[] = [];
  const escrows: { order: string; escrow: Escrow; amount: number }[] = [];
  /** Per asset: what balances changed by, less what supply changed by; all must come to zero. */
  const sums = new Map<string, bigint>();
  let fault: string | undefined;

  store.changesSince(mark, (cell, old) => {
    const { table, value } = cell;
    if (value === old) return;
    if ((table as unknown) === accounts.balances) {
      balances.push(cell as unknown as BalanceCell);
      before.push((old ?? ZERO) as Balance);
      return;
    }
    if ((table as unknown) === accounts.supplies) {
      const change = supplyTotal((value ?? NO_SUPPLY) as Supply) - supplyTotal((old ?? NO_SUPPLY) as Supply);
      sums.set(cell.key, (sums.get(cell.key) ?? 0n) - change);
      return;
    }
    const { escrow, fault: faultOf } = table.options;
    if (faultOf !== undefined && value !== undefined) fault ??= faultOf(value);
    if (escrow === undefined) return;
    const was = old === undefined ? undefined : escrow(old, cell);
    const is = value === undefined ? undefined : escrow(value, cell);
    if (was !== undefined) accounts.cell(was.account, was.asset).extra -= was.amount;
    if (is !== undefined) accounts.cell(is.account, is.asset).extra += is.amount;
    const either = is ?? was;
    if (either !== undefined)
      escrows.push({ order: either.isUntold === true ? '' : cell.key, escrow: either, amount: is?.amount ?? 0 });
  });

  for (let i = 0; i < balances.length; i++) {
    const cell = balances[i] as BalanceCell;
    const old = before[i] as Balance;
    const now = cell.value ?? ZERO;
    const available = now.available - old.available;
    const held = now.held - old.held;
    if (now.available < 0n || now.held < 0n) fault ??= `a balance of ${cell.second} is negative`;
    if (held !== BigInt(cell.extra)) fault ??= `what is held of ${cell.second} is not what its orders hold`;
    cell.extra = 0;
    if (available === 0n && held === 0n) continue;
    sums.set(cell.second, (sums.get(cell.second) ?? 0n) + available + held);
    postings.push([cell.first, cell.second, available.toString(), held.toString()]);
  }
  for (const { order, escrow, amount } of escrows) {
    const cell = accounts.cell(escrow.account, escrow.asset);
    if (cell.extra !== 0) {
      fault ??= `an order changed its escrow of ${escrow.asset}, and the balance did not`;
      cell.extra = 0;
    }
    if (order !== '') holds.push([order, escrow.account, escrow.asset, amount.toString()]);
  }
  for (const [asset, sum] of sums) if (sum !== 0n) fault ??= `the supply of ${asset} is off by ${sum}`;
  return { postings, holds, fault };
}
