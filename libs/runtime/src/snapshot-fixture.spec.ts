import { expect } from '@jest/globals';
import { native } from '@gridtokenx/crypto-native';
import { auditState, type Ledger } from '@gridtokenx/domain';
import { toHex } from '@gridtokenx/kernel';
import { ledgerTopics } from '@gridtokenx/protocol';
import { MemoryLog, MemorySnapshots, memorySignerSlots } from '@gridtokenx/testkit';
import { StillClock, TestChain } from './fixture.spec.js';
import type { HostEvent } from './host-events.js';
import type { SnapshotOptions } from './snapshot-taker.js';
import { ValidatorHost } from './validator-host.js';

/** What the specs of snapshots stand on: chains long enough for some, and hosts that follow them. */

export const { name: BLOCKS } = ledgerTopics.consortium.blocks;

/** A chain of so many blocks, and a log that holds them. */
export class Blocks {
  readonly chain = new TestChain();
  readonly log = new MemoryLog(() => 0);
  readonly records: Uint8Array[] = [];

  async grow(blocks: number): Promise<void> {
    await this.log.ensureTopics([ledgerTopics.consortium.blocks]);
    for (let i = 0; i < blocks; i++) {
      const { record } = this.chain.grow(this.chain.tip.height === 0 ? this.chain.trade() : []);
      this.records.push(record);
      await this.log.append(BLOCKS, [record]);
    }
  }
}

export interface Running {
  readonly host: ValidatorHost;
  readonly clock: StillClock;
  readonly events: HostEvent[];
  /** Where it began to read blocks, first and again. */
  readonly readFrom: readonly number[];
}

/** Reads blocks and votes for nobody. */
export async function follow(
  { chain, log }: Pick<Blocks, 'chain' | 'log'>,
  store: MemorySnapshots,
  more: Partial<SnapshotOptions> = {},
): Promise<Running> {
  const clock = new StillClock();
  const events: HostEvent[] = [];
  const readFrom: number[] = [];
  const watched = Object.assign(Object.create(log) as MemoryLog, {
    subscribe: (...[topic, from, handler]: Parameters<MemoryLog['subscribe']>) => {
      if (topic === BLOCKS) readFrom.push(from);
      return log.subscribe(topic, from, handler);
    },
  });
  const host = await ValidatorHost.start({
    crypto: native,
    identity: chain.consortium.identity,
    seeds: [],
    log: watched,
    clock,
    signerSlots: memorySignerSlots(),
    snapshots: { store, everyCheckpoints: 1, ...more },
    observe: (event) => events.push(event),
  });
  return { host, clock, events, readFrom };
}

/** Lets the timers run, and what they began end. */
export async function settle({ clock }: Running): Promise<void> {
  for (let i = 0; i < 100; i++) {
    clock.move(20);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export const kinds = (events: readonly HostEvent[]): string[] =>
  events.flatMap((event) =>
    event.kind.startsWith('snapshot') ? [`${event.kind} ${'height' in event ? event.height : ''}`] : [],
  );

let made: ReturnType<typeof makeTwo> | undefined;

/** The same for all, with a store for each. */
export async function withTwo(): ReturnType<typeof makeTwo> {
  const { blocks, store } = await (made ??= makeTwo());
  const own = new MemorySnapshots();
  for (const [at, pieces] of store.pieces) own.pieces.set(at, new Map(pieces));
  return { blocks, store: own };
}

/** A host with snapshots of 100 and 200 in its store, of a chain of 215 blocks. */
export async function makeTwo(): Promise<{ blocks: Blocks; store: MemorySnapshots }> {
  const blocks = new Blocks();
  const store = new MemorySnapshots();
  await blocks.grow(115);
  const running = await follow(blocks, store);
  await settle(running);
  await blocks.grow(100);
  for (const [i, value] of blocks.records.slice(115).entries()) {
    await running.host.take(BLOCKS, [{ offset: 115 + i, timestampMs: 0, value }]);
    running.clock.move(20);
  }
  await settle(running);
  expect(kinds(running.events)).toEqual(['snapshotTaken 100', 'snapshotTaken 200']);
  running.host.close();
  return { blocks, store };
}

export function expectAtTip({ host }: Running, { chain }: Blocks): void {
  expect([host.status.height, host.status.stateDigest]).toEqual([chain.tip.height, toHex(chain.tip.stateDigest)]);
  expect(auditState((host as unknown as { ledger: Ledger }).ledger)).toEqual([]);
}
