import { assert, type ByteReader, compareText, INTERVAL_MS, parseInterval, type RowWriter } from '@gridtokenx/kernel';
import {
  ALERT_KINDS,
  legsOf,
  RESTRICTION_KINDS,
  ROUTE_LINKS_MAX,
  SEVERITIES,
  STATUS_SOURCES,
  type AlertKind,
  type Flow,
  type NetworkCause,
  type NetworkTarget,
  type RestrictionKind,
  type Severity,
  type StatusSource,
} from '@gridtokenx/protocol';
import { DueQueue } from '../ledger/due.js';
import { readFlag, readOneOf } from '../ledger/rows.js';
import { pairTable, PairTable, plainTable, type Cell, type Store, type Table } from '../ledger/store.js';
import {
  leftOf,
  NO_LEGS,
  routeLegs,
  routeText,
  useFault,
  WITHIN_ZONE,
  withRelease,
  withUse,
  type RouteLeg,
  type Use,
  type UsePhase,
  type Way,
} from './capacity.js';

/** What one operator says that a link carries, in Wh per delivery interval. */
export interface Declared {
  readonly forwardWh: number;
  readonly backwardWh: number;
}

/** A link, with what the operators of its two ends say of it; one that has not spoken lets nothing through. */
export interface LinkRow {
  readonly fromZone: string;
  readonly toZone: string;
  readonly byFrom: Declared | undefined;
  readonly byTo: Declared | undefined;
}

/** From one zone to another: the route over which each of the two operators allows it. */
export interface PairRow {
  readonly byFrom: readonly string[] | undefined;
  readonly byTo: readonly string[] | undefined;
}

export interface FeederRow {
  readonly zone: string;
  /** Per delivery interval. */
  readonly capacityWh: number;
}

/** On which feeder a meter hangs; whose it is stands here too, for the index. */
export interface AssignmentRow {
  readonly feeder: string;
  readonly account: string;
}

/** How the grid of a zone stood at a market time, and who says so. */
export interface StatusRow {
  readonly source: StatusSource;
  readonly sequence: number;
  readonly at: number;
  readonly loadW: number;
  readonly frequencyMhz: number;
  readonly reserveW: number;
}

export interface AlertRow {
  readonly zone: string;
  readonly kind: AlertKind;
  readonly severity: Severity;
  readonly reference: string;
}

export const TARGET_KINDS = ['zone', 'feeder', 'link'] as const;
export type TargetKind = (typeof TARGET_KINDS)[number];

export interface RestrictionRow {
  readonly kind: RestrictionKind;
  readonly target: TargetKind;
  /** Of the zone, feeder or link. */
  readonly name: string;
  /** What may still flow per interval, outwards or forwards; absent where that direction is free. */
  readonly outWh: number | undefined;
  readonly inWh: number | undefined;
  /** Start of the first interval and end of the last, in market time. */
  readonly start: number;
  readonly end: number;
  /** Market time at which its last interval is settled. */
  readonly forgetAt: number;
}

/** Orders and forward trades that are still to be looked at because of a cause, and what has come of it so far. */
export interface TaskRow {
  readonly orders: number;
  readonly contracts: number;
  readonly cutWh: number;
}

export type RestrictionCell = Cell<RestrictionRow, undefined>;

/** The zone, feeder or link that is restricted: of these, one. */
export type RestrictedTarget = Readonly<Record<string, string>>;

/** What a restriction is found by. */
export const targetKeyOf = (target: TargetKind, name: string): string => `${target}/${name}`;

export const targetNameOf = (target: NetworkTarget): string => {
  switch (target.kind) {
    case 'zone':
      return target.zone;
    case 'feeder':
      return target.feeder;
    case 'link':
      return target.link;
  }
};

/** A cause in one text, and back. */
export const causeKeyOf = (cause: NetworkCause): string => {
  switch (cause.kind) {
    case 'restriction':
      return `restriction/${cause.restriction}`;
    case 'link':
      return `link/${cause.link}`;
    case 'pair':
      return `pair/${cause.fromZone}/${cause.toZone}`;
  }
};

export function causeOfKey(key: string): NetworkCause {
  const [kind, first = '', second = ''] = key.split('/');
  if (kind === 'restriction') return { kind, restriction: first };
  if (kind === 'link') return { kind, link: first };
  assert(kind === 'pair', 'a cause has a kind');
  return { kind, fromZone: first, toZone: second };
}

export const isOut = (flow: Flow): boolean => flow !== 'in';
export const isIn = (flow: Flow): boolean => flow !== 'out';

/** SPEC network 2.1: the least of what both ends declare. */
export function capacityOf({ byFrom, byTo }: LinkRow, isForward: boolean): number {
  if (byFrom === undefined || byTo === undefined) return 0;
  return isForward ? Math.min(byFrom.forwardWh, byTo.forwardWh) : Math.min(byFrom.backwardWh, byTo.backwardWh);
}

const isSame = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((link, i) => link === b[i]);

/** SPEC network 2.3: the route that both operators allow. */
export const openRoute = ({ byFrom, byTo }: PairRow): readonly string[] | undefined =>
  byFrom !== undefined && byTo !== undefined && isSame(byFrom, byTo) ? byFrom : undefined;

const optional = <T>(writer: RowWriter, value: T | undefined, write: (value: T) => void): void => {
  writer.u8(value === undefined ? 0 : 1);
  if (value !== undefined) write(value);
};
const readOptional = <T>(reader: ByteReader, read: () => T): T | undefined => (readFlag(reader) ? read() : undefined);

const writeDeclared = (writer: RowWriter, declared: Declared | undefined): void =>
  optional(writer, declared, ({ forwardWh, backwardWh }) => writer.u64(forwardWh).u64(backwardWh));
const readDeclared = (reader: ByteReader): Declared | undefined =>
  readOptional(reader, () => ({ forwardWh: reader.u64(), backwardWh: reader.u64() }));

const writeRoute = (writer: RowWriter, route: readonly string[] | undefined): void =>
  optional(writer, route, (links) => {
    writer.u32(links.length);
    for (const link of links) writer.text(link);
  });
const readRoute = (reader: ByteReader): readonly string[] | undefined =>
  readOptional(reader, () => Array.from({ length: reader.count(ROUTE_LINKS_MAX, 4) }, () => reader.text()));

/** What counts rows of a table: one that went counts less, one that came more. */
function count<R>(old: R | undefined, now: R | undefined, by: (row: R, sign: 1 | -1) => void): void {
  if (old !== undefined) by(old, -1);
  if (now !== undefined) by(now, 1);
}

/** A count by name, without those that are zero. */
class Counts {
  private readonly counts = new Map<string, number>();

  of(name: string): number {
    return this.counts.get(name) ?? 0;
  }

  has(name: string): boolean {
    return this.counts.has(name);
  }

  add(name: string, change: number): void {
    const count = this.of(name) + change;
    if (count === 0) this.counts.delete(name);
    else this.counts.set(name, count);
  }

  keys(): Iterable<string> {
    return this.counts.keys();
  }
}

class NamedCounts {
  private readonly named = new Map<string, Counts>();

  of(name: string): Counts {
    let counts = this.named.get(name);
    if (counts === undefined) this.named.set(name, (counts = new Counts()));
    return counts;
  }
}

/** The grid as the ledger knows it: what joins its zones, what is used of it, and what its operators say. */
export class NetworkState {
  readonly links: Table<LinkRow>;
  /** By the zone that energy comes from and the one it goes to; with the legs of the route while it is open. */
  readonly pairs: PairTable<PairRow, readonly RouteLeg[] | undefined>;
  readonly feeders: Table<FeederRow>;
  /** By meter. */
  readonly assignments: Table<AssignmentRow>;
  /** By leg, and delivery interval. */
  readonly uses: PairTable<Use>;
  readonly statuses: Table<StatusRow>;
  readonly alerts: Table<AlertRow>;
  readonly restrictions: Table<RestrictionRow>;
  /** By cause: see {@link causeKeyOf}. */
  readonly tasks: Table<TaskRow>;
  /** Restrictions by when they are forgotten. */
  readonly ending = new DueQueue();
  private readonly waiting = new DueQueue();
  /** By zone. */
  readonly alertCounts = new Counts();
  readonly feederCounts = new Counts();
  private readonly ratings = new Counts();
  /** Meters of an account by feeder, and of a feeder by account. */
  private readonly feedersByAccount = new NamedCounts();
  private readonly accountsByFeeder = new NamedCounts();
  private readonly byTarget = new Map<string, Map<string, RestrictionRow>>();
  private restrictionCount = 0;

  constructor(readonly store: Store) {
    this.links = plainTable<LinkRow>(store, 'network.link', {
      encode: (writer, { fromZone, toZone, byFrom, byTo }) => {
        writer.text(fromZone).text(toZone);
        writeDeclared(writer, byFrom);
        writeDeclared(writer, byTo);
      },
      decode: (reader) => ({
        fromZone: reader.text(),
        toZone: reader.text(),
        byFrom: readDeclared(reader),
        byTo: readDeclared(reader),
      }),
    });
    this.pairs = new PairTable<PairRow, readonly RouteLeg[] | undefined>(
      store,
      'network.pair',
      {
        encode: (writer, { byFrom, byTo }) => {
          writeRoute(writer, byFrom);
          writeRoute(writer, byTo);
        },
        decode: (reader) => ({ byFrom: readRoute(reader), byTo: readRoute(reader) }),
        // Links are there before the legs over them are made.
        restoreOrder: () => 0,
        changed: (cell, _old, now) => {
          const route = now && openRoute(now);
          cell.extra = route && this.legsOver(cell.first, cell.second, route);
        },
      },
      undefined,
    );
    this.feeders = plainTable<FeederRow>(store, 'network.feeder', {
      encode: (writer, { zone, capacityWh }) => void writer.text(zone).u64(capacityWh),
      decode: (reader) => ({ zone: reader.text(), capacityWh: reader.u64() }),
      changed: (_, old, now) =>
        count(old, now, (row, sign) => {
          this.feederCounts.add(row.zone, sign);
          this.ratings.add(row.zone, sign * row.capacityWh);
        }),
    });
    this.assignments = plainTable<AssignmentRow>(store, 'network.meter', {
      encode: (writer, { feeder, account }) => void writer.text(feeder).text(account),
      decode: (reader) => ({ feeder: reader.text(), account: reader.text() }),
      changed: (_, old, now) =>
        count(old, now, (row, sign) => {
          this.feedersByAccount.of(row.account).add(row.feeder, sign);
          this.accountsByFeeder.of(row.feeder).add(row.account, sign);
        }),
    });
    this.uses = pairTable<Use>(store, 'network.use', {
      encode: (writer, { contractWh, spotWh, limitWh }) => void writer.u64(contractWh).u64(spotWh).u64(limitWh),
      decode: (reader) => ({ contractWh: reader.u64(), spotWh: reader.u64(), limitWh: reader.u64() }),
      fault: useFault,
    });
    this.statuses = plainTable<StatusRow>(store, 'network.status', {
      encode: (writer, { source, sequence, at, loadW, frequencyMhz, reserveW }) =>
        void writer.text(source).u64(sequence).u64(at).i128(BigInt(loadW)).u64(frequencyMhz).i128(BigInt(reserveW)),
      decode: (reader) => ({
        source: readOneOf(reader, STATUS_SOURCES),
        sequence: reader.u64(),
        at: reader.u64(),
        loadW: Number(reader.i128()),
        frequencyMhz: reader.u64(),
        reserveW: Number(reader.i128()),
      }),
    });
    this.alerts = plainTable<AlertRow>(store, 'network.alert', {
      encode: (writer, { zone, kind, severity, reference }) =>
        void writer.text(zone).text(kind).text(severity).text(reference),
      decode: (reader) => ({
        zone: reader.text(),
        kind: readOneOf(reader, ALERT_KINDS),
        severity: readOneOf(reader, SEVERITIES),
        reference: reader.text(),
      }),
      changed: (_, old, now) => {
        if (old !== undefined) this.alertCounts.add(old.zone, -1);
        if (now !== undefined) this.alertCounts.add(now.zone, 1);
      },
    });
    this.restrictions = plainTable<RestrictionRow>(store, 'network.restriction', {
      encode: (writer, { kind, target, name, outWh, inWh, start, end, forgetAt }) => {
        writer.text(kind).text(target).text(name).u64(start).u64(end).u64(forgetAt);
        optional(writer, outWh, (wh) => writer.u64(wh));
        optional(writer, inWh, (wh) => writer.u64(wh));
      },
      decode: (reader) => ({
        kind: readOneOf(reader, RESTRICTION_KINDS),
        target: readOneOf(reader, TARGET_KINDS),
        name: reader.text(),
        start: reader.u64(),
        end: reader.u64(),
        forgetAt: reader.u64(),
        outWh: readOptional(reader, () => reader.u64()),
        inWh: readOptional(reader, () => reader.u64()),
      }),
      changed: (cell, old, now) => this.restrictionChanged(cell, old, now),
    });
    this.tasks = plainTable<TaskRow>(store, 'network.task', {
      encode: (writer, { orders, contracts, cutWh }) => void writer.u64(orders).u64(contracts).u64(cutWh),
      decode: (reader) => ({ orders: reader.u64(), contracts: reader.u64(), cutWh: reader.u64() }),
      changed: ({ key }, old, now) => this.waiting.follow(key, old && 0, now && 0),
    });
  }

  private restrictionChanged(
    cell: RestrictionCell,
    old: RestrictionRow | undefined,
    now: RestrictionRow | undefined,
  ): void {
    const { key } = cell;
    this.ending.follow(key, old?.forgetAt, now?.forgetAt);
    if (old !== undefined) {
      this.restrictionCount--;
      this.restrictionsOf(old.target, old.name).delete(key);
    }
    if (now !== undefined) {
      this.restrictionCount++;
      this.restrictionsOf(now.target, now.name).set(key, now);
    }
  }

  /** SPEC network 6.1: sees to it that orders and forward trades are looked at because of this. */
  addTask(cause: NetworkCause): void {
    const key = causeKeyOf(cause);
    if (!this.tasks.has(key)) this.tasks.set(key, { orders: 0, contracts: 0, cutWh: 0 });
  }

  dropTask(cause: NetworkCause): void {
    const cell = this.tasks.find(causeKeyOf(cause));
    if (cell?.value !== undefined) this.store.change(cell, undefined);
  }

  /** The first by its key. */
  get nextTask(): string | undefined {
    return this.waiting.dueAt(0);
  }

  /** What stands on a zone, feeder or link, by its id. */
  restrictionsOf(target: TargetKind, name: string): Map<string, RestrictionRow> {
    const key = targetKeyOf(target, name);
    let rows = this.byTarget.get(key);
    if (rows === undefined) this.byTarget.set(key, (rows = new Map()));
    return rows;
  }

  /** The way over these links; nothing where they do not lead there. */
  legsOver(fromZone: string, toZone: string, route: readonly string[]): readonly RouteLeg[] | undefined {
    const legs = legsOf(fromZone, toZone, route, (link) => this.links.get(link));
    return legs && routeLegs(legs);
  }

  /** SPEC network 2.3: the way from zone to zone; none within one, nothing where trade is not allowed. */
  routeOf(fromZone: string, toZone: string): readonly RouteLeg[] | undefined {
    return fromZone === toZone ? NO_LEGS : this.pairs.findPair(fromZone, toZone)?.extra;
  }

  /** SPEC network 3.1: what a leg carries in an interval: its capacity, or what a restriction has left of it. */
  capacityOf({ link, isForward }: RouteLeg, start: number): number {
    const row = this.links.get(link);
    assert(row !== undefined, 'a route is over links that there are');
    let capacityWh = capacityOf(row, isForward);
    if (this.restrictionCount === 0) return capacityWh;
    for (const restriction of this.restrictionsOf('link', link).values()) {
      const limitWh = isForward ? restriction.outWh : restriction.inWh;
      if (limitWh !== undefined && covers(restriction, start)) capacityWh = Math.min(capacityWh, limitWh);
    }
    return capacityWh;
  }

  /** SPEC network 3.1: what may still flow over all the legs in the interval; without a bound within one zone. */
  capacityLeft(legs: readonly RouteLeg[], interval: string): number {
    let left = Number.MAX_SAFE_INTEGER;
    for (const leg of legs)
      left = Math.min(left, leftOf(this.capacityOf(leg, startOf(interval)), this.uses.getPair(leg.key, interval)));
    return left;
  }

  /** The way from zone to zone in an interval; nothing where trade is not allowed. Asks for nothing within one zone. */
  wayOf(fromZone: string, toZone: string, interval: string): Way | undefined {
    if (fromZone === toZone) return WITHIN_ZONE;
    const legs = this.routeOf(fromZone, toZone);
    return legs && { legs, route: routeText(legs), leftWh: this.capacityLeft(legs, interval) };
  }

  /** SPEC network 3.2 */
  use(legs: readonly RouteLeg[], interval: string, phase: UsePhase, quantityWh: number): void {
    if (quantityWh === 0) return;
    for (const leg of legs) {
      const cell = this.uses.pair(leg.key, interval);
      this.store.change(cell, withUse(cell.value, phase, quantityWh, this.capacityOf(leg, startOf(interval))));
    }
  }

  /** SPEC network 3.3 */
  release(legs: readonly RouteLeg[], interval: string, quantityWh: number): void {
    for (const leg of legs) {
      const cell = this.uses.pair(leg.key, interval);
      this.store.change(cell, withRelease(cell.value, quantityWh));
    }
  }

  /** SPEC network 3.4: nothing of an interval that is settled is remembered. */
  forget(interval: string): void {
    const cells = [...this.uses.group(interval).cells.values()].filter(({ value }) => value !== undefined);
    for (const cell of cells.sort((a, b) => compareText(a.first, b.first))) this.store.change(cell, undefined);
  }

  /** SPEC network 5.2: what forbids new orders like this one; asks for nothing while nothing is restricted. */
  restrictionOn(
    fromZone: string,
    toZone: string,
    legs: readonly RouteLeg[],
    interval: string,
    account: string,
    isBid: boolean,
  ): RestrictedTarget | undefined {
    if (this.restrictionCount === 0) return undefined;
    const start = startOf(interval);
    if (this.isRestricted('zone', fromZone, start, true)) return { zone: fromZone };
    if (this.isRestricted('zone', toZone, start, false)) return { zone: toZone };
    for (const { link, isForward } of legs) if (this.isRestricted('link', link, start, isForward)) return { link };
    const own = isBid ? toZone : fromZone;
    const [feeder] = [...this.feedersByAccount.of(account).keys()]
      .filter((name) => this.feeders.get(name)?.zone === own && this.isRestricted('feeder', name, start, !isBid))
      .sort(compareText);
    return feeder === undefined ? undefined : { feeder };
  }

  private isRestricted(target: TargetKind, name: string, start: number, isOutwards: boolean): boolean {
    for (const row of this.restrictionsOf(target, name).values())
      if ((isOutwards ? row.outWh : row.inWh) !== undefined && covers(row, start)) return true;
    return false;
  }

  /** Whether one of the account's meters hangs on the feeder. */
  isOn(account: string, feeder: string): boolean {
    return this.accountsByFeeder.of(feeder).has(account);
  }

  /** Wh per interval of all feeders of a zone together; nothing where it has none. */
  ratingOf(zone: string): number | undefined {
    return this.feederCounts.has(zone) ? this.ratings.of(zone) : undefined;
  }
}

export const covers = ({ start, end }: RestrictionRow, at: number): boolean => start <= at && at < end;

/** Of an interval that was read before. */
export function startOf(interval: string): number {
  const start = parseInterval(interval);
  assert(start !== undefined, 'an interval that was decoded has a start');
  return start;
}

export const endOf = (interval: string): number => startOf(interval) + INTERVAL_MS;
