import type { Crypto } from '@gridtokenx/crypto';
import type { LedgerIdentity } from '@gridtokenx/protocol';
import type { Clock, LedgerReads, Log, PublicReadModels, ReadModels } from '@gridtokenx/runtime';

/** What a gateway has of one ledger. */
export interface LedgerParts<Reads extends LedgerReads = LedgerReads> {
  readonly identity: LedgerIdentity;
  /** The exact bytes of the genesis file. */
  readonly genesisFile: Uint8Array;
  readonly readModels: Reads;
}

/** Everything a gateway is made of; tests give fakes. Whoever opened the log and the read models closes them. */
export interface GatewayParts {
  readonly crypto: Crypto;
  readonly log: Log;
  readonly clock: Clock;
  readonly limits?: Partial<GatewayLimits>;
  /** Those that it serves. */
  readonly ledgers: {
    readonly consortium: LedgerParts<ReadModels>;
    readonly public?: LedgerParts<PublicReadModels> | undefined;
  };
}

/** What may be under way or remembered at once. */
export interface GatewayLimits {
  /** Bodies being received, decoded or appended. */
  readonly inFlightBytesMax: number;
  readonly inFlightRequestsMax: number;
  /** Operations remembered between append and block. */
  readonly pendingOperationsMax: number;
  /** Operations that may wait for a block, at any pace of the ledger; at a high pace more may. */
  readonly backlogOperationsLeast: number;
  /** How long a read waits for the height it was asked to stand at. */
  readonly heightWaitMs: number;
  /** Decoded blocks kept for outcomes and proofs. */
  readonly blockCacheBytesMax: number;
}

export const DEFAULT_LIMITS: GatewayLimits = {
  inFlightBytesMax: 96 * 1024 * 1024,
  inFlightRequestsMax: 256,
  pendingOperationsMax: 250_000,
  backlogOperationsLeast: 15_000,
  heightWaitMs: 5_000,
  blockCacheBytesMax: 64 * 1024 * 1024,
};

/** Injection tokens: interfaces do not exist at run time. */
export const IDENTITY = Symbol('identity');
export const GENESIS_FILE = Symbol('genesisFile');
export const CRYPTO = Symbol('crypto');
export const LOG = Symbol('log');
export const READ_MODELS = Symbol('readModels');
/** What a gateway has of the consortium, for the ledger that anchors it. */
export const CONSORTIUM = Symbol('consortium');
export const CLOCK = Symbol('clock');
export const OPERATIONS_TOPIC = Symbol('operationsTopic');
/** Links under the path of the ledger. */
export const HREFS = Symbol('hrefs');
/** The kinds of the ledgers that are served. */
export const LEDGERS = Symbol('ledgers');
export const LIMITS = Symbol('limits');
