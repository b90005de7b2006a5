import { formatTime, millis } from '@gridtokenx/kernel';
import { TREASURY_ACCOUNT, type Operation } from '@gridtokenx/protocol';
import { gridAmount } from '@gridtokenx/testkit';
import { describe, expect, it } from '@jest/globals';
import { GovernanceWorld, MINUTE, told, voteOf, whole } from '../spec/governance-world.spec.js';
import { keyOf } from '../spec/public-world.spec.js';

/** A ledger whose treasury has so much; nothing costs a fee. */
function worldOf(treasury: number, parameters = {}): GovernanceWorld {
  const world = new GovernanceWorld({
    accounts: { ann: 20_000, bob: 5_000 },
    parameters: { 'grid.feeBase': '0', 'grid.feePerByte': '0', 'treasury.burnShare': 0, ...parameters },
  });
  if (treasury > 0) world.must('ann', { type: 'grid.transfer', to: TREASURY_ACCOUNT, amount: gridAmount(treasury) });
  return world;
}
const spend = (grid: number, more: { beneficiary?: string; validFrom?: string } = {}): Operation => ({
  type: 'treasury.spend',
  beneficiary: keyOf('bob'),
  amount: gridAmount(grid),
  ...more,
});
const treasuryOf = (world: GovernanceWorld): bigint => world.ledger.state.grid.total(TREASURY_ACCOUNT);

describe('the treasury', () => {
  it('spends what a referendum of its track has decided', () => {
    const world = worldOf(1_000);
    const referendum = world.proposePlaced('ann', 'treasury', spend(700));
    world.must('ann', voteOf(referendum, true, 1, whole(15_000)));
    const events = world.during(12 * MINUTE);
    expect(told(events, 'treasury.spendApproved')).toMatchObject([{ spend: 1, amount: gridAmount(700) }]);
    expect(told(events, 'treasury.spent')).toEqual([
      { type: 'treasury.spent', spend: 1, beneficiary: keyOf('bob'), amount: gridAmount(700) },
    ]);
    expect(world.available('bob')).toBe(whole(5_700));
    expect(treasuryOf(world)).toBe(whole(300));
    expect(world.ledger.state.treasury.spends.rows.size).toBe(0);
  });

  it('spends for nobody else, no more than the maximum unless root says so, and to nobody who cannot be paid', () => {
    const world = worldOf(1_000, { 'treasury.spendMax': gridAmount(10) });
    expect(world.refusal('ann', spend(1))).toBe('key.notAuthorised');
    expect(world.asTrack('marketPolicy', spend(1)).code).toBe('key.notAuthorised');
    expect(world.asTrack('treasury', spend(11)).code).toBe('treasury.aboveMaximum');
    expect(world.asTrack('treasury', spend(1, { beneficiary: TREASURY_ACCOUNT })).code).toBe('grid.sameAccount');
    expect(world.asTrack('treasury', spend(1, { beneficiary: 'a'.repeat(32) })).code).toBe('grid.unknownAccount');
    expect(world.ledger.state.treasury.spends.rows.size).toBe(0);
    expect(told(world.asTrack('treasury', spend(10)).events, 'treasury.spent')).toHaveLength(1);
    expect(told(world.asTrack('root', spend(11)).events, 'treasury.spent')).toHaveLength(1);
    // Less than an account must have opens none.
    const small: Operation = { type: 'treasury.spend', beneficiary: keyOf('new'), amount: '1' };
    expect(told(world.asTrack('treasury', small).events, 'treasury.spendDropped')).toMatchObject([
      { code: 'grid.belowMinimum' },
    ]);
    expect(treasuryOf(world)).toBe(whole(979));
    const raise: Operation = { type: 'parameters.set', name: 'treasury.spendMax', value: '"99"' };
    expect(world.asTrack('treasury', raise).code).toBe('key.notAuthorised');
  });

  it('pays from the moment that was asked for on, in the order of the moments', () => {
    const world = worldOf(1_000);
    const at = (ms: number): string => formatTime(millis(world.ledger.time + ms));
    world.asTrack('treasury', spend(1, { validFrom: at(20 * MINUTE) }));
    world.asTrack('treasury', spend(2, { validFrom: at(10 * MINUTE) }));
    expect(told(world.after(9 * MINUTE), 'treasury.spent')).toEqual([]);
    expect(told(world.after(20 * MINUTE), 'treasury.spent').map((spent) => spent.spend)).toEqual([2, 1]);
  });

  it('that has too little pays when a period ends, first those that were decided first', () => {
    const world = worldOf(5, { 'treasury.periodBlocks': 20 });
    const waits = [spend(20), spend(7), spend(6)].flatMap((one) => world.asTrack('treasury', one).events);
    expect(told(waits, 'treasury.spendWaits').map((one) => one.spend)).toEqual([1, 2, 3]);
    world.must('ann', { type: 'grid.transfer', to: TREASURY_ACCOUNT, amount: gridAmount(9) });
    const paid: number[] = [];
    while (world.ledger.height < 20) {
      expect(paid).toEqual([]);
      paid.push(...told(world.after(1), 'treasury.spent').map((one) => one.spend));
    }
    // The first is more than there is: it does not keep the others from what is there.
    expect(paid).toEqual([2, 3]);
    expect(treasuryOf(world)).toBe(whole(1));
    world.restart();
    world.must('ann', { type: 'grid.transfer', to: TREASURY_ACCOUNT, amount: gridAmount(19) });
    while (world.ledger.height < 40) paid.push(...told(world.after(1), 'treasury.spent').map((one) => one.spend));
    expect(paid).toEqual([2, 3, 1]);
    expect(treasuryOf(world)).toBe(0n);
  });

  it('burns its share each period, unless somebody waits to be paid, and the supply tells why it fell', () => {
    const world = worldOf(1_000, { 'treasury.periodBlocks': 10, 'treasury.burnShare': 10_000_000 });
    const { genesis, total } = world.ledger.state.grid.explainSupply();
    expect(total).toBe(genesis);
    const burned: string[] = [];
    while (world.ledger.height < 20)
      burned.push(...told(world.after(1), 'treasury.burned').map(({ amount }) => amount));
    expect(burned).toEqual([gridAmount(10), '9900000']);
    expect(world.ledger.state.grid.explainSupply()).toMatchObject({
      destroyed: { treasuryBurn: 19_900_000n },
      total: genesis - 19_900_000n,
    });
    world.asTrack('treasury', spend(2_000));
    while (world.ledger.height < 40) expect(told(world.after(1), 'treasury.burned')).toEqual([]);
  });
});
