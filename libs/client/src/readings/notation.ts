import { INTERVAL_MS, millis, parseDecimal, parseTime, type Millis } from '@gridtokenx/kernel';
import { BUDDHIST_OFFSET, fault, separatorFault, yearFault, type Parsed } from '../notation.js';

const HOUR_MS = 3_600_000;

/** The zones that stamps without an offset may be declared to be in, and how far each is ahead of UTC. */
export const TIME_ZONES = { UTC: 0, 'Asia/Bangkok': 7 * HOUR_MS } as const;
export type TimeZone = keyof typeof TIME_ZONES;
export const isTimeZone = (text: string): text is TimeZone => Object.hasOwn(TIME_ZONES, text);

const OFFSETS: Readonly<Record<string, number>> = { Z: 0, '+00:00': 0, '+07:00': 7 * HOUR_MS };
const STAMP = /^(\d{4}-\d\d-\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:\.0{1,9})?)?(.*)$/;
const THAI_DIGITS = /[\u0e50-\u0e59]/;
const EXAMPLE = 'such as 2026-06-15T10:15:00+07:00';

function thaiDigitsFault(text: string): ReturnType<typeof fault> | undefined {
  if (!THAI_DIGITS.test(text)) return undefined;
  const arabic = text.replaceAll(/[\u0e50-\u0e59]/g, (digit) => String(digit.charCodeAt(0) - 0x0e50));
  return fault('notation.thaiDigits', `'${text}' has Thai digits`, `write ${arabic}`);
}

/**
 * SPEC metering 4.4: a moment, as `2026-06-15T10:15:00+07:00`, `2026-06-15 10:15` in a declared zone, or `2026-06-14T24:00`
 * for the end of that day. Nothing is guessed: not the zone, not the order of day and month, not the era.
 */
export function parseStamp(text: string, zone: TimeZone | undefined): Parsed<Millis> {
  const thai = thaiDigitsFault(text);
  if (thai !== undefined) return thai;
  const year = yearFault(text);
  if (year !== undefined) return { fault: year };
  const match = STAMP.exec(text);
  if (match === null) return notAStamp(text);
  const [, date = '', hour = '', minute = '', second = '00', offset = ''] = match;
  const isEndOfDay = hour === '24' && minute === '00' && second === '00';
  const local = parseTime(`${date}T${isEndOfDay ? '00' : hour}:${minute}:${second}Z`);
  if (local === undefined) return fault('notation.time', `there is no time '${text}'`, EXAMPLE);
  if (date < '2000' || date >= '2400')
    return fault('notation.year', `the year ${date.slice(0, 4)} is not from 2000 to 2399`, EXAMPLE);
  const ahead = offset === '' ? (zone === undefined ? undefined : TIME_ZONES[zone]) : OFFSETS[offset];
  if (ahead === undefined)
    return offset === ''
      ? fault(
          'readings.noTimeZone',
          `'${text}' has no offset`,
          'write Z or +07:00 behind it, or declare the time zone: UTC or Asia/Bangkok',
        )
      : fault('readings.offset', `'${offset}' is neither Z nor +07:00`, EXAMPLE);
  return { value: millis(local - ahead + (isEndOfDay ? 24 * HOUR_MS : 0)) };
}

const OTHER_ORDER = /^(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d\d)\b/;

function notAStamp(text: string): ReturnType<typeof fault> {
  const [, first = '', , second = '', year = ''] = OTHER_ORDER.exec(text) ?? [];
  if (first === '') return fault('notation.time', `'${text}' is not a time`, EXAMPLE);
  const common = year >= '2400' && year.length === 4 ? Number(year) - BUDDHIST_OFFSET : year;
  return fault(
    'notation.dateOrder',
    `whether '${text}' is day ${first} or month ${first} cannot be told`,
    `write year, month, day: ${common}-${second.padStart(2, '0')}-${first.padStart(2, '0')} when the day stands first`,
  );
}

/** SPEC metering 4.5 */
export function quarterFault(at: Millis, text: string): ReturnType<typeof fault> | undefined {
  if (at % INTERVAL_MS === 0) return undefined;
  return fault(
    'readings.notOnQuarter',
    `'${text}' is not on a quarter of an hour`,
    'stamps are at minutes 00, 15, 30 and 45, and an end is the first moment after the interval: 10:15:00, not 10:14:59',
  );
}

/** SPEC metering 4.6: whole Wh of `70` Wh or `0.07` kWh. Registers may have zeros in front, as they show them. */
export function parseEnergy(text: string, unit: 'wh' | 'kwh', mayBePadded: boolean): Parsed<number> {
  const thai = thaiDigitsFault(text);
  if (thai !== undefined) return thai;
  const separator = separatorFault(text);
  if (separator !== undefined) return { fault: separator };
  if (/^-\d+(\.\d+)?$/.test(text) && /[1-9]/.test(text))
    return fault(
      'readings.negative',
      `${text} is negative`,
      'what flows back to the grid stands as produced, not as negative consumption',
    );
  const plain = mayBePadded ? text.replace(/^0+(?=\d)/, '') : text;
  if (unit === 'wh' && /^\d+\.\d+$/.test(plain))
    return fault('readings.notWhole', `${text} Wh is not whole`, 'write whole Wh, or use the columns in kWh');
  const value = parseDecimal(plain, unit === 'wh' ? 0 : 3);
  if (value === undefined || value < 0n || plain.startsWith('-'))
    return fault(
      'notation.number',
      `'${text}' is not a number of ${unit === 'wh' ? 'whole Wh' : 'kWh with at most 3 decimals'}`,
      /^\d+(\.\d+)?[eE]/.test(text)
        ? 'a spreadsheet has rounded it: show all digits before saving'
        : 'a reading that there is none of has quality missing and empty cells, not a word or a zero',
    );
  // No meter counts as far: the checks of limit and digits refuse it, and nothing is rounded before.
  return { value: value > MOST ? Number(MOST) : Number(value) };
}

const MOST = BigInt(Number.MAX_SAFE_INTEGER);
