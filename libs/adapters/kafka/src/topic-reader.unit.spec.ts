import { expect, it } from '@jest/globals';
import { LATEST } from './session.js';
import type { Session } from './session.js';
import { createTopicReader, FETCH_WAIT_MS } from './topic-reader.js';

const OLD = ['a', 'b', 'c'];
const LATER = ['d', 'e'];
/** How many requests of the reader are told apart: what happens later finds it at rest. */
const REQUESTS = 8;
const CALLS = 40;

/** The topic as its leader shows it to one reader that has read {@link OLD}, and what happens before which request. */
async function readerOfOld(from = 0) {
  let topic: { values: string[]; timestamps: number[]; first: number } | undefined;
  let clock = 0; // A record that is written anew has another timestamp, even if its value is the same.
  let requests = 0;
  let planned: { before: number; act: () => void }[] = [];
  let current: Session | undefined;
  let lastWaitMs = 0;

  function refuse(type: string): never {
    throw Object.assign(new Error(type), { type });
  }
  function answering() {
    for (; planned[0] !== undefined && planned[0].before <= requests; planned.shift()) planned[0].act();
    requests++;
    return topic ?? refuse('UNKNOWN_TOPIC_OR_PARTITION');
  }
  const acts = {
    create: () => void (topic = { values: [], timestamps: [], first: 0 }),
    remove: () => void (topic = undefined),
    append(...values: string[]) {
      topic?.values.push(...values);
      topic?.timestamps.push(...values.map(() => ++clock));
    },
    trim: (first: number) => void (topic === undefined || (topic.first = first)),
    disconnect: () => current?.destroy(),
  };

  async function open(): Promise<Session> {
    answering();
    let isOpen = true;
    current = {
      isOpen: () => isOpen,
      initProducer: () => refuse('a reader'),
      produce: () => refuse('a reader'),
      async fetch(offset, waitMs) {
        const { values, timestamps, first } = answering();
        lastWaitMs = waitMs;
        if (!isOpen) throw new Error('the connection is closed');
        if (offset < first || offset > values.length) return refuse('OFFSET_OUT_OF_RANGE');
        const messages = values.map((value, n) => ({
          offset: String(n),
          timestamp: String(timestamps[n]),
          value: Buffer.from(value),
        }));
        // A batch may begin before the offset.
        return offset === values.length ? [] : messages.slice(Math.max(first, offset - 1));
      },
      async listOffset(which) {
        const { values, first } = answering();
        return which === LATEST ? values.length : first;
      },
      destroy: () => void (isOpen = false),
    };
    return current;
  }

  const reader = createTopicReader(open, 1024);
  const read: string[] = [];
  let wanted = from;
  const process = {
    acts,
    read,
    /** Before which requests, counted from now on, `script` happens; then the reader goes on until it is at rest. */
    async run(script: readonly (readonly [before: number, act: () => void])[]) {
      planned = script.map(([before, act]) => ({ before: requests + before, act }));
      for (let calls = 0; calls < CALLS; calls++) {
        try {
          const records = await reader.next(wanted, new AbortController().signal);
          read.push(...records.map(({ value }) => Buffer.from(value).toString()));
          wanted = (records.at(-1)?.offset ?? wanted - 1) + 1;
        } catch {
          reader.drop();
        }
      }
      expect(planned).toEqual([]);
      expect(lastWaitMs).toBe(FETCH_WAIT_MS); // At rest it does not ask again and again.
    },
  };
  acts.create();
  acts.append(...OLD);
  await process.run([]);
  return process;
}

for (const count of [1, 2, 3, 4, 9]) {
  it(`reads a topic that was made anew from its beginning, whenever its ${count} records come`, async () => {
    const anew = Array.from({ length: count }, (_, n) => OLD[n] ?? `new${n}`);
    const numbers = Array.from({ length: REQUESTS }, (_, n) => n);
    for (const removed of numbers)
      for (const created of numbers.slice(removed))
        // Nobody sees it on a connection that asked nothing in between.
        for (const filled of numbers.slice(Math.max(created, removed + 1)))
          for (const full of numbers.slice(filled)) {
            const { acts, read, run } = await readerOfOld();
            await run([
              [removed, acts.remove],
              [created, acts.create],
              [filled, () => acts.append(...anew.slice(0, 1))],
              [full, () => acts.append(...anew.slice(1))],
            ]);
            const readAtRest = [...read];
            await run([[0, () => acts.append(...LATER)]]);
            expect({ removed, created, filled, full, readAtRest, read }).toMatchObject({
              readAtRest: [...OLD, ...anew],
              read: [...OLD, ...anew, ...LATER],
            });
          }
  });

  it(`reads a topic that was made anew with ${count} records while it had no connection from its beginning`, async () => {
    const anew = Array.from({ length: count }, (_, n) => OLD[n] ?? `new${n}`);
    const { acts, read, run } = await readerOfOld();
    acts.disconnect();
    acts.remove();
    acts.create();
    acts.append(...anew);
    await run([]);
    expect(read).toEqual([...OLD, ...anew]);
  });
}

it('reads on where it was in a topic that is still the same, whenever its connections break', async () => {
  for (let appended = 0; appended < REQUESTS; appended++)
    for (let first = 0; first < REQUESTS; first++)
      for (let second = first; second < REQUESTS; second++) {
        const { acts, read, run } = await readerOfOld();
        const script = [
          [appended, () => acts.append(...LATER)],
          [first, acts.disconnect],
          [second, acts.disconnect],
        ] as const;
        await run([...script].sort(([one], [other]) => one - other));
        expect({ appended, first, second, read }).toMatchObject({ read: [...OLD, ...LATER] });
      }
});

it('reads on at the first record that there is when the topic was trimmed beyond it', async () => {
  const { acts, read, run } = await readerOfOld();
  acts.disconnect();
  acts.append(...LATER);
  acts.trim(OLD.length + 1);
  await run([]);
  expect(read).toEqual([...OLD, ...LATER.slice(1)]);
});

it('waits for an offset that is still to come', async () => {
  const { acts, read, run } = await readerOfOld(OLD.length + 1);
  expect(read).toEqual([]);
  await run([[0, () => acts.append(...LATER)]]);
  expect(read).toEqual(LATER.slice(1));
});
