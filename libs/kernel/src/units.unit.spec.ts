import {
  formatDecimal,
  formatInterval,
  formatTime,
  INTERVAL_MS,
  millis,
  parseDecimal,
  parseInterval,
  parseTime,
} from '@gridtokenx/kernel';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

const FIRST = Date.parse('0000-01-01T00:00:00.000Z');
const LAST = Date.parse('9999-12-31T23:59:59.999Z');
const DAY_MS = 86_400_000;
const seeded = { seed: 20_261_122, numRuns: 2_000 };
/** What Date prints, without milliseconds of zero. */
const byDate = (time: number): string => new Date(time).toISOString().replace('.000Z', 'Z');

describe('times', () => {
  it('are written as Date writes them and come back, over the years 0000 to 9999 and on every day of a century', () => {
    const wrong: string[] = [];
    const check = (day: number): void => {
      const time = millis(day + ((Math.abs(day / DAY_MS) * 7_919_113) % DAY_MS));
      if (formatTime(time) !== byDate(time) || parseTime(byDate(time)) !== time) wrong.push(byDate(time));
    };
    for (let day = FIRST; day <= LAST; day += 97 * DAY_MS) check(day);
    for (let day = Date.UTC(1999, 0, 1); day <= Date.UTC(2101, 0, 1); day += DAY_MS) check(day);
    expect(wrong).toEqual([]);
    expect([FIRST, LAST].map((time) => parseTime(byDate(time)))).toEqual([FIRST, LAST]);
  });

  it('are written as Date writes them at any millisecond', () => {
    fc.assert(
      fc.property(fc.integer({ min: FIRST, max: LAST }), (time) => {
        return formatTime(millis(time)) === byDate(time) && parseTime(byDate(time)) === time;
      }),
      seeded,
    );
  });

  it.each([
    '2026-06-15T03:00:00.000Z',
    '2026-06-15T03:00:00.5Z',
    '2026-06-15T03:00:00.1234Z',
    '2026-06-15T03:00:00+00:00',
    '2026-06-15T03:00:00z',
    '2026-06-15t03:00:00Z',
    '2026-06-15 03:00:00Z',
    '2026-06-15T03:00Z',
    '2026-06-15T24:00:00Z',
    '2026-06-15T23:60:00Z',
    '2016-12-31T23:59:60Z',
    '2026-02-29T00:00:00Z',
    '1900-02-29T00:00:00Z',
    '2026-04-31T00:00:00Z',
    '2026-00-01T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-01-00T00:00:00Z',
    '+02026-01-01T00:00:0Z',
    '-026-01-01T00:00:00Z',
    '２０２６-01-01T00:00:00Z',
    '2026-06-15T03:00:00Z\n',
    '2026-06-15T03:00:00,123Z',
    '',
  ])('are refused in any other spelling: %j', (text) => {
    expect(parseTime(text)).toBeUndefined();
  });

  it('take leap days where there are some', () => {
    expect(parseTime('2000-02-29T00:00:00Z')).toBe(Date.UTC(2000, 1, 29));
    expect(parseTime('2028-02-29T23:59:59.999Z')).toBe(Date.UTC(2028, 1, 29, 23, 59, 59, 999));
  });

  it('are refused when any one character of a right one is replaced by a letter', () => {
    const right = '2026-06-15T03:04:05.678Z';
    for (let i = 0; i < right.length; i++)
      expect(parseTime(`${right.slice(0, i)}x${right.slice(i + 1)}`)).toBeUndefined();
  });
});

describe('delivery intervals', () => {
  it('begin on the quarter of an hour and last fifteen minutes', () => {
    const start = Date.UTC(2026, 5, 15, 3);
    expect(parseInterval('2026-06-15T03:00:00Z/PT15M')).toBe(start);
    expect(formatInterval(millis(start + INTERVAL_MS))).toBe('2026-06-15T03:15:00Z/PT15M');
    for (const wrong of ['2026-06-15T03:07:00Z/PT15M', '2026-06-15T03:00:00Z/PT1H', '2026-06-15T03:00:00Z', '/PT15M'])
      expect(parseInterval(wrong)).toBeUndefined();
  });
});

describe('decimals', () => {
  it('come back as the minor units they were', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.nat(9), fc.nat(9), (minor, decimals, keep) => {
        return parseDecimal(formatDecimal(minor, decimals, Math.min(keep, decimals)), decimals) === minor;
      }),
      seeded,
    );
  });

  it('show the places that matter', () => {
    expect(formatDecimal(4_500_000n, 6)).toBe('4.5');
    expect(formatDecimal(4_500_000n, 6, 2)).toBe('4.50');
    expect(formatDecimal(-1n, 6)).toBe('-0.000001');
    expect(formatDecimal(1_000n, 3)).toBe('1');
    expect(formatDecimal(7n, 0)).toBe('7');
  });

  it.each(['', '.5', '5.', '01', '+1', '1e3', '1,000', ' 1', '1.0000001', '0x1', '--1', '1\n'])(
    'are refused: %j',
    (text) => {
      expect(parseDecimal(text, 6)).toBeUndefined();
    },
  );
});
