import { assert, quotient } from '@gridtokenx/kernel';

/** How long a voter stands by a vote that wins: level 0 to 6. */
export type Conviction = 0 | 1 | 2 | 3 | 4 | 5 | 6;

interface ConvictionTerms {
  /** Votes for ten of the capital. */
  readonly votesPerTen: number;
  /** Lock periods after the end of the referendum. */
  readonly lockPeriods: number;
}

/** SPEC governance 1.1: each level of more votes doubles the time for which the capital stays locked. */
export const CONVICTIONS: Readonly<Record<Conviction, ConvictionTerms>> = {
  0: { votesPerTen: 1, lockPeriods: 0 },
  1: { votesPerTen: 10, lockPeriods: 1 },
  2: { votesPerTen: 20, lockPeriods: 2 },
  3: { votesPerTen: 30, lockPeriods: 4 },
  4: { votesPerTen: 40, lockPeriods: 8 },
  5: { votesPerTen: 50, lockPeriods: 16 },
  6: { votesPerTen: 60, lockPeriods: 32 },
};

export const isConviction = (level: number): level is Conviction => Object.hasOwn(CONVICTIONS, level);

/** SPEC governance 1.2: the votes that a capital has, rounded down. */
export function votesOf(capital: bigint, conviction: Conviction): bigint {
  assert(capital >= 0n, 'nobody votes with less than nothing');
  return quotient(capital * BigInt(CONVICTIONS[conviction].votesPerTen), 10n);
}
