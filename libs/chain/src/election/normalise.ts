import { assert, BILLION_PARTS } from '@gridtokenx/kernel';

interface Part {
  value: bigint;
}

const compare = (a: Part, b: Part): number => (a.value < b.value ? -1 : a.value > b.value ? 1 : 0);
const lesser = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const sumOf = (values: readonly bigint[]): bigint => values.reduce((sum, value) => sum + value, 0n);

/**
 * SPEC election 3.2: the values, each moved as little as it takes, so that they sum to `sum`. What is missing goes to the
 * smallest first, what is too much is taken from the largest first; among equals the earlier counts as the smaller. None
 * becomes negative. The work is bounded by the number of values, whatever they are.
 */
export function normalise(values: readonly bigint[], sum: bigint): bigint[] {
  assert(sum >= 0n && values.every((value) => value >= 0n), 'only what is not negative is normalised');
  const parts: Part[] = values.map((value) => ({ value }));
  const sorted = [...parts].sort(compare);
  const surplus = sumOf(values) - sum;
  if (parts.length > 0 && surplus < 0n) raise(sorted, -surplus, sum);
  if (parts.length > 0 && surplus > 0n) lower(sorted, surplus);
  return parts.map(({ value }) => value);
}

/** An equal share to the one at hand, which is the smallest until it has its part of the sum, then to the next. */
function raise(sorted: readonly Part[], missing: bigint, sum: bigint): void {
  const count = BigInt(sorted.length);
  const enough = sum / count;
  let at = 0;
  const give = (amount: bigint): void => {
    const part = sorted[at] as Part;
    part.value += amount;
    if (part.value >= enough) at = (at + 1) % sorted.length;
  };
  const share = missing / count;
  if (share > 0n) for (let i = 0; i < sorted.length; i++) give(share);
  for (let left = missing % count; left > 0n; left--) give(1n);
}

/** The mirror image: from the largest, down to what the smallest was. */
function lower(sorted: readonly Part[], surplus: bigint): void {
  const count = BigInt(sorted.length);
  const least = (sorted[0] as Part).value;
  let at = sorted.length - 1;
  /** Takes so much from the one at hand, or all it has, and returns what it took. */
  const take = (amount: bigint): bigint => {
    const part = sorted[at] as Part;
    const taken = lesser(amount, part.value);
    part.value -= taken;
    if (part.value <= least) at = at === 0 ? sorted.length - 1 : at - 1;
    return taken;
  };
  const share = surplus / count;
  let left = surplus % count;
  if (share > 0n) for (let i = 0; i < sorted.length; i++) left += share - take(share);
  while (left > 0n) {
    const { value } = sorted[at] as Part;
    if (value > least) {
      left -= take(lesser(left, value - least));
      continue;
    }
    // All are down to the least. One is taken from each in turn, so many whole turns at once as there are.
    const positive = sorted.filter((part) => part.value > 0n);
    const turns = positive.reduce((turns, part) => lesser(turns, part.value), left / BigInt(positive.length));
    if (turns === 0n) left -= take(1n);
    for (const part of positive) part.value -= turns;
    left -= turns * BigInt(positive.length);
  }
}

/** What part of `whole` each value is, in billionths that sum to {@link BILLION_PARTS}; what is less than one is left at 0. */
export function sharesOf(values: readonly bigint[], whole: bigint): bigint[] {
  const shares = values.map((value) => (value * BILLION_PARTS) / whole);
  const corrected = normalise(
    shares.filter((share) => share > 0n),
    BILLION_PARTS,
  );
  return shares.map((share) => (share > 0n ? (corrected.shift() ?? 0n) : 0n));
}
