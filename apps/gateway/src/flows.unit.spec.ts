import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Gateway } from './create-gateway.js';
import { newWorld, type World } from './fixture.spec.js';
import { consortiumListRoutes } from './openapi/consortium-list-routes.js';

const [A, B] = ['a1'.repeat(16), 'b2'.repeat(16)] as const;
const interval = '2026-06-15T03:00:00Z/PT15M';
const ACROSS = { fromZone: 'ZA', toZone: 'ZB', interval };

let world: World;
let gateway: Gateway;

beforeEach(async () => {
  world = newWorld();
  world.readModels.sources = {
    contracts: [{ ...ACROSS, seller: A, buyer: B, quantityWh: 350 }],
    orders: [
      { ...ACROSS, side: 'bid', account: B, remainingWh: 40 },
      // Of a pair that was closed since.
      { ...ACROSS, fromZone: 'ZB', toZone: 'ZA', side: 'ask', account: B, remainingWh: 7 },
    ],
    links: [{ link: 'L1', fromZone: 'ZB', toZone: 'ZA' }],
    pairs: [{ fromZone: 'ZA', toZone: 'ZB', route: ['L1'] }],
    meters: [
      { account: A, zone: 'ZA', meter: '02', feeder: 'F1', limitWh: 500 },
      { account: A, zone: 'ZA', meter: '01', limitWh: 500 },
    ],
  };
  gateway = await world.gateway();
});
afterEach(() => world.close());

async function get(path: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const { statusCode, body } = await gateway.app.inject({ method: 'GET', url: `/v1/network/flows${path}` });
  return { status: statusCode, body: JSON.parse(body) as Record<string, unknown> };
}

const line = (
  kind: string,
  name: string,
  direction: string,
  contractedWh: number,
  askedWh: number,
  bidWh: number,
): object => ({
  interval,
  kind,
  name,
  direction,
  contractedWh: String(contractedWh),
  askedWh: String(askedWh),
  bidWh: String(bidWh),
});

describe('the flows to expect', () => {
  it('are told of links, feeders and what hangs on none', async () => {
    const { status, body } = await get('/2026-06-15T03:00:00Z?intervals=4');
    expect([status, body['items']]).toEqual([
      200,
      [
        // From ZA to ZB is back over this link.
        line('link', 'L1', 'in', 350, 0, 40),
        line('feeder', 'F1', 'out', 175, 0, 0),
        line('unassigned', 'ZA', 'out', 175, 0, 0),
        line('unassigned', 'ZB', 'in', 350, 0, 40),
        line('unassigned', 'ZB', 'out', 0, 7, 0),
      ],
    ]);
    const route = consortiumListRoutes.find(({ path }) => path === '/network/flows/{from}');
    expect(route?.answer.parse(body)).toEqual(body);
    expect((await get('/2026-06-15T03:00:00Z?name=F1')).body['items']).toEqual([
      line('feeder', 'F1', 'out', 175, 0, 0),
    ]);
  });

  it('are asked for from an interval on, for a day at most', async () => {
    const asked: (readonly [number, number])[] = [];
    const { networkSources } = world.readModels;
    world.readModels.networkSources = (from, to) => {
      asked.push([from, to]);
      return networkSources(from, to);
    };
    await get('/2026-06-15T03:00:00Z');
    await get('/2026-06-15T03:00:00Z?intervals=1');
    const start = Date.UTC(2026, 5, 15, 3);
    expect(asked).toEqual([
      [start, start + 86_400_000],
      [start, start + 900_000],
    ]);
    for (const query of ['intervals=97', 'intervals=0', 'x=1'])
      expect([query, await get(`/2026-06-15T03:00:00Z?${query}`)]).toMatchObject([
        query,
        { status: 400, body: { code: 'query.invalid' } },
      ]);
    expect(await get('/2026-06-15T03:01:00Z')).toMatchObject({ status: 400, body: { code: 'path.invalid' } });
  });
});
