import { describe, expect, it } from '@jest/globals';
import { decodeCertificate, decodeHeader, type Header, type ValidatorSet } from '@gridtokenx/chain';
import type { Hash, PublicKey, Signature } from '@gridtokenx/crypto';
import { height, millis, parseInterval, parseTime, Prng, toHex } from '@gridtokenx/kernel';
import {
  rejected,
  type EventOf,
  type ExecutedOutcome,
  type LedgerIdentity,
  type Operation,
  type Outcome,
} from '@gridtokenx/protocol';
import { testPublicGenesis } from '@gridtokenx/testkit';
import * as fc from 'fast-check';
import { projectionOf } from './projection-of.js';
import type { ProjectedBlock, ProjectedEnvelope, RowsOf } from './rows.js';

const { blockRows, genesisRows } = projectionOf('consortium');
type BlockRows = RowsOf<'consortium'>;

const hash = (seed: number): Hash => new Prng(seed).bytes(32) as Hash;
const id = (seed: number): string => toHex(new Prng(seed).bytes(16));
/** Of 43 letters, the last of which has no stray bits. */
const kid = (letter: string): string => `${letter.repeat(42)}A`;
const [ann, bob] = [id(1), id(2)];
const SET: ValidatorSet = {
  epoch: 0,
  keys: [1, 2, 3, 4].map((seed) => new Prng(seed).bytes(32) as PublicKey),
  quorum: 3,
  hash: hash(9),
};
const interval = '2026-06-15T03:00:00Z/PT15M';
const closesAt = '2026-06-15T03:30:00Z';

const executed = (...events: ExecutedOutcome['events']): ExecutedOutcome => ({
  v: 1,
  status: 'executed',
  events,
  postings: [],
  holds: [],
});

function envelopeOf(size: number, seed = 50): ProjectedEnvelope {
  return {
    publicKey: hash(seed) as unknown as PublicKey,
    sequence: seed,
    hash: hash(seed + 1),
    operationIds: Array.from({ length: size }, (_, n) => hash(seed * 100 + n)),
    operations: Array.from({ length: size }, () => ({ type: 'accounts.transfer' }) as unknown as Operation),
  };
}

const header: Header = {
  version: 1,
  ledgerId: 'gridtokenx-consortium-00000000',
  epoch: 0,
  height: height(7),
  proposer: 3,
  parentHash: hash(11),
  parentCertificateHash: hash(12),
  time: millis(1_780_000_000_000),
  operationsRoot: hash(13),
  validatorsHash: hash(14),
  nextValidatorsHash: hash(15),
  checkpointRoot: hash(16),
};

const CLOCK: EventOf<'ledger.clockAdvanced'> = { type: 'ledger.clockAdvanced', marketTime: '2026-06-15T00:00:00Z' };

/** The clock's event stands in the first outcome, as in every block. */
function withClock(
  outcomes: readonly { hook?: boolean; outcome: Outcome }[],
): readonly { hook?: boolean; outcome: Outcome }[] {
  const [first, ...others] = outcomes;
  if (first?.outcome.status !== 'executed') return [{ hook: true, outcome: executed(CLOCK) }, ...outcomes];
  return [{ ...first, outcome: { ...first.outcome, events: [CLOCK, ...first.outcome.events] } }, ...others];
}

function projected(
  given: readonly { hook?: boolean; outcome: Outcome }[],
  envelopes: readonly ProjectedEnvelope[] = [],
): ProjectedBlock {
  const outcomes = withClock(given);
  const signatures = [0, 2, 3].map((validator) => ({
    validator,
    signature: new Prng(validator).bytes(64) as Signature,
  }));
  return {
    block: {
      header,
      parentCertificate: undefined,
      certificate: {
        epoch: 0,
        height: 7,
        round: 2,
        blockHash: hash(20),
        resultsRoot: hash(21),
        stateDigest: hash(22),
        signatures,
      },
      envelopes: [],
      outcomes: outcomes.map(({ hook = false }) => ({ hook, bytes: new Uint8Array(0) })),
    },
    envelopes,
    outcomes: outcomes.map(({ outcome }) => outcome),
    tip: { certifiedBy: SET, validators: SET },
    body: new Uint8Array([1, 2, 3]),
  };
}

const book = { mechanism: 'continuous', phase: 'spot', fromZone: 'Z1', toZone: 'Z1' } as const;
const terms = {
  tariffVersion: 1,
  tariffHash: toHex(hash(32)),
  wheeling: 0,
  operatorFrom: bob,
  operatorTo: bob,
  platform: bob,
  tax: bob,
} as const;

/** The rows of a block that holds these outcomes of hooks. */
const rowsOf = (...outcomes: readonly Outcome[]): BlockRows =>
  blockRows(projected(outcomes.map((outcome) => ({ hook: true, outcome }))));

const placed = (order: string, quantityWh = '1000'): EventOf<'market.orderPlaced'> => ({
  type: 'market.orderPlaced',
  order,
  account: ann,
  side: 'bid',
  mechanism: 'continuous',
  phase: 'spot',
  fromZone: 'Z1',
  toZone: 'Z1',
  interval,
  priceTicks: 400,
  quantityWh,
  timeInForce: 'GTC',
  expiresAt: closesAt,
  tariffVersion: 1,
});
const traded = (
  bid: string,
  ask: string,
  bidRemainingWh: string,
  askRemainingWh: string,
): EventOf<'market.traded'> => ({
  type: 'market.traded',
  trade: 9,
  bid,
  ask,
  buyer: ann,
  seller: bob,
  mechanism: 'continuous',
  phase: 'spot',
  fromZone: 'Z1',
  toZone: 'Z1',
  interval,
  priceTicks: 390,
  quantityWh: '600',
  notional: '2340000',
  buyerFee: '23400',
  sellerFee: '0',
  wheeling: '0',
  feePayee: bob,
  toOperator: '23400',
  fromOperator: '0',
  platform: '0',
  tax: '0',
  tariffVersion: 1,
  tariffHash: toHex(hash(32)),
  bidRemainingWh,
  askRemainingWh,
});
const [order, other] = [toHex(hash(30)), toHex(hash(31))];

describe('the row of a block', () => {
  it('counts what the block holds and keeps its bytes', () => {
    const outcomes = [
      { hook: true, outcome: executed() },
      { outcome: executed() },
      { outcome: rejected('key.notAuthorised') },
      { outcome: executed(traded(order, other, '1', '1')) },
      { hook: true, outcome: executed() },
    ];
    const rows = blockRows(projected(outcomes, [envelopeOf(1, 50), envelopeOf(2, 60)]));
    expect(rows).toMatchObject({
      ledgerId: header.ledgerId,
      height: 7,
      hash: hash(20),
      parentHash: hash(11),
      timeMs: header.time,
    });
    expect(rows.block).toMatchObject({
      proposer: 3,
      round: 2,
      signerCount: 3,
      envelopeCount: 2,
      operationCount: 3,
      rejectedCount: 1,
      hookCount: 2,
      tradeCount: 1,
      body: new Uint8Array([1, 2, 3]),
    });
    expect(decodeHeader(rows.block?.header ?? new Uint8Array())).toEqual(header);
    expect(
      decodeCertificate(rows.block?.certificate ?? new Uint8Array()).signatures.map(({ validator }) => validator),
    ).toEqual([0, 2, 3]);
  });

  it('names each operation by its leaf among the results, and each envelope by its first', () => {
    const outcomes = [
      { hook: true, outcome: executed() },
      { outcome: executed() },
      { outcome: rejected('key.notAuthorised') },
      { outcome: executed(traded(order, other, '1', '1')) },
    ];
    const rows = blockRows(projected(outcomes, [envelopeOf(1, 50), envelopeOf(2, 60)]));
    expect(rows.operations.map(({ operationId, index, code }) => [operationId, index, code])).toEqual([
      [hash(5_000), 1, undefined],
      [hash(6_000), 2, 'key.notAuthorised'],
      [hash(6_001), 3, undefined],
    ]);
    expect(rows.envelopes).toEqual([
      { hash: hash(51), key: hash(50), sequence: 50, firstIndex: 1, operationCount: 1 },
      { hash: hash(61), key: hash(60), sequence: 60, firstIndex: 2, operationCount: 2 },
    ]);
    expect(rows.trades[0]?.operationId).toEqual(hash(6_001));
  });

  it('is not made of a block whose outcomes and operations do not fit', () => {
    const one = { outcome: executed() };
    expect(() => blockRows(projected([one], []))).toThrow('bug');
    expect(() => blockRows(projected([one], [envelopeOf(2)]))).toThrow('bug');
    expect(() => blockRows({ ...projected([one], [envelopeOf(1)]), outcomes: [] })).toThrow('bug');
  });
});

describe('an order', () => {
  it('that is placed, filled in part and closed in one block is one new row', () => {
    const rows = rowsOf(
      executed(placed(order)),
      executed(traded(order, other, '400', '0')),
      executed({ type: 'market.orderClosed', order, reason: 'immediate', remainingWh: '400' }),
    );
    expect(rows.orders).toEqual([
      expect.objectContaining({ order, remainingWh: 400, quantityWh: 1000, status: 'immediate', placedIndex: 0 }),
    ]);
    expect(rows.orderChanges).toEqual([{ order: other, remainingWh: 0, status: 'open' }]);
    expect(rows.orders[0]?.intervalStartMs).toBe(parseInterval(interval));
    expect(rows.trades).toEqual([
      expect.objectContaining({ trade: 9, quantityWh: 600, index: 1, operationId: undefined }),
    ]);
  });

  it('of an earlier block changes to what stands after the last event', () => {
    const rows = rowsOf(
      executed(traded(other, order, '5', '400')),
      executed(traded(other, order, '3', '100')),
      executed({ type: 'market.orderClosed', order, reason: 'cancelled', remainingWh: '100' }),
    );
    expect(rows.orders).toEqual([]);
    expect(rows.orderChanges).toEqual([
      { order: other, remainingWh: 3, status: 'open' },
      { order, remainingWh: 100, status: 'cancelled' },
    ]);
  });

  it('that waits stands when its time has come', () => {
    const waits = { type: 'market.orderWaits', order, validFrom: closesAt } as const;
    const [own] = rowsOf(executed(placed(order), waits)).orders;
    expect(own).toMatchObject({ status: 'waiting', validFromMs: parseTime(closesAt) });
    const cameIn = { type: 'market.orderCameIn', order } as const;
    expect(rowsOf(executed(placed(order), waits), executed(cameIn)).orders[0]).toMatchObject({ status: 'open' });
    expect(rowsOf(executed(cameIn)).orderChanges).toEqual([{ order, remainingWh: undefined, status: 'open' }]);
    const met = rowsOf(executed(cameIn), executed(traded(other, order, '5', '400')));
    expect(met.orderChanges).toContainEqual({ order, remainingWh: 400, status: 'open' });
  });

  it('leaves its last hold only, and none when it came and went', () => {
    const hold = (of: string, amount: string): ExecutedOutcome => ({
      ...executed(),
      holds: [[of, ann, 'WATT', amount]],
    });
    const third = toHex(hash(32));
    const rows = rowsOf(
      executed(placed(order), placed(third)),
      hold(order, '9'),
      hold(order, '4'),
      hold(third, '9'),
      hold(third, '0'),
      hold(other, '7'),
      hold(other, '0'),
    );
    expect(rows.holds).toEqual([{ order, account: ann, asset: 'WATT', amount: '4' }]);
    expect(rows.holdChanges).toEqual([{ order: other, account: ann, asset: 'WATT', amount: '0' }]);
  });
});

describe('the registry', () => {
  const until = '2027-01-01T00:00:00Z';

  it('folds what begins and changes in one block, and passes on what changes of before', () => {
    const rows = rowsOf(
      executed(
        { type: 'registry.accountOpened', account: ann, organisation: id(9) },
        { type: 'registry.kycSet', account: ann, status: 'verified', until },
        { type: 'registry.kycSet', account: bob, status: 'suspended' },
        { type: 'registry.keyRegistered', key: kid('a'), organisation: id(9), account: ann },
        { type: 'registry.keyRemoved', key: kid('a') },
        { type: 'registry.keyRemoved', key: kid('b') },
      ),
    );
    expect(rows.accounts).toEqual([
      { account: ann, organisation: id(9), kycStatus: 'verified', kycUntilMs: parseTime(until) },
    ]);
    expect(rows.kycChanges).toEqual([{ account: bob, kycStatus: 'suspended', kycUntilMs: undefined }]);
    expect(rows.keys).toEqual([{ kid: kid('a'), organisation: id(9), account: ann, removedHeight: 7 }]);
    expect(rows.removedKeys).toEqual([kid('b')]);
  });

  it('knows what the consortium is asked to change of its validators, as the block leaves it', () => {
    const [one, two, three] = [id(21), id(22), id(23)];
    const { validatorChanges } = rowsOf(
      executed(
        {
          type: 'validators.changeProposed',
          change: one,
          kind: 'rotateKey',
          validator: kid('A'),
          key: kid('B'),
          organisation: ann,
          until: closesAt,
        },
        { type: 'validators.changeApproved', change: one, organisation: ann, votes: 1, needed: 3 },
      ),
      executed(
        { type: 'validators.changeApproved', change: two, organisation: bob, votes: 3, needed: 3 },
        { type: 'validators.changeEnacted', change: two },
      ),
      executed(
        { type: 'validators.equivocated', validator: kid('C'), epoch: 0, height: 3, round: 0, vote: 'commit' },
        { type: 'validators.changeEnacted', change: three },
        { type: 'validators.suspended', validator: kid('C'), change: three },
      ),
      executed({ type: 'validators.changeApplied', change: two, epoch: 1 }),
    );
    const told = { kind: undefined, validator: undefined, key: undefined, organisation: undefined, untilMs: undefined };
    const counted = { votes: undefined, needed: undefined };
    const untilMs = parseTime(closesAt);
    expect(validatorChanges).toEqual([
      {
        change: one,
        kind: 'rotateKey',
        validator: kid('A'),
        key: kid('B'),
        organisation: ann,
        untilMs,
        votes: 1,
        needed: 3,
        status: 'open',
        index: 0,
      },
      { ...told, change: two, votes: 3, needed: 3, status: 'applied', index: 1 },
      { ...told, ...counted, change: three, kind: 'suspend', validator: kid('C'), status: 'decided', index: 2 },
    ]);
  });

  it('keeps the last word on a delegation', () => {
    const given = { type: 'registry.delegated' as const, account: ann, operations: ['market.placeOrder'], until };
    const revoked = { type: 'registry.delegationRevoked', account: ann } as const;
    const rows = rowsOf(
      executed({ ...given, key: kid('a') }, { ...revoked, key: kid('a') }),
      executed({ ...revoked, key: kid('b') }, { ...given, key: kid('b') }),
    );
    expect(rows.delegations.map((row) => row.kid)).toEqual([kid('b')]);
    expect(rows.revokedDelegations).toEqual([{ kid: kid('a'), account: ann }]);
  });

  it('knows no pause of a book that has closed', () => {
    const { records } = rowsOf(
      executed({ type: 'market.bookClosed', ...book, interval }),
      executed({ type: 'market.bookReopened', ...book, fromZone: 'Z2', interval }),
    );
    expect(records.map(({ kind, id, body }) => [kind, id, body])).toEqual([
      ['pause', `continuous Z1 Z1 spot ${interval}`, undefined],
      ['pause', `continuous Z2 Z1 spot ${interval}`, undefined],
    ]);
  });

  it('knows meters, readings and books', () => {
    const meter = id(40);
    const reading = { meter, account: ann, zone: 'Z1', interval } as const;
    const later = '2026-06-15T03:15:00Z/PT15M';
    const shown = { consumedWh: '7', producedWh: '0' };
    const rows = rowsOf(
      executed(
        { type: 'registry.meterRegistered', meter, account: ann, zone: 'Z1', limitWh: '100000', registerDigits: 9 },
        { type: 'registry.meterSwapped', meter, at: closesAt, final: shown, initial: shown, limitWh: '70000' },
        {
          type: 'metering.readingRecorded',
          ...reading,
          quality: 'estimated',
          version: 2,
          consumedWh: '1',
          producedWh: '5',
          mintedWh: '4',
          importWh: '0',
        },
        { type: 'market.bookOpened', ...book, interval, closesAt, ...terms },
        { type: 'market.bookClosed', ...book, interval },
        { type: 'market.bookClosed', ...book, interval: later },
      ),
    );
    expect(rows.meters).toEqual([{ meter, account: ann, zone: 'Z1', limitWh: 100_000, registerDigits: 9 }]);
    expect(rows.meterLimits).toEqual([{ meter, limitWh: 70_000, registerDigits: 0 }]);
    expect(rows.readings[0]).toMatchObject({
      meter,
      version: 2,
      quality: 'estimated',
      consumedWh: 1,
      producedWh: 5,
      mintedWh: 4,
      importWh: 0,
      index: 0,
    });
    expect(rows.books[0]).toMatchObject({
      fromZone: 'Z1',
      toZone: 'Z1',
      closesAtMs: parseTime(closesAt),
      closedHeight: 7,
    });
    expect(rows.closedBooks).toEqual([{ ...book, intervalStartMs: parseInterval(later) }]);
  });
});

describe('balances', () => {
  const amount = fc.bigInt({ min: -(10n ** 29n), max: 10n ** 29n });
  const posting = fc.tuple(fc.constantFrom(ann, bob), fc.constantFrom('WATT', `KWH:${interval}`), amount, amount);
  const block = fc.array(fc.array(posting, { maxLength: 6 }), { maxLength: 6 });

  it('that are built from the deltas of blocks equal the sum of all postings', () => {
    fc.assert(
      fc.property(fc.array(block, { maxLength: 8 }), (blocks) => {
        const table = new Map<string, [bigint, bigint]>();
        for (const outcomes of blocks) {
          const { balances } = rowsOf(
            ...outcomes.map((postings): Outcome => ({
              ...executed(),
              postings: postings.map(([account, asset, available, held]) => [
                account,
                asset,
                String(available),
                String(held),
              ]),
            })),
          );
          expect(new Set(balances.map(({ account, asset }) => account + asset)).size).toBe(balances.length);
          for (const { account, asset, available, held } of balances) {
            expect([available, held]).not.toEqual([0n, 0n]);
            const [stands, inEscrow] = table.get(account + asset) ?? [0n, 0n];
            table.set(account + asset, [stands + available, inEscrow + held]);
          }
        }
        for (const account of [ann, bob])
          for (const asset of ['WATT', `KWH:${interval}`]) {
            const own = blocks.flat(2).filter(([a, b]) => a === account && b === asset);
            const sums = [own.reduce((sum, [, , n]) => sum + n, 0n), own.reduce((sum, [, , , n]) => sum + n, 0n)];
            expect(table.get(account + asset) ?? [0n, 0n]).toEqual(sums);
          }
      }),
      { seed: 1, numRuns: 200 },
    );
  });
});

describe('the genesis', () => {
  it('is the rows of height 0: organisations and validators with their keys, verified accounts, zones, rules and the network', () => {
    const genesis = {
      kind: 'consortium',
      time: '2026-06-14T17:00:00Z',
      market: { start: closesAt, rate: 1, rules: { tickTicks: 5 } },
      network: {
        links: [{ id: 'L1', fromZone: 'Z1', toZone: 'Z2', forwardWh: '9', backwardWh: '8' }],
        pairs: [{ fromZone: 'Z1', toZone: 'Z2', route: ['L1'] }],
        feeders: [],
      },
      organisations: [{ id: id(1), sector: 'regulator', roles: ['registrar'], keys: [kid('a'), kid('b')] }],
      validators: [
        { key: kid('b'), organisation: id(1) },
        { key: kid('c'), organisation: id(1) },
      ],
      accounts: [{ id: ann, organisation: id(1) }],
      zones: [{ id: 'Z1', operator: id(1), account: ann }],
    };
    const identity = {
      genesis,
      genesisHash: hash(1),
      ledgerId: 'gridtokenx-consortium-1',
    } as unknown as LedgerIdentity;
    expect(genesisRows(identity)).toMatchObject({
      height: 0,
      hash: hash(1),
      timeMs: parseTime(genesis.time),
      block: undefined,
      organisations: [{ organisation: id(1), sector: 'regulator', roles: ['registrar'] }],
      accounts: [{ account: ann, organisation: id(1), kycStatus: 'verified' }],
      keys: [{ kid: kid('a'), organisation: id(1) }, { kid: kid('b') }, { kid: kid('c') }],
      zones: [{ zone: 'Z1', operator: id(1), account: ann }],
      records: [
        { kind: 'rules', id: '1', fresh: { validFrom: closesAt, rules: { tickTicks: 5, cycle: 'realTime' } } },
        { kind: 'link', id: 'L1', fresh: { fromZone: 'Z1', toZone: 'Z2', forwardWh: '9', backwardWh: '8' } },
        { kind: 'pair', id: 'Z1 Z2', fresh: { route: ['L1'], isOpen: true } },
      ],
    });
  });
});

describe('the public ledger', () => {
  const projection = projectionOf('public');
  const opened = (account: string): EventOf<'grid.accountOpened'> => ({ type: 'grid.accountOpened', account });
  const rowsOfPublic = (...outcomes: readonly Outcome[]): RowsOf<'public'> =>
    projection.blockRows(projected(outcomes.map((outcome) => ({ hook: true, outcome }))));

  it('has the common rows, and the keys of the accounts that were opened, each once', () => {
    const paid = executed(opened(kid('a')), opened(ann));
    const rows = rowsOfPublic({ ...paid, postings: [[kid('a'), 'GRID', '7', '0']] }, executed(opened(kid('a'))));
    expect(rows.accountKeys).toEqual([kid('a')]);
    expect(rows.balances).toEqual([{ account: kid('a'), asset: 'GRID', available: 7n, held: 0n }]);
    expect(rows.block).toMatchObject({ tradeCount: 0, hookCount: 2 });
  });

  it('knows nothing of trades, nor the consortium of GRID', () => {
    expect(() => rowsOfPublic(executed(placed('o1')))).toThrow('bug');
    expect(() => rowsOf(executed(opened(kid('a'))))).toThrow('bug');
  });

  it('begins with the GRID of its genesis and the keys that own it or sign blocks', () => {
    const genesis = testPublicGenesis({
      timeMs: 1_780_000_000_000,
      accounts: [
        { id: ann, amount: '5' },
        { id: kid('a'), amount: '7' },
      ],
      validators: [{ key: kid('b'), account: kid('a'), bond: '2', commission: 3 }],
      nominators: [{ account: ann, bond: '1', targets: [kid('a')] }],
    });
    const identity = { genesis, genesisHash: hash(1), ledgerId: 'gridtokenx-public-1' } as unknown as LedgerIdentity;
    expect(projection.genesisRows(identity)).toMatchObject({
      kind: 'public',
      height: 0,
      keys: [
        { kid: kid('a'), account: kid('a') },
        { kid: kid('b'), account: undefined },
      ],
      balances: [
        { account: ann, asset: 'GRID', available: 5n, held: 0n },
        { account: kid('a'), asset: 'GRID', available: 7n },
      ],
      sums: expect.arrayContaining([
        { kind: 'issued', id: 'genesis', value: undefined, change: 12n, least: 12n },
        { kind: 'bonded', id: kid('a'), value: undefined, change: 2n, least: 2n },
        { kind: 'active', id: ann, value: undefined, change: 1n, least: 1n },
      ]),
      records: expect.arrayContaining([
        expect.objectContaining({ kind: 'parameter', id: 'grid.feeBase', fresh: { value: '1000' } }),
        expect.objectContaining({
          kind: 'candidate',
          id: kid('a'),
          fresh: { key: kid('b'), commission: 3, stands: true },
        }),
        expect.objectContaining({ kind: 'nominator', id: ann, fresh: { targets: [kid('a')] } }),
      ]),
    });
  });
});
