import { INTERVAL_MS } from '@gridtokenx/kernel';
import type { Phase } from '@gridtokenx/protocol';

/** The rules that say when an interval may be traded, in milliseconds of market time. */
export interface PhaseRules {
  readonly forwardDays: number;
  readonly gateMs: number;
  readonly spotMs: number;
}

const DAY_MS = 86_400_000;

/** SPEC market 1.2: the times of one delivery interval. */
export interface Schedule {
  readonly startsAt: number;
  readonly forwardFrom: number;
  /** Gate closure: the forward phase ends. */
  readonly gateAt: number;
  /** Delivery ends: metering and the spot phase begin. */
  readonly deliveredAt: number;
  /** The spot phase ends and the interval is settled. */
  readonly closesAt: number;
}

/** Of the interval that starts then, in milliseconds. */
export function scheduleOf({ forwardDays, gateMs, spotMs }: PhaseRules, start: number): Schedule {
  const deliveredAt = start + INTERVAL_MS;
  return {
    startsAt: start,
    forwardFrom: start - forwardDays * DAY_MS,
    gateAt: start - gateMs,
    deliveredAt,
    closesAt: deliveredAt + spotMs,
  };
}

/** The phase that an interval is in; `none` before the forward phase and between gate closure and the end of delivery. */
export function phaseAt(
  { forwardFrom, gateAt, deliveredAt, closesAt }: Schedule,
  marketTime: number,
): Phase | 'none' | 'over' {
  if (marketTime >= closesAt) return 'over';
  if (marketTime >= deliveredAt) return 'spot';
  return marketTime >= forwardFrom && marketTime < gateAt ? 'forward' : 'none';
}
