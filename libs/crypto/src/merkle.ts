import { assert, equalBytes } from '@gridtokenx/kernel';
import type { Crypto, Hash } from './crypto.js';

/**
 * Merkle trees of RFC 6962 section 2 (RFC 9162 section 2.1): SHA-256, leaf prefix 00, node prefix 01.
 * `hash` is `crypto.sha256`; leaves are given as their hashes, so that big leaves are hashed once.
 */
type Sha256 = Crypto['sha256'];

export function leafHash(hash: Sha256, ...parts: readonly Uint8Array[]): Hash {
  let length = 1;
  for (const part of parts) length += part.length;
  // Nearly all leaves are small: they share one buffer, which nobody keeps.
  const prefixed = length <= scratch.length ? scratch.subarray(0, length) : new Uint8Array(length);
  let at = 1;
  for (const part of parts) {
    prefixed.set(part, at);
    at += part.length;
  }
  return hash(prefixed);
}

/** Its first byte, the prefix of leaves, stays 0. */
const scratch = new Uint8Array(4096);

const pair = new Uint8Array(65);

export function nodeHash(hash: Sha256, left: Uint8Array, right: Uint8Array): Hash {
  // A shorter hash would leave bytes of the last call in the buffer.
  assert(left.length === 32 && right.length === 32, 'nodes are hashes');
  pair[0] = 1;
  pair.set(left, 1);
  pair.set(right, 33);
  return hash(pair);
}

/** The largest power of two below `size` (size >= 2). */
function splitOf(size: number): number {
  let split = 1;
  while (split * 2 < size) split *= 2;
  return split;
}

/** SPEC wire 5.1: MTH of the leaves; of none, the hash of nothing. */
export function merkleRoot(hash: Sha256, leaves: readonly Uint8Array[]): Hash {
  if (leaves.length === 0) return hash(new Uint8Array(0));
  // Level by level equals the recursive definition: an odd last node moves up unchanged.
  let level: readonly Uint8Array[] = leaves;
  while (level.length > 1) {
    const above: Uint8Array[] = [];
    for (let i = 0; i < level.length; i += 2) {
      const left = level[i] as Uint8Array;
      const right = level[i + 1];
      above.push(right === undefined ? left : nodeHash(hash, left, right));
    }
    level = above;
  }
  return level[0] as Hash;
}

/** PATH(index, leaves): the siblings from the leaf up. Throws a RangeError when there is no such leaf. */
export function inclusionProof(hash: Sha256, leaves: readonly Uint8Array[], index: number): Hash[] {
  if (!Number.isInteger(index) || index < 0 || index >= leaves.length) throw new RangeError(`no leaf ${index}`);
  const path: Hash[] = [];
  let level: readonly Uint8Array[] = leaves;
  let at = index;
  while (level.length > 1) {
    const sibling = level[at ^ 1];
    if (sibling !== undefined) path.push(sibling as Hash);
    const above: Uint8Array[] = [];
    for (let i = 0; i < level.length; i += 2) {
      const left = level[i] as Uint8Array;
      const right = level[i + 1];
      above.push(right === undefined ? left : nodeHash(hash, left, right));
    }
    level = above;
    at >>= 1;
  }
  return path;
}

const isCount = (n: number): boolean => Number.isSafeInteger(n) && n >= 0;
const areHashes = (hashes: readonly Uint8Array[]): boolean => hashes.every((h) => h.length === 32);

/** SPEC wire 5.2: RFC 9162 section 2.1.3.2. */
export function verifyInclusion(
  hash: Sha256,
  leaf: Uint8Array,
  index: number,
  size: number,
  proof: readonly Uint8Array[],
  root: Uint8Array,
): boolean {
  if (!isCount(index) || !isCount(size) || index >= size || !areHashes([leaf, root, ...proof])) return false;
  let fn = index;
  let sn = size - 1;
  let r = leaf;
  for (const p of proof) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      r = nodeHash(hash, p, r);
      while (fn % 2 === 0 && fn !== 0) {
        fn = Math.floor(fn / 2);
        sn = Math.floor(sn / 2);
      }
    } else r = nodeHash(hash, r, p);
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  return sn === 0 && equalBytes(r, root);
}

/** PROOF(size1, leaves) of RFC 6962 section 2.1.2. */
export function consistencyProof(hash: Sha256, leaves: readonly Uint8Array[], size1: number): Hash[] {
  if (!Number.isInteger(size1) || size1 < 1 || size1 > leaves.length) throw new RangeError(`no tree of size ${size1}`);
  const sub = (m: number, part: readonly Uint8Array[], whole: boolean): Hash[] => {
    if (m === part.length) return whole ? [] : [merkleRoot(hash, part)];
    const k = splitOf(part.length);
    return m <= k
      ? [...sub(m, part.slice(0, k), whole), merkleRoot(hash, part.slice(k))]
      : [...sub(m - k, part.slice(k), false), merkleRoot(hash, part.slice(0, k))];
  };
  return sub(size1, leaves, true);
}

/** RFC 9162 section 2.1.4.2: the tree of `size1` is a prefix of the tree of `size2`. The empty tree proves nothing: false. */
export function verifyConsistency(
  hash: Sha256,
  size1: number,
  size2: number,
  proof: readonly Uint8Array[],
  root1: Uint8Array,
  root2: Uint8Array,
): boolean {
  if (!isCount(size1) || !isCount(size2) || size1 < 1 || size1 > size2) return false;
  if (size1 === size2) return proof.length === 0 && equalBytes(root1, root2);
  if (!areHashes([root1, root2, ...proof])) return false;
  let fn = size1 - 1;
  let sn = size2 - 1;
  while (fn % 2 === 1) {
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  // A tree whose size is a power of two is its own first proof node.
  const path = fn === 0 ? [root1, ...proof] : proof;
  const [first, ...rest] = path;
  if (first === undefined) return false;
  let fr = first;
  let sr = first;
  for (const c of rest) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      fr = nodeHash(hash, c, fr);
      sr = nodeHash(hash, c, sr);
      while (fn % 2 === 0 && fn !== 0) {
        fn = Math.floor(fn / 2);
        sn = Math.floor(sn / 2);
      }
    } else sr = nodeHash(hash, sr, c);
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  return sn === 0 && equalBytes(fr, root1) && equalBytes(sr, root2);
}
