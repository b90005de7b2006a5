import {
  APPEND_DEADLINE_MS,
  createStoreLog,
  logClosed,
  LogError,
  pause,
  type Log,
  type LogRecord,
  type Read,
} from '@gridtokenx/runtime';
import type pg from 'pg';
import { copyRows } from './copy.js';
import type { CopiedRow } from './copy.js';
import { CREATE_LOCK, CREATE_SCHEMA, readQuery, SQL } from './schema.js';
import { byteaArray, createPool, isPassing } from './session.js';
import { createWakeups } from './wakeups.js';

const CHUNK_RECORDS_MAX = 2_000;
const TRIM_ROWS_MAX = 5_000;

export interface EmbeddedLogOptions {
  readonly connectionString: string;
  /** Appends of this many topics can be under way at once. */
  readonly writeConnections?: number;
  /** Shared by all subscriptions; none is held while waiting for new records. */
  readonly readConnections?: number;
  /** A chunk for a handler holds at most this, or one record. */
  readonly chunkBytesMax?: number;
  readonly trimEveryMs?: number;
}

/** The Log port on Postgres 17 or later. See schema.ts for why offsets have no gaps, wakeups.ts for how readers wake. */
export function createEmbeddedLog(options: EmbeddedLogOptions): Log {
  const { connectionString, chunkBytesMax = 8 * 1024 * 1024, trimEveryMs = 60_000 } = options;
  const writePool = createPool(connectionString, options.writeConnections ?? 6);
  const readPool = createPool(connectionString, options.readConnections ?? 4);
  const wakeups = createWakeups(connectionString);
  const trimmedAtMs = new Map<string, number>();
  const closing = new AbortController();
  let schema: Promise<void> | undefined;

  /** Tries again until the deadline while the trouble may pass. */
  async function persist<T>(deadlineMs: number, signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
    for (let failures = 0; ; failures++) {
      if (closing.signal.aborted) throw logClosed();
      try {
        return await attempt();
      } catch (cause) {
        if (cause instanceof LogError) throw cause;
        if (closing.signal.aborted) throw logClosed(cause);
        if (!isPassing(cause) || signal.aborted || Date.now() >= deadlineMs) {
          throw new LogError('log.unavailable', message(cause), { cause });
        }
        await pause(failures, signal);
      }
    }
  }

  /** Other processes may be starting on the same empty database; what exists is not touched. */
  async function createSchema(): Promise<void> {
    const { rows } = await writePool.query<{ found: boolean }>(
      "select to_regprocedure('gridtokenx_log.trim(text,int)') is not null as found",
    );
    if (rows[0]?.found === true) return;
    await writePool.query(`begin; select pg_advisory_xact_lock(${CREATE_LOCK}); ${CREATE_SCHEMA}; commit`);
  }

  async function ready(): Promise<void> {
    schema ??= createSchema();
    try {
      await schema;
    } catch (error) {
      schema = undefined;
      throw error;
    }
  }

  /** One answer of the store, with the usual patience. */
  async function ask<R extends pg.QueryResultRow>(name: string, text: string, values: unknown[]): Promise<R[]> {
    return persist(Date.now() + APPEND_DEADLINE_MS, closing.signal, async () => {
      await ready();
      return (await readPool.query<R>({ name, text, values })).rows;
    });
  }

  async function write(topic: string, values: readonly Uint8Array[], deadlineMs: number): Promise<number> {
    const first = await persist(deadlineMs, closing.signal, async () => {
      await ready();
      const query = { name: 'append', text: SQL.append, values: [topic, byteaArray(values)] };
      return (await writePool.query<{ first_offset: string | null }>(query)).rows[0]?.first_offset;
    });
    if (first === null || first === undefined) throw unknownTopic(topic);
    wakeups.announce(topic);
    trimNowAndThen(topic);
    return Number(first);
  }

  /** The writers keep their topics short. A failure is no one's problem: the next round comes. */
  function trimNowAndThen(topic: string): void {
    const now = Date.now();
    if (now - (trimmedAtMs.get(topic) ?? 0) < trimEveryMs) return;
    trimmedAtMs.set(topic, now);
    void (async () => {
      let trimmed = TRIM_ROWS_MAX;
      while (trimmed === TRIM_ROWS_MAX && !closing.signal.aborted) {
        const query = { name: 'trim', text: SQL.trim, values: [topic, TRIM_ROWS_MAX] };
        trimmed = Number((await writePool.query<{ trimmed: string }>(query)).rows[0]?.trimmed ?? 0);
      }
    })().catch(() => undefined);
  }

  async function copyChunk(query: string): Promise<CopiedRow[]> {
    const client = await readPool.connect();
    // A connection that breaks is reported to the query too; without a listener it would end the process.
    const broken = (): void => undefined;
    client.on('error', broken);
    try {
      const rows = await copyRows(client, query);
      client.off('error', broken);
      client.release();
      return rows;
    } catch (error) {
      client.release(true);
      throw error;
    }
  }

  function createRead(topic: string): Read {
    let topicId: number | undefined;
    let caughtUpAt: number | undefined; // What `seen` said before a read that reached the end.

    async function chunk(position: number): Promise<readonly LogRecord[]> {
      await ready();
      if (topicId === undefined) {
        const found = await readPool.query<{ id: number }>({ name: 'topicId', text: SQL.topicId, values: [topic] });
        topicId = found.rows[0]?.id;
        if (topicId === undefined) throw unknownTopic(topic);
      }
      const seen = wakeups.seen(topic);
      const rows = await copyChunk(readQuery(topicId, position, CHUNK_RECORDS_MAX, chunkBytesMax));
      const last = rows.at(-1);
      caughtUpAt = last === undefined || last.offset + 1 === last.nextOffset ? seen : undefined;
      return rows.map(({ offset, storedMs, value }) => ({ offset, timestampMs: storedMs, value }));
    }

    return async (position, signal) => {
      while (!signal.aborted) {
        if (caughtUpAt !== undefined) await wakeups.wait(topic, caughtUpAt, signal);
        if (signal.aborted) break;
        const records = await persist(Infinity, signal, () => chunk(position));
        if (records.length > 0) return records;
      }
      return [];
    };
  }

  return createStoreLog(
    {
      async ensureTopics(topics) {
        for (const { name, retentionMs = null } of topics) {
          await ask('createTopic', SQL.createTopic, [name, retentionMs]);
          await ask('setRetention', SQL.setRetention, [name, retentionMs]);
        }
      },
      createWrite: (topic) => (values, deadlineMs) => write(topic, values, deadlineMs),
      createRead,
      async end(topic) {
        const row = (await ask<{ next_offset: string }>('end', SQL.end, [topic]))[0];
        if (row === undefined) throw unknownTopic(topic);
        return Number(row.next_offset);
      },
      async offsetAtTime(topic, timestampMs) {
        const values = [topic, Math.ceil(timestampMs)];
        const row = (await ask<{ record_offset: string }>('offsetAt', SQL.offsetAt, values))[0];
        if (row === undefined) throw unknownTopic(topic);
        return Number(row.record_offset);
      },
      async close() {
        await wakeups.close();
        closing.abort();
        await Promise.all([writePool.end(), readPool.end()]);
      },
    },
    closing,
  );
}

function unknownTopic(topic: string): LogError {
  return new LogError('log.unknownTopic', topic);
}

function message(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
