import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import type { SystemRun } from '../system/run.js';
import { figuresOf, withFigures } from './figures.js';
import { reportOf } from './markdown.js';
import { commandOf, planOf } from './plan.js';
import { parseStored, readResults, type Results, type Stored } from './stored.js';

const run = (perSecond: number, more: Partial<SystemRun> = {}): SystemRun => ({
  ...{
    offeredPerSecond: perSecond,
    loadOffered: perSecond,
    committedPerSecond: perSecond,
    projectedPerSecond: perSecond,
  },
  ...{ finalityMsP50: 400, finalityMsP90: 700, finalityMsP99: 900, finalityMsMax: 950, ackMsP99: 20 },
  ...{ projectionLagMsP99: 300, cpuCores: 1.2, stolenCores: 0.1, cpuByProcess: { 'validators-1': 0.9, kafka: 0.3 } },
  ...{ rssMb: 1_500, rssByProcess: { 'validators-1': 1_000, kafka: 500 }, rssGrowth: 1.01, operations: 10, blocks: 2 },
  ...{ operationsPerBlock: 5, packedBytesPerOperation: 200, roundsPerHeight: 1.5, roundsAboveZero: 1 },
  ...{ verificationsPerProcess: { 'validators-1': 4_321 }, operationsDecided: 10, envelopesDecided: 4_200 },
  ...{ busy: 0, busyWithRetryAfter: 0, refusedOperations: 0, lost: 0, orderShare: 0.6, tradedShare: 0.43 },
  ...{ transferShare: 0, consensusCores: { 'validators-1': 0.05 } },
  ...{ tradesPerOrder: 0.4, rejectedShare: 0, cpuUsPerOperation: 300, sustained: true },
  ...more,
});
const about = {
  machine: { cores: 2, model: 'a processor', memoryGb: 8, kernel: '6', node: 'v24', loadAverage: 0.1 },
  commit: 'abc1234',
  verifyPerSecondLimit: 20_000,
};
const four = { bus: 'kafka', processes: 4, validators: 4, projector: 'shared', workers: 1, entry: 'bus', keys: 1_024 };

function stored(name: string, runs: readonly SystemRun[], more: object = {}): [string, Stored] {
  const result = { ...runs[0], ...four, batch: 1, seconds: 12, runs, targetsMet: {}, ...about, ...more };
  return [name, { command: `npm run bench -- consortium --name ${name} --seconds 12 --json`, result }];
}

const late = run(6_400, { committedPerSecond: 3_100, finalityMsP99: 4_200, sustained: false });
const results: Results = new Map([
  stored('four-signed-bus', [run(3_000), late]),
  stored('overload', [run(3_000)], {
    batch: 100,
    overload: {
      ...{
        peakPerSecond: 3_000,
        ofPeak: 0.97,
        rssAtPeakMb: 1_500,
        backToNormalMs: 2_500,
        normalMs: 920,
        probeMsP50: 90,
      },
      run: run(6_000, { committedPerSecond: 2_910, busy: 77, busyWithRetryAfter: 77, refusedOperations: 9_000 }),
    },
  }),
  stored('dead-leader-four', [run(1_000)], {
    deadLeader: {
      ...{ dead: [2], heights: [{ height: 42, round: 1, ms: 2_345 }], worstMs: 2_345, othersWorstMs: 1_050 },
      run: run(1_000),
    },
  }),
  ['one-signed-bus', { command: 'npm run bench -- consortium --json', failure: 'Error: nothing was acknowledged' }],
  [
    'growth',
    {
      command: 'npm run bench -- growth --json',
      result: {
        small: { accounts: 10_000, restingOrders: 10_000, usPerOperation: 20, cpuUsPerOperation: 22 },
        large: { accounts: 1_000_000, restingOrders: 1_000_000, usPerOperation: 28, cpuUsPerOperation: 30 },
        ...{ ratio: 1.4, cpuRatio: 1.36, bytesPerAccount: 800, bytesPerRestingOrder: 600 },
        snapshot: {
          ...{ rows: 5, megabytes: 400, writeMs: 9_000, longestSliceMs: 20 },
          ...{ longestBlockMs: 300, usualBlockMs: 250 },
        },
        ...{ restartMs: 15_000, restartCpuMs: 14_000, restartRssMb: 2_000 },
      },
    },
  ],
  [
    'cometbft',
    {
      command: 'node bench/peers/cometbft.mjs --json',
      result: {
        ...{ peer: 'CometBFT', version: 'v0.38.19', nodes: 4, txBytes: 190, mempool: 5_000, seconds: 12, ...about },
        runs: [{ ...run(6_000, { committedPerSecond: 512 }), refused: 1_234, notDecided: 5 }],
      },
    },
  ],
]);
const report = reportOf(results);
/** The cells of the first row that begins with this one. */
const cellsOf = (first: string): string[] =>
  report
    .split('\n')
    .filter((line) => line.startsWith(`| ${first} `))[0]
    ?.split('|')
    .slice(1, -1)
    .map((cell) => cell.trim()) ?? [];

describe('the report', () => {
  it('holds no figure that is not there', () => {
    expect(report).not.toMatch(/undefined|NaN|\[object/);
  });

  it('sets offered beside committed, and the highest rate that was held in bold', () => {
    expect(cellsOf('**3,000**').slice(0, 5)).toEqual(['**3,000**', '3,000', '3,000', '3,000', '400 / 900']);
    expect(cellsOf('6,400').slice(0, 5)).toEqual(['6,400', '6,400', '3,100', '6,400', '400 / 4,200']);
  });

  it('says of each target what was wanted, what was reached, by how much it was missed and what limits it', () => {
    expect(cellsOf('3').slice(1)).toEqual([
      'four-signed-bus',
      '4,000/s committed and projected, finality p99 <= 3,000 ms',
      '3,000/s, 900 ms',
      '**no**',
      '1,000/s (25 %)',
      'not CPU: 1.20 of 2 cores used, most by validators-1 0.90',
    ]);
    expect(cellsOf('4')[4]).toBe('yes');
    expect(cellsOf('5a').slice(4, 6)).toEqual(['**no**', '0.10 times']);
    expect(cellsOf('5b')[4]).toBe('yes');
    expect(cellsOf('5c')[3]).toBe('50 ms');
    expect(cellsOf('6').slice(3, 5)).toEqual(['2,345 ms at worst of 1 heights', 'yes']);
  });

  it('tells which run failed, and why', () => {
    expect(report).toContain('Error: nothing was acknowledged');
  });

  it('sets the peer beside us', () => {
    expect(cellsOf('CometBFT')).toEqual([
      'CometBFT',
      '6,000',
      '512',
      '400 / 900',
      '1.20',
      '300',
      '1,500',
      '1,234',
      '5',
    ]);
  });

  it('keeps for ever what never came', () => {
    const text = JSON.stringify({ command: '', result: run(1, { finalityMsP99: Number.POSITIVE_INFINITY }) });
    expect(parseStored(text).result).toMatchObject({ finalityMsP99: Number.POSITIVE_INFINITY });
  });

  it('names each run once', () => {
    for (const quick of [true, false]) {
      const plan = planOf(quick);
      expect(new Set(plan.map(({ name }) => name)).size).toBe(plan.length);
      expect(new Set(plan.map(commandOf)).size).toBe(plan.length);
    }
  });
});

describe('the figures of the README', () => {
  it('are replaced between their marks, and nowhere else', () => {
    const figures = figuresOf(results);
    const text = 'before\n<!-- figures: written by npm run bench -- report -->\nold\n<!-- /figures -->\nafter\n';
    const written = withFigures(text, figures);
    expect(written).toMatch(/^before\n[^]*3,000\/s committed[^]*\nafter\n$/);
    expect(written).not.toContain('old');
    expect(withFigures(written, figures)).toBe(written);
    expect(() => withFigures('no marks', figures)).toThrow(/no place/);
  });

  const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

  it('and the report are those of the JSON that is kept', async () => {
    const [all, reported, readme] = await Promise.all([
      readResults(path('../../results/')),
      readFile(path('../../REPORT.md'), 'utf8'),
      readFile(path('../../../README.md'), 'utf8'),
    ]);
    expect(reported).toBe(reportOf(all));
    expect(readme).toBe(withFigures(readme, figuresOf(all)));
  });
});
