import { chainRules } from '@gridtokenx/chain';
import { native } from '@gridtokenx/crypto-native';
import { createLedger } from '@gridtokenx/domain';
import { decodeOutcome, topicsOf, type LedgerIdentity } from '@gridtokenx/protocol';
import { BlockReader, genesisTip, type Log, type LogRecord, type VerifiedBlock } from '@gridtokenx/runtime';
import { toHex } from '@gridtokenx/kernel';

/** What is kept of a block once it was verified. */
export interface SeenBlock {
  readonly height: number;
  /** When its last record was readable on the bus. */
  readonly arrivedMs: number;
  readonly round: number;
  /** Block time. */
  readonly timeMs: number;
  readonly operations: number;
  readonly packedBytes: number;
  readonly envelopes: readonly { readonly hash: string; readonly operations: number }[];
  readonly orders: readonly string[];
  /** Orders of this or earlier blocks that met another one here. */
  readonly traded: ReadonlySet<string>;
  readonly trades: number;
  /** Of GRID. */
  readonly transfers: number;
  readonly rejected: ReadonlyMap<string, number>;
}

/** Header of a block without operations, and of each validator what stands in its two certificates. */
const EMPTY_BLOCK_BYTES = 4 * 1024;
const CERTIFIED_BYTES = 160;

/**
 * A reader of the blocks topic that only notes the time while the load runs; certificates and outcomes are checked
 * afterwards, so that the bench itself costs little of what it measures.
 */
export class BlockWatch {
  private readonly waiting: { record: LogRecord; arrivedMs: number }[] = [];
  private readonly reader: BlockReader;
  readonly blocks: SeenBlock[] = [];
  private subscription: { close(): Promise<void> } | undefined;
  private busyMs = 0;
  private readonly emptyBytes: number;

  constructor(
    private readonly log: Log,
    private readonly identity: LedgerIdentity,
  ) {
    this.emptyBytes = EMPTY_BLOCK_BYTES + CERTIFIED_BYTES * identity.genesis.validators.length;
    const tip = genesisTip(native, identity, createLedger(native, identity));
    this.reader = new BlockReader(native, chainRules(identity), tip);
  }

  start(): void {
    this.subscription = this.log.subscribe(topicsOf(this.identity).blocks.name, 0, async (records) => {
      const arrivedMs = Date.now();
      for (const record of records) {
        this.waiting.push({ record, arrivedMs });
        if (record.value.length > this.emptyBytes) this.busyMs = arrivedMs;
      }
    });
  }

  stop(): Promise<void> | undefined {
    return this.subscription?.close();
  }

  /** When the last block that was not nearly empty came. */
  get lastBusyMs(): number {
    return this.busyMs;
  }

  /** Verifies what has arrived; while it does, no arrival is noted. */
  settle(): void {
    for (const { record, arrivedMs } of this.waiting.splice(0))
      for (const block of this.reader.push(record)) this.blocks.push(seen(block, arrivedMs));
  }
}

function seen({ block, envelopes, results, packed }: VerifiedBlock, arrivedMs: number): SeenBlock {
  const orders: string[] = [];
  const traded = new Set<string>();
  const rejected = new Map<string, number>();
  let [trades, transfers] = [0, 0];
  for (const { outcome } of results) {
    const decoded = decodeOutcome(outcome);
    if (decoded.status === 'rejected') rejected.set(decoded.code, (rejected.get(decoded.code) ?? 0) + 1);
    else
      for (const event of decoded.events) {
        if (event.type === 'market.orderPlaced') orders.push(event.order);
        if (event.type === 'grid.transferred') transfers++;
        if (event.type !== 'market.traded') continue;
        trades++;
        traded.add(event.bid);
        traded.add(event.ask);
      }
  }
  const { header, certificate } = block;
  return {
    height: header.height,
    arrivedMs,
    round: certificate.round,
    timeMs: header.time,
    operations: envelopes.reduce((sum, { operations }) => sum + operations.length, 0),
    packedBytes: packed.length,
    envelopes: envelopes.map(({ hash, operations }) => ({ hash: toHex(hash), operations: operations.length })),
    orders,
    traded,
    trades,
    transfers,
    rejected,
  };
}

const ASK_AGAIN_MS = 50;

/** Asks the gateway for each height in turn, as soon as it stands at it, and notes when it answered. */
export class ProjectionWatch {
  readonly answeredMs = new Map<number, number>();
  private next: number;
  private stopped = false;
  private running: Promise<void> | undefined;

  constructor(
    private readonly url: string,
    fromHeight: number,
  ) {
    this.next = fromHeight;
  }

  start(): void {
    this.running = this.run();
  }

  get height(): number {
    return this.next - 1;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.running;
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      const answered = await fetch(`${this.url}/blocks/${this.next}?minHeight=${this.next}`).then(
        async (answer) => {
          await answer.arrayBuffer();
          return answer.ok;
        },
        () => false,
      );
      if (answered) this.answeredMs.set(this.next++, Date.now());
      else await new Promise((done) => setTimeout(done, ASK_AGAIN_MS));
    }
  }
}
