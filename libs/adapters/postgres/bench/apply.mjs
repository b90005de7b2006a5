// How long a full block takes to become rows. Needs a Postgres whose read models it may empty:
//   DATABASE_URL=postgres://... node libs/adapters/postgres/bench/apply.mjs [blocks] [operations per envelope]
import { createRowStore, dropProjections, migrate } from '../dist/index.js';
import { SyntheticLedger } from '../dist/synthetic.js';
import { blockRows } from '@gridtokenx/projections';

const OPERATIONS = 10_000;
const connectionString = process.env.DATABASE_URL;
if (connectionString === undefined) throw new Error('DATABASE_URL says which Postgres to fill');
const blocks = Number(process.argv[2] ?? 12);
const perEnvelope = Number(process.argv[3] ?? 100);

await migrate(connectionString, 'consortium');
await dropProjections(connectionString, 'consortium');
const ledger = new SyntheticLedger({ accounts: 5_000, rejected: 0, closes: false });
const store = createRowStore(connectionString, 'consortium');
await store.apply([ledger.genesis], 0);
const projectMs = [];
const applyMs = [];
let size = '';
for (let n = 1; n <= blocks; n++) {
  const block = ledger.block(OPERATIONS, perEnvelope);
  const begun = performance.now();
  const rows = blockRows(block);
  const projected = performance.now();
  const { kind } = await store.apply([rows], n);
  if (kind !== 'applied') throw new Error(`block ${n} was ${kind}`);
  projectMs.push(projected - begun);
  applyMs.push(performance.now() - projected);
  const { operations, orders, trades, balances, holds, envelopes } = rows;
  size = `${operations.length} operations, ${orders.length} orders, ${trades.length} trades, ${balances.length} balance deltas, ${holds.length} holds, ${envelopes.length} envelopes`;
}
await store.close();
const [project, apply] = [projectMs, applyMs].map((all) => all.toSorted((a, b) => a - b));
const at = (sorted, part) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]);
process.stdout.write(
  `${JSON.stringify({ blocks, size, projectMs: { median: at(project, 0.5), worst: at(project, 1) }, applyMs: { first: Math.round(applyMs[0]), median: at(apply, 0.5), worst: at(apply, 1) } }, null, 2)}\n`,
);
