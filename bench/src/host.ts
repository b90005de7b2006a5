import { createChecker, native } from '@gridtokenx/crypto-native';
import { assert, toBase64Url, toHex } from '@gridtokenx/kernel';
import { topicsOf, type LedgerIdentity, type LedgerKind, type Operation } from '@gridtokenx/protocol';
import { createRowStore, migrate } from '@gridtokenx/postgres';
import {
  countBuffersAsHeap,
  OwnBlocks,
  Projector,
  systemClock,
  ValidatorHost,
  type RowStore,
} from '@gridtokenx/runtime';
import {
  MemoryLog,
  memorySignerSlots,
  startPostgres,
  testConsortium,
  testPublicLedger,
  TestSigner,
} from '@gridtokenx/testkit';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Session } from 'node:inspector/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadOf, type LoadKind } from './system/load.js';

export interface HostBenchOptions {
  readonly ledger: LedgerKind;
  /** Operations a second offered on the operations topic. */
  readonly rate: number;
  readonly seconds: number;
  /** Operations in an envelope. */
  readonly batch: number;
  readonly validators: number;
  /** Hosts among which the validators are shared out, all in this process and on one log. */
  readonly hosts: number;
  readonly keys: number;
  /** Threads that check envelopes. */
  readonly workers: number;
  /** With rows in a Postgres of its own, or without a projector. */
  readonly projector: boolean;
  /** Where to write the CPU profile of the measured seconds. */
  readonly profile: string | undefined;
}

export interface HostBenchResult {
  readonly offeredPerSecond: number;
  readonly operations: number;
  readonly blocks: number;
  readonly roundsAboveZero: number;
  /** CPU of this process, all of its threads, for one operation: validators and projector, and the log in memory. */
  readonly cpuUsPerOperation: number;
  readonly executeUsPerOperation: number;
  readonly seconds: number;
  readonly rssMb: number;
}

const OPERATIONS_PER_ENVELOPE = 500;
const TICK_MS = 20;
const WATT_EACH = 10_000_000n * 1_000_000n;
const KWH_EACH_WH = 1_000_000_000;

/** The validators and the projector of one process, over a log in memory: what the thread of the ledger spends. */
export async function runHostBench(options: HostBenchOptions): Promise<HostBenchResult> {
  // As the ledger process does.
  countBuffersAsHeap();
  const folder = await mkdtemp(join(tmpdir(), 'gridtokenx-host-bench-'));
  const postgres = options.projector ? await startPostgres({ folder }) : undefined;
  try {
    if (postgres !== undefined) await migrate(postgres.url, options.ledger);
    const store = postgres === undefined ? undefined : createRowStore(postgres.url, options.ledger);
    try {
      return await measure(options, store);
    } finally {
      await store?.close();
    }
  } finally {
    await postgres?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(options: HostBenchOptions, store: RowStore | undefined): Promise<HostBenchResult> {
  const { rate, seconds, batch } = options;
  const stage = options.ledger === 'public' ? publicStage(options) : consortiumStage(options);
  const { identity } = stage;
  const topics = topicsOf(identity);
  const log = new MemoryLog();
  let operations = 0;
  let blocks = 0;
  let rounds = 0;
  let executeMs = 0;
  const ownBlocks = new OwnBlocks();
  const checker = createChecker(identity.ledgerId, options.workers);
  const shared = { crypto: native, identity, log, clock: systemClock };
  const running: ValidatorHost[] = [];
  for (let at = 0; at < options.hosts; at++) {
    const own = store !== undefined && at === 0;
    const host = await ValidatorHost.start({
      ...shared,
      seeds: stage.validatorSeeds.filter((_, i) => i % options.hosts === at),
      signerSlots: memorySignerSlots(),
      checker,
      ...(own && { ownBlocks }),
      observe: (event) => {
        // Of several hosts one may read an envelope when the others have decided it.
        const late = event.kind === 'skipped' && event.reason === 'operation.sequenceUsed';
        if ((event.kind === 'skipped' && !late) || event.kind === 'quarantined') throw new Error(JSON.stringify(event));
        if (event.kind !== 'decided' || at > 0) return;
        operations += event.operations;
        executeMs += event.executeMs;
        if (event.operations > 0) blocks++;
        if (event.round > 0) rounds++;
      },
    });
    host.failed.catch((error: unknown) => {
      throw error;
    });
    running.push(host);
  }
  const [host] = running;
  assert(host !== undefined, 'there is a host');
  for (const one of running)
    for (const [topic, offset] of one.startOffsets) log.subscribe(topic, offset, (records) => one.take(topic, records));
  const started = store && (await Projector.start({ ...shared, store, ownBlocks }));
  if (started !== undefined)
    log.subscribe(topics.blocks.name, started.startOffset, (records) => started.projector.take(records));

  const decided = async (target: number): Promise<void> => {
    while (operations < target || (started !== undefined && started.projector.height < host.status.height))
      await new Promise((done) => setTimeout(done, 20));
  };
  const signer = new TestSigner(native, identity.ledgerId, Date.now);
  let asked = 0;
  await stage.prepare(async (seed, all) => {
    for (let at = 0; at < all.length; at += OPERATIONS_PER_ENVELOPE) {
      const group = all.slice(at, at + OPERATIONS_PER_ENVELOPE);
      asked += group.length;
      await log.append(topics.operations.name, [signer.sign(seed, group)]);
    }
    await decided(asked);
  });

  const maker = loadOf({ ...stage.load, ledgerId: identity.ledgerId, batch }, 7);
  const count = Math.ceil((rate * seconds) / batch);
  const load = Array.from({ length: count }, () => maker.next(Date.now()).bytes);
  [operations, blocks, rounds, executeMs] = [0, 0, 0, 0];
  const stopProfile = await startProfile(options.profile);
  const cpu = process.cpuUsage();
  const from = performance.now();
  for (let sent = 0; sent < count;) {
    const due = Math.min(count, Math.ceil((((performance.now() - from) / 1000) * rate) / batch));
    if (due > sent) await log.append(topics.operations.name, load.slice(sent, due));
    sent = Math.max(sent, due);
    await new Promise((done) => setTimeout(done, TICK_MS));
  }
  await decided(count * batch);
  const used = process.cpuUsage(cpu);
  await stopProfile();
  const took = (performance.now() - from) / 1000;
  assert(operations === count * batch, `${operations} of ${count * batch} operations were decided`);
  const result = {
    offeredPerSecond: rate,
    operations,
    blocks,
    roundsAboveZero: rounds,
    cpuUsPerOperation: Math.round(((used.user + used.system) / operations) * 10) / 10,
    executeUsPerOperation: Math.round(((executeMs * 1000) / operations) * 10) / 10,
    seconds: Math.round(took * 10) / 10,
    rssMb: Math.round(process.memoryUsage().rss / 2 ** 20),
  };
  for (const one of running) one.close();
  await checker.close();
  await log.close();
  return result;
}

/** A ledger with accounts for the load, and what they have to be given first. */
interface Stage {
  readonly identity: LedgerIdentity;
  readonly validatorSeeds: readonly Uint8Array[];
  readonly load: LoadKind;
  prepare(ask: (seed: Uint8Array, operations: readonly Operation[]) => Promise<void>): Promise<void>;
}

function publicStage({ validators, keys }: HostBenchOptions): Stage {
  const ledger = testPublicLedger(native, { validators, accounts: keys, timeMs: Date.now() - 1_000 });
  const accounts = ledger.accountSeeds.map((seed) => ({
    account: toBase64Url(native.publicKeyOf(seed)),
    seedHex: toHex(seed),
  }));
  // Their GRID stands in the genesis.
  return { ...ledger, load: { kind: 'grid', accounts }, prepare: async () => {} };
}

function consortiumStage({ validators, keys }: HostBenchOptions): Stage {
  const consortium = testConsortium(native, { validators, timeMs: Date.now() - 1_000 });
  const { seeds, ids, zone, interval } = consortium;
  const accounts = Array.from({ length: keys }, (_, i) => {
    const name = toHex(native.sha256(Uint8Array.of(i & 255, i >> 8)));
    return {
      account: name.slice(0, 32),
      meter: name.slice(32),
      zone,
      seedHex: toHex(native.sha256(Buffer.from(name))),
    };
  });
  return {
    ...consortium,
    load: { kind: 'market', interval, accounts },
    prepare: async (ask) => {
      await ask(
        seeds.trader,
        accounts.flatMap(({ account, seedHex }): Operation[] => [
          { type: 'registry.openAccount', account, organisation: ids.trader },
          {
            type: 'registry.registerKey',
            key: toBase64Url(native.publicKeyOf(Buffer.from(seedHex, 'hex'))),
            owner: { kind: 'account', account },
          },
        ]),
      );
      await ask(seeds.bank, [
        ...accounts.map(({ account }): Operation => ({ type: 'registry.setKyc', account, status: 'verified' })),
        { type: 'accounts.attestReserve', amount: (WATT_EACH * BigInt(keys)).toString(), reference: 'bench-reserve' },
        ...accounts.map(({ account }): Operation => ({
          type: 'accounts.mint',
          account,
          amount: WATT_EACH.toString(),
          reference: 'bench-deposit',
        })),
      ]);
      await ask(
        seeds.operator,
        accounts.flatMap(({ account, meter }): Operation[] => [
          { type: 'registry.registerMeter', meter, account, zone, limitWh: String(KWH_EACH_WH) },
          { type: 'metering.recordReading', meter, interval, consumedWh: '0', producedWh: String(KWH_EACH_WH) },
        ]),
      );
    },
  };
}

async function startProfile(file: string | undefined): Promise<() => Promise<void>> {
  if (file === undefined) return async () => {};
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.start');
  return async () => {
    const { profile } = await session.post('Profiler.stop');
    session.disconnect();
    await writeFile(file, JSON.stringify(profile));
  };
}
