import { assert, toBase64Url, toHex } from '@gridtokenx/kernel';
import { rejected, type OperationOf, type RejectedOutcome } from '@gridtokenx/protocol';
import { kwhOf } from '../accounts/state.js';
import type { OperationContext } from '../ledger/module.js';
import { isOrganisationKey, limitOfMeter } from '../registry/rights.js';
import { tariffEntry, type SettlementParts } from './close.js';
import {
  type CorrectedPosition,
  type Correction,
  encodeHistory,
  type EnergyFlows,
  flowsOf,
  foldHistory,
  type NamedHistory,
  NO_FLOWS,
  type ReadingEntry,
  readingsOf,
  resettle,
  type Resettlement,
  subtractFlows,
  type TariffEntry,
  tariffOf,
  type TradeEntry,
} from '@gridtokenx/chain';
import { owe } from './dues.js';
import { provenHistory } from './evidence.js';
import { placeKey } from './positions.js';

export const SETTLEMENT_OPERATIONS = ['settlement.correct'] as const;
type Correct = OperationOf<'settlement.correct'>;

/** SPEC settlement 9: looks at everything before it changes anything. */
export function correct(
  parts: SettlementParts,
  context: OperationContext,
  operation: Correct,
): RejectedOutcome | undefined {
  const { market, settlement } = parts;
  const { account, zone, interval } = operation;
  const zoneRow = market.registry.zones.get(zone);
  if (zoneRow === undefined) return rejected('registry.unknownZone', { zone });
  if (!isOrganisationKey(context, zoneRow.operator)) return rejected('key.notAuthorised', { zone });
  if (!market.registry.accounts.has(account)) return rejected('registry.unknownAccount', { account });
  if (market.schedule(interval).closesAt > context.marketTime || market.intervals.rows.has(interval))
    return rejected('settlement.notSettled', { interval });
  if (!market.isPriced(zone, interval)) return rejected('settlement.noTariff', { interval });

  const known: NamedHistory[] = [];
  for (const evidence of operation.evidence) {
    const proven = provenHistory(settlement, interval, evidence);
    if ('status' in proven) return proven;
    known.push(proven);
  }
  const target = known.find((named) => named.account === account && named.zone === zone);
  if (target === undefined) return rejected('settlement.evidenceMissing', { account, zone });
  const correction = correctionOf(parts, operation, target);
  if ('status' in correction) return correction;
  if (correction.readings.length === 0 && correction.tariff === undefined) return rejected('settlement.nothingNew');
  const rateOf = (trade: TradeEntry): number => market.termsAt(trade.fromZone, trade.toZone, interval).topUpRate;
  const outcome = resettle(target, correction, rateOf, known);
  if ('missing' in outcome) return rejected('settlement.evidenceMissing', { ...outcome.missing });
  book(parts, context, operation, correction, outcome, known);
  return undefined;
}

/** SPEC settlement 9.4: what of the operation is new; readings that say what is known already are not. */
function correctionOf(
  { market }: SettlementParts,
  { account, zone, interval, readings, retariff }: Correct,
  { history }: NamedHistory,
): Correction | RejectedOutcome {
  const last = new Map(readingsOf(history).map((entry) => [entry.meter, entry]));
  const start = market.schedule(interval).startsAt;
  const news: ReadingEntry[] = [];
  for (const { meter, quality, ...energy } of readings) {
    const row = market.registry.meters.get(meter);
    if (row === undefined) return rejected('registry.unknownMeter', { meter });
    const before = last.get(meter);
    // A meter that was the account's then may be another's by now.
    if (before === undefined && (row.account !== account || row.zone !== zone))
      return rejected('settlement.otherMeter', { meter });
    const [consumedWh, producedWh] = [Number(energy.consumedWh), Number(energy.producedWh)];
    const limitWh = limitOfMeter(row, start);
    if (consumedWh > limitWh || producedWh > limitWh)
      return rejected('metering.beyondLimit', { limitWh: limitWh.toString() });
    if (before?.quality === quality && before.consumedWh === consumedWh && before.producedWh === producedWh) continue;
    const entry: ReadingEntry = {
      kind: 'reading',
      meter,
      version: (before?.version ?? 0) + 1,
      quality,
      consumedWh,
      producedWh,
    };
    last.set(meter, entry);
    news.push(entry);
  }
  return { readings: news, tariff: newTariff(market, zone, interval, retariff, tariffOf(history)) };
}

/** The tariff now in force, where it is asked for or there was none, and is another one than before. */
function newTariff(
  market: SettlementParts['market'],
  zone: string,
  interval: string,
  isAsked: boolean,
  before: TariffEntry | undefined,
): TariffEntry | undefined {
  if (before !== undefined && !isAsked) return undefined;
  const terms = market.termsAt(zone, zone, interval);
  return terms.version === before?.version ? undefined : tariffEntry(terms, market.allocation(interval));
}

/** SPEC settlement 9.5, 9.6: the differences become dues and corrections of the supplies; the chains of the histories stay. */
function book(
  parts: SettlementParts,
  context: OperationContext,
  { account, zone, interval }: Correct,
  { readings }: Correction,
  { positions, trades }: Resettlement,
  known: readonly NamedHistory[],
): void {
  for (const { trade, delivery, money } of trades) {
    const terms = parts.market.termsAt(trade.fromZone, trade.toZone, interval, trade.tariffVersion);
    const hub = terms.operatorTo;
    const settle = (party: string, more: bigint): void =>
      more > 0n ? owe(parts, context, hub, party, more) : owe(parts, context, party, hub, -more);
    settle(trade.buyer, money.buyer);
    settle(trade.seller, money.seller);
    settle(terms.operatorFrom, money.fromOperator);
    settle(terms.platform, money.platform);
    settle(terms.tax, money.tax);
    context.events.push({
      type: 'settlement.tradeCorrected',
      trade: trade.trade,
      interval,
      deliveredWh: String(delivery.deliveredWh),
      shortfallWh: String(trade.quantityWh - delivery.deliveredWh),
      topUpRate: delivery.topUpRate,
      buyerMore: money.buyer.toString(),
      sellerMore: money.seller.toString(),
      toOperatorMore: money.toOperator.toString(),
      fromOperatorMore: money.fromOperator.toString(),
      platformMore: money.platform.toString(),
      taxMore: money.tax.toString(),
    });
  }
  for (const position of positions) {
    const before = known.find((it) => it.account === position.account && it.zone === position.zone);
    bookPosition(parts, context, interval, position, before?.history.length ?? 0);
  }
  const [first] = positions;
  const tariff = tariffOf(first?.history ?? []);
  assert(tariff !== undefined, 'a corrected position has a tariff');
  context.events.push({
    type: 'settlement.corrected',
    account,
    zone,
    interval,
    readings: readings.map(({ meter, version, quality, consumedWh, producedWh }) => ({
      meter,
      version,
      quality,
      consumedWh: String(consumedWh),
      producedWh: String(producedWh),
    })),
    tariffVersion: tariff.version,
    tariffHash: tariff.hash,
    positions: positions.length,
    trades: trades.length,
  });
}

function bookPosition(
  parts: SettlementParts,
  context: OperationContext,
  interval: string,
  { account, zone, history, before, after }: CorrectedPosition,
  known: number,
): void {
  const { settlement, market } = parts;
  const operator = market.termsAt(zone, zone, interval).operatorTo;
  const more = subtractFlows(flowsOf(after), before === undefined ? NO_FLOWS : flowsOf(before));
  countFlows(parts, kwhOf(zone, interval), more);
  const amountMore = after.surplusAmount - (before?.surplusAmount ?? 0n);
  if (amountMore > 0n) owe(parts, context, operator, account, amountMore);
  else owe(parts, context, account, operator, -amountMore);
  const cell = settlement.corrected.pair(account, placeKey(zone, interval));
  const corrections = (cell.value?.corrections ?? 0) + 1;
  const chain = foldHistory(settlement.crypto, history);
  settlement.store.change(cell, { corrections, history: chain });
  context.events.push({
    type: 'settlement.positionCorrected',
    account,
    zone,
    interval,
    correction: corrections,
    entries: toBase64Url(encodeHistory(history.slice(known))),
    importWh: String(after.importWh),
    exportWh: String(after.exportWh),
    boughtWh: String(after.boughtWh),
    retiredWh: String(after.usedWh),
    surplusWh: String(after.surplusWh),
    amount: after.surplusAmount.toString(),
    expiredWh: String(after.expiredWh),
    operator,
    amountMore: amountMore.toString(),
    mintedMoreWh: more.mintedWh.toString(),
    movedInMoreWh: more.movedInWh.toString(),
    movedOutMoreWh: more.movedOutWh.toString(),
    retiredMoreWh: more.retiredWh.toString(),
    expiredMoreWh: more.expiredWh.toString(),
    history: toHex(chain),
  });
}

/** The energy of a settled interval is gone: only the reasons why it came and went change, and these stay balanced. */
function countFlows({ market }: SettlementParts, asset: string, more: EnergyFlows): void {
  const { accounts } = market;
  const count = (why: 'minted' | 'movedIn' | 'movedOut' | 'retired' | 'expired', wh: bigint): void => {
    if (wh !== 0n) accounts.count(asset, why, wh);
  };
  count('minted', more.mintedWh);
  count('movedIn', more.movedInWh);
  count('movedOut', more.movedOutWh);
  count('retired', more.retiredWh);
  count('expired', more.expiredWh);
}
