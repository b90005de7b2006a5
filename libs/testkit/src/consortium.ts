import type { Crypto } from '@gridtokenx/crypto';
import { formatInterval, formatTime, INTERVAL_MS, millis, Prng, toBase64Url, toHex, utf8 } from '@gridtokenx/kernel';
import {
  identityOfKind,
  readGenesis,
  signEnvelope,
  type ConsortiumGenesis,
  type LedgerIdentity,
  type Operation,
} from '@gridtokenx/protocol';
import { testGenesis, type TestTerms } from './genesis.js';

/** A consortium with everything known: for tests and benchmarks that need a ledger with money and energy in it. */
export interface TestConsortium {
  readonly file: Uint8Array;
  readonly identity: LedgerIdentity<ConsortiumGenesis>;
  readonly validatorSeeds: readonly Uint8Array[];
  readonly seeds: {
    readonly operator: Uint8Array;
    readonly bank: Uint8Array;
    readonly trader: Uint8Array;
    readonly regulator: Uint8Array;
  };
  readonly ids: { readonly operatorAccount: string; readonly trader: string };
  readonly zone: string;
  /** The first interval that can be metered: it ended when market time began. */
  readonly interval: string;
}

export interface TestConsortiumOptions extends Pick<TestTerms, 'timeMs' | 'consensus' | 'limits' | 'market'> {
  readonly validators: number;
  readonly seed?: number;
  /** The four organisations share the validators; by default they are all the regulator's. */
  readonly areShared?: boolean;
  /** Trader keys beside the first: each its own signer. */
  readonly traderSeeds?: readonly Uint8Array[];
}

export const TEST_ZONE = 'MEA-BKK-01';
export const MARKET_START = millis(Date.UTC(2026, 5, 15));

export function testConsortium(crypto: Crypto, options: TestConsortiumOptions): TestConsortium {
  const prng = new Prng(options.seed ?? 1);
  const id = (): string => toHex(prng.bytes(16));
  const seed = (): Uint8Array => prng.bytes(32);
  const kid = (secret: Uint8Array): string => toBase64Url(crypto.publicKeyOf(secret));
  const seeds = { operator: seed(), bank: seed(), trader: seed(), regulator: seed() };
  const validatorSeeds = Array.from({ length: options.validators }, seed);
  const [operator, bank, trader, regulator] = [id(), id(), id(), id()];
  const operatorAccount = id();
  const genesis = testGenesis({
    timeMs: options.timeMs,
    market: { start: formatTime(MARKET_START), ...options.market },
    ...(options.consensus && { consensus: options.consensus }),
    ...(options.limits && { limits: options.limits }),
    validators: validatorSeeds.map((secret, i) => ({
      key: kid(secret),
      organisation: options.areShared === true ? ([regulator, operator, bank, trader][i % 4] ?? regulator) : regulator,
    })),
    organisations: [
      { id: operator, sector: 'gridOperator', roles: ['gridOperator'], keys: [kid(seeds.operator)] },
      { id: bank, sector: 'financialInstitution', roles: ['wattIssuer', 'kycProvider'], keys: [kid(seeds.bank)] },
      { id: trader, sector: 'trader', roles: [], keys: [seeds.trader, ...(options.traderSeeds ?? [])].map(kid) },
      { id: regulator, sector: 'regulator', roles: ['registrar'], keys: [kid(seeds.regulator)] },
    ],
    accounts: [{ id: operatorAccount, organisation: operator }],
    zones: [{ id: TEST_ZONE, operator, account: operatorAccount }],
  });
  const file = utf8(JSON.stringify(genesis));
  return {
    file,
    identity: identityOfKind(readGenesis(crypto, file), 'consortium'),
    validatorSeeds,
    seeds,
    ids: { operatorAccount, trader },
    zone: TEST_ZONE,
    interval: formatInterval(millis(MARKET_START - INTERVAL_MS)),
  };
}

/** Signs envelopes with a count of sequences for each key. */
export class TestSigner {
  private readonly sequences = new Map<string, number>();

  constructor(
    private readonly crypto: Crypto,
    private readonly ledgerId: string,
    private readonly now: () => number,
  ) {}

  sign(secret: Uint8Array, operations: readonly Operation[], atomic = false): Uint8Array {
    const key = toHex(secret);
    const sequence = (this.sequences.get(key) ?? 0) + 1;
    this.sequences.set(key, sequence);
    const validUntil = formatTime(millis(Math.floor(this.now() / 1000) * 1000 + 30 * 60_000));
    return signEnvelope(this.crypto, secret, this.ledgerId, { sequence, validUntil, atomic, operations });
  }
}

/** The trade of the brief as envelopes: two accounts, 1,000 kWh metered to the seller, sold to the buyer at 4.50 THB/kWh. */
export function tradeOfTheBrief(crypto: Crypto, consortium: TestConsortium, signer: TestSigner): Uint8Array[] {
  const { seeds, ids, zone, interval } = consortium;
  const [seller, buyer, meter] = [TRADE_ACCOUNTS.seller, TRADE_ACCOUNTS.buyer, '3'.repeat(32)];
  const key = toBase64Url(crypto.publicKeyOf(seeds.trader));
  const opening = [seller, buyer].flatMap((account): Operation[] => [
    { type: 'registry.openAccount', account, organisation: ids.trader },
    { type: 'registry.delegate', key, account, operations: ['market.placeOrder'], until: '2046-01-01T00:00:00Z' },
  ]);
  const order = (account: string, side: 'bid' | 'ask'): Operation => ({
    type: 'market.placeOrder',
    account,
    side,
    fromZone: zone,
    toZone: zone,
    interval,
    priceTicks: 450,
    quantityWh: '1000000',
    timeInForce: 'GTC',
  });
  return [
    signer.sign(seeds.trader, opening),
    signer.sign(seeds.bank, [
      { type: 'registry.setKyc', account: seller, status: 'verified' },
      { type: 'registry.setKyc', account: buyer, status: 'verified' },
      { type: 'accounts.attestReserve', amount: '10000000000', reference: 'reserve-1' },
      { type: 'accounts.mint', account: buyer, amount: '10000000000', reference: 'deposit-1' },
    ]),
    signer.sign(seeds.operator, [
      { type: 'registry.registerMeter', meter, account: seller, zone, limitWh: '2000000' },
      { type: 'metering.recordReading', meter, interval, consumedWh: '0', producedWh: '1000000' },
    ]),
    signer.sign(seeds.trader, [order(seller, 'ask'), order(buyer, 'bid')]),
  ];
}

export const TRADE_ACCOUNTS = { seller: '1'.repeat(32), buyer: '2'.repeat(32) } as const;
