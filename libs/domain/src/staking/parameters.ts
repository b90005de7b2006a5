/** How long things last, in eras. */
export interface StakingDurations {
  /** Evidence of an offence in era e is taken up to era e + this. */
  readonly evidence: number;
  /** A slash for an offence in era e is taken when era e + this begins; until then governance may cancel it. */
  readonly slashDefer: number;
  /** What is unbonded in era u may be withdrawn from era u + this on. */
  readonly bonding: number;
}

/**
 * SPEC staking 5.1: what is wrong with these durations, or `undefined`. Evidence comes before the slash it calls for is due, and a slash
 * is due before the stake it falls on is free: exposures are fixed in the era before, so what was unbonded after that is free
 * from era e - 1 + bonding on, and the slash comes first as the era begins.
 */
export function refuseDurations({ evidence, slashDefer, bonding }: StakingDurations): 'staking.durations' | undefined {
  const whole = [evidence, slashDefer, bonding].every((eras) => Number.isSafeInteger(eras) && eras > 0);
  return whole && evidence < slashDefer && slashDefer < bonding ? undefined : 'staking.durations';
}

/** SPEC staking 5.2: whether evidence of an offence in era `offence` is still taken in era `now`. */
export const isEvidenceInTime = ({ evidence }: StakingDurations, offence: number, now: number): boolean =>
  now >= offence && now - offence <= evidence;

/** SPEC staking 5.2: the era at whose beginning, before any operation, the slash is taken. */
export const slashDueAt = ({ slashDefer }: StakingDurations, offence: number): number => offence + slashDefer;
