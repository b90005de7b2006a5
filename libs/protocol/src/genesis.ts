import type { Crypto, Hash } from '@gridtokenx/crypto';
import { fromUtf8, parseStrictJson, toHex } from '@gridtokenx/kernel';
import { z } from 'zod';
import * as f from './fields.js';
import { VALIDATORS_MAX } from './limits.js';

/**
 * The constitution of one ledger. Its hash, over the exact bytes of the file, is the parent of block 1 and names the
 * ledger; it is the trust anchor of every verifier.
 */
export const genesisSchema = z.strictObject({
  version: z.literal(1),
  kind: z.enum(['consortium']),
  /** Block time of the genesis. */
  time: f.time,
  /** Market time: where it starts, how much faster than block time it runs, and the longest block interval that counts. */
  market: z.strictObject({ start: f.time, rate: z.int().min(1).max(100_000), capMs: z.int().min(1).optional() }),
  consensus: z.strictObject({
    /** Blocks are due this long after their parent while operations wait, or `beatMs` when none do. */
    intervalMs: z.int().min(1),
    beatMs: z.int().min(1),
    /** The shortest interval, when waiting operations fill a block. */
    fullIntervalMs: z.int().min(1),
    baseTimeoutMs: z.int().min(1),
    timeoutCapMs: z.int().min(1),
  }),
  limits: z.strictObject({ operationsPerBlock: z.int().min(1), envelopeBytesPerBlock: z.int().min(1) }),
  validators: z.array(z.strictObject({ key: f.keyId, organisation: f.organisationId })).min(1).max(VALIDATORS_MAX),
  organisations: z.array(
    z.strictObject({ id: f.organisationId, sector: f.sector, roles: z.array(f.role), keys: z.array(f.keyId) }),
  ),
  /** Accounts that exist, verified, from the start: those of grid operators that are paid fees and buy the feed-in. */
  accounts: z.array(z.strictObject({ id: f.accountId, organisation: f.organisationId })),
  zones: z.array(z.strictObject({ id: f.zoneId, operator: f.organisationId, account: f.accountId })),
  tariff: z.strictObject({
    version: z.int().min(1),
    /** Part of the notional, in 0.0001, and how it is shared between buyer and seller, in 0.0001. */
    gridFee: z.strictObject({ rate: f.ratio, buyerShare: f.ratio, sellerShare: f.ratio }),
    /** In 0.0001 THB/kWh. */
    feedInRate: f.tariffRate,
  }),
});

export type Genesis = z.infer<typeof genesisSchema>;

export type GenesisErrorCode = 'genesis.notUtf8' | 'genesis.schema' | 'genesis.inconsistent';

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
export interface LedgerIdentity {
  readonly genesis: Genesis;
  readonly genesisHash: Hash;
  /** `gridtokenx-<kind>-<first 8 hex digits of the genesis hash>`: a new genesis is a new ledger. */
  readonly ledgerId: string;
}

/** Reads and checks a genesis file. Throws {@link GenesisError} or JsonError. */
export function readGenesis(crypto: Crypto, file: Uint8Array): LedgerIdentity {
  const text = fromUtf8(file);
  if (text === undefined) throw new GenesisError('genesis.notUtf8', 'the file is not UTF-8');
  const parsed = genesisSchema.safeParse(parseStrictJson(text));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new GenesisError('genesis.schema', `${issue?.path.join('/') ?? ''}: ${issue?.message ?? 'invalid'}`);
  }
  const genesis = parsed.data;
  const { buyerShare, sellerShare } = genesis.tariff.gridFee;
  if (buyerShare + sellerShare !== 10_000) throw new GenesisError('genesis.inconsistent', 'the fee shares must sum to 10000');
  const organisations = new Set(genesis.organisations.map((o) => o.id));
  const accounts = new Set(genesis.accounts.map((a) => a.id));
  const unknown =
    genesis.validators.find((v) => !organisations.has(v.organisation))?.organisation ??
    genesis.accounts.find((a) => !organisations.has(a.organisation))?.organisation ??
    genesis.zones.find((z) => !organisations.has(z.operator))?.operator ??
    genesis.zones.find((z) => !accounts.has(z.account))?.account;
  if (unknown !== undefined) throw new GenesisError('genesis.inconsistent', `${unknown} is named but not declared`);
  if (new Set(genesis.validators.map((v) => v.key)).size !== genesis.validators.length)
    throw new GenesisError('genesis.inconsistent', 'two validators share a key');
  const genesisHash = crypto.sha256(file);
  return { genesis, genesisHash, ledgerId: `gridtokenx-${genesis.kind}-${toHex(genesisHash).slice(0, 8)}` };
}
