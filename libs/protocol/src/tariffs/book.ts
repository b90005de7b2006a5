import type { Crypto } from '@gridtokenx/crypto';
import { canonicalJson, toHex, utf8, type Json } from '@gridtokenx/kernel';
import type { CalendarDecision, TariffBook } from './schema.js';

/** SPEC tariffs 1.3: the one spelling of a version. */
export const tariffText = (book: TariffBook): string => canonicalJson(book as unknown as Json);

/** SPEC tariffs 1.3: SHA-256 of that, in hex. */
export const tariffHash = (crypto: Crypto, book: TariffBook): string => toHex(crypto.sha256(utf8(tariffText(book))));

/** SPEC tariffs 1.4: the version after a publication: other entries, the same calendar. */
export const withEntries = (book: TariffBook, entries: TariffBook['entries']): TariffBook => ({
  ...book,
  version: book.version + 1,
  entries,
});

/** SPEC tariffs 2.2: the version after a decision about the calendar: the same entries, one decision more. */
export function withDecision(book: TariffBook, decision: CalendarDecision): TariffBook {
  const { kind, ...said } = decision;
  const { years, decisions } = book.calendar;
  const calendar =
    kind === 'declareYear'
      ? { years: [...years, said as TariffBook['calendar']['years'][number]], decisions }
      : { years, decisions: [...decisions, said as TariffBook['calendar']['decisions'][number]] };
  return { ...book, version: book.version + 1, calendar };
}
