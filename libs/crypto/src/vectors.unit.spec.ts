import { readFileSync } from 'node:fs';
import { noble, type Crypto } from '@gridtokenx/crypto';
import { native } from '@gridtokenx/crypto-native';
import { Prng } from '@gridtokenx/kernel';
import { describe, expect, it } from '@jest/globals';

const load = <T>(name: string): T =>
  JSON.parse(readFileSync(new URL(`../../../vectors/${name}.json`, import.meta.url), 'utf8')) as T;
const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));

interface Rfc8032 {
  cases: { secretKey: string; publicKey: string; message: string; signature: string }[];
}
interface Speccheck {
  strictExpectation: boolean[];
  cases: { index: number; comment: string; message: string; pub_key: string; signature: string }[];
}
interface Wycheproof {
  numberOfTests: number;
  groups: { pk: string; tests: { tcId: number; comment: string; msg: string; sig: string; result: string }[] }[];
}

const implementations: readonly (readonly [string, Crypto])[] = [
  ['noble', noble],
  ['native', native],
];

describe.each(implementations)('the strict Ed25519 rule on %s', (_name, crypto) => {
  it('signs and verifies as RFC 8032 section 7.1', () => {
    for (const { secretKey, publicKey, message, signature } of load<Rfc8032>('ed25519-rfc8032').cases) {
      expect(Buffer.from(crypto.publicKeyOf(hex(secretKey))).toString('hex')).toBe(publicKey);
      expect(Buffer.from(crypto.sign(hex(message), hex(secretKey))).toString('hex')).toBe(signature);
      expect(crypto.verify(hex(signature), hex(message), hex(publicKey))).toBe(true);
    }
  });

  it('accepts case 3 alone of the twelve speccheck cases', () => {
    const { cases, strictExpectation } = load<Speccheck>('ed25519-speccheck');
    const verdicts = cases.map((c) => crypto.verify(hex(c.signature), hex(c.message), hex(c.pub_key)));
    expect(verdicts).toEqual(strictExpectation);
    expect(verdicts.flatMap((ok, i) => (ok ? [i] : []))).toEqual([3]);
  });

  it('agrees with every Wycheproof case', () => {
    const { groups, numberOfTests } = load<Wycheproof>('ed25519-wycheproof');
    const wrong: number[] = [];
    let seen = 0;
    for (const { pk, tests } of groups)
      for (const test of tests) {
        seen++;
        if (crypto.verify(hex(test.sig), hex(test.msg), hex(pk)) !== (test.result === 'valid')) wrong.push(test.tcId);
      }
    expect(wrong).toEqual([]);
    expect(seen).toBe(numberOfTests);
  });

  it('refuses keys of small order, non-canonical keys and keys of another length', () => {
    const { cases } = load<Speccheck>('ed25519-speccheck');
    // Cases 0-1 have a small-order key, 10-11 a non-canonical one (speccheck's own comments).
    for (const index of [0, 1, 10, 11]) expect(crypto.isAcceptableKey(hex(cases[index]?.pub_key ?? ''))).toBe(false);
    expect(crypto.isAcceptableKey(hex(cases[3]?.pub_key ?? ''))).toBe(true);
    expect(crypto.isAcceptableKey(new Uint8Array(31))).toBe(false);
    expect(crypto.verify(new Uint8Array(63), new Uint8Array(0), hex(cases[3]?.pub_key ?? ''))).toBe(false);
  });
});

describe('the two implementations', () => {
  it('agree on right signatures, changed ones and noise', () => {
    const prng = new Prng(20_261_122);
    let accepted = 0;
    for (let i = 0; i < 150; i++) {
      const seed = prng.bytes(32);
      const message = prng.bytes(prng.below(80));
      const key = noble.publicKeyOf(seed);
      const signature = noble.sign(message, seed);
      expect(native.publicKeyOf(seed)).toEqual(key);
      expect(native.sign(message, seed)).toEqual(signature);
      const parts = [Uint8Array.from(signature), message, Uint8Array.from(key)] as const;
      const changed = prng.pick(parts);
      if (prng.chance(0.8) && changed.length > 0) changed[prng.below(changed.length)] = prng.below(256);
      const verdict = noble.verify(...parts);
      expect(native.verify(...parts)).toBe(verdict);
      if (verdict) accepted++;
      expect(native.verify(prng.bytes(64), message, key)).toBe(false);
    }
    expect(accepted).toBeGreaterThan(10);
  });

  it('hash alike, also out of the middle of a buffer', () => {
    const pool = Buffer.from('..grid..');
    for (const bytes of [new Uint8Array(0), pool.subarray(2, 6), new Uint8Array(100_000).fill(7)])
      expect(native.sha256(bytes)).toEqual(noble.sha256(Uint8Array.from(bytes)));
  });
});
