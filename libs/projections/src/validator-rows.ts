import { proposerOf, type Header } from '@gridtokenx/chain';
import { assert } from '@gridtokenx/kernel';
import type { MissedProposalRow, ValidatorPlaceRow } from './rows.js';

export const validatorPlaces = (fromHeight: number, keys: readonly Uint8Array[]): ValidatorPlaceRow[] =>
  keys.map((key, place) => ({ fromHeight, place, key }));

/**
 * SPEC participation 1.1: of a height decided in round r, those who had the turn in the rounds before r, but for who
 * first proposed what was decided: that proposal was made, and others carried it on.
 */
export function missedProposals(
  { height, proposer }: Pick<Header, 'height' | 'proposer'>,
  decidedRound: number,
  keys: readonly Uint8Array[],
): MissedProposalRow[] {
  const missed: MissedProposalRow[] = [];
  for (let round = 0; round < decidedRound; round++) {
    const validator = proposerOf(keys.length, height, round);
    const key = keys[validator];
    assert(key !== undefined, 'the turn is always that of a member of the set');
    if (validator !== proposer) missed.push({ round, key });
  }
  return missed;
}
