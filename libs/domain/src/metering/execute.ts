import { assert, INTERVAL_MS, parseInterval } from '@gridtokenx/kernel';
import { rejected, type OperationOf, type RejectedOutcome } from '@gridtokenx/protocol';
import { kwhOf, type AccountsState } from '../accounts/state.js';
import type { OperationContext } from '../ledger/module.js';
import type { MarketState } from '../market/state.js';
import { isOrganisationKey } from '../registry/rights.js';
import type { RegistryState } from '../registry/state.js';
import { bookKeyOf, type MeteringState } from './state.js';

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
  const start = parseInterval(interval);
  assert(start !== undefined, 'an operation that was decoded names an interval');
  if (start + INTERVAL_MS > context.marketTime) return rejected('metering.tooEarly');
  const book = market.book(zone, interval);
  if (book !== undefined && !market.isOpen(book, context.marketTime)) return rejected('metering.bookClosed');
  const bookKey = bookKeyOf(zone, interval);
  if (metering.readings.getPair(meter, bookKey) !== undefined) return rejected('metering.alreadyRecorded');
  const consumed = Number(consumedWh);
  const produced = Number(producedWh);
  if (consumed > limitWh || produced > limitWh)
    return rejected('metering.beyondLimit', { limitWh: limitWh.toString() });

  const { store } = metering;
  const minted = Math.max(0, produced - consumed);
  const imported = Math.max(0, consumed - produced);
  store.change(metering.readings.pair(meter, bookKey), { consumedWh: consumed, producedWh: produced });
  const net = metering.nets.pair(account, bookKey);
  const importWh = (net.value?.importWh ?? 0) + imported;
  const mintedWh = (net.value?.mintedWh ?? 0) + minted;
  assert(
    Number.isSafeInteger(importWh) && Number.isSafeInteger(mintedWh),
    'the energy of an account is a safe integer',
  );
  store.change(net, { importWh, mintedWh, deferred: false });
  if (minted > 0) accounts.mint(account, kwhOf(interval), BigInt(minted));
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
  if (book === undefined) market.openBook(context, zone, interval);
  return undefined;
}
