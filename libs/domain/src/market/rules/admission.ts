import { rejected, type MarketLimits, type RejectedOutcome } from '@gridtokenx/protocol';
import type { Book } from '../book.js';
import type { MarketState } from '../state.js';
import type { RulesInForce } from './versions.js';

/** What an order asks for. */
export interface Asked {
  readonly account: string;
  readonly book: Book;
  readonly isBid: boolean;
  readonly priceTicks: number;
  readonly quantityWh: number;
}

/** SPEC market-rules 4: why the rules of a market time do not take an order that comes in then. */
export function refuseByRules(
  { hours, rules }: RulesInForce,
  { priceTicks, quantityWh }: Asked,
  marketTime: number,
): RejectedOutcome | undefined {
  const { priceBand, tickTicks, minimumWh, lotWh } = rules;
  if (hours !== undefined && !hours.isOpen(marketTime)) return rejected('market.outsideHours');
  if (priceTicks < priceBand.minTicks || priceTicks > priceBand.maxTicks)
    return rejected('market.priceBand', {
      minTicks: String(priceBand.minTicks),
      maxTicks: String(priceBand.maxTicks),
    });
  if (priceTicks % tickTicks !== 0) return rejected('market.priceTick', { tickTicks: String(tickTicks) });
  if (quantityWh < minimumWh) return rejected('market.belowMinimum', { minimumWh: String(minimumWh) });
  return quantityWh % lotWh === 0 ? undefined : rejected('market.quantityLot', { lotWh: String(lotWh) });
}

const NONE: MarketLimits = {};

/**
 * SPEC market-rules 3: why an order is beyond the limits of its account. One that is within them counts on its day when the day is
 * limited: what is returned then is that day, else 0.
 */
export function countByLimits(market: MarketState, inForce: RulesInForce, asked: Asked): RejectedOutcome | number {
  const override = market.rules.overrideOf(asked.account);
  if (!inForce.limits && override === undefined) return 0;
  const { limits } = inForce.rules;
  return refuseByLimits(market, limits, override ?? NONE, asked) ?? countToday(market, limits, override ?? NONE, asked);
}

function refuseByLimits(
  { participants, positions }: MarketState,
  limits: MarketLimits,
  override: MarketLimits,
  { account, book, isBid, quantityWh }: Asked,
): RejectedOutcome | undefined {
  const participant = participants.get(account);
  const openOrders = override.openOrders ?? limits.openOrders;
  if (openOrders !== undefined && (participant?.count ?? 0) >= openOrders)
    return rejected('market.tooManyOrders', { limit: String(openOrders) });
  const orderWh = override.orderWh ?? limits.orderWh;
  if (orderWh !== undefined && quantityWh > orderWh) return rejected('market.orderLimit', { limit: String(orderWh) });
  const positionWh = override.positionWh ?? limits.positionWh;
  if (positionWh === undefined) return undefined;
  const place = book.placeOf(isBid);
  const position = positions.rows.getPair(account, place);
  const traded =
    position === undefined
      ? 0
      : isBid
        ? position.boughtWh + position.boughtForwardWh
        : position.soldForwardWh + position.soldSpotWh;
  return traded + (participant?.restingWh(place, isBid) ?? 0) + quantityWh > positionWh
    ? rejected('market.positionLimit', { limit: String(positionWh) })
    : undefined;
}

/** SPEC market-rules 3.5: an order counts whole, a bid with what it may cost at its limit. */
function countToday(
  { rules }: MarketState,
  limits: MarketLimits,
  override: MarketLimits,
  { account, isBid, priceTicks, quantityWh }: Asked,
): RejectedOutcome | number {
  const dailyWh = override.dailyWh ?? limits.dailyWh;
  const dailyNotional = override.dailyNotional ?? limits.dailyNotional;
  if (dailyWh === undefined && dailyNotional === undefined) return 0;
  const { day } = rules;
  const cell = rules.usage.cell(account);
  const used = cell.value?.day === day ? cell.value : { wh: 0, notional: 0 };
  const wh = used.wh + quantityWh;
  const notional = used.notional + (isBid ? priceTicks * 10 * quantityWh : 0);
  if (dailyWh !== undefined && wh > dailyWh) return rejected('market.dailyLimit', { limit: String(dailyWh) });
  if (isBid && dailyNotional !== undefined && notional > dailyNotional)
    return rejected('market.dailyLimit', { limit: String(dailyNotional) });
  if (!Number.isSafeInteger(wh) || !Number.isSafeInteger(notional)) return rejected('market.dailyLimit');
  rules.store.change(cell, { day, wh, notional });
  return day;
}

/** SPEC market-rules 3.5: what is left of an order that ends on its day counts no more. */
export function uncount(
  { rules }: MarketState,
  order: { readonly account: string; readonly isBid: boolean; readonly priceTicks: number; readonly day: number },
  remainingWh: number,
): void {
  const { day } = rules;
  if (order.day !== day || remainingWh === 0) return;
  const cell = rules.usage.cell(order.account);
  const used = cell.value;
  if (used?.day !== day) return;
  const notional = used.notional - (order.isBid ? order.priceTicks * 10 * remainingWh : 0);
  rules.store.change(cell, { day, wh: used.wh - remainingWh, notional });
}
