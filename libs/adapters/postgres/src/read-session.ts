import { PrismaPg } from '@prisma/adapter-pg';
import type { LedgerKind } from '@gridtokenx/protocol';
import { ReadModelError } from '@gridtokenx/runtime';
import type { Answer, AsOf } from '@gridtokenx/runtime';
import { Prisma, PrismaClient } from './generated/client.js';
import { createHeights, type Heights } from './heights.js';
import { createPool, isPassingState, READER, SCHEMAS } from './session.js';

const CONNECTIONS = 6;

/** What every question to the read models of a ledger goes through. An answer is one statement, or one snapshot. */
export interface ReadSession {
  readonly prisma: PrismaClient;
  readonly heights: Heights;
  guarded<T>(work: () => Promise<T>): Promise<T>;
  cursorQuery(): Prisma.PrismaPromise<StandingCursor | null>;
  /** One query of the generated client, and the cursor, in one snapshot. */
  inSnapshot<T, V>(query: () => Prisma.PrismaPromise<T>, view: (rows: T) => V): Promise<Answer<V>>;
  /** One statement that carries the cursor with it. The rows come in no order. */
  withCursor<Row>(query: Prisma.Sql): Promise<{ asOf: AsOf; rows: Row[] }>;
  close(): Promise<void>;
}

interface StandingCursor {
  readonly ledgerId: string;
  readonly height: bigint;
  readonly timeMs: bigint;
  readonly blockHash: Uint8Array;
}

export function openReads(connectionString: string, kind: LedgerKind): ReadSession {
  const pool = createPool(connectionString, kind, READER, CONNECTIONS);
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool, { schema: SCHEMAS[kind] }) });
  const heights = createHeights(connectionString, kind);
  let closed: Promise<void> | undefined;

  async function guarded<T>(work: () => Promise<T>): Promise<T> {
    if (closed !== undefined) throw new ReadModelError('readModels.closed', 'the read models were closed');
    try {
      return await work();
    } catch (error) {
      throw coded(error);
    }
  }

  const cursorQuery = () => prisma.projectionCursor.findUnique({ where: { id: 1 } });

  return {
    prisma,
    heights,
    guarded,
    cursorQuery,
    inSnapshot: (query, view) =>
      guarded(async () => {
        const [cursor, rows] = await prisma.$transaction([cursorQuery(), query()], {
          isolationLevel: 'RepeatableRead',
        });
        return { ...asOf(cursor), value: view(rows) };
      }),
    async withCursor<Row>(query: Prisma.Sql) {
      const rows = await prisma.$queryRaw<(Row & CursorColumns)[]>`
        select c.height as "asOfHeight", c.time_ms as "asOfTimeMs", q.*
          from projection_cursor c left join (select true as "isRow", i.* from (${query}) i) q on true`;
      const first = rows[0];
      if (first === undefined) throw notReady();
      const at = { height: Number(first.asOfHeight), timeMs: Number(first.asOfTimeMs) };
      return { asOf: at, rows: rows.filter(({ isRow }) => isRow === true) };
    },
    close() {
      closed ??= (async () => {
        await heights.close();
        await prisma.$disconnect();
        await pool.end();
      })();
      return closed;
    },
  };
}

interface CursorColumns {
  readonly asOfHeight: bigint;
  readonly asOfTimeMs: bigint;
  readonly isRow: boolean | null;
}

export function asOf(cursor: { readonly height: bigint; readonly timeMs: bigint } | null): AsOf {
  if (cursor === null) throw notReady();
  return { height: Number(cursor.height), timeMs: Number(cursor.timeMs) };
}

export const notReady = (): ReadModelError =>
  new ReadModelError('readModels.notReady', 'the genesis is not projected yet');

/** No such table; for Prisma's own queries, and for raw ones. */
const MISSING_TABLE: ReadonlySet<string> = new Set(['P2021', '42P01']);
/** No connection in time, transaction not begun or lost, write conflict. */
const PASSING_PRISMA: ReadonlySet<string> = new Set(['P2024', 'P2028', 'P2034', 'P2037']);

const RAW_QUERY_FAILED = 'P2010';
const isPassingCode = (code: string): boolean => code.startsWith('P1') || PASSING_PRISMA.has(code);

/** Trouble with the database is `unavailable`; a query that is wrong stays what it is, a bug. */
function coded(error: unknown): unknown {
  if (error instanceof ReadModelError || error instanceof Prisma.PrismaClientValidationError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof Prisma.PrismaClientKnownRequestError) {
    const state = sqlStateOf(error);
    if (MISSING_TABLE.has(state ?? error.code))
      return new ReadModelError('readModels.notReady', 'not migrated yet', { cause: error });
    const isAnswer = error.code === RAW_QUERY_FAILED ? state !== undefined : !isPassingCode(error.code);
    if (isAnswer && !isPassingState(state ?? '')) return error;
  }
  return new ReadModelError('readModels.unavailable', message, { cause: error });
}

/** What the server said; `undefined` when the trouble is with the connection, whose codes are words such as ECONNREFUSED. */
function sqlStateOf({ meta }: Prisma.PrismaClientKnownRequestError): string | undefined {
  const adapterError = meta?.['driverAdapterError'];
  const cause: unknown = adapterError instanceof Error ? adapterError.cause : undefined;
  const state: unknown =
    typeof cause === 'object' && cause !== null && 'originalCode' in cause ? cause.originalCode : undefined;
  return typeof state === 'string' && /^[0-9A-Z]{2}[0-9P][0-9A-Z]{2}$/.test(state) ? state : undefined;
}
