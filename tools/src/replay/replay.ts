import { BlockFollower, genesisAnchor, GridClient, type VerifiedBlock } from '@gridtokenx/client';
import { native } from '@gridtokenx/crypto-native';
import { formatDecimal, formatInterval, INTERVAL_MS, millis, parseTime } from '@gridtokenx/kernel';
import { identityOfKind, ORDER_WH_MIN, type Operation } from '@gridtokenx/protocol';
import type { DevelopmentLedger } from '../system/development-ledger.js';
import { Members } from './members.js';
import { onboarding, openPopulation, type Population } from './population.js';
import type { Prices } from './prices.js';
import type { Meter, Readings } from './readings.js';
import { Reconciliation } from './reconciliation.js';

export interface ReplayOptions {
  readonly url: string;
  readonly ledger: DevelopmentLedger;
  /** The user's own copy of the genesis: the anchor of everything that is checked here. */
  readonly genesis: Uint8Array;
  readonly folder: string;
  readonly readings: Readings;
  readonly prices: Prices;
  /** How many intervals of the file are replayed; all by default. */
  readonly intervals: number;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
  readonly acknowledged?: (operationIds: readonly string[]) => void;
}

export interface ReplayResult {
  readonly intervals: number;
  readonly faults: readonly string[];
}

/** A gateway that is being started again is waited for: about two minutes. */
const ATTEMPTS = 20;
const POLL_MS = 200;
/** Operations that are refused because something has not happened yet are asked for again. */
const PATIENCE_MS = 60_000;

/**
 * Lives through the readings by the public interface alone: for each interval the operators submit readings, prosumers
 * offer their surplus, consumers bid for their deficit. What happened is read from proven blocks, so a replay that was
 * interrupted goes on where the chain stands.
 */
export async function replay(options: ReplayOptions): Promise<ReplayResult> {
  const run = new Replay(options, await openPopulation(options.folder, options.readings.meters));
  return run.all();
}

class Replay {
  private readonly client: GridClient;
  private readonly members: Members;
  private readonly follower: BlockFollower;
  private readonly books: Reconciliation;
  private readonly market: { rate: number; capMs: number };
  private marketTime: number;
  private blockTime: number;
  /** When an operation's block was seen here, by operation id. */
  private readonly seen = new Map<string, { at: number; status: string; code: string | undefined }>();
  private traded = { count: 0, wh: 0n, money: 0n };

  constructor(
    private readonly options: ReplayOptions,
    private readonly population: Population,
  ) {
    const anchor = genesisAnchor(options.genesis, native);
    const { genesis } = identityOfKind(anchor.identity, 'consortium');
    this.client = new GridClient({ url: options.url, identity: anchor.identity, crypto: native, attempts: ATTEMPTS });
    this.members = new Members(options.ledger, this.client, native, options.acknowledged);
    this.follower = new BlockFollower(anchor, { crypto: native });
    const { rate, buyerShare, sellerShare } = genesis.tariff.gridFee;
    this.books = new Reconciliation(options.readings, population, {
      feeRate: BigInt(rate),
      buyerShare: BigInt(buyerShare),
      sellerShare: BigInt(sellerShare),
      feedInRate: BigInt(genesis.tariff.feedInRate),
    });
    this.market = { rate: genesis.market.rate, capMs: genesis.market.capMs ?? Number.MAX_SAFE_INTEGER };
    this.marketTime = parseTime(genesis.market.start) ?? 0;
    this.blockTime = parseTime(genesis.time) ?? 0;
  }

  async all(): Promise<ReplayResult> {
    const { readings, say, signal } = this.options;
    // What an earlier life sent and nobody decided yet is decided by the first blocks after this moment.
    await this.followUntil(() => this.blockTime > Date.now() - 1_000, 'the chain to reach the present');
    await this.followUntil(this.blocksFromNow(2), 'blocks');
    await this.settleIn();
    const chosen = readings.intervals.slice(0, this.options.intervals);
    const first = chosen.findIndex((start) => readings.meters.some((meter) => !this.isMetered(meter, start)));
    const from = first < 0 ? chosen.length : first;
    if (from > 0) {
      say(`replay: ${from} of ${chosen.length} intervals are on the chain already`);
      const last = chosen[from - 1];
      if (last !== undefined && first >= 0) await this.offer(last);
    }
    for (const start of chosen.slice(from)) {
      if (signal.aborted) return { intervals: 0, faults: [] };
      await this.interval(start);
    }
    return this.finish(chosen);
  }

  /** Opens accounts, checks identities, registers meters and deposits money: once in the life of a ledger. */
  private async settleIn(): Promise<void> {
    const { ledger, readings, say } = this.options;
    const lastMeter = readings.meters.at(-1);
    const account = lastMeter && this.population[lastMeter.name]?.account;
    if (account === undefined || this.books.expected(account) > 0n) return;
    say(`onboarding ${readings.meters.length} accounts and meters`);
    for (const step of onboarding(ledger, this.population, readings.meters))
      await Promise.all(step.map(({ signer, operations }) => this.patiently(signer, operations)));
    await this.follow();
  }

  /** Each operation is sent until it is executed; refusals that waiting cannot cure throw. */
  private async patiently(signer: string, operations: readonly Operation[]): Promise<void> {
    const envelope = await this.members.send(signer, operations);
    for (const [at, id] of envelope.operationIds.entries()) {
      const { status, code } = await this.client.follow(id, { timeoutMs: PATIENCE_MS });
      // Left over from an onboarding that was interrupted.
      const done = code === 'registry.accountExists' || code === 'registry.meterExists';
      if (status !== 'executed' && !done) throw new Error(`${operations[at]?.type} was ${status}: ${code ?? ''}`);
    }
  }

  private isMetered(meter: Meter, start: number): boolean {
    return this.books.hasReading(meter.name, start) || this.books.isClosed(meter.zone, start);
  }

  private async interval(start: number): Promise<void> {
    const { readings, signal } = this.options;
    await this.followUntil(() => this.marketTime >= start + INTERVAL_MS, 'market time');
    if (signal.aborted) return;
    const began = { ...this.traded };
    const operators = [...new Set(readings.meters.map(({ operator }) => operator))];
    const sent = await Promise.all(
      operators.map(async (operator) => {
        const due = readings.meters.filter((meter) => meter.operator === operator && !this.isMetered(meter, start));
        return due.length === 0
          ? []
          : (
              await this.members.send(
                operator,
                due.map((meter) => this.readingOf(meter, start)),
              )
            ).operationIds;
      }),
    );
    await this.decided(sent.flat());
    const { orders, finalityMs } = await this.offer(start);
    this.progress(start, orders, began, finalityMs);
  }

  private readingOf(meter: Meter, start: number): Operation {
    const { consumedWh, producedWh } = this.options.readings.of(start, meter.name);
    return {
      type: 'metering.recordReading',
      meter: this.population[meter.name]?.meter ?? '',
      interval: formatInterval(millis(start)),
      consumedWh: String(consumedWh),
      producedWh: String(producedWh),
    };
  }

  /** Surplus is offered, deficits are bid for; each account once an interval, and only while its book is open. */
  private async offer(start: number): Promise<{ orders: number; finalityMs: number }> {
    const { readings } = this.options;
    const orders = readings.meters.flatMap((meter, index): Operation[] => {
      const account = this.population[meter.name]?.account ?? '';
      if (this.books.isClosed(meter.zone, start) || this.books.hasOrders(account, start)) return [];
      const order = this.orderOf(meter, index, account, start);
      return order === undefined ? [] : [order];
    });
    if (orders.length === 0) return { orders: 0, finalityMs: 0 };
    const { operationIds } = await this.members.send('back-office', orders);
    const acknowledged = Date.now();
    await this.decided(operationIds);
    const last = Math.max(...operationIds.map((id) => this.seen.get(id)?.at ?? acknowledged));
    for (const [at, id] of operationIds.entries()) {
      const { status, code } = this.seen.get(id) ?? { status: 'pending', code: undefined };
      // A book that closed while the order was under way is bad luck; anything else is a fault of this replay.
      if (status === 'rejected' && code !== 'market.bookClosed')
        this.books.faults.push(`${orders[at]?.type} in ${formatInterval(millis(start))} was refused: ${code ?? ''}`);
    }
    return { orders: orders.length, finalityMs: Math.max(0, last - acknowledged) };
  }

  private orderOf(meter: Meter, index: number, account: string, start: number): Operation | undefined {
    const { prices, readings } = this.options;
    const { consumedWh, producedWh } = readings.of(start, meter.name);
    const surplus = producedWh - consumedWh;
    if (Math.abs(surplus) < ORDER_WH_MIN) return undefined;
    return {
      type: 'market.placeOrder',
      account,
      side: surplus > 0 ? 'ask' : 'bid',
      fromZone: meter.zone,
      toZone: meter.zone,
      interval: formatInterval(millis(start)),
      priceTicks: surplus > 0 ? prices.askTicks(start, meter, index) : prices.bidTicks(start, meter, index),
      quantityWh: String(Math.abs(surplus)),
      timeInForce: 'GTC',
    };
  }

  private progress(
    start: number,
    orders: number,
    began: { count: number; wh: bigint; money: bigint },
    finalityMs: number,
  ): void {
    const local = new Date(start + 7 * 3_600_000).toISOString();
    const trades = this.traded.count - began.count;
    const [wh, money] = [this.traded.wh - began.wh, this.traded.money - began.money];
    this.options.say(
      [
        `${local.slice(5, 10)} ${local.slice(11, 16)}`,
        `orders ${String(orders).padStart(2)}`,
        `trades ${String(trades).padStart(2)}`,
        `${formatDecimal(wh, 3, 3).padStart(8)} kWh`,
        `${formatDecimal(money / 10_000n, 2, 2).padStart(7)} THB`,
        `height ${this.books.height}`,
        `finality ${(finalityMs / 1000).toFixed(1)} s`,
      ].join('  '),
    );
  }

  private async finish(chosen: readonly number[]): Promise<ReplayResult> {
    const { readings, say, signal } = this.options;
    const zones = [...new Set(readings.meters.map(({ zone }) => zone))];
    await this.followUntil(
      () => chosen.every((start) => zones.every((zone) => this.books.isClosed(zone, start))),
      'the last books to close',
    );
    if (signal.aborted) return { intervals: chosen.length, faults: [] };
    const { table, faults } = this.books.result();
    const all = [...faults, ...(await this.compareBalances())];
    say('');
    say(
      `Reconciliation of ${chosen.length} intervals, computed from readings.csv and ${this.books.height} proven blocks`,
    );
    for (const line of table) say(line);
    say(
      all.length === 0
        ? 'Everything adds up: energy, fees, feed-in payments and every balance.'
        : `${all.length} things do not add up:`,
    );
    for (const fault of all.slice(0, 50)) say(`  ${fault}`);
    return { intervals: chosen.length, faults: all };
  }

  /** The balances that the gateway shows, against those computed here, at the height at which each was read. */
  private async compareBalances(): Promise<string[]> {
    const accounts = [
      ...Object.values(this.population).map(({ account }) => account),
      ...Object.values(this.options.ledger.directory.accounts),
    ];
    const faults: string[] = [];
    for (const account of accounts) {
      const answer = await this.client.balances(account, { minHeight: this.books.height });
      await this.follow(Number(answer.height));
      const rows = answer['items'] as { asset: string; available: string; held: string }[];
      const watt = rows.find(({ asset }) => asset === 'WATT');
      const shown = watt === undefined ? 0n : BigInt(watt.available) + BigInt(watt.held);
      if (shown !== this.books.expected(account))
        faults.push(
          `${account}: computed ${this.books.expected(account)} micro-WATT, the gateway shows ${shown} at height ${answer.height}`,
        );
    }
    return faults;
  }

  // ---- following proven blocks -------------------------------------------------------------------------------

  private async follow(to?: number): Promise<void> {
    const source = (height: number): Promise<Uint8Array | undefined> => this.client.blockRecord(height);
    for await (const block of this.follower.blocks(source, to === undefined ? {} : { to })) this.take(block);
  }

  private take(block: VerifiedBlock): void {
    this.books.take(block);
    this.marketTime += this.market.rate * Math.min(block.time - this.blockTime, this.market.capMs);
    this.blockTime = block.time;
    const at = Date.now();
    for (const { asked, outcome } of block.results) {
      if (asked !== undefined)
        this.seen.set(asked.operationId, {
          at,
          status: outcome.status,
          code: outcome.status === 'rejected' ? outcome.code : undefined,
        });
      if (outcome.status !== 'executed') continue;
      for (const event of outcome.events)
        if (event.type === 'market.traded') {
          const { count, wh, money } = this.traded;
          this.traded = { count: count + 1, wh: wh + BigInt(event.quantityWh), money: money + BigInt(event.notional) };
        }
    }
  }

  private blocksFromNow(count: number): () => boolean {
    const from = this.follower.tip.height;
    return () => this.follower.tip.height >= from + count;
  }

  private async decided(operationIds: readonly string[]): Promise<void> {
    await this.followUntil(() => operationIds.every((id) => this.seen.has(id)), 'operations to be decided');
    // Only what is under way has to be remembered.
    if (this.seen.size > 10_000) for (const id of this.seen.keys()) if (this.seen.size > 5_000) this.seen.delete(id);
  }

  private async followUntil(done: () => boolean, what: string): Promise<void> {
    let quietSince = Date.now();
    for (let height = this.follower.tip.height; ; height = this.follower.tip.height) {
      await this.follow();
      if (done() || this.options.signal.aborted) return;
      if (this.follower.tip.height > height) quietSince = Date.now();
      else if (Date.now() - quietSince > 2 * PATIENCE_MS)
        throw new Error(`no block for ${(2 * PATIENCE_MS) / 1000} s while waiting for ${what}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}
