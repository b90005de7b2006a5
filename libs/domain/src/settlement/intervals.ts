import { compareText } from '@gridtokenx/kernel';
import { readFlag } from '../ledger/rows.js';
import { SortedSet } from '../ledger/sorted.js';
import { Table, type Cell, type Store } from '../ledger/store.js';

/** A delivery interval in which something was traded or metered, until it is settled. */
export interface IntervalRow {
  /** Market time. */
  readonly closesAt: number;
  /** Its settlement has begun: what is missing is told. */
  readonly isBegun: boolean;
}

/** What an interval is sorted by stands here while its row goes. */
export interface Due {
  readonly interval: string;
  readonly closesAt: number;
}

const byTimeThenName = (a: Due, b: Due): number => a.closesAt - b.closesAt || compareText(a.interval, b.interval);

/** The intervals that are still to be settled, the earliest first. */
export class IntervalsState {
  readonly rows: Table<IntervalRow, Due | undefined>;
  readonly standing = new SortedSet<Due>(byTimeThenName);

  constructor(private readonly store: Store) {
    this.rows = new Table<IntervalRow, Due | undefined>(
      store,
      'settlement.interval',
      {
        encode: (writer, { closesAt, isBegun }) => void writer.u64(closesAt).u8(isBegun ? 1 : 0),
        decode: (reader) => ({ closesAt: reader.u64(), isBegun: readFlag(reader) }),
        changed: (cell, old, now) => {
          if (old !== undefined && cell.extra !== undefined) this.standing.remove(cell.extra);
          if (now !== undefined) this.standing.add((cell.extra = { interval: cell.key, closesAt: now.closesAt }));
        },
      },
      undefined,
    );
  }

  /** Sees to it that the interval will be settled. */
  expect(interval: string, closesAt: number): void {
    const cell: Cell<IntervalRow, Due | undefined> = this.rows.cell(interval);
    if (cell.value === undefined) this.store.change(cell, { closesAt, isBegun: false });
  }

  /** True the first time. */
  begin(interval: string): boolean {
    const cell = this.rows.cell(interval);
    if (cell.value === undefined || cell.value.isBegun) return false;
    this.store.change(cell, { ...cell.value, isBegun: true });
    return true;
  }

  settled(interval: string): void {
    this.store.change(this.rows.cell(interval), undefined);
  }
}
