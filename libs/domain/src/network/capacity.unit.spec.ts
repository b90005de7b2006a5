import { describe, expect, it } from '@jest/globals';
import { formatInterval, INTERVAL_MS, millis } from '@gridtokenx/kernel';
import fc from 'fast-check';
import { Store } from '../ledger/store.js';
import { cutsTo, leftOf, useFault, withRelease, withUse } from './capacity.js';
import { NetworkState } from './state.js';

const ZONES = ['A', 'B', 'C', 'HUB'] as const;
const LINKS = [
  ['LA', 'A', 'HUB'],
  ['LB', 'HUB', 'B'],
  ['LC', 'C', 'HUB'],
  ['LX', 'A', 'B'],
] as const;
const ROUTES: readonly (readonly [from: string, to: string, route: readonly string[]])[] = [
  ['A', 'B', ['LA', 'LB']],
  ['B', 'A', ['LX']],
  ['A', 'C', ['LX', 'LB', 'LC']],
  ['C', 'B', ['LC', 'LB']],
];
const INTERVALS = [0, 1].map((n) => formatInterval(millis(n * INTERVAL_MS)));

type Step =
  | { kind: 'trade'; pair: number; interval: number; phase: 'forward' | 'spot'; wh: number }
  | { kind: 'cut'; which: number; wh: number }
  | { kind: 'declare'; link: number; end: 'byFrom' | 'byTo'; forwardWh: number; backwardWh: number }
  | { kind: 'undo' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('trade' as const),
      pair: fc.nat(ROUTES.length - 1),
      interval: fc.nat(1),
      phase: fc.constantFrom('forward' as const, 'spot' as const),
      wh: fc.integer({ min: 1, max: 400 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('cut' as const),
      which: fc.nat(50),
      wh: fc.integer({ min: 1, max: 400 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('declare' as const),
      link: fc.nat(LINKS.length - 1),
      end: fc.constantFrom('byFrom' as const, 'byTo' as const),
      forwardWh: fc.nat(1_500),
      backwardWh: fc.nat(1_500),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'undo' as const }) },
);

interface Contract {
  pair: number;
  interval: number;
  wh: number;
}

describe('the use of links', () => {
  it('is never more than their capacity, whatever is traded, cut, declared and undone, and is what a plain sum says', () => {
    let full = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 30, maxLength: 80 }), (steps) => {
        const store = new Store();
        const network = new NetworkState(store);
        for (const [id, fromZone, toZone] of LINKS) {
          const declared = { forwardWh: 1_000, backwardWh: 600 };
          network.links.set(id, { fromZone, toZone, byFrom: declared, byTo: declared });
        }
        for (const [from, to, route] of ROUTES)
          store.change(network.pairs.pair(from, to), { byFrom: route, byTo: route });
        expect(ROUTES.map(([from, to]) => network.routeOf(from, to)?.length)).toEqual([2, 1, 3, 2]);

        const faults: unknown[] = [];
        /** What each leg of each interval is used for, summed up anew from these. */
        let contracts: Contract[] = [];
        const spot: Contract[] = [];
        const sumOf = (list: readonly Contract[], key: string, interval: number): number =>
          list.reduce((sum, contract) => {
            const [from, to] = ROUTES[contract.pair] ?? ['', ''];
            const isOver = network.routeOf(from, to)?.some((leg) => leg.key === key) === true;
            return isOver && contract.interval === interval ? sum + contract.wh : sum;
          }, 0);

        const run = (one: Exclude<Step, { kind: 'undo' }>): void => {
          switch (one.kind) {
            case 'trade': {
              const [from, to] = ROUTES[one.pair] ?? ['', ''];
              const [legs, interval] = [network.routeOf(from, to) ?? [], INTERVALS[one.interval] ?? ''];
              const left = network.capacityLeft(legs, interval);
              const wh = Math.min(one.wh, left);
              network.use(legs, interval, one.phase, wh);
              if (wh < one.wh) full++;
              if (wh > 0) (one.phase === 'forward' ? contracts : spot).push({ ...one, wh });
              return;
            }
            case 'cut': {
              const contract = contracts[one.which % Math.max(1, contracts.length)];
              if (contract === undefined) return;
              const wh = Math.min(one.wh, contract.wh);
              const [from, to] = ROUTES[contract.pair] ?? ['', ''];
              network.release(network.routeOf(from, to) ?? [], INTERVALS[contract.interval] ?? '', wh);
              contract.wh -= wh;
              contracts = contracts.filter((other) => other.wh > 0);
              return;
            }
            case 'declare': {
              const [id = ''] = LINKS[one.link] ?? [];
              const row = network.links.get(id);
              if (row !== undefined) network.links.set(id, { ...row, [one.end]: one });
            }
          }
        };

        for (const one of steps) {
          if (one.kind === 'undo') {
            // A block that is tried and not decided leaves nothing behind.
            const mark = store.mark();
            const kept = structuredClone([contracts, spot]);
            run({ kind: 'trade', pair: 2, interval: 0, phase: 'forward', wh: 300 });
            run({ kind: 'cut', which: 0, wh: 100 });
            store.undoTo(mark);
            [contracts] = kept as [Contract[], Contract[]];
          } else run(one);
          for (const [at, interval] of INTERVALS.entries())
            for (const [link] of LINKS)
              for (const direction of ['>', '<']) {
                const key = `${link}${direction}`;
                const use = network.uses.getPair(key, interval);
                const isSum =
                  (use?.contractWh ?? 0) === sumOf(contracts, key, at) && (use?.spotWh ?? 0) === sumOf(spot, key, at);
                if (!isSum || (use !== undefined && useFault(use) !== undefined)) faults.push([key, interval, use]);
              }
        }
        expect(faults).toEqual([]);
      }),
      { numRuns: 200 },
    );
    expect(full).toBeGreaterThan(100);
  });

  it('asks nothing of a link within one zone', () => {
    const network = new NetworkState(new Store());
    const legs = network.routeOf(ZONES[0], ZONES[0]) ?? [];
    expect(network.capacityLeft(legs, INTERVALS[0] ?? '')).toBe(Number.MAX_SAFE_INTEGER);
    network.use(legs, INTERVALS[0] ?? '', 'spot', 5);
    expect([...network.uses.cells()]).toEqual([]);
  });

  it('beyond what is left, or a release of what was not used, is a fault of who asks for it', () => {
    const use = withUse(undefined, 'spot', 60, 100);
    expect(() => withUse(use, 'spot', 41, 100)).toThrow('no more is used than is left');
    expect(() => withUse(use, 'forward', 1, 50)).toThrow('no more is used than is left');
    expect(() => withRelease(use, 1)).toThrow('what is released was used');
    expect(() => withRelease(undefined, 1)).toThrow('what is released was used');
    expect([leftOf(100, use), leftOf(50, use), leftOf(7, undefined)]).toEqual([40, 0, 7]);
    expect(useFault({ contractWh: 60, spotWh: 41, limitWh: 100 })).toBe('a link carries 101 Wh of 100');
    expect(useFault({ contractWh: 0, spotWh: 0, limitWh: 100 })).toBeDefined();
  });
});

describe('a cut', () => {
  it('leaves the limit or what there was, touches no trade before a later one is gone, and no more than one in part', () => {
    const contracts = fc.uniqueArray(
      fc.record({ trade: fc.nat(1_000), quantityWh: fc.integer({ min: 1, max: 500 }) }),
      {
        selector: ({ trade }) => trade,
        maxLength: 20,
      },
    );
    fc.assert(
      fc.property(contracts, fc.nat(3_000), (list, limitWh) => {
        const cuts = new Map(cutsTo(limitWh, list).map(({ trade, cutWh }) => [trade, cutWh]));
        const left = list.map(({ trade, quantityWh }) => ({
          trade,
          was: quantityWh,
          is: quantityWh - (cuts.get(trade) ?? 0),
        }));
        const sum = (of: (one: (typeof left)[number]) => number): number =>
          left.reduce((total, one) => total + of(one), 0);
        expect(sum(({ is }) => is)).toBe(
          Math.min(
            limitWh,
            sum(({ was }) => was),
          ),
        );
        const touched = left.filter(({ was, is }) => is < was).map(({ trade }) => trade);
        const kept = left.filter(({ is }) => is > 0).map(({ trade }) => trade);
        expect(Math.min(...touched, Infinity)).toBeGreaterThanOrEqual(Math.max(...kept, -1));
        expect(left.filter(({ was, is }) => is > 0 && is < was).length).toBeLessThanOrEqual(1);
      }),
    );
  });
});
