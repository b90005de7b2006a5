import type { Operation } from '@gridtokenx/protocol';
import { gridAmount, ONE_GRID } from '@gridtokenx/testkit';
import { describe, expect, it } from '@jest/globals';
import { keyOf } from '../spec/public-world.spec.js';
import { ofType, StakingWorld } from '../spec/staking-world.spec.js';

const bond = (whole: number): Operation => ({ type: 'staking.bond', amount: gridAmount(whole) });
const unbond = (whole: number): Operation => ({ type: 'staking.unbond', amount: gridAmount(whole) });
const short = { 'staking.evidenceEras': 1, 'staking.slashDeferEras': 2, 'staking.bondingEras': 3 };
const without = (text: string): string => `${text.slice(0, -1)}${text.endsWith('A') ? 'B' : 'A'}`;

describe('a bond', () => {
  it('is of what an account has and has not bonded, and locks it', () => {
    const world = new StakingWorld({ accounts: { ann: 1_000 } });
    expect(world.refusal('ann', bond(9))).toBe('staking.belowMinimum');
    expect(world.refusal('ann', bond(1_000))).toBe('staking.insufficientBalance');
    expect(world.must('ann', bond(600))).toContainEqual(
      expect.objectContaining({ type: 'staking.bonded', active: gridAmount(600) }),
    );
    expect(world.refusal('ann', bond(400))).toBe('staking.insufficientBalance');
    world.bond('ann', 300);
    expect(world.active('ann')).toBe(900n * ONE_GRID);
    const transfer: Operation = { type: 'grid.transfer', to: keyOf('val'), amount: gridAmount(101) };
    expect(world.refusal('ann', transfer)).toBe('grid.insufficientBalance');
  });

  it('may be of coins that are locked for something else: locks overlay', () => {
    const world = new StakingWorld({ accounts: { ann: 1_000 } });
    const { grid, store } = world.ledger.state;
    grid.lock(keyOf('ann'), 'other', 900n * ONE_GRID);
    store.endBlock();
    world.bond('ann', 950);
    expect(grid.spendable(keyOf('ann'), world.ledger.time)).toBeLessThan(50n * ONE_GRID);
    expect(grid.spendable(keyOf('ann'), world.ledger.time)).toBeGreaterThan(49n * ONE_GRID);
  });

  it('leaves in chunks, comes back, and is free after the bonding period', () => {
    const world = new StakingWorld({ accounts: { ann: 1_000 }, parameters: short });
    expect(world.refusal('ann', unbond(1))).toBe('staking.notBonded');
    world.bond('ann', 500);
    expect(world.refusal('ann', unbond(501))).toBe('staking.insufficientBond');
    expect(world.refusal('ann', unbond(495))).toBe('staking.belowMinimum');
    expect(ofType(world.must('ann', unbond(300)), 'staking.unbonded')).toEqual([
      { type: 'staking.unbonded', account: keyOf('ann'), amount: gridAmount(300), active: gridAmount(200), until: 3 },
    ]);
    expect(world.refusal('ann', { type: 'staking.rebond', amount: gridAmount(301) })).toBe(
      'staking.insufficientUnbonding',
    );
    world.must('ann', { type: 'staking.rebond', amount: gridAmount(100) });
    expect([world.active('ann'), world.bonded('ann')]).toEqual([300n * ONE_GRID, 500n * ONE_GRID]);
    expect(world.refusal('ann', { type: 'staking.withdraw' })).toBe('staking.nothingToWithdraw');
    while (world.eraNow < 3) world.block();
    expect(world.must('ann', { type: 'staking.withdraw' })).toContainEqual(
      expect.objectContaining({ type: 'staking.withdrawn', amount: gridAmount(200) }),
    );
    expect(world.bonded('ann')).toBe(300n * ONE_GRID);
    expect(world.ledger.state.grid.locks.get(keyOf('ann'))?.standing).toEqual([
      { reason: 'staking', amount: 300n * ONE_GRID },
    ]);
  });

  it('of one that stands stays a validator’s, and is forgotten with its key when all of it is gone', () => {
    const names = { val: 10_000, vic: 10_000, vet: 12_000 };
    const world = new StakingWorld({ validators: names, parameters: short });
    expect(world.refusal('vet', unbond(2_001))).toBe('staking.belowValidatorBond');
    world.must('vet', unbond(2_000));
    world.must('vet', { type: 'staking.chill' });
    world.must('vet', unbond(10_000));
    while (world.eraNow < 3) world.block();
    const { events } = world.block([world.envelope('vet', [{ type: 'staking.withdraw' }])]);
    expect(ofType(events, 'staking.keyRetired').map(({ key }) => key)).toEqual([keyOf('vet/signs')]);
    expect(world.staking.candidates.has(keyOf('vet')) || world.staking.bonds.has(keyOf('vet'))).toBe(false);
    expect(world.refusal('val', world.validate('val', 'vet/signs'))).toBe('staking.keyInUse');
  });
});

describe('a nomination', () => {
  const world = new StakingWorld({
    accounts: {
      ann: 1_000,
      bob: 1_000,
      ...Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`c${i}`, 20_000])),
    },
    validators: { val: 10_000, vic: 10_000 },
  });

  it('is of candidates, each once, not of oneself, and of no more than sixteen', () => {
    expect(world.refusal('ann', world.nominate('ann', 'val'))).toBe('staking.notBonded');
    world.bond('ann', 500);
    expect(world.refusal('ann', world.nominate('ann', 'val', 'bob'))).toBe('staking.notACandidate');
    expect(world.refusal('ann', world.nominate('ann', 'val', 'val'))).toBe('staking.targetTwice');
    expect(world.refusal('ann', world.nominate('ann', 'val', 'ann'))).toBe('staking.selfNomination');
    const many = Array.from({ length: 17 }, (_, i) => `c${i}`);
    expect(world.refusal('ann', world.nominate('ann', ...many))).toBe('staking.tooManyTargets');
    expect(world.staking.nominations.has(keyOf('ann'))).toBe(false);
    world.must('ann', world.nominate('ann', 'vic', 'val'));
    expect(world.staking.nominations.get(keyOf('ann'))?.targets).toEqual([keyOf('vic'), keyOf('val')]);
  });

  it('is not of who stands, nor may who nominates stand', () => {
    expect(world.refusal('val', world.nominate('val', 'vic'))).toBe('staking.isCandidate');
    const rich = new StakingWorld({ accounts: { ann: 20_000 } });
    rich.bond('ann', 10_000);
    rich.must('ann', rich.nominate('ann', 'val'));
    expect(rich.refusal('ann', rich.validate('ann'))).toBe('staking.isNominator');
    rich.must('ann', { type: 'staking.chill' });
    expect(rich.refusal('ann', { type: 'staking.chill' })).toBe('staking.nothingToChill');
    rich.must('ann', rich.validate('ann'));
  });

  it('is refused while governance has closed nominations', () => {
    const closed = new StakingWorld({ accounts: { ann: 1_000 }, parameters: { 'switches.nominations': false } });
    closed.bond('ann', 100);
    expect(closed.refusal('ann', closed.nominate('ann', 'val'))).toBe('parameters.closed');
  });
});

describe('a candidate', () => {
  it('has a validator’s bond, and a key that someone holds and nobody has used', () => {
    const world = new StakingWorld({ accounts: { ann: 20_000, bob: 20_000 } });
    world.bond('ann', 9_999);
    expect(world.refusal('ann', world.validate('ann'))).toBe('staking.belowValidatorBond');
    world.bond('ann', 10);
    const good = world.validate('ann');
    if (good.type !== 'staking.validate') throw new Error('an operation');
    expect(world.refusal('ann', { ...good, proof: without(good.proof) })).toBe('staking.badProof');
    expect(world.refusal('ann', world.validate('ann', 'ann/signs', 0, 'bob'))).toBe('staking.badProof');
    for (const signer of ['ann', 'bob', 'val/signs'])
      expect(world.refusal('ann', world.validate('ann', signer))).toBe('staking.keyInUse');
    expect(world.refusal('ann', { ...good, key: 'A'.repeat(43) })).toBe('staking.unacceptableKey');
    expect(world.must('ann', good)).toContainEqual(
      expect.objectContaining({ type: 'staking.stood', key: keyOf('ann/signs') }),
    );
    const { validators, keys } = world.ledger.state;
    expect(validators.validators.get(keyOf('ann/signs'))?.organisation).toBe(keyOf('ann'));
    expect(keys.get(keyOf('ann/signs'))?.account).toBe('');
    world.must('ann/signs', { type: 'validators.rejoin', validator: keyOf('ann/signs'), nonce: 'ab'.repeat(32) });
  });

  it('changes its commission within limits, also over a chill', () => {
    const world = new StakingWorld({ parameters: { 'staking.minimumCommission': 10_000_000 } });
    const set = (commission: number): Operation => ({ type: 'staking.setCommission', commission });
    expect(world.refusal('val', set(9_999_999))).toBe('staking.commissionRange');
    expect(world.refusal('val', set(50_000_001))).toBe('staking.commissionChange');
    world.must('val', set(50_000_000));
    world.must('val', { type: 'staking.chill' });
    expect(world.refusal('val', set(20_000_000))).toBe('staking.notStanding');
    expect(world.refusal('val', world.validate('val', 'val/signs', 60_000_000))).toBe('staking.commissionChange');
    world.nextEra();
    world.must('val', world.validate('val', 'val/signs', 60_000_000));
  });

  it('rotates its key with an era, and the old one signs nothing any more', () => {
    const world = new StakingWorld({ validators: { val: 10_000, vic: 10_000 } });
    const rotate = (signer: string): Operation => {
      const { key, proof } = world.validate('val', signer) as Extract<Operation, { type: 'staking.validate' }>;
      return { type: 'staking.rotateKey', key, proof };
    };
    expect(world.refusal('val', rotate('val/signs'))).toBe('staking.keyInUse');
    world.must('val', rotate('val/second'));
    // One that was never in a set goes at once.
    expect(ofType(world.must('val', rotate('val/third')), 'staking.keyRetired').map(({ key }) => key)).toEqual([
      keyOf('val/second'),
    ]);
    const events = world.nextEra();
    expect(ofType(events, 'staking.keyRetired').map(({ key }) => key)).toEqual([keyOf('val/signs')]);
    const signers = world.ledger.state.validators.members().map(([key]) => key);
    expect(signers.sort()).toEqual([keyOf('val/third'), keyOf('vic/signs')].sort());
    expect(ofType(events, 'validators.setFixed').map(({ epoch }) => epoch)).toEqual([1]);
    expect(() =>
      world.ask('val/signs', { type: 'validators.rejoin', validator: keyOf('val/signs'), nonce: 'ab'.repeat(32) }),
    ).toThrow('operation.keyRemoved');
  });
});
