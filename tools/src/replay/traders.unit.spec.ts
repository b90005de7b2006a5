import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Population } from './population.js';
import { loadPrices } from './prices.js';
import { loadReadings, type Readings } from './readings.js';
import { newestMetered, Traders } from './traders.js';

const DATA = fileURLToPath(new URL('../../../data/', import.meta.url));
const bangkok = (text: string): number => Date.parse(`${text}+07:00`);
const NOON = bangkok('2026-06-15T12:00:00');
const nothing = (): number => 0;

describe('the traders of the replay', () => {
  let readings: Readings;
  let traders: Traders;

  beforeAll(async () => {
    readings = await loadReadings(DATA);
    const population: Population = Object.fromEntries(
      readings.meters.map(({ name }) => [name, { account: name, meter: name }]),
    );
    traders = new Traders(readings, await loadPrices(DATA), population);
  });

  const netOf = (name: string): number => {
    const { consumedWh, producedWh } = readings.of(NOON, name);
    return producedWh - consumedWh;
  };

  it('offer what was metered: households in the auction of their zone, everybody else continuously', () => {
    const orders = traders.spot(NOON, nothing);
    expect(orders.length).toBeGreaterThan(12);
    for (const { account, mechanism, side, fromZone, toZone } of orders) {
      const meter = readings.meters.find(({ name }) => name === account);
      expect(mechanism).toBe(meter?.kind === 'household' ? 'auction' : 'continuous');
      expect(side === 'ask' ? fromZone : toZone).toBe(meter?.zone);
      expect(side).toBe(netOf(account) > 0 ? 'ask' : 'bid');
      const own = orders.filter((order) => order.account === account);
      expect(own.reduce((sum, { quantityWh }) => sum + Number(quantityWh), 0)).toBe(Math.abs(netOf(account)));
    }
    // A seller and a buyer at least meet between two zones.
    const abroad = orders.filter(({ fromZone, toZone }) => fromZone !== toZone);
    expect(new Set(abroad.map(({ side }) => side))).toEqual(new Set(['ask', 'bid']));
    expect(abroad.some(({ fromZone, toZone }) => fromZone.slice(0, 3) !== toZone.slice(0, 3))).toBe(true);
    for (const mechanism of ['auction', 'continuous'])
      for (const side of ['ask', 'bid'])
        expect(orders.some((order) => order.mechanism === mechanism && order.side === side)).toBe(true);
  });

  it('offer and ask for what they did not trade ahead, and never for the other side of it', () => {
    const [seller, buyer] = ['TH-MEA-0017', 'TH-MEA-0010'];
    const left = (ahead: number): (readonly [string, number])[] =>
      traders
        .spot(NOON, () => ahead)
        .filter(({ account }) => account === seller || account === buyer)
        .map(({ side, quantityWh }) => [side, Number(quantityWh)] as const)
        .sort(([a], [b]) => (a < b ? -1 : 1));
    const [surplus, deficit] = [netOf(seller), -netOf(buyer)];
    expect(left(0)).toEqual([
      ['ask', surplus],
      ['bid', deficit],
    ]);
    expect(left(1_000)).toEqual([
      ['ask', surplus - 1_000],
      ['bid', deficit],
    ]);
    expect(left(-1_000)).toEqual([
      ['ask', surplus],
      ['bid', deficit - 1_000],
    ]);
    expect(left(surplus + 500)).toEqual([['bid', deficit]]);
  });

  it('trade ahead half of what the newest reading promises, without the households', () => {
    const later = NOON + 3_600_000;
    const orders = traders.ahead(later, NOON, later - 900_000);
    const kinds = orders.map(({ account }) => readings.meters.find(({ name }) => name === account)?.kind);
    expect(new Set(kinds)).toEqual(new Set(['commercial', 'agriculture']));
    for (const { account, interval, quantityWh, expiresAt } of orders) {
      expect(expiresAt).toBe('2026-06-15T05:45:00Z');
      expect(interval).toBe('2026-06-15T06:00:00Z/PT15M');
      expect(Number(quantityWh)).toBe(Math.floor(Math.abs(netOf(account)) / 2));
    }
    expect(traders.ahead(later, bangkok('2026-06-14T12:00:00'), later)).toEqual([]);
  });

  it('know the newest reading by market time', () => {
    expect(newestMetered(NOON)).toBe(NOON - 900_000);
    expect(newestMetered(NOON + 899_999)).toBe(NOON - 900_000);
    expect(newestMetered(NOON + 900_000)).toBe(NOON);
  });
});
