import type { Crypto } from '@gridtokenx/crypto';
import { assert, type ByteReader, fromBase64Url, type RowWriter } from '@gridtokenx/kernel';
import { rejected, TREASURY_ACCOUNT, type LedgerEvent, type RejectedOutcome } from '@gridtokenx/protocol';
import {
  lockedAt,
  NO_LOCKS,
  spendableAt,
  TIMED_LOCKS_MAX,
  withLock,
  withoutEnded,
  withTimedLock,
  type Locks,
  type TimedLock,
} from '../accounts/locks.js';
import { supplyTotal, type AccountsState } from '../accounts/state.js';
import { keyTable, UNUSED_WINDOW, type KeyRow } from '../ledger/keys.js';
import { plainTable, type Store, type Table } from '../ledger/store.js';
import type { ParametersState } from '../parameters/state.js';

export const GRID = 'GRID';

/** More reasons than modules have. */
const STANDING_LOCKS_MAX = 16;
const KEY_ID_LENGTH = 43;

function writeLocks(writer: RowWriter, { standing, timed }: Locks): void {
  writer.u32(standing.length);
  for (const { reason, amount } of standing) writer.text(reason).i128(amount);
  writer.u32(timed.length);
  for (const { amount, until } of timed) writer.i128(amount).u64(until);
}

const readLocks = (reader: ByteReader): Locks => ({
  standing: Array.from({ length: reader.count(STANDING_LOCKS_MAX, 20) }, () => ({
    reason: reader.text(),
    amount: reader.i128(),
  })),
  timed: Array.from({ length: reader.count(TIMED_LOCKS_MAX, 24) }, () => ({
    amount: reader.i128(),
    until: reader.u64(),
  })),
});

/** SPEC grid 1.3: why GRID comes to be, and why it ends. */
export const ISSUE_REASONS = ['stakingReward'] as const;
export const DESTROY_REASONS = ['slash', 'treasuryBurn'] as const;
export type IssueReason = (typeof ISSUE_REASONS)[number];
export type DestroyReason = (typeof DESTROY_REASONS)[number];

/** What all GRID is made of, in micro-GRID. */
export interface SupplyAccount {
  readonly genesis: bigint;
  readonly issued: Readonly<Record<IssueReason, bigint>>;
  readonly destroyed: Readonly<Record<DestroyReason, bigint>>;
  readonly total: bigint;
}

/** What facts go to, of an operation or a hook. */
interface Facts {
  readonly events: LedgerEvent[];
  readonly time: number;
}

/** Who owns GRID, what of it may be spent, and who may sign. Every module of the public ledger moves GRID through here. */
export class GridState {
  /** Keys that own accounts, under their own names, and keys that sign blocks, which own none. */
  readonly keys: Table<KeyRow>;
  readonly locks: Table<Locks>;
  /** Accounts that no key owns, by what they are for. */
  readonly named: Table<string>;
  /** By reason: what was issued or destroyed for it since the genesis. */
  private readonly supplyBy: Table<bigint>;
  /** SPEC grid 4.3: what the envelopes of the block that runs owe. No row outlives its block. */
  readonly debts: Table<bigint>;

  constructor(
    private readonly store: Store,
    private readonly accounts: AccountsState,
    private readonly parameters: ParametersState,
    private readonly crypto: Pick<Crypto, 'isAcceptableKey'>,
  ) {
    this.keys = keyTable(store, 'grid.key');
    this.locks = plainTable<Locks>(store, 'grid.lock', { encode: writeLocks, decode: readLocks });
    this.named = plainTable<string>(store, 'grid.named', {
      encode: (writer, purpose) => void writer.text(purpose),
      decode: (reader) => reader.text(),
    });
    this.supplyBy = plainTable<bigint>(store, 'grid.supply', {
      encode: (writer, amount) => void writer.i128(amount),
      decode: (reader) => reader.i128(),
    });
    this.debts = plainTable<bigint>(store, 'grid.debt', {
      encode: (writer, amount) => void writer.i128(amount),
      decode: (reader) => reader.i128(),
    });
  }

  get minimum(): bigint {
    return this.parameters.amount('grid.existentialMinimum');
  }

  /** All that an account has, spendable or not, in micro-GRID. */
  total(account: string): bigint {
    const { available, held } = this.accounts.balance(account, GRID);
    return available + held;
  }

  /** SPEC grid 4.3: what of it is taken for fees when the block ends. */
  owed(account: string): bigint {
    return this.debts.get(account) ?? 0n;
  }

  exists(account: string): boolean {
    return this.named.has(account) || this.total(account) > 0n;
  }

  /** SPEC grid 3.2: what is available, less the greatest lock on the account and what it owes in fees; never below zero. */
  spendable(account: string, time: number): bigint {
    const owed = this.owed(account);
    const free = spendableAt(this.accounts.available(account, GRID), this.locks.get(account) ?? NO_LOCKS, time);
    return free > owed ? free - owed : 0n;
  }

  /** SPEC grid 3.1: in place of the lock that had this reason; zero takes it away. */
  lock(account: string, reason: string, amount: bigint): void {
    this.writeLocks(account, withLock(this.locks.get(account) ?? NO_LOCKS, reason, amount));
  }

  /** SPEC grid 3.1: a lock that ends by itself. */
  lockUntil(account: string, lock: TimedLock, time: number): void {
    this.writeLocks(account, withTimedLock(withoutEnded(this.locks.get(account) ?? NO_LOCKS, time), lock));
  }

  private writeLocks(account: string, locks: Locks): void {
    const none = locks.standing.length === 0 && locks.timed.length === 0;
    this.store.change(this.locks.cell(account), none ? undefined : locks);
  }

  /** SPEC grid 1.2: why nobody can pay to this account, or nothing. */
  refusePayee(account: string): RejectedOutcome | undefined {
    if (this.exists(account)) return undefined;
    if (account.length !== KEY_ID_LENGTH) return rejected('grid.unknownAccount', { account });
    const key = this.keys.get(account);
    if (key !== undefined) return key.account === account ? undefined : rejected('grid.unusableAccount', { account });
    const bytes = fromBase64Url(account);
    return bytes?.length === 32 && this.crypto.isAcceptableKey(bytes)
      ? undefined
      : rejected('grid.unusableAccount', { account });
  }

  /**
   * SPEC grid 2.1: moves what may be spent. The payee has at least the minimum afterwards; so has the payer, or `close` is asked for and
   * what is left is dust.
   */
  pay(facts: Facts, from: string, to: string, amount: bigint, close = false): RejectedOutcome | undefined {
    assert(amount > 0n, 'a payment is of something');
    if (from === to) return rejected('grid.sameAccount');
    const refusal = this.refusePayee(to);
    if (refusal !== undefined) return refusal;
    if (this.spendable(from, facts.time) < amount) return rejected('grid.insufficientBalance', { account: from });
    if (this.total(to) + amount < this.minimum && !this.named.has(to))
      return rejected('grid.belowMinimum', { account: to });
    const left = this.total(from) - this.owed(from) - amount;
    if (left < this.minimum && !close && !this.named.has(from)) return rejected('grid.belowMinimum', { account: from });
    this.accounts.add(this.accounts.cell(from, GRID), -amount);
    // Who is paid was looked at above.
    this.give(facts, to, amount);
    if (close) this.sweep(facts, from);
    return undefined;
  }

  /**
   * SPEC grid 2.2: gives what was taken or minted elsewhere in the same operation or hook. Where it is too little to make an account of,
   * or nobody can have it, it is the treasury's.
   */
  credit(facts: Pick<Facts, 'events'>, account: string, amount: bigint): void {
    assert(amount >= 0n, 'a credit is not negative');
    if (amount === 0n) return;
    const tooLittle = this.total(account) + amount < this.minimum && !this.named.has(account);
    this.give(facts, tooLittle || this.refusePayee(account) !== undefined ? TREASURY_ACCOUNT : account, amount);
  }

  private give(facts: Pick<Facts, 'events'>, to: string, amount: bigint): void {
    if (!this.exists(to)) facts.events.push({ type: 'grid.accountOpened', account: to });
    if (to.length === KEY_ID_LENGTH && !this.keys.has(to))
      this.keys.set(to, { organisation: '', account: to, removed: false, window: UNUSED_WINDOW });
    this.accounts.add(this.accounts.cell(to, GRID), amount);
  }

  /** Takes from what is available, locked or not: fees, slashes. At most what is there; returns what was taken. */
  take(account: string, amount: bigint): bigint {
    const available = this.accounts.available(account, GRID);
    const taken = amount < available ? amount : available;
    if (taken > 0n) this.accounts.add(this.accounts.cell(account, GRID), -taken);
    return taken;
  }

  /** SPEC grid 4.4: takes what the account owes in fees, or what there is of it; returns how much that was. */
  settle(account: string): bigint {
    const taken = this.take(account, this.owed(account));
    this.store.change(this.debts.cell(account), undefined);
    return taken;
  }

  /**
   * SPEC grid 2.3: ends an account that is given up, or that was slashed: what is left below the minimum, beside what it owes in fees, is the
   * treasury's, unless something locks or holds it.
   */
  sweep({ events, time }: Facts, account: string): void {
    const { available, held } = this.accounts.balance(account, GRID);
    const left = available - this.owed(account);
    const locks = this.locks.get(account) ?? NO_LOCKS;
    if (this.named.has(account) || held > 0n || left >= this.minimum || lockedAt(locks, time) > 0n) return;
    if (locks !== NO_LOCKS) this.writeLocks(account, NO_LOCKS);
    if (left <= 0n) return;
    this.accounts.transfer(account, TREASURY_ACCOUNT, GRID, left);
    events.push({ type: 'grid.dustCollected', account, amount: left.toString() });
  }

  /** SPEC grid 1.3: new GRID, for whoever `credit` gives it to in the same operation or hook. */
  issue(amount: bigint, reason: IssueReason): void {
    const supply = this.accounts.supply(GRID);
    this.accounts.supplies.set(GRID, { ...supply, minted: supply.minted + amount });
    this.supplyBy.set(reason, this.suppliedBy(reason) + amount);
  }

  /** SPEC grid 1.3: GRID that was taken, and is nobody's any more. */
  destroy(amount: bigint, reason: DestroyReason): void {
    const supply = this.accounts.supply(GRID);
    this.accounts.supplies.set(GRID, { ...supply, burned: supply.burned + amount });
    this.supplyBy.set(reason, this.suppliedBy(reason) + amount);
  }

  private suppliedBy(reason: string): bigint {
    return this.supplyBy.get(reason) ?? 0n;
  }

  /** SPEC grid 1.3: that of the genesis, what was issued since and what was destroyed, each by its reason. */
  explainSupply(): SupplyAccount {
    const supply = this.accounts.supply(GRID);
    const by = <R extends string>(reasons: readonly R[]): Readonly<Record<R, bigint>> =>
      Object.fromEntries(reasons.map((reason) => [reason, this.suppliedBy(reason)])) as Record<R, bigint>;
    return {
      genesis: supply.genesis,
      issued: by(ISSUE_REASONS),
      destroyed: by(DESTROY_REASONS),
      total: supplyTotal(supply),
    };
  }

  /** Puts so much of what may be spent on hold, or gives it back; a row with an escrow says for what. */
  hold(account: string, change: bigint): void {
    const cell = this.accounts.cell(account, GRID);
    this.accounts.move(cell, Number(-change), Number(change));
  }
}
