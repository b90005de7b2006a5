import type { LedgerKind } from '@gridtokenx/protocol';
import type { Layout } from '@gridtokenx/tools';
import type { Machine } from '../machine.js';
import type { DeadLeader } from './dead-leader.js';
import type { Overload } from './overload.js';
import type { SystemRun } from './run.js';

/** What a bench is asked to measure; its result repeats it. */
export interface Setup {
  readonly ledger: LedgerKind;
  readonly bus: 'embedded' | 'kafka';
  /** Of validators. */
  readonly processes: number;
  readonly validators: number;
  readonly projector: Layout['projector'];
  /** Threads of each ledger process that check envelopes. */
  readonly workers: number;
  readonly entry: 'rest' | 'bus';
  /** Operations in an envelope. */
  readonly batch: number;
  readonly keys: number;
  /** Measured, after the warm-up. */
  readonly seconds: number;
}

/** What `npm run bench -- consortium --json`, or `public`, prints: the best run, all of them, and what they were made with. */
export interface SystemResult extends SystemRun, Setup {
  readonly verifyPerSecondLimit: number;
  readonly runs: readonly SystemRun[];
  readonly overload?: Overload;
  readonly deadLeader?: DeadLeader;
  /** By target, of those that this configuration is asked to meet. */
  readonly targetsMet: Readonly<Record<string, boolean>>;
  readonly machine: Machine;
  readonly commit: string;
}
