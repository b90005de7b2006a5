import { chainRules, epochOf, validatorSet, VOTE_STEPS, type ValidatorSet } from '@gridtokenx/chain';
import type { Crypto, PublicKey } from '@gridtokenx/crypto';
import { assert, fromBase64Url, toBase64Url } from '@gridtokenx/kernel';
import { topicsOf, type LedgerIdentity } from '@gridtokenx/protocol';
import {
  MessageVerifier,
  type Clock,
  type Log,
  type LogRecord,
  type LedgerReads,
  type Subscription,
} from '@gridtokenx/runtime';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { CLOCK, CRYPTO, IDENTITY, LOG, READ_MODELS } from '../parts.js';
import { PARTICIPATION_BLOCKS, type Heard, type LastVote } from './participation.js';

const RETRY_MS = 1_000;
/** How far votes may be ahead of the read models; those beyond are not remembered, so that no sender fills the memory. */
const HEIGHTS_AHEAD = 64;
/** As far as the verifier keeps messages of an epoch whose validators it does not know yet. */
const HEIGHTS_INTO_EPOCH = 4;

/** Where the read models stood one block ago: so votes that come late for the last block are still heard. */
interface Standing {
  readonly height: number;
  readonly certifiedBy: ValidatorSet;
  readonly validators: ValidatorSet;
}

/**
 * SPEC participation 1.3 and 1.4: follows the consensus topic and believes only verified signatures. Remembers who voted in
 * the last blocks and the last message of each; nothing here is proven to others, and a restart forgets it.
 */
@Injectable()
export class ValidatorWatch implements Heard, OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(ValidatorWatch.name);
  private readonly rules: ReturnType<typeof chainRules>;
  private readonly verifier: MessageVerifier;
  private readonly voters = new Map<number, Set<string>>();
  private readonly lastVotes = new Map<string, LastVote>();
  private standing: Standing | undefined;
  private heardFrom = Number.MAX_SAFE_INTEGER;
  private nextOffset: number | undefined;
  private subscription: Subscription | undefined;
  private stopListening: (() => void) | undefined;
  private cancelRetry: (() => void) | undefined;
  private moving: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    @Inject(IDENTITY) private readonly identity: LedgerIdentity,
    @Inject(CRYPTO) private readonly crypto: Crypto,
    @Inject(LOG) private readonly log: Log,
    @Inject(READ_MODELS) private readonly readModels: LedgerReads,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.rules = chainRules(identity);
    this.verifier = new MessageVerifier(crypto, this.rules, () => {});
  }

  get fromHeight(): number {
    return this.heardFrom;
  }

  voted(height: number, kid: string): boolean {
    return this.voters.get(height)?.has(kid) === true;
  }

  last(kid: string): LastVote | undefined {
    return this.lastVotes.get(kid);
  }

  onApplicationBootstrap(): void {
    this.stopListening = this.readModels.onHeight((height) => this.moveLater(height));
    void this.follow();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopped = true;
    this.stopListening?.();
    this.cancelRetry?.();
    await this.subscription?.close();
    await this.moving;
  }

  /** The gateway answers while the bus is away; this goes on trying, from where it stopped. */
  private async follow(): Promise<void> {
    try {
      const { name } = topicsOf(this.identity).consensus;
      this.nextOffset ??= await this.log.end(name);
      this.moveLater((await this.readModels.cursor()).height);
      await this.moving;
      if (this.stopped) return;
      this.subscription = this.log.subscribe(name, this.nextOffset, (records) => this.learn(records));
      await this.subscription.failed;
    } catch (error) {
      if (this.stopped) return;
      this.logger.warn({ message: 'the consensus topic is not read', error: String(error) });
      this.cancelRetry = this.clock.at(this.clock.now() + RETRY_MS, () => void this.follow());
    }
  }

  private moveLater(height: number): void {
    this.moving = this.moving
      .then(() => this.moveTo(height))
      .catch((error: unknown) => {
        this.logger.debug({ message: 'the read models did not say who the validators are', error: String(error) });
      });
  }

  /** Public for tests. */
  async moveTo(height: number): Promise<void> {
    const before = this.standing;
    const at = Math.max(0, height - 1);
    if (before !== undefined && at <= before.height) return;
    const epoch = epochOf(at + 1, this.rules.epochBlocks);
    const isSameEpoch = before?.validators.epoch === epoch;
    const validators = isSameEpoch ? before.validators : await this.setAt(at + 1);
    const certifiedBy =
      before !== undefined && epochOf(Math.max(1, at), this.rules.epochBlocks) === before.validators.epoch
        ? before.validators
        : await this.setAt(Math.max(1, at));
    this.standing = { height: at, certifiedBy, validators };
    // What was said meanwhile of heights that could not be remembered, or of validators not known, went unheard.
    const jump = at - (before?.height ?? at);
    if (jump > HEIGHTS_AHEAD || (!isSameEpoch && jump > HEIGHTS_INTO_EPOCH))
      this.heardFrom = Math.max(this.heardFrom, height + 1);
    for (const old of this.voters.keys()) if (old < height - PARTICIPATION_BLOCKS) this.voters.delete(old);
    for (const bytes of this.verifier.takeEarly()) this.hear(bytes);
  }

  private async setAt(height: number): Promise<ValidatorSet> {
    const { value } = await this.readModels.validatorSet(height);
    assert(value !== undefined, `the read models know the validators of height ${height}`);
    const keys = value.kids.map((kid) => fromBase64Url(kid) as PublicKey);
    return validatorSet(this.crypto, epochOf(height, this.rules.epochBlocks), keys);
  }

  /** Public for tests. */
  async learn(records: readonly LogRecord[]): Promise<void> {
    for (const { offset, value } of records) {
      for (const frame of this.verifier.framesOf(value)) if (frame.kind === 'message') this.hear(frame.bytes);
      this.nextOffset = offset + 1;
    }
  }

  private hear(bytes: Uint8Array): void {
    const { standing } = this;
    if (standing === undefined) return;
    const message = this.verifier.verified(bytes, standing);
    if (message === undefined || message.height > standing.height + HEIGHTS_AHEAD) return;
    const { type, height, round } = message;
    const key = standing.validators.keys[message.validator];
    assert(key !== undefined, 'a message whose signature was verified is of a validator');
    const kid = toBase64Url(key);
    // Of the height in which the listening began, the beginning may have been missed.
    if (this.heardFrom === Number.MAX_SAFE_INTEGER) this.heardFrom = height + 1;
    if (type === 'prepare' || type === 'commit') this.votersOf(height).add(kid);
    if (!isBelow(message, this.lastVotes.get(kid)))
      this.lastVotes.set(kid, { type, height, round, heardAtMs: this.clock.now() });
  }

  private votersOf(height: number): Set<string> {
    let voters = this.voters.get(height);
    if (voters === undefined) this.voters.set(height, (voters = new Set()));
    return voters;
  }
}

type Place = Pick<LastVote, 'height' | 'round' | 'type'>;

/** In the order in which a validator may sign: height, round, step. */
function isBelow(a: Place, b: Place | undefined): boolean {
  if (b === undefined) return false;
  const order = a.height - b.height || a.round - b.round || VOTE_STEPS[a.type] - VOTE_STEPS[b.type];
  return order < 0;
}
