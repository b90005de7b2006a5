import type { Layout } from '@gridtokenx/tools';
import { runAt, withBench, type Bench, type BenchOptions } from './system/bench.js';
import { layoutWithOneAlone, runDeadLeader } from './system/dead-leader.js';
import { runOverload } from './system/overload.js';
import type { SystemResult, Setup } from './system/result.js';
import type { SystemRun } from './system/run.js';
import { nextRate } from './system/search.js';
import { verdictsOf } from './system/targets.js';
import { verifyPerSecondLimit } from './system/verify-limit.js';
import { commit, machine } from './machine.js';

export interface SystemBenchOptions extends Setup, Omit<BenchOptions, 'layout' | 'ledgerArguments'> {
  /** Operations a second, one run each; none: a search for saturation. */
  readonly rates: readonly number[];
  /** Where the search begins. */
  readonly firstRate: number;
  readonly mode: 'climb' | 'overload' | 'deadLeader';
}

export async function runSystemBench(options: SystemBenchOptions): Promise<SystemResult> {
  const { ledger, bus, processes, validators, projector, workers, entry, batch, keys, seconds, mode } = options;
  if (mode === 'overload' && entry !== 'rest')
    throw new Error('only the gateway can refuse: --overload needs --entry rest');
  // Before anything of ours takes its share of the machine.
  const about = { machine: machine(), commit: commit(), verifyPerSecondLimit: verifyPerSecondLimit() };
  const layout: Layout = {
    validatorProcesses: mode === 'deadLeader' ? layoutWithOneAlone(validators, processes) : processes,
    projector,
  };
  const { runs, ...modes } = await withBench(
    { ...options, layout, ledgerArguments: ['--verify-workers', String(workers)] },
    (bench) => work(bench, options),
  );
  const best = [...runs].sort(
    (a, b) => Number(b.sustained) - Number(a.sustained) || b.committedPerSecond - a.committedPerSecond,
  )[0];
  if (best === undefined) throw new Error('no rate was offered');
  const setup: Setup = { ledger, bus, processes, validators, projector, workers, entry, batch, keys, seconds };
  const result = { ...best, ...setup, runs, ...modes, ...about };
  const targetsMet = Object.fromEntries(verdictsOf(result).map(({ target, met }) => [target, met]));
  return { ...result, targetsMet };
}

type Work = Pick<SystemResult, 'runs' | 'overload' | 'deadLeader'>;

async function work(bench: Bench, options: SystemBenchOptions): Promise<Work> {
  const { mode, rates, firstRate } = options;
  if (mode === 'deadLeader') {
    const deadLeader = await runDeadLeader(bench, rates[0] ?? firstRate);
    return { runs: [deadLeader.run], deadLeader };
  }
  const runs = await climb(bench, options);
  return mode === 'overload' ? { runs, overload: await runOverload(bench, runs) } : { runs };
}

async function climb(bench: Bench, { rates, firstRate }: SystemBenchOptions): Promise<SystemRun[]> {
  const runs: SystemRun[] = [];
  const next = (): number | undefined =>
    rates.length > 0
      ? rates[runs.length]
      : nextRate(
          firstRate,
          runs.map(({ offeredPerSecond, sustained }) => ({ rate: offeredPerSecond, sustained })),
        );
  for (let rate = next(); rate !== undefined; rate = next()) {
    const { run } = await runAt(bench, { rate });
    runs.push(run);
  }
  return runs;
}
