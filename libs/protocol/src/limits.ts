/** Every limit of the wire, named once. */
export const PROTOCOL_VERSION = 1;
export const ENVELOPE_BYTES_MAX = 512 * 1024;
export const OPERATIONS_PER_ENVELOPE_MAX = 1_000;
export const OPERATIONS_PER_BATCH_MAX = 10_000;
export const BATCH_BYTES_MAX = 32 * 1024 * 1024;
/** One record of the bus, whatever it holds. */
export const RECORD_BYTES_MAX = 16 * 1024 * 1024;
/** Replay window per key, as IPsec's (RFC 4303 section 3.4.3). */
export const SEQUENCE_WINDOW = 1_024;
/** How far above the highest used sequence the next one may be. */
export const SEQUENCE_AHEAD_MAX = 1_000_000;
/** An envelope may be valid for at most this long after the time of the block that holds it. */
export const VALID_FOR_MAX_MS = 3_600_000;
/** Entries that the hooks of one block may work off; the rest goes on in the next block. */
export const HOOK_ENTRIES_PER_BLOCK_MAX = 20_000;
/** The largest energy on one order or reading, in Wh (1,000 GWh). */
export const ENERGY_WH_MAX = 1_000_000_000_000;
/** Versions of one reading, readings that one operation may bring, and readings of one block. */
export const READING_VERSIONS_MAX = 999;
export const READINGS_PER_OPERATION_MAX = 500;
export const READINGS_PER_BLOCK_MAX = 12_000;
/** Meters without a reading that are named at a settlement. */
export const READINGS_MISSING_NAMED_MAX = 100;
/** Digits of Wh that a register of a meter may have. */
export const REGISTER_DIGITS_MAX = 15;
/** The smallest order, in Wh (0.1 kWh). */
export const ORDER_WH_MIN = 100;
/** The highest limit price: 10,000 THB/kWh. */
export const PRICE_TICKS_MAX = 1_000_000;
/** Orders of one book that one block clears at one price, and steps of a curve that are told of it. */
export const AUCTION_ORDERS_MAX = 20_000;
export const CURVE_STEPS_MAX = 100;
/** Links on the way from one zone to another. */
export const ROUTE_LINKS_MAX = 8;
/** Restrictions that may stand at once on one zone, feeder or link, alerts in one zone, and feeders of one. */
export const RESTRICTIONS_PER_TARGET_MAX = 100;
export const ALERTS_PER_ZONE_MAX = 100;
export const FEEDERS_PER_ZONE_MAX = 10_000;
/** How long a restriction may be, in delivery intervals: 31 days. */
export const RESTRICTION_INTERVALS_MAX = 31 * 96;
/** Reports of a zone's status are taken for so long after they were made, in market time. */
export const STATUS_AGE_MAX_MS = 900_000;
export const VALIDATORS_MAX = 1_000;
/** How long a change of the validators may stand open, and how many of one organisation. */
export const CHANGE_OPEN_MAX_MS = 30 * 86_400_000;
export const CHANGES_OPEN_MAX = 10;
/** The shortest epoch: one block that may fix the next set, and the two after it. */
export const EPOCH_BLOCKS_MIN = 3;
export const EPOCH_BLOCKS_MAX = 1_000_000;
/** Validators that one account of the public ledger may nominate. */
export const NOMINATIONS_MAX = 16;
/** Signers of an account that several control, how many proposals of one may be open, and for how long. */
export const MULTISIG_SIGNERS_MAX = 100;
export const MULTISIG_PROPOSALS_MAX = 100;
export const MULTISIG_OPEN_MAX_MS = 30 * 86_400_000;
/** Headers of the consortium that one block of the public ledger checks: each costs a quorum of signatures. */
export const ANCHORS_PER_BLOCK_MAX = 20;
/** All stake of one election together, in micro-GRID: loads have as many bits again, so that their rounding moves no more than the stakes'. */
export const STAKE_MAX = (1n << 64n) - 1n;
/** The account of the public ledger's treasury: no key owns it. */
export const TREASURY_ACCOUNT = '0'.repeat(31) + '1';
/** Delegations that may come and go in one block: each changes what stands behind all that are decided in its track. */
export const DELEGATIONS_PER_BLOCK_MAX = 1_000;
/** Referenda that one account may have open. */
export const REFERENDA_OPEN_MAX = 10;
