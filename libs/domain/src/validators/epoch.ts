import { epochOf, isLastOfEpoch } from '@gridtokenx/chain';
import { compareBytes, toBase64Url } from '@gridtokenx/kernel';
import type { HookContext } from '../ledger/module.js';
import type { ValidatorsState } from './state.js';

/** Blocks of an epoch after the one that fixes the next set. */
export const FIXED_BEFORE_END = 2;

/** SPEC validators 4.1: at the first height of an epoch the set that was fixed is the set. */
export function beginEpoch(state: ValidatorsState, { height, time }: HookContext): void {
  const { epochBlocks, validators, epochs, evidence } = state;
  if (height === 1 || !isLastOfEpoch(height - 1, epochBlocks)) return;
  for (const [key, row] of state.all()) if (row.member !== row.next) validators.set(key, { ...row, member: row.next });
  epochs.set(String(epochOf(height, epochBlocks)), { beganAt: time });
  // SPEC validators 5.3: no evidence from before is good any more.
  for (const [, { key, value }] of [...epochs.rows])
    if (
      value !== undefined &&
      height - Number(key) * epochBlocks > evidence.heights &&
      time - value.beganAt > evidence.ageMs
    )
      validators.store.change(epochs.cell(key), undefined);
}

/** The set of the next epoch, in set order. */
export const keysOf = (state: ValidatorsState): string[] => state.next.sort(compareBytes).map(toBase64Url);
