import type { Crypto } from '@gridtokenx/crypto';
import { unreachable } from '@gridtokenx/kernel';
import { identityOfKind, type LedgerIdentity } from '@gridtokenx/protocol';
import { defineLedger, type DefinedLedger, type Ledger } from '../ledger/engine.js';
import { consortiumLedger } from './consortium.js';
import { publicLedger } from './public.js';

/** The ledger that a genesis is of, without a row. */
export function emptyLedger(crypto: Crypto, identity: LedgerIdentity): DefinedLedger {
  const { kind } = identity.genesis;
  switch (kind) {
    case 'consortium':
      return defineLedger(consortiumLedger, crypto, identityOfKind(identity, kind));
    case 'public':
      return defineLedger(publicLedger, crypto, identityOfKind(identity, kind));
    default:
      return unreachable(kind);
  }
}

/** The ledger that a genesis is of, in the state of the genesis. */
export function createLedger(crypto: Crypto, identity: LedgerIdentity): Ledger {
  const ledger = emptyLedger(crypto, identity);
  ledger.begin();
  return ledger;
}
