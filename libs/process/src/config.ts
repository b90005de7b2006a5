import { anyText, ConfigError, COUNTERS, listOf, oneOf } from '@gridtokenx/nest';
import type { Bus } from './bus.js';

/** What each process has to know of the ledger, the database and the bus; for `readConfig`, beside what is its own. */
export const PROCESS_OPTIONS = {
  genesisFile: { env: 'GENESIS_FILE', flag: 'genesis', help: 'the genesis file of the ledger', parse: anyText },
  databaseUrl: {
    env: 'DATABASE_URL',
    flag: 'database-url',
    help: 'the Postgres of the read models, and of the embedded bus',
    parse: anyText,
  },
  bus: {
    env: 'BUS',
    flag: 'bus',
    help: 'embedded or kafka',
    parse: oneOf('embedded', 'kafka'),
    fallback: 'embedded' as const,
  },
  brokers: {
    env: 'KAFKA_BROKERS',
    flag: 'brokers',
    help: 'host:port of Kafka brokers, with commas',
    parse: listOf,
    fallback: [] as readonly string[],
  },
  countersMs: COUNTERS,
};

export interface ProcessConfig {
  readonly genesisFile: string;
  readonly databaseUrl: string;
  readonly bus: 'embedded' | 'kafka';
  readonly brokers: readonly string[];
  readonly countersMs: number;
}

/** Throws ConfigError. */
export function busOf({ bus, brokers, databaseUrl }: Pick<ProcessConfig, 'bus' | 'brokers' | 'databaseUrl'>): Bus {
  if (bus === 'embedded') return { kind: bus, databaseUrl };
  if (brokers.length === 0)
    throw new ConfigError('config.missing', 'set KAFKA_BROKERS or --brokers: --bus kafka needs a broker');
  return { kind: bus, brokers };
}
