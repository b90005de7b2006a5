import { readFileSync } from 'node:fs';
import { BucketRows, bucketOf } from '@gridtokenx/chain';
import { assert, ByteReader, DecodeError, parseInterval, utf8, ScratchWriter } from '@gridtokenx/kernel';
import {
  bandAt,
  entryAt,
  retailRateAt,
  tariffBook,
  tariffHash,
  withDecision,
  withEntries,
  type CalendarDecision,
  type Operation,
  type TariffBook,
  type TariffEntry,
} from '@gridtokenx/protocol';
import { describe, expect, it } from '@jest/globals';
import { auditState, decodeRow, LedgerRestore, rowKey } from '../index.js';
import { decide, entryWith as entry, PAYEE, publish, TariffWorld, withTerritories } from '../spec/tariff-world.spec.js';
import { crypto, id, identityOf, OTHER_ZONE, START, ZONE, type World } from '../spec/world.spec.js';

const vectors = JSON.parse(readFileSync(new URL('../../../../vectors/tariffs.json', import.meta.url), 'utf8')) as {
  book: TariffBook;
  fees: { interval: string; wheelingRate: number }[];
};

/** Market time begins at 2026-05-28T20:30Z: it is the 29th in Bangkok. */
const DAY = '2026-06-15T03:00:00Z/PT15M';
const NIGHT = '2026-06-15T18:00:00Z/PT15M';

const YEAR: CalendarDecision = {
  kind: 'declareYear',
  year: 2026,
  days: [
    { date: '2026-05-01', kind: 'labourDay' },
    { date: '2026-06-03', kind: 'publicHoliday' },
  ],
  source: 'a test',
};
const bill = (date: string, billedAs: 'holiday' | 'normal', more: object = {}): CalendarDecision => ({
  kind: 'billDays',
  decidedOn: '2026-05-28',
  days: [{ date, billedAs }],
  source: 'a test',
  ...more,
});
const timeOfUse: Partial<TariffEntry> = {
  timeOfUse: {
    otherwise: 'offPeak',
    windows: [{ band: 'onPeak', days: ['weekday'], from: '09:00', to: '22:00' }],
    holidays: ['publicHoliday', 'labourDay'],
  },
  retail: [
    {
      schedule: 'home',
      class: 'residential',
      voltage: 'low',
      rates: [
        { band: 'onPeak', rate: 57_982 },
        { band: 'offPeak', rate: 26_369 },
      ],
    },
  ],
  ft: { rate: 1_623, byClass: [] },
  topUp: { kind: 'retail', schedule: 'home' },
};

const priced = [
  entry({ validTo: '2025-12-31' }),
  entry({ validFrom: '2026-01-01', validTo: '2026-12-31', ...timeOfUse }),
  entry({ validFrom: '2027-01-01' }),
];

/** What the newest version says of the day. */
function inForce({ tariffs }: TariffWorld): {
  band: string | undefined;
  retail: (schedule: string) => number | undefined;
} {
  const { book } = tariffs.newest;
  const start = parseInterval(DAY);
  assert(start !== undefined, 'the day has an interval');
  const at = entryAt(book, start);
  assert(at !== undefined, 'an entry covers the day');
  return {
    band: bandAt(at, book.calendar, start),
    retail: (schedule) => retailRateAt(at, book.calendar, schedule, start),
  };
}

describe('the tariff book', () => {
  it('begins with version 1 of the genesis, and its hash', () => {
    const { tariffs, genesis } = new TariffWorld();
    expect(tariffs.newest).toEqual({ book: genesis.tariffs, hash: tariffHash(crypto, genesis.tariffs) });
  });

  it('goes on with what an authority publishes: a version each, with its hash, and none is edited', () => {
    const world = new TariffWorld();
    const first = world.tariffs.newest;
    const entries = [entry({ validTo: '2026-06-30' }), entry({ validFrom: '2026-07-01', gridFee: 200 })];
    const { events } = world.must('erc', publish(1, ...entries));
    const book = withEntries(first.book, entries);
    const hash = tariffHash(crypto, book);
    expect(events).toEqual([{ type: 'tariffs.published', version: 2, hash, entries }]);
    expect(world.tariffs.newest).toEqual({ book, hash });
    expect(world.tariffs.of(1)).toBe(first);
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('is published by nobody else', () => {
    const world = new TariffWorld();
    for (const by of ['mea', 'bank', 'trader']) {
      expect(world.ask(by, publish(1, entry({ gridFee: 1 }))).code).toBe('key.notAuthorised');
      expect(world.ask(by, decide(YEAR)).code).toBe('key.notAuthorised');
    }
    expect(world.tariffs.newest.book.version).toBe(1);
  });

  it.each<[what: string, operation: Operation, code: string, place: string | undefined]>([
    ['on top of another version than the newest', publish(2, entry()), 'tariffs.otherVersion', '/basedOn'],
    ['with nothing new', publish(1, entry()), 'tariffs.nothingNew', undefined],
    ['with entries that overlap', publish(1, entry(), entry()), 'tariffs.overlap', '/entries/1/validFrom'],
    [
      'with a gap',
      publish(1, entry({ validTo: '2026-06-30' }), entry({ validFrom: '2026-07-02' })),
      'tariffs.gap',
      '/entries/1/validFrom',
    ],
    [
      'that leaves a day without the price that it had',
      publish(1, entry({ validTo: '2026-12-31' })),
      'tariffs.gap',
      '/entries',
    ],
    [
      'with a year of the Buddhist era',
      publish(1, entry({ validFrom: '2543-01-01' })),
      'tariffs.badDate',
      '/entries/0/validFrom',
    ],
    [
      'that does not know a zone',
      publish(1, entry({ wires: [{ territory: 'MEA', wheeling: 0, exit: 0, losses: 0 }] })),
      'tariffs.missing',
      '/entries/0/wires',
    ],
    [
      'that pays nobody',
      publish(1, entry({ payees: { platform: PAYEE, tax: id('none') } })),
      'registry.unknownAccount',
      '/entries/0/payees/tax',
    ],
    [
      'about a year that was not declared',
      decide(bill('2026-06-15', 'holiday')),
      'tariffs.contradiction',
      '/decision/days/0',
    ],
  ])('is refused %s, with the place, and stays as it is', (_what, operation, code, place) => {
    const world = new TariffWorld();
    const refusal = world.ask('erc', operation);
    expect([refusal.code, refusal.detail?.['place']]).toEqual([code, place]);
    const isHinted = (refusal.detail?.['hint'] ?? '').length > 5;
    expect(isHinted).toBe(place !== undefined && code.startsWith('tariffs.'));
    expect([...world.tariffs.versions.rows.keys()]).toEqual(['1']);
    expect(world.tariffs.newest.book.version).toBe(1);
  });

  it('takes decisions about the calendar, says which are late, and refuses those that contradict', () => {
    const world = new TariffWorld();
    world.must('erc', decide(YEAR), publish(2, ...priced));
    expect(inForce(world).band).toBe('onPeak');
    const future = world.must('erc', decide(bill('2026-06-15', 'holiday'))).events;
    expect(future).toMatchObject([{ type: 'tariffs.calendarDecided', version: 4, late: false }]);
    expect(inForce(world).band).toBe('offPeak');
    expect(world.ask('erc', decide(bill('2026-06-15', 'normal')))).toMatchObject({
      code: 'tariffs.contradiction',
      detail: { place: '/decision/days/0' },
    });
    world.must('erc', decide(bill('2026-06-15', 'normal', { supersedes: 1 })));
    expect(inForce(world).band).toBe('onPeak');
    const past = world.must('erc', decide(bill('2026-05-29', 'holiday'))).events;
    expect(past).toMatchObject([{ version: 6, late: true, hash: world.tariffs.newest.hash }]);
    expect(world.tariffs.newest.book).toEqual(withDecision(world.tariffs.of(5).book, bill('2026-05-29', 'holiday')));
    expect(START).toBe(Date.UTC(2026, 4, 28, 20, 30));
  });

  it('keeps each version for what was priced by it', () => {
    const world = new TariffWorld();
    world.must('erc', decide(YEAR), publish(2, ...priced));
    world.must('erc', decide(bill('2026-06-15', 'holiday')));
    const rates = [1, 2, 3, 4].map((version) => world.tariffs.termsOf(ZONE, ZONE, DAY, version)?.topUpRate);
    expect(rates).toEqual([60_000, 60_000, 59_605, 27_992]);
    expect(inForce(world).retail('home')).toBe(27_992);
    expect(inForce(world).retail('office')).toBeUndefined();
    expect(world.tariffs.termsOf(ZONE, ZONE, NIGHT, 3)?.topUpRate).toBe(27_992);
  });

  it('gives the terms of a book: who is paid, by which version, and what for', () => {
    const world = new TariffWorld();
    const wires = [
      { territory: 'MEA', wheeling: 10_700, exit: 100, losses: 0 },
      { wheeling: 9_000, exit: 333, losses: 0 },
    ];
    world.must('erc', publish(1, entry({ wires, vat: { rate: 700, on: ['wheeling'] } })));
    const { hash } = world.tariffs.newest;
    const [mea, pea] = [id('mea account'), id('pea account')];
    expect(world.tariffs.termsOf(OTHER_ZONE, ZONE, DAY)).toEqual({
      version: 2,
      hash,
      buyerFee: { numerator: 1, denominator: 100 },
      sellerFee: { numerator: 0, denominator: 1 },
      platformPart: { numerator: 0, denominator: 1 },
      taxPart: { numerator: 0, denominator: 1 },
      wheeling: 11_033 + 772,
      wheelingFrom: 333,
      wheelingTax: 772,
      marginRate: 60_000,
      topUpRate: 60_000,
      surplusRate: 22_000,
      operatorFrom: pea,
      operatorTo: mea,
      platform: PAYEE,
      tax: PAYEE,
    });
    expect(world.tariffs.termsOf(ZONE, ZONE, DAY)).toMatchObject({ wheeling: 11_449, wheelingFrom: 0 });
    expect(world.tariffs.termsOf(ZONE, 'PEA-NO-99', DAY)).toBeUndefined();
    expect(world.tariffs.termsOf(ZONE, ZONE, '1999-06-15T03:00:00Z/PT15M')).toBeUndefined();
  });
});

describe('a version of the tariff book as a row', () => {
  const world = new TariffWorld();
  world.must('erc', decide(YEAR), publish(2, ...priced));
  const table = world.tariffs.versions;
  const bytesOf = (row: { hash: string; book: TariffBook }): Uint8Array => {
    const writer = new ScratchWriter();
    table.options.encode(writer.reset(), row);
    return writer.bytes().slice();
  };

  it('comes back from its bytes', () => {
    for (const version of [1, 2, 3])
      expect(decodeRow(table, bytesOf(world.tariffs.of(version)))).toEqual(world.tariffs.of(version));
  });

  it.each<[what: string, change: (text: string) => string]>([
    ['in another spelling', (text) => text.replace('{', '{ ')],
    ['with members in another order', (text) => JSON.stringify({ version: 3, ...(JSON.parse(text) as object) })],
    ['with a field more', (text) => text.replace('{', '{"a":1,')],
    ['with a fault', (text) => text.replace('"validFrom":"2027-01-01"', '"validFrom":"2027-01-02"')],
    ['that is no JSON', () => 'x'],
    ['of other types', (text) => text.replace('"gridFee":100', '"gridFee":"100"')],
  ])('%s is refused', (_what, change) => {
    const { hash } = world.tariffs.of(3);
    const text = new ByteReader(bytesOf(world.tariffs.of(3)), 'row');
    text.text();
    const other = change(text.text());
    const writer = new ScratchWriter();
    expect(() => decodeRow(table, writer.reset().text(hash).text(other).bytes())).toThrow(DecodeError);
  });

  it('with another hash is refused', () => {
    expect(() => decodeRow(table, bytesOf({ ...world.tariffs.of(1), hash: 'ab'.repeat(32) }))).toThrow('row.hash');
  });

  it('is there again when the ledger begins at a snapshot, and the next version follows', () => {
    const { height, stateDigest, state } = world.ledger;
    const scratch = new ScratchWriter();
    const rows = state.store.tables.flatMap((one) =>
      [...one.cells()].flatMap((cell) => {
        if (cell.value === undefined) return [];
        one.options.encode(scratch.reset(), cell.value);
        return [{ key: utf8(rowKey(cell)), row: scratch.bytes().slice() }];
      }),
    );
    rows.sort((a, b) => Buffer.compare(a.key, b.key));
    const identity = identityOf(withTerritories(identityOf(world.genesis)));
    const restore = new LedgerRestore(crypto, identity);
    for (const [bucket, all] of [...Map.groupBy(rows, ({ key }) => bucketOf(crypto, key))].sort(([a], [b]) => a - b)) {
      const hashed = new BucketRows();
      for (const { key, row } of all) hashed.append(key, crypto.sha256(row));
      const [keys, values] = [all.map(({ key }) => key), all.map(({ row }) => row)];
      restore.add({ bucket, keys, rows: values, hashed, leaf: hashed.leaf(crypto) });
    }
    const restored = restore.finish(height, stateDigest) as World['ledger'];
    expect(restored.state.tariffs.newest).toEqual(world.tariffs.newest);
    expect(restored.state.tariffs.of(2)).toEqual(world.tariffs.of(2));
    expect(auditState(restored)).toEqual([]);
  });

  it('that is undone is gone', () => {
    const other = new TariffWorld();
    const before = other.ledger.stateDigest;
    other.executeOnly([other.envelope('erc', [publish(1, entry({ gridFee: 1 })), decide(YEAR)])]);
    expect(other.tariffs.newest.book.version).toBe(3);
    other.ledger.undo();
    expect([other.tariffs.newest.book.version, other.ledger.stateDigest]).toEqual([1, before]);
    const refused = other.block([
      other.envelope('erc', [publish(1, entry({ gridFee: 1 })), publish(1, entry({ gridFee: 2 }))], true),
    ]);
    expect(refused.outcomes.map((one) => one.status === 'rejected' && one.code)).toEqual([
      'envelope.aborted',
      'tariffs.otherVersion',
    ]);
    expect(other.tariffs.newest.book.version).toBe(1);
  });
});

it('the book of the published vectors can be published', () => {
  const world = new TariffWorld();
  const book = tariffBook.parse(vectors.book);
  for (const { year, days, source } of book.calendar.years)
    world.must('erc', decide({ kind: 'declareYear', year, days, source }));
  const entries = book.entries.map((one) => ({
    ...one,
    topUp: { kind: 'rate', rate: 1 } as const,
    payees: { platform: PAYEE, tax: PAYEE },
  }));
  world.must('erc', publish(4, entry({ validTo: '2019-12-31' }), ...entries));
  expect(world.tariffs.newest.book.version).toBe(5);
});
