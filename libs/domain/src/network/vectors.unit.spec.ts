import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { shareOut } from '@gridtokenx/chain';
import { formatInterval, INTERVAL_MS, millis } from '@gridtokenx/kernel';
import { Store } from '../ledger/store.js';
import { cutsTo, legKeyOf, legOf, usedOf, type UsePhase } from './capacity.js';

import { NetworkState, type Declared } from './state.js';

type Pair = readonly [forwardWh: number, backwardWh: number];
type Step =
  | { trade: [from: string, to: string, interval: string, phase: UsePhase]; wh: number; gets: number | null }
  | { release: [from: string, to: string, interval: string]; wh: number }
  | { link: string; byTo: Pair };
interface Vectors {
  routes: {
    id: string;
    links: [string, string, string][];
    from: string;
    to: string;
    route: string[];
    legs: string[] | null;
  }[];
  capacity: {
    id: string;
    links: { id: string; ends: [string, string]; byFrom: Pair | null; byTo: Pair | null }[];
    pairs: { from: string; to: string; route: string[] }[];
    steps: Step[];
    used: Record<string, Record<string, number>>;
  }[];
  cuts: { id: string; limitWh: number; contracts: [number, number][]; cuts: [number, number][] }[];
  shares: { id: string; wh: number; meters: [string, number][]; parts: number[] }[];
}

const vectors = JSON.parse(
  readFileSync(new URL('../../../../vectors/network.json', import.meta.url), 'utf8'),
) as Vectors;

const declared = (pair: Pair | null): Declared | undefined =>
  pair === null ? undefined : { forwardWh: pair[0], backwardWh: pair[1] };
const intervalOf = (name: string): string => formatInterval(millis(Number(name.slice(1)) * INTERVAL_MS));

describe('the published cases', () => {
  it.each(vectors.routes)('of routes: $id', ({ links, from, to, route, legs }) => {
    const network = new NetworkState(new Store());
    for (const [link, fromZone, toZone] of links)
      network.links.set(link, { fromZone, toZone, byFrom: undefined, byTo: undefined });
    const found = network.legsOver(from, to, route);
    expect(found?.map(({ key }) => key) ?? null).toEqual(legs);
    for (const { key, ...leg } of found ?? []) expect([legKeyOf(leg), legOf(key)]).toEqual([key, leg]);
  });

  it.each(vectors.capacity)('of capacity: $id', ({ links, pairs, steps, used }) => {
    const network = new NetworkState(new Store());
    for (const { id, ends, byFrom, byTo } of links)
      network.links.set(id, { fromZone: ends[0], toZone: ends[1], byFrom: declared(byFrom), byTo: declared(byTo) });
    for (const { from, to, route } of pairs)
      network.store.change(network.pairs.pair(from, to), { byFrom: route, byTo: route });
    const got = steps.map((step) => {
      if ('link' in step) {
        const row = network.links.get(step.link);
        if (row !== undefined) network.links.set(step.link, { ...row, byTo: declared(step.byTo) });
        return step;
      }
      if ('release' in step) {
        const [from, to, name] = step.release;
        network.release(network.routeOf(from, to) ?? [], intervalOf(name), step.wh);
        return step;
      }
      const [from, to, name, phase] = step.trade;
      const legs = network.routeOf(from, to);
      if (legs === undefined) return { ...step, gets: null };
      const gets = Math.min(step.wh, network.capacityLeft(legs, intervalOf(name)));
      network.use(legs, intervalOf(name), phase, gets);
      return { ...step, gets };
    });
    expect(got).toEqual(steps);
    for (const [name, byLeg] of Object.entries(used)) {
      const cells = [...network.uses.group(intervalOf(name)).cells.values()];
      expect(Object.fromEntries(cells.map(({ first, value }) => [first, usedOf(value)]))).toEqual(byLeg);
      for (const { value } of cells) expect(value && network.uses.options.fault?.(value)).toBeUndefined();
      network.forget(intervalOf(name));
      expect(cells.filter(({ value }) => value !== undefined)).toEqual([]);
    }
  });

  it.each(vectors.cuts)('of cuts: $id', ({ limitWh, contracts, cuts }) => {
    const found = cutsTo(
      limitWh,
      contracts.map(([trade, quantityWh]) => ({ trade, quantityWh })),
    );
    expect(found.map(({ trade, cutWh }) => [trade, cutWh])).toEqual(cuts);
  });

  it.each(vectors.shares)('of shares: $id', ({ wh, meters, parts }) => {
    const shares = shareOut(wh, meters.map(([meter, limitWh]) => ({ meter, limitWh })).reverse());
    expect(shares.map(([, part]) => part)).toEqual(parts);
  });
});
