import { formatTime, millis } from '@gridtokenx/kernel';
import { TREASURY_ACCOUNT, type Operation } from '@gridtokenx/protocol';
import { gridAmount, TEST_PARAMETERS } from '@gridtokenx/testkit';
import { describe, expect, it } from '@jest/globals';
import {
  delegationOf,
  GovernanceWorld,
  hashOfCall,
  MINUTE,
  told,
  voteOf,
  whole,
} from '../spec/governance-world.spec.js';
import { keyOf } from '../spec/public-world.spec.js';

const PEOPLE = { ann: 20_000, bob: 5_000, cy: 2_000, dan: 1_000 };
const FLAT = { 'grid.feeBase': '0', 'grid.feePerByte': '0' };
const worldOf = (parameters = {}, accounts = PEOPLE): GovernanceWorld =>
  new GovernanceWorld({ accounts, parameters: { ...FLAT, ...parameters } });

const target = (value: number): Operation => ({
  type: 'parameters.set',
  name: 'policy.renewableShareTarget',
  value: String(value),
});
const fee = (value: string): Operation => ({
  type: 'parameters.set',
  name: 'grid.feeBase',
  value: JSON.stringify(value),
});

describe('the renewable-energy policy proposal', () => {
  it('runs from submission through votes with convictions and its timelock to enactment', () => {
    const world = worldOf();
    const { parameters, grid } = world.ledger.state;
    expect(parameters.get('policy.renewableShareTarget')).toBe(3_000);
    const before = world.available('ann');
    const policy = world.propose('ann', 'marketPolicy', target(4_500));
    expect(world.refusal('bob', voteOf(policy, true, 1, whole(1)))).toBe('governance.notPlaced');
    const placed = world.must('ann', { type: 'governance.placeDeposit', referendum: policy });
    expect(told(placed, 'governance.placed')).toHaveLength(1);
    const held = grid.total(keyOf('ann')) - world.available('ann');
    const call = JSON.stringify(target(4_500));
    expect(held).toBe(whole(110) + 10_000n * BigInt(call.length));

    const voted = world.must('ann', voteOf(policy, true, 1, whole(10_000)));
    expect(told(voted, 'governance.tallied')).toMatchObject([
      { ayes: gridAmount(10_000), nays: '0', support: gridAmount(10_000), electorate: gridAmount(38_001) },
    ]);
    world.must('bob', voteOf(policy, true, 6, whole(1_000)));
    world.must('cy', voteOf(policy, false, 2, whole(500)));
    world.must('dan', {
      type: 'governance.vote',
      referendum: policy,
      vote: { kind: 'split', aye: '0', nay: gridAmount(10), abstain: gridAmount(100) },
    });
    expect(world.row(policy).tally).toEqual({
      ayes: whole(16_000),
      nays: whole(1_001),
      support: whole(11_100),
    });

    const { submittedAt } = world.row(policy).referendum;
    const decided = world.after(2 * MINUTE);
    expect(told(decided, 'governance.phaseBegan')).toMatchObject([
      { phase: 'deciding', at: formatTime(millis(submittedAt + MINUTE)) },
    ]);
    // 29 % of the electorate is enough from 43 % of the ten minutes on, where 79 % of the votes are enough.
    const confirming = told(world.during(4 * MINUTE), 'governance.phaseBegan');
    expect(confirming).toMatchObject([{ phase: 'confirming' }]);
    const confirmingSince = Date.parse(confirming[0]?.at ?? '');
    expect(Math.round((100 * (confirmingSince - submittedAt - MINUTE)) / (10 * MINUTE))).toBe(43);
    const approvedAt = confirmingSince + 2 * MINUTE;
    expect(told(world.after(approvedAt - 1 - world.ledger.time), 'governance.approved')).toEqual([]);
    const approvedBy = world.after(1);
    const [approved] = told(approvedBy, 'governance.approved');
    expect(approved).toMatchObject({
      at: formatTime(millis(approvedAt)),
      enactAt: formatTime(millis(approvedAt + MINUTE)),
      ayes: gridAmount(16_000),
    });
    expect(told(approvedBy, 'governance.depositSettled')).toMatchObject([
      { deposit: 'submission', account: keyOf('ann'), amount: gridAmount(10), forfeited: false },
      { deposit: 'decision', account: keyOf('ann'), amount: gridAmount(100), forfeited: false },
    ]);
    expect(parameters.get('policy.renewableShareTarget')).toBe(3_000);

    expect(told(world.after(MINUTE - 1), 'governance.enacted')).toEqual([]);
    const enacted = world.after(1);
    expect(told(enacted, 'parameters.changed')).toMatchObject([
      { name: 'policy.renewableShareTarget', before: '3000', after: '4500' },
    ]);
    expect(told(enacted, 'governance.enacted')).toEqual([
      { type: 'governance.enacted', referendum: policy, callHash: hashOfCall(call), operation: expect.any(String) },
    ]);
    expect(parameters.get('policy.renewableShareTarget')).toBe(4_500);
    expect(world.ledger.state.governance.referendum(policy)).toBeUndefined();
    expect(world.available('ann')).toBe(before);
    // Who won stands by it for as long as it said; who lost is free.
    expect(world.spendable('ann')).toBe(whole(10_000));
    expect(world.spendable('bob')).toBe(whole(4_000));
    expect(world.spendable('cy')).toBe(whole(2_000));
    expect(world.refusal('cy', voteOf(policy, true, 1, whole(1)))).toBe('governance.ended');
  });

  it('keeps the terms and the lock period that stood when it was submitted', () => {
    const world = worldOf();
    const policy = world.proposePlaced('ann', 'marketPolicy', target(4_500));
    const { terms } = world.row(policy);
    const tracks = TEST_PARAMETERS['governance.tracks'];
    const longer = { ...tracks, marketPolicy: { ...tracks.marketPolicy, confirmMs: 9 * MINUTE, decisionDeposit: '7' } };
    const set: Operation = { type: 'parameters.set', name: 'governance.tracks', value: JSON.stringify(longer) };
    expect(world.asTrack('root', set).code).toBeUndefined();
    const lock: Operation = { type: 'parameters.set', name: 'governance.lockPeriodMs', value: '1' };
    expect(world.asTrack('root', lock).code).toBeUndefined();
    world.must('ann', voteOf(policy, true, 1, whole(15_000)));
    expect(world.row(policy).terms).toEqual(terms);
    expect(world.row(world.propose('ann', 'marketPolicy', target(4_600))).terms).toEqual(longer.marketPolicy);
    const ended = world.during(15 * MINUTE);
    const [approved] = told(ended, 'governance.approved');
    const until = formatTime(millis(Date.parse(approved?.at ?? '') + 10 * MINUTE));
    expect(told(ended, 'governance.capitalLocked')).toMatchObject([{ until }]);
  });
});

describe('a preimage', () => {
  const call = JSON.stringify(fee('2000'));
  const note = (text: string, callHash = hashOfCall(text)): Operation => ({
    type: 'governance.notePreimage',
    callHash,
    call: text,
  });

  it('is the text of an operation, under the hash of its bytes and a deposit of its size', () => {
    const world = worldOf();
    expect(world.refusal('ann', note(call, hashOfCall(`${call} `)))).toBe('governance.preimageMismatch');
    for (const text of [
      '{}',
      'nothing',
      '{"type":"market.cancelOrder","order":"00"}',
      `${call.slice(0, -1)},"more":1}`,
    ])
      expect(world.refusal('ann', note(text))).toBe('governance.badCall');
    expect(world.ledger.state.governance.preimages.rows.size).toBe(0);
    world.must('ann', note(call));
    expect(world.available('ann')).toBe(whole(20_000) - 10_000n * BigInt(call.length));
    expect(world.refusal('bob', note(call))).toBe('governance.preimageNoted');
    const poor = worldOf({ 'governance.preimageDepositPerByte': gridAmount(100) }, { ...PEOPLE, dan: 99 });
    expect(poor.refusal('dan', note(call))).toBe('grid.insufficientBalance');
  });

  it('is taken back by its owner once no referendum that could do it names it', () => {
    const world = worldOf();
    const refund: Operation = { type: 'governance.refundDeposit', callHash: hashOfCall(call) };
    expect(world.refusal('ann', refund)).toBe('governance.unknownPreimage');
    const referendum = world.propose('ann', 'root', fee('2000'));
    expect(world.refusal('bob', refund)).toBe('key.notAuthorised');
    expect(world.refusal('ann', refund)).toBe('governance.preimageInUse');
    world.asTrack('root', { type: 'governance.cancel', referendum, asSpam: false });
    world.must('ann', refund);
    expect(world.available('ann')).toBe(whole(20_000));
    expect(world.refusal('ann', refund)).toBe('governance.unknownPreimage');
  });
});

describe('a referendum', () => {
  it('is proposed under a deposit, ten by one account at once', () => {
    const world = worldOf();
    for (let n = 0; n < 10; n++) world.propose('ann', 'root', fee(String(n)));
    expect(world.refusal('ann', { type: 'governance.propose', track: 'root', callHash: hashOfCall('x') })).toBe(
      'governance.tooManyReferenda',
    );
    const poor = worldOf({}, { ...PEOPLE, dan: 9 });
    expect(poor.refusal('dan', { type: 'governance.propose', track: 'root', callHash: hashOfCall('x') })).toBe(
      'grid.insufficientBalance',
    );
    world.asTrack('root', { type: 'governance.cancel', referendum: 3, asSpam: false });
    expect(world.propose('ann', 'root', fee('10'))).toBe(11);
    expect(world.refusal('ann', { type: 'governance.placeDeposit', referendum: 12 })).toBe(
      'governance.unknownReferendum',
    );
  });

  it('is proposed without a deposit by who has enough at stake', () => {
    const world = new GovernanceWorld({
      accounts: { eve: 5_000, fay: 5_000 },
      nominators: { eve: [1_000, 'val'], fay: [999, 'val'] },
      parameters: { ...FLAT, 'governance.preimageDepositPerByte': '0' },
    });
    const held = (name: string): bigint =>
      world.ledger.state.grid.total(keyOf(name)) - world.ledger.state.accounts.available(keyOf(name), 'GRID');
    world.propose('eve', 'marketPolicy', target(1));
    world.propose('fay', 'marketPolicy', target(1));
    expect([held('eve'), held('fay')]).toEqual([0n, whole(10)]);
    // What leaves the stake is no stake any more.
    world.must('eve', { type: 'staking.unbond', amount: gridAmount(1) });
    world.propose('eve', 'marketPolicy', target(1));
    expect(held('eve')).toBe(whole(10));
    // Stake votes: the two locks overlay.
    world.must('eve', { type: 'governance.placeDeposit', referendum: 1 });
    world.must('eve', voteOf(1, true, 1, whole(800)));
    expect(world.spendable('eve')).toBe(world.available('eve') - whole(1_000));
    world.must('eve', voteOf(1, true, 1, whole(3_000)));
    expect(world.spendable('eve')).toBe(world.available('eve') - whole(3_000));
  });

  it('has one decision deposit, and waits for a place behind those that had theirs before', () => {
    const tracks = TEST_PARAMETERS['governance.tracks'];
    const world = worldOf({ 'governance.tracks': { ...tracks, root: { ...tracks.root, decidingMax: 1 } } });
    const [one, two, three] = [1, 2, 3].map((n) => world.propose('ann', 'root', fee(String(n)))) as [
      number,
      number,
      number,
    ];
    expect(world.refusal('dan', { type: 'governance.placeDeposit', referendum: 4 })).toBe(
      'governance.unknownReferendum',
    );
    world.must('ann', { type: 'governance.placeDeposit', referendum: one });
    expect(world.refusal('bob', { type: 'governance.placeDeposit', referendum: one })).toBe('governance.depositPlaced');
    expect(
      told(world.must('bob', { type: 'governance.placeDeposit', referendum: three }), 'governance.placed'),
    ).toEqual([]);
    world.must('bob', { type: 'governance.placeDeposit', referendum: two });
    expect(world.refusal('bob', voteOf(three, true, 0, 1n))).toBe('governance.notPlaced');
    const { events } = world.asTrack('root', { type: 'governance.cancel', referendum: one, asSpam: false });
    expect(told(events, 'governance.placed')).toEqual([{ type: 'governance.placed', referendum: three }]);
    world.must('bob', voteOf(three, true, 0, 10n));
    // The third is decided for ten minutes, and the second has no place when its twenty minutes are over.
    world.after(5 * MINUTE);
    const more = { ...tracks, root: { ...tracks.root, decidingMax: 2 } };
    world.asTrack('root', { type: 'parameters.set', name: 'governance.tracks', value: JSON.stringify(more) });
    expect(world.row(two).referendum.placedAt).toBe(world.ledger.time);
  });

  it('that has no deposit or no place in time is rejected, and its deposits come back', () => {
    const tracks = TEST_PARAMETERS['governance.tracks'];
    const world = worldOf({
      'governance.tracks': { ...tracks, root: { ...tracks.root, decidingMax: 1, decisionMs: 60 * MINUTE } },
    });
    world.proposePlaced('ann', 'root', fee('1'));
    const waits = world.proposePlaced('bob', 'root', fee('2'));
    const bare = world.propose('cy', 'root', fee('3'));
    const rejected = told(world.after(20 * MINUTE), 'governance.rejected');
    expect(rejected.map(({ referendum, why }) => [referendum, why])).toEqual([
      [waits, 'notDecided'],
      [bare, 'notDecided'],
    ]);
    const kept = (value: string): bigint => 10_000n * BigInt(JSON.stringify(fee(value)).length);
    expect(world.available('bob')).toBe(whole(5_000) - kept('2'));
    expect(world.available('cy')).toBe(whole(2_000) - kept('3'));
  });

  it('that is not passed at its end is rejected: who said no stands by it', () => {
    const world = worldOf();
    const referendum = world.proposePlaced('ann', 'marketPolicy', target(1));
    world.must('ann', voteOf(referendum, false, 1, whole(5_000)));
    world.must('bob', voteOf(referendum, true, 1, whole(1_000)));
    const events = world.after(12 * MINUTE);
    expect(told(events, 'governance.rejected')).toMatchObject([
      { why: 'notPassed', ayes: gridAmount(1_000), nays: gridAmount(5_000) },
    ]);
    expect(told(events, 'governance.capitalLocked')).toMatchObject([
      { account: keyOf('ann'), amount: gridAmount(5_000) },
    ]);
    expect(world.spendable('bob')).toBe(whole(5_000));
    world.after(20 * MINUTE);
    expect(world.spendable('ann')).toBe(world.available('ann'));
    expect(world.ledger.state.parameters.get('policy.renewableShareTarget')).toBe(3_000);
  });

  it('is enacted when it asked to be, if that is later than its track says', () => {
    for (const more of [
      { enactAfterMs: 30 * MINUTE },
      { wantedAt: formatTime(millis(1_780_000_200_000 + 42 * MINUTE)) },
    ]) {
      const world = worldOf();
      const referendum = world.propose('ann', 'marketPolicy', target(1), more);
      world.must('ann', { type: 'governance.placeDeposit', referendum });
      world.must('ann', voteOf(referendum, true, 1, whole(19_000)));
      const [approved] = told(world.after(10 * MINUTE), 'governance.approved');
      const [at, enactAt] = [Date.parse(approved?.at ?? ''), Date.parse(approved?.enactAt ?? '')];
      expect(enactAt).toBe(more.wantedAt === undefined ? at + 30 * MINUTE : Date.parse(more.wantedAt));
      expect(told(world.after(enactAt - world.ledger.time - 1), 'governance.enacted')).toEqual([]);
      expect(told(world.after(1), 'governance.enacted')).toHaveLength(1);
    }
  });

  it('that asks for what it may not, for nothing known, or for what cannot be done changes nothing, and says why', () => {
    const pass = (world: GovernanceWorld, referendum: number): string | undefined => {
      world.must('ann', { type: 'governance.placeDeposit', referendum });
      world.must('ann', voteOf(referendum, true, 1, whole(19_000)));
      const [enacted] = told(world.during(5 * MINUTE), 'governance.enacted');
      expect(enacted).toBeDefined();
      return enacted?.code;
    };
    const world = worldOf();
    expect(pass(world, world.propose('ann', 'marketPolicy', fee('9')))).toBe('key.notAuthorised');
    expect(pass(world, world.propose('ann', 'marketPolicy', target(10_001)))).toBe('parameters.badValue');
    const pay: Operation = { type: 'grid.transfer', to: keyOf('bob'), amount: '1' };
    expect(pass(world, world.propose('ann', 'root', pay))).toBe('key.notAuthorised');
    const bare = world.must('ann', { type: 'governance.propose', track: 'root', callHash: hashOfCall('unknown') });
    expect(pass(world, told(bare, 'governance.proposed')[0]?.referendum ?? 0)).toBe('governance.unknownPreimage');
    expect(world.ledger.state.parameters.get('grid.feeBase')).toBe('0');
    expect(pass(world, world.propose('ann', 'root', fee('1')))).toBeUndefined();
    expect(world.ledger.state.parameters.get('grid.feeBase')).toBe('1');
  });
});

describe('the electorate', () => {
  it('that is counted anew changes nothing of what was before that moment', () => {
    const world = worldOf();
    world.must('ann', { type: 'grid.transfer', to: TREASURY_ACCOUNT, amount: gridAmount(10_000) });
    while (world.ledger.height < 101) world.after(1);
    expect(world.ledger.state.governance.electorate).toBe(whole(28_001));
    const referendum = world.proposePlaced('ann', 'marketPolicy', target(1));
    world.must('ann', voteOf(referendum, true, 1, whole(5_000)));
    while (world.ledger.height < 199) world.after(1);
    world.after(MINUTE);
    expect(world.row(referendum).referendum.phase.kind).toBe('deciding');
    const confirmsAt = world.row(referendum).dueAt ?? 0;
    world.next((context, { grid }) => {
      expect(grid.pay(context, TREASURY_ACCOUNT, keyOf('bob'), whole(10_000))).toBeUndefined();
      context.events.push({
        type: 'grid.transferred',
        from: TREASURY_ACCOUNT,
        to: keyOf('bob'),
        amount: gridAmount(10_000),
      });
    });
    // It passed with the electorate of the era that ends, and does not with that of the next, which this block begins.
    const counted = world.after(confirmsAt + 1_000 - world.ledger.time);
    // Rewards of an era of seconds are a fraction of a GRID.
    const [{ electorate } = { electorate: '0' }] = told(counted, 'governance.electorateCounted');
    expect(BigInt(electorate) / whole(1)).toBe(38_001n);
    expect(told(counted, 'governance.phaseBegan')).toMatchObject([
      { phase: 'confirming', at: formatTime(millis(confirmsAt)) },
      { phase: 'deciding' },
    ]);
    expect(world.row(referendum).dueAt).toBeGreaterThan(confirmsAt + 30_000);
  });
});

describe('a cancelled referendum', () => {
  const cancel = (referendum: number, asSpam = false): Operation => ({ type: 'governance.cancel', referendum, asSpam });

  it('is cancelled by root alone, frees all votes, and gives its deposits back unless it is spam', () => {
    const world = worldOf();
    const honest = world.proposePlaced('bob', 'marketPolicy', target(1));
    const spam = world.proposePlaced('cy', 'marketPolicy', target(2));
    world.must('ann', voteOf(honest, true, 6, whole(100)));
    expect(world.refusal('ann', cancel(honest))).toBe('key.notAuthorised');
    expect(world.asTrack('marketPolicy', cancel(honest)).code).toBe('key.notAuthorised');
    expect(world.asTrack('root', cancel(99)).code).toBe('governance.unknownReferendum');
    expect(world.asTrack('root', cancel(honest)).code).toBeUndefined();
    expect(world.locked('ann')).toBe(0n);
    expect(world.spendable('ann')).toBe(whole(20_000));
    const treasury = world.ledger.state.grid.total(TREASURY_ACCOUNT);
    const { events } = world.asTrack('root', cancel(spam, true));
    expect(told(events, 'governance.depositSettled')).toMatchObject([
      { deposit: 'submission', amount: gridAmount(10), forfeited: true },
      { deposit: 'decision', amount: gridAmount(100), forfeited: true },
    ]);
    expect(world.ledger.state.grid.total(TREASURY_ACCOUNT) - treasury).toBe(whole(110));
    expect(world.asTrack('root', cancel(spam)).code).toBe('governance.ended');
    expect(world.refusal('ann', voteOf(spam, true, 1, 10n))).toBe('governance.ended');
  });

  it('is never enacted, also where it had been approved', () => {
    const world = worldOf();
    const referendum = world.proposePlaced('ann', 'marketPolicy', target(1));
    world.must('ann', voteOf(referendum, true, 1, whole(19_000)));
    while (world.row(referendum).enactAt === undefined) world.block();
    expect(world.row(referendum).enactAt).toBeDefined();
    expect(world.asTrack('root', cancel(referendum)).code).toBeUndefined();
    expect(told(world.after(30 * MINUTE), 'governance.enacted')).toEqual([]);
    expect(world.ledger.state.governance.referendum(referendum)).toBeUndefined();
  });

  it('cannot be the one that asks for it', () => {
    const world = worldOf();
    const itself = world.proposePlaced('ann', 'root', cancel(1));
    expect(itself).toBe(1);
    world.must('ann', voteOf(itself, true, 1, whole(19_000)));
    expect(told(world.during(5 * MINUTE), 'governance.enacted')).toMatchObject([{ code: 'governance.ended' }]);
  });
});

describe('a vote', () => {
  it('is of what the account has, locked or not, and neither of what is on hold nor of what is owed', () => {
    const world = worldOf({ 'grid.feeBase': '1000' });
    const referendum = world.proposePlaced('ann', 'marketPolicy', target(1));
    expect(world.refusal('cy', voteOf(referendum, true, 1, whole(2_000)))).toBe('governance.insufficientBalance');
    world.must('cy', voteOf(referendum, true, 1, whole(2_000) - 2_000n));
    // What is locked by a vote may vote elsewhere; what is on hold may not.
    const other = world.proposePlaced('bob', 'treasury', fee('1'));
    expect(world.refusal('bob', voteOf(other, true, 1, whole(4_900)))).toBe('governance.insufficientBalance');
    expect(world.refusal('bob', voteOf(referendum, true, 1, '9'.repeat(30)))).toBe('governance.insufficientBalance');
    const empty: Operation = {
      type: 'governance.vote',
      referendum,
      vote: { kind: 'split', aye: '0', nay: '0', abstain: '0' },
    };
    expect(world.refusal('bob', empty)).toBe('governance.emptyVote');
    expect(world.refusal('bob', { type: 'governance.removeVote', referendum })).toBe('governance.noVote');
    expect(world.asTrack('root', voteOf(referendum, true, 1, 1n)).code).toBe('key.notAuthorised');
  });

  it('is one for each account: a second takes the place of the first', () => {
    const world = worldOf();
    const referendum = world.proposePlaced('ann', 'marketPolicy', target(1));
    world.together(['bob', voteOf(referendum, true, 6, whole(5_000))], ['bob', voteOf(referendum, true, 1, whole(10))]);
    expect(world.row(referendum).tally).toEqual({ ayes: whole(10), nays: 0n, support: whole(10) });
    world.must('bob', voteOf(referendum, false, 2, whole(20)));
    expect(world.row(referendum).tally).toEqual({ ayes: 0n, nays: whole(40), support: 0n });
    expect(world.locked('bob')).toBe(whole(20));
    world.must('bob', { type: 'governance.removeVote', referendum });
    expect(world.row(referendum).tally).toEqual({ ayes: 0n, nays: 0n, support: 0n });
    expect(world.locked('bob')).toBe(0n);
  });

  it('locks what it is of, beside what else is locked and never on top of it', () => {
    const world = worldOf();
    const one = world.proposePlaced('ann', 'marketPolicy', target(1));
    const two = world.proposePlaced('ann', 'root', fee('1'));
    world.next((_, { grid }) => grid.lock(keyOf('bob'), 'another reason', whole(3_000)));
    world.block();
    world.must('bob', voteOf(one, true, 1, whole(4_000)));
    world.must('bob', voteOf(two, true, 1, whole(2_000)));
    expect(world.spendable('bob')).toBe(whole(1_000));
    expect(world.refusal('bob', { type: 'grid.transfer', to: keyOf('cy'), amount: gridAmount(1_001) })).toBe(
      'grid.insufficientBalance',
    );
    world.must('bob', { type: 'governance.removeVote', referendum: one });
    expect(world.spendable('bob')).toBe(whole(2_000));
  });

  it('stands, and locks what is left, when a slash takes what it is of', () => {
    const world = worldOf();
    const referendum = world.proposePlaced('ann', 'marketPolicy', target(1));
    world.must('bob', voteOf(referendum, true, 1, whole(4_000)));
    world.next(({ events }, { grid }) => {
      grid.destroy(grid.take(keyOf('bob'), whole(3_000)), 'slash');
      events.push({ type: 'grid.dustCollected', account: keyOf('bob'), amount: gridAmount(3_000) });
    });
    world.block();
    expect(world.row(referendum).tally.support).toBe(whole(4_000));
    expect([world.available('bob'), world.spendable('bob')]).toEqual([whole(2_000), 0n]);
    expect(world.refusal('bob', voteOf(referendum, false, 1, whole(2_001)))).toBe('governance.insufficientBalance');
    world.must('bob', voteOf(referendum, false, 1, whole(500)));
    expect(world.spendable('bob')).toBe(whole(1_500));
  });

  it('with more votes than one block clears is cleared in the next', () => {
    const world = worldOf();
    const referendum = world.proposePlaced('ann', 'marketPolicy', target(1));
    for (const name of ['ann', 'bob', 'cy', 'dan']) world.must(name, voteOf(referendum, false, 1, whole(10)));
    const endsAt = world.row(referendum).dueAt ?? 0;
    const left = (): number =>
      [...world.ledger.state.governance.votes.cells()].filter(({ value }) => value !== undefined).length;
    world.after(endsAt - 1 - world.ledger.time);
    world.after(10 * MINUTE);
    expect(left()).toBe(4);
    // One entry is the end itself; its first two votes go in the same block.
    world.next((context) => (context.entriesLeft = 3));
    const ended = world.after(1);
    expect(told(ended, 'governance.rejected')).toHaveLength(1);
    expect(left()).toBe(2);
    expect(['ann', 'bob', 'cy', 'dan'].filter((name) => world.locked(name) > 0n)).toHaveLength(2);
    world.next((context) => (context.entriesLeft = 0));
    expect(world.after(1)).toHaveLength(1);
    const rest = world.after(1);
    expect(left()).toBe(0);
    expect(told(rest, 'governance.votesCleared')).toMatchObject([{ referendum }]);
    const locks = told([...ended, ...rest], 'governance.capitalLocked');
    expect(locks.map(({ account }) => account).sort()).toEqual(['ann', 'bob', 'cy', 'dan'].map(keyOf).sort());
    expect(new Set(locks.map(({ until }) => until)).size).toBe(1);
  });

  it('is none for the treasury, nor for what lies in escrow', () => {
    const world = worldOf();
    const escrow = 'e'.repeat(32);
    world.block();
    world.next(({ events }, { grid, accounts }) => {
      grid.named.set(escrow, 'escrow');
      accounts.transfer(keyOf('ann'), escrow, 'GRID', whole(1_000));
      events.push({ type: 'grid.transferred', from: keyOf('ann'), to: escrow, amount: gridAmount(1_000) });
    });
    world.block();
    const referendum = world.proposePlaced('ann', 'marketPolicy', target(1));
    for (const account of [escrow, TREASURY_ACCOUNT]) {
      let code: string | undefined;
      world.next((context) => {
        const key = { organisation: '', account, removed: false };
        code = context.dispatch({ kid: '', key }, voteOf(referendum, true, 1, 1n), hashOfCall(account))?.code;
      });
      world.block();
      expect(code).toBe('governance.mayNotVote');
      expect(
        world.refusal('ann', { type: 'governance.delegate', track: 'root', to: account, conviction: 0, amount: '1' }),
      ).toBe('governance.mayNotVote');
    }
    // The electorate is counted with the first block of each era.
    expect(world.ledger.state.governance.electorate).toBe(whole(38_001));
    const counted = Array.from({ length: 100 - world.ledger.height }, () => world.after(1)).flat();
    expect(told(counted, 'governance.electorateCounted')).toEqual([]);
    const now = world.after(1);
    expect(told(now, 'governance.electorateCounted')).toMatchObject([{ electorate: gridAmount(37_001) }]);
    expect(told(now, 'governance.tallied')).toMatchObject([{ referendum, electorate: gridAmount(37_001) }]);
  });
});

describe('a delegation', () => {
  it('adds its capital to the vote of who it is to, at its own conviction, in one track', () => {
    const world = worldOf();
    const policy = world.proposePlaced('ann', 'marketPolicy', target(1));
    const root = world.proposePlaced('ann', 'root', fee('1'));
    world.must('bob', delegationOf('marketPolicy', 'ann', 3, whole(100)));
    world.must('cy', delegationOf('marketPolicy', 'bob', 1, whole(10)));
    expect(world.row(policy).tally.ayes).toBe(0n);
    world.must('ann', voteOf(policy, true, 0, whole(1_000)));
    world.must('ann', voteOf(root, true, 0, whole(1_000)));
    expect(world.row(policy).tally).toEqual({ ayes: whole(410), nays: 0n, support: whole(1_110) });
    expect(world.row(root).tally.ayes).toBe(whole(100));
    // Who votes itself does not count by its delegation, and takes along who delegates to it.
    world.must('bob', voteOf(policy, false, 1, whole(50)));
    expect(world.row(policy).tally).toEqual({ ayes: whole(100), nays: whole(60), support: whole(1_000) });
    world.must('bob', { type: 'governance.removeVote', referendum: policy });
    const gone = world.must('bob', { type: 'governance.undelegate', track: 'marketPolicy' });
    expect(world.row(policy).tally).toEqual({ ayes: whole(100), nays: 0n, support: whole(1_000) });
    expect(told(gone, 'governance.capitalLocked')).toMatchObject([
      { account: keyOf('bob'), amount: gridAmount(100), until: formatTime(millis(world.ledger.time + 40 * MINUTE)) },
    ]);
    expect(world.spendable('bob')).toBe(world.available('bob') - whole(100));
  });

  it('is refused to itself, in a loop, further than is followed, to nobody, beside another or beside an own vote', () => {
    const names = Array.from({ length: 18 }, (_, n) => `p${n}`);
    const accounts = { ...PEOPLE, ...Object.fromEntries(names.map((name) => [name, 10])) };
    const world = worldOf({}, accounts);
    const to = (who: string, amount = '5'): Operation => delegationOf('root', who, 1, amount);
    expect(world.refusal('ann', to('ann'))).toBe('governance.selfDelegation');
    expect(world.refusal('ann', to('nobody'))).toBe('grid.unknownAccount');
    expect(world.refusal('ann', to('bob', gridAmount(20_001)))).toBe('governance.insufficientBalance');
    expect(world.refusal('ann', { type: 'governance.undelegate', track: 'root' })).toBe('governance.noDelegation');
    for (let n = 0; n < 16; n++) world.must(`p${n}`, to(`p${n + 1}`));
    expect(world.refusal('p16', to('p0'))).toBe('governance.delegationLoop');
    expect(world.refusal('p17', to('p0'))).toBe('governance.delegationTooLong');
    expect(world.refusal('p3', to('ann'))).toBe('governance.delegatesAlready');
    const referendum = world.proposePlaced('ann', 'root', fee('1'));
    world.must('p17', voteOf(referendum, true, 1, '5'));
    expect(world.refusal('p17', to('ann'))).toBe('governance.votesStand');
    world.must('p17', { type: 'governance.removeVote', referendum });
    world.must('p17', to('ann'));
    world.must('p16', voteOf(referendum, true, 1, '5'));
    expect(world.row(referendum).tally.support).toBe(85n);
  });

  it('comes and goes a thousand times in a block, and again in the next', () => {
    const world = worldOf();
    const pair: Operation[] = [delegationOf('root', 'ann', 0, 1n), { type: 'governance.undelegate', track: 'root' }];
    const full = Array.from({ length: 500 }, () => pair).flat();
    const { outcomes } = world.block([world.envelope('bob', full), world.envelope('cy', pair)]);
    expect(outcomes.filter(({ status }) => status === 'executed')).toHaveLength(1_000);
    expect(outcomes.slice(1_000)).toMatchObject([{ code: 'governance.blockFull' }, { code: 'governance.blockFull' }]);
    world.must('cy', delegationOf('root', 'ann', 0, 1n));
  });
});
