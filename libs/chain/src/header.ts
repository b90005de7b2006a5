import { HASH_BYTES, type Crypto, type Hash } from '@gridtokenx/crypto';
import {
  assert,
  ByteReader,
  ByteWriter,
  fromUtf8,
  height as asHeight,
  millis,
  utf8,
  type Height,
  type Millis,
} from '@gridtokenx/kernel';
import { PROTOCOL_VERSION } from '@gridtokenx/protocol';

/**
 * What a certificate signs. It holds no round: a block proposed again in a later round has the same bytes and hash;
 * `proposer` is the index of the validator that first proposed it.
 */
export interface Header {
  readonly version: number;
  readonly ledgerId: string;
  readonly epoch: number;
  readonly height: Height;
  readonly proposer: number;
  /** Of the parent header; for height 1 the genesis hash. */
  readonly parentHash: Hash;
  /** Of the certificate that travels in this block; zero at height 1. */
  readonly parentCertificateHash: Hash;
  readonly time: Millis;
  readonly operationsRoot: Hash;
  readonly validatorsHash: Hash;
  readonly nextValidatorsHash: Hash;
  /** SPEC wire 8.1: of the state ten blocks ago when that was a checkpoint, else zero. */
  readonly checkpointRoot: Hash;
}

export const LEDGER_ID_BYTES = 32;
export const HEADER_BYTES = 2 + LEDGER_ID_BYTES + 8 + 8 + 2 + 8 + 6 * HASH_BYTES;

const LEDGER_ID = /^[a-z0-9-]{1,32}$/;

/** SPEC wire 1.6: a ledger id as 32 bytes of ASCII, filled up with zeros. */
export function ledgerIdBytes(ledgerId: string): Uint8Array {
  assert(LEDGER_ID.test(ledgerId), 'a ledger id is 1 to 32 lower-case letters, digits and hyphens');
  const out = new Uint8Array(LEDGER_ID_BYTES);
  out.set(utf8(ledgerId));
  return out;
}

export function readLedgerId(reader: ByteReader): string {
  const bytes = reader.fixed(LEDGER_ID_BYTES);
  const length = bytes.indexOf(0) < 0 ? LEDGER_ID_BYTES : bytes.indexOf(0);
  if (bytes.subarray(length).some((byte) => byte !== 0)) reader.fail('ledgerId');
  const text = fromUtf8(bytes.subarray(0, length));
  if (text === undefined || !LEDGER_ID.test(text)) return reader.fail('ledgerId');
  return text;
}

/** SPEC wire 4.1: fixed width, big-endian, fields in the order of the interface. */
export function encodeHeader(header: Header): Uint8Array {
  return new ByteWriter(HEADER_BYTES)
    .u16(header.version)
    .fixed(ledgerIdBytes(header.ledgerId))
    .u64(header.epoch)
    .u64(header.height)
    .u16(header.proposer)
    .fixed(header.parentHash)
    .fixed(header.parentCertificateHash)
    .u64(header.time)
    .fixed(header.operationsRoot)
    .fixed(header.validatorsHash)
    .fixed(header.nextValidatorsHash)
    .fixed(header.checkpointRoot)
    .done();
}

/** Throws DecodeError `header.*`. */
export function decodeHeader(bytes: Uint8Array): Header {
  const reader = new ByteReader(bytes, 'header');
  const hash = (): Hash => reader.fixed(HASH_BYTES) as Hash;
  const header: Header = {
    version: reader.u16(),
    ledgerId: readLedgerId(reader),
    epoch: reader.u64(),
    height: asHeight(reader.u64()),
    proposer: reader.u16(),
    parentHash: hash(),
    parentCertificateHash: hash(),
    time: millis(reader.u64()),
    operationsRoot: hash(),
    validatorsHash: hash(),
    nextValidatorsHash: hash(),
    checkpointRoot: hash(),
  };
  reader.end();
  if (header.version !== PROTOCOL_VERSION) reader.fail('version');
  return header;
}

export const headerHash = (crypto: Crypto, header: Header): Hash => crypto.sha256(encodeHeader(header));
