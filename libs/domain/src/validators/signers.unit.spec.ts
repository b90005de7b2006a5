import { voteSignBytes, type Vote } from '@gridtokenx/chain';
import { noble } from '@gridtokenx/crypto';
import { toBase64Url, toHex } from '@gridtokenx/kernel';
import type { Operation } from '@gridtokenx/protocol';
import { describe, expect, it } from '@jest/globals';
import { keyOf, PublicWorld, secretOf } from '../spec/public-world.spec.js';

const NONCE = 'ab'.repeat(32);
const hundred = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`val${i}`, 10_000]));

/** Two PREPAREs for two blocks, signed by the block key of this validator. */
function evidence(world: PublicWorld, name: string, height = 1): Operation {
  const { ledgerId, genesis } = world.identity;
  const epoch = Math.floor((height - 1) / genesis.consensus.epochBlocks);
  const signed = (fill: number): { vote: string; signature: string } => {
    const vote = { type: 'prepare', blockHash: new Uint8Array(32).fill(fill) } as Vote;
    const bytes = voteSignBytes({ ledgerId, epoch, height, round: 0 }, vote);
    return { vote: toHex(bytes), signature: toBase64Url(noble.sign(bytes, secretOf(`${name}/signs`))) };
  };
  return {
    type: 'validators.reportEquivocation',
    validator: keyOf(`${name}/signs`),
    first: signed(1),
    second: signed(2),
  };
}

describe('a key that signs the blocks of the public ledger', () => {
  it('is the set of the first epochs, for the accounts of the genesis', () => {
    const world = new PublicWorld({ validators: hundred, consensus: { epochBlocks: 5 } });
    const { validators, keys } = world.ledger.state;
    const signers = Object.keys(hundred)
      .map((name) => keyOf(`${name}/signs`))
      .sort();
    const check = (): void => {
      expect(validators.members().map(([key]) => key)).toEqual(signers);
      expect(world.ledger.nextValidators.map(toBase64Url).sort()).toEqual(signers);
    };
    check();
    expect(validators.validators.get(keyOf('val7/signs'))?.organisation).toBe(keyOf('val7'));
    expect(keys.get(keyOf('val7/signs'))?.account).toBe('');
    for (let i = 0; i < 6; i++) world.block();
    check();
  });

  it('says that it lost its record without a fee, and asks for nothing else', () => {
    const world = new PublicWorld({ accounts: { ann: 10 } });
    const validator = keyOf('val/signs');
    expect(world.must('val/signs', { type: 'validators.rejoin', validator, nonce: NONCE })).toContainEqual({
      type: 'validators.rejoined',
      validator,
      nonce: NONCE,
    });
    expect(world.ledger.state.validators.validators.get(validator)?.rejoinedAt).toBe(1);
    expect(world.refusal('ann', { type: 'validators.rejoin', validator, nonce: NONCE })).toBe(
      'validators.unknownValidator',
    );
    const transfer: Operation = { type: 'grid.transfer', to: keyOf('ann'), amount: '1' };
    expect(() => world.ask('val/signs', transfer)).toThrow('grid.keyWithoutAccount');
  });

  it('proposes nothing any more once two votes of it are brought', () => {
    const world = new PublicWorld({ accounts: { ann: 10 }, validators: { val: 10_000, vic: 10_000 } });
    world.block();
    const events = world.must('ann', evidence(world, 'vic'));
    expect(events).toContainEqual(expect.objectContaining({ type: 'validators.equivocated', height: 1 }));
    const { ledger } = world;
    expect(
      [keyOf('val/signs'), keyOf('vic/signs')].map((key) => ledger.state.validators.validators.get(key)?.suspended),
    ).toEqual([false, true]);
  });
});
