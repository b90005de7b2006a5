import type { Crypto } from '@gridtokenx/crypto';
import { Prng, toBase64Url, utf8 } from '@gridtokenx/kernel';
import { identityOfKind, readGenesis, type LedgerIdentity, type PublicGenesis } from '@gridtokenx/protocol';
import { gridAmount, testPublicGenesis, type PublicTerms } from './public-genesis.js';

/** A public ledger of which all secrets are known: for tests and benchmarks that need many who sign. */
export interface TestPublicLedger {
  readonly file: Uint8Array;
  readonly identity: LedgerIdentity<PublicGenesis>;
  /** Of the keys that sign blocks. */
  readonly validatorSeeds: readonly Uint8Array[];
  /** Of the accounts that answer for them, in the same order. */
  readonly stakerSeeds: readonly Uint8Array[];
  /** Of the accounts that only have GRID. */
  readonly accountSeeds: readonly Uint8Array[];
}

export interface TestPublicOptions extends Pick<PublicTerms, 'timeMs' | 'consensus' | 'limits' | 'parameters'> {
  readonly validators: number;
  /** Accounts beside those of the validators. */
  readonly accounts: number;
  /** Whole GRID of each of them. */
  readonly gridEach?: number;
  readonly seed?: number;
}

const GRID_EACH = 1_000_000;
const BOND = 10_000;

export function testPublicLedger(crypto: Crypto, options: TestPublicOptions): TestPublicLedger {
  const { validators, accounts, gridEach = GRID_EACH, seed = 1, ...terms } = options;
  const prng = new Prng(seed);
  const seedsFor = (count: number): Uint8Array[] => Array.from({ length: count }, () => prng.bytes(32));
  const [validatorSeeds, stakerSeeds, accountSeeds] = [seedsFor(validators), seedsFor(validators), seedsFor(accounts)];
  const kid = (secret: Uint8Array): string => toBase64Url(crypto.publicKeyOf(secret));
  const stakers = stakerSeeds.map(kid);
  const genesis = testPublicGenesis({
    ...terms,
    accounts: [
      ...stakers.map((id) => ({ id, amount: gridAmount(BOND + gridEach) })),
      ...accountSeeds.map((secret) => ({ id: kid(secret), amount: gridAmount(gridEach) })),
    ],
    validators: validatorSeeds.map((secret, i) => ({
      key: kid(secret),
      account: stakers[i] ?? '',
      bond: gridAmount(BOND),
      commission: 0,
    })),
  });
  const file = utf8(JSON.stringify(genesis));
  const identity = identityOfKind(readGenesis(crypto, file), 'public');
  return { file, identity, validatorSeeds, stakerSeeds, accountSeeds };
}
