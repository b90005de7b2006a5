import { connect as connectPlain } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { KafkaConfig } from 'kafkajs';
import { Cluster, silent } from './internals.js';
import type { Broker, FetchedMessage, SocketRequest } from './internals.js';

const CONNECT_MS = 3_000;
const ANSWER_MS = 10_000;
/** How long the brokers may take to replicate before they refuse a write. */
const REPLICATION_MS = 10_000;
const KEEP_ALIVE_MS = 60_000;
const NEVER_MS = 2 ** 31;
/** With no transactions on our topics, what is replicated is what there is. */
const READ_UNCOMMITTED = 0;
const ALL_REPLICAS = -1;
const NO_REPLICA = -1;
export const EARLIEST = -2;
export const LATEST = -1;

export interface SessionOptions {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly ssl?: KafkaConfig['ssl'];
  readonly sasl?: KafkaConfig['sasl'];
}

/** One idempotent producer's place in a topic: the broker knows a repeated batch by it. */
export interface ProducerPlace {
  readonly producerId: string;
  readonly producerEpoch: number;
  sequence: number;
}

/** A connection to the leader of one topic's partition. After any error it is thrown away and another one opened. */
export interface Session {
  isOpen(): boolean;
  initProducer(): Promise<ProducerPlace>;
  /** Resolves with the offset of the first value. */
  produce(place: ProducerPlace, values: readonly Uint8Array[]): Promise<number>;
  /** Waits up to `maxWaitMs` for a record; gives whole batches, so records below `offset` may come first. */
  fetch(offset: number, maxWaitMs: number, bytesMax: number): Promise<readonly FetchedMessage[]>;
  /** The first offset at or after a time (or {@link EARLIEST}, {@link LATEST}); -1 if there is none. */
  listOffset(timestampMs: number): Promise<number>;
  destroy(): void;
}

export async function openSession(options: SessionOptions, topic: string): Promise<Session> {
  const sockets = new Set<Socket>();
  let open = true;
  let fail: (error: Error) => void = () => undefined;
  const broken = new Promise<never>((_, reject) => (fail = reject));
  broken.catch(() => undefined);

  function destroy(): void {
    open = false;
    for (const socket of sockets) socket.destroy();
    fail(new Error('the connection to Kafka is closed'));
  }

  function openSocket({ host, port, ssl, onConnect }: SocketRequest): Socket {
    const socket =
      ssl === undefined || ssl === null
        ? connectPlain({ host, port }, onConnect)
        : connectTls({ host, port, ...ssl }, onConnect);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    sockets.add(socket);
    socket.once('close', destroy);
    if (!open) socket.destroy();
    return socket;
  }

  /** kafkajs would look for late answers with a timer per connection, ten times a second; this is one per request. */
  async function answer<T>(request: Promise<T>, withinMs: number): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`Kafka did not answer in ${withinMs} ms`)), withinMs);
    });
    request.catch(() => undefined);
    try {
      return await Promise.race([request, broken, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async function findLeader(): Promise<Broker> {
    const cluster = new Cluster({
      brokers: [...options.brokers],
      clientId: options.clientId,
      ...(options.ssl === undefined ? {} : { ssl: options.ssl }),
      ...(options.sasl === undefined ? {} : { sasl: options.sasl }),
      logger: silent,
      socketFactory: openSocket,
      connectionTimeout: CONNECT_MS,
      authenticationTimeout: CONNECT_MS,
      reauthenticationThreshold: ANSWER_MS,
      requestTimeout: ANSWER_MS,
      enforceRequestTimeout: false,
      metadataMaxAge: NEVER_MS,
      allowAutoTopicCreation: false,
      maxInFlightRequests: null,
      isolationLevel: READ_UNCOMMITTED,
      retry: { retries: 0 },
    });
    await cluster.connect();
    await cluster.addTargetTopic(topic);
    const partitions = cluster.findTopicPartitionMetadata(topic);
    const only = partitions[0];
    if (only === undefined || partitions.length > 1) {
      throw new Error(`${topic} has ${partitions.length} partitions; a topic whose order matters has one`);
    }
    return cluster.findBroker({ nodeId: only.leader });
  }

  let leader: Broker;
  try {
    leader = await answer(findLeader(), ANSWER_MS);
  } catch (error) {
    destroy();
    throw error;
  }

  return {
    isOpen: () => open,

    async initProducer() {
      const request = { transactionalId: undefined, transactionTimeout: ANSWER_MS };
      const { producerId, producerEpoch } = await answer(leader.initProducerId(request), ANSWER_MS);
      return { producerId, producerEpoch, sequence: 0 };
    },

    async produce({ producerId, producerEpoch, sequence }, values) {
      const messages = values.map((value) => ({
        value: Buffer.from(value.buffer, value.byteOffset, value.byteLength),
      }));
      const partitions = [{ partition: 0, firstSequence: sequence, messages }];
      const topicData = [{ topic, partitions }];
      const request = { topicData, producerId, producerEpoch, acks: ALL_REPLICAS, timeout: REPLICATION_MS };
      const response = await answer(leader.produce(request), REPLICATION_MS + ANSWER_MS);
      return Number(response.topics[0]?.partitions[0]?.baseOffset ?? -1);
    },

    async fetch(offset, maxWaitMs, bytesMax) {
      const partitions = [{ partition: 0, fetchOffset: String(offset), maxBytes: bytesMax }];
      const request = {
        replicaId: NO_REPLICA,
        isolationLevel: READ_UNCOMMITTED,
        maxWaitTime: maxWaitMs,
        minBytes: 1,
        maxBytes: bytesMax,
        topics: [{ topic, partitions }],
      };
      const response = await answer(leader.fetch(request), maxWaitMs + ANSWER_MS);
      return response.responses[0]?.partitions[0]?.messages ?? [];
    },

    async listOffset(timestampMs) {
      const topics = [{ topic, partitions: [{ partition: 0, timestamp: String(timestampMs) }] }];
      const request = { replicaId: NO_REPLICA, isolationLevel: READ_UNCOMMITTED, topics };
      const response = await answer(leader.listOffsets(request), ANSWER_MS);
      return Number(response.responses[0]?.partitions[0]?.offset ?? -1);
    },

    destroy,
  };
}
