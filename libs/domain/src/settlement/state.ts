import type { Crypto } from '@gridtokenx/crypto';
import { compareText } from '@gridtokenx/kernel';
import { SortedSet } from '../ledger/sorted.js';
import { PairTable, plainTable, type Cell, type Store, type Table } from '../ledger/store.js';
import { decodeFrontier, encodeFrontier, type Frontier } from './frontier.js';

/** What stays of a settled zone and interval: enough to prove any position of it. */
export interface RootRow {
  readonly positions: number;
  readonly root: Uint8Array;
}

export type DueCell = Cell<bigint, undefined>;
const byPayee = (a: DueCell, b: DueCell): number => compareText(a.second, b.second);

/** What was settled, and the money that is owed for it. */
export class SettlementState {
  /** By zone and interval, while its positions are settled one by one. */
  readonly trees: Table<Frontier>;
  /** By zone and interval, for ever. */
  readonly roots: Table<RootRow>;
  /** micro-WATT by payer and payee. */
  readonly dues: PairTable<bigint>;
  private readonly byPayer = new Map<string, SortedSet<DueCell>>();

  constructor(
    readonly store: Store,
    readonly crypto: Crypto,
  ) {
    this.trees = plainTable<Frontier>(store, 'settlement.tree', { encode: encodeFrontier, decode: decodeFrontier });
    this.roots = plainTable<RootRow>(store, 'settlement.root', {
      encode: (writer, { positions, root }) => void writer.u64(positions).fixed(root),
      decode: (reader) => ({ positions: reader.u64(), root: reader.fixed(32) }),
    });
    this.dues = new PairTable<bigint>(
      store,
      'settlement.due',
      {
        encode: (writer, amount) => void writer.i128(amount),
        decode: (reader) => {
          const amount = reader.i128();
          return amount > 0n ? amount : reader.fail('positive');
        },
        changed: (cell, old, now) => {
          if ((old === undefined) === (now === undefined)) return;
          const dues = this.byPayer.get(cell.first) ?? new SortedSet(byPayee);
          this.byPayer.set(cell.first, dues);
          if (now === undefined) dues.remove(cell);
          else dues.add(cell);
        },
      },
      undefined,
      'first',
    );
  }

  owe(payer: string, payee: string, amount: bigint): void {
    if (payer === payee || amount === 0n) return;
    const cell = this.dues.pair(payer, payee);
    this.store.change(cell, (cell.value ?? 0n) + amount);
  }

  /** Those who owe, in order, and what each owes. */
  payers(): (readonly [payer: string, dues: SortedSet<DueCell>])[] {
    return [...this.byPayer].filter(([, { size }]) => size > 0).sort(([a], [b]) => compareText(a, b));
  }
}
