/** The ledgers there are: each has its topics, its genesis and its own modules. */
export const LEDGER_KINDS = ['consortium', 'public'] as const;
export type LedgerKind = (typeof LEDGER_KINDS)[number];

export interface Topic {
  readonly name: string;
  /** One where order matters, and it does on all topics so far. */
  readonly partitions: 1;
  /** Milliseconds; `undefined` keeps records for ever. */
  readonly retentionMs?: number;
  readonly writers: readonly ('gateway' | 'validator')[];
  readonly purpose: string;
}

const DAY_MS = 86_400_000;

const topicsOfKind = (kind: LedgerKind) =>
  ({
    operations: {
      name: `${kind}.operations`,
      partitions: 1,
      retentionMs: 7 * DAY_MS,
      writers: ['gateway', 'validator'],
      purpose: 'signed operation envelopes, one JWS a record; again when a validator misses one',
    },
    consensus: {
      name: `${kind}.consensus`,
      partitions: 1,
      retentionMs: DAY_MS,
      writers: ['validator'],
      purpose: 'proposals, votes, round changes, requests for blocks and envelopes, and blocks asked for',
    },
    blocks: {
      name: `${kind}.blocks`,
      partitions: 1,
      writers: ['validator'],
      purpose: 'certified blocks in parts of at most 8 MiB',
    },
    snapshots: {
      name: `${kind}.snapshots`,
      partitions: 1,
      retentionMs: 2 * DAY_MS,
      writers: ['validator'],
      purpose: 'snapshots of the state in parts of at most 8 MiB, each with its manifest last',
    },
  }) as const satisfies Record<string, Topic>;

export type LedgerTopics = Readonly<Record<keyof ReturnType<typeof topicsOfKind>, Topic>>;

/**
 * SPEC wire 7.1: the topics of the bus: names, partitions, retention and who may write stand here once; infra is
 * generated from this list.
 */
export const ledgerTopics: Readonly<Record<LedgerKind, LedgerTopics>> = {
  consortium: topicsOfKind('consortium'),
  public: topicsOfKind('public'),
};

/** The topics of the ledger at hand. */
export const topicsOf = (ledger: { readonly genesis: { readonly kind: LedgerKind } }): LedgerTopics =>
  ledgerTopics[ledger.genesis.kind];
