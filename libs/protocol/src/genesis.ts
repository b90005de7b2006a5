import type { Crypto, Hash } from '@gridtokenx/crypto';
import { fromBase64Url, fromUtf8, parseStrictJson, toHex } from '@gridtokenx/kernel';
import { z } from 'zod';
import * as f from './fields.js';
import {
  EPOCH_BLOCKS_MAX,
  EPOCH_BLOCKS_MIN,
  NOMINATIONS_MAX,
  STAKE_MAX,
  TREASURY_ACCOUNT,
  VALIDATORS_MAX,
} from './limits.js';
import { firstMarketRules, genesisMarketRules, marketRulesFault } from './market-rules.js';
import { legsOf } from './network.js';
import { publicParameters } from './parameters.js';
import { tariffFault, zoneFault } from './tariffs/check.js';
import { tariffBook } from './tariffs/schema.js';
import type { ZonePlace } from './tariffs/terms.js';

const common = {
  version: z.literal(1),
  /** Block time of the genesis. */
  time: f.time,
  consensus: z.strictObject({
    /** Blocks are due this long after their parent while operations wait, or `beatMs` when none do. */
    intervalMs: z.int().min(1),
    beatMs: z.int().min(1),
    /** The shortest interval, when waiting operations fill a block. */
    fullIntervalMs: z.int().min(1),
    baseTimeoutMs: z.int().min(1),
    timeoutCapMs: z.int().min(1),
    /** Heights of an epoch: the validator set changes between two epochs only, and the next is fixed two blocks before. */
    epochBlocks: z.int().min(EPOCH_BLOCKS_MIN).max(EPOCH_BLOCKS_MAX),
    /** Evidence of a validator's offence is too old when it is older than this in heights and in time. */
    evidence: z.strictObject({ heights: z.int().min(1), ageMs: z.int().min(1) }),
  }),
  limits: z.strictObject({ operationsPerBlock: z.int().min(1), envelopeBytesPerBlock: z.int().min(1) }),
};

const consortiumGenesis = z.strictObject({
  ...common,
  kind: z.literal('consortium'),
  /** Market time: where it starts, how much faster than block time it runs, and the longest block interval that counts. */
  market: z.strictObject({
    start: f.time,
    rate: z.int().min(1).max(100_000),
    capMs: z.int().min(1).optional(),
    /** What its rules say otherwise than the default ones. */
    rules: genesisMarketRules.optional(),
  }),
  validators: z
    .array(z.strictObject({ key: f.keyId, organisation: f.organisationId }))
    .min(1)
    .max(VALIDATORS_MAX),
  organisations: z.array(
    z.strictObject({ id: f.organisationId, sector: f.sector, roles: z.array(f.role), keys: z.array(f.keyId) }),
  ),
  /** Accounts that exist, verified, from the start: those of grid operators that are paid fees and buy the feed-in. */
  accounts: z.array(z.strictObject({ id: f.accountId, organisation: f.organisationId })),
  /** Without a territory a zone is in one of its own; without a voltage it is on low voltage. */
  zones: z.array(
    z.strictObject({
      id: f.zoneId,
      operator: f.organisationId,
      account: f.accountId,
      territory: f.territory.optional(),
      voltage: f.voltage.optional(),
    }),
  ),
  /** How energy gets from zone to zone; without it, nowhere. Capacities are Wh per delivery interval. */
  network: z
    .strictObject({
      links: z.array(
        z.strictObject({
          id: f.linkId,
          fromZone: f.zoneId,
          toZone: f.zoneId,
          forwardWh: f.energyWh,
          backwardWh: f.energyWh,
        }),
      ),
      /** Zones between which trade is allowed, in this direction, and over which links. */
      pairs: z.array(z.strictObject({ fromZone: f.zoneId, toZone: f.zoneId, route: f.route })),
      feeders: z.array(z.strictObject({ id: f.feederId, zone: f.zoneId, capacityWh: f.energyWh })),
    })
    .optional(),
  /** Version 1 of the tariff book. */
  tariffs: tariffBook,
});

const publicGenesis = z.strictObject({
  ...common,
  kind: z.literal('public'),
  /** GRID that exists from the start, in micro-GRID; an account is the key that owns it, and the treasury is one of them. */
  accounts: z.array(z.strictObject({ id: f.gridAccount, amount: f.positiveAmount })),
  /** The validators of era 0: the key that signs blocks, the account that answers for it, its bond and its commission. */
  validators: z
    .array(
      z.strictObject({
        key: f.keyId,
        account: f.gridAccount,
        bond: f.positiveAmount,
        commission: z.int().min(0).max(1_000_000_000),
      }),
    )
    .min(1)
    .max(VALIDATORS_MAX),
  nominators: z.array(
    z.strictObject({
      account: f.gridAccount,
      bond: f.positiveAmount,
      targets: z.array(f.gridAccount).min(1).max(NOMINATIONS_MAX),
    }),
  ),
  parameters: publicParameters,
  /** The ledger whose blocks are anchored here, from its genesis file: its light client begins there. */
  consortium: z
    .strictObject({
      ledgerId: z.string().min(1).max(32),
      genesisHash: f.hashHex,
      /** Block time of its genesis. */
      time: f.time,
      epochBlocks: z.int().min(EPOCH_BLOCKS_MIN).max(EPOCH_BLOCKS_MAX),
      validators: z.array(f.keyId).min(1).max(VALIDATORS_MAX),
    })
    .optional(),
});

/**
 * The constitution of one ledger. Its hash, over the exact bytes of the file, is the parent of block 1 and names the
 * ledger; it is the trust anchor of every verifier.
 */
export const genesisSchema = z.discriminatedUnion('kind', [consortiumGenesis, publicGenesis]);

export type ConsortiumGenesis = z.infer<typeof consortiumGenesis>;
export type PublicGenesis = z.infer<typeof publicGenesis>;
export type Genesis = ConsortiumGenesis | PublicGenesis;

export type GenesisErrorCode = 'genesis.notUtf8' | 'genesis.schema' | 'genesis.inconsistent' | 'genesis.otherKind';

export class GenesisError extends Error {
  constructor(
    readonly code: GenesisErrorCode,
    message: string,
  ) {
    super(`${code}: ${message}`);
    this.name = 'GenesisError';
  }
}

/** A genesis file that was read, with the names that follow from its bytes. */
export interface LedgerIdentity<G extends Genesis = Genesis> {
  readonly genesis: G;
  readonly genesisHash: Hash;
  /** `gridtokenx-<kind>-<first 8 hex digits of the genesis hash>`: a new genesis is a new ledger. */
  readonly ledgerId: string;
}

/** SPEC wire 1.7: reads and checks a genesis file. Throws {@link GenesisError} or JsonError. */
export function readGenesis(crypto: Crypto, file: Uint8Array): LedgerIdentity {
  const text = fromUtf8(file);
  if (text === undefined) throw new GenesisError('genesis.notUtf8', 'the file is not UTF-8');
  const parsed = genesisSchema.safeParse(parseStrictJson(text));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new GenesisError('genesis.schema', `${issue?.path.join('/') ?? ''}: ${issue?.message ?? 'invalid'}`);
  }
  const genesis = parsed.data;
  const inconsistency = inconsistencyOf(crypto, genesis);
  if (inconsistency !== undefined) throw new GenesisError('genesis.inconsistent', inconsistency);
  const genesisHash = crypto.sha256(file);
  return { genesis, genesisHash, ledgerId: `gridtokenx-${genesis.kind}-${toHex(genesisHash).slice(0, 8)}` };
}

/** The same identity, known to be of this kind. */
export function identityOfKind<K extends Genesis['kind']>(
  identity: LedgerIdentity,
  kind: K,
): LedgerIdentity<Extract<Genesis, { kind: K }>> {
  if (identity.genesis.kind !== kind)
    throw new GenesisError(
      'genesis.otherKind',
      `this is the genesis of a ${identity.genesis.kind} ledger, not of a ${kind} one`,
    );
  return identity as LedgerIdentity<Extract<Genesis, { kind: K }>>;
}

function repeated(values: readonly string[]): string | undefined {
  const seen = new Set<string>();
  return values.find((value) => seen.size === seen.add(value).size);
}

/** SPEC network 1.1: a zone without a territory is one for itself. */
export const placeOfZone = ({
  id,
  territory = id,
  voltage = 'low',
}: ConsortiumGenesis['zones'][number]): ZonePlace & { readonly id: string } => ({ id, territory, voltage });

/** What a schema cannot say: names that are declared, once; keys that are points; times and shares that fit together. */
function inconsistencyOf(crypto: Crypto, genesis: Genesis): string | undefined {
  const { consensus, validators } = genesis;
  if (consensus.timeoutCapMs < consensus.baseTimeoutMs) return 'timeoutCapMs is below baseTimeoutMs';
  const twice = repeated(validators.map(({ key }) => key));
  if (twice !== undefined) return `${twice} is declared twice`;
  return genesis.kind === 'consortium'
    ? inconsistencyOfConsortium(crypto, genesis)
    : inconsistencyOfPublic(crypto, genesis);
}

function unacceptableIn(crypto: Crypto, keys: readonly string[]): string | undefined {
  const key = keys.find((one) => {
    const bytes = fromBase64Url(one);
    return bytes?.length !== 32 || !crypto.isAcceptableKey(bytes);
  });
  return key === undefined ? undefined : `${key} is not an acceptable Ed25519 public key`;
}

function inconsistencyOfConsortium(crypto: Crypto, genesis: ConsortiumGenesis): string | undefined {
  const { organisations, accounts, zones, validators, tariffs, market } = genesis;
  const declaredOrganisations = new Set(organisations.map(({ id }) => id));
  const declaredAccounts = new Set(accounts.map(({ id }) => id));
  const unknown =
    validators.find((v) => !declaredOrganisations.has(v.organisation))?.organisation ??
    accounts.find((a) => !declaredOrganisations.has(a.organisation))?.organisation ??
    zones.find((z) => !declaredOrganisations.has(z.operator))?.operator ??
    zones.find((z) => !declaredAccounts.has(z.account))?.account ??
    tariffs.entries.flatMap(({ payees }) => [payees.platform, payees.tax]).find((id) => !declaredAccounts.has(id));
  if (unknown !== undefined) return `${unknown} is named but not declared`;

  const organisationKeys = organisations.flatMap(({ keys }) => keys);
  const twice =
    repeated(organisations.map(({ id }) => id)) ??
    repeated(accounts.map(({ id }) => id)) ??
    repeated(zones.map(({ id }) => id)) ??
    repeated(organisationKeys);
  if (twice !== undefined) return `${twice} is declared twice`;
  if (tariffs.version !== 1) return 'the tariff book of a genesis is version 1';
  const tariffsFault = tariffFault(tariffs) ?? zoneFault(tariffs, zones.map(placeOfZone));
  if (tariffsFault !== undefined) return `${tariffsFault.code} at /tariffs${tariffsFault.place}: ${tariffsFault.hint}`;
  const fault = marketRulesFault(firstMarketRules(market)) ?? networkFault(genesis);
  if (fault !== undefined) return fault;
  return unacceptableIn(crypto, [...organisationKeys, ...validators.map(({ key }) => key)]);
}

/** SPEC network 1.2: zones that there are, names once, and routes that lead where they say. */
function networkFault({ zones, network }: ConsortiumGenesis): string | undefined {
  if (network === undefined) return undefined;
  const { links, pairs, feeders } = network;
  const declared = new Set(zones.map(({ id }) => id));
  const unknown = [...links, ...pairs]
    .flatMap(({ fromZone, toZone }) => [fromZone, toZone])
    .concat(feeders.map(({ zone }) => zone))
    .find((zone) => !declared.has(zone));
  if (unknown !== undefined) return `${unknown} is named but not declared`;
  const twice =
    repeated(links.map(({ id }) => id)) ??
    repeated(feeders.map(({ id }) => id)) ??
    repeated(pairs.map(({ fromZone, toZone }) => `${fromZone} to ${toZone}`));
  if (twice !== undefined) return `${twice} is declared twice`;
  const ring = links.find(({ fromZone, toZone }) => fromZone === toZone);
  if (ring !== undefined) return `${ring.id} leads nowhere`;
  const ends = new Map(links.map((link) => [link.id, link]));
  const astray = pairs.find(({ fromZone, toZone, route }) => !legsOf(fromZone, toZone, route, (id) => ends.get(id)));
  return astray && `the route from ${astray.fromZone} to ${astray.toZone} does not lead there`;
}

function inconsistencyOfPublic(crypto: Crypto, genesis: PublicGenesis): string | undefined {
  const { accounts, validators, nominators, parameters, consortium } = genesis;
  const amounts = new Map(accounts.map(({ id, amount }) => [id, BigInt(amount)]));
  const stakers = [...validators, ...nominators];
  const keys = validators.map(({ key }) => key);
  const keyAccounts = accounts.flatMap(({ id }) => (id.length === 43 ? [id] : []));
  const twice =
    repeated(accounts.map(({ id }) => id)) ??
    repeated(stakers.map(({ account }) => account)) ??
    repeated([...keys, ...keyAccounts]) ??
    repeated(consortium?.validators ?? []);
  if (twice !== undefined) return `${twice} is declared twice`;
  const minimum = BigInt(parameters['grid.existentialMinimum']);
  for (const [id, amount] of amounts) if (amount < minimum) return `${id} has less than an account must have`;
  for (const id of amounts.keys())
    if (id.length !== 43 && id !== TREASURY_ACCOUNT) return `${id} is owned by no key, and is not the treasury`;
  for (const { account, bond } of stakers) {
    const amount = amounts.get(account);
    if (amount === undefined) return `${account} is named but not declared`;
    if (amount < BigInt(bond)) return `${account} has bonded more than it has`;
  }
  const bonded = stakers.reduce((sum, { bond }) => sum + BigInt(bond), 0n);
  if (bonded > STAKE_MAX) return 'more is bonded than an election can tell apart';
  const minimumBond = BigInt(parameters['staking.minimumValidatorBond']);
  const small = validators.find(({ bond }) => BigInt(bond) < minimumBond);
  if (small !== undefined) return `${small.account} has bonded less than a validator must`;
  const candidates = new Set(validators.map(({ account }) => account));
  const stray = nominators.flatMap(({ targets }) => targets).find((target) => !candidates.has(target));
  if (stray !== undefined) return `${stray} is nominated and no validator`;
  return unacceptableIn(crypto, [...keys, ...keyAccounts, ...(consortium?.validators ?? [])]);
}
