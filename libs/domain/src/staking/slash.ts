import { assert, isShare, partOf } from '@gridtokenx/kernel';
import { exposureTotal, type Exposure } from './exposure.js';

/**
 * A span of a validator: from when it was backed anew until it is slashed and sent away. What it does in one span is
 * punished by its worst offence; so a span remembers what each account lost in it.
 */
export interface SlashingSpan {
  readonly validator: string;
  /** By account, what was taken in this span so far; in the order in which accounts came in. */
  readonly taken: ReadonlyMap<string, bigint>;
  /** Reports that made anyone lose more. */
  readonly reports: number;
}

export interface Charge {
  readonly account: string;
  readonly amount: bigint;
}

export interface Slash {
  readonly span: SlashingSpan;
  /** What is taken from whom because of this offence, beyond what the span has taken; no charge of nothing. */
  readonly charges: readonly Charge[];
  readonly total: bigint;
  /** Out of the total, for who brought the evidence. */
  readonly reward: bigint;
}

export interface SlashTerms {
  /** Of the stakes, in parts of a billion. */
  readonly fraction: number;
  /** Of what is taken, in parts of a billion: the most that reporters may have. */
  readonly rewardShare: number;
}

export const newSpan = (validator: string): SlashingSpan => ({ validator, taken: new Map(), reports: 0 });

/** SPEC staking 4.1: what an offence takes from each of the exposure, rounded down. */
export function slashOf(exposure: Exposure, fraction: number): readonly Charge[] {
  assert(isShare(fraction), 'a slash is a share of the stakes');
  exposureTotal(exposure);
  const { validator, own, backers } = exposure;
  const stakes = [{ account: validator, stake: own }, ...backers];
  return stakes.map(({ account, stake }) => ({ account, amount: partOf(stake, fraction) }));
}

/**
 * SPEC staking 4.4: the k-th report of a span that makes anyone lose more earns 1 / 2^k of the reward share of what it adds; never more
 * than is taken, and all reports of a span together less than the reward share.
 */
const reporterReward = (total: bigint, rewardShare: number, report: number): bigint =>
  partOf(total, rewardShare) >> BigInt(report);

/** SPEC staking 4.2: the exposure is that of the era of the offence, not of today. */
export function slashInSpan(span: SlashingSpan, exposure: Exposure, { fraction, rewardShare }: SlashTerms): Slash {
  assert(exposure.validator === span.validator, 'a span is of one validator');
  assert(isShare(rewardShare), 'a reward is a share of the slash');
  const taken = new Map(span.taken);
  const charges: Charge[] = [];
  let total = 0n;
  for (const { account, amount } of slashOf(exposure, fraction)) {
    const before = taken.get(account) ?? 0n;
    if (amount <= before) continue;
    taken.set(account, amount);
    charges.push({ account, amount: amount - before });
    total += amount - before;
  }
  if (total === 0n) return { span, charges, total, reward: 0n };
  const reports = span.reports + 1;
  const reward = reporterReward(total, rewardShare, reports);
  return { span: { validator: span.validator, taken, reports }, charges, total, reward };
}
