import type { Layout } from '@gridtokenx/tools';
import type { Machine } from '../machine.js';
import type { DeadLeader } from './dead-leader.js';
import type { Overload } from './overload.js';
import type { ConsortiumRun } from './run.js';

/** What `npm run bench -- consortium --json` prints: the best run, all of them, and what they were made with. */
export interface ConsortiumResult extends ConsortiumRun {
  readonly bus: 'embedded' | 'kafka';
  readonly processes: number;
  readonly validators: number;
  readonly projector: Layout['projector'];
  readonly workers: number;
  readonly entry: 'rest' | 'bus';
  readonly batch: number;
  readonly keys: number;
  readonly seconds: number;
  readonly verifyPerSecondLimit: number;
  readonly runs: readonly ConsortiumRun[];
  readonly overload?: Overload;
  readonly deadLeader?: DeadLeader;
  /** By target, of those that this configuration is asked to meet. */
  readonly targetsMet: Readonly<Record<string, boolean>>;
  readonly machine: Machine;
  readonly commit: string;
}
