import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { genesisAnchor, GridClient } from '@gridtokenx/client';
import { native } from '@gridtokenx/crypto-native';
import { Prng } from '@gridtokenx/kernel';
import { createReadModels } from '@gridtokenx/postgres';
import { openBus } from '@gridtokenx/process';
import type { LedgerKind } from '@gridtokenx/protocol';
import { openSnapshotFiles } from '@gridtokenx/keystore';
import type { LedgerReads, Log } from '@gridtokenx/runtime';
import { startBroker, type Broker } from '../../kafka/broker.mjs';
import type { LedgerProcess, LedgerProcessName } from '../system/layout.js';
import { startSystem, type RunningSystem, type ServiceName } from '../system/system.js';
import { Chain } from './chain.js';
import { KINDS, type ChaosLayout, type ChaosLedger } from './kinds.js';
import type { Load } from './load.js';
import { nodeStatus } from './nodes.js';

export type BusKind = 'kafka' | 'embedded';

export interface WorldOptions {
  readonly folder: string;
  readonly kind: LedgerKind;
  readonly bus: BusKind;
  readonly layout: ChaosLayout;
  readonly seed: number;
  /** Operations a second. */
  readonly rate: number;
  readonly say: (line: string) => void;
}

/** A whole system of separate processes, people who use the ledger that is looked at, and what is known of its chain. */
export interface World {
  /** A Kafka of its own; `undefined` where the bus is in Postgres. */
  readonly broker: Broker | undefined;
  readonly system: RunningSystem;
  readonly ledger: ChaosLedger;
  /** Of the logs of the services, `<name>.log`. */
  readonly logFolder: string;
  /** The processes in which its validators live. */
  readonly validators: readonly LedgerProcessName[];
  readonly projector: LedgerProcessName;
  readonly client: GridClient;
  readonly log: Log;
  readonly readModels: LedgerReads;
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

export async function openWorld(options: WorldOptions): Promise<World> {
  const { folder, kind, layout, rate, say } = options;
  const prng = new Prng(options.seed);
  await mkdir(folder, { recursive: true });
  const closing: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of closing.splice(0).reverse()) await close();
  };
  try {
    const broker = options.bus === 'kafka' ? await startBroker({ folder: join(folder, 'kafka') }) : undefined;
    closing.push(async () => broker?.stop());
    const brokers = broker === undefined ? [] : [broker.brokers];
    const ended: string[] = [];
    const system = await startSystem({
      folder: join(folder, 'system'),
      bus: options.bus,
      brokers,
      databaseUrl: undefined,
      port: 0,
      rate: MARKET_RATE,
      ...KINDS[kind].system(layout),
      // A run has a few hundred blocks.
      manySnapshots: true,
      restart: true,
      say: (line) => void ended.push(line),
    });
    closing.push(() => system.stop());
    const { databaseUrl } = system;
    const log = openBus(broker === undefined ? { kind: 'embedded', databaseUrl } : { kind: 'kafka', brokers }, 'chaos');
    closing.push(() => log.close());
    const readModels: LedgerReads = createReadModels(databaseUrl, kind);
    closing.push(() => readModels.close());
    const ledger = KINDS[kind].ledger(system);
    const anchor = genesisAnchor(new Uint8Array(await readFile(ledger.genesisFile)), native);
    const client = new GridClient({ url: system.url, identity: anchor.identity, crypto: native });
    const load = KINDS[kind].load(system, prng, rate);
    closing.push(async () => load.abandon());
    const namesOf = (role: 'validator' | 'projector'): LedgerProcessName[] =>
      system.processes.flatMap((one) => (one.kind === kind && one.roles.includes(role) ? [one.name] : []));
    const validators = namesOf('validator');
    const [projector] = namesOf('projector');
    if (projector === undefined) throw new Error('the layout has a projector');
    const chain = new Chain(anchor, client);
    const logFolder = join(folder, 'system', 'logs');
    const began: number[] = [];
    return {
      logFolder,
      broker,
      system,
      ledger,
      validators,
      projector,
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
export async function revive(world: World, name: ServiceName): Promise<void> {
  const { system, ledger, began } = world;
  const { kind, stateFolder: folder } = system.processes.find((one) => one.name === name) ?? {};
  if (folder === undefined) return system.revive(name);
  const [own = 0] = await (await openSnapshotFiles(join(folder, 'snapshots'))).heights();
  await system.revive(name);
  const { beganAt = 0 } = await nodeStatus(system, name);
  if (beganAt < own) throw new Error(`${name} has a snapshot of ${own} and began at ${beganAt}`);
  if (kind === ledger.identity.genesis.kind) began.push(beganAt);
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
