import { assert, type ByteReader, type RowWriter, type ScratchWriter } from '@gridtokenx/kernel';

/**
 * One row: its cell stays the same object while its value changes, so that indexes and hot paths may keep hold of it.
 * One class for all tables, with what a table adds in `extra`: objects of one shape are what keeps `change` fast.
 */
export class Cell<V, X = unknown> {
  /** Immutable; `undefined` is an absent row. */
  value: V | undefined;
  /** The value when `block` began. */
  before: V | undefined;
  /** The execution that last changed the row. */
  block: number;
  /** The scan of the journal that saw the row last. */
  scan: number;
  /**
   * SHA-256 of the row at the last state digest, until the checkpoint tree has it. Each byte is a letter: such a text takes a
   * fifth of the memory of an array, and there is one for each row that has changed.
   */
  hash: string | undefined;
  /** The checkpoint before which the row was last found changed. */
  noted: number;
  /** Its bucket in the checkpoint tree; -1 while the tree does not know it. */
  bucket: number;

  constructor(
    readonly table: AnyTable<V, X>,
    /** The key, or in a table by pairs the part of it that is the cell's own. */
    private readonly own: string,
    private readonly group: Group<V, X> | undefined,
    public extra: X,
  ) {
    this.value = undefined;
    this.before = undefined;
    this.block = 0;
    this.scan = 0;
    this.hash = undefined;
    this.noted = 0;
    this.bucket = -1;
  }

  /** Unique in the table; ASCII, so that the order of strings is the order of bytes. */
  get key(): string {
    return this.group === undefined ? this.own : `${this.first}/${this.second}`;
  }

  /** Of a key with two parts. */
  get first(): string {
    const { group, own } = this;
    return group?.isByFirst === true ? group.part : own;
  }

  get second(): string {
    const { group, own } = this;
    return group === undefined ? '' : group.isByFirst ? own : group.part;
  }

  /** The key of the row among all rows: SPEC ledger 3.2. */
  writeKey(writer: ScratchWriter): ScratchWriter {
    writer.ascii(this.table.prefix).ascii(this.first);
    return this.group === undefined ? writer : writer.ascii('/').ascii(this.second);
  }
}

/** What a row promises to keep for an order: see SPEC ledger 4.3. */
export interface Escrow {
  readonly account: string;
  readonly asset: string;
  readonly amount: number;
  /** Outcomes do not list what the row holds: the postings tell it. */
  readonly isUntold?: true;
}

export interface TableOptions<V, X> {
  /** SPEC ledger 3.2: the canonical bytes of a row. */
  encode(writer: RowWriter, value: V): void;
  /** The value behind those bytes. Throws DecodeError; the engine sees to it that no other bytes give the same value. */
  decode(reader: ByteReader): V;
  /**
   * Rows that a restored state takes in last, lowest first: those that refer to rows of other tables, or whose index is
   * built fastest in some order.
   */
  restoreOrder?(value: V): number;
  /** Secondary indexes follow here, forwards and when a change is taken back. */
  changed?(cell: Cell<V, X>, old: V | undefined, now: V | undefined): void;
  /** What the row holds of whom. */
  escrow?(value: V, cell: Cell<V, X>): Escrow | undefined;
  /** Whether a row is consistent in itself; a sentence when it is not. */
  fault?(value: V): string | undefined;
}

/** Rows of one kind, changed only through the journal of their store. */
export abstract class AnyTable<V, X> {
  /** What the keys of its rows begin with. */
  readonly prefix: string;

  constructor(
    readonly store: Store,
    readonly name: string,
    readonly options: TableOptions<V, X>,
  ) {
    this.prefix = `${name}/`;
    store.register(this);
  }

  abstract find(key: string): Cell<V, X> | undefined;
  /** The cell of a key, made when there is none: the row itself stays absent until it is set. */
  abstract cell(key: string): Cell<V, X>;
  abstract cells(): Iterable<Cell<V, X>>;
  /** Forgets a cell whose row is absent. */
  abstract drop(cell: Cell<V, X>): void;

  get(key: string): V | undefined {
    return this.find(key)?.value;
  }

  has(key: string): boolean {
    return this.find(key)?.value !== undefined;
  }

  set(key: string, value: V): void {
    this.store.change(this.cell(key), value);
  }
}

export class Table<V, X = undefined> extends AnyTable<V, X> {
  readonly rows = new Map<string, Cell<V, X>>();

  constructor(
    store: Store,
    name: string,
    options: TableOptions<V, X>,
    private readonly extra: X,
  ) {
    super(store, name, options);
  }

  override find(key: string): Cell<V, X> | undefined {
    return this.rows.get(key);
  }

  override cell(key: string): Cell<V, X> {
    let cell = this.rows.get(key);
    if (cell === undefined) {
      cell = new Cell<V, X>(this, key, undefined, this.extra);
      this.rows.set(key, cell);
    }
    return cell;
  }

  override cells(): Iterable<Cell<V, X>> {
    return this.rows.values();
  }

  override drop(cell: Cell<V, X>): void {
    this.rows.delete(cell.key);
  }
}

/** A table of rows that need nothing but their value. */
export const plainTable = <V>(store: Store, name: string, options: TableOptions<V, undefined>): Table<V> =>
  new Table<V>(store, name, options, undefined);

/** The cells that have one part of their keys in common, by the other. */
export class Group<V, X> {
  readonly cells = new Map<string, Cell<V, X>>();

  constructor(
    /** What they have in common. */
    readonly part: string,
    readonly isByFirst: boolean,
  ) {}

  get(own: string): Cell<V, X> | undefined {
    return this.cells.get(own);
  }
}

/**
 * A table whose key has two parts, found without joining them: by the second part, then the first, or the other way round.
 * What comes first should have few values: each of them has a map of its own, and keys are nowhere kept whole.
 */
export class PairTable<V, X = undefined> extends AnyTable<V, X> {
  private readonly groups = new Map<string, Group<V, X>>();
  private readonly isByFirst: boolean;

  constructor(
    store: Store,
    name: string,
    options: TableOptions<V, X>,
    private readonly extra: X,
    by: 'first' | 'second' = 'second',
  ) {
    super(store, name, options);
    this.isByFirst = by === 'first';
  }

  /** By the whole key; no first part holds a slash. */
  override find(key: string): Cell<V, X> | undefined {
    const slash = key.indexOf('/');
    return this.findPair(key.slice(0, slash), key.slice(slash + 1));
  }

  override cell(key: string): Cell<V, X> {
    const slash = key.indexOf('/');
    assert(slash > 0, 'the key of a pair table has two parts');
    return this.pair(key.slice(0, slash), key.slice(slash + 1));
  }

  override *cells(): Iterable<Cell<V, X>> {
    for (const group of this.groups.values()) yield* group.cells.values();
  }

  /** All cells with this part; stays the same group for as long as the table lives. */
  group(part: string): Group<V, X> {
    let group = this.groups.get(part);
    if (group === undefined) {
      group = new Group(part, this.isByFirst);
      this.groups.set(part, group);
    }
    return group;
  }

  findPair(first: string, second: string): Cell<V, X> | undefined {
    return this.isByFirst ? this.groups.get(first)?.get(second) : this.groups.get(second)?.get(first);
  }

  getPair(first: string, second: string): V | undefined {
    return this.findPair(first, second)?.value;
  }

  pair(first: string, second: string): Cell<V, X> {
    return this.isByFirst ? this.cellIn(this.group(first), second) : this.cellIn(this.group(second), first);
  }

  /** The same, for who keeps the group: by the other part. */
  cellIn(group: Group<V, X>, own: string): Cell<V, X> {
    let cell = group.cells.get(own);
    if (cell === undefined) {
      cell = new Cell<V, X>(this, own, group, this.extra);
      group.cells.set(own, cell);
    }
    return cell;
  }

  override drop({ first, second }: Cell<V, X>): void {
    const [part, own] = this.isByFirst ? [first, second] : [second, first];
    this.groups.get(part)?.cells.delete(own);
  }
}

/** A table by two parts, of rows that need nothing but their value. */
export const pairTable = <V>(
  store: Store,
  name: string,
  options: TableOptions<V, undefined>,
  by: 'first' | 'second' = 'second',
): PairTable<V> => new PairTable<V>(store, name, options, undefined, by);

/**
 * The state of a ledger: tables over one undo journal. Every change goes through `change`, and is taken back by the same
 * path, so that indexes never see a change that they do not also see undone.
 */
export class Store {
  readonly tables: AnyTable<unknown, unknown>[] = [];
  private cells: Cell<unknown>[] = [];
  private olds: unknown[] = [];
  private touchedCells: Cell<unknown>[] = [];
  private execution = 1;
  private scans = 0;
  /** Told of each row that a final block has changed, with the value before it. */
  onChanged: ((cell: Cell<unknown>, before: unknown) => void) | undefined;

  register<V, X>(table: AnyTable<V, X>): void {
    assert(
      this.tables.every((other) => other.name !== table.name),
      `table ${table.name} is there once`,
    );
    this.tables.push(table as unknown as AnyTable<unknown, unknown>);
  }

  change<V, X>(cell: Cell<V, X>, value: V | undefined): void {
    const old = cell.value;
    if (cell.block !== this.execution) {
      cell.block = this.execution;
      cell.before = old;
      this.touchedCells.push(cell as unknown as Cell<unknown>);
    }
    this.cells.push(cell as unknown as Cell<unknown>);
    this.olds.push(old);
    cell.value = value;
    const { options } = cell.table;
    if (options.changed !== undefined) options.changed(cell, old, value);
  }

  /** A row of a state that is restored: nothing will take it back. */
  restore<V, X>(cell: Cell<V, X>, value: V): void {
    const old = cell.value;
    cell.value = value;
    cell.table.options.changed?.(cell, old, value);
  }

  /** A place in the journal to come back to. */
  mark(): number {
    return this.cells.length;
  }

  /** Takes back everything since `mark`, last change first. */
  undoTo(mark: number): void {
    const { cells, olds } = this;
    for (let i = cells.length - 1; i >= mark; i--) {
      const cell = cells[i] as Cell<unknown>;
      const value = cell.value;
      const old = olds[i];
      cell.value = old;
      const { options } = cell.table;
      if (options.changed !== undefined) options.changed(cell, value, old);
    }
    cells.length = mark;
    olds.length = mark;
  }

  /** Each cell changed since `mark`, once, in the order of its first change, with the value before it. */
  changesSince(mark: number, visit: (cell: Cell<unknown>, old: unknown) => void): void {
    const scan = ++this.scans;
    const { cells, olds } = this;
    for (let i = mark; i < cells.length; i++) {
      const cell = cells[i] as Cell<unknown>;
      if (cell.scan === scan) continue;
      cell.scan = scan;
      visit(cell, olds[i]);
    }
  }

  /** Cells changed in this block, in the order of their first change; some may be as before again. */
  get touched(): readonly Cell<unknown>[] {
    return this.touchedCells;
  }

  /** Whether the block that is being tried has changed a row. */
  isTouched(cell: Cell<unknown>): boolean {
    return cell.block === this.execution;
  }

  /** The value of a row when the last block ended, whatever is being tried since. */
  committed<V, X>(cell: Cell<V, X>): V | undefined {
    return cell.block === this.execution ? cell.before : cell.value;
  }

  /** Ends a block: what it did stands, or was undone before. */
  endBlock(): void {
    const { onChanged } = this;
    for (const cell of this.touchedCells) {
      if (onChanged !== undefined && cell.value !== cell.before) onChanged(cell, cell.before);
      cell.before = undefined;
      if (cell.value === undefined) cell.table.drop(cell);
    }
    this.touchedCells = [];
    this.cells.length = 0;
    this.olds.length = 0;
    this.execution++;
  }
}
