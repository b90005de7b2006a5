import { SEQUENCE_AHEAD_MAX, VALID_FOR_MAX_MS, type Envelope } from '@gridtokenx/protocol';
import type { Admission } from '@gridtokenx/runtime';
import { refuse, type Refusal } from '../problems.js';

/** How far the gateway's clock may be from the validators' before it is their word that counts. */
const CLOCK_TOLERANCE_MS = 60_000;

export interface Standing {
  /** Of the read models: at most that of the ledger. */
  readonly blockTimeMs: number;
  readonly nowMs: number;
  /** The highest sequence of the key that waits on the bus. */
  readonly highestPending: () => number;
}

/**
 * Why the ledger would refuse the envelope. The read models lag, so only what no later block can heal is refused: the
 * next block's time is above the latest one's, sequences only get used up, removed keys stay removed. The exception is
 * an unknown key (docs/adr/004): a client waits until its registration is visible.
 */
export function adviceFor(
  { sequence, validUntil }: Pick<Envelope, 'sequence' | 'validUntil'>,
  admission: Admission,
  { blockTimeMs, nowMs, highestPending }: Standing,
): Refusal | undefined {
  switch (admission) {
    case 'operation.unknownKey':
    case 'operation.keyRemoved':
      return refuse(admission, '/kid');
    case 'operation.sequenceUsed':
    case 'operation.sequenceTooOld':
      return refuse(admission, '/sequence');
    case 'operation.sequenceTooFar':
      // What waits before it may bring the window nearer.
      if (sequence > highestPending() + SEQUENCE_AHEAD_MAX) return refuse(admission, '/sequence');
      break;
    case 'admissible':
      break;
  }
  if (validUntil <= blockTimeMs || validUntil < nowMs - CLOCK_TOLERANCE_MS)
    return refuse('operation.expired', '/validUntil');
  if (validUntil > Math.max(blockTimeMs, nowMs + CLOCK_TOLERANCE_MS) + VALID_FOR_MAX_MS)
    return refuse('operation.validTooLong', '/validUntil');
  return undefined;
}
