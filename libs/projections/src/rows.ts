import type { Block, ChainTip } from '@gridtokenx/chain';
import type { Envelope, LedgerKind, Outcome } from '@gridtokenx/protocol';
import type { ConsortiumRows } from './consortium/rows.js';
import type { PublicRows } from './public/rows.js';

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
/** Of any ledger, as its operations and events write it. */
export type AccountId = string;
/** A key id: the Ed25519 public key in base64url. */
export type Kid = string;

export interface KeyRow {
  readonly kid: Kid;
  /** Every key of the consortium has one. */
  readonly organisation: HexId | undefined;
  readonly account: AccountId | undefined;
  /** The block's own, when it was registered and removed in one. */
  readonly removedHeight: number | undefined;
}

/** The sum of the block's postings to one balance: added to what stands, never put in its place. */
export interface BalanceDelta {
  readonly account: AccountId;
  readonly asset: string;
  readonly available: bigint;
  readonly held: bigint;
}

/**
 * What stands in escrow after the block, by what it is held for: on the consortium ledger the id of an order, the number of a
 * contract, or the account, zone and interval of a margin.
 */
export interface HoldRow {
  readonly order: string;
  readonly account: AccountId;
  readonly asset: string;
  readonly amount: Amount;
}

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

/**
 * What one block changes in the tables that each ledger has, as values that depend on the block alone. Each row counts as of
 * `height`.
 */
export interface CommonRows {
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
  readonly keys: readonly KeyRow[];
  readonly removedKeys: readonly Kid[];
  readonly balances: readonly BalanceDelta[];
  /** Of what began in this block: new rows. */
  readonly holds: readonly HoldRow[];
  /** Of what is older; a row whose amount is '0' is to be removed. */
  readonly holdChanges: readonly HoldRow[];
  /** The set that decides the next block, where it is another than this block's. */
  readonly validatorPlaces: readonly ValidatorPlaceRow[];
  readonly missedProposals: readonly MissedProposalRow[];
}

/** By kind of ledger, what its own tables get beside the common ones. */
export interface OwnRows {
  readonly consortium: ConsortiumRows;
  readonly public: PublicRows;
}

/** All that one block of a ledger changes. */
export type RowsOf<K extends LedgerKind> = CommonRows & OwnRows[K];
export type BlockRows = { [K in LedgerKind]: RowsOf<K> }[LedgerKind];
