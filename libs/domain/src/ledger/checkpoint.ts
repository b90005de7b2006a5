import {
  bucketOf,
  BucketRows,
  CHECKPOINT_BLOCKS,
  CHECKPOINT_BUCKETS,
  CHECKPOINT_DELAY,
  checkpointTold,
  ROW_HASH_BYTES,
  type RowProof,
} from '@gridtokenx/chain';
import { nodeHash, ZERO_HASH, type Crypto, type Hash } from '@gridtokenx/crypto';
import { asciiText, assert, ScratchWriter, utf8 } from '@gridtokenx/kernel';
import { rowHash } from './digest.js';
import type { Cell, Store } from './store.js';

/** The cells of a bucket, each at the place of its row. */
interface Bucket {
  readonly cells: Cell<unknown>[];
  readonly rows: BucketRows;
}

/** One for all: the bytes of a row are copied out before the next is written. */
const scratch = new ScratchWriter();
/** Others, for the key and the hash of a row beside each other. */
const keys = new ScratchWriter();
const hashes = new ScratchWriter();
const keyBytes = (cell: Cell<unknown>): Uint8Array => cell.writeKey(keys.reset()).bytes();

/** SHA-256 takes about as long for so many bytes as all the rest of what one row costs. */
const BYTES_PER_UNIT = 1024;
const unitsOf = (bytes: number): number => 1 + Math.floor(bytes / BYTES_PER_UNIT);

/** How far the work on the checkpoint has come. */
type Stage = 'rows' | 'buckets' | 'nodes' | 'done';

/**
 * SPEC ledger 6: the checkpoint tree of a state that goes on changing. At its height the changed rows are only taken note of;
 * their values of that height are found again because a row that changes later leaves its old value here, and so they can be
 * hashed in slices while blocks go on.
 */
export class Checkpoints {
  private readonly buckets: (Bucket | undefined)[] = Array.from({ length: CHECKPOINT_BUCKETS }, () => undefined);
  /** Level 0 are the buckets, the last is the root; hashes next to each other. */
  private readonly levels: Uint8Array[] = [];
  private count = 0;
  /** Of all buckets together. */
  private bytes = 0;

  /** Rows changed since the last checkpoint, in the order of their first change. */
  private noted: Cell<unknown>[] = [];
  private interval = 1;

  private at = 0;
  private taken: readonly Cell<unknown>[] = [];
  /** Values at the checkpoint of rows that have changed since. */
  private olds = new Map<Cell<unknown>, unknown>();
  private isHeld = false;
  private stage: Stage = 'done';
  /** What was left when it was taken. */
  private size = 0;
  private next = 0;
  private level = 0;
  private dirty: number[] = [];
  private isDirty = new Uint8Array(CHECKPOINT_BUCKETS);

  constructor(
    private readonly crypto: Crypto,
    private readonly store: Store,
  ) {
    let hash = new BucketRows().leaf(crypto);
    for (let size = CHECKPOINT_BUCKETS; size >= 1; size /= 2) {
      const level = new Uint8Array(size * ROW_HASH_BYTES);
      for (let i = 0; i < size; i++) level.set(hash, i * ROW_HASH_BYTES);
      this.levels.push(level);
      hash = nodeHash(crypto.sha256, hash, hash);
    }
  }

  /** Of the last checkpoint; 0 before the first. */
  get height(): number {
    return this.at;
  }

  /** Whether the tree stands at the last checkpoint. */
  get isDone(): boolean {
    return this.stage === 'done';
  }

  /** How many rows the tree has. */
  get rows(): number {
    return this.count;
  }

  /** A row is another one than before the block that just ended. */
  note(cell: Cell<unknown>, before: unknown): void {
    if (cell.noted === this.interval) return;
    cell.noted = this.interval;
    this.noted.push(cell);
    if (this.stage !== 'done' || this.isHeld) this.olds.set(cell, before);
  }

  /** SPEC ledger 6.1: a block is final. Takes the checkpoint, or does its part of the work on the last one. */
  ended(height: number): void {
    if (height % CHECKPOINT_BLOCKS === 0) return this.take(height);
    const after = height - this.at;
    if (after >= CHECKPOINT_DELAY - 1) this.work(Number.POSITIVE_INFINITY);
    // What slices between the blocks have done already, no block has to do.
    else this.work(Math.ceil(this.left - this.size * (1 - (after - 1) / (CHECKPOINT_DELAY - 2))));
  }

  private take(height: number): void {
    assert(this.isDone, 'a checkpoint is done before the next one is taken');
    this.at = height;
    this.taken = this.noted;
    this.noted = [];
    this.interval++;
    this.olds = new Map();
    this.isHeld = false;
    this.stage = 'rows';
    this.next = 0;
    this.size = this.left;
  }

  /** Units of work that are left, about. */
  private get left(): number {
    const { taken, dirty, next } = this;
    switch (this.stage) {
      case 'rows':
        return taken.length - next + (this.unitsPerBucket + 1) * Math.min(taken.length, CHECKPOINT_BUCKETS);
      case 'buckets':
        return (this.unitsPerBucket + 1) * (dirty.length - next);
      case 'nodes':
        return 2 * (dirty.length - next);
      default:
        return 0;
    }
  }

  private get unitsPerBucket(): number {
    return unitsOf(this.bytes / CHECKPOINT_BUCKETS);
  }

  /**
   * Works on the last checkpoint for about so many units, each a microsecond or two whatever the size of the state: a row, a
   * node, or a kilobyte of a bucket. Whether it is done. May be called whenever no rows are being changed.
   */
  work(units: number): boolean {
    for (let rest = units; rest > 0 && this.stage !== 'done';) rest -= this.step(rest);
    return this.isDone;
  }

  private step(most: number): number {
    switch (this.stage) {
      case 'rows':
        return this.hashRows(most);
      case 'buckets':
        return this.hashBuckets(most);
      default:
        return this.hashNodes(most);
    }
  }

  private hashRows(most: number): number {
    const { taken } = this;
    const end = Math.min(taken.length, this.next + most);
    const begun = this.next;
    for (let i = begun; i < end; i++) this.enter(taken[i] as Cell<unknown>);
    this.next = end;
    if (end === taken.length) {
      this.taken = [];
      this.beginBuckets();
    }
    return Math.max(1, end - begun);
  }

  /** Brings one row of the tree to the checkpoint. */
  private enter(cell: Cell<unknown>): void {
    const { crypto, store, olds } = this;
    const isAsTaken = !olds.has(cell) && !store.isTouched(cell);
    const value = isAsTaken ? cell.value : this.valueOf(cell);
    // The digest of the block that changed it last has made its hash.
    const known = isAsTaken ? cell.hash : undefined;
    const hash = known === undefined ? rowHash(crypto, cell, value) : hashes.reset().letters(known).bytes();
    // From here on the tree has it.
    if (isAsTaken) cell.hash = undefined;
    if (value === undefined) this.remove(cell);
    else if (cell.bucket < 0) this.insert(cell, hash);
    else {
      const { cells, rows } = this.buckets[cell.bucket] as Bucket;
      rows.setHash(cells.indexOf(cell), hash);
      this.isDirty[cell.bucket] = 1;
    }
  }

  private insert(cell: Cell<unknown>, hash: Uint8Array): void {
    const key = keyBytes(cell);
    cell.bucket = bucketOf(this.crypto, key);
    const { cells, rows } = (this.buckets[cell.bucket] ??= { cells: [], rows: new BucketRows() });
    const { size } = rows;
    cells.splice(rows.insert(key, hash), 0, cell);
    this.bytes += rows.size - size;
    this.count++;
    this.isDirty[cell.bucket] = 1;
  }

  private remove(cell: Cell<unknown>): void {
    // Made and gone since the last checkpoint: the tree never knew it.
    if (cell.bucket < 0) return;
    const { cells, rows } = this.buckets[cell.bucket] as Bucket;
    const { size } = rows;
    const index = cells.indexOf(cell);
    cells.splice(index, 1);
    rows.remove(index);
    this.bytes += rows.size - size;
    this.count--;
    this.isDirty[cell.bucket] = 1;
    cell.bucket = -1;
  }

  /** The hash of a row as it stands since the last decided block, if nothing has changed it since it came into the tree. */
  hashOf(cell: Cell<unknown>): Hash | undefined {
    const inTree = this.stage === 'rows' ? this.interval - 1 : this.interval;
    if (cell.bucket < 0 || cell.noted >= inTree) return undefined;
    const { cells, rows } = this.buckets[cell.bucket] as Bucket;
    return rows.hash(cells.indexOf(cell));
  }

  private beginBuckets(): void {
    const { isDirty } = this;
    const dirty: number[] = [];
    for (let bucket = 0; bucket < CHECKPOINT_BUCKETS; bucket++) if (isDirty[bucket] === 1) dirty.push(bucket);
    isDirty.fill(0);
    this.dirty = dirty;
    this.next = 0;
    this.stage = 'buckets';
  }

  private hashBuckets(most: number): number {
    const { dirty, levels } = this;
    const level = levels[0] as Uint8Array;
    let done = 0;
    for (; this.next < dirty.length && done < most; this.next++) {
      const at = dirty[this.next] as number;
      const { rows } = this.buckets[at] as Bucket;
      level.set(rows.leaf(this.crypto), at * ROW_HASH_BYTES);
      done += unitsOf(rows.size);
      if (rows.count > 0) continue;
      rows.free();
      this.buckets[at] = undefined;
    }
    if (this.next === dirty.length) this.beginNodes();
    return Math.max(1, done);
  }

  private beginNodes(): void {
    this.dirty = parentsOf(this.dirty);
    this.level = 1;
    this.next = 0;
    this.stage = 'nodes';
  }

  private hashNodes(most: number): number {
    const { dirty, levels, crypto } = this;
    const level = levels[this.level] as Uint8Array;
    const below = levels[this.level - 1] as Uint8Array;
    const end = Math.min(dirty.length, this.next + most);
    const begun = this.next;
    for (let i = begun; i < end; i++) {
      const at = dirty[i] as number;
      level.set(nodeHash(crypto.sha256, hashAt(below, 2 * at), hashAt(below, 2 * at + 1)), at * ROW_HASH_BYTES);
    }
    this.next = end;
    if (end === dirty.length) {
      this.dirty = parentsOf(dirty);
      this.level++;
      this.next = 0;
      if (this.level === levels.length) this.finish();
    }
    return Math.max(1, end - begun);
  }

  private finish(): void {
    this.stage = 'done';
    this.dirty = [];
    if (!this.isHeld) this.olds = new Map();
  }

  /** SPEC ledger 6.2: what the header of this height carries; it is asked for when the block before is final. */
  rootOf(height: number): Hash {
    const told = checkpointTold(height);
    if (told === undefined) return ZERO_HASH;
    assert(told === this.at, 'the checkpoint that a header tells is the last one');
    this.work(Number.POSITIVE_INFINITY);
    return this.root;
  }

  private get root(): Hash {
    return hashAt(this.levels.at(-1) as Uint8Array, 0).slice() as Hash;
  }

  /** The value of a row at the checkpoint, also while a block is being tried on the state. */
  private valueOf(cell: Cell<unknown>): unknown {
    return this.olds.has(cell) ? this.olds.get(cell) : this.store.committed(cell);
  }

  /** SPEC wire 8.4: of a row of the last checkpoint, or of its absence. */
  prove(key: string): RowProof {
    assert(this.isDone, 'what is proven has been hashed');
    let at = bucketOf(this.crypto, utf8(key));
    const entries: { key: string; hash: Hash }[] = [];
    this.buckets[at]?.rows.visit(
      (_, of, hash) => void entries.push({ key: asciiText(of), hash: hash.slice() as Hash }),
    );
    const path: Hash[] = [];
    for (const level of this.levels.slice(0, -1)) {
      path.push(hashAt(level, at ^ 1).slice() as Hash);
      at >>= 1;
    }
    return { entries, path };
  }

  /** From here on the rows of this checkpoint can be read, until it is let go of or the next one is taken. */
  hold(): void {
    assert(!this.isDone || this.noted.length === 0, 'a checkpoint is held before rows change unseen');
    this.isHeld = true;
  }

  letGo(): void {
    this.isHeld = false;
    if (this.isDone) this.olds = new Map();
  }

  /** The rows of a bucket as they were at the checkpoint that is held, in key order; their bytes are good until the next. */
  visit(bucket: number, visit: (key: Uint8Array, row: Uint8Array) => void): void {
    assert(this.isHeld && this.isDone, 'the rows of a checkpoint that is held can be read');
    const found = this.buckets[bucket];
    found?.rows.visit((index, key) => {
      const cell = found.cells[index] as Cell<unknown>;
      cell.table.options.encode(scratch.reset(), this.valueOf(cell));
      visit(key, scratch.bytes());
    });
  }

  /** How many rows stand in a bucket. */
  rowsIn(bucket: number): number {
    return this.buckets[bucket]?.rows.count ?? 0;
  }

  /** The root of the subtree over so many buckets, a power of two, from a multiple of it. */
  rootOver(firstBucket: number, buckets: number): Hash {
    const level = Math.log2(buckets);
    return hashAt(this.levels[level] as Uint8Array, firstBucket / buckets).slice() as Hash;
  }

  /** A bucket of a state that is restored. */
  load(bucket: number, cells: Cell<unknown>[], rows: BucketRows, leaf: Hash): void {
    this.buckets[bucket] = { cells, rows };
    for (const cell of cells) cell.bucket = bucket;
    (this.levels[0] as Uint8Array).set(leaf, bucket * ROW_HASH_BYTES);
    this.count += cells.length;
    this.bytes += rows.size;
    this.isDirty[bucket] = 1;
  }

  /** All buckets of the checkpoint of this height are there, and their leaves. */
  loaded(height: number): void {
    this.at = height;
    this.beginBuckets();
    this.beginNodes();
    this.work(Number.POSITIVE_INFINITY);
  }
}

const hashAt = (level: Uint8Array, index: number): Uint8Array =>
  level.subarray(index * ROW_HASH_BYTES, (index + 1) * ROW_HASH_BYTES);

/** The places above these, each once; these are in order. */
function parentsOf(places: readonly number[]): number[] {
  const parents: number[] = [];
  for (const place of places) {
    const parent = place >> 1;
    if (parents.at(-1) !== parent) parents.push(parent);
  }
  return parents;
}
