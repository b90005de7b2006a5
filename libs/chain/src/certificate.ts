import { HASH_BYTES, type Crypto, type Hash, type PublicKey, type Signature } from '@gridtokenx/crypto';
import { ByteReader, ByteWriter } from '@gridtokenx/kernel';
import { VALIDATORS_MAX } from '@gridtokenx/protocol';
import type { ValidatorSet } from './validators.js';
import { voteSignBytes, type Vote } from './votes.js';

/** One signature of a quorum: the validator's index in the set, and its signature. */
export interface Signed {
  readonly validator: number;
  readonly signature: Signature;
}

/** A quorum of equal COMMITs: the block is final, and so is what it did. */
export interface Certificate {
  readonly epoch: number;
  readonly height: number;
  readonly round: number;
  readonly blockHash: Hash;
  readonly resultsRoot: Hash;
  readonly stateDigest: Hash;
  /** In set order, each validator at most once. */
  readonly signatures: readonly Signed[];
}

export const SIGNATURE_BYTES = 64;

/** SPEC wire 4.4: size of the set, bitmap of signers in set order (bit i of byte i/8, most significant first), signatures. */
export function writeSignatures(writer: ByteWriter, setSize: number, signatures: readonly Signed[]): void {
  const bitmap = new Uint8Array(Math.ceil(setSize / 8));
  for (const { validator } of signatures) bitmap[validator >> 3] = (bitmap[validator >> 3] ?? 0) | (0x80 >> (validator & 7));
  writer.u16(setSize).fixed(bitmap);
  for (const { signature } of signatures) writer.fixed(signature);
}

/** Strict reverse: no bit beyond the set, one signature per bit. Throws DecodeError. */
export function readSignatures(reader: ByteReader): { setSize: number; signatures: Signed[] } {
  const setSize = reader.u16();
  if (setSize > VALIDATORS_MAX) reader.fail('setTooLarge');
  const bitmap = reader.fixed(Math.ceil(setSize / 8));
  const signers: number[] = [];
  for (let i = 0; i < bitmap.length * 8; i++)
    if (((bitmap[i >> 3] ?? 0) & (0x80 >> (i & 7))) !== 0) {
      if (i >= setSize) reader.fail('signerBeyondSet');
      signers.push(i);
    }
  return {
    setSize,
    signatures: signers.map((validator) => ({ validator, signature: reader.fixed(SIGNATURE_BYTES) as Signature })),
  };
}

export function encodeCertificate(certificate: Certificate, setSize: number): Uint8Array {
  const writer = new ByteWriter(256 + certificate.signatures.length * SIGNATURE_BYTES)
    .u64(certificate.epoch)
    .u64(certificate.height)
    .u32(certificate.round)
    .fixed(certificate.blockHash)
    .fixed(certificate.resultsRoot)
    .fixed(certificate.stateDigest);
  writeSignatures(writer, setSize, certificate.signatures);
  return writer.done();
}

/** Throws DecodeError `certificate.*`. */
export function decodeCertificate(bytes: Uint8Array): Certificate {
  const reader = new ByteReader(bytes, 'certificate');
  const hash = (): Hash => reader.fixed(HASH_BYTES) as Hash;
  const fields = {
    epoch: reader.u64(),
    height: reader.u64(),
    round: reader.u32(),
    blockHash: hash(),
    resultsRoot: hash(),
    stateDigest: hash(),
  };
  const { signatures } = readSignatures(reader);
  reader.end();
  return { ...fields, signatures };
}

/**
 * Whether a quorum of the set signed this vote: each signer once, in set order, inside the set, all signatures valid.
 * The one check behind prepared and commit certificates.
 */
export function quorumSigned(
  crypto: Pick<Crypto, 'verify'>,
  set: ValidatorSet,
  signBytes: Uint8Array,
  signatures: readonly Signed[],
): boolean {
  if (signatures.length < set.quorum) return false;
  let last = -1;
  for (const { validator, signature } of signatures) {
    if (validator <= last || validator >= set.keys.length) return false;
    last = validator;
    if (!crypto.verify(signature, signBytes, set.keys[validator] as PublicKey)) return false;
  }
  return true;
}

export function commitSignBytes(ledgerId: string, certificate: Certificate): Uint8Array {
  const { blockHash, resultsRoot, stateDigest } = certificate;
  const vote: Vote = { type: 'commit', blockHash, resultsRoot, stateDigest };
  return voteSignBytes({ ledgerId, ...certificate }, vote);
}

/** SPEC consensus 6.1: a block is final for whoever sees this be true under a set it trusts. */
export function certificateIsValid(
  crypto: Pick<Crypto, 'verify'>,
  ledgerId: string,
  set: ValidatorSet,
  certificate: Certificate,
): boolean {
  return certificate.epoch === set.epoch && quorumSigned(crypto, set, commitSignBytes(ledgerId, certificate), certificate.signatures);
}
