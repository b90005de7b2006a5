import {
  commitSignBytes,
  genesisValidators,
  headerHash,
  operationsRootOf,
  resultsOf,
  resultsRootOf,
  validatorSet,
  type Block,
  type Certificate,
  type ValidatorSet,
  signersOf,
} from '@gridtokenx/chain';
import type { Candidate, ConsensusMessage } from '@gridtokenx/consensus';
import type { Crypto, PublicKey } from '@gridtokenx/crypto';
import { auditState, createLedger, rowKey, type Ledger } from '@gridtokenx/domain';
import {
  ByteReader,
  ByteWriter,
  compareText,
  DecodeError,
  equalBytes,
  fromBase64Url,
  millis,
  toBase64Url,
  toHex,
  utf8,
} from '@gridtokenx/kernel';
import { decodeEnvelope, EnvelopeError, topicsOf, type Envelope, type LedgerIdentity } from '@gridtokenx/protocol';
import { decodeBlockPart, unpackBlock } from '@gridtokenx/runtime';
import type { Party, SeenFrame, Stored } from './bus.js';
import { feesFault } from './fees.js';

export const INVARIANTS = [
  'agreement',
  'validity',
  'certificates',
  'locks',
  'votes',
  'justification',
  'bodies',
  'time',
  'digests',
  'conservation',
  'fees',
  'projection',
  'liveness',
  'running',
  'justice',
  'sets',
] as const;
export type Invariant = (typeof INVARIANTS)[number];

export interface Violation {
  readonly invariant: Invariant;
  readonly text: string;
}

/** n/f/q, said here once more: the checker does not take its numbers from the code that it checks. */
const NUMBERS = [
  '1/0/1 2/0/2 3/0/2 4/1/3 5/1/4 6/1/4 7/2/5 8/2/6 9/2/6 10/3/7 11/3/8',
  '12/3/8 13/4/9 14/4/10 15/4/10 16/5/11 17/5/12 18/5/12 19/6/13 20/6/14 21/6/14 22/7/15 23/7/16',
  '24/7/16 25/8/17 26/8/18 27/8/18 28/9/19 29/9/20 30/9/20 31/10/21 32/10/22 33/10/22 34/11/23 35/11/24',
  '36/11/24 37/12/25 38/12/26 39/12/26 40/13/27 41/13/28 42/13/28 43/14/29 44/14/30 45/14/30 46/15/31',
  '47/15/32 48/15/32 49/16/33 50/16/34 51/16/34 52/17/35 53/17/36 54/17/36 55/18/37 56/18/38 57/18/38',
  '58/19/39 59/19/40 60/19/40 61/20/41 62/20/42 63/20/42 64/21/43 65/21/44 66/21/44 67/22/45 68/22/46',
  '69/22/46 70/23/47 71/23/48 72/23/48 73/24/49 74/24/50 75/24/50 76/25/51 77/25/52 78/25/52 79/26/53',
  '80/26/54 81/26/54 82/27/55 83/27/56 84/27/56 85/28/57 86/28/58 87/28/58 88/29/59 89/29/60 90/29/60',
  '91/30/61 92/30/62 93/30/62 94/31/63 95/31/64 96/31/64 97/32/65 98/32/66 99/32/66 100/33/67 101/33/68',
  '102/33/68',
];

export const SIZES: ReadonlyMap<number, { readonly faults: number; readonly quorum: number }> = new Map(
  NUMBERS.flatMap((row) => row.split(' ')).map((one) => {
    const [size = 0, faults = 0, quorum = 0] = one.split('/').map(Number);
    return [size, { faults, quorum }];
  }),
);

const STEPS = ['roundChange', 'proposal', 'prepare', 'commit'] as const;
const VOTE_DOMAIN = utf8('gridtokenx/vote\0');
const TOLERANCE_MS = 5_000;
const SET_MIN = 4;
const BLOCKS_AHEAD_MAX = 100;

interface SignedVote {
  readonly height: number;
  readonly round: number;
  readonly step: number;
  /** In hex: what the vote says beyond its place. */
  readonly content: string;
}

export interface CheckerOptions {
  readonly crypto: Crypto;
  readonly identity: LedgerIdentity;
  readonly now: () => number;
  /** What the own clock of a validator has said in the last moments. */
  readonly clockOf: (validator: number) => { readonly least: number; readonly most: number };
  readonly isLiar: (validator: number) => boolean;
  /** Which of the validators of this world has this key, now or after a rotation. */
  readonly memberOf: (key: PublicKey) => number | undefined;
  /** Whether the consortium has voted to suspend this validator. */
  readonly isVotedOut: (validator: number) => boolean;
  /** Whether two thirds have voted for this key to come, or to go, or it may be caught lying. */
  readonly mayCome: (kid: string) => boolean;
  readonly mayGo: (kid: string) => boolean;
  /** Whether an envelope (by digest in hex) has reached this validator since it started. */
  readonly holds: (validator: number, envelope: string) => boolean;
  readonly isSignedByClient: (envelope: string) => boolean;
  readonly onViolation: (violation: Violation) => void;
}

/**
 * Sees every signature as it is made, every record as it is stored and every decision, and knows who lies. It shares no rule with
 * what it checks: its numbers are its own, blocks are run once more on a ledger of its own, which never undoes anything.
 */
export class Checker {
  /** By epoch. */
  private readonly sets: ValidatorSet[];
  private readonly liarsIn = new WeakMap<ValidatorSet, number>();
  private readonly epochBlocks: number;
  private readonly reference: Ledger;
  /** By validator, the newest signed point; by point, what was signed there. */
  private readonly newest = new Map<number, SignedVote>();
  private readonly votes = new Map<string, SignedVote & { isPublished: boolean }>();
  /** By height: by what was COMMITted to, by round, the honest signers. */
  private readonly commits = new Map<number, Map<string, Map<number, Set<number>>>>();
  private readonly certifiable = new Map<number, string>();
  private readonly prepares = new Map<string, Set<number>>();
  /** By `height/round`: the claims of honest ROUND-CHANGEs, by validator. */
  private readonly claims = new Map<
    string,
    Map<number, { readonly round: number; readonly block: string } | undefined>
  >();
  private readonly lastClaims = new Map<string, number>();
  private readonly ownCommits = new Map<string, Set<number>>();
  private readonly candidates = new Map<string, Candidate[]>();
  private readonly envelopes = new Map<string, Envelope | undefined>();
  /** By height: the block hash and state digest that stand. */
  readonly chain: { readonly hash: string; readonly digest: string; readonly time: number; readonly round: number }[] =
    [];
  readonly usedEnvelopes = new Set<string>();
  /** Of each certified block of the chain, the record in which it was first seen. */
  readonly certifiedRecords: Uint8Array[] = [];
  private readonly waiting = new Map<number, { readonly block: Block; readonly record: Uint8Array }[]>();
  private readonly digests = new Map<number, string>();
  /** Epochs that began with other validators than the one before. */
  setChanges = 0;
  readonly decidedAt = new Map<number, { readonly at: number; readonly round: number }>();

  constructor(private readonly options: CheckerOptions) {
    const { crypto, identity } = options;
    this.sets = [genesisValidators(crypto, identity.genesis)];
    this.epochBlocks = identity.genesis.consensus.epochBlocks;
    this.reference = createLedger(crypto, identity);
  }

  // ---- sets --------------------------------------------------------------------------------------------------

  /** Who decides a height; of an epoch that is not known yet, who decides the last known one. */
  setAt(height: number): ValidatorSet {
    const set = this.sets[this.epochOf(height)] ?? this.sets.at(-1);
    if (set === undefined) throw new RangeError('the set of epoch 0 is known');
    return set;
  }

  private epochOf(height: number): number {
    return Math.floor((height - 1) / this.epochBlocks);
  }

  /** Which of the validators of this world one of a height is. */
  memberAt(height: number, validator: number): number | undefined {
    const key = this.setAt(height).keys[validator];
    return key && this.options.memberOf(key);
  }

  private memberOf(kid: string): number | undefined {
    return this.options.memberOf((fromBase64Url(kid) ?? new Uint8Array()) as PublicKey);
  }

  private quorumAt(height: number): number {
    const numbers = SIZES.get(this.setAt(height).keys.length);
    if (numbers === undefined) throw new RangeError('no numbers are stated for so many validators');
    return numbers.quorum;
  }

  /** How many in the set of this height lie. */
  private liarsAt(height: number): number {
    const set = this.setAt(height);
    let liars = this.liarsIn.get(set);
    if (liars === undefined) {
      liars = set.keys.filter((key) => {
        const member = this.options.memberOf(key);
        return member !== undefined && this.options.isLiar(member);
      }).length;
      this.liarsIn.set(set, liars);
    }
    return liars;
  }

  /** The height up to which blocks were seen, run and found right. */
  get height(): number {
    return this.chain.length;
  }

  get ledger(): Ledger {
    return this.reference;
  }

  // ---- signatures --------------------------------------------------------------------------------------------

  /** A validator signs these bytes, whether or not anyone will ever see the signature. */
  onSigned(validator: number, bytes: Uint8Array, mayBeFromRecord: (height: number) => boolean): void {
    if (this.options.isLiar(validator)) return;
    const vote = this.voteOf(bytes);
    if (vote === undefined) return;
    const { height, round, step, content } = vote;
    const point = `${validator}/${height}/${round}/${step}`;
    const before = this.votes.get(point);
    if (before !== undefined) {
      if (before.content !== content)
        this.violate('votes', `validator ${validator} signed two contents for ${nameOf(vote)}`);
      return;
    }
    const newest = this.newest.get(validator);
    if (newest !== undefined && compare(vote, newest) < 0)
      this.violate('votes', `validator ${validator} signed ${nameOf(vote)} after ${nameOf(newest)}`);
    this.votes.set(point, { ...vote, isPublished: false });
    this.newest.set(validator, vote);
    if (step === 2) this.onPrepare(validator, vote, mayBeFromRecord(height));
    if (step === 3) this.onCommit(validator, vote);
  }

  private voteOf(bytes: Uint8Array): SignedVote | undefined {
    if (bytes.length < 80 || !equalBytes(bytes.subarray(0, VOTE_DOMAIN.length), VOTE_DOMAIN)) return undefined;
    const reader = new ByteReader(bytes.subarray(VOTE_DOMAIN.length), 'vote');
    reader.u16();
    reader.fixed(32);
    reader.u64();
    const [height, round, step] = [reader.u64(), reader.u32(), reader.u8()];
    return { height, round, step, content: toHex(bytes.subarray(VOTE_DOMAIN.length + 2 + 32 + 8 + 8 + 4 + 1)) };
  }

  private onPrepare(validator: number, { height, round, content: block }: SignedVote, isFromRecord: boolean): void {
    if (round > 0) this.checkJustified(validator, height, round, block);
    // What stands in the record was held, and timely, when it was written there.
    if (!isFromRecord) {
      this.checkHeld(validator, height, block);
      this.checkTimely(validator, height, round, block);
    }
    add(this.prepares, `${height}/${round}/${block}`, validator);
  }

  /**
   * Whether q ROUND-CHANGEs for this round can exist that call for this block: honest ones that were published, and whatever
   * the liars sign.
   */
  private checkJustified(validator: number, height: number, round: number, block: string): void {
    const claims = [...(this.claims.get(`${height}/${round}`)?.values() ?? [])];
    const quorum = this.quorumAt(height);
    const upTo = (most: number): number =>
      claims.filter(
        (claim) => claim === undefined || claim.round < most || (claim.round === most && claim.block === block),
      ).length + this.liarsAt(height);
    if (claims.length + this.liarsAt(height) < quorum)
      return this.violate(
        'justification',
        `validator ${validator} PREPAREd ${height}/${round} without a quorum of ROUND-CHANGEs`,
      );
    if (upTo(-1) >= quorum) return;
    for (let claimed = 0; claimed < round; claimed++)
      if (upTo(claimed) >= quorum && this.mayBePrepared(height, claimed, block)) return;
    this.violate(
      'justification',
      `validator ${validator} PREPAREd ${block.slice(0, 8)} in ${height}/${round}, which nothing asks for`,
    );
  }

  private mayBePrepared(height: number, round: number, block: string): boolean {
    return (
      (this.prepares.get(`${height}/${round}/${block}`)?.size ?? 0) + this.liarsAt(height) >= this.quorumAt(height)
    );
  }

  /** The list behind a header is the one whose envelopes give the operations root. */
  private checkHeld(validator: number, height: number, block: string): void {
    for (const candidate of this.candidates.get(block) ?? []) {
      const envelopes = candidate.envelopeHashes.map((hash) => this.envelopes.get(toHex(hash)));
      const known = envelopes.filter((envelope) => envelope !== undefined);
      if (known.length < envelopes.length) continue;
      if (!equalBytes(operationsRootOf(this.options.crypto, known), candidate.header.operationsRoot)) continue;
      const missing = candidate.envelopeHashes.find((hash) => !this.options.holds(validator, toHex(hash)));
      if (missing === undefined) return;
    }
    this.violate(
      'bodies',
      `validator ${validator} PREPAREd ${block.slice(0, 8)} of height ${height} and holds not all of it`,
    );
  }

  /** A block that cannot have been prepared is fresh, and must lie near the clock of whoever PREPAREs it. */
  private checkTimely(validator: number, height: number, round: number, block: string): void {
    const time = this.candidates.get(block)?.[0]?.header.time;
    if (time === undefined) return;
    const clock = this.options.clockOf(validator);
    const { baseTimeoutMs, timeoutCapMs } = this.options.identity.genesis.consensus;
    if (time > clock.most + TOLERANCE_MS)
      this.violate('time', `validator ${validator} PREPAREd a block of height ${height} from the future`);
    for (let earlier = 0; earlier < round; earlier++) if (this.mayBePrepared(height, earlier, block)) return;
    if (time < clock.least - TOLERANCE_MS - Math.min(baseTimeoutMs * 2 ** round, timeoutCapMs))
      this.violate(
        'time',
        `validator ${validator} PREPAREd a fresh block of height ${height}, ${clock.least - time} ms old`,
      );
  }

  /** A certificate exists for whoever has the signatures; the liars' can be had for the asking. */
  private onCommit(validator: number, { height, round, content }: SignedVote): void {
    add(this.ownCommits, `${validator}/${height}`, round);
    const contents = this.commits.get(height) ?? new Map<string, Map<number, Set<number>>>();
    this.commits.set(height, contents);
    const rounds = contents.get(content) ?? new Map<number, Set<number>>();
    contents.set(content, rounds);
    const signers = rounds.get(round) ?? new Set<number>();
    rounds.set(round, signers.add(validator));
    if (signers.size + this.liarsAt(height) < this.quorumAt(height)) return;
    const other = this.certifiable.get(height);
    if (other === undefined) this.certifiable.set(height, content);
    else if (other !== content)
      this.violate('certificates', `height ${height} can be certified as ${shortly(other)} and as ${shortly(content)}`);
  }

  /**
   * The signer record of a validator was lost or set back: what it had signed and nobody can ever see, it may sign otherwise.
   */
  onRecordDamaged(validator: number): void {
    const prefix = `${validator}/`;
    this.newest.delete(validator);
    for (const [point, vote] of this.votes) {
      if (!point.startsWith(prefix)) continue;
      if (!vote.isPublished) {
        this.votes.delete(point);
        if (vote.step === 3) this.commits.get(vote.height)?.get(vote.content)?.get(vote.round)?.delete(validator);
        if (vote.step === 2) this.prepares.get(`${vote.height}/${vote.round}/${vote.content}`)?.delete(validator);
        continue;
      }
      const newest = this.newest.get(validator);
      if (newest === undefined || compare(vote, newest) > 0) this.newest.set(validator, vote);
    }
  }

  /** Who has signed a vote of this type at this height. */
  signersAt(height: number, type: (typeof STEPS)[number]): Set<number> {
    const step = STEPS.indexOf(type);
    const points = [...this.votes].filter(([, vote]) => vote.height === height && vote.step === step);
    return new Set(points.map(([point]) => Number(point.split('/')[0])));
  }

  /** The highest round of a height in which an honest validator has signed. */
  highestRound(height: number): number {
    let highest = 0;
    for (const vote of this.newest.values()) if (vote.height === height) highest = Math.max(highest, vote.round);
    return highest;
  }

  // ---- records -----------------------------------------------------------------------------------------------

  onStored(topic: string, record: Stored): void {
    const { operations, blocks } = topicsOf(this.options.identity);
    if (topic === operations.name) this.learnEnvelope(record.value, record.digest);
    else if (topic === blocks.name) this.onBlockRecord(record.value);
    else
      for (const { frame, message } of record.frames) {
        if (frame.kind === 'candidate') this.learnCandidate(frame.candidate);
        if (message === undefined) continue;
        if (message.type === 'proposal') this.learnCandidate(message.candidate);
        const { validator, height, round, type } = message;
        const member = this.memberAt(height, validator);
        const vote = this.votes.get(`${member}/${height}/${round}/${STEPS.indexOf(type)}`);
        if (vote !== undefined) vote.isPublished = true;
      }
  }

  learnEnvelope(bytes: Uint8Array, digest = toHex(this.options.crypto.sha256(bytes))): void {
    if (this.envelopes.has(digest)) return;
    try {
      const { crypto, identity } = this.options;
      this.envelopes.set(digest, decodeEnvelope(crypto, identity.ledgerId, bytes));
    } catch (error) {
      if (!(error instanceof EnvelopeError)) throw error;
      this.envelopes.set(digest, undefined);
    }
  }

  private learnCandidate(candidate: Candidate): void {
    const name = toHex(headerHash(this.options.crypto, candidate.header));
    const known = this.candidates.get(name) ?? [];
    const isSame = (other: Candidate): boolean =>
      other.envelopeHashes.length === candidate.envelopeHashes.length &&
      other.envelopeHashes.every((hash, i) => equalBytes(hash, candidate.envelopeHashes[i] ?? hash.subarray(1)));
    if (!known.some(isSame)) this.candidates.set(name, [...known, candidate]);
  }

  /** What a host hands to the bus; it acts on its own words before they are stored. */
  onSaid(hosted: readonly number[], frames: readonly SeenFrame[]): void {
    for (const { message } of frames) {
      if (message?.type === 'proposal') this.learnCandidate(message.candidate);
      if (message?.type !== 'roundChange') continue;
      const member = this.memberAt(message.height, message.validator) ?? -1;
      if (hosted.includes(member) && !this.options.isLiar(member)) this.onHonestClaim(member, message);
    }
  }

  /** The lock rule: a ROUND-CHANGE claims the sender's highest certificate. */
  private onHonestClaim(
    validator: number,
    { height, round, prepared }: Extract<ConsensusMessage, { type: 'roundChange' }>,
  ): void {
    const key = `${height}/${round}`;
    const claims = this.claims.get(key) ?? new Map<number, { round: number; block: string } | undefined>();
    this.claims.set(key, claims);
    if (claims.has(validator)) return;
    claims.set(validator, prepared && { round: prepared.round, block: toHex(prepared.blockHash) });
    const own = `${validator}/${height}`;
    const claimed = prepared?.round ?? -1;
    // Several votes may be signed in one breath: those of this round came after this ROUND-CHANGE.
    const committed = Math.max(-1, ...[...(this.ownCommits.get(own) ?? [])].filter((earlier) => earlier < round));
    const before = this.lastClaims.get(own) ?? -1;
    if (claimed < Math.max(committed, before))
      this.violate(
        'locks',
        `validator ${own} changes to round ${round} with a claim of round ${claimed}, and had one of ${Math.max(committed, before)}`,
      );
    this.lastClaims.set(own, Math.max(claimed, before));
  }

  // ---- blocks ------------------------------------------------------------------------------------------------

  private onBlockRecord(value: Uint8Array): void {
    let block: Block;
    try {
      const part = decodeBlockPart(value);
      // The blocks of a simulation fit one part.
      if (part.parts !== 1) return;
      block = unpackBlock(part.payload);
    } catch (error) {
      if (error instanceof DecodeError) return;
      throw error;
    }
    const { height } = block.header;
    const known = this.chain[height - 1];
    if (known !== undefined) {
      if (known.hash !== toHex(block.certificate.blockHash) && this.isCertified(block))
        this.violate('agreement', `a second block is certified at height ${height}`);
      return;
    }
    if (height > this.chain.length + BLOCKS_AHEAD_MAX) return;
    this.waiting.set(height, [...(this.waiting.get(height) ?? []), { block, record: value }]);
    for (let next = this.takeNext(); next !== undefined; next = this.takeNext()) this.run(next);
  }

  private takeNext(): Block | undefined {
    const height = this.chain.length + 1;
    const found = this.waiting.get(height)?.find(({ block }) => this.isCertified(block));
    if (found === undefined) return undefined;
    this.waiting.delete(height);
    this.certifiedRecords.push(found.record);
    return found.block;
  }

  /** By an own count of signatures of distinct members of the set. */
  private isCertified({ header, certificate }: Block): boolean {
    const { crypto } = this.options;
    if (certificate.height !== header.height || certificate.epoch !== this.epochOf(header.height)) return false;
    if (!equalBytes(certificate.blockHash, headerHash(crypto, header))) return false;
    return this.signersOf(certificate) >= this.quorumAt(header.height);
  }

  private signersOf(certificate: Certificate): number {
    const signBytes = commitSignBytes(this.options.identity.ledgerId, certificate);
    const { keys } = this.setAt(certificate.height);
    const signers = certificate.signatures.filter(({ validator, signature }) => {
      const key = keys[validator];
      return key !== undefined && this.options.crypto.verify(signature, signBytes, key);
    });
    return new Set(signers.map(({ validator }) => validator)).size;
  }

  /** Validity: the block follows its parent, holds what was signed by who may ask, once; its results are those of a clean run. */
  private run(block: Block): void {
    const { header, certificate, parentCertificate, envelopes: bytes, outcomes } = block;
    const { crypto, identity } = this.options;
    const { genesisHash, genesis } = identity;
    const { height } = header;
    const wrong = (text: string): void => this.violate('validity', `block ${height}: ${text}`);
    const parent = this.chain.at(-1);
    if (toHex(header.parentHash) !== (parent?.hash ?? toHex(genesisHash))) wrong('does not name its parent');
    if (parent !== undefined && header.time <= parent.time) wrong('is not later than its parent');
    if (
      parent !== undefined &&
      (parentCertificate === undefined || this.signersOf(parentCertificate) < this.quorumAt(height - 1))
    )
      wrong('carries no certificate of its parent');
    const envelopes: Envelope[] = [];
    for (const one of bytes) {
      const digest = toHex(crypto.sha256(one));
      this.learnEnvelope(one, digest);
      const envelope = this.envelopes.get(digest);
      if (envelope === undefined) return wrong('holds an envelope that nobody signed');
      if (this.usedEnvelopes.has(digest)) wrong('repeats an envelope');
      if (!this.options.isSignedByClient(digest) && this.memberOf(envelope.kid) === undefined)
        wrong('holds an envelope of nobody');
      if (envelope.validUntil < header.time) wrong('holds an envelope that had expired');
      this.usedEnvelopes.add(digest);
      envelopes.push(envelope);
    }
    const operations = envelopes.reduce((sum, envelope) => sum + envelope.operations.length, 0);
    if (operations > genesis.limits.operationsPerBlock) wrong('holds too many operations');
    if (!equalBytes(header.operationsRoot, operationsRootOf(crypto, envelopes))) wrong('has another operations root');
    const results = resultsOf(outcomes, envelopes);
    if (results === undefined || !equalBytes(certificate.resultsRoot, resultsRootOf(crypto, results)))
      wrong('carries other outcomes than were certified');
    const checkpointRoot = this.reference.checkpoints.rootOf(height);
    const execution = this.reference.execute({
      height,
      time: millis(header.time),
      proposer: header.proposer,
      parentSigners: signersOf(parentCertificate),
      envelopes,
    });
    this.reference.commit();
    if (!equalBytes(header.checkpointRoot, checkpointRoot)) wrong('tells another checkpoint than that of a clean run');
    if (!equalBytes(execution.resultsRoot, certificate.resultsRoot)) wrong('is certified with other results');
    if (!equalBytes(execution.stateDigest, certificate.stateDigest)) wrong('is certified with another state');
    for (const { reason } of execution.quarantined) wrong(`has a quarantined envelope: ${reason}`);
    for (const fault of auditState(this.reference)) this.violate('conservation', `after block ${height}: ${fault}`);
    // Of the keys known here those of validators own no account.
    const fault = feesFault(genesis, envelopes, execution, (kid) => this.memberOf(kid) === undefined);
    if (fault !== undefined) this.violate('fees', `block ${height}: ${fault}`);
    const digest = toHex(certificate.stateDigest);
    this.chain.push({ hash: toHex(certificate.blockHash), digest, time: header.time, round: certificate.round });
    this.checkDigest(height, digest, 'a clean run');
    this.learnSet(block);
    this.checkJustice(height);
  }

  /** The set of the next epoch is the one that the state says, and the block names it. */
  private learnSet({ header: { height }, nextValidators }: Block): void {
    if (height % this.epochBlocks !== 0) return;
    const set = this.setAt(height);
    const keys = nextValidators ?? set.keys;
    const next = [...this.reference.state.validators.validators.rows].filter(([, { value }]) => value?.next === true);
    const named = keys.map((key) => toBase64Url(key)).sort(compareText);
    if (
      named.join() !==
      next
        .map(([kid]) => kid)
        .sort(compareText)
        .join()
    )
      this.violate('validity', `block ${height} names other validators than the state does`);
    this.setIs(height, keys);
  }

  /** After the last block of an epoch: who decides the next one. A host may say so before the record of that block is stored. */
  setIs(height: number, keys: readonly PublicKey[]): void {
    const epoch = this.epochOf(height + 1);
    const set = validatorSet(this.options.crypto, epoch, keys);
    const known = this.sets[epoch];
    if (known !== undefined && !equalBytes(known.hash, set.hash))
      this.violate('agreement', `epoch ${epoch} begins with two sets of validators`);
    const before = this.sets[epoch - 1];
    if (known !== undefined || before === undefined) return;
    this.sets[epoch] = set;
    this.checkChange(before, set);
  }

  /** At most f come and at most f go with an epoch, never are there fewer than four, and no key is there twice. */
  private checkChange(before: ValidatorSet, after: ValidatorSet): void {
    const old = before.keys.map(toBase64Url);
    const now = after.keys.map(toBase64Url);
    const most = SIZES.get(old.length)?.faults ?? 0;
    const come = now.filter((kid) => !old.includes(kid));
    const gone = old.filter((kid) => !now.includes(kid));
    const wrong = (text: string): void => this.violate('sets', `epoch ${after.epoch} ${text}`);
    if (come.length > most || gone.length > most)
      wrong(`begins with ${come.length} who came and ${gone.length} who went, ${most} may`);
    if (now.length < SET_MIN || new Set(now).size !== now.length) wrong(`has ${now.join(' ')}`);
    if (come.length + gone.length > 0) this.setChanges++;
    for (const kid of come) if (!this.options.mayCome(kid)) wrong(`admits ${kid}, for which nobody has voted`);
    for (const kid of gone) if (!this.options.mayGo(kid)) wrong(`loses ${kid}, against which nobody has voted`);
  }

  /** Who does not lie is accused of nothing. */
  private checkJustice(height: number): void {
    for (const [kid, { value }] of this.reference.state.validators.validators.rows) {
      if (value?.suspended !== true) continue;
      const member = this.memberOf(kid);
      if (member !== undefined && !this.options.isLiar(member) && !this.options.isVotedOut(member))
        this.violate('justice', `validator ${member}, which does not lie, is suspended at height ${height}`);
    }
  }

  /**
   * Whom an honest host caught at some height, with nothing wrong between it and the others, is suspended when as many
   * blocks have come as there may be liars to leave the evidence out, and some more.
   */
  checkCaught(kid: string, height: number): void {
    const liars = SIZES.get(this.setAt(height).keys.length)?.faults ?? 0;
    if (this.height < height + liars + 3) return;
    const row = this.reference.state.validators.validators.get(kid);
    if (row !== undefined && !row.suspended)
      this.violate('justice', `validator ${kid} was caught at height ${height} and is not suspended at ${this.height}`);
  }

  // ---- decisions ---------------------------------------------------------------------------------------------

  /** A host says where it stands after it decided. */
  onDecided(validator: number, height: number, round: number, digest: string): void {
    if (!this.decidedAt.has(height)) this.decidedAt.set(height, { at: this.options.now(), round });
    this.checkDigest(height, digest, `validator ${validator}`);
  }

  /** A process has read all blocks, from the genesis or from a snapshot: each row is that of a clean run. */
  onStarted(validator: number, height: number, digest: string, ledger: Ledger): void {
    if (height === 0) return;
    // It may have heard the COMMITs of a block whose record nobody has stored yet.
    if (height > this.height && this.certifiable.get(height)?.endsWith(digest) !== true)
      return this.violate('digests', `validator ${validator} starts at height ${height}, which no quorum has decided`);
    this.checkDigest(height, digest, `validator ${validator}, just started,`);
    // It may try the next block already.
    if (height !== this.reference.height || height !== ledger.height) return;
    const own = rowsOf(ledger.state.store.tables);
    const clean = rowsOf(this.reference.state.store.tables);
    const different = [...new Set([...own.keys(), ...clean.keys()])].find((key) => own.get(key) !== clean.get(key));
    if (different !== undefined)
      this.violate('digests', `validator ${validator} starts at height ${height} with another row ${different}`);
  }

  private checkDigest(height: number, digest: string, who: string): void {
    const known = this.digests.get(height);
    if (known === undefined) this.digests.set(height, digest);
    else if (known !== digest) this.violate('digests', `${who} has another state after height ${height}`);
  }

  /** A projector's cursor. */
  onProjected(who: Party, height: number, hash: string): void {
    const known = this.chain[height - 1];
    if (known === undefined || known.hash !== hash)
      this.violate('projection', `${who} shows a block at height ${height} that is not certified`);
  }

  violate(invariant: Invariant, text: string): void {
    this.options.onViolation({ invariant, text });
  }
}

/** All rows that there are, as their bytes in hex, by their keys. */
const rowsOf = (tables: Ledger['state']['store']['tables']): Map<string, string> => {
  const rows = new Map<string, string>();
  for (const table of tables)
    for (const cell of table.cells()) {
      if (cell.value === undefined) continue;
      const writer = new ByteWriter();
      table.options.encode(writer, cell.value);
      rows.set(rowKey(cell), toHex(writer.done()));
    }
  return rows;
};

const compare = (a: SignedVote, b: SignedVote): number => a.height - b.height || a.round - b.round || a.step - b.step;

const nameOf = ({ height, round, step }: SignedVote): string => `${STEPS[step] ?? ''} ${height}/${round}`;

const shortly = (content: string): string =>
  `${content.slice(0, 8)}/${content.slice(64, 72)}/${content.slice(128, 136)}`;

function add(map: Map<string, Set<number>>, key: string, value: number): void {
  map.set(key, (map.get(key) ?? new Set<number>()).add(value));
}
