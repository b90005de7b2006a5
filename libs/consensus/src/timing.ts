import { unreachable } from '@gridtokenx/kernel';
import type { ConsensusConfig, Demand } from './types.js';

/** SPEC consensus 4.1: T(r) = min(T0 x 2^r, cap). Doubling without a cap is how chains stall for hours. */
export function roundTimeoutMs(config: Pick<ConsensusConfig, 'baseTimeoutMs' | 'timeoutCapMs'>, round: number): number {
  return Math.min(config.baseTimeoutMs * 2 ** Math.min(round, 32), config.timeoutCapMs);
}

/** How often the own latest messages are published again. */
export const resendMs = (config: Pick<ConsensusConfig, 'baseTimeoutMs'>): number =>
  Math.max(1, Math.floor(config.baseTimeoutMs / 2));

function gapMs(config: ConsensusConfig, demand: Demand): number {
  switch (demand) {
    case 'idle':
      return config.beatMs;
    case 'waiting':
      return config.intervalMs;
    case 'full':
      return config.fullIntervalMs;
    default:
      return unreachable(demand);
  }
}

/**
 * SPEC consensus 4.2: when the block after a parent is due on the own clock. Clamped to what the clock can have meant when the
 * parent was learned: a clock that runs 30 s fast would otherwise start every timer in the past and never vote in round 0.
 */
export function dueAt(config: ConsensusConfig, parentTime: number, learnedAt: number, demand: Demand): number {
  const gap = gapMs(config, demand);
  return Math.min(Math.max(parentTime + gap, learnedAt), learnedAt + gap);
}
