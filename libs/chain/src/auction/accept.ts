import type { MarginalRule } from '@gridtokenx/protocol';
import { least, type AuctionOrder } from './order.js';

/** An order that the price lets in, and how much of it is accepted. */
export interface Accepted {
  readonly order: AuctionOrder;
  quantityWh: number;
}

export interface Acceptance {
  /** In priority order. */
  readonly bids: readonly Accepted[];
  readonly asks: readonly Accepted[];
}

/** SPEC auction 4: who has how much of the volume at the price; both sides in priority order. Linear, but for 4.3. */
export function accept(
  bids: readonly AuctionOrder[],
  asks: readonly AuctionOrder[],
  priceTicks: number,
  volumeWh: bigint,
  rule: MarginalRule,
): Acceptance {
  const letIn = (orders: readonly AuctionOrder[], isIn: (order: AuctionOrder) => boolean): Accepted[] =>
    orders.filter(isIn).map((order) => ({ order, quantityWh: 0 }));
  const result = {
    bids: letIn(bids, ({ limitTicks }) => limitTicks >= priceTicks),
    asks: letIn(asks, ({ limitTicks }) => limitTicks <= priceTicks),
  };
  fillInPriority(result.bids, volumeWh, rule);
  fillInPriority(result.asks, volumeWh, rule);
  const account = overlapping(result, volumeWh);
  if (account !== undefined) passOver(result, account, volumeWh, rule);
  return result;
}

/** Whose accepted bids and asks are more than the volume together: some would have to be matched with each other. */
function overlapping({ bids, asks }: Acceptance, volumeWh: bigint): string | undefined {
  const bidders = new Set<string>();
  for (const { order, quantityWh } of bids) if (quantityWh > 0) bidders.add(order.account);
  const sums = new Map<string, bigint>();
  for (const { order, quantityWh } of asks)
    if (quantityWh > 0 && bidders.has(order.account))
      sums.set(order.account, (sums.get(order.account) ?? 0n) + BigInt(quantityWh));
  if (sums.size === 0) return undefined;
  for (const { order, quantityWh } of bids) {
    const sum = sums.get(order.account);
    if (sum !== undefined) sums.set(order.account, sum + BigInt(quantityWh));
  }
  for (const [account, sum] of sums) if (sum > volumeWh) return account;
  return undefined;
}

/** SPEC auction 4.4: the account is one party of every trade; its asks keep their place as far as others bid. */
function passOver({ bids, asks }: Acceptance, account: string, volumeWh: bigint, rule: MarginalRule): void {
  const isOwn = ({ order }: Accepted): boolean => order.account === account;
  const [ownBids, otherBids] = [bids.filter(isOwn), bids.filter((one) => !isOwn(one))];
  const [ownAsks, otherAsks] = [asks.filter(isOwn), asks.filter((one) => !isOwn(one))];
  const sold = least(
    sumOf(ownAsks, ({ quantityWh }) => quantityWh),
    sumOf(otherBids, ({ order }) => order.quantityWh),
  );
  fillInPriority(ownAsks, sold, rule);
  fillInPriority(otherBids, sold, rule);
  fillInPriority(ownBids, volumeWh - sold, rule);
  fillInPriority(otherAsks, volumeWh - sold, rule);
}

function sumOf(orders: readonly Accepted[], quantity: (one: Accepted) => number): bigint {
  let sum = 0n;
  for (const one of orders) sum += BigInt(quantity(one));
  return sum;
}

/** SPEC auction 4.1: level by level from the best; the level that has more than is left is the marginal one. */
function fillInPriority(orders: readonly Accepted[], volumeWh: bigint, rule: MarginalRule): void {
  let left = volumeWh;
  for (let at = 0; at < orders.length;) {
    const limit = orders[at]?.order.limitTicks;
    let end = at;
    while (orders[end]?.order.limitTicks === limit) end++;
    const level = orders.slice(at, end);
    const sum = sumOf(level, ({ order }) => order.quantityWh);
    if (sum <= left || rule === 'time') left = fillInTime(level, left);
    else {
      fillInProportion(level, left, sum);
      left = 0n;
    }
    at = end;
  }
}

/** SPEC auction 4.2 */
function fillInTime(level: readonly Accepted[], wanted: bigint): bigint {
  let left = wanted;
  for (const one of level) {
    const quantity = least(left, BigInt(one.order.quantityWh));
    one.quantityWh = Number(quantity);
    left -= quantity;
  }
  return left;
}

/** SPEC auction 4.3: floor of the share each; what the floors leave goes, a Wh each, to the largest remainders, then by entry. */
function fillInProportion(level: readonly Accepted[], wanted: bigint, sum: bigint): void {
  let left = wanted;
  const shares = level.map((one) => {
    const product = wanted * BigInt(one.order.quantityWh);
    const share = product / sum;
    one.quantityWh = Number(share);
    left -= share;
    return { one, remainder: product - share * sum };
  });
  shares.sort((a, b) =>
    a.remainder === b.remainder ? a.one.order.entry - b.one.order.entry : a.remainder > b.remainder ? -1 : 1,
  );
  for (const { one } of shares.slice(0, Number(left))) one.quantityWh++;
}
