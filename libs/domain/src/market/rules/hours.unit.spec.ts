import { describe, expect, it } from '@jest/globals';
import { millis, parseTime } from '@gridtokenx/kernel';
import { WEEKDAYS } from '@gridtokenx/protocol';
import fc from 'fast-check';
import { dayOf } from '../../index.js';
import { TradingHours } from './hours.js';

const at = (text: string): number => parseTime(text) ?? Number.NaN;

describe('trading hours', () => {
  it('are open as the clock in Bangkok says', () => {
    const hours = new TradingHours([
      { days: ['mon', 'fri'], from: '09:00', to: '22:00' },
      { days: ['sun'], from: '00:00', to: '24:00' },
    ]);
    // 2026-06-15 is a Monday.
    expect(hours.isOpen(at('2026-06-15T01:59:59.999Z'))).toBe(false);
    expect(hours.isOpen(at('2026-06-15T02:00:00Z'))).toBe(true);
    expect(hours.isOpen(at('2026-06-15T14:59:59.999Z'))).toBe(true);
    expect(hours.isOpen(at('2026-06-15T15:00:00Z'))).toBe(false);
    expect(hours.isOpen(at('2026-06-16T03:00:00Z'))).toBe(false);
    // Sunday begins in Bangkok while it is Saturday in UTC, and ends before UTC's does.
    expect(hours.isOpen(at('2026-06-20T17:00:00Z'))).toBe(true);
    expect(hours.isOpen(at('2026-06-21T16:59:59Z'))).toBe(true);
    expect(hours.isOpen(at('2026-06-21T17:00:00Z'))).toBe(false);
  });

  it('agree with a calendar at any time', () => {
    const text = new Intl.DateTimeFormat('en-GB', {
      timeZone: 'Asia/Bangkok',
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_000_000_000_000 }), fc.constantFrom(...WEEKDAYS), (time, day) => {
        const hours = new TradingHours([{ days: [day], from: '08:30', to: '16:45' }]);
        const parts = new Map(text.formatToParts(millis(time)).map(({ type, value }) => [type, value]));
        const clock = `${parts.get('hour') ?? ''}:${parts.get('minute') ?? ''}`;
        const isOpen = parts.get('weekday')?.toLowerCase() === day && clock >= '08:30' && clock < '16:45';
        expect(hours.isOpen(time)).toBe(isOpen);
      }),
      { numRuns: 500, seed: 7 },
    );
  });

  it('begin a day at midnight in Bangkok', () => {
    expect(dayOf(at('2026-06-15T16:59:59.999Z')) + 1).toBe(dayOf(at('2026-06-15T17:00:00Z')));
  });
});
