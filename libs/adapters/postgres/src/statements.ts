import type {
  AccountRow,
  BalanceDelta,
  BlockRows,
  BookKey,
  BookRow,
  DelegationRow,
  EnvelopeRow,
  HoldRow,
  KeyRow,
  KycChange,
  MeterRow,
  OperationRow,
  OrderChange,
  OrderRow,
  OrganisationRow,
  ReadingRow,
  TradeRow,
  ZoneRow,
} from '@gridtokenx/projections';
import { amount, bytes, hex, int4, int8, kid, text, words, type Column } from './columns.js';

/** One statement for all rows of one kind. Told by its name, so the server plans it once per connection. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
  /** How many rows it has to touch; `undefined` when any number is right. */
  readonly rows: number | undefined;
}

/** `$1` and `$2` of every statement: the block's height and time. */
const HEIGHT = '$1::int8';
const TIME = '$2::int8';

interface Shape<Row> {
  readonly name: string;
  readonly columns: readonly Column<Row>[];
  readonly sql: (source: string, columns: readonly Column<Row>[]) => string;
  /** Whether each row has to find, or make, exactly one row of the table. */
  readonly exact: boolean;
  readonly rowsOf: (rows: BlockRows) => readonly Row[];
}

type Build = (rows: BlockRows) => Statement | undefined;

/** `source` is a FROM item named `d` that holds the block's rows. */
function statement<Row>({ name, columns, sql, exact, rowsOf }: Shape<Row>): Build {
  const parameters = columns.map(({ type }, n) => `$${n + 3}::${type}[]`).join(', ');
  const names = columns.map((column) => column.name).join(', ');
  const source = `(select ${HEIGHT} as block_height, ${TIME} as block_time, * from unnest(${parameters}) as u (${names})) as d`;
  const statementText = sql(source, columns);
  return (rows) => {
    const own = rowsOf(rows);
    if (own.length === 0) return undefined;
    const values = [rows.height, rows.timeMs, ...columns.map((column) => column.encode(own))];
    return { name, text: statementText, values, rows: exact ? own.length : undefined };
  };
}

const targets = (columns: readonly Column<never>[]): string => columns.map(({ name }) => name).join(', ');
const elements = (columns: readonly Column<never>[]): string =>
  columns.map(({ name, expression }) => expression(`d.${name}`)).join(', ');

/** Inserts; `extra` columns take the height or time of the block, `tail` is an ON CONFLICT clause. */
function insert<Row>(
  table: string,
  rowsOf: (rows: BlockRows) => readonly Row[],
  columns: readonly Column<Row>[],
  extra: Readonly<Record<string, string>> = {},
  tail = '',
): Build {
  const extraNames = Object.keys(extra).map((name) => `, ${name}`);
  const extraValues = Object.values(extra).map((value) => `, ${value}`);
  return statement({
    name: `insert ${table}`,
    columns,
    sql: (source) =>
      `insert into consortium.${table} (${targets(columns)}${extraNames.join('')})
       select ${elements(columns)}${extraValues.join('')} from ${source} ${tail}`,
    exact: true,
    rowsOf,
  });
}

const operations = insert<OperationRow>(
  'operations',
  (rows) => rows.operations,
  [
    bytes('operation_id', (r) => r.operationId),
    int4('leaf_index', (r) => r.index),
    bytes('kid', (r) => r.key),
    text('type', (r) => r.type),
    text('status', (r) => (r.code === undefined ? 'executed' : 'rejected')),
    text('code', (r) => r.code),
  ],
  { height: 'd.block_height' },
);

const envelopes = insert<EnvelopeRow>(
  'envelopes',
  (rows) => rows.envelopes,
  [
    bytes('kid', (r) => r.key),
    int8('sequence', (r) => r.sequence),
    bytes('hash', (r) => r.hash),
    int4('first_index', (r) => r.firstIndex),
    int4('operation_count', (r) => r.operationCount),
  ],
  { height: 'd.block_height' },
);

const organisations = insert<OrganisationRow>(
  'organisations',
  (rows) => rows.organisations,
  [hex('organisation', (r) => r.organisation), text('sector', (r) => r.sector), words('roles', (r) => r.roles)],
  { height: 'd.block_height' },
);

const accounts = insert<AccountRow>(
  'accounts',
  (rows) => rows.accounts,
  [
    hex('account', (r) => r.account),
    hex('organisation', (r) => r.organisation),
    text('kyc_status', (r) => r.kycStatus),
    int8('kyc_until_ms', (r) => r.kycUntilMs),
  ],
  { opened_height: 'd.block_height' },
);

const kycChanges = statement<KycChange>({
  name: 'update kyc',
  columns: [
    hex('account', (r) => r.account),
    text('kyc_status', (r) => r.kycStatus),
    int8('kyc_until_ms', (r) => r.kycUntilMs),
  ],
  sql: (source) =>
    `update consortium.accounts as t set kyc_status = d.kyc_status, kyc_until_ms = d.kyc_until_ms
       from ${source} where t.account = d.account`,
  exact: true,
  rowsOf: (rows) => rows.kycChanges,
});

/** The height of this block in a column for what may have ended in the block that it began in. */
const endedHeight = <Row>(name: string, hasEnded: (row: Row) => boolean): Column<Row> => ({
  ...text<Row>(name, (row) => (hasEnded(row) ? 'yes' : undefined)),
  expression: (element) => `case when ${element} is not null then d.block_height end`,
});

const keys = insert<KeyRow>(
  'keys',
  (rows) => rows.keys,
  [
    kid('kid', (r) => r.kid),
    hex('organisation', (r) => r.organisation),
    hex('account', (r) => r.account),
    endedHeight('removed_height', (r) => r.removed),
  ],
  { registered_height: 'd.block_height' },
);

const removedKeys = statement<string>({
  name: 'update removed keys',
  columns: [kid('kid', (r) => r)],
  sql: (source) => `update consortium.keys as t set removed_height = d.block_height from ${source} where t.kid = d.kid`,
  exact: true,
  rowsOf: (rows) => rows.removedKeys,
});

const delegations = insert<DelegationRow>(
  'delegations',
  (rows) => rows.delegations,
  [
    kid('kid', (r) => r.kid),
    hex('account', (r) => r.account),
    words('operations', (r) => r.operations),
    int8('until_ms', (r) => r.untilMs),
  ],
  { height: 'd.block_height' },
  `on conflict (kid, account) do update
     set operations = excluded.operations, until_ms = excluded.until_ms, height = excluded.height`,
);

const revokedDelegations = statement<Pick<DelegationRow, 'kid' | 'account'>>({
  name: 'delete delegations',
  columns: [kid('kid', (r) => r.kid), hex('account', (r) => r.account)],
  sql: (source) =>
    `delete from consortium.delegations as t using ${source} where t.kid = d.kid and t.account = d.account`,
  exact: false,
  rowsOf: (rows) => rows.revokedDelegations,
});

const meters = insert<MeterRow>(
  'meters',
  (rows) => rows.meters,
  [
    hex('meter', (r) => r.meter),
    hex('account', (r) => r.account),
    text('zone', (r) => r.zone),
    int8('limit_wh', (r) => r.limitWh),
  ],
  { height: 'd.block_height' },
);

const zones = insert<ZoneRow>('zones', (rows) => rows.zones, [
  text('zone', (r) => r.zone),
  hex('operator', (r) => r.operator),
  hex('account', (r) => r.account),
]);

/** A balance that comes to nothing leaves no row: else each interval would leave one per holder, for ever. */
const balances = statement<BalanceDelta>({
  name: 'merge balances',
  columns: [
    hex('account', (r) => r.account),
    text('asset', (r) => r.asset),
    amount('available', (r) => String(r.available)),
    amount('held', (r) => String(r.held)),
  ],
  sql: (source, [account, asset, available, held]) =>
    `merge into consortium.balances as t
     using (select d.${account?.name}, d.${asset?.name}, ${available?.expression('d.available')} as available,
                   ${held?.expression('d.held')} as held
              from ${source}) as s
        on t.account = s.account and t.asset = s.asset
      when matched and t.available + s.available = 0 and t.held + s.held = 0 then delete
      when matched then update set available = t.available + s.available, held = t.held + s.held
      when not matched then insert (account, asset, available, held) values (s.account, s.asset, s.available, s.held)`,
  exact: true,
  rowsOf: (rows) => rows.balances,
});

const holdColumns: readonly Column<HoldRow>[] = [
  hex('order_id', (r) => r.order),
  text('asset', (r) => r.asset),
  hex('account', (r) => r.account),
  amount('amount', (r) => r.amount),
];

const holds = insert<HoldRow>(
  'holds',
  (rows) => rows.holds.filter((hold) => hold.amount !== '0'),
  holdColumns,
  {},
  'on conflict (order_id, asset) do update set amount = excluded.amount',
);

const releasedHolds = statement<HoldRow>({
  name: 'delete holds',
  columns: holdColumns.slice(0, 2),
  sql: (source) =>
    `delete from consortium.holds as t using ${source} where t.order_id = d.order_id and t.asset = d.asset`,
  exact: false,
  rowsOf: (rows) => rows.holds.filter((hold) => hold.amount === '0'),
});

const orders = insert<OrderRow>(
  'orders',
  (rows) => rows.orders,
  [
    hex('order_id', (r) => r.order),
    hex('account', (r) => r.account),
    text('side', (r) => r.side),
    text('from_zone', (r) => r.fromZone),
    text('to_zone', (r) => r.toZone),
    int8('interval_start_ms', (r) => r.intervalStartMs),
    int4('price_ticks', (r) => r.priceTicks),
    int8('quantity_wh', (r) => r.quantityWh),
    int8('remaining_wh', (r) => r.remainingWh),
    text('time_in_force', (r) => r.timeInForce),
    int8('expires_at_ms', (r) => r.expiresAtMs),
    text('status', (r) => r.status),
    int4('placed_index', (r) => r.placedIndex),
    int8('tariff_version', (r) => r.tariffVersion),
  ],
  { placed_height: 'd.block_height' },
);

const orderChanges = statement<OrderChange>({
  name: 'update orders',
  columns: [
    hex('order_id', (r) => r.order),
    int8('remaining_wh', (r) => r.remainingWh),
    text('status', (r) => r.status),
  ],
  sql: (source) =>
    `update consortium.orders as t set remaining_wh = d.remaining_wh, status = d.status
       from ${source} where t.order_id = d.order_id`,
  exact: true,
  rowsOf: (rows) => rows.orderChanges,
});

const trades = insert<TradeRow>(
  'trades',
  (rows) => rows.trades,
  [
    int8('trade', (r) => r.trade),
    hex('bid', (r) => r.bid),
    hex('ask', (r) => r.ask),
    hex('buyer', (r) => r.buyer),
    hex('seller', (r) => r.seller),
    text('from_zone', (r) => r.fromZone),
    text('to_zone', (r) => r.toZone),
    int8('interval_start_ms', (r) => r.intervalStartMs),
    int4('price_ticks', (r) => r.priceTicks),
    int8('quantity_wh', (r) => r.quantityWh),
    amount('notional', (r) => r.notional),
    amount('buyer_fee', (r) => r.buyerFee),
    amount('seller_fee', (r) => r.sellerFee),
    hex('fee_payee', (r) => r.feePayee),
    int8('tariff_version', (r) => r.tariffVersion),
    int4('leaf_index', (r) => r.index),
    bytes('operation_id', (r) => r.operationId),
  ],
  { height: 'd.block_height', time_ms: 'd.block_time' },
);

const readings = insert<ReadingRow>(
  'readings',
  (rows) => rows.readings,
  [
    hex('meter', (r) => r.meter),
    int8('interval_start_ms', (r) => r.intervalStartMs),
    hex('account', (r) => r.account),
    text('zone', (r) => r.zone),
    int8('consumed_wh', (r) => r.consumedWh),
    int8('produced_wh', (r) => r.producedWh),
    int8('minted_wh', (r) => r.mintedWh),
    int8('import_wh', (r) => r.importWh),
    int4('leaf_index', (r) => r.index),
  ],
  { height: 'd.block_height' },
);

const bookKeyColumns = <Row extends BookKey>(): Column<Row>[] => [
  int8('interval_start_ms', (r) => r.intervalStartMs),
  text('to_zone', (r) => r.toZone),
  text('from_zone', (r) => r.fromZone),
];

const books = insert<BookRow>(
  'books',
  (rows) => rows.books,
  [
    ...bookKeyColumns<BookRow>(),
    int8('closes_at_ms', (r) => r.closesAtMs),
    endedHeight('closed_height', (r) => r.closed),
  ],
  { opened_height: 'd.block_height' },
);

const closedBooks = statement<BookKey>({
  name: 'update closed books',
  columns: bookKeyColumns<BookKey>(),
  sql: (source) =>
    `update consortium.books as t set closed_height = d.block_height from ${source}
      where t.interval_start_ms = d.interval_start_ms and t.to_zone = d.to_zone and t.from_zone = d.from_zone`,
  exact: true,
  rowsOf: (rows) => rows.closedBooks,
});

/** The block itself and its body, in one statement: every block has both. */
function blockAndBody({ height, hash, parentHash, timeMs, block }: BlockRows): Statement | undefined {
  if (block === undefined) return undefined;
  return {
    name: 'insert block',
    text: `with body as (insert into consortium.block_bodies (height, body) values ($1, $16) returning octet_length(body) as size)
      insert into consortium.blocks (height, time_ms, hash, parent_hash, epoch, proposer, round, signer_count,
        envelope_count, operation_count, rejected_count, hook_count, trade_count, header, certificate, body_bytes)
      select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, size from body`,
    values: [
      height,
      timeMs,
      Buffer.from(hash),
      Buffer.from(parentHash),
      block.epoch,
      block.proposer,
      block.round,
      block.signerCount,
      block.envelopeCount,
      block.operationCount,
      block.rejectedCount,
      block.hookCount,
      block.tradeCount,
      Buffer.from(block.header),
      Buffer.from(block.certificate),
      Buffer.from(block.body),
    ],
    rows: 1,
  };
}

/** New rows before the changes of old ones; otherwise the order does not matter. */
export const BUILDERS: readonly Build[] = [
  blockAndBody,
  orders,
  orderChanges,
  trades,
  operations,
  balances,
  holds,
  releasedHolds,
  envelopes,
  organisations,
  accounts,
  kycChanges,
  keys,
  removedKeys,
  delegations,
  revokedDelegations,
  meters,
  zones,
  readings,
  books,
  closedBooks,
];
