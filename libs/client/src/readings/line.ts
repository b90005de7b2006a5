import { INTERVAL_MS, millis, type Millis } from '@gridtokenx/kernel';
import { ENERGY_WH_MAX } from '@gridtokenx/protocol';
import type { Parsed } from '../notation.js';
import type { ReadingsCode, ReadingsFault } from './codes.js';
import type { Field, Row } from './fields.js';
import { isTimeZone, parseEnergy, parseStamp, quarterFault, type TimeZone } from './notation.js';

/** What is known of a meter beside the file. */
export interface KnownMeter {
  /** Its id on the ledger, 32 hex digits. */
  readonly meter: string;
  /** Id of the organisation that answers for it. */
  readonly operator?: string | undefined;
  /** The most that it can measure in one interval, each way, in Wh. */
  readonly limitWh?: number;
  /** Digits of its registers, counted in Wh: one with 6 digits begins again at 1,000,000 Wh. */
  readonly registerDigits?: number;
}

/** What a file is read by; whatever is not known is not checked here, but by the ledger. */
export interface ReadingsTerms {
  /** By the names that the file has for meters. Without it they are ids of the ledger. */
  readonly meters?: ReadonlyMap<string, KnownMeter> | undefined;
  /** Organisation id of the operator that sends the file. */
  readonly operator?: string | undefined;
  /** Of stamps without an offset, where the line does not say. */
  readonly timeZone?: TimeZone | undefined;
  /** Market time: no interval that ends later has been measured. */
  readonly now?: number | undefined;
  /** For registers of meters of which it is not known. */
  readonly registerDigits?: number | undefined;
  /** The file should be complete from here to there (exclusive), for each meter that is known. */
  readonly period?: { readonly from: number; readonly to: number } | undefined;
}

export const QUALITIES = ['actual', 'estimated', 'missing', 'corrected'] as const;
export type Quality = (typeof QUALITIES)[number];
export type ReadQuality = Exclude<Quality, 'missing'>;
/** Characters of one cell; nothing that belongs there is as long, and messages quote it. */
const CELL_MAX = 100;
export const VERSION_MAX = 999;

interface Common {
  readonly line: number;
  readonly known: KnownMeter;
}

/** A line that was understood by itself. */
export type Entry =
  | (Common & {
      readonly kind: 'interval';
      readonly start: Millis;
      readonly quality: ReadQuality;
      readonly version: number;
      readonly consumedWh: number;
      readonly producedWh: number;
    })
  | (Common & { readonly kind: 'missing'; readonly start: Millis })
  | (Common & {
      readonly kind: 'register';
      readonly at: Millis;
      readonly event: '' | 'final' | 'initial';
      readonly quality: ReadQuality;
      readonly version: number;
      readonly consumedWh: number;
      readonly producedWh: number;
      readonly digits: number;
    });
export type IntervalEntry = Extract<Entry, { kind: 'interval' }>;
export type RegisterEntry = Extract<Entry, { kind: 'register' }>;

/** The entry that a row is, or all that is wrong with it. */
export function readRow(row: Row, terms: ReadingsTerms): Entry | readonly ReadingsFault[] {
  return new RowReader(row, terms).read();
}

const isQuality = (text: string): text is Quality => (QUALITIES as readonly string[]).includes(text);

class RowReader {
  private readonly faults: ReadingsFault[] = [];

  constructor(
    private readonly row: Row,
    private readonly terms: ReadingsTerms,
  ) {}

  read(): Entry | readonly ReadingsFault[] {
    const { line, shape, cells } = this.row;
    for (const [field, cell] of cells)
      if (cell.length > CELL_MAX)
        this.add(
          field,
          'readings.cellTooLong',
          `${cell.length} characters`,
          'is a quote missing, or a column too many?',
        );
    if (this.faults.length > 0) return this.faults;
    const known = this.meter();
    const quality = this.quality();
    const event = this.event();
    const at = this.stamp(event !== '');
    const version = this.version(quality);
    if (quality === 'missing') return this.missing(known, at);
    const consumedWh = this.energy(shape.consumed, known);
    const producedWh = this.energy(shape.produced, known);
    if (this.faults.length > 0 || known === undefined || quality === undefined || at === undefined) return this.faults;
    if (consumedWh === undefined || producedWh === undefined || version === undefined || event === undefined)
      return this.faults;
    if (!shape.isRegister)
      return { kind: 'interval', line, known, start: this.startOf(at), quality, version, consumedWh, producedWh };
    const digits = this.digitsOf(known);
    if (digits === undefined) return this.faults;
    return { kind: 'register', line, known, at, event, quality, version, consumedWh, producedWh, digits };
  }

  private missing(known: KnownMeter | undefined, at: Millis | undefined): Entry | readonly ReadingsFault[] {
    const { consumed, produced } = this.row.shape;
    for (const field of [consumed, produced, 'register_event'] as const)
      if (field !== undefined && this.row.cells.has(field))
        this.add(field, 'readings.unusedCell', 'a reading that is missing has no value', 'leave the cell empty');
    if (this.faults.length > 0 || known === undefined || at === undefined) return this.faults;
    return { kind: 'missing', line: this.row.line, known, start: this.startOf(at) };
  }

  private meter(): KnownMeter | undefined {
    const name = this.need('meter');
    if (name === undefined) return undefined;
    const { meters, operator } = this.terms;
    if (meters === undefined) {
      if (/^[0-9a-f]{32}$/.test(name)) return { meter: name };
      const reason = `'${name}' is not an id of the ledger: 32 digits of lower-case hex`;
      return this.add('meter', 'readings.badMeterId', reason, 'give the list that names the meters of the file');
    }
    const known = meters.get(name);
    if (known === undefined)
      return this.add(
        'meter',
        'readings.unknownMeter',
        `there is no meter '${name}'`,
        'is it registered, and in the list of meters?',
      );
    if (operator !== undefined && known.operator !== undefined && known.operator !== operator)
      return this.add(
        'meter',
        'readings.wrongOperator',
        `the meter belongs to operator ${known.operator}`,
        'each operator sends the readings of its own meters',
      );
    return known;
  }

  private quality(): Quality | undefined {
    const hasColumn = this.row.shape.hasQuality;
    const text = hasColumn ? this.need('quality') : 'actual';
    if (text === undefined || isQuality(text)) return text;
    return this.add('quality', 'readings.quality', `'${text}' is no quality`, `one of ${QUALITIES.join(', ')}`);
  }

  private version(quality: Quality | undefined): number | undefined {
    const text = this.row.cells.get('version');
    const version =
      text === undefined ? (quality === 'corrected' ? 2 : 1) : /^[1-9]\d{0,2}$/.test(text) ? Number(text) : 0;
    if (version === 0)
      return this.add('version', 'readings.version', `'${text ?? ''}' is no version`, `1 to ${VERSION_MAX}`);
    if (quality === 'corrected' && version === 1)
      return this.add(
        'version',
        'readings.correctsNothing',
        'version 1 corrects nothing',
        'the first version is actual or estimated; a correction is version 2 or higher',
      );
    return version;
  }

  private event(): '' | 'final' | 'initial' | undefined {
    const text = this.row.cells.get('register_event') ?? '';
    if (text === '' || text === 'final' || text === 'initial') return text;
    return this.add(
      'register_event',
      'readings.registerEvent',
      `'${text}' is no event`,
      'final for the last reading of a register that is removed, initial for the first of a new one, else empty',
    );
  }

  private stamp(mayBeAnyTime: boolean): Millis | undefined {
    const field = this.row.shape.stamp;
    const zone = this.timeZone();
    const text = this.need(field);
    if (text === undefined || zone === undefined) return undefined;
    const at = this.take(field, parseStamp(text, zone === '' ? undefined : zone));
    if (at === undefined) return undefined;
    const fault = mayBeAnyTime ? undefined : quarterFault(at, text);
    if (fault !== undefined) return this.take(field, fault);
    const end = field === 'interval_start' ? at + INTERVAL_MS : at;
    if (this.terms.now !== undefined && end > this.terms.now)
      return this.add(
        field,
        'readings.future',
        'the interval has not ended yet',
        'is the stamp in the declared time zone?',
      );
    return at;
  }

  /** '' when none is declared, `undefined` when what is declared is none. */
  private timeZone(): TimeZone | '' | undefined {
    const text = this.row.cells.get('time_zone');
    if (text === undefined) return this.terms.timeZone ?? '';
    if (isTimeZone(text)) return text;
    return this.add('time_zone', 'readings.timeZone', `'${text}' is no time zone of a file`, 'UTC or Asia/Bangkok');
  }

  private startOf(at: Millis): Millis {
    return this.row.shape.stamp === 'interval_start' ? at : millis(at - INTERVAL_MS);
  }

  private energy(field: Field | undefined, known: KnownMeter | undefined): number | undefined {
    if (field === undefined) return undefined;
    const text = this.need(field, 'a reading that is missing has quality missing, none is not zero');
    if (text === undefined) return undefined;
    const { isRegister } = this.row.shape;
    const wh = this.take(field, parseEnergy(text, field.endsWith('_kwh') ? 'kwh' : 'wh', isRegister));
    if (wh === undefined || isRegister) {
      const digits = known === undefined ? undefined : this.knownDigits(known);
      if (wh !== undefined && digits !== undefined && wh >= 10 ** digits)
        return this.add(
          field,
          'readings.registerTooLong',
          `${text} has more than ${digits} digits of Wh`,
          'are the digits of the meter declared in Wh?',
        );
      return wh;
    }
    const limit = known?.limitWh ?? ENERGY_WH_MAX;
    if (wh <= limit) return wh;
    return this.add(
      field,
      'readings.beyondLimit',
      `${wh} Wh are more than the ${limit} Wh that the meter can measure in an interval`,
      'is the column in Wh, and is it energy, not power and not a register?',
    );
  }

  private knownDigits(known: KnownMeter): number | undefined {
    return known.registerDigits ?? this.terms.registerDigits;
  }

  private digitsOf(known: KnownMeter): number | undefined {
    const digits = this.knownDigits(known);
    if (digits !== undefined) return digits;
    const field = this.row.shape.consumed ?? 'meter';
    return this.add(
      field,
      'readings.noDigits',
      'after how many digits of Wh the registers begin again is not declared',
      'declare it in the list of meters, or for the file',
    );
  }

  private need(field: Field, hint = 'each line needs it'): string | undefined {
    const text = this.row.cells.get(field);
    if (text !== undefined) return text;
    return this.add(field, 'readings.missingCell', 'the cell is empty', hint);
  }

  private take<T>(field: Field, parsed: Parsed<T>): T | undefined {
    if ('value' in parsed) return parsed.value;
    const { code, reason, hint = '' } = parsed.fault;
    return this.add(field, code as ReadingsCode, reason, hint);
  }

  private add(field: Field, code: ReadingsCode, reason: string, hint: string): undefined {
    this.faults.push({ code, ...this.row.place(field), reason, ...(hint !== '' && { hint }) });
    return undefined;
  }
}
