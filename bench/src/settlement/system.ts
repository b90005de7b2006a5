import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { zstdDecompress } from 'node:zlib';
import { BlockFollower, genesisAnchor } from '@gridtokenx/client';
import { createChecker, native } from '@gridtokenx/crypto-native';
import { Histories } from '@gridtokenx/chain';
import { assert, formatTime, millis, parseTime, toBase64Url, utf8 } from '@gridtokenx/kernel';
import { createReadModels, createRowStore, migrate } from '@gridtokenx/postgres';
import { identityOfKind, ledgerTopics, readGenesis } from '@gridtokenx/protocol';
import { OwnBlocks, Projector, systemClock, ValidatorHost, type ReadModels } from '@gridtokenx/runtime';
import { MemoryLog, memorySignerSlots, startPostgres, TestSigner } from '@gridtokenx/testkit';
import { accountOf, BEGIN, type Day } from './day.js';
import { gainOf, genesisOf, OPERATIONS_PER_ENVELOPE, SEED, stepsOf, termsOf, type DayOnLedger } from './ledger.js';

const VALIDATORS = 21;
const HOUR_MS = 3_600_000;
/** Market time runs so much faster than the wall's: an interval a second. */
const RATE = 900;
/** Before the day, for accounts and all that is sold ahead: market time. */
const BEFORE_MS = 12 * HOUR_MS;
/** Readings and spot orders of an interval are in time even if the machine is busy. */
const SPOT_MS = 6 * HOUR_MS;
const LAG_MS = 2_000;
const PAUSE_MS = 20;

const inflate = promisify(zstdDecompress);
const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/**
 * The day through the whole path: signed envelopes on a bus, 21 validators that agree, execute and certify, a projector and Postgres.
 * What it says comes from the read models, whose blocks are verified from the genesis on as any stranger would.
 */
export async function runDayOnSystem(day: Day): Promise<DayOnLedger> {
  const folder = await mkdtemp(join(tmpdir(), 'gridtokenx-settlement-'));
  const postgres = await startPostgres({ folder });
  try {
    await migrate(postgres.url, 'consortium');
    return await through(day, postgres.url);
  } finally {
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function through(day: Day, url: string): Promise<DayOnLedger> {
  const seeds = Array.from({ length: VALIDATORS }, (_, i) => native.sha256(utf8(`bench settlement validator ${i}`)));
  const timeMs = Math.floor(Date.now() / 1_000) * 1_000;
  const genesis = utf8(
    JSON.stringify(
      genesisOf(day.meters, {
        timeMs,
        market: { start: formatTime(millis(BEGIN - BEFORE_MS)), rate: RATE, rules: { spotMs: SPOT_MS } },
        validators: seeds.map((seed) => toBase64Url(native.publicKeyOf(seed))),
      }),
    ),
  );
  const identity = identityOfKind(readGenesis(native, genesis), 'consortium');
  const log = new MemoryLog();
  const topics = ledgerTopics.consortium;
  const checker = createChecker(identity.ledgerId, 1);
  const ownBlocks = new OwnBlocks();
  const shared = { crypto: native, identity, log, clock: systemClock, ownBlocks };
  let decided = 0;
  let failed: Error | undefined;
  const host = await ValidatorHost.start({
    ...shared,
    seeds,
    signerSlots: memorySignerSlots(),
    checker,
    observe: (event) => {
      if (event.kind === 'skipped' || event.kind === 'quarantined') failed = new Error(JSON.stringify(event));
      if (event.kind !== 'decided') return;
      decided += event.operations;
      if (event.rejected > 0) failed = new Error(`${event.rejected} operations of block ${event.height} were refused`);
    },
  });
  host.failed.catch((error: unknown) => (failed = error instanceof Error ? error : new Error(String(error))));
  for (const [topic, offset] of host.startOffsets) log.subscribe(topic, offset, (records) => host.take(topic, records));
  const store = createRowStore(url, 'consortium');
  const { projector, startOffset } = await Projector.start({ ...shared, store });
  log.subscribe(topics.blocks.name, startOffset, (records) => projector.take(records));
  const models = createReadModels(url, 'consortium');
  const until = async (done: () => boolean): Promise<void> => {
    while (!done()) {
      if (failed !== undefined) throw failed;
      await pause(PAUSE_MS);
    }
  };
  try {
    const signer = new TestSigner(native, identity.ledgerId, Date.now);
    const begun = parseTime(identity.genesis.market.start);
    assert(begun !== undefined, 'a genesis that was read has times');
    let asked = 0;
    for (const step of stepsOf(day, termsOf(), SPOT_MS)) {
      if ('waitUntil' in step) {
        const wall = timeMs + (step.waitUntil - begun) / RATE + LAG_MS;
        await until(() => Date.now() >= wall);
        continue;
      }
      for (let at = 0; at < step.ask.length; at += OPERATIONS_PER_ENVELOPE) {
        const group = step.ask.slice(at, at + OPERATIONS_PER_ENVELOPE);
        asked += group.length;
        await log.append(topics.operations.name, [signer.sign(SEED, group)]);
      }
    }
    await until(() => decided === asked);
    // What is left is done by the hooks of the next beats.
    const settledBy = host.status.height + 3;
    await until(() => projector.height >= settledBy);
    return await fromReadModels(models, genesis, day.meters);
  } finally {
    host.close();
    await checker.close();
    await models.close();
    await store.close();
    await log.close();
  }
}

async function fromReadModels(models: ReadModels, genesis: Uint8Array, meters: number): Promise<DayOnLedger> {
  const histories = new Histories();
  const follower = new BlockFollower(genesisAnchor(genesis, native), { crypto: native });
  const record = async (height: number): Promise<Uint8Array | undefined> => {
    const { value } = await models.blockBody(height);
    return value && inflate(value);
  };
  for await (const { height, results } of follower.blocks(record))
    results.forEach(({ outcome }, index) => histories.add(height, index, outcome));
  const watt: bigint[] = [];
  for (let meter = 0; meter < meters; meter++) {
    const { value } = await models.balances(accountOf(meter));
    const row = value.find(({ asset }) => asset === 'WATT');
    watt.push(BigInt(row?.available ?? 0) + BigInt(row?.held ?? 0));
  }
  return { histories, height: follower.tip.height, gained: (meter) => gainOf(watt[meter] ?? 0n) };
}
