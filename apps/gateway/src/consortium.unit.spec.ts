import { native } from '@gridtokenx/crypto-native';
import { identityOfKind, tariffHash, withDecision, withEntries, type LedgerEvent } from '@gridtokenx/protocol';
import { readTariffBook } from '@gridtokenx/client';
import { utf8 } from '@gridtokenx/kernel';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Gateway } from './create-gateway.js';
import { ACCOUNT, newWorld, ORGANISATION, type World } from './fixture.spec.js';
import { consortiumListRoutes } from './openapi/consortium-list-routes.js';

const ZONE = 'MEA-BKK-01';
const [METER, OTHER] = ['5a'.repeat(16), '5b'.repeat(16)];
const [HASH, ALERT, RESTRICTION] = ['c5'.repeat(32), 'a1'.repeat(32), 'a2'.repeat(32)];
const interval = '2026-06-15T03:00:00Z/PT15M';
const start = '2026-06-15T03:00:00Z';
const pair = { fromZone: ZONE, toZone: 'PEA-CMI-01' } as const;
const restriction = {
  restriction: RESTRICTION,
  target: { kind: 'zone', zone: ZONE },
  flow: 'out',
  limit: { kind: 'energy', wh: '5000' },
  firstInterval: interval,
  lastInterval: interval,
} as const;

let world: World;
let gateway: Gateway;

/** Of everything that the lists hold, at least one. */
function eventsOf({ identity }: World): LedgerEvent[] {
  const { tariffs } = identityOfKind(identity, 'consortium').genesis;
  const published = withEntries(tariffs, tariffs.entries);
  const days = [{ date: '2027-05-01', kind: 'labourDay' as const }];
  const decision = { kind: 'declareYear' as const, year: 2027, days, source: 'gazette' };
  const decided = withDecision(published, decision);
  return [
    { type: 'tariffs.published', version: 2, hash: tariffHash(native, published), entries: published.entries },
    { type: 'tariffs.calendarDecided', version: 3, hash: tariffHash(native, decided), late: false, decision },
    { type: 'market.limitsSet', account: ACCOUNT, limits: { openOrders: 3 } },
    { type: 'market.halted', mechanism: 'continuous', ...pair, cancelOrders: true, reference: 'storm-1' },
    {
      type: 'market.breakerTripped',
      mechanism: 'continuous',
      phase: 'spot',
      ...pair,
      interval,
      ...{ priceTicks: 900, lowTicks: 400, highTicks: 410, until: start },
    },
    { type: 'market.participantBarred', account: ACCOUNT, reference: 'case-9' },
    {
      type: 'market.cleared',
      mechanism: 'auction',
      phase: 'spot',
      ...pair,
      interval,
      ...{ marginal: 'time', bids: 1, asks: 1, matchableWh: '100', volumeWh: '100', lowTicks: 400, highTicks: 410 },
      ...{ priceTicks: 405, trades: 1, demand: [{ priceTicks: 410, wh: '100' }], supply: [] },
    },
    {
      type: 'network.linkSet',
      link: 'L1',
      ...pair,
      operator: ORGANISATION,
      ...{ declaredForwardWh: '9', declaredBackwardWh: '8', forwardWh: '7', backwardWh: '6' },
    },
    { type: 'network.pairSet', ...pair, operator: ORGANISATION, allowed: true, route: ['L1'], isOpen: true },
    { type: 'network.feederSet', feeder: 'F1', zone: ZONE, capacityWh: '9000' },
    { type: 'network.meterAssigned', meter: METER, zone: ZONE, feeder: 'F1' },
    {
      type: 'network.statusReported',
      zone: ZONE,
      source: 'operator',
      ...{ sequence: 1, at: start, loadW: 5, frequencyMhz: 50_000, reserveW: 1 },
    } as LedgerEvent,
    {
      type: 'network.alertRaised',
      alert: ALERT,
      zone: ZONE,
      kind: 'congestion',
      severity: 'warning',
      reference: 'a-1',
    } as LedgerEvent,
    { type: 'network.curtailed', ...restriction },
    {
      type: 'network.enforced',
      cause: { kind: 'restriction', restriction: RESTRICTION },
      ...{ orders: 2, contracts: 1, cutWh: '300' },
    },
    { type: 'network.lifted', restriction: RESTRICTION },
    { type: 'metering.readingRefused', index: 0, meter: METER, interval, code: 'metering.unknownMeter' },
    { type: 'metering.readingsMissing', zone: ZONE, interval, meters: 2, missing: 1, first: [OTHER] },
    { type: 'settlement.zoneSettled', zone: ZONE, interval, positions: 3, root: HASH },
    {
      type: 'settlement.netted',
      ...{ dues: 2, gross: '9', net: '5', waiting: 0, waitingAmount: '0', unable: [] },
    },
    {
      type: 'settlement.corrected',
      ...{ account: ACCOUNT, zone: ZONE, interval, readings: [], tariffVersion: 2, tariffHash: HASH },
      ...{ positions: 1, trades: 1 },
    },
    {
      type: 'settlement.tradeCorrected',
      ...{
        trade: 7,
        interval,
        deliveredWh: '5',
        shortfallWh: '1',
        topUpRate: 45_000,
        buyerMore: '-3',
        sellerMore: '3',
      },
      ...{ toOperatorMore: '0', fromOperatorMore: '0', platformMore: '0', taxMore: '0' },
    },
    { type: 'settlement.duePaid', payer: ACCOUNT, payee: OTHER, amount: '5' },
  ];
}

beforeEach(async () => {
  world = newWorld();
  world.readModels.tell(eventsOf(world));
  gateway = await world.gateway();
});
afterEach(() => world.close());

type Body = Record<string, unknown> & { readonly items?: readonly Record<string, unknown>[] };
async function get(path: string): Promise<{ status: number; body: Body }> {
  const { statusCode, body } = await gateway.app.inject({ method: 'GET', url: `/v1${path}` });
  return { status: statusCode, body: JSON.parse(body) as Body };
}

/** Of each route, by its path: what finds something. */
const asked: Readonly<Record<string, string>> = {
  '/accounts/{id}/dues': `/accounts/${OTHER}/dues`,
  '/netting': '/netting',
  '/corrections': `/corrections?account=${ACCOUNT}`,
  '/trades/{trade}/corrections': '/trades/7/corrections',
  '/zones/{zone}/settlements': `/zones/${ZONE}/settlements`,
  '/zones/{zone}/settlements/{interval}': `/zones/${ZONE}/settlements/${start}`,
  '/intervals/{interval}/clearings': `/intervals/${encodeURIComponent(interval)}/clearings?phase=spot&fromZone=${ZONE}`,
  '/rules': '/rules',
  '/rules/{version}': '/rules/1',
  '/limits': '/limits',
  '/halts': '/halts',
  '/pauses': '/pauses',
  '/bars': '/bars',
  '/supervision': '/supervision?order=oldest',
  '/tariffs': '/tariffs',
  '/tariffs/{version}': '/tariffs/3',
  '/tariff-terms/{from}/{to}/{interval}': `/tariff-terms/${ZONE}/${ZONE}/${start}?version=2`,
  '/zones': '/zones',
  '/network/links': '/network/links',
  '/network/pairs': '/network/pairs?isOpen=true',
  '/network/feeders': `/network/feeders?zone=${ZONE}`,
  '/network/alerts': '/network/alerts?status=raised',
  '/network/restrictions': '/network/restrictions?status=lifted&kind=curtailment',
  '/network/restrictions/{id}': `/network/restrictions/${RESTRICTION}`,
  '/network/history': '/network/history',
  '/zones/{zone}/status': `/zones/${ZONE}/status`,
  '/zones/{zone}/status/history': `/zones/${ZONE}/status/history`,
  '/zones/{zone}/meters': `/zones/${ZONE}/meters?feeder=F1`,
  '/meters/{id}/history': `/meters/${METER}/history`,
  '/meters/{id}/refused-readings': `/meters/${METER}/refused-readings`,
  '/zones/{zone}/missing-readings': `/zones/${ZONE}/missing-readings`,
};

describe('a route of the consortium for rules, tariffs, the network and settlement', () => {
  const listed = consortiumListRoutes.filter(({ path }) => asked[path] !== undefined);

  it.each(listed.map((route) => [route.path, route] as const))(
    '%s answers as it is described',
    async (path, { answer }) => {
      const { status, body } = await get(asked[path] ?? '');
      expect([status, body]).toEqual([200, expect.anything()]);
      expect(answer.parse(body)).toEqual(body);
      expect(body.items ?? [body]).not.toEqual([]);
    },
  );

  it('is asked here, but for those that other tests ask', () => {
    const rest = consortiumListRoutes.filter(({ path }) => asked[path] === undefined).map(({ path }) => path);
    expect(rest).toEqual(['/contracts', '/accounts/{id}/positions', '/network/flows/{from}', '/meters/{id}/readings']);
  });

  it('knows what stands after all that happened', async () => {
    expect((await get(`/network/restrictions/${RESTRICTION}`)).body).toMatchObject({
      status: 'lifted',
      kind: 'curtailment',
      enforced: { orders: 2, contracts: 1, cutWh: '300' },
    });
    world.readModels.tell([
      { type: 'market.resumed', mechanism: 'continuous', ...pair },
      { type: 'market.bookReopened', mechanism: 'continuous', phase: 'spot', ...pair, interval },
      { type: 'market.participantReadmitted', account: ACCOUNT, reference: 'case-9' },
      { type: 'market.limitsSet', account: ACCOUNT },
      { type: 'network.alertCleared', alert: ALERT, zone: ZONE },
      { type: 'network.restrictionEnded', restriction: RESTRICTION },
    ]);
    for (const path of ['/halts', '/pauses', '/bars', '/limits', '/network/alerts?status=raised'])
      expect([path, (await get(path)).body.items]).toEqual([path, []]);
    expect((await get('/network/restrictions')).body.items).toMatchObject([{ status: 'ended' }]);
    expect((await get('/supervision')).body.items?.length).toBe(8);
  });

  it('says when there is no such thing, and refuses what it does not know', async () => {
    for (const path of ['/rules/9', '/tariffs/9', `/zones/${ZONE}/settlements/2026-06-15T04:00:00Z`])
      expect([path, await get(path)]).toEqual([
        path,
        { status: 404, body: expect.objectContaining({ code: 'read.unknown' }) },
      ]);
    expect((await get('/network/alerts?status=loud')).body).toMatchObject({ code: 'query.invalid' });
    expect((await get('/rules/zero')).body).toMatchObject({ code: 'path.invalid' });
    expect((await get(`/tariff-terms/${ZONE}/NOWHERE/${start}`)).status).toBe(404);
  });

  it('gives the tariff book whole, so that whoever has the genesis can check its hash', async () => {
    const { body } = await get('/tariffs');
    expect(body.items?.map(({ version, height }) => [version, height])).toEqual([
      [1, 0],
      [2, 1],
      [3, 1],
    ]);
    const { height: _, time: __, ...third } = (await get('/tariffs/3')).body;
    expect(third['hash']).toBe(body.items?.[2]?.['hash']);
    expect(readTariffBook(utf8(JSON.stringify(third)))).toMatchObject({ hash: third['hash'] });
    const terms = (await get(`/tariff-terms/${ZONE}/${ZONE}/${start}`)).body;
    expect(terms).toMatchObject({ version: 3, fromZone: ZONE, interval });
  });
});
