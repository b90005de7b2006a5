import { formatInterval, formatTime, millis, Prng } from '@gridtokenx/kernel';
import type { Envelope, Operation } from '@gridtokenx/protocol';
import { id, INTERVAL, LATER_INTERVAL, place, World } from './world.spec.js';

/** A block as it was run, to be run again elsewhere. */
export interface RanBlock {
  readonly height: number;
  readonly time: number;
  readonly envelopes: readonly Envelope[];
}

const NAMES = ['ann', 'bob', 'cat', 'dan'] as const;

/** People who trade, cancel, pay, measure and wait at random, so that rows of all kinds come and go. */
export class RandomWorld extends World {
  readonly blocks: RanBlock[] = [];
  private readonly orders: { readonly id: string; readonly who: string }[] = [];
  private readonly prng: Prng;

  constructor(seed: number) {
    super({ rate: 10, sellerShare: 3_333 });
    this.prng = new Prng(seed);
    for (const name of NAMES) {
      this.fund(name, 60_000);
      this.ownKey(name);
      this.measure(name, { producedWh: 8_000_000, consumedWh: 50_000 });
    }
    this.measure('ann', { producedWh: 5_000_000, interval: LATER_INTERVAL });
  }

  override executeOnly(envelopes: readonly Envelope[], afterMs = 1000): ReturnType<World['executeOnly']> {
    const ran = super.executeOnly(envelopes, afterMs);
    this.blocks.push({ height: this.ledger.height, time: this.ledger.time, envelopes });
    return ran;
  }

  private one<T>(of: readonly T[]): T {
    return of[this.prng.below(of.length)] as T;
  }

  private operation(who: string): Operation {
    const { prng } = this;
    switch (prng.below(8)) {
      case 0: {
        const mine = this.orders.filter((order) => order.who === who);
        if (mine.length > 0) return { type: 'market.cancelOrder', order: this.one(mine).id };
        break;
      }
      case 1:
        return {
          type: 'accounts.transfer',
          from: id(who),
          to: id(this.one(NAMES)),
          asset: 'WATT',
          amount: String(1 + prng.below(2_000_000_000)),
        } as Operation;
      case 2:
        return {
          type: 'registry.delegate',
          key: this.keyOf(this.one(NAMES)),
          account: id(who),
          operations: ['market.placeOrder', 'market.cancelOrder'],
          until: formatTime(millis(this.ledger.time + prng.below(100_000))),
        } as Operation;
      default:
    }
    const expires = this.ledger.marketTime + 30_000 + prng.below(400_000);
    return place(who, this.one(['bid', 'ask'] as const), 440 + prng.below(20), 100 + prng.below(9_000), {
      interval: this.one([INTERVAL, ...[...this.ledger.state.market.standing].map(({ interval }) => interval)]),
      ...(prng.below(2) === 0 ? { expiresAt: formatTime(millis(Math.floor(expires / 1000) * 1000)) } : {}),
    });
  }

  /** Of the quarter of an hour that ended last in market time: one, or some of whatever version. */
  private reading(): Operation {
    const { prng } = this;
    const one = {
      meter: id(`${this.one(NAMES)} meter MEA-BKK-01`),
      interval: formatInterval(millis(Math.floor(this.ledger.marketTime / 900_000) * 900_000 - 900_000)),
      consumedWh: String(prng.below(500_000)),
      producedWh: String(prng.below(4_000_000)),
    };
    if (prng.below(2) === 0) return { type: 'metering.recordReading', ...one };
    const readings = Array.from({ length: 1 + prng.below(4) }, (_, i) => ({
      ...one,
      version: 1 + i,
      quality: i === 0 ? this.one(['actual', 'estimated'] as const) : ('corrected' as const),
      producedWh: String(prng.below(4_000_000)),
    }));
    return { type: 'metering.recordReadings', readings };
  }

  /** Runs blocks up to a height. */
  runTo(height: number): void {
    const { prng } = this;
    while (this.ledger.height < height) {
      const envelopes = Array.from({ length: prng.below(4) }, () => {
        const who = this.one(NAMES);
        return this.envelope(
          who,
          Array.from({ length: 1 + prng.below(3) }, () => this.operation(who)),
          prng.below(4) === 0,
        );
      });
      if (prng.below(4) === 0) envelopes.push(this.envelope('mea', [this.reading()]));
      const { outcomes, ids } = this.block(envelopes, 1 + prng.below(2_000));
      const owners = envelopes.flatMap(({ operations }) => operations.map((operation) => operation));
      outcomes.forEach((outcome, i) => {
        const operation = owners[i];
        if (outcome.status !== 'executed' || operation?.type !== 'market.placeOrder') return;
        const who = NAMES.find((name) => id(name) === operation.account);
        if (who !== undefined) this.orders.push({ id: ids[i] ?? '', who });
      });
    }
  }
}
