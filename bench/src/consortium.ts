import type { Layout } from '@gridtokenx/tools';
import { runAt, withBench, type Bench, type BenchOptions } from './consortium/bench.js';
import { layoutWithOneAlone, runDeadLeader } from './consortium/dead-leader.js';
import { runOverload } from './consortium/overload.js';
import type { ConsortiumResult, Setup } from './consortium/result.js';
import type { ConsortiumRun } from './consortium/run.js';
import { nextRate } from './consortium/search.js';
import { verdictsOf } from './consortium/targets.js';
import { verifyPerSecondLimit } from './consortium/verify-limit.js';
import { commit, machine } from './machine.js';

export interface ConsortiumOptions extends Setup, Omit<BenchOptions, 'layout' | 'ledgerArguments'> {
  /** Operations a second, one run each; none: a search for saturation. */
  readonly rates: readonly number[];
  /** Where the search begins. */
  readonly firstRate: number;
  readonly mode: 'climb' | 'overload' | 'deadLeader';
}

export async function runConsortiumBench(options: ConsortiumOptions): Promise<ConsortiumResult> {
  const { bus, processes, validators, projector, workers, entry, batch, keys, seconds, mode } = options;
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
  const setup: Setup = { bus, processes, validators, projector, workers, entry, batch, keys, seconds };
  const result = { ...best, ...setup, runs, ...modes, ...about };
  const targetsMet = Object.fromEntries(verdictsOf(result).map(({ target, met }) => [target, met]));
  return { ...result, targetsMet };
}

type Work = Pick<ConsortiumResult, 'runs' | 'overload' | 'deadLeader'>;

async function work(bench: Bench, options: ConsortiumOptions): Promise<Work> {
  const { mode, rates, firstRate } = options;
  if (mode === 'deadLeader') {
    const deadLeader = await runDeadLeader(bench, rates[0] ?? firstRate);
    return { runs: [deadLeader.run], deadLeader };
  }
  const runs = await climb(bench, options);
  return mode === 'overload' ? { runs, overload: await runOverload(bench, runs) } : { runs };
}

async function climb(bench: Bench, { rates, firstRate }: ConsortiumOptions): Promise<ConsortiumRun[]> {
  const runs: ConsortiumRun[] = [];
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
