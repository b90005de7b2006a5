import { describe, expect, it } from '@jest/globals';
import { genesisAnchor } from './anchor.js';
import type { TestLedger } from './fixture.spec.js';
import { clearingLedger } from './told-clearing.spec.js';
import { verifyClearings } from './verify-clearing.js';

const verify = (ledger: TestLedger, height: number): ReturnType<typeof verifyClearings> =>
  verifyClearings(async (at) => ledger.blocks[at - 1]?.record, genesisAnchor(ledger.file), height);

describe('a clearing in proven blocks', () => {
  it('is shown to be right, from the orders of the blocks before it', async () => {
    const told = await verify(clearingLedger(), 3);
    expect(told).toEqual([{ cleared: expect.objectContaining({ volumeWh: '3000', priceTicks: 420 }) }]);
    expect(await verify(clearingLedger(), 2)).toEqual([]);
  });

  it.each([
    [{ lowTicks: 400, priceTicks: 410 }, 'clearing.otherTrade'],
    [{ lowTicks: 400 }, 'auction.wrongInterval'],
    [{ matchableWh: '4000' }, 'auction.wrongVolume'],
    [{ asks: 3 }, 'clearing.otherOrders'],
    [{ trades: 3 }, 'clearing.incomplete'],
  ])('is found out when %j was told of it', async (told, code) => {
    expect(await verify(clearingLedger(told), 3)).toMatchObject([{ fault: { code } }]);
  });

  it('is not told of where a block is missing, or was never decided', async () => {
    const ledger = clearingLedger();
    await expect(verify(ledger, 4)).rejects.toMatchObject({ code: 'light.missing' });
    const other = clearingLedger({ volumeWh: '1' });
    const mixed = async (at: number): Promise<Uint8Array | undefined> =>
      (at === 3 ? other.blocks : ledger.blocks)[at - 1]?.record.map((byte, i, all) =>
        at === 3 && i === all.length - 2 ? byte ^ 1 : byte,
      );
    await expect(verifyClearings(mixed, genesisAnchor(ledger.file), 3)).rejects.toMatchObject({ height: 3 });
  });
});
