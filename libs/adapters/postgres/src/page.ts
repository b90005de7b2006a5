import { ByteReader, ByteWriter, fromBase64Url, toBase64Url } from '@gridtokenx/kernel';
import {
  LOOKUP_ITEMS_MAX,
  PAGE_ITEMS_DEFAULT,
  PAGE_ITEMS_MAX,
  ReadModelError,
  type PageRequest,
} from '@gridtokenx/runtime';

/** What a page goes on from: the kind of list, and the place of its last item. */
const KINDS = ['orders', 'tradesNewest', 'tradesOldest', 'readings', 'validatorChanges', 'newest', 'oldest'] as const;
export type PageKind = (typeof KINDS)[number];

/** Above every height and number that a place may hold. */
export const HEIGHT_MAX = Number.MAX_SAFE_INTEGER;

/** Opaque to clients; numbers up to 2^53 - 1. */
export function encodeCursor(kind: PageKind, place: readonly number[]): string {
  const writer = new ByteWriter(1 + 8 * place.length).u8(KINDS.indexOf(kind));
  for (const number of place) writer.u64(number);
  return toBase64Url(writer.done());
}

/** Strict: one text for one place, of one of these kinds. */
export function decodeCursor(
  text: string,
  kinds: readonly PageKind[],
  numbers: number,
): { kind: PageKind; place: number[] } {
  try {
    const reader = new ByteReader(fromBase64Url(text) ?? new Uint8Array(0), 'page');
    const kind = KINDS[reader.u8()];
    const place = Array.from({ length: numbers }, () => reader.u64());
    reader.end();
    if (kind !== undefined && kinds.includes(kind)) return { kind, place };
  } catch {
    // Falls through: whatever it is, it was not given out here.
  }
  throw new ReadModelError('page.badCursor', 'the cursor was not given out by this list');
}

export const limitOf = ({ limit }: Pick<PageRequest, 'limit'>): number =>
  Math.min(Math.max(Math.trunc(limit ?? PAGE_ITEMS_DEFAULT), 1), PAGE_ITEMS_MAX);

/** One more row than asked for was read, to know whether there is a next page. */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  limit: number,
  toItem: (row: Row) => Item,
  cursorOf: (row: Row) => string,
): { items: Item[]; next: string | undefined } {
  const own = rows.slice(0, limit);
  const last = own.at(-1);
  return { items: own.map(toItem), next: rows.length > limit && last !== undefined ? cursorOf(last) : undefined };
}

export function limitLookup(count: number): void {
  if (count > LOOKUP_ITEMS_MAX)
    throw new ReadModelError('readModels.tooMany', `${count} in one question, ${LOOKUP_ITEMS_MAX} is the limit`);
}
