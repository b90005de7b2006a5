import type { Crypto } from '@gridtokenx/crypto';
import { assert, compareText } from '@gridtokenx/kernel';
import { SortedSet } from '../ledger/sorted.js';
import { pairTable, plainTable, type Cell, type PairTable, type Store, type Table } from '../ledger/store.js';
import { decodeFrontier, encodeFrontier, type Frontier } from './frontier.js';

/** What stays of a settled zone and interval: enough to prove any position of it. */
export interface RootRow {
  readonly positions: number;
  readonly root: Uint8Array;
}

export type DueCell = Cell<bigint, undefined>;
const byPayerThenPayee = (a: DueCell, b: DueCell): number =>
  compareText(a.first, b.first) || compareText(a.second, b.second);

/** When dues are netted next; absent when nobody owes anything. */
export interface CycleRow {
  /** Market time at which the cycle ends. */
  readonly endsAt: number;
  /** While an ended cycle is worked off: payer and payee of the last due that was looked at. */
  readonly payer: string;
  readonly payee: string;
}

/** How often a position was corrected, and the chain of its history after the last correction. */
export interface CorrectedRow {
  readonly corrections: number;
  readonly history: Uint8Array;
}

/** What was settled, and the money that is owed for it. */
export class SettlementState {
  /** By zone and interval, while its positions are settled one by one. */
  readonly trees: Table<Frontier>;
  /** By zone and interval, for ever. */
  readonly roots: Table<RootRow>;
  /** By account, and zone and interval, for ever: what stands in the place of the leaf of a position that was corrected. */
  readonly corrected: PairTable<CorrectedRow>;
  /** micro-WATT by payer and payee. */
  readonly dues: PairTable<bigint>;
  readonly standing = new SortedSet<DueCell>(byPayerThenPayee);
  readonly cycle: Cell<CycleRow>;

  constructor(
    readonly store: Store,
    readonly crypto: Crypto,
  ) {
    this.trees = plainTable<Frontier>(store, 'settlement.tree', { encode: encodeFrontier, decode: decodeFrontier });
    this.roots = plainTable<RootRow>(store, 'settlement.root', {
      encode: (writer, { positions, root }) => void writer.u64(positions).fixed(root),
      decode: (reader) => ({ positions: reader.u64(), root: reader.fixed(32) }),
    });
    this.corrected = pairTable<CorrectedRow>(store, 'settlement.corrected', {
      encode: (writer, { corrections, history }) => void writer.u32(corrections).fixed(history),
      decode: (reader) => ({ corrections: reader.u32(), history: reader.fixed(32) }),
    });
    this.dues = pairTable<bigint>(
      store,
      'settlement.due',
      {
        encode: (writer, amount) => void writer.i128(amount),
        decode: (reader) => {
          const amount = reader.i128();
          return amount > 0n ? amount : reader.fail('positive');
        },
        changed: (cell, old, now) => {
          if (old === undefined && now !== undefined) this.standing.add(cell);
          if (old !== undefined && now === undefined) this.standing.remove(cell);
        },
      },
      'first',
    );
    this.cycle = plainTable<CycleRow>(store, 'settlement.cycle', {
      encode: (writer, { endsAt, payer, payee }) => void writer.u64(endsAt).text(payer).text(payee),
      decode: (reader) => ({ endsAt: reader.u64(), payer: reader.text(), payee: reader.text() }),
    }).cell('dues');
  }

  /** SPEC settlement 6.3: the cycle in which it falls ends at this market time. */
  owe(payer: string, payee: string, amount: bigint, endsAt: number): void {
    if (payer === payee || amount === 0n) return;
    assert(amount > 0n, 'a due is owed by its payer');
    const cell = this.dues.pair(payer, payee);
    this.store.change(cell, (cell.value ?? 0n) + amount);
    const cycle = this.cycle.value;
    if (cycle === undefined || (cycle.payer === '' && endsAt < cycle.endsAt))
      this.store.change(this.cycle, { endsAt, payer: '', payee: '' });
  }

  /** SPEC settlement 6.4: what must hold over all of it. */
  audit(): string[] {
    const faults: string[] = [];
    let count = 0;
    for (const { value } of this.dues.cells()) if (value !== undefined) count++;
    if (count !== this.standing.size) faults.push(`${count} dues are owed, ${this.standing.size} stand`);
    if (count > 0 !== (this.cycle.value !== undefined)) faults.push('dues have a cycle, and a cycle has dues');
    return faults;
  }
}
