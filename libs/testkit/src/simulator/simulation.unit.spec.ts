import { describe, expect, it } from '@jest/globals';
import { FAULT_KINDS_MIN, FAULTS_MIN, HEIGHTS_MIN, simulate } from './simulation.js';

describe('a simulation', () => {
  it('is the same for the same seed, and another for another one', async () => {
    const [first, again, other] = [
      await simulate({ seed: 5, validators: 4 }),
      await simulate({ seed: 5, validators: 4 }),
      await simulate({ seed: 6, validators: 4 }),
    ];
    expect(again).toEqual(first);
    expect(other.traceHash).not.toBe(first.traceHash);
  });

  it.each([
    [4, 1],
    [4, 2],
    [4, 3],
    [7, 1],
    [21, 1],
  ])('of %i validators breaks no invariant with seed %i, and shakes them', async (validators, seed) => {
    const { violations, heights, faults } = await simulate({ seed, validators });
    expect(violations).toEqual([]);
    expect(heights).toBeGreaterThanOrEqual(HEIGHTS_MIN);
    expect(Object.keys(faults).length).toBeGreaterThanOrEqual(FAULT_KINDS_MIN);
    expect(Object.values(faults).reduce((sum, times) => sum + times, 0)).toBeGreaterThanOrEqual(FAULTS_MIN);
  });
});

describe('a simulation with a past', () => {
  it('has restarts that begin at a snapshot, own or fetched, and damage that is refused', async () => {
    const lines: string[] = [];
    const faults: Record<string, number> = {};
    for (const seed of [28, 48]) {
      const result = await simulate({ seed, validators: 4, trace: (line) => lines.push(line) });
      expect(result.violations).toEqual([]);
      for (const [fault, times] of Object.entries(result.faults)) faults[fault] = (faults[fault] ?? 0) + times;
    }
    for (const fault of ['lostSnapshots', 'damagedSnapshot', 'forgedSnapshots'])
      expect([fault, (faults[fault] ?? 0) > 0]).toEqual([fault, true]);
    const said = lines.join('\n');
    for (const what of ['starts from a snapshot', 'snapshotFetched 100', 'snapshotRefused 100: snapshotPart.root'])
      expect(said).toContain(what);
  }, 180_000);

  it('changes its validators while they are at odds', async () => {
    const changes: number[] = [];
    for (const seed of [4, 36, 44]) {
      const { violations, setChanges } = await simulate({ seed, validators: 4 });
      expect(violations).toEqual([]);
      changes.push(setChanges);
    }
    expect(Math.min(...changes)).toBeGreaterThan(0);
  }, 180_000);
});
