import { parseTime } from '@gridtokenx/kernel';
import { ENVELOPE_BYTES_MAX, operationIds, OPERATIONS_PER_ENVELOPE_MAX } from '@gridtokenx/protocol';
import type { Crypto, Hash } from '@gridtokenx/crypto';

/** What is needed to follow an envelope: no operation is looked into. */
export interface EnvelopeOutline {
  /** Hex of the SHA-256 of its bytes. */
  readonly hash: string;
  readonly kid: string;
  readonly sequence: number;
  readonly validUntil: number;
  readonly operationIds: readonly Hash[];
}

/** As the kernel's toHex; natively, since 10,000 ids a second pass here. */
export const hexOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');

export const envelopeHash = (crypto: Crypto, bytes: Uint8Array): string => hexOf(crypto.sha256(bytes));

/**
 * Reads an envelope that somebody else has checked or will check (a record of the bus, an envelope of a block): lenient,
 * native JSON and two hashes, about a twentieth of a full decode. `undefined` when it cannot be an envelope.
 */
export function outlineOf(crypto: Crypto, ledgerId: string, bytes: Uint8Array): EnvelopeOutline | undefined {
  if (bytes.length > ENVELOPE_BYTES_MAX) return undefined;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const first = buffer.indexOf(DOT);
  const second = buffer.indexOf(DOT, first + 1);
  if (first < 0 || second < 0) return undefined;
  const kid = signerOf(buffer.toString('latin1', 0, first), ledgerId);
  const payload = kid === undefined ? undefined : jsonPart(buffer.toString('latin1', first + 1, second));
  if (payload === undefined) return undefined;
  const { sequence, validUntil, operations } = payload;
  const until = typeof validUntil === 'string' ? parseTime(validUntil) : undefined;
  if (kid === undefined || typeof sequence !== 'number' || until === undefined) return undefined;
  if (!Array.isArray(operations) || operations.length < 1 || operations.length > OPERATIONS_PER_ENVELOPE_MAX)
    return undefined;
  return {
    hash: envelopeHash(crypto, bytes),
    kid,
    sequence,
    validUntil: until,
    operationIds: operationIds(crypto, ledgerId, bytes.subarray(0, second), operations.length),
  };
}

const DOT = 0x2e;

/** The headers of the ledger that were read lately: each signer writes the same one each time. */
const signers = new Map<string, string>();
const SIGNERS_MAX = 20_000;

function signerOf(header: string, ledgerId: string): string | undefined {
  const known = signers.get(header);
  if (known !== undefined && signedLedger === ledgerId) return known;
  const fields = jsonPart(header);
  const kid = fields?.['kid'];
  if (fields?.['ledger'] !== ledgerId || typeof kid !== 'string') return undefined;
  if (signers.size >= SIGNERS_MAX || signedLedger !== ledgerId) signers.clear();
  signedLedger = ledgerId;
  signers.set(header, kid);
  return kid;
}

let signedLedger = '';

function jsonPart(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
