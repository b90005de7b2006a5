import { describe, expect, it } from '@jest/globals';
import { compareText, formatTime, millis, toHex, utf8 } from '@gridtokenx/kernel';
import type { Operation } from '@gridtokenx/protocol';
import fc from 'fast-check';
import { auditState, isOpenOrder } from '../index.js';
import { NaiveMarket } from '../spec/naive-market.spec.js';
import { crypto, id, INTERVAL, KWH, place, World } from '../spec/world.spec.js';

const NEVER_PLACED = 'f'.repeat(64);
const NAMES = ['ann', 'bob', 'cat', 'mea account'] as const;
type Step =
  | {
      kind: 'place';
      who: number;
      side: 'bid' | 'ask';
      price: number;
      quantity: number;
      tif: 'GTC' | 'IOC' | 'FOK';
      lasts: number;
    }
  | { kind: 'cancel'; which: number }
  | { kind: 'replace'; which: number; price: number; quantity: number }
  | { kind: 'wait'; ms: number };

const quantity = fc.oneof(fc.integer({ min: 90, max: 3_000 }), fc.integer({ min: 100, max: 9_999_999 }));
const price = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 440, max: 460 }) },
  fc.constantFrom(1, 31, 32, 1_023, 1_024, 999_999, 1_000_000),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('place' as const),
      who: fc.nat(NAMES.length - 1),
      side: fc.constantFrom('bid' as const, 'ask' as const),
      price,
      quantity,
      tif: fc.constantFrom('GTC' as const, 'GTC' as const, 'GTC' as const, 'IOC' as const, 'FOK' as const),
      lasts: fc.constantFrom(900_000, 900_000, 20_000, 2_500, 0),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cancel' as const), which: fc.nat(60) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('replace' as const), which: fc.nat(60), price, quantity }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 6_000 }) }) },
);

const terms = fc.record({
  feeRate: fc.constantFrom(0, 1, 100, 333, 5_000),
  sellerShare: fc.constantFrom(0, 2_500, 3_333, 10_000),
});

/** What can be seen of either market, in one encoding. */
const neutral = (orders: unknown[], balances: unknown[], trades: unknown[]): string =>
  toHex(crypto.sha256(utf8(JSON.stringify([orders, balances, trades]))));

function start({ feeRate, sellerShare }: { feeRate: number; sellerShare: number }): {
  world: World;
  naive: NaiveMarket;
} {
  const world = new World({ feeRate, sellerShare });
  for (const name of NAMES) world.fund(name, 60_000);
  for (const name of NAMES.slice(0, 3)) {
    world.ownKey(name);
    world.measure(name, { producedWh: 8_000_000 });
  }
  const naive = new NaiveMarket({
    feeRate: BigInt(feeRate),
    buyerShare: 10_000n - BigInt(sellerShare),
    sellerShare: BigInt(sellerShare),
    operator: id('mea account'),
    closesAt: world.ledger.state.market.schedule(INTERVAL).closesAt,
  });
  for (const name of NAMES) naive.watt.set(id(name), 60_000_000_000n);
  for (const name of NAMES.slice(0, 3)) naive.kwh.set(id(name), 8_000_000n);
  world.must('mea', {
    type: 'registry.registerKey',
    key: world.keyOf('mea account'),
    owner: { kind: 'account', account: id('mea account') },
  });
  return { world, naive };
}

function play(world: World, naive: NaiveMarket, steps: readonly Step[]): { fast: string; slow: string } {
  const placed: { id: string; who: number }[] = [];
  const trades: unknown[] = [];
  for (const move of steps) {
    const blockTime = world.ledger.marketTime + 1_000;
    let operation: Operation;
    let who = 0;
    switch (move.kind) {
      case 'wait':
        world.wait(move.ms);
        naive.now = world.ledger.marketTime;
        naive.expire();
        continue;
      case 'place':
        who = move.who;
        operation = place(NAMES[who] ?? '', move.side, move.price, move.quantity, {
          timeInForce: move.tif,
          expiresAt: formatTime(millis(blockTime + move.lasts)),
        });
        break;
      case 'cancel':
      case 'replace': {
        const victim = placed[move.which] ?? { id: NEVER_PLACED, who: 0 };
        who = victim.who;
        operation =
          move.kind === 'cancel'
            ? { type: 'market.cancelOrder', order: victim.id }
            : {
                type: 'market.replaceOrder',
                order: victim.id,
                priceTicks: move.price,
                quantityWh: String(move.quantity),
              };
        break;
      }
    }
    const { outcomes, events, ids } = world.run(NAMES[who] ?? '', operation);
    const order = ids[0] ?? '';
    naive.now = blockTime;
    naive.expire();
    let expected: string;
    if (move.kind === 'place')
      expected = naive.place(
        order,
        id(NAMES[who] ?? ''),
        move.side,
        move.price,
        move.quantity,
        move.tif,
        blockTime + move.lasts,
      );
    else {
      const victim = placed[move.which]?.id ?? NEVER_PLACED;
      expected =
        move.kind === 'cancel' ? naive.cancel(victim) : naive.replace(order, victim, move.price, move.quantity);
    }
    const [outcome] = outcomes;
    expect(outcome?.status === 'rejected' ? outcome.code : 'ok').toBe(expected);
    if (move.kind !== 'cancel') placed.push({ id: order, who });
    for (const event of events)
      if (event.type === 'market.traded')
        trades.push({
          bid: event.bid,
          ask: event.ask,
          price: String(event.priceTicks),
          quantity: event.quantityWh,
          buyerFee: event.buyerFee,
          sellerFee: event.sellerFee,
        });
  }
  expect(trades).toEqual(naive.trades);
  const { state } = world.ledger;
  const resting = [...state.market.orders.rows.values()]
    .flatMap((cell) =>
      isOpenOrder(cell.value) ? [[cell.key, cell.value.remainingWh.toString(), cell.value.held.toString()]] : [],
    )
    .sort(([a = ''], [b = '']) => compareText(a, b));
  const naiveResting = naive.orders
    .map((order) => [order.id, order.remaining.toString(), naive.hold(order).toString()])
    .sort(([a = ''], [b = '']) => compareText(a, b));
  expect(resting).toEqual(naiveResting);
  const balances = NAMES.flatMap((name) => [world.available(name).toString(), world.available(name, KWH).toString()]);
  const naiveBalances = NAMES.flatMap((name) => [
    naive.available(id(name), 'bid').toString(),
    naive.available(id(name), 'ask').toString(),
  ]);
  expect(balances).toEqual(naiveBalances);
  expect(auditState(world.ledger)).toEqual([]);
  return { fast: neutral(resting, balances, trades), slow: neutral(naiveResting, naiveBalances, naive.trades) };
}

describe('the market and its naive twin', () => {
  it('agree on trades, refusals, balances, escrow and resting orders, whatever is asked of them', () => {
    fc.assert(
      fc.property(terms, fc.array(step, { minLength: 20, maxLength: 90 }), (fees, steps) => {
        const { world, naive } = start(fees);
        const { fast, slow } = play(world, naive, steps);
        expect(fast).toBe(slow);
      }),
      { numRuns: 60, seed: 4_242 },
    );
  });
});
