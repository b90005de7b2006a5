import { JsonError, parseStrictJson, type Json } from '@gridtokenx/kernel';
import { readCsv } from '../csv.js';
import type { ReadingsFault } from './codes.js';
import {
  fieldOfColumn,
  fieldOfKey,
  FIELDS,
  keyOf,
  shapeOf,
  type BadRow,
  type Field,
  type Row,
  type Rows,
} from './fields.js';

export const LINES_MAX = 200_000;

const refused = (line: number, ...faults: readonly ReadingsFault[]): Rows => ({
  refused: faults.map((one) => ({ line, ...one })),
});

const tooManyLines = (): Rows =>
  refused(1, { code: 'file.tooManyLines', reason: `more than ${LINES_MAX} lines`, hint: 'part the file' });

const isShape = (shape: ReturnType<typeof shapeOf>): shape is Exclude<typeof shape, readonly ReadingsFault[]> =>
  !Array.isArray(shape);

/** SPEC metering 4.1: a wrong header refuses the file, a wrong line only itself. */
export function rowsOfCsv(text: string): Rows {
  const { records, faults } = readCsv(text);
  const [header, ...lines] = records;
  const headerFault = faults.find(({ line }) => header === undefined || line < header.line);
  if (headerFault !== undefined)
    return refused(headerFault.line, { code: headerFault.code, reason: headerFault.reason });
  if (header === undefined)
    return refused(1, {
      code: 'csv.empty',
      reason: 'the file has no header line',
      hint: `columns: ${FIELDS.join(', ')}`,
    });
  if (lines.length > LINES_MAX) return tooManyLines();
  const names = header.cells.map((name) => name.trim().toLowerCase());
  const headerFaults = faultsOfHeader(names);
  const fields = names.flatMap((name) => fieldOfColumn(name) ?? []);
  const shape = shapeOf(new Set(fields), (field) => field, true);
  if (headerFaults.length > 0) return refused(header.line, ...headerFaults);
  if (!isShape(shape)) return refused(header.line, ...shape);
  const columnOf = new Map(fields.map((field, i) => [field, names[i] ?? field]));
  const place = (field: Field): { column: string } => ({ column: columnOf.get(field) ?? field });
  const rows = lines.map(({ line, cells }): Row | BadRow => {
    if (cells.length !== fields.length) return { line, faults: [cellsFault(cells.length, fields.length)] };
    const filled = fields.map((field, i): [Field, string] => [field, cells[i]?.trim() ?? '']);
    return { line, shape, cells: new Map(filled.filter(([, cell]) => cell !== '')), place };
  });
  const bad = faults.map(({ line, code, reason }): BadRow => ({ line, faults: [{ code, reason }] }));
  return { rows: bad.length === 0 ? rows : [...rows, ...bad].sort((a, b) => a.line - b.line) };
}

function faultsOfHeader(names: readonly string[]): ReadingsFault[] {
  const [only = ''] = names;
  if (names.length === 1 && /[;\t|]/.test(only))
    return [
      {
        code: 'csv.delimiter',
        reason: 'the cells are not parted by commas',
        hint: 'save the file with commas between cells',
      },
    ];
  const fields = names.map(fieldOfColumn);
  return names.flatMap((name, i): ReadingsFault[] => {
    const field = fields[i];
    if (field === undefined)
      return [
        {
          code: 'readings.unknownField',
          column: name.slice(0, 100),
          reason: `there is no column '${name.slice(0, 100)}'`,
          hint: `columns: ${FIELDS.join(', ')}`,
        },
      ];
    return fields.indexOf(field) === i
      ? []
      : [{ code: 'readings.repeatedField', column: name, reason: `'${name}' stands twice`, hint: 'leave one out' }];
  });
}

const cellsFault = (has: number, needs: number): ReadingsFault => ({
  code: 'csv.cells',
  reason: `${has} cells, the header has ${needs}`,
  hint:
    has > needs
      ? 'numbers have a decimal point: 0.07; a cell that holds a comma stands in quotes'
      : 'a cell that says nothing is empty, its comma stands',
});

export function rowsOfNdjson(text: string): Rows {
  const lines = text.split('\n');
  if (lines.length > LINES_MAX) return tooManyLines();
  const rows: (Row | BadRow)[] = [];
  for (const [i, raw] of lines.entries()) if (raw.trim() !== '') rows.push(rowOfJson(i + 1, raw));
  return { rows };
}

const JSON_HINTS: Readonly<Record<string, string>> = {
  'json.notAnInteger': 'write kWh as text: "0.07"; Wh are whole',
  'json.malformed': 'one JSON object a line, with double quotes and no comma at the end',
};

function rowOfJson(line: number, raw: string): Row | BadRow {
  let value: Json;
  try {
    value = parseStrictJson(raw);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    const hint = JSON_HINTS[error.code];
    return {
      line,
      faults: [
        { code: error.code, pointer: error.pointer, reason: error.message, ...(hint !== undefined && { hint }) },
      ],
    };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return {
      line,
      faults: [
        {
          code: 'readings.notAnObject',
          pointer: '',
          reason: 'the line is no object',
          hint: JSON_HINTS['json.malformed'] ?? '',
        },
      ],
    };
  return rowOfObject(line, value as { readonly [key: string]: Json });
}

function rowOfObject(line: number, value: { readonly [key: string]: Json }): Row | BadRow {
  const faults: ReadingsFault[] = [];
  const pointers = new Map<Field, string>();
  const cells = new Map<Field, string>();
  for (const [key, held] of Object.entries(value)) {
    const pointer = `/${key.slice(0, 100).replaceAll('~', '~0').replaceAll('/', '~1')}`;
    const field = fieldOfKey(key);
    if (field === undefined)
      faults.push({
        code: 'readings.unknownField',
        pointer,
        reason: `there is no field '${key.slice(0, 100)}'`,
        hint: `fields: ${FIELDS.map(keyOf).join(', ')}`,
      });
    else if (pointers.has(field))
      faults.push({ code: 'readings.repeatedField', pointer, reason: `'${key}' is said twice`, hint: 'leave one out' });
    else {
      pointers.set(field, pointer);
      if (typeof held === 'string' || typeof held === 'number') {
        const cell = String(held).trim();
        if (cell !== '') cells.set(field, cell);
      } else if (held !== null)
        faults.push({
          code: 'readings.fieldType',
          pointer,
          reason: `'${key}' is neither a text nor a whole number`,
          hint: 'leave out, or write null for, what there is not',
        });
    }
  }
  if (faults.length > 0) return { line, faults };
  const shape = shapeOf(new Set(pointers.keys()), keyOf, cells.get('quality') !== 'missing');
  if (!isShape(shape)) return { line, faults: shape.map((one) => ({ pointer: '', ...one })) };
  return { line, shape, cells, place: (field) => ({ pointer: pointers.get(field) ?? `/${keyOf(field)}` }) };
}
