import { amountOf, type TradeEntry } from '@gridtokenx/chain';
import { assert } from '@gridtokenx/kernel';
import type { BalanceCell } from '../accounts/state.js';
import type { BlockContext } from '../ledger/module.js';
import { WITHIN_ZONE, type Way } from '../network/capacity.js';
import { chargeOf, type Book } from './book.js';
import { buyerCost } from './contracts.js';
import { feeOf } from './fee.js';
import { ORDER_VALUE_MAX, type MarketState, type OpenOrder, type OrderCell } from './state.js';

/** An order that meets others, and the sums of what its trades came to: written to its balances once. */
export class Taker {
  feeCarry = 0;
  /** micro-WATT with charges of a bid, Wh or margin of an ask: taken from what is available. */
  paid = 0;
  /** Of that, what stays in escrow of its forward trades. */
  escrowed = 0;
  /** micro-WATT less the fee of an ask in the spot phase. */
  received = 0;
  /** Of the delivery operator. */
  fees = 0;
  /** What may still flow from zone to zone. */
  capacityWh: number;
  /** Over which links. */
  readonly route: string;

  constructor(
    readonly id: string,
    readonly account: string,
    readonly book: Book,
    readonly isBid: boolean,
    public remainingWh: number,
    way: Way = WITHIN_ZONE,
  ) {
    this.capacityWh = way.leftWh;
    this.route = way.route;
  }

  /** Whether it wants more, and more could get where it wants it. */
  get isHungry(): boolean {
    return this.remainingWh > 0 && this.capacityWh > 0;
  }
}

/** Beyond this, sums are written and begun anew, so that they stay safe integers with one more trade on top. */
const SUM_MAX = ORDER_VALUE_MAX;

/** One side of a trade. */
interface Party {
  readonly order: string;
  readonly account: string;
  readonly carry: number;
}

/** SPEC market 4.1: what a trade comes to, for everyone: its money sums to zero. */
export function priced(
  book: Book,
  trade: number,
  bid: Party,
  ask: Party,
  priceTicks: number,
  quantityWh: number,
): { entry: TradeEntry; bidCarry: number; askCarry: number } {
  const { terms } = book;
  const notional = priceTicks * 10 * quantityWh;
  const [buyerFee, bidCarry] = chargeOf(terms.buyerFee, bid.carry, notional);
  const [sellerFee, askCarry] = chargeOf(terms.sellerFee, ask.carry, notional);
  const charges = buyerFee + sellerFee;
  const platform = feeOf(terms.platformPart, 0, charges);
  let tax = feeOf(terms.taxPart, 0, charges);
  let [wheeling, fromOperator] = [0, 0];
  if (terms.wheeling !== 0) {
    wheeling = Number(amountOf(terms.wheeling, quantityWh));
    fromOperator = Number(amountOf(terms.wheelingFrom, quantityWh));
    tax += Number(amountOf(terms.wheelingTax, quantityWh));
  }
  // SPEC market 4.3: every residue of a rounding is the delivery operator's.
  const toOperator = charges + wheeling - platform - tax - fromOperator;
  const entry: TradeEntry = {
    kind: 'trade',
    trade,
    phase: book.phase,
    bid: bid.order,
    ask: ask.order,
    buyer: bid.account,
    seller: ask.account,
    fromZone: book.fromZone,
    toZone: book.toZone,
    priceTicks,
    quantityWh,
    buyerFee,
    sellerFee,
    wheeling,
    toOperator,
    fromOperator,
    platform,
    tax,
    tariffVersion: terms.version,
    tariffHash: terms.hash,
  };
  return { entry, bidCarry, askCarry };
}

/**
 * SPEC market 3.2, 4: one trade of an incoming order with one that rests, at this price of the energy. Returns what is left of the
 * resting order.
 */
export function trade(
  market: MarketState,
  context: BlockContext,
  taker: Taker,
  cell: OrderCell,
  row: OpenOrder,
  priceTicks: number,
  quantityWh: number,
): number {
  const { accounts, positions, store } = market;
  const { book, isBid } = taker;
  const takes: Party = { order: taker.id, account: taker.account, carry: taker.feeCarry };
  const makes: Party = { order: cell.key, account: row.account, carry: row.feeCarry };
  const [bid, ask] = isBid ? [takes, makes] : [makes, takes];
  const number = market.nextTrade();
  const { entry, bidCarry, askCarry } = priced(book, number, bid, ask, priceTicks, quantityWh);
  const cost = buyerCost(entry);
  const revenue = entry.priceTicks * 10 * quantityWh - entry.sellerFee;

  taker.feeCarry = isBid ? bidCarry : askCarry;
  const takerHeld = book.isSpot || isBid ? 0 : book.holdOf(false, 0, taker.remainingWh, 0);
  taker.remainingWh -= quantityWh;
  taker.capacityWh -= quantityWh;
  const remainingWh = row.remainingWh - quantityWh;
  const feeCarry = isBid ? askCarry : bidCarry;
  const held = book.holdOf(row.isBid, row.priceTicks, remainingWh, feeCarry);
  const maker = market.holderOf(row);
  if (book.isSpot) {
    if (isBid) {
      taker.paid += cost;
      accounts.move(maker, 0, -quantityWh);
      accounts.move(accounts.balances.cellIn(market.watt, ask.account), revenue, 0);
    } else {
      taker.paid += quantityWh;
      taker.received += revenue;
      // What the hold can no longer be needed for is free again at once.
      const released = row.held - held;
      accounts.move(maker, released - cost, -released);
    }
    accounts.move(accounts.balances.cellIn(book.bought, bid.account), 0, quantityWh);
    payCharges(market, book, taker, entry);
    if (book.soldAsset !== book.boughtAsset) {
      accounts.count(book.soldAsset, 'movedOut', BigInt(quantityWh));
      accounts.count(book.boughtAsset, 'movedIn', BigInt(quantityWh));
    }
  } else {
    // The margin of an order is divided so that its parts sum to the whole.
    const margin = isBid ? row.held - held : takerHeld - book.holdOf(false, 0, taker.remainingWh, 0);
    const mine = isBid ? cost : margin;
    taker.paid += mine;
    taker.escrowed += mine;
    const released = row.held - held;
    const kept = isBid ? margin : cost;
    accounts.move(maker, released - kept, kept - released);
    market.contracts.rows.set(String(number), { trade: entry, interval: book.interval, margin, route: taker.route });
    market.contracts.changeMargin(ask.account, book.soldPlace, margin);
  }
  const seller = positions.rows.pair(ask.account, book.soldPlace);
  const buyer = positions.rows.pair(bid.account, book.boughtPlace);
  positions.noteTrade(
    seller,
    book.isSpot
      ? { soldSpotWh: positions.of(seller).soldSpotWh + quantityWh }
      : { soldForwardWh: positions.of(seller).soldForwardWh + quantityWh },
    buyer,
    book.isSpot
      ? { boughtWh: positions.of(buyer).boughtWh + quantityWh }
      : { boughtForwardWh: positions.of(buyer).boughtForwardWh + quantityWh },
    entry,
  );
  tell(context, book, entry, isBid ? [taker.remainingWh, remainingWh] : [remainingWh, taker.remainingWh]);
  if (remainingWh === 0) return 0;
  const { account, entry: place, expiresAt } = row;
  store.change(cell, {
    account,
    book,
    isBid: row.isBid,
    priceTicks: row.priceTicks,
    remainingWh,
    expiresAt,
    entry: place,
    feeCarry,
    held,
    day: row.day,
    waits: undefined,
    closed: 0,
  });
  return remainingWh;
}

/** SPEC market 4.1: the charges go to whom the terms name; those of the delivery operator in one sum. */
function payCharges(market: MarketState, book: Book, taker: Taker, entry: TradeEntry): void {
  const { terms } = book;
  taker.fees += entry.toOperator;
  if (entry.fromOperator !== 0) pay(market, terms.operatorFrom, entry.fromOperator);
  if (entry.platform !== 0) pay(market, terms.platform, entry.platform);
  if (entry.tax !== 0) pay(market, terms.tax, entry.tax);
  if (taker.received > SUM_MAX || taker.fees > SUM_MAX) writeSums(market, taker);
}

const pay = ({ accounts, watt }: MarketState, account: string, amount: number): void =>
  accounts.move(accounts.balances.cellIn(watt, account), amount, 0);

/** What the trades of an order have brought so far. */
export function writeSums(market: MarketState, taker: Taker): void {
  if (taker.received !== 0) pay(market, taker.account, taker.received);
  if (taker.fees !== 0) pay(market, taker.book.terms.operatorTo, taker.fees);
  taker.received = 0;
  taker.fees = 0;
}

/** Takes what an order has paid and still holds from what its account has available. */
export function writeEscrow({ accounts }: MarketState, own: BalanceCell, taker: Taker, held: number): void {
  const escrowed = taker.escrowed + held;
  if (taker.paid !== 0 || held !== 0) accounts.move(own, -taker.paid - held, escrowed);
  assert(escrowed >= 0, 'an escrow is not negative');
}

function tell(context: BlockContext, book: Book, entry: TradeEntry, [bidLeft, askLeft]: readonly number[]): void {
  context.events.push({
    type: 'market.traded',
    trade: entry.trade,
    bid: entry.bid,
    ask: entry.ask,
    buyer: entry.buyer,
    seller: entry.seller,
    mechanism: book.mechanism,
    phase: book.phase,
    fromZone: book.fromZone,
    toZone: book.toZone,
    interval: book.interval,
    priceTicks: entry.priceTicks,
    quantityWh: entry.quantityWh.toString(),
    notional: (entry.priceTicks * 10 * entry.quantityWh).toString(),
    buyerFee: entry.buyerFee.toString(),
    sellerFee: entry.sellerFee.toString(),
    wheeling: entry.wheeling.toString(),
    feePayee: book.terms.operatorTo,
    toOperator: entry.toOperator.toString(),
    fromOperator: entry.fromOperator.toString(),
    platform: entry.platform.toString(),
    tax: entry.tax.toString(),
    tariffVersion: entry.tariffVersion,
    tariffHash: entry.tariffHash,
    bidRemainingWh: String(bidLeft),
    askRemainingWh: String(askLeft),
  });
}
