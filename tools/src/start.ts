import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { INTERVAL_MS } from '@gridtokenx/kernel';
import { isFreePort } from '@gridtokenx/testkit';
import { keepAnchored } from './anchoring.js';
import { START_USAGE, startArguments, UsageError, type StartArguments } from './arguments.js';
import { loadPrices } from './replay/prices.js';
import { loadReadings } from './replay/readings.js';
import { replay } from './replay/replay.js';
import { lockFolder } from './system/folder-lock.js';
import { forget } from './system/reset.js';
import { startSystem, type RunningSystem } from './system/system.js';

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const PORT = 8080;
const DATA = fileURLToPath(new URL('../../data/', import.meta.url));

async function start(options: StartArguments): Promise<number> {
  const folder = resolve(options.folder);
  const unlock = await lockFolder(folder);
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      if (stop.signal.aborted) return;
      say('stopping');
      stop.abort();
    });
  try {
    if (options.reset) {
      await forget(folder, options.databaseUrl);
      say('the stored state is gone; a new ledger begins');
    }
    return await run(options, folder, stop.signal);
  } finally {
    await unlock();
  }
}

async function run(options: StartArguments, folder: string, signal: AbortSignal): Promise<number> {
  const port = options.port ?? ((await isFreePort(PORT)) ? PORT : 0);
  const system = await startSystem({
    ...options,
    folder,
    port,
    rate: Math.round(INTERVAL_MS / 1000 / options.secondsPerInterval),
    restart: true,
    say,
    ...(options.withPublic && { public: {} }),
  });
  const stopped = new AbortController();
  try {
    say(`GridTokenX ${system.ledger.identity.ledgerId} answers at ${system.url}`);
    const others = system.publicLedger?.identity;
    if (others !== undefined)
      say(`${others.ledgerId}, with ${others.genesis.validators.length} validators, answers under /v1/public`);
    if (system.publicLedger !== undefined) {
      say(`what it anchors and publishes of the consortium: ${system.url}/v1/public/proofs`);
      void anchor(system, AbortSignal.any([signal, stopped.signal]));
    }
    say(`21 validators, ${options.bus} bus; state and logs in ${folder}; Ctrl-C stops`);
    const interrupted = new Promise<void>((done) => {
      if (signal.aborted) done();
      signal.addEventListener('abort', () => done());
    });
    if (options.replay) {
      const [readings, prices, genesis] = await Promise.all([
        loadReadings(DATA),
        loadPrices(DATA),
        readFile(system.ledger.genesisFile),
      ]);
      const work = replay({
        url: system.url,
        ledger: system.ledger,
        genesis: new Uint8Array(genesis),
        folder,
        data: DATA,
        databaseUrl: system.databaseUrl,
        readings,
        prices,
        intervals: options.intervals,
        say,
        signal,
      });
      const result = await Promise.race([work, interrupted, system.failed]);
      if (result !== undefined && options.exitAfterReplay) return result.faults.length === 0 ? 0 : 1;
      if (result !== undefined) say('The replay is done; the ledger goes on. Ctrl-C stops it.');
    }
    await Promise.race([interrupted, system.failed]);
    return 0;
  } finally {
    stopped.abort();
    await system.stop();
  }
}

/** Never rejects: what the ledgers do does not depend on who anchors. */
async function anchor({ url, ledger, publicLedger }: RunningSystem, signal: AbortSignal): Promise<void> {
  if (publicLedger === undefined) return;
  const genesis = new Uint8Array(await readFile(ledger.genesisFile));
  await keepAnchored({ url, genesis, publicLedger, say, signal });
}

try {
  const options = startArguments(process.argv.slice(2));
  if (options === undefined) say(START_USAGE);
  else process.exitCode = await start(options);
} catch (error) {
  process.exitCode = error instanceof UsageError ? 2 : 1;
  process.stderr.write(
    error instanceof UsageError
      ? `${error.message}\n\n${START_USAGE}\n`
      : `${error instanceof Error ? error.stack : String(error)}\n`,
  );
}
// Timers of requests in flight must not keep a stopped system's launcher alive.
process.exit();
