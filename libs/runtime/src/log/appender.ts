import { LogError, RECORD_BYTES_MAX } from '../ports.js';

const RECORDS_PER_WRITE_MAX = 10_000;
/** What may wait in memory for one topic while the store is slow or away. */
const WAITING_BYTES_MAX = 256 * 1024 * 1024;
export const APPEND_DEADLINE_MS = 30_000;

/** Stores all values next to each other; resolves with the offset of the first once they are durable. */
export type Write = (values: readonly Uint8Array[], deadlineMs: number) => Promise<number>;

export interface Appender {
  append(values: readonly Uint8Array[]): Promise<number>;
  /** Resolves when nothing is under way any more. */
  idle(): Promise<void>;
}

interface Call {
  readonly values: readonly Uint8Array[];
  readonly bytes: number;
  readonly deadlineMs: number;
  readonly resolve: (first: number) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Group commit for one topic: while one write is under way, the calls that follow are gathered into the next one. One
 * write at a time also keeps the order of the calls. A write holds at most {@link RECORD_BYTES_MAX} bytes.
 */
export function createAppender(topic: string, write: Write): Appender {
  const waiting: Call[] = [];
  let waitingBytes = 0;
  let draining: Promise<void> | undefined;

  async function drain(): Promise<void> {
    await Promise.resolve(); // Calls made in the same tick travel together.
    for (;;) {
      const calls = gather(waiting);
      const oldest = calls[0];
      if (oldest === undefined) break;
      try {
        let first = await writeAll(calls, oldest.deadlineMs);
        for (const call of calls) {
          call.resolve(first);
          first += call.values.length;
        }
      } catch (error) {
        for (const call of calls) call.reject(error);
      }
      for (const call of calls) waitingBytes -= call.bytes;
    }
    draining = undefined;
  }

  async function writeAll(calls: readonly Call[], deadlineMs: number): Promise<number> {
    let first: number | undefined;
    for (const part of parts(calls.flatMap((call) => call.values))) {
      const offset = await write(part, deadlineMs);
      first ??= offset;
    }
    if (first === undefined) throw new RangeError('nothing to write');
    return first;
  }

  return {
    append(values) {
      let bytes = 0;
      for (const value of values) {
        if (value.byteLength > RECORD_BYTES_MAX) {
          const said = `${topic}: a record of ${value.byteLength} bytes, ${RECORD_BYTES_MAX} is the limit`;
          return Promise.reject(new LogError('log.recordTooLarge', said));
        }
        bytes += value.byteLength;
      }
      if (waitingBytes > 0 && waitingBytes + bytes > WAITING_BYTES_MAX) {
        return Promise.reject(new LogError('log.unavailable', `${topic}: too much is waiting to be written`));
      }
      waitingBytes += bytes;
      return new Promise((resolve, reject) => {
        waiting.push({ values, bytes, deadlineMs: Date.now() + APPEND_DEADLINE_MS, resolve, reject });
        draining ??= drain();
      });
    },
    async idle() {
      await draining;
    },
  };
}

/** Takes the calls of the next write: as many whole calls as fit, at least one. */
function gather(waiting: Call[]): Call[] {
  let bytes = 0;
  let records = 0;
  let count = 0;
  for (const call of waiting) {
    bytes += call.bytes;
    records += call.values.length;
    if (count > 0 && (bytes > RECORD_BYTES_MAX || records > RECORDS_PER_WRITE_MAX)) break;
    count++;
  }
  return waiting.splice(0, count);
}

function parts(values: readonly Uint8Array[]): (readonly Uint8Array[])[] {
  const out: Uint8Array[][] = [];
  let part: Uint8Array[] = [];
  let bytes = 0;
  for (const value of values) {
    const full = bytes + value.byteLength > RECORD_BYTES_MAX || part.length === RECORDS_PER_WRITE_MAX;
    if (full && part.length > 0) {
      out.push(part);
      part = [];
      bytes = 0;
    }
    part.push(value);
    bytes += value.byteLength;
  }
  if (part.length > 0) out.push(part);
  return out;
}
