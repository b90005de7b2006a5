import { CHECKPOINT_BLOCKS, CHECKPOINT_BUCKETS, CHECKPOINT_DELAY, type Block } from '@gridtokenx/chain';
import type { Hash } from '@gridtokenx/crypto';
import type { Ledger } from '@gridtokenx/domain';
import type { HostEvent } from './host-events.js';
import type { Clock } from './ports.js';
import {
  encodeManifest,
  encodePart,
  partsFor,
  type CertifiedHeader,
  type SetChange,
  type SnapshotManifest,
} from './snapshot-format.js';
import { MANIFEST, partName, type SnapshotStore } from './snapshot-store.js';
import type { Timers } from './timers.js';

/** A slice of work is short enough that no block is late by it. */
const HASHES_PER_SLICE = 3_000;
const BETWEEN_SLICES_MS = 10;

export interface SnapshotOptions {
  readonly store: SnapshotStore;
  /** A snapshot is taken of each so-manyth checkpoint. */
  readonly everyCheckpoints: number;
  /** Each so-manyth of them is offered to others, by one validator or another; without it none is. */
  readonly offerEvery?: number;
  /** One that others offer is taken when it is more than so many blocks above the newest here; without it none is. */
  readonly fetchBeyond?: number;
}

export interface SnapshotTakerOptions {
  readonly ledger: Pick<Ledger, 'checkpoints'>;
  readonly ledgerId: string;
  /** How many validators epoch 0 has. */
  readonly genesisSize: number;
  /** Of the validators, so far. */
  readonly changes: readonly SetChange[];
  readonly clock: Clock;
  readonly timers: Timers;
  /** Without it the checkpoint is hashed all the same, for headers carry its root. */
  readonly snapshots: SnapshotOptions | undefined;
  readonly observe: (event: HostEvent) => void;
  /** Told of each snapshot that is whole. */
  readonly onTaken?: (manifest: SnapshotManifest) => void;
}

type DecidedBlock = Pick<Block, 'header' | 'certificate' | 'nextValidators'>;

/** A snapshot that is being written. */
interface Underway {
  readonly height: number;
  readonly block: CertifiedHeader;
  readonly blocksOffset: number;
  readonly partRoots: Hash[];
  telling: CertifiedHeader | undefined;
  parts: number | undefined;
  bytes: number;
}

/**
 * SPEC ledger 6.1, 6.4: does the work on checkpoints and snapshots in slices between the turns of the host. What is not
 * finished when the next checkpoint comes is given up: the chain never waits for a snapshot.
 */
export class SnapshotTaker {
  private underway: Underway | undefined;
  private isBusy = false;
  /** A slice came due while a piece was on its way to the disk. */
  private isWanted = false;
  private longestSliceMs = 0;

  private readonly changes: SetChange[];

  constructor(private readonly options: SnapshotTakerOptions) {
    this.changes = [...options.changes];
  }

  /** A block is final; a reader of the blocks topic that starts at the offset misses none after it. */
  decided({ nextValidators, ...block }: DecidedBlock, blocksOffset: number): void {
    const { height } = block.header;
    if (nextValidators !== undefined) this.changes.push({ ...block, nextValidators });
    if (height % CHECKPOINT_BLOCKS === 0) this.begin(block, blocksOffset);
    else if (this.underway !== undefined && height === this.underway.height + CHECKPOINT_DELAY) {
      this.underway.telling = block;
      this.wake();
    }
  }

  private begin(block: CertifiedHeader, blocksOffset: number): void {
    const { ledger, snapshots } = this.options;
    const { height } = block.header;
    if (this.underway !== undefined) this.giveUp(this.underway, 'the next checkpoint came first');
    this.longestSliceMs = 0;
    if (snapshots !== undefined && (height / CHECKPOINT_BLOCKS) % snapshots.everyCheckpoints === 0) {
      ledger.checkpoints.hold();
      this.underway = {
        height,
        block,
        blocksOffset,
        partRoots: [],
        telling: undefined,
        parts: undefined,
        bytes: 0,
      };
    }
    this.wake();
  }

  private wake(): void {
    const { clock, timers } = this.options;
    timers.set('checkpoint', clock.now() + BETWEEN_SLICES_MS, () => this.slice());
  }

  private slice(): void {
    const { checkpoints } = this.options.ledger;
    if (!checkpoints.isDone) {
      this.timed(() => checkpoints.work(HASHES_PER_SLICE));
      return this.wake();
    }
    const { underway } = this;
    if (underway === undefined) return;
    if (this.isBusy) {
      this.isWanted = true;
      return;
    }
    this.isBusy = true;
    this.write(underway)
      .catch((error: unknown) => this.giveUp(underway, error instanceof Error ? error.message : String(error)))
      .finally(() => {
        this.isBusy = false;
        if (this.isWanted) this.wake();
        this.isWanted = false;
      });
  }

  /** One piece; the next comes with the next slice. */
  private async write(underway: Underway): Promise<void> {
    const { ledger, snapshots } = this.options;
    if (snapshots === undefined) return;
    const { store } = snapshots;
    const { checkpoints } = ledger;
    const { height, partRoots } = underway;
    if (underway.parts === undefined) {
      underway.parts = partsFor(checkpoints.rows);
      await store.begin(height);
    } else if (partRoots.length < underway.parts) {
      const { parts } = underway;
      const index = partRoots.length;
      const buckets = CHECKPOINT_BUCKETS / parts;
      const bytes = this.timed(() => encodePart(checkpoints, index, parts));
      partRoots.push(checkpoints.rootOver(index * buckets, buckets));
      underway.bytes += bytes.length;
      if (partRoots.length === parts) checkpoints.letGo();
      await store.write(height, partName(index), bytes);
    } else if (underway.telling === undefined) return;
    else return this.finish(underway, underway.telling);
    if (this.underway === underway) this.wake();
  }

  private async finish(underway: Underway, telling: CertifiedHeader): Promise<void> {
    const { ledger, ledgerId, genesisSize, snapshots, observe, onTaken } = this.options;
    const { height, block, blocksOffset, partRoots, bytes } = underway;
    const { rows } = ledger.checkpoints;
    const changes = this.changes.filter(({ header }) => header.height < telling.header.height);
    const manifest: SnapshotManifest = { ledgerId, changes, block, telling, blocksOffset, rows, partRoots };
    this.underway = undefined;
    await snapshots?.store.write(height, MANIFEST, encodeManifest(manifest, genesisSize));
    await snapshots?.store.finish(height);
    const { longestSliceMs } = this;
    observe({ kind: 'snapshotTaken', height, rows, bytes, longestSliceMs });
    onTaken?.(manifest);
  }

  private giveUp(underway: Underway, reason: string): void {
    if (this.underway === underway) {
      this.underway = undefined;
      this.options.ledger.checkpoints.letGo();
    }
    this.options.observe({ kind: 'snapshotGivenUp', height: underway.height, reason });
  }

  private timed<T>(run: () => T): T {
    const started = performance.now();
    const result = run();
    this.longestSliceMs = Math.max(this.longestSliceMs, performance.now() - started);
    return result;
  }
}
