import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { genesisAnchor, GridClient } from '@gridtokenx/client';
import { native } from '@gridtokenx/crypto-native';
import { Members } from './replay/members.js';
import { publicStage, type Scene, type Stage } from './scenes/scene.js';
import { governanceScene } from './scenes/governance.js';
import { tradeScene } from './scenes/trade.js';
import { openDevelopmentLedger, type DevelopmentLedger } from './system/development-ledger.js';
import { openDevelopmentPublicLedger, type DevelopmentPublicLedger } from './system/development-public.js';
import { startSystem } from './system/system.js';

/** All scenes, in the order in which they are played. */
const SCENES: readonly Scene[] = [tradeScene, governanceScene];

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

interface Ledgers {
  readonly consortium: DevelopmentLedger;
  readonly public: DevelopmentPublicLedger;
}

async function play(
  scenes: readonly Scene[],
  url: string,
  { consortium: ledger, public: publicLedger }: Ledgers,
  genesisFile: string,
): Promise<Record<string, unknown>> {
  const anchor = genesisAnchor(new Uint8Array(await readFile(genesisFile)), native);
  const client = new GridClient({ url, identity: anchor.identity, crypto: native });
  const say = (line: string): void => void process.stdout.write(`  ${line}\n`);
  const members = new Members(ledger, client, native);
  const stage: Stage = { client, members, ledger, anchor, public: await publicStage(url, publicLedger), say };
  const results: Record<string, unknown> = {};
  for (const scene of scenes) {
    process.stdout.write(`${scene.name}: ${scene.title}\n`);
    results[scene.name] = await scene.play(stage);
  }
  return results;
}

/** A system in a temporary folder, taken down again whatever happens. */
async function withOwnSystem<T>(use: (url: string, ledgers: Ledgers) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'gridtokenx-demo-'));
  const quiet = (): void => {};
  const interrupted = new Promise<never>((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => reject(new Error('interrupted')));
  });
  interrupted.catch(() => {});
  try {
    process.stdout.write('bringing up a consortium ledger with 21 validators and a public one with 100\n');
    const system = await startSystem({
      folder,
      bus: 'embedded',
      brokers: [],
      databaseUrl: undefined,
      port: 0,
      rate: DEMO_RATE,
      public: {},
      restart: false,
      say: quiet,
    });
    try {
      const { ledger: consortium, publicLedger } = system;
      if (publicLedger === undefined) throw new Error('the system has both ledgers');
      return await Promise.race([use(system.url, { consortium, public: publicLedger }), interrupted, system.failed]);
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
    scenes = await withOwnSystem((url, ledgers) => play(chosen, url, ledgers, genesisOf(ledgers.consortium)));
  else {
    const folder = resolve(values.data);
    const consortium = await openDevelopmentLedger(folder);
    const ledgers = { consortium, public: await openDevelopmentPublicLedger(folder, consortium.identity) };
    scenes = await play(chosen, values.url, ledgers, genesisOf(consortium));
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
