import { createHash } from 'node:crypto';
import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { toBase64Url } from '@gridtokenx/kernel';
import type { RowsOf } from '@gridtokenx/projections';
import type { LedgerKind } from '@gridtokenx/protocol';
import type { RowStore } from '@gridtokenx/runtime';
import { startPostgres, type RunningPostgres } from '@gridtokenx/testkit';
import pg from 'pg';
import { createReadModels, createRowStore, dropProjections, migrate, tableDigests } from './index.js';
import { BOOK, SyntheticLedger } from './synthetic.js';

const PRISMA = fileURLToPath(new URL('../../../../prisma', import.meta.url));
const FIRST = '20261127000000_blocks';

let folder: string;
let postgres: RunningPostgres;
let databases = 0;
let url: string;
let stores: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gridtokenx-rows-'));
  postgres = await startPostgres({ folder });
});
beforeEach(async () => {
  url = await newDatabase();
});
afterEach(async () => {
  await Promise.all(stores.map((store) => store.close()));
  stores = [];
});
afterAll(async () => {
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
});

async function newDatabase(): Promise<string> {
  const name = `rows_${++databases}`;
  await query(postgres.url, `create database ${name}`);
  return postgres.url.replace(/[^/]+$/, name);
}

async function query<Row extends pg.QueryResultRow>(connectionString: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

function open(connectionString = url, kind: LedgerKind = 'consortium'): RowStore {
  const store = createRowStore(connectionString, kind);
  stores.push(store);
  return store;
}

function chain(length: number, operations = 40, seed = 1): { ledger: SyntheticLedger; blocks: RowsOf<'consortium'>[] } {
  const ledger = new SyntheticLedger({ seed });
  return { ledger, blocks: [ledger.genesis, ...Array.from({ length }, () => ledger.rows(operations))] };
}

async function applied(
  blocks: readonly RowsOf<'consortium'>[],
  connectionString = url,
  group = blocks.length,
): Promise<RowStore> {
  await migrate(connectionString, 'consortium');
  const store = open(connectionString);
  for (let n = 0; n < blocks.length; n += group) {
    const result = await store.apply(blocks.slice(n, n + group), n);
    expect(result.kind).toBe('applied');
  }
  return store;
}

describe('migrations', () => {
  const namesIn = async (folder: string): Promise<string[]> =>
    (await readdir(join(PRISMA, folder, 'migrations'))).filter((name) => /^\d/.test(name)).sort();

  it('apply once, though three processes start together, and leave their history in the form of Prisma', async () => {
    const names = await Promise.all([1, 2, 3].map(() => migrate(url, 'consortium')));
    const all = [...(await namesIn('common')), ...(await namesIn('consortium'))];
    expect(all.length).toBeGreaterThan(1);
    expect(names.flat()).toEqual(all);
    expect(await migrate(url, 'consortium')).toEqual([]);
    const rows = await query(
      url,
      `select migration_name, length(checksum) as checksum, finished_at >= started_at as finished, rolled_back_at,
              applied_steps_count as steps from consortium._prisma_migrations order by 1`,
    );
    expect(rows).toEqual(
      all.map((name) => ({ migration_name: name, checksum: 64, finished: true, rolled_back_at: null, steps: 1 })),
    );
  });

  it('give each ledger a schema of its own in one database, with the tables that all have and its own', async () => {
    await migrate(url, 'public');
    await migrate(url, 'consortium');
    const tables = async (schema: string): Promise<unknown[]> =>
      (
        await query(url, `select table_name as name from information_schema.tables where table_schema = '${schema}'`)
      ).map(({ name }) => name);
    expect(await tables('public_ledger')).toEqual(expect.arrayContaining(['blocks', 'operations', 'balances']));
    expect(await tables('public_ledger')).not.toContain('orders');
    expect(await tables('consortium')).toEqual(expect.arrayContaining(['blocks', 'operations', 'balances', 'orders']));
  });

  it('refuse a file that was changed after it was applied, and a database that is newer than the program', async () => {
    await migrate(url, 'consortium');
    const changed = join(folder, 'changed');
    await cp(PRISMA, changed, { recursive: true });
    await writeFile(join(changed, 'common', 'migrations', FIRST, 'migration.sql'), 'select 1;');
    await expect(migrate(url, 'consortium', changed)).rejects.toMatchObject({ code: 'migrations.changed' });
    await rm(join(changed, 'common', 'migrations', FIRST), { recursive: true });
    await expect(migrate(url, 'consortium', changed)).rejects.toMatchObject({ code: 'migrations.unknown' });
  });

  it('begin anew where the tables are of a layout from before the first of them', async () => {
    await migrate(url, 'consortium');
    await query(url, `update consortium._prisma_migrations set migration_name = '20260601000000_read_models'`);
    await query(url, 'alter table consortium.blocks rename to bricks');
    expect(await migrate(url, 'consortium')).toContain(FIRST);
    expect(await query(url, `select to_regclass('consortium.blocks') is not null as there`)).toEqual([{ there: true }]);
    expect(await query(url, `select to_regclass('consortium.bricks') as gone`)).toEqual([{ gone: null }]);
  });

  it('leave nothing of one that fails', async () => {
    const failing = join(folder, 'failing');
    await cp(PRISMA, failing, { recursive: true });
    const breaks = join(failing, 'consortium', 'migrations', '20990101000000_breaks');
    await cp(join(failing, 'common', 'migrations', FIRST), breaks, { recursive: true });
    await writeFile(join(breaks, 'migration.sql'), 'create table half (); select 1/0;');
    await expect(migrate(url, 'consortium', failing)).rejects.toMatchObject({ code: 'migrations.failed' });
    expect(await query(url, `select to_regclass('consortium.half') as half`)).toEqual([{ half: null }]);
    expect(await migrate(url, 'consortium')).toEqual([]);
  });
});

describe('two ledgers in one database', () => {
  /** What the tables that each ledger has get of these blocks, as blocks of a public ledger. */
  const asPublic = (rows: RowsOf<'consortium'>): RowsOf<'public'> => {
    const { ledgerId, height, hash, parentHash, timeMs, certifiedBy, validators, block, operations, envelopes } = rows;
    const { keys, removedKeys, balances, holds, holdChanges, validatorPlaces, missedProposals } = rows;
    return {
      ...{
        kind: 'public',
        accountKeys: [openedKey],
        signerKeys: [],
        transfers: [],
        facts: [],
        records: [],
        sums: [],
        ledgerId: `${ledgerId}-public`,
        height,
        hash,
        parentHash,
        timeMs,
        certifiedBy,
        validators,
      },
      ...{ block, operations, envelopes, keys, removedKeys, holds, holdChanges, validatorPlaces, missedProposals },
      balances: balances.map(({ account, ...sums }) => ({ account: keyOf(account), ...sums })),
    };
  };
  /** Opened in each block: it counts once. */
  const openedKey = toBase64Url(new Uint8Array(32).fill(77));
  /** On the public ledger the name of an account is its key. */
  const keyOf = (account: string): string => toBase64Url(new Uint8Array(createHash('sha256').update(account).digest()));

  it('keep their rows, their heights and their ends apart', async () => {
    const { ledger, blocks } = chain(6);
    const consortium = await applied(blocks);
    await migrate(url, 'public');
    const store = open(url, 'public');
    const models = createReadModels(url, 'public');
    stores.push(models);
    expect(await store.apply(blocks.slice(0, 3).map(asPublic), 3)).toMatchObject({ kind: 'applied' });
    expect(await models.waitForHeight(9, 300)).toBe(2);
    expect((await consortium.cursor())?.height).toBe(6);

    // A commit of the one is not heard as one of the other.
    const own = ledger.rows(40);
    await consortium.apply([own], 7);
    expect(await models.waitForHeight(3, 300)).toBe(2);
    await store.apply(blocks.slice(3).map(asPublic), 6);
    expect(await models.waitForHeight(6, 5_000)).toBe(6);

    const [account] = ledger.accounts;
    const reads = createReadModels(url, 'consortium');
    stores.push(reads);
    const { value: there } = await models.balances(keyOf(account ?? ''));
    expect(there.length).toBeGreaterThan(0);
    expect((await models.balances(account ?? '')).value).toEqual([]);
    expect((await models.block(6)).value?.hash).toBe((await reads.block(6)).value?.hash);
    expect((await models.key(openedKey)).value).toMatchObject({ account: openedKey, registeredHeight: 0 });
    expect((await models.admission([{ kid: openedKey, sequence: 1 }])).value).toEqual(['admissible']);
    expect((await models.participation(5)).value.validators[0]).toMatchObject({ suspended: false });

    const before = await tableDigests(url, 'consortium');
    await dropProjections(url, 'public');
    expect(await store.cursor()).toBeUndefined();
    expect(await tableDigests(url, 'consortium')).toEqual(before);
  });
});

describe('the rows of blocks', () => {
  it('say in the end what plain bookkeeping says', async () => {
    const { ledger, blocks } = chain(12, 200);
    await applied(blocks, url, 5);
    const { state } = ledger;
    const balances = await query<{ key: string; available: string; held: string }>(
      url,
      `select encode(account, 'hex') || ' ' || asset as key, available::text, held::text from consortium.balances`,
    );
    expect(
      new Map(balances.map(({ key, available, held }) => [key, { available: BigInt(available), held: BigInt(held) }])),
    ).toEqual(state.balances);
    const holds = await query<{ order: string; amount: string }>(
      url,
      `select encode(order_id, 'hex') as order, amount::text from consortium.holds`,
    );
    expect(new Map(holds.map(({ order, amount }) => [order, BigInt(amount)]))).toEqual(state.holds);
    const orders = await query<{ order: string; remaining: string; status: string }>(
      url,
      `select encode(order_id, 'hex') as order, remaining_wh as remaining, status from consortium.orders`,
    );
    expect(new Map(orders.map(({ order, remaining, status }) => [order, `${remaining} ${status}`]))).toEqual(
      new Map([...state.orders.values()].map(({ order, remainingWh, status }) => [order, `${remainingWh} ${status}`])),
    );
    expect(await query(url, 'select count(*)::int as count, max(trade)::int as last from consortium.trades')).toEqual([
      { count: state.trades, last: state.trades },
    ]);
    expect(
      await query(url, 'select count(*)::int as revoked from consortium.delegations where height % 2 = 0'),
    ).toEqual([{ revoked: 0 }]);
    expect(await query(url, 'select array_agg(distinct operations) as operations from consortium.delegations')).toEqual(
      [{ operations: [['market.placeOrder', 'accounts.transfer']] }],
    );
  });

  it('are the same, byte for byte, however they were grouped, and when they are built again', async () => {
    const { blocks } = chain(15);
    await applied(blocks, url, 1);
    const digests = await tableDigests(url, 'consortium');
    expect(Object.values(digests).every(({ rows }) => rows > 0)).toBe(true);
    const twin = await newDatabase();
    await applied(blocks, twin, 7);
    expect(await tableDigests(twin, 'consortium')).toEqual(digests);
    await dropProjections(url, 'consortium');
    const empty = await tableDigests(url, 'consortium');
    expect(Object.values(empty).every(({ rows }) => rows === 0)).toBe(true);
    await applied(blocks, url, 4);
    expect(await tableDigests(url, 'consortium')).toEqual(digests);
    await query(
      url,
      `update consortium.balances set held = held + 1 where account = (select min(account) from consortium.balances)`,
    );
    expect((await tableDigests(url, 'consortium'))['balances']).not.toEqual(digests['balances']);
  });
});

describe('a row store', () => {
  it('refuses a redelivery and a gap, says where it stands, and writes nothing', async () => {
    const { blocks } = chain(6);
    const store = await applied(blocks.slice(0, 4));
    const digests = await tableDigests(url, 'consortium');
    const cursor = await store.cursor();
    expect(cursor).toMatchObject({ height: 3, logOffset: 0, timeMs: blocks[3]?.timeMs });
    for (const again of [blocks.slice(0, 1), blocks.slice(2, 4), blocks.slice(3, 6), blocks.slice(5, 6), []])
      expect(await store.apply(again, 9)).toEqual({ kind: 'refused', cursor });
    expect(await tableDigests(url, 'consortium')).toEqual(digests);
    expect(await store.apply(blocks.slice(4), 9)).toMatchObject({
      kind: 'applied',
      cursor: { height: 6, logOffset: 9 },
    });
  });

  it('begins with the genesis, and only with it', async () => {
    const { blocks } = chain(1);
    await migrate(url, 'consortium');
    const store = open();
    expect(await store.cursor()).toBeUndefined();
    expect(await store.apply(blocks.slice(1), 1)).toEqual({ kind: 'refused', cursor: undefined });
    expect((await store.apply(blocks, 1)).kind).toBe('applied');
  });

  it('does not take another ledger, another branch, or a list with a gap', async () => {
    const { blocks } = chain(4);
    const store = await applied(blocks.slice(0, 3));
    const next = blocks[3];
    const after = blocks[4];
    if (next === undefined || after === undefined) throw new Error('the chain is too short');
    const other = chain(4, 40, 2).blocks;
    await expect(store.apply(other.slice(3, 4), 0)).rejects.toMatchObject({ code: 'rowStore.wrongLedger' });
    await expect(store.apply(other.slice(0, 1), 0)).rejects.toMatchObject({ code: 'rowStore.wrongLedger' });
    const branch = { ...next, parentHash: new Uint8Array(32) };
    await expect(store.apply([branch], 0)).rejects.toMatchObject({ code: 'rowStore.wrongParent' });
    await expect(store.apply([next, { ...after, height: 9 }], 0)).rejects.toMatchObject({
      code: 'rowStore.notConsecutive',
    });
    expect((await store.apply([next, after], 0)).kind).toBe('applied');
  });

  it('writes nothing of a block whose last statement fails, and goes on with the true one', async () => {
    const { blocks } = chain(4);
    const store = await applied(blocks.slice(0, 3));
    const digests = await tableDigests(url, 'consortium');
    const next = blocks[3];
    if (next === undefined) throw new Error('the chain is too short');
    const unknownBook = { ...next, closedBooks: [{ ...BOOK, fromZone: 'NO-SUCH', intervalStartMs: 0 }] };
    await expect(store.apply([unknownBook], 5)).rejects.toMatchObject({ code: 'rowStore.conflict' });
    const twice = { ...next, operations: [...next.operations, ...next.operations] };
    await expect(store.apply([twice], 5)).rejects.toMatchObject({ code: 'rowStore.conflict' });
    expect(await tableDigests(url, 'consortium')).toEqual(digests);
    expect((await store.apply([next], 5)).kind).toBe('applied');
  });

  it('tells apart what is held for contracts, which are numbers, and for margins, which are texts', async () => {
    const { ledger, blocks } = chain(4);
    const store = await applied(blocks.slice(0, 3));
    const next = blocks[3];
    if (next === undefined) throw new Error('the chain is too short');
    const [account = ''] = ledger.accounts;
    const held = ['12', '123', `${account}Z1/2026-06-15T03:00:00Z/PT15M`].map((order, n) => ({
      ...{ order, account, asset: 'WATT' },
      amount: String(n + 1),
    }));
    await store.apply([{ ...next, holdChanges: [...next.holdChanges, ...held] }], 5);
    const rows = await query<{ name: string; amount: string }>(
      url,
      `select convert_from(order_id, 'UTF8') as name, amount::text from consortium.holds
        where octet_length(order_id) <> 32 order by amount`,
    );
    expect(rows).toEqual(held.map(({ order, amount }) => ({ name: order, amount })));
  });

  it('lets one of two projectors win each block', async () => {
    const { blocks } = chain(10);
    const [one, two] = [await applied(blocks.slice(0, 1)), open()];
    for (const block of blocks.slice(1)) {
      const kinds = (await Promise.all([one.apply([block], 0), two.apply([block], 0)])).map(({ kind }) => kind);
      expect(kinds.sort()).toEqual(['applied', 'refused']);
    }
    const twin = await newDatabase();
    await applied(blocks, twin);
    expect(await tableDigests(url, 'consortium')).toEqual(await tableDigests(twin, 'consortium'));
  });

  it('has rows and cursor that agree after each SIGKILL of Postgres in the middle, and goes on from the cursor', async () => {
    const { blocks } = chain(24, 400);
    const store = await applied(blocks.slice(0, 1));
    // Commits are synced a moment later: the genesis is to be on disk before the first kill.
    await query(url, 'checkpoint');
    const outcomes: unknown[] = [];
    for (const delayMs of [5, 25, 60]) {
      const at = (await store.cursor())?.height ?? 0;
      await store.apply(blocks.slice(at + 1, at + 3), at);
      const applying = store.apply(blocks.slice(at + 3, at + 9), at + 3).catch((error: unknown) => error);
      await new Promise((done) => setTimeout(done, delayMs)); // Another place each time.
      await postgres.kill();
      outcomes.push(await applying);
      await expect(store.cursor()).rejects.toMatchObject({ code: 'rowStore.unavailable' });
      postgres = await startPostgres({ folder, port: postgres.port });
      // Commits of the last moments may be gone, but then with their rows.
      const height = (await store.cursor())?.height ?? -1;
      expect([0, at, at + 2, at + 8]).toContain(height);
      const twin = await newDatabase();
      await applied(blocks.slice(0, height + 1), twin);
      expect(await tableDigests(url, 'consortium')).toEqual(await tableDigests(twin, 'consortium'));
    }
    expect(outcomes).toContainEqual(expect.objectContaining({ code: 'rowStore.unavailable' }));
    const rest = blocks.slice(((await store.cursor())?.height ?? 0) + 1);
    expect(await store.apply(rest, 9)).toMatchObject({ kind: 'applied', cursor: { height: blocks.length - 1 } });
  });
});
