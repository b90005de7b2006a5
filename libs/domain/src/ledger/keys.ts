import type { ByteReader, RowWriter } from '@gridtokenx/kernel';
import { readFlag } from './rows.js';
import { plainTable, type Store, type Table } from './store.js';

/** The replay window of a key: see SPEC ledger 2. */
export interface ReplayWindow {
  readonly highest: number;
  /** Bit i stands for `highest - i`. */
  readonly used: bigint;
}

/** For whom a key, or whoever else asks for an operation, speaks. */
export interface Speaker {
  /** Empty on a ledger without organisations. */
  readonly organisation: string;
  /** The account that the key owns or is owned by; empty when the organisation itself does. */
  readonly account: string;
  readonly removed: boolean;
}

export interface KeyRow extends Speaker {
  readonly window: ReplayWindow;
}

export const UNUSED_WINDOW: ReplayWindow = { highest: 0, used: 0n };

const WINDOW_BYTES = 128;

/** One for all: the writer copies it at once. */
const window = new Uint8Array(WINDOW_BYTES);

/** Of a lower-case digit; nothing before the first one. */
const hexDigit = (digits: string, at: number): number => {
  const code = at < 0 ? 48 : digits.charCodeAt(at);
  return code < 58 ? code - 48 : code - 87;
};

function writeWindow(writer: RowWriter, { highest, used }: ReplayWindow): void {
  writer.u64(highest);
  // By its hex digits: shifting a thousand bits sixteen times would make sixteen thousands of bits anew.
  const digits = used.toString(16);
  const bytes = window.fill(0);
  let at = WINDOW_BYTES - 1;
  for (let end = digits.length - 1; end >= 0; end -= 2, at--)
    bytes[at] = hexDigit(digits, end) | (hexDigit(digits, end - 1) << 4);
  writer.fixed(bytes);
}

function readWindow(reader: ByteReader): ReplayWindow {
  const highest = reader.u64();
  const bytes = reader.fixed(WINDOW_BYTES);
  const view = new DataView(bytes.buffer);
  let used = 0n;
  for (let i = 0; i < WINDOW_BYTES; i += 8) used = (used << 64n) | view.getBigUint64(i);
  return { highest, used };
}

/** Who may sign envelopes on a ledger. A key that was removed keeps its row, so that what it signed is not taken twice. */
export const keyTable = (store: Store, name: string): Table<KeyRow> =>
  plainTable<KeyRow>(store, name, {
    encode: (writer, { organisation, account, removed, window }) =>
      writeWindow(
        writer
          .text(organisation)
          .text(account)
          .u8(removed ? 1 : 0),
        window,
      ),
    decode: (reader) => ({
      organisation: reader.text(),
      account: reader.text(),
      removed: readFlag(reader),
      window: readWindow(reader),
    }),
  });
