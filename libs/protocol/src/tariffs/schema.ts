import { parseDate } from '@gridtokenx/kernel';
import { z } from 'zod';
import * as f from '../fields.js';

/** A day of the civil calendar of Asia/Bangkok, in the common era. */
export const civilDate = f.publicField(
  z
    .string()
    .regex(/^\d{4}-\d{2}-\d{2}$/, 'a date such as 2026-06-15')
    .refine((text) => parseDate(text) !== undefined, 'a date that there is'),
);
/** A time of the day in Asia/Bangkok; 24:00 is the end of the day. */
export const clockTime = f.publicField(
  z.string().regex(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, 'a time of the day such as 09:00'),
);
/** A name of a band, a class of consumers or a schedule: no address and no name of a person fits in. */
export const tariffName = f.publicField(
  z.string().regex(/^[a-z][A-Za-z0-9.-]{0,47}$/, 'a name such as onPeak or residential-low'),
);
/** Where figures come from. */
export const tariffSource = f.publicField(z.string().regex(/^[\x20-\x7e]{1,300}$/, 'printable ASCII, at most 300'));
/** A surcharge, or a discount when it is negative, in units of 0.0001 THB/kWh. */
export const signedRate = f.publicField(z.int().min(-1_000_000_000).max(1_000_000_000));
export const civilYear = f.publicField(z.int().min(2_000).max(2_199));

/**
 * What the calendar calls a day. Which of them are billed as off-peak says the tariff; a day that takes the place of a public holiday
 * on a weekend (`substitution`) and Royal Ploughing Day are not.
 */
export const HOLIDAY_KINDS = ['publicHoliday', 'labourDay', 'substitution', 'royalPloughing', 'special'] as const;
export const holidayKind = f.publicField(z.enum(HOLIDAY_KINDS));
export const DAY_TYPES = ['weekday', 'saturday', 'sunday', 'holiday'] as const;
/** What windows are told for; a holiday is one also on a weekend. */
export const dayType = f.publicField(z.enum(DAY_TYPES));
/** How a decision has a day billed: as a holiday, or as the day of the week that it is. */
export const billedAs = f.publicField(z.enum(['holiday', 'normal']));
export const VAT_CHARGES = ['gridFee', 'losses', 'platformFee', 'wheeling', 'retail'] as const;
export const vatCharge = f.publicField(z.enum(VAT_CHARGES));
export const entryStatus = f.publicField(z.enum(['published', 'draft', 'assumed']));

const list = <T extends z.ZodType>(item: T, min: number, max: number): z.ZodArray<T> =>
  f.publicField(z.array(item).min(min).max(max));

/** SPEC tariffs 1: what holds for delivery from the first day to the last one. Rates are in 0.0001 THB/kWh, ratios in 0.0001. */
export const tariffEntry = f.publicField(
  z.strictObject({
    validFrom: civilDate,
    /** The last day; absent for an entry that has no end yet. */
    validTo: civilDate.optional(),
    status: entryStatus,
    source: tariffSource,
    /**
     * By where a zone lies, most closely: a row without a territory is for those that no other names, the same with the voltage. What the
     * wires cost that energy is delivered over, what those cost that it leaves for another territory, and losses as a part of the notional.
     */
    wires: list(
      z.strictObject({
        territory: f.territory.optional(),
        voltage: f.voltage.optional(),
        wheeling: f.tariffRate,
        exit: f.tariffRate,
        losses: f.ratio,
      }),
      1,
      100,
    ),
    /** Parts of the notional, and who pays them. */
    gridFee: f.ratio,
    platformFee: f.ratio,
    payer: f.publicField(z.strictObject({ buyerShare: f.ratio, sellerShare: f.ratio })),
    vat: f.publicField(
      z.strictObject({ rate: f.ratio, on: list(vatCharge, 0, VAT_CHARGES.length), until: civilDate.optional() }),
    ),
    timeOfUse: f.publicField(
      z.strictObject({
        /** Outside of all windows. */
        otherwise: tariffName,
        windows: list(
          z.strictObject({
            band: tariffName,
            days: list(dayType, 1, DAY_TYPES.length),
            from: clockTime,
            to: clockTime,
          }),
          0,
          50,
        ),
        /** Of the calendar's days, those that are of type `holiday`. */
        holidays: list(holidayKind, 0, HOLIDAY_KINDS.length),
      }),
    ),
    /** Energy from the utility, before Ft and tax. */
    retail: list(
      z.strictObject({
        schedule: tariffName,
        class: tariffName,
        voltage: f.voltage,
        rates: list(z.strictObject({ band: tariffName, rate: f.tariffRate }), 1, 20),
      }),
      0,
      100,
    ),
    /** The fuel adjustment on top of retail rates; a class may have its own. */
    ft: f.publicField(
      z.strictObject({
        rate: signedRate,
        byClass: list(z.strictObject({ class: tariffName, rate: signedRate }), 0, 50),
      }),
    ),
    feedIn: f.tariffRate,
    /** What a forward ask holds of WATT against a shortfall. */
    marginRate: f.tariffRate,
    /** What energy costs that a seller did not deliver: what this schedule costs before tax, or a rate of its own. */
    topUp: f.publicField(
      z.discriminatedUnion('kind', [
        z.strictObject({ kind: f.publicField(z.literal('retail')), schedule: tariffName }),
        z.strictObject({ kind: f.publicField(z.literal('rate')), rate: f.tariffRate }),
      ]),
    ),
    /** What is paid for energy that nobody bought or used. */
    surplus: f.publicField(
      z.discriminatedUnion('kind', [
        z.strictObject({ kind: f.publicField(z.literal('feedIn')) }),
        z.strictObject({ kind: f.publicField(z.literal('rate')), rate: f.tariffRate }),
      ]),
    ),
    payees: f.publicField(z.strictObject({ platform: f.accountId, tax: f.accountId })),
  }),
);
export const tariffEntries = list(tariffEntry, 1, 500);

const yearDays = {
  year: civilYear,
  days: list(z.strictObject({ date: civilDate, kind: holidayKind }), 0, 100),
  source: tariffSource,
};
const dayDecision = {
  /** The day of the decision, which may be after the days that it is about. */
  decidedOn: civilDate,
  days: list(z.strictObject({ date: civilDate, billedAs }), 1, 100),
  source: tariffSource,
  /** The number, from 1, of the decision that stands for days of this one and that it takes the place of. */
  supersedes: f.number.optional(),
};

/** SPEC tariffs 2.1: the days of a year that are not like others, or how days are billed whatever they are. */
export const calendarDecision = f.publicField(
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: f.publicField(z.literal('declareYear')), ...yearDays }),
    z.strictObject({ kind: f.publicField(z.literal('billDays')), ...dayDecision }),
  ]),
);

/** SPEC tariffs 2: a year that was not declared has no calendar, and is not guessed. */
export const tariffCalendar = f.publicField(
  z.strictObject({
    years: list(z.strictObject(yearDays), 0, 200),
    decisions: list(z.strictObject(dayDecision), 0, 5_000),
  }),
);

/** SPEC tariffs 1.1: all that a version of the tariff book says. */
export const tariffBook = f.publicField(
  z.strictObject({ version: f.number, entries: tariffEntries, calendar: tariffCalendar }),
);

export type DayType = z.infer<typeof dayType>;
export type TariffEntry = z.infer<typeof tariffEntry>;
export type TariffCalendar = z.infer<typeof tariffCalendar>;
export type CalendarDecision = z.infer<typeof calendarDecision>;
export type TariffBook = z.infer<typeof tariffBook>;
