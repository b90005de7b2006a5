import type { LedgerEvent, Operation } from '@gridtokenx/protocol';
import { TREASURY_ACCOUNT } from '@gridtokenx/protocol';
import { ONE_GRID } from '@gridtokenx/testkit';
import { describe, expect, it } from '@jest/globals';
import { GRID, type OperationContext } from '../index.js';
import { keyOf, PublicWorld } from '../spec/public-world.spec.js';
import { ofType, StakingWorld } from '../spec/staking-world.spec.js';
import { equivocationFraction, unresponsivenessFraction } from './offence.js';
import { cancelSlash } from './slashing.js';

const PARTS = 1_000_000_000n;
const short = { 'staking.evidenceEras': 2, 'staking.slashDeferEras': 3, 'staking.bondingEras': 4 };
const bonds = (count: number): Record<string, number> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`val${i}`, 10_000 + i]));
const make = (count = 7, terms: ConstructorParameters<typeof StakingWorld>[0] = {}): StakingWorld =>
  new StakingWorld({
    accounts: { ann: 100 },
    validators: bonds(count),
    nominators: { bob: [3_000, 'val1'], cat: [2_000, 'val1'] },
    parameters: short,
    ...terms,
  });
const slashes = (world: StakingWorld): unknown[] =>
  [...world.staking.slashes.rows.values()].flatMap(({ value }) => (value === undefined ? [] : [value]));
const events = (world: StakingWorld, type: LedgerEvent['type']): LedgerEvent[] =>
  world.told.filter((event) => event.type === type);

/** What a referendum of this track would do, in the middle of nowhere. */
function cancel(world: StakingWorld, id: number, track?: string): string | undefined {
  const context = { events: [], track } as unknown as OperationContext;
  const { store } = world.ledger.state;
  const refusal = cancelSlash({ staking: world.staking } as Parameters<typeof cancelSlash>[0], context, {
    type: 'staking.cancelSlash',
    id,
  });
  store.endBlock();
  return refusal?.code;
}

describe('a validator that signed two things', () => {
  it('is barred, leaves with the era, and loses what it and its backers had at stake, when its time has come', () => {
    const world = make();
    world.nextEra();
    world.block();
    const told = world.must('ann', world.equivocation('val1/signs'));
    const fraction = equivocationFraction(1, 7);
    expect(ofType(told, 'staking.offended')).toMatchObject([
      { era: 1, validator: keyOf('val1'), offenders: 1, validators: 7, fraction, reporter: keyOf('ann') },
    ]);
    expect(ofType(told, 'staking.chilled')).toMatchObject([{ account: keyOf('val1'), why: 'offended' }]);
    expect(ofType(told, 'validators.suspended').map(({ validator }) => validator)).toEqual([keyOf('val1/signs')]);
    const exposure = world.exposure(1, 'val1');
    const part = (stake: bigint): bigint => (stake * BigInt(fraction)) / PARTS;
    const total = exposure.backers.reduce((sum, { stake }) => sum + part(stake), part(exposure.own));
    const [deferred] = ofType(told, 'staking.slashDeferred');
    expect(deferred).toMatchObject({ id: 1, era: 1, due: 4, total: total.toString() });
    expect(exposure.backers.map(({ account }) => account).sort()).toEqual([keyOf('bob'), keyOf('cat')].sort());

    const before = new Map(['val1', 'bob', 'cat'].map((name) => [name, world.bonded(name)]));
    while (world.eraNow < 3) world.block();
    expect(world.members(2, Object.keys(bonds(7)))).not.toContain('val1');
    expect(events(world, 'staking.slashed')).toEqual([]);
    world.toPlace(0);
    const treasury = world.ledger.state.accounts.available(TREASURY_ACCOUNT, GRID);
    const reporter = world.available('ann');
    const now = new Map([...before.keys()].map((name) => [name, world.bonded(name)]));
    world.block();
    const [slashed] = ofType(world.told, 'staking.slashed');
    const takenOf = (name: string): bigint =>
      BigInt(slashed?.charges.find(({ account }) => account === keyOf(name))?.taken ?? 0);
    for (const [name, bonded] of now) {
      expect(takenOf(name)).toBeGreaterThan(0n);
      const rewards = ofType(world.told.slice(world.told.indexOf(slashed as LedgerEvent)), 'staking.rewarded')
        .flatMap(({ lines }) => lines)
        .filter(({ account }) => account === keyOf(name))
        .reduce((sum, { reward }) => sum + BigInt(reward), 0n);
      expect(world.bonded(name)).toBe(bonded - takenOf(name) + rewards);
    }
    const [settled] = ofType(world.told, 'staking.slashSettled');
    expect(settled).toMatchObject({ taken: total.toString(), reporter: keyOf('ann') });
    // The first report of a span has half of the reporters' share.
    expect(BigInt(settled?.reward ?? 0)).toBe(total / 10n / 2n);
    expect(world.available('ann') - reporter).toBe(BigInt(settled?.reward ?? 0));
    expect(world.ledger.state.accounts.available(TREASURY_ACCOUNT, GRID)).toBeGreaterThan(
      treasury + BigInt(settled?.treasury ?? 0),
    );
    expect(slashes(world)).toEqual([]);
  });

  it('is slashed once for an era, and evidence is of who was in its set, with its key, in time', () => {
    const world = make();
    world.nextEra();
    const evidence = world.equivocation('val1/signs');
    world.must('ann', evidence);
    expect(world.refusal('ann', evidence)).toBe('validators.evidenceSettled');
    expect(world.refusal('ann', world.equivocation('val1/signs', world.ledger.height - 1))).toBe(
      'validators.evidenceSettled',
    );
    const old = world.equivocation('val2/signs', 1);
    const later = world.equivocation('val1/signs', 3 * 6 + 2);
    while (world.eraNow < 3) world.block();
    world.block();
    // It is in no set of the era.
    expect(world.refusal('ann', later)).toBe('validators.notEvidence');
    expect(world.refusal('ann', old)).toBe('validators.evidenceExpired');
    expect(slashes(world)).toHaveLength(1);
  });

  it('makes it worse for those who did so in the same era, by the difference', () => {
    const world = make();
    world.nextEra();
    world.must('ann', world.equivocation('val1/signs'));
    const told = world.must('val0/signs', world.equivocation('val2/signs'));
    const deferred = ofType(told, 'staking.slashDeferred');
    expect(deferred.map(({ validator }) => validator).sort()).toEqual([keyOf('val1'), keyOf('val2')].sort());
    const lost = new Map<string, bigint>();
    for (const { validator, total } of ofType(world.told, 'staking.slashDeferred'))
      lost.set(validator, (lost.get(validator) ?? 0n) + BigInt(total));
    const fraction = BigInt(equivocationFraction(2, 7));
    for (const name of ['val1', 'val2']) {
      const { own, backers } = world.exposure(1, name);
      const due = backers.reduce((sum, { stake }) => sum + (stake * fraction) / PARTS, (own * fraction) / PARTS);
      expect(lost.get(keyOf(name))).toBe(due);
    }
    // Each has its own reporter: the account of a validator whose host brought the evidence.
    expect(deferred.find(({ validator }) => validator === keyOf('val1'))?.reporter).toBe(keyOf('ann'));
    expect(deferred.find(({ validator }) => validator === keyOf('val2'))?.reporter).toBe(keyOf('val0'));
  });

  it('loses nothing more for a lesser offence of the same span, and all anew once it was elected again', () => {
    const world = make();
    world.block();
    const first = world.equivocation('val1/signs', 1);
    world.nextEra();
    world.must('ann', world.equivocation('val1/signs'));
    expect(ofType(world.must('ann', first), 'staking.slashDeferred')).toEqual([]);
    world.must('val1', world.validate('val1'));
    // However soon it stands anew, it is not in the next set.
    while (world.eraNow < 3) world.block();
    expect(world.staking.eraKnown(2).members.map(({ account }) => account)).not.toContain(keyOf('val1'));
    expect(world.staking.eraKnown(3).members.map(({ account }) => account)).toContain(keyOf('val1'));
    expect(world.ledger.state.validators.validators.get(keyOf('val1/signs'))?.suspended).toBe(false);
    world.block();
    expect(ofType(world.must('ann', world.equivocation('val1/signs')), 'staking.slashDeferred')).toHaveLength(1);
  });

  it('answers with its account, whatever its key is by now', () => {
    const world = make();
    world.block();
    const { key, proof } = world.validate('val1', 'val1/second') as Extract<Operation, { type: 'staking.validate' }>;
    world.must('val1', { type: 'staking.rotateKey', key, proof });
    world.nextEra();
    expect(world.staking.eraKnown(1).members.map((member) => member.key)).toContain(key);
    const told = world.must('ann', world.equivocation('val1/signs', 2));
    expect(ofType(told, 'validators.suspended').map(({ validator }) => validator)).toEqual([key]);
    expect(ofType(told, 'staking.slashDeferred')).toMatchObject([{ era: 0, validator: keyOf('val1') }]);
    // What the old key signs for an era in which it was not the validator's is no evidence.
    expect(world.refusal('ann', world.equivocation('val1/signs'))).toBe('validators.notEvidence');
  });

  it('is slashed before anybody withdraws, also what is on its way out', () => {
    const world = make(7, { parameters: { ...short, 'staking.slashDeferEras': 3 } });
    world.nextEra();
    const unbonded = world.active('bob');
    expect(unbonded).toBeGreaterThan(3_000n * ONE_GRID);
    world.must('bob', { type: 'staking.unbond', amount: unbonded.toString() });
    world.must('ann', world.equivocation('val1/signs'));
    while (world.eraNow < 4) world.block();
    const [slashed] = ofType(world.told, 'staking.slashed');
    const taken = BigInt(slashed?.charges.find(({ account }) => account === keyOf('bob'))?.taken ?? 0);
    expect(taken).toBeGreaterThan(0n);
    while (world.eraNow < 5) world.block();
    const [withdrawn] = ofType(world.must('bob', { type: 'staking.withdraw' }), 'staking.withdrawn');
    expect(BigInt(withdrawn?.amount ?? 0)).toBe(unbonded - taken);
  });
});

describe('a slash of more than one block may work off', () => {
  it('goes on in the next ones, and nobody withdraws meanwhile', () => {
    const world = make(7, { nominators: { bob: [3_000, 'val1'], cat: [2_000, 'val1'], dan: [1_000, 'val1'] } });
    world.nextEra();
    world.must('bob', { type: 'staking.unbond', amount: (1_000n * ONE_GRID).toString() });
    world.must('ann', world.equivocation('val1/signs'));
    while (world.eraNow < 3) world.block();
    world.toPlace(0);
    // Something before it in the list of modules leaves two entries to each block.
    Object.assign(world.ledger.modules[0] ?? {}, {
      atStart: (context: { entriesLeft: number }) => {
        context.entriesLeft = 2;
      },
    });
    world.block();
    expect(slashes(world)).toMatchObject([{ done: 2 }]);
    expect(cancel(world, 1, 'root')).toBe('staking.unknownSlash');
    expect(ofType(world.block().events, 'staking.slashSettled')).toHaveLength(1);
    const charges = ofType(world.told, 'staking.slashed').map((event) => event.charges.length);
    expect(charges).toEqual([2, 2]);

    const other = make(7);
    other.nextEra();
    other.must('bob', { type: 'staking.unbond', amount: (1_000n * ONE_GRID).toString() });
    other.must('ann', other.equivocation('val1/signs'));
    Object.assign(other.ledger.modules[0] ?? {}, {
      atStart: (context: { entriesLeft: number }) => {
        context.entriesLeft = 0;
      },
    });
    while (other.eraNow < 5) other.block();
    expect(other.refusal('bob', { type: 'staking.withdraw' })).toBe('staking.slashesDue');
    Object.assign(other.ledger.modules[0] ?? {}, { atStart: undefined });
    other.must('bob', { type: 'staking.withdraw' });
  });
});

describe('a slash that is not taken yet', () => {
  it('is cancelled by a referendum of root, by nobody else, and once', () => {
    const world = make();
    world.nextEra();
    world.must('ann', world.equivocation('val1/signs'));
    expect(world.refusal('ann', { type: 'staking.cancelSlash', id: 1 })).toBe('key.notAuthorised');
    expect(cancel(world, 1, 'treasury')).toBe('key.notAuthorised');
    expect(cancel(world, 2, 'root')).toBe('staking.unknownSlash');
    const bonded = world.bonded('val1');
    expect(cancel(world, 1, 'root')).toBeUndefined();
    expect(cancel(world, 1, 'root')).toBe('staking.unknownSlash');
    while (world.eraNow < 5) world.block();
    expect(events(world, 'staking.slashed')).toEqual([]);
    expect(world.bonded('val1')).toBeGreaterThanOrEqual(bonded);
  });
});

describe('validators that were silent', () => {
  /** An era in which these places neither propose nor sign. */
  function silence(world: StakingWorld, silent: readonly number[]): void {
    const all = world.staking.eraKnown(world.eraNow).members.map((_, place) => place);
    const signers = all.filter((place) => !silent.includes(place));
    do {
      const turn = (world.ledger.height + 1) % all.length;
      world.block([], { proposer: silent.includes(turn) ? (signers[0] ?? 0) : turn, parentSigners: signers });
    } while (world.ledger.height % world.era !== 1);
  }
  const accounts = (world: StakingWorld, places: readonly number[]): string[] =>
    places.map((place) => world.staking.eraKnown(1).members[place]?.account ?? '');

  it('leave with the era; a few of them lose nothing', () => {
    const world = make(7, { era: 8 });
    world.nextEra();
    silence(world, [3]);
    expect(ofType(world.told, 'staking.offended')).toMatchObject([
      { era: 1, validator: accounts(world, [3])[0], offence: 'unresponsiveness', offenders: 1, fraction: 0 },
    ]);
    expect(slashes(world)).toEqual([]);
    world.nextEra();
    expect(world.staking.eraKnown(3).members.map(({ account }) => account)).not.toContain(accounts(world, [3])[0]);
  });

  it('are not those whose proposals are refused', () => {
    const world = make(7, { era: 8 });
    world.nextEra();
    const account = accounts(world, [3])[0];
    const name = Object.keys(bonds(7)).find((one) => keyOf(one) === account) ?? '';
    world.block([world.envelope('ann', [world.equivocation(`${name}/signs`)])], {
      proposer: 0,
      parentSigners: [0, 1, 2, 4, 5, 6],
    });
    silence(world, [3]);
    expect(ofType(world.told, 'staking.offended').map(({ offence }) => offence)).toEqual(['equivocation']);
  });

  it('lose the more the more they are', () => {
    const world = make(7, { era: 8 });
    world.nextEra();
    silence(world, [3, 5]);
    const fraction = unresponsivenessFraction(2, 7);
    expect(fraction).toBeGreaterThan(0);
    expect(ofType(world.told, 'staking.offended').map((event) => [event.validator, event.fraction])).toEqual(
      accounts(world, [3, 5]).map((account) => [account, fraction]),
    );
    expect(ofType(world.told, 'staking.slashDeferred').map(({ due, reward }) => [due, reward])).toEqual([
      [4, '0'],
      [4, '0'],
    ]);
  });

  it('are not those who had no turn, who proposed, or who stand in more certificates than parameters say', () => {
    const world = make(7, { era: 6, parameters: { ...short, 'staking.responsiveShare': 200_000_000 } });
    world.nextEra();
    const from = world.ledger.height;
    // Of seven, six have a turn in an era of six blocks.
    const [first] = [(from + 6) % 7];
    do {
      const turn = (world.ledger.height + 1) % 7;
      const signers = [0, 1, 2, 3, 4, 5, 6].filter((place) => place !== first && place !== 3 && place !== 4);
      // One certificate of six holds the third, two hold the fourth.
      const at = world.ledger.height - from;
      if (at === 1) signers.push(3, 4);
      if (at === 2) signers.push(4);
      world.block([], {
        proposer: turn === first || turn === 3 || turn === 4 ? 0 : turn,
        parentSigners: signers.sort((a, b) => a - b),
      });
    } while (world.ledger.height % 6 !== 1);
    expect(ofType(world.told, 'staking.offended').map(({ validator }) => validator)).toEqual(accounts(world, [3]));
  });

  it('are none where everybody is well: a certificate stops at a quorum', () => {
    const world = make(7, { era: 8 });
    world.nextEra();
    do world.block([], { parentSigners: [0, 1, 2, 3, 4] });
    while (world.ledger.height % 8 !== 1);
    expect(events(world, 'staking.offended')).toEqual([]);
  });
});

it('the durations of parameters are in order', () => {
  const bad = { 'staking.evidenceEras': 3, 'staking.slashDeferEras': 3, 'staking.bondingEras': 4 };
  expect(() => new PublicWorld({ parameters: bad })).toThrow('evidence must be shorter');
});
