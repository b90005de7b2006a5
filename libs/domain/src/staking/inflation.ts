import { assert, BILLION, quotient, quotientNearest, shareOf } from '@gridtokenx/kernel';

/** Shares in parts of a million of all that is issued. */
export interface InflationParameters {
  /** Of a year in which nothing is staked, and the limit of one in which everything is. */
  readonly minimumPpm: number;
  /** Of a year in which the ideal share is staked. */
  readonly maximumPpm: number;
  readonly idealStakePpm: number;
  /** Beyond the ideal, what lies above the minimum halves with each such share more. */
  readonly falloffPpm: number;
  /** The pieces of the curve, at most. */
  readonly pieces: number;
}

export interface InflationPoint {
  readonly stakedPpm: number;
  readonly inflationPpm: number;
}

const MILLION = 1_000_000;
/** A Julian year, 365.25 days. */
export const YEAR_MS = 31_557_600_000;

const LOG_BITS = 48n;
const LOG_ONE = 1n << LOG_BITS;

/** floor(log2(p / q) x 1,000,000), by squaring: each square shows one more binary digit. `p >= q > 0`, below 2^32. */
function log2Ppm(p: number, q: number): number {
  let digits = 0n;
  let rest = quotient(BigInt(p) * LOG_ONE, BigInt(q));
  for (; rest >= 2n * LOG_ONE; rest >>= 1n) digits++;
  for (let bit = 0n; bit < LOG_BITS; bit++) {
    rest = (rest * rest) >> LOG_BITS;
    digits <<= 1n;
    if (rest >= 2n * LOG_ONE) {
      digits++;
      rest >>= 1n;
    }
  }
  return Number((digits * BigInt(MILLION)) >> LOG_BITS);
}

const isPpm = (value: number): boolean => Number.isSafeInteger(value) && value >= 0 && value <= MILLION;

/** What a parameter file may hold; anything else is refused where it is set, and a bug here. */
export const isInflationParameters = (parameters: InflationParameters): boolean =>
  isPpm(parameters.minimumPpm) &&
  isPpm(parameters.maximumPpm) &&
  isPpm(parameters.idealStakePpm) &&
  isPpm(parameters.falloffPpm) &&
  parameters.minimumPpm < parameters.maximumPpm &&
  parameters.idealStakePpm > 0 &&
  parameters.idealStakePpm < MILLION &&
  parameters.falloffPpm > 0 &&
  Number.isSafeInteger(parameters.pieces) &&
  parameters.pieces >= 2 &&
  parameters.pieces <= 1_000;

/**
 * SPEC staking 1.1: a straight line up to the ideal, then chords of the falling curve, each as long as it may be so that
 * neither its width nor its height passes the length that `pieces` allow.
 */
export function inflationCurve(parameters: InflationParameters): readonly InflationPoint[] {
  assert(isInflationParameters(parameters), 'inflation is made of parameters that were checked');
  const { minimumPpm, maximumPpm, idealStakePpm, falloffPpm, pieces } = parameters;
  const longest = Math.floor((maximumPpm - minimumPpm + MILLION - idealStakePpm) / (pieces - 1));
  const stakedAt = (inflationPpm: number): number => {
    const halvings = log2Ppm(maximumPpm - minimumPpm, inflationPpm - minimumPpm);
    return idealStakePpm + Number(quotient(BigInt(falloffPpm) * BigInt(halvings), BigInt(MILLION)));
  };
  let last: InflationPoint = { stakedPpm: idealStakePpm, inflationPpm: maximumPpm };
  const points: InflationPoint[] = [{ stakedPpm: 0, inflationPpm: minimumPpm }, last];
  for (;;) {
    const { stakedPpm, inflationPpm } = last;
    let drop = 0;
    // The deepest drop that is not too long, by halves: a deeper drop is never narrower.
    let tooDeep = Math.min(longest, inflationPpm - minimumPpm - 1) + 1;
    while (tooDeep - drop > 1) {
      const middle = Math.floor((drop + tooDeep) / 2);
      if (stakedAt(inflationPpm - middle) - stakedPpm <= longest) drop = middle;
      else tooDeep = middle;
    }
    // In a curve so flat that a part of a million is a long step, the last piece goes straight to the end.
    if (drop === 0 || points.length === pieces) {
      points.push({ stakedPpm: MILLION, inflationPpm: minimumPpm });
      return points;
    }
    const next = { stakedPpm: stakedAt(inflationPpm - drop), inflationPpm: inflationPpm - drop };
    if (next.stakedPpm >= MILLION) {
      const above = Math.floor(((next.stakedPpm - MILLION) * drop) / (next.stakedPpm - stakedPpm));
      points.push({ stakedPpm: MILLION, inflationPpm: next.inflationPpm + above });
      return points;
    }
    points.push(next);
    last = next;
  }
}

/** What is minted in a year at this rate of stake, to the nearest minor unit. */
function yearlyPayout(curve: readonly InflationPoint[], staked: bigint, total: bigint): bigint {
  const million = BigInt(MILLION);
  const at = curve.findIndex(({ stakedPpm }) => staked * million < BigInt(stakedPpm) * total);
  const to = curve[at === -1 ? curve.length - 1 : at];
  const from = at === -1 ? to : curve[at - 1];
  assert(from !== undefined && to !== undefined, 'an inflation curve begins where nothing is staked');
  const width = at === -1 ? 1n : BigInt(to.stakedPpm - from.stakedPpm);
  const along = at === -1 ? 0n : staked * million - BigInt(from.stakedPpm) * total;
  const height = BigInt(from.inflationPpm) * width * total + BigInt(to.inflationPpm - from.inflationPpm) * along;
  return quotientNearest(height, width * million);
}

export interface EraIssue {
  /** What the validators and their backers share. */
  readonly payout: bigint;
  /** What they would share if the ideal were staked: all that is minted. The treasury has the difference. */
  readonly maximum: bigint;
}

/** SPEC staking 1.2: of an era of `eraMs`, in minor units; `staked` at most `total`, both not negative. */
export function eraIssue(
  curve: readonly InflationPoint[],
  { staked, total, eraMs }: { readonly staked: bigint; readonly total: bigint; readonly eraMs: number },
): EraIssue {
  assert(staked >= 0n && staked <= total, 'no more is staked than there is');
  assert(Number.isSafeInteger(eraMs) && eraMs > 0 && eraMs <= YEAR_MS, 'an era is longer than nothing, and no year');
  const portion = BigInt(shareOf(BigInt(eraMs), BigInt(YEAR_MS)));
  const inEra = (yearly: bigint): bigint => quotientNearest(yearly * portion, BigInt(BILLION));
  const highest = Math.max(...curve.map(({ inflationPpm }) => inflationPpm));
  return {
    payout: inEra(yearlyPayout(curve, staked, total)),
    maximum: inEra(quotientNearest(total * BigInt(highest), BigInt(MILLION))),
  };
}
