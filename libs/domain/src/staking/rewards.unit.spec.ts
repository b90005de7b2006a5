import type { LedgerEvent, Operation } from '@gridtokenx/protocol';
import { TREASURY_ACCOUNT } from '@gridtokenx/protocol';
import { ONE_GRID } from '@gridtokenx/testkit';
import { describe, expect, it } from '@jest/globals';
import { GRID } from '../index.js';
import { keyOf } from '../spec/public-world.spec.js';
import { ofType, StakingWorld } from '../spec/staking-world.spec.js';

const four = { val0: 10_000, val1: 10_000, val2: 10_000, val3: 10_000 };
const nominators: Record<string, [number, ...string[]]> = { ann: [30_000, 'val0'], bob: [500, 'val0', 'val1'] };
const claim = (era: number, name: string): Operation => ({ type: 'staking.claim', era, validator: keyOf(name) });
const supplyOf = (world: StakingWorld): bigint => {
  const { genesis, minted, burned } = world.ledger.state.accounts.supply(GRID);
  return genesis + minted - burned;
};
const paidIn = (events: readonly LedgerEvent[]): bigint =>
  ofType(events, 'staking.rewarded')
    .flatMap(({ lines }) => lines)
    .reduce((sum, { reward }) => sum + BigInt(reward), 0n) +
  ofType(events, 'staking.validatorPaid').reduce(
    (sum, { forWork, residue }) => sum + BigInt(forWork) + BigInt(residue),
    0n,
  );

describe('an era that has ended', () => {
  it('has points for blocks proposed and voted for, of the set that the parent was of', () => {
    const world = new StakingWorld({ validators: four });
    for (let i = 0; i < 6; i++) world.block([], { proposer: i === 2 ? 1 : 0, parentSigners: [0, 1, 3] });
    expect(world.staking.points.get('0')).toEqual({ proposed: [5, 1, 0, 0], voted: [5, 5, 0, 5], certified: 5 });
    world.block([], { proposer: 2, parentSigners: [2] });
    expect(world.staking.points.get('0')).toEqual({ proposed: [5, 1, 0, 0], voted: [5, 5, 1, 5], certified: 6 });
    expect(world.staking.points.get('1')).toEqual({ proposed: [0, 0, 1, 0], voted: [0, 0, 0, 0], certified: 0 });
    expect(ofType(world.told, 'staking.eraEnded')[0]?.points).toBe(6 * 20 + 16);
  });

  it('issues by the curve, and all of it is paid: shares, rests and the treasury’s part', () => {
    const world = new StakingWorld({ validators: four, nominators });
    world.toPlace(1);
    const before = supplyOf(world);
    world.nextEra();
    for (let i = 0; i < 2; i++) world.block();
    const [ended] = ofType(world.told, 'staking.eraEnded');
    expect(ended).toMatchObject({ era: 0, lengthMs: 7 * 6_000 });
    const [maximum, payout, remainder] = [ended?.maximum, ended?.payout, ended?.remainder].map((text) =>
      BigInt(text ?? 0),
    );
    const shares = ofType(world.told, 'staking.validatorPaid').reduce((sum, { share }) => sum + BigInt(share), 0n);
    expect(paidIn(world.told)).toBe(shares);
    expect(shares + (remainder ?? 0n)).toBe(maximum);
    expect(shares).toBeLessThanOrEqual(payout ?? 0n);
    expect(supplyOf(world) - before).toBe(maximum);
  });

  it('is paid for the time that it took, but not for a halt', () => {
    const world = new StakingWorld({ validators: four });
    world.toPlace(3);
    world.block([], { afterMs: 86_400_000 });
    world.nextEra();
    expect(ofType(world.told, 'staking.eraEnded').map(({ lengthMs }) => lengthMs)).toEqual([2 * 6 * 6_000]);
  });

  it('bonds rewards, or pays them to whom the account says', () => {
    const world = new StakingWorld({ accounts: { cold: 1 }, validators: four, nominators });
    const stranger = '0'.repeat(32);
    expect(world.refusal('ann', { type: 'staking.setPayee', payee: { kind: 'account', account: stranger } })).toBe(
      'grid.unknownAccount',
    );
    world.must('ann', { type: 'staking.setPayee', payee: { kind: 'account', account: keyOf('cold') } });
    const [cold, bob] = [world.available('cold'), world.active('bob')];
    world.nextEra();
    world.block();
    const lines = ofType(world.told, 'staking.rewarded').flatMap((event) => event.lines);
    const rewardOf = (name: string): bigint =>
      lines.filter(({ account }) => account === keyOf(name)).reduce((sum, { reward }) => sum + BigInt(reward), 0n);
    expect(world.available('cold') - cold).toBe(rewardOf('ann'));
    expect(world.active('bob') - bob).toBe(rewardOf('bob'));
    expect(rewardOf('ann')).toBeGreaterThan(0n);
    expect(lines.find(({ account }) => account === keyOf('ann'))?.payee).toBe(keyOf('cold'));
    expect(world.active('ann')).toBe(30_000n * ONE_GRID);
  });

  it('is the treasury’s where an account has too little left to be one', () => {
    const world = new StakingWorld({ validators: four, nominators });
    world.toPlace(0);
    const { accounts, store } = world.ledger.state;
    const left = 5n;
    accounts.transfer(keyOf('bob'), TREASURY_ACCOUNT, GRID, world.available('bob') - left);
    world.staking.setBond(keyOf('bob'), { active: left, unbonding: [] });
    store.endBlock();
    // Each block audits that what is bonded is there.
    const { events } = world.block();
    const lines = ofType(events, 'staking.rewarded').flatMap((event) => event.lines);
    const ofBob = lines.filter(({ account }) => account === keyOf('bob'));
    expect(ofBob.map(({ payee }) => payee)).toEqual(ofBob.map(() => TREASURY_ACCOUNT));
    expect(ofBob.length).toBeGreaterThan(0);
    expect(world.bonded('bob')).toBe(left);
  });

  it('is paid once, whoever asks and when', () => {
    const world = new StakingWorld({ era: 3, validators: four, nominators });
    expect(world.refusal('ann', claim(0, 'val0'))).toBe('staking.nothingToPay');
    world.nextEra();
    expect(world.refusal('ann', claim(0, 'ann'))).toBe('staking.nothingToPay');
    expect(world.refusal('ann', claim(0, 'val0'))).toBe('staking.paidAlready');
    expect(
      ofType(world.told, 'staking.validatorPaid')
        .map(({ era, validator }) => `${era} ${validator}`)
        .sort(),
    ).toEqual(
      Object.keys(four)
        .map((name) => `0 ${keyOf(name)}`)
        .sort(),
    );
  });

  it('of many backers is paid over several blocks, and who asks is paid at once', () => {
    const world = new StakingWorld({ validators: four, nominators });
    for (let i = 0; i < 6; i++) world.block();
    // Something before it in the list of modules leaves three entries to each block.
    Object.assign(world.ledger.modules[0] ?? {}, {
      atStart: (context: { entriesLeft: number }) => {
        context.entriesLeft = 3;
      },
    });
    const paidIn = (events: readonly LedgerEvent[]): string[] =>
      ofType(events, 'staking.validatorPaid').map(({ validator }) => validator);
    const order = world.staking.eraKnown(0).members.map(({ account }) => account);
    const first = paidIn(world.block().events);
    expect(first.length).toBeGreaterThan(0);
    expect(first.length).toBeLessThan(4);
    expect(first).toEqual(order.slice(0, first.length));
    const last = order.at(-1) ?? '';
    const asked = world.must('ann', { type: 'staking.claim', era: 0, validator: last });
    expect(paidIn(asked)).toEqual([last]);
    expect(world.refusal('bob', { type: 'staking.claim', era: 0, validator: last })).toBe('staking.paidAlready');
    world.toPlace(0);
    expect(paidIn(world.told).sort()).toEqual([...order].sort());
  });

  it('tells each line with all that it takes to compute it again', () => {
    const world = new StakingWorld({ validators: four, nominators });
    world.nextEra();
    world.block();
    for (const paid of ofType(world.told, 'staking.validatorPaid')) {
      const share = (BigInt(paid.payout) * BigInt(paid.points)) / BigInt(paid.ofPoints);
      expect(BigInt(paid.share)).toBe(share);
      const lines = ofType(world.told, 'staking.rewarded')
        .filter(({ era, validator }) => era === paid.era && validator === paid.validator)
        .flatMap((event) => event.lines);
      for (const { stake, reward } of lines)
        expect(BigInt(reward)).toBe((BigInt(paid.forStakes) * BigInt(stake)) / BigInt(paid.exposure));
    }
  });

  it('is forgotten when nothing of it can be asked for any more', () => {
    const world = new StakingWorld({
      era: 3,
      validators: four,
      parameters: { 'staking.evidenceEras': 1, 'staking.slashDeferEras': 2, 'staking.bondingEras': 3 },
    });
    while (world.eraNow < 6) world.block();
    const { eras, points, payouts, exposures } = world.staking;
    const of = (table: { readonly rows: ReadonlyMap<string, unknown> }): number[] =>
      [...table.rows.keys()].map(Number).sort((a, b) => a - b);
    expect(of(eras)).toEqual([4, 5, 6, 7].slice(0, of(eras).length));
    expect(of(points)[0]).toBe(4);
    expect(of(payouts)[0]).toBe(4);
    expect(Math.min(...[...exposures.cells()].map(({ first }) => Number(first)))).toBe(4);
    expect(world.refusal('val0', claim(0, 'val0'))).toBe('staking.nothingToPay');
  });
});

it('the treasury has what is issued beyond the payout', () => {
  const world = new StakingWorld({ validators: four });
  const { accounts } = world.ledger.state;
  world.toPlace(0);
  const before = accounts.available(TREASURY_ACCOUNT, GRID);
  world.block();
  const [ended] = ofType(world.told, 'staking.eraEnded');
  expect(BigInt(ended?.remainder ?? 0)).toBeGreaterThan(0n);
  const residues = ofType(world.told, 'staking.validatorPaid').reduce((sum, { residue }) => sum + BigInt(residue), 0n);
  expect(accounts.available(TREASURY_ACCOUNT, GRID) - before).toBe(BigInt(ended?.remainder ?? 0) + residues);
});
