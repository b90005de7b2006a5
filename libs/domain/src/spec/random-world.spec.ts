import { formatInterval, formatTime, millis, Prng } from '@gridtokenx/kernel';
import type { Envelope, Operation } from '@gridtokenx/protocol';
import { id, INTERVAL, LATER_INTERVAL, OTHER_ZONE, place, World, ZONE } from './world.spec.js';

/** A block as it was run, to be run again elsewhere. */
export interface RanBlock {
  readonly height: number;
  readonly time: number;
  readonly envelopes: readonly Envelope[];
}

const ACROSS = { fromZone: ZONE, toZone: OTHER_ZONE };
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
    for (const operator of ['mea', 'pea']) {
      this.must(operator, this.link(60_000));
      this.must(operator, { type: 'network.setPair', ...ACROSS, allowed: true, route: ['L1'] });
    }
    this.must('erc', {
      type: 'registry.registerOrganisation',
      organisation: id('regulator'),
      sector: 'regulator',
      roles: ['marketRegulator'],
      key: this.keyOf('regulator'),
    });
    this.must('mea', { type: 'network.registerFeeder', feeder: 'F1', zone: ZONE, capacityWh: '9000000' });
    for (const name of ['ann', 'bob'])
      this.must('mea', { type: 'network.assignMeter', meter: id(`${name} meter ${ZONE}`), feeder: 'F1' });
  }

  private link(forwardWh: number): Operation {
    return { type: 'network.setLink', link: 'L1', ...ACROSS, forwardWh: String(forwardWh), backwardWh: '0' };
  }

  /** Of a quarter of an hour that lies ahead. */
  private ahead(): string {
    const interval = Math.floor(this.ledger.marketTime / 900_000) + 2 + this.prng.below(2);
    return formatInterval(millis(interval * 900_000));
  }

  /** The word of an operator about the grid. */
  private networkOperation(): Operation {
    const { prng } = this;
    const firstInterval = this.ahead();
    switch (prng.below(5)) {
      case 0:
        return this.link(prng.below(80_000));
      case 1:
        return {
          type: 'network.raiseAlert',
          zone: ZONE,
          kind: 'congestion',
          severity: 'warning',
          reference: 'r',
        };
      case 2:
        return {
          type: 'network.reportStatus',
          zone: ZONE,
          sequence: this.ledger.height,
          at: formatTime(millis(Math.floor(this.ledger.marketTime / 1000) * 1000)),
          loadW: -5 + prng.below(10),
          frequencyMhz: 50_000,
          reserveW: 1,
        };
      default:
        return {
          type: 'network.curtail',
          target: this.one([
            { kind: 'feeder' as const, feeder: 'F1' },
            { kind: 'link' as const, link: 'L1' },
          ]),
          flow: this.one(['out', 'in', 'both'] as const),
          limit: { kind: 'energy', wh: String(prng.below(9_000)) },
          firstInterval,
          lastInterval: firstInterval,
        };
    }
  }

  /** A time to come, in whole seconds of market time. */
  private later(ms: number): string {
    return formatTime(millis(Math.floor((this.ledger.marketTime + ms) / 1000) * 1000));
  }

  /** The word of the regulator: what stops is set going again soon. */
  private regulation(): Operation {
    const { prng } = this;
    const { rules } = this.ledger.state;
    const reference = 'r';
    const barred = NAMES.find((name) => rules.isBarred(id(name)));
    if (barred !== undefined) return { type: 'market.readmitParticipant', account: id(barred), reference };
    const account = id(this.one(NAMES));
    const { breaker: _none, ...rest } = rules.at(this.ledger.marketTime).rules;
    const breaker = { movePercent: 200, windowMs: 60_000, haltMs: 30_000 };
    const limits = { openOrders: 20 + prng.below(20), dailyWh: 200_000 + prng.below(2_000_000) };
    return this.one<Operation>([
      { type: 'market.barParticipant', account, reference },
      { type: 'market.setLimits', account, limits: { orderWh: 5_000 } },
      { type: 'market.setLimits', account },
      { type: 'market.setRules', validFrom: this.later(60_000), rules: { ...rest, breaker, limits } },
      { type: 'market.setRules', validFrom: this.later(60_000), rules: { ...rest, limits: {} } },
      {
        type: 'market.halt',
        mechanism: this.one(['continuous', 'auction'] as const),
        ...(prng.below(2) === 0 ? ACROSS : { fromZone: ZONE, toZone: ZONE }),
        cancelOrders: prng.below(3) === 0,
        until: this.later(20_000 + prng.below(60_000)),
        reference,
      },
    ]);
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
      interval: this.one([
        INTERVAL,
        this.ahead(),
        ...[...this.ledger.state.market.standing].map(({ interval }) => interval),
      ]),
      ...(prng.below(3) === 0 ? ACROSS : {}),
      ...(prng.below(5) === 0 ? { mechanism: 'auction' as const } : {}),
      ...(prng.below(8) === 0 ? { validFrom: this.later(prng.below(200_000)) } : {}),
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
      if (prng.below(8) === 0) envelopes.push(this.envelope('mea', [this.networkOperation()]));
      if (prng.below(10) === 0) envelopes.push(this.envelope('regulator', [this.regulation()]));
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
