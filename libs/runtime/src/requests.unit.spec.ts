import { native } from '@gridtokenx/crypto-native';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { CandidateLists } from './candidate-lists.js';
import type { Frame } from './consensus-frames.js';
import { EnvelopePool } from './envelope-pool.js';
import { StillClock, TestChain } from './fixture.spec.js';
import { Answers, Requests } from './requests.js';
import { Timers } from './timers.js';

const chain = new TestChain();
const envelopes = chain.trade();
const candidate = chain.candidate(envelopes);
const hashes = candidate.envelopeHashes;
const { certificate } = new TestChain().grow().block;
const decision = { certificate: { ...certificate, blockHash: candidate.hash }, leader: 0 };

describe('what is missing', () => {
  let clock: StillClock;
  let pool: EnvelopePool;
  let candidates: CandidateLists;
  let sent: Frame[];
  let requests: Requests<string>;
  beforeEach(() => {
    clock = new StillClock();
    pool = new EnvelopePool();
    candidates = new CandidateLists(native);
    sent = [];
    const timers = new Timers(clock, () => {});
    requests = new Requests({ clock, timers, pool, candidates, send: (frame) => sent.push(frame) });
  });

  const arrive = (from: number, to?: number): void => {
    for (const envelope of envelopes.slice(from, to)) pool.add(envelope, 0);
  };

  it('is asked for after a pause in which it may come by itself, and again until it is there', () => {
    requests.awaitCheck(candidate, 'a');
    clock.move(299);
    expect(sent).toEqual([]);
    clock.move(1);
    expect(sent).toEqual([{ kind: 'wantEnvelopes', hashes }]);
    arrive(0, 1);
    clock.move(1_000);
    expect(sent.slice(1)).toEqual([{ kind: 'wantEnvelopes', hashes: hashes.slice(1) }]);
    arrive(1);
    clock.move(60_000);
    expect(sent).toHaveLength(2);
  });

  it('is not asked for when it came within the pause', () => {
    requests.awaitExecution(candidate, 'a');
    arrive(0);
    clock.move(60_000);
    expect(sent).toEqual([]);
  });

  it('is asked for once, however many wait; all of them go on when it is there, and once', () => {
    for (const waiter of ['a', 'b', 'a']) requests.awaitCheck(candidate, waiter);
    requests.awaitExecution(candidate, 'c');
    clock.move(300);
    expect(sent).toHaveLength(1);
    expect([...requests.takeReadyChecks()]).toEqual([]);
    arrive(0);
    expect([...requests.takeReadyChecks()].map(({ waiters }) => [...waiters])).toEqual([['a', 'b']]);
    expect([...requests.takeReadyExecutions()].map(({ waiters }) => [...waiters])).toEqual([['c']]);
    expect([...requests.takeReadyChecks(), ...requests.takeReadyExecutions()]).toEqual([]);
  });

  it('may be a candidate: who waits is told of each that comes, until one proved itself', () => {
    requests.awaitCandidate(candidate.hash, 'a');
    clock.move(0);
    expect(sent).toEqual([{ kind: 'wantCandidate', hash: candidate.hash }]);
    const falseOne = { ...candidate, envelopeHashes: hashes.slice(1) };
    expect([...requests.offer(falseOne)]).toEqual(['a']);
    expect([...requests.offer(candidate)]).toEqual(['a']);
    requests.found(candidate.hash);
    expect([...requests.offer(candidate)]).toEqual([]);
    clock.move(60_000);
    expect(sent).toHaveLength(1);
  });

  it('is nothing that nobody waits for: a candidate that strangers send is not kept', () => {
    expect([...requests.offer(candidate)]).toEqual([]);
    expect(candidates.offeredFor(candidate.hash)).toEqual([]);
  });

  it('for a decided block is its candidate, then the envelopes of each list that is offered for it', () => {
    requests.awaitDecision(decision);
    clock.move(0);
    expect(sent).toEqual([{ kind: 'wantCandidate', hash: candidate.hash }]);
    requests.offer(candidate);
    clock.move(1_000);
    expect(sent.slice(1)).toEqual([
      { kind: 'wantEnvelopes', hashes },
      { kind: 'wantCandidate', hash: candidate.hash },
    ]);
    arrive(0);
    candidates.proves(candidate, envelopes);
    clock.move(60_000);
    expect(sent).toHaveLength(3);
    expect(requests.pendingDecision).toBe(decision);
  });

  it('is forgotten when the height is decided', () => {
    requests.awaitCheck(candidate, 'a');
    requests.awaitDecision(decision);
    requests.clear();
    clock.move(60_000);
    arrive(0);
    expect(sent).toEqual([]);
    expect([...requests.takeReadyChecks()]).toEqual([]);
    expect(requests.pendingDecision).toBeUndefined();
  });
});

describe('an answer', () => {
  it('is given in turn, and kept when another has said it', () => {
    const clock = new StillClock();
    let said = 0;
    const say = (): void => void said++;
    const answers = new Answers(clock, new Timers(clock, () => {}));
    answers.answer(candidate.hash, 3, say);
    clock.move(149);
    expect(said).toBe(0);
    clock.move(1);
    expect(said).toBe(1);
    clock.move(500);
    answers.answer(candidate.hash, 3, say);
    answers.cancel(candidate.hash);
    clock.move(1_000);
    expect(said).toBe(1);
  });
});

describe('an answer that many ask for', () => {
  it('is given by one of twenty who hold it, when each hears the others within a turn (C15)', () => {
    const clock = new StillClock();
    const said: number[] = [];
    const holders = Array.from({ length: 20 }, () => new Answers(clock, new Timers(clock, () => {})));
    const hear = (): void => holders.forEach((holder) => holder.cancel(candidate.hash));
    holders.forEach((holder, rank) =>
      holder.answer(candidate.hash, rank + 1, () => {
        said.push(rank);
        clock.at(clock.now() + 40, hear);
      }),
    );
    clock.move(60_000);
    expect(said).toEqual([0]);
  });

  it('is not put off by those who ask again, and is not repeated while it is on its way', () => {
    const clock = new StillClock();
    let said = 0;
    const answers = new Answers(clock, new Timers(clock, () => {}));
    for (let asked = 0; asked < 60; asked++) {
      answers.answer(candidate.hash, 20, () => void said++);
      clock.move(50);
    }
    // Asked every 50 ms for 3 s, told after 1 s, and again 1 s after the half second of silence.
    expect(said).toBe(2);
  });
});

describe('the timers of a host', () => {
  it('are one to a name, call back after each, and are silent once closed', () => {
    const clock = new StillClock();
    const ran: string[] = [];
    const timers = new Timers(clock, () => ran.push('after'));
    timers.set('a', clock.now() + 10, () => ran.push('first'));
    timers.set('a', clock.now() + 20, () => ran.push('second'));
    expect(timers.has('a')).toBe(true);
    clock.move(20);
    expect(ran).toEqual(['second', 'after']);
    expect(timers.has('a')).toBe(false);
    timers.set('b', clock.now() + 10, () => ran.push('late'));
    timers.close();
    timers.set('c', clock.now() + 10, () => ran.push('later'));
    clock.move(60_000);
    expect(ran).toEqual(['second', 'after']);
  });
});
