import { formatInterval } from '@gridtokenx/kernel';
import { READINGS_PER_OPERATION_MAX, type Operation, type OperationOf } from '@gridtokenx/protocol';
import type { OperationView } from '../views.js';
import type { Reading } from './read.js';

/** Readings that one operation brings. */
export interface ReadingsParcel {
  readonly operation: OperationOf<'metering.recordReadings'>;
  /** In the order of the operation. */
  readonly readings: readonly Reading[];
}

export const readingOperation = ({
  meter,
  start,
  quality,
  version,
  consumedWh,
  producedWh,
}: Reading): OperationOf<'metering.recordReadings'>['readings'][number] => ({
  meter,
  interval: formatInterval(start),
  quality,
  version,
  consumedWh: String(consumedWh),
  producedWh: String(producedWh),
});

/** SPEC metering 3.1: readings as operations of so many each, in their order: a version never comes before the one that it replaces. */
export function parcelsOfReadings(
  readings: readonly Reading[],
  perOperation = READINGS_PER_OPERATION_MAX,
): ReadingsParcel[] {
  const parcels: ReadingsParcel[] = [];
  for (let at = 0; at < readings.length; at += perOperation) {
    const part = readings.slice(at, at + perOperation);
    const operation = { type: 'metering.recordReadings', readings: part.map(readingOperation) } satisfies Operation;
    parcels.push({ operation, readings: part });
  }
  return parcels;
}

/**
 * What became of each reading of a parcel: `recorded` also when it was before, `pending` while nobody knows, else `refused` with the
 * code of the ledger.
 */
export type ReadingOutcome =
  | { readonly status: 'recorded'; readonly before?: true }
  | { readonly status: 'refused'; readonly code: string }
  | { readonly status: 'pending' };

export function outcomesOf({ readings }: ReadingsParcel, view: OperationView | undefined): ReadingOutcome[] {
  if (view === undefined || view.status === 'pending') return readings.map(() => ({ status: 'pending' }));
  const { outcome, code = 'client.badAnswer' } = view;
  if (outcome?.status !== 'executed') return readings.map(() => ({ status: 'refused', code }));
  const outcomes = readings.map((): ReadingOutcome => ({ status: 'recorded' }));
  for (const event of outcome.events) {
    if (event.type !== 'metering.readingRefused') continue;
    const known = event.code === 'metering.alreadyRecorded';
    outcomes[event.index] = known ? { status: 'recorded', before: true } : { status: 'refused', code: event.code };
  }
  return outcomes;
}
