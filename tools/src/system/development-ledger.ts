import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { native } from '@gridtokenx/crypto-native';
import { formatTime, millis, parseStrictJson } from '@gridtokenx/kernel';
import { readKeyFile, writeKeyFile, type KeyFile } from '@gridtokenx/keystore';
import {
  identityOfKind,
  readGenesis,
  tariffBook,
  type ConsortiumGenesis,
  type LedgerIdentity,
  type Role,
  type Sector,
} from '@gridtokenx/protocol';

/**
 * A ledger for development: fresh keys, a genesis with the 21 organisations of the consortium, and a directory that
 * says which random id is whose. The directory stays on this machine; no name is ever on the ledger.
 */
export interface DevelopmentLedger {
  readonly identity: LedgerIdentity<ConsortiumGenesis>;
  readonly genesisFile: string;
  readonly validatorKeys: string;
  readonly directory: Directory;
  /** The key with which an organisation signs. */
  key(organisation: string): Promise<KeyFile>;
}

export interface Directory {
  /** By name. */
  readonly organisations: Readonly<Record<string, { readonly id: string; readonly kid: string }>>;
  /** The accounts that grid operators are paid on, by name, and those of `platform` and `tax`. */
  readonly accounts: Readonly<Record<string, string>>;
}

export interface DevelopmentOptions {
  /** Market time runs this much faster than block time. */
  readonly rate: number;
  readonly validators?: number;
  /** Other paces than those of production. */
  readonly consensus?: Partial<ConsortiumGenesis['consensus']>;
}

export const ZONES = [
  { id: 'MEA-BKK-01', operator: 'mea' },
  { id: 'MEA-NON-02', operator: 'mea' },
  { id: 'PEA-CNX-03', operator: 'pea' },
  { id: 'PEA-KKC-04', operator: 'pea' },
  // Has no meter in the readings: scenes of the demo trade here, undisturbed by the replay.
  { id: 'PEA-RYG-05', operator: 'pea' },
] as const;

/** What joins the zones: no meter hangs here. */
const TRANSMISSION = { id: 'EGAT-TX-00', operator: 'egat' } as const;
/** Wh per delivery interval: 40 MW to each zone, 10 MW between the two of Bangkok, and a feeder of 10 MW in each. */
const [TRUNK_WH, LOCAL_WH, FEEDER_WH] = ['10000000', '2500000', '2500000'];
const trunkOf = (zone: string): string => `TX-${zone}`;
const LOCAL = 'BKK-NON';

/** On which all meters of a zone hang. */
export const feederOf = (zone: string): string => `${zone}-F1`;

/** Every pair of zones may trade: over the local link where there is one, else over the transmission network. */
function developmentNetwork(): ConsortiumGenesis['network'] {
  const ids = ZONES.map(({ id }) => id);
  const routeOf = (from: string, to: string): string[] =>
    from.startsWith('MEA') && to.startsWith('MEA') ? [LOCAL] : [trunkOf(from), trunkOf(to)];
  return {
    links: [
      ...ids.map((id) => ({
        id: trunkOf(id),
        fromZone: id,
        toZone: TRANSMISSION.id,
        forwardWh: TRUNK_WH,
        backwardWh: TRUNK_WH,
      })),
      { id: LOCAL, fromZone: 'MEA-BKK-01', toZone: 'MEA-NON-02', forwardWh: LOCAL_WH, backwardWh: LOCAL_WH },
    ],
    pairs: ids.flatMap((fromZone) =>
      ids.filter((zone) => zone !== fromZone).map((toZone) => ({ fromZone, toZone, route: routeOf(fromZone, toZone) })),
    ),
    feeders: ids.map((zone) => ({ id: feederOf(zone), zone, capacityWh: FEEDER_WH })),
  };
}

const ORGANISATIONS: readonly { name: string; sector: Sector; roles: readonly Role[] }[] = [
  { name: 'egat', sector: 'gridOperator', roles: ['gridOperator'] },
  { name: 'mea', sector: 'gridOperator', roles: ['gridOperator'] },
  { name: 'pea', sector: 'gridOperator', roles: ['gridOperator'] },
  ...[4, 5, 6].map((n) => ({ name: `grid-${n}`, sector: 'gridOperator' as const, roles: ['gridOperator' as const] })),
  { name: 'back-office', sector: 'trader', roles: [] },
  ...[2, 3, 4, 5, 6].map((n) => ({ name: `trader-${n}`, sector: 'trader' as const, roles: [] })),
  { name: 'bank', sector: 'financialInstitution', roles: ['wattIssuer', 'kycProvider'] },
  ...[2, 3, 4].map((n) => ({ name: `bank-${n}`, sector: 'financialInstitution' as const, roles: [] })),
  { name: 'regulator', sector: 'regulator', roles: ['registrar', 'tariffAuthority', 'marketRegulator'] },
  ...[2, 3].map((n) => ({ name: `regulator-${n}`, sector: 'regulator' as const, roles: [] })),
  ...[1, 2].map((n) => ({ name: `technology-${n}`, sector: 'technologyProvider' as const, roles: [] })),
];

/**
 * The THB reserve, in micro-WATT, that the bank of a development ledger attests before it mints. An attestation states
 * the whole reserve and not a change of it, so whoever mints here states the same one, far above what all mint together.
 */
export const DEVELOPMENT_RESERVE = 1_000_000_000n * 1_000_000n;

/** Its first entry, without wheeling and VAT, is the tariff here for good: market time soon runs beyond where it really ends. */
const TARIFFS = fileURLToPath(new URL('../../../data/tariff-book.json', import.meta.url));

/** Where the readings begin. */
const FIRST_READING = millis(Date.parse('2026-06-14T17:00:00Z'));
/**
 * What takes time on this machine and not in the market: accounts and meters are brought onto a new ledger before the first
 * reading, and what was measured comes in and is traded while the spot phase lasts. At any pace of market time; where that is
 * the wall's, nothing is replayed, and what is open stays so for a day.
 */
const SETTING_IN_MS = 30_000;
const TRADING_MS = 40_000;
const DAY_MS = 86_400_000;

const randomId = (): string => randomBytes(16).toString('hex');

/**
 * Opens the ledger of a folder; with options, makes a new one where there is none. A half-made one (a crash in the
 * middle) is made anew.
 */
export async function openDevelopmentLedger(folder: string, options?: DevelopmentOptions): Promise<DevelopmentLedger> {
  const home = join(folder, 'ledger');
  if (!existsSync(home)) {
    if (options === undefined) throw new Error(`there is no ledger in ${folder}`);
    const fresh = `${home}.new`;
    await rm(fresh, { recursive: true, force: true });
    await make(fresh, options);
    await rename(fresh, home);
  }
  const genesisFile = join(home, 'genesis.json');
  return {
    identity: identityOfKind(readGenesis(native, new Uint8Array(await readFile(genesisFile))), 'consortium'),
    genesisFile,
    validatorKeys: join(home, 'validators'),
    directory: JSON.parse(await readFile(join(home, 'directory.json'), 'utf8')) as Directory,
    key: (organisation) => readKeyFile(native, join(home, 'organisations', `${organisation}.key.json`)),
  };
}

async function make(
  home: string,
  { rate, validators = ORGANISATIONS.length, consensus }: DevelopmentOptions,
): Promise<void> {
  await mkdir(join(home, 'validators'), { recursive: true, mode: 0o700 });
  await mkdir(join(home, 'organisations'), { recursive: true, mode: 0o700 });
  const organisations: ConsortiumGenesis['organisations'] = [];
  const validatorSet: ConsortiumGenesis['validators'] = [];
  const directory: { organisations: Record<string, { id: string; kid: string }>; accounts: Record<string, string> } = {
    organisations: {},
    accounts: {},
  };
  for (const [index, { name, sector, roles }] of ORGANISATIONS.entries()) {
    const { kid } = await writeKeyFile(native, join(home, 'organisations', `${name}.key.json`), randomBytes(32));
    const id = randomId();
    organisations.push({ id, sector, roles: [...roles], keys: [kid] });
    directory.organisations[name] = { id, kid };
    if (index >= validators) continue;
    const validator = await writeKeyFile(native, join(home, 'validators', `${name}.key.json`), randomBytes(32));
    validatorSet.push({ key: validator.kid, organisation: id });
  }
  const idOf = (name: string): string => directory.organisations[name]?.id ?? '';
  for (const operator of new Set([TRANSMISSION, ...ZONES].map((zone) => zone.operator)))
    directory.accounts[operator] = randomId();
  const book = tariffBook.parse(parseStrictJson(await readFile(TARIFFS, 'utf8')));
  const [first] = book.entries;
  if (first === undefined) throw new Error('the tariff book has an entry');
  const { validTo: _, ...entry } = first;
  const tariffs = { ...book, entries: [entry] };
  Object.assign(directory.accounts, entry.payees);
  const keeperOf: Readonly<Record<string, string>> = { platform: 'technology-1', tax: 'bank' };
  const genesis: ConsortiumGenesis = {
    version: 1,
    kind: 'consortium',
    time: formatTime(millis(Math.floor(Date.now() / 1000) * 1000)),
    market: {
      start: formatTime(millis(FIRST_READING - SETTING_IN_MS * rate)),
      rate,
      capMs: 5_000,
      rules: {
        spotMs: rate === 1 ? DAY_MS : Math.min(TRADING_MS * rate, DAY_MS),
        cycle: 'hourly',
      },
    },
    consensus: {
      intervalMs: 1_000,
      beatMs: 5_000,
      fullIntervalMs: 250,
      baseTimeoutMs: 1_200,
      timeoutCapMs: 8_000,
      epochBlocks: 600,
      evidence: { heights: 600_000, ageMs: 7 * 86_400_000 },
      ...consensus,
    },
    limits: { operationsPerBlock: 12_000, envelopeBytesPerBlock: 8 * 1024 * 1024 },
    validators: validatorSet,
    organisations,
    accounts: Object.entries(directory.accounts).map(([name, id]) => ({
      id,
      organisation: idOf(keeperOf[name] ?? name),
    })),
    zones: [...ZONES, TRANSMISSION].map(({ id, operator }) => ({
      id,
      operator: idOf(operator),
      account: directory.accounts[operator] ?? '',
      territory: operator.toUpperCase(),
      ...(operator === TRANSMISSION.operator ? { voltage: 'high' as const } : {}),
    })),
    network: developmentNetwork(),
    tariffs,
  };
  await writeFile(join(home, 'genesis.json'), `${JSON.stringify(genesis, null, 2)}\n`);
  await writeFile(join(home, 'directory.json'), `${JSON.stringify(directory, null, 2)}\n`, { mode: 0o600 });
}
