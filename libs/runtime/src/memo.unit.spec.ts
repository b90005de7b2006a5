import { describe, expect, it } from '@jest/globals';
import { Memo } from './memo.js';

describe('a memo', () => {
  it('forgets its oldest members, and never holds more than its bound', () => {
    const memo = new Memo(3);
    for (const key of ['a', 'b', 'c', 'd']) memo.add(key);
    expect(['a', 'b', 'c', 'd'].map((key) => memo.has(key))).toEqual([false, true, true, true]);
    for (let i = 0; i < 1_000; i++) memo.add(`key ${i}`);
    expect(Array.from({ length: 1_000 }, (_, i) => memo.has(`key ${i}`)).filter(Boolean)).toHaveLength(3);
  });

  it('counts a member that is added twice once', () => {
    const memo = new Memo(2);
    for (const key of ['a', 'b', 'b', 'b']) memo.add(key);
    expect(memo.has('a')).toBe(true);
  });
});
