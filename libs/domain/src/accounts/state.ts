import { assert, type RowWriter } from '@gridtokenx/kernel';
import { PairTable, plainTable, type Cell, type Group, type Store, type Table } from '../ledger/store.js';

export const WATT = 'WATT';
/** The energy of one zone and delivery interval. */
export const kwhOf = (zone: string, interval: string): string => `KWH:${zone}:${interval}`;

export interface Balance {
  readonly available: bigint;
  readonly held: bigint;
}

/** SPEC accounts 1.3: what came into being less what went is what all balances of the asset sum to. */
export interface Supply {
  readonly genesis: bigint;
  readonly minted: bigint;
  readonly burned: bigint;
  /** Energy that was used up, or fed in. */
  readonly retired: bigint;
  /** Energy that a trade brought from another zone, and that one took to another. */
  readonly movedIn: bigint;
  readonly movedOut: bigint;
  /** Energy that nobody could use and nobody bought. */
  readonly expired: bigint;
}

export interface Reserve {
  readonly amount: bigint;
  readonly reference: string;
}

export const NO_SUPPLY: Supply = {
  genesis: 0n,
  minted: 0n,
  burned: 0n,
  retired: 0n,
  movedIn: 0n,
  movedOut: 0n,
  expired: 0n,
};
const ZERO: Balance = { available: 0n, held: 0n };

/** With the sum of the changes of escrow of orders in one scan of the journal; zero outside it. */
export type BalanceCell = Cell<Balance, number>;
/** Of one asset, by account. */
export type BalanceGroup = Group<Balance, number>;

export const supplyTotal = ({ genesis, minted, burned, retired, movedIn, movedOut, expired }: Supply): bigint =>
  genesis + minted - burned - retired + movedIn - movedOut - expired;

/** Who has what: the only place where money and energy change hands. */
export class AccountsState {
  /** By account and asset. */
  readonly balances: PairTable<Balance, number>;
  readonly supplies: Table<Supply>;
  readonly reserve: Table<Reserve>;

  constructor(private readonly store: Store) {
    this.balances = new PairTable<Balance, number>(
      store,
      'accounts.balance',
      {
        encode: (writer: RowWriter, { available, held }) => void writer.i128(available).i128(held),
        decode: (reader) => {
          const balance = { available: reader.i128(), held: reader.i128() };
          if (balance.available < 0n || balance.held < 0n) reader.fail('negative');
          if (balance.available === 0n && balance.held === 0n) reader.fail('zeroIsAbsent');
          return balance;
        },
      },
      0,
    );
    this.supplies = plainTable<Supply>(store, 'accounts.supply', {
      encode: (writer, { genesis, minted, burned, retired, movedIn, movedOut, expired }) =>
        void writer.i128(genesis).i128(minted).i128(burned).i128(retired).i128(movedIn).i128(movedOut).i128(expired),
      decode: (reader) => ({
        genesis: reader.i128(),
        minted: reader.i128(),
        burned: reader.i128(),
        retired: reader.i128(),
        movedIn: reader.i128(),
        movedOut: reader.i128(),
        expired: reader.i128(),
      }),
    });
    this.reserve = plainTable<Reserve>(store, 'accounts.reserve', {
      encode: (writer, { amount, reference }) => void writer.i128(amount).text(reference),
      decode: (reader) => ({ amount: reader.i128(), reference: reader.text() }),
    });
  }

  balance(account: string, asset: string): Balance {
    return this.balances.getPair(account, asset) ?? ZERO;
  }

  available(account: string, asset: string): bigint {
    return this.balances.getPair(account, asset)?.available ?? 0n;
  }

  supply(asset: string): Supply {
    return this.supplies.get(asset) ?? NO_SUPPLY;
  }

  cell(account: string, asset: string): BalanceCell {
    return this.balances.pair(account, asset);
  }

  /** A balance of nothing is an absent row, so that one state has one digest. */
  private write(cell: BalanceCell, available: bigint, held: bigint): void {
    this.store.change(cell, available === 0n && held === 0n ? undefined : { available, held });
  }

  add(cell: BalanceCell, available: bigint): void {
    const { value } = cell;
    if (value === undefined) this.write(cell, available, 0n);
    else this.write(cell, value.available + available, value.held);
  }

  /** Changes both parts; the amounts are safe integers. */
  move(cell: BalanceCell, available: number, held: number): void {
    assert(Number.isSafeInteger(available) && Number.isSafeInteger(held), 'a change of a balance is a safe integer');
    const { value } = cell;
    const nowAvailable =
      value === undefined ? BigInt(available) : available === 0 ? value.available : value.available + BigInt(available);
    const nowHeld = value === undefined ? BigInt(held) : held === 0 ? value.held : value.held + BigInt(held);
    this.write(cell, nowAvailable, nowHeld);
  }

  mint(account: string, asset: string, amount: bigint): void {
    this.count(asset, 'minted', amount);
    this.add(this.cell(account, asset), amount);
  }

  burn(account: string, asset: string, amount: bigint): void {
    this.count(asset, 'burned', amount);
    this.add(this.cell(account, asset), -amount);
  }

  /** Tells in the supply why the balances of an asset change; whoever calls it changes them. */
  count(asset: string, why: Exclude<keyof Supply, 'genesis'>, amount: bigint): void {
    const supply = this.supply(asset);
    this.supplies.set(asset, { ...supply, [why]: supply[why] + amount });
  }

  transfer(from: string, to: string, asset: string, amount: bigint): void {
    this.add(this.cell(from, asset), -amount);
    this.add(this.cell(to, asset), amount);
  }
}
