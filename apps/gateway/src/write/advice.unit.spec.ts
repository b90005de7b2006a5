import { millis } from '@gridtokenx/kernel';
import type { Admission } from '@gridtokenx/runtime';
import { describe, expect, it } from '@jest/globals';
import { adviceFor } from './advice.js';

const HOUR = 3_600_000;
const NOW = 1_000 * HOUR;

const advice = (
  changes: {
    sequence?: number;
    validUntil?: number;
    admission?: Admission;
    blockTimeMs?: number;
    pending?: number;
  } = {},
): string | undefined => {
  const { sequence = 1, validUntil = NOW + 1_000, admission = 'admissible', blockTimeMs = NOW, pending = 0 } = changes;
  const envelope = { sequence, validUntil: millis(validUntil) };
  return adviceFor(envelope, admission, { blockTimeMs, nowMs: NOW, highestPending: () => pending })?.code;
};

describe('the advice about an envelope', () => {
  it.each([
    ['of a block time at validUntil: the next block comes later', { validUntil: NOW }, 'operation.expired'],
    ['just before validUntil', { validUntil: NOW + 1 }, undefined],
    [
      'long past on the own clock, while the ledger stands still',
      { validUntil: NOW - 60_001, blockTimeMs: NOW - HOUR },
      'operation.expired',
    ],
    ['past on a clock that may be wrong', { validUntil: NOW - 59_000, blockTimeMs: NOW - HOUR }, undefined],
    ['of an hour', { validUntil: NOW + HOUR }, undefined],
    ['of an hour, and a clock that may be wrong', { validUntil: NOW + HOUR + 60_000 }, undefined],
    ['of more', { validUntil: NOW + HOUR + 60_001 }, 'operation.validTooLong'],
    [
      'of more by an own clock that is far behind',
      { validUntil: NOW + 3 * HOUR, blockTimeMs: NOW + 2 * HOUR },
      undefined,
    ],
    [
      'of a sequence too far',
      { admission: 'operation.sequenceTooFar' as const, sequence: 1_000_001 },
      'operation.sequenceTooFar',
    ],
    [
      'of a sequence too far from all but those that wait',
      { admission: 'operation.sequenceTooFar' as const, sequence: 1_000_001, pending: 1 },
      undefined,
    ],
    ['of an unknown key', { admission: 'operation.unknownKey' as const }, 'operation.unknownKey'],
  ])('%s is right', (_what, changes, code) => {
    expect(advice(changes)).toBe(code);
  });
});
