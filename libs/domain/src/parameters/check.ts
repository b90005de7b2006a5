import type { PublicParameters } from '@gridtokenx/protocol';
import { isTrack } from '../governance/referendum.js';
import { isInflationParameters } from '../staking/inflation.js';
import { refuseDurations } from '../staking/parameters.js';

/** Deposits: an escrow is a safe integer. */
const HELD = ['multisig.deposit', 'transparency.deposit'] as const;

/** SPEC parameters 2: what is wrong with these parameters that no schema of one of them tells; `undefined` for nothing. */
export function parametersFault(parameters: PublicParameters): string | undefined {
  const durations = {
    evidence: parameters['staking.evidenceEras'],
    slashDefer: parameters['staking.slashDeferEras'],
    bonding: parameters['staking.bondingEras'],
  };
  if (refuseDurations(durations) !== undefined)
    return 'evidence must be shorter than the deferral of a slash, and that shorter than unbonding';
  if (!isInflationParameters(parameters['staking.inflation'])) return 'staking.inflation makes no curve';
  const large = HELD.find((name) => BigInt(parameters[name]) > BigInt(Number.MAX_SAFE_INTEGER));
  if (large !== undefined) return `${large} is more than can be held`;
  const track = Object.entries(parameters['governance.tracks']).find(([, terms]) => !isTrack(terms));
  return track === undefined ? undefined : `the terms of track ${track[0]} do not fit together`;
}
