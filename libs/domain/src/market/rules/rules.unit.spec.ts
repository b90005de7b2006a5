import { describe, expect, it } from '@jest/globals';
import { DecodeError, formatTime, millis, ScratchWriter } from '@gridtokenx/kernel';
import { TEST_RULES } from '@gridtokenx/testkit';
import { DEFAULT_MARKET_RULES, type MarketRules, type Operation } from '@gridtokenx/protocol';
import { decodeRow, VERSIONS_AHEAD_MAX, type AnyTable } from '../../index.js';
import { id, kidOf, OTHER_ZONE, World, ZONE, type Ran } from '../../spec/world.spec.js';

/** A world with a regulator of the market. */
function regulated(): World {
  const world = new World();
  world.must('erc', {
    type: 'registry.registerOrganisation',
    organisation: id('regulator'),
    sector: 'regulator',
    roles: ['marketRegulator'],
    key: kidOf('regulator'),
  });
  return world;
}

const inTime = (world: World, ms: number): string => formatTime(millis(world.ledger.marketTime + ms));
const codes = ({ outcomes }: Ran): string[] => outcomes.map((o) => (o.status === 'rejected' ? o.code : 'ok'));
const setRules = (world: World, afterMs: number, rules: MarketRules): Operation => ({
  type: 'market.setRules',
  validFrom: inTime(world, afterMs),
  rules,
});
const market = { mechanism: 'continuous', fromZone: ZONE, toZone: ZONE } as const;
const reference = 'erc-2026-1';

describe('the rules of the market', () => {
  it('are decided by a regulator of the market and by nobody else', () => {
    const world = regulated();
    const operations: Operation[] = [
      setRules(world, 60_000, DEFAULT_MARKET_RULES),
      { type: 'market.setLimits', account: id('ann'), limits: { openOrders: 1 } },
      { type: 'market.halt', ...market, cancelOrders: false, reference },
      { type: 'market.resume', ...market },
      { type: 'market.barParticipant', account: id('ann'), reference },
      { type: 'market.readmitParticipant', account: id('ann'), reference },
    ];
    for (const by of ['erc', 'mea', 'trader', 'validator'])
      expect(new Set(codes(world.run(by, ...operations)))).toEqual(new Set(['key.notAuthorised']));
    expect(new Set(codes(world.run('regulator', ...operations)))).toEqual(new Set(['ok']));
  });

  it('come into force when they say, and stay as they are', () => {
    const world = regulated();
    const { versions } = world.ledger.state.rules;
    const narrow = { ...DEFAULT_MARKET_RULES, priceBand: { minTicks: 100, maxTicks: 900 } };
    const { events } = world.must('regulator', setRules(world, 60_000, narrow));
    expect(events).toContainEqual(expect.objectContaining({ type: 'market.rulesSet', version: 2, rules: narrow }));
    expect(versions.at(world.ledger.marketTime).version).toBe(1);
    world.wait(60_000);
    expect(versions.at(world.ledger.marketTime)).toMatchObject({ version: 2, rules: narrow });
    world.must('regulator', setRules(world, 60_000, DEFAULT_MARKET_RULES));
    world.wait(60_000);
    expect(versions.at(world.ledger.marketTime)).toMatchObject({ version: 3, rules: DEFAULT_MARKET_RULES });
    expect([1, 2, 3].map((n) => versions.rows.get(String(n))?.rules)).toEqual([
      { ...DEFAULT_MARKET_RULES, ...TEST_RULES },
      narrow,
      DEFAULT_MARKET_RULES,
    ]);
  });

  it('that contradict each other, or hold from the past, are refused', () => {
    const world = regulated();
    const bad = { ...DEFAULT_MARKET_RULES, lotWh: 7 };
    expect(codes(world.run('regulator', setRules(world, 60_000, bad)))).toEqual(['market.badRules']);
    expect(codes(world.run('regulator', setRules(world, 1_000, DEFAULT_MARKET_RULES)))).toEqual(['market.rulesInPast']);
    const many = Array.from({ length: VERSIONS_AHEAD_MAX + 1 }, () => setRules(world, 60_000, DEFAULT_MARKET_RULES));
    const ran = codes(world.run('regulator', ...many));
    expect(ran.filter((code) => code === 'ok')).toHaveLength(VERSIONS_AHEAD_MAX);
    expect(ran.at(-1)).toBe('market.tooManyRules');
  });

  it('limits of an account are set, changed and taken away', () => {
    const world = regulated();
    const { rules } = world.ledger.state;
    const account = id('ann');
    expect(rules.overrideOf(account)).toBeUndefined();
    world.must('regulator', { type: 'market.setLimits', account, limits: { orderWh: 500, openOrders: 2 } });
    expect(rules.overrideOf(account)).toEqual({ openOrders: 2, orderWh: 500 });
    expect(rules.overrideOf(id('bob'))).toBeUndefined();
    world.must('regulator', { type: 'market.setLimits', account, limits: { dailyWh: 9_000 } });
    expect(rules.overrideOf(account)).toEqual({ dailyWh: 9_000 });
    world.must('regulator', { type: 'market.setLimits', account });
    expect(rules.overrideOf(account)).toBeUndefined();
    const unknown = world.run('regulator', { type: 'market.setLimits', account: id('nobody') });
    expect(codes(unknown)).toEqual(['registry.unknownAccount']);
  });

  it('a market is halted and resumed, or its halt ends by itself', () => {
    const world = regulated();
    const { rules } = world.ledger.state;
    const halt = { type: 'market.halt', ...market, cancelOrders: false, reference } as const;
    expect(codes(world.run('regulator', { type: 'market.resume', ...market }))).toEqual(['market.notHalted']);
    world.must('regulator', halt);
    expect(rules.haltOf(market)).toEqual({ until: 0, cancels: false });
    expect(rules.haltOf({ ...market, toZone: OTHER_ZONE })).toBeUndefined();
    expect(rules.haltOf({ ...market, mechanism: 'auction' })).toBeUndefined();
    world.wait(1_000_000);
    expect(rules.haltOf(market)).toBeDefined();
    expect(world.must('regulator', { type: 'market.resume', ...market }).events).toEqual([
      { type: 'market.resumed', ...market },
    ]);
    expect(rules.haltOf(market)).toBeUndefined();

    world.must('regulator', { ...halt, cancelOrders: true, until: inTime(world, 60_000) });
    expect(rules.haltOf(market)?.cancels).toBe(true);
    expect(world.wait(58_000).events).toEqual([]);
    expect(world.wait(1_000).events).toEqual([{ type: 'market.resumed', ...market }]);
    expect(rules.haltOf(market)).toBeUndefined();

    const past = { ...halt, until: inTime(world, 1_000) };
    expect(codes(world.run('regulator', past))).toEqual(['market.expiryInPast']);
    expect(codes(world.run('regulator', { ...halt, toZone: 'NO-ZONE' }))).toEqual(['registry.unknownZone']);
  });

  it('a participant is barred and readmitted, once each', () => {
    const world = regulated();
    const { rules } = world.ledger.state;
    const account = id('ann');
    const bar = { type: 'market.barParticipant', account, reference } as const;
    const readmit = { type: 'market.readmitParticipant', account, reference } as const;
    expect(codes(world.run('regulator', readmit, bar, bar))).toEqual(['market.notBarred', 'ok', 'market.barred']);
    expect([rules.isBarred(account), rules.isBarred(id('bob'))]).toEqual([true, false]);
    expect(codes(world.run('regulator', readmit, readmit))).toEqual(['ok', 'market.notBarred']);
    expect(rules.isBarred(account)).toBe(false);
    const unknown = { ...bar, account: id('nobody') };
    expect(codes(world.run('regulator', unknown))).toEqual(['registry.unknownAccount']);
  });

  it('have rows that are read back from their bytes, and from no others', () => {
    const world = regulated();
    const { rules } = world.ledger.state;
    const windowed = {
      ...DEFAULT_MARKET_RULES,
      tradingHours: [{ days: ['mon' as const], from: '09:00', to: '17:00' }],
      breaker: { movePercent: 1_000, windowMs: 60_000, haltMs: 60_000 },
    };
    world.must(
      'regulator',
      setRules(world, 60_000, windowed),
      { type: 'market.setLimits', account: id('ann'), limits: { dailyWh: 1, openOrders: 2 } },
      { type: 'market.halt', ...market, cancelOrders: true, reference },
      { type: 'market.barParticipant', account: id('ann'), reference },
    );
    rules.bookHalts.pair('book', 'interval').value = { until: 5 };
    rules.windows.pair('book', 'interval').value = { stepMs: 10, step: 3, lows: [5, 0, 4], highs: [5, 0, 9] };
    rules.usage.cell(id('ann')).value = { day: 3, wh: 5, notional: 6 };
    const tables = [
      rules.versions.rows,
      rules.limits,
      rules.halts,
      rules.bookHalts,
      rules.windows,
      rules.usage,
      rules.bars,
    ] as unknown as AnyTable<unknown, unknown>[];
    for (const table of tables) {
      const rows = [...table.cells()].flatMap(({ value }) => (value === undefined ? [] : [value]));
      expect([table.name, rows.length > 0]).toEqual([table.name, true]);
      for (const row of rows) {
        const writer = new ScratchWriter();
        table.options.encode(writer.reset(), row);
        const bytes = writer.bytes().slice();
        expect(decodeRow(table, bytes)).toEqual(row);
        expect(() => decodeRow(table, bytes.subarray(1))).toThrow(DecodeError);
      }
    }
  });
});
