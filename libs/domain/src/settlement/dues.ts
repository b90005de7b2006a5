import { assert, BANGKOK_MS } from '@gridtokenx/kernel';
import type { SettlementCycle } from '@gridtokenx/protocol';
import type { BlockContext, HookContext } from '../ledger/module.js';
import type { MarketState } from '../market/state.js';
import { netCycle, type Due, type NettedCycle } from '@gridtokenx/chain';
import type { DueCell, SettlementState } from './state.js';

export interface DuesParts {
  readonly settlement: SettlementState;
  readonly market: MarketState;
}

/** Dues that are netted with one another; of a cycle that has more, the next ones are netted by themselves. */
export const DUES_PER_NETTING_MAX = 2_000;

const QUARTER_MS = 900_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** The first Monday of 1970. */
const MONDAY_MS = 4 * DAY_MS;

/** The first whole multiple of `length` after `time`, counted from `origin`. */
const nextAfter = (time: number, length: number, origin: number): number =>
  origin + (Math.floor((time - origin) / length) + 1) * length;

/** SPEC settlement 6.3: the first end of a cycle after a market time; days and weeks are those of Thailand. */
export function cycleEndAfter(time: number, cycle: SettlementCycle): number {
  switch (cycle) {
    case 'realTime':
      return nextAfter(time, QUARTER_MS, 0);
    case 'hourly':
      return nextAfter(time, HOUR_MS, 0);
    case 'daily':
      return nextAfter(time, DAY_MS, -BANGKOK_MS);
    case 'weekly':
      return nextAfter(time, 7 * DAY_MS, MONDAY_MS - BANGKOK_MS);
    default:
      assert(false, 'a rule names a cycle');
  }
}

const ruleOf = ({ market }: DuesParts, time: number): SettlementCycle => market.rules.versions.at(time).rules.cycle;

/** Books what one owes another, in micro-WATT: in real time it is netted in the next hook, else when the cycle ends. */
export function owe(parts: DuesParts, context: BlockContext, payer: string, payee: string, amount: bigint): void {
  const { marketTime } = context;
  const cycle = ruleOf(parts, marketTime);
  parts.settlement.owe(payer, payee, amount, cycle === 'realTime' ? marketTime : cycleEndAfter(marketTime, cycle));
}

/** SPEC settlement 6.3-6.6: nets and pays the dues of a cycle that has ended, as far as the entries of this block go. */
export function payDues(parts: DuesParts, context: HookContext): void {
  const { settlement } = parts;
  const { store, standing, cycle } = settlement;
  while (cycle.value !== undefined && cycle.value.endsAt <= context.marketTime) {
    const { endsAt, payer, payee } = cycle.value;
    const most = Math.min(DUES_PER_NETTING_MAX, context.entriesLeft);
    if (most === 0) return;
    const batch: DueCell[] = [];
    let next = payer === '' ? standing.first : standing.after(settlement.dues.pair(payer, payee));
    for (; next !== undefined && batch.length < most; next = standing.after(next)) batch.push(next);
    const last = batch.at(-1);
    assert(last !== undefined, 'a cycle that is worked off has a next due');
    const isOver = next === undefined;
    net(parts, context, batch);
    if (!isOver) store.change(cycle, { endsAt, payer: last.first, payee: last.second });
    else if (standing.size === 0) store.change(cycle, undefined);
    else {
      const after = cycleEndAfter(context.marketTime, ruleOf(parts, context.marketTime));
      store.change(cycle, { endsAt: after, payer: '', payee: '' });
    }
    // Counted when all of it is booked: an outcome never ends in the middle of a netting.
    for (let i = 0; i < batch.length; i++) context.worked();
  }
}

function net({ settlement, market }: DuesParts, context: HookContext, batch: readonly DueCell[]): void {
  const { accounts } = market;
  const dues = batch.map(({ first: payer, second: payee, value: amount }): Due => {
    assert(amount !== undefined, 'a due that stands has an amount');
    return { payer, payee, amount };
  });
  const netted = netCycle(dues, (account) => accounts.available(account, 'WATT'));
  for (const { account, amount } of netted.net) accounts.add(accounts.cell(account, 'WATT'), amount);
  for (const { payer, payee, amount } of netted.settled) {
    settlement.store.change(settlement.dues.pair(payer, payee), undefined);
    context.events.push({ type: 'settlement.duePaid', payer, payee, amount: amount.toString() });
  }
  context.events.push({ type: 'settlement.netted', ...reportOf(netted) });
}

const reportOf = ({ settled, waiting, grossTotal, netTotal, unable }: NettedCycle) => ({
  dues: settled.length,
  gross: grossTotal.toString(),
  net: netTotal.toString(),
  waiting: waiting.length,
  waitingAmount: waiting.reduce((sum, { amount }) => sum + amount, 0n).toString(),
  unable: [...unable],
});
