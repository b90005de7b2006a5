import { ORDER_CLOSE_REASONS } from '@gridtokenx/protocol';
import type {
  EventOf,
  KycStatus,
  Mechanism,
  Phase,
  ReadingQuality,
  Role,
  Sector,
  Side,
  TimeInForce,
  ValidatorChangeKind,
} from '@gridtokenx/protocol';
import type { FactRow, RecordRow } from '../lists.js';
import type { Amount, HexId, Kid } from '../rows.js';

export interface OrganisationRow {
  readonly organisation: HexId;
  readonly sector: Sector;
  readonly roles: readonly Role[];
}

export interface AccountRow {
  readonly account: HexId;
  readonly organisation: HexId;
  readonly kycStatus: KycStatus;
  readonly kycUntilMs: number | undefined;
}

export type KycChange = Pick<AccountRow, 'account' | 'kycStatus' | 'kycUntilMs'>;

export interface DelegationRow {
  readonly kid: Kid;
  readonly account: HexId;
  readonly operations: readonly string[];
  readonly untilMs: number;
}

/** A meter that another device measures for. */
export type MeterLimit = Pick<MeterRow, 'meter' | 'limitWh' | 'registerDigits'>;

export interface MeterRow {
  readonly meter: HexId;
  readonly account: HexId;
  readonly zone: string;
  readonly limitWh: number;
  /** 0 where the operator has not said. */
  readonly registerDigits: number;
}

export interface ZoneRow {
  readonly zone: string;
  readonly operator: HexId;
  readonly account: HexId;
}

/** `waiting`: nobody meets it before its time comes. */
export const ORDER_STATUSES = ['open', 'waiting', ...ORDER_CLOSE_REASONS] as const;

export type OrderStatus = (typeof ORDER_STATUSES)[number];

/** Which book: the two zones, by which mechanism it trades, and whether before or after delivery. */
export interface BookKey {
  readonly mechanism: Mechanism;
  readonly phase: Phase;
  readonly fromZone: string;
  readonly toZone: string;
  readonly intervalStartMs: number;
}

export interface OrderRow extends BookKey {
  readonly order: HexId;
  readonly account: HexId;
  readonly side: Side;
  readonly priceTicks: number;
  readonly quantityWh: number;
  readonly remainingWh: number;
  readonly timeInForce: TimeInForce;
  readonly expiresAtMs: number;
  readonly status: OrderStatus;
  /** Of an order that waited, or waits: from when it stands. */
  readonly validFromMs: number | undefined;
  /** Leaf of the results tree; with the height it is the order's place in time. */
  readonly placedIndex: number;
  readonly tariffVersion: number;
}

/** An order of an earlier block, as it stands after this one. */
export interface OrderChange extends Pick<OrderRow, 'order' | 'status'> {
  /** `undefined` where it stays what it was. */
  readonly remainingWh: number | undefined;
}

export interface TradeRow extends BookKey {
  /** From 1, without gaps. */
  readonly trade: number;
  readonly bid: HexId;
  readonly ask: HexId;
  readonly buyer: HexId;
  readonly seller: HexId;
  readonly priceTicks: number;
  readonly quantityWh: number;
  readonly notional: Amount;
  readonly buyerFee: Amount;
  readonly sellerFee: Amount;
  readonly wheeling: Amount;
  readonly feePayee: HexId;
  /** Who gets what the two are charged: these sum to both fees and the wheeling. */
  readonly toOperator: Amount;
  readonly fromOperator: Amount;
  readonly platform: Amount;
  readonly tax: Amount;
  readonly tariffVersion: number;
  readonly tariffHash: HexId;
  readonly index: number;
  /** Among the events of its outcome. */
  readonly event: number;
  /** The operation that made the match; none when a hook did. */
  readonly operationId: Uint8Array | undefined;
}

/** One version of a reading; those before it stay. */
export interface ReadingRow {
  readonly meter: HexId;
  readonly intervalStartMs: number;
  readonly version: number;
  readonly quality: ReadingQuality;
  readonly account: HexId;
  readonly zone: string;
  readonly consumedWh: number;
  readonly producedWh: number;
  readonly mintedWh: number;
  readonly importWh: number;
  readonly index: number;
  /** Among the events of its outcome. */
  readonly event: number;
}

/** What befell an account's energy and money of a zone and interval when that was settled, cut or corrected: told once for each account. */
export interface SettlementRow {
  readonly account: HexId;
  readonly zone: string;
  readonly intervalStartMs: number;
  /** Among these of the block, from 0. */
  readonly place: number;
  readonly index: number;
  readonly event: number;
  readonly body: SettlementFact;
}

export type SettlementFact = EventOf<
  'market.contractCut' | 'settlement.contractSettled' | 'settlement.positionSettled' | 'settlement.positionCorrected'
>;

export interface BookRow extends BookKey, BookTerms {
  /** Among those that opened in this block, from 0. */
  readonly openedPlace: number;
  readonly closesAtMs: number;
  readonly closedHeight: number | undefined;
}

/** What a book trades under now. */
export interface BookTerms {
  readonly tariffVersion: number;
  readonly tariffHash: HexId;
  /** 0.0001 THB/kWh, with tax. */
  readonly wheeling: number;
  readonly operatorFrom: HexId;
  readonly operatorTo: HexId;
  readonly platform: HexId;
  readonly tax: HexId;
}

/** `decided`: by the consortium or by evidence, and waiting for its turn; the last four are ends. */
export const VALIDATOR_CHANGE_STATUSES = ['open', 'decided', 'applied', 'dropped', 'withdrawn', 'lapsed'] as const;

export type ValidatorChangeStatus = (typeof VALIDATOR_CHANGE_STATUSES)[number];

/** A change of the validators as the block leaves it. What is `undefined` stays as it was, or is not there. */
export interface ValidatorChangeRow {
  /** The operation that proposed it, or the evidence that calls for it. */
  readonly change: HexId;
  readonly kind: ValidatorChangeKind | undefined;
  readonly validator: Kid | undefined;
  /** Of `rotateKey`: the key that comes after. */
  readonly key: Kid | undefined;
  /** Who proposed it; nobody did when evidence calls for it. */
  readonly organisation: HexId | undefined;
  readonly untilMs: number | undefined;
  readonly votes: number | undefined;
  readonly needed: number | undefined;
  readonly status: ValidatorChangeStatus;
  /** Leaf of the results tree in which it was heard of in this block; of a new one it is its place in time. */
  readonly index: number;
}

/** What a block changes in the tables that only the consortium ledger has. */
export interface ConsortiumRows {
  readonly kind: 'consortium';
  readonly organisations: readonly OrganisationRow[];
  readonly accounts: readonly AccountRow[];
  readonly kycChanges: readonly KycChange[];
  /** Each takes the place of one for the same key and account, if there is one. */
  readonly delegations: readonly DelegationRow[];
  readonly revokedDelegations: readonly Pick<DelegationRow, 'kid' | 'account'>[];
  readonly meters: readonly MeterRow[];
  readonly meterLimits: readonly MeterLimit[];
  readonly zones: readonly ZoneRow[];
  readonly orders: readonly OrderRow[];
  readonly orderChanges: readonly OrderChange[];
  readonly trades: readonly TradeRow[];
  readonly readings: readonly ReadingRow[];
  readonly books: readonly BookRow[];
  readonly repricedBooks: readonly (BookKey & BookTerms)[];
  readonly closedBooks: readonly BookKey[];
  readonly validatorChanges: readonly ValidatorChangeRow[];
  readonly settlements: readonly SettlementRow[];
  readonly facts: readonly FactRow[];
  readonly records: readonly RecordRow[];
}
