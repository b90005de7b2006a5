import type { Due } from './netting.js';

/**
 * Settlement as one would write it down: whole numbers without bound, fractions as pairs of them, no history and no corrections, just
 * the last readings and the trades. Shares no code with the settlement that it is compared with.
 */

export interface NaiveTrade {
  readonly trade: number;
  readonly buyer: string;
  readonly seller: string;
  readonly fromZone: string;
  readonly toZone: string;
  readonly price: bigint;
  readonly quantity: bigint;
  readonly buyerFee: bigint;
  readonly sellerFee: bigint;
  readonly wheeling: bigint;
  readonly fromOperator: bigint;
  readonly platform: bigint;
  readonly tax: bigint;
}

export interface NaiveReading {
  readonly account: string;
  readonly zone: string;
  readonly meter: string;
  readonly consumed: bigint;
  readonly produced: bigint;
}

export interface NaiveZone {
  readonly topUp: bigint;
  readonly surplus: bigint;
  readonly rule: 'fifo' | 'proRata';
}

const sum = (numbers: readonly bigint[]): bigint => numbers.reduce((a, b) => a + b, 0n);
const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
/** Towards minus infinity, of a positive denominator. */
const floor = (numerator: bigint, denominator: bigint): bigint => {
  const quotient = numerator / denominator;
  return quotient * denominator > numerator ? quotient - 1n : quotient;
};
const ceiling = (numerator: bigint, denominator: bigint): bigint => -floor(-numerator, denominator);

export function naiveShares(total: bigint, wants: readonly bigint[], rule: NaiveZone['rule']): bigint[] {
  const wanted = sum(wants);
  if (total >= wanted) return [...wants];
  if (rule === 'fifo') {
    const shares: bigint[] = [];
    for (const want of wants) shares.push(least(want, total - sum(shares)));
    return shares;
  }
  const shares = wants.map((want) => floor(want * total, wanted));
  // One Wh at a time to whoever is furthest below its exact share.
  while (sum(shares) < total) {
    let [best, behind] = [-1, -1n];
    wants.forEach((want, i) => {
      const missing = want * total - (shares[i] ?? 0n) * wanted;
      if (missing > behind) [best, behind] = [i, missing];
    });
    shares[best] = (shares[best] ?? 0n) + 1n;
  }
  return shares;
}

export interface NaiveOutcome {
  readonly delivered: ReadonlyMap<number, bigint>;
  /** micro-WATT by who it is: accounts, `to <zone>` and `from <zone>` for operators, `platform`, `tax`. */
  readonly money: ReadonlyMap<string, bigint>;
  /** Wh by account and zone. */
  readonly surplus: ReadonlyMap<string, bigint>;
  readonly used: ReadonlyMap<string, bigint>;
  readonly expired: ReadonlyMap<string, bigint>;
  readonly retail: ReadonlyMap<string, bigint>;
}

export function naiveSettlement(
  zones: ReadonlyMap<string, NaiveZone>,
  readings: readonly NaiveReading[],
  trades: readonly NaiveTrade[],
): NaiveOutcome {
  const money = new Map<string, bigint>();
  const pay = (who: string, amount: bigint): void => void money.set(who, (money.get(who) ?? 0n) + amount);
  const zoneOf = (name: string): NaiveZone => zones.get(name) ?? { topUp: 0n, surplus: 0n, rule: 'fifo' };
  const sides = [
    ...readings.map(({ account, zone }) => ({ account, zone })),
    ...trades.map(({ seller, fromZone }) => ({ account: seller, zone: fromZone })),
    ...trades.map(({ buyer, toZone }) => ({ account: buyer, zone: toZone })),
  ];
  const positions = new Map(sides.map((side) => [`${side.account}/${side.zone}`, side]));
  const own = (account: string, zone: string): NaiveReading[] =>
    readings.filter((reading) => reading.account === account && reading.zone === zone);
  const exported = (account: string, zone: string): bigint =>
    sum(own(account, zone).map(({ consumed, produced }) => (produced > consumed ? produced - consumed : 0n)));
  const imported = (account: string, zone: string): bigint =>
    sum(own(account, zone).map(({ consumed, produced }) => (consumed > produced ? consumed - produced : 0n)));
  const inOrder = [...trades].sort((a, b) => a.trade - b.trade);

  const delivered = new Map<number, bigint>();
  for (const { account, zone } of positions.values()) {
    const sales = inOrder.filter(({ seller, fromZone }) => seller === account && fromZone === zone);
    const shares = naiveShares(
      exported(account, zone),
      sales.map(({ quantity }) => quantity),
      zoneOf(zone).rule,
    );
    sales.forEach(({ trade }, i) => delivered.set(trade, shares[i] ?? 0n));
  }

  for (const trade of inOrder) {
    const d = delivered.get(trade.trade) ?? 0n;
    const q = trade.quantity;
    const energy = trade.price * 10n * d;
    const topUp = floor(zoneOf(trade.toZone).topUp * (q - d), 10n);
    const buyerTopUp = least(topUp, trade.price * 10n * (q - d));
    // A charge for a part of the energy is that part of it, up; who gets a part of the charges gets that part, down.
    const charged = (charge: bigint): bigint => ceiling(charge * d, q);
    const part = (amount: bigint): bigint => floor(amount * d, q);
    const charges = charged(trade.buyerFee) + charged(trade.wheeling) + charged(trade.sellerFee);
    pay(trade.buyer, -energy - charged(trade.buyerFee) - charged(trade.wheeling) - buyerTopUp);
    pay(trade.seller, energy - charged(trade.sellerFee) - (topUp - buyerTopUp));
    pay(`from ${trade.fromZone}`, part(trade.fromOperator));
    pay('platform', part(trade.platform));
    pay('tax', part(trade.tax));
    pay(`to ${trade.toZone}`, charges - part(trade.fromOperator) - part(trade.platform) - part(trade.tax) + topUp);
  }

  const [surplus, used, expired, retail] = [0, 0, 0, 0].map(() => new Map<string, bigint>()) as [
    Map<string, bigint>,
    Map<string, bigint>,
    Map<string, bigint>,
    Map<string, bigint>,
  ];
  for (const [key, { account, zone }] of positions) {
    const bought = sum(
      inOrder
        .filter(({ buyer, toZone }) => buyer === account && toZone === zone)
        .map(({ trade }) => delivered.get(trade) ?? 0n),
    );
    const sold = sum(
      inOrder
        .filter(({ seller, fromZone }) => seller === account && fromZone === zone)
        .map(({ trade }) => delivered.get(trade) ?? 0n),
    );
    const [out, into] = [exported(account, zone), imported(account, zone)];
    used.set(key, least(bought, into));
    retail.set(key, into - least(bought, into));
    const left = out + bought - sold - least(bought, into);
    const isMetered = own(account, zone).length > 0;
    surplus.set(key, isMetered ? left : 0n);
    expired.set(key, isMetered ? 0n : left);
    const paid = isMetered ? floor(zoneOf(zone).surplus * left, 10n) : 0n;
    pay(account, paid);
    pay(`to ${zone}`, -paid);
  }
  return { delivered, money, surplus, used, expired, retail };
}

/** Sets aside the first who cannot pay, and begins again. */
export function naiveNetting(
  dues: readonly Due[],
  available: ReadonlyMap<string, bigint>,
): { readonly settled: readonly Due[]; readonly net: ReadonlyMap<string, bigint>; readonly unable: readonly string[] } {
  const unable: string[] = [];
  for (;;) {
    const settled = dues.filter(({ payer, payee }) => !unable.includes(payer) && !unable.includes(payee));
    const names = [...new Set(dues.flatMap(({ payer, payee }) => [payer, payee]))].sort();
    const net = new Map(
      names.map((name) => [
        name,
        sum(settled.map(({ payer, payee, amount }) => (payee === name ? amount : payer === name ? -amount : 0n))),
      ]),
    );
    const first = names.find(
      (name) => !unable.includes(name) && (net.get(name) ?? 0n) + (available.get(name) ?? 0n) < 0n,
    );
    if (first === undefined) return { settled, net, unable };
    unable.push(first);
  }
}
