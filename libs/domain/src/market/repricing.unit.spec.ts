import { describe, expect, it } from '@jest/globals';
import { formatInterval, INTERVAL_MS, millis } from '@gridtokenx/kernel';
import type { EventType, LedgerEvent } from '@gridtokenx/protocol';
import { auditState } from '../index.js';
import { entryWith, PAYEE, publish, TariffWorld } from '../spec/tariff-world.spec.js';
import { id, place, START } from '../spec/world.spec.js';

/** Begins an hour after the start, on 29 May in Bangkok. */
const NEXT = formatInterval(millis(START + 4 * INTERVAL_MS));
/** A day later. */
const TOMORROW = formatInterval(millis(START + 100 * INTERVAL_MS));
const THB = 1_000_000n;

const types = (events: readonly LedgerEvent[]): EventType[] => events.map(({ type }) => type);

function market(): TariffWorld {
  const world = new TariffWorld();
  for (const name of ['ann', 'bob', 'mea account']) world.fund(name, 10_000);
  for (const name of ['ann', 'bob']) world.ownKey(name);
  return world;
}

describe('a later version of the tariff book', () => {
  it('closes the orders of open books whose terms change, and only those, and trades go on under the new version', () => {
    const world = market();
    world.measure('ann', { producedWh: 50_000 });
    world.must('ann', place('ann', 'ask', 400, 10_000), place('ann', 'ask', 500, 10_000, { interval: NEXT }));
    world.must(
      'bob',
      place('bob', 'bid', 300, 10_000, { interval: NEXT }),
      place('bob', 'bid', 300, 1_000, { interval: TOMORROW }),
    );
    // From 30 May on the fee is another one: only tomorrow's book is concerned.
    world.must(
      'erc',
      publish(1, entryWith({ validTo: '2026-05-29' }), entryWith({ validFrom: '2026-05-30', gridFee: 200 })),
    );
    expect(world.ledger.state.market.standing.size).toBe(3);
    const { events } = world.wait(1_000);
    expect(types(events)).toEqual(['market.orderClosed', 'market.bookRepriced']);
    expect(events[0]).toMatchObject({ reason: 'tariffChanged', remainingWh: '1000' });
    const { hash } = world.tariffs.newest;
    expect(events[1]).toMatchObject({
      interval: TOMORROW,
      tariffVersion: 2,
      tariffHash: hash,
      wheeling: 0,
      platform: PAYEE,
    });
    expect(types(world.wait(1_000).events)).toEqual([]);
    // Those that come to the same go on naming the version that they opened under.
    const same = world.must('bob', place('bob', 'bid', 500, 1_000, { interval: NEXT })).events;
    expect(same.find(({ type }) => type === 'market.traded')).toMatchObject({ tariffVersion: 1, buyerFee: '50000' });
    world.must('ann', place('ann', 'ask', 500, 1_000, { interval: TOMORROW }));
    const { events: later } = world.must('bob', place('bob', 'bid', 500, 1_000, { interval: TOMORROW }));
    expect(later.find(({ type }) => type === 'market.traded')).toMatchObject({
      tariffVersion: 2,
      tariffHash: hash,
      buyerFee: '100000',
    });
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('gives the escrow of both sides back, and leaves contracts as they were made', () => {
    const world = market();
    world.must('ann', place('ann', 'ask', 400, 10_000, { interval: NEXT }));
    world.must(
      'bob',
      place('bob', 'bid', 400, 4_000, { interval: NEXT }),
      place('bob', 'bid', 300, 1_000, { interval: NEXT }),
    );
    expect([world.held('ann'), world.held('bob')]).toEqual([60n * THB, 16_160_000n + 3_030_000n]);
    world.must('erc', publish(1, entryWith({ gridFee: 500, marginRate: 70_000 })));
    world.wait(1_000);
    // 4 kWh are sold: their margin at 6 THB/kWh, and their price with 1 % of it.
    expect([world.held('ann'), world.held('bob')]).toEqual([24n * THB, 16_160_000n]);
    world.must('ann', place('ann', 'ask', 400, 1_000, { interval: NEXT }));
    expect(world.held('ann')).toBe(31n * THB);
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('takes no orders for such a book in the block that brings it, but cancels of what stands', () => {
    const world = market();
    const [order] = world.must('bob', place('bob', 'bid', 300, 1_000, { interval: NEXT })).ids;
    const { outcomes } = world.block([
      world.envelope('erc', [publish(1, entryWith({ platformFee: 10 }))]),
      world.envelope('bob', [
        place('bob', 'bid', 300, 1_000, { interval: NEXT }),
        { type: 'market.replaceOrder', order: order ?? '', priceTicks: 301, quantityWh: '1000' },
        place('bob', 'bid', 300, 1_000, { interval: TOMORROW }),
        { type: 'market.cancelOrder', order: order ?? '' },
      ]),
    ]);
    expect(outcomes.map((one) => (one.status === 'rejected' ? one.code : 'done'))).toEqual([
      'done',
      'market.repricing',
      'market.repricing',
      'done',
      'done',
    ]);
    expect(types(world.wait(1_000).events)).toEqual(['market.bookRepriced']);
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('with more orders than one block works off goes on in the next, and takes none meanwhile', () => {
    const world = market();
    for (let i = 0; i < 21; i++)
      world.must('bob', ...Array.from({ length: 1_000 }, () => place('bob', 'bid', 1, 100, { interval: NEXT })));
    world.must('erc', publish(1, entryWith({ gridFee: 1 })));
    const ran = world.run('bob', place('bob', 'bid', 1, 100, { interval: NEXT }));
    expect(ran.events.filter(({ type }) => type === 'market.orderClosed')).toHaveLength(20_000);
    expect(ran.outcomes).toMatchObject([{ code: 'market.repricing' }]);
    const { events } = world.wait(1_000);
    expect(events).toHaveLength(1_001);
    expect(events.at(-1)).toMatchObject({ type: 'market.bookRepriced' });
    expect(world.held('bob')).toBe(0n);
    world.must('bob', place('bob', 'bid', 1, 100, { interval: NEXT }));
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('that is undone leaves a book under the terms that it had', () => {
    const world = market();
    world.must('bob', place('bob', 'bid', 300, 1_000, { interval: NEXT }));
    const held = world.held('bob');
    const before = world.ledger.stateDigest;
    world.executeOnly([world.envelope('erc', [publish(1, entryWith({ gridFee: 300 }))])]);
    world.ledger.undo();
    world.must('erc', publish(1, entryWith({ gridFee: 200 })));
    const after = world.ledger.stateDigest;
    world.executeOnly([]);
    expect(world.held('bob')).toBe(0n);
    world.ledger.undo();
    expect([world.held('bob'), world.ledger.stateDigest]).toEqual([held, after]);
    expect(before).not.toEqual(after);
    expect(types(world.wait(1_000).events)).toEqual(['market.orderClosed', 'market.bookRepriced']);
    world.must('bob', place('bob', 'bid', 300, 1_000, { interval: NEXT }));
    expect(world.held('bob')).toBe(3_060_000n);
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('pays whom it names, wheeling and tax among them, and every residue to the operator of the delivery zone', () => {
    const world = market();
    world.must('erc', {
      type: 'tariffs.publish',
      basedOn: 1,
      entries: [
        entryWith({
          wires: [{ wheeling: 10_700, exit: 0, losses: 37 }],
          platformFee: 25,
          payer: { buyerShare: 7_500, sellerShare: 2_500 },
          vat: { rate: 700, on: ['gridFee', 'losses', 'platformFee', 'wheeling'] },
          payees: { platform: id('cat'), tax: id('dan') },
        }),
      ],
    });
    const start = world.available('mea account');
    world.measure('ann', { producedWh: 10_007 });
    world.must('ann', place('ann', 'ask', 333, 10_007));
    const { events } = world.must('bob', place('bob', 'bid', 500, 10_007));
    const traded = events.find((event) => event.type === 'market.traded');
    // 333 x 10007 x 10 = 33,323,310; of it 1.7334 % are charged, three quarters to the buyer; wheeling is 1.1449 THB/kWh.
    expect(traded).toMatchObject({
      notional: '33323310',
      buyerFee: '433219',
      sellerFee: '144406',
      wheeling: '11457014',
      platform: '83308',
      tax: String(37_788 + 749_524),
      toOperator: String(433_219 + 144_406 + 11_457_014 - 83_308 - 37_788 - 749_524),
    });
    expect([world.available('cat'), world.available('dan')]).toEqual([83_308n, 787_312n]);
    expect(world.available('mea account') - start).toBe(11_164_019n);
    expect(10_000n * THB - world.available('bob')).toBe(33_323_310n + 433_219n + 11_457_014n);
    expect(world.available('ann') - 10_000n * THB).toBe(33_323_310n - 144_406n);
    expect(auditState(world.ledger)).toEqual([]);
  });
});
