import type { RowsOf } from '@gridtokenx/projections';
import { account, kid } from './columns.js';
import { commands, type Build } from './statements.js';

type Rows = RowsOf<'public'>;
const { statement } = commands<Rows>();

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

/** Of the tables that only the public ledger has, and of what it writes in its own way. */
export const PUBLIC: readonly Build<Rows>[] = [accountKeys];
