import { native } from '@gridtokenx/crypto-native';
import type { Hash, PublicKey } from '@gridtokenx/crypto';
import { ByteWriter, formatInterval, millis, toBase64Url, toHex, utf8, type Millis } from '@gridtokenx/kernel';
import {
  decodeOutcome,
  type Envelope,
  type ConsortiumGenesis,
  type LedgerEvent,
  type LedgerIdentity,
  type MarginalRule,
  type Operation,
  type OperationOf,
  type TariffEntry,
  type Outcome,
  type SettlementCycle,
} from '@gridtokenx/protocol';
import { TEST_RULES, testGenesis } from '@gridtokenx/testkit';
import { createConsortiumLedger, type Execution, type ConsortiumLedger } from '../index.js';

/** A small world for the specs: two zones, who runs them, and ways to get people, money and energy into it. */

export const crypto = native;

export const id = (name: string): string => toHex(crypto.sha256(utf8(name))).slice(0, 32);
export const seedOf = (name: string): Uint8Array => crypto.sha256(utf8(`seed of ${name}`));
const kids = new Map<string, string>();
export const kidOf = (name: string): string => {
  let kid = kids.get(name);
  if (kid === undefined) kids.set(name, (kid = toBase64Url(crypto.publicKeyOf(seedOf(name)))));
  return kid;
};

export const START = 1_780_000_200_000;
export const INTERVAL = formatInterval(millis(Math.floor(START / 900_000) * 900_000 - 1_800_000));
export const LATER_INTERVAL = formatInterval(millis(Math.floor(START / 900_000) * 900_000 - 900_000));
export const ZONE = 'MEA-BKK-01';
export const OTHER_ZONE = 'PEA-CNX-01';
export const KWH = `KWH:${ZONE}:${INTERVAL}`;

export interface GenesisTerms {
  readonly feeRate?: number;
  readonly sellerShare?: number;
  readonly feedInRate?: number;
  readonly rate?: number;
  readonly capMs?: number;
  /** Of auctions. */
  readonly marginal?: MarginalRule;
  /** When dues are netted. */
  readonly cycle?: SettlementCycle;
  /** Of the tariff book. */
  readonly entry?: Partial<TariffEntry>;
  readonly epochBlocks?: number;
  readonly evidence?: ConsortiumGenesis['consensus']['evidence'];
  /** Instead of the one of `mea`: `validator 0`, of the organisation `member 0`, and so on. */
  readonly validators?: number;
}

export function genesisOf({
  feeRate = 100,
  sellerShare = 0,
  feedInRate = 22_000,
  rate = 1,
  capMs,
  marginal = 'time',
  cycle = 'realTime',
  entry = {},
  epochBlocks = 1_000,
  evidence = { heights: 100_000, ageMs: 86_400_000 },
  validators = 0,
}: GenesisTerms = {}): ConsortiumGenesis {
  const members = Array.from({ length: validators }, (_, i) => `member ${i}`);
  return testGenesis({
    timeMs: START,
    market: { rate, ...(capMs === undefined ? {} : { capMs }), rules: { ...TEST_RULES, auction: { marginal }, cycle } },
    consensus: { epochBlocks, evidence },
    entry,
    validators:
      validators === 0
        ? [{ key: kidOf('validator'), organisation: id('mea') }]
        : members.map((member, i) => ({ key: kidOf(`validator ${i}`), organisation: id(member) })),
    organisations: [
      { id: id('mea'), sector: 'gridOperator', roles: ['gridOperator'], keys: [kidOf('mea')] },
      { id: id('pea'), sector: 'gridOperator', roles: ['gridOperator'], keys: [kidOf('pea')] },
      { id: id('bank'), sector: 'financialInstitution', roles: ['wattIssuer'], keys: [kidOf('bank')] },
      {
        id: id('erc'),
        sector: 'regulator',
        roles: ['registrar', 'kycProvider', 'tariffAuthority'],
        keys: [kidOf('erc')],
      },
      { id: id('trader'), sector: 'trader', roles: [], keys: [kidOf('trader')] },
      ...members.map((member) => ({
        id: id(member),
        sector: 'technologyProvider' as const,
        roles: [],
        keys: [kidOf(member)],
      })),
    ],
    accounts: [
      { id: id('mea account'), organisation: id('mea') },
      { id: id('pea account'), organisation: id('pea') },
      { id: id('bank account'), organisation: id('bank') },
      ...['ann', 'bob', 'cat', 'dan'].map((name) => ({ id: id(name), organisation: id('trader') })),
    ],
    zones: [
      { id: ZONE, operator: id('mea'), account: id('mea account') },
      { id: OTHER_ZONE, operator: id('pea'), account: id('pea account') },
    ],
    tariff: { rate: feeRate, sellerShare, feedInRate },
  });
}

export function identityOf(genesis: ConsortiumGenesis): LedgerIdentity<ConsortiumGenesis> {
  const genesisHash = crypto.sha256(utf8(JSON.stringify(genesis)));
  return { genesis, genesisHash, ledgerId: `gridtokenx-consortium-${toHex(genesisHash).slice(0, 8)}` };
}

export interface EnvelopeTerms {
  readonly by: string;
  readonly sequence: number;
  readonly atomic?: boolean;
  readonly validUntil?: number;
}

/** An envelope as if it had been signed: the ledger trusts what was decoded before it. */
export function envelopeOf(operations: readonly Operation[], terms: EnvelopeTerms): Envelope {
  const { by, sequence, atomic = false, validUntil = START + 3_600_000 } = terms;
  const kid = kidOf(by);
  const bytes = utf8(JSON.stringify({ kid, sequence, atomic, validUntil, operations }));
  const hash = crypto.sha256(bytes);
  return {
    kid,
    publicKey: crypto.publicKeyOf(seedOf(by)) as PublicKey,
    ledgerId: 'gridtokenx-consortium-00000000',
    sequence,
    validUntil: millis(validUntil),
    atomic,
    operations,
    bytes,
    hash,
    operationIds: operations.map((_, index) => crypto.sha256(new ByteWriter(36).fixed(hash).u32(index).done()) as Hash),
  };
}

/** What one block came to. */
export interface Ran {
  readonly execution: Execution;
  readonly envelopes: readonly Envelope[];
  /** Of operations, in order. */
  readonly outcomes: readonly Outcome[];
  readonly hooks: readonly Outcome[];
  readonly events: readonly LedgerEvent[];
  readonly ids: readonly string[];
}

export class World {
  readonly genesis: ConsortiumGenesis;
  readonly ledger: ConsortiumLedger;
  private readonly sequences = new Map<string, number>();

  constructor(terms: GenesisTerms = {}, create = createConsortiumLedger) {
    this.genesis = genesisOf(terms);
    this.ledger = create(crypto, identityOf(this.genesis));
  }

  sequence(by: string): number {
    const sequence = (this.sequences.get(by) ?? 0) + 1;
    this.sequences.set(by, sequence);
    return sequence;
  }

  envelope(by: string, operations: readonly Operation[], atomic = false): Envelope {
    return envelopeOf(operations, {
      by,
      sequence: this.sequence(by),
      atomic,
      validUntil: this.ledger.time + 3_000_000,
    });
  }

  /** Runs a block and leaves it undecided. */
  executeOnly(envelopes: readonly Envelope[], afterMs = 1000): Ran {
    const { ledger } = this;
    const execution = ledger.execute({
      height: ledger.height + 1,
      time: millis(ledger.time + afterMs) as Millis,
      proposer: 0,
      parentSigners: [],
      envelopes,
    });
    const [clock, ...all] = execution.outcomes.map(({ hook, bytes }) => ({ hook, outcome: decodeOutcome(bytes) }));
    if (clock?.hook !== true) throw new Error('a block begins with its clock');
    return {
      execution,
      envelopes,
      outcomes: all.filter(({ hook }) => !hook).map(({ outcome }) => outcome),
      hooks: all.filter(({ hook }) => hook).map(({ outcome }) => outcome),
      events: all.flatMap(({ outcome }) => (outcome.status === 'executed' ? outcome.events : [])),
      ids: envelopes.flatMap((envelope) => envelope.operationIds.map((operationId) => toHex(operationId))),
    };
  }

  block(envelopes: readonly Envelope[], afterMs = 1000): Ran {
    const ran = this.executeOnly(envelopes, afterMs);
    this.ledger.commit();
    return ran;
  }

  /** One envelope of one key in a block of its own. */
  run(by: string, ...operations: readonly Operation[]): Ran {
    return this.block([this.envelope(by, operations)]);
  }

  /** The same, all or nothing; none of them may be refused. */
  must(by: string, ...operations: readonly Operation[]): Ran {
    const ran = this.run(by, ...operations);
    for (const outcome of ran.outcomes)
      if (outcome.status === 'rejected') throw new Error(`refused: ${JSON.stringify(outcome)}`);
    return ran;
  }

  wait(ms: number): Ran {
    return this.block([], ms);
  }

  /** Gives WATT, in THB. */
  fund(name: string, thb: number): void {
    const { reserve } = this.ledger.state.accounts;
    const amount = String(BigInt(thb) * 1_000_000n);
    const next = (reserve.get('WATT')?.amount ?? 0n) + BigInt(amount);
    this.must(
      'bank',
      { type: 'accounts.attestReserve', amount: next.toString(), reference: 'r' },
      { type: 'accounts.mint', account: id(name), amount, reference: 'm' },
    );
  }

  /** A meter of the account that measured this in the interval. */
  measure(
    name: string,
    reading: { consumedWh?: number; producedWh?: number; zone?: string; interval?: string; meter?: string },
  ): Ran {
    const {
      consumedWh = 0,
      producedWh = 0,
      zone = ZONE,
      interval = INTERVAL,
      meter = `${name} meter ${zone}`,
    } = reading;
    const operator = zone === ZONE ? 'mea' : 'pea';
    if (!this.ledger.state.registry.meters.has(id(meter)))
      this.must(operator, {
        type: 'registry.registerMeter',
        meter: id(meter),
        account: id(name),
        zone,
        limitWh: '1000000000000',
      });
    return this.run(operator, {
      type: 'metering.recordReading',
      meter: id(meter),
      interval,
      consumedWh: String(consumedWh),
      producedWh: String(producedWh),
    });
  }

  keyOf(name: string): string {
    return kidOf(name);
  }

  /** A key for the account, so that its owner signs alone. */
  ownKey(name: string): void {
    this.must('trader', {
      type: 'registry.registerKey',
      key: kidOf(name),
      owner: { kind: 'account', account: id(name) },
    });
  }

  available(name: string, asset = 'WATT'): bigint {
    return this.ledger.state.accounts.balance(id(name), asset).available;
  }

  held(name: string, asset = 'WATT'): bigint {
    return this.ledger.state.accounts.balance(id(name), asset).held;
  }
}

type Placement = Partial<Omit<OperationOf<'market.placeOrder'>, 'type' | 'account' | 'side'>>;

export const place = (
  name: string,
  side: 'bid' | 'ask',
  priceTicks: number,
  quantityWh: number | string,
  more: Placement = {},
): OperationOf<'market.placeOrder'> => ({
  type: 'market.placeOrder',
  account: id(name),
  side,
  fromZone: ZONE,
  toZone: ZONE,
  interval: INTERVAL,
  priceTicks,
  quantityWh: String(quantityWh),
  timeInForce: 'GTC',
  ...more,
});
