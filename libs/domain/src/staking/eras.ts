import { epochOf, isLastOfEpoch, proposerOf } from '@gridtokenx/chain';
import { assert, parseTime } from '@gridtokenx/kernel';
import { TREASURY_ACCOUNT, type PublicGenesis } from '@gridtokenx/protocol';
import { supplyTotal } from '../accounts/state.js';
import { GRID } from '../grid/state.js';
import type { HookContext } from '../ledger/module.js';
import { eraIssue, inflationCurve, YEAR_MS, type EraIssue } from './inflation.js';
import { endedEra, eraResidue } from './payout.js';
import type { EraRow, PointsRow } from './rows.js';
import { punishUnresponsive } from './slashing.js';
import { eraOf, type StakingParts } from './surroundings.js';

const noPoints = ({ members }: EraRow): PointsRow => ({
  proposed: members.map(() => 0),
  voted: members.map(() => 0),
  certified: 0,
});

const oneMore = (counts: readonly number[], at: number): number[] => {
  assert(at < counts.length, 'a place in a set is one of its validators');
  return counts.map((count, place) => (place === at ? count + 1 : count));
};

/** SPEC staking 11.1: the certificate is of the parent, and so are the places and the era of who signed it. */
export function countPoints(
  { staking, validators }: StakingParts,
  { height, proposer, parentSigners }: HookContext,
): void {
  const of = (era: number): PointsRow => staking.points.get(String(era)) ?? noPoints(staking.eraKnown(era));
  if (height > 1) {
    const era = epochOf(height - 1, validators.epochBlocks);
    const row = of(era);
    const voted = [...row.voted];
    for (const place of parentSigners) {
      assert(place < voted.length, 'a place in a set is one of its validators');
      voted[place] = (voted[place] ?? 0) + 1;
    }
    staking.points.set(String(era), { ...row, voted, certified: row.certified + 1 });
  }
  const era = epochOf(height, validators.epochBlocks);
  const row = of(era);
  staking.points.set(String(era), { ...row, proposed: oneMore(row.proposed, proposer) });
}

/** SPEC staking 10.1: before anything else that a block of a new era does. */
export function turnEra(parts: StakingParts, context: HookContext): boolean {
  const { staking, validators } = parts;
  const { height, time } = context;
  const begins = height === 1 || isLastOfEpoch(height - 1, validators.epochBlocks);
  if (!begins) return false;
  const era = eraOf(parts, context);
  if (era > 0) endEra(parts, context, era - 1);
  const row = staking.eraKnown(era);
  if (era > 0) staking.eras.set(String(era), { ...row, beganAt: time });
  const { members, staked } = row;
  context.events.push({ type: 'staking.eraBegan', era, validators: members.length, staked: staked.toString() });
  return true;
}

function endEra(parts: StakingParts, context: HookContext, era: number): void {
  const { staking, grid, parameters } = parts;
  const row = staking.eraKnown(era);
  const counts = staking.points.get(String(era)) ?? noPoints(row);
  const [forProposal, forVote] = [parameters.get('staking.pointsForProposal'), parameters.get('staking.pointsForVote')];
  const points = row.members.map(
    (_, place) => (counts.proposed[place] ?? 0) * forProposal + (counts.voted[place] ?? 0) * forVote,
  );
  const { lengthMs, staked, issuance, issue } = issueOf(parts, row, context.time);
  const { payout, maximum } = issue;
  const ended = endedEra(era, payout, points);
  const remainder = maximum - payout + eraResidue(ended, points);
  staking.payouts.set(String(era), { payout, points, paid: points.map(() => false) });
  grid.issue(remainder, 'stakingReward');
  grid.credit(context, TREASURY_ACCOUNT, remainder);
  context.events.push({
    type: 'staking.eraEnded',
    era,
    lengthMs,
    staked: staked.toString(),
    issuance: issuance.toString(),
    maximum: maximum.toString(),
    payout: payout.toString(),
    remainder: remainder.toString(),
    points: ended.totalPoints,
  });
  punishUnresponsive(parts, context, era, silentIn(parts, era, row, counts));
}

interface Issue {
  readonly lengthMs: number;
  readonly staked: bigint;
  readonly issuance: bigint;
  readonly issue: EraIssue;
}

/** SPEC staking 11.2: by the time between the first blocks of two eras. */
function issueOf({ staking, accounts, parameters }: StakingParts, row: EraRow, now: number): Issue {
  const issuance = supplyTotal(accounts.supply(GRID));
  // Of a set that was kept some may have lost or withdrawn what stood behind it.
  const staked = row.staked < issuance ? row.staked : issuance;
  const lengthMs = Math.min(now - row.beganAt, staking.eraLengthMaxMs, YEAR_MS);
  const curve = inflationCurve(parameters.get('staking.inflation'));
  return { lengthMs, staked, issuance, issue: eraIssue(curve, { staked, total: issuance, eraMs: lengthMs }) };
}

/** SPEC staking 12.4 */
function silentIn(
  { validators: { epochBlocks, validators }, parameters }: StakingParts,
  era: number,
  { members }: EraRow,
  { proposed, voted, certified }: PointsRow,
): string[] {
  const share = BigInt(parameters.get('staking.responsiveShare'));
  const turns = new Set<number>();
  for (let i = 0; i < Math.min(epochBlocks, members.length); i++)
    turns.add(proposerOf(members.length, era * epochBlocks + 1 + i, 0));
  return members.flatMap(({ account, key }, place) => {
    // Whose proposals are refused has no turn.
    if (validators.get(key)?.suspended === true) return [];
    const few = BigInt(voted[place] ?? 0) * 1_000_000_000n <= share * BigInt(certified);
    return turns.has(place) && proposed[place] === 0 && few ? [account] : [];
  });
}

export function genesisTime({ time }: Pick<PublicGenesis, 'time'>): number {
  const parsed = parseTime(time);
  assert(parsed !== undefined, 'a genesis that was read has a time');
  return parsed;
}
