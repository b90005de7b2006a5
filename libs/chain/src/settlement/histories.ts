import { inclusionProof, leafHash, type Crypto } from '@gridtokenx/crypto';
import { assert, compareText, fromBase64Url, toBase64Url, toHex, utf8 } from '@gridtokenx/kernel';
import type { EventOf, LedgerEvent, OperationOf, Outcome } from '@gridtokenx/protocol';
import { decodeHistory, encodeHistory, foldHistory, type HistoryEntry, type TradeEntry } from './history.js';
import type { Source, StatedEntry, StatedPosition, UtilityZone } from './statement.js';

type Evidence = OperationOf<'settlement.correct'>['evidence'][number];
type Neighbour = NonNullable<NonNullable<Evidence['between']>['before']>;

/** What is told of a trade, without what it left of the two orders. */
type TradeFact = Omit<EventOf<'market.traded'>, 'bidRemainingWh' | 'askRemainingWh'>;

/** One event with its place on the ledger. */
interface Fact {
  readonly source: Source;
  readonly event: LedgerEvent | TradeFact;
}

/** What is known of a position from the events of a ledger. */
class PositionFacts {
  readonly entries: StatedEntry[] = [];
  /** How many entries there were when it was settled; absent before. */
  settledEntries: number | undefined = undefined;
  operator = '';
  readonly corrections: number[] = [];

  constructor(
    readonly account: string,
    readonly zone: string,
    readonly interval: string,
  ) {}

  append(source: Source, ...entries: readonly HistoryEntry[]): void {
    for (const entry of entries) this.entries.push({ entry, source });
  }
}

const bySource = (a: Fact, b: Fact): number =>
  a.source.height - b.source.height || a.source.outcome - b.source.outcome || a.source.event - b.source.event;

/**
 * SPEC settlement 8.5: the histories of positions, from the events of final blocks. These may come in any order and more than once: what stands on the
 * ledger counts once and in its order there. What is asked for is computed from all that came so far.
 */
export class Histories {
  private readonly facts = new Map<string, Fact>();
  private readonly balances = new Map<string, bigint>();
  private positions: Map<string, PositionFacts> | undefined = undefined;
  private readonly zoneOperators = new Map<string, string>();

  /** One outcome of a final block; `outcome` counts the outcomes of the block from 0. */
  add(height: number, outcome: number, body: Outcome): void {
    if (body.status !== 'executed') return;
    const isNew = !this.facts.has(`${height}:${outcome}:0`);
    body.events.forEach((event, i) => this.addEvent({ height, outcome, event: i }, event));
    // An outcome that changes a balance has an event, so that one that was here before is known by it.
    if (!isNew) return;
    for (const [, asset, available, held] of body.postings)
      if (asset.startsWith('KWH:'))
        this.balances.set(asset, (this.balances.get(asset) ?? 0n) + BigInt(available) + BigInt(held));
  }

  /** One event of a final block, for whoever has balances from elsewhere. */
  addEvent(source: Source, event: LedgerEvent | TradeFact): void {
    const key = `${source.height}:${source.outcome}:${source.event}`;
    if (!this.facts.has(key)) this.facts.set(key, { source, event });
    this.positions = undefined;
  }

  /** The settled positions, by interval, zone and account. */
  settled(): StatedPosition[] {
    const settled: StatedPosition[] = [];
    for (const facts of this.read().values()) {
      const { account, zone, interval, operator, entries, settledEntries, corrections } = facts;
      if (settledEntries === undefined && corrections.length === 0) continue;
      settled.push({ account, zone, interval, operator, entries, settledEntries: settledEntries ?? 0, corrections });
    }
    return settled;
  }

  /** The zones of which something was settled, with their operators' accounts and what the balances of their energy are. */
  zones(): UtilityZone[] {
    this.read();
    return [...this.zoneOperators]
      .sort(([a], [b]) => compareText(a, b))
      .map(([zone, operator]) => ({
        zone,
        operator,
        closingWh: (interval) => this.balances.get(`KWH:${zone}:${interval}`) ?? 0n,
      }));
  }

  /** The history of a position, as it is now: empty when the ledger knows nothing of it. */
  historyOf(account: string, zone: string, interval: string): HistoryEntry[] {
    return (this.read().get(`${account}/${zone}/${interval}`)?.entries ?? []).map(({ entry }) => entry);
  }

  /**
   * SPEC settlement 9.3: what proves the history of a position to the ledger. The positions of the zone and interval must be known
   * whole: throws a RangeError where the ledger settled others than these.
   */
  evidenceOf(crypto: Crypto, account: string, zone: string, interval: string): Evidence {
    const facts = this.read().get(`${account}/${zone}/${interval}`);
    const history = (facts?.entries ?? []).map(({ entry }) => entry);
    const named = { account, zone, history: toBase64Url(encodeHistory(history)) };
    if (facts !== undefined && facts.corrections.length > 0) return named;
    const place = this.leavesOf(crypto, zone, interval);
    const proof = (at: number): { index: number; path: string[] } => ({
      index: at,
      path: inclusionProof((bytes) => crypto.sha256(bytes), place.hashes, at).map((hash) => toHex(hash)),
    });
    const at = place.accounts.indexOf(account);
    if (at >= 0) return { ...named, proof: proof(at) };
    const next = place.accounts.findIndex((other) => compareText(other, account) > 0);
    const end = next === -1 ? place.accounts.length : next;
    const neighbour = (i: number): Neighbour | undefined => {
      const [other, chain] = [place.accounts[i], place.chains[i]];
      return other === undefined || chain === undefined
        ? undefined
        : { account: other, history: toHex(chain), ...proof(i) };
    };
    const [before, after] = [neighbour(end - 1), neighbour(end)];
    return { ...named, between: { ...(before && { before }), ...(after && { after }) } };
  }

  /**
   * The operation that corrects a position: with the evidence of all whose trades it may change, which are all that its account traded with. More
   * evidence than is needed does no harm.
   */
  correction(
    crypto: Crypto,
    { account, zone, interval, readings, retariff }: Omit<OperationOf<'settlement.correct'>, 'type' | 'evidence'>,
  ): OperationOf<'settlement.correct'> {
    const own = this.historyOf(account, zone, interval);
    const others = new Map<string, readonly [string, string]>();
    for (const entry of own) {
      if (entry.kind !== 'trade') continue;
      const isSale = entry.seller === account && entry.fromZone === zone;
      // A purchase changes only with the tariff, and then only where it fell short.
      if (!isSale && !retariff) continue;
      const [name, place] = isSale ? [entry.buyer, entry.toZone] : [entry.seller, entry.fromZone];
      others.set(`${name}/${place}`, [name, place]);
    }
    const evidence = [...others.values()].map(([name, place]) => this.evidenceOf(crypto, name, place, interval));
    return {
      type: 'settlement.correct',
      account,
      zone,
      interval,
      readings,
      retariff,
      evidence: [this.evidenceOf(crypto, account, zone, interval), ...evidence],
    };
  }

  /** The leaves that were settled, in the order of accounts: of the histories as they were then. */
  private leavesOf(
    crypto: Crypto,
    zone: string,
    interval: string,
  ): { accounts: string[]; chains: Uint8Array[]; hashes: Uint8Array[] } {
    const settled = [...this.read().values()]
      .filter((facts) => facts.zone === zone && facts.interval === interval && facts.settledEntries !== undefined)
      .sort((a, b) => compareText(a.account, b.account));
    const chains = settled.map(({ entries, settledEntries }) =>
      foldHistory(
        crypto,
        entries.slice(0, settledEntries).map(({ entry }) => entry),
      ),
    );
    const hash = (bytes: Uint8Array) => crypto.sha256(bytes);
    return {
      accounts: settled.map(({ account }) => account),
      chains,
      hashes: settled.map(({ account }, i) => leafHash(hash, utf8(account), chains[i] as Uint8Array)),
    };
  }

  private read(): Map<string, PositionFacts> {
    if (this.positions !== undefined) return this.positions;
    const positions = new Map<string, PositionFacts>();
    const of = (account: string, zone: string, interval: string): PositionFacts => {
      const key = `${account}/${zone}/${interval}`;
      let facts = positions.get(key);
      if (facts === undefined) positions.set(key, (facts = new PositionFacts(account, zone, interval)));
      return facts;
    };
    for (const { source, event } of [...this.facts.values()].sort(bySource)) this.take(of, source, event);
    this.positions = positions;
    return positions;
  }

  private take(
    of: (account: string, zone: string, interval: string) => PositionFacts,
    source: Source,
    event: LedgerEvent | TradeFact,
  ): void {
    switch (event.type) {
      case 'metering.readingRecorded': {
        of(event.account, event.zone, event.interval).append(source, {
          kind: 'reading',
          meter: event.meter,
          version: event.version,
          quality: event.quality === 'estimated' ? 'estimated' : 'actual',
          consumedWh: Number(event.consumedWh),
          producedWh: Number(event.producedWh),
        });
        return;
      }
      case 'market.traded': {
        const entry = tradeIn(event);
        of(entry.seller, entry.fromZone, event.interval).append(source, entry);
        of(entry.buyer, entry.toZone, event.interval).append(source, entry);
        return;
      }
      case 'market.contractCut': {
        const sides = [of(event.seller, event.fromZone, event.interval), of(event.buyer, event.toZone, event.interval)];
        for (const side of sides) side.append(source, cutTradeIn(event, side));
        return;
      }
      case 'settlement.contractSettled': {
        const { trade, topUpRate } = event;
        const entry = { kind: 'delivery', trade, deliveredWh: Number(event.deliveredWh), topUpRate } as const;
        of(event.seller, event.fromZone, event.interval).append(source, entry);
        of(event.buyer, event.toZone, event.interval).append(source, entry);
        return;
      }
      case 'settlement.positionSettled': {
        const facts = of(event.account, event.zone, event.interval);
        facts.append(source, {
          kind: 'tariff',
          version: event.tariffVersion,
          hash: event.tariffHash,
          topUpRate: event.topUpRate,
          surplusRate: event.rate,
          allocation: event.allocation,
        });
        facts.settledEntries = facts.entries.length;
        facts.operator = event.operator;
        this.zoneOperators.set(event.zone, event.operator);
        return;
      }
      case 'settlement.positionCorrected': {
        const facts = of(event.account, event.zone, event.interval);
        const bytes = fromBase64Url(event.entries);
        assert(bytes !== undefined, 'an event of a verified block was decoded');
        facts.corrections.push(facts.entries.length);
        facts.append(source, ...decodeHistory(bytes));
        facts.operator = event.operator;
        this.zoneOperators.set(event.zone, event.operator);
        return;
      }
      default:
    }
  }
}

/** How large a trade is, or is left, and what it costs. */
const sizeIn = (event: TradeFact | EventOf<'market.contractCut'>) => ({
  quantityWh: Number(event.quantityWh),
  buyerFee: Number(event.buyerFee),
  sellerFee: Number(event.sellerFee),
  wheeling: Number(event.wheeling),
  toOperator: Number(event.toOperator),
  fromOperator: Number(event.fromOperator),
  platform: Number(event.platform),
  tax: Number(event.tax),
});

function tradeIn(event: TradeFact): TradeEntry {
  return {
    kind: 'trade',
    trade: event.trade,
    phase: event.phase,
    bid: event.bid,
    ask: event.ask,
    buyer: event.buyer,
    seller: event.seller,
    fromZone: event.fromZone,
    toZone: event.toZone,
    priceTicks: event.priceTicks,
    ...sizeIn(event),
    tariffVersion: event.tariffVersion,
    tariffHash: event.tariffHash,
  };
}

/** What is left of a trade, in the place of what it was. */
function cutTradeIn(event: EventOf<'market.contractCut'>, { entries }: PositionFacts): TradeEntry {
  const was = entries.findLast(({ entry }) => entry.kind === 'trade' && entry.trade === event.trade)?.entry;
  assert(was?.kind === 'trade', 'what is cut was traded before');
  return {
    ...was,
    ...sizeIn(event),
  };
}
