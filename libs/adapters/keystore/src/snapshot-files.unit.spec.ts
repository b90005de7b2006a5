import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { snapshotStoreContract } from '../../../runtime/src/snapshot-store.contract.js';
import { openSnapshotFiles } from './snapshot-files.js';

snapshotStoreContract('files', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'snapshots-'));
  return {
    open: () => openSnapshotFiles(join(folder, 'of', 'a', 'host')),
    end: () => rm(folder, { recursive: true }),
  };
});
