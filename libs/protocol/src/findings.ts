import { ZERO_HASH, type Hash, type PublicKey } from '@gridtokenx/crypto';
import { assert, millis, toBase64Url, type ByteReader, type ByteWriter, type Millis } from '@gridtokenx/kernel';
import { EnvelopeError, operationsIn, type Envelope } from './envelope.js';
import type { Operation } from './operations.js';
import type { RejectionCode } from './rejections.js';

/** What `decodeEnvelope` found. */
export type Finding = Envelope | EnvelopeError;

/**
 * A finding as bytes, from the thread that checked an envelope to the one that needs it. Both hold the envelope's bytes,
 * so all that is told is what was dear to learn; it never leaves the process and is no part of the wire.
 */
export function writeFinding(writer: ByteWriter, found: Finding): void {
  if (found instanceof EnvelopeError) {
    writer.u8(0).text(found.code).text(found.pointer).text(found.reason);
    return;
  }
  const { hash, publicKey, sequence, validUntil, atomic, operationIds } = found;
  writer.u8(1).fixed(hash).fixed(publicKey).u64(sequence).u64(validUntil);
  writer.u8(atomic ? 1 : 0).u32(operationIds.length);
  for (const id of operationIds) writer.fixed(id);
}

/** Reads what {@link writeFinding} wrote about these bytes. */
export function readFinding(reader: ByteReader, ledgerId: string, bytes: Uint8Array): Finding {
  if (reader.u8() === 0)
    return new EnvelopeError(reader.text(64) as RejectionCode, reader.text(TEXT_MAX), reader.text(TEXT_MAX));
  const hash = reader.borrowedFixed(ZERO_HASH.length) as Hash;
  const publicKey = reader.borrowedFixed(32) as PublicKey;
  const sequence = reader.u64();
  const validUntil = millis(reader.u64());
  const atomic = reader.u8() === 1;
  const operationIds: Hash[] = [];
  for (let left = reader.u32(); left > 0; left--) operationIds.push(reader.borrowedFixed(ZERO_HASH.length) as Hash);
  return new FoundEnvelope(ledgerId, bytes, hash, publicKey, sequence, validUntil, atomic, operationIds);
}

const TEXT_MAX = 1 << 20;

/**
 * An envelope that another thread has checked. Its operations are read when they are first asked for: until a block
 * holds it, nobody does, and what is only held costs no objects.
 */
class FoundEnvelope implements Envelope {
  readonly kid: string;
  private read: readonly Operation[] | undefined = undefined;

  constructor(
    readonly ledgerId: string,
    readonly bytes: Uint8Array,
    readonly hash: Hash,
    readonly publicKey: PublicKey,
    readonly sequence: number,
    readonly validUntil: Millis,
    readonly atomic: boolean,
    readonly operationIds: readonly Hash[],
  ) {
    // A key id has one spelling: SPEC wire 1.3.
    this.kid = toBase64Url(publicKey);
  }

  get operations(): readonly Operation[] {
    this.read ??= operationsIn(this.bytes);
    assert(this.read.length === this.operationIds.length, 'the thread that checked it has counted its operations');
    return this.read;
  }
}
