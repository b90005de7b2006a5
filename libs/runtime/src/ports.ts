/**
 * What the loops need from the outside world. Each port has a contract suite beside it
 * (`*.contract.ts`), which every adapter runs.
 */

/** One record of a topic. `offset` starts at 0 and has no gaps; `timestampMs` is when the log stored it. */
export interface LogRecord {
  readonly offset: number;
  readonly timestampMs: number;
  readonly value: Uint8Array;
}

/** A running reader. `failed` rejects if the reader gives up (its handler threw), and resolves after `close()`. */
export interface Subscription {
  readonly failed: Promise<void>;
  /** Stops after the batch in hand; the handler is not called again once this resolves. A handler must not await it. */
  close(): Promise<void>;
}

/**
 * The bus: topics of one partition, append-only, ordered. Delivery may repeat; nobody has to trust it.
 * Records may be up to 16 MiB. Errors carry `code` from {@link LogError}.
 */
export interface Log {
  /** Creates the topics that are missing. Idempotent. */
  ensureTopics(topics: readonly TopicSpec[]): Promise<void>;
  /**
   * Appends the values in their order, next to each other, and resolves with the offset of the first one once all are durable.
   * Concurrent calls from one process for one topic keep the order in which they were made. Others' records may stand
   * between the values of one call only if these are more than {@link RECORD_BYTES_MAX} together.
   * While the store is away it is tried again for some 30 s, so values may be stored twice; a call that is rejected with
   * `log.unavailable` may have been stored, too.
   */
  append(topic: string, values: readonly Uint8Array[]): Promise<number>;
  /**
   * Calls `handler` with batches in offset order, starting at `from`, forever; waits for new records without busy polling.
   * The next batch is handed over when the handler's promise resolves. A handler that throws ends the subscription.
   * Goes on by itself after the store was away. Starts at the first record still kept if `from` was trimmed, and waits
   * if `from` is still to come. Goes on with the first record of a topic that was deleted and made anew meanwhile: offsets
   * then begin again.
   */
  subscribe(topic: string, from: number, handler: (records: readonly LogRecord[]) => Promise<void>): Subscription;
  /** The offset the next record will get, which is also how many records were ever stored. */
  end(topic: string): Promise<number>;
  /** The first offset whose record was stored at or after `timestampMs`; `end` if there is none. */
  offsetAtTime(topic: string, timestampMs: number): Promise<number>;
  /** Ends the subscriptions, finishes the appends under way (for some seconds), and refuses what comes after. */
  close(): Promise<void>;
}

export interface TopicSpec {
  readonly name: string;
  /** How long records are kept, in milliseconds; `undefined` means for ever. */
  readonly retentionMs?: number;
}

export type LogErrorCode = 'log.unavailable' | 'log.recordTooLarge' | 'log.unknownTopic' | 'log.closed';

export class LogError extends Error {
  constructor(
    readonly code: LogErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(`${code}: ${message}`, options);
    this.name = 'LogError';
  }
}

export const RECORD_BYTES_MAX = 16 * 1024 * 1024;

/** Wall time in milliseconds since 1970, and timers; virtual in the simulator. */
export interface Clock {
  now(): number;
  /** Calls back once at or after `atMs`; the returned function takes it back. */
  at(atMs: number, callback: () => void): () => void;
}
