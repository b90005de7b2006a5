import { createRequire } from 'node:module';
import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { native } from '@gridtokenx/crypto-native';
import type { Hash, PublicKey } from '@gridtokenx/crypto';
import {
  consortiumLedger,
  createConsortiumLedger,
  executeMarket,
  Store,
  type ConsortiumState,
  type MarketOperation,
  type OperationContext,
} from '@gridtokenx/domain';
import { formatInterval, formatTime, millis, Prng, toBase64Url, toHex, utf8 } from '@gridtokenx/kernel';
import type { Envelope, ConsortiumGenesis, LedgerEvent, LedgerIdentity, Operation } from '@gridtokenx/protocol';
import { oneOrganisation, testGenesis } from '@gridtokenx/testkit';
import { median, rounded } from './statistics.js';

/** What nodejs-order-book offers of what is measured here; the types it ships do not resolve. */
interface OtherBook {
  limit(order: { id: string; side: 'buy' | 'sell'; size: number; price: number }): unknown;
  cancel(id: string): unknown;
}
const { OrderBook } = createRequire(import.meta.url)('nodejs-order-book') as { OrderBook: new () => OtherBook };

const OPERATIONS_PER_BLOCK = 10_000;
const START = 1_780_000_200_000;
const INTERVAL = formatInterval(millis(Math.floor(START / 900_000) * 900_000 - 900_000));
const ZONE = 'MEA-BKK-01';
const TRADERS = 1_000;
const MID_TICKS = 450;

const id = (name: string): string => toHex(native.sha256(utf8(name))).slice(0, 32);
const OPERATOR = id('operator');
const ORGANISATION = id('organisation');
const SEED = native.sha256(utf8('bench'));
const KID = toBase64Url(native.publicKeyOf(SEED));
const TRADER_NAMES = Array.from({ length: 2 * TRADERS }, (_, i) => id(`trader ${i}`));
const traderName = (i: number): string => TRADER_NAMES[i] ?? '';

function genesis(): ConsortiumGenesis {
  const { accounts, ...parties } = oneOrganisation({
    ...{ id: ORGANISATION, account: OPERATOR, zone: ZONE, validators: [KID], keys: [KID] },
    roles: ['gridOperator', 'wattIssuer', 'registrar'],
  });
  return testGenesis({
    timeMs: START,
    ...parties,
    accounts: [...accounts, ...TRADER_NAMES.map((name) => ({ id: name, organisation: ORGANISATION }))],
  });
}

const WATT_EACH = '1000000000000000';
const KWH_EACH = '1000000000000';

/** The market module alone: the tables and the journal, without envelopes, outcomes or digests. */
class Market {
  readonly state: ConsortiumState;
  private readonly context: { -readonly [K in keyof OperationContext]: OperationContext[K] };
  private done = 0;
  refused = 0;

  constructor() {
    const store = new Store();
    const terms = genesis();
    const surroundings = { crypto: native, ledgerId: '' };
    const state = consortiumLedger.state(store, terms, surroundings);
    this.state = state;
    for (const module of consortiumLedger.modules(state, surroundings)) module.genesis?.(terms);
    for (let i = 0; i < 2 * TRADERS; i++) {
      const account = traderName(i);
      store.change(state.registry.delegations.pair(KID, account), {
        operations: ['market.placeOrder', 'market.cancelOrder', 'market.replaceOrder'],
        until: START * 2,
      });
      state.accounts.mint(account, 'WATT', BigInt(WATT_EACH));
      state.accounts.mint(account, `KWH:${ZONE}:${INTERVAL}`, BigInt(KWH_EACH));
    }
    this.context = {
      height: 1,
      time: millis(START),
      marketTime: millis(START),
      proposer: 0,
      parentSigners: [],
      events: [],
      kid: KID,
      key: { organisation: ORGANISATION, account: '', removed: false },
      operationId: '',
      dispatch: () => undefined,
    };
    const book = { mechanism: 'continuous', phase: 'spot', fromZone: ZONE, toZone: ZONE, interval: INTERVAL } as const;
    state.market.openBook(this.context, book, state.market.schedule(INTERVAL).closesAt);
    store.endBlock();
  }

  run(operationId: string, operation: MarketOperation): readonly LedgerEvent[] {
    const { context, state } = this;
    const mark = state.store.mark();
    context.operationId = operationId;
    context.events = [];
    if (executeMarket(state.market, context, operation) !== undefined) {
      state.store.undoTo(mark);
      this.refused++;
    }
    if (++this.done % OPERATIONS_PER_BLOCK === 0) {
      state.store.endBlock();
      state.market.beginBlock();
    }
    return context.events;
  }
}

interface Step {
  readonly id: string;
  readonly ours: MarketOperation;
  readonly theirs:
    | { readonly kind: 'limit'; readonly order: { id: string; side: 'buy' | 'sell'; size: number; price: number } }
    | { readonly kind: 'cancel'; readonly id: string };
}

const stepId = (stream: number, i: number): string =>
  stream.toString(16).padStart(8, '0') + i.toString(16).padStart(56, '0');

function limit(id: string, trader: number, isBid: boolean, priceTicks: number, quantityWh: number): Step {
  return {
    id,
    ours: {
      type: 'market.placeOrder',
      account: traderName(trader),
      side: isBid ? 'bid' : 'ask',
      fromZone: ZONE,
      toZone: ZONE,
      interval: INTERVAL,
      priceTicks,
      quantityWh: String(quantityWh),
      timeInForce: 'GTC',
    },
    theirs: { kind: 'limit', order: { id, side: isBid ? 'buy' : 'sell', size: quantityWh, price: priceTicks } },
  };
}

/**
 * 45 % orders that rest, 45 % that cross, 10 % cancels of an order that was meant to rest. Buyers and sellers are
 * different accounts, because the other book knows no owners.
 */
function streamOf(seed: number, length: number): Step[] {
  const prng = new Prng(seed);
  const steps: Step[] = [];
  const resting: string[] = [];
  for (let i = 0; i < length; i++) {
    const id = stepId(seed, i);
    const dice = prng.below(100);
    const isBid = prng.below(2) === 0;
    const trader = prng.below(TRADERS) + (isBid ? 0 : TRADERS);
    const quantityWh = 100 + prng.below(5_000);
    if (dice < 45) {
      const away = 1 + prng.below(100);
      steps.push(limit(id, trader, isBid, isBid ? MID_TICKS - away : MID_TICKS + away, quantityWh));
      resting.push(id);
    } else if (dice < 90) {
      const through = 1 + prng.below(5);
      steps.push(limit(id, trader, isBid, isBid ? MID_TICKS + through : MID_TICKS - through, quantityWh));
    } else {
      const victim = resting[resting.length - 1 - prng.below(Math.min(resting.length, 1_000))] ?? id;
      steps.push({ id, ours: { type: 'market.cancelOrder', order: victim }, theirs: { kind: 'cancel', id: victim } });
    }
  }
  return steps;
}

const timed = (run: () => void): number => {
  const from = performance.now();
  run();
  return performance.now() - from;
};
// Each round begins with a clean heap: nobody pays for what the other has left.
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function oursMs(steps: readonly Step[]): { ms: number; events: number; refused: number } {
  const market = new Market();
  let events = 0;
  collect();
  const ms = timed(() => {
    for (const { id, ours } of steps) events += market.run(id, ours).length;
  });
  return { ms, events, refused: market.refused };
}

function theirsMs(steps: readonly Step[]): number {
  const book = new OrderBook();
  collect();
  return timed(() => {
    for (const { theirs } of steps) {
      if (theirs.kind === 'limit') book.limit(theirs.order);
      else book.cancel(theirs.id);
    }
  });
}

/** Microseconds per operation on a book with so many orders behind the best prices, which the stream never reaches. */
function depthMarket(resting: number): Market {
  const market = new Market();
  const prng = new Prng(7);
  for (let i = 0; i < resting; i++) {
    const isBid = i % 2 === 0;
    const trader = (i % TRADERS) + (isBid ? 0 : TRADERS);
    const away = 101 + prng.below(200);
    market.run(stepId(999, i), limit('', trader, isBid, isBid ? MID_TICKS - away : MID_TICKS + away, 100).ours);
  }
  market.state.store.endBlock();
  return market;
}

/** A stream after which as many orders rest as before: place, cross what was placed, place and cancel. */
function steadyStream(seed: number, length: number): Step[] {
  const prng = new Prng(seed);
  const steps: Step[] = [];
  for (let i = 0; steps.length < length; i++) {
    const isBid = prng.below(2) === 0;
    const [maker, taker] = [prng.below(TRADERS), prng.below(TRADERS)];
    const makerTrader = maker + (isBid ? 0 : TRADERS);
    const takerTrader = taker + (isBid ? TRADERS : 0);
    const price = MID_TICKS + prng.below(50) - 25;
    const [a, b, c, d] = [0, 1, 2, 3].map((k) => stepId(seed, 4 * i + k)) as [string, string, string, string];
    const quantityWh = 100 + prng.below(5_000);
    steps.push(limit(a, makerTrader, isBid, price, quantityWh));
    steps.push(limit(b, takerTrader, !isBid, price, quantityWh));
    steps.push(limit(c, makerTrader, isBid, isBid ? price - 60 : price + 60, quantityWh));
    steps.push({ id: d, ours: { type: 'market.cancelOrder', order: c }, theirs: { kind: 'cancel', id: c } });
  }
  return steps;
}

function depthRatio(
  deep: number,
  length: number,
  rounds: number,
): { shallowUs: number; deepUs: number; ratio: number } {
  const [low, high] = [depthMarket(1_000), depthMarket(deep)];
  const times: Record<'low' | 'high', number[]> = { low: [], high: [] };
  collect();
  for (let round = 0; round < rounds; round++) {
    const steps = steadyStream(1_000 + round, length);
    for (const [name, market] of [['low', low] as const, ['high', high] as const]) {
      const ms = timed(() => {
        for (const { id, ours } of steps) market.run(id, ours);
      });
      if (round > 0) times[name].push((ms * 1000) / steps.length);
    }
  }
  if (low.refused + high.refused > 0) throw new Error('the steady stream was refused something');
  const [shallowUs, deepUs] = [median(times.low), median(times.high)];
  return { shallowUs: rounded(shallowUs, 3), deepUs: rounded(deepUs, 3), ratio: rounded(deepUs / shallowUs, 3) };
}

function envelopeOf(sequence: number, operations: readonly Operation[]): Envelope {
  const bytes = utf8(JSON.stringify({ sequence, operations }));
  const hash = native.sha256(bytes);
  return {
    kid: KID,
    publicKey: native.publicKeyOf(SEED) as PublicKey,
    ledgerId: 'gridtokenx-consortium-00000000',
    sequence,
    validUntil: millis(START + 3_600_000),
    atomic: false,
    operations,
    bytes,
    hash,
    operationIds: operations.map((_, index) => native.sha256(utf8(`${toHex(hash)}${index}`)) as Hash),
  };
}

type BenchLedger = ReturnType<typeof createConsortiumLedger>;
type Execution = ReturnType<BenchLedger['execute']>;

/** A ledger on which traders have money and energy, and blocks of it. */
export interface TradersLedger {
  readonly ledger: BenchLedger;
  envelope(operations: readonly Operation[]): Envelope;
  /** A block so many milliseconds after the one before. */
  run(envelopes: readonly Envelope[], afterMs?: number): Execution;
}

/** An order of the stream of {@link blockBench}: a random trader, up to 20 ticks away from the middle or beyond it, 100 Wh to 5.1 kWh. */
export function randomOrder(prng: Prng, isAway: boolean): MarketOperation {
  const isBid = prng.below(2) === 0;
  const trader = prng.below(TRADERS) + (isBid ? 0 : TRADERS);
  const step = (isAway ? 1 : -1) * (1 + prng.below(20));
  return limit('', trader, isBid, isBid ? MID_TICKS - step : MID_TICKS + step, 100 + prng.below(5_000)).ours;
}

export function tradersLedger(): TradersLedger {
  const terms = genesis();
  const genesisHash = native.sha256(utf8(JSON.stringify(terms)));
  const identity: LedgerIdentity<ConsortiumGenesis> = {
    genesis: terms,
    genesisHash,
    ledgerId: 'gridtokenx-consortium-00000000',
  };
  const ledger = createConsortiumLedger(native, identity);
  let sequence = 0;
  let { time } = ledger;
  const envelope = (operations: readonly Operation[]): Envelope => envelopeOf(++sequence, operations);
  const run = (envelopes: readonly Envelope[], afterMs = 250): Execution => {
    time = millis(time + afterMs);
    const execution = ledger.execute({ height: ledger.height + 1, time, proposer: 0, parentSigners: [], envelopes });
    ledger.commit();
    return execution;
  };
  const setUp: Operation[] = [
    { type: 'accounts.attestReserve', amount: `${WATT_EACH}0000`, reference: 'bench' },
    {
      type: 'registry.registerKey',
      key: toBase64Url(native.publicKeyOf(native.sha256(utf8('own')))),
      owner: { kind: 'account', account: OPERATOR },
    },
    {
      type: 'registry.delegate',
      key: KID,
      account: OPERATOR,
      operations: ['accounts.transfer'],
      until: formatTime(millis(START * 2)),
    },
  ];
  for (let i = 0; i < 2 * TRADERS; i++) {
    const account = traderName(i);
    setUp.push(
      { type: 'accounts.mint', account, amount: WATT_EACH, reference: 'bench' },
      { type: 'registry.registerMeter', meter: account, account, zone: ZONE, limitWh: '500000000' },
      { type: 'metering.recordReading', meter: account, interval: INTERVAL, consumedWh: '0', producedWh: '500000000' },
      {
        type: 'registry.delegate',
        key: KID,
        account,
        operations: ['market.placeOrder', 'market.cancelOrder'],
        until: formatTime(millis(START * 2)),
      },
    );
  }
  for (let i = 0; i < setUp.length; i += 1_000) run([envelope(setUp.slice(i, i + 1_000))]);
  return { ledger, envelope, run };
}

/** Whole blocks of 100 envelopes with 100 orders each, half of them crossing, through the ledger. */
export function blockBench(rounds: number): {
  medianMs: number;
  minMs: number;
  cpuMs: number;
  outcomeBytes: number;
  rejected: number;
} {
  const { envelope, run } = tradersLedger();
  const times: number[] = [];
  const cpu: number[] = [];
  let outcomeBytes = 0;
  let rejected = 0;
  for (let round = 0; round < rounds; round++) {
    const prng = new Prng(round + 1);
    const envelopes = Array.from({ length: 100 }, () =>
      envelope(Array.from({ length: 100 }, (_, i) => randomOrder(prng, i % 2 === 0))),
    );
    collect();
    let execution: Execution | undefined;
    const from = process.cpuUsage();
    times.push(timed(() => (execution = run(envelopes))));
    const used = process.cpuUsage(from);
    cpu.push((used.user + used.system) / 1000);
    rejected += execution?.rejected ?? 0;
    outcomeBytes = execution?.outcomes.reduce((sum, { bytes }) => sum + bytes.length, 0) ?? 0;
  }
  const warm = times.slice(2);
  return {
    medianMs: rounded(median(warm), 1),
    minMs: rounded(Math.min(...warm), 1),
    cpuMs: rounded(median(cpu.slice(2)), 1),
    outcomeBytes,
    rejected,
  };
}

export interface BookBenchOptions {
  readonly operations?: number;
  readonly rounds?: number;
  /** Resting orders of the deep book. */
  readonly deep?: number;
}

export interface BookBenchResult {
  readonly operations: number;
  readonly rounds: number;
  readonly oursPerSecond: number;
  readonly theirsPerSecond: number;
  /** Ours to nodejs-order-book's. */
  readonly ratio: number;
  readonly eventsPerOperation: number;
  readonly refused: number;
  readonly depth: {
    readonly deep: number;
    readonly shallowUs: number;
    readonly deepUs: number;
    readonly ratio: number;
  };
  readonly block: {
    readonly medianMs: number;
    readonly minMs: number;
    /** Of the process, garbage collection included: what is left of the time when nobody else wants the processor. */
    readonly cpuMs: number;
    readonly outcomeBytes: number;
    readonly rejected: number;
  };
}

/** The market with escrow, fees and events beside the bare book of nodejs-order-book, on the same stream, in turns. */
export function runBookBench({
  operations = 200_000,
  rounds = 7,
  deep = 1_000_000,
}: BookBenchOptions = {}): BookBenchResult {
  const warmUp = streamOf(1, 100_000);
  oursMs(warmUp);
  theirsMs(warmUp);
  const ours: number[] = [];
  const theirs: number[] = [];
  let eventsPerOperation = 0;
  let refused = 0;
  for (let i = 0; i < rounds; i++) {
    const steps = streamOf(i + 2, operations);
    const measure = (): void => {
      const result = oursMs(steps);
      ours.push(result.ms);
      eventsPerOperation = result.events / steps.length;
      refused = result.refused;
    };
    // Whoever comes second finds warmer caches and a fuller heap: they take turns.
    if (i % 2 === 0) measure();
    theirs.push(theirsMs(steps));
    if (i % 2 === 1) measure();
  }
  const perSecond = (ms: readonly number[]): number => rounded((operations * 1000) / median(ms), 0);
  return {
    operations,
    rounds,
    oursPerSecond: perSecond(ours),
    theirsPerSecond: perSecond(theirs),
    ratio: rounded(median(theirs) / median(ours), 3),
    eventsPerOperation: rounded(eventsPerOperation, 2),
    refused,
    depth: { deep, ...depthRatio(deep, 100_000, rounds) },
    block: blockBench(rounds + 3),
  };
}
