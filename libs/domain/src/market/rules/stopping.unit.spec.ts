import { describe, expect, it } from '@jest/globals';
import { formatTime, millis } from '@gridtokenx/kernel';
import { auditState } from '../../index.js';
import { id, OTHER_ZONE, place, ZONE } from '../../spec/world.spec.js';
import { closesOf, market, MarketWorld, reference, tradesOf } from './market-world.spec.js';

const HOUR_MS = 3_600_000;

const halt = { type: 'market.halt', ...market, cancelOrders: false, reference } as const;
const resume = { type: 'market.resume', ...market } as const;

describe('a market that is halted', () => {
  it('takes orders that rest without meeting any, and lets them be cancelled', () => {
    const world = new MarketWorld();
    const { order } = world.order('ann', 'ask', 100, 1_000);
    world.must('regulator', halt);
    expect(tradesOf(world.order('bob', 'bid', 120, 1_000))).toEqual([]);
    for (const timeInForce of ['IOC', 'FOK'] as const)
      expect(world.refusal('bob', 'bid', 120, 1_000, { timeInForce })).toBe('market.halted');
    expect(world.codeOf('ann', { type: 'market.cancelOrder', order })).toBe('ok');
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('reopens by an auction at one price, and orders meet again', () => {
    const world = new MarketWorld();
    world.must('regulator', halt);
    const ask = world.order('ann', 'ask', 100, 1_000);
    const bid = world.order('bob', 'bid', 121, 3_000);
    world.order('cat', 'ask', 110, 1_000);
    expect(world.wait(1_000).events).toEqual([]);
    world.must('regulator', resume);
    const reopened = world.wait(1_000);
    // Both asks sell; the bid is left with 1,000 Wh: the price lies between 110 and 121, at the end that binds.
    expect(tradesOf(reopened)).toEqual([
      [121, 1_000],
      [121, 1_000],
    ]);
    expect(closesOf(reopened).map(([, reason]) => reason)).toEqual(['filled', 'filled']);
    expect(closesOf(reopened)).toContainEqual([ask.order, 'filled']);
    const { events } = world.wait(1_000);
    expect([...reopened.events, ...events]).toContainEqual(expect.objectContaining({ type: 'market.bookReopened' }));
    expect(auditState(world.ledger)).toEqual([]);
    expect(tradesOf(world.order('cat', 'ask', 110, 1_000))).toEqual([[121, 1_000]]);
    expect(world.ledger.state.market.orders.get(bid.order)).not.toHaveProperty('account');
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('whose orders are cancelled gives their escrow back and takes none, and other markets go on', () => {
    const world = new MarketWorld();
    const { order } = world.order('ann', 'ask', 100, 1_000);
    const bid = world.order('bob', 'bid', 90, 1_000);
    const waits = world.order('bob', 'bid', 90, 1_000, { validFrom: world.timeIn(60_000) });
    const auction = world.order('bob', 'bid', 90, 1_000, { mechanism: 'auction' });
    world.must('regulator', { ...halt, cancelOrders: true, until: world.timeIn(100_000) });
    expect(closesOf(world.wait(1_000))).toEqual([
      [order, 'halted'],
      [bid.order, 'halted'],
      [waits.order, 'halted'],
    ]);
    expect(world.refusal('bob', 'bid', 90, 1_000)).toBe('market.halted');
    world.order('bob', 'bid', 90, 1_000, { mechanism: 'auction' });
    expect(world.codeOf('bob', { type: 'market.cancelOrder', order: auction.order })).toBe('ok');
    world.wait(100_000);
    world.order('bob', 'bid', 90, 1_000);
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('and closes meanwhile ends its orders as any other', () => {
    const world = new MarketWorld();
    world.must('regulator', halt);
    world.order('ann', 'ask', 100, 1_000);
    world.order('bob', 'bid', 121, 1_000);
    const closed = world.wait(2 * HOUR_MS);
    expect(closesOf(closed).map(([, reason]) => reason)).toEqual(['bookClosed', 'bookClosed']);
    expect(tradesOf(closed)).toEqual([]);
    world.must('regulator', resume);
    expect(world.wait(1_000).events).toEqual([]);
    expect(auditState(world.ledger)).toEqual([]);
  });
});

describe('the breaker', () => {
  const breaker = { movePercent: 1_000, windowMs: 300_000, haltMs: 60_000 };

  it('stops a trade that would move the price too far, and the book with it', () => {
    const world = new MarketWorld();
    world.rule({ breaker });
    world.order('ann', 'ask', 100, 1_000);
    world.order('ann', 'ask', 110, 1_000);
    world.order('ann', 'ask', 111, 1_000);
    const tripped = world.order('bob', 'bid', 120, 3_000);
    expect(tradesOf(tripped)).toEqual([
      [100, 1_000],
      [110, 1_000],
    ]);
    expect(tripped.events).toContainEqual(
      expect.objectContaining({
        type: 'market.breakerTripped',
        priceTicks: 111,
        lowTicks: 100,
        highTicks: 110,
        until: formatTime(millis(world.ledger.marketTime + 60_000)),
      }),
    );
    // What is left of it rests, across the ask that it did not meet.
    expect(tradesOf(world.order('bob', 'bid', 130, 500))).toEqual([]);
    expect(world.refusal('bob', 'bid', 130, 500, { timeInForce: 'IOC' })).toBe('market.halted');
    expect(world.wait(57_000).events).toEqual([]);
    const reopened = world.wait(1_000);
    // 1,500 Wh are wanted and 1,000 are offered: the first in price has 500 and the other the rest, at what binds.
    expect(tradesOf(reopened)).toEqual([
      [120, 500],
      [120, 500],
    ]);
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('closes what is left of an order that is not to rest, and lets one that is to be filled whole go', () => {
    const world = new MarketWorld();
    world.rule({ breaker });
    world.order('ann', 'ask', 100, 1_000);
    world.order('ann', 'ask', 111, 1_000);
    expect(world.refusal('bob', 'bid', 120, 2_000, { timeInForce: 'FOK' })).toBe('market.fillOrKill');
    const ioc = world.order('bob', 'bid', 120, 2_000, { timeInForce: 'IOC' });
    expect(tradesOf(ioc)).toEqual([[100, 1_000]]);
    expect(closesOf(ioc).at(-1)).toEqual([ioc.order, 'halted']);
  });

  it('forgets prices that are older than its window, and counts those downwards too', () => {
    const world = new MarketWorld();
    world.rule({ breaker });
    world.order('bob', 'bid', 100, 1_000);
    world.order('bob', 'bid', 89, 1_000);
    const down = world.order('ann', 'ask', 50, 2_000, { timeInForce: 'IOC' });
    expect(tradesOf(down)).toEqual([[100, 1_000]]);
    expect(down.events).toContainEqual(expect.objectContaining({ type: 'market.breakerTripped', priceTicks: 89 }));
    world.wait(60_000);
    world.wait(300_000 + 38_000);
    expect(tradesOf(world.order('ann', 'ask', 50, 1_000))).toEqual([[89, 1_000]]);
  });

  it('counts from the price at which the book reopened', () => {
    const world = new MarketWorld();
    world.rule({ breaker });
    world.order('ann', 'ask', 100, 1_000);
    world.order('ann', 'ask', 111, 1_000);
    expect(tradesOf(world.order('bob', 'bid', 130, 2_500))).toEqual([[100, 1_000]]);
    world.wait(59_000);
    // The bid wants more than there is: it is its price.
    expect(tradesOf(world.wait(1_000))).toEqual([[130, 1_000]]);
    expect(tradesOf(world.order('ann', 'ask', 120, 500))).toEqual([[130, 500]]);
    world.order('cat', 'ask', 144, 1_000);
    expect(tradesOf(world.order('bob', 'bid', 150, 500))).toEqual([]);
    expect(world.refusal('bob', 'bid', 150, 500, { timeInForce: 'IOC' })).toBe('market.halted');
  });

  it('halts no other book', () => {
    const world = new MarketWorld();
    world.rule({ breaker });
    world.order('ann', 'ask', 100, 1_000);
    world.order('ann', 'ask', 120, 1_000);
    world.order('bob', 'bid', 120, 2_000);
    expect(world.ledger.state.rules.haltOf(market)).toBeUndefined();
    expect(world.refusal('bob', 'bid', 120, 1_000, { timeInForce: 'IOC' })).toBe('market.halted');
    const interval = world.ledger.state.market.standing.first?.interval ?? '';
    expect(interval).not.toBe('');
    const other = { interval: '2026-05-28T22:00:00Z/PT15M' };
    world.order('ann', 'ask', 100, 1_000, other);
    expect(tradesOf(world.order('bob', 'bid', 100, 1_000, { ...other, timeInForce: 'IOC' }))).toEqual([[100, 1_000]]);
  });
});

describe('an account that may not trade any more', () => {
  it.each(['expired', 'suspended'] as const)(
    'because it is %s has its orders ended and trades with nobody',
    (status) => {
      const world = new MarketWorld();
      const ask = world.order('ann', 'ask', 100, 1_000);
      const bid = world.order('ann', 'bid', 90, 1_000);
      const waits = world.order('ann', 'bid', 80, 1_000, { validFrom: world.timeIn(60_000) });
      const other = world.order('bob', 'ask', 100, 1_000);
      world.must('erc', { type: 'registry.setKyc', account: id('ann'), status });
      const ended = world.wait(1_000);
      expect(closesOf(ended)).toEqual([
        [ask.order, 'notVerified'],
        [bid.order, 'notVerified'],
        [waits.order, 'notVerified'],
      ]);
      expect(world.held('ann')).toBe(0n);
      expect(world.refusal('ann', 'bid', 90, 1_000)).toBe('accounts.notVerified');
      expect(tradesOf(world.order('bob', 'bid', 100, 1_000, { timeInForce: 'IOC' }))).toEqual([]);
      expect(world.codeOf('bob', { type: 'market.cancelOrder', order: other.order })).toBe('ok');
      expect(auditState(world.ledger)).toEqual([]);
    },
  );

  it('in the same block is not met any more', () => {
    const world = new MarketWorld();
    const ask = world.order('ann', 'ask', 100, 1_000);
    const ran = world.block([
      world.envelope('erc', [{ type: 'registry.setKyc', account: id('ann'), status: 'suspended' }]),
      world.envelope('bob', [place('bob', 'bid', 100, 1_000)]),
    ]);
    expect(tradesOf(ran)).toEqual([]);
    expect(closesOf(ran)).toEqual([[ask.order, 'notVerified']]);
  });

  it('ends when its verification does, by block time, and those before it first', () => {
    const world = new MarketWorld();
    const until = (ms: number): string => formatTime(millis(world.ledger.time + ms));
    for (const [name, ms] of [
      ['ann', 60_000],
      ['bob', 30_000],
    ] as const)
      world.must('erc', { type: 'registry.setKyc', account: id(name), status: 'verified', until: until(ms) });
    const ask = world.order('ann', 'ask', 100, 1_000);
    const bid = world.order('bob', 'bid', 90, 1_000);
    expect(closesOf(world.wait(20_000))).toEqual([]);
    expect(closesOf(world.wait(10_000))).toEqual([[bid.order, 'notVerified']]);
    world.must('erc', { type: 'registry.setKyc', account: id('ann'), status: 'verified', until: until(90_000) });
    expect(closesOf(world.wait(60_000))).toEqual([]);
    expect(closesOf(world.wait(31_000))).toEqual([[ask.order, 'notVerified']]);
  });

  it('because it is barred neither trades nor transfers until it is readmitted, and cancels as ever', () => {
    const world = new MarketWorld();
    const ask = world.order('ann', 'ask', 100, 1_000);
    const ran = world.must('regulator', { type: 'market.barParticipant', account: id('ann'), reference });
    expect(closesOf(ran)).toEqual([]);
    expect(closesOf(world.wait(1_000))).toEqual([[ask.order, 'barred']]);
    expect(world.refusal('ann', 'bid', 90, 1_000)).toBe('market.barred');
    const transfer = { type: 'accounts.transfer', asset: 'WATT', amount: '1' } as const;
    expect(world.codeOf('ann', { ...transfer, from: id('ann'), to: id('bob') })).toBe('market.barred');
    expect(world.codeOf('bob', { ...transfer, from: id('bob'), to: id('ann') })).toBe('market.barred');
    world.must('regulator', { type: 'market.readmitParticipant', account: id('ann'), reference });
    world.order('ann', 'bid', 90, 1_000);
    expect(world.codeOf('ann', { ...transfer, from: id('ann'), to: id('bob') })).toBe('ok');
  });

  it('keeps what it sold and bought before delivery, and is settled', () => {
    const world = new MarketWorld();
    const interval = '2026-05-28T22:00:00Z/PT15M';
    world.order('ann', 'ask', 100, 1_000, { interval });
    expect(tradesOf(world.order('bob', 'bid', 100, 1_000, { interval }))).toHaveLength(1);
    world.must('regulator', { type: 'market.barParticipant', account: id('ann'), reference });
    const settled = world.wait(3 * HOUR_MS);
    expect(settled.events).toContainEqual(
      expect.objectContaining({ type: 'settlement.contractSettled', seller: id('ann'), shortfallWh: '1000' }),
    );
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('is counted alike by a ledger that was restored, whichever module ends its orders', () => {
    const world = new MarketWorld();
    const zones = { fromZone: ZONE, toZone: OTHER_ZONE };
    for (const operator of ['mea', 'pea'])
      world.must(
        operator,
        { type: 'network.setLink', link: 'L1', ...zones, forwardWh: '100000', backwardWh: '0' },
        { type: 'network.setPair', ...zones, allowed: true, route: ['L1'] },
      );
    world.rule({ limits: { dailyWh: 1_000 } });
    const { order } = world.order('bob', 'bid', 1_000, 1_000, zones);
    world.must('mea', { type: 'network.setPair', ...zones, allowed: false });
    const copy = world.restored();
    const ran = world.wait(1_000);
    expect(closesOf(ran)).toEqual([[order, 'pairClosed']]);
    const { height, time } = world.ledger;
    const again = copy.execute({ height, time, proposer: 0, parentSigners: [], envelopes: [] });
    expect(again.stateDigest).toEqual(ran.execution.stateDigest);
    world.order('bob', 'bid', 100, 1_000);
  });

  it('with more orders than a block works off has them ended in the next', () => {
    const world = new MarketWorld();
    const many = Array.from({ length: 1_000 }, () => place('bob', 'bid', 1, 100));
    for (let i = 0; i < 21; i++) world.must('bob', ...many);
    world.must('regulator', { type: 'market.barParticipant', account: id('bob'), reference });
    expect(closesOf(world.wait(1_000))).toHaveLength(20_000);
    expect(closesOf(world.wait(1_000))).toHaveLength(1_000);
    expect(world.held('bob')).toBe(0n);
  });
});
