import { describe, expect, it } from '@jest/globals';
import { formatInterval, INTERVAL_MS, millis } from '@gridtokenx/kernel';
import type { Operation } from '@gridtokenx/protocol';
import { auditState, createConsortiumLedger } from '../index.js';
import { crypto, id, identityOf, INTERVAL, KWH, START, World, ZONE } from '../spec/world.spec.js';

const reading = (consumedWh: string, producedWh: string, interval = INTERVAL): Operation => ({
  type: 'metering.recordReading',
  meter: id('meter'),
  interval,
  consumedWh,
  producedWh,
});

function given(create = createConsortiumLedger): World {
  const world = new World({}, create);
  world.must('mea', {
    type: 'registry.registerMeter',
    meter: id('meter'),
    account: id('ann'),
    zone: ZONE,
    limitWh: '5000',
  });
  return world;
}

const code = (world: World, by: string, operation: Operation): string => {
  const [outcome] = world.run(by, operation).outcomes;
  return outcome?.status === 'rejected' ? outcome.code : 'ok';
};

describe('a reading', () => {
  it('mints the net export, and is told', () => {
    const world = given();
    const { events, outcomes } = world.must('mea', reading('1000', '4000'));
    expect(events).toEqual([
      {
        ...reading('1000', '4000'),
        type: 'metering.readingRecorded',
        account: id('ann'),
        zone: ZONE,
        quality: 'actual',
        version: 1,
        mintedWh: '3000',
        importWh: '0',
      },
    ]);
    expect(outcomes).toMatchObject([{ postings: [[id('ann'), KWH, '3000', '0']] }]);
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('of a net import mints nothing', () => {
    const world = given();
    expect(world.must('mea', reading('4000', '1000')).events[0]).toMatchObject({ mintedWh: '0', importWh: '3000' });
    expect(world.available('ann', KWH)).toBe(0n);
  });

  it('of an interval that the tariff book does not cover is refused', () => {
    // The interval is of 29 May in Bangkok.
    const until = (validTo: string): World =>
      given((_crypto, { genesis }) => {
        const entries = genesis.tariffs.entries.map((entry) => ({ ...entry, validTo }));
        return createConsortiumLedger(crypto, identityOf({ ...genesis, tariffs: { ...genesis.tariffs, entries } }));
      });
    expect(code(until('2026-05-28'), 'mea', reading('1', '0'))).toBe('tariffs.noEntry');
    expect(code(until('2026-05-29'), 'mea', reading('1', '0'))).toBe('ok');
  });

  it('is recorded once per meter and interval', () => {
    const world = given();
    expect([code(world, 'mea', reading('1', '0')), code(world, 'mea', reading('1', '0'))]).toEqual([
      'ok',
      'metering.alreadyRecorded',
    ]);
  });

  it('is the word of the operator of the zone', () => {
    expect(code(given(), 'pea', reading('1', '0'))).toBe('key.notAuthorised');
    expect(code(given(), 'trader', reading('1', '0'))).toBe('key.notAuthorised');
  });

  it('is of a meter that there is', () => {
    expect(code(new World(), 'mea', reading('1', '0'))).toBe('registry.unknownMeter');
  });

  it('stays within what the meter can measure', () => {
    expect(code(given(), 'mea', reading('5001', '0'))).toBe('metering.beyondLimit');
    expect(code(given(), 'mea', reading('0', '5001'))).toBe('metering.beyondLimit');
    expect(code(given(), 'mea', reading('5000', '5000'))).toBe('ok');
  });

  it('comes when its interval has ended in market time, not before', () => {
    const world = given();
    const current = Math.floor(START / INTERVAL_MS) * INTERVAL_MS;
    const interval = formatInterval(millis(current));
    expect(code(world, 'mea', reading('1', '0', interval))).toBe('metering.tooEarly');
    world.wait(current + INTERVAL_MS - world.ledger.marketTime);
    expect(code(world, 'mea', reading('1', '0', interval))).toBe('ok');
  });

  it('comes before its interval is settled, not after', () => {
    const world = given();
    world.wait(INTERVAL_MS - 2_002);
    expect(code(world, 'mea', reading('1', '0'))).toBe('ok');
    const late = given();
    late.wait(INTERVAL_MS - 2_000);
    expect(code(late, 'mea', reading('1', '0'))).toBe('metering.bookClosed');
  });
});
