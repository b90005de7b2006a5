import type { LedgerKind } from '@gridtokenx/protocol';
import { percentile, rounded, roundedEach, slopeOf, sumOf } from '../statistics.js';
import type { Sent } from './generator.js';
import type { SeenBlock } from './watch.js';

/** One run at one offered rate; bench/README.md says how each figure is taken. */
export interface SystemRun {
  readonly offeredPerSecond: number;
  readonly loadOffered: number;
  readonly committedPerSecond: number;
  readonly projectedPerSecond: number;
  readonly finalityMsP50: number;
  readonly finalityMsP90: number;
  readonly finalityMsP99: number;
  readonly finalityMsMax: number;
  readonly ackMsP99: number;
  readonly projectionLagMsP99: number;
  readonly cpuCores: number;
  readonly stolenCores: number;
  readonly cpuByProcess: Readonly<Record<string, number>>;
  /** Of its thread in each process, for agreeing on blocks. */
  readonly consensusCores: Readonly<Record<string, number>>;
  readonly rssMb: number;
  readonly rssByProcess: Readonly<Record<string, number>>;
  /** The highest of the second half of the measured seconds, over the highest of the first. */
  readonly rssGrowth: number;
  readonly operations: number;
  readonly blocks: number;
  readonly operationsPerBlock: number;
  readonly packedBytesPerOperation: number;
  /** Mean of the rounds that the blocks took: 1 when each was decided in its first. */
  readonly roundsPerHeight: number;
  readonly roundsAboveZero: number;
  readonly verificationsPerProcess: Readonly<Record<string, number>>;
  /** In all blocks of the run, warm-up included: what the verifications are to be compared with. */
  readonly operationsDecided: number;
  readonly envelopesDecided: number;
  readonly busy: number;
  readonly busyWithRetryAfter: number;
  readonly refusedOperations: number;
  readonly lost: number;
  readonly orderShare: number;
  readonly tradedShare: number;
  readonly tradesPerOrder: number;
  /** Of all operations, those that moved GRID. */
  readonly transferShare: number;
  readonly rejectedShare: number;
  readonly cpuUsPerOperation: number;
  readonly sustained: boolean;
}

/** What was seen of a run, before anything is worked out of it. */
export interface Measured {
  readonly rate: number;
  readonly batch: number;
  readonly requests: readonly Sent[];
  readonly busy: number;
  readonly busyWithRetryAfter: number;
  readonly blocks: readonly SeenBlock[];
  /** By height. */
  readonly projectedMs: ReadonlyMap<number, number>;
  readonly measuredFrom: number;
  readonly measuredTo: number;
  readonly cpuByProcess: Readonly<Record<string, number>>;
  readonly stolenCores: number;
  readonly consensusCores: Readonly<Record<string, number>>;
  readonly memory: readonly Readonly<Record<string, number>>[];
  readonly verificationsPerProcess: Readonly<Record<string, number>>;
}

/** What finality and projection may take, p99, for a rate to count as sustained: the intervals of blocks differ. */
export const FINALITY_MS: Readonly<Record<LedgerKind, number>> = { consortium: 3_000, public: 12_000 };
const KEYS_LEAST = 1_000;

/** Throws when the load was not the one that bench/README.md defines. */
export function figuresOf(
  measured: Measured,
  { ledger, keys, checkLoad }: { readonly ledger: LedgerKind; readonly keys: number; readonly checkLoad: boolean },
): SystemRun {
  const { rate, batch, requests, blocks, projectedMs, measuredFrom, measuredTo, cpuByProcess } = measured;
  const inWindow = (ms: number): boolean => ms >= measuredFrom && ms < measuredTo;
  const seconds = (measuredTo - measuredFrom) / 1000;
  const { finality, ack, lost } = latencies(measured, inWindow);
  const window = blocks.filter(({ arrivedMs }) => inWindow(arrivedMs));
  const projectedAt = ({ height }: SeenBlock): number => projectedMs.get(height) ?? Number.POSITIVE_INFINITY;
  const lags = window.map((block) => Math.max(0, projectedAt(block) - block.arrivedMs));
  const operations = totalOf(window, (block) => block.operations);
  const load = shapeOf(blocks);
  if (checkLoad) checkDefinition(ledger, keys, blocks, load);
  const committedPerSecond = slopeOf(window.map((block) => ({ ...block, atMs: block.arrivedMs })));
  const projectedPerSecond = slopeOf(
    blocks.map((block) => ({ ...block, atMs: projectedAt(block) })).filter(({ atMs }) => inWindow(atMs)),
  );
  const finalityMsP99 = percentile(finality, 0.99);
  const projectionLagMsP99 = percentile(lags, 0.99);
  const offered = requests.filter(({ sentMs }) => inWindow(sentMs));
  return {
    offeredPerSecond: rate,
    loadOffered: Math.round(totalOf(offered, (sent) => sent.operations) / seconds),
    committedPerSecond: Math.round(committedPerSecond),
    projectedPerSecond: Math.round(projectedPerSecond),
    finalityMsP50: percentile(finality, 0.5),
    finalityMsP90: percentile(finality, 0.9),
    finalityMsP99,
    finalityMsMax: percentile(finality, 1),
    ackMsP99: Math.round(percentile(ack, 0.99)),
    projectionLagMsP99,
    cpuCores: rounded(sumOf(cpuByProcess)),
    stolenCores: rounded(measured.stolenCores),
    cpuByProcess,
    consensusCores: measured.consensusCores,
    ...memoryOf(measured.memory),
    operations,
    blocks: window.length,
    operationsPerBlock: Math.round(operations / Math.max(1, window.length)),
    packedBytesPerOperation: Math.round(totalOf(window, (block) => block.packedBytes) / Math.max(1, operations)),
    roundsPerHeight: rounded(totalOf(window, ({ round }) => round + 1) / Math.max(1, window.length)),
    roundsAboveZero: window.filter(({ round }) => round > 0).length,
    verificationsPerProcess: measured.verificationsPerProcess,
    operationsDecided: totalOf(blocks, (block) => block.operations),
    envelopesDecided: totalOf(blocks, (block) => block.envelopes.length),
    busy: measured.busy,
    busyWithRetryAfter: measured.busyWithRetryAfter,
    refusedOperations: totalOf(
      requests.filter(({ ackMs }) => ackMs === undefined),
      (sent) => sent.operations,
    ),
    lost: lost * batch,
    ...load,
    cpuUsPerOperation: Math.round((sumOf(cpuByProcess) * 1e6) / Math.max(1, committedPerSecond)),
    sustained:
      committedPerSecond >= 0.97 * rate &&
      finalityMsP99 < FINALITY_MS[ledger] &&
      projectionLagMsP99 < FINALITY_MS[ledger] &&
      lost === 0,
  };
}

const totalOf = <T>(items: readonly T[], of: (item: T) => number): number =>
  items.reduce((sum, item) => sum + of(item), 0);

/** Of what was due in the measured seconds; `lost` are the envelopes of the whole run that no block holds. */
function latencies(
  { requests, blocks }: Measured,
  inWindow: (ms: number) => boolean,
): { finality: number[]; ack: number[]; lost: number } {
  const arrived = new Map(blocks.flatMap((block) => block.envelopes.map(({ hash }) => [hash, block.arrivedMs])));
  const finality: number[] = [];
  const ack: number[] = [];
  let lost = 0;
  for (const { dueMs, ackMs, hashes } of requests) {
    if (ackMs === undefined) continue;
    for (const hash of hashes) {
      const at = arrived.get(hash);
      if (at === undefined) lost++;
      else if (inWindow(dueMs)) finality.push(Math.max(0, at - ackMs));
    }
    if (inWindow(dueMs)) ack.push(ackMs - dueMs);
  }
  return { finality, ack, lost };
}

function memoryOf(
  samples: readonly Readonly<Record<string, number>>[],
): Pick<SystemRun, 'rssMb' | 'rssByProcess' | 'rssGrowth'> {
  const highest = (of: typeof samples): Readonly<Record<string, number>> =>
    of.reduce((most, sample) => (sumOf(sample) > sumOf(most) ? sample : most), {});
  const half = Math.ceil(samples.length / 2);
  const most = highest(samples);
  const growth = sumOf(highest(samples.slice(half))) / sumOf(highest(samples.slice(0, half)));
  return {
    rssMb: Math.round(sumOf(most)),
    rssByProcess: roundedEach(most),
    rssGrowth: Number.isFinite(growth) ? rounded(growth) : 1,
  };
}

type LoadShares = Pick<SystemRun, 'orderShare' | 'tradedShare' | 'tradesPerOrder' | 'transferShare' | 'rejectedShare'>;

function shapeOf(blocks: readonly SeenBlock[]): LoadShares {
  const orders = blocks.flatMap((block) => block.orders);
  const traded = new Set(blocks.flatMap((block) => [...block.traded]));
  const decided = totalOf(blocks, (block) => block.operations);
  const rejected = totalOf(blocks, (block) => totalOf([...block.rejected.values()], (count) => count));
  const share = (part: number, whole: number, digits = 2): number => (whole === 0 ? 0 : rounded(part / whole, digits));
  return {
    orderShare: share(orders.length, decided),
    tradedShare: share(orders.filter((order) => traded.has(order)).length, orders.length),
    tradesPerOrder: share(
      totalOf(blocks, (block) => block.trades),
      orders.length,
    ),
    transferShare: share(
      totalOf(blocks, (block) => block.transfers),
      decided,
    ),
    rejectedShare: share(rejected, decided, 4),
  };
}

/** A figure for another load than the one that bench/README.md defines is no figure. */
function checkDefinition(
  ledger: LedgerKind,
  keys: number,
  blocks: readonly SeenBlock[],
  { orderShare, tradedShare, transferShare, rejectedShare }: LoadShares,
): void {
  const codes = new Map<string, number>();
  for (const { rejected } of blocks)
    for (const [code, count] of rejected) codes.set(code, (codes.get(code) ?? 0) + count);
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  const faults = [
    ...(keys < KEYS_LEAST ? [`${keys} keys, at least ${KEYS_LEAST} are asked for`] : []),
    ...(ledger === 'consortium' && orderShare < 0.5
      ? [`only ${percent(orderShare)} of the operations became orders`]
      : []),
    ...(ledger === 'consortium' && tradedShare < 1 / 3 ? [`only ${percent(tradedShare)} of the orders traded`] : []),
    ...(ledger === 'public' && transferShare < 0.97
      ? [`only ${percent(transferShare)} of the operations moved GRID`]
      : []),
    ...(rejectedShare > 0.02 ? [`${percent(rejectedShare)} was rejected (${JSON.stringify([...codes])})`] : []),
  ];
  if (faults.length > 0) throw new Error(`the load is not the one that is defined: ${faults.join('; ')}`);
}

export function lineOf(run: SystemRun): string {
  const cells = [
    `${run.offeredPerSecond}/s offered`,
    `${run.committedPerSecond}/s committed`,
    `${run.projectedPerSecond}/s projected`,
    `finality ${run.finalityMsP50} / ${run.finalityMsP99} ms`,
    `ack p99 ${run.ackMsP99} ms`,
    `projection p99 ${run.projectionLagMsP99} ms`,
    `${run.cpuCores} cores (${run.stolenCores} stolen)`,
    `${run.cpuUsPerOperation} us/op`,
    `${run.rssMb} MB`,
    `${run.operationsPerBlock} ops/block`,
    `rounds ${run.roundsPerHeight}`,
    ...(run.orderShare > 0 ? [`traded ${(run.tradedShare * 100).toFixed(0)} %`] : []),
    `consensus ${JSON.stringify(run.consensusCores)}`,
    ...(run.busy === 0 ? [] : [`busy ${run.busy}, refused ${run.refusedOperations}`]),
    ...(run.lost === 0 ? [] : [`LOST ${run.lost}`]),
    JSON.stringify(run.cpuByProcess),
  ];
  return cells.join('  ');
}
