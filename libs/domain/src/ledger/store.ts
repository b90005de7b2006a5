import { assert, type ByteWriter } from '@gridtokenx/kernel';

/** One row: its cell stays the same object while its value changes, so that indexes and hot paths may keep hold of it. */
export class Cell<V> {
  /** Immutable; `undefined` is an absent row. */
  value: V | undefined = undefined;
  /** The value when `block` began. */
  before: V | undefined = undefined;
  /** The execution that last changed the row. */
  block = 0;
  /** The scan of the journal that saw the row last. */
  scan = 0;
  /** SHA-256 of the row at the last state digest, where the table caches it. */
  hash: Uint8Array | undefined = undefined;

  constructor(
    readonly table: Table<V>,
    /** Unique in the table; ASCII, so that the order of strings is the order of bytes. */
    readonly key: string,
  ) {}
}

/** What a row promises to keep for an order: see SPEC ledger 4.3. */
export interface Escrow {
  readonly account: string;
  readonly asset: string;
  readonly amount: number;
}

export interface TableOptions<V, C extends Cell<V>> {
  /** SPEC ledger 3.2: the canonical bytes of a row. */
  encode(writer: ByteWriter, value: V): void;
  make?(table: Table<V>, key: string): C;
  /** Secondary indexes follow here, forwards and when a change is taken back. */
  changed?(cell: C, old: V | undefined, now: V | undefined): void;
  /** What the row holds of whom, if rows of this table are orders. */
  escrow?(value: V): Escrow | undefined;
  /** Whether a row is consistent in itself; a sentence when it is not. */
  fault?(value: V): string | undefined;
  /** Rows that change in many blocks keep their hash; rows of which there are millions do not. */
  readonly keepHash?: boolean;
}

/** Rows of one kind, changed only through the journal of their store. */
export class Table<V, C extends Cell<V> = Cell<V>> {
  readonly rows = new Map<string, C>();

  constructor(
    readonly store: Store,
    readonly name: string,
    readonly options: TableOptions<V, C>,
  ) {
    store.register(this);
  }

  get(key: string): V | undefined {
    return this.rows.get(key)?.value;
  }

  has(key: string): boolean {
    return this.rows.get(key)?.value !== undefined;
  }

  /** The cell of a key, made when there is none: the row itself stays absent until it is set. */
  cell(key: string): C {
    let cell = this.rows.get(key);
    if (cell === undefined) {
      cell = this.options.make === undefined ? (new Cell<V>(this, key) as C) : this.options.make(this, key);
      this.rows.set(key, cell);
    }
    return cell;
  }

  set(key: string, value: V): void {
    this.store.change(this.cell(key), value);
  }

  delete(key: string): void {
    const cell = this.rows.get(key);
    if (cell?.value !== undefined) this.store.change(cell, undefined);
  }

  /** Forgets a cell whose row is absent. */
  drop(cell: Cell<V>): void {
    this.rows.delete(cell.key);
  }

  get size(): number {
    let size = 0;
    for (const cell of this.rows.values()) if (cell.value !== undefined) size++;
    return size;
  }
}

export class PairCell<V> extends Cell<V> {
  constructor(
    table: Table<V>,
    readonly first: string,
    readonly second: string,
  ) {
    super(table, `${first}/${second}`);
  }
}

/** A table whose key has two parts, found without joining them: by the second part, then the first. */
export class PairTable<V, C extends PairCell<V> = PairCell<V>> extends Table<V, C> {
  private readonly groups = new Map<string, Map<string, C>>();

  constructor(
    store: Store,
    name: string,
    options: TableOptions<V, C>,
    private readonly makePair: (table: Table<V>, first: string, second: string) => C,
  ) {
    super(store, name, options);
  }

  /** All cells with this second part, by their first; stays the same map for as long as the table lives. */
  group(second: string): Map<string, C> {
    let group = this.groups.get(second);
    if (group === undefined) {
      group = new Map();
      this.groups.set(second, group);
    }
    return group;
  }

  getPair(first: string, second: string): V | undefined {
    return this.groups.get(second)?.get(first)?.value;
  }

  pair(first: string, second: string): C {
    return this.pairIn(this.group(second), first, second);
  }

  /** The same, for who keeps the group. */
  pairIn(group: Map<string, C>, first: string, second: string): C {
    let cell = group.get(first);
    if (cell === undefined) {
      cell = this.makePair(this, first, second);
      group.set(first, cell);
      this.rows.set(cell.key, cell);
    }
    return cell;
  }

  override drop(cell: Cell<V>): void {
    super.drop(cell);
    const { first, second } = cell as PairCell<V>;
    this.groups.get(second)?.delete(first);
  }
}

/**
 * The state of a ledger: tables over one undo journal. Every change goes through `change`, and is taken back by the same
 * path, so that indexes never see a change that they do not also see undone.
 */
export class Store {
  readonly tables: Table<unknown>[] = [];
  private cells: Cell<unknown>[] = [];
  private olds: unknown[] = [];
  private touchedCells: Cell<unknown>[] = [];
  private execution = 1;
  private scans = 0;

  register<V, C extends Cell<V>>(table: Table<V, C>): void {
    assert(
      this.tables.every((other) => other.name !== table.name),
      `table ${table.name} is there once`,
    );
    this.tables.push(table as unknown as Table<unknown>);
  }

  change<V>(cell: Cell<V>, value: V | undefined): void {
    const old = cell.value;
    if (cell.block !== this.execution) {
      cell.block = this.execution;
      cell.before = old;
      this.touchedCells.push(cell);
    }
    this.cells.push(cell);
    this.olds.push(old);
    cell.value = value;
    const { options } = cell.table;
    if (options.changed !== undefined) options.changed(cell, old, value);
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

  /** Ends a block: what it did stands, or was undone before. */
  endBlock(): void {
    for (const cell of this.touchedCells) {
      cell.before = undefined;
      if (cell.value === undefined) cell.table.drop(cell);
    }
    this.touchedCells = [];
    this.cells.length = 0;
    this.olds.length = 0;
    this.execution++;
  }
}
