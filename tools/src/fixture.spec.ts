import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { genesisAnchor, GridClient, type GenesisAnchor } from '@gridtokenx/client';
import { native } from '@gridtokenx/crypto-native';
import { codeOf, formatInterval, INTERVAL_MS, millis, parseTime } from '@gridtokenx/kernel';
import type { Operation, OperationOf } from '@gridtokenx/protocol';
import { Members } from './replay/members.js';
import { DEVELOPMENT_RESERVE } from './system/development-ledger.js';
import { startSystem, type RunningSystem, type ServiceName, type SystemOptions } from './system/system.js';

/** A whole system in a folder of its own, for one suite. */
export interface TestSystem {
  readonly folder: string;
  readonly system: RunningSystem;
  readonly genesis: Uint8Array;
  readonly anchor: GenesisAnchor;
  readonly client: GridClient;
  readonly members: Members;
  /** Processes and folder; may be called twice. */
  remove(): Promise<void>;
}

export async function startTestSystem(name: string, options: Partial<SystemOptions> = {}): Promise<TestSystem> {
  const folder = await mkdtemp(join(tmpdir(), `gridtokenx-${name}-`));
  const removeFolder = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const system = await startSystem({
      folder,
      bus: 'embedded',
      brokers: [],
      databaseUrl: undefined,
      port: 0,
      // Market time as slow as the wall's: a book that is opened stays open for as long as a suite takes.
      rate: 1,
      restart: false,
      say: () => {},
      ...options,
    });
    const genesis = new Uint8Array(await readFile(system.ledger.genesisFile));
    const anchor = genesisAnchor(genesis, native);
    const client = new GridClient({ url: system.url, identity: anchor.identity, crypto: native });
    const members = new Members(system.ledger, client, native);
    const remove = async (): Promise<void> => {
      await system.stop();
      await removeFolder();
    };
    return { folder, system, genesis, anchor, client, members, remove };
  } catch (error) {
    await removeFolder();
    throw error;
  }
}

export const randomId = (): string => randomBytes(16).toString('hex');

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Those of the services that are no longer running under the process id they had. */
export function endedAmong(pids: Readonly<Record<string, number>>): string[] {
  return Object.entries(pids).flatMap(([name, pid]) => {
    try {
      process.kill(pid, 0);
      return [];
    } catch (error) {
      if (codeOf(error) !== 'ESRCH') throw error;
      return [name];
    }
  });
}

/** What a service logged that is not one JSON object a line, or is worse than a warning. */
export async function alarmsOf({ folder }: TestSystem, service: ServiceName): Promise<string[]> {
  const text = await readFile(join(folder, 'logs', `${service}.log`), 'utf8');
  return text.split('\n').filter((line) => line !== '' && !/^\{.*"level":"(debug|info|warn)".*\}$/.test(line));
}

/** Two accounts of the back office and a key that acts for them: one has KWH of an open book, the other has money. */
export interface Market {
  readonly zone: string;
  readonly seller: string;
  readonly buyer: string;
  readonly interval: string;
  readonly energyWh: number;
  readonly money: bigint;
}

const ZONE = 'MEA-BKK-01';
const OPERATOR = 'mea';
const DELEGATED: OperationOf<'registry.delegate'>['operations'] = [
  'market.placeOrder',
  'market.cancelOrder',
  'market.replaceOrder',
  'accounts.transfer',
];
const NEVER = '2046-01-01T00:00:00Z';

export interface MarketOptions {
  /** Acts for both accounts; it is registered as a key of the back office. */
  readonly kid: string;
  readonly seller?: string;
  readonly buyer?: string;
}

export async function openMarket(
  { system, client, members }: TestSystem,
  { kid, seller = randomId(), buyer = randomId() }: MarketOptions,
): Promise<Market> {
  const organisation = system.ledger.directory.organisations['back-office']?.id ?? '';
  const [energyWh, money, meter] = [1_000_000, 10_000n * 1_000_000n, randomId()];
  const accounts = [seller, buyer];
  await members.carryOut('back-office', [
    { type: 'registry.registerKey', key: kid, owner: { kind: 'organisation', organisation } },
    ...accounts.flatMap((account): Operation[] => [
      { type: 'registry.openAccount', account, organisation },
      { type: 'registry.delegate', key: kid, account, operations: DELEGATED, until: NEVER },
    ]),
  ]);
  const interval = await newestEnded(client);
  await members.carryOut('bank', [
    ...accounts.map((account): Operation => ({ type: 'registry.setKyc', account, status: 'verified' })),
    { type: 'accounts.attestReserve', amount: DEVELOPMENT_RESERVE.toString(), reference: 'reserve' },
    { type: 'accounts.mint', account: buyer, amount: money.toString(), reference: 'deposit' },
  ]);
  await members.carryOut(OPERATOR, [
    { type: 'registry.registerMeter', meter, account: seller, zone: ZONE, limitWh: String(2 * energyWh) },
    { type: 'metering.recordReading', meter, interval, consumedWh: '0', producedWh: String(energyWh) },
  ]);
  return { zone: ZONE, seller, buyer, interval, energyWh, money };
}

/** The delivery interval that has ended last in market time. */
async function newestEnded(client: GridClient): Promise<string> {
  for await (const { marketTime } of client.blocks({ pageSize: 1 })) {
    const time = typeof marketTime === 'string' ? parseTime(marketTime) : undefined;
    if (time !== undefined) return formatInterval(millis(Math.floor(time / INTERVAL_MS - 1) * INTERVAL_MS));
  }
  throw new Error('the chain has no block yet');
}

export const orderIn =
  ({ zone, seller, buyer, interval }: Market) =>
  (side: 'bid' | 'ask', kwh: number, priceTicks = 450): Operation => ({
    type: 'market.placeOrder',
    account: side === 'ask' ? seller : buyer,
    side,
    fromZone: zone,
    toZone: zone,
    interval,
    priceTicks,
    quantityWh: String(kwh * 1_000),
    timeInForce: 'GTC',
  });
