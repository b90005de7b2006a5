import { describe, expect, it } from '@jest/globals';
import { runEraBench } from './era.js';

describe('the bench of an era', () => {
  it('sees an election begin, be counted, told and make the next set', () => {
    const result = runEraBench({ candidates: 8, nominators: 40, eraBlocks: 12 });
    expect(result).toMatchObject({ targets: 8, isElected: true, countedAfter: 1, toldAfter: 1 });
    expect(result.longestBlockCpuMs).toBeGreaterThanOrEqual(result.medianBlockCpuMs);
  });
});
