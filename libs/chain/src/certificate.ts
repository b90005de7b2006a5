import { HASH_BYTES, type Crypto, type Hash, type PublicKey, type Signature } from '@gridtokenx/crypto';
import { assert, ByteReader, ByteWriter } from '@gridtokenx/kernel';
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

/** The places of those who signed, in set order; nobody where there is no certificate. */
export const signersOf = (certificate: Pick<Certificate, 'signatures'> | undefined): number[] =>
  (certificate?.signatures ?? []).map(({ validator }) => validator);

export const SIGNATURE_BYTES = 64;

/** Whether the signers are members of a set of this size, in set order, each once: only then is there a bitmap of them. */
export function areOfSet(signatures: readonly Signed[], setSize: number): boolean {
  let last = -1;
  return signatures.every(({ validator }) => {
    const fits = Number.isInteger(validator) && validator > last && validator < setSize;
    last = validator;
    return fits;
  });
}

/** SPEC wire 4.4: size of the set, bitmap of signers in set order (bit i of byte i/8, most significant first), signatures. */
export function writeSignatures(writer: ByteWriter, setSize: number, signatures: readonly Signed[]): void {
  assert(areOfSet(signatures, setSize), 'signatures are of members of the set, in its order, one for each');
  const bitmap = new Uint8Array(Math.ceil(setSize / 8));
  for (const { validator, signature } of signatures) {
    assert(signature.length === SIGNATURE_BYTES, 'a signature has 64 bytes');
    bitmap[validator >> 3] = (bitmap[validator >> 3] ?? 0) | (0x80 >> (validator & 7));
  }
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

/**
 * Throws DecodeError `certificate.*`. The size of the set is not kept: who knows it gives it, and then bytes that claim
 * another one are refused, so that each certificate has one spelling.
 */
export function decodeCertificate(bytes: Uint8Array, expectedSetSize?: number): Certificate {
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
  const { setSize, signatures } = readSignatures(reader);
  if (expectedSetSize !== undefined && setSize !== expectedSetSize) reader.fail('setSize');
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
  if (signatures.length < set.quorum || !areOfSet(signatures, set.keys.length)) return false;
  return signatures.every(({ validator, signature }) =>
    crypto.verify(signature, signBytes, set.keys[validator] as PublicKey),
  );
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
  return (
    certificate.epoch === set.epoch &&
    quorumSigned(crypto, set, commitSignBytes(ledgerId, certificate), certificate.signatures)
  );
}
