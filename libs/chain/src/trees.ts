import { leafHash, merkleRoot, type Crypto, type Hash } from '@gridtokenx/crypto';

/** SPEC wire 5.3: the leaf of the operations tree is the operation id and the hash of its envelope. */
export const operationLeaf = (crypto: Crypto, operationId: Hash, envelopeHash: Hash): Hash =>
  leafHash(crypto.sha256, operationId, envelopeHash);

/** SPEC wire 5.4: the leaf of the results tree is the operation id (zero for hooks), the leaf's own index, the outcome. */
export function resultLeaf(crypto: Crypto, operationId: Hash, index: number, outcome: Uint8Array): Hash {
  place.setUint32(0, index);
  return leafHash(crypto.sha256, operationId, placeBytes, outcome);
}

const placeBytes = new Uint8Array(4);
const place = new DataView(placeBytes.buffer);

export interface HashedEnvelope {
  readonly hash: Hash;
  readonly operationIds: readonly Hash[];
}

/** The operations root of a block: one leaf for each operation of each envelope, in order. */
export function operationsRootOf(crypto: Crypto, envelopes: readonly HashedEnvelope[]): Hash {
  const leaves: Hash[] = [];
  for (const { hash, operationIds } of envelopes)
    for (const id of operationIds) leaves.push(operationLeaf(crypto, id, hash));
  return merkleRoot(crypto.sha256, leaves);
}

/** One leaf of the results tree, in block order: hooks at the start, operations, hooks at the end. */
export interface Result {
  /** Zero for hooks. */
  readonly operationId: Hash;
  readonly outcome: Uint8Array;
}

export const resultLeaves = (crypto: Crypto, results: readonly Result[]): Hash[] =>
  results.map(({ operationId, outcome }, index) => resultLeaf(crypto, operationId, index, outcome));

export const resultsRootOf = (crypto: Crypto, results: readonly Result[]): Hash =>
  merkleRoot(crypto.sha256, resultLeaves(crypto, results));
