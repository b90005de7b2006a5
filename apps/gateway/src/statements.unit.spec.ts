import { Histories, participantStatement, statementCsv, statementJson, utilityStatement } from '@gridtokenx/chain';
import { parseInterval } from '@gridtokenx/kernel';
import { identityOfKind, type LedgerEvent } from '@gridtokenx/protocol';
import type { StatementFacts } from '@gridtokenx/runtime';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Gateway } from './create-gateway.js';
import { blockRowsOf, GENESIS_MS, newWorld, type World } from './fixture.spec.js';
import * as schemas from './openapi/schemas.js';

const [SELLER, BUYER] = ['fe'.repeat(16), 'fb'.repeat(16)];
const [BID, ASK, HASH] = ['b1'.repeat(32), 'a1'.repeat(32), 'c5'.repeat(32)];
const interval = '2026-06-15T03:00:00Z/PT15M';
const PERIOD = 'from=2026-06-15T00:00:00Z&to=2026-06-16T00:00:00Z';

let world: World;
let gateway: Gateway;
let zone: string;
let operator: string;
let events: LedgerEvent[];

/** A household sells 600 of the 1,000 Wh that it gave, and the neighbour used 500 of them. */
function day(): LedgerEvent[] {
  const reading = (account: string, meter: string, consumedWh: string, producedWh: string): LedgerEvent => ({
    type: 'metering.readingRecorded',
    ...{ meter, account, zone, interval, quality: 'actual', version: 1, consumedWh, producedWh },
    ...{ mintedWh: producedWh, importWh: consumedWh },
  });
  const position = (account: string, wh: Readonly<Record<string, string>>): LedgerEvent => ({
    type: 'settlement.positionSettled',
    ...{ account, zone, interval, importWh: '0', exportWh: '0', boughtWh: '0', retiredWh: '0', surplusWh: '0' },
    ...{ expiredWh: '0', amount: '0', ...wh, rate: 22_000, topUpRate: 45_000, allocation: 'fifo' },
    ...{ operator, tariffVersion: 1, tariffHash: HASH, history: HASH },
  });
  return [
    reading(SELLER, '5a'.repeat(16), '0', '1000'),
    reading(BUYER, '5b'.repeat(16), '500', '0'),
    {
      type: 'market.traded',
      ...{ trade: 1, bid: BID, ask: ASK, buyer: BUYER, seller: SELLER, mechanism: 'continuous', phase: 'spot' },
      ...{ fromZone: zone, toZone: zone, interval, priceTicks: 400, quantityWh: '600', notional: '2400000' },
      ...{ buyerFee: '24000', sellerFee: '0', wheeling: '0', feePayee: operator, toOperator: '24000' },
      ...{ fromOperator: '0', platform: '0', tax: '0', tariffVersion: 1, tariffHash: HASH },
      ...{ bidRemainingWh: '0', askRemainingWh: '0' },
    },
    position(BUYER, { importWh: '500', boughtWh: '600', retiredWh: '500', surplusWh: '100', amount: '220000' }),
    position(SELLER, { exportWh: '1000', surplusWh: '400', amount: '880000' }),
  ];
}

/** As the read models have them. */
function factsOf(told: readonly LedgerEvent[]): StatementFacts {
  const { readings, trades, settlements } = blockRowsOf(
    'consortium',
    world.identity,
    told,
    interval.slice(0, 20),
    GENESIS_MS,
  );
  const at = { height: 1, timeMs: GENESIS_MS, operationId: undefined };
  return {
    readings: readings.map((row) => ({ ...row, height: 1 })),
    trades: trades.map((row) => ({ ...row, ...at })),
    settlements: settlements.map((row) => ({ ...row, height: 1 })),
    balances: new Map([[`KWH:${zone}:${interval}`, 0n]]),
  };
}

beforeEach(async () => {
  world = newWorld();
  const [first] = identityOfKind(world.identity, 'consortium').genesis.zones;
  if (first === undefined) throw new Error('the genesis has no zone');
  [zone, operator] = [first.id, first.account];
  events = day();
  world.readModels.statement = factsOf(events);
  gateway = await world.gateway();
});
afterEach(() => world.close());

const get = (url: string) => gateway.app.inject({ method: 'GET', url: `/v1${url}` });

describe('a statement', () => {
  const period = { from: '2026-06-15T00:00:00Z', until: '2026-06-16T00:00:00Z' };
  const histories = (): Histories => {
    const all = new Histories();
    all.add(1, 1, { v: 1, status: 'executed', events, postings: [], holds: [] });
    return all;
  };

  it('of an account is what its events come to, byte for byte, as JSON and as CSV, and each row names its events', async () => {
    const expected = participantStatement(SELLER, period, histories().settled(), true);
    const json = await get(`/accounts/${SELLER}/statement?${PERIOD}`);
    expect([json.statusCode, json.body]).toEqual([200, statementJson(expected)]);
    expect(json.headers['content-type']).toContain('application/json');
    expect(json.headers['x-ledger-height']).toBe('0');
    const body = schemas.statement.parse(JSON.parse(json.body));
    expect(body.totals).toMatchObject({ exportWh: '1000', soldWh: '600', surplusWh: '400', amount: '3280000' });
    expect(body.rows.map(({ kind, sources }) => [kind, sources])).toEqual([
      ['reading', '1:1:0'],
      ['sale', '1:1:2'],
      ['surplus', '1:1:4'],
    ]);
    const csv = await get(`/accounts/${SELLER}/statement?${PERIOD}&format=csv&basis=false`);
    expect(csv.body).toBe(statementCsv(participantStatement(SELLER, period, histories().settled(), false)));
    expect(csv.headers['content-type']).toContain('text/csv');
    expect((await get(`/accounts/${BUYER}/statement?${PERIOD}`)).body).not.toBe(json.body);
  });

  it('of a utility has its wires, the surplus that it bought, and nothing of the energy unexplained', async () => {
    const zones = [{ zone, operator, closingWh: () => 0n }];
    const expected = utilityStatement(operator, period, zones, histories().settled(), true);
    const { statusCode, body } = await get(`/operators/${operator}/statement?${PERIOD}`);
    expect([statusCode, body]).toEqual([200, statementJson(expected)]);
    expect(schemas.statement.parse(JSON.parse(body))).toMatchObject({
      kind: 'utility',
      totals: { charges: '24000', surplusWh: '500', amount: '-1076000' },
      rows: expect.arrayContaining([expect.objectContaining({ kind: 'control', unexplainedWh: '0' })]),
    });
    // A balance that no event explains shows.
    const facts = factsOf(events);
    world.readModels.statement = { ...facts, balances: new Map([[`KWH:${zone}:${interval}`, 7n]]) };
    expect((await get(`/operators/${operator}/statement?${PERIOD}`)).body).toContain('"unexplainedWh":"7"');
  });

  it('holds what starts in its period alone', async () => {
    const start = parseInterval(interval) ?? 0;
    const early = `from=2026-06-14T00:00:00Z&to=${new Date(start).toISOString().slice(0, 19)}Z`;
    expect(JSON.parse((await get(`/accounts/${SELLER}/statement?${early}`)).body)).toMatchObject({
      rows: [],
      version: 1,
    });
  });

  it('is refused for no period, for too much, and for who operates nothing', async () => {
    const problemOf = async (url: string): Promise<unknown> => {
      const { statusCode, body } = await get(url);
      return [statusCode, (JSON.parse(body) as { code: string }).code];
    };
    const own = `/accounts/${SELLER}/statement`;
    expect(await problemOf(own)).toEqual([400, 'query.invalid']);
    expect(await problemOf(`${own}?from=2026-06-16T00:00:00Z&to=2026-06-16T00:00:00Z`)).toEqual([400, 'query.invalid']);
    expect(await problemOf(`${own}?${PERIOD}&format=pdf`)).toEqual([400, 'query.invalid']);
    expect(await problemOf(`/operators/${SELLER}/statement?${PERIOD}`)).toEqual([404, 'account.unknown']);
    world.readModels.statement = undefined;
    expect(await problemOf(`${own}?${PERIOD}`)).toEqual([422, 'statement.tooLarge']);
  });
});
