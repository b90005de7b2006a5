import { certificateHashOf, validatorSet, type Certificate } from '@gridtokenx/chain';
import { equalBytes, millis } from '@gridtokenx/kernel';
import { describe, expect, it } from '@jest/globals';
import { BLOCKS_MAX, headerFault } from './blocks.js';
import { allOf, PROPOSAL_ROUNDS_KEPT, VOTE_ROUNDS_KEPT } from './inbox.js';
import { messageShapeFault, messageSignatures, ROUND_MAX } from './messages.js';
import { HEIGHTS_AHEAD_MAX } from './replica.js';
import { maySign } from './signer.js';
import { OBSERVER } from './types.js';
import { Solo, type SoloOptions } from './testing/solo.js';
import {
  genesisTip,
  hashOf,
  makeCandidate,
  signAs,
  START,
  testConfig,
  withHash,
  type Validators,
} from './testing/validators.js';
import { dueAt, roundTimeoutMs } from './timing.js';
import type { Candidate, ConsensusMessage } from './types.js';

const T0 = testConfig.baseTimeoutMs;
const others = (...validators: number[]): number[] => validators;

/** Validator 0 of 4 that was shown a block and PREPAREd it. */
function shown(options: SoloOptions = {}): { solo: Solo; block: Candidate } {
  const solo = new Solo(options);
  solo.now += 1_000;
  const block = solo.candidate();
  solo.receive(solo.proposal(block));
  return { solo, block };
}

/** ... and saw a quorum of PREPAREs, and COMMITted. */
function committed(options: SoloOptions = {}): { solo: Solo; block: Candidate } {
  const { solo, block } = shown(options);
  for (const v of others(1, 2)) solo.receive(solo.prepare(v, block.hash));
  expect(solo.takeSigned()).toEqual(['prepare 0', 'commit 0']);
  return { solo, block };
}

describe('a block of round 0', () => {
  it('is PREPAREd only once every envelope is held and admissible (C13)', () => {
    const solo = new Solo();
    solo.answersChecks = false;
    const block = solo.candidate();
    solo.receive(solo.proposal(block));
    expect(solo.takeSigned()).toEqual([]);
    solo.checked(block);
    expect(solo.takeSigned()).toEqual(['prepare 0']);

    const refusing = new Solo();
    refusing.answersChecks = false;
    refusing.receive(refusing.proposal(block));
    refusing.checked(block, false);
    refusing.receive(refusing.proposal(block));
    expect(refusing.takeSigned()).toEqual([]);
  });

  it('is executed on a quorum of PREPAREs and COMMITted with its results', () => {
    const { solo, block } = shown();
    solo.answersExecutes = false;
    solo.receive(solo.prepare(1, block.hash));
    expect(solo.take('execute')).toEqual([]);
    solo.receive(solo.prepare(2, block.hash), solo.prepare(3, block.hash));
    expect(solo.take('execute')).toEqual([{ kind: 'execute', candidate: block }]);
    solo.executed(block.hash);
    const [sign] = solo.take('sign');
    expect(sign?.message).toMatchObject({ type: 'commit', round: 0, ...solo.results(block.hash) });
    expect(sign?.record.prepared?.certificate.signatures.map(({ validator }) => validator)).toEqual([0, 1, 2]);
    expect(sign?.record.committed).toEqual(solo.results(block.hash));
  });

  it('is not PREPAREd when its header does not fit the tip', () => {
    const faults: ((block: Candidate, solo: Solo) => Candidate)[] = [
      (b) => ({ ...b, header: { ...b.header, ledgerId: 'gridtokenx-public-0badcafe' } }),
      (b, { crypto }) => ({ ...b, header: { ...b.header, parentHash: hashOf(crypto, 'x') } }),
      (b, { crypto }) => ({ ...b, header: { ...b.header, parentCertificateHash: hashOf(crypto, 'x') } }),
      (b) => ({ ...b, header: { ...b.header, epoch: 1 } }),
      (b, { crypto }) => ({ ...b, header: { ...b.header, validatorsHash: hashOf(crypto, 'x') } }),
      (b, { crypto }) => ({ ...b, header: { ...b.header, nextValidatorsHash: hashOf(crypto, 'x') } }),
      (b) => ({ ...b, header: { ...b.header, proposer: 3 } }),
      (b, { crypto }) => ({ ...b, header: { ...b.header, checkpointRoot: hashOf(crypto, 'x') } }),
      (b) => ({ ...b, header: { ...b.header, time: millis(START) } }),
      (b) => ({ ...b, header: { ...b.header, height: 2 as typeof b.header.height } }),
    ];
    for (const fault of faults) {
      const solo = new Solo();
      solo.receive(solo.proposal(withHash(solo.crypto, fault(solo.candidate(), solo))));
      expect(solo.takeSigned()).toEqual([]);
    }
  });

  it('carries any certificate of its parent with the same results, and no other (C9)', () => {
    const start = new Solo();
    const first = start.candidate();
    start.advance(first);
    const { tip } = start;
    const certificate = tip.certificate as Certificate;
    const otherSigners = [1, 2, 3].map((v) => ({
      validator: v,
      signature: new Solo().commit(v, first.hash).signature,
    }));
    const signed = (block: Candidate): string[] => {
      const solo = new Solo({ tip, now: START + 2_000 });
      solo.receive(solo.proposal(block));
      return solo.takeSigned();
    };
    const build = (change: Partial<Certificate>): Candidate => {
      const solo = new Solo({ tip, now: START + 2_000 });
      const altered = { ...certificate, ...change };
      const replaced = { ...tip, certificate: altered };
      solo.tip = { ...replaced, certificateHash: certificateHashOf(solo.crypto, altered, 4) };
      return solo.candidate();
    };
    // A certificate that the header does not commit to is refused, be it as good as another.
    const uncommitted = { ...build({}), parentCertificate: { ...certificate, signatures: otherSigners } };
    expect(signed(uncommitted)).toEqual([]);
    expect(signed(build({ signatures: otherSigners }))).toEqual(['prepare 0']);
    expect(signed(build({ resultsRoot: hashOf(start.crypto, 'other') }))).toEqual([]);
    expect(signed(build({ stateDigest: hashOf(start.crypto, 'other') }))).toEqual([]);
    expect(signed(build({ blockHash: hashOf(start.crypto, 'other') }))).toEqual([]);
  });
});

describe('a list of envelopes that someone swapped under a true header', () => {
  it('neither is PREPAREd nor keeps the true one from being', () => {
    const solo = new Solo();
    solo.answersChecks = false;
    const block = solo.candidate();
    const swapped = { ...block, envelopeHashes: [hashOf(solo.crypto, 'swapped')] };
    solo.receive(solo.proposal(swapped), solo.proposal(block));
    expect(solo.take('check').map(({ candidate }) => candidate)).toEqual([swapped, block]);
    solo.checked(swapped, false);
    expect(solo.takeSigned()).toEqual([]);
    solo.checked(block);
    expect(solo.takeSigned()).toEqual(['prepare 0']);
    expect(solo.take('evidence')).toEqual([]);
  });
});

describe('time (C4, C16)', () => {
  const timely = (time: number, round = 0, reproposed = false): boolean => {
    const solo = new Solo();
    solo.now += 3_600_000;
    const block = solo.candidate('a', solo.leaderOf(reproposed ? 0 : round), solo.now + time);
    const prepared = reproposed ? solo.certificate(block.hash) : undefined;
    const votes = [1, 2, 3].map((validator) => ({ validator, prepared }));
    solo.receive(solo.proposal(block, round, round === 0 ? undefined : solo.justification(round, votes)));
    return solo.takeSigned().includes(`prepare ${round}`);
  };

  it('bounds a fresh block from both sides, in every round', () => {
    expect([5_000, 5_001].map((time) => timely(time))).toEqual([true, false]);
    expect([-6_200, -6_201].map((time) => timely(time))).toEqual([true, false]);
    expect([-7_400, -7_401].map((time) => timely(time, 1))).toEqual([true, false]);
  });

  it('bounds a block proposed again from above only, or its height would be dead', () => {
    expect(timely(-3_599_000, 1, true)).toBe(true);
    expect(timely(5_001, 1, true)).toBe(false);
  });

  it('lets a block from the near future be PREPAREd when the own clock gets there', () => {
    const solo = new Solo();
    const block = solo.candidate('a', 1, solo.now + 5_500);
    solo.receive(solo.proposal(block));
    expect(solo.takeSigned()).toEqual([]);
    solo.tickAfter(500);
    expect(solo.takeSigned()).toEqual(['prepare 0']);
  });

  it('is when the parent says, clamped to what an own clock can mean', () => {
    const config = testConfig;
    expect(dueAt(config, 10_000, 10_100, 'waiting')).toBe(11_000);
    expect(dueAt(config, 10_000, 10_100, 'full')).toBe(10_250);
    expect(dueAt(config, 10_000, 10_100, 'idle')).toBe(15_000);
    // 30 s fast, 30 s slow.
    expect(dueAt(config, 10_000, 40_100, 'waiting')).toBe(40_100);
    expect(dueAt(config, 10_000, -19_900, 'waiting')).toBe(-18_900);
  });

  it('of a clock 30 s fast does not start timers in the past', () => {
    const solo = new Solo({ now: START + 30_000 });
    solo.tickAfter(0);
    solo.tickAfter(T0 - 1);
    expect(solo.takeSigned()).toEqual([]);
    solo.tickAfter(1);
    expect(solo.takeSigned()).toEqual(['roundChange 1']);
  });
});

describe('timers', () => {
  it('double up to the cap and no further', () => {
    expect([0, 1, 2, 3, 40, 1e9].map((round) => roundTimeoutMs(testConfig, round))).toEqual([
      1_200, 2_400, 4_800, 8_000, 8_000, 8_000,
    ]);
  });

  it('of a round above 0 start once a quorum has changed to it', () => {
    const solo = new Solo();
    solo.tickAfter(1_000 + T0);
    expect(solo.takeSigned()).toEqual(['roundChange 1']);
    solo.tickAfter(100_000);
    solo.receive(solo.roundChange(1, 1));
    solo.tickAfter(100_000);
    expect(solo.takeSigned()).toEqual([]);
    solo.receive(solo.roundChange(2, 1));
    solo.tickAfter(2_399);
    expect(solo.takeSigned()).toEqual([]);
    solo.tickAfter(1);
    expect(solo.takeSigned()).toEqual(['roundChange 2']);
  });

  it('follow demand until they run, and then nothing restarts them', () => {
    const solo = new Solo({ demand: 'idle' });
    solo.now = START + 3_000;
    solo.feed({ kind: 'demand', demand: 'waiting' });
    for (let i = 1; i <= 6; i++) {
      solo.now += 150;
      solo.feed({ kind: 'demand', demand: i % 2 === 0 ? 'waiting' : 'idle' });
    }
    expect(solo.takeSigned()).toEqual([]);
    solo.now = START + 3_000 + T0;
    solo.feed({ kind: 'tick' });
    expect(solo.takeSigned()).toEqual(['roundChange 1']);
  });

  it('wait for the beat when there is nothing to order', () => {
    const solo = new Solo({ demand: 'idle', me: 1 });
    solo.tickAfter(4_999);
    expect(solo.take('build')).toEqual([]);
    solo.tickAfter(1);
    expect(solo.take('build')).toEqual([{ kind: 'build', height: 1, round: 0, time: START + 5_000 }]);
  });

  it('start early when a proposal shows that there is something to order', () => {
    const solo = new Solo({ demand: 'idle' });
    solo.tickAfter(1_000);
    solo.receive(solo.proposal(solo.candidate()));
    solo.tickAfter(T0);
    expect(solo.takeSigned()).toEqual(['prepare 0', 'roundChange 1']);
  });

  it('are harmless when they come early or again', () => {
    const solo = new Solo();
    for (let i = 0; i < 5; i++) solo.tickAfter(10);
    expect(solo.takeSigned()).toEqual([]);
    expect(solo.replica.open.round).toBe(0);
  });
});

describe('a leader', () => {
  it('builds when the block is due, with a time after its parent, and proposes and PREPAREs what it built', () => {
    const solo = new Solo({ me: 1, tip: genesisTip(new Solo().validators, START + 6_500) });
    solo.tickAfter(1_000);
    const [build] = solo.take('build');
    expect(build).toEqual({ kind: 'build', height: 1, round: 0, time: START + 6_501 });
    solo.feed({ kind: 'built', height: 1, round: 0, candidate: solo.candidate('a', 1, START + 6_501) });
    expect(solo.takeSigned()).toEqual(['proposal 0']);
    // Its own clock is behind the tip: it abstains from its own block until the clock is near.
    solo.tickAfter(501);
    expect(solo.takeSigned()).toContain('prepare 0');
  });

  it('drops what was built for a round that is over', () => {
    const solo = new Solo({ me: 1 });
    solo.tickAfter(1_000);
    const block = solo.candidate('a', 1);
    solo.tickAfter(T0);
    solo.take();
    solo.feed({ kind: 'built', height: 1, round: 0, candidate: block });
    solo.feed({ kind: 'built', height: 2, round: 1, candidate: block });
    expect(solo.takeSigned()).toEqual([]);
  });

  it('that died after its PROPOSAL proposes nothing else in that round (C2)', () => {
    const solo = new Solo({ me: 1 });
    solo.tickAfter(1_000);
    solo.answersChecks = false;
    const block = solo.candidate('a', 1);
    solo.feed({ kind: 'built', height: 1, round: 0, candidate: block });
    expect(solo.take('sign').map(({ message }) => message.type)).toEqual(['proposal', 'prepare']);
    solo.restart();
    solo.tickAfter(1_000);
    expect(solo.take('build')).toEqual([]);
    solo.feed({ kind: 'built', height: 1, round: 0, candidate: solo.candidate('b', 1) });
    expect(solo.takeSigned()).toEqual([]);
  });

  it('of a later round proposes a fresh block when nobody in its quorum has prepared one', () => {
    const solo = new Solo({ me: 2 });
    solo.receive(solo.roundChange(0, 1), solo.roundChange(1, 1));
    expect(solo.take('build')).toMatchObject([{ round: 1 }]);
    const block = solo.candidate('b', 2);
    solo.feed({ kind: 'built', height: 1, round: 1, candidate: block });
    const [proposal] = solo.take('sign');
    expect(proposal?.message).toMatchObject({ type: 'proposal', round: 1, candidate: block });
    const message = signAs(solo.validators, proposal?.message ?? solo.prepare(0, block.hash));
    expect(messageShapeFault(message, solo.tip, testConfig)).toBeUndefined();
  });

  it('of a later round proposes the block of the highest claim, same bytes', () => {
    const solo = new Solo({ me: 3 });
    const [low, high] = [solo.candidate('low'), solo.candidate('high', 2)];
    solo.receive(
      solo.roundChange(0, 2, solo.certificate(low.hash, 0)),
      solo.roundChange(1, 2, solo.certificate(high.hash, 1)),
    );
    for (const candidate of [low, high]) solo.feed({ kind: 'candidate', candidate });
    const [proposal] = solo.take('sign').filter(({ message }) => message.type === 'proposal');
    expect(proposal?.message).toMatchObject({ round: 2, candidate: high });
  });

  it('does not count a claim whose block it does not hold, and asks for the block by hash (C6)', () => {
    const solo = new Solo({ me: 2 });
    const lost = solo.candidate('lost');
    solo.receive(solo.roundChange(1, 1, solo.certificate(lost.hash)), solo.roundChange(0, 1));
    expect(solo.take('fetchBlock')).toEqual([{ kind: 'fetchBlock', blockHash: lost.hash }]);
    solo.tickAfter(T0 / 2);
    expect(solo.take('fetchBlock', 'build')).toEqual([{ kind: 'fetchBlock', blockHash: lost.hash }]);
    // A swapped list of envelopes is no block.
    solo.answersChecks = false;
    const swapped = { ...lost, envelopeHashes: [] };
    solo.feed({ kind: 'candidate', candidate: swapped });
    solo.checked(swapped, false);
    expect(solo.takeSigned()).toEqual([]);
    // Without it, a quorum of the others is enough.
    solo.receive(solo.roundChange(3, 1));
    expect(solo.take('build')).toHaveLength(1);
    // It turns up while we build: now it counts, and it is what has to be proposed.
    solo.answersChecks = true;
    solo.feed({ kind: 'candidate', candidate: lost });
    expect(solo.take('sign').map(({ message }) => message)).toMatchObject([
      { type: 'proposal', candidate: lost },
      { type: 'prepare', blockHash: lost.hash },
    ]);
    solo.feed({ kind: 'built', height: 1, round: 1, candidate: solo.candidate('fresh', 2) });
    expect(solo.takeSigned()).toEqual([]);
  });

  it('takes no candidate that it did not ask for', () => {
    const solo = new Solo();
    solo.feed({ kind: 'candidate', candidate: solo.candidate() });
    expect(solo.take('check')).toEqual([]);
    expect(solo.replica.open.blocks.size).toBe(0);
  });
});

describe('ROUND-CHANGE', () => {
  it('ends all lower rounds for its sender: no PREPARE and no COMMIT of them any more (C2)', () => {
    const solo = new Solo();
    const block = solo.candidate();
    solo.tickAfter(1_000 + T0);
    expect(solo.takeSigned()).toEqual(['roundChange 1']);
    solo.receive(solo.proposal(block), ...others(1, 2, 3).map((v) => solo.prepare(v, block.hash)));
    expect(solo.takeSigned()).toEqual([]);
    solo.restart();
    solo.take();
    solo.receive(solo.proposal(block), ...others(1, 2, 3).map((v) => solo.prepare(v, block.hash)));
    expect(solo.takeSigned()).toEqual([]);
    expect(solo.replica.open.round).toBe(1);
  });

  it('after PREPARE, before the quorum: the late quorum makes no COMMIT (C2)', () => {
    const { solo, block } = shown();
    solo.tickAfter(T0);
    solo.receive(...others(1, 2, 3).map((v) => solo.prepare(v, block.hash)));
    expect(solo.takeSigned()).toEqual(['prepare 0', 'roundChange 1']);
    // But the certificate is kept and carried into the next round.
    solo.receive(solo.roundChange(1, 2), solo.roundChange(2, 2));
    expect(solo.take('sign').at(-1)?.message).toMatchObject({
      type: 'roundChange',
      round: 2,
      prepared: { round: 0, blockHash: block.hash },
    });
  });

  it('signs its claim: a leader that strips it or swaps it makes a bad signature (C1)', () => {
    const solo = new Solo();
    const block = solo.candidate();
    const other = solo.candidate('b', 2);
    const votes = [0, 1, 3].map((validator) => ({
      validator,
      prepared: validator === 0 ? solo.certificate(block.hash, 1) : undefined,
    }));
    const honest = solo.justification(2, votes);
    const isGenuine = (message: ConsensusMessage): boolean =>
      messageShapeFault(message, solo.tip, testConfig) === undefined &&
      messageSignatures(message, solo.tip, testConfig.ledgerId).every(({ signature, signBytes, publicKey }) =>
        solo.crypto.verify(signature, signBytes, publicKey),
      );
    expect(isGenuine(solo.proposal(block, 2, honest))).toBe(true);
    const altered = (claim: { round: number; blockHash: Candidate['hash'] } | undefined): ConsensusMessage => {
      const roundChanges = honest.roundChanges.map((vote) =>
        vote.validator === 0 ? { ...vote, prepared: claim } : vote,
      );
      const fresh = solo.candidate('fresh', 3);
      if (claim === undefined) return solo.proposal(fresh, 2, { roundChanges, prepared: undefined });
      const candidate = equalBytes(claim.blockHash, block.hash) ? block : other;
      return solo.proposal(candidate, 2, { roundChanges, prepared: solo.certificate(claim.blockHash, claim.round) });
    };
    expect(isGenuine(altered(undefined))).toBe(false);
    expect(isGenuine(altered({ round: 0, blockHash: block.hash }))).toBe(false);
    expect(isGenuine(altered({ round: 1, blockHash: other.hash }))).toBe(false);
    expect(isGenuine(altered({ round: 1, blockHash: block.hash }))).toBe(true);
  });

  it('by f + 1 validators pulls to the smallest of their rounds, by f does not', () => {
    const solo = new Solo({ n: 7 });
    solo.receive(solo.roundChange(1, 9), solo.roundChange(2, ROUND_MAX), solo.roundChange(2, ROUND_MAX - 1));
    expect(solo.takeSigned()).toEqual([]);
    solo.receive(solo.roundChange(3, 4));
    expect(solo.takeSigned()).toEqual(['roundChange 4']);
    solo.receive(solo.roundChange(4, 6));
    expect(solo.takeSigned()).toEqual(['roundChange 6']);
  });
});

describe('what a justification asks for', () => {
  it('is PREPAREd also against a block prepared before, whose certificate is kept and carried on (C3)', () => {
    const { solo, block } = committed();
    const fresh = solo.candidate('fresh', 2);
    const votes = others(1, 2, 3).map((validator) => ({ validator }));
    solo.receive(solo.proposal(fresh, 1, solo.justification(1, votes)));
    expect(solo.takeSigned()).toEqual(['prepare 1']);
    solo.tickAfter(roundTimeoutMs(testConfig, 1));
    const claims = solo.take('sign').map(({ message }) => message);
    expect(claims).toMatchObject([{ type: 'roundChange', round: 2, prepared: { round: 0, blockHash: block.hash } }]);
    expect(solo.take('evidence')).toEqual([]);
  });

  it('replaces the own certificate only by one of a higher round', () => {
    const { solo, block } = committed();
    const fresh = solo.candidate('fresh', 2);
    solo.receive(
      solo.proposal(
        fresh,
        1,
        solo.justification(
          1,
          others(1, 2, 3).map((validator) => ({ validator })),
        ),
      ),
    );
    for (const v of others(1, 2)) solo.receive(solo.prepare(v, fresh.hash, 1));
    expect(solo.takeSigned()).toEqual(['prepare 1', 'commit 1']);
    // A late PREPARE for what was prepared in round 0.
    solo.receive(solo.prepare(3, block.hash));
    solo.tickAfter(roundTimeoutMs(testConfig, 1));
    expect(solo.take('sign')[0]?.record.prepared?.certificate).toMatchObject({ round: 1, blockHash: fresh.hash });
  });

  it('moves a replica that missed the ROUND-CHANGEs to its round', () => {
    const solo = new Solo();
    const fresh = solo.candidate('fresh', 3);
    solo.receive(
      solo.proposal(
        fresh,
        2,
        solo.justification(
          2,
          others(1, 2, 3).map((validator) => ({ validator })),
        ),
      ),
    );
    expect(solo.takeSigned()).toEqual(['prepare 2']);
    expect(solo.replica.open.round).toBe(2);
  });

  it('must be whole: anything missing, doubled or swapped is a fault', () => {
    const solo = new Solo();
    const block = solo.candidate();
    const prepared = solo.certificate(block.hash);
    const votes = (...validators: number[]): { validator: number }[] => validators.map((validator) => ({ validator }));
    const fresh = solo.candidate('fresh', 2);
    const claimed = solo.justification(1, [{ validator: 0, prepared }, { validator: 1 }, { validator: 2 }]);
    const faultOf = (message: ConsensusMessage): string | undefined => messageShapeFault(message, solo.tip, testConfig);

    expect(faultOf(solo.proposal(block, 1, claimed))).toBeUndefined();
    // The certificate of a claim that is true, but not the highest.
    const later = solo.certificate(fresh.hash, 1);
    const both = solo.justification(2, [
      { validator: 0, prepared },
      { validator: 1, prepared: later },
      { validator: 2 },
    ]);
    expect(faultOf(solo.proposal(fresh, 2, both))).toBeUndefined();
    expect(faultOf(solo.proposal(block, 2, { ...both, prepared }))).toBe('proposal.claim');
    // A claim that nobody has a certificate for, dressed with an older certificate of the same block: it would hide a higher one.
    const dressed = solo.justification(2, [
      { validator: 0, prepared: solo.certificate(block.hash, 1) },
      { validator: 1 },
      { validator: 2 },
    ]);
    expect(faultOf(solo.proposal(block, 2, dressed))).toBeUndefined();
    expect(faultOf(solo.proposal(block, 2, { ...dressed, prepared }))).toBe('proposal.claim');
    expect(faultOf(solo.proposal(fresh, 1))).toBe('proposal.justificationMissing');
    expect(faultOf(solo.proposal(block, 0, claimed))).toBe('proposal.justificationInRoundZero');
    expect(faultOf(solo.proposal(fresh, 1, solo.justification(1, votes(0, 1))))).toBe('proposal.roundChanges');
    expect(faultOf(solo.proposal(fresh, 1, solo.justification(1, votes(0, 1, 1))))).toBe('proposal.roundChanges');
    expect(faultOf(solo.proposal(fresh, 1, solo.justification(1, votes(1, 0, 2))))).toBe('proposal.roundChanges');
    expect(faultOf(solo.proposal(fresh, 1, { ...claimed, prepared: undefined }))).toBe('proposal.claim');
    expect(faultOf(solo.proposal(fresh, 1, claimed))).toBe('proposal.notWhatIsPrepared');
    expect(faultOf(solo.proposal(fresh, 1, { ...claimed, prepared: solo.certificate(fresh.hash) }))).toBe(
      'proposal.claim',
    );
    expect(faultOf(solo.proposal(block, 1, { ...claimed, prepared: solo.certificate(block.hash, 0, [0, 1]) }))).toBe(
      'prepared.malformed',
    );
    expect(faultOf(solo.proposal(block, 1, { ...solo.justification(1, votes(0, 1, 2)), prepared }))).toBe(
      'proposal.claim',
    );
    expect(faultOf(solo.proposal(solo.candidate('x', 3), 1, solo.justification(1, votes(0, 1, 2))))).toBe(
      'proposal.wrongProposer',
    );
    expect(faultOf({ ...solo.proposal(block), validator: 2 })).toBe('proposal.wrongProposer');
    expect(
      messageShapeFault(solo.proposal(block), solo.tip, {
        ...testConfig,
        ledgerId: 'gridtokenx-public-0badcafe',
      }),
    ).toBe('proposal.wrongLedger');
    expect(faultOf({ ...solo.prepare(0, block.hash), epoch: 1 })).toBe('message.wrongEpoch');
    expect(faultOf({ ...solo.prepare(0, block.hash), validator: 4 })).toBe('message.unknownValidator');
    expect(faultOf({ ...solo.prepare(0, block.hash), height: 0 })).toBe('message.heightOutOfRange');
    expect(faultOf({ ...solo.prepare(0, block.hash), round: ROUND_MAX + 1 })).toBe('message.roundOutOfRange');
    expect(faultOf({ ...solo.roundChange(0, 1), round: 0 })).toBe('message.roundOutOfRange');
    expect(faultOf(solo.roundChange(0, 1, solo.certificate(block.hash, 1)))).toBe('roundChange.claimNotBelow');
    expect(faultOf(solo.roundChange(0, 1, solo.certificate(block.hash, 0, [0, 1])))).toBe('prepared.malformed');
  });
});

describe('a decision', () => {
  it.each([0, 3])(
    'is a quorum of equal COMMITs of any round, here %i, with or without the block, and comes once',
    (round) => {
      const { solo } = shown();
      solo.receive(solo.roundChange(1, 2), solo.roundChange(2, 2));
      const unknown = solo.candidate('unknown');
      solo.take();
      for (const v of others(1, 2, 3)) solo.receive(solo.commit(v, unknown.hash, round));
      const [decided, ...more] = solo.take('decided');
      expect(more).toEqual([]);
      expect(decided?.candidate).toBeUndefined();
      expect(decided?.leader).toBe((1 + round) % 4);
      expect(decided?.certificate).toMatchObject({ height: 1, round, blockHash: unknown.hash });
      expect(decided?.certificate.signatures.map(({ validator }) => validator)).toEqual([1, 2, 3]);
      solo.tickAfter(60_000);
      expect(solo.takeSigned()).toEqual([]);
    },
  );

  it('is not made of COMMITs of different rounds or results', () => {
    const { solo, block } = shown();
    const { hash } = block;
    solo.receive(
      solo.commit(1, hash, 0),
      solo.commit(2, hash, 0, solo.results(hash, 'other')),
      solo.commit(3, hash, 0),
      solo.commit(3, hash, 1),
      solo.commit(1, hash, 1),
    );
    expect(solo.take('decided')).toEqual([]);
    solo.receive(solo.commit(2, hash, 1));
    expect(solo.take('decided')).toMatchObject([{ candidate: block, certificate: { round: 1 } }]);
  });

  it('of 21 takes 14 of them, in PREPARE, COMMIT and ROUND-CHANGE; 13 are too few', () => {
    const { solo, block } = shown({ n: 21 });
    for (let v = 1; v <= 12; v++) solo.receive(solo.prepare(v, block.hash));
    expect(solo.take('execute')).toEqual([]);
    solo.receive(solo.prepare(13, block.hash));
    expect(solo.take('execute')).toHaveLength(1);
    for (let v = 1; v <= 12; v++) solo.receive(solo.commit(v, block.hash));
    expect(solo.take('decided')).toEqual([]);
    solo.receive(solo.commit(13, block.hash));
    expect(solo.take('decided')).toHaveLength(1);

    const fresh = solo.candidate('fresh', 2);
    const fault = (votes: number): string | undefined =>
      messageShapeFault(
        solo.proposal(
          fresh,
          1,
          solo.justification(
            1,
            Array.from({ length: votes }, (_, validator) => ({ validator })),
          ),
        ),
        solo.tip,
        testConfig,
      );
    expect([13, 14].map(fault)).toEqual(['proposal.roundChanges', undefined]);

    const leader = new Solo({ n: 21, me: 2 });
    for (const v of [0, 1, ...Array.from({ length: 10 }, (_, i) => i + 3)]) leader.receive(leader.roundChange(v, 1));
    expect(leader.take('build')).toEqual([]);
    leader.receive(leader.roundChange(13, 1));
    expect(leader.take('build')).toHaveLength(1);
  });
});

describe('a signer', () => {
  it('signs above its record anything, at it the same bytes, below it nothing', () => {
    const record = {
      height: 5,
      round: 2,
      step: 1,
      signBytes: new Uint8Array([1]),
      prepared: undefined,
      committed: undefined,
    };
    const same = new Uint8Array([1]);
    const other = new Uint8Array([2]);
    expect(maySign(undefined, 1, 0, 0, other)).toBe(true);
    expect([maySign(record, 5, 2, 1, same), maySign(record, 5, 2, 1, other)]).toEqual([true, false]);
    expect([maySign(record, 5, 2, 2, other), maySign(record, 5, 3, 0, other), maySign(record, 6, 0, 0, other)]).toEqual(
      [true, true, true],
    );
    expect([maySign(record, 5, 2, 0, same), maySign(record, 5, 1, 3, same), maySign(record, 4, 9, 3, same)]).toEqual([
      false,
      false,
      false,
    ]);
  });

  it('has its round, certificate and results back after a restart, and signs the last message again, same bytes', () => {
    const { solo, block } = committed();
    const before = solo.record;
    solo.restart();
    const [sign] = solo.take('sign');
    expect(sign?.message).toMatchObject({ type: 'commit', blockHash: block.hash });
    expect(solo.record).toEqual(before);
    expect(solo.replica.open.prepared?.certificate.blockHash).toEqual(block.hash);
    solo.tickAfter(T0 + 1_000);
    expect(solo.take('sign').at(-1)?.message).toMatchObject({
      type: 'roundChange',
      round: 1,
      prepared: { blockHash: block.hash },
    });
  });

  it('has them back also when the height of the record opens later', () => {
    const first = new Solo();
    const one = first.candidate();
    first.advance(one);
    first.now += 1_000;
    const two = first.candidate('two');
    first.receive(first.proposal(two), first.prepare(1, two.hash), first.prepare(3, two.hash));
    expect(first.takeSigned()).toEqual(['prepare 0', 'commit 0']);
    const { tip } = first;
    first.tip = genesisTip(first.validators);
    first.restart();
    first.tickAfter(60_000);
    expect(first.takeSigned()).toEqual([]);
    first.tip = tip;
    first.feed({ kind: 'advanced', tip });
    expect(first.takeSigned()).toEqual(['commit 0']);
    expect(first.replica.open.prepared?.certificate.blockHash).toEqual(two.hash);
  });

  it('signs no other block of a round after a restart, and the same one again', () => {
    const { solo } = shown();
    solo.take();
    solo.restart();
    expect(solo.takeSigned()).toEqual(['prepare 0']);
    solo.receive(solo.proposal(solo.candidate('b')));
    expect(solo.takeSigned()).toEqual([]);
    const { solo: fellow, block } = shown();
    fellow.restart();
    fellow.take();
    fellow.receive(fellow.proposal(block));
    for (const v of others(1, 2)) fellow.receive(fellow.prepare(v, block.hash));
    expect(fellow.takeSigned()).toEqual(['commit 0']);
  });

  it('that computed other results for a block it COMMITted halts, also after a restart (C8)', () => {
    const { solo, block } = committed();
    solo.executionVersion = 'upgraded';
    solo.restart();
    const votes = others(1, 2, 3).map((validator) => ({ validator, prepared: solo.certificate(block.hash) }));
    solo.receive(solo.proposal(block, 1, solo.justification(1, votes)));
    expect(solo.takeSigned()).toEqual(['commit 0', 'prepare 1']);
    for (const v of others(1, 2)) solo.receive(solo.prepare(v, block.hash, 1));
    expect(solo.take('halt', 'sign').map(({ kind }) => kind)).toEqual(['halt']);
    solo.tickAfter(60_000);
    expect(solo.take('sign', 'wake', 'resend')).toEqual([]);
  });

  it('that lost its record signs nothing until told, and then only above the height it is told', () => {
    const solo = new Solo();
    solo.feed({ kind: 'signAbove', height: undefined });
    solo.tickAfter(60_000);
    const block = solo.candidate();
    solo.receive(solo.proposal(block), ...others(1, 2, 3).map((v) => solo.prepare(v, block.hash)));
    solo.receive(solo.roundChange(1, 1), solo.roundChange(2, 1));
    expect(solo.takeSigned()).toEqual([]);
    expect(solo.replica.open.round).toBe(1);
    solo.feed({ kind: 'signAbove', height: 1 });
    solo.tickAfter(60_000);
    expect(solo.takeSigned()).toEqual([]);
    solo.advance(block);
    solo.tickAfter(60_000);
    expect(solo.takeSigned()).toEqual(['roundChange 1']);
  });
});

describe('messages', () => {
  it('of the own, the latest of each type, go out again each half base time-out, same bytes (C7)', () => {
    const { solo, block } = committed();
    solo.tickAfter(T0 / 2 - 1);
    expect(solo.take('resend')).toEqual([]);
    solo.tickAfter(1);
    const expected = [solo.prepare(0, block.hash), solo.commit(0, block.hash)];
    expect(solo.take('resend').map(({ message }) => message)).toEqual(expected);
    solo.tickAfter(T0 / 2);
    expect(solo.take('resend').map(({ message }) => message.type)).toEqual(
      ['roundChange', 'prepare', 'commit'].slice(1),
    );
  });

  it('that come again change nothing', () => {
    const { solo, block } = shown();
    for (let i = 0; i < 5; i++)
      solo.receive(solo.proposal(block), solo.prepare(1, block.hash), solo.commit(1, block.hash));
    expect(solo.takeSigned()).toEqual(['prepare 0']);
    expect(solo.take('decided')).toEqual([]);
  });

  it('that contradict each other are evidence, once for each offence', () => {
    const solo = new Solo();
    const [a, b] = [solo.candidate('a'), solo.candidate('b')];
    const pairs: [ConsensusMessage, ConsensusMessage][] = [
      [solo.proposal(a), solo.proposal(b)],
      [solo.prepare(1, a.hash), solo.prepare(1, b.hash)],
      [solo.commit(1, a.hash), solo.commit(1, a.hash, 0, solo.results(a.hash, 'other'))],
      [solo.roundChange(1, 1), solo.roundChange(1, 1, solo.certificate(a.hash))],
    ];
    for (const [first, second] of pairs) {
      solo.receive(first, first, second, second, first);
      expect(solo.take('evidence')).toEqual([{ kind: 'evidence', first, second }]);
    }
    // Different rounds are different votes, and PREPARE against a block prepared before is none.
    solo.receive(solo.prepare(2, a.hash), solo.prepare(2, b.hash, 1));
    expect(solo.take('evidence')).toEqual([]);
  });

  it('of heights a little ahead are kept and count when the height opens', () => {
    const solo = new Solo();
    const block = solo.candidate();
    const far = new Solo();
    far.advance(block);
    const next = far.candidate('next', 2, START + 500);
    solo.now += 500;
    solo.receive(far.proposal(next), ...others(1, 2).map((v) => far.prepare(v, next.hash)));
    expect(solo.take('check', 'sign')).toEqual([]);
    solo.advance(block);
    expect(solo.takeSigned()).toEqual(['prepare 0', 'commit 0']);
    expect(solo.replica.ahead.size).toBe(0);
  });

  it('of an old height are answered once by telling who is behind; a first late vote for the last height is not', () => {
    const solo = new Solo();
    const block = solo.candidate();
    solo.receive(solo.prepare(1, block.hash));
    const late = [
      solo.prepare(1, block.hash),
      solo.prepare(2, block.hash),
      solo.commit(2, block.hash),
      solo.roundChange(3, 1),
    ];
    solo.advance(block);
    solo.take();
    const behind = (message: ConsensusMessage): unknown[] => {
      solo.receive(message);
      return solo.take('behind');
    };
    const [again, first, firstCommit, change] = late as [
      ConsensusMessage,
      ConsensusMessage,
      ConsensusMessage,
      ConsensusMessage,
    ];
    expect(behind(again)).toEqual([{ kind: 'behind', validator: 1, height: 1 }]);
    expect(behind(again)).toEqual([]);
    expect([...behind(first), ...behind(firstCommit)]).toEqual([]);
    expect(behind(first)).toEqual([{ kind: 'behind', validator: 2, height: 1 }]);
    expect(behind(change)).toEqual([{ kind: 'behind', validator: 3, height: 1 }]);
    // The answer may have been lost.
    solo.now += testConfig.timeoutCapMs;
    expect(behind(again)).toEqual([{ kind: 'behind', validator: 1, height: 1 }]);
    solo.advance(solo.candidate('next'));
    expect(behind(change)).toEqual([{ kind: 'behind', validator: 3, height: 1 }]);
  });

  it('in a flood take no more room than a few rounds of each validator', () => {
    const solo = new Solo();
    const hash = hashOf(solo.crypto, 'x');
    for (let i = 1; i <= 500; i++) {
      const base = { epoch: 0, height: 1 + (i % 50), round: i * 7, validator: 3 };
      const vote = { blockHash: hashOf(solo.crypto, `${i}`), resultsRoot: hash, stateDigest: hash };
      solo.receive(signAs(solo.validators, { ...base, type: 'prepare', blockHash: vote.blockHash }));
      solo.receive(signAs(solo.validators, { ...base, type: 'commit', ...vote }));
      solo.receive(signAs(solo.validators, { ...base, type: 'roundChange', prepared: undefined }));
      const candidate = makeCandidate(solo.validators, solo.tip, 3, START + i, `${i}`);
      solo.receive(
        solo.proposal(
          candidate,
          2 + 4 * i,
          solo.justification(
            2 + 4 * i,
            [0, 1, 2].map((validator) => ({ validator })),
          ),
        ),
      );
    }
    const { open, ahead } = solo.replica;
    const boundFor1 = 3 * VOTE_ROUNDS_KEPT + PROPOSAL_ROUNDS_KEPT;
    expect(allOf(open.inbox).filter(({ validator }) => validator !== 0).length).toBeLessThanOrEqual(boundFor1);
    expect(open.inbox.rounds.size).toBeLessThanOrEqual(4 * boundFor1);
    expect(open.blocks.size).toBeLessThanOrEqual(BLOCKS_MAX);
    expect([...ahead.keys()].every((height) => height <= 1 + HEIGHTS_AHEAD_MAX)).toBe(true);
    for (const inbox of ahead.values()) expect(allOf(inbox).length).toBeLessThanOrEqual(boundFor1);
  });
});

describe('an epoch', () => {
  const epochs = { epochBlocks: 3 };
  const without = ({ crypto, seeds }: Validators, me: number): Validators => {
    const left = seeds.filter((_, i) => i !== me);
    return { crypto, seeds: left, set: validatorSet(crypto, 0, left.map(crypto.publicKeyOf)) };
  };
  /** Stands at the last height of epoch 0. */
  const atLastOfEpoch = (n: number): Solo => {
    const solo = new Solo({ n, me: 0, config: epochs });
    solo.advance(solo.candidate('one'));
    solo.advance(solo.candidate('two'));
    return solo;
  };

  it('ends with a block that may name other validators; before, none may', () => {
    const solo = new Solo({ config: epochs });
    const other = hashOf(solo.crypto, 'other validators');
    const naming = (content: string): Candidate => {
      const block = solo.candidate(content);
      return withHash(solo.crypto, { ...block, header: { ...block.header, nextValidatorsHash: other } });
    };
    solo.receive(solo.proposal(naming('a')));
    expect(solo.takeSigned()).toEqual([]);
    const last = atLastOfEpoch(4);
    const block = last.candidate('three', last.leaderOf(0));
    solo.take();
    last.take();
    last.receive(
      last.proposal(withHash(last.crypto, { ...block, header: { ...block.header, nextValidatorsHash: other } })),
    );
    // Whether it is the right one the state says, by way of `check`.
    expect(last.takeSigned()).toEqual(['prepare 0']);
  });

  it('makes an observer of a validator that is not in its set: it follows, decides and signs nothing', () => {
    const solo = atLastOfEpoch(5);
    const all = solo.validators;
    solo.advance(solo.candidate('three'), without(all, 0));
    solo.take();
    expect(solo.replica.identity).toMatchObject({ validator: OBSERVER });
    const block = solo.candidate('four');
    solo.receive(solo.proposal(block), ...[0, 1, 2].map((validator) => solo.prepare(validator, block.hash)));
    solo.tickAfter(60_000);
    expect(solo.takeSigned()).toEqual([]);
    solo.receive(...[0, 1, 2].map((validator) => solo.commit(validator, block.hash)));
    expect(solo.take('decided')).toHaveLength(1);

    // Back in the next epoch, it signs again.
    solo.advance(block);
    solo.advance(solo.candidate('five'));
    solo.advance(solo.candidate('six'), all);
    solo.take();
    expect(solo.replica.identity).toMatchObject({ validator: 0 });
    solo.receive(solo.proposal(solo.candidate('seven')));
    expect(solo.takeSigned()).toEqual(['prepare 0']);
  });

  it('begins with a block whose parent was certified by the validators before', () => {
    const solo = atLastOfEpoch(5);
    solo.advance(solo.candidate('three'), without(solo.validators, 4));
    solo.take();
    const block = solo.candidate('four');
    const proposal = solo.proposal(block);
    expect(messageShapeFault(proposal, solo.tip, solo.config)).toBeUndefined();
    expect(
      messageSignatures(proposal, solo.tip, solo.config.ledgerId).every(({ publicKey, signBytes, signature }) =>
        solo.crypto.verify(signature, signBytes, publicKey),
      ),
    ).toBe(true);
    solo.receive(proposal);
    expect(solo.takeSigned()).toEqual(['prepare 0']);
    const { parentCertificate } = block;
    if (parentCertificate === undefined) throw new Error('height 4 has a parent');
    const ofNow = { ...parentCertificate, epoch: 1 };
    expect(headerFault(solo, { ...block, parentCertificate: ofNow })).toBe('header.parentCertificate');
  });

  it('counts no message of an epoch that is not the one of its height', () => {
    const solo = atLastOfEpoch(4);
    const ahead = { epoch: 0, height: 4, round: 0, validator: 1 } as const;
    const blockHash = hashOf(solo.crypto, 'block');
    const wrong = signAs(solo.validators, { ...ahead, type: 'prepare', blockHash });
    const early = signAs(solo.validators, { ...ahead, epoch: 1, type: 'prepare', blockHash });
    for (const message of [wrong, early])
      expect(messageShapeFault(message, solo.tip, solo.config)).toBe('message.wrongEpoch');
    solo.advance(solo.candidate('three'));
    expect(messageShapeFault(wrong, solo.tip, solo.config)).toBe('message.wrongEpoch');
    expect(messageShapeFault(early, solo.tip, solo.config)).toBeUndefined();
  });
});
