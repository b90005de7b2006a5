import {
  anyText,
  ConfigError,
  COUNTERS,
  integerBetween,
  listOf,
  oneOf,
  readConfig,
  type ConfigSources,
} from '@gridtokenx/nest';

const SPEC = {
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
  host: { env: 'GATEWAY_HOST', flag: 'host', help: 'the address to listen at', parse: anyText, fallback: '127.0.0.1' },
  port: {
    env: 'GATEWAY_PORT',
    flag: 'port',
    help: 'the port to listen at; 0 takes a free one',
    parse: integerBetween(0, 65_535),
    fallback: 0,
  },
  mode: {
    env: 'GATEWAY_MODE',
    flag: 'mode',
    help: 'development: reads are open, to this machine only',
    parse: oneOf('development'),
    fallback: 'development' as const,
  },
  countersMs: COUNTERS,
};

export interface GatewayConfig {
  readonly genesisFile: string;
  readonly databaseUrl: string;
  readonly bus: 'embedded' | 'kafka';
  readonly brokers: readonly string[];
  readonly host: string;
  readonly port: number;
  readonly mode: 'development';
  readonly countersMs: number;
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);

/** Throws ConfigError. */
export function gatewayConfig(sources: ConfigSources): GatewayConfig {
  const config: GatewayConfig = readConfig(SPEC, sources);
  if (!isLoopback(config.host))
    throw new ConfigError(
      'config.openReads',
      'reads are open to whoever reaches the gateway, so it listens on a loopback address only until access control exists',
    );
  if (config.bus === 'kafka' && config.brokers.length === 0)
    throw new ConfigError('config.missing', 'set KAFKA_BROKERS or --brokers: --bus kafka needs a broker');
  return config;
}
