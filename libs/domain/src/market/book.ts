import { compareText, formatTime, millis } from '@gridtokenx/kernel';
import type { Fraction, Mechanism, Phase } from '@gridtokenx/protocol';
import { kwhOf, WATT, type AccountsState, type BalanceGroup } from '../accounts/state.js';
import { SortedSet } from '../ledger/sorted.js';
import type { Cell } from '../ledger/store.js';
import { placeKey } from '../settlement/positions.js';
import { carryOf, feeOf } from './fee.js';
import { Side } from './side.js';
import type { OrderNode } from './state.js';
import { amountUpAt, type BookTerms } from './terms.js';

/** What names a book. */
export interface BookName {
  readonly mechanism: Mechanism;
  readonly phase: Phase;
  readonly fromZone: string;
  readonly toZone: string;
  readonly interval: string;
}

/** All of a book's name but its interval, in one text without a slash. */
export const marketOf = ({ mechanism, phase, fromZone, toZone }: Omit<BookName, 'interval'>): string =>
  `${fromZone}>${toZone}~${mechanism === 'auction' ? 'a' : 'c'}${phase === 'spot' ? 's' : 'f'}`;

const MARKET = /^([A-Z0-9-]+)>([A-Z0-9-]+)~([ac])([fs])$/;

/** The other way round; undefined when the text names no market. */
export function nameOfMarket(market: string): Omit<BookName, 'interval'> | undefined {
  const [, fromZone, toZone, mechanism, phase] = MARKET.exec(market) ?? [];
  if (fromZone === undefined || toZone === undefined) return undefined;
  return {
    mechanism: mechanism === 'a' ? 'auction' : 'continuous',
    phase: phase === 's' ? 'spot' : 'forward',
    fromZone,
    toZone,
  };
}

export const BOOK_STATUSES = ['open', 'closing'] as const;

export interface BookRow {
  readonly status: (typeof BOOK_STATUSES)[number];
  /** Market time. */
  readonly closesAt: number;
  /** Of the tariff book, whose terms it trades under. */
  readonly tariffVersion: number;
}

/** By market and interval; with its index while it is not closed. */
export type BookCell = Cell<BookRow, Book | undefined>;

const byEntry = (a: OrderNode, b: OrderNode): number => a.entry - b.entry;

/** A book while it is not closed: its terms, and its orders as an index over their rows. */
export class Book implements BookName {
  readonly bids = new Side(true);
  readonly asks = new Side(false);
  /** Orders that have not come in yet, in the order in which they were placed. */
  readonly waiting = new SortedSet<OrderNode>(byEntry);
  readonly mechanism: Mechanism;
  readonly phase: Phase;
  readonly fromZone: string;
  readonly toZone: string;
  readonly interval: string;
  readonly isSpot: boolean;
  readonly isAuction: boolean;
  readonly closesAtText: string;
  readonly key: string;
  /** What a seller sells, and what a buyer gets: the same within one zone. */
  readonly soldAsset: string;
  readonly boughtAsset: string;
  readonly sold: BalanceGroup;
  readonly bought: BalanceGroup;
  readonly soldPlace: string;
  readonly boughtPlace: string;
  /** Changes only while nothing rests in it. */
  terms: BookTerms;
  /** SPEC market 3.1: a bid's limit less this is what it offers for the energy. */
  wheelingTicks: number;
  /** The hash of the version of the tariff book that was last seen to come to these terms. */
  seen: string;

  constructor(
    name: BookName,
    readonly closesAt: number,
    terms: BookTerms,
    accounts: AccountsState,
  ) {
    ({
      mechanism: this.mechanism,
      phase: this.phase,
      fromZone: this.fromZone,
      toZone: this.toZone,
      interval: this.interval,
    } = name);
    this.isSpot = name.phase === 'spot';
    this.isAuction = name.mechanism === 'auction';
    this.closesAtText = formatTime(millis(closesAt));
    this.key = `${marketOf(name)}/${name.interval}`;
    this.soldAsset = kwhOf(name.fromZone, name.interval);
    this.boughtAsset = kwhOf(name.toZone, name.interval);
    this.sold = accounts.balances.group(this.soldAsset);
    this.bought = accounts.balances.group(this.boughtAsset);
    this.soldPlace = placeKey(name.fromZone, name.interval);
    this.boughtPlace = placeKey(name.toZone, name.interval);
    this.terms = terms;
    this.wheelingTicks = Math.ceil(terms.wheeling / 100);
    this.seen = terms.hash;
  }

  reprice(terms: BookTerms): void {
    this.terms = terms;
    this.wheelingTicks = Math.ceil(terms.wheeling / 100);
    this.seen = terms.hash;
  }

  /** The zone and interval whose energy an order of one side is about. */
  placeOf(isBid: boolean): string {
    return isBid ? this.boughtPlace : this.soldPlace;
  }

  /** What an order of one side has in escrow: WATT, but for an ask of energy that is there. */
  escrowAsset(isBid: boolean): string {
    return isBid || !this.isSpot ? WATT : this.soldAsset;
  }

  /**
   * SPEC market 2.2: what an order holds: a bid its limit with the charges that it may still be asked for, an ask the energy, or before
   * delivery the margin against a shortfall.
   */
  holdOf(isBid: boolean, priceTicks: number, remainingWh: number, feeCarry: number): number {
    const { terms } = this;
    if (isBid) {
      const value = priceTicks * 10 * remainingWh;
      return value + feeOf(terms.buyerFee, feeCarry, value);
    }
    return this.isSpot ? remainingWh : amountUpAt(terms.marginRate, remainingWh);
  }
}

/** A charge in proportion to the notional, and what is left over of its floor for the next one: SPEC market 4.2. */
export const chargeOf = (
  share: Fraction,
  carry: number,
  notional: number,
): readonly [charge: number, carry: number] => [feeOf(share, carry, notional), carryOf(share, carry, notional)];

export const byTimeThenKey = (a: Book, b: Book): number => a.closesAt - b.closesAt || compareText(a.key, b.key);
