import { readFlag } from '../ledger/rows.js';
import { SortedSet } from '../ledger/sorted.js';
import { plainTable, type Store, type Table } from '../ledger/store.js';

/** A payment that was decided and is still to be made; amounts in micro-GRID, times in ms. */
export interface SpendRow {
  readonly number: number;
  readonly beneficiary: string;
  readonly amount: bigint;
  readonly validFrom: number;
  /** The treasury had too little: it is tried again when a period ends. */
  readonly waits: boolean;
}

export class TreasuryState {
  /** By number. */
  readonly spends: Table<SpendRow>;
  private readonly counts: Table<bigint>;
  /** Those that have not been tried, by their moment. */
  readonly due = new SortedSet<SpendRow>((a, b) => a.validFrom - b.validFrom || a.number - b.number);
  readonly waiting = new SortedSet<SpendRow>((a, b) => a.number - b.number);

  constructor(private readonly store: Store) {
    this.spends = plainTable<SpendRow>(store, 'treasury.spend', {
      encode: (writer, { number, beneficiary, amount, validFrom, waits }) =>
        void writer
          .u64(number)
          .text(beneficiary)
          .i128(amount)
          .u64(validFrom)
          .u8(waits ? 1 : 0),
      decode: (reader) => ({
        number: reader.u64(),
        beneficiary: reader.text(),
        amount: reader.i128(),
        validFrom: reader.u64(),
        waits: readFlag(reader),
      }),
      changed: (_, old, now) => {
        if (old !== undefined) this.setOf(old).remove(old);
        if (now !== undefined) this.setOf(now).add(now);
      },
    });
    this.counts = plainTable<bigint>(store, 'treasury.count', {
      encode: (writer, count) => void writer.i128(count),
      decode: (reader) => reader.i128(),
    });
  }

  private setOf({ waits }: SpendRow): SortedSet<SpendRow> {
    return waits ? this.waiting : this.due;
  }

  add(spend: Omit<SpendRow, 'number' | 'waits'>): number {
    const number = Number(this.counts.get('spends') ?? 0n) + 1;
    this.counts.set('spends', BigInt(number));
    this.spends.set(String(number), { ...spend, number, waits: false });
    return number;
  }

  remove({ number }: SpendRow): void {
    this.store.change(this.spends.cell(String(number)), undefined);
  }
}
