import { noble, type Crypto, type Hash, type PublicKey } from '@gridtokenx/crypto';
import { assert, DecodeError, equalBytes, toBase64Url, toHex } from '@gridtokenx/kernel';
import type { LedgerIdentity, OperationOf } from '@gridtokenx/protocol';
import {
  chainRules,
  CLOCK_DRIFT_MS,
  commitSignBytes,
  decodeBlock,
  forkOf,
  headerHash,
  isSameDecision,
  isTrustFresh,
  stateOfGenesis,
  stateOfHash,
  trustingPeriodFault,
  trustingPeriodOf,
  verifyBack,
  verifyLightBlock,
  verifyToHeight,
  type Certificate,
  type Fork,
  type LightBlock,
  type LightFault,
  type LightOptions,
  type LightPath,
  type LightRefusal,
  type OutcomeProof,
  type TrustedState,
  type TrustingPeriodFault,
} from '@gridtokenx/chain';
import { headerAnchor, type Anchor } from './anchor.js';
import { platform as ownPlatform, type Platform } from './platform.js';
import type { DecodedProof } from './proof-json.js';
import { verifyOutcome, type OutcomeFault, type ProvenOutcome, type Refused } from './verify.js';

/** Where light blocks and, for the way back, records come from. `GridClient` is one; none of it is believed. */
export interface LightSource {
  lightBlock(height: number): Promise<LightBlock | undefined>;
  blockRecord(height: number): Promise<Uint8Array | undefined>;
}

export interface LightClientOptions {
  /** The user's own genesis. */
  readonly identity: LedgerIdentity;
  readonly source: LightSource;
  /** What an earlier client left, lowest first; without it the genesis is trusted. */
  readonly states?: readonly TrustedState[];
  /** Two thirds of the time for which the ledger takes evidence, when not given. */
  readonly trustingPeriodMs?: number;
  readonly clockDriftMs?: number;
  readonly platform?: Pick<Platform, 'now'>;
  readonly crypto?: Crypto;
}

export type LightClientFault = LightFault | TrustingPeriodFault;

export class LightClientError extends Error {
  constructor(
    readonly code: LightClientFault,
    reason: string,
  ) {
    super(`${code}: ${reason}`);
    this.name = 'LightClientError';
  }
}

/** An idle ledger beats every few seconds; a round that fails costs some more. */
const STALE_AFTER_MS = 600_000;

/** A few hundred bytes each with 21 validators; the oldest go first, and what lies below the rest is proven by hashes. */
const STATES_MAX = 64;

/**
 * SPEC light-client 6.2: verifies proofs of any epoch from the user's genesis file, or from what an earlier client left,
 * asking a source that it does not believe.
 */
export class LightClient {
  readonly options: LightOptions;
  readonly #crypto: Crypto;
  readonly #source: LightSource;
  readonly #platform: Pick<Platform, 'now'>;
  #states: readonly TrustedState[];

  /** Throws {@link LightClientError} when trust would outlast the evidence against those who are trusted. */
  constructor({
    identity,
    source,
    states,
    trustingPeriodMs = trustingPeriodOf(identity.genesis.consensus.evidence.ageMs),
    clockDriftMs = CLOCK_DRIFT_MS,
    platform = ownPlatform,
    crypto = noble,
  }: LightClientOptions) {
    this.options = { rules: chainRules(identity), trustingPeriodMs, clockDriftMs };
    const { ageMs } = identity.genesis.consensus.evidence;
    const fault = trustingPeriodFault(this.options, ageMs);
    if (fault !== undefined) throw new LightClientError(fault, `the ledger takes evidence for ${ageMs} ms`);
    this.#crypto = crypto;
    this.#source = source;
    this.#platform = platform;
    this.#states = states ?? [stateOfGenesis(crypto, identity)];
  }

  /** What is trusted, lowest first: to be kept, and given to the next client. */
  get states(): readonly TrustedState[] {
    return this.#states;
  }

  /** The highest; all that a bridge keeps. */
  get head(): TrustedState {
    return this.#states.at(-1) as TrustedState;
  }

  /** SPEC light-client 4.3: a block that the user was told of, by people. Throws {@link LightClientError}. */
  async trustHash(height: number, hash: Hash): Promise<TrustedState> {
    const block = await this.#source.lightBlock(height);
    if (block === undefined) throw new LightClientError('light.missing', `no light block of height ${height}`);
    const state = stateOfHash(this.#crypto, this.options.rules, hash, block);
    if ('verdict' in state) throw errorOf(state);
    this.#keep([state]);
    return state;
  }

  /** Moves the trust up to `height`. Throws {@link LightClientError} and keeps what was trusted, when that cannot be. */
  async advance(height: number): Promise<TrustedState> {
    if (height <= this.head.height) return this.head;
    const reached = await this.#up(this.head, height, (at) => this.#source.lightBlock(at));
    if (reached.verdict !== 'SUCCESS') throw errorOf(reached);
    return reached.state;
  }

  /**
   * SPEC light-client 6.3: whether the head is older than a ledger that beats ever lets it become: either it stands still,
   * or the gateway keeps its newer blocks back. What is trusted stays true; what is missing from it nobody can tell.
   */
  get isStale(): boolean {
    return this.#platform.now() - this.head.time > STALE_AFTER_MS;
  }

  /** What became of the operation, of whatever epoch; or why that is not shown. */
  async verify(proof: OutcomeProof | DecodedProof): Promise<ProvenOutcome | Refused<OutcomeFault | LightFault>> {
    const { height, ledgerId } = proof.header;
    if (ledgerId !== this.options.rules.ledgerId) return { valid: false, code: 'light.wrongLedger' };
    if (!Number.isSafeInteger(height) || height < 1) return { valid: false, code: 'proof.wrongBlock' };
    const anchor = await this.#anchorOf(proof);
    return 'verdict' in anchor ? { valid: false, code: anchor.code } : verifyOutcome(anchor, proof, this.#crypto);
  }

  /**
   * SPEC light-client 5.2: asks another source for the head. What it gives is either the same decision, or certified too
   * and a fork, or not certified: then it is no evidence, and the answer is the fault.
   */
  async compare(other: Pick<LightSource, 'lightBlock'>): Promise<'same' | Fork | LightRefusal> {
    const { height, hash } = this.head;
    const below = this.#states.at(-2);
    const [mine, theirs] = [await this.#source.lightBlock(height), await other.lightBlock(height)];
    if (below === undefined || mine === undefined || theirs === undefined)
      return { verdict: 'INVALID', code: 'light.missing', height };
    if (!equalBytes(headerHash(this.#crypto, mine.header), hash))
      return { verdict: 'INVALID', code: 'light.otherHash', height };
    if (isSameDecision(mine.certificate, theirs.certificate)) return 'same';
    const way = await this.#up(below, height, (at) => this.#source.lightBlock(at));
    if (way.verdict !== 'SUCCESS') return way;
    const from = way.path.at(-2) ?? below;
    const now = this.#platform.now();
    const verified = verifyLightBlock(this.#crypto, this.options, from, theirs, now);
    if (verified.verdict !== 'SUCCESS') return verified;
    return forkOf(this.#crypto, this.options, from, way.block, theirs, now) ?? 'same';
  }

  async #anchorOf(proof: OutcomeProof): Promise<Anchor | LightRefusal> {
    const { header, certificate } = proof;
    const { height, ledgerId } = header;
    const now = this.#platform.now();
    const isFresh = (state: TrustedState): boolean => isTrustFresh(state, now, this.options.trustingPeriodMs);
    const known = this.#states.find((state) => state.height === height);
    // Of an older one the header is certain, but its old keys, stolen since, could sign other results for it.
    if (known !== undefined && isFresh(known)) {
      const block = await this.#source.lightBlock(height);
      return headerAnchor(known.hash, block?.validators ?? []);
    }
    const above = this.#states.find((state) => state.height > height);
    const below = this.#states.findLast((state) => state.height < height);
    if (below !== undefined && (above === undefined || isFresh(below))) {
      // The proof's own header takes the place of the one offered: what is proven is what is verified.
      const reached = await this.#up(below, height, async (at) => {
        const block = await this.#source.lightBlock(at);
        return at === height && block?.header.height === height ? { ...block, header, certificate } : block;
      });
      return reached.verdict === 'SUCCESS' ? { kind: 'set', ledgerId, set: reached.validators } : reached;
    }
    if (above === undefined) return { verdict: 'INVALID', code: 'light.trustExpired', height };
    const ancestor = await verifyBack(
      this.#crypto,
      this.options.rules,
      above,
      height,
      (at) => this.#source.lightBlock(at),
      (at) => this.#parentCertificateIn(at),
    );
    if (ancestor.verdict !== 'SUCCESS') return ancestor;
    if (!isSameDecision(ancestor.certificate, certificate))
      return { verdict: 'INVALID', code: 'light.otherHash', height };
    return { kind: 'set', ledgerId, set: ancestor.validators };
  }

  async #parentCertificateIn(height: number): Promise<Certificate | undefined> {
    const record = await this.#source.blockRecord(height);
    try {
      return record === undefined ? undefined : decodeBlock(record).parentCertificate;
    } catch (error) {
      if (error instanceof DecodeError) return undefined;
      throw error;
    }
  }

  async #up(
    from: TrustedState,
    height: number,
    provider: (height: number) => Promise<LightBlock | undefined>,
  ): Promise<LightPath | LightRefusal> {
    const now = this.#platform.now();
    const reached = await verifyToHeight(this.#crypto, this.options, from, height, provider, now);
    if (reached.verdict === 'SUCCESS') this.#keep(reached.path);
    return reached;
  }

  #keep(states: readonly TrustedState[]): void {
    const byHeight = new Map([...this.#states, ...states].map((state) => [state.height, state]));
    this.#states = [...byHeight.values()].sort((a, b) => a.height - b.height).slice(-STATES_MAX);
  }
}

const errorOf = ({ code, height }: LightRefusal): LightClientError =>
  new LightClientError(code, `the light block of height ${height} is not to be trusted`);

/**
 * SPEC light-client 5.3: what the ledger takes as evidence of a fork in one round, one operation for each validator that
 * signed both blocks; none when the rounds differ, since then no signature contradicts another by itself.
 */
export function reportsOf({
  first,
  second,
  signedBoth,
  inOneRound,
}: Fork): OperationOf<'validators.reportEquivocation'>[] {
  if (!inOneRound) return [];
  return signedBoth.map((key) => ({
    type: 'validators.reportEquivocation',
    validator: toBase64Url(key),
    first: signedVoteIn(first, key),
    second: signedVoteIn(second, key),
  }));
}

function signedVoteIn(
  { header, certificate, validators }: LightBlock,
  key: PublicKey,
): { vote: string; signature: string } {
  const index = validators.findIndex((other) => equalBytes(other, key));
  const signed = certificate.signatures.find(({ validator }) => validator === index);
  assert(signed !== undefined, 'who signed both has signed each');
  return {
    vote: toHex(commitSignBytes(header.ledgerId, certificate)),
    signature: toBase64Url(signed.signature),
  };
}
