import { utf8 } from '@gridtokenx/kernel';
import { describe, expect, it } from '@jest/globals';
import { memoryFiles, type TestLedger } from '../fixture.spec.js';
import { clearingLedger } from '../told-clearing.spec.js';
import type { Io } from './io.js';
import { main } from './main.js';

/** A gateway that serves the records of the blocks, and what the command line says. */
async function verify(
  ledger: TestLedger,
  ...more: readonly string[]
): Promise<{ code: number; out: string; error: string }> {
  const said = { out: '', error: '' };
  const io: Io = {
    platform: {
      fetch: async (url) => {
        const [, height] = /^http:\/\/gateway\/v1\/blocks\/(\d+)\/record$/.exec(url) ?? [];
        const record = ledger.blocks[Number(height) - 1]?.record;
        const bytes = record ?? utf8(JSON.stringify({ code: 'block.unknown' }));
        return {
          status: record === undefined ? 404 : 200,
          headers: { get: () => null },
          arrayBuffer: async () => new Uint8Array(bytes).buffer,
        };
      },
      randomBytes: (length) => new Uint8Array(length),
      now: () => Date.UTC(2026, 5, 15) + 60_000,
      sleep: async () => {},
    },
    out: (text) => void (said.out += text),
    error: (text) => void (said.error += text),
    files: memoryFiles(new Map([['genesis.json', ledger.file]])),
  };
  const args = ['verify', 'clearing', '--genesis', 'genesis.json', '--url', 'http://gateway', ...more];
  return { code: await main(args, io), ...said };
}

describe('verify clearing', () => {
  it('says what was cleared, at what price, and that it is right', async () => {
    expect(await verify(clearingLedger(), '--height', '3')).toEqual({
      code: 0,
      out:
        'right: auction spot MEA-BKK-01 > MEA-BKK-01 2026-06-15T03:00:00Z/PT15M\n' +
        '  3.000 kWh at 4.20 THB/kWh, between 4.20 and 4.20\n' +
        '  1 bids, 2 asks, 2 trades, marginal rule time\n',
      error: '',
    });
    const json = await verify(clearingLedger(), '--height', '3', '--json');
    expect(JSON.parse(json.out)).toMatchObject({ valid: true, clearings: [{ priceTicks: 420 }] });
  });

  it('says what is wrong, by its code', async () => {
    const { code, error } = await verify(clearingLedger({ matchableWh: '4000' }), '--height', '3');
    expect([code, error]).toEqual([1, expect.stringMatching(/^auction\.wrongVolume: MEA-BKK-01 > MEA-BKK-01 /)]);
  });

  it('says so when nothing was cleared there, when the block is not there, and when it is no height', async () => {
    expect(await verify(clearingLedger(), '--height', '2')).toMatchObject({
      code: 1,
      error: 'clearing.none: nothing was cleared in block 2\n',
    });
    expect(await verify(clearingLedger(), '--height', '9')).toMatchObject({ code: 1 });
    expect(await verify(clearingLedger(), '--height', '03')).toMatchObject({ code: 2 });
  });
});
