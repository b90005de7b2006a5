import { formatTime, millis, Prng, toHex, utf8 } from '@gridtokenx/kernel';
import type { LedgerEvent, Operation, Outcome } from '@gridtokenx/protocol';
import { gridAmount, TEST_PARAMETERS } from '@gridtokenx/testkit';
import { describe, expect, it } from '@jest/globals';
import { auditState, GRID } from '../index.js';
import { keyOf, PublicWorld } from '../spec/public-world.spec.js';
import { crypto, id, kidOf, World } from '../spec/world.spec.js';

const SAFE = id('safe');
const DEPOSIT = BigInt(TEST_PARAMETERS['multisig.deposit']);
const textOf = (call: unknown): string => JSON.stringify(call);
const hashOf = (text: string): string => toHex(crypto.sha256(utf8(text)));
const inOrder = (keys: readonly string[]): string[] => [...keys].sort((a, b) => (a < b ? -1 : 1));

interface Proposal {
  readonly proposal: string;
  readonly timepoint: { readonly height: number; readonly index: number };
  readonly callHash: string;
}

/** The parts of both ledgers' tests that are the same: who asks is a name. */
interface Ledgers {
  readonly time: number;
  ask(by: string, operation: Operation): { outcome: Outcome; events: readonly LedgerEvent[] };
  keyOf(name: string): string;
}

class Safe {
  constructor(
    private readonly ledgers: Ledgers,
    readonly account = SAFE,
  ) {}

  must(by: string, operation: Operation): readonly LedgerEvent[] {
    const { outcome } = this.ledgers.ask(by, operation);
    if (outcome.status !== 'executed') throw new Error(`${operation.type} was refused: ${JSON.stringify(outcome)}`);
    return outcome.events;
  }

  refusal(by: string, operation: Operation): string {
    const { outcome } = this.ledgers.ask(by, operation);
    return outcome.status === 'rejected' ? outcome.code : 'executed';
  }

  creation(signers: readonly string[], threshold: number): Operation {
    const keys = inOrder(signers.map((name) => this.ledgers.keyOf(name)));
    return { type: 'multisig.create', account: this.account, signers: keys, threshold };
  }

  proposal(text: string, more: { afterMs?: number; call?: string } = {}): Operation {
    const { afterMs = 3_600_000, call } = more;
    const expiresAt = formatTime(millis(Math.floor((this.ledgers.time + afterMs) / 1000) * 1000));
    return {
      type: 'multisig.propose',
      account: this.account,
      callHash: hashOf(text),
      expiresAt,
      ...(call === undefined ? {} : { call }),
    };
  }

  propose(by: string, text: string, more?: { afterMs?: number; call?: string }): Proposal {
    const event = this.must(by, this.proposal(text, more)).find(({ type }) => type === 'multisig.proposed');
    if (event?.type !== 'multisig.proposed') throw new Error('a proposal is told');
    const { proposal, timepoint, callHash } = event;
    return { proposal, timepoint, callHash };
  }

  approval({ proposal, timepoint, callHash }: Proposal, call?: string): Operation {
    return {
      type: 'multisig.approve',
      account: this.account,
      proposal,
      timepoint,
      callHash,
      ...(call === undefined ? {} : { call }),
    };
  }

  cancellation({ proposal }: Proposal): Operation {
    return { type: 'multisig.cancel', account: this.account, proposal };
  }

  signersText(signers: readonly string[], threshold: number): string {
    const keys = inOrder(signers.map((name) => this.ledgers.keyOf(name)));
    return textOf({ type: 'multisig.setSigners', signers: keys, threshold });
  }
}

const typesOf = (events: readonly LedgerEvent[]): string[] => events.map(({ type }) => type);

/** On the public ledger: two of ann, bob and cat. */
function publicSafe(threshold = 2): { world: PublicWorld; safe: Safe } {
  const world = new PublicWorld({ accounts: { ann: 1_000, bob: 1_000, cat: 1_000, dan: 1_000 } });
  const safe = new Safe({
    get time() {
      return world.ledger.time;
    },
    ask: (by, operation) => {
      const { outcomes, events } = world.block([world.envelope(by, [operation])]);
      return { outcome: outcomes[0] as Outcome, events };
    },
    keyOf,
  });
  safe.must('dan', safe.creation(['ann', 'bob', 'cat'], threshold));
  world.must('dan', { type: 'grid.transfer', to: SAFE, amount: gridAmount(100) });
  return { world, safe };
}

const payment = (amount = gridAmount(10)): string => textOf({ type: 'grid.transfer', to: keyOf('dan'), amount });
const stateOf = (world: PublicWorld): { available: bigint; held: bigint } =>
  world.ledger.state.accounts.balance(keyOf('ann'), GRID);

describe('an account of several signers on the public ledger', () => {
  it('is opened by anyone, who pays the least that an account must have into it', () => {
    const { world } = publicSafe();
    const { accounts, grid, multisig } = world.ledger.state;
    expect(grid.named.get(SAFE)).toBe('multisig');
    expect(accounts.available(SAFE, GRID)).toBe(BigInt(gridAmount(100)) + grid.minimum);
    expect(multisig.accounts.get(SAFE)).toMatchObject({ threshold: 2, version: 1, proposals: 0, open: 0 });
  });

  it('has an id that nobody has, and signers in order, each once, at least as many as must approve', () => {
    const { world, safe } = publicSafe();
    const [a, b] = inOrder([keyOf('ann'), keyOf('bob')]) as [string, string];
    const create = (signers: string[], threshold: number, account = id('other')): string =>
      world.refusal('dan', { type: 'multisig.create', account, signers, threshold });
    expect(create([b, a], 2)).toBe('multisig.badSigners');
    expect(create([a, a], 2)).toBe('multisig.badSigners');
    expect(create([a, b], 3)).toBe('multisig.badSigners');
    expect(create([a, b], 2, SAFE)).toBe('multisig.accountExists');
    expect(create([a, b], 2, '0'.repeat(31) + '1')).toBe('multisig.accountExists');
    expect(safe.refusal('dan', { type: 'multisig.create', account: id('other'), signers: [a, b], threshold: 2 })).toBe(
      'executed',
    );
    expect(world.ledger.state.multisig.accounts.has(id('other'))).toBe(true);
  });

  it('transfers GRID when the last of m signers brings the call, in its own name', () => {
    const { world, safe } = publicSafe();
    const proposed = safe.propose('ann', payment());
    expect(stateOf(world).held).toBe(DEPOSIT);
    const before = world.available('dan');
    expect(safe.refusal('bob', safe.approval(proposed))).toBe('multisig.callMissing');
    expect(safe.refusal('dan', safe.approval(proposed, payment()))).toBe('multisig.notASigner');
    expect(safe.refusal('ann', safe.approval(proposed, payment()))).toBe('multisig.approvedAlready');
    const events = safe.must('bob', safe.approval(proposed, payment()));
    expect(typesOf(events)).toEqual(['multisig.approved', 'grid.transferred', 'multisig.executed']);
    expect(events[1]).toMatchObject({ from: SAFE, to: keyOf('dan') });
    expect(world.available('dan')).toBeGreaterThan(before + BigInt(gridAmount(9)));
    expect(stateOf(world).held).toBe(0n);
    expect(safe.refusal('cat', safe.approval(proposed, payment()))).toBe('multisig.unknownProposal');
  });

  it.each([
    [2, ['ann', 'bob']],
    [3, ['cat', 'ann', 'bob']],
  ] as const)('needs %i approvals, whoever gives them', (threshold, names) => {
    const { safe } = publicSafe(threshold);
    const [first, ...others] = names;
    const proposed = safe.propose(first, payment());
    others.forEach((name, i) => {
      const isLast = i === others.length - 1;
      const events = typesOf(safe.must(name, safe.approval(proposed, payment())));
      expect(events.includes('multisig.executed')).toBe(isLast);
    });
  });

  it('of which one signer is enough does the call with its proposal', () => {
    const { world, safe } = publicSafe(1);
    expect(safe.refusal('ann', safe.proposal(payment()))).toBe('multisig.callMissing');
    const events = safe.must('ann', safe.proposal(payment(), { call: payment() }));
    expect(typesOf(events)).toEqual([
      'multisig.proposed',
      'multisig.approved',
      'grid.transferred',
      'multisig.executed',
    ]);
    expect(stateOf(world).held).toBe(0n);
  });

  it('takes a call only that hashes to what was proposed', () => {
    const { safe } = publicSafe();
    expect(safe.refusal('ann', safe.proposal(payment(), { call: payment('1') }))).toBe('multisig.otherCall');
    const proposed = safe.propose('ann', payment(), { call: payment() });
    expect(safe.refusal('bob', safe.approval(proposed, payment('1')))).toBe('multisig.otherCall');
    expect(safe.refusal('bob', safe.approval({ ...proposed, callHash: hashOf('x') }, payment()))).toBe(
      'multisig.otherCall',
    );
    expect(safe.refusal('bob', safe.approval(proposed, payment()))).toBe('executed');
  });

  it('takes an approval only of the proposal whose timepoint it names', () => {
    const { world, safe } = publicSafe();
    const [first, second] = [safe.propose('ann', payment()), safe.propose('ann', payment())];
    expect([first.timepoint.index, second.timepoint.index]).toEqual([1, 2]);
    expect(first.timepoint.height + 1).toBe(second.timepoint.height);
    expect(safe.refusal('bob', safe.approval({ ...second, timepoint: first.timepoint }, payment()))).toBe(
      'multisig.otherTimepoint',
    );
    const old = safe.approval(first, payment());
    safe.must('bob', old);
    // The same payment is proposed again: what was approved for the first one does not count for it.
    const third = safe.propose('ann', payment());
    expect(safe.refusal('bob', old)).toBe('multisig.unknownProposal');
    expect(world.ledger.state.multisig.proposals.get(third.proposal)?.approvals).toEqual([keyOf('ann')]);
  });

  it('closes a proposal whose call is refused, and tells the code', () => {
    const { world, safe } = publicSafe();
    const before = world.ledger.state.accounts.available(SAFE, GRID);
    const tooMuch = payment(gridAmount(1_000));
    const events = safe.must('bob', safe.approval(safe.propose('ann', tooMuch), tooMuch));
    expect(typesOf(events)).toEqual(['multisig.approved', 'multisig.callRefused']);
    expect(events[1]).toMatchObject({ code: 'grid.insufficientBalance' });
    expect(world.ledger.state.accounts.available(SAFE, GRID)).toBe(before);
    expect(world.ledger.state.multisig.accounts.get(SAFE)).toMatchObject({ open: 0, proposals: 1 });
  });

  it.each([
    ['no JSON', '{'],
    ['no operation', textOf({ type: 'grid.pay' })],
    ['an operation with a field too many', textOf({ type: 'grid.transfer', to: keyOf('dan'), amount: '1', x: 1 })],
    ['an operation of the other ledger', textOf({ type: 'registry.removeKey', key: keyOf('dan') })],
    ['an approval', textOf({ type: 'multisig.cancel', account: SAFE, proposal: '0'.repeat(64) })],
  ])('cannot ask for %s', (_what, text) => {
    const { safe } = publicSafe();
    const events = safe.must('bob', safe.approval(safe.propose('ann', text), text));
    expect(events.at(-1)).toMatchObject({ type: 'multisig.callRefused', code: 'multisig.badCall' });
  });

  it('lets who proposed cancel, nobody else, and gives the deposit back', () => {
    const { world, safe } = publicSafe();
    const proposed = safe.propose('ann', payment());
    expect(safe.refusal('bob', safe.cancellation(proposed))).toBe('multisig.notTheDepositor');
    expect(typesOf(safe.must('ann', safe.cancellation(proposed)))).toEqual(['multisig.cancelled']);
    expect(stateOf(world).held).toBe(0n);
    expect(safe.refusal('ann', safe.cancellation(proposed))).toBe('multisig.unknownProposal');
    expect(safe.refusal('bob', safe.approval(proposed, payment()))).toBe('multisig.unknownProposal');
  });

  it('closes what nobody decided in time, and gives the deposit back', () => {
    const { world, safe } = publicSafe();
    expect(safe.refusal('ann', safe.proposal(payment(), { afterMs: 0 }))).toBe('multisig.expiryOutOfRange');
    expect(safe.refusal('ann', safe.proposal(payment(), { afterMs: 31 * 86_400_000 }))).toBe(
      'multisig.expiryOutOfRange',
    );
    const proposed = safe.propose('ann', payment(), { afterMs: 30_000 });
    expect(typesOf(world.block([]).events)).not.toContain('multisig.expired');
    const { outcomes, events } = world.block([world.envelope('bob', [safe.approval(proposed, payment())])], {
      afterMs: 60_000,
    });
    expect(typesOf(events)).toContain('multisig.expired');
    expect(outcomes).toMatchObject([{ code: 'multisig.unknownProposal' }]);
    expect(stateOf(world).held).toBe(0n);
  });

  it('holds no deposit that cannot be spent', () => {
    const { world, safe } = publicSafe();
    world.must('ann', { type: 'grid.transfer', to: keyOf('dan'), amount: gridAmount(996) });
    expect(safe.refusal('ann', safe.proposal(payment()))).toBe('grid.insufficientBalance');
  });

  it('has at most a hundred open proposals', () => {
    const { world, safe } = publicSafe();
    const rich = world.envelope('dan', [{ type: 'grid.transfer', to: keyOf('ann'), amount: gridAmount(500) }]);
    world.block([rich]);
    const proposals = Array.from({ length: 101 }, (_, i) => safe.proposal(`call ${i}`));
    const { outcomes } = world.block([world.envelope('ann', proposals)]);
    expect(outcomes.filter(({ status }) => status === 'executed')).toHaveLength(100);
    expect(outcomes.at(-1)).toMatchObject({ code: 'multisig.tooManyProposals' });
  });

  it('changes its signers only in its own name, and what was approved before counts no more', () => {
    const { world, safe } = publicSafe();
    const text = safe.signersText(['ann', 'dan'], 2);
    expect(safe.refusal('ann', JSON.parse(text) as Operation)).toBe('key.notAuthorised');
    const [pending, change] = [safe.propose('ann', payment()), safe.propose('ann', text)];
    const events = safe.must('cat', safe.approval(change, text));
    expect(typesOf(events)).toEqual(['multisig.approved', 'multisig.signersSet', 'multisig.executed']);
    expect(safe.refusal('bob', safe.approval(pending, payment()))).toBe('multisig.notASigner');
    // With her approval of before, dan's would have been the second.
    expect(typesOf(safe.must('dan', safe.approval(pending, payment())))).toEqual(['multisig.approved']);
    expect(typesOf(safe.must('ann', safe.approval(pending, payment())))).toContain('multisig.executed');
    expect(world.ledger.state.multisig.accounts.get(SAFE)).toMatchObject({ version: 2, threshold: 2 });
    const bad = textOf({ type: 'multisig.setSigners', signers: [keyOf('ann'), keyOf('ann')], threshold: 2 });
    const refused = safe.must('dan', safe.approval(safe.propose('ann', bad), bad));
    expect(refused.at(-1)).toMatchObject({ code: 'multisig.badSigners' });
  });

  it('keeps GRID and deposits exact whatever is asked of it, and goes on alike when it is restored', () => {
    for (const seed of [1, 2, 3]) {
      const { world, safe } = publicSafe();
      const twin = publicSafe().world;
      const prng = new Prng(seed);
      const names = ['ann', 'bob', 'cat', 'dan'] as const;
      const open: { readonly proposed: Proposal; readonly text: string }[] = [];
      const one = <T>(of: readonly T[]): T => of[prng.below(of.length)] as T;
      const operation = (): { by: string; asked: Operation; text?: string } => {
        const by = one(names);
        const known = open.length === 0 ? undefined : one(open.slice(-4));
        switch (prng.below(6)) {
          case 0:
          case 1: {
            const signers = names.filter((name) => name === by || prng.below(2) === 0);
            const text =
              prng.below(5) === 0 && signers.length > 1
                ? safe.signersText(signers, 1 + prng.below(signers.length))
                : payment(gridAmount(1 + prng.below(60)));
            const call = prng.below(2) === 0 ? { call: text } : {};
            return { by, asked: safe.proposal(text, { afterMs: 1_000 + prng.below(90_000), ...call }), text };
          }
          case 2:
            if (known !== undefined) return { by: 'ann', asked: safe.cancellation(known.proposed) };
            break;
          case 3:
            return { by, asked: { type: 'grid.transfer', to: SAFE, amount: gridAmount(1 + prng.below(20)) } };
          default:
            if (known !== undefined)
              return { by, asked: safe.approval(known.proposed, prng.below(4) === 0 ? undefined : known.text) };
        }
        return { by, asked: { type: 'grid.transfer', to: keyOf(one(names)), amount: gridAmount(1) } };
      };
      const seen = new Set<string>();
      for (let height = 0; height < 60; height++) {
        const asked = Array.from({ length: prng.below(4) }, operation);
        const envelopes = asked.map(({ by, asked: of }) => world.envelope(by, [of]));
        const { events } = world.block(envelopes);
        twin.block(envelopes);
        expect(toHex(twin.ledger.stateDigest)).toBe(toHex(world.ledger.stateDigest));
        if (height % 20 === 10) twin.restart();
        for (const event of events) {
          seen.add(event.type);
          if (event.type !== 'multisig.proposed') continue;
          const text = asked.find(({ text: of }) => of !== undefined && hashOf(of) === event.callHash)?.text ?? '';
          open.push({ proposed: event, text });
        }
      }
      for (const type of ['proposed', 'approved', 'executed', 'cancelled', 'expired'])
        expect([...seen]).toContain(`multisig.${type}`);
    }
  });
});

/** On the consortium: two of three keys, of three organisations; kept by the trader. */
function consortiumSafe(): { world: World; safe: Safe } {
  const world = new World();
  const safe = new Safe({
    get time() {
      return world.ledger.time;
    },
    ask: (by, operation) => {
      const { outcomes, events } = world.run(by, operation);
      expect(auditState(world.ledger)).toEqual([]);
      return { outcome: outcomes[0] as Outcome, events };
    },
    keyOf: kidOf,
  });
  safe.must('trader', safe.creation(['mea', 'pea', 'bank'], 2));
  world.fund('safe', 100);
  return { world, safe };
}

const verify = (world: World): void =>
  void world.must('erc', { type: 'registry.setKyc', account: SAFE, status: 'verified' });
const wattOf = (amount = '5'): string =>
  textOf({ type: 'accounts.transfer', from: SAFE, to: id('ann'), asset: 'WATT', amount });

describe('an account of several signers on the consortium', () => {
  it('is opened by a key of the organisation that keeps it, with keys that are registered', () => {
    const { world, safe } = consortiumSafe();
    expect(world.ledger.state.registry.accounts.get(SAFE)).toMatchObject({
      organisation: id('trader'),
      kyc: 'pending',
    });
    const other = new Safe({ time: 0, ask: (by, operation) => askOf(world, by, operation), keyOf: kidOf }, id('other'));
    expect(other.refusal('trader', other.creation(['mea', 'nobody'], 2))).toBe('registry.unknownKey');
    expect(safe.refusal('trader', safe.creation(['mea', 'pea'], 2))).toBe('multisig.accountExists');
    world.ownKey('ann');
    expect(other.refusal('ann', other.creation(['mea', 'pea'], 2))).toBe('key.notAuthorised');
  });

  it('pays WATT when enough signers approve and its KYC allows it, without a deposit', () => {
    const { world, safe } = consortiumSafe();
    const early = safe.must('pea', safe.approval(safe.propose('mea', wattOf()), wattOf()));
    expect(early.at(-1)).toMatchObject({ type: 'multisig.callRefused', code: 'accounts.notVerified' });
    verify(world);
    const proposed = safe.propose('mea', wattOf());
    const events = safe.must('bank', safe.approval(proposed, wattOf()));
    expect(typesOf(events)).toEqual(['multisig.approved', 'accounts.transferred', 'multisig.executed']);
    expect(world.available('ann')).toBe(5n);
    expect(safe.refusal('bank', safe.approval(proposed, wattOf()))).toBe('multisig.unknownProposal');
  });

  it('is out of reach of a single key, also of the organisation that keeps it', () => {
    const { world, safe } = consortiumSafe();
    verify(world);
    expect(safe.refusal('trader', JSON.parse(wattOf()) as Operation)).toBe('key.notAuthorised');
    expect(
      safe.refusal('trader', {
        type: 'registry.registerKey',
        key: kidOf('new'),
        owner: { kind: 'account', account: SAFE },
      }),
    ).toBe('multisig.keepsItsKeys');
    const delegation = {
      type: 'registry.delegate',
      key: kidOf('trader'),
      account: SAFE,
      operations: ['accounts.transfer'],
      until: formatTime(millis(world.ledger.time + 3_000_000)),
    } as const;
    expect(safe.refusal('trader', { ...delegation, operations: ['accounts.transfer'] })).toBe('multisig.keepsItsKeys');
    // Its signers may delegate together, and only they revoke it beside the key itself.
    const text = textOf(delegation);
    expect(typesOf(safe.must('pea', safe.approval(safe.propose('mea', text), text)))).toContain('registry.delegated');
    expect(safe.refusal('trader', JSON.parse(wattOf()) as Operation)).toBe('executed');
  });

  it('of the issuer is not burned from by a single key', () => {
    const { world } = consortiumSafe();
    const issuer = new Safe(
      { time: 0, ask: (by, operation) => askOf(world, by, operation), keyOf: kidOf },
      id('vault'),
    );
    issuer.must('bank', issuer.creation(['mea', 'bank'], 2));
    world.fund('vault', 1);
    expect(issuer.refusal('bank', { type: 'accounts.burn', account: id('vault'), amount: '1', reference: 'r' })).toBe(
      'multisig.keepsItsKeys',
    );
  });

  it('counts no key that was removed', () => {
    const { world, safe } = consortiumSafe();
    verify(world);
    world.must('mea', {
      type: 'registry.registerKey',
      key: kidOf('mea 2'),
      owner: { kind: 'organisation', organisation: id('mea') },
    });
    const removal = world.envelope('mea', [{ type: 'registry.removeKey', key: kidOf('mea') }]);
    const late = world.envelope('mea', [safe.proposal(wattOf())]);
    expect(world.block([removal, late]).outcomes).toMatchObject([
      { status: 'executed' },
      { code: 'multisig.notASigner' },
    ]);
  });

  it('changes its signers, cancels and expires as on the public ledger', () => {
    const { world, safe } = consortiumSafe();
    const text = safe.signersText(['mea', 'trader'], 2);
    const pending = safe.propose('pea', wattOf());
    safe.must('bank', safe.approval(safe.propose('mea', text), text));
    expect(safe.refusal('bank', safe.approval(pending, wattOf()))).toBe('multisig.notASigner');
    expect(typesOf(safe.must('pea', safe.cancellation(pending)))).toEqual(['multisig.cancelled']);
    safe.propose('mea', wattOf(), { afterMs: 10_000 });
    expect(typesOf(world.wait(20_000).events)).toContain('multisig.expired');
    expect(auditState(world.ledger)).toEqual([]);
  });
});

function askOf(world: World, by: string, operation: Operation): { outcome: Outcome; events: readonly LedgerEvent[] } {
  const { outcomes, events } = world.run(by, operation);
  return { outcome: outcomes[0] as Outcome, events };
}
