import type { Block, ChainTip } from '@gridtokenx/chain';
import { ORDER_CLOSE_REASONS } from '@gridtokenx/protocol';
import type {
  Envelope,
  KycStatus,
  Outcome,
  Role,
  Sector,
  Side,
  TimeInForce,
  ValidatorChangeKind,
} from '@gridtokenx/protocol';

/** A block whose validity was checked, with what its parts mean. */
export interface ProjectedBlock {
  readonly block: Block;
  /** The envelopes of the block, decoded, in its order. */
  readonly envelopes: readonly ProjectedEnvelope[];
  /** The outcomes of the block, decoded, in its order: hooks at the start, operations, hooks at the end. */
  readonly outcomes: readonly Outcome[];
  /** The sets where the chain stands after it: the one that signed, and the one that decides the next block. */
  readonly tip: Pick<ChainTip, 'certifiedBy' | 'validators'>;
  /** `encodeBlock` of the block, compressed with zstd: kept as given, and never looked into. */
  readonly body: Uint8Array;
}

export type ProjectedEnvelope = Pick<Envelope, 'publicKey' | 'sequence' | 'hash' | 'operationIds' | 'operations'>;

/** Minor units as a decimal string. */
export type Amount = string;
/** A random 128-bit id, or the id of an operation, in lower-case hex. */
export type HexId = string;
/** A key id: the Ed25519 public key in base64url. */
export type Kid = string;

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

export interface KeyRow {
  readonly kid: Kid;
  readonly organisation: HexId;
  readonly account: HexId | undefined;
  /** The block's own, when it was registered and removed in one. */
  readonly removedHeight: number | undefined;
}

export interface DelegationRow {
  readonly kid: Kid;
  readonly account: HexId;
  readonly operations: readonly string[];
  readonly untilMs: number;
}

export interface MeterRow {
  readonly meter: HexId;
  readonly account: HexId;
  readonly zone: string;
  readonly limitWh: number;
}

export interface ZoneRow {
  readonly zone: string;
  readonly operator: HexId;
  readonly account: HexId;
}

/** The sum of the block's postings to one balance: added to what stands, never put in its place. */
export interface BalanceDelta {
  readonly account: HexId;
  readonly asset: string;
  readonly available: bigint;
  readonly held: bigint;
}

/** What stands in escrow for an order after the block. */
export interface HoldRow {
  readonly order: HexId;
  readonly account: HexId;
  readonly asset: string;
  readonly amount: Amount;
}

export const ORDER_STATUSES = ['open', ...ORDER_CLOSE_REASONS] as const;
export type OrderStatus = (typeof ORDER_STATUSES)[number];

export interface OrderRow {
  readonly order: HexId;
  readonly account: HexId;
  readonly side: Side;
  readonly fromZone: string;
  readonly toZone: string;
  readonly intervalStartMs: number;
  readonly priceTicks: number;
  readonly quantityWh: number;
  readonly remainingWh: number;
  readonly timeInForce: TimeInForce;
  readonly expiresAtMs: number;
  readonly status: OrderStatus;
  /** Leaf of the results tree; with the height it is the order's place in time. */
  readonly placedIndex: number;
  readonly tariffVersion: number;
}

/** An order of an earlier block, as it stands after this one. */
export type OrderChange = Pick<OrderRow, 'order' | 'remainingWh' | 'status'>;

export interface TradeRow {
  /** From 1, without gaps. */
  readonly trade: number;
  readonly bid: HexId;
  readonly ask: HexId;
  readonly buyer: HexId;
  readonly seller: HexId;
  readonly fromZone: string;
  readonly toZone: string;
  readonly intervalStartMs: number;
  readonly priceTicks: number;
  readonly quantityWh: number;
  readonly notional: Amount;
  readonly buyerFee: Amount;
  readonly sellerFee: Amount;
  readonly feePayee: HexId;
  readonly tariffVersion: number;
  readonly index: number;
  /** The operation that made the match; none when a hook did. */
  readonly operationId: Uint8Array | undefined;
}

export interface ReadingRow {
  readonly meter: HexId;
  readonly intervalStartMs: number;
  readonly account: HexId;
  readonly zone: string;
  readonly consumedWh: number;
  readonly producedWh: number;
  readonly mintedWh: number;
  readonly importWh: number;
  readonly index: number;
}

export interface BookRow {
  readonly fromZone: string;
  readonly toZone: string;
  readonly intervalStartMs: number;
  readonly closesAtMs: number;
  readonly closedHeight: number | undefined;
}

export type BookKey = Pick<BookRow, 'fromZone' | 'toZone' | 'intervalStartMs'>;

/** Lean: what the operation did is read from the body of its block. */
export interface OperationRow {
  readonly operationId: Uint8Array;
  /** Leaf of the results tree. */
  readonly index: number;
  readonly key: Uint8Array;
  readonly type: string;
  /** The rejection's; `undefined` when executed. */
  readonly code: string | undefined;
}

/** The replay window of a key is read from these. */
export interface EnvelopeRow {
  readonly hash: Uint8Array;
  readonly key: Uint8Array;
  readonly sequence: number;
  /** Leaf of its first operation in the results tree. */
  readonly firstIndex: number;
  readonly operationCount: number;
}

/** A validator of the set that decides the blocks from `fromHeight` on, until another set does. */
export interface ValidatorPlaceRow {
  readonly fromHeight: number;
  /** Its index in the set. */
  readonly place: number;
  readonly key: Uint8Array;
}

/** A turn to propose that passed: SPEC participation 1.1. */
export interface MissedProposalRow {
  readonly round: number;
  readonly key: Uint8Array;
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

export interface BlockRow {
  /** What the block's own clock event says. */
  readonly marketTimeMs: number;
  readonly epoch: number;
  readonly proposer: number;
  readonly round: number;
  readonly signerCount: number;
  readonly envelopeCount: number;
  readonly operationCount: number;
  readonly rejectedCount: number;
  /** Outcomes of hooks that stand beside those of the operations. */
  readonly hookCount: number;
  readonly tradeCount: number;
  readonly header: Uint8Array;
  readonly certificate: Uint8Array;
  /** Compressed. */
  readonly body: Uint8Array;
}

/** All that one block changes, as values that depend on the block alone. Each row counts as of `height`. */
export interface BlockRows {
  readonly ledgerId: string;
  readonly height: number;
  readonly hash: Uint8Array;
  /** Of the header; zero-length for the genesis. */
  readonly parentHash: Uint8Array;
  readonly timeMs: number;
  /** Keys, one after the other in set order: of the set that signed the block, and of the one that decides the next. */
  readonly certifiedBy: Uint8Array;
  readonly validators: Uint8Array;
  /** Absent for the genesis. */
  readonly block: BlockRow | undefined;
  readonly operations: readonly OperationRow[];
  readonly envelopes: readonly EnvelopeRow[];
  readonly organisations: readonly OrganisationRow[];
  readonly accounts: readonly AccountRow[];
  readonly kycChanges: readonly KycChange[];
  readonly keys: readonly KeyRow[];
  readonly removedKeys: readonly Kid[];
  /** Each takes the place of one for the same key and account, if there is one. */
  readonly delegations: readonly DelegationRow[];
  readonly revokedDelegations: readonly Pick<DelegationRow, 'kid' | 'account'>[];
  readonly meters: readonly MeterRow[];
  readonly zones: readonly ZoneRow[];
  readonly balances: readonly BalanceDelta[];
  /** Of orders placed in this block: new rows. */
  readonly holds: readonly HoldRow[];
  /** Of older orders; a row whose amount is '0' is to be removed. */
  readonly holdChanges: readonly HoldRow[];
  readonly orders: readonly OrderRow[];
  readonly orderChanges: readonly OrderChange[];
  readonly trades: readonly TradeRow[];
  readonly readings: readonly ReadingRow[];
  readonly books: readonly BookRow[];
  readonly closedBooks: readonly BookKey[];
  /** The set that decides the next block, where it is another than this block's. */
  readonly validatorPlaces: readonly ValidatorPlaceRow[];
  readonly missedProposals: readonly MissedProposalRow[];
  readonly validatorChanges: readonly ValidatorChangeRow[];
}
