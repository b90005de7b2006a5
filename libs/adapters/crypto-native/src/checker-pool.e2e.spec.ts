import { createChecker, native } from '@gridtokenx/crypto-native';
import { utf8 } from '@gridtokenx/kernel';
import { EnvelopeError, signEnvelope, type Finding } from '@gridtokenx/protocol';
import { describe, expect, it } from '@jest/globals';

const LEDGER = 'gridtokenx-consortium-0123abcd';

/** Every third one has a signature of something else, every seventh is rubbish. */
const values = Array.from({ length: 1_000 }, (_, i) => {
  if (i % 7 === 3) return utf8(`rubbish ${i}`);
  const bytes = signEnvelope(native, new Uint8Array(32).fill(i % 250), LEDGER, {
    sequence: i + 1,
    validUntil: '2026-06-15T03:10:00Z',
    atomic: false,
    operations: [{ type: 'market.cancelOrder', order: 'ab'.repeat(32) }],
  });
  if (i % 3 === 0) bytes.set(utf8('AAAA'), bytes.length - 8);
  return bytes;
});

const told = (finding: Finding): unknown =>
  finding instanceof EnvelopeError
    ? [finding.code, finding.pointer]
    : [finding.sequence, finding.kid, finding.hash, finding.operationIds, finding.operations];

describe('Envelopes checked on threads', () => {
  it.each([1, 2, 3])('are found to be what they are on the thread that asks, in order, with %d threads', async (n) => {
    const here = await createChecker(LEDGER, 0).check(values);
    const pool = createChecker(LEDGER, n);
    try {
      const parts = await Promise.all([
        pool.check(values.slice(0, 400)),
        pool.check([]),
        pool.check(values.slice(400)),
      ]);
      expect(parts.flat().map(told)).toEqual(here.map(told));
      expect(here.filter((one) => one instanceof EnvelopeError).length).toBeGreaterThan(300);
    } finally {
      await pool.close();
    }
  });

  it('are refused when the pool is closed, and none stays unanswered', async () => {
    const pool = createChecker(LEDGER, 1);
    const asked = Promise.resolve(pool.check(values));
    await Promise.all([expect(asked).rejects.toThrow('closed'), pool.close()]);
    await expect(Promise.resolve(pool.check(values))).rejects.toThrow('closed');
  });
});
