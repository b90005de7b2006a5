import { readFileSync } from 'node:fs';
import { noble } from '@gridtokenx/crypto';
import { toHex, utf8 } from '@gridtokenx/kernel';
import { decodeEnvelope, type Operation, type TariffBook } from '@gridtokenx/protocol';
import { describe, expect, it } from '@jest/globals';
import { genesisFile, memoryFiles, seedOf } from '../fixture.spec.js';
import { Keypair } from '../keypair.js';
import { genesisAnchor } from '../anchor.js';
import { main } from './main.js';

const vectors = JSON.parse(readFileSync(new URL('../../../../vectors/tariffs.json', import.meta.url), 'utf8')) as {
  book: TariffBook;
  hash: string;
};
const second = { ...vectors.book, version: 2 };
const INTERVAL = '2026-06-15T03:00:00Z/PT15M';
const retail = { kind: 'retail', schedule: 'residential-low', interval: INTERVAL, quantityWh: '1000' };

interface Answer {
  readonly exit: number;
  readonly out: string;
  readonly error: string;
  readonly sent: readonly Operation[];
}

async function run(files: Readonly<Record<string, unknown>>, ...argv: string[]): Promise<Answer> {
  const all = new Map<string, Uint8Array>([['genesis.json', genesisFile(1)]]);
  for (const [name, value] of Object.entries(files))
    all.set(name, utf8(typeof value === 'string' ? value : JSON.stringify(value)));
  all.set('office.key', utf8(Keypair.fromSeed(seedOf(5)).toFile()));
  const said = { out: '', error: '', sent: [] as Operation[] };
  const exit = await main(argv, {
    platform: {
      fetch: async (url, { body = '' }) => {
        const answer = (
          value: object,
        ): { status: number; headers: { get: () => null }; arrayBuffer(): Promise<ArrayBuffer> } => ({
          status: 202,
          headers: { get: () => null },
          arrayBuffer: async () => new Uint8Array(utf8(JSON.stringify(value))).buffer,
        });
        if (!url.endsWith('/v1/operations')) return { ...answer({ code: 'http.404' }), status: 404 };
        const ledgerId = genesisAnchor(all.get('genesis.json') ?? utf8('')).ledgerId;
        const { operations, operationIds } = decodeEnvelope(noble, ledgerId, utf8(body));
        said.sent.push(...operations);
        return answer({ operations: operationIds.map((id) => ({ id: toHex(id), href: 'x' })) });
      },
      randomBytes: (length) => seedOf(77).slice(0, length),
      now: () => 1_781_481_600_000,
      sleep: async () => undefined,
    },
    out: (text) => void (said.out += text),
    error: (text) => void (said.error += text),
    files: memoryFiles(all),
  });
  return { exit, ...said };
}

const json = ({ out }: Answer): Record<string, unknown> => JSON.parse(out) as Record<string, unknown>;

describe('gridtokenx tariff', () => {
  it('shows the book of a genesis, and one from a file, with its hash', async () => {
    expect((await run({}, 'tariff', 'show', '--genesis', 'genesis.json')).out).toMatch(
      /^version 1 {2}[0-9a-f]{64}\nfrom/,
    );
    const files = { 'book.json': vectors.book };
    const { out } = await run(files, 'tariff', 'show', '--book', 'book.json');
    expect(out).toContain(`version 1  ${vectors.hash}`);
    expect(out).toContain('2026-07-01  2026-09-30      draft');
    expect(out).toContain('1.07 / 0.9003 / 0.1001 / 1.151');
    expect(out).toContain('calendar of 2020, 2023, 2026; 4 decisions about days');
    expect(json(await run(files, 'tariff', 'show', '--book', 'book.json', '--json'))).toEqual({
      version: 1,
      hash: vectors.hash,
      book: vectors.book,
    });
  });

  it('says what holds in an interval, by the newest version or the one that is asked for', async () => {
    const files = { 'second.json': second };
    const argv = [
      'tariff',
      'at',
      '--genesis',
      'genesis.json',
      '--book',
      'second.json',
      '--zone',
      'MEA-BKK-01',
      '--json',
    ];
    expect(json(await run(files, ...argv, '--interval', INTERVAL))).toMatchObject({
      version: 2,
      band: 'onPeak',
      retail: [
        { schedule: 'residential-low', rate: 59_605 },
        { schedule: 'general-low', rate: 44_920 },
      ],
      topUpRate: 59_605,
      terms: { wheeling: 0, buyerFee: { numerator: 1, denominator: 100 } },
    });
    const first = json(await run(files, ...argv, '--version', '1', '--interval', INTERVAL));
    expect(first).toMatchObject({ version: 1, topUpRate: 60_000, retail: [] });
    expect(first).not.toHaveProperty('band');
    expect((await run(files, ...argv.slice(0, -1), '--interval', '2026-07-15T03:00:00Z')).out).toContain(
      'wheeling 1.2315',
    );
  });

  it.each<[what: string, argv: string[], exit: number, says: string]>([
    ['without a book', ['show'], 2, 'give --genesis'],
    [
      'of a year of the Buddhist era',
      ['at', '--book', 'book.json', '--interval', '2569-06-15T03:00:00Z'],
      2,
      '2026-06-15',
    ],
    [
      'of a zone that there is not',
      ['at', '--genesis', 'genesis.json', '--interval', INTERVAL, '--zone', 'X-1'],
      1,
      'tariff.unknownZone',
    ],
    [
      'of a day without an entry',
      ['at', '--book', 'book.json', '--interval', '2019-06-15T03:00:00Z'],
      1,
      'tariff.noEntry',
    ],
    ['of a version that is not given', ['show', '--book', 'book.json', '--version', '7'], 1, 'tariff.otherVersion'],
    [
      'with two books of one version',
      ['show', '--genesis', 'genesis.json', '--book', 'book.json'],
      1,
      'tariff.otherHash',
    ],
    ['with a book that overlaps', ['show', '--book', 'overlap.json'], 1, 'tariffs.overlap at /entries/3/validFrom'],
    ['with a book with a gap', ['show', '--book', 'gap.json'], 1, 'tariffs.gap at /entries/1/validFrom'],
  ])('%s is refused', async (_what, argv, exit, says) => {
    const { entries } = vectors.book;
    const files = {
      'book.json': vectors.book,
      'overlap.json': { ...vectors.book, entries: [...entries, entries[2]] },
      'gap.json': { ...vectors.book, entries: [entries[0], entries[2]] },
    };
    const answer = await run(files, 'tariff', ...argv);
    expect([answer.exit, answer.out]).toEqual([exit, '']);
    expect(answer.error).toContain(says);
  });

  it('computes the lines of a bill again, and says which figures differ, and where', async () => {
    const lines = [
      { ...retail, amount: '5960500', tax: '0' },
      { ...retail, tariffVersion: 1, amount: '1' },
      { kind: 'surplus', interval: INTERVAL, quantityWh: '7', amount: '15401', rate: 22_000 },
    ];
    const files = {
      'book.json': vectors.book,
      'bill.ndjson': `${lines.map((one) => JSON.stringify(one)).join('\n\n')}\n`,
    };
    const argv = ['tariff', 'bill', '--book', 'book.json', '--lines', 'bill.ndjson'];
    const { exit, out } = await run(files, ...argv);
    expect(exit).toBe(1);
    expect(out).toContain(
      'line 3: amount is 5960500, not 1\nline 5: amount is 15400, not 15401\n3 lines, 2 figures that differ',
    );
    expect(json(await run(files, ...argv, '--json'))['differs']).toEqual([
      { line: 3, field: 'amount', claimed: '1', computed: '5960500' },
      { line: 5, field: 'amount', claimed: '15401', computed: '15400' },
    ]);
    const right = { ...files, 'bill.ndjson': JSON.stringify(lines[0]) };
    expect(await run(right, ...argv)).toMatchObject({ exit: 0 });
  });

  it.each<[what: string, line: string, says: string]>([
    ['that is no JSON', '{', 'json.malformed'],
    [
      'of another version',
      JSON.stringify({ ...retail, tariffVersion: 3 }),
      'tariff.otherVersion line 2 at /tariffVersion',
    ],
    ['with a field that is none', JSON.stringify({ ...retail, quantityWh: 1.5 }), 'json.notAnInteger'],
    ['without energy', JSON.stringify({ ...retail, quantityWh: undefined }), 'tariff.badLine line 2 at /quantityWh'],
  ])('a line %s is refused by its number', async (_what, line, says) => {
    const files = { 'book.json': vectors.book, 'bill.ndjson': `${JSON.stringify(retail)}\n${line}\n` };
    const { exit, error } = await run(files, 'tariff', 'bill', '--book', 'book.json', '--lines', 'bill.ndjson');
    expect(exit).toBeGreaterThan(0);
    expect(error).toContain(says);
  });

  const SEND = ['--url', 'http://gateway', '--key', 'office.key', '--genesis', 'genesis.json', '--sequence', '1'];

  it('publishes a book that has no fault as the next version, and no other', async () => {
    const argv = ['tariff', 'publish', ...SEND, '--book', 'book.json'];
    const { exit, sent } = await run({ 'book.json': second }, ...argv);
    expect([exit, sent]).toEqual([0, [{ type: 'tariffs.publish', basedOn: 1, entries: second.entries }]]);
    const gapped = await run({ 'book.json': { ...second, entries: [second.entries[0], second.entries[2]] } }, ...argv);
    expect([gapped.exit, gapped.sent]).toEqual([1, []]);
    expect(gapped.error).toContain('tariffs.gap at /entries/1/validFrom');
    const first = await run({ 'book.json': vectors.book }, ...argv);
    expect([first.exit, first.sent]).toEqual([2, []]);
    expect(first.error).toContain('/basedOn');
  });

  it('decides about the calendar, and refuses years of the Buddhist era before anything is signed', async () => {
    const decision = {
      kind: 'billDays',
      decidedOn: '2026-06-10',
      days: [{ date: '2026-06-15', billedAs: 'holiday' }],
      source: 'a test',
    };
    const argv = ['tariff', 'decide', ...SEND, '--decision', 'decision.json'];
    const { exit, sent } = await run({ 'decision.json': decision }, ...argv);
    expect([exit, sent]).toEqual([0, [{ type: 'tariffs.decideCalendar', decision }]]);
    const thai = { ...decision, days: [{ date: '2569-06-15', billedAs: 'holiday' }] };
    const refused = await run({ 'decision.json': thai }, ...argv);
    expect([refused.exit, refused.sent]).toEqual([2, []]);
    expect(refused.error).toContain('notation.buddhistYear at /decision/days/0/date');
    expect(refused.error).toContain('2026-06-15');
  });
});
