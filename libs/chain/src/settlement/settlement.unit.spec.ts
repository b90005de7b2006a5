import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  naiveNetting,
  naiveSettlement,
  naiveShares,
  type NaiveReading,
  type NaiveZone,
} from './naive-settlement.spec.js';
import { allocate, shareOf } from './allocation.js';
import { controlAccount, flowsOf, NO_FLOWS, addFlows, subtractFlows } from './control.js';
import { resettle, resultOf, type NamedHistory } from './correction.js';
import type { HistoryEntry, TariffEntry, TradeEntry } from './history.js';
import { billOf, PARTIES, tradeMoney } from './money.js';
import { netCycle, type Due } from './netting.js';
import { deliveriesOf, positionOf, type PositionResult } from './position.js';

const HASH = 'ab'.repeat(32);
const sumOf = (numbers: readonly bigint[]): bigint => numbers.reduce((a, b) => a + b, 0n);

const tradeOf = (parts: Partial<TradeEntry>): TradeEntry => {
  const { buyerFee = 0, sellerFee = 0, wheeling = 0, fromOperator = 0, platform = 0, tax = 0 } = parts;
  return {
    kind: 'trade',
    trade: 1,
    phase: 'forward',
    bid: HASH,
    ask: HASH,
    buyer: 'buyer',
    seller: 'seller',
    fromZone: 'F1',
    toZone: 'T1',
    priceTicks: 400,
    quantityWh: 1_000,
    tariffVersion: 1,
    tariffHash: HASH,
    ...parts,
    buyerFee,
    sellerFee,
    wheeling,
    fromOperator,
    platform,
    tax,
    toOperator: buyerFee + sellerFee + wheeling - fromOperator - platform - tax,
  };
};
const tariffOf = (parts: Partial<TariffEntry> = {}): TariffEntry => ({
  kind: 'tariff',
  version: 1,
  hash: HASH,
  topUpRate: 45_000,
  surplusRate: 22_000,
  allocation: 'fifo',
  ...parts,
});
const readingOf = (meter: string, consumedWh: number, producedWh: number, version = 1): HistoryEntry => ({
  kind: 'reading',
  meter,
  version,
  quality: 'actual',
  consumedWh,
  producedWh,
});

describe('what was metered', () => {
  it('is shared out first come first served, or in proportion with the last Wh to the largest remainders', () => {
    expect(allocate(8, [5, 4], 'fifo')).toEqual([5, 3]);
    expect(allocate(8, [5, 4], 'proRata')).toEqual([4, 4]);
    expect(allocate(5, [3, 3, 3], 'proRata')).toEqual([2, 2, 1]);
    expect(allocate(9, [5, 4], 'fifo')).toEqual([5, 4]);
    expect(allocate(0, [5, 4], 'proRata')).toEqual([0, 0]);
  });

  it('is shared out as somebody with paper would, never more than there is and never more than is wanted', () => {
    const large = fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 1_000_000_000_000 }));
    fc.assert(
      fc.property(
        large,
        fc.array(large, { maxLength: 8 }),
        fc.constantFrom('fifo', 'proRata'),
        (total, wants, rule) => {
          const shares = allocate(total, wants, rule);
          expect(shares.map((share) => BigInt(share))).toEqual(
            naiveShares(
              BigInt(total),
              wants.map((want) => BigInt(want)),
              rule,
            ),
          );
          expect(shares.every((share, i) => share >= 0 && share <= (wants[i] ?? -1))).toBe(true);
          expect(shares.reduce((a, b) => a + b, 0)).toBe(
            Math.min(
              total,
              wants.reduce((a, b) => a + b, 0),
            ),
          );
        },
      ),
    );
  });

  it('is divided exactly beyond the safe integers too', () => {
    const money = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
    const wh = fc.integer({ min: 0, max: 1_000_000_000_000 });
    fc.assert(
      fc.property(money, wh, wh, (amount, a, b) => {
        const whole = Math.max(a, b, 1);
        expect(BigInt(shareOf(amount, Math.min(a, b), whole))).toBe(
          (BigInt(amount) * BigInt(Math.min(a, b))) / BigInt(whole),
        );
      }),
    );
  });
});

describe('a trade that is delivered in part', () => {
  const trade = tradeOf({ buyerFee: 101, sellerFee: 7, wheeling: 1_150, fromOperator: 400, platform: 13, tax: 70 });

  it('costs the buyer what was agreed, and the seller what the operator asks beyond that', () => {
    const bill = billOf(trade, 600, 45_000);
    expect(bill).toMatchObject({ energy: 2_400_000, shortfallWh: 400, buyerTopUp: 1_600_000n, sellerTopUp: 200_000n });
    expect(billOf(trade, 600, 30_000)).toMatchObject({ buyerTopUp: 1_200_000n, sellerTopUp: 0n });
  });

  it('is charged for what was delivered: payers round up, payees down, and the delivery operator gets the rest', () => {
    expect(billOf(trade, 333, 45_000)).toMatchObject({
      buyerFee: 34,
      sellerFee: 3,
      wheeling: 383,
      fromOperator: 133,
      platform: 4,
      tax: 23,
      toOperator: 260,
    });
  });

  it('of which all was delivered is charged as at the match; of which nothing was, not at all', () => {
    expect(billOf(trade, 1_000, 45_000)).toMatchObject({ ...pickCharges(trade), buyerTopUp: 0n, sellerTopUp: 0n });
    const nothing = tradeMoney(trade, 0, 45_000);
    expect(nothing).toEqual({
      buyer: -4_000_000n,
      seller: -500_000n,
      toOperator: 4_500_000n,
      fromOperator: 0n,
      platform: 0n,
      tax: 0n,
    });
  });

  it('sums to zero over six parties, whatever it is, and pays nobody less than nothing', () => {
    const charge = fc.integer({ min: 0, max: 1_000_000_000_000_000 });
    fc.assert(
      fc.property(
        fc.tuple(charge, charge, charge, charge, charge, charge),
        fc.integer({ min: 1, max: 1_000_000_000_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 400 }),
        fc.integer({ min: 0, max: 1_000_000_000 }),
        ([buyerFee, sellerFee, wheeling, a, b, c], quantityWh, share, priceTicks, topUpRate) => {
          const charges = buyerFee + sellerFee + wheeling;
          const fromOperator = a % (charges + 1);
          const platform = b % (charges - fromOperator + 1);
          const tax = c % (charges - fromOperator - platform + 1);
          const it = tradeOf({ buyerFee, sellerFee, wheeling, fromOperator, platform, tax, quantityWh, priceTicks });
          const money = tradeMoney(it, Math.floor(share * quantityWh), topUpRate);
          expect(sumOf(PARTIES.map((party) => money[party]))).toBe(0n);
          for (const party of ['toOperator', 'fromOperator', 'platform', 'tax'] as const)
            expect(money[party] >= 0n).toBe(true);
        },
      ),
    );
  });
});

function pickCharges({ buyerFee, sellerFee, wheeling, toOperator, fromOperator, platform, tax }: TradeEntry): object {
  return { buyerFee, sellerFee, wheeling, toOperator, fromOperator, platform, tax };
}

describe('a position', () => {
  const purchase = tradeOf({ trade: 4, buyer: 'ann', toZone: 'Z1', fromZone: 'Z1', quantityWh: 700, phase: 'spot' });
  const result = (history: readonly HistoryEntry[]): PositionResult | undefined =>
    resultOf({ account: 'ann', zone: 'Z1', history });

  it('uses what it bought, and what is left over goes to the operator', () => {
    expect(result([purchase, readingOf('m', 500, 0), tariffOf()])).toMatchObject({
      usedWh: 500,
      surplusWh: 200,
      surplusAmount: 440_000n,
      retailWh: 0,
    });
    expect(result([purchase, readingOf('m', 900, 0), tariffOf()])).toMatchObject({
      usedWh: 700,
      surplusWh: 0,
      retailWh: 200,
      retailAmount: 900_000n,
    });
  });

  it('without a reading is neither used nor bought: what is missing is not zero', () => {
    expect(result([purchase, tariffOf()])).toMatchObject({ isMetered: false, usedWh: 0, surplusWh: 0, expiredWh: 700 });
    expect(result([purchase, readingOf('m', 0, 0), tariffOf()])).toMatchObject({ surplusWh: 700, expiredWh: 0 });
  });

  it('counts the highest version of each meter, whatever order they came in, and sums meters each way', () => {
    const history = [readingOf('m', 0, 900, 2), readingOf('m', 0, 500), readingOf('n', 300, 0), tariffOf()];
    expect(result(history)).toMatchObject({ exportWh: 900, importWh: 300, surplusWh: 900, retailWh: 300 });
    expect(result([])).toBe(undefined);
  });
});

interface Scene {
  readonly zones: ReadonlyMap<string, NaiveZone>;
  readonly readings: readonly NaiveReading[];
  readonly trades: readonly TradeEntry[];
  /** Later readings of meters, in any order, some of them twice. */
  readonly corrections: readonly NaiveReading[];
}

const ZONES = ['Z1', 'Z2'] as const;
const NAMES = ['ann', 'bob', 'cat', 'dan'] as const;
const energy = fc.oneof(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 1_000_000 }));
const reading: fc.Arbitrary<NaiveReading> = fc
  .record({
    account: fc.constantFrom(...NAMES),
    zone: fc.constantFrom(...ZONES),
    which: fc.constantFrom('1', '2'),
    consumed: energy,
    produced: energy,
  })
  .map(({ account, zone, which, consumed, produced }) => ({
    account,
    zone,
    meter: `${account} ${zone} ${which}`,
    consumed: BigInt(consumed),
    produced: BigInt(produced),
  }));
const charge = fc.integer({ min: 0, max: 100_000 });
const match = fc.record({
  buyer: fc.constantFrom(...NAMES),
  seller: fc.constantFrom(...NAMES),
  fromZone: fc.constantFrom(...ZONES),
  toZone: fc.constantFrom(...ZONES),
  priceTicks: fc.integer({ min: 1, max: 1_000 }),
  quantityWh: fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 500_000 })),
  charges: fc.tuple(charge, charge, charge),
  parts: fc.tuple(charge, charge, charge),
});
const scene: fc.Arbitrary<Scene> = fc
  .record({
    zones: fc.array(
      fc.record({
        topUp: fc.integer({ min: 0, max: 60_000 }).map(BigInt),
        surplus: fc.integer({ min: 0, max: 60_000 }).map(BigInt),
        rule: fc.constantFrom('fifo', 'proRata'),
      } as const),
      { minLength: 2, maxLength: 2 },
    ),
    readings: fc.uniqueArray(reading, { maxLength: 8, selector: ({ meter }) => meter }),
    matches: fc.array(match, { maxLength: 10 }),
    corrections: fc.array(reading, { maxLength: 10 }),
  })
  .map(({ zones, readings, matches, corrections }) => ({
    zones: new Map(ZONES.map((zone, i) => [zone, zones[i] as NaiveZone])),
    readings,
    corrections,
    trades: matches
      .filter(({ buyer, seller }) => buyer !== seller)
      .map(({ charges: [buyerFee, sellerFee, wheeling], parts: [a, b, c], ...rest }, i) => {
        const all = buyerFee + sellerFee + wheeling;
        const fromOperator = a % (all + 1);
        const platform = b % (all - fromOperator + 1);
        const tax = c % (all - fromOperator - platform + 1);
        return tradeOf({ ...rest, trade: i + 1, buyerFee, sellerFee, wheeling, fromOperator, platform, tax });
      }),
  }));

/** All positions of one interval, settled by histories alone, with the money that came of it. */
class Books {
  readonly histories = new Map<string, { account: string; zone: string; history: HistoryEntry[] }>();
  readonly money = new Map<string, bigint>();
  private readonly tariffs: ReadonlyMap<string, TariffEntry>;
  /** Wh by zone, at settlement and by corrections. */
  flows = new Map<string, ReturnType<typeof flowsOf>>();
  corrected = new Map<string, ReturnType<typeof flowsOf>>();

  constructor(readonly scene: Scene) {
    this.tariffs = new Map(
      [...scene.zones].map(([zone, { topUp, surplus, rule }]) => [
        zone,
        tariffOf({ topUpRate: Number(topUp), surplusRate: Number(surplus), allocation: rule }),
      ]),
    );
  }

  tariff(zone: string): TariffEntry {
    return this.tariffs.get(zone) as TariffEntry;
  }

  named(account: string, zone: string): { account: string; zone: string; history: HistoryEntry[] } {
    const key = `${account}/${zone}`;
    let named = this.histories.get(key);
    if (named === undefined) this.histories.set(key, (named = { account, zone, history: [] }));
    return named;
  }

  pay(who: string, amount: bigint): void {
    this.money.set(who, (this.money.get(who) ?? 0n) + amount);
  }

  payTrade(trade: TradeEntry, money: ReturnType<typeof tradeMoney>): void {
    this.pay(trade.buyer, money.buyer);
    this.pay(trade.seller, money.seller);
    this.pay(`to ${trade.toZone}`, money.toOperator);
    this.pay(`from ${trade.fromZone}`, money.fromOperator);
    this.pay('platform', money.platform);
    this.pay('tax', money.tax);
  }

  paySurplus({ account, zone }: NamedHistory, amount: bigint): void {
    this.pay(account, amount);
    this.pay(`to ${zone}`, -amount);
  }

  settle(): void {
    for (const { account, zone, meter, consumed, produced } of this.scene.readings)
      this.named(account, zone).history.push(readingOf(meter, Number(consumed), Number(produced)));
    for (const trade of this.scene.trades)
      for (const side of [this.named(trade.seller, trade.fromZone), this.named(trade.buyer, trade.toZone)])
        side.history.push(trade);
    for (const { account, zone, history } of this.histories.values()) {
      const position = positionOf(account, zone, history);
      deliveriesOf(position, this.tariff(zone).allocation).forEach((deliveredWh, i) => {
        const { entry } = position.sales[i] as (typeof position.sales)[number];
        const { topUpRate } = this.tariff(entry.toZone);
        const delivery: HistoryEntry = { kind: 'delivery', trade: entry.trade, deliveredWh, topUpRate };
        for (const side of [this.named(entry.seller, entry.fromZone), this.named(entry.buyer, entry.toZone)])
          side.history.push(delivery);
        this.payTrade(entry, tradeMoney(entry, deliveredWh, topUpRate));
      });
    }
    for (const named of this.histories.values()) {
      named.history.push(this.tariff(named.zone));
      const result = this.result(named);
      this.paySurplus(named, result.surplusAmount);
      this.flows.set(named.zone, addFlows(this.flows.get(named.zone) ?? NO_FLOWS, flowsOf(result)));
    }
  }

  result(named: NamedHistory): PositionResult {
    return resultOf(named) as PositionResult;
  }

  correct({ account, zone, meter, consumed, produced }: NaiveReading): void {
    const named = this.named(account, zone);
    const version = named.history.filter((entry) => entry.kind === 'reading' && entry.meter === meter).length + 1;
    const reading = readingOf(meter, Number(consumed), Number(produced), version);
    const isNew = named.history.length === 0;
    const correction = {
      readings: [reading as HistoryEntry & { kind: 'reading' }],
      tariff: isNew ? this.tariff(zone) : undefined,
    };
    const rate = (trade: TradeEntry): number => this.tariff(trade.toZone).topUpRate;
    const outcome = resettle(named, correction, rate, [...this.histories.values()]);
    if ('missing' in outcome) throw new Error('all are known');
    for (const { trade, money } of outcome.trades) {
      if (sumOf(PARTIES.map((party) => money[party])) !== 0n) throw new Error('a difference sums to zero');
      this.payTrade(trade, money);
    }
    for (const position of outcome.positions) {
      const { before, after, history } = position;
      this.named(position.account, position.zone).history = [...history];
      this.paySurplus(position, after.surplusAmount - (before?.surplusAmount ?? 0n));
      const flows = subtractFlows(flowsOf(after), before === undefined ? NO_FLOWS : flowsOf(before));
      this.corrected.set(position.zone, addFlows(this.corrected.get(position.zone) ?? NO_FLOWS, flows));
    }
  }
}

const entriesOf = (map: ReadonlyMap<string, bigint>): [string, bigint][] =>
  [...map].filter(([, amount]) => amount !== 0n).sort(([a], [b]) => (a < b ? -1 : 1));

const naiveOf = ({ zones, trades }: Scene, readings: readonly NaiveReading[]): ReturnType<typeof naiveSettlement> =>
  naiveSettlement(
    zones,
    readings,
    trades.map((trade) => ({
      ...trade,
      price: BigInt(trade.priceTicks),
      quantity: BigInt(trade.quantityWh),
      buyerFee: BigInt(trade.buyerFee),
      sellerFee: BigInt(trade.sellerFee),
      wheeling: BigInt(trade.wheeling),
      fromOperator: BigInt(trade.fromOperator),
      platform: BigInt(trade.platform),
      tax: BigInt(trade.tax),
    })),
  );

describe('settlement and re-settlement', () => {
  it('come to what somebody with paper gets from the last readings and the trades, however these were corrected', () => {
    fc.assert(
      fc.property(scene, (it) => {
        const books = new Books(it);
        books.settle();
        expect(entriesOf(books.money)).toEqual(entriesOf(naiveOf(it, it.readings).money));
        const last = new Map(it.readings.map((each) => [each.meter, each]));
        for (const correction of it.corrections) {
          books.correct(correction);
          last.set(correction.meter, correction);
        }
        const naive = naiveOf(it, [...last.values()]);
        expect(entriesOf(books.money)).toEqual(entriesOf(naive.money));
        expect(sumOf([...books.money.values()])).toBe(0n);
        for (const [key, named] of books.histories) {
          const result = books.result(named);
          expect([result.usedWh, result.surplusWh, result.expiredWh, result.retailWh].map((wh) => BigInt(wh))).toEqual([
            naive.used.get(key),
            naive.surplus.get(key),
            naive.expired.get(key),
            naive.retail.get(key),
          ]);
          for (const { entry, deliveredWh } of positionOf(named.account, named.zone, named.history).sales)
            expect(BigInt(deliveredWh)).toBe(naive.delivered.get(entry.trade));
        }
      }),
      { numRuns: 400 },
    );
  });

  it('leave nothing of the energy unexplained, and use no Wh twice', () => {
    fc.assert(
      fc.property(scene, (it) => {
        const books = new Books(it);
        books.settle();
        for (const correction of it.corrections) books.correct(correction);
        for (const zone of ZONES) {
          const flows = books.flows.get(zone) ?? NO_FLOWS;
          const corrected = books.corrected.get(zone) ?? NO_FLOWS;
          expect(controlAccount(0n, flows, corrected, 0n).unexplainedWh).toBe(0n);
        }
        for (const named of books.histories.values()) {
          const { soldWh, exportWh, usedWh, importWh } = books.result(named);
          expect(soldWh).toBeLessThanOrEqual(exportWh);
          expect(usedWh).toBeLessThanOrEqual(importWh);
        }
      }),
    );
  });

  it('of the same reading again changes nothing', () => {
    fc.assert(
      fc.property(scene, (it) => {
        const books = new Books(it);
        books.settle();
        const before = new Map(books.money);
        for (const same of it.readings) books.correct(same);
        expect(books.money).toEqual(before);
      }),
    );
  });

  it('prices what was not delivered, and what was left over, by the tariff that a late decision put in force', () => {
    const trade = tradeOf({ seller: 'ann', fromZone: 'Z1', buyer: 'bob', toZone: 'Z2' });
    const delivery: HistoryEntry = { kind: 'delivery', trade: 1, deliveredWh: 400, topUpRate: 45_000 };
    const ann = { account: 'ann', zone: 'Z1', history: [trade, readingOf('a', 0, 400), delivery, tariffOf()] };
    const bob = { account: 'bob', zone: 'Z2', history: [trade, readingOf('b', 300, 0), delivery, tariffOf()] };
    const tariff = tariffOf({ version: 2, topUpRate: 58_000, surplusRate: 20_000 });
    const rate = (): number => 58_000;
    expect(resettle(bob, { readings: [], tariff }, rate, [])).toEqual({ missing: { account: 'ann', zone: 'Z1' } });
    const outcome = resettle(bob, { readings: [], tariff }, rate, [ann]);
    expect(outcome).toMatchObject({
      positions: [
        { account: 'bob', before: { surplusAmount: 220_000n }, after: { surplusAmount: 200_000n } },
        { account: 'ann', before: { soldWh: 400 }, after: { soldWh: 400 } },
      ],
      // 600 Wh at 5.80 instead of 4.50: the buyer pays 4.00 as before.
      trades: [{ money: { buyer: 0n, seller: -780_000n, toOperator: 780_000n } }],
    });
  });
});

describe('a cycle of dues', () => {
  const due = (payer: string, payee: string, amount: bigint): Due => ({ payer, payee, amount });

  it('is paid by its balances, however many owe each other', () => {
    const cycle = netCycle([due('ann', 'bob', 100n), due('bob', 'cat', 90n), due('cat', 'ann', 80n)], () => 20n);
    expect(cycle).toMatchObject({ grossTotal: 270n, netTotal: 20n, waiting: [], unable: [] });
    expect(cycle.net).toEqual([
      { account: 'ann', amount: -20n },
      { account: 'bob', amount: 10n },
      { account: 'cat', amount: 10n },
    ]);
  });

  it('leaves out who cannot pay, and then who cannot pay without what that one owed', () => {
    const cycle = netCycle([due('ann', 'bob', 100n), due('bob', 'cat', 100n), due('dan', 'cat', 5n)], (account) =>
      account === 'dan' ? 5n : 0n,
    );
    expect(cycle.unable).toEqual(['ann', 'bob']);
    expect(cycle.settled).toEqual([due('dan', 'cat', 5n)]);
    expect(cycle.waiting).toEqual([due('ann', 'bob', 100n), due('bob', 'cat', 100n)]);
  });

  it('is what somebody gets who begins again after each that cannot pay', () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const name = fc.constantFrom(...names);
    const dues = fc
      .array(fc.tuple(name, name, fc.bigInt({ min: 1n, max: 50n })), { maxLength: 20 })
      .map((list) => list.filter(([a, b]) => a !== b).map(([a, b, amount]) => due(a, b, amount)));
    const means = fc.array(fc.bigInt({ min: 0n, max: 60n }), { minLength: 6, maxLength: 6 });
    fc.assert(
      fc.property(dues, means, (list, amounts) => {
        const available = new Map(names.map((each, i) => [each, amounts[i] ?? 0n]));
        const cycle = netCycle(list, (account) => available.get(account) ?? 0n);
        const naive = naiveNetting(list, available);
        expect(cycle.unable).toEqual(naive.unable);
        expect(cycle.settled).toEqual(naive.settled);
        expect(cycle.net.map(({ account, amount }) => [account, amount])).toEqual(entriesOf(naive.net));
        expect(sumOf(cycle.net.map(({ amount }) => amount))).toBe(0n);
        expect(cycle.grossTotal + sumOf(cycle.waiting.map(({ amount }) => amount))).toBe(
          sumOf(list.map(({ amount }) => amount)),
        );
        for (const { account, amount } of cycle.net) expect(amount + (available.get(account) ?? 0n) >= 0n).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
