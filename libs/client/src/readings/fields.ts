import type { ReadingsCode, ReadingsFault } from './codes.js';

/** SPEC metering 4.2: the columns of a CSV file; in NDJSON the same names in camel case. */
export const FIELDS = [
  'meter',
  'interval_start',
  'interval_end',
  'read_at',
  'time_zone',
  'consumed_wh',
  'consumed_kwh',
  'produced_wh',
  'produced_kwh',
  'consumed_register_wh',
  'consumed_register_kwh',
  'produced_register_wh',
  'produced_register_kwh',
  'register_event',
  'quality',
  'version',
] as const;
export type Field = (typeof FIELDS)[number];

const camel = (name: string): string => name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
const BY_COLUMN = new Map<string, Field>([
  ...FIELDS.map((field): [string, Field] => [field, field]),
  ['meter_id', 'meter'],
]);
const BY_KEY = new Map<string, Field>([...BY_COLUMN].map(([name, field]) => [camel(name), field]));

export const fieldOfColumn = (name: string): Field | undefined => BY_COLUMN.get(name);
export const fieldOfKey = (key: string): Field | undefined => BY_KEY.get(key);
export const keyOf = camel;

/** What the names of its fields say a line is. */
export interface Shape {
  /** Which end of the interval the stamp names; a register is read at an end. */
  readonly stamp: 'interval_start' | 'interval_end' | 'read_at';
  readonly isRegister: boolean;
  /** Without such a field all readings are actual; with it each line says. */
  readonly hasQuality: boolean;
  readonly consumed: Field | undefined;
  readonly produced: Field | undefined;
}

const STAMPS = ['interval_start', 'interval_end', 'read_at'] as const;

/**
 * SPEC metering 4.2, 4.3: what stamps and values are is declared by the names of the fields that hold them, never guessed from
 * what they hold. `needsValues` is false for a line that says only that a reading is missing.
 */
export function shapeOf(
  fields: ReadonlySet<Field>,
  nameOf: (field: Field) => string,
  needsValues: boolean,
): Shape | readonly ReadingsFault[] {
  const faults: ReadingsFault[] = [];
  const add = (code: ReadingsCode, reason: string, hint: string): void => void faults.push({ code, reason, hint });
  const names = (list: readonly Field[]): string => list.map(nameOf).join(', ');
  const one = <T extends Field>(list: readonly T[], what: string, isNeeded: boolean): T | undefined => {
    const [first, second] = list.filter((field) => fields.has(field));
    if (first !== undefined && second !== undefined)
      add('readings.contradictingFields', `${nameOf(first)} and ${nameOf(second)}`, `one of ${names(list)}`);
    if (first === undefined && isNeeded) add('readings.missingField', `${what} is missing`, `one of ${names(list)}`);
    return first;
  };
  if (!fields.has('meter')) add('readings.missingField', `${nameOf('meter')} is missing`, nameOf('meter'));
  const stamp = one(STAMPS, 'the stamp', true);
  const values = (side: 'consumed' | 'produced'): Field | undefined =>
    one<Field>(
      [`${side}_wh`, `${side}_kwh`, `${side}_register_wh`, `${side}_register_kwh`],
      `${side} energy (0 where a meter cannot measure it)`,
      needsValues,
    );
  const consumed = values('consumed');
  const produced = values('produced');
  const registers = [consumed, produced].filter((field) => field?.includes('_register_') === true).length;
  if (registers === 1 && consumed !== undefined && produced !== undefined)
    add('readings.contradictingFields', 'one side is energy, the other a register', 'give both in one way');
  const isRegister = registers > 0 || (stamp === 'read_at' && !needsValues);
  if (isRegister && stamp === 'interval_start')
    add(
      'readings.contradictingFields',
      'a register is read at a moment, not over an interval',
      `${nameOf('read_at')}, or ${nameOf('interval_end')} for the moment at which the interval ends`,
    );
  if (!isRegister && stamp === 'read_at')
    add(
      'readings.contradictingFields',
      'energy is measured over an interval, not at a moment',
      names(['interval_start', 'interval_end']),
    );
  if (!isRegister && fields.has('register_event'))
    add('readings.contradictingFields', `${nameOf('register_event')} is of registers`, 'leave it out');
  if (faults.length > 0 || stamp === undefined) return faults;
  return { stamp, isRegister, hasQuality: fields.has('quality'), consumed, produced };
}

/** One line, before its cells are read. */
export interface Row {
  readonly line: number;
  readonly shape: Shape;
  /** Trimmed; empty cells are left out. */
  readonly cells: ReadonlyMap<Field, string>;
  /** Where a fault of the field is. */
  place(field: Field): Pick<ReadingsFault, 'column' | 'pointer'>;
}

/** A line that is no row. */
export interface BadRow {
  readonly line: number;
  readonly faults: readonly ReadingsFault[];
}

export type Rows =
  | { readonly rows: readonly (Row | BadRow)[] }
  | { readonly refused: readonly (ReadingsFault & { readonly line: number })[] };
