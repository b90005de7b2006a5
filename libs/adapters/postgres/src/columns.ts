/**
 * Columns of many rows as one parameter each: arrays in PostgreSQL's binary form, which `unnest` turns into rows. pg would
 * write arrays as text, escape each element and spell each byte as two digits; this is what makes a large block cheap.
 */
const OID = { bytea: 17, int8: 20, int4: 23, text: 25 } as const;
type ElementType = keyof typeof OID;
const HEADER_BYTES = 20;

export interface Column<Row> {
  readonly name: string;
  /** Of the parameter's elements. */
  readonly type: ElementType;
  /** What the statement makes of an element, when the column has another type. */
  readonly expression: (element: string) => string;
  readonly encode: (rows: readonly Row[]) => Buffer;
}

type Numeric = number | undefined;

export const int8 = <Row>(name: string, of: (row: Row) => Numeric): Column<Row> =>
  fixed(name, 'int8', 8, of, (out, at, value) => {
    out.writeInt32BE(Math.floor(value / 0x1_0000_0000), at);
    out.writeUInt32BE(value >>> 0, at + 4);
  });

export const int4 = <Row>(name: string, of: (row: Row) => number): Column<Row> =>
  fixed(name, 'int4', 4, of, (out, at, value) => out.writeInt32BE(value, at));

/** An id in hex, stored as its bytes. */
export const hex = <Row>(name: string, of: (row: Row) => string | undefined): Column<Row> =>
  sized(
    name,
    'bytea',
    of,
    (value) => value.length / 2,
    (out, at, value) => out.write(value, at, 'hex'),
  );

/** A key id in base64url, stored as its 32 bytes. */
export const kid = <Row>(name: string, of: (row: Row) => string): Column<Row> =>
  sized(
    name,
    'bytea',
    of,
    (value) => Math.floor((value.length * 3) / 4),
    (out, at, value) => out.write(value, at, 'base64url'),
  );

export const bytes = <Row>(name: string, of: (row: Row) => Uint8Array | undefined): Column<Row> =>
  sized(
    name,
    'bytea',
    of,
    (value) => value.byteLength,
    (out, at, value) => out.set(value, at),
  );

export const text = <Row>(name: string, of: (row: Row) => string | undefined): Column<Row> =>
  sized(
    name,
    'text',
    of,
    (value) => Buffer.byteLength(value),
    (out, at, value) => out.write(value, at),
  );

/** Minor units: their text is cast by the server, whose own form of a numeric is not worth building here. */
export const amount = <Row>(name: string, of: (row: Row) => string): Column<Row> => ({
  ...text(name, of),
  expression: (element) => `${element}::numeric`,
});

/** Words without commas. */
export const words = <Row>(name: string, of: (row: Row) => readonly string[]): Column<Row> => ({
  ...text<Row>(name, (row) => of(row).join(',')),
  expression: (element) => `string_to_array(${element}, ',')`,
});

const itself = (element: string): string => element;

function fixed<Row>(
  name: string,
  type: ElementType,
  width: number,
  of: (row: Row) => Numeric,
  write: (out: Buffer, at: number, value: number) => void,
): Column<Row> {
  return {
    name,
    type,
    expression: itself,
    encode(rows) {
      const out = Buffer.allocUnsafe(HEADER_BYTES + rows.length * (4 + width));
      let hasNulls = false;
      let at = HEADER_BYTES;
      for (const row of rows) {
        const value = of(row);
        if (value === undefined) {
          hasNulls = true;
          at = out.writeInt32BE(-1, at);
          continue;
        }
        at = out.writeInt32BE(width, at);
        write(out, at, value);
        at += width;
      }
      writeHeader(out, type, rows.length, hasNulls);
      return out.subarray(0, at);
    },
  };
}

function sized<Row, Value>(
  name: string,
  type: ElementType,
  of: (row: Row) => Value | undefined,
  sizeOf: (value: Value) => number,
  write: (out: Buffer, at: number, value: Value) => void,
): Column<Row> {
  return {
    name,
    type,
    expression: itself,
    encode(rows) {
      let size = HEADER_BYTES;
      let hasNulls = false;
      const values = rows.map((row) => {
        const value = of(row);
        size += 4;
        if (value === undefined) hasNulls = true;
        else size += sizeOf(value);
        return value;
      });
      const out = Buffer.allocUnsafe(size);
      let at = HEADER_BYTES;
      for (const value of values) {
        const length = value === undefined ? -1 : sizeOf(value);
        at = out.writeInt32BE(length, at);
        if (value === undefined) continue;
        write(out, at, value);
        at += length;
      }
      writeHeader(out, type, rows.length, hasNulls);
      return out;
    },
  };
}

function writeHeader(out: Buffer, type: ElementType, length: number, hasNulls: boolean): void {
  out.writeInt32BE(1, 0); // dimensions
  out.writeInt32BE(hasNulls ? 1 : 0, 4);
  out.writeInt32BE(OID[type], 8);
  out.writeInt32BE(length, 12);
  out.writeInt32BE(1, 16); // lower bound
}
