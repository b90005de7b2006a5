import type { Verdict } from '../system/targets.js';
import type { Stored } from './stored.js';
import { plain, table } from './text.js';

/** What `npm run bench -- growth --json` prints, as far as the report uses it. */
interface GrowthResult {
  readonly small: CostAtSize;
  readonly large: CostAtSize;
  readonly ratio: number;
  readonly cpuRatio: number;
  readonly bytesPerAccount: number;
  readonly bytesPerRestingOrder: number;
  readonly snapshot: {
    readonly rows: number;
    readonly megabytes: number;
    readonly writeMs: number;
    readonly longestSliceMs: number;
    readonly longestBlockMs: number;
    readonly usualBlockMs: number;
  };
  readonly restartMs: number;
  readonly restartCpuMs: number;
  readonly restartRssMb: number;
}

interface CostAtSize {
  readonly accounts: number;
  readonly restingOrders: number;
  readonly usPerOperation: number;
  readonly cpuUsPerOperation: number;
}

const RATIO = 1.3;
const RESTART_MS = 20_000;
const LATE_MS = 200;

const of = (stored: Stored | undefined): GrowthResult | undefined => stored?.result as GrowthResult | undefined;

const lateMs = ({ snapshot }: GrowthResult): number =>
  Math.max(snapshot.longestSliceMs, snapshot.longestBlockMs - snapshot.usualBlockMs);

/** Target 5, in its parts. */
export function growthVerdicts(stored: Stored | undefined): Verdict[] {
  const growth = of(stored);
  if (growth === undefined) return [];
  const { small, large, ratio, restartMs } = growth;
  const part = (target: string, name: string, wanted: string, figure: string, met: boolean, by: string): Verdict => ({
    ...{ target, name, wanted, figure, met },
    missedBy: met ? '' : by,
  });
  const size = `${plain(large.accounts)} accounts and ${plain(large.restingOrders)} resting orders`;
  const late = lateMs(growth);
  return [
    part(
      '5a',
      `cost of an operation at ${size}`,
      `at most ${plain(RATIO, 1)} times that at ${plain(small.accounts)}`,
      `${plain(ratio, 2)} times (${plain(large.usPerOperation, 1)} against ${plain(small.usPerOperation, 1)} us)`,
      ratio <= RATIO,
      `${plain(ratio - RATIO, 2)} times`,
    ),
    part(
      '5b',
      `restart from a snapshot of ${size}`,
      `${plain(RESTART_MS)} ms at most`,
      `${plain(restartMs)} ms`,
      restartMs <= RESTART_MS,
      `${plain(restartMs - RESTART_MS)} ms`,
    ),
    part(
      '5c',
      `a block beside checkpoint and snapshot of ${size}`,
      `late by ${plain(LATE_MS)} ms at most`,
      `${plain(late)} ms`,
      late <= LATE_MS,
      `${plain(late - LATE_MS)} ms`,
    ),
  ];
}

export function growthSection(stored: Stored | undefined): string[] {
  const growth = of(stored);
  if (growth === undefined) return ['## Growth', '_No run._'];
  const { snapshot } = growth;
  return [
    '## Growth',
    `${plain(growth.bytesPerAccount)} bytes of memory for an account, ${plain(growth.bytesPerRestingOrder)} for a resting ` +
      `order. A snapshot of ${plain(snapshot.rows)} rows (${plain(snapshot.megabytes)} MB) is written in ` +
      `${plain(snapshot.writeMs)} ms beside the blocks, in slices of ${plain(snapshot.longestSliceMs)} ms at most; a block ` +
      `of 10,000 operations took ${plain(snapshot.longestBlockMs)} ms at most meanwhile, ${plain(snapshot.usualBlockMs)} ms ` +
      `before. A restart from it takes ${plain(growth.restartMs)} ms, ${plain(growth.restartCpuMs)} of the processor ` +
      `(${plain(growth.restartRssMb)} MB). By the time of the processor an operation costs ${plain(growth.cpuRatio, 2)} ` +
      'times as much.',
    table(
      ['accounts', 'resting orders', 'us/operation', 'CPU us/operation'],
      [growth.small, growth.large].map((cost) => [
        plain(cost.accounts),
        plain(cost.restingOrders),
        plain(cost.usPerOperation, 2),
        plain(cost.cpuUsPerOperation, 2),
      ]),
    ),
  ];
}
