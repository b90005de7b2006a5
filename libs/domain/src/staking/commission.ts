import { isShare } from '@gridtokenx/kernel';

/** A validator's commission, with what it takes to limit its changes; shares in parts of a billion. */
export interface Commission {
  readonly parts: number;
  /** The era of the last change. */
  readonly era: number;
  /** What it was when that era began. */
  readonly atEraStart: number;
}

export interface CommissionLimits {
  readonly minimum: number;
  /** How far from where it stood when the era began. */
  readonly changePerEra: number;
}

export type CommissionRefusal = 'staking.commissionRange' | 'staking.commissionChange';

/** SPEC staking 7.1: the first commission of a validator, in era `era`. */
export function firstCommission(
  parts: number,
  era: number,
  { minimum }: CommissionLimits,
): Commission | CommissionRefusal {
  if (!isShare(parts) || parts < minimum) return 'staking.commissionRange';
  return { parts, era, atEraStart: parts };
}

/** SPEC staking 7.2: many small steps in one era go no further than one step may. */
export function changeCommission(
  commission: Commission,
  parts: number,
  era: number,
  { minimum, changePerEra }: CommissionLimits,
): Commission | CommissionRefusal {
  if (!isShare(parts) || parts < minimum) return 'staking.commissionRange';
  const atEraStart = commission.era === era ? commission.atEraStart : commission.parts;
  // Whom a raised minimum has overtaken may always come up to it.
  const caughtUp = parts === minimum && atEraStart < minimum;
  if (Math.abs(parts - atEraStart) > changePerEra && !caughtUp) return 'staking.commissionChange';
  return { parts, era, atEraStart };
}
