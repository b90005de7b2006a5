import { describe, expect, it } from '@jest/globals';
import { native } from '@gridtokenx/crypto-native';
import { noble } from '@gridtokenx/crypto';
import { ByteReader, concatBytes, DecodeError, ScratchWriter, toHex } from '@gridtokenx/kernel';
import fc from 'fast-check';
import {
  decodeEntry,
  decodeHistory,
  EMPTY_CHAIN,
  encodeEntry,
  encodeHistory,
  foldEntry,
  foldHistory,
  foldIntoBoth,
  type HistoryEntry,
  type TradeEntry,
} from './history.js';

const hex = (bytes: number): fc.Arbitrary<string> =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((array) => toHex(array));
const energy = fc.integer({ min: 0, max: 1_000_000_000_000 });
const money = fc.integer({ min: 0, max: 4_000_000_000_000_000 });
const rate = fc.integer({ min: 0, max: 1_000_000_000 });
const version = fc.integer({ min: 1, max: 0xffff_ffff });
const number = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const zone = fc.stringMatching(/^[A-Z0-9][A-Z0-9-]{1,31}$/);
const reading: fc.Arbitrary<HistoryEntry> = fc.record({
  kind: fc.constant('reading'),
  meter: hex(16),
  version,
  quality: fc.constantFrom('actual', 'estimated'),
  consumedWh: energy,
  producedWh: energy,
});
const trade: fc.Arbitrary<TradeEntry> = fc
  .record({
    kind: fc.constant('trade'),
    trade: number,
    phase: fc.constantFrom('spot', 'forward'),
    bid: hex(32),
    ask: hex(32),
    buyer: hex(16),
    seller: hex(16),
    fromZone: zone,
    toZone: zone,
    priceTicks: fc.integer({ min: 1, max: 1_000_000 }),
    quantityWh: fc.integer({ min: 1, max: 1_000_000_000_000 }),
    buyerFee: fc.constant(0),
    sellerFee: fc.constant(0),
    wheeling: fc.constant(0),
    toOperator: fc.integer({ min: 0, max: 1_000_000_000_000 }),
    fromOperator: fc.integer({ min: 0, max: 1_000_000_000_000 }),
    platform: fc.integer({ min: 0, max: 1_000_000_000_000 }),
    tax: money.map((amount) => amount % 1_000_000_000_000),
    tariffVersion: version,
    tariffHash: hex(32),
  } as const)
  .filter(({ buyer, seller }) => buyer !== seller)
  .map((entry) => ({
    ...entry,
    buyerFee: entry.toOperator + entry.platform,
    wheeling: entry.fromOperator + entry.tax,
  }));
const delivery: fc.Arbitrary<HistoryEntry> = fc.record({
  kind: fc.constant('delivery'),
  trade: number,
  deliveredWh: energy,
  topUpRate: rate,
});
const tariff: fc.Arbitrary<HistoryEntry> = fc.record({
  kind: fc.constant('tariff'),
  version,
  hash: hex(32),
  topUpRate: rate,
  surplusRate: rate,
  allocation: fc.constantFrom('fifo', 'proRata'),
});
const entry = fc.oneof(reading, trade, delivery, tariff);

const bytesOf = (it: HistoryEntry): Uint8Array => {
  const writer = new ScratchWriter();
  encodeEntry(writer, it);
  return writer.bytes();
};

const readOrRefused = (bytes: Uint8Array): HistoryEntry[] | undefined => {
  try {
    return decodeHistory(bytes);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
};

describe('the history of a position', () => {
  it('is read as it was written, and its bytes have one spelling', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 6 }), (entries) => {
        const bytes = encodeHistory(entries);
        expect(decodeHistory(bytes)).toEqual(entries);
        expect(bytes).toEqual(concatBytes(...entries.map((each) => bytesOf(each))));
      }),
    );
  });

  it('has entries of which none begins another', () => {
    fc.assert(
      fc.property(entry, entry, (a, b) => {
        const [long, short] = [bytesOf(a), bytesOf(b)];
        fc.pre(long.length > short.length);
        expect(toHex(long).startsWith(toHex(short))).toBe(false);
      }),
    );
  });

  it('cut short, with a byte changed or bytes after it, is refused or is another history', () => {
    fc.assert(
      fc.property(entry, fc.nat(), fc.integer({ min: 1, max: 255 }), (it, where, by) => {
        const bytes = bytesOf(it);
        expect(() => decodeHistory(bytes.subarray(0, bytes.length - 1))).toThrow(DecodeError);
        expect(() => decodeHistory(concatBytes(bytes, Uint8Array.of(0)))).toThrow(DecodeError);
        const changed = bytes.slice();
        changed[where % bytes.length] = (changed[where % bytes.length] ?? 0) ^ by;
        const read = readOrRefused(changed);
        fc.pre(read !== undefined);
        expect(encodeHistory(read)).toEqual(changed);
        expect(foldHistory(native, read)).not.toEqual(foldHistory(native, [it]));
      }),
    );
  });

  it('never holds a trade with itself, or one whose charges are not what its payees get', () => {
    fc.assert(
      fc.property(trade, (it) => {
        const refused = (broken: TradeEntry): void => {
          expect(() => decodeEntry(new ByteReader(bytesOf(broken)))).toThrow(DecodeError);
        };
        refused({ ...it, seller: it.buyer });
        refused({ ...it, tax: it.tax + 1 });
      }),
    );
  });

  it('is folded by order, from nothing, the same by both implementations of the hash', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 4 }), entry, (entries, last) => {
        const chain = foldHistory(native, entries);
        const after = foldEntry(native, chain, last);
        expect(after).toEqual(native.sha256(concatBytes(chain, bytesOf(last))));
        expect(after).toEqual(foldHistory(noble, [...entries, last]));
        expect(foldIntoBoth(native, EMPTY_CHAIN, chain, last)).toEqual([foldEntry(native, EMPTY_CHAIN, last), after]);
      }),
    );
    expect(foldHistory(native, [])).toEqual(new Uint8Array(32));
  });

  it('is written of ids in lower-case hex only', () => {
    const it: HistoryEntry = {
      kind: 'reading',
      meter: 'F'.repeat(32),
      version: 1,
      quality: 'actual',
      consumedWh: 0,
      producedWh: 0,
    };
    expect(() => bytesOf(it)).toThrow('lower-case hex');
  });
});
