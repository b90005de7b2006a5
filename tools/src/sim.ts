// npm run sim: seeded simulations of the production validators, and known bugs that they must find.
import { execFileSync, fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { FAULT_KINDS_MIN, FAULTS_MIN, simulate, type SimulationResult } from '@gridtokenx/testkit';
import { UsageError } from './arguments.js';
import { SIM_USAGE, simArguments, usualHeights, type SimArguments } from './sim/arguments.js';
import { MUTATIONS } from './sim/mutations.js';
import type { Mutation } from './sim/plant.js';
import type { Task } from './sim/worker.js';

const WORKER = fileURLToPath(new URL('./sim/worker.js', import.meta.url));
const MUTATION_SEEDS = 1_000;

/** One seed that broke an invariant, or that shook nothing. */
interface Finding {
  readonly seed: number;
  readonly validators: number;
  readonly invariant: string;
  readonly text: string;
  readonly replay: string;
}

interface Sum {
  readonly commit: string;
  readonly seeds: number;
  readonly heights: number;
  readonly events: number;
  readonly faults: Record<string, number>;
  readonly violations: Finding[];
}

const say = (line: string): void => void process.stderr.write(`${line}\n`);

function commitOf(): string {
  try {
    const git = (...args: string[]): string =>
      execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    const isClean = git('status', '--porcelain', '--untracked-files=no') === '';
    return `${git('rev-parse', '--short=12', 'HEAD')}${isClean ? '' : ' and changes that are not committed'}`;
  } catch {
    return 'unknown';
  }
}

/** Starts a process for a share of the tasks; `onResult` says whether to go on. Resolves when it has ended. */
function runWorker(
  mutation: string,
  crypto: string,
  next: () => Task | undefined,
  onResult: (result: SimulationResult) => boolean,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let isDone = false;
    const child: ChildProcess = fork(WORKER, [mutation, crypto], {
      execArgv: ['--disable-warning=ExperimentalWarning'],
    });
    const go = (): void => {
      const task = next();
      if (task !== undefined) return void child.send(task);
      isDone = true;
      child.disconnect();
    };
    child.on('message', (message: SimulationResult | 'ready') => {
      if (message === 'ready' || onResult(message)) return go();
      isDone = true;
      child.disconnect();
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (isDone) resolve();
      else reject(new Error(`a simulation ended with ${signal ?? `exit code ${code}`}`));
    });
  });
}

function replayOf({ seed, ledger, validators, heights }: Task, crypto: string): string {
  const kind = ledger === 'consortium' ? '' : ` --ledger ${ledger}`;
  const least = heights === usualHeights(ledger) ? '' : ` --heights ${heights}`;
  return `npm run sim --${kind} --seed ${seed} --validators ${validators}${least}${crypto === 'real' ? ' --crypto real' : ''} --trace`;
}

function findingsOf(result: SimulationResult, task: Omit<Task, 'seed' | 'validators'>, crypto: string): Finding[] {
  const { seed, validators, heights, faults } = result;
  const replay = replayOf({ ...task, seed, validators }, crypto);
  const findings = result.violations.map((violation): Finding => ({ seed, validators, ...violation, replay }));
  if (findings.length > 0) return findings;
  const kinds = Object.keys(faults).length;
  const injected = Object.values(faults).reduce((sum, times) => sum + times, 0);
  if (heights >= task.heights && kinds >= FAULT_KINDS_MIN && injected >= FAULTS_MIN) return [];
  const text = `reached ${heights} heights with ${injected} faults of ${kinds} kinds: that shows nothing`;
  return [{ seed, validators, invariant: 'coverage', text, replay }];
}

async function runSeeds({ seeds, from, ledger, validators, heights, crypto, workers }: SimArguments): Promise<Sum> {
  const sum = { commit: commitOf(), seeds: 0, heights: 0, events: 0, faults: {} as Record<string, number> };
  const violations: Finding[] = [];
  let started = 0;
  const next = (): Task | undefined => {
    if (started >= seeds) return undefined;
    const size = validators[started % validators.length] ?? 4;
    return { seed: from + started++, ledger, validators: size, heights };
  };
  const onResult = (result: SimulationResult): boolean => {
    sum.seeds++;
    sum.heights += result.heights;
    sum.events += result.events;
    for (const [kind, times] of Object.entries(result.faults)) sum.faults[kind] = (sum.faults[kind] ?? 0) + times;
    for (const finding of findingsOf(result, { ledger, heights }, crypto)) {
      violations.push(finding);
      say(`${finding.invariant}: ${finding.text}\n  ${finding.replay}   (commit ${sum.commit})`);
    }
    if (sum.seeds % 50 === 0) say(`${sum.seeds} seeds, ${violations.length} violations`);
    return true;
  };
  await Promise.all(Array.from({ length: Math.min(workers, seeds) }, () => runWorker('', crypto, next, onResult)));
  return { ...sum, violations: violations.sort((a, b) => a.seed - b.seed) };
}

async function breaks(task: Task): Promise<boolean> {
  const tasks = [task];
  let isBroken = false;
  await runWorker(
    '',
    'simulated',
    () => tasks.shift(),
    (result) => {
      isBroken = result.violations.length > 0;
      return true;
    },
  );
  return isBroken;
}

interface Caught {
  readonly name: string;
  readonly bug: string;
  readonly validators: number;
  readonly caught: boolean;
  readonly seed?: number;
  readonly invariant?: string;
  readonly text?: string;
  readonly replay?: string;
}

/** Seeds 1, 2, 3, … until an invariant breaks that holds without the bug. */
async function runMutation({ name, bug, validators, ledger = 'consortium' }: Mutation): Promise<Caught> {
  let seed = 0;
  const where = { ledger, validators, heights: usualHeights(ledger) };
  const next = (): Task | undefined => (seed < MUTATION_SEEDS ? { ...where, seed: ++seed } : undefined);
  const firstFinding = async (): Promise<Finding | undefined> => {
    const findings: Finding[] = [];
    await runWorker(name, 'simulated', next, (result) => {
      if (result.violations.length > 0) findings.push(...findingsOf(result, where, 'simulated'));
      return findings.length === 0;
    });
    return findings[0];
  };
  let found = await firstFinding();
  // What breaks without the bug as well says nothing about the bug.
  while (found !== undefined && (await breaks({ ...where, seed: found.seed }))) found = await firstFinding();
  const base = { name, bug, validators };
  if (found === undefined) return { ...base, caught: false };
  const { invariant, text } = found;
  return {
    ...base,
    caught: true,
    seed: found.seed,
    invariant,
    text,
    replay: `${found.replay.replace(' --trace', '')} --only ${name}`,
  };
}

async function runMutations({ only, workers }: SimArguments): Promise<Caught[]> {
  const chosen = MUTATIONS.filter(({ name }) => only === undefined || name === only);
  if (chosen.length === 0) throw new UsageError(`there is no mutation ${only ?? ''}`);
  const results: Caught[] = [];
  const left = [...chosen];
  const work = async (): Promise<void> => {
    for (let mutation = left.shift(); mutation !== undefined; mutation = left.shift()) {
      const caught = await runMutation(mutation);
      results.push(caught);
      say(
        caught.caught
          ? `caught ${caught.name} with seed ${caught.seed}: ${caught.invariant}: ${caught.text}`
          : `NOT caught: ${caught.name}: ${caught.bug}`,
      );
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  return chosen.flatMap(({ name }) => results.filter((result) => result.name === name));
}

async function runOne({
  from,
  ledger,
  validators,
  heights,
  crypto,
  trace,
  only,
}: SimArguments): Promise<SimulationResult> {
  const task: Task = { seed: from, ledger, validators: validators[0] ?? 4, heights };
  if (only !== undefined) {
    let result: SimulationResult | undefined;
    const tasks = [task];
    await runWorker(
      only,
      crypto,
      () => tasks.shift(),
      (one) => {
        result = one;
        return true;
      },
    );
    if (result === undefined) throw new Error('the simulation gave no result');
    return result;
  }
  const real = crypto === 'real' ? (await import('@gridtokenx/crypto-native')).native : undefined;
  return simulate({
    ...task,
    ...(real && { crypto: real }),
    ...(trace && { trace: (line: string) => void process.stdout.write(`${line}\n`) }),
  });
}

async function main(): Promise<number> {
  const options = simArguments(process.argv.slice(2));
  if (options === undefined) {
    process.stdout.write(`${SIM_USAGE}\n`);
    return 0;
  }
  const print = (value: unknown): void =>
    void process.stdout.write(`${JSON.stringify(value, undefined, options.json ? undefined : 2)}\n`);
  switch (options.mode) {
    case 'one': {
      const result = await runOne(options);
      print({ commit: commitOf(), ...result });
      return result.violations.length === 0 ? 0 : 1;
    }
    case 'mutations': {
      const mutations = await runMutations(options);
      const survivors = mutations.filter(({ caught }) => !caught).map(({ name }) => name);
      print({
        commit: commitOf(),
        planted: mutations.length,
        caught: mutations.length - survivors.length,
        survivors,
        mutations,
      });
      return survivors.length === 0 ? 0 : 1;
    }
    default: {
      const sum = await runSeeds(options);
      print(sum);
      return sum.violations.length === 0 ? 0 : 1;
    }
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  const isUsage = error instanceof UsageError;
  process.stderr.write(
    isUsage ? `${error.message}\n${SIM_USAGE}\n` : `${error instanceof Error ? error.stack : String(error)}\n`,
  );
  process.exitCode = isUsage ? 2 : 1;
}
