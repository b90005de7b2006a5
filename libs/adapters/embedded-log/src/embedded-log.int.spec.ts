import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
