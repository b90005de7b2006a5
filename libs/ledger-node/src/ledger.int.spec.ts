import 'reflect-metadata';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { native } from '@gridtokenx/crypto-native';
import { createEmbeddedLog } from '@gridtokenx/embedded-log';
import { createKafkaLog } from '@gridtokenx/kafka';
import { StderrLogger } from '@gridtokenx/nest';
import { createReadModels, createRowStore, dropProjections, migrate, tableDigests } from '@gridtokenx/postgres';
import { ledgerTopics } from '@gridtokenx/protocol';
import { Projector, readToEnd, systemClock, type Log, type ReadModels, type RowStore } from '@gridtokenx/runtime';
import {
  memorySignerSlots,
  startPostgres,
  testConsortium,
  TestSigner,
  TRADE_ACCOUNTS,
  tradeOfTheBrief,
  type RunningPostgres,
} from '@gridtokenx/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { startProjector, startValidators, type RunningRole } from '@gridtokenx/ledger-node';

const brokers = process.env['KAFKA_BROKERS'];
const logger = new StderrLogger('test', new Set(['error', 'fatal']));
let folder: string;
let postgres: RunningPostgres;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gridtokenx-ledger-'));
  postgres = await startPostgres({ folder });
});

afterAll(async () => {
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
});

const buses: (readonly [string, () => Promise<Log>])[] = [
  ['the embedded log', async () => createEmbeddedLog({ connectionString: postgres.url })],
];
if (brokers !== undefined)
  buses.push(['Kafka', async () => createKafkaLog({ brokers: brokers.split(','), clientId: 'ledger-test' })]);

describe.each(buses)('the consortium ledger with 21 validators over %s', (_name, openLog) => {
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
    await dropProjections(postgres.url, 'consortium');
  });

  it('shows a settled trade in Postgres, restarts where it stood, and rebuilds its tables to the same digests', async () => {
    const consortium = testConsortium(native, {
      validators: 21,
      timeMs: Date.now() - 1_000,
      seed: Date.now() % 1_000_000,
    });
    const log = await openLog();
    closing.push(() => log.close());
    await migrate(postgres.url, 'consortium');
    const store: RowStore = createRowStore(postgres.url, 'consortium');
    const models: ReadModels = createReadModels(postgres.url, 'consortium');
    closing.push(() => models.close());

    const shared = { crypto: native, identity: consortium.identity, log, clock: systemClock };
    const signerSlots = memorySignerSlots();
    const start = async (): Promise<RunningRole[]> => [
      await startValidators({ ...shared, seeds: consortium.validatorSeeds, signerSlots }, logger),
      await startProjector({ ...shared, store }, logger),
    ];
    let roles = await start();
    const signer = new TestSigner(native, consortium.identity.ledgerId, Date.now);
    await log.append(ledgerTopics.consortium.operations.name, tradeOfTheBrief(native, consortium, signer));

    const trade = await until(async () => (await models.trades({})).items[0]);
    expect(trade).toMatchObject({
      priceTicks: 450,
      quantityWh: 1_000_000,
      notional: '4500000000',
      buyerFee: '45000000',
      sellerFee: '0',
    });
    const { value: buyer } = await models.balances(TRADE_ACCOUNTS.buyer);
    expect(buyer).toEqual([
      { asset: 'WATT', available: '5455000000', held: '0' },
      { asset: `KWH:MEA-BKK-01:${consortium.interval}`, available: '0', held: '1000000' },
    ]);
    expect((await models.balances(TRADE_ACCOUNTS.seller)).value).toEqual([
      { asset: 'WATT', available: '4500000000', held: '0' },
    ]);

    const { height } = await models.cursor();
    for (const role of roles) await role.close();
    roles = await start();
    await until(async () => ((await models.cursor()).height >= height + 2 ? true : undefined));
    for (const role of roles) await role.close();

    // What was cut off by the stop is projected first, so that both digests stand at the last block.
    const catchUp = async (rows: RowStore): Promise<void> => {
      const { projector, startOffset } = await Projector.start({ ...shared, store: rows });
      await readToEnd(log, ledgerTopics.consortium.blocks.name, startOffset, (records) => projector.take(records));
    };
    await catchUp(store);
    const before = await tableDigests(postgres.url, 'consortium');
    await store.close();
    await dropProjections(postgres.url, 'consortium');
    await migrate(postgres.url, 'consortium');
    const rebuilt = createRowStore(postgres.url, 'consortium');
    closing.push(() => rebuilt.close());
    await catchUp(rebuilt);
    expect(await tableDigests(postgres.url, 'consortium')).toEqual(before);
    expect(before['trades']?.rows).toBe(1);
  });
});

async function until<T>(look: () => Promise<T | undefined>, timeoutMs = 60_000): Promise<T> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const found = await look().catch(() => undefined);
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
