import type { RowsOf, SumRow, TransferRow } from '@gridtokenx/projections';
import { account, amount, bytes, int4, int8, kid, optionalAmount, text } from './columns.js';
import { LISTS } from './list-statements.js';
import { commands, HEIGHT, type Build } from './statements.js';

type Rows = RowsOf<'public'>;
const { copy, statement } = commands<Rows>();

/** An account that was gone may be opened again: its key is known already. */
const accountKeys = statement<string>({
  name: 'insert account keys',
  columns: [kid('kid', (r) => r), account('account', (r) => r)],
  sql: (source, height) =>
    `insert into keys (kid, account, registered_height) select d.kid, d.account, ${height} from ${source}
       on conflict (kid) do nothing`,
  exact: false,
  rowsOf: (rows) => rows.accountKeys,
});

/** Who stands again with the key that it had is known already. */
const signerKeys = statement<Rows['signerKeys'][number]>({
  name: 'insert signer keys',
  columns: [kid('kid', (r) => r.kid), int8('removed_height', (r) => r.removedHeight)],
  sql: (source, height) =>
    `insert into keys as t (kid, registered_height, removed_height) select d.kid, ${height}, d.removed_height from ${source}
       on conflict (kid) do update set removed_height = coalesce(excluded.removed_height, t.removed_height)`,
  exact: true,
  rowsOf: (rows) => rows.signerKeys,
});

const transfers = copy<TransferRow>(
  'transfers',
  (rows) => rows.transfers,
  [
    int4('place', (r) => r.place),
    int4('leaf_index', (r) => r.index),
    bytes('operation_id', (r) => r.operationId),
    account('payer', (r) => r.from),
    account('payee', (r) => r.to),
    amount('amount', (r) => r.amount),
  ],
  { height: HEIGHT },
);

const sums = statement<SumRow>({
  name: 'merge sums',
  columns: [
    text('kind', (r) => r.kind),
    text('id', (r) => r.id),
    optionalAmount('value', (r) => r.value),
    amount('change', (r) => String(r.change)),
    amount('least', (r) => String(r.least)),
  ],
  sql: (source) =>
    `merge into sums as t using ${source} on t.kind = d.kind and t.id = d.id
       when matched then update set amount = greatest(coalesce(d.value, t.amount) + d.change, d.least)
       when not matched then insert (kind, id, amount)
         values (d.kind, d.id, greatest(coalesce(d.value, 0) + d.change, d.least))`,
  exact: true,
  rowsOf: (rows) => rows.sums,
});

/** Of the tables that only the public ledger has, and of what it writes in its own way. */
export const PUBLIC: readonly Build<Rows>[] = [accountKeys, signerKeys, transfers, ...LISTS, sums];
