import type { ChainTip } from '@gridtokenx/chain';
import { chainRules, genesisValidators } from '@gridtokenx/chain';
import type { Crypto } from '@gridtokenx/crypto';
import { LedgerRestore, type Ledger } from '@gridtokenx/domain';
import { DecodeError } from '@gridtokenx/kernel';
import type { LedgerIdentity } from '@gridtokenx/protocol';
import { decodeManifest, decodePart, tipOfManifest, type SetChange, type SnapshotManifest } from './snapshot-format.js';
import { MANIFEST, partName, type SnapshotStore } from './snapshot-store.js';

/** Where a host may begin instead of at the genesis. */
export interface SnapshotStart {
  readonly ledger: Ledger;
  readonly tip: ChainTip;
  /** Of the validators, up to there. */
  readonly changes: readonly SetChange[];
  /** Where to read on; if blocks turn out to be missing there, the topic is another one, and is read from its start. */
  readonly blocksOffset: number;
}

export interface SnapshotSource {
  readonly crypto: Crypto;
  readonly identity: LedgerIdentity;
  readonly store: SnapshotStore;
  readonly onRefused: (height: number, reason: string) => void;
}

/** SPEC ledger 6.5: the newest snapshot that a quorum vouches for, to the last row; those that it does not are passed over. */
export async function newestSnapshot(source: SnapshotSource): Promise<SnapshotStart | undefined> {
  for (const height of await source.store.heights()) {
    try {
      return await load(source, height);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      source.onRefused(height, error.code);
    }
  }
  return undefined;
}

const refuse = (reason: string): never => {
  throw new DecodeError(reason, 0);
};

/** The manifest of a snapshot in the store, and where the chain stands there. Throws DecodeError. */
async function manifestAt(
  { crypto, identity, store }: SnapshotSource,
  height: number,
): Promise<{ manifest: SnapshotManifest; tip: ChainTip }> {
  const manifest = decodeManifest((await store.read(height, MANIFEST)) ?? refuse('snapshot.missing'));
  if (manifest.block.header.height !== height) refuse('snapshot.wrongHeights');
  const genesisSet = genesisValidators(crypto, identity.genesis);
  const tip = tipOfManifest({ crypto, rules: chainRules(identity), genesisSet }, manifest);
  return typeof tip === 'string' ? refuse(tip) : { manifest, tip };
}

async function load(source: SnapshotSource, height: number): Promise<SnapshotStart> {
  const { crypto, identity, store } = source;
  const { manifest, tip } = await manifestAt(source, height);
  const restore = new LedgerRestore(crypto, identity);
  const { length } = manifest.partRoots;
  let next = store.read(height, partName(0));
  for (let index = 0; index < length; index++) {
    const packed = (await next) ?? refuse('snapshot.missing');
    // The disk reads while this part is taken in.
    if (index + 1 < length) (next = store.read(height, partName(index + 1))).catch(() => {});
    for (const bucket of decodePart(crypto, manifest, index, packed)) if (bucket.keys.length > 0) restore.add(bucket);
  }
  const ledger = restore.finish(height, tip.stateDigest);
  // Those of the blocks that are still to be read come with them.
  const changes = manifest.changes.filter(({ header }) => header.height <= height);
  return { ledger, tip, changes, blocksOffset: manifest.blocksOffset };
}
