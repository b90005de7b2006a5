import {
  bucketHash,
  bucketOf,
  CHECKPOINT_BLOCKS,
  CHECKPOINT_BUCKETS,
  CHECKPOINT_DELAY,
  checkpointTold,
  ROW_HASH_BYTES,
  type BucketRows,
  type RowProof,
} from '@gridtokenx/chain';
import { nodeHash, ZERO_HASH, type Crypto, type Hash } from '@gridtokenx/crypto';
import { assert, compareText } from '@gridtokenx/kernel';
import { rowHash, rowKey } from './digest.js';
import { ScratchWriter } from './scratch.js';
import type { Cell, Store } from './store.js';

const HASHES_PER_CHUNK = 32_768;

/** Hashes of millions of rows next to each other, each at a place of its own: as objects they would be most of the memory. */
class RowHashes {
  private readonly chunks: Uint8Array[] = [];
  private readonly free: number[] = [];
  private used = 0;

  take(): number {
    const place = this.free.pop() ?? this.used++;
    if (place >= this.chunks.length * HASHES_PER_CHUNK)
      this.chunks.push(new Uint8Array(HASHES_PER_CHUNK * ROW_HASH_BYTES));
    return place;
  }

  release(place: number): void {
    this.free.push(place);
  }

  put(place: number, hash: Uint8Array): void {
    (this.chunks[Math.floor(place / HASHES_PER_CHUNK)] as Uint8Array).set(
      hash,
      (place % HASHES_PER_CHUNK) * ROW_HASH_BYTES,
    );
  }

  copy(place: number, target: Uint8Array, at: number): void {
    const chunk = this.chunks[Math.floor(place / HASHES_PER_CHUNK)] as Uint8Array;
    const from = (place % HASHES_PER_CHUNK) * ROW_HASH_BYTES;
    for (let i = 0; i < ROW_HASH_BYTES; i++) target[at + i] = chunk[from + i] as number;
  }
}

/**
 * The rows of one leaf. New ones come last: to look into the keys of cells all over the memory for each would be most of
 * the work; they are put in order once, when the bucket is hashed.
 */
class Bucket implements BucketRows {
  private isSorted = true;

  constructor(
    private readonly hashes: RowHashes,
    readonly cells: Cell<unknown>[] = [],
  ) {}

  get count(): number {
    return this.cells.length;
  }

  private cell(index: number): Cell<unknown> {
    return this.cells[index] as Cell<unknown>;
  }

  tableAt(index: number): string {
    return this.cell(index).table.name;
  }

  keyAt(index: number): string {
    return this.cell(index).key;
  }

  putHash(index: number, target: Uint8Array, at: number): void {
    this.hashes.copy(this.cell(index).place, target, at);
  }

  add(cell: Cell<unknown>): void {
    this.cells.push(cell);
    this.isSorted = false;
  }

  remove(cell: Cell<unknown>): void {
    this.cells.splice(this.cells.indexOf(cell), 1);
  }

  sort(): void {
    if (!this.isSorted) this.cells.sort(compareRows);
    this.isSorted = true;
  }
}

/** No name of a table holds a slash or less, so this is the order of the joined keys. */
const compareRows = (a: Cell<unknown>, b: Cell<unknown>): number =>
  a.table === b.table ? compareText(a.key, b.key) : compareText(a.table.prefix, b.table.prefix);

/** One for all: the bytes of a row are copied out before the next is written. */
const scratch = new ScratchWriter();

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
  private readonly hashes = new RowHashes();
  private count = 0;

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
    let hash = bucketHash(crypto, new Bucket(this.hashes));
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

  /** Hashes still to be made, at most. */
  private get left(): number {
    const { taken, dirty, next } = this;
    switch (this.stage) {
      case 'rows':
        return taken.length - next + 2 * Math.min(taken.length, CHECKPOINT_BUCKETS);
      case 'done':
        return 0;
      default:
        return 2 * (dirty.length - next);
    }
  }

  /** Makes about so many hashes of the last checkpoint; whether it is done. May be called whenever no rows are being changed. */
  work(hashes: number): boolean {
    for (let rest = hashes; rest > 0 && this.stage !== 'done';) rest -= this.step(rest);
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
    const { taken, crypto } = this;
    const end = Math.min(taken.length, this.next + most);
    const begun = this.next;
    for (let i = begun; i < end; i++) {
      const cell = taken[i] as Cell<unknown>;
      const value = this.valueOf(cell);
      // Made and gone since the last checkpoint: the tree never knew it.
      if (value === undefined && cell.place < 0) continue;
      const at = this.bucketAt(cell);
      const bucket = (this.buckets[at] ??= new Bucket(this.hashes));
      if (value === undefined) {
        bucket.remove(cell);
        this.hashes.release(cell.place);
        cell.place = -1;
        this.count--;
      } else {
        if (cell.place < 0) {
          cell.place = this.hashes.take();
          bucket.add(cell);
          this.count++;
        }
        this.hashes.put(cell.place, rowHash(crypto, cell, value));
      }
      this.touch(at);
    }
    this.next = end;
    if (end === taken.length) {
      this.taken = [];
      this.next = 0;
      this.stage = 'buckets';
    }
    return Math.max(1, end - begun);
  }

  private bucketAt(cell: Cell<unknown>): number {
    if (cell.bucket < 0) cell.bucket = bucketOf(this.crypto, cell.key, cell.table.name);
    return cell.bucket;
  }

  private touch(bucket: number): void {
    if (this.isDirty[bucket] === 1) return;
    this.isDirty[bucket] = 1;
    this.dirty.push(bucket);
  }

  /** A bucket of many rows is much to hash: some of its rows count as one hash. */
  private hashBuckets(most: number): number {
    const { dirty, levels } = this;
    const level = levels[0] as Uint8Array;
    let done = 0;
    for (; this.next < dirty.length && done < most; this.next++) {
      const at = dirty[this.next] as number;
      const bucket = this.buckets[at] as Bucket;
      bucket.sort();
      level.set(bucketHash(this.crypto, bucket), at * ROW_HASH_BYTES);
      const { cells } = bucket;
      if (cells.length === 0) this.buckets[at] = undefined;
      done += 1 + (cells.length >> 2);
    }
    if (this.next === dirty.length) {
      this.beginNodes();
    }
    return Math.max(1, done);
  }

  private beginNodes(): void {
    for (const bucket of this.dirty) this.isDirty[bucket] = 0;
    this.dirty = parentsOf(this.dirty.sort((a, b) => a - b));
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
    let at = bucketOf(this.crypto, key);
    const entries = (this.buckets[at]?.cells ?? []).map((cell) => {
      const hash = new Uint8Array(ROW_HASH_BYTES);
      this.hashes.copy(cell.place, hash, 0);
      return { key: rowKey(cell), hash: hash as Hash };
    });
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

  /** The rows of some buckets as they were at the checkpoint that is held, in key order; their bytes are good until the next. */
  visit(firstBucket: number, buckets: number, visit: (bucket: number, key: string, row: Uint8Array) => void): void {
    assert(this.isHeld && this.isDone, 'the rows of a checkpoint that is held can be read');
    for (let at = firstBucket; at < firstBucket + buckets; at++)
      for (const cell of this.buckets[at]?.cells ?? []) {
        cell.table.options.encode(scratch.reset(), this.valueOf(cell));
        visit(at, rowKey(cell), scratch.bytes());
      }
  }

  /** How many rows stand in some buckets. */
  rowsIn(firstBucket: number, buckets: number): number {
    let rows = 0;
    for (let at = firstBucket; at < firstBucket + buckets; at++) rows += this.buckets[at]?.cells.length ?? 0;
    return rows;
  }

  /** The root of the subtree over so many buckets, a power of two, from a multiple of it. */
  rootOver(firstBucket: number, buckets: number): Hash {
    const level = Math.log2(buckets);
    return hashAt(this.levels[level] as Uint8Array, firstBucket / buckets).slice() as Hash;
  }

  /** A bucket of a state that is restored; its rows are in key order. */
  load(bucket: number, cells: Cell<unknown>[], hashes: Uint8Array, leaf: Hash): void {
    if (cells.length === 0) return;
    this.buckets[bucket] = new Bucket(this.hashes, cells);
    for (const [i, cell] of cells.entries()) {
      cell.bucket = bucket;
      cell.place = this.hashes.take();
      this.hashes.put(cell.place, hashAt(hashes, i));
    }
    (this.levels[0] as Uint8Array).set(leaf, bucket * ROW_HASH_BYTES);
    this.count += cells.length;
    this.touch(bucket);
  }

  /** All buckets of the checkpoint of this height are there. */
  loaded(height: number): void {
    this.at = height;
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
