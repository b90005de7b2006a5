import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '@gridtokenx/kernel';
import type { SignerSlots } from '@gridtokenx/runtime';

/**
 * The two slots as files of one folder. A write is on the disk (fsync of file and, once, of the folder) when it
 * resolves; a crash in it can only tear the slot that was being written. Never restore them from a backup.
 */
export async function openSignerFiles(folder: string): Promise<SignerSlots> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = (slot: 0 | 1): string => join(folder, `signer.${slot}`);
  const seen = new Set<number>();
  return {
    read: async (slot) => {
      try {
        return new Uint8Array(await readFile(path(slot)));
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return undefined;
        throw error;
      }
    },
    write: async (slot, bytes) => {
      const file = await open(path(slot), 'w', 0o600);
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      if (seen.has(slot)) return;
      const parent = await open(folder, 'r');
      try {
        await parent.sync();
      } finally {
        await parent.close();
      }
      seen.add(slot);
    },
  };
}
