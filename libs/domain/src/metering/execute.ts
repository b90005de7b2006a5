import { assert } from '@gridtokenx/kernel';
import { rejected, type OperationOf, type RejectedOutcome } from '@gridtokenx/protocol';
import type { AccountsState } from '../accounts/state.js';
import type { OperationContext } from '../ledger/module.js';
import { phaseAt } from '../market/clock.js';
import type { MarketState } from '../market/state.js';
import { isOrganisationKey } from '../registry/rights.js';
import type { RegistryState } from '../registry/state.js';
import type { MeteringState } from './state.js';

export const METERING_OPERATIONS = ['metering.recordReading'] as const;

export interface MeteringStates {
  readonly metering: MeteringState;
  readonly accounts: AccountsState;
  readonly registry: RegistryState;
  readonly market: MarketState;
}

/** SPEC metering 1.1-1.5 */
export function recordReading(
  { metering, accounts, registry, market }: MeteringStates,
  context: OperationContext,
  { meter, interval, consumedWh, producedWh }: OperationOf<'metering.recordReading'>,
): RejectedOutcome | undefined {
  const row = registry.meters.get(meter);
  if (row === undefined) return rejected('registry.unknownMeter', { meter });
  const { account, zone, limitWh } = row;
  const operator = registry.zones.get(zone)?.operator;
  if (operator === undefined || !isOrganisationKey(context, operator)) return rejected('key.notAuthorised', { zone });
  const schedule = market.schedule(interval);
  const phase = phaseAt(schedule, context.marketTime);
  if (phase === 'over') return rejected('metering.bookClosed');
  if (phase !== 'spot') return rejected('metering.tooEarly');
  const place = market.positions.placeOf(zone, interval);
  if (metering.readings.getPair(meter, place.key) !== undefined) return rejected('metering.alreadyRecorded');
  const consumed = Number(consumedWh);
  const produced = Number(producedWh);
  if (consumed > limitWh || produced > limitWh)
    return rejected('metering.beyondLimit', { limitWh: limitWh.toString() });

  const { store } = metering;
  const minted = Math.max(0, produced - consumed);
  const imported = Math.max(0, consumed - produced);
  store.change(metering.readings.pair(meter, place.key), { consumedWh: consumed, producedWh: produced });
  market.intervals.expect(interval, schedule.closesAt);
  const { positions } = market;
  const cell = positions.cell(account, zone, interval);
  const position = positions.of(cell);
  const importWh = position.importWh + imported;
  const exportWh = position.exportWh + minted;
  assert(
    Number.isSafeInteger(importWh) && Number.isSafeInteger(exportWh),
    'the energy of an account is a safe integer',
  );
  // SPEC metering 1.4: what was sold before delivery comes first.
  const reserved = Math.min(minted, position.soldForwardWh - position.reservedWh);
  positions.note(
    cell,
    { kind: 'reading', meter, version: 1, quality: 'actual', consumedWh: consumed, producedWh: produced },
    { importWh, exportWh, reservedWh: position.reservedWh + reserved, isMetered: true },
  );
  if (minted > 0) {
    accounts.count(place.asset, 'minted', BigInt(minted));
    accounts.move(accounts.cell(account, place.asset), minted - reserved, reserved);
  }
  context.events.push({
    type: 'metering.readingRecorded',
    meter,
    account,
    zone,
    interval,
    consumedWh,
    producedWh,
    mintedWh: minted.toString(),
    importWh: imported.toString(),
  });
  return undefined;
}
