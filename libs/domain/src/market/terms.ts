import type { FeeShare } from './fee.js';

/**
 * What trading in one book costs: from one version of the tariff book, for one delivery interval. Rates are in 0.0001 THB/kWh.
 */
export interface BookTerms {
  /** Of the tariff book, and the SHA-256 of that version in hex. */
  readonly version: number;
  readonly hash: string;
  /** All that each side pays in proportion to the notional: grid fee, losses, platform fee, and the tax on them. */
  readonly buyerFee: FeeShare;
  readonly sellerFee: FeeShare;
  /** Of such a charge, what is the platform's and the tax; the rest, with the residue, is the delivery operator's. */
  readonly platformPart: FeeShare;
  readonly taxPart: FeeShare;
  /** What the buyer pays for the wires, with tax; of it the part of the other zone's operator, and the tax. */
  readonly wheeling: number;
  readonly wheelingFrom: number;
  readonly wheelingTax: number;
  /** What a forward ask holds of WATT against a shortfall. */
  readonly marginRate: number;
  /** What energy costs that a seller did not deliver, and what is paid for energy that nobody bought or used. */
  readonly topUpRate: number;
  readonly surplusRate: number;
  /** Accounts. */
  readonly operatorFrom: string;
  readonly operatorTo: string;
  readonly platform: string;
  readonly tax: string;
}

/** Where the terms of books come from. */
export interface TermsSource {
  /** By the version in force, or by a former one. Absent where no entry of the tariff book covers the interval. */
  termsOf(fromZone: string, toZone: string, interval: string, version?: number): BookTerms | undefined;
  /** The version in force. */
  readonly newest: { readonly hash: string };
}

/** Whether two versions of the tariff book come to the same for a book. */
export const isSameTerms = (a: BookTerms, b: BookTerms): boolean =>
  NUMBERS.every((name) => a[name] === b[name]) &&
  SHARES.every((name) => a[name].numerator === b[name].numerator && a[name].denominator === b[name].denominator);

const SHARES = ['buyerFee', 'sellerFee', 'platformPart', 'taxPart'] as const;
const NUMBERS = [
  'wheeling',
  'wheelingFrom',
  'wheelingTax',
  'marginRate',
  'topUpRate',
  'surplusRate',
  'operatorFrom',
  'operatorTo',
  'platform',
  'tax',
] as const satisfies readonly Exclude<keyof BookTerms, 'version' | 'hash' | (typeof SHARES)[number]>[];

/** micro-WATT for so many Wh at a rate of 0.0001 THB/kWh, rounded down. */
export const amountAt = (rate: number, wh: number): number => {
  // Ten times the result may be beyond the safe integers: whole tens of Wh first.
  const tens = Math.floor(wh / 10);
  return rate * tens + Math.floor((rate * (wh - tens * 10)) / 10);
};
/** The same, rounded up. */
export const amountUpAt = (rate: number, wh: number): number => {
  const tens = Math.floor(wh / 10);
  return rate * tens + Math.ceil((rate * (wh - tens * 10)) / 10);
};
