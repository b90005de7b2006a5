import { createHash } from 'node:crypto';
import type { LedgerKind } from '@gridtokenx/protocol';
import type pg from 'pg';
import { SCHEMAS, withClient } from './session.js';

const ROWS_PER_FETCH = 5_000;
const FETCH = `fetch ${ROWS_PER_FETCH} from digested`;

export interface TableDigest {
  readonly rows: number;
  readonly sha256: string;
}

/** Empties all tables of a ledger's read models, the cursor with them; the genesis rows come next. Readers wait meanwhile. */
export async function dropProjections(connectionString: string, kind: LedgerKind): Promise<void> {
  await withClient(connectionString, kind, async (client) => {
    const tables = await readTables(client, kind);
    await client.query(`truncate ${tables.map(({ name }) => name).join(', ')}`);
  });
}

/**
 * A digest of each table, all in one snapshot: SHA-256 over its rows in the order of the primary key, each as text and a
 * line feed. Equal blocks give equal digests, on any machine and however the blocks were grouped; therefore the log offset
 * of the cursor, which depends on the log, is left out.
 */
export async function tableDigests(connectionString: string, kind: LedgerKind): Promise<Record<string, TableDigest>> {
  return withClient(connectionString, kind, async (client) => {
    await client.query('set bytea_output = hex');
    await client.query('begin isolation level repeatable read, read only');
    const digests: Record<string, TableDigest> = {};
    for (const table of await readTables(client, kind)) digests[table.name] = await digestOf(client, table);
    await client.query('commit');
    return digests;
  });
}

interface Table {
  readonly name: string;
  readonly columns: readonly string[];
  /** Of the primary key; text in the order of its bytes, which no locale changes. */
  readonly order: readonly string[];
}

async function readTables(client: pg.Client, kind: LedgerKind): Promise<Table[]> {
  const { rows } = await client.query<Table>(
    `select c.relname as name,
            (select array_agg(a.attname::text order by a.attnum) from pg_attribute a
              where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns,
            (select array_agg(quote_ident(a.attname) || case when a.atttypid = 'text'::regtype then ' collate "C"' else '' end
                              order by k.place)
               from pg_index i, unnest(i.indkey::int2[]) with ordinality as k (attnum, place), pg_attribute a
              where i.indrelid = c.oid and i.indisprimary and a.attrelid = c.oid and a.attnum = k.attnum) as order
       from pg_class c
      where c.relnamespace = $1::regnamespace and c.relkind = 'r' and c.relname <> '_prisma_migrations'
      order by c.relname collate "C"`,
    [SCHEMAS[kind]],
  );
  return rows;
}

async function digestOf(client: pg.Client, { name, columns, order }: Table): Promise<TableDigest> {
  const fields = columns
    .filter((column) => !(name === 'projection_cursor' && column === 'log_offset'))
    // A body may be large; its own digest says as much.
    .map((column) => (name === 'block_bodies' && column === 'body' ? 'sha256(body)' : `"${column}"`));
  await client.query(
    `declare digested no scroll cursor for
       select row(${fields.join(', ')})::text as line from ${name} order by ${order.join(', ')}`,
  );
  const hash = createHash('sha256');
  let count = 0;
  for (;;) {
    const { rows } = await client.query<{ line: string }>(FETCH);
    if (rows.length === 0) break;
    count += rows.length;
    for (const { line } of rows) hash.update(line).update('\n');
  }
  await client.query('close digested');
  return { rows: count, sha256: hash.digest('hex') };
}
