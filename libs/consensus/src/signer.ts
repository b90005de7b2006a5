import { equalBytes } from '@gridtokenx/kernel';
import type { SignerRecord } from './types.js';

/** SPEC consensus 5.5: what stands on the disk before the first signature. Height 0 has no votes, so it bars nothing. */
export const NOTHING_SIGNED: SignerRecord = {
  height: 0,
  round: 0,
  step: 0,
  signBytes: new Uint8Array(0),
  prepared: undefined,
  committed: undefined,
};

/** How a point (height, round, step) stands to the record: below it, at it, or above it. */
function comparePoint(record: SignerRecord, height: number, round: number, step: number): number {
  if (height !== record.height) return height - record.height;
  if (round !== record.round) return round - record.round;
  return step - record.step;
}

export const isAtRecord = (record: SignerRecord | undefined, height: number, round: number, step: number): boolean =>
  record !== undefined && comparePoint(record, height, round, step) === 0;

/**
 * SPEC consensus 5.1: above the record anything, at the record the same bytes only, below it nothing. Since ROUND-CHANGE is
 * the first step of its round, having signed one ends every lower round for its sender.
 */
export function maySign(
  record: SignerRecord | undefined,
  height: number,
  round: number,
  step: number,
  signBytes: Uint8Array,
): boolean {
  if (record === undefined) return true;
  const order = comparePoint(record, height, round, step);
  return order > 0 || (order === 0 && equalBytes(signBytes, record.signBytes));
}
