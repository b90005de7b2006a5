import { percentile, rounded } from '../statistics.js';
import { ask, runAt, type Bench } from './bench.js';
import type { Sent } from './generator.js';
import type { SystemRun } from './run.js';

/** Twice the load that saturates, then none: target 4. */
export interface Overload {
  /** The highest committed rate of the climb before. */
  readonly peakPerSecond: number;
  readonly ofPeak: number;
  readonly rssAtPeakMb: number;
  /** From the last request of the overload to the first probe from which on all were as quick as before. */
  readonly backToNormalMs: number;
  /** What counts as normal: acknowledgement and finality, p99, of the best run that was sustained. */
  readonly normalMs: number;
  readonly probeMsP50: number;
  readonly run: SystemRun;
}

const TIMES = 2;
const PROBES_PER_SECOND = 5;
const PROBE_SECONDS = 20;

export async function runOverload(bench: Bench, climb: readonly SystemRun[]): Promise<Overload> {
  const peak = [...climb].sort((a, b) => b.committedPerSecond - a.committedPerSecond)[0];
  const calm = climb.findLast(({ sustained }) => sustained);
  if (peak === undefined || calm === undefined)
    throw new Error('no rate was sustained, so there is no normal to return to');
  const { generator, options } = bench;
  let probes: readonly Sent[] = [];
  const { run, blocks, loadOverMs } = await runAt(bench, {
    rate: TIMES * peak.committedPerSecond,
    overload: true,
    onLoadOver: async () => {
      options.say('the load is over; probing');
      const rate = PROBES_PER_SECOND * options.batch;
      await ask(generator, { kind: 'sign', envelopes: PROBES_PER_SECOND * PROBE_SECONDS, perRequest: 1 }, 'signed');
      ({ requests: probes } = await ask(
        generator,
        { kind: 'send', rate, startMs: Date.now(), retry: 'again' },
        'sent',
      ));
    },
  });
  const arrived = new Map(blocks.flatMap((block) => block.envelopes.map(({ hash }) => [hash, block.arrivedMs])));
  const latencies = [...probes]
    .sort((a, b) => a.dueMs - b.dueMs)
    .map(({ dueMs, hashes }) => ({ dueMs, ms: (arrived.get(hashes[0] ?? '') ?? Number.POSITIVE_INFINITY) - dueMs }));
  const normalMs = calm.ackMsP99 + calm.finalityMsP99;
  return {
    peakPerSecond: peak.committedPerSecond,
    ofPeak: rounded(run.committedPerSecond / peak.committedPerSecond),
    rssAtPeakMb: peak.rssMb,
    backToNormalMs: backToNormal(latencies, normalMs) - loadOverMs,
    normalMs,
    probeMsP50: percentile(
      latencies.map(({ ms }) => ms),
      0.5,
    ),
    run,
  };
}

/** When the first probe was due from which on all are normal; Infinity if the last one is not. */
export function backToNormal(
  probes: readonly { readonly dueMs: number; readonly ms: number }[],
  normalMs: number,
): number {
  const lastLate = probes.findLastIndex(({ ms }) => ms > normalMs);
  return probes[lastLate + 1]?.dueMs ?? Number.POSITIVE_INFINITY;
}
