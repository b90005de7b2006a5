import { describe, expect, it } from '@jest/globals';
import { anyText, ConfigError, integerBetween, listOf, oneOf, readConfig } from './config.js';

const spec = {
  databaseUrl: { env: 'DATABASE_URL', flag: 'database-url', help: 'where Postgres is', parse: anyText },
  port: { env: 'PORT', flag: 'port', help: 'the port', parse: integerBetween(0, 65_535), fallback: 0 },
  bus: { env: 'BUS', flag: 'bus', help: 'the bus', parse: oneOf('embedded', 'kafka'), fallback: 'embedded' as const },
  brokers: { env: 'BROKERS', flag: 'brokers', help: 'brokers', parse: listOf, fallback: [] },
};

describe('the configuration of a process', () => {
  it('comes from flags, then the environment, then what is usual', () => {
    const env = { DATABASE_URL: 'postgres://env', PORT: '80', BUS: '' };
    expect(readConfig(spec, { argv: ['--port=8080', '--brokers', 'a:1, b:2'], env })).toEqual({
      databaseUrl: 'postgres://env',
      port: 8080,
      bus: 'embedded',
      brokers: ['a:1', 'b:2'],
    });
  });

  it.each([
    [[], {}, 'config.missing'],
    [['--database-url'], {}, 'config.invalid'],
    [['--databse-url', 'x'], {}, 'config.unknownFlag'],
    [['x'], {}, 'config.unknownFlag'],
    [['--database-url', 'x', '--port', '65536'], {}, 'config.invalid'],
    [['--database-url', 'x', '--port', '1e3'], {}, 'config.invalid'],
    [['--database-url', 'x'], { BUS: 'rabbit' }, 'config.invalid'],
  ])('is refused: %j %j is %s', (argv, env, code) => {
    expect(() => readConfig(spec, { argv, env })).toThrow(ConfigError);
    expect(() => readConfig(spec, { argv, env })).toThrow(code);
  });

  it('does not repeat a value that it refuses', () => {
    const env = { DATABASE_URL: 'x', PORT: 'secret' };
    expect(() => readConfig(spec, { argv: [], env })).toThrow(
      expect.not.stringContaining('secret') as unknown as string,
    );
  });
});
