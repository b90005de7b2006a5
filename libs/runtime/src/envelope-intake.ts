import type { Finding } from '@gridtokenx/protocol';
import type { EnvelopeChecker } from './envelope-checker.js';
import type { EnvelopePool } from './envelope-pool.js';
import type { Clock, LogRecord } from './ports.js';
import type { Timers } from './timers.js';

/** What goes to the checker in one piece, and after which is asked whether there is room for more. */
const SLICE_BYTES = 1024 * 1024;
/** With the checker at once: the next are on their way while a block is run here. */
const IN_CHECK_BYTES_MAX = 2 * 1024 * 1024;
/** Waiting for a block, at the very most: nothing more is read then. */
const POOL_BYTES_MAX = 256 * 1024 * 1024;
/** So long a slice waits for room that blocks do not make. */
const ROOM_MS = 1_000;

export interface EnvelopeIntakeOptions {
  readonly checker: EnvelopeChecker;
  readonly pool: EnvelopePool;
  readonly clock: Clock;
  readonly timers: Timers;
  /** How many operations may wait for a block before the topic is read more slowly. */
  readonly mayWait: () => number;
  /** Told in the order of the topic. */
  readonly take: (records: readonly LogRecord[], findings: readonly Finding[]) => void;
  readonly onFailed: (error: unknown) => void;
}

/**
 * Reads the operations topic no faster than blocks take from the pool: to check what no block has room for for a long time
 * would take the processor from the blocks, and all would wait longer. It never stops while others may say again on the
 * topic what is missing here (SPEC consensus 3.12): a slice that has waited for a second is taken whatever waits.
 */
export class EnvelopeIntake {
  private inCheck = 0;
  /** Resolves when all that was given to the checker is in the pool. */
  private taken: Promise<void> = Promise.resolve();
  private goOn: () => void = () => {};
  private closed = false;

  constructor(private readonly options: EnvelopeIntakeOptions) {}

  /** Resolves when the next records may come. */
  async read(records: readonly LogRecord[]): Promise<void> {
    for (let at = 0; at < records.length && !this.closed;) {
      const slice = sliceOf(records, at);
      at += slice.length;
      await this.check(slice);
      if (this.isFull && !this.closed) await this.room();
    }
  }

  /** A block was decided. */
  decided(): void {
    if (!this.isFull) this.goOn();
  }

  close(): void {
    this.closed = true;
    this.goOn();
  }

  private get isFull(): boolean {
    const { pool, mayWait } = this.options;
    return pool.operations > mayWait() || pool.bytes > POOL_BYTES_MAX;
  }

  private async check(slice: readonly LogRecord[]): Promise<void> {
    const { checker, take, onFailed } = this.options;
    const checked = checker.check(slice.map(({ value }) => value));
    if (!('then' in checked)) return take(slice, checked);
    const bytes = slice.reduce((sum, { value }) => sum + value.length, 0);
    this.inCheck += bytes;
    this.taken = this.taken.then(async () => {
      const findings = await checked;
      this.inCheck -= bytes;
      if (!this.closed) take(slice, findings);
    });
    checked.catch(() => {});
    this.taken.catch(onFailed);
    if (this.inCheck > IN_CHECK_BYTES_MAX) await this.taken;
  }

  private async room(): Promise<void> {
    const { pool, clock, timers } = this.options;
    do
      await new Promise<void>((resolve) => {
        this.goOn = resolve;
        timers.set('room', clock.now() + ROOM_MS, resolve);
      });
    while (pool.bytes > POOL_BYTES_MAX && !this.closed);
    timers.cancel('room');
  }
}

/** At least one record, and no more bytes than a slice may have where there are several. */
function sliceOf(records: readonly LogRecord[], from: number): readonly LogRecord[] {
  let to = from;
  for (let bytes = 0; to < records.length; to++) {
    bytes += records[to]?.value.length ?? 0;
    if (to > from && bytes > SLICE_BYTES) break;
  }
  return from === 0 && to === records.length ? records : records.slice(from, to);
}
