import { native, tally } from '@gridtokenx/crypto-native';
import { StderrLogger, stopAsked, tellCounters } from '@gridtokenx/nest';
import { createReadModels, type ReadModelsOf } from '@gridtokenx/postgres';
import { busOf, openBus, readGenesisFile, runProcess } from '@gridtokenx/process';
import { topicsOf, type LedgerKind } from '@gridtokenx/protocol';
import { systemClock } from '@gridtokenx/runtime';
import { gatewayConfig } from './config.js';
import { createGateway } from './create-gateway.js';
import type { LedgerParts } from './parts.js';

const logger = new StderrLogger('gateway');

async function main(): Promise<void> {
  const config = gatewayConfig({ argv: process.argv.slice(2), env: process.env });
  const log = openBus(busOf(config), 'gateway');
  const closing: (() => Promise<void>)[] = [() => log.close()];
  const openLedger = async <K extends LedgerKind>(kind: K, file: string): Promise<LedgerParts<ReadModelsOf[K]>> => {
    const { identity, bytes: genesisFile } = await readGenesisFile(file, kind);
    const { operations, consensus } = topicsOf(identity);
    await log.ensureTopics([operations, consensus]);
    const readModels = createReadModels(config.databaseUrl, kind);
    closing.push(() => readModels.close());
    return { identity, genesisFile, readModels };
  };
  try {
    const consortium = await openLedger('consortium', config.genesisFile);
    const open = config.publicGenesisFile;
    const ledgers = { consortium, public: open === undefined ? undefined : await openLedger('public', open) };
    const { app } = await createGateway({ crypto: native, log, clock: systemClock, ledgers }, logger);
    await app.listen({ host: config.host, port: config.port });
    const { ledgerId } = consortium.identity;
    const publicLedgerId = ledgers.public?.identity.ledgerId;
    process.stdout.write(
      `${JSON.stringify({ event: 'listening', url: await app.getUrl(), ledgerId, publicLedgerId })}\n`,
    );
    tellCounters(config.countersMs, () => tally);
    await stopAsked();
    // First nothing new comes in and what is under way is answered, then the ports close.
    await app.close();
  } finally {
    await Promise.allSettled(closing.map((close) => close()));
  }
}

runProcess(logger, main);
