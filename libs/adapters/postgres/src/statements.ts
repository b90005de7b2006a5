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
  MissedProposalRow,
  OperationRow,
  OrderChange,
  OrderRow,
  OrganisationRow,
  ReadingRow,
  TradeRow,
  ValidatorChangeRow,
  ValidatorPlaceRow,
  ZoneRow,
} from '@gridtokenx/projections';
import {
  amount,
  arrayOf,
  bytes,
  copyData,
  hex,
  int4,
  int8,
  kid,
  optionalKid,
  text,
  words,
  type Column,
} from './columns.js';

/** One command for all rows of one kind; the server plans each statement once per connection, by its name. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
  /** How many rows it has to touch; `undefined` when any number is right. */
  readonly rows: number | undefined;
}

export interface Copy {
  readonly name: string;
  readonly text: string;
  readonly data: Buffer;
  readonly rows: number;
}

type Build = (block: BlockRows) => Statement | Copy | undefined;
type Rows<Row> = (block: BlockRows) => readonly Row[];

/** New rows of a table. Those that the block itself tells (its height, its time) come last, as `own`. */
function copy<Row>(table: string, rowsOf: Rows<Row>, columns: readonly Column<Row>[], own: Own = {}): Build {
  const ownColumns = Object.keys(own);
  const names = [...columns.map(({ name }) => name), ...ownColumns].join(', ');
  const text = `copy consortium.${table} (${names}) from stdin (format binary)`;
  return (block) => {
    const rows = rowsOf(block);
    if (rows.length === 0) return undefined;
    const told = Object.entries(own).map(([name, of]) => int8<Row>(name, () => of(block)));
    return { name: `copy ${table}`, text, data: copyData([...columns, ...told], rows), rows: rows.length };
  };
}

type Own = Readonly<Record<string, (block: BlockRows) => number>>;
const HEIGHT = ({ height }: BlockRows): number => height;
const TIME = ({ timeMs }: BlockRows): number => timeMs;

interface Shape<Row> {
  readonly name: string;
  readonly columns: readonly Column<Row>[];
  /** `source` is a FROM item named `d` that holds the rows; `height` is the block's. */
  readonly sql: (source: string, height: string) => string;
  /** Whether each row has to meet exactly one row of the table. */
  readonly exact: boolean;
  readonly rowsOf: Rows<Row>;
}

/** Changes of rows that stand already. */
function statement<Row>({ name, columns, sql, exact, rowsOf }: Shape<Row>): Build {
  const parameters = columns.map(({ type }, n) => `$${n + 1}::${type}[]`).join(', ');
  const names = columns.map((column) => column.name).join(', ');
  const height = `$${columns.length + 1}::int8`;
  const text = sql(`unnest(${parameters}) as d (${names})`, height);
  const ofHeight = text.includes(height);
  return (block) => {
    const rows = rowsOf(block);
    if (rows.length === 0) return undefined;
    const arrays = columns.map((column) => arrayOf(column, rows));
    const values = ofHeight ? [...arrays, block.height] : arrays;
    return { name, text, values, rows: exact ? rows.length : undefined };
  };
}

const operations = copy<OperationRow>(
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
  { height: HEIGHT },
);

const envelopes = copy<EnvelopeRow>(
  'envelopes',
  (rows) => rows.envelopes,
  [
    bytes('kid', (r) => r.key),
    int8('sequence', (r) => r.sequence),
    bytes('hash', (r) => r.hash),
    int4('first_index', (r) => r.firstIndex),
    int4('operation_count', (r) => r.operationCount),
  ],
  { height: HEIGHT },
);

const organisations = copy<OrganisationRow>(
  'organisations',
  (rows) => rows.organisations,
  [hex('organisation', (r) => r.organisation), text('sector', (r) => r.sector), words('roles', (r) => r.roles)],
  { height: HEIGHT },
);

const accounts = copy<AccountRow>(
  'accounts',
  (rows) => rows.accounts,
  [
    hex('account', (r) => r.account),
    hex('organisation', (r) => r.organisation),
    text('kyc_status', (r) => r.kycStatus),
    int8('kyc_until_ms', (r) => r.kycUntilMs),
  ],
  { opened_height: HEIGHT },
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

const keys = copy<KeyRow>(
  'keys',
  (rows) => rows.keys,
  [
    kid('kid', (r) => r.kid),
    hex('organisation', (r) => r.organisation),
    hex('account', (r) => r.account),
    int8('removed_height', (r) => r.removedHeight),
  ],
  { registered_height: HEIGHT },
);

const removedKeys = statement<string>({
  name: 'update removed keys',
  columns: [kid('kid', (r) => r)],
  sql: (source, height) =>
    `update consortium.keys as t set removed_height = ${height} from ${source} where t.kid = d.kid`,
  exact: true,
  rowsOf: (rows) => rows.removedKeys,
});

/** Those that are given anew take the place of what stood. */
const endedDelegations = statement<Pick<DelegationRow, 'kid' | 'account'>>({
  name: 'delete delegations',
  columns: [kid('kid', (r) => r.kid), hex('account', (r) => r.account)],
  sql: (source) =>
    `delete from consortium.delegations as t using ${source} where t.kid = d.kid and t.account = d.account`,
  exact: false,
  rowsOf: (rows) => [...rows.revokedDelegations, ...rows.delegations],
});

const delegations = copy<DelegationRow>(
  'delegations',
  (rows) => rows.delegations,
  [
    kid('kid', (r) => r.kid),
    hex('account', (r) => r.account),
    words('operations', (r) => r.operations),
    int8('until_ms', (r) => r.untilMs),
  ],
  { height: HEIGHT },
);

const meters = copy<MeterRow>(
  'meters',
  (rows) => rows.meters,
  [
    hex('meter', (r) => r.meter),
    hex('account', (r) => r.account),
    text('zone', (r) => r.zone),
    int8('limit_wh', (r) => r.limitWh),
  ],
  { height: HEIGHT },
);

const zones = copy<ZoneRow>('zones', (rows) => rows.zones, [
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
  sql: (source) =>
    `merge into consortium.balances as t using ${source} on t.account = d.account and t.asset = d.asset
       when matched and t.available = -d.available and t.held = -d.held then delete
       when matched then update set available = t.available + d.available, held = t.held + d.held
       when not matched then insert (account, asset, available, held) values (d.account, d.asset, d.available, d.held)`,
  exact: true,
  rowsOf: (rows) => rows.balances,
});

const holdColumns: readonly Column<HoldRow>[] = [
  hex('order_id', (r) => r.order),
  text('asset', (r) => r.asset),
  hex('account', (r) => r.account),
  amount('amount', (r) => r.amount),
];

const holds = copy<HoldRow>('holds', (rows) => rows.holds, holdColumns);

const holdChanges = statement<HoldRow>({
  name: 'merge holds',
  columns: holdColumns,
  sql: (source) =>
    `merge into consortium.holds as t using ${source} on t.order_id = d.order_id and t.asset = d.asset
       when matched and d.amount = 0 then delete
       when matched then update set amount = d.amount
       when not matched and d.amount <> 0 then
         insert (order_id, asset, account, amount) values (d.order_id, d.asset, d.account, d.amount)`,
  exact: false,
  rowsOf: (rows) => rows.holdChanges,
});

const orders = copy<OrderRow>(
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
  { placed_height: HEIGHT },
);

const orderChanges = statement<OrderChange>({
  name: 'update orders',
  columns: [
    hex('order_id', (r) => r.order),
    int8('remaining_wh', (r) => r.remainingWh),
    text('status', (r) => r.status),
  ],
  sql: (source) =>
    // The operation that placed it knows where it stands: orders have no index of ids of their own.
    `update consortium.orders as t set remaining_wh = d.remaining_wh, status = d.status
       from ${source} join consortium.operations as o on o.operation_id = d.order_id
      where t.placed_height = o.height and t.placed_index = o.leaf_index`,
  exact: true,
  rowsOf: (rows) => rows.orderChanges,
});

const trades = copy<TradeRow>(
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
  { height: HEIGHT, time_ms: TIME },
);

const readings = copy<ReadingRow>(
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
  { height: HEIGHT },
);

const bookKeyColumns = <Row extends BookKey>(): Column<Row>[] => [
  int8('interval_start_ms', (r) => r.intervalStartMs),
  text('to_zone', (r) => r.toZone),
  text('from_zone', (r) => r.fromZone),
];

const books = copy<BookRow>(
  'books',
  (rows) => rows.books,
  [
    ...bookKeyColumns<BookRow>(),
    int8('closes_at_ms', (r) => r.closesAtMs),
    int8('closed_height', (r) => r.closedHeight),
  ],
  { opened_height: HEIGHT },
);

const closedBooks = statement<BookKey>({
  name: 'update closed books',
  columns: bookKeyColumns<BookKey>(),
  sql: (source, height) =>
    `update consortium.books as t set closed_height = ${height} from ${source}
      where t.interval_start_ms = d.interval_start_ms and t.to_zone = d.to_zone and t.from_zone = d.from_zone`,
  exact: true,
  rowsOf: (rows) => rows.closedBooks,
});

const validatorPlaces = copy<ValidatorPlaceRow>('validator_places', (rows) => rows.validatorPlaces, [
  int8('from_height', (r) => r.fromHeight),
  int4('place', (r) => r.place),
  bytes('kid', (r) => r.key),
]);

const missedProposals = copy<MissedProposalRow>(
  'missed_proposals',
  (rows) => rows.missedProposals,
  [int4('round', (r) => r.round), bytes('kid', (r) => r.key)],
  { height: HEIGHT },
);

const ENDS = `('applied', 'dropped', 'withdrawn', 'lapsed')`;

const validatorChanges = statement<ValidatorChangeRow>({
  name: 'merge validator changes',
  columns: [
    hex('change', (r) => r.change),
    text('kind', (r) => r.kind),
    optionalKid('validator', (r) => r.validator),
    optionalKid('key', (r) => r.key),
    hex('organisation', (r) => r.organisation),
    int8('until_ms', (r) => r.untilMs),
    int8('votes', (r) => r.votes),
    int8('needed', (r) => r.needed),
    text('status', (r) => r.status),
    int4('leaf_index', (r) => r.index),
  ],
  sql: (source, height) =>
    `merge into consortium.validator_changes as t
       using (select d.*, case when status in ('decided', 'applied', 'dropped') then ${height} end as decided,
                     case when status in ${ENDS} then ${height} end as ended from ${source}) as d on t.change = d.change
       when matched then update set votes = coalesce(d.votes, t.votes), needed = coalesce(d.needed, t.needed),
         status = d.status, decided_height = coalesce(t.decided_height, d.decided), ended_height = d.ended
       when not matched and d.kind is not null then
         insert (change, kind, validator, key, organisation, until_ms, votes, needed, status, proposed_height,
                 proposed_index, decided_height, ended_height)
         values (d.change, d.kind, d.validator, d.key, d.organisation, d.until_ms, coalesce(d.votes, 0), d.needed,
                 d.status, ${height}, d.leaf_index, d.decided, d.ended)`,
  exact: true,
  rowsOf: (rows) => rows.validatorChanges,
});

/** The block itself and its body, in one statement: every block has both. */
function blockAndBody({ height, hash, parentHash, timeMs, block }: BlockRows): Statement | undefined {
  if (block === undefined) return undefined;
  return {
    name: 'insert block',
    text: `with body as (insert into consortium.block_bodies (height, body) values ($1, $16) returning octet_length(body) as size)
      insert into consortium.blocks (height, time_ms, hash, parent_hash, epoch, proposer, round, signer_count,
        envelope_count, operation_count, rejected_count, hook_count, trade_count, header, certificate, market_time_ms,
        body_bytes)
      select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $17, size from body`,
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
      block.marketTimeMs,
    ],
    rows: 1,
  };
}

/** The order of no two of them matters, but for delegations: a block's rows are what stands after it. */
export const BUILDERS: readonly Build[] = [
  blockAndBody,
  orders,
  orderChanges,
  trades,
  operations,
  balances,
  holds,
  holdChanges,
  envelopes,
  organisations,
  accounts,
  kycChanges,
  keys,
  removedKeys,
  endedDelegations,
  delegations,
  meters,
  zones,
  readings,
  books,
  closedBooks,
  validatorPlaces,
  missedProposals,
  validatorChanges,
];
