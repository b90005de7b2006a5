import { assert, BILLION, isShare, quotient, quotientUp } from '@gridtokenx/kernel';
import { enoughFrom, isCurve, type Curve } from './curve.js';
import { approvalOf, supportOf, type Tally } from './tally.js';

/** What holds for the referenda of a track; times in ms. */
export interface TrackParameters {
  readonly prepareMs: number;
  readonly decisionMs: number;
  readonly confirmMs: number;
  /** From approval to enactment, at least. */
  readonly enactmentMs: number;
  /** Without its decision deposit, or a place among those that are decided, it ends this long after it was submitted. */
  readonly undecidedMs: number;
  /** Ayes of ayes and nays. */
  readonly approval: Curve;
  /** Support of the electorate. */
  readonly support: Curve;
}

export type Phase =
  | { readonly kind: 'preparing' }
  | { readonly kind: 'deciding'; readonly since: number }
  /** It has passed all the time since `confirmingSince`. */
  | { readonly kind: 'confirming'; readonly since: number; readonly confirmingSince: number }
  | { readonly kind: 'approved'; readonly at: number }
  | { readonly kind: 'rejected'; readonly at: number; readonly why: 'notDecided' | 'notPassed' };

/** An immutable value; times in ms of ledger time. */
export interface Referendum {
  /** Those of its track when it was submitted: what governance changes later is for later referenda. */
  readonly track: TrackParameters;
  readonly submittedAt: number;
  /** When it had its decision deposit and a place among those that are decided. */
  readonly placedAt: number | undefined;
  readonly phase: Phase;
  /** Up to when the phase has been judged: from then on the tally is the one at hand. */
  readonly judgedAt: number;
}

/** The votes, and what all that might vote is worth. */
export interface Standing {
  readonly tally: Tally;
  readonly electorate: bigint;
}

const isSpan = (ms: number): boolean => Number.isSafeInteger(ms) && ms >= 0 && ms <= 1_000_000_000_000;

/** What a parameter file may hold. */
export const isTrack = (track: TrackParameters): boolean =>
  [track.prepareMs, track.decisionMs, track.confirmMs, track.enactmentMs, track.undecidedMs].every(isSpan) &&
  track.decisionMs > 0 &&
  track.undecidedMs > track.prepareMs &&
  isCurve(track.approval) &&
  isCurve(track.support);

/** SPEC governance 4.1 */
export function submitReferendum(track: TrackParameters, now: number): Referendum {
  assert(isTrack(track), 'a track is made of parameters that were checked');
  return { track: { ...track }, submittedAt: now, placedAt: undefined, phase: { kind: 'preparing' }, judgedAt: now };
}

/** SPEC governance 4.2: has its deposit and its place from now on. It has been judged up to now, and is preparing still. */
export function placeReferendum(referendum: Referendum, now: number): Referendum {
  assert(referendum.phase.kind === 'preparing' && referendum.placedAt === undefined, 'a referendum is placed once');
  assert(referendum.judgedAt === now, 'what changes a referendum comes after it was judged');
  return { ...referendum, placedAt: now };
}

/** SPEC governance 4.3: how much of the decision period has passed, in parts of a billion, rounded down. */
export function elapsedOf({ decisionMs }: TrackParameters, since: number, now: number): number {
  const passed = Math.min(Math.max(now - since, 0), decisionMs);
  return Number(quotient(BigInt(passed) * BigInt(BILLION), BigInt(decisionMs)));
}

/** SPEC governance 4.3: the first moment at which both curves are passed, should the tally stay; `undefined` if never. */
export function passesFrom({ track }: Referendum, since: number, { tally, electorate }: Standing): number | undefined {
  const approval = enoughFrom(track.approval, approvalOf(tally));
  const support = enoughFrom(track.support, supportOf(tally, electorate));
  if (approval === undefined || support === undefined) return undefined;
  const elapsed = Math.max(approval, support);
  assert(isShare(elapsed), 'a curve is passed within the period');
  return since + Number(quotientUp(BigInt(elapsed) * BigInt(track.decisionMs), BigInt(BILLION)));
}

/**
 * SPEC governance 4.4: the next phase and when it comes by itself, should the tally stay as it is; `undefined` when none does. The curves
 * only fall, so what passes once passes until the tally changes: there is nothing to look at in between.
 */
export function nextPhase(
  referendum: Referendum,
  standing: Standing,
): { readonly at: number; readonly phase: Phase } | undefined {
  const { track, submittedAt, placedAt, phase, judgedAt } = referendum;
  switch (phase.kind) {
    case 'preparing': {
      if (placedAt === undefined) {
        const at = submittedAt + track.undecidedMs;
        return { at, phase: { kind: 'rejected', at, why: 'notDecided' } };
      }
      const since = Math.max(placedAt, submittedAt + track.prepareMs);
      return { at: since, phase: { kind: 'deciding', since } };
    }
    case 'deciding': {
      const { since } = phase;
      const end = Math.max(since + track.decisionMs, judgedAt);
      const passes = passesFrom(referendum, since, standing);
      if (passes === undefined) return { at: end, phase: { kind: 'rejected', at: end, why: 'notPassed' } };
      const confirmingSince = Math.max(passes, judgedAt);
      return { at: confirmingSince, phase: { kind: 'confirming', since, confirmingSince } };
    }
    case 'confirming': {
      const { since, confirmingSince } = phase;
      const passes = passesFrom(referendum, since, standing);
      if (passes === undefined || passes > judgedAt) return { at: judgedAt, phase: { kind: 'deciding', since } };
      const at = confirmingSince + track.confirmMs;
      return { at, phase: { kind: 'approved', at } };
    }
    case 'approved':
    case 'rejected':
      return undefined;
  }
}

/**
 * SPEC governance 4.5: the referendum at `now`, when the tally has stood since it was judged last. Whoever changes a tally judges it
 * before with the old one and after with the new one, both at the moment of the change. `began` is told each phase on the way.
 */
export function judge(
  referendum: Referendum,
  standing: Standing,
  now: number,
  began?: (phase: Phase) => void,
): Referendum {
  assert(now >= referendum.judgedAt, 'a referendum is judged forward in time');
  let judged = referendum;
  for (;;) {
    const next = nextPhase(judged, standing);
    if (next === undefined || next.at > now) return { ...judged, judgedAt: now };
    began?.(next.phase);
    judged = { ...judged, phase: next.phase, judgedAt: next.at };
  }
}

/** SPEC governance 4.6: when an approved referendum is enacted, if it asked for `wantedAt`; `undefined` unless it is approved. */
export function enactmentAt({ track, phase }: Referendum, wantedAt: number): number | undefined {
  return phase.kind === 'approved' ? Math.max(wantedAt, phase.at + track.enactmentMs) : undefined;
}
