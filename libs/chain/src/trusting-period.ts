import type { LightOptions } from './light-client.js';

/** How far a client's clock may be behind: twice what a block's time may be ahead of its validators' clocks. */
export const CLOCK_DRIFT_MS = 10_000;

/** SPEC light-client 4.2: two thirds of the time for which evidence is taken; a third is left to hand it in. */
export const trustingPeriodOf = (evidenceAgeMs: number): number => Math.floor((evidenceAgeMs / 3) * 2);

export type TrustingPeriodFault = 'light.trustingPeriodTooLong' | 'light.trustingPeriodInvalid';

/**
 * SPEC light-client 4.1: whoever deceives a light client has signed a block that is younger than period and drift; as
 * long as evidence of that age is still taken, it costs the keys that did it.
 */
export function trustingPeriodFault(
  { trustingPeriodMs, clockDriftMs }: Pick<LightOptions, 'trustingPeriodMs' | 'clockDriftMs'>,
  evidenceAgeMs: number,
): TrustingPeriodFault | undefined {
  const areWhole = [trustingPeriodMs, clockDriftMs].every((ms) => Number.isSafeInteger(ms) && ms >= 0);
  if (!areWhole || trustingPeriodMs === 0) return 'light.trustingPeriodInvalid';
  return trustingPeriodMs + clockDriftMs < evidenceAgeMs ? undefined : 'light.trustingPeriodTooLong';
}
