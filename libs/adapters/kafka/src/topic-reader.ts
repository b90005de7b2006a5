import type { LogRecord } from '@gridtokenx/runtime';
import { errorType } from './internals.js';
import type { FetchedMessage } from './internals.js';
import { EARLIEST, LATEST } from './session.js';
import type { Session } from './session.js';

/** A waiting fetch is answered as soon as a record is there; this is only how often an idle reader asks anew. */
export const FETCH_WAIT_MS = 5_000;

/** Reads one topic in order, over as many sessions as that takes. */
export interface TopicReader {
  /**
   * The records from `wanted` on, which is the offset behind the record given last, if any was given; none if none came
   * in time or nothing is sure yet. Of a topic that was made anew since, the records from its beginning on.
   */
  next(wanted: number, signal: AbortSignal): Promise<readonly LogRecord[]>;
  /** Ends what is under way; the next call opens another session. */
  drop(): void;
}

export function createTopicReader(open: () => Promise<Session>, chunkBytesMax: number): TopicReader {
  let session: Session | undefined;
  let endAtMost = Infinity; // Where to wait while the wanted offset is still to come.
  let given: LogRecord | undefined;
  // Another topic may stand under the name by now, and be longer than the one whose record was given last. Until that
  // record has been seen to stand where it stood, what lies behind its offset is given to nobody.
  let isInDoubt = false;
  let isAtStart = false; // What was wanted is no more: the first record that there is comes next.

  async function read(current: Session, wanted: number): Promise<readonly LogRecord[]> {
    if (isAtStart) return fetch(current, await current.listOffset(EARLIEST), FETCH_WAIT_MS);
    return given !== undefined && isInDoubt ? behind(current, given) : from(current, wanted);
  }

  /** One answer tells whether the topic is still the same, and what follows. */
  async function behind(current: Session, last: LogRecord): Promise<readonly LogRecord[]> {
    const records = await fetch(current, last.offset, 0).catch(unlessOutOfRange);
    if (records?.length === 0) {
      // A log never ends before what it has handed out: this is another one. If it has grown since, its record says so.
      isAtStart = (await current.listOffset(LATEST)) <= last.offset;
      return [];
    }
    isInDoubt = false;
    // Out of range may also mean that the topic was trimmed beyond it; its first record comes next then, too.
    isAtStart = records?.some((record) => isSame(record, last)) !== true;
    return isAtStart || records === undefined ? [] : records.filter(({ offset }) => offset > last.offset);
  }

  async function from(current: Session, wanted: number): Promise<readonly LogRecord[]> {
    const records = await fetch(current, Math.min(wanted, endAtMost), FETCH_WAIT_MS).catch(unlessOutOfRange);
    if (records !== undefined) {
      const last = records.at(-1);
      if (last !== undefined && endAtMost !== Infinity) endAtMost = last.offset + 1;
      return records.filter(({ offset }) => offset >= wanted);
    }
    if (given !== undefined) {
      isInDoubt = true;
      return [];
    }
    const [first, end] = [await current.listOffset(EARLIEST), await current.listOffset(LATEST)];
    isAtStart = wanted < first;
    endAtMost = isAtStart ? Infinity : end;
    return [];
  }

  async function fetch(current: Session, offset: number, waitMs: number): Promise<readonly LogRecord[]> {
    return (await current.fetch(offset, waitMs, chunkBytesMax)).map(recordOf);
  }

  return {
    async next(wanted, signal) {
      if (session?.isOpen() !== true) {
        session = await open();
        isInDoubt = true;
      }
      if (signal.aborted) return [];
      const records = await read(session, wanted);
      given = records.at(-1) ?? given;
      if (records.length > 0) isInDoubt = isAtStart = false;
      return records;
    },
    drop: () => session?.destroy(),
  };
}

const isSame = (one: LogRecord, other: LogRecord): boolean =>
  one.offset === other.offset && one.timestampMs === other.timestampMs && Buffer.compare(one.value, other.value) === 0;

function unlessOutOfRange(error: unknown): undefined {
  if (errorType(error) !== 'OFFSET_OUT_OF_RANGE') throw error;
}

function recordOf({ offset, timestamp, value }: FetchedMessage): LogRecord {
  return { offset: Number(offset), timestampMs: Number(timestamp), value: value ?? Buffer.alloc(0) };
}
