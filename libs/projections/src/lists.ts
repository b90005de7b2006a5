/**
 * Rows of the tables that hold what has no table of its own: `facts`, lists of what happened by topic and subject; `records`, what stands, by
 * kind and id; `sums`, amounts that are added up. What each ledger writes into them is said by types of its own folder.
 */

export interface FactRow {
  readonly topic: string;
  /** What the list is about; empty where the topic has one list. */
  readonly subject: string;
  /** Among all facts of the block, from 0. */
  readonly place: number;
  readonly index: number;
  readonly operationId: Uint8Array | undefined;
  readonly body: object;
}

export interface RecordRow {
  readonly kind: string;
  /** Those of one parent are a list; empty where the kind is one list. */
  readonly parent: string;
  readonly id: string;
  /** Among the records that the block changes, from 0: the order of those that are new. */
  readonly place: number;
  /** What becomes of one that stands: `body` takes its place, or is added to it; `undefined` takes it away. */
  readonly replaces: boolean;
  readonly body: object | undefined;
  /** What there is from now on where none stands, if anything. */
  readonly fresh: object | undefined;
}

/** The sum, or `value` if that is there, becomes `change` more, and at least `least`. */
export interface SumRow {
  readonly kind: string;
  readonly id: string;
  readonly value: bigint | undefined;
  readonly change: bigint;
  readonly least: bigint;
}
