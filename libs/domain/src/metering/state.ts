import { compareText } from '@gridtokenx/kernel';
import { SortedSet } from '../ledger/sorted.js';
import { pairTable, type Cell, type PairTable, type Store } from '../ledger/store.js';

/** A reading that must not be recorded twice; forgotten when its interval is settled. */
export interface ReadingRow {
  readonly consumedWh: number;
  readonly producedWh: number;
}

export type ReadingCell = Cell<ReadingRow, undefined>;

const byMeter = (a: ReadingCell, b: ReadingCell): number => compareText(a.first, b.first);

export class MeteringState {
  /** By meter, and zone and interval. */
  readonly readings: PairTable<ReadingRow>;
  private readonly byPlace = new Map<string, SortedSet<ReadingCell>>();

  constructor(readonly store: Store) {
    this.readings = pairTable<ReadingRow>(store, 'metering.reading', {
      encode: (writer, { consumedWh, producedWh }) => void writer.u64(consumedWh).u64(producedWh),
      decode: (reader) => ({ consumedWh: reader.u64(), producedWh: reader.u64() }),
      changed: (cell, old, now) => {
        if (old === undefined && now !== undefined) this.readingsOf(cell.second).add(cell);
        if (old !== undefined && now === undefined) this.readingsOf(cell.second).remove(cell);
      },
    });
  }

  /** Of a zone and interval, in the order of meters. */
  readingsOf(place: string): SortedSet<ReadingCell> {
    let readings = this.byPlace.get(place);
    if (readings === undefined) this.byPlace.set(place, (readings = new SortedSet(byMeter)));
    return readings;
  }

  /** Of a place that was settled; one that is undone begins as an empty one again. */
  forget(place: string): void {
    this.byPlace.delete(place);
  }
}
