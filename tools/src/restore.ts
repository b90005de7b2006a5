import { parseArgs } from 'node:util';
import { createKafkaLog } from '@gridtokenx/kafka';
import { createReadModels } from '@gridtokenx/postgres';
import { readGenesisFile } from '@gridtokenx/process';
import { topicsOf } from '@gridtokenx/protocol';
import { restoreBlocks } from './system/restore-blocks.js';

const USAGE = `npm run topics:restore -- --genesis <file> --brokers <host:port,...> --database-url <url>
  Makes the topics of the ledger on a Kafka that has lost them anew and fills the blocks topic from the read models. When to do
  what stands in docs/operations/chaos.md.`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      genesis: { type: 'string' },
      brokers: { type: 'string' },
      'database-url': { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  const { genesis, brokers, 'database-url': url } = values;
  if (values.help === true || genesis === undefined || brokers === undefined || url === undefined) {
    process.stdout.write(`${USAGE}\n`);
    return values.help === true ? 0 : 2;
  }
  const { identity } = await readGenesisFile(genesis);
  const log = createKafkaLog({ brokers: brokers.split(','), clientId: 'topics-restore' });
  const readModels = createReadModels(url, identity.genesis.kind);
  try {
    const height = await restoreBlocks(log, readModels, topicsOf(identity));
    process.stdout.write(`the blocks topic holds the chain up to block ${height}\n`);
    return 0;
  } finally {
    await log.close();
    await readModels.close();
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
}
