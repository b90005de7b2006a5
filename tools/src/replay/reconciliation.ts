import type { VerifiedBlock } from '@gridtokenx/client';
import { formatDecimal, formatInterval, millis, parseInterval } from '@gridtokenx/kernel';
import type { EventOf, LedgerEvent } from '@gridtokenx/protocol';
import type { Population } from './population.js';
import type { Readings } from './readings.js';

/**
 * What the ledger must have done, computed here from the readings file and from what proven blocks say was agreed
 * (who traded how much at which price), with arithmetic of its own. The ledger's sums (notional, fees, payments,
 * postings, balances) are only compared with, never used.
 */
export class Reconciliation {
  private readonly meterNames: ReadonlyMap<string, string>;
  private readonly readingsSeen = new Map<string, EventOf<'metering.readingRecorded'>>();
  private readonly orders = new Map<string, OrderCharge>();
  private readonly zones = new Map<string, ZoneSums>();
  /** Expected WATT by account, and what the ledger's postings add up to. */
  private readonly expectedWatt = new Map<string, bigint>();
  private readonly postedWatt = new Map<string, bigint>();
  /** Wh per account and interval: exported, sold, fed in; imported, bought, retired. */
  private readonly energy = new Map<string, EnergySums>();
  readonly closed = new Set<string>();
  readonly faults: string[] = [];
  height = 0;

  constructor(
    private readonly readings: Readings,
    private readonly population: Population,
    private readonly tariff: { feeRate: bigint; buyerShare: bigint; sellerShare: bigint; feedInRate: bigint },
  ) {
    this.meterNames = new Map(Object.entries(population).map(([name, { meter }]) => [meter, name]));
  }

  take(block: VerifiedBlock): void {
    this.height = block.height;
    for (const { outcome } of block.results) {
      if (outcome.status !== 'executed') continue;
      for (const event of outcome.events) this.event(event);
      for (const [account, asset, available, held] of outcome.postings)
        if (asset === 'WATT') add(this.postedWatt, account, BigInt(available) + BigInt(held));
    }
  }

  expected(account: string): bigint {
    return this.expectedWatt.get(account) ?? 0n;
  }

  hasReading(meter: string, start: number): boolean {
    return this.readingsSeen.has(`${this.population[meter]?.meter}/${formatInterval(millis(start))}`);
  }

  hasOrders(account: string, start: number): boolean {
    return this.energy.get(`${account}/${formatInterval(millis(start))}`)?.ordered ?? false;
  }

  isClosed(zone: string, start: number): boolean {
    return this.closed.has(`${zone}/${formatInterval(millis(start))}`);
  }

  private fault(text: string): void {
    this.faults.push(`block ${this.height}: ${text}`);
  }

  private energyOf(account: string, interval: string): EnergySums {
    const key = `${account}/${interval}`;
    let sums = this.energy.get(key);
    if (sums === undefined) {
      sums = { exported: 0n, sold: 0n, fedIn: 0n, imported: 0n, bought: 0n, retired: 0n, ordered: false };
      this.energy.set(key, sums);
    }
    return sums;
  }

  private zoneOf(zone: string): ZoneSums {
    let sums = this.zones.get(zone);
    if (sums === undefined) {
      sums = {
        exported: 0n,
        imported: 0n,
        traded: 0n,
        fedIn: 0n,
        retired: 0n,
        money: 0n,
        fees: 0n,
        feedInMoney: 0n,
        readings: 0,
        trades: 0,
      };
      this.zones.set(zone, sums);
    }
    return sums;
  }

  private event(event: LedgerEvent): void {
    switch (event.type) {
      case 'accounts.minted':
        if (event.asset === 'WATT') add(this.expectedWatt, event.account, BigInt(event.amount));
        return;
      case 'accounts.burned':
        if (event.asset === 'WATT') add(this.expectedWatt, event.account, -BigInt(event.amount));
        return;
      case 'accounts.transferred':
        if (event.asset !== 'WATT') return;
        add(this.expectedWatt, event.from, -BigInt(event.amount));
        add(this.expectedWatt, event.to, BigInt(event.amount));
        return;
      case 'metering.readingRecorded':
        return this.reading(event);
      case 'market.orderPlaced':
        this.orders.set(event.order, { side: event.side, notional: 0n, charged: 0n });
        this.energyOf(event.account, event.interval).ordered = true;
        return;
      case 'market.traded':
        return this.trade(event);
      case 'settlement.positionSettled':
        this.energyOf(event.account, event.interval).retired += BigInt(event.retiredWh);
        return this.feedIn(event);
      case 'settlement.duePaid':
        add(this.expectedWatt, event.payee, BigInt(event.amount));
        add(this.expectedWatt, event.payer, -BigInt(event.amount));
        return;
      case 'settlement.zoneSettled':
        this.closed.add(`${event.zone}/${event.interval}`);
        return;
      default:
        return;
    }
  }

  private reading(event: EventOf<'metering.readingRecorded'>): void {
    this.readingsSeen.set(`${event.meter}/${event.interval}`, event);
    const name = this.meterNames.get(event.meter);
    const start = parseInterval(event.interval);
    // Scenes of the demo may have meters of their own: no file says what those measured.
    const source = name === undefined || start === undefined ? undefined : this.readings.of(start, name);
    const consumed = source === undefined ? BigInt(event.consumedWh) : BigInt(source.consumedWh);
    const produced = source === undefined ? BigInt(event.producedWh) : BigInt(source.producedWh);
    const exported = produced > consumed ? produced - consumed : 0n;
    const imported = consumed > produced ? consumed - produced : 0n;
    if (exported !== BigInt(event.mintedWh) || imported !== BigInt(event.importWh))
      this.fault(
        `${name ?? event.meter} ${event.interval}: the file nets to ${exported}/${imported} Wh, the ledger to ${event.mintedWh}/${event.importWh}`,
      );
    const sums = this.energyOf(event.account, event.interval);
    sums.exported += exported;
    sums.imported += imported;
    const zone = this.zoneOf(event.zone);
    zone.exported += exported;
    zone.imported += imported;
    zone.readings++;
  }

  /** Fee of an order so far: floor(share of floor(rate x cumulative notional)) less what it was charged. */
  private charge(order: string, notional: bigint, share: bigint): bigint {
    const charge = this.orders.get(order);
    if (charge === undefined) {
      this.fault(`a trade names the unknown order ${order}`);
      return 0n;
    }
    charge.notional += notional;
    const due = (charge.notional * this.tariff.feeRate * share) / (10_000n * 10_000n) - charge.charged;
    charge.charged += due;
    return due;
  }

  private trade(event: EventOf<'market.traded'>): void {
    const wh = BigInt(event.quantityWh);
    const notional = BigInt(event.priceTicks) * wh * 10n;
    const buyerFee = this.charge(event.bid, notional, this.tariff.buyerShare);
    const sellerFee = this.charge(event.ask, notional, this.tariff.sellerShare);
    if (
      notional !== BigInt(event.notional) ||
      buyerFee !== BigInt(event.buyerFee) ||
      sellerFee !== BigInt(event.sellerFee)
    )
      this.fault(
        `trade ${event.trade}: computed ${notional}+${buyerFee}+${sellerFee}, the ledger says ${event.notional}+${event.buyerFee}+${event.sellerFee}`,
      );
    add(this.expectedWatt, event.buyer, -(notional + buyerFee));
    add(this.expectedWatt, event.seller, notional - sellerFee);
    add(this.expectedWatt, event.feePayee, buyerFee + sellerFee);
    this.energyOf(event.buyer, event.interval).bought += wh;
    this.energyOf(event.seller, event.interval).sold += wh;
    const zone = this.zoneOf(event.toZone);
    zone.traded += wh;
    zone.money += notional;
    zone.fees += buyerFee + sellerFee;
    zone.trades++;
  }

  private feedIn(event: EventOf<'settlement.positionSettled'>): void {
    const wh = BigInt(event.surplusWh);
    const paid = (this.tariff.feedInRate * wh) / 10n;
    if (paid !== BigInt(event.amount))
      this.fault(`feed-in of ${event.account}: computed ${paid}, the ledger said ${event.amount}`);
    this.energyOf(event.account, event.interval).fedIn += wh;
    const zone = this.zoneOf(event.zone);
    zone.fedIn += wh;
    zone.feedInMoney += paid;
  }

  /** Compares the end states; gives the table, and what does not add up. */
  result(): { table: string[]; faults: string[]; openIntervals: number } {
    const faults = [...this.faults];
    for (const [account, expected] of this.expectedWatt)
      if (expected !== (this.postedWatt.get(account) ?? 0n))
        faults.push(
          `${account}: computed ${expected} micro-WATT, the ledger posted ${this.postedWatt.get(account) ?? 0n}`,
        );
    let open = 0;
    const closedIntervals = new Set([...this.closed].map((key) => key.slice(key.indexOf('/') + 1)));
    for (const [key, sums] of this.energy) {
      const interval = key.slice(key.indexOf('/') + 1);
      if (!closedIntervals.has(interval)) {
        open++;
        continue;
      }
      if (sums.exported !== sums.sold + sums.fedIn)
        faults.push(`${key}: exported ${sums.exported} Wh, sold ${sums.sold} and fed in ${sums.fedIn}`);
      const covered = sums.bought < sums.imported ? sums.bought : sums.imported;
      if (sums.retired !== covered)
        faults.push(`${key}: bought ${sums.bought} of ${sums.imported} Wh imported, retired ${sums.retired}`);
    }
    return { table: this.table(), faults, openIntervals: open };
  }

  private table(): string[] {
    const kwh = (wh: bigint): string => formatDecimal(wh, 3, 3);
    const thb = (micro: bigint): string => formatDecimal(micro, 6, 6);
    const head = [
      'zone',
      'readings',
      'exported kWh',
      'traded kWh',
      'fed in kWh',
      'left kWh',
      'imported kWh',
      'trades',
      'traded THB',
      'grid fee THB',
      'feed-in THB',
    ];
    const rows = [...this.zones]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([zone, s]) => [
        zone,
        String(s.readings),
        kwh(s.exported),
        kwh(s.traded),
        kwh(s.fedIn),
        kwh(s.exported - s.traded - s.fedIn),
        kwh(s.imported),
        String(s.trades),
        thb(s.money),
        thb(s.fees),
        thb(s.feedInMoney),
      ]);
    const widths = head.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]?.length ?? 0)));
    return [head, ...rows].map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  '),
    );
  }
}

interface OrderCharge {
  readonly side: 'bid' | 'ask';
  notional: bigint;
  charged: bigint;
}

interface EnergySums {
  exported: bigint;
  sold: bigint;
  fedIn: bigint;
  imported: bigint;
  bought: bigint;
  retired: bigint;
  ordered: boolean;
}

interface ZoneSums {
  exported: bigint;
  imported: bigint;
  traded: bigint;
  fedIn: bigint;
  retired: bigint;
  money: bigint;
  fees: bigint;
  feedInMoney: bigint;
  readings: number;
  trades: number;
}

function add(sums: Map<string, bigint>, key: string, change: bigint): void {
  sums.set(key, (sums.get(key) ?? 0n) + change);
}
