import type { Crypto } from '@gridtokenx/crypto';
import { assert, ByteReader, ByteWriter, equalBytes } from '@gridtokenx/kernel';
import { decodeHeader, encodeHeader, HEADER_BYTES, headerHash, type Header } from './header.js';
import type { TrustedState } from './light-client.js';

/** A block that was anchored: its height and the hash of its header. */
export type AnchoredBlock = Pick<TrustedState, 'height' | 'hash'>;

/**
 * That a block is under an anchor: its header, and each one after it up to the anchored block, whose hash is known. Each
 * names its parent by hash, so the way back is certain for ever, whoever holds the validators' keys of then.
 */
export interface UnderAnchorProof {
  readonly headers: readonly Header[];
}

/** A way back is no longer than this: 25 MB of headers. */
export const UNDER_ANCHOR_HEADERS_MAX = 100_000;

export type UnderAnchorFault =
  'underAnchor.empty' | 'underAnchor.wrongLedger' | 'underAnchor.otherAnchor' | 'underAnchor.brokenChain';

/** The proof for the block of `height`; `undefined` when a header is missing, or the anchor is too far above or below it. */
export function proveUnderAnchor(
  anchor: Pick<AnchoredBlock, 'height'>,
  height: number,
  headerAt: (height: number) => Header | undefined,
): UnderAnchorProof | undefined {
  if (height < 1 || height > anchor.height || anchor.height - height >= UNDER_ANCHOR_HEADERS_MAX) return undefined;
  const headers: Header[] = [];
  for (let at = height; at <= anchor.height; at++) {
    const header = headerAt(at);
    if (header === undefined) return undefined;
    headers.push(header);
  }
  return { headers };
}

/** SPEC transparency 4.1: the header that the proof is about, which is under the anchor; else why it is not. */
export function verifyUnderAnchor(
  crypto: Crypto,
  ledgerId: string,
  anchor: AnchoredBlock,
  { headers }: UnderAnchorProof,
): Header | UnderAnchorFault {
  const [first] = headers;
  if (first === undefined) return 'underAnchor.empty';
  let { hash, height } = anchor;
  for (let i = headers.length - 1; i >= 0; i--) {
    const header = headers[i] as Header;
    if (header.ledgerId !== ledgerId) return 'underAnchor.wrongLedger';
    if (header.height !== height || !equalBytes(headerHash(crypto, header), hash))
      return i === headers.length - 1 ? 'underAnchor.otherAnchor' : 'underAnchor.brokenChain';
    hash = header.parentHash;
    height -= 1;
  }
  return first;
}

/** SPEC transparency 4.2: number of headers u32, and the headers, lowest first. */
export function encodeUnderAnchor({ headers }: UnderAnchorProof): Uint8Array {
  assert(headers.length <= UNDER_ANCHOR_HEADERS_MAX, 'a way back is not too long');
  const writer = new ByteWriter(4 + HEADER_BYTES * headers.length).u32(headers.length);
  for (const header of headers) writer.fixed(encodeHeader(header));
  return writer.done();
}

/** Strict reverse. Throws DecodeError `underAnchor.*` or `header.*`. */
export function decodeUnderAnchor(bytes: Uint8Array): UnderAnchorProof {
  const reader = new ByteReader(bytes, 'underAnchor');
  const count = reader.count(UNDER_ANCHOR_HEADERS_MAX, HEADER_BYTES);
  const headers = Array.from({ length: count }, () => decodeHeader(reader.fixed(HEADER_BYTES)));
  reader.end();
  return { headers };
}
