import type { Crypto, Hash } from '@gridtokenx/crypto';
import { ZERO_HASH } from '@gridtokenx/crypto';
import { asciiText, compareText, equalBytes, ScratchWriter } from '@gridtokenx/kernel';
import type { Cell, Store } from './store.js';

interface Change {
  readonly key: string;
  /** Hashes, as in {@link Cell.hash}. */
  readonly old: string;
  readonly now: string;
}

/** What the digest of a block has written into hash caches, to be taken back with the block. */
export type HashUndo = readonly { readonly cell: Cell<unknown>; readonly hash: string | undefined }[];

export const rowKey = (cell: Cell<unknown>): string => `${cell.table.name}/${cell.key}`;

/** One for all: a digest is made in one go. */
const scratch = new ScratchWriter();

export function rowHash(crypto: Crypto, cell: Cell<unknown>, value: unknown): Uint8Array {
  if (value === undefined) return ZERO_HASH;
  cell.table.options.encode(scratch.reset(), value);
  return crypto.sha256(scratch.bytes());
}

/** The hash of a decided row that is kept elsewhere. */
export type KnownHash = (cell: Cell<unknown>) => Uint8Array | undefined;

/**
 * SPEC ledger 3.1: SHA-256 of the previous digest, the count, and each changed key in key order with the hashes of its row
 * before and after. O(changes); rows that ended as they began are left out.
 */
export function digestOf(
  crypto: Crypto,
  store: Store,
  previous: Uint8Array,
  known: KnownHash = () => undefined,
): { digest: Hash; undo: HashUndo } {
  const changes: Change[] = [];
  const undo: { cell: Cell<unknown>; hash: string | undefined }[] = [];
  for (const cell of store.touched) {
    const { value, before } = cell;
    if (value === before) continue;
    const old = cell.hash ?? asciiText(known(cell) ?? rowHash(crypto, cell, before));
    const now = asciiText(rowHash(crypto, cell, value));
    undo.push({ cell, hash: cell.hash });
    cell.hash = now;
    if (old !== now) changes.push({ key: rowKey(cell), old, now });
  }
  // No two keys are equal: one comparison tells their order.
  changes.sort((a, b) => (a.key < b.key ? -1 : 1));
  scratch.reset().fixed(previous).u32(changes.length);
  for (const { key, old, now } of changes) scratch.text(key).letters(old).letters(now);
  return { digest: crypto.sha256(scratch.bytes()), undo };
}

/** One row that a block has changed, with its bytes: for a report on what differs. */
export interface RowChange {
  readonly key: string;
  /** `undefined`: the row was, or is, absent. */
  readonly old: Uint8Array | undefined;
  readonly now: Uint8Array | undefined;
  readonly oldHash: Uint8Array;
  readonly nowHash: Uint8Array;
}

/** What {@link digestOf} covers of the block that is being tried, spelled out. */
export function changesOf(crypto: Crypto, store: Store): RowChange[] {
  const bytesOf = (cell: Cell<unknown>, value: unknown): Uint8Array | undefined => {
    if (value === undefined) return undefined;
    cell.table.options.encode(scratch.reset(), value);
    return scratch.bytes().slice();
  };
  const hashOf = (bytes: Uint8Array | undefined): Uint8Array =>
    bytes === undefined ? ZERO_HASH : crypto.sha256(bytes);
  return store.touched
    .map((cell) => {
      const old = bytesOf(cell, cell.before);
      const now = bytesOf(cell, cell.value);
      return { key: rowKey(cell), old, now, oldHash: hashOf(old), nowHash: hashOf(now) };
    })
    .filter(({ oldHash, nowHash }) => !equalBytes(oldHash, nowHash))
    .sort((a, b) => compareText(a.key, b.key));
}

export function undoHashes(undo: HashUndo): void {
  for (const { cell, hash } of undo) cell.hash = hash;
}
