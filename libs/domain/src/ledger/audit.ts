import { NO_SUPPLY, supplyTotal } from '../accounts/state.js';
import type { Ledger } from './engine.js';

/** SPEC ledger 4.5: every invariant over the whole state, from scratch; sentences about what is wrong. For tests and audits. */
export function auditState({ state, modules }: Pick<Ledger, 'state' | 'modules'>): string[] {
  const faults: string[] = [];
  const { accounts, store } = state;
  const totals = new Map<string, bigint>();
  const held = new Map<string, bigint>();
  for (const cell of accounts.balances.cells()) {
    const { value } = cell;
    if (value === undefined) continue;
    if (value.available < 0n || value.held < 0n) faults.push(`${cell.key} is negative`);
    if (value.available === 0n && value.held === 0n) faults.push(`${cell.key} is zero and not absent`);
    if (cell.extra !== 0) faults.push(`${cell.key} has a scan left over`);
    totals.set(cell.second, (totals.get(cell.second) ?? 0n) + value.available + value.held);
    if (value.held !== 0n) held.set(cell.key, value.held);
  }
  for (const [asset, { value }] of accounts.supplies.rows) {
    const supply = supplyTotal(value ?? NO_SUPPLY);
    const total = totals.get(asset) ?? 0n;
    if (supply !== total) faults.push(`supply of ${asset} is ${supply}, balances sum to ${total}`);
    totals.delete(asset);
  }
  for (const asset of totals.keys()) faults.push(`there are balances of ${asset} and no supply`);
  for (const { options, cells } of store.tables.map((table) => ({ options: table.options, cells: table.cells() })))
    for (const cell of cells) {
      const { key, value } = cell;
      if (value === undefined) continue;
      const fault = options.fault?.(value);
      if (fault !== undefined) faults.push(`${key}: ${fault}`);
      const escrow = options.escrow?.(value, cell);
      if (escrow === undefined) continue;
      const holder = `${escrow.account}/${escrow.asset}`;
      held.set(holder, (held.get(holder) ?? 0n) - BigInt(escrow.amount));
    }
  for (const [key, rest] of held) if (rest !== 0n) faults.push(`${key} holds ${rest} more than its orders do`);
  for (const module of modules) faults.push(...(module.audit?.() ?? []));
  return faults;
}
