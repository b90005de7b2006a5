/** The topics of the bus: names, retention and who may write stand here once; infra is generated from this list. */
export interface Topic {
  readonly name: string;
  /** Milliseconds; `undefined` keeps records for ever. */
  readonly retentionMs?: number;
  readonly writers: readonly ('gateway' | 'validator')[];
  readonly purpose: string;
}

const DAY_MS = 86_400_000;

export const consortiumTopics = {
  operations: {
    name: 'consortium.operations',
    retentionMs: 7 * DAY_MS,
    writers: ['gateway'],
    purpose: 'signed operation envelopes, one JWS a record',
  },
  consensus: {
    name: 'consortium.consensus',
    retentionMs: DAY_MS,
    writers: ['validator'],
    purpose: 'proposals, votes, round changes, requests for blocks and envelopes and their answers',
  },
  blocks: {
    name: 'consortium.blocks',
    writers: ['validator'],
    purpose: 'certified blocks in parts of at most 8 MiB',
  },
} as const satisfies Record<string, Topic>;
