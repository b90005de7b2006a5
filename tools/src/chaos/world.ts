import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { genesisAnchor, GridClient } from '@gridtokenx/client';
import { native } from '@gridtokenx/crypto-native';
import { createKafkaLog } from '@gridtokenx/kafka';
import { Prng } from '@gridtokenx/kernel';
import { createReadModels } from '@gridtokenx/postgres';
import { openSnapshotFiles } from '@gridtokenx/keystore';
import type { Log, ReadModels } from '@gridtokenx/runtime';
import { startBroker, type Broker } from '../../kafka/broker.mjs';
import type { LedgerProcess, LedgerProcessName } from '../system/layout.js';
import { startSystem, type RunningSystem, type ServiceName } from '../system/system.js';
import { Chain } from './chain.js';
import { Load } from './load.js';
import { nodeStatus } from './nodes.js';

/** How validators are spread over processes in one run. */
export interface ChaosLayout {
  readonly processes: number;
  readonly validators: number;
}

export interface WorldOptions {
  readonly folder: string;
  readonly layout: ChaosLayout;
  readonly seed: number;
  /** Operations a second. */
  readonly rate: number;
  readonly say: (line: string) => void;
}

/** A whole system of separate processes over a Kafka of its own, people who trade on it, and what is known of its chain. */
export interface World {
  readonly broker: Broker;
  readonly system: RunningSystem;
  /** Of the logs of the services, `<name>.log`. */
  readonly logFolder: string;
  /** The processes in which validators live. */
  readonly validators: readonly LedgerProcessName[];
  readonly client: GridClient;
  readonly log: Log;
  readonly readModels: ReadModels;
  readonly load: Load;
  readonly chain: Chain;
  readonly prng: Prng;
  readonly say: (line: string) => void;
  /** Services that ended by themselves and were started again, as a supervisor does; emptied by whoever reads it. */
  readonly ended: string[];
  /** The heights at which validator processes began that were started again; emptied by whoever reads it. */
  readonly began: number[];
  stop(): Promise<void>;
}

/** Market time runs this much faster: a quarter of an hour passes, and books close, every 30 seconds. */
const MARKET_RATE = 30;
/** So short that every run passes from one set of validators to the next. */
const EPOCH_BLOCKS = 20;

export async function openWorld({ folder, layout, seed, rate, say }: WorldOptions): Promise<World> {
  const prng = new Prng(seed);
  await mkdir(folder, { recursive: true });
  const closing: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of closing.splice(0).reverse()) await close();
  };
  try {
    const broker = await startBroker({ folder: join(folder, 'kafka') });
    closing.push(() => broker.stop());
    const ended: string[] = [];
    const system = await startSystem({
      folder: join(folder, 'system'),
      bus: 'kafka',
      brokers: [broker.brokers],
      databaseUrl: undefined,
      port: 0,
      rate: MARKET_RATE,
      validators: layout.validators,
      consensus: { epochBlocks: EPOCH_BLOCKS },
      layout: { validatorProcesses: layout.processes, projector: 'own' },
      // A run has a few hundred blocks.
      manySnapshots: true,
      restart: true,
      say: (line) => void ended.push(line),
    });
    closing.push(() => system.stop());
    const log = createKafkaLog({ brokers: [broker.brokers], clientId: 'chaos' });
    closing.push(() => log.close());
    const readModels = createReadModels(system.databaseUrl, 'consortium');
    closing.push(() => readModels.close());
    const anchor = genesisAnchor(new Uint8Array(await readFile(system.ledger.genesisFile)), native);
    const client = new GridClient({ url: system.url, identity: anchor.identity, crypto: native });
    const load = new Load(system, prng, rate);
    closing.push(async () => load.abandon());
    const validators = system.processes.filter(({ roles }) => roles.includes('validator')).map(({ name }) => name);
    const chain = new Chain(anchor, client);
    const logFolder = join(folder, 'system', 'logs');
    const began: number[] = [];
    return {
      logFolder,
      broker,
      system,
      validators,
      client,
      log,
      readModels,
      load,
      chain,
      prng,
      say,
      ended,
      began,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

export function processOf({ system }: World, name: LedgerProcessName): LedgerProcess {
  const process = system.processes.find((one) => one.name === name);
  if (process === undefined) throw new Error(`there is no ${name}`);
  return process;
}

/** Starts again what was stopped or killed. A validator process must begin at the newest snapshot of its own, or at a newer one. */
export async function revive({ system, began }: World, name: ServiceName): Promise<void> {
  const folder = system.processes.find((one) => one.name === name)?.stateFolder;
  if (folder === undefined) return system.revive(name);
  const [own = 0] = await (await openSnapshotFiles(join(folder, 'snapshots'))).heights();
  await system.revive(name);
  const { beganAt = 0 } = await nodeStatus(system, name);
  if (beganAt < own) throw new Error(`${name} has a snapshot of ${own} and began at ${beganAt}`);
  began.push(beganAt);
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks again and again; `undefined`, or a refusal, is not yet. Says what it waits for when it gives up. */
export async function until<T>(what: string, withinMs: number, look: () => Promise<T | undefined>): Promise<T> {
  const end = Date.now() + withinMs;
  let why = '';
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined) return found;
    } catch (error) {
      why = ` (${error instanceof Error ? error.message : String(error)})`;
    }
    if (Date.now() > end) throw new Error(`${what}: not within ${withinMs / 1_000} s${why}`);
    await pause(200);
  }
}
