import { zstdCompressSync } from 'node:zlib';
import { encodeBlock } from '@gridtokenx/chain';
import { native } from '@gridtokenx/crypto-native';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { BlockPublisher } from './block-publisher.js';
import { BlockReader, cutIntoParts } from './block-records.js';
import { recordsOf, StillClock, TestChain } from './fixture.spec.js';
import type { LogRecord } from './ports.js';

const chain = new TestChain();
const block = chain.grow();
const VALIDATORS = 4;

/** Lets promises that are settled already be heard. */
const settle = (): Promise<void> => new Promise((done) => setImmediate(done));

describe('the records of a block that all decided', () => {
  it('is one, of the first in turn that lives, and not twenty of 10 MB (C15)', async () => {
    const clock = new StillClock();
    const appended: number[] = [];
    const hosts = Array.from({ length: 21 }, (_, rank) => {
      const append = async (): Promise<number> => appended.push(rank) - 1;
      return new BlockPublisher({ clock, append, onFailed: () => {} });
    });
    // The leader of the deciding round, and the one after it, are dead.
    for (const [rank, host] of hosts.entries())
      if (rank > 1)
        host.publish(
          block.block.certificate,
          () => [block.record],
          new BlockReader(native, chain.rules, chain.genesis),
          rank,
          hosts.length,
        );
    let seen = 0;
    for (let ms = 0; ms < 20_000; ms += 100) {
      clock.move(100);
      await settle();
      for (; seen < appended.length; seen++)
        for (const host of hosts) host.noteSeen({ offset: seen, timestampMs: 0, value: block.record });
    }
    expect(appended).toEqual([2]);
  });
});

describe('the record of a decided block', () => {
  let clock: StillClock;
  let appended: (readonly Uint8Array[])[];
  let failures: unknown[];
  let isBusAway: boolean;
  let publisher: BlockPublisher;
  beforeEach(() => {
    clock = new StillClock();
    appended = [];
    failures = [];
    isBusAway = false;
    publisher = new BlockPublisher({
      clock,
      append: async (parts) => {
        appended.push(parts);
        if (isBusAway) throw new Error('away');
        return 100;
      },
      onFailed: (error) => failures.push(error),
    });
  });

  const publish = (rank: number): void => {
    const reader = new BlockReader(native, chain.rules, chain.genesis);
    publisher.publish(block.block.certificate, () => [block.record], reader, rank, VALIDATORS);
  };
  const at = (value: Uint8Array, offset: number): LogRecord => ({ offset, timestampMs: 0, value });

  it('is appended by the leader at once, and by the others in their turn', () => {
    publish(0);
    expect(appended).toEqual([[block.record]]);
    publish(2);
    clock.move(599);
    expect(appended).toHaveLength(1);
    clock.move(1);
    expect(appended).toHaveLength(2);
  });

  it('is not appended again while the log has it, however late we read it', async () => {
    publish(0);
    await settle();
    clock.move(60_000);
    publisher.append(1);
    expect(appended).toHaveLength(1);
  });

  it('is kept by whoever sees a valid record of the height first, also one with other bytes', () => {
    publish(3);
    // Of another host, which need not compress as this one does.
    const others = cutIntoParts(block.block, zstdCompressSync(encodeBlock(block.block, chain.set.keys.length)));
    expect(others).not.toEqual([block.record]);
    for (const record of recordsOf(others)) publisher.noteSeen(record);
    clock.move(60_000);
    publisher.append(1);
    expect(appended).toEqual([]);
  });

  it('is not kept back by garbage that names its height', () => {
    publish(1);
    publisher.noteSeen(at(block.record.slice(0, 80), 0));
    publisher.noteSeen(at(new Uint8Array(0), 1));
    clock.move(300);
    expect(appended).toHaveLength(1);
  });

  it('is appended again a round later when the bus was away, and this is told', async () => {
    isBusAway = true;
    publish(0);
    await settle();
    expect(failures).toHaveLength(1);
    isBusAway = false;
    clock.move(VALIDATORS * 300 - 1);
    expect(appended).toHaveLength(1);
    clock.move(1);
    expect(appended).toHaveLength(2);
  });

  it('is appended again when it is not where the log said that it stands', async () => {
    publish(0);
    await settle();
    publisher.noteSeen(at(new Uint8Array(3), 100));
    expect(appended).toHaveLength(1);
    publisher.noteSeen(at(new Uint8Array(3), 101));
    expect(appended).toHaveLength(2);
  });

  it('is appended again when the topic was made anew', async () => {
    publisher.noteSeen(at(new Uint8Array(3), 99));
    publish(0);
    await settle();
    publisher.noteSeen(at(new Uint8Array(3), 0));
    expect(appended).toHaveLength(2);
  });

  it('is left alone once the host is closed', async () => {
    isBusAway = true;
    publish(0);
    publisher.close();
    await settle();
    clock.move(60_000);
    expect({ appended: appended.length, failures }).toEqual({ appended: 1, failures: [] });
  });
});
