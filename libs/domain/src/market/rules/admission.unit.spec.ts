import { describe, expect, it } from '@jest/globals';
import { formatInterval, INTERVAL_MS, millis, parseTime } from '@gridtokenx/kernel';
import { auditState } from '../../index.js';
import { id, place, START } from '../../spec/world.spec.js';
import { closesOf, MarketWorld } from './market-world.spec.js';

describe('an order', () => {
  it('is within the band, in whole ticks and lots, and at least the minimum', () => {
    const world = new MarketWorld();
    world.rule({ priceBand: { minTicks: 100, maxTicks: 900 }, tickTicks: 5, lotWh: 50, minimumWh: 500 });
    expect(world.refusal('bob', 'bid', 95, 1_000)).toBe('market.priceBand');
    expect(world.refusal('bob', 'bid', 905, 1_000)).toBe('market.priceBand');
    expect(world.refusal('bob', 'bid', 101, 1_000)).toBe('market.priceTick');
    expect(world.refusal('bob', 'bid', 100, 450)).toBe('market.belowMinimum');
    expect(world.refusal('bob', 'bid', 100, 501)).toBe('market.quantityLot');
    const { order } = world.order('bob', 'bid', 100, 500);
    world.order('bob', 'bid', 900, 550);
    const replace = { type: 'market.replaceOrder', order, priceTicks: 99, quantityWh: '500' } as const;
    expect(world.codeOf('bob', replace)).toBe('market.priceBand');
    expect(world.codeOf('bob', { ...replace, priceTicks: 105 })).toBe('ok');
  });

  it('that was taken stays when the rules change', () => {
    const world = new MarketWorld();
    world.order('bob', 'bid', 50, 1_000);
    world.rule({ priceBand: { minTicks: 100, maxTicks: 900 } });
    expect(world.refusal('ann', 'ask', 50, 1_000)).toBe('market.priceBand');
    world.rule({ priceBand: { minTicks: 1, maxTicks: 900 } });
    const { events } = world.order('ann', 'ask', 50, 1_000);
    expect(events).toContainEqual(expect.objectContaining({ type: 'market.traded', priceTicks: 50 }));
  });

  it('is taken within trading hours only, and cancelled at any time', () => {
    const world = new MarketWorld();
    const { order } = world.order('bob', 'bid', 100, 1_000);
    // The start is 2026-05-28T20:30Z: Friday 03:30 in Bangkok.
    expect(START).toBe(parseTime('2026-05-28T20:30:00Z') ?? 0);
    world.rule({ tradingHours: [{ days: ['fri'], from: '03:40', to: '05:00' }] });
    expect(world.refusal('bob', 'bid', 100, 1_000)).toBe('market.outsideHours');
    expect(world.codeOf('bob', { type: 'market.cancelOrder', order })).toBe('ok');
    world.wait(START + 600_000 - world.ledger.marketTime - 1_000);
    world.order('bob', 'bid', 100, 1_000);
  });
});

describe('limits', () => {
  it('of open orders count those that stand', () => {
    const world = new MarketWorld();
    world.rule({ limits: { openOrders: 2 } });
    const { order } = world.order('bob', 'bid', 100, 1_000);
    world.order('bob', 'bid', 101, 1_000);
    expect(world.refusal('bob', 'bid', 102, 1_000)).toBe('market.tooManyOrders');
    expect(world.codeOf('bob', { type: 'market.replaceOrder', order, priceTicks: 99, quantityWh: '500' })).toBe('ok');
    expect(world.refusal('bob', 'bid', 102, 1_000)).toBe('market.tooManyOrders');
    world.order('ann', 'ask', 101, 1_000);
    world.order('bob', 'bid', 102, 1_000);
  });

  it('of one order, and of one account in place of those of the rules', () => {
    const world = new MarketWorld();
    world.rule({ limits: { orderWh: 1_000, openOrders: 1 } });
    expect(world.refusal('bob', 'bid', 100, 1_001)).toBe('market.orderLimit');
    world.must('regulator', { type: 'market.setLimits', account: id('bob'), limits: { orderWh: 5_000 } });
    expect(world.refusal('bob', 'bid', 100, 5_001)).toBe('market.orderLimit');
    world.order('bob', 'bid', 100, 5_000);
    expect(world.refusal('bob', 'bid', 100, 5_000)).toBe('market.tooManyOrders');
    world.must('regulator', { type: 'market.setLimits', account: id('bob') });
    expect(world.refusal('bob', 'bid', 100, 5_000)).toBe('market.tooManyOrders');
    expect(world.refusal('cat', 'bid', 100, 5_000)).toBe('market.orderLimit');
  });

  it('of a position count what was traded and what stands, each side for itself', () => {
    const world = new MarketWorld();
    world.rule({ limits: { positionWh: 2_000 } });
    world.order('ann', 'ask', 100, 1_500);
    expect(world.refusal('ann', 'ask', 100, 501)).toBe('market.positionLimit');
    world.order('bob', 'bid', 100, 1_200);
    expect(world.refusal('bob', 'bid', 90, 801)).toBe('market.positionLimit');
    const { order } = world.order('bob', 'bid', 90, 800);
    world.order('bob', 'ask', 200, 2_000);
    expect(world.codeOf('bob', { type: 'market.cancelOrder', order })).toBe('ok');
    expect(world.refusal('ann', 'ask', 100, 501)).toBe('market.positionLimit');
    world.order('ann', 'ask', 100, 500);
    world.order('bob', 'bid', 100, 800);
    expect(world.refusal('bob', 'bid', 100, 100)).toBe('market.positionLimit');
  });

  it('of a position count what is sold and bought before delivery too', () => {
    const world = new MarketWorld();
    const interval = formatInterval(millis(START + 4 * INTERVAL_MS));
    world.rule({ limits: { positionWh: 2_000 } });
    world.order('ann', 'ask', 100, 1_500, { interval });
    world.order('bob', 'bid', 100, 1_500, { interval });
    expect(world.refusal('ann', 'ask', 100, 501, { interval })).toBe('market.positionLimit');
    expect(world.refusal('bob', 'bid', 100, 501, { interval })).toBe('market.positionLimit');
    world.order('bob', 'bid', 100, 2_000);
    world.order('bob', 'bid', 100, 500, { interval });
  });

  it('of a day count whole orders, and what is left of one that ends on its day no more', () => {
    const world = new MarketWorld();
    world.rule({ limits: { dailyWh: 3_000, dailyNotional: 3_000_000 } });
    const { order } = world.order('bob', 'bid', 100, 2_000);
    // 2,000 Wh at 1.00 THB/kWh are 2,000,000 micro-WATT; another 1,000 at 1.01 are 1,010,000.
    expect(world.refusal('bob', 'bid', 101, 1_000)).toBe('market.dailyLimit');
    expect(world.refusal('bob', 'bid', 99, 1_001)).toBe('market.dailyLimit');
    world.order('ann', 'ask', 100, 500);
    world.must('bob', { type: 'market.cancelOrder', order });
    // 500 Wh were bought, for 500,000.
    expect(world.refusal('bob', 'bid', 100, 2_501)).toBe('market.dailyLimit');
    const left = world.order('bob', 'bid', 100, 2_500, { timeInForce: 'IOC' });
    expect(closesOf(left)).toEqual([[left.order, 'immediate']]);
    world.order('bob', 'bid', 100, 2_500);
    // An ask has no cost: only its energy counts.
    expect(world.refusal('ann', 'ask', 100_000, 2_501)).toBe('market.dailyLimit');
    world.order('ann', 'ask', 100_000, 2_500);
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('of a day begin anew at midnight in Bangkok, and what ends later is not given back', () => {
    const world = new MarketWorld();
    const interval = formatInterval(millis(START + 120 * INTERVAL_MS));
    world.rule({ limits: { dailyWh: 1_000 } });
    const { order } = world.order('bob', 'bid', 100, 1_000, { interval });
    expect(world.refusal('bob', 'bid', 100, 100, { interval })).toBe('market.dailyLimit');
    // Midnight comes 20.5 hours after the start.
    const midnight = parseTime('2026-05-29T17:00:00Z') ?? 0;
    world.wait(midnight - 2_000 - world.ledger.marketTime);
    expect(world.refusal('bob', 'bid', 100, 100, { interval })).toBe('market.dailyLimit');
    world.order('bob', 'bid', 100, 900, { interval });
    world.must('bob', { type: 'market.cancelOrder', order });
    expect(world.refusal('bob', 'bid', 100, 101, { interval })).toBe('market.dailyLimit');
    world.order('bob', 'bid', 100, 100, { interval });
  });

  it('refuse whole: nothing counts of an order that is not taken', () => {
    const world = new MarketWorld();
    world.rule({ limits: { dailyWh: 1_000 } });
    expect(world.refusal('bob', 'bid', 100, 1_000, { timeInForce: 'FOK' })).toBe('market.fillOrKill');
    const both = world.envelope('bob', [place('bob', 'bid', 100, 600), place('bob', 'bid', 100, 600)], true);
    world.block([both]);
    world.order('bob', 'bid', 100, 1_000);
  });
});
