import { readFileSync } from 'node:fs';
import {
  consistencyProof,
  inclusionProof,
  leafHash,
  merkleRoot,
  noble,
  nodeHash,
  verifyConsistency,
  verifyInclusion,
} from '@gridtokenx/crypto';
import { BugError, fromHex, toHex } from '@gridtokenx/kernel';
import { describe, expect, it } from '@jest/globals';

interface Vectors {
  leafInputsHex: string[];
  rootsBySize: string[];
  inclusion: {
    name: string;
    leafIndex: number;
    treeSize: number;
    root: string;
    leafHash: string;
    proof: string[];
    valid: boolean;
  }[];
  consistency: {
    name: string;
    size1: number;
    size2: number;
    root1: string;
    root2: string;
    proof: string[];
    valid: boolean;
  }[];
  derivedAllInclusion: { leafIndex: number; treeSize: number; proof: string[] }[];
  derivedAllConsistency: { size1: number; size2: number; proof: string[] }[];
}

const vectors = JSON.parse(
  readFileSync(new URL('../../../vectors/merkle-rfc6962.json', import.meta.url), 'utf8'),
) as Vectors;
const { sha256 } = noble;
// A must-fail case may hold something that is not hex at all: it is then no hash either.
const hex = (text: string): Uint8Array => fromHex(text ?? '') ?? new Uint8Array(1);
const leaves = vectors.leafInputsHex.map((leaf) => leafHash(sha256, hex(leaf)));

describe('RFC 6962 trees', () => {
  it.each(vectors.rootsBySize.map((root, size) => [size, root] as const))(
    'of %i leaves have the published root',
    (size, root) => {
      expect(toHex(merkleRoot(sha256, leaves.slice(0, size)))).toBe(root);
    },
  );

  it.each(vectors.inclusion.map((c) => [c.name, c] as const))('judge inclusion %s', (_name, c) => {
    const proof = (c.proof ?? []).map(hex);
    expect(verifyInclusion(sha256, hex(c.leafHash), c.leafIndex, c.treeSize, proof, hex(c.root))).toBe(c.valid);
  });

  it.each(vectors.consistency.map((c) => [c.name, c] as const))('judge consistency %s', (_name, c) => {
    const proof = (c.proof ?? []).map(hex);
    expect(verifyConsistency(sha256, c.size1, c.size2, proof, hex(c.root1), hex(c.root2))).toBe(c.valid);
  });

  it('make every inclusion and consistency proof of sizes 1 to 8', () => {
    for (const c of vectors.derivedAllInclusion)
      expect(inclusionProof(sha256, leaves.slice(0, c.treeSize), c.leafIndex).map(toHex)).toEqual(c.proof);
    for (const c of vectors.derivedAllConsistency)
      expect(consistencyProof(sha256, leaves.slice(0, c.size2), c.size1).map(toHex)).toEqual(c.proof);
  });

  it('equal the recursive definition at every size, and prove each leaf and no other', () => {
    const plain = (part: readonly Uint8Array[]): Uint8Array => {
      const [only = sha256(new Uint8Array(0))] = part;
      if (part.length < 2) return only;
      const split = 2 ** Math.floor(Math.log2(part.length - 1));
      return sha256(Uint8Array.from([1, ...plain(part.slice(0, split)), ...plain(part.slice(split))]));
    };
    for (let size = 0; size <= 33; size++) {
      const many = Array.from({ length: size }, (_, i) => leafHash(sha256, Uint8Array.of(i)));
      const root = merkleRoot(sha256, many);
      expect(toHex(root)).toBe(toHex(plain(many)));
      const verdicts = many.map((leaf, i) => {
        const path = inclusionProof(sha256, many, i);
        const other = many[(i + 1) % size] ?? root;
        return (
          verifyInclusion(sha256, leaf, i, size, path, root) &&
          !(size > 1 && verifyInclusion(sha256, other, i, size, path, root)) &&
          !(size > 1 && verifyInclusion(sha256, leaf, (i + 1) % size, size, path, root))
        );
      });
      expect(verdicts.filter((ok) => !ok)).toEqual([]);
    }
  });

  it('are asked in vain for leaves that they do not have, and about what is no hash', () => {
    const [leaf = new Uint8Array(32)] = leaves;
    for (const index of [-1, 0.5, 8, Number.NaN])
      expect(() => inclusionProof(sha256, leaves, index)).toThrow(RangeError);
    for (const size of [0, 9, 0.5]) expect(() => consistencyProof(sha256, leaves, size)).toThrow(RangeError);
    expect(verifyInclusion(sha256, leaf, 0, 1, [], leaf)).toBe(true);
    expect(verifyInclusion(sha256, leaf.slice(1), 0, 1, [], leaf.slice(1))).toBe(false);
    expect(verifyInclusion(sha256, leaf, 0, 2 ** 53, [], leaf)).toBe(false);
    expect(verifyConsistency(sha256, 1, 2, [leaf.slice(1)], leaf, leaf)).toBe(false);
    // A node of another length would leave bytes of the one before it in the shared buffer.
    expect(() => nodeHash(sha256, leaf.slice(1), leaf)).toThrow(BugError);
  });
});
