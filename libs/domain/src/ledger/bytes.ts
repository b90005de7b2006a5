import { utf8 } from '@gridtokenx/kernel';
import type { Outcome } from '@gridtokenx/protocol';

const CHUNK_BYTES = 1024 * 1024;
/** No outcome that was written member by member is smaller in a chunk than this before a fresh one is begun. */
const LEAST_ROOM = 16 * 1024;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;

/** `"key":` of each member name there is. */
const keys = new Map<string, Uint8Array>();

/**
 * The bytes of the outcomes of one block, the same as `encodeOutcome` makes: JSON written straight into chunks that the
 * outcomes share, because ten thousand strings and small buffers cost more than what is in them.
 */
export class OutcomeBytes {
  private chunk = new Uint8Array(CHUNK_BYTES);
  private start = 0;
  private at = 0;

  of(outcome: Outcome): Uint8Array {
    if (this.chunk.length - this.at < LEAST_ROOM) this.fresh(CHUNK_BYTES, this.at);
    this.start = this.at;
    this.value(outcome);
    return this.chunk.subarray(this.start, this.at);
  }

  /** A new chunk, into which what was begun moves. */
  private fresh(length: number, from: number): void {
    const chunk = new Uint8Array(length);
    chunk.set(this.chunk.subarray(from, this.at));
    this.chunk = chunk;
    this.at -= from;
    this.start = 0;
  }

  private need(bytes: number): void {
    if (bytes > this.chunk.length - this.at)
      this.fresh(Math.max(CHUNK_BYTES, 2 * (this.at - this.start + bytes)), this.start);
  }

  private value(value: unknown): void {
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) return this.list(value);
    if (typeof value === 'object' && value !== null) return this.members(value as Readonly<Record<string, unknown>>);
    return this.raw(utf8(JSON.stringify(value)));
  }

  private list(values: readonly unknown[]): void {
    this.byte(0x5b);
    for (let i = 0; i < values.length; i++) {
      if (i > 0) this.byte(COMMA);
      this.value(values[i]);
    }
    this.byte(0x5d);
  }

  private members(object: Readonly<Record<string, unknown>>): void {
    this.byte(0x7b);
    let first = true;
    for (const name in object) {
      const value = object[name];
      if (value === undefined) continue;
      if (!first) this.byte(COMMA);
      first = false;
      let key = keys.get(name);
      if (key === undefined) keys.set(name, (key = utf8(`${JSON.stringify(name)}:`)));
      this.raw(key);
      if (typeof value === 'number') this.digits(value);
      else this.value(value);
    }
    this.byte(0x7d);
  }

  private byte(code: number): void {
    this.need(1);
    this.chunk[this.at++] = code;
  }

  private raw(bytes: Uint8Array): void {
    const { length } = bytes;
    this.need(length);
    const { chunk, at } = this;
    for (let i = 0; i < length; i++) chunk[at + i] = bytes[i] as number;
    this.at = at + length;
  }

  private digits(value: number): void {
    const text = JSON.stringify(value);
    this.need(text.length);
    for (let i = 0; i < text.length; i++) this.chunk[this.at++] = text.charCodeAt(i);
  }

  private text(text: string): void {
    const { length } = text;
    this.need(length + 2);
    const { chunk } = this;
    let { at } = this;
    chunk[at++] = QUOTE;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      // Whatever JSON would spell otherwise than it stands.
      if (code < 0x20 || code > 0x7e || code === QUOTE || code === BACKSLASH)
        return this.raw(utf8(JSON.stringify(text)));
      chunk[at++] = code;
    }
    chunk[at++] = QUOTE;
    this.at = at;
  }
}
