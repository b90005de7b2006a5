import { describe, expect, it } from '@jest/globals';
import { CHECKPOINT_DELAY, headerHash, type Header } from '@gridtokenx/chain';
import type { Candidate } from '@gridtokenx/consensus';
import { ZERO_HASH, type Hash } from '@gridtokenx/crypto';
import { native } from '@gridtokenx/crypto-native';
import { createLedger } from '@gridtokenx/domain';
import { BlockExecutor } from './block-executor.js';
import { EnvelopePool } from './envelope-pool.js';
import { TestChain } from './fixture.spec.js';

const TELLS = 100 + CHECKPOINT_DELAY;

/** An executor that has run the chain up to the height below the one that tells the first checkpoint. */
function executorBelow(chain: TestChain): BlockExecutor {
  const { identity } = chain.consortium;
  const executor = new BlockExecutor({
    crypto: native,
    identity,
    ledger: createLedger(native, identity),
    pool: new EnvelopePool(),
    tip: chain.genesis,
    onDropped: () => {},
  });
  for (let height = 1; height < TELLS; height++) {
    const envelopes = height === 1 ? chain.trade() : [];
    const { block } = chain.grow(envelopes);
    const { header, certificate } = block;
    executor.commit(header, certificate, executor.runWith(certificate.blockHash, block, envelopes));
  }
  return executor;
}

function withRoot(candidate: Candidate, checkpointRoot: Hash): Candidate {
  const header: Header = { ...candidate.header, checkpointRoot };
  return { ...candidate, header, hash: headerHash(native, header) };
}

describe('a block that tells a checkpoint', () => {
  it('whose root is another one is not acceptable, and diverges when it is certified', () => {
    const chain = new TestChain();
    const executor = executorBelow(chain);
    const candidate = chain.candidate();
    expect(candidate.header.height).toBe(TELLS);
    expect(candidate.header.checkpointRoot).not.toEqual(ZERO_HASH);
    expect(executor.build(0, candidate.header.time).header.checkpointRoot).toEqual(candidate.header.checkpointRoot);
    expect(executor.verdictOn(candidate)).toBe(true);
    for (const root of [ZERO_HASH, native.sha256(ZERO_HASH)])
      expect(executor.verdictOn(withRoot(candidate, root))).toBe(false);
    const { header } = withRoot(candidate, native.sha256(ZERO_HASH));
    const { block } = chain.grow();
    const run = executor.runWith(block.certificate.blockHash, { ...block, header }, []);
    expect(() => executor.commit(header, block.certificate, run)).toThrow('validator.diverged');
  });
});
