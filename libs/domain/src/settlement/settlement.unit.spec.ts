import { Histories, participantStatement, statementCsv, statementJson, utilityStatement } from '@gridtokenx/chain';
import { describe, expect, it } from '@jest/globals';
import { formatInterval, INTERVAL_MS, millis, Prng, ScratchWriter } from '@gridtokenx/kernel';
import {
  decodeOutcome,
  type LedgerEvent,
  type Operation,
  type OperationOf,
  type TariffEntry,
} from '@gridtokenx/protocol';
import { auditState, createConsortiumLedger, decodeRow, type ConsortiumLedger } from '../index.js';
import {
  crypto,
  id,
  identityOf,
  INTERVAL,
  KWH,
  OTHER_ZONE,
  place,
  START,
  World,
  ZONE,
  type Ran,
} from '../spec/world.spec.js';

const PERIOD = { from: '2026-01-01T00:00:00Z', until: '2027-01-01T00:00:00Z' };
const THB = 1_000_000n;
type Correct = OperationOf<'settlement.correct'>;

/** A world of which each event goes into histories, as those of a reader of final blocks. */
class SettledWorld extends World {
  readonly histories = new Histories();
  readonly bodies: { readonly height: number; readonly outcome: number; readonly bytes: Uint8Array }[] = [];

  override block(...terms: Parameters<World['block']>): Ran {
    const ran = super.block(...terms);
    ran.execution.outcomes.forEach(({ bytes }, outcome) => {
      this.bodies.push({ height: this.ledger.height, outcome, bytes });
      this.histories.add(this.ledger.height, outcome, decodeOutcome(bytes));
    });
    return ran;
  }

  correction(
    name: string,
    reading: { consumedWh?: number; producedWh?: number; meter?: string; zone?: string; interval?: string },
    retariff = false,
  ): Correct {
    const {
      consumedWh = 0,
      producedWh = 0,
      zone = ZONE,
      meter = `${name} meter ${zone}`,
      interval = INTERVAL,
    } = reading;
    return this.histories.correction(crypto, {
      account: id(name),
      zone,
      interval,
      readings: [
        { meter: id(meter), quality: 'actual', consumedWh: String(consumedWh), producedWh: String(producedWh) },
      ],
      retariff,
    });
  }
}

const types = (events: readonly LedgerEvent[]): string[] => events.map(({ type }) => type);
const code = (ran: Ran): string => {
  const [outcome] = ran.outcomes;
  return outcome?.status === 'rejected' ? outcome.code : 'ok';
};

/** Ann sold 4 of the 10 kWh that she gave to Bob at 4.00, who took 3; the interval is settled and paid. */
function settled(): SettledWorld {
  const world = new SettledWorld();
  for (const name of ['bob', 'mea account']) world.fund(name, 1_000);
  for (const name of ['ann', 'bob', 'cat']) world.ownKey(name);
  world.measure('ann', { producedWh: 10_000 });
  world.measure('bob', { consumedWh: 3_000 });
  world.must('ann', place('ann', 'ask', 400, 4_000));
  world.must('bob', place('bob', 'bid', 400, 4_000));
  world.wait(INTERVAL_MS);
  return world;
}

describe('a correction of what was settled', () => {
  it('books the difference to all whom it touches, and changes nothing of the energy that is there', () => {
    const world = settled();
    const before = ['ann', 'bob', 'mea account'].map((name) => world.available(name));
    // Ann gave 1 kWh only: 1 of 4 was delivered. Of Bob's 3 kWh the operator stands in for 3 at 6.00 with his 4.00.
    const ran = world.must('mea', world.correction('ann', { producedWh: 1_000 }));
    expect(types(ran.events)).toEqual([
      'settlement.tradeCorrected',
      'settlement.positionCorrected',
      'settlement.positionCorrected',
      'settlement.corrected',
    ]);
    expect(ran.events[0]).toMatchObject({
      deliveredWh: '1000',
      shortfallWh: '3000',
      // The fee of 1 % on 3 kWh comes back; what the 3 kWh cost is the same for him.
      buyerMore: '120000',
      sellerMore: String(-12n * THB - 6n * THB),
      toOperatorMore: String(18n * THB - 120_000n),
    });
    expect(ran.events[1]).toMatchObject({
      account: id('ann'),
      exportWh: '1000',
      surplusWh: '0',
      mintedMoreWh: '-9000',
    });
    // Bob had 1 kWh left over, and has none now.
    expect(ran.events[2]).toMatchObject({
      account: id('bob'),
      retiredWh: '1000',
      surplusWh: '0',
      amountMore: '-2200000',
    });
    expect(world.ledger.state.accounts.supply(KWH)).toMatchObject({ minted: 1_000n, retired: 1_000n });
    expect(auditState(world.ledger)).toEqual([]);
    // Ann cannot pay 31.20 of her 29.20, so hers waits, and Bob's too: he is owed and owes.
    world.fund('ann', 100);
    world.wait(INTERVAL_MS);
    const paid = ['ann', 'bob', 'mea account'].map((name, i) => world.available(name) - (before[i] ?? 0n));
    expect(paid).toEqual([
      100n * THB - 18n * THB - 13_200_000n,
      120_000n - 2_200_000n,
      18n * THB - 120_000n + 13_200_000n + 2_200_000n,
    ]);
    expect(world.ledger.state.settlement.standing.size).toBe(0);
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('comes again with the history that the former one left, and back with nothing between them', () => {
    const world = settled();
    const amounts = (): bigint[] => ['ann', 'bob', 'mea account'].map((name) => world.available(name));
    const before = amounts();
    world.must('mea', world.correction('ann', { producedWh: 1_000 }));
    const old = settled().correction('ann', { producedWh: 500 });
    expect(code(world.run('mea', old))).toBe('settlement.evidenceMismatch');
    world.must('mea', world.correction('ann', { producedWh: 10_000 }));
    world.wait(INTERVAL_MS);
    expect(amounts()).toEqual(before);
    expect(world.ledger.state.accounts.supply(KWH)).toMatchObject({ minted: 10_000n, retired: 10_000n });
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('of a reading that came late makes a position of an account that had none', () => {
    const world = settled();
    world.must('mea', {
      type: 'registry.registerMeter',
      meter: id('late'),
      account: id('cat'),
      zone: ZONE,
      limitWh: '9000',
    });
    const operation = world.correction('cat', { producedWh: 2_000, meter: 'late' });
    expect(operation.evidence[0]).toHaveProperty('between');
    const [evidence] = operation.evidence;
    const lies = { ...operation, evidence: [{ ...evidence, between: {} }] } as Correct;
    expect(code(world.run('mea', lies))).toBe('settlement.evidenceMismatch');
    world.must('mea', operation);
    world.wait(1_000);
    expect(world.available('cat')).toBe(4_400_000n);
    // Also where nothing was settled at all.
    const interval = formatInterval(millis(START - (START % INTERVAL_MS) - 9 * INTERVAL_MS));
    world.must('mea', world.correction('cat', { producedWh: 1_000, meter: 'late', interval }));
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('by a later tariff prices anew what was left over and what fell short, with all whom that touches', () => {
    const world = new SettledWorld();
    for (const name of ['ann', 'bob', 'mea account']) world.fund(name, 1_000);
    for (const name of ['ann', 'bob']) world.ownKey(name);
    const interval = formatInterval(millis(START + 4 * INTERVAL_MS));
    world.must('ann', place('ann', 'ask', 400, 10_000, { interval }));
    world.must('bob', place('bob', 'bid', 400, 10_000, { interval }));
    world.wait(5 * INTERVAL_MS);
    world.measure('ann', { producedWh: 4_000, interval });
    world.measure('bob', { consumedWh: 1_000, interval });
    world.wait(3 * INTERVAL_MS);
    const before = ['ann', 'bob', 'mea account'].map((name) => world.available(name));
    const wanted = { account: id('bob'), zone: ZONE, interval, readings: [], retariff: true };
    const entry = world.genesis.tariffs.entries[0];
    if (entry === undefined) throw new Error('a genesis has a tariff');
    expect(code(world.run('mea', world.histories.correction(crypto, wanted)))).toBe('settlement.nothingNew');
    world.must('erc', {
      type: 'tariffs.publish',
      basedOn: 1,
      entries: [{ ...entry, feedIn: 20_000, topUp: { kind: 'rate', rate: 50_000 } }],
    });
    const { events } = world.must('mea', world.histories.correction(crypto, wanted));
    // 6 kWh at 5.00 instead of 6.00, and Bob's 3 kWh left over at 2.00 instead of 2.20.
    expect(events[0]).toMatchObject({ topUpRate: 50_000, buyerMore: '0', sellerMore: String(6n * THB) });
    expect(events[1]).toMatchObject({ account: id('bob'), amountMore: '-600000' });
    expect(events.at(-1)).toMatchObject({ tariffVersion: 2, positions: 2, trades: 1 });
    world.wait(1_000);
    const more = ['ann', 'bob', 'mea account'].map((name, i) => world.available(name) - (before[i] ?? 0n));
    expect(more).toEqual([6n * THB, -600_000n, -6n * THB + 600_000n]);
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('follows a decision about the calendar that comes after the day: the version that settled it stays', () => {
    const world = new SettledWorld();
    for (const name of ['ann', 'bob', 'mea account']) world.fund(name, 1_000);
    for (const name of ['ann', 'bob']) world.ownKey(name);
    // 09:30 on Friday, 29 May, in Bangkok.
    const interval = formatInterval(millis(START + 24 * INTERVAL_MS));
    const [entry] = world.genesis.tariffs.entries;
    if (entry === undefined) throw new Error('a genesis has a tariff');
    const rates = [
      { band: 'onPeak', rate: 57_982 },
      { band: 'offPeak', rate: 26_369 },
    ];
    const timed = {
      ...entry,
      timeOfUse: {
        otherwise: 'offPeak',
        windows: [{ band: 'onPeak', days: ['weekday' as const], from: '09:00', to: '22:00' }],
        holidays: ['publicHoliday' as const],
      },
      retail: [{ schedule: 'home', class: 'residential', voltage: 'low' as const, rates }],
      topUp: { kind: 'retail' as const, schedule: 'home' },
    };
    const decide = (decision: OperationOf<'tariffs.decideCalendar'>['decision']): Operation => ({
      type: 'tariffs.decideCalendar',
      decision,
    });
    world.must(
      'erc',
      decide({ kind: 'declareYear', year: 2026, days: [{ date: '2026-05-01', kind: 'labourDay' }], source: 'a test' }),
      {
        type: 'tariffs.publish',
        basedOn: 2,
        entries: [
          { ...entry, validTo: '2025-12-31' },
          { ...timed, validFrom: '2026-01-01', validTo: '2026-12-31' },
          { ...entry, validFrom: '2027-01-01' },
        ],
      },
    );
    world.must('ann', place('ann', 'ask', 400, 10_000, { interval }));
    world.must('bob', place('bob', 'bid', 400, 10_000, { interval }));
    world.wait(25 * INTERVAL_MS);
    world.measure('ann', { producedWh: 5_000, interval });
    const settledAt = world.wait(3 * INTERVAL_MS).events;
    expect(settledAt.find(({ type }) => type === 'settlement.contractSettled')).toMatchObject({ topUpRate: 57_982 });
    const before = ['ann', 'bob', 'mea account'].map((name) => world.available(name));
    const decided = world.must(
      'erc',
      decide({
        kind: 'billDays',
        decidedOn: '2026-05-30',
        days: [{ date: '2026-05-29', billedAs: 'holiday' }],
        source: 'a test',
      }),
    ).events;
    expect(decided).toMatchObject([{ type: 'tariffs.calendarDecided', version: 4, late: true }]);
    expect(world.wait(1_000).events).toEqual([]);
    const wanted = { account: id('bob'), zone: ZONE, interval, readings: [], retariff: true };
    const { events } = world.must('mea', world.histories.correction(crypto, wanted));
    // 5 kWh cost 13.1845 now, not 28.991: Bob pays that instead of his 20.00, and Ann nothing instead of 8.991.
    expect(events[0]).toMatchObject({ topUpRate: 26_369, buyerMore: '6815500', sellerMore: '8991000' });
    expect(events.at(-1)).toMatchObject({ tariffVersion: 4 });
    world.wait(1_000);
    const more = ['ann', 'bob', 'mea account'].map((name, i) => world.available(name) - (before[i] ?? 0n));
    expect(more).toEqual([8_991_000n, 6_815_500n, -15_806_500n]);
    expect(world.ledger.state.tariffs.termsOf(ZONE, ZONE, interval, 3)?.topUpRate).toBe(57_982);
    expect(auditState(world.ledger)).toEqual([]);
  });

  it('is refused without what it needs, and says why', () => {
    const world = settled();
    const good = world.correction('ann', { producedWh: 1_000 });
    const [own, other] = good.evidence;
    const asked = (by: string, change: object): string => code(world.run(by, { ...good, ...change } as Operation));
    expect(asked('pea', {})).toBe('key.notAuthorised');
    expect(asked('mea', { zone: 'NO-SUCH' })).toBe('registry.unknownZone');
    expect(asked('mea', { account: id('nobody') })).toBe('registry.unknownAccount');
    expect(asked('mea', { evidence: [other] })).toBe('settlement.evidenceMissing');
    expect(asked('mea', { evidence: [own] })).toBe('settlement.evidenceMissing');
    expect(asked('mea', { evidence: [{ ...own, history: 'AAAA' }] })).toBe('settlement.evidenceMalformed');
    expect(asked('mea', { evidence: [{ ...own, history: other?.history }, other] })).toBe(
      'settlement.evidenceMismatch',
    );
    expect(asked('mea', { evidence: [{ ...own, proof: undefined }] })).toBe('settlement.evidenceMismatch');
    const now = formatInterval(millis(world.ledger.marketTime - (world.ledger.marketTime % INTERVAL_MS)));
    expect(asked('mea', { interval: now })).toBe('settlement.notSettled');
    const reading = { meter: id('ann meter MEA-BKK-01'), quality: 'actual', consumedWh: '0', producedWh: '10000' };
    expect(asked('mea', { readings: [reading] })).toBe('settlement.nothingNew');
    expect(asked('mea', { readings: [], retariff: true })).toBe('settlement.nothingNew');
    expect(asked('mea', { readings: [{ ...reading, meter: id('bob meter MEA-BKK-01') }] })).toBe(
      'settlement.otherMeter',
    );
    expect(asked('mea', { readings: [{ ...reading, meter: id('no meter') }] })).toBe('registry.unknownMeter');
    expect(asked('mea', {})).toBe('ok');
    expect(asked('mea', {})).toBe('settlement.evidenceMismatch');
  });

  it('of a part that does not come along leaves all as it was', () => {
    const world = settled();
    const good = world.correction('ann', { producedWh: 1_000 });
    const digest = world.ledger.state.settlement.corrected.getPair(id('ann'), `${ZONE}/${INTERVAL}`);
    world.run('mea', { ...good, evidence: good.evidence.slice(0, 1) });
    expect(world.ledger.state.settlement.corrected.getPair(id('ann'), `${ZONE}/${INTERVAL}`)).toBe(digest);
    expect(world.ledger.state.settlement.standing.size).toBe(0);
  });
});

/** A ledger of nothing but the rows of another, which come in an order of their own. */
function restored(world: SettledWorld, seed: number): ConsortiumLedger {
  const other = createConsortiumLedger(crypto, identityOf(world.genesis));
  const tables = new Map(other.state.store.tables.map((table) => [table.name, table]));
  const prng = new Prng(seed);
  const scratch = new ScratchWriter();
  const rows = world.ledger.state.store.tables.flatMap((table) =>
    [...table.cells()].flatMap(({ key, value }) => {
      if (value === undefined) return [];
      table.options.encode(scratch.reset(), value);
      return [{ table: table.name, key, bytes: scratch.bytes().slice(), at: prng.below(1_000_000) }];
    }),
  );
  for (const { table, key, bytes } of rows
    .filter((row) => row.table.startsWith('settlement.'))
    .sort((a, b) => a.at - b.at)) {
    const to = tables.get(table);
    if (to === undefined) throw new Error(`there is no table ${table}`);
    other.state.store.restore(to.cell(key), decodeRow(to, bytes));
  }
  return other;
}

const NAMES = ['ann', 'bob', 'cat', 'dan'] as const;
/** In the order in which they were funded. */
const FUNDED = ['ann', 'bob', 'cat', 'dan', 'mea account', 'pea account'] as const;
const FUNDS = 40_000;

/** A day's worth of surprises: trades before and after delivery, readings late and twice, corrections of anything. */
function story(seed: number): { world: SettledWorld; refused: Set<string> } {
  const prng = new Prng(seed);
  const wires = [{ wheeling: 2_000, exit: 300, losses: 50 }];
  const vat = { rate: 700, on: ['wheeling', 'gridFee'] satisfies TariffEntry['vat']['on'] };
  // Tax has no statement of its own: it goes to somebody who trades nothing.
  const payees = { platform: id('bank account'), tax: id('bank account') };
  const world = new SettledWorld({ entry: { wires, vat, payees }, sellerShare: 3_000 });
  const refused = new Set<string>();
  const one = <T>(of: readonly T[]): T => of[prng.below(of.length)] as T;
  for (const name of FUNDED) world.fund(name, FUNDS);
  for (const name of NAMES) world.ownKey(name);
  const across = { fromZone: ZONE, toZone: OTHER_ZONE };
  for (const name of ['mea', 'pea'])
    world.must(
      name,
      { type: 'network.setLink', link: 'L1', ...across, forwardWh: '9000', backwardWh: '0' },
      { type: 'network.setPair', ...across, allowed: true, route: ['L1'] },
    );
  const first = START - (START % INTERVAL_MS);
  const intervals = [4, 5, 6].map((i) => formatInterval(millis(first + i * INTERVAL_MS)));
  const orders = (of: readonly string[], count: number): void => {
    for (let i = 0; i < count; i++) {
      const name = one(NAMES);
      // Within a zone, and from the one to the other.
      const [fromZone, toZone] = one([
        [ZONE, ZONE],
        [OTHER_ZONE, OTHER_ZONE],
        [ZONE, OTHER_ZONE],
      ] as const);
      const terms = { interval: one(of), fromZone, toZone };
      world.run(name, place(name, one(['bid', 'ask'] as const), 380 + prng.below(40), 100 + prng.below(4_000), terms));
    }
  };
  orders(intervals, 50);
  // Until the first of them is delivered; then one after the other is metered, traded and settled.
  world.wait(5 * INTERVAL_MS + first - world.ledger.marketTime);
  const operator = (zone: string): string => (zone === ZONE ? 'mea' : 'pea');
  for (const interval of intervals) {
    for (let i = 0; i < 10; i++) {
      const [name, zone] = [one(NAMES), one([ZONE, OTHER_ZONE])];
      world.measure(name, { interval, zone, consumedWh: prng.below(5_000), producedWh: prng.below(9_000) });
    }
    orders([interval], 40);
    orders(intervals, 10);
    const last = [...world.ledger.state.settlement.roots.rows.keys()];
    world.wait(INTERVAL_MS);
    for (let i = 0; i < 6 && last.length > 0; i++) {
      const [name, zone] = [one(NAMES), one([ZONE, OTHER_ZONE])];
      const settledInterval = one(intervals.slice(0, Math.max(1, intervals.indexOf(interval))));
      const operation = world.correction(name, {
        zone,
        interval: settledInterval,
        consumedWh: prng.below(5_000),
        producedWh: prng.below(9_000),
      });
      const again = prng.below(2) === 0 ? [operation] : [];
      for (const it of [operation, ...again]) refused.add(code(world.run(operator(zone), it)));
    }
    const faults = auditState(world.ledger);
    if (faults.length > 0) throw new Error(faults.join('; '));
  }
  world.wait(INTERVAL_MS);
  world.wait(INTERVAL_MS);
  return { world, refused };
}

describe('days of trades, readings and corrections at random', () => {
  const stories = [1, 2, 3, 4, 5, 6].map((seed) => story(seed));

  it('come to the money that statements tell, to the last micro-WATT, with nothing unexplained of the energy', () => {
    let corrections = 0;
    for (const { world } of stories) {
      const settledPositions = world.histories.settled();
      const zones = world.histories.zones();
      let total = 0n;
      for (const name of FUNDED) {
        const own = participantStatement(id(name), PERIOD, settledPositions, true);
        const utility = utilityStatement(id(name), PERIOD, zones, settledPositions, true);
        corrections += own.version - 1;
        const told = BigInt(own.totals['amount'] ?? 0) + BigInt(utility.totals['amount'] ?? 0);
        expect(world.available(name) + world.held(name) - BigInt(FUNDS) * THB).toBe(told + waiting(world, name));
        total += told;
        for (const row of utility.rows.filter(({ kind }) => kind === 'control'))
          expect([row['unexplainedWh'], row['closingWh']]).toEqual(['0', '0']);
      }
      expect(total + world.available('bank account') - waiting(world, 'bank account')).toBe(0n);
    }
    expect(corrections).toBeGreaterThan(20);
  });

  it('hold trades of both phases, shortfalls, corrected trades and dues that waited', () => {
    const count = new Map<string, number>();
    for (const { bytes } of stories.flatMap(({ world }) => world.bodies)) {
      const body = decodeOutcome(bytes);
      for (const event of body.status === 'executed' ? body.events : []) {
        const short = event.type === 'settlement.contractSettled' && event.shortfallWh !== '0' ? ' short' : '';
        const phase = event.type === 'market.traded' ? ` ${event.phase}` : '';
        const key = event.type + short + phase;
        count.set(key, (count.get(key) ?? 0) + 1);
      }
    }
    for (const [key, least] of Object.entries({
      'market.traded spot': 10,
      'market.traded forward': 20,
      'settlement.contractSettled short': 10,
      'settlement.tradeCorrected': 10,
      'settlement.netted': 10,
    }))
      expect(`${key}: ${Math.min(count.get(key) ?? 0, least)}`).toBe(`${key}: ${least}`);
  });

  it('refuse a correction that was made already', () => {
    const all = new Set(stories.flatMap(({ refused }) => [...refused]));
    expect(all).toContain('ok');
    expect(all).toContain('settlement.evidenceMismatch');
  });

  it('give the same statements from the same events, in whatever order and however often these come', () => {
    for (const [seed, { world }] of stories.entries()) {
      const prng = new Prng(seed);
      const shuffled = [...world.bodies, ...world.bodies].map((body) => ({ ...body, at: prng.below(1_000_000) }));
      const other = new Histories();
      for (const { height, outcome, bytes } of shuffled.sort((a, b) => a.at - b.at))
        other.add(height, outcome, decodeOutcome(bytes));
      for (const name of FUNDED) {
        const of = (histories: Histories): string[] => {
          const positions = histories.settled();
          const own = participantStatement(id(name), PERIOD, positions, true);
          const utility = utilityStatement(id(name), PERIOD, histories.zones(), positions, true);
          return [own, utility].flatMap((statement) => [statementJson(statement), statementCsv(statement)]);
        };
        expect(of(other)).toEqual(of(world.histories));
      }
    }
  });

  it('leave rows from which the settlement goes on as it was', () => {
    for (const [seed, { world }] of stories.entries()) {
      const other = restored(world, seed);
      expect(other.state.settlement.audit()).toEqual([]);
      expect([...other.state.settlement.standing].map(({ key }) => key)).toEqual(
        [...world.ledger.state.settlement.standing].map(({ key }) => key),
      );
      expect(other.state.settlement.cycle.value).toEqual(world.ledger.state.settlement.cycle.value);
    }
  });
});

/** What an account is still owed, less what it owes: negative of what its money lacks. */
function waiting(world: SettledWorld, name: string): bigint {
  let sum = 0n;
  for (const { first, second, value = 0n } of world.ledger.state.settlement.standing) {
    if (first === id(name)) sum += value;
    if (second === id(name)) sum -= value;
  }
  return sum;
}
