import { elect, type ElectionSnapshot } from '@gridtokenx/chain';
import type { LedgerEvent } from '@gridtokenx/protocol';

export const ERA = 7;
export const id = (name: string): string => name.padEnd(43, '-');
const candidates = ['a', 'b', 'c', 'd', 'e'].map(id);
const budgets: readonly [string, bigint, readonly number[]][] = [
  ['a', 10_000n, [0]],
  ['b', 9_000n, [1]],
  ['c', 8_000n, [2]],
  ['d', 7_000n, [3]],
  ['e', 6_000n, [4]],
  ['p', 5_000n, [0, 3]],
  ['q', 4_321n, [1, 2, 4]],
  ['r', 3_333n, [3, 4]],
];
export const snapshot: ElectionSnapshot = {
  seats: 3,
  candidates,
  nominators: budgets.map(([name, budget, targets]) => ({
    id: id(name),
    budget: budget * 1_000_000n,
    targets: targets.map((place) => candidates[place] ?? ''),
  })),
  balancing: { iterations: 3, tolerance: 0n },
};

/** An election as a ledger tells it, in pieces of two, among other facts. */
export function told(): LedgerEvent[] {
  const { winners, score, stripped } = elect(snapshot);
  const nominators = snapshot.nominators.map(({ id: account, budget, targets }) => ({
    account,
    budget: budget.toString(),
    targets: targets.map((target) => candidates.indexOf(target)),
  }));
  const inTwos = <T>(all: readonly T[]): { readonly first: number; readonly piece: T[] }[] =>
    Array.from({ length: Math.ceil(all.length / 2) }, (_, i) => ({ first: 2 * i, piece: all.slice(2 * i, 2 * i + 2) }));
  return [
    { type: 'staking.eraBegan', era: ERA - 1, validators: 3, staked: '1' },
    {
      type: 'staking.electionBegan',
      era: ERA,
      seats: snapshot.seats,
      candidates: candidates.length,
      nominators: nominators.length,
      staked: '1',
      iterations: 3,
      tolerance: '0',
    },
    ...inTwos(candidates).map(({ first, piece }): LedgerEvent => ({
      type: 'staking.electionCandidates',
      era: ERA,
      first,
      candidates: piece,
    })),
    ...inTwos(nominators).map(({ first, piece }): LedgerEvent => ({
      type: 'staking.electionNominators',
      era: ERA,
      first,
      nominators: piece,
    })),
    {
      type: 'staking.electionHeld',
      era: ERA,
      winners: winners.length,
      minimalStake: score.minimalStake.toString(),
      sumStake: score.sumStake.toString(),
      sumStakeSquared: score.sumStakeSquared.toString(),
      stripped: [...stripped],
    },
    ...winners.flatMap(({ candidate, round, stake, supports }) =>
      inTwos(supports).map(({ first, piece }): LedgerEvent => ({
        type: 'staking.electionWinner',
        era: ERA,
        candidate,
        round,
        stake: stake.toString(),
        first,
        supports: piece.map(({ nominator, stake: given }) => ({ nominator, stake: given.toString() })),
      })),
    ),
    {
      type: 'staking.setElected',
      era: ERA,
      validators: winners.slice(1).map(({ candidate, stake }) => ({
        account: candidate,
        key: candidate,
        commission: 0,
        stake: stake.toString(),
      })),
      waiting: winners.slice(0, 1).map(({ candidate }) => candidate),
    },
  ];
}
