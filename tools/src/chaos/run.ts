import { join } from 'node:path';
import { check, checkRebuilt, type Findings } from './checks.js';
import type { Fault } from './faults.js';
import { startReplay } from './replay.js';
import type { ChaosLayout } from './kinds.js';
import { openWorld, pause, type WorldOptions } from './world.js';

export interface FaultResult {
  readonly fault: string;
  readonly title: string;
  readonly ok: boolean;
  readonly seconds: number;
  /** Operations acknowledged from its start to the comparison after it. */
  readonly acknowledged: number;
  readonly blocks: number;
  /** The longest between two blocks, in block time. */
  readonly standstillMs: number;
  /** Height of the oldest snapshot at which a validator process began that was started; 0 is the genesis, `undefined` when none was. */
  readonly beganAt: number | undefined;
  /** Services that ended by themselves meanwhile, and were started again. */
  readonly ended: readonly string[];
  /** What the fault itself could not do. */
  readonly failure: string | undefined;
  readonly findings: Findings;
}

export interface LayoutResult extends ChaosLayout {
  readonly ok: boolean;
  readonly faults: readonly FaultResult[];
  /** In which the read models at the end are not those that a fresh build from block 0 makes. */
  readonly rebuilt: readonly string[];
}

const BEFORE_MS = 1_000;
const AFTER_MS = 2_000;

/** One system, all faults one after the other; the first that it does not come through ends the run. */
export async function runChaos(options: WorldOptions, faults: readonly Fault[]): Promise<LayoutResult> {
  const { layout, folder, say } = options;
  const world = await openWorld(options);
  try {
    const replay = await startReplay(join(folder, 'replay'), world.ledger.identity, world.log);
    try {
      await world.load.prepare();
      const results: FaultResult[] = [];
      for (const fault of faults) {
        const startedMs = Date.now();
        const acknowledgedBefore = world.load.acknowledged.size;
        await world.chain.follow();
        const heightBefore = world.chain.height;
        world.load.start();
        await pause(BEFORE_MS);
        const failure = await Promise.race([fault.inject(world), world.system.failed]).then(
          () => undefined,
          (error: unknown) => (error instanceof Error ? error.message : String(error)),
        );
        if (failure === undefined) {
          await pause(AFTER_MS);
          await world.load.stop();
        } else world.load.abandon();
        const findings = await check(world, replay);
        const result: FaultResult = {
          fault: fault.name,
          title: fault.title,
          ok: failure === undefined && Object.values(findings).every((list) => list.length === 0),
          seconds: Math.round((Date.now() - startedMs) / 100) / 10,
          acknowledged: world.load.acknowledged.size - acknowledgedBefore,
          blocks: world.chain.height - heightBefore,
          standstillMs: world.chain.longestGapMs(heightBefore),
          beganAt: world.began.splice(0).reduce<number | undefined>(lower, undefined),
          ended: world.ended.splice(0),
          failure,
          findings,
        };
        results.push(result);
        say(lineOf(result));
        if (!result.ok) break;
      }
      const rebuilt = await checkRebuilt(world, replay);
      say(
        `the read models of ${world.chain.height} blocks built anew from block 0: ${rebuilt.length === 0 ? 'equal' : 'NOT EQUAL'}`,
      );
      for (const found of rebuilt) say(`  ${found}`);
      const ok = results.length === faults.length && results.every((result) => result.ok) && rebuilt.length === 0;
      return { ...layout, ok, faults: results, rebuilt };
    } finally {
      await replay.stop();
    }
  } finally {
    await world.stop();
  }
}

const lower = (a: number | undefined, b: number): number => Math.min(a ?? b, b);

const HEADINGS = ['once', 'equal', 'replay', 'money'] as const;

export const TABLE_HEAD = `${'fault'.padEnd(24)} ${'seconds'.padStart(7)} ${'acked'.padStart(6)} ${'blocks'.padStart(6)} ${'still s'.padStart(7)} ${'from'.padStart(5)}  ${HEADINGS.map((heading) => heading.padEnd(6)).join(' ')}`;

function lineOf(result: FaultResult): string {
  const { fault, seconds, acknowledged, blocks, standstillMs, beganAt, ended, failure, findings } = result;
  const { outcomes, nodes, projections, money } = findings;
  const verdicts = [outcomes, nodes, projections, money].map((list) => (list.length === 0 ? 'yes' : 'NO').padEnd(6));
  const figures = [
    fault.padEnd(24),
    seconds.toFixed(1).padStart(7),
    String(acknowledged).padStart(6),
    String(blocks).padStart(6),
    (standstillMs / 1_000).toFixed(1).padStart(7),
    String(beganAt ?? '').padStart(5),
  ];
  return [
    `${figures.join(' ')}  ${verdicts.join(' ')}`,
    ...(failure === undefined ? [] : [`  FAILED: ${failure}`]),
    ...[...outcomes, ...nodes, ...projections, ...money].map((found) => `  ${found}`),
    ...ended.map((line) => `  ${line}`),
  ].join('\n');
}
