import { OPERATIONS_PER_ENVELOPE_MAX } from '@gridtokenx/protocol';

export interface BlockSizeOptions {
  /** Of the genesis: the most that any proposer may take. */
  readonly operationsPerBlock: number;
  /** The first time-out of a round: a block that is not decided within it costs a second round. */
  readonly baseTimeoutMs: number;
  /** Blocks decided here that a reader of the same process has still to take; none where nobody reads them. */
  readonly unread?: () => number;
}

/** A block that took longer than this part of its time-out was too large; in less than that, there is room for more. */
const TOO_LATE = 0.8;
const IN_TIME = 0.5;
/** How much larger the next may be: what would still be in time had each operation taken as long, within these bounds. */
const GROWTH_LEAST = 1.25;
const GROWTH_MOST = 2;
/** A reader so many blocks behind is given time by smaller blocks: with the first of them whole ones, with the last the least. */
const UNREAD_WHOLE = 1;
const UNREAD_LEAST = 5;

/**
 * How many operations a proposer of this host takes at most. The genesis allows what a good machine may do; what this
 * one does shows in the blocks: less after one that was nearly too late, more after a full one that was well in time, and
 * less while a projector in the same process, which needs the same processor, falls behind them.
 * A block always has room for the largest envelope.
 */
export class BlockSize {
  private operations: number;

  constructor(private readonly options: BlockSizeOptions) {
    this.operations = options.operationsPerBlock;
  }

  get most(): number {
    const { least, operations } = this;
    const room = (UNREAD_LEAST - (this.options.unread?.() ?? 0)) / (UNREAD_LEAST - UNREAD_WHOLE);
    return least + Math.floor((operations - least) * Math.min(1, Math.max(0, room)));
  }

  private get least(): number {
    return Math.min(this.options.operationsPerBlock, OPERATIONS_PER_ENVELOPE_MAX);
  }

  /**
   * `ageMs`: from the block's time until it was decided here. That of a block that a later leader proposed is no older than
   * its proposal, so a leader that is away makes no block smaller; one that was prepared and then outlasted its round does.
   */
  decided(operations: number, ageMs: number): void {
    const { operationsPerBlock, baseTimeoutMs } = this.options;
    const { least } = this;
    if (ageMs > TOO_LATE * baseTimeoutMs)
      // An empty block that was late says nothing about size.
      this.operations =
        operations === 0 ? this.operations : Math.max(least, Math.min(this.operations, operations) >> 1);
    else if (ageMs < IN_TIME * baseTimeoutMs && 2 * operations > this.operations)
      this.operations = Math.min(
        operationsPerBlock,
        Math.floor(this.operations * growth(IN_TIME * baseTimeoutMs, ageMs)),
      );
  }
}

/** Where blocks are six seconds apart, a quarter more each time would take minutes to come back from one slow block. */
const growth = (inTimeMs: number, ageMs: number): number =>
  Math.min(GROWTH_MOST, Math.max(GROWTH_LEAST, inTimeMs / Math.max(1, ageMs)));
