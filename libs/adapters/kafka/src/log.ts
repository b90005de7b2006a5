import {
  APPEND_DEADLINE_MS,
  createStoreLog,
  logClosed,
  LogError,
  pause,
  RECORD_BYTES_MAX,
  type Log,
  type LogRecord,
  type Read,
  type TopicSpec,
  type Write,
} from '@gridtokenx/runtime';
import type { Admin } from 'kafkajs';
import { errorType, Kafka, logLevel } from './internals.js';
import { LATEST, openSession } from './session.js';
import type { ProducerPlace, Session, SessionOptions } from './session.js';
import { createTopicReader } from './topic-reader.js';

/** The broker counts a batch with what is around its records. */
const BATCH_BYTES_MAX = RECORD_BYTES_MAX + 1024 * 1024;
/** A topic may be unknown for a moment: just created, or a broker that is still starting. */
const UNKNOWN_TOPIC_MS = 1_000;
const SEQUENCE_MAX = 2 ** 31 - 1;
const REPLICAS_WANTED = 3;

/**
 * Deletes topics with all their records: for an operator who makes them anew (docs/operations/chaos.md), and for tests.
 * Those that do not exist are left out. Resolves when they are no longer listed.
 */
export async function deleteTopics(options: SessionOptions, names: readonly string[]): Promise<void> {
  const admin = connectAdmin(options);
  try {
    await admin.connect();
    const listed = async (): Promise<string[]> => (await admin.listTopics()).filter((name) => names.includes(name));
    const topics = await listed();
    if (topics.length > 0) await admin.deleteTopics({ topics });
    // The brokers answer before each of them knows.
    for (let looks = 0; (await listed()).length > 0; looks++) await pause(looks);
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

const connectAdmin = (options: SessionOptions): Admin =>
  new Kafka({
    brokers: [...options.brokers],
    clientId: options.clientId,
    ...(options.ssl === undefined ? {} : { ssl: options.ssl }),
    ...(options.sasl === undefined ? {} : { sasl: options.sasl }),
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
  }).admin();

export interface KafkaLogOptions extends SessionOptions {
  /** Of topics that are created; by default three, or as many as there are brokers. */
  readonly replicationFactor?: number;
  /** A chunk for a handler holds about this, or one batch. */
  readonly chunkBytesMax?: number;
}

const UNKNOWN_TOPIC: ReadonlySet<string> = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 'INVALID_TOPIC_EXCEPTION']);
const TOO_LARGE: ReadonlySet<string> = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']);
/** The broker no longer agrees with the producer's sequence: only a new producer can go on. */
const PRODUCER_LOST: ReadonlySet<string> = new Set([
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'DUPLICATE_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
  'INVALID_PRODUCER_EPOCH',
  'INVALID_PRODUCER_ID_MAPPING',
]);
const FORBIDDEN: ReadonlySet<string> = new Set([
  'TOPIC_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'SASL_AUTHENTICATION_FAILED',
]);

/** The Log port on Kafka. Each topic that is written and each subscription has a connection of its own. */
export function createKafkaLog(options: KafkaLogOptions): Log {
  const { chunkBytesMax = 8 * 1024 * 1024 } = options;
  const sessions = new Map<string, Promise<Session>>(); // For writing and asking; readers have their own.
  const topicsSeen = new Set<string>();
  const closing = new AbortController();

  async function open(topic: string): Promise<Session> {
    const session = await openSession(options, topic);
    topicsSeen.add(topic);
    return session;
  }

  async function sharedSession(topic: string): Promise<Session> {
    const known = sessions.get(topic);
    if (known !== undefined) {
      const session = await known.catch(() => undefined);
      if (session?.isOpen() === true) return session;
      if (sessions.get(topic) === known) sessions.delete(topic);
    }
    let opening = sessions.get(topic);
    if (opening === undefined) {
      opening = open(topic);
      sessions.set(topic, opening);
    }
    return opening;
  }

  async function dropSharedSession(topic: string): Promise<void> {
    const session = await sessions.get(topic)?.catch(() => undefined);
    session?.destroy();
  }

  /** Tries again until the deadline while the trouble may pass. */
  async function persist<T>(
    topic: string,
    deadlineMs: number,
    signal: AbortSignal,
    attempt: () => Promise<T>,
    recover: (type: string | undefined) => Promise<void> | void,
  ): Promise<T> {
    let unknownSinceMs: number | undefined;
    for (let failures = 0; ; failures++) {
      if (closing.signal.aborted) throw logClosed();
      try {
        return await attempt();
      } catch (cause) {
        const type = errorType(cause);
        await recover(type);
        const now = Date.now();
        if (type !== undefined && TOO_LARGE.has(type)) throw new LogError('log.recordTooLarge', topic, { cause });
        if (type === undefined || !UNKNOWN_TOPIC.has(type)) unknownSinceMs = undefined;
        else if (!topicsSeen.has(topic)) {
          unknownSinceMs ??= now;
          if (now - unknownSinceMs >= UNKNOWN_TOPIC_MS) throw new LogError('log.unknownTopic', topic, { cause });
        }
        const hopeless = type !== undefined && FORBIDDEN.has(type);
        if (hopeless || signal.aborted || now >= deadlineMs) {
          if (closing.signal.aborted) throw logClosed(cause);
          throw new LogError('log.unavailable', cause instanceof Error ? cause.message : String(cause), { cause });
        }
        await pause(failures, signal);
      }
    }
  }

  /** One idempotent producer per topic, so that a small vote never waits for a large block of another topic. */
  function createWrite(topic: string): Write {
    let place: ProducerPlace | undefined;
    return async (values, deadlineMs) => {
      const attempt = async (): Promise<number> => {
        const session = await sharedSession(topic);
        if (place === undefined || place.sequence + values.length > SEQUENCE_MAX) place = await session.initProducer();
        const first = await session.produce(place, values);
        // A repeat whose offset the broker has forgotten: written again, by a new producer.
        if (first < 0) throw Object.assign(new Error('no offset'), { type: 'DUPLICATE_SEQUENCE_NUMBER' });
        place.sequence += values.length;
        return first;
      };
      try {
        return await persist(topic, deadlineMs, closing.signal, attempt, async (type) => {
          if (type !== undefined && PRODUCER_LOST.has(type)) place = undefined;
          await dropSharedSession(topic);
        });
      } catch (error) {
        // These values may still have been written. Others sent under the same sequence would be taken for a repeat.
        place = undefined;
        throw error;
      }
    };
  }

  async function ask<T>(topic: string, question: (session: Session) => Promise<T>): Promise<T> {
    const attempt = async (): Promise<T> => question(await sharedSession(topic));
    const deadlineMs = Date.now() + APPEND_DEADLINE_MS;
    return persist(topic, deadlineMs, closing.signal, attempt, () => dropSharedSession(topic));
  }

  function createRead(topic: string): Read {
    const reader = createTopicReader(() => open(topic), chunkBytesMax);
    let signalSeen: AbortSignal | undefined;
    return async (position, signal) => {
      // Ends a waiting fetch. One listener per subscription, not one per chunk.
      if (signalSeen !== signal) signal.addEventListener('abort', reader.drop, { once: true });
      signalSeen = signal;
      while (!signal.aborted) {
        const attempt = (): Promise<readonly LogRecord[]> => reader.next(position, signal);
        const records = await persist(topic, Infinity, signal, attempt, reader.drop);
        if (records.length > 0) return records;
      }
      reader.drop(); // A session may have been opened after the signal.
      return [];
    };
  }

  async function createMissing(specs: readonly TopicSpec[]): Promise<void> {
    const admin = connectAdmin(options);
    try {
      await admin.connect();
      const existing = new Set(await admin.listTopics());
      const missing = specs.filter(({ name }) => !existing.has(name));
      if (missing.length === 0) return;
      const { brokers } = await admin.describeCluster();
      const replicationFactor = options.replicationFactor ?? Math.min(REPLICAS_WANTED, brokers.length);
      const topics = missing.map(({ name, retentionMs }) => ({
        topic: name,
        numPartitions: 1,
        replicationFactor,
        configEntries: Object.entries({
          'cleanup.policy': 'delete',
          'retention.ms': String(retentionMs ?? -1),
          'retention.bytes': '-1',
          'max.message.bytes': String(BATCH_BYTES_MAX),
          'message.timestamp.type': 'LogAppendTime', // The port promises when the log stored it.
          'min.insync.replicas': String(replicationFactor >= REPLICAS_WANTED ? 2 : 1),
          'unclean.leader.election.enable': 'false',
        }).map(([name, value]) => ({ name, value })),
      }));
      await admin.createTopics({ topics, waitForLeaders: true });
    } finally {
      await admin.disconnect().catch(() => undefined);
    }
  }

  return createStoreLog(
    {
      async ensureTopics(specs) {
        const deadlineMs = Date.now() + APPEND_DEADLINE_MS;
        const recover = (): void => undefined;
        await persist('the list of topics', deadlineMs, closing.signal, () => createMissing(specs), recover);
      },
      createWrite,
      createRead,
      end: (topic) => ask(topic, (session) => session.listOffset(LATEST)),
      offsetAtTime: (topic, timestampMs) =>
        ask(topic, async (session) => {
          const found = await session.listOffset(Math.max(0, Math.ceil(timestampMs)));
          return found >= 0 ? found : session.listOffset(LATEST);
        }),
      async close() {
        closing.abort();
        await Promise.all([...sessions.keys()].map(dropSharedSession));
      },
    },
    closing,
  );
}
