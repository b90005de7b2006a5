import { faultsTolerated, indexOfKey, VOTE_STEPS, type ChainTip } from '@gridtokenx/chain';
import { HASH_BYTES, type Crypto, type Hash, type PublicKey } from '@gridtokenx/crypto';
import { equalBytes, type Millis } from '@gridtokenx/kernel';
import { hold, type Blocks } from './blocks.js';
import { createInbox, type Inbox } from './inbox.js';
import { signBytesOf } from './messages.js';
import { dueAt } from './timing.js';
import { OBSERVER } from './types.js';
import type {
  ConsensusConfig,
  ConsensusMessage,
  Demand,
  Output,
  ReplicaIdentity,
  SignerRecord,
  UnsignedMessage,
} from './types.js';

/** Of how many heights above the open one messages are kept. */
export const HEIGHTS_AHEAD_MAX = 4;

/** What is forgotten when the next height opens. */
export interface OpenHeight {
  readonly height: number;
  /** When the parent was learned, on the own clock: the due time cannot lie before it. */
  readonly learnedAt: number;
  round: number;
  /** When the timer of the round starts or started: in round 0 when the block is due; Infinity: not known yet (SPEC consensus 4.3). */
  timerFrom: number;
  readonly inbox: Inbox;
  readonly blocks: Blocks;
  /** The proposal of the current round that is to be PREPAREd. */
  accepted: { readonly hash: Hash; readonly fresh: boolean } | undefined;
  prepared: SignerRecord['prepared'];
  committed: SignerRecord['committed'];
  /** The round for which `build` was asked. */
  buildAskedFor: number | undefined;
  /** Blocks that a leader needs before a claim counts, by hex. */
  readonly wanted: Map<string, Hash>;
  /** The own latest message of each type, by step. */
  readonly own: (ConsensusMessage | undefined)[];
  resendAt: number;
  isDecided: boolean;
}

/** One validator's view of the ledger. Owned: `step` changes it in place, nothing else may. */
export interface Replica {
  readonly config: ConsensusConfig;
  readonly key: PublicKey;
  readonly crypto: Crypto;
  tip: ChainTip;
  /** Follows the tip: at the first height of an epoch the set may be another, and the own place in it. */
  identity: ReplicaIdentity;
  demand: Demand;
  open: OpenHeight;
  /** Messages of heights above the open one. */
  readonly ahead: Map<number, Inbox>;
  /** What of the last decided height was heard: (validator, type) slots. */
  heardAtTip: Set<number>;
  /** By validator: when it was last told, since the height opened, that it is behind. */
  answeredAt: Map<number, number>;
  record: SignerRecord | undefined;
  /** The record is from before a restart and its message may never have been published. */
  isRecordInherited: boolean;
  /** Signs above this height only; `undefined`: nothing. */
  signAbove: number | undefined;
  isHalted: boolean;
  wakeAt: number | undefined;
}

export function createHeight(replica: Pick<Replica, 'config' | 'demand'>, tip: ChainTip, now: number): OpenHeight {
  return {
    height: tip.height + 1,
    learnedAt: now,
    round: 0,
    timerFrom: dueAt(replica.config, tip.time, now, replica.demand),
    inbox: createInbox(),
    blocks: new Map(),
    accepted: undefined,
    prepared: undefined,
    committed: undefined,
    buildAskedFor: undefined,
    wanted: new Map(),
    own: [],
    resendAt: Infinity,
    isDecided: false,
  };
}

/** SPEC consensus 9.3: a key that is not in the set of the open height observes. */
export const identityAt = ({ validators }: Pick<ChainTip, 'validators'>, key: PublicKey): ReplicaIdentity => ({
  set: validators,
  validator: indexOfKey(validators, key),
});

export const faultsOf = ({ identity }: Pick<Replica, 'identity'>): number => faultsTolerated(identity.set.keys.length);

/** A replica that knows nothing of the open height yet but what its record says; see `createReplica` in step.ts. */
export function blankReplica(
  config: ConsensusConfig,
  key: PublicKey,
  tip: ChainTip,
  record: SignerRecord | undefined,
  now: Millis,
  crypto: Crypto,
): Replica {
  const demand: Demand = 'idle';
  return {
    config,
    key,
    crypto,
    tip,
    identity: identityAt(tip, key),
    demand,
    open: createHeight({ config, demand }, tip, now),
    ahead: new Map(),
    heardAtTip: new Set(),
    answeredAt: new Map(),
    record,
    isRecordInherited: record !== undefined,
    signAbove: 0,
    isHalted: false,
    wakeAt: undefined,
  };
}

/**
 * SPEC consensus 5.3: when the record is of the height that opens, its round, certificate and committed results are in force
 * again. The block has to be checked again: the record holds digests, not envelopes.
 */
export function restoreFromRecord(replica: Replica, now: Millis, out: Output[]): void {
  const { open, record } = replica;
  if (record === undefined || record.height !== open.height || !replica.isRecordInherited) return;
  if (record.round > open.round) {
    open.round = record.round;
    // Whoever went beyond the ROUND-CHANGE of its round had seen that the round was on.
    open.timerFrom = record.step === VOTE_STEPS.roundChange ? Infinity : now;
  }
  open.prepared = record.prepared;
  open.committed = record.committed;
  if (record.prepared !== undefined && hold(open.blocks, record.prepared.candidate, []))
    out.push({ kind: 'check', candidate: record.prepared.candidate });
  const message = messageOfRecord(replica, record);
  if (message === undefined || !isSigningAllowed(replica)) return;
  replica.isRecordInherited = false;
  out.push({ kind: 'sign', message, signBytes: record.signBytes, record });
}

/** SPEC consensus 5.4: whether this validator signs at the open height at all. */
export const isSigningAllowed = ({ isHalted, identity, signAbove, open }: Replica): boolean =>
  !isHalted && identity.validator !== OBSERVER && signAbove !== undefined && open.height > signAbove;

/**
 * The message that the record was made for: it may never have been published. A PROPOSAL is not to be had from a record,
 * which holds no block that is not prepared: then the round passes, or the own message comes back from the bus.
 */
function messageOfRecord({ config, identity }: Replica, record: SignerRecord): UnsignedMessage | undefined {
  const { height, round, step, signBytes, committed, prepared } = record;
  const base = { epoch: identity.set.epoch, height, round, validator: identity.validator };
  let message: UnsignedMessage | undefined;
  if (step === VOTE_STEPS.roundChange) message = { ...base, type: 'roundChange', prepared: prepared?.certificate };
  else if (step === VOTE_STEPS.prepare)
    message = { ...base, type: 'prepare', blockHash: signBytes.slice(-HASH_BYTES) as Hash };
  else if (step === VOTE_STEPS.commit && committed !== undefined) message = { ...base, type: 'commit', ...committed };
  return message !== undefined && equalBytes(signBytesOf(message, config.ledgerId), signBytes) ? message : undefined;
}
