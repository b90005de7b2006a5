import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { formatTime, millis, Prng, toBase64Url, toHex } from '@gridtokenx/kernel';
import { projectionOf, type ProjectedBlock, type RowsOf } from '@gridtokenx/projections';
import {
  TREASURY_ACCOUNT,
  type EventOf,
  type ExecutedOutcome,
  type LedgerEvent,
  type LedgerIdentity,
  type Posting,
} from '@gridtokenx/protocol';
import type { Page, PublicReadModels, RowStore } from '@gridtokenx/runtime';
import { gridAmount, MemoryRows, startPostgres, testPublicGenesis, type RunningPostgres } from '@gridtokenx/testkit';
import pg from 'pg';
import { Prisma } from './generated/client.js';
import { createReadModels, createRowStore, migrate, tableDigests } from './index.js';

const START = Date.UTC(2026, 5, 15);
const BLOCK_MS = 6_000;
const sha256 = (text: string): Uint8Array => new Uint8Array(createHash('sha256').update(text).digest());
const kid = (name: string): string => toBase64Url(sha256(name));
const NAMES = ['ann', 'bob', 'cat', 'dan', 'eve'];
const [ann, bob, cat] = NAMES.map(kid) as [string, string, string];
const timeAt = (height: number, later = 0): string => formatTime(millis(START + height * BLOCK_MS + later));

const { genesisRows, blockRows } = projectionOf('public');
const genesis = testPublicGenesis({
  timeMs: START,
  accounts: [
    { id: TREASURY_ACCOUNT, amount: gridAmount(500) },
    ...NAMES.map((name) => ({ id: kid(name), amount: gridAmount(20_000) })),
  ],
  validators: [{ key: kid('ann signs'), account: ann, bond: gridAmount(10_000), commission: 0 }],
  nominators: [{ account: bob, bond: gridAmount(100), targets: [ann] }],
});
const identity = {
  genesis,
  genesisHash: sha256('genesis'),
  ledgerId: 'gridtokenx-public-00000000',
} as unknown as LedgerIdentity;

type Header = ProjectedBlock['block']['header'];
const SET = {
  epoch: 0,
  keys: [sha256('ann signs')],
  quorum: 1,
  hash: sha256('set'),
} as unknown as ProjectedBlock['tip']['validators'];
const executed = (events: readonly LedgerEvent[], postings: readonly Posting[] = []): ExecutedOutcome => ({
  v: 1,
  status: 'executed',
  events: [...events],
  postings: [...postings],
  holds: [],
});
const hashAt = (height: number): Uint8Array => (height === 0 ? sha256('genesis') : sha256(`block ${height}`));

/** A block of hooks that tell these facts, in one outcome for each list. */
function rowsAt(height: number, told: readonly ExecutedOutcome[]): RowsOf<'public'> {
  const clock: LedgerEvent = { type: 'ledger.clockAdvanced', marketTime: timeAt(height) };
  const outcomes = [executed([clock]), ...told];
  const header = {
    version: 1,
    ledgerId: identity.ledgerId,
    epoch: 0,
    height,
    proposer: 0,
    parentHash: hashAt(height - 1),
    parentCertificateHash: sha256('certificate'),
    time: millis(START + height * BLOCK_MS),
    operationsRoot: sha256('operations'),
    validatorsHash: SET.hash,
    nextValidatorsHash: SET.hash,
    checkpointRoot: new Uint8Array(32),
  } as unknown as Header;
  return blockRows({
    block: {
      header,
      parentCertificate: undefined,
      certificate: {
        epoch: 0,
        height,
        round: 0,
        blockHash: hashAt(height),
        resultsRoot: sha256('r'),
        stateDigest: sha256('d'),
        signatures: [],
      },
      envelopes: [],
      outcomes: outcomes.map(() => ({ hook: true, bytes: new Uint8Array(0) })),
    } as unknown as ProjectedBlock['block'],
    envelopes: [],
    outcomes,
    tip: { certifiedBy: SET, validators: SET },
    body: new Uint8Array([height]),
  });
}

let folder: string;
let postgres: RunningPostgres;
let store: RowStore;
let models: PublicReadModels;
let databases = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gridtokenx-public-'));
  postgres = await startPostgres({ folder });
});
afterAll(async () => {
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
});

async function newDatabase(): Promise<string> {
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  await client.query(`create database public_${++databases}`);
  await client.end();
  const url = postgres.url.replace(/[^/]+$/, `public_${databases}`);
  await migrate(url, 'public');
  return url;
}

async function withRows<T>(
  rows: readonly RowsOf<'public'>[],
  work: (url: string) => Promise<T>,
  group = rows.length,
): Promise<T> {
  const url = await newDatabase();
  store = createRowStore(url, 'public');
  models = createReadModels(url, 'public');
  try {
    for (let n = 0; n < rows.length; n += group) await store.apply(rows.slice(n, n + group), n);
    return await work(url);
  } finally {
    await Promise.all([store.close(), models.close()]);
  }
}

async function walk<T>(page: (after: string | undefined) => Promise<Page<T>>): Promise<T[]> {
  const items: T[] = [];
  for (let after: string | undefined; ;) {
    const { items: more, next } = await page(after);
    items.push(...more);
    if (next === undefined) return items;
    after = next;
  }
}

const vote = (capital: bigint, aye = true): EventOf<'governance.voted'>['vote'] => ({
  kind: 'standard',
  aye,
  conviction: 1,
  capital: capital.toString(),
});
const proposed = (referendum: number): LedgerEvent => ({
  type: 'governance.proposed',
  referendum,
  track: 'treasury',
  account: ann,
  callHash: toHex(sha256('call')),
  deposit: '0',
  terms: genesis.parameters['governance.tracks'].treasury,
  lockPeriodMs: 60_000,
});

describe('rows of the public ledger', () => {
  /** Facts that make, change and end things, of few accounts, so that they meet. */
  function randomEvents(prng: Prng, count: number): LedgerEvent[] {
    const one = <T>(of: readonly T[]): T => of[prng.below(of.length)] as T;
    return Array.from({ length: count }, (): LedgerEvent => {
      const account = kid(one(NAMES));
      const amount = String(prng.below(1_000_000));
      const referendum = 1 + prng.below(3);
      switch (prng.below(14)) {
        case 0:
          return { type: 'staking.bonded', account, amount, active: String(prng.below(1_000_000)) };
        case 1:
          return { type: 'staking.withdrawn', account, amount };
        case 2:
          return { type: 'staking.slashed', id: 1, validator: ann, charges: [{ account, due: amount, taken: amount }] };
        case 3:
          return {
            type: 'staking.rewarded',
            era: 1,
            validator: ann,
            lines: [{ account, stake: amount, reward: amount }],
          };
        case 4:
          return { type: 'staking.nominated', account, targets: [kid(one(NAMES))] };
        case 5:
          return { type: 'staking.stood', account, commission: prng.below(9), key: kid(`${account}${prng.below(2)}`) };
        case 6:
          return { type: 'staking.chilled', account, why: 'asked' };
        case 7:
          return { type: 'governance.voted', referendum, account, vote: vote(BigInt(amount)) };
        case 8:
          return { type: 'governance.voteRemoved', referendum, account };
        case 9:
          return {
            type: 'governance.delegated',
            track: 'root',
            from: account,
            to: kid(one(NAMES)),
            conviction: 2,
            amount,
          };
        case 10:
          return { type: 'governance.undelegated', track: 'root', from: account, to: kid(one(NAMES)) };
        case 11:
          return proposed(referendum);
        case 12:
          return { type: 'governance.phaseBegan', referendum, phase: 'deciding', at: timeAt(1) };
        default:
          return { type: 'grid.transferred', from: account, to: TREASURY_ACCOUNT, amount };
      }
    });
  }

  it('come to what they mean, however the blocks are grouped', async () => {
    const prng = new Prng(5);
    const rows = [
      genesisRows(identity),
      ...Array.from({ length: 40 }, (_, n) =>
        rowsAt(n + 1, [executed(randomEvents(prng, prng.below(12))), executed(randomEvents(prng, 3))]),
      ),
    ];
    const memory = new MemoryRows();
    await memory.apply(rows, 0);
    const digests = await withRows(rows, async (url) => {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      const { rows: records } = await client.query<{ kind: string; parent: string; id: string; body: object }>(
        'select * from public_ledger.records',
      );
      expect(records.length).toBeGreaterThan(40);
      for (const { kind, parent, id, body, ...row } of records) {
        const known = memory.record(kind, parent, id);
        expect([kind, parent, id, body]).toEqual([kind, parent, id, known?.body]);
        expect(row).toEqual({
          began_height: String(known?.beganHeight),
          began_place: known?.beganPlace,
          height: String(known?.height),
        });
      }
      const contents = memory.contents();
      const counted = (['transfers', 'facts', 'records', 'sums'] as const).map((name) => {
        const text = contents.get(name) ?? '';
        return [name, text === '' ? 0 : text.split('\n').length] as const;
      });
      const { rows: sums } = await client.query<{ kind: string; id: string; amount: string }>(
        'select * from public_ledger.sums',
      );
      for (const { kind, id, amount } of sums)
        expect([kind, id, amount]).toEqual([kind, id, String(memory.sum(kind, id))]);
      await client.end();
      const all = await tableDigests(url, 'public');
      for (const [name, count] of counted) expect([name, all[name]?.rows]).toEqual([name, count]);
      return all;
    });
    expect(await withRows(rows, (url) => tableDigests(url, 'public'), 1)).toEqual(digests);
    expect(await withRows(rows, (url) => tableDigests(url, 'public'), 7)).toEqual(digests);
  });

  it('know whose proposals are refused, until it is elected anew', async () => {
    const key = kid('ann signs');
    const elected = { account: ann, key, commission: 0, stake: '5' };
    const rows = [
      genesisRows(identity),
      rowsAt(1, [executed([{ type: 'validators.suspended', validator: key, change: toHex(sha256('evidence')) }])]),
      rowsAt(2, [executed([{ type: 'staking.setElected', era: 3, validators: [elected], waiting: [] }])]),
    ];
    const suspended = async (): Promise<unknown> =>
      (await models.participation(5)).value.validators.map((one) => [one.kid, one.suspended]);
    await withRows(rows.slice(0, 2), async () => expect(await suspended()).toEqual([[key, true]]));
    await withRows(rows, async () => expect(await suspended()).toEqual([[key, false]]));
  });

  it('know the keys that sign blocks, from when they are named to when they are given up', async () => {
    const [first, second, third] = ['one', 'two', 'three'].map(kid) as [string, string, string];
    const rows = [
      genesisRows(identity),
      rowsAt(1, [
        executed([
          { type: 'staking.stood', account: cat, commission: 0, key: first },
          { type: 'staking.keyRotated', account: cat, before: first, key: second },
          { type: 'staking.keyRetired', account: cat, key: first },
        ]),
      ]),
      rowsAt(2, [executed([{ type: 'staking.keyRotated', account: cat, before: second, key: third }])]),
      rowsAt(3, [
        executed([
          { type: 'staking.keyRetired', account: cat, key: second },
          { type: 'staking.chilled', account: cat, why: 'asked' },
          { type: 'staking.stood', account: cat, commission: 1, key: third },
        ]),
      ]),
    ];
    await withRows(rows, async () => {
      const keys = await Promise.all([first, second, third].map((key) => models.key(key)));
      expect(keys.map(({ value }) => [value?.account, value?.registeredHeight, value?.removedHeight])).toEqual([
        [undefined, 1, 1],
        [undefined, 1, 3],
        [undefined, 2, undefined],
      ]);
      expect((await models.record('candidate', '', cat)).value?.body).toEqual({
        key: third,
        commission: 1,
        stands: true,
      });
    });
  });
});

describe('the schema of Prisma', () => {
  it('has the columns of the tables that only the public ledger has', async () => {
    const url = await newDatabase();
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const { TransferScalarFieldEnum, FactScalarFieldEnum, RecordScalarFieldEnum, SumScalarFieldEnum } = Prisma;
    const models = {
      transfers: TransferScalarFieldEnum,
      facts: FactScalarFieldEnum,
      records: RecordScalarFieldEnum,
      sums: SumScalarFieldEnum,
    };
    for (const [name, fields] of Object.entries(models)) {
      const { rows } = await client.query<{ name: string }>(
        `select column_name as name from information_schema.columns
          where table_schema = 'public_ledger' and table_name = '${name}'`,
      );
      const inDatabase = rows.map((row) => row.name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase()));
      expect([name, inDatabase.sort()]).toEqual([name, Object.keys(fields).sort()]);
    }
    await client.end();
  });
});

describe('the read models of the public ledger', () => {
  const transfers = Array.from({ length: 30 }, (_, n) => ({
    from: kid(NAMES[n % 5] ?? ''),
    to: kid(NAMES[(n + 1 + (n % 3)) % 5] ?? ''),
    amount: String(n + 1),
  }));
  const multisig = toHex(sha256('multisig')).slice(0, 32);
  const rows = [
    genesisRows(identity),
    ...[0, 1, 2].map((n) =>
      rowsAt(n + 1, [
        executed(transfers.slice(10 * n, 10 * n + 10).map((one) => ({ type: 'grid.transferred' as const, ...one }))),
        executed(
          [{ type: 'grid.feesCollected', payers: n + 1, amount: '7' }],
          [
            [ann, 'GRID', '-7', '0'],
            [TREASURY_ACCOUNT, 'GRID', '7', '0'],
          ],
        ),
      ]),
    ),
    rowsAt(4, [
      executed([
        { type: 'parameters.changed', name: 'policy.renewableShareTarget', before: '3000', after: '4500' },
        proposed(1),
        proposed(2),
        { type: 'governance.voted', referendum: 1, account: bob, vote: vote(300n) },
        { type: 'governance.voted', referendum: 2, account: bob, vote: vote(900n) },
        { type: 'governance.delegated', track: 'root', from: bob, to: ann, conviction: 0, amount: '400' },
        { type: 'governance.capitalLocked', account: bob, amount: '50', until: timeAt(5) },
        { type: 'governance.capitalLocked', account: bob, amount: '40', until: timeAt(9) },
        { type: 'governance.votesCleared', referendum: 2 },
        { type: 'multisig.created', account: multisig, signers: [ann, bob], threshold: 2 },
        ...[100, 200, 300].map((height) => ({
          type: 'transparency.anchored' as const,
          account: ann,
          height,
          hash: toHex(sha256(String(height))),
          epoch: 0,
          time: timeAt(0),
          resultsRoot: toHex(sha256('r')),
          stateDigest: toHex(sha256('s')),
          signers: 14,
        })),
      ]),
    ]),
    rowsAt(5, [executed([])]),
  ];
  const reading = (work: () => Promise<void>): Promise<void> => withRows(rows, work);

  it('page through transfers, of everybody or of one account, in either direction', () =>
    reading(async () => {
      const all = await walk((after) => models.transfers({ after, limit: 7 }));
      expect(all.map(({ amount }) => Number(amount))).toEqual(Array.from({ length: 30 }, (_, n) => 30 - n));
      expect(all[0]).toEqual({
        ...transfers[29],
        height: 3,
        index: 1,
        timeMs: START + 3 * BLOCK_MS,
        operationId: undefined,
      });
      const own = transfers.filter(({ from, to }) => from === ann || to === ann);
      const upwards = await walk((after) => models.transfers({ account: ann, after, limit: 4, oldestFirst: true }));
      expect(upwards.map(({ from, to, amount }) => ({ from, to, amount }))).toEqual(own);
      await expect(models.transfers({ after: 'x' })).rejects.toMatchObject({ code: 'page.badCursor' });
    }));

  it('tell facts by topic, with the time of their blocks', () =>
    reading(async () => {
      const fees = await walk((after) => models.facts('fees', '', { after, limit: 2 }));
      expect(fees.map(({ fact, height, timeMs }) => [fact, height, timeMs])).toEqual(
        [3, 2, 1].map((height) => [
          { type: 'grid.feesCollected', payers: height, amount: '7' },
          height,
          START + height * BLOCK_MS,
        ]),
      );
      expect((await models.facts('fees', '', { type: 'grid.dustCollected' })).items).toEqual([]);
      const { items } = await models.facts('votes', bob, { oldestFirst: true });
      expect(items.map(({ fact }) => fact.type)).toEqual([
        'governance.voted',
        'governance.voted',
        'governance.delegated',
        'governance.capitalLocked',
        'governance.capitalLocked',
      ]);
    }));

  it('tell what stands, by kind, parent and content, with sums beside it', () =>
    reading(async () => {
      const names = await walk((after) => models.records('parameter', '', { after, limit: 5, oldestFirst: true }));
      expect(names.map(({ id, body }) => [id, body.value])).toEqual(
        Object.entries({ ...genesis.parameters, 'policy.renewableShareTarget': 4_500 }),
      );
      expect(names.find(({ id }) => id === 'policy.renewableShareTarget')).toMatchObject({ beganHeight: 0, height: 4 });
      expect((await models.records('referendum', '', {})).items.map(({ id }) => id)).toEqual(['2', '1']);
      expect((await models.records('referendum', '', { having: { cleared: true } })).items.map(({ id }) => id)).toEqual(
        ['2'],
      );
      expect((await models.records('vote', '1', {})).items).toMatchObject([
        { parent: '1', id: bob, body: { vote: { capital: '300' } } },
      ]);
      expect((await models.record('vote', '1', ann)).value).toBeUndefined();
      expect((await models.record('candidate', '', ann, ['bonded', 'active'])).value).toMatchObject({
        body: { key: kid('ann signs'), commission: 0, stands: true },
        sums: { bonded: gridAmount(10_000), active: gridAmount(10_000) },
      });
      expect((await models.recordFrom('anchor', '', '0000000000000150')).value?.body.height).toBe(200);
      expect((await models.recordFrom('anchor', '', '0000000000000301')).value).toBeUndefined();
      expect((await models.multisigsOf(bob, {})).items.map(({ id }) => id)).toEqual([multisig]);
      expect((await models.multisigsOf(cat, {})).items).toEqual([]);
      expect((await models.sums(['issued', 'collected'])).value).toEqual({
        issued: { genesis: gridAmount(100_500) },
        collected: { fees: '21' },
      });
    }));

  it('tell what an account has, and what locks it now', () =>
    reading(async () => {
      expect((await models.gridAccount(bob)).value).toEqual({
        account: bob,
        available: gridAmount(20_000),
        held: '0',
        bonded: gridAmount(100),
        active: gridAmount(100),
        locks: [
          { reason: 'staking', amount: gridAmount(100), untilMs: undefined },
          { reason: 'governance', amount: '400', untilMs: undefined },
          { reason: 'governance', amount: '40', untilMs: START + 9 * BLOCK_MS },
        ],
      });
      expect((await models.gridAccount(kid('nobody'))).value).toMatchObject({ available: '0', held: '0', locks: [] });
      const accounts = await walk((after) => models.gridAccounts({ after, limit: 2 }));
      expect(accounts.map(({ account }) => account).sort()).toEqual([TREASURY_ACCOUNT, ...NAMES.map(kid)].sort());
      expect(accounts.find(({ account }) => account === TREASURY_ACCOUNT)).toMatchObject({ available: '500000021' });
      await expect(models.gridAccount('x')).rejects.toMatchObject({ code: 'readModels.badId' });
    }));
});
