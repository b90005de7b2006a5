import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { formatInterval, formatTime, INTERVAL_MS, millis } from '@gridtokenx/kernel';
import { isOpenOrder } from '../index.js';
import { OTHER_ZONE, place, START, World, ZONE } from '../spec/world.spec.js';

interface VectorOrder {
  readonly id: string;
  readonly side: 'bid' | 'ask';
  readonly user: string;
  readonly price: string;
  readonly qty: string;
  readonly tif?: 'GTC' | 'IOC' | 'FOK';
  /** Where it sells from, or buys for. */
  readonly zone?: number;
  /** A day from now: when it comes in. */
  readonly validFrom?: '+1d';
}
interface Vector {
  readonly id: string;
  readonly mechanism: string;
  readonly orders: readonly VectorOrder[];
  readonly expected: {
    readonly trades: readonly {
      bid: string;
      ask: string;
      qty: string;
      price: string;
      gridFeePerKwh?: string;
      gridRuleVersion?: number;
    }[];
    readonly restingAfter: readonly { id: string; remaining: string; hidden?: true }[];
  };
  /** Energy goes from the first zone to the second. */
  readonly topology?: {
    readonly links: readonly { from: number; to: number; capKwh?: string; feePerKwh: string }[];
  };
}

/** What an order of one zone comes to in another; null where the two may not trade. */
interface EffectivePrice {
  readonly ask?: string;
  readonly bid?: string;
  readonly fee?: string;
  readonly toZone?: number;
  readonly allowed?: boolean;
  readonly effectiveAsk?: string | null;
  readonly effectiveBid?: string;
}
interface EffectivePrices {
  readonly mechanism: 'effective-price';
  readonly expected: readonly EffectivePrice[];
}

const DAY_MS = 86_400_000;
/** Traded forward for days, for orders that come in on another one. */
const LATER = formatInterval(millis(START + 3 * DAY_MS - (START % INTERVAL_MS)));

const file = new URL('../../../../vectors/energy-matching.json', import.meta.url);
const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: readonly (Vector | EffectivePrices)[] };
const vectors = cases.filter((one): one is Vector => one.mechanism === 'cda');
const effective = cases.flatMap((one) =>
  one.mechanism === 'effective-price' ? (one as EffectivePrices).expected : [],
);

/** One unit of a case's price and quantity in ours: 0.5 must be whole ticks, 1 at least the smallest order. */
const ticksOf = (price: string): number => Math.round(Number(price) * 100);
const whOf = (qty: string): number => Number(qty) * 1_000;

/** A world with the zones of a case: the one that energy comes from, and the one it goes to. */
function worldOf({ topology }: Pick<Vector, 'topology'>): {
  world: World;
  zones: { fromZone?: string; toZone?: string };
} {
  const [link] = topology?.links ?? [];
  if (link === undefined) return { world: new World(), zones: {} };
  const wheeling = Number(link.feePerKwh) * 10_000;
  const world = new World({ entry: { wires: [{ wheeling, exit: 0, losses: 0 }] } });
  const zones = { fromZone: ZONE, toZone: OTHER_ZONE };
  const forwardWh = link.capKwh === undefined ? '1000000000' : String(whOf(link.capKwh));
  for (const operator of ['mea', 'pea'])
    world.must(
      operator,
      { type: 'network.setLink', link: 'L1', ...zones, forwardWh, backwardWh: '0' },
      { type: 'network.setPair', ...zones, allowed: true, route: ['L1'] },
    );
  return { world, zones };
}

describe('a bid between zones', () => {
  it('that is worth a tick less than energy and wheeling does not trade', () => {
    const vector = vectors.find(({ id }) => id === 'gridx-cross-zone-grid-fee');
    if (vector === undefined) throw new Error('the case is there');
    const { world, zones } = worldOf(vector);
    for (const name of ['ann', 'bob']) {
      world.fund(name, 10_000_000);
      world.ownKey(name);
    }
    world.measure('ann', { producedWh: 1_000_000 });
    world.must('ann', place('ann', 'ask', 10_000, 10_000, zones));
    const of = (priceTicks: number): string[] =>
      world.run('bob', place('bob', 'bid', priceTicks, 10_000, zones)).events.map(({ type }) => type);
    expect(of(10_499)).not.toContain('market.traded');
    expect(of(10_500)).toContain('market.traded');
    const never = world.run('bob', place('bob', 'bid', 500, 10_000, zones));
    expect(never.outcomes).toMatchObject([{ code: 'market.belowCharges', detail: { wheeling: '50000' } }]);
  });
});

describe("peers' published cases of the continuous double auction", () => {
  it('are all run, and none comes out otherwise', () => {
    expect(vectors.map(({ id }) => id)).toEqual([
      'origin-two-asks-one-bid',
      'origin-no-overmatch-asks',
      'origin-no-overmatch-bids',
      'origin-self-trade-skip-and-continue',
      'origin-valid-from-future',
      'nakasato-fok-kill',
      'nakasato-link-capacity-not-oversold',
      'nakasato-fok-blocked-by-capacity',
      'gridx-cross-zone-grid-fee',
    ]);
  });

  for (const vector of vectors) {
    it(`${vector.id}`, () => {
      const { world, zones } = worldOf(vector);
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
      const interval = vector.orders.some(({ validFrom }) => validFrom !== undefined) ? { interval: LATER } : {};
      for (const { id, side, user, price, qty, tif = 'GTC', validFrom } of vector.orders) {
        const inADay = formatTime(millis(world.ledger.marketTime + DAY_MS));
        const ran = world.run(
          nameOf(user),
          place(nameOf(user), side, ticksOf(price), whOf(qty), {
            ...zones,
            ...interval,
            timeInForce: tif,
            ...(validFrom === undefined ? {} : { validFrom: inADay }),
          }),
        );
        orders.set(id, ran.ids[0] ?? '');
        for (const event of ran.events)
          if (event.type === 'market.traded')
            trades.push({
              bid: nameById(event.bid),
              ask: nameById(event.ask),
              qty: Number(event.quantityWh),
              price: event.priceTicks,
              wheeling: event.wheeling,
              tariffVersion: event.tariffVersion,
            });
      }
      expect(trades).toEqual(
        vector.expected.trades.map(({ bid, ask, qty, price, gridFeePerKwh = '0', gridRuleVersion = 1 }) => ({
          bid,
          ask,
          qty: whOf(qty),
          price: ticksOf(price),
          wheeling: String(Number(gridFeePerKwh) * 1_000 * whOf(qty)),
          tariffVersion: gridRuleVersion,
        })),
      );
      const resting = [...orders].flatMap(([id, order]) => {
        const row = world.ledger.state.market.orders.get(order);
        return isOpenOrder(row) ? [{ id, remaining: row.remainingWh, hidden: row.waits !== undefined }] : [];
      });
      expect(resting).toEqual(
        vector.expected.restingAfter.map(({ id, remaining, hidden = false }) => ({
          id,
          remaining: whOf(remaining),
          hidden,
        })),
      );
    });
  }
});

describe("peers' published effective prices", () => {
  /** Whether a bid and an ask at these prices trade, or why the bid is refused. */
  function meet({ fee = '0', toZone = 2, allowed = true }: EffectivePrice, askTicks: number, bidTicks: number): string {
    const { world, zones } = worldOf({ topology: { links: [{ from: 1, to: 2, feePerKwh: fee }] } });
    if (!allowed) world.must('mea', { type: 'network.setPair', fromZone: ZONE, toZone: OTHER_ZONE, allowed: false });
    for (const name of ['ann', 'bob']) {
      world.fund(name, 1_000_000);
      world.ownKey(name);
    }
    world.measure('ann', { producedWh: 1_000 });
    const between = toZone === 99 ? { ...zones, toZone: 'NO-ZONE' } : zones;
    world.run('ann', place('ann', 'ask', askTicks, 1_000, between));
    const { outcomes, events } = world.run('bob', place('bob', 'bid', bidTicks, 1_000, between));
    const [outcome] = outcomes;
    if (outcome?.status === 'rejected') return outcome.code;
    const trade = events.find((event) => event.type === 'market.traded');
    return trade === undefined ? 'rests' : `trades at ${trade.priceTicks}`;
  }

  it.each(effective.map((one) => [JSON.stringify(one), one] as const))('%s', (_text, one) => {
    const { ask, bid, effectiveAsk, effectiveBid, toZone } = one;
    const limits =
      ask === undefined
        ? [ticksOf(effectiveBid ?? ''), ticksOf(bid ?? '')]
        : [ticksOf(ask), ticksOf(effectiveAsk ?? '1000')];
    const [askTicks = 0, bidTicks = 0] = limits;
    const refused = toZone === 99 ? 'registry.unknownZone' : 'market.zonePairClosed';
    const [meets, misses] = effectiveAsk === null ? [refused, refused] : [`trades at ${askTicks}`, 'rests'];
    expect([meet(one, askTicks, bidTicks), meet(one, askTicks + 1, bidTicks)]).toEqual([meets, misses]);
    expect(meet(one, askTicks, bidTicks - 1)).toBe(misses);
  });
});
