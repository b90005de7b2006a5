import { utf8 } from '@gridtokenx/kernel';
import { describe, expect, it } from '@jest/globals';
import { ACCOUNT, INTERVAL } from '../fixture.spec.js';
import { readCsv } from '../csv.js';
import { readOperationsFile, type LineFault, type OperationsFile } from './operations-file.js';

const HEADER = 'account,side,zone,interval,price,kwh,tif';
const csv = (...lines: string[]): OperationsFile => readOperationsFile(utf8(lines.join('\n')), 'csv');
const ndjson = (...lines: string[]): OperationsFile => readOperationsFile(utf8(lines.join('\n')), 'ndjson');
const row = (
  changes: Partial<Record<'account' | 'side' | 'zone' | 'interval' | 'price' | 'kwh' | 'tif', string>> = {},
): string =>
  Object.values({
    account: ACCOUNT,
    side: 'bid',
    zone: 'MEA-BKK-01',
    interval: INTERVAL,
    price: '4.50',
    kwh: '1000',
    tif: 'GTC',
    ...changes,
  }).join(',');
const placed = {
  type: 'market.placeOrder',
  account: ACCOUNT,
  side: 'bid',
  fromZone: 'MEA-BKK-01',
  toZone: 'MEA-BKK-01',
  interval: INTERVAL,
  priceTicks: 450,
  quantityWh: '1000000',
  timeInForce: 'GTC',
};
const brief = ({ line, column, pointer, code }: LineFault): unknown[] => [line, column ?? pointer, code];

describe('the CSV reader', () => {
  it('takes quotes, doubled quotes, line breaks inside them, CRLF and a missing last line end', () => {
    expect(readCsv('a,b\r\n"1,5","say ""hi""\nyou"\r\n\r\n,x')).toEqual({
      records: [
        { line: 1, cells: ['a', 'b'] },
        { line: 2, cells: ['1,5', 'say "hi"\nyou'] },
        { line: 5, cells: ['', 'x'] },
      ],
      faults: [],
    });
    expect(readCsv('')).toEqual({ records: [], faults: [] });
  });

  it('names the lines with stray quotes and goes on with the next line', () => {
    const { records, faults } = readCsv('a\nb"c\n"d"e\nf\n"never closed\ng');
    expect(faults.map(({ line, code }) => [line, code])).toEqual([
      [2, 'csv.quote'],
      [3, 'csv.quote'],
      [5, 'csv.quote'],
    ]);
    expect(records.map(({ cells }) => cells[0])).toEqual(['a', 'f', 'g']);
  });
});

describe('a file of orders in CSV', () => {
  it('becomes operations, whatever the order of its columns, with a byte order mark and CRLF', () => {
    const text = `\ufeffkwh,price,interval,zone,side,account\r\n1000,4.50,${INTERVAL},MEA-BKK-01,bid,${ACCOUNT}\r\n`;
    expect(csv(text)).toEqual({ operations: [{ line: 2, operation: placed }], faults: [] });
  });

  it('takes cancels and replacements by its action column, and zones apart', () => {
    const order = 'cd'.repeat(32);
    const { operations, faults } = csv(
      'action,account,side,from_zone,to_zone,interval,price,kwh,tif,expires_at,order',
      `place,${ACCOUNT},ask,A1,B1,2026-06-15T03:00:00Z,0.01,0.1,IOC,2026-06-15T03:05:00Z,`,
      `cancel,,,,,,,,,,${order}`,
      `replace,,,,,,4.4,0.25,,,${order}`,
    );
    expect(faults).toEqual([]);
    expect(operations.map(({ operation }) => operation)).toEqual([
      {
        ...placed,
        side: 'ask',
        fromZone: 'A1',
        toZone: 'B1',
        priceTicks: 1,
        quantityWh: '100',
        timeInForce: 'IOC',
        expiresAt: '2026-06-15T03:05:00Z',
      },
      { type: 'market.cancelOrder', order },
      { type: 'market.replaceOrder', order, priceTicks: 440, quantityWh: '250' },
    ]);
  });

  it.each<[string, string, string | undefined, string, RegExp?]>([
    ['a decimal comma in quotes', row({ price: '"4,50"' }), 'price', 'notation.decimalComma', /4\.50/],
    ['a thousands separator', row({ kwh: '"1,000"' }), 'kwh', 'notation.decimalComma', /1000/],
    ['a decimal comma without quotes', row({ price: '4,50' }), undefined, 'csv.cells', /decimal point/],
    [
      'a Buddhist-era year',
      row({ interval: '2569-06-15T03:00:00Z/PT15M' }),
      'interval',
      'notation.buddhistYear',
      /2026-06-15/,
    ],
    [
      'an interval off the quarter',
      row({ interval: '2026-06-15T03:01:00Z' }),
      'interval',
      'notation.interval',
      /Bangkok/,
    ],
    ['an interval in local time', row({ interval: '2026-06-15T10:00:00+07:00' }), 'interval', 'notation.interval'],
    ['a price of three decimals', row({ price: '4.505' }), 'price', 'notation.number'],
    ['a price of nothing', row({ price: '0' }), 'price', 'notation.price'],
    ['a negative price', row({ price: '-1' }), 'price', 'notation.price'],
    ['a price beyond the limit', row({ price: '10000.01' }), 'price', 'notation.price'],
    ['too little energy', row({ kwh: '0.099' }), 'kwh', 'notation.energy'],
    ['too much energy', row({ kwh: '1000000001' }), 'kwh', 'envelope.schema'],
    ['a word for a number', row({ kwh: 'many' }), 'kwh', 'notation.number'],
    ['a number with an exponent', row({ kwh: '1e3' }), 'kwh', 'notation.number'],
    ['another side', row({ side: 'buy' }), 'side', 'envelope.schema'],
    ['another time in force', row({ tif: 'DAY' }), 'tif', 'envelope.schema'],
    ['a zone in small letters', row({ zone: 'mea' }), 'zone', 'envelope.schema'],
    ['an account that is none', row({ account: '12' }), 'account', 'envelope.schema'],
    ['no account', row({ account: '' }), 'account', 'csv.missingCell'],
    ['a cell too few', 'a,b', undefined, 'csv.cells'],
  ])('with %s is refused at its line and column', (_, line, column, code, hint = /^/) => {
    const { operations, faults } = csv(HEADER, row(), line, row());
    expect(operations.map((operation) => operation.line)).toEqual([2, 4]);
    expect(faults.map(brief).at(0)).toEqual([3, column, code]);
    expect(faults[0]?.hint ?? '').toMatch(hint);
  });

  it('names every fault of a line, and cells that mean nothing', () => {
    expect(csv(HEADER, row({ price: 'x', kwh: 'y' })).faults.map(brief)).toEqual([
      [2, 'price', 'notation.number'],
      [2, 'kwh', 'notation.number'],
    ]);
    expect(csv('action,order,price', `cancel,${'cd'.repeat(32)},4.50`, 'buy,,').faults.map(brief)).toEqual([
      [2, 'price', 'csv.unusedCell'],
      [3, 'action', 'csv.action'],
    ]);
  });

  it.each([
    ['an unknown column', 'csv.unknownColumn', 'account,prize'],
    ['a repeated column', 'csv.repeatedColumn', 'account,account'],
    ['semicolons', 'csv.delimiter', 'account;side;zone'],
  ])('with %s is refused whole', (_, code, header) => {
    const { operations, faults } = csv(header, row());
    expect(operations).toEqual([]);
    expect(faults[0]?.code).toBe(code);
  });

  it('without a header line is refused', () => {
    expect(csv('').faults.map(brief)).toEqual([[1, undefined, 'csv.empty']]);
  });

  it('that is not UTF-8 is refused at the line where it stops being so', () => {
    const bytes = new Uint8Array([...utf8(`${HEADER}\n`), 0xe1, 0xe2]);
    expect(readOperationsFile(bytes, 'csv').faults.map(brief)).toEqual([[2, undefined, 'file.notUtf8']]);
  });
});

describe('a file of operations in NDJSON', () => {
  it('becomes operations; blank lines count and are passed over', () => {
    expect(ndjson(`\ufeff${JSON.stringify(placed)}`, '', JSON.stringify(placed), '')).toEqual({
      operations: [
        { line: 1, operation: placed },
        { line: 3, operation: placed },
      ],
      faults: [],
    });
  });

  it.each<[string, string, string | undefined, string]>([
    ['no JSON', '{type:1}', '', 'json.malformed'],
    ['a float', '{"type":"market.placeOrder","priceTicks":4.5}', '/priceTicks', 'json.notAnInteger'],
    ['a repeated key', '{"type":"a","type":"b"}', '', 'json.duplicateKey'],
    ['an unknown type', '{"type":"market.buy"}', '/type', 'envelope.unknownOperation'],
    ['no type', '[]', '/type', 'envelope.schema'],
    ['an unknown field', JSON.stringify({ ...placed, note: 'x' }), '/note', 'envelope.schema'],
    [
      'a number where a string stands',
      JSON.stringify({ ...placed, quantityWh: 1000 }),
      '/quantityWh',
      'envelope.schema',
    ],
    ['a decimal comma', JSON.stringify({ ...placed, quantityWh: '1000,5' }), '/quantityWh', 'notation.decimalComma'],
    [
      'a Buddhist-era year',
      JSON.stringify({ ...placed, interval: '2569-06-15T03:00:00Z/PT15M' }),
      '/interval',
      'notation.buddhistYear',
    ],
    [
      'a Buddhist-era year in an asset',
      JSON.stringify({
        type: 'accounts.transfer',
        from: ACCOUNT,
        to: ACCOUNT,
        asset: 'KWH:2569-06-15T03:00:00Z/PT15M',
        amount: '1',
      }),
      '/asset',
      'notation.buddhistYear',
    ],
  ])('with %s is refused at its line and pointer', (_, line, pointer, code) => {
    const { operations, faults } = ndjson(JSON.stringify(placed), line);
    expect(operations.map((operation) => operation.line)).toEqual([1]);
    expect(faults.map(brief)).toEqual([[2, pointer, code]]);
  });
});
