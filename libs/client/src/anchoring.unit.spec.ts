import { decodeCertificate, decodeHeader } from '@gridtokenx/chain';
import { fromHex, toBase64Url, toHex } from '@gridtokenx/kernel';
import { operationSchemas } from '@gridtokenx/protocol';
import { describe, expect, it } from '@jest/globals';
import { genesisAnchor } from './anchor.js';
import { anchorOperation, anchorOperations, recomputeAggregates } from './anchoring.js';
import { TestLedger } from './fixture.spec.js';

const later = [
  [0, 1, 2, 4],
  [0, 1, 4, 5],
  [0, 1, 4, 5],
];
const ledger = new TestLedger(4, undefined, { epochBlocks: 3, later });
for (let height = 1; height <= 11; height++) ledger.grow();
const source = { lightBlock: async (height: number) => ledger.lightBlock(height) };
const rules = { epochBlocks: 3 };

describe('what anchors the consortium on the public ledger', () => {
  it.each([
    [0, 11, [3, 6, 9, 11]],
    [0, 2, [2]],
    [3, 9, [6, 9]],
    [4, 5, [5]],
    [9, 10, [10]],
    [11, 11, []],
  ])('is the last block of each epoch after %i, and the one wanted, %i', async (anchored, height, heights) => {
    const found = await anchorOperations(source, rules, anchored, height, 20);
    expect(found.map((one) => one.height)).toEqual(heights);
    for (const { operation } of found)
      expect(operationSchemas['transparency.anchor'].safeParse(operation).success).toBe(true);
  });

  it('goes on later where there is more than one block takes', async () => {
    const first = await anchorOperations(source, rules, 0, 11, 2);
    expect(first.map(({ height }) => height)).toEqual([3, 6]);
    const rest = await anchorOperations(source, rules, 6, 11, 2);
    expect(rest.map(({ height }) => height)).toEqual([9, 11]);
  });

  it('is the block as it stands, with the keys that come with the next height where they change', () => {
    const [changing, staying] = [ledger.lightBlock(3), ledger.lightBlock(9)];
    if (changing === undefined || staying === undefined) throw new Error('the fixture has these blocks');
    const operation = anchorOperation(changing);
    expect(decodeHeader(fromHex(operation.header) ?? new Uint8Array(0))).toEqual(changing.header);
    expect(decodeCertificate(fromHex(operation.certificate) ?? new Uint8Array(0), 4)).toEqual(changing.certificate);
    expect(operation.nextValidators).toEqual(changing.nextValidators.map(toBase64Url));
    expect(operation).not.toHaveProperty('validators');
    expect(anchorOperation(staying)).not.toHaveProperty('nextValidators');
    expect(anchorOperation(staying, true).validators).toEqual(staying.validators.map(toBase64Url));
  });

  it('is none where the source does not give a block, or gives another', async () => {
    await expect(anchorOperations({ lightBlock: async () => undefined }, rules, 0, 2, 20)).rejects.toMatchObject({
      code: 'light.missing',
    });
    const wrong = { lightBlock: async () => ledger.lightBlock(1) };
    await expect(anchorOperations(wrong, rules, 0, 2, 20)).rejects.toMatchObject({ code: 'light.missing' });
  });
});

describe('what blocks come to', () => {
  const anchor = genesisAnchor(ledger.file);
  const records = async (height: number) => ledger.blocks[height - 1]?.record;

  it('is counted from the genesis on, each block proven, up to the one that is anchored', async () => {
    const { aggregates, hash } = await recomputeAggregates(records, anchor, 4, 9);
    expect(aggregates).toMatchObject({ fromHeight: 4, toHeight: 9, trades: 0, wattSupply: '0' });
    const anchored = ledger.lightBlock(9);
    expect(hash).toBe(anchored && toHex(anchored.certificate.blockHash));
  });

  it('is not told where a block is missing, or was never decided', async () => {
    await expect(recomputeAggregates(records, anchor, 4, 12)).rejects.toMatchObject({ code: 'light.missing' });
    const changed = async (height: number) => {
      const record = (await records(height))?.slice();
      if (height === 5 && record !== undefined) record[record.length - 2] = (record.at(-2) ?? 0) ^ 1;
      return record;
    };
    await expect(recomputeAggregates(changed, anchor, 4, 9)).rejects.toMatchObject({ height: 5 });
  });
});
