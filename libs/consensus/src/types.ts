import type { Certificate, ChainRules, ChainTip, Header, Signed, ValidatorSet, Vote } from '@gridtokenx/chain';
import type { Hash, Signature } from '@gridtokenx/crypto';
import type { Millis } from '@gridtokenx/kernel';

/** Timing and limits, from the genesis. Times in milliseconds. */
export interface ConsensusConfig extends ChainRules {
  readonly intervalMs: number;
  readonly beatMs: number;
  readonly fullIntervalMs: number;
  readonly baseTimeoutMs: number;
  readonly timeoutCapMs: number;
  /** How far a block's time may lie from the own clock. */
  readonly clockToleranceMs: number;
}

/** What a proposal proposes: the header, the envelopes it orders (by hash), and the parent's certificate. */
export interface Candidate {
  readonly header: Header;
  /** Of the header. */
  readonly hash: Hash;
  readonly envelopeHashes: readonly Hash[];
  /** Absent at height 1 only. */
  readonly parentCertificate: Certificate | undefined;
}

/** A quorum of PREPAREs for one block in one round. */
export interface PreparedCertificate {
  readonly height: number;
  readonly round: number;
  readonly blockHash: Hash;
  readonly signatures: readonly Signed[];
}

/** The signed part of a ROUND-CHANGE, as it stands in a justification. */
export interface RoundChangeVote {
  readonly validator: number;
  readonly prepared: { readonly round: number; readonly blockHash: Hash } | undefined;
  readonly signature: Signature;
}

interface MessageBase {
  readonly epoch: number;
  readonly height: number;
  readonly round: number;
  /** Index of the sender in the validator set of `epoch`. */
  readonly validator: number;
  readonly signature: Signature;
}

export type ConsensusMessage =
  | (MessageBase & {
      readonly type: 'proposal';
      readonly candidate: Candidate;
      /** For round > 0: a quorum of ROUND-CHANGEs for that round, and one certificate for the highest claim among them. */
      readonly justification:
        | { readonly roundChanges: readonly RoundChangeVote[]; readonly prepared: PreparedCertificate | undefined }
        | undefined;
    })
  | (MessageBase & { readonly type: 'prepare'; readonly blockHash: Hash })
  | (MessageBase & {
      readonly type: 'commit';
      readonly blockHash: Hash;
      readonly resultsRoot: Hash;
      readonly stateDigest: Hash;
    })
  | (MessageBase & { readonly type: 'roundChange'; readonly prepared: PreparedCertificate | undefined });

export type UnsignedMessage = ConsensusMessage extends infer M
  ? M extends unknown
    ? Omit<M, 'signature'>
    : never
  : never;

/**
 * What a validator must still know after a crash. Durable before the message that it is emitted with is published.
 * At (height, round, step) only the same sign bytes are signed again, below it nothing.
 */
export interface SignerRecord {
  readonly height: number;
  readonly round: number;
  /** VOTE_STEPS of the last signed message. */
  readonly step: number;
  readonly signBytes: Uint8Array;
  /** The own prepared certificate of the open height and the block it is for, until one of a higher round replaces it. */
  readonly prepared: { readonly certificate: PreparedCertificate; readonly candidate: Candidate } | undefined;
  /** The results this validator COMMITted to at this height: others for the same block are never signed. */
  readonly committed: { readonly blockHash: Hash; readonly resultsRoot: Hash; readonly stateDigest: Hash } | undefined;
}

/** What the pool holds: decides when the next block is due (beat, interval, or full interval). */
export type Demand = 'idle' | 'waiting' | 'full';

export type Input =
  /** A message whose signatures (see messageSignatures) were all verified; the replica's own come back this way too. */
  | { readonly kind: 'message'; readonly message: ConsensusMessage }
  /** The time asked for by the last `wake` has come (early or repeated ticks are harmless). */
  | { readonly kind: 'tick' }
  | { readonly kind: 'demand'; readonly demand: Demand }
  /** Answer to `build`. */
  | { readonly kind: 'built'; readonly height: number; readonly round: number; readonly candidate: Candidate }
  /** Answer to `check`: every envelope is held and admissible, the operations root is right; or the block can never be PREPAREd. */
  | {
      readonly kind: 'checked';
      readonly blockHash: Hash;
      readonly ok: boolean;
      /**
       * The candidate that `check` asked about. The hash covers the header only, so a liar can pair it with other envelope
       * hashes: without this field the answer is taken to be about the one asked about last.
       */
      readonly candidate?: Candidate;
    }
  /** Answer to `fetchBlock`, or anyone's candidate that was asked for by hash (its hash was checked). */
  | { readonly kind: 'candidate'; readonly candidate: Candidate }
  /** Answer to `execute`. */
  | { readonly kind: 'executed'; readonly blockHash: Hash; readonly resultsRoot: Hash; readonly stateDigest: Hash }
  /** The ledger has moved to this tip, by an own `decided` or by a certified block from elsewhere. */
  | { readonly kind: 'advanced'; readonly tip: ChainTip }
  /** May sign from now on only above this height (after a lost signer record); undefined: may not sign at all. */
  | { readonly kind: 'signAbove'; readonly height: number | undefined };

export type Output =
  /** Make `record` durable, then sign, publish, and hand the signed message back as an input. */
  | {
      readonly kind: 'sign';
      readonly message: UnsignedMessage;
      readonly signBytes: Uint8Array;
      readonly record: SignerRecord;
    }
  /** Publish again, same bytes. */
  | { readonly kind: 'resend'; readonly message: ConsensusMessage }
  /** Call with a tick at this time; replaces the wish before. */
  | { readonly kind: 'wake'; readonly at: Millis }
  /** Build a fresh block on the tip with this time; answer with `built`. */
  | { readonly kind: 'build'; readonly height: number; readonly round: number; readonly time: Millis }
  | { readonly kind: 'check'; readonly candidate: Candidate }
  | { readonly kind: 'fetchBlock'; readonly blockHash: Hash }
  | { readonly kind: 'execute'; readonly candidate: Candidate }
  /** Final. The candidate may be unknown here (fetch it by hash). `leader` of the deciding round appends the record first. */
  | {
      readonly kind: 'decided';
      readonly certificate: Certificate;
      readonly candidate: Candidate | undefined;
      readonly leader: number;
    }
  /** Someone is at an older height: answer with that block, staggered. */
  | { readonly kind: 'behind'; readonly validator: number; readonly height: number }
  /** Two signed messages of one validator for one (height, round, type) with different sign bytes. */
  | { readonly kind: 'evidence'; readonly first: ConsensusMessage; readonly second: ConsensusMessage }
  /** This replica must stop: it computed other results for a block it COMMITted. */
  | { readonly kind: 'halt'; readonly committed: NonNullable<SignerRecord['committed']> };

/** The set of the open height, and which of its validators this replica is: {@link OBSERVER} when it is none of them. */
export interface ReplicaIdentity {
  readonly set: ValidatorSet;
  readonly validator: number;
}

/** The index of no validator: an observer follows and signs nothing. */
export const OBSERVER = -1;

export type { Vote };
