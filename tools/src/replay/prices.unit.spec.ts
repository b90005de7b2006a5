import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { isOnPeak, loadPrices } from './prices.js';
import { loadReadings } from './readings.js';

const DATA = fileURLToPath(new URL('../../../data/', import.meta.url));
const bangkok = (text: string): number => Date.parse(`${text}+07:00`);

describe('time of use', () => {
  it.each([
    ['2026-06-15T08:45:00', false],
    ['2026-06-15T09:00:00', true],
    ['2026-06-19T21:45:00', true],
    ['2026-06-19T22:00:00', false],
    ['2026-06-20T12:00:00', false],
    ['2026-06-21T12:00:00', false],
  ])('at %s in Bangkok is on-peak: %s', (time, onPeak) => {
    expect(isOnPeak(bangkok(time))).toBe(onPeak);
  });
});

describe('the prices of the replay', () => {
  it('lie between the feed-in price and the retail price of the hour, in whole ticks', async () => {
    const [prices, readings] = await Promise.all([loadPrices(DATA), loadReadings(DATA)]);
    expect(prices.feedInTicks).toBe(220);
    for (const time of ['2026-06-15T03:00:00', '2026-06-15T12:00:00'].map(bangkok))
      readings.meters.forEach((meter, index) => {
        const [ask, bid, retail] = [
          prices.askTicks(time, meter, index),
          prices.bidTicks(time, meter, index),
          prices.retailTicks(time, meter),
        ];
        expect(Number.isInteger(ask) && Number.isInteger(bid)).toBe(true);
        expect(ask).toBeGreaterThanOrEqual(prices.feedInTicks);
        expect(ask).toBeLessThanOrEqual(retail);
        expect(bid).toBeGreaterThan(prices.feedInTicks);
        // With the fee of 1 % the buyer still pays less than retail.
        expect(bid * 101).toBeLessThan(retail * 100);
      });
  });

  it('are those of the published schedules', async () => {
    const [prices, readings] = await Promise.all([loadPrices(DATA), loadReadings(DATA)]);
    const household = readings.meters.find(({ kind }) => kind === 'household');
    const business = readings.meters.find(({ kind }) => kind === 'commercial');
    if (household === undefined || business === undefined) throw new Error('both kinds are in the file');
    expect(prices.retailTicks(bangkok('2026-06-15T12:00:00'), household)).toBe(579);
    expect(prices.retailTicks(bangkok('2026-06-15T23:00:00'), household)).toBe(263);
    expect(prices.retailTicks(bangkok('2026-06-15T12:00:00'), business)).toBe(432);
  });
});

describe('the readings', () => {
  it('are a week of quarters of an hour for each of 24 meters', async () => {
    const readings = await loadReadings(DATA);
    expect(readings.meters).toHaveLength(24);
    expect(readings.intervals).toHaveLength(7 * 96);
    expect(readings.intervals[0]).toBe(bangkok('2026-06-15T00:00:00'));
    expect(readings.of(bangkok('2026-06-15T00:00:00'), 'TH-MEA-0001')).toEqual({ consumedWh: 70, producedWh: 0 });
    expect(() => readings.of(0, 'TH-MEA-0001')).toThrow('no reading');
  });
});
