import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { dropProjections, migrate } from '@gridtokenx/postgres';
import { LEDGER_KINDS } from '@gridtokenx/protocol';

const STATE = [
  'ledger',
  'public-ledger',
  'public',
  'layout.json',
  'signer',
  'state',
  'hosts',
  'postgres',
  'postgres.port',
  'population.json',
  'logs',
];

/**
 * Throws the state of a folder away, and the read models of all ledgers in a database that outlives the folder: rows of the old ledger
 * must not be served as those of the new one. Old records on a bus may stay: they name their ledger, and are skipped.
 */
export async function forget(folder: string, databaseUrl: string | undefined): Promise<void> {
  if (databaseUrl !== undefined) {
    for (const kind of LEDGER_KINDS) {
      await migrate(databaseUrl, kind);
      await dropProjections(databaseUrl, kind);
    }
  }
  for (const part of STATE) await rm(join(folder, part), { recursive: true, force: true });
}
