import {
  decodeCandidate,
  encodeCandidate,
  encodeMessage,
  type Candidate,
  type ConsensusMessage,
} from '@gridtokenx/consensus';
import { HASH_BYTES, type Crypto, type Hash } from '@gridtokenx/crypto';
import { ByteReader, ByteWriter, unreachable } from '@gridtokenx/kernel';
import { ledgerIdBytes, readLedgerId } from '@gridtokenx/chain';

/**
 * What travels on the consensus topic. Votes are signed; requests and answers need no signature, because what is
 * asked for is named by its hash.
 */
export type Frame =
  | { readonly kind: 'message'; readonly bytes: Uint8Array }
  | { readonly kind: 'wantEnvelopes'; readonly hashes: readonly Hash[] }
  | { readonly kind: 'wantCandidate'; readonly hash: Hash }
  | { readonly kind: 'candidate'; readonly candidate: Candidate };

const KINDS = ['message', 'wantEnvelopes', 'wantCandidate', 'candidate'] as const;
const FRAME_BYTES_MAX = 12 * 1024 * 1024;
const HASHES_MAX = 100_000;
/** How much is gathered into one record; a single frame may be larger. */
const RECORD_BYTES_WANTED = 8 * 1024 * 1024;
/** A request or a candidate counts as this much: they are few, and how long they are shows only once encoded. */
const SMALL_FRAME_BYTES = 1024;

function encodeFrame(frame: Frame): Uint8Array {
  switch (frame.kind) {
    case 'message':
      return frame.bytes;
    case 'wantEnvelopes': {
      const writer = new ByteWriter(4 + frame.hashes.length * HASH_BYTES).u32(frame.hashes.length);
      for (const hash of frame.hashes) writer.fixed(hash);
      return writer.done();
    }
    case 'wantCandidate':
      return frame.hash;
    case 'candidate':
      return encodeCandidate(frame.candidate);
    default:
      return unreachable(frame);
  }
}

/** SPEC wire 7.2: one record is the ledger id and any number of frames. */
export function encodeFrames(ledgerId: string, frames: readonly Frame[]): Uint8Array {
  const writer = new ByteWriter(1024).fixed(ledgerIdBytes(ledgerId)).u32(frames.length);
  for (const frame of frames) writer.u8(KINDS.indexOf(frame.kind)).bytes(encodeFrame(frame));
  return writer.done();
}

/** Any number of frames as the fewest records that stay near 8 MiB. */
export function packFrames(ledgerId: string, frames: readonly Frame[]): Uint8Array[] {
  const records: Uint8Array[] = [];
  let group: Frame[] = [];
  let bytes = 0;
  for (const frame of frames) {
    const size = frame.kind === 'message' ? frame.bytes.length : SMALL_FRAME_BYTES;
    if (group.length > 0 && bytes + size > RECORD_BYTES_WANTED) {
      records.push(encodeFrames(ledgerId, group));
      group = [];
      bytes = 0;
    }
    group.push(frame);
    bytes += size;
  }
  if (group.length > 0) records.push(encodeFrames(ledgerId, group));
  return records;
}

function decodeFrame(crypto: Crypto, kind: (typeof KINDS)[number], bytes: Uint8Array): Frame {
  const reader = new ByteReader(bytes, 'frame');
  switch (kind) {
    case 'message':
      return { kind, bytes };
    case 'wantEnvelopes': {
      const hashes = Array.from(
        { length: reader.count(HASHES_MAX, HASH_BYTES) },
        () => reader.fixed(HASH_BYTES) as Hash,
      );
      reader.end();
      return { kind, hashes };
    }
    case 'wantCandidate': {
      const hash = reader.fixed(HASH_BYTES) as Hash;
      reader.end();
      return { kind, hash };
    }
    case 'candidate':
      return { kind, candidate: decodeCandidate(crypto, bytes) };
    default:
      return unreachable(kind);
  }
}

/** The frames of a record that is for this ledger; none for another one. Throws DecodeError `frame.*`. */
export function decodeFrames(crypto: Crypto, ledgerId: string, record: Uint8Array): Frame[] {
  const reader = new ByteReader(record, 'frame');
  if (readLedgerId(reader) !== ledgerId) return [];
  const frames = Array.from({ length: reader.count(HASHES_MAX, 5) }, () => {
    const kind = KINDS[reader.u8()] ?? reader.fail('kind');
    return decodeFrame(crypto, kind, reader.bytes(FRAME_BYTES_MAX));
  });
  reader.end();
  return frames;
}

export const messageFrame = (message: ConsensusMessage): Extract<Frame, { kind: 'message' }> => ({
  kind: 'message',
  bytes: encodeMessage(message),
});
