/** Blocks with made-up business in them, for tests and measurements: same seed, same blocks. No signature in them is real. */
import { createHash } from 'node:crypto';
import { formatInterval, formatTime, INTERVAL_MS, millis, Prng, toBase64Url, toHex } from '@gridtokenx/kernel';
import { projectionOf } from '@gridtokenx/projections';
import type { OrderStatus, RowsOf, ProjectedBlock, ProjectedEnvelope } from '@gridtokenx/projections';
import type {
  ExecutedOutcome,
  HoldEntry,
  LedgerEvent,
  LedgerIdentity,
  Operation,
  Outcome,
  Posting,
} from '@gridtokenx/protocol';

const { blockRows, genesisRows } = projectionOf('consortium');

type Header = ProjectedBlock['block']['header'];
type Hash = Header['parentHash'];
type Height = Header['height'];
type ValidatorSet = ProjectedBlock['tip']['validators'];

export interface SyntheticOptions {
  readonly seed?: number;
  readonly accounts?: number;
  /** Parts of a thousand. */
  readonly rejected?: number;
  /** Whether fills may use orders up and orders may be cancelled; else all orders stay open. */
  readonly closes?: boolean;
}

/** What the tables must hold in the end, kept by plain bookkeeping. */
export interface SyntheticState {
  /** By account and asset, available and held; those that are not zero. */
  readonly balances: Map<string, { available: bigint; held: bigint }>;
  /** By order; those that are not zero. */
  readonly holds: Map<string, bigint>;
  readonly orders: Map<string, SyntheticOrder>;
  trades: number;
}

export interface SyntheticOrder {
  readonly order: string;
  readonly account: string;
  readonly side: 'bid' | 'ask';
  readonly priceTicks: number;
  readonly interval: number;
  readonly book: typeof BOOK | typeof FORWARD;
  remainingWh: number;
  status: OrderStatus;
}

export const SYNTHETIC_START_MS = Date.UTC(2026, 5, 15);
export const ZONE = 'MEA-BKK-01';
export const BOOK = { mechanism: 'continuous', phase: 'spot', fromZone: ZONE, toZone: ZONE } as const;
/** Another book of the same pair. */
const FORWARD = { ...BOOK, mechanism: 'auction', phase: 'forward' } as const;
const NOBODY = '0'.repeat(32);
const TERMS = {
  tariffVersion: 1,
  tariffHash: '0'.repeat(64),
  wheeling: 0,
  operatorFrom: NOBODY,
  operatorTo: NOBODY,
  platform: NOBODY,
  tax: NOBODY,
} as const;
const VALIDATORS = 21;
const SIGNERS = 14;
/** Keys of nobody: rows of synthetic blocks are not verified. */
const SET: ValidatorSet = {
  epoch: 0,
  keys: Array.from({ length: VALIDATORS }, (_, i) => new Uint8Array(32).fill(i + 1) as ValidatorSet['keys'][number]),
  quorum: SIGNERS,
  hash: new Uint8Array(32) as Hash,
};
const INTERVALS = 4;

const sha256 = (...parts: readonly (string | Uint8Array)[]): Hash =>
  new Uint8Array(parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest()) as Hash;

export class SyntheticLedger {
  readonly ledgerId: string;
  readonly accounts: readonly string[];
  readonly kids: readonly string[];
  readonly genesis: RowsOf<'consortium'>;
  readonly state: SyntheticState = { balances: new Map(), holds: new Map(), orders: new Map(), trades: 0 };
  private readonly prng: Prng;
  private readonly keys: readonly Uint8Array[];
  private readonly sequences: number[];
  private readonly open: SyntheticOrder[] = [];
  /** Forward trades that are not settled. */
  private readonly contracts: { trade: number; buyer: string; seller: string; interval: string }[] = [];
  private readonly options: Required<SyntheticOptions>;
  private height = 0;
  private tip: Hash;

  constructor(options: SyntheticOptions = {}) {
    this.options = { seed: 1, accounts: 50, rejected: 20, closes: true, ...options };
    this.prng = new Prng(this.options.seed);
    const id = (): string => toHex(this.prng.bytes(16));
    const organisation = id();
    this.accounts = Array.from({ length: this.options.accounts }, id);
    this.keys = Array.from({ length: 8 }, () => this.prng.bytes(32));
    this.kids = this.keys.map(toBase64Url);
    this.sequences = this.keys.map(() => 0);
    this.tip = sha256('genesis', String(this.options.seed));
    this.ledgerId = `gridtokenx-consortium-${toHex(this.tip).slice(0, 8)}`;
    const genesis = {
      kind: 'consortium',
      market: { start: formatTime(millis(SYNTHETIC_START_MS)), rate: 1 },
      time: formatTime(millis(SYNTHETIC_START_MS)),
      organisations: [{ id: organisation, sector: 'trader', roles: ['registrar', 'kycProvider'], keys: this.kids }],
      validators: SET.keys.map((key) => ({ key: toBase64Url(key), organisation })),
      accounts: this.accounts.map((account) => ({ id: account, organisation })),
      zones: [{ id: ZONE, operator: organisation, account: this.accounts[0] ?? '' }],
    };
    this.genesis = genesisRows({
      genesis,
      genesisHash: this.tip,
      ledgerId: this.ledgerId,
    } as unknown as LedgerIdentity);
  }

  rows(operations: number, perEnvelope = 10): RowsOf<'consortium'> {
    return blockRows(this.block(operations, perEnvelope));
  }

  /** The next block: hooks at the start, this many orders, cancels and refusals, hooks at the end. */
  block(operations: number, perEnvelope = 10): ProjectedBlock {
    this.height++;
    const envelopes: ProjectedEnvelope[] = [];
    const outcomes: { hook: boolean; outcome: Outcome }[] = [{ hook: true, outcome: this.startHook() }];
    for (let done = 0; done < operations;) {
      const envelope = this.envelope(Math.min(perEnvelope, operations - done));
      envelopes.push(envelope);
      for (const operationId of envelope.operationIds)
        outcomes.push({ hook: false, outcome: this.outcome(toHex(operationId)) });
      done += envelope.operationIds.length;
    }
    if (this.options.closes && this.open.length > 0) outcomes.push({ hook: true, outcome: this.endHook() });
    return this.sealed(envelopes, outcomes);
  }

  private sealed(
    envelopes: readonly ProjectedEnvelope[],
    outcomes: readonly { hook: boolean; outcome: Outcome }[],
  ): ProjectedBlock {
    const zero = new Uint8Array(32) as Hash;
    const round = this.height % 7 === 0 ? 1 : 0;
    const header: Header = {
      version: 1,
      ledgerId: this.ledgerId,
      epoch: 0,
      height: this.height as Height,
      proposer: (this.height + round) % VALIDATORS,
      parentHash: this.tip,
      parentCertificateHash: zero,
      time: millis(SYNTHETIC_START_MS + this.height * 1_000),
      operationsRoot: sha256('operations', String(this.height)),
      validatorsHash: zero,
      nextValidatorsHash: zero,
      checkpointRoot: zero,
    };
    this.tip = sha256(this.tip, String(this.height));
    const signature = this.prng.bytes(64) as ProjectedBlock['block']['certificate']['signatures'][number]['signature'];
    return {
      block: {
        header,
        parentCertificate: undefined,
        certificate: {
          epoch: 0,
          height: this.height,
          round,
          blockHash: this.tip,
          resultsRoot: zero,
          stateDigest: zero,
          signatures: Array.from({ length: SIGNERS }, (_, validator) => ({ validator, signature })),
        },
        envelopes: [],
        outcomes: outcomes.map(({ hook }) => ({ hook, bytes: new Uint8Array(0) })),
      },
      envelopes,
      outcomes: outcomes.map(({ outcome }) => outcome),
      tip: { certifiedBy: SET, validators: SET },
      body: this.prng.bytes(32 + outcomes.length),
    };
  }

  private envelope(size: number): ProjectedEnvelope {
    const by = this.prng.below(this.keys.length);
    const sequence = (this.sequences[by] ?? 0) + this.prng.between(1, 3);
    this.sequences[by] = sequence;
    const hash = sha256(this.keys[by] ?? '', String(sequence));
    return {
      publicKey: this.keys[by] as ProjectedEnvelope['publicKey'],
      sequence,
      hash,
      operationIds: Array.from({ length: size }, (_, n) => sha256(hash, String(n))),
      // Nothing but its type is looked at.
      operations: Array.from({ length: size }, () => ({ type: 'market.placeOrder' }) as unknown as Operation),
    };
  }

  private outcome(operationId: string): Outcome {
    if (this.prng.below(1_000) < this.options.rejected)
      return { v: 1, status: 'rejected', code: 'accounts.insufficientBalance' };
    if (this.options.closes && this.open.length > 4 && this.prng.chance(0.1)) return this.cancel();
    return this.place(operationId);
  }

  /** Every second order trades with the one before it. */
  private place(order: string): Outcome {
    const newest = this.state.orders.size % 2 === 1 ? this.open.at(-1) : undefined;
    const resting = newest !== undefined && newest.interval >= this.firstInterval() ? newest : undefined;
    const side =
      resting === undefined ? this.prng.pick(['bid', 'ask'] as const) : resting.side === 'bid' ? 'ask' : 'bid';
    const interval = resting?.interval ?? this.firstInterval() + this.prng.below(INTERVALS) * INTERVAL_MS;
    const placed: SyntheticOrder = {
      order,
      account: this.prng.pick(this.accounts),
      side,
      priceTicks: resting?.priceTicks ?? this.prng.between(300, 500),
      interval,
      book: resting?.book ?? (this.prng.chance(0.8) ? BOOK : FORWARD),
      remainingWh: this.prng.between(2, 50) * 1_000,
      status: 'open',
    };
    this.state.orders.set(order, placed);
    this.open.push(placed);
    const books = new Postings(this.state);
    books.hold(placed, this.worthOf(placed, placed.remainingWh));
    const events: LedgerEvent[] = [
      {
        type: 'market.orderPlaced',
        order,
        account: placed.account,
        side,
        ...placed.book,
        interval: formatInterval(millis(interval)),
        priceTicks: placed.priceTicks,
        quantityWh: String(placed.remainingWh),
        timeInForce: 'GTC',
        expiresAt: formatTime(millis(interval + INTERVAL_MS)),
        tariffVersion: 1,
      },
    ];
    if (resting !== undefined) this.trade(resting, placed, events, books);
    return books.outcome(events);
  }

  /** Books are open for this one and the next three. */
  private firstInterval(): number {
    return SYNTHETIC_START_MS + (this.height - 1) * INTERVAL_MS;
  }

  private trade(resting: SyntheticOrder, placed: SyntheticOrder, events: LedgerEvent[], books: Postings): void {
    const most = Math.min(resting.remainingWh, placed.remainingWh);
    const quantityWh = this.options.closes && this.prng.chance(0.5) ? most : Math.ceil(most / 2);
    const [bid, ask] = resting.side === 'bid' ? [resting, placed] : [placed, resting];
    for (const order of [bid, ask]) order.remainingWh -= quantityWh;
    const notional = BigInt(placed.priceTicks) * BigInt(quantityWh) * 10n;
    const interval = formatInterval(millis(placed.interval));
    events.push({
      type: 'market.traded',
      trade: ++this.state.trades,
      bid: bid.order,
      ask: ask.order,
      buyer: bid.account,
      seller: ask.account,
      ...placed.book,
      interval,
      priceTicks: placed.priceTicks,
      quantityWh: String(quantityWh),
      notional: String(notional),
      buyerFee: String(notional / 100n),
      sellerFee: '0',
      wheeling: '0',
      feePayee: this.accounts[0] ?? '',
      toOperator: String(notional / 100n),
      fromOperator: '0',
      platform: '0',
      tax: '0',
      tariffVersion: 1,
      tariffHash: TERMS.tariffHash,
      bidRemainingWh: String(bid.remainingWh),
      askRemainingWh: String(ask.remainingWh),
    });
    if (placed.book === FORWARD)
      this.contracts.push({ trade: this.state.trades, buyer: bid.account, seller: ask.account, interval });
    for (const order of [bid, ask]) {
      books.hold(order, this.worthOf(order, order.remainingWh));
      if (order.remainingWh === 0) events.push(this.close(order, 'filled'));
    }
    books.post(ask.account, 'WATT', notional, 0n);
    books.post(bid.account, `KWH:${ZONE}:${interval}`, BigInt(quantityWh), 0n);
  }

  private cancel(): Outcome {
    const order = this.prng.pick(this.open);
    const books = new Postings(this.state);
    books.hold(order, 0n);
    return books.outcome([this.close(order, 'cancelled')]);
  }

  private close(order: SyntheticOrder, reason: Exclude<OrderStatus, 'open' | 'waiting'>): LedgerEvent {
    order.status = reason;
    this.open.splice(this.open.indexOf(order), 1);
    return { type: 'market.orderClosed', order: order.order, reason, remainingWh: String(order.remainingWh) };
  }

  private worthOf({ side, priceTicks }: SyntheticOrder, wh: number): bigint {
    return side === 'ask' ? BigInt(wh) : BigInt(priceTicks) * BigInt(wh) * 10n;
  }

  /** Opens a book now and then, and does a little of everything that is not trade. */
  /** A change of the validators is proposed; that of four blocks before was decided. */
  private change(organisation: string, until: string): LedgerEvent[] {
    const idOf = (height: number): string => toHex(sha256('change', String(height)));
    const validator = toBase64Url(SET.keys[this.height % VALIDATORS] ?? new Uint8Array(32));
    const proposed = { change: idOf(this.height), kind: 'suspend', validator, organisation, until } as const;
    const before = idOf(this.height - 4);
    return [
      { type: 'validators.changeProposed', ...proposed },
      { type: 'validators.changeApproved', change: proposed.change, organisation, votes: 1, needed: 14 },
      ...(this.height < 5
        ? []
        : ([
            { type: 'validators.changeApproved', change: before, organisation, votes: 14, needed: 14 },
            { type: 'validators.changeEnacted', change: before },
          ] as const)),
    ];
  }

  /** A contract and two positions are settled, an auction is cleared and a link declared anew. */
  private settlement(seller: string, buyer: string, interval: string): LedgerEvent[] {
    const place = { zone: ZONE, interval } as const;
    const hash = TERMS.tariffHash;
    const pair = { fromZone: ZONE, toZone: ZONE } as const;
    const contract = this.contracts.shift() ?? { trade: 999_999, buyer, seller, interval };
    const nothing = { toOperator: '0', fromOperator: '0', platform: '0', tax: '0' } as const;
    const position = (account: string): LedgerEvent => ({
      type: 'settlement.positionSettled',
      account,
      ...place,
      ...{ importWh: '0', exportWh: '250', boughtWh: '0', retiredWh: '0', surplusWh: '250', expiredWh: '0' },
      ...{ rate: 22_000, topUpRate: 45_000, allocation: 'fifo', amount: '550000', operator: this.accounts[0] ?? '' },
      ...{ tariffVersion: 1, tariffHash: hash, history: hash },
    });
    return [
      {
        type: 'settlement.contractSettled',
        ...contract,
        ...pair,
        ...{ deliveredWh: '200', shortfallWh: '50', buyerPays: '9', sellerGets: '9', ...nothing },
        ...{ topUpBuyer: '0', topUpSeller: '0', topUpRate: 45_000 },
      },
      position(seller),
      position(buyer),
      { type: 'settlement.zoneSettled', ...place, positions: 2, root: hash },
      { type: 'settlement.intervalSettled', interval },
      { type: 'settlement.duePaid', payer: seller, payee: buyer, amount: String(this.height) },
      { type: 'market.participantBarred', account: seller, reference: `decision-${this.height}` },
      { type: 'market.participantReadmitted', account: this.accounts[1] ?? '', reference: 'appeal' },
    ];
  }

  private startHook(): ExecutedOutcome {
    const books = new Postings(this.state);
    const marketTime = formatTime(millis(this.firstInterval()));
    const events: LedgerEvent[] = [{ type: 'ledger.clockAdvanced', marketTime }];
    const interval = formatInterval(millis(this.firstInterval()));
    const [account, other] = [this.prng.pick(this.accounts), toHex(this.prng.bytes(16))];
    const [meter, organisation] = [toHex(this.prng.bytes(16)), toHex(this.prng.bytes(16))];
    const key = toBase64Url(this.prng.bytes(32));
    const until = formatTime(millis(SYNTHETIC_START_MS + this.prng.below(1_000) * 86_400_000));
    for (let n = this.height === 1 ? 0 : INTERVALS - 1; n < INTERVALS; n++) {
      const opened = formatInterval(millis(this.firstInterval() + n * INTERVAL_MS));
      for (const book of [FORWARD, BOOK])
        events.push({ type: 'market.bookOpened', ...book, interval: opened, closesAt: until, ...TERMS });
    }
    if (this.height % 5 === 0) {
      const repriced = formatInterval(millis(this.firstInterval()));
      events.push({ type: 'market.bookRepriced', ...BOOK, interval: repriced, ...TERMS, tariffVersion: 2 });
    }
    if (this.height > 4) {
      const closed = formatInterval(millis(this.firstInterval() - 4 * INTERVAL_MS));
      for (const book of [FORWARD, BOOK]) events.push({ type: 'market.bookClosed', ...book, interval: closed });
    }
    if (this.height % 4 === 1) events.push(...this.change(organisation, until));
    const reading = { meter, account, zone: ZONE, interval, consumedWh: '100', producedWh: '350' };
    const shown = { consumedWh: '5', producedWh: '0' };
    events.push(
      { type: 'registry.organisationRegistered', organisation, sector: 'trader', roles: [] },
      { type: 'registry.keyRegistered', key, organisation },
      { type: 'registry.accountOpened', account: other, organisation },
      { type: 'registry.kycSet', account: other, status: 'verified', until },
      { type: 'registry.kycSet', account, status: this.prng.pick(['verified', 'suspended'] as const) },
      {
        type: 'registry.delegated',
        key: this.kids[0] ?? '',
        account,
        operations: ['market.placeOrder', 'accounts.transfer'],
        until,
      },
      { type: 'registry.meterRegistered', meter, account, zone: ZONE, limitWh: '100000' },
      {
        type: 'metering.readingRecorded',
        ...reading,
        quality: 'estimated',
        version: 1,
        mintedWh: '0',
        importWh: '100',
      },
      { type: 'metering.readingRecorded', ...reading, quality: 'actual', version: 2, mintedWh: '250', importWh: '0' },
      {
        type: 'registry.meterSwapped',
        meter,
        at: until,
        final: shown,
        initial: shown,
        limitWh: '7',
        registerDigits: 6,
      },
    );
    events.push(...this.settlement(account, other, interval));
    if (this.height % 3 === 0) events.push({ type: 'registry.keyRemoved', key });
    if (this.height % 2 === 0) events.push({ type: 'registry.delegationRevoked', key: this.kids[0] ?? '', account });
    books.post(account, `KWH:${ZONE}:${interval}`, 250n, 0n);
    return books.outcome(events);
  }

  private endHook(): ExecutedOutcome {
    const books = new Postings(this.state);
    const expired = this.open[0];
    if (expired === undefined) return books.outcome([]);
    books.hold(expired, 0n);
    return books.outcome([this.close(expired, 'expired')]);
  }
}

/** The postings and holds of one outcome, carried over to the state. */
class Postings {
  private readonly sums = new Map<string, { account: string; asset: string; available: bigint; held: bigint }>();
  private readonly holds = new Map<string, HoldEntry>();

  constructor(private readonly state: SyntheticState) {}

  post(account: string, asset: string, available: bigint, held: bigint): void {
    const key = `${account} ${asset}`;
    const sum = this.sums.get(key) ?? { account, asset, available: 0n, held: 0n };
    this.sums.set(key, { account, asset, available: sum.available + available, held: sum.held + held });
    const stands = this.state.balances.get(key) ?? { available: 0n, held: 0n };
    const after = { available: stands.available + available, held: stands.held + held };
    if (after.available === 0n && after.held === 0n) this.state.balances.delete(key);
    else this.state.balances.set(key, after);
  }

  /** Puts so much in escrow for the order, or back. */
  hold(order: SyntheticOrder, amount: bigint): void {
    const asset = order.side === 'bid' ? 'WATT' : `KWH:${ZONE}:${formatInterval(millis(order.interval))}`;
    const before = this.state.holds.get(order.order) ?? 0n;
    this.post(order.account, asset, before - amount, amount - before);
    this.holds.set(order.order, [order.order, order.account, asset, String(amount)]);
    if (amount === 0n) this.state.holds.delete(order.order);
    else this.state.holds.set(order.order, amount);
  }

  outcome(events: readonly LedgerEvent[]): ExecutedOutcome {
    const postings = [...this.sums.values()].map(({ account, asset, available, held }): Posting => [
      account,
      asset,
      String(available),
      String(held),
    ]);
    return { v: 1, status: 'executed', events, postings, holds: [...this.holds.values()] };
  }
}
