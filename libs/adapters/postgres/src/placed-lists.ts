import type { ListFilter, Page } from '@gridtokenx/runtime';
import { Prisma } from './generated/client.js';
import { decodeCursor, encodeCursor, HEIGHT_MAX, limitOf, pageOf } from './page.js';
import type { ReadSession } from './read-session.js';

/** What has its place in time: the height of a block, and a number within it. */
export interface Placed {
  readonly atHeight: bigint;
  readonly atPlace: number;
}

/**
 * A page of what happened or began at a height and place; `rows` are asked for with a condition, an order and a limit, and name the two
 * "atHeight" and "atPlace".
 */
export function placedLists(withCursor: ReadSession['withCursor']) {
  return async function list<Row extends Placed, Item>(
    filter: ListFilter,
    rows: (within: (height: Prisma.Sql, place: Prisma.Sql) => Prisma.Sql, tail: Prisma.Sql) => Prisma.Sql,
    toItem: (row: Row) => Item,
  ): Promise<Page<Item>> {
    const limit = limitOf(filter);
    const begun = filter.after === undefined ? undefined : decodeCursor(filter.after, ['newest', 'oldest'], 2);
    const kind = begun?.kind ?? (filter.oldestFirst === true ? 'oldest' : 'newest');
    const upwards = kind === 'oldest';
    const [height, place] = begun?.place ?? (upwards ? [-1, 0] : [HEIGHT_MAX, 0]);
    const [sign, direction] = upwards ? [Prisma.raw('>'), Prisma.raw('asc')] : [Prisma.raw('<'), Prisma.raw('desc')];
    const query = rows(
      (heightColumn, placeColumn) =>
        Prisma.sql`(${heightColumn}, ${placeColumn}) ${sign} (${BigInt(height ?? 0)}, ${place ?? 0})`,
      Prisma.sql`order by "atHeight" ${direction}, "atPlace" ${direction} limit ${limit + 1}`,
    );
    const { asOf: at, rows: found } = await withCursor<Row>(query);
    const order = (a: Row, b: Row): number => Number(a.atHeight - b.atHeight) || a.atPlace - b.atPlace;
    found.sort((a, b) => (upwards ? order(a, b) : order(b, a)));
    return { ...at, ...pageOf(found, limit, toItem, (row) => encodeCursor(kind, [Number(row.atHeight), row.atPlace])) };
  };
}
