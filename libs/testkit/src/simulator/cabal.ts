import {
  certificateHashOf,
  checkpointTold,
  headerHash,
  proposerOf,
  type Block,
  type Header,
  type ValidatorSet,
} from '@gridtokenx/chain';
import {
  claimOf,
  encodeMessage,
  signBytesOf,
  type Candidate,
  type ConsensusMessage,
  type PreparedCertificate,
  type RoundChangeVote,
  type UnsignedMessage,
} from '@gridtokenx/consensus';
import type { Crypto, Hash, Signature } from '@gridtokenx/crypto';
import { DecodeError, formatTime, height as asHeight, millis, toBase64Url, toHex, type Prng } from '@gridtokenx/kernel';
import { signEnvelope, type LedgerTopics } from '@gridtokenx/protocol';
import { packBlock, unpackBlock, decodeBlockPart, type Frame } from '@gridtokenx/runtime';
import type { Party, SeenFrame, Stored } from './bus.js';

export const STRATEGIES = [
  'silence',
  'lateness',
  'equivocalProposal',
  'equivocalVotes',
  'freeVotes',
  'roundChangeLies',
  'unjustifiedProposal',
  'lowerClaim',
  'malformedProposal',
  'falseLists',
  'withheldBodies',
  'forgedCertificate',
  'replay',
  'oldEpoch',
  'garbage',
] as const;
export type Strategy = (typeof STRATEGIES)[number];

export interface CabalOptions {
  readonly crypto: Crypto;
  readonly prng: Prng;
  readonly ledgerId: string;
  readonly topics: LedgerTopics;
  readonly setAt: (height: number) => ValidatorSet;
  readonly memberAt: (height: number, validator: number) => number | undefined;
  readonly now: () => number;
  readonly after: (ms: number, run: () => void) => void;
  readonly seedOf: (member: number) => Uint8Array;
  /** The liars and what each may do. */
  readonly members: ReadonlyMap<number, ReadonlySet<Strategy>>;
  /** All who read, liars too. */
  readonly readers: readonly Party[];
  /** Whether it is a machine of liars; and how many validators a machine hosts. */
  readonly isLiars: (reader: Party) => boolean;
  readonly validatorsOn: (reader: Party) => number;
  /** Puts frames on the consensus topic, shown to some if the bus lies along. */
  readonly say: (liar: number, frames: readonly Frame[], audience?: ReadonlySet<Party>) => void;
  readonly store: (liar: number, topic: string, value: Uint8Array, audience?: ReadonlySet<Party>) => void;
  readonly records: (topic: string) => readonly Stored[];
  /** Puts an envelope into the liar's own pool and nowhere else. */
  readonly whisper: (liar: number, envelope: Uint8Array) => void;
  readonly onLie: (strategy: Strategy) => void;
  /** While nobody lies yet. */
  readonly isQuiet: () => boolean;
}

const SPEAKS_EVERY_MS = 400;
const CANDIDATES_MAX = 12;
/** So old no fresh block may be in the first rounds. */
const OUTAGE_MS = 8_000;

type Commit = Extract<ConsensusMessage, { type: 'commit' }>;
type Prepare = Extract<ConsensusMessage, { type: 'prepare' }>;
type Proposal = Extract<ConsensusMessage, { type: 'proposal' }>;
type RoundChange = Extract<ConsensusMessage, { type: 'roundChange' }>;

interface Places {
  readonly members: readonly (number | undefined)[];
  readonly indexes: ReadonlyMap<number, number>;
}

/**
 * The liars of a simulation: production validators whose words are rewritten on their way out, and who say more besides. They
 * hear everything at once, share their keys, and can lie to each reader differently. What they cannot do is forge.
 */
export class Cabal {
  private height = 0;
  private highestRound = 0;
  /** Of the block below, as far as honest COMMITs were heard; 0 if none was. */
  private parentTime = 0;
  private candidates = new Map<string, Candidate>();
  private prepares = new Map<string, Map<number, Prepare>>();
  private ownPrepares = new Map<string, Signature>();
  private commits = new Map<string, Commit>();
  private roundChanges = new Map<number, Map<number, RoundChange[]>>();
  private proposedIn = new Map<number, Map<string, Proposal>>();
  /** `liar/height/round` whose COMMIT is not said. */
  private readonly bound = new Set<string>();
  private sequences = new Map<number, number>();
  private readonly known = new WeakMap<ValidatorSet, Places>();

  constructor(private readonly options: CabalOptions) {
    for (const liar of options.members.keys()) this.speakLater(liar);
  }

  private may(liar: number, strategy: Strategy): boolean {
    return this.options.members.get(liar)?.has(strategy) ?? false;
  }

  // ---- hearing -----------------------------------------------------------------------------------------------

  hear({ frames }: Stored): void {
    for (const { message } of frames) if (message !== undefined) this.note(message);
  }

  private note(message: ConsensusMessage): void {
    if (message.height < this.height || message.height > this.height + 2) {
      // A replayed or invented height must not make the cabal forget the open one.
      if (this.height !== 0) return;
    }
    if (message.height > this.height) {
      if (message.type !== 'proposal' && this.height !== 0) return;
      this.height = message.height;
      this.highestRound = 0;
      const committed = [...this.commits.keys()].map((block) => this.candidates.get(block)?.header.time ?? 0);
      this.parentTime = Math.max(0, ...committed);
      const { candidates, prepares, ownPrepares, commits, roundChanges, proposedIn } = this;
      for (const seen of [candidates, prepares, ownPrepares, commits, roundChanges, proposedIn]) seen.clear();
    }
    this.highestRound = Math.max(this.highestRound, Math.min(message.round, this.highestRound + 1));
    switch (message.type) {
      case 'proposal': {
        if (this.candidates.size < CANDIDATES_MAX)
          this.candidates.set(toHex(message.candidate.hash), message.candidate);
        const proposals = this.proposedIn.get(message.round) ?? new Map<string, Proposal>();
        this.proposedIn.set(message.round, proposals.set(toHex(message.candidate.hash), message));
        return;
      }
      case 'prepare': {
        const key = `${message.round}/${toHex(message.blockHash)}`;
        const votes = this.prepares.get(key) ?? new Map<number, Prepare>();
        this.prepares.set(key, votes.set(message.validator, message));
        return;
      }
      case 'commit':
        if (!this.options.members.has(this.memberAt(message.validator)))
          this.commits.set(toHex(message.blockHash), message);
        return;
      default: {
        const votes = this.roundChanges.get(message.round) ?? new Map<number, RoundChange[]>();
        const own = votes.get(message.validator) ?? [];
        if (own.length < 4) votes.set(message.validator, [...own, message]);
        this.roundChanges.set(message.round, votes);
      }
    }
  }

  // ---- what the production host of a liar says ---------------------------------------------------------------

  /** What goes out to everybody in place of what the host says; what goes to some is said apart. */
  rewrite(
    hosted: readonly number[],
    topic: string,
    values: readonly Uint8Array[],
    decode: (value: Uint8Array) => readonly SeenFrame[],
  ): readonly Uint8Array[] {
    const { prng, after, store, isQuiet } = this.options;
    if (isQuiet()) return values;
    // Who has the say on its machine this time.
    const liar = (hosted.length > 1 ? prng.pick(hosted) : hosted[0]) ?? -1;
    if (this.may(liar, 'silence') && prng.chance(0.8)) return this.lied('silence', []);
    if (this.may(liar, 'lateness') && prng.chance(0.5)) {
      const ms = prng.between(500, 8_000);
      after(ms, () => {
        for (const value of values) store(liar, topic, value);
      });
      return this.lied('lateness', []);
    }
    if (topic === this.options.topics.operations.name && this.may(liar, 'withheldBodies'))
      return this.answerSome(liar, values);
    if (topic !== this.options.topics.consensus.name) return values;
    if (!values.some((value) => decode(value).some(({ frame }) => this.isTwisted(liar, frame)))) return values;
    for (const value of values)
      for (const seen of decode(value)) {
        const by = seen.message === undefined ? liar : this.memberAt(seen.message.validator);
        this.twist(hosted.includes(by) ? by : liar, seen);
      }
    return [];
  }

  /** Envelopes that others asked for: not said, or to some. */
  private answerSome(liar: number, values: readonly Uint8Array[]): readonly Uint8Array[] {
    const { prng, store } = this.options;
    for (const value of values)
      if (prng.chance(0.5)) store(liar, this.options.topics.operations.name, value, this.someReaders());
    return this.lied('withheldBodies', []);
  }

  private isTwisted(liar: number, { kind }: Frame): boolean {
    if (kind === 'message') return true;
    return this.may(liar, 'withheldBodies') && kind === 'candidate';
  }

  private twist(liar: number, { frame, message }: SeenFrame): void {
    const { prng, say } = this.options;
    if (frame.kind === 'candidate') {
      if (prng.chance(0.7)) return this.lied('withheldBodies', undefined);
      return say(liar, [frame], this.someReaders());
    }
    if (message === undefined || this.memberAt(message.validator) !== liar) return say(liar, [frame]);
    if (message.type === 'proposal') return this.twistProposal(liar, message, frame);
    const isBound = this.bound.has(`${liar}/${message.height}/${message.round}`);
    if (isBound && (message.type === 'prepare' || message.type === 'commit')) return;
    if (message.type === 'roundChange' && this.may(liar, 'roundChangeLies') && prng.chance(0.6)) {
      for (const reader of [0, 1])
        this.sayTo(liar, this.falseRoundChange(liar, message.round), this.side(message, reader));
      return this.lied('roundChangeLies', undefined);
    }
    if (
      (message.type === 'prepare' || message.type === 'commit') &&
      this.may(liar, 'equivocalVotes') &&
      prng.chance(0.7)
    ) {
      // The split that a leader's two proposals begin: each side hears the whole cabal vote for its block.
      return this.voteBothWays(liar, message.round);
    }
    say(liar, [frame]);
  }

  private twistProposal(liar: number, message: Proposal, frame: Frame): void {
    const { prng, say } = this.options;
    const { candidate, justification } = message;
    // Blocks that tell a checkpoint are rare: no liar who leads one lets it pass.
    if (checkpointTold(message.height) !== undefined && prng.chance(0.8)) {
      const checkpointRoot = prng.bytes(32) as Hash;
      this.sayTo(liar, this.signed({ ...message, candidate: this.withHeader(candidate, { checkpointRoot }) }));
      return this.lied('malformedProposal', undefined);
    }
    // Dated back over an outage, as far as its parent allows (C4): rare too.
    const isAfterOutage = this.parentTime > 0 && candidate.header.time - this.parentTime > OUTAGE_MS;
    if (isAfterOutage && justification?.prepared === undefined && prng.chance(0.5)) {
      const time = millis(this.parentTime + 1);
      this.sayTo(liar, this.signed({ ...message, candidate: this.withHeader(candidate, { time }) }));
      return this.lied('malformedProposal', undefined);
    }
    if (this.may(liar, 'malformedProposal') && prng.chance(0.4)) {
      this.sayTo(liar, this.signed({ ...message, candidate: this.malformed(candidate) }));
      return this.lied('malformedProposal', undefined);
    }
    if (this.may(liar, 'lowerClaim') && this.proposeLower(liar, message.round)) return;
    if (this.may(liar, 'unjustifiedProposal') && message.round > 0 && prng.chance(0.5))
      return this.proposeUnjustified(liar, message.round);
    if (this.may(liar, 'lowerClaim') && prng.chance(0.5)) return this.bindFew(message);
    if (this.may(liar, 'equivocalProposal') && prng.chance(0.8)) {
      const isFree = justification?.prepared === undefined;
      const other = isFree ? this.withHeader(candidate, { time: millis(candidate.header.time + 1) }) : candidate;
      const both = [candidate, other].map((one) => this.signed({ ...message, candidate: one }));
      both.forEach((one, side) => this.sayTo(liar, one, this.side(message, side)));
      for (const one of both) this.note(one);
      this.lied('equivocalProposal', undefined);
      for (const accomplice of this.options.members.keys())
        if (this.may(accomplice, 'equivocalVotes') && this.indexOf(accomplice) !== undefined)
          this.voteBothWays(accomplice, message.round);
      return;
    }
    if (this.may(liar, 'falseLists') && prng.chance(0.7)) {
      const { envelopeHashes } = candidate;
      const list = prng.chance(0.5) ? envelopeHashes.slice(0, -1) : [...envelopeHashes, prng.bytes(32) as Hash];
      this.sayTo(liar, { ...message, candidate: { ...candidate, envelopeHashes: list } }, this.side(message, 0));
      say(liar, [frame], this.side(message, 1));
      return this.lied('falseLists', undefined);
    }
    say(liar, [frame]);
  }

  // ---- what liars say besides --------------------------------------------------------------------------------

  private speakLater(liar: number): void {
    const { prng, after, members } = this.options;
    after(SPEAKS_EVERY_MS * Math.max(1, members.size / 2) + prng.below(200), () => {
      this.speak(liar);
      this.speakLater(liar);
    });
  }

  private speak(liar: number): void {
    const { prng, isQuiet } = this.options;
    if (isQuiet()) return;
    const { set } = this;
    const strategies = [...(this.options.members.get(liar) ?? [])];
    if (strategies.length === 0 || this.height === 0) return;
    const index = this.indexOf(liar);
    const strategy = prng.pick(strategies);
    // Whoever is out of the set can still say all that needs no place in it.
    if (index === undefined && !['forgedCertificate', 'replay', 'garbage'].includes(strategy)) return;
    const round = prng.between(Math.max(0, this.highestRound - 2), this.highestRound + 1);
    switch (strategy) {
      case 'lowerClaim': {
        const led = [...this.roundChanges.keys()].filter((one) => this.leads(liar, one));
        const last = Math.max(...led);
        if (last > 0) this.proposeLower(liar, last);
        return;
      }
      case 'freeVotes':
        return this.voteFreely(liar, round);
      case 'equivocalVotes':
        return this.voteBothWays(liar, this.highestRound);
      case 'roundChangeLies':
        if (round > 0) this.sayTo(liar, this.falseRoundChange(liar, round), this.someReaders());
        return;
      case 'unjustifiedProposal': {
        // Any round that a liar leads, also far ahead.
        const ahead = Array.from({ length: set.keys.length }, (_, i) => this.highestRound + i);
        const led = ahead.find((one) => one > 0 && this.leads(liar, one));
        return led === undefined ? undefined : this.proposeUnjustified(liar, led);
      }
      case 'withheldBodies':
        return this.keepSecret(liar);
      case 'forgedCertificate':
        return index === undefined || prng.chance(0.5)
          ? this.forgeBlock(liar)
          : this.forgeVotes(liar, Math.max(1, round));
      case 'replay':
        return this.replay(liar);
      case 'oldEpoch':
        return this.speakOfOldEpoch(liar, round);
      case 'garbage':
        return this.garbage(liar);
      default:
    }
  }

  private voteFreely(liar: number, round: number): void {
    const { prng } = this.options;
    const candidates = [...this.candidates.values()];
    if (candidates.length === 0) return;
    const { hash: blockHash } = prng.pick(candidates);
    const audience = this.someReaders();
    this.sayTo(liar, this.signed({ ...this.base(liar, round), type: 'prepare', blockHash }), audience);
    this.sayTo(liar, this.commitTo(liar, round, blockHash), audience);
    this.lied('freeVotes', undefined);
  }

  private commitTo(liar: number, round: number, blockHash: Hash): ConsensusMessage {
    const { prng } = this.options;
    const known = this.commits.get(toHex(blockHash));
    const { resultsRoot, stateDigest } =
      known === undefined || prng.chance(0.1)
        ? { resultsRoot: prng.bytes(32) as Hash, stateDigest: prng.bytes(32) as Hash }
        : known;
    return this.signed({ ...this.base(liar, round), type: 'commit', blockHash, resultsRoot, stateDigest });
  }

  /** Each side of a split hears votes for the block that it was shown. */
  private voteBothWays(liar: number, round: number): void {
    const proposals = [...(this.proposedIn.get(round)?.values() ?? [])];
    if (proposals.length === 0) return;
    [0, 1].forEach((side) => {
      const proposal = proposals[side % proposals.length];
      if (proposal === undefined) return;
      const { hash: blockHash } = proposal.candidate;
      const audience = this.side(proposal, side);
      this.sayTo(liar, this.signed({ ...this.base(liar, round), type: 'prepare', blockHash }), audience);
      if (this.commits.has(toHex(blockHash))) this.sayTo(liar, this.commitTo(liar, round, blockHash), audience);
    });
    this.lied('equivocalVotes', undefined);
  }

  private falseRoundChange(liar: number, round: number): ConsensusMessage {
    const { prng } = this.options;
    const certificates = this.certificates(liar).filter((certificate) => certificate.round < round);
    const prepared = certificates.length > 0 && prng.chance(0.5) ? prng.pick(certificates) : undefined;
    return this.signed({ ...this.base(liar, round), type: 'roundChange', prepared });
  }

  /** All certificates that the PREPAREs heard make, with the cabal's own added: more than the others may know of. */
  private certificates(liar: number): PreparedCertificate[] {
    const { members } = this.options;
    const { set } = this;
    return [...this.prepares.values()].flatMap((votes): PreparedCertificate[] => {
      const [first] = votes.values();
      if (first === undefined) return [];
      const { height, round, blockHash } = first;
      const signers = new Map<number, Signature>(
        [...votes].map(([validator, { signature }]) => [validator, signature]),
      );
      for (const member of [liar, ...members.keys()]) {
        const index = this.indexOf(member);
        if (index !== undefined) signers.set(index, this.prepareOf(member, round, blockHash));
      }
      const signatures = [...signers]
        .map(([validator, signature]) => ({ validator, signature }))
        .sort((a, b) => a.validator - b.validator)
        .slice(0, set.quorum);
      return signatures.length < set.quorum ? [] : [{ height, round, blockHash, signatures }];
    });
  }

  /** A liar PREPAREs anything; the signature is made once, for certificates are made of it again and again. */
  private prepareOf(liar: number, round: number, blockHash: Hash): Signature {
    const name = `${liar}/${round}/${toHex(blockHash)}`;
    let signature = this.ownPrepares.get(name);
    if (signature === undefined) {
      ({ signature } = this.signed({ ...this.base(liar, round), type: 'prepare', blockHash }));
      this.ownPrepares.set(name, signature);
    }
    return signature;
  }

  /**
   * A PROPOSAL for a round above 0 with the justification that suits the liar: any quorum that was heard, with claims stripped,
   * swapped, or left as they are; too few; of another round; or none at all.
   */
  private proposeUnjustified(liar: number, round: number): void {
    const { prng } = this.options;
    const { set } = this;
    const [template] = this.candidates.values();
    if (template === undefined || !this.leads(liar, round)) return;
    const fresh = this.renewed(liar, template);
    const base = { ...this.base(liar, round), type: 'proposal' as const };
    this.lied('unjustifiedProposal', undefined);
    if (prng.chance(0.25))
      return this.sayTo(liar, this.signed({ ...base, candidate: fresh, justification: undefined }), this.someReaders());
    const heard = new Map<number, RoundChange>();
    for (const [validator, votes] of this.roundChanges.get(round) ?? []) heard.set(validator, prng.pick(votes));
    for (const member of this.options.members.keys()) {
      const own = this.indexOf(member) === undefined ? undefined : this.falseRoundChange(member, round);
      if (own?.type === 'roundChange') heard.set(own.validator, own);
    }
    const chosen = prng
      .shuffle([...heard.values()])
      .slice(0, set.quorum)
      .sort((a, b) => a.validator - b.validator);
    if (chosen.length < set.quorum && !prng.chance(0.3)) return;
    const mode = prng.below(4);
    const certificates = this.certificates(liar).filter((certificate) => certificate.round < round);
    const old = certificates.length > 0 ? prng.pick(certificates) : undefined;
    const claimed = (vote: RoundChange): PreparedCertificate | undefined =>
      mode === 0 || mode === 3 ? vote.prepared : mode === 1 ? undefined : vote.prepared && old;
    let prepared: PreparedCertificate | undefined;
    for (const vote of chosen) {
      const claim = claimed(vote);
      if (claim !== undefined && claim.round > (prepared?.round ?? -1)) prepared = claim;
    }
    // The claims as they were signed, and beside them not the highest certificate.
    if (mode === 3) prepared = prng.chance(0.5) ? undefined : old;
    const candidate = prepared === undefined ? fresh : this.candidates.get(toHex(prepared.blockHash));
    if (candidate === undefined) return;
    const roundChanges = chosen.map((vote): RoundChangeVote => ({
      validator: vote.validator,
      prepared: claimOf(claimed(vote)),
      signature: vote.signature,
    }));
    const proposal = this.signed({ ...base, candidate, justification: { roundChanges, prepared } });
    this.note(proposal);
    this.sayTo(liar, proposal, prng.chance(0.5) ? undefined : this.someReaders());
  }

  /**
   * A block that only as many are shown as can prepare it with the liars' help, who then do not COMMIT: some change the round with
   * a claim, and the rest without.
   */
  private bindFew(message: Proposal): void {
    const { prng, members, readers, isLiars, validatorsOn } = this.options;
    const { candidate, height, round } = message;
    const helpers = [...members.keys()].filter((member) => this.indexOf(member) !== undefined);
    const honest = readers.filter((reader) => typeof reader === 'number' && !isLiars(reader));
    const audience = new Set(readers.filter(isLiars));
    let missing = this.set.quorum - helpers.length;
    for (const reader of prng.shuffle([...honest])) {
      if (missing <= 0) break;
      audience.add(reader);
      missing -= validatorsOn(reader);
    }
    for (const helper of helpers) {
      this.bound.add(`${helper}/${height}/${round}`);
      if (this.leads(helper, round)) this.sayTo(helper, message, audience);
      this.sayTo(
        helper,
        this.signed({ ...this.base(helper, round), type: 'prepare', blockHash: candidate.hash }),
        audience,
      );
    }
    this.note(message);
    this.lied('lowerClaim', undefined);
  }

  /**
   * A PROPOSAL that shows the claims of a quorum as they were signed, or swapped for a lower one, and asks for what a lower one
   * of them calls for, or none. False when nobody claims, or the liar does not lead.
   */
  private proposeLower(liar: number, round: number): boolean {
    const { prng, members } = this.options;
    const { set } = this;
    const [template] = this.candidates.values();
    if (template === undefined || round === 0 || !this.leads(liar, round)) return false;
    const votes = new Map<number, RoundChange>();
    for (const [validator, [first]] of this.roundChanges.get(round) ?? [])
      if (first !== undefined && !members.has(this.memberAt(validator))) votes.set(validator, first);
    const claimed = [...votes.values()].flatMap(({ prepared }) => prepared ?? []);
    const highest = Math.max(-1, ...claimed.map((claim) => claim.round));
    if (highest < 0) return false;
    for (const member of members.keys()) {
      const validator = this.indexOf(member);
      if (validator === undefined) continue;
      const vote = this.signed({ ...this.base(member, round), type: 'roundChange', prepared: undefined });
      if (vote.type === 'roundChange') votes.set(validator, vote);
    }
    if (votes.size < set.quorum) return false;
    const isHighest = ({ prepared }: RoundChange): boolean => prepared?.round === highest;
    // Who claims most goes first.
    const chosen = prng.shuffle([...votes.values()]).sort((a, b) => Number(isHighest(b)) - Number(isHighest(a)));
    const lower = [...claimed, ...this.certificates(liar)].filter(
      (certificate) => certificate.round < highest && this.candidates.has(toHex(certificate.blockHash)),
    );
    // Mostly a block of somebody else: of a liar who is suspended nobody takes a fresh one.
    const prepared = lower.length > 0 && prng.chance(0.8) ? prng.pick(lower) : undefined;
    const areSwapped = prng.chance(0.5);
    const known = prepared && this.candidates.get(toHex(prepared.blockHash));
    const roundChanges = chosen
      .slice(0, set.quorum)
      .sort((a, b) => a.validator - b.validator)
      .map((vote): RoundChangeVote => ({
        validator: vote.validator,
        prepared: claimOf(areSwapped ? vote.prepared && prepared : vote.prepared),
        signature: vote.signature,
      }));
    const proposal = this.signed({
      ...this.base(liar, round),
      type: 'proposal',
      candidate: known ?? this.renewed(liar, template),
      justification: { roundChanges, prepared },
    });
    this.note(proposal);
    this.sayTo(liar, proposal);
    return this.lied('lowerClaim', true);
  }

  /** The same list as a fresh block of this liar. */
  private renewed(liar: number, template: Candidate): Candidate {
    return this.withHeader(template, {
      proposer: this.indexOf(liar) ?? 0,
      time: millis(Math.max(this.options.now(), template.header.time + 1)),
    });
  }

  private malformed(candidate: Candidate): Candidate {
    const { prng } = this.options;
    const { header, parentCertificate } = candidate;
    const noise = (): Hash => prng.bytes(32) as Hash;
    switch (prng.below(10)) {
      case 0:
      case 1:
        return this.withHeader(candidate, { parentHash: noise() });
      case 2:
        // Mostly before its parent.
        return this.withHeader(candidate, { time: millis(header.time - prng.between(1, 60_000)) });
      case 3:
        return this.withHeader(candidate, { time: millis(header.time + prng.between(6_000, 3_600_000)) });
      case 4:
        return this.withHeader(candidate, { operationsRoot: noise() });
      case 5:
        return this.withHeader(candidate, { validatorsHash: noise() });
      case 6:
        return this.withHeader(candidate, { nextValidatorsHash: noise() });
      case 7:
        return this.withHeader(candidate, { checkpointRoot: noise() });
      case 8:
        return this.withHeader(candidate, { height: asHeight(header.height + 1) });
      default: {
        if (parentCertificate === undefined) return this.withHeader(candidate, { parentCertificateHash: noise() });
        const signatures = parentCertificate.signatures.map((one) => ({
          ...one,
          signature: prng.bytes(64) as Signature,
        }));
        return { ...candidate, parentCertificate: { ...parentCertificate, signatures } };
      }
    }
  }

  /** An envelope that nobody else has: a block that holds it cannot be had. */
  private keepSecret(liar: number): void {
    const { crypto, prng, ledgerId, seedOf, whisper, now } = this.options;
    const seed = seedOf(liar);
    const sequence = (this.sequences.get(liar) ?? 0) + 1;
    this.sequences.set(liar, sequence);
    const envelope = signEnvelope(crypto, seed, ledgerId, {
      sequence,
      validUntil: formatTime(millis(Math.floor(now() / 1000) * 1000 + 600_000)),
      atomic: false,
      operations: [
        { type: 'validators.rejoin', validator: toBase64Url(crypto.publicKeyOf(seed)), nonce: toHex(prng.bytes(32)) },
      ],
    });
    whisper(liar, envelope);
    this.lied('withheldBodies', undefined);
  }

  private forgeVotes(liar: number, round: number): void {
    const { prng } = this.options;
    const { set } = this;
    const [template] = this.candidates.values();
    const blockHash = template?.hash ?? (prng.bytes(32) as Hash);
    const signatures = Array.from({ length: set.quorum }, (_, validator) => ({
      validator,
      signature: prng.bytes(64) as Signature,
    }));
    const prepared = { height: this.height, round: round - 1, blockHash, signatures };
    this.sayTo(liar, this.signed({ ...this.base(liar, round), type: 'roundChange', prepared }));
    // A vote in another's name.
    const victim = prng.below(set.keys.length);
    const vote = {
      ...this.base(liar, round - 1),
      validator: victim,
      type: 'prepare' as const,
      blockHash,
      signature: prng.bytes(64) as Signature,
    };
    this.sayTo(liar, vote);
    this.lied('forgedCertificate', undefined);
  }

  /** A block that never was, on the blocks topic: certified by noise, by too few, or with a changed content. */
  private forgeBlock(liar: number): void {
    const { crypto, prng, records, isLiars, setAt } = this.options;
    const real = records(this.options.topics.blocks.name)
      .filter(({ sender }) => typeof sender === 'number' && !isLiars(sender))
      .at(-1);
    if (real === undefined) return;
    const block = readable(real.value);
    // Another liar's garbage.
    if (block === undefined) return;
    const { header, certificate } = block;
    const sets = { validators: setAt(header.height), certifiedBy: setAt(Math.max(1, header.height - 1)) };
    // Of an epoch whose set is not known yet.
    if (sets.validators.epoch !== header.epoch) return;
    const next: Header = {
      ...header,
      height: asHeight(header.height + 1),
      parentHash: certificate.blockHash,
      parentCertificateHash: certificateHashOf(crypto, certificate, sets.validators.keys.length),
      time: millis(header.time + 1_000),
    };
    const hash = headerHash(crypto, next);
    const signatures = certificate.signatures.map((one) => ({ ...one, signature: prng.bytes(64) as Signature }));
    const { validators } = sets;
    if (prng.chance(0.25)) {
      // The next block, made up: both its certificates are of the set that signed this one.
      const invented = {
        ...block,
        header: next,
        parentCertificate: certificate,
        certificate: { ...certificate, height: next.height, blockHash: hash, signatures },
      };
      return this.storeForged(liar, invented, { validators, certifiedBy: validators });
    }
    const forged: Block[] = [
      // The same block with other outcomes.
      { ...block, outcomes: block.outcomes.map(({ hook }) => ({ hook, bytes: prng.bytes(8) })) },
      // The same block, certified by too few.
      { ...block, certificate: { ...certificate, signatures: certificate.signatures.slice(0, -1) } },
      // The same block at another time.
      { ...block, header: { ...header, time: millis(header.time + 1) } },
    ];
    this.storeForged(liar, prng.pick(forged), sets);
  }

  private storeForged(liar: number, block: Block, sets: Parameters<typeof packBlock>[1]): void {
    for (const part of packBlock(block, sets)) this.options.store(liar, this.options.topics.blocks.name, part);
    this.lied('forgedCertificate', undefined);
  }

  private replay(liar: number): void {
    const { prng, store, records } = this.options;
    const topic = prng.pick(Object.values(this.options.topics)).name;
    const old = records(topic);
    if (old.length === 0) return;
    store(liar, topic, prng.pick(old).value);
    this.lied('replay', undefined);
  }

  /** Votes of the open height in another epoch, and what was said in an epoch that is over. */
  private speakOfOldEpoch(liar: number, round: number): void {
    const { prng, store, records } = this.options;
    const [template] = this.candidates.values();
    const { epoch } = this.set;
    if (template !== undefined) {
      const base = { ...this.base(liar, round), epoch: Math.max(0, epoch + (prng.chance(0.7) ? -1 : 1)) };
      this.sayTo(liar, this.signed({ ...base, type: 'prepare', blockHash: template.hash }));
    }
    const old = records(this.options.topics.consensus.name).filter(({ frames }) =>
      frames.some(({ message }) => message !== undefined && message.epoch < epoch),
    );
    if (old.length > 0) store(liar, this.options.topics.consensus.name, prng.pick(old).value);
    this.lied('oldEpoch', undefined);
  }

  private garbage(liar: number): void {
    const { prng, store, records } = this.options;
    const topic = prng.pick(Object.values(this.options.topics)).name;
    const old = records(topic);
    if (old.length === 0 || prng.chance(0.3)) store(liar, topic, prng.bytes(prng.below(400)));
    else {
      const bytes = prng.pick(old).value.slice();
      const at = prng.below(Math.max(1, bytes.length));
      bytes[at] = (bytes[at] ?? 0) ^ (1 + prng.below(255));
      store(liar, topic, bytes.slice(0, prng.chance(0.5) ? bytes.length : prng.below(bytes.length)));
    }
    this.lied('garbage', undefined);
  }

  // ---- means -------------------------------------------------------------------------------------------------

  private get set(): ValidatorSet {
    return this.options.setAt(this.height);
  }

  private memberAt(validator: number): number {
    return this.places.members[validator] ?? -1;
  }

  private leads(liar: number, round: number): boolean {
    return proposerOf(this.set.keys.length, this.height, round) === this.indexOf(liar);
  }

  /** Its place in the set of the open height. */
  private indexOf(liar: number): number | undefined {
    return this.places.indexes.get(liar);
  }

  /** Who is where in the set of the open height: looked up once for each set. */
  private get places(): Places {
    const { set, height } = this;
    let places = this.known.get(set);
    if (places === undefined) {
      const members = set.keys.map((_, validator) => this.options.memberAt(height, validator));
      const indexes = members.flatMap((member, index) => (member === undefined ? [] : [[member, index] as const]));
      places = { members, indexes: new Map(indexes) };
      this.known.set(set, places);
    }
    return places;
  }

  private base(liar: number, round: number): { epoch: number; height: number; round: number; validator: number } {
    return { epoch: this.set.epoch, height: this.height, round, validator: this.indexOf(liar) ?? 0 };
  }

  private signed<M extends UnsignedMessage>(message: M): ConsensusMessage {
    const { crypto, ledgerId, seedOf } = this.options;
    const member = this.memberAt(message.validator);
    if (!this.options.members.has(member)) throw new RangeError('a liar signs with the keys of liars');
    const signature = crypto.sign(signBytesOf(message, ledgerId), seedOf(member));
    return { ...message, signature } as unknown as ConsensusMessage;
  }

  private sayTo(liar: number, message: ConsensusMessage, audience?: ReadonlySet<Party>): void {
    this.options.say(liar, [{ kind: 'message', bytes: encodeMessage(message) }], audience);
  }

  private withHeader(candidate: Candidate, change: Partial<Header>): Candidate {
    const header = { ...candidate.header, ...change };
    return { ...candidate, header, hash: headerHash(this.options.crypto, header) };
  }

  /** Half of the readers, the same for all liars in one round; accomplices belong to both. */
  private side(
    { height, round }: { readonly height: number; readonly round: number },
    side: number,
  ): ReadonlySet<Party> {
    const { readers, isLiars } = this.options;
    return new Set(
      readers.filter((reader) => {
        if (typeof reader !== 'number' || isLiars(reader)) return true;
        return ((reader * 7 + height * 3 + round) % 5) % 2 === side;
      }),
    );
  }

  private someReaders(): ReadonlySet<Party> {
    const { readers, prng } = this.options;
    return new Set(readers.filter(() => prng.chance(0.5)));
  }

  private lied<T>(strategy: Strategy, result: T): T {
    this.options.onLie(strategy);
    return result;
  }
}

/** The block of a record that holds it whole, if it is one. */
function readable(record: Uint8Array): Block | undefined {
  try {
    return unpackBlock(decodeBlockPart(record).payload);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
