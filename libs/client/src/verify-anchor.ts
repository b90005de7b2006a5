import {
  decodeUnderAnchor,
  headerHash,
  verifyUnderAnchor,
  type UnderAnchorFault,
  type UnderAnchorProof,
} from '@gridtokenx/chain';
import { noble, type Crypto, type Hash } from '@gridtokenx/crypto';
import { DecodeError, fromHex, toHex } from '@gridtokenx/kernel';
import type { LedgerIdentity, PublicGenesis } from '@gridtokenx/protocol';
import { isRecord } from './problem.js';
import { decodeProofJson, ProofJsonError, type DecodedProof } from './proof-json.js';
import type { ProvenOutcome, Refused } from './verify.js';

/** What shows a block of the consortium to be under an anchor: its way up to it, and what anchored it. */
export interface AnchorProof {
  readonly underAnchor: UnderAnchorProof;
  /** On the public ledger. */
  readonly anchored: DecodedProof;
}

/** Both parts from what the gateway serves; nobody vouches for the rest of it. Throws {@link ProofJsonError}. */
export function decodeAnchorProof(value: unknown): AnchorProof {
  const { underAnchor, anchored } = isRecord(value) ? value : {};
  const bytes = typeof underAnchor === 'string' ? fromHex(underAnchor) : undefined;
  if (bytes === undefined)
    throw new ProofJsonError('proof.field', '/underAnchor', 'hex digits in lower case are needed');
  if (!isRecord(anchored)) throw new ProofJsonError('proof.field', '/anchored', 'a proof is needed');
  try {
    return { underAnchor: decodeUnderAnchor(bytes), anchored: decodeProofJson(JSON.stringify(anchored)) };
  } catch (error) {
    if (error instanceof DecodeError) throw new ProofJsonError('proof.field', '/underAnchor', error.message);
    throw error;
  }
}

export type AnchorProofFault =
  UnderAnchorFault | 'underAnchor.noConsortium' | 'underAnchor.notAnchored' | 'underAnchor.otherBlock';

/** A block of the consortium that is under an anchor. */
export interface AnchoredUnder {
  readonly valid: true;
  /** Of the consortium. */
  readonly ledgerId: string;
  readonly height: number;
  readonly hash: string;
  /** Block time in milliseconds. */
  readonly time: number;
  readonly anchorHeight: number;
  readonly anchorHash: string;
  /** Of the block of the public ledger that holds the anchor. */
  readonly publicHeight: number;
}

/**
 * SPEC transparency 4.3: whether the proof shows the block of `height` of the consortium that the public genesis names to be
 * under what `anchored`, a proven outcome of that public ledger, has anchored.
 */
export function verifyAnchorProof(
  { genesis, ledgerId }: LedgerIdentity<PublicGenesis>,
  height: number,
  underAnchor: UnderAnchorProof,
  anchored: ProvenOutcome,
  crypto: Crypto = noble,
): AnchoredUnder | Refused<AnchorProofFault> {
  if (genesis.consortium === undefined) return { valid: false, code: 'underAnchor.noConsortium' };
  const events = anchored.outcome.status === 'executed' ? anchored.outcome.events : [];
  const anchor = events.find((event) => event.type === 'transparency.anchored');
  const hash = anchor && fromHex(anchor.hash);
  if (anchored.ledgerId !== ledgerId || anchor === undefined || hash === undefined)
    return { valid: false, code: 'underAnchor.notAnchored' };
  const consortium = genesis.consortium.ledgerId;
  const header = verifyUnderAnchor(crypto, consortium, { height: anchor.height, hash: hash as Hash }, underAnchor);
  if (typeof header === 'string') return { valid: false, code: header };
  if (header.height !== height) return { valid: false, code: 'underAnchor.otherBlock' };
  return {
    valid: true,
    ledgerId: consortium,
    height,
    hash: toHex(headerHash(crypto, header)),
    time: header.time,
    anchorHeight: anchor.height,
    anchorHash: anchor.hash,
    publicHeight: anchored.height,
  };
}
