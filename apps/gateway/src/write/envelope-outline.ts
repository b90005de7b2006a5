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
  const header = jsonPart(buffer, 0, first);
  const payload = jsonPart(buffer, first + 1, second);
  if (header?.['ledger'] !== ledgerId || payload === undefined) return undefined;
  const { kid } = header;
  const { sequence, validUntil, operations } = payload;
  const until = typeof validUntil === 'string' ? parseTime(validUntil) : undefined;
  if (typeof kid !== 'string' || typeof sequence !== 'number' || until === undefined) return undefined;
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

function jsonPart(buffer: Buffer, from: number, to: number): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(buffer.toString('latin1', from, to), 'base64url').toString());
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
