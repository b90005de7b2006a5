import { describe, expect, it } from '@jest/globals';
import { WorkMeter } from './work-meter.js';

describe('the meter of work', () => {
  it('counts each moment for the innermost part, and none outside of all', () => {
    let now = 0;
    const meter = new WorkMeter(() => now);
    const work = (us: number): void => void (now += us);
    work(1);
    const result = meter.within('consensus', () => {
      work(10);
      meter.within('ledger', () => {
        work(100);
        meter.within('ledger', () => work(1_000));
      });
      work(20);
      return 'done';
    });
    work(2);
    expect(result).toBe('done');
    expect(meter.spentUs).toEqual({ consensus: 30, ledger: 1_100 });
  });

  it('goes on outside of a part that was left by an error', () => {
    let now = 0;
    const meter = new WorkMeter(() => now);
    const fail = (): void => {
      now += 5;
      throw new Error('no');
    };
    expect(() => meter.within('consensus', fail)).toThrow('no');
    now += 7;
    meter.within('ledger', () => {});
    expect(meter.spentUs).toEqual({ consensus: 5, ledger: 0 });
  });
});
