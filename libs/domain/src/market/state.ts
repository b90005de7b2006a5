import type { RowWriter } from '../ledger/scratch.js';
import { assert, compareText, formatTime, INTERVAL_MS, millis, type ByteReader } from '@gridtokenx/kernel';
import { PRICE_TICKS_MAX, type ConsortiumGenesis } from '@gridtokenx/protocol';
import { kwhOf, WATT, type AccountsState, type BalanceCell, type BalanceGroup } from '../accounts/state.js';
import type { BlockContext } from '../ledger/module.js';
import { SortedSet } from '../ledger/sorted.js';
import { PairTable, plainTable, Table, type Cell, type Escrow, type Store } from '../ledger/store.js';
import type { RegistryState } from '../registry/state.js';
import { feeOf, feeShareOf, type FeeShare } from './fee.js';
import { Side, type Level } from './side.js';

/** The value of a bid at its limit is at most 4 billion THB, so that every sum over one order is a safe integer. */
export const ORDER_VALUE_MAX = 4_000_000_000_000_000;
/** SPEC market 3.8: resting orders that one order may meet, and all orders of a block. */
export const MEETINGS_PER_ORDER_MAX = 1_000;
export const MEETINGS_PER_BLOCK_MAX = 50_000;
/** How many closed orders are remembered, so that a cancel that comes too late is told so. */
export const CLOSED_ORDERS_REMEMBERED = 100_000;

export interface OpenOrder {
  readonly account: string;
  readonly book: Book;
  readonly isBid: boolean;
  readonly priceTicks: number;
  readonly remainingWh: number;
  /** Market time. */
  readonly expiresAt: number;
  /** Place in time: lower is earlier. */
  readonly entry: number;
  /** What the floor of the fee has left over: see {@link feeOf}. */
  readonly feeCarry: number;
  /** Escrow: micro-WATT of a bid, Wh of an ask. */
  readonly held: number;
  readonly closed: 0;
}

/** All that is remembered of an order that no longer stands: the how-manyth it was to close. */
export interface ClosedOrder {
  readonly closed: number;
}

export type OrderRow = OpenOrder | ClosedOrder;

export const isOpenOrder = (row: OrderRow | undefined): row is OpenOrder => row !== undefined && row.closed === 0;

/** The place of an order in the indexes over open orders; what they sort by stands here while the row changes. */
export class OrderNode {
  previous: OrderNode | undefined = undefined;
  next: OrderNode | undefined = undefined;
  level: Level | undefined = undefined;

  constructor(
    readonly cell: OrderCell,
    readonly entry: number,
    readonly expiresAt: number,
  ) {}

  get row(): OpenOrder {
    return this.cell.value as OpenOrder;
  }
}

/** Only an order that has rested has a node. */
export type OrderCell = Cell<OrderRow, OrderNode | undefined>;

export const BOOK_STATUSES = ['open', 'closing', 'closed'] as const;

export interface BookRow {
  readonly status: (typeof BOOK_STATUSES)[number];
  /** Market time. */
  readonly closesAt: number;
}

export interface CounterRow {
  readonly trades: number;
  readonly entries: number;
  readonly closed: number;
}

/** A book while it is not closed: its terms, and its orders as an index over their rows. */
export class Book {
  readonly bids = new Side(true);
  readonly asks = new Side(false);
  readonly asset: string;
  readonly closesAtText: string;
  readonly key: string;

  constructor(
    readonly zone: string,
    readonly interval: string,
    readonly closesAt: number,
    /** The account of the delivery zone's grid operator: paid the fees, and pays for the feed-in. */
    readonly operator: string,
    readonly kwh: BalanceGroup,
  ) {
    this.asset = kwhOf(interval);
    this.closesAtText = formatTime(millis(closesAt));
    this.key = `${zone}/${interval}`;
  }
}

/** By zone and interval; with its index while it is not closed. */
export type BookCell = Cell<BookRow, Book | undefined>;

const byTimeThenKey = (a: Book, b: Book): number => a.closesAt - b.closesAt || compareText(a.key, b.key);
const byTimeThenEntry = (a: OrderNode, b: OrderNode): number => a.expiresAt - b.expiresAt || a.entry - b.entry;

export interface TariffTerms {
  readonly version: number;
  readonly buyerFee: FeeShare;
  readonly sellerFee: FeeShare;
  readonly feedInRate: number;
}

/** SPEC market 2.2: what a bid holds, at its limit, with the fee that it may still be charged. */
export function bidHold(share: FeeShare, feeCarry: number, priceTicks: number, remainingWh: number): number {
  const value = priceTicks * 10 * remainingWh;
  return value + feeOf(share, feeCarry, value);
}

export class MarketState {
  readonly orders: Table<OrderRow, OrderNode | undefined>;
  readonly books: PairTable<BookRow, Book | undefined>;
  readonly counters: Table<CounterRow>;
  readonly tariff: TariffTerms;
  readonly watt: BalanceGroup;
  private readonly counterCell: Cell<CounterRow>;
  /** Open orders that expire before their book closes. */
  readonly expiring = new SortedSet<OrderNode>(byTimeThenEntry);
  /** Books that are not closed. */
  readonly standing = new SortedSet<Book>(byTimeThenKey);
  /** SPEC market 3.8: how many more resting orders the orders of this block may meet. No row: each block begins anew. */
  meetingsLeft = MEETINGS_PER_BLOCK_MAX;
  private recentlyClosed: BookCell[] = [];
  private readonly closedRing: (OrderCell | undefined)[] = [];

  constructor(
    readonly store: Store,
    readonly accounts: AccountsState,
    readonly registry: RegistryState,
    { tariff }: ConsortiumGenesis,
  ) {
    this.tariff = {
      version: tariff.version,
      buyerFee: feeShareOf(tariff.gridFee.rate, tariff.gridFee.buyerShare),
      sellerFee: feeShareOf(tariff.gridFee.rate, tariff.gridFee.sellerShare),
      feedInRate: tariff.feedInRate,
    };
    this.watt = accounts.balances.group(WATT);
    this.books = new PairTable<BookRow, Book | undefined>(
      store,
      'market.book',
      {
        encode: (writer, { status, closesAt }) => void writer.u8(BOOK_STATUSES.indexOf(status)).u64(closesAt),
        decode: (reader) => ({ status: BOOK_STATUSES[reader.u8()] ?? reader.fail('status'), closesAt: reader.u64() }),
        // Zones are there before the indexes of their books are made, and books before their orders.
        restoreOrder: ({ closesAt }) => closesAt,
        changed: (cell, old, now) => this.bookChanged(cell, old, now),
      },
      undefined,
    );
    this.orders = new Table<OrderRow, OrderNode | undefined>(
      store,
      'market.order',
      {
        encode: encodeOrder,
        decode: (reader) => this.decodeOrder(reader),
        // A level is built from its end, so orders come in the order of their entry.
        restoreOrder: (row) => (isOpenOrder(row) ? row.entry : row.closed),
        changed: (cell, old, now) => this.orderChanged(cell, old, now),
        escrow: (row) => this.escrowOf(row),
        fault: (row) => this.faultOf(row),
      },
      undefined,
    );
    this.counters = plainTable<CounterRow>(store, 'market.counter', {
      encode: (writer, { trades, entries, closed }) => void writer.u64(trades).u64(entries).u64(closed),
      decode: (reader) => ({ trades: reader.u64(), entries: reader.u64(), closed: reader.u64() }),
    });
    this.counterCell = this.counters.cell('market');
    // The cell is kept hold of, so the row is never absent.
    store.change(this.counterCell, { trades: 0, entries: 0, closed: 0 });
  }

  beginBlock(): void {
    this.meetingsLeft = MEETINGS_PER_BLOCK_MAX;
  }

  /** SPEC market 1.4: what rests in books is what is open. */
  audit(): string[] {
    const faults: string[] = [];
    let [open, resting] = [0, 0];
    for (const cell of this.orders.rows.values()) {
      if (cell.value === undefined || !isOpenOrder(cell.value)) continue;
      open++;
      if (cell.extra?.level === undefined) faults.push(`${cell.key} is open and in no book`);
    }
    for (const book of this.standing) resting += book.bids.count + book.asks.count;
    if (resting !== open) faults.push(`${resting} orders rest in books, ${open} are open`);
    return faults;
  }

  /** A book by its cell: also a closed one has a row. */
  book(zone: string, interval: string): BookCell | undefined {
    const cell = this.books.group(interval).get(zone);
    return cell?.value === undefined ? undefined : cell;
  }

  /** SPEC market 1.3: a book whose time has come is closed, even while the hooks are still working it off. */
  isOpen(cell: BookCell, marketTime: number): boolean {
    return cell.value?.status === 'open' && cell.value.closesAt > marketTime;
  }

  /** SPEC market 1.1 */
  openBook(context: BlockContext, zone: string, interval: string): void {
    const closesAt = millis(context.marketTime + INTERVAL_MS);
    this.store.change(this.books.pair(zone, interval), { status: 'open', closesAt });
    context.events.push({ type: 'market.bookOpened', zone, interval, closesAt: formatTime(closesAt) });
  }

  count(): CounterRow {
    const row = this.counterCell.value;
    assert(row !== undefined, 'the counters are always there');
    return row;
  }

  setCount(row: CounterRow): void {
    this.store.change(this.counterCell, row);
  }

  /** The balance that an open order's escrow stands in. */
  holderOf(order: OpenOrder): BalanceCell {
    const cell = (order.isBid ? this.watt : order.book.kwh).get(order.account);
    assert(cell !== undefined, 'who holds has a balance');
    return cell;
  }

  /** SPEC market 6.2: marks an order as the `closed`-th that closed, and forgets the one that has been remembered longest. */
  setClosed(cell: OrderCell, closed: number): void {
    const oldest = this.closedRing[closed % CLOSED_ORDERS_REMEMBERED];
    if (oldest !== undefined) this.store.change(oldest, undefined);
    this.store.change(cell, { closed });
  }

  private escrowOf(row: OrderRow): Escrow | undefined {
    if (!isOpenOrder(row)) return undefined;
    return { account: row.account, asset: row.isBid ? WATT : row.book.asset, amount: row.held };
  }

  private faultOf(row: OrderRow): string | undefined {
    if (!isOpenOrder(row)) return undefined;
    const { isBid, remainingWh, held, priceTicks, feeCarry } = row;
    if (remainingWh <= 0 || priceTicks < 1 || priceTicks > PRICE_TICKS_MAX)
      return 'an open order has energy and a price';
    const due = isBid ? bidHold(this.tariff.buyerFee, feeCarry, priceTicks, remainingWh) : remainingWh;
    return held === due && Number.isSafeInteger(held) ? undefined : `an order holds ${held} instead of ${due}`;
  }

  private orderChanged(cell: OrderCell, old: OrderRow | undefined, now: OrderRow | undefined): void {
    const wasOpen = isOpenOrder(old);
    if (isOpenOrder(now)) {
      if (!wasOpen) this.enter(cell, now);
    } else if (wasOpen) this.leave(cell, old);
    if (old !== undefined && old.closed !== 0) {
      const place = old.closed % CLOSED_ORDERS_REMEMBERED;
      if (this.closedRing[place] === cell) this.closedRing[place] = undefined;
    }
    if (now !== undefined && now.closed !== 0) this.closedRing[now.closed % CLOSED_ORDERS_REMEMBERED] = cell;
  }

  private enter(cell: OrderCell, row: OpenOrder): void {
    const { book, expiresAt, entry } = row;
    // An order that comes back when its removal is undone has its node still: see Side.
    const known = cell.extra;
    const node = known?.entry === entry ? known : new OrderNode(cell, entry, expiresAt);
    cell.extra = node;
    (row.isBid ? book.bids : book.asks).add(node, row.priceTicks);
    if (expiresAt < book.closesAt) this.expiring.add(node);
  }

  private leave(cell: OrderCell, row: OpenOrder): void {
    const { book, expiresAt } = row;
    const node = cell.extra;
    assert(node !== undefined, 'an open order has a place');
    (row.isBid ? book.bids : book.asks).remove(node);
    if (expiresAt < book.closesAt) this.expiring.remove(node);
  }

  private bookChanged(cell: BookCell, old: BookRow | undefined, now: BookRow | undefined): void {
    const stood = old !== undefined && old.status !== 'closed';
    const stands = now !== undefined && now.status !== 'closed';
    if (stands && !stood) {
      if (old === undefined) cell.extra = this.makeBook(cell, now);
      assert(cell.extra !== undefined, 'a book that closed in this block still has its index');
      this.standing.add(cell.extra);
    } else if (stood && !stands) {
      assert(cell.extra !== undefined, 'a standing book has its index');
      this.standing.remove(cell.extra);
      this.recentlyClosed.push(cell);
    }
  }

  private makeBook({ first: zone, second: interval }: BookCell, { closesAt }: BookRow): Book {
    const row = this.registry.zones.get(zone);
    assert(row !== undefined, 'a book is of a zone that there is');
    return new Book(zone, interval, closesAt, row.account, this.accounts.balances.group(kwhOf(interval)));
  }

  /** Rows of books are there before those of orders are read. */
  private decodeOrder(reader: ByteReader): OrderRow {
    const kind = reader.u8();
    if (kind === 0) {
      const closed = reader.u64();
      return closed === 0 ? reader.fail('closed') : { closed };
    }
    if (kind > 2) reader.fail('side');
    const account = reader.text();
    const key = reader.text();
    const slash = key.indexOf('/');
    const book = this.books.group(key.slice(slash + 1)).get(key.slice(0, slash))?.extra;
    if (book === undefined) return reader.fail('book');
    return {
      // The names of accounts are there already: orders share them.
      account: this.registry.accounts.rows.get(account)?.key ?? account,
      book,
      isBid: kind === 1,
      priceTicks: reader.u32(),
      remainingWh: reader.u64(),
      expiresAt: reader.u64(),
      entry: reader.u64(),
      feeCarry: reader.u64(),
      held: reader.u64(),
      closed: 0,
    };
  }

  /** Frees the indexes of books that closed in earlier blocks: until then an undo might have needed them. */
  freeClosedBooks(): void {
    for (const cell of this.recentlyClosed) if (cell.value?.status === 'closed') cell.extra = undefined;
    this.recentlyClosed = [];
  }
}

function encodeOrder(writer: RowWriter, row: OrderRow): void {
  if (!isOpenOrder(row)) {
    writer.u8(0).u64(row.closed);
    return;
  }
  writer
    .u8(row.isBid ? 1 : 2)
    .text(row.account)
    .text(row.book.key)
    .u32(row.priceTicks)
    .u64(row.remainingWh)
    .u64(row.expiresAt)
    .u64(row.entry)
    .u64(row.feeCarry)
    .u64(row.held);
}
