import type { AuctionOrder, AuctionTerms } from './order.js';

/**
 * The rules of docs/spec/auction.md once more, slowly and by other means: Wh by Wh, price by price, with the greatest flow
 * between accounts found by augmenting paths instead of a formula. For small books with limits from 1 to `top`.
 */
export interface NaiveClearing {
  readonly matchableWh: number;
  readonly volumeWh: number;
  readonly low: number | undefined;
  readonly high: number | undefined;
  readonly priceTicks: number | undefined;
  /** Accepted Wh by order. */
  readonly accepted: Readonly<Record<string, number>>;
}

const sum = (orders: readonly AuctionOrder[]): number => orders.reduce((wh, { quantityWh }) => wh + quantityWh, 0);

/** The greatest flow from bids to asks of other accounts: one Wh along one path after the other. */
export function greatestFlow(bids: readonly AuctionOrder[], asks: readonly AuctionOrder[]): number {
  const flow = bids.map(() => asks.map(() => 0));
  const free = { bids: bids.map(({ quantityWh }) => quantityWh), asks: asks.map(({ quantityWh }) => quantityWh) };
  const reach = (bid: number, seen: Set<number>): boolean => {
    for (const [ask, { account }] of asks.entries()) {
      if (seen.has(ask) || account === bids[bid]?.account) continue;
      seen.add(ask);
      const row = flow[bid] ?? [];
      if ((free.asks[ask] ?? 0) > 0) {
        free.asks[ask] = (free.asks[ask] ?? 0) - 1;
        row[ask] = (row[ask] ?? 0) + 1;
        return true;
      }
      for (const [other, otherRow] of flow.entries())
        if ((otherRow[ask] ?? 0) > 0 && other !== bid && reach(other, seen)) {
          otherRow[ask] = (otherRow[ask] ?? 0) - 1;
          row[ask] = (row[ask] ?? 0) + 1;
          return true;
        }
    }
    return false;
  };
  let total = 0;
  for (const bid of bids.keys())
    while ((free.bids[bid] ?? 0) > 0 && reach(bid, new Set())) {
      free.bids[bid] = (free.bids[bid] ?? 0) - 1;
      total++;
    }
  return total;
}

export function naiveClearing(
  bids: readonly AuctionOrder[],
  asks: readonly AuctionOrder[],
  { rule, capWh }: AuctionTerms,
  top: number,
): NaiveClearing {
  const accounts = [...new Set([...bids, ...asks].map(({ account }) => account))];
  const at = (price: number): { d: AuctionOrder[]; s: AuctionOrder[] } => ({
    d: bids.filter(({ limitTicks }) => limitTicks >= price),
    s: asks.filter(({ limitTicks }) => limitTicks <= price),
  });
  const flowAt = (price: number): number => greatestFlow(at(price).d, at(price).s);
  // Half ticks stand for all prices between two whole ones.
  const halves = Array.from({ length: 2 * top + 1 }, (_, i) => (i + 1) / 2);
  const matchableWh = Math.max(0, ...halves.map(flowAt));
  const dominant = accounts.find((own) =>
    halves.some((price) => {
      const { d, s } = at(price);
      return sum([...d, ...s].filter(({ account }) => account === own)) > Math.max(sum(d), sum(s));
    }),
  );
  const reachAt = (price: number): number => {
    const { d, s } = at(price);
    return dominant === undefined ? Infinity : sum([...d, ...s].filter(({ account }) => account !== dominant));
  };
  const volumeWh = capWh === undefined ? matchableWh : Math.min(matchableWh, Number(capWh));
  const accepted: Record<string, number> = {};
  if (matchableWh === 0) {
    const limits = (orders: readonly AuctionOrder[]): number[] =>
      orders.filter(({ account }) => account !== dominant).map(({ limitTicks }) => limitTicks);
    const [highest, lowest] = [Math.max(...limits(bids)), Math.min(...limits(asks))];
    const low = Number.isFinite(highest) ? highest : undefined;
    const high = Number.isFinite(lowest) ? lowest : undefined;
    const priceTicks = low !== undefined && high !== undefined ? Math.floor((low + high) / 2) : (low ?? high);
    return { matchableWh, volumeWh, low, high, priceTicks, accepted };
  }
  const isIn = (price: number): boolean =>
    flowAt(price) === matchableWh &&
    Math.min(sum(at(price + 0.25).d), reachAt(price + 0.25)) <= matchableWh &&
    Math.min(sum(at(price - 0.25).s), reachAt(price - 0.25)) <= matchableWh;
  const first = halves.findIndex(isIn);
  let last = first;
  while (isIn(halves[last + 1] ?? 0)) last++;
  const [low, high] = [halves[first] ?? 0, halves[last] ?? 0];
  const priceTicks = Math.floor((low + high) / 2);
  const { d, s } = at(priceTicks);
  const taken = (orders: readonly AuctionOrder[], wanted: number, isBid: boolean): Map<string, number> =>
    rule === 'time' ? byTime(orders, wanted, isBid) : inProportion(orders, wanted, isBid);
  let shares = [taken(d, volumeWh, true), taken(s, volumeWh, false)] as const;
  for (const own of accounts) {
    const of = (orders: readonly AuctionOrder[], share: Map<string, number>): number =>
      orders.filter(({ account }) => account === own).reduce((wh, { id }) => wh + (share.get(id) ?? 0), 0);
    if (of(d, shares[0]) + of(s, shares[1]) <= volumeWh) continue;
    const isOwn = ({ account }: AuctionOrder): boolean => account === own;
    const isOther = ({ account }: AuctionOrder): boolean => account !== own;
    const sold = Math.min(of(s, shares[1]), sum(d.filter(isOther)));
    shares = [
      new Map([...taken(d.filter(isOwn), volumeWh - sold, true), ...taken(d.filter(isOther), sold, true)]),
      new Map([...taken(s.filter(isOwn), sold, false), ...taken(s.filter(isOther), volumeWh - sold, false)]),
    ];
    break;
  }
  for (const share of shares) for (const [id, wh] of share) if (wh > 0) accepted[id] = wh;
  return { matchableWh, volumeWh, low, high, priceTicks, accepted };
}

const isBetter = (a: AuctionOrder, b: AuctionOrder, isBid: boolean): boolean =>
  a.limitTicks === b.limitTicks ? a.entry < b.entry : a.limitTicks > b.limitTicks === isBid;

/** One Wh after the other to the best order that has not had its quantity. */
function byTime(orders: readonly AuctionOrder[], wanted: number, isBid: boolean): Map<string, number> {
  const shares = new Map<string, number>();
  for (let i = 0; i < wanted; i++) {
    let best: AuctionOrder | undefined;
    for (const order of orders)
      if ((shares.get(order.id) ?? 0) < order.quantityWh && (best === undefined || isBetter(order, best, isBid)))
        best = order;
    if (best !== undefined) shares.set(best.id, (shares.get(best.id) ?? 0) + 1);
  }
  return shares;
}

/** As by time, down to the level that is not filled whole; there the floors, and a Wh for the largest remainders. */
function inProportion(orders: readonly AuctionOrder[], wanted: number, isBid: boolean): Map<string, number> {
  const shares = byTime(orders, wanted, isBid);
  const marginal = orders.find(
    ({ id, limitTicks }) =>
      (shares.get(id) ?? 0) > 0 &&
      orders.some((other) => other.limitTicks === limitTicks && (shares.get(other.id) ?? 0) < other.quantityWh),
  );
  if (marginal === undefined) return shares;
  const level = orders.filter(({ limitTicks }) => limitTicks === marginal.limitTicks);
  const all = sum(level);
  const left = level.reduce((wh, { id }) => wh + (shares.get(id) ?? 0), 0);
  let given = 0;
  for (const { id, quantityWh } of level) {
    shares.set(id, Math.floor((left * quantityWh) / all));
    given += shares.get(id) ?? 0;
  }
  const byRemainder = [...level].sort(
    (a, b) => ((left * b.quantityWh) % all) - ((left * a.quantityWh) % all) || a.entry - b.entry,
  );
  for (const { id } of byRemainder.slice(0, left - given)) shares.set(id, (shares.get(id) ?? 0) + 1);
  return shares;
}
