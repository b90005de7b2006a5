import type { Brand } from './brand.js';

/** Energy, whole Wh; the minor unit of KWH (3 decimals). At most 1e12 on any single order or reading. */
export type WattHours = Brand<number, 'WattHours'>;
/** A price, in ticks of 0.01 THB/kWh. */
export type Ticks = Brand<number, 'Ticks'>;
/** Money in the minor unit of WATT: 1 WATT = 1 THB = 1,000,000 micro-WATT. */
export type MicroWatt = Brand<bigint, 'MicroWatt'>;
/** Milliseconds since 1970-01-01T00:00:00Z. */
export type Millis = Brand<number, 'Millis'>;
/** The number of a block; the genesis is 0, the first block 1. */
export type Height = Brand<number, 'Height'>;

export const millis = (value: number): Millis => value as Millis;
export const height = (value: number): Height => value as Height;
export const wattHours = (value: number): WattHours => value as WattHours;
export const ticks = (value: number): Ticks => value as Ticks;
export const microWatt = (value: bigint): MicroWatt => value as MicroWatt;

/** SPEC wire 1.2: a minor-unit integer as a decimal string with `decimals` places, trailing zeros kept to `keep` places: 4500000 -> "4.50". */
export function formatDecimal(minor: bigint, decimals: number, keep = 0): string {
  const sign = minor < 0n ? '-' : '';
  const digits = (minor < 0n ? -minor : minor).toString().padStart(decimals + 1, '0');
  const whole = digits.slice(0, digits.length - decimals);
  let fraction = digits.slice(digits.length - decimals);
  while (fraction.length > keep && fraction.endsWith('0')) fraction = fraction.slice(0, -1);
  return fraction === '' ? sign + whole : `${sign}${whole}.${fraction}`;
}

/** The reverse of {@link formatDecimal}; `undefined` when the text is not a plain decimal with at most `decimals` places. */
export function parseDecimal(text: string, decimals: number): bigint | undefined {
  const match = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?$/.exec(text);
  if (match === null) return undefined;
  const [, sign = '', whole = '0', fraction = ''] = match;
  if (fraction.length > decimals) return undefined;
  const minor = BigInt(whole + fraction.padEnd(decimals, '0'));
  return sign === '-' ? -minor : minor;
}

const DAY_MS = 86_400_000;

/** Days since 1970-01-01 of a civil date (proleptic Gregorian); Howard Hinnant's `days_from_civil`. */
function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function civilFromDays(days: number): { year: number; month: number; day: number } {
  const z = days + 719_468;
  const era = Math.floor(z / 146_097);
  const dayOfEra = z - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const mp = Math.floor((5 * dayOfYear + 2) / 153);
  const month = mp < 10 ? mp + 3 : mp - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * mp + 2) / 5) + 1,
  };
}

/** Civil time of the market is Asia/Bangkok: UTC+7 all year. */
export const BANGKOK_MS = 7 * 3_600_000;

/** SPEC wire 1.4: a civil date `2026-06-15` as days since 1970-01-01; `undefined` when there is no such day in the years 0000 to 9999. */
export function parseDate(text: string): number | undefined {
  if (text.length !== 10) return undefined;
  const start = parseTime(`${text}T00:00:00Z`);
  return start === undefined ? undefined : start / DAY_MS;
}

/** The reverse of {@link parseDate}. */
export const formatDate = (days: number): string => formatTime(millis(days * DAY_MS)).slice(0, 10);

/** The civil day in Asia/Bangkok of a moment, as days since 1970-01-01, and the milliseconds since its midnight. */
export function bangkokTime(time: number): { readonly days: number; readonly ms: number } {
  const local = time + BANGKOK_MS;
  const days = Math.floor(local / DAY_MS);
  return { days, ms: local - days * DAY_MS };
}

/** Of days since 1970-01-01: 0 is Sunday, 6 Saturday. */
export const weekdayOf = (days: number): number => (((days + 4) % 7) + 7) % 7;

const pad = (value: number, width: number): string => value.toString().padStart(width, '0');

/** SPEC wire 1.4: RFC 3339 in UTC, with milliseconds only when there are any: the one spelling of a time on the wire. */
export function formatTime(time: Millis): string {
  const days = Math.floor(time / DAY_MS);
  const rest = time - days * DAY_MS;
  const { year, month, day } = civilFromDays(days);
  const ms = rest % 1000;
  const seconds = Math.floor(rest / 1000);
  const clock = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
    .map((n) => pad(n, 2))
    .join(':');
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}T${clock}${ms === 0 ? '' : `.${pad(ms, 3)}`}Z`;
}

const two = (text: string, at: number): number => {
  const tens = text.charCodeAt(at) - 48;
  const ones = text.charCodeAt(at + 1) - 48;
  // Anything that is no digit makes the number negative, and so out of every range.
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : -1_000_000;
};

const three = (text: string, at: number): number => {
  const last = text.charCodeAt(at + 2) - 48;
  return last >= 0 && last <= 9 ? two(text, at) * 10 + last : -1;
};

const isLeap = (year: number): boolean => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
const daysIn = (year: number, month: number): number =>
  month === 2 ? (isLeap(year) ? 29 : 28) : month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;

/** SPEC wire 1.4: strict reverse of {@link formatTime}: UTC only, years 0000 to 9999, real dates only, `undefined` otherwise. */
export function parseTime(text: string): Millis | undefined {
  if (text.length !== 20 && text.length !== 24) return undefined;
  const separators = text.charAt(4) + text.charAt(7) + text.charAt(10) + text.charAt(13) + text.charAt(16);
  if (separators !== '--T::' || !text.endsWith('Z')) return undefined;
  const year = two(text, 0) * 100 + two(text, 2);
  const month = two(text, 5);
  const day = two(text, 8);
  const hour = two(text, 11);
  const minute = two(text, 14);
  const second = two(text, 17);
  if (year < 0 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return undefined;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return undefined;
  // Milliseconds of zero are not written, so that a time has one spelling.
  const ms = text.length === 20 ? 0 : text.charAt(19) === '.' ? three(text, 20) : -1;
  if (ms < 0 || (ms === 0 && text.length === 24)) return undefined;
  return millis(daysFromCivil(year, month, day) * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000 + ms);
}

/** The one length of a delivery interval that there is. */
export const INTERVAL_MS = 15 * 60_000;

/** SPEC wire 1.5: a delivery interval `2026-06-15T03:00:00Z/PT15M` by its start; `undefined` when not on the quarter of an hour. */
export function parseInterval(text: string): Millis | undefined {
  if (!text.endsWith('/PT15M')) return undefined;
  const start = parseTime(text.slice(0, -'/PT15M'.length));
  return start !== undefined && start % INTERVAL_MS === 0 ? start : undefined;
}

export const formatInterval = (start: Millis): string => `${formatTime(start)}/PT15M`;
