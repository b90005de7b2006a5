import { native } from '@gridtokenx/crypto-native';
import { createLedger } from '@gridtokenx/domain';
import { toBase64Url } from '@gridtokenx/kernel';
import type { Operation } from '@gridtokenx/protocol';
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

  it('takes no more operations than blocks have shown to be decided in time; what is left waits for the next', () => {
    const chain = new TestChain(1, 4);
    const { identity, seeds } = chain.consortium;
    const pool = new EnvelopePool();
    const executor = new BlockExecutor({
      crypto: native,
      identity,
      ledger: createLedger(native, identity),
      pool,
      tip: chain.genesis,
      onDropped: () => {},
    });
    const registrations = (from: number): Operation[] =>
      Array.from({ length: 600 }, (_, i) => ({
        type: 'registry.openAccount',
        account: (from + i).toString(16).padStart(32, '0'),
        organisation: chain.consortium.ids.trader,
      }));
    for (const from of [0, 1_000]) pool.add(chain.decode(chain.signer.sign(seeds.trader, registrations(from))), from);
    const time = chain.genesis.time + 1_000;
    expect(executor.build(0, time).envelopeHashes).toHaveLength(2);
    executor.size.decided(1_500, 60_000);
    expect(executor.build(0, time).envelopeHashes).toHaveLength(1);
  });
});
