import { OPERATION_TYPES, type OperationType } from './operations.js';
import type { LedgerKind } from './topics.js';

/** SPEC wire 3.1: the modules of each ledger, by what the names of their operations begin with, and single operations beside them. */
const OPERATIONS_OF: Readonly<Record<LedgerKind, readonly string[]>> = {
  consortium: [
    'accounts.',
    'registry.',
    'network.',
    'tariffs.',
    'metering.',
    'market.',
    'settlement.',
    'validators.',
    'multisig.',
  ],
  public: [
    'grid.',
    'parameters.',
    'staking.',
    'governance.',
    'treasury.',
    'transparency.',
    'multisig.',
    'validators.rejoin',
    'validators.reportEquivocation',
  ],
};

const operationsOf = (kind: LedgerKind): ReadonlySet<OperationType> =>
  new Set(OPERATION_TYPES.filter((type) => OPERATIONS_OF[kind].some((name) => type.startsWith(name))));

export const ledgerOperations: Readonly<Record<LedgerKind, ReadonlySet<OperationType>>> = {
  consortium: operationsOf('consortium'),
  public: operationsOf('public'),
};

/** SPEC wire 1.7: the kind stands in the id of a ledger; `undefined` for an id of no ledger of ours. */
export const kindOfLedger = (ledgerId: string): LedgerKind | undefined =>
  ledgerId.startsWith('gridtokenx-consortium-')
    ? 'consortium'
    : ledgerId.startsWith('gridtokenx-public-')
      ? 'public'
      : undefined;

/** Where a gateway serves each ledger. */
export const LEDGER_PATHS: Readonly<Record<LedgerKind, string>> = { consortium: '/v1', public: '/v1/public' };
