/** SPEC election 4.1: how good an election is: the least and the sum should be high, the sum of squares low. */
export interface ElectionScore {
  readonly minimalStake: bigint;
  readonly sumStake: bigint;
  readonly sumStakeSquared: bigint;
}

/** Of what stands behind each winner; all zero where there is none. */
export function scoreOf(stakes: readonly bigint[]): ElectionScore {
  let minimalStake = stakes[0] ?? 0n;
  let sumStake = 0n;
  let sumStakeSquared = 0n;
  for (const stake of stakes) {
    if (stake < minimalStake) minimalStake = stake;
    sumStake += stake;
    sumStakeSquared += stake * stake;
  }
  return { minimalStake, sumStake, sumStakeSquared };
}

export const isSameScore = (a: ElectionScore, b: ElectionScore): boolean =>
  a.minimalStake === b.minimalStake && a.sumStake === b.sumStake && a.sumStakeSquared === b.sumStakeSquared;

const BILLION = 1_000_000_000n;

/**
 * SPEC election 4.2: whether `score` beats `than`: by the least stake, then by the sum, then by the sum of squares. A
 * difference of up to `epsilonPpb` billionths of `than`, rounded up, beats nothing; nor does what is worse in something
 * that weighs more.
 */
export function isBetterScore(score: ElectionScore, than: ElectionScore, epsilonPpb = 0n): boolean {
  const margin = (value: bigint): bigint => (value * epsilonPpb + BILLION - 1n) / BILLION;
  for (const key of ['minimalStake', 'sumStake'] as const) {
    if (score[key] > than[key] + margin(than[key])) return true;
    if (score[key] < than[key]) return false;
  }
  return score.sumStakeSquared < than.sumStakeSquared - margin(than.sumStakeSquared);
}
