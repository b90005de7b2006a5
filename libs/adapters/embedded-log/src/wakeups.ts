import { pause, sleep } from '@gridtokenx/runtime';
import pg from 'pg';
import { CHANNEL, SQL } from './schema.js';
import { sessionConfig } from './session.js';

/** How late a reader may notice a record whose writer died between its commit and its NOTIFY. */
const SAFETY_POLL_MS = 2_000;

export interface Wakeups {
  /** Grows with each sign that the topic has new records. Taken before a read, it makes the wait after it safe. */
  seen(topic: string): number;
  /** Resolves when `seen(topic)` is no longer `since`, or when the signal says stop. */
  wait(topic: string, since: number, signal: AbortSignal): Promise<void>;
  /** Says that this process has appended: wakes the readers here at once, and those elsewhere by NOTIFY. */
  announce(topic: string): void;
  close(): Promise<void>;
}

/**
 * One connection that listens and notifies. The NOTIFY is not part of the append: a transaction with a NOTIFY holds a
 * lock of the whole database until its commit is on disk, so topics would wait for each other. Sent after the commit it
 * may be lost with its sender, hence the slow poll: one small query for all readers of a process.
 */
export function createWakeups(connectionString: string): Wakeups {
  const counts = new Map<string, number>();
  const waiters = new Map<string, Set<() => void>>();
  const heads = new Map<string, string>();
  const dirty = new Set<string>();
  const closing = new AbortController();
  let client: pg.Client | undefined;
  let running: Promise<void> | undefined;
  let flushing: Promise<void> | undefined;

  function bump(topic: string): void {
    counts.set(topic, (counts.get(topic) ?? 0) + 1);
    const woken = waiters.get(topic);
    if (woken === undefined) return;
    waiters.delete(topic);
    for (const wake of woken) wake();
  }

  /** Keeps one connection open until `close()`. */
  async function run(): Promise<void> {
    for (let attempt = 0; !closing.signal.aborted; attempt++) {
      // An asynchronous commit is enough for a NOTIFY, which does not outlive a crash anyway.
      const opened = new pg.Client(sessionConfig(connectionString, { synchronous_commit: 'off' }));
      const broken = new Promise<void>((done) => {
        opened.on('error', () => done());
        opened.on('end', () => done());
      });
      try {
        await opened.connect();
        let ownPid = 0;
        opened.on('notification', ({ processId, payload }) => {
          // Readers of this process were woken when the append resolved.
          if (processId !== ownPid && payload !== undefined) bump(payload);
        });
        await opened.query(`listen ${CHANNEL}`);
        const { rows } = await opened.query<{ pid: number }>('select pg_backend_pid() as pid');
        ownPid = rows[0]?.pid ?? 0;
        client = opened;
        attempt = 0;
        for (const topic of [...waiters.keys()]) bump(topic); // What was announced before is not announced again.
        flush();
        await Promise.race([pollWhileOpen(opened), broken]);
      } catch {
        // Not there, or not yet: try again below.
      }
      client = undefined;
      void opened.end().catch(() => undefined);
      await pause(attempt, closing.signal);
    }
  }

  async function pollWhileOpen(opened: pg.Client): Promise<void> {
    while (!closing.signal.aborted) {
      await sleep(SAFETY_POLL_MS, closing.signal);
      if (closing.signal.aborted) return;
      if (waiters.size === 0) continue;
      const { rows } = await opened.query<{ name: string; next_offset: string }>({ name: 'heads', text: SQL.heads });
      for (const { name, next_offset } of rows) {
        if (heads.get(name) !== next_offset) bump(name);
        heads.set(name, next_offset);
      }
    }
  }

  function flush(): void {
    flushing ??= (async () => {
      while (dirty.size > 0 && client !== undefined) {
        const topics = [...dirty];
        dirty.clear();
        await client.query({ name: 'notify', text: SQL.notify, values: [topics] });
      }
    })()
      .catch(() => undefined) // Readers elsewhere find it by their poll.
      .finally(() => (flushing = undefined));
  }

  function start(): void {
    running ??= run();
  }

  return {
    seen: (topic) => counts.get(topic) ?? 0,
    async wait(topic, since, signal) {
      start();
      if (signal.aborted || (counts.get(topic) ?? 0) !== since) return;
      await new Promise<void>((done) => {
        const set = waiters.get(topic) ?? new Set();
        waiters.set(topic, set);
        const wake = (): void => {
          signal.removeEventListener('abort', wake);
          set.delete(wake);
          if (set.size === 0 && waiters.get(topic) === set) waiters.delete(topic);
          done();
        };
        set.add(wake);
        signal.addEventListener('abort', wake, { once: true });
      });
    },
    announce(topic) {
      start();
      bump(topic);
      dirty.add(topic);
      flush();
    },
    async close() {
      await flushing;
      closing.abort();
      await running;
    },
  };
}
