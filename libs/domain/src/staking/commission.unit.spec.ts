import { BILLION } from '@gridtokenx/kernel';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { changeCommission, firstCommission, type Commission } from './commission.js';

const PERCENT = BILLION / 100;
const LIMITS = { minimum: 2 * PERCENT, changePerEra: 3 * PERCENT };

describe('a commission', () => {
  it('is at least the minimum, and at most everything', () => {
    expect(firstCommission(5 * PERCENT, 4, LIMITS)).toEqual({ parts: 5 * PERCENT, era: 4, atEraStart: 5 * PERCENT });
    for (const parts of [2 * PERCENT - 1, BILLION + 1, -1, 0.5, NaN])
      expect(firstCommission(parts, 4, LIMITS)).toBe('staking.commissionRange');
    expect(firstCommission(BILLION, 4, LIMITS)).toMatchObject({ parts: BILLION });
  });

  it('goes in one era no further from where it began than one change may, in however many steps', () => {
    const step = fc.record({ parts: fc.integer({ min: 0, max: 30 * PERCENT }), eras: fc.constantFrom(0, 0, 0, 1, 2) });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (all) => {
        let era = 4;
        let commission = firstCommission(10 * PERCENT, era, LIMITS) as Commission;
        let began = commission.parts;
        for (const { parts, eras } of all) {
          if (eras > 0) began = commission.parts;
          era += eras;
          const changed = changeCommission(commission, parts, era, LIMITS);
          const near = Math.abs(parts - began) <= LIMITS.changePerEra;
          const allowed = near ? { parts, era, atEraStart: began } : 'staking.commissionChange';
          expect(changed).toEqual(parts < LIMITS.minimum ? 'staking.commissionRange' : allowed);
          if (typeof changed !== 'string') commission = changed;
        }
      }),
      { seed: 61, numRuns: 300 },
    );
  });

  it('comes up to a minimum that was raised beyond it, and nowhere else at once', () => {
    const low = firstCommission(2 * PERCENT, 4, LIMITS) as Commission;
    const raised = { minimum: 20 * PERCENT, changePerEra: 3 * PERCENT };
    expect(changeCommission(low, 20 * PERCENT, 5, raised)).toMatchObject({ parts: 20 * PERCENT });
    expect(changeCommission(low, 21 * PERCENT, 5, raised)).toBe('staking.commissionChange');
    const high = firstCommission(90 * PERCENT, 4, raised) as Commission;
    expect(changeCommission(high, 20 * PERCENT, 5, raised)).toBe('staking.commissionChange');
  });
});
