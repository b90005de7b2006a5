import { DecodeError, equalBytes, Prng } from '@gridtokenx/kernel';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  decodeCandidate,
  decodeMessage,
  decodeSignerRecord,
  encodeCandidate,
  encodeMessage,
  encodeSignerRecord,
} from './codec.js';
import { Solo } from './testing/solo.js';
import type { Candidate, ConsensusMessage, SignerRecord } from './types.js';

const solo = new Solo({ n: 7 });
const { crypto } = solo;
const first = solo.candidate('first');
const grown = new Solo({ n: 7 });
grown.advance(first);
const second = grown.candidate('second');
const prepared = grown.certificate(second.hash);
const votes = [0, 1, 2, 4, 6].map((validator) => ({ validator, prepared: validator === 4 ? prepared : undefined }));

const messages: ConsensusMessage[] = [
  solo.proposal(first),
  grown.proposal(second),
  grown.proposal(second, 1, grown.justification(1, votes)),
  grown.proposal(
    grown.candidate('fresh', 3),
    1,
    grown.justification(
      1,
      votes.map(({ validator }) => ({ validator })),
    ),
  ),
  solo.prepare(3, first.hash),
  solo.commit(3, first.hash, 2),
  solo.roundChange(3, 1),
  grown.roundChange(6, 3, prepared),
];
const candidates: Candidate[] = [first, second];
const records: SignerRecord[] = [
  { height: 1, round: 0, step: 2, signBytes: new Uint8Array([1, 2]), prepared: undefined, committed: undefined },
  {
    height: 2,
    round: 3,
    step: 3,
    signBytes: new Uint8Array(150),
    prepared: { certificate: prepared, candidate: second },
    committed: solo.results(second.hash),
  },
];

interface Codec<T> {
  readonly name: string;
  readonly values: readonly T[];
  readonly encode: (value: T) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => T;
}

function suite<T>({ name, values, encode, decode }: Codec<T>): void {
  /** Bytes are either refused with a DecodeError (anything else fails the test) or are the one spelling of what they say. */
  const isStrict = (bytes: Uint8Array): boolean => {
    const value = decoded(bytes);
    return value === undefined || equalBytes(encode(value), bytes);
  };
  const decoded = (bytes: Uint8Array): T | undefined => {
    try {
      return decode(bytes);
    } catch (error) {
      if (error instanceof DecodeError) return undefined;
      throw error;
    }
  };

  describe(`${name} in bytes`, () => {
    it('comes back as it was, from the same bytes', () => {
      for (const value of values) {
        const bytes = encode(value);
        expect(decode(bytes)).toEqual(value);
        expect(encode(decode(bytes))).toEqual(bytes);
      }
    });

    it('is refused when cut anywhere or followed by anything', () => {
      for (const value of values) {
        const bytes = encode(value);
        for (let length = 0; length < bytes.length; length += length < 200 ? 1 : 7)
          if (decoded(bytes.subarray(0, length)) !== undefined) throw new Error(`was read from ${length} bytes`);
        expect(() => decode(new Uint8Array([...bytes, 0]))).toThrow(DecodeError);
      }
    });

    it('has one spelling, however its bytes are changed', () => {
      const prng = new Prng(7);
      const otherSpellings: Uint8Array[] = [];
      for (const value of values) {
        const bytes = encode(value);
        for (let i = 0; i < 500; i++) {
          const mutated = bytes.slice();
          // Heads hold the counts and flags, so they are hit more often.
          for (let changes = prng.between(1, 3); changes > 0; changes--)
            mutated[prng.below(prng.chance(0.5) ? Math.min(80, bytes.length) : bytes.length)] = prng.pick([
              0, 1, 255, 77,
            ]);
          if (!isStrict(mutated)) otherSpellings.push(mutated);
        }
      }
      expect(otherSpellings).toEqual([]);
    });

    it('is never made of garbage without a DecodeError', () => {
      fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), isStrict), { seed: 11, numRuns: 1_000 });
    });
  });
}

suite({ name: 'a message', values: messages, encode: encodeMessage, decode: (bytes) => decodeMessage(crypto, bytes) });
suite({
  name: 'a candidate',
  values: candidates,
  encode: encodeCandidate,
  decode: (bytes) => decodeCandidate(crypto, bytes),
});
suite({
  name: 'a signer record',
  values: records,
  encode: encodeSignerRecord,
  decode: (bytes) => decodeSignerRecord(crypto, bytes),
});

describe('the hash of a decoded candidate', () => {
  it('is that of its header bytes, whatever the sender says', () => {
    const lying = { ...first, hash: second.hash };
    expect(decodeCandidate(crypto, encodeCandidate(lying)).hash).toEqual(first.hash);
  });
});
