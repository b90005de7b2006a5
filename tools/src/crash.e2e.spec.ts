import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BlockFollower, genesisAnchor, GridClient } from '@gridtokenx/client';
import { native } from '@gridtokenx/crypto-native';
import { Prng } from '@gridtokenx/kernel';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadPrices } from './replay/prices.js';
import { loadReadings } from './replay/readings.js';
import { replay } from './replay/replay.js';
import { startSystem, type RunningSystem } from './system/system.js';

const DATA = fileURLToPath(new URL('../../data/', import.meta.url));
const KILLS = 20;
const SECONDS_PER_INTERVAL = 3;
const INTERVALS = 60;
/** Printed with a failure, so that the same moments can be tried again. */
const SEED = Number(process.env['CRASH_SEED'] ?? Date.now() % 100_000);

let folder: string;
let system: RunningSystem | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gridtokenx-crash-'));
  const rate = 900 / SECONDS_PER_INTERVAL;
  system = await startSystem({
    folder,
    bus: 'embedded',
    brokers: [],
    databaseUrl: undefined,
    port: 0,
    rate,
    restart: false,
    say: () => {},
  });
}, 180_000);

afterAll(async () => {
  await system?.stop();
  await rm(folder, { recursive: true, force: true });
}, 60_000);

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe(`SIGKILL at ${KILLS} random moments of the replay (CRASH_SEED=${SEED})`, () => {
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
      readings,
      prices,
      intervals: INTERVALS,
      say: (line) => said.push(line),
      signal: stop.signal,
      acknowledged: (ids) => ids.forEach((id) => acknowledged.add(id)),
    });
    let over = false;
    const ended = work.finally(() => (over = true));
    ended.catch(() => {});

    let kills = 0;
    while (kills < KILLS && !over) {
      await pause(500 + prng.below(4_000));
      // The ledger alone, or the whole tree at once; the database goes first, as its power goes with the machine's.
      const whole = prng.chance(0.4);
      const victims = whole
        ? (['postgres', 'consortium-ledger', 'gateway'] as const)
        : (['consortium-ledger'] as const);
      await Promise.all(victims.map((name) => running.kill(name)));
      await pause(prng.below(500));
      for (const name of victims) await running.revive(name);
      kills++;
    }
    const result = await ended;
    expect(kills).toBe(KILLS);
    expect(result.faults).toEqual([]);

    // What became of each acknowledged operation, from proven blocks.
    const anchor = genesisAnchor(new Uint8Array(genesis), native);
    const client = new GridClient({ url: running.url, identity: anchor.identity, crypto: native });
    const times = new Map<string, number>();
    for await (const { asked } of new BlockFollower(anchor, { crypto: native }).results((height) =>
      client.blockRecord(height),
    ))
      if (asked !== undefined) times.set(asked.operationId, (times.get(asked.operationId) ?? 0) + 1);
    expect(acknowledged.size).toBeGreaterThan(INTERVALS * 24);
    expect([...acknowledged].filter((id) => !times.has(id))).toEqual([]);
    expect([...times].filter(([, count]) => count !== 1)).toEqual([]);
  }, 900_000);
});
