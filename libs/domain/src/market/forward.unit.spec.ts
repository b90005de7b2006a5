import { describe, expect, it } from '@jest/globals';
import { formatInterval, INTERVAL_MS, millis } from '@gridtokenx/kernel';
import { auditState } from '../index.js';
import { id, place, START, World, ZONE } from '../spec/world.spec.js';

/** Begins an hour after the start: its gate closes 15 minutes before. */
const NEXT = formatInterval(millis(START + 4 * INTERVAL_MS));
const GATE = 3 * INTERVAL_MS;
const END = 5 * INTERVAL_MS;
const SPOT = 2 * INTERVAL_MS;
const KWH = `KWH:${ZONE}:${NEXT}`;
const THB = 1_000_000n;

/** Ann sells to Bob what will be delivered in an hour: 10 kWh at 4.00. */
function sold(): World {
  const world = new World();
  for (const name of ['ann', 'bob', 'mea account']) world.fund(name, 1_000);
  for (const name of ['ann', 'bob']) world.ownKey(name);
  world.must('ann', place('ann', 'ask', 400, 10_000, { interval: NEXT }));
  const { events } = world.must('bob', place('bob', 'bid', 450, 10_000, { interval: NEXT }));
  expect(events).toContainEqual(
    expect.objectContaining({ type: 'market.traded', phase: 'forward', notional: '40000000' }),
  );
  return world;
}

const until = (world: World, ms: number): ReturnType<World['wait']> => world.wait(START + ms - world.ledger.marketTime);

describe('a forward trade', () => {
  it('keeps the money of the buyer and the margin of the seller in escrow, and moves nothing', () => {
    const world = sold();
    // 40 THB and 1 % of it; the margin is 6 THB/kWh.
    expect([world.held('bob'), world.held('ann')]).toEqual([40_400_000n, 60_000_000n]);
    expect([world.available('bob'), world.available('ann')]).toEqual([1_000n * THB - 40_400_000n, 940n * THB]);
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('is only made before the gate closes, and what rests then ends', () => {
    const world = sold();
    world.must('bob', place('bob', 'bid', 300, 1_000, { interval: NEXT }));
    const { events } = until(world, GATE);
    expect(events.map(({ type }) => type)).toEqual(['market.orderClosed', 'market.bookClosed']);
    expect(world.run('bob', place('bob', 'bid', 300, 1_000, { interval: NEXT })).outcomes).toMatchObject([
      { code: 'market.bookNotOpen' },
    ]);
    expect(world.held('bob')).toBe(40_400_000n);
  });

  it('is delivered from what the seller exports before anything else is sold of it', () => {
    const world = sold();
    until(world, END);
    world.measure('ann', { producedWh: 12_000, interval: NEXT });
    world.measure('bob', { consumedWh: 9_000, interval: NEXT });
    expect([world.available('ann', KWH), world.held('ann', KWH)]).toEqual([2_000n, 10_000n]);
    expect(auditState(world.ledger)).toEqual([]);
    const { events } = until(world, END + SPOT);
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'settlement.contractSettled', deliveredWh: '10000', shortfallWh: '0' }),
    );
    // Bob used 9 of 10 kWh; Ann had 2 left: both are bought at 2.20.
    expect(world.available('bob')).toBe(1_000n * THB - 40_400_000n + 2_200_000n);
    expect(world.available('ann')).toBe(1_040n * THB + 4_400_000n);
    expect([world.held('ann'), world.held('bob'), world.held('ann', KWH)]).toEqual([0n, 0n, 0n]);
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('that falls short costs the buyer its price and no more; the seller pays what the rest costs', () => {
    const world = sold();
    until(world, END);
    world.measure('ann', { producedWh: 4_000, interval: NEXT });
    world.measure('bob', { consumedWh: 10_000, interval: NEXT });
    const { events } = until(world, END + SPOT);
    const settled = events.find(({ type }) => type === 'settlement.contractSettled');
    expect(settled).toMatchObject({
      deliveredWh: '4000',
      shortfallWh: '6000',
      sellerGets: '16000000',
      toOperator: '160000',
    });
    // 6 kWh at the top-up price of 6.00: Bob pays 4.00 of it, Ann the rest.
    expect(settled).toMatchObject({ topUpBuyer: '24000000', topUpSeller: '12000000', buyerPays: '40160000' });
    expect(world.available('bob')).toBe(1_000n * THB - 40_160_000n);
    expect(world.available('ann')).toBe(1_000n * THB + 16_000_000n - 12_000_000n);
    expect(world.available('mea account')).toBe(1_000n * THB + 160_000n + 36_000_000n);
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('of a seller whose meter was never read is not delivered at all', () => {
    const world = sold();
    const { events } = until(world, END + SPOT);
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'settlement.contractSettled',
        seller: id('ann'),
        deliveredWh: '0',
        buyerPays: '40000000',
      }),
    );
    expect(auditState(world.ledger)).toEqual([]);
  });
});
