import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BlockFollower, genesisAnchor, GridClient } from '@gridtokenx/client';
import { native } from '@gridtokenx/crypto-native';
import { Prng } from '@gridtokenx/kernel';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startBroker, type Broker } from '../kafka/broker.mjs';
import { pause } from './fixture.spec.js';
import { loadPrices } from './replay/prices.js';
import { loadReadings } from './replay/readings.js';
import { replay } from './replay/replay.js';
import { startSystem, type RunningSystem } from './system/system.js';

const DATA = fileURLToPath(new URL('../../data/', import.meta.url));
const SECONDS_PER_INTERVAL = 3;
/** Printed with a failure, so that the same moments can be tried again. */
const SEED = Number(process.env['CRASH_SEED'] ?? Date.now() % 100_000);
const isKafkaHere = process.env['KAFKA_LIBS'] !== undefined;

if (!isKafkaHere) {
  process.stdout.write('SIGKILL is NOT tested on Kafka: KAFKA_LIBS names no folder with the jars of a broker\n');
  it.todo('loses no operation on Kafka (KAFKA_LIBS is not set)');
}

describe.each([
  { bus: 'embedded' as const, kills: 20, intervals: 60 },
  ...(isKafkaHere ? [{ bus: 'kafka' as const, kills: 8, intervals: 25 }] : []),
])(`SIGKILL at $kills random moments of the replay over the $bus bus (CRASH_SEED=${SEED})`, (run) => {
  let folder: string;
  let broker: Broker | undefined;
  let system: RunningSystem | undefined;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gridtokenx-crash-'));
    if (run.bus === 'kafka') broker = await startBroker({ folder: join(folder, 'kafka') });
    system = await startSystem({
      folder,
      bus: run.bus,
      brokers: broker === undefined ? [] : [broker.brokers],
      databaseUrl: undefined,
      port: 0,
      rate: 900 / SECONDS_PER_INTERVAL,
      restart: false,
      say: () => {},
    });
  });

  afterAll(async () => {
    await system?.stop();
    await broker?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('loses no operation that was acknowledged, and executes none twice', async () => {
    if (system === undefined) throw new Error('the system is up');
    const running = system;
    const prng = new Prng(SEED);
    const acknowledged = new Set<string>();
    const [readings, prices, genesis] = await Promise.all([
      loadReadings(DATA),
      loadPrices(DATA),
      readFile(running.ledger.genesisFile),
    ]);
    const stop = new AbortController();
    const said: string[] = [];
    const work = replay({
      url: running.url,
      ledger: running.ledger,
      genesis: new Uint8Array(genesis),
      folder,
      data: DATA,
      databaseUrl: running.databaseUrl,
      readings,
      prices,
      intervals: run.intervals,
      say: (line) => said.push(line),
      signal: stop.signal,
      acknowledged: (ids) => ids.forEach((id) => acknowledged.add(id)),
    });
    let over = false;
    const ended = work.finally(() => (over = true));
    ended.catch(() => {});

    let kills = 0;
    while (kills < run.kills && !over) {
      await pause(500 + prng.below(4_000));
      // The ledger alone, or the whole tree at once; database and broker go first, as their power goes with the machine's.
      const whole = prng.chance(0.4);
      const victims = whole
        ? (['postgres', 'consortium-ledger', 'gateway'] as const)
        : (['consortium-ledger'] as const);
      await Promise.all([whole ? broker?.kill() : undefined, ...victims.map((name) => running.kill(name))]);
      await pause(prng.below(500));
      if (whole) await broker?.restart();
      for (const name of victims) await running.revive(name);
      kills++;
    }
    const result = await ended;
    expect(kills).toBe(run.kills);
    expect(result.faults).toEqual([]);

    // What became of each acknowledged operation, from proven blocks.
    const anchor = genesisAnchor(new Uint8Array(genesis), native);
    const client = new GridClient({ url: running.url, identity: anchor.identity, crypto: native });
    const times = new Map<string, number>();
    for await (const { asked } of new BlockFollower(anchor, { crypto: native }).results((height) =>
      client.blockRecord(height),
    ))
      if (asked !== undefined) times.set(asked.operationId, (times.get(asked.operationId) ?? 0) + 1);
    expect(acknowledged.size).toBeGreaterThan(run.intervals * 24);
    expect([...acknowledged].filter((id) => !times.has(id))).toEqual([]);
    expect([...times].filter(([, count]) => count !== 1)).toEqual([]);
  }, 900_000);
});
