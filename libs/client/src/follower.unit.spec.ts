import { noble } from '@gridtokenx/crypto';
import { native } from '@gridtokenx/crypto-native';
import { describe, expect, it } from '@jest/globals';
import { genesisAnchor, headerAnchorWithOfferedGenesis, tipOfHeader, trustFor } from './anchor.js';
import { headerHash } from '@gridtokenx/chain';
import { TestLedger } from './fixture.spec.js';
import { BlockFollower, ChainFaultError, type ProvenResult } from './follower.js';

const chainOf = (blocks: number, zone?: string): TestLedger => {
  const ledger = new TestLedger(4, zone);
  for (let i = 0; i < blocks; i++) ledger.grow(2);
  return ledger;
};
const sourceOf =
  (ledger: TestLedger) =>
  async (height: number): Promise<Uint8Array | undefined> =>
    ledger.blocks[height - 1]?.record;
const EMPTY = new Uint8Array(0);

describe('a block follower', () => {
  const ledger = chainOf(4);
  const record = (height: number): Uint8Array => ledger.blocks[height - 1]?.record ?? EMPTY;
  const follower = (): BlockFollower => new BlockFollower(genesisAnchor(ledger.file), { checkSignatures: true });

  it('walks from the genesis and yields what operations and hooks did', async () => {
    const walker = follower();
    const seen: ProvenResult[] = [];
    for await (const result of walker.results(sourceOf(ledger))) seen.push(result);
    expect(walker.tip.height).toBe(4);
    expect(
      seen.map(({ height, index, asked, outcome }) => [height, index, asked?.operationId, outcome.status]),
    ).toEqual(
      ledger.blocks.flatMap(({ operationIds }, i) => [
        [i + 1, 0, undefined, 'executed'],
        [i + 1, 1, operationIds[0], 'rejected'],
        [i + 1, 2, operationIds[1], 'executed'],
      ]),
    );
    expect(seen[1]?.asked?.operation.type).toBe('market.cancelOrder');
  });

  it('stops where it is told and goes on from its tip', async () => {
    const first = follower();
    for await (const block of first.blocks(sourceOf(ledger), { to: 2 })) expect(block.signers).toBe(3);
    expect(first.tip.height).toBe(2);
    const second = new BlockFollower(genesisAnchor(ledger.file), { tip: first.tip });
    expect(second.accept(record(3))).toMatchObject({ valid: true, height: 3 });
  });

  it('starts at a header that the user trusts', () => {
    const header = ledger.blocks[1]?.block.header;
    if (header === undefined) throw new Error('the fixture has two blocks');
    const trust = trustFor(noble, headerAnchorWithOfferedGenesis(headerHash(noble, header), ledger.file), header);
    if (typeof trust === 'string') throw new Error(trust);
    const { rules } = genesisAnchor(ledger.file);
    const tip = tipOfHeader(noble, rules, header, trust.set);
    if (typeof tip === 'string') throw new Error(tip);
    const walker = new BlockFollower({ rules, tip });
    expect(walker.accept(record(4))).toEqual({ valid: false, code: 'block.wrongHeight' });
    expect(walker.accept(record(3))).toMatchObject({ valid: true });
  });

  it('refuses a gap, a repeat and a wrong order, and stays where it is', () => {
    const walker = follower();
    expect(walker.accept(record(2))).toEqual({ valid: false, code: 'block.wrongHeight' });
    expect(walker.accept(record(1))).toMatchObject({ valid: true });
    expect(walker.accept(record(1))).toEqual({ valid: false, code: 'block.wrongHeight' });
    expect(walker.accept(record(3))).toEqual({ valid: false, code: 'block.wrongHeight' });
    expect(walker.tip.height).toBe(1);
  });

  it('refuses the blocks of another ledger, and of another branch of its own', () => {
    const foreign = chainOf(1, 'PEA-CNX-02');
    expect(follower().accept(foreign.blocks[0]?.record ?? EMPTY)).toEqual({ valid: false, code: 'block.wrongLedger' });
    const branch = new TestLedger(4);
    branch.grow(1);
    branch.grow(1);
    const walker = follower();
    walker.accept(record(1));
    expect(walker.accept(branch.blocks[1]?.record ?? EMPTY)).toEqual({ valid: false, code: 'block.wrongParent' });
  });

  it('refuses a block without a quorum', () => {
    const weak = new TestLedger(4);
    expect(follower().accept(weak.grow(1, 2).record)).toEqual({ valid: false, code: 'block.certificateInvalid' });
  });

  it('refuses a record of which any byte is another', () => {
    const whole = record(2);
    const tip = (() => {
      const walker = follower();
      walker.accept(record(1));
      return walker.tip;
    })();
    const anchor = genesisAnchor(ledger.file);
    for (let at = 0; at < whole.length; at++) {
      const changed = whole.slice();
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      const result = new BlockFollower(anchor, { tip, crypto: native }).accept(changed);
      expect([at, result.valid]).toEqual([at, false]);
    }
    expect(new BlockFollower(anchor, { tip }).accept(new Uint8Array([...whole, 0]))).toMatchObject({ valid: false });
  });

  it('throws at the height where its source lies', async () => {
    const lying = async (height: number): Promise<Uint8Array | undefined> => record(height === 3 ? 2 : height);
    const walker = follower();
    await expect(
      (async () => {
        for await (const { height } of walker.blocks(lying)) expect(height).toBeLessThan(3);
      })(),
    ).rejects.toThrow(new ChainFaultError('block.wrongHeight', 3));
  });
});
