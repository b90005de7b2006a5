// `npm test`: the unit suites, then those that need a database or a bus, then those that run the built processes.
//   node tools/test.mjs [unit] [int] [e2e] [-- arguments for jest]
// Starts a Kafka broker for the suites where Java and Maven allow it, says what was left out and why, and ends with the
// sum alone on a line. KAFKA_BROKERS names a broker to use instead; KAFKA_REQUIRED=1 makes a missing one a failure.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { resolveJars, startBroker, whyNoBroker } from './kafka/broker.mjs';
import { installedNode, root } from './node24.mjs';

const KINDS = ['unit', 'int', 'e2e'];
const dashes = process.argv.indexOf('--');
const asked = process.argv.slice(2, dashes === -1 ? undefined : dashes);
const forJest = dashes === -1 ? [] : process.argv.slice(dashes + 1);
for (const kind of asked)
  if (!KINDS.includes(kind)) {
    console.error(`there is no kind of test called '${kind}'; there are ${KINDS.join(', ')}`);
    process.exit(1);
  }
const kinds = asked.length === 0 ? KINDS : KINDS.filter((kind) => asked.includes(kind));

const scratch = mkdtempSync(join(tmpdir(), 'gridtokenx-test-'));
const sum = { passed: 0, failed: 0, skipped: 0 };
const leftOut = [];
let broker;
let jest;

for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => {
    jest?.kill(signal);
    process.exit(1); // The broker ends with this process.
  });

try {
  if (kinds.includes('unit')) await run('unit');
  if (kinds.some((kind) => kind !== 'unit')) await provideKafka();
  for (const kind of kinds) if (kind !== 'unit') await run(kind);
} finally {
  await broker?.stop();
  rmSync(scratch, { recursive: true, force: true });
}

for (const line of leftOut) console.log(`left out: ${line}`);
const skipped = sum.skipped === 0 ? '' : `, ${sum.skipped} skipped`;
console.log(`${sum.passed} passed, ${sum.failed} failed${skipped}`);
process.exitCode = sum.failed === 0 ? 0 : 1;

/** Sets KAFKA_BROKERS for all suites, and KAFKA_LIBS for those that start a broker of their own. */
async function provideKafka() {
  try {
    const why = whyNoBroker();
    if (why === undefined) process.env.KAFKA_LIBS = resolveJars();
    if (process.env.KAFKA_BROKERS) return;
    if (why !== undefined) throw new Error(why);
    broker = await startBroker({ folder: join(scratch, 'kafka') });
    process.env.KAFKA_BROKERS = broker.brokers;
    console.log(`a Kafka broker for the suites runs at ${broker.brokers}`);
  } catch (error) {
    leftOut.push(`Kafka suites (${error.message})`);
    if (process.env.KAFKA_REQUIRED !== '1') return;
    sum.failed += 1;
    console.error(`KAFKA_REQUIRED=1, and there is no Kafka: ${error.message}`);
  }
}

async function run(kind) {
  console.log(`\n${kind} tests`);
  const outputFile = join(scratch, `${kind}.json`);
  const { code, signal } = await spawnJest([
    ...['--selectProjects', kind, '--passWithNoTests', '--json', `--outputFile=${outputFile}`],
    // Each of these suites starts a database or a whole ledger: one at a time, or they starve each other.
    ...(kind === 'e2e' ? ['--runInBand'] : []),
    ...forJest,
  ]);
  if (!existsSync(outputFile)) {
    console.error(`jest left no result for the ${kind} tests (${signal ?? `exit code ${code}`})`);
    sum.failed += 1;
    return;
  }
  add(kind, JSON.parse(readFileSync(outputFile, 'utf8')), code);
}

function spawnJest(args) {
  const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  const script = join('node_modules', 'jest', 'bin', 'jest.js');
  return new Promise((done, failed) => {
    // Jest says what happens on standard error; on standard output it would repeat the whole JSON.
    jest = spawn(installedNode(), [...flags, script, ...args], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
    jest.once('error', failed);
    jest.once('exit', (code, signal) => done({ code, signal }));
  });
}

function add(kind, result, code) {
  // A suite that could not even be loaded has no failed test, but has failed.
  const failed = result.numFailedTests + result.numRuntimeErrorTestSuites;
  const skipped = result.numPendingTests + result.numTodoTests;
  sum.passed += result.numPassedTests;
  sum.failed += failed === 0 && code !== 0 ? 1 : failed;
  sum.skipped += skipped;
  for (const { name, assertionResults } of result.testResults) {
    const idle = assertionResults.filter(({ status }) => status === 'pending' || status === 'todo').length;
    if (idle > 0) leftOut.push(`${idle} of ${assertionResults.length} ${kind} tests of ${relative(root, name)}`);
  }
}
