import type { BucketRows } from '@gridtokenx/chain';
import type { Crypto, Hash } from '@gridtokenx/crypto';
import { asciiText, assert, DecodeError } from '@gridtokenx/kernel';
import type { LedgerIdentity } from '@gridtokenx/protocol';
import { emptyLedger } from '../ledgers/index.js';
import type { DefinedLedger, Ledger } from './engine.js';
import { decodeRow } from './rows.js';
import { PairTable, type AnyTable, type Cell, type Store } from './store.js';

const CHUNK_BYTES = 1024 * 1024;
const SLASH = 0x2f;

function beginsWith(bytes: Uint8Array, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[i] !== text.charCodeAt(i)) return false;
  return true;
}

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
  readonly keys: readonly Uint8Array[];
  readonly rows: readonly Uint8Array[];
  readonly hashed: BucketRows;
  readonly leaf: Hash;
}

/**
 * SPEC ledger 6.3: a ledger from the rows of a checkpoint. It runs on as the ledger would that those rows are of: the same
 * digests, the same indexes, the same outcomes.
 */
export class LedgerRestore {
  private readonly ledger: DefinedLedger;
  private readonly tables: ReadonlyMap<string, AnyTable<unknown, unknown>>;
  private readonly waiting = new Map<AnyTable<unknown, unknown>, WaitingRows>();
  private table: AnyTable<unknown, unknown> | undefined;

  constructor(crypto: Crypto, identity: LedgerIdentity) {
    this.ledger = emptyLedger(crypto, identity);
    this.tables = new Map(this.ledger.state.store.tables.map((table) => [table.name, table]));
  }

  /** Throws DecodeError `row.*`. */
  add({ bucket, keys, rows, hashed, leaf }: RestoredBucket): void {
    const cells = keys.map((key, i) => {
      const cell = this.cellOf(key);
      this.take(cell.table, cell, rows[i] as Uint8Array);
      return cell;
    });
    this.ledger.checkpoints.load(bucket, cells, hashed, leaf);
  }

  /** Each part of a key as a text of its own: a piece of another would keep that one whole. */
  private cellOf(key: Uint8Array): Cell<unknown> {
    const slash = key.indexOf(SLASH);
    const table = this.tableOf(key, slash);
    if (!(table instanceof PairTable)) return table.cell(asciiText(key, slash + 1));
    const between = key.indexOf(SLASH, slash + 1);
    if (between <= slash + 1) throw new DecodeError('row.unknownKey', 0);
    return table.pair(asciiText(key, slash + 1, between), asciiText(key, between + 1));
  }

  private tableOf(key: Uint8Array, slash: number): AnyTable<unknown, unknown> {
    // In key order most rows are of the table of the one before.
    if (this.table === undefined || slash !== this.table.name.length || !beginsWith(key, this.table.name))
      this.table = this.tables.get(asciiText(key, 0, Math.max(0, slash)));
    if (this.table === undefined) throw new DecodeError('row.unknownTable', 0);
    return this.table;
  }

  private get store(): Store {
    return this.ledger.state.store;
  }

  private take(table: AnyTable<unknown, unknown>, cell: Cell<unknown>, row: Uint8Array): void {
    if (table.options.restoreOrder === undefined) return this.store.restore(cell, decodeRow(table, row));
    let waiting = this.waiting.get(table);
    if (waiting === undefined) this.waiting.set(table, (waiting = new WaitingRows()));
    waiting.add(cell, row);
  }

  private placeWaiting(table: AnyTable<unknown, unknown>, waiting: WaitingRows): void {
    const { restoreOrder } = table.options;
    assert(restoreOrder !== undefined, 'rows wait for their order');
    const values = waiting.cells.map((_, i) => decodeRow(table, waiting.row(i)));
    const orders = Float64Array.from(values, (value) => restoreOrder(value));
    const places = Uint32Array.from(values, (_, i) => i).sort((a, b) => (orders[a] as number) - (orders[b] as number));
    for (const place of places) this.store.restore(waiting.cells[place] as Cell<unknown>, values[place]);
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
