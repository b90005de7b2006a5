import type { Crypto } from '@gridtokenx/crypto';
import { assert, parseInterval, parseStrictJson, type Json } from '@gridtokenx/kernel';
import {
  entryAt,
  tariffBook,
  tariffFault,
  tariffHash,
  tariffText,
  termsIn,
  type TariffBook,
} from '@gridtokenx/protocol';
import type { BookTerms } from '../market/terms.js';
import type { RegistryState } from '../registry/state.js';
import { plainTable, type Store, type Table } from '../ledger/store.js';

/** One version of the tariff book, for ever: what was priced by it can be computed again. */
export interface TariffRow {
  /** SHA-256 of the text of the book, in hex. */
  readonly hash: string;
  readonly book: TariffBook;
}

const MEMO_MAX = 10_000;

/** The bytes are those of the one spelling of a book without a fault, or none. */
function bookIn(text: string): TariffBook | undefined {
  let value: Json;
  try {
    value = parseStrictJson(text);
  } catch {
    return undefined;
  }
  const { data } = tariffBook.safeParse(value);
  return data !== undefined && tariffText(data) === text && tariffFault(data) === undefined ? data : undefined;
}

export class TariffsState {
  /** By the number of the version. */
  readonly versions: Table<TariffRow>;
  private latest = 0;
  /** The row of that version: each order asks for it. */
  private inForce: TariffRow | undefined;
  /** Of the newest version: each reading and each position asks. Zones stay where they are. */
  private readonly memo = { hash: '', terms: new Map<string, BookTerms>() };

  constructor(
    readonly store: Store,
    private readonly registry: RegistryState,
    private readonly crypto: Crypto,
  ) {
    this.versions = plainTable<TariffRow>(store, 'tariffs.version', {
      encode: (writer, { hash, book }) => void writer.text(hash).text(tariffText(book)),
      decode: (reader) => {
        const hash = reader.text();
        const book = bookIn(reader.text()) ?? reader.fail('book');
        return tariffHash(this.crypto, book) === hash ? { hash, book } : reader.fail('hash');
      },
      changed: (cell, _old, now) => {
        const version = Number(cell.key);
        // Versions only come, one after the other; an undo takes back the last one.
        this.latest = now === undefined ? version - 1 : Math.max(this.latest, version);
        this.inForce = this.versions.get(String(this.latest));
      },
    });
  }

  /** SPEC tariffs 1.1, 1.3 */
  audit(): string[] {
    const faults: string[] = [];
    for (let version = 1; version <= this.latest; version++) {
      const row = this.versions.get(String(version));
      if (row?.book.version !== version) faults.push(`version ${version} of the tariff book is not there`);
      else if (row.hash !== tariffHash(this.crypto, row.book))
        faults.push(`version ${version} of the tariff book has another hash`);
    }
    return faults;
  }

  /** The newest version, which is in force. */
  get newest(): TariffRow {
    assert(this.inForce !== undefined, 'the genesis has a version of the tariff book');
    return this.inForce;
  }

  /** A version that there is. */
  of(version: number): TariffRow {
    const row = this.versions.get(String(version));
    assert(row !== undefined, 'a version of the tariff book that is asked for is there');
    return row;
  }

  add(book: TariffBook): TariffRow {
    assert(book.version === this.latest + 1, 'versions of the tariff book come one after the other');
    const row = { hash: tariffHash(this.crypto, book), book };
    this.versions.set(String(book.version), row);
    return row;
  }

  /**
   * SPEC tariffs 3: the terms of a book, by the version in force or by a former one. `undefined` when no entry covers the day of delivery,
   * when the entry needs a calendar of a year that was not declared, or does not know a zone.
   */
  termsOf(fromZone: string, toZone: string, interval: string, version = this.latest): BookTerms | undefined {
    const { memo } = this;
    const { hash } = this.newest;
    if (version !== this.latest) return this.computed(fromZone, toZone, interval, version);
    if (memo.hash !== hash || memo.terms.size >= MEMO_MAX) {
      memo.hash = hash;
      memo.terms.clear();
    }
    const key = `${fromZone}>${toZone}/${interval}`;
    let terms = memo.terms.get(key);
    if (terms === undefined) {
      terms = this.computed(fromZone, toZone, interval, version);
      if (terms !== undefined) memo.terms.set(key, terms);
    }
    return terms;
  }

  private computed(fromZone: string, toZone: string, interval: string, version: number): BookTerms | undefined {
    const start = parseInterval(interval);
    const [from, to] = [this.registry.zones.get(fromZone), this.registry.zones.get(toZone)];
    if (start === undefined || from === undefined || to === undefined) return undefined;
    const { book, hash } = this.of(version);
    const entry = entryAt(book, start);
    const terms = entry && termsIn(entry, book.calendar, { from, to, start });
    return terms && { ...terms, version, hash, operatorFrom: from.account, operatorTo: to.account };
  }
}
