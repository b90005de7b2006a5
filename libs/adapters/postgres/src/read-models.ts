import type { LedgerKind } from '@gridtokenx/protocol';
import type { LedgerReads, PublicReadModels, ReadModels } from '@gridtokenx/runtime';
import { consortiumReads } from './consortium-reads.js';
import { ledgerReads } from './ledger-reads.js';
import { publicReads } from './public-reads.js';
import { openReads } from './read-session.js';

/** What can be asked of each ledger. */
export interface ReadModelsOf {
  readonly consortium: ReadModels;
  readonly public: PublicReadModels;
}

/** The ReadModels port: the tables of the ledger of this kind. */
export function createReadModels<K extends LedgerKind>(connectionString: string, kind: K): ReadModelsOf[K];
export function createReadModels(connectionString: string, kind: LedgerKind): LedgerReads {
  const session = openReads(connectionString, kind);
  const common = ledgerReads(session, kind);
  return { ...common, ...(kind === 'consortium' ? consortiumReads(session) : publicReads(session)) };
}
