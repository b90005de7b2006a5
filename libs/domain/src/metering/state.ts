import { compareText } from '@gridtokenx/kernel';
import { SortedSet } from '../ledger/sorted.js';
import { readFlag } from '../ledger/rows.js';
import { pairTable, type Cell, type PairTable, type Store } from '../ledger/store.js';

/** A reading that must not be recorded twice; forgotten when the book of its zone and interval has closed. */
export interface ReadingRow {
  readonly consumedWh: number;
  readonly producedWh: number;
}

/** What an account took from and gave to the grid in one zone and interval, by all its meters there. */
export interface NetRow {
  readonly importWh: number;
  readonly mintedWh: number;
  /** Settled but for the feed-in, which the operator could not pay yet. */
  readonly deferred: boolean;
}

/** Zone and interval: what a book, and its settlement, is named by. */
export const bookKeyOf = (zone: string, interval: string): string => `${zone}/${interval}`;

type ReadingCell = Cell<ReadingRow, undefined>;
export type NetCell = Cell<NetRow, undefined>;

const byFirst = (a: { readonly first: string }, b: { readonly first: string }): number => compareText(a.first, b.first);

/** What the close of a book has to work off, in the order of accounts and meters. */
export class Settlement {
  readonly open = new SortedSet<NetCell>(byFirst);
  readonly deferred = new SortedSet<NetCell>(byFirst);
  readonly readings = new SortedSet<ReadingCell>(byFirst);

  get isDone(): boolean {
    return this.open.size === 0 && this.deferred.size === 0 && this.readings.size === 0;
  }
}

export class MeteringState {
  /** By meter, and zone and interval. */
  readonly readings: PairTable<ReadingRow>;
  /** By account, and zone and interval. */
  readonly nets: PairTable<NetRow>;
  private readonly settlements = new Map<string, Settlement>();

  constructor(readonly store: Store) {
    this.readings = pairTable<ReadingRow>(store, 'metering.reading', {
      encode: (writer, { consumedWh, producedWh }) => void writer.u64(consumedWh).u64(producedWh),
      decode: (reader) => ({ consumedWh: reader.u64(), producedWh: reader.u64() }),
      changed: (cell, old, now) => {
        if (old === undefined && now !== undefined) this.settlement(cell.second).readings.add(cell);
        if (old !== undefined && now === undefined) this.settlement(cell.second).readings.remove(cell);
      },
    });
    this.nets = pairTable<NetRow>(store, 'metering.net', {
      encode: (writer, { importWh, mintedWh, deferred }) =>
        void writer
          .u64(importWh)
          .u64(mintedWh)
          .u8(deferred ? 1 : 0),
      decode: (reader) => ({ importWh: reader.u64(), mintedWh: reader.u64(), deferred: readFlag(reader) }),
      changed: (cell, old, now) => {
        if (old !== undefined && now !== undefined && old.deferred === now.deferred) return;
        const settlement = this.settlement(cell.second);
        if (old !== undefined) (old.deferred ? settlement.deferred : settlement.open).remove(cell);
        if (now !== undefined) (now.deferred ? settlement.deferred : settlement.open).add(cell);
      },
    });
  }

  settlement(book: string): Settlement {
    let settlement = this.settlements.get(book);
    if (settlement === undefined) {
      settlement = new Settlement();
      this.settlements.set(book, settlement);
    }
    return settlement;
  }

  /** The settlement of a closed book; one that is undone begins as an empty one again. */
  forget(book: string): void {
    this.settlements.delete(book);
  }
}
