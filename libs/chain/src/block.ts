import { ZERO_HASH, type Crypto, type Hash, type PublicKey } from '@gridtokenx/crypto';
import { assert, ByteReader, ByteWriter, compareBytes, equalBytes, utf8 } from '@gridtokenx/kernel';
import { ENVELOPE_BYTES_MAX, VALIDATORS_MAX } from '@gridtokenx/protocol';
import { areOfSet, certificateIsValid, decodeCertificate, encodeCertificate, type Certificate } from './certificate.js';
import { checkpointRootFits } from './checkpoint.js';
import { isLastOfEpoch, type ChainRules } from './epochs.js';
import { decodeHeader, encodeHeader, headerHash, type Header } from './header.js';
import { operationsRootOf, resultsRootOf, type HashedEnvelope, type Result } from './trees.js';
import { PUBLIC_KEY_BYTES, validatorsAfter, validatorSet, type ValidatorSet } from './validators.js';

/** A final block as it is stored: everything a stranger needs to check it and a replay needs to run it. */
export interface Block {
  readonly header: Header;
  /** Absent at height 1 only. */
  readonly parentCertificate: Certificate | undefined;
  readonly certificate: Certificate;
  /**
   * The keys of the next epoch's validators, in set order, where `nextValidatorsHash` is not `validatorsHash`: whoever
   * reads blocks learns every set from them. Absent otherwise.
   */
  readonly nextValidators?: readonly PublicKey[] | undefined;
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
  const parts = [
    encodeHeader(block.header),
    parentCertificate === undefined ? new Uint8Array(0) : encodeCertificate(parentCertificate, parentSetSize),
    encodeCertificate(block.certificate, setSize),
  ];
  const keys = block.nextValidators ?? [];
  let size = 3 * 4 + keys.length * PUBLIC_KEY_BYTES;
  for (const part of parts) size += 4 + part.length;
  for (const envelope of block.envelopes) size += 4 + envelope.length;
  for (const { bytes } of block.outcomes) size += 5 + bytes.length;
  // Exactly as long as it gets: a block is megabytes, which growing and cutting would copy several times.
  const writer = new ByteWriter(size);
  for (const part of parts) writer.bytes(part);
  writer.u32(keys.length);
  for (const key of keys) writer.fixed(key);
  writer.u32(block.envelopes.length);
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
  const nextValidators = readKeys(reader);
  // Views: a block is kept or let go of as a whole.
  const envelopes = Array.from({ length: reader.count(COUNT_MAX, 4) }, () => reader.borrowed(ENVELOPE_BYTES_MAX));
  const outcomes = Array.from({ length: reader.count(COUNT_MAX, 5) }, (): BlockOutcome => {
    const flag = reader.u8();
    if (flag > 1) reader.fail('hookFlag');
    return { hook: flag === 1, bytes: reader.borrowed(OUTCOME_BYTES_MAX) };
  });
  reader.end();
  return {
    header,
    parentCertificate: parent.length === 0 ? undefined : decodeCertificate(parent, parentSetSize),
    certificate,
    nextValidators,
    envelopes,
    outcomes,
  };
}

/** In set order, each once: a set has one spelling. None stands for the same set as now. */
function readKeys(reader: ByteReader): PublicKey[] | undefined {
  const keys: PublicKey[] = [];
  for (let left = reader.count(VALIDATORS_MAX, PUBLIC_KEY_BYTES); left > 0; left--) {
    const key = reader.fixed(PUBLIC_KEY_BYTES) as PublicKey;
    const last = keys.at(-1);
    if (last !== undefined && compareBytes(last, key) >= 0) reader.fail('nextValidators');
    keys.push(key);
  }
  return keys.length === 0 ? undefined : keys;
}

export type BlockFault =
  | 'block.wrongLedger'
  | 'block.wrongHeight'
  | 'block.wrongParent'
  | 'block.wrongParentCertificate'
  | 'block.timeNotAfterParent'
  | 'block.wrongValidators'
  | 'block.checkpointRoot'
  | 'block.wrongNextValidators'
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
  /** The set that certified this block, for its certificate travels in the next; at height 0 that of epoch 0. */
  readonly certifiedBy: ValidatorSet;
  /** The set that decides the next block. */
  readonly validators: ValidatorSet;
}

/** What of a tip the next block is checked against. */
export type ReaderTip = Pick<ChainTip, 'height' | 'hash' | 'certificateHash' | 'time' | 'certifiedBy' | 'validators'>;

const NO_CERTIFICATE = utf8('not a certificate of this set');

/**
 * SPEC wire 4.5: what the next header carries. It is asked about certificates that nobody has checked yet, so signers
 * that no bitmap can hold give a hash that is no certificate's; no honest validator signs a header that carries it.
 */
export const certificateHashOf = (crypto: Crypto, certificate: Certificate, setSize: number): Hash =>
  crypto.sha256(areOfSet(certificate.signatures, setSize) ? encodeCertificate(certificate, setSize) : NO_CERTIFICATE);

/** The tip after a block whose validity was checked. `nextValidators` are those of the block, if it names any. */
export function tipAfter(
  crypto: Crypto,
  rules: ChainRules,
  { validators }: Pick<ChainTip, 'validators'>,
  { header, certificate, nextValidators }: Pick<Block, 'header' | 'certificate' | 'nextValidators'>,
): ChainTip {
  return {
    height: header.height,
    hash: certificate.blockHash,
    certificateHash: certificateHashOf(crypto, certificate, validators.keys.length),
    certificate,
    time: header.time,
    stateDigest: certificate.stateDigest,
    certifiedBy: validators,
    validators: validatorsAfter(crypto, rules, header.height, validators, nextValidators),
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
 * SPEC wire 6.2: whether this is the one valid record of the height after `tip`, for someone who trusts the tip's
 * validators. `envelopes` are the block's own, hashed by the caller (who needs their ids anyway). `undefined` means valid.
 */
export function blockFault(
  crypto: Crypto,
  rules: ChainRules,
  tip: ReaderTip,
  block: Block,
  envelopes: readonly HashedEnvelope[],
): BlockFault | undefined {
  return certifiedHeaderFault(crypto, rules, tip, block) ?? contentFault(crypto, block, envelopes);
}

/** The half of {@link blockFault} that depends on the tip: place in the chain, validators now and next, certificates. */
export function certifiedHeaderFault(
  crypto: Crypto,
  rules: ChainRules,
  tip: ReaderTip,
  block: Pick<Block, 'header' | 'certificate' | 'parentCertificate' | 'nextValidators'>,
): BlockFault | undefined {
  const { header, certificate, parentCertificate } = block;
  const set = tip.validators;
  if (header.ledgerId !== rules.ledgerId) return 'block.wrongLedger';
  if (header.height !== tip.height + 1) return 'block.wrongHeight';
  if (!equalBytes(header.parentHash, tip.hash)) return 'block.wrongParent';
  if (!isParentCertificate(crypto, header, tip, parentCertificate)) return 'block.wrongParentCertificate';
  if (header.time <= tip.time) return 'block.timeNotAfterParent';
  if (header.epoch !== set.epoch || !equalBytes(header.validatorsHash, set.hash)) return 'block.wrongValidators';
  if (!namesNextValidators(crypto, rules, block)) return 'block.wrongNextValidators';
  if (!checkpointRootFits(header.height, header.checkpointRoot)) return 'block.checkpointRoot';
  if (certificate.height !== header.height || !equalBytes(certificate.blockHash, headerHash(crypto, header)))
    return 'block.certificateForOtherBlock';
  return certificateIsValid(crypto, rules.ledgerId, set, certificate) ? undefined : 'block.certificateInvalid';
}

/** SPEC consensus 9.2: the next set is the same, unless the block is the last of its epoch and carries the keys of another. */
function namesNextValidators(
  crypto: Crypto,
  { epochBlocks }: ChainRules,
  { header, nextValidators }: Pick<Block, 'header' | 'nextValidators'>,
): boolean {
  const { nextValidatorsHash, validatorsHash, epoch, height } = header;
  if (equalBytes(nextValidatorsHash, validatorsHash)) return nextValidators === undefined;
  if (!isLastOfEpoch(height, epochBlocks) || nextValidators === undefined) return false;
  return equalBytes(validatorSet(crypto, epoch + 1, nextValidators).hash, nextValidatorsHash);
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
  tip: Pick<ChainTip, 'height' | 'hash' | 'certifiedBy'>,
  certificate: Certificate | undefined,
): boolean {
  const setSize = tip.certifiedBy.keys.length;
  if (certificate === undefined) return tip.height === 0 && equalBytes(header.parentCertificateHash, ZERO_HASH);
  return (
    tip.height > 0 &&
    certificate.height === tip.height &&
    equalBytes(certificate.blockHash, tip.hash) &&
    areOfSet(certificate.signatures, setSize) &&
    equalBytes(header.parentCertificateHash, certificateHashOf(crypto, certificate, setSize))
  );
}
