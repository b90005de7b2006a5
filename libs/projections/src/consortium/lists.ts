import type { EventOf, LedgerEvent } from '@gridtokenx/protocol';
import type { BookKey } from './rows.js';

/**
 * What the consortium ledger tells that has no table of its own: rules, tariffs, the network and settlement are asked about little at a
 * time.
 */

type Told<T extends LedgerEvent['type']> = Omit<EventOf<T>, 'type'>;

/** What happened, in lists by what somebody asks for. */
export interface ConsortiumFacts {
  /** The versions of the tariff book after the first. */
  readonly tariffs: EventOf<'tariffs.published' | 'tariffs.calendarDecided'>;
  /** What the regulator decided, and where trading stopped by itself. */
  readonly supervision: EventOf<
    | 'market.rulesSet'
    | 'market.limitsSet'
    | 'market.halted'
    | 'market.resumed'
    | 'market.breakerTripped'
    | 'market.bookReopened'
    | 'market.participantBarred'
    | 'market.participantReadmitted'
  >;
  /** By delivery interval. */
  readonly clearings: EventOf<'market.cleared'>;
  /** What operators declared and ordered, and what became of it. */
  readonly network: EventOf<
    | 'network.linkSet'
    | 'network.pairSet'
    | 'network.feederSet'
    | 'network.alertRaised'
    | 'network.alertCleared'
    | 'network.curtailed'
    | 'network.maintenanceScheduled'
    | 'network.enforced'
    | 'network.lifted'
    | 'network.restrictionEnded'
  >;
  /** By zone: what was reported of the grid. */
  readonly status: EventOf<'network.statusReported'>;
  /** By zone: meters that were not read. */
  readonly missing: EventOf<'metering.readingsMissing'>;
  /** By meter: readings that were not recorded, and what became of the meter itself. */
  readonly refused: EventOf<'metering.readingRefused'>;
  readonly meter: EventOf<'registry.meterRegistered' | 'registry.meterSwapped' | 'network.meterAssigned'>;
  readonly netting: EventOf<'settlement.netted'>;
  readonly corrections: EventOf<'settlement.corrected'>;
  /** By number of the trade. */
  readonly tradeCorrections: EventOf<'settlement.tradeCorrected'>;
  /** By account, of who paid and of who got it. */
  readonly dues: EventOf<'settlement.duePaid'>;
}

/** What stands, by kind: a record is put whole, or takes on what a fact says of it. */
export interface ConsortiumRecords {
  /** By version. */
  readonly rules: Omit<Told<'market.rulesSet'>, 'version'>;
  /** By account. */
  readonly limits: Pick<Told<'market.limitsSet'>, 'limits'>;
  /** By mechanism and zones, while trading is halted. */
  readonly halt: Told<'market.halted'>;
  /** By book, until it reopens. */
  readonly pause: Told<'market.breakerTripped'>;
  /** By account, while it is barred. */
  readonly bar: Pick<Told<'market.participantBarred'>, 'reference'>;
  /** By name; without operator and what it declared as in the genesis. */
  readonly link: Omit<Told<'network.linkSet'>, 'link' | 'operator' | 'declaredForwardWh' | 'declaredBackwardWh'> &
    Partial<Pick<Told<'network.linkSet'>, 'operator' | 'declaredForwardWh' | 'declaredBackwardWh'>>;
  /** By zones; `operator` and `allowed` are the last word of one of the two. */
  readonly pair: Omit<Told<'network.pairSet'>, 'operator' | 'allowed'> &
    Partial<Pick<Told<'network.pairSet'>, 'operator' | 'allowed'>>;
  /** By name. */
  readonly feeder: Omit<Told<'network.feederSet'>, 'feeder'>;
  /** By zone and meter. */
  readonly place: Pick<Told<'network.meterAssigned'>, 'feeder'>;
  /** By zone and source: the last report. */
  readonly status: Omit<Told<'network.statusReported'>, 'zone' | 'source'>;
  /** By id. */
  readonly alert: Omit<Told<'network.alertRaised'>, 'alert'> & { readonly status: 'raised' | 'cleared' };
  /** By id. */
  readonly restriction: Omit<Told<'network.curtailed'>, 'restriction'> & {
    readonly kind: 'curtailment' | 'maintenance';
    readonly status: 'ordered' | 'lifted' | 'ended';
    /** What it meant, once it is done. */
    readonly enforced?: Omit<Told<'network.enforced'>, 'cause'>;
  };
  /** By zone and interval. */
  readonly settledZone: Pick<Told<'settlement.zoneSettled'>, 'positions' | 'root'>;
}

export const haltId = ({ mechanism, fromZone, toZone }: Pick<BookKey, 'mechanism' | 'fromZone' | 'toZone'>): string =>
  `${mechanism} ${fromZone} ${toZone}`;
export const pauseId = (book: {
  readonly mechanism: BookKey['mechanism'];
  readonly phase: BookKey['phase'];
  readonly fromZone: string;
  readonly toZone: string;
  readonly interval: string;
}): string => `${haltId(book)} ${book.phase} ${book.interval}`;
export const pairId = ({ fromZone, toZone }: { readonly fromZone: string; readonly toZone: string }): string =>
  `${fromZone} ${toZone}`;
