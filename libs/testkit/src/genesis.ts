import { formatTime, millis } from '@gridtokenx/kernel';
import type { ConsortiumGenesis } from '@gridtokenx/protocol';

type Parties = Pick<ConsortiumGenesis, 'validators' | 'organisations' | 'accounts' | 'zones'>;

export interface TestTerms extends Parties {
  /** Block time of the genesis in milliseconds; market time begins with it unless `market` says otherwise. */
  readonly timeMs: number;
  readonly market?: Partial<ConsortiumGenesis['market']>;
  readonly consensus?: Partial<ConsortiumGenesis['consensus']>;
  readonly limits?: Partial<ConsortiumGenesis['limits']>;
  readonly tariff?: Partial<ConsortiumGenesis['tariff']>;
}

/** The paces, limits and tariff that tests and benches share, with what one of them wants otherwise. */
export function testGenesis({ timeMs, market, consensus, limits, tariff, ...parties }: TestTerms): ConsortiumGenesis {
  const time = formatTime(millis(timeMs));
  const { validators, organisations, accounts, zones } = parties;
  return {
    version: 1,
    kind: 'consortium',
    time,
    market: { start: time, rate: 1, ...market },
    consensus: {
      intervalMs: 1_000,
      beatMs: 5_000,
      fullIntervalMs: 250,
      baseTimeoutMs: 1_200,
      timeoutCapMs: 8_000,
      epochBlocks: 1_000,
      evidence: { heights: 100_000, ageMs: 86_400_000 },
      ...consensus,
    },
    limits: { operationsPerBlock: 12_000, envelopeBytesPerBlock: 8 * 1024 * 1024, ...limits },
    validators,
    organisations,
    accounts,
    zones,
    tariff: {
      version: 1,
      gridFee: { rate: 100, buyerShare: 10_000, sellerShare: 0 },
      feedInRate: 22_000,
      ...tariff,
    },
  };
}

export interface OneOrganisation {
  readonly id: string;
  /** On which it is paid as the operator of the zone. */
  readonly account: string;
  readonly zone: string;
  /** Key ids. */
  readonly validators: readonly string[];
  readonly roles?: ConsortiumGenesis['organisations'][number]['roles'];
  /** Key ids with which it signs operations. */
  readonly keys?: readonly string[];
}

/** Who is on a ledger on which one organisation is everything. */
export const oneOrganisation = ({
  id,
  account,
  zone,
  validators,
  roles = ['gridOperator'],
  keys = [],
}: OneOrganisation): Parties => ({
  validators: validators.map((key) => ({ key, organisation: id })),
  organisations: [{ id, sector: 'gridOperator', roles, keys: [...keys] }],
  accounts: [{ id: account, organisation: id }],
  zones: [{ id: zone, operator: id, account }],
});
