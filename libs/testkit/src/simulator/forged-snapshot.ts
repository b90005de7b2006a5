import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { BucketRows, CHECKPOINT_BLOCKS, epochOf, headerHash, type Header } from '@gridtokenx/chain';
import { merkleRoot, type Crypto, type Hash } from '@gridtokenx/crypto';
import { ByteReader, ByteWriter, DecodeError, fromUtf8, height as asHeight, millis } from '@gridtokenx/kernel';
import type { LedgerIdentity } from '@gridtokenx/protocol';
import { decodeManifest, encodeManifest, encodePiece, type CertifiedHeader } from '@gridtokenx/runtime';

/** Of a record of the snapshots topic, what comes before its payload. */
const PIECE_HEAD_BYTES = 2 + 32 + 8 + 1 + 4;

interface Pieces {
  readonly part: Uint8Array;
  readonly manifest: Uint8Array;
}

function payloadOf(record: Uint8Array): { isManifest: boolean; payload: Uint8Array } | undefined {
  try {
    const reader = new ByteReader(record, 'piece');
    const head = reader.fixed(PIECE_HEAD_BYTES);
    const payload = reader.bytes();
    reader.end();
    return { isManifest: head[2 + 32 + 8] === 1, payload };
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

/** The last whole snapshot among these records, if it is of one part. */
function lastPieces(records: readonly Uint8Array[]): Pieces | undefined {
  let part: Uint8Array | undefined;
  let found: Pieces | undefined;
  for (const record of records) {
    const piece = payloadOf(record);
    if (piece === undefined) continue;
    if (!piece.isManifest) part = piece.payload;
    else if (part !== undefined) found = { part, manifest: piece.payload };
  }
  return found;
}

/**
 * A snapshot that holds together, of a state that never was: one row is another, its roots are right, and so is the header that
 * tells them; only that no quorum has signed that header. It claims to be the next checkpoint, so that it is looked at first.
 */
export function forgedSnapshot(
  crypto: Crypto,
  { ledgerId, genesis }: LedgerIdentity,
  records: readonly Uint8Array[],
): Uint8Array[] {
  const pieces = lastPieces(records);
  if (pieces === undefined) return [];
  try {
    const { packed, root } = withOtherRow(crypto, pieces.part);
    const manifest = decodeManifest(pieces.manifest);
    const { epochBlocks } = genesis.consensus;
    const later = ({ header, certificate }: CertifiedHeader, change: Partial<Header>): CertifiedHeader => {
      const height = asHeight(header.height + CHECKPOINT_BLOCKS);
      const epoch = epochOf(height, epochBlocks);
      const time = millis(header.time + CHECKPOINT_BLOCKS);
      const forged = { ...header, ...change, height, epoch, time };
      return { header: forged, certificate: { ...certificate, height, epoch, blockHash: headerHash(crypto, forged) } };
    };
    const block = later(manifest.block, {});
    const telling = later(manifest.telling, { checkpointRoot: root });
    const bytes = encodeManifest({ ...manifest, block, telling, partRoots: [root] }, genesis.validators.length);
    const { height } = block.header;
    return [
      encodePiece(ledgerId, { height, part: 0, payload: packed }),
      encodePiece(ledgerId, { height, part: undefined, payload: bytes }),
    ];
  } catch (error) {
    // Another forger's work.
    if (error instanceof DecodeError) return [];
    throw error;
  }
}

/** The part with the last byte of its first long row changed, and the root that it then has. */
function withOtherRow(crypto: Crypto, part: Uint8Array): { packed: Uint8Array; root: Hash } {
  const reader = new ByteReader(unpacked(part), 'snapshotPart');
  const writer = new ByteWriter(64 * 1024);
  const leaves: Hash[] = [];
  let isChanged = false;
  while (reader.left > 0) {
    const count = reader.u32();
    writer.u32(count);
    const rows = new BucketRows();
    for (let at = 0; at < count; at++) {
      const key = reader.bytes();
      const row = reader.bytes();
      if (!isChanged && fromUtf8(key)?.startsWith('accounts.') === true) {
        row[row.length - 1] = (row.at(-1) ?? 0) ^ 1;
        isChanged = true;
      }
      rows.append(key, crypto.sha256(row));
      writer.bytes(key).bytes(row);
    }
    leaves.push(rows.leaf(crypto));
  }
  return { packed: zstdCompressSync(writer.done()), root: merkleRoot(crypto.sha256, leaves) };
}

function unpacked(part: Uint8Array): Uint8Array {
  try {
    return zstdDecompressSync(part);
  } catch {
    throw new DecodeError('snapshotPart.notZstd', 0);
  }
}
