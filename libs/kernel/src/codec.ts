import { assert } from './assert.js';
import { fromUtf8, utf8 } from './bytes.js';

/** Bytes that are not what they claim to be. `code` is stable; `at` is the byte offset where reading stopped. */
export class DecodeError extends Error {
  constructor(
    readonly code: string,
    readonly at: number,
  ) {
    super(`${code} at byte ${at}`);
    this.name = 'DecodeError';
  }
}

const U64_MAX = Number.MAX_SAFE_INTEGER;
const I128_MAX = (1n << 127n) - 1n;

/**
 * Writes fixed-width big-endian fields: the canonical bytes that are hashed and signed. A number that does not fit its
 * field is a bug and never wraps: two values with the same bytes would have the same signature.
 */
export class ByteWriter {
  private buffer: Uint8Array;
  private length = 0;

  constructor(capacity = 256) {
    this.buffer = new Uint8Array(capacity);
  }

  /** Where the next bytes go. It may move the buffer, so ask before `this.buffer` is looked at. */
  private room(bytes: number): number {
    const at = this.length;
    this.length += bytes;
    if (this.length > this.buffer.length) {
      const grown = new Uint8Array(Math.max(this.length, this.buffer.length * 2));
      grown.set(this.buffer);
      this.buffer = grown;
    }
    return at;
  }

  private static check(value: number, max: number): void {
    // The message is made only when it is needed: this runs for each field of each row.
    if (!(Number.isInteger(value) && value >= 0 && value <= max))
      assert(false, `${value} does not fit a field of 0..${max}`);
  }

  /** A DataView would cost more than all it writes: most writers are made for one small thing. */
  private put32(at: number, value: number): void {
    const { buffer } = this;
    buffer[at] = value >>> 24;
    buffer[at + 1] = value >>> 16;
    buffer[at + 2] = value >>> 8;
    buffer[at + 3] = value;
  }

  u8(value: number): this {
    ByteWriter.check(value, 0xff);
    const at = this.room(1);
    this.buffer[at] = value;
    return this;
  }

  u16(value: number): this {
    ByteWriter.check(value, 0xffff);
    const at = this.room(2);
    this.buffer[at] = value >>> 8;
    this.buffer[at + 1] = value;
    return this;
  }

  u32(value: number): this {
    ByteWriter.check(value, 0xffff_ffff);
    const at = this.room(4);
    this.put32(at, value);
    return this;
  }

  /** An unsigned integer up to 2^53 - 1 in eight bytes. */
  u64(value: number): this {
    ByteWriter.check(value, U64_MAX);
    const at = this.room(8);
    this.put32(at, Math.floor(value / 0x1_0000_0000));
    this.put32(at + 4, value >>> 0);
    return this;
  }

  /** A signed 128-bit integer, two's complement: wide enough for any sum of money. */
  i128(value: bigint): this {
    const at = this.room(16);
    const small = Number(value);
    if (Number.isSafeInteger(small)) {
      // Nearly all sums are: a number is written several times as fast as a bigint.
      const sign = small < 0 ? 0xffff_ffff : 0;
      this.put32(at, sign);
      this.put32(at + 4, sign);
      this.put32(at + 8, Math.floor(small / 0x1_0000_0000));
      this.put32(at + 12, small >>> 0);
      return this;
    }
    if (value > I128_MAX || value < -I128_MAX - 1n) assert(false, `${value} does not fit 128 bits`);
    const view = new DataView(this.buffer.buffer);
    view.setBigInt64(at, value >> 64n);
    view.setBigUint64(at + 8, value & 0xffff_ffff_ffff_ffffn);
    return this;
  }

  /** Bytes whose length the reader knows. */
  fixed(bytes: Uint8Array): this {
    const at = this.room(bytes.length);
    this.buffer.set(bytes, at);
    return this;
  }

  /** Length (u32) and bytes. */
  bytes(bytes: Uint8Array): this {
    return this.u32(bytes.length).fixed(bytes);
  }

  /** Length (u32) and UTF-8. */
  text(text: string): this {
    return this.bytes(utf8(text));
  }

  done(): Uint8Array {
    // A full buffer is never written to again: whatever comes next moves to a larger one.
    if (this.length === this.buffer.length) return this.buffer;
    return this.buffer.slice(0, this.length);
  }
}

/** Reads what {@link ByteWriter} wrote; every read is bounded, every failure is a {@link DecodeError}. */
export class ByteReader {
  private at = 0;

  constructor(
    private readonly data: Uint8Array,
    private readonly name = 'bytes',
  ) {}

  /** A DataView would cost more than all that is read from a row. */
  private get32(at: number): number {
    const { data } = this;
    const low = ((data[at + 1] as number) << 16) | ((data[at + 2] as number) << 8) | (data[at + 3] as number);
    return (data[at] as number) * 0x100_0000 + low;
  }

  fail(what: string): never {
    throw new DecodeError(`${this.name}.${what}`, this.at);
  }

  private take(bytes: number): number {
    const at = this.at;
    if (bytes > this.data.length - at) this.fail('truncated');
    this.at += bytes;
    return at;
  }

  u8(): number {
    return this.data[this.take(1)] as number;
  }

  u16(): number {
    const at = this.take(2);
    return ((this.data[at] as number) << 8) | (this.data[at + 1] as number);
  }

  u32(): number {
    return this.get32(this.take(4));
  }

  u64(): number {
    const at = this.take(8);
    const high = this.get32(at);
    if (high >= 0x20_0000) this.fail('tooLarge');
    return high * 0x1_0000_0000 + this.get32(at + 4);
  }

  i128(): bigint {
    const at = this.take(16);
    const high = this.get32(at + 8);
    // Nearly all sums are safe integers: a number is read several times as fast as a bigint.
    if (high < 0x20_0000 && this.get32(at) === 0 && this.get32(at + 4) === 0)
      return BigInt(high * 0x1_0000_0000 + this.get32(at + 12));
    const view = new DataView(this.data.buffer, this.data.byteOffset + at, 16);
    return (view.getBigInt64(0) << 64n) | view.getBigUint64(8);
  }

  fixed(length: number): Uint8Array {
    const at = this.take(length);
    // A copy of its own: a Node Buffer's `slice` would be a view that pins, and changes with, the whole record.
    const out = new Uint8Array(length);
    out.set(this.data.subarray(at, at + length));
    return out;
  }

  bytes(max = 0xffff_ffff): Uint8Array {
    const length = this.u32();
    if (length > max) this.fail('tooLong');
    return this.fixed(length);
  }

  /** {@link bytes} without a copy: a view that pins all it was read from, for whoever lets go of it soon. */
  borrowed(max = 0xffff_ffff): Uint8Array {
    const length = this.u32();
    if (length > max) this.fail('tooLong');
    return this.borrowedFixed(length);
  }

  /** {@link fixed} without a copy, likewise. */
  borrowedFixed(length: number): Uint8Array {
    const at = this.take(length);
    return this.data.subarray(at, at + length);
  }

  text(max = 0xffff_ffff): string {
    const length = this.u32();
    if (length > max) this.fail('tooLong');
    const at = this.take(length);
    return fromUtf8(this.data, at, at + length) ?? this.fail('notUtf8');
  }

  /** A count of things of which each takes at least `least` bytes, so that a lie cannot make us allocate. */
  count(max: number, least = 1): number {
    const count = this.u32();
    if (count > max || count * least > this.data.length - this.at) this.fail('tooMany');
    return count;
  }

  get left(): number {
    return this.data.length - this.at;
  }

  end(): void {
    if (this.left !== 0) this.fail('trailingBytes');
  }
}
