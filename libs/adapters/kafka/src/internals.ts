/**
 * The parts of kafkajs that it does not export. Its consumer can only read through a group, whose join takes seconds and
 * whose offsets nobody needs; its cluster and broker objects read any offset at once. The version is pinned, and checked
 * here, because none of this is promised by kafkajs.
 */
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { KafkaConfig } from 'kafkajs';
import { stopIdleTimers } from './idle-timers.js';
import type { RequestQueueClass } from './idle-timers.js';

const VERSION = '2.2.4';
const require = createRequire(import.meta.url);

const { version } = require('kafkajs/package.json') as { version: string };
if (version !== VERSION) throw new Error(`this adapter knows kafkajs ${VERSION} from the inside, not ${version}`);

export const { Kafka, logLevel } = require('kafkajs') as typeof import('kafkajs');

export interface PartitionMessages {
  readonly partition: number;
  readonly firstSequence: number;
  readonly messages: readonly { readonly value: Buffer }[];
}

export interface Broker {
  readonly nodeId: number;
  initProducerId(request: {
    transactionalId: undefined;
    transactionTimeout: number;
  }): Promise<{ producerId: string; producerEpoch: number }>;
  produce(request: {
    topicData: readonly { topic: string; partitions: readonly PartitionMessages[] }[];
    producerId: string;
    producerEpoch: number;
    acks: number;
    timeout: number;
  }): Promise<{ topics: readonly { partitions: readonly { baseOffset: string }[] }[] }>;
  fetch(request: {
    replicaId: number;
    isolationLevel: number;
    maxWaitTime: number;
    minBytes: number;
    maxBytes: number;
    topics: readonly {
      topic: string;
      partitions: readonly { partition: number; fetchOffset: string; maxBytes: number }[];
    }[];
  }): Promise<{ responses: readonly { partitions: readonly { messages: readonly FetchedMessage[] }[] }[] }>;
  listOffsets(request: {
    replicaId: number;
    isolationLevel: number;
    topics: readonly { topic: string; partitions: readonly { partition: number; timestamp: string }[] }[];
  }): Promise<{ responses: readonly { partitions: readonly { offset: string }[] }[] }>;
}

export interface FetchedMessage {
  readonly offset: string;
  readonly timestamp: string;
  readonly value: Buffer | null;
}

export interface Cluster {
  connect(): Promise<void>;
  addTargetTopic(topic: string): Promise<void>;
  findTopicPartitionMetadata(topic: string): readonly { readonly partitionId: number; readonly leader: number }[];
  findBroker(wanted: { nodeId: number }): Promise<Broker>;
}

interface Logger {
  namespace(): Logger;
  debug(): void;
  info(): void;
  warn(): void;
  error(): void;
}

export interface SocketRequest {
  readonly host: string;
  readonly port: number;
  readonly ssl: ConnectionOptions | undefined;
  readonly onConnect: () => void;
}

export const Cluster = require('kafkajs/src/cluster/index.js') as new (
  options: Pick<KafkaConfig, 'brokers' | 'ssl' | 'sasl' | 'connectionTimeout' | 'requestTimeout'> & {
    clientId: string;
    logger: Logger;
    socketFactory: (request: SocketRequest) => Socket;
    authenticationTimeout: number;
    reauthenticationThreshold: number;
    enforceRequestTimeout: boolean;
    metadataMaxAge: number;
    allowAutoTopicCreation: boolean;
    maxInFlightRequests: null;
    isolationLevel: number;
    retry: { retries: number };
  },
) => Cluster;

stopIdleTimers(require('kafkajs/src/network/requestQueue/index.js') as RequestQueueClass);

/** What goes wrong is thrown, with its cause; kafkajs's own log lines would only repeat it. */
export const silent: Logger = {
  namespace: () => silent,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** The protocol's name of an error (such as OFFSET_OUT_OF_RANGE), looked for through kafkajs's wrappers. */
export function errorType(error: unknown): string | undefined {
  for (let inner = error, depth = 0; inner instanceof Error && depth < 8; inner = inner.cause, depth++) {
    if ('type' in inner && typeof inner.type === 'string') return inner.type;
  }
  return undefined;
}
