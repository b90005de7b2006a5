import { assert, compareText, parseInterval } from '@gridtokenx/kernel';
import {
  addFlows,
  controlAccount,
  flowsOf,
  NO_FLOWS,
  subtractFlows,
  type ControlAccount,
  type EnergyFlows,
} from './control.js';
import { resultOf } from './correction.js';
import type { HistoryEntry } from './history.js';
import { billOf, moneyOf, type TradeBill } from './money.js';
import { positionOf, readingsOf, tariffOf, type PositionResult, type PositionTrade } from './position.js';

/** Where a fact stands on the ledger: the block, the outcome in it and the event in that, each from 0. */
export interface Source {
  readonly height: number;
  readonly outcome: number;
  readonly event: number;
}

export interface StatedEntry {
  readonly entry: HistoryEntry;
  /** Absent where the history does not come from a ledger. */
  readonly source?: Source | undefined;
}

/** A settled position with what it is stated from. */
export interface StatedPosition {
  readonly account: string;
  readonly zone: string;
  readonly interval: string;
  /** The account of the zone's operator, who buys what is left over. */
  readonly operator: string;
  readonly entries: readonly StatedEntry[];
  /** How many of the entries the first settlement knew; each correction appended some more. */
  readonly settledEntries: number;
  /** Where each correction begins among the entries, in order. */
  readonly corrections: readonly number[];
}

/** By the start of the interval: from <= start < until, both in RFC 3339. */
export interface Period {
  readonly from: string;
  readonly until: string;
}

/** The cells of a row by column; one that does not apply is absent. */
export type StatementRow = Readonly<Partial<Record<string, string | number>>>;

export interface Statement {
  readonly kind: 'participant' | 'utility';
  readonly account: string;
  readonly period: Period;
  /** 1, and 1 more for each correction that touches it. */
  readonly version: number;
  readonly totals: Readonly<Record<string, string>>;
  readonly columns: readonly string[];
  readonly rows: readonly StatementRow[];
}

export const PARTICIPANT_COLUMNS = [
  'interval',
  'zone',
  'kind',
  'reference',
  'order',
  'version',
  'quality',
  'consumedWh',
  'producedWh',
  'phase',
  'counterparty',
  'fromZone',
  'toZone',
  'priceTicks',
  'rate',
  'quantityWh',
  'deliveredWh',
  'usedWh',
  'energy',
  'fee',
  'wheeling',
  'topUp',
  'amount',
  'tariffVersion',
  'tariffHash',
  'sources',
] as const;

export const UTILITY_COLUMNS = [
  'interval',
  'zone',
  'kind',
  'reference',
  'buyer',
  'seller',
  'account',
  'quantityWh',
  'deliveredWh',
  'rate',
  'charges',
  'topUp',
  'amount',
  'tariffVersion',
  'tariffHash',
  'openingWh',
  'mintedWh',
  'movedInWh',
  'movedOutWh',
  'retiredWh',
  'expiredWh',
  'correctedWh',
  'closingWh',
  'unexplainedWh',
  'sources',
] as const;

const startOf = (interval: string): number => {
  const start = parseInterval(interval);
  assert(start !== undefined, 'a position is of an interval');
  return start;
};

const byIntervalThenZone = (a: StatedPosition, b: StatedPosition): number =>
  startOf(a.interval) - startOf(b.interval) || compareText(a.zone, b.zone) || compareText(a.account, b.account);

const entriesOf = ({ entries }: StatedPosition): HistoryEntry[] => entries.map(({ entry }) => entry);

/** A position as it stands after so many of its entries. */
interface Standing {
  readonly result: PositionResult;
  readonly sales: readonly (PositionTrade & { readonly bill: TradeBill })[];
  readonly purchases: readonly (PositionTrade & { readonly bill: TradeBill })[];
  /** What the operator paid for the surplus: nothing for its own. */
  readonly surplus: bigint;
  /** What the account has more by it, in micro-WATT. */
  readonly amount: bigint;
}

function standingOf(
  { account, zone, operator }: StatedPosition,
  history: readonly HistoryEntry[],
): Standing | undefined {
  const result = resultOf({ account, zone, history });
  if (result === undefined) return undefined;
  const { sales, purchases } = positionOf(account, zone, history);
  const billed = (trade: PositionTrade): PositionTrade & { bill: TradeBill } => ({
    ...trade,
    bill: billOf(trade.entry, trade.deliveredWh, trade.topUpRate),
  });
  const [sold, bought] = [sales.map(billed), purchases.map(billed)];
  const surplus = account === operator ? 0n : result.surplusAmount;
  let amount = surplus;
  for (const { bill } of sold) amount += moneyOf(bill).seller;
  for (const { bill } of bought) amount += moneyOf(bill).buyer;
  return { result, sales: sold, purchases: bought, surplus, amount };
}

const textOf = (source: Source): string => `${source.height}:${source.outcome}:${source.event}`;

/** Names the places on the ledger that a row stands on, or nothing where they are not asked for. */
class Sources {
  constructor(
    private readonly position: StatedPosition,
    private readonly withBasis: boolean,
  ) {}

  of(isMeant: (entry: HistoryEntry) => boolean): { sources?: string } {
    if (!this.withBasis) return {};
    const places = this.position.entries.flatMap(({ entry, source }) =>
      source !== undefined && isMeant(entry) ? [textOf(source)] : [],
    );
    // One event may have brought several entries.
    return { sources: [...new Set(places)].join(' ') };
  }

  trade(number: number): { sources?: string } {
    return this.of((entry) => (entry.kind === 'trade' || entry.kind === 'delivery') && entry.trade === number);
  }

  at(index: number): { sources?: string } {
    const source = this.position.entries[index]?.source;
    return this.withBasis && source !== undefined ? { sources: textOf(source) } : {};
  }
}

const isTariff = ({ kind }: HistoryEntry): boolean => kind === 'tariff';

function participantRows(position: StatedPosition, withBasis: boolean): StatementRow[] {
  const history = entriesOf(position);
  const standing = standingOf(position, history);
  const tariff = tariffOf(history);
  assert(standing !== undefined && tariff !== undefined, 'a stated position is settled');
  const { result } = standing;
  const { interval, zone, operator } = position;
  const sources = new Sources(position, withBasis);
  const rows: StatementRow[] = [];
  const row = (kind: string, cells: StatementRow): void => void rows.push({ interval, zone, kind, ...cells });
  const byTariff = { tariffVersion: tariff.version, tariffHash: tariff.hash };

  for (const { meter, version, quality, consumedWh, producedWh } of readingsOf(history).sort((a, b) =>
    compareText(a.meter, b.meter),
  ))
    row('reading', {
      reference: meter,
      version,
      quality,
      consumedWh: String(consumedWh),
      producedWh: String(producedWh),
      ...sources.of((entry) => entry.kind === 'reading' && entry.meter === meter && entry.version === version),
    });
  const trade = (kind: 'sale' | 'purchase', { entry, bill }: Standing['sales'][number], more: StatementRow): void =>
    row(kind, {
      reference: entry.trade,
      ...(withBasis && { order: kind === 'sale' ? entry.ask : entry.bid }),
      phase: entry.phase,
      counterparty: kind === 'sale' ? entry.buyer : entry.seller,
      fromZone: entry.fromZone,
      toZone: entry.toZone,
      priceTicks: entry.priceTicks,
      quantityWh: String(entry.quantityWh),
      deliveredWh: String(bill.deliveredWh),
      energy: String(bill.energy),
      ...more,
      amount: moneyOf(bill)[kind === 'sale' ? 'seller' : 'buyer'].toString(),
      tariffVersion: entry.tariffVersion,
      tariffHash: entry.tariffHash,
      ...sources.trade(entry.trade),
    });
  for (const sale of standing.sales)
    trade('sale', sale, { fee: String(sale.bill.sellerFee), topUp: sale.bill.sellerTopUp.toString() });
  standing.purchases.forEach((purchase, i) => {
    const { buyerFee, wheeling, buyerTopUp } = purchase.bill;
    trade('purchase', purchase, {
      usedWh: String(result.used[i] ?? 0),
      fee: String(buyerFee),
      wheeling: String(wheeling),
      topUp: buyerTopUp.toString(),
    });
  });
  if (result.surplusWh > 0)
    row('surplus', {
      counterparty: operator,
      rate: tariff.surplusRate,
      quantityWh: String(result.surplusWh),
      amount: standing.surplus.toString(),
      ...byTariff,
      ...sources.of(isTariff),
    });
  if (result.expiredWh > 0) row('expired', { quantityWh: String(result.expiredWh), ...sources.of(isTariff) });
  if (result.retailWh > 0)
    // For information: no `amount`.
    row('retail', {
      counterparty: operator,
      rate: tariff.topUpRate,
      quantityWh: String(result.retailWh),
      energy: result.retailAmount.toString(),
      ...byTariff,
      ...sources.of(isTariff),
    });
  rows.push(...correctionRows(position, sources));
  return rows;
}

/** What each correction changed, as a statement of the version before it had it. */
function correctionRows(position: StatedPosition, sources: Sources): StatementRow[] {
  const history = entriesOf(position);
  const { interval, zone, corrections } = position;
  return corrections.map((begin, i) => {
    const before = standingOf(position, history.slice(0, begin))?.amount ?? 0n;
    const after = standingOf(position, history.slice(0, corrections[i + 1] ?? history.length))?.amount ?? 0n;
    return {
      interval,
      zone,
      kind: 'correction',
      version: i + 2,
      amount: (after - before).toString(),
      ...sources.at(begin),
    };
  });
}

const sumOf = (numbers: Iterable<number | bigint>): string => {
  let sum = 0n;
  for (const number of numbers) sum += BigInt(number);
  return sum.toString();
};

const within = ({ from, until }: Period, { interval }: StatedPosition): boolean => {
  const start = interval.slice(0, interval.indexOf('/'));
  // Times have one spelling, so their order is that of their text.
  return start >= from && start < until;
};

/**
 * SPEC settlement 8.1, 8.2: what an account bought, sold, used and was paid in a period, from its settled positions. With basis data each row names the events that
 * it stands on. The same positions, in whatever order, give the same bytes.
 */
export function participantStatement(
  account: string,
  period: Period,
  positions: readonly StatedPosition[],
  withBasis: boolean,
): Statement {
  const own = positions
    .filter((position) => position.account === account && within(period, position))
    .sort(byIntervalThenZone);
  const standings = own.map((position) => standingOf(position, entriesOf(position)));
  const total = (read: (standing: Standing) => number | bigint): string =>
    sumOf(standings.map((standing) => (standing === undefined ? 0 : read(standing))));
  const sales = standings.flatMap((standing) => standing?.sales ?? []);
  const purchases = standings.flatMap((standing) => standing?.purchases ?? []);
  return {
    kind: 'participant',
    account,
    period,
    version: 1 + own.reduce((sum, { corrections }) => sum + corrections.length, 0),
    totals: {
      importWh: total(({ result }) => result.importWh),
      exportWh: total(({ result }) => result.exportWh),
      soldWh: total(({ result }) => result.soldWh),
      boughtWh: total(({ result }) => result.boughtWh),
      usedWh: total(({ result }) => result.usedWh),
      surplusWh: total(({ result }) => result.surplusWh),
      expiredWh: total(({ result }) => result.expiredWh),
      retailWh: total(({ result }) => result.retailWh),
      sales: sumOf(sales.map(({ bill }) => moneyOf(bill).seller)),
      purchases: sumOf(purchases.map(({ bill }) => moneyOf(bill).buyer)),
      surplus: total(({ surplus }) => surplus),
      amount: total(({ amount }) => amount),
      retail: total(({ result }) => result.retailAmount),
    },
    columns: PARTICIPANT_COLUMNS,
    rows: own.flatMap((position) => participantRows(position, withBasis)),
  };
}

/** One zone of a utility, and what the balances of its energy are: by interval, in Wh. */
export interface UtilityZone {
  readonly zone: string;
  readonly operator: string;
  closingWh(interval: string): bigint;
}

/** SPEC settlement 7.1: of one zone and interval, from its settled positions. */
export function controlAccountOf(positions: readonly StatedPosition[], closingWh: bigint): ControlAccount {
  let [flows, corrections]: [EnergyFlows, EnergyFlows] = [NO_FLOWS, NO_FLOWS];
  for (const position of positions) {
    const history = entriesOf(position);
    const first = resultOf({ ...position, history: history.slice(0, position.settledEntries) });
    const last = resultOf({ ...position, history });
    const settled = first === undefined ? NO_FLOWS : flowsOf(first);
    flows = addFlows(flows, settled);
    if (last !== undefined) corrections = addFlows(corrections, subtractFlows(flowsOf(last), settled));
  }
  return controlAccount(0n, flows, corrections, closingWh);
}

/**
 * SPEC settlement 8.3: what a utility was paid for its wires and for standing in, what it paid for energy that was left over, and the control account of
 * each of its zones and intervals. `positions` are all of the period, also those of other zones: a trade is in the zone of its seller.
 */
export function utilityStatement(
  operator: string,
  period: Period,
  zones: readonly UtilityZone[],
  positions: readonly StatedPosition[],
  withBasis: boolean,
): Statement {
  const own = new Map(zones.filter((zone) => zone.operator === operator).map((zone) => [zone.zone, zone]));
  const inPeriod = positions.filter((position) => within(period, position)).sort(byIntervalThenZone);
  const rows: StatementRow[] = [];
  const totals = { charges: 0n, topUp: 0n, surplusWh: 0n, surplus: 0n, retailWh: 0n, retail: 0n, amount: 0n };
  let corrections = 0;
  for (let begin = 0; begin < inPeriod.length;) {
    const { interval, zone } = inPeriod[begin] as StatedPosition;
    let end = begin;
    while (inPeriod[end]?.interval === interval && inPeriod[end]?.zone === zone) end++;
    const place = inPeriod.slice(begin, end);
    begin = end;
    for (const position of place) {
      const history = entriesOf(position);
      const standing = standingOf(position, history);
      const tariff = tariffOf(history);
      assert(standing !== undefined && tariff !== undefined, 'a stated position is settled');
      const sources = new Sources(position, withBasis);
      // A trade is stated once: where it is sold.
      for (const { entry, bill } of standing.sales) {
        const isTo = own.has(entry.toZone);
        const isFrom = own.has(entry.fromZone);
        if (!isTo && !isFrom) continue;
        const charges = (isTo ? bill.toOperator : 0) + (isFrom ? bill.fromOperator : 0);
        const topUp = isTo ? bill.buyerTopUp + bill.sellerTopUp : 0n;
        totals.charges += BigInt(charges);
        totals.topUp += topUp;
        totals.amount += BigInt(charges) + topUp;
        rows.push({
          interval,
          zone: isTo ? entry.toZone : entry.fromZone,
          kind: 'trade',
          reference: entry.trade,
          buyer: entry.buyer,
          seller: entry.seller,
          quantityWh: String(entry.quantityWh),
          deliveredWh: String(bill.deliveredWh),
          charges: String(charges),
          topUp: topUp.toString(),
          amount: (BigInt(charges) + topUp).toString(),
          tariffVersion: entry.tariffVersion,
          tariffHash: entry.tariffHash,
          ...sources.trade(entry.trade),
        });
      }
      if (!own.has(zone)) continue;
      corrections += position.corrections.length;
      const { result, surplus: paid } = standing;
      totals.retailWh += BigInt(result.retailWh);
      totals.retail += result.retailAmount;
      totals.surplusWh += BigInt(result.surplusWh);
      totals.surplus -= paid;
      totals.amount -= paid;
      if (result.surplusWh > 0)
        rows.push({
          interval,
          zone,
          kind: 'surplus',
          account: position.account,
          quantityWh: String(result.surplusWh),
          rate: tariff.surplusRate,
          amount: (-paid).toString(),
          tariffVersion: tariff.version,
          tariffHash: tariff.hash,
          ...sources.of(isTariff),
        });
    }
    const ownZone = own.get(zone);
    if (ownZone !== undefined) rows.push(controlRow(place, ownZone.closingWh(interval)));
  }
  return {
    kind: 'utility',
    account: operator,
    period,
    version: 1 + corrections,
    totals: Object.fromEntries(Object.entries(totals).map(([name, total]) => [name, total.toString()])),
    columns: UTILITY_COLUMNS,
    rows,
  };
}

function controlRow(place: readonly StatedPosition[], closingWh: bigint): StatementRow {
  const [first] = place;
  const { corrections: _, ...account } = controlAccountOf(place, closingWh);
  const amounts = Object.entries(account).map(([name, wh]) => [name, wh.toString()]);
  return { interval: first?.interval, zone: first?.zone, kind: 'control', ...Object.fromEntries(amounts) };
}

/** SPEC settlement 8.4: canonical JSON: members in the order of the type and of the columns, no white space, one line feed at the end. */
export function statementJson(statement: Statement): string {
  const { columns, rows, ...head } = statement;
  const ordered = rows.map((row) =>
    Object.fromEntries(columns.filter((column) => row[column] !== undefined).map((column) => [column, row[column]])),
  );
  return `${JSON.stringify({ ...head, rows: ordered })}\n`;
}

/** SPEC settlement 8.4: the rows alone, RFC 4180 with line feeds: a header, no quotes (no cell needs them), empty where nothing applies. */
export function statementCsv({ columns, rows }: Statement): string {
  const lines = rows.map((row) => columns.map((column) => String(row[column] ?? '')).join(','));
  return `${[columns.join(','), ...lines].join('\n')}\n`;
}
