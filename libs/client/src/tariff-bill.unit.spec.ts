import { readFileSync } from 'node:fs';
import { toHex, utf8 } from '@gridtokenx/kernel';
import { noble } from '@gridtokenx/crypto';
import type { ConsortiumGenesis, TariffBook } from '@gridtokenx/protocol';
import { describe, expect, it } from '@jest/globals';
import { knownBook, readBillLine, readTariffBook, TariffBill, TariffError, type BilledLine } from './tariff-bill.js';

const vectors = JSON.parse(readFileSync(new URL('../../../vectors/tariffs.json', import.meta.url), 'utf8')) as {
  book: TariffBook;
  hash: string;
  zones: Omit<ConsortiumGenesis['zones'][number], 'operator' | 'account'>[];
  splits: {
    schedule: string;
    lines: Record<string, string | number>[];
    byBand: { band: string; quantityWh: string; amount: string; tax: string }[];
  }[];
  fees: { interval: string; fromZone: string; toZone: string; trades: Record<string, string | number>[] }[];
  rates: { interval: string; lines: { quantityWh: string; topUp: string; surplus: string }[] }[];
};
const known = knownBook(vectors.book);
const zones = vectors.zones.map((zone) => ({ ...zone, operator: 'aa'.repeat(16), account: 'bb'.repeat(16) }));
const orderId = (name: unknown): string => toHex(noble.sha256(utf8(String(name))));
const priced = { tariffVersion: 1, tariffHash: vectors.hash };
const billed = (bill: TariffBill, line: object): BilledLine => bill.line(readBillLine({ ...priced, ...line }));

function refusal(of: () => unknown): string {
  try {
    of();
  } catch (error) {
    if (error instanceof TariffError) return `${error.code} ${error.pointer}`;
    throw error;
  }
  return 'none';
}

describe('the lines of a bill', () => {
  it('of trades come to what the published vectors say, to the last micro-WATT', () => {
    let lines = 0;
    for (const { interval, fromZone, toZone, trades } of vectors.fees) {
      const bill = new TariffBill([known], zones);
      for (const { bid, ask, ...trade } of trades) {
        const { computed, differs } = billed(bill, {
          kind: 'trade',
          interval,
          fromZone,
          toZone,
          ...trade,
          bid: orderId(bid),
          ask: orderId(ask),
        });
        expect(differs).toEqual([]);
        const { notional, buyerFee, sellerFee, wheeling, toOperator, fromOperator, platform, tax } = computed;
        expect(trade).toMatchObject({
          notional,
          buyerFee,
          sellerFee,
          wheeling,
          toOperator,
          fromOperator,
          platform,
          tax,
        });
        const paid = BigInt(buyerFee ?? 0) + BigInt(sellerFee ?? 0) + BigInt(wheeling ?? 0);
        const received = [toOperator, fromOperator, platform, tax].reduce<bigint>(
          (sum, one) => sum + BigInt(one ?? 0),
          0n,
        );
        expect(received).toBe(paid);
        lines++;
      }
    }
    expect(lines).toBeGreaterThan(300);
  });

  it('of a consumption come to what the published vectors say, band by band', () => {
    for (const { schedule, lines, byBand } of vectors.splits) {
      const bill = new TariffBill([known]);
      const sums = new Map<string, [wh: bigint, amount: bigint, tax: bigint]>();
      for (const line of lines) {
        const { computed, differs } = billed(bill, { kind: 'retail', schedule, ...line });
        expect(differs).toEqual([]);
        expect(Object.keys(computed)).toEqual(['band', 'rate', 'amount', 'tax']);
        const [wh, amount, tax] = sums.get(String(computed['band'])) ?? [0n, 0n, 0n];
        sums.set(String(computed['band']), [
          wh + BigInt(line['quantityWh'] ?? 0),
          amount + BigInt(computed['amount'] ?? 0),
          tax + BigInt(computed['tax'] ?? 0),
        ]);
      }
      const told = [...sums].map(([band, [wh, amount, tax]]) => ({
        band,
        quantityWh: wh.toString(),
        amount: amount.toString(),
        tax: tax.toString(),
      }));
      expect(told.sort((a, b) => (a.band < b.band ? -1 : 1))).toEqual(byBand);
    }
  });

  it('of what was not delivered and of what nobody bought', () => {
    const bill = new TariffBill([known]);
    for (const { interval, lines } of vectors.rates)
      for (const { quantityWh, topUp, surplus } of lines) {
        expect(billed(bill, { kind: 'topUp', interval, quantityWh }).computed['amount']).toBe(topUp);
        expect(billed(bill, { kind: 'surplus', interval, quantityWh }).computed['amount']).toBe(surplus);
      }
  });

  it('are facts of the ledger as they stand, and say what they claimed otherwise', () => {
    const bill = new TariffBill([known], zones);
    const fact = {
      type: 'market.traded',
      trade: 1,
      bid: orderId('b'),
      ask: orderId('a'),
      buyer: 'cc'.repeat(16),
      interval: '2026-06-15T03:00:00Z/PT15M',
      fromZone: 'MEA-BKK-01',
      toZone: 'MEA-BKK-01',
      priceTicks: 450,
      quantityWh: '1000000',
      notional: '4500000000',
      buyerFee: '45000000',
      sellerFee: '0',
      wheeling: '0',
      toOperator: '45000000',
      fromOperator: '0',
      platform: '0',
      tax: '0',
    };
    expect(billed(bill, fact).differs).toEqual([]);
    const wrong = new TariffBill([known], zones).line(readBillLine({ ...fact, ...priced, buyerFee: '45000001' }));
    expect(wrong.differs).toEqual([{ field: 'buyerFee', claimed: '45000001', computed: '45000000' }]);
    const draft = new TariffBill([known], zones).line(
      readBillLine({ ...fact, ...priced, interval: '2026-07-15T03:00:00Z/PT15M' }),
    );
    expect(draft.differs.map(({ field }) => field)).toContain('wheeling');
    const settled = {
      type: 'settlement.positionSettled',
      interval: '2026-06-15T03:00:00Z/PT15M',
      surplusWh: '7',
      rate: 22_000,
      amount: '15401',
    };
    expect(billed(bill, settled).differs).toEqual([{ field: 'amount', claimed: '15401', computed: '15400' }]);
  });
});

describe('a tariff book', () => {
  const line =
    (more: object): (() => unknown) =>
    () =>
      new TariffBill([known], zones).line(
        readBillLine({
          kind: 'retail',
          schedule: 'general-low',
          interval: '2026-06-15T03:00:00Z/PT15M',
          quantityWh: '1',
          ...more,
        }),
      );
  const trade = {
    kind: 'trade',
    bid: orderId('b'),
    ask: orderId('a'),
    priceTicks: 1,
    fromZone: 'MEA-BKK-01',
    toZone: 'MEA-BKK-01',
  };

  it('is of no use for a line of another version, or with another hash', () => {
    expect(refusal(line(priced))).toBe('none');
    expect(refusal(line({ tariffVersion: 2 }))).toBe('tariff.otherVersion /tariffVersion');
    expect(refusal(line({ tariffVersion: 1, tariffHash: 'ab'.repeat(32) }))).toBe('tariff.otherHash /tariffHash');
  });

  it.each([
    ['a day before its entries', { interval: '2019-06-15T03:00:00Z/PT15M' }, 'tariff.noEntry /interval'],
    ['a year that was not declared', { interval: '2025-06-16T03:00:00Z/PT15M' }, 'tariff.noCalendar /interval'],
    ['a trade in such a year', { ...trade, interval: '2025-06-16T03:00:00Z/PT15M' }, 'tariff.noCalendar /interval'],
    ['a schedule that there is not', { schedule: 'office' }, 'tariff.unknownSchedule /schedule'],
    ['a zone that there is not', { ...trade, toZone: 'PEA-NO-99' }, 'tariff.unknownZone /toZone'],
    ['energy with a decimal comma', { quantityWh: '1,5' }, 'tariff.badLine /quantityWh'],
    ['a time that is none', { interval: '2569-13-15T03:00:00Z/PT15M' }, 'tariff.badLine /interval'],
    ['a line of another kind', { kind: 'gift' }, 'tariff.badLine /kind'],
  ])('does not price %s', (_what, more, code) => {
    expect(refusal(line(more))).toBe(code);
  });

  it.each<[what: string, bytes: Uint8Array, code: string]>([
    ['that is not UTF-8', Uint8Array.of(0xff), 'tariff.notUtf8 '],
    ['that is no JSON', utf8('{'), 'json.malformed '],
    ['with a rate that is no integer', utf8('{"version":1.5}'), 'json.notAnInteger /version'],
    ['without entries', utf8('{"version":1,"calendar":{"years":[],"decisions":[]}}'), 'tariff.schema /entries'],
    [
      'with entries that overlap',
      utf8(JSON.stringify({ ...vectors.book, entries: [...vectors.book.entries, ...vectors.book.entries.slice(2)] })),
      'tariffs.overlap /entries/3/validFrom',
    ],
  ])('%s is refused', (_what, bytes, code) => {
    expect(refusal(() => readTariffBook(bytes))).toBe(code);
  });

  it('that a gateway answers has the hash that it says', () => {
    const answer = (hash: string): Uint8Array => utf8(JSON.stringify({ height: '7', hash, book: vectors.book }));
    expect(readTariffBook(answer(vectors.hash))).toEqual(known);
    expect(refusal(() => readTariffBook(answer('ab'.repeat(32))))).toBe('tariff.otherHash /hash');
  });

  it('has the hash of its values, however its file is typed', () => {
    const typed = JSON.stringify(JSON.parse(JSON.stringify(vectors.book)), undefined, 7);
    expect(readTariffBook(utf8(typed)).hash).toBe(vectors.hash);
  });
});
