import { parseArgs } from 'node:util';

const USAGE = `npm run bench -- <name> [options]
  book     operations a second of the market alone, beside nodejs-order-book
  spine    the whole path: REST, bus, 21 validators, projector
    --bus embedded|kafka   (default embedded)
    --brokers host:port    a Kafka that runs already; by default one is started from its jars
    --rate N               operations a second offered; may be repeated (default: a search for saturation)
    --seconds S            measured at each rate (default 20)
    --envelope-size N      operations in an envelope (default 100)
    --keys N               accounts with a key each (default 1024)
    --trace                one line for each block
  idle     CPU and memory of the default system without load
    --seconds S            measured (default 50)
  --json   one JSON object on the last line`;

const SEARCH = ['2500', '5000', '7500', '10000', '12500'];

function spineOptions(args: string[]) {
  return parseArgs({
    args,
    options: {
      bus: { type: 'string', default: 'embedded' },
      brokers: { type: 'string' },
      rate: { type: 'string', multiple: true, default: SEARCH },
      seconds: { type: 'string', default: '20' },
      'envelope-size': { type: 'string', default: '100' },
      keys: { type: 'string', default: '1024' },
      trace: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  }).values;
}

function count(text: string, name: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`--${name} takes a whole number from 1`);
  return value;
}

async function spine(args: string[]): Promise<void> {
  const values = spineOptions(args);
  if (values.bus !== 'embedded' && values.bus !== 'kafka') throw new Error('--bus is embedded or kafka');
  const { lineOf, runSpineBench } = await import('./spine.js');
  const result = await runSpineBench({
    bus: values.bus,
    ...(values.brokers === undefined ? {} : { brokers: values.brokers.split(',') }),
    rates: values.rate.map((rate) => count(rate, 'rate')),
    seconds: count(values.seconds, 'seconds'),
    envelopeSize: count(values['envelope-size'], 'envelope-size'),
    keys: count(values.keys, 'keys'),
    trace: values.trace,
    say: (line) => void process.stderr.write(`${line}\n`),
  });
  if (values.json) return void process.stdout.write(`${JSON.stringify(result)}\n`);
  for (const run of result.runs) process.stdout.write(`${run.sustained ? 'held ' : 'late '} ${lineOf(run)}\n`);
}

async function book(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { json: { type: 'boolean', default: false } } });
  const { runBookBench } = await import('./book.js');
  const result = runBookBench();
  process.stdout.write(`${JSON.stringify(result, undefined, values.json ? undefined : 2)}\n`);
}

async function idle(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { seconds: { type: 'string', default: '50' }, json: { type: 'boolean', default: false } },
  });
  const { runIdleBench } = await import('./idle.js');
  const result = await runIdleBench(count(values.seconds, 'seconds'));
  process.stdout.write(`${JSON.stringify(result, undefined, values.json ? undefined : 2)}\n`);
}

async function main(): Promise<number> {
  const [name = '', ...args] = process.argv.slice(2);
  switch (name) {
    case 'book':
      await book(args);
      return 0;
    case 'idle':
      await idle(args);
      return 0;
    case 'spine':
      await spine(args);
      return 0;
    default:
      process.stderr.write(`${USAGE}\n`);
      return name === '--help' ? 0 : 2;
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
}
// Kept-alive connections must not keep a finished bench alive.
process.exit();
