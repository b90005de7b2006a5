import type { Envelope, Finding } from '@gridtokenx/protocol';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { EnvelopeChecker } from './envelope-checker.js';
import { EnvelopeIntake } from './envelope-intake.js';
import { EnvelopePool } from './envelope-pool.js';
import { StillClock } from './fixture.spec.js';
import type { LogRecord } from './ports.js';
import { Timers } from './timers.js';

/** Four of them are a slice. */
const RECORD_BYTES = 256 * 1024;

const record = (offset: number): LogRecord => {
  const value = new Uint8Array(RECORD_BYTES);
  value[0] = offset;
  return { offset, value, timestampMs: 0 };
};
const records = (from: number, to: number): LogRecord[] =>
  Array.from({ length: to - from }, (_, i) => record(from + i));

/** An envelope of ten operations, named by the first byte of its record. */
const findingOf = (value: Uint8Array): Finding =>
  ({
    hash: value.subarray(0, 32),
    bytes: value,
    operationIds: Array.from({ length: 10 }, () => value),
  }) as unknown as Envelope;
const findings = (values: readonly Uint8Array[]): Finding[] => values.map(findingOf);
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const onThread: EnvelopeChecker = { check: async (values) => findings(values), close: async () => {} };
const here: EnvelopeChecker = { check: findings, close: async () => {} };

describe.each([
  ['on the thread of the host', here],
  ['on another thread', onThread],
])('What is read of the operations topic, checked %s,', (_, checker) => {
  let clock: StillClock;
  let pool: EnvelopePool;
  let intake: EnvelopeIntake;
  let order: number[];
  let failed: unknown[];
  let isRead: boolean;
  beforeEach(() => {
    clock = new StillClock();
    pool = new EnvelopePool();
    order = [];
    failed = [];
    isRead = false;
    intake = new EnvelopeIntake({
      checker,
      pool,
      clock,
      timers: new Timers(clock, () => {}),
      mayWait: () => 50,
      take: (taken, found) => {
        taken.forEach(({ offset }, i) => {
          order.push(offset);
          pool.add(found[i] as Envelope, offset);
        });
      },
      onFailed: (error) => failed.push(error),
    });
  });
  const read = async (from: number, to: number): Promise<void> => {
    void intake.read(records(from, to)).then(() => (isRead = true));
    await settled();
  };
  const decide = async (...offsets: number[]): Promise<void> => {
    for (const offset of offsets) pool.remove(record(offset).value.subarray(0, 32));
    intake.decided();
    await settled();
  };

  it('comes at once and in its order while there is room', async () => {
    await read(0, 4);
    expect(isRead).toBe(true);
    await read(4, 5);
    expect(order).toEqual([0, 1, 2, 3, 4]);
  });

  it('waits while the pool is full, until blocks have taken enough of it', async () => {
    await read(0, 24);
    const first = order.length;
    expect(first).toBeLessThanOrEqual(16);
    expect(isRead).toBe(false);
    await decide(0);
    expect(order.length).toBe(first);
    await decide(...Array.from({ length: first }, (__, i) => i));
    expect(order.length).toBeGreaterThan(first);
    expect(order).toEqual(Array.from({ length: order.length }, (__, i) => i));
  });

  it('goes on a slice a second when no block makes room: what is missing here may stand behind it', async () => {
    await read(0, 24);
    const counts: number[] = [];
    for (let second = 0; second < 4; second++) {
      counts.push(order.length);
      clock.move(999);
      await settled();
      expect(order.length).toBe(counts.at(-1));
      clock.move(1);
      await settled();
    }
    const first = counts[0] ?? 0;
    expect(first).toBeLessThanOrEqual(16);
    expect(counts).toEqual([0, 4, 8, 12].map((more) => Math.min(24, first + more)));
  });

  it('stops when the pool holds too many bytes, whatever the clock says', async () => {
    await read(0, 24);
    pool.bytes += 256 * 1024 * 1024;
    const held = order.length;
    clock.move(10_000);
    await settled();
    expect(order.length).toBe(held);
    pool.bytes -= 256 * 1024 * 1024;
    clock.move(1_000);
    await settled();
    expect(order.length).toBe(held + 4);
  });

  it('ends with the host, and nothing is taken any more', async () => {
    await read(0, 24);
    const held = order.length;
    intake.close();
    await settled();
    expect(isRead).toBe(true);
    await read(24, 28);
    expect(order.length).toBe(held);
    expect(failed).toEqual([]);
  });
});

it('A checker that breaks is told, and what it was asked is not taken', async () => {
  const failed: unknown[] = [];
  const clock = new StillClock();
  const intake = new EnvelopeIntake({
    checker: { check: () => Promise.reject(new Error('broken')), close: async () => {} },
    pool: new EnvelopePool(),
    clock,
    timers: new Timers(clock, () => {}),
    mayWait: () => 50,
    take: () => failed.push('taken'),
    onFailed: (error) => failed.push(error),
  });
  await intake.read(records(0, 1));
  await settled();
  expect(failed).toEqual([new Error('broken')]);
});
