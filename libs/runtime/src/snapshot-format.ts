import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import {
  BucketRows,
  certificateIsValid,
  CHECKPOINT_BUCKETS,
  CHECKPOINT_DELAY,
  decodeCertificate,
  decodeHeader,
  encodeCertificate,
  encodeHeader,
  epochOf,
  headerHash,
  isLastOfEpoch,
  ledgerIdBytes,
  PUBLIC_KEY_BYTES,
  readLedgerId,
  tipAfter,
  validatorSet,
  type Block,
  type ChainRules,
  type ChainTip,
  type ValidatorSet,
} from '@gridtokenx/chain';
import { HASH_BYTES, merkleRoot, type Crypto, type Hash, type PublicKey } from '@gridtokenx/crypto';
import { type Checkpoints, type RestoredBucket } from '@gridtokenx/domain';
import { ByteReader, ByteWriter, DecodeError, equalBytes, isAscii, ScratchWriter } from '@gridtokenx/kernel';
import { PROTOCOL_VERSION, VALIDATORS_MAX } from '@gridtokenx/protocol';

/** A part holds about so many rows at most: writing one is a slice between two blocks. */
const ROWS_PER_PART = 8_192;
/** A part never unpacks to more than this. */
const UNPACKED_BYTES_MAX = 256 * 1024 * 1024;
const ROW_BYTES_MAX = 1024 * 1024;
const KEY_BYTES_MAX = 1024;
const CERTIFICATE_BYTES_MAX = 1 << 20;
const HEADER_BYTES_MAX = 1024;

export type CertifiedHeader = Pick<Block, 'header' | 'certificate'>;

/** A block after which other validators decide, and which names their keys. */
export interface SetChange extends CertifiedHeader {
  readonly nextValidators: readonly PublicKey[];
}

/** SPEC wire 9.1: what a snapshot is of, and what vouches for it. */
export interface SnapshotManifest {
  readonly ledgerId: string;
  /** All changes of the validators since the genesis, in order: who trusts its set can follow. */
  readonly changes: readonly SetChange[];
  /** The block whose state it is. */
  readonly block: CertifiedHeader;
  /** The block ten later, whose header carries the root. */
  readonly telling: CertifiedHeader;
  /** Where on the blocks topic to read on; nobody vouches for it, see {@link SnapshotStart}. */
  readonly blocksOffset: number;
  readonly rows: number;
  /** Of the subtrees over equally many buckets, in order. */
  readonly partRoots: readonly Hash[];
}

/** How many parts a state of so many rows is cut into: a power of two. */
export function partsFor(rows: number): number {
  let parts = 1;
  while (parts < CHECKPOINT_BUCKETS && rows / parts > ROWS_PER_PART) parts *= 2;
  return parts;
}

function writeCertified(writer: ByteWriter, { header, certificate }: CertifiedHeader, setSize: number): void {
  writer.bytes(encodeHeader(header)).bytes(encodeCertificate(certificate, setSize));
}

const readCertified = (reader: ByteReader): CertifiedHeader => ({
  header: decodeHeader(reader.bytes(HEADER_BYTES_MAX)),
  certificate: decodeCertificate(reader.bytes(CERTIFICATE_BYTES_MAX)),
});

/** SPEC wire 9.1. `genesisSize` is the number of validators of epoch 0. */
export function encodeManifest(manifest: SnapshotManifest, genesisSize: number): Uint8Array {
  const { ledgerId, changes, block, telling, blocksOffset, rows, partRoots } = manifest;
  const writer = new ByteWriter(4096).u16(PROTOCOL_VERSION).fixed(ledgerIdBytes(ledgerId)).u32(changes.length);
  const sizeAt = (height: number): number =>
    changes.findLast(({ header }) => header.height < height)?.nextValidators.length ?? genesisSize;
  for (const change of changes) {
    writeCertified(writer, change, sizeAt(change.header.height));
    writer.u32(change.nextValidators.length);
    for (const key of change.nextValidators) writer.fixed(key);
  }
  writeCertified(writer, block, sizeAt(block.header.height));
  writeCertified(writer, telling, sizeAt(telling.header.height));
  writer.u64(blocksOffset).u64(rows).u32(partRoots.length);
  for (const root of partRoots) writer.fixed(root);
  return writer.done();
}

/** Throws DecodeError. */
export function decodeManifest(bytes: Uint8Array): SnapshotManifest {
  const reader = new ByteReader(bytes, 'snapshot');
  if (reader.u16() !== PROTOCOL_VERSION) reader.fail('version');
  const manifest: SnapshotManifest = {
    ledgerId: readLedgerId(reader),
    changes: Array.from({ length: reader.count(0xffff_ffff, PUBLIC_KEY_BYTES) }, () => ({
      ...readCertified(reader),
      nextValidators: Array.from(
        { length: reader.count(VALIDATORS_MAX, PUBLIC_KEY_BYTES) },
        () => reader.fixed(PUBLIC_KEY_BYTES) as PublicKey,
      ),
    })),
    block: readCertified(reader),
    telling: readCertified(reader),
    blocksOffset: reader.u64(),
    rows: reader.u64(),
    partRoots: Array.from(
      { length: reader.count(CHECKPOINT_BUCKETS, HASH_BYTES) },
      () => reader.fixed(HASH_BYTES) as Hash,
    ),
  };
  reader.end();
  const { length } = manifest.partRoots;
  if (length === 0 || (length & (length - 1)) !== 0) reader.fail('parts');
  return manifest;
}

export type SnapshotFault =
  | 'snapshot.wrongLedger'
  | 'snapshot.wrongHeights'
  | 'snapshot.wrongValidators'
  | 'snapshot.certificateInvalid'
  | 'snapshot.root';

/** Whom a manifest is checked for: who knows the genesis, and so its validators. */
export interface ManifestReader {
  readonly crypto: Crypto;
  readonly rules: ChainRules;
  readonly genesisSet: ValidatorSet;
}

const inEpochOf = (set: ValidatorSet, height: number, { epochBlocks }: ChainRules): ValidatorSet => ({
  ...set,
  epoch: epochOf(height, epochBlocks),
});

/** Whether the validators of its height have certified a header. */
function certifiedFault(
  { crypto, rules }: ManifestReader,
  set: ValidatorSet,
  { header, certificate }: CertifiedHeader,
): SnapshotFault | undefined {
  if (header.ledgerId !== rules.ledgerId) return 'snapshot.wrongLedger';
  if (header.epoch !== set.epoch || !equalBytes(header.validatorsHash, set.hash)) return 'snapshot.wrongValidators';
  if (certificate.height !== header.height || !equalBytes(certificate.blockHash, headerHash(crypto, header)))
    return 'snapshot.certificateInvalid';
  return certificateIsValid(crypto, rules.ledgerId, set, certificate) ? undefined : 'snapshot.certificateInvalid';
}

/** SPEC wire 9.2: where the chain stands at the block that the snapshot is of, or why the manifest is not to be believed. */
export function tipOfManifest(reader: ManifestReader, manifest: SnapshotManifest): ChainTip | SnapshotFault {
  const { crypto, rules, genesisSet } = reader;
  const { changes, block, telling, partRoots } = manifest;
  if (manifest.ledgerId !== rules.ledgerId) return 'snapshot.wrongLedger';
  if (telling.header.height !== block.header.height + CHECKPOINT_DELAY) return 'snapshot.wrongHeights';
  let set = genesisSet;
  let from = 0;
  let ofBlock: ValidatorSet | undefined;
  for (const change of changes) {
    const { height, nextValidatorsHash } = change.header;
    if (height <= from || height >= telling.header.height) return 'snapshot.wrongHeights';
    if (ofBlock === undefined && block.header.height <= height) ofBlock = set;
    const fault = certifiedFault(reader, inEpochOf(set, height, rules), change);
    if (fault !== undefined) return fault;
    const next = validatorSet(crypto, epochOf(height + 1, rules.epochBlocks), change.nextValidators);
    if (!isLastOfEpoch(height, rules.epochBlocks) || !equalBytes(next.hash, nextValidatorsHash))
      return 'snapshot.wrongValidators';
    set = next;
    from = height;
  }
  ofBlock = inEpochOf(ofBlock ?? set, block.header.height, rules);
  const fault =
    certifiedFault(reader, ofBlock, block) ??
    certifiedFault(reader, inEpochOf(set, telling.header.height, rules), telling);
  if (fault !== undefined) return fault;
  if (!equalBytes(merkleRoot(crypto.sha256, partRoots), telling.header.checkpointRoot)) return 'snapshot.root';
  const change = changes.find(({ header }) => header.height === block.header.height);
  return tipAfter(crypto, rules, { validators: ofBlock }, { ...block, nextValidators: change?.nextValidators });
}

/** One for all: a part is compressed as soon as it is written. */
const partBytes = new ScratchWriter();

/** SPEC wire 9.3: the rows of some buckets of the checkpoint that is held, compressed. */
export function encodePart(checkpoints: Checkpoints, index: number, parts: number): Uint8Array {
  const buckets = CHECKPOINT_BUCKETS / parts;
  partBytes.reset();
  for (let bucket = index * buckets; bucket < (index + 1) * buckets; bucket++) {
    partBytes.u32(checkpoints.rowsIn(bucket));
    checkpoints.visit(bucket, (key, row) => {
      partBytes.u32(key.length).fixed(key).u32(row.length).fixed(row);
    });
  }
  return zstdCompressSync(partBytes.bytes(), { params: { [constants.ZSTD_c_compressionLevel]: 1 } });
}

/** The buckets of a part, when it is the one that the manifest names. Throws DecodeError. */
export function decodePart(
  crypto: Crypto,
  { partRoots }: Pick<SnapshotManifest, 'partRoots'>,
  index: number,
  packed: Uint8Array,
): RestoredBucket[] {
  const reader = new ByteReader(unpacked(packed), 'snapshotPart');
  const size = CHECKPOINT_BUCKETS / partRoots.length;
  const empty = new BucketRows();
  const none = { keys: [], rows: [], hashed: empty, leaf: empty.leaf(crypto) };
  const buckets = Array.from({ length: size }, (_, i): RestoredBucket => {
    const count = reader.count(0xffff_ffff, 8);
    if (count === 0) return { bucket: index * size + i, ...none };
    const keys: Uint8Array[] = [];
    const rows: Uint8Array[] = [];
    let bytes = 0;
    for (let at = 0; at < count; at++) {
      const key = reader.borrowed(KEY_BYTES_MAX);
      keys.push(isAscii(key) ? key : reader.fail('key'));
      bytes += BucketRows.sizeOf(key);
      rows.push(reader.borrowed(ROW_BYTES_MAX));
    }
    const hashed = new BucketRows(bytes);
    for (let at = 0; at < count; at++) hashed.append(keys[at] as Uint8Array, crypto.sha256(rows[at] as Uint8Array));
    return { bucket: index * size + i, keys, rows, hashed, leaf: hashed.leaf(crypto) };
  });
  reader.end();
  const root = merkleRoot(
    crypto.sha256,
    buckets.map(({ leaf }) => leaf),
  );
  if (!equalBytes(root, partRoots[index] ?? new Uint8Array(0))) reader.fail('root');
  return buckets;
}

function unpacked(packed: Uint8Array): Uint8Array {
  try {
    const { buffer, byteOffset, length } = zstdDecompressSync(packed, { maxOutputLength: UNPACKED_BYTES_MAX });
    // Views of a Buffer cost several times as much, and there are two for each row.
    return new Uint8Array(buffer, byteOffset, length);
  } catch {
    throw new DecodeError('snapshotPart.notZstd', 0);
  }
}
