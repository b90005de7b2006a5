import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '@gridtokenx/kernel';
import type { Operation } from '@gridtokenx/protocol';
import { DEVELOPMENT_RESERVE, feederOf, type DevelopmentLedger } from '../system/development-ledger.js';
import type { Meter } from './readings.js';

/** Which random ids stand for which meter of the file. On this machine only: the ledger knows the ids alone. */
export type Population = Readonly<Record<string, { readonly account: string; readonly meter: string }>>;

const randomId = (): string => randomBytes(16).toString('hex');

/** Thai baht each account starts with, and each operator for what it buys at the feed-in price. */
const MEMBER_WATT = 100_000n * 1_000_000n;
const OPERATOR_WATT = 1_000_000n * 1_000_000n;
const DELEGATED = ['market.placeOrder', 'market.cancelOrder', 'market.replaceOrder'] as const;
const DELEGATED_UNTIL = '2046-01-01T00:00:00Z';

export async function openPopulation(folder: string, meters: readonly Meter[]): Promise<Population> {
  const file = join(folder, 'population.json');
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Population;
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
  const population = Object.fromEntries(meters.map(({ name }) => [name, { account: randomId(), meter: randomId() }]));
  await writeFile(`${file}.new`, `${JSON.stringify(population, null, 2)}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
  return population;
}

export interface Onboarding {
  /** Organisation by name. */
  readonly signer: string;
  readonly operations: readonly Operation[];
}

/** The physical limit of a meter in one interval: twice its larger connection, in Wh. */
const limitWh = ({ ratedLoadKw, pvKwp }: Meter): number => Math.max(ratedLoadKw, pvKwp) * 1000 * 0.25 * 2;

/** What has to be asked, step by step, before anyone can trade. Each step stands on the outcomes of the one before. */
export function onboarding(
  ledger: DevelopmentLedger,
  population: Population,
  meters: readonly Meter[],
): Onboarding[][] {
  const { organisations, accounts: operatorAccounts } = ledger.directory;
  const backOffice = organisations['back-office'];
  if (backOffice === undefined) throw new Error('the ledger has no back office');
  const members = meters.map((meter) => ({ file: meter, ids: population[meter.name] ?? { account: '', meter: '' } }));
  const operators = [...new Set(meters.map(({ operator }) => operator))];
  const mint = (account: string, amount: bigint): Operation => ({
    type: 'accounts.mint',
    account,
    amount: amount.toString(),
    reference: `deposit-${account.slice(0, 8)}`,
  });
  return [
    [
      {
        signer: 'back-office',
        operations: members.flatMap(({ ids: { account } }): Operation[] => [
          { type: 'registry.openAccount', account, organisation: backOffice.id },
          {
            type: 'registry.delegate',
            key: backOffice.kid,
            account,
            operations: [...DELEGATED],
            until: DELEGATED_UNTIL,
          },
        ]),
      },
    ],
    [
      {
        signer: 'bank',
        operations: [
          ...members.map(({ ids: { account } }): Operation => ({
            type: 'registry.setKyc',
            account,
            status: 'verified',
          })),
          { type: 'accounts.attestReserve', amount: DEVELOPMENT_RESERVE.toString(), reference: 'reserve-opening' },
          ...members.map(({ ids: { account } }) => mint(account, MEMBER_WATT)),
          ...operators.map((operator) => mint(operatorAccounts[operator] ?? '', OPERATOR_WATT)),
        ],
      },
      ...operators.map((operator) => ({
        signer: operator,
        operations: members
          .filter(({ file }) => file.operator === operator)
          .flatMap(({ file, ids: { account, meter } }): Operation[] => [
            {
              type: 'registry.registerMeter',
              meter,
              account,
              zone: file.zone,
              limitWh: String(limitWh(file)),
            },
            { type: 'network.assignMeter', meter, feeder: feederOf(file.zone) },
          ]),
      })),
    ],
  ];
}
