import { assert, unreachable } from '@gridtokenx/kernel';
import type { EventOf } from '@gridtokenx/protocol';
import type { KeyRow } from '../rows.js';
import type { EventsOf, OwnCollector, Where } from '../projection.js';
import { Changes, told } from '../changes.js';
import { Times } from '../times.js';
import { haltId, pairId, pauseId, type ConsortiumFacts, type ConsortiumRecords } from './lists.js';
import type {
  AccountRow,
  BookKey,
  BookRow,
  BookTerms,
  ConsortiumRows,
  DelegationRow,
  KycChange,
  MeterLimit,
  MeterRow,
  OrderChange,
  OrderRow,
  OrderStatus,
  OrganisationRow,
  ReadingRow,
  SettlementFact,
  SettlementRow,
  TradeRow,
  ValidatorChangeRow,
} from './rows.js';

export const CONSORTIUM_MODULES = [
  'accounts',
  'registry',
  'network',
  'metering',
  'market',
  'settlement',
  'tariffs',
  'validators',
  'multisig',
] as const;
type ConsortiumEvent = EventsOf<(typeof CONSORTIUM_MODULES)[number]>;

/** Gathers the rows of one block. Keyed ones stand in maps, so that the last word counts and the order stays. */
export class ConsortiumCollector implements OwnCollector<ConsortiumEvent, ConsortiumRows> {
  readonly changes = new Changes<ConsortiumFacts, ConsortiumRecords>();
  private readonly trades: TradeRow[] = [];
  private readonly settlements: SettlementRow[] = [];
  private readonly times = new Times();
  private readonly organisations: OrganisationRow[] = [];
  private readonly meters: MeterRow[] = [];
  private readonly meterLimits = new Map<string, MeterLimit>();
  private readonly readings: ReadingRow[] = [];
  private readonly accounts = new Map<string, AccountRow>();
  private readonly kycChanges = new Map<string, KycChange>();
  private readonly keys = new Map<string, KeyRow>();
  private readonly removedKeys = new Set<string>();
  private readonly delegations = new Map<string, DelegationRow>();
  private readonly revoked = new Map<string, Pick<DelegationRow, 'kid' | 'account'>>();
  private readonly orders = new Map<string, StandingOrder>();
  private readonly orderChanges = new Map<string, OrderChange>();
  private readonly books = new Map<string, BookRow>();
  private readonly repricedBooks = new Map<string, BookKey & BookTerms>();
  private readonly closedBooks = new Map<string, BookKey>();
  private readonly validatorChanges = new Map<string, ValidatorChangeRow>();

  constructor(private readonly height: number) {}

  get tradeCount(): number {
    return this.trades.length;
  }

  isNew(order: string): boolean {
    return this.orders.has(order);
  }

  done(): ReturnType<OwnCollector<ConsortiumEvent, ConsortiumRows>['done']> {
    return {
      kind: 'consortium',
      organisations: this.organisations,
      accounts: [...this.accounts.values()],
      kycChanges: [...this.kycChanges.values()],
      keys: [...this.keys.values()],
      removedKeys: [...this.removedKeys],
      delegations: [...this.delegations.values()],
      revokedDelegations: [...this.revoked.values()],
      meters: this.meters,
      meterLimits: [...this.meterLimits.values()],
      zones: [],
      orders: [...this.orders.values()],
      orderChanges: [...this.orderChanges.values()],
      trades: this.trades,
      readings: this.readings,
      books: [...this.books.values()],
      repricedBooks: [...this.repricedBooks.values()],
      closedBooks: [...this.closedBooks.values()],
      validatorChanges: [...this.validatorChanges.values()],
      settlements: this.settlements,
      facts: this.changes.facts,
      records: this.changes.records,
    };
  }

  event(event: ConsortiumEvent, where: Where): void {
    const { index, event: place, operationId } = where;
    switch (event.type) {
      case 'registry.organisationRegistered': {
        const { organisation, sector, roles } = event;
        this.organisations.push({ organisation, sector, roles });
        return;
      }
      case 'registry.accountOpened': {
        const { account, organisation } = event;
        this.accounts.set(account, { account, organisation, kycStatus: 'pending', kycUntilMs: undefined });
        return;
      }
      case 'registry.kycSet': {
        const kycUntilMs = event.until === undefined ? undefined : this.times.time(event.until);
        const change: KycChange = { account: event.account, kycStatus: event.status, kycUntilMs };
        const opened = this.accounts.get(event.account);
        if (opened === undefined) this.kycChanges.set(event.account, change);
        else this.accounts.set(event.account, { ...opened, ...change });
        return;
      }
      case 'registry.keyRegistered': {
        const { key: kid, organisation, account } = event;
        this.keys.set(kid, { kid, organisation, account, removedHeight: undefined });
        return;
      }
      case 'registry.keyRemoved': {
        const registered = this.keys.get(event.key);
        if (registered === undefined) this.removedKeys.add(event.key);
        else this.keys.set(event.key, { ...registered, removedHeight: this.height });
        return;
      }
      case 'registry.delegated': {
        const { key: kid, account, operations, until } = event;
        this.revoked.delete(kid + account);
        this.delegations.set(kid + account, { kid, account, operations, untilMs: this.times.time(until) });
        return;
      }
      case 'registry.delegationRevoked': {
        const { key: kid, account } = event;
        this.delegations.delete(kid + account);
        this.revoked.set(kid + account, { kid, account });
        return;
      }
      case 'registry.meterRegistered': {
        const { meter, account, zone, limitWh, registerDigits = 0 } = event;
        this.meters.push({ meter, account, zone, limitWh: Number(limitWh), registerDigits });
        return this.changes.fact('meter', meter, where, event);
      }
      case 'registry.meterSwapped': {
        const { meter, limitWh, registerDigits = 0 } = event;
        this.meterLimits.set(meter, { meter, limitWh: Number(limitWh), registerDigits });
        return this.changes.fact('meter', meter, where, event);
      }
      case 'metering.readingRecorded': {
        const { meter, account, zone, interval, version, quality, consumedWh, producedWh, mintedWh, importWh } = event;
        this.readings.push({
          meter,
          intervalStartMs: this.times.interval(interval),
          version,
          quality,
          account,
          zone,
          consumedWh: Number(consumedWh),
          producedWh: Number(producedWh),
          mintedWh: Number(mintedWh),
          importWh: Number(importWh),
          index,
          event: place,
        });
        return;
      }
      case 'market.bookOpened': {
        const key = this.bookKey(event);
        this.books.set(textOf(key), {
          ...key,
          ...termsOf(event),
          closesAtMs: this.times.time(event.closesAt),
          closedHeight: undefined,
          openedPlace: this.books.size,
        });
        return;
      }
      case 'market.bookRepriced': {
        const key = this.bookKey(event);
        const opened = this.books.get(textOf(key));
        const terms = termsOf(event);
        if (opened === undefined) this.repricedBooks.set(textOf(key), { ...key, ...terms });
        else this.books.set(textOf(key), { ...opened, ...terms });
        return;
      }
      case 'market.bookClosed': {
        const key = this.bookKey(event);
        // One that was halted to its end does not reopen.
        this.changes.remove('pause', pauseId(event));
        const opened = this.books.get(textOf(key));
        if (opened === undefined) this.closedBooks.set(textOf(key), key);
        else this.books.set(textOf(key), { ...opened, closedHeight: this.height });
        return;
      }
      case 'market.orderPlaced': {
        const { order, account, side, priceTicks, timeInForce, tariffVersion } = event;
        const quantityWh = Number(event.quantityWh);
        this.orders.set(order, {
          order,
          account,
          side,
          ...this.bookKey(event),
          priceTicks,
          quantityWh,
          remainingWh: quantityWh,
          timeInForce,
          expiresAtMs: this.times.time(event.expiresAt),
          status: 'open',
          validFromMs: undefined,
          placedIndex: index,
          tariffVersion,
        });
        return;
      }
      case 'market.traded': {
        const { trade, bid, ask, buyer, seller, priceTicks, notional, buyerFee, sellerFee, wheeling } = event;
        const { feePayee, toOperator, fromOperator, platform, tax, tariffVersion, tariffHash } = event;
        this.trades.push({
          trade,
          bid,
          ask,
          buyer,
          seller,
          ...this.bookKey(event),
          priceTicks,
          quantityWh: Number(event.quantityWh),
          notional,
          buyerFee,
          sellerFee,
          wheeling,
          feePayee,
          toOperator,
          fromOperator,
          platform,
          tax,
          tariffVersion,
          tariffHash,
          index,
          event: place,
          operationId,
        });
        // A fill leaves the order open: what closes it is an event of its own.
        this.orderStands(bid, event.bidRemainingWh, 'open');
        this.orderStands(ask, event.askRemainingWh, 'open');
        return;
      }
      case 'market.orderWaits': {
        const placed = this.orders.get(event.order);
        assert(placed !== undefined, 'an order waits from when it is placed');
        placed.status = 'waiting';
        placed.validFromMs = this.times.time(event.validFrom);
        return;
      }
      case 'market.orderCameIn':
        return this.orderStands(event.order, undefined, 'open');
      case 'market.orderClosed':
        this.orderStands(event.order, event.remainingWh, event.reason);
        return;
      // Their effect on balances is in the postings, and the event itself in the body of the block.
      case 'accounts.reserveAttested':
      case 'accounts.minted':
      case 'accounts.burned':
      case 'accounts.transferred':
      case 'settlement.intervalSettled':
        return;
      case 'market.contractCut':
      case 'settlement.contractSettled': {
        const { buyer, seller, fromZone, toZone } = event;
        this.settlement(seller, fromZone, event, where);
        return this.settlement(buyer, toZone, event, where);
      }
      case 'settlement.positionSettled':
      case 'settlement.positionCorrected':
        return this.settlement(event.account, event.zone, event, where);
      case 'settlement.zoneSettled': {
        const { zone, interval, positions, root } = event;
        return this.changes.put('settledZone', [zone, interval], { positions, root });
      }
      case 'settlement.duePaid':
        this.changes.fact('dues', event.payer, where, event);
        return this.changes.fact('dues', event.payee, where, event);
      case 'settlement.netted':
        return this.changes.fact('netting', '', where, event);
      case 'settlement.corrected':
        return this.changes.fact('corrections', '', where, event);
      case 'settlement.tradeCorrected':
        return this.changes.fact('tradeCorrections', event.trade, where, event);
      case 'market.cleared':
        return this.changes.fact('clearings', event.interval, where, event);
      case 'metering.readingRefused':
        return this.changes.fact('refused', event.meter, where, event);
      case 'metering.readingsMissing':
        return this.changes.fact('missing', event.zone, where, event);
      case 'tariffs.published':
      case 'tariffs.calendarDecided':
        return this.changes.fact('tariffs', '', where, event);
      case 'market.rulesSet':
      case 'market.limitsSet':
      case 'market.halted':
      case 'market.resumed':
      case 'market.breakerTripped':
      case 'market.bookReopened':
      case 'market.participantBarred':
      case 'market.participantReadmitted':
        this.changes.fact('supervision', '', where, event);
        return this.supervision(event);
      case 'network.statusReported': {
        const { zone, source } = event;
        this.changes.fact('status', zone, where, event);
        return this.changes.put('status', [zone, source], told(event, 'zone', 'source'));
      }
      case 'network.meterAssigned':
        this.changes.fact('meter', event.meter, where, event);
        return this.changes.put('place', [event.zone, event.meter], { feeder: event.feeder });
      case 'network.linkSet':
      case 'network.pairSet':
      case 'network.feederSet':
      case 'network.alertRaised':
      case 'network.alertCleared':
      case 'network.curtailed':
      case 'network.maintenanceScheduled':
      case 'network.enforced':
      case 'network.lifted':
      case 'network.restrictionEnded':
        this.changes.fact('network', '', where, event);
        return this.network(event);
      // Who may sign for an account, and what waits for signatures, has no table yet.
      case 'multisig.created':
      case 'multisig.proposed':
      case 'multisig.approved':
      case 'multisig.executed':
      case 'multisig.callRefused':
      case 'multisig.cancelled':
      case 'multisig.expired':
      case 'multisig.signersSet':
        return;
      // Blocks carry the sets; who votes how is read from there.
      case 'validators.rejoined':
      case 'validators.equivocated':
      case 'validators.setFixed':
        return;
      case 'validators.changeProposed': {
        const { change, kind, validator, key, organisation, until } = event;
        const untilMs = this.times.time(until);
        return this.validatorChange(change, index, { kind, validator, key, organisation, untilMs });
      }
      case 'validators.changeApproved':
        return this.validatorChange(event.change, index, { votes: event.votes, needed: event.needed });
      case 'validators.changeEnacted':
        return this.validatorChange(event.change, index, { status: 'decided' });
      case 'validators.suspended':
        // Evidence proposes nothing: this is the first that is heard of its change.
        return this.validatorChange(event.change, index, {
          kind: 'suspend',
          validator: event.validator,
          status: 'decided',
        });
      case 'validators.changeApplied':
        return this.validatorChange(event.change, index, { status: 'applied' });
      case 'validators.changeDropped':
        return this.validatorChange(event.change, index, { status: 'dropped' });
      case 'validators.changeWithdrawn':
        return this.validatorChange(event.change, index, { status: 'withdrawn' });
      case 'validators.changeLapsed':
        return this.validatorChange(event.change, index, { status: 'lapsed' });
      default:
        unreachable(event);
    }
  }

  private settlement(account: string, zone: string, body: SettlementFact, { index, event }: Where): void {
    const intervalStartMs = this.times.interval(body.interval);
    this.settlements.push({ account, zone, intervalStartMs, place: this.settlements.length, index, event, body });
  }

  private supervision(event: EventOf<ConsortiumFacts['supervision']['type']>): void {
    const { changes } = this;
    switch (event.type) {
      case 'market.rulesSet':
        return changes.put('rules', String(event.version), told(event, 'version'));
      case 'market.limitsSet':
        if (event.limits === undefined) return changes.remove('limits', event.account);
        return changes.put('limits', event.account, { limits: event.limits });
      case 'market.halted':
        return changes.put('halt', haltId(event), told(event));
      case 'market.resumed':
        return changes.remove('halt', haltId(event));
      case 'market.breakerTripped':
        return changes.put('pause', pauseId(event), told(event));
      case 'market.bookReopened':
        return changes.remove('pause', pauseId(event));
      case 'market.participantBarred':
        return changes.put('bar', event.account, { reference: event.reference });
      case 'market.participantReadmitted':
        return changes.remove('bar', event.account);
      default:
        unreachable(event);
    }
  }

  private network(event: EventOf<ConsortiumFacts['network']['type']>): void {
    const { changes } = this;
    switch (event.type) {
      case 'network.linkSet':
        return changes.put('link', event.link, told(event, 'link'));
      case 'network.pairSet':
        return changes.patch('pair', pairId(event), told(event));
      case 'network.feederSet':
        return changes.put('feeder', event.feeder, told(event, 'feeder'));
      case 'network.alertRaised':
        return changes.put('alert', event.alert, { ...told(event, 'alert'), status: 'raised' });
      case 'network.alertCleared':
        return changes.amend('alert', event.alert, { status: 'cleared' });
      case 'network.curtailed':
      case 'network.maintenanceScheduled': {
        const kind = event.type === 'network.curtailed' ? 'curtailment' : 'maintenance';
        return changes.put('restriction', event.restriction, {
          ...told(event, 'restriction'),
          kind,
          status: 'ordered',
        });
      }
      case 'network.enforced':
        // What a smaller capacity or a closed pair meant stands in the list of facts.
        if (event.cause.kind !== 'restriction') return;
        return changes.amend('restriction', event.cause.restriction, { enforced: told(event, 'cause') });
      case 'network.lifted':
        return changes.amend('restriction', event.restriction, { status: 'lifted' });
      case 'network.restrictionEnded':
        return changes.amend('restriction', event.restriction, { status: 'ended' });
      default:
        unreachable(event);
    }
  }

  private validatorChange(change: string, index: number, told: Partial<ValidatorChangeRow>): void {
    const known = this.validatorChanges.get(change) ?? unknownChange(change, index);
    this.validatorChanges.set(change, { ...known, ...told });
  }

  private bookKey({
    mechanism,
    phase,
    fromZone,
    toZone,
    interval,
  }: Omit<EventOf<'market.bookClosed'>, 'type'>): BookKey {
    return { mechanism, phase, fromZone, toZone, intervalStartMs: this.times.interval(interval) };
  }

  /** Without a remaining quantity it stays what it was. */
  private orderStands(order: string, remaining: string | undefined, status: OrderStatus): void {
    const remainingWh = remaining === undefined ? undefined : Number(remaining);
    const placed = this.orders.get(order);
    if (placed === undefined) this.orderChanges.set(order, { order, remainingWh, status });
    else {
      placed.remainingWh = remainingWh ?? placed.remainingWh;
      placed.status = status;
    }
  }
}

const termsOf = ({
  tariffVersion,
  tariffHash,
  wheeling,
  operatorFrom,
  operatorTo,
  platform,
  tax,
}: EventOf<'market.bookOpened' | 'market.bookRepriced'>): BookTerms => ({
  tariffVersion,
  tariffHash,
  wheeling,
  operatorFrom,
  operatorTo,
  platform,
  tax,
});

const unknownChange = (change: string, index: number): ValidatorChangeRow => ({
  change,
  kind: undefined,
  validator: undefined,
  key: undefined,
  organisation: undefined,
  untilMs: undefined,
  votes: undefined,
  needed: undefined,
  status: 'open',
  index,
});

/** An order that was placed in this block: what happens to it later in the block is written into its row. */
interface StandingOrder extends OrderRow {
  remainingWh: number;
  status: OrderStatus;
  validFromMs: number | undefined;
}

const textOf = ({ mechanism, phase, fromZone, toZone, intervalStartMs }: BookKey): string =>
  `${mechanism} ${phase} ${fromZone} ${toZone} ${intervalStartMs}`;
