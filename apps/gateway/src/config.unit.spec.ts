import { describe, expect, it } from '@jest/globals';
import { gatewayConfig } from './config.js';

const env = { GENESIS_FILE: 'genesis.json', DATABASE_URL: 'postgres://x' };

describe('the configuration of the gateway', () => {
  it('needs a genesis file and a database, and listens to this machine only', () => {
    expect(gatewayConfig({ argv: [], env })).toEqual({
      genesisFile: 'genesis.json',
      databaseUrl: 'postgres://x',
      publicGenesisFile: undefined,
      bus: 'embedded',
      brokers: [],
      host: '127.0.0.1',
      port: 0,
      mode: 'development',
      countersMs: 0,
    });
    expect(() => gatewayConfig({ argv: [], env: {} })).toThrow('config.missing');
  });

  it.each(['127.0.0.1', '127.1.2.3', '::1', 'localhost'])('may listen at %s', (host) => {
    expect(gatewayConfig({ argv: ['--host', host], env }).host).toBe(host);
  });

  it.each(['0.0.0.0', '::', '10.0.0.1', 'example.org', '127.0.0.1.example.org', ''])(
    'does not open its reads at %j',
    (host) => {
      expect(() => gatewayConfig({ argv: ['--host', host], env })).toThrow('config.openReads');
    },
  );

  it('wants brokers for Kafka', () => {
    expect(() => gatewayConfig({ argv: ['--bus', 'kafka'], env })).toThrow('config.missing');
    expect(gatewayConfig({ argv: ['--bus=kafka', '--brokers=a:1,b:2'], env }).brokers).toEqual(['a:1', 'b:2']);
  });

  it('knows one mode', () => {
    expect(() => gatewayConfig({ argv: ['--mode', 'production'], env })).toThrow('config.invalid');
  });
});
