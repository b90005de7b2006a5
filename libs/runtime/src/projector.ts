import {
  chainRules,
  epochOf,
  PUBLIC_KEY_BYTES,
  validatorSet,
  type ChainRules,
  type ChainTip,
  type ValidatorSet,
} from '@gridtokenx/chain';
import { ZERO_HASH, type Crypto, type Hash, type PublicKey } from '@gridtokenx/crypto';
import { projectionOf, type BlockRows, type Projection } from '@gridtokenx/projections';
import { parseCertifiedOutcome, topicsOf, type LedgerIdentity, type Topic } from '@gridtokenx/protocol';
import { BlockReader, heightOfPart, type OwnBlocks, type VerifiedBlock } from './block-records.js';
import type { Clock, Log, LogRecord } from './ports.js';
import { readToEnd, recordAt } from './read-to-end.js';
import { RowStoreError, type ProjectionCursor, type RowStore } from './row-store.js';

export type ProjectorEvent =
  | {
      readonly kind: 'projected';
      readonly height: number;
      readonly blocks: number;
      readonly operations: number;
      readonly lagMs: number;
    }
  | { readonly kind: 'retrying'; readonly reason: string }
  | { readonly kind: 'restarted'; readonly height: number };

export interface ProjectorOptions {
  readonly crypto: Crypto;
  readonly identity: LedgerIdentity;
  readonly log: Log;
  readonly store: RowStore;
  readonly clock: Clock;
  /** Filled by the validators of the same process, where there are some. */
  readonly ownBlocks?: OwnBlocks;
  readonly observe?: (event: ProjectorEvent) => void;
}

const RETRY_FIRST_MS = 100;
const RETRY_MOST_MS = 5_000;
/** Fewer than a reader keeps of what comes too early. */
const GAP_BLOCKS = 8;

/**
 * Blocks to rows: reads the blocks topic, believes only certificates, writes rows and cursor together. Reading may
 * repeat; the store refuses what it has, so each block counts once.
 */
export class Projector {
  private readonly observe: (event: ProjectorEvent) => void;
  private readonly rules: ChainRules;
  private readonly topic: Topic;
  private readonly projection: Projection<BlockRows>;
  private reader!: BlockReader;
  private closed = false;
  /** The height that the topic was last read for from its start. */
  private lookedFor = 0;

  private constructor(private readonly options: ProjectorOptions) {
    this.observe = options.observe ?? (() => {});
    this.rules = chainRules(options.identity);
    this.topic = topicsOf(options.identity).blocks;
    this.projection = projectionOf(options.identity.genesis.kind);
  }

  /** Writes the genesis rows into an empty store. The caller reads the blocks topic from `startOffset` and calls {@link take}. */
  static async start(options: ProjectorOptions): Promise<{ projector: Projector; startOffset: number }> {
    const projector = new Projector(options);
    await options.log.ensureTopics([projector.topic]);
    const stored = await projector.patiently(() => options.store.cursor());
    // Left alone it would wait for blocks that never come, and the gateway would serve another ledger's rows meanwhile.
    if (stored !== undefined && stored.ledgerId !== options.identity.ledgerId)
      throw new RowStoreError(
        'rowStore.wrongLedger',
        `the read models are of ${stored.ledgerId}, not of ${options.identity.ledgerId}: drop them, or name another database`,
      );
    const cursor = stored ?? (await projector.write([projector.projection.genesisRows(options.identity)], 0));
    projector.moveTo(cursor);
    return { projector, startOffset: await projector.startOffsetOf(cursor) };
  }

  /** The topic may have been made anew, and other records stand there now: then it is read from its beginning. */
  private async startOffsetOf({ height, logOffset }: ProjectionCursor): Promise<number> {
    const { log } = this.options;
    const { name } = this.topic;
    if (logOffset === 0 || logOffset > (await log.end(name))) return 0;
    const last = heightOfPart((await recordAt(log, name, logOffset - 1)).value);
    return last !== undefined && last > height ? 0 : logOffset;
  }

  get height(): number {
    return this.reader.tip.height;
  }

  /** Gives up waiting for a database that is away. */
  close(): void {
    this.closed = true;
  }

  /** Takes records of the blocks topic, in offset order. Rejects when trying again cannot help. */
  async take(records: readonly LogRecord[]): Promise<void> {
    const cursor = await this.project(records);
    if (cursor === undefined || cursor.height === this.height) return this.closeGap(records);
    // The store stands elsewhere: a crash took back unsynced commits, or a second projector was faster. Follow it.
    this.observe({ kind: 'restarted', height: cursor.height });
    this.moveTo(cursor);
    const upTo = records.at(-1)?.offset ?? 0;
    const from = await this.startOffsetOf(cursor);
    await readToEnd(this.options.log, this.topic.name, from, async (again) => {
      await this.take(again.filter(({ offset }) => offset <= upTo));
    });
  }

  /**
   * So many blocks that wait for one below them do not wait for a late record: the topic was made anew under its reader,
   * which then goes on at an offset that means something else. Once for each height: what is not there is not found twice.
   */
  private async closeGap(records: readonly LogRecord[]): Promise<void> {
    if (this.reader.waiting < GAP_BLOCKS || this.lookedFor === this.height + 1) return;
    this.lookedFor = this.height + 1;
    const upTo = records.at(-1)?.offset ?? 0;
    await readToEnd(this.options.log, this.topic.name, 0, async (again) => {
      await this.take(again.filter(({ offset }) => offset <= upTo));
    });
  }

  private moveTo(cursor: ProjectionCursor): void {
    const { crypto, ownBlocks } = this.options;
    this.reader = new BlockReader(crypto, this.rules, tipOf(crypto, this.rules, cursor), ownBlocks);
  }

  private async project(records: readonly LogRecord[]): Promise<ProjectionCursor | undefined> {
    const blocks = records.flatMap((record) => this.reader.push(record));
    const last = blocks.at(-1);
    if (last === undefined) return undefined;
    const cursor = await this.write(
      blocks.map((block) => this.rowsOf(block)),
      last.resumeOffset,
    );
    this.observe({
      kind: 'projected',
      height: cursor.height,
      blocks: blocks.length,
      operations: blocks.reduce(
        (sum, { envelopes }) => sum + envelopes.reduce((n, e) => n + e.operationIds.length, 0),
        0,
      ),
      lagMs: this.options.clock.now() - (records.at(-1)?.timestampMs ?? this.options.clock.now()),
    });
    return cursor;
  }

  private rowsOf({ block, envelopes, told, packed, tip }: VerifiedBlock): BlockRows {
    return this.projection.blockRows({
      block,
      envelopes,
      outcomes:
        told ??
        block.outcomes.map(({ bytes }) =>
          parseCertifiedOutcome(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()),
        ),
      tip,
      body: packed,
    });
  }

  private async write(rows: readonly BlockRows[], logOffset: number): Promise<ProjectionCursor> {
    const result = await this.patiently(() => this.options.store.apply(rows, logOffset));
    if (result.cursor === undefined)
      throw new RowStoreError('rowStore.conflict', 'the rows were dropped while the projector ran');
    return result.cursor;
  }

  /** Tries again for as long as the database is away: nothing was half-written, and nothing is lost by waiting. */
  private async patiently<T>(call: () => Promise<T>): Promise<T> {
    for (let pause = RETRY_FIRST_MS; ; pause = Math.min(pause * 2, RETRY_MOST_MS)) {
      try {
        return await call();
      } catch (error) {
        if (!(error instanceof RowStoreError) || error.code !== 'rowStore.unavailable' || this.closed) throw error;
        this.observe({ kind: 'retrying', reason: error.message });
        await new Promise<void>((resolve) => this.options.clock.at(this.options.clock.now() + pause, resolve));
      }
    }
  }
}

/** The cursor names the block that the next one must build on; the rest of a tip is not needed to check it. */
function tipOf(crypto: Crypto, { epochBlocks }: ChainRules, cursor: ProjectionCursor): ChainTip {
  const setOf = (keys: Uint8Array, height: number): ValidatorSet =>
    validatorSet(crypto, epochOf(Math.max(1, height), epochBlocks), splitKeys(keys));
  return {
    height: cursor.height,
    hash: cursor.blockHash as Hash,
    certificateHash: ZERO_HASH,
    certificate: undefined,
    time: cursor.timeMs,
    stateDigest: ZERO_HASH,
    certifiedBy: setOf(cursor.certifiedBy, cursor.height),
    validators: setOf(cursor.validators, cursor.height + 1),
  };
}

const splitKeys = (keys: Uint8Array): PublicKey[] =>
  Array.from(
    { length: keys.length / PUBLIC_KEY_BYTES },
    (_, i) => keys.slice(i * PUBLIC_KEY_BYTES, (i + 1) * PUBLIC_KEY_BYTES) as PublicKey,
  );
