import 'reflect-metadata';
import { join } from 'node:path';
import { createChecker, native, tally } from '@gridtokenx/crypto-native';
import { openSignerFiles, openSnapshotFiles, readKeyFolder } from '@gridtokenx/keystore';
import { StderrLogger, stopAsked, tellCounters } from '@gridtokenx/nest';
import { createRowStore, migrate } from '@gridtokenx/postgres';
import { busOf, openBus, readGenesisFile, runProcess } from '@gridtokenx/process';
import type { LedgerKind } from '@gridtokenx/protocol';
import {
  countBuffersAsHeap,
  DivergedError,
  type HostEvent,
  OwnBlocks,
  systemClock,
  WorkMeter,
} from '@gridtokenx/runtime';
import { ledgerConfig, type LedgerConfig, type LedgerRole } from './config.js';
import { writeDivergence } from './divergence-file.js';
import { startProjector } from './projector.module.js';
import type { RunningRole } from './role.js';
import { serveStatus } from './status-server.js';
import { startValidators } from './validator.module.js';

/** Told apart from other ends, so that whoever starts processes again does not start this one in a loop. */
const EXIT_DIVERGED = 3;

/** Blocks are the rule and not worth a line; what an operator must know of is. */
function tell(logger: StderrLogger, event: HostEvent): void {
  if (event.kind === 'decided' || event.kind === 'skipped') return;
  if (event.kind === 'snapshotTaken' || event.kind === 'joined' || event.kind === 'left')
    return logger.log({ message: `validators: ${event.kind}`, ...event });
  const level = event.kind === 'quarantined' || event.kind === 'evidence' ? 'error' : 'warn';
  logger[level]({ message: `validators: ${event.kind}`, ...event });
}

function threadCpuUs(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

/** The reading of the bus ends with it as its cause. */
function divergedIn(error: unknown): DivergedError | undefined {
  if (error instanceof DivergedError) return error;
  return error instanceof Error && error.cause !== undefined ? divergedIn(error.cause) : undefined;
}

/**
 * Becomes the process of a ledger of this kind, which ends with the process. A host that computes other than the quorum, or
 * than it has signed, says what differs, and how to recover, before it ends.
 */
export function runLedgerNode(kind: LedgerKind): void {
  const name = `${kind}-ledger`;
  const logger = new StderrLogger(name);
  const main = async (): Promise<void> => {
    countBuffersAsHeap();
    const config = ledgerConfig({ argv: process.argv.slice(2), env: process.env });
    try {
      await run(kind, name, config, logger);
    } catch (error) {
      const diverged = divergedIn(error);
      if (diverged !== undefined) {
        const file = config.stateFolder === '' ? undefined : await writeDivergence(config.stateFolder, diverged.report);
        const { height, signedBy, differs, recover } = diverged.report;
        logger.fatal({ message: 'validators: diverged', height, signedBy, differs, report: file, recover });
      }
      throw error;
    }
  };
  runProcess(logger, main, (error) => (divergedIn(error) === undefined ? 1 : EXIT_DIVERGED));
}

async function run(kind: LedgerKind, name: string, config: LedgerConfig, logger: StderrLogger): Promise<void> {
  const { identity } = await readGenesisFile(config.genesisFile, kind);
  const log = openBus(busOf(config), name);
  // Only where both roles live in one process is there somebody to take what the validators put in.
  const both = config.roles.includes('validator') && config.roles.includes('projector');
  const shared = { crypto: native, identity, log, clock: systemClock, ...(both && { ownBlocks: new OwnBlocks() }) };

  // Whoever counts asks for the processor time some hundred times a block; nobody else pays for it.
  const meter = config.countersMs === 0 ? undefined : new WorkMeter(threadCpuUs);
  const roles = new Map<LedgerRole, RunningRole>();
  const closing: (() => Promise<void>)[] = [];
  if (config.roles.includes('validator')) {
    const keys = await readKeyFolder(native, config.keyFolder);
    const signerSlots = await openSignerFiles(config.signerFolder);
    const seeds = keys.map(({ seed }) => seed);
    const snapshots =
      config.stateFolder === ''
        ? {}
        : {
            snapshots: {
              store: await openSnapshotFiles(join(config.stateFolder, 'snapshots')),
              everyCheckpoints: config.snapshotEvery,
              offerEvery: config.snapshotOfferEvery,
              fetchBeyond: config.snapshotFetchBeyond,
            },
          };
    const checker = createChecker(identity.ledgerId, config.verifyWorkers);
    closing.push(() => checker.close());
    const observe = (event: HostEvent): void => tell(logger, event);
    const own = { seeds, signerSlots, checker, observe, ...(meter && { meter }) };
    roles.set('validator', await startValidators({ ...shared, ...snapshots, ...own }, logger));
  }
  if (config.roles.includes('projector')) {
    await migrate(config.databaseUrl, kind);
    const store = createRowStore(config.databaseUrl, kind);
    roles.set(
      'projector',
      await startProjector(
        {
          ...shared,
          store,
          observe: (event) =>
            event.kind !== 'projected' && logger.warn({ message: `projector: ${event.kind}`, ...event }),
        },
        logger,
      ),
    );
  }
  const { ledgerId } = identity;
  const report = (): Record<string, unknown> => ({
    ledgerId,
    ...Object.fromEntries([...roles].map(([name, role]) => [name, role.status()])),
  });
  const status = config.statusPort === undefined ? undefined : await serveStatus(config.statusPort, report);
  const running = [...roles.values()];
  const height = Math.max(...running.map((role) => role.height()));
  process.stdout.write(
    `${JSON.stringify({ event: 'ready', ledgerId, roles: config.roles, height, status: status?.url })}\n`,
  );
  tellCounters(config.countersMs, () => ({ ...tally, ...(meter && { consensusCpuUs: meter.spentUs.consensus }) }));

  try {
    await Promise.race([stopAsked(), ...running.map(({ failed }) => failed)]);
  } finally {
    await Promise.all([status?.close(), ...running.map((role) => role.close())]);
    await Promise.all(closing.map((close) => close()));
    await log.close();
  }
}
