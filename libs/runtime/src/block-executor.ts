import {
  chainRules,
  headerHash,
  isLastOfEpoch,
  operationsRootOf,
  signersOf,
  tipAfter,
  validatorsAfter,
  type Certificate,
  type ChainRules,
  type ChainTip,
  type Header,
  type ValidatorSet,
} from '@gridtokenx/chain';
import type { Candidate, SignerRecord } from '@gridtokenx/consensus';
import type { Crypto, Hash, PublicKey } from '@gridtokenx/crypto';
import type { Execution, Ledger } from '@gridtokenx/domain';
import { assert, BugError, equalBytes, height, millis } from '@gridtokenx/kernel';
import { PROTOCOL_VERSION, type Envelope, type LedgerIdentity, type RejectionCode } from '@gridtokenx/protocol';
import { BlockSize } from './block-size.js';
import { CandidateLists } from './candidate-lists.js';
import { DivergedError, divergenceOf, type SignedResults } from './divergence.js';
import type { EnvelopePool } from './envelope-pool.js';

/** Refusals that no later block can lift: the envelope leaves the pool. */
const FOR_GOOD: ReadonlySet<RejectionCode> = new Set<RejectionCode>([
  'operation.sequenceUsed',
  'operation.sequenceTooOld',
  'operation.expired',
  'operation.keyRemoved',
]);

/** What of a block the ledger runs on, beside its envelopes. */
type Runnable = Pick<Candidate, 'header' | 'parentCertificate'>;

/** A block that was run on the state below it. */
export interface Executed {
  readonly hash: Hash;
  readonly execution: Execution;
  readonly envelopes: readonly Envelope[];
  readonly ms: number;
}

export interface BlockExecutorOptions {
  readonly crypto: Crypto;
  readonly identity: LedgerIdentity;
  readonly ledger: Ledger;
  readonly pool: EnvelopePool;
  readonly tip: ChainTip;
  /** Told of envelopes that left the pool because no block can ever hold them. */
  readonly onDropped: (refusal: RejectionCode) => void;
  /** See {@link BlockSize}. */
  readonly unread?: () => number;
}

/**
 * Builds, checks and runs the blocks of the open height on the one ledger state of a host: each once, for all its
 * validators. The state stands at the parent, or after one block of the open height, until that block is final.
 */
export class BlockExecutor {
  /** Of the open height. */
  readonly candidates: CandidateLists;
  /** How many operations a block that is built here holds at most. */
  readonly size: BlockSize;
  /** By header and list. */
  private readonly verdicts = new Map<string, boolean>();
  private executed: Executed | undefined;
  private currentTip: ChainTip;
  private readonly rules: ChainRules;

  constructor(private readonly options: BlockExecutorOptions) {
    this.candidates = new CandidateLists(options.crypto);
    this.currentTip = options.tip;
    const { limits, consensus } = options.identity.genesis;
    this.size = new BlockSize({ ...limits, ...consensus, ...(options.unread && { unread: options.unread }) });
    this.rules = chainRules(options.identity);
  }

  get tip(): ChainTip {
    return this.currentTip;
  }

  /** Admissible envelopes in arrival order up to the limits of the genesis. */
  build(proposer: number, time: number): Candidate {
    const { crypto, identity, ledger } = this.options;
    const { validators: set } = this.tip;
    const chosen = this.choose(time);
    const header: Header = {
      version: PROTOCOL_VERSION,
      ledgerId: identity.ledgerId,
      epoch: set.epoch,
      height: height(this.tip.height + 1),
      proposer,
      parentHash: this.tip.hash,
      parentCertificateHash: this.tip.certificateHash,
      time: millis(time),
      operationsRoot: operationsRootOf(crypto, chosen),
      validatorsHash: set.hash,
      nextValidatorsHash: this.nextSet().hash,
      checkpointRoot: ledger.checkpoints.rootOf(this.tip.height + 1),
    };
    const candidate: Candidate = {
      header,
      hash: headerHash(crypto, header),
      envelopeHashes: chosen.map((envelope) => envelope.hash),
      parentCertificate: this.tip.certificate,
    };
    this.candidates.trust(candidate);
    this.verdicts.set(this.candidates.keyOf(candidate), true);
    return candidate;
  }

  /** Whether a validator may vote for it; `undefined` while an envelope is missing. */
  verdictOn(candidate: Candidate): boolean | undefined {
    const key = this.candidates.keyOf(candidate);
    const known = this.verdicts.get(key);
    if (known !== undefined) return known;
    const envelopes = this.options.pool.all(candidate.envelopeHashes);
    if (envelopes === undefined) return undefined;
    const ok = this.isAcceptable(candidate, envelopes);
    this.verdicts.set(key, ok);
    return ok;
  }

  /** `undefined` when an envelope is missing. */
  run(candidate: Candidate): Executed | undefined {
    if (this.executed !== undefined && equalBytes(this.executed.hash, candidate.hash)) return this.executed;
    const envelopes = this.options.pool.all(candidate.envelopeHashes);
    return envelopes === undefined ? undefined : this.execute(candidate.hash, candidate, envelopes);
  }

  /** A block whose envelopes came with it. */
  runWith(hash: Hash, block: Runnable, envelopes: readonly Envelope[]): Executed {
    if (this.executed !== undefined && equalBytes(this.executed.hash, hash)) return this.executed;
    return this.execute(hash, block, envelopes);
  }

  /** What a quorum decided is admissible; which list of envelopes it was about, only the envelopes show. */
  candidateOf(decided: Hash): Candidate | undefined {
    const offered = (): Candidate | undefined =>
      this.candidates.offeredFor(decided).find((candidate) => {
        const envelopes = this.options.pool.all(candidate.envelopeHashes);
        return envelopes !== undefined && this.candidates.proves(candidate, envelopes);
      });
    return this.candidates.proven(decided) ?? offered();
  }

  /** Waiting, or in the block that was run last. */
  envelope(hash: Hash): Envelope | undefined {
    return this.options.pool.get(hash) ?? this.executed?.envelopes.find((one) => equalBytes(one.hash, hash));
  }

  /** Makes the block that was just run final, and gives the new tip. Throws when the quorum certified other results. */
  commit(header: Header, certificate: Certificate, run: Executed): ChainTip {
    const { crypto, ledger, pool } = this.options;
    assert(run === this.executed, 'the block that becomes final is the one that was run');
    this.compare(header, { signedBy: 'quorum', ...certificate }, run);
    const nextValidators = this.nextValidators(header);
    ledger.commit();
    this.executed = undefined;
    for (const { hash } of run.envelopes) pool.remove(hash);
    this.dropUsed(header.time);
    this.currentTip = tipAfter(crypto, this.rules, this.tip, { header, certificate, nextValidators });
    assert(equalBytes(this.tip.stateDigest, ledger.stateDigest), 'the tip carries the digest of the state');
    this.candidates.clear();
    this.verdicts.clear();
    return this.tip;
  }

  /**
   * Whoever was away reads again what was decided meanwhile, and an envelope may be sent twice: such come first in the pool, and a
   * host that seldom leads would hold them, and read them again after its next restart, until it does.
   */
  private dropUsed(time: number): void {
    const { ledger, pool, onDropped } = this.options;
    const admission = ledger.admission(millis(time));
    for (const envelope of pool) {
      const refusal = admission.refusal(envelope);
      if (refusal === undefined || !FOR_GOOD.has(refusal)) return;
      pool.remove(envelope.hash);
      onDropped(refusal);
    }
  }

  /** SPEC consensus 5.2: throws what is computed here beside what a validator of this host COMMITted to. */
  compareCommitted(committed: NonNullable<SignerRecord['committed']>): never {
    const candidate = this.candidateOf(committed.blockHash);
    const run = candidate && this.run(candidate);
    assert(candidate !== undefined && run !== undefined, 'what a validator of this host executed is here');
    this.compare(candidate.header, { signedBy: 'validator', ...committed }, run);
    throw new BugError('validator.halted: one block was run twice and came to different results');
  }

  private compare(header: Header, signed: SignedResults, run: Executed): void {
    const { ledger } = this.options;
    const { resultsRoot, stateDigest } = run.execution;
    const checkpointRoot = ledger.checkpoints.rootOf(header.height);
    const computed = { resultsRoot, stateDigest, checkpointRoot, nextValidatorsHash: this.nextSet().hash };
    const divergence = divergenceOf(header, signed, computed, () => ledger.changes());
    if (divergence !== undefined) throw new DivergedError(divergence);
  }

  /** The keys that the block with this header names, if it is one after which the validators change. */
  nextValidators({ nextValidatorsHash, validatorsHash }: Header): readonly PublicKey[] | undefined {
    return equalBytes(nextValidatorsHash, validatorsHash) ? undefined : this.nextSet().keys;
  }

  /** SPEC consensus 9.2: of the height after the open one; fixed in the state two blocks before an epoch ends. */
  private nextSet(): ValidatorSet {
    const { crypto, ledger } = this.options;
    const open = this.tip.height + 1;
    const keys = isLastOfEpoch(open, this.rules.epochBlocks) ? ledger.nextValidators : undefined;
    return validatorsAfter(crypto, this.rules, open, this.tip.validators, keys);
  }

  private choose(time: number): Envelope[] {
    const { identity, ledger, pool, onDropped } = this.options;
    this.restoreParent();
    const { envelopeBytesPerBlock } = identity.genesis.limits;
    const admission = ledger.admission(millis(time));
    const chosen: Envelope[] = [];
    let operations = 0;
    let bytes = 0;
    for (const envelope of pool) {
      operations += envelope.operationIds.length;
      bytes += envelope.bytes.length;
      if (operations > this.size.most || bytes > envelopeBytesPerBlock) break;
      const refusal = admission.refusal(envelope);
      if (refusal === undefined) {
        chosen.push(envelope);
        continue;
      }
      operations -= envelope.operationIds.length;
      bytes -= envelope.bytes.length;
      if (!FOR_GOOD.has(refusal)) continue;
      pool.remove(envelope.hash);
      onDropped(refusal);
    }
    return chosen;
  }

  private isAcceptable(candidate: Candidate, envelopes: readonly Envelope[]): boolean {
    const { identity, ledger } = this.options;
    const { operationsPerBlock, envelopeBytesPerBlock } = identity.genesis.limits;
    let operations = 0;
    let bytes = 0;
    for (const envelope of envelopes) {
      operations += envelope.operationIds.length;
      bytes += envelope.bytes.length;
    }
    if (operations > operationsPerBlock || bytes > envelopeBytesPerBlock) return false;
    if (!this.candidates.proves(candidate, envelopes)) return false;
    const { header } = candidate;
    if (!equalBytes(header.nextValidatorsHash, this.nextSet().hash)) return false;
    if (!equalBytes(header.checkpointRoot, ledger.checkpoints.rootOf(header.height))) return false;
    this.restoreParent();
    // SPEC validators 3.3
    const proposer = this.tip.validators.keys[header.proposer];
    if (proposer === undefined || ledger.isSuspended(proposer)) return false;
    const admission = ledger.admission(header.time);
    return envelopes.every((envelope) => admission.refusal(envelope) === undefined);
  }

  private execute(hash: Hash, { header, parentCertificate }: Runnable, envelopes: readonly Envelope[]): Executed {
    this.restoreParent();
    const started = performance.now();
    const { height: at, time, proposer } = header;
    const parentSigners = signersOf(parentCertificate);
    const execution = this.options.ledger.execute({ height: at, time, proposer, parentSigners, envelopes });
    this.executed = { hash, execution, envelopes, ms: performance.now() - started };
    return this.executed;
  }

  /** The ledger stands at the parent again, so that another block of the height can be checked or run. */
  private restoreParent(): void {
    if (this.executed === undefined) return;
    this.options.ledger.undo();
    this.executed = undefined;
  }
}
