import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A process of the system: started, known to be ready, ended by its own id. */
export interface Service {
  readonly name: string;
  readonly pid: number;
  /** The line of JSON it printed when it was ready. */
  readonly ready: Readonly<Record<string, unknown>>;
  /** What it counted, as it told last. */
  counters(): Readonly<Record<string, number>>;
  /** Resolves with how it ended. */
  readonly ended: Promise<string>;
  /** SIGTERM, and SIGKILL when it does not end within ten seconds. */
  stop(): Promise<void>;
  /** SIGKILL, as a crash would; or the signal by which the service kills what it keeps. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** A signal that does not end it. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
}

export interface ServiceCommand {
  readonly name: string;
  /** Path of the script. */
  readonly script: string;
  readonly args: readonly string[];
  readonly nodeArgs?: readonly string[];
  readonly logFolder: string;
  readonly timeoutMs?: number;
}

const START_TIMEOUT_MS = 120_000;
const STOP_TIMEOUT_MS = 10_000;
const LOG_LINES_SHOWN = 12;

/**
 * Starts a Node process and waits for its first line of JSON with an `event` of `ready` or `listening`. It runs in a
 * process group of its own, so that a Ctrl-C reaches the launcher alone and the order of the stop is the launcher's;
 * it ends by itself when its standard input closes, so it never outlives a launcher that was killed.
 */
export async function startService(command: ServiceCommand): Promise<Service> {
  mkdirSync(command.logFolder, { recursive: true });
  const logFile = join(command.logFolder, `${command.name}.log`);
  const child = spawn(process.execPath, [...(command.nodeArgs ?? []), command.script, ...command.args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
    env: { ...process.env, STOP_WITH_STDIN: '1' },
  });
  const log = createWriteStream(logFile, { flags: 'a' });
  child.stderr.pipe(log);
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  let counters: Record<string, number> = {};
  const ready = await readyLine(command, child, ended, logFile, (told) => {
    counters = Object.fromEntries(
      Object.entries(told).flatMap(([name, value]) => (typeof value === 'number' ? [[name, value]] : [])),
    );
  });
  const pid = child.pid;
  if (pid === undefined) throw new Error(`${command.name} has no process id`);
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  return {
    name: command.name,
    pid,
    ready,
    ended,
    counters: () => counters,
    stop: async () => {
      if (isRunning()) child.kill('SIGTERM');
      const timer = setTimeout(() => isRunning() && child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      await ended;
      clearTimeout(timer);
      log.end();
    },
    kill: async (signal = 'SIGKILL') => {
      if (isRunning()) child.kill(signal);
      await ended;
      log.end();
    },
    signal: (signal) => void child.kill(signal),
  };
}

function readyLine(
  { name, timeoutMs = START_TIMEOUT_MS }: ServiceCommand,
  child: ChildProcess,
  ended: Promise<string>,
  logFile: string,
  onCounters: (told: Record<string, unknown>) => void,
): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${name} was not ready after ${timeoutMs / 1000} s; see ${logFile}`));
    }, timeoutMs);
    void ended.then(async (how) => {
      // What it wrote last is still on its way to the file.
      await new Promise((done) => setTimeout(done, 100));
      clearTimeout(timer);
      reject(new Error(`${name} ended while starting (${how}); the end of ${logFile}:\n${tailOf(logFile)}`));
    });
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on('line', (line) => {
      let said: unknown;
      try {
        said = JSON.parse(line);
      } catch {
        return;
      }
      if (typeof said !== 'object' || said === null || !('event' in said)) return;
      if (said.event === 'counters') onCounters(said as Record<string, unknown>);
      if (said.event !== 'ready' && said.event !== 'listening') return;
      clearTimeout(timer);
      resolve(said as Record<string, unknown>);
    });
  });
}

function tailOf(file: string): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-LOG_LINES_SHOWN).join('\n');
  } catch {
    return '(no log)';
  }
}
