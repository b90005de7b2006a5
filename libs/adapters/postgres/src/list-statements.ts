import type { CommonRows, FactRow, RecordRow } from '@gridtokenx/projections';
import { bytes, int4, json, text } from './columns.js';
import { commands, HEIGHT, type Build } from './statements.js';

type Rows = CommonRows & { readonly facts: readonly FactRow[]; readonly records: readonly RecordRow[] };
const { copy, statement } = commands<Rows>();

const facts = copy<FactRow>(
  'facts',
  (rows) => rows.facts,
  [
    text('topic', (r) => r.topic),
    text('subject', (r) => r.subject),
    int4('place', (r) => r.place),
    int4('leaf_index', (r) => r.index),
    bytes('operation_id', (r) => r.operationId),
    json('body', (r) => r.body),
  ],
  { height: HEIGHT },
);

const records = statement<RecordRow>({
  name: 'merge records',
  columns: [
    text('kind', (r) => r.kind),
    text('parent', (r) => r.parent),
    text('id', (r) => r.id),
    int4('place', (r) => r.place),
    int4('replaces', (r) => (r.replaces ? 1 : 0)),
    json('body', (r) => r.body),
    json('fresh', (r) => r.fresh),
  ],
  sql: (source, height) =>
    `merge into records as t using ${source} on t.kind = d.kind and t.parent = d.parent and t.id = d.id
       when matched and d.body is null then delete
       when matched then update set body = case d.replaces when 1 then d.body else t.body || d.body end,
         height = ${height}
       when not matched and d.fresh is not null then
         insert (kind, parent, id, body, began_height, began_place, height)
         values (d.kind, d.parent, d.id, d.fresh, ${height}, d.place, ${height})`,
  exact: false,
  rowsOf: (rows) => rows.records,
});

/** Of what has no table of its own. */
export const LISTS: readonly Build<Rows>[] = [facts, records];
