import { possessionSignBytes, voteSignBytes, type Vote } from '@gridtokenx/chain';
import { native } from '@gridtokenx/crypto-native';
import { formatTime, millis, toBase64Url, toHex } from '@gridtokenx/kernel';
import { VALIDATORS_MAX, type LedgerEvent, type Operation, type ValidatorChange } from '@gridtokenx/protocol';
import { describe, expect, it } from '@jest/globals';
import { crypto, id, identityOf, kidOf, seedOf, World, type GenesisTerms, type Ran } from '../spec/world.spec.js';
import { votesNeeded } from './changes.js';

const EPOCH = 5;

class Consortium extends World {
  readonly ledgerId: string;

  constructor(
    readonly size: number,
    terms: GenesisTerms = {},
  ) {
    super({ validators: size, epochBlocks: EPOCH, ...terms });
    this.ledgerId = identityOf(this.genesis).ledgerId;
  }

  /** All that was told so far. */
  readonly told: LedgerEvent[] = [];

  override block(...given: Parameters<World['block']>): Ran {
    const ran = super.block(...given);
    this.told.push(...ran.events);
    return ran;
  }

  get set(): string[] {
    return this.ledger.state.validators.members().map(([key]) => key);
  }

  get next(): string[] {
    return this.ledger.state.validators.next.map(toBase64Url).sort();
  }

  until(ms = 3_600_000): string {
    return formatTime(millis(this.ledger.time + ms));
  }

  /** Blocks up to this height within the epoch, from 1. */
  to(place: number): LedgerEvent[] {
    const events: LedgerEvent[] = [];
    do events.push(...this.wait(1_000).events);
    while (this.ledger.height % EPOCH !== place % EPOCH);
    return events;
  }

  proof(name: string, organisation: string, ledgerId = this.ledgerId): string {
    const seed = seedOf(name);
    const bytes = possessionSignBytes(ledgerId, id(organisation), crypto.publicKeyOf(seed));
    return toBase64Url(crypto.sign(bytes, seed));
  }

  register(name: string, organisation: string): void {
    this.must(organisation, {
      type: 'registry.registerKey',
      key: kidOf(name),
      owner: { kind: 'organisation', organisation: id(organisation) },
    });
  }

  propose(by: string, change: ValidatorChange, until = this.until()): Ran {
    return this.run(by, { type: 'validators.proposeChange', change, until });
  }

  approve(change: string, ...members: readonly number[]): Ran {
    return this.block(members.map((i) => this.envelope(`member ${i}`, [{ type: 'validators.approveChange', change }])));
  }

  /** Proposed by the first member and approved by as many as it takes; all in one block, so that no epoch passes. */
  decide(change: ValidatorChange): string {
    const proposal = this.envelope('member 0', [{ type: 'validators.proposeChange', change, until: this.until() }]);
    const named = toHex(proposal.operationIds[0] ?? new Uint8Array(0));
    const members = this.ledger.state.validators.members();
    const voters = Array.from({ length: this.size }, (_, i) => `member ${i}`).filter(
      (member, i) => i > 0 && members.some(([, { organisation }]) => organisation === id(member)),
    );
    const others = voters
      .slice(0, votesNeeded(members.length) - 1)
      .map((member) => this.envelope(member, [{ type: 'validators.approveChange', change: named }]));
    const { events, outcomes } = this.block([proposal, ...others]);
    const refused = outcomes.filter(({ status }) => status === 'rejected');
    if (refused.length > 0 || !events.some(({ type }) => type === 'validators.changeEnacted'))
      throw new Error(`the change was not decided: ${JSON.stringify(refused)}`);
    return named;
  }

  admit(name: string, organisation = 'trader'): ValidatorChange {
    return { kind: 'admit', validator: kidOf(name), proof: this.proof(name, organisation) };
  }
}

const codeOf = (ran: Ran): string => {
  const [outcome] = ran.outcomes;
  return outcome?.status === 'rejected' ? outcome.code : 'ok';
};
const typesOf = (events: readonly LedgerEvent[]): string[] =>
  events.map(({ type }) => type).filter((type) => type.startsWith('validators.'));
const suspend = (i: number): ValidatorChange => ({ kind: 'suspend', validator: kidOf(`validator ${i}`) });
const remove = (i: number): ValidatorChange => ({ kind: 'remove', validator: kidOf(`validator ${i}`) });

describe('a change of the validators', () => {
  it('takes two thirds of all validators in the set, counted by validator', () => {
    expect([1, 2, 3, 4, 5, 6, 7, 21, 100].map(votesNeeded)).toEqual([1, 2, 2, 3, 4, 4, 5, 14, 67]);
    const world = new Consortium(7);
    const ran = world.propose('member 0', suspend(6));
    const [change = ''] = ran.ids;
    expect(ran.events).toEqual([
      {
        type: 'validators.changeProposed',
        change,
        kind: 'suspend',
        validator: kidOf('validator 6'),
        organisation: id('member 0'),
        until: expect.any(String),
      },
      { type: 'validators.changeApproved', change, organisation: id('member 0'), votes: 1, needed: 5 },
    ]);
    expect(typesOf(world.approve(change, 1, 2, 3).events)).toEqual(Array(3).fill('validators.changeApproved'));
    expect(codeOf(world.approve(change, 3))).toBe('validators.votedAlready');
    expect(codeOf(world.run('trader', { type: 'validators.approveChange', change }))).toBe('validators.notAMember');
    expect(typesOf(world.approve(change, 4).events)).toContain('validators.changeEnacted');
    expect(codeOf(world.approve(change, 5))).toBe('validators.unknownChange');
  });

  it('counts each validator of an organisation, and one vote of the organisation casts them all', () => {
    const world = new Consortium(4);
    world.register('second', 'member 1');
    world.decide(world.admit('second', 'member 1'));
    world.to(1);
    expect(world.set).toHaveLength(5);
    const [change = ''] = world.propose('member 1', suspend(3)).ids;
    expect(world.ledger.state.validators.changes.get(change)?.approvals).toEqual([id('member 1')]);
    const events = world.approve(change, 0, 2).events;
    expect(events).toContainEqual({
      type: 'validators.changeApproved',
      change,
      organisation: id('member 0'),
      votes: 3,
      needed: 4,
    });
    expect(typesOf(events)).toContain('validators.changeEnacted');
  });

  it('is proposed by members only, for a time, and ten at once of one organisation', () => {
    const world = new Consortium(7);
    expect(codeOf(world.propose('trader', suspend(1)))).toBe('validators.notAMember');
    expect(codeOf(world.propose('member 0', suspend(1), formatTime(world.ledger.time)))).toBe(
      'validators.untilOutOfRange',
    );
    expect(codeOf(world.propose('member 0', suspend(1), world.until(31 * 86_400_000)))).toBe(
      'validators.untilOutOfRange',
    );
    for (let i = 0; i < 10; i++) expect(codeOf(world.propose('member 0', suspend(1)))).toBe('ok');
    expect(codeOf(world.propose('member 0', suspend(1)))).toBe('validators.tooManyChanges');
    expect(codeOf(world.propose('member 1', suspend(1)))).toBe('ok');
  });

  it('is withdrawn by who proposed it, and lapses by block time', () => {
    const world = new Consortium(4, { validators: 7 });
    const [first = ''] = world.propose('member 0', suspend(1)).ids;
    const withdraw: Operation = { type: 'validators.withdrawChange', change: first };
    expect(codeOf(world.run('member 1', withdraw))).toBe('key.notAuthorised');
    expect(typesOf(world.run('member 0', withdraw).events)).toEqual(['validators.changeWithdrawn']);
    expect(codeOf(world.run('member 0', withdraw))).toBe('validators.unknownChange');
    const [second = ''] = world.propose('member 0', suspend(1), world.until(10_000)).ids;
    expect(typesOf(world.wait(8_000).events)).toEqual([]);
    expect(world.wait(2_000).events).toContainEqual({ type: 'validators.changeLapsed', change: second });
    expect(codeOf(world.approve(second, 1))).toBe('validators.unknownChange');
    expect([...world.ledger.state.validators.changes.rows.values()].filter(({ value }) => value !== undefined)).toEqual(
      [],
    );
  });

  it('names a key that its organisation has registered, that someone holds, and that was never a validator', () => {
    const world = new Consortium(4);
    const admitted = (change: ValidatorChange): string => codeOf(world.propose('member 0', change));
    expect(admitted(world.admit('new'))).toBe('validators.notAKeyOfAnOrganisation');
    world.register('new', 'trader');
    world.ownKey('ann');
    expect(admitted({ ...world.admit('ann'), proof: world.proof('ann', 'trader') } as ValidatorChange)).toBe(
      'validators.notAKeyOfAnOrganisation',
    );
    const other = identityOf({ ...world.genesis, limits: { ...world.genesis.limits, operationsPerBlock: 1 } }).ledgerId;
    for (const proof of [
      world.proof('other', 'trader'),
      world.proof('new', 'bank'),
      world.proof('new', 'trader', other),
      'A'.repeat(86),
    ])
      expect(admitted({ kind: 'admit', validator: kidOf('new'), proof })).toBe('validators.badProof');
    expect(
      admitted({ kind: 'admit', validator: kidOf('validator 1'), proof: world.proof('validator 1', 'member 1') }),
    ).toBe('validators.keyInUse');
    expect(admitted(world.admit('new'))).toBe('ok');
    expect(admitted(world.admit('new'))).toBe('validators.keyInUse');
    // The key is bound while a change names it, and a validator's key goes by a vote only.
    for (const key of [kidOf('new'), kidOf('validator 1')]) {
      const by = key === kidOf('new') ? 'trader' : 'member 1';
      expect(codeOf(world.run(by, { type: 'registry.removeKey', key }))).toBe('registry.keyOfValidator');
    }
  });

  it('may name the key with which an organisation signs: a validator signs votes, never operations', () => {
    const world = new Consortium(4);
    world.decide({ kind: 'admit', validator: kidOf('trader'), proof: world.proof('trader', 'trader') });
    world.to(1);
    expect(world.set).toContain(kidOf('trader'));
    expect(codeOf(world.propose('trader', suspend(1)))).toBe('ok');
  });

  it('of nothing is refused', () => {
    const world = new Consortium(7);
    const code = (change: ValidatorChange): string => codeOf(world.propose('member 0', change));
    expect(code({ kind: 'suspend', validator: kidOf('nobody') })).toBe('validators.unknownValidator');
    expect(code({ kind: 'reinstate', validator: kidOf('validator 1') })).toBe('validators.nothingToChange');
    world.decide(suspend(1));
    expect(code(suspend(1))).toBe('validators.nothingToChange');
  });

  it('that would leave fewer than four is refused, whatever waits before it', () => {
    const world = new Consortium(5);
    expect(codeOf(new Consortium(4).propose('member 0', remove(1)))).toBe('validators.tooFew');
    world.decide(suspend(1));
    expect(codeOf(world.propose('member 0', remove(2)))).toBe('validators.tooFew');
    // It counts once, however often it is to go.
    expect(codeOf(new Consortium(1).propose('member 0', remove(0)))).toBe('validators.tooFew');
    const two = new Consortium(2);
    two.decide(remove(1));
    two.to(1);
    expect(two.set).toEqual([kidOf('validator 0')]);
    expect(VALIDATORS_MAX).toBe(1_000);
  });
});

describe('the next set', () => {
  it('is fixed two blocks before the epoch ends, and is the set from the first block of the next', () => {
    const world = new Consortium(4);
    world.register('new', 'trader');
    const change = world.decide(world.admit('new'));
    expect(world.next).toHaveLength(4);
    const events = world.to(EPOCH - 2);
    expect(events).toContainEqual({ type: 'validators.changeApplied', change, epoch: 1 });
    const after = [...world.set, kidOf('new')];
    const fixed = events.find(({ type }) => type === 'validators.setFixed');
    expect(fixed).toMatchObject({ epoch: 1 });
    expect([...((fixed as { validators: string[] }).validators ?? [])].sort()).toEqual([...after].sort());
    expect(world.next).toEqual([...after].sort());
    // What is decided now has to wait for the epoch after.
    const late = world.decide(suspend(0));
    world.to(EPOCH);
    expect(world.set).toHaveLength(4);
    expect(world.next).toEqual([...after].sort());
    world.wait(1_000);
    expect(world.set.sort()).toEqual([...after].sort());
    expect(world.to(EPOCH - 2)).toContainEqual({ type: 'validators.changeApplied', change: late, epoch: 2 });
  });

  it('changes by f validators at most; the rest waits, in the order in which it was decided', () => {
    const world = new Consortium(7);
    const changes = ['a', 'b', 'c', 'd', 'e'].map((name) => {
      world.register(name, 'trader');
      return world.admit(name);
    });
    while (world.ledger.height % EPOCH !== 0) world.wait(1_000);
    const ids = changes.slice(0, 2).map((change) => world.decide(change));
    const more = world.block(
      changes.slice(2).flatMap((change) => {
        const proposal = world.envelope('member 0', [
          { type: 'validators.proposeChange', change, until: world.until() },
        ]);
        const named = toHex(proposal.operationIds[0] ?? new Uint8Array(0));
        return [
          proposal,
          ...[1, 2, 3, 4].map((i) =>
            world.envelope(`member ${i}`, [{ type: 'validators.approveChange', change: named }]),
          ),
        ];
      }),
    );
    const enacted = more.events.flatMap((event) => (event.type === 'validators.changeEnacted' ? [event.change] : []));
    const applied = [...more.events, ...world.to(1)].flatMap((event) =>
      event.type === 'validators.changeApplied' ? [event.change] : [],
    );
    expect(applied).toEqual(ids);
    expect(world.set).toHaveLength(9);
    world.to(1);
    // Nine still tolerate two only.
    expect(world.set).toHaveLength(11);
    world.to(1);
    expect(world.set).toHaveLength(12);
    expect(enacted).toHaveLength(3);
    expect(world.ledger.state.validators.decided()).toEqual([]);
  });

  it('does not depend on what is undone: a block that is taken back leaves the set as it was', () => {
    const world = new Consortium(4);
    world.register('new', 'trader');
    world.decide(world.admit('new'));
    while (world.ledger.height % EPOCH !== EPOCH - 3) world.wait(1_000);
    const [before, digest] = [world.next, toHex(world.ledger.stateDigest)];
    world.executeOnly([]);
    expect(world.next).not.toEqual(before);
    world.ledger.undo();
    expect(world.next).toEqual(before);
    expect(toHex(world.ledger.stateDigest)).toBe(digest);
  });

  it('has the new key for the old one after a rotation, and the old key signs nothing any more', () => {
    const world = new Consortium(4);
    world.register('fresh', 'member 2');
    const rotate: ValidatorChange = {
      kind: 'rotateKey',
      validator: kidOf('validator 2'),
      key: kidOf('fresh'),
      proof: world.proof('fresh', 'member 2'),
    };
    expect(
      codeOf(world.propose('member 0', { ...rotate, key: kidOf('trader'), proof: world.proof('trader', 'trader') })),
    ).toBe('validators.notAKeyOfAnOrganisation');
    world.decide(rotate);
    world.to(1);
    expect(world.told).toContainEqual({ type: 'registry.keyRemoved', key: kidOf('validator 2') });
    expect(world.set).toHaveLength(4);
    expect(world.set).toContain(kidOf('fresh'));
    expect(world.set).not.toContain(kidOf('validator 2'));
    expect(world.ledger.admission(world.ledger.time).refusal(world.envelope('validator 2', []))).toBe(
      'operation.keyRemoved',
    );
    expect(codeOf(world.propose('member 0', suspend(2)))).toBe('validators.unknownValidator');
  });

  it('is without the suspended, who propose nothing meanwhile, until they are reinstated', () => {
    const world = new Consortium(5);
    const key = crypto.publicKeyOf(seedOf('validator 1'));
    expect(world.ledger.isSuspended(key)).toBe(false);
    world.decide(suspend(1));
    expect(world.ledger.isSuspended(key)).toBe(true);
    expect(world.set).toContain(kidOf('validator 1'));
    world.to(1);
    expect(world.set).not.toContain(kidOf('validator 1'));
    world.decide({ kind: 'reinstate', validator: kidOf('validator 1') });
    expect(world.ledger.isSuspended(key)).toBe(true);
    world.to(1);
    expect(world.set).toContain(kidOf('validator 1'));
    expect(world.ledger.isSuspended(key)).toBe(false);
  });

  it('loses a validator that is removed, and its key with it', () => {
    const world = new Consortium(5);
    world.decide(remove(4));
    expect(world.to(1)).toContainEqual({ type: 'registry.keyRemoved', key: kidOf('validator 4') });
    expect(world.set).toHaveLength(4);
    expect(codeOf(world.propose('member 0', { kind: 'reinstate', validator: kidOf('validator 4') }))).toBe(
      'validators.unknownValidator',
    );
    expect(codeOf(world.propose('member 4', suspend(1)))).toBe('validators.notAMember');
  });

  it('drops what has nothing to do any more', () => {
    const world = new Consortium(7);
    const first = world.decide(remove(6));
    const second = world.decide(suspend(6));
    const events = world.to(1);
    expect(events).toContainEqual({ type: 'validators.changeApplied', change: first, epoch: 1 });
    expect(events).toContainEqual({ type: 'validators.changeDropped', change: second });
  });
});

describe('evidence', () => {
  const hash = (text: string): ReturnType<typeof native.sha256> => native.sha256(new TextEncoder().encode(text));
  const at = { epoch: 0, height: 1, round: 0 };

  function report(
    world: Consortium,
    votes: readonly [Vote, Vote],
    context: { epoch: number; height: number; round: number; ledgerId?: string } = at,
    by = 'validator 1',
    signedBy = by,
  ): Operation {
    const [first, second] = votes.map((vote) => {
      const bytes = voteSignBytes({ ledgerId: world.ledgerId, ...context }, vote);
      return { vote: toHex(bytes), signature: toBase64Url(crypto.sign(bytes, seedOf(signedBy))) };
    });
    if (first === undefined || second === undefined) throw new Error('evidence is two votes');
    return { type: 'validators.reportEquivocation', validator: kidOf(by), first, second };
  }
  const prepares: [Vote, Vote] = [
    { type: 'prepare', blockHash: hash('a') },
    { type: 'prepare', blockHash: hash('b') },
  ];

  it('of two votes for one round suspends, once, whoever brings it', () => {
    const world = new Consortium(5);
    const ran = world.run('trader', report(world, prepares));
    const [change = ''] = ran.ids;
    expect(ran.events).toEqual([
      { type: 'validators.equivocated', validator: kidOf('validator 1'), ...at, vote: 'prepare' },
      { type: 'validators.changeEnacted', change },
      { type: 'validators.suspended', validator: kidOf('validator 1'), change },
    ]);
    expect(codeOf(world.run('bank', report(world, prepares)))).toBe('validators.evidenceSettled');
    expect(codeOf(world.run('bank', report(world, [...prepares].reverse() as [Vote, Vote])))).toBe(
      'validators.evidenceSettled',
    );
    world.to(1);
    expect(world.set).not.toContain(kidOf('validator 1'));
    // After it was reinstated, the old offence is no reason any more, and a new one is.
    world.decide({ kind: 'reinstate', validator: kidOf('validator 1') });
    world.to(1);
    expect(codeOf(world.run('bank', report(world, prepares)))).toBe('validators.evidenceSettled');
    const { height } = world.ledger;
    const again = { epoch: Math.floor(height / EPOCH), height: height + 1, round: 0 };
    expect(codeOf(world.run('bank', report(world, prepares, again)))).toBe('ok');
  });

  it('is of any type of vote, also of ROUND-CHANGEs with other claims and COMMITs to other results', () => {
    const commit = (results: string): Vote => ({
      type: 'commit',
      blockHash: hash('a'),
      resultsRoot: hash(results),
      stateDigest: hash('s'),
    });
    const pairs: [Vote, Vote][] = [
      [
        { type: 'proposal', blockHash: hash('a') },
        { type: 'proposal', blockHash: hash('b') },
      ],
      [commit('x'), commit('y')],
      [
        { type: 'roundChange', prepared: undefined },
        { type: 'roundChange', prepared: { round: 0, blockHash: hash('a') } },
      ],
    ];
    for (const votes of pairs) {
      const world = new Consortium(5);
      expect(codeOf(world.run('trader', report(world, votes, { ...at, round: 1 })))).toBe('ok');
    }
  });

  it('is not what an honest validator may sign, nor what another has signed', () => {
    const world = new Consortium(5);
    const code = (operation: Operation): string => codeOf(world.run('trader', operation));
    const [one, other] = prepares;
    expect(code(report(world, [one, one]))).toBe('validators.notEvidence');
    expect(code(report(world, [one, { type: 'proposal', blockHash: hash('b') }]))).toBe('validators.notEvidence');
    // A PREPARE against an own lock is one of a later round.
    const later = report(world, [other, one], { ...at, round: 1 });
    const earlier = report(world, [one, other]);
    if (later.type !== 'validators.reportEquivocation' || earlier.type !== later.type) throw new Error('is evidence');
    expect(code({ ...earlier, second: later.second })).toBe('validators.notEvidence');
    expect(code(report(world, prepares, { epoch: 200, height: 1_001, round: 0 }))).toBe('validators.evidenceAhead');
    expect(code(report(world, prepares, { ...at, epoch: 1 }))).toBe('validators.notEvidence');
    expect(code(report(world, prepares, { ...at, ledgerId: 'gridtokenx-consortium-ffffffff' }))).toBe(
      'validators.notEvidence',
    );
    expect(code({ ...earlier, first: { ...earlier.first, vote: `${earlier.first.vote}00` } })).toBe(
      'validators.notEvidence',
    );
    expect(code(report(world, prepares, at, 'validator 1', 'validator 2'))).toBe('validators.badSignature');
    expect(code(report(world, prepares, at, 'trader'))).toBe('validators.unknownValidator');
    expect(world.ledger.state.validators.all().some(([, { suspended }]) => suspended)).toBe(false);
  });

  it('expires only when it is too old both in heights and in time', () => {
    const terms = { evidence: { heights: 7, ageMs: 60_000 } };
    const young = new Consortium(5, terms);
    while (young.ledger.height < 20) young.wait(100);
    expect(codeOf(young.run('trader', report(young, prepares)))).toBe('ok');
    const high = new Consortium(5, terms);
    high.wait(600_000);
    expect(codeOf(high.run('trader', report(high, prepares)))).toBe('ok');
    const old = new Consortium(5, terms);
    while (old.ledger.height < 6) old.wait(100);
    old.wait(61_000);
    while (old.ledger.height < 12) old.wait(100);
    expect(codeOf(old.run('trader', report(old, prepares)))).toBe('validators.evidenceExpired');
    // What is forgotten for want of use is expired, too, and the forgetting keeps the state small.
    while (old.ledger.height < 100) old.wait(61_000);
    expect(codeOf(old.run('trader', report(old, prepares)))).toBe('validators.evidenceExpired');
    const epochs = [...old.ledger.state.validators.epochs.rows.values()].filter(({ value }) => value !== undefined);
    expect(epochs.length).toBeLessThan(4);
  });

  it('against a key that was rotated suspends the key that came after it, and of one that left is only told', () => {
    const world = new Consortium(6);
    world.register('fresh', 'member 1');
    const proof = world.proof('fresh', 'member 1');
    world.decide({ kind: 'rotateKey', validator: kidOf('validator 1'), key: kidOf('fresh'), proof });
    world.to(1);
    world.decide(remove(2));
    world.to(1);
    const ran = world.run('trader', report(world, prepares));
    expect(ran.events).toContainEqual({ type: 'validators.suspended', validator: kidOf('fresh'), change: ran.ids[0] });
    const left = world.run('trader', report(world, prepares, at, 'validator 2'));
    expect(left.outcomes).toMatchObject([{ events: [{ type: 'validators.equivocated' }] }]);
    expect(codeOf(world.run('trader', report(world, prepares, at, 'validator 2')))).toBe('validators.evidenceSettled');
  });

  it('is not what somebody signs with a key that is no validator any more', () => {
    const world = new Consortium(6);
    world.decide(remove(2));
    world.to(1);
    const { height } = world.ledger;
    const last = { epoch: 0, height: height - 1, round: 0 };
    const after = { epoch: 1, height, round: 0 };
    expect(codeOf(world.run('trader', report(world, prepares, after, 'validator 2')))).toBe('validators.notEvidence');
    expect(codeOf(world.run('trader', report(world, prepares, last, 'validator 2')))).toBe('ok');
  });

  it('that comes before a rotation suspends the validator under its new key', () => {
    const world = new Consortium(6);
    world.register('fresh', 'member 1');
    const proof = world.proof('fresh', 'member 1');
    world.decide({ kind: 'rotateKey', validator: kidOf('validator 1'), key: kidOf('fresh'), proof });
    world.run('trader', report(world, prepares));
    world.to(1);
    // Six tolerate one, so the suspension waits for the next epoch, and is then about the new key.
    expect(world.set).toContain(kidOf('fresh'));
    expect(world.ledger.isSuspended(crypto.publicKeyOf(seedOf('fresh')))).toBe(true);
    world.to(1);
    expect(world.set).toHaveLength(5);
    expect(world.set).not.toContain(kidOf('fresh'));
  });

  it('against one of four bars its proposals at once, and takes it out when a fifth has come', () => {
    const world = new Consortium(4);
    world.run('trader', report(world, prepares));
    world.to(1);
    expect(world.set).toHaveLength(4);
    expect(world.ledger.isSuspended(crypto.publicKeyOf(seedOf('validator 1')))).toBe(true);
    world.register('new', 'trader');
    world.decide(world.admit('new'));
    world.to(1);
    world.to(1);
    expect(world.set).toHaveLength(4);
    expect(world.set).toContain(kidOf('new'));
    expect(world.set).not.toContain(kidOf('validator 1'));
  });
});
