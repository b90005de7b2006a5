import { parseTime } from '@gridtokenx/kernel';
import { GRID, type Facts, type Records, type SumKind } from '@gridtokenx/projections';
import { accountText } from '@gridtokenx/protocol';
import type { Answer, GridLockView, PublicReads, TransferView } from '@gridtokenx/runtime';
import { Prisma } from './generated/client.js';
import { limitOf, pageOf } from './page.js';
import { listReads, whereOf, type Told } from './list-reads.js';
import { placedLists } from './placed-lists.js';
import { asOf, type ReadSession } from './read-session.js';
import { accountIdOf } from './views.js';

/** What can be asked of the public ledger beside what any ledger answers. */
export function publicReads(session: ReadSession): PublicReads {
  const { prisma, guarded, cursorQuery, inSnapshot, withCursor } = session;
  const list = placedLists(withCursor);

  const lists = listReads<Facts, Records, SumKind>(session);

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

    ...lists.reads,
    multisigsOf: (signer, page) =>
      guarded(() =>
        lists.records<'multisig'>(
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

interface TransferRow extends Told {
  readonly payer: Uint8Array;
  readonly payee: Uint8Array;
  readonly amount: string;
}

interface BalanceRow {
  readonly account: Uint8Array;
  readonly available: string;
  readonly held: string;
}

function capitalOf({ vote }: Records['vote']): bigint {
  if (vote.kind === 'standard') return BigInt(vote.capital);
  return BigInt(vote.aye) + BigInt(vote.nay) + BigInt(vote.abstain);
}
