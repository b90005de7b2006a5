import type { Crypto } from '@gridtokenx/crypto';
import type { Prng } from '@gridtokenx/kernel';
import { unreachable } from '@gridtokenx/kernel';
import type { LedgerIdentity, LedgerKind } from '@gridtokenx/protocol';
import { testConsortium } from '../consortium.js';
import { testPublicLedger } from '../public-ledger.js';
import type { Clients } from './clients.js';
import { Council, type CouncilOptions } from './council.js';
import { NoElectorate, type Electorate } from './electorate.js';
import { GridClients } from './grid-clients.js';
import { MarketClients } from './market-clients.js';

/** What of a world depends on the kind of its ledger. */
export interface Realm {
  readonly identity: LedgerIdentity;
  /** Of the keys in the set of the genesis. */
  readonly validatorSeeds: readonly Uint8Array[];
  /** Validators that may come into the set. */
  readonly spares: number;
  /** Whether a validator may change its key. */
  readonly mayRotate: boolean;
  /** Whether machines host several validators, and as many lie as may. */
  readonly isCrowded: boolean;
  clients(prng: Prng, now: () => number): Clients;
  electorate(options: Omit<CouncilOptions, 'consortium'>): Electorate;
}

interface RealmOptions {
  readonly crypto: Crypto;
  readonly prng: Prng;
  readonly validators: number;
  readonly timeMs: number;
}

/** Machines whose validators the consortium may admit. */
const SPARES = 2;
const ACCOUNTS = 8;

export function realmOf(kind: LedgerKind, options: RealmOptions): Realm {
  switch (kind) {
    case 'consortium':
      return consortiumRealm(options);
    case 'public':
      return publicRealm(options);
    default:
      return unreachable(kind);
  }
}

function consortiumRealm({ crypto, prng, validators, timeMs }: RealmOptions): Realm {
  const consortium = testConsortium(crypto, {
    validators,
    seed: prng.next(),
    areShared: true,
    timeMs,
    consensus: { epochBlocks: prng.chance(0.7) ? prng.between(3, 12) : 1_000 },
  });
  const { identity, validatorSeeds } = consortium;
  return {
    ...{ identity, validatorSeeds, spares: SPARES, mayRotate: true, isCrowded: false },
    clients: (own, now) => new MarketClients(crypto, consortium, own, now),
    electorate: (own) => new Council({ ...own, consortium }),
  };
}

function publicRealm({ crypto, prng, validators, timeMs }: RealmOptions): Realm {
  const ledger = testPublicLedger(crypto, {
    validators,
    accounts: ACCOUNTS,
    // Some hundred transfers, and it is gone.
    gridEach: 20_000,
    seed: prng.next(),
    timeMs,
    consensus: { epochBlocks: prng.between(3, 8) },
  });
  const { identity, validatorSeeds } = ledger;
  return {
    ...{ identity, validatorSeeds, spares: 0, mayRotate: false, isCrowded: true },
    clients: (own, now) => new GridClients(crypto, ledger, own, now),
    electorate: (own) => new NoElectorate(own),
  };
}
