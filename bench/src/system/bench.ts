import { fork, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startBroker, startSystem, type Broker, type Layout, type RunningSystem } from '@gridtokenx/tools';
import { difference } from '../statistics.js';
import { openBus, type Bus } from '@gridtokenx/process';
import { LEDGER_PATHS, topicsOf, type LedgerIdentity } from '@gridtokenx/protocol';
import type { EntryPoint } from './entry.js';
import type { Command, Report } from './generator.js';
import type { LoadShape } from './load.js';
import { stageOf, type Stage } from './stage.js';
import { ProcessTree, stolenSeconds } from './processes.js';
import type { Setup } from './result.js';
import { figuresOf, lineOf, type SystemRun } from './run.js';
import { BlockWatch, ProjectionWatch, type SeenBlock } from './watch.js';

export interface BenchOptions extends Pick<
  Setup,
  'ledger' | 'bus' | 'validators' | 'entry' | 'batch' | 'keys' | 'seconds'
> {
  /** Of a Kafka that runs already; otherwise one is started from its jars. */
  readonly brokers?: readonly string[];
  readonly layout: Layout;
  readonly ledgerArguments?: readonly string[];
  readonly warmUpSeconds: number;
  /** Says of each block when it came: for whoever looks for what made a run late. */
  readonly trace: boolean;
  readonly say: (line: string) => void;
}

/** A whole system under load, with those who watch it. */
export interface Bench {
  readonly options: BenchOptions;
  readonly system: RunningSystem;
  /** Of the ledger that the load is for, and where the gateway serves it. */
  readonly identity: LedgerIdentity;
  readonly path: string;
  readonly watch: BlockWatch;
  readonly generator: ChildProcess;
  readonly tree: ProcessTree;
}

/** At most, and few enough that ten go out in a second. */
const OPERATIONS_PER_REQUEST = 1_000;
const REQUESTS_PER_SECOND = 10;
/** Time for the generator to be ready to send. */
const LEAD_MS = 300;
const DRAIN_MS_MAX = 180_000;
/** Long enough that the checks which follow do not make a block look late; what is still open is waited for after them. */
const QUIET_INTERVALS = 1.5;
const QUIET_MS_LEAST = 4_000;
/** No oftener: to add up the shares of all pages takes the kernel tens of milliseconds for each large process. */
const MEMORY_EVERY_MS = 2_000;
const COUNTERS_MS = 500;
const SEED = 7;

/** Brings up what the options say, prepares the market and takes everything down again, whatever happened. */
export async function withBench<T>(options: BenchOptions, work: (bench: Bench) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'gridtokenx-bench-'));
  let broker: Broker | undefined;
  try {
    if (options.bus === 'kafka' && options.brokers === undefined) {
      options.say('starting Kafka');
      broker = await startBroker({ folder: join(folder, 'kafka') });
    }
    const brokers = options.brokers ?? (broker === undefined ? [] : [broker.brokers]);
    options.say('starting Postgres, the ledger processes and the gateway');
    const stage = stageOf(options);
    const system = await startSystem({
      folder: join(folder, 'system'),
      bus: options.bus,
      brokers,
      databaseUrl: undefined,
      port: 0,
      // The books of the metered interval stay open for a quarter of an hour.
      rate: 1,
      ...stage.system,
      countersMs: COUNTERS_MS,
      ...(options.ledgerArguments !== undefined && { ledgerArguments: options.ledgerArguments }),
      restart: false,
      say: options.say,
    });
    try {
      return await Promise.race([watched(options, stage, system, brokers, work), system.failed]);
    } finally {
      await system.stop();
    }
  } finally {
    await broker?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function watched<T>(
  options: BenchOptions,
  stage: Stage,
  system: RunningSystem,
  brokers: readonly string[],
  work: (bench: Bench) => Promise<T>,
): Promise<T> {
  const bus: Bus =
    options.bus === 'kafka' ? { kind: 'kafka', brokers } : { kind: 'embedded', databaseUrl: system.databaseUrl };
  const log = openBus(bus, 'bench');
  const identity = stage.identityIn(system);
  const watch = new BlockWatch(log, identity);
  const generator = fork(fileURLToPath(new URL('generator.js', import.meta.url)), {
    execArgv: ['--max-old-space-size=4096'],
  });
  try {
    const load = await stage.prepare(system);
    watch.start();
    const path = `${system.url}${LEDGER_PATHS[options.ledger]}`;
    const entry: EntryPoint =
      options.entry === 'rest'
        ? { kind: 'rest', url: `${path}/batches` }
        : { kind: 'bus', bus, topic: topicsOf(identity).operations.name };
    const shape: LoadShape = { ...load, ledgerId: identity.ledgerId, batch: options.batch };
    await ask(generator, { kind: 'shape', shape, seed: SEED, entry }, 'ready');
    const names = new Map([
      ...Object.entries(system.pids()).map(([name, pid]): [number, string] => [pid, name]),
      [generator.pid ?? 0, 'generator'],
      [process.pid, 'bench'],
    ]);
    for (const pid of kafkaPids()) names.set(pid, 'kafka');
    return await work({ options, system, identity, path, watch, generator, tree: new ProcessTree(names) });
  } finally {
    if (generator.connected) generator.disconnect();
    await watch.stop();
    await log.close();
  }
}

export interface RunOptions {
  readonly rate: number;
  readonly seconds?: number;
  readonly warmUpSeconds?: number;
  /** By default what was refused is offered again, and the load must be the one that is defined. */
  readonly overload?: boolean;
  /** When the measured seconds begin. */
  readonly onMeasured?: () => Promise<void>;
  /** After the last request was sent and before the system is quiet. */
  readonly onLoadOver?: () => Promise<void>;
}

export interface FinishedRun {
  readonly run: SystemRun;
  readonly blocks: readonly SeenBlock[];
  readonly measuredFrom: number;
  readonly loadOverMs: number;
}

/** One rate: signs, offers, waits until everything is final and projected, and works out the figures. */
export async function runAt(bench: Bench, wanted: RunOptions): Promise<FinishedRun> {
  const { options, system, path, watch, generator, tree } = bench;
  const { rate, seconds = options.seconds, warmUpSeconds = options.warmUpSeconds, overload = false } = wanted;
  const { batch } = options;
  const envelopes = Math.ceil((rate * (warmUpSeconds + seconds)) / batch);
  const perRequest = Math.max(1, Math.floor(Math.min(OPERATIONS_PER_REQUEST, rate / REQUESTS_PER_SECOND) / batch));
  options.say(`${rate}/s: signing ${envelopes} envelopes`);
  await ask(generator, { kind: 'sign', envelopes, perRequest }, 'signed');
  watch.settle();
  const firstBlock = watch.blocks.length;
  const projection = new ProjectionWatch(path, (watch.blocks.at(-1)?.height ?? 0) + 1);
  projection.start();
  const verifiedBefore = countsOf(system, 'verifications');

  const startMs = Date.now() + LEAD_MS;
  const measuredFrom = startMs + warmUpSeconds * 1000;
  const measuredTo = measuredFrom + seconds * 1000;
  const retry = overload ? 'never' : 'again';
  const sending = ask(generator, { kind: 'send', rate, startMs, retry }, 'sent');
  await until(measuredFrom);
  // Before the CPU is read: of a child that is killed all it ever used counts as its parent's from then on.
  await wanted.onMeasured?.();
  const cpuBefore = tree.cpu();
  const stolenBefore = stolenSeconds();
  const consensusBefore = countsOf(system, 'consensusCpuUs');
  const cpuFrom = Date.now();
  const memory = await sampled(tree, measuredTo);
  const elapsed = (Date.now() - cpuFrom) / 1000;
  const cpuByProcess = difference(tree.cpu(), cpuBefore, elapsed);
  const stolenCores = (stolenSeconds() - stolenBefore) / elapsed;
  const consensusCores = difference(inSeconds(countsOf(system, 'consensusCpuUs')), inSeconds(consensusBefore), elapsed);

  const { requests, busy, busyWithRetryAfter, failed } = await sending;
  if (failed.length > 0) throw new Error(`the load was refused: ${failed.join('; ')}`);
  if (requests.every(({ ackMs }) => ackMs === undefined)) throw new Error('nothing was acknowledged');
  const loadOverMs = Math.max(...requests.map(({ sentMs }) => sentMs));
  await wanted.onLoadOver?.();
  const blocks = await drained(bench, projection, firstBlock, new Set(requests.flatMap(({ hashes }) => hashes)));
  await projection.stop();
  await pause(2 * COUNTERS_MS);
  if (options.trace)
    for (const { height, arrivedMs, timeMs, round, operations } of blocks)
      options.say(
        `  block ${height}: ${operations} operations, round ${round}, readable at ${arrivedMs - startMs} ms, ` +
          `${arrivedMs - timeMs} ms after its time, projected ${(projection.answeredMs.get(height) ?? NaN) - arrivedMs} ms later`,
      );
  const measured = {
    ...{ rate, batch, requests, busy, busyWithRetryAfter, blocks, measuredFrom, measuredTo, cpuByProcess, stolenCores },
    ...{ memory, consensusCores, projectedMs: projection.answeredMs },
    verificationsPerProcess: difference(countsOf(system, 'verifications'), verifiedBefore, 1),
  };
  const run = figuresOf(measured, { ledger: options.ledger, keys: options.keys, checkLoad: !overload });
  options.say(lineOf(run));
  return { run, blocks, measuredFrom, loadOverMs };
}

/** Of those that tell: Postgres counts nothing, and consensus has only who hosts validators. */
const countsOf = (system: RunningSystem, what: 'verifications' | 'consensusCpuUs'): Record<string, number> =>
  Object.fromEntries(
    Object.entries(system.counters()).flatMap(([name, { [what]: counted }]) =>
      counted === undefined ? [] : [[name, counted]],
    ),
  );

const inSeconds = (us: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(us).map(([name, value]) => [name, value / 1e6]));

async function sampled(tree: ProcessTree, toMs: number): Promise<Record<string, number>[]> {
  const samples: Record<string, number>[] = [];
  while (Date.now() < toMs) {
    await until(Math.min(toMs, Date.now() + MEMORY_EVERY_MS));
    samples.push(tree.memoryMb());
  }
  return samples;
}

/** Waits until every acknowledged envelope is in a block and the gateway stands at the last of them. */
async function drained(
  { watch, options, identity }: Bench,
  projection: ProjectionWatch,
  firstBlock: number,
  open: Set<string>,
): Promise<readonly SeenBlock[]> {
  const giveUpMs = Date.now() + DRAIN_MS_MAX;
  const quietMs = Math.max(QUIET_MS_LEAST, QUIET_INTERVALS * identity.genesis.consensus.intervalMs);
  let looked = firstBlock;
  for (;;) {
    // Checking the blocks takes the event loop for seconds, which must not make a block look late.
    while (Date.now() - watch.lastBusyMs < quietMs) await pause(100);
    watch.settle();
    for (const { envelopes } of watch.blocks.slice(looked)) for (const { hash } of envelopes) open.delete(hash);
    looked = watch.blocks.length;
    const last = watch.blocks.findLast((block) => block.envelopes.length > 0)?.height ?? 0;
    if (open.size === 0 && projection.height >= last) break;
    if (Date.now() > giveUpMs) {
      options.say(`${open.size} envelopes were not decided, the gateway stands at ${projection.height} of ${last}`);
      break;
    }
    await pause(200);
  }
  return watch.blocks.slice(firstBlock);
}

export async function ask<K extends Report['kind']>(
  generator: ChildProcess,
  command: Command,
  kind: K,
): Promise<Extract<Report, { kind: K }>> {
  generator.send(command);
  const answered = new AbortController();
  const { signal } = answered;
  const ended = once(generator, 'exit', { signal }).then(() => {
    throw new Error('the load generator ended');
  });
  const [report] = (await Promise.race([once(generator, 'message', { signal }), ended])) as [Report];
  answered.abort();
  if (report.kind !== kind) throw new Error(`the load generator said ${report.kind} instead of ${kind}`);
  return report as Extract<Report, { kind: K }>;
}

const until = (ms: number): Promise<void> => pause(Math.max(0, ms - Date.now()));

/** Children of this process that are neither of the system nor the generator: the broker, when it was started here. */
function kafkaPids(): number[] {
  const { stdout } = spawnSync('pgrep', ['-P', String(process.pid), '-x', 'java'], { encoding: 'utf8' });
  return (stdout ?? '').split('\n').filter(Boolean).map(Number);
}
