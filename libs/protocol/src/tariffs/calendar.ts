import { bangkokTime, formatDate, parseDate, weekdayOf } from '@gridtokenx/kernel';
import type { DayType, TariffBook, TariffCalendar, TariffEntry } from './schema.js';

/** SPEC tariffs 1.2: by the day of delivery in Asia/Bangkok; `start` of the interval in milliseconds since 1970. */
export const entryAt = (book: TariffBook, start: number): TariffEntry | undefined =>
  entryOn(book, bangkokTime(start).days);

/** The same by the day, since 1970-01-01. */
export const entryOn = ({ entries }: TariffBook, days: number): TariffEntry | undefined =>
  entries.find(({ validFrom, validTo }) => firstDay(validFrom) <= days && days <= lastDay(validTo));

export const firstDay = (validFrom: string): number => parseDate(validFrom) ?? Number.NaN;
export const lastDay = (validTo: string | undefined): number =>
  validTo === undefined ? Number.MAX_SAFE_INTEGER : firstDay(validTo);

/** SPEC tariffs 2.4: the number, from 1, of the decision that stands for a day, and what it says; the last one about the day does. */
export function standingDecision(
  { decisions }: TariffCalendar,
  date: string,
): { readonly number: number; readonly billedAs: 'holiday' | 'normal' } | undefined {
  for (let i = decisions.length - 1; i >= 0; i--) {
    const day = decisions[i]?.days.find((one) => one.date === date);
    if (day !== undefined) return { number: i + 1, billedAs: day.billedAs };
  }
  return undefined;
}

const WEEK: readonly DayType[] = ['sunday', 'weekday', 'weekday', 'weekday', 'weekday', 'weekday', 'saturday'];

/** SPEC tariffs 2.5: what kind of day windows see; `undefined` when the year was not declared. `days` since 1970-01-01. */
export function dayTypeOf(
  calendar: TariffCalendar,
  holidays: TariffEntry['timeOfUse']['holidays'],
  days: number,
): DayType | undefined {
  const date = formatDate(days);
  const year = calendar.years.find((one) => one.year === Number(date.slice(0, 4)));
  if (year === undefined) return undefined;
  const weekday = WEEK[weekdayOf(days)];
  const decided = standingDecision(calendar, date);
  if (decided !== undefined) return decided.billedAs === 'holiday' ? 'holiday' : weekday;
  const declared = year.days.find((one) => one.date === date);
  return declared !== undefined && holidays.includes(declared.kind) ? 'holiday' : weekday;
}

/** `09:00` as minutes since midnight. */
export const minutesOf = (clock: string): number => Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3));

/** SPEC tariffs 2.6: windows begin and end with delivery intervals, so an interval lies in one band as a whole. */
export function bandAt(entry: TariffEntry, calendar: TariffCalendar, start: number): string | undefined {
  const { days, ms } = bangkokTime(start);
  const { timeOfUse } = entry;
  const type = dayTypeOf(calendar, timeOfUse.holidays, days);
  if (type === undefined) return undefined;
  const minute = ms / 60_000;
  const window = timeOfUse.windows.find(
    (one) => one.days.includes(type) && minutesOf(one.from) <= minute && minute < minutesOf(one.to),
  );
  return window?.band ?? timeOfUse.otherwise;
}
