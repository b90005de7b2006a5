import { describe, expect, it } from '@jest/globals';
import { utf8 } from '@gridtokenx/kernel';
import { readMeters } from './index.js';

const [A, B, OPERATOR] = ['a'.repeat(32), 'b'.repeat(32), '1'.repeat(32)];
const HEADER = 'meter,ledger_id,operator,limit_wh,register_digits';
const codes = (...lines: string[]): unknown => {
  const list = readMeters(utf8(lines.join('\n')));
  return 'meters' in list ? 'ok' : list.faults.map(({ line, code }) => [line, code]);
};

describe('a list of meters', () => {
  it('names them as files do and as the ledger does, with what is known of them', () => {
    const list = readMeters(utf8(`\ufeff${HEADER}\r\nTH-1,${A},${OPERATOR},2500,9\r\nTH-2,${B},,,\r\n`));
    expect('meters' in list && [...list.meters]).toEqual([
      ['TH-1', { meter: A, operator: OPERATOR, limitWh: 2500, registerDigits: 9 }],
      ['TH-2', { meter: B }],
    ]);
    expect(codes('ledger_id,meter', `${A},TH-1`)).toBe('ok');
  });

  it.each([
    ['no header', [], [[1, 'meters.header']]],
    ['a column that nobody knows', ['meter,ledger_id,limit'], [[1, 'meters.header']]],
    ['no ids', ['meter'], [[1, 'meters.header']]],
    ['a name twice', [HEADER, `T,${A},,,`, `T,${B},,,`], [[3, 'meters.twice']]],
    ['no name', [HEADER, `,${A},,,`], [[2, 'meters.name']]],
    ['an id that is none', [HEADER, 'T,7,,,'], [[2, 'meters.id']]],
    ['an operator that is none', [HEADER, `T,${A},MEA,,`], [[2, 'meters.operator']]],
    [
      'a limit of nothing',
      [HEADER, `T,${A},,0,`, `U,${A},,1e3,`],
      [
        [2, 'meters.limit'],
        [3, 'meters.limit'],
      ],
    ],
    [
      'too many digits',
      [HEADER, `T,${A},,,16`, `U,${A},,,0`],
      [
        [2, 'meters.digits'],
        [3, 'meters.digits'],
      ],
    ],
    ['a cell too few', [HEADER, `T,${A},,`], [[2, 'csv.cells']]],
    ['stray quotes', [HEADER, `T,${A},"x"y,,`], [[2, 'csv.quote']]],
  ])('with %s is refused whole', (_, lines, expected) => {
    expect(codes(...lines)).toEqual(expected);
  });

  it('that is not UTF-8 is refused', () => {
    expect(readMeters(Uint8Array.of(255))).toMatchObject({ faults: [{ code: 'file.notUtf8' }] });
  });
});
