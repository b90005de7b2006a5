import { existsSync } from 'node:fs';
import { resolve, join } from 'node:path';
import { parseArgs } from 'node:util';
import { native } from '@gridtokenx/crypto-native';
import { createRowStore, dropProjections, migrate, tableDigests } from '@gridtokenx/postgres';
import { openBus, readGenesisFile } from '@gridtokenx/process';
import { topicsOf, type LedgerIdentity } from '@gridtokenx/protocol';
import { Projector, readToEnd, systemClock, type Log } from '@gridtokenx/runtime';
import { startPostgres } from '@gridtokenx/testkit';
import { lockFolder } from './system/folder-lock.js';

const USAGE = `npm run projections:rebuild -- [options]
  --data <folder>               where the stopped system keeps its state (default .gridtokenx)
  --database-url <url>          instead of the embedded Postgres of that folder
  --bus embedded|kafka          --brokers <host:port,...>
  --genesis <file>              default: those in the folder, one after the other`;

/** Drops the read models, builds them again from block 0, and compares what each table held before with what it holds now. */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      data: { type: 'string', default: '.gridtokenx' },
      'database-url': { type: 'string' },
      bus: { type: 'string', default: 'embedded' },
      brokers: { type: 'string', default: '' },
      genesis: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const folder = resolve(values.data);
  const unlock = await lockFolder(folder);
  const postgres =
    values['database-url'] === undefined ? await startPostgres({ folder: join(folder, 'postgres') }) : undefined;
  const url = values['database-url'] ?? postgres?.url ?? '';
  const log = openBus(
    values.bus === 'kafka'
      ? { kind: 'kafka', brokers: values.brokers.split(',') }
      : { kind: 'embedded', databaseUrl: url },
    'projections-rebuild',
  );
  try {
    const files = values.genesis === undefined ? genesisFilesIn(folder) : [values.genesis];
    if (files.length === 0) throw new Error(`there is no ledger in ${folder}`);
    let equal = true;
    for (const file of files) equal = (await rebuild(url, log, (await readGenesisFile(file)).identity)) && equal;
    return equal ? 0 : 1;
  } finally {
    await log.close();
    await postgres?.stop();
    await unlock();
  }
}

const genesisFilesIn = (folder: string): string[] =>
  ['ledger', 'public-ledger'].map((home) => join(folder, home, 'genesis.json')).filter((file) => existsSync(file));

/** Whether every table of the ledger has the digest that it had before. */
async function rebuild(url: string, log: Log, identity: LedgerIdentity): Promise<boolean> {
  const { kind } = identity.genesis;
  await migrate(url, kind);
  // What was stopped in the middle is caught up first: both digests stand at the last block.
  await project(url, log, identity);
  const before = await tableDigests(url, kind);
  const started = Date.now();
  await dropProjections(url, kind);
  await migrate(url, kind);
  const height = await project(url, log, identity);
  const after = await tableDigests(url, kind);
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  process.stdout.write(`${identity.ledgerId}: rebuilt from block 0 to ${height} in ${seconds} s\n`);
  let equal = true;
  for (const table of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [was, is] = [before[table], after[table]];
    const same = was?.sha256 === is?.sha256;
    equal &&= same;
    process.stdout.write(
      `${same ? 'equal ' : 'DIFFER'}  ${table.padEnd(22)} ${String(is?.rows ?? 0).padStart(8)} rows  ${is?.sha256.slice(0, 16)}\n`,
    );
  }
  process.stdout.write(
    equal
      ? 'every table has the digest it had before\n'
      : 'the rebuilt tables differ: the read models were not a function of the blocks\n',
  );
  return equal;
}

async function project(url: string, log: Log, identity: LedgerIdentity): Promise<number> {
  const store = createRowStore(url, identity.genesis.kind);
  try {
    const { projector, startOffset } = await Projector.start({
      crypto: native,
      identity,
      log,
      store,
      clock: systemClock,
    });
    await readToEnd(log, topicsOf(identity).blocks.name, startOffset, (records) => projector.take(records));
    return projector.height;
  } finally {
    await store.close();
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
}
