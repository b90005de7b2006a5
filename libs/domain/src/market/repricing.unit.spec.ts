import { describe, expect, it } from '@jest/globals';
import { formatInterval, formatTime, INTERVAL_MS, millis } from '@gridtokenx/kernel';
import type { EventOf, EventType, LedgerEvent, Operation, TariffEntry } from '@gridtokenx/protocol';
import fc from 'fast-check';
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

  it('ends orders that wait for their time too: they hold what the former terms asked for', () => {
    const world = market();
    const validFrom = formatTime(millis(START + INTERVAL_MS - (START % INTERVAL_MS)));
    world.must('bob', place('bob', 'bid', 300, 1_000, { interval: NEXT, validFrom }));
    expect(world.held('bob')).toBe(3_030_000n);
    world.must('erc', publish(1, entryWith({ gridFee: 200 })));
    expect(world.wait(1_000).events).toMatchObject([
      { type: 'market.orderClosed', reason: 'tariffChanged', remainingWh: '1000' },
      { type: 'market.bookRepriced' },
    ]);
    expect(world.held('bob')).toBe(0n);
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('leaves a contract its payees too: who was to be paid at the match is paid at the settlement', () => {
    const world = market();
    const charges = {
      platformFee: 25,
      vat: { rate: 700, on: ['gridFee', 'platformFee'] },
    } satisfies Partial<TariffEntry>;
    world.must('erc', publish(1, entryWith({ ...charges, payees: { platform: id('cat'), tax: id('dan') } })));
    world.must('ann', place('ann', 'ask', 400, 10_000, { interval: NEXT }));
    world.must('bob', place('bob', 'bid', 400, 10_000, { interval: NEXT }));
    world.must('erc', publish(2, entryWith({ ...charges, topUp: { kind: 'rate', rate: 70_000 } })));
    world.wait(5 * INTERVAL_MS);
    world.measure('ann', { producedWh: 5_000, interval: NEXT });
    const { events } = world.wait(2 * INTERVAL_MS);
    // Half of it was delivered: 20 THB, of which 1.25 % and 7 % on that are charged. The rest costs what it costs now.
    expect(events.find(({ type }) => type === 'settlement.contractSettled')).toMatchObject({
      deliveredWh: '5000',
      platform: '50000',
      tax: '17500',
      topUpRate: 70_000,
    });
    expect([world.available('cat'), world.available('dan')]).toEqual([50_000n, 17_500n]);
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

type Traded = EventOf<'market.traded'>;

/** What a trade comes to by the entry of its version, in whole numbers of any size, from all that its orders traded before. */
function naiveTrade(entry: TariffEntry, traded: Traded, before: ReadonlyMap<string, bigint>): Partial<Traded> {
  const wh = BigInt(traded.quantityWh);
  const notional = BigInt(traded.priceTicks) * wh * 10n;
  const { wheeling: wires, losses } = entry.wires[0] ?? { wheeling: 0, losses: 0 };
  const vat = BigInt(entry.vat.rate);
  const fees = BigInt(entry.gridFee + losses + entry.platformFee);
  // In 0.0001 of 0.0001 of the notional.
  const charged = fees * 10_000n + fees * vat;
  const due = (order: string, share: number): bigint => {
    const sum = (of: bigint): bigint => (of * charged * BigInt(share)) / 1_000_000_000_000n;
    return sum((before.get(order) ?? 0n) + notional) - sum(before.get(order) ?? 0n);
  };
  const [buyerFee, sellerFee] = [due(traded.bid, entry.payer.buyerShare), due(traded.ask, entry.payer.sellerShare)];
  const all = buyerFee + sellerFee;
  const wheelingTax = (BigInt(wires) * vat) / 10_000n;
  const wheeling = ((BigInt(wires) + wheelingTax) * wh) / 10n;
  const platform = charged === 0n ? 0n : (all * BigInt(entry.platformFee) * 10_000n) / charged;
  const tax = (charged === 0n ? 0n : (all * fees * vat) / charged) + (wheelingTax * wh) / 10n;
  const told = { notional, buyerFee, sellerFee, toOperator: all + wheeling - platform - tax, wheeling, platform, tax };
  return Object.fromEntries(Object.entries(told).map(([name, value]) => [name, value.toString()]));
}

const numbers = fc.record({
  gridFee: fc.constantFrom(0, 50, 100, 333),
  platformFee: fc.constantFrom(0, 25),
  vat: fc.constantFrom(0, 700, 1_000),
  buyerShare: fc.constantFrom(0, 5_000, 7_500, 10_000),
  wheeling: fc.constantFrom(0, 301, 10_700),
  losses: fc.constantFrom(0, 37),
});
const step = fc.oneof(
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('publish' as const), numbers }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('place' as const),
      side: fc.constantFrom('bid' as const, 'ask' as const),
      price: fc.integer({ min: 330, max: 460 }),
      wh: fc.integer({ min: 100, max: 9_999 }),
      isForward: fc.boolean(),
    }),
  },
);

it('whatever is published between orders, each trade comes to what its version says, and no money is lost', () => {
  let trades = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 30, maxLength: 60 }), (steps) => {
      const world = market();
      world.measure('ann', { producedWh: 1_000_000 });
      const entries = [...world.genesis.tariffs.entries];
      const traded = new Map<string, bigint>();
      for (const one of steps) {
        let operation: Operation;
        let by = 'erc';
        if (one.kind === 'publish') {
          const { gridFee, platformFee, vat, buyerShare, wheeling, losses } = one.numbers;
          const entry = entryWith({
            gridFee,
            platformFee,
            payer: { buyerShare, sellerShare: 10_000 - buyerShare },
            vat: { rate: vat, on: ['gridFee', 'losses', 'platformFee', 'wheeling'] },
            wires: [{ wheeling, exit: 0, losses }],
            payees: { platform: id('cat'), tax: id('dan') },
          });
          operation = publish(world.tariffs.newest.book.version, entry);
        } else {
          by = one.side === 'bid' ? 'bob' : 'ann';
          operation = place(by, one.side, one.price, one.wh, one.isForward ? { interval: NEXT } : {});
        }
        const { events } = world.run(by, operation);
        if (one.kind === 'publish')
          entries[world.tariffs.newest.book.version - 1] ??= world.tariffs.newest.book.entries[0] as TariffEntry;
        for (const event of events) {
          if (event.type !== 'market.traded') continue;
          const entry = entries[event.tariffVersion - 1] as TariffEntry;
          trades++;
          const { bid, ask, fromOperator, platform, tax, wheeling, ...rest } = event;
          expect(event.tariffHash).toBe(world.tariffs.of(event.tariffVersion).hash);
          expect({ ...rest, platform, tax, wheeling }).toMatchObject(naiveTrade(entry, event, traded));
          expect(BigInt(rest.buyerFee) + BigInt(rest.sellerFee) + BigInt(wheeling)).toBe(
            BigInt(rest.toOperator) + BigInt(fromOperator) + BigInt(platform) + BigInt(tax),
          );
          for (const order of [bid, ask]) traded.set(order, (traded.get(order) ?? 0n) + BigInt(rest.notional));
        }
        expect(auditState(world.ledger)).toEqual([]);
      }
    }),
    { seed: 20_261_126, numRuns: 20 },
  );
  expect(trades).toBeGreaterThan(100);
});
