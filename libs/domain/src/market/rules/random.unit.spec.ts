import { describe, expect, it } from '@jest/globals';
import { equalBytes, formatInterval, INTERVAL_MS, millis, parseTime, Prng } from '@gridtokenx/kernel';
import type { LedgerEvent, MarketLimits, MarketRules, Operation } from '@gridtokenx/protocol';
import { auditState, dayOf, isOpenOrder, isVerified, type ConsortiumLedger } from '../../index.js';
import { id, INTERVAL, place, START, type Ran } from '../../spec/world.spec.js';
import { market, MarketWorld, NAMES, reference } from './market-world.spec.js';

const LATER = formatInterval(millis(START + 8 * INTERVAL_MS));
const BREAKER = { movePercent: 800, windowMs: 40_000, haltMs: 15_000 };

interface Known {
  readonly account: string;
  readonly isBid: boolean;
  readonly place: string;
  readonly priceTicks: number;
  readonly book: string;
  readonly day: number;
  remainingWh: number;
}

/** What the facts of a ledger say about limits, counted once more without its state. */
class Watch {
  readonly faults: string[] = [];
  readonly open = new Map<string, Known>();
  private readonly traded = new Map<string, number>();
  private readonly today = new Map<string, { day: number; wh: number; notional: number }>();
  private readonly cleared = new Set<string>();
  private readonly prices = new Map<string, { at: number; price: number }[]>();

  constructor(private readonly world: MarketWorld) {}

  check(holds: boolean, what: string): void {
    if (!holds) this.faults.push(what);
  }

  /** Limits that an order would be beyond, by their codes. */
  beyond(operation: Operation & { type: 'market.placeOrder' }, limits: MarketLimits, day: number): string[] {
    const { account, side, interval, priceTicks } = operation;
    const wh = Number(operation.quantityWh);
    const mine = [...this.open.values()].filter((order) => order.account === account);
    const key = `${account}/${side}/${interval}`;
    const resting = mine.filter((order) => order.place === key).reduce((sum, { remainingWh }) => sum + remainingWh, 0);
    const used = this.usage(account, day);
    const found: string[] = [];
    if (mine.length >= (limits.openOrders ?? Infinity)) found.push('market.tooManyOrders');
    if (wh > (limits.orderWh ?? Infinity)) found.push('market.orderLimit');
    if ((this.traded.get(key) ?? 0) + resting + wh > (limits.positionWh ?? Infinity))
      found.push('market.positionLimit');
    const notional = side === 'bid' ? priceTicks * 10 * wh : 0;
    if (used.wh + wh > (limits.dailyWh ?? Infinity)) found.push('market.dailyLimit');
    else if (side === 'bid' && used.notional + notional > (limits.dailyNotional ?? Infinity))
      found.push('market.dailyLimit');
    return found;
  }

  private usage(account: string, day: number): { day: number; wh: number; notional: number } {
    const known = this.today.get(account);
    if (known?.day === day) return known;
    const fresh = { day, wh: 0, notional: 0 };
    this.today.set(account, fresh);
    return fresh;
  }

  see(event: LedgerEvent, now: number, isCounted: boolean, isReopening: boolean): void {
    switch (event.type) {
      case 'market.orderPlaced': {
        const { account, side, interval, priceTicks, mechanism, phase } = event;
        const remainingWh = Number(event.quantityWh);
        const day = isCounted ? dayOf(now) : 0;
        if (day !== 0) {
          const used = this.usage(account, day);
          used.wh += remainingWh;
          used.notional += side === 'bid' ? priceTicks * 10 * remainingWh : 0;
        }
        const placed = `${account}/${side}/${interval}`;
        const book = `${mechanism}/${phase}/${interval}`;
        this.open.set(event.order, {
          account,
          isBid: side === 'bid',
          place: placed,
          priceTicks,
          book,
          day,
          remainingWh,
        });
        return;
      }
      case 'market.traded': {
        for (const [order, left] of [
          [event.bid, event.bidRemainingWh],
          [event.ask, event.askRemainingWh],
        ] as const) {
          const known = this.open.get(order);
          if (known === undefined) throw new Error('an order that trades is open');
          this.traded.set(known.place, (this.traded.get(known.place) ?? 0) + Number(event.quantityWh));
          known.remainingWh = Number(left);
        }
        const book = `${event.mechanism}/${event.phase}/${event.interval}`;
        this.price(book, event.priceTicks, now, isReopening);
        return;
      }
      case 'market.orderClosed': {
        const known = this.open.get(event.order);
        if (known === undefined) throw new Error('an order ends once');
        this.check(event.remainingWh === String(known.remainingWh), `${event.order} ended with another rest`);
        this.open.delete(event.order);
        if (known.day !== 0 && known.day === dayOf(now)) {
          const used = this.usage(known.account, known.day);
          used.wh -= known.remainingWh;
          used.notional -= known.isBid ? known.priceTicks * 10 * known.remainingWh : 0;
        }
        return;
      }
      // The window begins anew with what the clearing comes to, or with nothing.
      case 'market.cleared':
        this.prices.set(`${event.mechanism}/${event.phase}/${event.interval}`, []);
        this.cleared.add(`${event.mechanism}/${event.phase}/${event.interval}`);
        return;
      case 'market.bookReopened': {
        const book = `${event.mechanism}/${event.phase}/${event.interval}`;
        if (!this.cleared.delete(book)) this.prices.set(book, []);
        return;
      }
      default:
    }
  }

  /** With the breaker on, no two prices of a window lie further apart than it says. */
  private price(book: string, price: number, at: number, isReopening: boolean): void {
    const { breaker } = this.world.ledger.state.rules.at(at).rules;
    const known = (this.prices.get(book) ?? []).filter((one) => one.at >= at - BREAKER.windowMs);
    if (breaker !== undefined && !isReopening)
      for (const one of known) {
        this.check(
          Math.abs(price - one.price) * 10_000 <= one.price * BREAKER.movePercent,
          `${one.price} became ${price}`,
        );
      }
    // Without a breaker nothing is in its window.
    this.prices.set(book, breaker === undefined ? [] : [...known, { at, price }]);
  }
}

const LIMIT_CODES = ['market.tooManyOrders', 'market.orderLimit', 'market.positionLimit', 'market.dailyLimit'];

function regulation(world: MarketWorld, prng: Prng): Operation {
  const account = id(prng.pick(NAMES));
  const { rules } = world.ledger.state.rules.at(world.ledger.marketTime);
  const limits: MarketLimits = {
    ...(prng.chance(0.7) ? { openOrders: prng.between(2, 6) } : {}),
    ...(prng.chance(0.4) ? { orderWh: prng.between(500, 3_000) } : {}),
    ...(prng.chance(0.4) ? { positionWh: prng.between(3_000, 9_000) } : {}),
    ...(prng.chance(0.4) ? { dailyWh: prng.between(4_000, 30_000) } : {}),
    ...(prng.chance(0.3) ? { dailyNotional: prng.between(4_000_000, 30_000_000) } : {}),
  };
  const changed: MarketRules = { ...rules, limits };
  if (prng.chance(0.8)) changed.breaker = BREAKER;
  else delete changed.breaker;
  const [until, longer] = [world.timeIn(prng.between(2_000, 20_000)), prng.chance(0.7)];
  return prng.pick<Operation>([
    { type: 'market.setRules', validFrom: world.timeIn(prng.between(1_100, 10_000)), rules: changed },
    { type: 'market.setRules', validFrom: world.timeIn(prng.between(1_100, 10_000)), rules: changed },
    { type: 'market.setLimits', account, limits },
    { type: 'market.setLimits', account },
    { type: 'market.halt', ...market, cancelOrders: prng.chance(0.2), reference, ...(longer ? { until } : {}) },
    { type: 'market.resume', ...market },
    { type: 'market.resume', ...market },
    { type: 'market.barParticipant', account, reference },
  ]);
}

/** What makes trading possible again, if anything stands in its way. */
function remedy({ ledger }: MarketWorld): { by: string; operation: Operation } | undefined {
  const { rules, registry } = ledger.state;
  for (const name of NAMES) {
    const account = id(name);
    const row = registry.accounts.get(account);
    if (rules.isBarred(account))
      return { by: 'regulator', operation: { type: 'market.readmitParticipant', account, reference } };
    if (row === undefined || !isVerified(row, ledger.time))
      return { by: 'erc', operation: { type: 'registry.setKyc', account, status: 'verified' } };
  }
  if (rules.haltOf(market) === undefined) return undefined;
  return { by: 'regulator', operation: { type: 'market.resume', ...market } };
}

function order(world: MarketWorld, prng: Prng, name: string): Operation & { type: 'market.placeOrder' } {
  const waits = prng.chance(0.15) ? { validFrom: world.timeIn(prng.between(0, 40_000)) } : {};
  const expires = prng.chance(0.2) ? { expiresAt: world.timeIn(prng.between(1_500, 60_000)) } : {};
  return place(name, prng.chance(0.5) ? 'bid' : 'ask', prng.between(85, 115), prng.between(100, 3_000), {
    interval: prng.pick([INTERVAL, LATER]),
    timeInForce: prng.pick(['GTC', 'GTC', 'GTC', 'IOC', 'FOK']),
    ...waits,
    ...expires,
  });
}

type Placed = Operation & { type: 'market.placeOrder' };

/** One run of 400 blocks: what was wrong with it, and what happened how often. */
function run(seed: number): { faults: string[]; counts: Map<string, number> } {
  const prng = new Prng(seed);
  const world = new MarketWorld();
  const watch = new Watch(world);
  const counts = new Map<string, number>();
  const count = (what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1);
  let copy: ConsortiumLedger | undefined;

  const choose = (): { by: string; operation: Operation } => {
    const needed = prng.chance(0.2) ? remedy(world) : undefined;
    if (needed !== undefined) return needed;
    const name = prng.pick(NAMES);
    const kind = prng.between(0, 19);
    const orders = [...watch.open.keys()];
    if (kind < 15 || orders.length === 0) return { by: name, operation: order(world, prng, name) };
    if (kind < 17) {
      const victim = prng.pick(orders);
      const by = NAMES.find((one) => id(one) === watch.open.get(victim)?.account) ?? name;
      return { by, operation: { type: 'market.cancelOrder', order: victim } };
    }
    if (kind > 17) return { by: 'regulator', operation: regulation(world, prng) };
    const status = prng.pick([
      { status: 'suspended' as const },
      { status: 'verified' as const },
      { status: 'verified' as const },
      { status: 'verified' as const },
      { status: 'verified' as const, until: world.timeIn(prng.between(2_000, 60_000)) },
    ]);
    return { by: 'erc', operation: { type: 'registry.setKyc', account: id(name), ...status } };
  };

  const judge = (asked: Placed, ran: Ran, limits: MarketLimits, now: number): void => {
    const [outcome] = ran.outcomes;
    const beyond = watch.beyond(asked, limits, dayOf(now));
    if (outcome?.status === 'rejected' && LIMIT_CODES.includes(outcome.code)) {
      count(outcome.code);
      watch.check(beyond.includes(outcome.code), `${outcome.code} was refused within the limits`);
    }
    if (outcome?.status !== 'executed') return;
    count('placed');
    watch.check(beyond.length === 0, `an order was taken beyond ${beyond.join()}`);
    const met = outcome.events.some(({ type }) => type === 'market.traded');
    watch.check(!met || (parseTime(asked.validFrom ?? '') ?? 0) <= now, 'an order met others before its time');
    watch.check(!met || world.ledger.state.rules.haltOf(market) === undefined, 'orders met in a halted market');
  };

  for (let n = 0; n < 400; n++) {
    const { state } = world.ledger;
    const { by, operation } = choose();
    const afterMs = prng.chance(0.1) ? prng.between(1_000, 20_000) : 1_000;
    const now = world.ledger.marketTime + afterMs;
    const account = operation.type === 'market.placeOrder' ? operation.account : '';
    const limits = { ...state.rules.at(now).rules.limits, ...state.rules.limits.get(account) };
    const envelopes = [world.envelope(by, [operation])];
    const [height, time] = [world.ledger.height + 1, millis(world.ledger.time + afterMs)];
    const ran = world.block(envelopes, afterMs);
    if (copy !== undefined) {
      const again = copy.execute({ height, time, proposer: 0, parentSigners: [], envelopes });
      watch.check(equalBytes(again.stateDigest, ran.execution.stateDigest), 'a restored ledger went on otherwise');
      copy.commit();
    }
    const hooked = ran.hooks.flatMap((outcome) => (outcome.status === 'executed' ? outcome.events : []));
    const asked = ran.outcomes.flatMap((outcome) => (outcome.status === 'executed' ? outcome.events : []));
    for (const event of hooked) watch.see(event, now, false, true);
    if (operation.type === 'market.placeOrder') judge(operation, ran, limits, now);
    const isCounted = limits.dailyWh !== undefined || limits.dailyNotional !== undefined;
    for (const event of asked) watch.see(event, now, isCounted, false);
    for (const { type } of [...hooked, ...asked]) count(type);
    if (n % 20 === 0) {
      watch.faults.push(...auditState(world.ledger));
      const open = [...state.market.orders.rows.values()].filter(({ value }) => isOpenOrder(value));
      watch.check(open.length === watch.open.size, 'other orders are open than were told');
      for (const { key, value } of open)
        watch.check(
          isOpenOrder(value) && watch.open.get(key)?.remainingWh === value.remainingWh,
          `${key} has another rest`,
        );
    }
    if (prng.chance(0.03)) copy = world.restored();
  }
  watch.faults.push(...auditState(world.ledger));
  return { faults: watch.faults, counts };
}

describe('limits, halts, bars and breakers', () => {
  const total = new Map<string, number>();

  it.each([1, 2, 3, 4])('hold over random streams, and a ledger that is restored goes on alike: seed %i', (seed) => {
    const { faults, counts } = run(seed);
    for (const [what, times] of counts) total.set(what, (total.get(what) ?? 0) + times);
    expect(faults).toEqual([]);
  });

  it('were all met in those streams', () => {
    const rare = [
      ...LIMIT_CODES,
      'market.traded',
      'market.orderWaits',
      'market.orderCameIn',
      'market.halted',
      'market.resumed',
      'market.breakerTripped',
      'market.bookReopened',
      'market.participantBarred',
      'market.limitsSet',
    ];
    expect(rare.filter((what) => (total.get(what) ?? 0) < 3)).toEqual([]);
  });
});
