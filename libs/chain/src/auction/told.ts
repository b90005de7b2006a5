import type { EventOf, LedgerEvent } from '@gridtokenx/protocol';
import { AUCTION_ORDERS_MAX, CURVE_STEPS_MAX } from '@gridtokenx/protocol';
import { checkClearing, type ClearingFaultCode } from './check.js';
import { curveOf, thinned, type CurveStep } from './curve.js';
import { inPriority, type AuctionOrder } from './order.js';

type Cleared = EventOf<'market.cleared'>;
type BookName = Pick<Cleared, 'mechanism' | 'phase' | 'fromZone' | 'toZone' | 'interval'>;

export type ToldFaultCode =
  | ClearingFaultCode
  /** Facts that are not there: no opening of the book, fewer trades than were told. */
  | 'clearing.incomplete'
  /** Other orders took part than those of the book. */
  | 'clearing.otherOrders'
  /** A trade at another price, or between others, than the clearing says. */
  | 'clearing.otherTrade'
  | 'clearing.otherCurve';

/** A clearing that was told, and what is wrong with it, if anything; `about` names an order or is empty. */
export interface ToldClearing {
  readonly cleared: Cleared;
  readonly fault?: { readonly code: ToldFaultCode; readonly about: string };
}

/** A book that stands, and its orders that do. */
interface Watched {
  readonly wheelingTicks: number;
  readonly orders: Map<string, Resting>;
}

interface Resting {
  readonly book: Watched;
  readonly account: string;
  readonly isBid: boolean;
  readonly priceTicks: number;
  entry: number;
  remainingWh: number;
}

interface Pending {
  readonly cleared: Cleared;
  readonly bids: readonly AuctionOrder[];
  readonly asks: readonly AuctionOrder[];
  readonly trades: EventOf<'market.traded'>[];
}

const keyOf = ({ mechanism, phase, fromZone, toZone, interval }: BookName): string =>
  [mechanism, phase, fromZone, toZone, interval].join(' ');

/**
 * SPEC market 8.5: follows the facts of a ledger in their order, from before a book opened on, and checks each clearing against the
 * orders that they told of, and nothing else. One is told of when the last of its trades is.
 */
export class ClearingWatch {
  private readonly orders = new Map<string, Resting>();
  private readonly books = new Map<string, Watched>();
  private entries = 0;
  private pending: Pending | undefined;

  /** What follows from the next facts; those of one block, whole, end a clearing. */
  block(events: Iterable<LedgerEvent>): ToldClearing[] {
    const told: ToldClearing[] = [];
    for (const event of events) {
      const one = this.next(event);
      if (one !== undefined) told.push(one);
    }
    if (this.pending !== undefined) {
      told.push({ cleared: this.pending.cleared, fault: { code: 'clearing.incomplete', about: '' } });
      this.pending = undefined;
    }
    return told;
  }

  private next(event: LedgerEvent): ToldClearing | undefined {
    switch (event.type) {
      case 'market.bookOpened':
      // Its orders have ended before.
      case 'market.bookRepriced':
        this.books.set(keyOf(event), { wheelingTicks: Math.ceil(event.wheeling / 100), orders: new Map() });
        return undefined;
      case 'market.bookClosed':
        this.books.delete(keyOf(event));
        return undefined;
      case 'market.orderPlaced':
        this.placed(event);
        return undefined;
      case 'market.orderWaits':
        this.orders.get(event.order)?.book.orders.delete(event.order);
        return undefined;
      case 'market.orderCameIn':
        this.cameIn(event.order);
        return undefined;
      case 'market.orderClosed':
        this.orders.get(event.order)?.book.orders.delete(event.order);
        this.orders.delete(event.order);
        return undefined;
      case 'market.cleared':
        return this.cleared(event);
      case 'market.traded':
        return this.traded(event);
      default:
        return undefined;
    }
  }

  /** Orders of a book whose opening was not seen are passed over. */
  private placed(event: EventOf<'market.orderPlaced'>): void {
    const book = this.books.get(keyOf(event));
    if (book === undefined) return;
    const { order, account, side, priceTicks, quantityWh } = event;
    const resting = {
      book,
      account,
      isBid: side === 'bid',
      priceTicks,
      entry: this.entries++,
      remainingWh: Number(quantityWh),
    };
    this.orders.set(order, resting);
    book.orders.set(order, resting);
  }

  /** Its place in time is when it came in. */
  private cameIn(order: string): void {
    const resting = this.orders.get(order);
    if (resting === undefined) return;
    resting.entry = this.entries++;
    resting.book.orders.set(order, resting);
  }

  private cleared(cleared: Cleared): ToldClearing | undefined {
    const book = this.books.get(keyOf(cleared));
    if (book === undefined || this.pending !== undefined)
      return { cleared, fault: { code: 'clearing.incomplete', about: '' } };
    const [bids, asks] = partsOf(book, cleared.mechanism);
    this.pending = { cleared, bids, asks, trades: [] };
    return cleared.trades === 0 ? this.finish(this.pending) : undefined;
  }

  private traded(trade: EventOf<'market.traded'>): ToldClearing | undefined {
    for (const [id, left] of [
      [trade.bid, trade.bidRemainingWh],
      [trade.ask, trade.askRemainingWh],
    ] as const) {
      const order = this.orders.get(id);
      if (order !== undefined) order.remainingWh = Number(left);
    }
    const { pending } = this;
    if (pending === undefined) return undefined;
    pending.trades.push(trade);
    return pending.trades.length === pending.cleared.trades ? this.finish(pending) : undefined;
  }

  private finish({ cleared, bids, asks, trades }: Pending): ToldClearing {
    this.pending = undefined;
    const fault = faultOf(cleared, bids, asks, trades);
    return fault === undefined ? { cleared } : { cleared, fault };
  }
}

/** SPEC market 8.2 */
function partsOf(
  { orders, wheelingTicks }: Watched,
  mechanism: Cleared['mechanism'],
): readonly [bids: readonly AuctionOrder[], asks: readonly AuctionOrder[]] {
  const sides: { bid: AuctionOrder[]; ask: AuctionOrder[] } = { bid: [], ask: [] };
  for (const [id, { account, isBid, priceTicks, remainingWh, entry }] of orders)
    sides[isBid ? 'bid' : 'ask'].push({
      id,
      account,
      limitTicks: isBid ? priceTicks - wheelingTicks : priceTicks,
      quantityWh: remainingWh,
      entry,
    });
  const [bids, asks] = [inPriority(sides.bid, true), inPriority(sides.ask, false)];
  if (mechanism === 'auction') return [bids, asks];
  const [highest, lowest] = [bids[0]?.limitTicks ?? Number.NaN, asks[0]?.limitTicks ?? Number.NaN];
  const best = AUCTION_ORDERS_MAX / 2;
  return [
    bids.filter(({ limitTicks }) => limitTicks >= lowest).slice(0, best),
    asks.filter(({ limitTicks }) => limitTicks <= highest).slice(0, best),
  ];
}

function faultOf(
  cleared: Cleared,
  bids: readonly AuctionOrder[],
  asks: readonly AuctionOrder[],
  trades: readonly EventOf<'market.traded'>[],
): ToldClearing['fault'] {
  const { lowTicks, highTicks, priceTicks, dominant, capWh } = cleared;
  if (bids.length !== cleared.bids || asks.length !== cleared.asks) return { code: 'clearing.otherOrders', about: '' };
  const accounts = new Map([...bids, ...asks].map(({ id, account }) => [id, account]));
  const stray = trades.find(
    (trade) =>
      keyOf(trade) !== keyOf(cleared) ||
      trade.priceTicks !== priceTicks ||
      accounts.get(trade.bid) !== trade.buyer ||
      accounts.get(trade.ask) !== trade.seller,
  );
  if (stray !== undefined) return { code: 'clearing.otherTrade', about: stray.bid };
  const fault = checkClearing(
    bids,
    asks,
    { rule: cleared.marginal, ...(capWh !== undefined && { capWh: BigInt(capWh) }) },
    {
      matchableWh: BigInt(cleared.matchableWh),
      volumeWh: BigInt(cleared.volumeWh),
      interval: {
        ...(lowTicks !== undefined && { low: lowTicks }),
        ...(highTicks !== undefined && { high: highTicks }),
      },
      ...(priceTicks !== undefined && { priceTicks }),
      ...(dominant !== undefined && { dominant }),
      fills: trades.map(({ bid, ask, quantityWh }) => ({ bid, ask, quantityWh: Number(quantityWh) })),
    },
  );
  if (fault !== undefined) return fault;
  const isOther = (side: readonly AuctionOrder[], curve: Cleared['demand']): boolean =>
    JSON.stringify(publishedCurve(curveOf(side))) !== JSON.stringify(curve);
  return isOther(bids, cleared.demand) || isOther(asks, cleared.supply)
    ? { code: 'clearing.otherCurve', about: '' }
    : undefined;
}

/** SPEC market 8.4 */
export const publishedCurve = (steps: readonly CurveStep[]): Cleared['demand'] =>
  thinned(steps, CURVE_STEPS_MAX).map(({ priceTicks, wh }) => ({ priceTicks, wh: wh.toString() }));
