import { LogError, type Log, type Subscription, type TopicSpec } from '../ports.js';
import { createAppender, type Appender, type Write } from './appender.js';
import { startReader, type Read } from './reader.js';

/** How long `close()` waits for appends under way; then they are refused. */
const CLOSE_WAIT_MS = 5_000;

/** What an adapter knows of its technology. Each call tries again by itself while the trouble may pass. */
export interface LogBackend {
  ensureTopics(topics: readonly TopicSpec[]): Promise<void>;
  /** Once for each topic that is written; the calls of what it gives do not overlap. */
  createWrite(topic: string): Write;
  /** Once for each subscription. */
  createRead(topic: string): Read;
  end(topic: string): Promise<number>;
  offsetAtTime(topic: string, timestampMs: number): Promise<number>;
  /** Nothing is read or appended any more: gives up what is under way, and the connections. */
  close(): Promise<void>;
}

/** The Log port over one technology: group commit, readers that read ahead, and an end in good order. */
export function createStoreLog(backend: LogBackend, closing: AbortController): Log {
  const appenders = new Map<string, Appender>();
  const subscriptions = new Set<Subscription>();
  let closed: Promise<void> | undefined;

  function refuseWhenClosed(): void {
    if (closed !== undefined) throw logClosed();
  }

  return {
    async ensureTopics(topics) {
      refuseWhenClosed();
      await backend.ensureTopics(topics);
    },

    async append(topic, values) {
      refuseWhenClosed();
      if (values.length === 0) return this.end(topic);
      let appender = appenders.get(topic);
      if (appender === undefined) {
        appender = createAppender(topic, backend.createWrite(topic));
        appenders.set(topic, appender);
      }
      return appender.append(values);
    },

    subscribe(topic, from, handler) {
      refuseWhenClosed();
      const subscription = startReader(from, backend.createRead(topic), handler);
      subscriptions.add(subscription);
      const forget = (): void => void subscriptions.delete(subscription);
      subscription.failed.then(forget, forget);
      return subscription;
    },

    async end(topic) {
      refuseWhenClosed();
      return backend.end(topic);
    },

    async offsetAtTime(topic, timestampMs) {
      refuseWhenClosed();
      return backend.offsetAtTime(topic, timestampMs);
    },

    close() {
      closed ??= (async () => {
        await Promise.all([...subscriptions].map((subscription) => subscription.close()));
        const timer = setTimeout(() => closing.abort(), CLOSE_WAIT_MS);
        await Promise.all([...appenders.values()].map((appender) => appender.idle()));
        clearTimeout(timer);
        await backend.close();
      })();
      return closed;
    },
  };
}

export function logClosed(cause?: unknown): LogError {
  return new LogError('log.closed', 'the log was closed', cause === undefined ? undefined : { cause });
}
