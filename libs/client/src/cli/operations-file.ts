import { JsonError, parseStrictJson } from '@gridtokenx/kernel';
import type { Operation } from '@gridtokenx/protocol';
import { readCsv, type CsvRecord } from '../csv.js';
import { textOfFile } from '../text-file.js';
import {
  checkOperation,
  parseIntervalText,
  parseKwh,
  parsePrice,
  parseTimeText,
  type NotationFault,
  type Parsed,
} from './notation.js';

/** A line of the file that is wrong: where, by which code, and what to do. */
export interface LineFault extends NotationFault {
  readonly line: number;
  readonly column?: string;
}

export interface FileOperation {
  readonly line: number;
  readonly operation: Operation;
}

export interface OperationsFile {
  readonly operations: readonly FileOperation[];
  readonly faults: readonly LineFault[];
}

export const BATCH_FILE_BYTES_MAX = 64 * 1024 * 1024;
export const BATCH_FILE_LINES_MAX = 200_000;

const only = (line: number, code: string, reason: string, hint?: string): OperationsFile => ({
  operations: [],
  faults: [{ line, code, reason, ...(hint !== undefined && { hint }) }],
});

/** Reads orders from CSV or operations from NDJSON; bad lines are listed, all of them. */
export function readOperationsFile(bytes: Uint8Array, format: 'csv' | 'ndjson'): OperationsFile {
  if (bytes.length > BATCH_FILE_BYTES_MAX) return only(1, 'file.tooLarge', `more than ${BATCH_FILE_BYTES_MAX} bytes`);
  const text = textOfFile(bytes);
  if (typeof text !== 'string') return only(text.line, text.code, text.reason, text.hint);
  return format === 'csv' ? fromCsv(text) : fromNdjson(text);
}

function fromNdjson(text: string): OperationsFile {
  const operations: FileOperation[] = [];
  const faults: LineFault[] = [];
  const lines = text.split('\n');
  if (lines.length > BATCH_FILE_LINES_MAX)
    return only(1, 'file.tooManyLines', `more than ${BATCH_FILE_LINES_MAX} lines`);
  for (const [i, raw] of lines.entries()) {
    const line = i + 1;
    if (raw.trim() === '') continue;
    try {
      const checked = checkOperation(parseStrictJson(raw));
      if ('operation' in checked) operations.push({ line, operation: checked.operation });
      else faults.push(...checked.faults.map((fault) => ({ ...fault, line })));
    } catch (error) {
      if (!(error instanceof JsonError)) throw error;
      const hint = JSON_HINTS[error.code];
      faults.push({
        line,
        code: error.code,
        pointer: error.pointer,
        reason: error.message,
        ...(hint !== undefined && { hint }),
      });
    }
  }
  return { operations, faults };
}

const JSON_HINTS: Readonly<Record<string, string>> = {
  'json.notAnInteger':
    'amounts are strings of whole minor units ("quantityWh": "1000000"), prices whole ticks of 0.01 THB/kWh',
  'json.malformed': 'one JSON object a line, with double quotes and no comma at the end',
};

const COLUMNS = [
  'action',
  'account',
  'side',
  'zone',
  'from_zone',
  'to_zone',
  'interval',
  'price',
  'kwh',
  'tif',
  'expires_at',
  'order',
] as const;
type Column = (typeof COLUMNS)[number];
const isColumn = (name: string): name is Column => (COLUMNS as readonly string[]).includes(name);

/** Fields of operations by the columns that they come from, to point at the column of a bad cell. */
const COLUMN_OF: Readonly<Record<string, Column>> = {
  '/account': 'account',
  '/side': 'side',
  '/fromZone': 'from_zone',
  '/toZone': 'to_zone',
  '/interval': 'interval',
  '/priceTicks': 'price',
  '/quantityWh': 'kwh',
  '/timeInForce': 'tif',
  '/expiresAt': 'expires_at',
  '/order': 'order',
};

function fromCsv(text: string): OperationsFile {
  const { records, faults: quoteFaults } = readCsv(text);
  const [header, ...rows] = records;
  if (header === undefined) return { operations: [], faults: quoteFaults.length > 0 ? quoteFaults : [EMPTY] };
  if (rows.length > BATCH_FILE_LINES_MAX)
    return only(1, 'file.tooManyLines', `more than ${BATCH_FILE_LINES_MAX} lines`);
  const names = header.cells.map((name) => name.trim().toLowerCase());
  const headerFaults = faultsOfHeader(header.line, names);
  if (headerFaults.length > 0) return { operations: [], faults: headerFaults };
  const operations: FileOperation[] = [];
  const faults: LineFault[] = [...quoteFaults];
  for (const row of rows) {
    const result = operationOfRow(names as Column[], row);
    if ('operation' in result) operations.push({ line: row.line, operation: result.operation });
    else faults.push(...result.faults);
  }
  return { operations, faults: faults.sort((a, b) => a.line - b.line) };
}

const EMPTY: LineFault = {
  line: 1,
  code: 'csv.empty',
  reason: 'the file has no header line',
  hint: `columns: ${COLUMNS.join(', ')}`,
};

function faultsOfHeader(line: number, names: readonly string[]): LineFault[] {
  if (names.length === 1 && names[0]?.includes(';') === true)
    return [
      {
        line,
        code: 'csv.delimiter',
        reason: 'the cells are parted by semicolons',
        hint: 'save the file with commas between cells',
      },
    ];
  return names.flatMap((name, i): LineFault[] => {
    if (!isColumn(name))
      return [
        {
          line,
          column: name,
          code: 'csv.unknownColumn',
          reason: `there is no column '${name}'`,
          hint: `columns: ${COLUMNS.join(', ')}`,
        },
      ];
    return names.indexOf(name) === i
      ? []
      : [{ line, column: name, code: 'csv.repeatedColumn', reason: `the column '${name}' stands twice` }];
  });
}

type Row = Readonly<Partial<Record<Column, string>>>;
type RowResult = { readonly operation: Operation } | { readonly faults: readonly LineFault[] };

function operationOfRow(names: readonly Column[], { line, cells }: CsvRecord): RowResult {
  if (cells.length !== names.length) {
    const reason = `${cells.length} cells where the header has ${names.length}`;
    // A decimal comma without quotes parts a number in two.
    const hint =
      cells.length > names.length
        ? 'numbers have a decimal point: 4.50; a cell that holds a comma stands in quotes'
        : undefined;
    return { faults: [{ line, code: 'csv.cells', reason, ...(hint !== undefined && { hint }) }] };
  }
  const row: Partial<Record<Column, string>> = {};
  for (const [i, name] of names.entries()) {
    const cell = cells[i]?.trim() ?? '';
    if (cell !== '') row[name] = cell;
  }
  return new RowReader(line, row).operation();
}

/** Takes a row apart and collects what is wrong with each of its cells. */
class RowReader {
  private readonly faults: LineFault[] = [];
  private readonly used = new Set<Column>(['action']);

  constructor(
    private readonly line: number,
    private readonly row: Row,
  ) {}

  operation(): RowResult {
    const draft = this.draft();
    for (const name of Object.keys(this.row) as Column[])
      if (!this.used.has(name) && draft !== undefined)
        this.add(name, {
          code: 'csv.unusedCell',
          reason: `'${name}' has no meaning for this action`,
          hint: 'leave the cell empty',
        });
    if (this.faults.length > 0 || draft === undefined) return { faults: this.faults };
    const checked = checkOperation(draft);
    if ('operation' in checked) return checked;
    return { faults: checked.faults.map(({ pointer = '', ...fault }) => this.at(this.columnOf(pointer), fault)) };
  }

  private draft(): Record<string, unknown> | undefined {
    const action = this.row.action ?? 'place';
    switch (action) {
      case 'place':
        return {
          type: 'market.placeOrder',
          account: this.need('account'),
          side: this.need('side'),
          ...this.zones(),
          interval: this.parsed('interval', parseIntervalText),
          priceTicks: this.parsed('price', parsePrice),
          quantityWh: this.parsed('kwh', parseKwh),
          timeInForce: this.take('tif') ?? 'GTC',
          ...(this.row.expires_at !== undefined && { expiresAt: this.parsed('expires_at', parseTimeText) }),
        };
      case 'cancel':
        return { type: 'market.cancelOrder', order: this.need('order') };
      case 'replace':
        return {
          type: 'market.replaceOrder',
          order: this.need('order'),
          priceTicks: this.parsed('price', parsePrice),
          quantityWh: this.parsed('kwh', parseKwh),
        };
      default:
        this.add('action', {
          code: 'csv.action',
          reason: `'${action}' is no action`,
          hint: 'place, cancel or replace',
        });
        return undefined;
    }
  }

  /** `zone` is both; `from_zone` and `to_zone` name them apart. */
  private zones(): { fromZone: string | undefined; toZone: string | undefined } {
    const zone = this.take('zone');
    if (zone !== undefined) return { fromZone: this.take('from_zone') ?? zone, toZone: this.take('to_zone') ?? zone };
    if (this.row.from_zone === undefined && this.row.to_zone === undefined) this.need('zone');
    else return { fromZone: this.need('from_zone'), toZone: this.need('to_zone') };
    return { fromZone: undefined, toZone: undefined };
  }

  private take(name: Column): string | undefined {
    this.used.add(name);
    return this.row[name];
  }

  private need(name: Column): string | undefined {
    const value = this.take(name);
    if (value === undefined) this.add(name, { code: 'csv.missingCell', reason: `'${name}' is needed` });
    return value;
  }

  private parsed<T>(name: Column, parse: (text: string) => Parsed<T>): T | undefined {
    const text = this.need(name);
    if (text === undefined) return undefined;
    const result = parse(text);
    if ('value' in result) return result.value;
    this.add(name, result.fault);
    return undefined;
  }

  private columnOf(pointer: string): Column | undefined {
    const column = COLUMN_OF[pointer];
    const isZone = column === 'from_zone' || column === 'to_zone';
    return isZone && this.row[column] === undefined ? 'zone' : column;
  }

  private at(column: Column | undefined, fault: NotationFault): LineFault {
    return { line: this.line, ...(column !== undefined && { column }), ...fault };
  }

  private add(column: Column, fault: NotationFault): void {
    this.faults.push(this.at(column, fault));
  }
}
