import { native } from '@gridtokenx/crypto-native';
import { DecodeError } from '@gridtokenx/kernel';
import {
  blockFault,
  decodeBlock,
  decodeCertificate,
  decodeHeader,
  decodeVoteSignBytes,
  encodeBlock,
  encodeCertificate,
  encodeHeader,
  voteSignBytes,
  type Vote,
} from '@gridtokenx/chain';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { blockAfter, genesisTip, hashOf, LEDGER, RULES, validatorsOf } from './sample.spec.js';

const validators = validatorsOf(4);
const first = blockAfter(genesisTip, validators);
const second = blockAfter(first.tip, validators);

/** Random bytes; right ones with bytes changed; right ones cut, or with bytes added or dropped. */
const nearly = (valid: Uint8Array): fc.Arbitrary<Uint8Array> => {
  const at = fc.nat(valid.length - 1);
  const change = fc.array(fc.tuple(at, fc.nat(255)), { minLength: 1, maxLength: 3 });
  return fc.oneof(
    fc.uint8Array({ maxLength: 500 }),
    change.map((changes) => {
      const out = Uint8Array.from(valid);
      for (const [i, byte] of changes) out[i] = byte;
      return out;
    }),
    fc
      .tuple(at, fc.nat(9), fc.uint8Array({ maxLength: 9 }))
      .map(([i, drop, insert]) =>
        Uint8Array.from(Buffer.concat([valid.subarray(0, i), insert, valid.subarray(i + drop)])),
      ),
  );
};

/** Decodes or throws a DecodeError with a name before its dot; what decodes encodes to the same bytes. */
function isStrict<T>(prefixes: readonly string[], decode: (bytes: Uint8Array) => T, encode: (value: T) => Uint8Array) {
  return (bytes: Uint8Array): boolean => {
    let value: T;
    try {
      value = decode(bytes);
    } catch (error) {
      return error instanceof DecodeError && prefixes.includes(error.code.split('.')[0] ?? '');
    }
    return Buffer.compare(encode(value), bytes) === 0;
  };
}

const runs = { seed: 20_261_122, numRuns: 3_000 };

describe('whatever the bytes', () => {
  it('a header decodes to what encodes to the same bytes, or is refused by a DecodeError', () => {
    const check = isStrict(['header'], decodeHeader, encodeHeader);
    expect(() => fc.assert(fc.property(nearly(encodeHeader(second.block.header)), check), runs)).not.toThrow();
  });

  it('sign bytes of a vote decode to what encodes to the same bytes, or are refused by a DecodeError', () => {
    const context = { ledgerId: LEDGER, epoch: 0, height: 7, round: 1 };
    const [blockHash, resultsRoot, stateDigest] = [hashOf('block'), hashOf('results'), hashOf('state')];
    const votes: readonly Vote[] = [
      { type: 'proposal', blockHash },
      { type: 'prepare', blockHash },
      { type: 'commit', blockHash, resultsRoot, stateDigest },
      { type: 'roundChange', prepared: undefined },
      { type: 'roundChange', prepared: { round: 0, blockHash } },
    ];
    const check = isStrict(['vote', 'header'], decodeVoteSignBytes, (read) => voteSignBytes(read.context, read.vote));
    for (const vote of votes) {
      const bytes = voteSignBytes(context, vote);
      expect(decodeVoteSignBytes(bytes)).toEqual({ context, vote });
      expect(() => fc.assert(fc.property(nearly(bytes), check), runs)).not.toThrow();
    }
  });

  it('a certificate decodes to what encodes to the same bytes, or is refused by a DecodeError', () => {
    const check = isStrict(
      ['certificate'],
      (bytes) => decodeCertificate(bytes, 4),
      (certificate) => encodeCertificate(certificate, 4),
    );
    expect(() =>
      fc.assert(fc.property(nearly(encodeCertificate(second.block.certificate, 4)), check), runs),
    ).not.toThrow();
  });

  it('a block decodes to what encodes to the same bytes, or is refused by a DecodeError', () => {
    const check = isStrict(
      ['block', 'header', 'certificate'],
      (bytes) => decodeBlock(bytes, 4),
      (block) => encodeBlock(block, 4),
    );
    const next = validatorsOf(5, 1).set;
    const { block: last } = blockAfter({ ...genesisTip, height: RULES.epochBlocks - 1 }, validators, {
      header: { nextValidatorsHash: next.hash },
      nextValidators: next.keys,
    });
    for (const block of [second.block, last])
      expect(() => fc.assert(fc.property(nearly(encodeBlock(block, 4)), check), runs)).not.toThrow();
  });

  it('a changed block that still decodes is judged without an exception, and no change to what is certified passes', () => {
    const bytes = encodeBlock(second.block, 4);
    let judged = 0;
    fc.assert(
      fc.property(nearly(bytes), (changed) => {
        if (Buffer.compare(changed, bytes) === 0) return true;
        try {
          const block = decodeBlock(changed, 4);
          judged++;
          const fault = blockFault(native, RULES, first.tip, block, second.envelopes);
          // The caller hashed the envelopes of the right block; all the rest is in the bytes.
          const isOtherEnvelope = (envelope: Uint8Array, i: number): boolean =>
            Buffer.compare(envelope, second.block.envelopes[i] ?? new Uint8Array(0)) !== 0;
          return fault !== undefined || block.envelopes.length !== 2 || block.envelopes.some(isOtherEnvelope);
        } catch (error) {
          return error instanceof DecodeError;
        }
      }),
      { ...runs, numRuns: 1_500 },
    );
    expect(judged).toBeGreaterThan(300);
  });
});
