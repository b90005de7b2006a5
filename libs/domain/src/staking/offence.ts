import { assert, BILLION, partOf, quotient } from '@gridtokenx/kernel';

/** What is taken at most from those who were unresponsive together: 7 %. */
const UNRESPONSIVE_MAXIMUM = 70_000_000;

function checkCounts(offenders: number, validators: number): void {
  assert(Number.isSafeInteger(validators) && validators > 0, 'there are validators');
  assert(Number.isSafeInteger(offenders) && offenders >= 0 && offenders <= validators, 'validators offend');
}

/** Three times the share that they are of all, at most all: whoever could stop the ledger loses most. */
function thrice(offenders: number, validators: number): number {
  const parts = Number(quotient(3n * BigInt(offenders) * BigInt(BILLION), BigInt(validators)));
  return parts < BILLION ? parts : BILLION;
}

/**
 * SPEC staking 3.1: min(3 (k - (n / 10 + 1)) / n, 1) x 7 % of the stakes, in parts of a billion, for `offenders` (k) of `validators` (n)
 * that were unresponsive in one session. A tenth of all, and one, go free: machines fail.
 */
export function unresponsivenessFraction(offenders: number, validators: number): number {
  checkCounts(offenders, validators);
  const free = Math.floor(validators / 10) + 1;
  return Number(partOf(BigInt(UNRESPONSIVE_MAXIMUM), thrice(Math.max(0, offenders - free), validators)));
}

/** SPEC staking 3.2: min(3 k / n, 1) squared, in parts of a billion, for `offenders` (k) of `validators` (n) that signed two things. */
export function equivocationFraction(offenders: number, validators: number): number {
  checkCounts(offenders, validators);
  const parts = thrice(offenders, validators);
  return Number(partOf(BigInt(parts), parts));
}
