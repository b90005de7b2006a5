import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { genesisValidators, proposerOf } from '@gridtokenx/chain';
import { decodeKeyFile } from '@gridtokenx/crypto';
import { native } from '@gridtokenx/crypto-native';
import { toBase64Url } from '@gridtokenx/kernel';
import type { LedgerIdentity } from '@gridtokenx/protocol';
import { runAt, type Bench } from './bench.js';
import type { SystemRun } from './run.js';
import type { SeenBlock } from './watch.js';

/** One validator is killed when the measured seconds begin, and stays dead: target 6. */
export interface DeadLeader {
  /** Places in the validator set. */
  readonly dead: readonly number[];
  /** The heights that a dead one should have led: from the block before being readable to this one being readable. */
  readonly heights: readonly { readonly height: number; readonly round: number; readonly ms: number }[];
  readonly worstMs: number;
  /** The same of the heights that a living one led in round 0. */
  readonly othersWorstMs: number;
  readonly run: SystemRun;
}

/** The last process has one validator alone, so that its death leaves a quorum. */
export function layoutWithOneAlone(validators: number, processes: number): number[] {
  if (validators === processes) return Array.from({ length: processes }, () => 1);
  const others = validators - 1;
  const counts = Array.from({ length: processes }, (_, i) => Math.floor((others + processes - 1 - i) / processes));
  return [...counts, 1];
}

export async function runDeadLeader(bench: Bench, rate: number): Promise<DeadLeader> {
  const { system, options, identity } = bench;
  const victim = system.processes.findLast(({ roles }) => roles.join() === 'validator');
  if (victim === undefined) throw new Error('no process is a validator alone');
  const dead = await placesOf(identity, victim.keyFolder ?? '', victim.keyFiles);
  let killedAtMs = Number.POSITIVE_INFINITY;
  const { run, blocks } = await runAt(bench, {
    rate,
    onMeasured: async () => {
      options.say(`killing ${victim.name}`);
      await system.kill(victim.name);
      killedAtMs = Date.now();
    },
  });
  const size = identity.genesis.validators.length;
  const steps = stepsOf(blocks, killedAtMs).map((step) => ({
    ...step,
    isDead: dead.includes(proposerOf(size, step.height, 0)),
  }));
  const worst = (isDead: boolean): number =>
    Math.max(0, ...steps.filter((step) => step.isDead === isDead).map(({ ms }) => ms));
  const heights = steps.filter(({ isDead }) => isDead).map(({ height, round, ms }) => ({ height, round, ms }));
  if (heights.length === 0) throw new Error('the run was too short: the dead validator should have led no height');
  return { dead, heights, worstMs: worst(true), othersWorstMs: worst(false), run };
}

/** Of each block that began after the instant: how long after the one before it was readable. */
function stepsOf(blocks: readonly SeenBlock[], sinceMs: number): { height: number; round: number; ms: number }[] {
  return blocks.flatMap(({ height, round, arrivedMs }, i) => {
    const before = blocks[i - 1]?.arrivedMs ?? Number.NEGATIVE_INFINITY;
    return before > sinceMs ? [{ height, round, ms: arrivedMs - before }] : [];
  });
}

async function placesOf({ genesis }: LedgerIdentity, folder: string, files: readonly string[]): Promise<number[]> {
  const set = genesisValidators(native, genesis).keys.map(toBase64Url);
  const keys = await Promise.all(
    files.map(async (file) => decodeKeyFile(native, await readFile(join(folder, file), 'utf8'))),
  );
  return keys.map(({ kid }) => set.indexOf(kid));
}
