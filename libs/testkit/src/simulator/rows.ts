import { toHex } from '@gridtokenx/kernel';
import type { BlockRows, RowsOf } from '@gridtokenx/projections';
import { RowStoreError, type ApplyResult, type ProjectionCursor, type RowStore } from '@gridtokenx/runtime';

type Table = Map<string, string>;

const TABLES = [
  'operations',
  'envelopes',
  'organisations',
  'accounts',
  'keys',
  'delegations',
  'meters',
  'zones',
  'balances',
  'holds',
  'orders',
  'trades',
  'readings',
  'books',
  'blocks',
  'transfers',
  'facts',
  'records',
  'sums',
] as const;
type TableName = (typeof TABLES)[number];

export interface StandingRecord {
  readonly body: Readonly<Record<string, unknown>>;
  readonly beganHeight: number;
  readonly beganPlace: number;
  readonly height: number;
}

/** Values as text that is equal when they are. */
const textOf = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === 'bigint') return `${part}n`;
    return part instanceof Uint8Array ? toHex(part) : part;
  });

/** The read models in memory: the RowStore port with the meaning that the Postgres adapter gives to rows. */
export class MemoryRows implements RowStore {
  private tables = emptyTables();
  private applied: { readonly rows: BlockRows; readonly logOffset: number; readonly transaction: number }[] = [];
  private transactions = 0;
  /** Asked before each call; may throw `rowStore.unavailable`. */
  onCall: () => void = () => {};

  async cursor(): Promise<ProjectionCursor | undefined> {
    this.onCall();
    return this.stands;
  }

  async apply(blocks: readonly BlockRows[], logOffset: number): Promise<ApplyResult> {
    this.onCall();
    const { stands } = this;
    const next = stands === undefined ? 0 : stands.height + 1;
    if (blocks[0]?.height !== next) return { kind: 'refused', cursor: stands };
    this.transactions++;
    for (const rows of blocks) {
      const parent = this.applied.at(-1)?.rows;
      if (parent !== undefined && toHex(parent.hash) !== toHex(rows.parentHash))
        throw new RowStoreError('rowStore.wrongParent', `block ${rows.height} does not build on the one before it`);
      this.fold(rows);
      this.applied.push({ rows, logOffset, transaction: this.transactions });
    }
    const cursor = this.stands;
    if (cursor === undefined) throw new RowStoreError('rowStore.notConsecutive', 'nothing was written');
    return { kind: 'applied', cursor };
  }

  async close(): Promise<void> {}

  get height(): number {
    return this.stands?.height ?? -1;
  }

  hashAt(height: number): Uint8Array | undefined {
    return this.applied[height]?.rows.hash;
  }

  /** A crash of the database takes back the last commits, which were not synced; each whole. */
  setBack(commits: number): void {
    const last = Math.max(1, (this.applied.at(-1)?.transaction ?? 1) - commits);
    const kept = this.applied.filter(({ transaction }) => transaction <= last);
    this.tables = emptyTables();
    this.applied = [];
    this.transactions = last;
    for (const one of kept) {
      this.fold(one.rows);
      this.applied.push(one);
    }
  }

  /** Every row, as text: equal for equal tables. */
  contents(upTo = Infinity): Map<TableName, string> {
    if (upTo < this.height) {
      const cut = new MemoryRows();
      for (const one of this.applied.filter(({ rows }) => rows.height <= upTo)) {
        cut.fold(one.rows);
        cut.applied.push(one);
      }
      return cut.contents();
    }
    return new Map(
      TABLES.map((name) => [
        name,
        [...this.tables[name]]
          .map(([key, row]) => `${key} ${row}`)
          .sort()
          .join('\n'),
      ]),
    );
  }

  /** Available and held of each account and asset, without zeros. */
  balances(): Map<string, { readonly available: bigint; readonly held: bigint }> {
    return new Map(
      [...this.tables.balances].map(([key, row]) => {
        const [available = '0', held = '0'] = row.split('/');
        return [key, { available: BigInt(available), held: BigInt(held) }];
      }),
    );
  }

  private get stands(): ProjectionCursor | undefined {
    const last = this.applied.at(-1);
    if (last === undefined) return undefined;
    const { ledgerId, height, hash: blockHash, timeMs, certifiedBy, validators } = last.rows;
    return { ledgerId, height, blockHash, timeMs, certifiedBy, validators, logOffset: last.logOffset };
  }

  private insert(name: TableName, key: string, row: unknown): void {
    if (this.tables[name].has(key)) throw new RowStoreError('rowStore.conflict', `${name} ${key} is there already`);
    this.tables[name].set(key, textOf(row));
  }

  private put(name: TableName, key: string, row: unknown): void {
    this.tables[name].set(key, textOf(row));
  }

  private change(name: TableName, key: string, part: object): void {
    const old = this.tables[name].get(key);
    if (old === undefined) throw new RowStoreError('rowStore.conflict', `${name} ${key} is not there`);
    this.tables[name].set(key, textOf({ ...(JSON.parse(old) as object), ...(JSON.parse(textOf(part)) as object) }));
  }

  private fold(rows: BlockRows): void {
    const { height } = rows;
    if (rows.block !== undefined) {
      // Several quorums may certify one block, and readers may have met different records of it.
      const { certificate: _certificate, signerCount: _signers, round: _round, body: _body, ...row } = rows.block;
      this.insert('blocks', String(height), { ...row, hash: rows.hash });
    }
    for (const row of rows.operations) this.insert('operations', toHex(row.operationId), { ...row, height });
    for (const row of rows.envelopes) this.insert('envelopes', toHex(row.hash), { ...row, height });
    for (const row of rows.keys) this.insert('keys', row.kid, row);
    for (const kid of rows.removedKeys) this.change('keys', kid, { removedHeight: height });
    this.foldMoney(rows);
    if (rows.kind === 'consortium') this.foldConsortium(rows);
    else this.foldPublic(rows);
  }

  private foldPublic(rows: RowsOf<'public'>): void {
    const { height } = rows;
    for (const kid of rows.accountKeys) if (!this.tables.keys.has(kid)) this.insert('keys', kid, { kid, account: kid });
    for (const { kid, removedHeight } of rows.signerKeys) {
      if (!this.tables.keys.has(kid)) this.insert('keys', kid, { kid, removedHeight });
      else if (removedHeight !== undefined) this.change('keys', kid, { removedHeight });
    }
    for (const row of rows.transfers) this.insert('transfers', `${height}/${row.place}`, row);
    for (const row of rows.facts) this.insert('facts', `${row.topic}/${row.subject}/${height}/${row.place}`, row);
    for (const { kind, parent, id, place, replaces, body, fresh } of rows.records) {
      const key = `${kind}/${parent}/${id}`;
      const old = this.record(kind, parent, id) ?? { body: undefined, beganHeight: height, beganPlace: place };
      const now = old.body === undefined ? fresh : body && (replaces ? body : { ...old.body, ...body });
      if (now === undefined) this.tables.records.delete(key);
      else this.put('records', key, { ...old, body: now, height });
    }
    for (const { kind, id, value, change, least } of rows.sums) {
      const sum = (value ?? this.sum(kind, id)) + change;
      this.tables.sums.set(`${kind}/${id}`, String(sum > least ? sum : least));
    }
  }

  /** Of the public ledger: what stands. */
  record(kind: string, parent: string, id: string): StandingRecord | undefined {
    const text = this.tables.records.get(`${kind}/${parent}/${id}`);
    return text === undefined ? undefined : (JSON.parse(text) as StandingRecord);
  }

  sum(kind: string, id: string): bigint {
    return BigInt(this.tables.sums.get(`${kind}/${id}`) ?? '0');
  }

  private foldConsortium(rows: RowsOf<'consortium'>): void {
    const { height } = rows;
    for (const row of rows.organisations) this.insert('organisations', row.organisation, row);
    for (const row of rows.accounts) this.insert('accounts', row.account, row);
    for (const { account, ...row } of rows.kycChanges) this.change('accounts', account, row);
    for (const row of rows.delegations) this.put('delegations', `${row.kid}/${row.account}`, row);
    for (const { kid, account } of rows.revokedDelegations) this.tables.delegations.delete(`${kid}/${account}`);
    for (const row of rows.meters) this.insert('meters', row.meter, row);
    for (const row of rows.zones) this.insert('zones', row.zone, row);
    for (const row of rows.orders) this.insert('orders', row.order, { ...row, placedHeight: height });
    for (const { order, ...row } of rows.orderChanges) this.change('orders', order, row);
    for (const row of rows.trades) this.insert('trades', String(row.trade), row);
    for (const row of rows.readings) this.insert('readings', `${row.meter}/${row.intervalStartMs}`, row);
    const bookOf = (row: { fromZone: string; toZone: string; intervalStartMs: number }): string =>
      `${row.fromZone}/${row.toZone}/${row.intervalStartMs}`;
    for (const row of rows.books) this.insert('books', bookOf(row), row);
    for (const row of rows.closedBooks) this.change('books', bookOf(row), { closedHeight: height });
  }

  private foldMoney(rows: BlockRows): void {
    for (const { account, asset, available, held } of rows.balances) {
      const key = `${account}/${asset}`;
      const [oldAvailable = '0', oldHeld = '0'] = (this.tables.balances.get(key) ?? '0/0').split('/');
      const sum = [BigInt(oldAvailable) + available, BigInt(oldHeld) + held] as const;
      if (sum[0] < 0n || sum[1] < 0n) throw new RowStoreError('rowStore.conflict', `the balance ${key} is negative`);
      if (sum[0] === 0n && sum[1] === 0n) this.tables.balances.delete(key);
      else this.tables.balances.set(key, sum.join('/'));
    }
    for (const row of rows.holds) this.insert('holds', row.order, row);
    for (const row of rows.holdChanges)
      if (row.amount === '0') this.tables.holds.delete(row.order);
      else this.put('holds', row.order, row);
  }
}

const emptyTables = (): Record<TableName, Table> =>
  Object.fromEntries(TABLES.map((name) => [name, new Map<string, string>()])) as Record<TableName, Table>;
