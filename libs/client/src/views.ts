import type { Outcome } from '@gridtokenx/protocol';
import type { ProblemEntry } from './problem.js';

/** What the gateway answers. Nothing here is proven: proofs are checked by `verifyOutcome` and `BlockFollower`. */

export interface OperationLink {
  readonly id: string;
  readonly href: string;
}

export interface Accepted {
  readonly operations: readonly OperationLink[];
}

export type BatchMode = 'partial' | 'all-or-nothing';

export interface BatchLine {
  /** Of the request, from 1. */
  readonly line: number;
  readonly status: 'accepted' | 'refused';
  readonly operations: readonly OperationLink[];
  readonly problem: ProblemEntry | undefined;
}

export const OPERATION_STATUSES = ['pending', 'executed', 'rejected', 'expired', 'refused'] as const;
export type OperationStatus = (typeof OPERATION_STATUSES)[number];

export interface OperationView {
  readonly id: string;
  readonly status: OperationStatus;
  /** Of the block that holds it. */
  readonly height?: number;
  readonly index?: number;
  /** Why not, when rejected, expired or refused. */
  readonly code?: string;
  readonly outcome?: Outcome;
  /** Where the inclusion proof is. */
  readonly proof?: string;
}

/** Rows as the gateway serves them: field names are those of its OpenAPI document. */
export type Row = Readonly<Record<string, unknown>>;

/** Every read says at which block height it stands. */
export interface Read extends Row {
  readonly height?: number;
}

export interface Page {
  readonly height: number | undefined;
  readonly items: readonly Row[];
  readonly next: string | undefined;
}
