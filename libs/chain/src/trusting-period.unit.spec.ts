import { describe, expect, it } from '@jest/globals';
import { CLOCK_DRIFT_MS, trustingPeriodFault, trustingPeriodOf } from './trusting-period.js';

const DAY_MS = 86_400_000;

describe('the trusting period', () => {
  it('is two thirds of the time for which evidence is taken', () => {
    expect(trustingPeriodOf(3 * DAY_MS)).toBe(2 * DAY_MS);
    expect(trustingPeriodOf(100)).toBe(66);
  });

  it('ends, with the drift of a clock, before evidence of the same age is refused', () => {
    const fault = (trustingPeriodMs: number, clockDriftMs = CLOCK_DRIFT_MS) =>
      trustingPeriodFault({ trustingPeriodMs, clockDriftMs }, DAY_MS);
    expect(fault(trustingPeriodOf(DAY_MS))).toBeUndefined();
    expect(fault(DAY_MS - CLOCK_DRIFT_MS - 1)).toBeUndefined();
    expect(fault(DAY_MS - CLOCK_DRIFT_MS)).toBe('light.trustingPeriodTooLong');
    expect(fault(DAY_MS - 1, 0)).toBeUndefined();
    expect(fault(DAY_MS, 0)).toBe('light.trustingPeriodTooLong');
  });

  it.each([0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('is never %d', (trustingPeriodMs) => {
    expect(trustingPeriodFault({ trustingPeriodMs, clockDriftMs: 0 }, DAY_MS)).toBe('light.trustingPeriodInvalid');
  });
});
