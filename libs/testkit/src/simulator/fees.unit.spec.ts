import { rejected, type Envelope, type Genesis, type Outcome } from '@gridtokenx/protocol';
import { describe, expect, it } from '@jest/globals';
import { testPublicGenesis } from '../public-genesis.js';
import { feesFault } from './fees.js';

const genesis = testPublicGenesis({ timeMs: 0, validators: [], accounts: [] });
const envelope = (kid: string, operations: number, bytes: number): Envelope =>
  ({ kid, operations: Array.from({ length: operations }), bytes: new Uint8Array(bytes) }) as unknown as Envelope;
const done: Outcome = { v: 1, status: 'executed', events: [], postings: [], holds: [] };
const collected = (amount: number): Outcome => ({
  ...done,
  events: [{ type: 'grid.feesCollected', payers: 1, amount: String(amount) }],
});
const fault = (envelopes: readonly Envelope[], own: readonly Outcome[], ...hooks: readonly Outcome[]): unknown =>
  feesFault(
    genesis,
    envelopes,
    {
      told: [...own, ...hooks],
      outcomes: [...own.map(() => false), ...hooks.map(() => true)].map((hook) => ({ hook, bytes: new Uint8Array(0) })),
    },
    (kid) => kid !== 'signs blocks',
  );

describe('the fees of a block', () => {
  // By the parameters of tests: 1,000 for each operation and 1 for each byte.
  const envelopes = [envelope('ann', 2, 300), envelope('signs blocks', 1, 500), envelope('bob', 1, 200)];

  it('are what its envelopes cost, those of keys that sign blocks left out', () => {
    expect(fault(envelopes, [done, done, done, done], collected(2_300), collected(1_200))).toBeUndefined();
    expect(fault(envelopes, [done, done, done, done], collected(2_300))).toMatch(/cost 3500, and 2300 was collected/);
  });

  it('are those of refused operations too, unless they were refused for want of the fee', () => {
    const refused = rejected('grid.sameAccount');
    expect(fault(envelopes, [refused, done, done, refused], collected(3_500))).toBeUndefined();
    const unpaid = rejected('grid.feeUnpaid');
    expect(fault(envelopes, [unpaid, unpaid, done, done], collected(1_200))).toBeUndefined();
    expect(fault(envelopes, [unpaid, unpaid, done, done], collected(3_500))).toMatch(/cost 1200/);
  });

  it('are none on the consortium ledger', () => {
    expect(
      feesFault({ kind: 'consortium' } as Genesis, envelopes, { told: [], outcomes: [] }, () => true),
    ).toBeUndefined();
  });
});
