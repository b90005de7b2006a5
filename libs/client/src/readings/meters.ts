import { fromUtf8 } from '@gridtokenx/kernel';
import { ENERGY_WH_MAX, REGISTER_DIGITS_MAX } from '@gridtokenx/protocol';
import { readCsv } from '../csv.js';
import type { KnownMeter } from './line.js';

/** A fault of a list of meters, which is refused whole: half a list would let through what the other half forbids. */
export interface MetersFault {
  readonly line: number;
  readonly code:
    | 'file.notUtf8'
    | 'csv.quote'
    | 'csv.cells'
    | 'meters.header'
    | 'meters.name'
    | 'meters.twice'
    | 'meters.id'
    | 'meters.operator'
    | 'meters.limit'
    | 'meters.digits';
  readonly reason: string;
}

const COLUMNS = ['meter', 'ledger_id', 'operator', 'limit_wh', 'register_digits'] as const;
type Column = (typeof COLUMNS)[number];

/**
 * SPEC metering 4.10: a CSV file that names meters: `meter` as files of readings do, `ledger_id` as the ledger does; `operator`,
 * `limit_wh` and `register_digits` may be empty or left out.
 */
export function readMeters(
  bytes: Uint8Array,
): { readonly meters: ReadonlyMap<string, KnownMeter> } | { readonly faults: readonly MetersFault[] } {
  const text = fromUtf8(bytes);
  if (text === undefined) return { faults: [{ line: 1, code: 'file.notUtf8', reason: 'the file is not UTF-8' }] };
  const { records, faults: quoteFaults } = readCsv(text.startsWith('\ufeff') ? text.slice(1) : text);
  if (quoteFaults.length > 0) return { faults: quoteFaults };
  const [header, ...rows] = records;
  const names = (header?.cells ?? []).map((name) => name.trim().toLowerCase());
  const known = names.filter((name): name is Column => (COLUMNS as readonly string[]).includes(name));
  const isHeader = known.length === names.length && new Set(known).size === known.length;
  if (!isHeader || !known.includes('meter') || !known.includes('ledger_id'))
    return {
      faults: [{ line: header?.line ?? 1, code: 'meters.header', reason: `the columns are ${COLUMNS.join(', ')}` }],
    };
  const meters = new Map<string, KnownMeter>();
  const faults: MetersFault[] = [];
  for (const { line, cells } of rows) {
    if (cells.length !== known.length) {
      faults.push({ line, code: 'csv.cells', reason: `${cells.length} cells, the header has ${known.length}` });
      continue;
    }
    const cell = (name: Column): string => cells[known.indexOf(name)]?.trim() ?? '';
    const fault = faultOf(cell, meters);
    if (fault !== undefined) faults.push({ line, ...fault });
    else
      meters.set(cell('meter'), {
        meter: cell('ledger_id'),
        ...(cell('operator') !== '' && { operator: cell('operator') }),
        ...(cell('limit_wh') !== '' && { limitWh: Number(cell('limit_wh')) }),
        ...(cell('register_digits') !== '' && { registerDigits: Number(cell('register_digits')) }),
      });
  }
  return faults.length > 0 ? { faults } : { meters };
}

const ID = /^[0-9a-f]{32}$/;

function faultOf(
  cell: (name: Column) => string,
  meters: ReadonlyMap<string, KnownMeter>,
): Omit<MetersFault, 'line'> | undefined {
  const name = cell('meter');
  if (name === '') return { code: 'meters.name', reason: 'a meter has a name' };
  if (meters.has(name)) return { code: 'meters.twice', reason: `'${name}' stands twice` };
  if (!ID.test(cell('ledger_id')))
    return { code: 'meters.id', reason: `'${cell('ledger_id')}' is not 32 digits of lower-case hex` };
  if (cell('operator') !== '' && !ID.test(cell('operator')))
    return { code: 'meters.operator', reason: `'${cell('operator')}' is not 32 digits of lower-case hex` };
  const limit = cell('limit_wh');
  if (limit !== '' && !(/^[1-9]\d{0,12}$/.test(limit) && Number(limit) <= ENERGY_WH_MAX))
    return { code: 'meters.limit', reason: `'${limit}' is not a number of Wh from 1 to ${ENERGY_WH_MAX}` };
  const digits = cell('register_digits');
  if (digits !== '' && !(/^[1-9]\d?$/.test(digits) && Number(digits) <= REGISTER_DIGITS_MAX))
    return { code: 'meters.digits', reason: `'${digits}' is not a number of digits from 1 to ${REGISTER_DIGITS_MAX}` };
  return undefined;
}
