import { OPERATIONS_PER_ENVELOPE_MAX } from '@gridtokenx/protocol';
import { describe, expect, it } from '@jest/globals';
import { BlockSize } from './block-size.js';

const MOST = 12_000;
const sizeOf = (operationsPerBlock = MOST): BlockSize => new BlockSize({ operationsPerBlock, baseTimeoutMs: 1_200 });

describe('The size of a block', () => {
  it('is what the genesis allows until a block shows that it is too much, then half of that block', () => {
    const size = sizeOf();
    size.decided(MOST, 900);
    expect(size.most).toBe(MOST);
    size.decided(MOST, 961);
    expect(size.most).toBe(MOST / 2);
    size.decided(5_000, 1_500);
    expect(size.most).toBe(2_500);
  });

  it('never goes below the largest envelope, nor above the genesis', () => {
    const size = sizeOf();
    for (let i = 0; i < 20; i++) size.decided(MOST, 5_000);
    expect(size.most).toBe(OPERATIONS_PER_ENVELOPE_MAX);
    for (let i = 0; i < 50; i++) size.decided(size.most, 100);
    expect(size.most).toBe(MOST);
    const small = sizeOf(10);
    small.decided(10, 5_000);
    expect(small.most).toBe(10);
  });

  it('grows again only with blocks that used it and were well in time', () => {
    const size = sizeOf();
    size.decided(MOST, 2_000);
    size.decided(3_000, 100);
    size.decided(6_000, 700);
    expect(size.most).toBe(6_000);
    size.decided(6_000, 599);
    expect(size.most).toBe(7_500);
  });

  it('grows by as much as would still have been in time, and at most to twice as much', () => {
    const size = sizeOf();
    for (let i = 0; i < 3; i++) size.decided(size.most, 2_000);
    expect(size.most).toBe(1_500);
    size.decided(1_500, 400);
    expect(size.most).toBe(2_250);
    size.decided(2_250, 0);
    expect(size.most).toBe(4_500);
  });

  it('leaves time to a reader that falls behind, and room for the largest envelope whatever it does', () => {
    let unread = 0;
    const size = new BlockSize({ operationsPerBlock: MOST, baseTimeoutMs: 1_200, unread: () => unread });
    const sizes = [0, 1, 2, 3, 4, 5, 8].map((behind) => {
      unread = behind;
      return size.most;
    });
    expect(sizes).toEqual([MOST, MOST, 9_250, 6_500, 3_750, OPERATIONS_PER_ENVELOPE_MAX, OPERATIONS_PER_ENVELOPE_MAX]);
    unread = 0;
    expect(size.most).toBe(MOST);
  });

  it('is not changed by an empty block that was late', () => {
    const size = sizeOf();
    size.decided(0, 3_000);
    expect(size.most).toBe(MOST);
  });
});
