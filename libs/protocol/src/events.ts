import { z } from 'zod';
import * as f from './fields.js';
import { parameterName } from './parameters.js';

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
] as const;

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
  }),

  'metering.readingRecorded': event('metering.readingRecorded', {
    meter: f.meterId,
    account: f.accountId,
    zone: f.zoneId,
    interval: f.interval,
    consumedWh: f.energyWh,
    producedWh: f.energyWh,
    /** Net export, minted as KWH of the interval; zero when the meter imported. */
    mintedWh: f.energyWh,
    /** Net import, against which KWH held at the close is retired. */
    importWh: f.energyWh,
  }),

  'market.bookOpened': event('market.bookOpened', { zone: f.zoneId, interval: f.interval, closesAt: f.time }),
  'market.orderPlaced': event('market.orderPlaced', {
    order: f.operationId,
    account: f.accountId,
    side: f.side,
    fromZone: f.zoneId,
    toZone: f.zoneId,
    interval: f.interval,
    priceTicks: f.priceTicks,
    quantityWh: f.energyWh,
    timeInForce: f.timeInForce,
    expiresAt: f.time,
    tariffVersion: f.count,
  }),
  'market.traded': event('market.traded', {
    /** The trade's number on this ledger, from 1. */
    trade: f.count,
    bid: f.operationId,
    ask: f.operationId,
    buyer: f.accountId,
    seller: f.accountId,
    fromZone: f.zoneId,
    toZone: f.zoneId,
    interval: f.interval,
    priceTicks: f.priceTicks,
    quantityWh: f.energyWh,
    /** ticks x Wh x 10 micro-WATT, exact. */
    notional: f.amount,
    buyerFee: f.amount,
    sellerFee: f.amount,
    /** Who is paid the fees: the grid operator's account of the delivery zone. */
    feePayee: f.accountId,
    tariffVersion: f.count,
    bidRemainingWh: f.energyWh,
    askRemainingWh: f.energyWh,
  }),
  'market.orderClosed': event('market.orderClosed', {
    order: f.operationId,
    reason: f.publicField(z.enum(ORDER_CLOSE_REASONS)),
    remainingWh: f.energyWh,
  }),
  'market.bookClosed': event('market.bookClosed', { zone: f.zoneId, interval: f.interval }),
  /** At the close: KWH that covers the holder's import is used up. */
  'market.energyRetired': event('market.energyRetired', {
    account: f.accountId,
    interval: f.interval,
    quantityWh: f.energyWh,
  }),
  /** At the close: what a producer left unsold goes to the zone's grid operator at the feed-in price and is retired. */
  'market.feedInBought': event('market.feedInBought', {
    seller: f.accountId,
    buyer: f.accountId,
    zone: f.zoneId,
    interval: f.interval,
    quantityWh: f.energyWh,
    /** In 0.0001 THB/kWh. */
    rate: f.tariffRate,
    paid: f.amount,
    tariffVersion: f.count,
  }),
  /** The operator could not pay for a producer's rest; the close waits and tries again in later blocks. */
  'market.feedInDeferred': event('market.feedInDeferred', {
    seller: f.accountId,
    buyer: f.accountId,
    interval: f.interval,
    quantityWh: f.energyWh,
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
