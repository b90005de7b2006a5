import { verifyInclusion, ZERO_HASH, type Crypto, type Hash } from '@gridtokenx/crypto';
import { assert, compareText, equalBytes } from '@gridtokenx/kernel';

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

/** SPEC wire 8.2: the bucket of a row is the first 16 bits of the hash of its key. */
export function bucketOf(crypto: Crypto, key: string, table = ''): number {
  const hash = crypto.sha256(scratch.subarray(0, putKey(0, table, key)));
  return ((hash[0] as number) << 8) | (hash[1] as number);
}

let scratch = new Uint8Array(64 * 1024);

function room(bytes: number): void {
  if (bytes <= scratch.length) return;
  const grown = new Uint8Array(Math.max(bytes, scratch.length * 2));
  grown.set(scratch);
  scratch = grown;
}

function put32(at: number, value: number): void {
  scratch[at] = value >>> 24;
  scratch[at + 1] = value >>> 16;
  scratch[at + 2] = value >>> 8;
  scratch[at + 3] = value;
}

function putText(at: number, text: string): number {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 127) assert(false, 'the key of a row is ASCII');
    scratch[at + i] = code;
  }
  return at + text.length;
}

const SLASH = 0x2f;
const keyLength = (table: string, key: string): number => (table === '' ? 0 : table.length + 1) + key.length;

/** A key in one piece, or in two that a slash joins; gives where it ends. */
function putKey(from: number, table: string, key: string): number {
  room(from + keyLength(table, key));
  if (table === '') return putText(from, key);
  const at = putText(from, table);
  scratch[at] = SLASH;
  return putText(at + 1, key);
}

/** The rows of a bucket as whoever holds them does: of millions neither keys are joined nor hashes made objects. */
export interface BucketRows {
  readonly count: number;
  /** Before the key and a slash, or empty when the key is whole. */
  tableAt(index: number): string;
  keyAt(index: number): string;
  putHash(index: number, target: Uint8Array, at: number): void;
}

/** Rows with whole keys, and their hashes next to each other. */
export const rowsWith = (keys: readonly string[], hashes: Uint8Array): BucketRows => ({
  count: keys.length,
  tableAt: () => '',
  keyAt: (index) => keys[index] as string,
  putHash: (index, target, at) => {
    for (let i = 0; i < ROW_HASH_BYTES; i++) target[at + i] = hashes[index * ROW_HASH_BYTES + i] as number;
  },
});

/** SPEC wire 8.3: the leaf of a bucket: u32 count, then each row as text key and row hash, in key order. */
export function bucketHash(crypto: Crypto, rows: BucketRows): Hash {
  scratch[0] = 0;
  put32(1, rows.count);
  let at = 5;
  for (let i = 0; i < rows.count; i++) {
    const [table, key] = [rows.tableAt(i), rows.keyAt(i)];
    const length = keyLength(table, key);
    room(at + 4 + length + ROW_HASH_BYTES);
    put32(at, length);
    at = putKey(at + 4, table, key);
    rows.putHash(i, scratch, at);
    at += ROW_HASH_BYTES;
  }
  return crypto.sha256(scratch.subarray(0, at));
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
  const hashes = new Uint8Array(entries.length * ROW_HASH_BYTES);
  let before: string | undefined;
  for (const [i, entry] of entries.entries()) {
    if (entry.hash.length !== ROW_HASH_BYTES || !isAscii(entry.key)) return undefined;
    if (before !== undefined && compareText(before, entry.key) >= 0) return undefined;
    before = entry.key;
    hashes.set(entry.hash, i * ROW_HASH_BYTES);
  }
  if (!isAscii(key)) return undefined;
  const keys = entries.map((entry) => entry.key);
  const leaf = bucketHash(crypto, rowsWith(keys, hashes));
  if (!verifyInclusion(crypto.sha256, leaf, bucketOf(crypto, key), CHECKPOINT_BUCKETS, path, root)) return undefined;
  return entries.find((entry) => entry.key === key)?.hash ?? null;
}

const isAscii = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false;
  return true;
};
