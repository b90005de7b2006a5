import { z } from 'zod';
import { aggregateFields } from './aggregates.js';
import * as f from './fields.js';
import { READINGS_PER_OPERATION_MAX } from './limits.js';
import { marketLimits, marketRules } from './market-rules.js';
import { parameterName, track } from './parameters.js';
import { calendarDecision, tariffEntries } from './tariffs/schema.js';

const operation = <Type extends string, Shape extends z.ZodRawShape>(
  type: Type,
  shape: Shape,
): z.ZodObject<{ type: z.ZodLiteral<Type> } & Shape, z.core.$strict> =>
  z.strictObject({ type: f.publicField(z.literal(type)), ...shape } as { type: z.ZodLiteral<Type> } & Shape);

/** What an organisation can ask of the validator set. A new key shows by its signature that someone holds it. */
const validatorChange = f.publicField(
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: f.publicField(z.literal('admit')), validator: f.keyId, proof: f.signature }),
    z.strictObject({ kind: f.publicField(z.literal('suspend')), validator: f.keyId }),
    z.strictObject({ kind: f.publicField(z.literal('reinstate')), validator: f.keyId }),
    z.strictObject({ kind: f.publicField(z.literal('remove')), validator: f.keyId }),
    z.strictObject({
      kind: f.publicField(z.literal('rotateKey')),
      validator: f.keyId,
      key: f.keyId,
      proof: f.signature,
    }),
  ]),
);
export type ValidatorChange = z.infer<typeof validatorChange>;

/** Without quality and version the first reading of its meter and interval, and actual. */
const reading = {
  meter: f.meterId,
  interval: f.interval,
  consumedWh: f.energyWh,
  producedWh: f.energyWh,
  quality: f.readingQuality.optional(),
  version: f.readingVersion.optional(),
};

/** SPEC governance 1.1: how long a vote is stood by, if it wins. */
const conviction = f.publicField(z.literal([0, 1, 2, 3, 4, 5, 6]));
/** SPEC governance 3.1: what an account says in a referendum, with capital in micro-GRID. */
const vote = f.publicField(
  z.discriminatedUnion('kind', [
    z.strictObject({
      kind: f.publicField(z.literal('standard')),
      aye: f.publicField(z.boolean()),
      conviction,
      capital: f.positiveAmount,
    }),
    z.strictObject({
      kind: f.publicField(z.literal('split')),
      aye: f.amount,
      nay: f.amount,
      abstain: f.amount,
    }),
  ]),
);

/** What is restricted, which way, to what, and from the first interval to the last. */
const restriction = {
  target: f.networkTarget,
  flow: f.flow,
  limit: f.flowLimit,
  firstInterval: f.interval,
  lastInterval: f.interval,
};

/**
 * SPEC wire 3.1: everything that can be asked of a ledger: imperative names, one schema each. Who may
 * ask is said beside each; the ledger decides, and answers with an outcome.
 */
/** A later reading of a meter, or the first one when it comes late. */
const correctedReading = f.publicField(
  z.strictObject({
    meter: f.meterId,
    quality: f.publicField(z.enum(['actual', 'estimated'])),
    consumedWh: f.energyWh,
    producedWh: f.energyWh,
  }),
);

/** A leaf of the tree of a zone and interval (settlement 9.1): whose, the chain of its history, and the way to the root. */
const settledLeaf = f.publicField(
  z.strictObject({ account: f.accountId, history: f.hashHex, index: f.count, path: f.merklePath }),
);

/**
 * SPEC settlement 9.3: the history of a position, with the way of its leaf to the root of its zone and interval; without it, the history is
 * that after a former correction; with `between`, there is none: no leaf lies between these two.
 */
const positionEvidence = f.publicField(
  z.strictObject({
    account: f.accountId,
    zone: f.zoneId,
    history: f.historyBytes,
    proof: f.publicField(z.strictObject({ index: f.count, path: f.merklePath })).optional(),
    between: f
      .publicField(z.strictObject({ before: settledLeaf.optional(), after: settledLeaf.optional() }))
      .optional(),
  }),
);

export const operationSchemas = {
  /** By the WATT issuer: the THB reserve now stands at this sum; WATT in circulation never exceeds it. */
  'accounts.attestReserve': operation('accounts.attestReserve', { amount: f.amount, reference: f.reference }),
  /** By the WATT issuer. */
  'accounts.mint': operation('accounts.mint', {
    account: f.accountId,
    amount: f.positiveAmount,
    reference: f.reference,
  }),
  /** By the WATT issuer, from an available balance that it redeems. */
  'accounts.burn': operation('accounts.burn', {
    account: f.accountId,
    amount: f.positiveAmount,
    reference: f.reference,
  }),
  /** By whoever acts for `from`; both accounts verified. */
  'accounts.transfer': operation('accounts.transfer', {
    from: f.accountId,
    to: f.accountId,
    asset: f.asset,
    amount: f.positiveAmount,
  }),

  /** On the public ledger, by whoever acts for an account. With `close` the account may end: what is left below the minimum is dust. */
  'grid.transfer': operation('grid.transfer', {
    to: f.gridAccount,
    amount: f.positiveAmount,
    close: f.publicField(z.boolean()).optional(),
  }),

  /** By a referendum of the parameter's track, or of root. The value is strict JSON. */
  'parameters.set': operation('parameters.set', { name: parameterName, value: f.callText }),

  /** By whoever acts for an account: bonds so much of what it has, or so much more. */
  'staking.bond': operation('staking.bond', { amount: f.positiveAmount }),
  /** So much leaves what is active, and may be withdrawn when the bonding period has passed. */
  'staking.unbond': operation('staking.unbond', { amount: f.positiveAmount }),
  /** Takes back what would leave last. */
  'staking.rebond': operation('staking.rebond', { amount: f.positiveAmount }),
  /** Frees all whose bonding period has passed. */
  'staking.withdraw': operation('staking.withdraw', {}),
  /** By an account with a bond: backs these candidates, in place of those before. At most sixteen. */
  'staking.nominate': operation('staking.nominate', { targets: f.publicField(z.array(f.gridAccount).min(1).max(100)) }),
  /**
   * By an account with a validator's bond: it stands for election. The key signs blocks; its proof is the key's signature over ledger,
   * account and key.
   */
  'staking.validate': operation('staking.validate', { commission: f.parts, key: f.keyId, proof: f.signature }),
  'staking.setCommission': operation('staking.setCommission', { commission: f.parts }),
  /** Stands or nominates no more. */
  'staking.chill': operation('staking.chill', {}),
  /** By an account that stands: another key signs its blocks, from the next era whose set is not fixed yet. */
  'staking.rotateKey': operation('staking.rotateKey', { key: f.keyId, proof: f.signature }),
  /** Where rewards go: to the bond, or to an account to be spent. */
  'staking.setPayee': operation('staking.setPayee', {
    payee: f.publicField(
      z.discriminatedUnion('kind', [
        z.strictObject({ kind: f.publicField(z.literal('stake')) }),
        z.strictObject({ kind: f.publicField(z.literal('account')), account: f.gridAccount }),
      ]),
    ),
  }),
  /** By anyone: what a validator and its backers earned in an era that has ended is paid now, before its turn. */
  'staking.claim': operation('staking.claim', { era: f.count, validator: f.gridAccount }),
  /** By a referendum of root: a slash that is not taken yet is not taken. */
  'staking.cancelSlash': operation('staking.cancelSlash', { id: f.number }),

  /** By whoever acts for an account: the text of what a referendum decides about, under a deposit of its size; the hash is that of its UTF-8 bytes. */
  'governance.notePreimage': operation('governance.notePreimage', { callHash: f.hashHex, call: f.callText }),
  /** By the account that noted a preimage that no referendum names any more: its deposit comes back, and the preimage is gone. */
  'governance.refundDeposit': operation('governance.refundDeposit', { callHash: f.hashHex }),
  /**
   * By an account with enough stake, or under a deposit. What is approved is enacted after its track's delay; later when `wantedAt`, or
   * `enactAfterMs` after the approval, is later.
   */
  'governance.propose': operation('governance.propose', {
    track,
    callHash: f.hashHex,
    wantedAt: f.time.optional(),
    enactAfterMs: f.publicField(z.int().min(0).max(1_000_000_000_000)).optional(),
  }),
  /** By whoever acts for an account: the decision deposit of a referendum that has none. */
  'governance.placeDeposit': operation('governance.placeDeposit', { referendum: f.number }),
  /** By whoever acts for an account, in place of how it voted before. */
  'governance.vote': operation('governance.vote', { referendum: f.number, vote }),
  'governance.removeVote': operation('governance.removeVote', { referendum: f.number }),
  /** By whoever acts for an account that has no vote in the track: `to` votes with this much of its capital too. */
  'governance.delegate': operation('governance.delegate', {
    track,
    to: f.gridAccount,
    conviction,
    amount: f.positiveAmount,
  }),
  'governance.undelegate': operation('governance.undelegate', { track }),
  /** By a referendum of root: ends one that is open, or approved and not enacted. The deposits of one that is spam are the treasury's. */
  'governance.cancel': operation('governance.cancel', { referendum: f.number, asSpam: f.publicField(z.boolean()) }),

  /** By a referendum of the treasury's track, up to the maximum, or of root. It is paid from `validFrom` on, as soon as the treasury can. */
  'treasury.spend': operation('treasury.spend', {
    beneficiary: f.gridAccount,
    amount: f.positiveAmount,
    validFrom: f.time.optional(),
  }),
  /** On the public ledger, by whoever acts for an account, which answers with a deposit for what it says. */
  'transparency.publishAggregates': operation('transparency.publishAggregates', aggregateFields),
  /** By whoever acts for an account, with the same deposit: a publication that does not come out of the blocks. */
  'transparency.dispute': operation('transparency.dispute', { publication: f.operationId, reference: f.reference }),
  /** By a referendum of root or of the market policy: whether a disputed publication stands. */
  'transparency.settle': operation('transparency.settle', {
    publication: f.operationId,
    stands: f.publicField(z.boolean()),
  }),
  /**
   * By whoever acts for an account: a decided block of the consortium. `validators` where the set that decided it is not the one known
   * here, `nextValidators` where the next height has another set.
   */
  'transparency.anchor': operation('transparency.anchor', {
    header: f.headerHex,
    certificate: f.certificateHex,
    validators: f.validatorKeys.optional(),
    nextValidators: f.validatorKeys.optional(),
  }),
  /** By a referendum of root: the block from which anchoring goes on, when the trust in what is known is too old or frozen. */
  'transparency.recover': operation('transparency.recover', {
    header: f.headerHex,
    validators: f.validatorKeys,
    nextValidators: f.validatorKeys.optional(),
  }),
  /** By whoever acts for an account. `supersedes` names its newest report of this kind and period, if there is one. */
  'transparency.registerReport': operation('transparency.registerReport', {
    kind: f.reportKind,
    periodFrom: f.time,
    periodTo: f.time,
    hash: f.hashHex,
    verifier: f.verifierText,
    supersedes: f.operationId.optional(),
  }),

  /**
   * On the public ledger by whoever acts for an account, which pays the least that an account must have into the new one; on the
   * consortium by a key of the organisation that will keep it.
   */
  'multisig.create': operation('multisig.create', {
    account: f.accountId,
    signers: f.signers,
    threshold: f.threshold,
  }),
  /** By a signer, who so approves it. `callHash` is the SHA-256 of the text of an operation; who brings the text shows it to the others. */
  'multisig.propose': operation('multisig.propose', {
    account: f.accountId,
    callHash: f.hashHex,
    call: f.callText.optional(),
    expiresAt: f.time,
  }),
  /** By a signer. The last approval brings the text of the call, which is then done. */
  'multisig.approve': operation('multisig.approve', {
    account: f.accountId,
    proposal: f.operationId,
    timepoint: f.timepoint,
    callHash: f.hashHex,
    call: f.callText.optional(),
  }),
  /** By whoever proposed it. */
  'multisig.cancel': operation('multisig.cancel', { account: f.accountId, proposal: f.operationId }),
  /** By the account itself: in a call that its signers approve. */
  'multisig.setSigners': operation('multisig.setSigners', { signers: f.signers, threshold: f.threshold }),

  /** By a tariff authority: a new version of the tariff book, with these entries in place of all those of the newest one, which it names. */
  'tariffs.publish': operation('tariffs.publish', { basedOn: f.number, entries: tariffEntries }),
  /** By a tariff authority: a new version of the tariff book, with one more decision in its calendar. */
  'tariffs.decideCalendar': operation('tariffs.decideCalendar', { decision: calendarDecision }),

  /** By a registrar. */
  'registry.registerOrganisation': operation('registry.registerOrganisation', {
    organisation: f.organisationId,
    sector: f.sector,
    roles: z.array(f.role).max(f.ROLES.length).meta({ privacy: 'public' }),
    key: f.keyId,
  }),
  /** By a key of the organisation that will keep the account: its back office. KYC starts as pending. */
  'registry.openAccount': operation('registry.openAccount', { account: f.accountId, organisation: f.organisationId }),
  /** By a key of the same organisation (owner organisation) or of the account's organisation (owner account). */
  'registry.registerKey': operation('registry.registerKey', {
    key: f.keyId,
    owner: f.publicField(
      z.discriminatedUnion('kind', [
        z.strictObject({ kind: f.publicField(z.literal('organisation')), organisation: f.organisationId }),
        z.strictObject({ kind: f.publicField(z.literal('account')), account: f.accountId }),
      ]),
    ),
  }),
  /** By the key itself or by a key that might have registered it. A removed key is never registered again. */
  'registry.removeKey': operation('registry.removeKey', { key: f.keyId }),
  /** By whoever acts for the account: `key` may do these operations for it until then. */
  'registry.delegate': operation('registry.delegate', {
    key: f.keyId,
    account: f.accountId,
    operations: f.publicField(
      z
        .array(
          f.publicField(
            z.enum(['accounts.transfer', 'market.placeOrder', 'market.cancelOrder', 'market.replaceOrder']),
          ),
        )
        .min(1)
        .max(8),
    ),
    until: f.time,
  }),
  'registry.revokeDelegation': operation('registry.revokeDelegation', { key: f.keyId, account: f.accountId }),
  /** By a KYC provider. `until` is when a verification expires. */
  'registry.setKyc': operation('registry.setKyc', {
    account: f.accountId,
    status: f.kycStatus,
    until: f.time.optional(),
  }),
  /** By the zone's grid operator: a meter's zone and limit are the operator's word, never the owner's. */
  'registry.registerMeter': operation('registry.registerMeter', {
    meter: f.meterId,
    account: f.accountId,
    zone: f.zoneId,
    limitWh: f.positiveEnergyWh,
    registerDigits: f.registerDigits.optional(),
  }),
  /**
   * By the zone's grid operator: another device measures from then on, with what the registers of both showed. The meter keeps its id,
   * account and zone.
   */
  'registry.swapMeter': operation('registry.swapMeter', {
    meter: f.meterId,
    at: f.time,
    final: f.registers,
    initial: f.registers,
    limitWh: f.positiveEnergyWh,
    registerDigits: f.registerDigits.optional(),
  }),

  /** By the operator of a zone at either end, for itself: a link carries the least of what both declare, in Wh per interval and direction. */
  'network.setLink': operation('network.setLink', {
    link: f.linkId,
    fromZone: f.zoneId,
    toZone: f.zoneId,
    forwardWh: f.energyWh,
    backwardWh: f.energyWh,
  }),
  /** By the operator of either zone, for itself: energy may be sold from the one zone into the other once both allow it over one route. */
  'network.setPair': operation('network.setPair', {
    fromZone: f.zoneId,
    toZone: f.zoneId,
    allowed: f.publicField(z.boolean()),
    route: f.route.optional(),
  }),
  /** By the zone's grid operator: a feeder, or another rating of it. */
  'network.registerFeeder': operation('network.registerFeeder', {
    feeder: f.feederId,
    zone: f.zoneId,
    capacityWh: f.energyWh,
  }),
  /** By the zone's grid operator: which feeder a meter hangs on. */
  'network.assignMeter': operation('network.assignMeter', { meter: f.meterId, feeder: f.feederId }),
  /** By the zone's grid operator: how the grid stood `at` that market time. */
  'network.reportStatus': operation('network.reportStatus', {
    zone: f.zoneId,
    sequence: f.number,
    at: f.time,
    loadW: f.power,
    frequencyMhz: f.frequency,
    reserveW: f.power,
  }),
  /** By the zone's grid operator. The alert is named by the operation's id. */
  'network.raiseAlert': operation('network.raiseAlert', {
    zone: f.zoneId,
    kind: f.alertKind,
    severity: f.severity,
    reference: f.reference,
  }),
  'network.clearAlert': operation('network.clearAlert', { alert: f.operationId }),
  /** By the operator of the zone, or of either end of the link. The restriction is named by the operation's id. */
  'network.curtail': operation('network.curtail', restriction),
  /** The same, announced before it begins. */
  'network.scheduleMaintenance': operation('network.scheduleMaintenance', restriction),
  /** By who might have ordered it: the restriction ends now. What it cancelled and cut stays so. */
  'network.lift': operation('network.lift', { restriction: f.operationId }),

  /** By the zone's grid operator: what the meter measured in one interval. Mints the net export. */
  'metering.recordReading': operation('metering.recordReading', reading),
  /** The same of many, each recorded or refused by itself: the events tell what became of each. */
  'metering.recordReadings': operation('metering.recordReadings', {
    readings: f.publicField(
      z
        .array(f.publicField(z.strictObject(reading)))
        .min(1)
        .max(READINGS_PER_OPERATION_MAX),
    ),
  }),

  /**
   * By the grid operator of the zone: what the meters of an account say otherwise about an interval that is settled, or that
   * its imbalance is to be priced by the tariff now in force. The evidence is the history of that position, and of each other
   * position whose trades are delivered otherwise now.
   */
  'settlement.correct': operation('settlement.correct', {
    account: f.accountId,
    zone: f.zoneId,
    interval: f.interval,
    readings: f.publicField(z.array(correctedReading).max(100)),
    retariff: f.publicField(z.boolean()),
    evidence: f.publicField(z.array(positionEvidence).min(1).max(1_000)),
  }),

  /**
   * By whoever acts for the account. The order's id is the operation's id. The phase follows from market time; `mechanism` is
   * `continuous` unless it says otherwise.
   */
  'market.placeOrder': operation('market.placeOrder', {
    account: f.accountId,
    mechanism: f.mechanism.optional(),
    side: f.side,
    fromZone: f.zoneId,
    toZone: f.zoneId,
    interval: f.interval,
    priceTicks: f.priceTicks,
    quantityWh: f.positiveEnergyWh,
    timeInForce: f.timeInForce,
    /** Market time from which the order no longer stands; by default when the book closes. */
    expiresAt: f.time.optional(),
    /** Market time at which the order comes in, unseen and in escrow until then; by default at once. */
    validFrom: f.time.optional(),
  }),
  'market.cancelOrder': operation('market.cancelOrder', { order: f.operationId }),
  /** Cancels the rest of `order` and places a new one in its stead, both or neither; time priority is lost. */
  'market.replaceOrder': operation('market.replaceOrder', {
    order: f.operationId,
    priceTicks: f.priceTicks,
    quantityWh: f.positiveEnergyWh,
  }),

  /** By a regulator of the market: the rules from this market time on, whole. What was set before is never edited. */
  'market.setRules': operation('market.setRules', { validFrom: f.time, rules: marketRules }),
  /** By a regulator of the market: what is limited otherwise for this account than by the rules; without `limits` nothing is any more. */
  'market.setLimits': operation('market.setLimits', { account: f.accountId, limits: marketLimits.optional() }),
  /**
   * By a regulator of the market: nothing trades between these zones by this mechanism until then, or until it is resumed. With
   * `cancelOrders` all orders end, and none are taken.
   */
  'market.halt': operation('market.halt', {
    mechanism: f.mechanism,
    fromZone: f.zoneId,
    toZone: f.zoneId,
    cancelOrders: f.publicField(z.boolean()),
    until: f.time.optional(),
    reference: f.reference,
  }),
  /** By a regulator of the market. */
  'market.resume': operation('market.resume', { mechanism: f.mechanism, fromZone: f.zoneId, toZone: f.zoneId }),
  /** By a regulator of the market: the account's orders end, and it neither trades nor transfers until it is readmitted. */
  'market.barParticipant': operation('market.barParticipant', { account: f.accountId, reference: f.reference }),
  'market.readmitParticipant': operation('market.readmitParticipant', { account: f.accountId, reference: f.reference }),

  /** By a validator that lost its signer record: it votes again only above the block that holds this nonce. */
  'validators.rejoin': operation('validators.rejoin', { validator: f.keyId, nonce: f.hashHex }),
  /**
   * By a key of an organisation that has a validator in the set, whose votes it casts. The change is named by the
   * operation's id; it lapses at `until`, in block time.
   */
  'validators.proposeChange': operation('validators.proposeChange', { change: validatorChange, until: f.time }),
  /** By a key of an organisation that has a validator in the set: one vote for each of its validators. */
  'validators.approveChange': operation('validators.approveChange', { change: f.operationId }),
  /** By a key of the organisation that proposed it, as long as it is not decided. */
  'validators.withdrawChange': operation('validators.withdrawChange', { change: f.operationId }),
  /** By any registered key: two votes that one key signed for one height, round and type, and that differ. */
  'validators.reportEquivocation': operation('validators.reportEquivocation', {
    validator: f.keyId,
    first: f.publicField(z.strictObject({ vote: f.voteHex, signature: f.signature })),
    second: f.publicField(z.strictObject({ vote: f.voteHex, signature: f.signature })),
  }),
} as const;

export type OperationType = keyof typeof operationSchemas;
export type OperationOf<T extends OperationType> = z.infer<(typeof operationSchemas)[T]>;
export type Operation = { [T in OperationType]: OperationOf<T> }[OperationType];

export const OPERATION_TYPES = Object.keys(operationSchemas) as readonly OperationType[];
export const isOperationType = (type: unknown): type is OperationType =>
  typeof type === 'string' && Object.hasOwn(operationSchemas, type);
