import { describe, expect, it } from '@jest/globals';
import { auditState } from '../index.js';
import { id, KWH, place, World } from '../spec/world.spec.js';

describe("the brief's trade", () => {
  it('of 1,000 kWh at 4.50 THB/kWh moves 4,500 THB to the seller and 45 THB to the grid operator', () => {
    const world = new World();
    world.fund('bob', 5_000);
    world.ownKey('ann');
    world.ownKey('bob');
    world.measure('ann', { producedWh: 1_000_000 });
    world.must('ann', place('ann', 'ask', 450, 1_000_000));
    const { events } = world.must('bob', place('bob', 'bid', 450, 1_000_000));
    expect(events.find((event) => event.type === 'market.traded')).toMatchObject({
      notional: '4500000000',
      buyerFee: '45000000',
      sellerFee: '0',
      feePayee: id('mea account'),
    });
    expect(world.available('ann')).toBe(4_500_000_000n);
    expect(world.available('mea account')).toBe(45_000_000n);
    expect(world.available('bob')).toBe(455_000_000n);
    expect([world.available('bob', KWH), world.held('bob', KWH)]).toEqual([0n, 1_000_000n]);
    expect([world.held('bob'), world.held('ann', KWH)]).toEqual([0n, 0n]);
    expect(auditState(world.ledger)).toEqual([]);
  });
});
