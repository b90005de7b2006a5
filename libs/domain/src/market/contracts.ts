import { decodeEntry, encodeHistory, type TradeEntry } from '@gridtokenx/chain';
import { type ByteReader, compareText, type RowWriter } from '@gridtokenx/kernel';
import { WATT } from '../accounts/state.js';
import { SortedSet } from '../ledger/sorted.js';
import { PairTable, Table, type Cell, type Store } from '../ledger/store.js';

/** SPEC market 5.1: a forward trade that is not settled. The buyer's money is in escrow here, the seller's margin in its own row. */
export interface ContractRow {
  readonly trade: TradeEntry;
  readonly interval: string;
  /** micro-WATT of the seller, against a shortfall. */
  readonly margin: number;
  /** The legs that it uses, in one text; empty within one zone. */
  readonly route: string;
}

export type ContractCell = Cell<ContractRow>;

/** What the buyer of a trade pays for it. */
export const buyerCost = ({ priceTicks, quantityWh, buyerFee, wheeling }: TradeEntry): number =>
  priceTicks * 10 * quantityWh + buyerFee + wheeling;

const rowOf = ({ value }: ContractCell): ContractRow => value as ContractRow;
/** By seller within a zone, then by number: those that share what a seller's meters gave stand together, the earliest first. */
const bySellerThenTrade = (a: Placed, b: Placed): number =>
  compareText(a.zone, b.zone) || compareText(a.seller, b.seller) || a.trade - b.trade;

/** What a contract is sorted by stands here while its row goes. */
interface Placed {
  readonly cell: ContractCell;
  readonly zone: string;
  readonly seller: string;
  readonly trade: number;
}

export class ContractsState {
  /** By the trade's number. */
  readonly rows: Table<ContractRow, Placed | undefined>;
  /** WATT that a seller holds against shortfalls, by account, and zone and interval. */
  readonly margins: PairTable<number>;
  private readonly byInterval = new Map<string, SortedSet<Placed>>();

  constructor(readonly store: Store) {
    this.rows = new Table<ContractRow, Placed | undefined>(
      store,
      'market.contract',
      {
        encode: encodeContract,
        decode: decodeContract,
        escrow: ({ trade }) => ({ account: trade.buyer, asset: WATT, amount: buyerCost(trade) }),
        changed: (cell, old, now) => {
          if (old === undefined && now !== undefined) {
            const { fromZone: zone, seller, trade } = now.trade;
            const placed: Placed = { cell: cell as unknown as ContractCell, zone, seller, trade };
            cell.extra = placed;
            this.of(now.interval).add(placed);
          } else if (old !== undefined && now === undefined && cell.extra !== undefined)
            this.of(old.interval).remove(cell.extra);
        },
      },
      undefined,
    );
    this.margins = new PairTable<number>(
      store,
      'market.margin',
      {
        encode: (writer, amount) => void writer.u64(amount),
        decode: (reader) => {
          const amount = reader.u64();
          return amount === 0 ? reader.fail('zeroIsAbsent') : amount;
        },
        escrow: (amount, { first: account }) => ({ account, asset: WATT, amount }),
      },
      undefined,
    );
  }

  /** Of one interval, in the order in which they are settled. */
  of(interval: string): SortedSet<Placed> {
    let contracts = this.byInterval.get(interval);
    if (contracts === undefined) this.byInterval.set(interval, (contracts = new SortedSet(bySellerThenTrade)));
    return contracts;
  }

  /** Those of the first seller that has any, with its zone: what is delivered together. */
  nextSeller(interval: string): readonly ContractCell[] {
    const group: ContractCell[] = [];
    for (const { cell } of this.of(interval)) {
      const [first] = group;
      const { trade } = rowOf(cell);
      if (first !== undefined) {
        const { trade: other } = rowOf(first);
        if (other.seller !== trade.seller || other.fromZone !== trade.fromZone) break;
      }
      group.push(cell);
    }
    return group;
  }

  forget(interval: string): void {
    if (this.byInterval.get(interval)?.size === 0) this.byInterval.delete(interval);
  }

  changeMargin(account: string, place: string, by: number): void {
    const cell = this.margins.pair(account, place);
    const amount = (cell.value ?? 0) + by;
    this.store.change(cell, amount === 0 ? undefined : amount);
  }
}

function encodeContract(writer: RowWriter, { trade, interval, margin, route }: ContractRow): void {
  writer
    .text(interval)
    .u64(margin)
    .text(route)
    .fixed(encodeHistory([trade]));
}

function decodeContract(reader: ByteReader): ContractRow {
  const [interval, margin, route] = [reader.text(), reader.u64(), reader.text()];
  const trade = decodeEntry(reader);
  return trade.kind === 'trade' ? { trade, interval, margin, route } : reader.fail('trade');
}
