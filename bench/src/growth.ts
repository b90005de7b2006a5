import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { commitSignBytes, epochOf, genesisValidators, headerHash, type Header } from '@gridtokenx/chain';
import { native } from '@gridtokenx/crypto-native';
import { ZERO_HASH, type Hash, type PublicKey } from '@gridtokenx/crypto';
import { createConsortiumLedger, type ConsortiumLedger, type Ledger } from '@gridtokenx/domain';
import { formatInterval, height, millis, Prng, toBase64Url, toHex, utf8 } from '@gridtokenx/kernel';
import { openSnapshotFiles } from '@gridtokenx/keystore';
import {
  PROTOCOL_VERSION,
  type ConsortiumGenesis,
  type Envelope,
  type LedgerIdentity,
  type Operation,
} from '@gridtokenx/protocol';
import {
  countBuffersAsHeap,
  newestSnapshot,
  sleep,
  SnapshotTaker,
  Timers,
  type CertifiedHeader,
  type Clock,
} from '@gridtokenx/runtime';
import { oneOrganisation, testGenesis } from '@gridtokenx/testkit';
import { median, rounded } from './statistics.js';

const round = (value: number, digits = 0): number => rounded(value, digits);

const START = 1_780_000_200_000;
const INTERVAL = formatInterval(millis(Math.floor(START / 900_000) * 900_000 - 900_000));
const ZONE = 'MEA-BKK-01';
const MID_TICKS = 450;
const OPERATIONS_PER_BLOCK = 10_000;
const OPERATIONS_PER_ENVELOPE = 100;
const BLOCK_MS = 10;
/** Of the steady stream, before the checkpoint that is measured. */
const FULL_BLOCKS = 10;
const SLICES_PER_BLOCK = 40;
/** Turns of a millisecond or more. */
const TURNS_WITHOUT_SLICE = 250;

const id = (name: string): string => toHex(native.sha256(utf8(name))).slice(0, 32);
const OPERATOR = id('operator');
const ORGANISATION = id('organisation');
const SEED = native.sha256(utf8('bench growth'));
const PUBLIC_KEY = native.publicKeyOf(SEED) as PublicKey;
const KID = toBase64Url(PUBLIC_KEY);

const genesis = testGenesis({
  timeMs: START,
  consensus: { epochBlocks: 1_000_000 },
  ...oneOrganisation({
    ...{ id: ORGANISATION, account: OPERATOR, zone: ZONE, validators: [KID], keys: [KID] },
    roles: ['gridOperator', 'wattIssuer', 'registrar'],
  }),
});
const identity: LedgerIdentity<ConsortiumGenesis> = {
  genesis,
  genesisHash: native.sha256(utf8(JSON.stringify(genesis))),
  ledgerId: 'gridtokenx-consortium-00000000',
};

// As the ledger process does.
countBuffersAsHeap();
setFlagsFromString('--expose-gc');
// Two ledgers stand beside each other while they are compared.
setFlagsFromString('--max-old-space-size=8192');
const collect = runInNewContext('gc') as () => void;
const heapBytes = (): number => {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

/** A ledger with so many accounts, each of which has one order that rests. */
class Grown {
  readonly ledger: ConsortiumLedger = createConsortiumLedger(native, identity);
  readonly bytesPerAccount: number;
  readonly bytesPerRestingOrder: number;
  private sequence = 0;
  private placed = 0;

  constructor(
    readonly accounts: number,
    private readonly say: (line: string) => void,
  ) {
    const before = heapBytes();
    this.open();
    this.toCheckpoint();
    const opened = heapBytes();
    this.rest();
    this.toCheckpoint();
    this.bytesPerAccount = round((opened - before) / accounts);
    this.bytesPerRestingOrder = round((heapBytes() - opened) / accounts);
    say(`${accounts} accounts with ${this.bytesPerAccount} bytes each, and an order of ${this.bytesPerRestingOrder}`);
  }

  readonly name = (i: number): string => i.toString(16).padStart(32, '0');

  /** The rows that opening, verification, delegation and a deposit leave, written straight into the state of the next block. */
  private open(): void {
    const { registry, accounts, market, store } = this.ledger.state;
    const events: never[] = [];
    const context = {
      height: 1,
      time: millis(START),
      marketTime: millis(START),
      proposer: 0,
      parentSigners: [],
      events,
    };
    // No digest covers what is written here, so no hash of before may stay.
    for (const table of store.tables) for (const cell of table.cells()) cell.hash = undefined;
    const book = { mechanism: 'continuous', phase: 'spot', fromZone: ZONE, toZone: ZONE, interval: INTERVAL } as const;
    market.openBook(context, book, market.schedule(INTERVAL).closesAt);
    for (let i = 0; i < this.accounts; i++) {
      const account = this.name(i);
      registry.accounts.set(account, { organisation: ORGANISATION, kyc: 'verified', kycUntil: 0 });
      store.change(registry.delegations.pair(KID, account), {
        operations: ['market.placeOrder', 'market.cancelOrder'],
        until: START * 2,
      });
      accounts.mint(account, 'WATT', 1_000_000_000_000n);
      if (i % 2 === 1) accounts.mint(account, `KWH:${ZONE}:${INTERVAL}`, 1_000_000_000n);
      if (i % OPERATIONS_PER_BLOCK === 0) store.endBlock();
    }
    store.endBlock();
  }

  block(envelopes: readonly Envelope[]): number {
    const { ledger } = this;
    const { height, time } = ledger;
    const next = { height: height + 1, time: millis(time + BLOCK_MS), proposer: 0, parentSigners: [] };
    const execution = ledger.execute({ ...next, envelopes });
    ledger.commit();
    if (execution.quarantined.length > 0) throw new Error(execution.quarantined[0]?.reason);
    return execution.rejected;
  }

  /** Empty blocks up to where the next checkpoint has been hashed. */
  private toCheckpoint(): void {
    do this.block([]);
    while (this.ledger.height % 100 !== 10);
  }

  private rest(): void {
    const prng = new Prng(7);
    const orders = Array.from({ length: this.accounts }, (_, i): Operation => {
      const away = 101 + prng.below(200);
      const isBid = i % 2 === 0;
      return order(this.name(i), isBid, isBid ? MID_TICKS - away : MID_TICKS + away, 100);
    });
    for (let i = 0; i < orders.length; i += OPERATIONS_PER_BLOCK)
      if (this.block(this.envelopes(orders.slice(i, i + OPERATIONS_PER_BLOCK))) > 0)
        throw new Error('an order that was to rest was refused');
  }

  private envelopes(operations: readonly Operation[]): Envelope[] {
    const envelopes: Envelope[] = [];
    for (let i = 0; i < operations.length; i += OPERATIONS_PER_ENVELOPE)
      envelopes.push(this.envelope(operations.slice(i, i + OPERATIONS_PER_ENVELOPE)));
    return envelopes;
  }

  private envelope(operations: readonly Operation[]): Envelope {
    const sequence = ++this.sequence;
    const hash = native.sha256(utf8(`${this.accounts} ${sequence}`));
    return {
      kid: KID,
      publicKey: PUBLIC_KEY,
      ledgerId: identity.ledgerId,
      sequence,
      validUntil: millis(START + 3_600_000),
      atomic: false,
      operations,
      bytes: new Uint8Array(0),
      hash,
      operationIds: operations.map((_, i) => this.operationId(this.placed + i, operations.length)),
    };
  }

  private operationId(at: number, of: number): Hash {
    if (at === this.placed + of - 1) this.placed += of;
    return native.sha256(utf8(`${this.accounts}/${at}`));
  }

  /** A block after which as many orders rest as before: place, cross what was placed, place and cancel. */
  steady(seed: number): Envelope[] {
    const prng = new Prng(seed);
    const half = this.accounts / 2;
    const operations: Operation[] = [];
    while (operations.length < OPERATIONS_PER_BLOCK) {
      const isBid = prng.below(2) === 0;
      const [maker, taker] = [prng.below(half), prng.below(half)];
      const makerName = this.name(2 * maker + (isBid ? 0 : 1));
      const takerName = this.name(2 * taker + (isBid ? 1 : 0));
      const price = MID_TICKS + prng.below(50) - 25;
      const quantity = 100 + prng.below(5_000);
      operations.push(order(makerName, isBid, price, quantity), order(takerName, !isBid, price, quantity));
      operations.push(order(makerName, isBid, isBid ? price - 60 : price + 60, quantity));
      const cancelled = toHex(native.sha256(utf8(`${this.accounts}/${this.placed + operations.length - 1}`)));
      operations.push({ type: 'market.cancelOrder', order: cancelled });
    }
    return this.envelopes(operations);
  }
}

const order = (account: string, isBid: boolean, priceTicks: number, quantityWh: number): Operation => ({
  type: 'market.placeOrder',
  account,
  side: isBid ? 'bid' : 'ask',
  fromZone: ZONE,
  toZone: ZONE,
  interval: INTERVAL,
  priceTicks,
  quantityWh: String(quantityWh),
  timeInForce: 'GTC',
});

/** The header that a block of the ledger's height would have, certified by its one validator. */
function certified(ledger: Ledger, checkpointRoot: Hash): CertifiedHeader {
  const set = genesisValidators(native, genesis);
  const header: Header = {
    version: PROTOCOL_VERSION,
    ledgerId: identity.ledgerId,
    epoch: epochOf(ledger.height, genesis.consensus.epochBlocks),
    height: height(ledger.height),
    proposer: 0,
    parentHash: ZERO_HASH,
    parentCertificateHash: ZERO_HASH,
    time: ledger.time,
    operationsRoot: ZERO_HASH,
    validatorsHash: set.hash,
    nextValidatorsHash: set.hash,
    checkpointRoot,
  };
  const { epoch } = header;
  const blockHash = headerHash(native, header);
  const { stateDigest } = ledger;
  const vote = { epoch, height: header.height, round: 0, blockHash, resultsRoot: ZERO_HASH, stateDigest };
  const bytes = commitSignBytes(identity.ledgerId, { ...vote, signatures: [] });
  return { header, certificate: { ...vote, signatures: [{ validator: 0, signature: native.sign(bytes, SEED) }] } };
}

/** Processor time of this thread alone: what a slice takes when no one else wants the processor, less what threads of the engine do. */
const threadMs = (): number => {
  const usage = process.threadCpuUsage();
  return (usage.user + usage.system) / 1000;
};

interface CostOfSnapshot {
  readonly rows: number;
  readonly megabytes: number;
  readonly writeMs: number;
  readonly cpuMs: number;
  readonly longestSliceMs: number;
  /** The same in processor time of the thread, whatever else runs on the machine; also below. */
  readonly longestSliceCpuMs: number;
  readonly longestBlockMs: number;
  readonly longestBlockCpuMs: number;
  readonly usualBlockMs: number;
  readonly usualBlockCpuMs: number;
}

interface Time {
  readonly wall: number;
  readonly cpu: number;
}

const longest = (times: readonly Time[], of: keyof Time): number =>
  round(
    times.reduce((most, time) => Math.max(most, time[of]), 0),
    1,
  );

/** Takes a checkpoint and its snapshot as a host does, between blocks of the steady stream. */
async function snapshot(grown: Grown, folder: string): Promise<CostOfSnapshot> {
  const { ledger } = grown;
  const store = await openSnapshotFiles(folder);
  let now = 0;
  const due: { readonly atMs: number; readonly run: () => void }[] = [];
  const clock: Clock = {
    now: () => now,
    at: (atMs, run) => {
      const timer = { atMs, run };
      due.push(timer);
      return () => void due.splice(due.indexOf(timer), due.includes(timer) ? 1 : 0);
    },
  };
  let taken: { rows: number; bytes: number; longestSliceMs: number } | undefined;
  let givenUp: string | undefined;
  const taker = new SnapshotTaker({
    ledger,
    ledgerId: identity.ledgerId,
    genesisSize: 1,
    changes: [],
    clock,
    timers: new Timers(clock, () => {}),
    snapshots: { store, everyCheckpoints: 1 },
    observe: (event) => {
      if (event.kind === 'snapshotTaken') taken = event;
      if (event.kind === 'snapshotGivenUp') givenUp = event.reason;
    },
  });
  const usual: Time[] = [];
  while (ledger.height % 100 < 99 - FULL_BLOCKS) grown.block([]);
  const timed = (run: () => void): Time => {
    const [wall, cpu] = [performance.now(), threadMs()];
    run();
    return { wall: performance.now() - wall, cpu: threadMs() - cpu };
  };
  const blockTime = (): Time => {
    const envelopes = grown.steady(ledger.height);
    let root: Hash = ZERO_HASH;
    const time = timed(() => {
      root = ledger.checkpoints.rootOf(ledger.height + 1);
      grown.block(envelopes);
    });
    taker.decided(certified(ledger, root), 0);
    return time;
  };
  // All that the checkpoint has to hash has changed in blocks like these.
  while (ledger.height % 100 !== 99) usual.push(blockTime());
  const started = performance.now();
  const cpu = process.cpuUsage();
  const during: Time[] = [];
  const slices: Time[] = [];
  let sinceBlock = SLICES_PER_BLOCK;
  let sinceSlice = 0;
  while (taken === undefined) {
    if (givenUp !== undefined) throw new Error(givenUp);
    // A block after each forty slices, which is how many there are in a second or less; also where no slice is left to do.
    if (sinceBlock >= SLICES_PER_BLOCK || sinceSlice >= TURNS_WITHOUT_SLICE) {
      during.push(blockTime());
      sinceBlock = 0;
      sinceSlice = 0;
    }
    now += 1000;
    const timers = due.splice(0);
    // While a piece is on its way to the disk no slice is due.
    sinceBlock += timers.length;
    sinceSlice = timers.length > 0 ? 0 : sinceSlice + 1;
    for (const timer of timers) slices.push(timed(timer.run));
    await sleep(1);
  }
  const { user, system } = process.cpuUsage(cpu);
  const { rows, bytes, longestSliceMs } = taken;
  const blocks = during.reduce((sum, { wall }) => sum + wall, 0);
  return {
    rows,
    megabytes: round(bytes / 1e6, 1),
    writeMs: round(performance.now() - started - blocks),
    cpuMs: round((user + system) / 1000),
    longestSliceMs: round(longestSliceMs, 1),
    longestSliceCpuMs: longest(slices, 'cpu'),
    longestBlockMs: longest(during, 'wall'),
    longestBlockCpuMs: longest(during, 'cpu'),
    usualBlockMs: round(median(usual.map(({ wall }) => wall)), 1),
    usualBlockCpuMs: round(median(usual.map((time) => time.cpu)), 1),
  };
}

export interface Restart {
  readonly restartMs: number;
  readonly restartCpuMs: number;
  readonly restartRssMb: number;
}

/** From the files of a snapshot to a ledger that runs on. */
export async function restart(folder: string): Promise<Restart> {
  const cpu = process.cpuUsage();
  const started = performance.now();
  const store = await openSnapshotFiles(folder);
  const refused = (at: number, reason: string): never => {
    throw new Error(`the snapshot of ${at} was refused: ${reason}`);
  };
  const found = await newestSnapshot({ crypto: native, identity, store, onRefused: refused });
  const restartMs = round(performance.now() - started);
  const { user, system } = process.cpuUsage(cpu);
  if (found === undefined) throw new Error('there is a snapshot');
  const restartRssMb = round(process.memoryUsage().rss / 1e6);
  return { restartMs, restartCpuMs: round((user + system) / 1000), restartRssMb };
}

const RESTART = fileURLToPath(new URL('growth-restart.js', import.meta.url));

async function restartElsewhere(folder: string): Promise<Restart> {
  const child = fork(RESTART, [folder]);
  const ended = once(child, 'exit').then(() => {
    throw new Error('the process that restarts ended without a word');
  });
  ended.catch(() => {});
  const [told] = (await Promise.race([once(child, 'message'), ended])) as [Restart];
  return told;
}

export interface GrowthOptions {
  readonly large: number;
  readonly small: number;
  readonly rounds: number;
  readonly say: (line: string) => void;
}

/** Cost, memory, snapshot and restart of a ledger with many accounts and resting orders, beside one with few. */
export async function runGrowthBench({ large, small, rounds, say }: GrowthOptions): Promise<object> {
  const folder = await mkdtemp(join(tmpdir(), 'gridtokenx-growth-'));
  try {
    const cost = await costOf(large, small, rounds, folder, say);
    const restarted = await restartElsewhere(folder);
    const { restartMs } = restarted;
    say(`restart in ${restartMs} ms, ${restarted.restartCpuMs} of the processor`);
    const { snapshot: taken, ratio } = cost;
    const lateMs = Math.max(taken.longestSliceMs, taken.longestBlockMs - taken.usualBlockMs);
    return {
      bench: 'growth',
      ...cost,
      ...restarted,
      targetsMet: { ratio: ratio <= 1.3, restart: restartMs <= 20_000, lateBlock: lateMs <= 200 },
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function costOf(large: number, small: number, rounds: number, folder: string, say: (line: string) => void) {
  const few = new Grown(small, say);
  const many = new Grown(large, say);
  const times = new Map<Grown, { wall: number[]; cpu: number[] }>([
    [few, { wall: [], cpu: [] }],
    [many, { wall: [], cpu: [] }],
  ]);
  for (let i = 0; i < rounds; i++)
    for (const [grown, { wall, cpu }] of times) {
      const envelopes = grown.steady(1_000 + i);
      const usage = process.cpuUsage();
      const started = performance.now();
      if (grown.block(envelopes) > 0) throw new Error('the steady stream was refused something');
      const { user, system } = process.cpuUsage(usage);
      // The first rounds compile.
      if (i < 3) continue;
      wall.push(((performance.now() - started) * 1000) / OPERATIONS_PER_BLOCK);
      cpu.push((user + system) / OPERATIONS_PER_BLOCK);
    }
  const us = (grown: Grown, of: 'wall' | 'cpu'): number => round(median(times.get(grown)?.[of] ?? []), 2);
  const cost = (grown: Grown) => ({
    accounts: grown.accounts,
    restingOrders: grown.accounts,
    usPerOperation: us(grown, 'wall'),
    cpuUsPerOperation: us(grown, 'cpu'),
  });
  const ratio = round(us(many, 'wall') / us(few, 'wall'), 3);
  say(`${us(few, 'wall')} us an operation with few, ${us(many, 'wall')} with many: ${ratio} times`);
  const taken = await snapshot(many, folder);
  say(`snapshot: ${JSON.stringify(taken)}`);
  return {
    small: cost(few),
    large: cost(many),
    ratio,
    cpuRatio: round(us(many, 'cpu') / us(few, 'cpu'), 3),
    bytesPerAccount: many.bytesPerAccount,
    bytesPerRestingOrder: many.bytesPerRestingOrder,
    snapshot: taken,
  };
}
