import { assert } from '@gridtokenx/kernel';
import type { DeliveryEntry, HistoryEntry, ReadingEntry, TariffEntry, TradeEntry } from './history.js';
import { PARTIES, tradeMoney, type TradeMoney } from './money.js';
import { deliveriesOf, positionOf, settlePosition, tariffOf, type PositionResult } from './position.js';

/** The history of a position, with what names it. The interval is the same for all that are settled together. */
export interface NamedHistory {
  readonly account: string;
  readonly zone: string;
  readonly history: readonly HistoryEntry[];
}

/** What is new about a position that was settled: later versions of readings, a later tariff for its imbalance, or both. */
export interface Correction {
  readonly readings: readonly ReadingEntry[];
  readonly tariff?: TariffEntry | undefined;
}

/** What a correction adds to the position that it is about, and to the trades of others. */
export interface CorrectionPlan {
  /** New readings, then the tariff, then deliveries: appended to the position's history in this order. */
  readonly appended: readonly HistoryEntry[];
  /** The trades whose delivery changes, by number: each entry of theirs also goes to the trade's other side. */
  readonly changed: readonly { readonly trade: TradeEntry; readonly delivery: DeliveryEntry }[];
}

/**
 * SPEC settlement 5.1, 5.2. `topUpRateOf` tells at what rate (0.0001 THB/kWh) the operator of a trade's delivery zone stands in for a
 * shortfall now.
 */
export function planCorrection(
  { account, zone, history }: NamedHistory,
  { readings, tariff }: Correction,
  topUpRateOf: (trade: TradeEntry) => number,
): CorrectionPlan {
  const news: HistoryEntry[] = tariff === undefined ? [...readings] : [...readings, tariff];
  const position = positionOf(account, zone, [...history, ...news]);
  const inForce = tariff ?? tariffOf(history);
  assert(inForce !== undefined, 'what is corrected was settled, or is given its tariff');
  const changed: { trade: TradeEntry; delivery: DeliveryEntry }[] = [];
  const change = (trade: TradeEntry, deliveredWh: number, topUpRate: number): void =>
    void changed.push({ trade, delivery: { kind: 'delivery', trade: trade.trade, deliveredWh, topUpRate } });
  const deliveries = deliveriesOf(position, inForce.allocation);
  position.sales.forEach(({ entry, deliveredWh }, i) => {
    const delivered = deliveries[i] as number;
    if (delivered !== deliveredWh) change(entry, delivered, topUpRateOf(entry));
  });
  if (tariff !== undefined)
    for (const { entry, deliveredWh, topUpRate } of position.purchases)
      if (deliveredWh < entry.quantityWh && topUpRate !== tariff.topUpRate)
        change(entry, deliveredWh, tariff.topUpRate);
  changed.sort((a, b) => a.trade.trade - b.trade.trade);
  return { appended: [...news, ...changed.map(({ delivery }) => delivery)], changed };
}

/** Of a settled position, with what a correction adds to it. */
export interface CorrectedPosition extends NamedHistory {
  readonly before: PositionResult | undefined;
  readonly after: PositionResult;
}

export interface Resettlement {
  /** The position that the correction is about first, then the other sides of the trades that change, by trade number. */
  readonly positions: readonly CorrectedPosition[];
  /** What each party of a trade gets more than before. */
  readonly trades: readonly {
    readonly trade: TradeEntry;
    readonly delivery: DeliveryEntry;
    readonly money: TradeMoney;
  }[];
}

const otherSide = (trade: TradeEntry, { account, zone }: NamedHistory): { account: string; zone: string } =>
  trade.seller === account && trade.fromZone === zone
    ? { account: trade.buyer, zone: trade.toZone }
    : { account: trade.seller, zone: trade.fromZone };

/**
 * SPEC settlement 5.3-5.5: the new results with the old, of a correction and of all others whom it touches. `known` holds the
 * histories of the others; gives the first of them that is missing.
 */
export function resettle(
  target: NamedHistory,
  correction: Correction,
  topUpRateOf: (trade: TradeEntry) => number,
  known: readonly NamedHistory[],
): Resettlement | { readonly missing: { readonly account: string; readonly zone: string } } {
  const plan = planCorrection(target, correction, topUpRateOf);
  const others: { named: NamedHistory; appended: HistoryEntry[] }[] = [];
  for (const { trade, delivery } of plan.changed) {
    const side = otherSide(trade, target);
    let other = others.find(({ named: { account, zone } }) => account === side.account && zone === side.zone);
    if (other === undefined) {
      const named = known.find(({ account, zone }) => account === side.account && zone === side.zone);
      if (named === undefined) return { missing: side };
      others.push((other = { named, appended: [] }));
    }
    other.appended.push(delivery);
  }
  const positions = [{ named: target, appended: plan.appended }, ...others].map(({ named, appended }) =>
    correctedPosition(named, appended),
  );
  const deliveredBefore = new Map(
    positionsTrades(target).map(({ entry, deliveredWh, topUpRate }) => [entry.trade, { deliveredWh, topUpRate }]),
  );
  const trades = plan.changed.map(({ trade, delivery }) => {
    const before = deliveredBefore.get(trade.trade);
    assert(before !== undefined, 'a delivery that changes was there before');
    const was = tradeMoney(trade, before.deliveredWh, before.topUpRate);
    const is = tradeMoney(trade, delivery.deliveredWh, delivery.topUpRate);
    return { trade, delivery, money: differenceOf(is, was) };
  });
  return { positions, trades };
}

function positionsTrades({ account, zone, history }: NamedHistory): ReturnType<typeof positionOf>['sales'] {
  const { sales, purchases } = positionOf(account, zone, history);
  return [...sales, ...purchases];
}

function correctedPosition(
  { account, zone, history }: NamedHistory,
  appended: readonly HistoryEntry[],
): CorrectedPosition {
  const after = [...history, ...appended];
  const result = resultOf({ account, zone, history: after });
  assert(result !== undefined, 'what was corrected has a tariff');
  return { account, zone, history: after, before: resultOf({ account, zone, history }), after: result };
}

/** What a history comes to; absent before it is settled. */
export function resultOf({ account, zone, history }: NamedHistory): PositionResult | undefined {
  const tariff = tariffOf(history);
  return tariff && settlePosition(positionOf(account, zone, history), tariff);
}

export function differenceOf(is: TradeMoney, was: TradeMoney): TradeMoney {
  return Object.fromEntries(PARTIES.map((party) => [party, is[party] - was[party]])) as TradeMoney;
}
