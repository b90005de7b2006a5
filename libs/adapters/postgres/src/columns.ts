import { accountBytes, isHexAccount } from '@gridtokenx/protocol';

/**
 * Rows in PostgreSQL's binary form, written straight from ours: for COPY, which is the cheapest way in, and as arrays for
 * `unnest`, where a statement has to find its rows first. pg would write every value as text, and bytes as hex.
 */
const OID = { bytea: 17, int8: 20, int4: 23, text: 25, numeric: 1700, jsonb: 3802 } as const;
type ElementType = keyof typeof OID;

/** With which the binary form of a JSON value begins. */
const JSONB_VERSION = '\u0001';

export interface Column<Row> {
  readonly name: string;
  readonly type: ElementType;
  /** Writes the value, with its length before it. */
  readonly write: (out: Encoder, row: Row) => void;
}

const column =
  (type: ElementType) =>
  <Row>(name: string, write: (out: Encoder, row: Row) => void): Column<Row> => ({ name, type, write });

export const int8 = <Row>(name: string, of: (row: Row) => number | undefined): Column<Row> =>
  column('int8')(name, (out, row) => out.int8(of(row)));
export const int4 = <Row>(name: string, of: (row: Row) => number): Column<Row> =>
  column('int4')(name, (out, row) => out.int4(of(row)));
/** An id in hex, stored as its bytes. */
export const hex = <Row>(name: string, of: (row: Row) => string | undefined): Column<Row> =>
  column('bytea')(name, (out, row) => out.hex(of(row)));
/** An account of any ledger, stored as its bytes. The hex of the consortium is written without an array between. */
export const account = <Row>(name: string, of: (row: Row) => string | undefined): Column<Row> =>
  column('bytea')(name, (out, row) => {
    const id = of(row);
    if (id === undefined || isHexAccount(id)) out.hex(id);
    else out.bytes(accountBytes(id));
  });
const OPERATION_ID = /^[0-9a-f]{64}$/;
/** What something is held for: the id of an operation as its bytes, anything else as its text. */
export const heldFor = <Row>(name: string, of: (row: Row) => string): Column<Row> =>
  column('bytea')(name, (out, row) => {
    const id = of(row);
    if (OPERATION_ID.test(id)) out.hex(id);
    else out.text(id);
  });
/** A key id in base64url, stored as its 32 bytes. */
export const kid = <Row>(name: string, of: (row: Row) => string): Column<Row> =>
  column('bytea')(name, (out, row) => out.bytes(Buffer.from(of(row), 'base64url')));
/** A key id that may be missing. */
export const optionalKid = <Row>(name: string, of: (row: Row) => string | undefined): Column<Row> =>
  column('bytea')(name, (out, row) => {
    const key = of(row);
    out.bytes(key === undefined ? undefined : Buffer.from(key, 'base64url'));
  });
export const bytes = <Row>(name: string, of: (row: Row) => Uint8Array | undefined): Column<Row> =>
  column('bytea')(name, (out, row) => out.bytes(of(row)));
export const text = <Row>(name: string, of: (row: Row) => string | undefined): Column<Row> =>
  column('text')(name, (out, row) => out.text(of(row)));
/** Minor units as a decimal string. */
export const amount = <Row>(name: string, of: (row: Row) => string): Column<Row> =>
  column('numeric')(name, (out, row) => out.numeric(of(row)));
/** The same, that may be missing. */
export const optionalAmount = <Row>(name: string, of: (row: Row) => bigint | undefined): Column<Row> =>
  column('numeric')(name, (out, row) => {
    const value = of(row);
    if (value === undefined) out.bytes(undefined);
    else out.numeric(value.toString());
  });
export const json = <Row>(name: string, of: (row: Row) => object | undefined): Column<Row> =>
  column('jsonb')(name, (out, row) => {
    const value = of(row);
    out.bytes(value === undefined ? undefined : Buffer.from(`${JSONB_VERSION}${JSON.stringify(value)}`));
  });
/** An array of text; only for COPY, since `unnest` takes nested arrays apart. */
export const words = <Row>(name: string, of: (row: Row) => readonly string[]): Column<Row> =>
  column('text')(name, (out, row) => out.words(of(row)));

const COPY_SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');

/** The stream of `COPY ... FROM STDIN (FORMAT binary)`. */
export function copyData<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): Buffer {
  const out = new Encoder(rows.length * columns.length * 24);
  out.raw(COPY_SIGNATURE);
  for (const row of rows) {
    out.int16(columns.length);
    for (const { write } of columns) write(out, row);
  }
  out.int16(-1);
  return out.done();
}

/** One column of the rows as an array. */
export function arrayOf<Row>({ type, write }: Column<Row>, rows: readonly Row[]): Buffer {
  const out = new Encoder(rows.length * 24);
  out.arrayHeader(OID[type], rows.length);
  for (const row of rows) write(out, row);
  return out.done();
}

const NULL = -1;
const HEX_VALUES = new Uint8Array(128);
for (let value = 0; value < 16; value++) HEX_VALUES[value.toString(16).charCodeAt(0)] = value;

export class Encoder {
  private buffer: Buffer;
  private at = 0;

  constructor(capacity: number) {
    this.buffer = Buffer.allocUnsafe(Math.max(capacity, 256));
  }

  done(): Buffer {
    return this.buffer.subarray(0, this.at);
  }

  private room(size: number): number {
    const at = this.at;
    this.at += size;
    if (this.at > this.buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.at, this.buffer.length * 2));
      this.buffer.copy(grown, 0, 0, at);
      this.buffer = grown;
    }
    return at;
  }

  private put32(at: number, value: number): void {
    const { buffer } = this;
    buffer[at] = value >>> 24;
    buffer[at + 1] = value >>> 16;
    buffer[at + 2] = value >>> 8;
    buffer[at + 3] = value;
  }

  private length(length: number): void {
    this.put32(this.room(4), length);
  }

  raw(value: Uint8Array): void {
    // Room first: it may replace the buffer.
    const at = this.room(value.length);
    this.buffer.set(value, at);
  }

  int16(value: number): void {
    const at = this.room(2);
    this.buffer[at] = value >> 8;
    this.buffer[at + 1] = value;
  }

  int4(value: number): void {
    const at = this.room(8);
    this.put32(at, 4);
    this.put32(at + 4, value);
  }

  int8(value: number | undefined): void {
    if (value === undefined) return this.length(NULL);
    const at = this.room(12);
    this.put32(at, 8);
    this.put32(at + 4, Math.floor(value / 0x1_0000_0000));
    this.put32(at + 8, value >>> 0);
  }

  bytes(value: Uint8Array | undefined): void {
    if (value === undefined) return this.length(NULL);
    this.length(value.length);
    this.raw(value);
  }

  hex(value: string | undefined): void {
    if (value === undefined) return this.length(NULL);
    const length = value.length >> 1;
    this.length(length);
    const at = this.room(length);
    const { buffer } = this;
    for (let i = 0; i < length; i++) {
      const high = HEX_VALUES[value.charCodeAt(2 * i)] ?? 0;
      buffer[at + i] = (high << 4) | (HEX_VALUES[value.charCodeAt(2 * i + 1)] ?? 0);
    }
  }

  text(value: string | undefined): void {
    if (value === undefined) return this.length(NULL);
    const start = this.at;
    this.length(value.length);
    const at = this.room(value.length);
    const { buffer } = this;
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code >= 0x80) {
        this.at = start; // Not ASCII, which no word of the ledger is: the long way.
        return this.bytes(Buffer.from(value));
      }
      buffer[at + i] = code;
    }
  }

  /** Groups of four decimal digits, the first with the weight of its power of 10,000. */
  numeric(value: string): void {
    const negative = value.charCodeAt(0) === 45;
    const from = negative ? 1 : 0;
    const digits = value.length - from;
    const groups = value === '0' ? 0 : (digits + 3) >> 2;
    const at = this.room(4 + 8 + 2 * groups);
    this.put32(at, 8 + 2 * groups);
    this.put16(at + 4, groups);
    this.put16(at + 6, groups === 0 ? 0 : groups - 1);
    this.put16(at + 8, negative ? 0x4000 : 0);
    this.put16(at + 10, 0); // digits after the point
    let next = from;
    let size = digits - 4 * (groups - 1);
    for (let group = 0; group < groups; group++) {
      let sum = 0;
      for (const end = next + size; next < end; next++) sum = sum * 10 + (value.charCodeAt(next) - 48);
      this.put16(at + 12 + 2 * group, sum);
      size = 4;
    }
  }

  private put16(at: number, value: number): void {
    this.buffer[at] = value >> 8;
    this.buffer[at + 1] = value;
  }

  words(values: readonly string[]): void {
    const start = this.room(4);
    this.arrayHeader(OID.text, values.length);
    for (const value of values) this.text(value);
    this.put32(start, this.at - start - 4);
  }

  arrayHeader(elementOid: number, length: number): void {
    const at = this.room(length === 0 ? 12 : 20);
    this.put32(at, length === 0 ? 0 : 1); // dimensions
    this.put32(at + 4, 0); // The server finds out by itself whether there are nulls.
    this.put32(at + 8, elementOid);
    if (length === 0) return;
    this.put32(at + 12, length);
    this.put32(at + 16, 1); // lower bound
  }
}
