import { height } from '@gridtokenx/kernel';
import { describe, expect, it } from '@jest/globals';
import { missedProposals, validatorPlaces } from './validator-rows.js';

const KEYS = [0, 1, 2, 3].map((i) => new Uint8Array(32).fill(i));
const missedBy = (at: number, proposer: number, round: number): number[][] =>
  missedProposals({ height: height(at), proposer }, round, KEYS).map((row) => [row.round, row.key[0] ?? -1]);

describe('missed proposals', () => {
  it('are those of the rounds before the one that decided', () => {
    expect(missedBy(8, 0, 0)).toEqual([]);
    expect(missedBy(8, 1, 1)).toEqual([[0, 0]]);
    expect(missedBy(10, 1, 3)).toEqual([
      [0, 2],
      [1, 3],
      [2, 0],
    ]);
    // The turns come round: at n = 4, rounds 0 and 4 are one validator's.
    expect(missedBy(8, 1, 5)).toEqual([
      [0, 0],
      [2, 2],
      [3, 3],
      [4, 0],
    ]);
  });

  it('are not those of who first proposed what was decided', () => {
    expect(missedBy(8, 0, 1)).toEqual([]);
    expect(missedBy(8, 0, 2)).toEqual([[1, 1]]);
  });
});

it('the places of a set are the indexes of its keys, from a height on', () => {
  expect(validatorPlaces(7, KEYS.slice(0, 2))).toEqual([
    { fromHeight: 7, place: 0, key: KEYS[0] },
    { fromHeight: 7, place: 1, key: KEYS[1] },
  ]);
});
