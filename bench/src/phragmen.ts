import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { checkElection, elect, Election, type ElectionResult, type ElectionSnapshot } from '@gridtokenx/chain';
import { Prng } from '@gridtokenx/kernel';
import { NOMINATIONS_MAX } from '@gridtokenx/protocol';
import { median, rounded } from './statistics.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const heapBytes = (): number => {
  collect();
  return process.memoryUsage().heapUsed;
};
const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

/** What the stake of an account is counted in: GRID has six places. */
const UNITS = 1_000_000n;

export interface PhragmenBenchOptions {
  readonly candidates?: number;
  readonly nominators?: readonly number[];
  readonly seats?: number;
  /** Units of work granted to a block. */
  readonly slice?: number;
  /** Rounds of balancing after the count. */
  readonly balancing?: number;
  readonly say?: (line: string) => void;
}

export interface PhragmenRun {
  readonly nominators: number;
  readonly edges: number;
  /** The whole election at once, processor time, the median of five, garbage collection included. */
  readonly cpuMs: number;
  readonly checkCpuMs: number;
  /** In slices, of which a block does one; the longest by processor and by clock. */
  readonly slices: number;
  readonly longestSliceCpuMs: number;
  readonly longestSliceMs: number;
  readonly medianSliceCpuMs: number;
  /** Live heap of the snapshot, and of the election beside it when half of the work is done. */
  readonly snapshotMb: number;
  readonly electionMb: number;
  readonly winners: number;
  readonly minimalStake: string;
}

export interface PhragmenBenchResult {
  readonly candidates: number;
  readonly seats: number;
  readonly targets: number;
  readonly slice: number;
  readonly balancing: number;
  readonly runs: readonly PhragmenRun[];
  /** Processor time of each run over the one before, divided by how many more nominators it has. */
  readonly growth: readonly number[];
}

/**
 * Stakes from 1 to 10,000,000 GRID, small ones as frequent as large ones by order of magnitude, each on 16 different
 * candidates. Of two candidates that the dice show the earlier is named, so the first are named by many and the last by few.
 */
function snapshotOf(candidates: number, nominators: number, seats: number, balancing: number): ElectionSnapshot {
  const prng = new Prng(nominators);
  const names = Array.from({ length: candidates }, (_, i) => `c${i}`);
  return {
    seats,
    candidates: names,
    nominators: Array.from({ length: nominators }, (_, i) => {
      const targets = new Set<string>();
      while (targets.size < Math.min(NOMINATIONS_MAX, candidates))
        targets.add(names[Math.min(prng.below(candidates), prng.below(candidates))] ?? '');
      const budget = BigInt(1 + prng.below(999)) * 10n ** BigInt(prng.below(5)) * UNITS + BigInt(prng.below(1_000_000));
      return { id: `n${i}`, budget, targets: [...targets] };
    }),
    ...(balancing > 0 && { balancing: { iterations: balancing, tolerance: 0n } }),
  };
}

function timed<Result>(work: () => Result): { readonly result: Result; readonly ms: number; readonly cpu: number } {
  const [from, cpuFrom] = [performance.now(), cpuMs()];
  const result = work();
  return { result, ms: performance.now() - from, cpu: cpuMs() - cpuFrom };
}

function runOf(
  candidates: number,
  nominators: number,
  seats: number,
  slice: number,
  balancing: number,
  say: (line: string) => void,
): PhragmenRun {
  const before = heapBytes();
  const snapshot = snapshotOf(candidates, nominators, seats, balancing);
  const snapshotBytes = heapBytes() - before;
  const whole = Array.from({ length: 5 }, () => {
    collect();
    return timed(() => elect(snapshot)).cpu;
  });

  const election = new Election(snapshot);
  const slices: { readonly ms: number; readonly cpu: number }[] = [];
  let granted = 0;
  let result: ElectionResult | undefined;
  collect();
  while (result === undefined) {
    granted += slice;
    const step = timed(() => election.advanceTo(granted));
    ({ result } = step);
    slices.push(step);
  }
  const check = timed(() => checkElection(snapshot, result));
  if (check.result !== undefined) throw new Error(`${check.result.code} ${check.result.about}`);

  const run: PhragmenRun = {
    nominators,
    edges: snapshot.nominators.reduce((sum, { targets }) => sum + targets.length, 0),
    cpuMs: rounded(median(whole), 0),
    checkCpuMs: rounded(check.cpu, 0),
    slices: slices.length,
    longestSliceCpuMs: rounded(Math.max(...slices.map(({ cpu }) => cpu)), 1),
    longestSliceMs: rounded(Math.max(...slices.map(({ ms }) => ms)), 1),
    medianSliceCpuMs: rounded(median(slices.map(({ cpu }) => cpu)), 1),
    snapshotMb: megabytes(snapshotBytes),
    electionMb: megabytes(electionBytes(snapshot, Math.floor(granted / 2))),
    winners: result.winners.length,
    minimalStake: String(result.score.minimalStake),
  };
  say(`${nominators} nominators: ${run.cpuMs} ms, ${run.slices} slices of up to ${run.longestSliceCpuMs} ms`);
  return run;
}

const megabytes = (bytes: number): number => rounded(bytes / 2 ** 20, 1);

function electionBytes(snapshot: ElectionSnapshot, granted: number): number {
  const before = heapBytes();
  const election = new Election(snapshot);
  election.advanceTo(granted);
  const bytes = heapBytes() - before;
  // It has to be alive while it is measured.
  if (election.advanceTo(granted) !== undefined) throw new Error('half of the work is not all');
  return bytes;
}

/** Elections of the size of a ledger, at once and in the slices of blocks; bench/README.md says what the fields are. */
export function runPhragmenBench({
  candidates = 1_000,
  nominators = [5_000, 10_000, 20_000],
  seats = 100,
  slice = 50_000,
  balancing = 0,
  say = () => {},
}: PhragmenBenchOptions = {}): PhragmenBenchResult {
  // The first election compiles.
  elect(snapshotOf(candidates, 2_000, seats, balancing));
  const runs = nominators.map((size) => runOf(candidates, size, seats, slice, balancing, say));
  return {
    candidates,
    seats,
    targets: NOMINATIONS_MAX,
    slice,
    balancing,
    runs,
    growth: runs.slice(1).map(({ cpuMs, nominators }, at) => {
      const smaller = runs[at];
      return smaller === undefined ? 0 : rounded(cpuMs / smaller.cpuMs / (nominators / smaller.nominators), 2);
    }),
  };
}
