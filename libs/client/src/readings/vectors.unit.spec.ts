import { describe, expect, it } from '@jest/globals';
import { formatInterval, formatTime, fromHex, parseTime, utf8 } from '@gridtokenx/kernel';
import { operationSchemas } from '@gridtokenx/protocol';
import { readFileSync } from 'node:fs';
import {
  LINES_MAX,
  readMeters,
  readReadings,
  READINGS_FILE_BYTES_MAX,
  READINGS_CODES,
  type KnownMeter,
  type ReadingsFault,
  type ReadingsTerms,
  type TimeZone,
} from './index.js';

interface Case {
  readonly name: string;
  readonly format: 'csv' | 'ndjson';
  readonly text?: string;
  readonly hex?: string;
  readonly terms?: {
    readonly meters?: Readonly<Record<string, KnownMeter>>;
    readonly operator?: string;
    readonly timeZone?: TimeZone;
    readonly now?: string;
    readonly registerDigits?: number;
    readonly period?: { readonly from: string; readonly to: string };
  };
  readonly expect: object;
}

const { cases } = JSON.parse(
  readFileSync(new URL('../../../../vectors/meter-readings.json', import.meta.url), 'utf8'),
) as { readonly cases: readonly Case[] };

const page = readFileSync(new URL('../../../../docs/operations/readings.md', import.meta.url), 'utf8');
const blocksOf = (language: string): string[] =>
  [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)].flatMap(([, name, text = '']) => (name === language ? [text] : []));

const at = (text: string): number => parseTime(text) ?? Number.NaN;

function termsOf({ meters, now, period, ...plain }: NonNullable<Case['terms']>): ReadingsTerms {
  return {
    ...plain,
    ...(meters !== undefined && { meters: new Map(Object.entries(meters)) }),
    ...(now !== undefined && { now: at(now) }),
    ...(period !== undefined && { period: { from: at(period.from), to: at(period.to) } }),
  };
}

const place = ({ code, column, pointer }: ReadingsFault): object => {
  const where = column ?? pointer;
  return { code, ...(where !== undefined && { at: where }) };
};

/** What was read, in the words of the vectors. */
function told(one: Case): object {
  const bytes = one.hex === undefined ? utf8(one.text ?? '') : (fromHex(one.hex) ?? new Uint8Array());
  const file = readReadings(bytes, one.format, termsOf(one.terms ?? {}));
  if ('refused' in file) return { refused: file.refused.map((fault) => ({ line: fault.line, ...place(fault) })) };
  return {
    lines: file.lines.map(({ line, status, of, outOfOrder, faults }) => ({
      line,
      status,
      ...(faults !== undefined && { faults: faults.map(place) }),
      ...(of !== undefined && { of }),
      ...(outOfOrder === true && { outOfOrder }),
    })),
    readings: file.readings.map(({ start, ...reading }) => ({ ...reading, interval: formatInterval(start) })),
    gaps: file.gaps.map((gap) => ({ ...gap, from: formatTime(gap.from), to: formatTime(gap.to) })),
  };
}

describe('a file of readings', () => {
  it.each(cases)('reads as the vectors say: $name', (one) => {
    expect(told(one)).toEqual(one.expect);
  });

  it('is refused by every code that there is, in some case', () => {
    const seen = new Set(JSON.stringify(cases.map((one) => one.expect)).match(/[a-z]+\.[A-Za-z0-9]+(?=")/g));
    const unseen = Object.keys(READINGS_CODES).filter((code) => !seen.has(code));
    expect(unseen).toEqual(['file.tooLarge', 'file.tooManyLines']);
  });

  it('is refused whole when it is too large, or has too many lines', () => {
    const codes = (bytes: Uint8Array, format: 'csv' | 'ndjson'): unknown => {
      const file = readReadings(bytes, format);
      return 'refused' in file && file.refused.map(({ code }) => code);
    };
    expect(codes(new Uint8Array(READINGS_FILE_BYTES_MAX + 1), 'csv')).toEqual(['file.tooLarge']);
    const lines = 'x\n'.repeat(LINES_MAX + 1);
    expect(codes(utf8(lines), 'ndjson')).toEqual(['file.tooManyLines']);
    expect(codes(utf8(`meter,interval_start,consumed_wh,produced_wh\n${lines}`), 'csv')).toEqual(['file.tooManyLines']);
  });

  it('is good when it is one of the examples on the page for operators', () => {
    const [file = '', registers = '', list = ''] = blocksOf('csv');
    const meters = readMeters(utf8(list));
    if ('faults' in meters) throw new Error(JSON.stringify(meters.faults));
    const [known] = meters.meters.values();
    const four = [1, 2, 3, 4].map((n): [string, KnownMeter] => {
      return [`TH-MEA-000${n}`, { limitWh: 2500, registerDigits: 9, ...known, meter: String(n).repeat(32) }];
    });
    const statuses = [file, registers].map((text) => {
      const read = readReadings(utf8(text), 'csv', { meters: new Map(four) });
      return 'refused' in read ? read.refused : read.lines.map(({ status }) => status);
    });
    expect(statuses).toEqual([
      ['reading', 'reading', 'missing', 'reading'],
      ['register', 'register', 'register', 'reading'],
    ]);
    const [swap = ''] = blocksOf('json');
    expect(operationSchemas['registry.swapMeter'].safeParse(JSON.parse(swap)).success).toBe(true);
  });

  it('is refused by codes that the page for operators has, each with its meaning', () => {
    const told = Object.fromEntries(
      [...page.matchAll(/^\| `([a-z]+\.\w+)` +\| (.*?) +\|$/gm)].map(([, ...row]) => row),
    );
    expect(told).toEqual(READINGS_CODES);
  });
});
