import { millis, toHex } from '@gridtokenx/kernel';
import { identityOfKind } from '@gridtokenx/protocol';
import { describe, expect, it } from '@jest/globals';
import { genesisAnchor } from './anchor.js';
import {
  ANCHORED,
  blockAt,
  anchoredHash,
  consortium,
  headerAt,
  publicGenesisFile,
  publicLedger,
  published,
  served,
} from './anchored-fixture.spec.js';
import { decodeAnchorProof, verifyAnchorProof } from './verify-anchor.js';
import { verifyOutcome } from './verify.js';

/** All that a stranger does: the genesis file of the public ledger, and what the gateway serves. */
function verify(height: number, answer: unknown, file = publicLedger.file) {
  const anchor = genesisAnchor(file);
  const { underAnchor, anchored } = decodeAnchorProof(answer);
  const proven = verifyOutcome(anchor, anchored);
  if (!proven.valid) return proven;
  return verifyAnchorProof(identityOfKind(anchor.identity, 'public'), height, underAnchor, proven);
}

describe('a proof that a block is under an anchor', () => {
  it.each([1, 4, ANCHORED])(
    'shows a block to be under an anchor, from the genesis of the public ledger alone',
    (height) => {
      expect(verify(height, served(height))).toEqual({
        valid: true,
        ledgerId: consortium.ledgerId,
        height,
        hash: toHex(blockAt(height).block.certificate.blockHash),
        time: headerAt(height).time,
        anchorHeight: ANCHORED,
        anchorHash: anchoredHash,
        publicHeight: 1,
      });
    },
  );

  const changed = (height: number) => {
    const header = headerAt(height);
    return height === 6 ? { ...header, time: millis(header.time + 1) } : header;
  };
  const other = (height: number) => ({ ...headerAt(height), ledgerId: publicLedger.ledgerId });
  it.each([
    ['a changed header', 'underAnchor.brokenChain', () => verify(4, served(4, changed))],
    ['a header of another ledger', 'underAnchor.wrongLedger', () => verify(4, served(4, other))],
    ['the way of another block', 'underAnchor.otherBlock', () => verify(5, served(4))],
    ['a way of no header', 'underAnchor.empty', () => verify(4, { ...served(4), underAnchor: '00000000' })],
    ['an operation that anchored nothing', 'underAnchor.notAnchored', () => verify(4, served(4, headerAt, published))],
    [
      'a way that ends below the anchor',
      'underAnchor.otherAnchor',
      () => verify(4, { ...served(4), underAnchor: served(4, (at) => headerAt(Math.min(at, 8)))['underAnchor'] }),
    ],
  ])('is refused: %s', (_what, code, work) => {
    expect(work()).toEqual({ valid: false, code });
  });

  it('proves nothing from the genesis of another public ledger', () => {
    const other = publicGenesisFile({ time: '2026-06-15T00:00:01Z' });
    expect(verify(4, served(4), other)).toMatchObject({ valid: false });
    const none = genesisAnchor(publicGenesisFile({ consortium: undefined }));
    const { underAnchor, anchored } = decodeAnchorProof(served(4));
    const proven = verifyOutcome(genesisAnchor(publicLedger.file), anchored);
    if (!proven.valid) throw new Error(proven.code);
    const identity = identityOfKind(none.identity, 'public');
    expect(verifyAnchorProof(identity, 4, underAnchor, proven)).toMatchObject({ code: 'underAnchor.noConsortium' });
    const named = { ...identity, genesis: identityOfKind(genesisAnchor(publicLedger.file).identity, 'public').genesis };
    expect(verifyAnchorProof(named, 4, underAnchor, proven)).toMatchObject({ code: 'underAnchor.notAnchored' });
  });

  it.each([
    ['/underAnchor', { ...served(4), underAnchor: 'x' }],
    ['/underAnchor', { ...served(4), underAnchor: `${String(served(4)['underAnchor'])}00` }],
    ['/underAnchor', null],
    ['/anchored', { ...served(4), anchored: [] }],
    ['/header', { ...served(4), anchored: {} }],
  ])('is not read where a part of it is none: %s', (pointer, value) => {
    expect(() => decodeAnchorProof(value)).toThrow(expect.objectContaining({ pointer }));
  });
});
