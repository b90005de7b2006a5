import type { Certificate, Header } from '@gridtokenx/chain';
import type { RowChange } from '@gridtokenx/domain';
import { toHex } from '@gridtokenx/kernel';

/** What a block comes to: the parts of header and certificate that whoever runs it computes. */
export interface BlockDigests {
  readonly resultsRoot: Uint8Array;
  readonly stateDigest: Uint8Array;
  readonly checkpointRoot: Uint8Array;
  readonly nextValidatorsHash: Uint8Array;
}

type Hex<T> = { readonly [K in keyof T]: string };

/** For whoever has to find out why one host computes what no other does. All bytes in hex. */
export interface DivergenceReport {
  readonly report: 'divergence';
  readonly version: 1;
  readonly ledgerId: string;
  readonly height: number;
  readonly blockHash: string;
  /** Who has signed other digests than were computed: a quorum, or the validator itself when it COMMITted. */
  readonly signedBy: 'quorum' | 'validator';
  /** Which of the four differ. */
  readonly differs: readonly (keyof BlockDigests)[];
  readonly signed: Hex<BlockDigests>;
  readonly computed: Hex<BlockDigests>;
  /** Rows that the block has changed here, in key order: canonical bytes and their hashes, `null` where there is no row. */
  readonly changes: readonly {
    readonly key: string;
    readonly old: string | null;
    readonly now: string | null;
    readonly oldHash: string;
    readonly nowHash: string;
  }[];
  readonly recover: readonly string[];
}

const FIRST: Readonly<Record<DivergenceReport['signedBy'], string>> = {
  quorum: 'The certified chain is right: a quorum computed it. Do not restart this host in a loop.',
  validator:
    'Before this start the validator computed, and signed, other results for this block. If the software was changed since, go back; if not:',
};

const RECOVER: readonly string[] = [
  'gridtokenx node replay --from genesis   finds the first block that this software computes otherwise.',
  'It finds none: the state here was damaged. gridtokenx node rollback --to <height below the one reported>, then start.',
  'It finds one: this software is not that of the others. Install their version, roll back likewise, then start.',
];

const CODES = { quorum: 'validator.diverged', validator: 'validator.halted' } as const;

/** This host computes other than a quorum certified, or than it has itself COMMITted to. It must not go on. */
export class DivergedError extends Error {
  readonly code: (typeof CODES)[DivergenceReport['signedBy']];

  constructor(readonly report: DivergenceReport) {
    const code = CODES[report.signedBy];
    const differences = report.differs.map(
      (name) => `${name} ${report.signed[name]}, computed here ${report.computed[name]}`,
    );
    const how = report.signedBy === 'quorum' ? 'certified' : 'COMMITted by this validator';
    super(`${code}: block ${report.height} is ${how} with ${differences.join('; ')}`);
    this.code = code;
    this.name = 'DivergedError';
  }
}

const hexOf = (outcome: BlockDigests): Hex<BlockDigests> => ({
  resultsRoot: toHex(outcome.resultsRoot),
  stateDigest: toHex(outcome.stateDigest),
  checkpointRoot: toHex(outcome.checkpointRoot),
  nextValidatorsHash: toHex(outcome.nextValidatorsHash),
});

/** What was signed for a block, by a quorum or by one validator. */
export interface SignedResults extends Pick<Certificate, 'blockHash' | 'resultsRoot' | 'stateDigest'> {
  readonly signedBy: DivergenceReport['signedBy'];
}

/** SPEC ledger 6.7: `undefined` when the host computed what was signed. */
export function divergenceOf(
  { ledgerId, height, checkpointRoot, nextValidatorsHash }: Header,
  { signedBy, blockHash, resultsRoot, stateDigest }: SignedResults,
  computed: BlockDigests,
  changes: () => readonly RowChange[],
): DivergenceReport | undefined {
  const signed = hexOf({ resultsRoot, stateDigest, checkpointRoot, nextValidatorsHash });
  const own = hexOf(computed);
  const differs = (Object.keys(own) as (keyof BlockDigests)[]).filter((name) => own[name] !== signed[name]);
  if (differs.length === 0) return undefined;
  return {
    report: 'divergence',
    version: 1,
    ledgerId,
    height,
    blockHash: toHex(blockHash),
    signedBy,
    differs,
    signed,
    computed: own,
    changes: changes().map(({ key, old, now, oldHash, nowHash }) => ({
      key,
      old: old === undefined ? null : toHex(old),
      now: now === undefined ? null : toHex(now),
      oldHash: toHex(oldHash),
      nowHash: toHex(nowHash),
    })),
    recover: [FIRST[signedBy], ...RECOVER],
  };
}
