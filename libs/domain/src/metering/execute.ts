import { assert, parseInterval, unreachable } from '@gridtokenx/kernel';
import {
  rejected,
  type EventOf,
  type OperationOf,
  type ReadingQuality,
  type RejectedOutcome,
} from '@gridtokenx/protocol';
import type { AccountsState } from '../accounts/state.js';
import type { OperationContext } from '../ledger/module.js';
import { phaseAt } from '../market/clock.js';
import type { MarketState } from '../market/state.js';
import { isOrganisationKey, limitOfMeter } from '../registry/rights.js';
import type { MeterRow, RegistryState } from '../registry/state.js';
import type { PositionCell } from '../settlement/positions.js';
import type { MeteringState, ReadingRow } from './state.js';

export const METERING_OPERATIONS = ['metering.recordReading', 'metering.recordReadings'] as const;
export type MeteringOperation = OperationOf<(typeof METERING_OPERATIONS)[number]>;

export interface MeteringStates {
  readonly metering: MeteringState;
  readonly accounts: AccountsState;
  readonly registry: RegistryState;
  readonly market: MarketState;
}

type Reading = OperationOf<'metering.recordReadings'>['readings'][number];

export function executeMetering(
  states: MeteringStates,
  context: OperationContext,
  operation: MeteringOperation,
): RejectedOutcome | undefined {
  switch (operation.type) {
    case 'metering.recordReading':
      return recordReading(states, context, operation);
    case 'metering.recordReadings':
      return recordReadings(states, context, operation);
    default:
      return unreachable(operation);
  }
}

/** SPEC metering 3.1: each by itself; a refused one has changed nothing, and the others go on. */
function recordReadings(
  states: MeteringStates,
  context: OperationContext,
  { readings }: OperationOf<'metering.recordReadings'>,
): undefined {
  for (const [index, reading] of readings.entries()) {
    const refusal = recordReading(states, context, reading);
    if (refusal === undefined) continue;
    const { meter, interval } = reading;
    context.events.push({ type: 'metering.readingRefused', index, meter, interval, code: refusal.code });
  }
  return undefined;
}

/** SPEC metering 1.1-1.5, 2.1-2.4: looks at everything before it changes anything. */
function recordReading(
  states: MeteringStates,
  context: OperationContext,
  { meter, interval, consumedWh, producedWh, quality = 'actual', version = 1 }: Reading,
): RejectedOutcome | undefined {
  const { metering, registry, market } = states;
  const row = registry.meters.get(meter);
  if (row === undefined) return rejected('registry.unknownMeter', { meter });
  const { account, zone } = row;
  const operator = registry.zones.get(zone)?.operator;
  if (operator === undefined || !isOrganisationKey(context, operator)) return rejected('key.notAuthorised', { zone });
  const schedule = market.schedule(interval);
  const phase = phaseAt(schedule, context.marketTime);
  if (phase === 'over') return rejected('metering.bookClosed');
  if (phase !== 'spot') return rejected('metering.tooEarly');
  if (!market.isPriced(zone, interval)) return rejected('tariffs.noEntry', { interval });
  const place = market.positions.placeOf(zone, interval);
  const cell = metering.readings.pair(meter, place.key);
  const before = cell.value;
  const reading = { version, quality, consumedWh: Number(consumedWh), producedWh: Number(producedWh) };
  const refusal =
    refuseVersion(before, reading) ??
    refuseEnergy(row, interval, reading) ??
    takeBackFault(states, row, interval, before, reading);
  if (refusal !== undefined) return refusal;
  if (metering.readingsLeft === 0) return rejected('metering.blockFull');

  metering.readingsLeft--;
  metering.store.change(cell, reading);
  market.intervals.expect(interval, schedule.closesAt);
  const { minted, imported } = netOf(reading);
  changePosition(states, market.positions.cell(account, zone, interval), meter, before, reading);
  context.events.push({
    type: 'metering.readingRecorded',
    meter,
    account,
    zone,
    interval,
    quality,
    version,
    consumedWh,
    producedWh,
    mintedWh: minted.toString(),
    importWh: imported.toString(),
    ...(before !== undefined && { before: toldOf(before) }),
  });
  return undefined;
}

const toldOf = (row: ReadingRow): NonNullable<EventOf<'metering.readingRecorded'>['before']> => {
  const { minted, imported } = netOf(row);
  return {
    quality: row.quality,
    consumedWh: row.consumedWh.toString(),
    producedWh: row.producedWh.toString(),
    mintedWh: minted.toString(),
    importWh: imported.toString(),
  };
};

type Energy = Pick<ReadingRow, 'consumedWh' | 'producedWh'>;

/** Of one meter in one interval: what it gave, or what it took. */
const netOf = ({ consumedWh, producedWh }: Energy): { readonly minted: number; readonly imported: number } => ({
  minted: Math.max(0, producedWh - consumedWh),
  imported: Math.max(0, consumedWh - producedWh),
});

/** What a reading may take the place of; a corrected one, of any. */
const REPLACES: Readonly<Record<ReadingQuality, readonly ReadingQuality[]>> = {
  estimated: ['estimated'],
  actual: ['estimated'],
  corrected: ['estimated', 'actual', 'corrected'],
};

/** SPEC metering 2.1, 2.2 */
function refuseVersion(before: ReadingRow | undefined, reading: ReadingRow): RejectedOutcome | undefined {
  const { version, quality } = reading;
  const known = before?.version ?? 0;
  if (version < known) return rejected('metering.superseded', { version: String(known) });
  if (before !== undefined && version === known) {
    const isSame =
      before.quality === quality &&
      before.consumedWh === reading.consumedWh &&
      before.producedWh === reading.producedWh;
    return rejected(isSame ? 'metering.alreadyRecorded' : 'metering.otherContent');
  }
  if (version > known + 1) return rejected('metering.outOfSequence', { version: String(known) });
  const isBetter = before === undefined ? quality !== 'corrected' : REPLACES[quality].includes(before.quality);
  return isBetter ? undefined : rejected('metering.notBetter');
}

function refuseEnergy(
  row: MeterRow,
  interval: string,
  { consumedWh, producedWh }: Energy,
): RejectedOutcome | undefined {
  const start = parseInterval(interval);
  assert(start !== undefined, 'an operation that was decoded names an interval');
  const limitWh = limitOfMeter(row, start);
  if (consumedWh <= limitWh && producedWh <= limitWh) return undefined;
  return rejected('metering.beyondLimit', { limitWh: limitWh.toString() });
}

/** SPEC metering 2.4: energy that was sold or is offered is not there to be taken back. */
function takeBackFault(
  { accounts, market: { positions } }: MeteringStates,
  { account, zone }: MeterRow,
  interval: string,
  before: ReadingRow | undefined,
  reading: ReadingRow,
): RejectedOutcome | undefined {
  if (before === undefined) return undefined;
  const takenBack = netOf(before).minted - netOf(reading).minted;
  const { reservedWh } = positions.of(positions.cell(account, zone, interval));
  const available = accounts.available(account, positions.placeOf(zone, interval).asset);
  return BigInt(takenBack) > available + BigInt(reservedWh) ? rejected('metering.energySold') : undefined;
}

/** SPEC metering 1.3, 1.4, 2.3 */
function changePosition(
  { accounts, market: { positions } }: MeteringStates,
  cell: PositionCell,
  meter: string,
  before: ReadingRow | undefined,
  reading: ReadingRow,
): void {
  const position = positions.of(cell);
  const [was, is] = [netOf(before ?? { consumedWh: 0, producedWh: 0 }), netOf(reading)];
  const minted = is.minted - was.minted;
  const importWh = position.importWh + is.imported - was.imported;
  const exportWh = position.exportWh + minted;
  assert(
    Number.isSafeInteger(importWh) && Number.isSafeInteger(exportWh),
    'the energy of an account is a safe integer',
  );
  const { asset } = positions.place(cell.second);
  const balance = accounts.cell(cell.first, asset);
  const available = Number(balance.value?.available ?? 0n);
  // What was sold before delivery is held first, and let go last.
  const reserved =
    minted >= 0 ? Math.min(minted, position.soldForwardWh - position.reservedWh) : Math.min(0, available + minted);
  const quality = reading.quality === 'estimated' ? 'estimated' : 'actual';
  const { version, consumedWh, producedWh } = reading;
  positions.note(
    cell,
    { kind: 'reading', meter, version, quality, consumedWh, producedWh },
    { importWh, exportWh, reservedWh: position.reservedWh + reserved, isMetered: true },
  );
  if (minted === 0) return;
  accounts.count(asset, 'minted', BigInt(minted));
  accounts.move(balance, minted - reserved, reserved);
}
