import type { Millis } from '@gridtokenx/kernel';
import type {
  Genesis,
  LedgerEvent,
  Operation,
  OperationOf,
  OperationType,
  RejectedOutcome,
} from '@gridtokenx/protocol';
import type { Speaker } from './keys.js';

/** What every operation and hook of a block may know of the block. */
export interface BlockContext {
  readonly height: number;
  /** Block time: validity, delegations, KYC. */
  readonly time: Millis;
  /** Market time: gates, expiry of orders, books. */
  readonly marketTime: Millis;
  /** Who first proposed the block: its place in the set of validators. */
  readonly proposer: number;
  /** Places in the set of the parent of those whose COMMIT stands in the parent's certificate, in order. */
  readonly parentSigners: readonly number[];
  /** Facts so far of the operation or hook that runs. */
  readonly events: LedgerEvent[];
}

/** Who asks for an operation: a key that signed it, or an account or vote in whose name a module asks. */
export interface Actor {
  /** Of the key; else a name that no key has. */
  readonly kid: string;
  readonly key: Speaker;
  /** The track of the referendum that asks, where it is one. */
  readonly track?: string;
}

export interface OperationContext extends BlockContext, Actor {
  /** As it stands now: a key may be removed earlier in the block. */
  readonly key: Speaker;
  /** Hex; an order is named by it. */
  readonly operationId: string;
  /**
   * SPEC ledger 4.6: runs an operation in the name of somebody else, under an id of its own. A refused one leaves nothing
   * behind, and the operation that asked for it may go on.
   */
  dispatch(actor: Actor, operation: Operation): RejectedOutcome | undefined;
}

export interface HookContext extends BlockContext {
  /** Entries that the hooks of this block may still work off. */
  entriesLeft: number;
  /** Counts one entry worked off; after enough of them the facts so far become an outcome. */
  worked(): void;
  /** Ends an outcome here, if there are facts for one. */
  flush(): void;
  /**
   * SPEC ledger 4.6: runs an operation in somebody's name, under this id (64 hex digits). One that would break an invariant is
   * undone and refused as quarantined: nobody's decision stops the ledger.
   */
  dispatch(actor: Actor, operation: Operation, id: string): RejectedOutcome | undefined;
}

/** One part of a ledger: its operations, and its hooks around the operations of a block. */
export interface LedgerModule<T extends OperationType = OperationType> {
  readonly name: string;
  readonly operations: readonly T[];
  /** Writes the rows that the constitution names. */
  genesis?(genesis: Genesis): void;
  /** Does what is asked, or says why not; a refused operation's changes are undone by the engine. */
  execute(context: OperationContext, operation: OperationOf<T>): RejectedOutcome | undefined;
  atStart?(context: HookContext): void;
  atEnd?(context: HookContext): void;
  /** SPEC ledger 4.5: what of its invariants does not hold over the whole state, from scratch. For tests and audits. */
  audit?(): string[];
}
