import { formatTime, millis } from '@gridtokenx/kernel';
import type { PublicGenesis, PublicParameters } from '@gridtokenx/protocol';

/** One GRID, in micro-GRID. */
export const ONE_GRID = 1_000_000n;
export const gridAmount = (whole: number): string => (BigInt(whole) * ONE_GRID).toString();

const MINUTE_MS = 60_000;
const PERCENT = 10_000_000;

type TrackTerms = PublicParameters['governance.tracks']['root'];

/** A track whose periods are minutes: half of those who vote, and no more support than `support` percent at the end. */
const track = (support: number, terms: Partial<TrackTerms> = {}): TrackTerms => ({
  prepareMs: MINUTE_MS,
  decisionMs: 10 * MINUTE_MS,
  confirmMs: 2 * MINUTE_MS,
  enactmentMs: MINUTE_MS,
  undecidedMs: 20 * MINUTE_MS,
  approval: { kind: 'linear', length: 100 * PERCENT, floor: 50 * PERCENT, ceil: 100 * PERCENT },
  support: { kind: 'linear', length: 100 * PERCENT, floor: support * PERCENT, ceil: 50 * PERCENT },
  decisionDeposit: gridAmount(100),
  decidingMax: 5,
  ...terms,
});

/** Parameters with short times, so that tests and demonstrations see them pass. */
export const TEST_PARAMETERS: PublicParameters = {
  'grid.existentialMinimum': '100000',
  'grid.feeBase': '1000',
  'grid.feePerByte': '1',
  'staking.validatorCount': 100,
  'staking.minimumValidatorCount': 1,
  'staking.minimumValidatorBond': gridAmount(10_000),
  'staking.minimumNominatorBond': gridAmount(10),
  'staking.bondingEras': 28,
  'staking.slashDeferEras': 27,
  'staking.evidenceEras': 26,
  'staking.unbondingChunks': 32,
  'staking.minimumCommission': 0,
  'staking.commissionChangePerEra': 5 * PERCENT,
  'staking.reporterShare': 10 * PERCENT,
  'staking.responsiveShare': 0,
  'staking.inflation': {
    minimumPpm: 25_000,
    maximumPpm: 100_000,
    idealStakePpm: 500_000,
    falloffPpm: 50_000,
    pieces: 40,
  },
  'staking.pointsForProposal': 20,
  'staking.pointsForVote': 1,
  'staking.electionUnitsPerBlock': 50_000,
  'governance.tracks': { root: track(10), marketPolicy: track(2), treasury: track(2) },
  'governance.lockPeriodMs': 10 * MINUTE_MS,
  'governance.minimumStake': gridAmount(1_000),
  'governance.submissionDeposit': gridAmount(10),
  'governance.preimageDepositPerByte': '10000',
  'treasury.periodBlocks': 1_000,
  'treasury.burnShare': PERCENT,
  'treasury.spendMax': gridAmount(100_000),
  'multisig.deposit': gridAmount(5),
  'transparency.trustingPeriodMs': 16 * 3_600_000,
  'transparency.deposit': gridAmount(100),
  'transparency.disputeMs': 10 * MINUTE_MS,
  'policy.renewableShareTarget': 3_000,
  'switches.transfers': true,
  'switches.nominations': true,
};

export interface PublicTerms extends Pick<PublicGenesis, 'validators' | 'accounts'> {
  readonly timeMs: number;
  readonly nominators?: PublicGenesis['nominators'];
  readonly consensus?: Partial<PublicGenesis['consensus']>;
  readonly limits?: Partial<PublicGenesis['limits']>;
  readonly parameters?: Partial<PublicParameters>;
  readonly consortium?: PublicGenesis['consortium'];
}

/** The paces, limits and parameters of a public ledger that tests and benches share, with what one of them wants otherwise. */
export const testPublicGenesis = (terms: PublicTerms): PublicGenesis => ({
  version: 1,
  kind: 'public',
  time: formatTime(millis(terms.timeMs)),
  consensus: {
    intervalMs: 6_000,
    beatMs: 6_000,
    fullIntervalMs: 6_000,
    baseTimeoutMs: 3_000,
    timeoutCapMs: 15_000,
    epochBlocks: 100,
    evidence: { heights: 10_000, ageMs: 86_400_000 },
    ...terms.consensus,
  },
  limits: { operationsPerBlock: 40_000, envelopeBytesPerBlock: 32 * 1024 * 1024, ...terms.limits },
  accounts: terms.accounts,
  validators: terms.validators,
  nominators: terms.nominators ?? [],
  parameters: { ...TEST_PARAMETERS, ...terms.parameters },
  ...(terms.consortium && { consortium: terms.consortium }),
});
