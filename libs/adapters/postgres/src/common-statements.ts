import type {
  BalanceDelta,
  CommonRows,
  EnvelopeRow,
  HoldRow,
  KeyRow,
  MissedProposalRow,
  OperationRow,
  ValidatorPlaceRow,
} from '@gridtokenx/projections';
import { account, amount, bytes, heldFor, hex, int4, int8, kid, text, type Column } from './columns.js';
import { commands, HEIGHT, type Build, type Statement } from './statements.js';

const { copy, statement } = commands<CommonRows>();

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

const keys = copy<KeyRow>(
  'keys',
  (rows) => rows.keys,
  [
    kid('kid', (r) => r.kid),
    hex('organisation', (r) => r.organisation),
    account('account', (r) => r.account),
    int8('removed_height', (r) => r.removedHeight),
  ],
  { registered_height: HEIGHT },
);

const removedKeys = statement<string>({
  name: 'update removed keys',
  columns: [kid('kid', (r) => r)],
  sql: (source, height) => `update keys as t set removed_height = ${height} from ${source} where t.kid = d.kid`,
  exact: true,
  rowsOf: (rows) => rows.removedKeys,
});

/** A balance that comes to nothing leaves no row: else each interval would leave one per holder, for ever. */
const balances = statement<BalanceDelta>({
  name: 'merge balances',
  columns: [
    account('account', (r) => r.account),
    text('asset', (r) => r.asset),
    amount('available', (r) => String(r.available)),
    amount('held', (r) => String(r.held)),
  ],
  sql: (source) =>
    `merge into balances as t using ${source} on t.account = d.account and t.asset = d.asset
       when matched and t.available = -d.available and t.held = -d.held then delete
       when matched then update set available = t.available + d.available, held = t.held + d.held
       when not matched then insert (account, asset, available, held) values (d.account, d.asset, d.available, d.held)`,
  exact: true,
  rowsOf: (rows) => rows.balances,
});

const holdColumns: readonly Column<HoldRow>[] = [
  heldFor('order_id', (r) => r.order),
  text('asset', (r) => r.asset),
  account('account', (r) => r.account),
  amount('amount', (r) => r.amount),
];

const holds = copy<HoldRow>('holds', (rows) => rows.holds, holdColumns);

const holdChanges = statement<HoldRow>({
  name: 'merge holds',
  columns: holdColumns,
  sql: (source) =>
    `merge into holds as t using ${source} on t.order_id = d.order_id and t.asset = d.asset
       when matched and d.amount = 0 then delete
       when matched then update set amount = d.amount
       when not matched and d.amount <> 0 then
         insert (order_id, asset, account, amount) values (d.order_id, d.asset, d.account, d.amount)`,
  exact: false,
  rowsOf: (rows) => rows.holdChanges,
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

/** The block itself and its body, in one statement: every block has both. */
function blockAndBody({ height, hash, parentHash, timeMs, block }: CommonRows): Statement | undefined {
  if (block === undefined) return undefined;
  return {
    name: 'insert block',
    text: `with body as (insert into block_bodies (height, body) values ($1, $16) returning octet_length(body) as size)
      insert into blocks (height, time_ms, hash, parent_hash, epoch, proposer, round, signer_count,
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

/** Of the tables that each ledger has. */
export const COMMON: readonly Build<CommonRows>[] = [
  blockAndBody,
  operations,
  balances,
  holds,
  holdChanges,
  envelopes,
  keys,
  removedKeys,
  validatorPlaces,
  missedProposals,
];
