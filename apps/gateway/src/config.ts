import { anyText, ConfigError, integerBetween, oneOf, readConfig, type ConfigSources } from '@gridtokenx/nest';
import { busOf, PROCESS_OPTIONS, type ProcessConfig } from '@gridtokenx/process';

const SPEC = {
  ...PROCESS_OPTIONS,
  publicGenesisFile: {
    env: 'PUBLIC_GENESIS_FILE',
    flag: 'public-genesis',
    help: 'the genesis file of the public ledger, which is then served too',
    parse: anyText,
    fallback: undefined as string | undefined,
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
};

export interface GatewayConfig extends ProcessConfig {
  readonly publicGenesisFile: string | undefined;
  readonly host: string;
  readonly port: number;
  readonly mode: 'development';
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
  busOf(config);
  return config;
}
