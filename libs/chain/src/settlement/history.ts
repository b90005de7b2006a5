import type { Crypto } from '@gridtokenx/crypto';
import { assert, ByteReader, ScratchWriter, toHex, unreachable } from '@gridtokenx/kernel';
import { ENERGY_WH_MAX, PRICE_TICKS_MAX } from '@gridtokenx/protocol';

/**
 * The history of one position, which is an account in a zone and a delivery interval: all that its settlement is computed from, in the
 * order in which the ledger learned of it. Energy in Wh, money in micro-WATT, rates in 0.0001 THB/kWh, prices in ticks of
 * 0.01 THB/kWh; all whole.
 */
export type HistoryEntry = ReadingEntry | TradeEntry | DeliveryEntry | TariffEntry;

/** What one meter measured; a later one of the same meter stands in its place. */
export interface ReadingEntry {
  readonly kind: 'reading';
  readonly meter: string;
  /** From 1, per meter and interval. */
  readonly version: number;
  readonly quality: (typeof READING_QUALITIES)[number];
  readonly consumedWh: number;
  readonly producedWh: number;
}

/**
 * A match, or what is left of one that was cut, in its place: nothing at 0 Wh. In the histories of its buyer (in `toZone`) and of its seller (in `fromZone`); the two differ. What the two
 * are charged is what the four payees get: buyerFee + sellerFee + wheeling = toOperator + fromOperator + platform + tax.
 */
export interface TradeEntry {
  readonly kind: 'trade';
  readonly trade: number;
  readonly phase: (typeof TRADE_PHASES)[number];
  readonly bid: string;
  readonly ask: string;
  readonly buyer: string;
  readonly seller: string;
  readonly fromZone: string;
  readonly toZone: string;
  readonly priceTicks: number;
  readonly quantityWh: number;
  readonly buyerFee: number;
  readonly sellerFee: number;
  /** Paid by the buyer, its tax included. */
  readonly wheeling: number;
  readonly toOperator: number;
  readonly fromOperator: number;
  readonly platform: number;
  readonly tax: number;
  readonly tariffVersion: number;
  readonly tariffHash: string;
}

/**
 * What the seller's meters gave for a trade, and what the operator of the delivery zone asks for the rest of it: of a forward trade at
 * settlement, of any whose delivery changes in a correction. A spot trade without one was delivered whole.
 */
export interface DeliveryEntry {
  readonly kind: 'delivery';
  readonly trade: number;
  readonly deliveredWh: number;
  readonly topUpRate: number;
}

/** What the imbalance of the position is settled by: at settlement, and again where a correction changes it. */
export interface TariffEntry {
  readonly kind: 'tariff';
  readonly version: number;
  readonly hash: string;
  /** Of the position's own zone: of ordinary supply, for information. */
  readonly topUpRate: number;
  readonly surplusRate: number;
  readonly allocation: (typeof ALLOCATIONS)[number];
}

export const READING_QUALITIES = ['actual', 'estimated'] as const;
export const TRADE_PHASES = ['spot', 'forward'] as const;
/** How what was delivered is shared among sales, and what was used among purchases. */
export const ALLOCATIONS = ['fifo', 'proRata'] as const;

const READING = 1;
const TRADE = 2;
const DELIVERY = 3;
const TARIFF = 4;

/** Before the first entry. */
export const EMPTY_CHAIN: Uint8Array = new Uint8Array(32);
const CHAIN_BYTES = 32;
const ACCOUNT_BYTES = 16;
const ID_BYTES = 32;
const RATE_MAX = 1_000_000_000;
const ZONE = /^[A-Z0-9][A-Z0-9-]{1,31}$/;

/** SPEC settlement 1.2: the canonical bytes of an entry; no entry's are the beginning of another's. */
export function encodeEntry(writer: ScratchWriter, entry: HistoryEntry): void {
  switch (entry.kind) {
    case 'reading':
      writer
        .u8(READING)
        .hex(entry.meter)
        .u32(entry.version)
        .u8(entry.quality === 'actual' ? 0 : 1)
        .u64(entry.consumedWh)
        .u64(entry.producedWh);
      return;
    case 'trade':
      writer
        .u8(TRADE)
        .u64(entry.trade)
        .u8(entry.phase === 'spot' ? 0 : 1)
        .hex(entry.bid)
        .hex(entry.ask)
        .hex(entry.buyer)
        .hex(entry.seller)
        .u8(entry.fromZone.length)
        .ascii(entry.fromZone)
        .u8(entry.toZone.length)
        .ascii(entry.toZone)
        .u32(entry.priceTicks)
        .u64(entry.quantityWh)
        .u64(entry.buyerFee)
        .u64(entry.sellerFee)
        .u64(entry.wheeling)
        .u64(entry.toOperator)
        .u64(entry.fromOperator)
        .u64(entry.platform)
        .u64(entry.tax)
        .u32(entry.tariffVersion)
        .hex(entry.tariffHash);
      return;
    case 'delivery':
      writer.u8(DELIVERY).u64(entry.trade).u64(entry.deliveredWh).u32(entry.topUpRate);
      return;
    case 'tariff':
      writer
        .u8(TARIFF)
        .u32(entry.version)
        .hex(entry.hash)
        .u32(entry.topUpRate)
        .u32(entry.surplusRate)
        .u8(entry.allocation === 'fifo' ? 0 : 1);
      return;
    default:
      unreachable(entry);
  }
}

function within(reader: ByteReader, value: number, least: number, most: number): number {
  return value < least || value > most ? reader.fail('range') : value;
}

function pick<T>(reader: ByteReader, names: readonly T[]): T {
  return names[reader.u8()] ?? reader.fail('name');
}

function readZone(reader: ByteReader): string {
  const letters = reader.borrowedFixed(reader.u8());
  const zone = String.fromCharCode(...letters);
  return ZONE.test(zone) ? zone : reader.fail('zone');
}

const readHex = (reader: ByteReader, bytes: number): string => toHex(reader.borrowedFixed(bytes));

/** The next entry, of whose bytes there is one spelling. Throws DecodeError. */
export function decodeEntry(reader: ByteReader): HistoryEntry {
  switch (reader.u8()) {
    case READING:
      return {
        kind: 'reading',
        meter: readHex(reader, ACCOUNT_BYTES),
        version: within(reader, reader.u32(), 1, Infinity),
        quality: pick(reader, READING_QUALITIES),
        consumedWh: within(reader, reader.u64(), 0, ENERGY_WH_MAX),
        producedWh: within(reader, reader.u64(), 0, ENERGY_WH_MAX),
      };
    case TRADE:
      return decodeTrade(reader);
    case DELIVERY:
      return {
        kind: 'delivery',
        trade: within(reader, reader.u64(), 1, Infinity),
        deliveredWh: within(reader, reader.u64(), 0, ENERGY_WH_MAX),
        topUpRate: within(reader, reader.u32(), 0, RATE_MAX),
      };
    case TARIFF:
      return {
        kind: 'tariff',
        version: within(reader, reader.u32(), 1, Infinity),
        hash: readHex(reader, ID_BYTES),
        topUpRate: within(reader, reader.u32(), 0, RATE_MAX),
        surplusRate: within(reader, reader.u32(), 0, RATE_MAX),
        allocation: pick(reader, ALLOCATIONS),
      };
    default:
      return reader.fail('kind');
  }
}

function decodeTrade(reader: ByteReader): TradeEntry {
  const entry: TradeEntry = {
    kind: 'trade',
    trade: within(reader, reader.u64(), 1, Infinity),
    phase: pick(reader, TRADE_PHASES),
    bid: readHex(reader, ID_BYTES),
    ask: readHex(reader, ID_BYTES),
    buyer: readHex(reader, ACCOUNT_BYTES),
    seller: readHex(reader, ACCOUNT_BYTES),
    fromZone: readZone(reader),
    toZone: readZone(reader),
    priceTicks: within(reader, reader.u32(), 1, PRICE_TICKS_MAX),
    quantityWh: within(reader, reader.u64(), 0, ENERGY_WH_MAX),
    buyerFee: reader.u64(),
    sellerFee: reader.u64(),
    wheeling: reader.u64(),
    toOperator: reader.u64(),
    fromOperator: reader.u64(),
    platform: reader.u64(),
    tax: reader.u64(),
    tariffVersion: within(reader, reader.u32(), 1, Infinity),
    tariffHash: readHex(reader, ID_BYTES),
  };
  if (entry.buyer === entry.seller) reader.fail('ownTrade');
  return isBalanced(entry) ? entry : reader.fail('unbalanced');
}

/** Whether what the two are charged is what the four get: sums of two and of three safe integers are compared exactly. */
function isBalanced(t: TradeEntry): boolean {
  const charged = BigInt(t.buyerFee) + BigInt(t.sellerFee) + BigInt(t.wheeling);
  return charged === BigInt(t.toOperator) + BigInt(t.fromOperator) + BigInt(t.platform) + BigInt(t.tax);
}

/** All entries of a history, from the bytes of one after the other. Throws DecodeError `history.*`. */
export function decodeHistory(bytes: Uint8Array): HistoryEntry[] {
  const reader = new ByteReader(bytes, 'history');
  const entries: HistoryEntry[] = [];
  while (reader.left > 0) entries.push(decodeEntry(reader));
  return entries;
}

export function encodeHistory(entries: readonly HistoryEntry[]): Uint8Array {
  scratch.reset();
  for (const entry of entries) encodeEntry(scratch, entry);
  return scratch.bytes().slice();
}

const scratch = new ScratchWriter();

/** SPEC settlement 1.3: the chain (32 bytes) with one more entry: SHA-256 of the chain so far and the entry's bytes. */
export function foldEntry(crypto: Crypto, chain: Uint8Array, entry: HistoryEntry): Uint8Array {
  assert(chain.length === CHAIN_BYTES, 'a chain is a hash');
  encodeEntry(scratch.reset().fixed(chain), entry);
  return crypto.sha256(scratch.bytes());
}

/** {@link foldEntry} of one entry onto two chains, as a trade's: it is encoded once. */
export function foldIntoBoth(
  crypto: Crypto,
  one: Uint8Array,
  other: Uint8Array,
  entry: HistoryEntry,
): readonly [Uint8Array, Uint8Array] {
  const first = foldEntry(crypto, one, entry);
  assert(other.length === CHAIN_BYTES, 'a chain is a hash');
  const bytes = scratch.bytes();
  bytes.set(other);
  return [first, crypto.sha256(bytes)];
}

export function foldHistory(crypto: Crypto, entries: readonly HistoryEntry[]): Uint8Array {
  return entries.reduce((chain, entry) => foldEntry(crypto, chain, entry), EMPTY_CHAIN);
}
