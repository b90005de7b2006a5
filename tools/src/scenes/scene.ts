import { readFile } from 'node:fs/promises';
import { genesisAnchor, GridClient, type GenesisAnchor } from '@gridtokenx/client';
import { native } from '@gridtokenx/crypto-native';
import { Members } from '../replay/members.js';
import type { DevelopmentLedger } from '../system/development-ledger.js';
import type { DevelopmentPublicLedger } from '../system/development-public.js';

/** What a scene on the consortium ledger has to play with. */
export interface ConsortiumStage {
  readonly client: GridClient;
  readonly members: Members;
  readonly ledger: DevelopmentLedger;
  /** Of the genesis file that the user gave. */
  readonly anchor: GenesisAnchor;
  readonly say: (line: string) => void;
}

/** What any scene of the demo has to play with. */
export interface Stage extends ConsortiumStage {
  readonly public: PublicStage;
}

/** The same of the public ledger beside it. */
export interface PublicStage {
  readonly client: GridClient;
  readonly people: Members;
  readonly ledger: DevelopmentPublicLedger;
  readonly anchor: GenesisAnchor;
}

/** A scene shows one thing a person can do, and returns what it showed as JSON. It throws when it fails. */
export interface Scene {
  readonly name: string;
  readonly title: string;
  play(stage: Stage): Promise<Readonly<Record<string, unknown>>>;
}

export async function publicStage(url: string, ledger: DevelopmentPublicLedger): Promise<PublicStage> {
  const anchor = genesisAnchor(new Uint8Array(await readFile(ledger.genesisFile)), native);
  const client = new GridClient({ url, identity: anchor.identity, crypto: native });
  return { client, people: new Members(ledger, client, native), ledger, anchor };
}
