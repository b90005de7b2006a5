/**
 * SPEC wire 3.3: why something was refused: one list, stable codes, never re-used. `retry` tells a client what to do:
 * `never` (the same bytes will be refused again), `later` (the state may change), `resign` (sign anew).
 */
export const rejections = {
  // Shape and signature: answered by the gateway; never reach a block.
  'envelope.tooLarge': { retry: 'never', text: 'The envelope is larger than 512 KiB.' },
  'envelope.malformed': { retry: 'never', text: 'Not a JWS in compact serialisation with strict base64url parts.' },
  'envelope.header': {
    retry: 'never',
    text: 'The protected header must be strict JSON and exactly {alg, kid, typ, ledger}.',
  },
  'envelope.json': { retry: 'never', text: 'The payload is not strict JSON.' },
  'envelope.schema': { retry: 'never', text: 'A field is missing, unknown, or not of its type.' },
  'envelope.unknownOperation': { retry: 'never', text: 'There is no operation of this type.' },
  'envelope.tooManyOperations': { retry: 'never', text: 'An envelope holds 1 to 1,000 operations.' },
  'envelope.wrongLedger': { retry: 'never', text: 'The envelope is signed for another ledger.' },
  'envelope.badSignature': { retry: 'never', text: 'The signature does not verify under the strict Ed25519 rule.' },
  'envelope.badKey': {
    retry: 'never',
    text: 'The key id is not an acceptable Ed25519 public key (canonical, not of small order).',
  },

  // Admissibility: answers of the gateway and of GET /v1/operations/{id}, never outcomes.
  'operation.unknownKey': { retry: 'later', text: 'The key is not registered on this ledger.' },
  'operation.keyRemoved': { retry: 'never', text: 'The key was removed.' },
  'operation.sequenceUsed': { retry: 'resign', text: 'Another envelope of this key has used the sequence.' },
  'operation.sequenceTooOld': { retry: 'resign', text: 'The sequence lies below the window of 1,024.' },
  'operation.sequenceTooFar': {
    retry: 'resign',
    text: 'The sequence lies more than 1,000,000 above the highest used one.',
  },
  'operation.expired': { retry: 'resign', text: 'validUntil has passed.' },
  'operation.validTooLong': { retry: 'later', text: 'validUntil is more than an hour after block time.' },

  // Outcomes: in a block, with a proof.
  'operation.quarantined': {
    retry: 'never',
    text: 'Executing the envelope would have broken an invariant; it was undone and operators were told.',
  },
  'envelope.aborted': { retry: 'resign', text: 'Another operation of the atomic envelope was refused.' },
  'key.notAuthorised': { retry: 'never', text: 'The key has no right to do this.' },
  'registry.unknownOrganisation': { retry: 'later', text: 'No such organisation.' },
  'registry.organisationExists': { retry: 'never', text: 'The organisation id is taken.' },
  'registry.unknownAccount': { retry: 'later', text: 'No such account.' },
  'registry.accountExists': { retry: 'never', text: 'The account id is taken.' },
  'registry.keyExists': { retry: 'never', text: 'The key is, or was, registered; a key is never registered twice.' },
  'registry.unknownKey': { retry: 'later', text: 'The key named in the operation is not registered.' },
  'registry.unacceptableKey': {
    retry: 'never',
    text: 'The key named in the operation is not canonical or is of small order.',
  },
  'registry.noDelegation': { retry: 'never', text: 'There is no such delegation.' },
  'registry.delegationInPast': { retry: 'never', text: 'The delegation would end before it begins.' },
  'registry.kycTransition': { retry: 'never', text: 'The KYC status cannot change in this way.' },
  'registry.unknownZone': { retry: 'never', text: 'No such zone.' },
  'registry.unknownMeter': { retry: 'later', text: 'No such meter.' },
  'registry.meterExists': { retry: 'never', text: 'The meter id is taken.' },
  'accounts.notVerified': {
    retry: 'later',
    text: 'The account is not verified (KYC pending, rejected, expired or suspended).',
  },
  'accounts.insufficientBalance': { retry: 'later', text: 'The available balance is smaller than the amount.' },
  'accounts.reserveExceeded': { retry: 'later', text: 'WATT in circulation would exceed the attested THB reserve.' },
  'accounts.sameAccount': { retry: 'never', text: 'From and to are the same account.' },
  'grid.feeUnpaid': { retry: 'later', text: 'The account cannot pay the fee of the envelope.' },
  'grid.keyWithoutAccount': {
    retry: 'never',
    text: 'The key signs blocks: it owns no account, and may ask only for what concerns its validator.',
  },
  'grid.unknownAccount': { retry: 'later', text: 'No such account, and none that a transfer could open.' },
  'grid.unusableAccount': {
    retry: 'never',
    text: 'The account is no acceptable Ed25519 public key, or the key signs blocks.',
  },
  'grid.sameAccount': { retry: 'never', text: 'From and to are the same account.' },
  'grid.insufficientBalance': {
    retry: 'later',
    text: 'What may be spent is smaller than the amount: the balance less the greatest lock on it.',
  },
  'grid.belowMinimum': {
    retry: 'later',
    text: 'The account that is paid, or the one that pays and is not closed, would have less than an account must have.',
  },
  'parameters.closed': { retry: 'later', text: 'Governance has closed this.' },
  'parameters.badValue': { retry: 'never', text: 'The value is not one that the parameter may have.' },
  'metering.tooEarly': { retry: 'later', text: 'The interval has not ended in market time.' },
  'metering.alreadyRecorded': { retry: 'never', text: 'The meter has a reading for this interval.' },
  'metering.beyondLimit': { retry: 'never', text: 'The reading is beyond what the meter can physically measure.' },
  'metering.bookClosed': { retry: 'never', text: 'The interval is closed; late readings need a re-settlement.' },
  'market.bookNotOpen': {
    retry: 'later',
    text: 'The book of this zone and interval is not open: it opens with the metering of the interval.',
  },
  'market.bookClosed': { retry: 'never', text: 'The book of this zone and interval is closed.' },
  'market.zonePairClosed': { retry: 'never', text: 'No book is open between these zones.' },
  'market.belowMinimum': { retry: 'never', text: 'An order is for at least 0.1 kWh.' },
  'market.aboveMaximum': { retry: 'never', text: 'A bid is worth at most 4 billion THB at its limit price.' },
  'market.blockFull': {
    retry: 'later',
    text: 'The orders of this block have met as many resting orders as one block may hold.',
  },
  'market.expiryInPast': { retry: 'never', text: 'expiresAt is not after the market time of the block.' },
  'market.unknownOrder': { retry: 'never', text: 'There is no such order.' },
  'market.orderNotOpen': { retry: 'never', text: 'The order is filled, cancelled or expired.' },
  'market.notYourOrder': { retry: 'never', text: 'The order belongs to an account that the key does not act for.' },
  'market.fillOrKill': { retry: 'later', text: 'The order could not be filled whole at once; nothing was traded.' },
  'registry.keyOfValidator': {
    retry: 'later',
    text: 'The key is a validator, or is to be one: the consortium removes or rotates it.',
  },
  'validators.notAMember': { retry: 'later', text: 'Only organisations with a validator in the set have a say.' },
  'validators.notAKeyOfAnOrganisation': {
    retry: 'later',
    text: 'A validator key is registered first, as a key of its organisation.',
  },
  'validators.keyInUse': { retry: 'never', text: 'The key is or was a validator, or another change names it.' },
  'validators.badProof': {
    retry: 'never',
    text: 'The proof is not a signature of the new key over ledger, organisation and key.',
  },
  'validators.nothingToChange': { retry: 'later', text: 'The validator is what the change would make of it.' },
  'validators.tooFew': { retry: 'later', text: 'The set would become smaller than it may be.' },
  'validators.tooMany': { retry: 'later', text: 'The set would become larger than it may be.' },
  'validators.untilOutOfRange': { retry: 'resign', text: 'until is not within 30 days after block time.' },
  'validators.tooManyChanges': { retry: 'later', text: 'The organisation has ten open changes.' },
  'validators.unknownChange': { retry: 'never', text: 'There is no such open change.' },
  'validators.votedAlready': { retry: 'never', text: 'The organisation has approved this change.' },
  'validators.notEvidence': {
    retry: 'never',
    text: 'Not two different votes of this ledger for one height, round and type.',
  },
  'validators.badSignature': { retry: 'never', text: 'The validator has not signed both votes.' },
  'validators.evidenceAhead': { retry: 'later', text: 'The votes are for a height that the chain has not reached.' },
  'validators.evidenceExpired': { retry: 'never', text: 'The offence is too old, in heights and in time.' },
  'validators.evidenceSettled': {
    retry: 'never',
    text: 'What the validator did up to that height has been dealt with.',
  },
  'validators.unknownValidator': { retry: 'never', text: 'Not a validator of this ledger, or signed by another key.' },
} as const satisfies Record<string, { retry: 'never' | 'later' | 'resign'; text: string }>;

export type RejectionCode = keyof typeof rejections;
