import type { TariffTerms } from '@gridtokenx/protocol';

/** What trading in one book costs: from one version of the tariff book, for one delivery interval; and whose the money is. */
export interface BookTerms extends TariffTerms {
  /** Of the tariff book, and the SHA-256 of that version in hex. */
  readonly version: number;
  readonly hash: string;
  /** Accounts of the grid operators of the two zones. */
  readonly operatorFrom: string;
  readonly operatorTo: string;
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

/** micro-WATT for so many Wh at a rate of 0.0001 THB/kWh, rounded up. */
export const amountUpAt = (rate: number, wh: number): number => {
  // Ten times the result may be beyond the safe integers: whole tens of Wh first.
  const tens = Math.floor(wh / 10);
  return rate * tens + Math.ceil((rate * (wh - tens * 10)) / 10);
};
