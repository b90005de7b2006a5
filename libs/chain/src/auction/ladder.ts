import { least, type AuctionOrder, type PriceInterval } from './order.js';

/**
 * A place on the ladder of prices: what is bid there is `demand[bids]`, what is asked `supply[asks]`. Level i is (i, i), the
 * prices between it and the next are (i + 1, i).
 */
interface Place {
  readonly bids: number;
  readonly asks: number;
}

interface Sums {
  /** By level: bid at its price or higher; one more, of nothing, above the last. */
  readonly demand: readonly bigint[];
  /** By level: asked at its price or lower. */
  readonly supply: readonly bigint[];
}

/** What an auction may come to, before anyone is accepted. */
export interface Crossing {
  readonly matchableWh: bigint;
  readonly interval: PriceInterval;
  readonly dominant?: string;
}

/** SPEC auction 2, 3.1-3.3: the volume and the prices of two sides, each in priority order. Linear in the orders. */
export function crossingOf(bids: readonly AuctionOrder[], asks: readonly AuctionOrder[]): Crossing {
  const levels = levelsOf(bids, asks);
  const all = sumsOf(levels, bids, asks);
  const dominant = dominantOf(levels, all, bids, asks);
  const isOther = ({ account }: AuctionOrder): boolean => account !== dominant;
  const otherBids = dominant === undefined ? bids : bids.filter(isOther);
  const otherAsks = dominant === undefined ? asks : asks.filter(isOther);
  const others = dominant === undefined ? undefined : sumsOf(levels, otherBids, otherAsks);

  let matchableWh = 0n;
  const volumes = levels.map((_, i) => volumeAt(all, others, { bids: i, asks: i }));
  for (const volume of volumes) if (volume > matchableWh) matchableWh = volume;
  const found = { matchableWh, ...(dominant !== undefined && { dominant }) };
  if (matchableWh === 0n) {
    const [low, high] = [otherBids[0]?.limitTicks, otherAsks[0]?.limitTicks];
    return { ...found, interval: { ...(low !== undefined && { low }), ...(high !== undefined && { high }) } };
  }
  const first = levels.findIndex((_, i) => volumes[i] === matchableWh && isSettled(all, others, i, matchableWh));
  let last = first;
  while (isBalanced(all, others, { bids: last + 1, asks: last }, matchableWh)) last++;
  return { ...found, interval: { low: levels[first] ?? 0, high: levels[last] ?? 0 } };
}

/** Each limit once, ascending. */
function levelsOf(bids: readonly AuctionOrder[], asks: readonly AuctionOrder[]): number[] {
  const levels: number[] = [];
  let [i, j] = [bids.length - 1, 0];
  for (;;) {
    const bid = bids[i]?.limitTicks;
    const ask = asks[j]?.limitTicks;
    if (bid === undefined && ask === undefined) return levels;
    const next = ask === undefined || (bid !== undefined && bid <= ask) ? bid : ask;
    if (next === bid) i--;
    if (next === ask) j++;
    if (next !== undefined && next !== levels.at(-1)) levels.push(next);
  }
}

function sumsOf(levels: readonly number[], bids: readonly AuctionOrder[], asks: readonly AuctionOrder[]): Sums {
  const demand = Array.from({ length: levels.length + 1 }, () => 0n);
  const supply = levels.map(() => 0n);
  let [sum, at] = [0n, 0];
  for (let i = levels.length - 1; i >= 0; i--) {
    for (let bid = bids[at]; bid !== undefined && bid.limitTicks >= (levels[i] ?? 0); bid = bids[++at])
      sum += BigInt(bid.quantityWh);
    demand[i] = sum;
  }
  [sum, at] = [0n, 0];
  for (const [i, level] of levels.entries()) {
    for (let ask = asks[at]; ask !== undefined && ask.limitTicks <= level; ask = asks[++at])
      sum += BigInt(ask.quantityWh);
    supply[i] = sum;
  }
  return { demand, supply };
}

const demandAt = ({ demand }: Sums, { bids }: Place): bigint => demand[bids] ?? 0n;
const supplyAt = ({ supply }: Sums, { asks }: Place): bigint => supply[asks] ?? 0n;

/** SPEC auction 2.2: demand and supply as far as they can meet others: neither exceeds what the others bid and ask. */
function effective(all: Sums, others: Sums | undefined, place: Place): { demand: bigint; supply: bigint } {
  const [demand, supply] = [demandAt(all, place), supplyAt(all, place)];
  if (others === undefined) return { demand, supply };
  const reach = demandAt(others, place) + supplyAt(others, place);
  return { demand: least(demand, reach), supply: least(supply, reach) };
}

function volumeAt(all: Sums, others: Sums | undefined, place: Place): bigint {
  const { demand, supply } = effective(all, others, place);
  return least(demand, supply);
}

/** SPEC auction 3.1: just above the level no more is bid than changes hands, and just below it no more is asked. */
function isSettled(all: Sums, others: Sums | undefined, level: number, volume: bigint): boolean {
  return (
    effective(all, others, { bids: level + 1, asks: level }).demand <= volume &&
    effective(all, others, { bids: level, asks: level - 1 }).supply <= volume
  );
}

function isBalanced(all: Sums, others: Sums | undefined, place: Place, volume: bigint): boolean {
  const { demand, supply } = effective(all, others, place);
  return demand === volume && supply === volume;
}

/**
 * SPEC auction 2.3: whose bids and asks together are more than all bids and more than all asks at some price. It is so next
 * to where supply comes up to demand, if anywhere, so two places are looked at.
 */
function dominantOf(
  levels: readonly number[],
  all: Sums,
  bids: readonly AuctionOrder[],
  asks: readonly AuctionOrder[],
): string | undefined {
  // Only who stands on both sides can be it: mostly nobody does.
  const bidders = new Set(bids.map(({ account }) => account));
  const both = new Set(asks.map(({ account }) => account).filter((account) => bidders.has(account)));
  if (both.size === 0) return undefined;

  let at = 0;
  const placeOf = (step: number): Place => ({ bids: (step + 1) >> 1, asks: step >> 1 });
  while (at < 2 * levels.length && supplyAt(all, placeOf(at)) < demandAt(all, placeOf(at))) at++;
  for (const place of [placeOf(at - 1), placeOf(at)]) {
    const most = demandAt(all, place) > supplyAt(all, place) ? demandAt(all, place) : supplyAt(all, place);
    const [from, to] = [levels[place.bids] ?? Infinity, levels[place.asks] ?? -Infinity];
    const sums = new Map<string, bigint>();
    const add = ({ account, quantityWh }: AuctionOrder): void => {
      if (both.has(account)) sums.set(account, (sums.get(account) ?? 0n) + BigInt(quantityWh));
    };
    for (let i = 0, bid = bids[0]; bid !== undefined && bid.limitTicks >= from; bid = bids[++i]) add(bid);
    for (let i = 0, ask = asks[0]; ask !== undefined && ask.limitTicks <= to; ask = asks[++i]) add(ask);
    for (const [account, sum] of sums) if (sum > most) return account;
  }
  return undefined;
}
