import type { GenesisAnchor, GridClient } from '@gridtokenx/client';
import type { Members } from '../replay/members.js';
import type { DevelopmentLedger } from '../system/development-ledger.js';
import type { DevelopmentPublicLedger } from '../system/development-public.js';

/** What a scene of the demo has to play with. */
export interface Stage {
  readonly client: GridClient;
  readonly members: Members;
  readonly ledger: DevelopmentLedger;
  /** Of the genesis file that the user gave. */
  readonly anchor: GenesisAnchor;
  readonly public: PublicStage;
  readonly say: (line: string) => void;
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
