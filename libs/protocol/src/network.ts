/** The zones that a link joins. */
export interface LinkEnds {
  readonly fromZone: string;
  readonly toZone: string;
}

/** A link of a route, in the direction in which energy takes it. */
export interface Leg {
  readonly link: string;
  /** From the link's first zone to its second. */
  readonly isForward: boolean;
}

/**
 * SPEC network 2.2: the way over these links; nothing where they do not lead from the one zone to the other, or pass a zone twice.
 * Within one zone there is none.
 */
export function legsOf(
  fromZone: string,
  toZone: string,
  route: readonly string[],
  endsOf: (link: string) => LinkEnds | undefined,
): readonly Leg[] | undefined {
  const legs: Leg[] = [];
  const passed = new Set([fromZone]);
  let here = fromZone;
  for (const link of route) {
    const ends = endsOf(link);
    if (ends === undefined || (ends.fromZone !== here && ends.toZone !== here)) return undefined;
    const isForward = ends.fromZone === here;
    here = isForward ? ends.toZone : ends.fromZone;
    if (passed.size === passed.add(here).size) return undefined;
    legs.push({ link, isForward });
  }
  return here === toZone && legs.length > 0 ? legs : undefined;
}
