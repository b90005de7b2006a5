import { assert, type ByteReader, parseInterval, type RowWriter } from '@gridtokenx/kernel';
import {
  PRICE_TICKS_MAX,
  TIMES_IN_FORCE,
  type Allocation,
  type EventOf,
  type LedgerEvent,
  type TimeInForce,
} from '@gridtokenx/protocol';
import { WATT, type AccountsState, type BalanceCell, type BalanceGroup } from '../accounts/state.js';
import type { BlockContext } from '../ledger/module.js';
import { readOneOf } from '../ledger/rows.js';
import { SortedSet } from '../ledger/sorted.js';
import { PairTable, plainTable, Table, type Cell, type Escrow, type Store } from '../ledger/store.js';
import type { NetworkState } from '../network/state.js';
import type { RegistryState } from '../registry/state.js';
import type { PositionsState } from '../settlement/positions.js';
import {
  Book,
  BOOK_STATUSES,
  byTimeThenKey,
  marketOf,
  nameOfMarket,
  type BookCell,
  type BookName,
  type BookRow,
} from './book.js';
import { scheduleOf, type Schedule } from './clock.js';
import { ContractsState } from './contracts.js';
import { IntervalsState } from '../settlement/intervals.js';
import { OwnedOrder, Participants } from './rules/participants.js';
import type { RulesState } from './rules/state.js';
import type { Level } from './side.js';
import { isSameTerms, type BookTerms } from './terms.js';
import type { TariffsState } from '../tariffs/state.js';

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
  /** Escrow: micro-WATT, or Wh of an ask in the spot phase. */
  readonly held: number;
  /** SPEC market-rules 3.5: the day on whose limits it counts; 0 for none. */
  readonly day: number;
  /** Of an order that has not come in yet. */
  readonly waits: Waits | undefined;
  readonly closed: 0;
}

/** SPEC market-rules 8.1: when an order comes in, and as what. */
export interface Waits {
  /** Market time. */
  readonly validFrom: number;
  readonly timeInForce: TimeInForce;
}

/** All that is remembered of an order that no longer stands: the how-manyth it was to close. */
export interface ClosedOrder {
  readonly closed: number;
}

export type OrderRow = OpenOrder | ClosedOrder;

export const isOpenOrder = (row: OrderRow | undefined): row is OpenOrder => row !== undefined && row.closed === 0;

/** The place of an order in the indexes over open orders; what they sort by stands here while the row changes. */
export class OrderNode extends OwnedOrder<OrderNode> {
  previous: OrderNode | undefined = undefined;
  next: OrderNode | undefined = undefined;
  level: Level | undefined = undefined;

  constructor(
    readonly cell: OrderCell,
    readonly entry: number,
    readonly expiresAt: number,
    /** Market time at which it comes in, if it waits for that. */
    readonly validFrom: number,
  ) {
    super();
  }

  get row(): OpenOrder {
    return this.cell.value as OpenOrder;
  }
}

/** Only an order that has rested has a node. */
export type OrderCell = Cell<OrderRow, OrderNode | undefined>;

export interface CounterRow {
  readonly trades: number;
  readonly entries: number;
  readonly closed: number;
}

const byTimeThenEntry = (a: OrderNode, b: OrderNode): number => a.expiresAt - b.expiresAt || a.entry - b.entry;
const byStartThenEntry = (a: OrderNode, b: OrderNode): number => a.validFrom - b.validFrom || a.entry - b.entry;

export class MarketState {
  readonly orders: Table<OrderRow, OrderNode | undefined>;
  readonly books: PairTable<BookRow, Book | undefined>;
  readonly counters: Table<CounterRow>;
  readonly contracts: ContractsState;
  readonly intervals: IntervalsState;
  readonly watt: BalanceGroup;
  private readonly counterCell: Cell<CounterRow>;
  /** Open orders that expire before their book closes. */
  readonly expiring = new SortedSet<OrderNode>(byTimeThenEntry);
  /** SPEC market-rules 8.1: open orders that have not come in yet. */
  readonly waiting = new SortedSet<OrderNode>(byStartThenEntry);
  readonly participants: Participants<OrderNode>;
  /** Books that are not closed. */
  readonly standing = new SortedSet<Book>(byTimeThenKey);
  /** SPEC market 3.8: how many more resting orders the orders of this block may meet. No row: each block begins anew. */
  meetingsLeft = MEETINGS_PER_BLOCK_MAX;
  /** SPEC market 8.1: whether an auction was cleared in this block. */
  hasCleared = false;
  private recentlyClosed: BookCell[] = [];
  private readonly closedRing: (OrderCell | undefined)[] = [];

  constructor(
    readonly store: Store,
    readonly accounts: AccountsState,
    readonly registry: RegistryState,
    readonly positions: PositionsState,
    readonly network: NetworkState,
    private readonly tariffs: TariffsState,
    readonly rules: RulesState,
  ) {
    this.participants = new Participants((account) => this.tradesUntil(account));
    registry.onAccountChanged = (account) => this.participants.changed(account);
    rules.onBarChanged = (account) => this.participants.changed(account);
    this.watt = accounts.balances.group(WATT);
    this.contracts = new ContractsState(store);
    this.intervals = new IntervalsState(store);
    this.books = new PairTable<BookRow, Book | undefined>(
      store,
      'market.book',
      {
        encode: (writer, { status, closesAt, tariffVersion }) =>
          void writer.u8(BOOK_STATUSES.indexOf(status)).u64(closesAt).u32(tariffVersion),
        decode: (reader) => ({
          status: BOOK_STATUSES[reader.u8()] ?? reader.fail('status'),
          closesAt: reader.u64(),
          tariffVersion: reader.u32(),
        }),
        // Zones and tariffs are there before the indexes of their books are made, and books before their orders.
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
        escrow: (row) => escrowOf(row),
        fault: (row) => faultOf(row),
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

  /** See {@link recentBook}: what it says comes from the row, so it need not be undone. */
  recent: BookCell | undefined = undefined;

  beginBlock(): void {
    this.meetingsLeft = MEETINGS_PER_BLOCK_MAX;
    this.hasCleared = false;
  }

  /** SPEC market-rules 7.2: the block time from which an account may not trade: 0 for already, infinity for never. */
  private tradesUntil(account: string): number {
    const row = this.registry.accounts.get(account);
    if (row === undefined || row.kyc !== 'verified' || this.rules.isBarred(account)) return 0;
    return row.kycUntil === 0 ? Number.POSITIVE_INFINITY : row.kycUntil;
  }

  /** SPEC market 1.4: what rests in books is what is open. */
  audit(): string[] {
    const faults: string[] = [];
    let [open, resting] = [0, 0];
    for (const cell of this.orders.rows.values()) {
      if (cell.value === undefined || !isOpenOrder(cell.value)) continue;
      open++;
      if (cell.value.waits === undefined && cell.extra?.level === undefined)
        faults.push(`${cell.key} is open and in no book`);
      if (cell.extra?.owner?.account !== cell.value.account) faults.push(`${cell.key} is not among its account's`);
    }
    for (const book of this.standing) resting += book.bids.count + book.asks.count + book.waiting.size;
    if (resting !== open) faults.push(`${resting} orders rest in books, ${open} are open`);
    return faults;
  }

  /** The book that the last order was for, if an order with this name is for it too: most follow one another in one book. */
  recentBook(name: Omit<BookName, 'phase'>, marketTime: number): Book | undefined {
    const { recent } = this;
    const book = recent?.extra;
    return recent !== undefined &&
      book !== undefined &&
      book.interval === name.interval &&
      book.toZone === name.toZone &&
      book.fromZone === name.fromZone &&
      book.mechanism === name.mechanism &&
      // Of the phases of an interval only one has a book that is open: the other is over, or yet to begin.
      this.isOpen(recent, marketTime)
      ? book
      : undefined;
  }

  /** A book by its cell: while it stands. */
  book(name: BookName): BookCell | undefined {
    const cell = this.books.group(name.interval).get(marketOf(name));
    return cell?.value === undefined ? undefined : cell;
  }

  /** SPEC market 1.2: when an interval may be traded, by the rules in force for it. */
  schedule(interval: string): Schedule {
    const start = parseInterval(interval);
    assert(start !== undefined, 'an operation that was decoded names an interval');
    return scheduleOf(this.rules.versions.ofInterval(interval), start);
  }

  /** SPEC market 1.5: a book whose time has come is closed, even while the hooks are still working it off. */
  isOpen(cell: BookCell, marketTime: number): boolean {
    return cell.value?.status === 'open' && cell.value.closesAt > marketTime;
  }

  /** How what a seller delivers in an interval is shared among its sales. */
  allocation(interval: string): Allocation {
    return this.rules.versions.ofInterval(interval).allocation;
  }

  /** Whether the tariff book says what energy costs in a zone and interval: no later version of it takes that back (tariffs 5.9). */
  isPriced(zone: string, interval: string): boolean {
    return this.tariffs.termsOf(zone, zone, interval) !== undefined;
  }

  /** Of an interval in which something was traded or metered; by the version in force, or by a former one. */
  termsAt(fromZone: string, toZone: string, interval: string, version?: number): BookTerms {
    const terms = this.tariffs.termsOf(fromZone, toZone, interval, version);
    assert(terms !== undefined, 'an interval that is settled was covered by the tariff book when it was traded');
    return terms;
  }

  /** SPEC market 1.6: the terms in force, where they are others than those that a book trades under. */
  otherTerms(book: Book): BookTerms | undefined {
    const { hash } = this.tariffs.newest;
    if (book.seen === hash) return undefined;
    const terms = this.termsAt(book.fromZone, book.toZone, book.interval);
    if (!isSameTerms(terms, book.terms)) return terms;
    book.seen = hash;
    return undefined;
  }

  /** SPEC market 1.6: goes on under these terms; nothing rests in it. */
  repriceBook(context: BlockContext, book: Book, terms: BookTerms): void {
    const cell = this.book(book);
    assert(cell?.value !== undefined, 'a book that stands has a row');
    this.store.change(cell, { ...cell.value, tariffVersion: terms.version });
    context.events.push({ type: 'market.bookRepriced', ...nameOf(book), ...toldOf(terms) });
  }

  /** SPEC market 1.3: with its first order; undefined where no tariff covers the interval. */
  openBook(context: BlockContext, name: BookName, closesAt: number): Book | undefined {
    const terms = this.tariffs.termsOf(name.fromZone, name.toZone, name.interval);
    if (terms === undefined) return undefined;
    const cell = this.books.pair(marketOf(name), name.interval);
    this.intervals.expect(name.interval, this.schedule(name.interval).closesAt);
    this.store.change(cell, { status: 'open', closesAt, tariffVersion: terms.version });
    const book = cell.extra;
    assert(book !== undefined, 'a book that opens has its index');
    context.events.push({ type: 'market.bookOpened', ...nameOf(book), closesAt: book.closesAtText, ...toldOf(terms) });
    return book;
  }

  count(): CounterRow {
    const row = this.counterCell.value;
    assert(row !== undefined, 'the counters are always there');
    return row;
  }

  /** The number of the next trade, from 1. */
  nextTrade(): number {
    const row = this.count();
    const trades = row.trades + 1;
    this.store.change(this.counterCell, { trades, entries: row.entries, closed: row.closed });
    return trades;
  }

  /** The place in time of the next order that rests. */
  nextEntry(): number {
    const row = this.count();
    const entries = row.entries + 1;
    this.store.change(this.counterCell, { trades: row.trades, entries, closed: row.closed });
    return entries;
  }

  /** Ends an order of which nothing is left. */
  fill(cell: OrderCell, events: LedgerEvent[]): void {
    this.setClosed(cell);
    events.push({ type: 'market.orderClosed', order: cell.key, reason: 'filled', remainingWh: '0' });
  }

  /** The balances that orders of one side of a book hold of: as {@link Book.escrowAsset} says. */
  escrowGroup(book: Book, isBid: boolean): BalanceGroup {
    return isBid || !book.isSpot ? this.watt : book.sold;
  }

  /** The balance that an open order's escrow stands in. */
  holderOf(order: OpenOrder): BalanceCell {
    const cell = this.escrowGroup(order.book, order.isBid).get(order.account);
    assert(cell !== undefined, 'who holds has a balance');
    return cell;
  }

  /** SPEC market 6.2: marks an order as closed, and forgets the one that has been remembered longest. */
  setClosed(cell: OrderCell): void {
    const row = this.count();
    const closed = row.closed + 1;
    this.store.change(this.counterCell, { trades: row.trades, entries: row.entries, closed });
    const oldest = this.closedRing[closed % CLOSED_ORDERS_REMEMBERED];
    if (oldest !== undefined) this.store.change(oldest, undefined);
    this.store.change(cell, { closed });
  }

  private orderChanged(cell: OrderCell, old: OrderRow | undefined, now: OrderRow | undefined): void {
    const wasOpen = isOpenOrder(old);
    if (isOpenOrder(now)) {
      if (!wasOpen) this.enter(cell, now);
      else if (now.remainingWh !== old.remainingWh)
        cell.extra?.owner?.rests(now.book.placeOf(now.isBid), now.isBid, now.remainingWh - old.remainingWh);
    } else if (wasOpen) this.leave(cell, old);
    if (old !== undefined && old.closed !== 0) {
      const place = old.closed % CLOSED_ORDERS_REMEMBERED;
      if (this.closedRing[place] === cell) this.closedRing[place] = undefined;
    }
    if (now !== undefined && now.closed !== 0) this.closedRing[now.closed % CLOSED_ORDERS_REMEMBERED] = cell;
  }

  private enter(cell: OrderCell, row: OpenOrder): void {
    const { account, book, isBid, expiresAt, entry, waits } = row;
    // An order that comes back when its removal is undone has its node still: see Side.
    const known = cell.extra;
    const node = known?.entry === entry ? known : new OrderNode(cell, entry, expiresAt, waits?.validFrom ?? 0);
    cell.extra = node;
    this.participants.enter(account, node, book.placeOf(isBid), isBid, row.remainingWh);
    if (waits === undefined) (isBid ? book.bids : book.asks).add(node, row.priceTicks);
    else {
      this.waiting.add(node);
      book.waiting.add(node);
    }
    if (expiresAt < book.closesAt) this.expiring.add(node);
  }

  private leave(cell: OrderCell, row: OpenOrder): void {
    const { book, isBid, expiresAt, waits } = row;
    const node = cell.extra;
    assert(node !== undefined, 'an open order has a place');
    this.participants.leave(node, book.placeOf(isBid), isBid, row.remainingWh);
    if (waits === undefined) (isBid ? book.bids : book.asks).remove(node);
    else {
      this.waiting.remove(node);
      book.waiting.remove(node);
    }
    if (expiresAt < book.closesAt) this.expiring.remove(node);
  }

  private bookChanged(cell: BookCell, old: BookRow | undefined, now: BookRow | undefined): void {
    const stood = old !== undefined;
    const stands = now !== undefined;
    if (stands && !stood) {
      // One that closed in this block, which is undone, has its index still.
      cell.extra ??= this.makeBook(cell, now);
      this.standing.add(cell.extra);
    } else if (stood && !stands) {
      assert(cell.extra !== undefined, 'a standing book has its index');
      this.standing.remove(cell.extra);
      this.recentlyClosed.push(cell);
    } else if (stood && stands && old.tariffVersion !== now.tariffVersion) {
      assert(cell.extra !== undefined, 'a standing book has its index');
      cell.extra.reprice(this.termsUnder(cell.extra, now.tariffVersion));
    }
  }

  private makeBook({ first: market, second: interval }: BookCell, { closesAt, tariffVersion }: BookRow): Book {
    const name = nameOfMarket(market);
    assert(name !== undefined, 'a book is named by its market');
    const book = { ...name, interval };
    return new Book(book, closesAt, this.termsUnder(book, tariffVersion), this.accounts);
  }

  private termsUnder({ fromZone, toZone, interval }: BookName, version: number): BookTerms {
    const terms = this.tariffs.termsOf(fromZone, toZone, interval, version);
    assert(terms !== undefined, 'a book trades under a version that covers its interval');
    return terms;
  }

  /** Rows of books are there before those of orders are read. */
  private decodeOrder(reader: ByteReader): OrderRow {
    const kind = reader.u8();
    if (kind === 0) {
      const closed = reader.u64();
      return closed === 0 ? reader.fail('closed') : { closed };
    }
    if (kind > 4) reader.fail('side');
    const account = reader.text();
    const key = reader.text();
    const book = this.books.find(key)?.extra;
    if (book === undefined) return reader.fail('book');
    const isBid = kind === 1 || kind === 3;
    return {
      // The names of accounts are there already: orders share them.
      account: this.registry.accounts.rows.get(account)?.key ?? account,
      book,
      isBid,
      priceTicks: reader.u32(),
      remainingWh: reader.u64(),
      expiresAt: reader.u64(),
      entry: reader.u64(),
      feeCarry: reader.u64(),
      held: reader.u64(),
      day: reader.u32(),
      waits: kind < 3 ? undefined : { validFrom: reader.u64(), timeInForce: readOneOf(reader, TIMES_IN_FORCE) },
      closed: 0,
    };
  }

  /** Frees the indexes of books that closed in earlier blocks: until then an undo might have needed them. */
  freeClosedBooks(): void {
    for (const cell of this.recentlyClosed) if (cell.value === undefined) cell.extra = undefined;
    this.recentlyClosed = [];
  }
}

const nameOf = ({ mechanism, phase, fromZone, toZone, interval }: BookName): BookName => ({
  mechanism,
  phase,
  fromZone,
  toZone,
  interval,
});

type Told = Omit<EventOf<'market.bookRepriced'>, 'type' | keyof BookName>;
const toldOf = ({ version, hash, wheeling, operatorFrom, operatorTo, platform, tax }: BookTerms): Told => ({
  tariffVersion: version,
  tariffHash: hash,
  wheeling,
  operatorFrom,
  operatorTo,
  platform,
  tax,
});

function escrowOf(row: OrderRow): Escrow | undefined {
  if (!isOpenOrder(row)) return undefined;
  return { account: row.account, asset: row.book.escrowAsset(row.isBid), amount: row.held };
}

function faultOf(row: OrderRow): string | undefined {
  if (!isOpenOrder(row)) return undefined;
  const { book, isBid, remainingWh, held, priceTicks, feeCarry } = row;
  if (remainingWh <= 0 || priceTicks < 1 || priceTicks > PRICE_TICKS_MAX) return 'an open order has energy and a price';
  const due = book.holdOf(isBid, priceTicks, remainingWh, feeCarry);
  return held === due && Number.isSafeInteger(held) ? undefined : `an order holds ${held} instead of ${due}`;
}

function encodeOrder(writer: RowWriter, row: OrderRow): void {
  if (!isOpenOrder(row)) {
    writer.u8(0).u64(row.closed);
    return;
  }
  writer
    .u8((row.isBid ? 1 : 2) + (row.waits === undefined ? 0 : 2))
    .text(row.account)
    .text(row.book.key)
    .u32(row.priceTicks)
    .u64(row.remainingWh)
    .u64(row.expiresAt)
    .u64(row.entry)
    .u64(row.feeCarry)
    .u64(row.held)
    .u32(row.day);
  if (row.waits !== undefined) writer.u64(row.waits.validFrom).text(row.waits.timeInForce);
}
