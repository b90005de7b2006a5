import { shareOf } from './allocation.js';
import type { TradeEntry } from './history.js';

/** micro-WATT for so many Wh at a rate in 0.0001 THB/kWh, rounded down. */
export function amountOf(rate: number, wh: number): bigint {
  const product = rate * wh;
  return product <= Number.MAX_SAFE_INTEGER ? BigInt(Math.floor(product / 10)) : (BigInt(rate) * BigInt(wh)) / 10n;
}

/** What a trade comes to for each side, in micro-WATT, with `deliveredWh` of its energy delivered. */
export interface TradeBill {
  readonly deliveredWh: number;
  readonly shortfallWh: number;
  /** What the buyer pays the seller for what was delivered. */
  readonly energy: number;
  readonly buyerFee: number;
  readonly wheeling: number;
  readonly sellerFee: number;
  /** What the operator of the delivery zone gets for the shortfall, by who pays it. */
  readonly buyerTopUp: bigint;
  readonly sellerTopUp: bigint;
  /** Who gets the charges; they sum to buyerFee + wheeling + sellerFee. */
  readonly toOperator: number;
  readonly fromOperator: number;
  readonly platform: number;
  readonly tax: number;
}

/** SPEC settlement 3.1-3.4. `topUpRate` in 0.0001 THB/kWh. */
export function billOf(trade: TradeEntry, deliveredWh: number, topUpRate: number): TradeBill {
  const { priceTicks, quantityWh } = trade;
  const shortfallWh = quantityWh - deliveredWh;
  const price = priceTicks * 10;
  const charged = (charge: number): number => charge - shareOf(charge, shortfallWh, quantityWh);
  const passedOn = (part: number): number => shareOf(part, deliveredWh, quantityWh);
  const [buyerFee, wheeling, sellerFee] = [charged(trade.buyerFee), charged(trade.wheeling), charged(trade.sellerFee)];
  const [fromOperator, platform, tax] = [passedOn(trade.fromOperator), passedOn(trade.platform), passedOn(trade.tax)];
  const topUp = amountOf(topUpRate, shortfallWh);
  const agreed = BigInt(price * shortfallWh);
  const buyerTopUp = agreed < topUp ? agreed : topUp;
  return {
    deliveredWh,
    shortfallWh,
    energy: price * deliveredWh,
    buyerFee,
    wheeling,
    sellerFee,
    buyerTopUp,
    sellerTopUp: topUp - buyerTopUp,
    // What is charged is rounded up and what is passed on is rounded down, so this rest is never negative.
    toOperator: buyerFee + wheeling + sellerFee - fromOperator - platform - tax,
    fromOperator,
    platform,
    tax,
  };
}

/** Those whom the money of a trade goes from and to: its two sides, two utilities, the platform and the tax. */
export const PARTIES = ['buyer', 'seller', 'toOperator', 'fromOperator', 'platform', 'tax'] as const;
/** What each has more afterwards, in micro-WATT: sums to zero. */
export type TradeMoney = Readonly<Record<(typeof PARTIES)[number], bigint>>;

export function moneyOf(bill: TradeBill): TradeMoney {
  const { energy, buyerFee, wheeling, sellerFee, buyerTopUp, sellerTopUp } = bill;
  return {
    buyer: -BigInt(energy) - BigInt(buyerFee) - BigInt(wheeling) - buyerTopUp,
    seller: BigInt(energy) - BigInt(sellerFee) - sellerTopUp,
    toOperator: BigInt(bill.toOperator) + buyerTopUp + sellerTopUp,
    fromOperator: BigInt(bill.fromOperator),
    platform: BigInt(bill.platform),
    tax: BigInt(bill.tax),
  };
}

/** SPEC settlement 3: the money of a trade of which `deliveredWh` were delivered. */
export const tradeMoney = (trade: TradeEntry, deliveredWh: number, topUpRate: number): TradeMoney =>
  moneyOf(billOf(trade, deliveredWh, topUpRate));
