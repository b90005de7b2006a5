import { readFile } from 'node:fs/promises';
import { native, tally } from '@gridtokenx/crypto-native';
import { createEmbeddedLog } from '@gridtokenx/embedded-log';
import { createKafkaLog } from '@gridtokenx/kafka';
import { StderrLogger, stopAsked, tellCounters } from '@gridtokenx/nest';
import { createReadModels } from '@gridtokenx/postgres';
import { readGenesis, topicsOf } from '@gridtokenx/protocol';
import { systemClock, type Log } from '@gridtokenx/runtime';
import { gatewayConfig, type GatewayConfig } from './config.js';
import { createGateway } from './create-gateway.js';

const logger = new StderrLogger('gateway');

const openBus = (config: GatewayConfig): Log =>
  config.bus === 'kafka'
    ? createKafkaLog({ brokers: config.brokers, clientId: 'gateway' })
    : createEmbeddedLog({ connectionString: config.databaseUrl });

async function main(): Promise<void> {
  const config = gatewayConfig({ argv: process.argv.slice(2), env: process.env });
  const genesisFile = new Uint8Array(await readFile(config.genesisFile));
  const identity = readGenesis(native, genesisFile);
  const log = openBus(config);
  const readModels = createReadModels(config.databaseUrl);
  try {
    const { operations, consensus } = topicsOf(identity);
    await log.ensureTopics([operations, consensus]);
    const parts = { identity, genesisFile, crypto: native, log, readModels, clock: systemClock };
    const { app } = await createGateway(parts, logger);
    await app.listen({ host: config.host, port: config.port });
    const { ledgerId } = identity;
    process.stdout.write(`${JSON.stringify({ event: 'listening', url: await app.getUrl(), ledgerId })}\n`);
    tellCounters(config.countersMs, () => tally);
    await stopAsked();
    // First nothing new comes in and what is under way is answered, then the ports close.
    await app.close();
  } finally {
    await Promise.allSettled([log.close(), readModels.close()]);
  }
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    logger.fatal(error instanceof Error ? error : new Error(String(error)));
    process.exit(1);
  },
);
