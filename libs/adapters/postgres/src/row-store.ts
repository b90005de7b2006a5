import type { BlockRows } from '@gridtokenx/projections';
import type { LedgerKind } from '@gridtokenx/protocol';
import { RowStoreError } from '@gridtokenx/runtime';
import type { ApplyResult, ProjectionCursor, RowStore } from '@gridtokenx/runtime';
import pg from 'pg';
import { channelOf, createPool, isPassing, PROJECTOR } from './session.js';
import { copyIn } from './copy-in.js';
import { commandsOf } from './commands.js';
import type { Copy, Statement } from './statements.js';

const CONNECTIONS = 2;

interface CursorRow {
  readonly ledger_id: string;
  readonly height: string;
  readonly block_hash: Buffer;
  readonly time_ms: string;
  readonly certified_by: Buffer;
  readonly validators: Buffer;
  readonly log_offset: string;
}

/**
 * The RowStore port on Postgres 17 or later. New rows go in by COPY, changes by `unnest`, a kind of row at a time; kinds
 * that a block does not have cost nothing, so an idle block takes five round trips.
 */
export function createRowStore(connectionString: string, kind: LedgerKind): RowStore {
  const pool = createPool(connectionString, kind, PROJECTOR, CONNECTIONS);
  let closed: Promise<void> | undefined;

  async function run<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    if (closed !== undefined) throw new RowStoreError('rowStore.closed', 'the row store was closed');
    let client: pg.PoolClient | undefined;
    let failure: Error | undefined;
    try {
      client = await pool.connect();
      return await work(client);
    } catch (error) {
      failure = toError(error);
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
        await client.query('begin');
        if (!(await fence(client, first, last, logOffset))) {
          await client.query('rollback');
          const cursor = await readCursor(client);
          checkBuildsOn(first, cursor);
          return { kind: 'refused', cursor };
        }
        await write(client, blocks);
        await notify(client, kind, last.height);
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
  const sets = [Buffer.from(last.certifiedBy), Buffer.from(last.validators)];
  const after = [last.ledgerId, last.height, Buffer.from(last.hash), last.timeMs, logOffset, ...sets];
  if (first.height === 0) {
    const { rowCount } = await client.query({
      name: 'insert cursor',
      text: `insert into projection_cursor (id, ledger_id, height, block_hash, time_ms, log_offset,
                                                       certified_by, validators)
             values (1, $1, $2, $3, $4, $5, $6, $7) on conflict (id) do nothing`,
      values: after,
    });
    return rowCount === 1;
  }
  const { rowCount } = await client.query({
    name: 'update cursor',
    text: `update projection_cursor set height = $2, block_hash = $3, time_ms = $4, log_offset = $5,
                                                  certified_by = $6, validators = $7
            where id = 1 and ledger_id = $1 and height = $8 and block_hash = $9`,
    values: [...after, first.height - 1, Buffer.from(first.parentHash)],
  });
  return rowCount === 1;
}

/** While the server works on one statement, the next is encoded. */
async function write(client: pg.PoolClient, blocks: readonly BlockRows[]): Promise<void> {
  let running: Promise<Error | undefined> = Promise.resolve(undefined);
  for (const block of blocks) {
    for (const next of commandsOf(block)) {
      const failure = await running;
      if (failure !== undefined) throw failure;
      // Its failure is a value, so that it is nobody's unhandled rejection while the next is encoded.
      running = execute(client, next, block.height).then(() => undefined, toError);
    }
  }
  const failure = await running;
  if (failure !== undefined) throw failure;
}

async function execute(client: pg.PoolClient, command: Statement | Copy, height: number): Promise<void> {
  const { name, text, rows } = command;
  const met =
    'data' in command
      ? await copyIn(client, text, command.data)
      : (await client.query({ name, text, values: [...command.values] })).rowCount;
  if (rows !== undefined && met !== rows)
    throw new RowStoreError('rowStore.conflict', `block ${height}: '${name}' met ${met} of ${rows} rows`);
}

const toError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

async function notify(client: pg.PoolClient, kind: LedgerKind, height: number): Promise<void> {
  await client.query({ name: 'notify', text: 'select pg_notify($1, $2)', values: [channelOf(kind), String(height)] });
}

async function readCursor(client: pg.PoolClient): Promise<ProjectionCursor | undefined> {
  const { rows } = await client.query<CursorRow>(
    `select ledger_id, height, block_hash, time_ms, certified_by, validators, log_offset
       from projection_cursor where id = 1`,
  );
  const row = rows[0];
  if (row === undefined) return undefined;
  return {
    ledgerId: row.ledger_id,
    height: Number(row.height),
    blockHash: new Uint8Array(row.block_hash),
    timeMs: Number(row.time_ms),
    certifiedBy: new Uint8Array(row.certified_by),
    validators: new Uint8Array(row.validators),
    logOffset: Number(row.log_offset),
  };
}

const cursorAfter = (
  { ledgerId, height, hash, timeMs, certifiedBy, validators }: BlockRows,
  logOffset: number,
): ProjectionCursor => ({
  ledgerId,
  height,
  blockHash: hash,
  timeMs,
  certifiedBy,
  validators,
  logOffset,
});

function coded(error: Error): RowStoreError {
  if (error instanceof RowStoreError) return error;
  const code = isPassing(error) ? 'rowStore.unavailable' : 'rowStore.conflict';
  return new RowStoreError(code, error.message, { cause: error });
}
