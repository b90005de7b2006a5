import { describe, expect, it } from '@jest/globals';
import { layoutWithOneAlone } from './dead-leader.js';
import { backToNormal, type Overload } from './overload.js';
import type { SystemRun } from './run.js';
import { verdictsOf } from './targets.js';

const run = (given: Partial<SystemRun>): SystemRun =>
  ({ committedPerSecond: 0, projectedPerSecond: 0, finalityMsP99: 900, lost: 0, ...given }) as SystemRun;

const subject = {
  ledger: 'consortium',
  bus: 'embedded',
  processes: 1,
  validators: 21,
  batch: 1,
  verifyPerSecondLimit: 50_000,
} as const;
const at = (perSecond: number, more: Partial<SystemRun> = {}): SystemRun =>
  run({ committedPerSecond: perSecond, projectedPerSecond: perSecond, ...more });

describe('the targets of throughput', () => {
  it('ask for what the configuration is named for', () => {
    const asked = (more: object): unknown =>
      verdictsOf({ ...subject, runs: [at(1)], ...more }).map(
        ({ target, wanted }) => `${target}: ${wanted.split('/')[0]}`,
      );
    expect(asked({})).toEqual(['1: 10,000']);
    expect(asked({ verifyPerSecondLimit: 18_000 })).toEqual(['1: 7,200']);
    expect(asked({ batch: 100 })).toEqual(['2a: 30,000']);
    expect(asked({ processes: 4, validators: 4, bus: 'kafka', batch: 100 })).toEqual(['2b: 15,000']);
    expect(asked({ processes: 4, validators: 4, bus: 'kafka' })).toEqual(['3: 4,000']);
    expect(asked({ processes: 4, validators: 4 })).toEqual([]);
    expect(asked({ validators: 4 })).toEqual([]);
  });

  it('are met by a run that held the finality, not by a faster one that did not', () => {
    const late = at(20_000, { finalityMsP99: 3_001 });
    expect(verdictsOf({ ...subject, runs: [at(10_000), late] })).toMatchObject([{ met: true }]);
    expect(verdictsOf({ ...subject, runs: [late] })).toMatchObject([{ met: false, missedBy: '1 ms' }]);
    expect(verdictsOf({ ...subject, runs: [at(9_000), late] })).toMatchObject([{ missedBy: '1,000/s (10 %)' }]);
  });

  it('count what is projected, and nothing when something was lost', () => {
    const behind = at(12_000, { projectedPerSecond: 8_000 });
    expect(verdictsOf({ ...subject, runs: [behind] })).toMatchObject([{ missedBy: '2,000/s (20 %)' }]);
    expect(verdictsOf({ ...subject, runs: [at(12_000, { lost: 1 })] })).toMatchObject([{ met: false }]);
    expect(verdictsOf({ ...subject, runs: [] })).toMatchObject([{ met: false }]);
  });
});

describe('the targets of the public ledger', () => {
  const grid = { ...subject, ledger: 'public', validators: 100 } as const;
  const held = (cores: number, more: Partial<SystemRun> = {}): SystemRun =>
    at(5_000, { finalityMsP99: 11_999, consensusCores: { 'public-ledger': cores }, ...more });

  it('are 5,000/s within 12 s, and consensus by less than 60 % of a core', () => {
    expect(verdictsOf({ ...grid, runs: [held(0.59)] })).toMatchObject([
      { target: 'P1', met: true },
      { target: 'P2', met: true, figure: '59 %' },
    ]);
    expect(verdictsOf({ ...grid, runs: [held(0.6, { finalityMsP99: 12_001 })] })).toMatchObject([
      { met: false, missedBy: '1 ms' },
      { met: false },
    ]);
    expect(verdictsOf({ ...grid, runs: [] })).toMatchObject([{ target: 'P1', met: false }]);
  });

  it('are asked of 100 validators in one process, each operation signed alone', () => {
    expect(verdictsOf({ ...grid, validators: 21, runs: [held(0.1)] })).toEqual([]);
    expect(verdictsOf({ ...grid, batch: 100, runs: [held(0.1)] })).toEqual([]);
  });
});

describe('the target of overload', () => {
  const overload: Overload = {
    peakPerSecond: 5_000,
    ofPeak: 0.95,
    rssAtPeakMb: 1_000,
    backToNormalMs: 4_000,
    normalMs: 900,
    probeMsP50: 400,
    run: run({ busy: 10, busyWithRetryAfter: 10, rssGrowth: 1.1, rssMb: 1_200 }),
  };
  const missedBy = (more: Partial<Overload>, ofRun: Partial<SystemRun> = {}): string | undefined =>
    verdictsOf({
      ...subject,
      runs: [],
      overload: { ...overload, ...more, run: { ...overload.run, ...ofRun } },
    })[0]?.missedBy;

  it('is met when all of it is', () => {
    expect(missedBy({})).toBe('');
  });

  it('is missed by each part of it', () => {
    expect(missedBy({ ofPeak: 0.9 })).toBe('90 % of the peak');
    expect(missedBy({}, { busyWithRetryAfter: 9 })).toMatch(/429/);
    expect(missedBy({}, { busy: 0, busyWithRetryAfter: 0 })).toMatch(/429/);
    expect(missedBy({}, { rssGrowth: 1.3 })).toMatch(/memory/);
    expect(missedBy({ backToNormalMs: 10_001 })).toMatch(/1 ms until normal/);
    expect(missedBy({ backToNormalMs: Number.POSITIVE_INFINITY })).toMatch(/never/);
    expect(missedBy({}, { lost: 1 })).toMatch(/lost/);
  });

  it('finds when all was normal again', () => {
    const probes = [900, 100, 800, 100, 100].map((ms, i) => ({ dueMs: 1_000 * i, ms }));
    expect(backToNormal(probes, 500)).toBe(3_000);
    expect(backToNormal(probes, 1_000)).toBe(0);
    expect(backToNormal(probes.slice(0, 3), 500)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('the target of a dead leader', () => {
  const verdict = (worstMs: number): unknown =>
    verdictsOf({
      ...subject,
      runs: [],
      deadLeader: {
        dead: [3],
        heights: [{ height: 7, round: 1, ms: worstMs }],
        worstMs,
        othersWorstMs: 1,
        run: run({}),
      },
    });

  it('is under three seconds', () => {
    expect(verdict(2_999)).toMatchObject([{ target: '6', met: true }]);
    expect(verdict(3_000)).toMatchObject([{ met: false, missedBy: '0 ms' }]);
  });

  it('leaves a quorum alive', () => {
    expect(layoutWithOneAlone(4, 4)).toEqual([1, 1, 1, 1]);
    expect(layoutWithOneAlone(21, 1)).toEqual([20, 1]);
    expect(layoutWithOneAlone(21, 4)).toEqual([5, 5, 5, 5, 1]);
  });
});
