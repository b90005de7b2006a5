import type { ExpectedOrder, ExpectedTrade, MeterPlace } from '@gridtokenx/chain';
import type {
  BookKey,
  BookRow,
  ConsortiumFacts,
  ConsortiumRecords,
  Facts,
  OrderStatus,
  ReadingRow,
  Records,
  SettlementFact,
  SumKind,
  ValidatorChangeStatus,
} from '@gridtokenx/projections';
import type {
  EventOf,
  KycStatus,
  Mechanism,
  Phase,
  Role,
  Sector,
  Side,
  TimeInForce,
  ValidatorChangeKind,
} from '@gridtokenx/protocol';

/**
 * What the gateway reads. Ids are lower-case hex, key ids base64url, amounts decimal strings of minor units, times
 * milliseconds since 1970, delivery intervals their start. Errors are {@link ReadModelError}.
 */

/** The height that an answer stands at: all of it was read in one snapshot. */
export interface AsOf {
  readonly height: number;
  /** Block time of that height. */
  readonly timeMs: number;
}

export type Found<T> = AsOf & { readonly value: T | undefined };
export type Answer<T> = AsOf & { readonly value: T };

export interface Page<T> extends AsOf {
  readonly items: readonly T[];
  /** Opaque; to be given back as `after` with the same filter. Absent at the end. */
  readonly next: string | undefined;
}

export interface PageRequest {
  readonly after?: string | undefined;
  /** At most {@link PAGE_ITEMS_MAX}; larger ones are cut to it. Default 100. */
  readonly limit?: number | undefined;
}

export const PAGE_ITEMS_MAX = 1_000;
export const PAGE_ITEMS_DEFAULT = 100;
/** Ids in one `operationsByIds`, pairs in one `admission`. */
export const LOOKUP_ITEMS_MAX = 10_000;

export interface CursorView extends AsOf {
  readonly ledgerId: string;
  /** Hex; of the genesis at height 0. */
  readonly blockHash: string;
}

export interface OperationView {
  readonly operationId: string;
  readonly height: number;
  /** Leaf of the results tree: what it did stands there in the body of the block. */
  readonly index: number;
  readonly kid: string;
  readonly type: string;
  readonly status: 'executed' | 'rejected';
  readonly code: string | undefined;
}

export interface OrganisationView {
  readonly organisation: string;
  readonly sector: Sector;
  readonly roles: readonly Role[];
}

export interface AccountView {
  readonly account: string;
  readonly organisation: string;
  readonly kycStatus: KycStatus;
  readonly kycUntilMs: number | undefined;
  /** Height at which it was opened. */
  readonly openedHeight: number;
}

export interface BalanceView {
  readonly asset: string;
  readonly available: string;
  readonly held: string;
}

export interface OrderView extends BookKey {
  readonly order: string;
  readonly account: string;
  readonly side: Side;
  readonly priceTicks: number;
  readonly quantityWh: number;
  readonly remainingWh: number;
  readonly timeInForce: TimeInForce;
  readonly expiresAtMs: number;
  readonly status: OrderStatus;
  /** Of an order that waited, or waits: from when it stands. */
  readonly validFromMs: number | undefined;
  readonly placedHeight: number;
  readonly placedIndex: number;
  readonly tariffVersion: number;
}

export interface PriceLevel {
  readonly priceTicks: number;
  readonly quantityWh: string;
  readonly orders: number;
}

export interface RestingOrder {
  readonly order: string;
  readonly account: string;
  readonly priceTicks: number;
  readonly remainingWh: number;
  readonly placedHeight: number;
  readonly placedIndex: number;
}

export interface BookSide {
  /** All of them, best price first. */
  readonly levels: readonly PriceLevel[];
  /** In price-time order, at most {@link PAGE_ITEMS_MAX}. */
  readonly orders: readonly RestingOrder[];
}

/** A book with the terms that it opened with. */
export interface BookSummary extends BookRow {
  readonly openedHeight: number;
}

export interface BookView extends BookSummary {
  readonly bids: BookSide;
  readonly asks: BookSide;
}

export interface TradeView extends BookKey {
  readonly trade: number;
  readonly bid: string;
  readonly ask: string;
  readonly buyer: string;
  readonly seller: string;
  readonly priceTicks: number;
  readonly quantityWh: number;
  readonly notional: string;
  readonly buyerFee: string;
  readonly sellerFee: string;
  readonly wheeling: string;
  readonly feePayee: string;
  readonly toOperator: string;
  readonly fromOperator: string;
  readonly platform: string;
  readonly tax: string;
  readonly tariffVersion: number;
  readonly tariffHash: string;
  readonly height: number;
  readonly index: number;
  /** Among the events of its outcome. */
  readonly event: number;
  /** Block time. */
  readonly timeMs: number;
  /** Absent when a hook made the match. */
  readonly operationId: string | undefined;
}

export interface MeterView {
  readonly meter: string;
  readonly account: string;
  readonly zone: string;
  readonly limitWh: number;
  /** 0 where the operator has not said. */
  readonly registerDigits: number;
}

export type PositionFact = EventOf<'settlement.positionSettled' | 'settlement.positionCorrected'>;

/** Of intervals that start in [from, until). */
export interface StatementFilter {
  /** All that is about this account's positions, or about everybody's. */
  readonly account?: string | undefined;
  readonly fromMs: number;
  readonly untilMs: number;
  /** Of trades, of readings, and of the facts of settlement: at most so many each. */
  readonly limit: number;
}

export interface StatementFacts {
  readonly readings: readonly ReadingView[];
  readonly trades: readonly TradeView[];
  /** In the order of the ledger, each once. */
  readonly settlements: readonly {
    readonly height: number;
    readonly index: number;
    readonly event: number;
    readonly body: SettlementFact;
  }[];
  /** What there is of energy, by asset, over all accounts; without an account in the filter. */
  readonly balances: ReadonlyMap<string, bigint>;
}

/** A forward trade: agreed before delivery, cut where the network could not carry it, settled when its interval was. */
export interface ContractView extends TradeView {
  /** In their order. */
  readonly cuts: readonly EventOf<'market.contractCut'>[];
  /** Absent while it is open. */
  readonly settled: EventOf<'settlement.contractSettled'> | undefined;
}

/** What the flows of a range of delivery intervals are expected from (`expectedFlows`): sums by who sells to whom. */
export interface NetworkSources {
  readonly contracts: readonly ExpectedTrade[];
  readonly orders: readonly ExpectedOrder[];
  readonly links: readonly { readonly link: string; readonly fromZone: string; readonly toZone: string }[];
  /** Those that are open. */
  readonly pairs: readonly { readonly fromZone: string; readonly toZone: string; readonly route: readonly string[] }[];
  /** Of all who sell or buy. */
  readonly meters: readonly (MeterPlace & { readonly account: string; readonly zone: string })[];
}

export interface ReadingView extends ReadingRow {
  readonly height: number;
}

export interface BlockSummary {
  readonly height: number;
  readonly hash: string;
  readonly parentHash: string;
  readonly timeMs: number;
  /** By which books open and close; proven by the block's first outcome. */
  readonly marketTimeMs: number;
  readonly epoch: number;
  readonly proposer: number;
  readonly round: number;
  readonly signerCount: number;
  readonly envelopeCount: number;
  readonly operationCount: number;
  readonly rejectedCount: number;
  readonly hookCount: number;
  readonly tradeCount: number;
  /** Of the compressed body. */
  readonly bodyBytes: number;
}

export interface BlockView extends BlockSummary {
  readonly header: Uint8Array;
  readonly certificate: Uint8Array;
}

export interface KeyView {
  readonly kid: string;
  /** Every key of the consortium has one. */
  readonly organisation: string | undefined;
  readonly account: string | undefined;
  readonly registeredHeight: number;
  readonly removedHeight: number | undefined;
  /** 0 when it has signed nothing yet. */
  readonly highestSequence: number;
  /** Those within the window of 1,024 below and including the highest, ascending. */
  readonly usedSequences: readonly number[];
}

/** The validators that decide the blocks from a height on, until another set does. */
export interface ValidatorSetView {
  readonly fromHeight: number;
  /** In set order. */
  readonly kids: readonly string[];
}

/** Who took part in the last blocks, as blocks tell it. */
export interface ParticipationView {
  /** Of the last blocks, and of the next one; lowest first. */
  readonly sets: readonly ValidatorSetView[];
  /** Newest first. */
  readonly certificates: readonly {
    readonly height: number;
    readonly round: number;
    readonly certificate: Uint8Array;
  }[];
  /** Everyone who ever was in a set, by key id. */
  readonly validators: readonly KnownValidatorView[];
}

export interface KnownValidatorView {
  readonly kid: string;
  /** Of its key, where the key is registered. */
  readonly organisation: string | undefined;
  /** The first height that it had a part in deciding. */
  readonly firstHeight: number;
  /** Turns to propose that passed, in the last blocks and ever. */
  readonly missedProposals: number;
  readonly missedProposalsEver: number;
  /** Suspended, and neither reinstated since, nor removed, nor followed by another key. */
  readonly suspended: boolean;
}

export interface ValidatorChangeView {
  readonly change: string;
  readonly kind: ValidatorChangeKind;
  readonly validator: string;
  readonly key: string | undefined;
  readonly organisation: string | undefined;
  readonly untilMs: number | undefined;
  readonly votes: number;
  readonly needed: number | undefined;
  readonly status: ValidatorChangeStatus;
  readonly proposedHeight: number;
  readonly decidedHeight: number | undefined;
  readonly endedHeight: number | undefined;
}

export interface ValidatorChangeFilter extends PageRequest {
  readonly status?: ValidatorChangeStatus | undefined;
}

/** What the ledger would say to an envelope now; advice, since its own check is law. */
export type Admission =
  | 'admissible'
  | 'operation.unknownKey'
  | 'operation.keyRemoved'
  | 'operation.sequenceUsed'
  | 'operation.sequenceTooOld'
  | 'operation.sequenceTooFar';

export interface AdmissionQuestion {
  readonly kid: string;
  readonly sequence: number;
}

/** Books, as far as they are named. */
export interface BookFilter {
  readonly mechanism?: Mechanism | undefined;
  readonly phase?: Phase | undefined;
  readonly fromZone?: string | undefined;
  readonly toZone?: string | undefined;
  readonly intervalStartMs?: number | undefined;
}

export interface MarketFilter extends PageRequest, BookFilter {
  /** Those alone that are not closed, or that are. */
  readonly open?: boolean | undefined;
}

export interface TradeFilter extends PageRequest, BookFilter {
  readonly account?: string | undefined;
  /** Newest first unless said otherwise; a page goes on in the direction it began. */
  readonly oldestFirst?: boolean | undefined;
}

export interface ContractFilter extends Omit<TradeFilter, 'phase'> {
  /** Those alone that are not settled, or that are. */
  readonly open?: boolean | undefined;
}

export interface OrderFilter extends PageRequest, BookFilter {
  readonly account?: string | undefined;
  readonly status?: OrderStatus | undefined;
}

/** At most one of the two; neither asks for the newest. */
export interface BlockRange {
  /** Blocks below this height. */
  readonly before?: number | undefined;
  /** Blocks above this height: those nearest to it. */
  readonly after?: number | undefined;
  readonly limit?: number | undefined;
}

/** What can be asked of the read models of any ledger. */
export interface LedgerReads {
  cursor(): Promise<CursorView>;
  /** Resolves with the height that stands as soon as it is at least `minHeight`, or after `timeoutMs` whatever it is. */
  waitForHeight(minHeight: number, timeoutMs: number): Promise<number>;
  /** Calls back after each commit of the projector, with the height that stands; the function returned ends it. */
  onHeight(listener: (height: number) => void): () => void;

  operation(operationId: string): Promise<Found<OperationView>>;
  /** Those that are in a block, in the order asked for; the others are left out. */
  operationsByIds(operationIds: readonly string[]): Promise<Answer<readonly OperationView[]>>;

  key(kid: string): Promise<Found<KeyView>>;
  /** One answer for each question, in their order. */
  admission(questions: readonly AdmissionQuestion[]): Promise<Answer<readonly Admission[]>>;

  /** Those that are not zero, WATT first, then by interval. */
  balances(account: string): Promise<Answer<readonly BalanceView[]>>;

  /** Newest first. */
  blocks(range: BlockRange): Promise<Answer<readonly BlockSummary[]>>;
  block(height: number): Promise<Found<BlockView>>;
  /** `encodeHeader` of the blocks from one height to another, both included, lowest first, as far as there are any. */
  headers(from: number, to: number): Promise<Answer<readonly Uint8Array[]>>;
  /** `encodeBlock` of the block, compressed with zstd, as the projector was given it. */
  blockBody(height: number): Promise<Found<Uint8Array>>;
  /** Of the envelopes in the block of this height; none where there is no block. */
  envelopeHashes(height: number): Promise<Answer<readonly Uint8Array[]>>;

  /** The set that decides the block of this height, as far as the blocks so far tell. */
  validatorSet(height: number): Promise<Found<ValidatorSetView>>;
  /** Over the last `blocks` blocks. */
  participation(blocks: number): Promise<Answer<ParticipationView>>;
  close(): Promise<void>;
}

/** What only those of the consortium ledger answer. */
export interface ConsortiumReads extends ListReads<ConsortiumFacts, ConsortiumRecords> {
  account(account: string): Promise<Found<AccountView>>;
  organisation(organisation: string): Promise<Found<OrganisationView>>;

  /** Books, those that close last first. */
  markets(filter: MarketFilter): Promise<Page<BookSummary>>;
  /** Of several books of the pair and interval, the one that was opened last. */
  book(
    filter: Required<Pick<BookFilter, 'fromZone' | 'toZone' | 'intervalStartMs'>> & BookFilter,
  ): Promise<Found<BookView>>;
  order(order: string): Promise<Found<OrderView>>;
  /** Newest first. */
  orders(filter: OrderFilter): Promise<Page<OrderView>>;
  trades(filter: TradeFilter): Promise<Page<TradeView>>;
  /** Of these ids; those that nobody registered are left out. */
  meters(ids: readonly string[]): Promise<Answer<readonly MeterView[]>>;
  /** Forward trades, with what became of them. */
  contracts(filter: ContractFilter): Promise<Page<ContractView>>;
  /** From one time to before another, of intervals that begin then. */
  networkSources(fromMs: number, toMs: number): Promise<Answer<NetworkSources>>;
  /** What settled positions of an account came to, newest first. */
  positions(account: string, page: ListFilter): Promise<Page<FactView<PositionFact>>>;
  /** What statements are made of; nothing where it is more than the limit. */
  statementFacts(filter: StatementFilter): Promise<Found<StatementFacts>>;
  /** Every version of the readings of one meter, newest interval and version first. */
  readings(meter: string, page: PageRequest): Promise<Page<ReadingView>>;

  /** Newest first. */
  validatorChanges(filter: ValidatorChangeFilter): Promise<Page<ValidatorChangeView>>;
}

/** Where and when something happened. */
export interface Happened {
  readonly height: number;
  readonly index: number;
  /** Block time. */
  readonly timeMs: number;
  /** Absent when a hook did it. */
  readonly operationId: string | undefined;
}

export interface TransferView extends Happened {
  readonly from: string;
  readonly to: string;
  readonly amount: string;
}

export interface FactView<Fact> extends Happened {
  readonly fact: Fact;
}

export interface RecordView<Body, Sums extends string = string> {
  readonly parent: string;
  readonly id: string;
  readonly body: Body;
  /** When it began, and when it last changed. */
  readonly beganHeight: number;
  readonly height: number;
  /** Those asked for. */
  readonly sums: Partial<Record<Sums, string>>;
}

export interface GridBalanceView {
  readonly account: string;
  readonly available: string;
  readonly held: string;
}

/** What of a balance may not be spent, and why; locks overlay, so the greatest counts. */
export interface GridLockView {
  readonly reason: 'staking' | 'governance';
  readonly amount: string;
  /** Absent for one that stands until what it is for ends. */
  readonly untilMs: number | undefined;
}

export interface GridAccountView extends GridBalanceView {
  readonly locks: readonly GridLockView[];
  readonly bonded: string;
  readonly active: string;
}

/** Newest first, unless said otherwise; a page goes on in the direction it began. */
export interface ListFilter extends PageRequest {
  readonly oldestFirst?: boolean | undefined;
}

type Having = Readonly<Record<string, string | number | boolean>>;

export interface FactFilter extends ListFilter {
  readonly type?: string | undefined;
  /** Only those that hold this. */
  readonly having?: Having | undefined;
}

export interface RecordFilter<Sums extends string = string> extends ListFilter {
  /** Only those whose bodies hold this. */
  readonly having?: Having | undefined;
  /** Sums with the same id, beside each. */
  readonly sums?: readonly Sums[] | undefined;
}

/** What a ledger answers out of its facts and records, by what the projections say may stand in them. */
export interface ListReads<F, R, Sums extends string = never> {
  facts<T extends keyof F & string>(topic: T, subject: string, filter: FactFilter): Promise<Page<FactView<F[T]>>>;
  records<K extends keyof R & string>(
    kind: K,
    parent: string,
    filter: RecordFilter<Sums>,
  ): Promise<Page<RecordView<R[K], Sums>>>;
  record<K extends keyof R & string>(
    kind: K,
    parent: string,
    id: string,
    sums?: readonly Sums[],
  ): Promise<Found<RecordView<R[K], Sums>>>;
  /** The first whose id is not below this one. */
  recordFrom<K extends keyof R & string>(kind: K, parent: string, id: string): Promise<Found<RecordView<R[K], Sums>>>;
}

/** What only those of the public ledger answer. */
export interface PublicReads extends ListReads<Facts, Records, SumKind> {
  /** Accounts that have something, in the order of their ids; `after` is an account. */
  gridAccounts(page: PageRequest): Promise<Page<GridBalanceView>>;
  gridAccount(account: string): Promise<Answer<GridAccountView>>;
  transfers(filter: ListFilter & { readonly account?: string | undefined }): Promise<Page<TransferView>>;
  /** Accounts of several signers that a key signs for. */
  multisigsOf(signer: string, page: ListFilter): Promise<Page<RecordView<Records['multisig'], SumKind>>>;
  /** All sums of these kinds, by kind and id; for kinds that have few. */
  sums<S extends SumKind>(kinds: readonly S[]): Promise<Answer<Readonly<Record<S, Readonly<Record<string, string>>>>>>;
}

/** The read models of the public ledger. */
export interface PublicReadModels extends LedgerReads, PublicReads {}

/** The read models of the consortium ledger. */
export interface ReadModels extends LedgerReads, ConsortiumReads {}

/**
 * `page.badCursor`: `after` was not given out by this query. `badId`: an id is not one. `tooMany`: more than
 * {@link LOOKUP_ITEMS_MAX}. `notReady`: no genesis rows yet. `unavailable`: the database is away; try again.
 */
export type ReadModelErrorCode =
  | 'page.badCursor'
  | 'readModels.badId'
  | 'readModels.tooMany'
  | 'readModels.notReady'
  | 'readModels.unavailable'
  | 'readModels.closed';

export class ReadModelError extends Error {
  constructor(
    readonly code: ReadModelErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(`${code}: ${message}`, options);
    this.name = 'ReadModelError';
  }
}
