import { chainRules } from '@gridtokenx/chain';
import type { Crypto } from '@gridtokenx/crypto';
import { toHex } from '@gridtokenx/kernel';
import { topicsOf, type LedgerIdentity } from '@gridtokenx/protocol';
import { BlockExecutor } from './block-executor.js';
import { BlockReader, type VerifiedBlock } from './block-records.js';
import { DivergedError, type DivergenceReport } from './divergence.js';
import { EnvelopePool } from './envelope-pool.js';
import type { Log } from './ports.js';
import { readToEnd } from './read-to-end.js';
import type { SnapshotStart } from './snapshot-start.js';

export interface ReplayOptions {
  readonly crypto: Crypto;
  readonly identity: LedgerIdentity;
  readonly log: Log;
  readonly start: SnapshotStart;
  /** The last height to be run. */
  readonly to?: number;
  readonly onBlock?: (height: number) => void;
}

export interface Replay {
  readonly from: number;
  readonly height: number;
  readonly stateDigest: string;
  readonly divergence: (DivergenceReport & { readonly outcome: OtherOutcome | undefined }) | undefined;
}

/** The first outcome of a block that is another one here. */
export interface OtherOutcome {
  readonly index: number;
  /** Zero of a hook. */
  readonly operationId: string;
  readonly certified: string | null;
  readonly computed: string | null;
}

/** SPEC ledger 6.8: runs certified blocks and compares all digests of each with what was certified; ends at the first difference. */
export async function replayBlocks({ crypto, identity, log, start, to, onBlock }: ReplayOptions): Promise<Replay> {
  const { ledger, tip } = start;
  const executor = new BlockExecutor({
    crypto,
    identity,
    ledger,
    pool: new EnvelopePool(),
    tip,
    onDropped: () => {},
  });
  const reader = new BlockReader(crypto, chainRules(identity), tip);
  let divergence: Replay['divergence'];
  const run = ({ block, envelopes, tip: next }: VerifiedBlock): void => {
    if (divergence !== undefined || (to !== undefined && next.height > to)) return;
    const { header, certificate } = block;
    const executed = executor.runWith(certificate.blockHash, block, envelopes);
    try {
      executor.commit(header, certificate, executed);
      onBlock?.(header.height);
    } catch (error) {
      if (!(error instanceof DivergedError)) throw error;
      divergence = { ...error.report, outcome: otherOutcome(block.outcomes, executed.execution) };
    }
  };
  const read = (from: number): Promise<number> =>
    readToEnd(log, topicsOf(identity).blocks.name, from, (records) => {
      for (const record of records) for (const verified of reader.push(record)) run(verified);
    });
  await read(start.blocksOffset);
  if (start.blocksOffset > 0 && reader.isMissingNext) await read(0);
  const { height, stateDigest } = executor.tip;
  return { from: tip.height, height, stateDigest: toHex(stateDigest), divergence };
}

const textOf = (bytes: Uint8Array | undefined): string | null =>
  bytes === undefined ? null : Buffer.from(bytes).toString();

function otherOutcome(
  certified: VerifiedBlock['block']['outcomes'],
  { results }: { readonly results: VerifiedBlock['results'] },
): OtherOutcome | undefined {
  for (let index = 0; index < Math.max(certified.length, results.length); index++) {
    const [theirs, ours] = [certified[index]?.bytes, results[index]?.outcome];
    if (theirs !== undefined && ours !== undefined && Buffer.compare(theirs, ours) === 0) continue;
    const operationId = toHex(results[index]?.operationId ?? new Uint8Array(32));
    return { index, operationId, certified: textOf(theirs), computed: textOf(ours) };
  }
  return undefined;
}
