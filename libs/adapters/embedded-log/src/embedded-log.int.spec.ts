import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Log, LogRecord } from '@gridtokenx/runtime';
import pg from 'pg';
import { logContract } from '../../../runtime/src/log.contract.js';
import { startPostgres } from '../../../testkit/src/postgres.js';
import { createEmbeddedLog } from './log.js';
import { byteaArray, sessionConfig } from './session.js';

logContract('the embedded Postgres', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'gridtokenx-log-'));
  let postgres = await startPostgres({ folder });
  const { url, port } = postgres;

  /** An append by hand, with the adapter's own session settings, that never reaches its commit. */
  async function halfAnAppend(topic: string): Promise<pg.Client> {
    const client = new pg.Client(sessionConfig(url));
    client.on('error', () => undefined);
    await client.connect();
    await client.query('begin');
    await client.query('select gridtokenx_log.append($1, $2)', [topic, byteaArray([Buffer.from('half')])]);
    return client;
  }

  return {
    open: () => createEmbeddedLog({ connectionString: url }),
    async stallWriter(topic) {
      const client = await halfAnAppend(topic);
      return { end: () => client.end().catch(() => undefined) };
    },
    async killWriter(topic) {
      const client = await halfAnAppend(topic);
      // Its socket is closed by the system, as when the process is killed.
      (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
    },
    async restart() {
      await postgres.stop();
      postgres = await startPostgres({ folder, port });
    },
    async killAndStart() {
      await postgres.kill();
      postgres = await startPostgres({ folder, port });
    },
    async stop() {
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
});

describe('a topic with retention', () => {
  it('loses its oldest records, and neither its end nor the place of the others', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'gridtokenx-log-'));
    const postgres = await startPostgres({ folder });
    const log = createEmbeddedLog({ connectionString: postgres.url, trimEveryMs: 0 });
    await log.ensureTopics([{ name: 'short', retentionMs: 50 }, { name: 'long' }]);
    const begunMs = Date.now();
    let appended = 0;
    // Each append trims what is older than 50 ms by now.
    while (Date.now() < begunMs + 500) {
      for (const topic of ['short', 'long']) {
        expect(await log.append(topic, [Buffer.from(String(appended))])).toBe(appended);
      }
      appended++;
    }
    const [first, kept] = [await firstRecord(log, 'short'), await firstRecord(log, 'long')];
    expect(first.offset).toBeGreaterThan(0);
    expect(Buffer.from(first.value).toString()).toBe(String(first.offset));
    expect(kept.offset).toBe(0);
    expect(await log.end('short')).toBe(appended);
    // The last trim may still be under way.
    const isAtRest = async (): Promise<boolean> =>
      (await log.offsetAtTime('short', 0)) === (await firstRecord(log, 'short')).offset;
    for (let tries = 0; !(await isAtRest()); tries++) expect(tries).toBeLessThan(100);
    await log.close();
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  });
});

async function firstRecord(log: Log, topic: string): Promise<LogRecord> {
  return new Promise((done) => {
    const subscription = log.subscribe(topic, 0, async ([record]) => {
      if (record !== undefined) done(record);
      void subscription.close();
    });
  });
}
