import { cpuUsage, memoryUsage } from 'node:process';
import { performance } from 'node:perf_hooks';
import { native } from '@gridtokenx/crypto-native';
import { participantStatement, statementCsv, statementJson, utilityStatement, type Statement } from '@gridtokenx/chain';
import { compareText, millis, formatTime, toHex } from '@gridtokenx/kernel';
import { rounded } from './statistics.js';
import { accountOf, BEGIN, Day, INTERVALS, ZONES } from './settlement/day.js';
import { LedgerDay, OPERATOR, termsOf, type DayOnLedger } from './settlement/ledger.js';
import { settleDay } from './settlement/stream.js';
import { runDayOnSystem } from './settlement/system.js';

/** Settles one day of so many meters as it streams by, with two trades for each meter. */
export interface SettlementRun {
  readonly meters: number;
  readonly intervals: number;
  readonly positions: number;
  readonly trades: number;
  readonly shortfalls: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Meters whose whole day is settled in a second of processor time. */
  readonly metersPerSecond: number;
  readonly usPerPosition: number;
  readonly rssMb: number;
  /** Zones and intervals whose control account does not balance: none. */
  readonly unexplained: number;
  /** SHA-256 of what each account has more: the same for the same seed, anywhere. */
  readonly digest: string;
}

export interface SettlementResult extends SettlementRun {
  readonly runs: readonly SettlementRun[];
  /** Processor time of a position, of each run to the one before it. */
  readonly growth: readonly number[];
  readonly whole?: WholeResult;
}

/** A day that goes through a ledger, and the same day as it streams by. */
export interface WholeResult {
  readonly meters: number;
  readonly intervals: number;
  readonly trades: number;
  readonly blocks: number;
  readonly seconds: number;
  readonly statements: number;
  readonly equal: boolean;
}

const TRADES_PER_METER = 2;

function runOf(meters: number): SettlementRun {
  const terms = termsOf();
  const day = new Day(meters, TRADES_PER_METER * meters);
  const [began, cpuBegan] = [performance.now(), cpuUsage()];
  const settled = settleDay(day, terms);
  const seconds = (performance.now() - began) / 1_000;
  const { user, system } = cpuUsage(cpuBegan);
  const cpuSeconds = (user + system) / 1e6;
  const { intervals, positions, trades, shortfalls, unexplained, amounts } = settled;
  return {
    meters,
    intervals,
    positions,
    trades,
    shortfalls,
    seconds: rounded(seconds, 1),
    cpuSeconds: rounded(cpuSeconds, 1),
    metersPerSecond: Math.round(meters / cpuSeconds),
    usPerPosition: rounded((cpuSeconds * 1e6) / positions, 3),
    rssMb: Math.round(memoryUsage().rss / 2 ** 20),
    unexplained,
    digest: toHex(native.sha256(new Uint8Array(amounts.buffer))),
  };
}

export async function runSettlementBench(sizes: readonly number[], wholeMeters = 0): Promise<SettlementResult> {
  const runs = sizes.map((size) => runOf(size));
  const growth = runs.slice(1).map((run, i) => rounded(run.usPerPosition / (runs[i]?.usPerPosition ?? 1), 2));
  const last = runs.at(-1);
  if (last === undefined) throw new Error('a bench has a size');
  const whole = wholeMeters === 0 ? {} : { whole: await compareWithSystem(wholeMeters) };
  return { ...last, runs, growth, ...whole };
}

const PERIOD = { from: formatTime(millis(BEGIN)), until: formatTime(millis(BEGIN + 86_400_000)) };
const bytesOf = (statement: Statement): string => statementJson(statement) + statementCsv(statement);

/** Whether all statements of the day are the same bytes, whichever way it was settled, and say what the ledger moved. */
export function compareWithLedger(meters: number, intervals = INTERVALS, tradesInAll = 2 * meters): WholeResult {
  const began = performance.now();
  const through = new LedgerDay(new Day(meters, tradesInAll, intervals));
  through.run();
  return compared(through, { meters, intervals, tradesInAll, began });
}

/** The same of a day that goes through validators, bus and read models; it takes some three minutes. */
export async function compareWithSystem(
  meters: number,
  intervals = INTERVALS,
  tradesInAll = 2 * meters,
): Promise<WholeResult> {
  const began = performance.now();
  const through = await runDayOnSystem(new Day(meters, tradesInAll, intervals));
  return compared(through, { meters, intervals, tradesInAll, began });
}

interface Compared {
  readonly meters: number;
  readonly intervals: number;
  readonly tradesInAll: number;
  readonly began: number;
}

function compared(through: DayOnLedger, { meters, intervals, tradesInAll, began }: Compared): WholeResult {
  const streamed = settleDay(new Day(meters, tradesInAll, intervals), termsOf(), true);
  const byAccount = Map.groupBy(streamed.stated, ({ account }) => account);
  const positions = through.histories.settled();
  const settledBy = Map.groupBy(positions, ({ account }) => account);
  let equal = positions.length === streamed.stated.length;
  for (let meter = 0; meter < meters; meter++) {
    const account = accountOf(meter);
    const ours = participantStatement(account, PERIOD, byAccount.get(account) ?? [], false);
    const theirs = participantStatement(account, PERIOD, settledBy.get(account) ?? [], false);
    const amount = BigInt(ours.totals['amount'] ?? '');
    equal &&= bytesOf(ours) === bytesOf(theirs);
    equal &&= amount === BigInt(streamed.amounts[meter] ?? NaN) && amount === through.gained(meter);
  }
  const zones = [...ZONES]
    .sort((a, b) => compareText(a, b))
    .map((zone) => ({ zone, operator: OPERATOR, closingWh: () => 0n }));
  const ours = utilityStatement(OPERATOR, PERIOD, zones, streamed.stated, false);
  equal &&= bytesOf(ours) === bytesOf(utilityStatement(OPERATOR, PERIOD, through.histories.zones(), positions, false));
  return {
    meters,
    intervals,
    trades: streamed.trades,
    blocks: through.height,
    seconds: rounded((performance.now() - began) / 1_000, 1),
    statements: meters + 1,
    equal,
  };
}
