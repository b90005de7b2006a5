import { formatTime, millis } from '@gridtokenx/kernel';
import type { ConsortiumGenesis, TariffBook, TariffEntry } from '@gridtokenx/protocol';

type Parties = Pick<ConsortiumGenesis, 'validators' | 'organisations' | 'accounts' | 'zones'>;

export interface TestTerms extends Parties {
  /** Block time of the genesis in milliseconds; market time begins with it unless `market` says otherwise. */
  readonly timeMs: number;
  readonly market?: Partial<ConsortiumGenesis['market']>;
  readonly consensus?: Partial<ConsortiumGenesis['consensus']>;
  readonly limits?: Partial<ConsortiumGenesis['limits']>;
  /** The grid fee as a part of the notional, the seller's share of it, and the feed-in rate, where they differ from those of {@link testEntry}. */
  readonly tariff?: { readonly rate?: number; readonly sellerShare?: number; readonly feedInRate?: number };
  /** What of the one entry of the tariff book differs from {@link testEntry}. */
  readonly entry?: Partial<TariffEntry>;
  readonly calendar?: TariffBook['calendar'];
}

/** Spot books stand for half an hour, so that the quarter of an hour before the last one can be traded when a test begins. */
export const TEST_RULES = { spotMs: 1_800_000 };

/** The paces, limits and tariff that tests and benches share, with what one of them wants otherwise. */
export function testGenesis(terms: TestTerms): ConsortiumGenesis {
  const { timeMs, market, consensus, limits, entry, ...parties } = terms;
  const { rate = 100, sellerShare = 0, feedInRate = 22_000 } = terms.tariff ?? {};
  const time = formatTime(millis(timeMs));
  const { validators, organisations, accounts, zones } = parties;
  return {
    version: 1,
    kind: 'consortium',
    time,
    market: { start: time, rate: 1, rules: TEST_RULES, ...market },
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
    tariffs: {
      version: 1,
      entries: [
        testEntry(accounts[0]?.id ?? '', {
          gridFee: rate,
          payer: { buyerShare: 10_000 - sellerShare, sellerShare },
          feedIn: feedInRate,
          ...entry,
        }),
      ],
      calendar: terms.calendar ?? { years: [], decisions: [] },
    },
  };
}

/**
 * An entry of the tariff book for ever and for all zones, with the same rates at all hours: 1 % for the grid, paid by the buyer, nothing
 * for wires, losses, platform and tax.
 */
export const testEntry = (payee: string, changes: Partial<TariffEntry> = {}): TariffEntry => ({
  validFrom: '2000-01-01',
  status: 'assumed',
  source: 'a test',
  wires: [{ wheeling: 0, exit: 0, losses: 0 }],
  gridFee: 100,
  platformFee: 0,
  payer: { buyerShare: 10_000, sellerShare: 0 },
  vat: { rate: 0, on: [] },
  timeOfUse: { otherwise: 'always', windows: [], holidays: [] },
  retail: [],
  ft: { rate: 0, byClass: [] },
  feedIn: 22_000,
  marginRate: 60_000,
  topUp: { kind: 'rate', rate: 60_000 },
  surplus: { kind: 'feedIn' },
  payees: { platform: payee, tax: payee },
  ...changes,
});

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
