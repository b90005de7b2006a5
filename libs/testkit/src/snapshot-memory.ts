import { SNAPSHOTS_KEPT, type SnapshotStore } from '@gridtokenx/runtime';

/** Snapshots in memory. `pieces` is open, so that tests may tear, alter and lose what a disk might. */
export class MemorySnapshots implements SnapshotStore {
  /** Of finished ones, by height and name. */
  readonly pieces = new Map<number, Map<string, Uint8Array>>();
  private readonly begun = new Map<number, Map<string, Uint8Array>>();

  heights(): Promise<readonly number[]> {
    return Promise.resolve([...this.pieces.keys()].sort((a, b) => b - a));
  }

  read(height: number, piece: string): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.pieces.get(height)?.get(piece));
  }

  begin(height: number): Promise<void> {
    this.begun.set(height, new Map());
    return Promise.resolve();
  }

  write(height: number, piece: string, bytes: Uint8Array): Promise<void> {
    this.begun.get(height)?.set(piece, bytes);
    return Promise.resolve();
  }

  async finish(height: number): Promise<void> {
    const pieces = this.begun.get(height);
    if (pieces === undefined) throw new Error(`a snapshot of ${height} was never begun`);
    this.begun.delete(height);
    this.pieces.set(height, pieces);
    for (const old of (await this.heights()).slice(SNAPSHOTS_KEPT)) this.pieces.delete(old);
  }

  drop(height: number): Promise<void> {
    this.begun.delete(height);
    this.pieces.delete(height);
    return Promise.resolve();
  }
}
