import { assert } from '@gridtokenx/kernel';
import type { Leg } from '@gridtokenx/protocol';

/** A leg by a name of its own: what energy uses of a link in one direction. */
export interface RouteLeg extends Leg {
  readonly key: string;
}

/** How energy gets from zone to zone in one delivery interval. */
export interface Way {
  readonly legs: readonly RouteLeg[];
  /** The same in one text: {@link routeText}. */
  readonly route: string;
  /** What may still go this way when it is asked for, in Wh. */
  readonly leftWh: number;
}

/** The way of energy that stays in its zone. */
export const NO_LEGS: readonly RouteLeg[] = [];
export const WITHIN_ZONE: Way = { legs: NO_LEGS, route: '', leftWh: Number.MAX_SAFE_INTEGER };

export const legKeyOf = ({ link, isForward }: Leg): string => `${link}${isForward ? '>' : '<'}`;

/** Of what a key of {@link legKeyOf} is the name. */
export const legOf = (key: string): Leg => ({ link: key.slice(0, -1), isForward: key.endsWith('>') });

export const routeLegs = (legs: readonly Leg[]): readonly RouteLeg[] =>
  legs.map((leg) => ({ ...leg, key: legKeyOf(leg) }));

/** Legs in one text, empty for none, and back. */
export const routeText = (legs: readonly RouteLeg[]): string => legs.map(({ key }) => key).join('');
export const legsOfText = (route: string): readonly RouteLeg[] =>
  route === '' ? NO_LEGS : routeLegs((route.match(/[^<>]+[<>]/g) ?? []).map(legOf));

/** What energy of one delivery interval uses of a link in one direction, in Wh. */
export interface Use {
  /** By forward trades, which may still be cut. */
  readonly contractWh: number;
  /** By spot trades, which stay. */
  readonly spotWh: number;
  /** The capacity under which all this was let through: use never exceeds it. */
  readonly limitWh: number;
}

export type UsePhase = 'forward' | 'spot';

export const usedOf = (use: Use | undefined): number => (use === undefined ? 0 : use.contractWh + use.spotWh);

/** SPEC network 3.1: what may still be used of a capacity; never below zero, though a capacity may have become smaller than its use. */
export const leftOf = (capacityWh: number, use: Use | undefined): number => Math.max(0, capacityWh - usedOf(use));

/** SPEC network 3.2: with so much more used under this capacity. Nobody asks for more than is left. */
export function withUse(use: Use | undefined, phase: UsePhase, quantityWh: number, capacityWh: number): Use {
  assert(quantityWh >= 0 && quantityWh <= leftOf(capacityWh, use), 'no more is used than is left');
  const { contractWh, spotWh } = use ?? { contractWh: 0, spotWh: 0 };
  return phase === 'forward'
    ? { contractWh: contractWh + quantityWh, spotWh, limitWh: capacityWh }
    : { contractWh, spotWh: spotWh + quantityWh, limitWh: capacityWh };
}

/** SPEC network 3.3: without so much of what forward trades use; nothing where nothing is used any more. */
export function withRelease(use: Use | undefined, quantityWh: number): Use | undefined {
  assert(use !== undefined && quantityWh >= 0 && quantityWh <= use.contractWh, 'what is released was used');
  const contractWh = use.contractWh - quantityWh;
  return contractWh + use.spotWh === 0 ? undefined : { ...use, contractWh };
}

/** The same under a capacity that has become smaller, once it is cut to it. */
export const useFault = (use: Use): string | undefined =>
  use.contractWh >= 0 && use.spotWh >= 0 && usedOf(use) > 0 && usedOf(use) <= use.limitWh
    ? undefined
    : `a link carries ${usedOf(use)} Wh of ${use.limitWh}`;

/** A forward trade, as far as it matters to who cuts it. */
export interface Cuttable {
  /** Its number: a later trade has a higher one. */
  readonly trade: number;
  readonly quantityWh: number;
}

export interface Cut {
  readonly trade: number;
  readonly cutWh: number;
}

/**
 * SPEC network 6.3: what is cut so that no more than the limit is left: the latest trade first, whole, and of the last one that has to
 * give way only what is too much.
 */
export function cutsTo(limitWh: number, contracts: readonly Cuttable[]): readonly Cut[] {
  let excess = contracts.reduce((sum, { quantityWh }) => sum + quantityWh, 0) - limitWh;
  const cuts: Cut[] = [];
  for (const { trade, quantityWh } of [...contracts].sort((a, b) => b.trade - a.trade)) {
    if (excess <= 0) break;
    const cutWh = Math.min(excess, quantityWh);
    cuts.push({ trade, cutWh });
    excess -= cutWh;
  }
  return cuts;
}
