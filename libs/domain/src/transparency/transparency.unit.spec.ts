import { headerHash, verifyUnderAnchor, proveUnderAnchor, encodeHeader } from '@gridtokenx/chain';
import { native } from '@gridtokenx/crypto-native';
import { formatTime, millis, Prng, toHex } from '@gridtokenx/kernel';
import {
  Aggregator,
  operationSchemas,
  renewableShareOf,
  type Aggregates,
  type LedgerEvent,
  type Operation,
  type OperationOf,
  type Outcome,
} from '@gridtokenx/protocol';
import { gridAmount, TEST_PARAMETERS } from '@gridtokenx/testkit';
import { describe, expect, it } from '@jest/globals';
import { GRID, type LedgerModule } from '../index.js';
import { AnchoredChain } from '../spec/anchored-chain.spec.js';
import { keyOf, PublicWorld } from '../spec/public-world.spec.js';
import { RandomWorld } from '../spec/random-world.spec.js';
import { id, LATER_INTERVAL, World, ZONE } from '../spec/world.spec.js';

const START = 1_780_000_200_000;
const PERIOD = TEST_PARAMETERS['transparency.trustingPeriodMs'];
const DEPOSIT = BigInt(TEST_PARAMETERS['transparency.deposit']);
const ZERO_ID = '0'.repeat(64);

/** A referendum's voice: what is asked of it runs at the start of the next block, by the track it names. */
class Referenda {
  readonly asked: { readonly track: string; readonly operation: Operation }[] = [];
  readonly answers: (string | undefined)[] = [];
  readonly module = (): LedgerModule => ({
    name: 'referenda',
    operations: [],
    execute: () => undefined,
    atStart: (context) => {
      for (const { track, operation } of this.asked.splice(0)) {
        const actor = { kid: '', key: { organisation: '', account: '', removed: false }, track };
        this.answers.push(context.dispatch(actor, operation, ZERO_ID)?.code);
      }
    },
  });
}

interface Opened {
  readonly world: PublicWorld;
  readonly chain: AnchoredChain;
  /** By a referendum of a track: the code, or `executed`, and the facts of the block. */
  decide(track: string, operation: Operation): { code: string; events: readonly LedgerEvent[] };
}

function opened({ changes = 7, ageMs = 600_000 }: { changes?: number; ageMs?: number } = {}): Opened {
  const chain = new AnchoredChain(START - ageMs, changes);
  const referenda = new Referenda();
  const world = new PublicWorld({
    accounts: { ann: 1_000, bob: 1_000 },
    consortium: chain.genesis,
    before: referenda.module,
  });
  return {
    world,
    chain,
    decide: (track, operation) => {
      referenda.asked.push({ track, operation });
      const { events } = world.block([]);
      return { code: referenda.answers.at(-1) ?? 'executed', events };
    },
  };
}

const trusted = (world: PublicWorld): number => world.ledger.state.transparency.trusted?.row.height ?? -1;
const refusalOf = (world: PublicWorld, operation: Operation): string => {
  const outcome = world.ask('ann', operation);
  return outcome.status === 'rejected' ? outcome.code : 'executed';
};
const ruleOf = (world: PublicWorld, operation: Operation): string => {
  const outcome: Outcome = world.ask('ann', operation);
  return outcome.status === 'rejected' ? `${outcome.code} ${outcome.detail?.['rule'] ?? ''}`.trim() : 'executed';
};

describe('an anchor', () => {
  it('begins at the genesis of the consortium, and nowhere without one', () => {
    const { world } = opened();
    expect(trusted(world)).toBe(0);
    const { chain } = opened();
    const other = new PublicWorld({ accounts: { ann: 10 } });
    expect(refusalOf(other, chain.anchor(1))).toBe('transparency.noConsortium');
  });

  it('is a block of the consortium that a quorum signed, told with what it decided', () => {
    const { world, chain } = opened();
    const [event, ...others] = world.must('ann', chain.anchor(3));
    expect(others).toEqual([]);
    expect(event).toMatchObject({
      type: 'transparency.anchored',
      account: keyOf('ann'),
      height: 3,
      hash: toHex(headerHash(native, chain.headerAt(3))),
      epoch: 0,
      signers: 14,
    });
    expect(trusted(world)).toBe(3);
  });

  it.each<[what: string, code: string, of: (chain: AnchoredChain) => OperationOf<'transparency.anchor'>]>([
    ['with 13 of 21 signatures', 'transparency.untrusted light.noQuorum', (c) => c.anchor(3, { signers: 13 })],
    [
      'of another ledger',
      'transparency.untrusted light.wrongLedger',
      (c) => c.anchor(3, { ledgerId: 'gridtokenx-consortium-ffffffff' }),
    ],
    [
      'with the certificate of another block',
      'transparency.untrusted light.otherBlockCertified',
      (c) => ({ ...c.anchor(3), certificate: c.anchor(4).certificate }),
    ],
    [
      'with a signature that does not hold',
      'transparency.untrusted light.badSignature',
      (c) => {
        const { certificate, ...rest } = c.anchor(3);
        return { ...rest, certificate: `${certificate.slice(0, -2)}${certificate.endsWith('00') ? '01' : '00'}` };
      },
    ],
    ['with a header that is none', 'transparency.malformed', (c) => ({ ...c.anchor(3), header: 'ff'.repeat(252) })],
    ['with a certificate that is none', 'transparency.malformed', (c) => ({ ...c.anchor(3), certificate: 'ff' })],
    [
      'with a key twice',
      'transparency.malformed',
      (c) => ({ ...c.anchor(3), nextValidators: [c.kids(1)[0] as string, c.kids(1)[0] as string] }),
    ],
    [
      'with next validators that the header does not name',
      'transparency.untrusted light.forgedNextValidators',
      (c) => ({ ...c.anchor(3), nextValidators: c.kids(11) }),
    ],
    [
      'from the future',
      'transparency.untrusted light.fromTheFuture',
      (c) => c.anchor(3, { header: { time: millis(START + 100_000) } }),
    ],
    [
      'of another epoch than its height has',
      'transparency.untrusted light.wrongEpoch',
      (c) => c.anchor(3, { header: { epoch: 1 } }),
    ],
  ])('%s is refused as %s', (_what, code, of) => {
    const { world, chain } = opened();
    expect(ruleOf(world, of(chain))).toBe(code);
    expect(trusted(world)).toBe(0);
    expect(refusalOf(world, chain.anchor(3))).toBe('executed');
  });

  it('is taken once, and none below the newest', () => {
    const { world, chain } = opened();
    world.must('ann', chain.anchor(5));
    expect(refusalOf(world, chain.anchor(5))).toBe('transparency.alreadyAnchored');
    expect(refusalOf(world, chain.anchor(5, { signers: 15 }))).toBe('transparency.alreadyAnchored');
    expect(refusalOf(world, chain.anchor(4))).toBe('transparency.notNewer');
  });

  it('follows the validators from epoch to epoch, by the last block of each', () => {
    const { world, chain } = opened({ changes: 14 });
    expect(refusalOf(world, chain.anchor(12, { keys: 'both' }))).toBe('transparency.notEnoughTrust');
    for (const height of [10, 20, 30]) {
      const events = world.must('ann', chain.anchor(height));
      expect(events).toMatchObject([
        { type: 'transparency.setLearned', epoch: height / 10, validators: chain.kids(height + 1) },
        { type: 'transparency.anchored', height },
      ]);
    }
    expect(world.must('ann', chain.anchor(31, { keys: 'none' }))).toMatchObject([{ height: 31 }]);
  });

  it('skips epochs where a third of the known validators still signs, with the keys that come along', () => {
    const { world, chain } = opened({ changes: 2 });
    expect(ruleOf(world, chain.anchor(25))).toBe('transparency.untrusted light.forgedValidators');
    expect(world.must('ann', chain.anchor(25, { keys: 'both' }))).toMatchObject([
      { type: 'transparency.setLearned', epoch: 2 },
      { type: 'transparency.anchored', height: 25, epoch: 2 },
    ]);
  });

  it('tells the checkpoint that its block tells', () => {
    const { world, chain } = opened({ changes: 0 });
    const [event] = world.must('ann', chain.anchor(210));
    expect(event).toMatchObject({
      checkpointHeight: 200,
      checkpointRoot: toHex(chain.headerAt(210).checkpointRoot),
    });
  });

  it('is not taken from trust that is too old, until governance recovers it', () => {
    const { world, chain, decide } = opened({ ageMs: PERIOD + 1_000 });
    expect(ruleOf(world, chain.anchor(5))).toBe('transparency.untrusted light.trustExpired');
    const header = toHex(encodeHeader(chain.headerAt(40)));
    const recovery = {
      type: 'transparency.recover',
      header,
      validators: chain.kids(40),
      nextValidators: chain.kids(41),
    } as const;
    expect(refusalOf(world, recovery)).toBe('key.notAuthorised');
    expect(decide('treasury', recovery).code).toBe('key.notAuthorised');
    expect(decide('root', { ...recovery, validators: chain.kids(1) }).code).toBe('transparency.untrusted');
    expect(decide('root', recovery)).toMatchObject({ code: 'executed' });
    expect(refusalOf(world, chain.anchor(45))).toBe('executed');
  });

  it('checks at most twenty headers in a block', () => {
    const { world, chain } = opened({ changes: 0 });
    const operations = Array.from({ length: 22 }, (_, i) => chain.anchor(i + 1));
    const { outcomes } = world.block([world.envelope('ann', operations)]);
    expect(outcomes.filter(({ status }) => status === 'executed')).toHaveLength(20);
    expect(outcomes.at(-1)).toMatchObject({ code: 'transparency.blockFull' });
    expect(refusalOf(world, chain.anchor(21))).toBe('executed');
  });
});

describe('two certified blocks of one height', () => {
  it.each([
    ['another block', { header: { operationsRoot: native.sha256(new Uint8Array(1)) } }],
    ['other results of the same block', { resultsRoot: native.sha256(new Uint8Array(2)) }],
  ] as const)('(%s) freeze the anchor and raise the alarm, until governance recovers it', (_what, variant) => {
    const { world, chain, decide } = opened();
    world.must('ann', chain.anchor(5));
    world.must('ann', chain.anchor(8));
    expect(refusalOf(world, chain.anchor(5, { ...variant, signers: 13 }))).toBe('transparency.untrusted');
    expect(world.must('bob', chain.anchor(5, variant))).toMatchObject([
      { type: 'transparency.frozen', height: 5, anchored: toHex(headerHash(native, chain.headerAt(5))) },
    ]);
    expect(refusalOf(world, chain.anchor(9))).toBe('transparency.frozen');
    expect(refusalOf(world, published({ toHeight: 8 }))).toBe('transparency.frozen');
    const recovery = {
      type: 'transparency.recover',
      header: toHex(encodeHeader(chain.headerAt(4))),
      validators: chain.kids(4),
    } as const;
    const { code, events } = decide('root', recovery);
    expect(code).toBe('executed');
    expect(events).toContainEqual({
      type: 'transparency.recovered',
      height: 4,
      hash: toHex(headerHash(native, chain.headerAt(4))),
      forgotten: [5, 8],
    });
    // What was anchored above may be the lie: it is anchored again.
    expect([...world.ledger.state.transparency.anchors.rows.keys()]).toEqual([]);
    expect(refusalOf(world, chain.anchor(8))).toBe('executed');
  });

  it('are no evidence when the keys of then are answerable no more', () => {
    const { world, chain } = opened();
    world.must('ann', chain.anchor(5));
    world.block([], { afterMs: PERIOD });
    const stolen = chain.anchor(5, { header: { time: millis(world.ledger.time) } });
    expect(ruleOf(world, stolen)).toBe('transparency.untrusted light.trustExpired');
  });
});

const SUMS: Aggregates = {
  fromHeight: 1,
  toHeight: 5,
  trades: 2,
  tradedWh: '3000',
  notional: '13500000',
  gridFees: '135000',
  producedWh: '9000',
  consumedWh: '8000',
  importWh: '4000',
  retiredWh: '3000',
  feedInWh: '10',
  feedInPaid: '22',
  wattMinted: '100',
  wattBurned: '1',
  wattReserve: '1000',
  wattSupply: '99',
};
const published = (more: Partial<Aggregates> = {}): OperationOf<'transparency.publishAggregates'> => ({
  type: 'transparency.publishAggregates',
  ...SUMS,
  ...more,
});

function withPublication(): Opened & { publication: string } {
  const all = opened();
  all.world.must('ann', all.chain.anchor(5));
  const event = all.world.must('ann', published()).at(-1);
  if (event?.type !== 'transparency.aggregatesPublished') throw new Error('a publication is told');
  return { ...all, publication: event.publication };
}
const heldOf = (world: PublicWorld, name: string): bigint =>
  world.ledger.state.accounts.balance(keyOf(name), GRID).held;

describe('aggregates', () => {
  it('are of a range that ends at an anchor, under a deposit, with what follows from the sums', () => {
    const { world, chain } = opened();
    expect(refusalOf(world, published())).toBe('transparency.notAnchored');
    world.must('ann', chain.anchor(5));
    expect(refusalOf(world, published({ fromHeight: 6 }))).toBe('transparency.badRange');
    expect(refusalOf(world, published({ fromHeight: 0 }))).toBe('transparency.badRange');
    // 13.5 THB for 3 kWh are 4.5 THB/kWh.
    expect(world.must('ann', published())).toMatchObject([
      { type: 'transparency.aggregatesPublished', ...SUMS, averagePrice: 45_000, renewableShare: 7_500 },
    ]);
    expect(heldOf(world, 'ann')).toBe(DEPOSIT);
  });

  it('of nothing have no price and no share', () => {
    const { world, chain } = opened();
    world.must('ann', chain.anchor(5));
    const [event] = world.must('ann', published({ tradedWh: '0', notional: '0', importWh: '0', retiredWh: '0' }));
    expect(event).toMatchObject({ averagePrice: 0, renewableShare: 0 });
  });

  it('that nobody disputes in time are final, and the deposit goes back', () => {
    const { world, publication } = withPublication();
    const { events } = world.block([], { afterMs: TEST_PARAMETERS['transparency.disputeMs'] });
    expect(events).toContainEqual({ type: 'transparency.aggregatesFinal', publication });
    expect(heldOf(world, 'ann')).toBe(0n);
    expect(world.refusal('bob', { type: 'transparency.dispute', publication, reference: 'r' })).toBe(
      'transparency.unknownPublication',
    );
  });

  it.each([
    [true, 'ann', 'bob'],
    [false, 'bob', 'ann'],
  ] as const)('that are disputed wait for governance: it stands = %s pays %s by %s', (stands, winner, loser) => {
    const { world, decide, publication } = withPublication();
    const disputing = { type: 'transparency.dispute', publication, reference: 'recomputed:42' } as const;
    const settling = { type: 'transparency.settle', publication, stands } as const;
    expect(decide('root', settling).code).toBe('transparency.notDisputed');
    expect(world.must('bob', disputing)).toMatchObject([{ type: 'transparency.aggregatesDisputed', publication }]);
    expect(world.refusal('bob', disputing)).toBe('transparency.disputedAlready');
    expect([heldOf(world, 'ann'), heldOf(world, 'bob')]).toEqual([DEPOSIT, DEPOSIT]);
    expect(world.block([], { afterMs: 10_000_000 }).events).not.toContainEqual({
      type: 'transparency.aggregatesFinal',
      publication,
    });
    const before = [world.available(winner), world.available(loser)] as const;
    expect(world.refusal('ann', settling)).toBe('key.notAuthorised');
    expect(decide('treasury', settling).code).toBe('key.notAuthorised');
    expect(decide('marketPolicy', settling).events).toContainEqual({
      type: 'transparency.disputeSettled',
      publication,
      stands,
    });
    const fee = BigInt(gridAmount(1));
    expect(world.available(winner)).toBeGreaterThan(before[0] + 2n * DEPOSIT - fee);
    expect(world.available(loser)).toBeLessThanOrEqual(before[1]);
    expect([heldOf(world, 'ann'), heldOf(world, 'bob')]).toEqual([0n, 0n]);
    expect(decide('root', settling).code).toBe('transparency.unknownPublication');
  });
});

describe('what blocks come to', () => {
  it('is counted from the outcomes of decided blocks, in pieces or as a whole', () => {
    const world = new RandomWorld(5);
    const began = world.ledger.height;
    const outcomes = new Map<number, readonly Outcome[]>();
    const { executeOnly } = world;
    world.executeOnly = function (...args) {
      const ran = executeOnly.apply(world, args);
      outcomes.set(this.ledger.height, ran.execution.told);
      return ran;
    };
    world.runTo(began + 120);
    const to = world.ledger.height;
    const { accounts } = world.ledger.state;
    const all = new Aggregator(began + 1, { wattReserve: 240_000_000_000n, wattSupply: 240_000_000_000n });
    for (let height = began + 1; height <= to; height++) all.add(outcomes.get(height) ?? []);
    const whole = all.aggregates;
    expect(whole).toMatchObject({ fromHeight: began + 1, toHeight: to });
    // Against the state itself, which counts in another way.
    const sum = (of: (outcome: Outcome) => bigint): bigint =>
      [...outcomes.values()].flat().reduce((total, outcome) => total + of(outcome), 0n);
    expect(BigInt(whole.wattSupply)).toBe(
      [...accounts.balances.cells()]
        .filter(({ second }) => second === 'WATT')
        .reduce((total, { value }) => total + (value?.available ?? 0n) + (value?.held ?? 0n), 0n),
    );
    expect(BigInt(whole.wattReserve)).toBe(accounts.reserve.get('WATT')?.amount);
    expect(whole.trades).toBeGreaterThan(0);
    expect(BigInt(whole.tradedWh)).toBe(
      sum((o) => (o.status === 'executed' ? traded(o.events, (e) => e.quantityWh) : 0n)),
    );
    const middle = began + 60;
    const [first, second] = [new Aggregator(began + 1), new Aggregator(middle + 1)];
    for (let height = began + 1; height <= to; height++)
      (height <= middle ? first : second).add(outcomes.get(height) ?? []);
    for (const name of ['tradedWh', 'notional', 'gridFees', 'producedWh', 'retiredWh', 'feedInPaid'] as const)
      expect(BigInt(first.aggregates[name]) + BigInt(second.aggregates[name])).toBe(BigInt(whole[name]));
    expect(operationSchemas['transparency.publishAggregates'].safeParse(published(whole)).success).toBe(true);
  });

  it('counts of a reading that was replaced only what took its place, also when that comes in a later range', () => {
    const world = new World();
    const read = (version: number, consumedWh: string, producedWh: string): readonly Outcome[] => {
      const quality = version === 1 ? ('actual' as const) : ('corrected' as const);
      const reading = { meter: id('ann meter'), interval: LATER_INTERVAL, version, quality, consumedWh, producedWh };
      return world.must('mea', { type: 'metering.recordReading', ...reading }).execution.told;
    };
    const meter = { meter: id('ann meter'), account: id('ann'), zone: ZONE, limitWh: '9000' };
    world.must('mea', { type: 'registry.registerMeter', ...meter });
    const sums = (outcomes: readonly Outcome[]): unknown => {
      const counted = new Aggregator(1);
      counted.add(outcomes);
      const { producedWh, consumedWh, importWh } = counted.aggregates;
      return [producedWh, consumedWh, importWh, renewableShareOf({ importWh, retiredWh: '7' })];
    };
    const [first, second, third] = [read(1, '900', '100'), read(2, '300', '200'), read(3, '0', '500')];
    expect(sums([...first, ...second, ...third])).toEqual(['500', '0', '0', 0]);
    expect(sums([...second, ...third])).toEqual(['400', '-900', '-800', 0]);
    expect(sums([...first, ...second])).toEqual(['200', '300', '100', 700]);
  });

  it('has reserve and circulation of WATT from the first block on', () => {
    const world = new World();
    const aggregator = new Aggregator(1);
    const { executeOnly } = world;
    world.executeOnly = (...args) => {
      const ran = executeOnly.apply(world, args);
      aggregator.add(ran.execution.told);
      return ran;
    };
    world.fund('ann', 70);
    world.must('bank', { type: 'accounts.attestReserve', amount: '90000000', reference: 'r' });
    world.fund('bank account', 5);
    world.must('bank', {
      type: 'accounts.burn',
      account: id('bank account'),
      amount: '2000000',
      reference: 'b',
    });
    expect(aggregator.aggregates).toMatchObject({
      toHeight: world.ledger.height,
      wattMinted: '75000000',
      wattBurned: '2000000',
      wattSupply: '73000000',
      wattReserve: '95000000',
    });
  });
});

const traded = (
  events: readonly LedgerEvent[],
  of: (event: Extract<LedgerEvent, { type: 'market.traded' }>) => string,
): bigint => events.reduce((sum, event) => (event.type === 'market.traded' ? sum + BigInt(of(event)) : sum), 0n);

describe('a report', () => {
  const report = (more: Partial<OperationOf<'transparency.registerReport'>> = {}): Operation => ({
    type: 'transparency.registerReport',
    kind: 'market',
    periodFrom: '2026-06-01T00:00:00Z',
    periodTo: '2026-07-01T00:00:00Z',
    hash: 'ab'.repeat(32),
    verifier: 'npx gridtokenx verify report.json --from 1 --to 100',
    ...more,
  });

  it('is registered by its hash, with its period and the command that checks it again', () => {
    const { world } = opened();
    expect(world.must('ann', report())).toMatchObject([
      { type: 'transparency.reportRegistered', account: keyOf('ann'), version: 1, hash: 'ab'.repeat(32) },
    ]);
    expect(refusalOf(world, report({ periodTo: '2026-06-01T00:00:00Z' }))).toBe('transparency.badPeriod');
  });

  it('has versions: each names the one before, and only the newest can be superseded, by who registered it', () => {
    const { world } = opened();
    const first = versionOf(world.must('ann', report()));
    expect(refusalOf(world, report())).toBe('transparency.otherVersion');
    expect(world.refusal('bob', report({ supersedes: first }))).toBe('transparency.otherVersion');
    const second = versionOf(world.must('ann', report({ supersedes: first, hash: 'cd'.repeat(32) })));
    expect(refusalOf(world, report({ supersedes: first }))).toBe('transparency.otherVersion');
    expect(world.must('ann', report({ supersedes: second }))).toMatchObject([{ version: 3, supersedes: second }]);
    // Another kind, another period and another account have versions of their own.
    expect(world.must('ann', report({ kind: 'audit' }))).toMatchObject([{ version: 1 }]);
    expect(world.must('ann', report({ periodTo: '2026-08-01T00:00:00Z' }))).toMatchObject([{ version: 1 }]);
    expect(world.must('bob', report())).toMatchObject([{ version: 1 }]);
  });

  it('takes no words in which a person could be named by an address', () => {
    const { verifier } = operationSchemas['transparency.registerReport'].shape;
    expect(verifier.safeParse('npx gridtokenx verify').success).toBe(true);
    for (const text of ['mail ann@example.org', 'นางสาว', 'a\nb', ''])
      expect(verifier.safeParse(text).success).toBe(false);
  });
});

function versionOf(events: readonly LedgerEvent[]): string {
  const [event] = events;
  if (event?.type !== 'transparency.reportRegistered') throw new Error('a report is told');
  return event.report;
}

describe('transparency', () => {
  it('keeps deposits exact whatever is asked of it, goes on alike when it is restored, and tells nothing personal', () => {
    const { world, chain } = opened();
    const twin = opened().world;
    const prng = new Prng(3);
    const told: LedgerEvent[] = [];
    const publications: string[] = [];
    let height = 0;
    for (let block = 0; block < 60; block++) {
      const operations = Array.from({ length: prng.below(4) }, (): Operation => {
        switch (prng.below(5)) {
          case 0:
            return chain.anchor((height += 1 + prng.below(4)), { signers: 13 + prng.below(4), keys: 'both' });
          case 1:
            return chain.anchor(1 + prng.below(40));
          case 2:
            return published({ fromHeight: 1 + prng.below(5), toHeight: 1 + prng.below(height + 1) });
          case 3:
            return { type: 'transparency.dispute', publication: publications.at(-1) ?? ZERO_ID, reference: 'r' };
          default:
            return {
              type: 'transparency.registerReport',
              kind: 'reserve',
              periodFrom: formatTime(millis(START)),
              periodTo: formatTime(millis(START + 1_000 * (prng.below(4) + 1))),
              hash: 'ab'.repeat(32),
              verifier: 'v',
            };
        }
      });
      const envelopes =
        operations.length === 0 ? [] : [world.envelope(prng.below(2) === 0 ? 'ann' : 'bob', operations)];
      const { events } = world.block(envelopes);
      twin.block(envelopes);
      expect(toHex(twin.ledger.stateDigest)).toBe(toHex(world.ledger.stateDigest));
      if (block % 20 === 10) twin.restart();
      told.push(...events);
      for (const event of events)
        if (event.type === 'transparency.aggregatesPublished') publications.push(event.publication);
    }
    const types = told.map(({ type }) => type);
    for (const name of ['anchored', 'setLearned', 'aggregatesPublished', 'aggregatesDisputed', 'reportRegistered'])
      expect(types).toContain(`transparency.${name}`);
    const texts = told.filter(({ type }) => type.startsWith('transparency.')).flatMap(textsIn);
    const shape = /^([0-9a-f]{64}|[A-Za-z0-9_-]{43}|\d{1,30}|[\dTZ:.-]{20,24}|[a-zA-Z.]{1,40})$/;
    expect(texts.filter((text) => !shape.test(text))).toEqual([]);
  });

  it('shows any block to be under an anchor that the ledger keeps', () => {
    const { world, chain } = opened({ changes: 0 });
    world.must('ann', chain.anchor(40));
    const hash = world.ledger.state.transparency.anchors.get('40')?.hash;
    const proof = proveUnderAnchor({ height: 40 }, 3, (at) => chain.headerAt(at));
    if (hash === undefined || proof === undefined) throw new Error('there is an anchor and a way to it');
    expect(verifyUnderAnchor(native, chain.ledgerId, { height: 40, hash }, proof)).toEqual(chain.headerAt(3));
  });
});

/** Every text that a fact carries. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}
