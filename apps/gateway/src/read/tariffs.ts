import type { Crypto } from '@gridtokenx/crypto';
import { formatInterval, millis } from '@gridtokenx/kernel';
import {
  bandAt,
  entryAt,
  identityOfKind,
  placeOfZone,
  tariffHash,
  termsIn,
  withDecision,
  withEntries,
  type ConsortiumGenesis,
  type LedgerIdentity,
  type TariffBook,
} from '@gridtokenx/protocol';
import type { AsOf, ConsortiumReads } from '@gridtokenx/runtime';
import { Inject, Injectable } from '@nestjs/common';
import { CRYPTO, IDENTITY } from '../parts.js';
import { problem } from '../problems.js';

export interface TariffVersion {
  readonly version: number;
  readonly hash: string;
  /** Of the block that brought it. */
  readonly height: number;
  readonly late?: boolean;
  readonly book: TariffBook;
}

interface TermsAsked {
  readonly from: string;
  readonly to: string;
  readonly start: number;
  readonly version: number | undefined;
}

/** The tariff book: version 1 stands in the genesis, and facts say what each later one changes. */
@Injectable()
export class Tariffs {
  private readonly genesis: ConsortiumGenesis;

  constructor(
    @Inject(IDENTITY) identity: LedgerIdentity,
    @Inject(CRYPTO) private readonly crypto: Crypto,
  ) {
    this.genesis = identityOfKind(identity, 'consortium').genesis;
  }

  get zones(): object[] {
    return this.genesis.zones.map((zone) => {
      const { id, territory, voltage } = placeOfZone(zone);
      return { zone: id, operator: zone.operator, account: zone.account, territory, voltage };
    });
  }

  async versions(reads: ConsortiumReads): Promise<AsOf & { readonly books: readonly TariffVersion[] }> {
    const { tariffs } = this.genesis;
    const books: TariffVersion[] = [{ version: 1, hash: tariffHash(this.crypto, tariffs), height: 0, book: tariffs }];
    let newest = tariffs;
    let page = await reads.facts('tariffs', '', { oldestFirst: true });
    for (;;) {
      for (const { fact, height } of page.items) {
        const isDecided = fact.type === 'tariffs.calendarDecided';
        newest = isDecided ? withDecision(newest, fact.decision) : withEntries(newest, fact.entries);
        const { version, hash } = fact;
        books.push({ version, hash, height, ...(isDecided && { late: fact.late }), book: newest });
      }
      const { height, timeMs, next } = page;
      if (next === undefined) return { height, timeMs, books };
      page = await reads.facts('tariffs', '', { after: next });
    }
  }

  async version(reads: ConsortiumReads, wanted: number): Promise<AsOf & { readonly version: TariffVersion }> {
    const { books, ...at } = await this.versions(reads);
    const found = books.find(({ version }) => version === wanted);
    if (found === undefined) throw problem('read.unknown');
    return { ...at, version: found };
  }

  /** What an interval is priced by; of the newest version, unless another is wanted. */
  async termsAt(reads: ConsortiumReads, asked: TermsAsked): Promise<AsOf & { readonly terms: object }> {
    const { books, ...at } = await this.versions(reads);
    const known = books.find(({ version }) => version === (asked.version ?? books.at(-1)?.version));
    const [from, to] = [asked.from, asked.to].map((name) => this.genesis.zones.find(({ id }) => id === name));
    const entry = known === undefined ? undefined : entryAt(known.book, asked.start);
    if (known === undefined || entry === undefined || from === undefined || to === undefined)
      throw problem('read.unknown');
    const { book, version, hash } = known;
    const places = { from: placeOfZone(from), to: placeOfZone(to), start: asked.start };
    const band = bandAt(entry, book.calendar, asked.start);
    const terms = termsIn(entry, book.calendar, places);
    return {
      ...at,
      terms: {
        version,
        hash,
        interval: formatInterval(millis(asked.start)),
        fromZone: asked.from,
        toZone: asked.to,
        entry: book.entries.indexOf(entry),
        ...(band !== undefined && { band }),
        ...(terms !== undefined && { terms }),
      },
    };
  }
}
