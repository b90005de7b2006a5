import type { Crypto } from '@gridtokenx/crypto';
import type { Millis } from '@gridtokenx/kernel';
import type { Envelope, Genesis, RejectionCode } from '@gridtokenx/protocol';
import type { AccountsState } from '../accounts/state.js';
import type { ValidatorsState } from '../validators/state.js';
import type { KeyRow } from './keys.js';
import type { LedgerModule } from './module.js';
import type { Store, Table } from './store.js';

/** What an envelope costs whoever signed it, on a ledger that asks for a fee. */
export interface EnvelopeFees {
  /** Whether envelopes could be paid for, on the state after the parent, each beside those asked about before it. */
  admission(time: Millis): { refusal(key: KeyRow, envelope: Envelope): RejectionCode | undefined };
  /** Takes note of what an envelope of this block costs, before the first of them runs and whatever becomes of it; refuses when it cannot be paid. */
  charge(key: KeyRow, envelope: Envelope, time: Millis): RejectionCode | undefined;
}

/** What the engine knows of every ledger: the rest of its state is between its modules. */
export interface LedgerState {
  readonly store: Store;
  readonly accounts: AccountsState;
  /** Who may sign envelopes. */
  readonly keys: Table<KeyRow>;
  readonly validators: ValidatorsState;
  readonly fees?: EnvelopeFees;
}

/** What modules may know of the ledger around them. */
export interface LedgerSurroundings {
  readonly crypto: Crypto;
  readonly ledgerId: string;
}

/** A ledger is a list of modules over a state: hooks run in the order of the list. */
export interface LedgerDefinition<G extends Genesis, S extends LedgerState> {
  state(store: Store, genesis: G, surroundings: LedgerSurroundings): S;
  modules(state: S, surroundings: LedgerSurroundings): readonly LedgerModule[];
  /** How market time runs; a ledger without a market has none of its own. */
  pace(genesis: G): { readonly start: Millis; readonly rate: number; readonly capMs?: number | undefined };
}
