import { tipAfter, type ChainTip } from '@gridtokenx/chain';
import type { Crypto, Hash, Signature } from '@gridtokenx/crypto';
import { millis } from '@gridtokenx/kernel';
import { decodeSignerRecord, encodeSignerRecord } from '../codec.js';
import { claimOf } from '../messages.js';
import type { Replica } from '../replica.js';
import { createReplica, step } from '../step.js';
import type {
  Candidate,
  ConsensusConfig,
  ConsensusMessage,
  Demand,
  Input,
  Output,
  PreparedCertificate,
  SignerRecord,
} from '../types.js';
import { fakeCrypto } from './fake-crypto.js';
import {
  genesisTip,
  makeCandidate,
  makeValidators,
  resultsOf,
  signAs,
  START,
  testConfig,
  type TestResults,
  type Validators,
} from './validators.js';

export interface SoloOptions {
  readonly n?: number;
  readonly me?: number;
  readonly config?: Partial<ConsensusConfig>;
  readonly tip?: ChainTip;
  readonly now?: number;
  readonly demand?: Demand;
  readonly record?: SignerRecord | undefined;
}

type OutputOf<K extends Output['kind']> = Extract<Output, { kind: K }>;
type Justification = Extract<ConsensusMessage, { type: 'proposal' }>['justification'];

/**
 * One real replica, all others played by the test. Its own signatures come back at once; checks and executions are answered at
 * once unless told otherwise. Height 1 is led by validator 1, so by default we are validator 0.
 */
export class Solo {
  readonly crypto: Crypto = fakeCrypto;
  validators: Validators;
  readonly config: ConsensusConfig;
  readonly me: number;
  replica: Replica;
  now: number;
  tip: ChainTip;
  answersChecks = true;
  answersExecutes = true;
  executionVersion = '';
  /** Everything put out since the last `take`. */
  private out: Output[] = [];
  record: Uint8Array | undefined;

  constructor(options: SoloOptions = {}) {
    this.validators = makeValidators(this.crypto, options.n ?? 4);
    this.config = { ...testConfig, ...options.config };
    this.me = options.me ?? 0;
    this.now = options.now ?? START;
    this.tip = options.tip ?? genesisTip(this.validators);
    this.replica = this.create(options.record);
    this.feed({ kind: 'demand', demand: options.demand ?? 'waiting' });
  }

  private create(record: SignerRecord | undefined): Replica {
    const key = this.validators.set.keys[this.me];
    if (key === undefined) throw new RangeError('no such validator');
    const { replica, outputs } = createReplica(this.config, key, this.tip, record, millis(this.now), {
      crypto: this.crypto,
    });
    this.replica = replica;
    for (const output of outputs) this.handle(output);
    return replica;
  }

  /** Dies and comes back with nothing but its record and tip. */
  restart(): void {
    this.create(this.record && decodeSignerRecord(this.crypto, this.record));
    this.feed({ kind: 'demand', demand: 'waiting' });
  }

  feed(input: Input): void {
    for (const output of step(this.replica, input, millis(this.now))) this.handle(output);
  }

  receive(...messages: readonly ConsensusMessage[]): void {
    for (const message of messages) this.feed({ kind: 'message', message });
  }

  tickAfter(ms: number): void {
    this.now += ms;
    this.feed({ kind: 'tick' });
  }

  private handle(output: Output): void {
    this.out.push(output);
    if (output.kind === 'sign') {
      this.record = encodeSignerRecord(output.record);
      this.receive(signAs(this.validators, output.message));
    }
    if (output.kind === 'check' && this.answersChecks) this.checked(output.candidate);
    if (output.kind === 'execute' && this.answersExecutes) this.executed(output.candidate.hash);
  }

  checked(candidate: Candidate, ok = true): void {
    this.feed({ kind: 'checked', blockHash: candidate.hash, ok, candidate });
  }

  executed(blockHash: Hash): void {
    this.feed({ kind: 'executed', ...this.results(blockHash) });
  }

  /** The outputs of these kinds since the last take; those of other kinds are forgotten with them. */
  take<K extends Output['kind']>(...kinds: readonly K[]): OutputOf<K>[] {
    const taken = this.out.filter((output): output is OutputOf<K> =>
      (kinds as readonly string[]).includes(output.kind),
    );
    this.out = [];
    return taken;
  }

  /** What was signed since the last take, as `type round`. */
  takeSigned(): string[] {
    return this.take('sign').map(({ message }) => `${message.type} ${message.round}`);
  }

  // What the others say.

  get height(): number {
    return this.tip.height + 1;
  }

  private base(validator: number, round: number): { epoch: number; height: number; round: number; validator: number } {
    return { epoch: this.tip.validators.epoch, height: this.height, round, validator };
  }

  leaderOf(round: number): number {
    return (this.height + round) % this.validators.set.keys.length;
  }

  candidate(content = 'a', proposer = this.leaderOf(0), time = this.now): Candidate {
    return makeCandidate(this.validators, this.tip, proposer, Math.max(time, this.tip.time + 1), content);
  }

  proposal(candidate: Candidate, round = 0, justification?: Justification): ConsensusMessage {
    return signAs(this.validators, {
      ...this.base(this.leaderOf(round), round),
      type: 'proposal',
      candidate,
      justification,
    });
  }

  prepare(validator: number, blockHash: Hash, round = 0): ConsensusMessage {
    return signAs(this.validators, { ...this.base(validator, round), type: 'prepare', blockHash });
  }

  commit(validator: number, blockHash: Hash, round = 0, results = this.results(blockHash)): ConsensusMessage {
    return signAs(this.validators, { ...this.base(validator, round), type: 'commit', ...results });
  }

  roundChange(validator: number, round: number, prepared?: PreparedCertificate): ConsensusMessage {
    return signAs(this.validators, { ...this.base(validator, round), type: 'roundChange', prepared });
  }

  results(blockHash: Hash, version = this.executionVersion): TestResults {
    return resultsOf(this.crypto, blockHash, version);
  }

  /** By the first q validators, or those named. */
  certificate(blockHash: Hash, round = 0, signers = this.quorum()): PreparedCertificate {
    const signatures = signers.map((validator) => ({
      validator,
      signature: this.prepare(validator, blockHash, round).signature,
    }));
    return { height: this.height, round, blockHash, signatures };
  }

  quorum(): number[] {
    return Array.from({ length: this.validators.set.quorum }, (_, i) => i);
  }

  /** ROUND-CHANGEs by these validators, and the certificate of the highest claim among them. */
  justification(
    round: number,
    votes: readonly { readonly validator: number; readonly prepared?: PreparedCertificate | undefined }[],
  ): NonNullable<Justification> {
    let prepared: PreparedCertificate | undefined;
    for (const vote of votes)
      if (vote.prepared !== undefined && vote.prepared.round > (prepared?.round ?? -1)) prepared = vote.prepared;
    const signatureOf = (validator: number, claim: PreparedCertificate | undefined): Signature =>
      this.roundChange(validator, round, claim).signature;
    return {
      roundChanges: votes.map((vote) => ({
        validator: vote.validator,
        prepared: claimOf(vote.prepared),
        signature: signatureOf(vote.validator, vote.prepared),
      })),
      prepared,
    };
  }

  /** The height closes with this block; where an epoch ends, others may decide the next. */
  advance(candidate: Candidate, next = this.validators): void {
    const signatures = this.quorum().map((validator) => ({
      validator,
      signature: this.commit(validator, candidate.hash).signature,
    }));
    const { height } = this;
    const certificate = {
      epoch: this.tip.validators.epoch,
      height,
      round: 0,
      ...this.results(candidate.hash),
      signatures,
    };
    this.tip = tipAfter(this.crypto, this.config, this.tip, {
      header: candidate.header,
      certificate,
      nextValidators: next === this.validators ? undefined : next.set.keys,
    });
    this.validators = { ...next, set: this.tip.validators };
    this.feed({ kind: 'advanced', tip: this.tip });
  }
}
