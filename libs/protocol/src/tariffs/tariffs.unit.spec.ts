import { readFileSync } from 'node:fs';
import { noble } from '@gridtokenx/crypto';
import { formatDate, formatInterval, millis, parseDate, parseInterval } from '@gridtokenx/kernel';
import {
  bandAt,
  coverageFault,
  dayTypeOf,
  decisionFaults,
  entryAt,
  fractionOf,
  retailRateAt,
  surplusRateOf,
  tariffBook,
  tariffFault,
  tariffFaults,
  tariffHash,
  termsIn,
  topUpRateAt,
  withDecision,
  withEntries,
  zoneFault,
  type CalendarDecision,
  type TariffBook,
  type TariffEntry,
} from '@gridtokenx/protocol';
import { testEntry } from '@gridtokenx/testkit';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

const fileOf = (path: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../../${path}`, import.meta.url), 'utf8'));

interface Fill {
  readonly bid: string;
  readonly ask: string;
  readonly priceTicks: number;
  readonly quantityWh: string;
}

interface Vectors {
  readonly book: TariffBook;
  readonly hash: string;
  readonly zones: readonly { readonly id: string; readonly territory: string; readonly voltage: 'low' }[];
  readonly days: readonly { readonly date: string; readonly type?: string }[];
  readonly bands: readonly { readonly interval: string; readonly band?: string }[];
  readonly splits: readonly {
    readonly schedule: string;
    readonly lines: readonly { readonly interval: string; readonly band: string; readonly rate: number }[];
  }[];
  readonly fees: readonly {
    readonly name: string;
    readonly interval: string;
    readonly fromZone: string;
    readonly toZone: string;
    readonly wheelingRate: number;
    readonly trades: readonly (Fill & Readonly<Record<string, string>>)[];
  }[];
  readonly rates: readonly { readonly interval: string; readonly topUpRate: number; readonly surplusRate: number }[];
}

const vectors = fileOf('vectors/tariffs.json') as Vectors;
const book = tariffBook.parse(vectors.book);
const at = (interval: string): number => parseInterval(interval) ?? Number.NaN;
const ACCOUNT = 'ab'.repeat(16);
const calendar = (decisions: TariffBook['calendar']['decisions'] = []): TariffBook['calendar'] => ({
  years: book.calendar.years,
  decisions,
});
const bookOf = (...entries: Partial<TariffEntry>[]): TariffBook => ({
  version: 1,
  entries: entries.map((entry) => testEntry(ACCOUNT, entry)),
  calendar: calendar(),
});
const codes = (of: TariffBook): string[] => tariffFaults(of).map(({ code, place }) => `${code} ${place}`);

describe('the published vectors', () => {
  it('have a book without a fault, and its hash', () => {
    expect(tariffFaults(book)).toEqual([]);
    expect(tariffHash(noble, book)).toBe(vectors.hash);
  });

  it('have the type of each day: moved by decision, substitution days, Royal Ploughing Day and weekends', () => {
    const types = vectors.days.map(({ date }) => {
      const type = dayTypeOf(book.calendar, ['publicHoliday', 'labourDay'], parseDate(date) ?? Number.NaN);
      return { date, ...(type && { type }) };
    });
    expect(types).toEqual(vectors.days);
    expect(types.find(({ date }) => date === '2020-04-13')).toEqual({ date: '2020-04-13', type: 'weekday' });
  });

  it('have the band of each interval around the boundaries', () => {
    for (const { interval, band } of vectors.bands) {
      const entry = entryAt(book, at(interval));
      expect([interval, entry && bandAt(entry, book.calendar, at(interval))]).toEqual([interval, band]);
    }
  });

  it('split a consumption over bands, entries and classes', () => {
    for (const { schedule, lines } of vectors.splits)
      for (const { interval, band, rate } of lines) {
        const entry = entryAt(book, at(interval)) as TariffEntry;
        expect([interval, bandAt(entry, book.calendar, at(interval))]).toEqual([interval, band]);
        expect([interval, retailRateAt(entry, book.calendar, schedule, at(interval))]).toEqual([interval, rate]);
      }
  });

  it('have the rates of what was not delivered, and of what nobody bought', () => {
    for (const { interval, topUpRate, surplusRate } of vectors.rates) {
      const entry = entryAt(book, at(interval)) as TariffEntry;
      expect(topUpRateAt(entry, book.calendar, at(interval))).toBe(topUpRate);
      expect(surplusRateOf(entry)).toBe(surplusRate);
    }
  });

  it('have wheeling with its tax, from and to wherever energy goes', () => {
    const place = (id: string): Vectors['zones'][number] => vectors.zones.find((zone) => zone.id === id) as never;
    for (const { interval, fromZone, toZone, wheelingRate } of vectors.fees) {
      const entry = entryAt(book, at(interval)) as TariffEntry;
      const terms = termsIn(entry, book.calendar, { from: place(fromZone), to: place(toZone), start: at(interval) });
      expect([fromZone, toZone, terms?.wheeling]).toEqual([fromZone, toZone, wheelingRate]);
    }
    expect(new Set(vectors.fees.map(({ wheelingRate }) => wheelingRate)).size).toBeGreaterThan(5);
  });
});

/** The calendar as somebody would look it up by hand: dates as text, days of the week by the standard library. */
function naiveBand({ entries, calendar: { years, decisions } }: TariffBook, start: number): string | undefined {
  const local = new Date(start + 7 * 3_600_000).toISOString();
  const [date, clock] = [local.slice(0, 10), local.slice(11, 16)];
  const entry = entries.find(({ validFrom, validTo }) => date >= validFrom && date <= (validTo ?? '9999-12-31'));
  const year = years.find((one) => String(one.year) === date.slice(0, 4));
  if (entry === undefined || year === undefined) return undefined;
  const name = new Date(`${date}T12:00:00Z`).toUTCString().slice(0, 3);
  let type = name === 'Sat' ? 'saturday' : name === 'Sun' ? 'sunday' : 'weekday';
  const weekday = type;
  const kind = year.days.find((day) => day.date === date)?.kind;
  if (kind === 'publicHoliday' || kind === 'labourDay') type = 'holiday';
  for (const decision of decisions)
    for (const day of decision.days) if (day.date === date) type = day.billedAs === 'holiday' ? 'holiday' : weekday;
  for (const { band, days, from, to } of entry.timeOfUse.windows)
    if (days.some((one) => one === type) && clock >= from && clock < to) return band;
  return entry.timeOfUse.otherwise;
}

describe('the calendar', () => {
  it('is what a naive one says, in each interval of eight years', () => {
    const wrong: string[] = [];
    let bands = 0;
    for (let start = Date.UTC(2019, 11, 31, 12); start < Date.UTC(2028, 0, 2); start += 900_000) {
      const entry = entryAt(book, start);
      const band = entry && bandAt(entry, book.calendar, start);
      if (band !== undefined) bands++;
      if (band !== naiveBand(book, start)) wrong.push(formatInterval(millis(start)));
    }
    expect(wrong).toEqual([]);
    expect(bands).toBe((366 + 365 + 365) * 96);
  });

  it('is what a naive one says, whatever is declared and decided', () => {
    const day = fc.integer({ min: 0, max: 364 }).map((n) => formatDate((parseDate('2026-01-01') ?? 0) + n));
    const days = fc.uniqueArray(day, { maxLength: 12 });
    const kinds = fc.constantFrom('publicHoliday', 'substitution', 'royalPloughing', 'special');
    const made = fc.record({
      holidays: days,
      kinds: fc.array(kinds, { minLength: 12, maxLength: 12 }),
      decided: fc.uniqueArray(day, { maxLength: 12 }),
      billed: fc.array(fc.constantFrom('holiday', 'normal'), { minLength: 12, maxLength: 12 }),
    });
    fc.assert(
      fc.property(
        made,
        fc.array(fc.integer({ min: 0, max: 364 * 96 }), { minLength: 50, maxLength: 50 }),
        (said, starts) => {
          const declared = said.holidays.filter((date) => !date.endsWith('-05-01'));
          const base = withDecision(
            { ...book, calendar: { years: [], decisions: [] } },
            {
              kind: 'declareYear',
              year: 2026,
              days: [
                { date: '2026-05-01', kind: 'labourDay' },
                ...declared.map((date, i) => ({ date, kind: said.kinds[i] ?? ('special' as const) })),
              ],
              source: 'a test',
            },
          );
          const decided = said.decided.reduce(
            (so, date, i) =>
              withDecision(so, {
                kind: 'billDays',
                decidedOn: date,
                days: [{ date, billedAs: said.billed[i] ?? 'normal' }],
                source: 'a test',
              }),
            base,
          );
          expect(tariffFault(decided)).toBeUndefined();
          for (const n of [...starts, ...said.decided.map((date) => ((parseDate(date) ?? 0) - 20_454) * 96 + 40)]) {
            const start = Date.UTC(2025, 11, 31, 17) + n * 900_000;
            const entry = entryAt(decided, start);
            expect(entry && bandAt(entry, decided.calendar, start)).toBe(naiveBand(decided, start));
          }
        },
      ),
      { seed: 20_261_126, numRuns: 100 },
    );
  });

  it('is not guessed for a year that was not declared, nor is a price', () => {
    const start = at('2025-06-16T03:00:00Z/PT15M');
    const entry = entryAt(book, start) as TariffEntry;
    expect(bandAt(entry, book.calendar, start)).toBeUndefined();
    const place = { territory: 'MEA', voltage: 'low' } as const;
    expect(termsIn(entry, book.calendar, { from: place, to: place, start })).toBeUndefined();
  });
});

describe('a decision about the calendar', () => {
  const bill = (more: object = {}): CalendarDecision => ({
    kind: 'billDays',
    decidedOn: '2026-06-10',
    days: [{ date: '2026-06-15', billedAs: 'holiday' }],
    source: 'a test',
    ...more,
  });
  const declare = (more: object = {}): CalendarDecision => ({
    kind: 'declareYear',
    year: 2027,
    days: [{ date: '2027-05-01', kind: 'labourDay' }],
    source: 'a test',
    ...more,
  });
  const refusals = (decision: CalendarDecision): string[] =>
    [...decisionFaults(book.calendar, decision, '/decision')].map(({ code, place }) => `${code} ${place}`);

  it.each<[what: string, decision: CalendarDecision, faults: string[]]>([
    ['a day that nothing was decided about', bill(), []],
    ['a year that was not declared', declare(), []],
    [
      'that supersedes the one that stands',
      bill({ days: [{ date: '2023-07-31', billedAs: 'holiday' }], supersedes: 4 }),
      [],
    ],
    [
      'that contradicts one that stands',
      bill({ days: [{ date: '2020-04-14', billedAs: 'holiday' }] }),
      ['tariffs.contradiction /decision/days/0'],
    ],
    [
      'that says once more what stands',
      bill({ days: [{ date: '2020-04-14', billedAs: 'normal' }] }),
      ['tariffs.contradiction /decision/days/0'],
    ],
    [
      'that supersedes one that was superseded',
      bill({ days: [{ date: '2023-07-31', billedAs: 'holiday' }], supersedes: 3 }),
      ['tariffs.contradiction /decision/days/0'],
    ],
    [
      'that supersedes one that there is not',
      bill({ supersedes: 9 }),
      ['tariffs.unknownDecision /decision/supersedes'],
    ],
    ['that supersedes one about other days', bill({ supersedes: 1 }), ['tariffs.unknownDecision /decision/supersedes']],
    [
      'that says two things about one day',
      bill({
        days: [
          { date: '2026-06-15', billedAs: 'holiday' },
          { date: '2026-06-15', billedAs: 'normal' },
        ],
      }),
      ['tariffs.contradiction /decision/days/1'],
    ],
    [
      'about a year that was not declared',
      bill({ days: [{ date: '2025-06-16', billedAs: 'holiday' }] }),
      ['tariffs.contradiction /decision/days/0'],
    ],
    [
      'in the Buddhist era',
      bill({ decidedOn: '2569-06-10', days: [{ date: '2569-06-15', billedAs: 'holiday' }] }),
      [
        'tariffs.badDate /decision/days/0/date',
        'tariffs.badDate /decision/decidedOn',
        'tariffs.contradiction /decision/days/0',
      ],
    ],
    [
      'that declares a year again',
      declare({ year: 2026, days: [{ date: '2026-05-01', kind: 'labourDay' }] }),
      ['tariffs.contradiction /decision/year'],
    ],
    [
      'that declares a day of another year',
      declare({
        days: [
          { date: '2027-05-01', kind: 'labourDay' },
          { date: '2026-12-31', kind: 'publicHoliday' },
        ],
      }),
      ['tariffs.badHoliday /decision/days/1/date'],
    ],
    ['that forgets Labour Day', declare({ days: [] }), ['tariffs.badHoliday /decision/days']],
    [
      'that calls Labour Day a public holiday',
      declare({ days: [{ date: '2027-05-01', kind: 'publicHoliday' }] }),
      ['tariffs.badHoliday /decision/days/0'],
    ],
    [
      'that has one day twice',
      declare({
        days: [
          { date: '2027-05-01', kind: 'labourDay' },
          { date: '2027-12-10', kind: 'publicHoliday' },
          { date: '2027-12-10', kind: 'substitution' },
        ],
      }),
      ['tariffs.contradiction /decision/days/2'],
    ],
  ])('%s', (_what, decision, faults) => {
    expect(refusals(decision)).toEqual(faults);
    const next = withDecision(book, decision);
    expect(tariffFaults(next).map(({ code }) => code)).toEqual(faults.map((one) => one.split(' ')[0]));
  });

  it('in the Buddhist era is told which year is meant', () => {
    const [first] = decisionFaults(book.calendar, bill({ days: [{ date: '2569-06-15', billedAs: 'holiday' }] }), '');
    expect(first?.hint).toBe('the year 2569 is of the Buddhist era: write 2026-06-15');
  });
});

describe('a book is refused', () => {
  const until = (validFrom: string, validTo?: string): Partial<TariffEntry> => ({
    validFrom,
    ...(validTo && { validTo }),
  });
  const retail = (rates: TariffEntry['retail'][number]['rates']): Partial<TariffEntry> => ({
    retail: [{ schedule: 'home', class: 'residential', voltage: 'low', rates }],
  });
  const window = (more: object = {}): TariffEntry['timeOfUse']['windows'][number] => ({
    band: 'onPeak',
    days: ['weekday'],
    from: '09:00',
    to: '22:00',
    ...more,
  });
  const windows = (...all: TariffEntry['timeOfUse']['windows']): Partial<TariffEntry> => ({
    timeOfUse: { otherwise: 'always', windows: all, holidays: [] },
  });

  it.each<[what: string, book: TariffBook, faults: string[]]>([
    ['for nothing, when entries follow each other', bookOf(until('2026-01-01', '2026-06-30'), until('2026-07-01')), []],
    [
      'with entries that overlap by a day',
      bookOf(until('2026-01-01', '2026-06-30'), until('2026-06-30')),
      ['tariffs.overlap /entries/1/validFrom'],
    ],
    [
      'with an entry after one without an end',
      bookOf(until('2026-01-01'), until('2026-07-01')),
      ['tariffs.overlap /entries/1/validFrom'],
    ],
    [
      'with entries out of order',
      bookOf(until('2026-07-01', '2026-12-31'), until('2026-01-01', '2026-06-30')),
      ['tariffs.overlap /entries/1/validFrom'],
    ],
    [
      'with a gap of a day, also over the end of a leap February',
      bookOf(until('2024-01-01', '2024-02-28'), until('2024-03-01')),
      ['tariffs.gap /entries/1/validFrom'],
    ],
    [
      'with an entry that ends before it begins',
      bookOf(until('2026-07-01', '2026-06-30')),
      ['tariffs.badDate /entries/0/validTo'],
    ],
    [
      'with years of the Buddhist era',
      bookOf(until('2569-01-01', '2569-12-31')),
      ['tariffs.badDate /entries/0/validFrom', 'tariffs.badDate /entries/0/validTo'],
    ],
    ['with a year long ago', bookOf(until('1899-01-01')), ['tariffs.badDate /entries/0/validFrom']],
    [
      'with VAT that lapses before the entry',
      bookOf({ ...until('2026-01-01', '2026-10-01'), vat: { rate: 700, on: ['gridFee'], until: '2026-09-30' } }),
      ['tariffs.vatLapsed /entries/0/vat/until'],
    ],
    [
      'with VAT that lapses in an entry without an end',
      bookOf({ vat: { rate: 700, on: ['gridFee'], until: '2026-09-30' } }),
      ['tariffs.vatLapsed /entries/0/vat/until'],
    ],
    [
      'with VAT twice on a charge',
      bookOf({ vat: { rate: 700, on: ['gridFee', 'gridFee'] } }),
      ['tariffs.repeated /entries/0/vat/on/1'],
    ],
    [
      'with shares that do not sum up',
      bookOf({ payer: { buyerShare: 5_000, sellerShare: 4_999 } }),
      ['tariffs.badShare /entries/0/payer'],
    ],
    [
      'with charges above the notional',
      bookOf({ gridFee: 9_000, platformFee: 1_001 }),
      ['tariffs.badShare /entries/0/wires/0'],
    ],
    [
      'with charges that are too fine to be computed exactly',
      bookOf({ gridFee: 9_999, vat: { rate: 1, on: ['gridFee'] }, payer: { buyerShare: 9_999, sellerShare: 1 } }),
      ['tariffs.badShare /entries/0/wires/0'],
    ],
    [
      'with two rows of wires for one place',
      bookOf({
        wires: [
          { territory: 'MEA', wheeling: 0, exit: 0, losses: 0 },
          { territory: 'MEA', wheeling: 1, exit: 0, losses: 0 },
        ],
      }),
      ['tariffs.repeated /entries/0/wires/1'],
    ],
    [
      'with a window that is not on quarters of an hour',
      bookOf(windows(window({ from: '09:10' }))),
      ['tariffs.badWindow /entries/0/timeOfUse/windows/0'],
    ],
    [
      'with a window over midnight',
      bookOf(windows(window({ from: '22:00', to: '09:00' }))),
      ['tariffs.badWindow /entries/0/timeOfUse/windows/0'],
    ],
    [
      'with windows that overlap on one of their days',
      bookOf(windows(window(), window({ days: ['weekday', 'sunday'], from: '21:45', to: '24:00' }))),
      ['tariffs.badWindow /entries/0/timeOfUse/windows/1'],
    ],
    [
      'with a schedule that has no rate for a band',
      bookOf({ ...windows(window()), ...retail([{ band: 'always', rate: 1 }]) }),
      ['tariffs.missing /entries/0/retail/0/rates'],
    ],
    [
      'with a schedule that has a rate for no band',
      bookOf(
        retail([
          { band: 'always', rate: 1 },
          { band: 'never', rate: 1 },
        ]),
      ),
      ['tariffs.missing /entries/0/retail/0/rates/1/band'],
    ],
    [
      'with a schedule that costs less than nothing',
      bookOf({ ...retail([{ band: 'always', rate: 1_531 }]), ft: { rate: -1_532, byClass: [] } }),
      ['tariffs.negativeRate /entries/0/retail/0/rates'],
    ],
    [
      'with Ft for a class that no schedule is of',
      bookOf({ ft: { rate: 0, byClass: [{ class: 'industry', rate: 1 }] } }),
      ['tariffs.missing /entries/0/ft/byClass/0/class'],
    ],
    [
      'with a top-up at the price of no schedule',
      bookOf({ topUp: { kind: 'retail', schedule: 'home' } }),
      ['tariffs.missing /entries/0/topUp/schedule'],
    ],
    [
      'with a holiday that is declared twice',
      {
        ...bookOf({}),
        calendar: { ...calendar(), years: [...book.calendar.years, ...book.calendar.years.slice(0, 1)] },
      },
      ['tariffs.contradiction /calendar/years/3/year'],
    ],
    [
      'with two decisions about one day',
      {
        ...bookOf({}),
        calendar: calendar(
          (['normal', 'holiday'] as const).map((billedAs) => ({
            decidedOn: '2026-06-01',
            days: [{ date: '2026-06-15', billedAs }],
            source: 'a test',
          })),
        ),
      },
      ['tariffs.contradiction /calendar/decisions/1/days/0'],
    ],
  ])('%s', (_what, of, faults) => {
    expect(codes(of)).toEqual(faults);
    expect(tariffFaults(of).every(({ hint }) => hint.length > 10)).toBe(true);
  });

  it('with too many bytes', () => {
    const entries = Array.from({ length: 400 }, (_, i) => {
      const first = formatDate((parseDate('2026-01-01') ?? 0) + i);
      return { validFrom: first, validTo: first, source: 'x'.repeat(300) };
    });
    expect(codes(bookOf(...entries))).toEqual(['tariffs.tooLarge ']);
  });

  it('that knows no wires of a zone', () => {
    const zones = [{ id: 'MEA-BKK-01', territory: 'MEA', voltage: 'low' as const }];
    expect(zoneFault(bookOf({}), zones)).toBeUndefined();
    const peaOnly = bookOf({ wires: [{ territory: 'PEA', wheeling: 0, exit: 0, losses: 0 }] });
    expect(zoneFault(peaOnly, zones)).toMatchObject({ code: 'tariffs.missing', place: '/entries/0/wires' });
  });

  it.each<[what: string, after: TariffBook, day: string]>([
    ['when it begins later', bookOf(until('2026-02-01')), '2026-01-01'],
    ['when it ends earlier', bookOf(until('2026-01-01', '2026-11-30')), '2026-12-01'],
  ])('as a later version %s', (_what, after, day) => {
    const before = bookOf(until('2026-01-01', '2026-12-31'));
    expect(coverageFault(before, after)).toEqual({
      code: 'tariffs.gap',
      place: '/entries',
      hint: `version 1 has a price for ${day}: keep one`,
    });
    expect(coverageFault(before, bookOf(until('2025-01-01')))).toBeUndefined();
  });

  it('as a later version when it asks for a calendar that there is not', () => {
    const priced = { ...retail([{ band: 'always', rate: 1 }]), topUp: { kind: 'retail', schedule: 'home' } } as const;
    const [before, after] = [bookOf(until('2026-01-01')), bookOf({ ...until('2026-01-01'), ...priced })];
    expect(coverageFault(before, after)?.hint).toContain('2027-01-01');
    expect(coverageFault(after, after)).toBeUndefined();
  });
});

describe('a fraction', () => {
  it('is refused above one, and where its computation would not be exact', () => {
    expect(fractionOf(0, 0)).toEqual({ numerator: 0, denominator: 1 });
    expect(fractionOf(250, 10_000)).toEqual({ numerator: 1, denominator: 40 });
    expect(fractionOf(10_001, 10_000)).toBeUndefined();
    expect(fractionOf(99_999_999, 100_000_000)).toBeUndefined();
    expect(fractionOf(1, 94_906_265)).toBeDefined();
  });
});

describe('the book for development', () => {
  const development = tariffBook.parse(fileOf('data/tariff-book.json'));
  const published = fileOf('data/tariffs.json') as {
    timeOfUse: {
      rates: { onPeakThbPerKwh: string; offPeakThbPerKwh: string }[];
      calendarDecisions: { dates: string[] }[];
    };
    ft: { thbPerKwh: string; from: string; to: string }[];
    vat: { rate: string; until: string };
    feedIn: { thbPerKwh: string };
    wheeling: { thbPerKwh: string };
    gridFee: { rate: string };
  };
  const rate = (thb: string): number => Math.round(Number(thb) * 10_000);
  const on = (text: string): TariffEntry => entryAt(development, at(text)) as TariffEntry;

  it('has no fault, and the bytes that its hash is of are those of its values', () => {
    expect(tariffFaults(development)).toEqual([]);
    expect(tariffHash(noble, development)).toMatch(/^[0-9a-f]{64}$/);
    const other = { calendar: development.calendar, entries: development.entries, version: development.version };
    expect(tariffHash(noble, other)).toBe(tariffHash(noble, development));
    expect(tariffHash(noble, { ...other, version: 2 })).not.toBe(tariffHash(noble, development));
  });

  it('has wheeling and VAT of nothing in the week of the readings, and the draft from July on', () => {
    const week = on('2026-06-15T03:00:00Z/PT15M');
    expect(week.wires.every(({ wheeling, exit }) => wheeling + exit === 0)).toBe(true);
    expect([week.vat.rate, week.gridFee, week.status]).toEqual([0, 100, 'published']);
    const later = on('2026-07-15T03:00:00Z/PT15M');
    expect(later).toMatchObject({
      status: 'draft',
      vat: { rate: rate(published.vat.rate), until: published.vat.until },
    });
    expect(later.wires.every(({ wheeling }) => wheeling === rate(published.wheeling.thbPerKwh))).toBe(true);
    expect(on('2026-10-01T03:00:00Z/PT15M')).toMatchObject({ status: 'assumed', vat: { rate: 1_000 } });
  });

  it('has the figures that were published, at the hours of their bands', () => {
    const [home] = published.timeOfUse.rates;
    const ft = rate(published.ft[0]?.thbPerKwh ?? '');
    const price = (interval: string): number | undefined =>
      retailRateAt(on(interval), development.calendar, 'residential-low', at(interval));
    expect(price('2026-06-15T03:00:00Z/PT15M')).toBe(rate(home?.onPeakThbPerKwh ?? '') + ft);
    expect(price('2026-06-15T15:00:00Z/PT15M')).toBe(rate(home?.offPeakThbPerKwh ?? '') + ft);
    expect(price('2026-06-20T03:00:00Z/PT15M')).toBe(rate(home?.offPeakThbPerKwh ?? '') + ft);
    expect(on('2026-06-15T03:00:00Z/PT15M').feedIn).toBe(rate(published.feedIn.thbPerKwh));
    expect(development.entries[0]?.validFrom).toBe(published.ft[0]?.from);
    expect(
      development.entries[0]?.retail.flatMap(({ rates }) => rates.map((one) => one.rate)).sort((a, b) => a - b),
    ).toEqual(
      published.timeOfUse.rates
        .flatMap((one) => [rate(one.onPeakThbPerKwh), rate(one.offPeakThbPerKwh)])
        .sort((a, b) => a - b),
    );
  });

  it('bills the days that were decided otherwise as weekdays, and neither substitution days nor Royal Ploughing Day as holidays', () => {
    const type = (date: string): string | undefined =>
      dayTypeOf(development.calendar, ['publicHoliday', 'labourDay'], parseDate(date) ?? Number.NaN);
    for (const date of published.timeOfUse.calendarDecisions.flatMap(({ dates }) => dates))
      expect([date, type(date)]).toEqual([date, 'weekday']);
    expect(['2026-05-01', '2026-05-04', '2026-05-13', '2026-06-01', '2026-06-03', '2026-05-31'].map(type)).toEqual([
      'holiday',
      'holiday',
      'weekday',
      'weekday',
      'holiday',
      'holiday',
    ]);
  });

  it('goes on by publications and decisions, each a version that leaves the one before as it is', () => {
    const next = withEntries(development, development.entries.slice(1));
    expect([next.version, next.entries.length, next.calendar]).toEqual([2, 3, development.calendar]);
    expect(development.entries).toHaveLength(4);
  });
});
