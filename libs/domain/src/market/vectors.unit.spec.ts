import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { isOpenOrder } from '../index.js';
import { place, World } from '../spec/world.spec.js';

interface VectorOrder {
  readonly id: string;
  readonly side: 'bid' | 'ask';
  readonly user: string;
  readonly price: string;
  readonly qty: string;
  readonly tif?: 'GTC' | 'IOC' | 'FOK';
}
interface Vector {
  readonly id: string;
  readonly mechanism: string;
  readonly orders: readonly VectorOrder[];
  readonly expected: {
    readonly trades: readonly { bid: string; ask: string; qty: string; price: string }[];
    readonly restingAfter: readonly { id: string; remaining: string }[];
  };
}

const file = new URL('../../../../vectors/energy-matching.json', import.meta.url);
const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: readonly Vector[] };
const vectors = cases.filter(({ mechanism }) => mechanism === 'cda');

/** Cases of what this market does not have yet. */
const SKIPPED: Readonly<Record<string, string>> = {
  'origin-valid-from-future': 'orders have no validFrom yet',
  'nakasato-link-capacity-not-oversold': 'links between zones and their capacity come with the grid module',
  'nakasato-fok-blocked-by-capacity': 'links between zones and their capacity come with the grid module',
  'gridx-cross-zone-grid-fee': 'books between zones, and the wheeling on them, come with the grid module',
};

/** One unit of a case's price and quantity in ours: 0.5 must be whole ticks, 1 at least the smallest order. */
const ticksOf = (price: string): number => Math.round(Number(price) * 100);
const whOf = (qty: string): number => Number(qty) * 1_000;

describe("peers' published cases of the continuous double auction", () => {
  it('are all run, but for those that are skipped by name', () => {
    expect(vectors.map(({ id }) => id)).toEqual(expect.arrayContaining(Object.keys(SKIPPED)));
    const run = vectors.map(({ id }) => id).filter((id) => !Object.hasOwn(SKIPPED, id));
    expect(run).toEqual([
      'origin-two-asks-one-bid',
      'origin-no-overmatch-asks',
      'origin-no-overmatch-bids',
      'origin-self-trade-skip-and-continue',
      'nakasato-fok-kill',
    ]);
  });

  for (const vector of vectors) {
    if (Object.hasOwn(SKIPPED, vector.id)) continue;
    it(`${vector.id}`, () => {
      const world = new World();
      const names = ['ann', 'bob', 'cat'];
      const users = [...new Set(vector.orders.map(({ user }) => user))];
      const nameOf = (user: string): string => names[users.indexOf(user)] ?? '';
      for (const user of users) {
        world.fund(nameOf(user), 10_000_000);
        world.ownKey(nameOf(user));
        world.measure(nameOf(user), { producedWh: 1_000_000_000 });
      }
      const orders = new Map<string, string>();
      const trades: unknown[] = [];
      const nameById = (order: string): string => [...orders].find(([, ours]) => ours === order)?.[0] ?? order;
      for (const { id, side, user, price, qty, tif = 'GTC' } of vector.orders) {
        const ran = world.run(nameOf(user), place(nameOf(user), side, ticksOf(price), whOf(qty), { timeInForce: tif }));
        orders.set(id, ran.ids[0] ?? '');
        for (const event of ran.events)
          if (event.type === 'market.traded')
            trades.push({
              bid: nameById(event.bid),
              ask: nameById(event.ask),
              qty: Number(event.quantityWh),
              price: event.priceTicks,
            });
      }
      expect(trades).toEqual(
        vector.expected.trades.map(({ bid, ask, qty, price }) => ({ bid, ask, qty: whOf(qty), price: ticksOf(price) })),
      );
      const resting = [...orders].flatMap(([id, order]) => {
        const row = world.ledger.state.market.orders.get(order);
        return isOpenOrder(row) ? [{ id, remaining: row.remainingWh }] : [];
      });
      expect(resting).toEqual(
        vector.expected.restingAfter.map(({ id, remaining }) => ({ id, remaining: whOf(remaining) })),
      );
    });
  }
});
