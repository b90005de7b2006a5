import { describe, expect, it } from '@jest/globals';
import { native } from '@gridtokenx/crypto-native';
import { assert, Prng, toBase64Url, toHex } from '@gridtokenx/kernel';
import {
  decodeEnvelope,
  TREASURY_ACCOUNT,
  type Envelope,
  type Operation,
  type Outcome,
  type RejectionCode,
} from '@gridtokenx/protocol';
import { gridAmount } from '@gridtokenx/testkit';
import { GRID, type PublicState } from '../index.js';
import { NO_SUPPLY } from '../accounts/state.js';
import { UNUSED_WINDOW } from '../ledger/keys.js';
import type { HookContext, LedgerModule } from '../ledger/module.js';
import { plainTable, type Table } from '../ledger/store.js';
import { keyOf, PublicWorld, type PublicWorldTerms } from '../spec/public-world.spec.js';

const MINIMUM = 100_000n;
const FEE = 1_000n;

const pay = (to: string, amount: bigint | number, close?: boolean): Operation => ({
  type: 'grid.transfer',
  to,
  amount: amount.toString(),
  ...(close !== undefined && { close }),
});
const payTo = (name: string, amount: bigint | number, close?: boolean): Operation => pay(keyOf(name), amount, close);
/** A fee that does not depend on the length of an envelope. */
const FLAT: Pick<PublicWorldTerms, 'parameters'> = { parameters: { 'grid.feePerByte': '0' } };
const codeOf = (outcome: Outcome): string => (outcome.status === 'rejected' ? outcome.code : 'executed');
const codes = (outcomes: readonly Outcome[]): string[] => outcomes.map(codeOf);

interface Deposit {
  readonly account: string;
  readonly amount: number;
}

/** What other modules do to GRID, done by a hook before anything else of the next block. */
class Meddling {
  private deposits: Table<Deposit> | undefined;
  private readonly acts: ((context: HookContext, state: PublicState, deposits: Table<Deposit>) => void)[] = [];

  constructor(private readonly withDeposits = true) {}

  next(act: (context: HookContext, state: PublicState, deposits: Table<Deposit>) => void): void {
    this.acts.push(act);
  }

  readonly module = (state: PublicState): LedgerModule => {
    if (this.withDeposits)
      this.deposits = plainTable<Deposit>(state.store, 'test.deposit', {
        encode: (writer, { account, amount }) => void writer.text(account).u64(amount),
        decode: (reader) => ({ account: reader.text(), amount: reader.u64() }),
        escrow: ({ account, amount }) => ({ account, asset: GRID, amount }),
      });
    return {
      name: 'meddling',
      operations: [],
      genesis: () =>
        state.keys.set(keyOf('val/signs'), { organisation: '', account: '', removed: false, window: UNUSED_WINDOW }),
      execute: () => assert(false, 'nothing is asked of it') as never,
      atStart: (context) => {
        // What changes a balance is told; what is told here is beside the point.
        if (this.acts.length > 0)
          context.events.push({ type: 'parameters.changed', name: 'grid.feeBase', before: '""', after: '""' });
        for (const act of this.acts.splice(0)) act(context, state, this.deposits as Table<Deposit>);
      },
    };
  };
}

const meddled = (terms: PublicWorldTerms): { world: PublicWorld; meddling: Meddling } => {
  const meddling = new Meddling();
  return { world: new PublicWorld({ ...terms, before: meddling.module }), meddling };
};

const decoded = (world: PublicWorld, bytes: Uint8Array): Envelope =>
  decodeEnvelope(native, world.identity.ledgerId, bytes, { signatureKnown: true });

const admission = (world: PublicWorld, envelopes: readonly Uint8Array[]): (RejectionCode | undefined)[] => {
  const asked = world.ledger.admission((world.ledger.time + 6_000) as typeof world.ledger.time);
  return envelopes.map((bytes) => asked.refusal(decoded(world, bytes)));
};

const names = (...all: string[]): Record<string, number> => Object.fromEntries(all.map((name) => [name, 100]));
const treasury = (world: PublicWorld): bigint => world.ledger.state.grid.total(TREASURY_ACCOUNT);

describe('an account', () => {
  it('is the key that owns it, and is there from the genesis', () => {
    const world = new PublicWorld({ accounts: names('ann') });
    const { grid, accounts } = world.ledger.state;
    expect(grid.keys.get(keyOf('ann'))).toEqual({
      organisation: '',
      account: keyOf('ann'),
      removed: false,
      window: UNUSED_WINDOW,
    });
    expect(grid.exists(keyOf('ann'))).toBe(true);
    expect(grid.exists(keyOf('bob'))).toBe(false);
    expect(grid.exists(TREASURY_ACCOUNT)).toBe(true);
    expect(grid.named.get(TREASURY_ACCOUNT)).toBe('treasury');
    expect(grid.keys.has(TREASURY_ACCOUNT)).toBe(false);
    // val has its bond and one GRID to pay fees of.
    expect(accounts.supply(GRID)).toEqual({ ...NO_SUPPLY, genesis: 10_101_000_000n });
  });

  it('is opened by a payment, and asks for something from the next block on', () => {
    const world = new PublicWorld({ accounts: names('ann') });
    const early = world.envelope('new', [payTo('ann', 1)]);
    expect(admission(world, [early])).toEqual(['operation.unknownKey']);
    expect(world.must('ann', payTo('new', 2_000_000))).toEqual([
      { type: 'grid.accountOpened', account: keyOf('new') },
      { type: 'grid.transferred', from: keyOf('ann'), to: keyOf('new'), amount: '2000000' },
    ]);
    expect(world.must('ann', payTo('new', 1)).map(({ type }) => type)).toEqual(['grid.transferred']);
    expect(admission(world, [early])).toEqual([undefined]);
    expect(codes(world.block([early]).outcomes)).toEqual(['executed']);
  });

  it('is opened for nobody who could not own it', () => {
    const { world } = meddled({ accounts: names('ann') });
    expect(world.refusal('ann', pay('f'.repeat(32), 1_000_000))).toBe('grid.unknownAccount');
    // Of small order: whoever likes could sign for it.
    expect(world.refusal('ann', pay(toBase64Url(new Uint8Array(32)), 1_000_000))).toBe('grid.unusableAccount');
    // The last digit has bits that no 32 bytes have.
    expect(world.refusal('ann', pay(`${keyOf('new').slice(0, 42)}_`, 1_000_000))).toBe('grid.unusableAccount');
    expect(world.refusal('ann', payTo('val/signs', 1_000_000))).toBe('grid.unusableAccount');
  });

  it('that was closed and is paid again takes nothing that it took before', () => {
    const world = new PublicWorld({ accounts: names('ann', 'bob'), ...FLAT });
    const old = world.envelope('ann', [payTo('bob', 1)]);
    world.block([old]);
    world.must('ann', payTo('bob', world.available('ann') - FEE, true));
    expect(world.available('ann')).toBe(0n);
    expect(world.ledger.state.grid.exists(keyOf('ann'))).toBe(false);
    expect(admission(world, [old])).toEqual(['operation.sequenceUsed']);
    const [opened] = world.must('bob', payTo('ann', 5_000_000));
    expect(opened).toEqual({ type: 'grid.accountOpened', account: keyOf('ann') });
    expect(admission(world, [old])).toEqual(['operation.sequenceUsed']);
    world.restart();
    expect(admission(world, [old])).toEqual(['operation.sequenceUsed']);
    expect(world.must('ann', payTo('bob', 1))).toHaveLength(1);
  });

  it('that is given up leaves its dust to the treasury', () => {
    const world = new PublicWorld({ accounts: names('ann', 'bob', 'cat'), ...FLAT });
    const had = treasury(world);
    const rest = 7n;
    expect(world.must('ann', payTo('bob', world.available('ann') - FEE - rest, true))).toEqual([
      { type: 'grid.dustCollected', account: keyOf('ann'), amount: '7' },
      expect.objectContaining({ type: 'grid.transferred' }),
    ]);
    expect(world.available('ann')).toBe(0n);
    expect(treasury(world)).toBe(had + FEE + rest);
    // With at least the minimum it is no dust, and the account goes on.
    expect(world.must('cat', payTo('bob', world.available('cat') - FEE - MINIMUM, true))).toHaveLength(1);
    expect(world.available('cat')).toBe(MINIMUM);
  });

  it('whose locks have ended is given up as if there had been none', () => {
    const { world, meddling } = meddled({ accounts: names('ann', 'bob'), ...FLAT });
    meddling.next(({ time }, { grid }) => {
      grid.lockUntil(keyOf('ann'), { amount: 7n, until: time + 6_000 }, time);
      grid.lock(keyOf('bob'), 'a reason', 7n);
    });
    world.block();
    const rest = 7n;
    world.must('ann', payTo('bob', world.available('ann') - FEE - rest, true));
    expect(world.available('ann')).toBe(0n);
    expect(world.ledger.state.grid.locks.has(keyOf('ann'))).toBe(false);
    world.must('bob', payTo('ann', world.available('bob') - FEE - rest, true));
    expect(world.available('bob')).toBe(rest);
    expect(world.ledger.state.grid.locks.has(keyOf('bob'))).toBe(true);
  });
});

describe('a payment', () => {
  it('moves what may be spent, and not one more', () => {
    const world = new PublicWorld({ accounts: names('ann', 'bob'), ...FLAT });
    world.block();
    const had = treasury(world);
    expect(world.block([world.envelope('ann', [payTo('bob', 30_000_000)])]).events).toEqual([
      expect.objectContaining({ type: 'ledger.clockAdvanced' }),
      { type: 'grid.transferred', from: keyOf('ann'), to: keyOf('bob'), amount: '30000000' },
      { type: 'grid.feesCollected', payers: 1, amount: FEE.toString() },
    ]);
    expect(world.available('ann')).toBe(70_000_000n - FEE);
    expect(world.available('bob')).toBe(130_000_000n);
    expect(treasury(world)).toBe(had + FEE);
    expect(world.refusal('ann', payTo('bob', world.available('ann') - FEE + 1n, true))).toBe(
      'grid.insufficientBalance',
    );
    expect(world.refusal('ann', payTo('bob', 10n ** 29n, true))).toBe('grid.insufficientBalance');
    world.must('ann', payTo('bob', world.available('ann') - FEE, true));
    expect(world.available('ann')).toBe(0n);
    expect(world.available('bob')).toBe(200_000_000n - 4n * FEE);
  });

  it('leaves both sides with what an account must have', () => {
    const world = new PublicWorld({ accounts: names('ann', 'bob'), ...FLAT });
    expect(world.refusal('ann', payTo('new', MINIMUM - 1n))).toBe('grid.belowMinimum');
    expect(world.must('ann', payTo('new', MINIMUM))).toHaveLength(2);
    expect(world.refusal('ann', payTo('bob', world.available('ann') - FEE - MINIMUM + 1n))).toBe('grid.belowMinimum');
    world.must('ann', payTo('bob', world.available('ann') - FEE - MINIMUM));
    expect(world.available('ann')).toBe(MINIMUM);
    // The treasury is there with anything, and with nothing.
    expect(world.must('bob', pay(TREASURY_ACCOUNT, 1))).toHaveLength(1);
  });

  it('is refused for the first reason that applies', () => {
    const { world, meddling } = meddled({ accounts: names('ann'), ...FLAT });
    const nothing = { organisation: '', account: '', removed: false };
    const asked: (string | undefined)[] = [];
    meddling.next((context) => {
      const refusal = context.dispatch({ kid: '', key: nothing }, payTo('ann', 1), '1'.repeat(64));
      asked.push(refusal?.code);
    });
    world.block();
    expect(asked).toEqual(['key.notAuthorised']);
    expect(world.refusal('ann', payTo('ann', 10n ** 20n))).toBe('grid.sameAccount');
    expect(world.refusal('ann', pay('f'.repeat(32), 10n ** 20n))).toBe('grid.unknownAccount');
    expect(world.refusal('ann', payTo('new', 10n ** 20n))).toBe('grid.insufficientBalance');
    meddling.next((_, { parameters }) => parameters.set('switches.transfers', false));
    expect(world.refusal('ann', payTo('ann', 1))).toBe('parameters.closed');
    expect(world.available('ann')).toBe(100_000_000n - 4n * FEE);
  });

  it("of too little, or for nobody, is the treasury's", () => {
    const { world, meddling } = meddled({ accounts: names('ann') });
    const had = treasury(world);
    meddling.next((context, { grid }) => {
      grid.issue(MINIMUM * 3n + 10n, 'stakingReward');
      grid.credit(context, keyOf('new'), MINIMUM - 1n);
      grid.credit(context, 'f'.repeat(32), MINIMUM);
      grid.credit(context, keyOf('ann'), 1n);
      grid.credit(context, keyOf('ann'), 0n);
      grid.credit(context, keyOf('other'), MINIMUM);
      grid.credit(context, TREASURY_ACCOUNT, 10n);
    });
    const { events } = world.block();
    expect(events.filter(({ type }) => type === 'grid.accountOpened')).toEqual([
      { type: 'grid.accountOpened', account: keyOf('other') },
    ]);
    expect(treasury(world) - had).toBe(2n * MINIMUM + 9n);
    expect(world.available('ann')).toBe(100_000_001n);
    expect(world.ledger.state.accounts.supply(GRID).minted).toBe(MINIMUM * 3n + 10n);
  });
});

describe('locks', () => {
  it('overlay: what is staked and votes is locked once', () => {
    const { world, meddling } = meddled({ accounts: names('ann', 'bob'), ...FLAT });
    const { grid } = world.ledger.state;
    meddling.next(({ time }, state) => {
      state.grid.lock(keyOf('ann'), 'a reason', 60_000_000n);
      state.grid.lock(keyOf('ann'), 'a second reason', 50_000_000n);
      state.grid.lockUntil(keyOf('ann'), { amount: 80_000_000n, until: time + 12_000 }, time);
    });
    world.block();
    const spendable = (): bigint => grid.spendable(keyOf('ann'), world.ledger.time);
    expect(spendable()).toBe(20_000_000n);
    expect(world.refusal('ann', payTo('bob', 20_000_000n - FEE + 1n))).toBe('grid.insufficientBalance');
    world.block();
    expect(spendable()).toBe(40_000_000n - FEE);
    meddling.next((context, state) => {
      state.grid.lock(keyOf('ann'), 'a reason', 0n);
      // A slash takes what is locked, too.
      state.grid.destroy(state.grid.take(keyOf('ann'), 60_000_000n), 'slash');
      state.grid.sweep(context, keyOf('ann'));
    });
    world.block();
    expect(world.available('ann')).toBe(40_000_000n - FEE);
    expect(spendable()).toBe(0n);
    expect(admission(world, [world.envelope('ann', [payTo('bob', 1)])])).toEqual(['grid.feeUnpaid']);
  });
});

describe('a fee', () => {
  it('is by operation and by byte, whatever becomes of the envelope', () => {
    const world = new PublicWorld({ accounts: names('ann', 'bob') });
    const cost = (operations: readonly Operation[], atomic = false): [bigint, string[], number] => {
      const [before, had] = [world.available('ann'), world.available('bob')];
      const envelope = world.envelope('ann', operations, atomic);
      const { outcomes } = world.block([envelope]);
      const paid = before - world.available('ann') - (world.available('bob') - had);
      return [paid - BigInt(envelope.length), codes(outcomes), Number(world.available('bob') - had)];
    };
    const good = payTo('bob', 5);
    const bad = payTo('ann', 5);
    expect(cost([good])).toEqual([FEE, ['executed'], 5]);
    expect(cost([good, good, good])).toEqual([3n * FEE, ['executed', 'executed', 'executed'], 15]);
    expect(cost([good, bad])).toEqual([2n * FEE, ['executed', 'grid.sameAccount'], 5]);
    expect(cost([good, bad], true)).toEqual([2n * FEE, ['envelope.aborted', 'grid.sameAccount'], 0]);
    const { grid } = world.ledger.state;
    const usual = grid.pay.bind(grid);
    grid.pay = () => assert(false, 'broken') as never;
    expect(cost([good, bad])).toEqual([2n * FEE, ['operation.quarantined', 'operation.quarantined'], 0]);
    grid.pay = usual;
    expect(cost([good])).toEqual([FEE, ['executed'], 5]);
  });

  it('is asked of all envelopes of a block together', () => {
    const world = new PublicWorld({ accounts: { ann: 1, bob: 100 }, ...FLAT });
    world.must('ann', payTo('bob', 1_000_000n - FEE - MINIMUM));
    world.must('ann', payTo('bob', MINIMUM - 4n * FEE - FEE, true));
    // What was left is dust, and gone: nobody can ask for anything.
    expect(admission(world, [world.envelope('ann', [payTo('bob', 1)])])).toEqual(['grid.feeUnpaid']);
    world.must('bob', payTo('ann', MINIMUM));
    const one = (): Uint8Array => world.envelope('ann', [payTo('bob', 1)]);
    const many = world.envelope(
      'ann',
      Array.from({ length: 99 }, () => payTo('bob', 1)),
    );
    const [first, second, third] = [one(), one(), one()];
    expect(admission(world, [many, first, second])).toEqual([undefined, undefined, 'grid.feeUnpaid']);
    // In any order as many as can be paid; one that was refused owes nothing.
    expect(admission(world, [first, second, many, third])).toEqual([undefined, undefined, 'grid.feeUnpaid', undefined]);
    expect(admission(world, [first, first])).toEqual([undefined, 'operation.sequenceUsed']);
  });

  it('is not asked of a key that signs blocks, which may ask for little', () => {
    const { world } = meddled({ accounts: names('ann') });
    const report: Operation = {
      type: 'validators.rejoin',
      validator: keyOf('val/signs'),
      nonce: '0'.repeat(64),
    };
    const asked = [[report], [report, report], [payTo('ann', 1)], [report, payTo('ann', 1)]];
    expect(
      admission(
        world,
        asked.map((operations) => world.envelope('val/signs', operations)),
      ),
    ).toEqual([undefined, undefined, 'grid.keyWithoutAccount', 'grid.keyWithoutAccount']);
  });

  it('is owed before the first envelope runs, so that none spends what another owes', () => {
    const world = new PublicWorld({ accounts: names('ann', 'bob'), ...FLAT });
    const all = world.available('ann') - FEE;
    const envelopes = [payTo('bob', all, true), payTo('bob', all - 2n * FEE, true), payTo('bob', 1)].map((operation) =>
      world.envelope('ann', [operation]),
    );
    expect(admission(world, envelopes)).toEqual([undefined, undefined, undefined]);
    const had = treasury(world);
    const { outcomes, events } = world.block(envelopes);
    expect(codes(outcomes)).toEqual(['grid.insufficientBalance', 'executed', 'grid.insufficientBalance']);
    expect(events.at(-1)).toEqual({ type: 'grid.feesCollected', payers: 1, amount: (3n * FEE).toString() });
    expect(treasury(world) - had).toBe(3n * FEE);
    expect(world.available('ann')).toBe(0n);
  });

  it('that a hook has taken the means of is not owed, and nothing is done', () => {
    const { world, meddling } = meddled({ accounts: names('ann', 'bob'), ...FLAT });
    const envelopes = [
      world.envelope('ann', [payTo('bob', 1), payTo('bob', 1)]),
      world.envelope('ann', [payTo('bob', 1)]),
    ];
    meddling.next((_, { grid }) => grid.destroy(grid.take(keyOf('ann'), 100_000_000n - FEE), 'slash'));
    const { outcomes, events } = world.block(envelopes);
    expect(codes(outcomes)).toEqual(['grid.feeUnpaid', 'grid.feeUnpaid', 'grid.insufficientBalance']);
    expect(events.at(-1)).toEqual({ type: 'grid.feesCollected', payers: 1, amount: FEE.toString() });
    expect(world.available('ann')).toBe(0n);
    expect(admission(world, envelopes)).toEqual(['operation.sequenceUsed', 'operation.sequenceUsed']);
  });

  it('of a block that was taken back was never owed', () => {
    const world = new PublicWorld({ accounts: names('ann', 'bob'), ...FLAT });
    const { ledger } = world;
    const { grid } = ledger.state;
    const spendable = (): bigint => grid.spendable(keyOf('ann'), ledger.time);
    const before = spendable();
    const block = {
      height: 1,
      time: (ledger.time + 6_000) as typeof ledger.time,
      proposer: 0,
      parentSigners: [],
      envelopes: [decoded(world, world.envelope('ann', [payTo('bob', 1)]))],
    };
    const { stateDigest } = ledger.execute(block);
    ledger.undo();
    expect(spendable()).toBe(before);
    grid.settle = () => assert(false, 'broken') as never;
    expect(() => ledger.execute(block)).toThrow('broken');
    expect(spendable()).toBe(before);
    expect([...grid.debts.cells()]).toEqual([]);
    Reflect.deleteProperty(grid, 'settle');
    expect(toHex(ledger.execute(block).stateDigest)).toBe(toHex(stateDigest));
  });

  it('leaves an account what is left, however little', () => {
    const world = new PublicWorld({ accounts: names('ann', 'bob'), ...FLAT });
    world.must('ann', payTo('new', MINIMUM));
    expect(world.refusal('new', payTo('bob', 1))).toBe('grid.belowMinimum');
    expect(world.available('new')).toBe(MINIMUM - FEE);
    expect(world.refusal('ann', payTo('new', FEE - 1n))).toBe('grid.belowMinimum');
    expect(world.must('ann', payTo('new', FEE))).toHaveLength(1);
    expect(world.must('new', payTo('bob', MINIMUM - FEE, true))).toHaveLength(1);
    expect(world.available('new')).toBe(0n);
  });

  it('is told for so many accounts at a time', () => {
    const all = Array.from({ length: 501 }, (_, place) => `payer ${place}`);
    const world = new PublicWorld({ accounts: names(...all), ...FLAT });
    const had = treasury(world);
    const { events } = world.block(
      all.map((name, place) => world.envelope(name, [payTo(all[(place + 1) % 501] as string, 1)])),
    );
    expect(events.filter(({ type }) => type === 'grid.feesCollected')).toEqual([
      { type: 'grid.feesCollected', payers: 500, amount: (500n * FEE).toString() },
      { type: 'grid.feesCollected', payers: 1, amount: FEE.toString() },
    ]);
    expect(treasury(world) - had).toBe(501n * FEE);
  });
});

/** GRID as one would write it first: every lock that ever was, every balance by name, no journal. */
class NaiveGrid {
  available = new Map<string, bigint>();
  held = new Map<string, bigint>();
  standing: { who: string; reason: string; amount: bigint }[] = [];
  timed: { who: string; amount: bigint; until: number }[] = [];
  owed = new Map<string, bigint>();
  keys = new Set<string>();
  treasury = 0n;
  supply = 0n;

  of(who: string): bigint {
    return this.available.get(who) ?? 0n;
  }

  total(who: string): bigint {
    return this.of(who) + (this.held.get(who) ?? 0n);
  }

  locked(who: string, now: number): bigint {
    const amounts = [
      ...this.standing.filter((lock) => lock.who === who),
      ...this.timed.filter((lock) => lock.who === who && lock.until > now),
    ].map(({ amount }) => amount);
    return amounts.reduce((most, each) => (each > most ? each : most), 0n);
  }

  spendable(who: string, now: number): bigint {
    const left = this.of(who) - this.locked(who, now);
    const owed = this.owed.get(who) ?? 0n;
    return left > owed ? left - owed : 0n;
  }

  add(who: string, amount: bigint): void {
    this.available.set(who, this.of(who) + amount);
  }

  give(who: string, amount: bigint): void {
    if (this.total(who) + amount < MINIMUM) this.treasury += amount;
    else {
      this.keys.add(who);
      this.add(who, amount);
    }
  }

  sweep(who: string, now: number): void {
    const left = this.of(who) - (this.owed.get(who) ?? 0n);
    if ((this.held.get(who) ?? 0n) > 0n || left >= MINIMUM || this.locked(who, now) > 0n || left <= 0n) return;
    this.add(who, -left);
    this.treasury += left;
  }

  pay(from: string, { to, amount, close }: Payment, now: number): string {
    if (from === to) return 'grid.sameAccount';
    if (this.spendable(from, now) < amount) return 'grid.insufficientBalance';
    if (this.total(to) + amount < MINIMUM) return 'grid.belowMinimum';
    if (this.total(from) - (this.owed.get(from) ?? 0n) - amount < MINIMUM && !close) return 'grid.belowMinimum';
    this.add(from, -amount);
    this.keys.add(to);
    this.add(to, amount);
    if (close) this.sweep(from, now);
    return 'executed';
  }

  copy(): Pick<NaiveGrid, 'available' | 'keys' | 'treasury'> {
    return { available: new Map(this.available), keys: new Set(this.keys), treasury: this.treasury };
  }
}

interface Payment {
  readonly to: string;
  readonly amount: bigint;
  readonly close: boolean;
}

const PEOPLE = ['ann', 'bob', 'cat', 'dan', 'new one', 'new two'];

describe('GRID', () => {
  it.each([1, 2])('is what a naive ledger says, whatever is asked of it (seed %i)', (seed) => {
    const prng = new Prng(seed);
    const one = <T>(of: readonly T[]): T => of[prng.below(of.length)] as T;
    // No era ends meanwhile: rewards are not of this model.
    const accounts = { ann: 5, bob: 5, cat: 1, dan: 1 };
    const { world, meddling } = meddled({ accounts, consensus: { epochBlocks: 1_000 }, ...FLAT });
    const naive = new NaiveGrid();
    naive.standing.push({ who: 'val', reason: 'staking', amount: BigInt(gridAmount(10_000)) });
    for (const [name, whole] of [
      ['ann', 5],
      ['bob', 5],
      ['cat', 1],
      ['dan', 1],
      ['val', 10_001],
    ] as const) {
      naive.keys.add(name);
      naive.add(name, BigInt(gridAmount(whole)));
      naive.supply += BigInt(gridAmount(whole));
    }
    const seen = new Map<string, number>();
    for (let round = 0; round < 150; round++) {
      const now = world.ledger.time + 6_000;
      // What may be asked for is judged before, and every fee of the block beside the others.
      const owed = new Map<string, bigint>();
      const asked = Array.from({ length: prng.below(7) }, () => {
        const by = one(PEOPLE);
        const payments = Array.from({ length: 1 + prng.below(3) }, (): Payment => {
          const rest = naive.spendable(by, now) - BigInt(prng.below(3)) * FEE;
          return {
            to: one(PEOPLE),
            amount: one([1n, MINIMUM - 1n, MINIMUM, 300_000n, 2_000_000n, rest > 0n ? rest : 1n]),
            close: prng.below(3) === 0,
          };
        });
        const atomic = prng.below(2) === 0;
        const bytes = world.envelope(
          by,
          payments.map(({ to, amount, close }) => payTo(to, amount, close)),
          atomic,
        );
        const fee = FEE * BigInt(payments.length);
        const before = owed.get(by) ?? 0n;
        const refusal = !naive.keys.has(by)
          ? 'operation.unknownKey'
          : naive.spendable(by, now) - before < fee
            ? 'grid.feeUnpaid'
            : undefined;
        if (refusal === undefined) owed.set(by, before + fee);
        return { by, payments, atomic, bytes, fee, refusal };
      });
      expect(
        admission(
          world,
          asked.map(({ bytes }) => bytes),
        ),
      ).toEqual(asked.map(({ refusal }) => refusal));
      const admitted = asked.filter(({ refusal }) => refusal === undefined);

      meddle(world, meddling, naive, { one, below: (bound) => prng.below(bound), now });

      const unpaid = admitted.map(({ by, fee }) => {
        if (naive.spendable(by, now) < fee) return true;
        naive.owed.set(by, (naive.owed.get(by) ?? 0n) + fee);
        return false;
      });
      const expected = admitted.flatMap(({ by, payments, atomic }, place) => {
        if (unpaid[place]) return payments.map(() => 'grid.feeUnpaid');
        const before = naive.copy();
        const results: string[] = [];
        for (const payment of payments) {
          const result = naive.pay(by, payment, now);
          results.push(result);
          if (result !== 'executed' && atomic) {
            Object.assign(naive, before);
            const at = results.length - 1;
            return payments.map((_, other) => (other === at ? result : 'envelope.aborted'));
          }
        }
        return results;
      });
      for (const [who, fee] of naive.owed) {
        const taken = fee < naive.of(who) ? fee : naive.of(who);
        naive.add(who, -taken);
        naive.treasury += taken;
      }
      naive.owed.clear();

      const { outcomes, quarantined } = world.block(admitted.map(({ bytes }) => bytes));
      expect(quarantined).toEqual([]);
      expect(codes(outcomes)).toEqual(expected);
      for (const code of [...expected, ...asked.map(({ refusal }) => refusal ?? 'admitted')])
        seen.set(code, (seen.get(code) ?? 0) + 1);
      const { grid, accounts } = world.ledger.state;
      for (const who of [...PEOPLE, 'val']) {
        const { available, held } = accounts.balance(keyOf(who), GRID);
        expect([who, available, held]).toEqual([who, naive.of(who), naive.held.get(who) ?? 0n]);
        for (const later of [0, 6_000, 20_000])
          expect(grid.spendable(keyOf(who), now + later)).toBe(naive.spendable(who, now + later));
      }
      expect(treasury(world)).toBe(naive.treasury);
      const { genesis, minted, burned } = accounts.supply(GRID);
      expect(genesis + minted - burned).toBe(naive.supply);
    }
    // The stream has met what there is to meet.
    for (const code of [
      'executed',
      'grid.sameAccount',
      'grid.insufficientBalance',
      'grid.belowMinimum',
      'envelope.aborted',
      'grid.feeUnpaid',
      'operation.unknownKey',
    ])
      expect([code, (seen.get(code) ?? 0) > 0]).toEqual([code, true]);
  });

  it('goes on from its rows as it would have gone on', () => {
    const run = (restarts: boolean): string => {
      const prng = new Prng(9);
      const meddling = new Meddling(false);
      const world = new PublicWorld({ accounts: names('ann', 'bob', 'cat'), before: meddling.module });
      meddling.next(({ time }, { grid }) => {
        grid.lock(keyOf('ann'), 'a reason', 40_000_000n);
        grid.lock(keyOf('bob'), 'a second reason', 99_000_000n);
        for (let i = 1; i < 9; i++)
          grid.lockUntil(keyOf('cat'), { amount: BigInt(10 - i) * 9_000_000n, until: time + i * 60_000 }, time);
      });
      for (let round = 0; round < 120; round++) {
        if (restarts && round % 25 === 10) world.restart();
        const envelopes = Array.from({ length: 4 }, () => {
          const [by, to] = [PEOPLE[prng.below(3)] as string, PEOPLE[prng.below(6)] as string];
          return world.envelope(by, [payTo(to, 1 + prng.below(9_000_000), prng.below(2) === 0)]);
        });
        const may = admission(world, envelopes);
        world.block(envelopes.filter((_, place) => may[place] === undefined));
      }
      expect([...world.ledger.state.grid.locks.cells()].length).toBeGreaterThan(1);
      return toHex(world.ledger.stateDigest);
    };
    expect(run(true)).toBe(run(false));
  });
});

/** Locks, deposits, issues and slashes of the next block, on both ledgers. */
function meddle(
  world: PublicWorld,
  meddling: Meddling,
  naive: NaiveGrid,
  { one, below, now }: { one: <T>(of: readonly T[]) => T; below: (bound: number) => number; now: number },
): void {
  const who = one(PEOPLE);
  const account = keyOf(who);
  const amount = BigInt(below(3_000_000));
  switch (below(8)) {
    case 0: {
      const reason = one(['a reason', 'a second reason']);
      naive.standing = naive.standing.filter((lock) => lock.who !== who || lock.reason !== reason);
      naive.standing.push({ who, reason, amount });
      return meddling.next((_, { grid }) => grid.lock(account, reason, amount));
    }
    case 1: {
      const reason = one(['a reason', 'a second reason']);
      naive.standing = naive.standing.filter((lock) => lock.who !== who || lock.reason !== reason);
      return meddling.next((_, { grid }) => grid.lock(account, reason, 0n));
    }
    case 2: {
      const until = now + 6_000 * below(5);
      naive.timed.push({ who, amount, until });
      return meddling.next(({ time }, { grid }) => grid.lockUntil(account, { amount, until }, time));
    }
    case 3: {
      const spendable = naive.spendable(who, now);
      const held = amount < spendable ? amount : spendable;
      if (held === 0n) return;
      naive.add(who, -held);
      naive.held.set(who, (naive.held.get(who) ?? 0n) + held);
      return meddling.next((_, { grid }, deposits) => {
        grid.hold(account, held);
        deposits.set(`${who}`, { account, amount: Number(naive.held.get(who)) });
      });
    }
    case 4: {
      const held = naive.held.get(who) ?? 0n;
      if (held === 0n) return;
      naive.held.set(who, 0n);
      naive.add(who, held);
      return meddling.next((_, { grid }, deposits) => {
        grid.hold(account, -held);
        deposits.store.change(deposits.cell(who), undefined);
      });
    }
    case 5: {
      naive.supply += amount;
      naive.give(who, amount);
      return meddling.next((context, { grid }) => {
        grid.issue(amount, 'stakingReward');
        grid.credit(context, account, amount);
      });
    }
    case 6: {
      const taken = amount < naive.of(who) ? amount : naive.of(who);
      naive.add(who, -taken);
      naive.supply -= taken;
      naive.sweep(who, now);
      return meddling.next((context, { grid }) => {
        grid.destroy(grid.take(account, amount), 'slash');
        grid.sweep(context, account);
      });
    }
    default:
  }
}
