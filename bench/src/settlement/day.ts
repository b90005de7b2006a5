import { assert, formatInterval, INTERVAL_MS, millis } from '@gridtokenx/kernel';
import type { TradeEntry } from '@gridtokenx/chain';
import type { BookTerms } from '@gridtokenx/domain';

/** Of the day that is settled, in milliseconds: 00:00 UTC, a day after the ledger of the whole path begins. */
export const BEGIN = 1_780_012_800_000;
export const INTERVALS = 96;
export const ZONES = ['MEA-BKK-01', 'MEA-BKK-02', 'PEA-CNX-01', 'PEA-NMA-01'] as const;
const MINIMUM_WH = 100;
/** First and last interval in which the sun shines. */
const [SUNRISE, SUNSET] = [26, 70];
const NOON = (SUNRISE + SUNSET) / 2;
const PEAK_WH = 1_500;
const TRIES = 50;

export const intervalAt = (i: number): string => formatInterval(millis(BEGIN + i * INTERVAL_MS));
export const accountOf = (meter: number): string => meter.toString(16).padStart(32, '0');
export const meterOf = (meter: number): string => `ff${meter.toString(16).padStart(30, '0')}`;
export const zoneOf = (meter: number): string => ZONES[meter % ZONES.length] as string;

/** 32 bits that depend on all of three numbers. */
function mix(a: number, b: number, c: number): number {
  let h = Math.imul(a + 1, 0x9e3779b1) ^ Math.imul(b + 1, 0x85ebca6b) ^ Math.imul(c + 1, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
  return (h ^ (h >>> 15)) >>> 0;
}

/** Two of a match, who are in one zone. */
export interface Match {
  readonly trade: number;
  readonly phase: TradeEntry['phase'];
  readonly buyer: number;
  readonly seller: number;
  readonly priceTicks: number;
  readonly quantityWh: number;
}

/** One day of so many meters, made from a seed interval by interval: what they measured, and what their owners traded. */
export class Day {
  /** Of the interval that was made last, by meter: what it gave net; negative for what it took. */
  readonly netWh: Int32Array;
  private readonly freeWh: Int32Array;
  private spotTrades = 0;

  constructor(
    readonly meters: number,
    readonly tradesInAll: number,
    /** From the beginning of the day on. */
    readonly intervals = INTERVALS,
    readonly seed = 1,
  ) {
    this.netWh = new Int32Array(meters);
    this.freeWh = new Int32Array(meters);
  }

  consumedWh(i: number, meter: number): number {
    return 50 + (mix(this.seed, i, meter) % 400);
  }

  /** Every second meter has a roof of its own. */
  producedWh(i: number, meter: number): number {
    if (meter % 8 >= 4 || i < SUNRISE || i > SUNSET) return 0;
    const half = NOON - SUNRISE;
    const sun = Math.floor((PEAK_WH * (half * half - (i - NOON) * (i - NOON))) / (half * half));
    return Math.floor((sun * (50 + (mix(this.seed + 1, i, meter) % 50))) / 100);
  }

  private count(i: number): number {
    return (
      Math.floor(((i + 1) * this.tradesInAll) / this.intervals) - Math.floor((i * this.tradesInAll) / this.intervals)
    );
  }

  /** A quarter of the trades is made ahead of delivery; at night, when nothing is there to sell afterwards, all are. */
  forwardCount(i: number): number {
    return i > SUNRISE + 4 && i < SUNSET - 4 ? Math.floor(this.count(i) / 4) : this.count(i);
  }

  forwards(i: number): Match[] {
    let first = 1;
    for (let before = 0; before < i; before++) first += this.forwardCount(before);
    return Array.from({ length: this.forwardCount(i) }, (_, k): Match => {
      const seller = this.drawn(i, k, 2) % this.meters;
      return {
        trade: first + k,
        phase: 'forward',
        seller,
        buyer: this.neighbour(seller, this.drawn(i, k, 3)),
        priceTicks: 300 + (this.drawn(i, k, 4) % 150),
        quantityWh: MINIMUM_WH + (this.drawn(i, k, 5) % 900),
      };
    });
  }

  private drawn(i: number, k: number, what: number): number {
    return mix(this.seed + 16 * what, i, k);
  }

  /** Somebody else of the same zone. */
  private neighbour(meter: number, draw: number): number {
    const inZone = Math.floor((this.meters - 1 - (meter % ZONES.length)) / ZONES.length) + 1;
    assert(inZone > 1, 'somebody else lives in each zone');
    const place = Math.floor(meter / ZONES.length);
    const other = (place + 1 + (draw % (inZone - 1))) % inZone;
    return other * ZONES.length + (meter % ZONES.length);
  }

  /** What was measured in an interval, and what was sold of it then: called for one interval after the other. */
  deliver(i: number, forwards: readonly Match[]): Match[] {
    const { netWh, freeWh, meters } = this;
    for (let meter = 0; meter < meters; meter++) {
      const net = this.producedWh(i, meter) - this.consumedWh(i, meter);
      netWh[meter] = net;
      freeWh[meter] = net > 0 ? net : 0;
    }
    for (const { seller, quantityWh } of forwards)
      freeWh[seller] = Math.max(0, (freeWh[seller] as number) - quantityWh);
    let first = 1 + this.spotTrades;
    for (let each = 0; each < this.intervals; each++) first += this.forwardCount(each);
    const spot: Match[] = [];
    const wanted = this.count(i) - this.forwardCount(i);
    for (let k = 0; k < wanted; k++) {
      for (let attempt = 0; attempt < TRIES; attempt++) {
        const seller = this.drawn(i, k * TRIES + attempt, 6) % meters;
        const free = freeWh[seller] as number;
        if (free < MINIMUM_WH) continue;
        const quantityWh = Math.min(free, MINIMUM_WH + (this.drawn(i, k, 7) % 900));
        freeWh[seller] = free - quantityWh;
        const buyer = this.neighbour(seller, this.drawn(i, k, 8));
        const priceTicks = 300 + (this.drawn(i, k, 9) % 150);
        spot.push({ trade: first + spot.length, phase: 'spot', seller, buyer, priceTicks, quantityWh });
        break;
      }
    }
    this.spotTrades += spot.length;
    return spot;
  }
}

const NO_ORDER = '0'.repeat(64);
const part = (rate: { readonly numerator: number; readonly denominator: number }, amount: number): number =>
  Number((BigInt(amount) * BigInt(rate.numerator)) / BigInt(rate.denominator));
const at = (rate: number, wh: number): number => Number((BigInt(rate) * BigInt(wh)) / 10n);

/** What a match comes to by its terms; each order has one trade. */
export function tradeOf(match: Match, terms: BookTerms): TradeEntry {
  const { trade, phase, priceTicks, quantityWh } = match;
  const notional = priceTicks * 10 * quantityWh;
  const [buyerFee, sellerFee] = [part(terms.buyerFee, notional), part(terms.sellerFee, notional)];
  const wheeling = at(terms.wheeling, quantityWh);
  const fromOperator = at(terms.wheelingFrom, quantityWh);
  const platform = part(terms.platformPart, buyerFee + sellerFee);
  const tax = part(terms.taxPart, buyerFee + sellerFee) + at(terms.wheelingTax, quantityWh);
  const zone = zoneOf(match.seller);
  return {
    kind: 'trade',
    trade,
    phase,
    bid: NO_ORDER,
    ask: NO_ORDER,
    buyer: accountOf(match.buyer),
    seller: accountOf(match.seller),
    fromZone: zone,
    toZone: zone,
    priceTicks,
    quantityWh,
    buyerFee,
    sellerFee,
    wheeling,
    toOperator: buyerFee + sellerFee + wheeling - fromOperator - platform - tax,
    fromOperator,
    platform,
    tax,
    tariffVersion: terms.version,
    tariffHash: terms.hash,
  };
}
