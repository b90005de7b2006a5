import pg from 'pg';

/** A writer that stalls holds its topic's head row: Postgres ends its session after this long. */
export const STALLED_WRITER_MS = 5_000;
const TRANSACTION_MS = 20_000;
const STATEMENT_MS = 15_000;
const LOCK_WAIT_MS = 10_000;
/** Longer than any limit of the server: it only ends a wait for a server that no longer answers at all. */
const ANSWER_MS = 25_000;
const CONNECT_MS = 5_000;

/**
 * What every session of this adapter asks of the server. `synchronous_commit` makes an append durable when it resolves.
 * The timeouts bound what one writer can do to others: idle in a transaction, half-sent statements
 * (`transaction_timeout`, which also ends a session between Execute and Sync), a lost peer in a lock queue
 * (`client_connection_check_interval`). The planner settings keep readers on the primary key before statistics exist.
 */
const SETTINGS: Readonly<Record<string, string | number>> = {
  synchronous_commit: 'on',
  idle_in_transaction_session_timeout: STALLED_WRITER_MS,
  transaction_timeout: TRANSACTION_MS,
  statement_timeout: STATEMENT_MS,
  lock_timeout: LOCK_WAIT_MS,
  client_connection_check_interval: 1_000,
  enable_seqscan: 'off',
  enable_bitmapscan: 'off',
  jit: 'off',
};

export function sessionConfig(connectionString: string, settings: Readonly<Record<string, string>> = {}) {
  const options = Object.entries({ ...SETTINGS, ...settings })
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(' ');
  return {
    connectionString,
    options,
    application_name: 'gridtokenx-log',
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: ANSWER_MS,
  };
}

export function createPool(connectionString: string, connectionsMax: number): pg.Pool {
  const pool = new pg.Pool({ ...sessionConfig(connectionString), max: connectionsMax, idleTimeoutMillis: 30_000 });
  // A pooled connection that breaks while idle is dropped by the pool; the next query opens another.
  pool.on('error', () => undefined);
  return pool;
}

// Classes: connection, insufficient resources, operator intervention (shutdown, crash, cancelled), serialisation.
const PASSING_CLASSES: ReadonlySet<string> = new Set(['08', '53', '57', '40']);
// Lock wait too long; session ended while idle in a transaction; transaction too long.
const PASSING_CODES: ReadonlySet<string> = new Set(['55P03', '25P03', '25P04']);

/** Whether the same call may succeed later. What is no answer of the server is trouble with the connection. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof pg.DatabaseError)) return true;
  const code = error.code ?? '';
  return PASSING_CLASSES.has(code.slice(0, 2)) || PASSING_CODES.has(code);
}

/** The binary form of `bytea[]`: pg would write an array as text, with two hex digits for each byte. */
export function byteaArray(values: readonly Uint8Array[]): Buffer {
  const BYTEA_OID = 17;
  let size = 20;
  for (const value of values) size += 4 + value.byteLength;
  const out = Buffer.allocUnsafe(size);
  out.writeInt32BE(1, 0); // dimensions
  out.writeInt32BE(0, 4); // no nulls
  out.writeInt32BE(BYTEA_OID, 8);
  out.writeInt32BE(values.length, 12);
  out.writeInt32BE(1, 16); // lower bound
  let at = 20;
  for (const value of values) {
    at = out.writeInt32BE(value.byteLength, at);
    out.set(value, at);
    at += value.byteLength;
  }
  return out;
}
