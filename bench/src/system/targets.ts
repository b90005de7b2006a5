import type { SystemResult } from './result.js';
import { FINALITY_MS, type SystemRun } from './run.js';

/** One of the targets, as far as a run can tell. */
export interface Verdict {
  /** As the report numbers them. */
  readonly target: string;
  readonly name: string;
  readonly wanted: string;
  readonly figure: string;
  readonly met: boolean;
  /** What is missing, when it is not met. */
  readonly missedBy: string;
}

type Subject = Pick<
  SystemResult,
  'ledger' | 'bus' | 'processes' | 'validators' | 'batch' | 'runs' | 'verifyPerSecondLimit' | 'overload' | 'deadLeader'
>;

/** A machine whose core verifies fewer than this is the slower one that target 1 speaks of. */
const VERIFY_SHARE = 0.4;
const OF_PEAK = 0.9;
const BACK_TO_NORMAL_MS = 10_000;
const RSS_GROWTH = 1.25;
const DEAD_LEADER_MS = 3_000;
/** Of one core, that agreeing on the blocks of the public ledger may take. */
const CONSENSUS_CORES = 0.6;
export const CONSENSUS_TARGET = 'P2';

const number = (value: number): string => (Number.isFinite(value) ? value.toLocaleString('en-US') : 'never');

/** The targets that this configuration is asked to meet; none when it is another one. */
export function verdictsOf(result: Subject): Verdict[] {
  const { overload, deadLeader } = result;
  return [
    ...throughputTargets(result).map((target) => throughput(result, target)),
    ...consensusTargets(result),
    ...(overload === undefined ? [] : [overloadVerdict(overload)]),
    ...(deadLeader === undefined
      ? []
      : [
          {
            target: '6',
            name: `one dead leader of ${result.validators}, ${processesOf(result)}`,
            wanted: `the height it should have led is final in under ${number(DEAD_LEADER_MS)} ms`,
            figure: `${number(deadLeader.worstMs)} ms at worst of ${deadLeader.heights.length} heights`,
            met: deadLeader.worstMs < DEAD_LEADER_MS,
            missedBy: deadLeader.worstMs < DEAD_LEADER_MS ? '' : `${number(deadLeader.worstMs - DEAD_LEADER_MS)} ms`,
          },
        ]),
  ];
}

const processesOf = ({ processes, bus }: Subject): string =>
  `${processes === 1 ? 'one process' : `${processes} processes`}, ${bus} bus`;

interface Throughput {
  readonly target: string;
  readonly name: string;
  readonly perSecond: number;
}

function throughputTargets(result: Subject): Throughput[] {
  const { ledger, bus, processes, validators, batch, verifyPerSecondLimit, overload, deadLeader } = result;
  if (overload !== undefined || deadLeader !== undefined) return [];
  if (ledger === 'public')
    return isPublicTarget(result) ? [{ target: 'P1', name: publicNameOf(result), perSecond: 5_000 }] : [];
  const name = `batches of ${batch}, ${validators} validators, ${processesOf(result)}`;
  if (processes === 1 && validators === 21 && batch === 1) {
    const perSecond = Math.min(10_000, Math.round(VERIFY_SHARE * verifyPerSecondLimit));
    return [{ target: '1', name, perSecond }];
  }
  if (processes === 1 && validators === 21 && batch === 100) return [{ target: '2a', name, perSecond: 30_000 }];
  if (processes === 4 && bus === 'kafka' && batch === 100) return [{ target: '2b', name, perSecond: 15_000 }];
  if (processes === 4 && bus === 'kafka' && batch === 1) return [{ target: '3', name, perSecond: 4_000 }];
  return [];
}

const isPublicTarget = ({ ledger, processes, validators, batch }: Subject): boolean =>
  ledger === 'public' && processes === 1 && validators === 100 && batch === 1;

const publicNameOf = (result: Subject): string =>
  `transfers of GRID, ${result.validators} validators of the public ledger, ${processesOf(result)}`;

/** At the run that counts for the throughput. */
function consensusTargets(result: Subject): Verdict[] {
  const best = bestFor(result);
  if (!isPublicTarget(result) || best === undefined) return [];
  const cores = Math.max(...Object.values(best.consensusCores));
  return [
    {
      target: CONSENSUS_TARGET,
      name: publicNameOf(result),
      wanted: `consensus takes less than ${CONSENSUS_CORES * 100} % of one core`,
      figure: `${Math.round(cores * 100)} %`,
      met: cores < CONSENSUS_CORES,
      missedBy: cores < CONSENSUS_CORES ? '' : `${Math.round((cores - CONSENSUS_CORES) * 100)} % of a core`,
    },
  ];
}

/** What counts is what was both committed and projected. */
const reached = ({ committedPerSecond, projectedPerSecond }: SystemRun): number =>
  Math.min(committedPerSecond, projectedPerSecond);

/** The highest rate that held the finality; if none did, the highest. */
export function bestFor({ ledger, runs }: Pick<Subject, 'ledger' | 'runs'>): SystemRun | undefined {
  const isQuick = (run: SystemRun): boolean => run.finalityMsP99 <= FINALITY_MS[ledger] && run.lost === 0;
  return [...runs].sort((a, b) => Number(isQuick(b)) - Number(isQuick(a)) || reached(b) - reached(a))[0];
}

function throughput(result: Subject, { target, name, perSecond }: Throughput): Verdict {
  const best = bestFor(result);
  const limitMs = FINALITY_MS[result.ledger];
  const figure = best === undefined ? 0 : reached(best);
  const finality = best?.finalityMsP99 ?? Number.POSITIVE_INFINITY;
  const isLost = best === undefined || best.lost > 0;
  const missed = [
    ...(figure < perSecond
      ? [`${number(perSecond - figure)}/s (${Math.round((1 - figure / perSecond) * 100)} %)`]
      : []),
    ...(finality > limitMs ? [`${number(finality - limitMs)} ms`] : []),
    ...(isLost ? ['operations were lost'] : []),
  ];
  return {
    target,
    name,
    wanted: `${number(perSecond)}/s committed and projected, finality p99 <= ${number(limitMs)} ms`,
    figure: `${number(figure)}/s, ${number(finality)} ms`,
    met: missed.length === 0,
    missedBy: missed.join(', '),
  };
}

function overloadVerdict(overload: NonNullable<Subject['overload']>): Verdict {
  const { ofPeak, backToNormalMs, run } = overload;
  const missed = [
    ...(ofPeak > OF_PEAK ? [] : [`${Math.round(ofPeak * 100)} % of the peak`]),
    ...(run.busy > 0 && run.busyWithRetryAfter === run.busy ? [] : ['no answer of 429 with Retry-After']),
    ...(run.rssGrowth <= RSS_GROWTH ? [] : [`memory grows by a factor of ${run.rssGrowth}`]),
    ...(backToNormalMs <= BACK_TO_NORMAL_MS ? [] : [`${number(backToNormalMs - BACK_TO_NORMAL_MS)} ms until normal`]),
    ...(run.lost === 0 ? [] : ['operations were lost']),
  ];
  return {
    target: '4',
    name: 'twice the load that saturates',
    wanted: 'over 90 % of the peak, 429 with Retry-After, bounded memory, normal latency within 10 s',
    figure:
      `${Math.round(ofPeak * 100)} % of the peak, ${number(run.busy)} answers of 429, ` +
      `memory ${number(run.rssMb)} MB (grows by a factor of ${run.rssGrowth}), normal after ${number(backToNormalMs)} ms`,
    met: missed.length === 0,
    missedBy: missed.join(', '),
  };
}
