import { native } from '@gridtokenx/crypto-native';
import { DecodeError, Prng } from '@gridtokenx/kernel';
import {
  decodeUnderAnchor,
  encodeUnderAnchor,
  headerHash,
  proveUnderAnchor,
  verifyUnderAnchor,
  type Header,
  type UnderAnchorProof,
} from '@gridtokenx/chain';
import { describe, expect, it } from '@jest/globals';
import { LightChain } from './light-chain.spec.js';
import { LEDGER } from './sample.spec.js';

const chain = new LightChain([
  [0, 1, 2, 3],
  [0, 1, 2, 3],
  [1, 2, 3, 4],
  [2, 3, 4, 5],
  [2, 3, 4, 5],
]);
const headerAt = (height: number): Header | undefined =>
  height <= chain.height ? chain.blockAt(height).header : undefined;
const anchorAt = (height: number) => ({ height, hash: headerHash(native, chain.blockAt(height).header) });
const proofOf = (height: number, under: number): UnderAnchorProof => {
  const proof = proveUnderAnchor({ height: under }, height, headerAt);
  if (proof === undefined) throw new Error('there is a way back');
  return proof;
};
const verdict = (proof: UnderAnchorProof, under = 10, ledgerId = LEDGER) =>
  verifyUnderAnchor(native, ledgerId, anchorAt(under), proof);

/** What is made of the bytes; a code too when they are no proof. */
function readAnd<T>(judge: (proof: UnderAnchorProof) => T, bytes: Uint8Array): T | string {
  try {
    return judge(decodeUnderAnchor(bytes));
  } catch (error) {
    if (error instanceof DecodeError) return error.code;
    throw error;
  }
}

describe('a block under an anchor', () => {
  it.each([1, 4, 9, 10])('is shown by the headers from it to the anchor (height %i)', (height) => {
    const proof = proofOf(height, 10);
    expect(proof.headers).toHaveLength(11 - height);
    expect(verdict(proof)).toEqual(headerAt(height));
  });

  it('is none that is above it, or whose headers are not all there', () => {
    expect(proveUnderAnchor({ height: 5 }, 6, headerAt)).toBeUndefined();
    expect(proveUnderAnchor({ height: 5 }, 0, headerAt)).toBeUndefined();
    expect(proveUnderAnchor({ height: 5 }, 2, (at) => (at === 3 ? undefined : headerAt(at)))).toBeUndefined();
  });

  it('is not shown by anything else', () => {
    const { headers } = proofOf(4, 10);
    const other = chain.variant(6, { header: { operationsRoot: native.sha256(new Uint8Array(9)) } }).header;
    const replaced = headers.map((header) => (header.height === 6 ? other : header));
    expect(verdict({ headers: [] })).toBe('underAnchor.empty');
    expect(verdict({ headers }, 10, 'gridtokenx-consortium-ffffffff')).toBe('underAnchor.wrongLedger');
    expect(verdict({ headers }, 9)).toBe('underAnchor.otherAnchor');
    expect(verdict({ headers: headers.slice(0, -1) })).toBe('underAnchor.otherAnchor');
    expect(verdict({ headers: replaced })).toBe('underAnchor.brokenChain');
    expect(verdict({ headers: headers.filter(({ height }) => height !== 7) })).toBe('underAnchor.brokenChain');
    expect(verdict({ headers: [...headers].reverse() })).toBe('underAnchor.otherAnchor');
  });

  it('has a proof of one spelling, and a changed byte is found', () => {
    const proof = proofOf(4, 10);
    const bytes = encodeUnderAnchor(proof);
    expect(bytes).toHaveLength(4 + 7 * 252);
    expect(decodeUnderAnchor(bytes)).toEqual(proof);
    expect(() => decodeUnderAnchor(bytes.subarray(0, -1))).toThrow('underAnchor');
    expect(() => decodeUnderAnchor(Uint8Array.from([...bytes, 0]))).toThrow('underAnchor');
    const prng = new Prng(1);
    for (let i = 0; i < 200; i++) {
      const at = prng.below(bytes.length);
      const changed = bytes.map((byte, place) => (place === at ? byte ^ (1 + prng.below(255)) : byte));
      const told = readAnd(verdict, changed);
      expect(typeof told).toBe('string');
    }
  });
});
