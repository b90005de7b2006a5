import { describe, expect, it } from '@jest/globals';
import type { HistoryEntry, TradeEntry } from './history.js';
import {
  controlAccountOf,
  PARTICIPANT_COLUMNS,
  participantStatement,
  statementCsv,
  statementJson,
  utilityStatement,
  type StatedPosition,
} from './statement.js';

const INTERVAL = '2026-06-15T03:00:00Z/PT15M';
const HASH = 'ab'.repeat(32);
const PERIOD = { from: '2026-06-15T00:00:00Z', until: '2026-06-16T00:00:00Z' };

const trade: TradeEntry = {
  kind: 'trade',
  trade: 7,
  phase: 'forward',
  bid: HASH,
  ask: HASH,
  buyer: 'bob',
  seller: 'ann',
  fromZone: 'Z1',
  toZone: 'Z2',
  priceTicks: 400,
  quantityWh: 1_000,
  buyerFee: 40_000,
  sellerFee: 0,
  wheeling: 20_000,
  toOperator: 45_000,
  fromOperator: 5_000,
  platform: 0,
  tax: 10_000,
  tariffVersion: 1,
  tariffHash: HASH,
};
const tariff = (version = 1): HistoryEntry => ({
  kind: 'tariff',
  version,
  hash: HASH,
  topUpRate: 60_000,
  surplusRate: 22_000,
  allocation: 'fifo',
});
const reading = (meter: string, consumedWh: number, producedWh: number, version = 1): HistoryEntry => ({
  kind: 'reading',
  meter,
  version,
  quality: 'actual',
  consumedWh,
  producedWh,
});
const delivered = (deliveredWh: number): HistoryEntry => ({
  kind: 'delivery',
  trade: 7,
  deliveredWh,
  topUpRate: 60_000,
});

/** Ann delivered 600 of 1,000 Wh, and after a correction 700; Bob used 500. */
const positions: readonly StatedPosition[] = [
  {
    account: 'ann',
    zone: 'Z1',
    interval: INTERVAL,
    operator: 'op1',
    entries: [trade, reading('a', 0, 600), delivered(600), tariff(), reading('a', 0, 700, 2), delivered(700)].map(
      (entry, event) => ({ entry, source: { height: 9, outcome: 1, event } }),
    ),
    settledEntries: 4,
    corrections: [4],
  },
  {
    account: 'bob',
    zone: 'Z2',
    interval: INTERVAL,
    operator: 'op2',
    entries: [trade, reading('b', 500, 0), delivered(600), tariff(), delivered(700)].map((entry, event) => ({
      entry,
      source: { height: 8, outcome: 0, event },
    })),
    settledEntries: 4,
    corrections: [4],
  },
];

describe('a statement', () => {
  it('tells what a position came to, row by row, and what corrections changed', () => {
    const { rows, totals, version } = participantStatement('ann', PERIOD, positions, false);
    expect(rows).toMatchObject([
      { kind: 'reading', version: 2, producedWh: '700' },
      { kind: 'sale', counterparty: 'bob', deliveredWh: '700', energy: '2800000', topUp: '600000', amount: '2200000' },
      { kind: 'correction', version: 2, amount: '600000' },
    ]);
    expect([version, totals['amount'], totals['sales']]).toEqual([2, '2200000', '2200000']);
    const bob = participantStatement('bob', PERIOD, positions, false);
    expect(bob.rows.map(({ kind, amount }) => [kind, amount])).toEqual([
      ['reading', undefined],
      ['purchase', '-4042000'],
      ['surplus', '440000'],
      ['correction', '214000'],
    ]);
  });

  it('names the events that each row stands on, where that is asked for', () => {
    const { rows } = participantStatement('ann', PERIOD, positions, true);
    expect(rows.map(({ sources }) => sources)).toEqual(['9:1:4', '9:1:0 9:1:2 9:1:5', '9:1:4']);
    expect(participantStatement('ann', PERIOD, positions, false).rows[0]).not.toHaveProperty('sources');
  });

  it('of a utility tells its part of each trade once, what it paid, and the control account of its zones', () => {
    const zone = (name: string, operator: string) => ({ zone: name, operator, closingWh: () => 0n });
    const zones = [zone('Z1', 'op1'), zone('Z2', 'op2')];
    const { rows, totals } = utilityStatement('op2', PERIOD, zones, positions, false);
    expect(rows).toMatchObject([
      { kind: 'trade', zone: 'Z2', charges: '31500', topUp: '1800000', amount: '1831500' },
      { kind: 'surplus', account: 'bob', quantityWh: '200', amount: '-440000' },
      { kind: 'control', movedInWh: '600', retiredWh: '600', correctedWh: '0', closingWh: '0', unexplainedWh: '0' },
    ]);
    expect(totals['amount']).toBe('1391500');
    // Ann, Bob, the other operator and the tax: nothing is left over.
    const first = utilityStatement('op1', PERIOD, zones, positions, false);
    expect(first.totals['amount']).toBe('3500');
    expect(2_200_000 + (-4_042_000 + 440_000) + 1_391_500 + 3_500 + 7_000).toBe(0);
  });

  it('finds energy that nothing explains', () => {
    const [ann] = positions;
    if (ann === undefined) throw new Error('ann');
    expect(controlAccountOf([ann], 5n)).toMatchObject({ correctedWh: 0n, unexplainedWh: 5n, mintedWh: 600n });
  });

  it('has one spelling in JSON and in CSV', () => {
    const statement = participantStatement('ann', PERIOD, positions, true);
    const json = statementJson(statement);
    expect(json.endsWith('}\n')).toBe(true);
    expect(JSON.parse(json)).toMatchObject({ kind: 'participant', account: 'ann', version: 2 });
    expect(statementJson(participantStatement('ann', PERIOD, [...positions].reverse(), true))).toBe(json);
    const [header, ...lines] = statementCsv(statement).trimEnd().split('\n');
    expect(header).toBe(PARTICIPANT_COLUMNS.join(','));
    expect(lines.map((line) => line.split(',').length)).toEqual(lines.map(() => PARTICIPANT_COLUMNS.length));
  });

  it('holds the intervals that start in its period', () => {
    for (const period of [
      { from: '2026-06-15T03:00:01Z', until: PERIOD.until },
      { from: PERIOD.from, until: '2026-06-15T03:00:00Z' },
    ])
      expect(participantStatement('ann', period, positions, false).rows).toEqual([]);
  });
});
