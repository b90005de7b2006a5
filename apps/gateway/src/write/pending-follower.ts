import { VALID_FOR_MAX_MS, type LedgerIdentity } from '@gridtokenx/protocol';
import type { Clock, Log, LogRecord, LedgerReads, Subscription } from '@gridtokenx/runtime';
import type { Crypto } from '@gridtokenx/crypto';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { CLOCK, CRYPTO, IDENTITY, LOG, OPERATIONS_TOPIC, READ_MODELS } from '../parts.js';
import { Backlog } from './backlog.js';
import { envelopeHash, hexOf, outlineOf } from './envelope-outline.js';
import { KEPT_AFTER_EXPIRY_MS, Pending } from './pending.js';

/** An envelope lives for an hour at most, and is remembered five minutes longer. */
const LOOK_BACK_MS = VALID_FOR_MAX_MS + KEPT_AFTER_EXPIRY_MS;
const SWEEP_EVERY_MS = 1_000;
/** Blocks tell of nearly all: what none has told of for so long is asked for by its name. */
const SWEEP_AFTER_MS = 30_000;
const SWEEP_ENVELOPES_MAX = 5_000;
const RETRY_MS = 1_000;
const BLOCKS_PER_PAGE = 100;

/**
 * Keeps {@link Pending} true: the tail of the operations topic adds what other gateways, or an earlier life of this one,
 * have appended; the read models tell what is decided.
 */
@Injectable()
export class PendingFollower implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(PendingFollower.name);
  private subscription: Subscription | undefined;
  private cancelTimers = new Set<() => void>();
  private sweeping: Promise<unknown> = Promise.resolve();
  private stopped = false;
  /** The last block whose envelopes were taken. */
  private counted = 0;

  constructor(
    @Inject(IDENTITY) private readonly identity: LedgerIdentity,
    @Inject(CRYPTO) private readonly crypto: Crypto,
    @Inject(LOG) private readonly log: Log,
    @Inject(READ_MODELS) private readonly readModels: LedgerReads,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(OPERATIONS_TOPIC) private readonly topic: string,
    @Inject(Pending) private readonly pending: Pending,
    @Inject(Backlog) private readonly backlog: Backlog,
  ) {}

  onApplicationBootstrap(): void {
    void this.follow();
    this.sweepLater();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopped = true;
    for (const cancel of this.cancelTimers) cancel();
    await this.subscription?.close();
    await this.sweeping;
  }

  /** The gateway answers while the bus is away; this goes on trying. */
  private async follow(): Promise<void> {
    try {
      const from = await this.log.offsetAtTime(this.topic, this.clock.now() - LOOK_BACK_MS);
      if (this.stopped) return;
      this.subscription = this.log.subscribe(this.topic, from, (records) => this.learn(records));
      await this.subscription.failed;
    } catch (error) {
      if (this.stopped) return;
      this.logger.warn({ message: 'the tail of the operations topic is not read', error: String(error) });
      this.later(RETRY_MS, () => void this.follow());
    }
  }

  private async learn(records: readonly LogRecord[]): Promise<void> {
    const now = this.clock.now();
    for (const { value, timestampMs } of records) {
      const known = this.pending.envelope(envelopeHash(this.crypto, value));
      if (known !== undefined) {
        // An append whose answer was lost is durable after all.
        known.durable = true;
        this.backlog.arrived(known.operationIds.length, timestampMs, now);
        continue;
      }
      const outline = outlineOf(this.crypto, this.identity.ledgerId, value);
      if (outline === undefined || outline.validUntil + KEPT_AFTER_EXPIRY_MS < now) continue;
      this.backlog.arrived(outline.operationIds.length, timestampMs, now);
      this.pending.add({ ...outline, operationIds: outline.operationIds.map(hexOf), sinceMs: now, durable: true });
    }
  }

  private sweepLater(): void {
    this.later(SWEEP_EVERY_MS, () => {
      this.sweeping = this.takeBlocks()
        .then(() => this.sweep())
        .then(() => this.sweepLater());
    });
  }

  /** Takes what is in the blocks that the read models have taken in since the last time. Public for tests. */
  async takeBlocks(): Promise<void> {
    try {
      for (;;) {
        const { counted } = this;
        const { value } = await this.readModels.blocks({
          limit: BLOCKS_PER_PAGE,
          ...(counted > 0 && { after: counted }),
        });
        for (const { height, operationCount, timeMs } of [...value].reverse()) {
          if (operationCount > 0) await this.takeBlock(height);
          this.backlog.decided(operationCount, timeMs, this.clock.now());
          this.counted = height;
        }
        if (value.length < BLOCKS_PER_PAGE || counted === 0) return;
      }
    } catch (error) {
      this.logger.debug({ message: 'the read models did not say what is decided', error: String(error) });
    }
  }

  private async takeBlock(height: number): Promise<void> {
    for (const hash of (await this.readModels.envelopeHashes(height)).value) {
      const envelope = this.pending.envelope(hexOf(hash));
      if (envelope !== undefined) this.pending.drop(envelope);
    }
  }

  /**
   * What no block was seen to hold: too old for any, or decided before its record was read here. One id stands for its
   * envelope: a block takes all of them or none. Public for tests.
   */
  async sweep(): Promise<void> {
    const now = this.clock.now();
    const asked = this.pending.takeTurns(now - SWEEP_AFTER_MS, SWEEP_ENVELOPES_MAX);
    if (asked.length === 0) return;
    try {
      const { value } = await this.readModels.operationsByIds(asked.map(({ operationIds }) => operationIds[0] ?? ''));
      const decided = new Set(value.map(({ operationId }) => operationId));
      for (const envelope of asked)
        if (decided.has(envelope.operationIds[0] ?? '') || envelope.validUntil + KEPT_AFTER_EXPIRY_MS < now)
          this.pending.drop(envelope);
    } catch (error) {
      this.logger.debug({ message: 'the read models did not say what is decided', error: String(error) });
    }
  }

  private later(delayMs: number, then: () => void): void {
    if (this.stopped) return;
    const cancel = this.clock.at(this.clock.now() + delayMs, () => {
      this.cancelTimers.delete(cancel);
      then();
    });
    this.cancelTimers.add(cancel);
  }
}
