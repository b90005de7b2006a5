import type { EventOf } from '@gridtokenx/protocol';
import type { ElectionResult, Support, Winner } from './result.js';
import type { ElectionSnapshot, Nominator } from './snapshot.js';

/** The facts by which a ledger tells one election. */
export type ElectionEvent = EventOf<
  | 'staking.electionBegan'
  | 'staking.electionCandidates'
  | 'staking.electionNominators'
  | 'staking.electionHeld'
  | 'staking.electionWinner'
>;

/** An election as it was told: what it was held on, and what is claimed of it. */
export interface ToldElection {
  readonly snapshot: ElectionSnapshot;
  readonly result: ElectionResult;
}

/**
 * SPEC election 4.5: an election put together again from its facts, in the order in which they stand in blocks; `undefined` where one
 * is missing, stands twice or does not follow on the one before. Others among them are passed over.
 */
export function electionTold(events: Iterable<ElectionEvent>, era: number): ToldElection | undefined {
  let began: EventOf<'staking.electionBegan'> | undefined;
  let held: EventOf<'staking.electionHeld'> | undefined;
  const candidates: string[] = [];
  const nominators: Nominator[] = [];
  const winners: { readonly winner: Omit<Winner, 'supports'>; readonly supports: Support[]; sum: bigint }[] = [];
  for (const event of events) {
    if (event.era !== era) continue;
    switch (event.type) {
      case 'staking.electionBegan':
        if (began !== undefined) return undefined;
        began = event;
        break;
      case 'staking.electionCandidates':
        if (event.first !== candidates.length) return undefined;
        candidates.push(...event.candidates);
        break;
      case 'staking.electionNominators':
        if (event.first !== nominators.length) return undefined;
        for (const { account, budget, targets } of event.nominators) {
          if (targets.some((place) => place >= candidates.length)) return undefined;
          nominators.push({
            id: account,
            budget: BigInt(budget),
            targets: targets.flatMap((place) => candidates[place] ?? []),
          });
        }
        break;
      case 'staking.electionHeld':
        if (held !== undefined) return undefined;
        held = event;
        break;
      case 'staking.electionWinner': {
        const { candidate, round, stake, first } = event;
        if (first === 0) winners.push({ winner: { candidate, round, stake: BigInt(stake) }, supports: [], sum: 0n });
        const last = winners.at(-1);
        const isNext = last?.winner.candidate === candidate && last.winner.round === round;
        if (last === undefined || !isNext || last.supports.length !== first) return undefined;
        for (const { nominator, stake: given } of event.supports) {
          last.supports.push({ nominator, stake: BigInt(given) });
          last.sum += BigInt(given);
        }
        break;
      }
    }
  }
  if (began === undefined || held === undefined) return undefined;
  const isWhole =
    candidates.length === began.candidates &&
    nominators.length === began.nominators &&
    winners.length === held.winners &&
    winners.every(({ winner, sum }) => winner.stake === sum);
  if (!isWhole) return undefined;
  return {
    snapshot: {
      seats: began.seats,
      candidates,
      nominators,
      balancing: { iterations: began.iterations, tolerance: BigInt(began.tolerance) },
    },
    result: {
      winners: winners.map(({ winner, supports }) => ({ ...winner, supports })),
      score: {
        minimalStake: BigInt(held.minimalStake),
        sumStake: BigInt(held.sumStake),
        sumStakeSquared: BigInt(held.sumStakeSquared),
      },
      stripped: held.stripped,
    },
  };
}

const isEqualWinner = (a: Winner, b: Winner | undefined): boolean =>
  a.candidate === b?.candidate &&
  a.round === b.round &&
  a.stake === b.stake &&
  a.supports.length === b.supports.length &&
  a.supports.every(
    ({ nominator, stake }, at) => b.supports[at]?.nominator === nominator && b.supports[at].stake === stake,
  );

/** Whether two elections have the same winners in the same rounds, with the same behind them, and stripped the same. */
export const isSameResult = (a: ElectionResult, b: ElectionResult): boolean =>
  a.winners.length === b.winners.length &&
  a.winners.every((winner, at) => isEqualWinner(winner, b.winners[at])) &&
  a.stripped.join() === b.stripped.join();
