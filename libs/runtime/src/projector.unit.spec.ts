import { native } from '@gridtokenx/crypto-native';
import type { BlockRows, RowsOf } from '@gridtokenx/projections';
import { ledgerTopics } from '@gridtokenx/protocol';
import { MemoryLog } from '@gridtokenx/testkit';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { StillClock, TestChain } from './fixture.spec.js';
import type { LogRecord } from './ports.js';
import { Projector, type ProjectorEvent } from './projector.js';
import { readToEnd } from './read-to-end.js';
import { RowStoreError, type ApplyResult, type ProjectionCursor, type RowStore } from './row-store.js';

const BLOCKS = ledgerTopics.consortium.blocks.name;

/** The port in memory, that can be away, be set back as a crash does, and be written by somebody else. */
class FakeStore implements RowStore {
  rows: BlockRows[] = [];
  offsets: number[] = [];
  calls = 0;
  /** How many of the next calls fail, and with what. */
  failures: RowStoreError[] = [];

  private meet(): void {
    this.calls++;
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
  }

  private get stands(): ProjectionCursor | undefined {
    const last = this.rows.at(-1);
    if (last === undefined) return undefined;
    const { ledgerId, height, hash: blockHash, timeMs, certifiedBy, validators } = last;
    return { ledgerId, height, blockHash, timeMs, certifiedBy, validators, logOffset: this.offsets[height] ?? 0 };
  }

  async cursor(): Promise<ProjectionCursor | undefined> {
    this.meet();
    return this.stands;
  }

  async apply(blocks: readonly BlockRows[], logOffset: number): Promise<ApplyResult> {
    this.meet();
    const next = this.stands === undefined ? 0 : this.stands.height + 1;
    if (blocks[0]?.height !== next) return { kind: 'refused', cursor: this.stands };
    for (const rows of blocks) this.offsets[rows.height] = logOffset;
    this.rows.push(...blocks);
    const cursor = this.stands;
    if (cursor === undefined) throw new Error('it has just been written');
    return { kind: 'applied', cursor };
  }

  setBackTo(height: number): void {
    this.rows = this.rows.slice(0, height + 1);
  }

  async close(): Promise<void> {}
}

/** Waiting takes no time here; how long it would have been is kept. */
class HastyClock extends StillClock {
  readonly waits: number[] = [];

  override at(atMs: number, call: () => void): () => void {
    this.waits.push(atMs - this.now());
    queueMicrotask(call);
    return () => {};
  }
}

const away = (): RowStoreError => new RowStoreError('rowStore.unavailable', 'not there');

describe('the projector', () => {
  let chain: TestChain;
  let log: MemoryLog;
  let store: FakeStore;
  let clock: HastyClock;
  let events: ProjectorEvent[];
  beforeEach(async () => {
    chain = new TestChain();
    log = new MemoryLog();
    await log.ensureTopics([ledgerTopics.consortium.blocks]);
    store = new FakeStore();
    clock = new HastyClock();
    events = [];
  });

  const start = (): ReturnType<typeof Projector.start> =>
    Projector.start({
      crypto: native,
      identity: chain.consortium.identity,
      log,
      store,
      clock,
      observe: (event) => events.push(event),
    });
  const heights = (): number[] => store.rows.map(({ height }) => height);
  const kinds = (): string[] => events.map(({ kind }) => kind);

  async function recordsFrom(from: number): Promise<LogRecord[]> {
    const records: LogRecord[] = [];
    await readToEnd(log, BLOCKS, from, (some) => void records.push(...some));
    return records;
  }

  /** So many more blocks on the topic; gives their records. */
  async function grow(blocks: number): Promise<LogRecord[]> {
    const from = await log.end(BLOCKS);
    for (let n = 0; n < blocks; n++) await log.append(BLOCKS, [chain.grow().record]);
    return recordsFrom(from);
  }

  it('writes the genesis rows into an empty store, then the rows of each block', async () => {
    const { projector, startOffset } = await start();
    expect({ startOffset, heights: heights() }).toEqual({ startOffset: 0, heights: [0] });
    await log.append(BLOCKS, [chain.grow(chain.trade()).record]);
    await projector.take(await recordsFrom(0));
    await projector.take(await grow(2));
    expect(heights()).toEqual([0, 1, 2, 3]);
    expect((store.rows[1] as RowsOf<'consortium'>).trades).toHaveLength(1);
    expect(events).toMatchObject([
      { kind: 'projected', height: 1, blocks: 1 },
      { kind: 'projected', height: 3, blocks: 2, operations: 0 },
    ]);
  });

  it('goes on after a restart at the offset that was written with the rows', async () => {
    const { projector } = await start();
    await log.append(BLOCKS, [new Uint8Array(7)]);
    await projector.take(await grow(3));
    const again = await start();
    expect(again.startOffset).toBe(4);
    expect(again.projector.height).toBe(3);
    await again.projector.take(await grow(1));
    expect(heights()).toEqual([0, 1, 2, 3, 4]);
  });

  it('goes on after a restart on a topic that was made anew with fewer records, or with the same blocks elsewhere', async () => {
    const { projector } = await start();
    const blocks = await grow(3);
    await projector.take(await recordsFrom(0));
    const copy = async (records: readonly LogRecord[]): Promise<void> => {
      log = new MemoryLog();
      await log.ensureTopics([ledgerTopics.consortium.blocks]);
      await log.append(
        BLOCKS,
        records.map(({ value }) => value),
      );
    };
    await copy(blocks.slice(1));
    expect((await start()).startOffset).toBe(0);
    await copy([...blocks, ...(await grow(2))].slice(2));
    expect((await start()).startOffset).toBe(0);
    const again = await start();
    await again.projector.take(await recordsFrom(again.startOffset));
    expect(heights()).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('counts a block once, though its record is delivered again', async () => {
    const { projector } = await start();
    const records = await grow(2);
    for (let n = 0; n < 3; n++) await projector.take(records);
    expect(heights()).toEqual([0, 1, 2]);
  });

  it('follows the cursor of a store that a crash set back, and writes what was lost again', async () => {
    const { projector } = await start();
    await projector.take(await grow(3));
    store.setBackTo(1);
    store.offsets[1] = 1;
    await projector.take(await grow(1));
    expect(heights()).toEqual([0, 1, 2, 3, 4]);
    expect(projector.height).toBe(4);
    expect(events).toContainEqual({ kind: 'restarted', height: 1 });
  });

  it('follows such a cursor also when its offset is of a topic that was made anew since', async () => {
    const { projector } = await start();
    await projector.take(await grow(5));
    store.setBackTo(1);
    store.offsets[1] = 4;
    await projector.take(await grow(1));
    expect(heights()).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it('looks for a block from the start of the topic when many that stand above it wait, and only once', async () => {
    const { projector } = await start();
    const records = await grow(14);
    await projector.take(records.slice(0, 2));
    await projector.take(records.slice(3, 10));
    expect(heights()).toEqual([0, 1, 2]);
    await projector.take(records.slice(10, 12));
    expect(heights()).toEqual(Array.from({ length: 13 }, (_, height) => height));
    await projector.take(records.slice(12));
    expect(projector.height).toBe(14);
    // A block that stands nowhere is looked for once.
    const fresh = new TestChain();
    log = new MemoryLog();
    await log.ensureTopics([ledgerTopics.consortium.blocks]);
    chain = fresh;
    const parts = Array.from({ length: 14 }, () => fresh.grow().record);
    await log.append(BLOCKS, parts.slice(1));
    store = new FakeStore();
    const other = await start();
    let reads = 0;
    const subscribe = log.subscribe.bind(log);
    log.subscribe = (...asked) => {
      reads++;
      return subscribe(...asked);
    };
    for (const record of await recordsFrom(0)) await other.projector.take([record]);
    expect(heights()).toEqual([0]);
    expect(reads).toBeLessThanOrEqual(2);
  });

  it('follows a second projector that was faster, and writes nothing twice', async () => {
    const { projector: slow } = await start();
    const { projector: fast } = await start();
    const records = await grow(3);
    await fast.take(records);
    await slow.take(records.slice(0, 2));
    await slow.take(await grow(1));
    expect(heights()).toEqual([0, 1, 2, 3, 4]);
    expect(slow.height).toBe(4);
  });

  it('tries again while the store is away, ever more slowly, and then goes on', async () => {
    store.failures = [away(), away()];
    const { projector } = await start();
    store.failures = Array.from({ length: 8 }, away);
    await projector.take(await grow(1));
    expect(heights()).toEqual([0, 1]);
    expect(clock.waits).toEqual([100, 200, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    expect(kinds().filter((kind) => kind === 'retrying')).toHaveLength(10);
  });

  it('gives up waiting when it is closed', async () => {
    const { projector } = await start();
    store.failures = Array.from({ length: 3 }, away);
    projector.close();
    await expect(projector.take(await grow(1))).rejects.toMatchObject({ code: 'rowStore.unavailable' });
  });

  it('does not try again where that cannot help', async () => {
    const { projector } = await start();
    const { calls } = store;
    store.failures = [new RowStoreError('rowStore.conflict', 'the rows contradict those in the store')];
    await expect(projector.take(await grow(1))).rejects.toMatchObject({ code: 'rowStore.conflict' });
    expect(store.calls).toBe(calls + 1);
  });

  it('stops when the rows are dropped while it runs', async () => {
    const { projector } = await start();
    store.rows = [];
    await expect(projector.take(await grow(1))).rejects.toMatchObject({ code: 'rowStore.conflict' });
  });
});
