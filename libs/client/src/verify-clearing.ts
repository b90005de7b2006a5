import { ClearingWatch, type ToldClearing } from '@gridtokenx/chain';
import type { GenesisAnchor } from './anchor.js';
import { BlockFollower, type RecordSource } from './follower.js';
import { LightClientError } from './light-client.js';

export type { ToldClearing, ToldFaultCode } from '@gridtokenx/chain';

/**
 * SPEC market 8.5: the clearings of one block, each with what is wrong with it, if anything: from the blocks up to it alone, each proven
 * from the user's genesis on. Throws ChainFaultError, or {@link LightClientError} when the source does not give a block.
 */
export async function verifyClearings(
  records: RecordSource,
  anchor: Pick<GenesisAnchor, 'rules' | 'tip'>,
  height: number,
): Promise<readonly ToldClearing[]> {
  const follower = new BlockFollower(anchor);
  const watch = new ClearingWatch();
  let told: readonly ToldClearing[] = [];
  for await (const { results } of follower.blocks(records, { to: height }))
    told = watch.block(results.flatMap(({ outcome }) => (outcome.status === 'executed' ? outcome.events : [])));
  if (follower.tip.height !== height)
    throw new LightClientError('light.missing', `no block of height ${follower.tip.height + 1}`);
  return told;
}
