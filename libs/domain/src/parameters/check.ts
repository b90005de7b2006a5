import type { PublicParameters } from '@gridtokenx/protocol';
import { isTrack } from '../governance/referendum.js';
import { isInflationParameters } from '../staking/inflation.js';
import { refuseDurations } from '../staking/parameters.js';

/** What a row can have in escrow: a safe integer. */
const HELD_MAX = BigInt(Number.MAX_SAFE_INTEGER);
/** Of a text of 65,536 characters. */
const CALL_BYTES_MAX = 4n * 65_536n;

/** What may come to be held at once, by each parameter that says so, in micro-GRID. */
const depositsOf = (parameters: PublicParameters): [name: string, most: bigint][] => [
  ['multisig.deposit', BigInt(parameters['multisig.deposit'])],
  ['transparency.deposit', BigInt(parameters['transparency.deposit'])],
  ['governance.submissionDeposit', BigInt(parameters['governance.submissionDeposit'])],
  ['governance.preimageDepositPerByte', BigInt(parameters['governance.preimageDepositPerByte']) * CALL_BYTES_MAX],
  ...Object.entries(parameters['governance.tracks']).map(([track, { decisionDeposit }]): [string, bigint] => [
    `the decision deposit of track ${track}`,
    BigInt(decisionDeposit),
  ]),
];

/** SPEC parameters 2.1: what is wrong with these parameters that no schema of one of them tells; `undefined` for nothing. */
export function parametersFault(parameters: PublicParameters): string | undefined {
  const durations = {
    evidence: parameters['staking.evidenceEras'],
    slashDefer: parameters['staking.slashDeferEras'],
    bonding: parameters['staking.bondingEras'],
  };
  if (refuseDurations(durations) !== undefined)
    return 'evidence must be shorter than the deferral of a slash, and that shorter than unbonding';
  if (parameters['staking.minimumValidatorCount'] > parameters['staking.validatorCount'])
    return 'staking.minimumValidatorCount is more than there are seats';
  if (!isInflationParameters(parameters['staking.inflation'])) return 'staking.inflation makes no curve';
  const track = Object.entries(parameters['governance.tracks']).find(([, terms]) => !isTrack(terms));
  if (track !== undefined) return `the terms of track ${track[0]} do not fit together`;
  const large = depositsOf(parameters).find(([, most]) => most > HELD_MAX);
  return large === undefined ? undefined : `${large[0]} is more than can be held`;
}
