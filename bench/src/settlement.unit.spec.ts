import { describe, expect, it } from '@jest/globals';
import { compareWithLedger, runSettlementBench } from './settlement.js';

describe('a day of meters', () => {
  it('that goes through the ledger gives the statements that it gives as it streams by', () => {
    const { equal, trades, statements } = compareWithLedger(40, 40, 400);
    expect(equal).toBe(true);
    expect([trades > 100, statements]).toEqual([true, 41]);
  });

  it('is settled the same each time, and leaves nothing unexplained', async () => {
    const [first, again] = await Promise.all([runSettlementBench([200]), runSettlementBench([200])]);
    expect(first.digest).toBe(again.digest);
    expect([first.unexplained, first.positions, first.shortfalls > 0]).toEqual([0, 19_200, true]);
  });
});
