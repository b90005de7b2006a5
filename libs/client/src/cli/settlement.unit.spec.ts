import { noble } from '@gridtokenx/crypto';
import { decodeHistory, encodeHistory, foldHistory, type HistoryEntry } from '@gridtokenx/chain';
import { fromBase64Url, toHex, utf8 } from '@gridtokenx/kernel';
import type { LedgerEvent, Outcome } from '@gridtokenx/protocol';
import { describe, expect, it } from '@jest/globals';
import { INTERVAL, memoryFiles, TestLedger } from '../fixture.spec.js';
import type { Io } from './io.js';
import { main } from './main.js';

const ZONE = 'MEA-BKK-01';
const ANN = 'a'.repeat(32);
const BOB = 'b'.repeat(32);
const OPERATOR = '9'.repeat(32);
const METER = 'c'.repeat(32);
const HASH = '0'.repeat(64);

const executed = (...events: LedgerEvent[]): Outcome => ({ v: 1, status: 'executed', events, postings: [], holds: [] });
const reading: HistoryEntry = {
  kind: 'reading',
  meter: METER,
  version: 1,
  quality: 'actual',
  consumedWh: 0,
  producedWh: 2_000,
};
const tariff: HistoryEntry = {
  kind: 'tariff',
  version: 1,
  hash: HASH,
  topUpRate: 60_000,
  surplusRate: 22_000,
  allocation: 'fifo',
};

/** Ann fed in 2 kWh, which were settled in block 2. */
function ledgerOf(): TestLedger {
  const ledger = new TestLedger(4);
  ledger.grow(1, undefined, () =>
    executed({
      type: 'metering.readingRecorded',
      meter: METER,
      account: ANN,
      zone: ZONE,
      interval: INTERVAL,
      quality: 'actual',
      version: 1,
      consumedWh: '0',
      producedWh: '2000',
      mintedWh: '2000',
      importWh: '0',
    }),
  );
  ledger.grow(1, undefined, () =>
    executed({
      type: 'settlement.positionSettled',
      account: ANN,
      zone: ZONE,
      interval: INTERVAL,
      importWh: '0',
      exportWh: '2000',
      boughtWh: '0',
      retiredWh: '0',
      surplusWh: '2000',
      rate: 22_000,
      topUpRate: 60_000,
      allocation: 'fifo',
      amount: '4400000',
      operator: OPERATOR,
      expiredWh: '0',
      tariffVersion: 1,
      tariffHash: HASH,
      history: toHex(foldHistory(noble, [reading, tariff])),
    }),
  );
  return ledger;
}

/** A gateway that serves the records of the blocks, files, and what the command line says. */
async function run(
  args: readonly string[],
  files = new Map<string, Uint8Array>(),
  records = ledgerOf(),
): Promise<{ code: number; out: string; error: string; file: (name: string) => string }> {
  const said = { out: '', error: '' };
  const store = memoryFiles(new Map([['genesis.json', records.file], ...files]));
  const io: Io = {
    platform: {
      fetch: async (url) => {
        const [, height] = /^http:\/\/gateway\/v1\/blocks\/(\d+)\/record$/.exec(url) ?? [];
        const record = records.blocks[Number(height) - 1]?.record;
        const bytes = record ?? utf8(JSON.stringify({ code: 'block.unknown' }));
        return {
          status: record === undefined ? 404 : 200,
          headers: { get: () => null },
          arrayBuffer: async () => new Uint8Array(bytes).buffer,
        };
      },
      randomBytes: (length) => new Uint8Array(length),
      now: () => Date.UTC(2026, 5, 15) + 60_000,
      sleep: async () => {},
    },
    out: (text) => void (said.out += text),
    error: (text) => void (said.error += text),
    files: store,
  };
  const code = await main(['settlement', ...args, '--genesis', 'genesis.json', '--url', 'http://gateway'], io);
  return { code, ...said, file: (name) => Buffer.from(store.read(name)).toString() };
}

const at = ['--account', ANN, '--zone', ZONE, '--interval', INTERVAL];
const period = ['--from', '2026-06-01T00:00:00Z', '--until', '2026-07-01T00:00:00Z'];

describe('settlement evidence', () => {
  it('is the history that the ledger settled, with its way to the root', async () => {
    const { code, out, file } = await run(['evidence', ...at, '--out', 'evidence.json']);
    expect([code, out]).toEqual([0, 'evidence.json: 2 entries, as of block 2\n']);
    const evidence = JSON.parse(file('evidence.json')) as { history: string; proof: unknown };
    expect(evidence.proof).toEqual({ index: 0, path: [] });
    expect(decodeHistory(fromBase64Url(evidence.history) ?? new Uint8Array())).toEqual([reading, tariff]);
    expect(evidence.history).toBe(Buffer.from(encodeHistory([reading, tariff])).toString('base64url'));
  });

  it('of an account that was not settled shows who stands where it would', async () => {
    const { file } = await run(['evidence', '--account', BOB, ...at.slice(2), '--out', 'e.json']);
    expect(JSON.parse(file('e.json'))).toMatchObject({ history: '', between: { before: { account: ANN, index: 0 } } });
  });
});

describe('settlement correct', () => {
  it('makes an operation that `submit` takes', async () => {
    const late = [{ meter: METER, quality: 'actual', consumedWh: '0', producedWh: '1500' }];
    const files = new Map([['late.json', utf8(JSON.stringify(late))]]);
    const { code, file } = await run(['correct', ...at, '--readings', 'late.json', '--out', 'correction.json'], files);
    expect(code).toBe(0);
    expect(JSON.parse(file('correction.json'))).toMatchObject({
      type: 'settlement.correct',
      account: ANN,
      readings: late,
      retariff: false,
      evidence: [{ account: ANN, proof: { index: 0 } }],
    });
  });

  it('says what is wrong with what it is given', async () => {
    expect(await run(['correct', ...at, '--out', 'c.json'])).toMatchObject({ code: 2 });
    const files = new Map([['late.json', utf8('[{"meter":"x"}]')]]);
    const { code, error } = await run(['correct', ...at, '--readings', 'late.json', '--out', 'c.json'], files);
    expect([code, error]).toEqual([2, expect.stringContaining('/readings/0')]);
    expect(await run(['evidence', '--account', 'x', ...at.slice(2), '--out', 'e'])).toMatchObject({ code: 2 });
  });
});

describe('settlement statement', () => {
  it('comes as JSON, and as CSV with the events that each row stands on', async () => {
    const json = await run(['statement', '--account', ANN, ...period]);
    expect(JSON.parse(json.out)).toMatchObject({ kind: 'participant', version: 1, totals: { amount: '4400000' } });
    const csv = await run(['statement', '--account', ANN, ...period, '--basis', '--csv', '--out', 's.csv']);
    expect(csv.out).toBe('s.csv: version 1, 2 rows, as of block 2\n');
    const [, first = '', second = ''] = csv.file('s.csv').split('\n');
    expect([first.split(',').at(-1), second.split(',').at(-1)]).toEqual(['1:1:0', '2:1:0']);
  });

  it('of a utility holds what it paid and the account of its energy', async () => {
    const { out } = await run(['statement', '--account', OPERATOR, ...period, '--utility', '--json']);
    expect(JSON.parse(out)).toMatchObject({ totals: { surplus: '-4400000' }, version: 1, height: 2 });
    const earlier = await run(['statement', '--account', OPERATOR, ...period, '--utility', '--height', '1']);
    expect(JSON.parse(earlier.out)).toMatchObject({ rows: [] });
  });
});
