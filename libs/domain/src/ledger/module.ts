import type { Millis } from '@gridtokenx/kernel';
import type { Genesis, LedgerEvent, OperationOf, OperationType, RejectedOutcome } from '@gridtokenx/protocol';
import type { KeyRow } from '../registry/state.js';

/** What every operation and hook of a block may know of the block. */
export interface BlockContext {
  readonly height: number;
  /** Block time: validity, delegations, KYC. */
  readonly time: Millis;
  /** Market time: gates, expiry of orders, books. */
  readonly marketTime: Millis;
  /** How many more resting orders the orders of this block may meet: see SPEC market 3.8. */
  meetingsLeft: number;
  /** Facts so far of the operation or hook that runs. */
  readonly events: LedgerEvent[];
}

export interface OperationContext extends BlockContext {
  readonly kid: string;
  /** As it stands now: a key may be removed earlier in the block. */
  readonly key: KeyRow;
  /** Hex; an order is named by it. */
  readonly operationId: string;
}

export interface HookContext extends BlockContext {
  /** Entries that the hooks of this block may still work off. */
  entriesLeft: number;
  /** Counts one entry worked off; after enough of them the facts so far become an outcome. */
  worked(): void;
  /** Ends an outcome here, if there are facts for one. */
  flush(): void;
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
}
