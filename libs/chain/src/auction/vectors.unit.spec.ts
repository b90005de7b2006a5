import { readFileSync } from 'node:fs';
import type { MarginalRule } from '@gridtokenx/protocol';
import { describe, expect, it } from '@jest/globals';
import { clearAuction, type AuctionOrder, type Clearing } from './index.js';

const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../../vectors/${name}.json`, import.meta.url), 'utf8'));

interface OwnCase {
  readonly id: string;
  readonly rule: MarginalRule;
  readonly capWh?: string;
  readonly bids: readonly (Omit<AuctionOrder, 'quantityWh'> & { readonly quantityWh: string })[];
  readonly asks: OwnCase['bids'];
  readonly expected: {
    readonly matchableWh: string;
    readonly volumeWh: string;
    readonly low: number | null;
    readonly high: number | null;
    readonly priceTicks: number | null;
    readonly dominant: string | null;
    readonly accepted: Readonly<Record<string, string>>;
  };
}

const filled = ({ fills }: Clearing): Map<string, bigint> => {
  const sums = new Map<string, bigint>();
  for (const { bid, ask, quantityWh } of fills)
    for (const { id } of [bid, ask]) sums.set(id, (sums.get(id) ?? 0n) + BigInt(quantityWh));
  return sums;
};

describe('our cases of the uniform-price auction', () => {
  const { cases } = read('auction') as { cases: readonly OwnCase[] };

  for (const { id, rule, capWh, bids, asks, expected } of cases)
    it(`${id}`, () => {
      const orders = (side: OwnCase['bids']): AuctionOrder[] =>
        side.map((order) => ({ ...order, quantityWh: Number(order.quantityWh) }));
      const clearing = clearAuction(orders(bids), orders(asks), {
        rule,
        ...(capWh !== undefined && { capWh: BigInt(capWh) }),
      });
      expect({
        matchableWh: clearing.matchableWh.toString(),
        volumeWh: clearing.volumeWh.toString(),
        low: clearing.interval.low ?? null,
        high: clearing.interval.high ?? null,
        priceTicks: clearing.priceTicks ?? null,
        dominant: clearing.dominant ?? null,
        accepted: Object.fromEntries([...filled(clearing)].map(([order, wh]) => [order, wh.toString()])),
      }).toEqual(expected);
      for (const { bid, ask } of clearing.fills) expect(bid.account).not.toBe(ask.account);
    });
});

interface PeerOrder {
  readonly id: number | string;
  readonly user?: string;
  readonly zone?: number;
  readonly price: string;
  readonly qty: string;
}
interface PeerCase {
  readonly id: string;
  readonly mechanism: string;
  readonly bids: readonly PeerOrder[];
  readonly asks: readonly PeerOrder[];
  readonly reference?: {
    readonly clearedKwh: string;
    readonly priceInterval: readonly [string, string] | null;
    readonly welfare: string;
  };
  readonly expectedUpstream?: {
    readonly clearedKwh?: string;
    readonly price?: string | null;
    readonly fillsByAsk?: Readonly<Record<string, string>>;
    /** A count of trades, or the trades. */
    readonly trades?: number | readonly unknown[];
  };
  readonly expected?: {
    readonly byZone?: Readonly<Record<string, string>>;
    readonly trades?: readonly { readonly bid: number; readonly ask: number; readonly qty: string }[];
  };
}

/** The prices of these cases have five decimals at most, the quantities none: one unit of each is this many of ours. */
const TICKS = 100_000;
const WH = 1_000;
const ticksOf = (price: string): number => Math.round(Number(price) * TICKS);
const whOf = (qty: string): number => Number(qty) * WH;

/** Where no user is named, each order is of another one. */
const ordersOf = (side: readonly PeerOrder[], from: number): AuctionOrder[] =>
  side.map(({ id, user, price, qty }, i) => ({
    id: String(id),
    account: user ?? `user of ${id}`,
    limitTicks: ticksOf(price),
    quantityWh: whOf(qty),
    entry: from + i,
  }));

const clearCase = ({ bids, asks }: Pick<PeerCase, 'bids' | 'asks'>): Clearing =>
  clearAuction(ordersOf(bids, 1), ordersOf(asks, bids.length + 1), { rule: 'time' });

/** What the cited engines do otherwise, and why we do not. */
const KNOWN_DIFFERENCES: Readonly<Record<string, string>> = {
  'gsy-pac-market1': 'upstream stops at the first bid level that supply covers: 20 kWh, where 25 have bid >= ask',
  'gsy-pac-market2': 'the same: 95 kWh, where 120 have bid >= ask',
  'simply-2pac-three-by-three': 'upstream takes the highest matched ask, 1, where a rejected bid offers 3',
  'nakasato-flat-marginal-time-priority': 'upstream takes the middle, 0.75, while 5 kWh are left unsold at 0.5',
  'gsy-pab-market2-self-trade': 'pays as bid and pairs greedily: 125 kWh, where one price lets 135 change hands',
};

describe("peers' published cases of auctions", () => {
  const cases = (read('energy-matching') as { cases: readonly PeerCase[] }).cases;
  const uniform = cases.filter(({ mechanism }) => mechanism === 'uniform-price');

  it('are all run', () => {
    expect(uniform.map(({ id }) => id)).toEqual([
      'pymarket-dataset-0',
      'pymarket-dataset-1',
      'gsy-pac-market1',
      'gsy-pac-market2',
      'simply-2pac-three-by-three',
      'simply-2pac-one-bid-four-asks',
      'nakasato-single-crossing',
      'nakasato-no-cross',
      'nakasato-flat-marginal-time-priority',
    ]);
  });

  for (const peer of uniform)
    it(`${peer.id}: volume, interval and welfare are those of the reference`, () => {
      const { reference } = peer;
      const clearing = clearCase(peer);
      const { volumeWh, interval, priceTicks = 0 } = clearing;
      const welfare = clearing.fills.reduce(
        (sum, { bid, ask, quantityWh }) => sum + (bid.limitTicks - ask.limitTicks) * quantityWh,
        0,
      );
      expect({
        clearedKwh: Number(volumeWh),
        priceInterval: volumeWh === 0n ? null : [interval.low, interval.high],
        welfare,
      }).toEqual({
        clearedKwh: whOf(reference?.clearedKwh ?? ''),
        priceInterval: reference?.priceInterval?.map(ticksOf) ?? null,
        welfare: Math.round(Number(reference?.welfare) * TICKS * WH),
      });
      expect(priceTicks).toBe(Math.floor(((interval.low ?? 0) + (interval.high ?? 0)) / 2));
    });

  for (const peer of uniform)
    it(`${peer.id}: upstream ${Object.hasOwn(KNOWN_DIFFERENCES, peer.id) ? 'differs, as is known' : 'says the same'}`, () => {
      const { expectedUpstream: { clearedKwh, price, fillsByAsk, trades } = {} } = peer;
      const clearing = clearCase(peer);
      const same: boolean[] = [];
      if (clearedKwh !== undefined) same.push(Number(clearing.volumeWh) === whOf(clearedKwh));
      if (price !== undefined)
        same.push(price === null ? clearing.volumeWh === 0n : clearing.priceTicks === ticksOf(price));
      if (typeof trades === 'number') same.push(clearing.fills.length === trades);
      expect(same.length + Object.keys(fillsByAsk ?? {}).length).toBeGreaterThan(0);
      expect(same.every(Boolean)).toBe(!Object.hasOwn(KNOWN_DIFFERENCES, peer.id));
      // Who is filled agrees even where the price does not.
      const sold = filled(clearing);
      for (const [ask, qty] of Object.entries(fillsByAsk ?? {})) expect(Number(sold.get(ask))).toBe(whOf(qty));
    });

  it('nakasato-two-zones: each zone has its own price', () => {
    const peer = cases.find(({ id }) => id === 'nakasato-two-zones');
    const prices = Object.entries(peer?.expected?.byZone ?? {});
    expect(prices).toHaveLength(2);
    for (const [zone, price] of prices) {
      const ofZone = (side: readonly PeerOrder[] = []): PeerOrder[] => side.filter((one) => String(one.zone) === zone);
      const { priceTicks } = clearCase({ bids: ofZone(peer?.bids), asks: ofZone(peer?.asks) });
      expect(priceTicks).toBe(ticksOf(price));
    }
  });

  it('of paying as bid: nobody trades with himself, and no less changes hands', () => {
    const paid = cases.filter(({ mechanism }) => mechanism === 'periodic-pay-as-bid');
    expect(paid.map(({ id }) => id)).toEqual(['gsy-pab-market2-self-trade', 'gsy-pab-single-offer-many-bids']);
    for (const peer of paid) {
      const clearing = clearCase(peer);
      for (const { bid, ask } of clearing.fills) expect(bid.account).not.toBe(ask.account);
      const upstream = (peer.expected?.trades ?? []).reduce((sum, { qty }) => sum + whOf(qty), 0);
      expect(Number(clearing.volumeWh)).toBeGreaterThanOrEqual(upstream);
      expect(Number(clearing.volumeWh) > upstream).toBe(Object.hasOwn(KNOWN_DIFFERENCES, peer.id));
    }
  });

  it('that differ are all among them', () => {
    const ids = new Set(cases.map(({ id }) => id));
    expect(Object.keys(KNOWN_DIFFERENCES).filter((id) => !ids.has(id))).toEqual([]);
  });
});
