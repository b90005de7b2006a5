import { noble, type Crypto } from '@gridtokenx/crypto';
import { fromUtf8, JsonError, parseInterval, parseStrictJson, type Json } from '@gridtokenx/kernel';
import {
  accountId,
  amount,
  bandAt,
  count,
  energyWh,
  entryAt,
  hashHex,
  interval,
  number,
  operationId,
  placeOfZone,
  priceTicks,
  retailRateIn,
  surplusRateOf,
  tariffBook,
  tariffFault,
  tariffHash,
  tariffName,
  tariffRate,
  termsIn,
  topUpRateAt,
  zoneId,
  type ConsortiumGenesis,
  type TariffBook,
  type TariffEntry,
  type TariffTerms,
  type ZonePlace,
} from '@gridtokenx/protocol';
import { z } from 'zod';
import { isRecord } from './problem.js';

/** A line that cannot be computed, or a file that is no tariff book; `pointer` is into the file or the line. */
export class TariffError extends Error {
  constructor(
    readonly code: string,
    reason: string,
    readonly pointer = '',
    readonly hint?: string,
  ) {
    super(reason);
    this.name = 'TariffError';
  }
}

/** A version of the tariff book, with the hash that was computed of it here. */
export interface KnownBook {
  readonly book: TariffBook;
  readonly hash: string;
}

const pointerOf = (path: readonly PropertyKey[]): string => path.map((step) => `/${String(step)}`).join('');

/** SPEC tariffs 5: a book that has no fault, with its hash. Throws {@link TariffError}. */
export function knownBook(value: unknown, crypto: Crypto = noble): KnownBook {
  const parsed = tariffBook.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new TariffError('tariff.schema', issue?.message ?? '', pointerOf(issue?.path ?? []));
  }
  const fault = tariffFault(parsed.data);
  if (fault !== undefined) throw new TariffError(fault.code, 'the tariff book has a fault', fault.place, fault.hint);
  return { book: parsed.data, hash: tariffHash(crypto, parsed.data) };
}

/**
 * The same, from the bytes of a file: a book, or what a gateway answers (`GET /v1/tariffs/1`), whose hash must then be that of its book.
 * Throws {@link TariffError}.
 */
export function readTariffBook(bytes: Uint8Array, crypto: Crypto = noble): KnownBook {
  const text = fromUtf8(bytes);
  if (text === undefined) throw new TariffError('tariff.notUtf8', 'the file is not UTF-8');
  let value: Json;
  try {
    value = parseStrictJson(text);
  } catch (error) {
    if (error instanceof JsonError) throw new TariffError(error.code, error.message, error.pointer);
    throw error;
  }
  if (!isRecord(value) || value['book'] === undefined) return knownBook(value, crypto);
  const known = knownBook(value['book'], crypto);
  if (value['hash'] !== known.hash)
    throw new TariffError('tariff.otherHash', `the hash of this book is ${known.hash}`, '/hash');
  return known;
}

const common = { interval, tariffVersion: number.optional(), tariffHash: hashHex.optional() };
const claims = { amount: amount.optional(), rate: tariffRate.optional() };
const tradeClaims = {
  notional: amount.optional(),
  buyerFee: amount.optional(),
  sellerFee: amount.optional(),
  wheeling: amount.optional(),
  toOperator: amount.optional(),
  fromOperator: amount.optional(),
  platform: amount.optional(),
  tax: amount.optional(),
};

/**
 * What a bill is made of, with what it claims, if anything. Trades come in the order of their numbers: the charges of an order depend on what it has
 * traded before. Facts of the ledger (`market.traded`, `settlement.positionSettled`) are lines as they stand.
 */
const billLineSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('trade'),
    ...common,
    trade: count.optional(),
    bid: operationId,
    ask: operationId,
    fromZone: zoneId,
    toZone: zoneId,
    priceTicks,
    quantityWh: energyWh,
    ...tradeClaims,
  }),
  z.object({ kind: z.literal('surplus'), ...common, quantityWh: energyWh, ...claims, account: accountId.optional() }),
  z.object({ kind: z.literal('topUp'), ...common, quantityWh: energyWh, ...claims }),
  z.object({
    kind: z.literal('retail'),
    ...common,
    schedule: tariffName,
    quantityWh: energyWh,
    band: tariffName.optional(),
    tax: amount.optional(),
    ...claims,
  }),
]);
export type BillLine = z.infer<typeof billLineSchema>;

/** Reads a line, or a fact of the ledger as one. Throws {@link TariffError}. */
export function readBillLine(value: unknown): BillLine {
  const fields = isRecord(value) ? value : {};
  const line =
    fields['type'] === 'market.traded'
      ? { ...fields, kind: 'trade' }
      : fields['type'] === 'settlement.positionSettled'
        ? { ...fields, kind: 'surplus', quantityWh: fields['surplusWh'] }
        : value;
  const parsed = billLineSchema.safeParse(line);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new TariffError('tariff.badLine', issue?.message ?? '', pointerOf(issue?.path ?? []));
}

/** What a line comes to, by its name: amounts in micro-WATT as decimal strings, rates in 0.0001 THB/kWh; and what it claimed otherwise. */
export interface BilledLine {
  readonly line: BillLine;
  readonly version: number;
  readonly hash: string;
  readonly computed: Readonly<Record<string, string | number>>;
  readonly differs: readonly { readonly field: string; readonly claimed: string; readonly computed: string }[];
}

/** SPEC tariffs 4.1: micro-WATT. */
export const amountOf = (rate: number, wh: bigint): bigint => (BigInt(rate) * wh) / 10n;

/** SPEC tariffs 4.5: computes lines again, by versions of the tariff book and by where the zones of the genesis lie. */
export class TariffBill {
  private readonly places: ReadonlyMap<string, ZonePlace>;
  /** Of each order, what it has traded under which version. */
  private readonly notionals = new Map<string, bigint>();

  constructor(
    private readonly books: readonly KnownBook[],
    zones: ConsortiumGenesis['zones'] = [],
  ) {
    this.places = new Map(zones.map((zone) => [zone.id, placeOfZone(zone)]));
  }

  /** Throws {@link TariffError} for a line that these books do not price. */
  line(line: BillLine): BilledLine {
    const { book, hash } = this.bookFor(line);
    const start = parseInterval(line.interval) ?? Number.NaN;
    const entry = entryAt(book, start);
    if (entry === undefined) throw new TariffError('tariff.noEntry', `${line.interval} has no entry`, '/interval');
    const computed = this.computed(line, book, entry, start);
    const differs = Object.entries(computed).flatMap(([field, value]) => {
      const claimed = (line as Readonly<Record<string, string | number | undefined>>)[field];
      return claimed === undefined || claimed === value
        ? []
        : [{ field, claimed: String(claimed), computed: String(value) }];
    });
    return { line, version: book.version, hash, computed, differs };
  }

  private bookFor({ tariffVersion, tariffHash: wanted }: BillLine): KnownBook {
    const known =
      tariffVersion === undefined ? this.books.at(-1) : this.books.find(({ book }) => book.version === tariffVersion);
    if (known === undefined)
      throw new TariffError(
        'tariff.otherVersion',
        `version ${tariffVersion ?? ''} is not among the books`,
        '/tariffVersion',
      );
    if (wanted !== undefined && wanted !== known.hash)
      throw new TariffError(
        'tariff.otherHash',
        `version ${known.book.version} has the hash ${known.hash}`,
        '/tariffHash',
      );
    return known;
  }

  private computed(
    line: BillLine,
    book: TariffBook,
    entry: TariffEntry,
    start: number,
  ): Readonly<Record<string, string | number>> {
    const wh = BigInt(line.quantityWh);
    const priced = (rate: number | undefined): { rate: number; amount: string } => {
      if (rate === undefined)
        throw new TariffError('tariff.noCalendar', `the year of ${line.interval} was not declared`, '/interval');
      return { rate, amount: amountOf(rate, wh).toString() };
    };
    switch (line.kind) {
      case 'trade':
        return this.trade(line, this.termsOf(line, book, entry, start));
      case 'surplus':
        return priced(surplusRateOf(entry));
      case 'topUp':
        return priced(topUpRateAt(entry, book.calendar, start));
      case 'retail': {
        const { schedule } = line;
        if (!entry.retail.some((row) => row.schedule === schedule))
          throw new TariffError('tariff.unknownSchedule', `there is no schedule ${schedule}`, '/schedule');
        const band = bandAt(entry, book.calendar, start);
        const { rate, amount: net } = priced(band === undefined ? undefined : retailRateIn(entry, schedule, band));
        const tax = entry.vat.on.includes('retail') ? (BigInt(net) * BigInt(entry.vat.rate)) / 10_000n : 0n;
        return { band: band ?? '', rate, amount: net, tax: tax.toString() };
      }
    }
  }

  private termsOf(
    { fromZone, toZone, interval: of }: Extract<BillLine, { kind: 'trade' }>,
    { calendar }: TariffBook,
    entry: TariffEntry,
    start: number,
  ): TariffTerms {
    const [from, to] = [fromZone, toZone].map((zone, i) => {
      const place = this.places.get(zone);
      if (place === undefined)
        throw new TariffError(
          'tariff.unknownZone',
          `the genesis has no zone ${zone}`,
          i === 0 ? '/fromZone' : '/toZone',
        );
      return place;
    }) as [ZonePlace, ZonePlace];
    const terms = termsIn(entry, calendar, { from, to, start });
    if (terms === undefined)
      throw new TariffError('tariff.noCalendar', `the year of ${of} was not declared`, '/interval');
    return terms;
  }

  /** SPEC tariffs 3, market 4: with whole numbers of any size, and none of the ledger's arithmetic. */
  private trade(line: Extract<BillLine, { kind: 'trade' }>, terms: TariffTerms): Readonly<Record<string, string>> {
    const wh = BigInt(line.quantityWh);
    const notional = BigInt(line.priceTicks) * wh * 10n;
    const grown = (order: string, { numerator, denominator }: TariffTerms['buyerFee']): bigint => {
      const before = this.notionals.get(order) ?? 0n;
      this.notionals.set(order, before + notional);
      const due = (of: bigint): bigint => (of * BigInt(numerator)) / BigInt(denominator);
      return due(before + notional) - due(before);
    };
    const part = (of: bigint, { numerator, denominator }: TariffTerms['taxPart']): bigint =>
      (of * BigInt(numerator)) / BigInt(denominator);
    const [buyerFee, sellerFee] = [grown(line.bid, terms.buyerFee), grown(line.ask, terms.sellerFee)];
    const charges = buyerFee + sellerFee;
    const wheeling = amountOf(terms.wheeling, wh);
    const fromOperator = amountOf(terms.wheelingFrom, wh);
    const platform = part(charges, terms.platformPart);
    const tax = part(charges, terms.taxPart) + amountOf(terms.wheelingTax, wh);
    const toOperator = charges + wheeling - fromOperator - platform - tax;
    const sums = { notional, buyerFee, sellerFee, wheeling, toOperator, fromOperator, platform, tax };
    return Object.fromEntries(Object.entries(sums).map(([name, value]) => [name, value.toString()]));
  }
}
