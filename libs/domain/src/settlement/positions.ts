import { EMPTY_CHAIN, foldEntry, foldIntoBoth, type HistoryEntry, type TradeEntry } from '@gridtokenx/chain';
import type { Crypto } from '@gridtokenx/crypto';
import { assert, type ByteReader, compareText, type RowWriter } from '@gridtokenx/kernel';
import { kwhOf } from '../accounts/state.js';
import { readFlag } from '../ledger/rows.js';
import { SortedSet } from '../ledger/sorted.js';
import { PairTable, type Cell, type Store } from '../ledger/store.js';

/** What an account took, gave, bought and sold in one zone and interval, as long as the interval is not settled. Wh. */
export interface PositionRow {
  /** By all its meters in the zone: the sums of what each took, and of what each gave, net. */
  readonly importWh: number;
  readonly exportWh: number;
  /** Sold before delivery; of its export so much is held for it first. */
  readonly soldForwardWh: number;
  readonly reservedWh: number;
  /** Sold of its export after delivery. */
  readonly soldSpotWh: number;
  /** Bought, and held for its import; and what was bought before delivery and is not delivered yet. */
  readonly boughtWh: number;
  readonly boughtForwardWh: number;
  /** Whether a meter of the account was read in the zone. */
  readonly isMetered: boolean;
  /** SPEC settlement 1.2: SHA-256 over the account's history in this zone and interval. */
  readonly history: Uint8Array;
}

const NOTHING: PositionRow = {
  importWh: 0,
  exportWh: 0,
  soldForwardWh: 0,
  reservedWh: 0,
  soldSpotWh: 0,
  boughtWh: 0,
  boughtForwardWh: 0,
  isMetered: false,
  history: EMPTY_CHAIN,
};

export type PositionCell = Cell<PositionRow, Place | undefined>;

const byAccount = (a: PositionCell, b: PositionCell): number => compareText(a.first, b.first);

/** A zone in an interval: what is settled together. */
export class Place {
  readonly key: string;
  readonly asset: string;
  /** In the order in which they are settled. */
  readonly open = new SortedSet<PositionCell>(byAccount);

  constructor(
    readonly zone: string,
    readonly interval: string,
  ) {
    this.key = placeKey(zone, interval);
    this.asset = kwhOf(zone, interval);
  }
}

/** How rows of a zone and interval are named. */
export const placeKey = (zone: string, interval: string): string => `${zone}/${interval}`;

/** Who stands how in intervals that are not settled. */
export class PositionsState {
  /** By account, and zone and interval. */
  readonly rows: PairTable<PositionRow, Place | undefined>;
  private readonly places = new Map<string, Place>();
  private settledPlaces: Place[] = [];

  constructor(
    readonly store: Store,
    private readonly crypto: Crypto,
  ) {
    this.rows = new PairTable<PositionRow, Place | undefined>(
      store,
      'settlement.position',
      {
        encode: encodePosition,
        decode: decodePosition,
        escrow: ({ reservedWh, boughtWh }, { first: account, extra: place }) => {
          assert(place !== undefined, 'a position has a place');
          return { account, asset: place.asset, amount: reservedWh + boughtWh, isUntold: true };
        },
        changed: (cell, old, now) => {
          if (old === undefined && now !== undefined) (cell.extra = this.place(cell.second)).open.add(cell);
          // The place stays with the cell: what its row held is asked after it is gone.
          if (old !== undefined && now === undefined) cell.extra?.open.remove(cell);
        },
      },
      undefined,
    );
  }

  /** By zone and interval in one text. */
  place(key: string): Place {
    let place = this.places.get(key);
    if (place === undefined) {
      const slash = key.indexOf('/');
      this.places.set(key, (place = new Place(key.slice(0, slash), key.slice(slash + 1))));
    }
    return place;
  }

  placeOf(zone: string, interval: string): Place {
    return this.place(placeKey(zone, interval));
  }

  cell(account: string, zone: string, interval: string): PositionCell {
    return this.rows.pair(account, placeKey(zone, interval));
  }

  of(cell: PositionCell): PositionRow {
    return cell.value ?? NOTHING;
  }

  /** Changes a position and tells it in the account's history. */
  note(cell: PositionCell, entry: HistoryEntry, change: Partial<PositionRow>): void {
    const row = this.of(cell);
    this.store.change(cell, rowWith(row, change, foldEntry(this.crypto, row.history, entry)));
  }

  /** The same of both sides of a trade. */
  noteTrade(
    seller: PositionCell,
    sellerChange: Partial<PositionRow>,
    buyer: PositionCell,
    buyerChange: Partial<PositionRow>,
    entry: TradeEntry,
  ): void {
    const [sold, bought] = [this.of(seller), this.of(buyer)];
    const [sellers, buyers] = foldIntoBoth(this.crypto, sold.history, bought.history, entry);
    this.store.change(seller, rowWith(sold, sellerChange, sellers));
    this.store.change(buyer, rowWith(bought, buyerChange, buyers));
  }

  /** Forgets the indexes of places that were settled in earlier blocks: until then an undo might have needed them. */
  freeSettled(): void {
    for (const place of this.settledPlaces) if (place.open.size === 0) this.places.delete(place.key);
    this.settledPlaces = [];
  }

  settled(place: Place): void {
    this.settledPlaces.push(place);
  }
}

/** Written out, since two rows are made for each trade and spreads cost more than all else of it. */
const rowWith = (row: PositionRow, change: Partial<PositionRow>, history: Uint8Array): PositionRow => ({
  importWh: change.importWh ?? row.importWh,
  exportWh: change.exportWh ?? row.exportWh,
  soldForwardWh: change.soldForwardWh ?? row.soldForwardWh,
  reservedWh: change.reservedWh ?? row.reservedWh,
  soldSpotWh: change.soldSpotWh ?? row.soldSpotWh,
  boughtWh: change.boughtWh ?? row.boughtWh,
  boughtForwardWh: change.boughtForwardWh ?? row.boughtForwardWh,
  isMetered: change.isMetered ?? row.isMetered,
  history,
});

const encodePosition = (writer: RowWriter, row: PositionRow): void =>
  void writer
    .u64(row.importWh)
    .u64(row.exportWh)
    .u64(row.soldForwardWh)
    .u64(row.reservedWh)
    .u64(row.soldSpotWh)
    .u64(row.boughtWh)
    .u64(row.boughtForwardWh)
    .u8(row.isMetered ? 1 : 0)
    .fixed(row.history);

const decodePosition = (reader: ByteReader): PositionRow => ({
  importWh: reader.u64(),
  exportWh: reader.u64(),
  soldForwardWh: reader.u64(),
  reservedWh: reader.u64(),
  soldSpotWh: reader.u64(),
  boughtWh: reader.u64(),
  boughtForwardWh: reader.u64(),
  isMetered: readFlag(reader),
  history: reader.fixed(32),
});
