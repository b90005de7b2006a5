import { WEEKDAYS, type MarketRules } from '@gridtokenx/protocol';

/** Thailand is seven hours ahead of UTC, and has no summer time. */
const THAILAND_MS = 7 * 3_600_000;
const DAY_MS = 86_400_000;
const DAY_MINUTES = 1_440;
const WEEK_MINUTES = 7 * DAY_MINUTES;
/** 1970-01-01 was a Thursday. */
const FIRST_WEEKDAY = 3;

/** The number of a day in Thailand. */
export const dayOf = (marketTime: number): number => Math.floor((marketTime + THAILAND_MS) / DAY_MS);

const minuteOfWeek = (marketTime: number): number => {
  const minutes = Math.floor((marketTime + THAILAND_MS) / 60_000) + FIRST_WEEKDAY * DAY_MINUTES;
  return ((minutes % WEEK_MINUTES) + WEEK_MINUTES) % WEEK_MINUTES;
};

const minuteOfDay = (text: string): number => Number(text.slice(0, 2)) * 60 + Number(text.slice(3));

/** The minutes of a week in which orders are taken, from Monday 00:00 in Thailand on. */
export class TradingHours {
  private readonly spans: readonly (readonly [from: number, to: number])[];

  constructor(windows: NonNullable<MarketRules['tradingHours']>) {
    this.spans = windows.flatMap(({ days, from, to }) =>
      days.map((day) => {
        const midnight = WEEKDAYS.indexOf(day) * DAY_MINUTES;
        return [midnight + minuteOfDay(from), midnight + minuteOfDay(to)] as const;
      }),
    );
  }

  /** SPEC market-rules 4.1 */
  isOpen(marketTime: number): boolean {
    const minute = minuteOfWeek(marketTime);
    return this.spans.some(([from, to]) => minute >= from && minute < to);
  }
}
