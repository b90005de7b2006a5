import { beforeEach, describe, expect, it } from '@jest/globals';
import { EnvelopePool } from './envelope-pool.js';
import { TestChain } from './fixture.spec.js';

const envelopes = new TestChain().trade();
const [first, second, third] = envelopes;
if (first === undefined || second === undefined || third === undefined) throw new Error('the trade has envelopes');

describe('the envelope pool', () => {
  let pool: EnvelopePool;
  beforeEach(() => {
    pool = new EnvelopePool();
  });

  it('gives envelopes in the order in which they came, each once', () => {
    expect(pool.add(second, 5)).toBe(true);
    expect(pool.add(first, 6)).toBe(true);
    expect(pool.add(second, 7)).toBe(false);
    expect([...pool]).toEqual([second, first]);
    expect(pool.get(first.hash)).toBe(first);
    expect(pool.get(third.hash)).toBeUndefined();
  });

  it('knows how many operations and bytes wait, and is empty once all have left', () => {
    for (const [offset, envelope] of envelopes.entries()) pool.add(envelope, offset);
    expect(pool.operations).toBe(envelopes.reduce((sum, { operations }) => sum + operations.length, 0));
    expect(pool.bytes).toBe(envelopes.reduce((sum, { bytes }) => sum + bytes.length, 0));
    for (const { hash } of envelopes) {
      pool.remove(hash);
      pool.remove(hash);
    }
    expect({ operations: pool.operations, bytes: pool.bytes, held: [...pool] }).toEqual({
      operations: 0,
      bytes: 0,
      held: [],
    });
  });

  it('lets the current one leave while it is gone through', () => {
    for (const [offset, envelope] of envelopes.entries()) pool.add(envelope, offset);
    const met = [];
    for (const envelope of pool) {
      met.push(envelope);
      pool.remove(envelope.hash);
    }
    expect(met).toEqual(envelopes);
  });

  it('says where a restart must read again: at the oldest that still waits, or at what comes next', () => {
    expect(pool.oldestOffset(9)).toBe(9);
    pool.add(first, 3);
    pool.add(second, 4);
    expect(pool.oldestOffset(9)).toBe(3);
    pool.remove(first.hash);
    expect(pool.oldestOffset(9)).toBe(4);
  });

  it('gives a list only when none of it is missing, in the order of the list', () => {
    pool.add(first, 0);
    pool.add(second, 1);
    expect(pool.all([second.hash, first.hash])).toEqual([second, first]);
    expect(pool.heldFrom([second.hash, first.hash], 0)).toBe(2);
    expect(pool.all([second.hash, third.hash])).toBeUndefined();
    expect(pool.heldFrom([second.hash, third.hash, first.hash], 0)).toBe(1);
    expect(pool.heldFrom([third.hash, second.hash, third.hash], 1)).toBe(2);
    expect(pool.all([])).toEqual([]);
  });
});
