import type { BucketRows } from '@gridtokenx/chain';
import type { Crypto, Hash } from '@gridtokenx/crypto';
import { assert, DecodeError } from '@gridtokenx/kernel';
import type { LedgerIdentity } from '@gridtokenx/protocol';
import { beginRestoredLedger, type Ledger, type RestoredLedger } from './engine.js';
import { decodeRow } from './rows.js';
import type { AnyTable, Cell } from './store.js';

/** Rows that are put in place at one go, so that the journal stays short. */
const ROWS_AT_ONCE = 10_000;
const CHUNK_BYTES = 1024 * 1024;

/** Rows that wait for others, as bytes next to each other: as objects they would take several times as much. */
class WaitingRows {
  readonly cells: Cell<unknown>[] = [];
  private readonly chunks: Uint8Array[] = [];
  private readonly ends: number[] = [];

  add(cell: Cell<unknown>, row: Uint8Array): void {
    let chunk = this.chunks.at(-1);
    let start = this.ends.at(-1) ?? 0;
    if (chunk === undefined || start + row.length > chunk.length) {
      chunk = new Uint8Array(Math.max(CHUNK_BYTES, row.length));
      start = 0;
    }
    chunk.set(row, start);
    this.cells.push(cell);
    this.chunks.push(chunk);
    this.ends.push(start + row.length);
  }

  row(index: number): Uint8Array {
    const chunk = this.chunks[index] as Uint8Array;
    const start = index > 0 && this.chunks[index - 1] === chunk ? (this.ends[index - 1] as number) : 0;
    return chunk.subarray(start, this.ends[index]);
  }
}

/** A bucket of the checkpoint tree, in key order, hashed by who has checked it against a certified root. */
export interface RestoredBucket {
  readonly bucket: number;
  readonly keys: readonly string[];
  readonly rows: readonly Uint8Array[];
  readonly hashed: BucketRows;
  readonly leaf: Hash;
}

/**
 * SPEC ledger 6.3: a ledger from the rows of a checkpoint. It runs on as the ledger would that those rows are of: the same
 * digests, the same indexes, the same outcomes.
 */
export class LedgerRestore {
  private readonly ledger: RestoredLedger;
  private readonly tables: ReadonlyMap<string, AnyTable<unknown, unknown>>;
  private readonly waiting = new Map<AnyTable<unknown, unknown>, WaitingRows>();
  private placed = 0;

  constructor(crypto: Crypto, identity: LedgerIdentity) {
    this.ledger = beginRestoredLedger(crypto, identity);
    this.tables = new Map(this.ledger.state.store.tables.map((table) => [table.name, table]));
  }

  /** Throws DecodeError `row.*`. */
  add({ bucket, keys, rows, hashed, leaf }: RestoredBucket): void {
    const cells = keys.map((key, i) => {
      const slash = key.indexOf('/');
      const table = this.tables.get(key.slice(0, slash));
      if (table === undefined) throw new DecodeError('row.unknownTable', 0);
      const cell = table.cell(key.slice(slash + 1));
      this.take(table, cell, rows[i] as Uint8Array);
      return cell;
    });
    this.ledger.checkpoints.load(bucket, cells, hashed, leaf);
  }

  private take(table: AnyTable<unknown, unknown>, cell: Cell<unknown>, row: Uint8Array): void {
    if (table.options.restoreOrder === undefined) return this.place(cell, decodeRow(table, row));
    let waiting = this.waiting.get(table);
    if (waiting === undefined) this.waiting.set(table, (waiting = new WaitingRows()));
    waiting.add(cell, row);
  }

  private place(cell: Cell<unknown>, value: unknown): void {
    const { store } = this.ledger.state;
    store.change(cell, value);
    if (++this.placed % ROWS_AT_ONCE === 0) store.endBlock();
  }

  private placeWaiting(table: AnyTable<unknown, unknown>, waiting: WaitingRows): void {
    const { restoreOrder } = table.options;
    assert(restoreOrder !== undefined, 'rows wait for their order');
    const values = waiting.cells.map((_, i) => decodeRow(table, waiting.row(i)));
    const orders = Float64Array.from(values, (value) => restoreOrder(value));
    const places = Uint32Array.from(values, (_, i) => i).sort((a, b) => (orders[a] as number) - (orders[b] as number));
    for (const place of places) this.place(waiting.cells[place] as Cell<unknown>, values[place]);
  }

  /** All rows are there: the ledger after the block of this height, which was certified with this digest. */
  finish(height: number, stateDigest: Hash): Ledger {
    const { ledger, waiting } = this;
    for (const table of ledger.state.store.tables) {
      const rows = waiting.get(table);
      if (rows !== undefined) this.placeWaiting(table, rows);
    }
    ledger.resume(height, stateDigest);
    return ledger;
  }
}
