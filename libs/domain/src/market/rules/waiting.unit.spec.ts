import { describe, expect, it } from '@jest/globals';

import { auditState } from '../../index.js';
import { market, MarketWorld, closesOf, reference, tradesOf } from './market-world.spec.js';

const HOUR_MS = 3_600_000;

describe('an order with a later validFrom', () => {
  it('is in escrow and met by nobody until then, and comes in as if it arrived', () => {
    const world = new MarketWorld();
    const bid = world.order('bob', 'bid', 110, 1_000, { validFrom: world.timeIn(61_000) });
    expect(bid.events.map(({ type }) => type)).toEqual([
      'market.bookOpened',
      'market.orderPlaced',
      'market.orderWaits',
    ]);
    expect(world.held('bob')).toBe(1_111_000n);
    const ask = world.order('ann', 'ask', 100, 400);
    expect(tradesOf(ask)).toEqual([]);
    expect(world.wait(58_000).events).toEqual([]);
    const came = world.wait(1_000);
    expect(came.events[0]).toEqual({ type: 'market.orderCameIn', order: bid.order });
    // The ask was there first: it is its price.
    expect(tradesOf(came)).toEqual([[100, 400]]);
    expect(tradesOf(world.order('ann', 'ask', 100, 400))).toEqual([[110, 400]]);
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('comes in behind those that came before it, in the order of the times', () => {
    const world = new MarketWorld();
    const late = world.order('bob', 'bid', 100, 100, { validFrom: world.timeIn(62_000) });
    const early = world.order('cat', 'bid', 100, 100, { validFrom: world.timeIn(31_000) });
    const now = world.order('bob', 'bid', 100, 100);
    world.wait(100_000);
    const ran = world.order('ann', 'ask', 100, 300);
    expect(closesOf(ran).map(([order]) => order)).toEqual([now.order, early.order, late.order, ran.order]);
  });

  it('is cancelled, replaced, expires and ends with its book as any other', () => {
    const world = new MarketWorld();
    const at = { validFrom: world.timeIn(61_000) };
    const one = world.order('bob', 'bid', 100, 1_000, at);
    expect(world.codeOf('bob', { type: 'market.cancelOrder', order: one.order })).toBe('ok');
    expect(world.held('bob')).toBe(0n);
    const two = world.order('bob', 'bid', 100, 1_000, at);
    const replace = { type: 'market.replaceOrder', order: two.order, priceTicks: 120, quantityWh: '500' } as const;
    const three = world.must('bob', replace);
    expect(three.events.map(({ type }) => type)).toEqual([
      'market.orderClosed',
      'market.orderPlaced',
      'market.orderWaits',
    ]);
    const short = world.order('bob', 'bid', 100, 100, { ...at, expiresAt: world.timeIn(62_000) });
    world.order('bob', 'bid', 100, 100, { validFrom: world.timeIn(10 * 60_000) });
    expect(closesOf(world.wait(70_000))).toEqual([[short.order, 'expired']]);
    const end = world.wait(2 * HOUR_MS);
    expect(closesOf(end).map(([, reason]) => reason)).toEqual(['bookClosed', 'bookClosed']);
    expect(world.held('bob')).toBe(0n);
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('that is immediate or to be filled whole is that when it comes in', () => {
    const world = new MarketWorld();
    const validFrom = world.timeIn(61_000);
    const ioc = world.order('bob', 'bid', 100, 1_000, { validFrom, timeInForce: 'IOC' });
    const fok = world.order('cat', 'bid', 100, 1_000, { validFrom, timeInForce: 'FOK' });
    const ask = world.order('ann', 'ask', 100, 400);
    expect(closesOf(world.wait(60_000))).toEqual([
      [ask.order, 'filled'],
      [ioc.order, 'immediate'],
      [fok.order, 'killed'],
    ]);
    expect([world.held('bob'), world.held('cat')]).toEqual([0n, 0n]);
  });

  it('is refused when it would come in too late or outside of trading hours, and comes in at once when it is valid', () => {
    const world = new MarketWorld();
    const expiresAt = world.timeIn(60_000);
    expect(world.refusal('bob', 'bid', 100, 100, { expiresAt, validFrom: expiresAt })).toBe('market.validFromTooLate');
    expect(world.refusal('bob', 'bid', 100, 100, { validFrom: world.timeIn(2 * HOUR_MS) })).toBe(
      'market.validFromTooLate',
    );
    world.order('ann', 'ask', 100, 100);
    expect(tradesOf(world.order('bob', 'bid', 100, 100, { validFrom: world.timeIn(1_000) }))).toEqual([[100, 100]]);
    world.rule({ tradingHours: [{ days: ['fri'], from: '03:30', to: '03:40' }] });
    expect(world.refusal('bob', 'bid', 100, 100, { validFrom: world.timeIn(10 * 60_000) })).toBe('market.outsideHours');
  });

  it('waits on while no orders are taken, and rests while its market is halted', () => {
    const world = new MarketWorld();
    world.order('ann', 'ask', 100, 100);
    const bid = world.order('bob', 'bid', 100, 100, { validFrom: world.timeIn(61_000) });
    world.rule({ tradingHours: [{ days: ['fri'], from: '03:40', to: '05:00' }] });
    expect(world.wait(120_000).events).toEqual([]);
    world.must('regulator', { type: 'market.halt', ...market, cancelOrders: false, reference });
    const came = world.wait(600_000);
    expect(came.events).toEqual([{ type: 'market.orderCameIn', order: bid.order }]);
    world.must('regulator', { type: 'market.resume', ...market });
    expect(tradesOf(world.wait(1_000))).toEqual([[100, 100]]);
    expect(auditState(world.ledger)).toEqual([]);
  });
});
