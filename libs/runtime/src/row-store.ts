import type { BlockRows } from '@gridtokenx/projections';

/** How far the rows reach, and where to go on. Written in the same transaction as the rows. */
export interface ProjectionCursor {
  readonly ledgerId: string;
  /** 0 after the genesis rows. */
  readonly height: number;
  /** Of the block of that height; the genesis hash at height 0. */
  readonly blockHash: Uint8Array;
  /** Block time of that height. */
  readonly timeMs: number;
  /** The keys, one after the other in set order, of the set that certified that block. */
  readonly certifiedBy: Uint8Array;
  /** Of the set that decides the next block. */
  readonly validators: Uint8Array;
  /** The first offset of the blocks topic that was not used up yet. */
  readonly logOffset: number;
}

/**
 * `refused`: the first block is not the one after `cursor` (which is what stands, `undefined` in an empty store), and
 * nothing was written. Normal after a redelivery, and after a crash of the database: rows and cursor may then stand
 * some blocks further back than the last `applied` said. Either way, go on from `cursor.logOffset`.
 */
export type ApplyResult =
  | { readonly kind: 'applied'; readonly cursor: ProjectionCursor }
  | { readonly kind: 'refused'; readonly cursor: ProjectionCursor | undefined };

/** The tables of the read models, as the projector sees them. Errors are {@link RowStoreError}. */
export interface RowStore {
  /** Where to go on; `undefined` when nothing was applied yet, so that the genesis rows come next. */
  cursor(): Promise<ProjectionCursor | undefined>;
  /**
   * Writes the rows of consecutive blocks and the cursor in one transaction: all or nothing, also under a crash. The
   * first is that of height `cursor.height + 1` (0 in an empty store), else the call is refused. `logOffset` is where
   * to go on reading once these are in. Of two projectors on one store, one is refused.
   */
  apply(blocks: readonly BlockRows[], logOffset: number): Promise<ApplyResult>;
  close(): Promise<void>;
}

/**
 * `unavailable`: nothing was written, or an answer was lost after a commit; the same call may be made again (and is
 * refused if it was written). The others are not cured by trying again: `wrongLedger` (the store holds rows of another
 * ledger id: drop them first), `wrongParent` (the block does not build on the one in the cursor), `notConsecutive`
 * (the caller's list has a gap), `conflict` (the rows contradict those in the store: a bug, rebuild), `closed`.
 */
export type RowStoreErrorCode =
  | 'rowStore.unavailable'
  | 'rowStore.wrongLedger'
  | 'rowStore.wrongParent'
  | 'rowStore.notConsecutive'
  | 'rowStore.conflict'
  | 'rowStore.closed';

export class RowStoreError extends Error {
  constructor(
    readonly code: RowStoreErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(`${code}: ${message}`, options);
    this.name = 'RowStoreError';
  }
}
