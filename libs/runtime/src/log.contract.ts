/** The promises of the Log port, run against every adapter by its `*.int.spec.ts`. Imported by tests only. */
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { RECORD_BYTES_MAX } from './ports.js';
import type { Log, LogErrorCode, LogRecord, Subscription } from './ports.js';

/** A store of its own for one run of the suite. */
export interface LogStore {
  /** A Log with connections of its own, as another process would have. */
  open(): Log;
  /** A writer that stops in the middle of an append to `topic` and keeps its connection; resolves once it hangs. */
  stallWriter(topic: string): Promise<{ end(): Promise<void> }>;
  /** A writer that dies in the middle of an append to `topic`. */
  killWriter(topic: string): Promise<void>;
  /** Stops the store in an orderly way and starts it again at the same address. */
  restart(): Promise<void>;
  /** Ends the store by SIGKILL and starts it again at the same address. */
  killAndStart(): Promise<void>;
  stop(): Promise<void>;
}

const WRITERS = 8;
const READERS = 20;
const IDLE_MS = 3_000;
const MEASURE_MS = 2_000;
const BULK_RECORDS = 96;
/** Of one core, for all idle readers of a process together. A busy loop would show as 100. */
const IDLE_CPU_PERCENT_MAX = 5;

export function logContract(name: string, start: () => Promise<LogStore>): void {
  describe(`the Log port on ${name}`, () => {
    let store: LogStore;
    let topics = 0;
    let opened: Log[] = [];

    beforeAll(async () => {
      store = await start();
    });
    afterEach(async () => {
      await Promise.all(opened.map((log) => log.close()));
      opened = [];
    });
    afterAll(async () => {
      await store.stop();
    });

    function open(): Log {
      const log = store.open();
      opened.push(log);
      return log;
    }

    async function newTopic(log: Log): Promise<string> {
      const topic = `contract.${++topics}`;
      await log.ensureTopics([{ name: topic }]);
      return topic;
    }

    it('keeps the order in which one process called, and says the offset each call got', async () => {
      const log = open();
      const topic = await newTopic(log);
      const firsts = await Promise.all(numbers(200).map((n) => log.append(topic, [text(`a${n}`), text(`b${n}`)])));
      expect(firsts).toEqual(numbers(200).map((n) => 2 * n));
      expect(await log.end(topic)).toBe(400);
      const reader = follow(log, topic, 0);
      await reader.holds(400);
      expect(reader.texts()).toEqual(numbers(200).flatMap((n) => [`a${n}`, `b${n}`]));
    });

    it('is read from any offset, and gives a second reader the same', async () => {
      const log = open();
      const topic = await newTopic(log);
      await log.append(
        topic,
        numbers(50).map((n) => text(String(n))),
      );
      const [whole, again, rest] = [follow(log, topic, 0), follow(open(), topic, 0), follow(log, topic, 37)];
      await Promise.all([whole.holds(50), again.holds(50), rest.holds(13)]);
      expect(again.records).toEqual(whole.records);
      expect(rest.records).toEqual(whole.records.slice(37));
    });

    it('lets a reader wait for an offset that is still to come', async () => {
      const log = open();
      const topic = await newTopic(log);
      const reader = follow(log, topic, 2);
      for (const n of numbers(4)) await log.append(topic, [text(String(n))]);
      await reader.holds(2);
      expect(reader.texts()).toEqual(['2', '3']);
    });

    it('appends nothing for an empty list', async () => {
      const log = open();
      const topic = await newTopic(log);
      await log.append(topic, [text('one')]);
      expect(await log.append(topic, [])).toBe(1);
      expect(await log.end(topic)).toBe(1);
    });

    it('carries records of no and of 16 MiB, and refuses larger ones', async () => {
      const log = open();
      const topic = await newTopic(log);
      const large = randomBytes(RECORD_BYTES_MAX);
      const begun = performance.now();
      await log.append(topic, [large]);
      const appendedMs = performance.now() - begun;
      await expectCode(log.append(topic, [text('x'), new Uint8Array(RECORD_BYTES_MAX + 1)]), 'log.recordTooLarge');
      const halves = [1, 2, 3].map(() => randomBytes(RECORD_BYTES_MAX / 2));
      expect(await log.append(topic, halves)).toBe(1);
      await log.append(topic, [new Uint8Array(0)]);
      const reader = follow(log, topic, 0);
      await reader.holds(5);
      const expected = [large, ...halves, Buffer.alloc(0)];
      expect(reader.records.map(({ value }, n) => Buffer.compare(value, expected[n] ?? large))).toEqual([
        0, 0, 0, 0, 0,
      ]);
      say(`append of 16 MiB ${appendedMs.toFixed(0)} ms`);
    });

    it('refuses a topic that does not exist', async () => {
      const log = open();
      await expectCode(log.append('nowhere', [text('x')]), 'log.unknownTopic');
      await expectCode(log.end('nowhere'), 'log.unknownTopic');
      await expectCode(log.offsetAtTime('nowhere', 0), 'log.unknownTopic');
      await expectCode(log.subscribe('nowhere', 0, async () => undefined).failed, 'log.unknownTopic');
    });

    it('creates topics once, also when two processes start together', async () => {
      const [one, two] = [open(), open()];
      const specs = ['together.a', 'together.b'].map((topic) => ({ name: topic, retentionMs: 86_400_000 }));
      await Promise.all([one.ensureTopics(specs), two.ensureTopics(specs)]);
      await one.append('together.a', [text('kept')]);
      await two.ensureTopics(specs);
      expect(await two.end('together.a')).toBe(1);
      expect(await two.end('together.b')).toBe(0);
    });

    it('gives eight writers offsets without gaps, though one stalls and one dies', async () => {
      const logs = numbers(WRITERS).map(() => open());
      const topic = await newTopic(at(logs, 0));
      const reader = follow(open(), topic, 0);
      const rounds = 40;
      const got = new Map<number, string>();
      const write = async (log: Log, writer: number, from: number): Promise<void> => {
        for (let n = from; n < from + rounds; n++) {
          const values = numbers(1 + (n % 3)).map((k) => `${writer}:${n}:${k}`);
          const first = await log.append(topic, values.map(text));
          values.forEach((value, k) => got.set(first + k, value));
        }
      };
      await Promise.all(logs.map((log, writer) => write(log, writer, 0)));
      const begun = performance.now();
      const stalled = await store.stallWriter(topic);
      await Promise.all([store.killWriter(topic), ...logs.map((log, writer) => write(log, writer, rounds))]);
      const delayedMs = performance.now() - begun;
      await stalled.end();
      const end = await at(logs, 0).end(topic);
      await reader.holds(end);
      // `follow` fails on a gap; what the stalled and the dead wrote may stand in between, or not at all.
      for (const [offset, value] of got) expect(reader.texts()[offset]).toBe(value);
      for (const writer of numbers(WRITERS)) {
        const own = reader.texts().filter((value) => value.startsWith(`${writer}:`));
        expect(own).toEqual(
          [...got.entries()]
            .sort(([a], [b]) => a - b)
            .map(([, value]) => value)
            .filter((value) => value.startsWith(`${writer}:`)),
        );
        expect(own).toHaveLength(numbers(2 * rounds).reduce((sum, n) => sum + 1 + (n % 3), 0));
      }
      say(`second half of the writes, beside a stalled and a dead writer: ${delayedMs.toFixed(0)} ms`);
    });

    it('holds what it acknowledged when the store is killed right after', async () => {
      const log = open();
      const topic = await newTopic(log);
      for (const n of numbers(2)) {
        const offset = await log.append(topic, [text(`before ${n}`), randomBytes(100_000)]);
        await store.killAndStart();
        const later = open();
        expect(await later.end(topic)).toBe(offset + 2);
        const reader = follow(later, topic, offset);
        await reader.holds(2);
        expect(reader.texts()[0]).toBe(`before ${n}`);
      }
    });

    it('goes on through a restart and a kill of the store, for readers and writers alike', async () => {
      const [writerLog, readerLog] = [open(), open()];
      const topic = await newTopic(writerLog);
      const reader = follow(readerLog, topic, 0);
      const got = new Map<number, string>();
      let going = true;
      const writer = (async () => {
        for (let n = 0; going; n++) got.set(await writerLog.append(topic, [text(String(n))]), String(n));
      })();
      await reader.holds(20);
      await store.restart();
      await reader.holds(reader.records.length + 20);
      await store.killAndStart();
      await reader.holds(reader.records.length + 20);
      going = false;
      await writer;
      await reader.holds(await writerLog.end(topic));
      for (const [offset, value] of got) expect(reader.texts()[offset]).toBe(value);
      // An append whose answer was lost is sent again, so a value may stand twice, but never out of order.
      const values = reader.texts().map(Number);
      expect(values).toEqual([...values].sort((a, b) => a - b));
    });

    it('lets readers and writers come back and find their place', async () => {
      const first = open();
      const topic = await newTopic(first);
      await first.append(topic, [text('0'), text('1')]);
      await first.close();
      const second = open();
      expect(await second.append(topic, [text('2')])).toBe(2);
      const one = follow(second, topic, 0);
      await one.holds(3);
      await one.subscription.close();
      await second.append(topic, [text('3')]);
      const two = follow(second, topic, one.records.length);
      await two.holds(1);
      expect([...one.texts(), ...two.texts()]).toEqual(['0', '1', '2', '3']);
    });

    it(`serves ${READERS} readers of one process, and wakes them without busy polling`, async () => {
      const [writer, log] = [open(), open()];
      const topic = await newTopic(writer);
      const readers = numbers(READERS).map(() => follow(log, topic, 0));
      await writer.append(topic, [text('first')]);
      await Promise.all(readers.map((reader) => reader.holds(1)));

      const before = process.cpuUsage();
      const begun = performance.now();
      await new Promise((done) => setTimeout(done, IDLE_MS));
      const { user, system } = process.cpuUsage(before);
      const percent = (user + system) / 10 / (performance.now() - begun);
      expect(percent).toBeLessThan(IDLE_CPU_PERCENT_MAX);

      const one = at(readers, 0);
      await Promise.all(readers.slice(1).map((reader) => reader.subscription.close()));
      const latencies: number[] = [];
      for (const n of numbers(100)) {
        const sent = performance.now();
        void writer.append(topic, [text(String(n))]);
        await one.holds(n + 2);
        latencies.push(performance.now() - sent);
      }
      latencies.sort((a, b) => a - b);
      const [median, worst] = [at(latencies, 50).toFixed(1), at(latencies, 98).toFixed(1)];
      say(`${READERS} idle readers ${percent.toFixed(2)} % of a core; append to reader ${median} ms (p98 ${worst})`);
    });

    it('is quick enough to build on', async () => {
      const logs = numbers(WRITERS).map(() => open());
      const topic = await newTopic(at(logs, 0));
      const reader = follow(open(), topic, 0);
      const small = randomBytes(500);
      const until = performance.now() + MEASURE_MS;
      const write = async (log: Log): Promise<number> => {
        let count = 0;
        for (; performance.now() < until; count++) await log.append(topic, [small]);
        return count;
      };
      const single = (await Promise.all(logs.map(write))).reduce((sum, count) => sum + count, 0);
      await reader.holds(single);
      expect(single).toBeGreaterThan(WRITERS); // Figures are said, not asserted: machines differ.

      const [bulkTopic, large] = [await newTopic(at(logs, 0)), randomBytes(1024 * 1024)];
      const begun = performance.now();
      await Promise.all(numbers(BULK_RECORDS).map(() => at(logs, 0).append(bulkTopic, [large])));
      const writtenMs = performance.now() - begun;
      const bulk = follow(open(), bulkTopic, 0);
      await bulk.holds(BULK_RECORDS);
      const readMs = performance.now() - begun - writtenMs;
      const perSecond = (ms: number): string => ((BULK_RECORDS / ms) * 1000 * 1.048576).toFixed(0);
      const rate = ((single / MEASURE_MS) * 1000).toFixed(0);
      say(`${rate} appends/s by ${WRITERS} writers; ${perSecond(writtenMs)} MB/s in, ${perSecond(readMs)} MB/s out`);
    });

    it('finds the first record stored at or after a time', async () => {
      const log = open();
      const topic = await newTopic(log);
      const reader = follow(log, topic, 0);
      for (let n = 0; n < 30; n++) {
        await log.append(topic, [text('x'), text('y')]);
        await reader.holds(2 * n + 2);
      }
      const times = reader.records.map(({ timestampMs }) => timestampMs);
      expect(times).toEqual([...times].sort((a, b) => a - b));
      expect(Math.abs(at(times, 0) - Date.now())).toBeLessThan(60_000);
      for (const time of new Set(times)) expect(await log.offsetAtTime(topic, time)).toBe(times.indexOf(time));
      expect(await log.offsetAtTime(topic, 0)).toBe(0);
      expect(await log.offsetAtTime(topic, at(times, 59) + 3_600_000)).toBe(60);
    });

    it('ends a subscription whose handler throws, and tells why', async () => {
      const log = open();
      const topic = await newTopic(log);
      await log.append(topic, [text('x')]);
      const bug = new Error('a bug in the handler');
      const subscription = log.subscribe(topic, 0, () => Promise.reject(bug));
      await expect(subscription.failed).rejects.toBe(bug);
      await subscription.close();
    });

    it('does not call a handler again once its subscription is closed', async () => {
      const log = open();
      const topic = await newTopic(log);
      await log.append(topic, [text('x')]);
      let calls = 0;
      let release: () => void = () => undefined;
      const held = new Promise<void>((done) => (release = done));
      let entered: () => void = () => undefined;
      const inHand = new Promise<void>((done) => (entered = done));
      const subscription = log.subscribe(topic, 0, async () => {
        calls++;
        entered();
        await held;
      });
      await inHand;
      await log.append(topic, [text('y')]);
      let ended = false;
      const closing = subscription.close().then(() => (ended = true));
      await log.end(topic);
      expect(ended).toBe(false); // The batch in hand is waited for.
      release();
      await closing;
      await subscription.failed;
      await log.append(topic, [text('z')]);
      expect(calls).toBe(1);
    });

    it('finishes what is under way on close, and refuses what comes after', async () => {
      const log = open();
      const topic = await newTopic(log);
      const reader = follow(log, topic, 0);
      const appends = numbers(10).map((n) => log.append(topic, [text(String(n))]));
      await log.close();
      expect(await Promise.all(appends)).toEqual(numbers(10));
      await reader.subscription.failed;
      await expectCode(log.append(topic, [text('late')]), 'log.closed');
      await expectCode(log.end(topic), 'log.closed');
      await log.close();
      expect(await open().end(topic)).toBe(10);
    });

    function say(measured: string): void {
      process.stdout.write(`${name}: ${measured}\n`);
    }
  });
}

interface Follower {
  readonly records: LogRecord[];
  readonly subscription: Subscription;
  texts(): string[];
  /** Resolves when `count` records were seen; rejects on a gap, a repeat or the end of the subscription. */
  holds(count: number): Promise<void>;
}

function follow(log: Log, topic: string, from: number): Follower {
  const records: LogRecord[] = [];
  let check: () => void = () => undefined;
  const subscription = log.subscribe(topic, from, async (batch) => {
    for (const record of batch) {
      const expected = from + records.length;
      if (record.offset !== expected) throw new Error(`${topic}: offset ${record.offset} came instead of ${expected}`);
      records.push(record);
    }
    check();
  });
  subscription.failed.catch(() => undefined);
  return {
    records,
    subscription,
    texts: () => records.map(({ value }) => Buffer.from(value).toString()),
    async holds(count) {
      const seen = new Promise<void>((done) => {
        check = (): void => {
          if (records.length >= count) done();
        };
        check();
      });
      const ended = subscription.failed.then(() => {
        if (records.length < count) throw new Error(`${topic}: ended with ${records.length} of ${count} records`);
      });
      await Promise.race([seen, ended]);
    },
  };
}

async function expectCode(promise: Promise<unknown>, code: LogErrorCode): Promise<void> {
  await expect(promise).rejects.toMatchObject({ name: 'LogError', code });
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}

function at<T>(list: readonly T[], index: number): T {
  const found = list[index];
  if (found === undefined) throw new RangeError(`nothing at ${index}`);
  return found;
}

function text(value: string): Uint8Array {
  return Buffer.from(value);
}
