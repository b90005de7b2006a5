import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startSystem } from '@gridtokenx/tools';
import { ProcessTree } from './system/processes.js';
import { commit, machine, type Machine } from './machine.js';
import { difference, rounded, roundedEach, sumOf } from './statistics.js';

/** What the default system costs when nobody wants anything of it. */
export interface IdleBenchResult {
  readonly seconds: number;
  readonly cpuCores: number;
  readonly cpuByProcess: Readonly<Record<string, number>>;
  readonly rssMb: number;
  readonly rssByProcess: Readonly<Record<string, number>>;
  readonly machine: Machine;
  readonly commit: string;
}

/** The start itself is not idleness: it is over when the first beats have passed. */
const SETTLE_MS = 10_000;

/** Both ledgers with all 21 and 100 validators, Postgres, gateway; this process stands for the launcher. */
export async function runIdleBench(seconds: number): Promise<IdleBenchResult> {
  const about = { machine: machine(), commit: commit() };
  const folder = await mkdtemp(join(tmpdir(), 'gridtokenx-idle-'));
  try {
    const system = await startSystem({
      folder,
      bus: 'embedded',
      brokers: [],
      databaseUrl: undefined,
      port: 0,
      rate: 1,
      public: {},
      restart: false,
      say: () => {},
    });
    try {
      const services = Object.entries(system.pids()).map(([name, pid]): [number, string] => [pid, name]);
      const tree = new ProcessTree(new Map([...services, [process.pid, 'launcher']]));
      await pause(SETTLE_MS);
      const [before, from] = [tree.cpu(), Date.now()];
      await pause(seconds * 1000);
      const cpuByProcess = difference(tree.cpu(), before, (Date.now() - from) / 1000);
      const memory = tree.memoryMb();
      return {
        seconds,
        cpuCores: rounded(sumOf(cpuByProcess), 3),
        cpuByProcess,
        rssMb: Math.round(sumOf(memory)),
        rssByProcess: roundedEach(memory),
        ...about,
      };
    } finally {
      await system.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
