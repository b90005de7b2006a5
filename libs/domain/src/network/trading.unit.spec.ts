import { describe, expect, it } from '@jest/globals';
import { formatInterval, INTERVAL_MS, millis } from '@gridtokenx/kernel';
import { auditState, isOpenOrder } from '../index.js';
import { INTERVAL, OTHER_ZONE, place, START, World, ZONE } from '../spec/world.spec.js';

/** Begins an hour after the start. */
const NEXT = formatInterval(millis(START + 4 * INTERVAL_MS));
const ACROSS = { fromZone: ZONE, toZone: OTHER_ZONE };

function setLink(world: World, forwardWh: number, backwardWh = 0): void {
  for (const operator of ['mea', 'pea'])
    world.must(operator, {
      type: 'network.setLink',
      link: 'L1',
      ...ACROSS,
      forwardWh: String(forwardWh),
      backwardWh: String(backwardWh),
    });
}

/** Ann has 200 kWh in the one zone to sell; Bob and Cat live in the other; the link between them carries so much. */
function joined(forwardWh: number): World {
  const world = new World();
  for (const name of ['ann', 'bob', 'cat', 'dan', 'mea account', 'pea account']) world.fund(name, 100_000);
  for (const name of ['ann', 'bob', 'cat', 'dan']) world.ownKey(name);
  world.measure('ann', { producedWh: 200_000 });
  setLink(world, forwardWh);
  for (const operator of ['mea', 'pea'])
    world.must(operator, { type: 'network.setPair', ...ACROSS, allowed: true, route: ['L1'] });
  return world;
}

const tradedWh = ({ events }: { events: ReturnType<World['run']>['events'] }): string[] =>
  events.flatMap((event) => (event.type === 'market.traded' ? [event.quantityWh] : []));
const used = (world: World, interval = INTERVAL): unknown => world.ledger.state.network.uses.getPair('L1>', interval);
const remaining = (world: World, order = ''): number | undefined => {
  const row = world.ledger.state.market.orders.get(order);
  return isOpenOrder(row) ? row.remainingWh : undefined;
};

describe('trade between zones', () => {
  it('moves energy out of the one and into the other, and uses what the links carry in that interval', () => {
    const world = joined(100_000);
    world.must('ann', place('ann', 'ask', 50, 30_000, ACROSS));
    expect(tradedWh(world.must('bob', place('bob', 'bid', 100, 20_000, ACROSS)))).toEqual(['20000']);
    expect(used(world)).toEqual({ contractWh: 0, spotWh: 20_000, limitWh: 100_000 });
    expect([
      world.held('bob', `KWH:${OTHER_ZONE}:${INTERVAL}`),
      world.available('ann', `KWH:${ZONE}:${INTERVAL}`),
    ]).toEqual([20_000n, 170_000n]);
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('stops where a link is full, however many orders it took: what is left rests, though it crosses', () => {
    const world = joined(100_000);
    const [ask] = world.must('ann', place('ann', 'ask', 50, 200_000, ACROSS)).ids;
    expect(tradedWh(world.must('bob', place('bob', 'bid', 100, 100_000, ACROSS)))).toEqual(['100000']);
    const late = world.must('cat', place('cat', 'bid', 100, 100_000, ACROSS));
    expect(tradedWh(late)).toEqual([]);
    expect([remaining(world, ask), remaining(world, late.ids[0])]).toEqual([100_000, 100_000]);
    // Once there is capacity again, the next order that comes is matched first come, first served.
    setLink(world, 130_000);
    expect(tradedWh(world.must('dan', place('dan', 'bid', 100, 100_000, ACROSS)))).toEqual(['30000']);
    expect(used(world)).toEqual({ contractWh: 0, spotWh: 130_000, limitWh: 130_000 });
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('of an order that is to be filled whole is not begun where the links cannot carry it', () => {
    const world = joined(100_000);
    const [ask] = world.must('ann', place('ann', 'ask', 50, 200_000, ACROSS)).ids;
    const fok = { ...ACROSS, timeInForce: 'FOK' as const };
    expect(world.run('bob', place('bob', 'bid', 100, 150_000, fok)).outcomes).toMatchObject([
      { code: 'market.fillOrKill' },
    ]);
    expect([remaining(world, ask), used(world)]).toEqual([200_000, undefined]);
    expect(tradedWh(world.must('bob', place('bob', 'bid', 100, 100_000, fok)))).toEqual(['100000']);
  });

  it('gives an order that does not rest what there is room for', () => {
    const world = joined(100_000);
    world.must('ann', place('ann', 'ask', 50, 200_000, ACROSS));
    const ran = world.must('bob', place('bob', 'bid', 100, 150_000, { ...ACROSS, timeInForce: 'IOC' }));
    expect(tradedWh(ran)).toEqual(['100000']);
    expect(ran.events.at(-1)).toMatchObject({ type: 'market.orderClosed', reason: 'immediate', remainingWh: '50000' });
  });

  it('is closed while its pair is, and not before both operators have opened it', () => {
    const world = joined(100_000);
    const bid = place('bob', 'bid', 100, 1_000, ACROSS);
    expect(world.run('bob', { ...bid, fromZone: OTHER_ZONE, toZone: ZONE }).outcomes).toMatchObject([
      { code: 'market.zonePairClosed' },
    ]);
    const [order] = world.must('bob', bid).ids;
    const close = world.envelope('pea', [{ type: 'network.setPair', ...ACROSS, allowed: false }]);
    const ask = world.envelope('bob', [
      { type: 'market.replaceOrder', order: order ?? '', priceTicks: 90, quantityWh: '1000' },
      bid,
    ]);
    expect(world.block([close, ask]).outcomes).toMatchObject([
      { status: 'executed' },
      { code: 'market.zonePairClosed' },
      { code: 'market.zonePairClosed' },
    ]);
  });

  it('does not touch trade within a zone', () => {
    const world = joined(0);
    world.must('ann', place('ann', 'ask', 50, 30_000));
    expect(tradedWh(world.must('bob', place('bob', 'bid', 100, 20_000)))).toEqual(['20000']);
    expect([...world.ledger.state.network.uses.cells()]).toEqual([]);
  });

  it('before delivery is a contract over the links, and forgotten with its interval', () => {
    const world = joined(100_000);
    const next = { ...ACROSS, interval: NEXT };
    world.must('ann', place('ann', 'ask', 50, 150_000, next));
    expect(tradedWh(world.must('bob', place('bob', 'bid', 100, 60_000, next)))).toEqual(['60000']);
    expect(tradedWh(world.must('cat', place('cat', 'bid', 100, 60_000, next)))).toEqual(['40000']);
    expect(used(world, NEXT)).toEqual({ contractWh: 100_000, spotWh: 0, limitWh: 100_000 });
    expect([...world.ledger.state.market.contracts.rows.rows.values()].map(({ value }) => value?.route)).toEqual([
      'L1>',
      'L1>',
    ]);
    expect(auditState(world.ledger)).toEqual([]);
    world.wait(START + 5 * INTERVAL_MS - world.ledger.marketTime);
    world.measure('ann', { producedWh: 200_000, interval: NEXT });
    // The links are as full for what is traded after delivery.
    world.must('ann', place('ann', 'ask', 50, 1_000, next));
    expect(tradedWh(world.must('bob', place('bob', 'bid', 100, 1_000, next)))).toEqual([]);
    const { events } = world.wait(2 * INTERVAL_MS);
    expect(events).toContainEqual(expect.objectContaining({ type: 'settlement.intervalSettled', interval: NEXT }));
    expect([used(world, NEXT), world.available('ann', `KWH:${ZONE}:${NEXT}`)]).toEqual([undefined, 0n]);
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('is refused while it is curtailed, before delivery', () => {
    const world = joined(100_000);
    world.must('pea', {
      type: 'network.curtail',
      target: { kind: 'link', link: 'L1' },
      flow: 'out',
      limit: { kind: 'energy', wh: '5000' },
      firstInterval: NEXT,
      lastInterval: NEXT,
    });
    const next = { ...ACROSS, interval: NEXT };
    expect(world.run('bob', place('bob', 'bid', 100, 1_000, next)).outcomes).toMatchObject([
      { code: 'network.curtailed', detail: { link: 'L1' } },
    ]);
    expect(world.must('bob', place('bob', 'bid', 100, 1_000, { interval: NEXT })).ids).toHaveLength(1);
    expect(world.must('bob', place('bob', 'bid', 100, 1_000, ACROSS)).ids).toHaveLength(1);
  });
});
