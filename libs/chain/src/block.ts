import { ZERO_HASH, type Crypto, type Hash } from '@gridtokenx/crypto';
import { assert, ByteReader, ByteWriter, equalBytes, utf8 } from '@gridtokenx/kernel';
import { ENVELOPE_BYTES_MAX } from '@gridtokenx/protocol';
import { areOfSet, certificateIsValid, decodeCertificate, encodeCertificate, type Certificate } from './certificate.js';
import { checkpointRootFits } from './checkpoint.js';
import { decodeHeader, encodeHeader, headerHash, type Header } from './header.js';
import { operationsRootOf, resultsRootOf, type HashedEnvelope, type Result } from './trees.js';
import type { ValidatorSet } from './validators.js';

/** A final block as it is stored: everything a stranger needs to check it and a replay needs to run it. */
export interface Block {
  readonly header: Header;
  /** Absent at height 1 only. */
  readonly parentCertificate: Certificate | undefined;
  readonly certificate: Certificate;
  /** JWS bytes, in order. */
  readonly envelopes: readonly Uint8Array[];
  readonly outcomes: readonly BlockOutcome[];
}

export interface BlockOutcome {
  /** Of a hook, not of an operation: its leaf has id zero. */
  readonly hook: boolean;
  readonly bytes: Uint8Array;
}

/**
 * The outcome of one order that sweeps a deep book, or of a hook that closes many, runs to megabytes. A block that was
 * certified must be readable, so the limit is checked where blocks are written too.
 */
export const OUTCOME_BYTES_MAX = 64 * 1024 * 1024;
const HEADER_BYTES_MAX = 1024;
const CERTIFICATE_BYTES_MAX = 1 << 20;
const COUNT_MAX = 1_000_000;

/**
 * SPEC wire 6.1. `setSize` is the size of the validator set that signed, `parentSetSize` that of the parent's, which
 * differs only in the first block of an epoch.
 */
export function encodeBlock(block: Block, setSize: number, parentSetSize = setSize): Uint8Array {
  const { parentCertificate } = block;
  const writer = new ByteWriter(1 << 16)
    .bytes(encodeHeader(block.header))
    .bytes(parentCertificate === undefined ? new Uint8Array(0) : encodeCertificate(parentCertificate, parentSetSize))
    .bytes(encodeCertificate(block.certificate, setSize))
    .u32(block.envelopes.length);
  for (const envelope of block.envelopes) {
    assert(envelope.length <= ENVELOPE_BYTES_MAX, 'an envelope in a block was admissible');
    writer.bytes(envelope);
  }
  writer.u32(block.outcomes.length);
  for (const { hook, bytes } of block.outcomes) {
    assert(bytes.length <= OUTCOME_BYTES_MAX, 'an outcome is small enough to be read again');
    writer.u8(hook ? 1 : 0).bytes(bytes);
  }
  return writer.done();
}

/**
 * Throws DecodeError `block.*`, `header.*` or `certificate.*`. With `setSize`, certificates that claim another size of
 * their set are refused (see {@link decodeCertificate}).
 */
export function decodeBlock(bytes: Uint8Array, setSize?: number, parentSetSize = setSize): Block {
  const reader = new ByteReader(bytes, 'block');
  const header = decodeHeader(reader.bytes(HEADER_BYTES_MAX));
  const parent = reader.bytes(CERTIFICATE_BYTES_MAX);
  const certificate = decodeCertificate(reader.bytes(CERTIFICATE_BYTES_MAX), setSize);
  const envelopes = Array.from({ length: reader.count(COUNT_MAX, 4) }, () => reader.bytes(ENVELOPE_BYTES_MAX));
  const outcomes = Array.from({ length: reader.count(COUNT_MAX, 5) }, (): BlockOutcome => {
    const flag = reader.u8();
    if (flag > 1) reader.fail('hookFlag');
    return { hook: flag === 1, bytes: reader.bytes(OUTCOME_BYTES_MAX) };
  });
  reader.end();
  return {
    header,
    parentCertificate: parent.length === 0 ? undefined : decodeCertificate(parent, parentSetSize),
    certificate,
    envelopes,
    outcomes,
  };
}

export type BlockFault =
  | 'block.wrongLedger'
  | 'block.wrongHeight'
  | 'block.wrongParent'
  | 'block.wrongParentCertificate'
  | 'block.timeNotAfterParent'
  | 'block.wrongValidators'
  | 'block.checkpointRoot'
  | 'block.certificateForOtherBlock'
  | 'block.certificateInvalid'
  | 'block.operationsRoot'
  | 'block.outcomeCount'
  | 'block.resultsRoot';

/** Where a chain stands: what the next block must build on. */
export interface ChainTip {
  readonly height: number;
  /** Of the header; for height 0 the genesis hash. */
  readonly hash: Hash;
  readonly certificateHash: Hash;
  readonly certificate: Certificate | undefined;
  readonly time: number;
  readonly stateDigest: Hash;
}

const NO_CERTIFICATE = utf8('not a certificate of this set');

/**
 * SPEC wire 4.5: what the next header carries. It is asked about certificates that nobody has checked yet, so signers
 * that no bitmap can hold give a hash that is no certificate's; no honest validator signs a header that carries it.
 */
export const certificateHashOf = (crypto: Crypto, certificate: Certificate, setSize: number): Hash =>
  crypto.sha256(areOfSet(certificate.signatures, setSize) ? encodeCertificate(certificate, setSize) : NO_CERTIFICATE);

/** The tip after a block whose validity was checked. */
export function tipAfter(crypto: Crypto, set: ValidatorSet, header: Header, certificate: Certificate): ChainTip {
  return {
    height: header.height,
    hash: certificate.blockHash,
    certificateHash: certificateHashOf(crypto, certificate, set.keys.length),
    certificate,
    time: header.time,
    stateDigest: certificate.stateDigest,
  };
}

/** Pairs outcomes with the ids of the operations they belong to; `undefined` when the counts differ. */
export function resultsOf(
  outcomes: readonly BlockOutcome[],
  envelopes: readonly HashedEnvelope[],
): Result[] | undefined {
  const ids = envelopes.flatMap((envelope) => envelope.operationIds);
  let next = 0;
  const results = outcomes.map(({ hook, bytes }): Result => ({
    operationId: hook ? ZERO_HASH : (ids[next++] ?? ZERO_HASH),
    outcome: bytes,
  }));
  return next === ids.length ? results : undefined;
}

/**
 * SPEC wire 6.2: whether this is the one valid record of the height after `tip`, for someone who trusts `set`.
 * `envelopes` are the block's own, hashed by the caller (who needs their ids anyway). `undefined` means valid.
 */
export function blockFault(
  crypto: Crypto,
  ledgerId: string,
  set: ValidatorSet,
  tip: Pick<ChainTip, 'height' | 'hash' | 'certificateHash' | 'time'>,
  block: Block,
  envelopes: readonly HashedEnvelope[],
  parentSetSize = set.keys.length,
): BlockFault | undefined {
  return (
    certifiedHeaderFault(crypto, ledgerId, set, tip, block, parentSetSize) ?? contentFault(crypto, block, envelopes)
  );
}

/** The half of {@link blockFault} that depends on the tip and the set: place in the chain, and the certificates. */
export function certifiedHeaderFault(
  crypto: Crypto,
  ledgerId: string,
  set: ValidatorSet,
  tip: Pick<ChainTip, 'height' | 'hash' | 'certificateHash' | 'time'>,
  { header, certificate, parentCertificate }: Pick<Block, 'header' | 'certificate' | 'parentCertificate'>,
  parentSetSize = set.keys.length,
): BlockFault | undefined {
  if (header.ledgerId !== ledgerId) return 'block.wrongLedger';
  if (header.height !== tip.height + 1) return 'block.wrongHeight';
  if (!equalBytes(header.parentHash, tip.hash)) return 'block.wrongParent';
  if (!isParentCertificate(crypto, header, tip, parentCertificate, parentSetSize))
    return 'block.wrongParentCertificate';
  if (header.time <= tip.time) return 'block.timeNotAfterParent';
  if (header.epoch !== set.epoch || !equalBytes(header.validatorsHash, set.hash)) return 'block.wrongValidators';
  if (!checkpointRootFits(header.height, header.checkpointRoot)) return 'block.checkpointRoot';
  if (certificate.height !== header.height || !equalBytes(certificate.blockHash, headerHash(crypto, header)))
    return 'block.certificateForOtherBlock';
  return certificateIsValid(crypto, ledgerId, set, certificate) ? undefined : 'block.certificateInvalid';
}

/** The other half, which depends on the bytes of the block alone: envelopes and outcomes are those that were certified. */
function contentFault(crypto: Crypto, block: Block, envelopes: readonly HashedEnvelope[]): BlockFault | undefined {
  const { header, certificate } = block;
  if (!equalBytes(header.operationsRoot, operationsRootOf(crypto, envelopes))) return 'block.operationsRoot';
  const results = resultsOf(block.outcomes, envelopes);
  if (results === undefined) return 'block.outcomeCount';
  return equalBytes(certificate.resultsRoot, resultsRootOf(crypto, results)) ? undefined : 'block.resultsRoot';
}

/**
 * The header names the certificate by its hash, so the quorum that signed the header vouches for it. It need not be the
 * one that this reader holds for the parent: several quorums may have signed the same block.
 */
function isParentCertificate(
  crypto: Crypto,
  header: Header,
  tip: Pick<ChainTip, 'height' | 'hash'>,
  certificate: Certificate | undefined,
  setSize: number,
): boolean {
  if (certificate === undefined) return tip.height === 0 && equalBytes(header.parentCertificateHash, ZERO_HASH);
  return (
    tip.height > 0 &&
    certificate.height === tip.height &&
    equalBytes(certificate.blockHash, tip.hash) &&
    areOfSet(certificate.signatures, setSize) &&
    equalBytes(header.parentCertificateHash, certificateHashOf(crypto, certificate, setSize))
  );
}
