import { INTERVAL_MS, millis, parseInterval, parseTime } from '@gridtokenx/kernel';
import { z } from 'zod';
import {
  CURVE_STEPS_MAX,
  ENERGY_WH_MAX,
  MULTISIG_SIGNERS_MAX,
  PRICE_TICKS_MAX,
  READING_VERSIONS_MAX,
  REGISTER_DIGITS_MAX,
  ROUTE_LINKS_MAX,
  VALIDATORS_MAX,
} from './limits.js';

/**
 * The fields that messages are made of. Each is tagged with what it may reveal: `public` (a fact of the market),
 * `pseudonym` (a random id that stands for someone); a `forbidden` one never gets here. A test walks all schemas
 * and fails on an untagged field.
 */
export type Privacy = 'public' | 'pseudonym' | 'forbidden';

export const publicField = <T extends z.ZodType>(schema: T): T => schema.meta({ privacy: 'public' satisfies Privacy });
export const pseudonym = <T extends z.ZodType>(schema: T): T => schema.meta({ privacy: 'pseudonym' satisfies Privacy });

const randomId = (): z.ZodString => z.string().regex(/^[0-9a-f]{32}$/, 'a random 128-bit id in lower-case hex');

export const accountId = pseudonym(randomId());
export const organisationId = pseudonym(randomId());
export const meterId = pseudonym(randomId());
/** SHA-256 in hex: see {@link operationIds}; an order's id is the id of the operation that placed it. */
export const operationId = pseudonym(z.string().regex(/^[0-9a-f]{64}$/, 'an operation id, 64 hex digits'));
export const hashHex = publicField(z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256 hash, 64 hex digits'));
/** An Ed25519 public key in base64url, which is also its key id. */
export const keyId = pseudonym(z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'an Ed25519 public key in base64url'));
/** An Ed25519 signature in base64url. */
export const signature = publicField(z.string().regex(/^[A-Za-z0-9_-]{86}$/, 'an Ed25519 signature in base64url'));
/** What a vote signed, in hex; the longest are those of COMMIT. */
export const voteHex = publicField(z.string().regex(/^([0-9a-f]{2}){1,256}$/, 'sign bytes of a vote in hex'));
/**
 * An account of the public ledger: the key that owns it, or the random id of one that has no key of its own (the treasury, an account of
 * several signers).
 */
export const gridAccount = pseudonym(
  z.string().regex(/^([A-Za-z0-9_-]{43}|[0-9a-f]{32})$/, 'a key id, or a 128-bit id in lower-case hex'),
);
/** An operation as strict JSON in a text: what is decided about before it is asked for. */
export const callText = publicField(z.string().min(1).max(65_536));
export const zoneId = publicField(z.string().regex(/^[A-Z0-9][A-Z0-9-]{1,31}$/, 'a zone such as MEA-BKK-01'));
/** Whose network a zone belongs to: what wheeling is charged by. */
export const territory = publicField(z.string().regex(/^[A-Z0-9][A-Z0-9-]{0,31}$/, 'a territory such as MEA'));
export const VOLTAGES = ['low', 'medium', 'high'] as const;
export const voltage = publicField(z.enum(VOLTAGES));
const gridName = (): z.ZodString => z.string().regex(/^[A-Z0-9][A-Z0-9-]{1,31}$/, 'a name of A-Z, 0-9 and -');
/** A line between two zones. */
export const linkId = publicField(gridName());
/** A line to the meters of a part of a zone. */
export const feederId = publicField(gridName());
/** The links that lead from one zone to another, in that order. */
export const route = publicField(z.array(linkId).min(1).max(ROUTE_LINKS_MAX));
/** What a restriction is of. */
export const networkTarget = publicField(
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: publicField(z.literal('zone')), zone: zoneId }),
    z.strictObject({ kind: publicField(z.literal('feeder')), feeder: feederId }),
    z.strictObject({ kind: publicField(z.literal('link')), link: linkId }),
  ]),
);
export const FLOWS = ['out', 'in', 'both'] as const;
/** Out of a zone or feeder, or over a link forwards; into it, or backwards; or both. */
export const flow = publicField(z.enum(FLOWS));
export const RESTRICTION_KINDS = ['curtailment', 'maintenance'] as const;
/** What was ordered for now, and what was announced. */
export const restrictionKind = publicField(z.enum(RESTRICTION_KINDS));
/** Why orders were cancelled or forward trades cut: a restriction, a link that carries less, a pair that was closed. */
export const networkCause = publicField(
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: publicField(z.literal('restriction')), restriction: operationId }),
    z.strictObject({ kind: publicField(z.literal('link')), link: linkId }),
    z.strictObject({ kind: publicField(z.literal('pair')), fromZone: zoneId, toZone: zoneId }),
  ]),
);
export const ALERT_KINDS = ['congestion', 'frequency', 'reserve', 'voltage', 'outage', 'weather', 'security'] as const;
export const alertKind = publicField(z.enum(ALERT_KINDS));
export const SEVERITIES = ['info', 'warning', 'critical'] as const;
export const severity = publicField(z.enum(SEVERITIES));
/** Mean power in W; below zero where more is fed in than taken. */
export const power = publicField(z.int().min(-1_000_000_000_000).max(1_000_000_000_000));
/** Thousandths of a Hz. */
export const frequency = publicField(z.int().min(0).max(100_000));
export const STATUS_SOURCES = ['operator', 'oracle'] as const;
/** Whose word a report is: the operator's own, or that of oracles. */
export const statusSource = publicField(z.enum(STATUS_SOURCES));
export const reference = publicField(
  z.string().regex(/^[A-Za-z0-9._:-]{1,64}$/, 'a reference of letters, digits and ._:-'),
);

/** Bytes as they stand on the wire. */
export const headerHex = publicField(z.string().regex(/^[0-9a-f]{504}$/, 'a header (wire 4.1) in hex'));
export const certificateHex = publicField(
  z
    .string()
    .max(140_000)
    .regex(/^([0-9a-f]{2})+$/, 'a certificate (wire 4.4) in hex'),
);
/** The keys of a validator set, in set order. */
export const validatorKeys = publicField(z.array(keyId).min(1).max(VALIDATORS_MAX));
/** The words with which a report is checked again: no address and no name fits in. */
export const verifierText = publicField(
  z.string().regex(/^[A-Za-z0-9 ._:/=,-]{1,200}$/, 'a command of letters, digits, spaces and ._:/=,-'),
);
/** One of the codes of wire 3.3. */
export const rejectionCode = publicField(z.string().regex(/^[a-z][A-Za-z]*\.[a-z][A-Za-z]*$/, 'a rejection code'));
/** Those who control an account together, in the order of their key ids, each once. */
export const signers = publicField(z.array(keyId).min(2).max(MULTISIG_SIGNERS_MAX));
export const threshold = publicField(z.int().min(1).max(MULTISIG_SIGNERS_MAX));

const digits = /^(0|[1-9]\d{0,29})$/;
const positiveDigits = /^[1-9]\d{0,29}$/;
/** An amount of minor units as a decimal string. */
export const amount = publicField(z.string().regex(digits, 'a whole number of minor units as a decimal string'));
export const positiveAmount = publicField(
  z.string().regex(positiveDigits, 'a positive whole number of minor units as a decimal string'),
);
/** A sum of squares of amounts. */
export const largeAmount = publicField(z.string().regex(/^(0|[1-9]\d{0,79})$/, 'a whole number as a decimal string'));
/** A change of an amount. */
export const signedAmount = publicField(
  z.string().regex(/^(0|-?[1-9]\d{0,29})$/, 'a whole number of minor units as a decimal string'),
);

const withinEnergy = (text: string): boolean => text.length <= 13 && Number(text) <= ENERGY_WH_MAX;
export const energyWh = publicField(
  z.string().regex(digits, 'whole Wh as a decimal string').refine(withinEnergy, 'at most 1e12 Wh'),
);
export const positiveEnergyWh = publicField(
  z.string().regex(positiveDigits, 'positive whole Wh as a decimal string').refine(withinEnergy, 'at most 1e12 Wh'),
);
/** How much may still flow: a share, in 0.0001, of what is rated, or Wh per delivery interval. */
export const flowLimit = publicField(
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: publicField(z.literal('share')), share: publicField(z.int().min(0).max(10_000)) }),
    z.strictObject({ kind: publicField(z.literal('energy')), wh: energyWh }),
  ]),
);
export const READING_QUALITIES = ['actual', 'estimated', 'corrected'] as const;
export const readingQuality = publicField(z.enum(READING_QUALITIES));
/** Of the reading of one meter and interval, from 1. */
export const readingVersion = publicField(z.int().min(1).max(READING_VERSIONS_MAX));
/** After so many digits of Wh a register of a meter begins again at zero. */
export const registerDigits = publicField(z.int().min(1).max(REGISTER_DIGITS_MAX));
/** What the registers of a meter show, in Wh. */
const registerWh = publicField(
  z.string().regex(/^(0|[1-9]\d{0,14})$/, `whole Wh of at most ${REGISTER_DIGITS_MAX} digits as a decimal string`),
);
export const registers = publicField(z.strictObject({ consumedWh: registerWh, producedWh: registerWh }));
/** Ticks of 0.01 THB/kWh. */
export const priceTicks = publicField(z.int().min(1).max(PRICE_TICKS_MAX));
/** Aggregated demand or supply, from the best price: at each, what is bid at it or higher, or asked at it or lower. */
export const curve = publicField(z.array(publicField(z.strictObject({ priceTicks, wh: amount }))).max(CURVE_STEPS_MAX));
/** A share or rate in units of 0.0001. */
export const ratio = publicField(z.int().min(0).max(10_000));
/** A tariff in units of 0.0001 THB/kWh. */
export const tariffRate = publicField(z.int().min(0).max(1_000_000_000));
/** Entries of the history of a position (settlement 1.2), one after the other, in base64url. */
export const historyBytes = publicField(
  z
    .string()
    .max(400_000)
    .regex(/^[A-Za-z0-9_-]*$/, 'entries of a history (settlement 1.2) in base64url'),
);
/** The siblings from a leaf up to the root. */
export const merklePath = publicField(z.array(hashHex).max(64));
/** What is numbered from 1. */
export const number = publicField(z.int().min(1).max(Number.MAX_SAFE_INTEGER));
/** A share of something, in parts of a billion. */
export const parts = publicField(z.int().min(0).max(1_000_000_000));
export const count = publicField(z.int().min(0).max(Number.MAX_SAFE_INTEGER));

export const time = publicField(
  z.string().refine((text) => parseTime(text) !== undefined, 'a time in RFC 3339, UTC, such as 2026-06-15T03:00:00Z'),
);
export const interval = publicField(
  z
    .string()
    .refine((text) => parseInterval(text) !== undefined, 'a delivery interval such as 2026-06-15T03:00:00Z/PT15M'),
);

/** `KWH:MEA-BKK-01:2026-06-15T03:00:00Z/PT15M`: the energy of one zone and delivery interval. */
function isEnergy(text: string): boolean {
  const [kwh, zone = '', ...rest] = text.split(':');
  return kwh === 'KWH' && zoneId.safeParse(zone).success && parseInterval(rest.join(':')) !== undefined;
}

/** `WATT`, or the KWH of one zone and delivery interval. */
export const asset = publicField(
  z.string().refine((text) => text === 'WATT' || isEnergy(text), 'WATT or KWH:<zone>:<delivery interval>'),
);

export const SECTORS = ['gridOperator', 'trader', 'financialInstitution', 'regulator', 'technologyProvider'] as const;
export const sector = publicField(z.enum(SECTORS));
export const ROLES = [
  'gridOperator',
  'wattIssuer',
  'registrar',
  'kycProvider',
  'marketRegulator',
  'tariffAuthority',
] as const;
/** What an organisation may do beyond acting for its own accounts. */
export const role = publicField(z.enum(ROLES));
export const KYC_STATUSES = ['pending', 'verified', 'rejected', 'expired', 'suspended'] as const;
export const kycStatus = publicField(z.enum(KYC_STATUSES));
export const side = publicField(z.enum(['bid', 'ask']));
export const TIMES_IN_FORCE = ['GTC', 'IOC', 'FOK'] as const;
/** Good till cancelled (or till its book closes), immediate or cancel, fill or kill. */
export const timeInForce = publicField(z.enum(TIMES_IN_FORCE));

export const MECHANISMS = ['continuous', 'auction'] as const;
/** How a book matches: each order as it comes, or all at once at one price when the phase ends. */
export const mechanism = publicField(z.enum(MECHANISMS));
export const MARGINAL_RULES = ['time', 'proRata'] as const;
/** Who has how much of the last price of an auction: by entry, or in proportion to quantity. */
export const marginalRule = publicField(z.enum(MARGINAL_RULES));
export const PHASES = ['forward', 'spot'] as const;
/** Whether energy is sold before its interval is delivered, or after it was metered. */
export const phase = publicField(z.enum(PHASES));

export const VALIDATOR_CHANGES = ['admit', 'suspend', 'reinstate', 'remove', 'rotateKey'] as const;
export const validatorChangeKind = publicField(z.enum(VALIDATOR_CHANGES));
export const VOTE_TYPES = ['roundChange', 'proposal', 'prepare', 'commit'] as const;
export const voteType = publicField(z.enum(VOTE_TYPES));

/** What a published report is about. */
export const REPORT_KINDS = ['market', 'reserve', 'gridFees', 'renewables', 'election', 'audit'] as const;
export const reportKind = publicField(z.enum(REPORT_KINDS));
/** When a proposal of a multi-signature account was made: the height, and its number among those of the account, from 1. */
export const timepoint = publicField(z.strictObject({ height: count, index: count }));

export type ReadingQuality = z.infer<typeof readingQuality>;
export type ReportKind = z.infer<typeof reportKind>;
export type Timepoint = z.infer<typeof timepoint>;
export type Sector = z.infer<typeof sector>;
export type Role = z.infer<typeof role>;
export type KycStatus = z.infer<typeof kycStatus>;
export type ValidatorChangeKind = z.infer<typeof validatorChangeKind>;
export type Side = z.infer<typeof side>;
export type FlowLimit = z.infer<typeof flowLimit>;
export type NetworkTarget = z.infer<typeof networkTarget>;
export type Flow = z.infer<typeof flow>;
export type NetworkCause = z.infer<typeof networkCause>;
export type RestrictionKind = z.infer<typeof restrictionKind>;
export type AlertKind = z.infer<typeof alertKind>;
export type Severity = z.infer<typeof severity>;
export type StatusSource = z.infer<typeof statusSource>;
export type Voltage = z.infer<typeof voltage>;
export type MarginalRule = z.infer<typeof marginalRule>;
export type Curve = z.infer<typeof curve>;
export type Mechanism = z.infer<typeof mechanism>;
export type Phase = z.infer<typeof phase>;
export type TimeInForce = z.infer<typeof timeInForce>;

/** The end of a delivery interval, from its start. */
export const intervalEnd = (start: number): ReturnType<typeof millis> => millis(start + INTERVAL_MS);
