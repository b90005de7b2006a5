import { leafHash, nodeHash, ZERO_HASH, type Crypto } from '@gridtokenx/crypto';
import { assert, type ByteReader, type RowWriter } from '@gridtokenx/kernel';

/** A Merkle tree (RFC 6962) that grows leaf by leaf: the hashes of its full subtrees from the largest, as many as `leaves` has bits set. */
export interface Frontier {
  readonly leaves: number;
  readonly hashes: readonly Uint8Array[];
}

type Sha256 = Crypto['sha256'];

export const NO_LEAVES: Frontier = { leaves: 0, hashes: [] };

export function withLeaf(hash: Sha256, { leaves, hashes }: Frontier, ...parts: readonly Uint8Array[]): Frontier {
  const grown = [...hashes];
  let last: Uint8Array = leafHash(hash, ...parts);
  for (let full = leaves; full % 2 === 1; full = Math.floor(full / 2)) {
    const left = grown.pop();
    assert(left !== undefined, 'a full subtree has its hash');
    last = nodeHash(hash, left, last);
  }
  return { leaves: leaves + 1, hashes: [...grown, last] };
}

/** The root that RFC 6962 gives the same leaves; zeros for none. */
export function rootOf(hash: Sha256, { hashes }: Frontier): Uint8Array {
  return (
    hashes.reduceRight<Uint8Array | undefined>(
      (right, left) => (right === undefined ? left : nodeHash(hash, left, right)),
      undefined,
    ) ?? ZERO_HASH
  );
}

export function encodeFrontier(writer: RowWriter, { leaves, hashes }: Frontier): void {
  writer.u64(leaves);
  for (const hash of hashes) writer.fixed(hash);
}

export function decodeFrontier(reader: ByteReader): Frontier {
  const leaves = reader.u64();
  const hashes: Uint8Array[] = [];
  for (let left = leaves; left > 0; left = Math.floor(left / 2)) if (left % 2 === 1) hashes.push(reader.fixed(32));
  return { leaves, hashes };
}
