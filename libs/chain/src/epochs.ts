/** What of the genesis every reader of a chain needs, beside the validators of epoch 0. */
export interface ChainRules {
  readonly ledgerId: string;
  /** Heights of one epoch: the validator set changes between two epochs only. */
  readonly epochBlocks: number;
}

/** SPEC consensus 9.1: the epoch of a height; that of height 1 is 0. */
export const epochOf = (height: number, epochBlocks: number): number => Math.floor((height - 1) / epochBlocks);

/** Whether the next height is one of the next epoch, and so may have other validators. */
export const isLastOfEpoch = (height: number, epochBlocks: number): boolean => height % epochBlocks === 0;
