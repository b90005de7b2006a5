import { describe, expect, it } from '@jest/globals';
import { formatInterval, INTERVAL_MS, millis, Prng } from '@gridtokenx/kernel';
import type { Operation, OperationOf, ReadingQuality } from '@gridtokenx/protocol';
import { auditState } from '../index.js';
import { id, INTERVAL, KWH, place, START, World, ZONE } from '../spec/world.spec.js';

type Reading = OperationOf<'metering.recordReadings'>['readings'][number];

const reading = (
  version: number,
  quality: ReadingQuality,
  consumed: number,
  produced: number,
  more: Partial<Reading> = {},
): Reading => ({
  meter: id('meter'),
  interval: INTERVAL,
  quality,
  version,
  consumedWh: String(consumed),
  producedWh: String(produced),
  ...more,
});
const one = (of: Reading): Operation => ({ type: 'metering.recordReading', ...of });
const many = (...readings: Reading[]): Operation => ({ type: 'metering.recordReadings', readings });

function given(...meters: string[]): World {
  const world = new World();
  for (const meter of ['meter', ...meters])
    world.must('mea', {
      type: 'registry.registerMeter',
      meter: id(meter),
      account: id('ann'),
      zone: ZONE,
      limitWh: '50000',
    });
  return world;
}

const code = (world: World, operation: Operation): string => {
  const [outcome] = world.run('mea', operation).outcomes;
  return outcome?.status === 'rejected' ? outcome.code : 'ok';
};

const positionOf = (world: World, interval = INTERVAL) => {
  const { positions } = world.ledger.state.market;
  return positions.of(positions.cell(id('ann'), ZONE, interval));
};

describe('a version of a reading', () => {
  it('takes the place of the one before it, and of no other', () => {
    const world = given();
    expect(code(world, one(reading(2, 'actual', 1, 0)))).toBe('metering.outOfSequence');
    expect(code(world, one(reading(1, 'estimated', 1, 0)))).toBe('ok');
    expect(code(world, one(reading(3, 'actual', 1, 0)))).toBe('metering.outOfSequence');
    expect(code(world, one(reading(2, 'actual', 2, 0)))).toBe('ok');
    expect(code(world, one(reading(1, 'estimated', 1, 0)))).toBe('metering.superseded');
    expect(code(world, one(reading(2, 'actual', 2, 0)))).toBe('metering.alreadyRecorded');
    expect(code(world, one(reading(2, 'actual', 3, 0)))).toBe('metering.otherContent');
    expect(code(world, one(reading(2, 'corrected', 2, 0)))).toBe('metering.otherContent');
    expect(positionOf(world)).toMatchObject({ importWh: 2, exportWh: 0 });
  });

  it('is as good as what it takes the place of, or better', () => {
    const qualities = ['estimated', 'actual', 'corrected'] as const;
    const taken = (first: ReadingQuality, second: ReadingQuality): string => {
      const world = given();
      world.must('mea', one(reading(1, 'estimated', 1, 0)));
      if (first !== 'estimated') world.must('mea', one(reading(2, first, 2, 0)));
      return code(world, one(reading(first === 'estimated' ? 2 : 3, second, 3, 0)));
    };
    const table = qualities.map((first) => qualities.map((second) => taken(first, second)));
    const no = 'metering.notBetter';
    expect(table).toEqual([
      ['ok', 'ok', 'ok'],
      [no, no, 'ok'],
      [no, no, 'ok'],
    ]);
    expect(code(given(), one(reading(1, 'corrected', 1, 0)))).toBe(no);
  });

  it('changes what is minted and imported by the difference, and tells what it replaced', () => {
    const world = given('second');
    world.must('mea', one(reading(1, 'estimated', 0, 700, { meter: id('second') })));
    const steps: [number, number][] = [
      [0, 3_000],
      [0, 5_000],
      [400, 1_400],
      [2_000, 0],
      [0, 900],
    ];
    const told = steps.map(([consumed, produced], i) => {
      const { events } = world.must('mea', one(reading(i + 1, i === 0 ? 'actual' : 'corrected', consumed, produced)));
      expect(auditState(world.ledger)).toEqual([]);
      const { importWh, exportWh } = positionOf(world);
      return [world.available('ann', KWH), importWh, exportWh, events[0]];
    });
    expect(told.map(([available, importWh, exportWh]) => [available, importWh, exportWh])).toEqual([
      [3_700n, 0, 3_700],
      [5_700n, 0, 5_700],
      [1_700n, 0, 1_700],
      [700n, 2_000, 700],
      [1_600n, 0, 1_600],
    ]);
    expect(told.map(([, , , event]) => event)).toMatchObject([
      { version: 1, quality: 'actual', mintedWh: '3000', importWh: '0' },
      {
        version: 2,
        quality: 'corrected',
        mintedWh: '5000',
        before: { quality: 'actual', producedWh: '3000', mintedWh: '3000', importWh: '0' },
      },
      { version: 3, mintedWh: '1000', before: { quality: 'corrected', consumedWh: '0', producedWh: '5000' } },
      { version: 4, mintedWh: '0', importWh: '2000', before: { consumedWh: '400', producedWh: '1400' } },
      { version: 5, mintedWh: '900', importWh: '0', before: { consumedWh: '2000', producedWh: '0' } },
    ]);
    expect(told[0]?.[3]).not.toHaveProperty('before');
    expect(world.ledger.state.accounts.supply(KWH).minted).toBe(1_600n);
  });

  it('takes back no energy that was sold or is offered', () => {
    const world = given();
    world.ownKey('ann');
    world.must('mea', one(reading(1, 'actual', 0, 3_000)));
    world.must('ann', place('ann', 'ask', 400, 2_000));
    expect(code(world, one(reading(2, 'corrected', 0, 1_999)))).toBe('metering.energySold');
    expect(positionOf(world)).toMatchObject({ exportWh: 3_000 });
    expect(code(world, one(reading(2, 'corrected', 0, 2_000)))).toBe('ok');
    expect(world.available('ann', KWH)).toBe(0n);
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('keeps what was sold before delivery to the last', () => {
    const next = formatInterval(millis(START + 4 * INTERVAL_MS));
    const kwh = `KWH:${ZONE}:${next}`;
    const world = given();
    for (const name of ['ann', 'bob']) {
      world.fund(name, 1_000);
      world.ownKey(name);
    }
    world.must('ann', place('ann', 'ask', 400, 3_000, { interval: next }));
    world.must('bob', place('bob', 'bid', 450, 3_000, { interval: next }));
    world.wait(START + 5 * INTERVAL_MS - world.ledger.marketTime);
    const exports = [2_000, 4_000, 3_200, 2_500, 0, 3_100];
    const kept = exports.map((produced, i) => {
      world.must('mea', one(reading(i + 1, i === 0 ? 'estimated' : 'corrected', 0, produced, { interval: next })));
      expect(auditState(world.ledger)).toEqual([]);
      return [world.available('ann', kwh), world.held('ann', kwh), positionOf(world, next).reservedWh];
    });
    expect(kept).toEqual([
      [0n, 2_000n, 2_000],
      [1_000n, 3_000n, 3_000],
      [200n, 3_000n, 3_000],
      [0n, 2_500n, 2_500],
      [0n, 0n, 0],
      [100n, 3_000n, 3_000],
    ]);
  });

  it('of a meter that was swapped stays within what the device of its interval could measure', () => {
    const world = given();
    const shown = { consumedWh: '7', producedWh: '0' };
    const at = '2026-05-28T20:15:00Z';
    world.must('mea', {
      type: 'registry.swapMeter',
      meter: id('meter'),
      at,
      final: shown,
      initial: shown,
      limitWh: '400',
    });
    expect(code(world, one(reading(1, 'actual', 50_001, 0)))).toBe('metering.beyondLimit');
    expect(code(world, one(reading(1, 'actual', 50_000, 0)))).toBe('ok');
    const after = formatInterval(millis(START - (START % INTERVAL_MS)));
    world.wait(INTERVAL_MS);
    expect(code(world, one(reading(1, 'actual', 401, 0, { interval: after })))).toBe('metering.beyondLimit');
    expect(code(world, one(reading(1, 'actual', 400, 0, { interval: after })))).toBe('ok');
  });

  it('comes to the same whatever order they arrive in, and however often', () => {
    for (let seed = 0; seed < 20; seed++) {
      const prng = new Prng(seed);
      const meters = ['meter', 'second', 'third'];
      const world = given('second', 'third');
      const all = meters.flatMap((meter) =>
        Array.from({ length: 1 + prng.below(4) }, (_, i) =>
          reading(i + 1, i === 0 ? 'estimated' : 'corrected', prng.below(3_000), prng.below(3_000), {
            meter: id(meter),
          }),
        ),
      );
      // Whoever was refused because another has to come first comes again.
      for (let round = 0; round < 4; round++) world.run('mea', many(...prng.shuffle([...all, ...all])));
      const newest = meters.map((meter) => all.findLast((of) => of.meter === id(meter)) as Reading);
      const nets = newest.map(({ consumedWh, producedWh }) => Number(producedWh) - Number(consumedWh));
      const sum = (sign: number): number => nets.reduce((all_, net) => all_ + Math.max(0, sign * net), 0);
      expect(positionOf(world)).toMatchObject({ exportWh: sum(1), importWh: sum(-1) });
      expect(world.available('ann', KWH)).toBe(BigInt(sum(1)));
      expect(auditState(world.ledger)).toEqual([]);
    }
  });
});

describe('many readings in one operation', () => {
  it('are recorded or refused one by one, and the events tell which', () => {
    const world = given('second');
    const { outcomes } = world.run(
      'mea',
      many(
        reading(1, 'actual', 0, 500),
        reading(1, 'actual', 0, 500),
        reading(1, 'actual', 0, 501),
        reading(1, 'actual', 50_001, 0, { meter: id('second') }),
        reading(1, 'actual', 1, 0, { meter: id('none') }),
        reading(1, 'actual', 1, 0, { meter: id('second') }),
        reading(2, 'corrected', 0, 400),
      ),
    );
    const refused = (index: number, meter: string, why: string): object => ({
      type: 'metering.readingRefused',
      index,
      meter: id(meter),
      interval: INTERVAL,
      code: why,
    });
    expect(outcomes).toMatchObject([
      {
        status: 'executed',
        events: [
          { type: 'metering.readingRecorded', mintedWh: '500' },
          refused(1, 'meter', 'metering.alreadyRecorded'),
          refused(2, 'meter', 'metering.otherContent'),
          refused(3, 'second', 'metering.beyondLimit'),
          refused(4, 'none', 'registry.unknownMeter'),
          { type: 'metering.readingRecorded', meter: id('second'), importWh: '1' },
          { type: 'metering.readingRecorded', version: 2, mintedWh: '400' },
        ],
        postings: [[id('ann'), KWH, '400', '0']],
      },
    ]);
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('of another operator are refused each', () => {
    const { events } = given().run('pea', many(reading(1, 'actual', 1, 0)));
    expect(events).toMatchObject([{ type: 'metering.readingRefused', code: 'key.notAuthorised' }]);
  });

  it('are as many in a block as it may have; the rest is refused, for a later one', () => {
    const world = given();
    const { metering } = world.ledger.state;
    const limited = [1, 2].map((left) => {
      metering.beginBlock = () => (metering.readingsLeft = left);
      const [first, second] = [1, 2].map((n) => reading(1, 'actual', n, 0, { meter: id(`m${left}${n}`) }));
      for (const { meter } of [first, second] as Reading[])
        world.must('mea', { type: 'registry.registerMeter', meter, account: id('ann'), zone: ZONE, limitWh: '9' });
      return world
        .run('mea', many(first as Reading, second as Reading))
        .events.map((event) => ('code' in event ? event.code : 'ok'));
    });
    expect(limited).toEqual([
      ['ok', 'metering.blockFull'],
      ['ok', 'ok'],
    ]);
  });
});

describe('readings that are missing', () => {
  const settle = (world: World) => world.wait(START + 2 * INTERVAL_MS - world.ledger.marketTime);

  it('are told when the interval is settled: how many, and the first of them', () => {
    const world = given('second', 'third', 'fourth');
    world.must('mea', one(reading(1, 'actual', 1, 0, { meter: id('third') })));
    const { events } = settle(world);
    const silent = ['meter', 'second', 'fourth'].map((name) => id(name)).sort();
    expect(events.filter(({ type }) => type === 'metering.readingsMissing')).toEqual([
      { type: 'metering.readingsMissing', zone: ZONE, interval: INTERVAL, meters: 4, missing: 3, first: silent },
    ]);
    expect(events.findIndex(({ type }) => type === 'metering.readingsMissing')).toBeLessThan(
      events.findIndex(({ type }) => type === 'settlement.positionSettled'),
    );
  });

  it('are named up to a hundred', () => {
    const world = given(...Array.from({ length: 120 }, (_, i) => `silent ${i}`));
    world.must('mea', one(reading(1, 'actual', 1, 0)));
    const told = settle(world).events.find(({ type }) => type === 'metering.readingsMissing');
    expect(told).toMatchObject({ meters: 121, missing: 120 });
    expect(told?.type === 'metering.readingsMissing' && told.first.length).toBe(100);
  });

  it('are none where each meter of the zone was read', () => {
    const world = given();
    world.must('mea', one(reading(1, 'estimated', 0, 0)));
    expect(settle(world).events.map(({ type }) => type)).not.toContain('metering.readingsMissing');
  });
});
