import { describe, expect, it } from '@jest/globals';
import { Backlog } from './backlog.js';

const NOW = 1_000_000;

describe('The backlog', () => {
  it('is what has arrived and no block holds, whichever of both is read first', () => {
    const backlog = new Backlog(100);
    backlog.arrived(60, NOW, NOW);
    backlog.arrived(30, NOW + 1, NOW + 1);
    backlog.decided(70, NOW + 900, NOW + 1_000);
    expect(backlog.waiting(NOW + 1_000)).toBe(20);
    backlog.decided(50, NOW + 1_900, NOW + 2_000);
    expect(backlog.waiting(NOW + 2_000)).toBe(0);
    backlog.arrived(40, NOW + 1_800, NOW + 2_100);
    expect(backlog.waiting(NOW + 2_100)).toBe(10);
  });

  it('is full beyond the least at no pace, and beyond four seconds of the ledger’s pace', () => {
    const backlog = new Backlog(100);
    backlog.arrived(100, NOW, NOW);
    expect(backlog.isFull(NOW)).toBe(false);
    backlog.arrived(1, NOW, NOW);
    expect(backlog.isFull(NOW)).toBe(true);
    // 1,000 in the two seconds that are the least to tell a pace by: 2,000 may wait.
    backlog.arrived(1_000 + 1_899, NOW + 1, NOW + 1);
    backlog.decided(1_000, NOW + 900, NOW + 1_000);
    expect(backlog.waiting(NOW + 1_000)).toBe(2_000);
    expect(backlog.isFull(NOW + 1_000)).toBe(false);
    backlog.arrived(1, NOW + 1_000, NOW + 1_000);
    expect(backlog.isFull(NOW + 1_000)).toBe(true);
    // 2,251 in eight seconds: 1,125 may wait. What was decided more than ten seconds ago tells nothing any more.
    backlog.decided(500, NOW + 7_000, NOW + 7_000);
    backlog.decided(751, NOW + 8_900, NOW + 8_999);
    expect(backlog.waiting(NOW + 9_000)).toBe(750);
    expect(backlog.isFull(NOW + 9_000)).toBe(false);
    backlog.arrived(376, NOW + 9_000, NOW + 9_000);
    expect(backlog.isFull(NOW + 9_000)).toBe(true);
    expect(backlog.isFull(NOW + 11_001)).toBe(false);
    expect(backlog.isFull(NOW + 20_000)).toBe(true);
  });

  it('forgets what no block has taken for a minute, and never counts what arrived before that', () => {
    const backlog = new Backlog(100);
    backlog.arrived(500, NOW, NOW + 60_001);
    expect(backlog.waiting(NOW + 60_001)).toBe(0);
    backlog.arrived(500, NOW + 60_001, NOW + 60_001);
    expect(backlog.isFull(NOW + 120_001)).toBe(true);
    expect(backlog.isFull(NOW + 120_002)).toBe(false);
    backlog.decided(50, NOW + 120_000, NOW + 120_100);
    backlog.arrived(70, NOW + 190_000, NOW + 190_000);
    expect(backlog.waiting(NOW + 190_000)).toBe(70);
  });
});
