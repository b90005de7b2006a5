import { encodeCertificate, encodeHeader } from '@gridtokenx/chain';
import {
  assert,
  concatBytes,
  equalBytes,
  parseInterval,
  parseTime,
  unreachable,
  type Millis,
} from '@gridtokenx/kernel';
import type { ExecutedOutcome, HoldEntry, LedgerEvent, Posting } from '@gridtokenx/protocol';
import { missedProposals, validatorPlaces } from './validator-rows.js';
import type {
  AccountRow,
  BalanceDelta,
  BlockRow,
  BlockRows,
  BookKey,
  BookRow,
  DelegationRow,
  EnvelopeRow,
  HoldRow,
  KeyRow,
  KycChange,
  MeterRow,
  OperationRow,
  OrderChange,
  OrderRow,
  OrderStatus,
  OrganisationRow,
  ProjectedBlock,
  ReadingRow,
  TradeRow,
  ValidatorChangeRow,
} from './rows.js';

/**
 * What a block changes. It never reads a table: balances are sums of the block's postings, everything else is what
 * stands after the block, so a thing that is made and changed in one block is one row.
 */
export function blockRows({ block, envelopes, outcomes, tip, body }: ProjectedBlock): BlockRows {
  const { header, certificate } = block;
  assert(outcomes.length === block.outcomes.length, 'each outcome of the block was decoded');
  const rows = new Collector(header.height);
  const operations: OperationRow[] = [];
  const envelopeRows: EnvelopeRow[] = [];
  const asked = askedIn(envelopes, envelopeRows);
  let hookCount = 0;
  let rejectedCount = 0;

  outcomes.forEach((outcome, index) => {
    const operation = block.outcomes[index]?.hook === true ? undefined : asked.next(index);
    if (operation === undefined) hookCount++;
    else {
      const code = outcome.status === 'rejected' ? outcome.code : undefined;
      operations.push({ ...operation, index, code });
      if (code !== undefined) rejectedCount++;
    }
    if (outcome.status === 'executed') rows.take(outcome, index, operation?.operationId);
  });
  assert(asked.isDone(), 'each operation of the block has an outcome');

  assert(rows.marketTimeMs !== undefined, 'each block begins with the advance of its clock');
  const row: BlockRow = {
    marketTimeMs: rows.marketTimeMs,
    epoch: header.epoch,
    proposer: header.proposer,
    round: certificate.round,
    signerCount: certificate.signatures.length,
    envelopeCount: envelopes.length,
    operationCount: operations.length,
    rejectedCount,
    hookCount,
    tradeCount: rows.trades.length,
    header: encodeHeader(header),
    certificate: encodeCertificate(certificate, tip.certifiedBy.keys.length),
    body,
  };
  return {
    ledgerId: header.ledgerId,
    height: header.height,
    hash: certificate.blockHash,
    parentHash: header.parentHash,
    timeMs: header.time,
    certifiedBy: concatBytes(...tip.certifiedBy.keys),
    validators: concatBytes(...tip.validators.keys),
    block: row,
    operations,
    envelopes: envelopeRows,
    zones: [],
    validatorPlaces: equalBytes(tip.certifiedBy.hash, tip.validators.hash)
      ? []
      : validatorPlaces(header.height + 1, tip.validators.keys),
    missedProposals: missedProposals(header, certificate.round, tip.certifiedBy.keys),
    ...rows.done(),
  };
}

interface Asked {
  readonly operationId: Uint8Array;
  readonly key: Uint8Array;
  readonly type: string;
}

/** Walks the operations of the envelopes in order; writes an envelope's row when its first operation is met. */
function askedIn(
  envelopes: ProjectedBlock['envelopes'],
  rows: EnvelopeRow[],
): { next(index: number): Asked; isDone(): boolean } {
  let at = 0;
  let within = 0;
  return {
    next(index) {
      const envelope = envelopes[at];
      const operationId = envelope?.operationIds[within];
      const operation = envelope?.operations[within];
      assert(
        envelope !== undefined && operationId !== undefined && operation !== undefined,
        'each outcome that is not of a hook has its operation',
      );
      const { publicKey: key, hash, sequence, operationIds } = envelope;
      if (within === 0) rows.push({ hash, key, sequence, firstIndex: index, operationCount: operationIds.length });
      if (++within === operationIds.length) {
        at++;
        within = 0;
      }
      return { operationId, key, type: operation.type };
    },
    isDone: () => at === envelopes.length,
  };
}

type EventRows = Omit<
  BlockRows,
  | 'ledgerId'
  | 'height'
  | 'hash'
  | 'parentHash'
  | 'timeMs'
  | 'certifiedBy'
  | 'validators'
  | 'block'
  | 'operations'
  | 'validatorPlaces'
  | 'missedProposals'
  | 'envelopes'
  | 'zones'
>;

/** Gathers the rows of one block. Keyed ones stand in maps, so that the last word counts and the order stays. */
class Collector {
  marketTimeMs: number | undefined = undefined;
  readonly trades: TradeRow[] = [];
  private readonly times = new Times();
  private readonly organisations: OrganisationRow[] = [];
  private readonly meters: MeterRow[] = [];
  private readonly readings: ReadingRow[] = [];
  private readonly accounts = new Map<string, AccountRow>();
  private readonly kycChanges = new Map<string, KycChange>();
  private readonly keys = new Map<string, KeyRow>();
  private readonly removedKeys = new Set<string>();
  private readonly delegations = new Map<string, DelegationRow>();
  private readonly revoked = new Map<string, Pick<DelegationRow, 'kid' | 'account'>>();
  /** By account and asset. Nested, since to join the two texts for each posting costs more than all else. */
  private readonly balances = new Map<string, Map<string, BalanceSum>>();
  /** By asset and order, nested likewise. */
  private readonly holds = new Map<string, Map<string, HoldRow>>();
  private readonly orders = new Map<string, StandingOrder>();
  private readonly orderChanges = new Map<string, OrderChange>();
  private readonly books = new Map<string, BookRow>();
  private readonly closedBooks = new Map<string, BookKey>();
  private readonly validatorChanges = new Map<string, ValidatorChangeRow>();

  constructor(private readonly height: number) {}

  take(outcome: ExecutedOutcome, index: number, operationId: Uint8Array | undefined): void {
    for (const event of outcome.events) this.event(event, index, operationId);
    for (const posting of outcome.postings) this.posting(posting);
    for (const hold of outcome.holds) this.hold(hold);
  }

  done(): EventRows {
    // The hold of an order that came and went within the block never reached the table, and need not be removed.
    const holds = [...this.holds.values()].flatMap((ofAsset) => [...ofAsset.values()]);
    return {
      organisations: this.organisations,
      accounts: [...this.accounts.values()],
      kycChanges: [...this.kycChanges.values()],
      keys: [...this.keys.values()],
      removedKeys: [...this.removedKeys],
      delegations: [...this.delegations.values()],
      revokedDelegations: [...this.revoked.values()],
      meters: this.meters,
      balances: balanceDeltas(this.balances),
      holds: holds.filter(({ order, amount }) => this.orders.has(order) && amount !== '0'),
      holdChanges: holds.filter(({ order }) => !this.orders.has(order)),
      orders: [...this.orders.values()],
      orderChanges: [...this.orderChanges.values()],
      trades: this.trades,
      readings: this.readings,
      books: [...this.books.values()],
      closedBooks: [...this.closedBooks.values()],
      validatorChanges: [...this.validatorChanges.values()],
    };
  }

  private event(event: LedgerEvent, index: number, operationId: Uint8Array | undefined): void {
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
        const { meter, account, zone, limitWh } = event;
        this.meters.push({ meter, account, zone, limitWh: Number(limitWh) });
        return;
      }
      case 'metering.readingRecorded': {
        const { meter, account, zone, interval, consumedWh, producedWh, mintedWh, importWh } = event;
        this.readings.push({
          meter,
          intervalStartMs: this.times.interval(interval),
          account,
          zone,
          consumedWh: Number(consumedWh),
          producedWh: Number(producedWh),
          mintedWh: Number(mintedWh),
          importWh: Number(importWh),
          index,
        });
        return;
      }
      case 'market.bookOpened': {
        const key = this.bookKey(event.zone, event.interval);
        this.books.set(textOf(key), { ...key, closesAtMs: this.times.time(event.closesAt), closedHeight: undefined });
        return;
      }
      case 'market.bookClosed': {
        const key = this.bookKey(event.zone, event.interval);
        const opened = this.books.get(textOf(key));
        if (opened === undefined) this.closedBooks.set(textOf(key), key);
        else this.books.set(textOf(key), { ...opened, closedHeight: this.height });
        return;
      }
      case 'market.orderPlaced': {
        const { order, account, side, fromZone, toZone, priceTicks, timeInForce, tariffVersion } = event;
        const quantityWh = Number(event.quantityWh);
        this.orders.set(order, {
          order,
          account,
          side,
          fromZone,
          toZone,
          intervalStartMs: this.times.interval(event.interval),
          priceTicks,
          quantityWh,
          remainingWh: quantityWh,
          timeInForce,
          expiresAtMs: this.times.time(event.expiresAt),
          status: 'open',
          placedIndex: index,
          tariffVersion,
        });
        return;
      }
      case 'market.traded': {
        const { trade, bid, ask, buyer, seller, fromZone, toZone, priceTicks, notional, buyerFee, sellerFee } = event;
        this.trades.push({
          trade,
          bid,
          ask,
          buyer,
          seller,
          fromZone,
          toZone,
          intervalStartMs: this.times.interval(event.interval),
          priceTicks,
          quantityWh: Number(event.quantityWh),
          notional,
          buyerFee,
          sellerFee,
          feePayee: event.feePayee,
          tariffVersion: event.tariffVersion,
          index,
          operationId,
        });
        // A fill leaves the order open: what closes it is an event of its own.
        this.orderStands(bid, event.bidRemainingWh, 'open');
        this.orderStands(ask, event.askRemainingWh, 'open');
        return;
      }
      case 'market.orderClosed':
        this.orderStands(event.order, event.remainingWh, event.reason);
        return;
      case 'ledger.clockAdvanced':
        this.marketTimeMs = parseTime(event.marketTime);
        return;
      // Their effect on balances is in the postings, and the event itself in the body of the block.
      case 'accounts.reserveAttested':
      case 'accounts.minted':
      case 'accounts.burned':
      case 'accounts.transferred':
      case 'market.energyRetired':
      case 'market.feedInBought':
      case 'market.feedInDeferred':
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
      case 'grid.accountOpened':
      case 'grid.transferred':
      case 'grid.dustCollected':
      case 'grid.feesCollected':
      case 'parameters.changed':
      case 'governance.preimageNoted':
      case 'governance.preimageRemoved':
      case 'governance.proposed':
      case 'governance.decisionDepositPlaced':
      case 'governance.placed':
      case 'governance.phaseBegan':
      case 'governance.voted':
      case 'governance.voteRemoved':
      case 'governance.delegated':
      case 'governance.undelegated':
      case 'governance.tallied':
      case 'governance.electorateCounted':
      case 'governance.approved':
      case 'governance.rejected':
      case 'governance.cancelled':
      case 'governance.depositSettled':
      case 'governance.enacted':
      case 'governance.capitalLocked':
      case 'governance.votesCleared':
      case 'treasury.spendApproved':
      case 'treasury.spent':
      case 'treasury.spendWaits':
      case 'treasury.spendDropped':
      case 'treasury.burned':
      case 'transparency.anchored':
      case 'transparency.setLearned':
      case 'transparency.frozen':
      case 'transparency.recovered':
      case 'transparency.aggregatesPublished':
      case 'transparency.aggregatesDisputed':
      case 'transparency.disputeSettled':
      case 'transparency.aggregatesFinal':
      case 'transparency.reportRegistered':
      case 'multisig.created':
      case 'multisig.proposed':
      case 'multisig.approved':
      case 'multisig.executed':
      case 'multisig.callRefused':
      case 'multisig.cancelled':
      case 'multisig.expired':
      case 'multisig.signersSet':
        return;
      default:
        unreachable(event);
    }
  }

  private validatorChange(change: string, index: number, told: Partial<ValidatorChangeRow>): void {
    const known = this.validatorChanges.get(change) ?? unknownChange(change, index);
    this.validatorChanges.set(change, { ...known, ...told });
  }

  /** Today's books trade within one zone; tables and read models already name the pair. */
  private bookKey(zone: string, interval: string): BookKey {
    return { fromZone: zone, toZone: zone, intervalStartMs: this.times.interval(interval) };
  }

  private orderStands(order: string, remaining: string, status: OrderStatus): void {
    const remainingWh = Number(remaining);
    const placed = this.orders.get(order);
    if (placed === undefined) this.orderChanges.set(order, { order, remainingWh, status });
    else {
      placed.remainingWh = remainingWh;
      placed.status = status;
    }
  }

  private posting([account, asset, available, held]: Posting): void {
    let ofAccount = this.balances.get(account);
    if (ofAccount === undefined) this.balances.set(account, (ofAccount = new Map()));
    let sum = ofAccount.get(asset);
    if (sum === undefined) ofAccount.set(asset, (sum = { account, asset, available: new Sum(), held: new Sum() }));
    sum.available.add(available);
    sum.held.add(held);
  }

  private hold([order, account, asset, amount]: HoldEntry): void {
    let ofAsset = this.holds.get(asset);
    if (ofAsset === undefined) this.holds.set(asset, (ofAsset = new Map()));
    ofAsset.set(order, { order, account, asset, amount });
  }
}

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
}

interface BalanceSum {
  readonly account: string;
  readonly asset: string;
  readonly available: Sum;
  readonly held: Sum;
}

/** A sum of decimal texts. A block has tens of thousands, nearly all small: those are summed as numbers, exactly. */
class Sum {
  private small = 0;
  private large = 0n;

  add(text: string): void {
    const sum = this.small + Number(text);
    // Two safe integers make a safe one, or one that is not safe: nothing was rounded unseen.
    if (text.length < 16 && Number.isSafeInteger(sum)) this.small = sum;
    else this.large += BigInt(text);
  }

  get total(): bigint {
    return this.large + BigInt(this.small);
  }
}

/** A sum of zero changes nothing, and would leave a row that says nothing. */
const balanceDeltas = (sums: ReadonlyMap<string, ReadonlyMap<string, BalanceSum>>): BalanceDelta[] =>
  [...sums.values()]
    .flatMap((ofAccount) => [...ofAccount.values()])
    .map(({ account, asset, available, held }) => ({ account, asset, available: available.total, held: held.total }))
    .filter(({ available, held }) => available !== 0n || held !== 0n);

const textOf = ({ fromZone, toZone, intervalStartMs }: BookKey): string => `${fromZone} ${toZone} ${intervalStartMs}`;

/** A block names few times and intervals, each thousands of times: parsing them all would cost half of its rows. */
class Times {
  private readonly times = new Map<string, Millis>();
  private readonly intervals = new Map<string, Millis>();

  time(text: string): Millis {
    const time = this.times.get(text) ?? parseTime(text);
    assert(time !== undefined, 'an event of a valid block holds a time');
    this.times.set(text, time);
    return time;
  }

  interval(text: string): Millis {
    const start = this.intervals.get(text) ?? parseInterval(text);
    assert(start !== undefined, 'an event of a valid block holds a delivery interval');
    this.intervals.set(text, start);
    return start;
  }
}
