import { Histories } from '@gridtokenx/chain';
import { native } from '@gridtokenx/crypto-native';
import type { Hash, PublicKey } from '@gridtokenx/crypto';
import { auditState, createConsortiumLedger, type BookTerms, type ConsortiumLedger } from '@gridtokenx/domain';
import { assert, ByteWriter, INTERVAL_MS, millis, toBase64Url, toHex, utf8 } from '@gridtokenx/kernel';
import {
  decodeOutcome,
  type ConsortiumGenesis,
  type Envelope,
  type LedgerIdentity,
  type Operation,
} from '@gridtokenx/protocol';
import { TEST_RULES, testGenesis } from '@gridtokenx/testkit';
import { accountOf, BEGIN, intervalAt, meterOf, ZONES, zoneOf, type Day, type Match } from './day.js';

const DAY_MS = 86_400_000;
const START = BEGIN - DAY_MS;
export const OPERATIONS_PER_ENVELOPE = 500;
const READINGS_PER_OPERATION = 250;
const id = (name: string): string => toHex(native.sha256(utf8(name))).slice(0, 32);
export const OPERATOR = id('operator');
const ORGANISATION = id('organisation');
export const SEED = native.sha256(utf8('bench settlement'));
const PUBLIC_KEY = native.publicKeyOf(SEED) as PublicKey;
const KID = toBase64Url(PUBLIC_KEY);
const WATT_EACH = 1_000_000n * 1_000_000n;

export interface DayTerms {
  readonly timeMs?: number;
  readonly market?: Partial<ConsortiumGenesis['market']>;
  /** Key ids. */
  readonly validators?: readonly string[];
}

/** The ledger of the day, with as many accounts as meters. */
export function genesisOf(
  meters: number,
  { timeMs = START, market = {}, validators = [KID] }: DayTerms = {},
): ConsortiumGenesis {
  const tax = id('tax');
  return testGenesis({
    timeMs,
    market,
    consensus: { epochBlocks: 1_000_000 },
    entry: {
      wires: [{ wheeling: 2_000, exit: 0, losses: 50 }],
      vat: { rate: 700, on: ['wheeling', 'gridFee'] },
      payees: { platform: tax, tax },
    },
    validators: validators.map((key) => ({ key, organisation: ORGANISATION })),
    organisations: [
      {
        id: ORGANISATION,
        sector: 'gridOperator',
        roles: ['gridOperator', 'wattIssuer', 'registrar', 'kycProvider'],
        keys: [KID],
      },
    ],
    accounts: [
      { id: tax, organisation: ORGANISATION },
      { id: OPERATOR, organisation: ORGANISATION },
      ...Array.from({ length: meters }, (_, meter) => ({ id: accountOf(meter), organisation: ORGANISATION })),
    ],
    zones: ZONES.map((zone) => ({ id: zone, operator: ORGANISATION, account: OPERATOR })),
  });
}

function identityOf(meters: number): LedgerIdentity<ConsortiumGenesis> {
  const genesis = genesisOf(meters);
  return {
    genesis,
    genesisHash: native.sha256(utf8(JSON.stringify(genesis))),
    ledgerId: 'gridtokenx-consortium-00000000',
  };
}

/** The terms of the tariff book that both ways of settling the day go by. */
export function termsOf(): (zone: string, interval: string) => BookTerms {
  const { tariffs } = createConsortiumLedger(native, identityOf(0)).state;
  return (zone, interval) => {
    const terms = tariffs.termsOf(zone, zone, interval);
    assert(terms !== undefined, 'the tariff covers the day');
    return terms;
  };
}

/** What is asked of a ledger on that day, and when: operations in their order, or market time that has to pass. */
export type Step = { readonly ask: readonly Operation[] } | { readonly waitUntil: number };

/** Accounts and meters; all that is sold ahead; then interval by interval what is metered and what is sold of it. */
export function* stepsOf(day: Day, terms: ReturnType<typeof termsOf>, spotMs: number): Generator<Step> {
  const { intervals } = day;
  yield { ask: opening(day) };
  for (let i = 0; i < intervals; i++) yield { ask: ordersOf(terms, i, day.forwards(i)) };
  for (let i = 0; i < intervals; i++) {
    yield { waitUntil: BEGIN + (i + 1) * INTERVAL_MS };
    yield { ask: readingsOf(day, i) };
    yield { ask: ordersOf(terms, i, day.deliver(i, day.forwards(i))) };
  }
  // Until the last dues are netted.
  yield { waitUntil: BEGIN + (intervals + 2) * INTERVAL_MS + spotMs };
}

function opening({ meters }: Day): Operation[] {
  const all = Array.from({ length: meters }, (_, meter) => meter);
  const supply = BigInt(meters + 1_000) * WATT_EACH;
  return [
    { type: 'accounts.attestReserve', amount: supply.toString(), reference: 'bench' },
    { type: 'accounts.mint', account: OPERATOR, amount: (1_000n * WATT_EACH).toString(), reference: 'bench' },
    ...all.flatMap((meter): Operation[] => [
      { type: 'accounts.mint', account: accountOf(meter), amount: WATT_EACH.toString(), reference: 'bench' },
      {
        type: 'registry.registerMeter',
        meter: meterOf(meter),
        account: accountOf(meter),
        zone: zoneOf(meter),
        limitWh: '10000',
      },
      {
        type: 'registry.delegate',
        key: KID,
        account: accountOf(meter),
        operations: ['market.placeOrder'],
        until: '2046-01-01T00:00:00Z',
      },
    ]),
  ];
}

function readingsOf(day: Day, i: number): Operation[] {
  const all = Array.from({ length: day.meters }, (_, meter) => ({
    meter: meterOf(meter),
    interval: intervalAt(i),
    consumedWh: String(day.consumedWh(i, meter)),
    producedWh: String(day.producedWh(i, meter)),
  }));
  return Array.from({ length: Math.ceil(all.length / READINGS_PER_OPERATION) }, (_, k) => ({
    type: 'metering.recordReadings' as const,
    readings: all.slice(k * READINGS_PER_OPERATION, (k + 1) * READINGS_PER_OPERATION),
  }));
}

/** Each match is an offer, and a bid that takes it. Its limit covers the wheeling, in whole ticks. */
function ordersOf(terms: ReturnType<typeof termsOf>, i: number, matches: readonly Match[]): Operation[] {
  const interval = intervalAt(i);
  const order = (match: Match, side: 'ask' | 'bid'): Operation => {
    const zone = zoneOf(match.seller);
    const { wheeling } = terms(zone, interval);
    return {
      type: 'market.placeOrder',
      account: accountOf(side === 'ask' ? match.seller : match.buyer),
      side,
      fromZone: zone,
      toZone: zone,
      interval,
      priceTicks: match.priceTicks + (side === 'ask' ? 0 : Math.ceil(wheeling / 100)),
      quantityWh: String(match.quantityWh),
      timeInForce: 'GTC',
    };
  };
  return matches.flatMap((match) => [order(match, 'ask'), order(match, 'bid')]);
}

/** What an account has more than it was given, of what it has in all. */
export const gainOf = (watt: bigint): bigint => watt - WATT_EACH;

/** A day that went through a ledger: its facts, and what each account has more than it was given. */
export interface DayOnLedger {
  readonly histories: Histories;
  readonly height: number;
  gained(meter: number): bigint;
}

/** The day on the engine of the ledger, in blocks that nobody had to agree on. */
export class LedgerDay implements DayOnLedger {
  readonly ledger: ConsortiumLedger;
  readonly histories = new Histories();
  private sequence = 0;

  constructor(private readonly day: Day) {
    this.ledger = createConsortiumLedger(native, identityOf(day.meters));
  }

  get height(): number {
    return this.ledger.height;
  }

  run(): void {
    for (const step of stepsOf(this.day, termsOf(), TEST_RULES.spotMs))
      if ('ask' in step) this.blocks(step.ask);
      else this.waitUntil(step.waitUntil);
    // For what the hooks of one block leave to the next.
    for (let i = 0; i < 10; i++) this.block([]);
    const faults = auditState(this.ledger);
    assert(faults.length === 0, faults.join('; '));
  }

  gained(meter: number): bigint {
    const { available, held } = this.ledger.state.accounts.balance(accountOf(meter), 'WATT');
    return gainOf(available + held);
  }

  private blocks(operations: readonly Operation[]): void {
    for (let from = 0; from < operations.length; from += OPERATIONS_PER_ENVELOPE * 10) {
      const envelopes: Envelope[] = [];
      for (
        let k = from;
        k < Math.min(operations.length, from + OPERATIONS_PER_ENVELOPE * 10);
        k += OPERATIONS_PER_ENVELOPE
      )
        envelopes.push(this.envelope(operations.slice(k, k + OPERATIONS_PER_ENVELOPE)));
      this.block(envelopes);
    }
  }

  private waitUntil(marketTime: number): void {
    this.block([], marketTime - this.ledger.marketTime);
  }

  private block(envelopes: readonly Envelope[], afterMs = 10): void {
    const { ledger } = this;
    const { outcomes } = ledger.execute({
      height: ledger.height + 1,
      time: millis(ledger.time + afterMs),
      proposer: 0,
      parentSigners: [],
      envelopes,
    });
    ledger.commit();
    outcomes.forEach(({ bytes }, outcome) => {
      const body = decodeOutcome(bytes);
      assert(body.status === 'executed', `nothing is refused: ${JSON.stringify(body).slice(0, 300)}`);
      this.histories.add(ledger.height, outcome, body);
    });
  }

  private envelope(operations: readonly Operation[]): Envelope {
    const bytes = utf8(`bench settlement ${this.sequence++}`);
    const hash = native.sha256(bytes);
    return {
      kid: KID,
      publicKey: PUBLIC_KEY,
      ledgerId: 'gridtokenx-consortium-00000000',
      sequence: this.sequence,
      validUntil: millis(this.ledger.time + 3_000_000),
      atomic: false,
      operations,
      bytes,
      hash,
      operationIds: operations.map((_, i) => native.sha256(new ByteWriter(36).fixed(hash).u32(i).done()) as Hash),
    };
  }
}
