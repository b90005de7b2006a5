import { native, tally } from '@gridtokenx/crypto-native';
import { StderrLogger, stopAsked, tellCounters } from '@gridtokenx/nest';
import { createReadModels } from '@gridtokenx/postgres';
import { busOf, openBus, readGenesisFile, runProcess } from '@gridtokenx/process';
import { topicsOf } from '@gridtokenx/protocol';
import { systemClock } from '@gridtokenx/runtime';
import { gatewayConfig } from './config.js';
import { createGateway } from './create-gateway.js';

const logger = new StderrLogger('gateway');

async function main(): Promise<void> {
  const config = gatewayConfig({ argv: process.argv.slice(2), env: process.env });
  const { identity, bytes: genesisFile } = await readGenesisFile(config.genesisFile, 'consortium');
  const log = openBus(busOf(config), 'gateway');
  const readModels = createReadModels(config.databaseUrl, 'consortium');
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

runProcess(logger, main);
