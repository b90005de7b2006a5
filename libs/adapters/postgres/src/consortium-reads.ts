import { PAGE_ITEMS_MAX } from '@gridtokenx/runtime';
import type { BookSide, BookView, ConsortiumReads, Found, OrderFilter, Page, TradeFilter } from '@gridtokenx/runtime';
import { Prisma } from './generated/client.js';
import { decodeCursor, encodeCursor, HEIGHT_MAX, limitOf, pageOf } from './page.js';
import { asOf, type ReadSession } from './read-session.js';
import {
  accountIdOf,
  accountView,
  idOf,
  optional,
  orderView,
  organisationView,
  readingView,
  restingOrder,
  tradeView,
  validatorChangeView,
  type OrderRecord,
  type TradeRecord,
} from './views.js';

/** What can be asked of the consortium ledger beside that. */
export function consortiumReads({
  prisma,
  guarded,
  cursorQuery,
  inSnapshot,
  withCursor,
}: ReadSession): ConsortiumReads {
  async function orders(filter: OrderFilter): Promise<Page<ReturnType<typeof orderView>>> {
    const limit = limitOf(filter);
    const [height = HEIGHT_MAX, index = 0] =
      filter.after === undefined ? [] : decodeCursor(filter.after, ['orders'], 2).place;
    const { account, status, intervalStartMs } = filter;
    const conditions = [Prisma.sql`(placed_height, placed_index) < (${BigInt(height)}, ${index})`];
    if (account !== undefined) conditions.push(Prisma.sql`account = ${accountIdOf(account)}`);
    if (status !== undefined) conditions.push(Prisma.sql`status = ${status}`);
    if (intervalStartMs !== undefined) conditions.push(whileBooksWereOpen(intervalStartMs));
    const { asOf: at, rows } = await withCursor<OrderRecord>(Prisma.sql`
      select ${ORDER_COLUMNS} from orders where ${Prisma.join(conditions, ' and ')}
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
      Prisma.sql`select ${TRADE_COLUMNS} from trades
                  where ${Prisma.join([...conditions, ...extra], ' and ')} ${order} limit ${limit + 1}`;
    // Each part from its own index: an OR over two columns would read one of them to its end.
    const id = account === undefined ? undefined : accountIdOf(account);
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
    account: (account) =>
      inSnapshot(
        () => prisma.account.findUnique({ where: { account: accountIdOf(account) } }),
        (row) => optional(row, accountView),
      ),
    organisation: (organisation) =>
      inSnapshot(
        () => prisma.organisation.findUnique({ where: { organisation: idOf(organisation, 16) } }),
        (row) => optional(row, organisationView),
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
                from orders
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
          select ${ORDER_COLUMNS} from orders
           where (placed_height, placed_index) =
                 (select height, leaf_index from operations where operation_id = ${id})`);
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
  };
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

/** The orders of an interval stand between two heights, which the primary key finds without an index on intervals. */
const whileBooksWereOpen = (intervalStartMs: number): Prisma.Sql => {
  const interval = BigInt(intervalStartMs);
  return Prisma.sql`interval_start_ms = ${interval}
    and placed_height >= (select min(opened_height) from books where interval_start_ms = ${interval})
    and placed_height <= (select max(coalesce(closed_height, ${BigInt(HEIGHT_MAX)})) from books
                           where interval_start_ms = ${interval})`;
};
