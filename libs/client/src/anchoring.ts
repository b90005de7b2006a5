import { equalBytes, toBase64Url, toHex } from '@gridtokenx/kernel';
import { encodeCertificate, encodeHeader, epochOf, type ChainRules, type LightBlock } from '@gridtokenx/chain';
import { Aggregator, type Aggregates, type OperationOf } from '@gridtokenx/protocol';
import type { GenesisAnchor } from './anchor.js';
import { BlockFollower, type RecordSource } from './follower.js';
import type { GridClient } from './client.js';
import { LightClientError, type LightSource } from './light-client.js';
import { badAnswer } from './problem.js';

/** The operation of the public ledger that anchors a block of the consortium. `isSkip` where epochs before it are not anchored. */
export function anchorOperation(
  { header, certificate, validators, nextValidators }: LightBlock,
  isSkip = false,
): OperationOf<'transparency.anchor'> {
  const isSame = equalBytes(header.validatorsHash, header.nextValidatorsHash);
  return {
    type: 'transparency.anchor',
    header: toHex(encodeHeader(header)),
    certificate: toHex(encodeCertificate(certificate, validators.length)),
    ...(isSkip ? { validators: validators.map(toBase64Url) } : {}),
    ...(isSame ? {} : { nextValidators: nextValidators.map(toBase64Url) }),
  };
}

/** What is anchored newest, as a gateway of the public ledger tells it; `undefined` when nothing is. */
export async function newestAnchor(
  client: Pick<GridClient, 'list'>,
): Promise<{ readonly height: number; readonly hash: string } | undefined> {
  for await (const { height, hash } of client.list('/anchors', { pageSize: 1 })) {
    if (typeof height !== 'number' || typeof hash !== 'string') throw badAnswer('an anchor has a height and a hash');
    return { height, hash };
  }
  return undefined;
}

/**
 * SPEC transparency 1.7: what has to be asked of the public ledger so that, after `anchored`, it anchors `height` of the
 * consortium: the last block of each epoch between, then that block. At most `most` operations, the lowest first: who wants
 * more asks again from the last one. Throws {@link LightClientError} when the source does not give a block.
 */
export async function anchorOperations(
  source: Pick<LightSource, 'lightBlock'>,
  { epochBlocks }: Pick<ChainRules, 'epochBlocks'>,
  anchored: number,
  height: number,
  most: number,
): Promise<{ readonly height: number; readonly operation: OperationOf<'transparency.anchor'> }[]> {
  const heights: number[] = [];
  for (let at = anchored; at < height && heights.length < most; heights.push(at))
    at = Math.min((epochOf(at + 1, epochBlocks) + 1) * epochBlocks, height);
  const found = [];
  for (const at of heights) {
    const block = await source.lightBlock(at);
    if (block?.header.height !== at) throw new LightClientError('light.missing', `no light block of height ${at}`);
    found.push({ height: at, operation: anchorOperation(block) });
  }
  return found;
}

/**
 * SPEC transparency 3.6: what the blocks of a range come to, each proven from the user's genesis on; its last block has the
 * hash that is returned, to be compared with the anchored one. Throws ChainFaultError, or {@link LightClientError} when the
 * source does not give a block.
 */
export async function recomputeAggregates(
  records: RecordSource,
  anchor: Pick<GenesisAnchor, 'rules' | 'tip'>,
  fromHeight: number,
  toHeight: number,
): Promise<{ readonly aggregates: Aggregates; readonly hash: string }> {
  const follower = new BlockFollower(anchor);
  let counted = new Aggregator(1);
  for await (const { height, results } of follower.blocks(records, { to: toHeight })) {
    if (height === fromHeight) {
      const { wattReserve, wattSupply } = counted.aggregates;
      counted = new Aggregator(height, { wattReserve: BigInt(wattReserve), wattSupply: BigInt(wattSupply) });
    }
    counted.add(results.map(({ outcome }) => outcome));
  }
  const { height, hash } = follower.tip;
  if (height !== toHeight) throw new LightClientError('light.missing', `no block of height ${height + 1}`);
  return { aggregates: counted.aggregates, hash: toHex(hash) };
}
