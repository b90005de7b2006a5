import type { LedgerKind } from '@gridtokenx/protocol';
import { sleep } from '@gridtokenx/runtime';
import pg from 'pg';
import { channelOf, READER, sessionConfig } from './session.js';

const RETRY_FIRST_MS = 100;
const RETRY_MOST_MS = 5_000;

export interface Heights {
  /** Resolves with the height that stands as soon as it is at least `least`, or after `timeoutMs` with what stands then. */
  wait(least: number, timeoutMs: number): Promise<number>;
  listen(listener: (height: number) => void): () => void;
  close(): Promise<void>;
}

/**
 * One connection that listens to the projector's commits. A NOTIFY is sent with its transaction, so whoever hears it sees
 * the rows. What was said while the connection was down is made up for by reading the cursor after each connect.
 */
export function createHeights(connectionString: string, kind: LedgerKind): Heights {
  const listeners = new Set<(height: number) => void>();
  const closing = new AbortController();
  let height = -1;
  let running: Promise<void> | undefined;

  function stands(at: number): void {
    height = at;
    for (const listener of [...listeners]) listener(at);
  }

  async function run(): Promise<void> {
    for (let wait = RETRY_FIRST_MS; !closing.signal.aborted; wait = Math.min(wait * 2, RETRY_MOST_MS)) {
      const client = new pg.Client(sessionConfig(connectionString, kind, READER));
      const ended = new Promise<void>((done) => {
        client.on('error', () => done());
        client.on('end', () => done());
        closing.signal.addEventListener('abort', () => done(), { once: true });
      });
      try {
        await client.connect();
        client.on('notification', ({ payload }) => stands(Number(payload)));
        await client.query(`listen ${channelOf(kind)}`);
        const { rows } = await client.query<{ height: string }>('select height from projection_cursor');
        if (rows[0] !== undefined) stands(Number(rows[0].height));
        wait = RETRY_FIRST_MS;
        await ended;
      } catch {
        // Not there, or not yet migrated: again below.
      }
      void client.end().catch(() => undefined);
      if (!closing.signal.aborted) await sleep(wait, closing.signal);
    }
  }

  function start(): void {
    running ??= run();
  }

  return {
    wait(least, timeoutMs) {
      start();
      if (height >= least || closing.signal.aborted) return Promise.resolve(height);
      return new Promise((resolve) => {
        const finish = (): void => {
          clearTimeout(timer);
          listeners.delete(check);
          closing.signal.removeEventListener('abort', finish);
          resolve(height);
        };
        const check = (at: number): void => {
          if (at >= least) finish();
        };
        const timer = setTimeout(finish, timeoutMs);
        listeners.add(check);
        closing.signal.addEventListener('abort', finish, { once: true });
      });
    },
    listen(listener) {
      start();
      // Wrapped, so that the same function given twice is two listeners.
      const own = (at: number): void => listener(at);
      listeners.add(own);
      return () => listeners.delete(own);
    },
    async close() {
      closing.abort();
      await running;
    },
  };
}
