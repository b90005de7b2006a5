import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { checkClearing, clearAuction, inPriority, type AuctionOrder, type Clearing } from '@gridtokenx/chain';
import { Prng } from '@gridtokenx/kernel';
import { AUCTION_ORDERS_MAX, type Operation } from '@gridtokenx/protocol';
import { randomOrder, tradersLedger } from './book.js';
import { median, rounded } from './statistics.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

export interface AuctionBenchOptions {
  /** Orders, half bids and half asks. */
  readonly orders?: readonly number[];
  readonly rounds?: number;
  readonly say?: (line: string) => void;
}

export interface AuctionRun {
  readonly orders: number;
  readonly accounts: number;
  readonly levels: number;
  /** Sorting, volume, price, shares and fills: processor time, garbage collection included; median of the rounds. */
  readonly cpuMs: number;
  readonly ordersPerSecond: number;
  /** The check of the published clearing, from the sorted orders. */
  readonly checkCpuMs: number;
  /** Live heap of the orders, and of the clearing beside them. */
  readonly ordersMb: number;
  readonly clearingMb: number;
  /** The most that the process had in memory so far, all included. */
  readonly rssMb: number;
  readonly fills: number;
  readonly volumeWh: string;
  readonly priceTicks: number | undefined;
  readonly dominated: boolean;
}

export interface AuctionBenchResult {
  readonly rule: 'time' | 'proRata';
  readonly runs: readonly AuctionRun[];
  /** Processor time of each run over the one before, divided by how many times as many orders there are: 1 is linear. */
  readonly growth: readonly number[];
  readonly block: AuctionBlock;
}

/** Households that bid and ask around 4 THB/kWh, one of ten on both sides; quantities from 100 Wh to 5 kWh. */
function bookOf(orders: number): { bids: AuctionOrder[]; asks: AuctionOrder[]; accounts: number } {
  const prng = new Prng(orders);
  const households = Math.ceil(orders / 2);
  const order = (isBid: boolean, i: number): AuctionOrder => ({
    id: `${isBid ? 'bid' : 'ask'} ${i}`,
    account: `account ${isBid || prng.chance(0.1) ? i : households + i}`,
    limitTicks: (isBid ? 330 : 270) + prng.below(200),
    quantityWh: prng.between(100, 5_000),
    entry: prng.below(2 ** 20) * 2 ** 20 + i,
  });
  const side = (isBid: boolean): AuctionOrder[] =>
    Array.from({ length: Math.floor(orders / 2) }, (_, i) => order(isBid, i));
  const [bids, asks] = [side(true), side(false)];
  return { bids, asks, accounts: new Set([...bids, ...asks].map(({ account }) => account)).size };
}

const heapMb = (): number => {
  collect();
  return process.memoryUsage().heapUsed / 2 ** 20;
};

function timed<Result>(work: () => Result): { readonly result: Result; readonly cpu: number } {
  const from = cpuMs();
  const result = work();
  return { result, cpu: cpuMs() - from };
}

function runOf(orders: number, rounds: number, rule: 'time' | 'proRata'): AuctionRun {
  const empty = heapMb();
  const { bids, asks, accounts } = bookOf(orders);
  const withOrders = heapMb();
  const times: number[] = [];
  let clearing: Clearing | undefined;
  for (let round = 0; round < rounds; round++) {
    clearing = undefined;
    collect();
    const { result, cpu } = timed(() => clearAuction(bids, asks, { rule }));
    clearing = result;
    times.push(cpu);
  }
  if (clearing === undefined) throw new Error('at least one round');
  const withClearing = heapMb();
  const { fills, ...rest } = clearing;
  const claim = {
    ...rest,
    fills: fills.map(({ bid, ask, quantityWh }) => ({ bid: bid.id, ask: ask.id, quantityWh })),
  };
  const [sortedBids, sortedAsks] = [inPriority(bids, true), inPriority(asks, false)];
  const check = timed(() => checkClearing(sortedBids, sortedAsks, { rule }, claim));
  if (check.result !== undefined) throw new Error(`${check.result.code} ${check.result.about}`);
  const cpu = median(times);
  return {
    orders,
    accounts,
    levels: new Set([...bids, ...asks].map(({ limitTicks }) => limitTicks)).size,
    cpuMs: rounded(cpu, 1),
    ordersPerSecond: Math.round((orders / cpu) * 1_000),
    checkCpuMs: rounded(check.cpu, 1),
    ordersMb: rounded(withOrders - empty, 1),
    clearingMb: rounded(withClearing - withOrders, 1),
    rssMb: rounded(process.resourceUsage().maxRSS / 1_024, 0),
    fills: fills.length,
    volumeWh: clearing.volumeWh.toString(),
    priceTicks: clearing.priceTicks,
    dominated: clearing.dominant !== undefined,
  };
}

/** The fullest auction book that there is, cleared in the hooks of a block of the ledger. */
export interface AuctionBlock {
  readonly orders: number;
  readonly trades: number;
  /** The block that clears, and the next one, which closes what is left: escrow, histories, facts, digests. */
  readonly cpuMs: number;
  readonly nextCpuMs: number;
  readonly outcomeMb: number;
}

function blockOf(): AuctionBlock {
  const { ledger, envelope, run } = tradersLedger();
  const prng = new Prng(8);
  const batch = (): Operation[] =>
    Array.from({ length: 1_000 }, (_, i) => ({ ...randomOrder(prng, i % 2 === 0), mechanism: 'auction' }) as Operation);
  let rejected = 0;
  for (let placed = 0; placed < AUCTION_ORDERS_MAX; placed += 10_000)
    ({ rejected } = run(Array.from({ length: 10 }, () => envelope(batch()))));
  const closesAt = [...ledger.state.market.standing][0]?.closesAt ?? 0;
  collect();
  const clearing = timed(() => run([], closesAt - ledger.marketTime));
  const next = timed(() => run([]));
  const { outcomes, told } = clearing.result;
  const events = told.flatMap((outcome) => (outcome.status === 'executed' ? outcome.events : []));
  const cleared = events.find((event) => event.type === 'market.cleared');
  if (rejected > 0 || cleared === undefined || cleared.bids + cleared.asks !== AUCTION_ORDERS_MAX)
    throw new Error('the book was not full, or was not cleared');
  return {
    orders: AUCTION_ORDERS_MAX,
    trades: cleared.trades,
    cpuMs: rounded(clearing.cpu, 0),
    nextCpuMs: rounded(next.cpu, 0),
    outcomeMb: rounded(outcomes.reduce((sum, { bytes }) => sum + bytes.length, 0) / 2 ** 20, 1),
  };
}

/** Uniform-price clearings of growing books; bench/README.md says what the fields are. */
export function runAuctionBench({
  orders = [1_000, 10_000, 100_000],
  rounds = 7,
  say = () => {},
}: AuctionBenchOptions = {}): AuctionBenchResult {
  const rule = 'time';
  // The first clearings compile.
  for (let i = 0; i < 20; i++) runOf(2_000, 1, rule);
  const runs = orders.map((size) => {
    const run = runOf(size, rounds, rule);
    say(`${size} orders: ${run.cpuMs} ms, ${run.fills} fills, check ${run.checkCpuMs} ms`);
    return run;
  });
  return {
    rule,
    runs,
    growth: runs.slice(1).map(({ cpuMs: cpu, orders: size }, at) => {
      const smaller = runs[at];
      return smaller === undefined ? 0 : rounded(cpu / smaller.cpuMs / (size / smaller.orders), 2);
    }),
    block: blockOf(),
  };
}
