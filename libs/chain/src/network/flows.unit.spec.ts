import { describe, expect, it } from '@jest/globals';
import { formatInterval, INTERVAL_MS, millis } from '@gridtokenx/kernel';
import { legsOf } from '@gridtokenx/protocol';
import { expectedFlows, type ExpectedFlow, type FlowSources, type MeterPlace } from './flows.js';

const [I1 = '', I2 = ''] = [1, 2].map((n) => formatInterval(millis(n * INTERVAL_MS)));
const METERS: Readonly<Record<string, readonly MeterPlace[]>> = {
  'ann A': [
    { meter: 'm2', feeder: 'F2', limitWh: 1_000 },
    { meter: 'm1', feeder: 'F1', limitWh: 3_000 },
  ],
  'bob B': [{ meter: 'm3', feeder: 'F3', limitWh: 5_000 }],
  'cat B': [{ meter: 'm4', limitWh: 5_000 }],
};

const flows = (sources: Partial<FlowSources>): readonly ExpectedFlow[] =>
  expectedFlows({
    contracts: [],
    orders: [],
    legsOf: (from, to) => (from === to ? [] : legsOf(from, to, ['L1'], () => ({ fromZone: 'A', toZone: 'B' }))),
    metersOf: (account, zone) => METERS[`${account} ${zone}`] ?? [],
    ...sources,
  });

const line = (flow: Partial<ExpectedFlow>): ExpectedFlow => ({
  interval: I1,
  kind: 'feeder',
  name: '',
  direction: 'out',
  contractedWh: 0,
  askedWh: 0,
  bidWh: 0,
  ...flow,
});

describe('what is expected to flow', () => {
  it('is per interval: links in their direction, feeders outwards and inwards, and what hangs on no feeder', () => {
    const trade = { fromZone: 'A', toZone: 'B', seller: 'ann' };
    expect(
      flows({
        contracts: [
          { ...trade, interval: I2, buyer: 'bob', quantityWh: 100 },
          { ...trade, interval: I1, buyer: 'cat', quantityWh: 401 },
          { ...trade, interval: I1, buyer: 'bob', quantityWh: 99 },
        ],
        orders: [
          { side: 'ask', account: 'ann', fromZone: 'A', toZone: 'A', interval: I1, remainingWh: 40 },
          { side: 'bid', account: 'bob', fromZone: 'A', toZone: 'B', interval: I1, remainingWh: 70 },
          { side: 'bid', account: 'dan', fromZone: 'B', toZone: 'A', interval: I1, remainingWh: 9 },
          { side: 'ask', account: 'bob', fromZone: 'B', toZone: 'A', interval: I1, remainingWh: 5 },
        ],
      }),
    ).toEqual([
      line({ kind: 'link', name: 'L1', direction: 'in', askedWh: 5, bidWh: 9 }),
      line({ kind: 'link', name: 'L1', contractedWh: 500, bidWh: 70 }),
      // floor(401 x 3/4) + floor(99 x 3/4), and what is left of both.
      line({ name: 'F1', contractedWh: 374, askedWh: 30 }),
      line({ name: 'F2', contractedWh: 126, askedWh: 10 }),
      line({ name: 'F3', direction: 'in', contractedWh: 99, bidWh: 70 }),
      line({ name: 'F3', askedWh: 5 }),
      line({ kind: 'unassigned', name: 'A', direction: 'in', bidWh: 9 }),
      line({ kind: 'unassigned', name: 'B', direction: 'in', contractedWh: 401 }),
      line({ interval: I2, kind: 'link', name: 'L1', contractedWh: 100 }),
      line({ interval: I2, name: 'F1', contractedWh: 75 }),
      line({ interval: I2, name: 'F2', contractedWh: 25 }),
      line({ interval: I2, name: 'F3', direction: 'in', contractedWh: 100 }),
    ]);
  });

  it('is nothing where nothing was sold or asked for', () => {
    expect(flows({})).toEqual([]);
  });

  it('of a pair that was closed since is over no link', () => {
    const contract = { fromZone: 'A', toZone: 'B', interval: I1, seller: 'ann', buyer: 'bob', quantityWh: 8 };
    expect(flows({ contracts: [contract], legsOf: () => undefined }).map(({ name }) => name)).toEqual([
      'F1',
      'F2',
      'F3',
    ]);
  });
});
