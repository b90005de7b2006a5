import { READINGS_MISSING_NAMED_MAX, type EventOf } from '@gridtokenx/protocol';
import type { RegistryState } from '../registry/state.js';
import type { Place } from '../settlement/positions.js';
import type { MeteringState } from './state.js';

/** So many meters are looked at for those to name. */
const LOOKED_AT_MAX = 10_000;

/** SPEC metering 2.6: meters of a zone that have no reading of an interval when it is settled; `undefined` when all have. */
export function missingReadings(
  metering: MeteringState,
  registry: RegistryState,
  { key, zone, interval }: Place,
): EventOf<'metering.readingsMissing'> | undefined {
  const meters = registry.metersOf(zone);
  const missing = meters.size - metering.readingsOf(key).size;
  if (missing === 0) return undefined;
  const first: string[] = [];
  let left = LOOKED_AT_MAX;
  for (const meter of meters) {
    if (left-- === 0 || first.length === Math.min(missing, READINGS_MISSING_NAMED_MAX)) break;
    if (metering.readings.getPair(meter, key) === undefined) first.push(meter);
  }
  return { type: 'metering.readingsMissing', zone, interval, meters: meters.size, missing, first };
}
