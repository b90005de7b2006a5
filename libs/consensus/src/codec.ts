import {
  decodeHeader,
  encodeHeader,
  HEADER_BYTES,
  SIGNATURE_BYTES,
  VOTE_STEPS,
  type Certificate,
  type Signed,
} from '@gridtokenx/chain';
import { HASH_BYTES, type Crypto, type Hash, type Signature } from '@gridtokenx/crypto';
import { ByteReader, ByteWriter, unreachable } from '@gridtokenx/kernel';
import { PROTOCOL_VERSION, VALIDATORS_MAX } from '@gridtokenx/protocol';
import type { Candidate, ConsensusMessage, PreparedCertificate, RoundChangeVote, SignerRecord } from './types.js';

/** More envelopes than any genesis lets into a block (the public ledger's 40,000 transactions, one an envelope). */
export const ENVELOPES_PER_BLOCK_MAX = 40_000;
const SIGN_BYTES_MAX = 1_024;

type Hasher = Pick<Crypto, 'sha256'>;

const readHash = (reader: ByteReader): Hash => reader.fixed(HASH_BYTES) as Hash;
const readSignature = (reader: ByteReader): Signature => reader.fixed(SIGNATURE_BYTES) as Signature;

/** A byte that is 0 or 1: any other spelling of a yes would be a second spelling of one message. */
function readFlag(reader: ByteReader): boolean {
  const flag = reader.u8();
  if (flag > 1) reader.fail('flag');
  return flag === 1;
}

function writeOptional<T>(writer: ByteWriter, value: T | undefined, write: (value: T) => void): void {
  writer.u8(value === undefined ? 0 : 1);
  if (value !== undefined) write(value);
}

const readOptional = <T>(reader: ByteReader, read: () => T): T | undefined => (readFlag(reader) ? read() : undefined);

function readList<T>(reader: ByteReader, max: number, least: number, read: () => T): T[] {
  return Array.from({ length: reader.count(max, least) }, read);
}

function writeSigned(writer: ByteWriter, signatures: readonly Signed[]): void {
  writer.u32(signatures.length);
  for (const { validator, signature } of signatures) writer.u16(validator).fixed(signature);
}

const readSigned = (reader: ByteReader): Signed[] =>
  readList(reader, VALIDATORS_MAX, 2 + SIGNATURE_BYTES, () => ({
    validator: reader.u16(),
    signature: readSignature(reader),
  }));

function writeCertificate(writer: ByteWriter, certificate: Certificate): void {
  const { epoch, height, round, blockHash, resultsRoot, stateDigest, signatures } = certificate;
  writer.u64(epoch).u64(height).u32(round).fixed(blockHash).fixed(resultsRoot).fixed(stateDigest);
  writeSigned(writer, signatures);
}

const readCertificate = (reader: ByteReader): Certificate => ({
  epoch: reader.u64(),
  height: reader.u64(),
  round: reader.u32(),
  blockHash: readHash(reader),
  resultsRoot: readHash(reader),
  stateDigest: readHash(reader),
  signatures: readSigned(reader),
});

function writePrepared(writer: ByteWriter, prepared: PreparedCertificate): void {
  writer.u64(prepared.height).u32(prepared.round).fixed(prepared.blockHash);
  writeSigned(writer, prepared.signatures);
}

const readPrepared = (reader: ByteReader): PreparedCertificate => ({
  height: reader.u64(),
  round: reader.u32(),
  blockHash: readHash(reader),
  signatures: readSigned(reader),
});

function writeCandidate(writer: ByteWriter, candidate: Candidate): void {
  writer.fixed(encodeHeader(candidate.header)).u32(candidate.envelopeHashes.length);
  for (const hash of candidate.envelopeHashes) writer.fixed(hash);
  writeOptional(writer, candidate.parentCertificate, (certificate) => writeCertificate(writer, certificate));
}

/** The hash is not read but computed: a candidate cannot claim a hash that its header does not have. */
function readCandidate(crypto: Hasher, reader: ByteReader): Candidate {
  const headerBytes = reader.fixed(HEADER_BYTES);
  return {
    header: decodeHeader(headerBytes),
    hash: crypto.sha256(headerBytes),
    envelopeHashes: readList(reader, ENVELOPES_PER_BLOCK_MAX, HASH_BYTES, () => readHash(reader)),
    parentCertificate: readOptional(reader, () => readCertificate(reader)),
  };
}

const sizeOf = (candidate: Candidate): number =>
  1_024 + candidate.envelopeHashes.length * HASH_BYTES + (candidate.parentCertificate?.signatures.length ?? 0) * 66;

/** SPEC consensus 7.1. */
export function encodeCandidate(candidate: Candidate): Uint8Array {
  const writer = new ByteWriter(sizeOf(candidate));
  writeCandidate(writer, candidate);
  return writer.done();
}

/** Throws DecodeError `candidate.*` or `header.*`. */
export function decodeCandidate(crypto: Hasher, bytes: Uint8Array): Candidate {
  const reader = new ByteReader(bytes, 'candidate');
  const candidate = readCandidate(crypto, reader);
  reader.end();
  return candidate;
}

function writeRoundChangeVote(writer: ByteWriter, vote: RoundChangeVote): void {
  writer.u16(vote.validator);
  writeOptional(writer, vote.prepared, ({ round, blockHash }) => writer.u32(round).fixed(blockHash));
  writer.fixed(vote.signature);
}

const readRoundChangeVote = (reader: ByteReader): RoundChangeVote => ({
  validator: reader.u16(),
  prepared: readOptional(reader, () => ({ round: reader.u32(), blockHash: readHash(reader) })),
  signature: readSignature(reader),
});

/** SPEC consensus 7.1: version, type (its step), epoch, height, round, validator, signature, then what the type carries. */
export function encodeMessage(message: ConsensusMessage): Uint8Array {
  const writer = new ByteWriter(message.type === 'proposal' ? sizeOf(message.candidate) : 256)
    .u16(PROTOCOL_VERSION)
    .u8(VOTE_STEPS[message.type])
    .u64(message.epoch)
    .u64(message.height)
    .u32(message.round)
    .u16(message.validator)
    .fixed(message.signature);
  switch (message.type) {
    case 'proposal':
      writeCandidate(writer, message.candidate);
      writeOptional(writer, message.justification, ({ roundChanges, prepared }) => {
        writer.u32(roundChanges.length);
        for (const vote of roundChanges) writeRoundChangeVote(writer, vote);
        writeOptional(writer, prepared, (certificate) => writePrepared(writer, certificate));
      });
      return writer.done();
    case 'prepare':
      return writer.fixed(message.blockHash).done();
    case 'commit':
      return writer.fixed(message.blockHash).fixed(message.resultsRoot).fixed(message.stateDigest).done();
    case 'roundChange':
      writeOptional(writer, message.prepared, (certificate) => writePrepared(writer, certificate));
      return writer.done();
    default:
      return unreachable(message);
  }
}

/** Strict reverse of {@link encodeMessage}: throws DecodeError `message.*` or `header.*`, and nothing else. */
export function decodeMessage(crypto: Hasher, bytes: Uint8Array): ConsensusMessage {
  const reader = new ByteReader(bytes, 'message');
  if (reader.u16() !== PROTOCOL_VERSION) reader.fail('version');
  const step = reader.u8();
  const base = {
    epoch: reader.u64(),
    height: reader.u64(),
    round: reader.u32(),
    validator: reader.u16(),
    signature: readSignature(reader),
  };
  const message = readBody(crypto, reader, step, base);
  reader.end();
  return message;
}

function readBody(
  crypto: Hasher,
  reader: ByteReader,
  step: number,
  base: Pick<ConsensusMessage, 'epoch' | 'height' | 'round' | 'validator' | 'signature'>,
): ConsensusMessage {
  switch (step) {
    case VOTE_STEPS.proposal:
      return {
        ...base,
        type: 'proposal',
        candidate: readCandidate(crypto, reader),
        justification: readOptional(reader, () => ({
          roundChanges: readList(reader, VALIDATORS_MAX, 3 + SIGNATURE_BYTES, () => readRoundChangeVote(reader)),
          prepared: readOptional(reader, () => readPrepared(reader)),
        })),
      };
    case VOTE_STEPS.prepare:
      return { ...base, type: 'prepare', blockHash: readHash(reader) };
    case VOTE_STEPS.commit:
      return {
        ...base,
        type: 'commit',
        blockHash: readHash(reader),
        resultsRoot: readHash(reader),
        stateDigest: readHash(reader),
      };
    case VOTE_STEPS.roundChange:
      return { ...base, type: 'roundChange', prepared: readOptional(reader, () => readPrepared(reader)) };
    default:
      return reader.fail('type');
  }
}

/** SPEC consensus 7.2: the payload of the record file; framing, checksum and the two slots are the keeper's. */
export function encodeSignerRecord(record: SignerRecord): Uint8Array {
  const writer = new ByteWriter(record.prepared === undefined ? 512 : 8_192 + sizeOf(record.prepared.candidate))
    .u16(PROTOCOL_VERSION)
    .u64(record.height)
    .u32(record.round)
    .u8(record.step)
    .bytes(record.signBytes);
  writeOptional(writer, record.prepared, ({ certificate, candidate }) => {
    writePrepared(writer, certificate);
    writeCandidate(writer, candidate);
  });
  writeOptional(writer, record.committed, ({ blockHash, resultsRoot, stateDigest }) =>
    writer.fixed(blockHash).fixed(resultsRoot).fixed(stateDigest),
  );
  return writer.done();
}

/** Throws DecodeError `record.*` or `header.*`. */
export function decodeSignerRecord(crypto: Hasher, bytes: Uint8Array): SignerRecord {
  const reader = new ByteReader(bytes, 'record');
  if (reader.u16() !== PROTOCOL_VERSION) reader.fail('version');
  const point = { height: reader.u64(), round: reader.u32(), step: reader.u8() };
  if (point.step > VOTE_STEPS.commit) reader.fail('step');
  const record: SignerRecord = {
    ...point,
    signBytes: reader.bytes(SIGN_BYTES_MAX),
    prepared: readOptional(reader, () => ({
      certificate: readPrepared(reader),
      candidate: readCandidate(crypto, reader),
    })),
    committed: readOptional(reader, () => ({
      blockHash: readHash(reader),
      resultsRoot: readHash(reader),
      stateDigest: readHash(reader),
    })),
  };
  reader.end();
  return record;
}
