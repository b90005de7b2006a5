import type { Log, LogRecord } from './ports.js';

/**
 * Reads a topic from an offset to where it ended at the call, and stops; resolves with the offset to go on from.
 * Rejects with what the handler threw.
 */
export async function readToEnd(
  log: Log,
  topic: string,
  from: number,
  handle: (records: readonly LogRecord[]) => Promise<void> | void,
): Promise<number> {
  const end = await log.end(topic);
  if (from >= end) return Math.max(from, end);
  let next = from;
  let done!: () => void;
  const reached = new Promise<void>((resolve) => (done = resolve));
  const subscription = log.subscribe(topic, from, async (records) => {
    if (next >= end) return;
    await handle(records);
    next = (records.at(-1)?.offset ?? next - 1) + 1;
    if (next >= end) done();
  });
  try {
    await Promise.race([reached, subscription.failed]);
  } finally {
    await subscription.close();
  }
  return next;
}
