import type { ChainTip, ValidatorSet } from '@gridtokenx/chain';
import { encodeMessage, signBytesOf, type ConsensusMessage, type UnsignedMessage } from '@gridtokenx/consensus';
import type { Hash } from '@gridtokenx/crypto';
import { native } from '@gridtokenx/crypto-native';
import { utf8 } from '@gridtokenx/kernel';
import { MessageVerifier } from './message-verifier.js';
import { describe, expect, it } from '@jest/globals';
import { TestChain } from './fixture.spec.js';

const chain = new TestChain();
const { epochBlocks } = chain.rules;
const blockHash: Hash = native.sha256(utf8('block'));

const prepare = (height: number, epoch: number, validator = 0, ledgerId = chain.ledgerId): Uint8Array => {
  const unsigned: UnsignedMessage = { type: 'prepare', epoch, height, round: 0, validator, blockHash };
  const signature = native.sign(signBytesOf(unsigned, ledgerId), chain.secretOf(validator));
  const message: ConsensusMessage = { ...unsigned, signature };
  return encodeMessage(message);
};

describe('messages', () => {
  const setIn = (epoch: number): ValidatorSet => ({ ...chain.set, epoch });
  const before: ChainTip = { ...chain.genesis, height: epochBlocks - 1 };
  const after: ChainTip = { ...before, height: epochBlocks, certifiedBy: setIn(0), validators: setIn(1) };

  it('of the next epoch are kept until its validators are known, and believed only then', () => {
    const skipped: string[] = [];
    const verifier = new MessageVerifier(native, chain.rules, (reason) => skipped.push(reason));
    const early = prepare(epochBlocks + 1, 1);
    const forged = early.map((byte, i) => (i === 30 ? byte ^ 1 : byte));
    expect(verifier.verified(early, before)).toBeUndefined();
    expect(verifier.verified(forged, before)).toBeUndefined();
    expect(skipped).toEqual([]);

    const kept = verifier.takeEarly();
    expect(kept).toEqual([early, forged]);
    expect(verifier.takeEarly()).toEqual([]);
    expect(kept.map((bytes) => verifier.verified(bytes, after)?.height)).toEqual([epochBlocks + 1, undefined]);
    expect(skipped).toEqual(['message.badSignature']);
  });

  it('that the same keys have signed for another ledger are no votes of this one (C12)', () => {
    const skipped: string[] = [];
    const verifier = new MessageVerifier(native, chain.rules, (reason) => skipped.push(reason));
    const elsewhere = prepare(1, 0, 0, new TestChain(2).ledgerId);
    expect(verifier.verified(prepare(1, 0), chain.genesis)?.height).toBe(1);
    expect(verifier.verified(elsewhere, chain.genesis)).toBeUndefined();
    expect(skipped).toEqual(['message.badSignature']);
  });

  it('of an epoch that is not that of their height, or far ahead, are skipped at once', () => {
    const skipped: string[] = [];
    const verifier = new MessageVerifier(native, chain.rules, (reason) => skipped.push(reason));
    const wrong = [prepare(epochBlocks + 1, 0), prepare(epochBlocks, 1), prepare(2 * epochBlocks + 1, 2)];
    for (const bytes of wrong) expect(verifier.verified(bytes, before)).toBeUndefined();
    expect(skipped).toEqual(wrong.map(() => 'message.wrongEpoch'));
    expect(verifier.takeEarly()).toEqual([]);
  });

  it('that come early in a flood take a bounded room', () => {
    const verifier = new MessageVerifier(native, chain.rules, () => {});
    const early = prepare(epochBlocks + 1, 1);
    for (let i = 0; i < 3_000; i++) verifier.verified(early, before);
    expect(verifier.takeEarly()).toHaveLength(1_024);
  });
});
