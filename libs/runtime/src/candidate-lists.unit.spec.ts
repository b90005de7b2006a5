import { native } from '@gridtokenx/crypto-native';
import type { Candidate } from '@gridtokenx/consensus';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { CandidateLists } from './candidate-lists.js';
import { TestChain } from './fixture.spec.js';

const chain = new TestChain();
const envelopes = chain.trade();
const honest = chain.candidate(envelopes);
/** A true header with a list that its operations root does not cover. */
const falseOne = (n: number): Candidate => ({
  ...honest,
  envelopeHashes: [native.sha256(Uint8Array.of(n)), ...honest.envelopeHashes.slice(1)],
});

describe('the candidates of the open height', () => {
  let lists: CandidateLists;
  beforeEach(() => {
    lists = new CandidateLists(native);
  });

  it('are told apart by their list, where their header is the same', () => {
    expect(lists.keyOf(falseOne(1))).not.toBe(lists.keyOf(honest));
    expect(lists.keyOf({ ...honest })).toBe(lists.keyOf(honest));
  });

  it('prove themselves by the envelopes behind the list, and by nothing else', () => {
    lists.offer(honest);
    expect(lists.proven(honest.hash)).toBeUndefined();
    expect(lists.proves(honest, envelopes.slice(1))).toBe(false);
    expect(lists.proves(honest, envelopes.toReversed())).toBe(false);
    expect(lists.proven(honest.hash)).toBeUndefined();
    expect(lists.proves(honest, envelopes)).toBe(true);
    expect(lists.proven(honest.hash)).toBe(honest);
  });

  it('mislead nobody with a false list: it takes no place of the right one, before or after', () => {
    lists.offer(falseOne(1));
    lists.offer(honest);
    expect(lists.proves(falseOne(1), envelopes.slice(1))).toBe(false);
    expect(lists.offeredFor(honest.hash)).toContain(honest);
    lists.proves(honest, envelopes);
    lists.offer(falseOne(2));
    expect(lists.proves(falseOne(2), envelopes.slice(1))).toBe(false);
    expect(lists.proven(honest.hash)).toBe(honest);
  });

  it('are kept eight to a header, each once, so that strangers cannot fill the memory', () => {
    for (let n = 0; n < 3; n++) lists.offer(falseOne(0));
    expect(lists.offeredFor(honest.hash)).toHaveLength(1);
    for (let n = 0; n < 100; n++) lists.offer(falseOne(n));
    expect(lists.offeredFor(honest.hash)).toHaveLength(8);
  });

  it('are forgotten when the height is decided', () => {
    lists.offer(falseOne(1));
    lists.proves(honest, envelopes);
    lists.clear();
    expect(lists.offeredFor(honest.hash)).toEqual([]);
    expect(lists.proven(honest.hash)).toBeUndefined();
  });
});
