import { assert } from './assert.js';
import { utf8 } from './bytes.js';

/** What the encoder of a row may write: the canonical fields of `ByteWriter` (SPEC wire 1.1). */
export interface RowWriter {
  u8(value: number): this;
  u32(value: number): this;
  u64(value: number): this;
  i128(value: bigint): this;
  fixed(bytes: Uint8Array): this;
  text(text: string): this;
}

const CAPACITY = 64 * 1024;

/** The value of each lower-case hex digit by its code; of any other letter -1. */
const HEX_VALUES = new Int8Array(128).fill(-1);
for (let i = 0; i < 16; i++) HEX_VALUES['0123456789abcdef'.charCodeAt(i)] = i;

/**
 * The bytes of `ByteWriter` in one buffer that is used again for each row: a block hashes tens of thousands of rows, and
 * a buffer for each would cost more than its hash.
 */
export class ScratchWriter implements RowWriter {
  private buffer = new Uint8Array(CAPACITY);
  private view = new DataView(this.buffer.buffer);
  private length = 0;

  private room(bytes: number): number {
    const at = this.length;
    this.length = at + bytes;
    if (this.length > this.buffer.length) {
      const grown = new Uint8Array(Math.max(this.length, this.buffer.length * 2));
      grown.set(this.buffer);
      this.buffer = grown;
      this.view = new DataView(grown.buffer);
    }
    return at;
  }

  reset(): this {
    this.length = 0;
    return this;
  }

  /** Valid until the next write. */
  bytes(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }

  u8(value: number): this {
    const at = this.room(1);
    this.buffer[at] = value;
    return this;
  }

  u32(value: number): this {
    const at = this.room(4);
    this.view.setUint32(at, value);
    return this;
  }

  u64(value: number): this {
    const at = this.room(8);
    this.view.setUint32(at, Math.floor(value / 0x1_0000_0000));
    this.view.setUint32(at + 4, value >>> 0);
    return this;
  }

  i128(value: bigint): this {
    const at = this.room(16);
    this.view.setBigInt64(at, value >> 64n);
    this.view.setBigUint64(at + 8, value & 0xffff_ffff_ffff_ffffn);
    return this;
  }

  fixed(bytes: Uint8Array): this {
    const at = this.room(bytes.length);
    this.buffer.set(bytes, at);
    return this;
  }

  /** The bytes that lower-case hex digits, an even number of them, stand for: their count is known to the reader. */
  hex(text: string): this {
    const bytes = text.length >> 1;
    const at = this.room(bytes);
    const { buffer } = this;
    let seen = text.length & 1 ? -1 : 0;
    for (let i = 0; i < bytes; i++) {
      const high = HEX_VALUES[text.charCodeAt(2 * i)] ?? -1;
      const low = HEX_VALUES[text.charCodeAt(2 * i + 1)] ?? -1;
      // A letter that is no digit makes `seen` negative for good.
      seen |= high | low;
      buffer[at + i] = (high << 4) | low;
    }
    if (seen < 0) assert(false, 'an id is lower-case hex');
    return this;
  }

  /** The letters alone, of a text that is ASCII. */
  ascii(text: string): this {
    const at = this.room(text.length);
    const { buffer } = this;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) assert(false, 'the key of a row is ASCII');
      buffer[at + i] = code;
    }
    return this;
  }

  /** The bytes of which each letter is one. */
  letters(text: string): this {
    const at = this.room(text.length);
    const { buffer } = this;
    for (let i = 0; i < text.length; i++) buffer[at + i] = text.charCodeAt(i);
    return this;
  }

  text(text: string): this {
    const { length } = text;
    this.u32(length);
    const at = this.room(length);
    const { buffer } = this;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) {
        this.length = at - 4;
        const bytes = utf8(text);
        return this.u32(bytes.length).fixed(bytes);
      }
      buffer[at + i] = code;
    }
    return this;
  }
}
