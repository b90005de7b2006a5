import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { genesisAnchor, GridClient } from '@gridtokenx/client';
import { native } from '@gridtokenx/crypto-native';
import { Members } from './replay/members.js';
import type { Scene, Stage } from './scenes/scene.js';
import { tradeScene } from './scenes/trade.js';
import { openDevelopmentLedger, type DevelopmentLedger } from './system/development-ledger.js';
import { startSystem } from './system/system.js';

/** All scenes, in the order in which they are played. */
const SCENES: readonly Scene[] = [tradeScene];

const USAGE = `npm run demo -- [options]
  --scene <name>      play only this scene (may be repeated): ${SCENES.map(({ name }) => name).join(', ')}
  --url <url>         use a running gateway instead of bringing up a system of its own
  --data <folder>     with --url: where the running system keeps its keys (default .gridtokenx)
  --genesis <file>    the genesis file to trust (default: the one in the folder)
  --json              print one JSON object on the last line`;

/** Fast enough that the first interval ends while the accounts are being opened. */
const DEMO_RATE = 300;

function demoArguments() {
  return parseArgs({
    options: {
      scene: { type: 'string', multiple: true, default: [] },
      url: { type: 'string' },
      data: { type: 'string', default: '.gridtokenx' },
      genesis: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  }).values;
}

async function play(
  scenes: readonly Scene[],
  url: string,
  ledger: DevelopmentLedger,
  genesisFile: string,
): Promise<Record<string, unknown>> {
  const anchor = genesisAnchor(new Uint8Array(await readFile(genesisFile)), native);
  const client = new GridClient({ url, identity: anchor.identity, crypto: native });
  const say = (line: string): void => void process.stdout.write(`  ${line}\n`);
  const stage: Stage = { client, members: new Members(ledger, client, native), ledger, anchor, say };
  const results: Record<string, unknown> = {};
  for (const scene of scenes) {
    process.stdout.write(`${scene.name}: ${scene.title}\n`);
    results[scene.name] = await scene.play(stage);
  }
  return results;
}

/** A system in a temporary folder, taken down again whatever happens. */
async function withOwnSystem<T>(use: (url: string, ledger: DevelopmentLedger) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'gridtokenx-demo-'));
  const quiet = (): void => {};
  const interrupted = new Promise<never>((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => reject(new Error('interrupted')));
  });
  interrupted.catch(() => {});
  try {
    process.stdout.write('bringing up a ledger with 21 validators\n');
    const system = await startSystem({
      folder,
      bus: 'embedded',
      brokers: [],
      databaseUrl: undefined,
      port: 0,
      rate: DEMO_RATE,
      restart: false,
      say: quiet,
    });
    try {
      return await Promise.race([use(system.url, system.ledger), interrupted, system.failed]);
    } finally {
      await system.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  let values;
  try {
    values = demoArguments();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : ''}\n\n${USAGE}\n`);
    process.exitCode = 2;
    return;
  }
  if (values.help) return void process.stdout.write(`${USAGE}\n`);
  const unknown = values.scene.filter((name) => !SCENES.some((scene) => scene.name === name));
  if (unknown.length > 0) {
    process.stderr.write(`no scene is called ${unknown.join(', ')}\n\n${USAGE}\n`);
    process.exitCode = 2;
    return;
  }
  const chosen = SCENES.filter(({ name }) => values.scene.length === 0 || values.scene.includes(name));
  const genesisOf = (ledger: DevelopmentLedger): string => values.genesis ?? ledger.genesisFile;
  let scenes: Record<string, unknown>;
  if (values.url === undefined)
    scenes = await withOwnSystem((url, ledger) => play(chosen, url, ledger, genesisOf(ledger)));
  else {
    const ledger = await openDevelopmentLedger(resolve(values.data));
    scenes = await play(chosen, values.url, ledger, genesisOf(ledger));
  }
  if (values.json) process.stdout.write(`${JSON.stringify({ scenes })}\n`);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
}
process.exit();
