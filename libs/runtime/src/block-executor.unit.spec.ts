import { native } from '@gridtokenx/crypto-native';
import { createLedger, type Ledger } from '@gridtokenx/domain';
import { toBase64Url } from '@gridtokenx/kernel';
import type { Envelope, Genesis, Operation } from '@gridtokenx/protocol';
import { TestSigner } from '@gridtokenx/testkit';
import { describe, expect, it } from '@jest/globals';
import { BlockExecutor } from './block-executor.js';
import { EnvelopePool } from './envelope-pool.js';
import { START_MS, TestChain } from './fixture.spec.js';

/** An executor at the genesis of a chain, and what its blocks are made of. */
function executorOf(
  chain: TestChain,
  limits: Partial<Genesis['limits']> = {},
): { executor: BlockExecutor; ledger: Ledger; pool: EnvelopePool } {
  const { genesis } = chain.consortium.identity;
  const identity = { ...chain.consortium.identity, genesis: { ...genesis, limits: { ...genesis.limits, ...limits } } };
  const ledger = createLedger(native, identity);
  const pool = new EnvelopePool();
  const options = { crypto: native, identity, ledger, pool, tip: chain.genesis, onDropped: () => {} };
  return { executor: new BlockExecutor(options), ledger, pool };
}

function commitTo(executor: BlockExecutor, chain: TestChain, envelopes: readonly Envelope[]): void {
  const { block } = chain.grow(envelopes);
  const { header, certificate } = block;
  executor.commit(header, certificate, executor.runWith(certificate.blockHash, block, envelopes));
}

const offer = (pool: EnvelopePool, envelopes: readonly Envelope[]): void =>
  envelopes.forEach((envelope, offset) => pool.add(envelope, offset));

describe('a block', () => {
  it('of more operations or more bytes than the genesis allows is refused (C10)', () => {
    const chain = new TestChain();
    const envelopes = chain.trade();
    const operations = envelopes.reduce((sum, { operationIds }) => sum + operationIds.length, 0);
    const bytes = envelopes.reduce((sum, one) => sum + one.bytes.length, 0);
    const verdict = (limits: Partial<Genesis['limits']>): boolean | undefined => {
      const { executor, pool } = executorOf(chain, limits);
      offer(pool, envelopes);
      return executor.verdictOn(chain.candidate(envelopes));
    };
    expect(verdict({ operationsPerBlock: operations, envelopeBytesPerBlock: bytes })).toBe(true);
    expect(verdict({ operationsPerBlock: operations - 1 })).toBe(false);
    expect(verdict({ envelopeBytesPerBlock: bytes - 1 })).toBe(false);
  });

  it('that holds an envelope which makes the code throw keeps it, hash and all; it is decided, and never run again (C11)', () => {
    const chain = new TestChain();
    const { executor, ledger, pool } = executorOf(chain);
    const envelopes = [...chain.trade(), ...chain.reserve()];
    const poison = envelopes.at(-1);
    if (poison === undefined) throw new Error('there is one');
    const { mint } = ledger.state.accounts;
    let thrown = 0;
    ledger.state.accounts.mint = function (account, asset, amount): void {
      if (asset !== 'WATT' || amount !== 7n) return mint.call(this, account, asset, amount);
      thrown++;
      throw new TypeError('a bug');
    };
    offer(pool, envelopes);
    const candidate = executor.build(0, chain.genesis.time + 1_000);
    expect(executor.verdictOn(candidate)).toBe(true);
    const run = executor.run(candidate);
    if (run === undefined) throw new Error('all of its envelopes are here');
    expect(run.hash).toEqual(candidate.hash);
    expect(run.envelopes.map(({ hash }) => hash)).toEqual(candidate.envelopeHashes);
    expect(run.execution.quarantined).toEqual([{ envelope: poison, reason: 'TypeError: a bug' }]);
    const { resultsRoot, stateDigest } = run.execution;
    const { certificate } = chain.grow().block;
    executor.commit(candidate.header, { ...certificate, blockHash: candidate.hash, resultsRoot, stateDigest }, run);
    expect([executor.tip.height, thrown]).toEqual([1, 1]);
    // Its sequence is used: whoever sends it again gets it into no block.
    pool.add(poison, 99);
    expect(executor.build(0, chain.genesis.time + 2_000).envelopeHashes).toEqual([]);
    expect(pool.operations).toBe(0);
  });

  it('that repeats a decided envelope, or one of its own, or holds one that is no longer valid is refused, and none is built (C12)', () => {
    const chain = new TestChain();
    const { executor, pool } = executorOf(chain);
    const [first, ...rest] = chain.trade();
    const [fresh] = chain.reserve();
    if (first === undefined || fresh === undefined) throw new Error('the trade has envelopes');
    const expired = chain.decode(
      new TestSigner(native, chain.ledgerId, () => START_MS - 2 * 3_600_000).sign(chain.consortium.seeds.trader, [
        { type: 'market.cancelOrder', order: '0'.repeat(64) },
      ]),
    );
    commitTo(executor, chain, [first, ...rest]);
    offer(pool, [first, fresh, expired]);
    expect(executor.verdictOn(chain.candidate([first]))).toBe(false);
    expect(executor.verdictOn(chain.candidate([fresh, first]))).toBe(false);
    expect(executor.verdictOn(chain.candidate([fresh, fresh]))).toBe(false);
    expect(executor.verdictOn(chain.candidate([expired]))).toBe(false);
    expect(executor.verdictOn(chain.candidate([fresh]))).toBe(true);
    expect(executor.build(0, chain.tip.time + 1_000).envelopeHashes).toEqual([fresh.hash]);
    // What no block can ever hold has left the pool.
    expect([...pool].map(({ hash }) => hash)).toEqual([fresh.hash]);
  });

  it('lets go of what was read again after it was decided, also where none is built', () => {
    const chain = new TestChain();
    const { executor, pool } = executorOf(chain);
    const trade = chain.trade();
    const reserve = chain.reserve();
    commitTo(executor, chain, trade);
    offer(pool, [...trade, ...reserve]);
    commitTo(executor, chain, []);
    expect([...pool]).toEqual(reserve);
    // The offset of the first that waits: from there a restart reads.
    expect(pool.oldestOffset(99)).toBe(trade.length);
    commitTo(executor, chain, reserve);
    expect([pool.operations, pool.bytes, pool.oldestOffset(99)]).toEqual([0, 0, 99]);
  });

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
    executor.commit(block.header, block.certificate, executor.runWith(block.certificate.blockHash, block, envelopes));

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
