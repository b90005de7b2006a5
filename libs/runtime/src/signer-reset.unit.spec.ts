import { afterEach, describe, expect, it } from '@jest/globals';
import { decodeMessage } from '@gridtokenx/consensus';
import { native } from '@gridtokenx/crypto-native';
import { ledgerTopics } from '@gridtokenx/protocol';
import { MemoryLog, memorySignerSlots, testConsortium, type TestConsortium } from '@gridtokenx/testkit';
import { systemClock } from './clock.js';
import { decodeFrames, packFrames, type Frame } from './consensus-frames.js';
import type { HostEvent } from './host-events.js';
import { readToEnd } from './read-to-end.js';
import type { SignerSlots } from './signer-records.js';
import { resetSigners } from './signer-reset.js';
import { ValidatorHost } from './validator-host.js';

const FAST = { intervalMs: 100, beatMs: 150, fullIntervalMs: 50, baseTimeoutMs: 400, timeoutCapMs: 800 };
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

interface Running {
  readonly host: ValidatorHost;
  readonly events: HostEvent[];
  stop(): void;
}

async function run(consortium: TestConsortium, log: MemoryLog, signerSlots: SignerSlots): Promise<Running> {
  const events: HostEvent[] = [];
  const host = await ValidatorHost.start({
    crypto: native,
    identity: consortium.identity,
    seeds: consortium.validatorSeeds,
    log,
    clock: systemClock,
    signerSlots,
    observe: (event) => events.push(event),
  });
  const readers = [...host.startOffsets].map(([topic, from]) =>
    log.subscribe(topic, from, (records) => host.take(topic, records)),
  );
  const stop = (): void => {
    host.close();
    for (const reader of readers) void reader.close();
  };
  closing.push(stop);
  return { host, events, stop };
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const end = Date.now() + 50_000;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Four validators in one host, stopped in the middle, all of whose records are lost. */
async function lost(): Promise<{ consortium: TestConsortium; log: MemoryLog; height: number }> {
  const consortium = testConsortium(native, { validators: 4, timeMs: Date.now() - 1_000, consensus: FAST });
  const log = new MemoryLog();
  const first = await run(consortium, log, memorySignerSlots());
  await until('some blocks', () => first.host.status.height >= 3);
  first.stop();
  return { consortium, log, height: first.host.status.height };
}

const reset = ({ consortium, log }: { consortium: TestConsortium; log: MemoryLog }, slots: SignerSlots) =>
  resetSigners({
    crypto: native,
    identity: consortium.identity,
    log,
    slots,
    seeds: consortium.validatorSeeds,
  });

async function valuesOf(log: MemoryLog, topic: string): Promise<Uint8Array[]> {
  const values: Uint8Array[] = [];
  await readToEnd(log, topic, 0, (records) => void values.push(...records.map(({ value }) => value)));
  return values;
}

describe('lost signer records', () => {
  it('binds each validator to what it published at the open height, and the chain goes on', async () => {
    const state = await lost();
    // Without a record nobody votes, and nobody can certify that they may.
    const stuck = await run(state.consortium, state.log, memorySignerSlots());
    await until('all to ask for a rejoin', () => stuck.events.filter(({ kind }) => kind === 'rejoining').length >= 4);
    stuck.stop();
    const { height } = stuck.host.status;
    const slots = memorySignerSlots();
    const done = await reset(state, slots);
    expect(done.map(({ did }) => did)).toEqual(['reset', 'reset', 'reset', 'reset']);
    for (const one of done) expect([height, height + 1]).toContain(one.height);
    expect((await reset(state, slots)).map(({ did }) => did)).toEqual(['kept', 'kept', 'kept', 'kept']);
    const again = await run(state.consortium, state.log, slots);
    await until('more blocks', () => again.host.status.height >= height + 3);
    expect(again.events.filter(({ kind }) => kind === 'rejoining' || kind === 'evidence')).toEqual([]);
  });

  it('makes nothing where a COMMIT stands on PREPAREs that are not there', async () => {
    const state = await lost();
    const { ledgerId } = state.consortium.identity;
    const isPrepare = (frame: Frame): boolean =>
      frame.kind === 'message' && decodeMessage(native, frame.bytes).type === 'prepare';
    const [first] = await valuesOf(state.log, ledgerTopics.consortium.blocks.name);
    if (first === undefined) throw new Error('there are blocks');
    const said = await valuesOf(state.log, ledgerTopics.consortium.consensus.name);
    const frames = said.flatMap((value) => decodeFrames(native, ledgerId, value));
    // The blocks from the second on are lost, so the second height is open again, with all its COMMITs.
    const resetWith = async (heard: readonly Frame[]) => {
      const log = new MemoryLog();
      await log.ensureTopics(Object.values(ledgerTopics.consortium));
      await log.append(ledgerTopics.consortium.blocks.name, [first]);
      await log.append(ledgerTopics.consortium.consensus.name, packFrames(ledgerId, heard));
      return reset({ consortium: state.consortium, log }, memorySignerSlots());
    };
    expect((await resetWith(frames)).some(({ height }) => height === 2)).toBe(true);
    await expect(resetWith(frames.filter((frame) => !isPrepare(frame)))).rejects.toMatchObject({
      code: 'signerReset.preparesMissing',
    });
  });
});
