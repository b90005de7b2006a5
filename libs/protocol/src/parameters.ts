import { z } from 'zod';
import * as f from './fields.js';
import { VALIDATORS_MAX } from './limits.js';

const span = f.publicField(z.int().min(0).max(1_000_000_000_000));
const eras = f.publicField(z.int().min(1).max(10_000));
const { parts } = f;
const ppm = f.publicField(z.int().min(0).max(1_000_000));
const signedParts = f.publicField(z.int().min(-1_000_000_000_000).max(1_000_000_000_000));

/** SPEC governance 2: the three kinds of curves, in parts of a billion. */
const curve = f.publicField(
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: f.publicField(z.literal('linear')), length: parts, floor: parts, ceil: parts }),
    z.strictObject({ kind: f.publicField(z.literal('stepped')), begin: parts, end: parts, step: parts, period: parts }),
    z.strictObject({
      kind: f.publicField(z.literal('reciprocal')),
      factor: signedParts,
      xOffset: signedParts,
      yOffset: signedParts,
    }),
  ]),
);

export const TRACKS = ['root', 'marketPolicy', 'treasury'] as const;
/** What a referendum may decide about: root about everything, the others about what is theirs. */
export const track = f.publicField(z.enum(TRACKS));
export type Track = z.infer<typeof track>;

const trackTerms = f.publicField(
  z.strictObject({
    prepareMs: span,
    decisionMs: span,
    confirmMs: span,
    enactmentMs: span,
    undecidedMs: span,
    approval: curve,
    support: curve,
    /** For a place among those that are decided; in micro-GRID. */
    decisionDeposit: f.amount,
    /** Referenda of the track that are decided at once; a delegation changes the tallies of them all. */
    decidingMax: f.publicField(z.int().min(1).max(100)),
  }),
);

/**
 * SPEC parameters 1.1: what the public ledger runs by and governance may change: one schema each. Amounts in micro-GRID, shares in parts of
 * a billion unless they say otherwise. The genesis sets them all.
 */
export const parameterSchemas = {
  /** An account that has less is no account: what is left of it goes to the treasury. */
  'grid.existentialMinimum': f.positiveAmount,
  /** Of each operation, and of each byte of an envelope. */
  'grid.feeBase': f.amount,
  'grid.feePerByte': f.amount,
  'staking.validatorCount': f.publicField(z.int().min(1).max(VALIDATORS_MAX)),
  /** With fewer winners the set of an era stays as it is for the next. */
  'staking.minimumValidatorCount': f.publicField(z.int().min(1).max(VALIDATORS_MAX)),
  'staking.minimumValidatorBond': f.positiveAmount,
  'staking.minimumNominatorBond': f.positiveAmount,
  'staking.bondingEras': eras,
  'staking.slashDeferEras': eras,
  'staking.evidenceEras': eras,
  'staking.unbondingChunks': f.publicField(z.int().min(1).max(100)),
  'staking.minimumCommission': parts,
  'staking.commissionChangePerEra': parts,
  /** Of a slash, for whoever brought the evidence. */
  'staking.reporterShare': parts,
  /** Unresponsive is who passed its turns to propose and stands in no more of the certificates of an era. */
  'staking.responsiveShare': parts,
  'staking.inflation': f.publicField(
    z.strictObject({
      minimumPpm: ppm,
      maximumPpm: ppm,
      idealStakePpm: ppm,
      falloffPpm: ppm,
      pieces: f.publicField(z.int().min(2).max(1_000)),
    }),
  ),
  /** Era points for a block that was proposed, and for one that was voted for. */
  'staking.pointsForProposal': f.publicField(z.int().min(0).max(1_000_000)),
  'staking.pointsForVote': f.publicField(z.int().min(0).max(1_000_000)),
  /** Work units of an election in each block. */
  'staking.electionUnitsPerBlock': f.publicField(z.int().min(1_000).max(10_000_000)),
  'governance.tracks': f.publicField(
    z.strictObject({ root: trackTerms, marketPolicy: trackTerms, treasury: trackTerms }),
  ),
  /** What a conviction vote of one lock period is locked for. */
  'governance.lockPeriodMs': span,
  /** Stake that lets an account propose without a deposit, and that deposit. */
  'governance.minimumStake': f.amount,
  'governance.submissionDeposit': f.positiveAmount,
  /** For each byte of a preimage that the ledger keeps. */
  'governance.preimageDepositPerByte': f.amount,
  /** Blocks from one burn of the treasury to the next, and what of it is burned. */
  'treasury.periodBlocks': f.publicField(z.int().min(1).max(100_000_000)),
  'treasury.burnShare': parts,
  /** The most that the treasury's own track may spend at once; root may spend more. */
  'treasury.spendMax': f.positiveAmount,
  /** Held from whoever proposes a call of an account of several signers, while the proposal is open. */
  'multisig.deposit': f.amount,
  /** How old a block of the consortium may be to vouch for the next one (light-client 4.1). */
  'transparency.trustingPeriodMs': span,
  /** Held from whoever publishes aggregates, and from who disputes them; for how long they may be disputed. */
  'transparency.deposit': f.amount,
  'transparency.disputeMs': span,
  /** What the renewable share of published aggregates (transparency 3.3) shall come to over a year, in 0.0001. */
  'policy.renewableShareTarget': f.ratio,
  /** What is open: a switch that governance closes refuses the operations of the module with `parameters.closed`. */
  'switches.transfers': f.publicField(z.boolean()),
  'switches.nominations': f.publicField(z.boolean()),
} as const;

export type ParameterName = keyof typeof parameterSchemas;
export type ParameterValue<N extends ParameterName> = z.infer<(typeof parameterSchemas)[N]>;
export const PARAMETER_NAMES = Object.keys(parameterSchemas) as readonly ParameterName[];
export const parameterName = f.publicField(z.enum(PARAMETER_NAMES as [ParameterName, ...ParameterName[]]));

/** The track that decides about a parameter beside root; what keeps a track within bounds is not its own. */
export const trackOfParameter = (name: ParameterName): Track => {
  if (name.startsWith('policy.')) return 'marketPolicy';
  return name.startsWith('treasury.') && name !== 'treasury.spendMax' ? 'treasury' : 'root';
};

export const publicParameters = z.strictObject(parameterSchemas);
export type PublicParameters = z.infer<typeof publicParameters>;
