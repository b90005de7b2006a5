import type { ConsensusMessage } from '@gridtokenx/consensus';
import { decodeMessage } from '@gridtokenx/consensus';
import type { Hash, Signature } from '@gridtokenx/crypto';
import { native } from '@gridtokenx/crypto-native';
import { DecodeError, equalBytes, Prng } from '@gridtokenx/kernel';
import { describe, expect, it } from '@jest/globals';
import { decodeFrames, encodeFrames, messageFrame, packFrames, type Frame } from './consensus-frames.js';
import { nearly, TestChain } from './fixture.spec.js';

const chain = new TestChain();
const { ledgerId } = chain;
const envelopes = chain.trade();
chain.grow();
const candidate = chain.candidate(envelopes);
const message: ConsensusMessage = {
  type: 'prepare',
  epoch: 0,
  height: 2,
  round: 1,
  validator: 3,
  signature: new Uint8Array(64).fill(5) as Signature,
  blockHash: candidate.hash,
};
const frames: readonly Frame[] = [
  messageFrame(message),
  { kind: 'wantEnvelopes', hashes: envelopes.map(({ hash }) => hash) },
  { kind: 'wantEnvelopes', hashes: [] },
  { kind: 'wantCandidate', hash: candidate.hash },
  { kind: 'candidate', candidate },
];

/** Anything but a DecodeError fails the test. */
function reading(bytes: Uint8Array): 'refused' | 'of another ledger' | 'the same bytes' | 'another spelling' {
  try {
    const read = decodeFrames(native, ledgerId, bytes);
    if (read.length === 0) return 'of another ledger';
    return equalBytes(encodeFrames(ledgerId, read), bytes) ? 'the same bytes' : 'another spelling';
  } catch (error) {
    if (error instanceof DecodeError) return 'refused';
    throw error;
  }
}

describe('a record of the consensus topic', () => {
  it('comes back as the frames that were put in, in their order', () => {
    const read = decodeFrames(native, ledgerId, encodeFrames(ledgerId, frames));
    expect(read).toEqual(frames);
    const [vote] = read;
    expect(vote?.kind === 'message' && decodeMessage(native, vote.bytes)).toEqual(message);
    expect(decodeFrames(native, ledgerId, encodeFrames(ledgerId, []))).toEqual([]);
  });

  it('of another ledger holds nothing for this one', () => {
    expect(decodeFrames(native, 'gridtokenx-consortium-ffffffff', encodeFrames(ledgerId, frames))).toEqual([]);
  });

  it('cut off anywhere is refused whole', () => {
    const record = encodeFrames(ledgerId, frames);
    const cuts = Array.from({ length: record.length }, (_, length) => record.subarray(0, length));
    expect(new Set(cuts.map(reading))).toEqual(new Set(['refused']));
  });

  it('is the one spelling of its frames, or is refused by a DecodeError, whatever the bytes', () => {
    const prng = new Prng(20_261_122);
    const record = encodeFrames(ledgerId, frames);
    const readings = Array.from({ length: 1_500 }, (_, run) =>
      reading(run % 5 === 0 ? prng.bytes(prng.below(300)) : nearly(prng, record)),
    );
    expect(readings).not.toContain('another spelling');
    expect(readings.filter((one) => one === 'refused').length).toBeGreaterThan(500);
  });

  it('that promises more than it holds takes no memory for it', () => {
    const record = encodeFrames(ledgerId, [{ kind: 'wantEnvelopes', hashes: [] }]);
    const greedy = record.map((byte, i) => (i >= record.length - 4 ? 0xff : byte));
    expect(() => decodeFrames(native, ledgerId, greedy)).toThrow(DecodeError);
  });
});

describe('frames for the bus', () => {
  const large = (n: number): Frame => ({ kind: 'message', bytes: new Uint8Array(3 * 1024 * 1024).fill(n) });

  it('are gathered into few records of bounded size, in their order', () => {
    const many = [1, 2, 3, 4, 5].map(large);
    const records = packFrames(ledgerId, many);
    expect(records).toHaveLength(3);
    expect(Math.max(...records.map(({ length }) => length))).toBeLessThan(8 * 1024 * 1024 + 1024);
    const firstBytes = records
      .flatMap((record) => decodeFrames(native, ledgerId, record))
      .map((frame) => frame.kind === 'message' && frame.bytes[0]);
    expect(firstBytes).toEqual([1, 2, 3, 4, 5]);
    expect(packFrames(ledgerId, frames)).toHaveLength(1);
    expect(packFrames(ledgerId, [])).toEqual([]);
  });

  it('go alone when one is larger than a record should be', () => {
    const hashes = Array.from({ length: 2 }, () => native.sha256(Uint8Array.of(1)) as Hash);
    const huge: Frame = { kind: 'message', bytes: new Uint8Array(9 * 1024 * 1024) };
    const records = packFrames(ledgerId, [{ kind: 'wantEnvelopes', hashes }, huge, large(1)]);
    expect(records.map((record) => decodeFrames(native, ledgerId, record).length)).toEqual([1, 1, 1]);
  });
});
