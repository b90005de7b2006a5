import type { z } from 'zod';
import type { LedgerEvent } from './events.js';
import * as f from './fields.js';
import type { Outcome } from './outcome.js';

/** SPEC transparency 3.2: what the blocks of a range of heights of the consortium come to, and its reserve statement after the last. */
export const aggregateFields = {
  fromHeight: f.count,
  toHeight: f.count,
  trades: f.count,
  tradedWh: f.amount,
  /** What was paid for it, in micro-WATT, and the grid fees beside that, of both sides. */
  notional: f.amount,
  gridFees: f.amount,
  /**
   * What meters measured: all production and consumption, and the net import of each reading, less what readings had that were
   * replaced: below zero where the range corrects more than it brings.
   */
  producedWh: f.signedAmount,
  consumedWh: f.signedAmount,
  importWh: f.signedAmount,
  /** Import that was covered by energy of the market, and energy that was fed in unsold. */
  retiredWh: f.amount,
  feedInWh: f.amount,
  feedInPaid: f.amount,
  wattMinted: f.amount,
  wattBurned: f.amount,
  /** After the last block, in micro-WATT: the attested reserve, and what circulates. */
  wattReserve: f.amount,
  wattSupply: f.amount,
} as const;

export type Aggregates = { readonly [N in keyof typeof aggregateFields]: z.infer<(typeof aggregateFields)[N]> };

/** Reserve and circulation of WATT before the first block of a range, in micro-WATT. */
export interface ReserveStatement {
  readonly wattReserve: bigint;
  readonly wattSupply: bigint;
}

const SUMS = [
  'tradedWh',
  'notional',
  'gridFees',
  'producedWh',
  'consumedWh',
  'importWh',
  'retiredWh',
  'feedInWh',
  'feedInPaid',
  'wattMinted',
  'wattBurned',
] as const;
type Sums = Record<(typeof SUMS)[number], bigint>;

/** SPEC transparency 3.2: adds up the outcomes of decided blocks of the consortium, one height after the other. */
export class Aggregator {
  private readonly sums = Object.fromEntries(SUMS.map((name) => [name, 0n])) as Sums;
  private trades = 0;
  private height: number;
  private reserve: bigint;

  /** From this height on; at height 1 nothing is reserved and nothing circulates. */
  constructor(
    private readonly fromHeight: number,
    private readonly before: ReserveStatement = { wattReserve: 0n, wattSupply: 0n },
  ) {
    this.height = fromHeight - 1;
    this.reserve = before.wattReserve;
  }

  /** The outcomes of the next height, of hooks and operations alike. */
  add(outcomes: Iterable<Outcome>): void {
    this.height++;
    for (const outcome of outcomes)
      if (outcome.status === 'executed') for (const event of outcome.events) this.event(event);
  }

  private event(event: LedgerEvent): void {
    const { sums } = this;
    switch (event.type) {
      case 'market.traded':
        this.trades++;
        sums.tradedWh += BigInt(event.quantityWh);
        sums.notional += BigInt(event.notional);
        sums.gridFees += BigInt(event.toOperator) + BigInt(event.fromOperator);
        return;
      case 'metering.readingRecorded':
        this.measured(event, 1n);
        if (event.before !== undefined) this.measured(event.before, -1n);
        return;
      case 'settlement.positionSettled':
        sums.retiredWh += BigInt(event.retiredWh);
        sums.feedInWh += BigInt(event.surplusWh);
        sums.feedInPaid += BigInt(event.amount);
        return;
      case 'accounts.minted':
        sums.wattMinted += BigInt(event.amount);
        return;
      case 'accounts.burned':
        sums.wattBurned += BigInt(event.amount);
        return;
      case 'accounts.reserveAttested':
        this.reserve = BigInt(event.amount);
        return;
      default:
    }
  }

  private measured(
    { producedWh, consumedWh, importWh }: Readonly<Record<'producedWh' | 'consumedWh' | 'importWh', string>>,
    sign: bigint,
  ): void {
    this.sums.producedWh += sign * BigInt(producedWh);
    this.sums.consumedWh += sign * BigInt(consumedWh);
    this.sums.importWh += sign * BigInt(importWh);
  }

  get aggregates(): Aggregates {
    const { sums, before } = this;
    const told = Object.fromEntries(SUMS.map((name) => [name, sums[name].toString()])) as Record<keyof Sums, string>;
    return {
      fromHeight: this.fromHeight,
      toHeight: this.height,
      trades: this.trades,
      ...told,
      wattReserve: this.reserve.toString(),
      wattSupply: (before.wattSupply + sums.wattMinted - sums.wattBurned).toString(),
    };
  }
}

const RATIO_WHOLE = 10_000n;
const RATE_MAX = 1_000_000_000n;
const least = (a: bigint, b: bigint): number => Number(a < b ? a : b);

/**
 * SPEC transparency 3.3: the average price in 0.0001 THB/kWh, rounded down, 0 when nothing was traded: a micro-WATT for a Wh is 10 of
 * those.
 */
export const averagePriceOf = ({ notional, tradedWh }: Pick<Aggregates, 'notional' | 'tradedWh'>): number =>
  tradedWh === '0' ? 0 : least((10n * BigInt(notional)) / BigInt(tradedWh), RATE_MAX);

/** SPEC transparency 3.3: of the net import of all readings, what energy of the market covered, in 0.0001, rounded down. */
export const renewableShareOf = ({ retiredWh, importWh }: Pick<Aggregates, 'retiredWh' | 'importWh'>): number =>
  BigInt(importWh) <= 0n ? 0 : least((RATIO_WHOLE * BigInt(retiredWh)) / BigInt(importWh), RATIO_WHOLE);
