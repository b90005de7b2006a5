import { quorumOf } from './quorum.js';

/** What a light client makes of a header: it is trusted now; a header between has to come first; it is refused. */
export type LightVerdict = 'SUCCESS' | 'NOT_ENOUGH_TRUST' | 'INVALID';

/** Why it is not trusted, in the order of the checks. Only `light.notEnoughTrust` is no refusal. */
export type LightRuleFault =
  | 'light.unsigned'
  | 'light.trustExpired'
  | 'light.fromTheFuture'
  | 'light.notLater'
  | 'light.strangerSigned'
  | 'light.otherValidators'
  | 'light.notEnoughTrust'
  | 'light.noQuorum';

/** One step of a light client, with validators as names: the rule asks who, and never how a signature is checked. */
export interface LightStep {
  readonly trusted: { readonly height: number; readonly time: number; readonly nextValidators: ReadonlySet<string> };
  readonly block: {
    readonly height: number;
    readonly time: number;
    readonly validators: ReadonlySet<string>;
    readonly signedBy: ReadonlySet<string>;
  };
  readonly now: number;
  readonly trustingPeriodMs: number;
  readonly clockDriftMs: number;
  /** Whether no epoch begins between the two: then the trusted next set decides the block, and no other can. */
  readonly isBound: boolean;
}

/** SPEC light-client 2.1 to 2.8: the first check that fails is the answer; `undefined` means the block may be trusted. */
export function lightRuleFault(step: LightStep): LightRuleFault | undefined {
  const { trusted, block, now, trustingPeriodMs, clockDriftMs, isBound } = step;
  const { validators, signedBy } = block;
  if (validators.size === 0 || signedBy.size === 0) return 'light.unsigned';
  if (!isTrustFresh(trusted, now, trustingPeriodMs)) return 'light.trustExpired';
  if (block.time > now + clockDriftMs) return 'light.fromTheFuture';
  if (block.height <= trusted.height || block.time <= trusted.time) return 'light.notLater';
  if (countIn(validators, signedBy) < signedBy.size) return 'light.strangerSigned';
  if (isBound) {
    if (!areSame(validators, trusted.nextValidators)) return 'light.otherValidators';
  } else if (!isMoreThanOneThird(countIn(trusted.nextValidators, signedBy), trusted.nextValidators.size))
    return 'light.notEnoughTrust';
  return signedBy.size >= quorumOf(validators.size) ? undefined : 'light.noQuorum';
}

export const lightVerdictOf = (fault: string | undefined): LightVerdict =>
  fault === undefined ? 'SUCCESS' : fault === 'light.notEnoughTrust' ? 'NOT_ENOUGH_TRUST' : 'INVALID';

/** SPEC light-client 2.2: until when what was trusted may vouch for more. */
export const isTrustFresh = (trusted: { readonly time: number }, now: number, trustingPeriodMs: number): boolean =>
  now < trusted.time + trustingPeriodMs;

/** SPEC light-client 2.7: more than a third of n is at least f + 1, so one of them is honest. */
export const isMoreThanOneThird = (count: number, n: number): boolean => 3 * count > n;

function countIn(set: ReadonlySet<string>, names: ReadonlySet<string>): number {
  let count = 0;
  for (const name of names) if (set.has(name)) count++;
  return count;
}

const areSame = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
  a.size === b.size && countIn(a, b) === b.size;
