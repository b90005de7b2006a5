import type { PositionResult } from './position.js';

/** What comes into and goes out of the balances of one zone and interval, in Wh. Absent counts as nothing. */
export interface EnergyFlows {
  readonly mintedWh: bigint;
  readonly movedInWh: bigint;
  readonly movedOutWh: bigint;
  readonly retiredWh: bigint;
  readonly expiredWh: bigint;
}

/** SPEC settlement 7.1: opening + minted + movedIn - movedOut - retired - expired + corrections = closing. */
export interface ControlAccount extends EnergyFlows {
  readonly openingWh: bigint;
  /** What corrections have changed since, by the same reasons; `correctedWh` is what they come to in the balances. */
  readonly corrections: EnergyFlows;
  readonly correctedWh: bigint;
  readonly closingWh: bigint;
  /** Must be zero. */
  readonly unexplainedWh: bigint;
}

export const NO_FLOWS: EnergyFlows = {
  mintedWh: 0n,
  movedInWh: 0n,
  movedOutWh: 0n,
  retiredWh: 0n,
  expiredWh: 0n,
};

/** What a settled position adds to the flows of its zone. */
export const flowsOf = (result: PositionResult): EnergyFlows => ({
  mintedWh: BigInt(result.exportWh),
  movedInWh: BigInt(result.movedInWh),
  movedOutWh: BigInt(result.movedOutWh),
  retiredWh: BigInt(result.usedWh) + BigInt(result.surplusWh),
  expiredWh: BigInt(result.expiredWh),
});

export const addFlows = (a: EnergyFlows, b: EnergyFlows): EnergyFlows => ({
  mintedWh: a.mintedWh + b.mintedWh,
  movedInWh: a.movedInWh + b.movedInWh,
  movedOutWh: a.movedOutWh + b.movedOutWh,
  retiredWh: a.retiredWh + b.retiredWh,
  expiredWh: a.expiredWh + b.expiredWh,
});

export const subtractFlows = (a: EnergyFlows, b: EnergyFlows): EnergyFlows => ({
  mintedWh: a.mintedWh - b.mintedWh,
  movedInWh: a.movedInWh - b.movedInWh,
  movedOutWh: a.movedOutWh - b.movedOutWh,
  retiredWh: a.retiredWh - b.retiredWh,
  expiredWh: a.expiredWh - b.expiredWh,
});

/** What flows come to in the balances. */
export const balanceOf = ({ mintedWh, movedInWh, movedOutWh, retiredWh, expiredWh }: EnergyFlows): bigint =>
  mintedWh + movedInWh - movedOutWh - retiredWh - expiredWh;

/** `closingWh` is what the balances really are. */
export function controlAccount(
  openingWh: bigint,
  flows: EnergyFlows,
  corrections: EnergyFlows,
  closingWh: bigint,
): ControlAccount {
  const correctedWh = balanceOf(corrections);
  const unexplainedWh = closingWh - (openingWh + balanceOf(flows) + correctedWh);
  return { openingWh, ...flows, corrections, correctedWh, closingWh, unexplainedWh };
}
