import { chainRules } from '@gridtokenx/chain';
import { native } from '@gridtokenx/crypto-native';
import { createLedger } from '@gridtokenx/domain';
import { ledgerTopics, decodeOutcome, type LedgerEvent } from '@gridtokenx/protocol';
import {
  BlockReader,
  genesisTip,
  OwnBlocks,
  readToEnd,
  systemClock,
  ValidatorHost,
  type HostEvent,
  type Log,
  type SignerSlots,
  type VerifiedBlock,
} from '@gridtokenx/runtime';
import type { TestConsortium } from '@gridtokenx/testkit';

/** Hosts that run, for the specs beside this file. No test stands here. */

/** Blocks as fast as a test wants them. */
export const FAST = { intervalMs: 100, beatMs: 150, fullIntervalMs: 50, baseTimeoutMs: 400, timeoutCapMs: 800 };

const open: { close(): void }[] = [];

export function closeHosts(): void {
  for (const one of open.splice(0)) one.close();
}

export interface Running {
  readonly host: ValidatorHost;
  readonly events: HostEvent[];
  stop(): Promise<void>;
}

export async function run(
  consortium: TestConsortium,
  log: Log,
  seeds: readonly Uint8Array[],
  slots: SignerSlots,
  ownBlocks?: OwnBlocks,
): Promise<Running> {
  const events: HostEvent[] = [];
  const host = await ValidatorHost.start({
    crypto: native,
    identity: consortium.identity,
    seeds,
    log,
    clock: systemClock,
    signerSlots: slots,
    ...(ownBlocks && { ownBlocks }),
    observe: (event) => events.push(event),
  });
  const subscriptions = [...host.startOffsets].map(([topic, from]) =>
    log.subscribe(topic, from, (records) => host.take(topic, records)),
  );
  open.push(host);
  return {
    host,
    events,
    stop: async () => {
      host.close();
      await Promise.all(subscriptions.map((subscription) => subscription.close()));
    },
  };
}

export function readerOf({ identity }: TestConsortium, ownBlocks?: OwnBlocks): BlockReader {
  const tip = genesisTip(native, identity, createLedger(native, identity));
  return new BlockReader(native, chainRules(identity), tip, ownBlocks);
}

export async function blocksOn(log: Log, consortium: TestConsortium, ownBlocks?: OwnBlocks): Promise<VerifiedBlock[]> {
  const reader = readerOf(consortium, ownBlocks);
  const blocks: VerifiedBlock[] = [];
  await readToEnd(log, ledgerTopics.consortium.blocks.name, 0, (records) => {
    for (const record of records) blocks.push(...reader.push(record));
  });
  return blocks;
}

export async function until<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  timeoutMs = 20_000,
): Promise<T> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export const eventsOf = (blocks: readonly VerifiedBlock[]): LedgerEvent[] =>
  blocks.flatMap(({ results }) =>
    results.flatMap(({ outcome }) => {
      const decoded = decodeOutcome(outcome);
      return decoded.status === 'executed' ? [...decoded.events] : [];
    }),
  );
