import type { VerifiedBlock } from '@gridtokenx/client';
import { parseInterval } from '@gridtokenx/kernel';
import type { LedgerEvent, Posting } from '@gridtokenx/protocol';
import { describe, expect, it } from '@jest/globals';
import type { Readings } from './readings.js';
import { Reconciliation } from './reconciliation.js';

const INTERVAL = '2026-06-15T03:00:00Z/PT15M';
const [SELLER, BUYER, OPERATOR] = ['1', '2', '3'].map((digit) => digit.repeat(32)) as [string, string, string];
const [PV, LOAD] = ['a'.repeat(32), 'b'.repeat(32)];
const [BID, ASK] = ['c'.repeat(64), 'd'.repeat(64)];

const readings: Readings = {
  meters: [],
  intervals: [parseInterval(INTERVAL) ?? 0],
  of: (_start, meter) => (meter === 'pv' ? { consumedWh: 200, producedWh: 1_200 } : { consumedWh: 900, producedWh: 0 }),
};
const population = { pv: { account: SELLER, meter: PV }, load: { account: BUYER, meter: LOAD } };
const tariff = { feeRate: 100n, buyerShare: 10_000n, sellerShare: 0n, feedInRate: 22_000n };

/** 800 of 1,000 Wh sold at 4.50, the rest fed in; the buyer used 900. */
function story(): LedgerEvent[] {
  const order = { fromZone: 'Z1', toZone: 'Z1', interval: INTERVAL, priceTicks: 450, tariffVersion: 1 };
  const placed = (id: string, account: string, side: 'bid' | 'ask', quantityWh: string): LedgerEvent => ({
    type: 'market.orderPlaced',
    order: id,
    account,
    side,
    ...order,
    quantityWh,
    timeInForce: 'GTC',
    expiresAt: '2026-06-15T03:30:00Z',
  });
  const reading = { zone: 'Z1', interval: INTERVAL };
  return [
    { type: 'accounts.minted', account: BUYER, asset: 'WATT', amount: '10000000', reference: 'deposit' },
    { type: 'accounts.minted', account: OPERATOR, asset: 'WATT', amount: '10000000', reference: 'deposit' },
    {
      type: 'metering.readingRecorded',
      meter: PV,
      account: SELLER,
      ...reading,
      consumedWh: '200',
      producedWh: '1200',
      mintedWh: '1000',
      importWh: '0',
    },
    {
      type: 'metering.readingRecorded',
      meter: LOAD,
      account: BUYER,
      ...reading,
      consumedWh: '900',
      producedWh: '0',
      mintedWh: '0',
      importWh: '900',
    },
    placed(ASK, SELLER, 'ask', '1000'),
    placed(BID, BUYER, 'bid', '800'),
    {
      type: 'market.traded',
      trade: 1,
      bid: BID,
      ask: ASK,
      buyer: BUYER,
      seller: SELLER,
      ...order,
      quantityWh: '800',
      notional: '3600000',
      buyerFee: '36000',
      sellerFee: '0',
      feePayee: OPERATOR,
      bidRemainingWh: '0',
      askRemainingWh: '200',
    },
    { type: 'market.energyRetired', account: BUYER, interval: INTERVAL, quantityWh: '800' },
    {
      type: 'market.feedInBought',
      seller: SELLER,
      buyer: OPERATOR,
      zone: 'Z1',
      interval: INTERVAL,
      quantityWh: '200',
      rate: 22_000,
      paid: '440000',
      tariffVersion: 1,
    },
    { type: 'market.bookClosed', zone: 'Z1', interval: INTERVAL },
  ];
}

const POSTINGS: Posting[] = [
  [BUYER, 'WATT', String(10_000_000 - 3_636_000), '0'],
  [SELLER, 'WATT', String(3_600_000 + 440_000), '0'],
  [OPERATOR, 'WATT', String(10_000_000 + 36_000 - 440_000), '0'],
];

function faultsOf(events: readonly LedgerEvent[], postings: readonly Posting[] = POSTINGS): string[] {
  const books = new Reconciliation(readings, population, tariff);
  const outcome = { v: 1, status: 'executed', events, postings, holds: [] };
  books.take({ height: 1, results: [{ height: 1, index: 0, asked: undefined, outcome }] } as unknown as VerifiedBlock);
  return books.result().faults;
}

const change = <T extends LedgerEvent['type']>(
  type: T,
  fields: Partial<Extract<LedgerEvent, { type: T }>>,
): LedgerEvent[] => {
  const events = story();
  const at = events.findLastIndex((event) => event.type === type);
  return events.map((event, i) => (i === at ? ({ ...event, ...fields } as LedgerEvent) : event));
};

describe('the reconciliation', () => {
  it('finds nothing where everything adds up', () => {
    expect(faultsOf(story())).toEqual([]);
  });

  it.each([
    ['a reading that is not the one in the file', change('metering.readingRecorded', { importWh: '901' })],
    ['a notional that is off by one micro-WATT', change('market.traded', { notional: '3600001' })],
    ['a fee that is off by one micro-WATT', change('market.traded', { buyerFee: '36001' })],
    ['a feed-in that was paid at another rate', change('market.feedInBought', { paid: '439999' })],
    ['energy that was fed in and is gone', change('market.feedInBought', { quantityWh: '199', paid: '437800' })],
    ['energy that was bought and not used up', change('market.energyRetired', { quantityWh: '799' })],
    [
      'more energy traded than was metered',
      change('market.traded', { quantityWh: '801', notional: '3604500', buyerFee: '36045' }),
    ],
  ])('finds %s', (_what, events) => {
    expect(faultsOf(events).length).toBeGreaterThan(0);
  });

  it('finds a balance that the events do not explain', () => {
    const [first, ...others] = POSTINGS;
    if (first === undefined) throw new Error('there are postings');
    const stolen: Posting = [first[0], first[1], String(BigInt(first[2]) - 1n), first[3]];
    expect(faultsOf(story(), [stolen, ...others])).toHaveLength(1);
  });

  it('charges an order by its cumulative notional, however the fills split', () => {
    const books = new Reconciliation(readings, population, tariff);
    const events = story().slice(0, 6);
    // 33 + 67 Wh at 4.50: floor(1 % of the sum) less what was charged, not the sum of two floors.
    const fill = (quantity: number, fee: number, trade: number): LedgerEvent =>
      ({
        ...(story()[6] as LedgerEvent),
        trade,
        quantityWh: String(quantity),
        notional: String(quantity * 4_500),
        buyerFee: String(fee),
      }) as LedgerEvent;
    const outcome = {
      v: 1,
      status: 'executed',
      events: [...events, fill(33, 1_485, 1), fill(67, 3_015, 2)],
      postings: [],
      holds: [],
    };
    books.take({
      height: 1,
      results: [{ height: 1, index: 0, asked: undefined, outcome }],
    } as unknown as VerifiedBlock);
    expect(books.faults).toEqual([]);
  });
});
