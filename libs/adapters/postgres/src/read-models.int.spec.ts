import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PrismaPg } from '@prisma/adapter-pg';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { formatInterval, millis, codeOf as errorCode, INTERVAL_MS, toBase64Url, toHex } from '@gridtokenx/kernel';
import type { RowsOf } from '@gridtokenx/projections';
import type { Page, ReadModels, RowStore } from '@gridtokenx/runtime';
import { startPostgres, type RunningPostgres } from '@gridtokenx/testkit';
import pg from 'pg';
import { Prisma, PrismaClient } from './generated/client.js';
import { createReadModels, createRowStore, migrate } from './index.js';
import { BOOK, SYNTHETIC_START_MS, SyntheticLedger, ZONE } from './synthetic.js';

const BLOCKS = 12;
let folder: string;
let postgres: RunningPostgres;
let store: RowStore;
let models: ReadModels;
const ledger = new SyntheticLedger({ accounts: 12 });
const blocks: RowsOf<'consortium'>[] = [ledger.genesis, ...Array.from({ length: BLOCKS }, () => ledger.rows(60, 7))];
const { state } = ledger;
/** What was answered before there were tables, and before there were rows. */
const unready: string[] = [];

const codeOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'answered',
    (error: { code: string }) => error.code,
  );

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gridtokenx-reads-'));
  postgres = await startPostgres({ folder });
  models = createReadModels(postgres.url, 'consortium');
  unready.push(await codeOf(models.cursor()), await codeOf(models.operation('00'.repeat(32))));
  await migrate(postgres.url, 'consortium');
  unready.push(await codeOf(models.cursor()), await codeOf(models.operation('00'.repeat(32))));
  store = createRowStore(postgres.url, 'consortium');
  await store.apply(blocks, 7);
});
afterAll(async () => {
  await models.close();
  await store.close();
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
});

const at = { height: BLOCKS, timeMs: SYNTHETIC_START_MS + BLOCKS * 1_000 };
const account = ledger.accounts[3] ?? '';
const allTrades = blocks.flatMap(({ trades }) => trades);

async function walk<T>(page: (after: string | undefined) => Promise<Page<T>>): Promise<T[]> {
  const items: T[] = [];
  for (let after: string | undefined; ;) {
    const { items: more, next, height } = await page(after);
    expect(height).toBe(BLOCKS);
    items.push(...more);
    if (next === undefined) return items;
    after = next;
  }
}

async function newDatabase(name: string): Promise<string> {
  const admin = new pg.Client({ connectionString: postgres.url });
  await admin.connect();
  await admin.query(`create database ${name}`);
  await admin.end();
  const url = postgres.url.replace(/\/[^/]+$/, `/${name}`);
  await migrate(url, 'consortium');
  return url;
}

describe('the schema of Prisma', () => {
  const NO_SUCH_TABLE = 'P2021';
  it('has the tables and columns of the migrations of the consortium, and reads each of them', async () => {
    const prisma = new PrismaClient({
      adapter: new PrismaPg({ connectionString: postgres.url }, { schema: 'consortium' }),
    });
    const client = new pg.Client({ connectionString: postgres.url });
    await client.connect();
    const { rows } = await client.query<{ columns: number; name: string }>(
      `select table_name as name, count(*)::int as columns from information_schema.columns
        where table_schema = 'consortium' and table_name <> '_prisma_migrations' group by 1 order by 1`,
    );
    await client.end();
    const inDatabase = rows.map(({ columns }) => columns).sort((a, b) => a - b);
    const inSchema: number[] = [];
    for (const name of Object.values(Prisma.ModelName)) {
      const first = await delegateOf(prisma, name)
        .findFirst()
        .catch((error: unknown) => {
          if (errorCode(error) === NO_SUCH_TABLE) return undefined;
          throw error;
        });
      // A table of another ledger.
      if (first === undefined) continue;
      expect([name, first]).toEqual([name, expect.anything()]);
      inSchema.push(Object.keys(first ?? {}).length);
    }
    expect(inSchema.sort((a, b) => a - b)).toEqual(inDatabase);
    await prisma.$disconnect();
  });

  function delegateOf(prisma: PrismaClient, name: Prisma.ModelName): { findFirst(): Promise<object | null> } {
    const property = (name.charAt(0).toLowerCase() + name.slice(1)) as Uncapitalize<Prisma.ModelName>;
    return prisma[property] as unknown as { findFirst(): Promise<object | null> };
  }
});

describe('validators', () => {
  const kids = Array.from({ length: 21 }, (_, i) => toBase64Url(new Uint8Array(32).fill(i + 1)));

  it('are those of the genesis while no block names others', async () => {
    for (const height of [1, BLOCKS, BLOCKS + 1])
      expect(await models.validatorSet(height)).toEqual({ ...at, value: { fromHeight: 1, kids } });
    expect(await models.validatorSet(0)).toEqual({ ...at, value: undefined });
  });

  it('took part in the last blocks as certificates and passed turns say', async () => {
    const { value, ...standing } = await models.participation(5);
    expect(standing).toEqual(at);
    expect(value.sets).toEqual([{ fromHeight: 1, kids }]);
    expect(value.certificates.map(({ height, round }) => [height, round])).toEqual(
      [12, 11, 10, 9, 8].map((height) => [height, height % 7 === 0 ? 1 : 0]),
    );
    expect(value.certificates[0]?.certificate).toEqual(blocks[12]?.block?.certificate);
    // Only block 7 took a second round: the turn of validator 7 passed, before the last five blocks.
    const missed = (blockCount: number) =>
      models
        .participation(blockCount)
        .then(({ value: { validators } }) =>
          validators.flatMap(({ kid, missedProposals, missedProposalsEver }) =>
            missedProposalsEver === 0 ? [] : [[kids.indexOf(kid), missedProposals, missedProposalsEver]],
          ),
        );
    expect(await missed(5)).toEqual([[7, 0, 1]]);
    expect(await missed(6)).toEqual([[7, 1, 1]]);
    expect(value.validators).toHaveLength(21);
    for (const { organisation, firstHeight } of value.validators)
      expect([organisation, firstHeight]).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/), 1]);
  });
});

describe('changes of the validators', () => {
  it('are listed newest first, by status, with where they were proposed, decided and ended', async () => {
    const all = await walk((after) => models.validatorChanges({ after, limit: 2 }));
    expect(
      all.map(({ proposedHeight, decidedHeight, status, votes, needed }) => [
        proposedHeight,
        decidedHeight,
        status,
        votes,
        needed,
      ]),
    ).toEqual([
      [9, undefined, 'open', 1, 14],
      [5, 9, 'decided', 14, 14],
      [1, 5, 'decided', 14, 14],
    ]);
    expect(all[0]).toMatchObject({ kind: 'suspend', key: undefined, endedHeight: undefined });
    expect((await models.validatorChanges({ status: 'open' })).items).toEqual(all.slice(0, 1));
    expect(await codeOf(models.validatorChanges({ after: 'x' }))).toBe('page.badCursor');
  });

  it('say who is suspended: until reinstated, removed, or followed by another key', async () => {
    const suspendedIn = async (reads: ReadModels): Promise<number[]> =>
      (await reads.participation(5)).value.validators.flatMap(({ suspended }, i) => (suspended ? [i] : []));
    // Decided were those of blocks 1 and 5.
    expect(await suspendedIn(models)).toEqual([1, 5]);
    const own = new SyntheticLedger({ accounts: 2, seed: 10 });
    const rows: RowsOf<'consortium'>[] = [own.genesis, ...Array.from({ length: 10 }, () => own.rows(1))];
    const url = await newDatabase('suspended');
    const [store_, reads] = [createRowStore(url, 'consortium'), createReadModels(url, 'consortium')];
    const changeOf = (n: number, kind: 'reinstate' | 'rotateKey', validator: number) => ({
      change: toHex(new Uint8Array(32).fill(200 + n)),
      kind,
      validator: toBase64Url(new Uint8Array(32).fill(validator + 1)),
      key: undefined,
      organisation: undefined,
      untilMs: undefined,
      votes: undefined,
      needed: undefined,
      status: 'applied' as const,
      index: 900 + n,
    });
    const ending = [changeOf(1, 'reinstate', 1), changeOf(2, 'rotateKey', 5)];
    try {
      await store_.apply(
        rows.map((row) => (row.height === 10 ? { ...row, validatorChanges: ending } : row)),
        1,
      );
      expect(await suspendedIn(reads)).toEqual([]);
    } finally {
      await Promise.all([store_.close(), reads.close()]);
    }
  });
});

describe('validators that change', () => {
  it('are read by height, and those who left are still known', async () => {
    const changing = new SyntheticLedger({ accounts: 2, seed: 9 });
    const rows: RowsOf<'consortium'>[] = [changing.genesis, ...Array.from({ length: 8 }, () => changing.rows(2))];
    const others = [4, 99].map((i) => new Uint8Array(32).fill(i));
    const changed = rows.map((row) =>
      row.height === 4 ? { ...row, validatorPlaces: others.map((key, place) => ({ fromHeight: 5, place, key })) } : row,
    );
    const url = await newDatabase('changing');
    const [own, reads] = [createRowStore(url, 'consortium'), createReadModels(url, 'consortium')];
    try {
      await own.apply(changed, 1);
      const kids = others.map(toBase64Url);
      expect((await reads.validatorSet(4)).value?.kids).toHaveLength(21);
      expect((await reads.validatorSet(5)).value).toEqual({ fromHeight: 5, kids });
      const of = async (count: number) => (await reads.participation(count)).value;
      expect((await of(4)).sets.map(({ fromHeight }) => fromHeight)).toEqual([5]);
      expect((await of(5)).sets.map(({ fromHeight }) => fromHeight)).toEqual([1, 5]);
      const known = (await of(4)).validators;
      expect(known).toHaveLength(22);
      expect(known.find(({ kid }) => kid === kids[1])).toMatchObject({ firstHeight: 5, organisation: undefined });
      expect(known.find(({ kid }) => kid === kids[0])).toMatchObject({ firstHeight: 1 });
    } finally {
      await Promise.all([own.close(), reads.close()]);
    }
  });
});

describe('the read models', () => {
  it('say that they are not ready before the genesis is projected', () => {
    expect(unready).toEqual(Array.from({ length: 4 }, () => 'readModels.notReady'));
  });

  it('say at which height they stand', async () => {
    const last = blocks.at(-1);
    expect(await models.cursor()).toEqual({
      ...at,
      ledgerId: ledger.ledgerId,
      blockHash: toHex(last?.hash ?? new Uint8Array()),
    });
    expect(await models.account('0'.repeat(32))).toEqual({ ...at, value: undefined });
  });

  it('find an operation, executed or refused, and many at once in the order asked for', async () => {
    const rows = blocks.flatMap(({ height, operations }) => operations.map((row) => ({ ...row, height })));
    const refused = rows.find(({ code }) => code !== undefined);
    const executed = rows.find(({ code }) => code === undefined);
    if (refused === undefined || executed === undefined) throw new Error('the stream has both');
    const views = [refused, executed].map(({ operationId, height, index, key, type, code }) => ({
      operationId: toHex(operationId),
      height,
      index,
      kid: toBase64Url(key),
      type,
      status: code === undefined ? 'executed' : 'rejected',
      code,
    }));
    expect(await models.operation(toHex(refused.operationId))).toEqual({ ...at, value: views[0] });
    expect(await models.operation('ab'.repeat(32))).toEqual({ ...at, value: undefined });
    const asked = [toHex(refused.operationId), 'ab'.repeat(32), toHex(executed.operationId)];
    expect(await models.operationsByIds(asked)).toEqual({ ...at, value: views });
    expect(await models.operationsByIds([])).toEqual({ ...at, value: [] });
    const all = rows.map(({ operationId }) => toHex(operationId));
    expect((await models.operationsByIds(all)).value.map(({ operationId }) => operationId)).toEqual(all);
  });

  it('refuse ids that are none, and questions that are too long', async () => {
    for (const id of ['', 'AB'.repeat(32), 'ab'.repeat(31), 'zz'.repeat(32)])
      await expect(models.operation(id)).rejects.toMatchObject({ code: 'readModels.badId' });
    await expect(models.key('not a key')).rejects.toMatchObject({ code: 'readModels.badId' });
    await expect(models.account('ab'.repeat(32))).rejects.toMatchObject({ code: 'readModels.badId' });
    await expect(models.operationsByIds(Array.from({ length: 10_001 }, () => 'ab'.repeat(32)))).rejects.toMatchObject({
      code: 'readModels.tooMany',
    });
  });

  it('show the window of a key', async () => {
    const [kid = ''] = ledger.kids;
    const used = blocks.flatMap(({ envelopes }) => envelopes.filter(({ key }) => toBase64Url(key) === kid));
    const sequences = used.map(({ sequence }) => sequence).sort((a, b) => a - b);
    expect(await models.key(kid)).toEqual({
      ...at,
      value: {
        kid,
        organisation: blocks[0]?.organisations[0]?.organisation,
        account: undefined,
        registeredHeight: 0,
        removedHeight: undefined,
        highestSequence: sequences.at(-1),
        usedSequences: sequences,
      },
    });
    const removed = blocks[3]?.keys[0];
    expect((await models.key(removed?.kid ?? '')).value).toMatchObject({
      registeredHeight: 3,
      removedHeight: 3,
      highestSequence: 0,
      usedSequences: [],
    });
    expect((await models.key(toBase64Url(new Uint8Array(32)))).value).toBeUndefined();
  });

  it('say what the ledger would say to an envelope', async () => {
    const [kid = ''] = ledger.kids;
    const key = await models.key(kid);
    const used = key.value?.usedSequences ?? [];
    const highest = key.value?.highestSequence ?? 0;
    const free = Array.from({ length: highest }, (_, n) => n + 1).find((n) => !used.includes(n)) ?? 0;
    const questions = [
      { kid, sequence: highest + 1 },
      { kid, sequence: highest },
      { kid, sequence: free },
      { kid, sequence: highest - 1_024 },
      { kid, sequence: highest + 1_000_000 },
      { kid, sequence: highest + 1_000_001 },
      { kid: toBase64Url(new Uint8Array(32)), sequence: 1 },
      { kid: blocks[3]?.keys[0]?.kid ?? '', sequence: 1 },
    ];
    expect(await models.admission(questions)).toEqual({
      ...at,
      value: [
        'admissible',
        'operation.sequenceUsed',
        'admissible',
        'operation.sequenceTooOld',
        'admissible',
        'operation.sequenceTooFar',
        'operation.unknownKey',
        'operation.keyRemoved',
      ],
    });
    expect(await models.admission([])).toEqual({ ...at, value: [] });
  });

  it('know accounts, organisations and balances, WATT first', async () => {
    const organisation = blocks[0]?.organisations[0]?.organisation ?? '';
    expect((await models.account(account)).value).toMatchObject({ account, organisation, openedHeight: 0 });
    const opened = blocks[2]?.accounts[0];
    expect((await models.account(opened?.account ?? '')).value).toEqual({ ...opened, openedHeight: 2 });
    expect((await models.organisation(organisation)).value).toEqual({
      organisation,
      sector: 'trader',
      roles: ['registrar', 'kycProvider'],
    });
    const { value } = await models.balances(account);
    const expected = [...state.balances]
      .filter(([key]) => key.startsWith(account))
      .map(([key, sums]) => [key.slice(33), sums]);
    expect(
      new Map(value.map(({ asset, available, held }) => [asset, { available: BigInt(available), held: BigInt(held) }])),
    ).toEqual(new Map(expected as [string, unknown][]));
    expect(value[0]?.asset).toBe('WATT');
  });

  it('show a book in price-time order, with its levels', async () => {
    const interval = SYNTHETIC_START_MS + (BLOCKS - 1) * INTERVAL_MS;
    const { value, height } = await models.book({ ...BOOK, intervalStartMs: interval });
    expect(height).toBe(BLOCKS);
    const open = [...state.orders.values()].filter(
      (order) => order.book === BOOK && order.interval === interval && order.status === 'open',
    );
    const places = new Map(
      blocks.flatMap((block) => block.orders.map((o) => [o.order, block.height * 100_000 + o.placedIndex])),
    );
    for (const [side, sign] of [
      ['bid', -1],
      ['ask', 1],
    ] as const) {
      const own = open
        .filter((order) => order.side === side)
        .sort(
          (a, b) => sign * (a.priceTicks - b.priceTicks) || (places.get(a.order) ?? 0) - (places.get(b.order) ?? 0),
        );
      const shown = side === 'bid' ? value?.bids : value?.asks;
      expect(shown?.orders.map(({ order, remainingWh }) => [order, remainingWh])).toEqual(
        own.map(({ order, remainingWh }) => [order, remainingWh]),
      );
      const prices = [...new Set(own.map(({ priceTicks }) => priceTicks))];
      expect(shown?.levels).toEqual(
        prices.map((priceTicks) => {
          const level = own.filter((order) => order.priceTicks === priceTicks);
          const quantityWh = String(level.reduce((sum, { remainingWh }) => sum + remainingWh, 0));
          return { priceTicks, quantityWh, orders: level.length };
        }),
      );
    }
    expect(open.length).toBeGreaterThan(0);
    expect((await models.book({ ...BOOK, fromZone: 'NOWHERE', intervalStartMs: interval })).value).toBeUndefined();
    const closed = await models.book({ fromZone: ZONE, toZone: ZONE, intervalStartMs: SYNTHETIC_START_MS });
    // Of the two, the one that opened last.
    expect(closed.value).toMatchObject({ ...BOOK, openedHeight: 1, closedHeight: 5, tariffVersion: 1 });
    const forward = await models.book({ ...BOOK, mechanism: 'auction', phase: 'forward', intervalStartMs: interval });
    expect(forward.value).toMatchObject({ mechanism: 'auction', phase: 'forward' });
  });

  it('page through books, newest first, whatever the filter', async () => {
    const all = blocks.flatMap(({ books, height }) => books.map((book) => ({ ...book, height }))).reverse();
    const isOpen = ({ intervalStartMs }: (typeof all)[number]): boolean =>
      intervalStartMs > SYNTHETIC_START_MS + (BLOCKS - 5) * INTERVAL_MS;
    const filters = [
      [{}, () => true],
      [{ mechanism: 'auction' as const }, (book: (typeof all)[number]) => book.mechanism === 'auction'],
      [{ phase: 'spot' as const, open: true }, (b: (typeof all)[number]) => b.phase === 'spot' && isOpen(b)],
      [{ open: false, fromZone: ZONE }, (book: (typeof all)[number]) => !isOpen(book)],
      [{ intervalStartMs: SYNTHETIC_START_MS }, (b: (typeof all)[number]) => b.intervalStartMs === SYNTHETIC_START_MS],
    ] as const;
    for (const [filter, wanted] of filters) {
      const shown = await walk((after) => models.markets({ ...filter, after, limit: 3 }));
      const keyOf = (b: (typeof all)[number] | (typeof shown)[number]) => [b.intervalStartMs, b.phase, b.openedPlace];
      expect(shown.map(keyOf)).toEqual(all.filter(wanted).map(keyOf));
      expect(shown.length).toBeGreaterThan(0);
    }
    expect(await walk((after) => models.markets({ toZone: 'NOWHERE', after }))).toEqual([]);
  });

  it('page through orders, newest first, whatever the filter', async () => {
    const all = blocks
      .flatMap((block) => block.orders.map((order) => ({ ...order, height: block.height })))
      .sort((a, b) => b.height - a.height || b.placedIndex - a.placedIndex);
    const intervalStartMs = SYNTHETIC_START_MS + 3 * INTERVAL_MS;
    const filters = [
      [{}, () => true],
      [{ account }, (order: (typeof all)[number]) => order.account === account],
      [{ status: 'open' as const }, ({ order }: (typeof all)[number]) => state.orders.get(order)?.status === 'open'],
      [{ intervalStartMs }, (order: (typeof all)[number]) => order.intervalStartMs === intervalStartMs],
      [
        { account, intervalStartMs },
        (o: (typeof all)[number]) => o.account === account && o.intervalStartMs === intervalStartMs,
      ],
    ] as const;
    for (const [filter, wanted] of filters) {
      const shown = await walk((after) => models.orders({ ...filter, after, limit: 7 }));
      expect(shown.map(({ order }) => order)).toEqual(all.filter(wanted).map(({ order }) => order));
      expect(shown.length).toBeGreaterThan(0);
    }
    const [newest] = all;
    const stands = state.orders.get(newest?.order ?? '');
    expect((await models.order(newest?.order ?? '')).value).toMatchObject({
      account: newest?.account,
      remainingWh: stands?.remainingWh,
      status: stands?.status,
      placedHeight: BLOCKS,
    });
  });

  it('page through trades in both directions, an account being buyer, seller or both', async () => {
    const intervalStartMs = SYNTHETIC_START_MS + 2 * INTERVAL_MS;
    const filters = [
      [{}, () => true],
      [{ account }, (t: (typeof allTrades)[number]) => t.buyer === account || t.seller === account],
      [{ intervalStartMs }, (t: (typeof allTrades)[number]) => t.intervalStartMs === intervalStartMs],
    ] as const;
    expect(allTrades.some(({ buyer, seller }) => buyer === seller)).toBe(true);
    for (const [filter, wanted] of filters) {
      const numbers = allTrades.filter(wanted).map(({ trade }) => trade);
      const oldest = await walk((after) => models.trades({ ...filter, after, limit: 9, oldestFirst: true }));
      expect(oldest.map(({ trade }) => trade)).toEqual(numbers);
      const newest = await walk((after) => models.trades({ ...filter, after, limit: 9 }));
      expect(newest.map(({ trade }) => trade)).toEqual(numbers.reverse());
    }
    const [first] = (await models.trades({ oldestFirst: true, limit: 1 })).items;
    const [row] = allTrades;
    const { operationId, ...fields } = row ?? {};
    expect(first).toEqual({
      ...fields,
      height: 1,
      timeMs: blocks[1]?.timeMs,
      operationId: toHex(operationId ?? new Uint8Array()),
    });
  });

  it('give what happened in lists by topic and subject, and what stands by kind, in both directions', async () => {
    const settled = Array.from({ length: BLOCKS }, (_, n) =>
      formatInterval(millis(SYNTHETIC_START_MS + n * INTERVAL_MS)),
    );
    for (const oldestFirst of [true, false]) {
      const shown = await walk((after) => models.records('settledZone', ZONE, { after, limit: 5, oldestFirst }));
      expect(shown.map(({ id }) => id)).toEqual(oldestFirst ? settled : settled.toReversed());
      const decisions = await walk((after) => models.facts('supervision', '', { after, limit: 5, oldestFirst }));
      expect(decisions.map(({ height }) => height)).toEqual(
        decisions.map(({ height }) => height).sort((a, b) => (oldestFirst ? a - b : b - a)),
      );
      expect(decisions.length).toBe(2 * BLOCKS);
    }
    const barred = await models.facts('supervision', '', { type: 'market.participantBarred', oldestFirst: true });
    expect(barred.items[0]).toMatchObject({
      height: 1,
      index: 0,
      operationId: undefined,
      fact: { type: 'market.participantBarred', reference: 'decision-1' },
    });
    const { fact } = barred.items[3] as (typeof barred.items)[number];
    const account = 'account' in fact ? fact.account : '';
    expect((await models.facts('supervision', '', { having: { account } })).items.length).toBeGreaterThan(0);
    expect((await models.record('settledZone', ZONE, settled[2] ?? '')).value).toMatchObject({
      parent: ZONE,
      body: { positions: 2 },
      beganHeight: 3,
    });
    expect((await models.record('settledZone', 'NOWHERE', settled[2] ?? '')).value).toBeUndefined();
  });

  it('give all that statements are made of, of everybody or of one account, and nothing where it is too much', async () => {
    const [fromMs, untilMs] = [SYNTHETIC_START_MS + 2 * INTERVAL_MS, SYNTHETIC_START_MS + 7 * INTERVAL_MS];
    const inPeriod = ({ intervalStartMs }: { readonly intervalStartMs: number }): boolean =>
      intervalStartMs >= fromMs && intervalStartMs < untilMs;
    const all = (await models.statementFacts({ fromMs, untilMs, limit: 1_000 })).value;
    const settlements = blocks.flatMap((block) => block.settlements.map((row) => ({ ...row, height: block.height })));
    const readings = blocks.flatMap((block) => block.readings).filter(inPeriod);
    expect(all?.trades.map(({ trade }) => trade)).toEqual(allTrades.filter(inPeriod).map(({ trade }) => trade));
    expect(all?.readings.length).toBe(readings.length);
    // One that is about two accounts stands once for each in the table.
    const places = new Set(
      settlements.filter(inPeriod).map(({ height, index, event }) => `${height}:${index}:${event}`),
    );
    expect(all?.settlements.map(({ height, index, event }) => `${height}:${index}:${event}`)).toEqual([...places]);
    const energy = [...state.balances].filter(([key]) => !key.endsWith('WATT'));
    const sum = energy.reduce((total, [, { available, held }]) => total + available + held, 0n);
    expect([...(all?.balances.values() ?? [])].reduce((total, wh) => total + wh, 0n)).toBe(sum);

    const [someone] = readings;
    const own = (await models.statementFacts({ account: someone?.account, fromMs, untilMs, limit: 1_000 })).value;
    const isOwn = ({ buyer, seller }: (typeof allTrades)[number]): boolean =>
      buyer === someone?.account || seller === someone?.account;
    expect(own?.trades.map(({ trade }) => trade)).toEqual(
      allTrades.filter((trade) => inPeriod(trade) && isOwn(trade)).map(({ trade }) => trade),
    );
    expect(own?.readings).toContainEqual(expect.objectContaining({ meter: someone?.meter, event: someone?.event }));
    expect(own?.readings.every(({ account: of }) => of === someone?.account)).toBe(true);
    expect(own?.settlements.length).toBeGreaterThan(0);
    expect(own?.balances.size).toBe(0);
    expect((await models.statementFacts({ fromMs, untilMs, limit: 3 })).value).toBeUndefined();
  });

  it('give contracts with what became of them, and the settled positions of an account', async () => {
    const forward = allTrades.filter(({ phase }) => phase === 'forward');
    const shown = await walk((after) => models.contracts({ after, limit: 4, oldestFirst: true }));
    expect(shown.map(({ trade }) => trade)).toEqual(forward.map(({ trade }) => trade));
    expect(shown.length).toBeGreaterThan(0);
    const settledTrades = new Map(
      blocks
        .flatMap(({ settlements }) => settlements.map(({ body }) => body))
        .flatMap((body) => (body.type === 'settlement.contractSettled' ? [[body.trade, body] as const] : [])),
    );
    for (const { trade, settled, cuts } of shown) expect([settled, cuts]).toEqual([settledTrades.get(trade), []]);
    const isSettled = ({ trade }: { readonly trade: number }): boolean => settledTrades.has(trade);
    const [closed, open] = await Promise.all(
      [false, true].map(async (isOpen) => (await models.contracts({ open: isOpen, limit: 1_000 })).items),
    );
    expect(closed?.length).toBe(forward.filter(isSettled).length);
    expect(closed?.length).toBeGreaterThan(0);
    expect(open?.length).toBe(forward.length - (closed?.length ?? 0));
    const settledOf = blocks.flatMap(({ settlements, height }) => settlements.map((row) => ({ ...row, height })));
    const [first] = settledOf.filter(({ body }) => body.type === 'settlement.positionSettled');
    const own = settledOf.filter(
      (row) => row.account === first?.account && row.body.type === 'settlement.positionSettled',
    );
    const positions = await walk((after) =>
      models.positions(first?.account ?? '', { after, limit: 2, oldestFirst: true }),
    );
    expect(positions.map(({ fact, height, index }) => [fact, height, index])).toEqual(
      own.map(({ body, height, index }) => [body, height, index]),
    );
  });

  it('page through the readings of a meter, and bound what one page holds', async () => {
    const [first, second] = blocks[4]?.readings ?? [];
    const meter = first?.meter ?? '';
    const items = [second, first].map((reading) => ({ ...reading, height: 4 }));
    expect(await models.readings(meter, {})).toEqual({ ...at, items, next: undefined });
    expect(await walk((after) => models.readings(meter, { after, limit: 1 }))).toEqual(items);
    expect((await models.orders({ limit: 1_000_000 })).items.length).toBe(Math.min(1_000, state.orders.size));
    expect((await models.orders({ limit: -5 })).items.length).toBe(1);
  });

  it('know meters by their ids, with what they measure by since their last swap', async () => {
    const [row] = blocks[4]?.meters ?? [];
    const nobody = 'ab'.repeat(16);
    expect(await models.meters([nobody, row?.meter ?? ''])).toEqual({
      ...at,
      value: [{ ...row, limitWh: 7, registerDigits: 6 }],
    });
    expect(await models.meters([])).toEqual({ ...at, value: [] });
    await expect(models.meters(Array<string>(10_001).fill(nobody))).rejects.toMatchObject({
      code: 'readModels.tooMany',
    });
  });

  it('refuse a cursor that they did not give out', async () => {
    const { next = '' } = await models.orders({ limit: 1 });
    const trades = await models.trades({ limit: 1 });
    expect(await models.orders({ after: next, limit: 1 })).toMatchObject(at);
    for (const after of [
      '',
      'x',
      `${next}A`,
      next.slice(0, -1),
      `${next}=`,
      trades.next ?? '',
      next.replace(/^./, 'Z'),
    ])
      await expect(models.orders({ after })).rejects.toMatchObject({ code: 'page.badCursor' });
    await expect(models.trades({ after: next })).rejects.toMatchObject({ code: 'page.badCursor' });
    await expect(models.readings(account, { after: next })).rejects.toMatchObject({ code: 'page.badCursor' });
  });

  it('list blocks around a height, newest first, and give header, certificate and body as they were', async () => {
    const heights = async (range: { before?: number; after?: number; limit?: number }): Promise<number[]> =>
      (await models.blocks(range)).value.map(({ height }) => height);
    expect(await heights({ limit: 3 })).toEqual([12, 11, 10]);
    expect(await heights({ before: 5, limit: 3 })).toEqual([4, 3, 2]);
    expect(await heights({ after: 5, limit: 3 })).toEqual([8, 7, 6]);
    expect(await heights({ before: 1 })).toEqual([]);
    const row = blocks[7];
    const { value } = await models.block(7);
    expect(value).toMatchObject({ height: 7, round: 1, signerCount: 14, operationCount: 60, envelopeCount: 9 });
    expect(value?.header).toEqual(new Uint8Array(row?.block?.header ?? []));
    expect(value?.certificate).toEqual(new Uint8Array(row?.block?.certificate ?? []));
    expect(value?.parentHash).toBe(toHex(blocks[6]?.hash ?? new Uint8Array()));
    expect((await models.blockBody(7)).value).toEqual(new Uint8Array(row?.block?.body ?? []));
    expect(value?.bodyBytes).toBe(row?.block?.body.length);
    expect((await models.block(99)).value).toBeUndefined();
    expect((await models.blockBody(99)).value).toBeUndefined();
    const headers = await Promise.all([6, 7, 8].map(async (height) => (await models.block(height)).value?.header));
    expect((await models.headers(6, 8)).value).toEqual(headers);
    expect((await models.headers(99, 100)).value).toEqual([]);
    const hashes = [...(await models.envelopeHashes(7)).value].sort(Buffer.compare);
    expect(hashes).toEqual(row?.envelopes.map(({ hash }) => new Uint8Array(hash)).sort(Buffer.compare));
    expect(hashes.length).toBe(9);
    expect((await models.envelopeHashes(99)).value).toEqual([]);
  });
});

describe('whoever waits for a height', () => {
  it('gets it with the commit, sees the rows then, and is not kept waiting beyond the time it gave', async () => {
    const heard: number[] = [];
    const stop = models.onHeight((height) => heard.push(height));
    expect(await models.waitForHeight(BLOCKS, 5_000)).toBe(BLOCKS);
    expect(await models.waitForHeight(BLOCKS + 50, 20)).toBe(BLOCKS);
    const next = ledger.rows(5);
    const waiting = models.waitForHeight(BLOCKS + 1, 10_000).then(() => models.cursor());
    await store.apply([next], 8);
    expect((await waiting).height).toBe(BLOCKS + 1);
    stop();
    await store.apply([ledger.rows(5)], 9);
    expect(await models.waitForHeight(BLOCKS + 2, 10_000)).toBe(BLOCKS + 2);
    expect(heard).not.toContain(BLOCKS + 2);
  });

  it('is served again after Postgres was away, and is told meanwhile that it is', async () => {
    await checkpoint(); // Else the commits of the last moments would be lost with Postgres.
    const { port } = postgres;
    const waiting = models.waitForHeight(BLOCKS + 3, 50_000);
    await postgres.kill();
    await expect(models.cursor()).rejects.toMatchObject({ code: 'readModels.unavailable' });
    await expect(models.operation('ab'.repeat(32))).rejects.toMatchObject({ code: 'readModels.unavailable' });
    await expect(models.orders({})).rejects.toMatchObject({ code: 'readModels.unavailable' });
    await expect(store.apply([], 0)).rejects.toMatchObject({ code: 'rowStore.unavailable' });
    postgres = await startPostgres({ folder, port });
    expect((await models.cursor()).height).toBe(BLOCKS + 2);
    await store.apply([ledger.rows(5)], 10);
    expect(await waiting).toBe(BLOCKS + 3);
    expect((await models.cursor()).height).toBe(BLOCKS + 3);
  });

  async function checkpoint(): Promise<void> {
    const client = new pg.Client({ connectionString: postgres.url });
    await client.connect();
    await client.query('checkpoint');
    await client.end();
  }
});
