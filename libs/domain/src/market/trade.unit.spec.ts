import { readFileSync } from 'node:fs';
import { parseInterval } from '@gridtokenx/kernel';
import { entryAt, tariffBook, termsIn, type TariffEntry, type ZonePlace } from '@gridtokenx/protocol';
import { describe, expect, it } from '@jest/globals';
import { auditState } from '../index.js';
import { id, KWH, place, World } from '../spec/world.spec.js';
import { Book } from './book.js';
import { priced } from './trade.js';

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

interface Vectors {
  readonly book: unknown;
  readonly hash: string;
  readonly zones: readonly (ZonePlace & { readonly id: string })[];
  readonly fees: readonly {
    readonly interval: string;
    readonly fromZone: string;
    readonly toZone: string;
    readonly trades: readonly (Readonly<Record<string, string>> & { readonly priceTicks: number })[];
  }[];
}

describe('the published vectors of fees', () => {
  it('are what trades come to, with every residue, in safe integers', () => {
    const vectors = JSON.parse(
      readFileSync(new URL('../../../../vectors/tariffs.json', import.meta.url), 'utf8'),
    ) as Vectors;
    const tariffs = tariffBook.parse(vectors.book);
    const placeOf = (zone: string): ZonePlace => vectors.zones.find(({ id: name }) => name === zone) as ZonePlace;
    const { accounts } = new World().ledger.state;
    for (const { fromZone, toZone, interval, trades } of vectors.fees) {
      const start = parseInterval(interval) ?? 0;
      const entry = entryAt(tariffs, start) as TariffEntry;
      const terms = termsIn(entry, tariffs.calendar, { from: placeOf(fromZone), to: placeOf(toZone), start });
      if (terms === undefined) throw new Error('the book of the vectors prices them');
      const whose = { version: 1, hash: vectors.hash, operatorFrom: id('from'), operatorTo: id('to') };
      const name = { mechanism: 'continuous', phase: 'spot', fromZone, toZone, interval } as const;
      const book = new Book(name, start, { ...terms, ...whose }, accounts);
      const carries = new Map<string, number>();
      const party = (order = ''): { order: string; account: string; carry: number } => ({
        order,
        account: id(order),
        carry: carries.get(order) ?? 0,
      });
      for (const [n, { bid = '', ask = '', priceTicks, quantityWh, ...expected }] of trades.entries()) {
        const {
          entry: trade,
          bidCarry,
          askCarry,
        } = priced(book, n + 1, party(bid), party(ask), priceTicks, Number(quantityWh));
        carries.set(bid, bidCarry).set(ask, askCarry);
        const { buyerFee, sellerFee, wheeling, toOperator, fromOperator, platform, tax } = trade;
        const sums = { buyerFee, sellerFee, wheeling, toOperator, fromOperator, platform, tax };
        expect(expected).toMatchObject(Object.fromEntries(Object.entries(sums).map(([k, v]) => [k, String(v)])));
        expect(Object.values(sums).every(Number.isSafeInteger)).toBe(true);
      }
    }
  });
});
