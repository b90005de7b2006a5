import type { TariffEntry } from './history.js';

export type Allocation = TariffEntry['allocation'];

/**
 * floor(amount x part / whole) of whole numbers that are safe, with part <= whole: exact, also where the product is beyond the safe
 * integers.
 */
export function shareOf(amount: number, part: number, whole: number): number {
  const product = amount * part;
  return product <= Number.MAX_SAFE_INTEGER
    ? Math.floor(product / whole)
    : Number((BigInt(amount) * BigInt(part)) / BigInt(whole));
}

/**
 * SPEC settlement 2.1, 2.2: shares out `total` Wh among `wants` (Wh, in the order of trade numbers); nobody gets more than it
 * wants, and all together get the lesser of `total` and the sum of what they want.
 */
export function allocate(total: number, wants: readonly number[], rule: Allocation): number[] {
  const wanted = wants.reduce((sum, want) => sum + want, 0);
  if (total >= wanted) return [...wants];
  return rule === 'fifo' ? inOrder(total, wants) : proRata(total, wants, wanted);
}

function inOrder(total: number, wants: readonly number[]): number[] {
  let left = total;
  return wants.map((want) => {
    const share = Math.min(want, left);
    left -= share;
    return share;
  });
}

/** Each its floor; what the floors leave over goes, a Wh each, to the largest remainders, of equal ones to the first. */
function proRata(total: number, wants: readonly number[], wanted: number): number[] {
  const shares = wants.map((want) => shareOf(want, total, wanted));
  let left = shares.reduce((rest, share) => rest - share, total);
  const remainders = wants.map((want, i) => ({ i, remainder: remainderOf(want, total, wanted, shares[i] as number) }));
  remainders.sort((a, b) => (a.remainder === b.remainder ? a.i - b.i : a.remainder > b.remainder ? -1 : 1));
  for (const { i } of remainders) {
    if (left === 0) break;
    shares[i] = (shares[i] as number) + 1;
    left--;
  }
  return shares;
}

function remainderOf(want: number, total: number, wanted: number, share: number): number {
  const product = want * total;
  return product <= Number.MAX_SAFE_INTEGER
    ? product - share * wanted
    : Number(BigInt(want) * BigInt(total) - BigInt(share) * BigInt(wanted));
}
