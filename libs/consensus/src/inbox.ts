import { proposerOf, VOTE_STEPS, type ValidatorSet } from '@gridtokenx/chain';
import type { Hash } from '@gridtokenx/crypto';
import { assert, equalBytes, unreachable } from '@gridtokenx/kernel';
import { signsTheSame, type Commit, type Prepare, type Proposal, type RoundChange } from './messages.js';
import type { ConsensusMessage } from './types.js';

/** Of how many rounds, the highest, one validator's votes of one type are kept. A liar's flood pushes out its own votes only. */
export const VOTE_ROUNDS_KEPT = 4;
/** Proposals are large. */
export const PROPOSAL_ROUNDS_KEPT = 2;

interface Tally<M> {
  /** Any of the equal votes. */
  readonly vote: M;
  count: number;
}

/** What was received for one round: the first message of each validator and type. */
export interface RoundMessages {
  /** By validator. */
  readonly proposals: Map<number, Proposal>;
  readonly prepares: Map<number, Prepare>;
  readonly commits: Map<number, Commit>;
  readonly roundChanges: Map<number, RoundChange>;
  readonly prepareTallies: Tally<Prepare>[];
  readonly commitTallies: Tally<Commit>[];
  /** Offences (slot numbers) that were reported. */
  readonly reported: Set<number>;
}

/** The messages of one height, bounded whatever is sent: n validators x 4 types x a few rounds. */
export interface Inbox {
  readonly rounds: Map<number, RoundMessages>;
  /** By slot: the rounds kept, ascending. */
  readonly kept: Map<number, number[]>;
}

export const createInbox = (): Inbox => ({ rounds: new Map(), kept: new Map() });

const slotOf = (validator: number, type: ConsensusMessage['type']): number => validator * 4 + VOTE_STEPS[type];

function roundOf(inbox: Inbox, round: number): RoundMessages {
  let messages = inbox.rounds.get(round);
  if (messages === undefined) {
    messages = {
      proposals: new Map(),
      prepares: new Map(),
      commits: new Map(),
      roundChanges: new Map(),
      prepareTallies: [],
      commitTallies: [],
      reported: new Set(),
    };
    inbox.rounds.set(round, messages);
  }
  return messages;
}

/** The first message of its validator, type and round; or how it relates to the one that was. */
export type Kept =
  | { readonly kind: 'new' }
  | { readonly kind: 'repeated'; readonly first: ConsensusMessage }
  | { readonly kind: 'conflicting'; readonly first: ConsensusMessage; readonly isNewOffence: boolean }
  | { readonly kind: 'dropped' };

/** SPEC consensus 2.4: at most one message for each (validator, type, round), of the highest few rounds of each validator. */
export function keep(inbox: Inbox, message: ConsensusMessage): Kept {
  const { round, validator, type } = message;
  const slot = slotOf(validator, type);
  const first = find(inbox, message);
  if (first !== undefined) {
    if (signsTheSame(first, message)) return { kind: 'repeated', first };
    const { reported } = roundOf(inbox, round);
    const isNewOffence = !reported.has(slot);
    reported.add(slot);
    return { kind: 'conflicting', first, isNewOffence };
  }
  let kept = inbox.kept.get(slot);
  if (kept === undefined) inbox.kept.set(slot, (kept = []));
  const max = type === 'proposal' ? PROPOSAL_ROUNDS_KEPT : VOTE_ROUNDS_KEPT;
  const lowest = kept[0];
  if (kept.length >= max && lowest !== undefined) {
    if (round < lowest) return { kind: 'dropped' };
    kept.shift();
    forget(inbox, lowest, validator, type);
  }
  kept.push(round);
  kept.sort((a, b) => a - b);
  put(roundOf(inbox, round), message);
  return { kind: 'new' };
}

function find(inbox: Inbox, { round, validator, type }: ConsensusMessage): ConsensusMessage | undefined {
  const messages = inbox.rounds.get(round);
  return messages === undefined ? undefined : mapOf(messages, type).get(validator);
}

function mapOf(messages: RoundMessages, type: ConsensusMessage['type']): Map<number, ConsensusMessage> {
  switch (type) {
    case 'proposal':
      return messages.proposals as Map<number, ConsensusMessage>;
    case 'prepare':
      return messages.prepares as Map<number, ConsensusMessage>;
    case 'commit':
      return messages.commits as Map<number, ConsensusMessage>;
    case 'roundChange':
      return messages.roundChanges as Map<number, ConsensusMessage>;
    default:
      return unreachable(type);
  }
}

/** Tallies are lists, not maps by hex: all honest votes of a round are equal, so the first one nearly always matches. */
function tallyOf<M extends ConsensusMessage>(
  tallies: readonly Tally<M>[],
  vote: ConsensusMessage,
): Tally<M> | undefined {
  return tallies.find((tally) => signsTheSame(tally.vote, vote));
}

function count<M extends ConsensusMessage>(tallies: Tally<M>[], vote: M): void {
  const tally = tallyOf(tallies, vote);
  if (tally === undefined) tallies.push({ vote, count: 1 });
  else tally.count++;
}

function put(messages: RoundMessages, message: ConsensusMessage): void {
  switch (message.type) {
    case 'proposal':
      messages.proposals.set(message.validator, message);
      return;
    case 'prepare':
      messages.prepares.set(message.validator, message);
      count(messages.prepareTallies, message);
      return;
    case 'commit':
      messages.commits.set(message.validator, message);
      count(messages.commitTallies, message);
      return;
    case 'roundChange':
      messages.roundChanges.set(message.validator, message);
      return;
    default:
      unreachable(message);
  }
}

function forget(inbox: Inbox, round: number, validator: number, type: ConsensusMessage['type']): void {
  const messages = inbox.rounds.get(round);
  if (messages === undefined) return;
  const map = mapOf(messages, type);
  const message = map.get(validator);
  assert(message !== undefined, 'what is counted as kept is there');
  map.delete(validator);
  uncount(messages.prepareTallies, message);
  uncount(messages.commitTallies, message);
  const { proposals, prepares, commits, roundChanges } = messages;
  if (proposals.size + prepares.size + commits.size + roundChanges.size === 0) inbox.rounds.delete(round);
}

function uncount<M extends ConsensusMessage>(tallies: Tally<M>[], message: ConsensusMessage): void {
  const tally = tallyOf(tallies, message);
  if (tally === undefined) return;
  tally.count--;
  if (tally.count === 0) tallies.splice(tallies.indexOf(tally), 1);
}

/** How many COMMITs of its round say what this one says. */
export const commitCount = (inbox: Inbox, vote: Commit): number =>
  tallyOf(inbox.rounds.get(vote.round)?.commitTallies ?? [], vote)?.count ?? 0;

/** The block that a quorum PREPAREd in this round. Two cannot be: quorums share an honest validator, who PREPAREs once. */
export const preparedHash = (messages: RoundMessages, quorum: number): Hash | undefined =>
  messages.prepareTallies.find(({ count: votes }) => votes >= quorum)?.vote.blockHash;

const byValidator = (a: { readonly validator: number }, b: { readonly validator: number }): number =>
  a.validator - b.validator;

/** The equal votes, in set order. */
export function equalCommits(inbox: Inbox, vote: Commit): Commit[] {
  const commits = inbox.rounds.get(vote.round)?.commits.values() ?? [];
  return [...commits].filter((commit) => signsTheSame(commit, vote)).sort(byValidator);
}

export const preparesOf = (messages: RoundMessages, blockHash: Hash): Prepare[] =>
  [...messages.prepares.values()].filter((prepare) => equalBytes(prepare.blockHash, blockHash)).sort(byValidator);

export const roundChangesOf = (inbox: Inbox, round: number): RoundChange[] =>
  [...(inbox.rounds.get(round)?.roundChanges.values() ?? [])].sort(byValidator);

/**
 * SPEC consensus 4.4: the highest round that f + 1 validators have changed to or beyond; at least one of them is honest.
 * It is the smallest round among the f + 1 highest. `undefined` when fewer than f + 1 are above `round`.
 */
export function roundToJoin(inbox: Inbox, set: ValidatorSet, faults: number, round: number): number | undefined {
  const above: number[] = [];
  for (let validator = 0; validator < set.keys.length; validator++) {
    const highest = inbox.kept.get(slotOf(validator, 'roundChange'))?.at(-1) ?? 0;
    if (highest > round) above.push(highest);
  }
  return above.sort((a, b) => b - a)[faults];
}

/** How many validators have changed to this round or a higher one. */
export function reached(inbox: Inbox, set: ValidatorSet, round: number): number {
  let votes = 0;
  for (let validator = 0; validator < set.keys.length; validator++)
    if ((inbox.kept.get(slotOf(validator, 'roundChange'))?.at(-1) ?? 0) >= round) votes++;
  return votes;
}

/** Everything kept, in an order that does not depend on how it came: by round, then by step, then by validator. */
export function allOf(inbox: Inbox): ConsensusMessage[] {
  return [...inbox.rounds.keys()]
    .sort((a, b) => a - b)
    .flatMap((round) => {
      const { proposals, prepares, commits, roundChanges } = roundOf(inbox, round);
      return [roundChanges, proposals, prepares, commits].flatMap((map): ConsensusMessage[] =>
        [...map.values()].sort(byValidator),
      );
    });
}

/** Which (validator, type) were heard at all: what comes for the first time after the height closed is late, not lost. */
export function heardSlots(inbox: Inbox): Set<number> {
  return new Set(inbox.kept.keys());
}

export const isFirstHeard = (heard: ReadonlySet<number>, { validator, type }: ConsensusMessage): boolean =>
  !heard.has(slotOf(validator, type));

export const markHeard = (heard: Set<number>, { validator, type }: ConsensusMessage): void => {
  heard.add(slotOf(validator, type));
};

export const isLeader = (set: ValidatorSet, height: number, round: number, validator: number): boolean =>
  proposerOf(set.keys.length, height, round) === validator;
