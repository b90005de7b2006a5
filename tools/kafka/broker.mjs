// A real Kafka broker (KRaft, one node) from its own jars, for tests and for a look by hand:
//   node tools/kafka/broker.mjs             prints the address and runs until Ctrl-C
//   node tools/kafka/broker.mjs --resolve   only fetches the jars
import { spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const HOST = '127.0.0.1';
const JAVA_MAJOR_MIN = 17;
const START_MS_MAX = 60_000;
const STOP_MS_MAX = 20_000;
const POLL_MS = 100;
/** Records of 17 MiB (a part of 16 MiB and what is around it) must pass. */
const RECORD_BYTES_MAX = 20 * 1024 * 1024;

const java = () => (process.env.JAVA_HOME ? join(process.env.JAVA_HOME, 'bin', 'java') : 'java');
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

export function whyNoBroker() {
  const version = spawnSync(java(), ['-version'], { encoding: 'utf8' });
  const major = Number(/version "(?:1\.)?(\d+)/.exec(version.stderr ?? '')?.[1] ?? 0);
  const missing = [];
  if (major < JAVA_MAJOR_MIN) missing.push(major === 0 ? `no Java ${JAVA_MAJOR_MIN}+` : `Java ${major} is too old`);
  if (!process.env.KAFKA_LIBS && !areJarsHere() && spawnSync('mvn', ['-v'], { shell: isWindows }).status !== 0)
    missing.push('no Maven');
  return missing.length === 0 ? undefined : missing.join(', ');
}

const isWindows = process.platform === 'win32';
const pom = join(here, 'pom.xml');
const jars = join(here, 'libs');
const jarsStamp = join(jars, '.pom-sha256');
const pomHash = () => createHash('sha256').update(readFileSync(pom)).digest('hex');
const areJarsHere = () => existsSync(jarsStamp) && readFileSync(jarsStamp, 'utf8') === pomHash();

export function resolveJars() {
  if (process.env.KAFKA_LIBS) return resolve(process.env.KAFKA_LIBS);
  if (areJarsHere()) return jars;
  rmSync(jars, { recursive: true, force: true });
  const args = ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${jars}`];
  const { status, stdout, stderr, error } = spawnSync('mvn', args, { encoding: 'utf8', shell: isWindows });
  if (status !== 0) throw new Error(`Maven could not fetch the jars of Kafka: ${error?.message ?? stdout + stderr}`);
  writeFileSync(jarsStamp, pomHash());
  return jars;
}

export async function startBroker({ folder: given, port: wanted }) {
  const folder = resolve(given);
  const classPath = join(resolveJars(), '*');
  const port = wanted ?? (await freePort());
  const brokers = `${HOST}:${port}`;
  mkdirSync(folder, { recursive: true });
  const properties = join(folder, 'server.properties');
  writeFileSync(properties, serverProperties(folder, port, await freePort()));
  format(classPath, properties, folder);

  let running; // The broker's process and the promise of its end, while there is one.

  async function start() {
    const log = openSync(join(folder, 'broker.log'), 'a');
    const child = spawn(java(), ['-Xmx512m', '-cp', classPath, 'kafka.Kafka', properties], {
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    const ended = new Promise((done) => {
      child.once('exit', done);
      child.once('error', done);
    });
    const orphan = () => child.kill('SIGKILL'); // No broker outlives who started it.
    process.once('exit', orphan);
    const current = { child, ended, isOver: false };
    running = current;
    void ended.then(() => {
      current.isOver = true;
      process.removeListener('exit', orphan);
    });
    const deadline = Date.now() + START_MS_MAX;
    while (!(await answers(port))) {
      if (current.isOver) throw new Error(`Kafka ended while starting:\n${tail(join(folder, 'broker.log'))}`);
      if (Date.now() > deadline) {
        await end('SIGKILL');
        throw new Error(`Kafka did not answer in ${START_MS_MAX} ms:\n${tail(join(folder, 'broker.log'))}`);
      }
      await sleep(POLL_MS);
    }
  }

  async function end(signal) {
    if (running === undefined) return;
    const { child, ended } = running;
    running = undefined;
    child.kill(signal);
    const patience = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
    await ended;
    clearTimeout(patience);
  }

  await start();
  return {
    brokers,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    async restart() {
      await end('SIGTERM');
      await start();
    },
  };
}

function serverProperties(folder, port, controllerPort) {
  const listeners = `PLAINTEXT://${HOST}:${port},CONTROLLER://${HOST}:${controllerPort}`;
  return Object.entries({
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.bootstrap.servers': `${HOST}:${controllerPort}`,
    listeners,
    'advertised.listeners': listeners,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': join(folder, 'data').replaceAll('\\', '/'),
    'auto.create.topics.enable': false,
    'message.max.bytes': RECORD_BYTES_MAX,
    'replica.fetch.max.bytes': RECORD_BYTES_MAX,
    'replica.fetch.response.max.bytes': 2 * RECORD_BYTES_MAX,
    'fetch.max.bytes': 4 * RECORD_BYTES_MAX,
    // One node: nothing is replicated, and the internal topics stay small so that starting stays quick.
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 4,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    // A killed broker may register again only when its old session is over.
    'broker.session.timeout.ms': 4_000,
    'broker.heartbeat.interval.ms': 1_000,
    'group.initial.rebalance.delay.ms': 0,
    'log.cleaner.dedupe.buffer.size': 16 * 1024 * 1024,
  })
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}

/** Once a folder: a broker that is started on an old folder keeps its data. */
function format(classPath, properties, folder) {
  if (existsSync(join(folder, 'data', 'meta.properties'))) return;
  const clusterId = randomBytes(16).toString('base64url').replace(/^-/, 'A'); // A leading dash would be an option.
  const args = ['-Xmx128m', '-cp', classPath, 'kafka.tools.StorageTool', 'format', '--standalone'];
  const { status, stdout, stderr, error } = spawnSync(java(), [...args, '-t', clusterId, '-c', properties], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`Kafka's storage could not be formatted: ${error?.message ?? stdout + stderr}`);
}

/** Whether a broker at the port answers an ApiVersions request, the first thing that each client sends. */
function answers(port) {
  const correlation = 1;
  const request = Buffer.alloc(14);
  request.writeInt32BE(request.length - 4, 0);
  request.writeInt16BE(18, 4); // ApiVersions, version 0
  request.writeInt32BE(correlation, 8);
  request.writeInt16BE(-1, 12); // no client id
  return new Promise((done) => {
    const socket = connect({ host: HOST, port }, () => socket.write(request));
    const answer = (yes) => {
      socket.destroy();
      done(yes);
    };
    let got = Buffer.alloc(0);
    socket.on('data', (bytes) => {
      got = Buffer.concat([got, bytes]);
      if (got.length >= 10) answer(got.readInt32BE(4) === correlation && got.readInt16BE(8) === 0);
    });
    socket.setTimeout(2_000, () => answer(false));
    socket.on('error', () => answer(false));
    socket.on('close', () => answer(false));
  });
}

function freePort() {
  return new Promise((done, failed) => {
    const server = createServer();
    server.once('error', failed);
    server.listen(0, HOST, () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

const tail = (file) => readFileSync(file, 'utf8').split('\n').slice(-30).join('\n');

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const why = whyNoBroker();
  if (why !== undefined) {
    console.error(`Kafka cannot run here: ${why}`);
    process.exit(1);
  }
  if (process.argv.includes('--resolve')) {
    resolveJars();
    console.log('the jars of Kafka are here');
  } else {
    const folder = mkdtempSync(join(tmpdir(), 'gridtokenx-kafka-'));
    const broker = await startBroker({ folder });
    console.log(broker.brokers);
    const leave = () => {
      void broker.stop().then(() => {
        rmSync(folder, { recursive: true, force: true });
        process.exit(0);
      });
    };
    process.once('SIGINT', leave);
    process.once('SIGTERM', leave);
  }
}
