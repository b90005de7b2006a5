import { checkElection, elect, Election, electionTold, type ElectionEvent, type ToldElection } from '@gridtokenx/chain';
import { noble } from '@gridtokenx/crypto';
import { decodeEnvelope, STAKE_MAX, type LedgerEvent } from '@gridtokenx/protocol';
import { gridAmount, ONE_GRID } from '@gridtokenx/testkit';
import { describe, expect, it } from '@jest/globals';
import { createPublicLedger } from '../index.js';
import { keyOf, PublicWorld } from '../spec/public-world.spec.js';
import { ofType, StakingWorld } from '../spec/staking-world.spec.js';
import { BALANCING, snapshotOf } from './snapshot.js';

const names = (count: number, prefix = 'val'): string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`);
const bonds = (count: number, prefix = 'val'): Record<string, number> =>
  Object.fromEntries(names(count, prefix).map((name, i) => [name, 10_000 + i]));

/** The election that facts tell. */
function told(events: readonly LedgerEvent[], era: number): ToldElection {
  const election = electionTold(
    events.filter((event): event is ElectionEvent => event.type.startsWith('staking.election')),
    era,
  );
  if (election === undefined) throw new Error(`no whole election was told for era ${era}`);
  return election;
}

describe('an era', () => {
  it('has the set of the genesis first, with what the nominators of the genesis share out', () => {
    const world = new StakingWorld({
      validators: bonds(4),
      nominators: { ann: [1_000, 'val0', 'val1'], bob: [500, 'val3'] },
    });
    const behind = names(4).map((name) => world.exposure(0, name));
    expect(behind.map(({ own }) => own)).toEqual([10_000n, 10_001n, 10_002n, 10_003n].map((whole) => whole * ONE_GRID));
    const of = (name: string): bigint =>
      behind
        .flatMap(({ backers }) => backers)
        .reduce((sum, b) => (b.account === keyOf(name) ? sum + b.stake : sum), 0n);
    expect([of('ann'), of('bob')]).toEqual([1_000n * ONE_GRID, 500n * ONE_GRID]);
    const [elected] = ofType(world.block().events, 'staking.setElected');
    expect(elected?.validators.map(({ account }) => account).sort()).toEqual(names(4).map(keyOf).sort());
  });

  it('elects for the next one on what stands when it begins, and the set is fixed two blocks before it ends', () => {
    const world = new StakingWorld({ accounts: { new: 30_000, late: 30_000 }, validators: bonds(4) });
    world.bond('new', 20_000);
    world.bond('late', 20_000);
    world.nextEra();
    world.must('late', world.validate('late'));
    world.nextEra();
    expect(world.members(2, [...names(4), 'late'])).toEqual(names(4));
    world.must('new', world.validate('new'));
    expect(ofType(world.toPlace(3), 'staking.setElected')).toEqual([]);
    expect(world.ledger.nextValidators).toHaveLength(4);
    expect(ofType(world.toPlace(4), 'staking.setElected')).toMatchObject([{ era: 3, waiting: [] }]);
    expect(world.ledger.nextValidators).toHaveLength(5);
    expect(world.ledger.state.validators.members()).toHaveLength(4);
    world.nextEra();
    expect(world.ledger.state.validators.members().map(([key]) => key)).toContain(keyOf('late/signs'));
  });

  it('takes in a third of the set at most, those with most behind them; the rest waits an era', () => {
    const accounts = Object.fromEntries(names(4, 'new').map((name, i) => [name, 30_000 + i]));
    const world = new StakingWorld({ accounts, validators: bonds(7) });
    world.block(
      names(4, 'new').flatMap((name, i) => [
        world.envelope(name, [{ type: 'staking.bond', amount: gridAmount(20_000 + i) }]),
        world.envelope(name, [world.validate(name)]),
      ]),
    );
    const newcomers = (era: number): string[] =>
      world.members(era, [...names(7), ...names(4, 'new')]).filter((name) => name.startsWith('new'));
    const waiting = (era: number): string[] =>
      ofType(world.told, 'staking.setElected').find((event) => event.era === era)?.waiting ?? [];
    while (world.eraNow < 3) world.block();
    expect([1, 2, 3].map(newcomers)).toEqual([[], ['new2', 'new3'], names(4, 'new')]);
    expect(waiting(2)).toEqual([keyOf('new1'), keyOf('new0')]);
    expect(waiting(3)).toEqual([]);
  });

  it('loses who was chilled after the election began', () => {
    const world = new StakingWorld({ validators: bonds(5) });
    world.block();
    world.must('val2', { type: 'staking.chill' });
    world.nextEra();
    expect(world.members(1, names(5))).toEqual(['val0', 'val1', 'val3', 'val4']);
  });

  it('keeps its set where there are fewer winners than a minimum, and says so', () => {
    const world = new StakingWorld({ validators: bonds(5), parameters: { 'staking.minimumValidatorCount': 5 } });
    world.must('val2', { type: 'staking.chill' });
    const events = world.nextEra();
    expect(ofType(events, 'staking.setKept')).toEqual([{ type: 'staking.setKept', era: 1, why: 'tooFewWinners' }]);
    expect(world.members(1, names(5))).toEqual(names(5));
    expect(world.exposure(1, 'val2').own).toBe(10_002n * ONE_GRID);
  });

  it('keeps what stands behind a set for as long as the set is kept', () => {
    const world = new StakingWorld({
      era: 3,
      validators: bonds(5),
      parameters: {
        'staking.minimumValidatorCount': 5,
        'staking.evidenceEras': 1,
        'staking.slashDeferEras': 2,
        'staking.bondingEras': 3,
      },
    });
    const { exposures } = world.staking;
    const kept = (): number[] =>
      [...new Set([...exposures.cells()].map(({ first }) => Number(first)))].sort((a, b) => a - b);
    world.must('val2', { type: 'staking.chill' });
    while (world.eraNow < 6) world.block();
    // Each block audits that something stands behind each validator of each era that is kept.
    expect(world.staking.eraKnown(6).exposureEra).toBe(0);
    expect(kept()[0]).toBe(0);
    expect(ofType(world.told, 'staking.setKept').map(({ era }) => era)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    world.must('val2', world.validate('val2'));
    while (world.eraNow < 12) world.block();
    expect(world.staking.eraKnown(12).exposureEra).toBe(12);
    expect(kept()[0]).toBeGreaterThan(7);
  });

  it('keeps its set where the election does not end in time', () => {
    const nominators = Object.fromEntries(
      names(40, 'nom').map((name) => [name, [100, ...names(10)] as [number, ...string[]]]),
    );
    const terms = { validators: bonds(10), nominators, parameters: { 'staking.electionUnitsPerBlock': 1_000 } };
    const late = new StakingWorld({ ...terms, era: 3 });
    late.nextEra();
    expect(ofType(late.told, 'staking.setKept')[0]).toMatchObject({ era: 1, why: 'unfinished' });
    expect(late.members(1, names(10))).toEqual(names(10));
    const early = new StakingWorld({ ...terms, era: 20 });
    expect(ofType(early.nextEra(), 'staking.setElected').map(({ era }) => era)).toEqual([0, 1]);
  });

  it('keeps its set where more is staked than an election can tell apart', () => {
    const whole = Number(STAKE_MAX / ONE_GRID / 2n) + 1;
    const world = new StakingWorld({ accounts: { rich: whole, huge: whole }, validators: { val: 10_000 } });
    for (const name of ['rich', 'huge']) {
      world.bond(name, whole - 1_000_000);
      world.must(name, world.nominate(name, 'val'));
    }
    world.bond('rich', 999_999);
    world.bond('huge', 999_999);
    expect(ofType(world.nextEra(), 'staking.setKept')).toEqual([]);
    expect(ofType(world.nextEra(), 'staking.setKept')).toMatchObject([{ era: 2, why: 'tooMuchStake' }]);
    expect(() => new PublicWorld({ validators: { rich: whole, huge: whole } })).toThrow('more is bonded');
  });

  it('with fewer candidates than seats has them all', () => {
    const world = new StakingWorld({ validators: bonds(3), parameters: { 'staking.validatorCount': 100 } });
    world.nextEra();
    expect(world.members(1, names(3))).toEqual(names(3));
  });

  it('is as long as an epoch has blocks, never of no time, and no shorter than three blocks', () => {
    expect(() => new PublicWorld({ consensus: { epochBlocks: 0 } })).toThrow('genesis.schema');
    const world = new StakingWorld({ era: 3 });
    for (let i = 0; i < 4; i++) world.block([], { afterMs: 1 });
    expect(ofType(world.told, 'staking.eraEnded')).toMatchObject([{ era: 0, lengthMs: 4 }]);
  });
});

describe('an election that goes on over blocks', () => {
  const world = (): StakingWorld =>
    new StakingWorld({
      era: 20,
      accounts: { zoe: 50_000 },
      validators: bonds(12),
      nominators: Object.fromEntries(
        names(90, 'nom').map((name, i) => [
          name,
          [50 + 7 * i, `val${i % 12}`, `val${(i * 5 + 1) % 12}`, `val${(i + 3) % 12}`],
        ]),
      ),
      parameters: { 'staking.electionUnitsPerBlock': 1_000, 'staking.validatorCount': 8 },
    });

  /** What people do meanwhile. */
  function stir(one: StakingWorld): void {
    one.block([
      one.envelope('nom3', [one.nominate('nom3', 'val1')]),
      one.envelope('nom4', [{ type: 'staking.chill' }]),
      one.envelope('val5', [{ type: 'staking.chill' }]),
      one.envelope('zoe', [{ type: 'staking.bond', amount: gridAmount(20_000) }, one.validate('zoe')]),
      one.envelope('nom5', [{ type: 'staking.unbond', amount: '30000000' }]),
    ]);
  }

  it('is held on what stood when it began, whatever changes meanwhile', () => {
    const one = world();
    one.toPlace(1);
    const before = snapshotOf(one.staking);
    stir(one);
    expect(snapshotOf(one.staking)).toEqual(before);
    one.nextEra();
    expect(told(one.told, 1).snapshot).toEqual(before);
  });

  it('tells all that it takes to check it, and to hold it again', () => {
    const one = world();
    one.toPlace(1);
    stir(one);
    one.nextEra();
    const { snapshot, result } = told(one.told, 1);
    expect(snapshot.balancing).toEqual(BALANCING);
    expect(result.winners).toHaveLength(8);
    expect(checkElection(snapshot, result)).toBeUndefined();
    expect(elect(snapshot)).toEqual(result);
  });

  it('is the same on a ledger that begins in the middle of it', () => {
    const one = world();
    one.toPlace(1);
    stir(one);
    expect(one.staking.election.phase).toBe('counting');
    const other = one.restored();
    expect(snapshotOf(other.state.staking)).toEqual(snapshotOf(one.staking));
    const from = one.ran.length;
    one.nextEra();
    one.nextEra();
    for (const block of one.ran.slice(from)) {
      other.execute(block);
      other.commit();
    }
    expect(other.stateDigest).toEqual(one.ledger.stateDigest);
  });

  it('is the same on a ledger that undid each block of it, and others in their places', () => {
    const one = world();
    one.toPlace(1);
    stir(one);
    one.nextEra();
    one.nextEra();
    const other = createPublicLedger(noble, one.identity);
    for (const block of one.ran) {
      other.execute({ ...block, proposer: 0, parentSigners: [], envelopes: [] });
      other.undo();
      other.execute(block);
      other.undo();
      other.execute(block);
      other.commit();
    }
    expect(other.stateDigest).toEqual(one.ledger.stateDigest);
  });

  it('was begun by another block: nothing of it is used', () => {
    const make = (): StakingWorld => new StakingWorld({ validators: bonds(5), era: 3 });
    const one = make();
    for (let i = 0; i < 3; i++) one.block();
    // Before the era ends somebody chills, in one of two blocks for the height.
    const chill = decodeEnvelope(noble, one.identity.ledgerId, one.envelope('val1', [{ type: 'staking.chill' }]));
    const { ledger } = one;
    const at = { height: 4, proposer: 0, parentSigners: [0, 1, 2, 3, 4] };
    const block = (envelopes: (typeof chill)[], height: number, ms: number): void =>
      void ledger.execute({ ...at, height, time: (ledger.time + ms) as typeof ledger.time, envelopes });
    block([], 4, 6_000);
    const quiet = ledger.state.staking.election;
    expect(quiet.phase).toBe('fixed');
    ledger.undo();
    // Silent validators are chilled as the era begins: the snapshot is another one.
    ledger.execute({
      ...at,
      parentSigners: [0],
      time: (ledger.time + 6_000) as typeof ledger.time,
      envelopes: [chill],
    });
    ledger.commit();
    const fresh = make();
    for (const ran of one.ran.filter((_, place) => place !== 3)) {
      fresh.ledger.execute(ran);
      fresh.ledger.commit();
    }
    expect(fresh.ledger.stateDigest).toEqual(ledger.stateDigest);
  });
});

it('the slice of work decides when an election is over, not how it ends', () => {
  const one = new StakingWorld({ validators: bonds(6) });
  one.toPlace(1);
  const snapshot = snapshotOf(one.staking);
  expect(new Election(snapshot).advanceTo(1_000_000)).toEqual(elect(snapshot));
});
