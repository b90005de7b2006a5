import { canonicalJson, formatDate, parseDate, utf8, type Json } from '@gridtokenx/kernel';
import type { RejectionCode } from '../rejections.js';
import { entryOn, firstDay, minutesOf, standingDecision } from './calendar.js';
import { chargesOf, retailRateIn, wiresOf, type ZonePlace } from './terms.js';
import type { CalendarDecision, TariffBook, TariffCalendar, TariffEntry } from './schema.js';

/** What is wrong with a tariff book: a code, where (an RFC 6901 pointer into the book or the operation), and what to do about it. */
export interface TariffFault {
  readonly code: Extract<RejectionCode, `tariffs.${string}`>;
  readonly place: string;
  readonly hint: string;
}

/** So that a version, which the state keeps for ever, fits into an envelope with room to spare. */
export const TARIFF_BOOK_BYTES_MAX = 256 * 1024;
const INTERVAL_MINUTES = 15;
const YEAR_MIN = 2_000;
const YEAR_MAX = 2_199;
const BUDDHIST_OFFSET = 543;

/** SPEC tariffs 5: the first thing that is wrong with a book, in the order of the book; `undefined` for nothing. */
export function tariffFault(book: TariffBook): TariffFault | undefined {
  for (const fault of faultsOf(book)) return fault;
  return undefined;
}

/** SPEC tariffs 5: all that is wrong with a book. */
export const tariffFaults = (book: TariffBook): TariffFault[] => [...faultsOf(book)];

function* faultsOf(book: TariffBook): Generator<TariffFault> {
  if (utf8(canonicalJson(book as unknown as Json)).length > TARIFF_BOOK_BYTES_MAX)
    yield fault('tariffs.tooLarge', '', `a book has at most ${TARIFF_BOOK_BYTES_MAX} bytes`);
  yield* calendarFaults(book.calendar, '/calendar');
  for (const [i, entry] of book.entries.entries()) yield* entryFaults(entry, `/entries/${i}`);
  yield* orderFaults(book.entries);
}

const fault = (code: TariffFault['code'], place: string, hint: string): TariffFault => ({ code, place, hint });

/** SPEC tariffs 5.1: a year of the Buddhist era is 543 above the common one. */
function* dateFaults(date: string, place: string): Generator<TariffFault> {
  const year = Number(date.slice(0, 4));
  if (year >= YEAR_MIN && year <= YEAR_MAX) return;
  const common = year - BUDDHIST_OFFSET;
  const isBuddhist = common >= YEAR_MIN && common <= YEAR_MAX;
  yield fault(
    'tariffs.badDate',
    place,
    isBuddhist
      ? `the year ${year} is of the Buddhist era: write ${common}${date.slice(4)}`
      : `a year from ${YEAR_MIN} to ${YEAR_MAX}`,
  );
}

/** SPEC tariffs 5.2: each day from the first entry's first to the last entry's last one has one entry. */
function* orderFaults(entries: readonly TariffEntry[]): Generator<TariffFault> {
  for (const [i, { validFrom, validTo }] of entries.entries()) {
    const next = entries[i + 1];
    if (validTo !== undefined && firstDay(validTo) < firstDay(validFrom))
      yield fault(
        'tariffs.badDate',
        `/entries/${i}/validTo`,
        `the entry begins on ${validFrom}: its last day is not before`,
      );
    if (next === undefined) continue;
    const place = `/entries/${i + 1}/validFrom`;
    if (validTo === undefined) {
      yield fault('tariffs.overlap', place, `entry ${i} has no end: give it the last day ${dayBefore(next.validFrom)}`);
      continue;
    }
    const missing = firstDay(next.validFrom) - firstDay(validTo) - 1;
    const wanted = `entry ${i} ends on ${validTo}: begin on ${formatDate(firstDay(validTo) + 1)}`;
    if (missing < 0) yield fault('tariffs.overlap', place, wanted);
    if (missing > 0) yield fault('tariffs.gap', place, `${missing} days have no entry: ${wanted}`);
  }
}

const dayBefore = (date: string): string => formatDate((parseDate(date) ?? 0) - 1);

/** The first value of a list that stands there twice, by its place. */
function* repeatedIn(keys: readonly string[], place: (i: number) => string): Generator<TariffFault> {
  for (const [i, key] of keys.entries())
    if (keys.indexOf(key) < i) yield fault('tariffs.repeated', place(i), `${key} stands there twice: take one out`);
}

function* entryFaults(entry: TariffEntry, at: string): Generator<TariffFault> {
  const { validFrom, validTo, vat, payer } = entry;
  yield* dateFaults(validFrom, `${at}/validFrom`);
  if (validTo !== undefined) yield* dateFaults(validTo, `${at}/validTo`);
  if (vat.until !== undefined) {
    yield* dateFaults(vat.until, `${at}/vat/until`);
    if (validTo === undefined || firstDay(validTo) > firstDay(vat.until))
      yield fault(
        'tariffs.vatLapsed',
        `${at}/vat/until`,
        `end the entry on ${vat.until}, and begin one with the rate after it`,
      );
  }
  yield* repeatedIn(vat.on, (i) => `${at}/vat/on/${i}`);
  if (payer.buyerShare + payer.sellerShare !== 10_000)
    yield fault('tariffs.badShare', `${at}/payer`, 'the shares of buyer and seller sum to 10000');
  yield* wiresFaults(entry, at);
  yield* windowFaults(entry, at);
  yield* retailFaults(entry, at);
}

/** SPEC tariffs 5.4: one row for each place, and charges that can be computed exactly and leave something of the notional. */
function* wiresFaults(entry: TariffEntry, at: string): Generator<TariffFault> {
  const { wires } = entry;
  yield* repeatedIn(
    wires.map(({ territory = 'any territory', voltage = 'any voltage' }) => `${territory}, ${voltage}`),
    (i) => `${at}/wires/${i}`,
  );
  for (const [i, { losses }] of wires.entries())
    if (chargesOf(entry, losses) === undefined)
      yield fault(
        'tariffs.badShare',
        `${at}/wires/${i}`,
        'grid fee, losses, platform fee and tax are more than the notional, or too fine to be computed exactly: fewer digits',
      );
}

/** SPEC tariffs 5.5 */
function* windowFaults({ timeOfUse }: TariffEntry, at: string): Generator<TariffFault> {
  const { windows, holidays } = timeOfUse;
  yield* repeatedIn(holidays, (i) => `${at}/timeOfUse/holidays/${i}`);
  for (const [i, { days, from, to }] of windows.entries()) {
    const place = `${at}/timeOfUse/windows/${i}`;
    yield* repeatedIn(days, (n) => `${place}/days/${n}`);
    const [begin, end] = [minutesOf(from), minutesOf(to)];
    if (begin % INTERVAL_MINUTES !== 0 || end % INTERVAL_MINUTES !== 0)
      yield fault(
        'tariffs.badWindow',
        place,
        'begin and end on a quarter of an hour: an interval is in one band as a whole',
      );
    if (end <= begin) yield fault('tariffs.badWindow', place, 'end after the beginning; a window over midnight is two');
    const other = windows
      .slice(0, i)
      .findIndex(
        (one) => one.days.some((day) => days.includes(day)) && minutesOf(one.from) < end && begin < minutesOf(one.to),
      );
    if (other >= 0) yield fault('tariffs.badWindow', place, `it overlaps with window ${other} on the same days`);
  }
}

/** SPEC tariffs 5.6 */
function* retailFaults(entry: TariffEntry, at: string): Generator<TariffFault> {
  const { retail, timeOfUse, ft, topUp } = entry;
  const bands = [...new Set([timeOfUse.otherwise, ...timeOfUse.windows.map(({ band }) => band)])];
  yield* repeatedIn(
    retail.map(({ schedule }) => schedule),
    (i) => `${at}/retail/${i}/schedule`,
  );
  for (const [i, { schedule, rates }] of retail.entries()) {
    const place = `${at}/retail/${i}/rates`;
    yield* repeatedIn(
      rates.map(({ band }) => band),
      (n) => `${place}/${n}/band`,
    );
    for (const [n, { band }] of rates.entries())
      if (!bands.includes(band)) yield fault('tariffs.missing', `${place}/${n}/band`, `no window has the band ${band}`);
    for (const band of bands) {
      const rate = retailRateIn(entry, schedule, band);
      if (rate === undefined) yield fault('tariffs.missing', place, `there is no rate for the band ${band}`);
      else if (rate < 0)
        yield fault('tariffs.negativeRate', place, `with Ft, ${schedule} costs less than nothing ${band}`);
    }
  }
  yield* repeatedIn(
    ft.byClass.map((one) => one.class),
    (i) => `${at}/ft/byClass/${i}/class`,
  );
  for (const [i, one] of ft.byClass.entries())
    if (!retail.some((row) => row.class === one.class))
      yield fault('tariffs.missing', `${at}/ft/byClass/${i}/class`, `no schedule is of the class ${one.class}`);
  if (topUp.kind === 'retail' && !retail.some(({ schedule }) => schedule === topUp.schedule))
    yield fault('tariffs.missing', `${at}/topUp/schedule`, `there is no schedule ${topUp.schedule}`);
}

/** SPEC tariffs 5.7: taken in one after the other, as they were decided. */
function* calendarFaults({ years, decisions }: TariffCalendar, at: string): Generator<TariffFault> {
  for (const [i, year] of years.entries())
    yield* decisionFaults(
      { years: years.slice(0, i), decisions: [] },
      { kind: 'declareYear', ...year },
      `${at}/years/${i}`,
    );
  for (const [i, decision] of decisions.entries())
    yield* decisionFaults(
      { years, decisions: decisions.slice(0, i) },
      { kind: 'billDays', ...decision },
      `${at}/decisions/${i}`,
    );
}

/** SPEC tariffs 2.2, 2.3, 5.7: what is wrong with a decision on top of a calendar. */
export function* decisionFaults(
  calendar: TariffCalendar,
  decision: CalendarDecision,
  at: string,
): Generator<TariffFault> {
  const dates = decision.days.map(({ date }) => date);
  for (const [i, date] of dates.entries()) {
    yield* dateFaults(date, `${at}/days/${i}/date`);
    if (dates.indexOf(date) < i)
      yield fault('tariffs.contradiction', `${at}/days/${i}`, `${date} stands there twice: say once what it is`);
  }
  if (decision.kind === 'declareYear') {
    const { year, days } = decision;
    if (calendar.years.some((one) => one.year === year))
      yield fault(
        'tariffs.contradiction',
        `${at}/year`,
        `${year} was declared: decide how its days are billed instead`,
      );
    for (const [i, { date, kind }] of days.entries()) {
      const place = `${at}/days/${i}`;
      if (Number(date.slice(0, 4)) !== year) yield fault('tariffs.badHoliday', `${place}/date`, `a day of ${year}`);
      if ((kind === 'labourDay') !== date.endsWith('-05-01'))
        yield fault('tariffs.badHoliday', place, 'Labour Day is 1 May, and 1 May is Labour Day');
    }
    if (!dates.includes(`${year}-05-01`))
      yield fault(
        'tariffs.badHoliday',
        `${at}/days`,
        'Labour Day (1 May) is missing: it is no public holiday and is on no list of them',
      );
    return;
  }
  const { decidedOn, days, supersedes } = decision;
  yield* dateFaults(decidedOn, `${at}/decidedOn`);
  const former = supersedes === undefined ? undefined : calendar.decisions[supersedes - 1];
  if (supersedes !== undefined && former === undefined)
    yield fault('tariffs.unknownDecision', `${at}/supersedes`, `there are ${calendar.decisions.length} decisions`);
  else if (former !== undefined && !former.days.some(({ date }) => dates.includes(date)))
    yield fault('tariffs.unknownDecision', `${at}/supersedes`, `decision ${supersedes} is about none of these days`);
  for (const [i, { date }] of days.entries()) {
    const place = `${at}/days/${i}`;
    if (!calendar.years.some(({ year }) => year === Number(date.slice(0, 4))))
      yield fault('tariffs.contradiction', place, `${date.slice(0, 4)} was not declared: declare its days first`);
    const standing = standingDecision(calendar, date);
    if (standing !== undefined && standing.number !== supersedes)
      yield fault(
        'tariffs.contradiction',
        place,
        `decision ${standing.number} has ${date} billed as ${standing.billedAs}: supersede it, or leave the day out`,
      );
  }
}

/** Whether delivery on a day has a price: it has an entry, and a calendar where that entry asks for one. */
function covers(book: TariffBook, days: number): boolean {
  const entry = entryOn(book, days);
  if (entry === undefined) return false;
  const year = Number(formatDate(days).slice(0, 4));
  return entry.topUp.kind === 'rate' || book.calendar.years.some((one) => one.year === year);
}

/** SPEC tariffs 5.9: what could be traded under a version has a price under each later one, so that it can be settled. */
export function coverageFault(before: TariffBook, after: TariffBook): TariffFault | undefined {
  const days = new Set<number>();
  // Between two of these days nothing changes.
  for (const { validFrom, validTo } of [...before.entries, ...after.entries]) {
    days.add(firstDay(validFrom));
    if (validTo !== undefined) days.add(firstDay(validTo) + 1);
  }
  for (let year = YEAR_MIN; year <= YEAR_MAX; year++) days.add(firstDay(`${year}-01-01`));
  for (const day of [...days].sort((a, b) => a - b))
    if (covers(before, day) && !covers(after, day))
      return fault('tariffs.gap', '/entries', `version ${before.version} has a price for ${formatDate(day)}: keep one`);
  return undefined;
}

/** SPEC tariffs 5.8: a zone whose wires cost nobody knows what could not be traded in. */
export function zoneFault(
  book: TariffBook,
  zones: Iterable<ZonePlace & { readonly id: string }>,
): TariffFault | undefined {
  for (const zone of zones)
    for (const [i, entry] of book.entries.entries())
      if (wiresOf(entry, zone) === undefined)
        return fault(
          'tariffs.missing',
          `/entries/${i}/wires`,
          `there is no row for the zone ${zone.id}: territory ${zone.territory}, ${zone.voltage} voltage`,
        );
  return undefined;
}
