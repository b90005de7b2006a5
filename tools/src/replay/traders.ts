import { formatInterval, formatTime, INTERVAL_MS, millis } from '@gridtokenx/kernel';
import { ORDER_WH_MIN, type OperationOf } from '@gridtokenx/protocol';
import type { Population } from './population.js';
import type { Prices } from './prices.js';
import type { Meter, Reading, Readings } from './readings.js';

export type Order = OperationOf<'market.placeOrder'>;

/** Wh that an account has sold (positive) or bought before delivery. */
export type SoldAhead = (account: string, start: number) => number;

/** Of what a forecast leaves over or wants, so much is traded before delivery, in parts of a hundred. */
const AHEAD_PERCENT = 50;

/** Households meet in the auction of their zone, everybody else trades continuously. */
export const mechanismOf = ({ kind }: Meter): 'auction' | 'continuous' =>
  kind === 'household' ? 'auction' : 'continuous';

/** Some trade half of what they have or want with another zone: over the wires of two utilities, or of two zones of one. */
const ABROAD: Readonly<Record<string, string>> = {
  'TH-MEA-0009': 'PEA-CNX-03',
  'TH-PEA-0014': 'MEA-BKK-01',
  'TH-PEA-0023': 'PEA-CNX-03',
  'TH-PEA-0022': 'PEA-KKC-04',
};

/** What the people behind the meters would ask for. */
export class Traders {
  constructor(
    private readonly readings: Readings,
    private readonly prices: Prices,
    private readonly population: Population,
  ) {}

  accountOf({ name }: Meter): string {
    return this.population[name]?.account ?? '';
  }

  /** After delivery: the surplus that was metered is offered and the deficit is bid for, less what was agreed before. */
  spot(start: number, soldAhead: SoldAhead): Order[] {
    return this.readings.meters.flatMap((meter, index) => {
      const surplus = surplusOf(this.readings.of(start, meter.name));
      const ahead = soldAhead(this.accountOf(meter), start);
      // What was sold ahead and is not there cannot be bought: the operator stands in for it.
      const left = surplus > 0 ? Math.max(0, surplus - Math.max(0, ahead)) : Math.min(0, surplus - Math.min(0, ahead));
      const abroad = ABROAD[meter.name];
      if (abroad === undefined) return this.order(meter, index, start, left);
      const half = Math.trunc(left / 2);
      return [...this.order(meter, index, start, left - half), ...this.order(meter, index, start, half, abroad)];
    });
  }

  /**
   * Before delivery, those who trade continuously take the newest reading for a forecast. Wherever clouds come or the sun
   * sets, more was sold than will be there. An order that is delayed beyond the gate must not be one of the spot phase.
   */
  ahead(start: number, metered: number, gateAt: number): Order[] {
    if (!this.readings.intervals.includes(metered)) return [];
    return this.readings.meters.flatMap((meter, index) => {
      if (mechanismOf(meter) === 'auction') return [];
      const surplus = surplusOf(this.readings.of(metered, meter.name));
      const expiresAt = formatTime(millis(gateAt));
      return this.order(meter, index, start, Math.trunc((surplus * AHEAD_PERCENT) / 100)).map((order) => ({
        ...order,
        expiresAt,
      }));
    });
  }

  private order(meter: Meter, index: number, start: number, surplus: number, other = meter.zone): Order[] {
    const { prices } = this;
    const [fromZone, toZone] = surplus > 0 ? [meter.zone, other] : [other, meter.zone];
    if (Math.abs(surplus) < ORDER_WH_MIN) return [];
    return [
      {
        type: 'market.placeOrder',
        account: this.accountOf(meter),
        mechanism: mechanismOf(meter),
        side: surplus > 0 ? 'ask' : 'bid',
        fromZone,
        toZone,
        interval: formatInterval(millis(start)),
        priceTicks: surplus > 0 ? prices.askTicks(start, meter, index) : prices.bidTicks(start, meter, index),
        quantityWh: String(Math.abs(surplus)),
        timeInForce: 'GTC',
      },
    ];
  }
}

const surplusOf = ({ consumedWh, producedWh }: Reading): number => producedWh - consumedWh;

/** The interval that was metered last at this market time. */
export const newestMetered = (marketTime: number): number => (Math.floor(marketTime / INTERVAL_MS) - 1) * INTERVAL_MS;
