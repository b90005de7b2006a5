import { LogError } from '@gridtokenx/runtime';
import type { LogRecord, Subscription } from '@gridtokenx/runtime';

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

/** Doubles from `PAUSE_FIRST_MS`, with up to half of it by chance so that many readers do not come back as one. */
export async function pause(attempt: number, signal?: AbortSignal): Promise<void> {
  const PAUSE_FIRST_MS = 20;
  const PAUSE_MAX_MS = 1_000;
  const pauseMs = Math.min(PAUSE_MAX_MS, PAUSE_FIRST_MS * 2 ** attempt) * (0.5 + Math.random() / 2);
  if (signal?.aborted === true) return;
  await new Promise<void>((done) => {
    const wake = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', wake);
      done();
    };
    const timer = setTimeout(wake, pauseMs);
    signal?.addEventListener('abort', wake, { once: true });
  });
}
