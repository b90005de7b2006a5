import {
  LogError,
  RECORD_BYTES_MAX,
  type Log,
  type LogRecord,
  type Subscription,
  type TopicSpec,
} from '@gridtokenx/runtime';

interface MemoryTopic {
  readonly records: LogRecord[];
  readonly wakers: Set<() => void>;
}

/** The Log port in memory: for tests and demos of the core. Nothing survives the process; `now` stamps the records. */
export class MemoryLog implements Log {
  private readonly topics = new Map<string, MemoryTopic>();
  private closed = false;

  constructor(private readonly now: () => number = Date.now) {}

  async ensureTopics(topics: readonly TopicSpec[]): Promise<void> {
    for (const { name } of topics)
      if (!this.topics.has(name)) this.topics.set(name, { records: [], wakers: new Set() });
  }

  private topic(name: string): MemoryTopic {
    if (this.closed) throw new LogError('log.closed', name);
    const topic = this.topics.get(name);
    if (topic === undefined) throw new LogError('log.unknownTopic', name);
    return topic;
  }

  async append(name: string, values: readonly Uint8Array[]): Promise<number> {
    const topic = this.topic(name);
    const first = topic.records.length;
    for (const value of values)
      if (value.length > RECORD_BYTES_MAX) throw new LogError('log.recordTooLarge', `${value.length} bytes`);
    for (const value of values)
      topic.records.push({ offset: topic.records.length, timestampMs: this.now(), value: value.slice() });
    for (const wake of topic.wakers) wake();
    return first;
  }

  subscribe(name: string, from: number, handler: (records: readonly LogRecord[]) => Promise<void>): Subscription {
    const topic = this.topic(name);
    let open = true;
    let wake = (): void => {};
    const onAppend = (): void => wake();
    topic.wakers.add(onAppend);
    const run = async (): Promise<void> => {
      let next = from;
      while (open && !this.closed) {
        const batch = topic.records.slice(next, next + 1000);
        if (batch.length > 0) {
          next += batch.length;
          await handler(batch);
        } else await new Promise<void>((resolve) => (wake = resolve));
      }
    };
    const failed = run().finally(() => topic.wakers.delete(onAppend));
    // A failure nobody looks at must not take the process down.
    failed.catch(() => {});
    return {
      failed,
      close: async () => {
        open = false;
        wake();
        await failed.catch(() => {});
      },
    };
  }

  async end(name: string): Promise<number> {
    return this.topic(name).records.length;
  }

  async offsetAtTime(name: string, timestampMs: number): Promise<number> {
    const { records } = this.topic(name);
    const index = records.findIndex((record) => record.timestampMs >= timestampMs);
    return index < 0 ? records.length : index;
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const { wakers } of this.topics.values()) for (const wake of wakers) wake();
  }
}
