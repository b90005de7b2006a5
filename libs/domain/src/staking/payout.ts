import { assert, isShare, partOf, quotient } from '@gridtokenx/kernel';
import { exposureTotal, type Exposure } from './exposure.js';

/** A validator as an era left it. */
export interface EraValidator {
  /** For blocks that it proposed and voted for; a safe integer, not negative. */
  readonly points: number;
  /** In parts of a billion: what it takes before the rest is shared. */
  readonly commission: number;
  readonly exposure: Exposure;
}

/** An era that has ended: nothing in it changes any more, so each payout of it is the same whenever it is made. */
export interface EndedEra {
  readonly era: number;
  /** What is shared, in minor units. */
  readonly payout: bigint;
  readonly totalPoints: number;
}

/** What an account gets, with all that it takes to compute it again. */
export interface PayoutLine {
  readonly account: string;
  readonly stake: bigint;
  /** For its stake. */
  readonly reward: bigint;
  /** For its work, before stakes are counted; of a backer nothing. */
  readonly commission: bigint;
}

/** Of one validator in one era: the pair is what the ledger remembers as paid. */
export interface ValidatorPayout {
  readonly era: number;
  readonly validator: string;
  /** The validator's part of the era. */
  readonly share: bigint;
  /** The share less the commission. */
  readonly forStakes: bigint;
  readonly exposureTotal: bigint;
  /** The validator first, then its backers in the order of the exposure. */
  readonly lines: readonly PayoutLine[];
  /** What rounding left over, for the treasury: `share` is exactly this and all lines. */
  readonly residue: bigint;
}

export function endedEra(era: number, payout: bigint, points: Iterable<number>): EndedEra {
  assert(payout >= 0n, 'an era takes nothing from anyone');
  let totalPoints = 0;
  for (const each of points) {
    assert(Number.isSafeInteger(each) && each >= 0, 'points are whole and not negative');
    totalPoints += each;
  }
  assert(Number.isSafeInteger(totalPoints), 'points are counted exactly');
  return { era, payout, totalPoints };
}

/** SPEC staking 2.1: a validator's part of the era, by its points. */
export const eraShare = ({ payout, totalPoints }: EndedEra, points: number): bigint =>
  totalPoints === 0 ? 0n : quotient(payout * BigInt(points), BigInt(totalPoints));

/** SPEC staking 2.2: what no validator has a share of, for the treasury; the whole of an era without points. */
export const eraResidue = (era: EndedEra, points: Iterable<number>): bigint => {
  let residue = era.payout;
  for (const each of points) residue -= eraShare(era, each);
  assert(residue >= 0n, 'the shares of an era are no more than the era');
  return residue;
};

/** SPEC staking 2.3: knows the era and this validator only, so it does not matter which others were paid, or when. */
export function validatorPayout(era: EndedEra, { points, commission, exposure }: EraValidator): ValidatorPayout {
  assert(isShare(commission), 'a commission is a share');
  const { validator, own, backers } = exposure;
  const total = exposureTotal(exposure);
  const share = eraShare(era, points);
  const forWork = partOf(share, commission);
  const forStakes = share - forWork;
  const rewardOf = (stake: bigint): bigint => (total === 0n ? 0n : quotient(forStakes * stake, total));
  const lines: PayoutLine[] = [{ account: validator, stake: own, reward: rewardOf(own), commission: forWork }];
  for (const { account, stake } of backers) lines.push({ account, stake, reward: rewardOf(stake), commission: 0n });
  let residue = forStakes;
  for (const { reward } of lines) residue -= reward;
  return { era: era.era, validator, share, forStakes, exposureTotal: total, lines, residue };
}
