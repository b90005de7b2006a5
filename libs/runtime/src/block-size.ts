import { OPERATIONS_PER_ENVELOPE_MAX } from '@gridtokenx/protocol';

export interface BlockSizeOptions {
  /** Of the genesis: the most that any proposer may take. */
  readonly operationsPerBlock: number;
  /** The first time-out of a round: a block that is not decided within it costs a second round. */
  readonly baseTimeoutMs: number;
}

/** A block that took longer than this part of its time-out was too large; in less than that, there is room for more. */
const TOO_LATE = 0.8;
const IN_TIME = 0.5;

/**
 * How many operations a proposer of this host takes at most. The genesis allows what a good machine may do; what this
 * one does shows in the blocks: less after one that was nearly too late, more after a full one that was well in time.
 * A block always has room for the largest envelope.
 */
export class BlockSize {
  private operations: number;

  constructor(private readonly options: BlockSizeOptions) {
    this.operations = options.operationsPerBlock;
  }

  get most(): number {
    return this.operations;
  }

  /**
   * `ageMs`: from the block's time until it was decided here. That of a block that a later leader proposed is no older than
   * its proposal, so a leader that is away makes no block smaller; one that was prepared and then outlasted its round does.
   */
  decided(operations: number, ageMs: number): void {
    const { operationsPerBlock, baseTimeoutMs } = this.options;
    const least = Math.min(operationsPerBlock, OPERATIONS_PER_ENVELOPE_MAX);
    if (ageMs > TOO_LATE * baseTimeoutMs)
      // An empty block that was late says nothing about size.
      this.operations =
        operations === 0 ? this.operations : Math.max(least, Math.min(this.operations, operations) >> 1);
    else if (ageMs < IN_TIME * baseTimeoutMs && 2 * operations > this.operations)
      this.operations = Math.min(operationsPerBlock, this.operations + (this.operations >> 2));
  }
}
