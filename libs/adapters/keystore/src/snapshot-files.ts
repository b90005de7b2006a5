import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { assert, codeOf } from '@gridtokenx/kernel';
import { SNAPSHOTS_KEPT, type SnapshotStore } from '@gridtokenx/runtime';

const HEIGHT = /^[1-9]\d{0,15}$/;
const PIECE = /^[a-z0-9-]{1,64}$/;
const UNFINISHED = 'unfinished-';

async function sync(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/**
 * Snapshots as folders, named by their height. One that is being written has another name; finishing is a rename after
 * everything is on the disk, so a crash leaves a whole snapshot or none.
 */
export async function openSnapshotFiles(folder: string): Promise<SnapshotStore> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const finished = (height: number): string => join(folder, String(height));
  const unfinished = (height: number): string => join(folder, `${UNFINISHED}${height}`);
  const piecePath = (at: string, piece: string): string => {
    assert(PIECE.test(piece), 'a piece of a snapshot has a plain name');
    return join(at, piece);
  };
  const remove = (path: string): Promise<void> => rm(path, { recursive: true, force: true });
  const heights = async (): Promise<number[]> =>
    (await readdir(folder))
      .filter((name) => HEIGHT.test(name))
      .map(Number)
      .sort((a, b) => b - a);
  return {
    heights,
    read: async (height, piece) => {
      try {
        return new Uint8Array(await readFile(piecePath(finished(height), piece)));
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return undefined;
        throw error;
      }
    },
    begin: async (height) => {
      for (const name of await readdir(folder)) if (name.startsWith(UNFINISHED)) await remove(join(folder, name));
      await mkdir(unfinished(height), { mode: 0o700 });
    },
    write: async (height, piece, bytes) => {
      const file = await open(piecePath(unfinished(height), piece), 'w', 0o600);
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
    },
    finish: async (height) => {
      await sync(unfinished(height));
      await remove(finished(height));
      await rename(unfinished(height), finished(height));
      await sync(folder);
      for (const old of (await heights()).slice(SNAPSHOTS_KEPT)) await remove(finished(old));
    },
    drop: async (height) => {
      await remove(unfinished(height));
      await remove(finished(height));
      await sync(folder);
    },
  };
}
