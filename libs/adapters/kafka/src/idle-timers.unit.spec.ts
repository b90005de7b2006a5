import { createRequire } from 'node:module';
import { expect, it } from '@jest/globals';
import { stopIdleTimers } from './idle-timers.js';
import type { RequestQueueClass } from './idle-timers.js';

interface Queue {
  checkPendingRequests(): void;
  maybeThrottle(ms: number): void;
  destroy(): void;
  push(request: object): void;
}
type QueueClass = RequestQueueClass & (new (options: object) => Queue);

const require = createRequire(import.meta.url);
const WATCH_MS = 300;

function fresh(): QueueClass {
  return require('kafkajs/src/network/requestQueue/index.js') as QueueClass;
}

function create(requestQueue: QueueClass): Queue {
  const logger = { debug: () => undefined, warn: () => undefined };
  return new requestQueue({ maxInFlightRequests: null, requestTimeout: 30_000, logger, clientId: 'x', broker: 'y' });
}

/** What a connection does when a response has come, and then nothing more. */
async function timersWhenIdle(requestQueue: QueueClass): Promise<number> {
  const original = globalThis.setTimeout;
  let timers = 0;
  globalThis.setTimeout = Object.assign((...args: Parameters<typeof setTimeout>): NodeJS.Timeout => {
    timers++;
    return original(...args);
  }, original);
  const queue = create(requestQueue);
  queue.checkPendingRequests();
  await new Promise<void>((done) => original(done, WATCH_MS));
  globalThis.setTimeout = original;
  queue.destroy();
  return timers;
}

it('sets no timer on an idle connection, where kafkajs alone sets hundreds a second', async () => {
  const requestQueue = fresh();
  expect(await timersWhenIdle(requestQueue)).toBeGreaterThan(20);
  stopIdleTimers(requestQueue);
  expect(await timersWhenIdle(requestQueue)).toBe(0);
});

it('still sends what waited for a throttle', async () => {
  const requestQueue = fresh();
  stopIdleTimers(requestQueue);
  const queue = create(requestQueue);
  queue.maybeThrottle(50);
  const begun = performance.now();
  await new Promise<void>((sendRequest) => {
    queue.push({ entry: { correlationId: 1 }, expectResponse: true, sendRequest });
  });
  expect(performance.now() - begun).toBeGreaterThan(40);
  queue.destroy();
});
