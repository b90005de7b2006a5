import { describe, expect, it } from '@jest/globals';
import { native } from '@gridtokenx/crypto-native';
import { NO_SUPPLY } from '@gridtokenx/domain';
import { toHex } from '@gridtokenx/kernel';
import { ledgerTopics } from '@gridtokenx/protocol';
import { MemorySnapshots } from '@gridtokenx/testkit';
import { DivergedError } from './divergence.js';
import { replayBlocks, type Replay } from './replay-blocks.js';
import { newestSnapshot, type SnapshotStart } from './snapshot-start.js';
import { Blocks, follow, withTwo } from './snapshot-fixture.spec.js';
import { genesisStart } from './validator-host.js';

const replay = ({ chain, log }: Blocks, start: SnapshotStart, to?: number): Promise<Replay> =>
  replayBlocks({
    crypto: native,
    identity: chain.consortium.identity,
    log,
    start,
    ...(to === undefined ? {} : { to }),
  });
const fromGenesis = ({ chain }: Blocks): SnapshotStart => genesisStart(native, chain.consortium.identity);

/** The ledger of a start with one row changed behind its back, as a bad disk or another version would have it. */
function damaged(start: SnapshotStart): SnapshotStart {
  const { accounts, store } = start.ledger.state;
  accounts.supplies.set('WATT', { ...NO_SUPPLY, genesis: 1n });
  store.endBlock();
  return start;
}

describe('a replay', () => {
  it('comes to what was certified, from the genesis and from a snapshot, up to any height', async () => {
    const { blocks, store } = await withTwo();
    const { chain } = blocks;
    const { identity } = chain.consortium;
    const end = { height: 215, stateDigest: toHex(chain.tip.stateDigest), divergence: undefined };
    expect(await replay(blocks, fromGenesis(blocks))).toEqual({ from: 0, ...end });
    const start = await newestSnapshot({ crypto: native, identity, store, onRefused: () => {} });
    if (start === undefined) throw new Error('there is one');
    expect(await replay(blocks, start)).toEqual({ from: 200, ...end });
    expect(await replay(blocks, fromGenesis(blocks), 7)).toMatchObject({ height: 7, divergence: undefined });
  });

  it('names the first block that this software computes otherwise, and its first outcome', async () => {
    const blocks = new Blocks();
    await blocks.grow(3);
    const { height, divergence } = await replay(blocks, damaged(fromGenesis(blocks)));
    expect(height).toBe(0);
    expect(divergence).toMatchObject({ height: 1, differs: ['resultsRoot', 'stateDigest'] });
    expect(divergence?.signed.stateDigest).not.toBe(divergence?.computed.stateDigest);
    expect(divergence?.outcome?.certified).not.toBe(divergence?.outcome?.computed);
  });
});

describe('a divergence', () => {
  it('halts a host, which says what was certified, what it computed and which rows the block changed', async () => {
    const blocks = new Blocks();
    await blocks.grow(2);
    const running = await follow(blocks, new MemorySnapshots());
    const { host } = running;
    damaged({ ledger: (host as unknown as SnapshotStart).ledger } as SnapshotStart);
    // The next block moves WATT, whose supply is another one here.
    const before = host.status.height;
    const { block, record } = blocks.chain.grow(blocks.chain.reserve());
    const failed = host.take(ledgerTopics.consortium.blocks.name, [{ offset: before, timestampMs: 0, value: record }]);
    const error = await failed.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (!(error instanceof DivergedError)) throw new Error(`it should have diverged: ${String(error)}`);
    const { report } = error;
    expect(report).toMatchObject({
      height: before + 1,
      blockHash: toHex(block.certificate.blockHash),
      signedBy: 'quorum',
      signed: { stateDigest: toHex(block.certificate.stateDigest) },
    });
    const watt = report.changes.find(({ key }) => key === 'accounts.supply/WATT');
    expect(watt?.oldHash).toBe(toHex(native.sha256(Buffer.from(watt?.old ?? '', 'hex'))));
    expect(watt?.nowHash).toBe(toHex(native.sha256(Buffer.from(watt?.now ?? '', 'hex'))));
    expect(report.changes.map(({ key }) => key)).toContain('ledger.clock/clock');
    expect(error.message).toContain('validator.diverged');
    expect(report.recover.join()).toContain('gridtokenx node replay');
    expect(host.status.height).toBe(before);
    host.close();
  });
});
