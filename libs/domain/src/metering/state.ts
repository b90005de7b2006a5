import { compareText } from '@gridtokenx/kernel';
import { READING_QUALITIES, READINGS_PER_BLOCK_MAX, type ReadingQuality } from '@gridtokenx/protocol';
import { SortedSet } from '../ledger/sorted.js';
import { pairTable, type Cell, type PairTable, type Store } from '../ledger/store.js';

/** The newest version of what a meter measured in an interval; forgotten when its interval is settled. */
export interface ReadingRow {
  readonly version: number;
  readonly quality: ReadingQuality;
  readonly consumedWh: number;
  readonly producedWh: number;
}

export type ReadingCell = Cell<ReadingRow, undefined>;

const byMeter = (a: ReadingCell, b: ReadingCell): number => compareText(a.first, b.first);

export class MeteringState {
  /** By meter, and zone and interval. */
  readonly readings: PairTable<ReadingRow>;
  /** How many more this block may record. */
  readingsLeft = READINGS_PER_BLOCK_MAX;
  private readonly byPlace = new Map<string, SortedSet<ReadingCell>>();

  constructor(readonly store: Store) {
    this.readings = pairTable<ReadingRow>(store, 'metering.reading', {
      encode: (writer, { version, quality, consumedWh, producedWh }) =>
        void writer.u32(version).u8(READING_QUALITIES.indexOf(quality)).u64(consumedWh).u64(producedWh),
      decode: (reader) => ({
        version: reader.u32(),
        quality: READING_QUALITIES[reader.u8()] ?? reader.fail('quality'),
        consumedWh: reader.u64(),
        producedWh: reader.u64(),
      }),
      changed: (cell, old, now) => {
        if (old === undefined && now !== undefined) this.readingsOf(cell.second).add(cell);
        if (old !== undefined && now === undefined) this.readingsOf(cell.second).remove(cell);
      },
    });
  }

  beginBlock(): void {
    this.readingsLeft = READINGS_PER_BLOCK_MAX;
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
