import { z } from 'zod';
import { aggregateFields } from './aggregates.js';
import * as f from './fields.js';
import { READINGS_MISSING_NAMED_MAX } from './limits.js';
import { operationSchemas } from './operations.js';
import { ALLOCATIONS, marketLimits, marketRules } from './market-rules.js';
import { parameterName, parameterSchemas, track } from './parameters.js';
import { calendarDecision, tariffEntries } from './tariffs/schema.js';

const event = <Type extends string, Shape extends z.ZodRawShape>(
  type: Type,
  shape: Shape,
): z.ZodObject<{ type: z.ZodLiteral<Type> } & Shape, z.core.$strict> =>
  z.strictObject({ type: f.publicField(z.literal(type)), ...shape } as { type: z.ZodLiteral<Type> } & Shape);

export const ORDER_CLOSE_REASONS = [
  'filled',
  'cancelled',
  'replaced',
  'expired',
  'bookClosed',
  'immediate',
  'killed',
  'matchLimit',
  'halted',
  'notVerified',
  'barred',
  'curtailed',
  'pairClosed',
  'tariffChanged',
] as const;

/** A restriction of the network; the limits are what it comes to in Wh per interval, where it restricts that direction. */
const restriction = {
  restriction: f.operationId,
  target: f.networkTarget,
  flow: f.flow,
  limit: f.flowLimit,
  outWh: f.energyWh.optional(),
  inWh: f.energyWh.optional(),
  firstInterval: f.interval,
  lastInterval: f.interval,
};

/** Which book. */
const book = {
  mechanism: f.mechanism,
  phase: f.phase,
  fromZone: f.zoneId,
  toZone: f.zoneId,
  interval: f.interval,
};

/** The terms under which a book trades, and who is paid. */
const terms = {
  tariffVersion: f.count,
  tariffHash: f.hashHex,
  /** What the buyer pays for the wires on top of the energy, with tax, in 0.0001 THB/kWh. */
  wheeling: f.tariffRate,
  operatorFrom: f.accountId,
  operatorTo: f.accountId,
  platform: f.accountId,
  tax: f.accountId,
};

/** What stands behind either side of a referendum, with conviction; the capital that supports it, and the electorate it is a share of. */
const tally = { ayes: f.amount, nays: f.amount, support: f.amount, electorate: f.amount };

/**
 * SPEC wire 3.2: facts of a ledger: past tense, one schema each. Balances are in the outcome's postings,
 * not here.
 */
export const eventSchemas = {
  /** First in each block: what market time it is, by which books open and close and orders expire. */
  'ledger.clockAdvanced': event('ledger.clockAdvanced', { marketTime: f.time }),

  'accounts.reserveAttested': event('accounts.reserveAttested', { amount: f.amount, reference: f.reference }),
  'accounts.minted': event('accounts.minted', {
    account: f.accountId,
    asset: f.asset,
    amount: f.amount,
    reference: f.reference,
  }),
  'accounts.burned': event('accounts.burned', {
    account: f.accountId,
    asset: f.asset,
    amount: f.amount,
    reference: f.reference,
  }),
  'accounts.transferred': event('accounts.transferred', {
    from: f.accountId,
    to: f.accountId,
    asset: f.asset,
    amount: f.amount,
  }),

  'grid.accountOpened': event('grid.accountOpened', { account: f.gridAccount }),
  'grid.transferred': event('grid.transferred', { from: f.gridAccount, to: f.gridAccount, amount: f.amount }),
  /** What is left of an account below the minimum goes to the treasury, and the account is gone. */
  'grid.dustCollected': event('grid.dustCollected', { account: f.gridAccount, amount: f.amount }),
  /** From so many accounts for their envelopes of the block, to the treasury; who paid what stands in the postings. */
  'grid.feesCollected': event('grid.feesCollected', { payers: f.count, amount: f.amount }),

  'parameters.changed': event('parameters.changed', { name: parameterName, before: f.callText, after: f.callText }),

  'staking.bonded': event('staking.bonded', {
    account: f.gridAccount,
    amount: f.amount,
    /** What counts in elections now. */
    active: f.amount,
  }),
  'staking.unbonded': event('staking.unbonded', {
    account: f.gridAccount,
    amount: f.amount,
    active: f.amount,
    /** The era from which on it may be withdrawn. */
    until: f.count,
  }),
  'staking.rebonded': event('staking.rebonded', { account: f.gridAccount, amount: f.amount, active: f.amount }),
  'staking.withdrawn': event('staking.withdrawn', { account: f.gridAccount, amount: f.amount }),
  'staking.nominated': event('staking.nominated', {
    account: f.gridAccount,
    targets: f.publicField(z.array(f.gridAccount)),
  }),
  /** It stands for election from now on. */
  'staking.stood': event('staking.stood', { account: f.gridAccount, commission: f.parts, key: f.keyId }),
  'staking.commissionSet': event('staking.commissionSet', {
    account: f.gridAccount,
    before: f.parts,
    commission: f.parts,
  }),
  /** It stands or nominates no more: it asked for that, or it offended. */
  'staking.chilled': event('staking.chilled', {
    account: f.gridAccount,
    why: f.publicField(z.enum(['asked', 'offended'])),
  }),
  'staking.keyRotated': event('staking.keyRotated', { account: f.gridAccount, before: f.keyId, key: f.keyId }),
  /** Of an account that has another one now: it signs no operation any more, and no block after this era. */
  'staking.keyRetired': event('staking.keyRetired', { account: f.gridAccount, key: f.keyId }),
  /** Without a payee rewards are bonded. */
  'staking.payeeSet': event('staking.payeeSet', { account: f.gridAccount, payee: f.gridAccount.optional() }),

  /** An election is held on what stands now, for this era. What it is held on is told in pieces in this block and the next ones. */
  'staking.electionBegan': event('staking.electionBegan', {
    era: f.count,
    seats: f.count,
    candidates: f.count,
    nominators: f.count,
    staked: f.amount,
    iterations: f.count,
    tolerance: f.amount,
  }),
  /** From this place on, in the order that decides ties. */
  'staking.electionCandidates': event('staking.electionCandidates', {
    era: f.count,
    first: f.count,
    candidates: f.publicField(z.array(f.gridAccount)),
  }),
  /** From this place (`first`) on, in the order of the election. Targets are places among the candidates; a candidate backs itself. */
  'staking.electionNominators': event('staking.electionNominators', {
    era: f.count,
    first: f.count,
    nominators: f.publicField(
      z.array(
        f.publicField(
          z.strictObject({ account: f.gridAccount, budget: f.amount, targets: f.publicField(z.array(f.count)) }),
        ),
      ),
    ),
  }),
  /** The election is over. Its winners are told one by one, from here on. */
  'staking.electionHeld': event('staking.electionHeld', {
    era: f.count,
    winners: f.count,
    minimalStake: f.amount,
    sumStake: f.amount,
    sumStakeSquared: f.largeAmount,
    stripped: f.publicField(z.array(f.gridAccount)),
  }),
  /** One winner with what backs it, itself among the supports; of many supports the rest follows, from the place `first` on. */
  'staking.electionWinner': event('staking.electionWinner', {
    era: f.count,
    candidate: f.gridAccount,
    round: f.count,
    stake: f.amount,
    first: f.count,
    supports: f.publicField(z.array(f.publicField(z.strictObject({ nominator: f.gridAccount, stake: f.amount })))),
  }),
  /** Who validates in an era, in the order of their keys, with what stands behind each; and winners that wait for an era with room. */
  'staking.setElected': event('staking.setElected', {
    era: f.count,
    validators: f.publicField(
      z.array(
        f.publicField(z.strictObject({ account: f.gridAccount, key: f.keyId, commission: f.parts, stake: f.amount })),
      ),
    ),
    waiting: f.publicField(z.array(f.gridAccount)),
  }),
  /** Those of the era before stay for this one, with what stood behind them. */
  'staking.setKept': event('staking.setKept', {
    era: f.count,
    why: f.publicField(z.enum(['unfinished', 'tooFewWinners', 'tooMuchStake'])),
  }),

  'staking.eraBegan': event('staking.eraBegan', { era: f.count, validators: f.count, staked: f.amount }),
  /**
   * What an era brought: `maximum` is issued, of which the validators and their backers share `payout` by points; `remainder` is the
   * treasury's, with what the shares leave of the payout.
   */
  'staking.eraEnded': event('staking.eraEnded', {
    era: f.count,
    lengthMs: f.count,
    staked: f.amount,
    issuance: f.amount,
    maximum: f.amount,
    payout: f.amount,
    remainder: f.amount,
    points: f.count,
  }),
  /** What a validator's part of an era was made of. The lines follow in pieces. */
  'staking.validatorPaid': event('staking.validatorPaid', {
    era: f.count,
    validator: f.gridAccount,
    proposed: f.count,
    voted: f.count,
    points: f.count,
    ofPoints: f.count,
    payout: f.amount,
    share: f.amount,
    commission: f.parts,
    forWork: f.amount,
    forStakes: f.amount,
    exposure: f.amount,
    /** To the treasury, from rounding. */
    residue: f.amount,
  }),
  /** Who got what: for the stake, and a validator for its work; bonded, unless a payee is named. */
  'staking.rewarded': event('staking.rewarded', {
    era: f.count,
    validator: f.gridAccount,
    lines: f.publicField(
      z.array(
        f.publicField(
          z.strictObject({
            account: f.gridAccount,
            stake: f.amount,
            reward: f.amount,
            payee: f.gridAccount.optional(),
          }),
        ),
      ),
    ),
  }),

  /** A validator offended in an era, as one of so many: the share of stakes that it costs all of them. */
  'staking.offended': event('staking.offended', {
    era: f.count,
    validator: f.gridAccount,
    offence: f.publicField(z.enum(['equivocation', 'unresponsiveness'])),
    offenders: f.count,
    validators: f.count,
    fraction: f.parts,
    reporter: f.gridAccount.optional(),
  }),
  /** So much is taken when the era `due` begins, unless governance cancels it. */
  'staking.slashDeferred': event('staking.slashDeferred', {
    id: f.number,
    validator: f.gridAccount,
    era: f.count,
    due: f.count,
    total: f.amount,
    reward: f.amount,
    reporter: f.gridAccount.optional(),
  }),
  'staking.slashCancelled': event('staking.slashCancelled', { id: f.number, validator: f.gridAccount }),
  /** From whom what is taken; less than is due where no more is bonded. */
  'staking.slashed': event('staking.slashed', {
    id: f.number,
    validator: f.gridAccount,
    charges: f.publicField(
      z.array(f.publicField(z.strictObject({ account: f.gridAccount, due: f.amount, taken: f.amount }))),
    ),
  }),
  /** All of a slash is taken: what the reporter has of it, and the treasury. */
  'staking.slashSettled': event('staking.slashSettled', {
    id: f.number,
    validator: f.gridAccount,
    taken: f.amount,
    reward: f.amount,
    reporter: f.gridAccount.optional(),
    treasury: f.amount,
  }),

  'governance.preimageNoted': event('governance.preimageNoted', {
    callHash: f.hashHex,
    account: f.gridAccount,
    call: f.callText,
    deposit: f.amount,
  }),
  /** Its deposit came back: it was enacted, or taken back unused. */
  'governance.preimageRemoved': event('governance.preimageRemoved', {
    callHash: f.hashHex,
    account: f.gridAccount,
    deposit: f.amount,
  }),
  'governance.proposed': event('governance.proposed', {
    referendum: f.number,
    track,
    account: f.gridAccount,
    callHash: f.hashHex,
    wantedAt: f.time.optional(),
    enactAfterMs: f.count.optional(),
    /** Zero for an account with enough stake. */
    deposit: f.amount,
    /** What holds for it from now to its end. */
    terms: parameterSchemas['governance.tracks'].shape.root,
    lockPeriodMs: f.count,
  }),
  'governance.decisionDepositPlaced': event('governance.decisionDepositPlaced', {
    referendum: f.number,
    account: f.gridAccount,
    amount: f.amount,
  }),
  /** It has a place among those that are decided: votes are taken from now on. */
  'governance.placed': event('governance.placed', { referendum: f.number }),
  /** `deciding` after `confirming` where it does not pass any more. */
  'governance.phaseBegan': event('governance.phaseBegan', {
    referendum: f.number,
    phase: f.publicField(z.enum(['deciding', 'confirming'])),
    at: f.time,
  }),
  'governance.voted': event('governance.voted', {
    referendum: f.number,
    account: f.gridAccount,
    vote: operationSchemas['governance.vote'].shape.vote,
  }),
  'governance.voteRemoved': event('governance.voteRemoved', { referendum: f.number, account: f.gridAccount }),
  'governance.delegated': event('governance.delegated', {
    track,
    from: f.gridAccount,
    to: f.gridAccount,
    conviction: operationSchemas['governance.delegate'].shape.conviction,
    amount: f.amount,
  }),
  'governance.undelegated': event('governance.undelegated', { track, from: f.gridAccount, to: f.gridAccount }),
  /** After votes or delegations changed, or the electorate was counted anew. */
  'governance.tallied': event('governance.tallied', { referendum: f.number, ...tally }),
  'governance.electorateCounted': event('governance.electorateCounted', { electorate: f.amount }),
  'governance.approved': event('governance.approved', { referendum: f.number, at: f.time, enactAt: f.time, ...tally }),
  'governance.rejected': event('governance.rejected', {
    referendum: f.number,
    at: f.time,
    why: f.publicField(z.enum(['notDecided', 'notPassed'])),
    ...tally,
  }),
  'governance.cancelled': event('governance.cancelled', { referendum: f.number, asSpam: f.publicField(z.boolean()) }),
  /** A deposit goes back to who placed it; a forfeited one to the treasury. */
  'governance.depositSettled': event('governance.depositSettled', {
    referendum: f.number,
    deposit: f.publicField(z.enum(['submission', 'decision'])),
    account: f.gridAccount,
    amount: f.amount,
    forfeited: f.publicField(z.boolean()),
  }),
  /** What was approved was asked for, under this id; with the code of the refusal if it was refused. */
  'governance.enacted': event('governance.enacted', {
    referendum: f.number,
    callHash: f.hashHex,
    operation: f.operationId,
    code: f.publicField(z.string()).optional(),
  }),
  /** Of a vote that won, when its referendum has ended, or of a delegation that was taken back. */
  'governance.capitalLocked': event('governance.capitalLocked', {
    account: f.gridAccount,
    amount: f.amount,
    until: f.time,
  }),
  /** It has ended, and no vote locks anything for it any more beside what was told. */
  'governance.votesCleared': event('governance.votesCleared', { referendum: f.number }),

  'treasury.spendApproved': event('treasury.spendApproved', {
    spend: f.number,
    beneficiary: f.gridAccount,
    amount: f.amount,
    validFrom: f.time,
  }),
  'treasury.spent': event('treasury.spent', { spend: f.number, beneficiary: f.gridAccount, amount: f.amount }),
  /** The treasury has too little: it is tried again at the end of each period. */
  'treasury.spendWaits': event('treasury.spendWaits', { spend: f.number }),
  /** The beneficiary cannot be paid. */
  'treasury.spendDropped': event('treasury.spendDropped', { spend: f.number, code: f.publicField(z.string()) }),
  'treasury.burned': event('treasury.burned', { amount: f.amount }),
  /** A block of the consortium that a quorum of its validators signed; `account` brought it. */
  'transparency.anchored': event('transparency.anchored', {
    account: f.gridAccount,
    height: f.count,
    hash: f.hashHex,
    epoch: f.count,
    time: f.time,
    resultsRoot: f.hashHex,
    stateDigest: f.hashHex,
    /** The height whose state the block tells, and the root over its rows (wire 8). */
    checkpointHeight: f.count.optional(),
    checkpointRoot: f.hashHex.optional(),
    signers: f.count,
  }),
  /** The consortium's validators of an epoch, in set order; told when they are not those that were known before. */
  'transparency.setLearned': event('transparency.setLearned', { epoch: f.count, validators: f.validatorKeys }),
  /** An alarm: a quorum of the consortium signed two blocks of one height. Nothing is anchored until governance recovers it. */
  'transparency.frozen': event('transparency.frozen', {
    account: f.gridAccount,
    height: f.count,
    anchored: f.hashHex,
    other: f.hashHex,
  }),
  /** The block from which anchoring goes on; what was anchored above it, or in its place, is forgotten. */
  'transparency.recovered': event('transparency.recovered', {
    height: f.count,
    hash: f.hashHex,
    forgotten: f.publicField(z.array(f.count)),
  }),
  'transparency.aggregatesPublished': event('transparency.aggregatesPublished', {
    publication: f.operationId,
    account: f.gridAccount,
    ...aggregateFields,
    /** In 0.0001 THB/kWh, rounded down; 0 when nothing was traded. */
    averagePrice: f.tariffRate,
    /** Of what was taken from the net, what energy of the market covered, in 0.0001. */
    renewableShare: f.ratio,
    deposit: f.amount,
    disputableUntil: f.time,
  }),
  'transparency.aggregatesDisputed': event('transparency.aggregatesDisputed', {
    publication: f.operationId,
    account: f.gridAccount,
    reference: f.reference,
  }),
  /** Governance has judged a dispute: the deposit of who was wrong is the other's. */
  'transparency.disputeSettled': event('transparency.disputeSettled', {
    publication: f.operationId,
    stands: f.publicField(z.boolean()),
  }),
  /** Nobody disputed it in time. */
  'transparency.aggregatesFinal': event('transparency.aggregatesFinal', { publication: f.operationId }),
  'transparency.reportRegistered': event('transparency.reportRegistered', {
    report: f.operationId,
    account: f.gridAccount,
    kind: f.reportKind,
    periodFrom: f.time,
    periodTo: f.time,
    hash: f.hashHex,
    verifier: f.verifierText,
    version: f.count,
    supersedes: f.operationId.optional(),
  }),

  'multisig.created': event('multisig.created', {
    account: f.accountId,
    signers: f.signers,
    threshold: f.threshold,
  }),
  /** Named by the operation that made it; approved by its signer. */
  'multisig.proposed': event('multisig.proposed', {
    account: f.accountId,
    proposal: f.operationId,
    timepoint: f.timepoint,
    signer: f.keyId,
    callHash: f.hashHex,
    call: f.callText.optional(),
    expiresAt: f.time,
    deposit: f.amount,
    threshold: f.threshold,
  }),
  /** Approvals that count, with this one, and how many are needed. */
  'multisig.approved': event('multisig.approved', {
    account: f.accountId,
    proposal: f.operationId,
    signer: f.keyId,
    approvals: f.count,
    threshold: f.threshold,
  }),
  /** The call was done; its facts stand before this one. */
  'multisig.executed': event('multisig.executed', { account: f.accountId, proposal: f.operationId, call: f.callText }),
  /** The call was approved and refused; it changed nothing, and the proposal is closed. */
  'multisig.callRefused': event('multisig.callRefused', {
    account: f.accountId,
    proposal: f.operationId,
    call: f.callText,
    code: f.rejectionCode,
  }),
  'multisig.cancelled': event('multisig.cancelled', { account: f.accountId, proposal: f.operationId }),
  'multisig.expired': event('multisig.expired', { account: f.accountId, proposal: f.operationId }),
  /** From now on; approvals given before count no more. */
  'multisig.signersSet': event('multisig.signersSet', {
    account: f.accountId,
    signers: f.signers,
    threshold: f.threshold,
    version: f.count,
  }),

  /** A version of the tariff book, by its hash: the calendar of the version before, and these entries. */
  'tariffs.published': event('tariffs.published', { version: f.number, hash: f.hashHex, entries: tariffEntries }),
  /** A version of the tariff book, by its hash: the version before, and this decision. */
  'tariffs.calendarDecided': event('tariffs.calendarDecided', {
    version: f.number,
    hash: f.hashHex,
    /** Whether days that it is about have begun in market time: what was settled by former versions needs corrections. */
    late: f.publicField(z.boolean()),
    decision: calendarDecision,
  }),

  'registry.organisationRegistered': event('registry.organisationRegistered', {
    organisation: f.organisationId,
    sector: f.sector,
    roles: f.publicField(z.array(f.role)),
  }),
  'registry.accountOpened': event('registry.accountOpened', { account: f.accountId, organisation: f.organisationId }),
  'registry.keyRegistered': event('registry.keyRegistered', {
    key: f.keyId,
    organisation: f.organisationId,
    account: f.accountId.optional(),
  }),
  'registry.keyRemoved': event('registry.keyRemoved', { key: f.keyId }),
  'registry.delegated': event('registry.delegated', {
    key: f.keyId,
    account: f.accountId,
    operations: f.publicField(z.array(f.publicField(z.string()))),
    until: f.time,
  }),
  'registry.delegationRevoked': event('registry.delegationRevoked', { key: f.keyId, account: f.accountId }),
  'registry.kycSet': event('registry.kycSet', { account: f.accountId, status: f.kycStatus, until: f.time.optional() }),
  'registry.meterRegistered': event('registry.meterRegistered', {
    meter: f.meterId,
    account: f.accountId,
    zone: f.zoneId,
    limitWh: f.energyWh,
    registerDigits: f.registerDigits.optional(),
  }),
  'registry.meterSwapped': event('registry.meterSwapped', {
    meter: f.meterId,
    at: f.time,
    final: f.registers,
    initial: f.registers,
    limitWh: f.energyWh,
    registerDigits: f.registerDigits.optional(),
  }),

  /** What an operator declares of a link, and what the link carries now. */
  'network.linkSet': event('network.linkSet', {
    link: f.linkId,
    fromZone: f.zoneId,
    toZone: f.zoneId,
    operator: f.organisationId,
    declaredForwardWh: f.energyWh,
    declaredBackwardWh: f.energyWh,
    forwardWh: f.energyWh,
    backwardWh: f.energyWh,
  }),
  /** What an operator declares of a pair of zones, and whether energy may be sold from the one into the other now. */
  'network.pairSet': event('network.pairSet', {
    fromZone: f.zoneId,
    toZone: f.zoneId,
    operator: f.organisationId,
    allowed: f.publicField(z.boolean()),
    route: f.route.optional(),
    isOpen: f.publicField(z.boolean()),
  }),
  'network.feederSet': event('network.feederSet', { feeder: f.feederId, zone: f.zoneId, capacityWh: f.energyWh }),
  'network.meterAssigned': event('network.meterAssigned', { meter: f.meterId, zone: f.zoneId, feeder: f.feederId }),
  'network.statusReported': event('network.statusReported', {
    zone: f.zoneId,
    source: f.statusSource,
    sequence: f.number,
    at: f.time,
    loadW: f.power,
    frequencyMhz: f.frequency,
    reserveW: f.power,
  }),
  'network.alertRaised': event('network.alertRaised', {
    alert: f.operationId,
    zone: f.zoneId,
    kind: f.alertKind,
    severity: f.severity,
    reference: f.reference,
  }),
  'network.alertCleared': event('network.alertCleared', { alert: f.operationId, zone: f.zoneId }),
  'network.curtailed': event('network.curtailed', restriction),
  'network.maintenanceScheduled': event('network.maintenanceScheduled', restriction),
  /** What a restriction, a smaller capacity or a closed pair meant for orders and forward trades is done: so many were cancelled and cut. */
  'network.enforced': event('network.enforced', {
    cause: f.networkCause,
    orders: f.count,
    contracts: f.count,
    cutWh: f.amount,
  }),
  /** From the next interval on it restricts nothing. */
  'network.lifted': event('network.lifted', { restriction: f.operationId }),
  /** The last interval that it restricted is settled. */
  'network.restrictionEnded': event('network.restrictionEnded', { restriction: f.operationId }),

  'metering.readingRecorded': event('metering.readingRecorded', {
    meter: f.meterId,
    account: f.accountId,
    zone: f.zoneId,
    interval: f.interval,
    quality: f.readingQuality,
    version: f.readingVersion,
    consumedWh: f.energyWh,
    producedWh: f.energyWh,
    /** Net export, minted as KWH of the interval; zero when the meter imported. */
    mintedWh: f.energyWh,
    /** Net import, against which KWH bought is retired at the settlement. */
    importWh: f.energyWh,
    /** What it takes the place of: its KWH was taken back, its import counts no more. */
    before: f
      .publicField(
        z.strictObject({
          quality: f.readingQuality,
          consumedWh: f.energyWh,
          producedWh: f.energyWh,
          mintedWh: f.energyWh,
          importWh: f.energyWh,
        }),
      )
      .optional(),
  }),
  /** One of many readings of an operation, by its place in it from 0: nothing of it was recorded. */
  'metering.readingRefused': event('metering.readingRefused', {
    index: f.count,
    meter: f.meterId,
    interval: f.interval,
    code: f.rejectionCode,
  }),
  /** At the settlement: meters of the zone without a reading, how many and of how many; the first of them by id. */
  'metering.readingsMissing': event('metering.readingsMissing', {
    zone: f.zoneId,
    interval: f.interval,
    meters: f.count,
    missing: f.count,
    first: f.publicField(z.array(f.meterId).max(READINGS_MISSING_NAMED_MAX)),
  }),

  /** With its first order. */
  'market.bookOpened': event('market.bookOpened', { ...book, closesAt: f.time, ...terms }),
  /** A later version of the tariff book comes to other terms: its orders have ended, and it goes on. */
  'market.bookRepriced': event('market.bookRepriced', { ...book, ...terms }),
  'market.orderPlaced': event('market.orderPlaced', {
    order: f.operationId,
    account: f.accountId,
    side: f.side,
    ...book,
    priceTicks: f.priceTicks,
    quantityWh: f.energyWh,
    timeInForce: f.timeInForce,
    expiresAt: f.time,
    tariffVersion: f.count,
  }),
  /** An order that was placed comes in later, at this market time; nobody meets it until then. */
  'market.orderWaits': event('market.orderWaits', { order: f.operationId, validFrom: f.time }),
  /** Its time has come. */
  'market.orderCameIn': event('market.orderCameIn', { order: f.operationId }),
  /**
   * The buyer pays notional + buyerFee + wheeling, the seller gets notional - sellerFee; what lies between goes to the operator of the
   * delivery zone (`toOperator`), that of the other zone, the platform and the tax. In the forward phase
   * all of it stays in escrow until the interval is settled.
   */
  'market.traded': event('market.traded', {
    /** The trade's number on this ledger, from 1. */
    trade: f.count,
    bid: f.operationId,
    ask: f.operationId,
    buyer: f.accountId,
    seller: f.accountId,
    ...book,
    priceTicks: f.priceTicks,
    quantityWh: f.energyWh,
    /** ticks x Wh x 10 micro-WATT, exact. */
    notional: f.amount,
    buyerFee: f.amount,
    sellerFee: f.amount,
    wheeling: f.amount,
    /** The grid operator's account of the delivery zone. */
    feePayee: f.accountId,
    toOperator: f.amount,
    fromOperator: f.amount,
    platform: f.amount,
    tax: f.amount,
    tariffVersion: f.count,
    tariffHash: f.hashHex,
    bidRemainingWh: f.energyWh,
    askRemainingWh: f.energyWh,
  }),
  /**
   * Orders of a book met at one price; the trades follow. With the orders, anyone can check it: the volume is the greatest that one
   * price brings about, or `capWh`; the price is the floor of the middle of `lowTicks` and `highTicks`, where an absent one is open.
   */
  'market.cleared': event('market.cleared', {
    ...book,
    marginal: f.marginalRule,
    capWh: f.amount.optional(),
    bids: f.count,
    asks: f.count,
    matchableWh: f.amount,
    volumeWh: f.amount,
    lowTicks: f.priceTicks.optional(),
    highTicks: f.priceTicks.optional(),
    /** Without volume an indication. */
    priceTicks: f.priceTicks.optional(),
    /** The account whose own orders bind. */
    dominant: f.accountId.optional(),
    trades: f.count,
    demand: f.curve,
    supply: f.curve,
  }),
  'market.orderClosed': event('market.orderClosed', {
    order: f.operationId,
    reason: f.publicField(z.enum(ORDER_CLOSE_REASONS)),
    remainingWh: f.energyWh,
  }),
  /** A forward trade that the network cannot carry any more is for `quantityWh` now: what it had in escrow for the rest is free. */
  'market.contractCut': event('market.contractCut', {
    trade: f.count,
    buyer: f.accountId,
    seller: f.accountId,
    fromZone: f.zoneId,
    toZone: f.zoneId,
    interval: f.interval,
    cutWh: f.energyWh,
    quantityWh: f.energyWh,
    buyerFee: f.amount,
    sellerFee: f.amount,
    wheeling: f.amount,
    toOperator: f.amount,
    fromOperator: f.amount,
    platform: f.amount,
    tax: f.amount,
    cause: f.networkCause,
  }),
  'market.bookClosed': event('market.bookClosed', book),

  /** A forward trade as it was kept. The buyer pays `buyerPays`, the seller `topUpSeller` out of its margin; the rest is who gets what. */
  'settlement.contractSettled': event('settlement.contractSettled', {
    trade: f.count,
    buyer: f.accountId,
    seller: f.accountId,
    fromZone: f.zoneId,
    toZone: f.zoneId,
    interval: f.interval,
    deliveredWh: f.energyWh,
    shortfallWh: f.energyWh,
    buyerPays: f.amount,
    sellerGets: f.amount,
    toOperator: f.amount,
    fromOperator: f.amount,
    platform: f.amount,
    tax: f.amount,
    /** What the delivery operator is paid for the shortfall, at `topUpRate` of 0.0001 THB/kWh: by the buyer, and by the seller. */
    topUpBuyer: f.amount,
    topUpSeller: f.amount,
    topUpRate: f.tariffRate,
  }),
  /** What became of an account's energy in a zone and interval: a leaf of the tree whose root stands in `settlement.zoneSettled`. */
  'settlement.positionSettled': event('settlement.positionSettled', {
    account: f.accountId,
    zone: f.zoneId,
    interval: f.interval,
    importWh: f.energyWh,
    exportWh: f.energyWh,
    boughtWh: f.energyWh,
    /** Of what was bought: used up against the import. */
    retiredWh: f.energyWh,
    /** Bought by the operator at `rate` of 0.0001 THB/kWh, for `amount`, and retired. */
    surplusWh: f.energyWh,
    rate: f.tariffRate,
    /** What ordinary supply costs, for information, and how what is used is shared among purchases. */
    topUpRate: f.tariffRate,
    allocation: f.publicField(z.enum(ALLOCATIONS)),
    amount: f.amount,
    operator: f.accountId,
    expiredWh: f.energyWh,
    tariffVersion: f.count,
    tariffHash: f.hashHex,
    /** SHA-256 over the account's history in this zone and interval. */
    history: f.hashHex,
  }),
  'settlement.zoneSettled': event('settlement.zoneSettled', {
    zone: f.zoneId,
    interval: f.interval,
    positions: f.count,
    root: f.hashHex,
  }),
  'settlement.intervalSettled': event('settlement.intervalSettled', { interval: f.interval }),
  /** What one owed another is paid, as a part of the netting that is told after it. */
  'settlement.duePaid': event('settlement.duePaid', { payer: f.accountId, payee: f.accountId, amount: f.amount }),
  /** Dues of a cycle were netted: their sum is `gross`, `net` of it changed hands. Those of who was unable to pay wait, with what they are owed. */
  'settlement.netted': event('settlement.netted', {
    dues: f.count,
    gross: f.amount,
    net: f.amount,
    waiting: f.count,
    waitingAmount: f.amount,
    unable: f.publicField(z.array(f.accountId)),
  }),
  /** A settled position was corrected, with all that it touches: told by the events before this one. */
  'settlement.corrected': event('settlement.corrected', {
    account: f.accountId,
    zone: f.zoneId,
    interval: f.interval,
    readings: f.publicField(
      z.array(
        f.publicField(
          z.strictObject({
            meter: f.meterId,
            version: f.number,
            quality: f.publicField(z.enum(['actual', 'estimated'])),
            consumedWh: f.energyWh,
            producedWh: f.energyWh,
          }),
        ),
      ),
    ),
    /** Of the tariff that the imbalance is priced by now. */
    tariffVersion: f.count,
    tariffHash: f.hashHex,
    positions: f.count,
    trades: f.count,
  }),
  /** Another part of a trade was delivered than was settled: what each gets more than before, which sums to zero. */
  'settlement.tradeCorrected': event('settlement.tradeCorrected', {
    trade: f.count,
    interval: f.interval,
    deliveredWh: f.energyWh,
    shortfallWh: f.energyWh,
    topUpRate: f.tariffRate,
    buyerMore: f.signedAmount,
    sellerMore: f.signedAmount,
    toOperatorMore: f.signedAmount,
    fromOperatorMore: f.signedAmount,
    platformMore: f.signedAmount,
    taxMore: f.signedAmount,
  }),
  /** What a position comes to after its correction, and how much more or less that is than before. */
  'settlement.positionCorrected': event('settlement.positionCorrected', {
    account: f.accountId,
    zone: f.zoneId,
    interval: f.interval,
    /** From 1, of this position. */
    correction: f.number,
    /** What the correction appended to its history. */
    entries: f.historyBytes,
    importWh: f.energyWh,
    exportWh: f.energyWh,
    boughtWh: f.energyWh,
    retiredWh: f.energyWh,
    surplusWh: f.energyWh,
    amount: f.amount,
    expiredWh: f.energyWh,
    operator: f.accountId,
    amountMore: f.signedAmount,
    mintedMoreWh: f.signedAmount,
    movedInMoreWh: f.signedAmount,
    movedOutMoreWh: f.signedAmount,
    retiredMoreWh: f.signedAmount,
    expiredMoreWh: f.signedAmount,
    /** SHA-256 over the history, as it is now. */
    history: f.hashHex,
  }),

  /** They hold from `validFrom` of market time on, until those of a later one do; of two with one `validFrom` the later version holds. */
  'market.rulesSet': event('market.rulesSet', { version: f.number, validFrom: f.time, rules: marketRules }),
  'market.limitsSet': event('market.limitsSet', { account: f.accountId, limits: marketLimits.optional() }),
  /** Nothing trades between the zones by this mechanism; without `until`, until it is resumed. */
  'market.halted': event('market.halted', {
    mechanism: f.mechanism,
    fromZone: f.zoneId,
    toZone: f.zoneId,
    cancelOrders: f.publicField(z.boolean()),
    until: f.time.optional(),
    reference: f.reference,
  }),
  'market.resumed': event('market.resumed', { mechanism: f.mechanism, fromZone: f.zoneId, toZone: f.zoneId }),
  /** A trade at this price would have moved it too far from the lowest or highest of the window: the book halts. */
  'market.breakerTripped': event('market.breakerTripped', {
    mechanism: f.mechanism,
    phase: f.phase,
    fromZone: f.zoneId,
    toZone: f.zoneId,
    interval: f.interval,
    priceTicks: f.priceTicks,
    lowTicks: f.priceTicks,
    highTicks: f.priceTicks,
    until: f.time,
  }),
  /** Orders meet again in a book that was halted: what crossed has traded at one price. */
  'market.bookReopened': event('market.bookReopened', {
    mechanism: f.mechanism,
    phase: f.phase,
    fromZone: f.zoneId,
    toZone: f.zoneId,
    interval: f.interval,
  }),
  'market.participantBarred': event('market.participantBarred', { account: f.accountId, reference: f.reference }),
  'market.participantReadmitted': event('market.participantReadmitted', {
    account: f.accountId,
    reference: f.reference,
  }),

  'validators.rejoined': event('validators.rejoined', { validator: f.keyId, nonce: f.hashHex }),
  /** A change is named by the id of the operation that proposed it, or of the evidence that calls for it. */
  'validators.changeProposed': event('validators.changeProposed', {
    change: f.operationId,
    kind: f.validatorChangeKind,
    validator: f.keyId,
    /** Of `rotateKey`: the key that comes after. */
    key: f.keyId.optional(),
    /** Who proposes it. */
    organisation: f.organisationId,
    until: f.time,
  }),
  /** Votes so far, with those of this organisation, and how many decide. */
  'validators.changeApproved': event('validators.changeApproved', {
    change: f.operationId,
    organisation: f.organisationId,
    votes: f.count,
    needed: f.count,
  }),
  /** Decided; the set takes it when its turn comes. */
  'validators.changeEnacted': event('validators.changeEnacted', { change: f.operationId }),
  'validators.changeWithdrawn': event('validators.changeWithdrawn', { change: f.operationId }),
  'validators.changeLapsed': event('validators.changeLapsed', { change: f.operationId }),
  /** The set of this epoch has it. */
  'validators.changeApplied': event('validators.changeApplied', { change: f.operationId, epoch: f.count }),
  /** What was decided before it has left nothing for it to do. */
  'validators.changeDropped': event('validators.changeDropped', { change: f.operationId }),
  /** From now on its proposals are refused; it leaves the set with an epoch. */
  'validators.suspended': event('validators.suspended', { validator: f.keyId, change: f.operationId }),
  'validators.equivocated': event('validators.equivocated', {
    validator: f.keyId,
    epoch: f.count,
    height: f.count,
    round: f.count,
    vote: f.voteType,
  }),
  /** The validators of an epoch, in set order; told when they are not those of the epoch before. */
  'validators.setFixed': event('validators.setFixed', { epoch: f.count, validators: f.publicField(z.array(f.keyId)) }),
} as const;

export type EventType = keyof typeof eventSchemas;
export type EventOf<T extends EventType> = z.infer<(typeof eventSchemas)[T]>;
export type LedgerEvent = { [T in EventType]: EventOf<T> }[EventType];
