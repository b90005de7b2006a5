import { INTERVAL_MS, millis, type Millis } from '@gridtokenx/kernel';
import type { ReadingsFault } from './codes.js';
import type { IntervalEntry, ReadQuality, RegisterEntry } from './line.js';

/** What register readings of one meter come to. */
export interface RegisterResult {
  /** Each under the line of the register reading that ends it. */
  readonly intervals: readonly IntervalEntry[];
  /** What is wrong with the energy up to a line. The line still stands as the start of what follows. */
  readonly faults: ReadonlyMap<number, ReadingsFault>;
  /** Spans of which only the sum is known: register readings between are missing. */
  readonly sums: readonly EnergySum[];
}

export interface EnergySum {
  readonly from: Millis;
  readonly to: Millis;
  readonly consumedWh: number;
  readonly producedWh: number;
}

interface Energy {
  readonly consumedWh: number;
  readonly producedWh: number;
}

const NOTHING: Energy = { consumedWh: 0, producedWh: 0 };
const EVENT_ORDER = { final: 0, '': 1, initial: 2 } as const;

export const inRegisterOrder = (a: RegisterEntry, b: RegisterEntry): number =>
  a.at - b.at || EVENT_ORDER[a.event] - EVENT_ORDER[b.event];

/**
 * SPEC metering 4.8: energy of intervals from register readings of one meter, in {@link inRegisterOrder}, one for each moment and
 * event. An interval has energy when a reading stands at both its ends and all between them is explained.
 */
export function intervalsOf(readings: readonly RegisterEntry[]): RegisterResult {
  const intervals: IntervalEntry[] = [];
  const sums: EnergySum[] = [];
  const faults = new Map<number, ReadingsFault>();
  /** The last reading on a quarter of an hour, and what was measured since; absent while that is not known. */
  let open: { readonly from: RegisterEntry; readonly since: Energy } | undefined;
  let last: RegisterEntry | undefined;
  for (const reading of readings) {
    if (last !== undefined) {
      const energy = between(last, reading);
      if ('code' in energy) {
        faults.set(reading.line, energy);
        open = undefined;
      } else if (open !== undefined) open = { from: open.from, since: sumOf(open.since, energy) };
    }
    last = reading;
    if (reading.at % INTERVAL_MS !== 0) continue;
    if (open !== undefined && reading.at > open.from.at) {
      const fault = close(open.from, reading, open.since, intervals, sums);
      if (fault !== undefined) faults.set(reading.line, fault);
    }
    open = { from: reading, since: NOTHING };
  }
  return { intervals, faults, sums };
}

function close(
  from: RegisterEntry,
  to: RegisterEntry,
  energy: Energy,
  intervals: IntervalEntry[],
  sums: EnergySum[],
): ReadingsFault | undefined {
  if (to.at - from.at !== INTERVAL_MS) {
    sums.push({ from: from.at, to: to.at, ...energy });
    return undefined;
  }
  const limit = to.known.limitWh;
  const most = Math.max(energy.consumedWh, energy.producedWh);
  if (limit !== undefined && most > limit)
    return {
      code: 'readings.beyondLimit',
      reason: `the register went on by ${most} Wh, more than the ${limit} Wh that the meter can measure in an interval`,
      hint: 'was the meter swapped? then give its final and the initial reading of the new one',
    };
  const { line, known } = to;
  intervals.push({
    kind: 'interval',
    line,
    known,
    start: millis(from.at),
    quality: qualityOf(from.quality, to.quality),
    version: Math.max(from.version, to.version),
    ...energy,
  });
  return undefined;
}

/** Energy between two readings is as good as the lesser of them. */
function qualityOf(a: ReadQuality, b: ReadQuality): ReadQuality {
  if (a === 'estimated' || b === 'estimated') return 'estimated';
  return a === 'corrected' || b === 'corrected' ? 'corrected' : 'actual';
}

const sumOf = (a: Energy, b: Energy): Energy => ({
  consumedWh: a.consumedWh + b.consumedWh,
  producedWh: a.producedWh + b.producedWh,
});

function between(from: RegisterEntry, to: RegisterEntry): Energy | ReadingsFault {
  if (from.event === 'final') {
    if (to.event === 'initial') return NOTHING;
    return {
      code: 'readings.swapWithoutInitial',
      reason: 'the register was removed before, and no initial reading of a new one stands between',
      hint: 'add a line with register_event initial',
    };
  }
  if (to.event === 'initial')
    return {
      code: 'readings.swapWithoutFinal',
      reason: 'a new register begins, and the old one has no final reading',
      hint: 'add a line with register_event final',
    };
  const consumedWh = advance(from, to, 'consumedWh');
  const producedWh = advance(from, to, 'producedWh');
  if (consumedWh !== undefined && producedWh !== undefined) return { consumedWh, producedWh };
  return {
    code: 'readings.registerFell',
    reason: 'the register fell by more than rolling over explains',
    hint:
      to.known.limitWh === undefined
        ? 'whether it rolled over cannot be told without the limit of the meter: add it to the list of meters'
        : 'was the meter swapped? then give its final and the initial reading of the new one',
  };
}

/** A register that shows less has rolled over only when the meter can have measured that much in the time. */
function advance(from: RegisterEntry, to: RegisterEntry, side: keyof Energy): number | undefined {
  const step = to[side] - from[side];
  if (step >= 0) return step;
  const rolled = step + 10 ** to.digits;
  const { limitWh } = to.known;
  if (limitWh === undefined) return undefined;
  const intervals = Math.max(1, Math.ceil((to.at - from.at) / INTERVAL_MS));
  return rolled <= limitWh * intervals ? rolled : undefined;
}
