import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { formatInterval, INTERVAL_MS, millis } from '@gridtokenx/kernel';
import type { ReadModels } from '@gridtokenx/runtime';
import { startPostgres, type RunningPostgres } from '@gridtokenx/testkit';
import pg from 'pg';
import { createReadModels, createRowStore, migrate } from './index.js';
import { SYNTHETIC_START_MS, SyntheticLedger } from './synthetic.js';

const [A, B, C] = ['a1', 'b2', 'c3'].map((byte) => byte.repeat(16)) as [string, string, string];
const [M1, M2, M3] = ['01', '02', '03'].map((byte) => byte.repeat(16)) as [string, string, string];
const START = SYNTHETIC_START_MS;
const intervalAt = (n: number): string => formatInterval(millis(START + n * INTERVAL_MS));

let folder: string;
let postgres: RunningPostgres;
let models: ReadModels;

/** Rows as the projector writes them, in as far as flows ask for them. */
async function fill(client: pg.Client): Promise<void> {
  await client.query('set search_path to consortium');
  const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');
  const trade = (
    number: number,
    n: number,
    seller: string,
    buyer: string,
    wh: number,
    more: object = {},
  ): Promise<unknown> =>
    insert('trades', {
      ...{ trade: number, bid: bytes('00'), ask: bytes('00'), buyer: bytes(buyer), seller: bytes(seller) },
      ...{ mechanism: 'continuous', phase: 'forward', from_zone: 'ZA', to_zone: 'ZB' },
      ...{ interval_start_ms: START + n * INTERVAL_MS, price_ticks: 1, quantity_wh: wh, notional: 1 },
      ...{ buyer_fee: 0, seller_fee: 0, wheeling: 0, fee_payee: bytes(A), to_operator: 0, from_operator: 0 },
      ...{ platform: 0, tax: 0, tariff_version: 1, tariff_hash: bytes('00'), height: 1, leaf_index: 0, event_index: 0 },
      ...{ time_ms: 0, operation_id: null, ...more },
    });
  const order = (
    index: number,
    n: number,
    side: string,
    account: string,
    wh: number,
    more: object = {},
  ): Promise<unknown> =>
    insert('orders', {
      ...{
        order_id: Buffer.alloc(32, index),
        account: bytes(account),
        side,
        mechanism: 'continuous',
        phase: 'forward',
      },
      ...{ from_zone: 'ZA', to_zone: 'ZB', interval_start_ms: START + n * INTERVAL_MS, price_ticks: 1 },
      ...{ quantity_wh: 1_000, remaining_wh: wh, time_in_force: 'GTC', expires_at_ms: 0, status: 'open' },
      ...{ placed_height: 1, placed_index: index, tariff_version: 1, ...more },
    });
  const cut = (place: number, n: number, of: number, wh: number, account = B, zone = 'ZB'): Promise<unknown> =>
    insert('settlements', {
      ...{ interval_start_ms: START + n * INTERVAL_MS, account: bytes(account), zone, height: 2, place },
      ...{ leaf_index: 0, event_index: 0 },
      body: {
        type: 'market.contractCut',
        trade: of,
        buyer: B,
        seller: A,
        fromZone: 'ZA',
        toZone: 'ZB',
        cutWh: String(wh),
      },
    });
  const record = (kind: string, parent: string, id: string, body: object): Promise<unknown> =>
    insert('records', { kind, parent, id, body, began_height: 1, began_place: 0, height: 1 });
  const meter = (id: string, account: string, zone: string): Promise<unknown> =>
    insert('meters', {
      meter: bytes(id),
      account: bytes(account),
      zone,
      limit_wh: 5_000,
      register_digits: 6,
      height: 1,
    });
  async function insert(table: string, row: Record<string, unknown>): Promise<void> {
    const names = Object.keys(row);
    const places = names.map((_, i) => `$${i + 1}`);
    await client.query(`insert into ${table} (${names.join(', ')}) values (${places.join(', ')})`, Object.values(row));
  }

  await trade(1, 1, A, B, 300);
  await trade(2, 1, A, B, 200);
  await trade(3, 2, A, B, 50);
  await trade(4, 1, A, C, 70, { to_zone: 'ZA' });
  // Of another phase, and of an interval that nobody asks for.
  await trade(5, 1, A, B, 999, { phase: 'spot' });
  await trade(6, 9, A, B, 999);
  // A cut stands in the history of both sides, and counts once.
  await cut(0, 1, 2, 120);
  await cut(1, 1, 2, 120, A, 'ZA');
  await cut(2, 1, 1, 30);
  // Cut whole.
  await cut(3, 2, 3, 50);
  await order(1, 1, 'ask', A, 40);
  await order(2, 1, 'ask', A, 2);
  await order(3, 1, 'bid', C, 9);
  await order(4, 1, 'bid', C, 999, { status: 'cancelled' });
  await order(5, 1, 'bid', C, 999, { phase: 'spot' });
  await record('link', '', 'L1', { fromZone: 'ZA', toZone: 'ZB', forwardWh: '1', backwardWh: '1' });
  await record('pair', '', 'ZA ZB', { fromZone: 'ZA', toZone: 'ZB', route: ['L1'], isOpen: true });
  await record('pair', '', 'ZB ZA', { fromZone: 'ZB', toZone: 'ZA', isOpen: false });
  await record('place', 'ZA', M1, { feeder: 'F1' });
  await meter(M1, A, 'ZA');
  await meter(M2, B, 'ZB');
  await meter(M3, A, 'ZB');
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gridtokenx-network-'));
  postgres = await startPostgres({ folder });
  await migrate(postgres.url, 'consortium');
  const store = createRowStore(postgres.url, 'consortium');
  await store.apply([new SyntheticLedger({ accounts: 2 }).genesis], 0);
  await store.close();
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  await fill(client);
  await client.end();
  models = createReadModels(postgres.url, 'consortium');
});
afterAll(async () => {
  await models.close();
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('what flows are expected from', () => {
  it('is what was sold forward less what was cut, open orders, open pairs with their links, and the meters of all of them', async () => {
    const { value, ...at } = await models.networkSources(START + INTERVAL_MS, START + 3 * INTERVAL_MS);
    expect(at).toEqual({ height: 0, timeMs: START });
    const across = { fromZone: 'ZA', toZone: 'ZB', interval: intervalAt(1) };
    expect([...value.contracts].sort((a, b) => a.quantityWh - b.quantityWh)).toEqual([
      { ...across, toZone: 'ZA', seller: A, buyer: C, quantityWh: 70 },
      { ...across, seller: A, buyer: B, quantityWh: 350 },
    ]);
    expect([...value.orders].sort((a, b) => a.remainingWh - b.remainingWh)).toEqual([
      { ...across, side: 'bid', account: C, remainingWh: 9 },
      { ...across, side: 'ask', account: A, remainingWh: 42 },
    ]);
    expect(value.links).toEqual([{ link: 'L1', fromZone: 'ZA', toZone: 'ZB' }]);
    expect(value.pairs).toEqual([{ fromZone: 'ZA', toZone: 'ZB', route: ['L1'] }]);
    expect([...value.meters].sort((a, b) => (a.meter < b.meter ? -1 : 1))).toEqual([
      { account: A, zone: 'ZA', meter: M1, limitWh: 5_000, feeder: 'F1' },
      { account: B, zone: 'ZB', meter: M2, limitWh: 5_000 },
    ]);
  });

  it('is nothing of intervals for which nobody trades, but links and pairs', async () => {
    const { value } = await models.networkSources(START + 20 * INTERVAL_MS, START + 21 * INTERVAL_MS);
    expect(value).toMatchObject({ contracts: [], orders: [], meters: [] });
    expect([value.links.length, value.pairs.length]).toEqual([1, 1]);
  });
});
