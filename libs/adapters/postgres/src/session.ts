import { BugError } from '@gridtokenx/kernel';
import type { LedgerKind } from '@gridtokenx/protocol';
import pg from 'pg';

/** The schema in which the tables of a ledger of this kind stand; no statement names it, since it is the search path. */
export const SCHEMAS: Readonly<Record<LedgerKind, string>> = { consortium: 'consortium', public: 'public_ledger' };

/** Announces each commit of the projector; the payload is the height. */
export const channelOf = (kind: LedgerKind): string => `gridtokenx_${kind}_height`;

const CONNECT_MS = 5_000;
/** Longer than any limit of the server: it only ends a wait for a server that no longer answers at all. */
const ANSWER_MS = 60_000;

type Settings = Readonly<Record<string, string | number>>;

const COMMON: Settings = { client_connection_check_interval: 1_000, jit: 'off' };

/**
 * The projector's. Rows can be written again from blocks, and the cursor is lost with the rows it stands for, so a commit
 * need not wait for the disk: see docs/adr/003-projections.md. Plans are made once, from tables that may still be empty:
 * only index lookups are right for all sizes.
 */
export const PROJECTOR: Settings = {
  ...COMMON,
  synchronous_commit: 'off',
  statement_timeout: 45_000,
  lock_timeout: 15_000,
  idle_in_transaction_session_timeout: 15_000,
  plan_cache_mode: 'force_generic_plan',
  enable_seqscan: 'off',
  enable_bitmapscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
};

export const READER: Settings = {
  ...COMMON,
  statement_timeout: 10_000,
  lock_timeout: 5_000,
  idle_in_transaction_session_timeout: 10_000,
  default_transaction_read_only: 'on',
};

/** For migrations, dropping and digests, which may take as long as they take. */
export const MAINTENANCE: Settings = { ...COMMON, lock_timeout: 60_000 };

export function sessionConfig(connectionString: string, kind: LedgerKind, settings: Settings): pg.ClientConfig {
  const options = Object.entries({ ...settings, search_path: SCHEMAS[kind] })
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(' ');
  return {
    connectionString,
    options,
    application_name: 'gridtokenx-projections',
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_MS,
  };
}

export function createPool(connectionString: string, kind: LedgerKind, settings: Settings, max: number): pg.Pool {
  const pool = new pg.Pool({
    ...sessionConfig(connectionString, kind, settings),
    query_timeout: ANSWER_MS,
    max,
    idleTimeoutMillis: 30_000,
  });
  // A connection that breaks is dropped: the query under way fails by itself, and the next one opens another.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

// Classes: connection, insufficient resources, operator intervention (shutdown, crash, cancelled), serialisation.
const PASSING_CLASSES: ReadonlySet<string> = new Set(['08', '53', '57', '40']);
// Lock wait too long; session ended while idle in a transaction; transaction too long.
const PASSING_CODES: ReadonlySet<string> = new Set(['55P03', '25P03', '25P04']);

/** Whether the same call may succeed later. What is no answer of the server is trouble with the connection. */
export function isPassing(error: unknown): boolean {
  // A bug of ours is no outage: trying again would hide it.
  if (error instanceof RangeError || error instanceof TypeError || error instanceof BugError) return false;
  if (!(error instanceof pg.DatabaseError)) return true;
  return isPassingState(error.code ?? '');
}

export const isPassingState = (sqlState: string): boolean =>
  PASSING_CLASSES.has(sqlState.slice(0, 2)) || PASSING_CODES.has(sqlState);

/** Runs `work` on a connection of its own. */
export async function withClient<T>(
  connectionString: string,
  kind: LedgerKind,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client(sessionConfig(connectionString, kind, MAINTENANCE));
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
