import { compareText } from '@gridtokenx/kernel';
import type { Leg, Side } from '@gridtokenx/protocol';

/** A forward trade that is to be kept. */
export interface ExpectedTrade {
  readonly fromZone: string;
  readonly toZone: string;
  readonly interval: string;
  readonly seller: string;
  readonly buyer: string;
  readonly quantityWh: number;
}

/** An order that may still become one. */
export interface ExpectedOrder {
  readonly side: Side;
  readonly account: string;
  readonly fromZone: string;
  readonly toZone: string;
  readonly interval: string;
  readonly remainingWh: number;
}

export interface MeterPlace {
  readonly meter: string;
  /** Absent for a meter that hangs on no feeder that anyone told of. */
  readonly feeder?: string | undefined;
  readonly limitWh: number;
}

export interface FlowSources {
  readonly contracts: Iterable<ExpectedTrade>;
  readonly orders: Iterable<ExpectedOrder>;
  /** The way from zone to zone; empty within one, nothing where there is none. */
  legsOf(fromZone: string, toZone: string): readonly Leg[] | undefined;
  /** An account's meters in a zone. */
  metersOf(account: string, zone: string): readonly MeterPlace[];
}

/** What is expected over one link, feeder or zone in one direction in one delivery interval, in Wh. */
export interface ExpectedFlow {
  readonly interval: string;
  /** `unassigned` is what meters without a feeder, and accounts without a meter, have in a zone. */
  readonly kind: 'link' | 'feeder' | 'unassigned';
  /** Of the link or feeder, or of the zone. */
  readonly name: string;
  readonly direction: 'out' | 'in';
  /** Sold forward. */
  readonly contractedWh: number;
  /** Offered and wanted beside that, in open orders. */
  readonly askedWh: number;
  readonly bidWh: number;
}

type Kind = ExpectedFlow['kind'];
type Amount = 'contractedWh' | 'askedWh' | 'bidWh';
type Line = { -readonly [K in keyof ExpectedFlow]: ExpectedFlow[K] };

const KINDS: readonly Kind[] = ['link', 'feeder', 'unassigned'];

/**
 * SPEC network 7.2: shares energy out over meters in proportion to what each can measure: by the floors of its running total, in the
 * order of the meters, so that the parts sum to the whole.
 */
export function shareOut(
  quantityWh: number,
  meters: readonly MeterPlace[],
): readonly (readonly [MeterPlace, number])[] {
  const ordered = [...meters].sort((a, b) => compareText(a.meter, b.meter));
  const total = ordered.reduce((sum, { limitWh }) => sum + BigInt(limitWh), 0n);
  let [running, given] = [0n, 0n];
  return ordered.map((place) => {
    running += BigInt(place.limitWh);
    const upTo = (BigInt(quantityWh) * running) / total;
    const part = upTo - given;
    given = upTo;
    return [place, Number(part)];
  });
}

/**
 * SPEC network 7.1: what operators have to expect: per interval, every link in each direction and every feeder outwards and inwards,
 * from forward trades and from open orders. In order of interval, kind, name, direction.
 */
export function expectedFlows({ contracts, orders, legsOf, metersOf }: FlowSources): readonly ExpectedFlow[] {
  const lines = new Map<string, Line>();
  const add = (
    interval: string,
    kind: Kind,
    name: string,
    direction: 'out' | 'in',
    amount: Amount,
    quantityWh: number,
  ): void => {
    if (quantityWh === 0) return;
    const key = `${interval} ${kind} ${name} ${direction}`;
    let line = lines.get(key);
    if (line === undefined)
      lines.set(key, (line = { interval, kind, name, direction, contractedWh: 0, askedWh: 0, bidWh: 0 }));
    line[amount] += quantityWh;
  };
  const atMeters = (
    interval: string,
    account: string,
    zone: string,
    direction: 'out' | 'in',
    amount: Amount,
    quantityWh: number,
  ): void => {
    const meters = metersOf(account, zone);
    if (meters.length === 0) add(interval, 'unassigned', zone, direction, amount, quantityWh);
    for (const [{ feeder }, part] of shareOut(quantityWh, meters))
      if (feeder === undefined) add(interval, 'unassigned', zone, direction, amount, part);
      else add(interval, 'feeder', feeder, direction, amount, part);
  };
  const overLinks = (interval: string, from: string, to: string, amount: Amount, quantityWh: number): void => {
    for (const leg of legsOf(from, to) ?? [])
      add(interval, 'link', leg.link, leg.isForward ? 'out' : 'in', amount, quantityWh);
  };
  for (const { interval, fromZone, toZone, seller, buyer, quantityWh } of contracts) {
    overLinks(interval, fromZone, toZone, 'contractedWh', quantityWh);
    atMeters(interval, seller, fromZone, 'out', 'contractedWh', quantityWh);
    atMeters(interval, buyer, toZone, 'in', 'contractedWh', quantityWh);
  }
  for (const { side, interval, fromZone, toZone, account, remainingWh } of orders) {
    const amount = side === 'ask' ? 'askedWh' : 'bidWh';
    overLinks(interval, fromZone, toZone, amount, remainingWh);
    if (side === 'ask') atMeters(interval, account, fromZone, 'out', amount, remainingWh);
    else atMeters(interval, account, toZone, 'in', amount, remainingWh);
  }
  return [...lines.values()].sort(
    (a, b) =>
      compareText(a.interval, b.interval) ||
      KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) ||
      compareText(a.name, b.name) ||
      compareText(a.direction, b.direction),
  );
}
