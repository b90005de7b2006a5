import { compareText, formatInterval, INTERVAL_MS, millis, type Millis } from '@gridtokenx/kernel';
import { textOfFile } from '../text-file.js';
import type { ReadingsFault } from './codes.js';
import type { Rows } from './fields.js';
import {
  readRow,
  type Entry,
  type IntervalEntry,
  type ReadingsTerms,
  type ReadQuality,
  type RegisterEntry,
} from './line.js';
import { inRegisterOrder, intervalsOf, type EnergySum } from './registers.js';
import { rowsOfCsv, rowsOfNdjson } from './rows.js';

export const READINGS_FILE_BYTES_MAX = 64 * 1024 * 1024;

/** What one meter took and gave in one interval: what the ledger is told. */
export interface Reading {
  /** The line that says it, or that ends it. */
  readonly line: number;
  readonly meter: string;
  /** Start of the interval, in milliseconds. */
  readonly start: Millis;
  readonly quality: ReadQuality;
  readonly version: number;
  readonly consumedWh: number;
  readonly producedWh: number;
}

/**
 * `reading`: the line gives a reading. `register`: a register reading that no interval ends at. `missing`: it says that there is no
 * reading. `duplicate`: another line says the same. `superseded`: another line has a higher version of the same register reading.
 */
export type LineStatus = 'reading' | 'register' | 'missing' | 'duplicate' | 'superseded' | 'refused';

export interface ReadingsLine {
  readonly line: number;
  readonly status: LineStatus;
  readonly meter?: string;
  /** The interval it gives or misses. */
  readonly interval?: string;
  /** The line that says the same, or has a higher version. */
  readonly of?: number;
  /** A register reading that stands behind a later one of its meter. */
  readonly outOfOrder?: true;
  /** Never empty when refused, absent else. */
  readonly faults?: readonly ReadingsFault[];
}

/** Intervals without a reading; never filled with anything. */
export interface ReadingsGap {
  readonly meter: string;
  readonly from: Millis;
  /** Exclusive. */
  readonly to: Millis;
  /** Where registers tell what they came to together. */
  readonly sum?: { readonly consumedWh: number; readonly producedWh: number };
}

export type ReadingsFile =
  | { readonly refused: readonly (ReadingsFault & { readonly line: number })[] }
  | {
      /** One for each line that is not blank, in file order; of CSV without the header. */
      readonly lines: readonly ReadingsLine[];
      /** By interval, meter, version. */
      readonly readings: readonly Reading[];
      /** By meter, time. */
      readonly gaps: readonly ReadingsGap[];
    };

/**
 * SPEC metering 4: reads a file of readings. Lines are refused one by one, and what is good does not depend on their order; a file
 * that cannot be understood as a whole is refused whole. Never throws, whatever the bytes.
 */
export function readReadings(bytes: Uint8Array, format: 'csv' | 'ndjson', terms: ReadingsTerms = {}): ReadingsFile {
  const rows = rowsIn(bytes, format);
  if ('refused' in rows) return rows;
  const results = new Results();
  const entries: Entry[] = [];
  for (const row of rows.rows) {
    const entry = 'faults' in row ? row.faults : readRow(row, terms);
    if ('kind' in entry) entries.push(entry);
    else results.refuse(row.line, entry);
  }
  return gather(entries, results, terms);
}

/** The names of meters in a file, each once; of a file that is refused whole, none. */
export function metersNamedIn(bytes: Uint8Array, format: 'csv' | 'ndjson'): string[] {
  const rows = rowsIn(bytes, format);
  if ('refused' in rows) return [];
  return [...new Set(rows.rows.flatMap((row) => ('cells' in row ? (row.cells.get('meter') ?? []) : [])))];
}

function rowsIn(bytes: Uint8Array, format: 'csv' | 'ndjson'): Rows {
  if (bytes.length > READINGS_FILE_BYTES_MAX)
    return refusedWhole(1, 'file.tooLarge', `more than ${READINGS_FILE_BYTES_MAX} bytes`, 'part the file');
  const text = textOfFile(bytes);
  if (typeof text !== 'string') return refusedWhole(text.line, text.code, text.reason, text.hint);
  return format === 'csv' ? rowsOfCsv(text) : rowsOfNdjson(text);
}

function refusedWhole(line: number, code: ReadingsFault['code'], reason: string, hint: string): Rows {
  return { refused: [{ line, code, reason, hint }] };
}

class Results {
  private readonly lines = new Map<number, ReadingsLine>();

  set(line: ReadingsLine): void {
    this.lines.set(line.line, line);
  }

  refuse(line: number, faults: readonly ReadingsFault[], more: Pick<ReadingsLine, 'meter' | 'interval'> = {}): void {
    this.set({ line, status: 'refused', ...more, faults });
  }

  /** The line gives a reading; what was known of it before, as a register reading, stays. */
  measured(line: number, about: Pick<ReadingsLine, 'meter' | 'interval'>): void {
    this.set({ ...this.lines.get(line), line, status: 'reading', ...about });
  }

  inOrder(): ReadingsLine[] {
    return [...this.lines.values()].sort((a, b) => a.line - b.line);
  }
}

function gather(entries: readonly Entry[], results: Results, terms: ReadingsTerms): ReadingsFile {
  const registers = new Map<string, RegisterEntry[]>();
  const intervals: IntervalEntry[] = [];
  const missing = new Map<string, Set<number>>();
  for (const entry of entries) {
    const { meter } = entry.known;
    if (entry.kind === 'interval') intervals.push(entry);
    else if (entry.kind === 'register') listIn(registers, meter).push(entry);
    else {
      const starts = missing.get(meter) ?? new Set();
      missing.set(meter, starts.add(entry.start));
      results.set({ line: entry.line, status: 'missing', meter, interval: formatInterval(entry.start) });
    }
  }
  const sums = new Map<string, readonly EnergySum[]>();
  for (const [meter, readings] of registers) {
    const { intervals: measured, sums: ofMeter } = fromRegisters(meter, readings, results);
    intervals.push(...measured);
    sums.set(meter, ofMeter);
  }
  const readings = withoutConflicts(intervals, results);
  return { lines: results.inOrder(), readings, gaps: gapsOf(readings, missing, registers, sums, terms) };
}

function listIn<K, T>(map: Map<K, T[]>, key: K): T[] {
  const list = map.get(key) ?? [];
  map.set(key, list);
  return list;
}

const sameEnergy = (a: IntervalEntry | RegisterEntry, b: IntervalEntry | RegisterEntry): boolean =>
  a.consumedWh === b.consumedWh && a.producedWh === b.producedWh && a.quality === b.quality;

/** SPEC metering 4.7: lines about one thing say the same, or none of them counts. Gives the line that counts. */
function settled<T extends IntervalEntry | RegisterEntry>(
  group: readonly T[],
  results: Results,
  about: Pick<ReadingsLine, 'meter' | 'interval'>,
): T | undefined {
  const [first, ...others] = group;
  if (first === undefined) return undefined;
  if (others.every((other) => sameEnergy(first, other))) {
    for (const { line } of others) results.set({ line, status: 'duplicate', ...about, of: first.line });
    return first;
  }
  for (const { line } of group) {
    const rest = group
      .slice(0, 4)
      .map((other) => other.line)
      .filter((other) => other !== line);
    const reason = `line ${rest.join(', ')} ${rest.length === 1 ? 'says' : 'say'} something else about the same meter and time`;
    const fault = {
      code: 'readings.conflict',
      reason,
      hint: 'leave one, or give a correction a version of its own',
    } as const;
    results.refuse(line, [fault], about);
  }
  return undefined;
}

function fromRegisters(
  meter: string,
  readings: readonly RegisterEntry[],
  results: Results,
): { readonly intervals: readonly IntervalEntry[]; readonly sums: readonly EnergySum[] } {
  const groups = new Map<string, RegisterEntry[]>();
  const late = new Set<number>();
  let latest = Number.NEGATIVE_INFINITY;
  for (const reading of readings) {
    if (reading.at < latest) late.add(reading.line);
    latest = Math.max(latest, reading.at);
    listIn(groups, `${reading.at}${reading.event}`).push(reading);
  }
  const points: RegisterEntry[] = [];
  for (const group of groups.values()) {
    const version = group.reduce((most, one) => Math.max(most, one.version), 0);
    const point = settled(
      group.filter((one) => one.version === version),
      results,
      { meter },
    );
    if (point !== undefined) points.push(point);
    for (const one of group)
      if (one.version < version)
        results.set({ line: one.line, status: 'superseded', meter, ...(point !== undefined && { of: point.line }) });
  }
  const { intervals, faults, sums } = intervalsOf(points.sort(inRegisterOrder));
  for (const { line } of points) {
    const fault = faults.get(line);
    if (fault !== undefined) results.refuse(line, [fault], { meter });
    else results.set({ line, status: 'register', meter, ...(late.has(line) && { outOfOrder: true }) });
  }
  return { intervals, sums };
}

function withoutConflicts(intervals: readonly IntervalEntry[], results: Results): Reading[] {
  const groups = new Map<string, IntervalEntry[]>();
  for (const entry of intervals) listIn(groups, `${entry.known.meter}/${entry.start}/${entry.version}`).push(entry);
  const readings: Reading[] = [];
  for (const group of groups.values()) {
    const entry = settled(group, results, aboutOf(group));
    if (entry === undefined) continue;
    const { line, known, start, quality, version, consumedWh, producedWh } = entry;
    results.measured(line, aboutOf(group));
    readings.push({ line, meter: known.meter, start, quality, version, consumedWh, producedWh });
  }
  return readings.sort((a, b) => a.start - b.start || compareText(a.meter, b.meter) || a.version - b.version);
}

const aboutOf = ([entry]: readonly IntervalEntry[]): Pick<ReadingsLine, 'meter' | 'interval'> =>
  entry === undefined ? {} : { meter: entry.known.meter, interval: formatInterval(entry.start) };

/** SPEC metering 4.9: within the declared period for each known meter, else between the first and the last that a meter has in the file. */
function gapsOf(
  readings: readonly Reading[],
  missing: ReadonlyMap<string, ReadonlySet<number>>,
  registers: ReadonlyMap<string, readonly RegisterEntry[]>,
  sums: ReadonlyMap<string, readonly EnergySum[]>,
  { period, meters, operator }: ReadingsTerms,
): ReadingsGap[] {
  const read = new Map<string, Set<number>>();
  const spans = new Map<string, { from: number; to: number }>();
  const span = (meter: string, from: number, to: number): void => {
    const known = spans.get(meter);
    spans.set(meter, { from: Math.min(from, known?.from ?? from), to: Math.max(to, known?.to ?? to) });
  };
  for (const { meter, start } of readings) {
    read.set(meter, (read.get(meter) ?? new Set<number>()).add(start));
    span(meter, start, start + INTERVAL_MS);
  }
  for (const [meter, starts] of missing) for (const start of starts) span(meter, start, start + INTERVAL_MS);
  for (const [meter, ofMeter] of registers)
    for (const { at } of ofMeter) {
      const quarter = at - (at % INTERVAL_MS);
      span(meter, quarter, quarter);
    }
  if (period !== undefined) {
    for (const known of meters?.values() ?? [])
      if (operator === undefined || known.operator === undefined || known.operator === operator)
        spans.set(known.meter, period);
    for (const meter of [...spans.keys()]) spans.set(meter, period);
  }
  return [...spans]
    .sort(([a], [b]) => compareText(a, b))
    .flatMap(([meter, { from, to }]) =>
      gapsOfMeter(meter, from, to, read.get(meter) ?? new Set(), sums.get(meter) ?? []),
    );
}

function gapsOfMeter(
  meter: string,
  from: number,
  to: number,
  read: ReadonlySet<number>,
  sums: readonly EnergySum[],
): ReadingsGap[] {
  const gaps: ReadingsGap[] = [];
  const push = (start: number, end: number, sum?: EnergySum): void => {
    if (start >= end) return;
    const of = sum === undefined ? {} : { sum: { consumedWh: sum.consumedWh, producedWh: sum.producedWh } };
    gaps.push({ meter, from: millis(start), to: millis(end), ...of });
  };
  let nextSum = 0;
  /** Sums follow each other in time, and so do gaps; one that an interval line breaks says nothing about the rest. */
  const add = (start: number, end: number): void => {
    let at = start;
    for (let sum = sums[nextSum]; sum !== undefined && sum.from < end; sum = sums[++nextSum]) {
      if (sum.from < at || sum.to > end) continue;
      push(at, sum.from);
      push(sum.from, sum.to, sum);
      at = sum.to;
    }
    push(at, end);
  };
  let next = from;
  for (const start of [...read].sort((a, b) => a - b)) {
    if (start < from || start >= to) continue;
    add(next, start);
    next = start + INTERVAL_MS;
  }
  add(next, to);
  return gaps;
}
