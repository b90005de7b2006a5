import {
  addFlows,
  balanceOf,
  billOf,
  deliveriesOf,
  flowsOf,
  moneyOf,
  NO_FLOWS,
  PARTIES,
  settlePosition,
  type EnergyFlows,
  type HistoryEntry,
  type PositionTrade,
  type StatedPosition,
  type TariffEntry,
} from '@gridtokenx/chain';
import type { BookTerms } from '@gridtokenx/domain';
import { assert } from '@gridtokenx/kernel';
import { accountOf, intervalAt, meterOf, tradeOf, ZONES, zoneOf, type Day } from './day.js';

interface Traded {
  readonly sales: PositionTrade[];
  readonly purchases: PositionTrade[];
  /** Kept where statements are asked for. */
  readonly history: HistoryEntry[];
}

const NONE: readonly PositionTrade[] = [];

export interface SettledDay {
  readonly intervals: number;
  readonly positions: number;
  readonly trades: number;
  readonly shortfalls: number;
  /** micro-WATT by meter: what its account has more after the day. */
  readonly amounts: Float64Array;
  /** Of each zone and interval: must all be zero. */
  readonly unexplained: number;
  readonly stated: readonly StatedPosition[];
}

/** Settles a day as it streams by: one interval at a time, of which nothing stays but the sums. */
export function settleDay(
  day: Day,
  termsOf: (zone: string, interval: string) => BookTerms,
  withStatements = false,
): SettledDay {
  const amounts = new Float64Array(day.meters);
  const stated: StatedPosition[] = [];
  let [trades, shortfalls, unexplained, positions] = [0, 0, 0, 0];
  for (let i = 0; i < day.intervals; i++) {
    const interval = intervalAt(i);
    const terms = new Map(ZONES.map((zone) => [zone as string, termsOf(zone, interval)]));
    const tariffs = new Map([...terms].map(([zone, one]) => [zone, tariffOf(one)]));
    const flows = new Map<string, EnergyFlows>();
    const forwards = day.forwards(i);
    const spot = day.deliver(i, forwards);
    const traded = new Map<number, Traded>();
    const of = (meter: number): Traded => {
      let one = traded.get(meter);
      if (one === undefined) traded.set(meter, (one = { sales: [], purchases: [], history: [] }));
      return one;
    };
    let money = 0n;
    const bySeller = new Map<number, { trade: PositionTrade; buyer: number }[]>();
    for (const match of [...forwards, ...spot]) {
      const entry = tradeOf(match, terms.get(zoneOf(match.seller)) as BookTerms);
      const { topUpRate } = terms.get(entry.toZone) as BookTerms;
      const own = bySeller.get(match.seller) ?? [];
      bySeller.set(match.seller, own);
      own.push({ trade: { entry, deliveredWh: entry.quantityWh, topUpRate }, buyer: match.buyer });
    }
    for (const [seller, own] of bySeller) {
      const exportWh = Math.max(0, day.netWh[seller] as number);
      const tariff = tariffs.get(zoneOf(seller)) as TariffEntry;
      const position = {
        isMetered: true,
        importWh: 0,
        exportWh,
        sales: own.map(({ trade }) => trade),
        purchases: NONE,
      };
      deliveriesOf(position, tariff.allocation).forEach((deliveredWh, k) => {
        const { trade, buyer } = own[k] as (typeof own)[number];
        const delivered = { ...trade, deliveredWh };
        const bill = billOf(trade.entry, deliveredWh, trade.topUpRate);
        const parties = moneyOf(bill);
        if (bill.shortfallWh > 0) shortfalls++;
        amounts[seller] = (amounts[seller] as number) + Number(parties.seller);
        amounts[buyer] = (amounts[buyer] as number) + Number(parties.buyer);
        for (const party of PARTIES) money += parties[party];
        of(seller).sales.push(delivered);
        of(buyer).purchases.push(delivered);
        if (!withStatements) return;
        for (const side of [of(seller), of(buyer)]) {
          side.history.push(trade.entry);
          const { topUpRate } = trade;
          if (trade.entry.phase === 'forward')
            side.history.push({ kind: 'delivery', trade: trade.entry.trade, deliveredWh, topUpRate });
        }
      });
      trades += own.length;
    }
    assert(money === 0n, 'the money of the trades of an interval sums to zero');
    for (let meter = 0; meter < day.meters; meter++) {
      const net = day.netWh[meter] as number;
      const zone = zoneOf(meter);
      const tariff = tariffs.get(zone) as TariffEntry;
      const own = traded.get(meter);
      const { sales, purchases } = own ?? { sales: NONE, purchases: NONE };
      const position = {
        isMetered: true,
        importWh: net < 0 ? -net : 0,
        exportWh: net > 0 ? net : 0,
        sales,
        purchases: purchases.length < 2 ? purchases : [...purchases].sort((a, b) => a.entry.trade - b.entry.trade),
      };
      const result = settlePosition(position, tariff);
      positions++;
      if (result.surplusWh !== 0) amounts[meter] = (amounts[meter] as number) + Number(result.surplusAmount);
      if (result.exportWh !== 0 || result.boughtWh !== 0)
        flows.set(zone, addFlows(flows.get(zone) ?? NO_FLOWS, flowsOf(result)));
      if (!withStatements) continue;
      const reading: HistoryEntry = {
        kind: 'reading',
        meter: meterOf(meter),
        version: 1,
        quality: 'actual',
        consumedWh: day.consumedWh(i, meter),
        producedWh: day.producedWh(i, meter),
      };
      const entries = [reading, ...(own?.history ?? []), tariff].map((entry) => ({ entry }));
      const operator = (terms.get(zone) as BookTerms).operatorTo;
      stated.push({
        account: accountOf(meter),
        zone,
        interval,
        operator,
        entries,
        settledEntries: entries.length,
        corrections: [],
      });
    }
    // Sales and purchases within a zone are on both sides of its account, so it must balance.
    for (const sum of flows.values()) if (balanceOf(sum) !== 0n) unexplained++;
  }
  for (const amount of amounts) assert(Number.isSafeInteger(amount), 'the money of a day is a safe integer');
  return { intervals: day.intervals, positions, trades, shortfalls, amounts, unexplained, stated };
}

const tariffOf = ({ version, hash, topUpRate, surplusRate }: BookTerms): TariffEntry => ({
  kind: 'tariff',
  version,
  hash,
  topUpRate,
  surplusRate,
  allocation: 'fifo',
});
