import { describe, expect, it } from '@jest/globals';
import { formatInterval, formatTime, INTERVAL_MS, millis } from '@gridtokenx/kernel';
import type { Operation, OperationOf } from '@gridtokenx/protocol';
import { auditState } from '../index.js';
import { id, OTHER_ZONE, World, ZONE } from '../spec/world.spec.js';
import { legKeyOf } from './capacity.js';

const link = (name: string, forwardWh: number, backwardWh: number, more = {}): OperationOf<'network.setLink'> => ({
  type: 'network.setLink',
  link: name,
  fromZone: ZONE,
  toZone: OTHER_ZONE,
  forwardWh: String(forwardWh),
  backwardWh: String(backwardWh),
  ...more,
});
const pair = (route: readonly string[] | undefined, more = {}): OperationOf<'network.setPair'> => ({
  type: 'network.setPair',
  fromZone: ZONE,
  toZone: OTHER_ZONE,
  allowed: route !== undefined,
  ...(route === undefined ? {} : { route: [...route] }),
  ...more,
});
const feeder = (name: string, capacityWh: number, zone = ZONE): Operation => ({
  type: 'network.registerFeeder',
  feeder: name,
  zone,
  capacityWh: String(capacityWh),
});

/** The n-th delivery interval from now on in market time; 0 is the one that runs. */
const interval = (world: World, n: number): string =>
  formatInterval(millis((Math.floor(world.ledger.marketTime / INTERVAL_MS) + n) * INTERVAL_MS));

const curtail = (
  world: World,
  more: Partial<OperationOf<'network.curtail'>> = {},
  type: 'network.curtail' | 'network.scheduleMaintenance' = 'network.curtail',
): Operation =>
  ({
    target: { kind: 'zone', zone: ZONE },
    flow: 'out',
    limit: { kind: 'energy', wh: '0' },
    firstInterval: interval(world, 1),
    lastInterval: interval(world, 2),
    ...more,
    type,
  }) as Operation;

const code = (world: World, by: string, operation: Operation): string => {
  const [outcome] = world.run(by, operation).outcomes;
  return outcome?.status === 'rejected' ? outcome.code : 'ok';
};

/** Both zones joined by L1 and L2, with the pair open over L1. */
function joined(): World {
  const world = new World();
  for (const operator of ['mea', 'pea'])
    world.must(operator, link('L1', 1_000, 500), link('L2', 200, 200), pair(['L1']));
  return world;
}

describe('a link', () => {
  it('carries the least of what the operators of its ends declare, and nothing before both have spoken', () => {
    const world = new World();
    const { network } = world.ledger.state;
    const capacities = (): number[] =>
      [true, false].map((isForward) => {
        const leg = { link: 'L1', isForward };
        return network.capacityOf({ ...leg, key: legKeyOf(leg) }, 0);
      });
    expect(world.must('mea', link('L1', 1_000, 500)).events).toEqual([
      {
        type: 'network.linkSet',
        link: 'L1',
        fromZone: ZONE,
        toZone: OTHER_ZONE,
        operator: id('mea'),
        declaredForwardWh: '1000',
        declaredBackwardWh: '500',
        forwardWh: '0',
        backwardWh: '0',
      },
    ]);
    expect(capacities()).toEqual([0, 0]);
    expect(world.must('pea', link('L1', 800, 900)).events).toMatchObject([
      { operator: id('pea'), forwardWh: '800', backwardWh: '500' },
    ]);
    expect(capacities()).toEqual([800, 500]);
    // Either lowers it alone, neither raises it alone.
    world.must('mea', link('L1', 10, 500));
    world.must('pea', link('L1', 5_000, 5_000));
    expect(capacities()).toEqual([10, 500]);
  });

  it.each<[what: string, by: string, operation: Operation, refused: string]>([
    ['of a stranger', 'trader', link('L1', 1, 1), 'key.notAuthorised'],
    ['to a zone that there is not', 'mea', link('L9', 1, 1, { toZone: 'XX' }), 'registry.unknownZone'],
    ['from a zone that there is not', 'mea', link('L9', 1, 1, { fromZone: 'XX' }), 'registry.unknownZone'],
    ['that leads back', 'mea', link('L9', 1, 1, { toZone: ZONE }), 'network.badRoute'],
    ['that joins other zones', 'mea', link('L1', 1, 1, { fromZone: OTHER_ZONE, toZone: ZONE }), 'network.otherZone'],
  ])('%s is refused', (_what, by, operation, refused) => {
    expect(code(joined(), by, operation)).toBe(refused);
  });
});

describe('a pair of zones', () => {
  it('is open when both operators allow it over one route, in that direction alone, and either closes it', () => {
    const world = new World();
    for (const operator of ['mea', 'pea']) world.must(operator, link('L1', 1_000, 500), link('L2', 200, 200));
    const { network } = world.ledger.state;
    const route = (): unknown => network.routeOf(ZONE, OTHER_ZONE)?.map(({ key }) => key);
    expect([route(), world.must('mea', pair(['L1'])).events[0]]).toMatchObject([undefined, { isOpen: false }]);
    expect([route(), world.must('pea', pair(['L2'])).events[0]]).toMatchObject([undefined, { isOpen: false }]);
    expect(world.must('pea', pair(['L1'])).events).toMatchObject([{ isOpen: true, route: ['L1'] }]);
    expect(route()).toEqual(['L1>']);
    expect(network.routeOf(OTHER_ZONE, ZONE)).toBeUndefined();
    expect(network.routeOf(ZONE, ZONE)).toEqual([]);
    for (const operator of ['mea', 'pea']) world.must(operator, pair(['L1'], { fromZone: OTHER_ZONE, toZone: ZONE }));
    expect(network.routeOf(OTHER_ZONE, ZONE)?.map(({ key }) => key)).toEqual(['L1<']);
    expect(world.must('mea', pair(undefined)).events).toMatchObject([{ allowed: false, isOpen: false }]);
    expect(route()).toBeUndefined();
  });

  it('that is undone is as it was', () => {
    const world = joined();
    world.block([world.envelope('mea', [pair(undefined), link('L1', 1, 1, { toZone: 'XX' })], true)]);
    expect(world.ledger.state.network.routeOf(ZONE, OTHER_ZONE)?.map(({ key }) => key)).toEqual(['L1>']);
  });

  it.each<[what: string, by: string, operation: Operation, refused: string]>([
    ['of strangers', 'trader', pair(['L1']), 'key.notAuthorised'],
    ['with a zone that there is not', 'mea', pair(['L1'], { toZone: 'XX' }), 'registry.unknownZone'],
    ['over a link that there is not', 'mea', pair(['L9']), 'network.unknownLink'],
    ['over a way there and back', 'mea', pair(['L1', 'L2']), 'network.badRoute'],
    ['of one zone', 'mea', pair(['L1'], { toZone: ZONE }), 'network.badRoute'],
    ['allowed without a route', 'mea', pair(undefined, { allowed: true }), 'network.badRoute'],
    ['not allowed, with a route', 'mea', pair(['L1'], { allowed: false }), 'network.badRoute'],
  ])('%s is refused', (_what, by, operation, refused) => {
    expect(code(joined(), by, operation)).toBe(refused);
  });
});

describe('a feeder', () => {
  const meter: Operation = {
    type: 'registry.registerMeter',
    meter: id('meter'),
    account: id('ann'),
    zone: ZONE,
    limitWh: '5000',
  };
  const assign = (name: string): Operation => ({ type: 'network.assignMeter', meter: id('meter'), feeder: name });

  it('is registered and rated by the operator of its zone, who says which meters hang on it', () => {
    const world = new World();
    const { network } = world.ledger.state;
    expect(network.ratingOf(ZONE)).toBeUndefined();
    world.must('mea', meter, feeder('F1', 900), feeder('F2', 100));
    expect(world.must('mea', assign('F1')).events).toEqual([
      { type: 'network.meterAssigned', meter: id('meter'), zone: ZONE, feeder: 'F1' },
    ]);
    expect([network.ratingOf(ZONE), network.isOn(id('ann'), 'F1'), network.isOn(id('bob'), 'F1')]).toEqual([
      1_000,
      true,
      false,
    ]);
    world.must('mea', feeder('F1', 500), assign('F2'));
    expect([network.ratingOf(ZONE), network.isOn(id('ann'), 'F1'), network.isOn(id('ann'), 'F2')]).toEqual([
      600,
      false,
      true,
    ]);
    expect(auditState(world.ledger)).toEqual([]);
  });

  it.each<[what: string, by: string, operation: Operation, refused: string]>([
    ['of a stranger', 'pea', feeder('F3', 1), 'key.notAuthorised'],
    ['in a zone that there is not', 'mea', feeder('F3', 1, 'XX'), 'registry.unknownZone'],
    ['that is in another zone', 'pea', feeder('F1', 1, OTHER_ZONE), 'network.otherZone'],
    [
      'for a meter that there is not',
      'mea',
      { type: 'network.assignMeter', meter: id('x'), feeder: 'F1' },
      'registry.unknownMeter',
    ],
    ['assigned by a stranger', 'pea', assign('F1'), 'key.notAuthorised'],
    ['that there is not', 'mea', assign('F9'), 'network.unknownFeeder'],
    ['of another zone, for a meter', 'mea', assign('P1'), 'network.otherZone'],
  ])('%s is refused', (_what, by, operation, refused) => {
    const world = new World();
    world.must('mea', meter, feeder('F1', 900));
    world.must('pea', feeder('P1', 900, OTHER_ZONE));
    expect(code(world, by, operation)).toBe(refused);
  });
});

describe("a report of a zone's status", () => {
  const report = (world: World, sequence: number, agoMs = 0, more = {}): Operation => ({
    type: 'network.reportStatus',
    zone: ZONE,
    sequence,
    // The block that takes it comes a second later.
    at: formatTime(millis(world.ledger.marketTime + 1_000 - agoMs)),
    loadW: -5_000_000,
    frequencyMhz: 49_980,
    reserveW: 2_000_000,
    ...more,
  });

  it('stands until the next one, with whose word it is', () => {
    const world = new World();
    const at = world.ledger.marketTime + 1_000;
    expect(world.must('mea', report(world, 7)).events).toEqual([
      { ...report(world, 7, 1_000), type: 'network.statusReported', source: 'operator' },
    ]);
    expect(world.ledger.state.network.statuses.get(ZONE)).toEqual({
      source: 'operator',
      sequence: 7,
      at,
      loadW: -5_000_000,
      frequencyMhz: 49_980,
      reserveW: 2_000_000,
    });
    expect(code(world, 'mea', report(world, 8))).toBe('ok');
  });

  it.each<[what: string, by: string, sequence: number, agoMs: number, more: object, refused: string]>([
    ['of a stranger', 'pea', 9, 0, {}, 'key.notAuthorised'],
    ['of a zone that there is not', 'mea', 9, 0, { zone: 'XX' }, 'registry.unknownZone'],
    ['of the future', 'mea', 9, -1, {}, 'network.reportTime'],
    ['older than 15 minutes', 'mea', 9, 900_001, {}, 'network.reportTime'],
    ['with a sequence that was used', 'mea', 7, 0, {}, 'network.staleReport'],
    ['with an earlier sequence', 'mea', 6, 0, {}, 'network.staleReport'],
    ['from before the last one', 'mea', 8, 700_000, {}, 'network.staleReport'],
  ])('%s is refused', (_what, by, sequence, agoMs, more, refused) => {
    const world = new World();
    world.must('mea', report(world, 7, 300_000));
    expect(code(world, by, report(world, sequence, agoMs, more))).toBe(refused);
  });
});

describe('an alert', () => {
  const raise = (zone = ZONE): Operation => ({
    type: 'network.raiseAlert',
    zone,
    kind: 'frequency',
    severity: 'critical',
    reference: 'NLDC-2026-118',
  });

  it('stands until its zone clears it', () => {
    const world = new World();
    const { events, ids } = world.must('mea', raise());
    const [alert = ''] = ids;
    expect(events).toEqual([{ ...raise(), type: 'network.alertRaised', alert }]);
    expect(world.ledger.state.network.alertCounts.of(ZONE)).toBe(1);
    expect(code(world, 'pea', { type: 'network.clearAlert', alert })).toBe('key.notAuthorised');
    expect(world.must('mea', { type: 'network.clearAlert', alert }).events).toEqual([
      { type: 'network.alertCleared', alert, zone: ZONE },
    ]);
    expect(world.ledger.state.network.alertCounts.of(ZONE)).toBe(0);
    expect(code(world, 'mea', { type: 'network.clearAlert', alert })).toBe('network.unknownAlert');
  });

  it('is raised by the operator of its zone, and no more than a hundred of them', () => {
    const world = new World();
    expect([code(world, 'pea', raise()), code(world, 'mea', raise('XX'))]).toEqual([
      'key.notAuthorised',
      'registry.unknownZone',
    ]);
    world.must('mea', ...Array.from({ length: 100 }, () => raise()));
    expect(code(world, 'mea', raise())).toBe('network.tooMany');
    expect(code(world, 'pea', raise(OTHER_ZONE))).toBe('ok');
  });
});

describe('a restriction', () => {
  const asked = (
    world: World,
    n: number,
    { fromZone = ZONE, toZone = ZONE, account = id('ann'), isBid = false } = {},
  ): unknown => {
    const { network } = world.ledger.state;
    const legs = network.routeOf(fromZone, toZone) ?? [];
    return network.restrictionOn(fromZone, toZone, legs, interval(world, n), account, isBid);
  };

  it('of a zone forbids what goes out of it, in its intervals alone', () => {
    const world = joined();
    expect(asked(world, 1)).toBeUndefined();
    const { events, ids } = world.must('mea', curtail(world));
    expect(events).toEqual([{ ...curtail(world), type: 'network.curtailed', restriction: ids[0], outWh: '0' }]);
    expect([0, 1, 2, 3].map((n) => asked(world, n))).toEqual([undefined, { zone: ZONE }, { zone: ZONE }, undefined]);
    expect(asked(world, 1, { toZone: OTHER_ZONE })).toEqual({ zone: ZONE });
    expect(asked(world, 1, { fromZone: OTHER_ZONE })).toBeUndefined();
    world.must(
      'mea',
      curtail(world, { flow: 'in', firstInterval: interval(world, 4), lastInterval: interval(world, 4) }),
    );
    expect(asked(world, 4, { fromZone: OTHER_ZONE })).toEqual({ zone: ZONE });
    expect(asked(world, 4, { toZone: OTHER_ZONE })).toBeUndefined();
  });

  it('of a link leaves so much of its capacity in that direction, and forbids new orders over it', () => {
    const world = joined();
    const { network } = world.ledger.state;
    world.must('pea', curtail(world, { target: { kind: 'link', link: 'L1' }, limit: { kind: 'share', share: 2_500 } }));
    const [legs, later] = [network.routeOf(ZONE, OTHER_ZONE) ?? [], interval(world, 3)];
    expect([network.capacityLeft(legs, interval(world, 1)), network.capacityLeft(legs, later)]).toEqual([250, 1_000]);
    expect(asked(world, 1, { toZone: OTHER_ZONE })).toEqual({ link: 'L1' });
    expect([asked(world, 1), asked(world, 3, { toZone: OTHER_ZONE })]).toEqual([undefined, undefined]);
  });

  it('of a feeder forbids the orders of accounts with a meter on it', () => {
    const world = joined();
    world.must(
      'mea',
      { type: 'registry.registerMeter', meter: id('meter'), account: id('ann'), zone: ZONE, limitWh: '5000' },
      feeder('F1', 900),
      { type: 'network.assignMeter', meter: id('meter'), feeder: 'F1' },
      curtail(world, { target: { kind: 'feeder', feeder: 'F1' }, limit: { kind: 'share', share: 5_000 } }),
    );
    expect([asked(world, 1), asked(world, 1, { isBid: true }), asked(world, 1, { account: id('bob') })]).toEqual([
      { feeder: 'F1' },
      undefined,
      undefined,
    ]);
    // What ann sells in another zone does not come over this feeder.
    expect(asked(world, 1, { fromZone: OTHER_ZONE })).toBeUndefined();
  });

  it('of a zone for a share is of what its feeders are rated for together', () => {
    const world = new World();
    const half = curtail(world, { limit: { kind: 'share', share: 5_000 }, flow: 'both' });
    expect(code(world, 'mea', half)).toBe('network.noRating');
    world.must('mea', feeder('F1', 901), feeder('F2', 100));
    expect(world.must('mea', half).events).toMatchObject([{ outWh: '500', inWh: '500' }]);
  });

  it('ends with its last interval, or when it is lifted by who might have ordered it', () => {
    const world = joined();
    const range = (first: number, last: number): Operation =>
      curtail(world, { firstInterval: interval(world, first), lastInterval: interval(world, last) });
    const [over = ''] = world.must('mea', range(1, 1)).ids;
    const [lifted = ''] = world.must('mea', range(0, 9)).ids;
    const [ahead = ''] = world.must('mea', range(8, 9)).ids;
    world.wait(1_000);
    expect(code(world, 'pea', { type: 'network.lift', restriction: lifted })).toBe('key.notAuthorised');
    expect([0, 2, 8].map((n) => asked(world, n))).toEqual([{ zone: ZONE }, { zone: ZONE }, { zone: ZONE }]);
    expect(world.must('mea', { type: 'network.lift', restriction: lifted }).events).toEqual([
      { type: 'network.lifted', restriction: lifted },
    ]);
    // The interval that runs stays restricted.
    expect([0, 2, 8].map((n) => asked(world, n))).toEqual([{ zone: ZONE }, undefined, { zone: ZONE }]);
    expect(code(world, 'mea', { type: 'network.lift', restriction: lifted })).toBe('network.unknownRestriction');
    expect(world.must('mea', { type: 'network.lift', restriction: ahead }).events).toEqual([
      { type: 'network.lifted', restriction: ahead },
      { type: 'network.restrictionEnded', restriction: ahead },
    ]);
    const { closesAt } = world.ledger.state.market.schedule(interval(world, 1));
    expect(world.wait(closesAt - world.ledger.marketTime - 1).events).toEqual([]);
    expect(world.wait(1).events).toEqual([{ type: 'network.restrictionEnded', restriction: over }]);
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('for maintenance is announced before it begins', () => {
    const world = joined();
    expect(world.must('mea', curtail(world, {}, 'network.scheduleMaintenance')).events).toMatchObject([
      { type: 'network.maintenanceScheduled' },
    ]);
    const now = { firstInterval: interval(world, 0) };
    expect(code(world, 'mea', curtail(world, now, 'network.scheduleMaintenance'))).toBe('network.notAhead');
    expect(code(world, 'mea', curtail(world, now))).toBe('ok');
  });

  it('is bounded in number and length, lies ahead, and is the word of an operator that it concerns', () => {
    const world = joined();
    const refusal = (by: string, more: Partial<OperationOf<'network.curtail'>>): string =>
      code(world, by, curtail(world, more));
    expect([
      refusal('pea', {}),
      refusal('trader', { target: { kind: 'link', link: 'L1' } }),
      refusal('mea', { target: { kind: 'zone', zone: 'XX' } }),
      refusal('mea', { target: { kind: 'link', link: 'L9' } }),
      refusal('mea', { target: { kind: 'feeder', feeder: 'F9' } }),
      refusal('mea', { lastInterval: interval(world, 0) }),
      refusal('mea', { lastInterval: interval(world, 1 + 31 * 96) }),
      refusal('mea', { firstInterval: interval(world, -3), lastInterval: interval(world, -1) }),
    ]).toEqual([
      'key.notAuthorised',
      'key.notAuthorised',
      'registry.unknownZone',
      'network.unknownLink',
      'network.unknownFeeder',
      'network.badRange',
      'network.badRange',
      'network.intervalOver',
    ]);
    expect(refusal('mea', { lastInterval: interval(world, 31 * 96) })).toBe('ok');
    world.must('mea', ...Array.from({ length: 99 }, () => curtail(world)));
    expect(refusal('mea', {})).toBe('network.tooMany');
  });
});
