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

/** The record that stands at an offset, or the first one still kept above it; waits while there is none. */
export async function recordAt(log: Log, topic: string, offset: number): Promise<LogRecord> {
  let found!: (record: LogRecord) => void;
  const record = new Promise<LogRecord>((resolve) => (found = resolve));
  const subscription = log.subscribe(topic, offset, async ([first]) => {
    if (first !== undefined) found(first);
  });
  try {
    return await Promise.race([record, subscription.failed.then(() => record)]);
  } finally {
    await subscription.close();
  }
}
