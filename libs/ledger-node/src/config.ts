import {
  anyText,
  integerBetween,
  listOf,
  oneOf,
  readConfig,
  type ConfigOption,
  type ConfigSources,
} from '@gridtokenx/nest';
import { PROCESS_OPTIONS, type ProcessConfig } from '@gridtokenx/process';

const ROLES = ['validator', 'projector'] as const;
export type LedgerRole = (typeof ROLES)[number];

const rolesOf = (text: string): readonly LedgerRole[] => {
  const roles = listOf(text).map(oneOf(...ROLES));
  if (roles.length === 0) throw new Error('at least one role is needed');
  return roles;
};

const countOf = (text: string): number => {
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < 1) throw new Error('a whole number from 1');
  return count;
};

const option = <T>(env: string, flag: string, help: string, parse: (text: string) => T): ConfigOption<T> => ({
  env,
  flag,
  help,
  parse,
});

const SPEC = {
  ...PROCESS_OPTIONS,
  roles: {
    ...option('ROLES', 'roles', 'validator, projector or both, with a comma', rolesOf),
    fallback: ROLES as readonly LedgerRole[],
  },
  keyFolder: { ...option('VALIDATOR_KEYS', 'keys', 'the folder of the validators’ key files', anyText), fallback: '' },
  signerFolder: {
    ...option(
      'SIGNER_FOLDER',
      'signer',
      'the folder of the signer record: on a disk of this host, never in a backup',
      anyText,
    ),
    fallback: '',
  },
  stateFolder: {
    ...option(
      'STATE_FOLDER',
      'state',
      'the folder of snapshots and reports of this host; without it a restart replays all blocks',
      anyText,
    ),
    fallback: '',
  },
  snapshotEvery: {
    ...option('SNAPSHOT_EVERY', 'snapshot-every', 'a snapshot is taken of each so-manyth checkpoint', countOf),
    fallback: 3,
  },
  snapshotOfferEvery: {
    ...option(
      'SNAPSHOT_OFFER_EVERY',
      'snapshot-offer-every',
      'each so-manyth snapshot is offered to others on the bus',
      countOf,
    ),
    fallback: 12,
  },
  snapshotFetchBeyond: {
    ...option(
      'SNAPSHOT_FETCH_BEYOND',
      'snapshot-fetch-beyond',
      'a snapshot of others is fetched at a start when it is so many blocks above the newest own one',
      countOf,
    ),
    fallback: 2_000,
  },
  verifyWorkers: {
    ...option(
      'VERIFY_WORKERS',
      'verify-workers',
      'threads that check envelopes and their signatures; 0: the thread of the validators',
      integerBetween(0, 64),
    ),
    fallback: 1,
  },
  statusPort: {
    ...option<number | undefined>(
      'STATUS_PORT',
      'status-port',
      'where this process tells how it stands, to this machine only; 0 takes a free port, without it there is none',
      integerBetween(0, 65_535),
    ),
    fallback: undefined,
  },
};

export const ledgerConfig = (sources: ConfigSources): LedgerConfig => readConfig(SPEC, sources);

export interface LedgerConfig extends ProcessConfig {
  readonly roles: readonly LedgerRole[];
  readonly keyFolder: string;
  readonly signerFolder: string;
  readonly stateFolder: string;
  readonly snapshotEvery: number;
  readonly snapshotOfferEvery: number;
  readonly snapshotFetchBeyond: number;
  readonly verifyWorkers: number;
  readonly statusPort: number | undefined;
}
