import type { Crypto, Hash } from '@gridtokenx/crypto';
import { ZERO_HASH } from '@gridtokenx/crypto';
import { compareText, equalBytes } from '@gridtokenx/kernel';
import { ScratchWriter } from './scratch.js';
import type { Cell, Store } from './store.js';

interface Change {
  readonly key: string;
  readonly old: Uint8Array;
  readonly now: Uint8Array;
}

/** What the digest of a block has written into hash caches, to be taken back with the block. */
export type HashUndo = readonly { readonly cell: Cell<unknown>; readonly hash: Uint8Array | undefined }[];

export const rowKey = (cell: Cell<unknown>): string => `${cell.table.name}/${cell.key}`;

/** One for all: a digest is made in one go. */
const scratch = new ScratchWriter();

function rowHash(crypto: Crypto, cell: Cell<unknown>, value: unknown): Uint8Array {
  if (value === undefined) return ZERO_HASH;
  cell.table.options.encode(scratch.reset(), value);
  return crypto.sha256(scratch.bytes());
}

/**
 * SPEC ledger 3.1: SHA-256 of the previous digest, the count, and each changed key in key order with the hashes of its row
 * before and after. O(changes); rows that ended as they began are left out.
 */
export function digestOf(crypto: Crypto, store: Store, previous: Uint8Array): { digest: Hash; undo: HashUndo } {
  const changes: Change[] = [];
  const undo: { cell: Cell<unknown>; hash: Uint8Array | undefined }[] = [];
  for (const cell of store.touched) {
    const { value, before } = cell;
    if (value === before) continue;
    const old = cell.hash ?? rowHash(crypto, cell, before);
    const now = rowHash(crypto, cell, value);
    if (cell.table.options.keepHash === true) {
      undo.push({ cell, hash: cell.hash });
      cell.hash = now;
    }
    if (!equalBytes(old, now)) changes.push({ key: rowKey(cell), old, now });
  }
  changes.sort((a, b) => compareText(a.key, b.key));
  scratch.reset().fixed(previous).u32(changes.length);
  for (const { key, old, now } of changes) scratch.text(key).fixed(old).fixed(now);
  return { digest: crypto.sha256(scratch.bytes()), undo };
}

export function undoHashes(undo: HashUndo): void {
  for (const { cell, hash } of undo) cell.hash = hash;
}
