import { parseArgs, type ParseArgsConfig } from 'node:util';

const USAGE = `npm run bench -- <name> [options]
  book        operations a second of the market alone, beside nodejs-order-book
  auction     uniform-price clearings: time, growth, memory, and a full book in a block
    --orders N             half bids, half asks; may be repeated (default 1000, 10000 and 100000)
  consortium  the whole path: gateway, bus, validators, projector
    --processes P          of validators (default 1)
    --validators V         (default 21 in one process, else one for each process)
    --projector own|shared in a process of its own, or in the first of the validators' (default shared)
    --batch B              operations in an envelope (default 100)
    --bus embedded|kafka   (default embedded)
    --brokers host:port    a Kafka that runs already; by default one is started from its jars
    --workers N            threads of each ledger process that check envelopes (default 1)
    --entry rest|bus       NDJSON over HTTP, or straight on the topic (default rest)
    --rate N               operations a second offered; may be repeated (default: a search for saturation)
    --from N               where that search begins
    --seconds S            measured at each rate (default 20), after --warm-up S (default 8)
    --overload             then twice the load that saturates, and none
    --dead-leader          kills one validator when the measured seconds begin
    --keys N               accounts with a key each (default 1024)
    --trace                one line for each block
  spine       consortium with its defaults
  public      the same of the public ledger: transfers of GRID, 100 validators; the options are those of consortium
    --validators V         (default 100), --keys N (default 20000), --batch B (default 1)
    --rate N               (default 5400), --seconds S (default 48), --warm-up S (default 18)
    --entry rest|bus       (default bus)
  host        all validators and a projector in this process over a log in memory: CPU for one operation
    --ledger KIND          consortium: orders and more on 21 validators; public: transfers on 100 (default consortium)
    --rate N               operations a second offered (default 5000)
    --batch B              operations in an envelope (default 100; 1 on the public ledger)
    --validators V, --keys N, --seconds S
    --hosts H              among which the validators are shared out (default 1)
    --workers W            threads that check envelopes (default 1)
    --no-projector         without rows and Postgres
    --profile FILE         writes the CPU profile of the measured seconds
  settlement  a day of meters settled as it streams by: time, memory, growth; and a small one through the whole system
    --meters N             with two trades each; may be repeated (default 10000, 100000 and 1000000)
    --whole N              meters of the day that also goes through the ledger; 0 for none (default 1000)
  growth      many accounts and resting orders beside few: cost of an operation, memory, snapshot, restart
    --large N              accounts, and resting orders, of the one (default 1000000)
    --small N              of the other (default 10000)
    --rounds N             blocks of 10,000 operations measured on each (default 30)
  phragmen    the election of validators: time, growth, memory, and the slices that blocks do of it
    --candidates N         (default 1000), for --seats N (default 100)
    --nominators N         with 16 targets each; may be repeated (default 5000, 10000 and 20000)
    --slice N              units of work for a block (default 50000)
    --balancing N          rounds of balancing after the count (default 0)
  era         what an era costs the blocks of the public ledger: snapshot, count, payouts, telling
    --candidates N         (default 1000), --nominators N (default 20000), with 16 targets each
    --blocks N             of an era (default 100)
  idle        CPU and memory of the default system without load
    --seconds S            measured (default 50)
  report      runs all of these and the peers, keeps their JSON in bench/results, writes bench/REPORT.md from it
    --quick                shorter runs, and fewer
    --only NAME            of the plan; may be repeated
    --write-only           runs nothing, and writes the Markdown from the JSON that is there
  --json      one JSON object on the last line`;

const say = (line: string): void => void process.stderr.write(`${line}\n`);

function count(text: string, name: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`--${name} takes a whole number from 1`);
  return value;
}

function countOrNone(text: string, name: string): number {
  return text === '0' ? 0 : count(text, name);
}

function oneOf<const T extends string>(name: string, text: string, ...choices: readonly T[]): T {
  const choice = choices.find((one) => one === text);
  if (choice === undefined) throw new Error(`--${name} is ${choices.join(' or ')}`);
  return choice;
}

const SYSTEM = {
  processes: { type: 'string', default: '1' },
  validators: { type: 'string' },
  projector: { type: 'string', default: 'shared' },
  batch: { type: 'string' },
  bus: { type: 'string', default: 'embedded' },
  brokers: { type: 'string' },
  workers: { type: 'string', default: '1' },
  entry: { type: 'string' },
  rate: { type: 'string', multiple: true, default: [] },
  from: { type: 'string' },
  seconds: { type: 'string' },
  'warm-up': { type: 'string' },
  overload: { type: 'boolean', default: false },
  'dead-leader': { type: 'boolean', default: false },
  keys: { type: 'string' },
  trace: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} satisfies ParseArgsConfig['options'];

/** Blocks of the public ledger are six seconds apart: to see enough of them takes longer. */
const SYSTEM_DEFAULTS = {
  consortium: {
    ...{ validators: '21', batch: '100', entry: 'rest', seconds: '20', warmUp: '8', keys: '1024' },
    rates: [] as readonly string[],
  },
  public: {
    ...{ validators: '100', batch: '1', entry: 'bus', seconds: '48', warmUp: '18', keys: '20000' },
    // Above the target: the measured seconds seldom end with a block.
    rates: ['5400'] as readonly string[],
  },
} as const;
const FIRST_RATE_SIGNED = 1_000;
const FIRST_RATE_BATCHED = 2_500;

async function system(ledger: keyof typeof SYSTEM_DEFAULTS, args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: SYSTEM });
  const usual = SYSTEM_DEFAULTS[ledger];
  if (values.overload && values['dead-leader']) throw new Error('--overload and --dead-leader are two runs');
  const processes = count(values.processes, 'processes');
  const batch = count(values.batch ?? usual.batch, 'batch');
  const rates = values.rate.length > 0 || values.from !== undefined ? values.rate : usual.rates;
  const { runSystemBench } = await import('./system.js');
  const result = await runSystemBench({
    ledger,
    processes,
    validators: count(values.validators ?? (processes === 1 ? usual.validators : String(processes)), 'validators'),
    projector: oneOf('projector', values.projector, 'own', 'shared'),
    batch,
    bus: oneOf('bus', values.bus, 'embedded', 'kafka'),
    ...(values.brokers !== undefined && { brokers: values.brokers.split(',') }),
    workers: countOrNone(values.workers, 'workers'),
    entry: oneOf('entry', values.entry ?? usual.entry, 'rest', 'bus'),
    rates: rates.map((rate) => count(rate, 'rate')),
    firstRate: count(values.from ?? String(batch === 1 ? FIRST_RATE_SIGNED : FIRST_RATE_BATCHED), 'from'),
    seconds: count(values.seconds ?? usual.seconds, 'seconds'),
    warmUpSeconds: count(values['warm-up'] ?? usual.warmUp, 'warm-up'),
    mode: values.overload ? 'overload' : values['dead-leader'] ? 'deadLeader' : 'climb',
    keys: count(values.keys ?? usual.keys, 'keys'),
    trace: values.trace,
    say,
  });
  if (values.json) return void process.stdout.write(`${JSON.stringify(result)}\n`);
  const { lineOf } = await import('./system/run.js');
  for (const run of result.runs) process.stdout.write(`${run.sustained ? 'held ' : 'late '} ${lineOf(run)}\n`);
  for (const [target, met] of Object.entries(result.targetsMet))
    process.stdout.write(`target ${target}: ${met ? 'met' : 'missed'}\n`);
}

async function book(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { json: { type: 'boolean', default: false } } });
  const { runBookBench } = await import('./book.js');
  const result = runBookBench();
  process.stdout.write(`${JSON.stringify(result, undefined, values.json ? undefined : 2)}\n`);
}

async function growth(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      large: { type: 'string', default: '1000000' },
      small: { type: 'string', default: '10000' },
      rounds: { type: 'string', default: '30' },
      json: { type: 'boolean', default: false },
    },
  });
  const { runGrowthBench } = await import('./growth.js');
  const result = await runGrowthBench({
    large: count(values.large, 'large'),
    small: count(values.small, 'small'),
    rounds: count(values.rounds, 'rounds'),
    say,
  });
  process.stdout.write(`${JSON.stringify(result, undefined, values.json ? undefined : 2)}\n`);
}

async function phragmen(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      candidates: { type: 'string', default: '1000' },
      nominators: { type: 'string', multiple: true, default: ['5000', '10000', '20000'] },
      seats: { type: 'string', default: '100' },
      slice: { type: 'string', default: '50000' },
      balancing: { type: 'string', default: '0' },
      json: { type: 'boolean', default: false },
    },
  });
  const { runPhragmenBench } = await import('./phragmen.js');
  const result = runPhragmenBench({
    candidates: count(values.candidates, 'candidates'),
    nominators: values.nominators.map((size) => count(size, 'nominators')),
    seats: count(values.seats, 'seats'),
    slice: count(values.slice, 'slice'),
    balancing: countOrNone(values.balancing, 'balancing'),
    say,
  });
  process.stdout.write(`${JSON.stringify(result, undefined, values.json ? undefined : 2)}\n`);
}

async function settlement(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      meters: { type: 'string', multiple: true },
      whole: { type: 'string', default: '1000' },
      json: { type: 'boolean', default: false },
    },
  });
  const { runSettlementBench } = await import('./settlement.js');
  const sizes = (values.meters ?? ['10000', '100000', '1000000']).map((text) => count(text, 'meters'));
  const result = await runSettlementBench(sizes, countOrNone(values.whole, 'whole'));
  const { metersPerSecond, rssMb, growth, whole } = result;
  if (values.json) process.stdout.write(`${JSON.stringify(result)}\n`);
  else say(`${metersPerSecond} meters a second, ${rssMb} MB, growth ${growth.join(', ')}`);
  if (whole?.equal === false) throw new Error('the day through the system gives other statements');
}

async function auction(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      orders: { type: 'string', multiple: true, default: ['1000', '10000', '100000'] },
      json: { type: 'boolean', default: false },
    },
  });
  const { runAuctionBench } = await import('./auction.js');
  const result = runAuctionBench({ orders: values.orders.map((size) => count(size, 'orders')), say });
  process.stdout.write(`${JSON.stringify(result, undefined, values.json ? undefined : 2)}\n`);
}

async function era(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      candidates: { type: 'string', default: '1000' },
      nominators: { type: 'string', default: '20000' },
      blocks: { type: 'string', default: '100' },
      json: { type: 'boolean', default: false },
    },
  });
  const { runEraBench } = await import('./era.js');
  const result = runEraBench({
    candidates: count(values.candidates, 'candidates'),
    nominators: count(values.nominators, 'nominators'),
    eraBlocks: count(values.blocks, 'blocks'),
    say,
  });
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

const HOST_DEFAULTS = {
  consortium: { seconds: '10', batch: '100', validators: '21', keys: '1024' },
  public: { seconds: '30', batch: '1', validators: '100', keys: '20000' },
} as const;

async function host(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      ledger: { type: 'string', default: 'consortium' },
      rate: { type: 'string', default: '5000' },
      seconds: { type: 'string' },
      batch: { type: 'string' },
      validators: { type: 'string' },
      keys: { type: 'string' },
      workers: { type: 'string', default: '1' },
      hosts: { type: 'string', default: '1' },
      'no-projector': { type: 'boolean', default: false },
      profile: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const { runHostBench } = await import('./host.js');
  const ledger = oneOf('ledger', values.ledger, 'consortium', 'public');
  const usual = HOST_DEFAULTS[ledger];
  const result = await runHostBench({
    ledger,
    rate: count(values.rate, 'rate'),
    seconds: count(values.seconds ?? usual.seconds, 'seconds'),
    batch: count(values.batch ?? usual.batch, 'batch'),
    validators: count(values.validators ?? usual.validators, 'validators'),
    keys: count(values.keys ?? usual.keys, 'keys'),
    hosts: count(values.hosts, 'hosts'),
    workers: Number(values.workers),
    projector: !values['no-projector'],
    profile: values.profile,
  });
  process.stdout.write(`${JSON.stringify(result, undefined, values.json ? undefined : 2)}\n`);
}

async function report(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      'write-only': { type: 'boolean', default: false },
    },
  });
  const { runReport } = await import('./report.js');
  const { failed } = await runReport({ ...values, writeOnly: values['write-only'], say });
  for (const name of failed) say(`${name} failed`);
  return failed.length === 0 ? 0 : 1;
}

async function main(): Promise<number> {
  const [name = '', ...args] = process.argv.slice(2);
  switch (name) {
    case 'book':
      await book(args);
      return 0;
    case 'growth':
      await growth(args);
      return 0;
    case 'settlement':
      await settlement(args);
      return 0;
    case 'auction':
      await auction(args);
      return 0;
    case 'phragmen':
      await phragmen(args);
      return 0;
    case 'era':
      await era(args);
      return 0;
    case 'idle':
      await idle(args);
      return 0;
    case 'host':
      await host(args);
      return 0;
    case 'report':
      return report(args);
    case 'consortium':
    case 'spine':
      await system('consortium', args);
      return 0;
    case 'public':
      await system('public', args);
      return 0;
    default:
      process.stderr.write(`${USAGE}\n`);
      return name === '--help' ? 0 : 2;
  }
}

// What ends with this process, a broker above all, hangs on its exit; a signal alone would not tell them.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
}
// Kept-alive connections must not keep a finished bench alive.
process.exit();
