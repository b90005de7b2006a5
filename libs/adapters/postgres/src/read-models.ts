import { PrismaPg } from '@prisma/adapter-pg';
import { HASH_BYTES } from '@gridtokenx/crypto';
import { toBase64Url } from '@gridtokenx/kernel';
import { SEQUENCE_AHEAD_MAX, SEQUENCE_WINDOW } from '@gridtokenx/protocol';
import { LOOKUP_ITEMS_MAX, PAGE_ITEMS_MAX, ReadModelError } from '@gridtokenx/runtime';
import type {
  Admission,
  Answer,
  AsOf,
  BookSide,
  BookView,
  Found,
  OrderFilter,
  Page,
  ReadModels,
  TradeFilter,
  ValidatorSetView,
} from '@gridtokenx/runtime';
import { Prisma, PrismaClient } from './generated/client.js';
import { createHeights } from './heights.js';
import { decodeCursor, encodeCursor, limitOf, pageOf } from './page.js';
import { createPool, isPassingState, READER } from './session.js';
import {
  accountView,
  balanceView,
  blockSummary,
  blockView,
  hexOf,
  idOf,
  kidBytes,
  operationView,
  optional,
  orderView,
  organisationView,
  readingView,
  restingOrder,
  tradeView,
  validatorChangeView,
  type OperationRecord,
  type OrderRecord,
  type TradeRecord,
} from './views.js';

const CONNECTIONS = 6;
const HEIGHT_MAX = Number.MAX_SAFE_INTEGER;

/** The ReadModels port. An answer is one statement, or one transaction whose statements see one snapshot. */
export function createReadModels(connectionString: string): ReadModels {
  const pool = createPool(connectionString, READER, CONNECTIONS);
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool) });
  const heights = createHeights(connectionString);
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

  /** One query of the generated client, and the cursor, in one snapshot. */
  function inSnapshot<T, V>(query: () => Prisma.PrismaPromise<T>, view: (rows: T) => V): Promise<Answer<V>> {
    return guarded(async () => {
      const [cursor, rows] = await prisma.$transaction([cursorQuery(), query()], { isolationLevel: 'RepeatableRead' });
      return { ...asOf(cursor), value: view(rows) };
    });
  }

  /** One statement that carries the cursor with it. The rows come in no order. */
  async function withCursor<Row>(query: Prisma.Sql): Promise<{ asOf: AsOf; rows: Row[] }> {
    const rows = await prisma.$queryRaw<(Row & CursorColumns)[]>`
      select c.height as "asOfHeight", c.time_ms as "asOfTimeMs", q.*
        from consortium.projection_cursor c left join (select true as "isRow", i.* from (${query}) i) q on true`;
    const first = rows[0];
    if (first === undefined) throw notReady();
    const at = { height: Number(first.asOfHeight), timeMs: Number(first.asOfTimeMs) };
    return { asOf: at, rows: rows.filter(({ isRow }) => isRow === true) };
  }

  async function orders(filter: OrderFilter): Promise<Page<ReturnType<typeof orderView>>> {
    const limit = limitOf(filter);
    const [height = HEIGHT_MAX, index = 0] =
      filter.after === undefined ? [] : decodeCursor(filter.after, ['orders'], 2).place;
    const { account, status, intervalStartMs } = filter;
    const conditions = [Prisma.sql`(placed_height, placed_index) < (${BigInt(height)}, ${index})`];
    if (account !== undefined) conditions.push(Prisma.sql`account = ${idOf(account, 16)}`);
    if (status !== undefined) conditions.push(Prisma.sql`status = ${status}`);
    if (intervalStartMs !== undefined) conditions.push(whileBooksWereOpen(intervalStartMs));
    const { asOf: at, rows } = await withCursor<OrderRecord>(Prisma.sql`
      select ${ORDER_COLUMNS} from consortium.orders where ${Prisma.join(conditions, ' and ')}
       order by placed_height desc, placed_index desc limit ${limit + 1}`);
    rows.sort((a, b) => Number(b.placedHeight - a.placedHeight) || b.placedIndex - a.placedIndex);
    const cursorOf = (row: OrderRecord): string => encodeCursor('orders', [Number(row.placedHeight), row.placedIndex]);
    return { ...at, ...pageOf(rows, limit, orderView, cursorOf) };
  }

  async function trades(filter: TradeFilter): Promise<Page<ReturnType<typeof tradeView>>> {
    const limit = limitOf(filter);
    const begun =
      filter.after === undefined ? undefined : decodeCursor(filter.after, ['tradesNewest', 'tradesOldest'], 1);
    const kind = begun?.kind ?? (filter.oldestFirst === true ? 'tradesOldest' : 'tradesNewest');
    const upwards = kind === 'tradesOldest';
    const from = BigInt(begun?.place[0] ?? (upwards ? 0 : HEIGHT_MAX));
    const order = upwards ? Prisma.sql`order by trade` : Prisma.sql`order by trade desc`;
    const conditions = [upwards ? Prisma.sql`trade > ${from}` : Prisma.sql`trade < ${from}`];
    const { account, intervalStartMs } = filter;
    if (intervalStartMs !== undefined) conditions.push(Prisma.sql`interval_start_ms = ${BigInt(intervalStartMs)}`);
    const some = (extra: readonly Prisma.Sql[]): Prisma.Sql =>
      Prisma.sql`select ${TRADE_COLUMNS} from consortium.trades
                  where ${Prisma.join([...conditions, ...extra], ' and ')} ${order} limit ${limit + 1}`;
    // Each part from its own index: an OR over two columns would read one of them to its end.
    const id = account === undefined ? undefined : idOf(account, 16);
    const query =
      id === undefined
        ? some([])
        : Prisma.sql`select * from ((${some([Prisma.sql`buyer = ${id}`])}) union all
            (${some([Prisma.sql`seller = ${id}`, Prisma.sql`buyer <> ${id}`])})) t ${order} limit ${limit + 1}`;
    const { asOf: at, rows } = await withCursor<TradeRecord>(query);
    rows.sort((a, b) => Number(upwards ? a.trade - b.trade : b.trade - a.trade));
    return { ...at, ...pageOf(rows, limit, tradeView, ({ trade }) => encodeCursor(kind, [Number(trade)])) };
  }

  return {
    cursor: () =>
      guarded(async () => {
        const cursor = await cursorQuery();
        if (cursor === null) throw notReady();
        return { ...asOf(cursor), ledgerId: cursor.ledgerId, blockHash: hexOf(cursor.blockHash) };
      }),
    waitForHeight: (minHeight, timeoutMs) => guarded(() => heights.wait(minHeight, timeoutMs)),
    onHeight: (listener) => heights.listen(listener),

    operation: (operationId) =>
      guarded(async () => {
        const id = idOf(operationId, 32);
        const { asOf: at, rows } = await withCursor<OperationRecord>(
          Prisma.sql`select ${OPERATION_COLUMNS} from consortium.operations where operation_id = ${id}`,
        );
        return { ...at, value: optional(rows[0], operationView) };
      }),

    operationsByIds: (operationIds) =>
      guarded(async () => {
        limitLookup(operationIds.length);
        const ids = operationIds.map((id) => hexOf(idOf(id, 32)));
        const { asOf: at, rows } = await withCursor<OperationRecord>(
          Prisma.sql`select ${OPERATION_COLUMNS} from consortium.operations
                      where operation_id in (select decode(id, 'hex') from unnest(${ids}::text[]) as asked (id))`,
        );
        const byId = new Map(rows.map((row) => [hexOf(row.operationId), operationView(row)]));
        const found = ids.flatMap((id) => byId.get(id) ?? []);
        return { ...at, value: found };
      }),

    key: (kid) =>
      guarded(async () => {
        const id = kidBytes(kid);
        const { asOf: at, rows } = await withCursor<KeyRecord>(Prisma.sql`
          select k.organisation, k.account, k.registered_height as "registeredHeight",
                 k.removed_height as "removedHeight", h.highest,
                 array(select e.sequence from consortium.envelopes e
                        where e.kid = k.kid and e.sequence > h.highest - ${SEQUENCE_WINDOW} order by e.sequence) as used
            from consortium.keys k,
                 lateral (select coalesce(max(sequence), 0) as highest from consortium.envelopes where kid = k.kid) h
           where k.kid = ${id}`);
        return {
          ...at,
          value: optional(rows[0], (row) => ({
            kid,
            organisation: hexOf(row.organisation),
            account: optional(row.account, hexOf),
            registeredHeight: Number(row.registeredHeight),
            removedHeight: optional(row.removedHeight, Number),
            highestSequence: Number(row.highest),
            usedSequences: row.used.map(Number),
          })),
        };
      }),

    admission: (questions) =>
      guarded(async () => {
        limitLookup(questions.length);
        const kids = questions.map(({ kid }) => hexOf(kidBytes(kid)));
        const sequences = questions.map(({ sequence }) => String(sequence));
        const { asOf: at, rows } = await withCursor<AdmissionRecord>(Prisma.sql`
          with asked as materialized (
            select decode(q.kid, 'hex') as kid, q.sequence::int8 as sequence, q.place
              from unnest(${kids}::text[], ${sequences}::text[]) with ordinality as q (kid, sequence, place)),
          known as materialized (
            select k.kid, k.removed_height is not null as removed,
                   (select coalesce(max(e.sequence), 0) from consortium.envelopes e where e.kid = k.kid) as highest
              from consortium.keys k where k.kid in (select kid from asked))
          select a.place, a.sequence, k.removed, k.highest,
                 exists (select 1 from consortium.envelopes e where e.kid = a.kid and e.sequence = a.sequence) as used
            from asked a left join known k on k.kid = a.kid`);
        rows.sort((a, b) => Number(a.place - b.place));
        return { ...at, value: rows.map(admissionOf) };
      }),

    account: (account) =>
      inSnapshot(
        () => prisma.account.findUnique({ where: { account: idOf(account, 16) } }),
        (row) => optional(row, accountView),
      ),
    organisation: (organisation) =>
      inSnapshot(
        () => prisma.organisation.findUnique({ where: { organisation: idOf(organisation, 16) } }),
        (row) => optional(row, organisationView),
      ),
    balances: (account) =>
      inSnapshot(
        () => prisma.balance.findMany({ where: { account: idOf(account, 16) } }),
        (rows) => rows.map(balanceView).sort((a, b) => (sortKey(a.asset) < sortKey(b.asset) ? -1 : 1)),
      ),

    book: (fromZone, toZone, intervalStartMs) =>
      guarded(async (): Promise<Found<BookView>> => {
        const intervalStart = BigInt(intervalStartMs);
        const resting = (side: 'bid' | 'ask') =>
          prisma.order.findMany({
            where: { intervalStartMs: intervalStart, toZone, fromZone, status: 'open', side },
            orderBy: [{ priceTicks: side === 'bid' ? 'desc' : 'asc' }, { placedHeight: 'asc' }, { placedIndex: 'asc' }],
            take: PAGE_ITEMS_MAX,
          });
        const [cursor, book, levels, bids, asks] = await prisma.$transaction(
          [
            cursorQuery(),
            prisma.book.findUnique({
              where: { intervalStartMs_toZone_fromZone: { intervalStartMs: intervalStart, toZone, fromZone } },
            }),
            prisma.$queryRaw<LevelRecord[]>`
              select side, price_ticks as "priceTicks", sum(remaining_wh)::text as "quantityWh", count(*) as orders
                from consortium.orders
               where interval_start_ms = ${intervalStart} and to_zone = ${toZone} and from_zone = ${fromZone}
                 and status = 'open'
               group by side, price_ticks order by price_ticks`,
            resting('bid'),
            resting('ask'),
          ],
          { isolationLevel: 'RepeatableRead' },
        );
        const side = (name: 'bid' | 'ask', rows: typeof bids): BookSide => {
          const own = levels
            .filter((level) => level.side === name)
            .map(({ priceTicks, quantityWh, orders: count }) => ({ priceTicks, quantityWh, orders: Number(count) }));
          return { levels: name === 'bid' ? own.reverse() : own, orders: rows.map(restingOrder) };
        };
        const value = optional(book, (row) => ({
          fromZone,
          toZone,
          intervalStartMs,
          openedHeight: Number(row.openedHeight),
          closesAtMs: Number(row.closesAtMs),
          closedHeight: optional(row.closedHeight, Number),
          bids: side('bid', bids),
          asks: side('ask', asks),
        }));
        return { ...asOf(cursor), value };
      }),

    order: (order) =>
      guarded(async () => {
        const id = idOf(order, 32);
        const { asOf: at, rows } = await withCursor<OrderRecord>(Prisma.sql`
          select ${ORDER_COLUMNS} from consortium.orders
           where (placed_height, placed_index) =
                 (select height, leaf_index from consortium.operations where operation_id = ${id})`);
        return { ...at, value: optional(rows[0], orderView) };
      }),
    orders: (filter) => guarded(() => orders(filter)),
    trades: (filter) => guarded(() => trades(filter)),
    readings: async (meter, page) => {
      const limit = limitOf(page);
      const before = page.after === undefined ? undefined : decodeCursor(page.after, ['readings'], 1).place[0];
      const { value, ...at } = await inSnapshot(
        () =>
          prisma.reading.findMany({
            where: {
              meter: idOf(meter, 16),
              ...(before === undefined ? {} : { intervalStartMs: { lt: BigInt(before) } }),
            },
            orderBy: { intervalStartMs: 'desc' },
            take: limit + 1,
          }),
        (rows) => pageOf(rows, limit, readingView, (row) => encodeCursor('readings', [Number(row.intervalStartMs)])),
      );
      return { ...at, ...value };
    },

    blocks: ({ before, after, limit }) =>
      inSnapshot(
        () =>
          prisma.block.findMany({
            where: {
              height: {
                ...(before === undefined ? {} : { lt: BigInt(before) }),
                ...(after === undefined ? {} : { gt: BigInt(after) }),
              },
            },
            omit: { header: true, certificate: true },
            orderBy: { height: after === undefined ? 'desc' : 'asc' },
            take: limitOf({ limit }),
          }),
        (rows) => rows.map(blockSummary).sort((a, b) => b.height - a.height),
      ),
    block: (height) =>
      inSnapshot(
        () => prisma.block.findUnique({ where: { height: BigInt(height) } }),
        (row) => optional(row, blockView),
      ),
    blockBody: (height) =>
      inSnapshot(
        () => prisma.blockBody.findUnique({ where: { height: BigInt(height) } }),
        (row) => optional(row, ({ body }) => body),
      ),
    // As one value: thousands of rows a second would cost the reader more than all else that it does.
    envelopeHashes: (height) =>
      inSnapshot(
        () => prisma.$queryRaw<{ hashes: Uint8Array | null }[]>`
          select string_agg(hash, ''::bytea) as hashes from consortium.envelopes where height = ${BigInt(height)}`,
        (rows) => hashesIn(rows[0]?.hashes ?? new Uint8Array()),
      ),

    validatorSet: (height) =>
      inSnapshot(
        () => prisma.$queryRaw<PlaceRecord[]>`
          select from_height as "fromHeight", place, kid from consortium.validator_places
           where from_height = (select max(from_height) from consortium.validator_places
                                 where from_height <= ${BigInt(height)})`,
        (rows) => setsOf(rows)[0],
      ),
    validatorChanges: async ({ status, ...page }) => {
      const limit = limitOf(page);
      const [height = HEIGHT_MAX, index = 0] =
        page.after === undefined ? [] : decodeCursor(page.after, ['validatorChanges'], 2).place;
      const { value, ...at } = await inSnapshot(
        () =>
          prisma.validatorChange.findMany({
            where: {
              ...(status === undefined ? {} : { status }),
              OR: [
                { proposedHeight: { lt: BigInt(height) } },
                { proposedHeight: BigInt(height), proposedIndex: { lt: index } },
              ],
            },
            orderBy: [{ proposedHeight: 'desc' }, { proposedIndex: 'desc' }],
            take: limit + 1,
          }),
        (rows) =>
          pageOf(rows, limit, validatorChangeView, ({ proposedHeight, proposedIndex }) =>
            encodeCursor('validatorChanges', [Number(proposedHeight), proposedIndex]),
          ),
      );
      return { ...at, ...value };
    },
    participation: (blockCount) =>
      guarded(async () => {
        const [cursor, certificates, places, known] = await prisma.$transaction(
          [
            cursorQuery(),
            prisma.block.findMany({
              select: { height: true, round: true, certificate: true },
              orderBy: { height: 'desc' },
              take: blockCount,
            }),
            prisma.$queryRaw<PlaceRecord[]>`
              select p.from_height as "fromHeight", p.place, p.kid
                from consortium.validator_places p, consortium.projection_cursor c
               where p.from_height >= (select max(from_height) from consortium.validator_places
                                        where from_height <= greatest(c.height - ${blockCount}::int8 + 1, 1))`,
            prisma.$queryRaw<KnownValidatorRecord[]>`
              select p.kid, k.organisation, p."firstHeight", coalesce(m.recent, 0) as recent, coalesce(m.ever, 0) as ever,
                     coalesce(c.suspended > coalesce(c.reinstated, 0) and not c.gone, false) as suspended
                from (select kid, min(from_height) as "firstHeight" from consortium.validator_places group by kid) p
                left join consortium.keys k on k.kid = p.kid
                left join (select kid, count(*) as ever,
                                  count(*) filter (where height > (select height from consortium.projection_cursor) - ${blockCount}::int8) as recent
                             from consortium.missed_proposals group by kid) m on m.kid = p.kid
                left join (select validator, max(decided_height) filter (where kind = 'suspend') as suspended,
                                  max(ended_height) filter (where kind = 'reinstate' and status = 'applied') as reinstated,
                                  bool_or(kind in ('remove', 'rotateKey') and status = 'applied') as gone
                             from consortium.validator_changes group by validator) c on c.validator = p.kid
               order by p.kid`,
          ],
          { isolationLevel: 'RepeatableRead' },
        );
        return {
          ...asOf(cursor),
          value: {
            sets: setsOf(places),
            certificates: certificates.map((row) => ({ ...row, height: Number(row.height) })),
            validators: known.map((row) => ({
              kid: toBase64Url(row.kid),
              organisation: optional(row.organisation, hexOf),
              firstHeight: Number(row.firstHeight),
              missedProposals: Number(row.recent),
              missedProposalsEver: Number(row.ever),
              suspended: row.suspended,
            })),
          },
        };
      }),

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

interface KeyRecord {
  readonly organisation: Uint8Array;
  readonly account: Uint8Array | null;
  readonly registeredHeight: bigint;
  readonly removedHeight: bigint | null;
  readonly highest: bigint;
  readonly used: readonly bigint[];
}

interface AdmissionRecord {
  readonly place: bigint;
  readonly sequence: bigint;
  /** Null when the key is not registered, as is `highest`. */
  readonly removed: boolean | null;
  readonly highest: bigint | null;
  readonly used: boolean;
}

interface PlaceRecord {
  readonly fromHeight: bigint;
  readonly place: number;
  readonly kid: Uint8Array;
}

interface KnownValidatorRecord {
  readonly kid: Uint8Array;
  readonly organisation: Uint8Array | null;
  readonly firstHeight: bigint;
  readonly recent: bigint;
  readonly ever: bigint;
  readonly suspended: boolean;
}

interface LevelRecord {
  readonly side: string;
  readonly priceTicks: number;
  readonly quantityWh: string;
  readonly orders: bigint;
}

const ORDER_COLUMNS = Prisma.raw(`order_id as "orderId", account, side, from_zone as "fromZone", to_zone as "toZone",
  interval_start_ms as "intervalStartMs", price_ticks as "priceTicks", quantity_wh as "quantityWh",
  remaining_wh as "remainingWh", time_in_force as "timeInForce", expires_at_ms as "expiresAtMs", status,
  placed_height as "placedHeight", placed_index as "placedIndex", tariff_version as "tariffVersion"`);

const TRADE_COLUMNS = Prisma.raw(`trade, bid, ask, buyer, seller, from_zone as "fromZone", to_zone as "toZone",
  interval_start_ms as "intervalStartMs", price_ticks as "priceTicks", quantity_wh as "quantityWh", notional,
  buyer_fee as "buyerFee", seller_fee as "sellerFee", fee_payee as "feePayee", tariff_version as "tariffVersion",
  height, leaf_index as "leafIndex", time_ms as "timeMs", operation_id as "operationId"`);

const OPERATION_COLUMNS = Prisma.raw(
  `operation_id as "operationId", height, leaf_index as "leafIndex", kid, type, status, code`,
);

/** The orders of an interval stand between two heights, which the primary key finds without an index on intervals. */
const whileBooksWereOpen = (intervalStartMs: number): Prisma.Sql => {
  const interval = BigInt(intervalStartMs);
  return Prisma.sql`interval_start_ms = ${interval}
    and placed_height >= (select min(opened_height) from consortium.books where interval_start_ms = ${interval})
    and placed_height <= (select max(coalesce(closed_height, ${BigInt(HEIGHT_MAX)})) from consortium.books
                           where interval_start_ms = ${interval})`;
};

/** The order of the checks is the ledger's. */
function admissionOf({ sequence, removed, highest, used }: AdmissionRecord): Admission {
  if (removed === null || highest === null) return 'operation.unknownKey';
  if (removed) return 'operation.keyRemoved';
  if (sequence <= highest - BigInt(SEQUENCE_WINDOW)) return 'operation.sequenceTooOld';
  if (used) return 'operation.sequenceUsed';
  return sequence > highest + BigInt(SEQUENCE_AHEAD_MAX) ? 'operation.sequenceTooFar' : 'admissible';
}

/** WATT before the energy of each interval, which sorts by its text. */
const sortKey = (asset: string): string => (asset === 'WATT' ? '' : asset);

function asOf(cursor: { readonly height: bigint; readonly timeMs: bigint } | null): AsOf {
  if (cursor === null) throw notReady();
  return { height: Number(cursor.height), timeMs: Number(cursor.timeMs) };
}

const hashesIn = (bytes: Uint8Array): Uint8Array[] =>
  Array.from({ length: bytes.length / HASH_BYTES }, (_, i) => bytes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES));

/** The sets of these rows, lowest first. */
function setsOf(rows: readonly PlaceRecord[]): ValidatorSetView[] {
  const sets = new Map<number, PlaceRecord[]>();
  for (const row of rows) {
    const fromHeight = Number(row.fromHeight);
    const of = sets.get(fromHeight);
    if (of === undefined) sets.set(fromHeight, [row]);
    else of.push(row);
  }
  return [...sets]
    .sort(([a], [b]) => a - b)
    .map(([fromHeight, places]) => ({
      fromHeight,
      kids: places.sort((a, b) => a.place - b.place).map(({ kid }) => toBase64Url(kid)),
    }));
}

function limitLookup(count: number): void {
  if (count > LOOKUP_ITEMS_MAX)
    throw new ReadModelError('readModels.tooMany', `${count} in one question, ${LOOKUP_ITEMS_MAX} is the limit`);
}

const notReady = (): ReadModelError => new ReadModelError('readModels.notReady', 'the genesis is not projected yet');

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
