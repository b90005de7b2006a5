import { readFileSync } from 'node:fs';
import {
  consistencyProof,
  inclusionProof,
  leafHash,
  merkleRoot,
  noble,
  verifyConsistency,
  verifyInclusion,
} from '@gridtokenx/crypto';
import { fromHex, toHex } from '@gridtokenx/kernel';
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
});
