import { chainRules, genesisValidators, ledgerIdBytes, readLedgerId } from '@gridtokenx/chain';
import type { Crypto } from '@gridtokenx/crypto';
import { ByteReader, ByteWriter, DecodeError } from '@gridtokenx/kernel';
import { PROTOCOL_VERSION, topicsOf, type LedgerIdentity } from '@gridtokenx/protocol';
import type { Clock, Log, LogRecord } from './ports.js';
import { readToEnd } from './read-to-end.js';
import { decodeManifest, decodePart, tipOfManifest, type SnapshotManifest } from './snapshot-format.js';
import { MANIFEST, partName, type SnapshotStore } from './snapshot-store.js';

/** Payload bytes of one record: a part of a snapshot is far smaller. */
const PIECE_BYTES_MAX = 8 * 1024 * 1024;
/** Where a newer snapshot is looked for first: whoever publishes does so more often. */
const LOOK_BACK_MS = 3 * 3_600_000;

/** One record of the snapshots topic: a part, or the manifest that comes after all of them. */
interface Piece {
  readonly height: number;
  /** `undefined` for the manifest. */
  readonly part: number | undefined;
  readonly payload: Uint8Array;
}

/** SPEC wire 9.4 */
export function encodePiece(ledgerId: string, { height, part, payload }: Piece): Uint8Array {
  return new ByteWriter(payload.length + 64)
    .u16(PROTOCOL_VERSION)
    .fixed(ledgerIdBytes(ledgerId))
    .u64(height)
    .u8(part === undefined ? 1 : 0)
    .u32(part ?? 0)
    .bytes(payload)
    .done();
}

/** What a record holds for this ledger; of others nothing. */
function pieceOf(ledgerId: string, { value }: LogRecord): Piece | undefined {
  try {
    const reader = new ByteReader(value, 'snapshotPiece');
    if (reader.u16() !== PROTOCOL_VERSION || readLedgerId(reader) !== ledgerId) return undefined;
    const height = reader.u64();
    const isManifest = reader.u8() === 1;
    const part = reader.u32();
    const payload = reader.borrowed(PIECE_BYTES_MAX);
    reader.end();
    return { height, part: isManifest ? undefined : part, payload };
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

export interface SnapshotFetch {
  readonly crypto: Crypto;
  readonly identity: LedgerIdentity;
  readonly log: Log;
  readonly clock: Clock;
  readonly store: SnapshotStore;
  /** Only a snapshot above this height is worth it. */
  readonly above: number;
}

/** What is on offer: a manifest that holds, and where each record stands that says it is a part of it. */
interface Offer {
  readonly manifest: SnapshotManifest;
  readonly bytes: Uint8Array;
}

/**
 * SPEC ledger 6.6: puts the newest snapshot that others offer, and a quorum vouches for, into the own store; gives its
 * height. Nobody is believed: the manifest is checked from the genesis, each part against the manifest.
 */
export async function fetchSnapshot(fetch: SnapshotFetch): Promise<number | undefined> {
  const { identity, log, clock } = fetch;
  const recent = await log.offsetAtTime(topicsOf(identity).snapshots.name, clock.now() - LOOK_BACK_MS);
  for (const from of recent > 0 ? [recent, 0] : [0]) {
    const offers = await offersFrom(fetch, from);
    for (const offer of offers) if (await take(fetch, from, offer)) return offer.manifest.block.header.height;
  }
  return undefined;
}

/** Those that hold, the newest first. */
async function offersFrom({ crypto, identity, log, above }: SnapshotFetch, from: number): Promise<Offer[]> {
  const reader = {
    crypto,
    rules: chainRules(identity),
    genesisSet: genesisValidators(crypto, identity.genesis),
  };
  const offers = new Map<number, Offer>();
  await readToEnd(log, topicsOf(identity).snapshots.name, from, (records) => {
    for (const record of records) {
      const piece = pieceOf(identity.ledgerId, record);
      if (piece === undefined || piece.part !== undefined || piece.height <= above || offers.has(piece.height))
        continue;
      const manifest = manifestOf(piece.payload);
      if (manifest?.block.header.height !== piece.height || typeof tipOfManifest(reader, manifest) === 'string')
        continue;
      offers.set(piece.height, { manifest, bytes: piece.payload.slice() });
    }
  });
  return [...offers.values()].sort((a, b) => b.manifest.block.header.height - a.manifest.block.header.height);
}

function manifestOf(bytes: Uint8Array): SnapshotManifest | undefined {
  try {
    return decodeManifest(bytes);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

/** Whether all its parts were found. */
async function take({ crypto, identity, log, store }: SnapshotFetch, from: number, offer: Offer): Promise<boolean> {
  const { manifest, bytes } = offer;
  const { height } = manifest.block.header;
  const missing = new Set(manifest.partRoots.keys());
  await store.begin(height);
  await readToEnd(log, topicsOf(identity).snapshots.name, from, async (records) => {
    for (const record of records) {
      const piece = pieceOf(identity.ledgerId, record);
      if (piece?.height !== height || piece.part === undefined || !missing.has(piece.part)) continue;
      if (!isPart(crypto, manifest, piece.part, piece.payload)) continue;
      await store.write(height, partName(piece.part), piece.payload);
      missing.delete(piece.part);
    }
  });
  if (missing.size > 0) {
    await store.drop(height);
    return false;
  }
  await store.write(height, MANIFEST, bytes);
  await store.finish(height);
  return true;
}

function isPart(crypto: Crypto, manifest: SnapshotManifest, index: number, payload: Uint8Array): boolean {
  try {
    decodePart(crypto, manifest, index, payload);
    return true;
  } catch (error) {
    if (error instanceof DecodeError) return false;
    throw error;
  }
}
