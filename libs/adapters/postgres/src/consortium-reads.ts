import type { ConsortiumFacts, ConsortiumRecords, SettlementFact } from '@gridtokenx/projections';
import type { EventOf } from '@gridtokenx/protocol';
import { PAGE_ITEMS_MAX } from '@gridtokenx/runtime';
import type {
  BookFilter,
  BookSide,
  BookSummary,
  BookView,
  ConsortiumReads,
  ContractView,
  FactView,
  Found,
  OrderFilter,
  Page,
  PositionFact,
  StatementFacts,
  StatementFilter,
  TradeFilter,
} from '@gridtokenx/runtime';
import { Prisma } from './generated/client.js';
import type { Book, Reading } from './generated/client.js';
import { decodeCursor, encodeCursor, HEIGHT_MAX, limitLookup, limitOf, pageOf } from './page.js';
import { listReads, whereOf, type Told } from './list-reads.js';
import { networkSources } from './network-reads.js';
import { placedLists, type Placed } from './placed-lists.js';
import { asOf, type ReadSession } from './read-session.js';
import {
  accountIdOf,
  accountView,
  bookSummary,
  idOf,
  meterView,
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
export function consortiumReads(session: ReadSession): ConsortiumReads {
  const { prisma, guarded, cursorQuery, inSnapshot, withCursor } = session;
  const list = placedLists(withCursor);

  async function orders(filter: OrderFilter): Promise<Page<ReturnType<typeof orderView>>> {
    const limit = limitOf(filter);
    const [height = HEIGHT_MAX, index = 0] =
      filter.after === undefined ? [] : decodeCursor(filter.after, ['orders'], 2).place;
    const { account, status, intervalStartMs } = filter;
    const conditions = [Prisma.sql`(placed_height, placed_index) < (${BigInt(height)}, ${index})`, ...ofBook(filter)];
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

  async function trades<Row extends TradeRecord, View>(
    filter: TradeFilter,
    columns: Prisma.Sql,
    view: (row: Row) => View,
    extra: readonly Prisma.Sql[] = [],
  ): Promise<Page<View>> {
    const limit = limitOf(filter);
    const begun =
      filter.after === undefined ? undefined : decodeCursor(filter.after, ['tradesNewest', 'tradesOldest'], 1);
    const kind = begun?.kind ?? (filter.oldestFirst === true ? 'tradesOldest' : 'tradesNewest');
    const upwards = kind === 'tradesOldest';
    const from = BigInt(begun?.place[0] ?? (upwards ? 0 : HEIGHT_MAX));
    const order = upwards ? Prisma.sql`order by trade` : Prisma.sql`order by trade desc`;
    const conditions = [
      upwards ? Prisma.sql`trade > ${from}` : Prisma.sql`trade < ${from}`,
      ...ofBook(filter),
      ...extra,
    ];
    const { account } = filter;
    const some = (ofAccount: readonly Prisma.Sql[]): Prisma.Sql =>
      Prisma.sql`select ${columns} from trades t
                  where ${Prisma.join([...conditions, ...ofAccount], ' and ')} ${order} limit ${limit + 1}`;
    // Each part from its own index: an OR over two columns would read one of them to its end.
    const id = account === undefined ? undefined : accountIdOf(account);
    const query =
      id === undefined
        ? some([])
        : Prisma.sql`select * from ((${some([Prisma.sql`buyer = ${id}`])}) union all
            (${some([Prisma.sql`seller = ${id}`, Prisma.sql`buyer <> ${id}`])})) t ${order} limit ${limit + 1}`;
    const { asOf: at, rows } = await withCursor<Row>(query);
    rows.sort((a, b) => Number(upwards ? a.trade - b.trade : b.trade - a.trade));
    return { ...at, ...pageOf(rows, limit, view, ({ trade }) => encodeCursor(kind, [Number(trade)])) };
  }

  async function statementFacts({ account, fromMs, untilMs, limit }: StatementFilter): Promise<Found<StatementFacts>> {
    const intervalStartMs = { gte: BigInt(fromMs), lt: BigInt(untilMs) };
    const id = account === undefined ? undefined : accountIdOf(account);
    const [cursor, readings, trades, settlements, balances] = await prisma.$transaction(
      [
        cursorQuery(),
        prisma.$queryRaw<Reading[]>`
          select ${READING_COLUMNS} from readings
           where interval_start_ms >= ${intervalStartMs.gte} and interval_start_ms < ${intervalStartMs.lt}
             and ${id === undefined ? Prisma.sql`true` : Prisma.sql`meter in (select meter from meters where account = ${id})`}
           limit ${limit + 1}`,
        prisma.trade.findMany({
          where: { intervalStartMs, ...(id !== undefined && { OR: [{ buyer: id }, { seller: id }] }) },
          orderBy: { trade: 'asc' },
          take: limit + 1,
        }),
        prisma.settlement.findMany({
          where: { intervalStartMs, ...(id !== undefined && { account: id }) },
          orderBy: [{ height: 'asc' }, { place: 'asc' }],
          take: limit + 1,
        }),
        prisma.$queryRaw<{ asset: string; wh: string }[]>`
          select asset, sum(available + held)::text as wh from balances
           where asset <> 'WATT' and ${id === undefined} group by asset`,
      ],
      { isolationLevel: 'RepeatableRead' },
    );
    const at = asOf(cursor);
    if ([readings, trades, settlements].some(({ length }) => length > limit)) return { ...at, value: undefined };
    const seen = new Set<string>();
    return {
      ...at,
      value: {
        readings: readings.map(readingView),
        trades: trades.map(tradeView),
        // An event that is about two accounts stands once for each.
        settlements: settlements
          .map(({ height, leafIndex, eventIndex, body }) => ({
            ...{ height: Number(height), index: leafIndex, event: eventIndex },
            body: body as unknown as SettlementFact,
          }))
          .filter(({ height, index, event }) => {
            const key = `${height}:${index}:${event}`;
            return !seen.has(key) && seen.add(key);
          }),
        balances: new Map(balances.map(({ asset, wh }) => [asset, BigInt(wh)])),
      },
    };
  }

  return {
    ...listReads<ConsortiumFacts, ConsortiumRecords>(session).reads,
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
    markets: ({ open, ...filter }) =>
      guarded(() =>
        list<Book & Placed, BookSummary>(
          filter,
          (within, tail) => {
            const conditions = [within(Prisma.raw('opened_height'), Prisma.raw('opened_place')), ...ofBook(filter)];
            if (open !== undefined)
              conditions.push(open ? Prisma.sql`closed_height is null` : Prisma.sql`closed_height is not null`);
            return Prisma.sql`select ${BOOK_COLUMNS} from books where ${Prisma.join(conditions, ' and ')} ${tail}`;
          },
          bookSummary,
        ),
      ),

    book: (named) =>
      guarded(async (): Promise<Found<BookView>> => {
        const ofPlace = Prisma.join(ofBook(named), ' and ');
        const newest = Prisma.sql`select ${BOOK_COLUMNS} from books where ${ofPlace}
           order by opened_height desc, opened_place desc limit 1`;
        const ofNewest = Prisma.sql`${ofPlace} and status = 'open'
          and (mechanism, phase) = (select mechanism, phase from (${newest}) n)`;
        const resting = (side: 'bid' | 'ask') => prisma.$queryRaw<OrderRecord[]>`
          select ${ORDER_COLUMNS} from orders where ${ofNewest} and side = ${side}
           order by price_ticks ${Prisma.raw(side === 'bid' ? 'desc' : 'asc')}, placed_height, placed_index
           limit ${PAGE_ITEMS_MAX}`;
        const [cursor, books, levels, bids, asks] = await prisma.$transaction(
          [
            cursorQuery(),
            prisma.$queryRaw<Book[]>`${newest}`,
            prisma.$queryRaw<LevelRecord[]>`
              select side, price_ticks as "priceTicks", sum(remaining_wh)::text as "quantityWh", count(*) as orders
                from orders where ${ofNewest} group by side, price_ticks order by price_ticks`,
            resting('bid'),
            resting('ask'),
          ],
          { isolationLevel: 'RepeatableRead' },
        );
        const side = (name: 'bid' | 'ask', rows: readonly OrderRecord[]): BookSide => {
          const own = levels
            .filter((level) => level.side === name)
            .map(({ priceTicks, quantityWh, orders: count }) => ({ priceTicks, quantityWh, orders: Number(count) }));
          return { levels: name === 'bid' ? own.reverse() : own, orders: rows.map(restingOrder) };
        };
        const value = optional(books[0], (row) => ({
          ...bookSummary(row),
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
    trades: (filter) => guarded(() => trades(filter, TRADE_COLUMNS, tradeView)),
    contracts: ({ open, ...filter }) =>
      guarded(() =>
        trades<ContractRecord, ContractView>(
          { ...filter, phase: 'forward' },
          Prisma.sql`${TRADE_COLUMNS}, (${aboutContract('settlement.contractSettled')}) as events,
            (${aboutContract('market.contractCut')}) as cuts`,
          ({ events, cuts, ...row }) => ({ ...tradeView(row), cuts: cuts ?? [], settled: events?.[0] }),
          open === undefined
            ? []
            : [Prisma.sql`(${aboutContract('settlement.contractSettled')}) is ${Prisma.raw(open ? '' : 'not')} null`],
        ),
      ),
    networkSources: (fromMs, toMs) =>
      guarded(async () => {
        const { asOf: at, value } = await networkSources(session, fromMs, toMs);
        return { ...at, value };
      }),
    positions: (account, filter) =>
      guarded(() =>
        list<SettlementRecord, FactView<PositionFact>>(
          filter,
          (within, tail) => Prisma.sql`
            select s.height as "atHeight", s.place as "atPlace", s.leaf_index as "leafIndex", s.body, b.time_ms as "timeMs",
                   null::bytea as "operationId"
              from settlements s join blocks b on b.height = s.height
             where s.account = ${accountIdOf(account)} and s.body->>'type' in ('settlement.positionSettled', 'settlement.positionCorrected')
               and ${within(Prisma.raw('s.height'), Prisma.raw('s.place'))} ${tail}`,
          ({ body, ...row }) => ({ fact: body, ...whereOf(row) }),
        ),
      ),
    statementFacts: (filter) => guarded(() => statementFacts(filter)),
    meters: (ids) =>
      guarded(async () => {
        limitLookup(ids.length);
        const { value, ...at } = await inSnapshot(
          () => prisma.meter.findMany({ where: { meter: { in: ids.map((id) => idOf(id, 16)) } } }),
          (rows) => rows.map(meterView),
        );
        return { ...at, value };
      }),
    readings: async (meter, page) => {
      const limit = limitOf(page);
      const [start, version] = page.after === undefined ? [] : decodeCursor(page.after, ['readings'], 2).place;
      const { value, ...at } = await inSnapshot(
        () =>
          prisma.reading.findMany({
            where: {
              meter: idOf(meter, 16),
              ...(start === undefined || version === undefined
                ? {}
                : {
                    OR: [
                      { intervalStartMs: { lt: BigInt(start) } },
                      { intervalStartMs: BigInt(start), version: { lt: version } },
                    ],
                  }),
            },
            orderBy: [{ intervalStartMs: 'desc' }, { version: 'desc' }],
            take: limit + 1,
          }),
        (rows) =>
          pageOf(rows, limit, readingView, (row) =>
            encodeCursor('readings', [Number(row.intervalStartMs), row.version]),
          ),
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

interface ContractRecord extends TradeRecord {
  readonly events: readonly EventOf<'settlement.contractSettled'>[] | null;
  readonly cuts: readonly EventOf<'market.contractCut'>[] | null;
}

interface SettlementRecord extends Told {
  readonly body: PositionFact;
}

/** Events of this kind about the contract `t`, in their order; nothing where there are none. */
const aboutContract = (type: SettlementFact['type']): Prisma.Sql => Prisma.sql`
  select jsonb_agg(s.body order by s.height, s.place) from settlements s
   where s.interval_start_ms = t.interval_start_ms and s.account = t.buyer and s.zone = t.to_zone
     and s.body->>'type' = ${type} and (s.body->>'trade')::bigint = t.trade and s.body->>'buyer' = encode(t.buyer, 'hex')`;

interface LevelRecord {
  readonly side: string;
  readonly priceTicks: number;
  readonly quantityWh: string;
  readonly orders: bigint;
}

const BOOK_KEY = `mechanism, phase, from_zone as "fromZone", to_zone as "toZone", interval_start_ms as "intervalStartMs"`;

const BOOK_COLUMNS = Prisma.raw(`${BOOK_KEY}, opened_height as "openedHeight", opened_height as "atHeight",
  opened_place as "openedPlace", opened_place as "atPlace", closes_at_ms as "closesAtMs", closed_height as "closedHeight",
  tariff_version as "tariffVersion", tariff_hash as "tariffHash", wheeling, operator_from as "operatorFrom",
  operator_to as "operatorTo", platform, tax`);

const ORDER_COLUMNS =
  Prisma.raw(`order_id as "orderId", account, side, ${BOOK_KEY}, price_ticks as "priceTicks", quantity_wh as "quantityWh",
  remaining_wh as "remainingWh", time_in_force as "timeInForce", expires_at_ms as "expiresAtMs", status,
  valid_from_ms as "validFromMs",
  placed_height as "placedHeight", placed_index as "placedIndex", tariff_version as "tariffVersion"`);

const READING_COLUMNS = Prisma.raw(`meter, interval_start_ms as "intervalStartMs", version, quality, account, zone,
  consumed_wh as "consumedWh", produced_wh as "producedWh", minted_wh as "mintedWh", import_wh as "importWh", height,
  leaf_index as "leafIndex", event_index as "eventIndex"`);

const TRADE_COLUMNS = Prisma.raw(`trade, bid, ask, buyer, seller, ${BOOK_KEY}, price_ticks as "priceTicks",
  quantity_wh as "quantityWh", notional, buyer_fee as "buyerFee", seller_fee as "sellerFee", wheeling,
  fee_payee as "feePayee", to_operator as "toOperator", from_operator as "fromOperator", platform, tax,
  tariff_version as "tariffVersion", tariff_hash as "tariffHash", height, leaf_index as "leafIndex",
  event_index as "eventIndex", time_ms as "timeMs", operation_id as "operationId"`);

/** Of rows that name their book, those of the books that the filter names. */
function ofBook({ mechanism, phase, fromZone, toZone, intervalStartMs }: BookFilter): Prisma.Sql[] {
  return [
    ...(intervalStartMs === undefined ? [] : [Prisma.sql`interval_start_ms = ${BigInt(intervalStartMs)}`]),
    ...(toZone === undefined ? [] : [Prisma.sql`to_zone = ${toZone}`]),
    ...(fromZone === undefined ? [] : [Prisma.sql`from_zone = ${fromZone}`]),
    ...(phase === undefined ? [] : [Prisma.sql`phase = ${phase}`]),
    ...(mechanism === undefined ? [] : [Prisma.sql`mechanism = ${mechanism}`]),
  ];
}

/** The orders of an interval stand between two heights, which the primary key finds without an index on intervals. */
const whileBooksWereOpen = (intervalStartMs: number): Prisma.Sql => {
  const interval = BigInt(intervalStartMs);
  return Prisma.sql`placed_height >= (select min(opened_height) from books where interval_start_ms = ${interval})
    and placed_height <= (select max(coalesce(closed_height, ${BigInt(HEIGHT_MAX)})) from books
                           where interval_start_ms = ${interval})`;
};
