import { describe, expect, it } from '@jest/globals';
import { formatTime, INTERVAL_MS, millis, parseTime, utf8 } from '@gridtokenx/kernel';
import fc from 'fast-check';
import { readReadings, READINGS_CODES, type ReadingsFile, type ReadingsTerms } from './index.js';

const START = parseTime('2026-06-15T03:00:00Z') ?? millis(0);
const METERS = ['a', 'b', 'c'].map((digit) => digit.repeat(32));
const time = (slot: number): string => formatTime(millis(START + slot * INTERVAL_MS));
const csv = (lines: readonly string[], terms?: ReadingsTerms): ReadingsFile =>
  readReadings(utf8(lines.join('\n')), 'csv', terms);

/** Everything but where it stands in the file. */
function told(file: ReadingsFile): object {
  if ('refused' in file) throw new Error(`refused: ${JSON.stringify(file.refused)}`);
  return { readings: file.readings.map((reading) => ({ ...reading, line: 0 })), gaps: file.gaps };
}

const runs = (numRuns: number): fc.Parameters<unknown> => ({ seed: 20_261_126, numRuns });

/** What must be true of the result of any bytes. */
function isSound(file: ReadingsFile): boolean {
  const known = (code: string): boolean => code in READINGS_CODES || code.startsWith('json.');
  if ('refused' in file) return file.refused.length > 0 && file.refused.every(({ code }) => known(code));
  const numbers = file.lines.map(({ line }) => line);
  const once = new Set(file.readings.map(({ meter, start, version }) => `${meter}/${start}/${version}`));
  const giving = new Set(file.lines.flatMap(({ line, status }) => (status === 'reading' ? [line] : [])));
  return (
    numbers.every((line, i) => i === 0 || line > (numbers[i - 1] ?? 0)) &&
    once.size === file.readings.length &&
    file.readings.every(({ line }) => giving.has(line)) &&
    file.readings.every(({ consumedWh, producedWh }) => consumedWh >= 0 && producedWh >= 0) &&
    file.lines.every(({ status, faults = [] }) => (status === 'refused') === faults.length > 0) &&
    file.lines.every(({ faults = [] }) => faults.every(({ code }) => known(code))) &&
    file.gaps.every(({ from, to }) => from < to)
  );
}

const cell = fc.oneof(
  fc.constantFrom(
    ...METERS,
    'TH-1',
    '2026-06-15T03:00:00Z',
    '2026-06-15 24:00',
    '2569-06-15T03:00:00Z',
    '15/06/2569',
    'actual',
    'missing',
    'corrected',
    'final',
    'initial',
    'UTC',
    '0',
    '-1',
    '70',
    '0.07',
    '"1,5"',
    '1e9',
    '999999',
    '\u0e57',
    '"',
    '\r',
    '',
  ),
  fc.string({ maxLength: 12, unit: 'binary' }),
);
const HEADERS = [
  'meter,interval_start,consumed_wh,produced_wh',
  'meter,interval_end,time_zone,quality,version,consumed_kwh,produced_kwh',
  'meter,read_at,register_event,quality,version,consumed_register_wh,produced_register_kwh',
];
const terms: fc.Arbitrary<ReadingsTerms> = fc.constantFrom<ReadingsTerms>(
  {},
  { registerDigits: 6, timeZone: 'Asia/Bangkok', now: START },
  { meters: new Map([['TH-1', { meter: 'a'.repeat(32), limitWh: 1000, registerDigits: 6 }]]) },
  { period: { from: START, to: START + 4 * INTERVAL_MS } },
);
const table = fc.constantFrom(...HEADERS).chain((header) => {
  const width = header.split(',').length;
  return fc
    .array(fc.array(cell, { minLength: width - 1, maxLength: width + 1 }), { maxLength: 8 })
    .map((rows) => [header, ...rows.map((row) => row.join(','))].join('\n'));
});
const key = fc.constantFrom('meter', 'meterId', 'intervalStart', 'readAt', 'consumedWh', 'producedWh', 'quality', 'x');
const object = fc.array(
  fc.tuple(key, fc.oneof(cell, fc.integer(), fc.constant(null), fc.constant([]))).map(([name, value]) => {
    return `${JSON.stringify(name)}:${JSON.stringify(value)}`;
  }),
);
const lines = fc.array(
  fc.oneof(
    object.map((members) => `{${members.join(',')}}`),
    fc.string({ maxLength: 20 }),
  ),
  { maxLength: 6 },
);

describe('whatever the bytes', () => {
  const format = fc.constantFrom<'csv' | 'ndjson'>('csv', 'ndjson');
  const anything = fc.oneof(
    fc.tuple(fc.uint8Array({ maxLength: 300 }), format, terms),
    fc.tuple(table.map(utf8), fc.constant<'csv'>('csv'), terms),
    fc.tuple(
      lines.map((list) => utf8(list.join('\n'))),
      fc.constant<'ndjson'>('ndjson'),
      terms,
    ),
  );

  it('a file of readings is read or refused by code, line by line, and nothing is thrown', () => {
    expect(() =>
      fc.assert(
        fc.property(anything, ([bytes, as, by]) => isSound(readReadings(bytes, as, by))),
        runs(4_000),
      ),
    ).not.toThrow();
  });
});

const energies = fc.array(
  fc.record({
    meter: fc.constantFrom(...METERS),
    slot: fc.nat(12),
    version: fc.integer({ min: 1, max: 3 }),
    consumed: fc.nat(3),
    produced: fc.nat(1),
  }),
  { maxLength: 25 },
);

describe('a file of readings, whatever it holds,', () => {
  it('says the same in any order, with lines repeated, and as NDJSON', () => {
    const property = fc.property(energies, fc.infiniteStream(fc.nat()), (rows, shuffle) => {
      const text = rows.map((r) => `${r.meter},${time(r.slot)},${r.version},${r.consumed},${r.produced}`);
      const head = 'meter,interval_start,version,consumed_wh,produced_wh';
      const wanted = told(csv([head, ...text]));
      const order = [...text, ...text].map((line) => ({ line, by: shuffle.next().value }));
      order.sort((a, b) => a.by - b.by);
      expect(told(csv([head, ...order.map(({ line }) => line)]))).toEqual(wanted);
      const json = rows.map(({ meter, slot, version, consumed, produced }) =>
        JSON.stringify({
          meter,
          intervalEnd: time(slot + 1),
          version,
          consumedWh: consumed,
          producedKwh: `0.00${produced}`,
        }),
      );
      expect(told(readReadings(utf8(json.join('\n')), 'ndjson'))).toEqual(wanted);
    });
    expect(() => fc.assert(property, runs(300))).not.toThrow();
  });
});

describe('registers of random energy', () => {
  const LIMIT = 900;
  const steps = fc.array(fc.tuple(fc.nat(LIMIT), fc.nat(LIMIT), fc.boolean()), { minLength: 1, maxLength: 40 });

  it('give that energy back over every roll-over, and of readings that are left out only the sum', () => {
    const property = fc.property(steps, fc.nat(9_999), fc.nat(9_999), (list, consumed0, produced0) => {
      const meters = new Map([['TH-1', { meter: METERS[0] ?? '', limitWh: LIMIT, registerDigits: 4 }]]);
      let [consumed, produced] = [consumed0, produced0];
      const rows = [`TH-1,${time(0)},${consumed},${produced}`];
      const wanted: object[] = [];
      const gaps: object[] = [];
      let [since, sum] = [0, [0, 0]];
      for (const [i, [up, down, isLeftOut]] of list.entries()) {
        consumed = (consumed + up) % 10_000;
        produced = (produced + down) % 10_000;
        sum = [(sum[0] ?? 0) + up, (sum[1] ?? 0) + down];
        // Beyond one turn of the register nobody can tell: at most ten steps of 900 are left out in a row.
        if (isLeftOut && i - since < 10 && i < list.length - 1) continue;
        rows.push(`TH-1,${time(i + 1)},${consumed},${produced}`);
        if (i === since) wanted.push([i, up, down]);
        else gaps.push([since, i + 1, ...sum]);
        [since, sum] = [i + 1, [0, 0]];
      }
      const file = csv(['meter,read_at,consumed_register_wh,produced_register_wh', ...rows.reverse()], { meters });
      if ('refused' in file) throw new Error('refused');
      const slot = (at: number): number => (at - START) / INTERVAL_MS;
      expect(file.readings.map((r) => [slot(r.start), r.consumedWh, r.producedWh])).toEqual(wanted);
      expect(file.gaps.map(({ from, to, sum: of }) => [slot(from), slot(to), of?.consumedWh, of?.producedWh])).toEqual(
        gaps,
      );
    });
    expect(() => fc.assert(property, runs(500))).not.toThrow();
  });
});
