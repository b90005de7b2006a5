import { describe, expect, it } from '@jest/globals';
import type { ComputedStatement } from './check/check.js';
import { marketLines, statementLines } from './statements.js';

const NOTHING = {
  export: 0n,
  import: 0n,
  sold: 0n,
  bought: 0n,
  used: 0n,
  surplus: 0n,
  expired: 0n,
  retail: 0n,
  earned: 0n,
  spent: 0n,
  charged: 0n,
  feed_in: 0n,
  amount: 0n,
};
const twice = (
  title: string,
  first: Partial<ComputedStatement>,
  corrected: Partial<ComputedStatement> = first,
): ComputedStatement[] =>
  [first, corrected].map((sums, i) => ({
    kind: 'participant',
    ...NOTHING,
    ...sums,
    title,
    account: title,
    version: i + 1,
  }));

describe('statements', () => {
  it('of some participants, of all whom a correction concerns, and of utilities that had anything to do', () => {
    const quiet = Array.from({ length: 6 }, (_, i) => twice(`quiet-${i}`, {})).flat();
    const lines = statementLines([
      ...quiet,
      ...twice('seller', { export: 1_000n, amount: 2_785_001n }, { export: 700n, amount: -1n }),
      ...twice('buyer', { import: 900n, used: 600n }, { import: 900n, used: 100n }),
      ...twice('wires', { kind: 'utility', charged: 7n, amount: 7n }),
      ...twice('idle', { kind: 'utility' }),
    ]);
    expect(lines.map((line) => line.split('  ').find((cell) => cell !== ''))).toEqual([
      'statement',
      'quiet-0',
      'quiet-1',
      'quiet-2',
      'quiet-3',
      'seller',
      'corrected',
      'buyer',
      'corrected',
      'wires',
    ]);
    expect(lines.find((line) => line.startsWith('seller'))).toMatch(/ 1\.000 .* 2\.785001$/);
    expect(lines.find((line) => line.startsWith('  corrected'))).toMatch(/ 0\.700 .* -0\.000001$/);
    expect(new Set(lines.map(({ length }) => length)).size).toBe(1);
  });

  it('and what was traded how, with the energy of each operator', () => {
    const lines = marketLines({
      markets: [{ mechanism: 'auction', phase: 'spot', trades: 3n, between: 1n, wh: 386n, money: 999_740n }],
      controls: [
        { operator: 'wires', minted: 5n, moved_in: 0n, moved_out: 1n, retired: 4n, expired: 0n, unexplained: 0n },
      ],
    });
    expect(lines[1]?.split(/ {2,}/)).toEqual(['auction, spot', '3', '1', '0.386', '0.999740']);
    expect(lines[4]?.split(/ {2,}/)).toEqual(['wires', '0.005', '0.000', '0.001', '0.004', '0.000', '0.000']);
  });
});
