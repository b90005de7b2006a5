import { readdir, readFile, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { faultsTolerated } from '@gridtokenx/chain';
import { deleteTopics } from '@gridtokenx/kafka';
import { dropProjections } from '@gridtokenx/postgres';
import { topicsOf, type LedgerKind } from '@gridtokenx/protocol';
import type { Broker } from '../../kafka/broker.mjs';
import type { LedgerProcessName } from '../system/layout.js';
import { restoreBlocks } from '../system/restore-blocks.js';
import type { ServiceName } from '../system/system.js';
import { nodeStatuses } from './nodes.js';
import { changeValidators } from './validator-changes.js';
import { pause, processOf, revive, until, type BusKind, type World } from './world.js';

/** One thing that goes wrong while people trade, and what an operator does about it. */
export interface Fault {
  readonly name: string;
  readonly title: string;
  /** Also in the short form. */
  readonly quick: boolean;
  /** The ledger or the bus that it needs, where not every one will do. */
  readonly only?: LedgerKind | BusKind;
  /** Resolves when whoever has to act has acted; whether the system came through is looked at afterwards. */
  inject(world: World): Promise<void>;
}

const DOWN_MS = 2_000;
const SUSPENDED_MS = 10_000;
const AWAY_MS = 45_000;
/** The first snapshot is of block 100. */
const OFFERED_WITHIN_MS = 180_000;
const REJOINED_WITHIN_MS = 90_000;
const LEVEL_WITHIN_MS = 90_000;
const GOES_ON_WITHIN_MS = 60_000;

/** Whether a fault can happen to a ledger on a bus. */
export const suits = ({ only }: Fault, ledger: LedgerKind, bus: BusKind): boolean =>
  only === undefined || only === ledger || only === bus;

export const FAULTS: readonly Fault[] = [
  {
    name: 'none',
    title: 'nothing goes wrong',
    quick: false,
    inject: () => pause(DOWN_MS),
  },
  {
    name: 'validator-killed',
    title: 'a validator process is killed and started again',
    quick: true,
    inject: (world) => killAndRevive(world, [aValidator(world)]),
  },
  {
    name: 'two-killed',
    title:
      'two validator processes are killed at once and started again; where the others are a quorum, they go on meanwhile',
    quick: true,
    inject: async (world) => {
      const first = aValidator(world);
      const victims = [first, world.prng.pick(world.validators.filter((name) => name !== first))];
      await Promise.all(victims.map((name) => world.system.kill(name)));
      const away = victims.reduce((sum, name) => sum + processOf(world, name).keyFiles.length, 0);
      if (away <= faultsTolerated(world.chain.validators.length)) await goesOn(world);
      else await pause(DOWN_MS);
      await Promise.all(victims.map((name) => revive(world, name)));
    },
  },
  {
    name: 'projector-killed',
    title: 'the projector is killed and started again',
    quick: true,
    inject: (world) => killAndRevive(world, [world.projector]),
  },
  {
    name: 'gateway-killed',
    title: 'the gateway is killed and started again',
    quick: true,
    inject: (world) => killAndRevive(world, ['gateway']),
  },
  {
    name: 'validator-suspended',
    title: 'a validator process stands still for 10 s (SIGSTOP, SIGCONT)',
    quick: true,
    inject: async (world) => {
      const victim = aValidator(world);
      world.system.suspend(victim);
      await pause(SUSPENDED_MS);
      world.system.resume(victim);
    },
  },
  {
    name: 'validator-away',
    title: 'a validator process is stopped for 45 s and catches up',
    quick: false,
    inject: async (world) => {
      const victim = aValidator(world);
      await world.system.halt(victim);
      await pause(AWAY_MS);
      await revive(world, victim);
    },
  },
  {
    name: 'signer-record-wiped',
    title: 'a validator process is killed and its signer record is wiped',
    quick: true,
    inject: async (world) => {
      const victim = aValidator(world);
      await world.system.kill(victim);
      await rm(signerFolder(world, victim), { recursive: true });
      await revive(world, victim);
      await rejoined(world);
    },
  },
  {
    name: 'signer-record-torn',
    title: 'a validator process is killed and the newer slot of its signer record is cut in half',
    quick: false,
    inject: async (world) => {
      const victim = aValidator(world);
      await world.system.kill(victim);
      const [newer] = await slotsOf(world, victim);
      if (newer !== undefined) await halve(newer);
      await revive(world, victim);
      await rejoined(world);
    },
  },
  {
    name: 'signer-record-truncated',
    title: 'a validator process is killed and both slots of its signer record are cut in half',
    quick: true,
    inject: async (world) => {
      const victim = aValidator(world);
      await world.system.kill(victim);
      for (const slot of await slotsOf(world, victim)) await halve(slot);
      await revive(world, victim);
      await rejoined(world);
    },
  },
  {
    name: 'kafka-restarted',
    title: 'the Kafka broker is stopped and started again',
    quick: true,
    only: 'kafka',
    inject: async (world) => {
      const broker = brokerOf(world);
      await broker.stop();
      await pause(DOWN_MS);
      await broker.restart();
    },
  },
  {
    name: 'kafka-killed',
    title: 'the Kafka broker is killed and started again',
    quick: false,
    only: 'kafka',
    inject: async (world) => {
      const broker = brokerOf(world);
      await broker.kill();
      await pause(DOWN_MS);
      await broker.restart();
    },
  },
  {
    name: 'postgres-restarted',
    title: 'Postgres is stopped and started again',
    quick: true,
    inject: async (world) => {
      await world.system.halt('postgres');
      await pause(DOWN_MS);
      await revive(world, 'postgres');
    },
  },
  {
    name: 'postgres-killed',
    title: 'Postgres and all its children are killed and started again',
    quick: false,
    inject: (world) => killAndRevive(world, ['postgres']),
  },
  {
    name: 'projections-rebuilt',
    title: 'the read models are dropped and built again from block 0 while trading goes on',
    quick: true,
    inject: async (world) => {
      await world.system.halt(world.projector);
      await dropProjections(world.system.databaseUrl, world.ledger.identity.genesis.kind);
      await revive(world, world.projector);
    },
  },
  {
    name: 'rolling-restart',
    title: 'all processes are stopped in order and started again, one after the other',
    quick: true,
    inject: async (world) => {
      for (const name of [...world.validators, world.projector, 'gateway'] as const) {
        await world.system.halt(name);
        await revive(world, name);
      }
    },
  },
  {
    name: 'validators-changed',
    title: 'a validator is admitted, a key rotated, the newcomer suspended by vote; a process is killed amid each',
    quick: false,
    only: 'consortium',
    inject: (world) => {
      const host = aValidator(world);
      return changeValidators(world, host, world.prng.pick(world.validators.filter((name) => name !== host)));
    },
  },
  {
    name: 'node-wiped',
    title: 'a validator process loses all but its keys, begins at a snapshot that others offer, and rejoins',
    quick: false,
    inject: async (world) => {
      const victim = aValidator(world);
      await until('a snapshot is offered', OFFERED_WITHIN_MS, async () => {
        return (await world.log.end(topicsOf(world.ledger.identity).snapshots.name)) > 0 ? true : undefined;
      });
      await world.system.kill(victim);
      const { signerFolder: signer, stateFolder: state } = processOf(world, victim);
      for (const folder of [signer, state]) if (folder !== undefined) await rm(folder, { recursive: true });
      const logFile = join(world.logFolder, `${victim}.log`);
      const { size } = await stat(logFile);
      await revive(world, victim);
      await rejoined(world);
      const said = (await readFile(logFile)).subarray(size).toString();
      if (!said.includes('snapshotFetched')) throw new Error(`${victim} did not begin at a snapshot`);
    },
  },
  {
    name: 'topics-recreated',
    title: 'all topics are deleted and made anew from the blocks in the read models while the nodes run',
    quick: true,
    only: 'kafka',
    inject: async (world) => {
      const { system, log, readModels } = world;
      const options = { brokers: [brokerOf(world).brokers], clientId: 'chaos-operator' };
      const topics = topicsOf(world.ledger.identity);
      const { blocks, ...others } = topics;
      // What was acknowledged must be in a block before the topic that holds it goes.
      await system.halt('gateway');
      await level(world);
      await deleteTopics(
        options,
        Object.values(others).map(({ name }) => name),
      );
      await level(world);
      await deleteTopics(options, [blocks.name]);
      await restoreBlocks(log, readModels, topics);
      await revive(world, 'gateway');
    },
  },
  {
    name: 'all-killed',
    title: 'all processes, Postgres and the broker are killed at once and started again',
    quick: true,
    inject: async (world) => {
      const { broker, system } = world;
      const others = [...system.processes.map(({ name }) => name), 'gateway' as const];
      await Promise.all([broker?.kill(), ...['postgres' as const, ...others].map((name) => system.kill(name))]);
      await pause(DOWN_MS);
      await Promise.all([broker?.restart(), revive(world, 'postgres')]);
      await Promise.all(others.map((name) => revive(world, name)));
    },
  },
];

function brokerOf({ broker }: World): Broker {
  if (broker === undefined) throw new Error('there is no Kafka in this run');
  return broker;
}

const aValidator = ({ prng, validators }: World): LedgerProcessName => prng.pick(validators);

async function killAndRevive(world: World, names: readonly ServiceName[]): Promise<void> {
  await Promise.all(names.map((name) => world.system.kill(name)));
  await pause(DOWN_MS);
  for (const name of names) await revive(world, name);
}

function signerFolder(world: World, name: LedgerProcessName): string {
  const folder = processOf(world, name).signerFolder;
  if (folder === undefined) throw new Error(`${name} has no signer record`);
  return folder;
}

/** The files of a signer record, the one that was written last first. */
async function slotsOf(world: World, name: LedgerProcessName): Promise<string[]> {
  const folder = signerFolder(world, name);
  const files = await Promise.all(
    (await readdir(folder)).map(async (file) => {
      const path = join(folder, file);
      return { path, at: (await stat(path, { bigint: true })).mtimeNs };
    }),
  );
  return files.sort((a, b) => Number(b.at - a.at)).map(({ path }) => path);
}

const halve = async (file: string): Promise<void> => truncate(file, Math.floor((await stat(file)).size / 2));

/** Nothing waits, and the read models hold every block that a node holds. */
async function level(world: World): Promise<void> {
  await until('nothing waits and all nodes stand at one height', LEVEL_WITHIN_MS, async () => {
    const statuses = await nodeStatuses(world);
    const isLevel = new Set(statuses.map(({ height }) => height)).size === 1;
    if (isLevel && statuses.every(({ waitingOperations }) => waitingOperations === 0)) return true;
    const told = statuses.map(
      ({ name, height, waitingOperations }) => `${name} ${height}, ${waitingOperations} waiting`,
    );
    throw new Error(told.join('; '));
  });
}

/** A block that was proposed after this moment is proven: by blocks that a stranger follows. */
async function goesOn({ chain }: World): Promise<void> {
  const sinceMs = Date.now();
  await until('the chain goes on without those who are away', GOES_ON_WITHIN_MS, async () => {
    await chain.follow();
    return chain.timeMs > sinceMs ? true : undefined;
  });
}

async function rejoined(world: World): Promise<void> {
  await until('the validators have rejoined', REJOINED_WITHIN_MS, async () => {
    const statuses = await nodeStatuses(world);
    return statuses.every(({ rejoining }) => rejoining === 0) ? true : undefined;
  });
}
