import { noble } from '@gridtokenx/crypto';
import { toHex, utf8 } from '@gridtokenx/kernel';
import { decodeEnvelope, type LedgerEvent, type Outcome, type RejectionCode } from '@gridtokenx/protocol';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { memoryFiles, seedOf, TestLedger } from '../fixture.spec.js';
import { Keypair } from '../keypair.js';
import type { FetchInit } from '../platform.js';
import type { Io } from './io.js';
import { main } from './main.js';

const METER = 'ab'.repeat(16);
const OTHER = 'cd'.repeat(16);
const OPERATOR = 'ef'.repeat(16);
const MARKET_TIME = '2026-06-15T12:00:00Z';
const ledger = new TestLedger(4);

/** A gateway with a ledger behind it that keeps readings by meter, interval and version, and nothing else. */
class Gateway {
  readonly recorded = new Map<string, string>();
  readonly outcomes = new Map<string, Outcome>();
  batches: number[] = [];
  /** Refuses these as the ledger would. */
  refuses: Readonly<Record<string, RejectionCode>> = {};
  /** Answers of batches from this one on: nothing, or a status. */
  broken: { readonly from: number; readonly status: number } | undefined;
  isSilent = false;
  /** Readings that one batch may record: those of a block. */
  room = Number.POSITIVE_INFINITY;
  private left = 0;

  answer(path: string, { body = '' }: FetchInit): { status: number; body: unknown } {
    if (path.startsWith('/v1/keys/')) return { status: 200, body: { height: 1, highestSequence: 0 } };
    if (path.startsWith('/v1/blocks'))
      return { status: 200, body: { height: 1, items: [{ marketTime: MARKET_TIME }] } };
    if (path === '/v1/batches?mode=partial') return this.batch(body);
    const id = path.slice('/v1/operations/'.length);
    const outcome = this.isSilent ? undefined : this.outcomes.get(id);
    if (outcome === undefined) return { status: 200, body: { id, status: 'pending' } };
    return { status: 200, body: { id, status: outcome.status, height: 1, index: 1, outcome } };
  }

  private batch(body: string): { status: number; body: unknown } {
    const broken = this.broken !== undefined && this.batches.length >= this.broken.from ? this.broken : undefined;
    const lines = body.trimEnd().split('\n');
    this.batches.push(lines.length);
    if (broken?.status === 0) throw new Error('connection refused');
    if (broken !== undefined) return { status: broken.status, body: { code: 'gateway.busy', detail: 'busy' } };
    this.left = this.room;
    const results = lines.map((jws, i) => {
      const { operations, operationIds } = decodeEnvelope(noble, ledger.ledgerId, utf8(jws));
      const [operation] = operations;
      const id = toHex(operationIds[0] ?? new Uint8Array());
      if (operation?.type === 'metering.recordReadings') this.outcomes.set(id, this.record(operation.readings));
      return { line: i + 1, status: 'accepted', operations: [{ id, href: 'x' }] };
    });
    return { status: 202, body: { results } };
  }

  private record(
    readings: readonly { readonly meter: string; readonly interval: string; readonly version?: number | undefined }[],
  ): Outcome {
    const events = readings.flatMap((reading, index): LedgerEvent[] => {
      const { meter, interval, version = 1 } = reading;
      const key = `${meter}/${interval}/${version}`;
      const content = JSON.stringify(reading);
      const known = this.recorded.get(key);
      const isAhead = version > 1 && !this.recorded.has(`${meter}/${interval}/${version - 1}`);
      const code =
        this.refuses[interval.slice(11, 16)] ??
        (isAhead ? 'metering.outOfSequence' : undefined) ??
        (this.left === 0 ? 'metering.blockFull' : undefined) ??
        (known === undefined ? undefined : known === content ? 'metering.alreadyRecorded' : 'metering.otherContent');
      if (code === undefined) {
        this.left--;
        this.recorded.set(key, content);
      }
      return code === undefined ? [] : [{ type: 'metering.readingRefused', index, meter, interval, code }];
    });
    return { v: 1, status: 'executed', events, postings: [], holds: [] };
  }
}

let gateway: Gateway;
let files: Map<string, Uint8Array>;
let out: string;
let errors: string;
beforeEach(() => {
  gateway = new Gateway();
  files = new Map([
    ['genesis.json', ledger.file],
    ['office.key', utf8(Keypair.fromSeed(seedOf(5)).toFile())],
    ['readings.csv', utf8(csv(['03:00', 70], ['03:15', 71], ['03:30', 72]))],
  ]);
});

const csv = (...rows: readonly (readonly [string, number])[]): string =>
  [
    'meter,interval_start,consumed_wh,produced_wh',
    ...rows.map(([at, wh]) => `${METER},2026-06-15T${at}:00Z,${wh},0`),
  ].join('\n');

async function run(...argv: string[]): Promise<number> {
  out = errors = '';
  let now = 1_781_481_600_000;
  const io: Io = {
    platform: {
      fetch: async (url, init) => {
        const { status, body } = gateway.answer(url.replace('http://gateway', ''), init);
        const bytes = utf8(JSON.stringify(body));
        return { status, headers: { get: () => null }, arrayBuffer: async () => new Uint8Array(bytes).buffer };
      },
      randomBytes: (length) => seedOf(77).slice(0, length),
      now: () => now,
      sleep: async (ms) => void (now += ms),
    },
    out: (text) => void (out += text),
    error: (text) => void (errors += text),
    files: memoryFiles(files),
  };
  return main(argv, io);
}

const upload = (...more: string[]): Promise<number> =>
  run(
    ...['readings', 'upload', '--url', 'http://gateway', '--key', 'office.key', '--genesis', 'genesis.json'],
    ...['--file', 'readings.csv', ...more],
  );
const results = (): Record<string, unknown>[] =>
  new TextDecoder()
    .decode(files.get('results.ndjson'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const brief = (): unknown[] =>
  results().map(({ line, status, code }) => [line, status, ...(code === undefined ? [] : [code])]);

describe('readings check', () => {
  it('says what is wrong with which line, without key and gateway', async () => {
    files.set(
      'readings.csv',
      utf8(`${csv(['03:00', 70])}\n${METER},2569-06-15T03:15:00Z,1,0\n${METER},2026-06-15T03:30:00Z,1,0`),
    );
    expect(await run('readings', 'check', '--file', 'readings.csv')).toBe(1);
    expect(out).toBe('2 readings good, 1 lines refused, 1 intervals missing\n');
    expect(errors).toContain('readings.csv:3 column interval_start: notation.buddhistYear: ');
    expect(errors).toContain('write the common era: 2026-06-15T03:15:00Z');
    expect(errors).toContain(`gap of meter ${METER}: 2026-06-15T03:15:00Z to 2026-06-15T03:30:00Z`);
  });

  it('takes the names of a list of meters, a period, a zone, digits of registers and market time', async () => {
    files.set(
      'meters.csv',
      utf8(`meter,ledger_id,operator,limit_wh\nTH-1,${METER},${OPERATOR},500\nTH-2,${OTHER},,\n`),
    );
    const lines = ['meter,read_at,consumed_register_wh,produced_register_wh'];
    lines.push('TH-1,2026-06-15 10:00,9990,0', 'TH-1,2026-06-15 10:15,20,0', 'TH-2,2026-06-15 10:30,0,0');
    files.set('registers.csv', utf8(lines.join('\n')));
    const argv = ['readings', 'check', '--file', 'registers.csv', '--meters', 'meters.csv', '--operator', OPERATOR];
    argv.push(
      '--time-zone',
      'Asia/Bangkok',
      '--register-digits',
      '4',
      '--market-time',
      '2026-06-15T03:15:00Z',
      '--json',
    );
    argv.push('--from', '2026-06-15T03:00:00Z', '--to', '2026-06-15T03:30:00Z', '--results', 'results.ndjson');
    expect(await run(...argv)).toBe(1);
    expect(results()).toMatchObject([
      { line: 2, status: 'register' },
      { line: 3, status: 'good', meter: METER, interval: '2026-06-15T03:00:00Z/PT15M' },
      { line: 4, status: 'refused', faults: [{ code: 'readings.future' }] },
    ]);
    expect(JSON.parse(out)).toMatchObject({ good: 1, refused: 1, missing: 3, results: 'results.ndjson' });
  });

  it.each([
    [['--file', 'readings.txt'], 2, 'neither .csv nor .ndjson'],
    [['--file', 'readings.csv', '--time-zone', 'ICT'], 2, 'UTC or Asia/Bangkok'],
    [['--file', 'readings.csv', '--register-digits', '16'], 2, '1 to 15'],
    [['--file', 'readings.csv', '--from', '2026-06-15T03:00:00Z'], 2, '--to is missing'],
    [['--file', 'readings.csv', '--from', '2026-06-15T03:00:01Z', '--to', '2026-06-15T04:00:00Z'], 2, 'quarters'],
    [['--file', 'readings.csv', '--market-time', '2569-06-15T03:00:00Z'], 2, 'Buddhist'],
    [['--file', 'readings.csv', '--operator', 'MEA'], 2, '32 hex digits'],
    [['--file', 'bad.csv'], 1, 'bad.csv:1: csv.delimiter'],
    [['--file', 'readings.csv', '--meters', 'bad.csv'], 1, 'bad.csv:1: meters.header'],
  ])('answers %j with %i', async (argv, code, says) => {
    files.set('bad.csv', utf8('a;b\n'));
    expect(await run('readings', 'check', ...argv)).toBe(code);
    expect(errors).toContain(says);
    expect(out).toBe('');
  });
});

describe('readings upload', () => {
  it('records each reading, and says so of each line', async () => {
    expect(await upload('--results', 'results.ndjson', '--readings-per-operation', '2')).toBe(0);
    expect(out).toBe('3 readings recorded, 0 lines refused, 0 not known yet, 0 not sent, 0 intervals missing\n');
    expect(gateway.batches).toEqual([2]);
    expect(brief()).toEqual([
      [2, 'recorded'],
      [3, 'recorded'],
      [4, 'recorded'],
    ]);
    expect([...gateway.recorded.values()].map((text) => JSON.parse(text) as unknown)[0]).toEqual({
      meter: METER,
      interval: '2026-06-15T03:00:00Z/PT15M',
      quality: 'actual',
      version: 1,
      consumedWh: '70',
      producedWh: '0',
    });
  });

  it('is harmless when it is done again: by its results nothing is sent, without them nothing is recorded twice', async () => {
    await upload('--results', 'results.ndjson');
    expect(await upload('--results', 'results.ndjson')).toBe(0);
    expect(gateway.batches).toEqual([1]);
    expect(await upload()).toBe(0);
    expect(gateway.batches).toEqual([1, 1]);
    expect(out).toContain('3 readings recorded, 0 lines refused');
    files.set('readings.csv', utf8(csv(['03:15', 71], ['03:45', 9])));
    expect(await upload('--results', 'results.ndjson')).toBe(0);
    expect(gateway.recorded.size).toBe(4);
  });

  it('tells which lines the ledger refuses, by its code', async () => {
    gateway.refuses = { '03:15': 'metering.beyondLimit' };
    expect(await upload('--results', 'results.ndjson')).toBe(1);
    expect(brief()).toEqual([
      [2, 'recorded'],
      [3, 'refused', 'metering.beyondLimit'],
      [4, 'recorded'],
    ]);
    expect(errors).toContain('readings.csv:3: metering.beyondLimit: The reading is beyond');
    files.set('readings.csv', utf8(csv(['03:00', 99])));
    expect(await upload('--results', 'results.ndjson')).toBe(1);
    expect(brief()).toEqual([[2, 'refused', 'metering.otherContent']]);
  });

  it('sends again what a full block left, and what came before the version that it follows, as long as it becomes less', async () => {
    gateway.room = 2;
    const head = 'meter,interval_start,version,quality,consumed_wh,produced_wh';
    const rows = [1, 2, 3].map((n) => `${METER},2026-06-15T03:00:00Z,${n},${n === 1 ? 'actual' : 'corrected'},${n},0`);
    const alone = `${METER},2026-06-15T04:00:00Z,2,corrected,9,0`;
    files.set('readings.csv', utf8([head, ...rows, alone].join('\n')));
    expect(await upload('--results', 'results.ndjson', '--readings-per-operation', '1')).toBe(1);
    expect(brief()).toEqual([
      [2, 'recorded'],
      [3, 'recorded'],
      [4, 'recorded'],
      [5, 'refused', 'metering.outOfSequence'],
    ]);
    expect(gateway.batches).toEqual([4, 2, 1]);
  });

  it('sends no line that is of the future by the market time of the ledger', async () => {
    files.set('readings.csv', utf8(csv(['11:45', 1], ['12:00', 1])));
    expect(await upload('--results', 'results.ndjson')).toBe(1);
    expect(results()).toMatchObject([{ status: 'recorded' }, { faults: [{ code: 'readings.future' }] }]);
  });

  it.each([
    [0, 'pending'],
    [503, 'notSent'],
    [403, 'refused'],
  ])('stops where the gateway answers with %i, and goes on from there the next time', async (status, expected) => {
    gateway.broken = { from: 1, status };
    const rows = Array.from({ length: 42 }, (_, i): [string, number] => [
      `0${Math.floor(i / 4) % 10}:${['00', '15', '30', '45'][i % 4]}`,
      i,
    ]);
    files.set('readings.csv', utf8(csv(...rows.slice(0, 40), ['10:00', 40], ['10:15', 41])));
    expect(await upload('--results', 'results.ndjson', '--readings-per-operation', '1')).toBe(1);
    expect(brief().map((row) => (row as string[])[1])).toEqual([
      ...Array<string>(40).fill('recorded'),
      expected,
      expected,
    ]);
    gateway.broken = undefined;
    gateway.batches = [];
    expect(await upload('--results', 'results.ndjson', '--readings-per-operation', '1')).toBe(0);
    expect(gateway.batches).toEqual([2]);
  });

  it('leaves what is not decided in time as pending, and says to run it again', async () => {
    gateway.isSilent = true;
    expect(await upload('--results', 'results.ndjson', '--timeout', '5s')).toBe(1);
    expect(brief()).toEqual([2, 3, 4].map((line) => [line, 'pending']));
    expect(errors).toContain('run it again');
    gateway.isSilent = false;
    expect(await upload('--results', 'results.ndjson')).toBe(0);
    expect(gateway.recorded.size).toBe(3);
  });

  it('refuses a file of results that is none, before anything is sent', async () => {
    files.set('results.ndjson', utf8('what?\n'));
    expect(await upload('--results', 'results.ndjson')).toBe(1);
    expect(errors).toContain('readings.results');
    expect(gateway.batches).toEqual([]);
  });
});
