import { PARAMETER_NAMES, parameterSchemas, TRACKS, trackOfParameter, type Operation } from '@gridtokenx/protocol';
import { gridAmount, TEST_PARAMETERS } from '@gridtokenx/testkit';
import { describe, expect, it } from '@jest/globals';
import { parametersFault } from '../index.js';
import { GovernanceWorld, told } from '../spec/governance-world.spec.js';
import { keyOf, PublicWorld } from '../spec/public-world.spec.js';

const set = (name: (typeof PARAMETER_NAMES)[number], value: unknown): Operation => ({
  type: 'parameters.set',
  name,
  value: JSON.stringify(value),
});
const terms = TEST_PARAMETERS['governance.tracks'];
const digest = (world: GovernanceWorld): unknown => world.ledger.state.parameters.with();

describe('a parameter', () => {
  it('is what the genesis says, each of them, and is in the state', () => {
    const { parameters } = new PublicWorld().ledger.state;
    expect(parameters.with()).toEqual(TEST_PARAMETERS);
    expect([...parameters.values.rows.keys()].sort()).toEqual([...PARAMETER_NAMES].sort());
  });

  it('is set by root, or by the track that it is of, and by nobody else', () => {
    const world = new GovernanceWorld({ accounts: { ann: 100 } });
    expect(world.refusal('ann', set('policy.renewableShareTarget', 1))).toBe('key.notAuthorised');
    for (const name of PARAMETER_NAMES)
      for (const track of TRACKS) {
        const { code } = world.asTrack(track, set(name, TEST_PARAMETERS[name]));
        const isAllowed = track === 'root' || track === trackOfParameter(name);
        expect([name, track, code]).toEqual([name, track, isAllowed ? undefined : 'key.notAuthorised']);
      }
    expect(PARAMETER_NAMES.filter((name) => trackOfParameter(name) === 'marketPolicy')).toEqual([
      'policy.renewableShareTarget',
    ]);
    expect(PARAMETER_NAMES.filter((name) => trackOfParameter(name) === 'treasury')).toEqual([
      'treasury.periodBlocks',
      'treasury.burnShare',
    ]);
  });

  it('that changes says from what to what, and stays after a restart', () => {
    const world = new GovernanceWorld();
    const { events } = world.asTrack('root', set('staking.validatorCount', 99));
    expect(told(events, 'parameters.changed')).toEqual([
      { type: 'parameters.changed', name: 'staking.validatorCount', before: '100', after: '99' },
    ]);
    world.restart();
    expect(world.ledger.state.parameters.get('staking.validatorCount')).toBe(99);
  });

  it.each<[what: string, operation: Operation]>([
    ['no JSON', { type: 'parameters.set', name: 'grid.feeBase', value: '"1' }],
    ['JSON that is not strict', { type: 'parameters.set', name: 'switches.transfers', value: 'true true' }],
    ['of another type', set('grid.feeBase', 1)],
    ['not in its range', set('policy.renewableShareTarget', 10_001)],
    ['no amount', set('grid.existentialMinimum', '0')],
    ['with a field too many', set('governance.tracks', { ...terms, other: terms.root })],
    ['with a field too few', set('governance.tracks', { root: terms.root })],
  ])('is never %s', (_what, operation) => {
    const world = new GovernanceWorld();
    const before = digest(world);
    expect(world.asTrack('root', operation).code).toBe('parameters.badValue');
    expect(digest(world)).toEqual(before);
  });
});

describe('parameters that do not fit together', () => {
  const faults: [what: string, operation: Operation][] = [
    ['evidence as old as a slash is deferred', set('staking.evidenceEras', 27)],
    ['a slash deferred as long as unbonding', set('staking.slashDeferEras', 28)],
    ['a set that is never large enough', set('staking.minimumValidatorCount', 101)],
    [
      'an inflation that falls to its maximum',
      set('staking.inflation', { ...TEST_PARAMETERS['staking.inflation'], maximumPpm: 0 }),
    ],
    [
      'a track without a decision period',
      set('governance.tracks', { ...terms, root: { ...terms.root, decisionMs: 0 } }),
    ],
    [
      'a track that rejects before it is prepared',
      set('governance.tracks', { ...terms, treasury: { ...terms.treasury, undecidedMs: terms.treasury.prepareMs } }),
    ],
    [
      'a curve that rises',
      set('governance.tracks', {
        ...terms,
        root: { ...terms.root, approval: { kind: 'linear', length: 1, floor: 2, ceil: 1 } },
      }),
    ],
    ['a submission deposit that no balance can hold', set('governance.submissionDeposit', gridAmount(10_000_000_000))],
    ['an approval deposit that no balance can hold', set('multisig.deposit', gridAmount(10_000_000_000))],
    ['a report deposit that no balance can hold', set('transparency.deposit', gridAmount(10_000_000_000))],
    ['a preimage deposit that no balance can hold', set('governance.preimageDepositPerByte', gridAmount(140_000))],
    [
      'a decision deposit that no balance can hold',
      set('governance.tracks', { ...terms, root: { ...terms.root, decisionDeposit: gridAmount(10_000_000_000) } }),
    ],
  ];

  it.each(faults)('are refused: %s', (_what, operation) => {
    const world = new GovernanceWorld();
    const before = digest(world);
    expect(world.asTrack('root', operation).code).toBe('parameters.badValue');
    expect(digest(world)).toEqual(before);
  });

  it('are in no genesis', () => {
    expect(parametersFault(TEST_PARAMETERS)).toBeUndefined();
    expect(() => new PublicWorld({ parameters: { 'staking.evidenceEras': 27 } })).toThrow('fit together');
    for (const [, operation] of faults) {
      if (operation.type !== 'parameters.set') continue;
      const value: unknown = parameterSchemas[operation.name].parse(JSON.parse(operation.value));
      expect(parametersFault({ ...TEST_PARAMETERS, [operation.name]: value })).toBeDefined();
    }
  });
});

describe('a switch', () => {
  it('that governance closes refuses what it is for, until it is open again', () => {
    const world = new GovernanceWorld({ accounts: { ann: 100, bob: 100 } });
    const pay: Operation = { type: 'grid.transfer', to: keyOf('bob'), amount: gridAmount(1) };
    world.asTrack('root', set('switches.transfers', false));
    expect(world.refusal('ann', pay)).toBe('parameters.closed');
    world.asTrack('root', set('switches.transfers', true));
    world.must('ann', pay);
  });
});
