import { assert } from '@gridtokenx/kernel';
import {
  rejected,
  TREASURY_ACCOUNT,
  type LedgerEvent,
  type OperationOf,
  type RejectedOutcome,
} from '@gridtokenx/protocol';
import { GRID } from '../grid/state.js';
import type { HookContext, OperationContext } from '../ledger/module.js';
import { validatorPayout, type EndedEra, type PayoutLine, type ValidatorPayout } from './payout.js';
import type { PayoutRow } from './rows.js';
import type { StakingParts } from './surroundings.js';

/** Lines that the payouts of one block pay, but for the last validator's. */
const LINES_PER_BLOCK = 5_000;
/** Lines in one fact. */
const LINES_PER_FACT = 250;

const endedOf = (era: number, { payout, points }: PayoutRow): EndedEra => ({
  era,
  payout,
  totalPoints: points.reduce((sum, each) => sum + each, 0),
});

/** SPEC staking 11.4: the oldest era first, its validators in the order of the set, as many as a block may. */
export function payEras(parts: StakingParts, context: HookContext): void {
  const { staking } = parts;
  const most = Math.min(LINES_PER_BLOCK, context.entriesLeft);
  for (let left = most; left > 0;) {
    const { progress } = staking;
    const era = progress.payFrom;
    const row = staking.payouts.get(String(era));
    if (row === undefined) return;
    const place = row.paid.indexOf(false);
    if (place === -1) {
      staking.progress = { ...progress, payFrom: era + 1 };
      continue;
    }
    const payout = payoutOf(parts, era, row, place);
    // A validator is paid in one piece, whoever backs it: in a block of its own where that is more than a block should work off.
    const lines = payout.lines.length;
    if (lines > left && left < most) return;
    left -= lines;
    pay(parts, context, era, row, place, payout, (count) => {
      for (let worked = 0; worked < count; worked++) context.worked();
    });
  }
}

function payoutOf({ staking }: StakingParts, era: number, row: PayoutRow, place: number): ValidatorPayout {
  const member = staking.eraKnown(era).members[place];
  assert(member !== undefined, 'a place in a set is one of its validators');
  const exposure = staking.exposure(era, member.account);
  assert(exposure !== undefined, 'exposures are kept until an era is paid');
  const points = row.points[place] ?? 0;
  return validatorPayout(endedOf(era, row), { points, commission: member.commission, exposure });
}

/** SPEC staking 11.3 */
function pay(
  parts: StakingParts,
  context: { readonly events: LedgerEvent[] },
  era: number,
  row: PayoutRow,
  place: number,
  { validator, share, forStakes, exposureTotal, lines, residue }: ValidatorPayout,
  worked: (lines: number) => void,
): void {
  const { staking, grid } = parts;
  const counts = staking.points.get(String(era));
  const ended = endedOf(era, row);
  staking.payouts.set(String(era), { ...row, paid: row.paid.map((paid, at) => paid || at === place) });
  grid.issue(residue, 'stakingReward');
  grid.credit(context, TREASURY_ACCOUNT, residue);
  context.events.push({
    type: 'staking.validatorPaid',
    era,
    validator,
    proposed: counts?.proposed[place] ?? 0,
    voted: counts?.voted[place] ?? 0,
    points: row.points[place] ?? 0,
    ofPoints: ended.totalPoints,
    payout: row.payout.toString(),
    share: share.toString(),
    commission: staking.eraKnown(era).members[place]?.commission ?? 0,
    forWork: (share - forStakes).toString(),
    forStakes: forStakes.toString(),
    exposure: exposureTotal.toString(),
    residue: residue.toString(),
  });
  if (share === 0n) return worked(1);
  for (let from = 0; from < lines.length; from += LINES_PER_FACT) {
    const piece = lines.slice(from, from + LINES_PER_FACT);
    payLines(parts, context, era, validator, piece);
    worked(piece.length);
  }
}

function payLines(
  { staking, grid, accounts }: StakingParts,
  context: { readonly events: LedgerEvent[] },
  era: number,
  validator: string,
  lines: readonly PayoutLine[],
): void {
  grid.issue(
    lines.reduce((sum, { reward, commission }) => sum + reward + commission, 0n),
    'stakingReward',
  );
  const told = lines.map(({ account, stake, reward, commission }) => {
    const amount = reward + commission;
    const bond = staking.bonds.get(account);
    // What is on its way out is not brought back by a reward.
    const isBonded = bond !== undefined && bond.payee === '' && bond.active > 0n;
    const payee = isBonded || bond === undefined || bond.payee === '' ? account : bond.payee;
    const had = accounts.available(payee, GRID);
    grid.credit(context, payee, amount);
    // An account that a slash has left next to nothing of cannot be paid: the treasury has it.
    const isPaid = accounts.available(payee, GRID) - had === amount;
    if (isPaid && isBonded && amount > 0n) staking.setBond(account, { ...bond, active: bond.active + amount });
    const to = isPaid ? payee : TREASURY_ACCOUNT;
    return { account, stake: stake.toString(), reward: reward.toString(), ...(!(isPaid && isBonded) && { payee: to }) };
  });
  context.events.push({ type: 'staking.rewarded', era, validator, lines: told });
}

/** SPEC staking 11.5: once for each era and validator, whoever asks. */
export function claim(
  parts: StakingParts,
  context: OperationContext,
  { era, validator }: OperationOf<'staking.claim'>,
): RejectedOutcome | undefined {
  const { staking } = parts;
  const row = staking.payouts.get(String(era));
  const place = staking.era(era)?.members.findIndex(({ account }) => account === validator) ?? -1;
  if (row === undefined || place === -1) return rejected('staking.nothingToPay', { era: String(era), validator });
  if (row.paid[place] === true) return rejected('staking.paidAlready', { era: String(era), validator });
  pay(parts, context, era, row, place, payoutOf(parts, era, row, place), () => undefined);
  return undefined;
}
