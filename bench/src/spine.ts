import { fork, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createEmbeddedLog } from '@gridtokenx/embedded-log';
import { createKafkaLog } from '@gridtokenx/kafka';
import type { Log } from '@gridtokenx/runtime';
import { startBroker, startSystem, type Broker, type RunningSystem } from '@gridtokenx/tools';
import type { Command, Report, Sent } from './spine/generator.js';
import { prepareMarket } from './spine/prepare.js';
import { ProcessTree, stolenSeconds } from './spine/processes.js';
import { BlockWatch, ProjectionWatch, type SeenBlock } from './spine/watch.js';

export interface SpineBenchOptions {
  readonly bus: 'embedded' | 'kafka';
  /** Of a Kafka that runs already; otherwise one is started from its jars. */
  readonly brokers?: readonly string[];
  /** Operations a second, one run each. */
  readonly rates: readonly number[];
  /** Measured, after the warm-up. */
  readonly seconds: number;
  /** Operations in an envelope. */
  readonly envelopeSize: number;
  readonly keys: number;
  /** Says of each block when it came: for whoever looks for what made a run late. */
  readonly trace: boolean;
  readonly say: (line: string) => void;
}

/** One run at one offered rate. */
export interface SpineRun {
  readonly offeredPerSecond: number;
  readonly committedPerSecond: number;
  /** From the client's 202 to the certified block record being readable on the bus. */
  readonly finalityMsP50: number;
  readonly finalityMsP99: number;
  /** From when the rate asked for the request to its 202. */
  readonly ackMsP99: number;
  /** From the record being readable to the gateway answering at that height. */
  readonly projectionLagMsP99: number;
  readonly cpuCores: number;
  /** Of the machine's cores, what its host took away meanwhile. */
  readonly stolenCores: number;
  readonly cpuByProcess: Readonly<Record<string, number>>;
  readonly rssMb: number;
  readonly rssByProcess: Readonly<Record<string, number>>;
  readonly operations: number;
  readonly blocks: number;
  readonly operationsPerBlock: number;
  readonly packedBytesPerOperation: number;
  /** Blocks that were not decided in round 0. */
  readonly roundsAboveZero: number;
  readonly busy: number;
  /** Acknowledged and in no block. */
  readonly lost: number;
  readonly orderShare: number;
  readonly tradedShare: number;
  readonly tradesPerOrder: number;
  readonly rejectedShare: number;
  /** CPU microseconds of all processes together for one committed operation. */
  readonly cpuUsPerOperation: number;
  /** Committed what was offered, with finality and projection lag p99 below three seconds. */
  readonly sustained: boolean;
}

export interface SpineBenchResult extends SpineRun {
  readonly bus: 'embedded' | 'kafka';
  readonly validators: number;
  readonly keys: number;
  readonly envelopeSize: number;
  readonly runs: readonly SpineRun[];
  readonly machine: {
    readonly cores: number;
    readonly model: string;
    readonly node: string;
    readonly loadAverage: number;
  };
  readonly commit: string;
}

const WARM_UP_SECONDS = 8;
const ENVELOPES_PER_REQUEST_OPERATIONS = 1_000;
/** Time for the generator to be ready to send. */
const LEAD_MS = 300;
const DRAIN_MS_MAX = 180_000;
/** Longer than the longest time-out of a round: after it, nothing is under way. */
const QUIET_MS = 9_000;
const MEMORY_EVERY_MS = 2_000;
const FINALITY_MS = 3_000;
const KEYS_LEAST = 1_000;

export async function runSpineBench(options: SpineBenchOptions): Promise<SpineBenchResult> {
  const [loadBefore = 0] = loadavg();
  const folder = await mkdtemp(join(tmpdir(), 'gridtokenx-bench-'));
  let broker: Broker | undefined;
  try {
    if (options.bus === 'kafka' && options.brokers === undefined) {
      options.say('starting Kafka');
      broker = await startBroker({ folder: join(folder, 'kafka') });
    }
    const brokers = options.brokers ?? (broker === undefined ? [] : [broker.brokers]);
    options.say('starting Postgres, the ledger with its validators and the gateway');
    const system = await startSystem({
      folder: join(folder, 'system'),
      bus: options.bus,
      brokers,
      databaseUrl: undefined,
      port: 0,
      // The books of the metered interval stay open for a quarter of an hour.
      rate: 1,
      restart: false,
      say: options.say,
    });
    try {
      return await Promise.race([measure(options, system, brokers, loadBefore), system.failed]);
    } finally {
      await system.stop();
    }
  } finally {
    await broker?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(
  options: SpineBenchOptions,
  system: RunningSystem,
  brokers: readonly string[],
  loadBefore: number,
): Promise<SpineBenchResult> {
  const log: Log =
    options.bus === 'kafka'
      ? createKafkaLog({ brokers: [...brokers], clientId: 'bench' })
      : createEmbeddedLog({ connectionString: system.databaseUrl });
  const watch = new BlockWatch(log, system.ledger.identity);
  const generator = fork(fileURLToPath(new URL('spine/generator.js', import.meta.url)), {
    execArgv: ['--max-old-space-size=2048'],
  });
  const names = new Map([
    ...Object.entries(system.pids()).map(([name, pid]): [number, string] => [pid, name]),
    [generator.pid ?? 0, 'generator'],
    [process.pid, 'bench'],
  ]);
  for (const pid of kafkaPids()) names.set(pid, 'kafka');
  try {
    options.say(`preparing ${options.keys} accounts with keys, money and energy over REST`);
    const { accounts, interval } = await prepareMarket(system, options.keys);
    watch.start();
    const { ledgerId } = system.ledger.identity;
    const shape = { ledgerId, interval, accounts, envelopeSize: options.envelopeSize };
    await ask(generator, { kind: 'shape', shape, seed: 7 }, 'ready');
    const bench: Bench = { options, url: system.url, watch, generator, tree: new ProcessTree(names) };
    const runs: SpineRun[] = [];
    for (const rate of options.rates) {
      const run = await runAt(bench, rate);
      runs.push(run);
      options.say(lineOf(run));
      // Beyond saturation nothing is learnt from offering still more.
      if (!run.sustained && run.committedPerSecond < 0.8 * run.offeredPerSecond) break;
    }
    const best = [...runs].sort(
      (a, b) => Number(b.sustained) - Number(a.sustained) || b.committedPerSecond - a.committedPerSecond,
    )[0];
    if (best === undefined) throw new Error('no rate was given');
    return {
      ...best,
      bus: options.bus,
      validators: system.ledger.identity.genesis.validators.length,
      keys: options.keys,
      envelopeSize: options.envelopeSize,
      runs,
      machine: machine(loadBefore),
      commit: commit(),
    };
  } finally {
    generator.disconnect();
    await watch.stop();
    await log.close();
  }
}

interface Bench {
  readonly options: SpineBenchOptions;
  readonly url: string;
  readonly watch: BlockWatch;
  readonly generator: ChildProcess;
  readonly tree: ProcessTree;
}

async function runAt(bench: Bench, rate: number): Promise<SpineRun> {
  const { options, watch, generator, tree, url } = bench;
  const { envelopeSize, seconds } = options;
  const envelopes = Math.ceil((rate * (WARM_UP_SECONDS + seconds)) / envelopeSize);
  const perRequest = Math.max(1, Math.floor(ENVELOPES_PER_REQUEST_OPERATIONS / envelopeSize));
  options.say(`${rate}/s: signing ${envelopes} envelopes`);
  await ask(generator, { kind: 'sign', envelopes, perRequest }, 'signed');
  watch.settle();
  const firstBlock = watch.blocks.length;
  const projection = new ProjectionWatch(url, (watch.blocks.at(-1)?.height ?? 0) + 1);
  projection.start();

  const startMs = Date.now() + LEAD_MS;
  const measuredFrom = startMs + WARM_UP_SECONDS * 1000;
  const measuredTo = measuredFrom + seconds * 1000;
  const sending = ask(generator, { kind: 'send', url, rate, startMs }, 'sent');
  await until(measuredFrom);
  const cpuBefore = tree.cpu();
  const stolenBefore = stolenSeconds();
  const cpuFrom = Date.now();
  let memory: Record<string, number> = {};
  while (Date.now() < measuredTo) {
    await until(Math.min(measuredTo, Date.now() + MEMORY_EVERY_MS));
    const now = tree.memoryMb();
    if (sumOf(now) > sumOf(memory)) memory = now;
  }
  const elapsed = (Date.now() - cpuFrom) / 1000;
  const cpuByProcess = difference(tree.cpu(), cpuBefore, elapsed);
  const stolenCores = (stolenSeconds() - stolenBefore) / elapsed;

  const { requests, busy, failed } = await sending;
  if (failed.length > 0) throw new Error(`the gateway refused the load: ${failed.join('; ')}`);
  const hashes = new Set(requests.flatMap((sent) => sent.hashes));
  const blocks = await drained(bench, projection, firstBlock, hashes);
  await projection.stop();
  if (options.trace)
    for (const { height, arrivedMs, timeMs, round, operations } of blocks)
      options.say(
        `  block ${height}: ${operations} operations, round ${round}, readable at ${arrivedMs - startMs} ms, ` +
          `${arrivedMs - timeMs} ms after its time, projected ${(projection.answeredMs.get(height) ?? NaN) - arrivedMs} ms later`,
      );
  return figures({
    bench,
    rate,
    requests,
    busy,
    blocks,
    projection,
    hashes,
    measuredFrom,
    measuredTo,
    cpuByProcess,
    stolenCores,
    memory,
  });
}

/** Waits until every acknowledged envelope is in a block and the gateway stands at the last of them. */
async function drained(
  { watch, options }: Bench,
  projection: ProjectionWatch,
  firstBlock: number,
  hashes: ReadonlySet<string>,
): Promise<readonly SeenBlock[]> {
  const until = Date.now() + DRAIN_MS_MAX;
  let looked = firstBlock;
  const open = new Set(hashes);
  for (;;) {
    // Checking the blocks takes the event loop for seconds, which must not make a block look late.
    while (Date.now() - watch.lastBusyMs < QUIET_MS) await new Promise((done) => setTimeout(done, 100));
    watch.settle();
    for (const { envelopes } of watch.blocks.slice(looked)) for (const { hash } of envelopes) open.delete(hash);
    looked = watch.blocks.length;
    const last = watch.blocks.findLast((block) => block.envelopes.length > 0)?.height ?? 0;
    if (open.size === 0 && projection.height >= last) break;
    if (Date.now() > until) {
      options.say(`${open.size} envelopes were not decided, the gateway stands at ${projection.height} of ${last}`);
      break;
    }
    await new Promise((done) => setTimeout(done, 200));
  }
  return watch.blocks.slice(firstBlock);
}

interface Measured {
  readonly bench: Bench;
  readonly rate: number;
  readonly requests: readonly Sent[];
  readonly busy: number;
  readonly blocks: readonly SeenBlock[];
  readonly projection: ProjectionWatch;
  readonly hashes: ReadonlySet<string>;
  readonly measuredFrom: number;
  readonly measuredTo: number;
  readonly cpuByProcess: Record<string, number>;
  readonly stolenCores: number;
  readonly memory: Record<string, number>;
}

function figures(measured: Measured): SpineRun {
  const { bench, rate, requests, busy, blocks, projection, hashes, measuredFrom, measuredTo } = measured;
  const arrived = new Map(blocks.flatMap((block) => block.envelopes.map(({ hash }) => [hash, block.arrivedMs])));
  const inWindow = (ms: number): boolean => ms >= measuredFrom && ms < measuredTo;
  const finality: number[] = [];
  const ack: number[] = [];
  let lost = 0;
  for (const { dueMs, ackMs, hashes: own } of requests) {
    for (const hash of own) {
      const at = arrived.get(hash);
      if (at === undefined) lost += bench.options.envelopeSize;
      else if (inWindow(dueMs)) finality.push(Math.max(0, at - ackMs));
    }
    if (inWindow(dueMs)) ack.push(ackMs - dueMs);
  }
  const window = blocks.filter(({ arrivedMs }) => inWindow(arrivedMs));
  const lags = window.map(({ height, arrivedMs }) =>
    Math.max(0, (projection.answeredMs.get(height) ?? Infinity) - arrivedMs),
  );
  const operations = window.reduce((sum, block) => sum + block.operations, 0);

  const orders = blocks.flatMap((block) => block.orders);
  const traded = new Set(blocks.flatMap((block) => [...block.traded]));
  const trades = blocks.reduce((sum, block) => sum + block.trades, 0);
  const decided = blocks.reduce((sum, block) => sum + block.operations, 0);
  const rejected = blocks.reduce((sum, block) => sum + [...block.rejected.values()].reduce((a, b) => a + b, 0), 0);
  const load = {
    orderShare: orders.length / decided,
    tradedShare: orders.filter((order) => traded.has(order)).length / orders.length,
    rejectedShare: rejected / decided,
  };
  checkDefinition(bench, blocks, load, hashes.size, requests.length);
  const committedPerSecond = slopeOf(window);
  const finalityMsP99 = percentile(finality, 0.99);
  const projectionLagMsP99 = percentile(lags, 0.99);
  return {
    offeredPerSecond: rate,
    committedPerSecond: Math.round(committedPerSecond),
    finalityMsP50: percentile(finality, 0.5),
    finalityMsP99,
    ackMsP99: Math.round(percentile(ack, 0.99)),
    projectionLagMsP99,
    cpuCores: rounded(sumOf(measured.cpuByProcess)),
    stolenCores: rounded(measured.stolenCores),
    cpuByProcess: measured.cpuByProcess,
    rssMb: Math.round(sumOf(measured.memory)),
    rssByProcess: Object.fromEntries(Object.entries(measured.memory).map(([name, mb]) => [name, Math.round(mb)])),
    operations,
    blocks: window.length,
    operationsPerBlock: Math.round(operations / Math.max(1, window.length)),
    packedBytesPerOperation: Math.round(
      window.reduce((sum, { packedBytes }) => sum + packedBytes, 0) / Math.max(1, operations),
    ),
    roundsAboveZero: window.filter(({ round }) => round > 0).length,
    busy,
    lost,
    orderShare: rounded(load.orderShare),
    tradedShare: rounded(load.tradedShare),
    tradesPerOrder: rounded(trades / orders.length),
    rejectedShare: rounded(load.rejectedShare, 4),
    cpuUsPerOperation: Math.round((sumOf(measured.cpuByProcess) * 1e6) / Math.max(1, committedPerSecond)),
    sustained:
      committedPerSecond >= 0.97 * rate &&
      finalityMsP99 < FINALITY_MS &&
      projectionLagMsP99 < FINALITY_MS &&
      lost === 0,
  };
}

/**
 * Operations a second as the slope of the line through (arrival, operations so far): blocks come a second apart, so a
 * count between two instants would be off by a block.
 */
function slopeOf(blocks: readonly SeenBlock[]): number {
  let sum = 0;
  const points = blocks.map(({ arrivedMs, operations }) => ({ x: arrivedMs / 1000, y: (sum += operations) }));
  const mean = (of: (point: { x: number; y: number }) => number): number =>
    points.reduce((total, point) => total + of(point), 0) / points.length;
  const [x, y] = [mean((point) => point.x), mean((point) => point.y)];
  const spread = mean((point) => (point.x - x) ** 2);
  return spread > 0 ? mean((point) => (point.x - x) * (point.y - y)) / spread : 0;
}

/** A figure for another load than the one that bench/README.md defines is no figure. */
function checkDefinition(
  { options: { keys } }: Bench,
  blocks: readonly SeenBlock[],
  { orderShare, tradedShare, rejectedShare }: { orderShare: number; tradedShare: number; rejectedShare: number },
  distinct: number,
  requests: number,
): void {
  const codes = new Map<string, number>();
  for (const { rejected } of blocks)
    for (const [code, count] of rejected) codes.set(code, (codes.get(code) ?? 0) + count);
  const faults = [
    ...(keys < KEYS_LEAST ? [`${keys} keys, at least ${KEYS_LEAST} are asked for`] : []),
    ...(orderShare < 0.5 ? [`only ${(orderShare * 100).toFixed(1)} % of the operations became orders`] : []),
    ...(tradedShare < 1 / 3 ? [`only ${(tradedShare * 100).toFixed(1)} % of the orders traded`] : []),
    ...(rejectedShare > 0.02
      ? [`${(rejectedShare * 100).toFixed(1)} % was rejected (${JSON.stringify([...codes])})`]
      : []),
    ...(distinct === 0 || requests === 0 ? ['nothing was acknowledged'] : []),
  ];
  if (faults.length > 0) throw new Error(`the load is not the one that is defined: ${faults.join('; ')}`);
}

async function ask<K extends Report['kind']>(
  generator: ChildProcess,
  command: Command,
  kind: K,
): Promise<Extract<Report, { kind: K }>> {
  generator.send(command);
  const ended = once(generator, 'exit').then(() => {
    throw new Error('the load generator ended');
  });
  const [report] = (await Promise.race([once(generator, 'message'), ended])) as [Report];
  if (report.kind !== kind) throw new Error(`the load generator said ${report.kind} instead of ${kind}`);
  return report as Extract<Report, { kind: K }>;
}

const until = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, Math.max(0, ms - Date.now())));
export const rounded = (value: number, digits = 2): number => Number(value.toFixed(digits));
export const sumOf = (record: Readonly<Record<string, number>>): number =>
  Object.values(record).reduce((a, b) => a + b, 0);

export const difference = (
  after: Readonly<Record<string, number>>,
  before: Readonly<Record<string, number>>,
  seconds: number,
): Record<string, number> =>
  Object.fromEntries(
    Object.entries(after).map(([name, value]) => [name, rounded((value - (before[name] ?? 0)) / seconds)]),
  );

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.POSITIVE_INFINITY;
}

/** Children of this process that are neither of the system nor the generator: the broker, when it was started here. */
function kafkaPids(): number[] {
  const { stdout } = spawnSync('pgrep', ['-P', String(process.pid), '-x', 'java'], { encoding: 'utf8' });
  return (stdout ?? '').split('\n').filter(Boolean).map(Number);
}

/** `before`: the load average before anything was started, which tells whether the machine was ours. */
export function machine(before: number): SpineBenchResult['machine'] {
  const all = cpus();
  return {
    cores: all.length,
    model: all[0]?.model ?? 'unknown',
    node: process.version,
    loadAverage: rounded(before),
  };
}

export function commit(): string {
  const root = fileURLToPath(new URL('../../', import.meta.url));
  const git = (...args: string[]): string =>
    spawnSync('git', args, { cwd: root, encoding: 'utf8' }).stdout?.trim() ?? '';
  const changed = git('status', '--porcelain', '--untracked-files=no') === '' ? '' : ' with changes';
  return `${git('rev-parse', '--short', 'HEAD')}${changed}`;
}

export function lineOf(run: SpineRun): string {
  const cells = [
    `${run.offeredPerSecond}/s offered`,
    `${run.committedPerSecond}/s committed`,
    `finality ${run.finalityMsP50} / ${run.finalityMsP99} ms`,
    `ack p99 ${run.ackMsP99} ms`,
    `projection p99 ${run.projectionLagMsP99} ms`,
    `${run.cpuCores} cores (${run.stolenCores} stolen)`,
    `${run.cpuUsPerOperation} us/op`,
    `${run.rssMb} MB`,
    `${run.operationsPerBlock} ops/block`,
    `rounds>0 ${run.roundsAboveZero}`,
    `traded ${(run.tradedShare * 100).toFixed(0)} %`,
    ...(run.lost === 0 ? [] : [`LOST ${run.lost}`]),
    JSON.stringify(run.cpuByProcess),
  ];
  return cells.join('  ');
}
