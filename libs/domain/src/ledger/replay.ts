import type { Millis } from '@gridtokenx/kernel';
import {
  SEQUENCE_AHEAD_MAX,
  SEQUENCE_WINDOW,
  VALID_FOR_MAX_MS,
  type Envelope,
  type RejectionCode,
} from '@gridtokenx/protocol';
import type { LedgerState } from './definition.js';
import type { KeyRow, ReplayWindow } from './keys.js';

const MASK = (1n << BigInt(SEQUENCE_WINDOW)) - 1n;

/** SPEC ledger 2.1: why a sequence is not free, as far as the window knows. */
export function refuseSequence({ highest, used }: ReplayWindow, sequence: number): RejectionCode | undefined {
  if (sequence > highest) return sequence - highest > SEQUENCE_AHEAD_MAX ? 'operation.sequenceTooFar' : undefined;
  const behind = highest - sequence;
  if (behind >= SEQUENCE_WINDOW) return 'operation.sequenceTooOld';
  return ((used >> BigInt(behind)) & 1n) === 1n ? 'operation.sequenceUsed' : undefined;
}

/**
 * SPEC ledger 2.2: the window after a sequence was used. One that other envelopes of its block have pushed below the
 * window needs no bit: it is too old from now on.
 */
export function useSequence({ highest, used }: ReplayWindow, sequence: number): ReplayWindow {
  if (sequence > highest) {
    const ahead = sequence - highest;
    return { highest: sequence, used: ahead >= SEQUENCE_WINDOW ? 1n : ((used << BigInt(ahead)) & MASK) | 1n };
  }
  const behind = highest - sequence;
  return behind >= SEQUENCE_WINDOW ? { highest, used } : { highest, used: used | (1n << BigInt(behind)) };
}

/** SPEC ledger 2.3: the state decides on the key and the sequence, block time on the validity. */
export function refuseEnvelope(
  row: KeyRow | undefined,
  envelope: Envelope,
  blockTime: Millis,
): RejectionCode | undefined {
  if (row === undefined) return 'operation.unknownKey';
  if (row.removed) return 'operation.keyRemoved';
  const { validUntil } = envelope;
  if (validUntil < blockTime) return 'operation.expired';
  if (validUntil > blockTime + VALID_FOR_MAX_MS) return 'operation.validTooLong';
  return refuseSequence(row.window, envelope.sequence);
}

export interface Admission {
  /** Why an envelope may not stand in the block; what is not refused counts as used from then on. */
  refusal(envelope: Envelope): RejectionCode | undefined;
}

/** SPEC ledger 2.4: each envelope is held against the state after the parent, and against those admitted before it. */
export function admissionOn({ keys, fees }: Pick<LedgerState, 'keys' | 'fees'>, blockTime: Millis): Admission {
  const payable = fees?.admission(blockTime);
  const admitted = new Map<string, Set<number>>();
  return {
    refusal: (envelope) => {
      const { kid, sequence } = envelope;
      const row = keys.get(kid);
      const refusal = refuseEnvelope(row, envelope, blockTime);
      if (row === undefined || refusal !== undefined) return refusal;
      const used = admitted.get(kid) ?? new Set<number>();
      if (used.has(sequence)) return 'operation.sequenceUsed';
      const unpaid = payable?.refusal(row, envelope);
      if (unpaid !== undefined) return unpaid;
      used.add(sequence);
      admitted.set(kid, used);
      return undefined;
    },
  };
}
