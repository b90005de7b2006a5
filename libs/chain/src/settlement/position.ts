import { assert } from '@gridtokenx/kernel';
import { allocate } from './allocation.js';
import type { HistoryEntry, ReadingEntry, TariffEntry, TradeEntry } from './history.js';
import { amountOf } from './money.js';

/** A trade as one of its sides sees it now. */
export interface PositionTrade {
  readonly entry: TradeEntry;
  /** Of a forward trade that is not settled yet: 0. */
  readonly deliveredWh: number;
  readonly topUpRate: number;
}

/** What the history of a position comes to. Wh. */
export interface Position {
  /** Whether there is a reading: what is missing is not zero. */
  readonly isMetered: boolean;
  /** The sums, over the meters, of what each took net, and of what each gave net. */
  readonly importWh: number;
  readonly exportWh: number;
  /** In the order of trade numbers. */
  readonly sales: readonly PositionTrade[];
  readonly purchases: readonly PositionTrade[];
}

/** SPEC settlement 4: what becomes of the energy of a position. Wh, and micro-WATT. */
export interface PositionResult {
  readonly isMetered: boolean;
  readonly importWh: number;
  readonly exportWh: number;
  readonly soldWh: number;
  readonly boughtWh: number;
  /** Of what was sold and bought: what went to, and came from, other zones. */
  readonly movedOutWh: number;
  readonly movedInWh: number;
  /** Used up against the import: by purchase, and in all. */
  readonly used: readonly number[];
  readonly usedWh: number;
  /** Own export that is not sold, and what was bought and not used: the zone's operator buys and retires it. */
  readonly surplusWh: number;
  readonly surplusAmount: bigint;
  /** Bought, and nobody measured whether it was used: neither used nor paid for. */
  readonly expiredWh: number;
  /** Import that no trade covers: ordinary supply, for information. */
  readonly retailWh: number;
  readonly retailAmount: bigint;
}

/** The readings that count: of each meter the highest version. */
export function readingsOf(history: readonly HistoryEntry[]): ReadingEntry[] {
  const byMeter = new Map<string, ReadingEntry>();
  for (const entry of history) {
    if (entry.kind !== 'reading') continue;
    const known = byMeter.get(entry.meter);
    if (known === undefined || known.version < entry.version) byMeter.set(entry.meter, entry);
  }
  return [...byMeter.values()];
}

/** The tariff that the imbalance is settled by: absent before the settlement. */
export function tariffOf(history: readonly HistoryEntry[]): TariffEntry | undefined {
  return history.findLast((entry) => entry.kind === 'tariff');
}

/** SPEC settlement 1.4: of an account in a zone. */
export function positionOf(account: string, zone: string, history: readonly HistoryEntry[]): Position {
  const trades = new Map<number, PositionTrade>();
  for (const entry of history) {
    if (entry.kind === 'trade' && entry.quantityWh === 0) trades.delete(entry.trade);
    else if (entry.kind === 'trade')
      trades.set(entry.trade, { entry, deliveredWh: entry.phase === 'spot' ? entry.quantityWh : 0, topUpRate: 0 });
    else if (entry.kind === 'delivery') {
      const known = trades.get(entry.trade);
      assert(known !== undefined, 'what is delivered was traded before');
      trades.set(entry.trade, { ...known, deliveredWh: entry.deliveredWh, topUpRate: entry.topUpRate });
    }
  }
  const sales: PositionTrade[] = [];
  const purchases: PositionTrade[] = [];
  for (const trade of [...trades.values()].sort((a, b) => a.entry.trade - b.entry.trade)) {
    const { seller, fromZone, buyer, toZone } = trade.entry;
    if (seller === account && fromZone === zone) sales.push(trade);
    else {
      assert(buyer === account && toZone === zone, 'a trade is in the histories of its two sides');
      purchases.push(trade);
    }
  }
  const readings = readingsOf(history);
  let [importWh, exportWh] = [0, 0];
  for (const { consumedWh, producedWh } of readings) {
    const net = producedWh - consumedWh;
    if (net > 0) exportWh += net;
    else importWh -= net;
  }
  return { isMetered: readings.length > 0, importWh, exportWh, sales, purchases };
}

/** SPEC settlement 2: what the seller's meters gave for each of its sales. */
export function deliveriesOf({ exportWh, sales }: Position, rule: TariffEntry['allocation']): number[] {
  const wants = sales.map(({ entry }) => entry.quantityWh);
  return allocate(exportWh, wants, rule);
}

const sumOf = (trades: readonly PositionTrade[], counts: (entry: TradeEntry) => boolean): number => {
  let sum = 0;
  for (const { entry, deliveredWh } of trades) if (counts(entry)) sum += deliveredWh;
  return sum;
};
const isAny = (): boolean => true;
const isMoved = ({ fromZone, toZone }: TradeEntry): boolean => fromZone !== toZone;
const NONE: readonly number[] = [];

/** SPEC settlement 4.1-4.5: of a position whose trades are delivered. */
export function settlePosition(position: Position, tariff: TariffEntry): PositionResult {
  const { isMetered, importWh, exportWh, sales, purchases } = position;
  const soldWh = sumOf(sales, isAny);
  const boughtWh = sumOf(purchases, isAny);
  assert(soldWh <= exportWh, 'no more is delivered than was metered');
  const used =
    boughtWh === 0
      ? NONE
      : allocate(
          importWh,
          purchases.map(({ deliveredWh }) => deliveredWh),
          tariff.allocation,
        );
  const usedWh = Math.min(importWh, boughtWh);
  const surplusWh = isMetered ? exportWh - soldWh + boughtWh - usedWh : 0;
  const retailWh = importWh - usedWh;
  return {
    isMetered,
    importWh,
    exportWh,
    soldWh,
    boughtWh,
    movedOutWh: sumOf(sales, isMoved),
    movedInWh: sumOf(purchases, isMoved),
    used,
    usedWh,
    surplusWh,
    surplusAmount: amountOf(tariff.surplusRate, surplusWh),
    expiredWh: isMetered ? 0 : boughtWh,
    retailWh,
    retailAmount: amountOf(tariff.topUpRate, retailWh),
  };
}
