import { parseArgs } from 'node:util';

/** What `npm start` takes. Times and counts are whole numbers. */
export interface StartArguments {
  readonly folder: string;
  /** `undefined`: 8080, or a free one where that is taken. */
  readonly port: number | undefined;
  readonly reset: boolean;
  readonly bus: 'embedded' | 'kafka';
  readonly brokers: readonly string[];
  readonly databaseUrl: string | undefined;
  readonly secondsPerInterval: number;
  readonly intervals: number;
  readonly replay: boolean;
  /** Whether the public ledger is brought up beside that of the consortium. */
  readonly withPublic: boolean;
  readonly exitAfterReplay: boolean;
}

export const START_USAGE = `npm start -- [options]
  --reset                       throw the stored state away, also the read models in --database-url; a new ledger begins
  --seconds-per-interval <n>    pace: seconds for 15 minutes of market time (default 4; fixed when a ledger begins)
  --intervals <n>               replay only the first n intervals of the readings (default: the whole week)
  --no-public                   bring up the consortium ledger alone
  --no-replay                   bring the system up and leave it alone
  --exit-after-replay           stop when the statements are printed; exit code 1 if anything is unexplained
  --port <n>                    port of the gateway (default 8080, or a free one where that is taken)
  --data <folder>               where the state stands (default .gridtokenx)
  --bus embedded|kafka          the bus (default embedded)
  --brokers <host:port,...>     of Kafka
  --database-url <url>          a Postgres that is there already; it then also carries the embedded bus
  --help                        this`;

export class UsageError extends Error {}

export const wholeNumber = (name: string, text: string, least: number): number => {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least)) throw new UsageError(`--${name} takes a whole number from ${least}`);
  return value;
};

/** `undefined` when only help was asked for. Throws {@link UsageError}. */
export function startArguments(argv: readonly string[]): StartArguments | undefined {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...argv],
      options: {
        reset: { type: 'boolean', default: false },
        'seconds-per-interval': { type: 'string', default: '4' },
        intervals: { type: 'string', default: '1000000' },
        'no-replay': { type: 'boolean', default: false },
        'no-public': { type: 'boolean', default: false },
        'exit-after-replay': { type: 'boolean', default: false },
        port: { type: 'string' },
        data: { type: 'string', default: '.gridtokenx' },
        bus: { type: 'string', default: 'embedded' },
        brokers: { type: 'string', default: '' },
        'database-url': { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    }));
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'unknown option');
  }
  if (values.help) return undefined;
  const { bus, brokers } = values;
  if (bus !== 'embedded' && bus !== 'kafka') throw new UsageError('--bus is embedded or kafka');
  const list = brokers.split(',').filter((broker) => broker !== '');
  if (bus === 'kafka' && list.length === 0) throw new UsageError('--bus kafka needs --brokers host:port');
  const seconds = wholeNumber('seconds-per-interval', values['seconds-per-interval'], 1);
  if (seconds > 900) throw new UsageError('--seconds-per-interval is at most 900, which is real time');
  return {
    folder: values.data,
    port: values.port === undefined ? undefined : wholeNumber('port', values.port, 0),
    reset: values.reset,
    bus,
    brokers: list,
    databaseUrl: values['database-url'],
    secondsPerInterval: seconds,
    intervals: wholeNumber('intervals', values.intervals, 1),
    replay: !values['no-replay'],
    withPublic: !values['no-public'],
    exitAfterReplay: values['exit-after-replay'],
  };
}
