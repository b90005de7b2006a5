import { LogError, type LogRecord, type Subscription } from '../ports.js';

/** Resolves with the records from `position` on once there is one, or with none when the signal says stop. */
export type Read = (position: number, signal: AbortSignal) => Promise<readonly LogRecord[]>;

/** Reads the next chunk while the handler works on the one in hand; never more than one ahead. */
export function startReader(
  from: number,
  read: Read,
  handler: (records: readonly LogRecord[]) => Promise<void>,
): Subscription {
  if (!Number.isSafeInteger(from) || from < 0) throw new RangeError(`not an offset: ${from}`);
  const stop = new AbortController();
  const { signal } = stop;

  async function run(): Promise<void> {
    let position = from;
    let next = read(position, signal);
    for (;;) {
      const records = await next;
      if (signal.aborted) return;
      const last = records.at(-1);
      if (last !== undefined) position = last.offset + 1;
      next = read(position, signal);
      next.catch(() => undefined); // Seen when it is awaited, which may be never.
      if (last !== undefined) await handler(records);
      if (signal.aborted) return;
    }
  }

  const failed = run().catch((error: unknown) => {
    if (signal.aborted && error instanceof LogError) return; // The store went away while we were leaving.
    throw error;
  });
  void failed.then(
    () => undefined,
    () => stop.abort(),
  );
  return {
    failed,
    async close() {
      stop.abort();
      await failed.catch(() => undefined);
    },
  };
}
