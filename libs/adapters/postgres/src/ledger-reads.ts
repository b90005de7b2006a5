import { HASH_BYTES } from '@gridtokenx/crypto';
import { toBase64Url } from '@gridtokenx/kernel';
import { accountText, SEQUENCE_AHEAD_MAX, SEQUENCE_WINDOW, type LedgerKind } from '@gridtokenx/protocol';
import type { Admission, LedgerReads, ValidatorSetView } from '@gridtokenx/runtime';
import { Prisma } from './generated/client.js';
import { limitLookup, limitOf } from './page.js';
import { asOf, notReady, type ReadSession } from './read-session.js';
import {
  accountIdOf,
  balanceView,
  blockSummary,
  blockView,
  hexOf,
  idOf,
  kidBytes,
  operationView,
  optional,
  type OperationRecord,
} from './views.js';

/** What can be asked of any ledger. */
export function ledgerReads(session: ReadSession, kind: LedgerKind): LedgerReads {
  const { prisma, heights, guarded, cursorQuery, inSnapshot, withCursor } = session;
  return {
    cursor: () =>
      guarded(async () => {
        const cursor = await cursorQuery();
        if (cursor === null) throw notReady();
        return { ...asOf(cursor), ledgerId: cursor.ledgerId, blockHash: hexOf(cursor.blockHash) };
      }),
    waitForHeight: (minHeight, timeoutMs) => guarded(() => heights.wait(minHeight, timeoutMs)),
    onHeight: (listener) => heights.listen(listener),

    operation: (operationId) =>
      guarded(async () => {
        const id = idOf(operationId, 32);
        const { asOf: at, rows } = await withCursor<OperationRecord>(
          Prisma.sql`select ${OPERATION_COLUMNS} from operations where operation_id = ${id}`,
        );
        return { ...at, value: optional(rows[0], operationView) };
      }),

    operationsByIds: (operationIds) =>
      guarded(async () => {
        limitLookup(operationIds.length);
        const ids = operationIds.map((id) => hexOf(idOf(id, 32)));
        const { asOf: at, rows } = await withCursor<OperationRecord>(
          Prisma.sql`select ${OPERATION_COLUMNS} from operations
                      where operation_id in (select decode(id, 'hex') from unnest(${ids}::text[]) as asked (id))`,
        );
        const byId = new Map(rows.map((row) => [hexOf(row.operationId), operationView(row)]));
        const found = ids.flatMap((id) => byId.get(id) ?? []);
        return { ...at, value: found };
      }),

    key: (kid) =>
      guarded(async () => {
        const id = kidBytes(kid);
        const { asOf: at, rows } = await withCursor<KeyRecord>(Prisma.sql`
          select k.organisation, k.account, k.registered_height as "registeredHeight",
                 k.removed_height as "removedHeight", h.highest,
                 array(select e.sequence from envelopes e
                        where e.kid = k.kid and e.sequence > h.highest - ${SEQUENCE_WINDOW} order by e.sequence) as used
            from keys k,
                 lateral (select coalesce(max(sequence), 0) as highest from envelopes where kid = k.kid) h
           where k.kid = ${id}`);
        return {
          ...at,
          value: optional(rows[0], (row) => ({
            kid,
            organisation: optional(row.organisation, hexOf),
            account: optional(row.account, accountText),
            registeredHeight: Number(row.registeredHeight),
            removedHeight: optional(row.removedHeight, Number),
            highestSequence: Number(row.highest),
            usedSequences: row.used.map(Number),
          })),
        };
      }),

    admission: (questions) =>
      guarded(async () => {
        limitLookup(questions.length);
        const kids = questions.map(({ kid }) => hexOf(kidBytes(kid)));
        const sequences = questions.map(({ sequence }) => String(sequence));
        const { asOf: at, rows } = await withCursor<AdmissionRecord>(Prisma.sql`
          with asked as materialized (
            select decode(q.kid, 'hex') as kid, q.sequence::int8 as sequence, q.place
              from unnest(${kids}::text[], ${sequences}::text[]) with ordinality as q (kid, sequence, place)),
          known as materialized (
            select k.kid, k.removed_height is not null as removed,
                   (select coalesce(max(e.sequence), 0) from envelopes e where e.kid = k.kid) as highest
              from keys k where k.kid in (select kid from asked))
          select a.place, a.sequence, k.removed, k.highest,
                 exists (select 1 from envelopes e where e.kid = a.kid and e.sequence = a.sequence) as used
            from asked a left join known k on k.kid = a.kid`);
        rows.sort((a, b) => Number(a.place - b.place));
        return { ...at, value: rows.map(admissionOf) };
      }),

    balances: (account) =>
      inSnapshot(
        () => prisma.balance.findMany({ where: { account: accountIdOf(account) } }),
        (rows) => rows.map(balanceView).sort((a, b) => (sortKey(a.asset) < sortKey(b.asset) ? -1 : 1)),
      ),

    blocks: ({ before, after, limit }) =>
      inSnapshot(
        () =>
          prisma.block.findMany({
            where: {
              height: {
                ...(before === undefined ? {} : { lt: BigInt(before) }),
                ...(after === undefined ? {} : { gt: BigInt(after) }),
              },
            },
            omit: { header: true, certificate: true },
            orderBy: { height: after === undefined ? 'desc' : 'asc' },
            take: limitOf({ limit }),
          }),
        (rows) => rows.map(blockSummary).sort((a, b) => b.height - a.height),
      ),
    block: (height) =>
      inSnapshot(
        () => prisma.block.findUnique({ where: { height: BigInt(height) } }),
        (row) => optional(row, blockView),
      ),
    headers: (from, to) =>
      inSnapshot(
        () =>
          prisma.block.findMany({
            where: { height: { gte: BigInt(from), lte: BigInt(to) } },
            select: { header: true },
            orderBy: { height: 'asc' },
          }),
        (rows) => rows.map(({ header }) => header),
      ),
    blockBody: (height) =>
      inSnapshot(
        () => prisma.blockBody.findUnique({ where: { height: BigInt(height) } }),
        (row) => optional(row, ({ body }) => body),
      ),
    // As one value: thousands of rows a second would cost the reader more than all else that it does.
    envelopeHashes: (height) =>
      inSnapshot(
        () => prisma.$queryRaw<{ hashes: Uint8Array | null }[]>`
          select string_agg(hash, ''::bytea) as hashes from envelopes where height = ${BigInt(height)}`,
        (rows) => hashesIn(rows[0]?.hashes ?? new Uint8Array()),
      ),

    validatorSet: (height) =>
      inSnapshot(
        () => prisma.$queryRaw<PlaceRecord[]>`
          select from_height as "fromHeight", place, kid from validator_places
           where from_height = (select max(from_height) from validator_places
                                 where from_height <= ${BigInt(height)})`,
        (rows) => setsOf(rows)[0],
      ),
    participation: (blockCount) =>
      guarded(async () => {
        const [cursor, certificates, places, known] = await prisma.$transaction(
          [
            cursorQuery(),
            prisma.block.findMany({
              select: { height: true, round: true, certificate: true },
              orderBy: { height: 'desc' },
              take: blockCount,
            }),
            prisma.$queryRaw<PlaceRecord[]>`
              select p.from_height as "fromHeight", p.place, p.kid
                from validator_places p, projection_cursor c
               where p.from_height >= (select max(from_height) from validator_places
                                        where from_height <= greatest(c.height - ${blockCount}::int8 + 1, 1))`,
            prisma.$queryRaw<KnownValidatorRecord[]>`
              select p.kid, k.organisation, p."firstHeight", coalesce(m.recent, 0) as recent, coalesce(m.ever, 0) as ever,
                     coalesce(s.suspended, false) as suspended
                from (select kid, min(from_height) as "firstHeight" from validator_places group by kid) p
                left join keys k on k.kid = p.kid
                left join (select kid, count(*) as ever,
                                  count(*) filter (where height > (select height from projection_cursor) - ${blockCount}::int8) as recent
                             from missed_proposals group by kid) m on m.kid = p.kid
                left join (${SUSPENDED[kind]}) s on s.validator = p.kid
               order by p.kid`,
          ],
          { isolationLevel: 'RepeatableRead' },
        );
        return {
          ...asOf(cursor),
          value: {
            sets: setsOf(places),
            certificates: certificates.map((row) => ({ ...row, height: Number(row.height) })),
            validators: known.map((row) => ({
              kid: toBase64Url(row.kid),
              organisation: optional(row.organisation, hexOf),
              firstHeight: Number(row.firstHeight),
              missedProposals: Number(row.recent),
              missedProposalsEver: Number(row.ever),
              suspended: row.suspended,
            })),
          },
        };
      }),

    close: () => session.close(),
  };
}

/** Of a ledger, which validators are suspended now, as `validator` and `suspended`. */
const SUSPENDED: Readonly<Record<LedgerKind, Prisma.Sql>> = {
  consortium: Prisma.raw(`
    select validator, max(decided_height) filter (where kind = 'suspend')
                        > coalesce(max(ended_height) filter (where kind = 'reinstate' and status = 'applied'), 0)
                      and not bool_or(kind in ('remove', 'rotateKey') and status = 'applied') as suspended
      from validator_changes group by validator`),
  public: Prisma.raw(`
    select decode(translate(id, '-_', '+/') || '=', 'base64') as validator, true as suspended
      from records where kind = 'suspension' and parent = ''`),
};

interface KeyRecord {
  readonly organisation: Uint8Array | null;
  readonly account: Uint8Array | null;
  readonly registeredHeight: bigint;
  readonly removedHeight: bigint | null;
  readonly highest: bigint;
  readonly used: readonly bigint[];
}

interface AdmissionRecord {
  readonly place: bigint;
  readonly sequence: bigint;
  /** Null when the key is not registered, as is `highest`. */
  readonly removed: boolean | null;
  readonly highest: bigint | null;
  readonly used: boolean;
}

interface PlaceRecord {
  readonly fromHeight: bigint;
  readonly place: number;
  readonly kid: Uint8Array;
}

interface KnownValidatorRecord {
  readonly kid: Uint8Array;
  readonly organisation: Uint8Array | null;
  readonly firstHeight: bigint;
  readonly recent: bigint;
  readonly ever: bigint;
  readonly suspended: boolean;
}

const OPERATION_COLUMNS = Prisma.raw(
  `operation_id as "operationId", height, leaf_index as "leafIndex", kid, type, status, code`,
);

/** The order of the checks is the ledger's. */
function admissionOf({ sequence, removed, highest, used }: AdmissionRecord): Admission {
  if (removed === null || highest === null) return 'operation.unknownKey';
  if (removed) return 'operation.keyRemoved';
  if (sequence <= highest - BigInt(SEQUENCE_WINDOW)) return 'operation.sequenceTooOld';
  if (used) return 'operation.sequenceUsed';
  return sequence > highest + BigInt(SEQUENCE_AHEAD_MAX) ? 'operation.sequenceTooFar' : 'admissible';
}

/** WATT before the energy of each interval, which sorts by its text. */
const sortKey = (asset: string): string => (asset === 'WATT' ? '' : asset);

const hashesIn = (bytes: Uint8Array): Uint8Array[] =>
  Array.from({ length: bytes.length / HASH_BYTES }, (_, i) => bytes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES));

/** The sets of these rows, lowest first. */
function setsOf(rows: readonly PlaceRecord[]): ValidatorSetView[] {
  const sets = new Map<number, PlaceRecord[]>();
  for (const row of rows) {
    const fromHeight = Number(row.fromHeight);
    const of = sets.get(fromHeight);
    if (of === undefined) sets.set(fromHeight, [row]);
    else of.push(row);
  }
  return [...sets]
    .sort(([a], [b]) => a - b)
    .map(([fromHeight, places]) => ({
      fromHeight,
      kids: places.sort((a, b) => a.place - b.place).map(({ kid }) => toBase64Url(kid)),
    }));
}
