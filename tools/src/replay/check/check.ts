import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { LedgerEvent } from '@gridtokenx/protocol';
import pg from 'pg';

/** What the check reads: files as they are, by the names under which the steps ask for them. */
export interface CheckSources {
  readonly 'readings.csv': string;
  /** Lines as those of the readings that came later and stand in their place. */
  readonly 'corrections.csv': string;
  readonly 'meters.csv': string;
  readonly 'tariffs.json': string;
  readonly 'tariff-book.json': string;
  /** Meter and account on the ledger, by the name of the meter. */
  readonly 'population.json': string;
  /** Name and account of the operator, by zone. */
  readonly 'zones.json': string;
  /** When the intervals start that the replay lived through. */
  readonly 'intervals.json': string;
}

/** Of proven blocks, in their order: what each says that happened, and what it posted. */
export interface ToldBlock {
  readonly height: number;
  readonly events: readonly LedgerEvent[];
  readonly postings: readonly (readonly [account: string, asset: string, available: string, held: string])[];
}

/** micro-WATT of an account, held or not, as the gateway shows them at a height. */
export interface ShownBalance {
  readonly account: string;
  readonly height: number;
  readonly watt: bigint;
}

/** The totals of a statement as the SDK makes it, by the first readings or by the corrected ones. */
export interface StatedTotals {
  readonly account: string;
  readonly kind: 'participant' | 'utility';
  readonly isCorrected: boolean;
  readonly totals: Readonly<Record<string, string>>;
}

/** What is compared with, beside the blocks. */
export interface Shown {
  readonly balances: readonly ShownBalance[];
  readonly statements: readonly StatedTotals[];
}

/** Where the ledger says something else than what was computed. */
export interface Difference {
  readonly what: string;
  readonly subject: string;
  readonly computed: string | null;
  readonly told: string | null;
}

/** Wh and micro-WATT of an account over the replay. Version 1 is by the first readings, the last by the corrected ones. */
export interface ComputedStatement {
  readonly version: number;
  readonly account: string;
  /** The name of the meter or of the utility. */
  readonly title: string;
  readonly kind: 'participant' | 'utility' | 'platform' | 'tax';
  readonly export: bigint;
  readonly import: bigint;
  readonly sold: bigint;
  readonly bought: bigint;
  readonly used: bigint;
  readonly surplus: bigint;
  readonly expired: bigint;
  readonly retail: bigint;
  /** From sales; for purchases (negative); from charges and top-ups; from the feed-in; and all of it. */
  readonly earned: bigint;
  readonly spent: bigint;
  readonly charged: bigint;
  readonly feed_in: bigint;
  readonly amount: bigint;
}

const STEPS = [
  '1-sources',
  '2-tariff',
  '3-trades',
  '4-energy',
  '5-money',
  '6-balances',
  '7-events',
  '8-accounts',
  '9-statements',
];
/** From `src` and from `dist` alike. */
const FOLDER = new URL('../../../src/replay/check/', import.meta.url);
const EVENTS_AT_ONCE = 10_000;
const LOOKED_AT = /^(accounts\.(minted|burned|transferred)|metering\..*|market\.(orderPlaced|traded)|settlement\..*)$/;

/** Sums may be beyond the safe integers. */
const { INT8, NUMERIC } = pg.types.builtins;
const WHOLE_NUMBERS: pg.CustomTypesConfig = {
  getTypeParser: (type, format) => (type === INT8 || type === NUMERIC ? BigInt : pg.types.getTypeParser(type, format)),
};

const TABLES = `
create temp table source (name text primary key, body text not null);
create temp table event (seq bigint generated always as identity primary key, height bigint not null, body jsonb not null);
create temp table posting (account text not null, asset text not null, amount numeric not null);
create temp table shown (account text not null, height bigint not null, watt numeric not null);
create temp table stated (account text not null, kind text not null, is_corrected boolean not null, totals jsonb not null);`;

/** What the ledger says, as far as the check looks at it. */
export class ToldLedger {
  readonly heights: number[] = [];
  readonly bodies: string[] = [];
  /** Available and held, by account and asset. */
  readonly posted = new Map<string, { account: string; asset: string; amount: bigint }>();

  take({ height, events, postings }: ToldBlock): void {
    for (const event of events) {
      if (!LOOKED_AT.test(event.type)) continue;
      this.heights.push(height);
      this.bodies.push(JSON.stringify(event));
    }
    for (const [account, asset, available, held] of postings) {
      const key = `${account}/${asset}`;
      const sum = this.posted.get(key) ?? { account, asset, amount: 0n };
      sum.amount += BigInt(available) + BigInt(held);
      this.posted.set(key, sum);
    }
  }
}

/** What was traded how: Wh and micro-WATT. */
export interface ComputedMarket {
  readonly mechanism: string;
  readonly phase: string;
  readonly trades: bigint;
  /** Of them between two zones. */
  readonly between: bigint;
  readonly wh: bigint;
  readonly money: bigint;
}

/** Wh of an operator over the replay, by the corrected readings. */
export interface ComputedControl {
  readonly operator: string;
  readonly minted: bigint;
  readonly moved_in: bigint;
  readonly moved_out: bigint;
  readonly retired: bigint;
  readonly expired: bigint;
  readonly unexplained: bigint;
}

export interface CheckResult {
  readonly differences: readonly Difference[];
  readonly statements: readonly ComputedStatement[];
  readonly markets: readonly ComputedMarket[];
  readonly controls: readonly ComputedControl[];
}

/**
 * The independent check: everything that the settlement comes to, computed once more in SQL from the readings, the tariffs and the trades
 * alone. What the ledger says of sums, charges and balances is compared with, never used. All of it stands in temporary
 * tables of one session, so nothing is left in the database.
 */
export async function independentCheck(
  databaseUrl: string,
  told: ToldLedger,
  sources: CheckSources,
  shown: Shown,
): Promise<CheckResult> {
  const client = new pg.Client({ connectionString: databaseUrl, types: WHOLE_NUMBERS });
  await client.connect();
  try {
    await client.query(TABLES);
    await load(client, told, sources, shown);
    for (const step of STEPS) await run(client, step);
    const rowsOf = async <T extends object>(query: string): Promise<T[]> => (await client.query<T>(query)).rows;
    return {
      differences: await rowsOf('select what, subject, computed, told from difference order by at'),
      statements: await rowsOf('select * from statement order by kind, title, version'),
      markets: await rowsOf('select * from market order by mechanism, phase desc'),
      controls: await rowsOf('select * from control_account order by operator'),
    };
  } finally {
    await client.end();
  }
}

async function load(
  client: pg.Client,
  { heights, bodies, posted }: ToldLedger,
  sources: CheckSources,
  { balances, statements }: Shown,
): Promise<void> {
  const postings = [...posted.values()];
  await client.query('insert into source select * from unnest($1::text[], $2::text[])', [
    Object.keys(sources),
    Object.values(sources),
  ]);
  for (let at = 0; at < bodies.length; at += EVENTS_AT_ONCE)
    await client.query('insert into event (height, body) select * from unnest($1::bigint[], $2::jsonb[])', [
      heights.slice(at, at + EVENTS_AT_ONCE),
      bodies.slice(at, at + EVENTS_AT_ONCE),
    ]);
  await client.query('insert into posting select * from unnest($1::text[], $2::text[], $3::numeric[])', [
    postings.map(({ account }) => account),
    postings.map(({ asset }) => asset),
    postings.map(({ amount }) => amount.toString()),
  ]);
  await client.query('insert into shown select * from unnest($1::text[], $2::bigint[], $3::numeric[])', [
    balances.map(({ account }) => account),
    balances.map(({ height }) => height),
    balances.map(({ watt }) => watt.toString()),
  ]);
  await client.query('insert into stated select * from unnest($1::text[], $2::text[], $3::boolean[], $4::jsonb[])', [
    statements.map(({ account }) => account),
    statements.map(({ kind }) => kind),
    statements.map(({ isCorrected }) => isCorrected),
    statements.map(({ totals }) => JSON.stringify(totals)),
  ]);
  await client.query('analyze event');
}

async function run(client: pg.Client, step: string): Promise<void> {
  const text = await readFile(fileURLToPath(new URL(`${step}.sql`, FOLDER)), 'utf8');
  await client.query(text).catch((cause: Error) => {
    throw new Error(`${step}.sql: ${cause.message}`, { cause });
  });
}
