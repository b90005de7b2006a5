import { bandAt } from './calendar.js';
import type { Voltage } from '../fields.js';
import type { TariffCalendar, TariffEntry } from './schema.js';

/** A part of something as a reduced fraction; numerator x denominator + denominator is a safe integer. */
export interface Fraction {
  readonly numerator: number;
  readonly denominator: number;
}

/** What trading from one zone into another costs in one delivery interval. Rates are in 0.0001 THB/kWh. */
export interface TariffTerms {
  /** All that each side pays in proportion to the notional: grid fee, losses, platform fee, and the tax on them. */
  readonly buyerFee: Fraction;
  readonly sellerFee: Fraction;
  /** Of such a charge, what is the platform's, and the tax; the rest, with the residue, is the delivery operator's. */
  readonly platformPart: Fraction;
  readonly taxPart: Fraction;
  /** What the buyer pays for the wires, with tax; of it the part of the operator that the energy leaves, and the tax. */
  readonly wheeling: number;
  readonly wheelingFrom: number;
  readonly wheelingTax: number;
  /** What a forward ask holds of WATT against a shortfall. */
  readonly marginRate: number;
  /** What energy costs that a seller did not deliver, and what is paid for energy that nobody bought or used. */
  readonly topUpRate: number;
  readonly surplusRate: number;
  /** Accounts. */
  readonly platform: string;
  readonly tax: string;
}

const WHOLE = 10_000;

function greatestCommonDivisor(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  return x;
}

/** SPEC tariffs 3.3: `undefined` when the fraction is above one, or cannot be computed with in safe integers. */
export function fractionOf(part: number, whole: number): Fraction | undefined {
  if (part === 0) return { numerator: 0, denominator: 1 };
  const divisor = greatestCommonDivisor(whole, part);
  const [numerator, denominator] = [part / divisor, whole / divisor];
  return numerator <= denominator && Number.isSafeInteger(denominator * numerator + denominator)
    ? { numerator, denominator }
    : undefined;
}

/** Where a zone lies. */
export interface ZonePlace {
  readonly territory: string;
  readonly voltage: Voltage;
}

/** SPEC tariffs 3.1: the row that is closest: with the territory before one with the voltage only; `undefined` when there is none. */
export const wiresOf = ({ wires }: TariffEntry, place: ZonePlace): TariffEntry['wires'][number] | undefined => {
  const rowWith = (
    territory: string | undefined,
    voltage: Voltage | undefined,
  ): TariffEntry['wires'][number] | undefined =>
    wires.find((one) => one.territory === territory && one.voltage === voltage);
  const { territory, voltage } = place;
  return (
    rowWith(territory, voltage) ??
    rowWith(territory, undefined) ??
    rowWith(undefined, voltage) ??
    rowWith(undefined, undefined)
  );
};

export interface Charges {
  readonly buyerFee: Fraction;
  readonly sellerFee: Fraction;
  readonly platformPart: Fraction;
  readonly taxPart: Fraction;
}

/** SPEC tariffs 3.2, 3.3: the charges in proportion to the notional, with these losses; `undefined` as for {@link fractionOf}. */
export function chargesOf({ gridFee, platformFee, payer, vat }: TariffEntry, losses: number): Charges | undefined {
  const taxed =
    (vat.on.includes('gridFee') ? gridFee : 0) +
    (vat.on.includes('losses') ? losses : 0) +
    (vat.on.includes('platformFee') ? platformFee : 0);
  // In 0.0001 of 0.0001.
  const tax = vat.rate * taxed;
  const charged = (gridFee + losses + platformFee) * WHOLE + tax;
  const buyerFee = fractionOf(charged * payer.buyerShare, WHOLE ** 3);
  const sellerFee = fractionOf(charged * payer.sellerShare, WHOLE ** 3);
  const platformPart = fractionOf(platformFee * WHOLE, charged);
  const taxPart = fractionOf(tax, charged);
  return buyerFee && sellerFee && platformPart && taxPart && { buyerFee, sellerFee, platformPart, taxPart };
}

/** SPEC tariffs 4.2: what a kWh of a schedule costs in a band, with Ft and before tax. */
export function retailRateIn(entry: TariffEntry, schedule: string, band: string): number | undefined {
  const row = entry.retail.find((one) => one.schedule === schedule);
  const rate = row?.rates.find((one) => one.band === band)?.rate;
  if (row === undefined || rate === undefined) return undefined;
  return rate + (entry.ft.byClass.find((one) => one.class === row.class)?.rate ?? entry.ft.rate);
}

/** SPEC tariffs 4.2: the same for a delivery interval; `undefined` when there is no such schedule, or its year was not declared. */
export function retailRateAt(
  entry: TariffEntry,
  calendar: TariffCalendar,
  schedule: string,
  start: number,
): number | undefined {
  const band = bandAt(entry, calendar, start);
  return band === undefined ? undefined : retailRateIn(entry, schedule, band);
}

/** SPEC tariffs 4.3 */
export const topUpRateAt = (entry: TariffEntry, calendar: TariffCalendar, start: number): number | undefined =>
  entry.topUp.kind === 'rate' ? entry.topUp.rate : retailRateAt(entry, calendar, entry.topUp.schedule, start);

/** SPEC tariffs 4.4 */
export const surplusRateOf = ({ surplus, feedIn }: TariffEntry): number =>
  surplus.kind === 'rate' ? surplus.rate : feedIn;

/**
 * SPEC tariffs 3, 4: the terms of a book. `undefined` when the entry has no wires for a zone, or needs a calendar of a year that was not
 * declared.
 */
export function termsIn(
  entry: TariffEntry,
  calendar: TariffCalendar,
  { from, to, start }: { readonly from: ZonePlace; readonly to: ZonePlace; readonly start: number },
): TariffTerms | undefined {
  const [source, wires] = [wiresOf(entry, from), wiresOf(entry, to)];
  const topUpRate = topUpRateAt(entry, calendar, start);
  if (source === undefined || wires === undefined || topUpRate === undefined) return undefined;
  const charges = chargesOf(entry, wires.losses);
  if (charges === undefined) return undefined;
  const wheelingFrom = from.territory === to.territory ? 0 : source.exit;
  const net = wires.wheeling + wheelingFrom;
  const wheelingTax = entry.vat.on.includes('wheeling') ? Math.floor((net * entry.vat.rate) / WHOLE) : 0;
  return {
    ...charges,
    wheeling: net + wheelingTax,
    wheelingFrom,
    wheelingTax,
    marginRate: entry.marginRate,
    topUpRate,
    surplusRate: surplusRateOf(entry),
    platform: entry.payees.platform,
    tax: entry.payees.tax,
  };
}
