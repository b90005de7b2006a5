import { headerHash, proposerOf, VOTE_STEPS, type Certificate, type ChainTip } from '@gridtokenx/chain';
import type { Crypto, Hash, PublicKey } from '@gridtokenx/crypto';
import { assert, equalBytes, millis, toHex, unreachable, type Millis } from '@gridtokenx/kernel';
import { blockAt, headerFault, hold, isTimely, settle, type HeldBlock } from './blocks.js';
import {
  allOf,
  commitCount,
  createInbox,
  equalCommits,
  heardSlots,
  isFirstHeard,
  isLeader,
  keep,
  markHeard,
  preparedHash,
  preparesOf,
  reached,
  roundChangesOf,
  roundToJoin,
} from './inbox.js';
import {
  claimOf,
  isFresh,
  messageShapeFault,
  signBytesOf,
  type Commit,
  type Proposal,
  type RoundChange,
} from './messages.js';
import {
  blankReplica,
  createHeight,
  faultsOf,
  HEIGHTS_AHEAD_MAX,
  identityAt,
  isSigningAllowed,
  restoreFromRecord,
  type Replica,
} from './replica.js';
import { isAtRecord, maySign } from './signer.js';
import { dueAt, resendMs, roundTimeoutMs } from './timing.js';
import type {
  Candidate,
  ConsensusConfig,
  ConsensusMessage,
  Demand,
  Input,
  Output,
  SignerRecord,
  UnsignedMessage,
} from './types.js';

/**
 * The replica of a key that opens the height after `tip`. It signs at once only what its record says it has signed; all else waits for the
 * first `step`, so that a `signAbove` may come before it.
 */
export function createReplica(
  config: ConsensusConfig,
  key: PublicKey,
  tip: ChainTip,
  record: SignerRecord | undefined,
  now: Millis,
  deps: { readonly crypto: Crypto },
): { replica: Replica; outputs: Output[] } {
  const replica = blankReplica(config, key, tip, record, now, deps.crypto);
  const outputs: Output[] = [];
  restoreFromRecord(replica, now, outputs);
  askToWake(replica, now, outputs, true);
  return { replica, outputs };
}

/** One input, in order, to what has to be done about it, in order. Same inputs, same outputs, on any machine. */
export function step(replica: Replica, input: Input, now: Millis): Output[] {
  const out: Output[] = [];
  if (replica.isHalted) return out;
  switch (input.kind) {
    case 'message':
      onMessage(replica, input.message, now, out);
      break;
    case 'tick':
      onTime(replica, now, out);
      break;
    case 'demand':
      onDemand(replica, input.demand, now, out);
      break;
    case 'built':
      onBuilt(replica, input.height, input.round, input.candidate, now, out);
      break;
    case 'checked':
      onChecked(replica, input.blockHash, input.candidate, input.ok, now, out);
      break;
    case 'candidate':
      onCandidate(replica, input.candidate, out);
      break;
    case 'executed':
      onExecuted(replica, input.blockHash, input.resultsRoot, input.stateDigest, out);
      break;
    case 'advanced':
      onAdvanced(replica, input.tip, now, out);
      break;
    case 'signAbove':
      replica.signAbove = input.height;
      break;
    default:
      return unreachable(input);
  }
  askToWake(replica, now, out, input.kind === 'tick');
  return out;
}

// Messages.

function onMessage(replica: Replica, message: ConsensusMessage, now: Millis, out: Output[]): void {
  const { open, tip, config } = replica;
  if (messageShapeFault(message, tip, config) !== undefined) return;
  if (message.height < open.height) onOldMessage(replica, message, now, out);
  else if (message.height > open.height) keepForLater(replica, message);
  else onOpenMessage(replica, message, now, out);
}

/**
 * SPEC consensus 2.6: a sender of an older height is told so once, and again only after the longest time-out: an answer can be
 * lost, and this height may need the one that is behind. A vote for the height just closed that comes for the first time is
 * merely late: with a quorum of 14, seven of 21 are at each height.
 */
function onOldMessage(replica: Replica, message: ConsensusMessage, now: Millis, out: Output[]): void {
  const { heardAtTip, answeredAt, tip, identity, config } = replica;
  const { validator, height, type } = message;
  if (validator === identity.validator || now < (answeredAt.get(validator) ?? -Infinity) + config.timeoutCapMs) return;
  if (height === tip.height && type !== 'roundChange' && isFirstHeard(heardAtTip, message)) {
    markHeard(heardAtTip, message);
    return;
  }
  answeredAt.set(validator, now);
  out.push({ kind: 'behind', validator, height });
}

/** SPEC consensus 2.5: a few heights ahead are kept, as bounded as the open one; beyond them a block will tell. */
function keepForLater(replica: Replica, message: ConsensusMessage): void {
  const { open, ahead } = replica;
  if (message.height > open.height + HEIGHTS_AHEAD_MAX) return;
  let inbox = ahead.get(message.height);
  if (inbox === undefined) ahead.set(message.height, (inbox = createInbox()));
  keep(inbox, message);
}

function onOpenMessage(replica: Replica, message: ConsensusMessage, now: Millis, out: Output[]): void {
  const { open, identity } = replica;
  const isOwn = message.validator === identity.validator;
  const kept = keep(open.inbox, message);
  switch (kept.kind) {
    case 'dropped':
      return;
    case 'conflicting':
      reportEquivocation(isOwn, kept.first, message, kept.isNewOffence, out);
      return;
    case 'repeated':
      // The signature does not cover the list of envelopes nor the justification, so a copy can be the better one.
      if (message.type === 'proposal') onProposal(replica, message, now, out);
      return;
    case 'new':
      break;
    default:
      unreachable(kept);
  }
  if (isOwn) keepToResend(replica, message, now);
  switch (message.type) {
    case 'proposal':
      return onProposal(replica, message, now, out);
    case 'prepare':
      return onPrepare(replica, message.round, out);
    case 'commit':
      return onCommit(replica, message, out);
    case 'roundChange':
      return onRoundChange(replica, message, now, out);
    default:
      return unreachable(message);
  }
}

/** SPEC consensus 8.1: two signed messages of one validator for one (height, round, type) that say different things. */
function reportEquivocation(
  isOwn: boolean,
  first: ConsensusMessage,
  second: ConsensusMessage,
  isNewOffence: boolean,
  out: Output[],
): void {
  if (isNewOffence && !isOwn) out.push({ kind: 'evidence', first, second });
}

function keepToResend({ open, config }: Replica, message: ConsensusMessage, now: Millis): void {
  const at = VOTE_STEPS[message.type];
  const latest = open.own[at];
  if (latest !== undefined && latest.round >= message.round) return;
  open.own[at] = message;
  open.resendAt = now + resendMs(config);
}

/** SPEC consensus 3.1: a justified PROPOSAL of the own or a higher round of the open height is what the round is about. */
function onProposal(replica: Replica, message: Proposal, now: Millis, out: Output[]): void {
  const { open, tip, crypto, config } = replica;
  const { candidate, round } = message;
  if (open.isDecided || round < open.round) return;
  if (headerFault({ crypto, config, tip }, candidate) !== undefined) return;
  // Its quorum of ROUND-CHANGEs proves that the round is on; without this, one lost ROUND-CHANGE could cost a round.
  if (round > open.round) enterRound(replica, round);
  if (open.timerFrom === Infinity) open.timerFrom = now;
  if (open.accepted !== undefined && !equalBytes(open.accepted.hash, candidate.hash)) return;
  open.accepted = { hash: candidate.hash, fresh: isFresh(message) };
  // Whoever proposes has something to propose, so the block is due: an idle replica does not sleep on until its beat.
  if (round === 0) open.timerFrom = Math.min(open.timerFrom, now);
  if (hold(open.blocks, candidate, hashesInUse(replica))) out.push({ kind: 'check', candidate });
  tryPrepare(replica, now, out);
  findPrepared(replica, round, out);
}

/**
 * SPEC consensus 3.6: PREPARE what the justification asks for, also against a block that was prepared before: safety rests on the
 * quorum of ROUND-CHANGEs, not on stubbornness.
 */
function tryPrepare(replica: Replica, now: Millis, out: Output[]): void {
  const { open, config } = replica;
  const { accepted, round } = open;
  if (accepted === undefined || hasSigned(replica, VOTE_STEPS.prepare)) return;
  const candidate = blockAt(open.blocks, accepted.hash)?.checked;
  if (candidate === undefined) return;
  if (!isTimely(config, candidate.header.time, now, round, accepted.fresh)) return;
  sign(replica, { ...base(replica), type: 'prepare', blockHash: accepted.hash }, out);
}

function onPrepare(replica: Replica, round: number, out: Output[]): void {
  findPrepared(replica, round, out);
}

/**
 * SPEC consensus 3.7: a quorum of PREPAREs of one round for a block that is held is a prepared certificate; it replaces one of
 * a lower round and nothing else does. In the own round it leads to COMMIT; from a lower round it is carried only.
 */
function findPrepared(replica: Replica, round: number, out: Output[]): void {
  const { open, identity } = replica;
  if (open.isDecided || round > open.round) return;
  if (open.prepared === undefined || round > open.prepared.certificate.round) {
    const messages = open.inbox.rounds.get(round);
    const blockHash = messages && preparedHash(messages, identity.set.quorum);
    const candidate = blockHash && blockAt(open.blocks, blockHash)?.checked;
    if (messages === undefined || blockHash === undefined || candidate === undefined) return;
    const signatures = preparesOf(messages, blockHash)
      .slice(0, identity.set.quorum)
      .map(({ validator, signature }) => ({ validator, signature }));
    open.prepared = { certificate: { height: open.height, round, blockHash, signatures }, candidate };
  }
  tryCommit(replica, out);
}

/** SPEC consensus 3.8: execute what is prepared in the current round, and COMMIT to it and its results. */
function tryCommit(replica: Replica, out: Output[]): void {
  const { open } = replica;
  const { prepared, round } = open;
  if (open.isDecided || prepared?.certificate.round !== round || hasSigned(replica, VOTE_STEPS.commit)) return;
  const block = blockAt(open.blocks, prepared.candidate.hash);
  // After a restart the block is held again only once its envelopes were found again.
  if (block?.checked === undefined) return;
  if (block.results !== undefined) commit(replica, block, block.results, out);
  else if (!block.isExecuting) {
    block.isExecuting = true;
    out.push({ kind: 'execute', candidate: block.checked });
  }
}

function commit(replica: Replica, block: HeldBlock, results: NonNullable<HeldBlock['results']>, out: Output[]): void {
  const vote = { blockHash: block.hash, resultsRoot: results.resultsRoot, stateDigest: results.stateDigest };
  sign(replica, { ...base(replica), type: 'commit', ...vote }, out, vote);
}

/**
 * SPEC consensus 5.2: results of a block are locked by the first COMMIT to them. Whoever computes others, after an upgrade or
 * by a broken machine, must not vote: a second certificate for one block would be possible.
 */
function breaksCommitted({ open }: Replica, blockHash: Hash, resultsRoot: Hash, stateDigest: Hash): boolean {
  const { committed } = open;
  if (committed === undefined || !equalBytes(committed.blockHash, blockHash)) return false;
  return !equalBytes(committed.resultsRoot, resultsRoot) || !equalBytes(committed.stateDigest, stateDigest);
}

/**
 * SPEC consensus 3.9: a quorum of equal COMMITs of any one round decides, whatever round this replica is in and whether it holds
 * the block. COMMITs to other results are other COMMITs.
 */
function onCommit(replica: Replica, message: Commit, out: Output[]): void {
  const { open, identity } = replica;
  const { set } = identity;
  if (open.isDecided || commitCount(open.inbox, message) < set.quorum) return;
  open.isDecided = true;
  open.wanted.clear();
  const { epoch, height, round, blockHash, resultsRoot, stateDigest } = message;
  const signatures = equalCommits(open.inbox, message).map(({ validator, signature }) => ({ validator, signature }));
  const certificate: Certificate = { epoch, height, round, blockHash, resultsRoot, stateDigest, signatures };
  out.push({
    kind: 'decided',
    certificate,
    candidate: blockAt(open.blocks, blockHash)?.checked,
    leader: proposerOf(set.keys.length, height, round),
  });
}

function onRoundChange(replica: Replica, message: RoundChange, now: Millis, out: Output[]): void {
  const { open, identity } = replica;
  if (open.isDecided) return;
  if (message.round > open.round) {
    const joined = roundToJoin(open.inbox, identity.set, faultsOf(replica), open.round);
    if (joined !== undefined) changeRound(replica, joined, out);
  }
  startTimer(replica, now);
  tryPropose(replica, now, out);
}

// Rounds.

function enterRound({ open }: Replica, round: number): void {
  open.round = round;
  open.timerFrom = Infinity;
  open.accepted = undefined;
  open.wanted.clear();
}

/**
 * SPEC consensus 4.3: the timer of a round above 0 starts once a quorum has changed to it or beyond (or its PROPOSAL proves so).
 * With capped timers, one that started at entering would let a validator that was alone for a while run some rounds ahead of the
 * rest for ever, all at the same pace.
 */
function startTimer({ open, identity }: Replica, now: Millis): void {
  if (open.timerFrom === Infinity && reached(open.inbox, identity.set, open.round) >= identity.set.quorum)
    open.timerFrom = now;
}

/** SPEC consensus 4.5: ROUND-CHANGE carries the own certificate, signed claim and all, and ends all lower rounds for its sender. */
function changeRound(replica: Replica, round: number, out: Output[]): void {
  const { open } = replica;
  enterRound(replica, round);
  sign(replica, { ...base(replica), type: 'roundChange', prepared: open.prepared?.certificate }, out);
  // PREPAREs of this round may have come before we did.
  findPrepared(replica, round, out);
}

/**
 * SPEC consensus 3.10: the leader of a round proposes once: in round 0 when the block is due, above it when a quorum of
 * ROUND-CHANGEs counts.
 */
function tryPropose(replica: Replica, now: Millis, out: Output[]): void {
  const { open, identity } = replica;
  const { height, round } = open;
  if (open.isDecided || open.accepted !== undefined || !isLeader(identity.set, height, round, identity.validator))
    return;
  if (!maySignFresh(replica, VOTE_STEPS.proposal)) return;
  if (round === 0) {
    if (now >= open.timerFrom) askToBuild(replica, now, out);
    return;
  }
  const justification = justify(replica, now, out);
  if (justification === undefined) return;
  const { prepared } = justification;
  if (prepared === undefined) return askToBuild(replica, now, out);
  const candidate = blockAt(open.blocks, prepared.blockHash)?.checked;
  assert(candidate !== undefined, 'a claim counts only once its block is held');
  sign(replica, { ...base(replica), type: 'proposal', candidate, justification }, out);
}

function askToBuild({ open, tip }: Replica, now: Millis, out: Output[]): void {
  if (open.buildAskedFor === open.round) return;
  open.buildAskedFor = open.round;
  out.push({ kind: 'build', height: open.height, round: open.round, time: millis(Math.max(now, tip.time + 1)) });
}

/**
 * SPEC consensus 3.11: a ROUND-CHANGE with a claim counts once its block is held; what is missing is asked for by hash. Else a
 * liar could bind the leader, by a true certificate, to a block that nobody alive can send.
 */
function justify(replica: Replica, now: Millis, out: Output[]): Proposal['justification'] {
  const { open, identity } = replica;
  const { quorum } = identity.set;
  const counted = roundChangesOf(open.inbox, open.round).filter(({ prepared }) => {
    if (prepared === undefined) return true;
    const block = blockAt(open.blocks, prepared.blockHash);
    if (block?.checked === undefined)
      want(replica, prepared.blockHash, block !== undefined && block.trying.length > 0, now, out);
    return block?.checked !== undefined;
  });
  if (counted.length < quorum) return undefined;
  const roundOfClaim = ({ prepared }: RoundChange): number => prepared?.round ?? -1;
  let highest: RoundChange | undefined;
  for (const vote of counted) if (highest === undefined || roundOfClaim(vote) > roundOfClaim(highest)) highest = vote;
  // The highest claim is among those sent, though a leader might leave it out: it is the block most likely to be done soon.
  const others = counted.filter((vote) => vote !== highest).slice(0, quorum - 1);
  const roundChanges = counted
    .filter((vote) => vote === highest || others.includes(vote))
    .map(({ validator, prepared, signature }) => ({ validator, prepared: claimOf(prepared), signature }));
  return { roundChanges, prepared: highest?.prepared };
}

function want({ open, config }: Replica, blockHash: Hash, isBeingChecked: boolean, now: Millis, out: Output[]): void {
  const key = toHex(blockHash);
  if (open.wanted.has(key)) return;
  open.wanted.set(key, blockHash);
  open.resendAt = Math.min(open.resendAt, now + resendMs(config));
  if (!isBeingChecked) out.push({ kind: 'fetchBlock', blockHash });
}

// Signing.

function base({ open, identity }: Replica): { epoch: number; height: number; round: number; validator: number } {
  return { epoch: identity.set.epoch, height: open.height, round: open.round, validator: identity.validator };
}

/** Whether this run signed this step of the current round or a later one: then there is nothing to do for it again. */
function hasSigned({ open, record, isRecordInherited }: Replica, at: number): boolean {
  if (record === undefined || isRecordInherited) return false;
  return record.height === open.height && record.round === open.round && record.step >= at;
}

/** Whether nothing was signed yet at or above this step of the current round. */
function maySignFresh(replica: Replica, at: number): boolean {
  const { open, record } = replica;
  // No sign bytes are empty, so at the record this says no.
  return isSigningAllowed(replica) && maySign(record, open.height, open.round, at, new Uint8Array(0));
}

/** The only place where anything is signed: the guard, the new record, and the message, in one output. */
function sign(
  replica: Replica,
  message: UnsignedMessage,
  out: Output[],
  committed: SignerRecord['committed'] = replica.open.committed,
): void {
  const { open, record, config } = replica;
  if (open.isDecided || !isSigningAllowed(replica)) return;
  const at = VOTE_STEPS[message.type];
  const signBytes = signBytesOf(message, config.ledgerId);
  if (!maySign(record, message.height, message.round, at, signBytes)) return;
  // What this run has signed comes back as an input and is resent from there; only an inherited record is signed again.
  if (!replica.isRecordInherited && isAtRecord(record, message.height, message.round, at)) return;
  open.committed = committed;
  const next = {
    height: message.height,
    round: message.round,
    step: at,
    signBytes,
    prepared: open.prepared,
    committed,
  };
  replica.record = next;
  replica.isRecordInherited = false;
  out.push({ kind: 'sign', message, signBytes, record: next });
}

// Answers of the runtime.

function onBuilt(
  replica: Replica,
  height: number,
  round: number,
  candidate: Candidate,
  now: Millis,
  out: Output[],
): void {
  const { open, identity, crypto, config, tip } = replica;
  if (height !== open.height || round !== open.round || open.buildAskedFor !== round) return;
  if (open.isDecided || open.accepted !== undefined || !maySignFresh(replica, VOTE_STEPS.proposal)) return;
  assert(equalBytes(headerHash(crypto, candidate.header), candidate.hash), 'a built candidate carries its own hash');
  const fault = headerFault({ crypto, config, tip }, candidate);
  assert(fault === undefined, `a built candidate fits the tip: ${fault ?? ''}`);
  assert(candidate.header.proposer === identity.validator, 'a built candidate names its builder');
  let justification: Proposal['justification'];
  if (round > 0) {
    justification = justify(replica, now, out);
    if (justification === undefined) return;
    // A claim became countable while the block was built: it has to be proposed instead.
    if (justification.prepared !== undefined) return tryPropose(replica, now, out);
  }
  hold(open.blocks, candidate, hashesInUse(replica));
  const block = blockAt(open.blocks, candidate.hash);
  // Built from what is held and admissible, so it needs no check.
  if (block !== undefined) settle(block, candidate, true);
  sign(replica, { ...base(replica), type: 'proposal', candidate, justification }, out);
}

function onChecked(
  replica: Replica,
  blockHash: Hash,
  candidate: Candidate | undefined,
  ok: boolean,
  now: Millis,
  out: Output[],
): void {
  const { open } = replica;
  if (candidate !== undefined && !equalBytes(candidate.hash, blockHash)) return;
  const block = blockAt(open.blocks, blockHash);
  if (block === undefined || block.checked !== undefined) return;
  settle(block, candidate, ok);
  if (!ok) return;
  open.wanted.delete(toHex(blockHash));
  tryPrepare(replica, now, out);
  // Only the highest round can matter, but which one has a quorum for this block is not known beforehand.
  for (const round of [...open.inbox.rounds.keys()].sort((a, b) => a - b)) findPrepared(replica, round, out);
  tryCommit(replica, out);
  tryPropose(replica, now, out);
}

function onCandidate(replica: Replica, candidate: Candidate, out: Output[]): void {
  const { open, crypto, config, tip } = replica;
  if (open.isDecided || !open.wanted.has(toHex(candidate.hash))) return;
  if (headerFault({ crypto, config, tip }, candidate) !== undefined) return;
  if (hold(open.blocks, candidate, hashesInUse(replica))) out.push({ kind: 'check', candidate });
}

function onExecuted(replica: Replica, blockHash: Hash, resultsRoot: Hash, stateDigest: Hash, out: Output[]): void {
  const { open } = replica;
  const block = blockAt(open.blocks, blockHash);
  if (block === undefined) return;
  const { committed } = open;
  if (committed !== undefined && breaksCommitted(replica, blockHash, resultsRoot, stateDigest)) {
    replica.isHalted = true;
    out.push({ kind: 'halt', committed });
    return;
  }
  block.isExecuting = false;
  block.results ??= { resultsRoot, stateDigest };
  tryCommit(replica, out);
}

/** Blocks that must not be dropped for others. */
function hashesInUse({ open }: Replica): Hash[] {
  const inUse = [...open.wanted.values()];
  if (open.accepted !== undefined) inUse.push(open.accepted.hash);
  if (open.prepared !== undefined) inUse.push(open.prepared.candidate.hash);
  return inUse;
}

// Heights.

function onAdvanced(replica: Replica, tip: ChainTip, now: Millis, out: Output[]): void {
  const { open, ahead } = replica;
  if (tip.height < open.height) return;
  replica.heardAtTip = tip.height === open.height ? heardSlots(open.inbox) : new Set();
  replica.answeredAt = new Map();
  replica.tip = tip;
  replica.identity = identityAt(tip, replica.key);
  replica.open = createHeight(replica, tip, now);
  const waiting = ahead.get(replica.open.height);
  for (const height of [...ahead.keys()]) if (height <= replica.open.height) ahead.delete(height);
  restoreFromRecord(replica, now, out);
  for (const message of waiting === undefined ? [] : allOf(waiting)) onOpenMessage(replica, message, now, out);
  onTime(replica, now, out);
}

/**
 * SPEC consensus 4.2: demand moves the due time as long as the timer does not run; once it runs nothing stops or restarts it, so
 * that a pool that flickers cannot keep a dead leader in office.
 */
function onDemand(replica: Replica, demand: Demand, now: Millis, out: Output[]): void {
  const { open, tip, config } = replica;
  replica.demand = demand;
  if (open.round === 0 && now < open.timerFrom)
    open.timerFrom = Math.max(dueAt(config, tip.time, open.learnedAt, demand), now);
  onTime(replica, now, out);
}

// Time.

const deadlineOf = ({ open, config }: Replica): number => open.timerFrom + roundTimeoutMs(config, open.round);

function onTime(replica: Replica, now: Millis, out: Output[]): void {
  const { open } = replica;
  if (!open.isDecided && now >= deadlineOf(replica)) {
    if (isSigningAllowed(replica)) changeRound(replica, open.round + 1, out);
    // Who may not sign follows the others: it cannot tell them that it went on.
    else open.timerFrom = now;
  }
  tryPropose(replica, now, out);
  tryPrepare(replica, now, out);
  if (now >= open.resendAt) resend(replica, now, out);
}

/** SPEC consensus 4.6: the own latest message of each type goes out again, same bytes: one lost vote must not cost a round. */
function resend(replica: Replica, now: Millis, out: Output[]): void {
  const { open, config } = replica;
  open.resendAt = now + resendMs(config);
  for (const message of open.own) if (message !== undefined) out.push({ kind: 'resend', message });
  for (const blockHash of open.wanted.values()) out.push({ kind: 'fetchBlock', blockHash });
}

/** One wish, the earliest; said again after each tick, since the tick may have been early. */
function askToWake(replica: Replica, now: number, out: Output[], always: boolean): void {
  if (replica.isHalted) return;
  const at = nextWakeAt(replica, now);
  if (at === Infinity || (at === replica.wakeAt && !always)) return;
  replica.wakeAt = at;
  out.push({ kind: 'wake', at: millis(at) });
}

function nextWakeAt(replica: Replica, now: number): number {
  const { open, identity, config } = replica;
  let at = open.resendAt;
  if (open.isDecided) return at;
  at = Math.min(at, deadlineOf(replica));
  const leads = isLeader(identity.set, open.height, 0, identity.validator);
  if (open.round === 0 && leads && open.buildAskedFor === undefined && open.timerFrom > now)
    at = Math.min(at, open.timerFrom);
  // A block from the near future can be PREPAREd when the own clock has come near enough.
  if (open.accepted === undefined || hasSigned(replica, VOTE_STEPS.prepare)) return at;
  const time = blockAt(open.blocks, open.accepted.hash)?.checked?.header.time;
  if (time !== undefined && time - config.clockToleranceMs > now) at = Math.min(at, time - config.clockToleranceMs);
  return at;
}
