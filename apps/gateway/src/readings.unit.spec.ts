import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ACCOUNT, newWorld, OPERATIONS_TOPIC, ORGANISATION, type World } from './fixture.spec.js';
import type { Gateway } from './create-gateway.js';
import { problemDocument, readingsAnswer } from './openapi/schemas.js';

const METER = 'ab'.repeat(16);

let world: World;
let gateway: Gateway;
beforeEach(async () => {
  world = newWorld();
  gateway = await world.gateway();
  // Its market time is 2026-06-14T17:00:00Z.
  world.decide([world.envelope()]);
  const known = { account: ACCOUNT, zone: 'MEA-BKK-01', limitWh: 500, registerDigits: 6 };
  world.readModels.meterList.push({ ...known, meter: METER });
});
afterEach(() => world.close());

const check = async (type: string, payload: string, query = ''): Promise<{ status: number; body: unknown }> => {
  const request = {
    method: 'POST' as const,
    url: `/v1/readings/check${query}`,
    headers: { 'content-type': type },
    payload,
  };
  const { statusCode, body } = await gateway.app.inject(request);
  return { status: statusCode, body: JSON.parse(body) as unknown };
};

describe('POST /v1/readings/check', () => {
  it('says what each line of a CSV file comes to, at the market time of the newest block', async () => {
    const file = [
      'meter,interval_end,consumed_wh,produced_wh',
      `${METER},2026-06-14 23:45,70,0`,
      `${METER},2026-06-15 00:00,"70,5",0`,
      `${METER},2026-06-15 00:15,70,0`,
    ];
    const { status, body } = await check('text/csv; charset=utf-8', file.join('\r\n'), '?timeZone=Asia/Bangkok');
    expect(status).toBe(200);
    expect(readingsAnswer.parse(body)).toMatchObject({
      height: 1,
      marketTime: '2026-06-14T17:00:00Z',
      file: [],
      refused: 2,
      lines: [
        { line: 2, status: 'reading', meter: METER, interval: '2026-06-14T16:30:00Z/PT15M' },
        { line: 3, status: 'refused', faults: [{ code: 'notation.decimalComma', column: 'consumed_wh' }] },
        { line: 4, status: 'refused', faults: [{ code: 'readings.future', column: 'interval_end' }] },
      ],
      readings: [{ line: 2, consumedWh: '70', producedWh: '0', quality: 'actual', version: 1 }],
      gaps: [],
    });
    expect(await world.log.end(OPERATIONS_TOPIC)).toBe(0);
  });

  it('takes NDJSON, registers, and tells gaps', async () => {
    const reading = (readAt: string, register: number): string =>
      JSON.stringify({ meter: METER, readAt, consumedRegisterWh: register, producedRegisterWh: 0 });
    const file = `${reading('2026-06-14T16:00:00Z', 100)}\n\n${reading('2026-06-14T16:30:00Z', 130)}\n`;
    const { body } = await check('application/x-ndjson', file);
    expect(readingsAnswer.parse(body)).toMatchObject({
      refused: 0,
      lines: [
        { line: 1, status: 'register' },
        { line: 3, status: 'register' },
      ],
      readings: [],
      gaps: [
        {
          meter: METER,
          from: '2026-06-14T16:00:00Z',
          to: '2026-06-14T16:30:00Z',
          sum: { consumedWh: '30', producedWh: '0' },
        },
      ],
    });
  });

  it('knows the meters of the ledger: their limits, and whose they are', async () => {
    const line = (meter: string, wh: number): string => `${meter},2026-06-14T16:00:00Z,${wh},0`;
    const file = [
      'meter,interval_start,consumed_wh,produced_wh',
      line('cd'.repeat(16), 1),
      line('TH-1', 1),
      line(METER, 501),
    ];
    const codes = async (operator: string): Promise<unknown> => {
      const { body } = await check('text/csv', file.join('\n'), `?operator=${operator}`);
      return readingsAnswer.parse(body).lines.map(({ faults }) => faults?.map(({ code }) => code));
    };
    const unknown = ['readings.unknownMeter'];
    expect(await codes(ORGANISATION)).toEqual([unknown, unknown, ['readings.beyondLimit']]);
    expect(await codes('ee'.repeat(16))).toEqual([unknown, unknown, ['readings.wrongOperator']]);
  });

  it('says of a file with a wrong header what is wrong with it', async () => {
    const { status, body } = await check('text/csv', 'meter;interval_end\n');
    expect(status).toBe(200);
    expect(readingsAnswer.parse(body)).toMatchObject({ file: [{ line: 1, code: 'csv.delimiter' }], lines: [] });
  });

  it.each([
    ['application/json', '{}', '', 415, 'request.mediaType'],
    ['text/csv', 'meter', '?timeZone=ICT', 400, 'query.invalid'],
    ['text/csv', 'x'.repeat(1024 * 1024 + 1), '', 413, 'readings.tooLarge'],
    ['text/csv', 'x'.repeat(3 * 1024 * 1024), '', 413, 'readings.tooLarge'],
  ])('refuses %s with %#: what is no file to check', async (type, payload, query, status, code) => {
    const answer = await check(type, payload, query);
    expect(answer.status).toBe(status);
    expect(problemDocument.parse(answer.body).code).toBe(code);
  });

  it('has nothing to stand at before the first block', async () => {
    const young = newWorld();
    const { app } = await young.gateway();
    const { statusCode } = await app.inject({
      method: 'POST',
      url: '/v1/readings/check',
      headers: { 'content-type': 'text/csv' },
      payload: 'meter',
    });
    expect(statusCode).toBe(503);
    await young.close();
  });
});
