// CometBFT beside us: four nodes with its key-value application, which verifies no signature, on 127.0.0.1 to 127.0.0.4.
//   node bench/peers/cometbft.mjs [--rate N ...] [--seconds S] [--warm-up S] [--mempool N] [--json]
// Builds it through the Go module proxy where Go is installed, gives each rate a fresh network, and leaves nothing but
// Go's own caches behind. Nothing else needs it. Needs a build of this repository (npm run build).
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ProcessTree, stolenSeconds } from '../dist/consortium/processes.js';
import { commit, machine } from '../dist/machine.js';
import { difference, percentile, rounded, roundedEach, slopeOf, sumOf } from '../dist/statistics.js';

const VERSION = 'v0.38.19';
const PACKAGE = `github.com/cometbft/cometbft/cmd/cometbft@${VERSION}`;
const BUILD_MS_MAX = 15 * 60_000;
const NODES = 4;
const TX_BYTES = 190;
/** What a node takes in one HTTP request unless it is told otherwise. */
const TXS_PER_REQUEST = 10;
const CONNECTIONS_PER_NODE = 8;
const POLL_MS = 50;
const MEMORY_EVERY_MS = 1_000;
const START_MS_MAX = 30_000;
const DRAIN_MS_MAX = 30_000;
const STOP_MS_MAX = 10_000;

const addressOf = (node) => `127.0.0.${node + 1}`;
const until = (ms) => pause(Math.max(0, ms - Date.now()));
const totalOf = (values) => values.reduce((sum, value) => sum + value, 0);
const say = (line) => process.stderr.write(`${line}\n`);

function build(folder) {
  const found = spawnSync('go', ['version'], { encoding: 'utf8' });
  if (found.status !== 0) throw new Error('Go is not installed, and CometBFT comes as Go source');
  say(`building CometBFT ${VERSION} with ${found.stdout.trim()}`);
  const env = { ...process.env, GOBIN: join(folder, 'bin'), GOFLAGS: '-mod=mod' };
  const { status, stderr } = spawnSync('go', ['install', PACKAGE], { env, encoding: 'utf8', timeout: BUILD_MS_MAX });
  if (status !== 0) throw new Error(`go install ${PACKAGE} failed:\n${stderr}`);
  return join(folder, 'bin', 'cometbft');
}

/** A port that is free at each of the addresses. */
async function freePort() {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = 20_000 + Math.floor(Math.random() * 20_000);
    const free = await Promise.all(Array.from({ length: NODES }, (_, node) => isFree(port, addressOf(node))));
    if (free.every(Boolean)) return port;
  }
  throw new Error('no port is free');
}

function isFree(port, host) {
  return new Promise((done) => {
    const server = createServer();
    server.once('error', () => done(false));
    server.listen(port, host, () => server.close(() => done(true)));
  });
}

async function startNetwork(binary, folder, mempool) {
  const home = (node) => join(folder, `node${node}`);
  const made = spawnSync(
    binary,
    ['testnet', '--v', String(NODES), '--o', folder, '--starting-ip-address', addressOf(0)],
    { encoding: 'utf8' },
  );
  if (made.status !== 0) throw new Error(`cometbft testnet failed:\n${made.stderr}`);
  const [p2p, rpc] = [await freePort(), await freePort()];
  for (let node = 0; node < NODES; node++) {
    const file = join(home(node), 'config', 'config.toml');
    writeFileSync(file, configured(readFileSync(file, 'utf8'), addressOf(node), p2p, rpc, mempool));
  }
  const nodes = Array.from({ length: NODES }, (_, node) => startNode(binary, home(node)));
  const urls = nodes.map((_, node) => `http://${addressOf(node)}:${rpc}`);
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const deadline = Date.now() + START_MS_MAX;
    while ((await Promise.all(urls.map(heightOf))).some((height) => height < 2)) {
      if (Date.now() > deadline) throw new Error(`CometBFT made no block in ${START_MS_MAX} ms; ${nodes[0].tail()}`);
      await pause(POLL_MS);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { urls, pids: nodes.map(({ pid }) => pid), stop };
}

/** Addresses of its own, blocks a second apart; all else as it comes. */
function configured(text, address, p2p, rpc, mempool) {
  const replaced = (within, from, to) => {
    if (!from.test(within)) throw new Error(`this CometBFT has no ${from} in its configuration`);
    return within.replace(from, to);
  };
  return [
    [/^laddr = "tcp:\/\/127\.0\.0\.1:26657"$/m, `laddr = "tcp://${address}:${rpc}"`],
    [/^laddr = "tcp:\/\/0\.0\.0\.0:26656"$/m, `laddr = "tcp://${address}:${p2p}"`],
    [/^persistent_peers = .*$/m, (line) => line.replaceAll(':26656', `:${p2p}`)],
    [/^timeout_commit = .*$/m, 'timeout_commit = "1s"'],
    [/^size = \d+$/m, `size = ${mempool}`],
    [/^log_level = .*$/m, 'log_level = "error"'],
  ].reduce((config, [from, to]) => replaced(config, from, to), text);
}

/** Ends when this process does: its shell kills it once our end of the pipe is gone. */
function startNode(binary, home) {
  const logFile = join(home, 'node.log');
  const log = openSync(logFile, 'a');
  const script = '"$@" & node=$!; cat > /dev/null; kill -9 $node; wait $node';
  const child = spawn('sh', ['-c', script, 'sh', binary, 'start', '--home', home, '--proxy_app', 'kvstore'], {
    stdio: ['pipe', log, log],
  });
  closeSync(log);
  const ended = new Promise((done) => child.once('exit', done));
  return {
    pid: child.pid,
    tail: () => readFileSync(logFile, 'utf8').split('\n').slice(-10).join('\n'),
    stop: async () => {
      child.stdin.end();
      const patience = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
      await ended;
      clearTimeout(patience);
    },
  };
}

async function call(url, method, params = {}) {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  });
  const { result, error } = await answer.json();
  if (error !== undefined) throw new Error(`${method}: ${error.message} ${error.data ?? ''}`);
  return result;
}

const heightOf = (url) =>
  call(url, 'status').then(
    ({ sync_info }) => Number(sync_info.latest_block_height),
    () => 0,
  );

/** A transaction is a key and a value, no signature. */
function transaction() {
  const key = randomBytes(16).toString('hex');
  return Buffer.from(`${key}=${'v'.repeat(TX_BYTES - key.length - 1)}`).toString('base64');
}

/** For each transaction of the group whether the node took it. */
function broadcast(agent, url, group) {
  const body = JSON.stringify(
    group.map((tx, id) => ({ jsonrpc: '2.0', id, method: 'broadcast_tx_sync', params: { tx } })),
  );
  return new Promise((done) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const outgoing = request(url, { method: 'POST', agent, headers }, (answer) => {
      const chunks = [];
      answer.on('data', (chunk) => chunks.push(chunk));
      answer.on('error', () => done([]));
      answer.on('end', () => {
        try {
          const answers = [JSON.parse(Buffer.concat(chunks).toString())].flat();
          const taken = new Set(answers.filter(({ result }) => result?.code === 0).map(({ id }) => id));
          done(group.map((_, id) => taken.has(id)));
        } catch {
          done([]);
        }
      });
    });
    outgoing.on('error', () => done([]));
    outgoing.end(body);
  });
}

async function runAt(network, rate, seconds, warmUpSeconds) {
  const { urls, pids } = network;
  const groups = Array.from({ length: Math.ceil((rate * (warmUpSeconds + seconds)) / TXS_PER_REQUEST) }, () =>
    Array.from({ length: TXS_PER_REQUEST }, transaction),
  );
  const tree = new ProcessTree(
    new Map([...pids.map((pid, node) => [pid, `node-${node + 1}`]), [process.pid, 'generator']]),
  );
  const firstHeight = (await heightOf(urls[0])) + 1;
  const arrivedMs = new Map();
  let watching = true;
  const watch = (async () => {
    let next = firstHeight;
    while (watching) {
      const height = await heightOf(urls[0]);
      for (; next <= height; next++) arrivedMs.set(next, Date.now());
      await pause(POLL_MS);
    }
  })();

  const startMs = Date.now() + 300;
  const measuredFrom = startMs + warmUpSeconds * 1000;
  const measuredTo = measuredFrom + seconds * 1000;
  const agents = urls.map(() => new Agent({ keepAlive: true, maxSockets: CONNECTIONS_PER_NODE }));
  const acked = new Map();
  const ackMs = [];
  let offered = 0;
  let refused = 0;
  const send = async (group, at, dueMs) => {
    const node = at % NODES;
    if (dueMs >= measuredFrom && dueMs < measuredTo) offered += group.length;
    const taken = await broadcast(agents[node], urls[node], group);
    const now = Date.now();
    if (dueMs >= measuredFrom && dueMs < measuredTo) ackMs.push(now - dueMs);
    for (const [i, tx] of group.entries())
      if (taken[i] === true) acked.set(tx, { dueMs, ackMs: now });
      else refused++;
  };
  const sending = (async () => {
    const under = [];
    for (const [at, group] of groups.entries()) {
      const dueMs = startMs + (at * TXS_PER_REQUEST * 1000) / rate;
      if (dueMs > Date.now()) await until(dueMs);
      under.push(send(group, at, dueMs));
    }
    await Promise.all(under);
  })();

  await until(measuredFrom);
  const [cpuBefore, stolenBefore, cpuFrom] = [tree.cpu(), stolenSeconds(), Date.now()];
  let memory = {};
  while (Date.now() < measuredTo) {
    await until(Math.min(measuredTo, Date.now() + MEMORY_EVERY_MS));
    const sample = tree.memoryMb();
    if (sumOf(sample) > sumOf(memory)) memory = sample;
  }
  const elapsed = (Date.now() - cpuFrom) / 1000;
  const cpuByProcess = difference(tree.cpu(), cpuBefore, elapsed);
  const stolenCores = rounded((stolenSeconds() - stolenBefore) / elapsed);

  // A network that has collapsed may never answer all of it.
  await Promise.race([sending, pause(DRAIN_MS_MAX, undefined, { ref: false })]);
  const deadline = Date.now() + DRAIN_MS_MAX;
  for (;;) {
    const waiting = await call(urls[0], 'num_unconfirmed_txs').then(
      ({ total }) => Number(total),
      () => 1,
    );
    if (waiting === 0 || Date.now() > deadline) break;
    await pause(10 * POLL_MS);
  }
  await pause(2_000);
  watching = false;
  await watch;
  for (const agent of agents) agent.destroy();

  const blocks = [];
  for (const [height, atMs] of arrivedMs) {
    const { block } = await call(urls[0], 'block', { height: String(height) });
    const round = arrivedMs.has(height - 1) ? block.last_commit.round : 0;
    blocks.push({ atMs, txs: block.data.txs ?? [], operations: block.data.txs?.length ?? 0, parentRound: round });
  }
  const inWindow = (ms) => ms >= measuredFrom && ms < measuredTo;
  const finality = [];
  const decided = new Set();
  for (const { atMs, txs } of blocks)
    for (const tx of txs) {
      decided.add(tx);
      const sent = acked.get(tx);
      if (sent !== undefined && inWindow(sent.dueMs)) finality.push(Math.max(0, atMs - sent.ackMs));
    }
  const window = blocks.filter(({ atMs }) => inWindow(atMs));
  const committedPerSecond = slopeOf(window);
  return {
    offeredPerSecond: rate,
    loadOffered: Math.round(offered / seconds),
    committedPerSecond: Math.round(committedPerSecond),
    finalityMsP50: percentile(finality, 0.5),
    finalityMsP90: percentile(finality, 0.9),
    finalityMsP99: percentile(finality, 0.99),
    finalityMsMax: percentile(finality, 1),
    ackMsP99: Math.round(percentile(ackMs, 0.99)),
    cpuCores: rounded(sumOf(cpuByProcess)),
    stolenCores,
    cpuByProcess,
    rssMb: Math.round(sumOf(memory)),
    rssByProcess: roundedEach(memory),
    blocks: window.length,
    operationsPerBlock: Math.round(totalOf(window.map(({ operations }) => operations)) / Math.max(1, window.length)),
    roundsPerHeight: rounded(totalOf(window.map(({ parentRound }) => parentRound + 1)) / Math.max(1, window.length)),
    refused,
    notDecided: [...acked.keys()].filter((tx) => !decided.has(tx)).length,
    cpuUsPerOperation: Math.round((sumOf(cpuByProcess) * 1e6) / Math.max(1, committedPerSecond)),
  };
}

async function main() {
  const { values } = parseArgs({
    options: {
      rate: { type: 'string', multiple: true, default: ['1000', '2000', '4000', '6000'] },
      seconds: { type: 'string', default: '20' },
      'warm-up': { type: 'string', default: '8' },
      mempool: { type: 'string', default: '5000' },
      json: { type: 'boolean', default: false },
    },
  });
  const about = { machine: machine(), commit: commit() };
  const folder = mkdtempSync(join(tmpdir(), 'gridtokenx-cometbft-'));
  let network;
  const leave = async () => {
    await network?.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void leave().then(() => process.exit(1)));
  try {
    const binary = build(folder);
    const mempool = Number(values.mempool);
    const runs = [];
    for (const rate of values.rate.map(Number)) {
      say(`${rate}/s: starting ${NODES} nodes`);
      network = await startNetwork(binary, join(folder, `at-${rate}`), mempool);
      const run = await runAt(network, rate, Number(values.seconds), Number(values['warm-up']));
      await network.stop();
      network = undefined;
      runs.push(run);
      say(
        `${run.offeredPerSecond}/s offered  ${run.committedPerSecond}/s committed  finality ${run.finalityMsP50} / ` +
          `${run.finalityMsP99} ms  ack p99 ${run.ackMsP99} ms  ${run.cpuCores} cores  ${run.rssMb} MB  ` +
          `${run.refused} refused  ${run.notDecided} not decided`,
      );
    }
    const result = { peer: 'CometBFT', version: VERSION, nodes: NODES, txBytes: TX_BYTES, mempool };
    const shape = { seconds: Number(values.seconds), runs, ...about };
    process.stdout.write(`${JSON.stringify({ ...result, ...shape }, undefined, values.json ? undefined : 2)}\n`);
  } finally {
    await leave();
  }
}

main().then(
  () => process.exit(0),
  (error) => {
    say(error instanceof Error ? (error.stack ?? error.message) : String(error));
    process.exit(1);
  },
);
