/**
 * The market as one would write it first: arrays, sorted scans, big integers, whole sums anew each time. It shares no code
 * with the fast one, and must agree with it on everything that can be seen.
 */
export interface NaiveOrder {
  readonly id: string;
  readonly account: string;
  readonly side: 'bid' | 'ask';
  readonly price: bigint;
  remaining: bigint;
  readonly expiresAt: number;
  readonly arrival: number;
  notional: bigint;
  charged: bigint;
}

export interface NaiveTrade {
  readonly bid: string;
  readonly ask: string;
  readonly price: string;
  readonly quantity: string;
  readonly buyerFee: string;
  readonly sellerFee: string;
}

export interface NaiveTerms {
  readonly feeRate: bigint;
  readonly buyerShare: bigint;
  readonly sellerShare: bigint;
  readonly operator: string;
  readonly closesAt: number;
}

export class NaiveMarket {
  orders: NaiveOrder[] = [];
  readonly trades: NaiveTrade[] = [];
  readonly seen = new Set<string>();
  readonly watt = new Map<string, bigint>();
  readonly kwh = new Map<string, bigint>();
  now = 0;
  private arrivals = 0;

  constructor(private readonly terms: NaiveTerms) {}

  private fee(order: NaiveOrder, notional: bigint): bigint {
    const { feeRate, buyerShare, sellerShare } = this.terms;
    return (notional * feeRate * (order.side === 'bid' ? buyerShare : sellerShare)) / 100_000_000n;
  }

  hold(order: NaiveOrder): bigint {
    if (order.side === 'ask') return order.remaining;
    const value = order.remaining * order.price * 10n;
    return value + this.fee(order, order.notional + value) - order.charged;
  }

  /** What is not in escrow. */
  available(account: string, side: 'bid' | 'ask'): bigint {
    const total = (side === 'bid' ? this.watt : this.kwh).get(account) ?? 0n;
    return this.orders
      .filter((order) => order.account === account && order.side === side)
      .reduce((rest, order) => rest - this.hold(order), total);
  }

  expire(): void {
    this.orders = this.orders.filter((order) => order.expiresAt > this.now);
  }

  place(
    id: string,
    account: string,
    side: 'bid' | 'ask',
    price: number,
    quantity: number,
    tif: 'GTC' | 'IOC' | 'FOK',
    expiresAt: number,
  ): string {
    if (expiresAt <= this.now) return 'market.expiryInPast';
    if (quantity < 100) return 'market.belowMinimum';
    const order: NaiveOrder = {
      id,
      account,
      side,
      price: BigInt(price),
      remaining: BigInt(quantity),
      expiresAt: Math.min(expiresAt, this.terms.closesAt),
      arrival: this.arrivals++,
      notional: 0n,
      charged: 0n,
    };
    if (this.available(account, side) < this.hold(order)) return 'accounts.insufficientBalance';
    const others = this.orders
      .filter((other) => other.side !== side && other.account !== account)
      .filter((other) => (side === 'bid' ? other.price <= order.price : other.price >= order.price))
      .sort((a, b) => Number(side === 'bid' ? a.price - b.price : b.price - a.price) || a.arrival - b.arrival);
    const fillable = others.reduce((sum, other) => sum + other.remaining, 0n);
    if (tif === 'FOK' && fillable < order.remaining) return 'market.fillOrKill';
    this.seen.add(id);
    for (const other of others) {
      if (order.remaining === 0n) break;
      this.trade(order, other);
    }
    this.orders = this.orders.filter((other) => other.remaining > 0n);
    if (order.remaining > 0n && tif === 'GTC') this.orders.push(order);
    return 'ok';
  }

  private trade(taker: NaiveOrder, maker: NaiveOrder): void {
    const quantity = taker.remaining < maker.remaining ? taker.remaining : maker.remaining;
    const notional = quantity * maker.price * 10n;
    const [bid, ask] = taker.side === 'bid' ? [taker, maker] : [maker, taker];
    const charge = (order: NaiveOrder): bigint => {
      order.notional += notional;
      order.remaining -= quantity;
      const due = this.fee(order, order.notional) - order.charged;
      order.charged += due;
      return due;
    };
    const buyerFee = charge(bid);
    const sellerFee = charge(ask);
    const add = (balances: Map<string, bigint>, account: string, amount: bigint): void =>
      void balances.set(account, (balances.get(account) ?? 0n) + amount);
    add(this.watt, bid.account, -notional - buyerFee);
    add(this.watt, ask.account, notional - sellerFee);
    add(this.watt, this.terms.operator, buyerFee + sellerFee);
    // What was bought waits for the settlement: it is not for sale.
    add(this.kwh, ask.account, -quantity);
    this.trades.push({
      bid: bid.id,
      ask: ask.id,
      price: maker.price.toString(),
      quantity: quantity.toString(),
      buyerFee: buyerFee.toString(),
      sellerFee: sellerFee.toString(),
    });
  }

  cancel(id: string): string {
    if (!this.seen.has(id)) return 'market.unknownOrder';
    const at = this.orders.findIndex((order) => order.id === id);
    if (at < 0) return 'market.orderNotOpen';
    this.orders.splice(at, 1);
    return 'ok';
  }

  replace(id: string, old: string, price: number, quantity: number): string {
    const order = this.orders.find((other) => other.id === old);
    const before = [...this.orders];
    const code = this.cancel(old);
    if (code !== 'ok' || order === undefined) return code;
    const placed = this.place(id, order.account, order.side, price, quantity, 'GTC', order.expiresAt);
    if (placed !== 'ok') this.orders = before;
    return placed;
  }
}
