import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Histories, participantStatement, utilityStatement } from '@gridtokenx/chain';
import { BlockFollower, genesisAnchor, GridClient, type VerifiedBlock } from '@gridtokenx/client';
import { native } from '@gridtokenx/crypto-native';
import { formatDecimal, formatInterval, formatTime, INTERVAL_MS, millis, parseTime } from '@gridtokenx/kernel';
import { firstMarketRules, identityOfKind, type ConsortiumGenesis, type Operation } from '@gridtokenx/protocol';
import type { DevelopmentLedger } from '../system/development-ledger.js';
import {
  independentCheck,
  ToldLedger,
  type CheckSources,
  type ShownBalance,
  type StatedTotals,
} from './check/check.js';
import { Members } from './members.js';
import { onboarding, openPopulation, type Population } from './population.js';
import type { Prices } from './prices.js';
import { Progress } from './progress.js';
import type { Meter, Readings } from './readings.js';
import { marketLines, statementLines } from './statements.js';
import { newestMetered, Traders, type Order } from './traders.js';

export interface ReplayOptions {
  readonly url: string;
  readonly ledger: DevelopmentLedger;
  /** The user's own copy of the genesis: the anchor of everything that is checked here. */
  readonly genesis: Uint8Array;
  readonly folder: string;
  /** The folder of the readings and tariffs. */
  readonly data: string;
  /** A Postgres in which the check may make temporary tables. */
  readonly databaseUrl: string;
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
/** Orders for an interval are placed this long before its gate closes, in market time. */
const AHEAD_MS = 2 * INTERVAL_MS;
const FAULTS_SHOWN = 50;
const TOO_LATE: ReadonlySet<string> = new Set(['market.bookNotOpen', 'market.bookClosed', 'market.expiryInPast']);
const DAY_MS = 86_400_000;

/** Operations of one envelope, and when the gateway had them for certain. */
interface Sent {
  readonly ids: readonly string[];
  readonly operations: readonly Operation[];
  readonly acknowledged: number;
}

/** Such as `06-15 06:00`. */
function bangkokTime(start: number): string {
  const local = new Date(start + 7 * 3_600_000).toISOString();
  return `${local.slice(5, 10)} ${local.slice(11, 16)}`;
}

/**
 * Lives through the readings by the public interface alone: the operators submit readings, prosumers offer their surplus,
 * consumers bid for their deficit, the ledger settles. What happened is read from proven blocks, so a replay that was
 * interrupted goes on where the chain stands.
 */
export async function replay(options: ReplayOptions): Promise<ReplayResult> {
  const run = new Replay(options, await openPopulation(options.folder, options.readings.meters));
  return run.all();
}

class Replay {
  private readonly genesis: ConsortiumGenesis;
  private readonly client: GridClient;
  private readonly members: Members;
  private readonly follower: BlockFollower;
  private readonly progress: Progress;
  private readonly traders: Traders;
  private readonly told = new ToldLedger();
  private readonly histories = new Histories();
  private readonly faults: string[] = [];
  /** What was sent in this life, by what it is for: once is enough. */
  private readonly sent = new Map<string, Sent>();

  constructor(
    private readonly options: ReplayOptions,
    private readonly population: Population,
  ) {
    const anchor = genesisAnchor(options.genesis, native);
    this.genesis = identityOfKind(anchor.identity, 'consortium').genesis;
    this.client = new GridClient({ url: options.url, identity: anchor.identity, crypto: native, attempts: ATTEMPTS });
    this.members = new Members(options.ledger, this.client, native, options.acknowledged);
    this.follower = new BlockFollower(anchor, { crypto: native });
    this.traders = new Traders(options.readings, options.prices, population);
    const { market, time } = this.genesis;
    this.progress = new Progress(
      { rate: market.rate, capMs: market.capMs ?? Number.MAX_SAFE_INTEGER },
      { marketTime: parseTime(market.start) ?? 0, blockTime: parseTime(time) ?? 0 },
    );
  }

  async all(): Promise<ReplayResult> {
    const { say, signal } = this.options;
    const { progress } = this;
    // What an earlier life sent and nobody decided yet is decided by the first blocks after this moment.
    await this.followUntil(() => progress.blockTime > Date.now() - 1_000, 'the chain to reach the present');
    await this.followUntil(this.blocksFromNow(2), 'blocks');
    await this.settleIn();
    const chosen = this.chosen();
    const open = chosen.filter((start) => !progress.isSettled(start));
    if (open.length < chosen.length)
      say(`replay: ${chosen.length - open.length} of ${chosen.length} intervals are settled already`);
    await this.followUntil(async () => {
      await this.act(open);
      for (let [start] = open; start !== undefined && this.isOver(start); [start] = open) {
        this.tell(start);
        open.shift();
      }
      return open.length === 0;
    }, 'the last interval to be settled');
    if (!signal.aborted) await this.correct();
    await this.followUntil(() => progress.isPaid, 'the dues to be paid');
    return signal.aborted ? { intervals: chosen.length, faults: [] } : this.finish(chosen);
  }

  /** Those that were asked for and were metered or still can be: what went by while nobody looked is over. */
  private chosen(): number[] {
    const { readings, intervals, say } = this.options;
    const asked = readings.intervals.slice(0, intervals);
    const chosen = asked.filter((start) => !this.isMissed(start));
    if (chosen.length < asked.length)
      say(`replay: ${asked.length - chosen.length} intervals went by without being read`);
    return chosen;
  }

  private isMissed(start: number): boolean {
    const { spotMs } = firstMarketRules(this.genesis.market);
    return (
      start + INTERVAL_MS + spotMs <= this.progress.marketTime &&
      !this.options.readings.meters.some((meter) => this.progress.hasReading(this.meterOf(meter), start))
    );
  }

  /** Opens accounts, checks identities, registers meters and deposits money: once in the life of a ledger. */
  private async settleIn(): Promise<void> {
    const { ledger, readings, say } = this.options;
    const lastMeter = readings.meters.at(-1);
    if (lastMeter === undefined || this.progress.hasAccount(this.traders.accountOf(lastMeter))) return;
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

  // ---- living through the intervals --------------------------------------------------------------------------

  /** Whatever can be done at this market time and was not done yet; waits for nothing but the gateway's word. */
  private async act(open: readonly number[]): Promise<void> {
    const { marketTime } = this.progress;
    const { gateMs } = firstMarketRules(this.genesis.market);
    for (const start of open) {
      if (this.options.signal.aborted) return;
      if (start + INTERVAL_MS <= marketTime) {
        if (await this.meter(start)) await this.offer(start);
      } else if (start - gateMs - AHEAD_MS <= marketTime && marketTime < start - gateMs)
        await this.place(start, 'forward', () => this.traders.ahead(start, newestMetered(marketTime), start - gateMs));
      else if (start - gateMs > marketTime) return;
    }
  }

  /** True once every meter is read. */
  private async meter(start: number): Promise<boolean> {
    const { meters } = this.options.readings;
    const due = meters.filter((meter) => !this.progress.hasReading(this.meterOf(meter), start));
    for (const operator of new Set(due.map((meter) => meter.operator))) {
      const own = due.filter((meter) => meter.operator === operator);
      await this.once(`${operator}/${start}`, operator, () => own.map((meter) => this.readingOf(meter, start)));
    }
    return due.length === 0;
  }

  private readonly meterOf = ({ name }: Meter): string => this.population[name]?.meter ?? '';

  private readingOf(meter: Meter, start: number): Operation {
    const { consumedWh, producedWh } = this.options.readings.of(start, meter.name);
    return {
      type: 'metering.recordReading',
      meter: this.meterOf(meter),
      interval: formatInterval(millis(start)),
      consumedWh: String(consumedWh),
      producedWh: String(producedWh),
    };
  }

  private offer(start: number): Promise<void> {
    return this.place(start, 'spot', () =>
      this.traders.spot(start, (account) => this.progress.soldAhead(account, start)),
    );
  }

  /** Each account orders once in an interval and phase. */
  private place(start: number, phase: 'spot' | 'forward', orders: () => readonly Order[]): Promise<void> {
    return this.once(`${phase}/${start}`, 'back-office', () =>
      orders().filter(({ account }) => !this.progress.hasOrder(account, start, phase)),
    );
  }

  private async once(purpose: string, signer: string, operations: () => readonly Operation[]): Promise<void> {
    if (this.sent.has(purpose)) return;
    const list = operations();
    const ids = list.length === 0 ? [] : (await this.members.send(signer, list)).operationIds;
    this.sent.set(purpose, { ids, operations: list, acknowledged: Date.now() });
  }

  /** Settled, or missed by readings that came too late; and what was asked for is decided. */
  private isOver(start: number): boolean {
    const isDecided = ({ ids, acknowledged }: Sent): boolean =>
      ids.every((id) => this.progress.outcome(id) !== undefined) || Date.now() - acknowledged > PATIENCE_MS;
    return (
      (this.progress.isSettled(start) || this.isMissed(start)) &&
      [...this.sent].every(([purpose, sent]) => !purpose.endsWith(`/${start}`) || isDecided(sent))
    );
  }

  /** One line for a settled interval, and what went wrong in it. */
  private tell(start: number): void {
    const { count, wh, money } = this.progress.traded(start);
    const orders = this.sent.get(`spot/${start}`);
    const seen = orders?.ids.map((id) => this.progress.outcome(id)?.at ?? 0) ?? [];
    const finalityMs = orders === undefined ? 0 : Math.max(0, Math.max(0, ...seen) - orders.acknowledged);
    for (const [purpose, { ids, operations }] of this.sent) {
      if (!purpose.endsWith(`/${start}`)) continue;
      this.sent.delete(purpose);
      ids.forEach((id, at) => {
        const { status, code } = this.progress.outcome(id) ?? { status: 'pending', code: undefined };
        // A phase that ended while an order was under way is bad luck; anything else is a fault of this replay.
        if (status === 'executed' || (code !== undefined && TOO_LATE.has(code))) return;
        this.faults.push(`${operations[at]?.type} in ${formatInterval(millis(start))} was ${status}: ${code ?? ''}`);
      });
    }
    this.options.say(
      [
        bangkokTime(start),
        `orders ${String(orders?.ids.length ?? 0).padStart(2)}`,
        `trades ${String(count).padStart(2)}`,
        `${formatDecimal(wh, 3, 3).padStart(8)} kWh`,
        `${formatDecimal(money / 10_000n, 2, 2).padStart(7)} THB`,
        `height ${this.progress.height}`,
        `finality ${(finalityMs / 1000).toFixed(1)} s`,
      ].join('  '),
    );
  }

  /** What the operators learn too late: sent once all is settled, with the histories of the positions that it touches. */
  private async correct(): Promise<void> {
    const { readings, say } = this.options;
    for (const { meter: name, start, consumedWh, producedWh } of readings.corrections) {
      const meter = readings.meters.find((one) => one.name === name);
      if (meter === undefined || !this.progress.isSettled(start)) continue;
      const id = this.meterOf(meter);
      if (!this.progress.hasReading(id, start) || this.progress.isCorrected(id, start)) continue;
      const operation = this.histories.correction(native, {
        account: this.traders.accountOf(meter),
        zone: meter.zone,
        interval: formatInterval(millis(start)),
        readings: [
          {
            meter: id,
            quality: 'actual',
            consumedWh: String(consumedWh),
            producedWh: String(producedWh),
          },
        ],
        retariff: false,
      });
      const [done] = await this.members.carryOut(meter.operator, [operation]);
      const before = readings.of(start, name);
      say(
        `${meter.operator} corrects ${name} at ${bangkokTime(start)}: ${before.producedWh} Wh produced were ${producedWh}, ${before.consumedWh} consumed were ${consumedWh} (block ${done?.height})`,
      );
    }
  }

  // ---- what it comes to --------------------------------------------------------------------------------------

  private async finish(chosen: readonly number[]): Promise<ReplayResult> {
    const { say, databaseUrl } = this.options;
    const balances = await this.shownBalances();
    const sources = await this.sources(chosen);
    const statements = this.statements();
    const result = await independentCheck(databaseUrl, this.told, sources, { balances, statements });
    const faults = [
      ...this.faults,
      ...result.differences.map(
        ({ what, subject, computed, told }) => `${what} ${subject}: computed ${computed}, told ${told}`,
      ),
    ];
    say('');
    say(
      `${chosen.length} intervals, computed again from readings, tariffs and trades in ${this.progress.height} proven blocks`,
    );
    for (const line of [...marketLines(result), '', ...statementLines(result.statements)]) say(line);
    say(
      faults.length === 0
        ? 'Everything adds up, to the last micro-WATT: readings, trades, charges, contracts, feed-in, corrections, every balance.'
        : `${faults.length} things do not add up:`,
    );
    for (const fault of faults.slice(0, FAULTS_SHOWN)) say(`  ${fault}`);
    return { intervals: chosen.length, faults };
  }

  /** As anyone makes them of proven blocks with the SDK: by the first readings, and by the corrected ones. */
  private statements(): StatedTotals[] {
    const corrected = this.histories.settled();
    const first = corrected
      .filter(({ settledEntries }) => settledEntries > 0)
      .map((one) => ({ ...one, entries: one.entries.slice(0, one.settledEntries), corrections: [] }));
    const zones = this.histories.zones();
    const begin = (parseTime(this.genesis.market.start) ?? 0) - DAY_MS;
    const period = { from: formatTime(millis(begin)), until: formatTime(millis(this.progress.marketTime)) };
    const participants = Object.values(this.population).map(({ account }) => account);
    const utilities = new Set(this.genesis.zones.map(({ account }) => account));
    return [false, true].flatMap((isCorrected) => {
      const positions = isCorrected ? corrected : first;
      return [
        ...participants.map((account) => participantStatement(account, period, positions, false)),
        ...[...utilities].map((account) => utilityStatement(account, period, zones, positions, false)),
      ].map(({ account, kind, totals }) => ({ account, kind, isCorrected, totals }));
    });
  }

  private async sources(chosen: readonly number[]): Promise<CheckSources> {
    const { data, ledger } = this.options;
    const text = (name: string): Promise<string> => readFile(join(data, name), 'utf8');
    const [readings, corrections, meters, tariffs] = await Promise.all(
      ['readings.csv', 'corrections.csv', 'meters.csv', 'tariffs.json'].map(text),
    );
    const { organisations } = ledger.directory;
    const nameOf = (id: string): string | undefined =>
      Object.keys(organisations).find((name) => organisations[name]?.id === id);
    return {
      'readings.csv': readings ?? '',
      'corrections.csv': corrections ?? '',
      'meters.csv': meters ?? '',
      'tariffs.json': tariffs ?? '',
      'tariff-book.json': JSON.stringify(this.genesis.tariffs),
      'population.json': JSON.stringify(this.population),
      'zones.json': JSON.stringify(
        Object.fromEntries(
          this.genesis.zones.map(({ id, operator, account }) => [id, { operator: nameOf(operator), account }]),
        ),
      ),
      'intervals.json': JSON.stringify(chosen.map((start) => formatTime(millis(start)))),
    };
  }

  /** The balances that the gateway shows, with the height at which each was read. */
  private async shownBalances(): Promise<ShownBalance[]> {
    const accounts = [
      ...Object.values(this.population).map(({ account }) => account),
      ...Object.values(this.options.ledger.directory.accounts),
    ];
    const shown: ShownBalance[] = [];
    for (const account of accounts) {
      const answer = await this.client.balances(account, { minHeight: this.progress.height });
      const height = Number(answer.height);
      await this.follow(height);
      const rows = answer['items'] as { asset: string; available: string; held: string }[];
      const watt = rows.find(({ asset }) => asset === 'WATT');
      shown.push({ account, height, watt: watt === undefined ? 0n : BigInt(watt.available) + BigInt(watt.held) });
    }
    return shown;
  }

  // ---- following proven blocks -------------------------------------------------------------------------------

  private async follow(to?: number): Promise<void> {
    const source = (height: number): Promise<Uint8Array | undefined> => this.client.blockRecord(height);
    for await (const block of this.follower.blocks(source, to === undefined ? {} : { to })) this.take(block);
  }

  private take(block: VerifiedBlock): void {
    this.progress.take(block);
    for (const { index, outcome } of block.results) {
      this.histories.add(block.height, index, outcome);
      if (outcome.status === 'executed')
        this.told.take({ height: block.height, events: outcome.events, postings: outcome.postings });
    }
  }

  private blocksFromNow(count: number): () => boolean {
    const from = this.follower.tip.height;
    return () => this.follower.tip.height >= from + count;
  }

  private async followUntil(done: () => boolean | Promise<boolean>, what: string): Promise<void> {
    let quietSince = Date.now();
    for (let height = this.follower.tip.height; ; height = this.follower.tip.height) {
      await this.follow();
      if ((await done()) || this.options.signal.aborted) return;
      if (this.follower.tip.height > height) quietSince = Date.now();
      else if (Date.now() - quietSince > 2 * PATIENCE_MS)
        throw new Error(`no block for ${(2 * PATIENCE_MS) / 1000} s while waiting for ${what}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}
