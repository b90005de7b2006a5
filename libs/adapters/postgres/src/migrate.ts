import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LedgerKind } from '@gridtokenx/protocol';
import type pg from 'pg';
import { SCHEMAS, withClient } from './session.js';

/** Of these folders under `prisma/`, in this order: what each ledger has, and what only this one has. */
const FOLDERS: Readonly<Record<LedgerKind, readonly string[]>> = {
  consortium: ['common', 'consortium'],
  public: ['common', 'public'],
};

/** From `src` and from `dist` alike. */
const PRISMA = fileURLToPath(new URL('../../../../prisma', import.meta.url));

/** The lock that Prisma's own `migrate` takes, so that the two exclude each other as well. */
const PRISMA_LOCK = 72_707_369;

/** As Prisma makes it. In the ledger's schema, so that others can keep theirs in the same database. */
const historyIn = (schema: string): string => `
create schema if not exists "${schema}";
create table if not exists "_prisma_migrations" (
  "id" varchar(36) primary key not null,
  "checksum" varchar(64) not null,
  "finished_at" timestamptz,
  "migration_name" varchar(255) not null,
  "logs" text,
  "rolled_back_at" timestamptz,
  "started_at" timestamptz not null default now(),
  "applied_steps_count" integer not null default 0
);`;

export type MigrationErrorCode =
  'migrations.changed' | 'migrations.unknown' | 'migrations.unfinished' | 'migrations.failed';

/**
 * `changed`: the file of an applied migration is another now; `unknown`: the database has one that this program does not
 * know, so it is newer; `unfinished`: Prisma began one and did not end it; `failed`: one could not be applied (undone).
 */
export class MigrationError extends Error {
  constructor(
    readonly code: MigrationErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(`${code}: ${message}`, options);
    this.name = 'MigrationError';
  }
}

interface Migration {
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

/**
 * Applies the migrations of a ledger that are missing in its schema, each with its record in one transaction, and gives
 * their names. Does nothing on a database that is up to date; processes that start together wait for each other.
 */
export async function migrate(connectionString: string, kind: LedgerKind, root: string = PRISMA): Promise<string[]> {
  const migrations = (
    await Promise.all(FOLDERS[kind].map((folder) => readMigrations(join(root, folder, 'migrations'))))
  ).flat();
  const schema = SCHEMAS[kind];
  return withClient(connectionString, kind, async (client) => {
    // Ends with the session, also when this process dies.
    await client.query('select pg_advisory_lock($1)', [PRISMA_LOCK]);
    await client.query(historyIn(schema));
    if (await isOfEarlierLayout(client, migrations)) {
      await client.query(`drop schema "${schema}" cascade`);
      await client.query(historyIn(schema));
    }
    const applied = await readHistory(client, migrations);
    const missing = migrations.filter(({ name }) => !applied.has(name));
    for (const migration of missing) await apply(client, migration);
    return missing.map(({ name }) => name);
  });
}

async function readMigrations(folder: string): Promise<Migration[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  return Promise.all(
    names.sort().map(async (name) => {
      const sql = await readFile(join(folder, name, 'migration.sql'), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

async function readHistory(client: pg.Client, migrations: readonly Migration[]): Promise<Set<string>> {
  const { rows } = await client.query<{ migration_name: string; checksum: string; finished: boolean }>(
    `select migration_name, checksum, finished_at is not null as finished
       from _prisma_migrations where rolled_back_at is null order by started_at`,
  );
  for (const { migration_name: name, checksum, finished } of rows) {
    const own = migrations.find((migration) => migration.name === name);
    if (own === undefined) throw new MigrationError('migrations.unknown', `${name} was applied by a newer program`);
    if (!finished) throw new MigrationError('migrations.unfinished', `${name} was begun and not finished`);
    if (own.checksum !== checksum)
      throw new MigrationError('migrations.changed', `${name} was changed after it was applied`);
  }
  return new Set(rows.map((row) => row.migration_name));
}

/**
 * Whether the tables are of a layout from before the first migration that there is now: nothing leads from there to here, and
 * nothing has to, since all rows are made of blocks.
 */
async function isOfEarlierLayout(client: pg.Client, [first]: readonly Migration[]): Promise<boolean> {
  const { rows } = await client.query<{ newest: string | null }>(
    'select max(migration_name collate "C") as newest from _prisma_migrations',
  );
  const newest = rows[0]?.newest ?? undefined;
  return newest !== undefined && first !== undefined && newest < first.name;
}

async function apply(client: pg.Client, { name, sql, checksum }: Migration): Promise<void> {
  try {
    await client.query('begin');
    await client.query(sql);
    await client.query(
      `insert into _prisma_migrations
         (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
       values ($1, $2, $3, now(), clock_timestamp(), 1)`,
      [randomUUID(), checksum, name],
    );
    await client.query('commit');
  } catch (cause) {
    await client.query('rollback').catch(() => undefined);
    throw new MigrationError(
      'migrations.failed',
      `${name}: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}
