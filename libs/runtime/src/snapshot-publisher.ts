import { topicsOf, type LedgerIdentity } from '@gridtokenx/protocol';
import type { Clock, Log } from './ports.js';
import { encodePiece } from './snapshot-records.js';
import { MANIFEST, partName, type SnapshotStore } from './snapshot-store.js';
import type { Timers } from './timers.js';

/** Between two parts, so that blocks and votes have the bus to themselves. */
const BETWEEN_PARTS_MS = 50;

export interface SnapshotPublisherOptions {
  readonly identity: LedgerIdentity;
  readonly log: Log;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly store: SnapshotStore;
  readonly onFailed: (error: unknown) => void;
}

/** SPEC ledger 6.6: offers a snapshot to others, part by part, the manifest last: who finds that finds all of it. */
export class SnapshotPublisher {
  private height = 0;

  constructor(private readonly options: SnapshotPublisherOptions) {}

  /** One that is still under way is given up: the newer one is worth more. */
  publish(height: number, parts: number): void {
    this.height = height;
    this.next(height, 0, parts);
  }

  private next(height: number, index: number, parts: number): void {
    const { clock, timers, onFailed } = this.options;
    timers.set('snapshot parts', clock.now() + BETWEEN_PARTS_MS, () => {
      this.append(height, index, parts).then(
        (isDone) => {
          if (!isDone && this.height === height) this.next(height, index + 1, parts);
        },
        // The next snapshot is another's to offer, and will do as well.
        onFailed,
      );
    });
  }

  private async append(height: number, index: number, parts: number): Promise<boolean> {
    const { identity, log, store } = this.options;
    const part = index < parts ? index : undefined;
    const payload = await store.read(height, part === undefined ? MANIFEST : partName(part));
    if (payload === undefined) return true;
    const piece = encodePiece(identity.ledgerId, { height, part, payload });
    await log.append(topicsOf(identity).snapshots.name, [piece]);
    return part === undefined;
  }
}
