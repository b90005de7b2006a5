/**
 * Where a host keeps snapshots of its state. A snapshot is written piece by piece and counts once it is finished; what was
 * left unfinished, torn or altered is never believed, for whoever reads checks every piece against a certified root.
 */
export interface SnapshotStore {
  /** Heights of the finished ones, newest first. */
  heights(): Promise<readonly number[]>;
  /** A piece of a finished one; `undefined` when it is not there. */
  read(height: number, piece: string): Promise<Uint8Array | undefined>;
  /** Throws away what was begun of this height. */
  begin(height: number): Promise<void>;
  write(height: number, piece: string, bytes: Uint8Array): Promise<void>;
  /** All pieces are durable: from now on it counts. Only the newest two are kept. */
  finish(height: number): Promise<void>;
  /** Forgets one, finished or begun. */
  drop(height: number): Promise<void>;
}

export const SNAPSHOTS_KEPT = 2;
export const MANIFEST = 'manifest';
export const partName = (index: number): string => `part-${String(index).padStart(5, '0')}`;
