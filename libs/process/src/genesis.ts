import { readFile } from 'node:fs/promises';
import { native } from '@gridtokenx/crypto-native';
import { ConfigError } from '@gridtokenx/nest';
import { readGenesis, type LedgerIdentity, type LedgerKind } from '@gridtokenx/protocol';

export interface GenesisFile {
  readonly identity: LedgerIdentity;
  /** As it is on the disk: its hash names the ledger. */
  readonly bytes: Uint8Array;
}

/** The genesis in a file; of another kind than the process is for, `config.otherLedger`. Throws what `readGenesis` throws. */
export async function readGenesisFile(file: string, kind?: LedgerKind): Promise<GenesisFile> {
  const bytes = new Uint8Array(await readFile(file));
  const identity = readGenesis(native, bytes);
  const found: LedgerKind = identity.genesis.kind;
  if (kind !== undefined && found !== kind)
    throw new ConfigError(
      'config.otherLedger',
      `${file} is the genesis of a ${found} ledger, and this is for a ${kind} ledger`,
    );
  return { identity, bytes };
}
