import { describe, expect, it } from '@jest/globals';
import { assert, formatTime, millis, toBase64Url } from '@gridtokenx/kernel';
import { KYC_STATUSES, type KycStatus, type Operation, type RejectionCode } from '@gridtokenx/protocol';
import { KYC_TRANSITIONS } from '../index.js';
import { limitOfMeter } from './rights.js';
import { id, kidOf, place, START, World, ZONE } from '../spec/world.spec.js';

const hour = formatTime(millis(START + 3_600_000));
const past = formatTime(millis(START));

const ask = (by: string, operation: Operation, world = new World()): string => {
  const [outcome] = world.run(by, operation).outcomes;
  return outcome?.status === 'rejected' ? outcome.code : 'ok';
};

const open: Operation = { type: 'registry.openAccount', account: id('new'), organisation: id('trader') };
const registerKey = (key: string, account: string): Operation => ({
  type: 'registry.registerKey',
  key,
  owner: { kind: 'account', account: id(account) },
});
const organisation = (more: object = {}): Operation => ({
  type: 'registry.registerOrganisation',
  organisation: id('new'),
  sector: 'trader',
  roles: [],
  key: kidOf('new'),
  ...more,
});
const meter = (more: object = {}): Operation => ({
  type: 'registry.registerMeter',
  meter: id('meter'),
  account: id('ann'),
  zone: ZONE,
  limitWh: '1000',
  ...more,
});
const delegate = (more: object = {}): Operation => ({
  type: 'registry.delegate',
  key: kidOf('trader'),
  account: id('ann'),
  operations: ['market.placeOrder'],
  until: hour,
  ...more,
});

describe('the registry', () => {
  const cases: readonly (readonly [string, string, Operation, RejectionCode | 'ok'])[] = [
    ['a registrar registers an organisation', 'erc', organisation(), 'ok'],
    ['nobody else registers an organisation', 'trader', organisation(), 'key.notAuthorised'],
    [
      'an organisation id is taken once',
      'erc',
      organisation({ organisation: id('mea') }),
      'registry.organisationExists',
    ],
    ['a key is registered once', 'erc', organisation({ key: kidOf('mea') }), 'registry.keyExists'],
    [
      'a key must be acceptable',
      'erc',
      organisation({ key: toBase64Url(new Uint8Array(32)) }),
      'registry.unacceptableKey',
    ],
    ['an organisation opens its accounts', 'trader', open, 'ok'],
    ['and no one else does', 'mea', open, 'key.notAuthorised'],
    [
      'of an organisation that there is',
      'trader',
      { ...open, organisation: id('none') },
      'registry.unknownOrganisation',
    ],
    ['an account id is taken once', 'trader', { ...open, account: id('ann') }, 'registry.accountExists'],
    ['a back office registers keys of its accounts', 'trader', registerKey(kidOf('ann'), 'ann'), 'ok'],
    ['of accounts that there are', 'trader', registerKey(kidOf('ann'), 'none'), 'registry.unknownAccount'],
    ['and of no others', 'mea', registerKey(kidOf('ann'), 'ann'), 'key.notAuthorised'],
    [
      'an organisation registers more keys of its own',
      'mea',
      { type: 'registry.registerKey', key: kidOf('m2'), owner: { kind: 'organisation', organisation: id('mea') } },
      'ok',
    ],
    [
      'but not of another',
      'mea',
      { type: 'registry.registerKey', key: kidOf('m2'), owner: { kind: 'organisation', organisation: id('pea') } },
      'key.notAuthorised',
    ],
    [
      'or of one that there is not',
      'mea',
      { type: 'registry.registerKey', key: kidOf('m2'), owner: { kind: 'organisation', organisation: id('none') } },
      'registry.unknownOrganisation',
    ],
    [
      'only a registered key is removed',
      'trader',
      { type: 'registry.removeKey', key: kidOf('none') },
      'registry.unknownKey',
    ],
    [
      'a key is removed by who might have registered it',
      'trader',
      { type: 'registry.removeKey', key: kidOf('mea') },
      'key.notAuthorised',
    ],
    ['or by itself', 'trader', { type: 'registry.removeKey', key: kidOf('trader') }, 'ok'],
    ['the back office delegates to itself', 'trader', delegate(), 'ok'],
    ['another organisation does not', 'mea', delegate(), 'key.notAuthorised'],
    ['of an account that there is', 'trader', delegate({ account: id('none') }), 'registry.unknownAccount'],
    ['to a key that there is', 'trader', delegate({ key: kidOf('none') }), 'registry.unknownKey'],
    ['until some time to come', 'trader', delegate({ until: past }), 'registry.delegationInPast'],
    [
      'a delegation that is not there is not revoked',
      'trader',
      { type: 'registry.revokeDelegation', key: kidOf('mea'), account: id('ann') },
      'registry.noDelegation',
    ],
    [
      'nor by a stranger',
      'pea',
      { type: 'registry.revokeDelegation', key: kidOf('mea'), account: id('ann') },
      'key.notAuthorised',
    ],
    [
      'nor of an account that there is not',
      'pea',
      { type: 'registry.revokeDelegation', key: kidOf('mea'), account: id('none') },
      'registry.unknownAccount',
    ],
    ['a grid operator registers meters of its zone', 'mea', meter(), 'ok'],
    ['and of no other zone', 'pea', meter(), 'key.notAuthorised'],
    ['of a zone that there is', 'mea', meter({ zone: 'NONE' }), 'registry.unknownZone'],
    ['of an account that there is', 'mea', meter({ account: id('none') }), 'registry.unknownAccount'],
    [
      'only a KYC provider sets a status',
      'trader',
      { type: 'registry.setKyc', account: id('ann'), status: 'suspended' },
      'key.notAuthorised',
    ],
    [
      'of an account that there is',
      'erc',
      { type: 'registry.setKyc', account: id('none'), status: 'verified' },
      'registry.unknownAccount',
    ],
    [
      'a verification ends in the future',
      'erc',
      { type: 'registry.setKyc', account: id('ann'), status: 'verified', until: past },
      'registry.kycTransition',
    ],
    [
      'and nothing else has an end',
      'erc',
      { type: 'registry.setKyc', account: id('ann'), status: 'suspended', until: hour },
      'registry.kycTransition',
    ],
  ];
  for (const [promise, by, operation, code] of cases)
    it(`${promise}: ${by} gets ${code}`, () => {
      expect(ask(by, operation)).toBe(code);
    });

  it('a grid operator swaps the device of a meter', () => {
    const swap = (more: object = {}): Operation => ({
      type: 'registry.swapMeter',
      meter: id('meter'),
      at: formatTime(millis(START - 600_000)),
      final: { consumedWh: '5030', producedWh: '41' },
      initial: { consumedWh: '0', producedWh: '0' },
      limitWh: '400',
      registerDigits: 6,
      ...more,
    });
    const world = new World();
    expect(ask('mea', swap(), world)).toBe('registry.unknownMeter');
    world.must('mea', meter({ registerDigits: 7 }));
    expect(ask('pea', swap(), world)).toBe('key.notAuthorised');
    expect(ask('trader', swap(), world)).toBe('key.notAuthorised');
    expect(ask('mea', swap({ at: hour }), world)).toBe('registry.swapInFuture');
    expect(world.must('mea', swap()).events).toEqual([{ ...swap(), type: 'registry.meterSwapped' }]);
    expect(ask('mea', swap(), world)).toBe('registry.swapOutOfOrder');
    const row = world.ledger.state.registry.meters.get(id('meter'));
    assert(row !== undefined, 'the meter was registered');
    expect(row).toMatchObject({ account: id('ann'), zone: ZONE, registerDigits: 6 });
    expect([-900_000, -600_001, -600_000, 0].map((at) => limitOfMeter(row, START + at))).toEqual([
      1000, 1000, 400, 400,
    ]);
  });

  it('a meter id is taken once', () => {
    const world = new World();
    expect([ask('mea', meter(), world), ask('mea', meter(), world)]).toEqual(['ok', 'registry.meterExists']);
  });

  it('a removed key is never registered again', () => {
    const world = new World();
    world.ownKey('ann');
    world.must('trader', { type: 'registry.removeKey', key: kidOf('ann') });
    expect(ask('trader', registerKey(kidOf('ann'), 'ann'), world)).toBe('registry.keyExists');
    expect(ask('trader', { type: 'registry.removeKey', key: kidOf('ann') }, world)).toBe('registry.unknownKey');
  });

  it('a key of an account has none of the rights of its organisation', () => {
    const world = new World();
    world.ownKey('ann');
    expect(ask('ann', open, world)).toBe('key.notAuthorised');
  });

  it('changes KYC only along its table', () => {
    for (const from of KYC_STATUSES)
      for (const to of KYC_STATUSES) {
        const world = new World();
        world.must('trader', open);
        const path: Record<KycStatus, KycStatus[]> = {
          pending: [],
          verified: ['verified'],
          rejected: ['rejected'],
          expired: ['verified', 'expired'],
          suspended: ['verified', 'suspended'],
        };
        for (const status of path[from]) world.must('erc', { type: 'registry.setKyc', account: id('new'), status });
        const expected = KYC_TRANSITIONS[from].includes(to) ? 'ok' : 'registry.kycTransition';
        expect([from, to, ask('erc', { type: 'registry.setKyc', account: id('new'), status: to }, world)]).toEqual([
          from,
          to,
          expected,
        ]);
      }
  });

  it('a verification ends by itself, by block time', () => {
    const world = new World();
    world.fund('ann', 10);
    world.must('erc', {
      type: 'registry.setKyc',
      account: id('ann'),
      status: 'verified',
      until: formatTime(millis(world.ledger.time + 5_000)),
    });
    world.must('trader', delegate({ operations: ['accounts.transfer'] }));
    const pay: Operation = { type: 'accounts.transfer', from: id('ann'), to: id('bob'), asset: 'WATT', amount: '1' };
    expect(ask('trader', pay, world)).toBe('ok');
    world.wait(5_000);
    expect(ask('trader', pay, world)).toBe('accounts.notVerified');
    expect(ask('erc', { type: 'registry.setKyc', account: id('ann'), status: 'pending' }, world)).toBe(
      'registry.kycTransition',
    );
    expect(ask('erc', { type: 'registry.setKyc', account: id('ann'), status: 'rejected' }, world)).toBe('ok');
  });

  it('a delegation is for its operations, until its end, and until it is revoked', () => {
    const world = new World();
    world.measure('cat', { producedWh: 1_000 });
    world.fund('ann', 1_000);
    const order = place('ann', 'bid', 100, 100);
    const pay: Operation = { type: 'accounts.transfer', from: id('ann'), to: id('bob'), asset: 'WATT', amount: '1' };
    expect(ask('trader', order, world)).toBe('key.notAuthorised');
    world.must('trader', delegate({ until: formatTime(millis(world.ledger.time + 4_000)) }));
    expect(ask('trader', order, world)).toBe('ok');
    expect(ask('trader', pay, world)).toBe('key.notAuthorised');
    world.wait(4_000);
    expect(ask('trader', order, world)).toBe('key.notAuthorised');
    world.must('trader', delegate());
    expect(ask('trader', order, world)).toBe('ok');
    world.must('trader', { type: 'registry.revokeDelegation', key: kidOf('trader'), account: id('ann') });
    expect(ask('trader', order, world)).toBe('key.notAuthorised');
  });

  it('a validator rejoins with its own key, and no one for it', () => {
    const rejoin: Operation = { type: 'validators.rejoin', validator: kidOf('validator'), nonce: 'a'.repeat(64) };
    expect(new World().run('validator', rejoin).events).toEqual([{ ...rejoin, type: 'validators.rejoined' }]);
    expect(ask('mea', rejoin)).toBe('validators.unknownValidator');
    expect(ask('mea', { ...rejoin, validator: kidOf('mea') })).toBe('validators.unknownValidator');
  });
});
