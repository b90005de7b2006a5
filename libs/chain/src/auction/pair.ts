import { assert } from '@gridtokenx/kernel';
import type { Acceptance, Accepted } from './accept.js';
import type { AuctionFill, AuctionOrder } from './order.js';

/** What is left to pair of an accepted order. */
interface Open {
  readonly order: AuctionOrder;
  left: number;
}

/**
 * SPEC auction 5: who trades with whom, in priority order of both sides; an order that would meet one of its own account
 * waits until one of another comes. Linear: each step uses up an order or a fill.
 */
export function pair({ bids, asks }: Acceptance): AuctionFill[] {
  const fills: AuctionFill[] = [];
  const bidQueue = new Waiting(bids);
  const askQueue = new Waiting(asks);
  for (;;) {
    const bid = bidQueue.first();
    const ask = askQueue.first();
    if (bid === undefined || ask === undefined) break;
    if (bid.order.account === ask.order.account) {
      // One side steps back; what waits on a side is always of one account.
      const other = askQueue.firstNotOf(bid.order.account);
      if (other !== undefined) trade(fills, bid, other);
      else {
        const otherBid = bidQueue.firstNotOf(ask.order.account);
        if (otherBid === undefined) break;
        trade(fills, otherBid, ask);
      }
    } else trade(fills, bid, ask);
  }
  return exchange(fills, bidQueue, askQueue);
}

function trade(fills: AuctionFill[], bid: Open, ask: Open): void {
  const quantityWh = Math.min(bid.left, ask.left);
  bid.left -= quantityWh;
  ask.left -= quantityWh;
  fills.push({ bid: bid.order, ask: ask.order, quantityWh });
}

/** Accepted orders in priority order, of which the first ones may wait for an order of another account. */
class Waiting {
  private readonly orders: Open[];
  /** From here on no order was looked at; before it, those that wait begin at `from`. */
  private next = 0;
  private from = 0;

  constructor(orders: readonly Accepted[]) {
    this.orders = orders.flatMap(({ order, quantityWh }) => (quantityWh > 0 ? [{ order, left: quantityWh }] : []));
  }

  first(): Open | undefined {
    while (this.orders[this.from]?.left === 0) this.from++;
    if (this.next < this.from) this.next = this.from;
    return this.orders[this.from];
  }

  /** All between `from` and `next` are of the account, or used up. */
  firstNotOf(account: string): Open | undefined {
    for (; this.next < this.orders.length; this.next++) {
      const order = this.orders[this.next];
      if (order !== undefined && order.left > 0 && order.order.account !== account) return order;
    }
    return undefined;
  }
}

/** SPEC auction 5.2: what is left is bids and asks of one account; they change places with fills that it is no party of. */
function exchange(fills: AuctionFill[], bids: Waiting, asks: Waiting): AuctionFill[] {
  let [bid, ask] = [bids.first(), asks.first()];
  if (bid === undefined && ask === undefined) return fills;
  const changed: AuctionFill[] = [];
  for (let at = fills.length - 1; at >= 0; at--) {
    const fill = fills[at];
    if (fill === undefined) continue;
    let left = fill.quantityWh;
    while (left > 0 && bid !== undefined && ask !== undefined) {
      const { account } = bid.order;
      if (fill.bid.account === account || fill.ask.account === account) break;
      const quantityWh = Math.min(left, bid.left, ask.left);
      changed.push({ bid: fill.bid, ask: ask.order, quantityWh }, { bid: bid.order, ask: fill.ask, quantityWh });
      left -= quantityWh;
      bid.left -= quantityWh;
      ask.left -= quantityWh;
      [bid, ask] = [bids.first(), asks.first()];
    }
    if (left > 0) changed.push({ ...fill, quantityWh: left });
  }
  assert(bid === undefined && ask === undefined, 'what is accepted finds a party');
  return changed.reverse();
}
