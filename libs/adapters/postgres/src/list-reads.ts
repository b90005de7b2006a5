import type { AsOf, FactView, Happened, ListReads, Page, RecordFilter, RecordView } from '@gridtokenx/runtime';
import { Prisma } from './generated/client.js';
import { placedLists, type Placed } from './placed-lists.js';
import type { ReadSession } from './read-session.js';
import { hexOf, optional } from './views.js';

/** Of something that happened. */
export interface Told extends Placed {
  readonly leafIndex: number;
  readonly operationId: Uint8Array | null;
  readonly timeMs: bigint;
}

interface FactRow extends Told {
  readonly body: unknown;
}

interface RecordRow extends Placed {
  readonly parent: string;
  readonly id: string;
  readonly body: unknown;
  readonly height: bigint;
  readonly sums?: object | null;
}

/** What a ledger answers out of its facts and records. */
export function listReads<Facts, Records, Sums extends string = never>({
  guarded,
  withCursor,
}: ReadSession): {
  readonly reads: ListReads<Facts, Records, Sums>;
  records<K extends keyof Records & string>(
    condition: Prisma.Sql,
    sums: readonly Sums[],
    filter: RecordFilter<Sums>,
  ): Promise<Page<RecordView<Records[K], Sums>>>;
} {
  const list = placedLists(withCursor);

  function records<K extends keyof Records & string>(
    condition: Prisma.Sql,
    sums: readonly Sums[],
    filter: RecordFilter<Sums>,
  ): Promise<Page<RecordView<Records[K], Sums>>> {
    return list<RecordRow, RecordView<Records[K], Sums>>(
      filter,
      (within, tail) =>
        Prisma.sql`select ${recordColumns(sums)} from records r
                    where ${condition} and ${within(Prisma.raw('began_height'), Prisma.raw('began_place'))} ${tail}`,
      recordView<Records[K], Sums>,
    );
  }

  async function first<K extends keyof Records & string>(
    condition: Prisma.Sql,
    sums: readonly Sums[] = [],
  ): Promise<AsOf & { value: RecordView<Records[K], Sums> | undefined }> {
    const { asOf: at, rows } = await withCursor<RecordRow>(
      Prisma.sql`select ${recordColumns(sums)} from records r where ${condition} order by r.id limit 1`,
    );
    return { ...at, value: optional(rows[0], recordView<Records[K], Sums>) };
  }

  const reads: ListReads<Facts, Records, Sums> = {
    facts: (topic, subject, { type, having, ...filter }) =>
      guarded(() =>
        list<FactRow, FactView<Facts[typeof topic]>>(
          filter,
          (within, tail) => Prisma.sql`
            select f.height as "atHeight", f.place as "atPlace", f.leaf_index as "leafIndex",
                   f.operation_id as "operationId", f.body, b.time_ms as "timeMs"
              from facts f join blocks b on b.height = f.height
             where f.topic = ${topic} and f.subject = ${subject} and ${holding('f', { ...having, ...(type !== undefined && { type }) })}
               and ${within(Prisma.raw('f.height'), Prisma.raw('f.place'))} ${tail}`,
          ({ body, ...row }) => ({ fact: body as Facts[typeof topic], ...whereOf(row) }),
        ),
      ),
    records: (kind, parent, { having, sums = [], ...filter }) =>
      guarded(() =>
        records<typeof kind>(
          Prisma.sql`r.kind = ${kind} and r.parent = ${parent} and ${holding('r', having)}`,
          sums,
          filter,
        ),
      ),
    record: (kind, parent, id, sums) =>
      guarded(() => first(Prisma.sql`r.kind = ${kind} and r.parent = ${parent} and r.id = ${id}`, sums)),
    recordFrom: (kind, parent, id) =>
      guarded(() => first(Prisma.sql`r.kind = ${kind} and r.parent = ${parent} and r.id >= ${id}`)),
  };
  return { reads, records };
}

const holding = (table: 'f' | 'r', having: object = {}): Prisma.Sql =>
  Object.keys(having).length === 0
    ? Prisma.sql`true`
    : Prisma.sql`${Prisma.raw(table)}.body @> ${JSON.stringify(having)}::text::jsonb`;

/** A ledger that adds nothing up has no table of sums. */
const recordColumns = (sums: readonly string[]): Prisma.Sql => {
  const own = Prisma.sql`r.began_height as "atHeight", r.began_place as "atPlace", r.parent, r.id, r.body, r.height`;
  if (sums.length === 0) return own;
  return Prisma.sql`${own}, (select jsonb_object_agg(s.kind, s.amount::text) from sums s
    where s.kind = any(${[...sums]}::text[]) and s.id = r.id) as sums`;
};

const recordView = <Body, Sums extends string>(row: RecordRow): RecordView<Body, Sums> => ({
  parent: row.parent,
  id: row.id,
  body: row.body as Body,
  beganHeight: Number(row.atHeight),
  height: Number(row.height),
  sums: (row.sums ?? {}) as RecordView<Body, Sums>['sums'],
});

export const whereOf = ({ atHeight, leafIndex, timeMs, operationId }: Told): Happened => ({
  height: Number(atHeight),
  index: leafIndex,
  timeMs: Number(timeMs),
  operationId: optional(operationId, hexOf),
});
