import type pg from 'pg';

/** One row of a chunk: `(record_offset int8, stored_ms int8, next_offset int8, value bytea)`. */
export interface CopiedRow {
  readonly offset: number;
  readonly storedMs: number;
  readonly nextOffset: number;
  readonly value: Uint8Array;
}

/**
 * Reads rows by COPY in its binary format. The parser of pg makes a UTF-8 string of every column, so a bytea comes as
 * hex, twice its size, and `binary: true` breaks bytes above 127; only COPY data arrives as bytes.
 */
export function copyRows(client: pg.ClientBase, query: string): Promise<CopiedRow[]> {
  return new Promise((resolve, reject) => {
    client.query(
      new CopyOut(`copy (${query}) to stdout (format binary)`, (error, bytes) => {
        if (error !== null) return reject(error);
        try {
          resolve(parseRows(bytes));
        } catch (broken) {
          reject(broken);
        }
      }),
    );
  });
}

/** What pg asks of an own kind of query; its handlers are called by name. */
class CopyOut {
  private readonly chunks: Buffer[] = [];
  /** pg wraps it, to add its timeout. */
  callback: (error: Error | null) => void;

  constructor(
    private readonly text: string,
    done: (error: Error | null, bytes: Buffer) => void,
  ) {
    this.callback = (error) => done(error, Buffer.concat(this.chunks));
  }

  submit(connection: pg.Connection): void {
    connection.query(this.text);
  }

  handleCopyData({ chunk }: { readonly chunk: Buffer }): void {
    this.chunks.push(Buffer.from(chunk)); // pg uses the memory behind the chunk again.
  }

  handleError(error: Error): void {
    this.chunks.length = 0;
    this.callback(error);
  }

  handleReadyForQuery(): void {
    this.callback(null);
  }

  handleCommandComplete(): void {}
  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleEmptyQuery(): void {}
}

const SIGNATURE_BYTES = 11;
const HEADER_BYTES = SIGNATURE_BYTES + 8;
const COLUMNS = 4;
const FIXED_BYTES = 2 + 3 * (4 + 8) + 4;

function parseRows(bytes: Buffer): CopiedRow[] {
  const rows: CopiedRow[] = [];
  for (let at = HEADER_BYTES; ;) {
    const columns = bytes.readInt16BE(at);
    if (columns === -1) return rows;
    if (columns !== COLUMNS) throw new Error(`COPY gave ${columns} columns`);
    const end = at + FIXED_BYTES + bytes.readInt32BE(at + FIXED_BYTES - 4);
    rows.push({
      offset: Number(bytes.readBigInt64BE(at + 6)),
      storedMs: Number(bytes.readBigInt64BE(at + 18)),
      nextOffset: Number(bytes.readBigInt64BE(at + 30)),
      value: bytes.subarray(at + FIXED_BYTES, end),
    });
    at = end;
  }
}
