import { Prng } from '@gridtokenx/kernel';
import { describe, expect, it } from '@jest/globals';

const MASK = 0xffff_ffffn;
const rotl = (x: bigint, k: bigint): bigint => ((x << k) | (x >> (32n - k))) & MASK;

/** The plain twin: Blackman and Vigna's xoshiro128**, line by line, in big integers. */
function plain(s: bigint[]): () => number {
  let [s0 = 0n, s1 = 0n, s2 = 0n, s3 = 0n] = s;
  return () => {
    const result = (rotl((s1 * 5n) & MASK, 7n) * 9n) & MASK;
    const t = (s1 << 9n) & MASK;
    s2 ^= s0;
    s3 ^= s1;
    s1 ^= s2;
    s0 ^= s3;
    s2 ^= t;
    s3 = rotl(s3, 11n);
    return Number(result);
  };
}

function seededState(seed: number): bigint[] {
  let x = BigInt(seed) & MASK;
  return [0, 1, 2, 3].map(() => {
    x = (x + 0x9e3779b9n) & MASK;
    let z = x;
    z = ((z ^ (z >> 16n)) * 0x85ebca6bn) & MASK;
    z = ((z ^ (z >> 13n)) * 0xc2b2ae35n) & MASK;
    return z ^ (z >> 16n);
  });
}

describe('the seeded generator', () => {
  it('is xoshiro128**', () => {
    const published = plain([1n, 2n, 3n, 4n]);
    expect([published(), published(), published(), published()]).toEqual([11_520, 0, 5_927_040, 70_819_200]);
    for (const seed of [0, 1, 42, 0xffff_ffff]) {
      const twin = plain(seededState(seed));
      const prng = new Prng(seed);
      for (let i = 0; i < 200; i++) expect(prng.next()).toBe(twin());
    }
  });

  it('gives the same stream for the same seed, for ever', () => {
    const prng = new Prng(42);
    expect([prng.next(), prng.next(), prng.next()]).toEqual([2_837_322_924, 544_945_897, 479_756_282]);
  });

  it('keeps to its bounds and reaches both ends', () => {
    const prng = new Prng(7);
    const seen = new Set(Array.from({ length: 1_000 }, () => prng.between(-2, 2)));
    expect([...seen].sort((a, b) => a - b)).toEqual([-2, -1, 0, 1, 2]);
    expect(Array.from({ length: 100 }, () => prng.below(1))).toEqual(Array.from({ length: 100 }, () => 0));
    expect([prng.chance(0), prng.chance(1)]).toEqual([false, true]);
    expect(prng.bytes(33)).toHaveLength(33);
    expect(() => prng.pick([])).toThrow(RangeError);
  });

  it('shuffles without losing anything', () => {
    const items = Array.from({ length: 50 }, (_, i) => i);
    const shuffled = new Prng(1).shuffle([...items]);
    expect(shuffled).not.toEqual(items);
    expect([...shuffled].sort((a, b) => a - b)).toEqual(items);
  });
});
