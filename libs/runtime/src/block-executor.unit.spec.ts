import { native } from '@gridtokenx/crypto-native';
import { createLedger } from '@gridtokenx/domain';
import { toBase64Url } from '@gridtokenx/kernel';
import { describe, expect, it } from '@jest/globals';
import { BlockExecutor } from './block-executor.js';
import { EnvelopePool } from './envelope-pool.js';
import { TestChain } from './fixture.spec.js';

describe('a block', () => {
  it('of a validator that is suspended is refused', () => {
    const chain = new TestChain(1, 5);
    const { identity, seeds } = chain.consortium;
    const executor = new BlockExecutor({
      crypto: native,
      identity,
      ledger: createLedger(native, identity),
      pool: new EnvelopePool(),
      tip: chain.genesis,
      onDropped: () => {},
    });
    const [first] = chain.set.keys;
    if (first === undefined) throw new Error('the set has members');
    const bytes = chain.signer.sign(seeds.regulator, [
      {
        type: 'validators.proposeChange',
        change: { kind: 'suspend', validator: toBase64Url(first) },
        until: '2026-06-15T00:30:00Z',
      },
    ]);
    const envelopes = [chain.decode(bytes)];
    expect(executor.verdictOn(chain.candidate())).toBe(true);
    const { block } = chain.grow(envelopes);
    executor.commit(
      block.header,
      block.certificate,
      executor.runWith(block.certificate.blockHash, block.header, envelopes),
    );

    expect(executor.verdictOn(chain.candidate([], 0))).toBe(false);
    expect(executor.verdictOn(chain.candidate([], 1))).toBe(true);
  });
});
