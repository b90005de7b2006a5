import { describe, expect, it } from '@jest/globals';
import { formatInterval, INTERVAL_MS, millis, parseTime, toHex } from '@gridtokenx/kernel';
import type { LedgerEvent, SettlementCycle } from '@gridtokenx/protocol';
import { auditState } from '../index.js';
import { crypto, id, place, START, World } from '../spec/world.spec.js';
import { cycleEndAfter, DUES_PER_NETTING_MAX } from './dues.js';

const at = (text: string): number => {
  const time = parseTime(text);
  if (time === undefined) throw new Error(text);
  return time;
};
const THB = 1_000_000n;

/** A world where ann gave 10 kWh that the operator owes her 22 THB for. */
function owed(cycle: SettlementCycle): World {
  const world = new World({ cycle });
  world.fund('mea account', 1_000);
  world.measure('ann', { producedWh: 10_000 });
  return world;
}

const netted = (events: readonly LedgerEvent[]): LedgerEvent[] =>
  events.filter(({ type }) => type === 'settlement.netted');

describe('cycles', () => {
  it('end with the next hour, day or week of Thailand', () => {
    // A Monday, 06:30 in Bangkok.
    const time = at('2026-06-14T23:30:00Z');
    expect(cycleEndAfter(time, 'realTime')).toBe(at('2026-06-14T23:45:00Z'));
    expect(cycleEndAfter(time, 'hourly')).toBe(at('2026-06-15T00:00:00Z'));
    expect(cycleEndAfter(time, 'daily')).toBe(at('2026-06-15T17:00:00Z'));
    expect(cycleEndAfter(time, 'weekly')).toBe(at('2026-06-21T17:00:00Z'));
    expect(cycleEndAfter(at('2026-06-21T17:00:00Z'), 'weekly')).toBe(at('2026-06-28T17:00:00Z'));
    expect(cycleEndAfter(at('2026-06-14T16:59:59Z'), 'weekly')).toBe(at('2026-06-14T17:00:00Z'));
  });
});

describe('dues', () => {
  it('are paid when their cycle ends, and not before', () => {
    for (const cycle of ['hourly', 'daily', 'weekly'] as const) {
      const world = owed(cycle);
      expect(netted(world.wait(INTERVAL_MS).events)).toEqual([]);
      const end = cycleEndAfter(world.ledger.marketTime, cycle);
      expect(world.ledger.state.settlement.cycle.value?.endsAt).toBe(end);
      world.wait(end - world.ledger.marketTime - 1_000);
      expect(world.available('ann')).toBe(0n);
      expect(netted(world.wait(1_000).events)).toMatchObject([{ dues: 1, gross: '22000000', net: '22000000' }]);
      expect(world.available('ann')).toBe(22n * THB);
      expect(world.ledger.state.settlement.cycle.value).toBe(undefined);
      expect(auditState(world.ledger)).toEqual([]);
    }
  });

  it('are netted in pieces when there are many, and go on in the next block', () => {
    const world = owed('hourly');
    world.wait(INTERVAL_MS);
    const { settlement } = world.ledger.state;
    const end = cycleEndAfter(world.ledger.marketTime, 'hourly');
    const many = 21_000;
    // As if as many had fed in.
    for (let i = 0; i < many; i++) {
      const account = toHex(crypto.sha256(Uint8Array.of(i >> 16, i >> 8, i))).slice(0, 32);
      settlement.store.restore(settlement.dues.pair(id('mea account'), account), 10n);
    }
    const first = netted(world.wait(end - world.ledger.marketTime).events);
    expect(first.map((event) => 'dues' in event && event.dues)).toEqual(
      Array.from({ length: 10 }, () => DUES_PER_NETTING_MAX),
    );
    expect(settlement.cycle.value).toMatchObject({ endsAt: end, payer: id('mea account') });
    expect(netted(world.wait(1_000).events)).toMatchObject([{ dues: many + 1 - 10 * DUES_PER_NETTING_MAX }]);
    expect(settlement.standing.size).toBe(0);
    expect(world.available('mea account')).toBe(978n * THB - 10n * BigInt(many));
  });

  it('hold what a margin did not cover', () => {
    // A margin of 1 THB/kWh, and a top-up of 6: the seller owes 2 of the 2 beyond the price of 4, less the margin.
    const world = new World({ entry: { marginRate: 10_000 } });
    for (const name of ['ann', 'bob', 'mea account']) world.fund(name, 100);
    for (const name of ['ann', 'bob']) world.ownKey(name);
    const interval = formatInterval(millis(START + 4 * INTERVAL_MS));
    world.must('ann', place('ann', 'ask', 400, 10_000, { interval }));
    world.must('bob', place('bob', 'bid', 400, 10_000, { interval }));
    const { events } = world.wait(8 * INTERVAL_MS);
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'settlement.contractSettled', topUpBuyer: '40000000', topUpSeller: '20000000' }),
    );
    expect(events).toContainEqual({
      type: 'settlement.duePaid',
      payer: id('ann'),
      payee: id('mea account'),
      amount: '10000000',
    });
    expect(world.available('ann')).toBe(80n * THB);
    expect(auditState(world.ledger)).toEqual([]);
  });
});
