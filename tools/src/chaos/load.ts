import { GridClient, type SignedEnvelope, type Signer } from '@gridtokenx/client';
import { native } from '@gridtokenx/crypto-native';
import type { Prng } from '@gridtokenx/kernel';
import type { LedgerIdentity, Operation } from '@gridtokenx/protocol';
import { Members, type KeyedLedger } from '../replay/members.js';

/** What a load is made for. */
export interface LoadOptions {
  /** Of the gateway. */
  readonly url: string;
  readonly prng: Prng;
  /** Operations a second that all traders offer together. */
  readonly rate: number;
}

/** Something that is done again and again. */
export interface Work {
  /** On average, between two times. */
  readonly pauseMs: number;
  run(): Promise<void>;
}

export const TRADERS = 24;
export const OPERATIONS_PER_ENVELOPE = 5;
/** A client that is patient enough for any outage that is made here. */
const ATTEMPTS = 200;

/**
 * People who use a ledger through the gateway all the time, each with a key of their own. What was acknowledged is
 * remembered; from then on it may not be lost.
 */
export abstract class Load {
  /** Ids of operations the gateway has answered 202 for. */
  readonly acknowledged = new Set<string>();
  /** Requests that were refused although nothing is wrong with them. */
  readonly refusals: string[] = [];
  /** Those whom the genesis knows; what they send counts as what the traders do. */
  readonly members: Members;
  protected readonly client: GridClient;
  protected readonly prng: Prng;
  private readonly rate: number;
  private running = false;
  private workers: Promise<void>[] = [];

  constructor(ledger: KeyedLedger & { readonly identity: LedgerIdentity }, { url, prng, rate }: LoadOptions) {
    this.client = new GridClient({ url, identity: ledger.identity, crypto: native, attempts: ATTEMPTS });
    this.members = new Members(ledger, this.client, native, (ids) => this.acknowledge(ids));
    this.prng = prng;
    this.rate = rate;
  }

  /** What the traders need before they begin. */
  abstract prepare(): Promise<void>;

  protected abstract works(): readonly Work[];

  start(): void {
    if (this.running) return;
    this.running = true;
    this.workers = this.works().map((work) => this.forever(work));
  }

  /** Resolves when everything that was sent is acknowledged. */
  async stop(): Promise<void> {
    this.running = false;
    await Promise.all(this.workers);
    this.workers = [];
  }

  /** Sends nothing more, and waits for nothing. */
  abandon(): void {
    this.running = false;
  }

  /** One of the traders, at a pace at which all of them together keep the rate. */
  protected trader(run: () => Promise<void>): Work {
    return { pauseMs: (1_000 * OPERATIONS_PER_ENVELOPE * TRADERS) / this.rate, run };
  }

  /** Signs and sends an envelope of a trader; resolves when it is durable on the bus. */
  protected async send(signer: Signer, operations: readonly Operation[]): Promise<SignedEnvelope> {
    const envelope = signer.sign(operations);
    await this.client.submit(envelope);
    this.acknowledge(envelope.operationIds);
    return envelope;
  }

  private async forever({ pauseMs, run }: Work): Promise<void> {
    while (this.running) {
      try {
        await run();
      } catch (error) {
        this.refusals.push(error instanceof Error ? error.message : String(error));
      }
      await new Promise((done) => setTimeout(done, pauseMs * (0.5 + this.prng.below(1_000) / 1_000)));
    }
  }

  private acknowledge(ids: readonly string[]): void {
    for (const id of ids) this.acknowledged.add(id);
  }
}
