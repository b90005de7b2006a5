export interface Tried {
  readonly rate: number;
  readonly sustained: boolean;
}

const STEP = 1.6;
/** Two rates nearer to each other than this are not told apart on a machine that is shared. */
const NEAR = 1.3;
/** Below this share of the first rate the search gives up. */
const LEAST_SHARE = 1 / 20;

/** Two digits are enough. */
const plain = (rate: number): number => Number(rate.toPrecision(2));

/** The next rate to offer in the search for saturation; `undefined` once it is known well enough. */
export function nextRate(first: number, tried: readonly Tried[]): number | undefined {
  if (tried.length === 0) return first;
  const held = tried.filter(({ sustained }) => sustained).map(({ rate }) => rate);
  const late = tried.filter(({ sustained }) => !sustained).map(({ rate }) => rate);
  if (late.length === 0) return plain(Math.max(...held) * STEP);
  const lowest = Math.min(...late);
  if (held.length === 0) return lowest / STEP < first * LEAST_SHARE ? undefined : plain(lowest / STEP);
  const highest = Math.max(...held);
  return lowest / highest > NEAR ? plain(Math.sqrt(lowest * highest)) : undefined;
}
