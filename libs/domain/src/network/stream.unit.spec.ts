import { describe, expect, it } from '@jest/globals';
import { foldHistory, Histories } from '@gridtokenx/chain';
import { formatInterval, INTERVAL_MS, millis, parseInterval, Prng, toHex } from '@gridtokenx/kernel';
import type { LedgerEvent, Operation } from '@gridtokenx/protocol';
import { auditState } from '../index.js';
import { crypto, id, OTHER_ZONE, place, World, ZONE } from '../spec/world.spec.js';

const NAMES = ['ann', 'bob', 'cat', 'dan'] as const;
const ZONES = [ZONE, OTHER_ZONE] as const;
const OPERATORS = ['mea', 'pea'] as const;

/** What links carry and have carried, told by events alone. */
class Ledger {
  private readonly capacity = new Map<string, number>();
  private readonly used = new Map<string, number>();
  readonly faults: string[] = [];
  /** Positions as they were settled. */
  readonly settled: Extract<LedgerEvent, { type: 'settlement.positionSettled' }>[] = [];
  readonly histories = new Histories();
  private blocks = 0;
  trades = 0;
  cuts = 0;
  full = 0;

  /** The direction of the one link. */
  private static leg(fromZone: string): string {
    return fromZone === ZONE ? 'out' : 'in';
  }

  take(events: readonly LedgerEvent[]): void {
    const height = ++this.blocks;
    events.forEach((event, i) => this.histories.addEvent({ height, outcome: 0, event: i }, event));
    for (const event of events)
      switch (event.type) {
        case 'network.linkSet':
          this.capacity.set('out', Number(event.forwardWh));
          this.capacity.set('in', Number(event.backwardWh));
          break;
        case 'settlement.positionSettled':
          this.settled.push(event);
          break;
        case 'market.traded': {
          if (event.fromZone === event.toZone) break;
          const leg = Ledger.leg(event.fromZone);
          const key = `${leg} ${event.interval}`;
          const used = (this.used.get(key) ?? 0) + Number(event.quantityWh);
          this.used.set(key, used);
          this.trades++;
          const capacity = this.capacity.get(leg) ?? 0;
          if (used > capacity) this.faults.push(`${key} carries ${used} of ${capacity}`);
          if (used === capacity) this.full++;
          break;
        }
        case 'market.contractCut': {
          this.cuts++;
          if (event.fromZone === event.toZone) break;
          const key = `${Ledger.leg(event.fromZone)} ${event.interval}`;
          this.used.set(key, (this.used.get(key) ?? 0) - Number(event.cutWh));
          break;
        }
        default:
      }
  }

  usedOf(fromZone: string, interval: string): number {
    return this.used.get(`${Ledger.leg(fromZone)} ${interval}`) ?? 0;
  }
}

describe('over random streams of orders, readings, capacities, restrictions and closed pairs', () => {
  it.each([1, 2, 3, 4])(
    'links never carry more than they can, and every invariant holds after each block (seed %i)',
    (seed) => {
      const prng = new Prng(seed);
      const world = new World({ sellerShare: 2_500, entry: { wires: [{ wheeling: 1_000, exit: 300, losses: 0 }] } });
      const told = new Ledger();
      const one = <T>(of: readonly T[]): T => of[prng.below(of.length)] as T;
      for (const name of [...NAMES, 'mea account', 'pea account']) world.fund(name, 1_000_000);
      for (const name of NAMES) world.ownKey(name);
      for (const name of NAMES) told.take(world.measure(name, { producedWh: 500_000, zone: one(ZONES) }).events);

      const direction = (): { fromZone: string; toZone: string } => {
        const fromZone = one(ZONES);
        return { fromZone, toZone: prng.below(4) === 0 ? fromZone : fromZone === ZONE ? OTHER_ZONE : ZONE };
      };
      const intervalAt = (n: number): string =>
        formatInterval(millis((Math.floor(world.ledger.marketTime / INTERVAL_MS) + n) * INTERVAL_MS));
      const setLink = (): Operation => ({
        type: 'network.setLink',
        link: 'L1',
        fromZone: ZONE,
        toZone: OTHER_ZONE,
        forwardWh: String(prng.below(60_000)),
        backwardWh: String(prng.below(60_000)),
      });
      const setPair = (isForward: boolean, allowed: boolean): Operation => ({
        type: 'network.setPair',
        fromZone: isForward ? ZONE : OTHER_ZONE,
        toZone: isForward ? OTHER_ZONE : ZONE,
        allowed,
        ...(allowed ? { route: ['L1'] } : {}),
      });
      const restrictions: string[] = [];
      const curtail = (zone: string): Operation => {
        const first = 1 + prng.below(4);
        return {
          type: 'network.curtail',
          target: one([
            { kind: 'zone' as const, zone },
            { kind: 'link' as const, link: 'L1' },
          ]),
          flow: one(['out', 'in', 'both'] as const),
          limit: { kind: 'energy', wh: String(prng.below(20_000)) },
          firstInterval: intervalAt(first),
          lastInterval: intervalAt(first + prng.below(2)),
        };
      };
      const run = (by: string, ...operations: Operation[]): ReturnType<World['run']> => {
        const ran = world.run(by, ...operations);
        told.take(ran.events);
        return ran;
      };

      for (const operator of OPERATORS) run(operator, setLink(), setPair(true, true), setPair(false, true));
      for (let step = 0; step < 240; step++) {
        const [operator, name] = [prng.below(2), one(NAMES)];
        const by = OPERATORS[operator] ?? 'mea';
        switch (prng.below(14)) {
          case 0:
            run(by, setLink());
            break;
          case 1: {
            const isForward = prng.below(2) === 0;
            if (prng.below(4) === 0) run(by, setPair(isForward, false));
            else for (const each of OPERATORS) run(each, setPair(isForward, true));
            break;
          }
          case 2: {
            const { ids, outcomes } = run(by, curtail(ZONES[operator] ?? ZONE));
            if (outcomes[0]?.status === 'executed') restrictions.push(ids[0] ?? '');
            break;
          }
          case 3:
            if (restrictions.length > 0) run(by, { type: 'network.lift', restriction: one(restrictions) });
            break;
          case 4:
            told.take(
              world.measure(name, {
                producedWh: prng.below(80_000),
                consumedWh: prng.below(40_000),
                zone: one(ZONES),
                interval: intervalAt(-1),
              }).events,
            );
            break;
          case 5:
            told.take(world.wait(1_000 + prng.below(INTERVAL_MS)).events);
            break;
          default: {
            const interval = intervalAt(prng.below(4) === 0 ? -1 : 2 + prng.below(3));
            const way = direction();
            const envelopes = Array.from({ length: 4 }, () => {
              const who = one(NAMES);
              const terms = { ...way, interval, timeInForce: one(['GTC', 'GTC', 'IOC', 'FOK'] as const) };
              const side = one(['bid', 'ask'] as const);
              const price = side === 'bid' ? 400 + prng.below(30) : 390 + prng.below(20);
              return world.envelope(who, [place(who, side, price, 100 + prng.below(25_000), terms)]);
            });
            told.take(world.block(envelopes).events);
          }
        }
        expect([...told.faults, ...auditState(world.ledger)]).toEqual([]);
      }
      told.take(world.wait(1_000).events);
      const { network } = world.ledger.state;
      for (const cell of network.uses.cells()) {
        const { first, second, value } = cell;
        if (value === undefined) continue;
        const fromZone = first === 'L1>' ? ZONE : OTHER_ZONE;
        expect([first, second, value.contractWh + value.spotWh]).toEqual([
          first,
          second,
          told.usedOf(fromZone, second),
        ]);
        // Nothing waits any more: what is not delivered yet is within what the links carry now.
        const start = parseInterval(second) ?? 0;
        const isAhead = start + INTERVAL_MS > world.ledger.marketTime;
        const now = network.capacityOf({ link: 'L1', isForward: first === 'L1>', key: first }, start);
        expect(isAhead && value.contractWh > now).toBe(false);
      }
      expect(network.nextTask).toBeUndefined();
      expect([told.trades > 10, told.full > 0, told.cuts > 10]).toEqual([true, true, true]);
      // In the end everything is settled, and nothing is held any more.
      for (let i = 0; i < 14; i++) told.take(world.wait(INTERVAL_MS).events);
      expect(auditState(world.ledger)).toEqual([]);
      expect([...network.uses.cells()].filter(({ value }) => value !== undefined)).toEqual([]);
      // The histories that events tell, cuts among them, are those whose hashes the ledger has kept.
      const chains = told.settled.map(({ account, zone, interval }) =>
        toHex(foldHistory(crypto, told.histories.historyOf(account, zone, interval))),
      );
      expect(chains).toEqual(told.settled.map(({ history }) => history));
      expect(chains.length).toBeGreaterThan(10);
      for (const name of NAMES) expect(world.ledger.state.accounts.balance(id(name), 'WATT').held).toBe(0n);
    },
  );
});
