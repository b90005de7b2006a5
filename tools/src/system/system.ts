import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LedgerKind } from '@gridtokenx/protocol';
import { freePort, isFreePort } from '@gridtokenx/testkit';
import { openDevelopmentLedger, type DevelopmentLedger, type DevelopmentOptions } from './development-ledger.js';
import {
  openDevelopmentPublicLedger,
  type DevelopmentPublicLedger,
  type DevelopmentPublicOptions,
} from './development-public.js';
import { layOut, ONE_PROCESS, type Layout, type LedgerProcess, type LedgerProcessName } from './layout.js';
import { startService, type Service } from './services.js';

export interface SystemOptions {
  /** Everything that must survive stands here. */
  readonly folder: string;
  readonly bus: 'embedded' | 'kafka';
  readonly brokers: readonly string[];
  /** Of a Postgres that is there already; otherwise one is started. */
  readonly databaseUrl: string | undefined;
  /** Of the gateway; 0 picks a free one. */
  readonly port: number;
  readonly rate: number;
  readonly validators?: number;
  /** Of a new ledger: other paces than those of production. */
  readonly consensus?: NonNullable<DevelopmentOptions['consensus']>;
  /** By default one process is all validators and the projector. */
  readonly layout?: Layout;
  /** The public ledger beside that of the consortium; without it there is none. */
  readonly public?: DevelopmentPublicOptions & { readonly layout?: Layout };
  /** The ledger processes and the gateway tell what they count this often; by default never. */
  readonly countersMs?: number;
  /** More of the command line of the ledger processes. */
  readonly ledgerArguments?: readonly string[];
  /** Every checkpoint makes a snapshot that is offered to others: for runs that are too short for the default. */
  readonly manySnapshots?: boolean;
  /** Starts a service again that ended by itself. Tests that kill services do that themselves. */
  readonly restart: boolean;
  readonly say: (line: string) => void;
}

export interface RunningSystem {
  readonly url: string;
  readonly databaseUrl: string;
  readonly ledger: DevelopmentLedger;
  readonly publicLedger: DevelopmentPublicLedger | undefined;
  /** The ledger processes in the order of their start, also those that do not run now. */
  readonly processes: readonly LedgerProcess[];
  /** Where a ledger process says how it stands; `undefined` while it does not run, and of other services. */
  statusUrl(name: ServiceName): string | undefined;
  /** Process ids by service name, as they stand now. */
  pids(): Readonly<Record<string, number>>;
  /** What each of the running services counted, as it told last. */
  counters(): Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Rejects when a service ended and could not be started again. */
  readonly failed: Promise<never>;
  /** Starts again what has ended (after a kill, or when it was halted). */
  revive(name: ServiceName): Promise<void>;
  /** As a crash would: without a word. */
  kill(name: ServiceName): Promise<void>;
  /** In good order. */
  halt(name: ServiceName): Promise<void>;
  /** Stops its clock and everything else of it, until {@link resume}. */
  suspend(name: ServiceName): void;
  resume(name: ServiceName): void;
  /** Gateway, ledger processes, Postgres, in this order. */
  stop(): Promise<void>;
}

export type ServiceName = 'postgres' | LedgerProcessName | 'gateway';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const RESTARTS_MAX = 20;
const MANY_SNAPSHOTS = ['--snapshot-every', '1', '--snapshot-offer-every', '1', '--snapshot-fetch-beyond', '50'];

/** Brings up Postgres (unless one is given), the processes of the ledgers, and the gateway. */
export async function startSystem(options: SystemOptions): Promise<RunningSystem> {
  await mkdir(options.folder, { recursive: true });
  const ledger = await openDevelopmentLedger(options.folder, options);
  const publicLedger =
    options.public && (await openDevelopmentPublicLedger(options.folder, ledger.identity, options.public));
  const genesisFiles: Partial<Record<LedgerKind, string>> = {
    consortium: ledger.genesisFile,
    ...(publicLedger && { public: publicLedger.genesisFile }),
  };
  const processes = [
    ...(await layOut(options.folder, 'consortium', ledger.validatorKeys, options.layout ?? ONE_PROCESS)),
    ...(publicLedger === undefined
      ? []
      : await layOut(
          join(options.folder, 'public'),
          'public',
          publicLedger.validatorKeys,
          options.public?.layout ?? ONE_PROCESS,
        )),
  ];
  const logFolder = join(options.folder, 'logs');
  const running = new Map<ServiceName, Service>();
  let stopping = false;
  let fail!: (error: Error) => void;
  const failed = new Promise<never>((_, reject) => (fail = reject));
  failed.catch(() => {});

  const databasePort = options.databaseUrl === undefined ? await rememberedPort(options.folder) : undefined;
  let databaseUrl = options.databaseUrl ?? '';
  let port = options.port;

  const startPostgres = async (): Promise<Service> => {
    const service = await startService({
      name: 'postgres',
      script: join(ROOT, 'tools/dist/system/postgres-service.js'),
      args: [join(options.folder, 'postgres'), String(databasePort)],
      logFolder,
    });
    databaseUrl = String(service.ready['url']);
    return service;
  };
  const startLedger = ({ kind, name, roles, keyFolder, signerFolder, stateFolder }: LedgerProcess): Promise<Service> =>
    startService({
      name,
      script: join(ROOT, `apps/${kind}-ledger/dist/main.js`),
      args: [
        ...[...shared(kind), '--roles', roles.join(','), '--status-port', '0'],
        ...(keyFolder === undefined ? [] : ['--keys', keyFolder]),
        ...(signerFolder === undefined ? [] : ['--signer', signerFolder]),
        ...(stateFolder === undefined ? [] : ['--state', stateFolder]),
        ...(options.manySnapshots === true ? MANY_SNAPSHOTS : []),
        ...(options.ledgerArguments ?? []),
      ],
      nodeArgs: ['--max-old-space-size=4096'],
      logFolder,
    });
  const startGateway = async (): Promise<Service> => {
    const service = await startService({
      name: 'gateway',
      script: join(ROOT, 'apps/gateway/dist/main.js'),
      args: [
        ...[...shared('consortium'), '--port', String(port)],
        ...(publicLedger === undefined ? [] : ['--public-genesis', publicLedger.genesisFile]),
      ],
      logFolder,
    });
    // A restarted gateway answers where the first one did.
    port = Number(new URL(String(service.ready['url'])).port);
    return service;
  };
  const shared = (kind: LedgerKind): string[] => [
    ...['--genesis', genesisFiles[kind] ?? '', '--database-url', databaseUrl, '--bus', options.bus],
    ...(options.bus === 'kafka' ? ['--brokers', options.brokers.join(',')] : []),
    ...(options.countersMs === undefined ? [] : ['--counters-ms', String(options.countersMs)]),
  ];

  const start = (name: ServiceName): Promise<Service> => {
    if (name === 'postgres') return startPostgres();
    if (name === 'gateway') return startGateway();
    const known = processes.find((one) => one.name === name);
    if (known === undefined) throw new Error(`the layout has no ${name}`);
    return startLedger(known);
  };
  const bringUp = async (name: ServiceName): Promise<void> => {
    const service = await start(name);
    running.set(name, service);
    if (options.restart) void service.ended.then((how) => onEnd(name, service, how));
  };
  let restarts = 0;
  const onEnd = async (name: ServiceName, service: Service, how: string): Promise<void> => {
    if (stopping || running.get(name) !== service) return;
    options.say(`${name} ended (${how}); starting it again`);
    try {
      if (++restarts > RESTARTS_MAX) throw new Error(`${name} ended ${restarts} times; see ${logFolder}`);
      await bringUp(name);
    } catch (error) {
      fail(error instanceof Error ? error : new Error(String(error)));
    }
  };

  const halt = async (name: ServiceName): Promise<void> => {
    const service = running.get(name);
    running.delete(name);
    await service?.stop();
  };
  const stop = async (): Promise<void> => {
    stopping = true;
    await halt('gateway');
    await Promise.all(processes.map(({ name }) => halt(name)));
    await halt('postgres');
  };
  try {
    if (options.databaseUrl === undefined) await bringUp('postgres');
    await Promise.all(processes.map(({ name }) => bringUp(name)));
    // The gateway finds the topics made and the database migrated.
    await bringUp('gateway');
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: `http://127.0.0.1:${port}`,
    databaseUrl,
    ledger,
    publicLedger,
    processes,
    statusUrl: (name) => {
      const url = running.get(name)?.ready['status'];
      return typeof url === 'string' ? url : undefined;
    },
    pids: () => Object.fromEntries([...running].map(([name, { pid }]) => [name, pid])),
    counters: () => Object.fromEntries([...running].map(([name, service]) => [name, service.counters()])),
    failed,
    revive: bringUp,
    kill: async (name) => {
      const service = running.get(name);
      running.delete(name);
      await service?.kill(name === 'postgres' ? 'SIGUSR2' : 'SIGKILL');
    },
    halt,
    suspend: (name) => running.get(name)?.signal('SIGSTOP'),
    resume: (name) => running.get(name)?.signal('SIGCONT'),
    stop,
  };
}

/** The same port at each start, so that a service which outlived a crash of Postgres finds it again. */
async function rememberedPort(folder: string): Promise<number> {
  const file = join(folder, 'postgres.port');
  const known = Number(await readFile(file, 'utf8').catch(() => '0'));
  if (known !== 0 && (await isFreePort(known))) return known;
  const port = await freePort();
  await writeFile(file, String(port));
  return port;
}
