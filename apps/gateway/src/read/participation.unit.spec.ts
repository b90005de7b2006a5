import { encodeCertificate } from '@gridtokenx/chain';
import type { Hash, Signature } from '@gridtokenx/crypto';
import type { ParticipationView } from '@gridtokenx/runtime';
import { describe, expect, it } from '@jest/globals';
import { participationOf, type Heard } from './participation.js';

const hash = new Uint8Array(32) as Hash;
const certificateOf = (height: number, setSize: number, signers: readonly number[]): Uint8Array =>
  encodeCertificate(
    {
      epoch: 0,
      height,
      round: 0,
      blockHash: hash,
      resultsRoot: hash,
      stateDigest: hash,
      signatures: signers.map((validator) => ({ validator, signature: new Uint8Array(64) as Signature })),
    },
    setSize,
  );
const nothingHeard: Heard = { fromHeight: Number.MAX_SAFE_INTEGER, voted: () => false, last: () => undefined };

/** Four validators, then another four: `d` goes and `e` comes with height 3. */
const view: ParticipationView = {
  sets: [
    { fromHeight: 1, kids: ['a', 'b', 'c', 'd'] },
    { fromHeight: 3, kids: ['a', 'b', 'c', 'e'] },
  ],
  certificates: [
    { height: 4, round: 0, certificate: certificateOf(4, 4, [0, 1, 3]) },
    { height: 3, round: 0, certificate: certificateOf(3, 4, [0, 1, 3]) },
    { height: 2, round: 0, certificate: certificateOf(2, 4, [0, 1, 3]) },
    { height: 1, round: 0, certificate: certificateOf(1, 4, [0, 1, 2]) },
  ],
  validators: ['a', 'b', 'c', 'd', 'e'].map((kid) => ({
    kid,
    organisation: undefined,
    firstHeight: kid === 'e' ? 3 : 1,
    missedProposals: 0,
    missedProposalsEver: 0,
    suspended: false,
  })),
};
const of = (heard: Heard) =>
  participationOf(view, heard, 4).map(({ kid, index, memberBlocks, signedBlocks, lastSignedHeight }) => [
    kid,
    index,
    memberBlocks,
    signedBlocks,
    lastSignedHeight,
  ]);

describe('the last blocks', () => {
  it('count who signed by the set of each block, over a change of validators', () => {
    expect(of(nothingHeard)).toEqual([
      ['a', 0, 4, 4, 4],
      ['b', 1, 4, 4, 4],
      ['c', 2, 4, 1, 1],
      ['d', undefined, 2, 1, 2],
      ['e', 3, 2, 2, 4],
    ]);
  });

  it('say nothing of missed votes where nothing was heard', () => {
    for (const one of participationOf(view, nothingHeard, 4))
      expect([one.observedBlocks, one.missedVotes]).toEqual([0, 0]);
  });

  it('are a miss only where neither a vote was heard nor a signature stands, and the next block is final', () => {
    const heard: Heard = { ...nothingHeard, fromHeight: 1, voted: (height, kid) => height === 2 && kid === 'c' };
    // `c` signed 1, was heard at 2, and was silent at 3; whether it is at 4 shows with block 5. `d` was silent at 1.
    expect(participationOf(view, heard, 4).map((one) => [one.kid, one.observedBlocks, one.missedVotes])).toEqual([
      ['a', 3, 0],
      ['b', 3, 0],
      ['c', 3, 1],
      ['d', 2, 1],
      ['e', 1, 0],
    ]);
  });
});
