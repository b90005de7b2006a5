import { verifyInclusion, ZERO_HASH, type Crypto, type Hash } from '@gridtokenx/crypto';
import { compareText, equalBytes, utf8 } from '@gridtokenx/kernel';

/** SPEC wire 8.1: the state after each height that this divides is a checkpoint. */
export const CHECKPOINT_BLOCKS = 100;
/** SPEC wire 8.1: the header this much later carries its root, so that nobody waits for it. */
export const CHECKPOINT_DELAY = 10;
/** SPEC wire 8.2: the leaves of the checkpoint tree. */
export const CHECKPOINT_BUCKETS = 65_536;
export const ROW_HASH_BYTES = 32;

/** The height whose state the header of `height` tells, if any. */
export const checkpointTold = (height: number): number | undefined =>
  height > CHECKPOINT_BLOCKS && height % CHECKPOINT_BLOCKS === CHECKPOINT_DELAY ? height - CHECKPOINT_DELAY : undefined;

/** SPEC wire 8.1: zero where there is nothing to tell, and only there. */
export const checkpointRootFits = (height: number, root: Uint8Array): boolean =>
  equalBytes(root, ZERO_HASH) === (checkpointTold(height) === undefined);

/** SPEC wire 8.2: the bucket of a row is the first 16 bits of the hash of its key, which is ASCII. */
export function bucketOf(crypto: Crypto, key: Uint8Array): number {
  const hash = crypto.sha256(key);
  return ((hash[0] as number) << 8) | (hash[1] as number);
}

/** The mark of a leaf, and the count. */
const HEAD_BYTES = 5;
const LENGTH_BYTES = 4;
const SLAB_BYTES = 1024 * 1024;

/**
 * Room for buckets, cut from large pieces and used again. The engine takes memory outside of its heap as a reason to collect
 * garbage, also what was given up a moment ago: with a buffer for each bucket a large state that changes would be collected all
 * the time.
 */
class Slabs {
  private slab = new Uint8Array(0);
  private used = 0;
  private readonly free = new Map<number, Uint8Array[]>();

  /** At least so many bytes, of any content. */
  take(bytes: number): Uint8Array {
    const unit = bytes <= 1024 ? 128 : 512;
    const size = Math.ceil(bytes / unit) * unit;
    const again = this.free.get(size)?.pop();
    if (again !== undefined) return again;
    if (size > SLAB_BYTES) return new Uint8Array(size);
    if (this.used + size > this.slab.length) {
      this.slab = new Uint8Array(SLAB_BYTES);
      this.used = 0;
    }
    this.used += size;
    return this.slab.subarray(this.used - size, this.used);
  }

  give(bytes: Uint8Array): void {
    const known = this.free.get(bytes.length);
    if (known === undefined) this.free.set(bytes.length, [bytes]);
    else known.push(bytes);
  }
}

const slabs = new Slabs();

/**
 * SPEC wire 8.3: the rows of a bucket as the bytes whose hash is its leaf: u32 count, then each row as text key and row
 * hash, in key order. They are kept as such: of millions of rows no keys are looked up and no hashes are objects when the
 * bucket of one that has changed is hashed.
 */
export class BucketRows {
  private bytes: Uint8Array;
  private end = HEAD_BYTES;
  private rows = 0;

  /** With room for so many bytes of {@link sizeOf}. */
  constructor(capacity = 0) {
    this.bytes = slabs.take(HEAD_BYTES + capacity);
    this.bytes[0] = 0;
    this.setCount(0);
  }

  /** Gives its room to others: it is not to be used any more. */
  free(): void {
    slabs.give(this.bytes);
  }

  /** How much room a row takes. */
  static sizeOf(key: Uint8Array): number {
    return LENGTH_BYTES + key.length + ROW_HASH_BYTES;
  }

  get count(): number {
    return this.rows;
  }

  /** How much there is to hash. */
  get size(): number {
    return this.end;
  }

  private get32(at: number): number {
    const { bytes } = this;
    return (
      (bytes[at] as number) * 0x100_0000 +
      (((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number))
    );
  }

  private put32(at: number, value: number): void {
    const { bytes } = this;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
  }

  private after(at: number): number {
    return at + LENGTH_BYTES + this.get32(at) + ROW_HASH_BYTES;
  }

  private startOf(index: number): number {
    let at = HEAD_BYTES;
    for (let i = 0; i < index; i++) at = this.after(at);
    return at;
  }

  private hashOf(index: number): number {
    const at = this.startOf(index);
    return at + LENGTH_BYTES + this.get32(at);
  }

  /** The row's key is above this one, or equal to it, or below: as a number. */
  private compareAt(at: number, key: Uint8Array): number {
    const { bytes } = this;
    const length = this.get32(at);
    const from = at + LENGTH_BYTES;
    for (let i = 0; i < length && i < key.length; i++) {
      const difference = (bytes[from + i] as number) - (key[i] as number);
      if (difference !== 0) return difference;
    }
    return length - key.length;
  }

  private setCount(rows: number): void {
    this.rows = rows;
    this.put32(1, rows);
  }

  private room(more: number): void {
    const needed = this.end + more;
    if (needed <= this.bytes.length) return;
    const grown = slabs.take(needed);
    grown.set(this.bytes.subarray(0, this.end));
    slabs.give(this.bytes);
    this.bytes = grown;
  }

  private write(at: number, key: Uint8Array, hash: Uint8Array): void {
    this.put32(at, key.length);
    this.bytes.set(key, at + LENGTH_BYTES);
    this.bytes.set(hash, at + LENGTH_BYTES + key.length);
  }

  /** Above all that are there. */
  append(key: Uint8Array, hash: Uint8Array): void {
    const size = BucketRows.sizeOf(key);
    this.room(size);
    this.write(this.end, key, hash);
    this.end += size;
    this.setCount(this.rows + 1);
  }

  /** Where it belongs; gives the how-manyth row it is. */
  insert(key: Uint8Array, hash: Uint8Array): number {
    const size = BucketRows.sizeOf(key);
    this.room(size);
    let index = 0;
    let at = HEAD_BYTES;
    for (; index < this.rows && this.compareAt(at, key) < 0; index++) at = this.after(at);
    this.bytes.copyWithin(at + size, at, this.end);
    this.write(at, key, hash);
    this.end += size;
    this.setCount(this.rows + 1);
    return index;
  }

  remove(index: number): void {
    const at = this.startOf(index);
    const next = this.after(at);
    this.bytes.copyWithin(at, next, this.end);
    this.end -= next - at;
    this.setCount(this.rows - 1);
  }

  setHash(index: number, hash: Uint8Array): void {
    this.bytes.set(hash, this.hashOf(index));
  }

  hash(index: number): Hash {
    const at = this.hashOf(index);
    return this.bytes.slice(at, at + ROW_HASH_BYTES) as Hash;
  }

  /** Each row in key order; its bytes are good until the next change. */
  visit(visit: (index: number, key: Uint8Array, hash: Uint8Array) => void): void {
    let at = HEAD_BYTES;
    for (let i = 0; i < this.rows; i++) {
      const key = at + LENGTH_BYTES;
      const next = this.after(at);
      visit(i, this.bytes.subarray(key, next - ROW_HASH_BYTES), this.bytes.subarray(next - ROW_HASH_BYTES, next));
      at = next;
    }
  }

  leaf(crypto: Crypto): Hash {
    return crypto.sha256(this.bytes.subarray(0, this.end));
  }
}

/** All of the bucket that a key falls into: what it holds is there, and what it does not hold is not. */
export interface RowProof {
  /** In key order. */
  readonly entries: readonly { readonly key: string; readonly hash: Hash }[];
  /** From the bucket up to the root. */
  readonly path: readonly Hash[];
}

/**
 * SPEC wire 8.4: the hash of the row that this proof shows under a certified root, `null` when it shows that there is no such row,
 * `undefined` when it shows nothing.
 */
export function provenRow(
  crypto: Crypto,
  root: Hash,
  key: string,
  { entries, path }: RowProof,
): Hash | null | undefined {
  const rows = new BucketRows();
  let before: string | undefined;
  for (const entry of entries) {
    if (entry.hash.length !== ROW_HASH_BYTES || !isAscii(entry.key)) return undefined;
    if (before !== undefined && compareText(before, entry.key) >= 0) return undefined;
    before = entry.key;
    rows.append(utf8(entry.key), entry.hash);
  }
  if (!isAscii(key)) return undefined;
  const bucket = bucketOf(crypto, utf8(key));
  const leaf = rows.leaf(crypto);
  rows.free();
  if (!verifyInclusion(crypto.sha256, leaf, bucket, CHECKPOINT_BUCKETS, path, root)) return undefined;
  return entries.find((entry) => entry.key === key)?.hash ?? null;
}

const isAscii = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false;
  return true;
};
