import { assert } from '@gridtokenx/kernel';

/** What was unbonded in one era. */
export interface UnbondingChunk {
  readonly amount: bigint;
  /** The era from which on it may be withdrawn. */
  readonly until: number;
}

/** What an account has bonded: an immutable value, in minor units. All of it is locked, and all of it may be slashed. */
export interface Bond {
  /** What counts in elections. */
  readonly active: bigint;
  /** On its way out, the earliest first, one chunk for each era. */
  readonly unbonding: readonly UnbondingChunk[];
}

export interface BondTerms {
  /** Least active bond, but for none at all. */
  readonly minimum: bigint;
  /** Eras from unbonding to withdrawing. */
  readonly bonding: number;
  /** Chunks that one bond may have at once. */
  readonly chunks: number;
}

export type BondRefusal =
  | 'staking.nothing'
  | 'staking.insufficientBond'
  | 'staking.insufficientUnbonding'
  | 'staking.belowMinimum'
  | 'staking.tooManyChunks';

export const NO_BOND: Bond = { active: 0n, unbonding: [] };

const sumOf = (chunks: readonly UnbondingChunk[]): bigint => chunks.reduce((sum, { amount }) => sum + amount, 0n);

/** SPEC staking 6.1: all that is locked. */
export const bondTotal = ({ active, unbonding }: Bond): bigint => active + sumOf(unbonding);

/** SPEC staking 6.2 */
export function bondMore(bond: Bond, amount: bigint, { minimum }: BondTerms): Bond | BondRefusal {
  if (amount <= 0n) return 'staking.nothing';
  const active = bond.active + amount;
  return active < minimum ? 'staking.belowMinimum' : { ...bond, active };
}

/** SPEC staking 6.3: in era `era`. */
export function unbond(bond: Bond, amount: bigint, era: number, terms: BondTerms): Bond | BondRefusal {
  if (amount <= 0n) return 'staking.nothing';
  if (amount > bond.active) return 'staking.insufficientBond';
  const active = bond.active - amount;
  if (active !== 0n && active < terms.minimum) return 'staking.belowMinimum';
  const until = era + terms.bonding;
  // A shorter bonding period that governance set meanwhile frees nothing before what was unbonded earlier.
  const last = bond.unbonding.at(-1);
  if (last !== undefined && last.until >= until) {
    const grown = { amount: last.amount + amount, until: last.until };
    return { active, unbonding: [...bond.unbonding.slice(0, -1), grown] };
  }
  if (bond.unbonding.length >= terms.chunks) return 'staking.tooManyChunks';
  return { active, unbonding: [...bond.unbonding, { amount, until }] };
}

/** Takes `amount` off the chunks, those that end last first. `amount` is at most their sum. */
function takeLatest(chunks: readonly UnbondingChunk[], amount: bigint): readonly UnbondingChunk[] {
  const left = [...chunks];
  let open = amount;
  while (open > 0n) {
    const last = left.pop();
    assert(last !== undefined, 'no more is taken off the chunks than they hold');
    if (last.amount > open) left.push({ amount: last.amount - open, until: last.until });
    open -= last.amount < open ? last.amount : open;
  }
  return left;
}

/** SPEC staking 6.4: back from the chunks that end last. */
export function rebond(bond: Bond, amount: bigint, { minimum }: BondTerms): Bond | BondRefusal {
  if (amount <= 0n) return 'staking.nothing';
  if (amount > sumOf(bond.unbonding)) return 'staking.insufficientUnbonding';
  const active = bond.active + amount;
  if (active < minimum) return 'staking.belowMinimum';
  return { active, unbonding: takeLatest(bond.unbonding, amount) };
}

/** SPEC staking 6.5: what may be withdrawn in era `era` leaves the bond. */
export function withdraw(bond: Bond, era: number): { readonly bond: Bond; readonly withdrawn: bigint } {
  const unbonding = bond.unbonding.filter(({ until }) => until > era);
  const left: Bond = { active: bond.active, unbonding };
  return { bond: left, withdrawn: bondTotal(bond) - bondTotal(left) };
}

/**
 * SPEC staking 6.6: a slash takes what is active first, then what is on its way out, the latest first: the stake that the
 * offence stood on is the one that left last. `taken` is less than `amount` only where the bond holds no more.
 */
export function slashBond(bond: Bond, amount: bigint): { readonly bond: Bond; readonly taken: bigint } {
  assert(amount >= 0n, 'a slash gives nothing');
  const total = bondTotal(bond);
  const taken = amount < total ? amount : total;
  const fromActive = taken < bond.active ? taken : bond.active;
  const unbonding = takeLatest(bond.unbonding, taken - fromActive);
  return { bond: { active: bond.active - fromActive, unbonding }, taken };
}
