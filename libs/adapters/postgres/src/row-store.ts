import type { BlockRows } from '@gridtokenx/projections';
import { RowStoreError } from '@gridtokenx/runtime';
import type { ApplyResult, ProjectionCursor, RowStore } from '@gridtokenx/runtime';
import pg from 'pg';
import { CHANNEL, createPool, isPassing, PROJECTOR } from './session.js';
import { BUILDERS, type Statement } from './statements.js';

const CONNECTIONS = 2;

interface CursorRow {
  readonly ledger_id: string;
  readonly height: string;
  readonly block_hash: Buffer;
  readonly time_ms: string;
  readonly log_offset: string;
}

/**
 * The RowStore port on Postgres 17 or later. A call takes three round trips, whatever the number of blocks: begin and
 * fence; all rows, pipelined, so that the server works on one statement while the next is encoded; commit.
 */
export function createRowStore(connectionString: string): RowStore {
  const pool = createPool(connectionString, PROJECTOR, CONNECTIONS, { pipeline: true });
  let closed: Promise<void> | undefined;

  async function run<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    if (closed !== undefined) throw new RowStoreError('rowStore.closed', 'the row store was closed');
    let client: pg.PoolClient | undefined;
    let failure: Error | undefined;
    try {
      client = await pool.connect();
      return await work(client);
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
      throw coded(failure);
    } finally {
      // After a failure nobody knows what the connection is in the middle of.
      client?.release(failure);
    }
  }

  return {
    cursor: () => run(readCursor),
    apply(blocks, logOffset) {
      return run(async (client): Promise<ApplyResult> => {
        const [first, last] = [blocks[0], blocks.at(-1)];
        if (first === undefined || last === undefined) {
          return { kind: 'refused', cursor: await readCursor(client) };
        }
        checkConsecutive(blocks);
        const [, fenced] = await Promise.all([client.query('begin'), fence(client, first, last, logOffset)]);
        if (!fenced) {
          await client.query('rollback');
          const cursor = await readCursor(client);
          checkBuildsOn(first, cursor);
          return { kind: 'refused', cursor };
        }
        const statements: Promise<void>[] = [];
        for (const rows of blocks) {
          for (const build of BUILDERS) {
            const statement = build(rows);
            if (statement !== undefined) statements.push(execute(client, statement, rows.height));
          }
        }
        statements.push(notify(client, last.height));
        // All are waited for, or one that fails later would be nobody's; the first to fail is the one that matters.
        const failed = (await Promise.allSettled(statements)).find((result) => result.status === 'rejected');
        if (failed !== undefined) throw failed.reason;
        await client.query('commit');
        return { kind: 'applied', cursor: cursorAfter(last, logOffset) };
      });
    },
    close() {
      closed ??= pool.end();
      return closed;
    },
  };
}

function checkConsecutive(blocks: readonly BlockRows[]): void {
  blocks.forEach((block, n) => {
    const before = blocks[n - 1];
    if (before === undefined) return;
    if (block.height !== before.height + 1 || block.ledgerId !== before.ledgerId)
      throw new RowStoreError('rowStore.notConsecutive', `block ${block.height} follows ${before.height} in one call`);
    checkParent(block, before.height, before.hash);
  });
}

function checkParent(block: BlockRows, height: number, hash: Uint8Array): void {
  if (Buffer.compare(block.parentHash, hash) !== 0)
    throw new RowStoreError('rowStore.wrongParent', `block ${block.height} builds on another block ${height}`);
}

/** A refusal that trying again from the cursor does not cure. */
function checkBuildsOn(first: BlockRows, cursor: ProjectionCursor | undefined): void {
  if (cursor === undefined) return;
  if (cursor.ledgerId !== first.ledgerId)
    throw new RowStoreError(
      'rowStore.wrongLedger',
      `the rows are of ${cursor.ledgerId}, the block of ${first.ledgerId}`,
    );
  if (first.height === cursor.height + 1) checkParent(first, cursor.height, cursor.blockHash);
}

/**
 * Moves the cursor on if it stands right before `first`, and holds its row until the commit: of two projectors, one waits
 * here and then finds that the cursor has moved.
 */
async function fence(client: pg.PoolClient, first: BlockRows, last: BlockRows, logOffset: number): Promise<boolean> {
  const after = [last.ledgerId, last.height, Buffer.from(last.hash), last.timeMs, logOffset];
  if (first.height === 0) {
    const { rowCount } = await client.query({
      name: 'insert cursor',
      text: `insert into consortium.projection_cursor (id, ledger_id, height, block_hash, time_ms, log_offset)
             values (1, $1, $2, $3, $4, $5) on conflict (id) do nothing`,
      values: after,
    });
    return rowCount === 1;
  }
  const { rowCount } = await client.query({
    name: 'update cursor',
    text: `update consortium.projection_cursor set height = $2, block_hash = $3, time_ms = $4, log_offset = $5
            where id = 1 and ledger_id = $1 and height = $6 and block_hash = $7`,
    values: [...after, first.height - 1, Buffer.from(first.parentHash)],
  });
  return rowCount === 1;
}

async function execute(client: pg.PoolClient, { name, text, values, rows }: Statement, height: number): Promise<void> {
  const { rowCount } = await client.query({ name, text, values: [...values] });
  if (rows !== undefined && rowCount !== rows)
    throw new RowStoreError('rowStore.conflict', `block ${height}: '${name}' met ${rowCount} of ${rows} rows`);
}

async function notify(client: pg.PoolClient, height: number): Promise<void> {
  await client.query({ name: 'notify', text: `select pg_notify('${CHANNEL}', $1)`, values: [String(height)] });
}

async function readCursor(client: pg.PoolClient): Promise<ProjectionCursor | undefined> {
  const { rows } = await client.query<CursorRow>(
    'select ledger_id, height, block_hash, time_ms, log_offset from consortium.projection_cursor where id = 1',
  );
  const row = rows[0];
  if (row === undefined) return undefined;
  return {
    ledgerId: row.ledger_id,
    height: Number(row.height),
    blockHash: new Uint8Array(row.block_hash),
    timeMs: Number(row.time_ms),
    logOffset: Number(row.log_offset),
  };
}

const cursorAfter = ({ ledgerId, height, hash, timeMs }: BlockRows, logOffset: number): ProjectionCursor => ({
  ledgerId,
  height,
  blockHash: hash,
  timeMs,
  logOffset,
});

function coded(error: Error): RowStoreError {
  if (error instanceof RowStoreError) return error;
  const code = isPassing(error) ? 'rowStore.unavailable' : 'rowStore.conflict';
  return new RowStoreError(code, error.message, { cause: error });
}
