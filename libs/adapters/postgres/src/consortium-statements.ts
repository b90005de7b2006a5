import type {
  AccountRow,
  BookKey,
  BookRow,
  BookTerms,
  DelegationRow,
  KycChange,
  MeterLimit,
  MeterRow,
  OrderChange,
  OrderRow,
  OrganisationRow,
  ReadingRow,
  RowsOf,
  SettlementRow,
  TradeRow,
  ValidatorChangeRow,
  ZoneRow,
} from '@gridtokenx/projections';
import {
  account,
  amount,
  bytes,
  hex,
  int4,
  int8,
  json,
  kid,
  optionalKid,
  text,
  words,
  type Column,
} from './columns.js';
import { LISTS } from './list-statements.js';
import { commands, HEIGHT, TIME, type Build } from './statements.js';

type Rows = RowsOf<'consortium'>;
const { copy, statement } = commands<Rows>();

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
    account('account', (r) => r.account),
    hex('organisation', (r) => r.organisation),
    text('kyc_status', (r) => r.kycStatus),
    int8('kyc_until_ms', (r) => r.kycUntilMs),
  ],
  { opened_height: HEIGHT },
);

const kycChanges = statement<KycChange>({
  name: 'update kyc',
  columns: [
    account('account', (r) => r.account),
    text('kyc_status', (r) => r.kycStatus),
    int8('kyc_until_ms', (r) => r.kycUntilMs),
  ],
  sql: (source) =>
    `update accounts as t set kyc_status = d.kyc_status, kyc_until_ms = d.kyc_until_ms
       from ${source} where t.account = d.account`,
  exact: true,
  rowsOf: (rows) => rows.kycChanges,
});

/** Those that are given anew take the place of what stood. */
const endedDelegations = statement<Pick<DelegationRow, 'kid' | 'account'>>({
  name: 'delete delegations',
  columns: [kid('kid', (r) => r.kid), account('account', (r) => r.account)],
  sql: (source) => `delete from delegations as t using ${source} where t.kid = d.kid and t.account = d.account`,
  exact: false,
  rowsOf: (rows) => [...rows.revokedDelegations, ...rows.delegations],
});

const delegations = copy<DelegationRow>(
  'delegations',
  (rows) => rows.delegations,
  [
    kid('kid', (r) => r.kid),
    account('account', (r) => r.account),
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
    account('account', (r) => r.account),
    text('zone', (r) => r.zone),
    int8('limit_wh', (r) => r.limitWh),
    int4('register_digits', (r) => r.registerDigits),
  ],
  { height: HEIGHT },
);

const meterLimits = statement<MeterLimit>({
  name: 'update meters',
  columns: [
    hex('meter', (r) => r.meter),
    int8('limit_wh', (r) => r.limitWh),
    int4('register_digits', (r) => r.registerDigits),
  ],
  sql: (source) =>
    `update meters as t set limit_wh = d.limit_wh, register_digits = d.register_digits from ${source} where t.meter = d.meter`,
  exact: true,
  rowsOf: (rows) => rows.meterLimits,
});

const zones = copy<ZoneRow>('zones', (rows) => rows.zones, [
  text('zone', (r) => r.zone),
  hex('operator', (r) => r.operator),
  account('account', (r) => r.account),
]);

const bookKeyColumns = <Row extends BookKey>(): Column<Row>[] => [
  text('mechanism', (r) => r.mechanism),
  text('phase', (r) => r.phase),
  text('from_zone', (r) => r.fromZone),
  text('to_zone', (r) => r.toZone),
  int8('interval_start_ms', (r) => r.intervalStartMs),
];

const orders = copy<OrderRow>(
  'orders',
  (rows) => rows.orders,
  [
    hex('order_id', (r) => r.order),
    account('account', (r) => r.account),
    text('side', (r) => r.side),
    ...bookKeyColumns<OrderRow>(),
    int4('price_ticks', (r) => r.priceTicks),
    int8('quantity_wh', (r) => r.quantityWh),
    int8('remaining_wh', (r) => r.remainingWh),
    text('time_in_force', (r) => r.timeInForce),
    int8('expires_at_ms', (r) => r.expiresAtMs),
    text('status', (r) => r.status),
    int8('valid_from_ms', (r) => r.validFromMs),
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
    `update orders as t set remaining_wh = coalesce(d.remaining_wh, t.remaining_wh), status = d.status
       from ${source} join operations as o on o.operation_id = d.order_id
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
    account('buyer', (r) => r.buyer),
    account('seller', (r) => r.seller),
    ...bookKeyColumns<TradeRow>(),
    int4('price_ticks', (r) => r.priceTicks),
    int8('quantity_wh', (r) => r.quantityWh),
    amount('notional', (r) => r.notional),
    amount('buyer_fee', (r) => r.buyerFee),
    amount('seller_fee', (r) => r.sellerFee),
    amount('wheeling', (r) => r.wheeling),
    account('fee_payee', (r) => r.feePayee),
    amount('to_operator', (r) => r.toOperator),
    amount('from_operator', (r) => r.fromOperator),
    amount('platform', (r) => r.platform),
    amount('tax', (r) => r.tax),
    int8('tariff_version', (r) => r.tariffVersion),
    hex('tariff_hash', (r) => r.tariffHash),
    int4('leaf_index', (r) => r.index),
    int4('event_index', (r) => r.event),
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
    int4('version', (r) => r.version),
    text('quality', (r) => r.quality),
    account('account', (r) => r.account),
    text('zone', (r) => r.zone),
    int8('consumed_wh', (r) => r.consumedWh),
    int8('produced_wh', (r) => r.producedWh),
    int8('minted_wh', (r) => r.mintedWh),
    int8('import_wh', (r) => r.importWh),
    int4('leaf_index', (r) => r.index),
    int4('event_index', (r) => r.event),
  ],
  { height: HEIGHT },
);

const settlements = copy<SettlementRow>(
  'settlements',
  (rows) => rows.settlements,
  [
    int8('interval_start_ms', (r) => r.intervalStartMs),
    account('account', (r) => r.account),
    text('zone', (r) => r.zone),
    int4('place', (r) => r.place),
    int4('leaf_index', (r) => r.index),
    int4('event_index', (r) => r.event),
    json('body', (r) => r.body),
  ],
  { height: HEIGHT },
);

const bookTermsColumns = <Row extends BookTerms>(): Column<Row>[] => [
  int8('tariff_version', (r) => r.tariffVersion),
  hex('tariff_hash', (r) => r.tariffHash),
  int8('wheeling', (r) => r.wheeling),
  account('operator_from', (r) => r.operatorFrom),
  account('operator_to', (r) => r.operatorTo),
  account('platform', (r) => r.platform),
  account('tax', (r) => r.tax),
];

const books = copy<BookRow>(
  'books',
  (rows) => rows.books,
  [
    ...bookKeyColumns<BookRow>(),
    int4('opened_place', (r) => r.openedPlace),
    int8('closes_at_ms', (r) => r.closesAtMs),
    int8('closed_height', (r) => r.closedHeight),
    ...bookTermsColumns<BookRow>(),
  ],
  { opened_height: HEIGHT },
);

const SAME_BOOK = `t.interval_start_ms = d.interval_start_ms and t.to_zone = d.to_zone and t.from_zone = d.from_zone
        and t.phase = d.phase and t.mechanism = d.mechanism`;

const repricedBooks = statement<BookKey & BookTerms>({
  name: 'update repriced books',
  columns: [...bookKeyColumns<BookKey & BookTerms>(), ...bookTermsColumns<BookKey & BookTerms>()],
  sql: (source) =>
    `update books as t set tariff_version = d.tariff_version, tariff_hash = d.tariff_hash, wheeling = d.wheeling,
        operator_from = d.operator_from, operator_to = d.operator_to, platform = d.platform, tax = d.tax
       from ${source} where ${SAME_BOOK}`,
  exact: true,
  rowsOf: (rows) => rows.repricedBooks,
});

const closedBooks = statement<BookKey>({
  name: 'update closed books',
  columns: bookKeyColumns<BookKey>(),
  sql: (source, height) =>
    `update books as t set closed_height = ${height} from ${source}
      where ${SAME_BOOK}`,
  exact: true,
  rowsOf: (rows) => rows.closedBooks,
});

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
    `merge into validator_changes as t
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

/** Of the tables that only the consortium ledger has. The order matters for delegations alone. */
export const CONSORTIUM: readonly Build<Rows>[] = [
  orders,
  orderChanges,
  trades,
  organisations,
  accounts,
  kycChanges,
  endedDelegations,
  delegations,
  meters,
  meterLimits,
  zones,
  readings,
  books,
  repricedBooks,
  closedBooks,
  validatorChanges,
  settlements,
  ...LISTS,
];
