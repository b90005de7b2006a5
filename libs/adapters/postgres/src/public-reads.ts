import { parseTime } from '@gridtokenx/kernel';
import { GRID, type RecordKind, type Records, type SumKind, type Topic } from '@gridtokenx/projections';
import { accountText } from '@gridtokenx/protocol';
import type {
  Answer,
  AsOf,
  FactView,
  GridLockView,
  ListFilter,
  Page,
  PublicReads,
  RecordView,
  TransferView,
} from '@gridtokenx/runtime';
import { Prisma } from './generated/client.js';
import { limitOf, pageOf } from './page.js';
import { placedLists, type Placed } from './placed-lists.js';
import { asOf, type ReadSession } from './read-session.js';
import { accountIdOf, hexOf, optional } from './views.js';

/** What can be asked of the public ledger beside what any ledger answers. */
export function publicReads({ prisma, guarded, cursorQuery, inSnapshot, withCursor }: ReadSession): PublicReads {
  const list = placedLists(withCursor);

  function records<K extends RecordKind>(
    condition: Prisma.Sql,
    sums: readonly SumKind[],
    filter: ListFilter,
  ): Promise<Page<RecordView<K>>> {
    return list<RecordRow, RecordView<K>>(
      filter,
      (within, tail) =>
        Prisma.sql`select ${recordColumns(sums)} from records r
                    where ${condition} and ${within(Prisma.raw('began_height'), Prisma.raw('began_place'))} ${tail}`,
      recordView<K>,
    );
  }

  async function first<K extends RecordKind>(
    condition: Prisma.Sql,
    sums: readonly SumKind[] = [],
  ): Promise<AsOf & { value: RecordView<K> | undefined }> {
    const { asOf: at, rows } = await withCursor<RecordRow>(
      Prisma.sql`select ${recordColumns(sums)} from records r where ${condition} order by r.id limit 1`,
    );
    return { ...at, value: optional(rows[0], recordView<K>) };
  }

  return {
    gridAccounts: (page) =>
      guarded(async () => {
        const limit = limitOf(page);
        const above = page.after === undefined ? new Uint8Array() : accountIdOf(page.after);
        const { asOf: at, rows } = await withCursor<BalanceRow>(Prisma.sql`
          select account, available::text as available, held::text as held from balances
           where asset = ${GRID} and account > ${above} order by account limit ${limit + 1}`);
        rows.sort((a, b) => Buffer.compare(a.account, b.account));
        const view = ({ account, available, held }: BalanceRow) => ({
          account: accountText(account),
          available,
          held,
        });
        return { ...at, ...pageOf(rows, limit, view, ({ account }) => accountText(account)) };
      }),

    gridAccount: (account) =>
      guarded(async () => {
        const id = accountIdOf(account);
        const [cursor, balance, sums, votes, delegations, locks] = await prisma.$transaction(
          [
            cursorQuery(),
            prisma.balance.findUnique({ where: { account_asset: { account: id, asset: GRID } } }),
            prisma.sum.findMany({ where: { kind: { in: ['bonded', 'active'] }, id: account } }),
            prisma.$queryRaw<{ body: Records['vote'] }[]>`
              select v.body from records v join records r on r.kind = 'referendum' and r.parent = '' and r.id = v.id
               where v.kind = 'voteOf' and v.parent = ${account} and r.body->'cleared' = 'false'`,
            prisma.record.findMany({ where: { kind: 'delegation', parent: account } }),
            prisma.record.findMany({ where: { kind: 'lock', parent: account } }),
          ],
          { isolationLevel: 'RepeatableRead' },
        );
        const at = asOf(cursor);
        const sumOf = (kind: SumKind): string => sums.find((sum) => sum.kind === kind)?.amount.toFixed() ?? '0';
        const governance = [
          ...votes.map(({ body }) => capitalOf(body)),
          ...delegations.map(({ body }) => BigInt((body as unknown as Records['delegation']).amount)),
        ].reduce((most, each) => (each > most ? each : most), 0n);
        const timed = locks
          .map(({ body }) => body as unknown as Records['lock'])
          .map(({ amount, until }) => ({ reason: 'governance' as const, amount, untilMs: parseTime(until) }))
          .filter(({ untilMs }) => untilMs !== undefined && untilMs > at.timeMs)
          .sort((a, b) => (a.untilMs ?? 0) - (b.untilMs ?? 0));
        const standing: GridLockView[] = [
          { reason: 'staking', amount: sumOf('bonded'), untilMs: undefined },
          { reason: 'governance', amount: governance.toString(), untilMs: undefined },
        ];
        return {
          ...at,
          value: {
            account,
            available: balance?.available.toFixed() ?? '0',
            held: balance?.held.toFixed() ?? '0',
            locks: [...standing.filter(({ amount }) => amount !== '0'), ...timed],
            bonded: sumOf('bonded'),
            active: sumOf('active'),
          },
        };
      }),

    transfers: ({ account, ...filter }) =>
      guarded(() =>
        list<TransferRow, TransferView>(
          filter,
          (within, tail) => {
            const some = (condition: Prisma.Sql): Prisma.Sql => Prisma.sql`
              select t.height as "atHeight", t.place as "atPlace", t.leaf_index as "leafIndex",
                     t.operation_id as "operationId", t.payer, t.payee, t.amount::text as amount, b.time_ms as "timeMs"
                from transfers t join blocks b on b.height = t.height
               where ${within(Prisma.raw('t.height'), Prisma.raw('t.place'))} and ${condition} ${tail}`;
            if (account === undefined) return some(Prisma.sql`true`);
            // Each part from its own index; nobody pays itself.
            const id = accountIdOf(account);
            const [paid, received] = [some(Prisma.sql`t.payer = ${id}`), some(Prisma.sql`t.payee = ${id}`)];
            return Prisma.sql`select * from ((${paid}) union all (${received})) t ${tail}`;
          },
          ({ payer, payee, amount, ...row }) => ({
            from: accountText(payer),
            to: accountText(payee),
            amount,
            ...whereOf(row),
          }),
        ),
      ),

    facts: <T extends Topic>(topic: T, subject: string, { type, ...filter }: Parameters<PublicReads['facts']>[2]) =>
      guarded(() =>
        list<FactRow, FactView<T>>(
          filter,
          (within, tail) => Prisma.sql`
            select f.height as "atHeight", f.place as "atPlace", f.leaf_index as "leafIndex",
                   f.operation_id as "operationId", f.body, b.time_ms as "timeMs"
              from facts f join blocks b on b.height = f.height
             where f.topic = ${topic} and f.subject = ${subject}
               and ${type === undefined ? Prisma.sql`true` : Prisma.sql`f.body->>'type' = ${type}`}
               and ${within(Prisma.raw('f.height'), Prisma.raw('f.place'))} ${tail}`,
          ({ body, ...row }) => ({ fact: body as FactView<T>['fact'], ...whereOf(row) }),
        ),
      ),

    records: <K extends RecordKind>(kind: K, parent: string, { having, sums = [], ...filter }: RecordFilterOf) =>
      guarded(() => {
        const holds =
          having === undefined ? Prisma.sql`true` : Prisma.sql`r.body @> ${JSON.stringify(having)}::text::jsonb`;
        return records<K>(Prisma.sql`r.kind = ${kind} and r.parent = ${parent} and ${holds}`, sums, filter);
      }),
    record: (kind, parent, id, sums) =>
      guarded(() => first(Prisma.sql`r.kind = ${kind} and r.parent = ${parent} and r.id = ${id}`, sums)),
    recordFrom: (kind, parent, id) =>
      guarded(() => first(Prisma.sql`r.kind = ${kind} and r.parent = ${parent} and r.id >= ${id}`)),
    multisigsOf: (signer, page) =>
      guarded(() =>
        records(
          Prisma.sql`r.kind = 'multisig' and r.body->'signers' @> ${JSON.stringify([signer])}::text::jsonb`,
          [],
          page,
        ),
      ),

    sums: <S extends SumKind>(kinds: readonly S[]): Promise<Answer<Record<S, Record<string, string>>>> =>
      inSnapshot(
        () => prisma.sum.findMany({ where: { kind: { in: [...kinds] } } }),
        (rows) =>
          Object.fromEntries(
            kinds.map((kind) => [
              kind,
              Object.fromEntries(
                rows.filter((row) => row.kind === kind).map(({ id, amount }) => [id, amount.toFixed()]),
              ),
            ]),
          ) as Record<S, Record<string, string>>,
      ),
  };
}

type RecordFilterOf = Parameters<PublicReads['records']>[2];

interface Told extends Placed {
  readonly leafIndex: number;
  readonly operationId: Uint8Array | null;
  readonly timeMs: bigint;
}

interface TransferRow extends Told {
  readonly payer: Uint8Array;
  readonly payee: Uint8Array;
  readonly amount: string;
}

interface FactRow extends Told {
  readonly body: unknown;
}

interface RecordRow extends Placed {
  readonly parent: string;
  readonly id: string;
  readonly body: unknown;
  readonly height: bigint;
  readonly sums: Partial<Record<SumKind, string>> | null;
}

interface BalanceRow {
  readonly account: Uint8Array;
  readonly available: string;
  readonly held: string;
}

const recordColumns = (sums: readonly SumKind[]): Prisma.Sql => Prisma.sql`
  r.began_height as "atHeight", r.began_place as "atPlace", r.parent, r.id, r.body, r.height,
  (select jsonb_object_agg(s.kind, s.amount::text) from sums s
    where s.kind = any(${[...sums]}::text[]) and s.id = r.id) as sums`;

const recordView = <K extends RecordKind>(row: RecordRow): RecordView<K> => ({
  parent: row.parent,
  id: row.id,
  body: row.body as Records[K],
  beganHeight: Number(row.atHeight),
  height: Number(row.height),
  sums: row.sums ?? {},
});

const whereOf = ({ atHeight, leafIndex, timeMs, operationId }: Told): Omit<FactView<Topic>, 'fact'> => ({
  height: Number(atHeight),
  index: leafIndex,
  timeMs: Number(timeMs),
  operationId: optional(operationId, hexOf),
});

function capitalOf({ vote }: Records['vote']): bigint {
  if (vote.kind === 'standard') return BigInt(vote.capital);
  return BigInt(vote.aye) + BigInt(vote.nay) + BigInt(vote.abstain);
}
