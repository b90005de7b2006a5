import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { native } from '@gridtokenx/crypto-native';
import { formatTime, millis, toHex } from '@gridtokenx/kernel';
import { readKeyFile, writeKeyFile, type KeyFile } from '@gridtokenx/keystore';
import {
  identityOfKind,
  publicParameters,
  readGenesis,
  TREASURY_ACCOUNT,
  type ConsortiumGenesis,
  type LedgerIdentity,
  type PublicGenesis,
} from '@gridtokenx/protocol';

/**
 * A public ledger for development: fresh keys, a genesis with validators and people who have GRID, and the parameters of the parameter
 * file. The consortium beside it is the one whose blocks are anchored.
 */
export interface DevelopmentPublicLedger {
  readonly identity: LedgerIdentity<PublicGenesis>;
  readonly genesisFile: string;
  readonly validatorKeys: string;
  /** The key that owns somebody's account: one of {@link PEOPLE}, or a validator's by the name of its number. */
  key(name: string): Promise<KeyFile>;
}

export interface DevelopmentPublicOptions {
  readonly validators?: number;
  /** Other paces than those of the network. */
  readonly consensus?: Partial<PublicGenesis['consensus']>;
  /** Beside those of validators and people. */
  readonly accounts?: PublicGenesis['accounts'];
}

/** People of the demo, in whole GRID: what they have, and what of it they have bonded behind validators. */
export const PEOPLE = {
  foundation: { has: 5_000_000, bond: 1_000_000 },
  cooperative: { has: 2_000_000, bond: 500_000 },
  'solar-park': { has: 1_500_000, bond: 400_000 },
  factory: { has: 1_000_000, bond: 250_000 },
  school: { has: 300_000, bond: 50_000 },
  household: { has: 50_000, bond: 5_000 },
  /** Anchors the consortium, and publishes what its markets come to. */
  newspaper: { has: 100_000, bond: 1_000 },
} as const;
export type Person = keyof typeof PEOPLE;

const TREASURY_GRID = 1_000_000;
const VALIDATOR = { has: 20_000, bond: 15_000, commission: 50_000_000 } as const;
const NOMINATIONS = 16;

const PARAMETERS = fileURLToPath(new URL('../../../data/public-parameters.json', import.meta.url));
const micro = (whole: number): string => (BigInt(whole) * 1_000_000n).toString();
const validatorName = (n: number): string => `validator-${String(n).padStart(3, '0')}`;

/** Opens the public ledger of a folder; with options, makes a new one where there is none. A half-made one is made anew. */
export async function openDevelopmentPublicLedger(
  folder: string,
  consortium: LedgerIdentity<ConsortiumGenesis>,
  options?: DevelopmentPublicOptions,
): Promise<DevelopmentPublicLedger> {
  const home = join(folder, 'public-ledger');
  if (!existsSync(home)) {
    if (options === undefined) throw new Error(`there is no public ledger in ${folder}`);
    const fresh = `${home}.new`;
    await rm(fresh, { recursive: true, force: true });
    await make(fresh, consortium, options);
    await rename(fresh, home);
  }
  const genesisFile = join(home, 'genesis.json');
  return {
    identity: identityOfKind(readGenesis(native, new Uint8Array(await readFile(genesisFile))), 'public'),
    genesisFile,
    validatorKeys: join(home, 'validators'),
    key: (name) => readKeyFile(native, join(home, 'accounts', `${name}.key.json`)),
  };
}

async function make(
  home: string,
  { genesis: { time, consensus, validators: keys }, genesisHash, ledgerId }: LedgerIdentity<ConsortiumGenesis>,
  { validators: count = 100, consensus: paces, accounts: others = [] }: DevelopmentPublicOptions,
): Promise<void> {
  const folders = { validators: join(home, 'validators'), accounts: join(home, 'accounts') };
  for (const one of Object.values(folders)) await mkdir(one, { recursive: true, mode: 0o700 });
  const newKey = async (of: keyof typeof folders, name: string): Promise<string> =>
    (await writeKeyFile(native, join(folders[of], `${name}.key.json`), randomBytes(32))).kid;

  const accounts: PublicGenesis['accounts'] = [{ id: TREASURY_ACCOUNT, amount: micro(TREASURY_GRID) }, ...others];
  const validators: PublicGenesis['validators'] = [];
  for (let n = 1; n <= count; n++) {
    const name = validatorName(n);
    const account = await newKey('accounts', name);
    accounts.push({ id: account, amount: micro(VALIDATOR.has) });
    const { bond, commission } = VALIDATOR;
    validators.push({ key: await newKey('validators', name), account, bond: micro(bond), commission });
  }
  const nominators: PublicGenesis['nominators'] = [];
  for (const [index, [name, { has, bond }]] of Object.entries(PEOPLE).entries()) {
    const account = await newKey('accounts', name);
    accounts.push({ id: account, amount: micro(has) });
    const chosen = new Set(
      Array.from({ length: NOMINATIONS }, (_, n) => validators[(index * NOMINATIONS + n) % count]?.account ?? ''),
    );
    nominators.push({ account, bond: micro(bond), targets: [...chosen] });
  }
  const genesis: PublicGenesis = {
    version: 1,
    kind: 'public',
    time: formatTime(millis(Math.floor(Date.now() / 1000) * 1000)),
    consensus: {
      intervalMs: 6_000,
      beatMs: 6_000,
      fullIntervalMs: 6_000,
      baseTimeoutMs: 3_000,
      timeoutCapMs: 15_000,
      // An era of the demo: 50 blocks are five minutes.
      epochBlocks: 50,
      evidence: { heights: 50 * 26, ageMs: 26 * 300_000 },
      ...paces,
    },
    limits: { operationsPerBlock: 40_000, envelopeBytesPerBlock: 32 * 1024 * 1024 },
    accounts,
    validators,
    nominators,
    parameters: publicParameters.parse(JSON.parse(await readFile(PARAMETERS, 'utf8'))),
    consortium: {
      ledgerId,
      genesisHash: toHex(genesisHash),
      time,
      epochBlocks: consensus.epochBlocks,
      validators: keys.map(({ key }) => key),
    },
  };
  await writeFile(join(home, 'genesis.json'), `${JSON.stringify(genesis, null, 2)}\n`);
}
